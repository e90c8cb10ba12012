//! ANALYZE and VACUUM.
//!
//! ANALYZE reads a table once, counts its rows, and keeps a uniform sample of them, from which each column's statistics
//! are made. Dead versions are removed all the time in the background, so VACUUM has nothing to do but to say so.

use super::copy::select_of;
use super::explain::flag;
use super::rows::{Rows, row_bytes};
use super::{Session, now_micros};
use crate::catalog::{Column, ColumnStats, FIRST_USER_OID, RelKind, RelStats, Relation};
use crate::exec::run::Executed;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, DefOption, DefValue, Statement, TableLockMode};
use rustydb_parser::char_position;
use rustydb_types::cmp;
use rustydb_types::datum::{Datum, TypeRef};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows sampled, for a statistics target of 100.
const SAMPLE: usize = 30_000;
/// Entries of most-common-value lists and histograms.
const TARGET: usize = 100;
/// Bytes of sampled rows.
const MAX_SAMPLE_BYTES: usize = 64 << 20;
/// Wider values are counted but not kept.
const MAX_WIDTH: usize = 1024;

/// How many workers VACUUM is to have: it needs none, but says what is no number of them.
fn parallel_workers(o: &DefOption, text: &str) -> Result<i32> {
    let wrong = |message: String| DbError::new(SqlState::SYNTAX_ERROR, message);
    match &o.value {
        None => {
            Err(wrong("parallel option requires a value between 0 and 1024".into()).at(char_position(text, o.name.pos)))
        }
        Some(DefValue::Number(n)) => match n.parse() {
            Ok(n @ 0..=1024) => Ok(n),
            Ok(_) => Err(wrong("parallel workers for vacuum must be between 0 and 1024".into())
                .at(char_position(text, o.name.pos))),
            Err(_) => Err(wrong("parallel requires an integer value".into())),
        },
        Some(_) => Err(wrong("parallel requires an integer value".into())),
    }
}

