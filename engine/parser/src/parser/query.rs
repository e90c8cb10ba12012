//! SELECT, VALUES, TABLE, set operations and the clauses around them.

use super::Parser;
use crate::ast::{
    ColumnRef, Cte, CteCycle, CteSearch, Distinct, Expr, ExprKind, GroupItem, Ident, IntoClause, Literal, LockStrength,
    LockWait, Locking, NO_POS, Persistence, Query, QueryBody, Select, SetOp, SetOpKind, SortBy, TableFactor, TableRef,
    Target, With,
};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::Result;

/// Clauses that follow a query's body.
#[derive(Default)]
struct Tail {
    order_by: Vec<SortBy>,
    order_pos: u32,
    limit: Option<Expr>,
    limit_pos: Option<u32>,
    with_ties: bool,
    offset: Option<Expr>,
    offset_pos: Option<u32>,
    locking: Vec<Locking>,
}

impl Parser<'_> {
    /// Whether a query begins here, parentheses aside.
    pub(super) fn at_query(&self) -> bool {
        self.at_any(&[kw::SELECT, kw::VALUES, kw::WITH, kw::TABLE])
    }
    /// Whether a query that ended here could go on.
    pub(super) fn at_query_tail(&self) -> bool {
        self.at_any(&[kw::UNION, kw::INTERSECT, kw::EXCEPT, kw::ORDER, kw::LIMIT, kw::OFFSET, kw::FETCH, kw::FOR])
    }
    /// `(query)`, with any number of parentheses.
    pub(super) fn query_in_parens(&mut self) -> Result<Query> {
        self.enter()?;
        self.expect_ch(b'(')?;
        let q = self.query()?;
        self.expect_ch(b')')?;
        Ok(q)
    }
    /// A query with everything before and after it.
    pub(super) fn query(&mut self) -> Result<Query> {
        self.enter()?;
        let with = self.opt_with()?;
        self.query_with(with)
    }
    /// The query after a WITH clause that was read.
    pub(super) fn query_with(&mut self, with: Option<With>) -> Result<Query> {
        let body = self.set_operations(0)?;
        let tail = self.tail()?;
        self.finish(with, body, tail)
    }
    /// What may follow a query that stood in parentheses.
    pub(super) fn query_after(&mut self, first: Query) -> Result<Query> {
        let q = self.more_set_operations(first, 0)?;
        let tail = self.tail()?;
        self.finish(None, q, tail)
    }

    /// Puts the outer clauses on a query; one in parentheses may have some already.
    fn finish(&mut self, with: Option<With>, mut q: Query, tail: Tail) -> Result<Query> {
        if let Some(w) = with {
            if q.with.is_some() {
                return Err(self.error_at("multiple WITH clauses not allowed", w.pos));
            }
            q.pos = w.pos;
            q.with = Some(w);
        }
        if !tail.order_by.is_empty() {
            if !q.order_by.is_empty() {
                return Err(self.error_at("multiple ORDER BY clauses not allowed", tail.order_pos));
            }
            q.order_by = tail.order_by;
        }
        if let Some(e) = tail.offset {
            if q.offset.is_some() {
                return Err(self.error_at("multiple OFFSET clauses not allowed", tail.offset_pos.unwrap_or(NO_POS)));
            }
            q.offset = Some(e);
        }
        if let Some(e) = tail.limit {
            if q.limit.is_some() {
                return Err(self.error_at("multiple LIMIT clauses not allowed", tail.limit_pos.unwrap_or(NO_POS)));
            }
            if tail.with_ties {
                if q.order_by.is_empty() {
                    return Err(self.error_at("WITH TIES cannot be specified without ORDER BY clause", NO_POS));
                }
                if tail.locking.iter().any(|l| l.wait == LockWait::Skip) {
                    return Err(self.error_at("SKIP LOCKED and WITH TIES options cannot be used together", NO_POS));
                }
            }
            q.limit = Some(e);
            q.with_ties = tail.with_ties;
        }
        q.locking.extend(tail.locking);
        Ok(q)
    }

    fn set_operations(&mut self, min: u8) -> Result<Query> {
        let first = if self.at_ch(b'(') { self.query_in_parens()? } else { self.simple_query()? };
        self.more_set_operations(first, min)
    }
    /// INTERSECT (level 2) binds more tightly than UNION and EXCEPT (level 1).
    fn more_set_operations(&mut self, mut left: Query, min: u8) -> Result<Query> {
        loop {
            let t = self.tok;
            let (op, level) = match t.kw {
                _ if t.kind != T::Word => return Ok(left),
                kw::UNION => (SetOpKind::Union, 1),
                kw::EXCEPT => (SetOpKind::Except, 1),
                kw::INTERSECT => (SetOpKind::Intersect, 2),
                _ => return Ok(left),
            };
            if level <= min {
                return Ok(left);
            }
            self.bump();
            let all = self.eat(kw::ALL);
            if !all {
                self.eat(kw::DISTINCT);
            }
            self.grow()?;
            self.enter()?;
            let right = self.set_operations(level)?;
            let pos = left.pos;
            let body = QueryBody::SetOp(Box::new(SetOp {
                op,
                all,
                left: Box::new(left),
                right: Box::new(right),
                pos: t.start,
            }));
            left = Query::of(body, pos);
        }
    }

    fn simple_query(&mut self) -> Result<Query> {
        self.enter()?;
        let pos = self.pos();
        if self.eat(kw::VALUES) {
            let rows = self.comma_list(|p| p.paren_list(Self::expr))?;
            return Ok(Query::of(QueryBody::Values(rows), pos));
        }
        if self.eat(kw::TABLE) {
            let table = self.relation_expr()?;
            let star = Expr::new(ExprKind::Column(ColumnRef { parts: vec![], star: true }), NO_POS);
            let select = Select {
                distinct: Distinct::No,
                targets: vec![Target { expr: star, alias: None, pos: NO_POS }],
                from: vec![TableRef::Table(Box::new(table))],
                filter: None,
                group_by: vec![],
                group_distinct: false,
                having: None,
                windows: vec![],
                pos,
            };
            return Ok(Query::of(QueryBody::Select(Box::new(select)), pos));
        }
        self.expect(kw::SELECT)?;
        let select = self.select(pos)?;
        Ok(Query::of(QueryBody::Select(Box::new(select)), pos))
    }

    /// After SELECT.
    fn select(&mut self, pos: u32) -> Result<Select> {
        let mut distinct = Distinct::No;
        if self.eat(kw::DISTINCT) {
            distinct = if self.eat(kw::ON) { Distinct::On(self.paren_list(Self::expr)?) } else { Distinct::All };
        } else {
            self.eat(kw::ALL);
        }
        const AFTER: &[u16] = &[
            kw::FROM,
            kw::INTO,
            kw::WHERE,
            kw::GROUP,
            kw::HAVING,
            kw::WINDOW,
            kw::UNION,
            kw::INTERSECT,
            kw::EXCEPT,
            kw::ORDER,
            kw::LIMIT,
            kw::OFFSET,
            kw::FETCH,
            kw::FOR,
        ];
        let empty = self.at_end()
            || self.at_ch(b')')
            || self.at_any(AFTER)
            || (self.at(kw::ON) && self.peek_at(1, kw::CONFLICT));
        // DISTINCT needs output columns.
        let targets = if empty && distinct == Distinct::No { vec![] } else { self.target_list()? };
        if self.at(kw::INTO) {
            self.select_into(pos)?;
        }
        let from = if self.eat(kw::FROM) { self.comma_list(Self::table_ref)? } else { vec![] };
        let filter = if self.eat(kw::WHERE) { Some(self.expr()?) } else { None };
        let (mut group_by, mut group_distinct) = (vec![], false);
        if self.eat_seq(&[kw::GROUP, kw::BY]) {
            group_distinct = self.eat(kw::DISTINCT);
            if !group_distinct {
                self.eat(kw::ALL);
            }
            group_by = self.comma_list(Self::group_item)?;
        }
        let having = if self.eat(kw::HAVING) { Some(self.expr()?) } else { None };
        let mut windows = vec![];
        if self.eat(kw::WINDOW) {
            windows = self.comma_list(|p| {
                let name = p.col_id()?;
                p.expect(kw::AS)?;
                Ok((name, p.window_spec()?))
            })?;
        }
        Ok(Select { distinct, targets, from, filter, group_by, group_distinct, having, windows, pos })
    }

    pub(super) fn target_list(&mut self) -> Result<Vec<Target>> {
        self.comma_list(|p| {
            let pos = p.pos();
            if p.at_ch(b'*') {
                p.bump();
                let expr = Expr::new(ExprKind::Column(ColumnRef { parts: vec![], star: true }), pos);
                return Ok(Target { expr, alias: None, pos });
            }
            let expr = p.expr()?;
            let alias = if p.eat(kw::AS) || Self::is_bare_label(p.tok) { Some(p.label()?) } else { None };
            Ok(Target { expr, alias, pos })
        })
    }
    /// `RETURNING …`, if there.
    pub(super) fn opt_returning(&mut self) -> Result<Vec<Target>> {
        if self.eat(kw::RETURNING) { self.target_list() } else { Ok(vec![]) }
    }

    /// INTO of SELECT: kept aside until the statement is complete, see `statement`.
    fn select_into(&mut self, select_pos: u32) -> Result<()> {
        self.bump();
        let pos = self.pos();
        let persistence = self.opt_temp()?;
        self.eat(kw::TABLE);
        let name = self.qualified_name()?;
        if self.into.is_some() {
            return Err(self.error_at("SELECT ... INTO is not allowed here", pos));
        }
        self.into = Some((IntoClause { name, persistence }, select_pos, pos));
        Ok(())
    }
    /// TEMP, UNLOGGED and their spellings.
    pub(super) fn opt_temp(&mut self) -> Result<Persistence> {
        if self.at_any(&[kw::LOCAL, kw::GLOBAL]) && (self.peek_at(1, kw::TEMP) || self.peek_at(1, kw::TEMPORARY)) {
            self.bump();
        }
        Ok(if self.at_any(&[kw::TEMP, kw::TEMPORARY]) {
            self.bump();
            Persistence::Temporary
        } else if self.eat(kw::UNLOGGED) {
            Persistence::Unlogged
        } else {
            Persistence::Permanent
        })
    }

    fn group_item(&mut self) -> Result<GroupItem> {
        self.enter()?;
        let pos = self.pos();
        if self.at_ch(b'(') && self.peek_ch(1, b')') {
            self.bump();
            self.bump();
            return Ok(GroupItem::Empty(pos));
        }
        if self.at(kw::ROLLUP) && self.peek_ch(1, b'(') {
            self.bump();
            return Ok(GroupItem::Rollup(self.paren_list(Self::expr)?, pos));
        }
        if self.at(kw::CUBE) && self.peek_ch(1, b'(') {
            self.bump();
            return Ok(GroupItem::Cube(self.paren_list(Self::expr)?, pos));
        }
        if self.eat_seq(&[kw::GROUPING, kw::SETS]) {
            return Ok(GroupItem::Sets(self.paren_list(Self::group_item)?, pos));
        }
        Ok(GroupItem::Expr(self.expr()?))
    }

    fn tail(&mut self) -> Result<Tail> {
        let mut t = Tail::default();
        if self.at(kw::ORDER) {
            self.bump();
            self.expect(kw::BY)?;
            t.order_pos = self.pos();
            t.order_by = self.sort_list()?;
        }
        loop {
            if self.at(kw::FOR) {
                self.locking(&mut t)?;
            } else if t.limit_pos.is_none() && self.at_any(&[kw::LIMIT, kw::FETCH]) {
                self.limit(&mut t)?;
            } else if t.offset_pos.is_none() && self.at(kw::OFFSET) {
                self.bump();
                t.offset_pos = Some(self.pos());
                t.offset = Some(self.expr()?);
                if self.at_any(&[kw::ROW, kw::ROWS]) {
                    self.bump();
                }
            } else {
                return Ok(t);
            }
        }
    }
    fn limit(&mut self, t: &mut Tail) -> Result<()> {
        let limit_word = self.pos();
        if self.eat(kw::LIMIT) {
            t.limit_pos = Some(self.pos());
            if !self.eat(kw::ALL) {
                t.limit = Some(self.expr()?);
            }
            if self.at_ch(b',') {
                let e = self.error_at("LIMIT #,# syntax is not supported", limit_word);
                return Err(e.hint("Use separate LIMIT and OFFSET clauses."));
            }
            return Ok(());
        }
        let fetch_pos = self.bump().start;
        if !self.at_any(&[kw::FIRST, kw::NEXT]) {
            return self.unexpected();
        }
        self.bump();
        t.limit_pos = Some(self.pos());
        if self.at_any(&[kw::ROW, kw::ROWS]) {
            t.limit = Some(Expr::new(ExprKind::Literal(Literal::Integer(1)), fetch_pos));
        } else if self.at_ch(b'-') || self.at_ch(b'+') {
            let pos = self.pos();
            let negative = self.bump().kw == u16::from(b'-');
            if !matches!(self.kind(), T::Int | T::Num) {
                return self.unexpected();
            }
            let tok = self.bump();
            let mut e = self.number_literal(tok);
            e.pos = pos;
            if negative {
                match &mut e.kind {
                    ExprKind::Literal(Literal::Integer(v)) => *v = -*v,
                    ExprKind::Literal(Literal::Numeric(s)) => s.insert(0, '-'),
                    _ => {}
                }
            }
            t.limit = Some(e);
        } else {
            t.limit = Some(self.primary()?);
        }
        if !self.at_any(&[kw::ROW, kw::ROWS]) {
            return self.unexpected();
        }
        self.bump();
        if self.eat_seq(&[kw::WITH, kw::TIES]) {
            t.with_ties = true;
            return Ok(());
        }
        self.expect(kw::ONLY)
    }
    fn locking(&mut self, t: &mut Tail) -> Result<()> {
        let pos = self.bump().start;
        let strength = if self.eat(kw::UPDATE) {
            LockStrength::Update
        } else if self.eat_seq(&[kw::NO, kw::KEY, kw::UPDATE]) {
            LockStrength::NoKeyUpdate
        } else if self.eat(kw::SHARE) {
            LockStrength::Share
        } else if self.eat_seq(&[kw::KEY, kw::SHARE]) {
            LockStrength::KeyShare
        } else if self.at(kw::READ) && self.peek_at(1, kw::ONLY) && t.locking.is_empty() {
            self.bump();
            self.bump();
            return Ok(());
        } else {
            self.bump_if_lock_prefix();
            return self.unexpected();
        };
        let of = if self.eat(kw::OF) { self.comma_list(Self::qualified_name)? } else { vec![] };
        let wait = if self.eat(kw::NOWAIT) {
            LockWait::Error
        } else if self.eat_seq(&[kw::SKIP, kw::LOCKED]) {
            LockWait::Skip
        } else {
            LockWait::Block
        };
        t.locking.push(Locking { strength, of, wait, pos });
        Ok(())
    }
    /// Moves to the word that is wrong in `FOR NO x` and `FOR KEY x`, where PostgreSQL points.
    fn bump_if_lock_prefix(&mut self) {
        self.eat(kw::NO);
        self.eat(kw::KEY);
    }

    // ---- WITH ----

    pub(super) fn opt_with(&mut self) -> Result<Option<With>> {
        if !self.at(kw::WITH) {
            return Ok(None);
        }
        let pos = self.bump().start;
        let recursive = self.eat(kw::RECURSIVE);
        let ctes = self.comma_list(Self::cte)?;
        Ok(Some(With { recursive, ctes, pos }))
    }
    fn cte(&mut self) -> Result<Cte> {
        self.enter()?;
        let name = self.col_id()?;
        let columns = self.opt_column_list()?;
        self.expect(kw::AS)?;
        let materialized = if self.eat(kw::MATERIALIZED) {
            Some(true)
        } else if self.eat_seq(&[kw::NOT, kw::MATERIALIZED]) {
            Some(false)
        } else {
            None
        };
        self.expect_ch(b'(')?;
        let body = Box::new(self.preparable()?);
        self.expect_ch(b')')?;
        let names = |p: &mut Self| -> Result<Vec<Ident>> { p.comma_list(Self::col_id) };
        let mut search = None;
        if self.at(kw::SEARCH) {
            let pos = self.bump().start;
            let breadth = self.eat(kw::BREADTH);
            if !breadth {
                self.expect(kw::DEPTH)?;
            }
            self.expect(kw::FIRST)?;
            self.expect(kw::BY)?;
            let columns = names(self)?;
            self.expect(kw::SET)?;
            search = Some(CteSearch { breadth, columns, sequence: self.col_id()?, pos });
        }
        let mut cycle = None;
        if self.at(kw::CYCLE) {
            let pos = self.bump().start;
            let columns = names(self)?;
            self.expect(kw::SET)?;
            let mark = self.col_id()?;
            let mut values = None;
            if self.eat(kw::TO) {
                let to = self.primary()?;
                self.expect(kw::DEFAULT)?;
                values = Some((to, self.primary()?));
            }
            self.expect(kw::USING)?;
            cycle = Some(Box::new(CteCycle { columns, mark, values, path: self.col_id()?, pos }));
        }
        Ok(Cte { name, columns, materialized, body, search, cycle })
    }

    /// A table with ONLY or `*`, without alias.
    pub(super) fn relation_expr(&mut self) -> Result<TableFactor> {
        if self.eat(kw::ONLY) {
            let parens = self.eat_ch(b'(');
            let name = self.qualified_name()?;
            if parens {
                self.expect_ch(b')')?;
            }
            return Ok(TableFactor { name, only: true, alias: None, sample: None, as_of: None });
        }
        let name = self.qualified_name()?;
        self.eat_ch(b'*');
        Ok(TableFactor { name, only: false, alias: None, sample: None, as_of: None })
    }
}
