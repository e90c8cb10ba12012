//! ANALYZE's part for extended statistics: which objects of a table are computed, and from which columns of the sample.

use super::column::{column_stats, is_wide};
use crate::catalog::extended::{ExtendedData, ExtendedStatistics, expression_row};
use crate::catalog::rows::array;
use crate::catalog::{Catalog, Column, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::extstats::build::Sample;
use rustydb_types::extstats::{put_dependencies, put_distinct};
use rustydb_types::io::OutCtx;
use std::sync::Arc;

/// One object to compute.
pub struct Wanted {
    object: Arc<ExtendedStatistics>,
    /// Entries of its lists.
    target: usize,
    /// Places of its columns among the sampled values, with their types.
    columns: Vec<(usize, TypeRef)>,
    /// Where the values of its expressions begin among those of all expressions.
    first_expr: usize,
}

impl Wanted {
    /// The object's OID.
    pub fn oid(&self) -> u32 {
        self.object.oid
    }
}

/// The objects that an ANALYZE computes that sampled the columns `stored`, of which `analyzed` says what is asked for.
/// Answers the warnings about others too.
pub fn wanted(
    cat: &Catalog,
    rel: &Relation,
    stored: &[&Column],
    analyzed: impl Fn(&Column) -> bool,
    default: i32,
) -> (Vec<Wanted>, Vec<DbError>) {
    let (mut out, mut warnings) = (Vec::new(), Vec::new());
    if !stored.iter().any(|c| analyzed(c)) {
        return (out, warnings);
    }
    let mut first_expr = 0;
    for x in &rel.extended {
        let place = |a: &i16| stored.iter().position(|c| c.attnum == *a && analyzed(c));
        let places: Option<Vec<usize>> = x.columns.iter().map(place).collect();
        let Some(places) = places else {
            let schema = cat.namespaces.get(&x.namespace).map_or("", |n| n.name.as_str());
            let text = format!(
                "statistics object \"{schema}.{}\" could not be computed for relation \"{}.{}\"",
                x.name, rel.schema, rel.name
            );
            let warning = DbError::new(SqlState::INVALID_OBJECT_DEFINITION, text);
            warnings.push(warning.table(rel.schema.as_str(), rel.name.as_str()));
            continue;
        };
        let columns: Vec<&&Column> = places.iter().filter_map(|p| stored.get(*p)).collect();
        let own = columns.iter().map(|c| if c.tuning.target < 0 { default } else { c.tuning.target }).max();
        let target = if x.target >= 0 { x.target } else { own.unwrap_or(default) };
        if target <= 0 {
            continue;
        }
        let columns = places.iter().copied().zip(columns.iter().map(|c| c.ty)).collect();
        let target = usize::try_from(target).unwrap_or(0);
        out.push(Wanted { object: Arc::clone(x), target, columns, first_expr });
        first_expr += x.exprs.len();
    }
    (out, warnings)
}

/// The expressions of the objects, in the order in which [`build`] expects their values behind the columns'.
pub fn expressions(wanted: &[Wanted]) -> impl Iterator<Item = &str> {
    wanted.iter().flat_map(|w| w.object.exprs.iter().map(String::as_str))
}

/// The largest target.
pub fn largest_target(wanted: &[Wanted]) -> usize {
    wanted.iter().map(|w| w.target).max().unwrap_or(0)
}

/// Rows that were sampled of a table of `total` rows: `columns` columns, then expressions of the types `exprs`.
pub struct Rows<'s> {
    pub sample: &'s [(u64, Vec<Datum>)],
    pub total: u64,
    pub columns: usize,
    pub exprs: &'s [TypeRef],
    pub inherited: bool,
}

impl<'s> Rows<'s> {
    fn values(&self, at: usize) -> Vec<&'s Datum> {
        self.sample.iter().map(|r| r.1.get(at).unwrap_or(&Datum::Null)).collect()
    }
}

/// Computes one object.
pub fn build(eval: &EvalCtx, w: &Wanted, rows: &Rows<'_>) -> Result<ExtendedData> {
    let x = &w.object;
    let exprs: Vec<(usize, TypeRef)> = (w.first_expr..w.first_expr + x.exprs.len())
        .filter_map(|e| rows.exprs.get(e).map(|ty| (rows.columns + e, *ty)))
        .collect();
    let dimensions: Vec<(usize, TypeRef)> = w.columns.iter().chain(&exprs).copied().collect();
    let attributes: Vec<i16> = x.columns.iter().copied().chain((1..).map(|n: i16| -n).take(x.exprs.len())).collect();
    let sample = Sample::new(
        dimensions.iter().map(|d| d.1).collect(),
        dimensions.iter().map(|d| rows.values(d.0)).collect(),
        is_wide,
    );
    let total = rows.total as f64;
    let bytes = |b: Vec<u8>| Datum::Bytes(b.into());
    let mut out = ExtendedData { inherited: rows.inherited, ..ExtendedData::default() };
    for kind in &x.kinds {
        match kind {
            'd' => out.distinct = bytes(put_distinct(&sample.distinct(&attributes, total))),
            'f' => {
                let found = sample.dependencies(&attributes);
                if !found.is_empty() {
                    out.dependencies = bytes(put_dependencies(&found));
                }
            }
            'm' => {
                if let Some(list) = sample.mcv(w.target, total) {
                    out.mcv = bytes(list.put(OutCtx { fmt: &eval.fmt, session: Some(&*eval.session) })?);
                }
            }
            'e' => {
                let found = exprs.iter().map(|(at, ty)| {
                    let stats = column_stats(*ty, &rows.values(*at), rows.total, w.target, true);
                    expression_row(*ty, &stats)
                });
                out.exprs = array(crate::catalog::extended::PG_STATISTIC_TYPE, 1, found.collect());
            }
            _ => {}
        }
    }
    Ok(out)
}
