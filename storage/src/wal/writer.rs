//! The back of the log: one task that cuts batches, writes them and advances the stable LSN.
//!
//! States. *Working*: writes are under way or records are wanted. *Ticking*: nothing to do, a timer runs; when it
//! fires, leftovers nobody waited for are written, or else the SEAL. *Dormant*: everything is stable and sealed, no
//! timer; the first append wakes the writer.
//!
//! On real disks the task has a thread of its own and does small writes itself ([`crate::rt::near`]), so that a write's end,
//! the wake-up of the waiters and the next batch cost no thread hop.

use super::batch::{BatchHeader, BatchKind, ENCRYPTED, HEADER, SEAL_ROOM, batch_disk_len};
use super::gather::Gathering;
use super::log::{CUT_BYTES, Chunk, Shared};
use super::{LOG_BATCHES, LOG_BYTES, LOG_RECORDS, LogTail};
use crate::io::{AlignedBuf, BLOCK, FileId};
use crate::rt::{BoxFuture, oneshot};
use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use rustydb_base::{Lsn, Result};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Most data writes under way.
const IN_FLIGHT: usize = 4;

/// From where and as whom a writer begins.
pub(super) struct Start {
    pub tail: LogTail,
    pub writer_epoch: u32,
    /// Kind of the first batch.
    pub kind: BatchKind,
}

/// A batch whose write was submitted.
struct Submitted {
    end: Lsn,
    /// Ring bytes to give back when it is stable.
    payload: usize,
    began: Duration,
    done: bool,
}

/// The writer's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    file: FileId,
    segment: u64,
    /// Where the next batch goes in the segment.
    offset: u64,
    index: u64,
    prev_crc: u32,
    epoch: u32,
    /// End of the last batch cut.
    cut: Lsn,
    /// The next segment in preparation.
    next: Option<oneshot::Receiver<Result<FileId>>>,
    /// Batches in log order from the oldest not yet stable; the first has sequence number `first_seq`.
    submitted: VecDeque<Submitted>,
    first_seq: u64,
    writes: FuturesUnordered<BoxFuture<'static, (u64, Result<AlignedBuf>)>>,
    /// Stable LSN that the last batch on disk carries.
    sealed: Lsn,
    last_write: Duration,
    /// A write has landed since a batch was cut last.
    landed: bool,
    timer: Option<BoxFuture<'static, ()>>,
    gathering: Gathering,
    /// The end of the gathering under way.
    enough: Option<BoxFuture<'static, ()>>,
}

/// What woke the writer.
enum Event {
    Written(u64, Result<AlignedBuf>),
    Signal,
    Enough,
    Tick,
}

impl Writer {
    /// Opens the current segment, starts preparing the next, and writes the first batch of the epoch.
    pub async fn begin(shared: Arc<Shared>, start: Start) -> Result<Writer> {
        let Start { tail, writer_epoch, kind } = start;
        let file = shared.segments.prepare(&shared.io, &shared.cfg, tail.segment).await?;
        let mut w = Writer {
            file,
            segment: tail.segment,
            offset: tail.offset,
            index: tail.index,
            prev_crc: tail.prev_crc,
            epoch: writer_epoch,
            cut: tail.lsn,
            next: None,
            submitted: VecDeque::new(),
            first_seq: 0,
            writes: FuturesUnordered::new(),
            sealed: Lsn(0),
            last_write: shared.rt.monotonic(),
            landed: false,
            timer: None,
            gathering: Gathering::default(),
            enough: None,
            shared,
        };
        w.prepare_next();
        w.submit(kind, Chunk::new(w.cut, BLOCK)).await?;
        while let Some((seq, outcome)) = w.writes.next().await {
            w.written(seq, outcome)?;
        }
        Ok(w)
    }

    /// Runs until shutdown or the first fault.
    pub async fn run(mut self) {
        if let Err(e) = self.work().await {
            tracing::error!("the redo log stops: {}", e.message);
            self.shared.poison.trip(e);
        }
        self.shared.finish();
    }

