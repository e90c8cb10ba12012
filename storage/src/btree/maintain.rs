//! Marking, rollback and purge of entries.

use super::insert::enter;
use super::node::{Bound, Node};
use super::redo;
use super::split::{Need, is_sparse, make_room, shrink};
use super::tree::{Way, leaf_for_read, leaf_for_write, whole};
use crate::am::{IndexDesc, IndexUndo};
use crate::buf::Access;
use crate::core::Core;
use crate::txn::{TxnCx, TxnState};
use crate::undo::UndoFlags;
use crate::wait::Op;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{DbError, Lsn, RelId, Rid, Scn, Xid};

/// Delete-marks the entry of a row that `txn` has deleted or given another key. An entry that `txn` has marked already
/// stays as it is.
pub fn mark(core: &Core, txn: &mut TxnCx, idx: &IndexDesc, key: &[u8], rid: Rid, flags: UndoFlags) -> Op<()> {
    let entry = whole(key, rid);
    loop {
        let mut mtr = core.mtr(txn.xid);
        let l = mtr.adopt(leaf_for_write(&core.pool, idx.rel, &entry)?)?;
        let node = Node::open(mtr.page(l))?;
        let at = node.position(&entry, Bound::Before)?;
        let found = at < node.len() && node.is(at, &entry)?;
        match if found { node.mark(at)? } else { None } {
            Some(by) if by == txn.xid => return Ok(()),
            None if found => (),
            None if !idx.complete => {
                drop(mtr);
                enter(core, txn.xid, idx, key, rid)?;
                continue;
            }
            _ => return Err(missing(idx.rel, rid).into()),
        }
        if node.marker_at(at).is_none() && node.free() < 8 {
            drop(mtr);
            make_room(core, idx.rel, 0, Need::Marker(&entry))?;
            continue;
        }
        let slot = core.undo.prepare(&mut mtr, txn, idx.rel, IndexUndo::Mark.payload_len(key))?;
        mtr.reserve(redo::SMALL + 16 + slot.log_bytes())?;
        mtr.apply(l, redo::MARK, &redo::mark_payload(at, txn.xid));
        IndexUndo::Mark.write(core, &mut mtr, &slot, txn, idx, rid, key, flags);
        mtr.finish();
        return Ok(());
    }
}

fn missing(rel: RelId, rid: Rid) -> DbError {
    DbError::new(
        SqlState::INDEX_CORRUPTED,
        format!("index {rel} has no live entry for row ({},{}) where one must be", rid.block, rid.slot),
    )
}

/// Takes back an insertion of transaction `xid`: puts the marker back that it replaced, else removes the entry.
///
/// The caller has made sure that the row is still held by `xid` and this step's row change not yet undone (index
/// entries are undone before the row), so nobody else can have touched the entry; repeated, it does nothing. A replaced
/// marker that is behind the purge horizon by now is not put back, since purge may have passed its record.
pub fn undo_insert(core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid, replaced: Option<Xid>) -> Op<()> {
    let entry = whole(key, rid);
    let mut mtr = core.mtr(xid);
    let l = mtr.adopt(leaf_for_write(&core.pool, rel, &entry)?)?;
    let node = Node::open(mtr.page(l))?;
    let at = node.position(&entry, Bound::Before)?;
    if at >= node.len() || !node.is(at, &entry)? || node.mark(at)?.is_some() {
        return Ok(());
    }
    let replaced = match replaced {
        Some(by) if behind_horizon(core, by)? => None,
        other => other,
    };
    match replaced {
        Some(by) if node.marker_at(at).is_some() => {
            mtr.reserve(redo::SMALL + 16)?;
            mtr.apply(l, redo::MARK, &redo::mark_payload(at, by));
        }
        // The marker's room is kept by un-marking, so this is not an entry that ever was marked.
        Some(_) => return Err(node.broken().into()),
        None => {
            mtr.reserve(redo::SMALL + 16)?;
            mtr.apply(l, redo::REMOVE, &redo::remove_payload(at, Scn(0)));
        }
    }
    mtr.finish();
    Ok(())
}

/// Whether the deletion that a marker stands for is visible to every snapshot.
fn behind_horizon(core: &Core, by: Xid) -> Op<bool> {
    // Nothing is told to a client because of this answer, so its LSN does not matter.
    Ok(match core.txns.resolve(by, &mut Lsn(0))? {
        TxnState::CommittedForAll => true,
        TxnState::Committed(scn) => scn <= core.txns.horizon(),
        _ => false,
    })
}

/// Takes back a marking of transaction `xid`; repeated, it does nothing. The caller's duty is as for [`undo_insert`].
pub fn undo_mark(core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
    let entry = whole(key, rid);
    let mut mtr = core.mtr(xid);
    let l = mtr.adopt(leaf_for_write(&core.pool, rel, &entry)?)?;
    let node = Node::open(mtr.page(l))?;
    let at = node.position(&entry, Bound::Before)?;
    if at >= node.len() || !node.is(at, &entry)? || node.mark(at)? != Some(xid) {
        return Ok(());
    }
    mtr.reserve(redo::SMALL + 16)?;
    mtr.apply(l, redo::UNMARK, &(at as u16).to_le_bytes());
    mtr.finish();
    Ok(())
}

/// Removes an entry iff it is still marked by `xid`, whose commit lies behind `horizon`; then joins leaves that have
/// become sparse. Repeatable.
pub fn purge_remove(core: &Core, rel: RelId, key: &[u8], rid: Rid, xid: Xid, horizon: Scn) -> Op<()> {
    let entry = whole(key, rid);
    let sparse = {
        let mut mtr = core.mtr(Xid::NONE);
        let l = mtr.adopt(leaf_for_write(&core.pool, rel, &entry)?)?;
        let node = Node::open(mtr.page(l))?;
        let at = node.position(&entry, Bound::Before)?;
        if at < node.len() && node.is(at, &entry)? && node.mark(at)? == Some(xid) {
            let sparse = node.used().saturating_sub(node.data_len(at)) < super::node::SPACE / 4;
            mtr.reserve(redo::SMALL + 16)?;
            mtr.apply(l, redo::REMOVE, &redo::remove_payload(at, horizon));
            mtr.finish();
            sparse
        } else {
            is_sparse(&node)
        }
    };
    if sparse { shrink(core, rel, &entry) } else { Ok(()) }
}

/// Whether the entry is there; `Some(marked)` if so.
pub fn exists(core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<bool>> {
    let entry = whole(key, rid);
    let leaf = leaf_for_read(&core.pool, rel, Way::To(&entry, Bound::Through), Access::Point)?;
    let node = Node::open(&leaf)?;
    let at = node.position(&entry, Bound::Before)?;
    if at >= node.len() || !node.is(at, &entry)? {
        return Ok(None);
    }
    Ok(Some(node.mark(at)?.is_some()))
}
