//! `rustydb check`: everything in a data directory that nobody has open.
//!
//! First the files as they are, then the databases as a start would find them: recovery and all that follows run on an
//! overlay, so the directory is left as it is.

use crate::engine::{Engine, EngineOptions, OID_SEQUENCE, io_method, now_micros, store_options};
use crate::exec::check::check_table;
use crate::settings::Settings;
use crate::transaction::Transaction;
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_storage::io::overlay::OverlayIo;
use rustydb_storage::store::CONTROL;
use rustydb_storage::txn::Isolation;
pub use rustydb_storage::verify::Findings;
use rustydb_storage::verify::{disk, is_damage};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Blocks of 4 KiB that recovery may change in memory: 2 GiB.
const OVERLAY_BLOCKS: usize = 512 << 10;

/// Checks a data directory. An error means that it could not be looked at.
pub async fn directory(options: EngineOptions) -> Result<Findings> {
    let mut settings = HashMap::new();
    for (name, value) in &options.settings {
        Settings::set_server(&mut settings, name, value)?;
    }
    let settings = Arc::new(settings);
    let all = Settings::new(Arc::clone(&settings));
    if !options.data_dir.join(CONTROL).exists() {
        return Err(DbError::fatal(
            SqlState::UNDEFINED_FILE,
            format!("directory \"{}\" is no database directory", options.data_dir.display()),
        )
        .detail(format!("It has no file \"{CONTROL}\".")));
    }
    crate::session::add_kernels();
    let io = rustydb_storage::io::open_dir(&options.data_dir, io_method(&all))?;
    let mut out = disk::check(&store_options(&all)?, &io).await?;
    if out.list().iter().any(|f| f.rel.is_none()) {
        // Without control record and log nobody can say what the pages should be.
        return Ok(out);
    }
    let over = OverlayIo::new(io, OVERLAY_BLOCKS);
    let known: HashSet<_> = out.list().iter().map(|f| (f.file.clone(), f.block)).collect();
    let mut more = Findings::default();
    match Engine::open_on(options, settings, over).await {
        Ok(engine) => {
            engine.check(&mut more).await?;
            engine.close().await?;
        }
        Err(e) if is_damage(&e) => more.file("(start)", None, e.message.into_owned()),
        Err(e) => return Err(e),
    }
    for f in more.list() {
        if f.block.is_none() || !known.contains(&(f.file.clone(), f.block)) {
            out.add(f.clone());
        }
    }
    Ok(out)
}

impl Engine {
    /// Checks every relation of every database. Nobody may be connected.
    async fn check(self: &Arc<Self>, out: &mut Findings) -> Result<()> {
        let eval = self.bare_eval();
        let quiet = self.store().quiet().await?;
        self.store().check_shared(out).await?;
        self.store().check_sequence(OID_SEQUENCE, out).await?;
        // The shared catalogs are listed in every database.
        let mut seen: HashSet<RelId> = HashSet::new();
        for db in self.all_databases() {
            let cat = db.catalog();
            for rel in cat.relations.values() {
                if let Some(s) = rel.sequence.as_ref().filter(|s| seen.insert(s.storage)) {
                    self.store().check_sequence(s.storage, out).await?;
                }
                if rel.storage.as_ref().is_none_or(|s| !seen.insert(s.heap)) {
                    continue;
                }
                let session = self.store().session(0);
                let mut tx = Transaction::begin(&db, &session, Isolation::ReadCommitted, true, now_micros())?;
                check_table(&mut tx, &eval, rel, out).await?;
                tx.abort().await?;
            }
        }
        drop(quiet);
        Ok(())
    }
}
