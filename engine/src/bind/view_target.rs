//! Views as targets of INSERT, UPDATE and DELETE.
//!
//! A view over one table or such a view is changed through: its columns that are plain columns stand for the table's, its
//! condition chooses the rows, and the other columns can be read but not written. [`Binder::view_target`] takes a view
//! apart, down to the table, into expressions over one set of columns that stands for a row of the table ([`ViewTarget`]);
//! a statement binds its own expressions over fresh columns of the view and then replaces them ([`replace`]).
//!
//! Rights: each view is used as whoever names it, what is below as the view's owner (unless `security_invoker`), with the
//! same privileges on the columns behind; [`Binder::settle_view_needs`] carries them down when the statement is bound.

use super::Binder;
use super::scope::{Rte, Scope, ScopeCol};
use super::select::Clause;
use crate::acl::Privs;
use crate::catalog::{Catalog, Column, RelKind, Relation};
use crate::plan::ir::{Col, ColId, Expr, ExprKind, Rel, WithCheck, WithCheckKind};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::Datum;
use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::Arc;

/// A column of a view that is changed through.
pub(super) struct ViewColumn {
    name: String,
    /// What it is, over [`ViewTarget::row`].
    expr: Expr,
    /// The table's column behind it, or why there is none.
    pub base: Result<i16, &'static str>,
    /// The column of what the view itself selects from.
    below: Option<i16>,
    /// Its own default.
    default: Option<String>,
}

/// A view as a target.
pub(super) struct ViewTarget {
    /// The view.
    pub view: Arc<Relation>,
    /// The table.
    pub base: Arc<Relation>,
    /// As whom the table is used.
    pub role: Option<u32>,
    /// Columns that stand for a row of the table.
    pub row: Vec<(Col, i16)>,
    pub columns: Vec<ViewColumn>,
    /// Conditions of the views, inner ones first, over `row`: view, condition, whether new rows must meet it.
    filters: Vec<(String, Expr, bool)>,
    /// The table without its descendants (ONLY).
    pub only: bool,
    /// After how many conditions a security barrier stands.
    fences: Vec<usize>,
    /// Needs from the view down to the table.
    needs: Vec<usize>,
    /// For each level but the last: the columns below.
    maps: Vec<Vec<(i16, Option<i16>)>>,
}

/// What a statement wants to do to a view.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
}

impl Verb {
    /// `cannot … view`.
    pub fn words(self) -> &'static str {
        match self {
            Verb::Insert => "insert into",
            Verb::Update => "update",
            Verb::Delete => "delete from",
        }
    }
}

/// Why a view cannot be changed through, told from its query.
pub fn obstacle(q: &ast::Query) -> Option<&'static str> {
    let select = match &q.body {
        ast::QueryBody::Select(s) => Some(s),
        _ => None,
    };
    let calls = |wanted: fn(&pgdata::Proc) -> bool| {
        select.is_some_and(|s| s.targets.iter().any(|t| calls_any(&t.expr, wanted)))
    };
    if select.is_some_and(|s| s.distinct != ast::Distinct::No) {
        return Some("Views containing DISTINCT are not automatically updatable.");
    }
    if select.is_some_and(|s| !s.group_by.is_empty()) {
        return Some("Views containing GROUP BY are not automatically updatable.");
    }
    if select.is_some_and(|s| s.having.is_some()) {
        return Some("Views containing HAVING are not automatically updatable.");
    }
    if matches!(q.body, ast::QueryBody::SetOp(_)) {
        return Some("Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.");
    }
    if q.with.is_some() {
        return Some("Views containing WITH are not automatically updatable.");
    }
    if q.limit.is_some() || q.offset.is_some() {
        return Some("Views containing LIMIT or OFFSET are not automatically updatable.");
    }
    if calls(|p| p.prokind == 'a') {
        return Some("Views that return aggregate functions are not automatically updatable.");
    }
    if select.is_some_and(|s| s.targets.iter().any(|t| has_window(&t.expr))) {
        return Some("Views that return window functions are not automatically updatable.");
    }
    if calls(|p| p.proretset) {
        return Some("Views that return set-returning functions are not automatically updatable.");
    }
    let single = select.is_some_and(|s| matches!(s.from.as_slice(), [ast::TableRef::Table(_)]));
    if !single {
        return Some("Views that do not select from a single table or view are not automatically updatable.");
    }
    if select.is_some_and(|s| matches!(s.from.as_slice(), [ast::TableRef::Table(t)] if t.sample.is_some())) {
        return Some("Views containing TABLESAMPLE are not automatically updatable.");
    }
    None
}

