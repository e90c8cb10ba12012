//! Insert, update and delete: each one mini-transaction, restartable.
//!
//! The transaction has its number and undo stream. Nothing has happened when an operation answers a
//! [`Wait`](crate::wait::Wait); after `Ok` the change is there and `txn.last_undo` names its record.

use super::history::{Move, chain, insert_payload, update_payload};
use super::page::{self, CONTENT, MAX_ROW, MIN_ALLOC, ROW_HEADER, SLOT, Slot, SlotState, flag};
use super::version::{key_kept, peek};
use super::{Rel, TableLayout, delta};
use crate::buf::Access;
use crate::core::{Core, RowLockMode};
use crate::mtr::{Mtr, PageIdx};
use crate::page::{Page, PageKind};
use crate::space::Seat;
use crate::txn::{Snapshot, TxnCx, TxnState, VER_XID};
use crate::undo::{UndoFlags, UndoHead, UndoPtr, UndoType};
use crate::wait::{Op, TxnWait, Wait};
use rustydb_base::{BlockNo, DbError, PageId, Rid, Scn, Xid};

/// What became of an update or delete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TmResult {
    /// Done.
    Ok,
    /// The same command of the same transaction changed the row already.
    SelfModified,
    /// A transaction that the snapshot does not see has changed the row. Its newest version is at the same address:
    /// READ COMMITTED reads it with a new snapshot, checks the condition again and repeats; REPEATABLE READ fails.
    Updated,
    /// The row is gone.
    Deleted,
    /// Another transaction holds the row: wait for it, then try again.
    BeingModified(TxnWait),
}

/// Fixes a page after one of block `first` of the same relation: blocking only in latch order.
pub(super) fn fix_after(mtr: &mut Mtr<'_>, first: BlockNo, pid: PageId) -> Op<PageIdx> {
    if pid.block >= first { mtr.fix(pid) } else { mtr.try_fix(pid) }
}

/// Passes on what makes an operation fail; a wait for the sake of mere advice is not worth it.
pub(super) fn advice(r: Op<()>) -> Op<()> {
    match r {
        Err(Wait::Fail(e)) => Err(Wait::Fail(e)),
        _ => Ok(()),
    }
}

fn check_row(row: &[u8]) -> Op<()> {
    if row.len() < ROW_HEADER || row.len() > MAX_ROW {
        return Err(DbError::internal(format!("row of {} bytes", row.len())).into());
    }
    Ok(())
}

fn own_ver(xid: Xid) -> u64 {
    VER_XID | xid.0
}

/// Inserts a row (made by [`super::RowLayout::encode`]). `last`: no index entry of this row operation follows.
pub fn insert(core: &Core, txn: &mut TxnCx, rel: Rel, row: &[u8], last: bool) -> Op<Rid> {
    let mut rids = Vec::with_capacity(1);
    insert_many(core, txn, rel, &[row], last, &mut rids)?;
    rids.pop().ok_or_else(|| DbError::internal("insert answered no address").into())
}

