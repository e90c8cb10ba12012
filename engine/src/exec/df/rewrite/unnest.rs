//! Subqueries to joins, where their shape allows it; the others are run per outer row ([`super::super::apply`]).
//!
//! - `EXISTS`, `IN` and `= ANY` as conjuncts of a filter become semi-joins, `NOT EXISTS` an anti-join, and `NOT IN` an
//!   anti-join when neither side can be NULL.
//! - A scalar subquery that aggregates what equals the outer row's columns becomes a grouped aggregate, joined to the outer
//!   rows; counts of missing groups are 0.
//!
//! The inner relation's correlated conditions are pulled up through filters, projections and inner joins; any correlation
//! elsewhere keeps the subquery as it is.

use super::tree::{
    all, filtered, movable, only, outputs, own_exprs_mut, refs, rel_refs, split, subqueries_mut, substitute, take,
};
use super::{estimate, residual, stats};
use crate::exec::StmtCx;
use crate::exec::subquery::has_subquery;
use crate::plan::ir::{AggCall, Col, ColId, ColSet, Expr, ExprKind, JoinKind, Rel, Subquery, SubqueryKind};
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::CallInfo;
use rustydb_types::registry;

/// Outer rows up to which running a scalar subquery per row beats aggregating everything.
const FEW_ROWS: f64 = 20.0;

/// Rewrites a tree, innermost subqueries first.
pub fn unnest(rel: &mut Rel, cx: &StmtCx, next: &mut ColId) -> Result<()> {
    stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || {
        walk::inputs_mut(rel, &mut |i| unnest(i, cx, next))?;
        own_exprs_mut(rel, &mut |e| subqueries_mut(e, &mut |r| unnest(r, cx, next)))?;
        match rel {
            Rel::Filter { .. } => unnest_filter(rel, cx, next),
            Rel::Project { .. } => unnest_project(rel, cx, next),
            Rel::Aggregate { .. } => unnest_aggregate(rel, cx, next),
            _ => Ok(()),
        }
    })
}

/// A new column of an expression's type.
pub(super) fn fresh(next: &mut ColId, like: &Expr) -> Col {
    *next += 1;
    Col { id: *next, ty: like.ty }
}

fn unnest_filter(rel: &mut Rel, cx: &StmtCx, next: &mut ColId) -> Result<()> {
    let Rel::Filter { input, pred } = take(rel) else { return Ok(()) };
    let cols = input.outputs();
    let mut conds = Vec::new();
    split(pred, &mut conds);
    let (plain, subs): (Vec<_>, Vec<_>) = conds.into_iter().partition(|c| !has_subquery(c));
    if subs.is_empty() {
        *rel = filtered(*input, plain);
        return Ok(());
    }
    let mut base = filtered(*input, plain);
    let mut widened = false;
    let mut left = Vec::new();
    for c in subs {
        match as_join(c, base, cx, next)? {
            Ok(joined) => base = joined,
            Err((c, back)) => {
                base = back;
                left.push(c);
            }
        }
    }
    let mut stay = Vec::new();
    for mut c in left {
        let (b, changed) = scalars(base, &mut c, cx, next)?;
        base = b;
        widened |= changed;
        stay.push(c);
    }
    base = filtered(base, stay);
    *rel = if widened { only(base, cols) } else { base };
    Ok(())
}

fn unnest_project(rel: &mut Rel, cx: &StmtCx, next: &mut ColId) -> Result<()> {
    let Rel::Project { input, exprs } = rel else { return Ok(()) };
    if exprs.iter().all(|e| !has_subquery(&e.1)) {
        return Ok(());
    }
    let mut base = take(input);
    for (_, e) in exprs.iter_mut() {
        base = scalars(base, e, cx, next)?.0;
    }
    **input = base;
    Ok(())
}

fn unnest_aggregate(rel: &mut Rel, cx: &StmtCx, next: &mut ColId) -> Result<()> {
    let Rel::Aggregate { input, groups, aggs, .. } = rel else { return Ok(()) };
    // What FILTER leaves out is not computed.
    let args = aggs.iter_mut().filter(|(_, a)| a.filter.is_none()).flat_map(|(_, a)| &mut a.args);
    let mut read: Vec<&mut Expr> =
        groups.iter_mut().map(|g| &mut g.1).chain(args).filter(|e| has_subquery(e)).collect();
    if read.is_empty() {
        return Ok(());
    }
    let mut base = take(input);
    for e in &mut read {
        base = scalars(base, e, cx, next)?.0;
    }
    **input = base;
    Ok(())
}

type JoinOr = std::result::Result<Rel, (Expr, Rel)>;