/// Which columns (by attnum from 1) of a table or view can be written; `None` when its rows cannot even be deleted.
pub fn writable(cat: &Catalog, rel: &Relation, depth: usize) -> Option<Vec<bool>> {
    match rel.kind {
        RelKind::Table => return Some(rel.columns.iter().map(|c| !c.dropped).collect()),
        RelKind::View if depth < 64 => {}
        _ => return None,
    }
    let parsed = rustydb_parser::parse(rel.view.as_deref()?).ok()?;
    let Some(ast::Statement::Query(q)) = parsed.first().map(|p| &p.stmt) else { return None };
    if obstacle(q).is_some() {
        return None;
    }
    let ast::QueryBody::Select(s) = &q.body else { return None };
    let [ast::TableRef::Table(from)] = s.from.as_slice() else { return None };
    let ns = cat.namespace_named(&from.name.schema.as_ref()?.value)?;
    let below = cat.relation_named(ns, &from.name.name.value)?;
    let inner = writable(cat, below, depth + 1)?;
    let of = |t: &ast::Target| match &t.expr.kind {
        ast::ExprKind::Column(c) if !c.star => {
            let column = c.parts.last().and_then(|n| below.column(n.as_str()));
            column.and_then(|c| inner.get(usize::try_from(c.attnum).ok()?.checked_sub(1)?)).copied().unwrap_or(false)
        }
        _ => false,
    };
    Some(s.targets.iter().map(of).collect())
}

/// Whether an expression (not a subquery in it) calls a built-in function of some kind by name.
fn calls_any(e: &ast::Expr, wanted: fn(&pgdata::Proc) -> bool) -> bool {
    let mut found = false;
    each_call(e, &mut |c| {
        found |= c.over.is_none() && pgdata::procs_named(&c.name.name.value).iter().any(|p| wanted(p));
    });
    found
}

fn has_window(e: &ast::Expr) -> bool {
    let mut found = false;
    each_call(e, &mut |c| found |= c.over.is_some());
    found
}

/// Visits every function call of an expression, those in subqueries left out.
fn each_call(e: &ast::Expr, f: &mut dyn FnMut(&ast::FuncCall)) {
    let mut copy = e.clone();
    crate::ddl::each_expr(&mut copy, &mut |x| {
        if let ast::ExprKind::Func(c) = &x.kind {
            f(c);
        }
    });
}

/// Replaces columns by expressions.
pub(super) fn replace(e: &mut Expr, by: &HashMap<ColId, Expr>) -> Result<()> {
    walk::rewrite(e, &mut |x| {
        Ok(match &x.kind {
            ExprKind::Column(id) => by.get(id).cloned(),
            _ => None,
        })
    })
}

/// The same in a relation's tree.
pub(super) fn replace_in(rel: &mut Rel, by: &HashMap<ColId, Expr>) -> Result<()> {
    walk::rewrite_rel(rel, &mut |x| {
        Ok(match &x.kind {
            ExprKind::Column(id) => by.get(id).cloned(),
            _ => None,
        })
    })
}

impl ViewTarget {
    /// The columns as an expression reads them at `actual`, a row of the table.
    pub fn columns_over(&self, actual: &[(Col, i16)]) -> Result<Vec<Expr>> {
        let by = self.by(actual);
        self.columns
            .iter()
            .map(|c| {
                let mut e = c.expr.clone();
                replace(&mut e, &by)?;
                Ok(e)
            })
            .collect()
    }

    fn by(&self, actual: &[(Col, i16)]) -> HashMap<ColId, Expr> {
        // A row that is not stored yet has no system columns.
        let of = |c: &Col, n: i16| match actual.iter().find(|a| a.1 == n) {
            Some(a) => Expr::column(a.0),
            None => Expr::new(ExprKind::Const(Datum::Null), c.ty),
        };
        self.row.iter().map(|(c, n)| (c.id, of(c, *n))).collect()
    }

    /// The table's rows that the views show.
    pub fn filtered(&self, table: Rel, actual: &[(Col, i16)]) -> Result<Rel> {
        let by = self.by(actual);
        let mut rel = table;
        for (i, (_, condition, _)) in self.filters.iter().enumerate() {
            rel = Rel::Filter { input: Box::new(rel), pred: over(condition, &by)? };
            if self.fences.contains(&(i + 1)) {
                rel = rel.fenced();
            }
        }
        Ok(rel)
    }

