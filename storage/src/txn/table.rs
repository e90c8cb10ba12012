//! The transaction table: slots of open transactions, numbers, snapshots, and the one way to resolve a number.
//!
//! Idea: a transaction takes a slot at begin (which bounds them), publishes its snapshot there, and claims a number at its
//! first write. The state of a number is found in the hot ring, else in its status page; numbers below `tsp_start`
//! committed so long ago that everyone sees them.
//!
//! Invariants:
//! 1. (I13) `horizon` is at most the SCN of every published snapshot that is not below `floor`, where those are that have
//!    been given up and answer nothing any more. A snapshot publishes a lower bound before it reads the
//!    clock, so one taken while the horizon is computed is either seen or newer than the clock value the computation
//!    began with.
//! 2. `tsp_start` is at most the first number that is running, prepared, not fully rolled back, or committed above the
//!    horizon.
//! 3. A slot's `ops` word is odd while an operation of its transaction may append undo; a checkpoint that notes the
//!    log's end and then finds the word even reads a `last_undo` that covers all undo written before that end.

use super::clock::ScnClock;
use super::ring::HotRing;
use super::tsp::{self, PER_PAGE, Status};
use super::{Isolation, Snapshot, TxnCx, TxnState};
use crate::buf::{Access, Pool};
use crate::core::{Core, Resolve};
use crate::mtr::redo::{code, format_payload};
use crate::page::PageKind;
use crate::rt::RuntimeRef;
use crate::ssi::SxId;
use crate::undo::UndoPtr;
use crate::wait::Op;
use parking_lot::Mutex;
use rustydb_base::metrics::{Counter, Gauge};
use rustydb_base::{DbError, Lsn, Result, Scn, SqlState, Xid};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Open transactions.
pub static TXNS_OPEN: Gauge = Gauge::new("transactions_open", "open transactions (bounded by their slots)");
/// Commits.
pub static COMMITS: Counter = Counter::new("transactions_committed", "transactions committed");
/// Rollbacks.
pub static ABORTS: Counter = Counter::new("transactions_aborted", "transactions rolled back");

/// "No snapshot" in a slot.
const NO_SNAPSHOT: u64 = u64::MAX;

#[repr(align(64))]
struct Slot {
    /// Number of the slot's transaction, 0 before its first write.
    xid: AtomicU64,
    /// SCN of the oldest snapshot the transaction uses, or [`NO_SNAPSHOT`].
    snap: AtomicU64,
    /// Odd while an operation runs.
    ops: AtomicU64,
    /// Newest undo record.
    last_undo: AtomicU64,
}

struct Alloc {
    next: u64,
    /// Status blocks below this one are formatted.
    formatted: u64,
}

/// What the table starts with: a new store's zeros, or what recovery found.
#[derive(Clone, Copy, Debug)]
pub struct TxnStart {
    /// First number to hand out, at least 1.
    pub next_xid: u64,
    /// Newest commit.
    pub scn: Scn,
    /// Numbers below are committed for all.
    pub tsp_start: u64,
    /// Status blocks below this one exist.
    pub formatted: u64,
}

/// The table; one per store.
pub struct TxnTable {
    pool: Arc<Pool>,
    rt: RuntimeRef,
    stable: Box<dyn Fn() -> Lsn + Send + Sync>,
    pub(super) clock: ScnClock,
    pub(super) ring: HotRing,
    pub(super) commit_latch: Mutex<()>,
    slots: Box<[Slot]>,
    free: Mutex<Vec<u32>>,
    alloc: Mutex<Alloc>,
    tsp_start: AtomicU64,
    horizon: AtomicU64,
    /// As `horizon`, without what is retained for nobody: tables in memory.
    memory_horizon: AtomicU64,
    /// Snapshots below have been given up.
    floor: AtomicU64,
    /// Snapshots held beside those in slots (cursors), with their counts.
    held: Mutex<BTreeMap<u64, u32>>,
    /// Transactions without a slot that await rollback: the losers of a crash.
    orphans: Mutex<BTreeMap<u64, UndoPtr>>,
}

/// Keeps a snapshot's versions from being purged; see [`TxnTable::hold`].
pub struct HeldSnapshot {
    table: Arc<TxnTable>,
    scn: u64,
}

impl Drop for HeldSnapshot {
    fn drop(&mut self) {
        let mut held = self.table.held.lock();
        if let Some(n) = held.get_mut(&self.scn) {
            *n -= 1;
            if *n == 0 {
                held.remove(&self.scn);
            }
        }
    }
}

