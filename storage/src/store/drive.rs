//! The shell around synchronous operations: runs one, waits for what it lacks with nothing latched, runs it again.

use super::Store;
use crate::buf::{Access, Pin};
use crate::core::Core;
use crate::lock::{LockMode, LockOwner, LockTarget, Scope};
use crate::rt::{Notify, yield_now};
use crate::ssi::{Safety, SxId};
use crate::txn::TxnCx;
use crate::wait::{Op, Wait};
use futures::FutureExt as _;
use futures::future::{Either, select};
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A session's cancel switch: raised by a cancel request, a statement timeout or an administrator, seen by every wait.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<InterruptState>);

#[derive(Default)]
struct InterruptState {
    raised: AtomicBool,
    why: Mutex<Option<DbError>>,
    notify: Notify,
}

impl Interrupt {
    /// A switch that is not raised.
    pub fn new() -> Interrupt {
        Interrupt::default()
    }
    /// Raises it; the first reason is kept until [`Interrupt::clear`].
    pub fn raise(&self, why: DbError) {
        self.0.why.lock().get_or_insert(why);
        self.0.raised.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }
    /// Lowers it, for the next statement.
    pub fn clear(&self) {
        if self.0.raised.swap(false, Ordering::AcqRel) {
            *self.0.why.lock() = None;
        }
    }
    /// Fails with the reason if it is raised.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if !self.0.raised.load(Ordering::Acquire) {
            return Ok(());
        }
        let why = self.0.why.lock().clone();
        Err(why.unwrap_or_else(|| DbError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request")))
    }
    /// Completes with the reason once it is raised.
    pub async fn raised(&self) -> DbError {
        loop {
            let woken = self.0.notify.notified();
            if let Err(e) = self.check() {
                return e;
            }
            woken.await;
        }
    }
}

/// What to do about a row that another transaction holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WaitPolicy {
    /// Wait for it.
    #[default]
    Block,
    /// Say so at once (NOWAIT, SKIP LOCKED).
    NoWait,
}

/// How a session's operations wait.
#[derive(Clone)]
pub struct WaitRules {
    /// What to do about rows that others hold.
    pub policy: WaitPolicy,
    /// Longest wait for a row or lock; `None` waits for ever.
    pub lock_timeout: Option<Duration>,
    /// Wait after which a deadlock is looked for.
    pub deadlock_timeout: Duration,
    /// The session's cancel switch.
    pub interrupt: Interrupt,
}

impl Default for WaitRules {
    fn default() -> WaitRules {
        WaitRules {
            policy: WaitPolicy::Block,
            lock_timeout: None,
            deadlock_timeout: Duration::from_secs(1),
            interrupt: Interrupt::new(),
        }
    }
}

/// Restarts in a row after which an operation pauses.
const RESTARTS: u32 = 16;

impl Store {
    /// Runs a synchronous operation to its end, waiting where it must. The operation is as described in
    /// [`crate::wait`]: after a wait it has done nothing it would do twice.
    pub(crate) async fn drive<T>(
        &self,
        cx: &mut TxnCx,
        owner: &Arc<LockOwner>,
        rules: &WaitRules,
        mut op: impl FnMut(&Core, &mut TxnCx) -> Op<T>,
    ) -> Result<T> {
        let first = self.txns.run(cx, |cx| op(&self.core, cx));
        let mut wait = match first {
            Ok(v) => return Ok(v),
            Err(Wait::Fail(e)) => return Err(*e),
            Err(w) => w,
        };
        let mut pins = Pins::default();
        // The place in a row's queue is kept until the operation has got on.
        let mut turn = None;
        loop {
            rules.interrupt.check()?;
            // After a fault nobody ends the transactions that hold what is waited for.
            self.core.poison.check()?;
            match wait {
                Wait::Txn(w) => {
                    pins.pins.clear();
                    let wait = self.locks.wait_txn(owner, w, turn.take(), rules.deadlock_timeout);
                    turn = Some(self.patiently(rules, wait).await?);
                }
                Wait::Lock(ticket) => {
                    pins.pins.clear();
                    let wait = self.locks.wait(owner, ticket, rules.deadlock_timeout);
                    self.patiently(rules, wait).await?;
                }
                // These waits are short; a cancelled session leaves them by the check above.
                other => self.wait_free(other, &mut pins).await?,
            }
            match self.txns.run(cx, |cx| op(&self.core, cx)) {
                Ok(v) => return Ok(v),
                Err(Wait::Fail(e)) => return Err(*e),
                Err(w) => wait = w,
            }
        }
    }

