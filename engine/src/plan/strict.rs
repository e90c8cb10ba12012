//! What a condition says about NULLs, and which outer joins it turns into inner ones.

use super::ir::{ColSet, Expr, ExprKind, JoinKind, Rel};

/// Whether a condition is never true for a row whose given columns are all NULL: a strict comparison that reads one.
pub fn rejects_null(e: &Expr, cols: &ColSet) -> bool {
    match &e.kind {
        ExprKind::Call { proc, args, .. } => {
            proc.proisstrict && !proc.proretset && args.iter().any(|a| null_through(a, cols))
        }
        ExprKind::And(v) => v.iter().any(|x| rejects_null(x, cols)),
        ExprKind::Or(v) => !v.is_empty() && v.iter().all(|x| rejects_null(x, cols)),
        ExprKind::IsNull { arg, negated: true } => null_through(arg, cols),
        _ => false,
    }
}

/// Whether an expression is NULL when the given columns are.
fn null_through(e: &Expr, cols: &ColSet) -> bool {
    match &e.kind {
        ExprKind::Column(id) => cols.contains(id),
        ExprKind::Relabel(x) => null_through(x, cols),
        ExprKind::Call { proc, args, .. } => {
            proc.proisstrict && !proc.proretset && args.iter().any(|a| null_through(a, cols))
        }
        _ => false,
    }
}

/// Row ids of the scans in a FROM and WHERE whose rows an outer join may pad: those no lock can be taken on.
pub fn padded_scans(rel: &Rel) -> ColSet {
    let mut out = ColSet::default();
    padded(rel, false, &mut Vec::new(), &mut out);
    out
}

fn padded<'r>(rel: &'r Rel, pads: bool, preds: &mut Vec<&'r Expr>, out: &mut ColSet) {
    match rel {
        Rel::Scan(s) if pads => out.extend(s.rid.map(|c| c.id)),
        Rel::Append(a) if pads => out.extend(a.cols.iter().map(|c| c.id)),
        Rel::Filter { input, pred } => {
            preds.push(pred);
            padded(input, pads, preds, out);
            preds.pop();
        }
        Rel::Limit { input, .. } if rel.behind_fence().is_some() => padded(input, pads, preds, out),
        Rel::Sort { input, .. } | Rel::Project { input, .. } => padded(input, pads, preds, out),
        Rel::Join { kind, left, right, on, .. } => {
            let kept = |side: &Rel| {
                let cols = side.outputs().iter().map(|c| c.id).collect();
                preds.iter().any(|p| rejects_null(p, &cols))
            };
            let pads_left = matches!(kind, JoinKind::Right | JoinKind::Full) && !kept(left);
            let pads_right = matches!(kind, JoinKind::Left | JoinKind::Full) && !kept(right);
            let inner = !pads_left && !pads_right;
            if let Some(on) = on.as_ref().filter(|_| inner) {
                preds.push(on);
            }
            padded(left, pads || pads_left, preds, out);
            padded(right, pads || pads_right, preds, out);
            if inner && on.is_some() {
                preds.pop();
            }
        }
        _ => {}
    }
}