impl Session {
    /// Runs VACUUM or ANALYZE.
    pub(super) async fn vacuum(&mut self, v: &ast::Vacuum, text: &Arc<str>) -> Result<String> {
        let word = if v.vacuum { "VACUUM" } else { "ANALYZE" };
        let (mut analyze, mut verbose, mut skip_locked, mut full) = (!v.vacuum, false, false, false);
        let (mut workers, mut every_page) = (0, false);
        for o in &v.options {
            match o.name.value.as_str() {
                "verbose" => verbose = flag(o)?,
                "analyze" if v.vacuum => analyze = flag(o)?,
                "skip_locked" => skip_locked = flag(o)?,
                "full" if v.vacuum => full = flag(o)?,
                // What these tune has no counterpart: there is no separate pass over the table.
                "freeze" | "process_toast" | "truncate" if v.vacuum => {
                    flag(o)?;
                }
                "disable_page_skipping" if v.vacuum => every_page = flag(o)?,
                "index_cleanup" if v.vacuum => {
                    if !matches!(&o.value, Some(DefValue::Word(w) | DefValue::String(w)) if w.eq_ignore_ascii_case("auto"))
                    {
                        flag(o)?;
                    }
                }
                "parallel" if v.vacuum => workers = parallel_workers(o, text)?,
                other => {
                    return Err(DbError::new(
                        SqlState::SYNTAX_ERROR,
                        format!("unrecognized {word} option \"{other}\""),
                    )
                    .at(char_position(text, o.name.pos)));
                }
            }
        }
        if full && workers > 0 {
            return Err(DbError::unsupported("VACUUM FULL cannot be performed in parallel"));
        }
        if v.vacuum && !analyze && v.tables.iter().any(|t| !t.1.is_empty()) {
            return Err(DbError::unsupported("ANALYZE option must be specified when a column list is provided"));
        }
        if v.vacuum {
            self.must_be_alone("VACUUM")?;
            if full && every_page {
                return Err(DbError::unsupported("VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL"));
            }
        }
        self.check_read_only(word)?;
        // Each with whether the statement names it.
        let mut targets: Vec<(Arc<Relation>, Vec<String>, bool)> = Vec::new();
        for (t, columns) in &v.tables {
            let rel = self.with_binder(text, &[], |b| b.utility_relation(&t.name))?;
            if !self.shared.may_act_as(rel.owner) {
                let what = if v.vacuum { "vacuum" } else { "analyze" };
                self.shared.warning(
                    SqlState::WARNING,
                    format!("skipping \"{}\" --- only table or database owner can {what} it", rel.name),
                );
                continue;
            }
            if !matches!(rel.kind, RelKind::Table | RelKind::MaterializedView) {
                let what = if v.vacuum { "vacuum" } else { "analyze" };
                self.shared.warning(
                    SqlState::WARNING,
                    format!("skipping \"{}\" --- cannot {what} non-tables or special system tables", rel.name),
                );
                continue;
            }
            for c in columns {
                if rel.column(&c.value).is_none() {
                    return Err(DbError::new(
                        SqlState::UNDEFINED_COLUMN,
                        format!("column \"{}\" of relation \"{}\" does not exist", c.value, rel.name),
                    ));
                }
            }
            if rel.is_partitioned() {
                let catalog = Arc::clone(self.tx()?.refresh_catalog());
                for part in catalog.tree(rel.oid).iter().skip(1).filter_map(|o| catalog.relation(*o)) {
                    targets.push((Arc::clone(part), Vec::new(), false));
                }
            }
            targets.push((rel, columns.iter().map(|c| c.value.clone()).collect(), true));
        }
        if v.tables.is_empty() {
            let catalog = Arc::clone(self.tx()?.refresh_catalog());
            let mut all: Vec<Arc<Relation>> = catalog
                .relations
                .values()
                .filter(|r| {
                    matches!(r.kind, RelKind::Table | RelKind::MaterializedView)
                        && r.oid >= FIRST_USER_OID
                        && self.shared.may_act_as(r.owner)
                })
                .cloned()
                .collect();
            all.sort_by_key(|r| r.oid);
            targets = all.into_iter().map(|r| (r, Vec::new(), false)).collect();
        }
        let mode = if full { TableLockMode::AccessExclusive } else { TableLockMode::ShareUpdateExclusive };
        for (rel, columns, named) in targets {
            // A table that is named is waited for even if there is nothing to do with it.
            if !v.tables.is_empty() {
                match self.tx()?.lock_table(rel.oid, mode, skip_locked).await {
                    Err(e) if skip_locked && e.code == SqlState::LOCK_NOT_AVAILABLE => {
                        let what = if v.vacuum { "vacuum" } else { "analyze" };
                        let m = format!("skipping {what} of \"{}\" --- lock not available", rel.name);
                        self.shared.warning(SqlState::LOCK_NOT_AVAILABLE, m);
                        continue;
                    }
                    locked => locked?,
                }
                if self.tx()?.refresh_catalog().relation(rel.oid).is_none() {
                    if named {
                        let what = if v.vacuum { "vacuum" } else { "analyze" };
                        let m = format!("skipping {what} of \"{}\" --- relation no longer exists", rel.name);
                        self.shared.warning(SqlState::UNDEFINED_TABLE, m);
                    }
                    continue;
                }
            }
            if v.vacuum && verbose {
                let name = format!("{}.{}.{}", self.db.name(), rel.schema, rel.name);
                let left = rustydb_storage::purge::PURGE_BACKLOG.get();
                let info =
                    DbError::new(SqlState::SUCCESSFUL_COMPLETION, format!("vacuuming \"{name}\"")).detail(format!(
                        "Dead row versions are removed in the background; {left} bytes of undo are still to be purged."
                    ));
                self.shared.notice("INFO", info);
            }
            if analyze {
                self.analyze_table(&rel, &columns, verbose).await?;
            }
        }
        Ok(word.into())
    }

