//! Reading the log: from an LSN to its tail, verifying every batch.
//!
//! The tail rule (I12). The scan follows the chain: magic, crc, cluster, index, `prev_crc`, LSN, epoch. The first place
//! where it breaks is the torn tail of the last run, *unless* some valid batch anywhere behind it says (`stable_lsn`)
//! that the log was durable beyond that place: then acknowledged work is damaged, and the reader refuses with XX001
//! instead of cutting it off. Batches of older runs lie behind a tail too (recycled segments, writes that overtook a lost
//! one); their `stable_lsn` never exceeds the tail at which that run's successor began, so they cannot trip the rule.

use super::batch::{BatchHeader, BatchKind, HEADER};
use super::{FIRST_LSN, LogConfig, RECORD_OVERHEAD, segment};
use crate::io::{AlignedBuf, BLOCK, FileId, IoClass, IoRef, OpenMode};
use bytes::Bytes;
use rustydb_base::{DbError, Lsn, Result};

/// Bytes read at a time.
const WINDOW: usize = 1 << 20;

/// One record of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRecord {
    /// LSN at which it starts.
    pub start: Lsn,
    /// LSN at which the next one starts; what pages changed by it carry.
    pub end: Lsn,
    /// Its bytes as appended.
    pub bytes: Bytes,
}

/// The records of one DATA batch.
#[derive(Clone, Debug)]
pub struct RecordBatch {
    /// The batch's header.
    pub header: BatchHeader,
    /// The records, in order.
    pub records: Vec<LogRecord>,
}

/// Where a log ends and how a writer goes on there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogTail {
    /// Segment of the next batch.
    pub segment: u64,
    /// Its offset in that segment; may be the segment's end.
    pub offset: u64,
    /// Its index.
    pub index: u64,
    /// Its LSN: the end of the log.
    pub lsn: Lsn,
    /// crc of the last batch.
    pub prev_crc: u32,
    /// Epoch of the last batch.
    pub writer_epoch: u32,
}

/// Scans the log from an LSN. Use it before [`super::Log::open`]; a running log may only be read below its stable LSN.
pub struct LogReader {
    io: IoRef,
    cfg: LogConfig,
    from: Lsn,
    /// Where the chain goes on.
    at: LogTail,
    /// False until the first batch, whose predecessor is unknown, was taken on its own crc.
    chained: bool,
    segment: Option<Segment>,
    ended: bool,
}

/// An open segment and the part of it in memory.
struct Segment {
    io: IoRef,
    cfg: LogConfig,
    number: u64,
    file: FileId,
    window_at: u64,
    window: AlignedBuf,
}

impl LogReader {
    /// Opens the log for reading records that end after `from`.
    pub async fn open(io: IoRef, cfg: LogConfig, from: Lsn) -> Result<LogReader> {
        let mut start = None;
        for number in segment::list(&io, &cfg).await? {
            let mut seg = Segment::open(&io, &cfg, number).await?;
            let Some(first) = seg.batch_at(0).await? else { continue };
            let fits = start.as_ref().is_none_or(|s: &LogTail| s.index < first.0.index);
            // The first segment that begins beyond `from` ends the search; the one before it holds `from`.
            if !fits || (start.is_some() && first.0.start_lsn > from) {
                break;
            }
            start = Some(LogTail {
                segment: number,
                offset: 0,
                index: first.0.index,
                lsn: first.0.start_lsn,
                prev_crc: first.0.prev_crc,
                writer_epoch: first.0.writer_epoch,
            });
        }
        let at = start.ok_or_else(|| DbError::corrupt("the redo log holds no valid segment"))?;
        if at.lsn > from.max(FIRST_LSN) {
            return Err(DbError::corrupt(format!(
                "the redo log begins at {}, after the wanted position {from}",
                at.lsn
            )));
        }
        Ok(LogReader { io, cfg, from, at, chained: false, segment: None, ended: false })
    }

