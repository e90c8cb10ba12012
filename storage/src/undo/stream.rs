//! The streams: tails, heads, appending and reading.

use super::record::{HEAD_LEN, UndoHead, UndoRec};
use super::{UndoPtr, redo};
use crate::buf::{Access, Pool};
use crate::mtr::redo::{code, format_payload};
use crate::mtr::{Mtr, PageIdx};
use crate::page::{BODY, BODY_END, PAGE_SIZE, PageKind};
use crate::txn::TxnCx;
use crate::wait::{Op, Wait};
use rustydb_base::metrics::Gauge;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, PageId, RelId};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Most streams a store can have; relation numbers 16..80 are theirs.
pub const MAX_STREAMS: usize = 64;
/// Bytes of a segment: files shrink by whole segments.
pub const SEGMENT: u64 = 16 << 20;
/// Longest payload: a record fills at most one page.
pub const MAX_PAYLOAD: usize = BODY_END - BODY - HEAD_LEN;
/// Undo bytes between heads and tails of all streams.
pub static UNDO_BYTES: Gauge = Gauge::new("undo_bytes", "bytes of undo that rollback, snapshots or purge still need");

/// Most bytes that undo may hold now.
pub static UNDO_LIMIT: Gauge =
    Gauge::new("undo_limit_bytes", "bytes that undo may hold: undo_limit, or less when the disk is short of room");

const PAGE: u64 = PAGE_SIZE as u64;

/// The stream of changes of relations that never leave memory; it does not either.
pub const MEMORY_STREAM: u8 = u8::MAX;

/// The relation whose pages hold a stream.
pub fn stream_rel(stream: u8) -> RelId {
    let n = 16 + u32::from(stream);
    RelId(if stream == MEMORY_STREAM { n | RelId::UNLOGGED | RelId::MEMORY } else { n })
}

/// The stream that a relation holds.
pub(super) fn stream_of(rel: RelId) -> Option<u8> {
    let n = rel.number().checked_sub(16).and_then(|n| u8::try_from(n).ok())?;
    (stream_rel(n) == rel).then_some(n)
}

fn pid(stream: u8, offset: u64) -> Op<PageId> {
    let block = BlockNo::try_from(offset / PAGE)
        .map_err(|_| DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "undo stream has reached its end"))?;
    Ok(PageId::new(stream_rel(stream), block))
}

struct Stream {
    /// Where the next record goes if it fits there; a page boundary if the page is not formatted yet.
    tail: AtomicU64,
    /// Everything before this is dead.
    head: AtomicU64,
    /// Whole segments before this have been handed to the file layer.
    dropped: AtomicU64,
}

impl Stream {
    fn new(head: u64, tail: u64) -> Stream {
        Stream {
            tail: AtomicU64::new(tail.max(head)),
            head: AtomicU64::new(head),
            dropped: AtomicU64::new(head / SEGMENT * SEGMENT),
        }
    }

    fn bytes(&self) -> u64 {
        self.tail.load(Ordering::Relaxed).saturating_sub(self.head.load(Ordering::Relaxed))
    }

    fn pages(&self) -> u64 {
        self.tail.load(Ordering::Relaxed).next_multiple_of(PAGE).saturating_sub(self.head.load(Ordering::Relaxed))
    }
}

/// All undo streams of a store.
pub struct Streams {
    streams: Box<[Stream]>,
    limit: u64,
    /// What the disk has room for, as last looked at.
    by_disk: AtomicU64,
    /// Nobody can make room in full streams.
    hopeless: AtomicBool,
    /// [`MEMORY_STREAM`].
    memory: Stream,
    memory_limit: u64,
}

/// Room for one record, found by [`Streams::prepare`].
#[derive(Debug)]
pub struct UndoSlot {
    page: PageIdx,
    ptr: UndoPtr,
    fresh: bool,
    len: usize,
}

/// How far [`Streams::find_tail`] is.
#[derive(Default)]
pub struct TailSearch {
    /// The page looked at last.
    base: Option<u64>,
    /// End of the records in the last page found to have some.
    tail: Option<u64>,
}

impl UndoSlot {
    /// The address the record will have.
    pub fn ptr(&self) -> UndoPtr {
        self.ptr
    }
    /// Most log bytes that writing the record takes: part of the argument of [`Mtr::reserve`].
    pub fn log_bytes(&self) -> usize {
        self.len + redo::PACKED_MORE + 32
    }
}

