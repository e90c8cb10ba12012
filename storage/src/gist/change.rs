//! Entries come, are marked, and go.

use super::page::{ADD, DROP, MARK, Node, SLOT, drop_payload, leaf_entry, mark_payload};
use super::split::forget_bounds;
use super::tree::{find, gate, leaf_for};
use super::{MAX_KEY, keys};
use crate::am::{IndexDesc, IndexUndo, InsertResult};
use crate::core::Core;
use crate::txn::{TxnCx, TxnState};
use crate::undo::UndoFlags;
use crate::wait::Op;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{DbError, Lsn, RelId, Result, Rid, Scn, Xid};

/// Log bytes of an operation on a marker.
const SMALL: usize = 48;

/// What a key that the tree cannot keep gets, if the caller has not refused it.
fn check_length(key: &[u8]) -> Result<()> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(DbError::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("index row size {} exceeds maximum {MAX_KEY}", key.len()),
        ));
    }
    Ok(())
}

pub(super) fn insert(
    core: &Core,
    txn: &mut TxnCx,
    idx: &IndexDesc,
    key: &[u8],
    rid: Rid,
    flags: UndoFlags,
) -> Op<InsertResult> {
    check_length(key)?;
    let _gate = if idx.complete { None } else { Some(gate(core, idx.rel)?) };
    let entry = leaf_entry(key, rid);
    let (leaf, op, payload, replaced) = match find(core, idx.rel, key, rid)? {
        Some((leaf, at)) => match Node::open(&leaf)?.mark(at)? {
            // An index build has entered it.
            None => return Ok(InsertResult::Done),
            by => (leaf, MARK, mark_payload(at, None).to_vec(), by),
        },
        None => (leaf_for(core, idx.rel, &keys()?.bound(key), entry.len())?, ADD, entry, None),
    };
    let mut mtr = core.mtr(txn.xid);
    let l = mtr.adopt(leaf)?;
    if txn.ssi.is_some() {
        core.ssi.wrote_page(txn.ssi, idx.rel, mtr.pid(l).block)?;
    }
    let undo = IndexUndo::Insert { replaced };
    let slot = core.undo.prepare(&mut mtr, txn, idx.rel, undo.payload_len(key))?;
    mtr.reserve(payload.len() + SLOT + 16 + slot.log_bytes())?;
    mtr.apply(l, op, &payload);
    undo.write(core, &mut mtr, &slot, txn, idx, rid, key, flags);
    mtr.finish();
    Ok(InsertResult::Done)
}

pub(super) fn enter(core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
    let _gate = gate(core, rel)?;
    if find(core, rel, key, rid)?.is_some() {
        return Ok(());
    }
    add(core, xid, rel, key, rid)
}

/// Adds an entry that is not there, as nobody's change.
pub(super) fn add(core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
    check_length(key)?;
    let entry = leaf_entry(key, rid);
    let leaf = leaf_for(core, rel, &keys()?.bound(key), entry.len())?;
    let mut mtr = core.mtr(xid);
    let l = mtr.adopt(leaf)?;
    mtr.reserve(entry.len() + SLOT + 16)?;
    mtr.apply(l, ADD, &entry);
    mtr.finish();
    Ok(())
}

pub(super) fn mark(core: &Core, txn: &mut TxnCx, idx: &IndexDesc, key: &[u8], rid: Rid, flags: UndoFlags) -> Op<()> {
    let _gate = if idx.complete { None } else { Some(gate(core, idx.rel)?) };
    loop {
        let Some((leaf, at)) = find(core, idx.rel, key, rid)? else {
            if idx.complete {
                return Err(missing(idx.rel, rid).into());
            }
            add(core, txn.xid, idx.rel, key, rid)?;
            continue;
        };
        match Node::open(&leaf)?.mark(at)? {
            Some(by) if by == txn.xid => return Ok(()),
            Some(_) => return Err(missing(idx.rel, rid).into()),
            None => {}
        }
        let mut mtr = core.mtr(txn.xid);
        let l = mtr.adopt(leaf)?;
        let slot = core.undo.prepare(&mut mtr, txn, idx.rel, IndexUndo::Mark.payload_len(key))?;
        mtr.reserve(SMALL + slot.log_bytes())?;
        mtr.apply(l, MARK, &mark_payload(at, Some(txn.xid)));
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

pub(super) fn undo_insert(core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid, replaced: Option<Xid>) -> Op<()> {
    let Some((leaf, at)) = find(core, rel, key, rid)? else { return Ok(()) };
    let node = Node::open(&leaf)?;
    if node.mark(at)?.is_some() {
        return Ok(());
    }
    let empty = node.len() == 1;
    // A marker behind the horizon is not put back: purge may have passed its record.
    let replaced = match replaced {
        Some(by) if behind_horizon(core, by)? => None,
        other => other,
    };
    let mut mtr = core.mtr(xid);
    let l = mtr.adopt(leaf)?;
    mtr.reserve(SMALL)?;
    match replaced {
        Some(by) => mtr.apply(l, MARK, &mark_payload(at, Some(by))),
        None => mtr.apply(l, DROP, &drop_payload(at, Scn(0))),
    }
    mtr.finish();
    if empty && replaced.is_none() { forget_bounds(core, rel, &keys()?.bound(key)) } else { Ok(()) }
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

pub(super) fn undo_mark(core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
    let Some((leaf, at)) = find(core, rel, key, rid)? else { return Ok(()) };
    if Node::open(&leaf)?.mark(at)? != Some(xid) {
        return Ok(());
    }
    let mut mtr = core.mtr(xid);
    let l = mtr.adopt(leaf)?;
    mtr.reserve(SMALL)?;
    mtr.apply(l, MARK, &mark_payload(at, None));
    mtr.finish();
    Ok(())
}

pub(super) fn purge(core: &Core, rel: RelId, key: &[u8], rid: Rid, xid: Xid, horizon: Scn) -> Op<()> {
    let empty = {
        let Some((leaf, at)) = find(core, rel, key, rid)? else { return Ok(()) };
        let node = Node::open(&leaf)?;
        if node.mark(at)? != Some(xid) {
            return Ok(());
        }
        let empty = node.len() == 1;
        let mut mtr = core.mtr(Xid::NONE);
        let l = mtr.adopt(leaf)?;
        mtr.reserve(SMALL)?;
        mtr.apply(l, DROP, &drop_payload(at, horizon));
        mtr.finish();
        empty
    };
    if empty { forget_bounds(core, rel, &keys()?.bound(key)) } else { Ok(()) }
}

pub(super) fn exists(core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<bool>> {
    let Some((leaf, at)) = find(core, rel, key, rid)? else { return Ok(None) };
    Ok(Some(Node::open(&leaf)?.mark(at)?.is_some()))
}
