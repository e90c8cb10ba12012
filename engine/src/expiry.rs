//! What goes by time: tables that have been in the recycle bin for longer than the server's `recyclebin_retention`.
//!
//! A DROP TABLE that comes makes room in the bin itself (`ddl/recyclebin.rs`), by its session's settings; this task is for those
//! that nothing comes after. It works as the system, one table a transaction, and leaves what is in use to its next round.

use crate::ddl::recyclebin;
use crate::engine::{Engine, now_micros};
use crate::settings::Settings;
use crate::transaction::Transaction;
use rustydb_base::Result;
use rustydb_storage::txn::Isolation;
use std::sync::Arc;
use std::time::Duration;

/// Pause between two rounds.
const EVERY: Duration = Duration::from_secs(10);
/// How long a table that somebody uses is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Starts the task; it ends with the engine.
pub fn start(engine: &Arc<Engine>) {
    crate::periodic::every(engine, EVERY, |engine| async move {
        if let Err(e) = engine.expire_recycled().await {
            tracing::info!("tables were left in the recycle bin: {}", e.message);
        }
    });
}

impl Engine {
    async fn expire_recycled(self: &Arc<Self>) -> Result<()> {
        let kept = Settings::new(Arc::clone(&self.settings)).int("recyclebin_retention").saturating_mul(60_000_000);
        let oldest = now_micros().saturating_sub(kept);
        let mut left = Ok(());
        for db in self.all_databases() {
            for e in recyclebin::entries(&db.catalog()).into_iter().filter(|e| e.at < oldest) {
                let eval = Arc::new(self.bare_eval());
                let env = self.bare_env(&eval);
                let session = self.store().session(0);
                let mut tx = Transaction::begin(&db, &session, Isolation::ReadCommitted, false, now_micros())?;
                tx.txn.rules.lock_timeout = Some(PATIENCE);
                match crate::ddl::expire_recycled(tx, &e, &eval, &env).await {
                    Ok(lsn) => self.store().gate(lsn).await?,
                    Err(e) => left = Err(e),
                }
            }
        }
        left
    }
}
