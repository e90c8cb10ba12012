//! INSERT, UPDATE, DELETE.

use super::Parser;
use crate::ast::{
    AssignTarget, Assignment, ConflictTarget, ConflictUpdate, Delete, Expr, ExprKind, Insert, OnConflict, Overriding,
    Statement, TableFactor, Update, With,
};
use crate::keywords::kw;
use rustydb_base::Result;

impl Parser<'_> {
    /// After WITH, at INSERT.
    pub(super) fn insert(&mut self, with: Option<With>) -> Result<Statement> {
        let pos = self.bump().start;
        self.expect(kw::INTO)?;
        let table = self.qualified_name()?;
        let alias = if self.eat(kw::AS) { Some(self.col_id()?) } else { None };
        let mut insert = Insert {
            with,
            table,
            alias,
            columns: vec![],
            overriding: Overriding::No,
            source: None,
            on_conflict: None,
            returning: vec![],
            pos,
        };
        // A parenthesis begins either the column list or a query in parentheses.
        if self.at_ch(b'(') && !self.query_parens_ahead() {
            insert.columns = self.paren_list(Self::assign_target)?;
        }
        if self.eat(kw::OVERRIDING) {
            insert.overriding = if self.eat(kw::USER) {
                Overriding::User
            } else {
                self.expect(kw::SYSTEM)?;
                Overriding::System
            };
            self.expect(kw::VALUE)?;
        }
        let bare = insert.columns.is_empty() && insert.overriding == Overriding::No;
        if bare && self.eat(kw::DEFAULT) {
            self.expect(kw::VALUES)?;
        } else if self.at_query() || self.at_ch(b'(') {
            insert.source = Some(Box::new(self.query()?));
        } else {
            return self.unexpected();
        }
        if self.at(kw::ON) {
            insert.on_conflict = Some(self.on_conflict()?);
        }
        insert.returning = self.opt_returning()?;
        Ok(Statement::Insert(Box::new(insert)))
    }
    /// At parentheses: whether the first thing in them that is not a parenthesis begins a query.
    fn query_parens_ahead(&mut self) -> bool {
        let mut n = 0;
        while n < 10_000 && self.peek_ch(n, b'(') {
            n += 1;
        }
        let t = self.peek(n);
        // `values` is also a column's name.
        if Self::at_kw(t, kw::VALUES) {
            return self.peek_ch(n + 1, b'(');
        }
        [kw::SELECT, kw::WITH, kw::TABLE].iter().any(|k| Self::at_kw(t, *k))
    }
    pub(super) fn assign_target(&mut self) -> Result<AssignTarget> {
        let column = self.col_id()?;
        Ok(AssignTarget { column, steps: self.steps()? })
    }
    fn on_conflict(&mut self) -> Result<OnConflict> {
        let pos = self.bump().start;
        self.expect(kw::CONFLICT)?;
        let mut target = None;
        if self.at_ch(b'(') {
            let at = self.pos();
            let elements = self.paren_list(Self::index_element)?;
            let filter = if self.eat(kw::WHERE) { Some(self.expr()?) } else { None };
            target = Some(ConflictTarget::Index { elements, filter, pos: at });
        } else if self.eat(kw::ON) {
            self.expect(kw::CONSTRAINT)?;
            target = Some(ConflictTarget::Constraint(self.col_id()?));
        }
        self.expect(kw::DO)?;
        if self.eat(kw::NOTHING) {
            return Ok(OnConflict { target, update: None, pos });
        }
        self.expect(kw::UPDATE)?;
        self.expect(kw::SET)?;
        let set = self.comma_list(Self::assignment)?;
        let filter = if self.eat(kw::WHERE) { Some(self.expr()?) } else { None };
        if target.is_none() {
            let e = self.error_at("ON CONFLICT DO UPDATE requires inference specification or constraint name", pos);
            return Err(e.hint("For example, ON CONFLICT (column_name)."));
        }
        Ok(OnConflict { target, update: Some(ConflictUpdate { set, filter }), pos })
    }
    pub(super) fn assignment(&mut self) -> Result<Assignment> {
        if self.at_ch(b'(') {
            let targets = self.paren_list(Self::assign_target)?;
            self.expect_ch(b'=')?;
            return Ok(Assignment::Many(targets, self.expr()?));
        }
        let target = self.assign_target()?;
        self.expect_ch(b'=')?;
        Ok(Assignment::One(target, self.expr()?))
    }

    /// After WITH, at UPDATE.
    pub(super) fn update(&mut self, with: Option<With>) -> Result<Statement> {
        let pos = self.bump().start;
        let table = self.dml_table()?;
        self.expect(kw::SET)?;
        let set = self.comma_list(Self::assignment)?;
        let from = if self.eat(kw::FROM) { self.comma_list(Self::table_ref)? } else { vec![] };
        let filter = self.where_or_current()?;
        let returning = self.opt_returning()?;
        Ok(Statement::Update(Box::new(Update { with, table, set, from, filter, returning, pos })))
    }
    /// After WITH, at DELETE.
    pub(super) fn delete(&mut self, with: Option<With>) -> Result<Statement> {
        let pos = self.bump().start;
        self.expect(kw::FROM)?;
        let table = self.dml_table()?;
        let using = if self.eat(kw::USING) { self.comma_list(Self::table_ref)? } else { vec![] };
        let filter = self.where_or_current()?;
        let returning = self.opt_returning()?;
        Ok(Statement::Delete(Box::new(Delete { with, table, using, filter, returning, pos })))
    }
    /// A table with an alias that is not the word SET.
    pub(super) fn dml_table(&mut self) -> Result<TableFactor> {
        let mut t = self.relation_expr()?;
        let as_word = self.eat(kw::AS);
        if as_word || (self.is_col_id_here() && !self.at(kw::SET)) {
            t.alias = Some(crate::ast::Alias { name: self.col_id()?, columns: vec![] });
        }
        Ok(t)
    }
    fn where_or_current(&mut self) -> Result<Option<Expr>> {
        if !self.eat(kw::WHERE) {
            return Ok(None);
        }
        if self.at(kw::CURRENT) && self.peek_at(1, kw::OF) {
            let pos = self.bump().start;
            self.bump();
            return Ok(Some(Expr::new(ExprKind::CurrentOf(self.col_id()?), pos)));
        }
        Ok(Some(self.expr()?))
    }
}
