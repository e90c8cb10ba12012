//! Reading the log: from an LSN to its tail, verifying every batch.
//!
//! The tail rule (I12). The scan follows the chain: magic, crc, cluster, index, `prev_crc`, LSN, epoch. The first place
//! where it breaks is the torn tail of the last run, *unless* some valid batch anywhere behind it says (`stable_lsn`)
//! that the log was durable beyond that place: then acknowledged work is damaged, and the reader refuses with XX001
//! instead of cutting it off. Batches of older runs lie behind a tail too (recycled segments, writes that overtook a lost
//! one); their `stable_lsn` never exceeds the tail at which that run's successor began, so they cannot trip the rule.
//!
//! A segment is read in pieces of up to [`PIECE`] bytes. Who reads the log through ([`LogReader::stretch`]) has the next
//! [`AHEAD`] pieces under way, so that the disk is busy while the last one is looked at.

use super::batch::{BatchHeader, BatchKind, ENCRYPTED, HEADER};
use super::{FIRST_LSN, LogConfig, RECORD_OVERHEAD, segment};
use crate::io::{AlignedBuf, BLOCK, FileId, IoClass, IoRef, OpenMode};
use crate::rt::BoxFuture;
use bytes::Bytes;
use rustydb_base::{DbError, Lsn, Result};
use std::collections::VecDeque;

/// Most bytes read at a time.
const PIECE: usize = 1 << 20;
/// Pieces under way ahead of the one in use, when the log is read through.
const AHEAD: u64 = 4;

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

/// The payload of consecutive DATA batches: whole records, and a byte's place tells its LSN.
#[derive(Debug, Default)]
pub struct Stretch {
    /// LSN of the first byte.
    pub base: Lsn,
    /// Records, each `len u32 | bytes`.
    pub bytes: Vec<u8>,
}

impl Stretch {
    /// The record at offset `at`, and the offset of the next one; `None` at the end.
    pub fn record(&self, at: usize) -> Result<Option<(&[u8], usize)>> {
        let rest = self.bytes.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let record = rest.split_first_chunk().and_then(|(len, rest)| rest.get(..u32::from_le_bytes(*len) as usize));
        let record =
            record.ok_or_else(|| DbError::corrupt(format!("the log record at {} is malformed", self.lsn(at))))?;
        Ok(Some((record, at + RECORD_OVERHEAD + record.len())))
    }

    /// LSN of the byte at offset `at`.
    pub fn lsn(&self, at: usize) -> Lsn {
        Lsn(self.base.0 + at as u64)
    }
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
    /// [`AHEAD`] once somebody reads the log through.
    ahead: u64,
}

/// An open segment and the pieces of it that are in memory or on their way.
struct Segment {
    io: IoRef,
    cfg: LogConfig,
    number: u64,
    file: FileId,
    /// Bytes of a piece.
    size: u64,
    /// Pieces from number `first` on, without a gap.
    pieces: VecDeque<Piece>,
    first: u64,
    /// Pieces to have under way beyond those asked for.
    ahead: u64,
    /// What was loaded last, if it lies in several pieces.
    joined: Vec<u8>,
    /// Where what was loaded last lies in the first piece; `None` if it is in `joined`.
    within: Option<std::ops::Range<usize>>,
}

enum Piece {
    Coming(BoxFuture<'static, Result<AlignedBuf>>),
    There(AlignedBuf),
}

impl LogReader {
    /// Opens the log for reading records that end after `from`.
    pub async fn open(io: IoRef, cfg: LogConfig, from: Lsn) -> Result<LogReader> {
        let mut start = None;
        for number in segment::list(&io, &cfg).await? {
            let mut seg = Segment::open(&io, &cfg, number, 0).await?;
            let Some(first) = seg.batch_at(0).await? else { continue };
            let fits = start.as_ref().is_none_or(|s: &LogTail| s.index < first.index);
            // The first segment that begins beyond `from` ends the search; the one before it holds `from`.
            if !fits || (start.is_some() && first.start_lsn > from) {
                break;
            }
            start = Some(LogTail {
                segment: number,
                offset: 0,
                index: first.index,
                lsn: first.start_lsn,
                prev_crc: first.prev_crc,
                writer_epoch: first.writer_epoch,
            });
        }
        let at = start.ok_or_else(|| DbError::corrupt("the redo log holds no valid segment"))?;
        if at.lsn > from.max(FIRST_LSN) {
            return Err(DbError::corrupt(format!(
                "the redo log begins at {}, after the wanted position {from}",
                at.lsn
            )));
        }
        Ok(LogReader { io, cfg, from, at, chained: false, segment: None, ended: false, ahead: 0 })
    }

