//! ANALYZE and VACUUM.
//!
//! ANALYZE reads a table once, counts its rows, and keeps a uniform sample of them, from which each column's statistics
//! are made. Dead versions are removed all the time in the background, so VACUUM has nothing to do but to say so, and to make the
//! summaries that block range indexes lack.

mod column;
mod extended;

use super::copy::select_of;
use super::explain::flag;
use super::rows::{Rows, row_bytes};
use super::{Session, now_micros};
use crate::catalog::{Column, ColumnStats, FIRST_USER_OID, Persistence, RelKind, RelStats, Relation};
use crate::exec::brin::Which;
use crate::exec::run::Executed;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, DefOption, DefValue, Statement, TableLockMode};
use rustydb_parser::char_position;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows sampled per entry of lists and histograms.
const ROWS_PER_ENTRY: usize = 300;
/// Bytes of sampled rows.
const MAX_SAMPLE_BYTES: usize = 64 << 20;

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
        let (mut workers, mut every_page, mut toast) = (0, false, true);
        for o in &v.options {
            match o.name.value.as_str() {
                "verbose" => verbose = flag(o)?,
                "analyze" if v.vacuum => analyze = flag(o)?,
                "skip_locked" => skip_locked = flag(o)?,
                "full" if v.vacuum => full = flag(o)?,
                // What these tune has no counterpart: there is no separate pass over the table.
                "freeze" | "truncate" if v.vacuum => {
                    flag(o)?;
                }
                "process_toast" if v.vacuum => toast = flag(o)?,
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
            if full && !toast {
                return Err(DbError::unsupported("PROCESS_TOAST required with VACUUM FULL"));
            }
        }
        self.check_read_only(word)?;
        // Each with whether the statement names it.
        let mut targets: Vec<(Arc<Relation>, Vec<String>, bool)> = Vec::new();
        for (t, columns) in &v.tables {
            let rel = self.with_binder(text, &[], |b| b.utility_relation(&t.name))?;
            let allowed = self.may_maintain(&rel, v.vacuum);
            if !allowed && !rel.is_partitioned() {
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
            for (i, c) in columns.iter().enumerate() {
                if columns.iter().take(i).any(|x| x.value == c.value) {
                    return Err(DbError::new(
                        SqlState::DUPLICATE_COLUMN,
                        format!("column \"{}\" of relation \"{}\" appears more than once", c.value, rel.name),
                    ));
                }
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
            if allowed {
                targets.push((rel, columns.iter().map(|c| c.value.clone()).collect(), true));
            }
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
            if !named && !v.tables.is_empty() && !self.may_maintain(&rel, v.vacuum) {
                continue;
            }
            if workers > 0 && !full && rel.persistence == Persistence::Temporary && rel.indexes.len() > 1 {
                let m = format!(
                    "disabling parallel option of vacuum on \"{}\" --- cannot vacuum temporary tables in parallel",
                    rel.name
                );
                self.shared.warning(SqlState::WARNING, m);
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
            if v.vacuum && rel.indexes.iter().any(|i| i.is_brin()) {
                self.tx()?.lock_table(rel.oid, mode, false).await?;
                let eval = self.eval();
                let which = if full { Which::All } else { Which::Full };
                let tx = self.tx()?;
                tx.refresh_catalog();
                super::summaries::of_table(tx, &eval, rel.oid, which).await?;
            }
            // VACUUM FULL makes a new table in PostgreSQL, which counts for nothing.
            if v.vacuum && !full && rel.storage.is_some() {
                self.shared.tally.vacuumed(rel.oid, rel.stats.tuples as i64);
            }
            if analyze {
                self.analyze_table(&rel, &columns, verbose).await?;
            }
        }
        Ok(word.into())
    }

    /// Whether the role may do this to a table; says so if not.
    fn may_maintain(&self, rel: &Relation, vacuum: bool) -> bool {
        let shared = pgdata::relation(rel.oid).is_some_and(|r| r.relisshared);
        let of_database = self.shared.catalog().database.owner;
        if self.shared.may_act_as(rel.owner) || !shared && self.shared.may_act_as(of_database) {
            return true;
        }
        let what = if vacuum { "vacuum" } else { "analyze" };
        let who = match rel.schema.as_str() {
            _ if shared => "superuser",
            "pg_catalog" => "superuser or database owner",
            _ => "table or database owner",
        };
        self.shared.warning(SqlState::WARNING, format!("skipping \"{}\" --- only {who} can {what} it", rel.name));
        false
    }

    async fn analyze_table(&mut self, rel: &Arc<Relation>, only: &[String], verbose: bool) -> Result<()> {
        if verbose {
            let m = format!("analyzing \"{}.{}\"", rel.schema, rel.name);
            self.shared.notice("INFO", DbError::new(SqlState::SUCCESSFUL_COMPLETION, m));
        }
        self.tx()?.lock_table(rel.oid, TableLockMode::ShareUpdateExclusive, false).await?;
        let catalog = Arc::clone(self.tx()?.refresh_catalog());
        let Some(rel) = catalog.relation(rel.oid).cloned() else { return Ok(()) };
        // Nothing is stored of virtual columns, and nothing is known of their values.
        let stored: Vec<&Column> = rel.live_columns().filter(|c| !c.is_virtual()).collect();
        let analyzed = |c: &Column| c.tuning.target != 0 && (only.is_empty() || only.contains(&c.name));
        let default = self.shared.settings(|s| s.int("default_statistics_target"));
        let default = i32::try_from(default).unwrap_or(i32::MAX);
        let target = |c: &Column| usize::try_from(if c.tuning.target < 0 { default } else { c.tuning.target });
        let (wanted, warnings) = extended::wanted(&catalog, &rel, &stored, analyzed, default);
        let largest = stored.iter().filter(|c| analyzed(c)).filter_map(|c| target(c).ok()).max().unwrap_or(0);
        let limit = largest.max(extended::largest_target(&wanted)).max(1) * ROWS_PER_ENTRY;
        let names: Vec<&str> = stored.iter().map(|c| c.name.as_str()).collect();
        let exprs: Vec<&str> = extended::expressions(&wanted).collect();
        let whole = rel.is_partitioned();
        // Its own reading is no use that somebody makes of the table.
        let quiet = self.shared.tally.quiet();
        let sampled = self.sample(&rel, &names, &exprs, whole, limit).await?;
        let mut stats: HashMap<i16, ColumnStats> = rel.stats.columns.clone();
        for (i, c) in stored.iter().enumerate().filter(|(_, c)| analyzed(c)) {
            let values: Vec<&Datum> = sampled.rows.iter().filter_map(|s| s.1.get(i)).collect();
            let target = target(c).unwrap_or(0);
            stats.insert(c.attnum, column::column_stats(c.ty, &values, sampled.total, target, false));
        }
        let mut new = (*rel).clone();
        self.extend(&mut new, &wanted, &warnings, &sampled, stored.len())?;
        let heirs = !whole && !rel.children.is_empty() && (!wanted.is_empty() || !warnings.is_empty());
        if heirs {
            // Beside the table's own rows, all of its tree.
            let tree = self.sample(&rel, &names, &exprs, true, limit).await?;
            self.extend(&mut new, &wanted, &warnings, &tree, stored.len())?;
        }
        drop(quiet);
        let rows = if whole { 0 } else { i64::try_from(sampled.total).unwrap_or(i64::MAX) };
        self.shared.tally.analyzed(rel.oid, rows, only.is_empty());
        let pages = match &rel.storage {
            Some(s) => self.engine.store().relation_bytes(s.heap).await? / 8192,
            None => 0,
        };
        let pages = i32::try_from(pages).unwrap_or(i32::MAX);
        new.stats = Arc::new(RelStats { tuples: sampled.total as f32, pages, columns: stats });
        self.tx()?.put_relation(new).await
    }

    /// Computes extended statistics from a sample and keeps them in the table's definition.
    fn extend(
        &mut self,
        rel: &mut Relation,
        wanted: &[extended::Wanted],
        warnings: &[DbError],
        sampled: &Sampled,
        columns: usize,
    ) -> Result<()> {
        if sampled.rows.is_empty() {
            return Ok(());
        }
        for w in warnings {
            self.shared.notice("WARNING", w.clone());
        }
        let Sampled { rows, total, types, inherited } = sampled;
        let exprs = types.get(columns..).unwrap_or_default();
        let rows = extended::Rows { sample: rows, total: *total, columns, exprs, inherited: *inherited };
        let eval = self.eval();
        for w in wanted {
            let data = extended::build(&eval, w, &rows)?;
            for x in rel.extended.iter_mut().filter(|x| x.oid == w.oid()) {
                let mut new = (**x).clone();
                new.data.retain(|d| d.inherited != data.inherited);
                new.data.push(data.clone());
                *x = Arc::new(new);
            }
        }
        Ok(())
    }

    /// Reads a table, or its whole tree, and keeps `limit` rows of it: some columns' values, then those of expressions.
    async fn sample(
        &mut self,
        rel: &Relation,
        names: &[&str],
        exprs: &[&str],
        inherited: bool,
        mut limit: usize,
    ) -> Result<Sampled> {
        let name = ast::Name {
            catalog: None,
            schema: Some(ast::Ident::new(rel.schema.clone())),
            name: ast::Ident::new(rel.name.clone()),
        };
        let mut query = select_of(&name, names);
        shape(&mut query, exprs, inherited)?;
        let stmt = Statement::Query(Box::new(query));
        let plan = self.bind_statement(&stmt, "", &[], false)?;
        let plan = plan.ok_or_else(|| DbError::internal("a query without a plan"))?;
        plan.trust();
        let plan = self.lock_plan(plan, &stmt, "").await?;
        let Executed::Rows(source) = self.start_plan(&plan, [].into()).await? else {
            return Err(DbError::internal("a query without rows"));
        };
        let shown = plan.columns.clone().unwrap_or_else(|| [].into());
        let types: Vec<TypeRef> = shown.iter().map(|c| c.ty).collect();
        let mut rows = Rows::new(source);
        let mut rng = SmallRng::seed_from_u64(now_micros() as u64);
        let (mut sample, mut bytes, mut count) = (Vec::new(), 0usize, 0u64);
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
        Ok(Sampled { rows: sample, total: count, types, inherited })
    }
}

/// Rows of a table, each with its place in it.
struct Sampled {
    rows: Vec<(u64, Vec<Datum>)>,
    /// How many rows the table has.
    total: u64,
    types: Vec<TypeRef>,
    /// Whether they are of the whole tree.
    inherited: bool,
}

/// Makes a query of columns compute expressions too, and read its table's descendants.
fn shape(q: &mut ast::Query, exprs: &[&str], inherited: bool) -> Result<()> {
    let ast::QueryBody::Select(s) = &mut q.body else { return Ok(()) };
    for e in exprs {
        let expr = crate::bind::parse_expr(e)?;
        s.targets.push(ast::Target { expr, alias: None, pos: ast::NO_POS });
    }
    if let Some(ast::TableRef::Table(t)) = s.from.first_mut() {
        t.only = !inherited;
    }
    Ok(())
}
