//! Values too big for their row.
//!
//! A value becomes a chain of pages in the relation's overflow file, compressed with zstd if that pays; the row keeps
//! an [`OvfPtr`]. Chains are immutable. They are written back to front, several pages per mini-transaction, so that
//! every page knows the next one's block when it is made; each mini-transaction has an OVF_NEW undo record naming its
//! pages, so a rollback frees what was written, however far it got. When a row gives a value up, OVF_OLD names the
//! chain, and purge frees it.
//!
//! ```text
//! page body: next u32 (0: last), len u16, pad u16, tag u64 | len bytes
//! ```
//! The tag is the undo pointer of the value's first record written, so it is unique; every page repeats it, and reading
//! or freeing by a stale pointer is noticed.
//!
//! Writing and freeing are resumable: a [`OvfWriter`] or [`OvfReader`] keeps its place over waits, so a value of n
//! pages costs O(n) however often it has to wait.
//!
//! Left out: reading slices of a value without the whole of it.

pub(crate) mod redo;

use crate::buf::Access;
use crate::core::Core;
pub use crate::heap::OvfPtr;
use crate::heap::Rel;
use crate::page::{BODY, BODY_END, Page, PageKind};
use crate::space::ALLOC_LOG_BYTES;
use crate::txn::TxnCx;
use crate::undo::{UndoFlags, UndoHead, UndoPtr, UndoRec, UndoType};
use crate::wait::Op;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, PageId, RelId, Result, Rid, Xid};

/// Bytes in front of a page's part of the value.
const HEAD: usize = 16;
/// Bytes of a value on one page.
const CHUNK: usize = BODY_END - BODY - HEAD;
/// Pages one mini-transaction writes or frees.
const BATCH: usize = 5;
/// Longest value, as in PostgreSQL: 1 GB less one byte.
pub const MAX_VALUE: usize = (1 << 30) - 1;
const ZSTD: u8 = 1;

/// Writes one value; resumable.
pub struct OvfWriter {
    data: Vec<u8>,
    raw_len: u32,
    codec: u8,
    /// Bytes not yet written: the front of `data`.
    left: usize,
    /// Block of the page after those.
    next: BlockNo,
    tag: UndoPtr,
}

impl OvfWriter {
    /// Prepares a value for writing (this compresses it). Fails with 54000 when it is longer than [`MAX_VALUE`].
    pub fn new(value: &[u8]) -> Result<OvfWriter> {
        if value.len() > MAX_VALUE {
            return Err(DbError::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("value of {} bytes is too long, the limit is {MAX_VALUE} bytes", value.len()),
            ));
        }
        let packed = zstd::bulk::compress(value, 1).ok().filter(|p| p.len() < value.len() / 8 * 7);
        let codec = if packed.is_some() { ZSTD } else { 0 };
        let data = packed.unwrap_or_else(|| value.to_vec());
        Ok(OvfWriter { left: data.len(), data, raw_len: value.len() as u32, codec, next: 0, tag: UndoPtr::NONE })
    }

    /// Writes until done and answers what the row is to keep. After a wait, call again; after an error or when the
    /// statement is given up, rolling back to before it frees what was written.
    pub fn write(&mut self, core: &Core, txn: &mut TxnCx, rel: Rel) -> Op<OvfPtr> {
        while self.left > 0 || self.next == 0 {
            self.batch(core, txn, rel.overflow)?;
        }
        Ok(OvfPtr {
            block: self.next,
            raw_len: self.raw_len,
            stored_len: self.data.len() as u32,
            codec: self.codec,
            tag: self.tag.0,
        })
    }

    fn batch(&mut self, core: &Core, txn: &mut TxnCx, rel: RelId) -> Op<()> {
        let n = self.left.div_ceil(CHUNK).clamp(1, BATCH);
        core.space.check_room(rel, n)?;
        let mut mtr = core.mtr(txn.xid);
        // Undo comes before map pages in the latch order.
        let payload_len = 8 + n * 4;
        let undo = core.undo.prepare(&mut mtr, txn, rel, payload_len)?;
        let pages = core.space.prepare_allocs(&mut mtr, &core.pool, rel, n)?;
        mtr.reserve(n * (ALLOC_LOG_BYTES + CHUNK + HEAD + 8) + undo.log_bytes())?;
        let tag = if self.tag.is_some() { self.tag } else { undo.ptr() };
        let (mut left, mut next) = (self.left, self.next);
        let mut payload = tag.0.to_le_bytes().to_vec();
        let mut op = Vec::with_capacity(CHUNK + HEAD);
        for a in &pages {
            // All chunks are full but the value's last, which is written first.
            let from = left.saturating_sub(1) / CHUNK * CHUNK;
            let part = &self.data[from..left];
            core.space.apply_alloc(&mut mtr, a, PageKind::Overflow);
            op.clear();
            op.extend_from_slice(&next.to_le_bytes());
            op.extend_from_slice(&(part.len() as u32).to_le_bytes());
            op.extend_from_slice(&tag.0.to_le_bytes());
            op.extend_from_slice(part);
            mtr.apply(a.page, redo::WRITE, &op);
            payload.extend_from_slice(&a.block.to_le_bytes());
            (left, next) = (from, a.block);
        }
        let head = UndoHead::plain(UndoType::OvfNew, rel, Rid::default());
        core.undo.apply(&mut mtr, &undo, txn, &head, &payload);
        mtr.finish();
        (self.left, self.next, self.tag) = (left, next, tag);
        Ok(())
    }
}

