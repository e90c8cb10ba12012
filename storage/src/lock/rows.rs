//! Waits for a transaction that holds a row.
//!
//! Each such row has a queue. The first in it waits for the transaction's end (or the undoing of that row); the others
//! wait for their turn. Who is woken keeps the first place as a [`RowTurn`] while its operation runs again: if that meets
//! the next transaction, it waits on from there. When it lets the turn go, the next one is woken and looks for itself. So
//! a hot row is handed on first come first served, and each end of a transaction wakes one session per row, not all.

use super::owner::{LockOwner, Waiting};
use super::table::LockInfo;
use super::{Hasher, LockManager, LockMode, LockTarget, MAX_WAITERS, Running, SHARDS, WAITS};
use crate::sync::Mutex;
use crate::wait::TxnWait;
use futures::future::{Either, select};
use hashbrown::HashMap;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{DbError, PageId, Result, Rid, Xid};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A row (or index entry) that a transaction holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct RowKey {
    pub(super) page: PageId,
    pub(super) slot: u16,
}

impl RowKey {
    pub(super) fn shard(self) -> usize {
        let h = (self.page.as_u64() ^ (u64::from(self.slot) << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (h >> 32) as usize % SHARDS
    }
    pub(super) fn target(self) -> LockTarget {
        LockTarget::Row { rel: self.page.rel, rid: Rid { block: self.page.block, slot: self.slot } }
    }
}

pub(super) struct RowWaiter {
    pub(super) owner: Arc<LockOwner>,
    /// The transaction it met.
    pub(super) xid: Xid,
    /// When it queued, microseconds since 1970.
    since: u64,
    /// Told to look again; `None` while it does so.
    wake: Option<oneshot::Sender<()>>,
}

#[derive(Default)]
pub(super) struct Shard {
    pub(super) queues: HashMap<RowKey, VecDeque<RowWaiter>, Hasher>,
}

/// A place in a row's queue; dropping it gives the place up.
pub struct RowTurn {
    locks: Arc<LockManager>,
    owner: Arc<LockOwner>,
    key: RowKey,
}

impl Drop for RowTurn {
    fn drop(&mut self) {
        let mut shard = self.locks.rows[self.key.shard()].lock();
        let Some(q) = shard.queues.get_mut(&self.key) else { return };
        let Some(i) = q.iter().position(|w| w.owner.id == self.owner.id) else { return };
        q.remove(i);
        {
            let mut s = self.owner.state.lock();
            if matches!(s.waiting, Waiting::Row(k, _) if k == self.key) {
                s.waiting = Waiting::Nothing;
            }
        }
        if q.is_empty() {
            shard.queues.remove(&self.key);
        } else if i == 0 {
            wake_first(q);
        }
    }
}

/// Lets the first of a queue look again.
fn wake_first(q: &mut VecDeque<RowWaiter>) {
    let Some(w) = q.front_mut() else { return };
    if let Some(wake) = w.wake.take() {
        w.owner.state.lock().waiting = Waiting::Nothing;
        let _ = wake.send(());
    }
}

impl LockManager {
    pub(super) fn xid_shard(&self, xid: Xid) -> &Mutex<HashMap<Xid, Running, Hasher>> {
        &self.xids[xid.0 as usize % SHARDS]
    }

    pub(super) fn insert_xid(&self, xid: Xid, owner: Option<Arc<LockOwner>>) {
        let mut shard = self.xid_shard(xid).lock();
        match shard.get_mut(&xid) {
            // It changes hands (PREPARE TRANSACTION): who waits for it waits on.
            Some(r) => r.owner = owner,
            None => drop(shard.insert(xid, Running { owner, rows: Vec::new() })),
        }
    }

    /// A transaction has ended: committed and published, or rolled back completely. Wakes the first waiter of each row
    /// it was waited for at.
    pub fn txn_ended(&self, xid: Xid) {
        let Some(r) = self.xid_shard(xid).lock().remove(&xid) else { return };
        for key in r.rows {
            self.look_again(key, Some(xid));
        }
    }

    /// A row's change was undone (ROLLBACK TO SAVEPOINT): its transaction holds it no more.
    pub fn row_undone(&self, page: PageId, slot: u16) {
        self.look_again(RowKey { page, slot }, None);
    }

    fn look_again(&self, key: RowKey, xid: Option<Xid>) {
        let mut shard = self.rows[key.shard()].lock();
        if let Some(q) = shard.queues.get_mut(&key)
            && q.front().is_some_and(|w| xid.is_none_or(|x| w.xid == x))
        {
            wake_first(q);
        }
    }

    /// Waits until the row may be looked at again. `turn` is what the last such wait of the same operation answered;
    /// the caller keeps the new one until its operation has got on, so that it does not lose its place.
    ///
    /// Fails with 40P01 when the wait closes a cycle. Dropping the future gives the place up (lock_timeout, cancel).
    pub async fn wait_txn(
        self: &Arc<Self>,
        owner: &Arc<LockOwner>,
        w: TxnWait,
        turn: Option<RowTurn>,
        deadlock_timeout: Duration,
    ) -> Result<RowTurn> {
        let key = RowKey { page: w.page, slot: w.slot };
        // A turn at another row is given up before this one is waited for.
        let turn = turn.filter(|t| t.key == key && t.owner.id == owner.id);
        let (turn, woken) = self.join(owner, w.xid, key, turn)?;
        let Some(woken) = woken else { return Ok(turn) };
        WAITS.inc();
        let timer = self.rt.sleep(deadlock_timeout);
        let woken = match select(woken, timer).await {
            Either::Left(_) => return Ok(turn),
            Either::Right((_, woken)) => woken,
        };
        self.check_deadlock(owner)?;
        let _ = woken.await;
        Ok(turn)
    }

    /// Enters the row's queue. No receiver: the transaction has ended meanwhile and the owner is first.
    fn join(
        self: &Arc<Self>,
        owner: &Arc<LockOwner>,
        xid: Xid,
        key: RowKey,
        turn: Option<RowTurn>,
    ) -> Result<(RowTurn, Option<oneshot::Receiver<()>>)> {
        let mut shard = self.rows[key.shard()].lock();
        let q = shard.queues.entry(key).or_default();
        let at = match q.iter().position(|x| x.owner.id == owner.id) {
            Some(i) => i,
            None if q.len() >= MAX_WAITERS => {
                return Err(DbError::new(SqlState::OUT_OF_MEMORY, "out of shared memory")
                    .detail("Too many sessions wait for the same row."));
            }
            None => {
                q.push_back(RowWaiter { owner: Arc::clone(owner), xid, since: self.rt.now_micros(), wake: None });
                q.len() - 1
            }
        };
        let turn = turn.unwrap_or_else(|| RowTurn { locks: Arc::clone(self), owner: Arc::clone(owner), key });
        if at == 0 {
            // Registered under the transaction's shard: either it is seen to have ended, or its end sees this row.
            match self.xid_shard(xid).lock().get_mut(&xid) {
                None => return Ok((turn, None)),
                Some(r) => {
                    if !r.rows.contains(&key) {
                        r.rows.push(key);
                    }
                }
            }
        }
        let (tx, rx) = oneshot::channel();
        q[at].xid = xid;
        q[at].wake = Some(tx);
        owner.state.lock().wait(Waiting::Row(key, xid));
        Ok((turn, Some(rx)))
    }

    pub(super) fn list_rows(&self, out: &mut Vec<LockInfo>) {
        for shard in &self.rows {
            for (key, q) in &shard.lock().queues {
                for (i, w) in q.iter().enumerate().filter(|(_, w)| w.wake.is_some()) {
                    let first = i == 0;
                    out.push(LockInfo {
                        target: (!first).then(|| key.target()),
                        xid: first.then_some(w.xid),
                        mode: if first { LockMode::Share } else { LockMode::Exclusive },
                        pid: w.owner.pid,
                        granted: false,
                        since: Some(w.since),
                    });
                }
            }
        }
        for shard in &self.xids {
            for (xid, r) in &*shard.lock() {
                out.push(LockInfo {
                    target: None,
                    xid: Some(*xid),
                    mode: LockMode::Exclusive,
                    pid: r.owner.as_ref().map_or(0, |o| o.pid),
                    granted: true,
                    since: None,
                });
            }
        }
    }
}
