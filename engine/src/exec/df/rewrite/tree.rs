//! Helpers over the bound tree.

use crate::plan::ir::{ColId, Expr, ExprKind, Rel, SortKey, SubqueryKind};
use crate::plan::walk;
use rustydb_base::Result;
use std::collections::HashSet;

/// Calls `f` on the expressions that a relation's own node holds (its inputs' not).
pub fn own_exprs_mut(rel: &mut Rel, f: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
    let keys = |k: &mut Vec<SortKey>, f: &mut dyn FnMut(&mut Expr) -> Result<()>| {
        k.iter_mut().try_for_each(|k| f(&mut k.expr))
    };
    match rel {
        Rel::Values { rows, .. } => rows.iter_mut().flatten().try_for_each(f),
        Rel::Scan(s) => match &mut s.sample {
            Some((_, args, rep)) => args.iter_mut().chain(rep.iter_mut()).try_for_each(f),
            None => Ok(()),
        },
        Rel::FunctionScan { calls, .. } => calls.iter_mut().try_for_each(|c| f(&mut c.0)),
        Rel::Project { exprs, .. } => exprs.iter_mut().try_for_each(|x| f(&mut x.1)),
        Rel::Filter { pred, .. } => f(pred),
        Rel::Join { on, .. } => on.iter_mut().try_for_each(f),
        Rel::Aggregate { groups, aggs, .. } => {
            groups.iter_mut().try_for_each(|g| f(&mut g.1))?;
            for (_, a) in aggs {
                a.args.iter_mut().chain(a.filter.iter_mut()).try_for_each(&mut *f)?;
                keys(&mut a.order_by, f)?;
            }
            Ok(())
        }
        Rel::Window { calls, .. } => calls.iter_mut().try_for_each(|(_, w)| walk::window_exprs_mut(w, f)),
        Rel::ProjectSet { calls, .. } => calls.iter_mut().try_for_each(|c| f(&mut c.1)),
        Rel::Sort { keys: k, .. } => keys(k, f),
        Rel::Limit { limit, offset, ties, .. } => {
            limit.iter_mut().chain(offset.iter_mut()).try_for_each(&mut *f)?;
            match ties {
                Some(k) => keys(k, f),
                None => Ok(()),
            }
        }
        Rel::Distinct { .. }
        | Rel::LockRows { .. }
        | Rel::SetOp { .. }
        | Rel::With { .. }
        | Rel::CteScan { .. }
        | Rel::Modify(..) => Ok(()),
    }
}

/// Calls `f` on the relation of every subquery in an expression (not on those inside them).
pub fn subqueries_mut(e: &mut Expr, f: &mut dyn FnMut(&mut Rel) -> Result<()>) -> Result<()> {
    if let ExprKind::Subquery(s) = &mut e.kind {
        f(&mut s.rel)?;
        if let SubqueryKind::Quantified { test, .. } = &mut s.kind {
            subqueries_mut(test, f)?;
        }
        return Ok(());
    }
    walk::children_mut(e, &mut |c| subqueries_mut(c, f))
}

/// Ids of a relation's outputs.
pub fn outputs(rel: &Rel) -> HashSet<ColId> {
    rel.outputs().iter().map(|c| c.id).collect()
}

/// Every column an expression reads, its subqueries' included.
pub fn refs(e: &Expr) -> HashSet<ColId> {
    let mut v = HashSet::new();
    walk::visit_deep(e, &mut |x| {
        if let ExprKind::Column(id) = x.kind {
            v.insert(id);
        }
    });
    v
}

/// Every column the expressions of a tree read.
pub fn rel_refs(rel: &Rel) -> HashSet<ColId> {
    let mut v = HashSet::new();
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
