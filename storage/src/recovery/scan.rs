//! Analysis: what a window of the log says about transactions and relations, and which pages it changes.
//!
//! Pages belong to *parts* by a hash of their place, [`NEIGHBOURS`] neighbours together so that they can be read at once. A
//! part's changes stay in log order.

use super::{Recovered, file_op};
use crate::checkpoint::Checkpoint;
use crate::mtr::redo::{Ops, PageChange, Record, code};
use crate::mtr::{get_varint, kind};
use crate::page::PAGE_SIZE;
use crate::txn::tsp::{PER_PAGE, TSP_REL};
use crate::undo::{MAX_STREAMS, UndoPtr, stream_rel};
use crate::wal::{LogTail, RECORD_OVERHEAD, Stretch};
use hashbrown::HashMap;
use rustydb_base::{DbError, Lsn, PageId, RelId, Result, Scn, Xid};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use tokio::sync::mpsc;

/// Parts of the pages, each redone by a task of its own.
pub(super) const PARTS: usize = 8;
/// Blocks of a relation that belong to the same part: a power of two.
const NEIGHBOURS: u32 = 16;

/// A stretch of the log and the page changes in it.
#[derive(Default)]
pub(super) struct Window {
    pub(super) log: Stretch,
    pub(super) changes: [Vec<Change>; PARTS],
}

impl Window {
    /// Bytes it holds in memory.
    pub(super) fn memory(&self) -> usize {
        let changes: usize = self.changes.iter().map(Vec::capacity).sum();
        self.log.bytes.capacity() + changes * size_of::<Change>()
    }

    /// A byte of each of the first two cache lines of a change's operations.
    pub(super) fn lines(&self, c: &Change, line: usize) -> impl Iterator<Item = &u8> {
        let at = c.ops as usize;
        let last = (c.end as usize).saturating_sub(1);
        [at, (at + line).min(last)].into_iter().filter_map(|i| self.log.bytes.get(i))
    }

    /// A change with its operations.
    pub(super) fn change(&self, c: &Change) -> PageChange<'_> {
        PageChange {
            pid: c.pid,
            prev: c.prev,
            end: self.log.lsn(c.end as usize),
            formats: c.formats,
            page: usize::from(c.page),
            ops: Ops::new(self.log.bytes.get(c.ops as usize..c.end as usize).unwrap_or_default()),
        }
    }
}

/// One record's change of one page; places are offsets in the window.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub(super) pid: PageId,
    pub(super) prev: Lsn,
    /// The record's start.
    pub(super) record: u32,
    /// The record's end.
    end: u32,
    /// The first operation on the page.
    ops: u32,
    /// The page's position in the record.
    page: u8,
    pub(super) formats: bool,
}

#[cfg(test)]
impl Change {
    /// A change that is only looked at.
    pub(super) fn for_test(pid: PageId, record: u32) -> Change {
        Change { pid, prev: Lsn(0), record, end: record, ops: record, page: 0, formats: false }
    }
}

/// A window lent to the parts; goes back when the last one is done with it.
pub(super) struct Lease {
    pub(super) window: Window,
    back: mpsc::Sender<Window>,
}

impl Lease {
    pub(super) fn new(window: Window, back: mpsc::Sender<Window>) -> Lease {
        super::WINDOW_BYTES.add(i64::try_from(window.memory()).unwrap_or(i64::MAX));
        Lease { window, back }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        super::WINDOW_BYTES.add(-i64::try_from(self.window.memory()).unwrap_or(i64::MAX));
        // There is room for all windows; nobody receives any more when the log has been read.
        let _ = self.back.try_send(std::mem::take(&mut self.window));
    }
}

/// The stream whose pages a relation holds.
fn stream_of(rel: RelId) -> Option<u8> {
    (stream_rel(0).0..stream_rel(0).0 + MAX_STREAMS as u32).contains(&rel.0).then(|| (rel.0 - stream_rel(0).0) as u8)
}

/// The relation that a [`kind::FILE`] record drops.
fn dropped_rel(head: &[u8]) -> Result<RelId> {
    let bad = || DbError::corrupt("malformed file record");
    let (op, mut rest) = head.split_first().ok_or_else(bad)?;
    if *op != file_op::DROP {
        return Err(bad());
    }
    Ok(RelId(u32::try_from(get_varint(&mut rest)?).map_err(|_| bad())?))
}

