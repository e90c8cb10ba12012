//! INSERT, UPDATE, DELETE.

use super::Binder;
use super::expr::constant;
use super::policy::Command;
use super::query::{collect_used, drop_unused};
use super::scope::{Rte, Scope, ScopeCol, named_columns};
use super::select::Clause;
use super::target::{Target, assigned_names, replace_returning};
use super::types;
use super::view_target::{Verb, replace, replace_in};
use crate::acl::privs;
use crate::catalog::{Column, ConstraintKind, Index, RelKind, Relation};
use crate::plan::ir::{
    Bound, Col, ColId, ColSet, ConflictUpdate, Delete, Expr, ExprKind, IndexExprs, Insert, JoinKind, OnConflict,
    OutputColumn, Rel, Returning, RowChecks, Subquery, SubqueryKind, Update,
};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Overriding};
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The rows of an UPDATE's or DELETE's target, joined and filtered.
struct Source {
    rel: Rel,
    rid: Col,
    /// Which table a row is from, if the target has descendants.
    tableoid: Option<Col>,
    /// The table's columns.
    old: Vec<(Col, i16)>,
    scope: Scope,
    /// What the columns of a view are over the table's.
    by: HashMap<ColId, Expr>,
    /// What the target offers, in order.
    own: Vec<ScopeCol>,
}

