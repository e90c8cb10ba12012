//! SERIALIZABLE: serializable snapshot isolation.
//!
//! # Idea
//! A serializable transaction reads by one snapshot, as at REPEATABLE READ, and nobody waits for a reader. What it reads
//! is noted in *predicate locks* (SIREAD locks, [`locks`]) that block nobody: on rows, on leaf pages of indexes, gaps
//! included, and on whole relations. Where one transaction has read what a concurrent one has overwritten there is a
//! *rw-conflict* from the reader to the writer ([`graph`]). Every history that is not serializable has a transaction with
//! a conflict in and a conflict out whose far end committed first of the three (M. Cahill, U. Röhm, A. Fekete:
//! *Serializable Isolation for Snapshot Databases*, SIGMOD 2008; D. Ports, K. Grittner: *Serializable Snapshot Isolation
//! in PostgreSQL*, VLDB 2012, whose algorithm, with its choice of victims, this is). One of the three is rolled back with
//! 40001 before that can be completed; some that would have done no harm are, too.
//!
//! # How conflicts are found
//! A reader registers its lock before it copies the row (while it holds the leaf's latch for an index, before it asks for
//! the number of blocks for a whole table); a writer looks at the locks under the exclusive latch of the page it is about
//! to change. So either the writer meets the lock ([`Ssi::wrote_row`] and its kin), or the reader meets the new version,
//! whose undo record names the writer ([`Ssi::conflict_out`]). Commits take their numbers here in the order in which
//! they end here, which is after they are visible; a transaction is taken to be concurrent unless its number is known to
//! be older than the other's snapshot.
//!
//! # Invariants
//! 1. A committed transaction's locks and conflicts are kept until no transaction that was concurrent with it runs, or
//!    are summarised: its locks then belong to nobody in particular, its conflicts become flags of their other ends.
//! 2. The state's lock is taken last of all: nothing in here latches a page, waits or does I/O.
//! 3. Where nothing is serializable, nobody comes here: readers and writers test the [`SxId`] they carry.
//!
//! # Left out
//! System catalogs (their relations lie below [`FIRST_REL`]). A prepared transaction's locks do not survive a crash.

mod graph;
mod locks;
mod old;
#[cfg(test)]
mod tests;

use crate::store::FIRST_REL;
use crate::txn::Snapshot;
use graph::Graph;
use locks::{Locks, Target};
use parking_lot::Mutex;
use rustydb_base::metrics::{Counter, Gauge};
use rustydb_base::{BlockNo, DbError, RelId, Result, Rid, Scn, SqlState, Xid};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Predicate locks, those of ended transactions included.
pub static PREDICATE_LOCKS: Gauge = Gauge::new("predicate_locks", "SIREAD locks (bounded, promoted, summarised)");
/// Serializable transactions that are remembered.
pub static SERIALIZABLE_KNOWN: Gauge =
    Gauge::new("serializable_transactions", "serializable transactions remembered, ended ones included (bounded)");
/// Transactions that failed for a dangerous structure.
pub static SERIALIZABLE_FAILURES: Counter =
    Counter::new("serialization_failures", "operations refused because of read/write dependencies");

/// A serializable transaction, as whatever reads or writes on its behalf carries it. Never used again, so it may outlive
/// its transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SxId(u64);

impl SxId {
    /// Of no serializable transaction: nothing is tracked.
    pub const NONE: SxId = SxId(0);

    /// Whether reads and writes are tracked.
    #[inline]
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}

/// Bounds of what is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SsiLimits {
    /// Transactions remembered, ended ones included.
    pub transactions: usize,
    /// Predicate locks of all transactions together.
    pub locks: usize,
    /// Locks on parts of one relation that a transaction may have before they become one on the relation.
    pub per_relation: usize,
    /// The same for rows of one page.
    pub per_page: usize,
    /// Summarised writers.
    pub old_writers: usize,
}

impl SsiLimits {
    /// The bounds that PostgreSQL's settings ask for: `per_relation` below zero is a fraction of `per_transaction`.
    pub fn from_settings(transactions: usize, per_transaction: usize, per_relation: i64, per_page: usize) -> SsiLimits {
        let relation = match usize::try_from(per_relation) {
            Ok(n) => n,
            Err(_) => (per_transaction / per_relation.unsigned_abs() as usize).saturating_sub(1),
        };
        SsiLimits {
            transactions: transactions.saturating_mul(10).max(16),
            locks: transactions.saturating_mul(per_transaction).max(64),
            per_relation: relation,
            per_page,
            old_writers: 1 << 16,
        }
    }
}

impl Default for SsiLimits {
    fn default() -> SsiLimits {
        SsiLimits::from_settings(1000, 64, -2, 2)
    }
}

/// What a transaction says of itself when it takes its snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beginning {
    /// Process number of its session.
    pub pid: i32,
    /// READ ONLY.
    pub read_only: bool,
    /// It will wait until its snapshot is known to be safe ([`Ssi::verdict`]).
    pub deferrable: bool,
}