impl Streams {
    /// `n` streams (1..=[`MAX_STREAMS`]), all empty, that may hold `limit` bytes together.
    pub fn new(n: usize, limit: u64) -> Streams {
        Streams::restore(&vec![(0, 0); n.clamp(1, MAX_STREAMS)], limit, limit)
    }

    /// Streams with the given heads and tails (offsets), e.g. a checkpoint's; see [`Streams::find_tail`]. The one in memory
    /// begins empty and may hold `memory_limit` bytes.
    pub fn restore(bounds: &[(u64, u64)], limit: u64, memory_limit: u64) -> Streams {
        let streams = bounds.iter().take(MAX_STREAMS).map(|&(head, tail)| Stream::new(head, tail)).collect();
        let by_disk = AtomicU64::new(u64::MAX);
        UNDO_LIMIT.set(i64::try_from(limit).unwrap_or(i64::MAX));
        Streams { streams, limit, by_disk, hopeless: AtomicBool::new(true), memory: Stream::new(0, 0), memory_limit }
    }

    /// Number of logged streams.
    pub fn count(&self) -> usize {
        self.streams.len()
    }

    /// Head and tail of each logged stream.
    pub fn bounds(&self) -> Vec<(u64, u64)> {
        self.streams.iter().map(|s| (s.head.load(Ordering::Acquire), s.tail.load(Ordering::Acquire))).collect()
    }

    fn stream(&self, stream: u8) -> Op<&Stream> {
        if stream == MEMORY_STREAM {
            return Ok(&self.memory);
        }
        self.streams
            .get(usize::from(stream))
            .ok_or_else(|| DbError::corrupt(format!("undo stream {stream} does not exist")).into())
    }

    /// Bytes in use over all logged streams.
    pub fn bytes(&self) -> u64 {
        let used = self.streams.iter().map(Stream::bytes).sum();
        UNDO_BYTES.set(used as i64);
        used
    }

    /// Bytes in use of one stream.
    pub fn bytes_of(&self, stream: u8) -> u64 {
        self.stream(stream).map_or(0, Stream::bytes)
    }

    /// Whether there is no room for another page. Pages that have been begun count as full ones, which they will be.
    pub fn is_full(&self) -> bool {
        let used: u64 = self.streams.iter().map(Stream::pages).sum();
        used + PAGE > self.limit()
    }

    /// Says whether writers that find the streams full are refused at once, which they are until told otherwise, or wait
    /// for room.
    pub fn set_hopeless(&self, yes: bool) {
        // Asked at the end of every transaction, and hardly ever true.
        if self.hopeless.load(Ordering::Relaxed) != yes {
            self.hopeless.store(yes, Ordering::Release);
        }
    }

    /// Bytes the streams may hold together: what they were given, or less when the disk is short of room.
    pub fn limit(&self) -> u64 {
        self.limit.min(self.by_disk.load(Ordering::Relaxed))
    }

    /// Says how many bytes of undo the disk has room for.
    pub fn set_room(&self, bytes: u64) {
        self.by_disk.store(bytes, Ordering::Relaxed);
        UNDO_LIMIT.set(i64::try_from(self.limit()).unwrap_or(i64::MAX));
    }

    /// Finds room for a record of the transaction with a payload of `payload_len` bytes, of a change of relation `rel`, and
    /// fixes its page. At most one record per mini-transaction; to be called after the row's pages are fixed (latch order).
    /// When the streams hold as much as they may it waits, or fails with 53100 if that would be in vain; with 53200 when the
    /// one in memory holds as much as it may.
    pub fn prepare(&self, mtr: &mut Mtr<'_>, txn: &TxnCx, rel: RelId, payload_len: usize) -> Op<UndoSlot> {
        if payload_len > MAX_PAYLOAD {
            return Err(DbError::internal("undo record does not fit a page").into());
        }
        let stream = if rel.is_memory() { MEMORY_STREAM } else { txn.stream };
        let s = self.stream(stream)?;
        let len = HEAD_LEN + payload_len;
        loop {
            let tail = s.tail.load(Ordering::Acquire);
            let at = tail % PAGE;
            // The tail's own page is latched in any case, because its latch protects the tail.
            let page = if at == 0 { mtr.create(pid(stream, tail)?)? } else { mtr.fix(pid(stream, tail)?)? };
            if s.tail.load(Ordering::Acquire) != tail {
                mtr.release_last();
                continue;
            }
            let (page, start, fresh) = if at == 0 {
                (page, tail + BODY as u64, true)
            } else if at as usize + len <= BODY_END {
                (page, tail, false)
            } else {
                if stream == MEMORY_STREAM && s.bytes() + PAGE > self.memory_limit {
                    return Err(DbError::new(
                        SqlState::OUT_OF_MEMORY,
                        "no room is left for old versions of rows of tables that are kept in memory",
                    )
                    .hint("A long-running transaction or snapshot keeps them. Or raise memory_table_limit.")
                    .into());
                }
                if stream != MEMORY_STREAM && self.is_full() {
                    if !self.hopeless.load(Ordering::Acquire) {
                        return Err(Wait::Undo);
                    }
                    return Err(DbError::new(SqlState::DISK_FULL, "undo space is exhausted")
                        .hint(if self.limit() < self.limit {
                            "A long-running transaction keeps old row versions, and the disk has no room for more of them."
                        } else {
                            "A long-running transaction keeps old row versions. Or raise undo_limit."
                        })
                        .into());
                }
                let next = tail - at + PAGE;
                (mtr.create(pid(stream, next)?)?, next + BODY as u64, true)
            };
            return Ok(UndoSlot { page, ptr: UndoPtr::new(stream, start), fresh, len });
        }
    }

