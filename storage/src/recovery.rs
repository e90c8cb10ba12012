//! Bringing a store back to where its log ends.
//!
//! 1. The control file names the last checkpoint record. 2. Torn pages are repaired from the double-write file.
//! 3. *Analysis*: one pass over the log from `redo_lsn` finds its end, the relations dropped, the newest numbers, and the
//!    newest undo record of each transaction not seen to end. 4. *Redo*: a second pass applies every record to every page
//!    that lacks it, page by page, in the pool's bounded memory. 5. The caller opens the log behind its tail, finds the
//!    losers (numbers whose status says "running"), opens for work, and rolls them back in the background.
//!
//! Not redone: pages of dropped relations and of those that are not logged (their files go, too), and status and undo pages before the checkpoint's bounds (their files may be
//! gone). Pages whose LSN fits neither end of a change are corruption, and recovery refuses.
//!
//! No page goes home before the log is stable up to its LSN. A page, or the double-write file's note, that is ahead of the
//! log's end therefore says that the disk has lost acknowledged log writes. Recovery refuses where it meets that
//! ([`check_end`], [`crate::buf::Loader`]); going on would put new changes on top of some that are lost in part.

use crate::buf::{Access, Loader, PageFiles, Pool};
use crate::checkpoint::Checkpoint;
use crate::control::Control;
use crate::dwb::SavedPage;
use crate::io::IoRef;
use crate::mtr::redo::{Record, Redone};
use crate::mtr::{get_varint, kind};
use crate::page::{PAGE_SIZE, Page, PageKind};
use crate::txn::tsp::{PER_PAGE, TSP_REL};
use crate::undo::{MAX_STREAMS, UndoPtr, stream_rel};
use crate::wait::Wait;
use crate::wal::{LogConfig, LogReader, LogTail};
use hashbrown::HashMap;
use rustydb_base::metrics::Counter;
use rustydb_base::{DbError, Lsn, PageId, RelId, Result, Scn, Xid};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Pages that redo changed at the last start.
pub static PAGES_REDONE: Counter = Counter::new("recovery_pages_redone", "page changes applied by crash recovery");

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

/// The relation that a [`kind::FILE`] record drops.
fn dropped_rel(head: &[u8]) -> Result<RelId> {
    let bad = || DbError::corrupt("malformed file record");
    let (op, mut rest) = head.split_first().ok_or_else(bad)?;
    if *op != file_op::DROP {
        return Err(bad());
    }
    Ok(RelId(u32::try_from(get_varint(&mut rest)?).map_err(|_| bad())?))
}

/// The stream whose pages a relation holds.
fn stream_of(rel: RelId) -> Option<u8> {
    (stream_rel(0).0..stream_rel(0).0 + MAX_STREAMS as u32).contains(&rel.0).then(|| (rel.0 - stream_rel(0).0) as u8)
}

/// Analysis: reads the log from the checkpoint's redo position to its end.
async fn analyse(io: &IoRef, cfg: &LogConfig, from: &Checkpoint) -> Result<Recovered> {
    let mut state = from.clone();
    let mut dropped = BTreeSet::new();
    let mut open: HashMap<u64, UndoPtr> = from.active.iter().map(|(x, u)| (x.0, *u)).collect();
    let mut reader = LogReader::open(io.clone(), cfg.clone(), from.redo_lsn).await?;
    while let Some(batch) = reader.next().await? {
        for r in &batch.records {
            let rec = Record::parse(&r.bytes)?;
            if rec.xid.is_some() {
                state.next_xid = state.next_xid.max(rec.xid.seq() + 1);
            }
            for (i, p) in rec.pages.iter().enumerate() {
                state.next_rel = state.next_rel.max(p.pid.rel.number().saturating_add(1));
                if p.pid.rel == TSP_REL {
                    state.tsp_formatted = state.tsp_formatted.max(u64::from(p.pid.block) + 1);
                }
                let Some(stream) = stream_of(p.pid.rel) else { continue };
                for op in rec.ops() {
                    let (page, code, payload) = op?;
                    if page == i && code == crate::undo::redo::APPEND && rec.xid.is_some() {
                        let at = payload.first_chunk::<2>().map(|b| u16::from_le_bytes(*b));
                        let at = at.ok_or_else(|| DbError::corrupt("malformed undo operation"))?;
                        let off = u64::from(p.pid.block) * PAGE_SIZE as u64 + u64::from(at);
                        open.insert(rec.xid.0, UndoPtr::new(stream, off));
                    }
                }
            }
            match rec.kind {
                kind::COMMIT => {
                    let scn = rec.head.first_chunk::<8>().map(|b| Scn(u64::from_le_bytes(*b)));
                    let scn = scn.ok_or_else(|| DbError::corrupt("malformed commit record"))?;
                    state.scn = state.scn.max(scn);
                    open.remove(&rec.xid.0);
                }
                kind::ABORT => {
                    let scn = rec.head.first_chunk::<8>().map(|b| Scn(u64::from_le_bytes(*b)));
                    state.scn = state.scn.max(scn.unwrap_or_default());
                    open.remove(&rec.xid.0);
                }
                kind::FILE => {
                    dropped.insert(dropped_rel(rec.head)?);
                }
                _ => {}
            }
        }
    }
    let tail = reader.into_tail().await?;
    state.active = open.into_iter().map(|(x, u)| (Xid(x), u)).collect();
    state.active.sort_unstable();
    // Every number handed out lies in a status page that exists.
    state.next_xid = state.next_xid.max(1);
    Ok(Recovered { tail, state, dropped })
}

