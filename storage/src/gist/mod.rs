//! Generalised search trees: indexes of values that have no order but can be bounded (GiST).
//!
//! # Idea
//! A leaf entry is a row's key; an inner entry is a child and a *bound* of all that is below it. What a bound is, whether it
//! covers another, how two are united and which belong together, [`Keys`] knows, which another crate gives ([`register`]);
//! the tree sees byte strings. Keys say of themselves what they are, so that rollback, purge and the checks need no catalog. Queries
//! ask a [`Question`] of bounds and keys; what it does not rule out is a candidate, and the row decides.
//!
//! # Invariants
//! 1. The bound of an inner entry covers every bound or key in its child. An insertion widens the bounds on its way first,
//!    from the root down, each in a mini-transaction of its own: a crash leaves bounds that are wider than need be.
//! 2. Latches are taken top→down, nodes left→right. The root is always [`ROOT_BLOCK`](page::ROOT_BLOCK); if it is full its
//!    content goes to a new only child.
//! 3. A split is one mini-transaction over the parent, the node and the new one, parents being split first. It puts the
//!    parent's count of splits, increased, on the node, and chains the new node to it. So a scan, which holds no latch from one node to
//!    the next, sees that a child was split after it had read the parent's count, and goes on to the new one.
//! 4. Nodes are never freed: what a scan has noted down to visit is there when it comes. A node that purge empties gets a bound
//!    that covers nothing, and is filled again before one near it is split.
//! 5. An entry (key, RID) is in the tree at most once, marked or not. It is looked for in every node whose bound covers it,
//!    under the latches of all nodes above. While an index is filled beside its writers these agree by the latch of a
//!    page of its own ([`GATE_BLOCK`](page::GATE_BLOCK)); later only the holder of a row changes its entries.
//! 6. A serializable reader is registered at every node it reads. A split copies that to the new node, the widening
//!    of a bound to its child; so an insertion that looks at its leaf meets whoever did not look there because of the bound.
//!
//! # Left out
//! Uniqueness, order. Files do not get smaller (REINDEX). A build is one insertion after the other.

mod change;
mod interval;
mod page;
mod scan;
mod split;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use interval::Intervals;
pub(crate) use page::apply;
pub(crate) use scan::TreeScan;
pub use scan::{Found, Nearest};
pub(crate) use tree::{covers, unite};

use crate::am::{
    Cursor, Direction, Edge, IndexAm, IndexBuilder, IndexCaps, IndexCheck, IndexDesc, InsertResult, Unique,
};
use crate::buf::Access;
use crate::core::Core;
use crate::page::{Page, PageKind};
use crate::ssi::SxId;
use crate::txn::TxnCx;
use crate::undo::UndoFlags;
use crate::wait::Op;
use rustydb_base::{DbError, RelId, Result, Rid, Scn, Xid};
use smallvec::SmallVec;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Longest key and longest bound in bytes: three entries fit a page, so that any node can be split.
pub const MAX_KEY: usize = 2000;

/// What the tree must know of keys and bounds. All of it is a pure function of the bytes, which any version to come
/// must answer in the same way; bytes that make no sense may be answered anyhow. No bound is longer than [`MAX_KEY`].
pub trait Keys: Send + Sync {
    /// The bound of one key.
    fn bound(&self, key: &[u8]) -> Vec<u8>;
    /// Whether all that `part` bounds is within `whole`.
    fn covers(&self, whole: &[u8], part: &[u8]) -> bool;
    /// A bound that covers both.
    fn unite(&self, a: &[u8], b: &[u8]) -> Vec<u8>;
    /// How much worse a bound gets if it is to cover another as well.
    fn penalty(&self, bound: &[u8], more: &[u8]) -> f64;
    /// The positions of bounds in an order in which such as belong together are neighbours: a full node is cut somewhere in the
    /// middle of it.
    fn order(&self, bounds: &[&[u8]]) -> Vec<usize>;
}

