//! The redo log.
//!
//! Idea: [`Log::append`] copies a record into an in-memory *chunk* under one short latch and answers its LSNs. A single
//! writer task cuts chunks into *batches*, each one `O_DIRECT|O_DSYNC` write into a zero-filled 64 MiB segment; when a
//! batch and all before it are on disk, `stable_lsn` advances and everyone waiting at or below it is woken in one pass
//! (group commit). Chunks are the write buffers themselves: a record is copied once.
//!
//! A batch is cut when somebody waits and no write is under way, when a write completes and somebody waits, when
//! 64 KiB are ready, or 10 ms after the last write; at most four writes are under way. Records nobody waits for thus
//! ride along with the next commit instead of costing a write each. Before it cuts for a few, the writer gives those whom it
//! has just woken the time to commit again (`gather.rs`).
//!
//! Formats. LSNs count payload bytes of DATA batches only. A record is `len u32 | bytes`; a batch holds whole records.
//! Segment files `wal/<number, 16 hex digits>` are sequences of 4 KiB-aligned batches (`batch.rs`); a BLANK batch says
//! "go on in the next segment", as does the segment's end.
//!
//! Invariants:
//! 1. `stable_lsn` never passes a batch that is not on disk, nor one behind such a batch.
//! 2. A failed write trips the poison and the writer stops; nothing is written twice.
//! 3. Batches form a chain: index + 1, `prev_crc` = crc of the one before, LSN contiguous, writer epoch never falling and
//!    rising only at a WRITER batch.
//! 4. (I12) Recovery takes a broken batch for the torn tail only if no valid batch behind it carries a `stable_lsn`
//!    beyond it (`reader.rs`).
//! 5. The first block of every segment that is not in use yet is invalid, so a segment's first batch, if valid, belongs
//!    to the chain.
//! 6. Bytes appended and not yet stable, plus bytes reserved, never exceed the ring size.
//!
//! With encryption on, a batch's payload is sealed (`crate::crypto`), and 32 bytes behind it say how.
//!
//! Left out: compression of batches, VOTE/TRUNC/MEMBERSHIP batches (they come with Raft).

mod batch;
mod gather;
mod log;
mod reader;
mod retention;
mod segment;
mod waiters;
mod writer;

pub use batch::{BatchHeader, BatchKind};
pub use log::{Log, LogReservation, ReserveError};
pub use reader::{LogReader, LogRecord, LogTail, RecordBatch, Stretch};
pub use retention::KeepMarks;
pub use waiters::WaitStable;

use crate::crypto::CryptoRef;
use rustydb_base::Lsn;
use rustydb_base::metrics::{Counter, Gauge};
use std::time::Duration;

/// LSN of the first record ever. Zero stays free to mean "none".
pub const FIRST_LSN: Lsn = Lsn(1);

/// Bytes a record takes in the log beyond its own.
pub const RECORD_OVERHEAD: usize = 4;

/// Bytes appended (or reserved) and not yet stable.
pub static LOG_RING_BYTES: Gauge = Gauge::new("wal_ring_bytes", "bytes appended or reserved and not yet stable");
/// Size of the log on disk.
pub static LOG_DISK_BYTES: Gauge = Gauge::new("wal_disk_bytes", "size of all log segments on disk");
/// Batches written.
pub static LOG_BATCHES: Counter = Counter::new("wal_batches", "log batches written (each is one durable write)");
/// Records in the batches written.
pub static LOG_RECORDS: Counter = Counter::new("wal_records", "records written to the log");
/// Appends that found the ring full.
pub static LOG_FULL: Counter =
    Counter::new("wal_ring_full", "times that a record had to wait for room in the log's ring");
/// Payload bytes written.
pub static LOG_BYTES: Counter = Counter::new("wal_bytes", "record bytes written to the log");

/// What a log needs to know about itself.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Directory of the segments, relative to the data directory.
    pub dir: String,
    /// Identity of the cluster; batches of another are never read.
    pub cluster_id: u64,
    /// Identity of this log (redo thread) in the cluster.
    pub log_id: u16,
    /// Bytes per segment: a multiple of 4 KiB, at least 64 KiB. Fixed for the life of the log.
    pub segment_size: u64,
    /// Most bytes appended or reserved and not yet stable.
    pub ring_bytes: usize,
    /// Size of the log on disk beyond which ordinary writers are refused (53100).
    pub max_wal_bytes: u64,
    /// Quiet time after which unwaited-for records are written, or else the SEAL batch.
    pub idle_seal: Duration,
    /// Zero-filled or recycled segments kept ready ahead of the current one.
    pub spare_segments: u64,
    /// Seals the payload of batches.
    pub crypto: CryptoRef,
}

impl LogConfig {
    /// The production sizes for a cluster.
    pub fn new(cluster_id: u64) -> LogConfig {
        LogConfig {
            dir: "wal".to_owned(),
            cluster_id,
            log_id: 0,
            segment_size: 64 << 20,
            ring_bytes: 16 << 20,
            max_wal_bytes: 16 << 30,
            idle_seal: Duration::from_millis(10),
            spare_segments: 2,
            crypto: None,
        }
    }

    /// Largest chunk (batch with its header) that ordinary records share.
    fn chunk_bytes(&self) -> usize {
        usize::try_from(self.segment_size / 4).unwrap_or(usize::MAX).clamp(16 << 10, 256 << 10)
    }

    /// Largest record: it must fit into a segment and leave room in the ring.
    pub fn max_record(&self) -> usize {
        let segment = usize::try_from(self.segment_size / 2).unwrap_or(usize::MAX);
        segment.min(self.ring_bytes / 4)
    }
}

#[cfg(test)]
mod tests;
