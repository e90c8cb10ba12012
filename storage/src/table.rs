//! Rows together with their index entries: what the engine calls.
//!
//! Idea: a row operation is a heap change followed by its index changes, each one mini-transaction that waits for
//! whatever it lacks and is run again by [`Txn::drive`]. What a duplicate key or an error leaves half-done is undone to
//! the mark taken at the operation's start, so the transaction can go on (ON CONFLICT) as if nothing had been tried.
//!
//! The engine supplies values and normalised keys; nothing here evaluates anything. READ COMMITTED's re-check of a row
//! that somebody else has changed is the engine's as well: it gets [`TmResult::Updated`], reads the newest version with
//! a new snapshot, decides, and calls again.
//!
//! Reads are synchronous functions ([`point_get`], [`fetch`]) that allocate nothing but what the caller's buffers
//! need; [`Txn::drive`] runs them when a page may be missing.

use crate::am::{self, Gather, Gathered, IndexDesc, InsertResult, RowState, RunEntry, Search, TableAm, Unique};
use crate::buf::Access;
use crate::core::{Core, RowLockMode};
use crate::heap::{self, Datum, OvfPtr, Reader, Rel, RowBuf, TableLayout, TmResult, page};
use crate::lock::LockTarget;
use crate::overflow::{self, OvfReader, OvfWriter};
use crate::page::PageKind;
use crate::ssi::SxId;
use crate::store::{Txn, WaitPolicy};
use crate::txn::{Snapshot, TxnCx, TxnState, UndoMark, VER_XID};
use crate::undo::UndoFlags;
use crate::wait::{Op, TxnWait, Wait};
use rustydb_base::{BlockNo, Lsn, PageId, Result, Rid, Scn, Xid};
use smallvec::SmallVec;
use std::sync::Arc;

/// A table as row operations know it.
#[derive(Clone, Debug)]
pub struct TableDesc {
    /// Its heap and overflow file.
    pub rel: Rel,
    /// Its columns and row layouts.
    pub layout: Arc<TableLayout>,
    /// Its indexes that must be maintained, in an order that keys are given in.
    pub indexes: Vec<IndexDesc>,
}

impl TableDesc {
    fn am(&self) -> Result<&'static dyn TableAm> {
        self.rel.method.am()
    }
}

/// An index key of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key<'a> {
    /// Normalised, prefix-free bytes; where rows have several entries, their list ([`am::push_entry`]).
    pub bytes: &'a [u8],
    /// Whether no other live row may have it (false in a unique index for keys with distinct NULLs).
    pub unique: bool,
}

/// What changes in one index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyChange<'a> {
    /// Position in [`TableDesc::indexes`].
    pub index: usize,
    /// The old version's key, if it has an entry.
    pub old: Option<&'a [u8]>,
    /// The new version's, if it gets one.
    pub new: Option<Key<'a>>,
}

/// How a change of a row ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Changed {
    /// As the heap says; [`TmResult::BeingModified`] only under [`WaitPolicy::NoWait`].
    Heap(TmResult),
    /// A live row has the new key already; nothing has happened.
    Duplicate(Duplicate),
}

/// How an insertion ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inserted {
    /// The row is there.
    Row(Rid),
    /// A live row has the key already; nothing has happened.
    Duplicate(Duplicate),
}

/// A unique conflict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duplicate {
    /// Which row of a batch.
    pub row: usize,
    /// Position in [`TableDesc::indexes`].
    pub index: usize,
    /// The row that has the key.
    pub rid: Rid,
    /// The index leaf in which that was found.
    pub leaf: BlockNo,
}

/// State of a row's newest version, whoever wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Newest {
    /// There is no row, or a deleted one.
    Gone,
    /// It is committed, or the asking transaction's.
    Live,
    /// Another transaction that has not ended wrote (or deleted) it; see [`Txn::outlast`].
    Busy(TxnWait),
}

