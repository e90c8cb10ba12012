//! Snapshots that several transactions share: `pg_export_snapshot()` and SET TRANSACTION SNAPSHOT.
//!
//! An exported snapshot is a commit number held in the store, found by its name until its transaction ends. Who imports it
//! holds the number too, so it may end later than the exporter. The rules and messages are PostgreSQL's.

use super::Session;
use super::kernels::session;
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, Scn, SqlState};
use rustydb_parser::ast::Isolation;
use rustydb_storage::txn::HeldSnapshot;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Snapshots one transaction may export.
const MOST: usize = 1024;

struct Exported {
    scn: Scn,
    database: u32,
    serializable: bool,
    read_only: bool,
    /// Keeps its versions.
    _held: HeldSnapshot,
}

/// The exported snapshots of a server, by name.
#[derive(Default)]
pub struct Exports(Mutex<HashMap<String, Exported>>);

/// What a session's functions know of its snapshots.
#[derive(Default)]
pub struct SessionSnapshots {
    /// Commit number of the running statement's snapshot.
    pub current: Arc<AtomicU64>,
    /// Savepoints that are open.
    pub depth: AtomicUsize,
    /// Names of what the transaction has exported.
    mine: Mutex<Vec<String>>,
    /// Transactions that have exported something: part of the names.
    exporters: AtomicU64,
}

impl SessionSnapshots {
    /// Whether the transaction has exported a snapshot.
    pub fn any(&self) -> bool {
        !self.mine.lock().is_empty()
    }

    /// The transaction has ended: nobody can import its snapshots any more.
    pub fn end(&self, exports: &Exports) {
        let mut mine = self.mine.lock();
        if !mine.is_empty() {
            let mut all = exports.0.lock();
            mine.drain(..).for_each(|name| drop(all.remove(&name)));
            self.exporters.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn export(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    let s = session(ctx)?;
    let own = &s.snapshots;
    if own.depth.load(Ordering::Relaxed) > 0 {
        return Err(DbError::new(SqlState::ACTIVE_SQL_TRANSACTION, "cannot export a snapshot from a subtransaction"));
    }
    let mut mine = own.mine.lock();
    if mine.len() >= MOST {
        return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many exported snapshots"));
    }
    let facts = s.facts();
    let scn = Scn(own.current.load(Ordering::Relaxed));
    let exported = Exported {
        scn,
        database: s.database_oid,
        serializable: facts.isolation == Isolation::Serializable.as_str(),
        read_only: facts.read_only,
        _held: s.engine.store().txns().hold_at(scn)?,
    };
    let name = format!("{:08X}-{:08X}-{}", s.pid, own.exporters.load(Ordering::Relaxed) as u32, mine.len() + 1);
    s.engine.exports.0.lock().insert(name.clone(), exported);
    mine.push(name.clone());
    Ok(Datum::Text(name.into()))
}

/// The number of the newest commit: what AS OF SCN takes.
fn current_scn(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    let scn = session(ctx)?.engine.store().txns().last_scn();
    Ok(Datum::Int8(i64::try_from(scn.0).unwrap_or(i64::MAX)))
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "pg_export_snapshot", body: KernelBody::Scalar(export) },
    Kernel { name: "rustydb_current_scn", body: KernelBody::Scalar(current_scn) },
];

impl Session {
    /// SET TRANSACTION SNAPSHOT.
    pub(super) async fn import_snapshot(&mut self, name: &str) -> Result<()> {
        if !self.in_block() {
            self.shared
                .warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET TRANSACTION can only be used in transaction blocks");
        }
        let unsupported = |m: &'static str| Err(DbError::unsupported(m));
        if self.tx.used || self.tx.depth() > 0 {
            return Err(DbError::new(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "SET TRANSACTION SNAPSHOT must be called before any query",
            ));
        }
        let facts = self.shared.facts();
        let serializable = facts.isolation == Isolation::Serializable.as_str();
        if !serializable && facts.isolation != Isolation::RepeatableRead.as_str() {
            return unsupported(
                "a snapshot-importing transaction must have isolation level SERIALIZABLE or REPEATABLE READ",
            );
        }
        let (scn, held) = {
            let all = self.engine.exports.0.lock();
            let Some(x) = all.get(name) else {
                return Err(DbError::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("invalid snapshot identifier: \"{name}\""),
                ));
            };
            if serializable && !x.serializable {
                return unsupported(
                    "a serializable transaction cannot import a snapshot from a non-serializable transaction",
                );
            }
            if serializable && x.read_only && !facts.read_only {
                return unsupported(
                    "a non-read-only serializable transaction cannot import a snapshot from a read-only transaction",
                );
            }
            if x.database != self.shared.database_oid {
                return unsupported("cannot import a snapshot from a different database");
            }
            (x.scn, self.engine.store().txns().hold_at(x.scn)?)
        };
        self.tx()?.import_snapshot(scn, held)?;
        self.tx.used = true;
        Ok(())
    }
}