    /// Writes the record, which becomes the transaction's newest one. After [`Mtr::reserve`]; infallible.
    pub fn apply(&self, mtr: &mut Mtr<'_>, slot: &UndoSlot, txn: &mut TxnCx, head: &UndoHead, payload: &[u8]) {
        if slot.fresh {
            let pid = mtr.pid(slot.page);
            mtr.apply(slot.page, code::FORMAT, &format_payload(pid, PageKind::Undo));
        }
        let at = slot.ptr.offset() % PAGE;
        let mut rec = Vec::with_capacity(slot.len);
        head.encode(txn, txn.last_in(slot.ptr.stream()), payload, &mut rec);
        debug_assert_eq!(rec.len(), slot.len, "payload length differs from the prepared one");
        let mut op = Vec::with_capacity(2 + slot.len + redo::PACKED_MORE);
        op.extend_from_slice(&(at as u16).to_le_bytes());
        // Never fails: the record was made just now.
        if redo::pack(slot.ptr, &rec, &mut op).is_err() {
            debug_assert!(false, "a record that cannot be packed");
        }
        mtr.apply(slot.page, redo::APPEND, &op);
        if let Ok(s) = self.stream(slot.ptr.stream()) {
            // Under the exclusive latch of the page that holds the tail.
            s.tail.store(slot.ptr.offset() + rec.len() as u64, Ordering::Release);
        }
        txn.set_last(slot.ptr);
    }

    /// Reads a record. Fails with 72000 ("snapshot too old") below the stream's head, with XX001 where no record is.
    pub fn read(&self, ptr: UndoPtr, pool: &Pool) -> Op<UndoRec> {
        let s = self.stream(ptr.stream())?;
        let off = ptr.offset();
        if off < s.head.load(Ordering::Acquire) {
            return Err(DbError::new(SqlState::SNAPSHOT_TOO_OLD, "snapshot too old").into());
        }
        if off >= s.tail.load(Ordering::Acquire) {
            return Err(DbError::corrupt(format!("undo pointer {:#x} is beyond its stream", ptr.0)).into());
        }
        let g = pool.read(pid(ptr.stream(), off)?, Access::Point)?;
        // A snapshot that was given up keeps nothing: the page may have gone, or be in use again, since the first look.
        if off < s.head.load(Ordering::Acquire) {
            return Err(DbError::new(SqlState::SNAPSHOT_TOO_OLD, "snapshot too old").into());
        }
        g.expect_kind(PageKind::Undo)?;
        let (at, end) = ((off % PAGE) as usize, usize::from(g.free_lo()));
        let bytes = g.bytes(at, end.saturating_sub(at))?;
        Ok(UndoRec::parse(ptr, bytes)?)
    }

    /// As [`Streams::read`], but `None` below the stream's head: for who can do without.
    pub fn read_if_kept(&self, ptr: UndoPtr, pool: &Pool) -> Op<Option<UndoRec>> {
        match self.read(ptr, pool) {
            Ok(rec) => Ok(Some(rec)),
            Err(Wait::Fail(e)) if e.code == SqlState::SNAPSHOT_TOO_OLD => Ok(None),
            Err(w) => Err(w),
        }
    }

