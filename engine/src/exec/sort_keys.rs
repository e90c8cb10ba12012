//! Sort keys that decide nothing, as PostgreSQL's planner leaves them out: constants, and columns that a condition below makes
//! equal to a constant. It matters for which of equal rows come first: without a sort they stand as they are read.

use super::df::is_key_equality;
use crate::plan::ir::{ColId, ColSet, Expr, ExprKind, JoinKind, Rel, SortKey};

/// The keys by which the rows of a relation can differ.
pub fn needed(keys: &[SortKey], input: &Rel) -> Vec<SortKey> {
    let mut fixed = ColSet::default();
    fixed_columns(input, &mut fixed);
    keys.iter().filter(|k| !is_fixed(&k.expr, &fixed)).cloned().collect()
}

fn is_fixed(e: &Expr, fixed: &ColSet) -> bool {
    e.as_const().is_some() || column(e).is_some_and(|c| fixed.contains(&c))
}

fn column(e: &Expr) -> Option<ColId> {
    match e.kind {
        ExprKind::Column(c) => Some(c),
        _ => None,
    }
}

fn conditions(e: &Expr, fixed: &mut ColSet) {
    match &e.kind {
        ExprKind::And(all) => all.iter().for_each(|x| conditions(x, fixed)),
        ExprKind::Call { proc, args, .. } if is_key_equality(proc) => {
            let [a, b] = args.as_slice() else { return };
            let known = |x: &Expr| x.as_const().is_some() || matches!(x.kind, ExprKind::Param(_));
            for (c, x) in [(a, b), (b, a)] {
                if let Some(c) = column(c).filter(|_| known(x)) {
                    fixed.insert(c);
                }
            }
        }
        _ => {}
    }
}

fn fixed_columns(rel: &Rel, fixed: &mut ColSet) {
    match rel {
        Rel::Filter { input, pred } => {
            fixed_columns(input, fixed);
            conditions(pred, fixed);
        }
        Rel::Project { input, exprs } => {
            fixed_columns(input, fixed);
            let more: Vec<ColId> = exprs.iter().filter(|(_, e)| is_fixed(e, fixed)).map(|(c, _)| c.id).collect();
            fixed.extend(more);
        }
        Rel::Join { kind, left, right, on, .. } => {
            if matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti) {
                fixed_columns(left, fixed);
            }
            if *kind == JoinKind::Inner {
                fixed_columns(right, fixed);
                on.iter().for_each(|e| conditions(e, fixed));
            }
        }
        Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::LockRows { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::Window { input, .. } => fixed_columns(input, fixed),
        _ => {}
    }
}
