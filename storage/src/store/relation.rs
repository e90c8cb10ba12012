//! Relations come and go with transactions.
//!
//! Creating one writes its first pages together with a FILE_CREATE undo record, so a rollback (or a crash) removes it.
//! Dropping one only writes FILE_DROP_ON_COMMIT: the pages stay for older snapshots until purge meets the record behind
//! the horizon. Removal itself is logged first (redo then knows that changes to the relation's pages lead nowhere), then
//! the pool forgets the pages, then the files go. Numbers are never used twice.

use super::{FIRST_REL, Store, Txn};
use crate::am::{Method, TableMethod};
use crate::core::Core;
use crate::mtr::{kind, put_varint};
use crate::page::PageKind;
use crate::recovery::file_op;
use crate::rt::yield_now;
use crate::sequence;
use crate::space::ALLOC_LOG_BYTES;
use crate::txn::TxnCx;
use crate::undo::{UndoHead, UndoType};
use crate::wait::Op;
use rustydb_base::{DbError, Lsn, PageId, RelId, Result, Rid, Xid};
use std::sync::atomic::Ordering;

/// What a new relation will hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RelationKind {
    /// Table rows.
    Heap,
    /// Table rows of a method.
    Table(TableMethod),
    /// Values too big for their rows.
    Overflow,
    /// An index of a method.
    Index(Method),
    /// One sequence, which begins at this state.
    Sequence(sequence::SequenceState),
}

/// What becomes of a relation's pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// They survive any crash.
    Logged,
    /// They survive a stop in order.
    Unlogged,
    /// They are gone when the store is closed: they never leave memory, of which such relations together have no more than
    /// [`StoreOptions::memory_limit`](super::StoreOptions::memory_limit).
    Memory,
}

impl From<bool> for Durability {
    /// Whether the pages are logged.
    fn from(logged: bool) -> Durability {
        if logged { Durability::Logged } else { Durability::Unlogged }
    }
}

impl Txn {
    /// Makes a relation that exists if this transaction commits. Answers its number.
    pub async fn create_relation(&mut self, what: RelationKind, durability: impl Into<Durability>) -> Result<RelId> {
        let rel = self.store().reserve_relations(1, durability)?;
        self.create_relation_as(rel, what).await?;
        Ok(rel)
    }

    /// Makes the two relations of a table: rows, and, under the number behind it, values too big for them.
    pub async fn create_table_files(&mut self, durability: impl Into<Durability>) -> Result<(RelId, RelId)> {
        let heap = self.store().reserve_relations(2, durability)?;
        let overflow = RelId(heap.0 + 1);
        self.create_relation_as(heap, RelationKind::Heap).await?;
        self.create_relation_as(overflow, RelationKind::Overflow).await?;
        Ok((heap, overflow))
    }

    /// As [`Txn::create_relation`] with a number that is known: a fixed one below [`FIRST_REL`], for the catalogs a new
    /// directory begins with, or one of [`Store::reserve_relations`].
    pub async fn create_fixed_relation(&mut self, rel: RelId, what: RelationKind) -> Result<()> {
        if rel < super::FIRST_FIXED_REL || rel.number() >= self.store().next_rel.load(Ordering::SeqCst) {
            return Err(DbError::internal(format!("relation {rel} is not set aside")));
        }
        self.create_relation_as(rel, what).await
    }

    async fn create_relation_as(&mut self, rel: RelId, what: RelationKind) -> Result<()> {
        self.ensure_xid().await?;
        self.drive(|core, cx| create_first_page(core, cx, rel, what)).await?;
        match what {
            RelationKind::Index(method) => {
                let am = method.am()?;
                self.drive(|core, cx| am.create(core, rel, cx.xid)).await
            }
            RelationKind::Table(method) => {
                let am = method.am()?;
                self.drive(|core, cx| am.create(core, rel, cx.xid)).await
            }
            RelationKind::Heap | RelationKind::Overflow | RelationKind::Sequence(_) => Ok(()),
        }
    }

