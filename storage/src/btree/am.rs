//! B+trees as an index method.

use super::{BulkBuilder, MAX_KEY, TreeScan, Verifier, redo};
use crate::am::{
    Cursor, Direction, Edge, IndexAm, IndexBuilder, IndexCaps, IndexCheck, IndexDesc, IndexReport, InsertResult,
    RowState, RunEntry, Unique,
};
use crate::buf::Access;
use crate::core::Core;
use crate::page::{Page, PageKind};
use crate::ssi::SxId;
use crate::txn::TxnCx;
use crate::undo::UndoFlags;
use crate::wait::Op;
use rustydb_base::{BlockNo, RelId, Result, Rid, Scn, Xid};
use smallvec::SmallVec;

/// The method [`Method::BTREE`](crate::am::Method::BTREE).
pub struct Btree;

impl IndexAm for Btree {
    fn name(&self) -> &'static str {
        "btree"
    }

    fn caps(&self) -> IndexCaps {
        IndexCaps { ordered: true, unique: true, multicolumn: true, several: false, longest_key: Some(MAX_KEY) }
    }

    fn page_kind(&self) -> PageKind {
        PageKind::Btree
    }

    fn create(&self, core: &Core, rel: RelId, xid: Xid) -> Op<()> {
        super::create(core, rel, xid)
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
        super::insert(core, txn, idx, key, rid, unique, flags)
    }

    fn insert_run(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        entries: &[RunEntry<'_>],
        row_state: &mut dyn FnMut(Rid) -> Op<RowState>,
    ) -> Op<(usize, InsertResult)> {
        super::insert_run(core, txn, idx, entries, row_state)
    }

    fn enter(&self, core: &Core, xid: Xid, idx: &IndexDesc, key: &[u8], rid: Rid) -> Op<()> {
        super::enter(core, xid, idx, key, rid)
    }

    fn mark(&self, core: &Core, txn: &mut TxnCx, idx: &IndexDesc, key: &[u8], rid: Rid, flags: UndoFlags) -> Op<()> {
        super::mark(core, txn, idx, key, rid, flags)
    }

    fn lookup(&self, core: &Core, reader: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
        super::lookup(core, reader, idx, key, out)
    }

    fn holders(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        key: &[u8],
        row_state: &mut dyn FnMut(Rid) -> Op<RowState>,
    ) -> Op<usize> {
        super::holders(core, txn, idx, key, row_state)
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
        Cursor::tree(TreeScan::new(idx, low, high, direction, access, with_keys))
    }

    fn build(&self, idx: IndexDesc, xid: Xid) -> Box<dyn IndexBuilder> {
        Box::new(BulkBuilder::new(idx.rel, xid))
    }

    fn undo_insert(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid, replaced: Option<Xid>) -> Op<()> {
        super::undo_insert(core, xid, rel, key, rid, replaced)
    }

    fn undo_mark(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
        super::undo_mark(core, xid, rel, key, rid)
    }

    fn purge(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid, xid: Xid, horizon: Scn) -> Op<()> {
        super::purge_remove(core, rel, key, rid, xid, horizon)
    }

    fn exists(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<bool>> {
        super::exists(core, rel, key, rid)
    }

    fn redo(&self, page: &mut Page, op: u8, payload: &[u8]) -> Result<()> {
        redo::apply(page, op, payload)
    }

    fn check(&self, idx: IndexDesc) -> Box<dyn IndexCheck> {
        Box::new(Verifier::new(idx))
    }
}

impl IndexBuilder for BulkBuilder {
    fn push(&mut self, core: &Core, key: &[u8], rid: Rid) -> Op<()> {
        BulkBuilder::push(self, core, key, rid)
    }

    fn finish(&mut self, core: &Core) -> Op<()> {
        BulkBuilder::finish(self, core).map(drop)
    }
}

impl IndexCheck for Verifier {
    fn run(&mut self, core: &Core) -> Op<IndexReport> {
        let r = Verifier::run(self, &core.pool)?;
        Ok(IndexReport { pages: r.leaves + r.inner, entries: r.entries, marked: r.marked })
    }

    fn block(&self) -> BlockNo {
        Verifier::block(self)
    }
}