    async fn analyze_table(&mut self, rel: &Arc<Relation>, only: &[String], verbose: bool) -> Result<()> {
        if verbose {
            let m = format!("analyzing \"{}.{}\"", rel.schema, rel.name);
            self.shared.notice("INFO", DbError::new(SqlState::SUCCESSFUL_COMPLETION, m));
        }
        self.tx()?.lock_table(rel.oid, TableLockMode::ShareUpdateExclusive, false).await?;
        let catalog = Arc::clone(self.tx()?.refresh_catalog());
        let Some(rel) = catalog.relation(rel.oid).cloned() else { return Ok(()) };
        let name = ast::Name {
            catalog: None,
            schema: Some(ast::Ident::new(rel.schema.clone())),
            name: ast::Ident::new(rel.name.clone()),
        };
        // Nothing is stored of virtual columns, and nothing is known of their values.
        let stored: Vec<&Column> = rel.live_columns().filter(|c| !c.is_virtual()).collect();
        let names: Vec<&str> = stored.iter().map(|c| c.name.as_str()).collect();
        let mut query = select_of(&name, &names);
        if rel.is_partitioned() {
            with_descendants(&mut query);
        }
        let stmt = Statement::Query(Box::new(query));
        let plan = self.bind_statement(&stmt, "", &[], false)?;
        let plan = plan.ok_or_else(|| DbError::internal("a query without a plan"))?;
        plan.trust();
        let plan = self.lock_plan(plan, &stmt, "").await?;
        let Executed::Rows(source) = self.start_plan(&plan, [].into()).await? else {
            return Err(DbError::internal("a query without rows"));
        };
        let shown = plan.columns.clone().unwrap_or_else(|| [].into());
        let mut rows = Rows::new(source);
        let mut rng = SmallRng::seed_from_u64(now_micros() as u64);
        let (mut sample, mut bytes, mut count, mut limit) = (Vec::new(), 0usize, 0u64, SAMPLE);
        while let Some(row) = rows.next(self, &shown).await? {
            count += 1;
            if sample.len() < limit {
                bytes += row_bytes(&row);
                sample.push((count, row));
                if bytes > MAX_SAMPLE_BYTES {
                    // Wide rows: a smaller sample, still uniform since only its size is fixed here.
                    limit = sample.len();
                }
                continue;
            }
            // Each row seen so far stays with the same probability.
            let at = rng.random_range(0..count);
            if let Some(slot) = usize::try_from(at).ok().and_then(|i| sample.get_mut(i)) {
                *slot = (count, row);
            }
        }
        sample.sort_by_key(|s| s.0);
        let mut stats: HashMap<i16, ColumnStats> = rel.stats.columns.clone();
        for (i, c) in stored.into_iter().enumerate() {
            if only.is_empty() || only.contains(&c.name) {
                let values: Vec<&Datum> = sample.iter().filter_map(|s| s.1.get(i)).collect();
                stats.insert(c.attnum, column_stats(c.ty, &values, count));
            }
        }
        let pages = match &rel.storage {
            Some(s) => self.engine.store().relation_bytes(s.heap).await? / 8192,
            None => 0,
        };
        let new = RelStats { tuples: count as f32, pages: i32::try_from(pages).unwrap_or(i32::MAX), columns: stats };
        self.tx()?.put_relation(Relation { stats: Arc::new(new), ..(*rel).clone() }).await
    }
}

/// Makes a query read its table's descendants too.
fn with_descendants(q: &mut ast::Query) {
    if let ast::QueryBody::Select(s) = &mut q.body
        && let Some(ast::TableRef::Table(t)) = s.from.first_mut()
    {
        t.only = false;
    }
}

