//! Rolling back: a walk over the transaction's undo records, newest first.
//!
//! Every step is one mini-transaction that applies only if the row or entry is as the record left it, so a step repeated
//! after a crash does nothing. Index entries are undone before their row, which stays locked until then.
//!
//! An index record does not name its heap. It follows the heap record of its row operation in the chain, so walking back
//! to the nearest heap record finds it; a step on an entry happens only while that record's row is still as it left it.
//! This matters after a crash in the middle of a rollback: by then the row's slot may belong to somebody else.
//!
//! Records whose effect is deferred to purge (dropped files, replaced overflow values and bodies) are flagged UNDONE, so
//! that purge leaves them alone even when their transaction goes on to commit.

use super::Store;
use crate::am::{self, TableMethod};
use crate::btree;
use crate::core::Core;
use crate::heap;
use crate::lock::LockOwner;
use crate::mtr::redo::code;
use crate::page::PAGE_SIZE;
use crate::txn::{TxnCx, UndoMark, VER_XID};
use crate::undo::{UndoFlags, UndoPtr, UndoRec, UndoType, stream_rel};
use crate::wait::Op;
use rustydb_base::{PageId, RelId, Result, Rid, Scn, Xid};
use std::sync::Arc;

/// The heap record that index records in front of it belong to.
struct RowOp {
    rel: heap::Rel,
    ptr: UndoPtr,
}

/// A walk back along a transaction's chain.
#[derive(Default)]
struct Walk {
    /// The heap record found last, good for every index record between the two pointers.
    row_op: Option<(UndoPtr, RowOp)>,
    row: heap::RowBuf,
}

impl Walk {
    /// Whether a row is still as the heap record of the walk left it.
    fn held(&mut self, core: &Core, xid: Xid, rid: Rid) -> Op<bool> {
        let Some((_, op)) = &self.row_op else { return Ok(false) };
        let there = heap::peek(core, op.rel, rid, &mut self.row)?;
        Ok(there && heap::page::ver(&self.row) == VER_XID | xid.0 && heap::page::undo(&self.row) == op.ptr)
    }
}

impl Store {
    /// Undoes everything after `to` and sets the newest records back to it.
    pub(super) async fn undo_to(&self, cx: &mut TxnCx, to: UndoMark) -> Result<()> {
        // What is in memory first: a relation that goes takes its pages along.
        let mut walk = Walk::default();
        while cx.last_memory_undo.is_some() && cx.last_memory_undo != to.memory {
            cx.last_memory_undo = self.undo_step(cx.last_memory_undo, &mut walk).await?;
        }
        let mut walk = Walk::default();
        while cx.last_undo.is_some() && cx.last_undo != to.logged {
            let prev = self.undo_step(cx.last_undo, &mut walk).await?;
            self.txns.run(cx, |cx| cx.last_undo = prev);
        }
        Ok(())
    }

    /// Undoes everything and writes the transaction's end. The slot is still taken.
    pub(super) async fn abort(&self, cx: &mut TxnCx) -> Result<()> {
        self.undo_to(cx, UndoMark::START).await?;
        let xid = cx.xid;
        self.drive_free(|core| self.txns.finish_abort(core, xid)).await
    }

    /// Rolls back transactions that a crash left behind.
    pub(super) async fn roll_back_losers(self: Arc<Self>) {
        for (xid, last) in self.txns.orphans() {
            if let Err(e) = self.roll_back_loser(xid, last).await {
                tracing::error!("rollback of transaction {xid} after a crash failed: {e}");
                if !self.is_stopping() {
                    self.core.poison.trip(e);
                }
                return;
            }
        }
    }

    async fn roll_back_loser(&self, xid: Xid, mut at: UndoPtr) -> Result<()> {
        let mut walk = Walk::default();
        while at.is_some() {
            if self.is_stopping() {
                return Err(super::shutting_down());
            }
            at = self.undo_step(at, &mut walk).await?;
            self.txns.set_orphan(xid, at);
        }
        self.drive_free(|core| self.txns.finish_abort(core, xid)).await?;
        self.locks.txn_ended(xid);
        Ok(())
    }