impl Binder<'_> {
    pub(super) fn dml_target(&mut self, name: &ast::Name) -> Result<Arc<Relation>> {
        let rel = self.relation(name)?;
        let pos = self.pos(name.pos());
        match rel.kind {
            RelKind::Table => {}
            RelKind::View => return Err(DbError::internal("a view is changed through")),
            RelKind::MaterializedView if self.may_fill => {}
            RelKind::MaterializedView => {
                return Err(DbError::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot change materialized view \"{}\"", rel.name),
                ));
            }
            RelKind::Sequence => {
                return Err(DbError::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot change sequence \"{}\"", rel.name),
                )
                .at(pos));
            }
            RelKind::Index | RelKind::Composite => {
                return Err(DbError::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot open relation \"{}\"", rel.name),
                )
                .at(pos));
            }
        }
        if rel.oid < crate::catalog::FIRST_USER_OID {
            if !crate::acl::check::is_superuser(self.cx.catalog, self.cx.role) {
                return Err(crate::acl::check::denied("table", &rel.name));
            }
            return Err(DbError::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied: \"{}\" is a system catalog", rel.name),
            ));
        }
        self.uses(&rel, ast::TableLockMode::RowExclusive);
        Ok(rel)
    }

    /// Fresh columns standing for a row of the table.
    pub(crate) fn row_cols(&mut self, rel: &Arc<Relation>) -> Vec<(Col, i16)> {
        let row: Vec<(Col, i16)> = rel.live_columns().map(|c| (self.col(c.ty), c.attnum)).collect();
        self.note_row(rel, &row, None);
        row
    }

    /// Columns that stand for a row of a use of the table.
    pub(super) fn offer(&mut self, need: usize, row: &[(Col, i16)]) {
        for (c, n) in row {
            self.needs.offers(need, c.id, *n);
        }
    }

    pub(crate) fn row_rte(&mut self, rel: &Arc<Relation>, name: &str, cols: &[(Col, i16)]) -> Rte {
        let scope = named_columns(rel)
            .zip(cols)
            .map(|((name, _), (col, n))| ScopeCol { name, col: *col, origin: (rel.oid, *n) })
            .collect();
        Rte {
            name: name.to_owned(),
            schema: None,
            cols: scope,
            system: vec![],
            table: Some(Arc::clone(rel)),
            rid: None,
            hidden: false,
            other: None,
            scalar: false,
            absent: None,
        }
    }

    /// Binds an expression kept as text in the catalog, over a row of the table (`None`: no columns in scope).
    pub(crate) fn stored_expr(&mut self, text: &str, row: Option<Rte>, clause: Clause) -> Result<Expr> {
        let mut e = self.kept_expr(text, row, clause)?;
        self.expand_virtual(&mut e)?;
        Ok(e)
    }

    /// The same, with virtual columns as they are named.
    pub(super) fn kept_expr(&mut self, text: &str, row: Option<Rte>, clause: Clause) -> Result<Expr> {
        let e = super::parse_expr(text)?;
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        let levels = std::mem::take(&mut self.levels);
        self.enter_level();
        self.set_clause(clause);
        if let Some(r) = row {
            self.scopes.push(Scope::of(r));
        }
        let r = self.expr(&e);
        self.scopes = scopes;
        self.ctes = ctes;
        self.levels = levels;
        r.map_err(super::unplaced)
    }

    /// The default value of a column: its DEFAULT, its identity sequence, or NULL.
    pub(crate) fn column_default(&mut self, rel: &Relation, c: &Column) -> Result<Expr> {
        if c.identity != '\0' {
            let seq = self
                .cx
                .catalog
                .relations
                .values()
                .find(|r| r.sequence.as_ref().is_some_and(|s| s.owned_by == Some((rel.oid, c.attnum))))
                .map(|r| r.oid)
                .ok_or_else(|| DbError::internal(format!("identity column \"{}\" has no sequence", c.name)))?;
            let e = Expr::new(ExprKind::NextVal(seq), types::plain(oid::INT8));
            return self.assign(e, c.ty, &c.name);
        }
        match &c.default {
            Some(text) if c.generated == '\0' => {
                let e = self.stored_expr(text, None, Clause::Default)?;
                self.assign(e, c.ty, &c.name)
            }
            None if c.generated == '\0' && rustydb_types::usertype::is_domain(c.ty.oid) => {
                // A domain may bring a default, and may have something against NULL.
                let own = self.cx.catalog.types.get(&c.ty.oid).and_then(|t| t.domain()?.default.clone());
                let e = match own {
                    Some(text) => self.stored_expr(&text, None, Clause::Default)?,
                    None => Expr::new(ExprKind::Const(Datum::Null), types::plain(oid::UNKNOWN)),
                };
                self.assign(e, c.ty, &c.name)
            }
            _ => Ok(Expr::new(ExprKind::Const(Datum::Null), c.ty)),
        }
    }

    pub(super) fn find_column<'r>(&self, rel: &'r Relation, name: &ast::Ident) -> Result<&'r Column> {
        rel.column(&name.value).ok_or_else(|| {
            DbError::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{}\" of relation \"{}\" does not exist", name.value, rel.name),
            )
            .at(self.pos(name.pos))
        })
    }

    /// CHECK constraints and index expressions of a table over a row's columns.
    pub(crate) fn row_checks(&mut self, rel: &Arc<Relation>, row: &[(Col, i16)]) -> Result<RowChecks> {
        let mut out = RowChecks::default();
        for c in &rel.constraints {
            if let ConstraintKind::Check(text) = &c.kind {
                let rte = self.row_rte(rel, &rel.name, row);
                let e = self.stored_expr(text, Some(rte), Clause::Check)?;
                out.checks.push((c.name.clone(), self.to_bool(e, "CHECK")?));
            }
        }
        out.checks.sort_by(|a, b| a.0.cmp(&b.0));
        out.not_null = self.virtual_not_null(rel, row)?;
        for i in &rel.indexes {
            if i.predicate.is_some() || i.keys.iter().any(|k| k.expr.is_some()) {
                out.indexes.push(self.index_exprs(rel, i, row)?);
            }
        }
        Ok(out)
    }

    /// An index's expressions and predicate over a row's columns.
    pub(crate) fn index_exprs(
        &mut self,
        rel: &Arc<Relation>,
        i: &Arc<Index>,
        row: &[(Col, i16)],
    ) -> Result<IndexExprs> {
        let mut exprs = Vec::new();
        for k in &i.keys {
            if let Some(text) = &k.expr {
                let rte = self.row_rte(rel, &rel.name, row);
                let e = self.stored_expr(text, Some(rte), Clause::Index)?;
                exprs.push(self.default_unknown(e)?);
            }
        }
        let predicate = match &i.predicate {
            Some(text) => {
                let rte = self.row_rte(rel, &rel.name, row);
                let e = self.stored_expr(text, Some(rte), Clause::Index)?;
                Some(self.to_bool(e, "WHERE")?)
            }
            None => None,
        };
        Ok(IndexExprs { index: Arc::clone(i), exprs, predicate })
    }

    pub(crate) fn generated(&mut self, rel: &Arc<Relation>, row: &[(Col, i16)]) -> Result<Vec<(i16, Expr)>> {
        let mut out = Vec::new();
        for c in rel.live_columns().filter(|c| c.generated == 's') {
            let rte = self.row_rte(rel, &rel.name, row);
            out.push((c.attnum, self.generation(c, rte, None)?));
        }
        Ok(out)
    }

    fn returning(&mut self, list: &[ast::Target], scope: Scope) -> Result<Option<Returning>> {
        if list.is_empty() {
            return Ok(None);
        }
        self.scopes.push(scope);
        self.enter_level();
        self.set_clause(Clause::Returning);
        let r = self.targets(list);
        self.leave_level();
        self.scopes.pop();
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for t in r? {
            let e = self.default_unknown(t.expr)?;
            let c = self.col(e.ty);
            columns.push(OutputColumn { name: t.name, ty: e.ty, origin: t.origin });
            exprs.push((c, e));
        }
        Ok(Some(Returning { exprs, columns }))
    }

    // ---- INSERT ------------------------------------------------------------------------------------------------

    /// Binds a statement that changes rows within its WITH, whose tables then stand around the statement's source.
    pub(super) fn in_with<T>(
        &mut self,
        with: Option<&ast::With>,
        bind: impl FnOnce(&mut Self) -> Result<T>,
        source: fn(&mut T) -> &mut Rel,
    ) -> Result<T> {
        let frames = self.ctes.len();
        let top = std::mem::take(&mut self.at_top);
        let ctes = match with {
            Some(w) => self.with(w, top)?,
            None => Vec::new(),
        };
        let mut bound = bind(self);
        if let Ok(statement) = &mut bound
            && !ctes.is_empty()
        {
            let source = source(statement);
            let inner = std::mem::replace(source, Rel::Values { cols: vec![], rows: vec![] });
            *source = self.wrap_ctes(ctes, inner, frames);
        }
        self.ctes.truncate(frames);
        bound
    }

    /// Binds in a query level of its own and leaves no scope behind.
    pub(super) fn in_level<T>(&mut self, bind: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.enter_level();
        let depth = self.scopes.len();
        let bound = bind(self);
        self.scopes.truncate(depth);
        self.leave_level();
        bound
    }

    pub(crate) fn insert(&mut self, i: &ast::Insert) -> Result<Insert> {
        let bound = self.in_with(i.with.as_ref(), |b| b.insert_inner(i), |i| &mut i.source)?;
        let mut bound = Bound::Insert(Box::new(bound));
        self.settle_virtual(&mut bound)?;
        match prune_dml(bound) {
            Bound::Insert(i) => Ok(*i),
            _ => Err(DbError::internal("statement changed kind")),
        }
    }

    fn insert_inner(&mut self, i: &ast::Insert) -> Result<Insert> {
        let target = self.target(&i.table, Verb::Insert, privs::INSERT)?;
        let (rel, named, need) = (Arc::clone(&target.rel), Arc::clone(&target.named), target.need);
        if let Some(v) = &target.view {
            i.columns.iter().try_for_each(|t| self.not_writable(v, &t.column, Verb::Insert))?;
        }
        let parts = self.insert_parts(&named, &i.columns)?;
        let wanted: Vec<&Column> = match &target.view {
            _ if !i.columns.is_empty() => parts.iter().map(|c| &**c).collect(),
            None => rel.live_columns().collect(),
            Some(v) => self.all_of_view(v, &named, i)?,
        };
        let (rows_rel, given): (Rel, Vec<(i16, Expr)>) = match &i.source {
            None => (Rel::Values { cols: vec![], rows: vec![vec![]] }, Vec::new()),
            Some(q) => match &q.body {
                ast::QueryBody::Values(rows)
                    if q.with.is_none() && q.order_by.is_empty() && q.limit.is_none() && q.offset.is_none() =>
                {
                    self.insert_values(&rel, rows, &wanted, &i.columns, i.overriding)?
                }
                _ => self.insert_query(&rel, q, &wanted, &i.columns, i.overriding)?,
            },
        };
        let attnums: Vec<i16> = given.iter().filter(|_| i.source.is_some()).map(|g| g.0).collect();
        let written = attnums.clone();
        match &target.view {
            Some(v) => self.view_writes(v, &attnums, true),
            None => {
                if let Some(n) = self.needs.get_mut(need) {
                    n.inserted.extend(attnums);
                }
            }
        }
        if let Some(v) = &target.view {
            self.check_view_insert(v, &named, &given, i)?;
        }
        let given = self.joined_parts(&named, &i.columns, given)?;
        // Every live column in order: given, or default.
        let mut exprs = Vec::new();
        let mut targets = Vec::new();
        for c in rel.live_columns() {
            let e = match given.iter().find(|g| g.0 == c.attnum) {
                Some((_, e)) => e.clone(),
                None => match target.view.as_ref().and_then(|v| v.default_of(c.attnum)) {
                    Some(text) => {
                        let c = Column { default: Some(text.to_owned()), identity: '\0', ..c.clone() };
                        self.column_default(&rel, &c)?
                    }
                    None => self.column_default(&rel, c)?,
                },
            };
            exprs.push((self.col(c.ty), e));
            targets.push(c.attnum);
        }
        let source = Rel::Project { input: Box::new(rows_rel), exprs };
        let row = self.row_cols(&rel);
        let alias = i.alias.as_ref().map_or(named.name.as_str(), |a| a.value.as_str()).to_owned();
        let on_conflict = match &i.on_conflict {
            Some(c) => Some(self.on_conflict(&target, &alias, c)?),
            None => None,
        };
        let mut checks = self.row_checks(&rel, &row)?;
        let generated = self.generated(&rel, &row)?;
        let of_row = self.system_columns(&rel);
        let mut system: Vec<(Col, i16)> = of_row.iter().map(|c| (c.col, c.origin.1)).collect();
        let (rte, by) = match &target.view {
            Some(v) => {
                let whole: Vec<(Col, i16)> = row.iter().chain(&system).copied().collect();
                let (rte, by) = self.view_row(v, &alias, &whole)?;
                (Some(rte), by)
            }
            None => {
                self.offer(need, &row);
                self.offer(need, &system);
                // Only RETURNING names them.
                let rte = (!i.returning.is_empty()).then(|| Rte { system: of_row, ..self.row_rte(&rel, &alias, &row) });
                (rte, HashMap::new())
            }
        };
        let mut returning = match rte {
            Some(rte) => {
                let mut scope = Scope::of(rte);
                if on_conflict.as_ref().is_some_and(|c| c.update.is_some()) {
                    scope.invisible.push(self.row_rte(&rel, "excluded", &row));
                }
                self.returning(&i.returning, scope)?
            }
            None => None,
        };
        replace_returning(&mut returning, &by)?;
        match &returning {
            Some(r) => system.retain(|c| {
                let only = ColSet::from_iter([c.0.id]);
                r.exprs.iter().any(|e| walk::reads_any(&e.1, &only))
            }),
            None => system.clear(),
        }
        if let Some(v) = &target.view {
            self.settle_view_needs(v);
        }
        let conflict = on_conflict.as_ref().is_some_and(|c| c.update.is_some());
        self.secure_insert(&target, &row, conflict, &mut checks)?;
        let given = written;
        Ok(Insert { table: rel, source, targets, given, on_conflict, returning, row, system, checks, generated })
    }

    /// The columns that an INSERT names. A part of a column is given like a column of the part's type.
    pub(super) fn insert_parts<'r>(
        &self,
        rel: &'r Relation,
        targets: &[ast::AssignTarget],
    ) -> Result<Vec<Cow<'r, Column>>> {
        let mut parts: Vec<Cow<'r, Column>> = Vec::with_capacity(targets.len());
        for t in targets {
            let at = self.pos(t.column.pos);
            let c = self.find_column(rel, &t.column)?;
            let whole_before = targets
                .iter()
                .zip(&parts)
                .any(|(o, w)| w.attnum == c.attnum && (o.steps.is_empty() || t.steps.is_empty()));
            if whole_before {
                return Err(DbError::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("column \"{}\" specified more than once", c.name),
                )
                .at(at));
            }
            let ty = if c.ty.oid == oid::JSONB && !t.steps.is_empty() {
                return Err(DbError::unsupported("assignment to a part of a jsonb column is not supported here").at(at));
            } else {
                self.part_type(c.ty, &t.steps, &c.name, at)?
            };
            parts.push(if t.steps.is_empty() { Cow::Borrowed(c) } else { Cow::Owned(Column { ty, ..c.clone() }) });
        }
        Ok(parts)
    }

    /// 0A000 for DEFAULT as the value of a part of a column.
    pub(super) fn no_default_part(&self, t: &ast::AssignTarget) -> DbError {
        let what = match t.steps.first() {
            Some(ast::Step::Field(_)) => "cannot set a subfield to DEFAULT",
            _ => "cannot set an array element to DEFAULT",
        };
        DbError::unsupported(what).at(self.pos(t.column.pos))
    }

    /// Puts the parts of columns together that an INSERT gives one by one.
    pub(super) fn joined_parts(
        &mut self,
        rel: &Arc<Relation>,
        targets: &[ast::AssignTarget],
        given: Vec<(i16, Expr)>,
    ) -> Result<Vec<(i16, Expr)>> {
        if targets.iter().all(|t| t.steps.is_empty()) {
            return Ok(given);
        }
        let mut out: Vec<(i16, Expr)> = Vec::new();
        let mut left: Vec<&ast::AssignTarget> = targets.iter().collect();
        for (attnum, value) in given {
            let target = left.iter().position(|t| rel.column(&t.column.value).is_some_and(|c| c.attnum == attnum));
            let Some(t) = target.map(|i| left.remove(i)).filter(|t| !t.steps.is_empty()) else {
                out.push((attnum, value));
                continue;
            };
            let Some(c) = rel.columns.iter().find(|c| c.attnum == attnum) else { continue };
            let pos = self.pos(t.column.pos);
            let before = out.iter().position(|o| o.0 == attnum).map(|i| out.remove(i).1);
            let base = before.unwrap_or_else(|| super::assign::nothing(c.ty, pos));
            let new = self.assign_part(base, &t.steps, value, &c.name, pos)?;
            out.push((attnum, new));
        }
        Ok(out)
    }

    pub(super) fn check_insertable(&self, c: &Column, is_default: bool, overriding: Overriding) -> Result<()> {
        if is_default {
            return Ok(());
        }
        if c.generated != '\0' {
            return Err(DbError::new(
                SqlState::GENERATED_ALWAYS,
                format!("cannot insert a non-DEFAULT value into column \"{}\"", c.name),
            )
            .detail(format!("Column \"{}\" is a generated column.", c.name)));
        }
        if c.identity == 'a' && overriding == Overriding::No {
            return Err(DbError::new(
                SqlState::GENERATED_ALWAYS,
                format!("cannot insert a non-DEFAULT value into column \"{}\"", c.name),
            )
            .detail(format!("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", c.name))
            .hint("Use OVERRIDING SYSTEM VALUE to override."));
        }
        Ok(())
    }

    fn width(&self, have: usize, want: usize, targets: &[ast::AssignTarget], pos: u32) -> Result<()> {
        if have > want {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "INSERT has more expressions than target columns").at(pos));
        }
        if let Some(t) = targets.get(have) {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "INSERT has more target columns than expressions")
                .at(self.pos(t.column.pos)));
        }
        Ok(())
    }

    fn insert_values(
        &mut self,
        rel: &Arc<Relation>,
        rows: &[Vec<ast::Expr>],
        wanted: &[&Column],
        targets: &[ast::AssignTarget],
        overriding: Overriding,
    ) -> Result<(Rel, Vec<(i16, Expr)>)> {
        let rows = rows.iter().map(|r| self.without_stars(r)).collect::<Result<Vec<_>>>()?;
        let n = rows.first().map_or(0, |r| r.len());
        let first_pos = |r: &[ast::Expr], i: usize| r.get(i).map_or(0, |e| e.pos);
        if let Some(r) = rows.first() {
            let at = self.pos(first_pos(r, wanted.len().min(r.len().saturating_sub(1))));
            self.width(r.len(), wanted.len(), targets, at)?;
        }
        let cols: Vec<Col> = wanted[..n.min(wanted.len())].iter().map(|c| self.col(c.ty)).collect();
        let mut out = Vec::with_capacity(rows.len());
        let mut defaults: Vec<Option<Expr>> = vec![None; n];
        self.enter_level();
        self.set_clause(Clause::Insert);
        for r in &rows {
            if r.len() != n {
                self.leave_level();
                return Err(DbError::new(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length")
                    .at(self.pos(first_pos(r, 0))));
            }
            let mut row = Vec::with_capacity(n);
            for (j, (e, c)) in r.iter().zip(wanted).enumerate() {
                let is_default =
                    matches!(e.kind, ast::ExprKind::Default) || (overriding == Overriding::User && c.identity != '\0');
                self.check_insertable(c, is_default, overriding)?;
                if let Some(t) = targets.get(j).filter(|t| is_default && !t.steps.is_empty()) {
                    self.leave_level();
                    return Err(self.no_default_part(t));
                }
                row.push(if is_default {
                    if defaults[j].is_none() {
                        defaults[j] = Some(self.column_default(rel, c)?);
                    }
                    defaults[j].clone().ok_or_else(|| DbError::internal("default vanished"))?
                } else {
                    let b = self.expr(e)?;
                    self.assign_target(b, c, targets.get(j))?
                });
            }
            out.push(row);
        }
        let mut srfs = self.leave_level().srfs;
        let given = wanted.iter().zip(&cols).map(|(c, col)| (c.attnum, Expr::column(*col))).collect();
        if let Some(s) = srfs.first() {
            // One row with sets in it is like a SELECT.
            if rows.len() > 1 {
                let at = s.2.pos;
                return Err(DbError::unsupported("set-returning functions are not allowed in VALUES").at(at));
            }
            srfs.sort_by_key(|s| s.0);
            let sets = super::late::project_sets(Rel::Values { cols: vec![], rows: vec![vec![]] }, srfs);
            let exprs = cols.into_iter().zip(out.pop().unwrap_or_default()).collect();
            return Ok((Rel::Project { input: Box::new(sets), exprs }, given));
        }
        Ok((Rel::Values { cols, rows: out }, given))
    }

    fn insert_query(
        &mut self,
        rel: &Arc<Relation>,
        q: &ast::Query,
        wanted: &[&Column],
        targets: &[ast::AssignTarget],
        overriding: Overriding,
    ) -> Result<(Rel, Vec<(i16, Expr)>)> {
        let _ = rel;
        self.stored_in = wanted.iter().map(|c| (c.ty, c.name.clone())).collect();
        let bound = self.query(q)?;
        let outs = bound.rel.outputs();
        self.width(outs.len(), wanted.len(), targets, self.pos(q.pos))?;
        let mut given = Vec::with_capacity(outs.len());
        for (i, (o, c)) in outs.iter().zip(wanted).enumerate() {
            if overriding == Overriding::User && c.identity != '\0' {
                continue;
            }
            self.check_insertable(c, false, overriding)?;
            let mut e = Expr::column(*o);
            e.pos = output_pos(&bound.rel, o.id);
            given.push((c.attnum, self.assign_target(e, c, targets.get(i))?));
        }
        Ok((bound.rel, given))
    }

    fn on_conflict(&mut self, target: &Target, alias: &str, c: &ast::OnConflict) -> Result<OnConflict> {
        let (rel, named, need) = (&target.rel, &target.named, target.need);
        let pos = self.pos(c.pos);
        let mut unmatched = false;
        let arbiters = match &c.target {
            None if c.update.is_some() => {
                return Err(DbError::new(
                    SqlState::SYNTAX_ERROR,
                    "ON CONFLICT DO UPDATE requires inference specification or constraint name",
                )
                .hint("For example, ON CONFLICT (column_name).")
                .at(pos));
            }
            None => Vec::new(),
            Some(ast::ConflictTarget::Constraint(name)) => {
                let con = rel.constraints.iter().find(|k| k.name == name.value).ok_or_else(|| {
                    DbError::new(
                        SqlState::UNDEFINED_OBJECT,
                        format!("constraint \"{}\" for table \"{}\" does not exist", name.value, rel.name),
                    )
                })?;
                if let Some(n) = self.needs.get_mut(need) {
                    n.privs |= privs::SELECT;
                    n.selected.extend(con.columns.iter().copied());
                }
                match con.kind {
                    ConstraintKind::Primary { index } | ConstraintKind::Unique { index } => vec![index],
                    ConstraintKind::Exclude { .. } if c.update.is_some() => {
                        return Err(DbError::new(
                            SqlState::WRONG_OBJECT_TYPE,
                            "ON CONFLICT DO UPDATE not supported with exclusion constraints",
                        ));
                    }
                    ConstraintKind::Exclude { index } => vec![index],
                    _ => {
                        return Err(DbError::new(
                            SqlState::WRONG_OBJECT_TYPE,
                            "constraint in ON CONFLICT clause has no associated index",
                        )
                        .at(pos));
                    }
                }
            }
            Some(ast::ConflictTarget::Index { elements, filter, .. }) => {
                let mut want: Vec<i16> = Vec::new();
                let mut exprs: Vec<Expr> = Vec::new();
                // Collations that columns must be kept by.
                let mut collated: Vec<(i16, u32)> = Vec::new();
                let row = self.row_cols(rel);
                for e in elements {
                    let by = match &e.collation {
                        Some(n) => Some(self.collation_named(n, pos)?),
                        None => None,
                    };
                    match &e.key {
                        ast::IndexKey::Column(name) => {
                            let n = match named.column(&name.value) {
                                Some(c) => c.attnum,
                                None => return Err(self.no_conflict_column(rel, alias, name, c)),
                            };
                            want.push(n);
                            collated.extend(by.map(|by| (n, by)));
                            if let Some(need) = self.needs.get_mut(need) {
                                need.privs |= privs::SELECT;
                                need.selected.insert(n);
                            }
                        }
                        ast::IndexKey::Expr(x) => {
                            let rte = self.row_rte(rel, alias, &row);
                            self.scopes.push(Scope::of(rte));
                            self.enter_level();
                            self.set_clause(Clause::Index);
                            let x = self.expr_typed(x);
                            self.leave_level();
                            self.scopes.pop();
                            let x = x?;
                            if !exprs.iter().any(|y| walk::same(&x, y)) {
                                exprs.push(x);
                            }
                        }
                    }
                }
                let filtered = filter.is_some();
                let mut found = Vec::new();
                for ix in rel.indexes.iter().filter(|x| x.unique && x.valid) {
                    let cols: HashSet<i16> = ix.keys.iter().map(|k| k.attnum).filter(|n| *n != 0).collect();
                    let same_cols = cols.len() == want.iter().collect::<HashSet<_>>().len()
                        && want.iter().all(|w| cols.contains(w));
                    let ie = self.index_exprs(rel, ix, &row)?;
                    let same_exprs = ie.exprs.len() == exprs.len()
                        && ie.exprs.iter().all(|x| exprs.iter().any(|y| walk::same(x, y)));
                    let pred_ok =
                        ix.predicate.is_none() || filtered && self.implies(rel, alias, &row, filter.as_ref(), &ie)?;
                    let as_kept =
                        collated.iter().all(|w| ix.keys.iter().any(|k| k.attnum == w.0 && k.ty.collation == w.1));
                    if same_cols && same_exprs && pred_ok && as_kept {
                        found.push(ix.oid);
                    }
                }
                // What DO UPDATE says is looked at first.
                unmatched = found.is_empty();
                found
            }
        };
        let update = match &c.update {
            None => None,
            Some(u) => {
                let existing = self.row_cols(rel);
                let excluded = self.row_cols(rel);
                let (there, ex, by) = match &target.view {
                    Some(v) => {
                        let (there, mut by) = self.view_row(v, alias, &existing)?;
                        let (ex, more) = self.view_row(v, "excluded", &excluded)?;
                        by.extend(more);
                        for t in u.set.iter().flat_map(assigned_names) {
                            self.not_writable(v, t, Verb::Insert)?;
                        }
                        (there, ex, by)
                    }
                    None => {
                        self.offer(need, &existing);
                        self.offer(need, &excluded);
                        let there = self.row_rte(rel, alias, &existing);
                        (there, self.row_rte(rel, "excluded", &excluded), HashMap::new())
                    }
                };
                let for_update = target.view.as_ref().map_or_else(|| Arc::clone(named), |v| Arc::new(v.named(false)));
                let mut scope = Scope::of(there);
                // Unqualified names mean the existing row only.
                scope.rtes.push(ex);
                self.scopes.push(scope);
                self.enter_level();
                self.set_clause(Clause::UpdateSet);
                let r = (|| -> Result<_> {
                    let set = self.assignments(&for_update, &u.set)?;
                    self.set_clause(Clause::Where);
                    let filter = match &u.filter {
                        Some(f) => {
                            let e = self.expr(f)?;
                            Some(self.to_bool(e, "WHERE")?)
                        }
                        None => None,
                    };
                    Ok((set, filter))
                })();
                self.leave_level();
                self.scopes.pop();
                let (mut set, mut filter) = r?;
                for e in set.iter_mut().map(|s| &mut s.1).chain(&mut filter) {
                    replace(e, &by)?;
                }
                if let Some(n) = self.needs.get_mut(need) {
                    n.privs |= privs::UPDATE;
                }
                self.writes(target, &set);
                Some(ConflictUpdate { existing, excluded, set, filter })
            }
        };
        if unmatched {
            return Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            ));
        }
        Ok(OnConflict { arbiters, update })
    }

    /// 42703 for a column that an ON CONFLICT names and the table does not have.
    fn no_conflict_column(
        &mut self,
        rel: &Arc<Relation>,
        alias: &str,
        name: &ast::Ident,
        c: &ast::OnConflict,
    ) -> DbError {
        let row = self.row_cols(rel);
        let mut scope = Scope::of(self.row_rte(rel, alias, &row));
        if c.update.is_some() {
            let row = self.row_cols(rel);
            scope.rtes.push(self.row_rte(rel, "excluded", &row));
        }
        self.scopes.push(scope);
        let column = ast::ColumnRef { parts: vec![name.clone()], star: false };
        // As PostgreSQL, which points at the list.
        let rest = usize::try_from(c.pos).ok().and_then(|at| self.cx.sql.get(at..));
        let list = rest.and_then(|r| r.find('(')).and_then(|n| u32::try_from(n).ok());
        let pos = list.map_or(name.pos, |n| c.pos.saturating_add(n));
        let found = self.expr(&ast::Expr::new(ast::ExprKind::Column(column), pos));
        self.scopes.pop();
        match found {
            Err(e) => e,
            Ok(_) => DbError::internal("a column that does not exist was found"),
        }
    }

    /// Whether the statement's predicate has (after binding) every condition of the index's.
    fn implies(
        &mut self,
        rel: &Arc<Relation>,
        alias: &str,
        row: &[(Col, i16)],
        filter: Option<&ast::Expr>,
        ie: &IndexExprs,
    ) -> Result<bool> {
        let (Some(f), Some(p)) = (filter, &ie.predicate) else { return Ok(false) };
        let rte = self.row_rte(rel, alias, row);
        self.scopes.push(Scope::of(rte));
        self.enter_level();
        self.set_clause(Clause::Index);
        let x = self.expr(f).and_then(|e| self.to_bool(e, "WHERE"));
        self.leave_level();
        self.scopes.pop();
        let x = x?;
        let conditions = |e: &Expr| match &e.kind {
            ExprKind::And(all) => all.clone(),
            _ => vec![e.clone()],
        };
        let given = conditions(&x);
        Ok(conditions(p).iter().all(|p| given.iter().any(|g| walk::same(g, p))))
    }

    // ---- UPDATE ------------------------------------------------------------------------------------------------

    pub(super) fn assignments(&mut self, rel: &Arc<Relation>, set: &[ast::Assignment]) -> Result<Vec<(i16, Expr)>> {
        let mut out: Vec<(i16, Expr)> = Vec::new();
        // Columns that were assigned to in parts only: further parts build on what they have become.
        let mut in_parts: Vec<i16> = Vec::new();
        for a in set {
            match a {
                ast::Assignment::One(t, e) => {
                    self.put_assigned(rel, t, e, &mut out, &mut in_parts)?;
                }
                ast::Assignment::Many(ts, source) => match &source.kind {
                    ast::ExprKind::Row { fields, .. } => {
                        let fields = self.without_stars(fields)?;
                        self.multi_width(ts.len(), fields.len(), source)?;
                        for (t, e) in ts.iter().zip(fields.iter()) {
                            self.put_assigned(rel, t, e, &mut out, &mut in_parts)?;
                        }
                    }
                    ast::ExprKind::Subquery(q) => {
                        let (sub, cols) = self.subquery(q)?;
                        self.multi_width(ts.len(), cols.len(), source)?;
                        let row = Expr {
                            kind: ExprKind::Subquery(Box::new(Subquery {
                                rel: sub,
                                kind: SubqueryKind::Row,
                                text: "".into(),
                            })),
                            ty: types::plain(oid::RECORD),
                            pos: self.pos(source.pos),
                        };
                        for (i, (t, c)) in ts.iter().zip(&cols).enumerate() {
                            let col = self.find_column(rel, &t.column)?;
                            let f = Expr::new(ExprKind::Field(Box::new(row.clone()), i), c.ty);
                            let (attnum, ty, name) = (col.attnum, col.ty, col.name.clone());
                            let base = self.part_base(rel, t, &mut out, &mut in_parts)?;
                            let v = match base {
                                Some(base) => self.assign_part(base, &t.steps, f, &name, self.pos(t.column.pos))?,
                                None => self.assign(f, ty, &name)?,
                            };
                            out.push((attnum, v));
                        }
                    }
                    _ if ts.len() == 1 => {
                        self.put_assigned(rel, &ts[0], source, &mut out, &mut in_parts)?;
                    }
                    _ => {
                        return Err(DbError::unsupported(
                            "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
                        )
                        .at(self.pos(source.pos)));
                    }
                },
            }
        }
        Ok(out)
    }

    /// What a part of a column is assigned to: the column, or what earlier parts have made of it. `None` for a target that
    /// is the whole column. Fails when the column is assigned to twice.
    fn part_base(
        &mut self,
        rel: &Arc<Relation>,
        t: &ast::AssignTarget,
        out: &mut Vec<(i16, Expr)>,
        in_parts: &mut Vec<i16>,
    ) -> Result<Option<Expr>> {
        let c = self.find_column(rel, &t.column)?;
        let before = out.iter().position(|o| o.0 == c.attnum);
        let partial = !t.steps.is_empty() && c.ty.oid != oid::JSONB;
        if before.is_some() && !(partial && in_parts.contains(&c.attnum)) {
            return Err(self.assigned_twice(rel, c.attnum, &c.name));
        }
        if !partial {
            return Ok(None);
        }
        in_parts.push(c.attnum);
        if let Some(i) = before {
            return Ok(Some(out.remove(i).1));
        }
        // The target table is the scope's first.
        let old = self.scopes.last().and_then(|s| s.rtes.first()).and_then(|r| {
            // Scans show a domain's values as its base type's; what is put together here must satisfy the domain.
            r.cols.iter().find(|x| x.name == c.name).map(|x| Expr::new(ExprKind::Column(x.col.id), c.ty))
        });
        old.map(Some).ok_or_else(|| DbError::internal("the target of an assignment is not in scope"))
    }

    fn put_assigned(
        &mut self,
        rel: &Arc<Relation>,
        t: &ast::AssignTarget,
        e: &ast::Expr,
        out: &mut Vec<(i16, Expr)>,
        in_parts: &mut Vec<i16>,
    ) -> Result<()> {
        let base = self.part_base(rel, t, out, in_parts)?;
        let (attnum, name) = {
            let c = self.find_column(rel, &t.column)?;
            (c.attnum, c.name.clone())
        };
        let v = match base {
            None => self.assigned(rel, t, e)?,
            Some(base) => {
                let pos = self.pos(t.column.pos);
                if matches!(e.kind, ast::ExprKind::Default) {
                    return Err(self.no_default_part(t));
                }
                let value = self.expr(e)?;
                self.assign_part(base, &t.steps, value, &name, pos)?
            }
        };
        out.push((attnum, v));
        Ok(())
    }

    /// 42601 for a column that gets two values; of a view's columns that stand for one, the table's column is named.
    pub(super) fn assigned_twice(&self, named: &Relation, attnum: i16, name: &str) -> DbError {
        let several = named.columns.iter().filter(|c| c.attnum == attnum).count() > 1;
        let base = self.cx.catalog.relation(named.oid).filter(|_| several).and_then(|r| r.attribute(attnum));
        let name = base.map_or(name, |c| c.name.as_str());
        DbError::new(SqlState::SYNTAX_ERROR, format!("multiple assignments to same column \"{name}\""))
    }

    /// A list of expressions with the columns in place of `t.*`, and the fields in place of `(row).*`.
    pub(super) fn without_stars<'e>(&mut self, list: &'e [ast::Expr]) -> Result<std::borrow::Cow<'e, [ast::Expr]>> {
        let star = |e: &ast::Expr| match &e.kind {
            ast::ExprKind::Column(c) => c.star,
            ast::ExprKind::Indirection(_, steps) => matches!(steps.last(), Some(ast::Step::Star)),
            _ => false,
        };
        if !list.iter().any(star) {
            return Ok(list.into());
        }
        let mut out = Vec::with_capacity(list.len());
        for e in list {
            match &e.kind {
                ast::ExprKind::Column(c) if c.star => {
                    let at = self.pos(e.pos);
                    let names: Vec<String> = match self.parameter_fields(c, at)? {
                        Some(fields) => fields.into_iter().map(|f| f.0).collect(),
                        None => self.expand_star(c, at)?.iter().map(|c| c.name.to_string()).collect(),
                    };
                    for value in names {
                        let mut parts = c.parts.clone();
                        parts.push(ast::Ident { value, pos: e.pos });
                        let column = ast::ColumnRef { parts, star: false };
                        out.push(ast::Expr::new(ast::ExprKind::Column(column), e.pos));
                    }
                }
                ast::ExprKind::Indirection(arg, steps) if star(e) => {
                    let steps = steps.get(..steps.len() - 1).unwrap_or_default();
                    let row = match steps {
                        [] => (**arg).clone(),
                        s => ast::Expr::new(ast::ExprKind::Indirection(arg.clone(), s.to_vec()), e.pos),
                    };
                    let bound = self.expr_typed(&row)?;
                    for (value, _) in self.fields_of(&bound)? {
                        let mut steps = steps.to_vec();
                        steps.push(ast::Step::Field(ast::Ident { value, pos: e.pos }));
                        out.push(ast::Expr::new(ast::ExprKind::Indirection(arg.clone(), steps), e.pos));
                    }
                }
                _ => out.push(e.clone()),
            }
        }
        Ok(out.into())
    }

    fn multi_width(&self, want: usize, have: usize, source: &ast::Expr) -> Result<()> {
        if want == have {
            return Ok(());
        }
        Err(DbError::new(SqlState::SYNTAX_ERROR, "number of columns does not match number of values")
            .at(self.pos(source.pos)))
    }

    fn assigned(&mut self, rel: &Arc<Relation>, t: &ast::AssignTarget, e: &ast::Expr) -> Result<Expr> {
        let c = self.find_column(rel, &t.column)?.clone();
        let at = self.pos(t.column.pos);
        if !t.steps.is_empty() && c.ty.oid == rustydb_types::oid::JSONB {
            let value = self.expr(e)?;
            // The target table is the scope's first.
            let target = self.scopes.last().and_then(|s| s.rtes.first()).and_then(|r| {
                r.cols.iter().find(|x| x.name == c.name).map(|x| Expr::new(ExprKind::Column(x.col.id), x.col.ty))
            });
            let target = target.ok_or_else(|| DbError::internal("the target of an assignment is not in scope"))?;
            return self.jsonb_assign(target, &t.steps, value, at);
        }
        if !t.steps.is_empty() {
            return Err(DbError::unsupported("assignment to a part of a column is not supported yet").at(at));
        }
        // DEFAULT of a view's column is the view's own, or a NULL that is assigned.
        let of_view = rel.kind == RelKind::View;
        if matches!(e.kind, ast::ExprKind::Default) && !(of_view && (c.generated != '\0' || c.identity == 'a')) {
            if c.generated != '\0' {
                return Ok(constant(Datum::Null, c.ty.oid, at));
            }
            let c = if of_view { Column { identity: '\0', ..c } } else { c };
            return self.column_default(rel, &c);
        }
        if c.generated != '\0' {
            return Err(DbError::new(
                SqlState::GENERATED_ALWAYS,
                format!("column \"{}\" can only be updated to DEFAULT", c.name),
            )
            .detail(format!("Column \"{}\" is a generated column.", c.name)));
        }
        if c.identity == 'a' {
            return Err(DbError::new(
                SqlState::GENERATED_ALWAYS,
                format!("column \"{}\" can only be updated to DEFAULT", c.name),
            )
            .detail(format!("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", c.name)));
        }
        let b = self.expr(e)?;
        self.assign(b, c.ty, &c.name)
    }

    pub(crate) fn update(&mut self, u: &ast::Update) -> Result<Update> {
        let bound = self.in_with(u.with.as_ref(), |b| b.in_level(|b| b.update_inner(u)), |u| &mut u.source)?;
        let mut bound = Bound::Update(Box::new(bound));
        self.settle_virtual(&mut bound)?;
        match prune_dml(bound) {
            Bound::Update(u) => Ok(*u),
            _ => Err(DbError::internal("statement changed kind")),
        }
    }

    /// The target joined with the other tables and filtered; leaves the scope on the stack.
    fn dml_source(
        &mut self,
        target: &Target,
        t: &ast::TableFactor,
        others: &[ast::TableRef],
        filter: Option<&ast::Expr>,
    ) -> Result<Source> {
        let (rel, named) = (&target.rel, &target.named);
        let alias = t.alias.as_ref().map_or(named.name.as_str(), |a| a.name.value.as_str()).to_owned();
        let only = match &target.view {
            Some(v) => v.only,
            None => t.only,
        };
        let shown = if target.view.is_some() { &rel.name } else { &alias };
        let (mut source, mut rte) = self.table_scan(rel, shown, only, ast::TableLockMode::RowExclusive)?;
        if target.view.is_none() {
            for c in rte.cols.iter().chain(&rte.system) {
                self.needs.offers(target.need, c.col.id, c.origin.1);
            }
        }
        if t.alias.is_none() {
            rte.schema = Some(rel.schema.clone());
        }
        let rid = rte.rid.ok_or_else(|| DbError::internal("table without rows"))?;
        let old: Vec<(Col, i16)> = rte.cols.iter().map(|c| (c.col, c.origin.1)).collect();
        self.note_row(rel, &old, rte.system_column("tableoid"));
        let tableoid = if matches!(source, Rel::Append(_)) { rte.system_column("tableoid") } else { None };
        let mut by = HashMap::new();
        if let Some(v) = &target.view {
            let system = rte.system.iter().map(|c| (c.col, c.origin.1));
            let row: Vec<(Col, i16)> = old.iter().copied().chain(system).collect();
            source = v.filtered(source, &row)?;
            let schema = rte.schema.is_some().then(|| v.view.schema.clone());
            let (view_rte, view_by) = self.view_row(v, &alias, &row)?;
            rte = Rte { schema, ..view_rte };
            by = view_by;
        }
        let own = rte.cols.clone();
        let mut scope = Scope::of(rte);
        if !others.is_empty() {
            self.set_clause(Clause::From);
            // FROM items see the target only if they are LATERAL, which PostgreSQL refuses for the target.
            self.scopes.push(Scope { invisible: scope.rtes.clone(), ..Scope::default() });
            let from = self.bind_from(others, ast::TableLockMode::AccessShare);
            self.scopes.pop();
            let (other, oscope) = from?;
            for x in &oscope.rtes {
                if x.name == alias {
                    return Err(DbError::new(
                        SqlState::DUPLICATE_ALIAS,
                        format!("table name \"{alias}\" specified more than once"),
                    ));
                }
            }
            source = Rel::Join {
                kind: JoinKind::Inner,
                left: Box::new(source),
                right: Box::new(other),
                on: None,
                lateral: false,
            };
            scope.append(oscope);
        }
        self.scopes.push(scope.clone());
        if let Some(f) = filter {
            self.set_clause(Clause::Where);
            let e = self.expr(f)?;
            let pred = self.to_bool(e, "WHERE")?;
            source = Rel::Filter { input: Box::new(source), pred };
        }
        replace_in(&mut source, &by)?;
        Ok(Source { rel: source, rid, tableoid, old, scope, by, own })
    }

    fn update_inner(&mut self, u: &ast::Update) -> Result<Update> {
        let target = self.target(&u.table.name, Verb::Update, privs::UPDATE)?;
        let rel = Arc::clone(&target.rel);
        let bound = self.dml_source(&target, &u.table, &u.from, u.filter.as_ref())?;
        let Source { rel: mut source, rid, tableoid, old, scope, by, own } = bound;
        self.set_clause(Clause::UpdateSet);
        if let Some(v) = &target.view {
            for t in u.set.iter().flat_map(assigned_names) {
                self.not_writable(v, t, Verb::Update)?;
            }
        }
        let mut set = self.assignments(&target.named, &u.set)?;
        for (_, e) in &mut set {
            replace(e, &by)?;
        }
        self.writes(&target, &set);
        // New values with subqueries are computed by the source.
        let mut computed = Vec::new();
        for (_, e) in &mut set {
            let mut deep = false;
            walk::visit(e, &mut |x| deep |= matches!(x.kind, ExprKind::Subquery(_)));
            deep |= crate::exec::host::expr_needs_host(e);
            if deep {
                let c = self.col(e.ty);
                computed.push((c, std::mem::replace(e, Expr::column(c))));
            }
        }
        if !computed.is_empty() {
            let mut exprs: Vec<_> = source.outputs().into_iter().map(|c| (c, Expr::column(c))).collect();
            exprs.extend(computed);
            source = Rel::Project { input: Box::new(source), exprs };
        }
        let new = self.row_cols(&rel);
        let mut checks = self.row_checks(&rel, &new)?;
        let generated = self.generated(&rel, &new)?;
        // RETURNING reads the new row under the target's names.
        let mut ret = scope;
        let (fresh, ret_by): (Vec<Col>, _) = match &target.view {
            Some(v) => {
                let (rte, by) = self.view_row(v, "", &new)?;
                (rte.cols.iter().map(|c| c.col).collect(), by)
            }
            None => {
                self.offer(target.need, &new);
                (new.iter().map(|n| n.0).collect(), HashMap::new())
            }
        };
        for c in ret.star.iter_mut().chain(ret.rtes.iter_mut().flat_map(|r| r.cols.iter_mut())) {
            let at = own.iter().position(|o| o.col.id == c.col.id);
            if let Some(col) = at.and_then(|i| fresh.get(i)) {
                c.col = *col;
            }
        }
        self.scopes.pop();
        let mut returning = self.returning(&u.returning, ret)?;
        replace_returning(&mut returning, &ret_by)?;
        if let Some(v) = &target.view {
            self.settle_view_needs(v);
        }
        self.secure_source(&target, Command::Update, &mut source, rid, &old)?;
        self.secure_update(&target, &new, &mut checks)?;
        Ok(Update { table: rel, source, tableoid, rid, old, set, returning, new, checks, generated })
    }

    // ---- DELETE ------------------------------------------------------------------------------------------------

    pub(crate) fn delete(&mut self, d: &ast::Delete) -> Result<Delete> {
        let bound = self.in_with(d.with.as_ref(), |b| b.in_level(|b| b.delete_inner(d)), |d| &mut d.source)?;
        let mut bound = Bound::Delete(Box::new(bound));
        self.settle_virtual(&mut bound)?;
        match prune_dml(bound) {
            Bound::Delete(d) => Ok(*d),
            _ => Err(DbError::internal("statement changed kind")),
        }
    }

    fn delete_inner(&mut self, d: &ast::Delete) -> Result<Delete> {
        let target = self.target(&d.table.name, Verb::Delete, privs::DELETE)?;
        let rel = Arc::clone(&target.rel);
        let bound = self.dml_source(&target, &d.table, &d.using, d.filter.as_ref())?;
        let Source { rel: mut source, rid, tableoid, old, scope, by, .. } = bound;
        self.scopes.pop();
        let mut returning = self.returning(&d.returning, scope)?;
        replace_returning(&mut returning, &by)?;
        if let Some(v) = &target.view {
            self.settle_view_needs(v);
        }
        self.secure_source(&target, Command::Delete, &mut source, rid, &old)?;
        Ok(Delete { table: rel, source, tableoid, rid, old, returning })
    }
}

