//! Bringing a store back to where its log ends.
//!
//! 1. The control file names the last checkpoint record. 2. Torn pages are repaired from the double-write file.
//! 3. *Redo*: one pass over the log from `redo_lsn` to its end. 4. The caller opens the log behind its tail, finds the
//!    losers (numbers whose status says "running"), opens for work, and rolls them back in the background.
//!
//! Redo is a pipeline bound by processors and by the disk's bandwidth, not by its latency:
//! * The log is read once, in large pieces ahead of their use ([`LogReader::stretch`]), a *window* of some MiB at a time.
//! * *Analysis* ([`scan`]) finds in a window the newest numbers, relations dropped and each transaction's newest undo
//!   record, and lists the window's page changes, by parts of the pages.
//! * A task per part ([`apply`]) takes the windows in order. It groups a window's changes by page, reads the pages ahead in
//!   the files' order, several in flight, and makes all changes of a page at once, under one latch. A page that begins with
//!   a format is not read. While a window is applied, the next is read and analysed.
//! * The page writer runs beside it and brings pages home in batches when the pool has few clean frames.
//!
//! The idea is that of recovery by page: records of different pages commute, those of one page are kept in order by its
//! chain of LSNs (§5.8 of the design; Mohan et al., ARIES, TODS 1992, on selective and parallel redo; Graefe and Kuno,
//! "Definition, detection, and recovery of single-page failures", VLDB 2012, on the chain). Bounded: [`WINDOWS`] windows
//! of `redo_window` bytes of log, with 32 bytes for each change in them.
//!
//! Not redone: pages of relations that are not logged (their files go, too), and status and undo pages before the
//! checkpoint's bounds (their files may be gone). A relation may turn out to have been dropped only after changes of its
//! pages, which are gone with its file, have been met: a page that fits neither end of a change, or cannot be read, makes
//! redo give its relation up, and is corruption unless the log says further on that the relation was dropped. Then recovery
//! refuses. (Deferring that judgement is what makes one pass enough; PostgreSQL's recovery does the same.)
//!
//! No page goes home before the log is stable up to its LSN. A page, or the double-write file's note, that is ahead of the
//! log's end therefore says that the disk has lost acknowledged log writes. Recovery refuses where it meets that
//! ([`check_end`], [`Loader::log_ends_at`]); going on would put new changes on top of some that are lost in part. Pages
//! that are not read need no such look: the note is written before any page goes home.

mod apply;
mod scan;

use crate::buf::{Loader, PageFiles, PageWriter, Pool};
use crate::checkpoint::Checkpoint;
use crate::control::Control;
use crate::dwb::SavedPage;
use crate::io::IoRef;
use crate::mtr::kind;
use crate::mtr::redo::Record;
use crate::page::{PAGE_SIZE, Page, PageKind};
use crate::rt::{RuntimeRef, oneshot};
use crate::wal::{LogConfig, LogReader, LogTail};
use apply::{Applied, Worker};
use futures::FutureExt as _;
use rustydb_base::metrics::{Counter, Gauge};
use rustydb_base::{DbError, Lsn, PageId, RelId, Result};
use scan::{Analysis, PARTS, Window};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Pages that redo changed at the last start.
pub static PAGES_REDONE: Counter = Counter::new("recovery_pages_redone", "page changes applied by crash recovery");

/// Memory of the windows of log that are being redone.
pub static WINDOW_BYTES: Gauge = Gauge::new("recovery_window_bytes", "memory of the log windows that are being redone");

/// Windows at a time: one is filled while one is applied, and one is ready for the parts that are done first.
const WINDOWS: usize = 3;

/// Heads of [`kind::FILE`] records.
pub(crate) mod file_op {
    /// The relation's files are removed; then its number.
    pub const DROP: u8 = 1;
}

/// What redo leaves for the start of work.
#[derive(Debug)]
pub struct Recovered {
    /// Where the log goes on.
    pub tail: LogTail,
    /// Bounds and numbers as of the log's end (`active` covers transactions not seen to end; status pages decide).
    pub state: Checkpoint,
    /// Relations whose removal is logged but may not have been finished.
    pub dropped: BTreeSet<RelId>,
}

/// Puts back the pages whose home copy is damaged; the caller then clears the double-write file. Answers how many there were.
///
/// A home copy that looks whole may be so in the kernel's cache only: the last process may have been killed before its sync,
/// or stopped because that failed, after which the cache keeps what the disk has lost. So every home that is not newer than
/// its image is written again, and all are synced before the images go.
pub async fn repair_torn(files: &PageFiles, saved: Vec<SavedPage>) -> Result<usize> {
    let mut torn = 0;
    let pages: Vec<PageId> = saved.iter().map(|s| s.page).collect();
    for s in saved {
        let mut page = Box::new(Page([0; PAGE_SIZE]));
        page.0.copy_from_slice(&files.read(s.page, 1).await?);
        let whole = page.verify(s.page).is_ok();
        // Zeros have not been written, or belong to a relation that is gone: redo begins with what is there.
        let (home, written) = (page.lsn(), !page.is(PageKind::Zero));
        page.0.copy_from_slice(&s.image);
        // An image that was saved is whole: the double-write file has checked it.
        if !whole || (written && home <= page.lsn()) {
            files.write(s.page, s.image).await?;
            torn += usize::from(!whole);
        }
    }
    files.sync(pages.into_iter()).await?;
    if torn > 0 {
        tracing::info!("restored {torn} torn pages from the double-write file");
    }
    Ok(torn)
}

