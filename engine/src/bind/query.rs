//! Queries around SELECT: WITH, VALUES, set operations, and FROM.

use super::Binder;
use super::resolve::Coercion;
use super::scope::{ColName, Rte, Scope, ScopeCol, named_columns};
use super::select::Clause;
use super::trace::key;
use super::types;
use crate::acl::privs;
use crate::catalog::{RelKind, Relation};
use crate::plan::ir::{Col, ColSet, Expr, ExprKind, JoinKind, OutputColumn, Query, Rel, Scan, SetOpKind, SortKey};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::TypeRef;
use rustydb_types::oid;
use std::borrow::Cow;
use std::sync::Arc;

/// System columns that can be read from a stored table.
pub(crate) const SYSTEM_COLUMNS: [(&str, i16, u32); 6] = [
    ("ctid", -1, oid::TID),
    ("xmin", -2, oid::XID),
    ("cmin", -3, oid::CID),
    ("xmax", -4, oid::XID),
    ("cmax", -5, oid::CID),
    ("tableoid", -6, oid::OID),
];

impl Binder<'_> {
    /// A statement's own query: outputs still unknown become text, unused scan columns are dropped.
    pub(crate) fn top_query(&mut self, q: &ast::Query) -> Result<Query> {
        let mut q = self.query(q)?;
        let keep: Vec<Col> = q.rel.outputs();
        prune(&mut q.rel, &keep);
        Ok(q)
    }

    /// Binds a query at any depth.
    pub(crate) fn query(&mut self, q: &ast::Query) -> Result<Query> {
        self.descend()?;
        let frames = self.ctes.len();
        let r = self.query_inner(q, frames);
        self.ctes.truncate(frames);
        self.ascend();
        r
    }

    fn query_inner(&mut self, q: &ast::Query, frames: usize) -> Result<Query> {
        let top = std::mem::take(&mut self.at_top);
        let stored_in = std::mem::take(&mut self.stored_in);
        let leave_unknown = std::mem::take(&mut self.leave_unknown);
        let ctes = match &q.with {
            Some(w) => self.with(w, top)?,
            None => Vec::new(),
        };
        let mut out = match &q.body {
            ast::QueryBody::Select(s) => {
                self.stored_in = stored_in;
                self.leave_unknown = leave_unknown;
                self.select(s, q)?
            }
            ast::QueryBody::Values(rows) => {
                let v = self.values(rows)?;
                self.order_and_limit(v, q)?
            }
            ast::QueryBody::SetOp(s) => {
                let v = self.set_op(s)?;
                self.order_and_limit(v, q)?
            }
        };
        if !ctes.is_empty() {
            out.rel = self.wrap_ctes(ctes, out.rel, frames);
        }
        Ok(out)
    }

    /// ORDER BY and LIMIT of VALUES and set operations: only outputs can be sorted by.
    fn order_and_limit(&mut self, mut q: Query, syntax: &ast::Query) -> Result<Query> {
        if let Some(l) = syntax.locking.first() {
            let what = super::select::lock_name(l.strength);
            return Err(DbError::unsupported(match syntax.body {
                ast::QueryBody::Values(_) => format!("{what} cannot be applied to VALUES"),
                _ => format!("{what} is not allowed with UNION/INTERSECT/EXCEPT"),
            }));
        }
        let outs = q.rel.outputs();
        let mut keys: Vec<SortKey> = Vec::new();
        for k in &syntax.order_by {
            let pos = self.pos(k.expr.pos);
            let i = match &k.expr.kind {
                ast::ExprKind::Literal(ast::Literal::Integer(n)) => {
                    usize::try_from(*n).ok().and_then(|n| n.checked_sub(1)).filter(|i| *i < outs.len()).ok_or_else(
                        || {
                            DbError::new(
                                SqlState::INVALID_COLUMN_REFERENCE,
                                format!("ORDER BY position {n} is not in select list"),
                            )
                            .at(pos)
                        },
                    )?
                }
                ast::ExprKind::Column(c) if c.parts.len() == 1 && !c.star => {
                    let name = &c.parts[0].value;
                    let mut hits = q.columns.iter().enumerate().filter(|(_, c)| &c.name == name).map(|(i, _)| i);
                    let first = hits.next().ok_or_else(|| {
                        DbError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")).at(pos)
                    })?;
                    if hits.next().is_some() {
                        return Err(DbError::new(
                            SqlState::AMBIGUOUS_COLUMN,
                            format!("ORDER BY \"{name}\" is ambiguous"),
                        )
                        .at(pos));
                    }
                    first
                }
                _ => {
                    return Err(DbError::unsupported("invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                        .detail("Only result column names can be used, not expressions or functions.")
                        .hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
                        .at(self.pos(k.expr.start())));
                }
            };
            let sort = self.sort_key(k, Expr::column(outs[i]))?;
            self.trace(|t| {
                t.orders.entry(key(syntax)).or_default().push((i, sort.desc, sort.nulls_first));
            });
            keys.push(sort);
        }
        if !keys.is_empty() {
            q.rel = Rel::Sort { input: Box::new(q.rel), keys: keys.clone() };
        }
        self.scopes.push(Scope::default());
        let r = self.limit(std::mem::replace(&mut q.rel, Rel::Values { cols: vec![], rows: vec![] }), syntax, keys);
        self.scopes.pop();
        q.rel = r?;
        Ok(q)
    }

    /// VALUES with any number of rows.
    pub(crate) fn values(&mut self, rows: &[Vec<ast::Expr>]) -> Result<Query> {
        self.enter_level();
        self.set_clause(Clause::Values);
        let r = self.values_inner(rows);
        self.leave_level();
        r
    }

    fn values_inner(&mut self, written: &[Vec<ast::Expr>]) -> Result<Query> {
        let rows = written.iter().map(|r| self.without_stars(r)).collect::<Result<Vec<_>>>()?;
        let width = rows.first().map_or(0, |r| r.len());
        let mut bound: Vec<Vec<Expr>> = Vec::with_capacity(rows.len());
        for r in &rows {
            if r.len() != width {
                let at = r.first().map_or(0, |e| self.pos(e.pos));
                return Err(DbError::new(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length").at(at));
            }
            bound.push(r.iter().map(|e| self.expr(e)).collect::<Result<_>>()?);
        }
        let mut cols = Vec::with_capacity(width);
        let mut columns = Vec::with_capacity(width);
        for i in 0..width {
            let common = self.common_type_of(&bound.iter().map(|r| &r[i]).collect::<Vec<_>>(), "VALUES")?;
            let mut typmod = None;
            for r in &mut bound {
                let e = std::mem::replace(&mut r[i], Expr::new(ExprKind::CaseValue, types::plain(oid::BOOL)));
                r[i] = self.to_common(e, common, "VALUES")?;
                typmod = match typmod {
                    None => Some(r[i].ty.typmod),
                    Some(t) if t == r[i].ty.typmod => Some(t),
                    Some(_) => Some(-1),
                };
            }
            let mut ty = TypeRef { typmod: typmod.unwrap_or(-1), ..types::plain(common) };
            if ty.collation != 0 {
                ty.collation = super::collation::of_items(bound.iter().map(|r| &r[i]))?;
            }
            cols.push(self.col(ty));
            columns.push(OutputColumn { name: format!("column{}", i + 1), ty, origin: (0, 0) });
        }
        self.trace(|t| {
            t.values.insert(written.as_ptr().addr(), bound.clone());
        });
        Ok(Query { rel: Rel::Values { cols, rows: bound }, columns })
    }

    fn set_op(&mut self, s: &ast::SetOp) -> Result<Query> {
        // Left-deep chains are long in practice (generated UNION ALL): walk them without recursion.
        let mut chain: Vec<&ast::SetOp> = vec![s];
        let mut left: &ast::Query = &s.left;
        while let ast::QueryBody::SetOp(inner) = &left.body {
            if left.with.is_some() || !left.order_by.is_empty() || left.limit.is_some() || left.offset.is_some() {
                break;
            }
            chain.push(inner);
            left = &inner.left;
        }
        self.leave_unknown = true;
        let mut cur = self.query(left)?;
        for op in chain.into_iter().rev() {
            self.leave_unknown = true;
            let right = self.query(&op.right)?;
            cur = self.combine(cur, right, op)?;
        }
        Ok(cur)
    }

    fn combine(&mut self, left: Query, right: Query, s: &ast::SetOp) -> Result<Query> {
        let name = match s.op {
            ast::SetOpKind::Union => "UNION",
            ast::SetOpKind::Intersect => "INTERSECT",
            ast::SetOpKind::Except => "EXCEPT",
        };
        let pos = self.pos(s.pos);
        if left.columns.len() != right.columns.len() {
            // The columns of VALUES have no place.
            let values = matches!(s.right.body, ast::QueryBody::Values(_));
            return Err(DbError::new(
                SqlState::SYNTAX_ERROR,
                format!("each {name} query must have the same number of columns"),
            )
            .at(if values { 0 } else { self.column_place(&s.right, 0) }));
        }
        let (lo, ro) = (left.rel.outputs(), right.rel.outputs());
        let (mut lx, mut rx) = (Vec::new(), Vec::new());
        let mut cols = Vec::new();
        let mut columns = Vec::new();
        for (i, (l, r)) in lo.iter().zip(&ro).enumerate() {
            // A literal that is still unknown takes the other side's type: look through to the constant.
            let le = untyped_literal(&left.rel, l.id).unwrap_or_else(|| Expr::column(*l));
            let re = untyped_literal(&right.rel, r.id).unwrap_or_else(|| Expr::column(*r));
            let common = self.common_type_of(&[&le, &re], name)?;
            let mk = |b: &mut Self, literal: Expr, c: Col| -> Result<Expr> {
                let base = if literal.ty.oid == oid::UNKNOWN { literal } else { Expr::column(c) };
                b.to_common(base, common, name)
            };
            let a = mk(self, le, *l)?;
            let b = mk(self, re, *r)?;
            let typmod = if a.ty.typmod == b.ty.typmod { a.ty.typmod } else { -1 };
            let compares = !(s.op == ast::SetOpKind::Union && s.all);
            let mut ty = TypeRef { typmod, ..types::plain(common) };
            if ty.collation != 0 {
                let source = |rel: &Rel, id: u32, e: &Expr| match super::collation::target(rel, id) {
                    Some(t) if t.ty.collation != 0 => t.clone(),
                    _ => e.clone(),
                };
                let (x, y) = (source(&left.rel, l.id, &a), source(&right.rel, r.id, &b));
                ty.collation = super::collation::of_set_op(&x, &y, compares)?;
            }
            if compares {
                self.check_equality(common, pos)?;
            }
            lx.push(a);
            rx.push(b);
            cols.push(self.col(ty));
            columns.push(OutputColumn { name: left.columns[i].name.clone(), ty, origin: (0, 0) });
        }
        self.trace(|t| {
            t.set_ops.insert(key(s), cols.iter().map(|c| c.ty).collect());
        });
        let left_rel = self.project_to(left.rel, lx);
        let right_rel = self.project_to(right.rel, rx);
        let op = match s.op {
            ast::SetOpKind::Union => SetOpKind::Union,
            ast::SetOpKind::Intersect => SetOpKind::Intersect,
            ast::SetOpKind::Except => SetOpKind::Except,
        };
        Ok(Query {
            rel: Rel::SetOp { op, all: s.all, left: Box::new(left_rel), right: Box::new(right_rel), cols },
            columns,
        })
    }

    pub(super) fn project_to(&mut self, rel: Rel, exprs: Vec<Expr>) -> Rel {
        let outs = rel.outputs();
        let plain = exprs.len() == outs.len()
            && exprs.iter().zip(&outs).all(|(e, c)| matches!(e.kind, ExprKind::Column(id) if id == c.id));
        if plain {
            return rel;
        }
        let exprs = exprs.into_iter().map(|e| (self.col(e.ty), e)).collect();
        Rel::Project { input: Box::new(rel), exprs }
    }

    /// Outputs of a subquery that are still unknown become text.
    pub(crate) fn resolve_outputs(&mut self, q: &mut Query) -> Result<()> {
        if q.columns.iter().all(|c| c.ty.oid != oid::UNKNOWN) {
            return Ok(());
        }
        let outs = q.rel.outputs();
        let mut exprs = Vec::with_capacity(outs.len());
        for (i, c) in outs.iter().enumerate() {
            let e = untyped_literal(&q.rel, c.id).unwrap_or(Expr::column(*c));
            let e = self.default_unknown(e)?;
            q.columns[i].ty = e.ty;
            exprs.push(e);
        }
        let rel = std::mem::replace(&mut q.rel, Rel::Values { cols: vec![], rows: vec![] });
        q.rel = self.project_to(rel, exprs);
        Ok(())
    }

    // ---- FROM --------------------------------------------------------------------------------------------------

    /// Binds FROM; no items give one row without columns.
    pub(crate) fn bind_from(&mut self, items: &[ast::TableRef], mode: ast::TableLockMode) -> Result<(Rel, Scope)> {
        let mut cur: Option<(Rel, Scope)> = None;
        for item in items {
            let (rel, scope, lateral) = self.table_ref(item, cur.as_ref().map(|c| &c.1), mode)?;
            cur = Some(match cur {
                None => (rel, scope),
                Some((l, mut ls)) => {
                    self.check_names(&ls, &scope, item)?;
                    ls.append(scope);
                    (
                        Rel::Join { kind: JoinKind::Inner, left: Box::new(l), right: Box::new(rel), on: None, lateral },
                        ls,
                    )
                }
            });
        }
        Ok(cur.unwrap_or_else(|| (Rel::Values { cols: vec![], rows: vec![vec![]] }, Scope::default())))
    }

    fn check_names(&self, l: &Scope, r: &Scope, item: &ast::TableRef) -> Result<()> {
        for x in &r.rtes {
            let clash = l.rtes.iter().any(|y| {
                y.name == x.name
                    && (x.schema.is_none() || y.schema.is_none() || x.schema == y.schema)
                    && !x.name.is_empty()
            });
            if clash {
                let pos = match item {
                    ast::TableRef::Table(t) => self.pos(t.name.pos()),
                    _ => 0,
                };
                return Err(DbError::new(
                    SqlState::DUPLICATE_ALIAS,
                    format!("table name \"{}\" specified more than once", x.name),
                )
                .at(pos));
            }
        }
        Ok(())
    }

    /// Binds one FROM item. `left` is what stands to its left, readable for LATERAL items. The flag says whether the
    /// item may read it.
    fn table_ref(
        &mut self,
        item: &ast::TableRef,
        left: Option<&Scope>,
        mode: ast::TableLockMode,
    ) -> Result<(Rel, Scope, bool)> {
        let found = self.table_ref_inner(item, left, mode)?;
        self.trace(|t| {
            t.items.insert(key(item), found.1.rtes.clone());
        });
        Ok(found)
    }

    fn table_ref_inner(
        &mut self,
        item: &ast::TableRef,
        left: Option<&Scope>,
        mode: ast::TableLockMode,
    ) -> Result<(Rel, Scope, bool)> {
        match item {
            ast::TableRef::Table(t) => {
                let (rel, rte) = self.table(t, mode)?;
                Ok((rel, Scope::of(rte), false))
            }
            ast::TableRef::Query(s) => {
                let locked = self.with_locks(&s.query, &s.alias.name.value);
                let query = locked.as_ref().unwrap_or(&s.query);
                let mut q = self.with_left(left, s.lateral, |b| b.query(query))?;
                self.resolve_outputs(&mut q)?;
                let rte = self.alias_outputs(&q, &s.alias.name.value, Some(&s.alias))?;
                Ok((q.rel, Scope::of(rte), s.lateral))
            }
            ast::TableRef::Function(f) => {
                let (rel, scope) = self.with_left(left, true, |b| match f.json_table() {
                    Some(j) => b.json_table(f, j),
                    None => b.function_table(f),
                })?;
                Ok((rel, scope, true))
            }
            ast::TableRef::Join(j) => {
                let (rel, scope) = self.join(j, left, mode)?;
                Ok((rel, scope, left.is_some()))
            }
        }
    }

    /// A FROM item's query with the row locks that its name gets; `None` if it gets none.
    fn with_locks(&self, query: &ast::Query, name: &str) -> Option<ast::Query> {
        let mine = |l: &&ast::Locking| l.of.is_empty() || l.of.iter().any(|n| n.name.value == name);
        let mut locks = self.from_locks.iter().filter(mine).peekable();
        if locks.peek().is_none() || matches!(query.body, ast::QueryBody::Values(_)) {
            return None;
        }
        let mut query = query.clone();
        query.locking.extend(locks.map(|l| ast::Locking { of: vec![], ..l.clone() }));
        Some(query)
    }

    /// Runs `f` with the left side visible (LATERAL) or known but not usable.
    fn with_left<T>(
        &mut self,
        left: Option<&Scope>,
        lateral: bool,
        f: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let Some(l) = left else { return f(self) };
        let scope = if lateral {
            l.clone()
        } else {
            Scope { star: vec![], rtes: vec![], invisible: l.rtes.iter().chain(&l.invisible).cloned().collect() }
        };
        self.scopes.push(scope);
        let r = f(self);
        self.scopes.pop();
        r
    }

    fn alias_outputs(&self, q: &Query, name: &str, alias: Option<&ast::Alias>) -> Result<Rte> {
        let outs = q.rel.outputs();
        let mut cols: Vec<ScopeCol> = q
            .columns
            .iter()
            .zip(&outs)
            .map(|(c, o)| ScopeCol { name: c.name.as_str().into(), col: Col { id: o.id, ty: c.ty }, origin: c.origin })
            .collect();
        self.rename(&mut cols, name, alias)?;
        Ok(Rte::computed(name.to_owned(), cols))
    }

    pub(super) fn rename(&self, cols: &mut [ScopeCol], name: &str, alias: Option<&ast::Alias>) -> Result<()> {
        let Some(a) = alias else { return Ok(()) };
        if a.columns.len() > cols.len() {
            return Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "table \"{name}\" has {} columns available but {} columns specified",
                    cols.len(),
                    a.columns.len()
                ),
            ));
        }
        for (c, n) in cols.iter_mut().zip(&a.columns) {
            c.name = n.value.as_str().into();
        }
        // Columns added since a view was kept must not be taken for those it lists.
        if a.name.value.starts_with(super::canonical::NUMBERED) {
            for i in a.columns.len()..cols.len() {
                let (before, rest) = cols.split_at_mut(i);
                let taken = |n: &str| before.iter().any(|b| b.name == n);
                if let Some(c) = rest.first_mut().filter(|c| taken(&c.name)) {
                    let free = (1..).map(|k| format!("{}_{k}", c.name)).find(|n| !taken(n));
                    c.name = free.map(ColName::from).unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    fn table(&mut self, t: &ast::TableFactor, mode: ast::TableLockMode) -> Result<(Rel, Rte)> {
        let alias = t.alias.as_ref().map_or(t.name.name.value.as_str(), |a| a.name.value.as_str()).to_owned();
        // A common table hides stored ones of its name.
        if t.name.schema.is_none()
            && let Some(i) = self.ctes.iter().rposition(|f| f.name() == t.name.name.value)
        {
            self.only_tables_sampled(t)?;
            return self.cte_reference(i, t, alias);
        }
        let rel = self.relation(&t.name).map_err(|e| self.forward_reference(&t.name, e))?;
        self.note(|_| super::define::Resolved::Relation(t.name.pos(), Arc::clone(&rel)));
        if !matches!(rel.kind, RelKind::Table | RelKind::MaterializedView) {
            self.only_tables_sampled(t)?;
        }
        if t.as_of.is_some() && !matches!(rel.kind, RelKind::Table | RelKind::MaterializedView) {
            return Err(DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                "AS OF can only be applied to tables and materialized views",
            )
            .at(self.pos(t.name.pos())));
        }
        match rel.kind {
            RelKind::Table | RelKind::MaterializedView => {
                self.uses(&rel, mode);
                let (mut scanned, mut rte) = self.table_scan(&rel, &alias, t.only, mode)?;
                let computed = self.computed(&rel, &mut rte)?;
                self.need_read(&rte, mode);
                if t.alias.is_none() {
                    rte.schema = Some(rel.schema.clone());
                }
                self.rename(&mut rte.cols, &alias, t.alias.as_ref())?;
                if let Some(a) = &t.as_of {
                    if mode != ast::TableLockMode::AccessShare {
                        return Err(DbError::new(
                            SqlState::FEATURE_NOT_SUPPORTED,
                            "rows of the past cannot be locked or changed",
                        )
                        .at(self.pos(t.name.pos())));
                    }
                    let past = self.past(a)?;
                    super::past::read_past(&mut scanned, &past)?;
                }
                if let Some(s) = &t.sample {
                    let method = s.method.name.value.as_str();
                    if !matches!(method, "system" | "bernoulli") {
                        return Err(DbError::new(
                            SqlState::UNDEFINED_OBJECT,
                            format!("tablesample method {} does not exist", s.method.plain()),
                        )
                        .at(self.pos(s.method.pos())));
                    }
                    if s.args.len() != 1 {
                        return Err(DbError::new(
                            SqlState::INVALID_TABLESAMPLE_ARGUMENT,
                            format!("tablesample method {method} requires 1 argument, not {}", s.args.len()),
                        )
                        .at(self.pos(s.method.pos())));
                    }
                    self.enter_level();
                    self.set_clause(Clause::From);
                    let r = (|| -> Result<_> {
                        let args = s.args.iter().map(|e| self.float_arg(e)).collect::<Result<Vec<_>>>()?;
                        let rep = s.repeatable.as_ref().map(|e| self.float_arg(e)).transpose()?;
                        Ok((s.method.name.value.clone(), args, rep))
                    })();
                    self.leave_level();
                    let sample = r?;
                    match &mut scanned {
                        Rel::Scan(s) => s.sample = Some(sample),
                        Rel::Append(a) => {
                            for b in &mut a.branches {
                                if let Rel::Scan(s) = &mut b.rel {
                                    s.sample = Some(sample.clone());
                                }
                            }
                        }
                        _ => return Err(DbError::unsupported("TABLESAMPLE of inherited tables is not supported yet")),
                    }
                }
                if !computed.is_empty() {
                    scanned = Rel::Project { input: Box::new(scanned), exprs: computed };
                }
                let locks = mode >= ast::TableLockMode::RowShare;
                Ok((self.secured(&rel, scanned, &rte, locks)?, rte))
            }
            RelKind::View => self.view(&rel, &alias, t, mode),
            RelKind::Sequence => {
                self.uses(&rel, ast::TableLockMode::AccessShare);
                let (scan, rte) = self.scan(&rel, &alias);
                self.need_read(&rte, mode);
                Ok((Rel::Scan(Box::new(scan)), rte))
            }
            RelKind::Index => {
                Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("cannot open relation \"{}\"", rel.name))
                    .detail("This operation is not supported for indexes.")
                    .at(self.pos(t.name.pos())))
            }
            RelKind::Composite => {
                Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("cannot open relation \"{}\"", rel.name))
                    .detail("This operation is not supported for composite types.")
                    .at(self.pos(t.name.pos())))
            }
        }
    }

    fn only_tables_sampled(&self, t: &ast::TableFactor) -> Result<()> {
        if t.sample.is_none() {
            return Ok(());
        }
        Err(DbError::new(
            SqlState::WRONG_OBJECT_TYPE,
            "TABLESAMPLE clause can only be applied to tables and materialized views",
        )
        .at(self.pos(t.name.pos())))
    }

    fn float_arg(&mut self, e: &ast::Expr) -> Result<Expr> {
        let e = self.expr(e)?;
        let at = e.pos;
        self.coerce(e, types::plain(oid::FLOAT8), Coercion::Assignment)?
            .ok_or_else(|| DbError::new(SqlState::DATATYPE_MISMATCH, "TABLESAMPLE argument must be a number").at(at))
    }

    /// Fresh columns for a stored row's system columns.
    pub(super) fn system_columns(&mut self, rel: &Relation) -> Vec<ScopeCol> {
        let one = |(name, attnum, ty): (&'static str, i16, u32)| ScopeCol {
            name: ColName::fixed(name),
            col: self.col(types::plain(ty)),
            origin: (rel.oid, attnum),
        };
        SYSTEM_COLUMNS.map(one).into()
    }

    /// A scan of a stored table offering all its columns, system columns and the row id.
    pub(crate) fn scan(&mut self, rel: &Arc<Relation>, alias: &str) -> (Scan, Rte) {
        let mut cols = Vec::with_capacity(rel.columns.len() + SYSTEM_COLUMNS.len());
        let mut scope = Vec::with_capacity(rel.columns.len());
        for (name, c) in named_columns(rel) {
            let col = self.col(types::base_type(c.ty));
            cols.push((col, c.attnum));
            scope.push(ScopeCol { name, col, origin: (rel.oid, c.attnum) });
        }
        let mut system = Vec::new();
        let mut rid = None;
        if rel.storage.is_some() || rel.is_partitioned() {
            system = self.system_columns(rel);
            cols.extend(system.iter().map(|c| (c.col, c.origin.1)));
            rid = Some(self.col(types::plain(oid::INT8)));
        }
        let scan = Scan { table: Arc::clone(rel), cols, rid, alias: alias.to_owned(), sample: None, as_of: None };
        let rte = Rte {
            name: alias.to_owned(),
            schema: None,
            cols: scope,
            system,
            table: Some(Arc::clone(rel)),
            rid,
            hidden: false,
            other: None,
            scalar: false,
            absent: None,
        };
        (scan, rte)
    }

    /// Notes that a relation is read: by its rows at first, by those of its columns that expressions name.
    fn need_read(&mut self, rte: &Rte, mode: ast::TableLockMode) {
        let Some(rel) = &rte.table else { return };
        // Locking rows needs what changing them would.
        let locks = if mode >= ast::TableLockMode::RowShare { privs::UPDATE } else { 0 };
        let need = self.needs.relation(rel, self.acts_as, privs::SELECT | locks);
        for c in rte.cols.iter().chain(&rte.system) {
            self.needs.offers(need, c.col.id, c.origin.1);
        }
    }

    fn view(
        &mut self,
        rel: &Arc<Relation>,
        alias: &str,
        t: &ast::TableFactor,
        mode: ast::TableLockMode,
    ) -> Result<(Rel, Rte)> {
        self.uses(rel, mode);
        let locks = if mode >= ast::TableLockMode::RowShare { privs::UPDATE } else { 0 };
        let need = self.needs.relation(rel, self.acts_as, privs::SELECT | locks);
        let outer_role = self.acts_as;
        // Only the view right around counts: one of the invoker's in one of the owner's is the invoker's.
        self.acts_as = (!super::view_target::is_on(rel, "security_invoker")).then_some(rel.owner);
        self.view_depth += 1;
        if self.view_depth > 64 {
            return Err(DbError::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!("infinite recursion detected in rules for relation \"{}\"", rel.name),
            ));
        }
        let text = rel.view.clone().ok_or_else(|| DbError::internal("view without a query"))?;
        let parsed = rustydb_parser::parse(&text)?;
        let Some(ast::Statement::Query(q)) = parsed.first().map(|p| &p.stmt) else {
            return Err(DbError::internal("view query is not a query"));
        };
        let locked = self.with_locks(q, alias);
        let q = locked.as_ref().unwrap_or(q);
        // The view's names resolve on their own: no outer scopes, no common tables.
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        let levels = std::mem::take(&mut self.levels);
        let inlined = std::mem::take(&mut self.inlined);
        let allow = std::mem::replace(&mut self.allow_params, false);
        let r = self.query(q);
        self.allow_params = allow;
        self.scopes = scopes;
        self.ctes = ctes;
        self.levels = levels;
        self.inlined = inlined;
        self.view_depth -= 1;
        self.acts_as = outer_role;
        let mut q = r.map_err(|mut e| {
            // Positions in the view's text mean nothing in the statement's.
            if let Some(f) = &mut e.fields {
                f.position = None;
            }
            e
        })?;
        self.resolve_outputs(&mut q)?;
        if rel.oid < crate::catalog::FIRST_USER_OID {
            self.as_declared(rel, &mut q)?;
        }
        let outs = q.rel.outputs();
        let mut cols: Vec<ScopeCol> = named_columns(rel)
            .zip(&outs)
            .map(|((name, c), o)| ScopeCol { name, col: *o, origin: (rel.oid, c.attnum) })
            .collect();
        for c in &cols {
            self.needs.offers(need, c.col.id, c.origin.1);
        }
        self.rename(&mut cols, alias, t.alias.as_ref())?;
        let schema = t.alias.is_none().then(|| rel.schema.clone());
        let rte = Rte {
            name: alias.to_owned(),
            schema,
            cols,
            system: vec![],
            table: Some(Arc::clone(rel)),
            rid: None,
            hidden: false,
            other: None,
            scalar: false,
            absent: None,
        };
        let body = if super::view_target::is_on(rel, "security_barrier") { q.rel.fenced() } else { q.rel };
        Ok((body, rte))
    }

    /// Converts the outputs of a system view to its columns' types (domains count as the types they are over).
    fn as_declared(&mut self, view: &Relation, q: &mut Query) -> Result<()> {
        let outs = q.rel.outputs();
        let mut exprs = Vec::with_capacity(outs.len());
        for (out, c) in outs.iter().zip(view.live_columns()) {
            let (from, to) = (Expr::column(*out), types::base_type(c.ty));
            let converted = if from.ty.oid == to.oid && from.ty.typmod == to.typmod {
                Some(from)
            } else {
                self.coerce(from, to, Coercion::Explicit)?
            };
            exprs.push(converted.ok_or_else(|| {
                DbError::internal(format!("system view {} does not give column {} its type", view.name, c.name))
            })?);
        }
        let rel = std::mem::replace(&mut q.rel, Rel::Values { cols: vec![], rows: vec![] });
        q.rel = self.project_to(rel, exprs);
        Ok(())
    }

    fn join(&mut self, j: &ast::Join, outer_left: Option<&Scope>, mode: ast::TableLockMode) -> Result<(Rel, Scope)> {
        let (lrel, mut lscope, _) = self.table_ref(&j.left, outer_left, mode)?;
        // The right side may see what the left side may, and the left side itself.
        // A stored table reads nothing of it.
        let visible = match outer_left {
            Some(o) if !matches!(j.right, ast::TableRef::Table(_)) => {
                let mut s = o.clone();
                s.append(lscope.clone());
                Cow::Owned(s)
            }
            _ => Cow::Borrowed(&lscope),
        };
        let (rrel, mut rscope, lateral) = self.table_ref(&j.right, Some(&visible), mode)?;
        self.check_names(&lscope, &rscope, &j.right)?;
        let kind = match j.kind {
            ast::JoinKind::Cross | ast::JoinKind::Inner => JoinKind::Inner,
            ast::JoinKind::Left => JoinKind::Left,
            ast::JoinKind::Right => JoinKind::Right,
            ast::JoinKind::Full => JoinKind::Full,
        };
        if lateral && matches!(kind, JoinKind::Right | JoinKind::Full) && reads_scope(&rrel, &lscope) {
            return Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                "invalid reference to FROM-clause entry for table",
            )
            .detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."));
        }
        let lateral = lateral && reads_scope(&rrel, &visible);
        drop(visible);
        let mut on = None;
        let mut merged: Vec<ScopeCol> = Vec::new();
        let mut extra: Vec<(Col, Expr)> = Vec::new();
        let mut using_names: Vec<String> = Vec::new();
        match &j.condition {
            ast::JoinCondition::None => {}
            ast::JoinCondition::On(e) => {
                let mut scope = lscope.clone();
                scope.append(rscope.clone());
                self.scopes.push(scope);
                self.enter_level();
                self.set_clause(Clause::JoinOn);
                let r = self.expr(e).and_then(|e| self.to_bool(e, "JOIN/ON"));
                self.leave_level();
                self.scopes.pop();
                let cond = r?;
                self.trace(|t| {
                    t.exprs.insert(key(e), cond.clone());
                });
                on = Some(cond);
            }
            ast::JoinCondition::Using(names, _) => using_names = names.iter().map(|n| n.value.clone()).collect(),
            ast::JoinCondition::Natural => {
                for c in &lscope.star {
                    if rscope.star.iter().any(|d| d.name == c.name) && !using_names.iter().any(|n| c.name == *n) {
                        using_names.push(c.name.to_string());
                    }
                }
            }
        }
        if matches!(j.condition, ast::JoinCondition::Using(..) | ast::JoinCondition::Natural) {
            self.trace(|t| {
                t.using.insert(key(j), using_names.clone());
            });
        }
        let pos = self.pos(j.pos);
        for name in &using_names {
            let side = |s: &Scope, which: &str| -> Result<ScopeCol> {
                let mut it = s.star.iter().filter(|c| c.name == *name);
                let c = it.next().ok_or_else(|| {
                    DbError::new(
                        SqlState::UNDEFINED_COLUMN,
                        format!("column \"{name}\" specified in USING clause does not exist in {which} table"),
                    )
                    .at(pos)
                })?;
                if it.next().is_some() {
                    return Err(DbError::new(
                        SqlState::AMBIGUOUS_COLUMN,
                        format!("common column name \"{name}\" appears more than once in {which} table"),
                    )
                    .at(pos));
                }
                Ok(c.clone())
            };
            let (l, r) = (side(&lscope, "left")?, side(&rscope, "right")?);
            self.needs.reads(l.col.id);
            self.needs.reads(r.col.id);
            let eq = self.operator(None, "=", Some(Expr::column(l.col)), Expr::column(r.col), pos)?;
            on = Some(match on {
                None => eq,
                Some(Expr { kind: ExprKind::And(mut v), ty, pos }) => {
                    v.push(eq);
                    Expr { kind: ExprKind::And(v), ty, pos }
                }
                Some(x) => Expr { kind: ExprKind::And(vec![x, eq]), ty: types::plain(oid::BOOL), pos },
            });
            let both = [Expr::column(l.col), Expr::column(r.col)];
            let common = self.common_type_of(&[&both[0], &both[1]], "JOIN/USING")?;
            // A side that needs no cast; an inner join may take either.
            let fits = |c: &&ScopeCol| c.col.ty.oid == common;
            let pick = match kind {
                JoinKind::Right => Some(&r).filter(fits),
                JoinKind::Full => None,
                JoinKind::Inner => Some(&l).filter(fits).or(Some(&r).filter(fits)),
                _ => Some(&l).filter(fits),
            };
            merged.push(match pick {
                Some(c) => ScopeCol { name: name.as_str().into(), col: c.col, origin: c.origin },
                None => {
                    let [a, b] = both;
                    let a = self.to_common(a, common, "JOIN/USING")?;
                    let b = self.to_common(b, common, "JOIN/USING")?;
                    let ty = types::plain(common);
                    let e = match kind {
                        JoinKind::Full => Expr::new(ExprKind::Coalesce(vec![a, b]), ty),
                        JoinKind::Right => b,
                        _ => a,
                    };
                    let c = self.col(ty);
                    extra.push((c, e));
                    ScopeCol { name: name.as_str().into(), col: c, origin: (0, 0) }
                }
            });
        }
        super::nullable::note_sides(kind, [(&lrel, &mut lscope), (&rrel, &mut rscope)]);
        let mut rel = Rel::Join { kind, left: Box::new(lrel), right: Box::new(rrel), on, lateral };
        if !extra.is_empty() {
            let mut exprs: Vec<(Col, Expr)> = rel.outputs().into_iter().map(|c| (c, Expr::column(c))).collect();
            exprs.extend(extra);
            rel = Rel::Project { input: Box::new(rel), exprs };
        }
        let mut scope = lscope;
        scope.append(rscope);
        if !using_names.is_empty() {
            let rest = scope.star.into_iter().filter(|c| !using_names.iter().any(|n| c.name == *n));
            scope.star = merged.iter().cloned().chain(rest).collect();
        }
        if let ast::JoinCondition::Using(_, Some(a)) = &j.condition {
            if scope.rtes.iter().any(|r| r.name == a.value) {
                return Err(DbError::new(
                    SqlState::DUPLICATE_ALIAS,
                    format!("table name \"{}\" specified more than once", a.value),
                ));
            }
            scope.rtes.push(Rte { other: Some(super::nullable::NAMED_JOIN), ..Rte::computed(a.value.clone(), merged) });
        }
        if let Some(a) = &j.alias {
            let mut cols = scope.star.clone();
            self.rename(&mut cols, &a.name.value, Some(a))?;
            let mut hidden = std::mem::take(&mut scope.rtes);
            hidden.append(&mut scope.invisible);
            scope = Scope::of(Rte {
                other: Some(super::nullable::NAMED_JOIN),
                ..Rte::computed(a.name.value.clone(), cols)
            });
            scope.invisible = hidden;
        }
        Ok((rel, scope))
    }
}

