//! Why a synchronous operation could not go on.
//!
//! The storage core never blocks and never awaits: an operation that lacks a page, a row lock or log space returns a
//! [`Wait`] before it has changed anything (or after a completed mini-transaction, with its cursor advanced), the
//! async shell waits for the named thing with no latch held, and the operation starts again. That is what makes the
//! core simulable, and what keeps latches off I/O (invariant I27).

use rustydb_base::{DbError, PageId, Xid};

/// The result of a restartable operation.
pub type Op<T> = Result<T, Wait>;

/// What to wait for before trying again; or, as [`Wait::Fail`], the operation's error.
#[derive(Debug)]
pub enum Wait {
    /// Nothing to wait for: state changed under the operation, or a latch was taken out of order. Try again.
    Restart,
    /// This page must be in the pool.
    Page(PageId),
    /// This transaction must end (commit, abort with its rollback finished, or undo of the row concerned).
    Txn(TxnWait),
    /// A queue in the lock table must let the session in; the request is already queued under this ticket.
    Lock(LockTicket),
    /// The log's buffer must drain.
    LogSpace,
    /// The pool must have a clean frame.
    Memory,
    /// Undo is full, and purge or the undo policy (`store/pressure.rs`) may make room.
    Undo,
    /// Not a wait: the operation failed.
    Fail(Box<DbError>),
}

/// A wait for a transaction because of one row it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxnWait {
    /// The transaction in the way.
    pub xid: Xid,
    /// The page of the row or index entry it holds (relation's storage id and block) and the slot, 0 where a whole
    /// page range is meant; the wait ends early when that row is undone.
    pub page: PageId,
    /// Slot on that page.
    pub slot: u16,
}

/// Names a queued request of the lock table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LockTicket(pub u64);

impl From<DbError> for Wait {
    fn from(e: DbError) -> Wait {
        Wait::Fail(Box::new(e))
    }
}
