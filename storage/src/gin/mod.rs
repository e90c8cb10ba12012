//! Inverted indexes: a row has an entry for each thing that can be looked for in it (GIN).
//!
//! # Idea
//! The entries lie in a B+tree like any others: (column and key, RID). What the keys of a value are is the engine's business
//! (array elements, lexemes, members of documents); here a row has a list of them ([`crate::am::push_entry`]). So inserting,
//! marking, undo, purge, redo and the check are those of [`crate::btree`], entry by entry, and an update touches only the
//! entries that one of the two versions does not have. Serializable readers are known by the key, or by the leaves of a range;
//! an insertion looks for both. Queries combine ranges of keys ([`crate::am::Gather`]).
//!
//! # Left out
//! Posting lists: a key that many rows have is stored with each (the tree shares what neighbours begin with, not the key as a
//! whole). The list of pending entries that PostgreSQL puts before its tree: an insertion goes to the tree at once.

use crate::am::{
    Cursor, Direction, Edge, IndexAm, IndexBuilder, IndexCaps, IndexCheck, IndexDesc, InsertResult, RowState, RunEntry,
    Unique,
};
use crate::btree::{Btree, MAX_KEY};
use crate::buf::Access;
use crate::core::Core;
use crate::page::{Page, PageKind};
use crate::ssi::SxId;
use crate::txn::TxnCx;
use crate::undo::UndoFlags;
use crate::wait::Op;
use rustydb_base::{BlockNo, DbError, RelId, Result, Rid, Scn, Xid};
use smallvec::SmallVec;

/// The "page" under which a serializable reader of one key is known: no file has that many pages. Finer than the leaf, which
/// neighbouring keys share, and nothing that a split would have to move.
pub(crate) fn predicate(key: &[u8]) -> BlockNo {
    1 << 31 | (xxhash_rust::xxh3::xxh3_64(key) >> 33) as BlockNo
}

/// The method [`Method::GIN`](crate::am::Method::GIN).
pub struct Gin;

impl IndexAm for Gin {
    fn name(&self) -> &'static str {
        "gin"
    }

    fn caps(&self) -> IndexCaps {
        IndexCaps { ordered: false, unique: false, multicolumn: true, several: true, longest_key: Some(MAX_KEY) }
    }

    fn page_kind(&self) -> PageKind {
        Btree.page_kind()
    }

    fn create(&self, core: &Core, rel: RelId, xid: Xid) -> Op<()> {
        Btree.create(core, rel, xid)
    }

    fn insert(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        key: &[u8],
        rid: Rid,
        unique: Unique<'_>,
        flags: UndoFlags,
    ) -> Op<InsertResult> {
        if matches!(unique, Unique::Check(_)) {
            return Err(DbError::internal("inverted indexes are not unique").into());
        }
        Btree.insert(core, txn, idx, key, rid, unique, flags)
    }

    fn insert_run(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        entries: &[RunEntry<'_>],
        row_state: &mut dyn FnMut(Rid) -> Op<RowState>,
    ) -> Op<(usize, InsertResult)> {
        Btree.insert_run(core, txn, idx, entries, row_state)
    }

    fn enter(&self, core: &Core, xid: Xid, idx: &IndexDesc, key: &[u8], rid: Rid) -> Op<()> {
        Btree.enter(core, xid, idx, key, rid)
    }

    fn mark(&self, core: &Core, txn: &mut TxnCx, idx: &IndexDesc, key: &[u8], rid: Rid, flags: UndoFlags) -> Op<()> {
        Btree.mark(core, txn, idx, key, rid, flags)
    }

    fn lookup(&self, core: &Core, reader: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
        Btree.lookup(core, reader, idx, key, out)
    }

    fn scan(
        &self,
        idx: IndexDesc,
        low: Edge,
        high: Edge,
        direction: Direction,
        access: Access,
        with_keys: bool,
    ) -> Cursor {
        Btree.scan(idx, low, high, direction, access, with_keys)
    }

    fn build(&self, idx: IndexDesc, xid: Xid) -> Box<dyn IndexBuilder> {
        Btree.build(idx, xid)
    }

    fn undo_insert(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid, replaced: Option<Xid>) -> Op<()> {
        Btree.undo_insert(core, xid, rel, key, rid, replaced)
    }

    fn undo_mark(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
        Btree.undo_mark(core, xid, rel, key, rid)
    }

    fn purge(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid, xid: Xid, horizon: Scn) -> Op<()> {
        Btree.purge(core, rel, key, rid, xid, horizon)
    }

    fn exists(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<bool>> {
        Btree.exists(core, rel, key, rid)
    }

    fn redo(&self, page: &mut Page, op: u8, payload: &[u8]) -> Result<()> {
        Btree.redo(page, op, payload)
    }

    fn check(&self, idx: IndexDesc) -> Box<dyn IndexCheck> {
        Btree.check(idx)
    }
}
