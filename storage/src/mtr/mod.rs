//! Mini-transactions: the only way to change a page.
//!
//! Idea: an operation on one or a few pages becomes atomic by being one redo record. *Prepare*: fix the pages
//! exclusively, check everything, reserve log space; any step may answer [`Wait`](crate::wait::Wait), and then nothing has happened.
//! *Apply*: each change is a redo operation run through [`redo::apply`], the very function recovery calls, so forward
//! execution and redo cannot diverge (I41). *Finish*: append the record, stamp the pages with its end LSN.
//!
//! Invariants: (I4) after [`Mtr::reserve`] nothing can fail: an error from `apply` is a bug in the caller and trips the
//! poison, as does dropping a mini-transaction between its first change and `finish`. (I2) the record names, for each
//! page, the LSN it had before.
//!
//! A mini-transaction of pages that never leave memory has no record; their LSN stays as it is.
//!
//! Record: `kind u8 | xid varint | head len varint, head | npages u8 | per page: rel varint, block varint, prev_lsn
//! varint | operations: page index u8, code u8, len varint, payload …`. `head` belongs to the kind (commit: SCN, …).

pub mod redo;

use crate::buf::{Pool, WriteGuard};
use crate::page::Page;
use crate::wait::Op;
use rustydb_base::poison::Poison;
use rustydb_base::{DbError, Lsn, PageId, Result, Xid};
use smallvec::SmallVec;
use std::cell::Cell;

/// Most pages one mini-transaction may change.
pub const MAX_PAGES: usize = 16;
/// Most bytes one record may have.
pub const MAX_RECORD: usize = 64 * 1024;

/// Record kinds.
pub mod kind {
    /// Page changes only.
    pub const PAGES: u8 = 1;
    /// Commit of a transaction; head: SCN u64, flags u8.
    pub const COMMIT: u8 = 2;
    /// End of a rollback; head empty.
    pub const ABORT: u8 = 3;
    /// Checkpoint; head: see `checkpoint`.
    pub const CHECKPOINT: u8 = 4;
    /// Prepared transaction.
    pub const PREPARE: u8 = 5;
    /// File creation, extension or removal; head: see the file manager.
    pub const FILE: u8 = 6;
}

/// Where records go. Implemented by the log.
pub trait LogAppend: Send + Sync {
    /// Makes sure that a record of up to `bytes` can be appended without waiting; [`Wait::LogSpace`](crate::wait::Wait::LogSpace) otherwise.
    /// Dropped unused, the space is given back.
    fn reserve(&self, bytes: usize) -> Op<Reservation<'_>>;
    /// Appends a record, returning its start and end LSN. Cannot fail: the space is reserved.
    fn append(&self, reservation: Reservation<'_>, record: &[u8]) -> (Lsn, Lsn);
    /// Gives reserved bytes back (called by [`Reservation`]'s drop).
    fn release(&self, bytes: usize);
}

/// Reserved room in the log's buffer.
pub struct Reservation<'l> {
    log: &'l dyn LogAppend,
    bytes: usize,
}

impl<'l> Reservation<'l> {
    /// Called by the log when it has set `bytes` aside.
    pub fn new(log: &'l dyn LogAppend, bytes: usize) -> Reservation<'l> {
        Reservation { log, bytes }
    }
    /// Bytes set aside.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.log.release(self.bytes);
    }
}

/// A page of the mini-transaction, by position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageIdx(u8);

thread_local! {
    /// Operation buffer of the last mini-transaction of this thread, kept for its capacity (bounded by `MAX_RECORD`).
    static SPARE: Cell<(Vec<u8>, Vec<u8>)> = const { Cell::new((Vec::new(), Vec::new())) };
}

