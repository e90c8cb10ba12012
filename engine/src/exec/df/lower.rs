//! Relations to DataFusion's logical plans.

use super::agg::{CallSite, Udaf, What, result_type};
use super::expr::{Frame, Lowered, Scope, comparable, compared_by, is_key_equality, key_of, name, named, scalar};
use super::op::{Op, Run, op_plan};
use super::replay::Replays;
use super::util::from_df;
use super::{cte, rewrite, scan};
use crate::exec::StmtCx;
use crate::exec::sort_keys;
use crate::exec::subquery::has_subquery;
use crate::plan::ir::{AggCall, Col, ColId, ColSet, CteId, Expr, ExprKind, JoinKind, Rel, SortKey};
use crate::plan::walk;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{DFSchema, DFSchemaRef, NullEquality, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, Sort as SortExpr};
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, EmptyRelation, Expr as DfExpr, Filter, Join, JoinConstraint, JoinType, Limit, LogicalPlan,
    Projection, Sort,
};
use rustydb_base::{DbError, Result};
use rustydb_types::arrow::native_order;
use rustydb_types::collation::{INDETERMINATE, for_equality};
use rustydb_types::datum::Datum;
use std::collections::HashMap;
use std::sync::Arc;

/// A lowered relation.
#[derive(Clone)]
pub struct Plan {
    /// DataFusion's plan.
    pub plan: LogicalPlan,
    /// Its columns and their Arrow types, in order.
    pub cols: Vec<(Col, DataType)>,
}

/// The lowering of one statement.
pub struct Lower<'a> {
    /// The statement.
    pub cx: &'a Arc<StmtCx>,
    /// Rows of enclosing queries.
    pub frames: Vec<Arc<Frame>>,
    /// Next fresh column id.
    pub next: ColId,
    /// Common tables in scope.
    pub ctes: HashMap<CteId, Arc<cte::Store>>,
    /// What the plan that is being lowered keeps between its runs, if it will have several.
    pub replays: Option<Replays>,
}

/// Lowers a statement's query; the plan's columns are the relation's outputs in order. Also answers how many bytes its
/// scans read of one row of each table.
pub fn lower(rel: &Rel, cx: &Arc<StmtCx>) -> Result<(LogicalPlan, f64)> {
    let mut rel = rel.clone();
    let outputs = rel.outputs();
    let next = rewrite::statement(&mut rel, cx)?;
    let mut width = 0.0;
    walk::visit_rels(&rel, &mut |r| {
        if let Rel::Scan(s) = r {
            width += scan::width(s, cx);
        }
    });
    let mut l = Lower { cx, frames: vec![], next, ctes: HashMap::new(), replays: None };
    let p = l.rel(&rel)?;
    // Outputs may repeat a column; names may not.
    let exprs = outputs.iter().enumerate().map(|(i, c)| named(name(c.id)).alias(format!("r{i}"))).collect();
    Ok((projection(p.plan, exprs)?, width))
}

/// Whether a relation's rows come in an order that was asked for.
fn is_sorted(rel: &Rel) -> bool {
    match rel {
        Rel::Sort { .. } => true,
        Rel::Project { input, .. } | Rel::Filter { input, .. } | Rel::Limit { input, .. } => is_sorted(input),
        _ => false,
    }
}

/// Keeps the order of rows that an aggregate (`array_agg`) takes as they come; DataFusion would drop the sort.
fn in_order(p: Plan) -> Plan {
    let schema = Arc::clone(p.plan.schema());
    let op = Op::new("Ordered", String::new(), Arc::new(|run: Run| run.input(0)));
    Plan { plan: op_plan(op, vec![p.plan], schema), cols: p.cols }
}

/// A projection.
pub fn projection(input: LogicalPlan, exprs: Vec<DfExpr>) -> Result<LogicalPlan> {
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input)).map_err(from_df)?))
}

