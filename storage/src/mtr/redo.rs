//! Redo operations: what a record can do to a page, and the one function that does it.
//!
//! `apply` is deterministic and looks at nothing but the page and the payload. It answers an error only when the page
//! or the payload is not what the operation was made for; in forward execution that is a bug, in recovery corruption.

use super::get_varint;
use crate::page::{Page, PageKind};
use rustydb_base::{DbError, Lsn, PageId, RelId, Result, Xid};
use smallvec::SmallVec;

/// Operation codes, by range: each module owns one.
pub mod code {
    /// Make the page empty; payload: kind u8.
    pub const FORMAT: u8 = 0x01;
    /// Overwrite bytes; payload: offset u16, bytes. Not for header fields below 24.
    pub const PUT: u8 = 0x02;
    /// Whole image; payload: zstd of bytes 4.. without LSN.
    pub const IMAGE: u8 = 0x03;
    /// First of the block range indexes' codes (`brin::page`).
    pub const BRIN: u8 = 0x04;
    /// First of the search trees' codes (`gist::page`).
    pub const GIST: u8 = 0x08;
    /// First of the heap's codes (`heap::redo`).
    pub const HEAP: u8 = 0x10;
    /// First of the B+tree's codes (`btree::redo`).
    pub const BTREE: u8 = 0x30;
    /// First of the space map's codes (`space::redo`).
    pub const SPACE: u8 = 0x50;
    /// First of the undo streams' codes (`undo::redo`).
    pub const UNDO: u8 = 0x58;
    /// First of the transaction status array's codes (`txn::tsp::redo`).
    pub const TSP: u8 = 0x60;
    /// First of the overflow files' codes (`overflow::redo`).
    pub const OVERFLOW: u8 = 0x68;
    /// First of the sequences' codes (`sequence::redo`).
    pub const SEQUENCE: u8 = 0x70;
    /// First of the hash indexes' codes (`hash::page`).
    pub const HASH: u8 = 0x78;
    /// First of the codes of index methods of other crates; the payload begins with the method's number.
    pub const OUTSIDE: u8 = 0x80;
}

/// Runs one operation on a page.
pub fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    match code {
        code::FORMAT => {
            let kind = payload.first().copied().and_then(PageKind::from_u8).ok_or_else(bad)?;
            let (id, rest) = (payload.get(1..9).ok_or_else(bad)?, payload.get(9..).ok_or_else(bad)?);
            if !rest.is_empty() {
                return Err(bad());
            }
            let w = |a: usize| u32::from_le_bytes([id[a], id[a + 1], id[a + 2], id[a + 3]]);
            page.format(PageId::new(RelId(w(0)), w(4)), kind);
            Ok(())
        }
        code::PUT => {
            let at =
                usize::from(u16::from_le_bytes([*payload.first().ok_or_else(bad)?, *payload.get(1).ok_or_else(bad)?]));
            if at < 24 {
                return Err(bad());
            }
            page.put(at, &payload[2..])
        }
        code::IMAGE => {
            let lsn = page.lsn();
            let raw = zstd::bulk::decompress(payload, crate::page::PAGE_SIZE).map_err(|_| bad())?;
            if raw.len() != crate::page::PAGE_SIZE - 4 {
                return Err(bad());
            }
            page.0[4..].copy_from_slice(&raw);
            page.set_lsn(lsn);
            Ok(())
        }
        code::BRIN..code::GIST => crate::brin::apply(page, code, payload),
        code::GIST..code::HEAP => crate::gist::apply(page, code, payload),
        code::HEAP..code::BTREE => crate::heap::page::apply(page, code, payload),
        code::BTREE..code::SPACE => crate::btree::redo::apply(page, code, payload),
        code::SPACE..code::UNDO => crate::space::redo::apply(page, code, payload),
        code::UNDO..code::TSP => crate::undo::redo::apply(page, code, payload),
        code::TSP..code::OVERFLOW => crate::txn::tsp::apply(page, code, payload),
        code::OVERFLOW..code::SEQUENCE => crate::overflow::redo::apply(page, code, payload),
        code::SEQUENCE..code::HASH => crate::sequence::apply(page, code, payload),
        code::HASH..code::OUTSIDE => crate::hash::page::apply(page, code, payload),
        code::OUTSIDE.. => {
            let (method, payload) = payload.split_first().ok_or_else(bad)?;
            crate::am::Outsider::of(*method).redo(page, code - code::OUTSIDE, payload)
        }
        _ => Err(DbError::corrupt(format!("unknown redo operation {code:#x}"))),
    }
}

fn bad() -> DbError {
    DbError::corrupt("malformed redo operation")
}

/// Payload of [`code::FORMAT`].
pub fn format_payload(pid: PageId, kind: PageKind) -> [u8; 9] {
    let (r, b) = (pid.rel.0.to_le_bytes(), pid.block.to_le_bytes());
    [kind as u8, r[0], r[1], r[2], r[3], b[0], b[1], b[2], b[3]]
}

/// A record taken apart.
pub struct Record<'a> {
    /// One of [`super::kind`].
    pub kind: u8,
    /// The transaction, or [`Xid::NONE`].
    pub xid: Xid,
    /// The kind's own bytes.
    pub head: &'a [u8],
    /// The pages it changes.
    pub pages: SmallVec<[RecordPage; 6]>,
    ops: &'a [u8],
}

