//! Helpers over the bound tree.

use crate::plan::ir::{ColId, ColSet, Expr, ExprKind, Rel};
use crate::plan::walk;
use rustydb_base::Result;

pub use crate::plan::walk::{own_exprs_mut, subqueries_mut};

/// Ids of a relation's outputs.
pub fn outputs(rel: &Rel) -> ColSet {
    rel.outputs().iter().map(|c| c.id).collect()
}

/// Every column an expression reads, its subqueries' included.
pub fn refs(e: &Expr) -> ColSet {
    let mut v = ColSet::default();
    walk::visit_deep(e, &mut |x| {
        if let ExprKind::Column(id) = x.kind {
            v.insert(id);
        }
    });
    v
}

/// Every column the expressions of a tree read.
pub fn rel_refs(rel: &Rel) -> ColSet {
    let mut v = ColSet::default();
    walk::visit_rel(rel, &mut |x| {
        if let ExprKind::Column(id) = x.kind {
            v.insert(id);
        }
    });
    v
}

/// The conjuncts of a condition.
pub fn split(e: Expr, out: &mut Vec<Expr>) {
    match e.kind {
        ExprKind::And(v) => v.into_iter().for_each(|x| split(x, out)),
        _ => out.push(e),
    }
}

/// All of some conditions; `None` for none.
pub fn all(v: Vec<Expr>) -> Option<Expr> {
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

/// A filter, if there is anything to test.
pub fn filtered(rel: Rel, preds: Vec<Expr>) -> Rel {
    match all(preds) {
        Some(pred) => Rel::Filter { input: Box::new(rel), pred },
        None => rel,
    }
}

/// Exactly the given columns of a relation.
pub fn only(rel: Rel, cols: Vec<crate::plan::ir::Col>) -> Rel {
    Rel::Project { input: Box::new(rel), exprs: cols.into_iter().map(|c| (c, Expr::column(c))).collect() }
}

/// Whether an expression may be evaluated elsewhere than it was written, and more than once.
pub fn movable(e: &Expr) -> bool {
    let mut ok = true;
    walk::visit_deep(e, &mut |x| {
        ok &= !matches!(x.kind, ExprKind::Subquery(_)) && !super::super::expr::is_volatile(x);
        if let ExprKind::Call { proc, .. } = &x.kind {
            ok &= !proc.proretset;
        }
    });
    ok
}

/// Replaces columns by expressions.
pub fn substitute(e: &mut Expr, with: &dyn Fn(ColId) -> Option<Expr>) -> Result<()> {
    walk::rewrite(e, &mut |x| {
        Ok(match x.kind {
            ExprKind::Column(id) => with(id),
            _ => None,
        })
    })
}

/// Takes a relation out of its place.
pub fn take(rel: &mut Rel) -> Rel {
    std::mem::replace(rel, Rel::Values { cols: vec![], rows: vec![] })
}
