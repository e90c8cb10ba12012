//! The table of locks: requests, grants, releases.

use super::mode::{LockMode, Mask, modes};
use super::owner::{Held, LockMark, LockOwner, Pending, Tenure, Waiting};
use super::*;
use crate::core::{RowLockMode, RowLocks};
use crate::page::{BODY, BODY_END};
use crate::sync::atomic::Ordering;
use crate::wait::{LockTicket, Op, Wait};
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{DbError, Result};
use smallvec::SmallVec;
use std::collections::VecDeque;
use tokio::sync::oneshot;

/// Who holds a target, in which modes.
pub(super) struct Holder {
    pub(super) owner: Arc<LockOwner>,
    pub(super) mask: Mask,
}

/// A request in a queue.
pub(super) struct Waiter {
    pub(super) ticket: LockTicket,
    pub(super) owner: Arc<LockOwner>,
    pub(super) mode: LockMode,
    scope: Scope,
    /// When it queued, microseconds since 1970.
    since: u64,
    granted: oneshot::Sender<()>,
}

/// One target's holders and queue.
#[derive(Default)]
pub(super) struct Lock {
    pub(super) holders: SmallVec<[Holder; 2]>,
    pub(super) queue: VecDeque<Waiter>,
}

impl Lock {
    /// Modes the owner holds here.
    pub(super) fn held_by(&self, owner: &LockOwner) -> Mask {
        self.holders.iter().find(|h| h.owner.id == owner.id).map_or(0, |h| h.mask)
    }
    /// What an owner holds here.
    pub(super) fn holder_mut(&mut self, owner: &LockOwner) -> Option<&mut Holder> {
        self.holders.iter_mut().find(|h| h.owner.id == owner.id)
    }
    /// Whether somebody else holds one of these modes.
    fn others_hold(&self, owner: &LockOwner, mask: Mask) -> bool {
        self.holders.iter().any(|h| h.owner.id != owner.id && h.mask & mask != 0)
    }
    /// Modes waited for by others.
    fn waited(&self, owner: &LockOwner) -> Mask {
        self.queue.iter().filter(|w| w.owner.id != owner.id).fold(0, |m, w| m | w.mode.bit())
    }
}

/// Slots a page can have.
const SLOTS: u16 = ((BODY_END - BODY) / 4) as u16;

/// A part of the lock table.
#[derive(Default)]
pub(super) struct Shard {
    pub(super) locks: HashMap<LockTarget, Lock, Hasher>,
}

impl Shard {
    /// Targets whose holders a request for `target` must be compared with: itself, a row's page, a page's rows.
    pub(super) fn related(&self, target: LockTarget, pages: bool) -> SmallVec<[LockTarget; 4]> {
        let mut v: SmallVec<[LockTarget; 4]> = SmallVec::new();
        v.push(target);
        match target {
            LockTarget::Row { rel, rid } if pages => v.push(LockTarget::Page { rel, block: rid.block }),
            LockTarget::Page { rel, block } => {
                let rows = (0..SLOTS).map(|slot| LockTarget::Row { rel, rid: Rid { block, slot } });
                v.extend(rows.filter(|t| self.locks.contains_key(t)));
            }
            _ => (),
        }
        v
    }

    /// Whether another owner holds a mode that conflicts with a request.
    fn blocked(&self, target: LockTarget, owner: &LockOwner, mode: LockMode, pages: bool) -> bool {
        let related = self.related(target, pages);
        related.iter().filter_map(|t| self.locks.get(t)).any(|l| l.others_hold(owner, mode.conflicts()))
    }
}

/// One line of `pg_locks`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockInfo {
    /// What; `None` for a wait for a transaction.
    pub target: Option<LockTarget>,
    /// The transaction waited for.
    pub xid: Option<Xid>,
    /// Mode.
    pub mode: LockMode,
    /// Holder or waiter.
    pub pid: i32,
    /// Held, or waited for.
    pub granted: bool,
    /// When the wait began, microseconds since 1970.
    pub since: Option<u64>,
}