/// Inserts as many of the rows (at least one) as go on one page, in one mini-transaction with one undo record, and
/// appends their addresses to `rids`. The caller repeats with the rest. `last`: no index entries follow.
pub fn insert_many<R: AsRef<[u8]>>(
    core: &Core,
    txn: &mut TxnCx,
    rel: Rel,
    rows: &[R],
    last: bool,
    rids: &mut Vec<Rid>,
) -> Op<usize> {
    let Some(first) = rows.first() else { return Ok(0) };
    let need = first.as_ref().len().max(MIN_ALLOC) + SLOT;
    for r in rows {
        check_row(r.as_ref())?;
    }
    let mut seat = Seat::SHARED;
    let mut block = core.space.page_for_insert(core, rel.id, seat, need)?;
    loop {
        let mut mtr = core.mtr(txn.xid);
        let pid = PageId::new(rel.id, block);
        let h = if seat == Seat::SHARED {
            match mtr.try_fix(pid) {
                Err(Wait::Restart) => {
                    drop(mtr);
                    seat = Seat::own();
                    block = core.space.page_for_insert(core, rel.id, seat, need)?;
                    continue;
                }
                h => h?,
            }
        } else {
            mtr.fix(pid)?
        };
        let p = mtr.page(h);
        let mut free = if p.is(PageKind::Heap) { page::free_bytes(p) } else { 0 };
        if free < need {
            drop(mtr);
            block = core.space.not_enough(core, rel.id, seat, block, free, need)?;
            continue;
        }
        if txn.ssi.is_some() {
            core.ssi.wrote_relation(txn.ssi, rel.id)?;
        }
        let (mut slots, mut bytes, mut from) = (Vec::new(), 0, 0);
        let mut unused = page::unused_bytes(p);
        for r in rows {
            let n = r.as_ref().len().max(MIN_ALLOC) + SLOT;
            if n > free {
                break;
            }
            free -= n;
            bytes += r.as_ref().len() + 5;
            // Slots are used again when the page has been filled once: until then rows stand in the order they came.
            let slot = if n <= unused { p.nslots().max(from) } else { page::next_free_slot(p, from)? };
            unused = unused.saturating_sub(n);
            slots.push(slot);
            from = slot + 1;
        }
        let payload = insert_payload(&slots);
        let undo = core.undo.prepare(&mut mtr, txn, rel.id, payload.len())?;
        mtr.reserve(bytes + undo.log_bytes() + 32)?;
        let mut op = Vec::with_capacity(bytes);
        let words = page::words(own_ver(txn.xid), undo.ptr());
        for (slot, r) in slots.iter().zip(rows) {
            let r = r.as_ref();
            op.extend_from_slice(&slot.to_le_bytes());
            op.push(SlotState::Live as u8);
            op.extend_from_slice(&(r.len() as u16).to_le_bytes());
            op.extend_from_slice(&words);
            op.extend_from_slice(&r[CONTENT..]);
        }
        mtr.apply(h, page::INSERT_N, &op);
        let rid = |slot: &u16| Rid { block, slot: *slot };
        let head = UndoHead {
            flags: UndoFlags::last(last),
            ..UndoHead::plain(UndoType::Insert, rel.id, slots.first().map(rid).unwrap_or_default())
        };
        core.undo.apply(&mut mtr, &undo, txn, &head, &payload);
        mtr.finish();
        rids.extend(slots.iter().map(rid));
        return Ok(slots.len());
    }
}

/// Whether the transaction may change the version it finds; and when that version committed, if a transaction number
/// had to be resolved for it.
fn may_change(core: &Core, txn: &mut TxnCx, snap: &Snapshot, row: &[u8], at: TxnWait) -> Op<(TmResult, Option<Scn>)> {
    let (ver, deleted) = (page::ver(row), page::flags(row) & flag::DELETED != 0);
    let committed = if ver & VER_XID == 0 {
        Scn(ver)
    } else if ver == own_ver(txn.xid) {
        let rec = core.undo.read(page::undo(row), &core.pool)?;
        let r = match (rec.cid >= snap.cid, deleted) {
            (true, _) => TmResult::SelfModified,
            (false, true) => TmResult::Deleted,
            (false, false) => TmResult::Ok,
        };
        return Ok((r, None));
    } else {
        let xid = Xid(ver & !VER_XID);
        match core.txns.resolve(xid, &mut txn.dep_lsn)? {
            TxnState::Committed(scn) => scn,
            TxnState::CommittedForAll => Scn(0),
            TxnState::Running | TxnState::Prepared | TxnState::Aborted => {
                return Ok((TmResult::BeingModified(TxnWait { xid, ..at }), None));
            }
        }
    };
    let r = match (deleted, committed > snap.scn) {
        (true, _) => TmResult::Deleted,
        (false, true) => TmResult::Updated,
        (false, false) => TmResult::Ok,
    };
    Ok((r, Some(committed)))
}

