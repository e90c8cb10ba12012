//! Entries come, are marked, and go.

use super::grow::{add_page, finish_move, is_sparse, shrink};
use super::locate::{for_read, for_write, walk};
use super::page::{Entries, Entry, IDENTITY, INSERT, MARK, REMOVE, identity, pid};
use super::predicate;
use crate::am::{IndexDesc, IndexUndo, InsertResult};
use crate::buf::Access;
use crate::core::Core;
use crate::mtr::{Mtr, PageIdx};
use crate::txn::{TxnCx, TxnState};
use crate::undo::UndoFlags;
use crate::wait::Op;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, Lsn, RelId, Rid, Scn, Xid};

/// Log bytes of an operation on one entry.
const SMALL: usize = 48;

/// Where an entry is in its bucket, or could be.
struct Spot {
    /// Block, position and marker of the entry.
    found: Option<(BlockNo, usize, Option<Xid>)>,
    /// The first page with room.
    room: Option<BlockNo>,
}

fn search(core: &Core, mtr: &Mtr<'_>, rel: RelId, first: PageIdx, e: &[u8; IDENTITY]) -> Op<Spot> {
    let mut spot = Spot { found: None, room: None };
    walk(&core.pool, rel, mtr.page(first), Access::Point, |page, block| {
        if let Ok(at) = page.find(e)? {
            spot.found = Some((block, at, page.get(at)?.marked));
        } else if spot.room.is_none() && page.room() > 0 {
            spot.room = Some(block);
        }
        Ok(spot.found.is_none())
    })?;
    Ok(spot)
}

fn insert_payload(at: usize, code: u64, rid: Rid) -> Vec<u8> {
    let mut p = (at as u16).to_le_bytes().to_vec();
    p.extend_from_slice(&Entry { code, rid, marked: None }.bytes());
    p
}

/// Payload of `MARK` and, with a horizon instead of an Xid, of `REMOVE`.
fn small_payload(at: usize, word: u64) -> [u8; 10] {
    let mut p = [0; 10];
    p[..2].copy_from_slice(&(at as u16).to_le_bytes());
    p[2..].copy_from_slice(&word.to_le_bytes());
    p
}

pub(super) fn insert(
    core: &Core,
    txn: &mut TxnCx,
    idx: &IndexDesc,
    code: u64,
    rid: Rid,
    flags: UndoFlags,
) -> Op<InsertResult> {
    let (e, key) = (identity(code, rid), code.to_be_bytes());
    loop {
        let mut mtr = core.mtr(txn.xid);
        let Some(first) = for_write(core, &mut mtr, idx.rel, code)? else {
            drop(mtr);
            finish_move(core, idx.rel)?;
            continue;
        };
        if txn.ssi.is_some() {
            core.ssi.wrote_page(txn.ssi, idx.rel, predicate(code))?;
        }
        let spot = search(core, &mtr, idx.rel, first, &e)?;
        let (block, replaced) = match (spot.found, spot.room) {
            (Some((_, _, None)), _) => return Ok(InsertResult::Done),
            (Some((block, _, by)), _) => (block, by),
            (None, Some(block)) => (block, None),
            (None, None) => {
                drop(mtr);
                add_page(core, idx.rel, code)?;
                continue;
            }
        };
        let i = mtr.fix(pid(idx.rel, block))?;
        let undo = IndexUndo::Insert { replaced };
        let slot = core.undo.prepare(&mut mtr, txn, idx.rel, undo.payload_len(&key))?;
        mtr.reserve(SMALL + slot.log_bytes())?;
        match Entries::open(mtr.page(i))?.find(&e)? {
            Ok(at) => mtr.apply(i, MARK, &small_payload(at, 0)),
            Err(at) => mtr.apply(i, INSERT, &insert_payload(at, code, rid)),
        }
        undo.write(core, &mut mtr, &slot, txn, idx, rid, &key, flags);
        mtr.finish();
        return Ok(InsertResult::Done);
    }
}

pub(super) fn enter(core: &Core, xid: Xid, rel: RelId, code: u64, rid: Rid) -> Op<()> {
    let e = identity(code, rid);
    loop {
        let mut mtr = core.mtr(xid);
        let Some(first) = for_write(core, &mut mtr, rel, code)? else {
            drop(mtr);
            finish_move(core, rel)?;
            continue;
        };
        let spot = search(core, &mtr, rel, first, &e)?;
        if spot.found.is_some() {
            return Ok(());
        }
        let Some(block) = spot.room else {
            drop(mtr);
            add_page(core, rel, code)?;
            continue;
        };
        let i = mtr.fix(pid(rel, block))?;
        mtr.reserve(SMALL)?;
        let at = Entries::open(mtr.page(i))?.position(&e)?;
        mtr.apply(i, INSERT, &insert_payload(at, code, rid));
        mtr.finish();
        return Ok(());
    }
}

