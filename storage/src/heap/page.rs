//! The heap page: slots, space, and the redo operations that change them.
//!
//! Slots grow upwards from the body's start (4 bytes: offset u16, allocated length 13 bits, state 3 bits), row bytes
//! downwards from its end. Header word `reserved`: dead bytes among the rows u16, free slots u16.
//!
//! A row's allocated bytes may exceed its length: they are kept until its writer has committed, so that rollback finds
//! room for the old image. Every operation names the allocation it wants, and compaction happens inside it and
//! depends on nothing but the page, so redo makes the same page. Every operation clears `vis_scn`.
//!
//! A BODY slot holds a row that outgrew its home: `home rid u64, undo pointer of the move u64`, then the row from
//! byte 16 on. The home slot is then FORWARD: row header with the body's address behind it.

use crate::mtr::redo::code;
use crate::page::{BODY, BODY_END, Page, PageKind};
use crate::undo::UndoPtr;
use rustydb_base::{DbError, Result, Rid};

/// Bytes of a slot.
pub(crate) const SLOT: usize = 4;
/// Bytes of a row's header.
pub const ROW_HEADER: usize = 20;
/// Where a row's own content starts: behind `ver` and `undo`.
pub(crate) const CONTENT: usize = 16;
/// Least allocation: a header and a forward pointer.
pub(crate) const MIN_ALLOC: usize = ROW_HEADER + Rid::LEN;
/// Longest row, header included: its full image must fit an undo record.
pub const MAX_ROW: usize = 8000;

/// Row flags (byte 18).
pub mod flag {
    /// The row is deleted in this version.
    pub const DELETED: u8 = 1;
    /// Some value is kept in the overflow file.
    pub const HAS_OVF: u8 = 2;
    /// Some value is NULL, so there is a null bitmap.
    pub const NULLS: u8 = 4;
    /// The writer deleted the row or changed a column a foreign key can refer to.
    pub const KEY_CHANGED: u8 = 8;
    /// The row was deleted here because its new version lies in another table (a partitioned table's row whose key changed).
    pub const MOVED: u8 = 16;
}

/// State of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SlotState {
    /// Unused.
    Free = 0,
    /// A row.
    Live = 1,
    /// A row whose content is in a BODY elsewhere.
    Forward = 2,
    /// Content of a row whose home is elsewhere.
    Body = 3,
}

/// A slot taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub(crate) off: usize,
    pub(crate) alloc: usize,
    pub(crate) state: SlotState,
}

/// Inserts rows; payload: (slot u16, state u8, len u16, row)….
pub(crate) const INSERT_N: u8 = code::HEAP;
/// Replaces a row; payload: slot u16, state u8, alloc u16, ver u64, undo u64, content.
pub(crate) const UPDATE_FULL: u8 = code::HEAP + 1;
/// Changes a row; payload: slot u16, old content length u16, alloc u16, ver u64, undo u64, splices of the content.
pub(crate) const UPDATE_DELTA: u8 = code::HEAP + 2;
/// Sets a row's header (delete, its undoing, versions of forwarded rows); payload: slot u16, ver u64, undo u64, flags u8.
pub(crate) const HEADER: u8 = code::HEAP + 3;
/// Frees slots; payload: horizon SCN u64 (0: a rollback), slot u16….
pub(crate) const SLOT_FREE: u8 = code::HEAP + 4;
/// Makes a slot a FORWARD; payload: slot u16, ver u64, undo u64, flags u8, body rid 6.
pub(crate) const FORWARD: u8 = code::HEAP + 5;

/// Cuts the home of a moved row down to its forward pointer; payload: slot u16.
pub(crate) const SHRINK: u8 = code::HEAP + 6;

fn frag(page: &Page) -> usize {
    usize::from(page.reserved() as u16)
}

pub(crate) fn free_slots(page: &Page) -> usize {
    usize::from((page.reserved() >> 16) as u16)
}