    /// What new rows must meet, over a row of the table.
    pub fn checks_over(&self, actual: &[(Col, i16)]) -> Result<Vec<WithCheck>> {
        let by = self.by(actual);
        let checked = self.filters.iter().filter(|f| f.2);
        checked.map(|f| Ok(WithCheck { kind: WithCheckKind::View(f.0.clone()), expr: over(&f.1, &by)? })).collect()
    }

    /// The view's columns that stand for the table's, as columns of the table under the view's names: what names in the
    /// statement are looked up in.
    /// Their defaults are the view's and, for an INSERT, else the table's.
    pub fn named(&self, insert: bool) -> Relation {
        let columns = self.columns.iter().filter_map(|c| {
            let b = self.base.attribute(c.base.ok()?)?;
            let mut b = Column { name: c.name.clone(), ..b.clone() };
            if c.default.is_some() || !insert {
                b.default.clone_from(&c.default);
            }
            Some(b)
        });
        let (name, kind) = (self.view.name.clone(), RelKind::View);
        Relation { name, kind, columns: columns.collect(), ..(*self.base).clone() }
    }

    /// A column that an INSERT gives its default though nothing can be written to it.
    pub fn unwritable_with_default(&self) -> Option<&str> {
        self.columns.iter().find(|c| c.base.is_err() && c.default.is_some()).map(|c| c.name.as_str())
    }

    /// The default of a column of the table that a view has a default of its own for.
    pub fn default_of(&self, attnum: i16) -> Option<&str> {
        self.columns.iter().find(|c| c.base == Ok(attnum)).and_then(|c| c.default.as_deref())
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&ViewColumn> {
        self.columns.iter().find(|c| c.name == name)
    }
}

fn over(e: &Expr, by: &HashMap<ColId, Expr>) -> Result<Expr> {
    let mut e = e.clone();
    replace(&mut e, by)?;
    Ok(e)
}

impl Binder<'_> {
    /// 0A000 for a column that cannot be written.
    pub(super) fn not_writable(&self, t: &ViewTarget, name: &ast::Ident, verb: Verb) -> Result<()> {
        match t.column(&name.value).map(|c| c.base) {
            Some(Err(why)) => Err(DbError::unsupported(format!(
                "cannot {} column \"{}\" of view \"{}\"",
                verb.words().trim_end_matches(" from"),
                name.value,
                t.view.name
            ))
            .detail(why)),
            _ => Ok(()),
        }
    }

