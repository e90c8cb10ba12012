//! Semi- and anti-joins that compare one value besides their equalities, as in `EXISTS (SELECT … WHERE i.k = o.k AND
//! i.x <> o.x)`: whether one of the rows with the key passes is decided by the least or the greatest of their values, so the
//! inner rows are grouped by the key first and the join meets one row a key. As an ordinary join it would try every pair of
//! rows with equal keys.
//!
//! | compared | decides |
//! |---|---|
//! | `x < o`, `x <= o` | the least |
//! | `x > o`, `x >= o` | the greatest |
//! | `x <> o` | both: one of them differs |
//!
//! NULLs pass no comparison, and the extremes leave them out. Only where keys are known to have many rows ([`MANY`]):
//! grouping costs more than it saves otherwise.

use super::super::expr::is_key_equality;
use super::super::extremes::{UNEQUAL, strategy};
use super::tree::{all, outputs, refs};
use super::unnest::fresh;
use super::{estimate, stats};
use crate::exec::StmtCx;
use crate::plan::ir::{AggCall, Col, ColId, Expr, ExprKind, JoinKind, Rel};
use rustydb_types::collation::INDETERMINATE;
use rustydb_types::keyenc;
use rustydb_types::pgdata::{self, Proc};

/// Rows with one key from which grouping pays.
const MANY: f64 = 16.0;

/// A semi- or anti-join of `base` by `conds`, by way of the extremes if they decide it.
pub(super) fn join(kind: JoinKind, base: Rel, inner: Rel, conds: Vec<Expr>, cx: &StmtCx, next: &mut ColId) -> Rel {
    let (right, on) = match grouped(&inner, &conds, cx, next) {
        Some(g) => g,
        None => (inner, conds),
    };
    Rel::Join { kind, left: Box::new(base), right: Box::new(right), on: all(on), lateral: false }
}

/// One argument of a comparison reads inner columns only, the other none.
struct Sides<'e> {
    inner: &'e Expr,
    first: bool,
}

fn grouped(inner: &Rel, conds: &[Expr], cx: &StmtCx, next: &mut ColId) -> Option<(Rel, Vec<Expr>)> {
    let inner_cols = outputs(inner);
    let sides = |args: &'_ [Expr]| -> Option<bool> {
        let [a, b] = args else { return None };
        let inside = |e: &Expr| {
            let r = refs(e);
            !r.is_empty() && r.is_subset(&inner_cols)
        };
        let free = |e: &Expr| refs(e).is_disjoint(&inner_cols);
        match () {
            () if inside(a) && free(b) => Some(true),
            () if inside(b) && free(a) => Some(false),
            () => None,
        }
    };
    let (mut keys, mut on, mut compared) = (Vec::new(), Vec::new(), None);
    let rows = estimate(inner, cx);
    let mut distinct = 1.0;
    for c in conds {
        let ExprKind::Call { proc, args, collation } = &c.kind else { return None };
        if *collation == INDETERMINATE {
            return None;
        }
        let first = sides(args)?;
        let side = Sides { inner: if first { args.first()? } else { args.get(1)? }, first };
        if is_key_equality(proc) {
            let column = stats::column_of(side.inner).and_then(|id| stats::origin(inner, id));
            distinct *= column.and_then(|(s, n)| stats::distinct(&s.table, n, rows))?;
            let col = fresh(next, side.inner);
            keys.push((col, side.inner.clone()));
            on.push(with_column(c, side.first, col));
        } else if compared.is_none() {
            compared = Some((c, side, strategy(proc.oid)?, *collation));
        } else {
            return None;
        }
    }
    let (test, side, strategy, collation) = compared?;
    if keys.is_empty() || rows < MANY * distinct.min(rows) || !keyenc::is_orderable(side.inner.ty.oid) {
        return None;
    }
    let mut aggs = Vec::new();
    let mut extreme = |name: &str| {
        let col = fresh(next, side.inner);
        aggs.push((col, aggregate(extreme_of(name, side.inner.ty.oid)?, side.inner, collation)));
        Some(with_column(test, side.first, col))
    };
    // `o < x` is `x > o`.
    let decided = match if side.first || strategy == UNEQUAL { strategy } else { 6 - strategy } {
        1 | 2 => extreme("min")?,
        4 | 5 => extreme("max")?,
        UNEQUAL => Expr::new(ExprKind::Or(vec![extreme("min")?, extreme("max")?]), test.ty),
        _ => return None,
    };
    on.push(decided);
    let input = Box::new(inner.clone());
    Some((Rel::Aggregate { input, groups: keys, aggs, sets: vec![], grouping_id: None }, on))
}

/// A comparison with a column in the place of its inner argument.
fn with_column(c: &Expr, first: bool, col: Col) -> Expr {
    let mut c = c.clone();
    if let ExprKind::Call { args, .. } = &mut c.kind
        && let Some(a) = args.get_mut(usize::from(!first))
    {
        *a = Expr::column(col);
    }
    c
}

/// The aggregate of a name over exactly this type.
fn extreme_of(name: &str, ty: u32) -> Option<&'static Proc> {
    pgdata::procs_named(name).iter().copied().find(|p| p.prokind == 'a' && p.proargtypes[..] == [ty])
}

fn aggregate(proc: &'static Proc, arg: &Expr, collation: u32) -> AggCall {
    AggCall {
        proc,
        args: vec![arg.clone()],
        distinct: false,
        order_by: vec![],
        filter: None,
        ty: arg.ty,
        direct: 0,
        collation,
    }
}