/// Whether the transaction may change the version it finds, with the row's page fixed, what others have locked and what
/// serializable transactions must learn considered; and when that version committed, if a transaction number had to be
/// resolved for it.
pub(crate) fn changeable(
    core: &Core,
    txn: &mut TxnCx,
    snap: &Snapshot,
    rel: Rel,
    rid: Rid,
    row: &[u8],
    mode: RowLockMode,
) -> Op<Result<Option<Scn>, TmResult>> {
    let at = TxnWait { xid: Xid::NONE, page: PageId::new(rel.id, rid.block), slot: rid.slot };
    let (res, committed) = may_change(core, txn, snap, row, at)?;
    if res != TmResult::Ok {
        return Ok(Err(res));
    }
    if core.locks.any(rel.id)
        && let Some(wait) = core.locks.conflict(rel.id, rid, mode, txn.xid)
    {
        return Err(wait);
    }
    if txn.ssi.is_some() {
        core.ssi.wrote_row(txn.ssi, rel.id, rid, committed)?;
    }
    Ok(Ok(committed))
}

/// A row fixed for a change.
struct Target<'c> {
    mtr: Mtr<'c>,
    home: PageIdx,
    slot: Slot,
    ver: u64,
    undo: UndoPtr,
    flags: u8,
    committed: Option<Scn>,
}

/// Fixes the row's home page and checks that the transaction may change the row.
fn fix_row<'c>(
    core: &'c Core,
    txn: &mut TxnCx,
    snap: &Snapshot,
    rel: Rel,
    rid: Rid,
    mode: RowLockMode,
) -> Op<Result<Target<'c>, TmResult>> {
    let mut mtr = core.mtr(txn.xid);
    let pid = PageId::new(rel.id, rid.block);
    let home = mtr.fix(pid)?;
    let p = mtr.page(home);
    p.expect_kind(PageKind::Heap)?;
    let slot = page::slot(p, rid.slot)?;
    if matches!(slot.state, SlotState::Free | SlotState::Body) {
        return Ok(Err(TmResult::Deleted));
    }
    let row = page::row(p, slot)?;
    let committed = match changeable(core, txn, snap, rel, rid, row, mode)? {
        Ok(c) => c,
        Err(r) => return Ok(Err(r)),
    };
    let (ver, undo, flags) = (page::ver(row), page::undo(row), page::flags(row));
    Ok(Ok(Target { mtr, home, slot, ver, undo, flags, committed }))
}

/// Marks a row deleted; it stays where it is until purge. `last`: no index entry of this row operation follows.
pub fn delete(
    core: &Core,
    txn: &mut TxnCx,
    snap: &Snapshot,
    rel: Rel,
    rid: Rid,
    moved: bool,
    last: bool,
) -> Op<TmResult> {
    let mut t = match fix_row(core, txn, snap, rel, rid, RowLockMode::Update)? {
        Ok(t) => t,
        Err(r) => return Ok(r),
    };
    let c = chain(core, t.ver, t.undo, t.committed)?;
    let undo = core.undo.prepare(&mut t.mtr, txn, rel.id, 1)?;
    t.mtr.reserve(32 + undo.log_bytes())?;
    let flags = t.flags | flag::DELETED | flag::KEY_CHANGED | if moved { flag::MOVED } else { 0 };
    t.mtr.apply(t.home, page::HEADER, &header_op(rid.slot, own_ver(txn.xid), undo.ptr(), flags));
    let head = UndoHead {
        kind: UndoType::Delete,
        flags: UndoFlags::last(last),
        rel: rel.id,
        rid,
        depth: c.depth,
        prev_ver: t.ver,
        prev_undo: c.prev_undo,
    };
    core.undo.apply(&mut t.mtr, &undo, txn, &head, &[t.flags]);
    t.mtr.finish();
    Ok(TmResult::Ok)
}

