//! SELECT: what its clauses collect (aggregates, window functions, set-returning functions) and how the pieces become a
//! tree: FROM → WHERE → grouping → HAVING → windows → set-returning functions → output → DISTINCT → ORDER BY → LIMIT.

use super::Binder;
use super::grouping::GroupingCall;
use super::late::{Late, Srf, late_outputs, project_sets, take_needed};
use super::scope::{Scope, ScopeCol};
use super::trace::{OverForm, TracedSelect, key};
use super::types::{self, show};
use crate::plan::ir::{
    AggCall, Col, ColId, ColSet, Expr, ExprKind, FrameBound, OutputColumn, Query, Rel, RowLock, SortKey, WindowCall,
};
use crate::plan::{strict, walk};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::TypeRef;
use rustydb_types::oid;
use rustydb_types::pgdata::Proc;

/// The clause being bound, for what it allows and how errors name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Clause {
    Targets,
    OrderBy,
    Having,
    Where,
    JoinOn,
    GroupBy,
    From,
    Limit,
    Values,
    Returning,
    UpdateSet,
    MergeWhen,
    Check,
    Default,
    Generated,
    Transform,
    Index,
    PartitionKey,
    PartitionBound,
    Insert,
    Policy,
    Statistics,
}

impl Clause {
    pub(super) fn name(self) -> &'static str {
        match self {
            Clause::Targets => "SELECT",
            Clause::OrderBy => "ORDER BY",
            Clause::Having => "HAVING",
            Clause::Where => "WHERE",
            Clause::JoinOn => "JOIN conditions",
            Clause::GroupBy => "GROUP BY",
            Clause::From => "functions in FROM",
            Clause::Limit => "LIMIT",
            Clause::Values => "VALUES",
            Clause::Returning => "RETURNING",
            Clause::UpdateSet => "UPDATE",
            Clause::MergeWhen => "MERGE WHEN conditions",
            Clause::Check => "check constraints",
            Clause::Default => "DEFAULT expressions",
            Clause::Generated => "column generation expressions",
            Clause::Transform => "transform expressions",
            Clause::Index => "index expressions",
            Clause::PartitionKey => "partition key expressions",
            Clause::PartitionBound => "partition bound",
            Clause::Insert => "VALUES",
            Clause::Policy => "policy expressions",
            Clause::Statistics => "statistics expressions",
        }
    }
}

/// What one query level collects while its expressions are bound.
#[derive(Default)]
pub(crate) struct Level {
    pub(super) clause: Option<Clause>,
    pub(super) aggs: Vec<(Col, AggCall)>,
    pub(super) windows: Vec<(Col, WindowCall)>,
    /// GROUPING() calls.
    pub(super) groupings: Vec<GroupingCall>,
    /// Set-returning calls of the target list, with their nesting depth.
    pub(super) srfs: Vec<Srf>,
    /// Named windows.
    pub(super) named: Vec<(String, ast::WindowSpec)>,
    /// Depth of aggregate arguments we are inside of.
    in_agg: usize,
    /// The condition of FILTER is being bound.
    in_filter: bool,
    pub(super) in_window: usize,
    /// The units of the frame whose bound is being bound.
    pub(super) in_frame: Option<&'static str>,
    /// Columns this level's FROM offers.
    pub(super) own: Vec<ColId>,
    /// FROM reads a recursive table inside its own definition.
    recursing: bool,
    /// Where the first aggregate stands.
    first_agg: u32,
}

