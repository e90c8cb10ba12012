//! Commit and the end of a rollback.
//!
//! Commit: everything that can wait or fail happens first (status page, log space, ring slot). Then, under the commit
//! latch, the SCN is taken, the commit record (whose redo sets the status entry) is appended and the state published, so
//! SCN order is LSN order (I5). Durability is not this module's business: the session's output waits for the commit
//! record's LSN, and so does everyone who has learnt of the commit through [`TxnTable::resolve`].

use super::table::{ABORTS, COMMITS, TxnTable};
use super::tsp::{self, SET, Status, set_payload};
use super::{Isolation, TxnCx};
use crate::core::Core;
use crate::mtr::kind;
use crate::undo::UndoPtr;
use crate::wait::{Op, Wait};
use rustydb_base::{DbError, Lsn, Result, Scn, Xid};

/// Flags in a commit record's head.
pub mod flags {
    /// The transaction changed the catalog.
    pub const CATALOG_CHANGED: u8 = 1;
}

/// What a commit answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committed {
    /// When it became visible; for a transaction that wrote nothing, the newest SCN then.
    pub scn: Scn,
    /// End of its own commit record, 0 if it wrote nothing. Must be stable before anyone is told of the commit, unless
    /// the session has turned synchronous commit off.
    pub lsn: Lsn,
    /// What must be stable before anything the transaction has learnt may leave the process.
    pub dep_lsn: Lsn,
}

/// Why a commit attempt did not succeed.
#[derive(Debug)]
pub enum CommitWait {
    /// As for any operation.
    Op(Wait),
    /// The log must be stable up to here first (the ring slot's owner is not durable yet).
    Stable(Lsn),
}

impl From<Wait> for CommitWait {
    fn from(w: Wait) -> CommitWait {
        CommitWait::Op(w)
    }
}

impl TxnTable {
    /// Commits. After an error nothing has happened; the caller waits and tries again. On success the transaction is
    /// committed for everyone and `cx` has lost its number; the caller releases its locks, then calls
    /// [`TxnTable::end`].
    pub fn commit(&self, core: &Core, cx: &mut TxnCx, flags: u8) -> Result<Committed, CommitWait> {
        let xid = cx.xid;
        if !xid.is_some() {
            return Ok(Committed { scn: self.clock.last(), lsn: Lsn(0), dep_lsn: cx.dep_lsn });
        }
        let mut mtr = core.mtr(xid);
        let page = mtr.fix(tsp::page_of(xid))?;
        mtr.reserve(64)?;
        self.ring.begin_commit(xid, self.stable()).map_err(CommitWait::Stable)?;
        // Nothing below can wait or fail.
        let latch = self.commit_latch.lock();
        let scn = self.clock.next(self.now_micros());
        mtr.apply(page, SET, &set_payload(xid, Status::Committed(scn)));
        let mut head = [0; 9];
        head[..8].copy_from_slice(&scn.0.to_le_bytes());
        head[8] = flags;
        let (_, lsn) = mtr.finish_as(kind::COMMIT, &head);
        self.ring.publish(xid, scn, lsn);
        drop(latch);
        COMMITS.inc();
        Ok(Committed { scn, lsn, dep_lsn: cx.dep_lsn })
    }

    /// Marks the transaction as prepared (or, to be rolled back, as running again); answers the end of the record that says
    /// so. All that must survive with it has been written.
    pub fn mark_prepared(&self, core: &Core, cx: &TxnCx, prepared: bool) -> Op<Lsn> {
        let mut mtr = core.mtr(cx.xid);
        let page = mtr.fix(tsp::page_of(cx.xid))?;
        mtr.reserve(64)?;
        let (status, kind) = if prepared { (Status::Prepared, kind::PREPARE) } else { (Status::Running, kind::PAGES) };
        mtr.apply(page, SET, &set_payload(cx.xid, status));
        Ok(mtr.finish_as(kind, &[]).1)
    }

    /// Takes a slot for a prepared transaction that recovery has found.
    pub fn resume(&self, xid: Xid, last_undo: UndoPtr) -> Result<TxnCx> {
        let mut cx = self.begin(Isolation::ReadCommitted)?;
        (cx.xid, cx.stream, cx.last_undo) = (xid, last_undo.stream(), last_undo);
        self.take_up(&cx);
        Ok(cx)
    }

    /// Ends a rollback whose every step is done: the status entry becomes "aborted". For transactions without a slot too.
    pub fn finish_abort(&self, core: &Core, xid: Xid) -> Op<()> {
        if xid.is_some() {
            let mut mtr = core.mtr(xid);
            let page = mtr.fix(tsp::page_of(xid))?;
            if tsp::status(mtr.page(page), xid)? != Status::Running {
                return Err(DbError::internal(format!("transaction {xid} is rolled back after its end")).into());
            }
            mtr.reserve(64)?;
            let latch = self.commit_latch.lock();
            let end = self.clock.next(self.now_micros());
            mtr.apply(page, SET, &set_payload(xid, Status::Aborted(end)));
            mtr.finish_as(kind::ABORT, &end.0.to_le_bytes());
            drop(latch);
            self.ring.aborted(xid, end);
            self.forget_orphan(xid);
        }
        ABORTS.inc();
        Ok(())
    }

    /// Gives the transaction's slot back. It has committed, or its rollback is finished.
    pub fn end(&self, cx: &mut TxnCx) {
        self.release(cx);
    }
}
