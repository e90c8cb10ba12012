//! Rewrites of the bound tree before it is lowered: common tables read once are put in place, subqueries become joins
//! ([`unnest`]), conditions move to their tables and inner joins are ordered ([`push`]), unread columns go ([`prune`]).

mod extended;
mod lateral;
mod prune;
mod push;
mod residual;
mod single;
pub mod stats;
mod tree;
mod unnest;

pub use unnest::{correlation, negation};

use crate::exec::StmtCx;
use crate::plan::ir::{ColId, Expr, FRESH, JoinKind, Rel};
use crate::plan::walk;
use rustydb_base::Result;
use std::sync::Arc;

/// Rewrites a statement's query; answers the id after which fresh columns may be numbered.
pub fn statement(rel: &mut Rel, cx: &Arc<StmtCx>) -> Result<ColId> {
    let mut next = FRESH;
    prune::inline(rel)?;
    single::flatten(rel)?;
    lateral::flatten(rel, &mut next)?;
    unnest::unnest(rel, cx, &mut next)?;
    push::optimize(rel, cx)?;
    prune::prune(rel)?;
    Ok(next)
}

/// See [`super::trimmed`].
pub fn trimmed(rel: &Rel) -> Result<Rel> {
    let mut rel = rel.clone();
    prune::inline(&mut rel)?;
    prune::prune(&mut rel)?;
    Ok(rel)
}

/// About how many rows of tables a relation reads.
pub fn scanned(rel: &Rel, cx: &StmtCx) -> f64 {
    let mut rows = 0.0;
    walk::visit_rels(rel, &mut |r| {
        if matches!(r, Rel::Scan(_) | Rel::FunctionScan { .. } | Rel::CteScan { .. } | Rel::Values { .. }) {
            rows += estimate(r, cx);
        }
    });
    rows
}

/// About how many rows a relation yields.
pub fn estimate(rel: &Rel, cx: &StmtCx) -> f64 {
    match rel {
        Rel::Values { rows, .. } => rows.len() as f64,
        Rel::Scan(s) => cx.tables.estimated_rows(&s.table).max(1.0),
        Rel::FunctionScan { .. } => 1000.0,
        Rel::Filter { input, pred } => {
            let share = extended::share_of_all(&super::lower::conjuncts(pred), input, cx);
            (estimate(input, cx) * share).max(1.0)
        }
        Rel::Project { input, .. }
        | Rel::Window { input, .. }
        | Rel::ProjectSet { input, .. }
        | Rel::Sort { input, .. }
        | Rel::LockRows { input, .. } => estimate(input, cx),
        Rel::Distinct { input, .. } => estimate(input, cx) / 2.0,
        Rel::Limit { input, limit, .. } => {
            let rows = estimate(input, cx);
            match limit.as_ref().and_then(|l| l.as_const()) {
                Some(rustydb_types::datum::Datum::Int8(n)) => rows.min(*n as f64),
                _ => rows,
            }
        }
        Rel::Aggregate { input, groups, .. } => {
            if groups.is_empty() {
                return 1.0;
            }
            let rows = estimate(input, cx);
            let keys: Vec<&Expr> = groups.iter().map(|g| &g.1).collect();
            extended::groups(&keys, input).map_or(rows / 10.0, |n| n.min(rows)).max(1.0)
        }
        Rel::Join { kind, left, right, on, .. } => {
            let (l, r) = (estimate(left, cx), estimate(right, cx));
            let inner = match on {
                Some(c) => l * r * stats::joins_share(&super::lower::conjuncts(c), left, right, cx, l, r),
                None => l * r,
            };
            match kind {
                JoinKind::Inner => inner,
                JoinKind::Left => inner.max(l),
                JoinKind::Right => inner.max(r),
                JoinKind::Full => inner.max(l).max(r),
                JoinKind::Semi => inner.min(l),
                JoinKind::Anti => (l - inner).max(l / 4.0),
            }
            .max(1.0)
        }
        Rel::SetOp { left, right, .. } => estimate(left, cx) + estimate(right, cx),
        Rel::Append(a) => a.branches.iter().map(|b| estimate(&b.rel, cx)).sum::<f64>().max(1.0),
        Rel::With { body, .. } => estimate(body, cx),
        Rel::CteScan { .. } | Rel::Modify(..) => 1000.0,
    }
}
