//! Owners: the sessions that hold locks and wait.

use super::mode::{LockMode, Mask};
use super::rows::RowKey;
use super::{LockManager, LockTarget, SHARDS, Scope};
use crate::sync::Mutex;
use crate::sync::atomic::Ordering;
use crate::wait::LockTicket;
use hashbrown::HashMap;
use rustydb_base::Xid;
use std::sync::{Arc, Weak};
use tokio::sync::oneshot;

/// A session as the lock manager knows it.
pub struct LockOwner {
    pub(super) id: u64,
    pub(super) pid: i32,
    pub(super) state: Mutex<OwnerState>,
}

impl std::fmt::Debug for LockOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LockOwner {} (process {})", self.id, self.pid)
    }
}

impl LockOwner {
    /// Process number that messages and views show.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// How many of its transactions have ended.
    pub fn transactions_ended(&self) -> u64 {
        self.state.lock().ended
    }
}

/// A point in an owner's transaction to release locks back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockMark(pub(super) usize);

/// What an owner waits for.
#[derive(Default)]
pub(super) enum Waiting {
    #[default]
    Nothing,
    Lock(Pending),
    /// Its turn in a row's queue, or (as the first of it) the end of a transaction.
    Row(RowKey, Xid),
    /// The end of these transactions.
    Writers(Vec<Tenure>),
}

/// A queued request.
pub(super) struct Pending {
    pub(super) ticket: LockTicket,
    pub(super) target: LockTarget,
    pub(super) mode: LockMode,
    pub(super) scope: Scope,
    /// Told when the lock is granted; taken by whoever waits.
    pub(super) granted: Option<oneshot::Receiver<()>>,
}

/// Modes an owner holds on a target.
#[derive(Clone, Copy, Default)]
pub(super) struct Held {
    pub(super) transaction: Mask,
    pub(super) session: Mask,
}

impl Held {
    pub(super) fn all(self) -> Mask {
        self.transaction | self.session
    }
}

#[derive(Default)]
pub(super) struct OwnerState {
    pub(super) held: HashMap<LockTarget, Held>,
    /// Transaction-scope acquisitions in order; a mode held already is not noted again.
    pub(super) log: Vec<(LockTarget, LockMode)>,
    /// How often each session-scope lock was taken.
    pub(super) session: HashMap<(LockTarget, LockMode), u32>,
    /// Row targets among `held`.
    pub(super) row_locks: usize,
    pub(super) waiting: Waiting,
    /// Its wait was found to close a cycle and is about to be given up: others need not fail because of it as well.
    pub(super) victim: bool,
    pub(super) xid: Xid,
    /// Transactions that have given back their locks.
    pub(super) ended: u64,
}

/// A transaction that held a lock at some moment.
#[derive(Clone)]
pub(super) struct Tenure {
    pub(super) owner: Arc<LockOwner>,
    /// [`OwnerState::ended`] at that moment.
    pub(super) ended: u64,
}

impl Tenure {
    /// Whether the transaction has given its locks back.
    pub(super) fn is_over(&self) -> bool {
        self.owner.state.lock().ended != self.ended
    }
}

impl OwnerState {
    /// A new wait begins.
    pub(super) fn wait(&mut self, what: Waiting) {
        self.waiting = what;
        self.victim = false;
    }

    /// Notes a grant.
    pub(super) fn note(&mut self, target: LockTarget, mode: LockMode, scope: Scope) {
        let new = !self.held.contains_key(&target);
        let held = self.held.entry(target).or_default();
        match scope {
            Scope::Transaction => {
                if held.transaction & mode.bit() == 0 {
                    held.transaction |= mode.bit();
                    self.log.push((target, mode));
                }
            }
            Scope::Session => {
                held.session |= mode.bit();
                *self.session.entry((target, mode)).or_insert(0) += 1;
            }
        }
        if new && matches!(target, LockTarget::Row { .. }) {
            self.row_locks += 1;
        }
    }

    /// Takes modes off a target; answers what is left.
    pub(super) fn drop_modes(&mut self, target: &LockTarget, transaction: Mask, session: Mask) -> Mask {
        let Some(held) = self.held.get_mut(target) else { return 0 };
        held.transaction &= !transaction;
        held.session &= !session;
        let left = held.all();
        if left == 0 {
            self.held.remove(target);
            if matches!(target, LockTarget::Row { .. }) {
                self.row_locks -= 1;
            }
        }
        left
    }
}

impl LockManager {
    /// Registers a session.
    pub fn register(&self, pid: i32) -> Arc<LockOwner> {
        let id = self.next_owner.fetch_add(1, Ordering::Relaxed);
        let owner = Arc::new(LockOwner { id, pid, state: Mutex::default() });
        self.owners.lock().insert(id, Arc::downgrade(&owner));
        owner
    }

    /// The session ends: everything it holds is released, whatever it waits for is given up.
    pub fn unregister(&self, owner: &Arc<LockOwner>) {
        self.release_all(owner);
        self.release_session_all(owner);
        self.owners.lock().remove(&owner.id);
    }

    /// The owner's transaction has got a number, under which others will wait for it.
    pub fn txn_began(&self, owner: &Arc<LockOwner>, xid: Xid) {
        owner.state.lock().xid = xid;
        self.insert_xid(xid, Some(Arc::clone(owner)));
    }

    /// A transaction without a session exists (prepared, or to be rolled back after a crash).
    pub fn txn_found(&self, xid: Xid) {
        self.insert_xid(xid, None);
    }

    /// Process number of a transaction's session, 0 if it has none; `None` for transactions that are not known here.
    pub fn pid_of(&self, xid: Xid) -> Option<i32> {
        self.xids[xid.0 as usize % SHARDS].lock().get(&xid).map(|r| r.owner.as_ref().map_or(0, |o| o.pid))
    }

    /// Session of a process number.
    pub(super) fn owner_of_pid(&self, pid: i32) -> Option<Arc<LockOwner>> {
        self.owners.lock().values().filter_map(Weak::upgrade).find(|o| o.pid == pid)
    }
}
