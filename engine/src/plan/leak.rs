//! Which conditions may be tested before those of row-level security and security barriers: such as tell nothing about the
//! rows they are tested on, neither by an error nor by an effect.
//!
//! A call tells something if its function is not marked leakproof and an argument reads a column. Nodes that are not calls
//! are judged one by one; what is not known to be safe is not.

use super::ir::{Expr, ExprKind};
use super::walk;

/// Whether a condition tells nothing about the rows it is tested on but its own truth.
pub fn leakproof(e: &Expr) -> bool {
    let mut safe = true;
    walk::visit_deep(e, &mut |x| {
        safe &= match &x.kind {
            ExprKind::Const(_)
            | ExprKind::Param(_)
            | ExprKind::Column(_)
            | ExprKind::CaseValue
            | ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Not(_)
            | ExprKind::IsNull { .. }
            | ExprKind::BoolTest { .. }
            | ExprKind::Case { .. }
            | ExprKind::Coalesce(_)
            | ExprKind::Row(_)
            | ExprKind::WholeRow(_)
            | ExprKind::Field(..)
            | ExprKind::Array { .. }
            | ExprKind::SqlValue(_)
            | ExprKind::Relabel(_) => true,
            ExprKind::Call { proc, args, .. } => proc.proleakproof || !args.iter().any(reads),
            ExprKind::Distinct { eq, left, right, .. } => eq.proleakproof || !(reads(left) || reads(right)),
            ExprKind::ArrayOp { proc, left, array, .. } => proc.proleakproof || !(reads(left) || reads(array)),
            _ => !reads(x),
        };
    });
    safe
}

fn reads(e: &Expr) -> bool {
    let mut found = false;
    walk::visit_deep(e, &mut |x| {
        found |= matches!(x.kind, ExprKind::Column(_) | ExprKind::CaseValue | ExprKind::Subquery(_))
    });
    found
}