/// Whether a relation reads any column of a scope.
fn reads_scope(rel: &Rel, s: &Scope) -> bool {
    let mut found = false;
    walk::visit_rel(rel, &mut |e| {
        if let ExprKind::Column(id) = e.kind {
            found |=
                s.star.iter().chain(s.rtes.iter().flat_map(|r| r.cols.iter().chain(&r.system))).any(|c| c.col.id == id);
        }
    });
    found
}

/// The literal without a type that a query's output is, if it is one.
pub(super) fn untyped_literal(rel: &Rel, id: u32) -> Option<Expr> {
    match rel {
        Rel::Project { input, exprs } => {
            let e = &exprs.iter().find(|e| e.0.id == id)?.1;
            match e.kind {
                ExprKind::Const(_) | ExprKind::Param(_) => (e.ty.oid == oid::UNKNOWN).then(|| e.clone()),
                ExprKind::Column(below) => untyped_literal(input, below),
                _ => None,
            }
        }
        Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::LockRows { input, .. }
        | Rel::With { body: input, .. } => untyped_literal(input, id),
        _ => None,
    }
}

/// Drops scan columns (and projections' outputs that nobody reads) below a statement's outputs.
pub(crate) fn prune(rel: &mut Rel, keep: &[Col]) {
    let mut used: ColSet = keep.iter().map(|c| c.id).collect();
    collect_used(rel, &mut used);
    drop_unused(rel, &used);
}

