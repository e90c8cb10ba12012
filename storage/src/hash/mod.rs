//! Hash indexes: linear hashing on pages.
//!
//! # Idea
//! A key's 64-bit hash ([`code_of`]) chooses a *bucket*: a page, with a chain of further pages while it holds more than fits.
//! The index grows by one bucket at a time, in order: bucket `n` takes from its *buddy* (`n` without its highest bit) the
//! entries whose hash has that bit set, so the directory is an array that only grows and no entry but the buddy's moves.
//! An entry is the hash, the RID and the marker's Xid, 22 bytes whatever the key: equal hashes are candidates like everything
//! an index answers, the row decides. So keys have no longest length, and undo and redo carry eight bytes of them.
//!
//! ```text
//! block 0  space map
//! block 1  meta: version u32, buckets u32, chained u32, source u32, block of each of the first buckets, directory blocks
//!          directory page: blocks of further buckets
//!          bucket page (and pages chained to it by `next`): entries, in order of (hash, RID); bucket number in `reserved`
//! ```
//!
//! # Invariants
//! 1. The page of a bucket is found through the meta page and latched before the meta page is let go; whoever changes
//!    anything in a bucket or its chain has its first page latched exclusively. Order: meta, directory, buckets by number,
//!    chain, undo, space map.
//! 2. An entry is in the chain of its bucket. Only while a bucket is being filled (`source` is not 0 and it is the last one)
//!    an entry may still be its buddy's: readers look at the buddy first and then at it, holding both; writers finish the
//!    move before they touch it.
//! 3. A split is several mini-transactions: one makes the bucket, each further one empties one page of the buddy's chain. A
//!    crash in between leaves the state of invariant 2, and the next writer goes on. So one mini-transaction has a bounded
//!    number of pages however long a chain of equal keys has become.
//! 4. `chained` counts pages that are not the first of their bucket. A bucket is added when a page is chained and there are
//!    more than half as many of these as buckets: equal keys, which no split can part, grow the directory no further than that.
//! 5. A serializable reader's predicate is the key's hash ([`predicate`]), registered and looked for under the latch of the
//!    bucket: finer than the page, and nothing that a split would have to move.
//!
//! # Left out
//! Buckets are not taken back (REINDEX does it); no uniqueness, no order, one key column. An insertion walks the chain of its
//! bucket for room, and every operation begins the walk anew after a wait: a chain of equal keys that is longer than the pool
//! could not be walked to its end.

mod change;
mod grow;
mod locate;
pub(crate) mod page;
mod scan;
#[cfg(test)]
mod tests;
mod verify;

pub use scan::lookup;

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
use rustydb_base::{BlockNo, DbError, RelId, Result, Rid, Scn, Xid};
use smallvec::SmallVec;
use std::borrow::Cow;

/// The hash of a key. Part of the format: the meta page's version names it.
pub fn code_of(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

/// The "page" under which a serializable reader of a hash is known.
fn predicate(code: u64) -> BlockNo {
    (code >> 32) as BlockNo
}

/// The hash as undo records keep it.
fn stored_code(key: &[u8]) -> Result<u64> {
    Ok(u64::from_be_bytes(key.try_into().map_err(|_| DbError::corrupt("hash index undo without a hash"))?))
}

/// The method [`Method::HASH`](crate::am::Method::HASH).
pub struct Hash;

impl IndexAm for Hash {
    fn name(&self) -> &'static str {
        "hash"
    }

    fn caps(&self) -> IndexCaps {
        IndexCaps { ordered: false, unique: false, multicolumn: false, several: false, longest_key: None }
    }

    fn page_kind(&self) -> PageKind {
        PageKind::Hash
    }

    fn create(&self, core: &Core, rel: RelId, xid: Xid) -> Op<()> {
        grow::create(core, rel, xid)
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
            return Err(DbError::internal("hash indexes are not unique").into());
        }
        change::insert(core, txn, idx, code_of(key), rid, flags)
    }

    fn enter(&self, core: &Core, xid: Xid, idx: &IndexDesc, key: &[u8], rid: Rid) -> Op<()> {
        change::enter(core, xid, idx.rel, code_of(key), rid)
    }

    fn mark(&self, core: &Core, txn: &mut TxnCx, idx: &IndexDesc, key: &[u8], rid: Rid, flags: UndoFlags) -> Op<()> {
        change::mark(core, txn, idx, code_of(key), rid, flags)
    }

    fn lookup(&self, core: &Core, reader: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
        scan::lookup(core, reader, idx, key, out)
    }

    fn scan(&self, idx: IndexDesc, low: Edge, high: Edge, _: Direction, access: Access, _: bool) -> Cursor {
        Cursor::new(Box::new(scan::HashScan::new(idx, low, high, access)))
    }

    fn stored_key<'k>(&self, key: &'k [u8]) -> Cow<'k, [u8]> {
        Cow::Owned(code_of(key).to_be_bytes().to_vec())
    }

    fn build(&self, idx: IndexDesc, xid: Xid) -> Box<dyn IndexBuilder> {
        Box::new(Builder { idx, xid })
    }

    fn undo_insert(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid, replaced: Option<Xid>) -> Op<()> {
        change::undo_insert(core, xid, rel, stored_code(key)?, rid, replaced)
    }

    fn undo_mark(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
        change::undo_mark(core, xid, rel, stored_code(key)?, rid)
    }

    fn purge(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid, xid: Xid, horizon: Scn) -> Op<()> {
        change::purge(core, rel, stored_code(key)?, rid, xid, horizon)
    }

    fn exists(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<bool>> {
        change::exists(core, rel, code_of(key), rid)
    }

    fn redo(&self, page: &mut Page, op: u8, payload: &[u8]) -> Result<()> {
        page::apply(page, op, payload)
    }

    fn check(&self, idx: IndexDesc) -> Box<dyn IndexCheck> {
        Box::new(verify::Verifier::new(idx.rel))
    }
}

/// A build is one insertion after the other: there is no order by which it could write a page once.
struct Builder {
    idx: IndexDesc,
    xid: Xid,
}

impl IndexBuilder for Builder {
    fn push(&mut self, core: &Core, key: &[u8], rid: Rid) -> Op<()> {
        change::enter(core, self.xid, self.idx.rel, code_of(key), rid)
    }

    fn finish(&mut self, _: &Core) -> Op<()> {
        Ok(())
    }
}
