//! Bringing pages into the pool.
//!
//! Idea: one read per page at a time, whoever asks; the read runs in a task of its own, so a session that is cancelled
//! while waiting loses nothing but its place. What is read is checked (checksum and identity) before it becomes a page: a
//! page that fails is an error to every waiter and never data (I40). So is a page from beyond the log's end: it was written
//! behind log writes that the disk has lost (I1).
//!
//! Bounded: at most [`MAX_READS`] reads are under way; further ones queue in their callers.

use super::files::PageFiles;
use super::pool::{Access, EvictionMark, MISSES, Pin, Pool};
use super::writer::PageWriter;
use crate::crypto::CryptoRef;
use crate::page::{PAGE_SIZE, Page};
use crate::rt::{RuntimeRef, oneshot};
use futures::FutureExt as _;
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustydb_base::{BlockNo, DbError, Lsn, PageId, RelId, Result};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Reads under way at a time (a read-ahead of many pages is one).
pub const MAX_READS: usize = 128;
/// Pages that one read-ahead reads at once: 256 KiB.
pub const READ_AHEAD: u32 = 32;

type Waiters = SmallVec<[oneshot::Sender<Result<Pin>>; 2]>;

/// The log's end during recovery.
enum LogEnd {
    /// Not found yet; the newest page read so far.
    Sought(PageId, Lsn),
    Found(Lsn),
}

/// Reads pages into a pool.
pub struct Loader {
    pool: Arc<Pool>,
    files: Arc<PageFiles>,
    writer: Arc<PageWriter>,
    rt: RuntimeRef,
    /// Opens what is read.
    crypto: CryptoRef,
    /// What is known of the log's end before the page writer has the log.
    recovered: Mutex<LogEnd>,
    under_way: Mutex<HashMap<u64, Waiters>>,
    permits: Arc<Semaphore>,
}

impl Loader {
    /// A loader for a pool; `writer` makes room when every frame is dirty.
    pub fn new(
        pool: Arc<Pool>,
        files: Arc<PageFiles>,
        writer: Arc<PageWriter>,
        rt: RuntimeRef,
        crypto: CryptoRef,
    ) -> Arc<Loader> {
        let permits = Arc::new(Semaphore::new(MAX_READS));
        Arc::new(Loader {
            pool,
            files,
            writer,
            rt,
            crypto,
            recovered: Mutex::new(LogEnd::Sought(PageId::new(RelId(0), 0), Lsn(0))),
            under_way: Mutex::new(HashMap::new()),
            permits,
        })
    }

    /// Says where the log was found to end, for the time until it is open. Refuses if a page that was read before that was
    /// known is newer.
    pub(crate) fn log_ends_at(&self, end: Lsn) -> Result<()> {
        match std::mem::replace(&mut *self.recovered.lock(), LogEnd::Found(end)) {
            LogEnd::Sought(pid, newest) if newest > end => Err(beyond_log(pid, newest, end)),
            _ => Ok(()),
        }
    }

    /// Waits until a frame can probably be had.
    pub(crate) async fn make_room(&self) -> Result<()> {
        self.writer.make_room().await
    }

    /// Brings a page in and pins it, so that it is still there when the operation that missed it runs again.
    pub async fn load(self: &Arc<Self>, pid: PageId, access: Access) -> Result<Pin> {
        if let Some(pin) = self.pool.pin(pid) {
            return Ok(pin);
        }
        MISSES.inc();
        let (tx, rx) = oneshot::channel();
        if self.join(pid, Some(tx)) {
            let this = Arc::clone(self);
            let mut read = async move { this.read(pid, 1, access).await }.boxed();
            // Done at once if the kernel has the page; else it becomes a task, so that it outlives a caller who gives up.
            if futures::poll!(read.as_mut()).is_pending() {
                self.rt.spawn("page read", read);
            }
        }
        // Only a stopping runtime drops the read.
        rx.await.unwrap_or_else(|_| Err(DbError::internal("page read was abandoned")))
    }

    /// Starts reading those pages of a range (at most [`READ_AHEAD`]) that are not in the pool. Nobody waits for them; an
    /// error is found by whoever loads the page later. Does nothing when enough reads are under way.
    pub fn prefetch(self: &Arc<Self>, rel: RelId, blocks: Range<BlockNo>) -> u32 {
        let (mut at, mut begun) = (blocks.start, 0);
        let end = blocks.end.min(at.saturating_add(READ_AHEAD));
        while at < end {
            let first = PageId::new(rel, at);
            if self.permits.available_permits() == 0 || self.pool.contains(first) || !self.join(first, None) {
                at += 1;
                continue;
            }
            let mut n = 1;
            let limit = PageFiles::run(first, end - at);
            while n < limit {
                let next = PageId::new(rel, at + n);
                if self.pool.contains(next) || !self.join(next, None) {
                    break;
                }
                n += 1;
            }
            let this = Arc::clone(self);
            self.rt.spawn("read-ahead", async move { this.read(first, n, Access::Scan).await }.boxed());
            at += n;
            begun += n;
        }
        begun
    }