pub(crate) fn collect_used(rel: &Rel, used: &mut ColSet) {
    structural_inputs(rel, used);
    // What is computed right above a scan is computed for those who read it.
    let mut above_scans: Vec<&(Col, Expr)> = Vec::new();
    walk::visit_rels(rel, &mut |r| {
        if let Some(exprs) = above_scan(r) {
            above_scans.extend(exprs.iter().filter(|x| super::define::volatility(&x.1) != 'v'));
        }
    });
    let place = |e: &Expr| std::ptr::from_ref(e).addr();
    let mut later = std::collections::HashSet::new();
    for (_, e) in &above_scans {
        walk::visit_deep(e, &mut |x| _ = later.insert(place(x)));
    }
    let mut subs: Vec<&Rel> = Vec::new();
    walk::visit_rel(rel, &mut |e| match &e.kind {
        _ if later.contains(&place(e)) => {}
        ExprKind::Column(id) => {
            used.insert(*id);
        }
        ExprKind::Subquery(s) => subs.push(&s.rel),
        _ => {}
    });
    for s in subs {
        used.extend(s.outputs().iter().map(|c| c.id));
        structural_inputs(s, used);
    }
    for (c, e) in above_scans {
        if used.contains(&c.id) {
            walk::visit_deep(e, &mut |x| {
                if let ExprKind::Column(id) = x.kind {
                    used.insert(id);
                }
            });
        }
    }
}

