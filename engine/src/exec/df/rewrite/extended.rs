//! What extended statistics say about several columns of a table together.

use super::stats;
use crate::catalog::Relation;
use crate::catalog::extended::ExtendedData;
use crate::exec::StmtCx;
use crate::plan::ir::{Expr, Rel, Scan};
use rustydb_types::cmp;
use rustydb_types::datum::Datum;
use rustydb_types::extstats::{McvList, get_dependencies, get_distinct};

/// A condition that a column has one value.
struct Equality<'r> {
    scan: &'r Scan,
    attnum: i16,
    value: Option<&'r Datum>,
    /// Share of the rows that it alone keeps.
    share: f64,
}

/// What ANALYZE found for the objects of a table.
fn found(table: &Relation) -> impl Iterator<Item = (&[i16], &ExtendedData)> {
    table.extended.iter().filter_map(|x| x.data.first().map(|d| (x.columns.as_slice(), d)))
}

/// Share of a relation's rows that conditions keep together. Equalities that statistics tell of together count as those
/// say; all else is multiplied, as if independent.
pub fn share_of_all(conds: &[&Expr], rel: &Rel, cx: &StmtCx) -> f64 {
    let mut alone: Vec<&Expr> = Vec::new();
    let mut groups: Vec<Vec<Equality<'_>>> = Vec::new();
    for c in conds {
        match stats::equality(c, rel, cx).filter(|e| !e.0.table.extended.is_empty()) {
            Some((scan, attnum, value)) => {
                let e = Equality { scan, attnum, value, share: stats::share(c, rel, cx) };
                match groups.iter_mut().find(|g| g.iter().all(|x| std::ptr::eq(x.scan, scan))) {
                    Some(g) => g.push(e),
                    None => groups.push(vec![e]),
                }
            }
            None => alone.push(c),
        }
    }
    let together: f64 = groups.into_iter().map(|g| together(g, cx)).product();
    alone.into_iter().map(|c| stats::share(c, rel, cx)).product::<f64>() * together
}

/// Share of a table's rows that equalities on its columns keep.
fn together(mut left: Vec<Equality<'_>>, cx: &StmtCx) -> f64 {
    let Some(table) = left.first().map(|e| &e.scan.table) else { return 1.0 };
    let mut share = 1.0;
    if left.len() > 1
        && let Some((s, columns)) = found(table).find_map(|(columns, d)| common(columns, d, &left, cx))
    {
        share *= s;
        left.retain(|e| !columns.contains(&e.attnum));
    }
    let mut dependencies: Vec<(f64, Vec<i16>)> = Vec::new();
    for (_, d) in found(table) {
        if let Datum::Bytes(b) = &d.dependencies {
            let list = get_dependencies(b).unwrap_or_default();
            dependencies.extend(list.into_iter().map(|d| (d.degree, d.attributes)));
        }
    }
    // The widest first, then the strongest: what it implies counts only where it does not hold.
    dependencies.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(b.0.total_cmp(&a.0)));
    let have = |left: &[Equality<'_>], a: &i16| left.iter().any(|e| e.attnum == *a);
    while let Some((degree, all)) = dependencies.iter().find(|d| d.1.iter().all(|a| have(&left, a))) {
        let Some(at) = all.last().and_then(|implied| left.iter().position(|e| e.attnum == *implied)) else { break };
        let implied = left.swap_remove(at);
        share *= degree + (1.0 - degree) * implied.share;
    }
    share * left.iter().map(|e| e.share).product::<f64>()
}

/// How often a combination of values comes that is among the common ones; the columns that this is about.
fn common(columns: &[i16], d: &ExtendedData, conds: &[Equality<'_>], cx: &StmtCx) -> Option<(f64, Vec<i16>)> {
    let Datum::Bytes(b) = &d.mcv else { return None };
    let about: Vec<(usize, &Equality<'_>, &Datum)> =
        conds.iter().filter_map(|e| Some((columns.iter().position(|c| *c == e.attnum)?, e, e.value?))).collect();
    if about.len() < 2 {
        return None;
    }
    let list = McvList::get(&cx.eval, b).ok()?;
    let same = |values: &[Datum]| {
        about.iter().all(|(at, _, v)| match (values.get(*at), list.types.get(*at)) {
            (Some(x), Some(ty)) => std::mem::discriminant(x) == std::mem::discriminant(*v) && cmp::equal(*ty, x, v),
            _ => false,
        })
    };
    let share: f64 = list.items.iter().filter(|i| same(&i.values)).map(|i| i.frequency).sum();
    (share > 0.0).then(|| (share, about.iter().map(|a| a.1.attnum).collect()))
}

/// How many groups several columns of a table make, if that was counted.
pub fn groups(keys: &[&Expr], rel: &Rel) -> Option<f64> {
    let of = |e: &&Expr| stats::column_of(e).and_then(|c| stats::origin(rel, c));
    let columns: Vec<(&Scan, i16)> = keys.iter().map(of).collect::<Option<_>>()?;
    let (scan, _) = columns.first()?;
    if !columns.iter().all(|c| std::ptr::eq(c.0, *scan)) {
        return None;
    }
    let mut wanted: Vec<i16> = columns.iter().map(|c| c.1).collect();
    wanted.sort_unstable();
    wanted.dedup();
    found(&scan.table).find_map(|(_, d)| {
        let Datum::Bytes(b) = &d.distinct else { return None };
        get_distinct(b).ok()?.into_iter().find(|i| i.attributes == wanted).map(|i| i.count)
    })
}