    /// Takes a view apart.
    pub(super) fn view_target(&mut self, view: &Arc<Relation>, verb: Verb, wanted: Privs) -> Result<ViewTarget> {
        self.view_depth += 1;
        if self.view_depth > 64 {
            self.view_depth = 0;
            return Err(DbError::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!("infinite recursion detected in rules for relation \"{}\"", view.name),
            ));
        }
        let own_need = self.needs.relation(view, self.acts_as, wanted);
        self.uses(view, ast::TableLockMode::RowExclusive);
        let outer = self.acts_as;
        self.acts_as = (!is_on(view, "security_invoker")).then_some(view.owner);
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        let levels = std::mem::take(&mut self.levels);
        let allow = std::mem::replace(&mut self.allow_params, false);
        let r = self.view_level(view, verb, wanted, own_need);
        self.allow_params = allow;
        self.scopes = scopes;
        self.ctes = ctes;
        self.levels = levels;
        self.acts_as = outer;
        self.view_depth = self.view_depth.saturating_sub(1);
        r.map_err(super::unplaced)
    }

    fn view_level(&mut self, view: &Arc<Relation>, verb: Verb, wanted: Privs, own_need: usize) -> Result<ViewTarget> {
        let refused = |why: &str| {
            let (trigger, rule) = match verb {
                Verb::Insert => ("inserting into", "INSERT"),
                Verb::Update => ("updating", "UPDATE"),
                Verb::Delete => ("deleting from", "DELETE"),
            };
            DbError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("cannot {} view \"{}\"", verb.words(), view.name),
            )
            .detail(why.to_owned())
            .hint(format!(
                "To enable {trigger} the view, provide an INSTEAD OF {rule} trigger or an unconditional ON {rule} DO INSTEAD rule."
            ))
        };
        let text = view.view.clone().ok_or_else(|| DbError::internal("view without a query"))?;
        let parsed = rustydb_parser::parse(&text)?;
        let Some(ast::Statement::Query(q)) = parsed.first().map(|p| &p.stmt) else {
            return Err(DbError::internal("view query is not a query"));
        };
        if let Some(why) = obstacle(q) {
            return Err(refused(why));
        }
        let ast::QueryBody::Select(select) = &q.body else {
            return Err(refused(
                "Views that do not select from a single table or view are not automatically updatable.",
            ));
        };
        let [ast::TableRef::Table(from)] = select.from.as_slice() else {
            return Err(refused(
                "Views that do not select from a single table or view are not automatically updatable.",
            ));
        };
        let below = self.relation(&from.name)?;
        let alias = from.alias.as_ref().map_or(below.name.as_str(), |a| a.name.value.as_str()).to_owned();
        // What is below: a table's columns, or those of another view.
        let (mut inner, mut rte) = match below.kind {
            RelKind::Table => {
                let need = self.needs.relation(&below, self.acts_as, wanted);
                self.uses(&below, ast::TableLockMode::RowExclusive);
                let (_, rte) = self.scan(&below, &alias);
                let row: Vec<(Col, i16)> = rte.cols.iter().chain(&rte.system).map(|c| (c.col, c.origin.1)).collect();
                self.offer(need, &row);
                let t = ViewTarget {
                    view: Arc::clone(&below),
                    base: Arc::clone(&below),
                    role: self.acts_as,
                    row,
                    columns: Vec::new(),
                    filters: Vec::new(),
                    only: from.only,
                    fences: Vec::new(),
                    needs: vec![need],
                    maps: Vec::new(),
                };
                (t, rte)
            }
            RelKind::View => {
                let t = self.view_target(&below, verb, wanted)?;
                let rte = self.view_rte(&t, &alias);
                (t, rte)
            }
            _ => {
                return Err(refused(
                    "Views that do not select from a single table or view are not automatically updatable.",
                ));
            }
        };
        self.rename(&mut rte.cols, &alias, from.alias.as_ref())?;
        // Fresh columns of the view below become what they are over the table.
        let by: HashMap<ColId, Expr> = if below.kind == RelKind::View {
            rte.cols.iter().zip(&inner.columns).map(|(c, v)| (c.col.id, v.expr.clone())).collect()
        } else {
            HashMap::new()
        };
        let origin: HashMap<ColId, i16> = rte.cols.iter().chain(&rte.system).map(|c| (c.col.id, c.origin.1)).collect();
        self.enter_level();
        self.scopes.push(Scope::of(rte));
        let bound = (|| -> Result<_> {
            self.set_clause(Clause::Targets);
            let targets = self.targets(&select.targets)?;
            self.set_clause(Clause::Where);
            let filter = match &select.filter {
                Some(f) => {
                    let e = self.expr(f)?;
                    Some(self.to_bool(e, "WHERE")?)
                }
                None => None,
            };
            Ok((targets, filter))
        })();
        self.scopes.pop();
        self.leave_level();
        let (targets, mut filter) = bound?;
        let mut columns = Vec::with_capacity(targets.len());
        for (t, c) in targets.into_iter().zip(view.live_columns()) {
            let mut expr = self.default_unknown(t.expr)?;
            let below_attnum = match &expr.kind {
                ExprKind::Column(id) => origin.get(id).copied(),
                _ => None,
            };
            let base = match (below_attnum, &expr.kind) {
                (Some(n), _) if n < 0 => Err("View columns that refer to system columns are not updatable."),
                (Some(n), _) if below.kind == RelKind::Table => Ok(n),
                (Some(n), _) => inner
                    .columns
                    .get(usize::try_from(n).unwrap_or(0).saturating_sub(1))
                    .map_or(Err(NOT_A_COLUMN), |c| c.base),
                (None, ExprKind::WholeRow(_)) => {
                    Err("View columns that return whole-row references are not updatable.")
                }
                (None, _) => Err(NOT_A_COLUMN),
            };
            replace(&mut expr, &by)?;
            let own = c.default.clone();
            let inherited = match below_attnum {
                Some(n) if below.kind == RelKind::View => {
                    inner.columns.get(usize::try_from(n).unwrap_or(0).saturating_sub(1)).and_then(|c| c.default.clone())
                }
                _ => None,
            };
            columns.push(ViewColumn {
                name: c.name.clone(),
                expr,
                base,
                below: below_attnum,
                default: own.or(inherited),
            });
        }
        if verb != Verb::Delete && columns.iter().all(|c| c.base.is_err()) {
            return Err(refused("Views that have no updatable columns are not automatically updatable."));
        }
        if let Some(f) = &mut filter {
            replace(f, &by)?;
        }
        let option = view.options.iter().find(|o| o.0 == "check_option").map(|o| o.1.as_str());
        let mut filters = std::mem::take(&mut inner.filters);
        // LOCAL checks this view's condition, CASCADED those below too, whatever they say.
        if option == Some("cascaded") {
            filters.iter_mut().for_each(|f| f.2 = true);
        }
        if let Some(f) = filter {
            filters.push((view.name.clone(), f, option.is_some()));
        }
        let mut maps = vec![view.live_columns().zip(&columns).map(|(c, v)| (c.attnum, v.below)).collect::<Vec<_>>()];
        maps.append(&mut inner.maps);
        let mut needs = vec![own_need];
        needs.append(&mut inner.needs);
        let mut fences = std::mem::take(&mut inner.fences);
        if is_on(view, "security_barrier") {
            fences.push(filters.len());
        }
        Ok(ViewTarget { view: Arc::clone(view), columns, filters, fences, needs, maps, ..inner })
    }

    /// A view's columns as fresh ones; what they are over the table is [`ViewTarget::columns_over`].
    pub(super) fn view_rte(&mut self, t: &ViewTarget, alias: &str) -> Rte {
        let need = t.needs.first().copied();
        let mut cols = Vec::with_capacity(t.columns.len());
        let attnums: Vec<i16> = t.view.live_columns().map(|c| c.attnum).collect();
        for (c, attnum) in t.columns.iter().zip(attnums) {
            let col = self.col(c.expr.ty);
            if let Some(n) = need {
                self.needs.offers(n, col.id, attnum);
            }
            cols.push(ScopeCol { name: c.name.as_str().into(), col, origin: (t.view.oid, attnum) });
        }
        Rte {
            name: alias.to_owned(),
            schema: None,
            cols,
            system: vec![],
            table: Some(Arc::clone(&t.view)),
            rid: None,
            hidden: false,
            other: None,
            scalar: false,
            absent: None,
        }
    }

    /// The need of the view itself.
    pub(super) fn view_need(&self, t: &ViewTarget) -> usize {
        t.needs.first().copied().unwrap_or(0)
    }

    /// Notes the columns of the view that are written.
    pub(super) fn view_writes(&mut self, t: &ViewTarget, base: &[i16], insert: bool) {
        let attnums: Vec<i16> = t
            .view
            .live_columns()
            .zip(&t.columns)
            .filter(|(_, v)| v.base.is_ok_and(|b| base.contains(&b)))
            .map(|(c, _)| c.attnum)
            .collect();
        if let Some(n) = t.needs.first().and_then(|n| self.needs.get_mut(*n)) {
            if insert {
                n.inserted.extend(attnums);
            } else {
                n.updated.extend(attnums);
            }
        }
    }

    /// What is below a view is used as the view is.
    pub(super) fn settle_view_needs(&mut self, t: &ViewTarget) {
        for (pair, map) in t.needs.windows(2).zip(&t.maps) {
            let (Some(&upper), Some(&lower)) = (pair.first(), pair.get(1)) else { continue };
            let Some(up) = self.needs.get_mut(upper).map(|u| u.clone()) else { continue };
            let below = |list: &std::collections::BTreeSet<i16>| -> Vec<i16> {
                list.iter().filter_map(|n| map.iter().find(|m| m.0 == *n)?.1).collect()
            };
            if let Some(low) = self.needs.get_mut(lower) {
                low.privs = up.privs;
                low.inserted.extend(below(&up.inserted));
                low.updated.extend(below(&up.updated));
            }
        }
    }
}

const NOT_A_COLUMN: &str = "View columns that are not columns of their base relation are not updatable.";

/// Whether a view's option is set.
pub(crate) fn is_on(view: &Relation, option: &str) -> bool {
    view.options
        .iter()
        .any(|o| o.0 == option && matches!(o.1.to_ascii_lowercase().as_str(), "true" | "on" | "yes" | "1" | "t" | "y"))
}
