//! Purge: removes what no snapshot can see any more, and gives undo and status pages back.
//!
//! One task walks each undo stream in order, as far as the records' transactions have ended behind the horizon. For the
//! records of committed transactions: index entries they marked are removed, replaced overflow values and bodies freed,
//! dropped relations removed, and at the record flagged LAST the slots of rows they deleted are freed, so that no index
//! entry outlives its row's slot. Records of rolled-back transactions, and those flagged UNDONE, leave nothing to do.
//!
//! Every action can be repeated, so the place reached is only noted in memory and by checkpoints. A stream's head never
//! passes a DELETE whose LAST record is still to come.

use crate::am::{self, TableMethod};
use crate::core::Core;
use crate::page::{PAGE_SIZE, PageKind};
use crate::store::Store;
use crate::txn::tsp::{PER_PAGE, Status};
use crate::undo::{MEMORY_STREAM, SEGMENT, UndoFlags, UndoRec, UndoType, stream_rel};
use crate::wait::Op;
use parking_lot::Mutex;
use rustydb_base::metrics::{Counter, Gauge};
use rustydb_base::{BlockNo, PageId, RelId, Result, Scn, Xid};
use std::ops::Range;
use std::sync::Arc;

/// Undo records dealt with.
pub static PURGED: Counter = Counter::new("purge_records", "undo records purged");
/// Undo bytes behind which purge has still to go, over all streams.
pub static PURGE_BACKLOG: Gauge = Gauge::new("purge_backlog_bytes", "undo bytes not yet purged");
/// Undo bytes that purge could remove and has not got to.
pub static PURGE_BEHIND: Gauge =
    Gauge::new("purge_behind_bytes", "undo bytes of streams that purge does not keep up with");

/// Full rounds in a row after which purge is said to be behind in a stream.
const BEHIND: u32 = 4;
/// Records per stream and round.
const BUDGET: usize = 256;
/// Transaction numbers per round by which the start of the status pages may move.
const TSP_BUDGET: u64 = 64 * 1024;

/// What purge remembers.
pub(crate) struct PurgeState {
    /// One round at a time.
    turn: tokio::sync::Mutex<()>,
    streams: Mutex<Vec<StreamState>>,
    /// Undo bytes (by stream) and status blocks before these have been given back.
    given_back: Mutex<(Vec<u64>, u64)>,
}

#[derive(Default)]
struct StreamState {
    /// Next record.
    at: u64,
    /// Deletions whose LAST record has not come yet; at most one per transaction.
    pending: Vec<UndoRec>,
    /// What the last round stopped at.
    held: Option<Hold>,
    /// Rounds in a row that ended with more to do.
    full_rounds: u32,
}

/// What keeps a stream's oldest record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// Its transaction has not ended.
    Writer(Xid),
    /// Its transaction ended behind the horizon.
    Snapshot,
}

impl PurgeState {
    /// Begins at the streams' heads.
    pub(crate) fn new(bounds: &[(u64, u64)], tsp_start: u64) -> PurgeState {
        // The stream in memory comes last; it begins empty.
        let heads = bounds.iter().map(|(head, _)| *head).chain([0]);
        let streams = heads.map(|at| StreamState { at, ..StreamState::default() }).collect();
        let undo = bounds.iter().map(|(head, _)| head / SEGMENT * SEGMENT).collect();
        PurgeState {
            turn: tokio::sync::Mutex::new(()),
            streams: Mutex::new(streams),
            given_back: Mutex::new((undo, tsp_start / PER_PAGE)),
        }
    }

    /// What the last round stopped at in each logged stream that it did not empty.
    pub(crate) fn holds(&self) -> Vec<(u8, Hold)> {
        let streams = self.streams.lock();
        let logged = streams.len().saturating_sub(1);
        (0u8..).zip(streams.iter().take(logged)).filter_map(|(n, s)| Some((n, s.held?))).collect()
    }