    /// The first record at or after an offset of a stream, and the offset after it; `None` at the tail. For purge.
    pub fn next(&self, stream: u8, mut offset: u64, pool: &Pool) -> Op<Option<(UndoRec, u64)>> {
        let s = self.stream(stream)?;
        offset = offset.max(s.head.load(Ordering::Acquire));
        loop {
            if offset >= s.tail.load(Ordering::Acquire) {
                return Ok(None);
            }
            let at = (offset % PAGE) as usize;
            let g = pool.read(pid(stream, offset)?, Access::Scan)?;
            g.expect_kind(PageKind::Undo)?;
            let (at, end) = (at.max(BODY), usize::from(g.free_lo()));
            if at >= end {
                offset = offset / PAGE * PAGE + PAGE;
                continue;
            }
            let ptr = UndoPtr::new(stream, offset / PAGE * PAGE + at as u64);
            let rec = UndoRec::parse(ptr, g.bytes(at, end - at)?)?;
            let next = ptr.offset() + (HEAD_LEN + rec.payload.len()) as u64;
            return Ok(Some((rec, next)));
        }
    }

    /// After redo: moves a stream's tail from a checkpoint's value to the end of the last record that redo brought
    /// back. The checkpoint's value may be too low (records followed) or too high (a record was about to be logged and
    /// is lost), so this looks back for the last page that was written, then forward. After a wait it goes on where it
    /// was: there may be more undo than the pool has room for.
    pub fn find_tail(&self, stream: u8, pool: &Pool, search: &mut TailSearch) -> Op<u64> {
        let s = self.stream(stream)?;
        let first = s.head.load(Ordering::Acquire) / PAGE * PAGE;
        let base = search.base.get_or_insert(s.tail.load(Ordering::Acquire) / PAGE * PAGE);
        let end = |base: u64| -> Op<Option<u64>> {
            let g = pool.read(pid(stream, base)?, Access::Scan)?;
            Ok(g.is(PageKind::Undo).then(|| base + u64::from(g.free_lo())))
        };
        while search.tail.is_none() {
            search.tail = end(*base)?;
            if search.tail.is_some() {
                break;
            }
            if *base <= first {
                // Nothing was ever written here.
                s.head.fetch_min(*base, Ordering::AcqRel);
                s.tail.store(*base, Ordering::Release);
                return Ok(*base);
            }
            *base -= PAGE;
        }
        while let Some(e) = end(*base + PAGE)? {
            (*base, search.tail) = (*base + PAGE, Some(e));
        }
        let tail = search.tail.unwrap_or(*base);
        s.tail.store(tail, Ordering::Release);
        self.bytes();
        Ok(tail)
    }

    /// Nothing before `offset` is needed any more (purge has passed it).
    pub fn truncate(&self, stream: u8, offset: u64) -> Op<()> {
        let s = self.stream(stream)?;
        let offset = offset.min(s.tail.load(Ordering::Acquire));
        s.head.fetch_max(offset, Ordering::AcqRel);
        self.bytes();
        Ok(())
    }

    /// Blocks of the stream in memory that nobody needs any more and that [`Streams::memory_dropped`] has not been told of.
    pub fn dead_memory(&self) -> Range<BlockNo> {
        let block = |o: u64| (o / PAGE) as BlockNo;
        block(self.memory.dropped.load(Ordering::Acquire))..block(self.memory.head.load(Ordering::Acquire))
    }

    /// The pages before this block of the stream in memory are gone.
    pub fn memory_dropped(&self, to: BlockNo) {
        self.memory.dropped.fetch_max(u64::from(to) * PAGE, Ordering::AcqRel);
    }

    /// Everything before this offset is dead.
    pub fn truncated_below(&self, stream: u8) -> u64 {
        self.stream(stream).map_or(0, |s| s.head.load(Ordering::Acquire))
    }

    /// Blocks of whole dead segments that have not been answered before: their pages may be discarded and their files
    /// removed. `durable_head` is the stream's head in the last completed checkpoint, for recovery starts reading
    /// there. The page at the head itself always stays.
    pub fn take_droppable(&self, stream: u8, durable_head: u64) -> Option<Range<BlockNo>> {
        let s = self.streams.get(usize::from(stream))?;
        let to = s.head.load(Ordering::Acquire).min(durable_head) / SEGMENT * SEGMENT;
        let from = s.dropped.fetch_max(to, Ordering::AcqRel);
        let block = |o: u64| (o / PAGE) as BlockNo;
        (from < to).then(|| block(from)..block(to))
    }
}

impl From<UndoSlot> for UndoPtr {
    fn from(s: UndoSlot) -> UndoPtr {
        s.ptr
    }
}