static KEYS: OnceLock<&'static dyn Keys> = OnceLock::new();

/// Says what keys are, for the life of the process, before a store with such indexes is opened.
pub fn register(keys: &'static dyn Keys) -> Result<()> {
    KEYS.set(keys).map_err(|_| DbError::internal("the keys of search trees are known already"))
}

pub(crate) fn keys() -> Result<&'static dyn Keys> {
    KEYS.get().copied().ok_or_else(|| DbError::internal("nobody has said what the keys of search trees are"))
}

/// What a query wants to know.
pub trait Question: Send + Sync {
    /// Whether an entry may be wanted: the row of a leaf's key, or one below an inner entry's bound.
    fn may(&self, key: &[u8], leaf: bool) -> bool;
    /// No row of the entry is nearer than this to what the query measures from. Infinite for what comes last.
    fn distance(&self, _key: &[u8], _leaf: bool) -> f64 {
        0.0
    }
}

/// A question that is part of a search.
#[derive(Clone)]
pub struct Asked(pub Arc<dyn Question>);

impl PartialEq for Asked {
    fn eq(&self, other: &Asked) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Asked {}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

/// The method [`Method::GIST`](crate::am::Method::GIST).
pub struct Gist;

impl IndexAm for Gist {
    fn name(&self) -> &'static str {
        "gist"
    }

    fn caps(&self) -> IndexCaps {
        IndexCaps { ordered: false, unique: false, multicolumn: true, several: false, longest_key: Some(MAX_KEY) }
    }

    fn page_kind(&self) -> PageKind {
        PageKind::Gist
    }

    fn create(&self, core: &Core, rel: RelId, xid: Xid) -> Op<()> {
        split::create(core, rel, xid)
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
            return Err(DbError::internal("search trees are not unique").into());
        }
        change::insert(core, txn, idx, key, rid, flags)
    }

    fn enter(&self, core: &Core, xid: Xid, idx: &IndexDesc, key: &[u8], rid: Rid) -> Op<()> {
        change::enter(core, xid, idx.rel, key, rid)
    }

    fn mark(&self, core: &Core, txn: &mut TxnCx, idx: &IndexDesc, key: &[u8], rid: Rid, flags: UndoFlags) -> Op<()> {
        change::mark(core, txn, idx, key, rid, flags)
    }

    fn lookup(&self, core: &Core, reader: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
        out.clear();
        tree::rows(core, reader, idx.rel, key, out)
    }

    fn scan(&self, idx: IndexDesc, low: Edge, high: Edge, _: Direction, access: Access, _: bool) -> Cursor {
        Cursor::new(Box::new(TreeScan::between(idx, low, high, access)))
    }

    fn build(&self, idx: IndexDesc, xid: Xid) -> Box<dyn IndexBuilder> {
        Box::new(Builder { idx, xid })
    }

    fn undo_insert(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid, replaced: Option<Xid>) -> Op<()> {
        change::undo_insert(core, xid, rel, key, rid, replaced)
    }

    fn undo_mark(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
        change::undo_mark(core, xid, rel, key, rid)
    }

    fn purge(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid, xid: Xid, horizon: Scn) -> Op<()> {
        change::purge(core, rel, key, rid, xid, horizon)
    }

    fn exists(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<bool>> {
        change::exists(core, rel, key, rid)
    }

    fn redo(&self, page: &mut Page, op: u8, payload: &[u8]) -> Result<()> {
        apply(page, op, payload)
    }

    fn check(&self, idx: IndexDesc) -> Box<dyn IndexCheck> {
        Box::new(verify::Verifier::new(idx.rel))
    }
}

struct Builder {
    idx: IndexDesc,
    xid: Xid,
}

impl IndexBuilder for Builder {
    fn push(&mut self, core: &Core, key: &[u8], rid: Rid) -> Op<()> {
        change::add(core, self.xid, self.idx.rel, key, rid)
    }

    fn finish(&mut self, _: &Core) -> Op<()> {
        Ok(())
    }
}