fn full() -> DbError {
    DbError::new(SqlState::OUT_OF_MEMORY, "out of shared memory")
        .hint("You might need to increase max_locks_per_transaction.")
}

impl LockManager {
    /// Asks for a lock until the end of the transaction. Granted, or queued: then the caller waits for the ticket with
    /// [`LockManager::wait`] and asks again (which then answers at once).
    pub fn try_acquire(&self, owner: &Arc<LockOwner>, target: LockTarget, mode: LockMode) -> Op<()> {
        self.request(owner, target, mode, Scope::Transaction, true).map(|_| ())
    }

    /// As [`LockManager::try_acquire`] for either scope. Each session-scope call that is granted without a wait counts;
    /// after a wait the grant has counted already, and the caller does not ask again.
    pub fn try_acquire_scoped(
        &self,
        owner: &Arc<LockOwner>,
        target: LockTarget,
        mode: LockMode,
        scope: Scope,
    ) -> Op<()> {
        self.request(owner, target, mode, scope, true).map(|_| ())
    }

    /// Asks for a lock without queueing; `false` if it is not to be had (NOWAIT, SKIP LOCKED, `pg_try_advisory_lock`).
    pub fn acquire_now(
        &self,
        owner: &Arc<LockOwner>,
        target: LockTarget,
        mode: LockMode,
        scope: Scope,
    ) -> Result<bool> {
        match self.request(owner, target, mode, scope, false) {
            Ok(granted) => Ok(granted),
            Err(Wait::Fail(e)) => Err(*e),
            Err(_) => Ok(false),
        }
    }

    fn request(
        &self,
        owner: &Arc<LockOwner>,
        mut target: LockTarget,
        mode: LockMode,
        scope: Scope,
        queue: bool,
    ) -> Op<bool> {
        let stale = {
            let mut s = owner.state.lock();
            if let LockTarget::Row { rel, rid } = target
                && !s.held.contains_key(&target)
                && s.row_locks >= MAX_ROW_LOCKS
            {
                target = LockTarget::Page { rel, block: rid.block };
            }
            let held = s.held.get(&target).copied().unwrap_or_default();
            if scope == Scope::Transaction && held.transaction & mode.bit() != 0 {
                return Ok(true);
            }
            if held.all() & mode.bit() != 0 {
                s.note(target, mode, scope);
                return Ok(true);
            }
            match &s.waiting {
                Waiting::Lock(p) if p.target == target && p.mode == mode && p.scope == scope => {
                    if queue {
                        return Err(Wait::Lock(p.ticket));
                    }
                    Some(p.ticket)
                }
                Waiting::Lock(p) => Some(p.ticket),
                _ => None,
            }
        };
        // A request the owner has turned away from (its operation took another course) must not stay queued.
        if let Some(ticket) = stale {
            self.cancel(owner, ticket);
        }
        self.enter(owner, target, mode, scope, queue)
    }

