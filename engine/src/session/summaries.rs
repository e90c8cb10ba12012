//! Summaries of block range indexes on demand: `brin_summarize_new_values`, `brin_summarize_range`, `brin_desummarize_range`, VACUUM,
//! and the task that looks after indexes with `autosummarize`.
//!
//! What is made or removed is nobody's change: a rollback leaves it, as in PostgreSQL.

use super::shared::SessionShared;
use crate::acl::check::not_owner;
use crate::catalog::{RelKind, Relation};
use crate::engine::{Engine, now_micros};
use crate::exec::brin::{Which, count, forget, summarise};
use crate::exec::run::StatementEnv;
use crate::exec::table::TableRt;
use crate::transaction::Transaction;
use rustydb_base::{BlockNo, DbError, Result, SqlState};
use rustydb_parser::ast::TableLockMode;
use rustydb_storage::txn::Isolation;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::host::{self, HostCall};
use rustydb_types::pgdata;
use std::sync::Arc;
use std::time::Duration;

/// Pause between two rounds of the task.
const EVERY: Duration = Duration::from_secs(10);
/// How long a table that somebody uses is waited for.
const PATIENCE: Duration = Duration::from_millis(100);
/// A block number that stands for all blocks.
const ALL: i64 = u32::MAX as i64;

/// Runs a call if it is of one of these functions.
pub(super) async fn run(
    tx: &mut Transaction,
    env: &StatementEnv,
    shared: &SessionShared,
    call: &HostCall,
) -> Result<Option<Vec<Vec<Datum>>>> {
    if !host::summarises_blocks(call.proc) {
        return Ok(None);
    }
    let Some(Datum::Oid(oid)) = call.args.first() else { return Ok(Some(vec![vec![Datum::Null]])) };
    let block = match call.args.get(1) {
        Some(Datum::Int8(b)) => *b,
        Some(_) => return Ok(Some(vec![vec![Datum::Null]])),
        None => ALL,
    };
    let removes = &*call.proc.prosrc == "brin_desummarize_range";
    if !(0..=if removes { ALL - 1 } else { ALL }).contains(&block) {
        return Err(DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("block number out of range: {block}")));
    }
    let (rt, at) = open(tx, &env.eval, shared, *oid).await?;
    let block = BlockNo::try_from(block).unwrap_or(BlockNo::MAX);
    if removes {
        forget(tx, &rt.indexes[at], block).await?;
        // A value of type void.
        return Ok(Some(vec![vec![Datum::Text(Default::default())]]));
    }
    let which = if block == BlockNo::MAX { Which::All } else { Which::Of(block) };
    let snap = tx.latest_snapshot();
    let made = summarise(tx, &env.eval, &rt, at, which, &snap).await?;
    Ok(Some(vec![vec![count(made)]]))
}

/// The table of a block range index and the index's place, locked against others who make summaries.
async fn open(tx: &mut Transaction, eval: &EvalCtx, shared: &SessionShared, oid: u32) -> Result<(Arc<TableRt>, usize)> {
    let missing = || DbError::new(SqlState::INTERNAL_ERROR, format!("could not open relation with OID {oid}"));
    let Some(table) = tx.catalog.index(oid).map(|i| i.table) else {
        let rel = tx.catalog.relation(oid).ok_or_else(missing)?;
        return Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not an index", rel.name)));
    };
    tx.lock_table(table, TableLockMode::ShareUpdateExclusive, false).await?;
    let catalog = Arc::clone(tx.refresh_catalog());
    let index = catalog.index(oid).ok_or_else(missing)?;
    let rel: &Arc<Relation> = catalog.relation(table).ok_or_else(missing)?;
    if index.method != pgdata::BRIN || rel.is_partitioned() {
        return Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a BRIN index", index.name)));
    }
    if !shared.may_act_as(index.owner) {
        return Err(not_owner("index", &index.name));
    }
    let rt = tx.table(eval, rel)?;
    let at = rt.index(oid).map(|(at, _)| at).ok_or_else(missing)?;
    Ok((rt, at))
}

/// Makes the summaries that a table's block range indexes lack. The table is locked against others who do that.
pub(super) async fn of_table(tx: &mut Transaction, eval: &EvalCtx, oid: u32, which: Which) -> Result<()> {
    let Some(rel) = tx.catalog.relation(oid).cloned() else { return Ok(()) };
    if rel.storage.is_none() {
        return Ok(());
    }
    let rt = tx.table(eval, &rel)?;
    for (at, i) in rt.indexes.iter().enumerate() {
        if i.def.is_brin() && i.def.valid && (which != Which::Newest || i.def.summarises_by_itself()) {
            let snap = tx.latest_snapshot();
            summarise(tx, eval, &rt, at, which, &snap).await?;
        }
    }
    Ok(())
}

/// Starts the task that makes summaries for indexes with `autosummarize`; it ends with the engine.
pub fn start(engine: &Arc<Engine>) {
    crate::periodic::every(engine, EVERY, |engine| async move {
        if let Err(e) = engine.summarise_new().await {
            tracing::info!("ranges of blocks were left without a summary: {}", e.message);
        }
    });
}

impl Engine {
    /// A round of the task: one table a transaction; what is in use is left to the next round.
    async fn summarise_new(self: &Arc<Self>) -> Result<()> {
        let mut left = Ok(());
        for db in self.all_databases() {
            let wants = |r: &&Arc<Relation>| {
                r.kind != RelKind::Index && r.indexes.iter().any(|i| i.valid && i.summarises_by_itself())
            };
            let tables: Vec<u32> = db.catalog().relations.values().filter(wants).map(|r| r.oid).collect();
            for oid in tables {
                let eval = self.bare_eval();
                let session = self.store().session(0);
                let mut tx = Transaction::begin(&db, &session, Isolation::ReadCommitted, false, now_micros())?;
                tx.txn.rules.lock_timeout = Some(PATIENCE);
                let done = match tx.lock_table(oid, TableLockMode::ShareUpdateExclusive, false).await {
                    Ok(()) => {
                        tx.refresh_catalog();
                        of_table(&mut tx, &eval, oid, Which::Newest).await
                    }
                    Err(e) => Err(e),
                };
                // What was made stays.
                let ended = tx.abort().await;
                left = left.and(done).and(ended.map(drop));
            }
        }
        left
    }
}