pub(super) fn mark(core: &Core, txn: &mut TxnCx, idx: &IndexDesc, code: u64, rid: Rid, flags: UndoFlags) -> Op<()> {
    let (e, key) = (identity(code, rid), code.to_be_bytes());
    loop {
        let mut mtr = core.mtr(txn.xid);
        let Some((i, at, by)) = find(core, &mut mtr, idx.rel, code, &e)? else {
            if idx.complete {
                return Err(missing(idx.rel, rid).into());
            }
            drop(mtr);
            enter(core, txn.xid, idx.rel, code, rid)?;
            continue;
        };
        match by {
            Some(by) if by == txn.xid => return Ok(()),
            Some(_) => return Err(missing(idx.rel, rid).into()),
            None => {}
        }
        let slot = core.undo.prepare(&mut mtr, txn, idx.rel, IndexUndo::Mark.payload_len(&key))?;
        mtr.reserve(SMALL + slot.log_bytes())?;
        mtr.apply(i, MARK, &small_payload(at, txn.xid.0));
        IndexUndo::Mark.write(core, &mut mtr, &slot, txn, idx, rid, &key, flags);
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

/// Finds an entry and fixes its page: position and marker.
fn find<'s>(
    core: &'s Core,
    mtr: &mut Mtr<'s>,
    rel: RelId,
    code: u64,
    e: &[u8; IDENTITY],
) -> Op<Option<(PageIdx, usize, Option<Xid>)>> {
    loop {
        let Some(first) = for_write(core, mtr, rel, code)? else {
            mtr.release_all();
            finish_move(core, rel)?;
            continue;
        };
        let Some((block, at, by)) = search(core, mtr, rel, first, e)?.found else { return Ok(None) };
        return Ok(Some((mtr.fix(pid(rel, block))?, at, by)));
    }
}

pub(super) fn undo_insert(core: &Core, xid: Xid, rel: RelId, code: u64, rid: Rid, replaced: Option<Xid>) -> Op<()> {
    let mut mtr = core.mtr(xid);
    let Some((i, at, None)) = find(core, &mut mtr, rel, code, &identity(code, rid))? else { return Ok(()) };
    // A marker behind the horizon is not put back: purge may have passed its record.
    let replaced = match replaced {
        Some(by) if behind_horizon(core, by)? => None,
        other => other,
    };
    mtr.reserve(SMALL)?;
    match replaced {
        Some(by) => mtr.apply(i, MARK, &small_payload(at, by.0)),
        None => mtr.apply(i, REMOVE, &small_payload(at, 0)),
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

pub(super) fn undo_mark(core: &Core, xid: Xid, rel: RelId, code: u64, rid: Rid) -> Op<()> {
    let mut mtr = core.mtr(xid);
    if let Some((i, at, by)) = find(core, &mut mtr, rel, code, &identity(code, rid))?
        && by == Some(xid)
    {
        mtr.reserve(SMALL)?;
        mtr.apply(i, MARK, &small_payload(at, 0));
        mtr.finish();
    }
    Ok(())
}

pub(super) fn purge(core: &Core, rel: RelId, code: u64, rid: Rid, xid: Xid, horizon: Scn) -> Op<()> {
    let block = {
        let mut mtr = core.mtr(Xid::NONE);
        let Some((i, at, by)) = find(core, &mut mtr, rel, code, &identity(code, rid))? else { return Ok(()) };
        if by != Some(xid) {
            return Ok(());
        }
        mtr.reserve(SMALL)?;
        mtr.apply(i, REMOVE, &small_payload(at, horizon.0));
        let block = mtr.pid(i).block;
        mtr.finish();
        block
    };
    // Whether there is something to join is looked at without the meta page's exclusive latch first.
    let firsts = for_read(&core.pool, rel, code)?;
    let Some(first) = firsts.last() else { return Ok(()) };
    let other = if first.pid().block == block { first.next() } else { block };
    if other == 0 {
        return Ok(());
    }
    let mut entries = 0;
    walk(&core.pool, rel, first, Access::Point, |page, b| {
        if b == first.pid().block || b == other {
            entries += page.len();
        }
        Ok(b != other)
    })?;
    let sparse = is_sparse(entries, first);
    drop(firsts);
    if sparse { shrink(core, rel, code, block) } else { Ok(()) }
}

pub(super) fn exists(core: &Core, rel: RelId, code: u64, rid: Rid) -> Op<Option<bool>> {
    let e = identity(code, rid);
    let mut found = None;
    for first in &for_read(&core.pool, rel, code)? {
        walk(&core.pool, rel, first, Access::Point, |page, _| {
            if let Ok(at) = page.find(&e)? {
                found = Some(page.get(at)?.marked.is_some());
            }
            Ok(found.is_none())
        })?;
    }
    Ok(found)
}
