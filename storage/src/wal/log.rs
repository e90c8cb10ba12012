//! The front of the log: reserving, appending, waiting. The back is [`super::writer`].

use super::batch::{BatchKind, HEADER, SEAL_ROOM};
use super::retention::KeepMarks;
use super::segment::Segments;
use super::waiters::{WaitStable, Waiters};
use super::writer::{self, Start};
use super::{FIRST_LSN, LOG_FULL, LOG_RING_BYTES, LogConfig, LogTail, RECORD_OVERHEAD};
use crate::io::{AlignedBuf, IoRef};
use crate::mtr;
use crate::rt::{Notify, RuntimeRef};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::wait::{Op, Wait};
use futures::FutureExt as _;
use rustydb_base::poison::Poison;
use rustydb_base::{DbError, Lsn, Result, Scn, SqlState};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

/// Ready bytes at which a batch is cut whoever waits.
pub(super) const CUT_BYTES: usize = 64 << 10;

/// The redo log of this server; clones are the same log.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

/// A number that never wait: the writer is awake, or a write's end will wake it.
const NOBODY: usize = usize::MAX;

/// What sessions and the writer share.
pub(super) struct Shared {
    pub cfg: LogConfig,
    pub io: IoRef,
    pub rt: RuntimeRef,
    pub poison: Poison,
    pub waiters: Waiters,
    pub segments: Segments,
    pub keep: KeepMarks,
    /// The append latch.
    append: Mutex<Append>,
    /// Copy of `Append::end`, readable without the latch.
    end: AtomicU64,
    /// Highest LSN somebody waits for.
    wanted: AtomicU64,
    /// The writer sleeps with no write under way, and is to be woken by whoever finds that so many wait; [`NOBODY`] otherwise.
    quorum: AtomicUsize,
    pub signal: Notify,
    /// One permit per byte of the ring. Fair: a large reservation is not starved by small ones.
    space: Semaphore,
    shutdown: AtomicBool,
    finished: AtomicBool,
    /// Notified once `finished` is set.
    stopped_signal: Notify,
}

struct Append {
    /// The chunk that records go to.
    open: Chunk,
    /// Full chunks, oldest first; their bytes are bounded by the ring.
    full: VecDeque<Chunk>,
    /// LSN of the next record.
    end: u64,
    /// Nothing is pending and the writer has no timer: the first append must wake it.
    dormant: bool,
}

/// A batch in the making: payload from byte [`HEADER`] on.
pub(super) struct Chunk {
    pub buf: AlignedBuf,
    pub start: Lsn,
    /// Payload bytes so far.
    pub len: usize,
    /// Records so far.
    pub records: u64,
    pub scn_lo: u64,
    pub scn_hi: u64,
}

impl Chunk {
    /// An empty chunk of `bytes` bytes, header included.
    pub fn new(start: Lsn, bytes: usize) -> Chunk {
        Chunk { buf: AlignedBuf::with_len(bytes), start, len: 0, records: 0, scn_lo: 0, scn_hi: 0 }
    }

    fn fits(&self, record: usize) -> bool {
        HEADER + self.len + RECORD_OVERHEAD + record + SEAL_ROOM <= self.buf.len()
    }
}

/// Why a reservation cannot be had now.
#[derive(Debug)]
pub enum ReserveError {
    /// The ring is full: wait with [`Log::reserve_wait`] and try again.
    Full,
    /// It never will: the server is stopping, the log on disk is full, or the record is too large.
    Failed(DbError),
}

/// Room for one record, given back when dropped unused.
pub struct LogReservation {
    shared: Arc<Shared>,
    permits: usize,
}

impl LogReservation {
    /// Longest record this is good for, in bytes.
    pub fn bytes(&self) -> usize {
        self.permits.saturating_sub(RECORD_OVERHEAD)
    }
}

impl Drop for LogReservation {
    fn drop(&mut self) {
        self.shared.give_back(self.permits);
    }
}

impl Shared {
    /// Bytes of the ring that are free again.
    pub fn give_back(&self, bytes: usize) {
        LOG_RING_BYTES.add(-(bytes as i64));
        self.space.add_permits(bytes);
    }

    /// Somebody needs `lsn` soon, whether others wait or not.
    pub fn want(&self, lsn: Lsn) {
        self.want_with(lsn, NOBODY - 1);
    }

    /// Somebody waits for `lsn`, as the last of so many.
    pub fn want_with(&self, lsn: Lsn, waiting: usize) {
        self.wanted.fetch_max(lsn.0, Ordering::SeqCst);
        // Only the first of those who are enough wakes the writer.
        if waiting >= self.quorum.load(Ordering::SeqCst) && self.quorum.swap(NOBODY, Ordering::SeqCst) != NOBODY {
            self.signal.notify_one();
        }
    }