impl Binder<'_> {
    pub(crate) fn enter_level(&mut self) {
        self.levels.push(Level::default());
    }
    pub(crate) fn leave_level(&mut self) -> Level {
        self.levels.pop().unwrap_or_default()
    }
    pub(crate) fn set_clause(&mut self, c: Clause) {
        if let Some(l) = self.levels.last_mut() {
            l.clause = Some(c);
        }
    }
    /// The query being bound reads the recursive table it is a term of.
    pub(crate) fn note_recursion(&mut self) {
        if let Some(l) = self.levels.last_mut() {
            l.recursing = true;
        }
    }
    pub(crate) fn enter_aggregate(&mut self) {
        if let Some(l) = self.levels.last_mut() {
            l.in_agg += 1;
        }
    }
    /// Binds the condition of FILTER.
    pub(crate) fn filter_condition(&mut self, e: &ast::Expr) -> Result<Expr> {
        let set = |b: &mut Self, v: bool| b.levels.last_mut().map(|l| std::mem::replace(&mut l.in_filter, v));
        let before = set(self, true);
        let bound = self.expr(e);
        set(self, before.unwrap_or(false));
        let bound = bound?;
        self.to_bool(bound, "FILTER")
    }
    pub(crate) fn leave_aggregate(&mut self) {
        if let Some(l) = self.levels.last_mut() {
            l.in_agg = l.in_agg.saturating_sub(1);
        }
    }

    /// The query level (its index) that a call reading these columns belongs to: the innermost whose columns it reads.
    pub(super) fn level_of(&self, ids: &[ColId]) -> usize {
        let mut at = self.levels.len();
        if !ids.is_empty() {
            while at > 1 {
                // What an aggregate of a level answers is that level's, as its columns are.
                let belongs = |l: &Level| ids.iter().any(|i| l.own.contains(i) || l.aggs.iter().any(|a| a.0.id == *i));
                if belongs(&self.levels[at - 1]) || !self.levels[..at - 1].iter().any(belongs) {
                    break;
                }
                at -= 1;
            }
        }
        at.saturating_sub(1)
    }

    pub(crate) fn collect_aggregate(&mut self, agg: AggCall, pos: u32) -> Result<Expr> {
        // An aggregate whose arguments read only an outer query's columns belongs to that query.
        let mut ids = Vec::new();
        let (direct, aggregated) = agg.args.split_at(agg.direct.min(agg.args.len()));
        for e in aggregated.iter().chain(agg.filter.iter()).chain(agg.order_by.iter().map(|k| &k.expr)) {
            walk::visit_deep(e, &mut |x| {
                if let ExprKind::Column(id) = x.kind {
                    ids.push(id);
                }
            });
        }
        let agg_level = self.level_of(&ids);
        let mut deeper = None;
        for e in direct {
            walk::visit_deep(e, &mut |x| {
                if let ExprKind::Column(id) = x.kind
                    && self.levels.iter().skip(agg_level + 1).any(|l| l.own.contains(&id))
                {
                    deeper = deeper.or(Some(x.pos));
                }
            });
        }
        if let Some(at) = deeper {
            let text = "outer-level aggregate cannot contain a lower-level variable in its direct arguments";
            return Err(DbError::new(SqlState::GROUPING_ERROR, text).at(at));
        }
        if agg_level + 1 < self.levels.len()
            && let Some(name) = agg.args.iter().find_map(|a| self.deeper_cte(a, agg_level + 1))
        {
            return Err(DbError::unsupported("outer-level aggregate cannot use a nested CTE")
                .detail(format!("CTE \"{name}\" is below the aggregate's semantic level."))
                .at(pos));
        }
        let Some(level) = self.levels.get(agg_level) else {
            return Err(DbError::new(SqlState::GROUPING_ERROR, "aggregate functions are not allowed here").at(pos));
        };
        if level.in_filter {
            let text = "aggregate functions are not allowed in FILTER";
            return Err(DbError::new(SqlState::GROUPING_ERROR, text).at(pos));
        }
        if let Some(units) = level.in_frame {
            let text = format!("aggregate functions are not allowed in window {units}");
            return Err(DbError::new(SqlState::GROUPING_ERROR, text).at(pos));
        }
        let mut nested = (level.in_agg > 0).then_some(pos);
        for e in agg.args.iter().chain(agg.filter.iter()).chain(agg.order_by.iter().map(|k| &k.expr)) {
            walk::visit_deep(e, &mut |x| {
                if let ExprKind::Column(id) = x.kind
                    && level.aggs.iter().any(|a| a.0.id == id)
                {
                    nested = nested.or(Some(x.pos));
                }
            });
        }
        if let Some(at) = nested {
            return Err(DbError::new(SqlState::GROUPING_ERROR, "aggregate function calls cannot be nested").at(at));
        }
        match level.clause {
            Some(Clause::Targets | Clause::OrderBy | Clause::Having) => {}
            Some(c) => {
                return Err(DbError::new(
                    SqlState::GROUPING_ERROR,
                    format!("aggregate functions are not allowed in {}", c.name()),
                )
                .at(pos));
            }
            None => {
                return Err(DbError::new(SqlState::GROUPING_ERROR, "aggregate functions are not allowed here").at(pos));
            }
        }
        let ty = agg.ty;
        let same = level.aggs.iter().find(|(_, a)| same_agg(a, &agg)).map(|(c, _)| *c);
        let col = match same {
            Some(c) => c,
            None => {
                let c = self.col(ty);
                let level = &mut self.levels[agg_level];
                if level.aggs.is_empty() {
                    level.first_agg = pos;
                }
                let noted = agg.clone();
                level.aggs.push((c, agg));
                self.trace(|t| {
                    t.aggs.insert(c.id, noted);
                });
                c
            }
        };
        Ok(Expr { pos, ..Expr::column(col) })
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one syntactic construct")]
    pub(crate) fn collect_window(
        &mut self,
        proc: &'static Proc,
        args: Vec<Expr>,
        filter: Option<Expr>,
        over: &ast::Over,
        ty: TypeRef,
        collation: u32,
        pos: u32,
    ) -> Result<Expr> {
        let Some(level) = self.levels.last() else {
            return Err(DbError::new(SqlState::WINDOWING_ERROR, "window functions are not allowed here").at(pos));
        };
        if level.in_filter {
            let text = "window functions are not allowed in FILTER";
            return Err(DbError::new(SqlState::WINDOWING_ERROR, text).at(pos));
        }
        match level.clause {
            Some(Clause::Targets | Clause::OrderBy) if level.in_agg == 0 => {}
            Some(Clause::Targets | Clause::OrderBy) => {
                return Err(DbError::new(
                    SqlState::WINDOWING_ERROR,
                    "aggregate function calls cannot contain window function calls",
                )
                .at(pos));
            }
            Some(c) => {
                return Err(DbError::new(
                    SqlState::WINDOWING_ERROR,
                    format!("window functions are not allowed in {}", c.name()),
                )
                .at(pos));
            }
            None => {
                return Err(DbError::new(SqlState::WINDOWING_ERROR, "window functions are not allowed here").at(pos));
            }
        }
        if level.in_window > 0 {
            return Err(DbError::new(
                SqlState::WINDOWING_ERROR,
                "window functions are not allowed in window definitions",
            )
            .at(pos));
        }
        let mut nested = None;
        for a in &args {
            walk::visit(a, &mut |x| {
                if let ExprKind::Column(id) = x.kind
                    && level.windows.iter().any(|w| w.0.id == id)
                {
                    nested = nested.or(Some(x.pos));
                }
            });
        }
        if let Some(at) = nested {
            return Err(DbError::new(SqlState::WINDOWING_ERROR, "window function calls cannot be nested").at(at));
        }
        for a in args.iter().chain(&filter) {
            self.refuse_srf(a, "window function calls cannot contain set-returning function calls")?;
        }
        let spec = match over {
            ast::Over::Named(n) => self.named_window(&n.value, self.pos(n.pos))?,
            ast::Over::Spec(s) => self.merge_window(s)?,
        };
        let (partition_by, order_by, frame) = self.window_parts(&spec)?;
        let call = WindowCall { proc, args, filter, partition_by, order_by, frame, ty, collation };
        let alike = self.levels.last().and_then(|l| l.windows.iter().find(|w| same_window(&w.1, &call)));
        if let Some((col, _)) = alike {
            return Ok(Expr { pos, ..Expr::column(*col) });
        }
        let col = self.col(ty);
        self.trace(|t| {
            let form = match over {
                ast::Over::Named(n) => OverForm::Named(n.value.clone()),
                ast::Over::Spec(s) => {
                    OverForm::Spec { base: s.base.as_ref().map(|b| b.value.clone()), ordered: !s.order_by.is_empty() }
                }
            };
            t.windows.insert(col.id, (call.clone(), form));
        });
        if let Some(l) = self.levels.last_mut() {
            l.windows.push((col, call));
        }
        Ok(Expr { pos, ..Expr::column(col) })
    }

    /// A set-returning call outside FROM.
    pub(crate) fn srf(&mut self, call: Expr, pos: u32) -> Result<Expr> {
        let Some(level) = self.levels.last() else {
            return Err(DbError::unsupported("set-returning functions are not allowed here").at(pos));
        };
        match level.clause {
            Some(Clause::Targets | Clause::OrderBy | Clause::GroupBy | Clause::Insert) if level.in_agg == 0 => {}
            Some(Clause::Targets | Clause::OrderBy) => {
                return Err(DbError::unsupported(
                    "aggregate function calls cannot contain set-returning function calls",
                )
                .hint("You might be able to move the set-returning function into a LATERAL FROM item.")
                .at(pos));
            }
            // FunctionScan's own call is unwrapped by the caller.
            Some(Clause::From) => return Ok(call),
            Some(c) => {
                return Err(
                    DbError::unsupported(format!("set-returning functions are not allowed in {}", c.name())).at(pos)
                );
            }
            None => return Err(DbError::unsupported("set-returning functions are not allowed here").at(pos)),
        }
        // All calls advance together, so equal ones are one.
        if let Some(s) = level.srfs.iter().find(|s| walk::same(&s.2, &call)) {
            return Ok(Expr { pos, ..Expr::column(s.1) });
        }
        let mut depth = 0;
        walk::visit(&call, &mut |x| {
            if let ExprKind::Column(id) = x.kind
                && let Some(s) = level.srfs.iter().find(|s| s.1.id == id)
            {
                depth = depth.max(s.0 + 1);
            }
        });
        let col = self.col(call.ty);
        self.note_fields(col, &call);
        self.trace(|t| {
            t.srfs.insert(col.id, call.clone());
        });
        if let Some(l) = self.levels.last_mut() {
            l.srfs.push((depth, col, call));
        }
        Ok(Expr { pos, ..Expr::column(col) })
    }

    /// 0A000 if an expression's value depends on a set-returning call where such calls make no sense.
    pub(crate) fn refuse_srf(&self, e: &Expr, what: &'static str) -> Result<()> {
        let Some(level) = self.levels.last().filter(|l| !l.srfs.is_empty()) else { return Ok(()) };
        let mut at = None;
        walk::visit(e, &mut |x| {
            if let ExprKind::Column(id) = x.kind
                && at.is_none()
                && level.srfs.iter().any(|s| s.1.id == id)
            {
                at = Some(x.pos);
            }
        });
        match at {
            None => Ok(()),
            Some(pos) => Err(DbError::unsupported(what)
                .hint("You might be able to move the set-returning function into a LATERAL FROM item.")
                .at(pos)),
        }
    }

    // ---- the SELECT itself -------------------------------------------------------------------------------------

    /// Binds a SELECT with the clauses of the query around it.
    pub(crate) fn select(&mut self, s: &ast::Select, q: &ast::Query) -> Result<Query> {
        self.enter_level();
        let depth = self.scopes.len();
        let r = self.select_inner(s, q);
        self.scopes.truncate(depth);
        self.leave_level();
        r
    }

    fn select_inner(&mut self, s: &ast::Select, q: &ast::Query) -> Result<Query> {
        let stored_in = std::mem::take(&mut self.stored_in);
        let leave_unknown = std::mem::take(&mut self.leave_unknown);
        self.set_clause(Clause::From);
        let lock_mode =
            if q.locking.is_empty() { ast::TableLockMode::AccessShare } else { ast::TableLockMode::RowShare };
        let outer_locks = std::mem::replace(&mut self.from_locks, q.locking.clone());
        let from = self.bind_from(&s.from, lock_mode);
        self.from_locks = outer_locks;
        let (mut rel, scope) = from?;
        if let Some(l) = self.levels.last_mut() {
            l.own = rel.outputs().iter().map(|c| c.id).collect();
            l.named = s.windows.iter().map(|(n, w)| (n.value.clone(), w.clone())).collect();
        }
        self.scopes.push(scope);
        // Output list.
        self.set_clause(Clause::Targets);
        let mut targets = self.targets(&s.targets)?;
        if let Some(w) = &s.filter {
            self.set_clause(Clause::Where);
            let e = self.expr(w)?;
            let pred = self.to_bool(e, "WHERE")?;
            rel = Rel::Filter { input: Box::new(rel), pred };
        }
        let having = match &s.having {
            Some(h) => {
                self.set_clause(Clause::Having);
                let e = self.expr(h)?;
                Some(self.to_bool(e, "HAVING")?)
            }
            None => None,
        };
        // ORDER BY: output names, positions, or expressions over the input (hidden outputs).
        self.set_clause(Clause::OrderBy);
        let visible = targets.len();
        let mut order: Vec<(usize, bool, bool)> = Vec::new();
        let mut unlisted = None;
        for k in &q.order_by {
            let i = self.output_ref(&k.expr, &mut targets, visible, "ORDER BY")?;
            let e = std::mem::replace(&mut targets[i].expr, Expr::new(ExprKind::CaseValue, types::plain(oid::BOOL)));
            let key = self.sort_key(k, e)?;
            targets[i].expr = key.expr;
            if i >= visible {
                unlisted = unlisted.or(Some(k.expr.pos));
            }
            if !order.iter().any(|o| o.0 == i) {
                order.push((i, key.desc, key.nulls_first));
            }
        }
        // GROUP BY: names of outputs, positions, or expressions.
        self.set_clause(Clause::GroupBy);
        let groups = self.group_by(s, &targets[..visible])?;
        self.set_clause(Clause::OrderBy);
        let distinct_on = match &s.distinct {
            ast::Distinct::On(exprs) => {
                let mut on = Vec::with_capacity(exprs.len());
                for e in exprs {
                    on.push(self.output_ref(e, &mut targets, visible, "DISTINCT ON")?);
                }
                Some(on)
            }
            _ => None,
        };
        if matches!(s.distinct, ast::Distinct::All)
            && let Some(at) = unlisted
        {
            return Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
            )
            .at(self.pos(at)));
        }
        if let Some(on) = &distinct_on {
            // The leading sort keys must be the DISTINCT ON keys.
            let lead = order.iter().take_while(|o| on.contains(&o.0)).count();
            let late = |i: &&usize| order.iter().skip(lead).any(|o| o.0 == **i);
            // A key that comes too late in ORDER BY, or not at all while others do.
            let missed = |i: &&usize| lead < order.len() && order.iter().all(|o| o.0 != **i);
            if let Some(bad) = on.iter().find(late).or_else(|| on.iter().find(missed)) {
                let at = match &s.distinct {
                    ast::Distinct::On(list) => on.iter().position(|i| i == bad).and_then(|n| list.get(n)),
                    _ => None,
                };
                return Err(DbError::new(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                )
                .at(self.pos(at.map_or(s.pos, ast::Expr::start))));
            }
        }
        if matches!(s.distinct, ast::Distinct::All) {
            for t in &targets[..visible] {
                self.check_equality(t.expr.ty.oid, t.expr.pos)?;
            }
        }
        let plain = matches!(s.distinct, ast::Distinct::No);
        for (i, t) in targets.iter_mut().enumerate() {
            let literal = matches!(t.expr.kind, ExprKind::Const(_) | ExprKind::Param(_));
            if leave_unknown && literal && plain && i < visible && order.iter().all(|o| o.0 != i) {
                continue;
            }
            let e = std::mem::replace(&mut t.expr, Expr::new(ExprKind::CaseValue, types::plain(oid::BOOL)));
            let stored = stored_in.get(i).filter(|_| matches!(s.distinct, ast::Distinct::No) && i < visible);
            t.expr = match stored {
                Some((ty, column)) if e.ty.oid == oid::UNKNOWN => self.assign(e, *ty, column)?,
                _ => self.default_unknown(e)?,
            };
        }
        let mut defined_windows = self.defined_windows(s)?;
        let distinct: Vec<usize> = match (&s.distinct, &distinct_on) {
            (ast::Distinct::All, _) => (0..visible).collect(),
            (_, on) => on.clone().unwrap_or_default(),
        };
        self.order_windows(&targets, &order, &groups.exprs, &distinct, &defined_windows);
        {
            let scope = self.traced.is_some().then(|| self.scopes.last().cloned().unwrap_or_default());
            let filter = match &rel {
                Rel::Filter { pred, .. } if s.filter.is_some() => Some(pred),
                _ => None,
            };
            self.trace(|t| {
                let select = TracedSelect {
                    scope: scope.unwrap_or_default(),
                    targets: targets.iter().map(|t| (t.expr.clone(), t.name.clone())).collect(),
                    visible,
                    filter: filter.cloned(),
                    having: having.clone(),
                    order: order.clone(),
                    distinct_on: distinct_on.clone(),
                    windows: std::mem::take(&mut defined_windows),
                };
                t.selects.insert(key(s), select);
            });
        }
        // Row locks need the row ids as hidden outputs.
        let locks = self.row_locks(&q.locking, s)?;
        let mut lock_cols = Vec::new();
        for l in &locks {
            let rid = targets.len();
            for c in std::iter::once(l.rid).chain(l.tableoid) {
                targets.push(Target { expr: Expr::column(c), name: String::new(), origin: (0, 0) });
            }
            lock_cols.push((rid, l.tableoid.map(|_| rid + 1)));
        }
        // Assemble. Aggregates first.
        let level = std::mem::take(self.levels.last_mut().ok_or_else(|| DbError::internal("no query level"))?);
        let Level { aggs, mut windows, mut srfs, own, groupings, recursing, first_agg, .. } = level;
        if recursing && !aggs.is_empty() {
            return Err(DbError::new(
                SqlState::INVALID_RECURSION,
                "aggregate functions are not allowed in a recursive query's recursive term",
            )
            .at(first_agg));
        }
        let windowed = !windows.is_empty();
        let grouped = !aggs.is_empty() || !s.group_by.is_empty() || having.is_some();
        if grouped && !locks.is_empty() {
            return Err(self.refuse_grouped_locks(s, q));
        }
        let set_no =
            (grouped && !groups.sets.is_empty() && !groupings.is_empty()).then(|| self.col(types::plain(oid::INT4)));
        let placed = self.resolve_groupings(&groupings, &groups, set_no)?;
        let super::grouping::Groups { exprs: groups, mut sets } = groups;
        let mut having = having;
        if grouped {
            // Sets that are grouped by are made before the grouping.
            let before = take_needed(&mut srfs, groups.iter());
            rel = project_sets(rel, before);
            let mut group_cols: Vec<(Col, Expr)> = Vec::with_capacity(groups.len());
            for g in groups {
                let c = self.col(g.ty);
                group_cols.push((c, g));
            }
            let written = group_cols.len();
            let dependent = self.add_functional_dependencies(&mut group_cols, &mut sets);
            {
                let scope = self.scopes.last().cloned().unwrap_or_default();
                for (_, a) in aggs.iter().filter(|a| a.1.direct > 0) {
                    self.check_direct_arguments(&a.args[..a.direct.min(a.args.len())], &group_cols, &own)?;
                }
                let mut fix = |e: &mut Expr| {
                    group_rewrite(e, &group_cols, &own, &scope)?;
                    place_columns(e, &placed)
                };
                for t in &mut targets {
                    // A constant that is grouped by is NULL in the sets without it, but only as a whole output.
                    let grouped = group_cols.iter().find(|(_, g)| walk::same(g, &t.expr));
                    match (&t.expr.kind, grouped) {
                        (ExprKind::Const(_), Some((c, _))) => t.expr = Expr { pos: t.expr.pos, ..Expr::column(*c) },
                        _ => fix(&mut t.expr)?,
                    }
                }
                if let Some(h) = &mut having {
                    fix(h)?;
                }
                for (_, w) in &mut windows {
                    walk::window_exprs_mut(w, &mut fix)?;
                }
                for (_, _, e) in &mut srfs {
                    fix(e)?;
                }
            }
            // Of the columns that depend on a key, only those that are used need to be carried.
            let mut used = ColSet::default();
            {
                let mut note = |e: &Expr| {
                    walk::visit_deep(e, &mut |x| {
                        if let ExprKind::Column(id) = x.kind {
                            used.insert(id);
                        }
                    });
                };
                targets.iter().for_each(|t| note(&t.expr));
                having.iter().for_each(&mut note);
                for (_, w) in &mut windows {
                    walk::window_exprs_mut(w, &mut |e| {
                        note(e);
                        Ok(())
                    })?;
                }
                srfs.iter().for_each(|s| note(&s.2));
            }
            for (_, constraint) in dependent.iter().filter(|d| used.contains(&d.0)) {
                self.note(|_| super::define::Resolved::Constraint(*constraint));
            }
            let mut at = 0;
            group_cols.retain(|(c, _)| {
                at += 1;
                at <= written || used.contains(&c.id)
            });
            let alone = having.is_some() && group_cols.is_empty() && aggs.is_empty() && sets.is_empty();
            rel = if alone && set_no.is_none() {
                // One row whatever the input has, so that it is not read: PostgreSQL does not either.
                Rel::Values { cols: vec![], rows: vec![vec![]] }
            } else {
                Rel::Aggregate { input: Box::new(rel), groups: group_cols, aggs, sets, grouping_id: set_no }
            };
        }
        if let Some(h) = having {
            rel = Rel::Filter { input: Box::new(rel), pred: h };
        }
        if !windows.is_empty() {
            let mut read = Vec::new();
            for (_, w) in &mut windows {
                walk::window_exprs_mut(w, &mut |e| {
                    read.push(e.clone());
                    Ok(())
                })?;
            }
            rel = project_sets(rel, take_needed(&mut srfs, read.iter()));
            rel = Rel::Window { input: Box::new(rel), calls: windows };
        }
        srfs.sort_by_key(|s| s.0);
        let sorted = !order.is_empty() && !matches!(s.distinct, ast::Distinct::All);
        let late = if sorted && locks.is_empty() {
            let kept: Vec<usize> = order.iter().map(|o| o.0).chain(distinct_on.iter().flatten().copied()).collect();
            late_outputs(&targets, &kept, &srfs)
        } else {
            Late::default()
        };
        let late_srfs = if late.srfs { std::mem::take(&mut srfs) } else { Vec::new() };
        rel = project_sets(rel, srfs);
        // Output.
        let mut exprs = Vec::with_capacity(targets.len());
        let mut columns = Vec::with_capacity(visible);
        for (i, t) in targets.into_iter().enumerate() {
            let c = self.col(t.expr.ty);
            if i < visible {
                columns.push(OutputColumn { name: t.name, ty: t.expr.ty, origin: t.origin });
            }
            self.note_fields(c, &t.expr);
            exprs.push((c, t.expr));
        }
        let out: Vec<Col> = exprs.iter().map(|e| e.0).collect();
        let after = if late.outputs.is_empty() { None } else { Some(late.split(&rel, &mut exprs, &late_srfs)) };
        rel = Rel::Project { input: Box::new(rel), exprs };
        let keys: Vec<SortKey> = order
            .iter()
            .map(|&(i, desc, nulls_first)| SortKey { expr: Expr::column(out[i]), desc, nulls_first })
            .collect();
        match &s.distinct {
            ast::Distinct::All => {
                rel = Rel::Distinct { input: Box::new(rel), on: None };
                if !keys.is_empty() {
                    rel = Rel::Sort { input: Box::new(rel), keys: keys.clone() };
                }
            }
            ast::Distinct::On(_) => {
                let on: Vec<Col> = distinct_on.unwrap_or_default().iter().map(|i| out[*i]).collect();
                // Sorted by the keys (any order of them when ORDER BY does not say), first row of each group.
                let mut all = keys.clone();
                for c in &on {
                    if !all.iter().any(|k| matches!(k.expr.kind, ExprKind::Column(id) if id == c.id)) {
                        all.push(SortKey { expr: Expr::column(*c), desc: false, nulls_first: false });
                    }
                }
                rel = Rel::Sort { input: Box::new(rel), keys: all };
                rel = Rel::Distinct { input: Box::new(rel), on: Some(on) };
                if let Some(exprs) = after {
                    rel = Rel::Project { input: Box::new(project_sets(rel, late_srfs)), exprs };
                }
            }
            ast::Distinct::No => {
                if !keys.is_empty() {
                    rel = Rel::Sort { input: Box::new(rel), keys: keys.clone() };
                }
                if let Some(exprs) = after {
                    rel = Rel::Project { input: Box::new(project_sets(rel, late_srfs)), exprs };
                }
            }
        }
        if !locks.is_empty() {
            let what = q.locking.first().map_or("FOR UPDATE", |l| lock_name(l.strength));
            if windowed {
                return Err(DbError::unsupported(format!("{what} is not allowed with window functions")));
            }
            let padded = strict::padded_scans(&rel);
            if locks.iter().any(|l| padded.contains(&l.rid.id)) {
                return Err(DbError::unsupported(format!(
                    "{what} cannot be applied to the nullable side of an outer join"
                )));
            }
            if !matches!(s.distinct, ast::Distinct::No) {
                return Err(DbError::unsupported(format!("{what} is not allowed with DISTINCT clause")));
            }
            let locks = locks
                .into_iter()
                .zip(&lock_cols)
                .map(|(l, i)| RowLock { rid: out[i.0], tableoid: i.1.map(|i| out[i]), ..l })
                .collect();
            rel = Rel::LockRows { input: Box::new(rel), locks };
        }
        rel = self.limit(rel, q, keys)?;
        if out.len() > visible {
            let mut exprs = Vec::with_capacity(visible);
            for c in &out[..visible] {
                let (to, from) = (self.col(c.ty), Expr::column(*c));
                self.note_fields(to, &from);
                exprs.push((to, from));
            }
            rel = Rel::Project { input: Box::new(rel), exprs };
        }
        Ok(Query { rel, columns })
    }

    /// Puts LIMIT and OFFSET on top of a relation.
    pub(crate) fn limit(&mut self, rel: Rel, q: &ast::Query, keys: Vec<SortKey>) -> Result<Rel> {
        if q.limit.is_none() && q.offset.is_none() {
            return Ok(rel);
        }
        self.enter_level();
        self.set_clause(Clause::Limit);
        let own: ColSet = self.scopes.last().map(Scope::ids).unwrap_or_default();
        let mut one = |written: &ast::Expr, what: &str| -> Result<Expr> {
            let e = self.expr(written)?;
            let (from, at) = (e.ty.oid, e.pos);
            if walk::reads_any(&e, &own) {
                return Err(DbError::new(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    format!("argument of {what} must not contain variables"),
                )
                .at(at));
            }
            let whole = self.coerce(e, types::plain(oid::INT8), super::resolve::Coercion::Assignment)?;
            if let Some(e) = &whole {
                self.trace(|t| {
                    t.exprs.insert(key(written), e.clone());
                });
            }
            whole.ok_or_else(|| {
                DbError::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("argument of {what} must be type bigint, not type {}", show(from)),
                )
                .at(at)
            })
        };
        let null_ties = q.with_ties
            && q.limit.as_ref().is_some_and(|l| matches!(l.kind, ast::ExprKind::Literal(ast::Literal::Null)));
        // Of two mistakes PostgreSQL finds the one of OFFSET.
        let offset = q.offset.as_ref().map(|e| one(e, "OFFSET")).transpose();
        let limit = q.limit.as_ref().map(|e| one(e, "LIMIT")).transpose();
        self.leave_level();
        let (offset, limit) = (offset?, limit?);
        if q.with_ties && keys.is_empty() {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause"));
        }
        if null_ties {
            let text = "row count cannot be null in FETCH FIRST ... WITH TIES clause";
            return Err(DbError::new(SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, text));
        }
        let ties = q.with_ties.then_some(keys);
        Ok(Rel::Limit { input: Box::new(rel), limit, offset, ties })
    }

    /// Binds an output list, expanding stars.
    pub(crate) fn targets(&mut self, list: &[ast::Target]) -> Result<Vec<Target>> {
        let mut out = Vec::with_capacity(list.len());
        for t in list {
            if out.len() > 1664 {
                return Err(DbError::new(SqlState::TOO_MANY_COLUMNS, "target lists can have at most 1664 entries"));
            }
            match &t.expr.kind {
                ast::ExprKind::Column(c) if c.star => {
                    if let Some(fields) = self.parameter_fields(c, self.pos(t.expr.pos))? {
                        out.extend(fields.into_iter().map(|(name, expr)| Target { expr, name, origin: (0, 0) }));
                        continue;
                    }
                    let cols = self.expand_star(c, self.pos(t.expr.pos))?;
                    self.note(|b| {
                        let table = |id| {
                            let rtes = b.scopes.iter().rev().flat_map(|s| s.rtes.iter());
                            rtes.filter(|r| !r.name.is_empty())
                                .find(|r| r.cols.iter().any(|c| c.col.id == id))
                                .map(|r| r.name.clone())
                        };
                        let names = cols.iter().map(|c| (table(c.col.id), c.name.to_string())).collect();
                        super::define::Resolved::Star(t.pos, names)
                    });
                    for col in cols {
                        self.needs.reads(col.col.id);
                        let name = col.name.to_string();
                        out.push(Target { expr: Expr::column(col.col), name, origin: col.origin });
                    }
                }
                ast::ExprKind::Indirection(arg, steps) if matches!(steps.last(), Some(ast::Step::Star)) => {
                    let inner = if steps.len() > 1 {
                        let rest = steps[..steps.len() - 1].to_vec();
                        ast::Expr::new(ast::ExprKind::Indirection(arg.clone(), rest), t.expr.pos)
                    } else {
                        (**arg).clone()
                    };
                    let e = self.expr_typed(&inner)?;
                    let fields = self.fields_of(&e)?;
                    out.extend(fields.into_iter().map(|(name, expr)| Target { expr, name, origin: (0, 0) }));
                }
                _ => {
                    let e = self.expr(&t.expr)?;
                    let name = match &t.alias {
                        Some(a) => a.value.clone(),
                        None => ast::column_label(&t.expr).unwrap_or("?column?").to_owned(),
                    };
                    let origin = self.origin_of(&e);
                    out.push(Target { expr: e, name, origin });
                }
            }
        }
        Ok(out)
    }

    fn origin_of(&self, e: &Expr) -> (u32, i16) {
        let ExprKind::Column(id) = e.kind else { return (0, 0) };
        self.scopes
            .iter()
            .rev()
            .flat_map(|s| s.star.iter().chain(s.rtes.iter().flat_map(|r| r.cols.iter().chain(r.system.iter()))))
            .find(|c| c.col.id == id)
            .map_or((0, 0), |c| c.origin)
    }

    /// The fields of a row, each with its name.
    pub(super) fn fields_of(&self, e: &Expr) -> Result<Vec<(String, Expr)>> {
        let fields = self.row_fields(e).ok_or_else(|| {
            DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("type {} is not composite", show(e.ty.oid))).at(e.pos)
        })?;
        let field = |(i, (name, ty)): (usize, (String, TypeRef))| {
            let x = match &e.kind {
                ExprKind::WholeRow(f) | ExprKind::Row(f) => f.get(i).cloned(),
                _ => None,
            };
            let of_row = || Expr { kind: ExprKind::Field(Box::new(e.clone()), i), ty, pos: e.pos };
            (name, x.unwrap_or_else(of_row))
        };
        Ok(fields.into_iter().enumerate().map(field).collect())
    }

    /// What `v.*` stands for if `v` is a parameter of the function whose body is bound, and no table.
    pub(super) fn parameter_fields(&mut self, c: &ast::ColumnRef, pos: u32) -> Result<Option<Vec<(String, Expr)>>> {
        let parts: Vec<&str> = c.parts.iter().map(|p| p.as_str()).collect();
        let table = match parts.as_slice() {
            [t] => self.lookup_table(None, t),
            [s, t] => self.lookup_table(Some(s), t),
            _ => return Ok(None),
        };
        if table.is_some() {
            return Ok(None);
        }
        match self.parameter(&parts, pos)? {
            Some(e) => {
                let e = self.see_through(e);
                self.fields_of(&e).map(Some)
            }
            None => Ok(None),
        }
    }

    pub(crate) fn expand_star(&self, c: &ast::ColumnRef, pos: u32) -> Result<Vec<ScopeCol>> {
        let parts: Vec<&str> = c.parts.iter().map(|p| p.as_str()).collect();
        let missing = |t: &str| self.missing_table(t, pos);
        match parts.as_slice() {
            [] => {
                let scope = self.scopes.last().filter(|s| !s.rtes.is_empty() || !s.star.is_empty());
                match scope {
                    Some(s) => Ok(s.star.clone()),
                    None => {
                        Err(DbError::new(SqlState::SYNTAX_ERROR, "SELECT * with no tables specified is not valid")
                            .at(pos))
                    }
                }
            }
            [t] => Ok(self.lookup_table(None, t).ok_or_else(|| missing(t))?.cols.clone()),
            [s, t] | [_, s, t] => Ok(self.lookup_table(Some(s), t).ok_or_else(|| missing(t))?.cols.clone()),
            _ => Err(missing(&parts.join("."))),
        }
    }

    /// What an ORDER BY or DISTINCT ON item means: the position in `targets`, to which a hidden output may be added.
    fn output_ref(&mut self, e: &ast::Expr, targets: &mut Vec<Target>, visible: usize, what: &str) -> Result<usize> {
        let pos = self.pos(e.pos);
        if let ast::ExprKind::Column(c) = &e.kind
            && !c.star
            && let [name] = c.parts.as_slice()
        {
            let hits: Vec<usize> = (0..visible).filter(|&i| targets[i].name == name.value).collect();
            if let Some(&first) = hits.first() {
                if hits.iter().any(|&i| !walk::same(&targets[i].expr, &targets[first].expr)) {
                    return Err(DbError::new(
                        SqlState::AMBIGUOUS_COLUMN,
                        format!("{what} \"{}\" is ambiguous", name.value),
                    )
                    .at(pos));
                }
                return Ok(first);
            }
        }
        if let ast::ExprKind::Literal(l) = &e.kind {
            return match l {
                ast::Literal::Integer(n) => {
                    usize::try_from(*n).ok().filter(|n| (1..=visible).contains(n)).map(|n| n - 1).ok_or_else(|| {
                        DbError::new(
                            SqlState::INVALID_COLUMN_REFERENCE,
                            format!("{what} position {n} is not in select list"),
                        )
                        .at(pos)
                    })
                }
                _ => Err(DbError::new(SqlState::SYNTAX_ERROR, format!("non-integer constant in {what}")).at(pos)),
            };
        }
        let b = self.expr(e)?;
        if let Some(i) = (0..targets.len()).find(|&i| walk::same(&targets[i].expr, &b)) {
            return Ok(i);
        }
        targets.push(Target { expr: b, name: String::new(), origin: (0, 0) });
        Ok(targets.len() - 1)
    }

    fn row_locks(&mut self, locking: &[ast::Locking], s: &ast::Select) -> Result<Vec<RowLock>> {
        if locking.is_empty() {
            return Ok(Vec::new());
        }
        let scope: Scope = self.scopes.last().cloned().unwrap_or_default();
        let mut out: Vec<RowLock> = Vec::new();
        for l in locking {
            let what = lock_name(l.strength);
            if s.group_by.is_empty() && s.from.is_empty() {
                continue;
            }
            let mut add = |rte: &super::scope::Rte, named: Option<u32>| -> Result<()> {
                match (rte.rid, &rte.table) {
                    (Some(rid), Some(t)) => {
                        if let Some(have) = out.iter_mut().find(|x| x.rid.id == rid.id) {
                            have.strength = have.strength.max(l.strength);
                            have.wait = match (have.wait, l.wait) {
                                (ast::LockWait::Error, _) | (_, ast::LockWait::Error) => ast::LockWait::Error,
                                (ast::LockWait::Skip, _) | (_, ast::LockWait::Skip) => ast::LockWait::Skip,
                                _ => ast::LockWait::Block,
                            };
                        } else {
                            let tree = !t.children.is_empty() || t.is_partitioned();
                            let tableoid = if tree { rte.system_column("tableoid") } else { None };
                            out.push(RowLock { rid, tableoid, table: t.clone(), strength: l.strength, wait: l.wait });
                        }
                        Ok(())
                    }
                    _ => match (rte.other, named) {
                        (Some(kind), Some(pos)) => {
                            Err(DbError::unsupported(format!("{what} cannot be applied to {kind}")).at(pos))
                        }
                        _ => Ok(()),
                    },
                }
            };
            if l.of.is_empty() {
                for rte in scope.rtes.iter().chain(&scope.invisible) {
                    add(rte, None)?;
                }
            } else {
                for n in &l.of {
                    // Tables of a join with a name are known by their own names here.
                    let mut tables = scope.rtes.iter().chain(&scope.invisible);
                    let rte = tables.find(|r| r.name == n.name.value).ok_or_else(|| {
                        DbError::new(
                            SqlState::UNDEFINED_TABLE,
                            format!("relation \"{}\" in {what} clause not found in FROM clause", n.plain()),
                        )
                        .at(self.pos(n.pos()))
                    })?;
                    add(rte, Some(self.pos(n.pos())))?;
                }
            }
        }
        Ok(out)
    }
}

