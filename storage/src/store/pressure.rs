//! What happens when undo fills up: the undo policy.
//!
//! Idea: undo is kept for somebody, and purge knows for whom, by the record at which it stops. Beyond [`WARN`] of the limit
//! that is said in the log; beyond [`ACT`] what undo is kept for is given up, step by step, until purge has made room:
//!
//! 1. `undo_retention`, by halves: nobody reads what it keeps yet. It is whole again when undo has fallen below [`WARN`].
//! 2. The oldest snapshot, and then the next. Who reads by one that was given up fails with 72000
//!    ([`crate::core::Core::check_kept`]); its transaction is otherwise as it was, so that at READ COMMITTED the next
//!    statement succeeds.
//! 3. The oldest transaction that has written and is idle: its session ends it with 25P03 ([`Store::end_idle_writers_by`]).
//! 4. Nothing else can go: writers are refused with 53100.
//!
//! A writer that finds undo full meanwhile waits ([`crate::wait::Wait::Undo`]) and is refused only after step 4.
//! The limit is `undo_limit`, or less when the disk is short: undo leaves [`SPARE_PART`] of the file system (at most [`SPARE`])
//! and room for what else will grow ([`Store::other_growth`]), but may hold [`super::StoreOptions::undo_least`] in any case.
//!
//! Before all that, writers are slowed down while undo grows because purge does not keep up, not because it is kept for
//! somebody: a transaction waits before its first change, when it has neither latch nor row lock ([`Store::wait_for_purge`]).
//! The wait grows from nothing at [`SLOW`] of the limit to [`LONGEST`] at [`WARN`].
//!
//! What the streams in question hold must be a [`WORTH`] of the limit, so that nobody loses a snapshot to the undo of one
//! large transaction, which would be as large without it.
//!
//! Left out: tables in memory, whose undo has a limit of its own (53200); prepared transactions, which nobody may end.

use super::Store;
use crate::page::PAGE_SIZE;
use crate::purge::Hold;
use parking_lot::Mutex;
use rustydb_base::metrics::Counter;
use rustydb_base::{Scn, Xid};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Snapshots given up for want of undo space.
pub static SNAPSHOTS_GIVEN_UP: Counter =
    Counter::new("snapshots_given_up", "snapshots given up because undo was filling up (72000)");
/// Idle transactions ended for want of undo space.
pub static IDLE_WRITERS_ENDED: Counter =
    Counter::new("idle_writers_ended", "idle transactions ended because undo was filling up (25P03)");

/// Times that a writer was slowed down for purge.
pub static PURGE_WAITS: Counter =
    Counter::new("purge_waits", "transactions that waited before their first change because purge did not keep up");

/// Parts of a hundred of the limit: beyond this much that purge is behind with, writers are slowed down.
const SLOW: u64 = 25;
/// What a transaction waits at most for purge.
const LONGEST: Duration = Duration::from_millis(100);
/// A file system's last bytes are not for undo: one of so many of its size,
const SPARE_PART: u64 = 20;
/// but no more than this.
const SPARE: u64 = 1 << 30;
/// Parts of a hundred of the limit: beyond this the log says so.
const WARN: u64 = 80;
/// Beyond this, what undo is kept for is given up.
const ACT: u64 = 90;
/// What gives up nothing smaller.
const WORTH: u64 = 6;
/// How long a session that was asked to end its transaction may take.
const ENDING: Duration = Duration::from_secs(10);

/// Ends the transaction of the session with this process number if it is idle, and answers whether it will.
type EndIdle = Box<dyn Fn(i32) -> bool + Send + Sync>;

/// What the policy remembers.
#[derive(Default)]
pub(crate) struct Pressure {
    warned: AtomicBool,
    /// How often retention was halved.
    halved: AtomicU32,
    /// The oldest snapshot when undo was found nearly full the last time.
    oldest: Mutex<Option<Scn>>,
    end_idle: OnceLock<EndIdle>,
    /// The transaction that was asked to end, and when.
    asked: Mutex<Option<(Xid, Duration)>>,
    /// Undo bytes that purge is behind with.
    behind: AtomicU64,
    /// When the disk was looked at last.
    looked: Mutex<Option<Duration>>,
}

