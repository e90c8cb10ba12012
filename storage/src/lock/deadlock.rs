//! Waiting for a ticket, and the search for cycles among the waiters.
//!
//! The search runs with every shard locked, so it sees one moment. From the waiter whose patience has run out it walks
//! along "waits for" until it comes back or has seen everything it can reach. Each owner is expanded once; each target's
//! holders and each part of its queue are walked once per mode, however many wait there, so the cost is linear in what
//! is reached.
//!
//! An edge is *hard* if it leads to a holder, *soft* if it leads to a waiter further ahead in a queue. A cycle with a
//! soft edge is broken by moving the waiter ahead of the one it waits behind, provided that makes no new cycle. Whoever
//! is passed waits for the one that moved from then on, so a new cycle could only lead through that one: one search
//! from it tells, however many it has passed. [`TRIES`] bounds the searches of one check.

use super::mode::Mask;
use super::owner::{LockOwner, Pending, Waiting};
use super::rows::RowKey;
use super::table::Lock;
use super::*;
use crate::sync::MutexGuard;
use crate::wait::LockTicket;
use futures::future::{Either, select};
use hashbrown::HashSet;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{DbError, Result};
use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;

/// Waiters up to which a queue is searched without an index.
const SHORT: usize = 8;
/// Queues that one check tries to reorder.
const TRIES: usize = 16;
/// Pause between two looks at a transaction whose end is waited for.
const OUTLAST_LOOK: Duration = Duration::from_millis(10);

/// Takes the request out of its queue when the wait is dropped.
struct Patience<'l> {
    locks: &'l LockManager,
    owner: &'l Arc<LockOwner>,
    ticket: LockTicket,
}

impl Drop for Patience<'_> {
    fn drop(&mut self) {
        self.locks.cancel(self.owner, self.ticket);
    }
}

impl LockManager {
    /// Waits until a queued request is granted. Fails with 40P01 when the wait closes a cycle. Dropping the future
    /// gives the request up (lock_timeout, cancel) if it was polled; else there is [`LockManager::give_up`]. A ticket
    /// that is not queued any more answers at once.
    pub async fn wait(&self, owner: &Arc<LockOwner>, ticket: LockTicket, deadlock_timeout: Duration) -> Result<()> {
        let granted = match &mut owner.state.lock().waiting {
            Waiting::Lock(p) if p.ticket == ticket => p.granted.take(),
            _ => None,
        };
        let Some(granted) = granted else { return Ok(()) };
        let _patience = Patience { locks: self, owner, ticket };
        self.await_grant(owner, granted, deadlock_timeout).await
    }