/// An output being bound.
pub(crate) struct Target {
    pub(crate) expr: Expr,
    pub(crate) name: String,
    pub(crate) origin: (u32, i16),
}

pub(crate) fn lock_name(s: ast::LockStrength) -> &'static str {
    match s {
        ast::LockStrength::KeyShare => "FOR KEY SHARE",
        ast::LockStrength::Share => "FOR SHARE",
        ast::LockStrength::NoKeyUpdate => "FOR NO KEY UPDATE",
        ast::LockStrength::Update => "FOR UPDATE",
    }
}

fn same_agg(a: &AggCall, b: &AggCall) -> bool {
    // What stands behind an expression has no OID.
    a.proc.oid == b.proc.oid
        && a.proc.proname == b.proc.proname
        && a.distinct == b.distinct
        && a.args.len() == b.args.len()
        && a.args.iter().zip(&b.args).all(|(x, y)| walk::same(x, y))
        && a.order_by.len() == b.order_by.len()
        && a.order_by
            .iter()
            .zip(&b.order_by)
            .all(|(x, y)| x.desc == y.desc && x.nulls_first == y.nulls_first && walk::same(&x.expr, &y.expr))
        && match (&a.filter, &b.filter) {
            (None, None) => true,
            (Some(x), Some(y)) => walk::same(x, y),
            _ => false,
        }
}