/// Refuses a log that ends before what the double-write file says it was stable up to.
pub(crate) fn check_end(end: Lsn, newest: Lsn) -> Result<()> {
    if newest <= end {
        return Ok(());
    }
    Err(DbError::corrupt(format!(
        "the redo log ends at {end}, but pages with changes up to {newest} have been written: the disk has lost log writes \
         that it had acknowledged"
    ))
    .hint("Restore from a backup; starting without the end of the log would lose committed transactions."))
}

/// Reads the checkpoint record that the control file names.
pub async fn read_checkpoint(io: &IoRef, cfg: &LogConfig, control: &Control) -> Result<Checkpoint> {
    let rec = LogReader::record_at(io.clone(), cfg.clone(), control.checkpoint_lsn).await?;
    if crc32c::crc32c(&rec.bytes) != control.checkpoint_crc {
        return Err(DbError::corrupt("the checkpoint record does not match the control file"));
    }
    let parsed = Record::parse(&rec.bytes)?;
    if parsed.kind != kind::CHECKPOINT {
        return Err(DbError::corrupt("the control file does not point to a checkpoint record"));
    }
    Checkpoint::decode(parsed.head)
}

/// What redo works with.
pub struct Redo<'a> {
    /// Where the log is.
    pub io: &'a IoRef,
    /// How it is read.
    pub cfg: &'a LogConfig,
    /// Runs the tasks.
    pub rt: &'a RuntimeRef,
    /// Where the pages come to.
    pub pool: &'a Arc<Pool>,
    /// Reads them.
    pub loader: &'a Arc<Loader>,
    /// Makes room for them.
    pub writer: &'a Arc<PageWriter>,
    /// Bytes of log in a window.
    pub window: usize,
}

impl Redo<'_> {
    /// Analysis and redo from a checkpoint on. Pages that were changed are dirty in the pool afterwards, or at home.
    /// `newest`: the log was stable up to there once, as the double-write file knows.
    pub async fn run(&self, from: &Checkpoint, newest: Lsn) -> Result<Recovered> {
        self.writer.start();
        let done = self.pipeline(from, newest).await;
        self.writer.stop().await;
        done
    }

    async fn pipeline(&self, from: &Checkpoint, newest: Lsn) -> Result<Recovered> {
        let mut reader = LogReader::open(self.io.clone(), self.cfg.clone(), from.redo_lsn).await?;
        // Pages may go home before the log's end is known.
        reader.make_durable().await?;
        let mut analysis = Analysis::new(from);
        let (empty, mut empties) = mpsc::channel(WINDOWS);
        for _ in 0..WINDOWS {
            let _ = empty.try_send(Window::default());
        }
        let (mut parts, mut ends) = (Vec::new(), Vec::new());
        for part in 0..PARTS {
            // Never full: there are no more windows.
            let (tx, rx) = mpsc::channel(WINDOWS);
            let (done, end) = oneshot::channel();
            let worker = Worker::new(part, self.pool, self.loader);
            // A receiver that is gone has no use for the outcome.
            self.rt.spawn("redo", worker.run(rx).map(|out| drop(done.send(out))).boxed());
            parts.push(tx);
            ends.push(end);
        }
        let read = self.read(&mut reader, &mut analysis, &empty, &mut empties, &parts).await;
        // Whatever has happened, nothing changes a page once this is over.
        drop(parts);
        let mut applied = Applied::default();
        let mut broken = read.err();
        for end in ends {
            match end.await {
                Ok(Ok(one)) => applied.add(one),
                Ok(Err(e)) => broken = broken.or(Some(e)),
                Err(_) => broken = broken.or_else(|| Some(DbError::internal("a task of redo was abandoned"))),
            }
        }
        if let Some(e) = broken {
            return Err(e);
        }
        let tail = reader.into_tail().await?;
        check_end(tail.lsn, newest)?;
        self.loader.log_ends_at(tail.lsn)?;
        let found = analysis.finish(tail);
        applied.judge(&found.dropped)?;
        PAGES_REDONE.add(applied.changes);
        tracing::info!("redo from {} to {}: {} page changes applied", from.redo_lsn, tail.lsn, applied.changes);
        Ok(found)
    }

    /// Reads the log to its end, window by window, and gives each to all parts.
    async fn read(
        &self,
        reader: &mut LogReader,
        analysis: &mut Analysis,
        empty: &mpsc::Sender<Window>,
        empties: &mut mpsc::Receiver<Window>,
        parts: &[mpsc::Sender<Arc<scan::Lease>>],
    ) -> Result<()> {
        loop {
            let Some(mut window) = empties.recv().await else { return Ok(()) };
            if !reader.stretch(self.window, &mut window.log).await? {
                return Ok(());
            }
            analysis.window(&mut window)?;
            let lease = Arc::new(scan::Lease::new(window, empty.clone()));
            for part in parts {
                // A part that has stopped says why at the end.
                if part.try_send(Arc::clone(&lease)).is_err() {
                    return Ok(());
                }
            }
        }
    }
}