    /// Takes a lock for a session outside the operations of its transaction (advisory locks), waiting as the rules say.
    pub async fn lock_for(
        &self,
        owner: &Arc<LockOwner>,
        rules: &WaitRules,
        target: LockTarget,
        mode: LockMode,
        scope: Scope,
    ) -> Result<()> {
        let ticket = match self.locks.try_acquire_scoped(owner, target, mode, scope) {
            Ok(()) => return Ok(()),
            Err(Wait::Lock(ticket)) => ticket,
            Err(Wait::Fail(e)) => return Err(*e),
            Err(w) => return Err(DbError::internal(format!("a lock request answered {w:?}"))),
        };
        self.patiently(rules, self.locks.wait(owner, ticket, rules.deadlock_timeout)).await
    }

    /// Awaits a lock or a row, but no longer than the rules allow.
    async fn patiently<T>(&self, rules: &WaitRules, wait: impl Future<Output = Result<T>>) -> Result<T> {
        // After a fault nobody ends the transactions that hold what is waited for.
        let (cancel, fault) = (rules.interrupt.raised(), self.core.poison.tripped());
        futures::pin_mut!(wait, cancel);
        let cancel = select(cancel, fault).map(|first| first.factor_first().0);
        let interrupted = select(wait, cancel);
        let Some(limit) = rules.lock_timeout else {
            return match interrupted.await {
                Either::Left((done, _)) => done,
                Either::Right((e, _)) => Err(e),
            };
        };
        match select(interrupted, self.rt.sleep(limit)).await {
            Either::Left((Either::Left((done, _)), _)) => done,
            Either::Left((Either::Right((e, _)), _)) => Err(e),
            Either::Right(_) => {
                Err(DbError::new(SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout"))
            }
        }
    }

    /// Waits until a snapshot is known to be safe, or not.
    pub(super) async fn safe_snapshot(&self, id: SxId, rules: &WaitRules) -> Result<bool> {
        loop {
            let settled = self.core.ssi.settled();
            let cancel = rules.interrupt.raised();
            futures::pin_mut!(settled, cancel);
            match self.core.ssi.safety(id) {
                Safety::Safe => return Ok(true),
                Safety::Unsafe => return Ok(false),
                Safety::Open => {}
            }
            if let Either::Right((e, _)) = select(settled, cancel).await {
                return Err(e);
            }
        }
    }

    /// As [`Store::drive`] for reading outside any session's transaction state (scans, which may run in parallel).
    pub async fn read<T>(&self, op: impl FnMut(&Core) -> Op<T>) -> Result<T> {
        self.drive_free(op).await
    }

    /// As [`Store::read`], if that needs no wait.
    pub fn read_now<T>(&self, op: impl FnOnce(&Core) -> Op<T>) -> Option<T> {
        op(&self.core).ok()
    }

    /// As [`Store::drive`] for work outside any session's transaction (rollback of losers, purge).
    pub(crate) async fn drive_free<T>(&self, mut op: impl FnMut(&Core) -> Op<T>) -> Result<T> {
        let mut pins = Pins::default();
        loop {
            match op(&self.core) {
                Ok(v) => return Ok(v),
                Err(Wait::Fail(e)) => return Err(*e),
                Err(w) => self.wait_free(w, &mut pins).await?,
            }
        }
    }

    /// Waits for anything but a transaction or lock.
    pub(crate) async fn wait_free(&self, wait: Wait, pins: &mut Pins) -> Result<()> {
        match wait {
            Wait::Restart => {
                pins.restarts += 1;
                if pins.restarts.is_multiple_of(RESTARTS) {
                    // Two operations that keep meeting need different pauses.
                    let micros = 50 + self.rt.rng_u64() % 500;
                    self.rt.sleep(Duration::from_micros(micros)).await;
                } else {
                    yield_now().await;
                }
            }
            Wait::Page(pid) => {
                let pin = self.loader.load(pid, Access::Point).await?;
                pins.keep(pin);
            }
            Wait::LogSpace => drop(self.log.reserve_wait(LOG_SPACE).await?),
            Wait::Memory => {
                pins.pins.clear();
                self.writer.make_room().await?;
            }
            Wait::Undo => {
                pins.pins.clear();
                self.undo_room().await;
            }
            Wait::Txn(_) | Wait::Lock(_) => {
                return Err(DbError::internal("work outside a transaction has no locks to wait for"));
            }
            Wait::Fail(e) => return Err(*e),
        }
        Ok(())
    }
}

/// Log bytes to wait for when an operation finds the log's buffer full.
const LOG_SPACE: usize = 16 << 10;

/// Pages an operation has waited for, kept so that they are still there when it runs again. Bounded: an operation that
/// needs more lets the oldest go.
#[derive(Default)]
pub(crate) struct Pins {
    pins: SmallVec<[Pin; 8]>,
    restarts: u32,
}

impl Pins {
    fn keep(&mut self, pin: Pin) {
        if self.pins.len() == 16 {
            self.pins.remove(0);
        }
        self.pins.push(pin);
    }
}
