//! Selectivities from ANALYZE's statistics, with PostgreSQL's default guesses where there are none.

use crate::catalog::{ColumnStats, Relation};
use crate::exec::StmtCx;
use crate::plan::ir::{ColId, Expr, ExprKind, Rel, Scan, SubqueryKind};
use crate::plan::walk;
use rustydb_types::cmp;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::pgdata;

/// Guess for equality with an unknown distribution.
const EQUAL: f64 = 0.005;
/// Guess for one inequality.
const RANGE: f64 = 1.0 / 3.0;
/// Guess for a pattern or any other condition.
const OTHER: f64 = 0.25;

/// The scan that a column of a relation comes from, through operators that pass columns on, and its attnum.
pub fn origin(rel: &Rel, id: ColId) -> Option<(&Scan, i16)> {
    match rel {
        Rel::Scan(s) => s.cols.iter().find(|c| c.0.id == id).map(|c| (&**s, c.1)),
        Rel::Filter { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::LockRows { input, .. }
        | Rel::Window { input, .. }
        | Rel::ProjectSet { input, .. } => origin(input, id),
        Rel::Project { input, exprs } => {
            let e = exprs.iter().find(|e| e.0.id == id)?;
            column_of(&e.1).and_then(|c| origin(input, c))
        }
        Rel::Aggregate { input, groups, .. } => {
            let e = groups.iter().find(|e| e.0.id == id)?;
            column_of(&e.1).and_then(|c| origin(input, c))
        }
        Rel::Join { left, right, .. } => origin(left, id).or_else(|| origin(right, id)),
        Rel::With { body, .. } => origin(body, id),
        // The first of several tables speaks for all.
        Rel::Append(a) => {
            let at = a.cols.iter().position(|c| c.id == id)?;
            let b = a.branches.first()?;
            origin(&b.rel, b.cols.get(at)?.id)
        }
        _ => None,
    }
}

/// The column an expression is, through relabelling.
pub fn column_of(e: &Expr) -> Option<ColId> {
    match &e.kind {
        ExprKind::Column(id) => Some(*id),
        ExprKind::Relabel(x) => column_of(x),
        _ => None,
    }
}

fn stats(table: &Relation, attnum: i16) -> Option<&ColumnStats> {
    table.stats.columns.get(&attnum)
}

/// How many different values a column of a table with `rows` rows has.
pub fn distinct(table: &Relation, attnum: i16, rows: f64) -> Option<f64> {
    if table.indexes.iter().any(|i| i.unique && i.keys.len() == 1 && i.keys[0].attnum == attnum) {
        return Some(rows.max(1.0));
    }
    let s = stats(table, attnum)?;
    let n = f64::from(s.n_distinct);
    if n > 0.0 {
        Some(n)
    } else if n < 0.0 {
        Some((-n * rows).max(1.0))
    } else {
        None
    }
}

/// Share of rows with one value of a column, the value unknown.
pub fn equal_share(table: &Relation, attnum: i16, rows: f64) -> f64 {
    match distinct(table, attnum, rows) {
        Some(n) => 1.0 / n.max(1.0),
        None => EQUAL,
    }
}

/// Share of a column's values below a value.
fn below(s: &ColumnStats, ty: TypeRef, v: &Datum) -> Option<f64> {
    let h = &s.histogram;
    if h.len() < 2 {
        return None;
    }
    let at = h.partition_point(|b| cmp::compare(ty, ty.collation, b, v).is_lt());
    if at == 0 {
        return Some(0.0);
    }
    if at >= h.len() {
        return Some(1.0);
    }
    // Within a bucket, numbers and times are interpolated; others count half of it.
    let inside = match (number(&h[at - 1]), number(&h[at]), number(v)) {
        (Some(lo), Some(hi), Some(v)) if hi > lo => ((v - lo) / (hi - lo)).clamp(0.0, 1.0),
        _ => 0.5,
    };
    Some(((at - 1) as f64 + inside) / (h.len() - 1) as f64)
}

fn number(d: &Datum) -> Option<f64> {
    Some(match d {
        Datum::Int2(v) => f64::from(*v),
        Datum::Int4(v) | Datum::Date(v) => f64::from(*v),
        Datum::Int8(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) | Datum::Time(v) => *v as f64,
        Datum::Float4(v) => f64::from(*v),
        Datum::Float8(v) => *v,
        Datum::Oid(v) => f64::from(*v),
        Datum::Numeric(n) => n.to_f64_lossy(),
        _ => return None,
    })
}

/// Share of rows between bounds whose values are given when known.
pub fn range_share(table: &Relation, attnum: i16, low: Option<&Datum>, high: Option<&Datum>) -> f64 {
    let known = || {
        let s = stats(table, attnum)?;
        let ty = table.attribute(attnum)?.ty;
        let lo = match low {
            Some(v) => below(s, ty, v)?,
            None => 0.0,
        };
        let hi = match high {
            Some(v) => below(s, ty, v)?,
            None => 1.0,
        };
        Some((hi - lo).clamp(0.0, 1.0) * (1.0 - f64::from(s.null_frac)))
    };
    known().unwrap_or(RANGE)
}

fn symbol(proc: u32) -> Option<&'static str> {
    ["=", "<>", "<", "<=", ">", ">="].into_iter().find(|s| pgdata::operators_named(s).iter().any(|o| o.oprcode == proc))
}

