//! The rows of a table and its descendants: leaving out partitions, and one union of the rest.

use super::expr::{RowExpr, name, named};
use super::lower::{Lower, Plan, projection};
use crate::catalog::partition::tests_over;
use crate::exec::StmtCx;
use crate::plan::ir::{Append, Expr, PruneChild, PruneTree};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr as DfExpr;
use rustydb_base::{DbError, Result};
use std::sync::Arc;

/// Drops the branches of which no row can meet the conditions, which are over the Append's columns.
pub fn prune(a: &mut Append, preds: &[Expr], cx: &Arc<StmtCx>) -> Result<()> {
    let Some(tree) = a.prune.take() else { return Ok(()) };
    let conds: Vec<&Expr> = preds.iter().flat_map(super::lower::conjuncts).collect();
    let mut keep = vec![true; a.branches.len()];
    select(&tree, &conds, cx, &mut keep)?;
    let mut k = keep.iter();
    a.branches.retain(|_| k.next().copied().unwrap_or(true));
    Ok(())
}

fn select(tree: &PruneTree, conds: &[&Expr], cx: &Arc<StmtCx>, keep: &mut [bool]) -> Result<()> {
    let (tests, exprs) = tests_over(&tree.keys, conds, &|_| false);
    let mut values = Vec::with_capacity(exprs.len());
    for e in exprs {
        // A value that cannot be had is the filter's to complain of.
        let v = RowExpr::new(e, cx, &[], &|_| false).and_then(|r| r.eval(&[]));
        match v {
            Ok(d) => values.push(d),
            Err(_) => return Ok(()),
        }
    }
    let wanted = tree.desc.select(&tests, &values)?;
    for (child, wanted) in tree.children.iter().zip(wanted) {
        match child {
            PruneChild::Branch(i) if !wanted => drop_branch(keep, *i),
            PruneChild::Tree(t) if !wanted => drop_all(t, keep),
            PruneChild::Tree(t) => select(t, conds, cx, keep)?,
            PruneChild::Branch(_) => {}
        }
    }
    Ok(())
}

fn drop_branch(keep: &mut [bool], i: usize) {
    if let Some(k) = keep.get_mut(i) {
        *k = false;
    }
}

fn drop_all(t: &PruneTree, keep: &mut [bool]) {
    for c in &t.children {
        match c {
            PruneChild::Branch(i) => drop_branch(keep, *i),
            PruneChild::Tree(t) => drop_all(t, keep),
        }
    }
}

impl Lower<'_> {
    /// Lowers the rows of several relations.
    pub fn append(&mut self, a: &Append) -> Result<Plan> {
        if a.branches.is_empty() {
            return self.values(&a.cols, &[]);
        }
        let mut sides = Vec::with_capacity(a.branches.len());
        for b in &a.branches {
            let p = self.rel(&b.rel)?;
            let types = p.types();
            let (mut exprs, mut cols) = (Vec::with_capacity(a.cols.len()), Vec::with_capacity(a.cols.len()));
            for (c, own) in a.cols.iter().zip(&b.cols) {
                let dt = types.get(&own.id).cloned().ok_or_else(|| DbError::internal("a branch lost a column"))?;
                exprs.push(named(name(own.id)).alias(name(c.id)));
                cols.push((*c, dt));
            }
            if exprs.is_empty() {
                exprs.push(DfExpr::Literal(ScalarValue::Boolean(Some(true)), None).alias("none"));
            }
            let plan = Plan { plan: projection(p.plan, exprs)?, cols };
            sides.push(self.generic_plan(plan)?);
        }
        self.union(sides)
    }
}