/// A page a record changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPage {
    /// Which.
    pub pid: PageId,
    /// Its LSN before the change.
    pub prev: Lsn,
}

/// What redo did with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redone {
    /// The change was missing and is now there.
    Applied,
    /// The page already had it.
    Skipped,
}

impl<'a> Record<'a> {
    /// Takes a record apart.
    pub fn parse(mut b: &'a [u8]) -> Result<Record<'a>> {
        let kind = *b.first().ok_or_else(bad)?;
        b = &b[1..];
        let xid = Xid(get_varint(&mut b)?);
        let n = usize::try_from(get_varint(&mut b)?).map_err(|_| bad())?;
        let head = b.get(..n).ok_or_else(bad)?;
        b = &b[n..];
        let npages = *b.first().ok_or_else(bad)?;
        b = &b[1..];
        let mut pages = SmallVec::new();
        for _ in 0..npages {
            let rel = u32::try_from(get_varint(&mut b)?).map_err(|_| bad())?;
            let block = u32::try_from(get_varint(&mut b)?).map_err(|_| bad())?;
            let prev = Lsn(get_varint(&mut b)?);
            pages.push(RecordPage { pid: PageId::new(RelId(rel), block), prev });
        }
        Ok(Record { kind, xid, head, pages, ops: b })
    }

    /// The operations in order.
    pub fn ops(&self) -> Ops<'a> {
        Ops(self.ops)
    }

    /// Whether the record makes its `i`-th page anew, so that its earlier content does not matter.
    pub fn formats(&self, i: usize) -> bool {
        self.ops().flatten().find(|(p, ..)| *p == i).is_some_and(|(_, c, _)| c == code::FORMAT)
    }

    /// What the record, whose end LSN is `end`, does to its `i`-th page.
    pub fn change(&self, i: usize, end: Lsn) -> Result<PageChange<'a>> {
        let RecordPage { pid, prev } = *self.pages.get(i).ok_or_else(bad)?;
        Ok(PageChange { pid, prev, end, formats: self.formats(i), page: i, ops: Ops(self.ops) })
    }

    /// Redoes the record, whose end LSN is `end`, on its `i`-th page.
    pub fn redo(&self, i: usize, page: &mut Page, end: Lsn) -> Result<Redone> {
        let change = self.change(i, end)?;
        if !change.is_missing(page)? {
            return Ok(Redone::Skipped);
        }
        change.apply(page)?;
        Ok(Redone::Applied)
    }
}

/// Operations of a record: (page position, code, payload) each. Ends behind the first that is malformed.
#[derive(Clone, Copy)]
pub struct Ops<'a>(&'a [u8]);

impl<'a> Ops<'a> {
    /// Operations that begin inside a record.
    pub fn new(bytes: &'a [u8]) -> Ops<'a> {
        Ops(bytes)
    }
    /// Bytes of the operations that are still to come.
    pub fn rest(&self) -> usize {
        self.0.len()
    }
}

impl<'a> Iterator for Ops<'a> {
    type Item = Result<(usize, u8, &'a [u8])>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let op = take_op(&mut self.0);
        if op.is_err() {
            self.0 = &[];
        }
        Some(op)
    }
}

fn take_op<'a>(b: &mut &'a [u8]) -> Result<(usize, u8, &'a [u8])> {
    let ([page, code], rest) = b.split_first_chunk::<2>().ok_or_else(bad)?;
    *b = rest;
    let n = usize::try_from(get_varint(b)?).map_err(|_| bad())?;
    let (payload, rest) = b.split_at_checked(n).ok_or_else(bad)?;
    *b = rest;
    Ok((usize::from(*page), *code, payload))
}

/// What a record does to one page.
pub struct PageChange<'a> {
    /// The page.
    pub pid: PageId,
    /// Its LSN before.
    pub prev: Lsn,
    /// Its LSN afterwards.
    pub end: Lsn,
    /// It is made anew, so that its earlier content does not matter.
    pub formats: bool,
    /// Its position in the record.
    pub page: usize,
    /// Operations of the record, from the first on this page at the latest.
    pub ops: Ops<'a>,
}

impl PageChange<'_> {
    /// Whether the page lacks the change. An error, if it is neither in the state before it nor in a later one.
    pub fn is_missing(&self, page: &Page) -> Result<bool> {
        if page.lsn() >= self.end {
            return Ok(false);
        }
        if !self.formats && page.lsn() != self.prev {
            return Err(self.out_of_chain(page.lsn()));
        }
        Ok(true)
    }

    #[cold]
    fn out_of_chain(&self, found: Lsn) -> DbError {
        DbError::corrupt(format!(
            "block {} of relation {} has LSN {found} where the log expects {}",
            self.pid.block, self.pid.rel, self.prev
        ))
    }

    /// Makes the change. After an error the page is neither the old nor the new one.
    pub fn apply(&self, page: &mut Page) -> Result<()> {
        for op in self.ops {
            let (i, code, payload) = op?;
            if i == self.page {
                apply(page, code, payload)?;
            }
        }
        page.set_lsn(self.end);
        Ok(())
    }
}