/// Checks that the transaction may lock the row in a mode (FOR KEY SHARE … FOR UPDATE) and, if so, calls `register`
/// with the row's page latched, so that no writer slips in before the lock is in the lock table. Changes nothing. The row
/// is one the snapshot sees; KEY SHARE waits only for writers that delete the row or change its key.
pub fn lock(
    core: &Core,
    txn: &mut TxnCx,
    snap: &Snapshot,
    rel: Rel,
    rid: Rid,
    mode: RowLockMode,
    register: impl FnOnce() -> Op<()>,
) -> Op<TmResult> {
    if rel.method.is_outside() {
        return lock_outside(core, txn, snap, rel, rid, mode, register);
    }
    let pid = PageId::new(rel.id, rid.block);
    let at = TxnWait { xid: Xid::NONE, page: pid, slot: rid.slot };
    // What is to be said of the row's newest version, and its `ver` word.
    let judge = |p: &Page, txn: &mut TxnCx| -> Op<(TmResult, u64)> {
        p.expect_kind(PageKind::Heap)?;
        let slot = page::slot(p, rid.slot)?;
        if matches!(slot.state, SlotState::Free | SlotState::Body) {
            return Ok((TmResult::Deleted, 0));
        }
        let row = page::row(p, slot)?;
        let res = for_lock(may_change(core, txn, snap, row, at)?.0, page::flags(row), mode);
        Ok((res, page::ver(row)))
    };
    let mut p = core.pool.read(pid, Access::Point)?;
    let (mut res, _) = judge(&p, txn)?;
    if res == TmResult::Updated && mode == RowLockMode::KeyShare {
        drop(p);
        let kept = key_kept(core, snap, &mut txn.dep_lsn, rel, rid)?;
        p = core.pool.read(pid, Access::Point)?;
        let (again, ver) = judge(&p, txn)?;
        res = match kept {
            Some(newest) if again == TmResult::Updated && newest == ver => TmResult::Ok,
            Some(_) if again == TmResult::Updated => return Err(Wait::Restart),
            _ => again,
        };
    }
    if res == TmResult::Ok {
        register()?;
    }
    drop(p);
    Ok(res)
}

/// What a row's lock meets where a change of it would meet `verdict`.
fn for_lock(verdict: TmResult, flags: u8, mode: RowLockMode) -> TmResult {
    match verdict {
        TmResult::BeingModified(_) if mode == RowLockMode::KeyShare && flags & flag::KEY_CHANGED == 0 => TmResult::Ok,
        // Locking what this command has changed is no conflict.
        TmResult::SelfModified if flags & flag::DELETED == 0 => TmResult::Ok,
        r => r,
    }
}

/// [`lock`] of a row whose page only its method knows: what a writer has changed before the lock was there to be seen shows
/// when the row is looked at once more behind it.
fn lock_outside(
    core: &Core,
    txn: &mut TxnCx,
    snap: &Snapshot,
    rel: Rel,
    rid: Rid,
    mode: RowLockMode,
    register: impl FnOnce() -> Op<()>,
) -> Op<TmResult> {
    let at = TxnWait { xid: Xid::NONE, page: PageId::new(rel.id, rid.block), slot: rid.slot };
    let (mut image, mut again) = (Vec::new(), Vec::new());
    if !peek(core, rel, rid, &mut image)? {
        return Ok(TmResult::Deleted);
    }
    let res = for_lock(may_change(core, txn, snap, &image, at)?.0, page::flags(&image), mode);
    if res == TmResult::Ok {
        register()?;
        if !peek(core, rel, rid, &mut again)? || again.get(..CONTENT) != image.get(..CONTENT) {
            return Err(Wait::Restart);
        }
    }
    Ok(res)
}

pub(super) fn header_op(slot: u16, ver: u64, undo: UndoPtr, flags: u8) -> Vec<u8> {
    let mut op = Vec::with_capacity(19);
    op.extend_from_slice(&slot.to_le_bytes());
    op.extend_from_slice(&page::words(ver, undo));
    op.push(flags);
    op
}

