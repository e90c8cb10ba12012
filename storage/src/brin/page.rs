//! What lies where on the pages of a block range index, and redo.
//!
//! ```text
//! header … | 32 level u8 | 36 next u32
//! root (level 2):      48 pages per range u32, 0 u32 | block of a directory u32 …
//! directory (level 1): 48 0 u64                      | block of a map u32 …
//! map (level 0):       48 0 u64                      | place of a summary: block u32, slot u16 …
//! summaries (level 3): slots (offset u16, length u16) → … free … ← summaries
//! summary: range u32 | 1 if it is still being made, else 0, u8 | since Scn u64 | bytes
//! ```
//! `next` of the root is the youngest page of summaries, which lead from one to the next. A slot of length 0 is free. Every
//! operation leaves summaries without gaps, so what is free is one piece.

use crate::mtr::redo::code;
use crate::page::{BODY, BODY_END, Page, PageKind};
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, PageId, RelId, Result, Scn};

/// Block of the root; block 0 is the file's space map.
pub(super) const ROOT_BLOCK: BlockNo = 1;
/// Level of the root.
pub(super) const ROOT: u8 = 2;
/// Level of a directory.
pub(super) const DIRECTORY: u8 = 1;
/// Level of a map.
pub(super) const MAP: u8 = 0;
/// Level of a page of summaries.
pub(super) const SUMMARIES: u8 = 3;

const ITEMS: usize = BODY + 8;
const BLOCK: usize = 4;
const PLACE: usize = 6;
/// Entries of the root and of a directory.
pub(super) const BLOCKS: u32 = ((BODY_END - ITEMS) / BLOCK) as u32;
/// Entries of a map.
pub(super) const PLACES: u32 = ((BODY_END - ITEMS) / PLACE) as u32;
/// Bytes of a slot.
pub(super) const SLOT: usize = 4;
/// Bytes of a summary before what the keys know.
const HEAD: usize = 13;
/// Longest summary.
pub const MAX_SUMMARY: usize = BODY_END - BODY - SLOT - HEAD;

/// Redo: makes a page empty; payload: level u8, next u32, pages per range u32 (of the root; else 0).
pub(super) const INIT: u8 = code::BRIN;
/// Sets an entry of the root, a directory or a map; payload: position u16, the entry.
pub(super) const POINT: u8 = code::BRIN + 1;
/// Sets a summary; payload: slot u16, the summary. With none the slot becomes free.
pub(super) const SET: u8 = code::BRIN + 2;
/// Sets the next page; payload: block u32.
pub(super) const NEXT: u8 = code::BRIN + 3;

fn bad() -> DbError {
    DbError::corrupt("malformed operation of a block range index")
}

/// Damage of a page.
pub(super) fn broken(p: &Page, what: &str) -> DbError {
    let id = p.id();
    DbError::new(SqlState::INDEX_CORRUPTED, format!("index {} is corrupted: block {}: {what}", id.rel, id.block))
}

/// A page of the index by its block.
pub(super) fn pid(rel: RelId, block: BlockNo) -> PageId {
    PageId::new(rel, block)
}

/// Where the way to a range's summary leads through: positions in the root, the directory and the map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Way {
    pub root: u32,
    pub directory: u32,
    pub map: u32,
}

impl Way {
    /// `None` for a range beyond all blocks that there can be.
    pub(super) fn to(range: u32) -> Option<Way> {
        let (leaf, map) = (range / PLACES, range % PLACES);
        let way = Way { root: leaf / BLOCKS, directory: leaf % BLOCKS, map };
        (way.root < BLOCKS).then_some(way)
    }
}

/// Fails unless a page stands at a level.
pub(super) fn expect(p: &Page, level: u8) -> Result<()> {
    if p.is(PageKind::Brin) && p.level() == level { Ok(()) } else { Err(broken(p, "a page of another kind or level")) }
}

/// Pages per range as the root has it.
pub(super) fn pages_per_range(root: &Page) -> Result<u32> {
    expect(root, ROOT)?;
    match root.u32_at(BODY)? {
        0 => Err(broken(root, "ranges of no pages")),
        n => Ok(n),
    }
}

/// Block at a position of the root or a directory; 0 for none.
pub(super) fn block_at(p: &Page, level: u8, at: u32) -> Result<BlockNo> {
    expect(p, level)?;
    p.u32_at(ITEMS + at as usize * BLOCK)
}