fn equal_to(scan: &Scan, attnum: i16, value: Option<&Datum>, cx: &StmtCx) -> f64 {
    let rows = cx.tables.estimated_rows(&scan.table).max(1.0);
    if let (Some(s), Some(v), Some(c)) = (stats(&scan.table, attnum), value, scan.table.attribute(attnum)) {
        let same_variant = |m: &Datum| std::mem::discriminant(m) == std::mem::discriminant(v);
        let hit = s.mcv.iter().find(|(m, _)| same_variant(m) && cmp::equal(c.ty, m, v));
        if let Some((_, f)) = hit {
            return f64::from(*f);
        }
        let common: f64 = s.mcv.iter().map(|m| f64::from(m.1)).sum();
        if let Some(n) = distinct(&scan.table, attnum, rows) {
            let others = (n - s.mcv.len() as f64).max(1.0);
            return ((1.0 - common - f64::from(s.null_frac)).max(0.0) / others).max(1e-9);
        }
    }
    equal_share(&scan.table, attnum, rows)
}

/// The column of a table that a condition wants to have one value, and the value when known.
pub fn equality<'r>(e: &'r Expr, rel: &'r Rel, cx: &'r StmtCx) -> Option<(&'r Scan, i16, Option<&'r Datum>)> {
    let ExprKind::Call { proc, args, .. } = &e.kind else { return None };
    let [a, b] = args.as_slice() else { return None };
    let (col, value) = match (column_of(a), column_of(b)) {
        (Some(c), None) => (c, b),
        (None, Some(c)) => (c, a),
        _ => return None,
    };
    let known = match &value.kind {
        ExprKind::Const(d) => Some(d),
        ExprKind::Param(i) => cx.params.get(*i),
        _ => None,
    };
    let (scan, attnum) = origin(rel, col)?;
    (symbol(proc.oid) == Some("=")).then_some((scan, attnum, known))
}

/// Share of a relation's rows that a condition keeps.
pub fn share(e: &Expr, rel: &Rel, cx: &StmtCx) -> f64 {
    match &e.kind {
        ExprKind::Const(Datum::Bool(true)) => 1.0,
        ExprKind::Const(_) => 0.0,
        ExprKind::And(v) => v.iter().map(|x| share(x, rel, cx)).product(),
        ExprKind::Or(v) => 1.0 - v.iter().map(|x| 1.0 - share(x, rel, cx)).product::<f64>(),
        ExprKind::Not(x) => (1.0 - share(x, rel, cx)).clamp(0.0, 1.0),
        ExprKind::IsNull { arg, negated } => {
            let nulls = column_of(arg)
                .and_then(|c| origin(rel, c))
                .and_then(|(s, a)| stats(&s.table, a))
                .map_or(EQUAL, |s| f64::from(s.null_frac));
            if *negated { 1.0 - nulls } else { nulls }
        }
        ExprKind::ArrayOp { left, array, all: false, .. } => {
            let one = |d: Option<&Datum>| {
                column_of(left).and_then(|c| origin(rel, c)).map_or(EQUAL, |(s, a)| equal_to(s, a, d, cx))
            };
            match &array.kind {
                ExprKind::Array { items, .. } => items.iter().map(|i| one(i.as_const())).sum::<f64>().min(1.0),
                ExprKind::Const(Datum::Array(a)) => a.items.iter().map(|d| one(Some(d))).sum::<f64>().min(1.0),
                _ => OTHER,
            }
        }
        ExprKind::Call { proc, args, .. } => {
            let [a, b] = args.as_slice() else { return OTHER };
            let (col, value, flip) = match (column_of(a), column_of(b)) {
                (Some(c), None) => (c, b, false),
                (None, Some(c)) => (c, a, true),
                (Some(_), Some(_)) if symbol(proc.oid) == Some("=") => return EQUAL,
                _ => return symbol(proc.oid).map_or(OTHER, |s| if s == "=" { EQUAL } else { RANGE }),
            };
            let known = match &value.kind {
                ExprKind::Const(d) => Some(d),
                ExprKind::Param(i) => cx.params.get(*i),
                _ => None,
            };
            let Some((scan, attnum)) = origin(rel, col) else {
                return if symbol(proc.oid) == Some("=") { EQUAL } else { RANGE };
            };
            let sym = match (symbol(proc.oid), flip) {
                (Some("<"), true) => ">",
                (Some("<="), true) => ">=",
                (Some(">"), true) => "<",
                (Some(">="), true) => "<=",
                (Some(s), _) => s,
                (None, _) => return OTHER,
            };
            match (sym, known) {
                ("=", v) => equal_to(scan, attnum, v, cx),
                ("<>", v) => 1.0 - equal_to(scan, attnum, v, cx),
                ("<" | "<=", Some(v)) => range_share(&scan.table, attnum, None, Some(v)),
                (">" | ">=", Some(v)) => range_share(&scan.table, attnum, Some(v), None),
                _ => RANGE,
            }
        }
        ExprKind::Subquery(s) => match s.kind {
            SubqueryKind::Exists | SubqueryKind::Quantified { .. } => 0.5,
            _ => OTHER,
        },
        _ => OTHER,
    }
}