/// Replaces a row by another image (made by [`super::RowLayout::encode`]). `layout` tells the old image's length;
/// `key_changed`: a column that a foreign key can refer to changes. `last`: no index entry follows.
#[allow(clippy::too_many_arguments, reason = "a row operation is told all of this by its statement")]
pub fn update(
    core: &Core,
    txn: &mut TxnCx,
    snap: &Snapshot,
    rel: Rel,
    layout: &TableLayout,
    rid: Rid,
    new: &[u8],
    key_changed: bool,
    last: bool,
) -> Op<TmResult> {
    check_row(new)?;
    let mode = if key_changed { RowLockMode::Update } else { RowLockMode::NoKeyUpdate };
    let mut t = match fix_row(core, txn, snap, rel, rid, mode)? {
        Ok(t) => t,
        Err(r) => return Ok(r),
    };
    // Where the content is, and the old content.
    let mut old = page::row(t.mtr.page(t.home), t.slot)?.to_vec();
    let mut content = Place { page: t.home, slot: t.slot, rid, words: [0; 16] };
    if t.slot.state == SlotState::Forward {
        let to = page::forward_to(&old)?;
        let b = fix_after(&mut t.mtr, rid.block, PageId::new(rel.id, to.block))?;
        let p = t.mtr.page(b);
        p.expect_kind(PageKind::Heap)?;
        let s = page::slot(p, to.slot)?;
        let body = page::row(p, s)?;
        if s.state != SlotState::Body || page::ver(body) != page::pack_rid(rid) {
            return Err(DbError::corrupt(format!("row {rid:?} of relation {} has lost its body", rel.id)).into());
        }
        let home = std::mem::replace(&mut old, body.to_vec());
        let mut words = [0; 16];
        words.copy_from_slice(&old[..16]);
        content = Place { page: b, slot: s, rid: to, words };
        super::version::compose(&home, &mut old);
    }
    let old_len = layout.row_len(&old)?;
    old.truncate(old_len);
    let mut row = new.to_vec();
    row[18] = (row[18] & !(flag::DELETED | flag::KEY_CHANGED)) | if key_changed { flag::KEY_CHANGED } else { 0 };

    // The old image must fit again if we roll back. If we have changed the row before, so must the images before that.
    let keep = if t.ver == own_ver(txn.xid) { content.slot.alloc } else { old_len };
    let alloc = row.len().max(keep).max(MIN_ALLOC);
    let grows = alloc.saturating_sub(content.slot.alloc);
    let body = if grows <= page::free_bytes(t.mtr.page(content.page)) {
        None
    } else {
        Some(place_body(core, &mut t.mtr, rel, rid, content.rid, row.len())?)
    };
    let c = chain(core, t.ver, t.undo, t.committed)?;
    let moved = body.map(|(_, to)| Move {
        to,
        from: (content.rid != rid || t.slot.state == SlotState::Forward)
            .then(|| (content.rid, page::undo(&content.words))),
    });
    let (old_c, new_c) = (&old[CONTENT..], &row[CONTENT..]);
    let mut payload = Vec::new();
    update_payload(c, moved, old_c, new_c, &mut payload);
    let undo = core.undo.prepare(&mut t.mtr, txn, rel.id, payload.len())?;
    let change = change_op(&content, old_c, new_c, alloc);
    t.mtr.reserve(undo.log_bytes() + change.1.len() + row.len() + 96)?;

    // Apply: nothing fails from here.
    let ver = own_ver(txn.xid);
    match body {
        Some((b, to)) => {
            let mut op = Vec::with_capacity(row.len() + 5);
            op.extend_from_slice(&to.slot.to_le_bytes());
            op.push(SlotState::Body as u8);
            op.extend_from_slice(&(row.len() as u16).to_le_bytes());
            op.extend_from_slice(&page::words(page::pack_rid(rid), undo.ptr()));
            op.extend_from_slice(new_c);
            t.mtr.apply(b, page::INSERT_N, &op);
            let mut op = header_op(rid.slot, ver, undo.ptr(), row[18]);
            op.extend_from_slice(&to.to_bytes());
            t.mtr.apply(t.home, page::FORWARD, &op);
        }
        None => {
            let (code, mut op, words_at) = change;
            if t.slot.state == SlotState::Forward {
                t.mtr.apply(content.page, code, &op);
                t.mtr.apply(t.home, page::HEADER, &header_op(rid.slot, ver, undo.ptr(), row[18]));
            } else {
                op[words_at..words_at + 16].copy_from_slice(&page::words(ver, undo.ptr()));
                t.mtr.apply(t.home, code, &op);
            }
        }
    }
    let head = UndoHead {
        kind: UndoType::Update,
        flags: UndoFlags::last(last),
        rel: rel.id,
        rid,
        depth: c.depth,
        prev_ver: t.ver,
        prev_undo: c.prev_undo,
    };
    core.undo.apply(&mut t.mtr, &undo, txn, &head, &payload);
    t.mtr.finish();
    Ok(TmResult::Ok)
}

