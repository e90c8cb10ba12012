//! What lies where on the pages of a generalised search tree, and redo.
//!
//! ```text
//! header … | 32 level u8 | 36 next u32 | 40 split number u64
//! 48 splits of children u64 | slots (offset u16, length u16) → … free … ← entries | 8160
//! leaf entry:  RID | marker Xid u64 (0: none) | key
//! inner entry: child u32 | bound
//! ```
//! Entries are in no order. Every operation leaves them without gaps, so what is free is one piece.

use crate::mtr::redo::code;
use crate::page::{BODY, BODY_END, Page, PageKind};
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, PageId, RelId, Result, Rid, Scn, Xid};

/// Block whose latch orders writers of an index that is still being filled; block 0 is the file's space map.
pub(super) const GATE_BLOCK: BlockNo = 1;
/// Block of the root.
pub(super) const ROOT_BLOCK: BlockNo = 2;
/// Level byte of the gate's page.
pub(super) const GATE: u8 = u8::MAX;

const SLOTS: usize = BODY + 8;
/// Bytes of a slot.
pub(super) const SLOT: usize = 4;
/// Bytes that a page's slots and entries have together.
pub(super) const SPACE: usize = BODY_END - SLOTS;
/// Bytes of a leaf entry before its key.
pub(super) const LEAF_HEAD: usize = Rid::LEN + 8;
/// Bytes of an inner entry before its bound.
pub(super) const INNER_HEAD: usize = 4;

/// Redo: sets all of a page; payload: level u8, next u32, split number u64, splits of children u64, then
/// per entry its length u16 and its bytes.
pub(super) const INIT: u8 = code::GIST;
/// Adds an entry behind the others; payload: the entry.
pub(super) const ADD: u8 = code::GIST + 1;
/// Removes an entry; payload: position u16, horizon u64.
pub(super) const DROP: u8 = code::GIST + 2;
/// Replaces an entry; payload: position u16, the entry.
pub(super) const SET: u8 = code::GIST + 3;
/// Sets the marker of a leaf entry; payload: position u16, Xid u64 (0 takes it off).
pub(super) const MARK: u8 = code::GIST + 4;
/// Sets the number of splits of children; payload: u64.
pub(super) const COUNT: u8 = code::GIST + 5;

fn bad() -> DbError {
    DbError::corrupt("malformed search tree operation")
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

/// A checked view of a node.
#[derive(Clone, Copy)]
pub(super) struct Node<'p> {
    page: &'p Page,
    n: usize,
}

impl<'p> Node<'p> {
    pub(super) fn open(page: &'p Page) -> Result<Node<'p>> {
        let n = usize::from(page.nslots());
        let (lo, hi) = (usize::from(page.free_lo()), usize::from(page.free_hi()));
        if !page.is(PageKind::Gist) || page.level() == GATE || lo != SLOTS + n * SLOT || lo > hi || hi > BODY_END {
            return Err(broken(page, "no sound node of a search tree"));
        }
        Ok(Node { page, n })
    }

    /// As [`Node::open`], of a node that stands at a level.
    pub(super) fn at_level(page: &'p Page, level: u8) -> Result<Node<'p>> {
        let node = Node::open(page)?;
        if node.level() != level {
            return Err(broken(page, "a node of another level"));
        }
        Ok(node)
    }

    pub(super) fn level(&self) -> u8 {
        self.page.level()
    }
    pub(super) fn len(&self) -> usize {
        self.n
    }
    /// The node that split off this one last, 0 for none.
    pub(super) fn next(&self) -> BlockNo {
        self.page.next()
    }
    /// The parent's count of splits after this node's last one.
    pub(super) fn split(&self) -> u64 {
        self.page.reserved()
    }
    /// How many splits of children the node has seen, those that its own ancestors by splitting have seen counted.
    pub(super) fn splits(&self) -> Result<u64> {
        self.page.u64_at(BODY)
    }
    /// Bytes for entries and their slots.
    pub(super) fn free(&self) -> usize {
        usize::from(self.page.free_hi()) - usize::from(self.page.free_lo())
    }
    pub(super) fn broken(&self, what: &str) -> DbError {
        broken(self.page, what)
    }

    fn slot(&self, i: usize) -> Result<(usize, usize)> {
        let at = SLOTS + i * SLOT;
        Ok((usize::from(self.page.u16_at(at)?), usize::from(self.page.u16_at(at + 2)?)))
    }

    /// All bytes of an entry.
    pub(super) fn entry(&self, i: usize) -> Result<&'p [u8]> {
        let (off, len) = self.slot(i)?;
        if i >= self.n || off < usize::from(self.page.free_hi()) || off + len > BODY_END {
            return Err(self.broken("an entry outside of its page"));
        }
        self.page.bytes(off, len)
    }

    fn parts<const N: usize>(&self, i: usize) -> Result<(&'p [u8; N], &'p [u8])> {
        self.entry(i)?.split_first_chunk::<N>().ok_or_else(|| self.broken("a short entry"))
    }

    /// The key of a leaf entry, or the bound of an inner one.
    pub(super) fn key(&self, i: usize) -> Result<&'p [u8]> {
        Ok(if self.level() == 0 { self.parts::<LEAF_HEAD>(i)?.1 } else { self.parts::<INNER_HEAD>(i)?.1 })
    }