/// A conjunct as a semi- or anti-join of `base`, or both back.
fn as_join(c: Expr, base: Rel, cx: &StmtCx, next: &mut ColId) -> Result<JoinOr> {
    let (negated, sub) = match &c.kind {
        ExprKind::Subquery(s) => (false, s),
        ExprKind::Not(x) => match &x.kind {
            ExprKind::Subquery(s) => (true, s),
            _ => return Ok(Err((c, base))),
        },
        _ => return Ok(Err((c, base))),
    };
    let outer = outputs(&base);
    if super::super::extremes::comparison(sub, &outer).is_some() {
        // One run answers it for all rows; a join would compare each with each.
        return Ok(Err((c, base)));
    }
    let (kind, test) = match (&sub.kind, negated) {
        (SubqueryKind::Exists, false) => (JoinKind::Semi, None),
        (SubqueryKind::Exists, true) => (JoinKind::Anti, None),
        (SubqueryKind::Quantified { test, all: false, .. }, false) => (JoinKind::Semi, Some(test.clone())),
        // NOT (x = ANY …) and x <> ALL …: exact as an anti-join only if the test cannot be NULL.
        (SubqueryKind::Quantified { test, all: false, .. }, true) if never_null(test, &base, &sub.rel, cx) => {
            (JoinKind::Anti, Some(test.clone()))
        }
        (SubqueryKind::Quantified { test, all: true, .. }, false) if never_null(test, &base, &sub.rel, cx) => {
            match negation(test) {
                Some(t) => (JoinKind::Anti, Some(t)),
                None => return Ok(Err((c, base))),
            }
        }
        _ => return Ok(Err((c, base))),
    };
    let correlated = !rel_refs(&sub.rel).is_disjoint(&outer);
    if test.is_none() && !correlated {
        // Decided once for all rows.
        return Ok(Err((c, base)));
    }
    if test.as_ref().is_some_and(|t| !movable(t)) {
        return Ok(Err((c, base)));
    }
    let mut inner = sub.rel.clone();
    if test.is_none() {
        inner = without_shape(inner);
    }
    let mut pulled = Vec::new();
    if correlated {
        match pull(inner, &outer, &mut pulled) {
            Some(r) => inner = r,
            None => return Ok(Err((c, base))),
        }
    }
    pulled.extend(test);
    Ok(Ok(residual::join(kind, base, inner, pulled, cx, next)))
}

/// What an EXISTS does not care about: order, duplicates, a positive constant limit.
fn without_shape(rel: Rel) -> Rel {
    match rel {
        Rel::Sort { input, .. } | Rel::Distinct { input, on: None } => without_shape(*input),
        Rel::Limit { input, limit: Some(l), offset: None, ties: None } if matches!(l.as_const(), Some(Datum::Int8(n)) if *n > 0) => {
            without_shape(*input)
        }
        Rel::Project { input, exprs } if exprs.iter().all(|e| movable(&e.1)) => without_shape(*input),
        other => other,
    }
}

/// `a <> b` as `a = b` and the like: the condition that makes the test false.
pub fn negation(test: &Expr) -> Option<Expr> {
    let ExprKind::Call { proc, args, collation } = &test.kind else { return None };
    let op = rustydb_types::pgdata::operators_named("<>").iter().find(|o| o.oprcode == proc.oid)?;
    let eq = rustydb_types::pgdata::operator_exact("=", op.oprleft, op.oprright)?;
    let proc = rustydb_types::pgdata::proc(eq.oprcode)?;
    Some(Expr { kind: ExprKind::Call { proc, args: args.clone(), collation: *collation }, ty: test.ty, pos: test.pos })
}

/// Whether a comparison's operands are columns that cannot be NULL.
fn never_null(test: &Expr, left: &Rel, right: &Rel, _: &StmtCx) -> bool {
    let ExprKind::Call { proc, args, .. } = &test.kind else { return false };
    proc.proisstrict
        && args.iter().all(|a| match stats::column_of(a) {
            Some(id) => not_null(left, id) || not_null(right, id),
            None => matches!(a.as_const(), Some(d) if !d.is_null()),
        })
}