    /// Waits for the end of every transaction that holds a target in a mode which conflicts with `mode` now; whoever asks
    /// later need not wait for the caller. To be called without holding locks: the wait is not searched for cycles.
    /// Dropping the future gives it up.
    pub async fn outlast(&self, owner: &Arc<LockOwner>, target: LockTarget, mode: LockMode) {
        struct Attention<'o>(&'o LockOwner);
        impl Drop for Attention<'_> {
            fn drop(&mut self) {
                self.0.state.lock().waiting = Waiting::Nothing;
            }
        }
        let mut tenures = self.tenures(target, mode);
        let _attention = Attention(owner);
        while !tenures.is_empty() {
            owner.state.lock().waiting = Waiting::Writers(tenures.clone());
            for t in tenures {
                while !t.is_over() {
                    self.rt.sleep(OUTLAST_LOOK).await;
                }
            }
            // One that was prepared meanwhile has passed its locks on to an owner without a session.
            tenures = self.tenures(target, mode);
            tenures.retain(|t| t.owner.pid == 0);
        }
    }

    async fn await_grant(
        &self,
        owner: &Arc<LockOwner>,
        granted: oneshot::Receiver<()>,
        deadlock_timeout: Duration,
    ) -> Result<()> {
        let timer = self.rt.sleep(deadlock_timeout);
        let granted = match select(granted, timer).await {
            Either::Left(_) => return Ok(()),
            Either::Right((_, granted)) => granted,
        };
        self.check_deadlock(owner)?;
        // An error means that the request was given up by the owner itself; it then asks anew.
        let _ = granted.await;
        Ok(())
    }

    /// Fails if the owner waits in a cycle that reordering queues cannot break.
    pub(super) fn check_deadlock(&self, owner: &Arc<LockOwner>) -> Result<()> {
        let mut moment = Moment::take(self);
        let Some(cycle) = moment.resolve(owner) else { return Ok(()) };
        // Before the table is let go: one victim breaks the cycle, whoever else looks at it next.
        owner.state.lock().victim = true;
        drop(moment);
        DEADLOCKS.inc();
        let lines: Vec<String> = cycle
            .iter()
            .map(|e| format!("Process {} waits for {}; blocked by process {}.", e.from.pid, e.what, e.to_pid))
            .collect();
        Err(DbError::new(SqlState::T_R_DEADLOCK_DETECTED, "deadlock detected")
            .detail(lines.join("\n"))
            .hint("See server log for query details."))
    }

    /// Process numbers of those that keep a process waiting, as `pg_blocking_pids` answers.
    pub fn blocking_pids(&self, pid: i32) -> Vec<i32> {
        let Some(owner) = self.owner_of_pid(pid) else { return Vec::new() };
        let moment = Moment::take(self);
        let mut out = Vec::new();
        moment.edges(&owner, &mut |e, to| {
            if !out.contains(&to) {
                out.push(to);
            }
            let _ = e;
        });
        out
    }

    /// Steps the search for a cycle through this owner takes, and whether it finds one. For tests of its cost.
    #[cfg(test)]
    pub(super) fn search_cost(&self, owner: &Arc<LockOwner>) -> (usize, bool) {
        let moment = Moment::take(self);
        let found = moment.search(owner).is_some();
        (moment.steps.get(), found)
    }

    /// Steps that a whole check of this owner takes, reordering of queues included, and whether a cycle is left.
    #[cfg(test)]
    pub(super) fn check_cost(&self, owner: &Arc<LockOwner>) -> (usize, bool) {
        let mut moment = Moment::take(self);
        let left = moment.resolve(owner).is_some();
        (moment.steps.get(), left)
    }
}

/// One step of a cycle.
pub(super) struct Edge {
    from: Arc<LockOwner>,
    to: u64,
    to_pid: i32,
    soft: bool,
    /// "ShareLock on transaction 7".
    what: String,
}

/// How an owner was reached: from whom, and over a soft edge?
struct Reached {
    owner: Arc<LockOwner>,
    from: u64,
    soft: bool,
}

/// What has been walked already.
#[derive(Default)]
struct Walked {
    holders: HashSet<(LockTarget, LockMode), Hasher>,
    /// Queue positions walked, per target and mode.
    queue: HashMap<(LockTarget, LockMode), usize, Hasher>,
    /// Places of the waiters of a long queue.
    places: HashMap<LockTarget, HashMap<u64, usize, Hasher>, Hasher>,
    steps: usize,
}

/// The whole lock table, locked.
struct Moment<'l> {
    locks: &'l LockManager,
    shards: Vec<MutexGuard<'l, table::Shard>>,
    rows: Vec<MutexGuard<'l, rows::Shard>>,
    xids: Vec<MutexGuard<'l, HashMap<Xid, Running, Hasher>>>,
    /// Owners and edges looked at, in all searches.
    steps: Cell<usize>,
}

impl<'l> Moment<'l> {
    fn take(locks: &'l LockManager) -> Moment<'l> {
        Moment {
            locks,
            shards: locks.shards.iter().map(|s| s.lock()).collect(),
            rows: locks.rows.iter().map(|s| s.lock()).collect(),
            xids: locks.xids.iter().map(|s| s.lock()).collect(),
            steps: Cell::new(0),
        }
    }

    fn lock(&self, target: &LockTarget) -> Option<&Lock> {
        self.shards[target.shard()].locks.get(target)
    }

    fn queue(&self, key: &RowKey) -> Option<&VecDeque<rows::RowWaiter>> {
        self.rows[key.shard()].queues.get(key)
    }

    fn running(&self, xid: Xid) -> Option<Arc<LockOwner>> {
        self.xids[xid.0 as usize % SHARDS].get(&xid).and_then(|r| r.owner.clone())
    }

    /// Whom an owner waits for because of a row: the transaction's session if it is first, else the first.
    fn row_blocker(&self, owner: &LockOwner, key: &RowKey, xid: Xid) -> Option<Arc<LockOwner>> {
        let first = self.queue(key)?.front()?;
        if first.owner.id == owner.id { self.running(xid) } else { Some(Arc::clone(&first.owner)) }
    }

    /// Breaks the cycles through `start` by reordering queues. Answers one that cannot be broken, if there is one.
    fn resolve(&mut self, start: &Arc<LockOwner>) -> Option<Vec<Edge>> {
        let mut tries = 0;
        'cycles: loop {
            let cycle = self.search(start)?;
            // The farthest first, as PostgreSQL: the choice decides who of the cycle goes on.
            for e in cycle.iter().rev().filter(|e| e.soft) {
                if tries == TRIES {
                    break;
                }
                tries += 1;
                if self.reorder(e) {
                    continue 'cycles;
                }
            }
            return Some(cycle);
        }
    }