/// Exactly the given columns of a plan; all of them (DataFusion's rows need a column) if none is given.
pub fn narrow(plan: LogicalPlan, cols: Vec<(Col, DataType)>) -> Result<Plan> {
    if cols.is_empty() {
        return Ok(Plan { plan, cols });
    }
    let exprs = cols.iter().map(|(c, _)| named(name(c.id))).collect();
    Ok(Plan { plan: projection(plan, exprs)?, cols })
}

fn filter(input: LogicalPlan, pred: DfExpr) -> Result<LogicalPlan> {
    Ok(LogicalPlan::Filter(Filter::try_new(pred, Arc::new(input)).map_err(from_df)?))
}

/// A schema of nullable columns.
pub fn schema(fields: impl IntoIterator<Item = (String, DataType)>) -> Result<DFSchemaRef> {
    let fields: Fields = fields.into_iter().map(|(n, t)| Field::new(n, t, true)).collect();
    DFSchema::from_unqualified_fields(fields, HashMap::new()).map(Arc::new).map_err(from_df)
}

/// The conjuncts of a condition.
pub fn conjuncts(e: &Expr) -> Vec<&Expr> {
    match &e.kind {
        ExprKind::And(v) => v.iter().flat_map(conjuncts).collect(),
        _ => vec![e],
    }
}

fn and(v: Vec<Expr>) -> Option<Expr> {
    let mut v = v;
    match v.len() {
        0 => None,
        1 => v.pop(),
        _ => {
            let ty = v[0].ty;
            Some(Expr::new(ExprKind::And(v), ty))
        }
    }
}

impl Plan {
    /// Arrow types by column.
    pub fn types(&self) -> HashMap<ColId, DataType> {
        self.cols.iter().map(|(c, t)| (c.id, t.clone())).collect()
    }
    /// The schema of its columns.
    pub fn schema(&self) -> Result<DFSchemaRef> {
        schema(self.cols.iter().map(|(c, t)| (name(c.id), t.clone())))
    }
}