/// Whether two calls are one: in a select list and in ORDER BY or DISTINCT ON.
fn same_window(a: &WindowCall, b: &WindowCall) -> bool {
    let all = |x: &[Expr], y: &[Expr]| x.len() == y.len() && x.iter().zip(y).all(|(p, q)| walk::same(p, q));
    let opt = |x: &Option<Expr>, y: &Option<Expr>| match (x, y) {
        (None, None) => true,
        (Some(p), Some(q)) => walk::same(p, q),
        _ => false,
    };
    let bound = |x: &FrameBound, y: &FrameBound| match (x, y) {
        (FrameBound::Preceding(p), FrameBound::Preceding(q)) | (FrameBound::Following(p), FrameBound::Following(q)) => {
            walk::same(p, q)
        }
        (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
    };
    let frame = match (&a.frame, &b.frame) {
        (None, None) => true,
        (Some(x), Some(y)) => {
            x.units == y.units && x.exclude == y.exclude && bound(&x.start, &y.start) && bound(&x.end, &y.end)
        }
        _ => false,
    };
    a.proc.oid == b.proc.oid
        && a.proc.proname == b.proc.proname
        && a.proc.provolatile != 'v'
        && frame
        && all(&a.args, &b.args)
        && opt(&a.filter, &b.filter)
        && all(&a.partition_by, &b.partition_by)
        && a.order_by.len() == b.order_by.len()
        && a.order_by
            .iter()
            .zip(&b.order_by)
            .all(|(x, y)| x.desc == y.desc && x.nulls_first == y.nulls_first && walk::same(&x.expr, &y.expr))
}

/// Puts expressions where columns stood for them.
fn place_columns(e: &mut Expr, placed: &[(ColId, Expr)]) -> Result<()> {
    if placed.is_empty() {
        return Ok(());
    }
    walk::rewrite(e, &mut |x| match x.kind {
        ExprKind::Column(id) => Ok(placed.iter().find(|p| p.0 == id).map(|p| Expr { pos: x.pos, ..p.1.clone() })),
        _ => Ok(None),
    })
}

/// Replaces grouped expressions by their group columns; a remaining column of this level is 42803.
pub(super) fn group_rewrite(e: &mut Expr, groups: &[(Col, Expr)], own: &[ColId], scope: &Scope) -> Result<()> {
    // Columns that stand outside of subqueries.
    let mut direct = Vec::new();
    walk::visit(e, &mut |x| {
        if let ExprKind::Column(id) = x.kind
            && own.contains(&id)
        {
            direct.push((id, x.pos));
        }
    });
    walk::rewrite(e, &mut |x| {
        if !matches!(x.kind, ExprKind::Const(_) | ExprKind::Param(_))
            && let Some((c, _)) = groups.iter().find(|(_, g)| walk::same(g, x))
        {
            return Ok(Some(Expr { pos: x.pos, ..Expr::column(*c) }));
        }
        if let ExprKind::Column(id) = x.kind
            && own.contains(&id)
        {
            let (table, col) = scope
                .rtes
                .iter()
                .find_map(|r| {
                    r.cols
                        .iter()
                        .chain(&r.system)
                        .find(|c| c.col.id == id)
                        .map(|c| (r.name.clone(), c.name.to_string()))
                })
                .unwrap_or_else(|| {
                    let name = scope.star.iter().find(|c| c.col.id == id).map_or("?column?", |c| &*c.name);
                    (String::new(), name.to_owned())
                });
            let shown = if table.is_empty() { col } else { format!("{table}.{col}") };
            let message = if direct.contains(&(id, x.pos)) {
                format!("column \"{shown}\" must appear in the GROUP BY clause or be used in an aggregate function")
            } else {
                format!("subquery uses ungrouped column \"{shown}\" from outer query")
            };
            return Err(DbError::new(SqlState::GROUPING_ERROR, message).at(x.pos));
        }
        Ok(None)
    })
}