/// The expressions of a projection right above a scan that passes columns of the scan on under their own ids, as those that
/// compute virtual columns do.
fn above_scan(rel: &Rel) -> Option<&[(Col, Expr)]> {
    let Rel::Project { input, exprs } = rel else { return None };
    let passes = |(c, e): &(Col, Expr)| matches!(e.kind, ExprKind::Column(id) if id == c.id);
    (matches!(**input, Rel::Scan(_) | Rel::Append(_)) && exprs.iter().any(passes)).then_some(exprs)
}

/// Columns that operators read by position or by name rather than through expressions.
fn structural_inputs(rel: &Rel, used: &mut ColSet) {
    match rel {
        Rel::SetOp { left, right, .. } => {
            used.extend(left.outputs().iter().map(|c| c.id));
            used.extend(right.outputs().iter().map(|c| c.id));
        }
        Rel::Distinct { input, on: None } => used.extend(input.outputs().iter().map(|c| c.id)),
        Rel::Distinct { on: Some(on), .. } => used.extend(on.iter().map(|c| c.id)),
        Rel::LockRows { locks, .. } => {
            used.extend(locks.iter().flat_map(|l| std::iter::once(l.rid).chain(l.tableoid)).map(|c| c.id));
        }
        Rel::With { ctes, .. } => {
            for c in ctes {
                used.extend(c.rel.outputs().iter().map(|c| c.id));
                if let Some((r, _)) = &c.recursive {
                    used.extend(r.outputs().iter().map(|c| c.id));
                }
            }
        }
        _ => {}
    }
    walk::inputs(rel, &mut |r| structural_inputs(r, used));
}