impl Pressure {
    /// What is left of a retention of so many microseconds.
    pub(crate) fn retention(&self, micros: u64) -> u64 {
        micros.checked_shr(self.halved.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

impl Pressure {
    /// Takes note of the undo bytes that purge could remove and has not got to.
    pub(crate) fn purge_is_behind(&self, bytes: u64) {
        // Asked by every writer, and hardly ever other than zero.
        if self.behind.load(Ordering::Relaxed) != bytes {
            self.behind.store(bytes, Ordering::Relaxed);
        }
    }

    /// How long the next writer waits with this limit of undo.
    fn purge_wait(&self, limit: u64) -> Duration {
        let behind = self.behind.load(Ordering::Relaxed);
        if behind == 0 {
            return Duration::ZERO;
        }
        let at = |percent: u64| limit / 100 * percent;
        let over = behind.saturating_sub(at(SLOW)).min(at(WARN - SLOW));
        LONGEST.mul_f64(over as f64 / at(WARN - SLOW).max(1) as f64)
    }
}

impl Store {
    /// Slows a writer down while purge does not keep up.
    pub(super) async fn wait_for_purge(&self) {
        let wait = self.pressure.purge_wait(self.core.undo.limit());
        if !wait.is_zero() {
            PURGE_WAITS.inc();
            self.rt.sleep(wait).await;
        }
    }

    /// Bytes that the disk will be asked for without any more undo: pages that are changed in memory only, and the log up to
    /// the size it has when writers are held back.
    fn other_growth(&self) -> u64 {
        let unwritten = self.core.pool.dirty() as u64 * PAGE_SIZE as u64;
        let o = &self.opts;
        let log = o.checkpoint_distance.saturating_mul(3).saturating_add(o.wal_segment_size.saturating_mul(2));
        unwritten.saturating_add(log.min(o.max_wal_bytes).saturating_sub(self.log.disk_bytes()))
    }

    /// Lets undo grow no further than the disk has room. Looks at the disk now and then only.
    pub(crate) async fn bound_undo_by_disk(&self) {
        let now = self.rt.monotonic();
        {
            let mut looked = self.pressure.looked.lock();
            if looked.is_some_and(|l| now.saturating_sub(l) < self.opts.purge_nap * 20) {
                return;
            }
            *looked = Some(now);
        }
        let room = match self.files.space().await {
            Ok(Some(s)) => {
                let spare = (s.total / SPARE_PART).min(SPARE) + self.other_growth();
                let room = self.core.undo.bytes().saturating_add(s.free.saturating_sub(spare));
                room.max(self.opts.undo_least)
            }
            Ok(None) => u64::MAX,
            Err(e) => {
                tracing::warn!("undo is not bounded by the room on the disk: {e}");
                u64::MAX
            }
        };
        self.core.undo.set_room(room);
    }

    /// Says how the policy ends an idle transaction; the first one said counts.
    pub fn end_idle_writers_by(&self, end: impl Fn(i32) -> bool + Send + Sync + 'static) {
        // Only a second caller could be refused, and it has nothing to do about it.
        let _ = self.pressure.end_idle.set(Box::new(end));
    }

    /// One step of the policy, after a round of purge, which may have `more` to do. Answers whether another round could make
    /// room at once.
    pub(crate) fn relieve_undo(&self, more: bool) -> bool {
        let (undo, p) = (&self.core.undo, &self.pressure);
        let (used, limit) = (undo.bytes(), undo.limit());
        let above = |percent: u64| u128::from(used) * 100 > u128::from(limit) * u128::from(percent);
        if !above(WARN) {
            p.warned.store(false, Ordering::Relaxed);
            p.halved.store(0, Ordering::Relaxed);
            undo.set_hopeless(false);
            return false;
        }
        if !p.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("undo holds {used} of {limit} bytes: a long-running transaction or snapshot keeps them");
        }
        if more || !above(ACT) {
            undo.set_hopeless(false);
            return false;
        }
        let step = self.give_something_up();
        undo.set_hopeless(!step.hope);
        step.again
    }

    fn give_something_up(&self) -> Step {
        let holds = self.purge.holds();
        let worth = self.core.undo.limit() / 100 * WORTH;
        let bytes = |of: &dyn Fn(Hold) -> bool| -> u64 {
            holds.iter().filter(|(_, h)| of(*h)).map(|(s, _)| self.core.undo.bytes_of(*s)).sum()
        };
        if bytes(&|h| h == Hold::Snapshot) > worth {
            if self.pressure.retention(self.opts.undo_retention_micros) > 0 {
                if self.pressure.halved.fetch_add(1, Ordering::Relaxed) == 0 {
                    tracing::warn!("undo is not kept for undo_retention while it is nearly full");
                }
                return Step::DONE;
            }
            // One that was not the oldest in the last round is of somebody who gets on. If there is none, what ended behind
            // the horizon was behind that of the last round only.
            let oldest = self.txns.oldest_snapshot();
            let before = std::mem::replace(&mut *self.pressure.oldest.lock(), oldest);
            if let Some(scn) = oldest.filter(|_| oldest == before)
                && self.txns.give_up(scn)
            {
                SNAPSHOTS_GIVEN_UP.inc();
                tracing::warn!("the snapshot of SCN {} was given up because undo is nearly full", scn.0);
            }
            return Step::DONE;
        }
        let mut writers: Vec<Xid> = holds
            .iter()
            .filter_map(|(s, h)| match h {
                Hold::Writer(x) if self.core.undo.bytes_of(*s) > worth => Some(*x),
                _ => None,
            })
            .collect();
        writers.sort_unstable();
        self.end_an_idle_writer(&writers)
    }

    fn end_an_idle_writer(&self, writers: &[Xid]) -> Step {
        let (Some(end), now) = (self.pressure.end_idle.get(), self.rt.monotonic()) else { return Step::STUCK };
        let asked = *self.pressure.asked.lock();
        for x in writers {
            if let Some((_, since)) = asked.filter(|(a, _)| a == x) {
                if now.saturating_sub(since) < ENDING {
                    return Step::WAIT;
                }
                continue;
            }
            let Some(pid) = self.locks.pid_of(*x) else {
                if self.txns.orphans().iter().any(|(o, _)| o == x) {
                    return Step::WAIT;
                }
                continue;
            };
            if pid != 0 && end(pid) {
                *self.pressure.asked.lock() = Some((*x, now));
                IDLE_WRITERS_ENDED.inc();
                tracing::warn!("the idle transaction {x} of process {pid} was ended because undo is nearly full");
                return Step::WAIT;
            }
        }
        Step::STUCK
    }

    /// Waits until purge has tried to make room in full undo.
    pub(super) async fn undo_room(&self) {
        let purged = self.purged.notified();
        if !self.core.undo.is_full() {
            return;
        }
        self.purge_kick.notify_one();
        futures::pin_mut!(purged);
        futures::future::select(purged, self.rt.sleep(self.opts.purge_nap * 20)).await;
    }
}

/// What a step of the policy has come to.
struct Step {
    /// Purge may make room, now or soon.
    hope: bool,
    /// Now.
    again: bool,
}

impl Step {
    const DONE: Step = Step { hope: true, again: true };
    const WAIT: Step = Step { hope: true, again: false };
    const STUCK: Step = Step { hope: false, again: false };
}
