//! A session's open transaction.

use super::Store;
use super::drive::{WaitPolicy, WaitRules};
use crate::core::Core;
use crate::lock::{LockMark, LockMode, LockOwner, LockTarget, Scope};
use crate::ssi::{Beginning, SxId};
use crate::txn::{CommitWait, Committed, Isolation, Snapshot, TxnCx, UndoMark};
use crate::wait::{Op, Wait};
use rustydb_base::{DbError, Lsn, RelId, Result, Scn, Xid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Marks a place in a transaction to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Savepoint {
    undo: UndoMark,
    locks: LockMark,
}

/// Unregisters the session from the lock manager when neither it nor a transaction of it is left.
pub(super) struct Owner {
    store: Arc<Store>,
    locks: Arc<LockOwner>,
    /// A transaction is open (or still rolling back).
    busy: AtomicBool,
}

impl Owner {
    /// What owns a prepared transaction.
    pub(super) fn without_session(store: &Arc<Store>) -> Arc<Owner> {
        let locks = store.locks.register(0);
        Arc::new(Owner { store: Arc::clone(store), locks, busy: AtomicBool::new(true) })
    }

    pub(super) fn lock_owner(&self) -> &Arc<LockOwner> {
        &self.locks
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.store.locks.unregister(&self.locks);
    }
}

/// A session: what owns locks from one transaction to the next.
pub struct Session {
    owner: Arc<Owner>,
}

impl Session {
    pub(super) fn new(store: Arc<Store>, pid: i32) -> Session {
        let locks = store.locks.register(pid);
        Session { owner: Arc::new(Owner { store, locks, busy: AtomicBool::new(false) }) }
    }

    /// The session as the lock manager knows it (advisory locks of session scope).
    pub fn lock_owner(&self) -> &Arc<LockOwner> {
        &self.owner.locks
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.owner.store
    }

    /// Opens a transaction; 53300 when too many are open. One at a time.
    pub fn begin(&self, isolation: Isolation) -> Result<Txn> {
        let store = &self.owner.store;
        store.check_open()?;
        if self.owner.busy.swap(true, Ordering::SeqCst) {
            return Err(DbError::internal("the session's last transaction has not ended"));
        }
        match store.txns.begin(isolation) {
            Ok(cx) => Ok(Txn {
                store: Arc::clone(store),
                owner: Arc::clone(&self.owner),
                cx,
                rules: WaitRules::default(),
                ended: false,
                prepared: false,
            }),
            Err(e) => {
                self.owner.busy.store(false, Ordering::SeqCst);
                Err(e)
            }
        }
    }
}

/// What a commit may be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CommitOptions {
    /// The transaction changed catalog rows.
    pub catalog_changed: bool,
}

/// An open transaction. Dropped unfinished it is rolled back in the background.
pub struct Txn {
    pub(super) store: Arc<Store>,
    pub(super) owner: Arc<Owner>,
    pub(super) cx: TxnCx,
    /// How its operations wait.
    pub rules: WaitRules,
    pub(super) ended: bool,
    /// Two-phase commit: only COMMIT PREPARED and ROLLBACK PREPARED end it.
    pub(super) prepared: bool,
}

impl Txn {
    /// The store it belongs to.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What operations know of it.
    pub fn cx(&self) -> &TxnCx {
        &self.cx
    }

    /// Its number, [`Xid::NONE`] before its first write.
    pub fn xid(&self) -> Xid {
        self.cx.xid
    }

    /// What must be stable before anything the session says may leave the process.
    pub fn dep_lsn(&self) -> Lsn {
        self.cx.dep_lsn
    }

    /// The session has learnt something that depends on `lsn` (a [`crate::heap::Reader`]'s `dep_lsn`, a sequence value).
    pub fn depends_on(&mut self, lsn: Lsn) {
        self.cx.dep_lsn = self.cx.dep_lsn.max(lsn);
    }

    /// Takes a snapshot for the next statement, replacing the one registered before. REPEATABLE READ takes one and keeps
    /// it, only raising its `xid` and `cid` by [`Txn::refresh`].
    pub fn snapshot(&mut self) -> Snapshot {
        self.store.txns.snapshot(&self.cx)
    }