impl TxnTable {
    /// A table with `slots` slots. `stable` answers the log's stable LSN.
    pub fn new(
        pool: Arc<Pool>,
        rt: RuntimeRef,
        slots: usize,
        ring: usize,
        start: TxnStart,
        stable: Box<dyn Fn() -> Lsn + Send + Sync>,
    ) -> Arc<TxnTable> {
        let n = slots.clamp(1, 1 << 20);
        Arc::new(TxnTable {
            pool,
            rt,
            stable,
            clock: ScnClock::new(start.scn),
            ring: HotRing::new(ring),
            commit_latch: Mutex::new(()),
            slots: (0..=n)
                .map(|_| Slot {
                    xid: AtomicU64::new(0),
                    snap: AtomicU64::new(NO_SNAPSHOT),
                    ops: AtomicU64::new(0),
                    last_undo: AtomicU64::new(0),
                })
                .collect(),
            free: Mutex::new((0..n as u32).rev().collect()),
            alloc: Mutex::new(Alloc { next: start.next_xid.max(1), formatted: start.formatted }),
            tsp_start: AtomicU64::new(start.tsp_start.max(1)),
            horizon: AtomicU64::new(0),
            memory_horizon: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            held: Mutex::new(BTreeMap::new()),
            orphans: Mutex::new(BTreeMap::new()),
        })
    }

    /// The transaction's slot; the last one, which no transaction gets, once it has ended.
    fn slot(&self, cx: &TxnCx) -> &Slot {
        &self.slots[(cx.slot as usize).min(self.slots.len() - 1)]
    }