    /// Searches for a way from `start` back to it, nearest first.
    fn search(&self, start: &Arc<LockOwner>) -> Option<Vec<Edge>> {
        let mut walked = Walked::default();
        let found = self.walk(start, &mut walked);
        self.steps.set(self.steps.get() + walked.steps);
        found
    }

    fn walk(&self, start: &Arc<LockOwner>, walked: &mut Walked) -> Option<Vec<Edge>> {
        let mut seen: HashMap<u64, Reached, Hasher> = HashMap::default();
        let mut todo: VecDeque<Arc<LockOwner>> = VecDeque::from([Arc::clone(start)]);
        while let Some(owner) = todo.pop_front() {
            let mut found = Vec::new();
            let back = self.expand(start, &owner, walked, &mut found);
            if let Some(soft) = back {
                return Some(self.trace(start, &owner, soft, &seen));
            }
            for (to, soft) in found {
                walked.steps += 1;
                if to.id != start.id && !seen.contains_key(&to.id) {
                    seen.insert(to.id, Reached { owner: Arc::clone(&to), from: owner.id, soft });
                    todo.push_back(to);
                }
            }
        }
        None
    }

    /// Lists whom `owner` waits for and nobody else walked to before. `Some(soft)`: it waits for `start`.
    fn expand(
        &self,
        start: &Arc<LockOwner>,
        owner: &Arc<LockOwner>,
        walked: &mut Walked,
        found: &mut Vec<(Arc<LockOwner>, bool)>,
    ) -> Option<bool> {
        walked.steps += 1;
        let state = owner.state.lock();
        if state.victim {
            return None;
        }
        let (target, mode) = match &state.waiting {
            // Who waits for writers holds nothing that they could wait for.
            Waiting::Nothing | Waiting::Writers(_) => return None,
            Waiting::Row(key, xid) => {
                let to = self.row_blocker(owner, key, *xid)?;
                if to.id == start.id {
                    return Some(false);
                }
                found.push((to, false));
                return None;
            }
            Waiting::Lock(Pending { target, mode, .. }) => (*target, *mode),
        };
        drop(state);
        let related = self.shards[target.shard()].related(target, true);
        // The start is looked for on its own, since another waiter may have walked these holders before.
        let holds = |l: &Lock| l.held_by(start) & mode.conflicts() != 0;
        if owner.id != start.id && related.iter().filter_map(|t| self.lock(t)).any(holds) {
            return Some(false);
        }
        if walked.holders.insert((target, mode)) {
            for h in related.iter().filter_map(|t| self.lock(t)).flat_map(|l| &l.holders) {
                walked.steps += 1;
                if h.owner.id != owner.id && h.mask & mode.conflicts() != 0 {
                    found.push((Arc::clone(&h.owner), false));
                }
            }
        }
        let queue = &self.lock(&target)?.queue;
        // A short queue is looked through, a long one has an index.
        let (place, first) = if queue.len() <= SHORT {
            walked.steps += queue.len();
            let at = |id: u64| queue.iter().position(|w| w.owner.id == id);
            (at(owner.id)?, at(start.id))
        } else {
            let steps = &mut walked.steps;
            let places = walked.places.entry(target).or_insert_with(|| {
                *steps += queue.len();
                queue.iter().enumerate().map(|(i, w)| (w.owner.id, i)).collect()
            });
            (*places.get(&owner.id)?, places.get(&start.id).copied())
        };
        if let Some(at) = first
            && at < place
            && queue[at].mode.conflicts_with(mode)
        {
            return Some(true);
        }
        if place == 0 {
            return None;
        }
        let done = walked.queue.entry((target, mode)).or_insert(0);
        for w in queue.range((*done).min(place)..place) {
            walked.steps += 1;
            if w.mode.conflicts_with(mode) {
                found.push((Arc::clone(&w.owner), true));
            }
        }
        *done = (*done).max(place);
        None
    }