pub(crate) fn drop_unused(rel: &mut Rel, used: &ColSet) {
    if let Rel::Scan(s) = rel {
        s.cols.retain(|c| used.contains(&c.0.id));
        if s.rid.is_some_and(|r| !used.contains(&r.id)) {
            s.rid = None;
        }
    }
    // These walks only ever answer Ok.
    if let Rel::Append(a) = rel {
        super::tree::drop_unused(a, used);
        let _ = walk::rel_exprs_mut(rel, &mut |e| {
            drop_in_expr(e, used);
            Ok(())
        });
        return;
    }
    if above_scan(rel).is_some()
        && let Rel::Project { input, exprs } = rel
    {
        exprs.retain(|(c, e)| used.contains(&c.id) || super::define::volatility(e) == 'v');
        if exprs.is_empty() {
            *rel = std::mem::replace(&mut **input, Rel::Values { cols: vec![], rows: vec![] });
            return drop_unused(rel, used);
        }
    }
    let _ = walk::inputs_mut(rel, &mut |r| {
        drop_unused(r, used);
        Ok(())
    });
    let _ = walk::own_exprs_mut(rel, &mut |e| {
        drop_in_expr(e, used);
        Ok(())
    });
}

fn drop_in_expr(e: &mut Expr, used: &ColSet) {
    if let ExprKind::Subquery(s) = &mut e.kind {
        drop_unused(&mut s.rel, used);
    }
    let _ = walk::children_mut(e, &mut |c| {
        drop_in_expr(c, used);
        Ok(())
    });
}