fn set_space(page: &mut Page, frag: usize, free_slots: usize) {
    page.set_reserved(frag as u64 | ((free_slots as u64) << 16));
}

/// Bytes between the slots and the rows: what no row has used yet.
pub(crate) fn unused_bytes(page: &Page) -> usize {
    usize::from(page.free_hi()).saturating_sub(usize::from(page.free_lo()))
}

/// Free bytes of the page, holes included.
pub(crate) fn free_bytes(page: &Page) -> usize {
    unused_bytes(page) + frag(page)
}

/// Slot `i`; slots beyond the last are free.
pub(crate) fn slot(page: &Page, i: u16) -> Result<Slot> {
    if i >= page.nslots() {
        return Ok(Slot { off: 0, alloc: 0, state: SlotState::Free });
    }
    let at = BODY + usize::from(i) * SLOT;
    let (off, w) = (page.u16_at(at)?, page.u16_at(at + 2)?);
    let state = match w & 7 {
        0 => SlotState::Free,
        1 => SlotState::Live,
        2 => SlotState::Forward,
        3 => SlotState::Body,
        _ => return Err(DbError::corrupt(format!("heap page {:?}: slot {i} has an unknown state", page.id()))),
    };
    Ok(Slot { off: usize::from(off), alloc: usize::from(w >> 3), state })
}

fn set_slot(page: &mut Page, i: u16, s: Slot) -> Result<()> {
    let at = BODY + usize::from(i) * SLOT;
    page.put(at, &(s.off as u16).to_le_bytes())?;
    page.put(at + 2, &(((s.alloc as u16) << 3) | s.state as u16).to_le_bytes())
}

/// Bytes allocated to a slot.
pub(crate) fn row(page: &Page, s: Slot) -> Result<&[u8]> {
    if s.alloc < MIN_ALLOC {
        return Err(DbError::corrupt(format!("heap page {:?}: row of {} bytes", page.id(), s.alloc)));
    }
    page.bytes(s.off, s.alloc)
}

/// The first free slot at or after `from`, given that the slots before it are taken or chosen already.
pub(crate) fn next_free_slot(page: &Page, from: u16) -> Result<u16> {
    let n = page.nslots();
    if free_slots(page) > 0 {
        for i in from..n {
            if slot(page, i)?.state == SlotState::Free {
                return Ok(i);
            }
        }
    }
    Ok(n.max(from))
}

/// Moves all rows to the end of the body, in slot order, so that the free space is one piece.
fn compact(page: &mut Page) -> Result<()> {
    let old = Page(page.0);
    let mut hi = BODY_END;
    for i in 0..old.nslots() {
        let s = slot(&old, i)?;
        if s.state == SlotState::Free {
            continue;
        }
        let bytes = old.bytes(s.off, s.alloc)?;
        hi = hi.checked_sub(s.alloc).filter(|h| *h >= usize::from(old.free_lo())).ok_or_else(|| full(page))?;
        page.put(hi, bytes)?;
        set_slot(page, i, Slot { off: hi, ..s })?;
    }
    page.set_free_hi(hi as u16);
    set_space(page, 0, free_slots(&old));
    Ok(())
}

fn full(page: &Page) -> DbError {
    DbError::corrupt(format!("heap page {:?}: an operation needs more room than there is", page.id()))
}

/// Takes `n` bytes from the free space.
fn take(page: &mut Page, n: usize) -> Result<usize> {
    if usize::from(page.free_hi()) < usize::from(page.free_lo()) + n {
        compact(page)?;
    }
    let hi = usize::from(page.free_hi())
        .checked_sub(n)
        .filter(|h| *h >= usize::from(page.free_lo()))
        .ok_or_else(|| full(page))?;
    page.set_free_hi(hi as u16);
    Ok(hi)
}

fn give_back(page: &mut Page, off: usize, n: usize) {
    if off == usize::from(page.free_hi()) {
        page.set_free_hi((off + n) as u16);
    } else {
        set_space(page, frag(page) + n, free_slots(page));
    }
}