/// How far the question has got whether a read-only transaction needs tracking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Safety {
    /// Writers that could make it unsafe still run.
    Open,
    /// Nothing it reads can be part of an anomaly.
    Safe,
    /// It could; another snapshot may be luckier.
    Unsafe,
}

/// A predicate lock, as `pg_locks` shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SireadLock {
    /// Heap or index file.
    pub rel: RelId,
    /// The page, unless the whole relation is meant.
    pub block: Option<BlockNo>,
    /// The row's slot, unless the whole page is meant.
    pub slot: Option<u16>,
    /// Process number of the session that has it; of an ended transaction the one it had.
    pub pid: i32,
}

struct State {
    graph: Graph,
    locks: Locks,
}

/// Everything that is known of serializable transactions. One per store.
pub struct Ssi {
    state: Mutex<State>,
    /// Locks there are, so that page splits need not ask.
    locks: AtomicUsize,
    /// Wakes those who wait for a safe snapshot.
    settled: crate::rt::Notify,
}

impl Default for Ssi {
    fn default() -> Ssi {
        Ssi::new(SsiLimits::default())
    }
}

impl Ssi {
    /// Nothing known.
    pub fn new(limits: SsiLimits) -> Ssi {
        Ssi {
            state: Mutex::new(State { graph: Graph::new(limits), locks: Locks::new(limits) }),
            locks: AtomicUsize::new(0),
            settled: crate::rt::Notify::new(),
        }
    }

    /// Runs a change of the state and publishes what others read without its lock.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let before = (state.locks.len(), state.graph.len());
        let out = change(&mut state);
        let after = (state.locks.len(), state.graph.len());
        let settled = state.graph.take_settled();
        self.locks.store(after.0, Ordering::SeqCst);
        drop(state);
        PREDICATE_LOCKS.add(after.0 as i64 - before.0 as i64);
        SERIALIZABLE_KNOWN.add(after.1 as i64 - before.1 as i64);
        if settled {
            self.settled.notify_waiters();
        }
        out
    }

    // ---- beginning and ending ----------------------------------------------------------------------------------

    /// Registers a transaction with the snapshot that `take` takes. Answers the snapshot, which carries the transaction
    /// unless it needs no tracking: a read-only one that no writer can disturb.
    pub fn begin(&self, how: Beginning, take: impl FnOnce() -> Snapshot) -> Result<Snapshot> {
        self.with(|s| {
            if s.graph.is_full() {
                s.summarise_oldest();
            }
            let snap = take();
            let id = s.graph.begin(how, snap.xid, snap.scn)?;
            Ok(Snapshot { ssi: id, ..snap })
        })
    }

    /// The transaction has got a number.
    pub fn set_xid(&self, id: SxId, xid: Xid) {
        self.with(|s| s.graph.set_xid(id, xid));
    }

    /// To be asked before anything of a commit is done: fails if the transaction has to be rolled back instead. From
    /// then on the transaction is no victim any more.
    pub fn before_commit(&self, id: SxId) -> Result<()> {
        self.with(|s| s.graph.before_commit(id))
    }

    /// The transaction has committed, visibly for everyone, or is about to be rolled back.
    pub fn end(&self, id: SxId, committed: bool) {
        self.with(|s| {
            let gone = s.graph.end(id, committed);
            s.forget(gone);
        });
    }

    /// Whether a read-only transaction's snapshot is safe. A transaction that is not known (any more) is.
    pub fn safety(&self, id: SxId) -> Safety {
        self.with(|s| s.graph.safety(id))
    }

    /// Completes when [`Ssi::safety`] of some waiting transaction may have changed.
    pub fn settled(&self) -> impl Future<Output = ()> + '_ {
        self.settled.notified()
    }

    /// Process numbers of the writers that a session waits for to get a safe snapshot.
    pub fn safe_snapshot_blockers(&self, pid: i32) -> Vec<i32> {
        self.with(|s| s.graph.safe_snapshot_blockers(pid))
    }

    // ---- reading -----------------------------------------------------------------------------------------------

    fn read(&self, id: SxId, target: Target) -> Result<()> {
        if target.rel < FIRST_REL {
            return Ok(());
        }
        self.with(|s| {
            if !s.graph.tracked(id)? || s.locks.acquire(id, target).is_ok() {
                return Ok(());
            }
            // Full: first coarser locks of its own, then those of the oldest ended transactions give way.
            s.locks.coarsen(id);
            while s.locks.is_full() && s.summarise_oldest() {}
            s.locks.acquire(id, target).map_err(|()| {
                DbError::new(SqlState::OUT_OF_MEMORY, "out of shared memory")
                    .hint("You might need to increase max_pred_locks_per_transaction.")
            })
        })
    }

    /// A whole table is about to be read.
    pub fn read_relation(&self, id: SxId, rel: RelId) -> Result<()> {
        self.read(id, Target::relation(rel))
    }

    /// An index leaf, which is latched, is being read.
    pub fn read_page(&self, id: SxId, rel: RelId, block: BlockNo) -> Result<()> {
        self.read(id, Target::page(rel, block))
    }

    /// A row is about to be read.
    pub fn read_row(&self, id: SxId, rel: RelId, rid: Rid) -> Result<()> {
        self.read(id, Target::row(rel, rid))
    }

    /// The transaction has met a version that its snapshot does not see.
    pub fn conflict_out(&self, id: SxId, rel: RelId, writer: Xid) -> Result<()> {
        if rel < FIRST_REL {
            return Ok(());
        }
        self.with(|s| s.graph.conflict_out(id, writer))
    }

    // ---- writing -----------------------------------------------------------------------------------------------

    /// A row whose page is latched exclusively is about to be changed or deleted. `replaced`: when the version that goes
    /// was committed; `None` if the transaction itself had written it.
    pub fn wrote_row(&self, id: SxId, rel: RelId, rid: Rid, replaced: Option<Scn>) -> Result<()> {
        let row = replaced.map(|scn| (Target::row(rel, rid), Some(scn)));
        let coarser = [(Target::page(rel, rid.block), None), (Target::relation(rel), None)];
        self.wrote(id, rel, row.into_iter().chain(coarser))
    }

    /// A row is about to be put on a page that is latched exclusively.
    pub fn wrote_relation(&self, id: SxId, rel: RelId) -> Result<()> {
        self.wrote(id, rel, [(Target::relation(rel), None)])
    }

    /// An entry is about to come into a leaf that is latched exclusively, or could not because of what is in it.
    pub fn wrote_page(&self, id: SxId, rel: RelId, block: BlockNo) -> Result<()> {
        self.wrote(id, rel, [(Target::page(rel, block), None), (Target::relation(rel), None)])
    }

    /// A whole table, locked exclusively, is about to be emptied or dropped.
    pub fn wrote_table(&self, id: SxId, rel: RelId) -> Result<()> {
        if rel < FIRST_REL {
            return Ok(());
        }
        self.with(|s| {
            let parts: Vec<_> = s.locks.parts(rel).map(|t| (t, None)).collect();
            s.wrote(id, parts.into_iter())
        })
    }

    fn wrote(&self, id: SxId, rel: RelId, targets: impl IntoIterator<Item = (Target, Option<Scn>)>) -> Result<()> {
        if rel < FIRST_REL {
            return Ok(());
        }
        self.with(|s| s.wrote(id, targets.into_iter()))
    }

    // ---- where locks lie ---------------------------------------------------------------------------------------

    #[inline]
    fn any(&self) -> bool {
        self.locks.load(Ordering::SeqCst) != 0
    }

    /// Entries of leaf `from` have gone to leaf `to` as well; both are latched exclusively.
    pub fn page_split(&self, rel: RelId, from: BlockNo, to: BlockNo) {
        if self.any() {
            self.with(|s| s.locks.copy_page(rel, from, to));
        }
    }

    /// All entries of leaf `from` have gone to leaf `to`; both are latched exclusively.
    pub fn page_joined(&self, rel: RelId, from: BlockNo, to: BlockNo) {
        if self.any() {
            self.with(|s| {
                s.locks.copy_page(rel, from, to);
                s.locks.drop_page(rel, from);
            });
        }
    }

    /// What was read of `from` is to be looked for in `to` as well: a file that replaces it, or the table of an index
    /// that is given up.
    pub fn relation_replaced(&self, from: RelId, to: RelId) {
        if self.any() {
            self.with(|s| s.locks.copy_relation(from, to));
        }
    }

    /// All predicate locks.
    pub fn list(&self) -> Vec<SireadLock> {
        let s = self.state.lock();
        s.locks
            .all()
            .map(|(t, id)| SireadLock { rel: t.rel, block: t.block(), slot: t.slot(), pid: s.graph.pid(id) })
            .collect()
    }
}