/// Whether a column of a relation comes from a NOT NULL column and no outer join pads it.
fn not_null(rel: &Rel, id: ColId) -> bool {
    match rel {
        Rel::Scan(s) => s
            .cols
            .iter()
            .find(|c| c.0.id == id)
            .is_some_and(|c| c.1 < 0 || s.table.attribute(c.1).is_some_and(|a| a.not_null)),
        Rel::Filter { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::Limit { input, .. } => not_null(input, id),
        Rel::Project { input, exprs } => exprs
            .iter()
            .find(|e| e.0.id == id)
            .is_some_and(|e| stats::column_of(&e.1).is_some_and(|c| not_null(input, c))),
        Rel::Aggregate { input, groups, sets, .. } => {
            sets.is_empty()
                && groups
                    .iter()
                    .find(|e| e.0.id == id)
                    .is_some_and(|e| stats::column_of(&e.1).is_some_and(|c| not_null(input, c)))
        }
        Rel::Join { kind, left, right, .. } => match kind {
            JoinKind::Inner => not_null(left, id) || not_null(right, id),
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => not_null(left, id),
            JoinKind::Right => not_null(right, id),
            JoinKind::Full => false,
        },
        _ => false,
    }
}

/// A subquery's relation without the conditions that read columns of `outer`, and these; for EXISTS also without what that
/// does not care about. `None` if it reads them elsewhere.
pub fn correlation(rel: &Rel, outer: &ColSet, exists: bool) -> Option<(Rel, Vec<Expr>)> {
    let rel = if exists { without_shape(rel.clone()) } else { rel.clone() };
    let mut pulled = Vec::new();
    let rel = pull(rel, outer, &mut pulled)?;
    Some((rel, pulled))
}

/// Takes the conditions that read outer columns out of a relation, which then outputs all that they need. `None` if
/// there is correlation elsewhere.
fn pull(rel: Rel, outer: &ColSet, out: &mut Vec<Expr>) -> Option<Rel> {
    if rel_refs(&rel).is_disjoint(outer) {
        return Some(rel);
    }
    match rel {
        Rel::Filter { input, pred } => {
            let mut conds = Vec::new();
            split(pred, &mut conds);
            let mut keep = Vec::new();
            for c in conds {
                if refs(&c).is_disjoint(outer) {
                    keep.push(c);
                } else if movable(&c) {
                    out.push(c);
                } else {
                    return None;
                }
            }
            Some(filtered(pull(*input, outer, out)?, keep))
        }
        Rel::Project { input, mut exprs } => {
            if exprs.iter().any(|e| !refs(&e.1).is_disjoint(outer)) {
                return None;
            }
            let before = out.len();
            let input = pull(*input, outer, out)?;
            let have: ColSet = exprs.iter().map(|e| e.0.id).collect();
            let inner = input.outputs();
            let mut need: ColSet = ColSet::default();
            for p in &out[before..] {
                need.extend(refs(p));
            }
            for c in inner.iter().filter(|c| need.contains(&c.id) && !have.contains(&c.id)) {
                exprs.push((*c, Expr::column(*c)));
            }
            Some(Rel::Project { input: Box::new(input), exprs })
        }
        Rel::Join { kind: JoinKind::Inner, left, right, on, lateral: false } => {
            let mut keep = Vec::new();
            if let Some(on) = on {
                let mut conds = Vec::new();
                split(on, &mut conds);
                for c in conds {
                    if refs(&c).is_disjoint(outer) {
                        keep.push(c);
                    } else if movable(&c) {
                        out.push(c);
                    } else {
                        return None;
                    }
                }
            }
            let left = Box::new(pull(*left, outer, out)?);
            let right = Box::new(pull(*right, outer, out)?);
            Some(Rel::Join { kind: JoinKind::Inner, left, right, on: all(keep), lateral: false })
        }
        // The preserved side of a semi-join may be correlated through filters, too.
        Rel::Join { kind: kind @ (JoinKind::Semi | JoinKind::Anti), left, right, on, lateral: false } => {
            if on.as_ref().is_some_and(|x| !refs(x).is_disjoint(outer)) || !rel_refs(&right).is_disjoint(outer) {
                return None;
            }
            let left = Box::new(pull(*left, outer, out)?);
            Some(Rel::Join { kind, left, right, on, lateral: false })
        }
        _ => None,
    }
}

/// Joins the aggregated scalar subqueries of an expression to `base` and replaces them. The second answer: whether
/// `base` has further columns now.
fn scalars(base: Rel, e: &mut Expr, cx: &StmtCx, next: &mut ColId) -> Result<(Rel, bool)> {
    if !has_subquery(e) {
        return Ok((base, false));
    }
    if let ExprKind::Subquery(s) = &mut e.kind {
        if !matches!(s.kind, SubqueryKind::Scalar) {
            return Ok((base, false));
        }
        return match scalar(base, s, cx, next)? {
            Ok((joined, value)) => {
                *e = value;
                Ok((joined, true))
            }
            Err(back) => Ok((back, false)),
        };
    }
    // Only where the value is needed anyway: not behind CASE, COALESCE, AND, OR.
    if !matches!(
        e.kind,
        ExprKind::Call { .. }
            | ExprKind::Relabel(_)
            | ExprKind::Domain(_)
            | ExprKind::ViaIo(_)
            | ExprKind::Typmod { .. }
            | ExprKind::Not(_)
            | ExprKind::IsNull { .. }
            | ExprKind::Distinct { .. }
    ) {
        return Ok((base, false));
    }
    let mut base = Some(base);
    let mut changed = false;
    walk::children_mut(e, &mut |c| {
        if let Some(b) = base.take() {
            let (b, more) = scalars(b, c, cx, next)?;
            base = Some(b);
            changed |= more;
        }
        Ok(())
    })?;
    let base = base.ok_or_else(|| rustydb_base::DbError::internal("relation lost while unnesting"))?;
    Ok((base, changed))
}

type ScalarOr = std::result::Result<(Rel, Expr), Rel>;

fn scalar(base: Rel, s: &Subquery, cx: &StmtCx, next: &mut ColId) -> Result<ScalarOr> {
    let outer = outputs(&base);
    if rel_refs(&s.rel).is_disjoint(&outer) || estimate(&base, cx) <= FEW_ROWS {
        return Ok(Err(base));
    }
    // Projections of one value over one ungrouped aggregate.
    let Some(first) = s.rel.outputs().into_iter().next() else { return Ok(Err(base)) };
    let mut value = Expr::column(first);
    let mut at = s.rel.clone();
    loop {
        match at {
            Rel::Project { input, exprs } => {
                if exprs.iter().any(|e| !movable(&e.1)) {
                    return Ok(Err(base));
                }
                substitute(&mut value, &|id| exprs.iter().find(|e| e.0.id == id).map(|e| e.1.clone()))?;
                at = *input;
            }
            Rel::Aggregate { .. } => break,
            _ => return Ok(Err(base)),
        }
    }
    let Rel::Aggregate { input, groups, aggs, sets, grouping_id: None } = at else { return Ok(Err(base)) };
    if !groups.is_empty() || !sets.is_empty() || aggs.iter().any(|(_, a)| !agg_is_local(a, &outer)) {
        return Ok(Err(base));
    }
    let mut pulled = Vec::new();
    let Some(inner) = pull(*input, &outer, &mut pulled) else { return Ok(Err(base)) };
    // Every pulled condition must equate an inner expression with an outer one.
    let inner_cols = outputs(&inner);
    let (mut keys, mut on) = (Vec::new(), Vec::new());
    for p in pulled {
        let ExprKind::Call { proc, args, collation } = &p.kind else { return Ok(Err(base)) };
        let [a, b] = args.as_slice() else { return Ok(Err(base)) };
        if !super::super::expr::is_key_equality(proc) || *collation == rustydb_types::collation::INDETERMINATE {
            return Ok(Err(base));
        }
        let inside = |e: &Expr| {
            let r = refs(e);
            !r.is_empty() && r.iter().all(|id| inner_cols.contains(id))
        };
        let free = |e: &Expr| refs(e).is_disjoint(&inner_cols);
        let (key, first) = match () {
            () if inside(a) && free(b) => (a, true),
            () if inside(b) && free(a) => (b, false),
            () => return Ok(Err(base)),
        };
        let col = fresh(next, key);
        keys.push((col, key.clone()));
        let args = if first { vec![Expr::column(col), b.clone()] } else { vec![a.clone(), Expr::column(col)] };
        on.push(Expr { kind: ExprKind::Call { proc, args, collation: *collation }, ty: p.ty, pos: p.pos });
    }
    // What an aggregate answers over no rows, where that is not NULL.
    let mut empties: Vec<(ColId, Datum)> = Vec::new();
    for (c, a) in &aggs {
        let Some(kernel) = registry::agg_kernel_of(a.proc) else { return Ok(Err(base)) };
        let types: Vec<_> = a.args.iter().map(|x| x.ty).collect();
        let info = CallInfo { args: &types, result: a.ty, collation: a.collation };
        let d = (kernel.init)(&info).finish(&cx.eval)?;
        if !d.is_null() {
            empties.push((c.id, d));
        }
    }
    let cols = aggs.iter().map(|a| a.0).collect::<Vec<_>>();
    substitute(&mut value, &|id| {
        let c = cols.iter().find(|c| c.id == id)?;
        let d = &empties.iter().find(|x| x.0 == id)?.1;
        let column = Expr::column(*c);
        let default = Expr::new(ExprKind::Const(d.clone()), c.ty);
        Some(Expr::new(ExprKind::Coalesce(vec![column, default]), c.ty))
    })?;
    let grouped = Rel::Aggregate { input: Box::new(inner), groups: keys, aggs, sets: vec![], grouping_id: None };
    let joined =
        Rel::Join { kind: JoinKind::Left, left: Box::new(base), right: Box::new(grouped), on: all(on), lateral: false };
    Ok(Ok((joined, value)))
}

fn agg_is_local(a: &AggCall, outer: &ColSet) -> bool {
    a.direct == 0
        && a.args
            .iter()
            .chain(a.filter.iter())
            .chain(a.order_by.iter().map(|k| &k.expr))
            .all(|e| refs(e).is_disjoint(outer) && movable(e))
}
