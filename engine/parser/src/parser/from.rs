//! FROM: tables, functions, queries, joins.

use super::Parser;
use crate::ast::{
    Alias, AsOf, AsOfKind, Expr, FieldDef, FunctionTable, Join, JoinCondition, JoinKind, Query, Sample, SubqueryTable,
    TableFunction, TableRef,
};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::Result;

/// What a pair of parentheses in FROM holds.
enum Inner {
    Query(Query),
    Join(TableRef),
}

impl Parser<'_> {
    /// An element of FROM, with the joins after it.
    pub(super) fn table_ref(&mut self) -> Result<TableRef> {
        self.enter()?;
        let left = self.table_primary()?;
        self.joins(left)
    }

    fn at_join(&self) -> bool {
        self.at_any(&[kw::JOIN, kw::INNER, kw::LEFT, kw::RIGHT, kw::FULL, kw::CROSS, kw::NATURAL])
    }
    /// The joins after a table, leaning left.
    fn joins(&mut self, mut left: TableRef) -> Result<TableRef> {
        let mut count = 0;
        while self.at_join() {
            // Joins nest in memory; far beyond any real query this is an attack.
            count += 1;
            if count > 1000 {
                return Err(super::too_deep());
            }
            left = self.join(left)?;
        }
        Ok(left)
    }
    fn join(&mut self, left: TableRef) -> Result<TableRef> {
        self.enter()?;
        self.grow()?;
        let pos = self.pos();
        if self.eat(kw::CROSS) {
            self.expect(kw::JOIN)?;
            let right = self.table_primary()?;
            return Ok(join(JoinKind::Cross, left, right, JoinCondition::None, pos));
        }
        let natural = self.eat(kw::NATURAL);
        let kind = self.join_kind()?;
        let mut right = self.table_primary()?;
        if natural {
            return Ok(join(kind, left, right, JoinCondition::Natural, pos));
        }
        // `a JOIN b JOIN c ON … ON …`: a join without its condition yet takes the joins that follow into its right side.
        while self.at_join() {
            right = self.join(right)?;
        }
        let condition = if self.eat(kw::ON) {
            JoinCondition::On(self.expr()?)
        } else if self.eat(kw::USING) {
            let columns = self.paren_list(Self::col_id)?;
            let alias = if self.eat(kw::AS) { Some(self.col_id()?) } else { None };
            JoinCondition::Using(columns, alias)
        } else {
            return self.unexpected();
        };
        Ok(join(kind, left, right, condition, pos))
    }
    fn join_kind(&mut self) -> Result<JoinKind> {
        let kind = if self.eat(kw::INNER) {
            JoinKind::Inner
        } else if self.at_any(&[kw::LEFT, kw::RIGHT, kw::FULL]) {
            let k = self.bump().kw;
            self.eat(kw::OUTER);
            match k {
                kw::LEFT => JoinKind::Left,
                kw::RIGHT => JoinKind::Right,
                _ => JoinKind::Full,
            }
        } else {
            JoinKind::Inner
        };
        self.expect(kw::JOIN)?;
        Ok(kind)
    }

    fn table_primary(&mut self) -> Result<TableRef> {
        self.enter()?;
        let pos = self.pos();
        if self.at_ch(b'(') {
            return match self.table_parens()? {
                Inner::Query(q) => self.derived(q, false, pos),
                Inner::Join(t) => {
                    let alias = self.opt_alias()?;
                    Ok(with_alias(t, alias))
                }
            };
        }
        if self.eat(kw::LATERAL) {
            if self.at_ch(b'(') {
                let q = self.query_in_parens()?;
                return self.derived(q, true, pos);
            }
            if self.at_json_table() {
                return self.json_table(true, pos);
            }
            if self.at(kw::XMLTABLE) && self.peek_ch(1, b'(') {
                return self.xml_table(true, pos);
            }
            return self.function_table(true, pos);
        }
        if self.at(kw::XMLTABLE) && self.peek_ch(1, b'(') {
            return self.xml_table(false, pos);
        }
        if self.at_json_table() {
            return self.json_table(false, pos);
        }
        if self.at(kw::ROWS) && self.peek_at(1, kw::FROM) {
            return self.function_table(false, pos);
        }
        if !self.at(kw::ONLY) && self.at_function() {
            return self.function_table(false, pos);
        }
        let mut table = self.relation_expr()?;
        if self.at(kw::AS) && self.peek_at(1, kw::OF) && self.as_of_follows() {
            self.bump();
            self.bump();
            table.as_of = Some(Box::new(self.as_of()?));
        }
        table.alias = self.opt_alias()?;
        if self.eat(kw::TABLESAMPLE) {
            let method = self.func_name()?;
            let args = self.paren_list(Self::expr)?;
            let mut repeatable = None;
            if self.eat(kw::REPEATABLE) {
                self.expect_ch(b'(')?;
                repeatable = Some(self.expr()?);
                self.expect_ch(b')')?;
            }
            table.sample = Some(Sample { method, args, repeatable });
        }
        Ok(TableRef::Table(Box::new(table)))
    }

    /// Whether the words behind AS OF make it a time of the past, not an alias named "of".
    fn as_of_follows(&mut self) -> bool {
        let t = self.peek(2);
        self.peek_at(2, kw::TIMESTAMP)
            || (self.peek_at(2, kw::SYSTEM) && self.peek_at(3, kw::TIME))
            || (t.kind == T::Word && self.text(t).eq_ignore_ascii_case("scn"))
    }

    /// A time of the past, behind AS OF or FLASHBACK TABLE … TO.
    pub(super) fn as_of(&mut self) -> Result<AsOf> {
        let kind = if self.eat(kw::TIMESTAMP) {
            AsOfKind::Timestamp
        } else if self.eat(kw::SYSTEM) {
            self.expect(kw::TIME)?;
            AsOfKind::SystemTime
        } else if self.eat_word("scn") {
            AsOfKind::Scn
        } else {
            return self.unexpected();
        };
        Ok(AsOf { kind, value: self.expr()? })
    }

    /// `( … )` in FROM: a query, or a join.
    fn table_parens(&mut self) -> Result<Inner> {
        self.enter()?;
        self.expect_ch(b'(')?;
        let inner = if self.at_query() {
            Inner::Query(self.query()?)
        } else if self.at_ch(b'(') {
            let inner_pos = self.pos();
            match self.table_parens()? {
                Inner::Query(q) if self.at_ch(b')') => Inner::Query(q),
                Inner::Query(q) if self.at_query_tail() => Inner::Query(self.query_after(q)?),
                Inner::Query(q) => {
                    let t = self.derived(q, false, inner_pos)?;
                    Inner::Join(self.joins(t)?)
                }
                Inner::Join(t) => {
                    let alias = self.opt_alias()?;
                    let t = with_alias(t, alias);
                    Inner::Join(self.joins(t)?)
                }
            }
        } else {
            Inner::Join(self.table_ref()?)
        };
        // Parentheses in FROM hold a query or a join, never a lone table.
        if let Inner::Join(t) = &inner
            && !matches!(t, TableRef::Join(_))
        {
            return self.unexpected();
        }
        self.expect_ch(b')')?;
        Ok(inner)
    }
    fn derived(&mut self, q: Query, lateral: bool, pos: u32) -> Result<TableRef> {
        let Some(alias) = self.opt_alias()? else {
            // The grammar accepts the query alone; PostgreSQL 15 then says what is missing.
            let (message, hint) = match q.body {
                crate::ast::QueryBody::Values(_) => {
                    ("VALUES in FROM must have an alias", "For example, FROM (VALUES ...) [AS] foo.")
                }
                _ => ("subquery in FROM must have an alias", "For example, FROM (SELECT ...) [AS] foo."),
            };
            return Err(self.error_at(message, pos).hint(hint));
        };
        Ok(TableRef::Query(Box::new(SubqueryTable { lateral, query: Box::new(q), alias, pos })))
    }

    /// Whether a function call begins here: a name and a parenthesis, or a keyword that is a call.
    fn at_function(&mut self) -> bool {
        if self.at_any(&[
            kw::CURRENT_DATE,
            kw::CURRENT_TIME,
            kw::CURRENT_TIMESTAMP,
            kw::LOCALTIME,
            kw::LOCALTIMESTAMP,
            kw::CURRENT_ROLE,
            kw::CURRENT_USER,
            kw::USER,
            kw::SESSION_USER,
            kw::CURRENT_CATALOG,
            kw::CURRENT_SCHEMA,
            kw::COLLATION,
        ]) {
            return true;
        }
        let mut n = 0;
        if !Self::is_label(self.tok) {
            return false;
        }
        while self.peek_ch(n + 1, b'.') && n < 200 {
            n += 2;
        }
        self.peek_ch(n + 1, b'(')
    }
    fn function_table(&mut self, lateral: bool, pos: u32) -> Result<TableRef> {
        let rows_from = self.eat_seq(&[kw::ROWS, kw::FROM]);
        let functions = if rows_from {
            self.paren_list(|p| {
                let call = p.function_call()?;
                let columns = if p.eat(kw::AS) { p.paren_list(Self::field_def)? } else { vec![] };
                Ok(TableFunction { call, columns })
            })?
        } else {
            vec![TableFunction { call: self.function_call()?, columns: vec![] }]
        };
        let ordinality = self.eat_seq(&[kw::WITH, kw::ORDINALITY]);
        let (alias, columns) = self.function_alias()?;
        Ok(TableRef::Function(Box::new(FunctionTable {
            lateral,
            functions,
            rows_from,
            ordinality,
            alias,
            columns,
            pos,
        })))
    }
    /// A call without aggregate or window clauses.
    pub(super) fn function_call(&mut self) -> Result<Expr> {
        if let Some(e) = self.special_function()? {
            return Ok(e);
        }
        let pos = self.pos();
        let name = self.func_name()?;
        if !self.at_ch(b'(') {
            return self.unexpected();
        }
        let f = self.application(name)?;
        Ok(Expr::new(crate::ast::ExprKind::Func(Box::new(f)), pos))
    }
    fn function_alias(&mut self) -> Result<(Option<Alias>, Vec<FieldDef>)> {
        let as_word = self.eat(kw::AS);
        if as_word && self.at_ch(b'(') {
            return Ok((None, self.paren_list(Self::field_def)?));
        }
        if !as_word && !self.is_col_id_here() {
            return Ok((None, vec![]));
        }
        let name = self.col_id()?;
        if self.at_ch(b'(') && !(self.peek_ch(2, b',') || self.peek_ch(2, b')')) {
            let columns = self.paren_list(Self::field_def)?;
            return Ok((Some(Alias { name, columns: vec![] }), columns));
        }
        let columns = self.opt_column_list()?;
        Ok((Some(Alias { name, columns }), vec![]))
    }
    /// `name type [COLLATE c]`.
    pub(super) fn field_def(&mut self) -> Result<FieldDef> {
        let name = self.col_id()?;
        let ty = self.type_name()?;
        let collation = if self.eat(kw::COLLATE) { Some(self.qualified_name()?) } else { None };
        Ok(FieldDef { name, ty, collation })
    }
}

fn join(kind: JoinKind, left: TableRef, right: TableRef, condition: JoinCondition, pos: u32) -> TableRef {
    TableRef::Join(Box::new(Join { kind, left, right, condition, alias: None, pos }))
}

fn with_alias(mut t: TableRef, alias: Option<Alias>) -> TableRef {
    if let (TableRef::Join(j), Some(_)) = (&mut t, &alias) {
        j.alias = alias;
    }
    t
}