    fn enter(&self, owner: &Arc<LockOwner>, target: LockTarget, mode: LockMode, scope: Scope, queue: bool) -> Op<bool> {
        let is_page = matches!(target, LockTarget::Page { .. });
        let mut shard = self.shards[target.shard()].lock();
        let pages = is_page || self.pages.load(Ordering::Acquire) > 0;
        let blocked = shard.blocked(target, owner, mode, pages);
        let (behind, held, waiters) = shard
            .locks
            .get(&target)
            .map_or((false, 0, 0), |l| (l.waited(owner) & mode.conflicts() != 0, l.held_by(owner), l.queue.len()));
        // Rule 3: before the first waiter that waits for what this owner holds; if then nothing is in the way, at once.
        let mut place = waiters;
        let mut jump = false;
        if (blocked || behind)
            && held != 0
            && let Some(l) = shard.locks.get(&target)
        {
            let mut ahead: Mask = 0;
            for (i, w) in l.queue.iter().enumerate() {
                if w.mode.conflicts() & held != 0 {
                    place = i;
                    jump = !blocked && mode.conflicts() & ahead == 0;
                    break;
                }
                ahead |= w.mode.bit();
            }
        }
        if !jump && (blocked || behind) {
            if !queue {
                return Ok(false);
            }
            if waiters >= MAX_WAITERS {
                return Err(full().into());
            }
            self.count_entry()?;
            let ticket = LockTicket(self.next_ticket.fetch_add(1, Ordering::Relaxed));
            let (tx, rx) = oneshot::channel();
            let waiter =
                Waiter { ticket, owner: Arc::clone(owner), mode, scope, since: self.rt.now_micros(), granted: tx };
            shard.locks.entry(target).or_default().queue.insert(place, waiter);
            if is_page {
                self.pages.fetch_add(1, Ordering::AcqRel);
            }
            owner.state.lock().wait(Waiting::Lock(Pending { ticket, target, mode, scope, granted: Some(rx) }));
            WAITS.inc();
            return Err(Wait::Lock(ticket));
        }
        if held == 0 {
            self.count_entry()?;
        }
        self.add_holder(&mut shard, target, owner, mode);
        owner.state.lock().note(target, mode, scope);
        Ok(true)
    }

    fn count_entry(&self) -> Op<()> {
        if self.entries.fetch_add(1, Ordering::Relaxed) >= self.max_entries {
            self.entries.fetch_sub(1, Ordering::Relaxed);
            return Err(full().into());
        }
        ENTRIES.add(1);
        Ok(())
    }