    /// Opens a transaction; 53300 when every slot is taken.
    pub fn begin(&self, isolation: Isolation) -> Result<TxnCx> {
        let slot = self
            .free
            .lock()
            .pop()
            .ok_or_else(|| DbError::new(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already"))?;
        TXNS_OPEN.add(1);
        Ok(TxnCx {
            xid: Xid::NONE,
            stream: 0,
            last_undo: UndoPtr::NONE,
            last_memory_undo: UndoPtr::NONE,
            cid: 0,
            isolation,
            dep_lsn: Lsn(0),
            slot,
            ssi: SxId::NONE,
        })
    }

    /// Enters a transaction that has its number already into its slot.
    pub(super) fn take_up(&self, cx: &TxnCx) {
        let s = self.slot(cx);
        s.last_undo.store(cx.last_undo.0, Ordering::SeqCst);
        s.xid.store(cx.xid.0, Ordering::SeqCst);
    }

    /// Gives the slot back. The transaction has ended.
    pub(super) fn release(&self, cx: &mut TxnCx) {
        if cx.slot == u32::MAX {
            return;
        }
        let s = self.slot(cx);
        s.snap.store(NO_SNAPSHOT, Ordering::SeqCst);
        s.xid.store(0, Ordering::SeqCst);
        s.last_undo.store(0, Ordering::SeqCst);
        self.free.lock().push(cx.slot);
        TXNS_OPEN.add(-1);
        cx.slot = u32::MAX;
        cx.xid = Xid::NONE;
    }

    /// Claims a number and an undo stream for a transaction that is about to write, if it has none.
    pub fn assign(&self, core: &Core, cx: &mut TxnCx) -> Op<()> {
        if cx.xid.is_some() {
            return Ok(());
        }
        let mut a = self.alloc.lock();
        let (xid, block) = (Xid(a.next), a.next / PER_PAGE);
        if block > u64::from(u32::MAX - 1) {
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of transaction numbers").into());
        }
        if block >= a.formatted {
            let pid = tsp::page_of(xid);
            let mut mtr = core.mtr(Xid::NONE);
            let p = mtr.create(pid)?;
            mtr.reserve(16)?;
            mtr.apply(p, code::FORMAT, &format_payload(pid, PageKind::Tsp));
            mtr.finish();
            a.formatted = block + 1;
        }
        a.next += 1;
        cx.xid = xid;
        cx.stream = (xid.seq() % core.undo.count().max(1) as u64) as u8;
        // Still under the allocation latch: whoever reads `next_xid` and then the slots misses no number.
        self.slot(cx).xid.store(xid.0, Ordering::SeqCst);
        drop(a);
        if cx.ssi.is_some() {
            core.ssi.set_xid(cx.ssi, xid);
        }
        self.ring.enter(xid, (self.stable)());
        Ok(())
    }

    /// The next number to be handed out.
    pub fn next_xid(&self) -> u64 {
        self.alloc.lock().next
    }

    /// First status block that does not exist yet.
    pub fn formatted(&self) -> u64 {
        self.alloc.lock().formatted
    }

    /// Brackets one synchronous operation of a transaction, so that checkpoints see its undo (invariant 3).
    pub fn run<T>(&self, cx: &mut TxnCx, op: impl FnOnce(&mut TxnCx) -> T) -> T {
        let s = self.slot(cx);
        s.ops.fetch_add(1, Ordering::SeqCst);
        let out = op(cx);
        s.last_undo.store(cx.last_undo.0, Ordering::SeqCst);
        s.ops.fetch_add(1, Ordering::SeqCst);
        out
    }

    /// Every unfinished transaction that has a number, with its newest undo record: covers all undo written before the
    /// caller noted the log's end.
    pub fn active(&self) -> Vec<(Xid, UndoPtr)> {
        fence(Ordering::SeqCst);
        let mut out: Vec<(Xid, UndoPtr)> = self.orphans.lock().iter().map(|(x, u)| (Xid(*x), *u)).collect();
        for s in &self.slots {
            // An operation is synchronous and short; none is ever suspended while its word is odd.
            while s.ops.load(Ordering::SeqCst) & 1 == 1 {
                std::thread::yield_now();
            }
            let xid = s.xid.load(Ordering::SeqCst);
            if xid != 0 {
                out.push((Xid(xid), UndoPtr(s.last_undo.load(Ordering::SeqCst))));
            }
        }
        out
    }

    /// Takes and registers a snapshot for the transaction's next statement. It replaces the one registered before;
    /// who still uses that one holds it with [`TxnTable::hold`].
    pub fn snapshot(&self, cx: &TxnCx) -> Snapshot {
        if cx.slot == u32::MAX {
            // The transaction has ended: nothing is kept for it.
            return Snapshot { scn: self.clock.last(), xid: Xid::NONE, cid: cx.cid, ssi: SxId::NONE };
        }
        let s = self.slot(cx);
        s.snap.store(self.clock.last().0, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let scn = self.clock.last();
        s.snap.store(scn.0, Ordering::SeqCst);
        Snapshot { scn, xid: cx.xid, cid: cx.cid, ssi: SxId::NONE }
    }

    /// The transaction uses no snapshot until it takes the next one.
    pub fn release_snapshot(&self, cx: &TxnCx) {
        self.slot(cx).snap.store(NO_SNAPSHOT, Ordering::SeqCst);
    }

    /// Registers a snapshot that is still registered in its transaction's slot a second time, for a cursor.
    pub fn hold(self: &Arc<Self>, snapshot: &Snapshot) -> HeldSnapshot {
        *self.held.lock().entry(snapshot.scn.0).or_insert(0) += 1;
        HeldSnapshot { table: Arc::clone(self), scn: snapshot.scn.0 }
    }

    /// Registers a snapshot of the past (or of another transaction): what was committed at or before `scn`. 72000 when the
    /// versions it would show may be gone.
    pub fn hold_at(self: &Arc<Self>, scn: Scn) -> Result<HeldSnapshot> {
        // The horizon is computed and published under this latch.
        let mut held = self.held.lock();
        if scn.0 < self.horizon.load(Ordering::SeqCst).max(self.floor.load(Ordering::SeqCst)) {
            return Err(DbError::new(SqlState::SNAPSHOT_TOO_OLD, "snapshot too old")
                .detail("Versions of that time are not kept any more.")
                .hint("undo_retention says how long they are kept."));
        }
        *held.entry(scn.0).or_insert(0) += 1;
        Ok(HeldSnapshot { table: Arc::clone(self), scn: scn.0 })
    }

    /// Computes the horizon anew and publishes it. `retain_micros` keeps it at least so many microseconds in the past, but
    /// not that of tables in memory, which is the second part of the answer.
    pub fn refresh_horizon(&self, retain_micros: u64) -> (Scn, Scn) {
        let now = self.clock.last().0;
        fence(Ordering::SeqCst);
        let held = self.held.lock();
        let mut h = self.oldest(&held).map_or(now, |s| s.min(now));
        let memory = self.memory_horizon.fetch_max(h, Ordering::SeqCst).max(h);
        if retain_micros > 0 {
            h = h.min(Scn::from_micros(self.rt.now_micros().saturating_sub(retain_micros)).0);
        }
        let horizon = Scn(self.horizon.fetch_max(h, Ordering::SeqCst).max(h));
        drop(held);
        (horizon, Scn(memory))
    }

    /// The oldest snapshot in use that has not been given up.
    fn oldest(&self, held: &BTreeMap<u64, u32>) -> Option<u64> {
        let floor = self.floor.load(Ordering::SeqCst);
        let slots = self.slots.iter().map(|s| s.snap.load(Ordering::SeqCst));
        let slots = slots.filter(|s| *s >= floor && *s != NO_SNAPSHOT).min();
        let held = held.range(floor..).next().map(|(scn, _)| *scn);
        slots.into_iter().chain(held).min()
    }

    /// The oldest snapshot in use; `None` if there is none that a newer commit has made old.
    pub fn oldest_snapshot(&self) -> Option<Scn> {
        let held = self.held.lock();
        self.oldest(&held).filter(|s| *s < self.clock.last().0).map(Scn)
    }

    /// Gives up the oldest snapshot in use, if it is still this one: the horizon leaves it behind, and who reads by it fails
    /// with 72000.
    pub fn give_up(&self, snapshot: Scn) -> bool {
        let held = self.held.lock();
        if self.oldest(&held) != Some(snapshot.0) {
            return false;
        }
        self.floor.fetch_max(snapshot.0 + 1, Ordering::SeqCst);
        true
    }

    /// Newest commit.
    pub fn last_scn(&self) -> Scn {
        self.clock.last()
    }

    /// Numbers below this are committed for all.
    pub fn tsp_start(&self) -> u64 {
        self.tsp_start.load(Ordering::SeqCst)
    }

    /// Moves `tsp_start` forward over ended transactions at or below the horizon, by at most `budget` numbers.
    pub fn advance_tsp(&self, budget: u64) -> Op<()> {
        let (horizon, end) = (self.horizon.load(Ordering::SeqCst), self.next_xid());
        let from = self.tsp_start();
        let mut at = from;
        let stop = end.min(from.saturating_add(budget));
        let mut result = Ok(());
        'pages: while at < stop {
            let g = match self.pool.read(tsp::page_of(Xid(at)), Access::Scan) {
                Ok(g) => g,
                Err(w) => {
                    result = Err(w);
                    break;
                }
            };
            let page_end = (at / PER_PAGE + 1) * PER_PAGE;
            while at < stop.min(page_end) {
                match tsp::status(&g, Xid(at))? {
                    Status::Committed(scn) | Status::Aborted(scn) if scn.0 <= horizon => at += 1,
                    _ => break 'pages,
                }
            }
        }
        self.tsp_start.fetch_max(at, Ordering::SeqCst);
        result
    }

    /// Durable status of a number at or above `tsp_start`.
    pub fn status(&self, xid: Xid) -> Op<Status> {
        if let Some((status, _)) = self.ring.look(xid) {
            return Ok(status);
        }
        let g = self.pool.read(tsp::page_of(xid), Access::Point)?;
        Ok(tsp::status(&g, xid)?)
    }

    /// Adds a transaction without a slot that awaits rollback (recovery's losers), or notes how far it is.
    pub fn set_orphan(&self, xid: Xid, last_undo: UndoPtr) {
        self.orphans.lock().insert(xid.0, last_undo);
    }

    /// The orphans.
    pub fn orphans(&self) -> Vec<(Xid, UndoPtr)> {
        self.orphans.lock().iter().map(|(x, u)| (Xid(*x), *u)).collect()
    }

    pub(super) fn forget_orphan(&self, xid: Xid) {
        self.orphans.lock().remove(&xid.0);
    }

    pub(super) fn stable(&self) -> Lsn {
        (self.stable)()
    }

    pub(super) fn now_micros(&self) -> u64 {
        self.rt.now_micros()
    }
}

impl Resolve for TxnTable {
    fn resolve(&self, xid: Xid, dep_lsn: &mut Lsn) -> Op<TxnState> {
        if xid.seq() < self.tsp_start() {
            return Ok(TxnState::CommittedForAll);
        }
        let mut found = self.ring.look(xid);
        if found.is_none() {
            let status = {
                let g = self.pool.read(tsp::page_of(xid), Access::Point)?;
                tsp::status(&g, xid)?
            };
            // It may have entered the ring to commit meanwhile; if it is not there now, its commit is stable.
            found = self.ring.look(xid).or(Some((status, Lsn(0))));
        }
        Ok(match found {
            Some((Status::Committed(scn), lsn)) => {
                *dep_lsn = (*dep_lsn).max(lsn);
                TxnState::Committed(scn)
            }
            Some((Status::Aborted(_), _)) => TxnState::Aborted,
            Some((Status::Prepared, _)) => TxnState::Prepared,
            Some((Status::Running, _)) | None => TxnState::Running,
        })
    }

    fn horizon(&self) -> Scn {
        Scn(self.horizon.load(Ordering::SeqCst))
    }

    fn stable_lsn(&self) -> Lsn {
        (self.stable)()
    }

    fn memory_horizon(&self) -> Scn {
        Scn(self.memory_horizon.load(Ordering::SeqCst))
    }

    fn floor(&self) -> Scn {
        Scn(self.floor.load(Ordering::SeqCst))
    }
}