    /// Drops a relation if this transaction commits. Its number must not be used by anyone who starts later; the caller
    /// sees to that through the catalog and locks.
    pub async fn drop_relation(&mut self, rel: RelId) -> Result<()> {
        if rel < FIRST_REL {
            return Err(DbError::internal(format!("relation {rel} is a fixed one")));
        }
        self.ensure_xid().await?;
        self.drive(|core, cx| file_undo(core, cx, rel, UndoType::FileDropOnCommit)).await
    }
}

/// Undo record and first page of a new relation, in one mini-transaction.
fn create_first_page(core: &Core, cx: &mut TxnCx, rel: RelId, what: RelationKind) -> Op<()> {
    let mut mtr = core.mtr(cx.xid);
    let undo = core.undo.prepare(&mut mtr, cx, RelId(0), 0)?;
    let first = match what {
        RelationKind::Sequence(_) => mtr.create(PageId::new(rel, 0))?,
        _ => core.space.prepare_create(&mut mtr, rel)?,
    };
    if mtr.page(first).lsn() != Lsn(0) || !mtr.page(first).is(PageKind::Zero) {
        return Err(DbError::internal(format!("relation {rel} exists already")).into());
    }
    mtr.reserve(ALLOC_LOG_BYTES + undo.log_bytes())?;
    match what {
        RelationKind::Sequence(state) => sequence::format(&mut mtr, first, &state),
        _ => core.space.apply_create(&mut mtr, first),
    }
    let head = UndoHead::plain(UndoType::FileCreate, rel, Rid::default());
    core.undo.apply(&mut mtr, &undo, cx, &head, &[]);
    mtr.finish();
    Ok(())
}

fn file_undo(core: &Core, cx: &mut TxnCx, rel: RelId, what: UndoType) -> Op<()> {
    let mut mtr = core.mtr(cx.xid);
    // What is dropped in memory is not retained, and in need of no undo after a crash.
    let undo = core.undo.prepare(&mut mtr, cx, if rel.is_memory() { rel } else { RelId(0) }, 0)?;
    mtr.reserve(undo.log_bytes())?;
    let head = UndoHead::plain(what, rel, Rid::default());
    core.undo.apply(&mut mtr, &undo, cx, &head, &[]);
    mtr.finish();
    Ok(())
}

impl Store {
    /// Sets aside numbers that follow one another; those of relations that are not logged say so.
    pub fn reserve_relations(&self, count: u32, durability: impl Into<Durability>) -> Result<RelId> {
        let n = self.next_rel.fetch_add(count, Ordering::SeqCst);
        if n.checked_add(count).is_none_or(|end| end >= RelId::MEMORY) {
            return Err(DbError::new(rustydb_base::SqlState::PROGRAM_LIMIT_EXCEEDED, "out of relation numbers"));
        }
        Ok(RelId(match durability.into() {
            Durability::Logged => n,
            Durability::Unlogged => n | RelId::UNLOGGED,
            Durability::Memory => n | RelId::UNLOGGED | RelId::MEMORY,
        }))
    }

    /// Removes a relation for good. Nobody can reach it any more.
    pub(crate) async fn remove_relation(&self, rel: RelId, xid: Xid) -> Result<()> {
        let end = self
            .drive_free(|core| {
                let mut mtr = core.mtr(xid);
                let mut head = vec![file_op::DROP];
                put_varint(&mut head, u64::from(rel.0));
                mtr.reserve(head.len() + 8)?;
                Ok(mtr.finish_as(kind::FILE, &head).1)
            })
            .await?;
        self.log.wait_stable(end).await?;
        self.forget_relation(rel).await
    }

    /// Drops a relation's pages and files; its removal is in the stable log.
    pub(crate) async fn forget_relation(&self, rel: RelId) -> Result<()> {
        self.core.space.forget(rel);
        self.sequences.forget(rel);
        // A page being written home, or pinned by a read-ahead nobody wants any more, is soon free.
        while !self.core.pool.discard(rel, 0..u32::MAX) {
            self.core.poison.check()?;
            self.rt.sleep(std::time::Duration::from_micros(200)).await;
        }
        yield_now().await;
        self.files.remove(rel).await
    }
}
