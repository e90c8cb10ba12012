//! What an operation knows of its transaction.

use crate::ssi::SxId;
use crate::undo::{MEMORY_STREAM, UndoPtr};
use rustydb_base::{Lsn, Scn, Xid};

/// Top bit of a row's `ver` word: set, the rest is the Xid of a writer not known to have committed; clear, the word is
/// the SCN of the commit.
pub const VER_XID: u64 = 1 << 63;

/// Isolation levels that are built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    /// A new snapshot per statement; a conflicting update goes on with the newest version.
    ReadCommitted,
    /// One snapshot per transaction; a conflicting update fails with 40001.
    RepeatableRead,
    /// As [`Isolation::RepeatableRead`], and 40001 for what could not be the outcome of one transaction after another.
    Serializable,
}

impl Isolation {
    /// Whether all statements of a transaction read by one snapshot.
    #[inline]
    pub fn one_snapshot(self) -> bool {
        self != Isolation::ReadCommitted
    }
}

/// What a statement sees: commits up to `scn`, and its own transaction's changes made before command `cid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Newest visible commit.
    pub scn: Scn,
    /// The reader's own transaction, [`Xid::NONE`] while it has written nothing.
    pub xid: Xid,
    /// Own changes with a smaller command number are visible.
    pub cid: u32,
    /// The serializable transaction whose reads by it are tracked.
    pub ssi: SxId,
}

impl Snapshot {
    /// The same for reads that are none of the transaction's own (catalogs, checks).
    pub fn untracked(self) -> Snapshot {
        Snapshot { ssi: SxId::NONE, ..self }
    }
}

/// How a transaction number resolves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TxnState {
    /// Running, or committing but not yet published.
    Running,
    /// Prepared for two-phase commit.
    Prepared,
    /// Rolled back, or rolling back (its changes are being undone).
    Aborted,
    /// Committed at this SCN.
    Committed(Scn),
    /// Committed so long ago that every snapshot sees it.
    CommittedForAll,
}

/// The open transaction an operation runs in. Owned by the session; one per top-level transaction.
#[derive(Debug)]
pub struct TxnCx {
    /// Number; [`Xid::NONE`] until the first write claims one.
    pub xid: Xid,
    /// Undo stream the transaction is bound to (claimed with the number).
    pub stream: u8,
    /// Newest logged undo record of this transaction: head of its rollback chain.
    pub last_undo: UndoPtr,
    /// The same of its changes of relations that never leave memory.
    pub last_memory_undo: UndoPtr,
    /// Current command; raised after each statement that wrote, never reused.
    pub cid: u32,
    /// Isolation level.
    pub isolation: Isolation,
    /// LSN that must be stable before anything this session says may leave the process (I7).
    pub dep_lsn: Lsn,
    /// Slot in the transaction table, once there is one.
    pub slot: u32,
    /// As what it is known among the serializable transactions, from its snapshot to its end.
    pub ssi: SxId,
}

/// A place in a transaction's undo to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UndoMark {
    pub(crate) logged: UndoPtr,
    pub(crate) memory: UndoPtr,
}

impl UndoMark {
    /// Before everything.
    pub const START: UndoMark = UndoMark { logged: UndoPtr::NONE, memory: UndoPtr::NONE };
}

impl TxnCx {
    /// The place reached.
    pub fn mark(&self) -> UndoMark {
        UndoMark { logged: self.last_undo, memory: self.last_memory_undo }
    }

    /// Newest record of the chain that a stream's records belong to.
    pub(crate) fn last_in(&self, stream: u8) -> UndoPtr {
        if stream == MEMORY_STREAM { self.last_memory_undo } else { self.last_undo }
    }

    /// A record was written.
    pub(crate) fn set_last(&mut self, ptr: UndoPtr) {
        if ptr.stream() == MEMORY_STREAM { self.last_memory_undo = ptr } else { self.last_undo = ptr }
    }

    /// What is left in the place of a transaction that has been handed over: no number, no slot.
    pub(crate) fn emptied(&self) -> TxnCx {
        TxnCx {
            xid: Xid::NONE,
            stream: 0,
            last_undo: UndoPtr::NONE,
            last_memory_undo: UndoPtr::NONE,
            cid: self.cid,
            isolation: self.isolation,
            dep_lsn: self.dep_lsn,
            slot: u32::MAX,
            ssi: SxId::NONE,
        }
    }
}