/// State of a row's newest version, for unique checks.
fn newest_state(core: &Core, own: Xid, dep: &mut Lsn, rel: Rel, rid: Rid, buf: &mut RowBuf) -> Op<RowState> {
    if !heap::peek(core, rel, rid, buf)? {
        return Ok(RowState::Gone);
    }
    let ver = page::ver(buf);
    if ver & VER_XID != 0 && ver != VER_XID | own.0 {
        let xid = Xid(ver & !VER_XID);
        match core.txns.resolve(xid, dep)? {
            TxnState::Committed(_) | TxnState::CommittedForAll => {}
            TxnState::Running | TxnState::Prepared | TxnState::Aborted => {
                let w = TxnWait { xid, page: PageId::new(rel.id, rid.block), slot: rid.slot };
                return Ok(RowState::Busy(w));
            }
        }
    }
    Ok(if page::flags(buf) & page::flag::DELETED != 0 { RowState::Gone } else { RowState::Live })
}

/// Inserts an index entry, checking uniqueness if the key asks for it.
pub(crate) fn index_insert(
    core: &Core,
    cx: &mut TxnCx,
    rel: Rel,
    idx: &IndexDesc,
    key: Key<'_>,
    rid: Rid,
    last: bool,
) -> Op<InsertResult> {
    let flags = UndoFlags::last(last);
    if !key.unique {
        return idx.method.am()?.insert(core, cx, idx, key.bytes, rid, Unique::No, flags);
    }
    let (own, mut dep, mut buf) = (cx.xid, Lsn(0), RowBuf::new());
    let mut state = |other: Rid| newest_state(core, own, &mut dep, rel, other, &mut buf);
    let done = idx.method.am()?.insert(core, cx, idx, key.bytes, rid, Unique::Check(&mut state), flags);
    // What the check has learnt of others' commits, a duplicate-key error included, is gated by them.
    cx.dep_lsn = cx.dep_lsn.max(dep);
    done
}

