//! Estimates: how many rows a condition on an indexed column leaves.
//!
//! They decide only whether a statement is short enough for a point program and which index it uses, so they are coarse:
//! PostgreSQL's formulas for one column, columns taken as independent.

use crate::catalog::{ColumnStats, Relation};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_types::cmp;
use rustydb_types::datum::{Datum, TypeRef};
use std::cmp::Ordering;

/// Rows assumed of a table that was never analysed.
const UNKNOWN_ROWS: f64 = 2000.0;
/// Distinct values assumed of a column without statistics.
const UNKNOWN_DISTINCT: f64 = 200.0;
/// Part of the rows that a bound at an unknown value leaves.
const ONE_BOUND: f64 = 1.0 / 3.0;
/// Part of the rows between two unknown values; such ranges are short in practice, hence the limit in rows.
const TWO_BOUNDS: (f64, f64) = (0.005, 200.0);
/// Elements assumed of an array known only at run time.
const UNKNOWN_ELEMENTS: f64 = 10.0;

/// Rows of a table.
pub(super) fn table_rows(rel: &Relation) -> f64 {
    if rel.stats.tuples >= 0.0 { f64::from(rel.stats.tuples).max(1.0) } else { UNKNOWN_ROWS }
}

fn column(rel: &Relation, attnum: i16) -> Option<&ColumnStats> {
    rel.stats.columns.get(&attnum)
}

fn distinct(rel: &Relation, attnum: i16) -> f64 {
    let rows = table_rows(rel);
    let alone = |i: &crate::catalog::Index| i.unique && i.keys.len() == 1 && i.keys[0].attnum == attnum;
    let n = match column(rel, attnum) {
        Some(c) if c.n_distinct > 0.0 => f64::from(c.n_distinct),
        Some(c) if c.n_distinct < 0.0 => -f64::from(c.n_distinct) * rows,
        _ if attnum > 0 && rel.indexes.iter().any(|i| alone(i)) => rows,
        _ => UNKNOWN_DISTINCT.min(rows),
    };
    n.max(1.0)
}

/// Part of the rows whose column (0 for an expression) equals a value.
pub(super) fn equal(rel: &Relation, attnum: i16, ty: TypeRef, value: &Expr) -> f64 {
    let stats = column(rel, attnum);
    if let (Some(c), Some(v)) = (stats, value.as_const()) {
        if let Some((_, f)) = c.mcv.iter().find(|(m, _)| cmp::compare(ty, ty.collation, m, v) == Ordering::Equal) {
            return f64::from(*f);
        }
        let common: f64 = c.mcv.iter().map(|m| f64::from(m.1)).sum();
        let rest = (distinct(rel, attnum) - c.mcv.len() as f64).max(1.0);
        return ((1.0 - common - f64::from(c.null_frac)) / rest).max(0.0);
    }
    let nulls = stats.map_or(0.0, |c| f64::from(c.null_frac));
    (1.0 - nulls) / distinct(rel, attnum)
}

/// Part of the rows whose column is NULL.
pub(super) fn null(rel: &Relation, attnum: i16) -> f64 {
    column(rel, attnum).map_or(0.005, |c| f64::from(c.null_frac))
}

/// Number of elements an array expression is taken to have.
pub(super) fn elements(array: &Expr) -> f64 {
    match &array.kind {
        ExprKind::Array { items, .. } => items.len() as f64,
        ExprKind::Const(Datum::Array(a)) => a.items.len() as f64,
        ExprKind::Const(Datum::Null) => 0.0,
        _ => UNKNOWN_ELEMENTS,
    }
}

/// Part of the histogram below a constant.
fn below(rel: &Relation, attnum: i16, ty: TypeRef, value: &Expr) -> Option<f64> {
    let h = &column(rel, attnum)?.histogram;
    let v = value.as_const()?;
    if h.len() < 2 {
        return None;
    }
    let n = h.partition_point(|x| cmp::compare(ty, ty.collation, x, v) == Ordering::Less);
    // Half a bin for the one the value lies in.
    let bins = (h.len() - 1) as f64;
    Some(if n == 0 {
        0.0
    } else if n == h.len() {
        1.0
    } else {
        (n as f64 - 0.5) / bins
    })
}

/// Part of the rows between two bounds on a column.
pub(super) fn range(rel: &Relation, attnum: i16, ty: TypeRef, low: Option<&Expr>, high: Option<&Expr>) -> f64 {
    let from = low.map(|e| below(rel, attnum, ty, e));
    let to = high.map(|e| below(rel, attnum, ty, e));
    match (from, to) {
        (None, None) => 1.0,
        (Some(Some(f)), None) => 1.0 - f,
        (None, Some(Some(t))) => t,
        (Some(Some(f)), Some(Some(t))) => (t - f).max(0.0),
        (Some(_), Some(_)) => TWO_BOUNDS.0.min(TWO_BOUNDS.1 / table_rows(rel)),
        _ => ONE_BOUND,
    }
}

/// Part of the rows that a condition not used with an index leaves.
pub(super) fn residual(conds: usize) -> f64 {
    0.1f64.powi(conds.min(4) as i32)
}