    /// Logged streams in which purge has more to do than it gets done. The few rounds it takes to work off what a snapshot
    /// had kept do not count.
    fn behind(&self) -> Vec<u8> {
        let streams = self.streams.lock();
        let logged = streams.len().saturating_sub(1);
        (0u8..).zip(streams.iter().take(logged)).filter(|(_, s)| s.full_rounds >= BEHIND).map(|(n, _)| n).collect()
    }

    /// Keeps rounds from beginning until the answer is dropped.
    pub(crate) async fn pause(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Blocks of a stream's whole segments before `head` that have not been answered before.
    pub(crate) fn droppable_undo(&self, stream: usize, head: u64) -> Option<Range<BlockNo>> {
        let mut g = self.given_back.lock();
        let from = g.0.get_mut(stream)?;
        let to = head / SEGMENT * SEGMENT;
        let block = |o: u64| (o / PAGE_SIZE as u64) as BlockNo;
        let range = block(*from)..block(to);
        *from = to.max(*from);
        (!range.is_empty()).then_some(range)
    }

    /// Status blocks before `tsp_start` that have not been answered before.
    pub(crate) fn droppable_tsp(&self, tsp_start: u64) -> Option<Range<BlockNo>> {
        let mut g = self.given_back.lock();
        let to = tsp_start / PER_PAGE;
        let range = g.1 as BlockNo..to as BlockNo;
        g.1 = to.max(g.1);
        (!range.is_empty()).then_some(range)
    }
}

/// What to do with a record.
enum Verdict {
    /// Its transaction has not ended behind the horizon: stop here.
    Stop(Hold),
    /// Nothing.
    Skip,
    /// Purge it.
    Purge,
}

impl Store {
    /// The purge task.
    pub(crate) async fn run_purge(self: Arc<Self>) {
        while !self.is_stopping() {
            match self.purge_round().await {
                Ok(true) => crate::rt::yield_now().await,
                Ok(false) => {
                    let kick = self.purge_kick.notified();
                    futures::pin_mut!(kick);
                    // Woken by every end of a transaction, but not more often than the nap allows.
                    self.rt.sleep(self.opts.purge_nap).await;
                    futures::future::select(kick, self.rt.sleep(self.opts.purge_nap * 20)).await;
                }
                Err(e) => {
                    if !self.is_stopping() {
                        tracing::error!("purge failed: {e}");
                        self.core.poison.trip(e);
                    }
                    return;
                }
            }
        }
    }

    /// One round over all streams; whether there may be more to do at once.
    pub async fn purge_round(&self) -> Result<bool> {
        let _turn = self.purge.turn.lock().await;
        let (horizon, in_memory) = self.refresh_horizon();
        self.drive_free(|_| self.txns.advance_tsp(TSP_BUDGET)).await?;
        let mut more = false;
        for stream in 0..self.core.undo.count() {
            more |= self.purge_stream(stream, stream as u8, horizon).await?;
        }
        more |= self.purge_stream(self.core.undo.count(), MEMORY_STREAM, in_memory).await?;
        let dead = self.core.undo.dead_memory();
        // A page that a reader has still pinned goes with the next round.
        if !dead.is_empty() && self.core.pool.discard(stream_rel(MEMORY_STREAM), dead.clone()) {
            self.core.undo.memory_dropped(dead.end);
        }
        PURGE_BACKLOG.set(i64::try_from(self.core.undo.bytes()).unwrap_or(i64::MAX));
        let behind = self.purge.behind().into_iter().map(|s| self.core.undo.bytes_of(s)).sum();
        PURGE_BEHIND.set(i64::try_from(behind).unwrap_or(i64::MAX));
        self.pressure.purge_is_behind(behind);
        self.bound_undo_by_disk().await;
        more |= self.relieve_undo(more);
        self.purged.notify_waiters();
        Ok(more)
    }