    /// Takes a serializable transaction's one snapshot, whose reads are tracked from now on, as its writes are. A
    /// deferrable one waits for a snapshot that needs no tracking.
    pub async fn serializable_snapshot(&mut self, read_only: bool, deferrable: bool) -> Result<Snapshot> {
        let how = Beginning { pid: self.owner.locks.pid(), read_only, deferrable: deferrable && read_only };
        loop {
            let (store, cx) = (&self.store, &self.cx);
            let snap = store.core.ssi.begin(how, || store.txns.snapshot(cx))?;
            self.cx.ssi = snap.ssi;
            if !how.deferrable || !snap.ssi.is_some() {
                return Ok(snap);
            }
            let found = self.store.safe_snapshot(snap.ssi, &self.rules).await;
            self.store.core.ssi.end(std::mem::take(&mut self.cx.ssi), false);
            if found? {
                return Ok(snap.untracked());
            }
        }
    }

    /// A snapshot of what was committed at or before an SCN that somebody holds, as this transaction's one snapshot. A
    /// serializable transaction's reads by it are tracked.
    pub fn snapshot_at(&mut self, scn: Scn, read_only: bool) -> Result<Snapshot> {
        let own = Snapshot { scn, xid: self.cx.xid, cid: self.cx.cid, ssi: SxId::NONE };
        if self.cx.isolation != Isolation::Serializable {
            return Ok(own);
        }
        let how = Beginning { pid: self.owner.locks.pid(), read_only, deferrable: false };
        let snap = self.store.core.ssi.begin(how, || own)?;
        self.cx.ssi = snap.ssi;
        Ok(snap)
    }

    /// The same snapshot, seeing the transaction's own changes up to now.
    pub fn refresh(&self, s: &Snapshot) -> Snapshot {
        Snapshot { scn: s.scn, xid: self.cx.xid, cid: self.cx.cid, ssi: s.ssi }
    }

    /// No snapshot is in use until the next is taken (READ COMMITTED between statements).
    pub fn release_snapshot(&mut self) {
        self.store.txns.release_snapshot(&self.cx);
    }

    /// Ends a command: its changes are visible to the transaction's next snapshot.
    pub fn next_command(&mut self) {
        self.cx.cid += 1;
    }

    /// Gets a number if the transaction has none, as every first write must.
    pub async fn ensure_xid(&mut self) -> Result<Xid> {
        if !self.cx.xid.is_some() {
            let store = Arc::clone(&self.store);
            store.writer.throttle().await?;
            store.wait_for_purge().await;
            self.drive(|core, cx| store.txns.assign(core, cx)).await?;
            // Before its first change, so that whoever meets one can wait for it.
            store.locks.txn_began(&self.owner.locks, self.cx.xid);
        }
        Ok(self.cx.xid)
    }

    /// Runs an operation to its end; see [`Store::drive`].
    pub async fn drive<T>(&mut self, op: impl FnMut(&Core, &mut TxnCx) -> Op<T>) -> Result<T> {
        self.store.drive(&mut self.cx, &self.owner.locks, &self.rules, op).await
    }

    /// Runs an operation once, without waiting: for paths that must not suspend when everything is in memory.
    pub fn try_now<T>(&mut self, op: impl FnOnce(&Core, &mut TxnCx) -> Op<T>) -> Op<T> {
        let store = &self.store;
        store.txns.run(&mut self.cx, |cx| op(&store.core, cx))
    }

    /// The session as the lock manager knows it.
    pub fn lock_owner(&self) -> &Arc<LockOwner> {
        &self.owner.locks
    }

    /// Takes a lock until the end of the transaction, waiting as the rules say. False under [`WaitPolicy::NoWait`] when
    /// it is not to be had at once.
    pub async fn lock(&mut self, target: LockTarget, mode: LockMode) -> Result<bool> {
        let (locks, owner) = (Arc::clone(&self.store.locks), Arc::clone(&self.owner));
        if self.rules.policy == WaitPolicy::NoWait {
            return locks.acquire_now(&owner.locks, target, mode, Scope::Transaction);
        }
        self.drive(|_, _| locks.try_acquire(&owner.locks, target, mode)).await?;
        Ok(true)
    }