    /// Whether somebody waits beyond `lsn`.
    pub fn wanted_beyond(&self, lsn: Lsn) -> bool {
        self.wanted.load(Ordering::SeqCst) > lsn.0
    }

    /// The writer is about to sleep with nothing under way until so many wait; it must look for work once more afterwards.
    pub fn call_at(&self, quorum: usize) {
        self.quorum.store(quorum, Ordering::SeqCst);
    }

    /// The writer is awake.
    pub fn call_off(&self) {
        self.quorum.store(NOBODY, Ordering::SeqCst);
    }

    /// Why waiting is in vain, once it is.
    pub fn stopped(&self) -> Option<DbError> {
        if let Err(e) = self.poison.check()
            && self.finished.load(Ordering::SeqCst)
        {
            return Some(e);
        }
        self.finished
            .load(Ordering::SeqCst)
            .then(|| DbError::fatal(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command"))
    }

    pub fn shutting_down(&self) -> bool {
        self.shutdown.load(Ordering::SeqCst)
    }

    /// The writer's last act: nobody waits in vain.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::SeqCst);
        self.space.close();
        self.waiters.wake_all();
        self.stopped_signal.notify_waiters();
    }

    /// Payload bytes ready to be cut, at least up to [`CUT_BYTES`].
    pub fn ready_bytes(&self) -> usize {
        let a = self.append.lock();
        if a.full.is_empty() { a.open.len } else { CUT_BYTES.max(a.open.len) }
    }

    /// Takes the oldest chunk with records in it.
    pub fn take_chunk(&self) -> Option<Chunk> {
        {
            let mut a = self.append.lock();
            if let Some(chunk) = a.full.pop_front() {
                return Some(chunk);
            }
            if a.open.len == 0 {
                return None;
            }
        }
        // Allocate outside the latch; meanwhile the open chunk may have become a full one.
        let fresh = Chunk::new(Lsn(0), self.cfg.chunk_bytes());
        let mut a = self.append.lock();
        if let Some(chunk) = a.full.pop_front() {
            return Some(chunk);
        }
        let start = Lsn(a.end);
        Some(std::mem::replace(&mut a.open, Chunk { start, ..fresh }))
    }

    /// Lets the writer sleep without a timer, if nothing is pending.
    pub fn try_dormant(&self) -> bool {
        let mut a = self.append.lock();
        a.dormant = a.open.len == 0 && a.full.is_empty();
        a.dormant
    }

    fn append(&self, record: &[u8], scn: Option<Scn>) -> (Lsn, Lsn) {
        let mut a = self.append.lock();
        let mut pushed = false;
        if !a.open.fits(record.len()) {
            let bytes = self.cfg.chunk_bytes().max(HEADER + RECORD_OVERHEAD + record.len() + SEAL_ROOM);
            let fresh = Chunk::new(Lsn(a.end), bytes);
            let full = std::mem::replace(&mut a.open, fresh);
            if full.len > 0 {
                a.full.push_back(full);
                pushed = true;
            }
        }
        let start = a.end;
        let chunk = &mut a.open;
        let before = chunk.len;
        let at = HEADER + chunk.len;
        // A record's length is bounded by `max_record`, far below 4 GiB.
        chunk.buf[at..at + RECORD_OVERHEAD].copy_from_slice(&(record.len() as u32).to_le_bytes());
        chunk.buf[at + RECORD_OVERHEAD..at + RECORD_OVERHEAD + record.len()].copy_from_slice(record);
        chunk.len += RECORD_OVERHEAD + record.len();
        chunk.records += 1;
        if let Some(Scn(scn)) = scn {
            chunk.scn_lo = if chunk.scn_lo == 0 { scn } else { chunk.scn_lo.min(scn) };
            chunk.scn_hi = chunk.scn_hi.max(scn);
        }
        let crossed = before < CUT_BYTES && chunk.len >= CUT_BYTES;
        let end = start + (RECORD_OVERHEAD + record.len()) as u64;
        a.end = end;
        self.end.store(end, Ordering::Release);
        let wake = std::mem::take(&mut a.dormant) || crossed || pushed;
        drop(a);
        if wake {
            self.signal.notify_one();
        }
        (Lsn(start), Lsn(end))
    }
}

impl Log {
    /// Makes the log of a new database: directory, first segment, first WRITER batch. Starts the writer.
    pub async fn create(io: IoRef, rt: RuntimeRef, poison: Poison, cfg: LogConfig) -> Result<Log> {
        io.mkdir(&cfg.dir).await?;
        io.sync_dir("").await?;
        let segments = Segments::create(&io, &cfg).await?;
        let tail = LogTail { segment: 1, offset: 0, index: 1, lsn: FIRST_LSN, prev_crc: 0, writer_epoch: 0 };
        Log::start(io, rt, poison, cfg, segments, tail, 1).await
    }