/// Next block, length and tag of a chain's page.
fn header(p: &Page) -> Result<(BlockNo, usize, u64)> {
    p.expect_kind(PageKind::Overflow)?;
    Ok((p.u32_at(BODY)?, p.u32_at(BODY + 4)? as usize, p.u64_at(BODY + 8)?))
}

/// Reads one value; resumable.
pub struct OvfReader {
    ptr: OvfPtr,
    next: BlockNo,
    data: Vec<u8>,
}

impl OvfReader {
    /// A reader of the value a pointer names.
    pub fn new(ptr: OvfPtr) -> Result<OvfReader> {
        if ptr.raw_len as usize > MAX_VALUE || ptr.stored_len as usize > MAX_VALUE || ptr.codec > ZSTD {
            return Err(DbError::corrupt("malformed overflow pointer"));
        }
        Ok(OvfReader { ptr, next: ptr.block, data: Vec::new() })
    }

    /// The pointer being read.
    pub fn ptr(&self) -> OvfPtr {
        self.ptr
    }

    /// Reads until done and answers the value. After a wait, call again. `rel` is the overflow file.
    pub fn read(&mut self, core: &Core, rel: RelId) -> Op<Vec<u8>> {
        let lost =
            || DbError::corrupt(format!("overflow value at block {} of relation {rel} is broken", self.ptr.block));
        let stored = self.ptr.stored_len as usize;
        while self.next != 0 {
            let g = core.pool.read(PageId::new(rel, self.next), Access::Scan)?;
            let (next, len, tag) = header(&g)?;
            if tag != self.ptr.tag || len > CHUNK || self.data.len() + len > stored || (len == 0 && next != 0) {
                return Err(lost().into());
            }
            self.data.extend_from_slice(g.bytes(BODY + HEAD, len)?);
            self.next = next;
        }
        if self.data.len() != stored {
            return Err(lost().into());
        }
        if self.ptr.codec == 0 {
            return Ok(std::mem::take(&mut self.data));
        }
        let raw = zstd::bulk::decompress(&self.data, self.ptr.raw_len as usize).map_err(|_| lost())?;
        if raw.len() != self.ptr.raw_len as usize {
            return Err(lost().into());
        }
        Ok(raw)
    }
}

/// Notes that a row gives a value up; purge frees it once no snapshot can see the row's old version. `rid` is the row.
pub fn retire(core: &Core, txn: &mut TxnCx, rel: Rel, rid: Rid, ptr: OvfPtr, last: bool) -> Op<()> {
    let mut mtr = core.mtr(txn.xid);
    let undo = core.undo.prepare(&mut mtr, txn, rel.overflow, OvfPtr::LEN)?;
    mtr.reserve(undo.log_bytes())?;
    let head = UndoHead { flags: UndoFlags::last(last), ..UndoHead::plain(UndoType::OvfOld, rel.overflow, rid) };
    core.undo.apply(&mut mtr, &undo, txn, &head, &ptr.to_bytes());
    mtr.finish();
    Ok(())
}

/// Rolls an OVF_NEW record back: frees its pages that still carry its tag. Twice is once.
pub fn undo_new(core: &Core, rec: &UndoRec) -> Op<()> {
    let bad = || DbError::corrupt("malformed undo record of an overflow value");
    let (tag, blocks) = rec.payload.split_first_chunk::<8>().ok_or_else(bad)?;
    let tag = u64::from_le_bytes(*tag);
    let mut mtr = core.mtr(rec.xid);
    let mut pages = Vec::new();
    let mut sorted: Vec<BlockNo> =
        blocks.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
    sorted.sort_unstable();
    for b in sorted {
        let i = mtr.fix(PageId::new(rec.rel, b))?;
        if mtr.page(i).is(PageKind::Overflow) && header(mtr.page(i))?.2 == tag {
            pages.push(i);
        }
    }
    if pages.is_empty() {
        return Ok(());
    }
    free_pages(core, mtr, &pages, None)
}