impl Lower<'_> {
    /// A fresh column.
    pub fn col(&mut self, ty: rustydb_types::datum::TypeRef) -> Col {
        self.next += 1;
        Col { id: self.next, ty }
    }

    /// The scope of expressions over a plan.
    pub fn scope(&self, p: &Plan) -> Scope<'_> {
        Scope { cx: self.cx, cols: p.types(), frames: &self.frames }
    }

    /// Lowers a relation.
    pub fn rel(&mut self, rel: &Rel) -> Result<Plan> {
        stacker::maybe_grow(512 * 1024, 4 * 1024 * 1024, || match self.replayed(rel)? {
            Some(p) => Ok(p),
            None => self.node(rel),
        })
    }

    fn node(&mut self, rel: &Rel) -> Result<Plan> {
        match rel {
            Rel::Values { cols, rows } => self.values(cols, rows),
            Rel::Scan(s) => match &s.sample {
                Some((method, args, rep)) => self.sample(s, method, args, rep.as_ref()),
                None => scan::plan(s, self.cx, &self.frames, None, &[]),
            },
            Rel::Append(a) => self.append(a),
            Rel::FunctionScan { calls, ordinality } => self.function_scan(calls, *ordinality),
            Rel::Project { input, exprs } => {
                let p = self.rel(input)?;
                let mut exprs: Vec<(Col, Expr)> = exprs.clone();
                let p = self.attach(p, exprs.iter_mut().map(|e| &mut e.1).collect())?;
                self.project(p, &exprs)
            }
            Rel::Filter { input, pred } => {
                if let Rel::Scan(s) = &**input
                    && s.sample.is_none()
                    && !has_subquery(pred)
                {
                    let p = scan::plan(s, self.cx, &self.frames, None, &conjuncts(pred))?;
                    return self.filter(p, pred);
                }
                let p = self.rel(input)?;
                self.filter(p, pred)
            }
            Rel::Join { kind, left, right, on, lateral } => {
                if *lateral {
                    return self.lateral(*kind, left, right, on.as_ref());
                }
                self.join(*kind, left, right, on.as_ref())
            }
            Rel::Aggregate { input, groups, aggs, sets, grouping_id } => {
                let p = self.rel(input)?;
                let p = if is_sorted(input) { in_order(p) } else { p };
                if sets.is_empty() && grouping_id.is_none() {
                    self.aggregate(p, groups, aggs, &[])
                } else {
                    self.grouping_sets(p, groups, aggs, sets, *grouping_id)
                }
            }
            Rel::Window { input, calls } => {
                let p = self.rel(input)?;
                self.window(p, calls)
            }
            Rel::ProjectSet { input, calls } => {
                let p = self.rel(input)?;
                self.project_set(p, calls)
            }
            Rel::Distinct { input, on: None } => {
                let p = self.rel(input)?;
                self.distinct(p)
            }
            Rel::Distinct { input, on: Some(keys) } => {
                let p = self.rel(input)?;
                self.distinct_on(p, keys)
            }
            Rel::Sort { input, keys } => {
                let p = self.rel(input)?;
                self.sort(p, &sort_keys::needed(keys, input))
            }
            Rel::Limit { input, limit, offset, ties } => {
                self.limit(input, limit.as_ref(), offset.as_ref(), ties.as_deref())
            }
            Rel::SetOp { op, all, left, right, cols } => self.set_op(*op, *all, left, right, cols),
            Rel::With { ctes, body } => self.with(ctes, body),
            Rel::CteScan { cte, cols } => self.cte_scan(*cte, cols),
            Rel::LockRows { .. } => Err(DbError::unsupported("FOR UPDATE/SHARE is not supported in this query")),
            Rel::Modify(bound, cols) => self.modify(bound, cols),
        }
    }

    /// Computes columns.
    pub fn project(&mut self, p: Plan, exprs: &[(Col, Expr)]) -> Result<Plan> {
        let scope = self.scope(&p);
        let mut out = Vec::with_capacity(exprs.len());
        let mut cols: Vec<(Col, DataType)> = Vec::with_capacity(exprs.len());
        for (c, e) in exprs {
            if cols.iter().any(|x| x.0.id == c.id) {
                continue;
            }
            let l = scope.lower(e)?;
            out.push(l.expr.alias(name(c.id)));
            cols.push((*c, l.dt));
        }
        if out.is_empty() {
            // DataFusion's rows need a column.
            let c = self.col(crate::bind::type_ref(rustydb_types::oid::BOOL));
            out.push(DfExpr::Literal(ScalarValue::Boolean(Some(true)), None).alias(name(c.id)));
            cols.push((c, DataType::Boolean));
        }
        Ok(Plan { plan: projection(p.plan, out)?, cols })
    }

    /// The input's columns and further ones.
    pub fn extend(&mut self, p: Plan, more: Vec<(Col, Lowered)>) -> Result<Plan> {
        if more.is_empty() {
            return Ok(p);
        }
        let mut out: Vec<DfExpr> = p.cols.iter().map(|(c, _)| named(name(c.id))).collect();
        let mut cols = p.cols;
        for (c, l) in more {
            out.push(l.expr.alias(name(c.id)));
            cols.push((c, l.dt));
        }
        Ok(Plan { plan: projection(p.plan, out)?, cols })
    }

    /// Keeps rows for which the condition is true: what cannot fail first, then subqueries, each part in its order.
    pub fn filter(&mut self, p: Plan, pred: &Expr) -> Result<Plan> {
        let mut p = p;
        let mut later = Vec::new();
        let mut wrapped = Vec::new();
        for c in conjuncts(pred) {
            if has_subquery(c) {
                later.push(c.clone());
                continue;
            }
            let l = self.scope(&p).lower(c)?;
            if l.native {
                p.plan = filter(p.plan, l.expr)?;
            } else {
                wrapped.push(c.clone());
            }
        }
        if let Some(all) = and(wrapped) {
            let l = self.scope(&p).lower(&all)?;
            p.plan = filter(p.plan, l.expr)?;
        }
        if later.is_empty() {
            return Ok(p);
        }
        let cols = p.cols.clone();
        for mut c in later {
            p = self.attach(p, vec![&mut c])?;
            let l = self.scope(&p).lower(&c)?;
            p.plan = filter(p.plan, l.expr)?;
        }
        // The columns that held the subqueries' answers go.
        narrow(p.plan, cols)
    }

    fn join(&mut self, kind: JoinKind, left: &Rel, right: &Rel, on: Option<&Expr>) -> Result<Plan> {
        if let Some(cond) = on
            && has_subquery(cond)
        {
            return match kind {
                JoinKind::Inner => {
                    let p = self.join(kind, left, right, None)?;
                    self.filter(p, cond)
                }
                JoinKind::Left => self.lateral(kind, left, right, on),
                JoinKind::Right => {
                    let p = self.lateral(JoinKind::Left, right, left, on)?;
                    // The columns of the right side came first.
                    let right: ColSet = right.outputs().iter().map(|c| c.id).collect();
                    let (r, mut cols): (Vec<_>, Vec<_>) = p.cols.into_iter().partition(|c| right.contains(&c.0.id));
                    cols.extend(r);
                    narrow(p.plan, cols)
                }
                _ => Err(DbError::unsupported("subqueries in the condition of a FULL JOIN are not supported yet")),
            };
        }
        // DataFusion builds its hash table from the left input: the smaller one belongs there.
        let swap = rewrite::estimate(left, self.cx) > rewrite::estimate(right, self.cx);
        let l = self.rel(left)?;
        let r = self.rel(right)?;
        let out: Vec<(Col, DataType)> = match kind {
            JoinKind::Semi | JoinKind::Anti => l.cols.clone(),
            _ => l.cols.iter().chain(&r.cols).cloned().collect(),
        };
        let (a, b, ty) = if swap {
            let ty = match kind {
                JoinKind::Inner => JoinType::Inner,
                JoinKind::Left => JoinType::Right,
                JoinKind::Right => JoinType::Left,
                JoinKind::Full => JoinType::Full,
                JoinKind::Semi => JoinType::RightSemi,
                JoinKind::Anti => JoinType::RightAnti,
            };
            (r, l, ty)
        } else {
            let ty = match kind {
                JoinKind::Inner => JoinType::Inner,
                JoinKind::Left => JoinType::Left,
                JoinKind::Right => JoinType::Right,
                JoinKind::Full => JoinType::Full,
                JoinKind::Semi => JoinType::LeftSemi,
                JoinKind::Anti => JoinType::LeftAnti,
            };
            (l, r, ty)
        };
        narrow(self.join_plans(a, b, ty, on)?, out)
    }

    fn join_plans(&mut self, a: Plan, b: Plan, ty: JoinType, on: Option<&Expr>) -> Result<LogicalPlan> {
        let (ca, cb) = (ids(&a), ids(&b));
        let mut keys = Vec::new();
        let mut rest: Vec<Expr> = Vec::new();
        for c in on.map(conjuncts).unwrap_or_default() {
            match self.equi(c, &a, &b, &ca, &cb)? {
                Some(pair) => keys.push(pair),
                None => rest.push(c.clone()),
            }
        }
        let both = Plan { plan: a.plan.clone(), cols: a.cols.iter().chain(&b.cols).cloned().collect() };
        let rest = match and(rest) {
            Some(e) => Some(self.scope(&both).lower(&e)?.expr),
            None => None,
        };
        let equality = NullEquality::NullEqualsNothing;
        let join =
            Join::try_new(Arc::new(a.plan), Arc::new(b.plan), keys, rest, ty, JoinConstraint::On, equality, false)
                .map_err(from_df)?;
        Ok(LogicalPlan::Join(join))
    }

    /// A conjunct as a pair of join keys, if it compares one side with the other for equality.
    fn equi(&self, c: &Expr, a: &Plan, b: &Plan, ca: &ColSet, cb: &ColSet) -> Result<Option<(DfExpr, DfExpr)>> {
        let ExprKind::Call { proc, args, collation } = &c.kind else { return Ok(None) };
        let [x, y] = args.as_slice() else { return Ok(None) };
        if !is_key_equality(proc) || *collation == INDETERMINATE {
            return Ok(None);
        }
        let side = |e: &Expr| {
            let (mut in_a, mut in_b) = (false, false);
            walk::visit(e, &mut |n| {
                if let ExprKind::Column(id) = n.kind {
                    in_a |= ca.contains(&id);
                    in_b |= cb.contains(&id);
                }
            });
            (in_a, in_b)
        };
        let (x, y) = match (side(x), side(y)) {
            ((true, false), (false, true)) => (x, y),
            ((false, true), (true, false)) => (y, x),
            _ => return Ok(None),
        };
        let (l, r) = (self.scope(a).lower(x)?, self.scope(b).lower(y)?);
        let by = |ty| compared_by(ty, *collation, true);
        Ok(comparable(by(x.ty), l, by(y.ty), r).map(|(l, r)| (l.expr, r.expr)))
    }

    /// Grouping and aggregation; `extra` are further group keys (native columns) that are not output.
    pub fn aggregate(
        &mut self,
        p: Plan,
        groups: &[(Col, Expr)],
        aggs: &[(Col, AggCall)],
        extra: &[Col],
    ) -> Result<Plan> {
        let mut groups = groups.to_vec();
        let mut aggs = aggs.to_vec();
        let p = self.attach(
            p,
            groups
                .iter_mut()
                .map(|g| &mut g.1)
                .chain(aggs.iter_mut().flat_map(|(_, a)| {
                    let keys = a.order_by.iter_mut().map(|k| &mut k.expr);
                    a.args.iter_mut().chain(a.filter.iter_mut()).chain(keys)
                }))
                .collect(),
        )?;
        // First everything that groups and aggregates read becomes a column.
        let mut pre: Vec<DfExpr> = extra.iter().map(|c| named(name(c.id))).collect();
        let mut keys: Vec<DfExpr> = extra.iter().map(|c| named(name(c.id))).collect();
        let mut calls: Vec<DfExpr> = Vec::new();
        let mut post: Vec<DfExpr> = Vec::new();
        let mut cols: Vec<(Col, DataType)> = Vec::new();
        let scope = self.scope(&p);
        for (c, e) in &groups {
            let l = scope.lower(e)?;
            let n = c.id;
            cols.push((*c, l.dt.clone()));
            let by = for_equality(e.ty);
            if native_order(by, super::expr::fixed_of(&l.dt)) {
                pre.push(l.expr.alias(format!("g{n}")));
                keys.push(named(format!("g{n}")));
                post.push(named(format!("g{n}")).alias(name(n)));
            } else {
                // Equal values may differ (1.0 and 1.00): the key groups, one of the values is shown.
                pre.push(l.expr.clone().alias(format!("v{n}")));
                pre.push(key_of(by, l.clone()).expr.alias(format!("g{n}")));
                keys.push(named(format!("g{n}")));
                let first = CallSite {
                    what: What::First,
                    name: "first".into(),
                    args: vec![e.ty],
                    result: e.ty,
                    collation: 0,
                    distinct: false,
                    order: vec![],
                    dt: l.dt,
                    cx: Arc::clone(self.cx),
                };
                calls.push(udaf_call(first, vec![named(format!("v{n}"))], None).alias(format!("f{n}")));
                post.push(named(format!("f{n}")).alias(name(n)));
            }
        }
        for (c, a) in &aggs {
            let n = c.id;
            let what = super::agg::what_of(a, self.cx)?;
            let mut args = Vec::new();
            // A hypothetical row is the direct arguments; the sort keys are read as such.
            let read = if matches!(what, What::Rank(_)) { &a.args[..a.direct.min(a.args.len())] } else { &a.args[..] };
            let product = if a.distinct || !a.order_by.is_empty() { None } else { scope.wide_product(a)? };
            let mut types: Vec<rustydb_types::datum::TypeRef> = read.iter().map(|x| x.ty).collect();
            if let Some(factors) = product {
                types = vec![a.args[0].ty; 2];
                for (i, l) in factors.into_iter().enumerate() {
                    pre.push(l.expr.alias(format!("a{n}_{i}")));
                    args.push(named(format!("a{n}_{i}")));
                }
            } else {
                for (i, e) in read.iter().chain(a.order_by.iter().map(|k| &k.expr)).enumerate() {
                    let l = if i < a.direct { scope.lower(e)? } else { scope.lower_passing(e, a.filter.as_ref())? };
                    pre.push(l.expr.alias(format!("a{n}_{i}")));
                    args.push(named(format!("a{n}_{i}")));
                }
            }
            if args.is_empty() {
                args.push(DfExpr::Literal(ScalarValue::Int64(Some(1)), None));
            }
            let cond = match &a.filter {
                Some(f) => {
                    let l = scope.lower(f)?;
                    pre.push(l.expr.alias(format!("w{n}")));
                    Some(named(format!("w{n}")))
                }
                None => None,
            };
            let dt = result_type(a.ty);
            let site = CallSite {
                what,
                name: a.proc.proname.to_string(),
                args: types,
                result: a.ty,
                collation: a.collation,
                distinct: a.distinct,
                order: a.order_by.iter().map(|k| (k.expr.ty, k.desc, k.nulls_first)).collect(),
                dt: dt.clone(),
                cx: Arc::clone(self.cx),
            };
            calls.push(udaf_call(site, args, cond).alias(format!("f{n}")));
            post.push(named(format!("f{n}")).alias(name(n)));
            cols.push((*c, dt));
        }
        for c in extra {
            let dt = p.cols.iter().find(|x| x.0.id == c.id).map(|x| x.1.clone());
            cols.push((*c, dt.ok_or_else(|| DbError::internal("group key is not in the input"))?));
            post.push(named(name(c.id)));
        }
        if pre.is_empty() {
            pre.push(DfExpr::Literal(ScalarValue::Boolean(Some(true)), None).alias("one"));
        }
        if keys.is_empty() && calls.is_empty() {
            // GROUP BY () without aggregates: one row.
            return self.values(&[], &[vec![]]);
        }
        let input = projection(p.plan, pre)?;
        let agg = Aggregate::try_new(Arc::new(input), keys, calls).map_err(from_df)?;
        Ok(Plan { plan: projection(LogicalPlan::Aggregate(agg), post)?, cols })
    }

    /// Drops duplicate rows.
    pub fn distinct(&mut self, p: Plan) -> Result<Plan> {
        if p.cols.is_empty() {
            // Rows without columns are equal.
            let one = Box::new(int8(1)?);
            let plan = LogicalPlan::Limit(Limit { skip: None, fetch: Some(one), input: Arc::new(p.plan) });
            return Ok(Plan { plan, cols: p.cols });
        }
        let groups: Vec<(Col, Expr)> = p.cols.iter().map(|(c, _)| (*c, Expr::column(*c))).collect();
        self.aggregate(p, &groups, &[], &[])
    }

    /// Sorts.
    pub fn sort(&mut self, p: Plan, keys: &[SortKey]) -> Result<Plan> {
        let mut keys = keys.to_vec();
        let out = p.cols.clone();
        let mut p = self.attach(p, keys.iter_mut().map(|k| &mut k.expr).collect())?;
        // Keys that are computed become columns: they are evaluated once per row, not once per comparison.
        let mut more = Vec::new();
        let mut exprs = Vec::new();
        for (k, s) in keys.iter().zip(self.sort_keys(&p, &keys)?) {
            let Some(l) = s else { continue };
            if matches!(l.expr, DfExpr::Column(_)) {
                exprs.push(SortExpr::new(l.expr, !k.desc, k.nulls_first));
            } else {
                let c = self.col(k.expr.ty);
                more.push((c, l));
                exprs.push(SortExpr::new(named(name(c.id)), !k.desc, k.nulls_first));
            }
        }
        if exprs.is_empty() {
            return Ok(p);
        }
        p = self.extend(p, more)?;
        let widened = p.cols.len() > out.len();
        let plan = LogicalPlan::Sort(Sort { expr: exprs, input: Arc::new(p.plan), fetch: None });
        if !widened {
            return Ok(Plan { plan, cols: out });
        }
        narrow(plan, out)
    }

    fn sort_keys(&self, p: &Plan, keys: &[SortKey]) -> Result<Vec<Option<Lowered>>> {
        let scope = self.scope(p);
        keys.iter()
            .map(|k| {
                let l = key_of(k.expr.ty, scope.lower(&k.expr)?);
                Ok(if matches!(l.expr, DfExpr::Literal(..)) { None } else { Some(l) })
            })
            .collect()
    }

    fn limit(
        &mut self,
        input: &Rel,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        ties: Option<&[SortKey]>,
    ) -> Result<Plan> {
        let p = self.rel(input)?;
        if ties.is_none() && limit.is_none() && offset.is_none() {
            return self.fence(p);
        }
        if ties.is_none()
            && let (Some(fetch), Some(skip)) = (self.row_count(limit, "LIMIT")?, self.row_count(offset, "OFFSET")?)
        {
            let lit = |n: i64| Box::new(DfExpr::Literal(ScalarValue::Int64(Some(n)), None));
            if fetch.is_none() && skip.unwrap_or(0) == 0 {
                return Ok(p);
            }
            if fetch == Some(0) {
                // DataFusion panics when it sorts for the first no rows.
                let schema = Arc::clone(p.plan.schema());
                let plan = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema });
                return Ok(Plan { plan, cols: p.cols });
            }
            let plan =
                LogicalPlan::Limit(Limit { skip: skip.map(lit), fetch: fetch.map(lit), input: Arc::new(p.plan) });
            return Ok(Plan { plan, cols: p.cols });
        }
        self.limit_op(p, limit, offset, ties)
    }

    /// The value of a LIMIT or OFFSET that is known now: outer `None` when it is not.
    fn row_count(&self, e: Option<&Expr>, what: &str) -> Result<Option<Option<i64>>> {
        let Some(e) = e else { return Ok(Some(None)) };
        let mut varies = false;
        walk::visit(e, &mut |x| {
            varies |= matches!(x.kind, ExprKind::Column(_) | ExprKind::Subquery(_)) || super::expr::is_volatile(x);
        });
        if varies {
            return Ok(None);
        }
        let row = super::expr::RowExpr::new(e, self.cx, &[], &|_| false)?;
        super::misc::count_of(&row.eval(&[])?, what).map(Some)
    }
}

fn ids(p: &Plan) -> ColSet {
    p.cols.iter().map(|c| c.0.id).collect()
}

/// An aggregate call.
pub fn udaf_call(site: CallSite, args: Vec<DfExpr>, cond: Option<DfExpr>) -> DfExpr {
    let f = Arc::new(AggregateUDF::from(Udaf::new(site)));
    DfExpr::AggregateFunction(AggregateFunction::new_udf(f, args, false, cond.map(Box::new), vec![], None))
}

/// A literal int8.
pub fn int8(n: i64) -> Result<DfExpr> {
    let ty = crate::bind::type_ref(rustydb_types::oid::INT8);
    Ok(DfExpr::Literal(scalar(ty, None, &Datum::Int8(n))?, None))
}
