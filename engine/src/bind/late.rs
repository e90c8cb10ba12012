//! What a sorted SELECT computes after the sort: outputs with set-returning functions or volatile ones that no sort key
//! needs. So `nextval` counts in the order of the result, and the rows of a set keep theirs.

use super::select::Target;
use crate::plan::ir::{Col, ColSet, Expr, ExprKind, Rel};
use crate::plan::walk;
use std::collections::HashSet;

/// A set-returning call of a select list: nesting depth, its column, the call.
pub(super) type Srf = (usize, Col, Expr);

/// What is left for after the sort.
#[derive(Default)]
pub(super) struct Late {
    /// The set-returning calls are.
    pub(super) srfs: bool,
    /// Positions of outputs.
    pub(super) outputs: HashSet<usize>,
}

fn columns_of(e: &Expr, into: &mut ColSet) {
    walk::visit_deep(e, &mut |x| {
        if let ExprKind::Column(id) = x.kind {
            into.insert(id);
        }
    });
}

fn volatile(e: &Expr) -> bool {
    let mut found = false;
    walk::visit_deep(e, &mut |x| {
        found |= match &x.kind {
            ExprKind::NextVal(_) => true,
            ExprKind::Call { proc, .. } => proc.provolatile == 'v',
            _ => false,
        };
    });
    found
}

/// Which outputs of a query are computed after its sort by `order` (positions of outputs).
pub(super) fn late_outputs(targets: &[Target], order: &[usize], srfs: &[Srf]) -> Late {
    let mut keys = ColSet::default();
    for i in order {
        columns_of(&targets[*i].expr, &mut keys);
    }
    let sets: ColSet = srfs.iter().map(|s| s.1.id).collect();
    let late_srfs = !sets.is_empty() && sets.is_disjoint(&keys);
    let mut outputs = HashSet::new();
    for (i, t) in targets.iter().enumerate() {
        let mut read = ColSet::default();
        columns_of(&t.expr, &mut read);
        let set = late_srfs && !read.is_disjoint(&sets);
        if !order.contains(&i) && (set || volatile(&t.expr)) {
            outputs.insert(i);
        }
    }
    Late { srfs: late_srfs && !outputs.is_empty(), outputs }
}

/// Takes those calls out that some expressions need, with the calls that those need in turn; the innermost first.
pub(super) fn take_needed<'e>(srfs: &mut Vec<Srf>, exprs: impl Iterator<Item = &'e Expr>) -> Vec<Srf> {
    let mut need = ColSet::default();
    exprs.for_each(|e| columns_of(e, &mut need));
    srfs.sort_by_key(|s| std::cmp::Reverse(s.0));
    for s in srfs.iter() {
        if need.contains(&s.1.id) {
            columns_of(&s.2, &mut need);
        }
    }
    let (mut taken, left): (Vec<Srf>, Vec<Srf>) =
        std::mem::take(srfs).into_iter().partition(|s| need.contains(&s.1.id));
    *srfs = left;
    taken.sort_by_key(|s| s.0);
    taken
}

/// Set-returning calls over a relation, the innermost first.
pub(super) fn project_sets(mut rel: Rel, mut srfs: Vec<Srf>) -> Rel {
    while let Some((depth, ..)) = srfs.first() {
        let n = srfs.iter().take_while(|s| s.0 == *depth).count();
        let calls = srfs.drain(..n).map(|(_, c, e)| (c, e)).collect();
        rel = Rel::ProjectSet { input: Box::new(rel), calls };
    }
    rel
}

impl Late {
    /// Divides a query's outputs: `exprs` keeps what is computed before the sort, with the columns of `rel` that the rest
    /// needs; the answer is all outputs as they are computed after it.
    pub(super) fn split(&self, rel: &Rel, exprs: &mut Vec<(Col, Expr)>, srfs: &[Srf]) -> Vec<(Col, Expr)> {
        let mut need = ColSet::default();
        let (mut before, mut after) = (Vec::new(), Vec::with_capacity(exprs.len()));
        for (i, (c, e)) in std::mem::take(exprs).into_iter().enumerate() {
            if self.outputs.contains(&i) {
                columns_of(&e, &mut need);
                after.push((c, e));
            } else {
                before.push((c, e));
                after.push((c, Expr::column(c)));
            }
        }
        srfs.iter().for_each(|s| columns_of(&s.2, &mut need));
        for c in rel.outputs() {
            if need.contains(&c.id) {
                before.push((c, Expr::column(c)));
            }
        }
        *exprs = before;
        after
    }
}
