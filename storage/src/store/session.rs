//! A session's open transaction.

use super::Store;
use super::drive::WaitRules;
use crate::core::Core;
use crate::txn::{CommitWait, Committed, Snapshot, TxnCx};
use crate::undo::UndoPtr;
use crate::wait::{Op, TxnWait, Wait};
use rustydb_base::{DbError, Lsn, Result, Xid};
use std::sync::Arc;

/// Marks a place in a transaction to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Savepoint {
    pub(super) undo: UndoPtr,
}

impl Savepoint {
    /// Back to just after an undo record.
    pub(crate) fn at(undo: UndoPtr) -> Savepoint {
        Savepoint { undo }
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
    store: Arc<Store>,
    cx: TxnCx,
    /// How its operations wait.
    pub rules: WaitRules,
    ended: bool,
}

impl Txn {
    pub(super) fn new(store: Arc<Store>, cx: TxnCx) -> Txn {
        Txn { store, cx, rules: WaitRules::default(), ended: false }
    }

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

    /// The same snapshot, seeing the transaction's own changes up to now.
    pub fn refresh(&self, s: &Snapshot) -> Snapshot {
        Snapshot { scn: s.scn, xid: self.cx.xid, cid: self.cx.cid }
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
            self.drive(|core, cx| store.txns.assign(core, cx)).await?;
        }
        Ok(self.cx.xid)
    }

    /// Runs an operation to its end; see [`Store::drive`].
    pub async fn drive<T>(&mut self, op: impl FnMut(&Core, &mut TxnCx) -> Op<T>) -> Result<T> {
        self.store.drive(&mut self.cx, &self.rules, op).await
    }

    /// Runs an operation once, without waiting: for paths that must not suspend when everything is in memory.
    pub fn try_now<T>(&mut self, op: impl FnOnce(&Core, &mut TxnCx) -> Op<T>) -> Op<T> {
        let store = &self.store;
        store.txns.run(&mut self.cx, |cx| op(&store.core, cx))
    }

    /// Waits for the transaction that holds a row, as the rules say.
    pub async fn wait_for(&mut self, w: TxnWait) -> Result<()> {
        self.store.wait_txn(&self.cx, &self.rules, w).await
    }

    /// A place to go back to.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { undo: self.cx.last_undo }
    }

    /// Undoes everything since the savepoint, which stays usable.
    pub async fn rollback_to(&mut self, to: &Savepoint) -> Result<()> {
        // Never left half-way by a cancelled statement: the rest of the transaction would see torn operations.
        self.store.undo_to(&mut self.cx, to.undo).await
    }

    /// Commits. The answer says what must be stable before anyone may be told. After an error nothing is committed and
    /// the transaction must be aborted.
    pub async fn commit(&mut self, options: CommitOptions) -> Result<Committed> {
        if self.ended {
            return Err(DbError::internal("transaction has ended already"));
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
        self.ended = true;
        self.store.finish(&mut self.cx);
        Ok(done)
    }

    /// Rolls back.
    pub async fn abort(&mut self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        self.store.abort(&mut self.cx).await?;
        self.ended = true;
        self.store.finish(&mut self.cx);
        Ok(())
    }
}

impl Drop for Txn {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        let empty = self.cx.emptied();
        let mut cx = std::mem::replace(&mut self.cx, empty);
        if !cx.xid.is_some() {
            self.store.finish(&mut cx);
            return;
        }
        let store = Arc::clone(&self.store);
        self.store.spawn("rollback", async move {
            // After a fault the slot stays taken; the server is stopping.
            match store.abort(&mut cx).await {
                Ok(()) => store.finish(&mut cx),
                Err(e) => tracing::error!("rollback of transaction {} failed: {e}", cx.xid),
            }
        });
    }
}
