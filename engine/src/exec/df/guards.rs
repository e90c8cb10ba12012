//! Which rows reach a branch of CASE or COALESCE, as an expression over the row.
//!
//! Subqueries run in operators below the expression they stand in. A branch that is not taken must not run its subqueries:
//! they may fail, or never end. So they are asked only for the rows that a guard selects.
//!
//! Left out: branches behind volatile conditions, which cannot be evaluated twice; their subqueries run for every row.

use crate::bind::define::volatility;
use crate::plan::ir::{Expr, ExprKind};
use rustydb_types::datum::Datum;
use rustydb_types::oid;

/// Whether an expression takes one of several branches.
pub fn chooses(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Case { operand, whens, .. } => {
            !operand.as_deref().into_iter().chain(whens.iter().map(|w| &w.0)).any(|c| volatility(c) == 'v')
        }
        ExprKind::Coalesce(v) => !v.iter().any(|c| volatility(c) == 'v'),
        _ => false,
    }
}

fn constant(b: bool) -> Expr {
    Expr::new(ExprKind::Const(Datum::Bool(b)), crate::bind::type_ref(oid::BOOL))
}

fn case(operand: Option<&Expr>, whens: Vec<(Expr, Expr)>, otherwise: bool) -> Expr {
    let operand = operand.map(|o| Box::new(o.clone()));
    let kind = ExprKind::Case { operand, whens, otherwise: Box::new(constant(otherwise)) };
    Expr::new(kind, crate::bind::type_ref(oid::BOOL))
}

/// Both guards; the second is evaluated only where the first is true.
fn both(outer: Option<&Expr>, inner: Expr) -> Expr {
    match outer {
        Some(o) => case(None, vec![(o.clone(), inner)], false),
        None => inner,
    }
}

/// The rows that none of the branches `before` takes, and that `taken` (if given) does.
pub fn branch(
    outer: Option<&Expr>,
    operand: Option<&Expr>,
    before: &[(Expr, Expr)],
    taken: Option<&Expr>,
) -> Option<Expr> {
    if before.is_empty() && taken.is_none() {
        return outer.cloned();
    }
    let mut whens: Vec<(Expr, Expr)> = before.iter().map(|w| (w.0.clone(), constant(false))).collect();
    whens.extend(taken.map(|t| (t.clone(), constant(true))));
    Some(both(outer, case(operand, whens, taken.is_none())))
}

/// The rows for which all of `before` are NULL.
pub fn nulls(outer: Option<&Expr>, before: &[Expr]) -> Option<Expr> {
    if before.is_empty() {
        return outer.cloned();
    }
    let some = |e: &Expr| {
        let kind = ExprKind::IsNull { arg: Box::new(e.clone()), negated: true };
        (Expr::new(kind, crate::bind::type_ref(oid::BOOL)), constant(false))
    };
    // A row of NULLs is not NULL for COALESCE, but such rows need no guard to be right: they are only asked in vain.
    Some(both(outer, case(None, before.iter().map(some).collect(), true)))
}