    /// Purges a stream, whose state is the `at`-th.
    async fn purge_stream(&self, at: usize, stream: u8, horizon: Scn) -> Result<bool> {
        // Only one round runs at a time; the state is taken out so that no latch is held while waiting.
        let mut state = {
            let mut all = self.purge.streams.lock();
            match all.get_mut(at) {
                Some(s) => std::mem::take(s),
                None => return Ok(false),
            }
        };
        let result = self.purge_some(stream, &mut state, horizon).await;
        state.full_rounds = if matches!(result, Ok(true)) { state.full_rounds.saturating_add(1) } else { 0 };
        let head = state.pending.iter().map(|r| r.ptr.offset()).fold(state.at, u64::min);
        if let Some(s) = self.purge.streams.lock().get_mut(at) {
            *s = state;
        }
        let more = result?;
        self.drive_free(|core| core.undo.truncate(stream, head)).await?;
        Ok(more)
    }

    async fn purge_some(&self, stream: u8, state: &mut StreamState, horizon: Scn) -> Result<bool> {
        state.held = None;
        for _ in 0..BUDGET {
            let at = state.at;
            let found = self.drive_free(|core| core.undo.next(stream, at, &core.pool)).await?;
            let Some((rec, next)) = found else { return Ok(false) };
            match self.drive_free(|_| self.verdict(rec.xid, horizon)).await? {
                Verdict::Stop(hold) => {
                    state.held = Some(hold);
                    return Ok(false);
                }

                Verdict::Skip => {}
                Verdict::Purge => {
                    self.purge_record(&rec, horizon).await?;
                    if rec.kind == UndoType::Delete && !rec.flags.has(UndoFlags::UNDONE) {
                        state.pending.push(rec.clone());
                    }
                    if rec.flags.has(UndoFlags::LAST) {
                        while let Some(i) = state.pending.iter().position(|d| d.xid == rec.xid) {
                            let del = state.pending.swap_remove(i);
                            if self.relation_exists(del.rel).await? {
                                let am = TableMethod::of_record(&del)?.am()?;
                                self.drive_free(|core| am.purge(core, &del, horizon)).await?;
                            }
                        }
                    }
                }
            }
            PURGED.inc();
            state.at = next;
            if self.is_stopping() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn verdict(&self, xid: Xid, horizon: Scn) -> Op<Verdict> {
        if xid.seq() < self.txns.tsp_start() {
            // Which way it ended is no longer known, and need not be: what a rollback undid is not there to be found, or
            // its record is flagged.
            return Ok(Verdict::Purge);
        }
        Ok(match self.txns.status(xid)? {
            Status::Committed(scn) if scn <= horizon => Verdict::Purge,
            Status::Aborted(end) if end <= horizon => Verdict::Skip,
            Status::Committed(_) | Status::Aborted(_) => Verdict::Stop(Hold::Snapshot),
            _ => Verdict::Stop(Hold::Writer(xid)),
        })
    }

    /// Everything but freeing the slot of a deleted row.
    async fn purge_record(&self, rec: &UndoRec, horizon: Scn) -> Result<()> {
        if rec.flags.has(UndoFlags::UNDONE) {
            return Ok(());
        }
        match rec.kind {
            UndoType::Update if self.relation_exists(rec.rel).await? => {
                let am = TableMethod::of_record(rec)?.am()?;
                self.drive_free(|core| am.purge(core, rec, horizon)).await
            }
            UndoType::IdxMark if self.relation_exists(rec.rel).await? => {
                self.drive_free(|core| am::purge_entry(core, rec, horizon)).await
            }
            UndoType::OvfOld if self.relation_exists(rec.rel).await? => {
                self.drive_free(|core| crate::overflow::purge_old(core, rec)).await
            }
            UndoType::FileDropOnCommit => self.remove_relation(rec.rel, Xid::NONE).await,
            _ => Ok(()),
        }
    }

    /// Whether a relation is still there: a dropped one's first page reads as zeros.
    pub(crate) async fn relation_exists(&self, rel: RelId) -> Result<bool> {
        self.drive_free(|core| first_page_exists(core, rel)).await
    }
}

fn first_page_exists(core: &Core, rel: RelId) -> Op<bool> {
    let g = core.pool.read(PageId::new(rel, 0), crate::buf::Access::Point)?;
    Ok(!g.is(PageKind::Zero))
}