    /// Notes interest in a page; true when the caller must start the read.
    fn join(&self, pid: PageId, waiter: Option<oneshot::Sender<Result<Pin>>>) -> bool {
        let mut map = self.under_way.lock();
        let fresh = !map.contains_key(&pid.as_u64());
        map.entry(pid.as_u64()).or_default().extend(waiter);
        fresh
    }

    async fn read(self: Arc<Self>, first: PageId, n: u32, access: Access) {
        let Ok(_permit) = self.permits.acquire().await else { return };
        let pids: SmallVec<[PageId; 1]> = (0..n).map(|i| PageId::new(first.rel, first.block + i)).collect();
        let marks: SmallVec<[EvictionMark; 1]> = pids.iter().map(|p| self.pool.eviction_mark(*p)).collect();
        let outcome = self.files.read(first, n).await;
        for (i, (pid, mark)) in pids.iter().zip(marks).enumerate() {
            let result = match &outcome {
                Ok(buf) => self.install(*pid, &buf[i * PAGE_SIZE..(i + 1) * PAGE_SIZE], mark, access).await,
                Err(e) => Err(e.clone()),
            };
            self.answer(*pid, result);
        }
    }

    fn answer(&self, pid: PageId, result: Result<Pin>) {
        let waiters = self.under_way.lock().remove(&pid.as_u64());
        for tx in waiters.into_iter().flatten() {
            let one = match &result {
                // Pinned by `result` until the end of this function.
                Ok(_) => self.pool.pin(pid).ok_or_else(|| DbError::internal("a pinned page left the pool")),
                Err(e) => Err(e.clone()),
            };
            // A waiter that was cancelled is fine.
            let _ = tx.send(one);
        }
    }

    async fn install(&self, pid: PageId, bytes: &[u8], mut mark: EvictionMark, access: Access) -> Result<Pin> {
        let mut image = self.checked(pid, bytes)?;
        if self.files.is_older_than_written(pid, image.lsn()) {
            // Read before its last write was done, or that was acknowledged and never was.
            image = self.checked(pid, &self.files.read(pid, 1).await?)?;
            if self.files.is_older_than_written(pid, image.lsn()) {
                return Err(DbError::corrupt(format!(
                    "block {} of relation {} is older than what was last written there: the disk has lost a write",
                    pid.block, pid.rel
                )));
            }
        }
        loop {
            match self.pool.install(pid, &image, access, mark) {
                Ok(Some(pin)) => return Ok(pin),
                // No frame is clean.
                Ok(None) => self.writer.make_room().await?,
                Err(newer) => {
                    // The page was made, changed and evicted while this image was on its way: read it again.
                    mark = newer;
                    image = self.checked(pid, &self.files.read(pid, 1).await?)?;
                }
            }
        }
    }

    /// The page that stored bytes are, if they are one.
    fn checked(&self, pid: PageId, bytes: &[u8]) -> Result<Box<Page>> {
        let mut page = boxed_page(bytes);
        page.verify(pid)?;
        if let Some(crypto) = &self.crypto {
            crypto.open_page(&mut page)?;
        }
        let lsn = page.lsn();
        let end = self.writer.stable_lsn().unwrap_or_else(|| match &mut *self.recovered.lock() {
            LogEnd::Found(end) => *end,
            LogEnd::Sought(newest, known) => {
                if lsn > *known {
                    (*newest, *known) = (pid, lsn);
                }
                lsn
            }
        });
        if lsn > end {
            return Err(beyond_log(pid, lsn, end));
        }
        Ok(page)
    }
}

#[cold]
fn beyond_log(pid: PageId, lsn: Lsn, end: Lsn) -> DbError {
    DbError::corrupt(format!(
        "block {} of file \"{}\" has changes up to {lsn}, but the redo log ends at {end}: the disk has lost log writes that \
         it had acknowledged",
        pid.block,
        super::files::file_of(pid.rel, pid.block)
    ))
    .hint("Restore from a backup.")
}

fn boxed_page(bytes: &[u8]) -> Box<Page> {
    let mut page = Box::new(Page([0; PAGE_SIZE]));
    page.0.copy_from_slice(bytes);
    page
}