    /// Continues after the tail that recovery's [`super::LogReader`] found. `writer_epoch` must be greater than the
    /// tail's and than any epoch the control file has promised.
    pub async fn open(
        io: IoRef,
        rt: RuntimeRef,
        poison: Poison,
        cfg: LogConfig,
        tail: LogTail,
        writer_epoch: u32,
    ) -> Result<Log> {
        if writer_epoch <= tail.writer_epoch {
            return Err(DbError::internal(format!(
                "log writer epoch {writer_epoch} is not above the log's last, {}",
                tail.writer_epoch
            )));
        }
        let segments = Segments::open(&io, &cfg, &tail).await?;
        Log::start(io, rt, poison, cfg, segments, tail, writer_epoch).await
    }

    async fn start(
        io: IoRef,
        rt: RuntimeRef,
        poison: Poison,
        cfg: LogConfig,
        segments: Segments,
        tail: LogTail,
        writer_epoch: u32,
    ) -> Result<Log> {
        let chunk = Chunk::new(tail.lsn, cfg.chunk_bytes());
        let shared = Arc::new(Shared {
            waiters: Waiters::new(tail.lsn),
            append: Mutex::new(Append { open: chunk, full: VecDeque::new(), end: tail.lsn.0, dormant: true }),
            end: AtomicU64::new(tail.lsn.0),
            wanted: AtomicU64::new(0),
            quorum: AtomicUsize::new(NOBODY),
            signal: Notify::new(),
            space: Semaphore::new(cfg.ring_bytes),
            shutdown: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            stopped_signal: Notify::new(),
            keep: KeepMarks::default(),
            segments,
            cfg,
            io,
            rt,
            poison,
        });
        // The epoch's first batch must be on disk before anything relies on the epoch.
        let writer =
            writer::Writer::begin(shared.clone(), Start { tail, writer_epoch, kind: BatchKind::Writer }).await?;
        if let Err(task) = shared.io.spawn_near("log-writer", writer.run().boxed()) {
            shared.rt.spawn("log writer", task);
        }
        Ok(Log(shared))
    }

    /// Makes sure that a record of up to `bytes` can be appended without waiting.
    pub fn reserve(&self, bytes: usize) -> Result<LogReservation, ReserveError> {
        self.reserve_as(bytes, false)
    }

    /// As [`Log::reserve`], for what frees log space (checkpoints) or ends transactions: not refused when the log on
    /// disk has reached `max_wal_bytes`.
    pub fn reserve_critical(&self, bytes: usize) -> Result<LogReservation, ReserveError> {
        self.reserve_as(bytes, true)
    }

    fn reserve_as(&self, bytes: usize, critical: bool) -> Result<LogReservation, ReserveError> {
        let permits = self.take_permits(bytes, critical)?;
        Ok(LogReservation { shared: self.0.clone(), permits })
    }

    /// Takes the ring bytes of a record of up to `bytes`; answers how many.
    fn take_permits(&self, bytes: usize, critical: bool) -> Result<usize, ReserveError> {
        let permits = self.check_reserve(bytes, critical).map_err(ReserveError::Failed)?;
        match self.0.space.try_acquire_many(permits) {
            Ok(p) => Ok(self.taken(p)),
            Err(TryAcquireError::NoPermits) => {
                LOG_FULL.inc();
                Err(ReserveError::Full)
            }
            Err(TryAcquireError::Closed) => Err(ReserveError::Failed(self.closed())),
        }
    }

    /// Waits until a record of up to `bytes` can be appended.
    pub async fn reserve_wait(&self, bytes: usize) -> Result<LogReservation> {
        let permits = self.check_reserve(bytes, false)?;
        // Whoever waits for room needs the pending bytes written, even if nobody waits for them.
        self.0.want(self.end_lsn());
        let p = self.0.space.acquire_many(permits).await.map_err(|_| self.closed())?;
        Ok(LogReservation { shared: self.0.clone(), permits: self.taken(p) })
    }

    fn check_reserve(&self, bytes: usize, critical: bool) -> Result<u32> {
        self.0.poison.check()?;
        if self.0.shutting_down() {
            return Err(self.closed());
        }
        let max = self.0.cfg.max_record();
        if bytes > max {
            return Err(DbError::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("log record of {bytes} bytes exceeds the maximum of {max}"),
            ));
        }
        if !critical && self.0.segments.disk_bytes() > self.0.cfg.max_wal_bytes {
            return Err(DbError::new(SqlState::DISK_FULL, "the redo log has reached its maximum size")
                .detail(format!(
                    "The log takes {} bytes; the limit is {}.",
                    self.0.segments.disk_bytes(),
                    self.0.cfg.max_wal_bytes
                ))
                .hint("Wait for a checkpoint, or raise max_wal_size."));
        }
        Ok((bytes + RECORD_OVERHEAD) as u32)
    }

