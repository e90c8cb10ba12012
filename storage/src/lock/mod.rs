//! The lock manager: table locks, row locks, advisory locks, waits for transactions, deadlocks.
//!
//! # Idea
//! One sharded table maps a [`LockTarget`] to its holders and its queue. All kinds of lock share PostgreSQL's eight
//! modes and its conflict table (row locks map onto four of them, as in PostgreSQL). A row that was *written* needs no
//! entry here: its running Xid in the row is the lock; only FOR SHARE, FOR UPDATE and foreign keys' KEY SHARE come here.
//! Who meets such a running Xid stands in that row's queue ([`LockManager::wait_txn`]): first come first served, and
//! only the first is woken when the transaction ends.
//!
//! # Rules
//! 1. Mutex order: lock shards (ascending), row-queue shards (ascending), Xid shards, an owner's state. None is held
//!    across an await. Requests are made by synchronous code, which gets a ticket if it must wait; the async shell waits
//!    for the ticket; dropping that wait takes the request out of the queue again.
//! 2. An owner (session) waits for at most one thing.
//! 3. A new request waits behind conflicting waiters even if no holder conflicts, unless it holds a lock already that a
//!    waiter waits for: then it goes before that waiter.
//! 4. A waiter that has waited `deadlock_timeout` looks for a cycle through itself. If the cycle rests on queue order
//!    only, the queue is reordered; else that waiter fails with 40P01.
//! 5. Bounds: [`MAX_ENTRIES`] holders, [`MAX_WAITERS`] per target, else 53200. An owner with more than
//!    [`MAX_ROW_LOCKS`] row locks locks whole pages from there on.
//!
//! Left out: PostgreSQL's fast path for weak table locks, group locking of parallel workers.

mod deadlock;
pub mod handover;
mod mode;
mod owner;
mod rows;
mod table;
#[cfg(test)]
mod tests;

pub use mode::LockMode;
pub use owner::{LockMark, LockOwner};
pub use rows::RowTurn;
pub use table::LockInfo;

use crate::rt::RuntimeRef;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use hashbrown::HashMap;
use rustydb_base::metrics::{Counter, Gauge};
use rustydb_base::{BlockNo, RelId, Rid, Xid};
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::{Arc, Weak};

/// Most (owner, target) pairs that hold or wait.
pub const MAX_ENTRIES: usize = 256 * 1024;
/// Most waiters for one target.
pub const MAX_WAITERS: usize = 1024;
/// Row locks of one owner beyond which it locks pages.
pub const MAX_ROW_LOCKS: usize = 32 * 1024;

/// Holders and waiters in the lock table.
pub static ENTRIES: Gauge = Gauge::new("lock_entries", "locks held or waited for");
/// Requests that had to queue.
pub static WAITS: Counter = Counter::new("lock_waits", "lock requests that had to wait");
/// Deadlocks ended by an error.
pub static DEADLOCKS: Counter = Counter::new("deadlocks", "waits that failed because they closed a cycle");

/// Parts of the table; few in a model, where each costs steps.
const SHARDS: usize = if cfg!(feature = "shuttle") { 2 } else { 64 };

/// What can be locked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LockTarget {
    /// A table, view, index or sequence, by catalog number.
    Relation {
        /// Database, 0 for shared relations.
        db: u32,
        /// The relation's OID.
        oid: u32,
    },
    /// Another catalog object (schema, role, database …).
    Object {
        /// Database, 0 for shared objects.
        db: u32,
        /// OID of the catalog it is a row of.
        class: u32,
        /// Its OID.
        oid: u32,
    },
    /// A row of a table's storage.
    Row {
        /// The storage.
        rel: RelId,
        /// The row.
        rid: Rid,
    },
    /// All rows of a page, for owners with very many row locks.
    Page {
        /// The storage.
        rel: RelId,
        /// The page.
        block: BlockNo,
    },
    /// An advisory lock.
    Advisory {
        /// Database.
        db: u32,
        /// High half of a 64-bit key, or the first of two keys.
        high: u32,
        /// Low half, or the second key.
        low: u32,
        /// Whether the key came as two numbers: these are different locks.
        pair: bool,
    },
}