    /// Child of an inner entry.
    pub(super) fn child(&self, i: usize) -> Result<BlockNo> {
        let block = BlockNo::from_le_bytes(*self.parts::<INNER_HEAD>(i)?.0);
        if block <= ROOT_BLOCK {
            return Err(self.broken("an entry without a child"));
        }
        Ok(block)
    }

    /// The row of a leaf entry.
    pub(super) fn rid(&self, i: usize) -> Result<Rid> {
        Rid::from_bytes(self.parts::<{ LEAF_HEAD }>(i)?.0).ok_or_else(|| self.broken("a short entry"))
    }

    /// Who delete-marked a leaf entry.
    pub(super) fn mark(&self, i: usize) -> Result<Option<Xid>> {
        let (head, _) = self.parts::<LEAF_HEAD>(i)?;
        let mut by = [0; 8];
        by.copy_from_slice(&head[Rid::LEN..]);
        let by = Xid(u64::from_le_bytes(by));
        Ok(by.is_some().then_some(by))
    }

    /// The position of the entry of a row under a key.
    pub(super) fn find(&self, key: &[u8], rid: Rid) -> Result<Option<usize>> {
        let want = rid.to_bytes();
        for i in 0..self.n {
            let e = self.entry(i)?;
            if e.starts_with(&want) && e.get(LEAF_HEAD..) == Some(key) {
                return Ok(Some(i));
            }
        }
        Ok(None)
    }

    /// All entries.
    pub(super) fn entries(&self) -> Result<Vec<&'p [u8]>> {
        (0..self.n).map(|i| self.entry(i)).collect()
    }
}

/// A leaf entry without a marker.
pub(super) fn leaf_entry(key: &[u8], rid: Rid) -> Vec<u8> {
    let mut out = Vec::with_capacity(LEAF_HEAD + key.len());
    out.extend_from_slice(&rid.to_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(key);
    out
}

/// An inner entry.
pub(super) fn inner_entry(child: BlockNo, bound: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(INNER_HEAD + bound.len());
    out.extend_from_slice(&child.to_le_bytes());
    out.extend_from_slice(bound);
    out
}

/// Payload of [`SET`].
pub(super) fn set_payload(at: usize, entry: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + entry.len());
    out.extend_from_slice(&(at as u16).to_le_bytes());
    out.extend_from_slice(entry);
    out
}

fn small_payload(at: usize, word: u64) -> [u8; 10] {
    let mut p = [0; 10];
    p[..2].copy_from_slice(&(at as u16).to_le_bytes());
    p[2..].copy_from_slice(&word.to_le_bytes());
    p
}

/// Payload of [`MARK`].
pub(super) fn mark_payload(at: usize, by: Option<Xid>) -> [u8; 10] {
    small_payload(at, by.map_or(0, |x| x.0))
}

/// Payload of [`DROP`].
pub(super) fn drop_payload(at: usize, horizon: Scn) -> [u8; 10] {
    small_payload(at, horizon.0)
}

/// The facts of a node beside its entries.
#[derive(Clone, Copy, Default)]
pub(super) struct Head {
    pub level: u8,
    pub next: BlockNo,
    pub split: u64,
    pub splits: u64,
}

/// Payload of [`INIT`].
pub(super) fn init_payload<'e>(h: Head, entries: impl Iterator<Item = &'e [u8]>) -> Vec<u8> {
    let mut out = vec![h.level];
    out.extend_from_slice(&h.next.to_le_bytes());
    out.extend_from_slice(&h.split.to_le_bytes());
    out.extend_from_slice(&h.splits.to_le_bytes());
    for e in entries {
        out.extend_from_slice(&(e.len() as u16).to_le_bytes());
        out.extend_from_slice(e);
    }
    out
}

