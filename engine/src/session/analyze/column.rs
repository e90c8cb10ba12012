//! Statistics of one column or expression from sampled values.

use crate::catalog::ColumnStats;
use crate::ddl::default_opclass_of;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{cmp, oid, pgdata, usertype};
use std::cmp::Ordering;

/// Wider values are counted but not kept.
const MAX_WIDTH: usize = 1024;
/// Bytes before a value of any length in memory.
const HEADER: usize = 4;
/// The longest value that has one byte before it in a row instead.
const SHORT: usize = 126;

/// Length of a type's values, if all have the same.
fn fixed(ty: TypeRef) -> Option<usize> {
    let ty = usertype::base(ty).oid;
    if usertype::is_enum(ty) {
        return Some(4);
    }
    oid::type_info(ty).and_then(|t| usize::try_from(t.len).ok())
}

/// Bytes of a value of any length, as PostgreSQL keeps it, without what stands before it.
fn payload(d: &Datum) -> usize {
    match d {
        Datum::Text(s) => s.len(),
        Datum::Bytes(b) => b.len(),
        Datum::Numeric(n) => {
            let mut wire = Vec::new();
            n.write_wire(&mut wire);
            // Sign, weight and scale take two bytes instead of eight, unless they are large.
            wire.len().saturating_sub(6)
        }
        Datum::Array(a) => 12 + 8 * a.dims.len() + a.items.iter().map(element).sum::<usize>(),
        Datum::Row(f) => row_payload(f),
        _ => 8,
    }
}

/// A row value: a header like that of a stored row, and the fields, small ones of any length without alignment.
fn row_payload(fields: &[(TypeRef, Datum)]) -> usize {
    let nulls = fields.iter().any(|f| f.1.is_null());
    let header = if nulls { (23 + fields.len().div_ceil(8)).next_multiple_of(8) } else { 24 };
    let end = fields.iter().filter(|f| !f.1.is_null()).fold(header, |at, (ty, d)| match fixed(*ty) {
        Some(n) => at.next_multiple_of(n.clamp(1, 8).next_power_of_two()) + n,
        None => {
            let n = payload(d);
            if n > SHORT { at.next_multiple_of(4) + HEADER + n } else { at + 1 + n }
        }
    });
    end - HEADER
}

fn element(d: &Datum) -> usize {
    match d {
        Datum::Null => 0,
        Datum::Bool(_) => 1,
        Datum::Int2(_) => 2,
        Datum::Int4(_) | Datum::Float4(_) | Datum::Oid(_) | Datum::Date(_) | Datum::Enum(_) => 4,
        Datum::Text(_) | Datum::Bytes(_) | Datum::Numeric(_) | Datum::Array(_) | Datum::Row(_) => {
            (payload(d) + HEADER).next_multiple_of(4)
        }
        Datum::Uuid(_) | Datum::Interval(_) => 16,
        _ => 8,
    }
}

/// Whether a value is too wide for lists and comparisons.
pub fn is_wide(ty: TypeRef, d: &Datum) -> bool {
    !d.is_null() && fixed(ty).is_none() && payload(d) + HEADER > MAX_WIDTH
}

/// Statistics of sampled values, in physical order, of a table of `total` rows. Lists have `target` entries at most.
/// `computed` says that the values are an expression's and not a column's.
pub fn column_stats(ty: TypeRef, sample: &[&Datum], total: u64, target: usize, computed: bool) -> ColumnStats {
    let mut out = ColumnStats::default();
    if sample.is_empty() {
        return out;
    }
    let rows = sample.len() as f64;
    let len = fixed(ty);
    let mut kept: Vec<(usize, &Datum)> = Vec::with_capacity(sample.len());
    let (mut nulls, mut wide, mut bytes) = (0usize, 0usize, 0usize);
    for d in sample {
        if d.is_null() {
            nulls += 1;
            continue;
        }
        bytes += len.unwrap_or_else(|| {
            let n = payload(d);
            n + if computed || n > SHORT { HEADER } else { 1 }
        });
        if is_wide(ty, d) { wide += 1 } else { kept.push((kept.len(), d)) }
    }
    let present = sample.len() - nulls;
    out.null_frac = (nulls as f64 / rows) as f32;
    let width = match len {
        Some(n) => n,
        None => bytes.checked_div(present).unwrap_or(0),
    };
    out.avg_width = i32::try_from(width).unwrap_or(i32::MAX);
    if default_opclass_of(pgdata::BTREE, ty.oid).is_none() {
        return out;
    }
    if kept.is_empty() {
        out.n_distinct = if wide > 0 { -(1.0 - out.null_frac) } else { 0.0 };
        return out;
    }
    // Stable: equal values stay in physical order, which the correlation relies on.
    kept.sort_by(|a, b| cmp::compare(ty, ty.collation, a.1, b.1));
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for (i, v) in kept.iter().enumerate() {
        match groups.last_mut() {
            Some(g) if cmp::compare(ty, ty.collation, kept[g.0].1, v.1) == Ordering::Equal => g.1 += 1,
            _ => groups.push((i, 1)),
        }
    }
    out.n_distinct = distinct(&groups, wide, present as f64, total as f64, out.null_frac);
    let mut common: Vec<usize> = (0..groups.len()).filter(|g| groups[*g].1 > 1).collect();
    common.sort_by_key(|g| std::cmp::Reverse(groups[*g].1));
    common.truncate(target);
    let all = common.len() == groups.len() && wide == 0 && out.n_distinct > 0.0;
    if !all {
        let counts: Vec<usize> = common.iter().map(|g| groups[*g].1).collect();
        common.truncate(clearly_common(&counts, &out, rows, total as f64));
    }
    out.mcv = common.iter().map(|g| (kept[groups[*g].0].1.clone(), (groups[*g].1 as f64 / rows) as f32)).collect();
    let mut is_common = vec![false; groups.len()];
    common.iter().for_each(|g| is_common[*g] = true);
    let rest: Vec<&Datum> = groups
        .iter()
        .zip(&is_common)
        .filter(|(_, common)| !**common)
        .flat_map(|(g, _)| kept[g.0..g.0 + g.1].iter().map(|k| k.1))
        .collect();
    let bounds = (groups.len() - common.len()).min(target + 1);
    if bounds >= 2 {
        out.histogram = (0..bounds).map(|b| rest[b * (rest.len() - 1) / (bounds - 1)].clone()).collect();
    }
    out.correlation = correlation(&kept);
    out
}