/// Sets a slot's allocation (its bytes are then undefined where they are not the old ones) and state.
fn resize(page: &mut Page, i: u16, old: Slot, alloc: usize, state: SlotState) -> Result<Slot> {
    let mut s = Slot { state, ..old };
    if alloc > old.alloc {
        set_slot(page, i, Slot { off: 0, alloc: 0, state: SlotState::Free })?;
        give_back(page, old.off, old.alloc);
        s.off = take(page, alloc)?;
        s.alloc = alloc;
    } else if alloc < old.alloc {
        set_space(page, frag(page) + old.alloc - alloc, free_slots(page));
        s.alloc = alloc;
    }
    set_slot(page, i, s)?;
    Ok(s)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (a, rest) = self.0.split_first_chunk::<N>().ok_or_else(bad)?;
        self.0 = rest;
        Ok(*a)
    }
    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.take()?))
    }
    fn u8(&mut self) -> Result<u8> {
        Ok(self.take::<1>()?[0])
    }
    fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (a, rest) = self.0.split_at_checked(n).ok_or_else(bad)?;
        self.0 = rest;
        Ok(a)
    }
}

fn bad() -> DbError {
    DbError::corrupt("malformed heap operation")
}

fn used_slot(page: &Page, i: u16) -> Result<Slot> {
    let s = slot(page, i)?;
    if s.state == SlotState::Free || s.alloc < MIN_ALLOC {
        return Err(bad());
    }
    Ok(s)
}

/// Runs an operation of this module's range.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    page.expect_kind(PageKind::Heap)?;
    page.set_vis_scn(0);
    let mut r = Reader(payload);
    match code {
        INSERT_N => {
            while !r.0.is_empty() {
                let (i, state, len) = (r.u16()?, r.u8()?, usize::from(r.u16()?));
                insert(page, i, state, r.bytes(len)?)?;
            }
        }
        UPDATE_FULL => {
            let (i, state, alloc) = (r.u16()?, r.u8()?, usize::from(r.u16()?));
            let state = match state {
                1 => SlotState::Live,
                3 => SlotState::Body,
                _ => return Err(bad()),
            };
            let words = r.take::<16>()?;
            let s = used_slot(page, i)?;
            if alloc < MIN_ALLOC || alloc < CONTENT + r.0.len() {
                return Err(bad());
            }
            let s = resize(page, i, s, alloc, state)?;
            write_row(page, s, words, r.0)?;
        }
        UPDATE_DELTA => {
            let (i, old_len, alloc) = (r.u16()?, usize::from(r.u16()?), usize::from(r.u16()?));
            let words = r.take::<16>()?;
            let s = used_slot(page, i)?;
            let content = CONTENT..CONTENT + old_len;
            if alloc == s.alloc
                && let Some(old) = page.bytes_mut(s.off, s.alloc)?.get_mut(content.clone())
                && super::delta::patch_in_place(old, r.0)?
            {
                // The row keeps its place and its length.
                page.put(s.off, &words)?;
                page.bytes_mut(s.off + content.end, s.alloc - content.end)?.fill(0);
                return Ok(());
            }
            let mut content = Vec::with_capacity(alloc);
            super::delta::patch(page.bytes(s.off + CONTENT, old_len)?, r.0, &mut content)?;
            if alloc < MIN_ALLOC || alloc < CONTENT + content.len() || CONTENT + old_len > s.alloc {
                return Err(bad());
            }
            let s = resize(page, i, s, alloc, s.state)?;
            write_row(page, s, words, &content)?;
        }
        HEADER => {
            let i = r.u16()?;
            let (words, flags) = (r.take::<16>()?, r.u8()?);
            let s = used_slot(page, i)?;
            page.put(s.off, &words)?;
            page.put(s.off + 18, &[flags])?;
        }
        SLOT_FREE => {
            r.take::<8>()?;
            while !r.0.is_empty() {
                let i = r.u16()?;
                let s = used_slot(page, i)?;
                set_slot(page, i, Slot { off: 0, alloc: 0, state: SlotState::Free })?;
                give_back(page, s.off, s.alloc);
                set_space(page, frag(page), free_slots(page) + 1);
            }
            if free_slots(page) == usize::from(page.nslots()) {
                page.set_nslots(0);
                page.set_free_lo(BODY as u16);
                page.set_free_hi(BODY_END as u16);
                set_space(page, 0, 0);
            }
        }
        FORWARD => {
            let i = r.u16()?;
            let (words, flags, to) = (r.take::<16>()?, r.u8()?, r.take::<6>()?);
            let s = used_slot(page, i)?;
            set_slot(page, i, Slot { state: SlotState::Forward, ..s })?;
            page.put(s.off, &words)?;
            page.put(s.off + 18, &[flags])?;
            page.put(s.off + ROW_HEADER, &to)?;
        }
        SHRINK => {
            let i = r.u16()?;
            let s = used_slot(page, i)?;
            if s.state != SlotState::Forward {
                return Err(bad());
            }
            resize(page, i, s, MIN_ALLOC, s.state)?;
        }
        _ => return Err(bad()),
    }
    Ok(())
}