/// Purges an OVF_OLD record: frees the chain. Twice is once; after a wait, call again.
pub fn purge_old(core: &Core, rec: &UndoRec) -> Op<()> {
    let ptr = OvfPtr::from_bytes(&rec.payload)?;
    loop {
        // The first page goes last: while it is there, it leads to what is left of the chain.
        let mut mtr = core.mtr(Xid::NONE);
        let first = mtr.fix(PageId::new(rec.rel, ptr.block))?;
        if !mtr.page(first).is(PageKind::Overflow) || header(mtr.page(first))?.2 != ptr.tag {
            return Ok(());
        }
        let mut next = header(mtr.page(first))?.0;
        let mut pages = Vec::new();
        while next != 0 && pages.len() < BATCH {
            // Nobody else latches two pages of a chain that no row has any more.
            let i = mtr.fix(PageId::new(rec.rel, next))?;
            let (n, _, tag) = header(mtr.page(i))?;
            if tag != ptr.tag {
                return Err(DbError::corrupt(format!("overflow chain at block {} is broken", ptr.block)).into());
            }
            pages.push(i);
            next = n;
        }
        if pages.is_empty() {
            return free_pages(core, mtr, &[first], None);
        }
        free_pages(core, mtr, &pages, Some((first, next)))?;
    }
}

/// Frees pages fixed by the mini-transaction and, if asked, makes a page point to another successor.
fn free_pages(
    core: &Core,
    mut mtr: crate::mtr::Mtr<'_>,
    pages: &[crate::mtr::PageIdx],
    relink: Option<(crate::mtr::PageIdx, BlockNo)>,
) -> Op<()> {
    let mut freeing = Vec::with_capacity(pages.len());
    // Map pages by block, as the latch order wants: chains are usually in one group.
    let mut sorted = pages.to_vec();
    sorted.sort_by_key(|i| mtr.pid(*i).block);
    for p in sorted {
        freeing.push(core.space.prepare_free(&mut mtr, &core.pool, p)?);
    }
    mtr.reserve(freeing.len() * ALLOC_LOG_BYTES + 16)?;
    for f in &freeing {
        core.space.apply_free(&mut mtr, f);
    }
    if let Some((page, next)) = relink {
        mtr.apply(page, redo::LINK, &next.to_le_bytes());
    }
    mtr.finish();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::tests::{Bench, REL};
    use crate::heap::{Columns, Datum, Decode, Reader, Scan, TableLayout, insert};
    use arrow_array::cast::AsArray;
    use rand::{RngCore, SeedableRng, rngs::SmallRng};

    fn noise(n: usize) -> Vec<u8> {
        let mut v = vec![0; n];
        SmallRng::seed_from_u64(n as u64).fill_bytes(&mut v);
        v
    }

    #[test]
    fn values_come_back_and_their_pages_are_freed() {
        let mut b = Bench::new();
        let len = |b: &Bench| b.core.space.nblocks(REL.overflow, &b.core.pool).expect("open");
        let mut most = 0;
        for round in 0..4 {
            for v in [vec![], vec![7; 300_000], noise(1), noise(CHUNK), noise(CHUNK + 1), noise(200_000)] {
                let mut t = b.begin();
                let ptr = OvfWriter::new(&v).expect("short").write(&b.core, &mut t, REL).expect("room");
                let got = OvfReader::new(ptr).expect("own").read(&b.core, REL.overflow).expect("in memory");
                assert!(got == v);
                if v.len() % 2 == 0 {
                    let mut p = t.last_undo;
                    while p.is_some() {
                        let rec = b.core.undo.read(p, &b.core.pool).expect("in memory");
                        undo_new(&b.core, &rec).expect("in memory");
                        undo_new(&b.core, &rec).expect("twice is once");
                        p = rec.prev_in_txn;
                    }
                } else {
                    retire(&b.core, &mut t, REL, Rid::default(), ptr, true).expect("room");
                    let rec = b.core.undo.read(t.last_undo, &b.core.pool).expect("in memory");
                    purge_old(&b.core, &rec).expect("in memory");
                    purge_old(&b.core, &rec).expect("twice is once");
                }
                assert!(OvfReader::new(ptr).expect("own").read(&b.core, REL.overflow).is_err());
            }
            if round == 0 {
                most = len(&b);
            }
        }
        assert_eq!(len(&b), most, "freed pages are used again");
        b.check_redo();
    }

    #[test]
    fn scans_read_big_values() {
        let mut b = Bench::new();
        let l = TableLayout::simple(&[Decode::I32, Decode::Bin]).expect("small");
        let mut t = b.begin();
        let v = noise(50_000);
        let ptr = OvfWriter::new(&v).expect("short").write(&b.core, &mut t, REL).expect("room");
        let mut row = Vec::new();
        l.current().encode(&[Datum::Null, Datum::Overflow(ptr)], &mut row).expect("fits");
        insert(&b.core, &mut t, REL, &row, true).expect("room");
        b.commit(&t);
        let mut r = Reader::new(&b.core, b.snap(None));
        let mut out = Columns::new(&l, &[1]).expect("exists");
        assert_eq!(Scan::new().page(&mut r, REL, &l, 1, &mut out).expect("in memory"), 1);
        assert!(out.finish().expect("built")[0].as_binary_view().value(0) == v);
    }
}
