//! The page writer: brings changed pages home, so that frames become free and the redo distance stays bounded.
//!
//! A pass takes a batch of dirty pages, copies each under its latch ([`Pool::begin_write`]), waits until the log is stable
//! up to the newest change among them (I1), saves the copies in the double-write file, writes them home, syncs, clears
//! the double-write slot and only then calls the pages clean. No latch is held while anything is waited for (I27). A pass
//! that is behind has [`AT_ONCE`] batches on their way together, so that it is not the steps' latency that bounds it.
//!
//! A failed write or sync trips the poison: what is on disk is then unknown, nothing is retried, the server stops.

use super::files::PageFiles;
use super::pool::Pool;
use crate::crypto::CryptoRef;
use crate::dwb::{BATCH_PAGES, DoubleWrite, SLOTS};
use crate::io::AlignedBuf;
use crate::page::{PAGE_SIZE, Page};
use crate::rt::{Notify, RuntimeRef, yield_now};
use crate::wal::Log;
use futures::FutureExt as _;
use rustydb_base::metrics::Counter;
use rustydb_base::poison::Poison;
use rustydb_base::{Lsn, PageId, Result};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Pages written home.
pub static PAGES_WRITTEN: Counter = Counter::new("pages_written", "page images written to their files");

/// Batches of a pass that are on their way together; the double-write file has room for twice as many.
const AT_ONCE: usize = SLOTS / 2;

/// How long the writer sleeps when nobody asks for room, after a pass that found nothing to do.
const NAP: Duration = Duration::from_millis(100);
/// Longest such sleep: each pass that finds nothing doubles the next one.
const LONG_NAP: Duration = Duration::from_secs(1);
/// The same after a pass that wrote.
const SHORT_NAP: Duration = Duration::from_millis(10);
/// Most naps that one transaction is slowed down by.
const THROTTLE_ROUNDS: usize = 100;
/// How long to wait when every frame is pinned.
const PINNED_NAP: Duration = Duration::from_millis(1);

/// Runs under a page's exclusive latch before it is copied for writing (e.g. stamps commit SCNs into rows).
pub type WriteHint = Box<dyn Fn(&mut Page) + Send + Sync>;

/// The page writer of a store.
pub struct PageWriter {
    pool: Arc<Pool>,
    files: Arc<PageFiles>,
    dwb: DoubleWrite,
    rt: RuntimeRef,
    poison: Poison,
    /// Unset during recovery, when every LSN in a page is stable already.
    log: OnceLock<Log>,
    hint: OnceLock<WriteHint>,
    /// Seals what is written.
    crypto: CryptoRef,
    /// Longest redo distance to aim for, in log bytes.
    distance: u64,
    kick: Notify,
    cleaned: Notify,
    stop: AtomicBool,
    /// The background task runs: others ask it for room instead of writing themselves.
    running: AtomicBool,
    passes: AtomicU64,
    /// Oldest change not written home, as last measured.
    oldest: AtomicU64,
}

impl PageWriter {
    /// A writer for a pool. `distance`: redo distance (log bytes from the oldest unwritten change) to stay below.
    pub fn new(
        pool: Arc<Pool>,
        files: Arc<PageFiles>,
        dwb: DoubleWrite,
        rt: RuntimeRef,
        poison: Poison,
        crypto: CryptoRef,
        distance: u64,
    ) -> Arc<PageWriter> {
        Arc::new(PageWriter {
            pool,
            files,
            dwb,
            rt,
            poison,
            log: OnceLock::new(),
            hint: OnceLock::new(),
            crypto,
            distance,
            kick: Notify::new(),
            cleaned: Notify::new(),
            stop: AtomicBool::new(false),
            running: AtomicBool::new(false),
            passes: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
        })
    }

    /// From now on pages are written only behind this log.
    pub fn set_log(&self, log: Log) {
        self.oldest.store(self.pool.min_rec_lsn().unwrap_or(log.end_lsn()).0, Ordering::Relaxed);
        // Set once, when recovery has opened the log.
        let _ = self.log.set(log);
    }