    fn taken(&self, p: SemaphorePermit<'_>) -> usize {
        let permits = p.num_permits();
        p.forget();
        LOG_RING_BYTES.add(permits as i64);
        permits
    }

    fn closed(&self) -> DbError {
        self.0.stopped().unwrap_or_else(|| DbError::fatal(SqlState::ADMIN_SHUTDOWN, "the redo log is shut down"))
    }

    /// Appends a record and answers its start and end LSN; pages changed by it carry the end LSN. `scn` is the commit
    /// SCN it carries, if any; the caller appends commits in SCN order.
    ///
    /// # Panics
    /// When the record is longer than its reservation.
    pub fn append(&self, mut reservation: LogReservation, record: &[u8], scn: Option<Scn>) -> (Lsn, Lsn) {
        let used = RECORD_OVERHEAD + record.len();
        assert!(used <= reservation.permits, "record of {} bytes, {} reserved", record.len(), reservation.bytes());
        // What was used stays taken until the bytes are stable; the rest goes back now.
        reservation.permits -= used;
        self.0.append(record, scn)
    }

    /// LSN after the last appended record.
    pub fn end_lsn(&self) -> Lsn {
        Lsn(self.0.end.load(Ordering::Acquire))
    }

    /// Everything below this LSN survives any crash.
    pub fn stable_lsn(&self) -> Lsn {
        self.0.waiters.stable()
    }

    /// Completes when the log is stable up to `lsn` (which must have been appended); fails when the log has stopped
    /// before that.
    pub fn wait_stable(&self, lsn: Lsn) -> WaitStable {
        debug_assert!(lsn <= self.end_lsn(), "waiting for {lsn}, the log ends at {}", self.end_lsn());
        WaitStable::new(self.0.clone(), lsn)
    }

    /// Asks for everything up to `lsn` to be written soon, without waiting.
    pub fn flush_soon(&self, lsn: Lsn) {
        if self.stable_lsn() < lsn {
            self.0.want(lsn);
        }
    }

    /// Marks of what must be kept; see [`Log::recycle`].
    pub fn keep(&self) -> &KeepMarks {
        &self.0.keep
    }

    /// Recycles or removes the segments that lie wholly below every mark. Without marks nothing is removed.
    pub async fn recycle(&self) -> Result<()> {
        match self.0.keep.lowest() {
            Some(lsn) => self.0.segments.recycle(&self.0.io, &self.0.cfg, lsn).await,
            None => Ok(()),
        }
    }

    /// Bytes of log on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.0.segments.disk_bytes()
    }

    /// The configuration the log was opened with.
    pub fn config(&self) -> &LogConfig {
        &self.0.cfg
    }

    /// Writes what is pending and a SEAL, then stops the writer. Appending afterwards is refused.
    pub async fn shutdown(&self) -> Result<()> {
        self.0.shutdown.store(true, Ordering::SeqCst);
        self.0.signal.notify_one();
        loop {
            // Created before the look at the flag, so that it sees every later notification.
            let stopped = self.0.stopped_signal.notified();
            if self.0.finished.load(Ordering::SeqCst) {
                break;
            }
            stopped.await;
        }
        self.0.poison.check()
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.0.waiters.waiting()
    }
}

/// The mini-transaction's view of the log.
impl mtr::LogAppend for Log {
    fn reserve(&self, bytes: usize) -> Op<mtr::Reservation<'_>> {
        match self.take_permits(bytes, false) {
            // The mini-transaction's reservation counts record bytes; the record's overhead rides along.
            Ok(_) => Ok(mtr::Reservation::new(self, bytes)),
            Err(ReserveError::Full) => Err(Wait::LogSpace),
            Err(ReserveError::Failed(e)) => Err(e.into()),
        }
    }

    fn append(&self, reservation: mtr::Reservation<'_>, record: &[u8]) -> (Lsn, Lsn) {
        // Longer than reserved is a bug that has tripped the poison by now; nothing of it will be written.
        self.0.give_back(reservation.bytes().saturating_sub(record.len()));
        std::mem::forget(reservation);
        self.0.append(record, commit_scn(record))
    }

    fn release(&self, bytes: usize) {
        self.0.give_back(bytes + RECORD_OVERHEAD);
    }
}

/// The SCN in a commit record of a mini-transaction (see [`mtr`] for the format).
fn commit_scn(record: &[u8]) -> Option<Scn> {
    let (kind, mut rest) = record.split_first()?;
    if *kind != mtr::kind::COMMIT {
        return None;
    }
    let (_xid, _head_len) = (mtr::get_varint(&mut rest).ok()?, mtr::get_varint(&mut rest).ok()?);
    rest.first_chunk().map(|b| Scn(u64::from_le_bytes(*b)))
}