fn insert(page: &mut Page, i: u16, state: u8, bytes: &[u8]) -> Result<()> {
    let state = match state {
        1 => SlotState::Live,
        3 => SlotState::Body,
        _ => return Err(bad()),
    };
    if i > page.nslots() || slot(page, i)?.state != SlotState::Free || bytes.len() < ROW_HEADER {
        return Err(bad());
    }
    let alloc = bytes.len().max(MIN_ALLOC);
    if i == page.nslots() {
        if free_bytes(page) < SLOT + alloc {
            return Err(full(page));
        }
        if usize::from(page.free_hi()) < usize::from(page.free_lo()) + SLOT {
            compact(page)?;
        }
        page.set_nslots(i + 1);
        page.set_free_lo((BODY + usize::from(i + 1) * SLOT) as u16);
        set_slot(page, i, Slot { off: 0, alloc: 0, state: SlotState::Free })?;
    } else {
        set_space(page, frag(page), free_slots(page).saturating_sub(1));
    }
    let off = take(page, alloc)?;
    set_slot(page, i, Slot { off, alloc, state })?;
    page.put(off, bytes)?;
    page.bytes_mut(off + bytes.len(), alloc - bytes.len())?.fill(0);
    Ok(())
}

fn write_row(page: &mut Page, s: Slot, words: [u8; 16], content: &[u8]) -> Result<()> {
    page.put(s.off, &words)?;
    page.put(s.off + CONTENT, content)?;
    let end = CONTENT + content.len();
    page.bytes_mut(s.off + end, s.alloc - end)?.fill(0);
    Ok(())
}

/// The row words `ver, undo` as bytes.
pub fn words(ver: u64, undo: UndoPtr) -> [u8; 16] {
    let mut w = [0; 16];
    w[..8].copy_from_slice(&ver.to_le_bytes());
    w[8..].copy_from_slice(&undo.0.to_le_bytes());
    w
}

/// A rid as the first word of a BODY.
pub(crate) fn pack_rid(rid: Rid) -> u64 {
    (u64::from(rid.block) << 16) | u64::from(rid.slot)
}

/// First word of a row: its `ver`.
pub fn ver(row: &[u8]) -> u64 {
    word(row, 0)
}

/// Second word of a row: its undo pointer.
pub fn undo(row: &[u8]) -> UndoPtr {
    UndoPtr(word(row, 8))
}

fn word(row: &[u8], at: usize) -> u64 {
    row.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Flags of a row.
pub fn flags(row: &[u8]) -> u8 {
    row.get(18).copied().unwrap_or(0)
}

/// Where a FORWARD row's body is.
pub(crate) fn forward_to(row: &[u8]) -> Result<Rid> {
    row.get(ROW_HEADER..).and_then(Rid::from_bytes).ok_or_else(|| DbError::corrupt("forwarded row without address"))
}