/// Where a row's content is, with the two words in front of it.
struct Place {
    page: PageIdx,
    slot: Slot,
    rid: Rid,
    words: [u8; 16],
}

/// The shorter redo operation that changes the content in place: code, payload with the place's own words, and where in
/// it these are.
fn change_op(at: &Place, old: &[u8], new: &[u8], alloc: usize) -> (u8, Vec<u8>, usize) {
    let mut op = Vec::with_capacity(64);
    op.extend_from_slice(&at.rid.slot.to_le_bytes());
    op.extend_from_slice(&(old.len() as u16).to_le_bytes());
    op.extend_from_slice(&(alloc as u16).to_le_bytes());
    op.extend_from_slice(&at.words);
    delta::diff(old, new, &mut op);
    if op.len() < new.len() + 21 {
        return (page::UPDATE_DELTA, op, 6);
    }
    op.clear();
    op.extend_from_slice(&at.rid.slot.to_le_bytes());
    op.push(if at.slot.state == SlotState::Body { SlotState::Body } else { SlotState::Live } as u8);
    op.extend_from_slice(&(alloc as u16).to_le_bytes());
    op.extend_from_slice(&at.words);
    op.extend_from_slice(new);
    (page::UPDATE_FULL, op, 5)
}

/// Fixes a page with room for a body of `len` bytes, neither the row's home nor its present body's page.
fn place_body(core: &Core, mtr: &mut Mtr<'_>, rel: Rel, home: Rid, body: Rid, len: usize) -> Op<(PageIdx, Rid)> {
    let need = len.max(MIN_ALLOC) + SLOT;
    let seat = Seat::own();
    let mut block = core.space.page_for_insert(core, rel.id, seat, need)?;
    let latched = home.block.max(body.block);
    // Map pages may be changed while heap pages are latched: they come last in the latch order.
    for _ in 0..64 {
        if block == home.block || block == body.block {
            let p = [home.block, body.block].into_iter().find(|b| *b == block).unwrap_or(home.block);
            let i = mtr.fix(PageId::new(rel.id, p))?;
            let free = page::free_bytes(mtr.page(i));
            if free >= need {
                let slot = page::next_free_slot(mtr.page(i), 0)?;
                return Ok((i, Rid { block, slot }));
            }
            block = core.space.not_enough(core, rel.id, seat, block, free, need)?;
            continue;
        }
        let i = fix_after(mtr, latched, PageId::new(rel.id, block))?;
        let p = mtr.page(i);
        let free = if p.is(PageKind::Heap) { page::free_bytes(p) } else { 0 };
        if free >= need {
            return Ok((i, Rid { block, slot: page::next_free_slot(p, 0)? }));
        }
        mtr.release_last();
        block = core.space.not_enough(core, rel.id, seat, block, free, need)?;
    }
    Err(Wait::Restart)
}