    /// The cycle from `start` to `last` and back.
    fn trace(
        &self,
        start: &Arc<LockOwner>,
        last: &Arc<LockOwner>,
        soft: bool,
        seen: &HashMap<u64, Reached, Hasher>,
    ) -> Vec<Edge> {
        let edge = |from: &Arc<LockOwner>, to: &Arc<LockOwner>, soft: bool| Edge {
            what: self.describe(from),
            from: Arc::clone(from),
            to: to.id,
            to_pid: to.pid,
            soft,
        };
        let mut cycle = vec![edge(last, start, soft)];
        let mut at = last.id;
        while let Some(r) = seen.get(&at) {
            let from = seen.get(&r.from).map_or(start, |f| &f.owner);
            cycle.push(edge(from, &r.owner, r.soft));
            at = r.from;
        }
        cycle.reverse();
        cycle
    }

    /// What an owner waits for, in the words of the DETAIL line.
    fn describe(&self, owner: &LockOwner) -> String {
        match &owner.state.lock().waiting {
            Waiting::Nothing => "nothing".into(),
            Waiting::Writers(_) => "writers".into(),
            Waiting::Lock(p) => format!("{} on {}", p.mode.name(), p.target),
            Waiting::Row(key, xid) => {
                let first = self.queue(key).and_then(|q| q.front()).is_some_and(|w| w.owner.id == owner.id);
                if first {
                    format!("{} on transaction {xid}", LockMode::Share.name())
                } else {
                    format!("{} on {}", LockMode::Exclusive.name(), key.target())
                }
            }
        }
    }

    /// Calls `f` with (whether soft, process) for each one that keeps an owner waiting.
    fn edges(&self, owner: &Arc<LockOwner>, f: &mut dyn FnMut(bool, i32)) {
        let state = owner.state.lock();
        match &state.waiting {
            Waiting::Nothing => (),
            Waiting::Writers(all) => {
                let all = all.clone();
                drop(state);
                all.iter().filter(|t| !t.is_over()).for_each(|t| f(false, t.owner.pid));
            }
            Waiting::Row(key, xid) => {
                if let Some(o) = self.row_blocker(owner, key, *xid) {
                    f(false, o.pid);
                }
            }
            Waiting::Lock(p) => {
                let conflicts: Mask = p.mode.conflicts();
                for l in self.shards[p.target.shard()].related(p.target, true).iter().filter_map(|t| self.lock(t)) {
                    for h in l.holders.iter().filter(|h| h.owner.id != owner.id && h.mask & conflicts != 0) {
                        f(false, h.owner.pid);
                    }
                }
                if let Some(l) = self.lock(&p.target) {
                    for w in
                        l.queue.iter().take_while(|w| w.ticket != p.ticket).filter(|w| w.mode.conflicts_with(p.mode))
                    {
                        f(true, w.owner.pid);
                    }
                }
            }
        }
    }

    /// Tries to break a cycle at a soft edge: the waiter goes before the one it waits behind. Answers whether that
    /// leaves it in no cycle; if not, the queue is as it was.
    fn reorder(&mut self, e: &Edge) -> bool {
        let target = match &e.from.state.lock().waiting {
            Waiting::Lock(p) => p.target,
            _ => return false,
        };
        let shard = target.shard();
        let Some(l) = self.shards[shard].locks.get_mut(&target) else { return false };
        let place = |id: u64, l: &Lock| l.queue.iter().position(|w| w.owner.id == id);
        let (Some(from), Some(to)) = (place(e.from.id, l), place(e.to, l)) else { return false };
        if from <= to {
            return false;
        }
        let Some(w) = l.queue.remove(from) else { return false };
        l.queue.insert(to, w);
        if self.search(&e.from).is_some() {
            if let Some(l) = self.shards[shard].locks.get_mut(&target)
                && let Some(w) = l.queue.remove(to)
            {
                l.queue.insert(from, w);
            }
            return false;
        }
        self.locks.wake(&mut self.shards[shard], target);
        true
    }
}