/// A mini-transaction in progress.
pub struct Mtr<'s> {
    pool: &'s Pool,
    log: &'s dyn LogAppend,
    poison: &'s Poison,
    xid: Xid,
    pages: SmallVec<[(WriteGuard<'s>, Lsn); 6]>,
    ops: Vec<u8>,
    record: Vec<u8>,
    reservation: Option<Reservation<'s>>,
    changed: bool,
}

impl<'s> Mtr<'s> {
    /// Begins; `xid` is the transaction the change belongs to, or [`Xid::NONE`].
    pub fn begin(pool: &'s Pool, log: &'s dyn LogAppend, poison: &'s Poison, xid: Xid) -> Mtr<'s> {
        let (mut ops, mut record) = SPARE.take();
        ops.clear();
        record.clear();
        Mtr { pool, log, poison, xid, pages: SmallVec::new(), ops, record, reservation: None, changed: false }
    }

    /// The transaction the change belongs to.
    pub fn xid(&self) -> Xid {
        self.xid
    }

    /// Fixes an existing page exclusively. A page already fixed by this mini-transaction is answered again.
    pub fn fix(&mut self, pid: PageId) -> Op<PageIdx> {
        if let Some(i) = self.position(pid) {
            return Ok(i);
        }
        let g = self.pool.write(pid)?;
        self.adopt(g)
    }

    /// As [`Mtr::fix`], but answers [`Wait::Restart`](crate::wait::Wait::Restart) instead of blocking on the latch.
    pub fn try_fix(&mut self, pid: PageId) -> Op<PageIdx> {
        if let Some(i) = self.position(pid) {
            return Ok(i);
        }
        let g = self.pool.try_write(pid)?;
        self.adopt(g)
    }

    /// Fixes a page that this mini-transaction is going to format as its first change to it.
    pub fn create(&mut self, pid: PageId) -> Op<PageIdx> {
        if let Some(i) = self.position(pid) {
            return Ok(i);
        }
        let g = self.pool.create(pid)?;
        self.adopt(g)
    }

    /// Takes over a page the caller has fixed.
    pub fn adopt(&mut self, g: WriteGuard<'s>) -> Op<PageIdx> {
        if self.pages.len() >= MAX_PAGES {
            return Err(DbError::internal("mini-transaction touches too many pages").into());
        }
        let lsn = g.lsn();
        self.pages.push((g, lsn));
        Ok(PageIdx((self.pages.len() - 1) as u8))
    }

    /// Gives back the latch of the page fixed last, if nothing has been changed yet (crabbing down a tree).
    pub fn release_last(&mut self) {
        if !self.changed {
            self.pages.pop();
        }
    }

    /// Gives back every latch fixed so far, if nothing has been changed yet.
    pub fn release_all(&mut self) {
        if !self.changed {
            self.pages.clear();
        }
    }

    fn position(&self, pid: PageId) -> Option<PageIdx> {
        self.pages.iter().position(|(g, _)| g.pid() == pid).map(|i| PageIdx(i as u8))
    }

    /// The page's current bytes (changes applied so far included).
    pub fn page(&self, i: PageIdx) -> &Page {
        &self.pages[i.0 as usize].0
    }

    /// Unlogged change of hint bytes (commit-SCN stamps, `vis_scn`): allowed because redo decides nothing by them.
    pub fn hint(&mut self, i: PageIdx) -> &mut Page {
        &mut self.pages[i.0 as usize].0
    }

    /// The page's identity.
    pub fn pid(&self, i: PageIdx) -> PageId {
        self.pages[i.0 as usize].0.pid()
    }

    /// Ends Prepare: room for a record whose operations (codes and payloads) take at most `op_bytes`.
    pub fn reserve(&mut self, op_bytes: usize) -> Op<()> {
        // Kind, xid, head, page table, and a small header per operation (counted generously at 8 per 16 bytes).
        let bytes = op_bytes + op_bytes / 2 + 64 + self.pages.len() * 24;
        if bytes > MAX_RECORD * 2 {
            return Err(DbError::internal("redo record too large").into());
        }
        self.poison.check()?;
        self.reservation = None;
        self.reservation = Some(self.log.reserve(bytes)?);
        Ok(())
    }

    /// Changes a page by one redo operation. Only after [`Mtr::reserve`].
    pub fn apply(&mut self, i: PageIdx, code: u8, payload: &[u8]) {
        self.changed = true;
        let page = &mut self.pages[i.0 as usize].0;
        // The record still names a page that is not logged, so that numbers of relations are never used twice.
        if page.pid().rel.is_logged() {
            self.ops.push(i.0);
            self.ops.push(code);
            put_varint(&mut self.ops, payload.len() as u64);
            self.ops.extend_from_slice(payload);
        }
        let page = &mut **page;
        if let Err(e) = redo::apply(page, code, payload) {
            self.poison.trip(e.context(format!("redo operation {code:#x} failed in forward execution")));
        }
    }

    /// As [`Mtr::apply`], an operation (below 128) of an index or table method of another crate. Takes one byte of log more than
    /// its payload.
    pub fn apply_outside(&mut self, i: PageIdx, method: impl Into<crate::am::Outsider>, op: u8, payload: &[u8]) {
        let mut whole: SmallVec<[u8; 64]> = SmallVec::with_capacity(payload.len() + 1);
        whole.push(method.into().number());
        whole.extend_from_slice(payload);
        self.apply(i, redo::code::OUTSIDE | op, &whole);
    }

    /// Appends the record of kind [`kind::PAGES`] and stamps the pages. Answers its start and end LSN.
    pub fn finish(self) -> (Lsn, Lsn) {
        self.finish_as(kind::PAGES, &[])
    }

    /// Appends a record of any kind with its head.
    pub fn finish_as(mut self, kind: u8, head: &[u8]) -> (Lsn, Lsn) {
        if kind == kind::PAGES && !self.pages.is_empty() && self.pages.iter().all(|(g, _)| g.pid().rel.is_memory()) {
            // Nothing that a restart would find.
            for (g, _) in &mut self.pages {
                g.mark_dirty(0);
            }
            self.changed = false;
            return (Lsn(0), Lsn(0));
        }
        let rec = &mut self.record;
        rec.push(kind);
        put_varint(rec, self.xid.0);
        put_varint(rec, head.len() as u64);
        rec.extend_from_slice(head);
        rec.push(self.pages.len() as u8);
        for (g, prev) in &self.pages {
            let pid = g.pid();
            put_varint(rec, u64::from(pid.rel.0));
            put_varint(rec, u64::from(pid.block));
            put_varint(rec, prev.0);
        }
        rec.extend_from_slice(&self.ops);
        let Some(reservation) = self.reservation.take() else {
            self.poison.trip(DbError::internal("mini-transaction finished without reserved log space"));
            return (Lsn(0), Lsn(0));
        };
        if rec.len() > reservation.bytes() {
            self.poison.trip(DbError::internal("redo record larger than its reservation"));
        }
        let (start, end) = self.log.append(reservation, rec);
        for (g, _) in &mut self.pages {
            g.set_lsn(end);
            g.mark_dirty(start.0);
        }
        self.changed = false;
        (start, end)
    }
}

impl Drop for Mtr<'_> {
    fn drop(&mut self) {
        if self.changed {
            self.poison.trip(DbError::internal("mini-transaction abandoned after its first change"));
        }
        if self.ops.capacity() <= MAX_RECORD * 2 && self.record.capacity() <= MAX_RECORD * 2 {
            SPARE.set((std::mem::take(&mut self.ops), std::mem::take(&mut self.record)));
        }
    }
}

/// Appends an unsigned LEB128 number.
pub fn put_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push((v as u8) | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Reads an unsigned LEB128 number, advancing the slice.
pub fn get_varint(b: &mut &[u8]) -> Result<u64> {
    let mut v = 0u64;
    for shift in (0..64).step_by(7) {
        let Some((&x, rest)) = b.split_first() else { break };
        *b = rest;
        v |= u64::from(x & 0x7f) << shift;
        if x & 0x80 == 0 {
            return Ok(v);
        }
    }
    Err(DbError::corrupt("redo record: bad number"))
}