    /// A place to go back to.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { undo: self.cx.mark(), locks: self.store.locks.mark(&self.owner.locks) }
    }

    /// Undoes everything since the savepoint, which stays usable.
    pub async fn rollback_to(&mut self, to: &Savepoint) -> Result<()> {
        // Never left half-way by a cancelled statement: the rest of the transaction would see torn operations.
        self.store.undo_to(&mut self.cx, to.undo).await?;
        self.store.locks.release_after(&self.owner.locks, to.locks);
        Ok(())
    }

    /// Undoes everything after an undo record and keeps the locks: the half-done part of an operation.
    pub(crate) async fn undo_to(&mut self, mark: UndoMark) -> Result<()> {
        self.store.undo_to(&mut self.cx, mark).await
    }

    /// The transaction goes on elsewhere: for its session it has ended.
    pub(super) fn leave(&mut self) {
        self.ended = true;
        self.owner.busy.store(false, Ordering::SeqCst);
    }

    fn finish(&mut self) {
        self.ended = true;
        self.store.finish(&mut self.cx, &self.owner.locks);
        self.owner.busy.store(false, Ordering::SeqCst);
    }

    /// Commits. The answer says what must be stable before anyone may be told. After an error nothing is committed and
    /// the transaction must be aborted.
    pub async fn commit(&mut self, options: CommitOptions) -> Result<Committed> {
        if self.ended {
            return Err(DbError::internal("transaction has ended already"));
        }
        if self.cx.ssi.is_some() {
            self.store.core.ssi.before_commit(self.cx.ssi)?;
        }
        let flags = if options.catalog_changed { crate::txn::flags::CATALOG_CHANGED } else { 0 };
        let mut pins = super::drive::Pins::default();
        let done = loop {
            let tried = {
                let store = &self.store;
                store.txns.run(&mut self.cx, |cx| store.txns.commit(&store.core, cx, flags))
            };
            match tried {
                Ok(done) => break done,
                Err(CommitWait::Stable(lsn)) => self.store.gate(lsn).await?,
                Err(CommitWait::Op(Wait::Fail(e))) => return Err(*e),
                Err(CommitWait::Op(w)) => self.store.wait_free(w, &mut pins).await?,
            }
        };
        if self.cx.ssi.is_some() {
            self.store.core.ssi.end(std::mem::take(&mut self.cx.ssi), true);
        }
        self.finish();
        Ok(done)
    }

    /// The transaction empties or drops a table that it has locked exclusively: a write of all its rows.
    pub fn empties(&self, heap: RelId) -> Result<()> {
        if self.cx.ssi.is_some() { self.store.core.ssi.wrote_table(self.cx.ssi, heap) } else { Ok(()) }
    }

    /// What is going to be rolled back conflicts with nobody.
    fn leave_serializable(&mut self) {
        if self.cx.ssi.is_some() {
            self.store.core.ssi.end(std::mem::take(&mut self.cx.ssi), false);
        }
    }

    /// Rolls back.
    pub async fn abort(&mut self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        self.leave_serializable();
        self.store.abort(&mut self.cx).await?;
        self.finish();
        Ok(())
    }
}

impl Drop for Txn {
    fn drop(&mut self) {
        if self.ended || self.prepared {
            return;
        }
        self.leave_serializable();
        if !self.cx.xid.is_some() {
            self.finish();
            return;
        }
        self.ended = true;
        let empty = self.cx.emptied();
        let mut cx = std::mem::replace(&mut self.cx, empty);
        let (store, owner) = (Arc::clone(&self.store), Arc::clone(&self.owner));
        self.store.spawn("rollback", async move {
            match store.abort(&mut cx).await {
                Ok(()) => {
                    store.finish(&mut cx, &owner.locks);
                    owner.busy.store(false, Ordering::SeqCst);
                }
                // Its rows stay locked and its slot taken, and nobody is left to try again: the next start rolls it back.
                Err(e) => {
                    tracing::error!("rollback of transaction {} failed: {e}", cx.xid);
                    if !store.is_stopping() {
                        store.core.poison.trip(e);
                    }
                }
            }
        });
    }
}
