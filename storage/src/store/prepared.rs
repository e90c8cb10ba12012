//! Two-phase commit: transactions that are prepared, and stay so over any crash until they are told how to end.
//!
//! Preparing writes what must survive (the caller's words and the list of locks) as undo records of the transaction, then
//! sets its status entry to "prepared"; from the moment that record is stable the transaction can be committed or rolled
//! back by whoever knows its name. Its undo is not purged while it is prepared, so the words need no place of their own,
//! and a checkpoint keeps its newest undo record as for any open transaction. Recovery finds it by its status, takes its
//! slot and locks again, and leaves it alone.
//!
//! Rolling back first makes the transaction an ordinary running one: a crash in the middle makes it a loser.

use super::drive::WaitRules;
use super::session::{CommitOptions, Owner};
use super::{Store, Txn};
use crate::core::Core;
use crate::lock::handover;
use crate::lock::{LockOwner, Scope};
use crate::mtr::{get_varint, put_varint};
use crate::txn::{Committed, TxnCx};
use crate::undo::{UndoHead, UndoPtr, UndoType};
use crate::wait::Op;
use rustydb_base::{DbError, Lsn, RelId, Result, Rid, Xid};
use std::sync::Arc;

/// Bytes of a kept text per undo record.
const PART: usize = 4000;

/// A prepared transaction. Dropped, it stays prepared.
pub struct Prepared {
    txn: Txn,
    words: Vec<u8>,
}

impl Prepared {
    /// Its number.
    pub fn xid(&self) -> Xid {
        self.txn.xid()
    }

    /// What was said when it was prepared.
    pub fn words(&self) -> &[u8] {
        &self.words
    }

    /// As the lock manager knows it.
    pub fn lock_owner(&self) -> &Arc<LockOwner> {
        self.txn.lock_owner()
    }

    /// COMMIT PREPARED. After an error it is prepared still.
    pub async fn commit(&mut self, options: CommitOptions) -> Result<Committed> {
        self.txn.commit(options).await
    }

    /// ROLLBACK PREPARED. Answers what must be stable before anyone is told: else a crash would bring it back.
    pub async fn roll_back(&mut self) -> Result<Lsn> {
        let store = Arc::clone(&self.txn.store);
        let end = self.txn.drive(|core, cx| store.txns.mark_prepared(core, cx, false)).await?;
        self.txn.prepared = false;
        self.txn.abort().await?;
        Ok(end)
    }
}

impl Txn {
    /// PREPARE TRANSACTION: the transaction ends for its session and goes on as a prepared one, which keeps `words` and all
    /// transaction-scope locks. It is safe when the log is stable up to the LSN answered. After an error it is open still.
    pub async fn prepare(&mut self, words: &[u8]) -> Result<(Prepared, Lsn)> {
        if self.ended {
            return Err(DbError::internal("transaction has ended already"));
        }
        let store = Arc::clone(&self.store);
        self.ensure_xid().await?;
        if self.cx.ssi.is_some() {
            store.core.ssi.before_commit(self.cx.ssi)?;
        }
        let locks = store.locks.kept(self.owner.lock_owner())?;
        let mut kept = Vec::with_capacity(words.len() + 16 + locks.len() * 16);
        put_varint(&mut kept, words.len() as u64);
        kept.extend_from_slice(words);
        handover::encode(&locks, &mut kept);
        for (n, part) in kept.chunks(PART).enumerate() {
            self.drive(|core, cx| keep(core, cx, n == 0, part)).await?;
        }
        let end = self.drive(|core, cx| store.txns.mark_prepared(core, cx, true)).await?;
        store.txns.release_snapshot(&self.cx);
        let heir = Owner::without_session(&store);
        store.locks.hand_over(self.owner.lock_owner(), heir.lock_owner());
        let empty = self.cx.emptied();
        let cx = std::mem::replace(&mut self.cx, empty);
        self.leave();
        let end = end.max(cx.dep_lsn);
        let txn = Txn { store, owner: heir, cx, rules: WaitRules::default(), ended: false, prepared: true };
        Ok((Prepared { txn, words: words.to_vec() }, end))
    }
}

/// Writes a part of what is kept; the first one is marked.
fn keep(core: &Core, cx: &mut TxnCx, first: bool, part: &[u8]) -> Op<()> {
    let mut mtr = core.mtr(cx.xid);
    let undo = core.undo.prepare(&mut mtr, cx, RelId(0), part.len() + 1)?;
    mtr.reserve(undo.log_bytes())?;
    let mut payload = Vec::with_capacity(part.len() + 1);
    payload.push(u8::from(first));
    payload.extend_from_slice(part);
    let head = UndoHead::plain(UndoType::Prepared, RelId(0), Rid::default());
    core.undo.apply(&mut mtr, &undo, cx, &head, &payload);
    mtr.finish();
    Ok(())
}

impl Store {
    /// The prepared transactions that were there when the store was opened, each answered once. To be asked before anybody
    /// works: their locks are taken here.
    pub async fn take_prepared(self: &Arc<Self>) -> Result<Vec<Prepared>> {
        let found = std::mem::take(&mut *self.found_prepared.lock());
        let mut out = Vec::with_capacity(found.len());
        for cx in found {
            let xid = cx.xid;
            let kept = self.read_kept(cx.last_undo).await?;
            let bad = || DbError::corrupt(format!("what prepared transaction {xid} keeps cannot be read"));
            let mut rest = kept.as_slice();
            let len = usize::try_from(get_varint(&mut rest)?).map_err(|_| bad())?;
            let (words, mut rest) = rest.split_at_checked(len).ok_or_else(bad)?;
            let owner = Owner::without_session(self);
            for (target, mode) in handover::decode(&mut rest)? {
                if !self.locks.acquire_now(owner.lock_owner(), target, mode, Scope::Transaction)? {
                    return Err(handover::lost(target));
                }
            }
            self.locks.txn_began(owner.lock_owner(), xid);
            let store = Arc::clone(self);
            let txn = Txn { store, owner, cx, rules: WaitRules::default(), ended: false, prepared: true };
            out.push(Prepared { txn, words: words.to_vec() });
        }
        Ok(out)
    }

    /// What a prepared transaction's newest undo records keep.
    async fn read_kept(&self, mut at: UndoPtr) -> Result<Vec<u8>> {
        let mut parts = Vec::new();
        while at.is_some() {
            let rec = self.drive_free(|core| core.undo.read(at, &core.pool)).await?;
            let (first, part) = match (rec.kind, rec.payload.split_first()) {
                (UndoType::Prepared, Some((first, part))) => (*first == 1, part.to_vec()),
                _ => break,
            };
            parts.push(part);
            if first {
                parts.reverse();
                return Ok(parts.concat());
            }
            at = rec.prev_in_txn;
        }
        Err(DbError::corrupt("a prepared transaction has not kept what it must"))
    }
}
