//! Segment files: naming, zero-filling, recycling.
//!
//! Files `dir/<number>` are live (they hold a part of the chain) up to the writer's current one, and spare beyond it. A
//! spare has its full length written out (so that writing into it needs no metadata commit) and an invalid first block
//! (so that nobody takes its old content for the chain). New spares are filled under the name `dir/filling` and renamed
//! when durable. All changes of names run one at a time under an asynchronous lock.

use super::{LOG_DISK_BYTES, LogConfig, LogTail};
use crate::io::{AlignedBuf, BLOCK, FileId, IoClass, IoRef, OpenMode};
use rustydb_base::{DbError, Lsn, Result};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of the first segment of a log.
const FIRST: u64 = 1;
/// Bytes per write while zero-filling.
const FILL_STEP: usize = 1 << 20;

/// A segment's path.
pub(super) fn path(cfg: &LogConfig, number: u64) -> String {
    format!("{}/{number:016x}", cfg.dir)
}

/// Numbers of all segment files, ascending; other names are ignored.
pub(super) async fn list(io: &IoRef, cfg: &LogConfig) -> Result<Vec<u64>> {
    let names = io.list(&cfg.dir).await?;
    let mut numbers: Vec<u64> =
        names.iter().filter(|n| n.len() == 16).filter_map(|n| u64::from_str_radix(n, 16).ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The segment files of a running log.
pub(super) struct Segments {
    files: tokio::sync::Mutex<Files>,
    /// Live and spare bytes.
    bytes: AtomicU64,
}

struct Files {
    /// Live segments with the LSN at which each begins, oldest first; the last is the current one.
    live: VecDeque<(u64, Lsn)>,
    /// Highest number that exists.
    last: u64,
}

impl Segments {
    /// The first segment of a new log.
    pub async fn create(io: &IoRef, cfg: &LogConfig) -> Result<Segments> {
        if !list(io, cfg).await?.is_empty() {
            return Err(DbError::internal("a log already exists here"));
        }
        let segments = Segments::of(VecDeque::from([(FIRST, super::FIRST_LSN)]), FIRST - 1);
        let mut files = segments.files.lock().await;
        files.add_filled(io, cfg).await?;
        segments.count(&files, cfg);
        drop(files);
        Ok(segments)
    }

    /// The segments of an existing log that continues at `tail`. Makes everything behind the tail's segment a spare.
    pub async fn open(io: &IoRef, cfg: &LogConfig, tail: &LogTail) -> Result<Segments> {
        let mut live = VecDeque::new();
        let mut last = tail.segment;
        for number in list(io, cfg).await? {
            let name = path(cfg, number);
            if number <= tail.segment {
                let file = io.open(&name, OpenMode { class: IoClass::Log, ..OpenMode::default() }).await?;
                let head = io.read(&file, 0, AlignedBuf::with_len(BLOCK)).await?;
                if number + 1 >= tail.segment {
                    // Batches on their way when the last process was killed were read like any other; from here on the log
                    // rests on them, so they must be as durable.
                    io.sync(&file).await?;
                }
                // A live segment that cannot say where it begins is kept as long as the one before it.
                let before = live.back().map_or(super::FIRST_LSN, |(_, lsn)| *lsn);
                let start = super::BatchHeader::decode(&head).map_or(before, |h| h.start_lsn);
                live.push_back((number, if number == tail.segment && tail.offset == 0 { tail.lsn } else { start }));
                continue;
            }
            let file = io.open(&name, OpenMode::LOG).await?;
            if number == last + 1 && io.len(&file).await? == cfg.segment_size {
                invalidate(io, &file).await?;
                last = number;
            } else {
                io.remove(&name).await?;
            }
        }
        if live.back().is_none_or(|(number, _)| *number != tail.segment) {
            return Err(DbError::corrupt(format!("log segment {:016x} is missing", tail.segment)));
        }
        io.sync_dir(&cfg.dir).await?;
        let segments = Segments::of(live, last);
        segments.count(&*segments.files.lock().await, cfg);
        Ok(segments)
    }

    fn of(live: VecDeque<(u64, Lsn)>, last: u64) -> Segments {
        Segments { files: tokio::sync::Mutex::new(Files { live, last }), bytes: AtomicU64::new(0) }
    }

    /// Bytes on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn count(&self, files: &Files, cfg: &LogConfig) {
        let first = files.live.front().map_or(files.last + 1, |(number, _)| *number);
        let bytes = (files.last + 1 - first) * cfg.segment_size;
        self.bytes.store(bytes, Ordering::Relaxed);
        LOG_DISK_BYTES.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Makes sure that segments up to `number` exist and opens that one for writing.
    pub async fn prepare(&self, io: &IoRef, cfg: &LogConfig, number: u64) -> Result<FileId> {
        let mut files = self.files.lock().await;
        while files.last < number {
            files.add_filled(io, cfg).await?;
        }
        self.count(&files, cfg);
        drop(files);
        io.open(&path(cfg, number), OpenMode::LOG).await
    }

    /// The writer has moved on to `number`, whose first batch begins at `start`.
    pub async fn enter(&self, number: u64, start: Lsn) {
        let mut files = self.files.lock().await;
        if files.live.back().is_none_or(|(last, _)| *last < number) {
            files.live.push_back((number, start));
        }
    }

    /// Turns live segments that lie wholly below `keep` into spares, or removes them when there are spares enough.
    pub async fn recycle(&self, io: &IoRef, cfg: &LogConfig, keep: Lsn) -> Result<()> {
        let mut files = self.files.lock().await;
        let mut changed = false;
        // A segment ends where the next begins. Only below `keep`, not at it: batches without payload may follow.
        while files.live.len() > 1 && files.live[1].1 < keep {
            let (number, _) = files.live[0];
            let current = files.live.back().map_or(number, |(n, _)| *n);
            let name = path(cfg, number);
            if files.last < current + cfg.spare_segments {
                let file = io.open(&name, OpenMode::LOG).await?;
                invalidate(io, &file).await?;
                io.rename(&name, &path(cfg, files.last + 1)).await?;
                // The writer may use it at once, so its name must be durable now.
                io.sync_dir(&cfg.dir).await?;
                files.last += 1;
            } else {
                io.remove(&name).await?;
            }
            files.live.pop_front();
            changed = true;
        }
        if changed {
            io.sync_dir(&cfg.dir).await?;
            self.count(&files, cfg);
        }
        Ok(())
    }
}

impl Files {
    /// Adds a zero-filled spare.
    async fn add_filled(&mut self, io: &IoRef, cfg: &LogConfig) -> Result<()> {
        let temp = format!("{}/filling", cfg.dir);
        // Buffered writes and one sync: faster than durable ones, and the order does not matter.
        let file = io.open(&temp, OpenMode { create: true, ..OpenMode::default() }).await?;
        io.set_len(&file, 0).await?;
        let step = usize::try_from(cfg.segment_size).unwrap_or(usize::MAX).min(FILL_STEP);
        let mut zeros = AlignedBuf::zeroed(step);
        let mut at = 0;
        while at < cfg.segment_size {
            let n = step.min(usize::try_from(cfg.segment_size - at).unwrap_or(step));
            zeros.set_len(n);
            zeros = io.write(&file, at, zeros).await?;
            at += n as u64;
        }
        io.sync(&file).await?;
        io.rename(&temp, &path(cfg, self.last + 1)).await?;
        io.sync_dir(&cfg.dir).await?;
        self.last += 1;
        Ok(())
    }
}

/// Makes sure that the segment does not begin with a valid batch.
async fn invalidate(io: &IoRef, file: &FileId) -> Result<()> {
    io.write(file, 0, AlignedBuf::zeroed(BLOCK)).await.map(drop)
}