    /// Makes sure that everything the reader can meet survives a power cut: batches that were on their way when the last
    /// process was killed read like any other, but what is done because of them must not outlive them.
    pub async fn make_durable(&mut self) -> Result<()> {
        let mut files = Vec::new();
        for number in segment::list(&self.io, &self.cfg).await? {
            if number >= self.at.segment {
                files.push(Segment::open(&self.io, &self.cfg, number, 0).await?.file);
            }
        }
        futures::future::try_join_all(files.iter().map(|f| self.io.sync(f))).await.map(drop)
    }

    /// The next batch with records that end after the start position; `None` at the tail.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(header) = self.next_data().await? else { return Ok(None) };
        let mut payload = Vec::with_capacity(header.len as usize);
        self.payload_of(&header, &mut payload)?;
        let records = split_records(&header, &Bytes::from(payload), self.from)?;
        Ok(Some(RecordBatch { header, records }))
    }

    /// Fills `into` with the next batches, at least `bytes` of payload unless the log ends before; false at the tail. The
    /// first batch of all may hold records that end before the start position.
    pub async fn stretch(&mut self, bytes: usize, into: &mut Stretch) -> Result<bool> {
        self.ahead = AHEAD;
        into.bytes.clear();
        while into.bytes.len() < bytes {
            let Some(header) = self.next_data().await? else { break };
            if into.bytes.is_empty() {
                into.base = header.start_lsn;
            }
            self.payload_of(&header, &mut into.bytes)?;
        }
        Ok(!into.bytes.is_empty())
    }