impl LockTarget {
    /// Rows share their page's shard, so that a page lock meets them under one mutex.
    fn shard(&self) -> usize {
        let key = match *self {
            LockTarget::Row { rel, rid } => LockTarget::Page { rel, block: rid.block },
            other => other,
        };
        (Hasher::default().hash_one(key) >> 32) as usize % SHARDS
    }
}

impl std::fmt::Display for LockTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            LockTarget::Relation { db, oid } => write!(f, "relation {oid} of database {db}"),
            LockTarget::Object { db, class, oid } => write!(f, "object {oid} of class {class} of database {db}"),
            LockTarget::Row { rel, rid } => write!(f, "tuple ({},{}) of relation {rel}", rid.block, rid.slot),
            LockTarget::Page { rel, block } => write!(f, "page {block} of relation {rel}"),
            LockTarget::Advisory { db, high, low, pair } => {
                write!(f, "advisory lock [{db},{high},{low},{}]", if pair { 2 } else { 1 })
            }
        }
    }
}

/// How long a lock is held.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// Until the transaction ends or is rolled back to an earlier mark.
    Transaction,
    /// Until it is released as often as it was taken, or the session ends. For advisory locks.
    Session,
}

/// A running transaction as the lock manager sees it.
struct Running {
    /// `None` for one without a session (prepared, or left by a crash).
    owner: Option<Arc<LockOwner>>,
    /// Rows whose first waiter waits for this transaction.
    rows: Vec<rows::RowKey>,
}

/// Hashes the few numbers that a key consists of: one multiplication each.
#[derive(Default)]
struct KeyHasher(u64);

impl std::hash::Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u64(u64::from(*b)));
    }
    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }
    fn write_u16(&mut self, n: u16) {
        self.write_u64(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        let x = (self.0.rotate_left(23) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = x ^ (x >> 32);
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.write_u64(n as u64);
    }
}

type Hasher = BuildHasherDefault<KeyHasher>;
/// Row locks are counted by relation in this many cells; a collision only costs a look-up.
const COUNTERS: usize = 1024;

/// The lock manager. One per store.
pub struct LockManager {
    rt: RuntimeRef,
    shards: Box<[Mutex<table::Shard>]>,
    rows: Box<[Mutex<rows::Shard>]>,
    xids: Box<[Mutex<HashMap<Xid, Running, Hasher>>]>,
    owners: Mutex<HashMap<u64, Weak<LockOwner>>>,
    next_owner: AtomicU64,
    next_ticket: AtomicU64,
    entries: AtomicUsize,
    max_entries: usize,
    /// Page locks held or waited for; while there are none, row locks do not look for them.
    pages: AtomicUsize,
    row_locks: Box<[AtomicU32]>,
}

impl LockManager {
    /// An empty lock table. Timers of deadlock checks come from `rt`.
    pub fn new(rt: RuntimeRef) -> Arc<LockManager> {
        LockManager::with_limit(rt, MAX_ENTRIES)
    }

    /// As [`LockManager::new`] with another bound on the number of entries.
    pub fn with_limit(rt: RuntimeRef, max_entries: usize) -> Arc<LockManager> {
        Arc::new(LockManager {
            rt,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            rows: (0..SHARDS).map(|_| Mutex::default()).collect(),
            xids: (0..SHARDS).map(|_| Mutex::default()).collect(),
            owners: Mutex::default(),
            next_owner: AtomicU64::new(1),
            next_ticket: AtomicU64::new(1),
            entries: AtomicUsize::new(0),
            max_entries,
            pages: AtomicUsize::new(0),
            row_locks: (0..COUNTERS).map(|_| AtomicU32::new(0)).collect(),
        })
    }
}