/// Drops scan columns that nothing in the statement reads.
pub(crate) fn prune_dml(mut b: Bound) -> Bound {
    let none = Rel::Values { cols: vec![], rows: vec![] };
    let mut used = ColSet::default();
    let mut source = match &mut b {
        Bound::Insert(i) => {
            used.extend(i.source.outputs().iter().map(|c| c.id));
            std::mem::replace(&mut i.source, none)
        }
        Bound::Update(u) => {
            used.insert(u.rid.id);
            used.extend(u.tableoid.map(|c| c.id));
            used.extend(u.old.iter().map(|o| o.0.id));
            std::mem::replace(&mut u.source, none)
        }
        Bound::Delete(d) => {
            used.insert(d.rid.id);
            used.extend(d.tableoid.map(|c| c.id));
            used.extend(d.old.iter().map(|o| o.0.id));
            std::mem::replace(&mut d.source, none)
        }
        Bound::Merge(m) => {
            used.insert(m.rid.id);
            used.extend(m.tableoid.map(|c| c.id));
            used.extend(m.old.iter().map(|o| o.0.id));
            std::mem::replace(&mut m.source, none)
        }
        Bound::Query(_) => return b,
    };
    let mut read = |e: &Expr| {
        if let ExprKind::Column(id) = e.kind {
            used.insert(id);
        }
    };
    walk::visit_bound(&b, &mut |e| read(e));
    // A column that is only passed on is not read by that.
    if let Rel::Project { exprs, .. } = &mut source {
        exprs.retain(|(c, e)| used.contains(&c.id) || !matches!(e.kind, ExprKind::Column(_)));
    }
    collect_used(&source, &mut used);
    drop_unused(&mut source, &used);
    match &mut b {
        Bound::Insert(i) => i.source = source,
        Bound::Update(u) => u.source = source,
        Bound::Delete(d) => d.source = source,
        Bound::Merge(m) => m.source = source,
        Bound::Query(_) => {}
    }
    b
}

/// Where the expression of a query's output stands; 0 when it is not its topmost select list.
fn output_pos(rel: &Rel, id: crate::plan::ir::ColId) -> u32 {
    match rel {
        Rel::Project { exprs, .. } => exprs.iter().find(|e| e.0.id == id).map_or(0, |e| e.1.pos),
        _ => 0,
    }
}