/// A place of a summary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub block: BlockNo,
    pub slot: u16,
}

/// Place at a position of a map, if the range has a summary.
pub(super) fn place_at(p: &Page, at: u32) -> Result<Option<Place>> {
    expect(p, MAP)?;
    let off = ITEMS + at as usize * PLACE;
    let (block, slot) = (p.u32_at(off)?, p.u16_at(off + 4)?);
    Ok((block != 0).then_some(Place { block, slot }))
}

/// A range's summary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Summary<'p> {
    pub range: u32,
    /// It is still being made: nothing may be concluded from it.
    pub begun: bool,
    /// Snapshots from this SCN on may be answered by it.
    pub since: Scn,
    /// What the keys know; nothing if there is no row.
    pub bytes: &'p [u8],
}

impl Summary<'_> {
    pub(super) fn stored(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + self.bytes.len());
        out.extend_from_slice(&self.range.to_le_bytes());
        out.push(u8::from(self.begun));
        out.extend_from_slice(&self.since.0.to_le_bytes());
        out.extend_from_slice(self.bytes);
        out
    }
}

/// A checked view of a page of summaries.
#[derive(Clone, Copy)]
pub(super) struct Slots<'p> {
    page: &'p Page,
    n: usize,
}

impl<'p> Slots<'p> {
    pub(super) fn open(page: &'p Page) -> Result<Slots<'p>> {
        expect(page, SUMMARIES)?;
        let n = usize::from(page.nslots());
        let (lo, hi) = (usize::from(page.free_lo()), usize::from(page.free_hi()));
        if lo != BODY + n * SLOT || lo > hi || hi > BODY_END {
            return Err(broken(page, "no sound page of summaries"));
        }
        Ok(Slots { page, n })
    }

    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// Bytes between slots and summaries.
    pub(super) fn free(&self) -> usize {
        usize::from(self.page.free_hi()) - usize::from(self.page.free_lo())
    }

    fn slot(&self, i: usize) -> Result<(usize, usize)> {
        let at = BODY + i * SLOT;
        let (off, len) = (usize::from(self.page.u16_at(at)?), usize::from(self.page.u16_at(at + 2)?));
        if i >= self.n || (len > 0 && (off < usize::from(self.page.free_hi()) || off + len > BODY_END)) {
            return Err(broken(self.page, "a summary outside of its page"));
        }
        Ok((off, len))
    }

    /// The bytes that a slot has; none if it is free.
    pub(super) fn stored(&self, i: usize) -> Result<&'p [u8]> {
        let (off, len) = self.slot(i)?;
        if len == 0 { Ok(&[]) } else { self.page.bytes(off, len) }
    }

    /// The summary in a slot; `None` if the slot is free or there is no such slot.
    pub(super) fn summary(&self, slot: u16) -> Result<Option<Summary<'p>>> {
        let i = usize::from(slot);
        if i >= self.n {
            return Ok(None);
        }
        let b = self.stored(i)?;
        if b.is_empty() {
            return Ok(None);
        }
        let short = || broken(self.page, "a short summary");
        let (range, rest) = b.split_first_chunk::<4>().ok_or_else(short)?;
        let (begun, rest) = rest.split_first().ok_or_else(short)?;
        let (since, bytes) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        Ok(Some(Summary {
            range: u32::from_le_bytes(*range),
            begun: *begun != 0,
            since: Scn(u64::from_le_bytes(*since)),
            bytes,
        }))
    }

    /// A slot for a summary of so many bytes as stored, if there is room.
    pub(super) fn room(&self, bytes: usize) -> Result<Option<u16>> {
        for i in 0..self.n {
            if self.slot(i)?.1 == 0 {
                return Ok((self.free() >= bytes).then_some(i as u16));
            }
        }
        Ok((self.free() >= bytes + SLOT).then_some(self.n as u16))
    }
}

/// Payload of [`INIT`].
pub(super) fn init_payload(level: u8, next: BlockNo, pages_per_range: u32) -> Vec<u8> {
    let mut out = vec![level];
    out.extend_from_slice(&next.to_le_bytes());
    out.extend_from_slice(&pages_per_range.to_le_bytes());
    out
}

/// Payload of [`POINT`] for the root and directories.
pub(super) fn block_payload(at: u32, block: BlockNo) -> Vec<u8> {
    let mut out = (at as u16).to_le_bytes().to_vec();
    out.extend_from_slice(&block.to_le_bytes());
    out
}