/// Inserts entries of one page's rows, in key order; see [`am::IndexAm::insert_run`].
fn index_insert_run(
    core: &Core,
    cx: &mut TxnCx,
    rel: Rel,
    idx: &IndexDesc,
    entries: &[RunEntry<'_>],
) -> Op<(usize, InsertResult)> {
    let (own, mut dep, mut buf) = (cx.xid, Lsn(0), RowBuf::new());
    let mut state = |other: Rid| newest_state(core, own, &mut dep, rel, other, &mut buf);
    let done = idx.method.am()?.insert_run(core, cx, idx, entries, &mut state);
    // As for one entry.
    cx.dep_lsn = cx.dep_lsn.max(dep);
    done
}

/// Values with the big ones replaced by pointers into the overflow file.
async fn write_overflow<'v>(txn: &mut Txn, desc: &TableDesc, vals: &[Datum<'v>]) -> Result<SmallVec<[Datum<'v>; 16]>> {
    let mut out: SmallVec<[Datum<'v>; 16]> = SmallVec::from_slice(vals);
    for col in desc.layout.current().to_overflow(vals) {
        let Some(Datum::Bytes(b)) = vals.get(col) else { continue };
        let mut w = OvfWriter::new(b)?;
        let ptr = txn.drive(|core, cx| w.write(core, cx, desc.rel)).await?;
        out[col] = Datum::Overflow(ptr);
    }
    Ok(out)
}

/// Overflow pointers of a row image.
fn overflow_ptrs(layout: &TableLayout, row: &[u8]) -> Result<SmallVec<[OvfPtr; 2]>> {
    let mut out = SmallVec::new();
    if page::flags(row) & page::flag::HAS_OVF == 0 {
        return Ok(out);
    }
    for col in 0..layout.columns().len() {
        if let Datum::Overflow(p) = layout.value(row, col)? {
            out.push(p);
        }
    }
    Ok(out)
}

impl Txn {
    /// Undoes an operation's part that was done when it failed.
    async fn fail<T>(&mut self, mark: UndoMark, e: rustydb_base::DbError) -> Result<T> {
        self.undo_to(mark).await?;
        Err(e)
    }

    /// Inserts a row. `keys` has one element per index, `None` where the row gets no entry.
    pub async fn insert(&mut self, desc: &TableDesc, vals: &[Datum<'_>], keys: &[Option<Key<'_>>]) -> Result<Inserted> {
        self.ensure_xid().await?;
        let mark = self.cx().mark();
        match self.insert_parts(desc, vals, keys, mark).await {
            Ok(done) => Ok(done),
            Err(e) => self.fail(mark, e).await,
        }
    }

    async fn insert_parts(
        &mut self,
        desc: &TableDesc,
        vals: &[Datum<'_>],
        keys: &[Option<Key<'_>>],
        mark: UndoMark,
    ) -> Result<Inserted> {
        let mut row = Vec::new();
        if desc.layout.current().to_overflow(vals).is_empty() {
            desc.layout.current().encode(vals, &mut row)?;
        } else {
            let vals = write_overflow(self, desc, vals).await?;
            desc.layout.current().encode(&vals, &mut row)?;
        }
        let mut entries: SmallVec<[(usize, &IndexDesc, Key<'_>); 8]> = SmallVec::new();
        for (index, (idx, key)) in desc.indexes.iter().zip(keys).enumerate() {
            let Some(key) = key else { continue };
            entries.extend(am::entries(idx, key.bytes)?.map(|bytes| (index, idx, Key { bytes, ..*key })));
        }
        let (am, rows) = (desc.am()?, [&row[..]]);
        let mut rids = Vec::with_capacity(1);
        self.drive(|core, cx| am.insert(core, cx, desc.rel, &rows, entries.is_empty(), &mut rids)).await?;
        let rid = rids.pop().ok_or_else(|| rustydb_base::DbError::internal("insert answered no address"))?;
        let mut left = entries.len();
        for (index, idx, key) in entries {
            left -= 1;
            let done = self.drive(|core, cx| index_insert(core, cx, desc.rel, idx, key, rid, left == 0)).await?;
            if let InsertResult::Duplicate { rid, leaf } = done {
                self.undo_to(mark).await?;
                return Ok(Inserted::Duplicate(Duplicate { row: 0, index, rid, leaf }));
            }
        }
        Ok(Inserted::Row(rid))
    }

    /// Inserts many rows (COPY, INSERT … SELECT), page by page. `rows` are encoded by the table's present layout, big
    /// values already replaced (see [`Txn::encode`]); `keys` has `indexes` elements per row, row after row. Entries are
    /// inserted index by index in key order. On a duplicate nothing of the batch remains.
    pub async fn insert_batch(
        &mut self,
        desc: &TableDesc,
        rows: &[&[u8]],
        keys: &[Option<Key<'_>>],
    ) -> Result<std::result::Result<Vec<Rid>, Duplicate>> {
        self.ensure_xid().await?;
        let mark = self.cx().mark();
        match self.batch_parts(desc, rows, keys).await {
            Ok(Ok(rids)) => Ok(Ok(rids)),
            Ok(Err(dup)) => {
                self.undo_to(mark).await?;
                Ok(Err(dup))
            }
            Err(e) => self.fail(mark, e).await,
        }
    }

    async fn batch_parts(
        &mut self,
        desc: &TableDesc,
        rows: &[&[u8]],
        keys: &[Option<Key<'_>>],
    ) -> Result<std::result::Result<Vec<Rid>, Duplicate>> {
        let n = desc.indexes.len();
        if keys.len() != rows.len() * n {
            return Err(rustydb_base::DbError::internal("batch insert: wrong number of keys"));
        }
        let mut rids: Vec<Rid> = Vec::with_capacity(rows.len());
        while rids.len() < rows.len() {
            // A page's rows, then their entries: rollback finds the heap record of an index record by walking back.
            let from = rids.len();
            self.drive(|core, cx| desc.am()?.insert(core, cx, desc.rel, &rows[from..], n == 0, &mut rids)).await?;
            let to = rids.len();
            for (index, idx) in desc.indexes.iter().enumerate() {
                let mut entries: Vec<(RunEntry<'_>, usize)> = Vec::with_capacity(to - from);
                for r in from..to {
                    let Some(k) = keys[r * n + index] else { continue };
                    let (rid, unique) = (rids[r], k.unique);
                    entries.extend(am::entries(idx, k.bytes)?.map(|key| (RunEntry { key, rid, unique }, r)));
                }
                entries.sort_unstable_by_key(|e| (e.0.key, e.0.rid));
                let run: Vec<RunEntry<'_>> = entries.iter().map(|e| e.0).collect();
                let mut at = 0;
                while at < run.len() {
                    let (done, result) =
                        self.drive(|core, cx| index_insert_run(core, cx, desc.rel, idx, &run[at..])).await?;
                    if let InsertResult::Duplicate { rid, leaf } = result {
                        return Ok(Err(Duplicate { row: entries[at].1, index, rid, leaf }));
                    }
                    at += done;
                }
            }
        }
        Ok(Ok(rids))
    }

    /// Encodes a row for [`Txn::insert_batch`], writing its big values to the overflow file.
    pub async fn encode(&mut self, desc: &TableDesc, vals: &[Datum<'_>], out: &mut Vec<u8>) -> Result<()> {
        if desc.layout.current().to_overflow(vals).is_empty() {
            return desc.layout.current().encode(vals, out);
        }
        self.ensure_xid().await?;
        let vals = write_overflow(self, desc, vals).await?;
        desc.layout.current().encode(&vals, out)
    }

    /// Replaces a row. `old` is the version the statement has read (its overflow values that `vals` does not keep are
    /// given up); `changes` lists the indexes whose entry changes. `key_changed`: a column that a foreign key can refer
    /// to changes. A row held by another transaction is waited for as the rules say.
    #[allow(clippy::too_many_arguments, reason = "a row operation is told all of this by its statement")]
    pub async fn update(
        &mut self,
        desc: &TableDesc,
        snap: &Snapshot,
        rid: Rid,
        old: &[u8],
        vals: &[Datum<'_>],
        changes: &[KeyChange<'_>],
        key_changed: bool,
    ) -> Result<Changed> {
        self.ensure_xid().await?;
        let mark = self.cx().mark();
        match self.update_parts(desc, snap, rid, old, vals, changes, key_changed).await {
            Ok(Changed::Heap(TmResult::Ok)) => Ok(Changed::Heap(TmResult::Ok)),
            Ok(other) => {
                self.undo_to(mark).await?;
                Ok(other)
            }
            Err(e) => self.fail(mark, e).await,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "as for `update`")]
    async fn update_parts(
        &mut self,
        desc: &TableDesc,
        snap: &Snapshot,
        rid: Rid,
        old: &[u8],
        vals: &[Datum<'_>],
        changes: &[KeyChange<'_>],
        key_changed: bool,
    ) -> Result<Changed> {
        let mut row = Vec::new();
        if desc.layout.current().to_overflow(vals).is_empty() {
            desc.layout.current().encode(vals, &mut row)?;
        } else {
            let vals = write_overflow(self, desc, vals).await?;
            desc.layout.current().encode(&vals, &mut row)?;
        }
        let mut given_up = overflow_ptrs(&desc.layout, old)?;
        if !given_up.is_empty() {
            let kept = overflow_ptrs(&desc.layout, &row)?;
            given_up.retain(|p| !kept.contains(p));
        }
        let snap = Snapshot { xid: self.cx().xid, ..*snap };
        let (am, alone) = (desc.am()?, changes.is_empty() && given_up.is_empty());
        let done = self
            .change_row(|core, cx| am.update(core, cx, &snap, desc.rel, &desc.layout, rid, &row, key_changed, alone))
            .await?;
        if done != TmResult::Ok {
            return Ok(Changed::Heap(done));
        }
        for c in changes {
            let idx = desc.indexes.get(c.index).ok_or_else(no_index)?;
            let unique = c.new.is_some_and(|k| k.unique);
            let (gone, come) = am::changes(
                am::entries(idx, c.old.unwrap_or_default())?.filter(|_| c.old.is_some()),
                am::entries(idx, c.new.map_or(&[], |k| k.bytes))?.filter(|_| c.new.is_some()),
            );
            for key in gone {
                self.drive(|core, cx| idx.method.am()?.mark(core, cx, idx, key, rid, UndoFlags::NONE)).await?;
            }
            for bytes in come {
                let key = Key { bytes, unique };
                let done = self.drive(|core, cx| index_insert(core, cx, desc.rel, idx, key, rid, false)).await?;
                if let InsertResult::Duplicate { rid, leaf } = done {
                    return Ok(Changed::Duplicate(Duplicate { row: 0, index: c.index, rid, leaf }));
                }
            }
        }
        for ptr in given_up {
            self.drive(|core, cx| overflow::retire(core, cx, desc.rel, rid, ptr, false)).await?;
        }
        Ok(Changed::Heap(TmResult::Ok))
    }

    /// Deletes a row. `old` is the version the statement has read, `keys` its keys, one element per index.
    pub async fn delete(
        &mut self,
        desc: &TableDesc,
        snap: &Snapshot,
        rid: Rid,
        old: &[u8],
        keys: &[Option<&[u8]>],
    ) -> Result<TmResult> {
        self.remove(desc, snap, rid, old, keys, false).await
    }

    /// As [`Txn::delete`], of a row whose new version goes to another table: who waits for it learns that
    /// ([`Txn::was_moved`]).
    pub async fn move_away(
        &mut self,
        desc: &TableDesc,
        snap: &Snapshot,
        rid: Rid,
        old: &[u8],
        keys: &[Option<&[u8]>],
    ) -> Result<TmResult> {
        self.remove(desc, snap, rid, old, keys, true).await
    }

    async fn remove(
        &mut self,
        desc: &TableDesc,
        snap: &Snapshot,
        rid: Rid,
        old: &[u8],
        keys: &[Option<&[u8]>],
        moved: bool,
    ) -> Result<TmResult> {
        self.ensure_xid().await?;
        let mark = self.cx().mark();
        match self.delete_parts(desc, snap, rid, old, keys, moved).await {
            Ok(done) => Ok(done),
            Err(e) => self.fail(mark, e).await,
        }
    }

    async fn delete_parts(
        &mut self,
        desc: &TableDesc,
        snap: &Snapshot,
        rid: Rid,
        old: &[u8],
        keys: &[Option<&[u8]>],
        moved: bool,
    ) -> Result<TmResult> {
        let given_up = overflow_ptrs(&desc.layout, old)?;
        let mut entries: SmallVec<[(&IndexDesc, &[u8]); 8]> = SmallVec::new();
        for (idx, key) in desc.indexes.iter().zip(keys) {
            // Summaries of blocks stay as they are, and nothing of theirs is in the undo.
            let Some(key) = key.filter(|_| idx.method != am::Method::BRIN) else { continue };
            entries.extend(am::entries(idx, key)?.map(|key| (idx, key)));
        }
        let mut left = entries.len() + given_up.len();
        let snap = Snapshot { xid: self.cx().xid, ..*snap };
        let am = desc.am()?;
        let done = self.change_row(|core, cx| am.delete(core, cx, &snap, desc.rel, rid, moved, left == 0)).await?;
        if done != TmResult::Ok {
            return Ok(done);
        }
        for (idx, key) in entries {
            left -= 1;
            let flags = UndoFlags::last(left == 0);
            self.drive(|core, cx| idx.method.am()?.mark(core, cx, idx, key, rid, flags)).await?;
        }
        for ptr in given_up {
            left -= 1;
            self.drive(|core, cx| overflow::retire(core, cx, desc.rel, rid, ptr, left == 0)).await?;
        }
        Ok(TmResult::Ok)
    }

    /// Asks whether an operation that a duplicate key has stopped, and that will be reported as such, must fail with 40001
    /// instead: who has looked for the key before, found nothing and tries to insert it is to learn of the other
    /// transaction, not of its row.
    pub fn duplicate_is_conflict(&self, desc: &TableDesc, d: &Duplicate) -> Result<()> {
        let ssi = self.cx().ssi;
        match desc.indexes.get(d.index) {
            Some(idx) if ssi.is_some() => self.store().core.ssi.wrote_page(ssi, idx.rel, d.leaf),
            _ => Ok(()),
        }
    }

    /// Locks a row (SELECT … FOR UPDATE and its weaker kinds, foreign keys' KEY SHARE) until the end of the
    /// transaction. Answers as a change of the row would: a row that somebody changed after the snapshot is
    /// [`TmResult::Updated`], and the caller re-checks.
    pub async fn lock_row(&mut self, snap: &Snapshot, rel: Rel, rid: Rid, mode: RowLockMode) -> Result<TmResult> {
        let snap = Snapshot { xid: self.cx().xid, ..*snap };
        let (locks, owner) = (Arc::clone(self.store().locks()), Arc::clone(self.lock_owner()));
        self.change_row(|core, cx| {
            if rel.method.is_outside() {
                let register = || locks.try_acquire(&owner, LockTarget::Row { rel: rel.id, rid }, mode.into());
                return heap::lock(core, cx, &snap, rel, rid, mode, register);
            }
            let pid = PageId::new(rel.id, rid.block);
            let at = TxnWait { xid: Xid::NONE, page: pid, slot: rid.slot };
            let mut g = core.pool.read(pid, Access::Point)?;
            let mut seen = lockable(core, cx, &snap, &g, rid, mode, at)?;
            if seen == TmResult::Updated && mode == RowLockMode::KeyShare {
                drop(g);
                let kept = heap::key_kept(core, &snap, &mut cx.dep_lsn, rel, rid)?;
                g = core.pool.read(pid, Access::Point)?;
                seen = lockable(core, cx, &snap, &g, rid, mode, at)?;
                if let Some(newest) = kept
                    && seen == TmResult::Updated
                {
                    if page::ver(page::row(&g, page::slot(&g, rid.slot)?)?) != newest {
                        return Err(Wait::Restart);
                    }
                    seen = TmResult::Ok;
                }
            }
            if seen == TmResult::Ok {
                // Under the page's latch, so that no writer slips in between the look and the lock.
                locks.try_acquire(&owner, LockTarget::Row { rel: rel.id, rid }, mode.into())?;
            }
            Ok(seen)
        })
        .await
    }

    /// Runs a heap change, waiting for the row's holder unless the rules forbid it.
    async fn change_row(&mut self, mut op: impl FnMut(&Core, &mut TxnCx) -> Op<TmResult>) -> Result<TmResult> {
        let (locks, owner) = (Arc::clone(self.store().locks()), Arc::clone(self.lock_owner()));
        let block = self.rules.policy == WaitPolicy::Block;
        self.drive(|core, cx| match op(core, cx) {
            Ok(TmResult::BeingModified(w)) if block => Err(Wait::Txn(w)),
            Err(Wait::Lock(_)) if !block => {
                locks.give_up(&owner);
                let page = PageId::new(rustydb_base::RelId(0), 0);
                Ok(TmResult::BeingModified(TxnWait { xid: Xid::NONE, page, slot: 0 }))
            }
            other => other,
        })
        .await
    }

    /// Whether a row that is deleted has gone to another table.
    pub async fn was_moved(&mut self, rel: Rel, rid: Rid) -> Result<bool> {
        let mut buf = RowBuf::new();
        let found = self.drive(|core, _| heap::peek(core, rel, rid, &mut buf)).await?;
        let moved = page::flag::DELETED | page::flag::MOVED;
        Ok(found && page::flags(&buf) & moved == moved)
    }

    /// The version of a row that a snapshot sees, into `out`; false if there is none.
    pub async fn fetch(&mut self, snap: &Snapshot, rel: Rel, rid: Rid, out: &mut RowBuf) -> Result<bool> {
        self.drive(|core, cx| fetch(core, snap, &mut cx.dep_lsn, rel, rid, out)).await
    }

    /// Finds the row with a key in an index; see [`point_get`].
    pub async fn point_get(
        &mut self,
        snap: &Snapshot,
        rel: Rel,
        idx: &IndexDesc,
        key: &[u8],
        row: &mut RowBuf,
        mut recheck: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<Option<Rid>> {
        let mut rids = SmallVec::new();
        self.drive(|core, cx| point_get(core, snap, &mut cx.dep_lsn, rel, idx, key, &mut rids, row, &mut recheck)).await
    }

    /// Whether an index has more than one entry for a key, dead ones included. To be asked after one's own entry is in:
    /// of two transactions that enter the same key at once, at least one then learns of it. No read of the transaction's:
    /// as in every check of uniqueness, what is found becomes an error.
    pub async fn shares_key(&mut self, idx: &IndexDesc, key: &[u8]) -> Result<bool> {
        let mut rids = SmallVec::new();
        self.drive(|core, _| am::lookup(core, SxId::NONE, idx, key, &mut rids)).await?;
        Ok(rids.len() > 1)
    }

    /// Whether more than one row has a key now: own changes count, those of others are waited for.
    pub async fn key_is_shared(&mut self, rel: Rel, idx: &IndexDesc, key: &[u8]) -> Result<bool> {
        self.drive(|core, cx| {
            let (own, mut dep, mut buf) = (cx.xid, Lsn(0), RowBuf::new());
            let mut state = |other: Rid| newest_state(core, own, &mut dep, rel, other, &mut buf);
            let n = idx.method.am()?.holders(core, cx, idx, key, &mut state);
            cx.dep_lsn = cx.dep_lsn.max(dep);
            Ok(n? > 1)
        })
        .await
    }

    /// The newest version of a row, whoever wrote it, into `out`. No read of the transaction's.
    pub async fn newest(&mut self, rel: Rel, rid: Rid, out: &mut RowBuf) -> Result<Newest> {
        self.drive(|core, cx| {
            let mut dep = Lsn(0);
            let state = newest_state(core, cx.xid, &mut dep, rel, rid, out);
            cx.dep_lsn = cx.dep_lsn.max(dep);
            Ok(match state? {
                RowState::Gone => Newest::Gone,
                RowState::Live => Newest::Live,
                RowState::Busy(w) => Newest::Busy(w),
            })
        })
        .await
    }

    /// Waits until the transaction that a row is busy with has ended.
    pub async fn outlast(&mut self, w: TxnWait) -> Result<()> {
        let mut waited = false;
        self.drive(|_, _| {
            if std::mem::replace(&mut waited, true) {
                return Ok(());
            }
            Err(Wait::Txn(w))
        })
        .await
    }

    /// Rows that an index has an entry with a key for, dead ones included. No read of the transaction's.
    pub async fn entries(&mut self, idx: &IndexDesc, key: &[u8]) -> Result<Vec<Rid>> {
        let mut rids = SmallVec::new();
        self.drive(|core, _| am::lookup(core, SxId::NONE, idx, key, &mut rids)).await?;
        Ok(rids.to_vec())
    }

    /// Rows that an index has entries for that a search is about, dead ones included; `None`: the index does not help. No
    /// read of the transaction's.
    pub async fn gather(&mut self, idx: &IndexDesc, search: &Search) -> Result<Option<Vec<Rid>>> {
        let mut g = Gather::new(*idx, search, false);
        // No summary of blocks is that old: they would all be wanted.
        while !self.drive(|core, _| g.run(core, SxId::NONE, Scn(0))).await? {
            self.rules.interrupt.check()?;
        }
        Ok(match g.found() {
            Gathered::Rows(v) => Some(v),
            Gathered::Everything | Gathered::Blocks(_) => None,
        })
    }

    /// Addresses of a block's rows in any state, replacing `out`. No read of the transaction's.
    pub async fn addresses(&mut self, rel: Rel, block: BlockNo, out: &mut Vec<Rid>) -> Result<()> {
        self.drive(|core, _| {
            out.clear();
            heap::addresses(core, rel, block, out)
        })
        .await
    }

    /// Number of blocks of a table. No read of the transaction's.
    pub async fn blocks(&mut self, rel: Rel) -> Result<BlockNo> {
        self.drive(|core, _| core.space.nblocks(rel.id, &core.pool)).await
    }

    /// A column's value that is kept in the overflow file.
    pub async fn overflow_value(&mut self, rel: Rel, ptr: OvfPtr) -> Result<Vec<u8>> {
        let mut r = OvfReader::new(ptr)?;
        self.drive(|core, _| r.read(core, rel.overflow)).await
    }
}

/// Whether a snapshot's transaction may lock the version of a row it has read.
fn lockable(
    core: &Core,
    cx: &mut TxnCx,
    snap: &Snapshot,
    p: &crate::page::Page,
    rid: Rid,
    mode: RowLockMode,
    at: TxnWait,
) -> Op<TmResult> {
    p.expect_kind(PageKind::Heap)?;
    let slot = page::slot(p, rid.slot)?;
    if matches!(slot.state, page::SlotState::Free | page::SlotState::Body) {
        return Ok(TmResult::Deleted);
    }
    let row = page::row(p, slot)?;
    let (ver, flags) = (page::ver(row), page::flags(row));
    let deleted = flags & page::flag::DELETED != 0;
    let committed = if ver & VER_XID == 0 {
        Scn(ver)
    } else if ver == VER_XID | cx.xid.0 {
        return Ok(if deleted { TmResult::Deleted } else { TmResult::Ok });
    } else {
        let xid = Xid(ver & !VER_XID);
        match core.txns.resolve(xid, &mut cx.dep_lsn)? {
            TxnState::Committed(scn) => scn,
            TxnState::CommittedForAll => Scn(0),
            TxnState::Running | TxnState::Prepared | TxnState::Aborted => {
                // A writer that leaves the key alone does not disturb a KEY SHARE lock.
                let apart = mode == RowLockMode::KeyShare && flags & page::flag::KEY_CHANGED == 0 && !deleted;
                return Ok(if apart { TmResult::Ok } else { TmResult::BeingModified(TxnWait { xid, ..at }) });
            }
        }
    };
    Ok(match (deleted, committed > snap.scn) {
        (true, _) => TmResult::Deleted,
        (false, true) => TmResult::Updated,
        (false, false) => TmResult::Ok,
    })
}

fn no_index() -> rustydb_base::DbError {
    rustydb_base::DbError::internal("key change of an index the table does not have")
}

/// The version of a row that a snapshot sees, into `out`; false if there is none. `dep_lsn` rises to what the answer
/// depends on.
pub fn fetch(core: &Core, snap: &Snapshot, dep_lsn: &mut Lsn, rel: Rel, rid: Rid, out: &mut RowBuf) -> Op<bool> {
    let mut r = Reader::new(core, *snap);
    let found = r.fetch(rel, rid, out);
    *dep_lsn = (*dep_lsn).max(r.dep_lsn);
    found
}

/// Registers a serializable reader of a whole table; before it asks how many blocks there are, so that no row escapes
/// both its scan and the look of the row's writer.
pub fn read_whole(core: &Core, snap: &Snapshot, rel: Rel) -> Result<()> {
    if snap.ssi.is_some() { core.ssi.read_relation(snap.ssi, rel.id) } else { Ok(()) }
}

/// Finds the visible row with a key: index look-up, heap fetch, and the caller's check that the version found really
/// has the key (entries are candidates). For indexes where at most one visible row can have a key; answers the first.
#[allow(clippy::too_many_arguments, reason = "the hot path: everything is borrowed from the caller")]
pub fn point_get(
    core: &Core,
    snap: &Snapshot,
    dep_lsn: &mut Lsn,
    rel: Rel,
    idx: &IndexDesc,
    key: &[u8],
    rids: &mut SmallVec<[Rid; 4]>,
    row: &mut RowBuf,
    recheck: &mut dyn FnMut(&[u8]) -> Result<bool>,
) -> Op<Option<Rid>> {
    am::lookup(core, snap.ssi, idx, key, rids)?;
    core.check_kept_in(rel.id, snap)?;
    let mut r = Reader::new(core, *snap);
    let mut found = Ok(None);
    for rid in rids.iter() {
        match r.fetch(rel, *rid, row) {
            Ok(true) if recheck(row)? => {
                found = Ok(Some(*rid));
                break;
            }
            Ok(_) => {}
            Err(w) => {
                found = Err(w);
                break;
            }
        }
    }
    *dep_lsn = (*dep_lsn).max(r.dep_lsn);
    found
}
