//! Undoing row changes, and purging what no snapshot can see any more.

use super::history::{Move, Update, inserted_slots};
use super::ops::{advice, fix_after, header_op};
use super::page::{self, SlotState, flag};
use crate::core::Core;
use crate::mtr::{Mtr, PageIdx};
use crate::page::PageKind;
use crate::txn::VER_XID;
use crate::undo::{UndoPtr, UndoRec, UndoType};
use crate::wait::{Op, Wait};
use rustydb_base::{DbError, PageId, RelId, Rid, Scn, Xid};

/// Undoes a heap record of an aborted transaction, if the row still is as the record left it; so doing it twice is
/// doing it once. Never needs space. The caller goes through the transaction's records newest first.
pub fn undo_row(core: &Core, rec: &UndoRec) -> Op<()> {
    match rec.kind {
        UndoType::Insert => undo_insert(core, rec),
        UndoType::Update => undo_update(core, rec),
        UndoType::Delete => undo_delete(core, rec),
        _ => Err(DbError::internal(format!("{:?} is not the heap's to undo", rec.kind)).into()),
    }
}

/// Cleans up after a heap record of a transaction that every snapshot sees: frees the slot of a deleted row, the body a
/// moved row left behind, the room it kept at home. Doing it twice is doing it once. For a DELETE the caller makes sure that the row's index
/// entries are gone. `horizon` goes to the log, so that a standby can mind its own snapshots.
pub fn purge_row(core: &Core, rec: &UndoRec, horizon: Scn) -> Op<()> {
    match rec.kind {
        UndoType::Delete => purge_delete(core, rec, horizon),
        UndoType::Update => {
            let u = Update::parse(&rec.payload)?;
            match u.moved {
                Some(Move { from: Some((body, creator)), .. }) => purge_body(core, rec, body, creator, horizon),
                Some(Move { from: None, to }) => shrink_home(core, rec, to),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Frees a body that its row has left.
fn purge_body(core: &Core, rec: &UndoRec, body: Rid, creator: UndoPtr, horizon: Scn) -> Op<()> {
    let mut mtr = core.mtr(Xid::NONE);
    let b = mtr.fix(PageId::new(rec.rel, body.block))?;
    if !is_body(&mtr, b, body, rec.rid, creator)? {
        return Ok(());
    }
    mtr.reserve(32)?;
    mtr.apply(b, page::SLOT_FREE, &free_op(horizon, &[body.slot]));
    let free = page::free_bytes(mtr.page(b));
    mtr.finish();
    advice(core.space.note_fill(core, rec.rel, body.block, free))
}

/// Gives back the room that the home of a moved row had kept for the move's rollback, if the row still is in the body
/// that this move made (so no other move can want to come back home).
fn shrink_home(core: &Core, rec: &UndoRec, to: Rid) -> Op<()> {
    let mut mtr = core.mtr(Xid::NONE);
    let h = mtr.fix(PageId::new(rec.rel, rec.rid.block))?;
    if !mtr.page(h).is(PageKind::Heap) {
        return Ok(());
    }
    let s = page::slot(mtr.page(h), rec.rid.slot)?;
    if s.state != SlotState::Forward
        || s.alloc <= page::MIN_ALLOC
        || page::forward_to(page::row(mtr.page(h), s)?)? != to
    {
        return Ok(());
    }
    let b = fix_after(&mut mtr, rec.rid.block, PageId::new(rec.rel, to.block))?;
    if !is_body(&mtr, b, to, rec.rid, rec.ptr)? {
        return Ok(());
    }
    mtr.reserve(16)?;
    mtr.apply(h, page::SHRINK, &rec.rid.slot.to_le_bytes());
    let free = page::free_bytes(mtr.page(h));
    mtr.finish();
    advice(core.space.note_fill(core, rec.rel, rec.rid.block, free))
}

fn free_op(horizon: Scn, slots: &[u16]) -> Vec<u8> {
    let mut op = horizon.0.to_le_bytes().to_vec();
    slots.iter().for_each(|s| op.extend_from_slice(&s.to_le_bytes()));
    op
}

/// Whether the row at `slot` is as the record left it.
fn is_as_left(mtr: &Mtr<'_>, home: PageIdx, slot: u16, rec: &UndoRec) -> Op<Option<page::Slot>> {
    let p = mtr.page(home);
    if !p.is(PageKind::Heap) {
        return Ok(None);
    }
    let s = page::slot(p, slot)?;
    if !matches!(s.state, SlotState::Live | SlotState::Forward) {
        return Ok(None);
    }
    let row = page::row(p, s)?;
    Ok((page::ver(row) == VER_XID | rec.xid.0 && page::undo(row) == rec.ptr).then_some(s))
}

/// Whether the slot holds the body that `creator` made for the row `home`.
fn is_body(mtr: &Mtr<'_>, page_idx: PageIdx, at: Rid, home: Rid, creator: UndoPtr) -> Op<bool> {
    let p = mtr.page(page_idx);
    if !p.is(PageKind::Heap) {
        return Ok(false);
    }
    let s = page::slot(p, at.slot)?;
    if s.state != SlotState::Body {
        return Ok(false);
    }
    let row = page::row(p, s)?;
    Ok(page::ver(row) == page::pack_rid(home) && page::undo(row) == creator)
}

fn undo_insert(core: &Core, rec: &UndoRec) -> Op<()> {
    let mut mtr = core.mtr(rec.xid);
    let h = mtr.fix(PageId::new(rec.rel, rec.rid.block))?;
    let mut slots = Vec::new();
    for s in inserted_slots(&rec.payload) {
        if is_as_left(&mtr, h, s, rec)?.is_some() {
            slots.push(s);
        }
    }
    if slots.is_empty() {
        return Ok(());
    }
    mtr.reserve(32 + slots.len() * 2)?;
    mtr.apply(h, page::SLOT_FREE, &free_op(Scn(0), &slots));
    let free = page::free_bytes(mtr.page(h));
    mtr.finish();
    advice(core.space.note_fill(core, rec.rel, rec.rid.block, free))
}

fn undo_delete(core: &Core, rec: &UndoRec) -> Op<()> {
    let mut mtr = core.mtr(rec.xid);
    let h = mtr.fix(PageId::new(rec.rel, rec.rid.block))?;
    if is_as_left(&mtr, h, rec.rid.slot, rec)?.is_none() {
        return Ok(());
    }
    let flags = *rec.payload.first().ok_or_else(|| DbError::corrupt("malformed undo of a delete"))?;
    mtr.reserve(48)?;
    mtr.apply(h, page::HEADER, &header_op(rec.rid.slot, rec.prev_ver, rec.prev_undo, flags));
    mtr.finish();
    Ok(())
}

fn undo_update(core: &Core, rec: &UndoRec) -> Op<()> {
    let u = Update::parse(&rec.payload)?;
    let mut mtr = core.mtr(rec.xid);
    let h = mtr.fix(PageId::new(rec.rel, rec.rid.block))?;
    let Some(slot) = is_as_left(&mtr, h, rec.rid.slot, rec)? else { return Ok(()) };
    let words = page::words(rec.prev_ver, rec.prev_undo);
    let home_row = page::row(mtr.page(h), slot)?;
    let lost = || Wait::from(DbError::corrupt(format!("row {:?} of relation {} has lost its body", rec.rid, rec.rel)));
    if slot.state == SlotState::Live {
        if u.moved.is_some() {
            return Err(lost());
        }
        let (code, op) = restore_op(&u, rec.rid.slot, slot, SlotState::Live, words)?;
        mtr.reserve(op.len() + 16)?;
        mtr.apply(h, code, &op);
        mtr.finish();
        return Ok(());
    }
    let to = page::forward_to(home_row)?;
    let b = fix_after(&mut mtr, rec.rid.block, PageId::new(rec.rel, to.block))?;
    let Some(m) = u.moved else {
        // Changed in place in its body.
        let p = mtr.page(b);
        let s = page::slot(p, to.slot)?;
        let body = page::row(p, s)?;
        if s.state != SlotState::Body || page::ver(body) != page::pack_rid(rec.rid) {
            return Err(lost());
        }
        let mut own = [0; 16];
        own.copy_from_slice(&body[..16]);
        let flags = old_flags(&u, body)?;
        let (code, op) = restore_op(&u, to.slot, s, SlotState::Body, own)?;
        mtr.reserve(op.len() + 64)?;
        mtr.apply(b, code, &op);
        mtr.apply(h, page::HEADER, &header_op(rec.rid.slot, rec.prev_ver, rec.prev_undo, flags));
        mtr.finish();
        return Ok(());
    };
    if m.to != to || !is_body(&mtr, b, to, rec.rid, rec.ptr)? {
        return Err(lost());
    }
    let (code, op) = match m.from {
        None => restore_op(&u, rec.rid.slot, slot, SlotState::Live, words)?,
        Some((from, _)) => {
            let mut op = header_op(rec.rid.slot, rec.prev_ver, rec.prev_undo, old_flags(&u, &[])?);
            op.extend_from_slice(&from.to_bytes());
            (page::FORWARD, op)
        }
    };
    mtr.reserve(op.len() + 64)?;
    mtr.apply(b, page::SLOT_FREE, &free_op(Scn(0), &[to.slot]));
    mtr.apply(h, code, &op);
    let free = page::free_bytes(mtr.page(b));
    mtr.finish();
    advice(core.space.note_fill(core, rec.rel, to.block, free))
}

/// Flags of the old version; `body` is the new one, needed where the record is a difference.
fn old_flags(u: &Update<'_>, body: &[u8]) -> Op<u8> {
    let mut old = Vec::new();
    u.old_content(body.get(page::CONTENT..).unwrap_or(&[]), &mut old)?;
    Ok(old.get(2).copied().ok_or_else(|| DbError::corrupt("undo record holds no row"))?)
}

/// The redo operation that brings the old content back in place, keeping the allocation.
fn restore_op(u: &Update<'_>, slot: u16, s: page::Slot, state: SlotState, words: [u8; 16]) -> Op<(u8, Vec<u8>)> {
    let mut op = slot.to_le_bytes().to_vec();
    let alloc = (s.alloc as u16).to_le_bytes();
    if let Some(image) = u.image() {
        op.push(state as u8);
        op.extend_from_slice(&alloc);
        op.extend_from_slice(&words);
        op.extend_from_slice(image);
        return Ok((page::UPDATE_FULL, op));
    }
    let (len, splices) = u.splices()?;
    op.extend_from_slice(&(len as u16).to_le_bytes());
    op.extend_from_slice(&alloc);
    op.extend_from_slice(&words);
    op.extend_from_slice(splices);
    Ok((page::UPDATE_DELTA, op))
}

fn purge_delete(core: &Core, rec: &UndoRec, horizon: Scn) -> Op<()> {
    let mut mtr = core.mtr(Xid::NONE);
    let h = mtr.fix(PageId::new(rec.rel, rec.rid.block))?;
    let p = mtr.page(h);
    if !p.is(PageKind::Heap) {
        return Ok(());
    }
    let s = page::slot(p, rec.rid.slot)?;
    if !matches!(s.state, SlotState::Live | SlotState::Forward) {
        return Ok(());
    }
    let row = page::row(p, s)?;
    if page::flags(row) & flag::DELETED == 0 || page::undo(row) != rec.ptr {
        return Ok(());
    }
    let body = if s.state == SlotState::Forward {
        let to = page::forward_to(row)?;
        let b = fix_after(&mut mtr, rec.rid.block, PageId::new(rec.rel, to.block))?;
        Some((b, to))
    } else {
        None
    };
    mtr.reserve(96)?;
    mtr.apply(h, page::SLOT_FREE, &free_op(horizon, &[rec.rid.slot]));
    if let Some((b, to)) = body {
        mtr.apply(b, page::SLOT_FREE, &free_op(horizon, &[to.slot]));
    }
    let left = [Some((rec.rid.block, h)), body.map(|(b, to)| (to.block, b))]
        .map(|x| x.map(|(block, i)| (block, page::free_bytes(mtr.page(i)))));
    mtr.finish();
    note_fills(core, rec.rel, left)
}

fn note_fills(core: &Core, rel: RelId, left: [Option<(u32, usize)>; 2]) -> Op<()> {
    for (block, free) in left.into_iter().flatten() {
        advice(core.space.note_fill(core, rel, block, free))?;
    }
    Ok(())
}