    async fn work(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        loop {
            self.shared.poison.check()?;
            self.cut_batches().await?;
            if self.writes.is_empty() {
                if self.shared.shutting_down() {
                    return self.stop().await;
                }
                // Nothing is under way: from here on who wants something must wake us; then look once more.
                self.shared.call_at(self.gathering.quorum());
                if self.due() && self.shared.ready_bytes() > 0 {
                    self.shared.call_off();
                    continue;
                }
            }
            let signal = shared.signal.notified();
            let event = self.next_event(signal).await;
            self.shared.call_off();
            match event {
                Event::Written(seq, outcome) => {
                    self.written(seq, outcome)?;
                    while let Some(Some((seq, outcome))) = self.writes.next().now_or_never() {
                        self.written(seq, outcome)?;
                    }
                }
                Event::Signal => {
                    self.end_gathering();
                    self.arm(self.shared.cfg.idle_seal);
                }
                Event::Enough => self.end_gathering(),
                Event::Tick => self.tick().await?,
            }
        }
    }

    async fn next_event(&mut self, signal: tokio::sync::futures::Notified<'_>) -> Event {
        let mut signal = std::pin::pin!(signal);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(Some((seq, outcome))) = self.writes.poll_next_unpin(cx) {
                return Poll::Ready(Event::Written(seq, outcome));
            }
            if signal.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Signal);
            }
            if let Some(enough) = &mut self.enough
                && enough.poll_unpin(cx).is_ready()
            {
                return Poll::Ready(Event::Enough);
            }
            if let Some(timer) = &mut self.timer
                && timer.poll_unpin(cx).is_ready()
            {
                self.timer = None;
                return Poll::Ready(Event::Tick);
            }
            Poll::Pending
        })
        .await
    }

    /// Whether somebody waits for what is not cut yet, and it is time to cut for him.
    fn due(&self) -> bool {
        (self.landed || self.writes.is_empty())
            && self.shared.wanted_beyond(self.cut)
            && self.gathering.has(self.shared.waiters.waiting())
    }

    /// Cuts and submits what the rules allow.
    async fn cut_batches(&mut self) -> Result<()> {
        while self.writes.len() < IN_FLIGHT {
            if !(self.due() || self.shared.ready_bytes() >= CUT_BYTES || self.shared.shutting_down()) {
                break;
            }
            let Some(chunk) = self.shared.take_chunk() else { break };
            self.end_gathering();
            self.landed = false;
            self.submit(BatchKind::Data, chunk).await?;
        }
        Ok(())
    }

    fn end_gathering(&mut self) {
        self.gathering.close(self.shared.waiters.waiting());
        self.enough = None;
    }

    /// The quiet time may be over: write leftovers, or the SEAL, or go dormant.
    async fn tick(&mut self) -> Result<()> {
        let quiet = self.shared.rt.monotonic().saturating_sub(self.last_write);
        let limit = self.shared.cfg.idle_seal;
        if !self.writes.is_empty() || quiet < limit {
            // A write that takes longer than the quiet time must not make this a busy loop.
            self.arm(if quiet < limit { limit - quiet } else { limit });
            return Ok(());
        }
        if let Some(chunk) = self.shared.take_chunk() {
            self.submit(BatchKind::Data, chunk).await?;
        } else if self.sealed < self.shared.waiters.stable() {
            self.submit(BatchKind::Seal, Chunk::new(self.cut, BLOCK)).await?;
        } else if self.shared.try_dormant() {
            return Ok(());
        }
        self.arm(limit);
        Ok(())
    }

    fn arm(&mut self, after: Duration) {
        if self.timer.is_none() {
            self.timer = Some(self.shared.rt.sleep(after));
        }
    }

    /// Everything is written; close the log with a SEAL.
    async fn stop(&mut self) -> Result<()> {
        while let Some(chunk) = self.shared.take_chunk() {
            self.submit(BatchKind::Data, chunk).await?;
            self.drain().await?;
        }
        if self.sealed < self.shared.waiters.stable() {
            self.submit(BatchKind::Seal, Chunk::new(self.cut, BLOCK)).await?;
            self.drain().await?;
        }
        Ok(())
    }

    async fn drain(&mut self) -> Result<()> {
        while let Some((seq, outcome)) = self.writes.next().await {
            self.written(seq, outcome)?;
        }
        Ok(())
    }

    /// Gives the chunk its header and place and starts its write.
    async fn submit(&mut self, kind: BatchKind, chunk: Chunk) -> Result<()> {
        // Whether it is sealed or not: a batch never needs more.
        let size = batch_disk_len(chunk.len + SEAL_ROOM) as u64;
        if self.offset + size > self.shared.cfg.segment_size {
            if self.offset < self.shared.cfg.segment_size {
                self.write_batch(BatchKind::Blank, Chunk::new(self.cut, BLOCK)).await?;
            }
            self.enter_next_segment().await?;
        }
        self.write_batch(kind, chunk).await
    }

    async fn write_batch(&mut self, kind: BatchKind, mut chunk: Chunk) -> Result<()> {
        let stable = self.shared.waiters.stable();
        let mut header = BatchHeader {
            kind,
            flags: if self.shared.cfg.crypto.is_some() && chunk.len > 0 { ENCRYPTED } else { 0 },
            cluster_id: self.shared.cfg.cluster_id,
            log_id: self.shared.cfg.log_id,
            term: 0,
            index: self.index,
            writer_epoch: self.epoch,
            start_lsn: chunk.start,
            // A chunk is far smaller than 4 GiB (`LogConfig::max_record`, `chunk_bytes`).
            len: chunk.len as u32,
            scn_lo: chunk.scn_lo,
            scn_hi: chunk.scn_hi,
            stable_lsn: stable,
            prev_crc: self.prev_crc,
            crc: 0,
        };
        let size = header.disk_len();
        chunk.buf.set_len(size);
        chunk.buf[HEADER + chunk.len..].fill(0);
        self.prev_crc = header.seal(&mut chunk.buf, self.shared.cfg.crypto.as_deref())?;
        let end = header.end_lsn();
        let seq = self.first_seq + self.submitted.len() as u64;
        self.submitted.push_back(Submitted { end, payload: chunk.len, began: self.shared.rt.monotonic(), done: false });
        let mut write = self.shared.io.write(&self.file, self.offset, chunk.buf);
        self.index += 1;
        self.offset += size as u64;
        self.cut = end;
        self.sealed = stable;
        LOG_BATCHES.inc();
        LOG_BYTES.add(chunk.len as u64);
        LOG_RECORDS.add(chunk.records);
        match futures::poll!(&mut write) {
            // Done in place.
            Poll::Ready(outcome) => self.written(seq, outcome),
            Poll::Pending => {
                self.writes.push(async move { (seq, write.await) }.boxed());
                Ok(())
            }
        }
    }

    /// A write has ended: advance the stable LSN as far as the chain is whole.
    fn written(&mut self, seq: u64, outcome: Result<AlignedBuf>) -> Result<()> {
        outcome?;
        self.landed = true;
        self.last_write = self.shared.rt.monotonic();
        let mut took = Duration::ZERO;
        if let Some(batch) = usize::try_from(seq - self.first_seq).ok().and_then(|i| self.submitted.get_mut(i)) {
            batch.done = true;
            took = self.last_write.saturating_sub(batch.began);
        }
        let (mut stable, mut freed) = (self.shared.waiters.stable(), 0);
        while let Some(batch) = self.submitted.pop_front_if(|b| b.done) {
            self.first_seq += 1;
            stable = batch.end;
            freed += batch.payload;
        }
        if freed > 0 {
            let (woken, waiting) = self.shared.waiters.advance(stable);
            self.shared.give_back(freed);
            if self.submitted.is_empty() {
                self.enough = self.gathering.landed(took, woken, waiting).map(|d| self.shared.rt.sleep(d));
            }
        }
        self.arm(self.shared.cfg.idle_seal);
        Ok(())
    }

    /// Starts preparing the next segment in the background.
    fn prepare_next(&mut self) {
        let (tx, rx) = oneshot::channel();
        let (shared, number) = (self.shared.clone(), self.segment + 1);
        self.shared.rt.spawn(
            "log segment",
            async move {
                let file = shared.segments.prepare(&shared.io, &shared.cfg, number).await;
                // The writer may have stopped; the spare serves the next start.
                let _ = tx.send(file);
            }
            .boxed(),
        );
        self.next = Some(rx);
    }

    async fn enter_next_segment(&mut self) -> Result<()> {
        let prepared = match self.next.take() {
            Some(rx) => rx.await.ok(),
            None => None,
        };
        let number = self.segment + 1;
        self.file = match prepared {
            Some(file) => file?,
            // The background task is gone with its runtime; do it here.
            None => self.shared.segments.prepare(&self.shared.io, &self.shared.cfg, number).await?,
        };
        self.segment = number;
        self.offset = 0;
        self.shared.segments.enter(number, self.cut).await;
        self.prepare_next();
        Ok(())
    }
}