    fn uncount_entry(&self) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        ENTRIES.add(-1);
    }

    fn counter(&self, target: &LockTarget) -> Option<&AtomicU32> {
        match target {
            LockTarget::Row { rel, .. } | LockTarget::Page { rel, .. } => self.row_locks.get(rel.0 as usize % COUNTERS),
            _ => None,
        }
    }

    /// Adds a mode to an owner's hold; the entry is counted by the caller.
    fn add_holder(&self, shard: &mut Shard, target: LockTarget, owner: &Arc<LockOwner>, mode: LockMode) {
        let l = shard.locks.entry(target).or_default();
        if let Some(h) = l.holders.iter_mut().find(|h| h.owner.id == owner.id) {
            h.mask |= mode.bit();
            return;
        }
        l.holders.push(Holder { owner: Arc::clone(owner), mask: mode.bit() });
        if let Some(c) = self.counter(&target) {
            c.fetch_add(1, Ordering::AcqRel);
        }
        if matches!(target, LockTarget::Page { .. }) {
            self.pages.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Sets an owner's modes on a target to what is left after a release, and wakes who can go on.
    fn reduce(&self, target: LockTarget, owner: &LockOwner, left: Mask) {
        let mut shard = self.shards[target.shard()].lock();
        let Some(l) = shard.locks.get_mut(&target) else { return };
        let Some(i) = l.holders.iter().position(|h| h.owner.id == owner.id) else { return };
        if left != 0 {
            l.holders[i].mask = left;
        } else {
            l.holders.swap_remove(i);
            if let Some(c) = self.counter(&target) {
                c.fetch_sub(1, Ordering::AcqRel);
            }
            if matches!(target, LockTarget::Page { .. }) {
                self.pages.fetch_sub(1, Ordering::AcqRel);
            }
            self.uncount_entry();
        }
        self.wake(&mut shard, target);
    }

    /// Grants what can be granted after a change at `target`, and removes it when nobody is left.
    pub(super) fn wake(&self, shard: &mut Shard, target: LockTarget) {
        let pages = self.pages.load(Ordering::Acquire) > 0;
        for t in shard.related(target, pages) {
            self.wake_one(shard, t, pages);
        }
    }

    fn wake_one(&self, shard: &mut Shard, target: LockTarget, pages: bool) {
        let mut ahead: Mask = 0;
        let mut i = 0;
        while let Some(w) = shard.locks.get(&target).and_then(|l| l.queue.get(i)) {
            let (owner, mode) = (Arc::clone(&w.owner), w.mode);
            if mode.conflicts() & ahead != 0 || shard.blocked(target, &owner, mode, pages) {
                ahead |= mode.bit();
                i += 1;
                continue;
            }
            let Some(w) = shard.locks.get_mut(&target).and_then(|l| l.queue.remove(i)) else { break };
            let held = shard.locks.get(&target).map_or(0, |l| l.held_by(&owner));
            // The waiter's entry becomes the holder's.
            if held != 0 {
                self.uncount_entry();
            }
            self.add_holder(shard, target, &owner, mode);
            if matches!(target, LockTarget::Page { .. }) {
                self.pages.fetch_sub(1, Ordering::AcqRel);
            }
            {
                let mut s = owner.state.lock();
                s.note(target, mode, w.scope);
                // If nobody waits for the ticket yet, `wait` will not find it and return at once.
                if matches!(&s.waiting, Waiting::Lock(p) if p.ticket == w.ticket) {
                    s.waiting = Waiting::Nothing;
                }
            }
            let _ = w.granted.send(());
        }
        if shard.locks.get(&target).is_some_and(|l| l.holders.is_empty() && l.queue.is_empty()) {
            shard.locks.remove(&target);
        }
    }

    /// Takes a request out of its queue, if it is still there. A lock granted meanwhile stays held.
    pub(super) fn cancel(&self, owner: &Arc<LockOwner>, ticket: LockTicket) {
        let target = match &owner.state.lock().waiting {
            Waiting::Lock(p) if p.ticket == ticket => p.target,
            _ => return,
        };
        let mut shard = self.shards[target.shard()].lock();
        let Some(l) = shard.locks.get_mut(&target) else { return };
        let Some(i) = l.queue.iter().position(|w| w.ticket == ticket) else { return };
        l.queue.remove(i);
        self.uncount_entry();
        if matches!(target, LockTarget::Page { .. }) {
            self.pages.fetch_sub(1, Ordering::AcqRel);
        }
        owner.state.lock().waiting = Waiting::Nothing;
        self.wake(&mut shard, target);
    }

    /// Where the owner's transaction is now, for [`LockManager::release_after`].
    pub fn mark(&self, owner: &LockOwner) -> LockMark {
        LockMark(owner.state.lock().log.len())
    }

    /// Releases the transaction-scope locks taken after a mark (ROLLBACK TO SAVEPOINT).
    pub fn release_after(&self, owner: &Arc<LockOwner>, mark: LockMark) {
        self.give_up(owner);
        loop {
            let (target, left) = {
                let mut s = owner.state.lock();
                if s.log.len() <= mark.0 {
                    return;
                }
                let Some((target, mode)) = s.log.pop() else { return };
                (target, s.drop_modes(&target, mode.bit(), 0))
            };
            self.reduce(target, owner, left);
        }
    }

    /// Releases all transaction-scope locks (end of transaction), and the owner's number if it had one.
    pub fn release_all(&self, owner: &Arc<LockOwner>) {
        self.release_after(owner, LockMark(0));
        let xid = {
            let mut s = owner.state.lock();
            s.ended += 1;
            std::mem::replace(&mut s.xid, Xid::NONE)
        };
        if xid.is_some() {
            self.txn_ended(xid);
        }
    }

    /// Releases a session-scope lock once; `false` if it is not held ("you don't own a lock of type …").
    pub fn release_session(&self, owner: &Arc<LockOwner>, target: LockTarget, mode: LockMode) -> bool {
        let left = {
            let mut s = owner.state.lock();
            let Some(n) = s.session.get_mut(&(target, mode)) else { return false };
            *n -= 1;
            if *n > 0 {
                return true;
            }
            s.session.remove(&(target, mode));
            s.drop_modes(&target, 0, mode.bit())
        };
        self.reduce(target, owner, left);
        true
    }

    /// Releases all session-scope locks.
    pub fn release_session_all(&self, owner: &Arc<LockOwner>) {
        let all: Vec<(LockTarget, LockMode)> = {
            let mut s = owner.state.lock();
            s.session.drain().map(|(k, _)| k).collect()
        };
        for (target, mode) in all {
            let left = owner.state.lock().drop_modes(&target, 0, mode.bit());
            self.reduce(target, owner, left);
        }
    }

    /// Takes the owner's queued request back without waiting for it (NOWAIT and SKIP LOCKED of an operation that
    /// queued). Nothing happens if none is queued.
    pub fn give_up(&self, owner: &Arc<LockOwner>) {
        let ticket = match &owner.state.lock().waiting {
            Waiting::Lock(p) => p.ticket,
            _ => return,
        };
        self.cancel(owner, ticket);
    }

    /// Whether the owner holds the lock in this mode.
    pub fn holds(&self, owner: &LockOwner, target: LockTarget, mode: LockMode) -> bool {
        owner.state.lock().held.get(&target).copied().unwrap_or(Held::default()).all() & mode.bit() != 0
    }

    /// The transactions that hold a target in a mode which conflicts with `mode`.
    pub(super) fn tenures(&self, target: LockTarget, mode: LockMode) -> Vec<Tenure> {
        let owners: Vec<Arc<LockOwner>> = {
            let shard = self.shards[target.shard()].lock();
            let holders = shard.locks.get(&target).map(|l| &l.holders);
            holders
                .into_iter()
                .flatten()
                .filter(|h| h.mask & mode.conflicts() != 0)
                .map(|h| Arc::clone(&h.owner))
                .collect()
        };
        // An owner that ends its transaction in between is waited for once more than it need be.
        let tenure = |owner: Arc<LockOwner>| {
            let ended = owner.state.lock().ended;
            Tenure { owner, ended }
        };
        owners.into_iter().map(tenure).collect()
    }

    /// All locks held and waited for, as `pg_locks` shows them. Each shard is a moment of its own.
    pub fn list(&self) -> Vec<LockInfo> {
        let mut out = Vec::new();
        for shard in &self.shards {
            for (target, l) in &shard.lock().locks {
                for h in &l.holders {
                    out.extend(modes(h.mask).map(|mode| LockInfo {
                        target: Some(*target),
                        xid: None,
                        mode,
                        pid: h.owner.pid,
                        granted: true,
                        since: None,
                    }));
                }
                out.extend(l.queue.iter().map(|w| LockInfo {
                    target: Some(*target),
                    xid: None,
                    mode: w.mode,
                    pid: w.owner.pid,
                    granted: false,
                    since: Some(w.since),
                }));
            }
        }
        self.list_rows(&mut out);
        out
    }

    /// Entries in use.
    pub fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }
}

impl RowLocks for LockManager {
    fn any(&self, rel: RelId) -> bool {
        self.row_locks.get(rel.0 as usize % COUNTERS).is_some_and(|c| c.load(Ordering::Acquire) > 0)
    }

    fn conflict(&self, rel: RelId, rid: Rid, mode: RowLockMode, xid: Xid) -> Option<Wait> {
        let owner = self.xid_shard(xid).lock().get(&xid).and_then(|r| r.owner.clone());
        let Some(owner) = owner else {
            return Some(DbError::internal(format!("transaction {xid} changes rows without a lock owner")).into());
        };
        let (target, mode) = (LockTarget::Row { rel, rid }, LockMode::from(mode));
        {
            let shard = self.shards[target.shard()].lock();
            if !shard.blocked(target, &owner, mode, true) {
                return None;
            }
        }
        // Wait in the lock's queue; when granted, the lock stays with the writer, whose Xid in the row says the same.
        self.try_acquire(&owner, target, mode).err()
    }
}
