//! What every storage operation is given: the pool, the log, the transactions, the undo streams, the space maps.
//!
//! Access methods know transactions and row locks only through the two small traits here, so that they can be tested
//! without either.

use crate::buf::Pool;
use crate::mtr::{LogAppend, Mtr};
use crate::space::Spaces;
use crate::ssi::Ssi;
use crate::txn::{Snapshot, TxnState};
use crate::undo::Streams;
use crate::wait::{Op, Wait};
use rustydb_base::poison::Poison;
use rustydb_base::{DbError, Lsn, RelId, Result, Rid, Scn, SqlState, Xid};
use std::sync::Arc;

/// What access methods ask of the transaction table.
pub trait Resolve: Send + Sync {
    /// State of a transaction. Raises `dep_lsn` to the LSN of its commit record if it has committed, so that whatever
    /// is said because of the answer waits until that commit is stable (I7). May need a status page.
    fn resolve(&self, xid: Xid, dep_lsn: &mut Lsn) -> Op<TxnState>;
    /// Every commit at or before this SCN is visible to every present and future snapshot.
    fn horizon(&self) -> Scn;
    /// The log is stable up to here: commits at or before it may be stamped into rows.
    fn stable_lsn(&self) -> Lsn;
    /// Snapshots of before this SCN have been given up: what they show may be gone.
    fn floor(&self) -> Scn {
        Scn(0)
    }
    /// As [`Resolve::horizon`], for tables in memory: old versions of their rows are kept for snapshots in use alone.
    fn memory_horizon(&self) -> Scn {
        Scn(0)
    }
}

/// Strength of a row lock, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum RowLockMode {
    /// The row's key must not change (foreign keys).
    KeyShare,
    /// The row must not change.
    Share,
    /// About to change it, but not its key.
    NoKeyUpdate,
    /// About to delete it or to change its key.
    Update,
}

/// What writers ask of the row locks kept in the lock table (FOR SHARE, FOR UPDATE …).
pub trait RowLocks: Send + Sync {
    /// Whether the relation has any such lock; a cheap test that spares most writers the look-up.
    fn any(&self, rel: RelId) -> bool;
    /// What to wait for before `xid` may change the row in this mode, if another transaction's lock forbids it. Called
    /// with the row's page latched exclusively.
    fn conflict(&self, rel: RelId, rid: Rid, mode: RowLockMode, xid: Xid) -> Option<Wait>;
}

/// No row locks at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRowLocks;

impl RowLocks for NoRowLocks {
    fn any(&self, _: RelId) -> bool {
        false
    }
    fn conflict(&self, _: RelId, _: Rid, _: RowLockMode, _: Xid) -> Option<Wait> {
        None
    }
}

/// The parts of the store that operations use. One per store, shared by reference.
pub struct Core {
    /// Pages in memory.
    pub pool: Arc<Pool>,
    /// The redo log.
    pub log: Arc<dyn LogAppend>,
    /// Tripped when memory can no longer be trusted.
    pub poison: Poison,
    /// Transaction states.
    pub txns: Arc<dyn Resolve>,
    /// Row locks.
    pub locks: Arc<dyn RowLocks>,
    /// Serializable transactions.
    pub ssi: Ssi,
    /// Undo streams.
    pub undo: Streams,
    /// Space maps and insert targets.
    pub space: Spaces,
    /// Entries that a page of a new hash index may hold at most.
    pub hash_page_entries: usize,
}

impl Core {
    /// Fails with 72000 if a snapshot has been given up for want of undo space. To be asked after reading by it and before
    /// what was read, or not found, is believed: purge raises the floor before it removes anything.
    #[inline]
    pub fn check_kept(&self, snap: &Snapshot) -> Result<()> {
        if snap.scn < self.txns.floor() { Err(given_up()) } else { Ok(()) }
    }

    /// As [`Core::check_kept`] after reading a relation.
    #[inline]
    pub fn check_kept_in(&self, rel: RelId, snap: &Snapshot) -> Result<()> {
        if rel.is_memory() && snap.scn < self.txns.memory_horizon() {
            return Err(not_in_memory());
        }
        self.check_kept(snap)
    }

    /// Begins a mini-transaction; `xid` is the transaction it belongs to, or [`Xid::NONE`].
    pub fn mtr(&self, xid: Xid) -> Mtr<'_> {
        Mtr::begin(&self.pool, &*self.log, &self.poison, xid)
    }
}

#[cold]
fn not_in_memory() -> DbError {
    DbError::new(SqlState::SNAPSHOT_TOO_OLD, "snapshot too old")
        .detail("Old versions of rows of tables in memory are kept for transactions in progress only.")
}

#[cold]
fn given_up() -> DbError {
    DbError::new(SqlState::SNAPSHOT_TOO_OLD, "snapshot too old")
        .detail("The snapshot was given up because the old row versions it needs were filling the undo space.")
        .hint("Use shorter transactions, or raise undo_limit.")
}