/// Payload of [`POINT`] for maps.
pub(super) fn place_payload(at: u32, place: Option<Place>) -> Vec<u8> {
    let p = place.unwrap_or(Place { block: 0, slot: 0 });
    let mut out = block_payload(at, p.block);
    out.extend_from_slice(&p.slot.to_le_bytes());
    out
}

/// Payload of [`SET`].
pub(super) fn set_payload(slot: u16, stored: &[u8]) -> Vec<u8> {
    let mut out = slot.to_le_bytes().to_vec();
    out.extend_from_slice(stored);
    out
}

/// Takes the bytes of a summary away and frees its slot.
fn vacate(page: &mut Page, i: usize) -> Result<()> {
    let slots = Slots::open(page)?;
    let (n, (off, len)) = (slots.len(), slots.slot(i)?);
    if len == 0 {
        return Ok(());
    }
    let hi = usize::from(page.free_hi());
    page.shift(hi, off - hi, hi + len)?;
    page.bytes_mut(hi, len)?.fill(0);
    for j in 0..n {
        let at = BODY + j * SLOT;
        let (o, l) = (usize::from(page.u16_at(at)?), page.u16_at(at + 2)?);
        if l > 0 && o < off {
            page.put(at, &((o + len) as u16).to_le_bytes())?;
        }
    }
    page.put(BODY + i * SLOT, &[0; SLOT])?;
    page.set_free_hi((hi + len) as u16);
    Ok(())
}

fn set(page: &mut Page, slot: u16, stored: &[u8]) -> Result<()> {
    let (i, n) = (usize::from(slot), Slots::open(page)?.len());
    if i < n {
        vacate(page, i)?;
        if stored.is_empty() {
            return Ok(());
        }
    } else if i > n || stored.is_empty() || Slots::open(page)?.free() < SLOT {
        return Err(bad());
    } else {
        page.set_nslots((n + 1) as u16);
        page.put(BODY + i * SLOT, &[0; SLOT])?;
        page.set_free_lo((BODY + (n + 1) * SLOT) as u16);
    }
    let (lo, hi) = (usize::from(page.free_lo()), usize::from(page.free_hi()));
    let to = hi.checked_sub(stored.len()).filter(|to| *to >= lo).ok_or_else(bad)?;
    page.put(to, stored)?;
    page.put(BODY + i * SLOT, &(to as u16).to_le_bytes())?;
    page.put(BODY + i * SLOT + 2, &(stored.len() as u16).to_le_bytes())?;
    page.set_free_hi(to as u16);
    Ok(())
}

fn chunk<'b, const N: usize>(b: &mut &'b [u8]) -> Result<&'b [u8; N]> {
    let (first, rest) = b.split_first_chunk::<N>().ok_or_else(bad)?;
    *b = rest;
    Ok(first)
}

/// Runs an operation of this module's range.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    page.expect_kind(PageKind::Brin)?;
    let mut rest = payload;
    match code {
        INIT => {
            let level = chunk::<1>(&mut rest)?[0];
            let next = BlockNo::from_le_bytes(*chunk::<4>(&mut rest)?);
            let per_range = *chunk::<4>(&mut rest)?;
            page.bytes_mut(BODY, BODY_END - BODY)?.fill(0);
            page.set_level(level);
            page.set_next(next);
            page.set_nslots(0);
            page.set_free_lo(BODY as u16);
            page.set_free_hi(BODY_END as u16);
            if level == ROOT {
                page.put(BODY, &per_range)?;
            }
        }
        POINT => {
            let at = usize::from(u16::from_le_bytes(*chunk::<2>(&mut rest)?));
            let (width, most) = if page.level() == MAP { (PLACE, PLACES) } else { (BLOCK, BLOCKS) };
            if page.level() == SUMMARIES || rest.len() != width || at >= most as usize {
                return Err(bad());
            }
            page.put(ITEMS + at * width, rest)?;
        }
        SET => {
            let slot = u16::from_le_bytes(*chunk::<2>(&mut rest)?);
            set(page, slot, rest)?;
        }
        NEXT => {
            let next = BlockNo::from_le_bytes(*chunk::<4>(&mut rest)?);
            page.set_next(next);
        }
        _ => return Err(bad()),
    }
    Ok(())
}