/// Statistics of a column from a sample, in physical order, of a table of `total` rows.
fn column_stats(ty: TypeRef, sample: &[&Datum], total: u64) -> ColumnStats {
    let mut out = ColumnStats::default();
    if sample.is_empty() {
        return out;
    }
    let width = |d: &Datum| row_bytes(std::slice::from_ref(d)).saturating_sub(24 + size_of::<Datum>());
    let rows = sample.len() as f64;
    let mut kept: Vec<(usize, &Datum)> = Vec::with_capacity(sample.len());
    let (mut nulls, mut wide, mut bytes) = (0usize, 0usize, 0usize);
    for (place, d) in sample.iter().enumerate() {
        if d.is_null() {
            nulls += 1;
            continue;
        }
        let w = width(d);
        bytes += if w == 0 { 8 } else { w };
        if w > MAX_WIDTH { wide += 1 } else { kept.push((place, d)) }
    }
    let present = sample.len() - nulls;
    out.null_frac = (nulls as f64 / rows) as f32;
    out.avg_width = i32::try_from(bytes.checked_div(present).unwrap_or(0)).unwrap_or(i32::MAX);
    if kept.is_empty() {
        out.n_distinct = if wide > 0 { -1.0 } else { 0.0 };
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
    let distinct = groups.len() as f64 + wide as f64;
    let once = groups.iter().filter(|g| g.1 == 1).count() as f64 + wide as f64;
    let n = present as f64;
    let total = total as f64;
    let estimate = if once >= n {
        // Every value is its own: so it will be in the whole table.
        total * (1.0 - f64::from(out.null_frac))
    } else if once == 0.0 || n >= total {
        distinct
    } else {
        // Haas and Stokes: values seen once tell how many were not seen.
        (n * distinct / (n - once + once * n / total)).clamp(distinct, total)
    };
    out.n_distinct = if estimate > total * 0.1 { -(estimate / total.max(1.0)) as f32 } else { estimate.round() as f32 };
    // Common values: all of them if they are few, else those clearly above the average.
    let all_common = groups.len() <= TARGET && wide == 0 && once == 0.0;
    let mut common: Vec<usize> = (0..groups.len()).collect();
    common.sort_by_key(|g| std::cmp::Reverse(groups[*g].1));
    let floor = (n / distinct * 1.25).max(2.0);
    common.retain(|g| all_common || groups[*g].1 as f64 >= floor);
    common.truncate(TARGET);
    out.mcv = common.iter().map(|g| (kept[groups[*g].0].1.clone(), (groups[*g].1 as f64 / rows) as f32)).collect();
    let mut is_common = vec![false; groups.len()];
    common.iter().for_each(|g| is_common[*g] = true);
    let rest: Vec<&Datum> = groups
        .iter()
        .zip(&is_common)
        .filter(|(_, common)| !**common)
        .flat_map(|(g, _)| kept[g.0..g.0 + g.1].iter().map(|k| k.1))
        .collect();
    let bounds = (groups.len() - common.len()).min(TARGET + 1);
    if bounds >= 2 {
        out.histogram = (0..bounds).map(|b| rest[b * (rest.len() - 1) / (bounds - 1)].clone()).collect();
    }
    out.correlation = correlation(&kept);
    out
}

/// Correlation of sorted order and physical place.
fn correlation(sorted: &[(usize, &Datum)]) -> f32 {
    let n = sorted.len();
    if n < 2 {
        return 1.0;
    }
    // Places among the values kept, so that both sides are permutations of 0..n.
    let mut places: Vec<usize> = (0..n).collect();
    places.sort_by_key(|i| sorted[*i].0);
    let mean = (n - 1) as f64 / 2.0;
    let (mut xy, mut xx) = (0.0, 0.0);
    for (place, rank) in places.iter().enumerate() {
        xy += (place as f64 - mean) * (*rank as f64 - mean);
        xx += (place as f64 - mean) * (place as f64 - mean);
    }
    if xx == 0.0 { 1.0 } else { (xy / xx) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustydb_types::oid;

    #[test]
    fn statistics_of_simple_columns() {
        let ty = TypeRef::new(oid::INT4);
        let unique: Vec<Datum> = (0..1000).map(Datum::Int4).collect();
        let s = column_stats(ty, &unique.iter().collect::<Vec<_>>(), 1000);
        assert_eq!((s.n_distinct, s.null_frac, s.mcv.len(), s.histogram.len()), (-1.0, 0.0, 0, 101));
        assert!((s.correlation - 1.0).abs() < 1e-6);
        let few: Vec<Datum> = (0..1000).map(|i| if i % 4 == 0 { Datum::Null } else { Datum::Int4(i % 2) }).collect();
        let s = column_stats(ty, &few.iter().collect::<Vec<_>>(), 1000);
        assert_eq!((s.n_distinct, s.null_frac, s.mcv.len()), (2.0, 0.25, 2));
        assert!(s.histogram.is_empty());
    }
}