/// Share of the cross product of two relations of `l` and `r` rows that join conditions keep. Equalities that name all
/// columns of a unique key count together: each row of the other side meets at most one of the key's table. Multiplied,
/// as if independent, they would promise far too few rows.
pub fn joins_share(conds: &[&Expr], left: &Rel, right: &Rel, cx: &StmtCx, l: f64, r: f64) -> f64 {
    let key_columns = |e: &Expr| -> Vec<(*const Scan, i16)> {
        let ExprKind::Call { proc, args, .. } = &e.kind else { return vec![] };
        if symbol(proc.oid) != Some("=") {
            return vec![];
        }
        let side = |x: &Expr| {
            let c = column_of(x)?;
            let (s, n) = origin(left, c).or_else(|| origin(right, c))?;
            Some((std::ptr::from_ref(s), n))
        };
        args.iter().filter_map(side).collect()
    };
    let columns: Vec<Vec<(*const Scan, i16)>> = conds.iter().map(|e| key_columns(e)).collect();
    let mut best: Option<(f64, Vec<usize>)> = None;
    for side in [left, right] {
        let mut scans: Vec<&Scan> = Vec::new();
        walk::visit_rels(side, &mut |r| {
            if let Rel::Scan(s) = r {
                scans.push(s);
            }
        });
        for s in scans {
            for i in s.table.indexes.iter().filter(|i| i.unique && i.predicate.is_none() && i.keys.len() > 1) {
                let place = |attnum: i16| columns.iter().position(|c| c.contains(&(std::ptr::from_ref(s), attnum)));
                let Some(used) = i.keys.iter().map(|k| place(k.attnum)).collect::<Option<Vec<usize>>>() else {
                    continue;
                };
                let share = 1.0 / cx.tables.estimated_rows(&s.table).max(1.0);
                if best.as_ref().is_none_or(|b| share > b.0) {
                    best = Some((share, used));
                }
            }
        }
    }
    let (share, used) = best.unwrap_or((1.0, vec![]));
    let others = conds.iter().enumerate().filter(|(i, _)| !used.contains(i));
    others.fold(share, |n, (_, c)| n * join_share(c, left, right, cx, l, r))
}

/// As [`joins_share`] for one condition.
fn join_share(e: &Expr, left: &Rel, right: &Rel, cx: &StmtCx, l: f64, r: f64) -> f64 {
    let ExprKind::Call { proc, args, .. } = &e.kind else { return OTHER };
    let [a, b] = args.as_slice() else { return OTHER };
    if symbol(proc.oid) != Some("=") {
        return RANGE;
    }
    // The values of the column that has more of them decide; no side has more values than rows.
    let values = |x: &Expr| {
        let c = column_of(x)?;
        let (s, attnum, rows) = match (origin(left, c), origin(right, c)) {
            (Some((s, a)), _) => (s, a, l),
            (None, Some((s, a))) => (s, a, r),
            _ => return None,
        };
        let all = cx.tables.estimated_rows(&s.table).max(1.0);
        distinct(&s.table, attnum, all).map(|n| n.min(rows.max(1.0)))
    };
    match (values(a), values(b)) {
        (Some(x), Some(y)) => 1.0 / x.max(y).max(1.0),
        (Some(x), None) | (None, Some(x)) => 1.0 / x.max(1.0),
        (None, None) => 1.0 / l.min(r).max(1.0),
    }
}