impl State {
    /// Looks for readers of what is about to be written.
    fn wrote(&mut self, me: SxId, targets: impl Iterator<Item = (Target, Option<Scn>)>) -> Result<()> {
        if !self.graph.writes(me)? {
            return Ok(());
        }
        for (target, replaced) in targets {
            for &reader in self.locks.holders(&target) {
                self.graph.conflict_in(me, reader, replaced)?;
            }
            if let Some(seq) = self.locks.summarised(&target) {
                self.graph.conflict_in_old(me, seq)?;
            }
        }
        Ok(())
    }

    /// Gives up the locks of transactions that are known no more, and what nobody needs of the summarised ones.
    fn forget(&mut self, gone: Vec<SxId>) {
        for id in gone {
            self.locks.release(id);
        }
        self.locks.forget_summarised(self.graph.needed_since());
    }

    /// Makes room: the transaction that ended first is remembered only in summary. False if none has ended.
    fn summarise_oldest(&mut self) -> bool {
        match self.graph.summarise_oldest() {
            Some((id, seq)) => {
                self.locks.summarise(id, seq);
                true
            }
            None => false,
        }
    }
}

/// The error, with PostgreSQL's reason codes.
fn failure(reason: impl std::fmt::Display) -> DbError {
    SERIALIZABLE_FAILURES.inc();
    DbError::new(
        SqlState::T_R_SERIALIZATION_FAILURE,
        "could not serialize access due to read/write dependencies among transactions",
    )
    .detail(format!("Reason code: {reason}."))
    .hint("The transaction might succeed if retried.")
}