    /// How far the log is stable: no page that was written is newer. `None` before it is open.
    pub(crate) fn stable_lsn(&self) -> Option<Lsn> {
        self.log.get().map(Log::stable_lsn)
    }

    /// What to do to pages before they are copied.
    pub fn set_hint(&self, hint: WriteHint) {
        let _ = self.hint.set(hint);
    }

    /// Starts the background task. May be done again after [`PageWriter::stop`].
    pub fn start(self: &Arc<Self>) {
        self.stop.store(false, Ordering::SeqCst);
        self.running.store(true, Ordering::SeqCst);
        let this = Arc::clone(self);
        self.rt.spawn("page writer", async move { this.run().await }.boxed());
    }

    async fn run(self: Arc<Self>) {
        let mut nap = NAP;
        while !self.stop.load(Ordering::SeqCst) && !self.poison.is_tripped() {
            let kick = self.kick.notified();
            futures::pin_mut!(kick);
            futures::future::select(kick, self.rt.sleep(nap)).await;
            match self.pass().await {
                Ok(true) => nap = SHORT_NAP,
                Ok(false) => nap = (nap * 2).clamp(NAP, LONG_NAP),
                Err(_) => break,
            }
        }
        self.running.store(false, Ordering::SeqCst);
        self.cleaned.notify_waiters();
    }