/// Whether a page's changes are not to be redone.
fn is_dead(pid: PageId, from: &Checkpoint, dropped: &BTreeSet<RelId>) -> bool {
    if pid.rel == TSP_REL {
        return u64::from(pid.block) < from.tsp_start / PER_PAGE;
    }
    if let Some(stream) = stream_of(pid.rel) {
        let head = from.undo.get(usize::from(stream)).map_or(0, |b| b.0);
        return u64::from(pid.block) < head / PAGE_SIZE as u64;
    }
    !pid.rel.is_logged() || dropped.contains(&pid.rel)
}

/// Analysis and redo. Pages that were changed are dirty in the pool afterwards; none has been given up. `newest`: the log was
/// stable up to there once, as the double-write file knows.
pub async fn redo(
    io: &IoRef,
    cfg: &LogConfig,
    pool: &Arc<Pool>,
    loader: &Arc<Loader>,
    from: &Checkpoint,
    newest: Lsn,
) -> Result<Recovered> {
    let found = analyse(io, cfg, from).await?;
    check_end(found.tail.lsn, newest)?;
    loader.log_ends_at(found.tail.lsn);
    let mut reader = LogReader::open(io.clone(), cfg.clone(), from.redo_lsn).await?;
    let mut applied = 0u64;
    while let Some(batch) = reader.next().await? {
        // The batch's pages are read at once, not one after the other.
        for r in &batch.records {
            for p in Record::parse(&r.bytes)?.pages {
                if !is_dead(p.pid, from, &found.dropped) && !pool.contains(p.pid) {
                    loader.prefetch(p.pid.rel, p.pid.block..p.pid.block.saturating_add(1));
                }
            }
        }
        for r in &batch.records {
            let rec = Record::parse(&r.bytes)?;
            for (i, p) in rec.pages.iter().enumerate() {
                if is_dead(p.pid, from, &found.dropped) {
                    continue;
                }
                if redo_page(pool, loader, &rec, i, r.start, r.end).await? == Redone::Applied {
                    applied += 1;
                }
            }
        }
    }
    PAGES_REDONE.add(applied);
    tracing::info!("redo from {} to {}: {applied} page changes applied", from.redo_lsn, found.tail.lsn);
    Ok(found)
}

async fn redo_page(
    pool: &Arc<Pool>,
    loader: &Arc<Loader>,
    rec: &Record<'_>,
    i: usize,
    start: Lsn,
    end: Lsn,
) -> Result<Redone> {
    let pid = rec.pages[i].pid;
    let mut pin = None;
    loop {
        match pool.write(pid) {
            Ok(mut page) => {
                let done = rec.redo(i, &mut page, end)?;
                if done == Redone::Applied {
                    page.mark_dirty(start.0);
                }
                return Ok(done);
            }
            Err(Wait::Fail(e)) => return Err(*e),
            Err(_) => {}
        }
        // Held while the page is latched in the next round.
        drop(pin.replace(loader.load(pid, Access::Scan).await?));
    }
}