    /// Moves to the next DATA batch that ends after the start position; `None` at the tail.
    async fn next_data(&mut self) -> Result<Option<BatchHeader>> {
        while !self.ended {
            let Some(header) = self.next_batch().await? else {
                self.check_tail().await?;
                self.ended = true;
                break;
            };
            if header.kind == BatchKind::Data && header.end_lsn() > self.from {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Appends the payload of the batch that was read last.
    fn payload_of(&self, header: &BatchHeader, into: &mut Vec<u8>) -> Result<()> {
        let batch = self.segment.as_ref().map_or(&[][..], Segment::loaded);
        let payload = HEADER..HEADER + header.len as usize;
        let missing = || DbError::internal("a verified batch is not in memory");
        if header.flags & ENCRYPTED == 0 && self.cfg.crypto.is_none() {
            into.extend_from_slice(batch.get(payload).ok_or_else(missing)?);
            return Ok(());
        }
        // Batches before the start, which may be sealed with a key that is gone, do not get here.
        let mut batch = batch.to_vec();
        header.unseal(&mut batch, self.cfg.crypto.as_deref())?;
        into.extend_from_slice(batch.get(payload).ok_or_else(missing)?);
        Ok(())
    }

    /// Reads on to the tail, dropping what is left, and answers it.
    pub async fn into_tail(mut self) -> Result<LogTail> {
        self.ahead = AHEAD;
        while self.next_data().await?.is_some() {}
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
    async fn next_batch(&mut self) -> Result<Option<BatchHeader>> {
        let size = self.cfg.segment_size;
        let (number, offset) =
            if self.at.offset >= size { (self.at.segment + 1, 0) } else { (self.at.segment, self.at.offset) };
        let Some(seg) = self.segment_numbered(number).await? else { return Ok(None) };
        let Some(h) = seg.batch_at(offset).await? else { return Ok(None) };
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
        Ok(Some(h))
    }

    /// A segment by number; `None` when there is no such file.
    async fn segment_numbered(&mut self, number: u64) -> Result<Option<&mut Segment>> {
        if self.segment.as_ref().is_none_or(|s| s.number != number) {
            if !segment::list(&self.io, &self.cfg).await?.contains(&number) {
                return Ok(None);
            }
            self.segment = Some(Segment::open(&self.io, &self.cfg, number, self.ahead).await?);
        }
        Ok(self.segment.as_mut())
    }

    /// The chain has broken at `at`: refuse when anything behind proves that the log was stable beyond it.
    async fn check_tail(&mut self) -> Result<()> {
        let broken = self.at;
        self.segment = None;
        for number in segment::list(&self.io, &self.cfg).await? {
            if number < broken.segment {
                continue;
            }
            let mut seg = Segment::open(&self.io, &self.cfg, number, AHEAD).await?;
            let mut offset = if number == broken.segment { broken.offset } else { 0 };
            while offset < self.cfg.segment_size {
                let proof = seg.header_at(offset).await?.filter(|h| h.stable_lsn > broken.lsn);
                if proof.is_some()
                    && let Some(h) = seg.batch_at(offset).await?
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
    async fn open(io: &IoRef, cfg: &LogConfig, number: u64, ahead: u64) -> Result<Segment> {
        let mode = OpenMode { dsync: false, class: IoClass::Log, ..OpenMode::LOG };
        let file = io.open(&segment::path(cfg, number), mode).await?;
        // A small segment, as tests have, has several pieces, too.
        let size = (cfg.segment_size / 16).next_multiple_of(BLOCK as u64).clamp(BLOCK as u64, PIECE as u64);
        let (io, cfg) = (io.clone(), cfg.clone());
        Ok(Segment {
            io,
            cfg,
            number,
            file,
            size,
            pieces: VecDeque::new(),
            first: 0,
            ahead,
            joined: Vec::new(),
            within: None,
        })
    }

    /// `len` bytes (at least one) at `offset`, which lie inside the segment.
    async fn load(&mut self, offset: u64, len: usize) -> Result<&[u8]> {
        let size = self.size;
        let (first, last) = (offset / size, (offset + len as u64 - 1) / size);
        if first < self.first {
            self.pieces.clear();
        }
        while self.first < first && self.pieces.pop_front().is_some() {
            self.first += 1;
        }
        if self.pieces.is_empty() {
            self.first = first;
        }
        let pieces = self.cfg.segment_size.div_ceil(size);
        for i in self.first + self.pieces.len() as u64..(last + 1 + self.ahead).min(pieces) {
            let bytes = (self.cfg.segment_size - i * size).min(size) as usize;
            self.pieces.push_back(Piece::Coming(self.io.read(&self.file, i * size, AlignedBuf::with_len(bytes))));
        }
        let wanted = self.pieces.iter_mut().take((last - first + 1) as usize);
        let mut failed = None;
        for piece in wanted {
            let Piece::Coming(read) = piece else { continue };
            match read.await {
                Ok(bytes) => *piece = Piece::There(bytes),
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
        }
        if let Some(e) = failed {
            // None of them can be awaited again.
            self.pieces.clear();
            return Err(e);
        }
        let start = usize::try_from(offset % size).unwrap_or(usize::MAX);
        if first == last {
            self.within = Some(start..start + len);
        } else {
            self.within = None;
            self.joined.clear();
            let there = self.pieces.iter().map_while(|p| if let Piece::There(b) = p { Some(&b[..]) } else { None });
            for (i, bytes) in there.enumerate() {
                let bytes = if i == 0 { bytes.get(start..).unwrap_or_default() } else { bytes };
                let n = bytes.len().min(len - self.joined.len());
                self.joined.extend_from_slice(&bytes[..n]);
            }
        }
        Some(self.loaded()).filter(|b| b.len() == len).ok_or_else(|| DbError::internal("a read of the log is short"))
    }

    /// What was loaded last.
    fn loaded(&self) -> &[u8] {
        match (&self.within, self.pieces.front()) {
            (Some(range), Some(Piece::There(bytes))) => bytes.get(range.clone()).unwrap_or_default(),
            (Some(_), _) => &[],
            (None, _) => &self.joined,
        }
    }

    /// A header of our log at `offset` with a plausible length; its crc is not yet checked.
    async fn header_at(&mut self, offset: u64) -> Result<Option<BatchHeader>> {
        let (cluster_id, log_id, room) = (self.cfg.cluster_id, self.cfg.log_id, self.cfg.segment_size - offset);
        let header = BatchHeader::decode(self.load(offset, BLOCK).await?);
        Ok(header.filter(|h| h.cluster_id == cluster_id && h.log_id == log_id && h.disk_len() as u64 <= room))
    }

    /// The header of the whole valid batch at `offset`, if there is one; the batch, as stored, is then what was loaded last.
    async fn batch_at(&mut self, offset: u64) -> Result<Option<BatchHeader>> {
        let Some(header) = self.header_at(offset).await? else { return Ok(None) };
        let bytes = self.load(offset, header.disk_len()).await?;
        Ok(header.verify(bytes).then_some(header))
    }
}

/// Cuts a DATA batch's payload into records, leaving out those that end at or before `from`.
fn split_records(header: &BatchHeader, payload: &Bytes, from: Lsn) -> Result<Vec<LogRecord>> {
    let bad = || DbError::corrupt(format!("log batch {} at position {} is malformed", header.index, header.start_lsn));
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