    /// Stops the background task after its present batch.
    pub async fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.kick.notify_one();
        loop {
            let done = self.cleaned.notified();
            if !self.running.load(Ordering::SeqCst) {
                break;
            }
            done.await;
        }
    }

    /// Frames that should be had without waiting.
    fn reserve_frames(&self) -> usize {
        (self.pool.capacity() / 25).max(16).min(self.pool.capacity() / 4)
    }

    /// Writes until enough frames are clean and the redo distance is small enough.
    async fn pass(&self) -> Result<bool> {
        let mut any = false;
        loop {
            let short = self.pool.available() < self.reserve_frames();
            let far = self.measure() > self.distance;
            let victims = match (short, far) {
                (_, true) => self.pool.dirty_pages(BATCH_PAGES * AT_ONCE),
                (true, false) => self.pool.cold_dirty_pages(BATCH_PAGES * AT_ONCE),
                _ => Vec::new(),
            };
            let batches = victims.chunks(BATCH_PAGES).map(|batch| async {
                let wrote = self.write_some(batch).await;
                // Whoever waits for frames need not wait for the other batches.
                self.passes.fetch_add(1, Ordering::SeqCst);
                self.cleaned.notify_waiters();
                wrote
            });
            // None is abandoned half-way because another fails.
            let wrote: usize = futures::future::join_all(batches).await.into_iter().sum::<Result<usize>>()?;
            self.passes.fetch_add(1, Ordering::SeqCst);
            self.cleaned.notify_waiters();
            any |= wrote > 0;
            if wrote == 0 || self.stop.load(Ordering::SeqCst) {
                return Ok(any);
            }
        }
    }

    /// Measures the redo distance.
    fn measure(&self) -> u64 {
        let Some(log) = self.log.get() else { return 0 };
        let end = log.end_lsn().0;
        let oldest = self.pool.min_rec_lsn().map_or(end, |r| r.0);
        self.oldest.store(oldest, Ordering::Relaxed);
        end.saturating_sub(oldest)
    }

    /// Log bytes from the oldest change not written home, as last measured.
    pub fn redo_distance(&self) -> u64 {
        let end = self.log.get().map_or(0, |l| l.end_lsn().0);
        end.saturating_sub(self.oldest.load(Ordering::Relaxed))
    }

    /// Slows a writer down while the redo distance is more than twice what it should be, because pages go home more
    /// slowly than they change.
    pub async fn throttle(&self) -> Result<()> {
        for _ in 0..THROTTLE_ROUNDS {
            if self.redo_distance() <= self.distance.saturating_mul(2) || !self.running.load(Ordering::SeqCst) {
                break;
            }
            self.poison.check()?;
            self.kick.notify_one();
            self.rt.sleep(SHORT_NAP).await;
        }
        Ok(())
    }

    /// Waits until a frame can probably be had.
    pub async fn make_room(&self) -> Result<()> {
        self.poison.check()?;
        let before = self.passes.load(Ordering::SeqCst);
        let cleaned = self.cleaned.notified();
        futures::pin_mut!(cleaned);
        // Registered before the writer is woken, so its notification cannot be missed.
        cleaned.as_mut().enable();
        if !self.running.load(Ordering::SeqCst) {
            // No background writer (recovery, shutdown): write ourselves.
            if self.write_some(&self.pool.cold_dirty_pages(BATCH_PAGES)).await? == 0 {
                self.rt.sleep(PINNED_NAP).await;
            }
            return Ok(());
        }
        self.kick.notify_one();
        if self.passes.load(Ordering::SeqCst) == before {
            cleaned.await;
        }
        self.poison.check()?;
        if self.pool.available() == 0 {
            self.rt.sleep(PINNED_NAP).await;
        } else {
            yield_now().await;
        }
        Ok(())
    }

    /// Writes every page whose oldest unwritten change starts before `lsn`.
    pub async fn flush_before(&self, lsn: Lsn) -> Result<()> {
        loop {
            let mut victims = self.pool.dirty_pages(BATCH_PAGES);
            victims.retain(|(rec, _)| *rec < lsn.0);
            if victims.is_empty() {
                // A batch of the background task may still be on its way.
                match self.pool.min_rec_lsn() {
                    Some(min) if min < lsn => self.rt.sleep(PINNED_NAP).await,
                    _ => return Ok(()),
                }
                self.poison.check()?;
                continue;
            }
            self.write_some(&victims).await?;
            self.cleaned.notify_waiters();
        }
    }

    /// Writes up to a batch of the given frames home; answers how many pages that were.
    async fn write_some(&self, victims: &[(u64, u32)]) -> Result<usize> {
        if victims.is_empty() {
            return Ok(0);
        }
        self.poison.check()?;
        let result = self.write_batch(victims).await;
        if let Err(e) = &result {
            self.poison.trip(e.clone());
            self.cleaned.notify_waiters();
        }
        result
    }

    async fn write_batch(&self, victims: &[(u64, u32)]) -> Result<usize> {
        let mut frames = Vec::with_capacity(victims.len());
        let mut pages: Vec<(PageId, AlignedBuf)> = Vec::with_capacity(victims.len());
        let mut newest = Lsn(0);
        for (_, idx) in victims.iter().take(BATCH_PAGES) {
            let mut buf = AlignedBuf::with_len(PAGE_SIZE);
            let hint = self.hint.get();
            let done = self.pool.begin_write(*idx, &mut buf, &mut |page| {
                if let Some(h) = hint {
                    h(page);
                }
                newest = newest.max(page.lsn());
                if self.crypto.is_none() {
                    page.set_crc(page.compute_crc());
                }
            });
            if let Some(pid) = done {
                frames.push(*idx);
                pages.push((pid, buf));
            }
        }
        if pages.is_empty() {
            return Ok(0);
        }
        if let Some(crypto) = &self.crypto {
            // Once: the double-write file and home get the same bytes.
            pages.iter_mut().try_for_each(|(_, image)| crypto.seal_page(image))?;
        }
        if let Some(log) = self.log.get() {
            log.wait_stable(newest).await?;
        }
        pages.sort_by_key(|(pid, _)| *pid);
        let slot = self.dwb.write_batch(&pages).await?;
        let pids: Vec<PageId> = pages.iter().map(|(pid, _)| *pid).collect();
        let n = pages.len();
        self.files.write_sorted(pages).await?;
        self.files.sync(pids.into_iter()).await?;
        slot.clear().await?;
        for idx in frames {
            self.pool.end_write(idx);
        }
        PAGES_WRITTEN.add(n as u64);
        Ok(n)
    }
}