/// `stadistinct`: a count, or as a negative number the share of the table's rows.
fn distinct(groups: &[(usize, usize)], wide: usize, present: f64, total: f64, null_frac: f32) -> f32 {
    let once = groups.iter().filter(|g| g.1 == 1).count();
    if once == groups.len() {
        // Every value is its own: so it will be in the whole table.
        return -(1.0 - null_frac);
    }
    let count = if once == 0 && wide == 0 {
        groups.len() as f64
    } else {
        // Haas and Stokes: values seen once tell how many were not seen.
        let (d, f1) = ((groups.len() + wide) as f64, (once + wide) as f64);
        let all = total * (1.0 - f64::from(null_frac));
        let guess = if all > 0.0 { present * d / ((present - f1) + f1 * present / all) } else { 0.0 };
        (guess.max(d).min(all) + 0.5).floor()
    };
    let count = count as f32;
    if f64::from(count) > 0.1 * total { -(f64::from(count) / total) as f32 } else { count }
}

/// How many of the values that come most often come so much more often than the others on average that the sample is
/// enough to say so.
fn clearly_common(counts: &[usize], stats: &ColumnStats, rows: f64, total: f64) -> usize {
    if rows == total || total <= 1.0 {
        return counts.len();
    }
    let distinct = f64::from(stats.n_distinct);
    let distinct = if distinct < 0.0 { -distinct * total } else { distinct };
    let mut kept = counts.len();
    // Instances of all but the last one kept.
    let mut before: usize = counts.iter().rev().skip(1).sum();
    while kept > 0 {
        let last = counts[kept - 1] as f64;
        let mut share = (1.0 - before as f64 / rows - f64::from(stats.null_frac)).clamp(0.0, 1.0);
        let others = distinct - (kept - 1) as f64;
        if others > 1.0 {
            share /= others;
        }
        // The standard deviation of a hypergeometric distribution.
        let in_table = total * last / rows;
        let variance = rows * in_table * (total - in_table) * (total - rows) / (total * total * (total - 1.0));
        if last > share * rows + 2.0 * variance.sqrt() + 0.5 {
            break;
        }
        kept -= 1;
        before -= if kept > 0 { counts[kept - 1] } else { 0 };
    }
    kept
}

/// Correlation of sorted order and physical place, each of which is a permutation of 0..n.
fn correlation(sorted: &[(usize, &Datum)]) -> f32 {
    let n = sorted.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let products: f64 = sorted.iter().enumerate().map(|(rank, (place, _))| rank as f64 * *place as f64).sum();
    let sum = (n - 1.0) * n / 2.0;
    let squares = (n - 1.0) * n * (2.0 * n - 1.0) / 6.0;
    ((n * products - sum * sum) / (n * squares - sum * sum)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_simple_columns() {
        let ty = TypeRef::new(oid::INT4);
        let unique: Vec<Datum> = (0..1000).map(Datum::Int4).collect();
        let s = column_stats(ty, &unique.iter().collect::<Vec<_>>(), 1000, 100, false);
        assert_eq!((s.n_distinct, s.null_frac, s.mcv.len(), s.histogram.len()), (-1.0, 0.0, 0, 101));
        assert!((s.correlation - 1.0).abs() < 1e-6);
        let few: Vec<Datum> = (0..1000).map(|i| if i % 4 == 0 { Datum::Null } else { Datum::Int4(i % 2) }).collect();
        let s = column_stats(ty, &few.iter().collect::<Vec<_>>(), 1000, 100, false);
        assert_eq!((s.n_distinct, s.null_frac, s.mcv.len()), (2.0, 0.25, 2));
        assert!(s.histogram.is_empty());
    }
}