/// The part a page belongs to.
fn part_of(pid: PageId) -> usize {
    let place = (u64::from(pid.rel.0) << 32) | u64::from(pid.block / NEIGHBOURS);
    (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % PARTS
}

/// What the log has said so far.
pub(super) struct Analysis {
    from: Checkpoint,
    state: Checkpoint,
    dropped: BTreeSet<RelId>,
    /// Newest undo record of each transaction not seen to end.
    open: HashMap<u64, UndoPtr>,
}

impl Analysis {
    pub(super) fn new(from: &Checkpoint) -> Analysis {
        Analysis {
            from: from.clone(),
            state: from.clone(),
            dropped: BTreeSet::new(),
            open: from.active.iter().map(|(x, u)| (x.0, *u)).collect(),
        }
    }

    /// What is known at the log's end.
    pub(super) fn finish(mut self, tail: LogTail) -> Recovered {
        self.state.active = self.open.into_iter().map(|(x, u)| (Xid(x), u)).collect();
        self.state.active.sort_unstable();
        // Every number handed out lies in a status page that exists.
        self.state.next_xid = self.state.next_xid.max(1);
        Recovered { tail, state: self.state, dropped: self.dropped }
    }

    /// Takes note of a window's records and lists its changes. Records that end before redo begins are left out.
    pub(super) fn window(&mut self, window: &mut Window) -> Result<()> {
        let Window { log, changes } = window;
        changes.iter_mut().for_each(Vec::clear);
        let mut at = 0;
        while let Some((record, next)) = log.record(at)? {
            if log.lsn(next) > self.from.redo_lsn {
                self.record(record, at, next, changes)?;
            }
            at = next;
        }
        Ok(())
    }

    fn record(&mut self, bytes: &[u8], at: usize, end: usize, changes: &mut [Vec<Change>; PARTS]) -> Result<()> {
        let rec = Record::parse(bytes)?;
        let state = &mut self.state;
        if rec.xid.is_some() {
            state.next_xid = state.next_xid.max(rec.xid.seq() + 1);
        }
        match rec.kind {
            kind::COMMIT => {
                let scn = rec.head.first_chunk::<8>().map(|b| Scn(u64::from_le_bytes(*b)));
                let scn = scn.ok_or_else(|| DbError::corrupt("malformed commit record"))?;
                state.scn = state.scn.max(scn);
                self.open.remove(&rec.xid.0);
            }
            kind::ABORT => {
                let scn = rec.head.first_chunk::<8>().map(|b| Scn(u64::from_le_bytes(*b)));
                state.scn = state.scn.max(scn.unwrap_or_default());
                self.open.remove(&rec.xid.0);
            }
            kind::FILE => {
                self.dropped.insert(dropped_rel(rec.head)?);
            }
            _ => {}
        }
        // The first operation on each page, and whether that makes it anew.
        let mut first: SmallVec<[Option<(u32, bool)>; 6]> = smallvec::smallvec![None; rec.pages.len()];
        let (mut ops, place) = (rec.ops(), |rest: usize| (end - rest) as u32);
        loop {
            let here = place(ops.rest());
            let Some(op) = ops.next() else { break };
            let (page, code, payload) = op?;
            if let Some(seen) = first.get_mut(page)
                && seen.is_none()
            {
                *seen = Some((here, code == code::FORMAT));
            }
            if code == crate::undo::redo::APPEND
                && rec.xid.is_some()
                && let Some(p) = rec.pages.get(page)
                && let Some(stream) = stream_of(p.pid.rel)
            {
                let off = payload.first_chunk::<2>().map(|b| u16::from_le_bytes(*b));
                let off = off.ok_or_else(|| DbError::corrupt("malformed undo operation"))?;
                let off = u64::from(p.pid.block) * PAGE_SIZE as u64 + u64::from(off);
                self.open.insert(rec.xid.0, UndoPtr::new(stream, off));
            }
        }
        let (record, end) = (at as u32, end as u32);
        for (i, p) in rec.pages.iter().enumerate() {
            let state = &mut self.state;
            state.next_rel = state.next_rel.max(p.pid.rel.number().saturating_add(1));
            if p.pid.rel == TSP_REL {
                state.tsp_formatted = state.tsp_formatted.max(u64::from(p.pid.block) + 1);
            }
            if !is_dead(p.pid, &self.from) {
                // A page without an operation only gets the record's LSN.
                let (ops, formats) = first.get(i).copied().flatten().unwrap_or((end, false));
                let change = Change { pid: p.pid, prev: p.prev, record, end, ops, page: i as u8, formats };
                changes[part_of(p.pid)].push(change);
            }
        }
        Ok(())
    }
}

/// Whether a page's changes are not to be redone.
fn is_dead(pid: PageId, from: &Checkpoint) -> bool {
    if pid.rel == TSP_REL {
        return u64::from(pid.block) < from.tsp_start / PER_PAGE;
    }
    if let Some(stream) = stream_of(pid.rel) {
        let head = from.undo.get(usize::from(stream)).map_or(0, |b| b.0);
        return u64::from(pid.block) < head / PAGE_SIZE as u64;
    }
    !pid.rel.is_logged()
}

const _: () = assert!(NEIGHBOURS.is_power_of_two() && RECORD_OVERHEAD == 4 && size_of::<Change>() == 32);