    /// Undoes one record; answers the one before it.
    async fn undo_step(&self, ptr: UndoPtr, walk: &mut Walk) -> Result<UndoPtr> {
        let rec = self.drive_free(|core| core.undo.read(ptr, &core.pool)).await?;
        let of_file = matches!(rec.kind, UndoType::FileCreate | UndoType::FileDropOnCommit);
        if !rec.rel.is_logged() && !of_file && !self.relation_exists(rec.rel).await? {
            // Lost in a crash, with all that was in it.
            return Ok(rec.prev_in_txn);
        }
        match rec.kind {
            UndoType::Insert => {
                let am = TableMethod::of_record(&rec)?.am()?;
                self.drive_free(|core| am.undo(core, &rec)).await?;
            }
            UndoType::Update | UndoType::Delete => {
                let am = TableMethod::of_record(&rec)?.am()?;
                self.drive_free(|core| am.undo(core, &rec)).await?;
                self.drive_free(|core| flag_undone(core, &rec)).await?;
                self.locks.row_undone(PageId::new(rec.rel, rec.rid.block), rec.rid.slot);
            }
            UndoType::IdxInsert | UndoType::IdxMark => {
                self.find_row_op(&rec, walk).await?;
                self.drive_free(|core| self.undo_index(core, &rec, walk)).await?;
                if let Some((_, op)) = &walk.row_op {
                    // Whoever met the entry waits at its row.
                    self.locks.row_undone(PageId::new(op.rel.id, rec.rid.block), rec.rid.slot);
                }
            }
            UndoType::IdxInsertN => {
                self.find_row_op(&rec, walk).await?;
                for (rid, key) in btree::run_entries(&rec)? {
                    self.drive_free(|core| self.undo_run_entry(core, &rec, rid, key, walk)).await?;
                    if let Some((_, op)) = &walk.row_op {
                        self.locks.row_undone(PageId::new(op.rel.id, rid.block), rid.slot);
                    }
                }
            }
            UndoType::OvfOld | UndoType::FileDropOnCommit => {
                self.drive_free(|core| flag_undone(core, &rec)).await?;
            }
            UndoType::OvfNew => {
                self.drive_free(|core| crate::overflow::undo_new(core, &rec)).await?;
            }
            UndoType::FileCreate => self.remove_relation(rec.rel, rec.xid).await?,
            UndoType::Prepared => {}
        }
        Ok(rec.prev_in_txn)
    }

    /// Makes sure that the walk knows the heap record an index record belongs to.
    async fn find_row_op(&self, rec: &UndoRec, walk: &mut Walk) -> Result<()> {
        if walk.row_op.as_ref().is_some_and(|(from, op)| rec.ptr < *from && rec.ptr > op.ptr) {
            return Ok(());
        }
        let mut at = rec.prev_in_txn;
        walk.row_op = None;
        while at.is_some() {
            let r = self.drive_free(|core| core.undo.read(at, &core.pool)).await?;
            if matches!(r.kind, UndoType::Insert | UndoType::Update | UndoType::Delete) {
                let method = TableMethod::of_record(&r)?;
                let rel = heap::Rel { id: r.rel, overflow: RelId(0), method };
                walk.row_op = Some((rec.ptr, RowOp { rel, ptr: r.ptr }));
                break;
            }
            at = r.prev_in_txn;
        }
        Ok(())
    }

    fn undo_index(&self, core: &Core, rec: &UndoRec, walk: &mut Walk) -> Op<()> {
        if walk.held(core, rec.xid, rec.rid)? { am::undo_entry(core, rec) } else { Ok(()) }
    }

    /// Undoes one entry of a record that has many.
    fn undo_run_entry(&self, core: &Core, rec: &UndoRec, rid: Rid, key: &[u8], walk: &mut Walk) -> Op<()> {
        if walk.held(core, rec.xid, rid)? { am::undo_run_entry(core, rec, rid, key) } else { Ok(()) }
    }

    /// The transaction has ended: lets go of its locks, wakes who waits for it, gives its slot back.
    pub(super) fn finish(&self, cx: &mut TxnCx, owner: &Arc<LockOwner>) {
        let wrote = cx.xid.is_some();
        self.locks.release_all(owner);
        self.txns.end(cx);
        // What it kept may be what full undo was full of: the next round of purge will tell.
        self.core.undo.set_hopeless(false);
        if wrote {
            self.purge_kick.notify_one();
        }
    }

    /// Smallest snapshot in use, or time to be kept, for purge; and the first alone, for tables in memory.
    pub(crate) fn refresh_horizon(&self) -> (Scn, Scn) {
        self.txns.refresh_horizon(self.pressure.retention(self.opts.undo_retention_micros))
    }
}

/// Sets the UNDONE flag of a record where it lies.
fn flag_undone(core: &Core, rec: &UndoRec) -> Op<()> {
    if rec.flags.has(UndoFlags::UNDONE) {
        return Ok(());
    }
    let off = rec.ptr.offset();
    let pid = PageId::new(stream_rel(rec.ptr.stream()), (off / PAGE_SIZE as u64) as u32);
    let mut mtr = core.mtr(rec.xid);
    let page = mtr.fix(pid)?;
    mtr.reserve(16)?;
    // The flags are the record's fourth byte.
    let at = ((off % PAGE_SIZE as u64) as u16 + 3).to_le_bytes();
    mtr.apply(page, code::PUT, &[at[0], at[1], rec.flags.0 | UndoFlags::UNDONE.0]);
    mtr.finish();
    Ok(())
}