fn chunk<'b, const N: usize>(b: &mut &'b [u8]) -> Result<&'b [u8; N]> {
    let (first, rest) = b.split_first_chunk::<N>().ok_or_else(bad)?;
    *b = rest;
    Ok(first)
}

fn position(b: &mut &[u8], n: usize) -> Result<usize> {
    let at = usize::from(u16::from_le_bytes(*chunk::<2>(b)?));
    if at < n { Ok(at) } else { Err(bad()) }
}

/// Adds an entry.
fn add(page: &mut Page, entry: &[u8]) -> Result<()> {
    let (lo, hi) = (usize::from(page.free_lo()), usize::from(page.free_hi()));
    if hi < lo || hi - lo < SLOT + entry.len() {
        return Err(bad());
    }
    let at = hi - entry.len();
    page.put(at, entry)?;
    page.put(lo, &(at as u16).to_le_bytes())?;
    page.put(lo + 2, &(entry.len() as u16).to_le_bytes())?;
    page.set_free_lo((lo + SLOT) as u16);
    page.set_free_hi(at as u16);
    page.set_nslots(page.nslots() + 1);
    Ok(())
}

/// Takes the bytes of an entry away and leaves its slot, whose offset is then of no meaning.
fn vacate(page: &mut Page, at: usize) -> Result<()> {
    let node = Node::open(page)?;
    let (n, (off, len)) = (node.len(), node.slot(at)?);
    node.entry(at)?;
    let hi = usize::from(page.free_hi());
    page.shift(hi, off - hi, hi + len)?;
    page.bytes_mut(hi, len)?.fill(0);
    for i in 0..n {
        let slot = SLOTS + i * SLOT;
        let o = usize::from(page.u16_at(slot)?);
        if o < off {
            page.put(slot, &((o + len) as u16).to_le_bytes())?;
        }
    }
    page.set_free_hi((hi + len) as u16);
    Ok(())
}

/// Runs an operation of this module's range.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    page.expect_kind(PageKind::Gist)?;
    let mut rest = payload;
    if code == INIT {
        let level = chunk::<1>(&mut rest)?[0];
        let next = BlockNo::from_le_bytes(*chunk::<4>(&mut rest)?);
        let split = u64::from_le_bytes(*chunk::<8>(&mut rest)?);
        let splits = *chunk::<8>(&mut rest)?;
        page.bytes_mut(BODY, BODY_END - BODY)?.fill(0);
        page.set_level(level);
        page.set_next(next);
        page.set_reserved(split);
        page.put(BODY, &splits)?;
        page.set_nslots(0);
        page.set_free_lo(SLOTS as u16);
        page.set_free_hi(BODY_END as u16);
        while !rest.is_empty() {
            let len = usize::from(u16::from_le_bytes(*chunk::<2>(&mut rest)?));
            let (entry, after) = rest.split_at_checked(len).ok_or_else(bad)?;
            add(page, entry)?;
            rest = after;
        }
        return Ok(());
    }
    let n = Node::open(page)?.len();
    match code {
        ADD => add(page, payload)?,
        DROP => {
            let at = position(&mut rest, n)?;
            chunk::<8>(&mut rest)?;
            vacate(page, at)?;
            let (from, end) = (SLOTS + (at + 1) * SLOT, SLOTS + n * SLOT);
            page.shift(from, end - from, from - SLOT)?;
            page.bytes_mut(end - SLOT, SLOT)?.fill(0);
            page.set_nslots((n - 1) as u16);
            page.set_free_lo((end - SLOT) as u16);
        }
        SET => {
            let at = position(&mut rest, n)?;
            vacate(page, at)?;
            let (lo, hi) = (usize::from(page.free_lo()), usize::from(page.free_hi()));
            let to = hi.checked_sub(rest.len()).filter(|to| *to >= lo).ok_or_else(bad)?;
            page.put(to, rest)?;
            page.put(SLOTS + at * SLOT, &(to as u16).to_le_bytes())?;
            page.put(SLOTS + at * SLOT + 2, &(rest.len() as u16).to_le_bytes())?;
            page.set_free_hi(to as u16);
        }
        MARK => {
            let at = position(&mut rest, n)?;
            let by = *chunk::<8>(&mut rest)?;
            let node = Node::open(page)?;
            let (off, len) = node.slot(at)?;
            node.entry(at)?;
            if node.level() != 0 || len < LEAF_HEAD {
                return Err(bad());
            }
            page.put(off + Rid::LEN, &by)?;
        }
        COUNT => {
            let count = *chunk::<8>(&mut rest)?;
            page.put(BODY, &count)?;
        }
        _ => return Err(bad()),
    }
    Ok(())
}