    /// The next batch with records that end after the start position; `None` at the tail.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while !self.ended {
            let Some((header, mut bytes)) = self.next_batch().await? else {
                self.check_tail().await?;
                self.ended = true;
                break;
            };
            if header.kind == BatchKind::Data && header.end_lsn() > self.from {
                // Batches before the start may be sealed with a key that is gone.
                header.unseal(&mut bytes, self.cfg.crypto.as_deref())?;
                let records = split_records(&header, &Bytes::from(bytes), self.from)?;
                return Ok(Some(RecordBatch { header, records }));
            }
        }
        Ok(None)
    }

    /// Reads on to the tail, dropping what is left, and answers it.
    pub async fn into_tail(mut self) -> Result<LogTail> {
        while self.next().await?.is_some() {}
        if self.at.lsn < self.from {
            return Err(DbError::corrupt(format!(
                "the redo log ends at {}, before the wanted position {}",
                self.at.lsn, self.from
            )));
        }
        Ok(self.at)
    }

    /// The record that starts exactly at `lsn`.
    pub async fn record_at(io: IoRef, cfg: LogConfig, lsn: Lsn) -> Result<LogRecord> {
        let mut reader = LogReader::open(io, cfg, lsn).await?;
        let first = reader.next().await?.and_then(|b| b.records.into_iter().next());
        first
            .filter(|r| r.start == lsn)
            .ok_or_else(|| DbError::corrupt(format!("the redo log has no record at position {lsn}")))
    }

    /// Follows the chain by one batch; `None` where it breaks.
    async fn next_batch(&mut self) -> Result<Option<(BatchHeader, Vec<u8>)>> {
        let size = self.cfg.segment_size;
        let (number, offset) =
            if self.at.offset >= size { (self.at.segment + 1, 0) } else { (self.at.segment, self.at.offset) };
        let Some(seg) = self.segment_numbered(number).await? else { return Ok(None) };
        let Some((h, bytes)) = seg.batch_at(offset).await? else { return Ok(None) };
        let at = &mut self.at;
        let epoch_fits =
            h.writer_epoch == at.writer_epoch || (h.kind == BatchKind::Writer && h.writer_epoch > at.writer_epoch);
        let fits = h.index == at.index && h.start_lsn == at.lsn && epoch_fits;
        if self.chained && (!fits || h.prev_crc != at.prev_crc) {
            return Ok(None);
        }
        self.chained = true;
        at.index += 1;
        at.lsn = h.end_lsn();
        at.prev_crc = h.crc;
        at.writer_epoch = h.writer_epoch;
        at.segment = number;
        at.offset = if h.kind == BatchKind::Blank { size } else { offset + h.disk_len() as u64 };
        Ok(Some((h, bytes)))
    }

    /// A segment by number; `None` when there is no such file.
    async fn segment_numbered(&mut self, number: u64) -> Result<Option<&mut Segment>> {
        if self.segment.as_ref().is_none_or(|s| s.number != number) {
            if !segment::list(&self.io, &self.cfg).await?.contains(&number) {
                return Ok(None);
            }
            self.segment = Some(Segment::open(&self.io, &self.cfg, number).await?);
        }
        Ok(self.segment.as_mut())
    }

    /// The chain has broken at `at`: refuse when anything behind proves that the log was stable beyond it.
    async fn check_tail(&self) -> Result<()> {
        let broken = self.at;
        for number in segment::list(&self.io, &self.cfg).await? {
            if number < broken.segment {
                continue;
            }
            let mut seg = Segment::open(&self.io, &self.cfg, number).await?;
            let mut offset = if number == broken.segment { broken.offset } else { 0 };
            while offset < self.cfg.segment_size {
                let proof = seg.header_at(offset).await?.filter(|h| h.stable_lsn > broken.lsn);
                if proof.is_some()
                    && let Some((h, _)) = seg.batch_at(offset).await?
                {
                    return Err(DbError::corrupt(format!(
                        "the redo log is damaged at position {} (segment {:016x}, offset {}): batch {} is missing or \
                         broken, but batch {} proves that the log was durable up to {}",
                        broken.lsn, broken.segment, broken.offset, broken.index, h.index, h.stable_lsn
                    ))
                    .hint("Restore from a backup; cutting the log here would lose committed transactions."));
                }
                offset += BLOCK as u64;
            }
        }
        Ok(())
    }
}

impl Segment {
    async fn open(io: &IoRef, cfg: &LogConfig, number: u64) -> Result<Segment> {
        let mode = OpenMode { dsync: false, class: IoClass::Log, ..OpenMode::LOG };
        let file = io.open(&segment::path(cfg, number), mode).await?;
        Ok(Segment { io: io.clone(), cfg: cfg.clone(), number, file, window_at: 0, window: AlignedBuf::with_len(0) })
    }

    /// `len` bytes at `offset`, through the window.
    async fn load(&mut self, offset: u64, len: usize) -> Result<&[u8]> {
        let inside = offset >= self.window_at && offset + len as u64 <= self.window_at + self.window.len() as u64;
        if !inside {
            let rest = usize::try_from(self.cfg.segment_size - offset).unwrap_or(usize::MAX);
            let want = len.next_multiple_of(BLOCK).max(WINDOW.min(rest));
            self.window = self.io.read(&self.file, offset, AlignedBuf::with_len(want)).await?;
            self.window_at = offset;
        }
        let start = usize::try_from(offset - self.window_at).unwrap_or(usize::MAX);
        self.window.get(start..start + len).ok_or_else(|| DbError::internal("log window does not cover its request"))
    }

    /// A header of our log at `offset` with a plausible length; its crc is not yet checked.
    async fn header_at(&mut self, offset: u64) -> Result<Option<BatchHeader>> {
        let (cluster_id, log_id, room) = (self.cfg.cluster_id, self.cfg.log_id, self.cfg.segment_size - offset);
        let header = BatchHeader::decode(self.load(offset, BLOCK).await?);
        Ok(header.filter(|h| h.cluster_id == cluster_id && h.log_id == log_id && h.disk_len() as u64 <= room))
    }

    /// The whole valid batch at `offset`, as stored, if there is one.
    async fn batch_at(&mut self, offset: u64) -> Result<Option<(BatchHeader, Vec<u8>)>> {
        let Some(header) = self.header_at(offset).await? else { return Ok(None) };
        let bytes = self.load(offset, header.disk_len()).await?;
        Ok(header.verify(bytes).then(|| (header, bytes.to_vec())))
    }
}

/// Cuts a verified DATA batch into records, leaving out those that end at or before `from`.
fn split_records(header: &BatchHeader, batch: &Bytes, from: Lsn) -> Result<Vec<LogRecord>> {
    let bad = || DbError::corrupt(format!("log batch {} at position {} is malformed", header.index, header.start_lsn));
    // The crc was computed over exactly this range, so the batch holds it.
    let payload = batch.slice(HEADER..HEADER + header.len as usize);
    let mut records = Vec::new();
    let mut at = 0;
    while at < payload.len() {
        let len = payload[at..].first_chunk().map(|b| u32::from_le_bytes(*b) as usize).ok_or_else(bad)?;
        let end = at.checked_add(RECORD_OVERHEAD + len).filter(|e| *e <= payload.len()).ok_or_else(bad)?;
        let start = Lsn(header.start_lsn.0 + at as u64);
        let end_lsn = Lsn(header.start_lsn.0 + end as u64);
        if end_lsn > from {
            records.push(LogRecord { start, end: end_lsn, bytes: payload.slice(at + RECORD_OVERHEAD..end) });
        }
        at = end;
    }
    Ok(records)
}
