//! Block range indexes (BRIN): a summary of what the rows of every so many pages of a table hold.
//!
//! # Idea
//! A *range* is `pages_per_range` neighbouring blocks of the table, counted as users see blocks (map pages left out); a row is in
//! the range of the block that its address names, wherever its content is. The *summary* of a range is a bound of its rows'
//! keys in the sense of [`crate::gist::Keys`], which unites bounds and says whether one covers a key. A question is put to all
//! summaries; the blocks of ranges that none rules out are read, and each row is tested again.
//!
//! # Invariants
//! 1. A summary covers the keys of all versions of its range's rows that a snapshot from its SCN (`since`) on may see. Older
//!    snapshots read the range whatever the summary says. So does everybody where there is no summary, or one that is still
//!    being made.
//! 2. A writer who has put a version into the table widens the range's summary, if there is one, before it commits; that is
//!    nobody's undo: summaries only get wider, and deletions and rollbacks leave them.
//! 3. A summary of a range that others write is made in three steps: an empty one is begun, which writers widen from then on; all
//!    versions that a snapshot may see are read, from each row's newest one (whoever wrote it) back to the one that was
//!    committed when the reading began; what they come to is united with what writers have put there. A version is there to
//!    be read, or its writer meets the begun summary.
//! 4. Whoever changes summaries has the root latched exclusively (`change.rs`); every change is one mini-transaction.
//! 5. A serializable reader is registered as a reader of the whole table.
//!
//! # Bounds
//! A summary has at most [`MAX_SUMMARY`] bytes. The way to it leads through a tree of fixed depth (root, directory, map), which has
//! room for more ranges than a table can have blocks. The answer to a question has at most a million pieces.
//!
//! # Left out
//! Making summaries of new ranges as rows come (`autosummarize`): that is the engine's to ask for. Pages are never freed;
//! what a summary that has moved leaves is filled by others of its page, or by new ones while the page is one of the
//! youngest.

mod change;
mod page;
mod scan;
#[cfg(test)]
mod tests;
mod verify;

pub use page::MAX_SUMMARY;
pub(crate) use page::apply;
pub(crate) use scan::RangeScan;

use crate::am::{
    Cursor, Direction, Edge, IndexAm, IndexBuilder, IndexCaps, IndexCheck, IndexDesc, InsertResult, RowState, RunEntry,
    Unique,
};
use crate::buf::Access;
use crate::core::Core;
use crate::gist::{keys, unite};
use crate::page::{Page, PageKind};
use crate::space::{block_shown, shown_block};
use crate::ssi::SxId;
use crate::txn::TxnCx;
use crate::undo::UndoFlags;
use crate::wait::Op;
use rustydb_base::{BlockNo, DbError, RelId, Result, Rid, Scn, Xid};
use smallvec::SmallVec;
use std::ops::Range;

/// Pages per range of an index for which nothing was said.
pub const PAGES_PER_RANGE: u32 = 128;

/// The range of a block.
pub fn range_of(block: BlockNo, per_range: u32) -> u32 {
    shown_block(block) / per_range.max(1)
}

/// The blocks of a range, map pages between them included.
pub fn blocks_of(range: u32, per_range: u32) -> Range<BlockNo> {
    let at = |n: u32| n.checked_mul(per_range).and_then(block_shown).unwrap_or(BlockNo::MAX);
    at(range)..range.checked_add(1).map_or(BlockNo::MAX, at)
}

/// The method [`Method::BRIN`](crate::am::Method::BRIN).
pub struct Brin;

/// Says how many pages a range of a new index has, before anything is in it.
pub fn set_up(core: &Core, xid: Xid, rel: RelId, per_range: u32) -> Op<()> {
    change::set_up(core, xid, rel, per_range)
}

/// How many pages a range of an index has.
pub fn pages_per_range(core: &Core, rel: RelId) -> Op<u32> {
    Ok(page::pages_per_range(&*core.pool.read(page::pid(rel, page::ROOT_BLOCK), Access::Point)?)?)
}

/// Whether a range has a summary that is complete.
pub fn is_summarised(core: &Core, rel: RelId, range: u32) -> Op<bool> {
    change::look(core, rel, range, |s| Ok(s.is_some_and(|s| !s.begun)))
}

/// Whether a row's keys are within the summary of its range, if that has one.
pub fn covers(core: &Core, rel: RelId, rid: Rid, row: &[u8]) -> Op<bool> {
    let range = range_of(rid.block, pages_per_range(core, rel)?);
    let keys = keys()?;
    let key = keys.bound(row);
    change::look(core, rel, range, |s| Ok(s.is_none_or(|s| s.begun || crate::gist::covers(keys, s.bytes, &key))))
}

/// Begins the summary of a range: from now on writers put into it what they write. `false` if the range has one already.
pub fn begin(core: &Core, xid: Xid, rel: RelId, range: u32) -> Op<bool> {
    change::begin(core, xid, rel, range)
}

/// Completes the summary of a range by what its rows have come to ([`Sum`]); it is then right for snapshots from `since` on.
pub fn complete(core: &Core, xid: Xid, rel: RelId, range: u32, rows: &Sum, since: Scn) -> Op<()> {
    change::complete(core, xid, rel, range, &rows.bytes()?, since)
}

/// Takes the summary of a range away. Answers whether there was one.
pub fn remove(core: &Core, xid: Xid, rel: RelId, range: u32) -> Op<bool> {
    change::remove(core, xid, rel, range)
}

/// What rows come to together.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sum {
    whole: Vec<u8>,
    /// Some rows that are still to become part of the whole: bounds that are large are not united for each row.
    part: Vec<u8>,
    rows: usize,
}

/// Rows that are united by themselves first.
const FEW: usize = 16;

impl Sum {
    /// Adds a row's keys.
    pub fn add(&mut self, row: &[u8]) -> Result<()> {
        let keys = keys()?;
        let key = keys.bound(row);
        if crate::gist::covers(keys, &self.whole, &key) {
            return Ok(());
        }
        self.part = unite(keys, &self.part, &key);
        self.rows += 1;
        if self.rows >= FEW {
            self.whole = self.bytes()?;
            (self.part, self.rows) = (Vec::new(), 0);
        }
        Ok(())
    }

    /// The bound of all rows; nothing if there were none.
    fn bytes(&self) -> Result<Vec<u8>> {
        Ok(unite(keys()?, &self.whole, &self.part))
    }
}

impl IndexAm for Brin {
    fn name(&self) -> &'static str {
        "brin"
    }

    fn caps(&self) -> IndexCaps {
        IndexCaps { ordered: false, unique: false, multicolumn: true, several: false, longest_key: None }
    }

    fn page_kind(&self) -> PageKind {
        PageKind::Brin
    }

    fn create(&self, core: &Core, rel: RelId, xid: Xid) -> Op<()> {
        change::create(core, rel, xid)
    }

    fn insert(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        key: &[u8],
        rid: Rid,
        unique: Unique<'_>,
        _: UndoFlags,
    ) -> Op<InsertResult> {
        if matches!(unique, Unique::Check(_)) {
            return Err(DbError::internal("block range indexes are not unique").into());
        }
        change::widen(core, txn.xid, idx.rel, rid, key)?;
        Ok(InsertResult::Done)
    }

    fn insert_run(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        entries: &[RunEntry<'_>],
        _: &mut dyn FnMut(Rid) -> Op<RowState>,
    ) -> Op<(usize, InsertResult)> {
        // They are of one page of the table, or at least those at the beginning are.
        let Some(first) = entries.first() else { return Ok((0, InsertResult::Done)) };
        let n = entries.iter().take_while(|e| e.rid.block == first.rid.block).count();
        let mut sum = Sum::default();
        entries.iter().take(n).try_for_each(|e| sum.add(e.key))?;
        change::widen_by(core, txn.xid, idx.rel, first.rid, &sum.bytes()?)?;
        Ok((n, InsertResult::Done))
    }

    fn enter(&self, core: &Core, xid: Xid, idx: &IndexDesc, key: &[u8], rid: Rid) -> Op<()> {
        change::widen(core, xid, idx.rel, rid, key)
    }

    fn mark(&self, _: &Core, _: &mut TxnCx, _: &IndexDesc, _: &[u8], _: Rid, _: UndoFlags) -> Op<()> {
        Ok(())
    }

    fn lookup(&self, _: &Core, _: SxId, _: &IndexDesc, _: &[u8], _: &mut SmallVec<[Rid; 4]>) -> Op<()> {
        Err(no_entries())
    }

    fn scan(&self, _: IndexDesc, _: Edge, _: Edge, _: Direction, _: Access, _: bool) -> Cursor {
        Cursor::new(Box::new(NoEntries))
    }

    fn build(&self, idx: IndexDesc, xid: Xid) -> Box<dyn IndexBuilder> {
        Box::new(Builder { idx, xid })
    }

    fn undo_insert(&self, _: &Core, _: Xid, _: RelId, _: &[u8], _: Rid, _: Option<Xid>) -> Op<()> {
        Ok(())
    }

    fn undo_mark(&self, _: &Core, _: Xid, _: RelId, _: &[u8], _: Rid) -> Op<()> {
        Ok(())
    }

    fn purge(&self, _: &Core, _: RelId, _: &[u8], _: Rid, _: Xid, _: Scn) -> Op<()> {
        Ok(())
    }

    fn exists(&self, _: &Core, _: RelId, _: &[u8], _: Rid) -> Op<Option<bool>> {
        Err(no_entries())
    }

    fn redo(&self, page: &mut Page, op: u8, payload: &[u8]) -> Result<()> {
        apply(page, op, payload)
    }

    fn check(&self, idx: IndexDesc) -> Box<dyn IndexCheck> {
        Box::new(verify::Verifier::new(idx.rel))
    }
}

fn no_entries() -> crate::wait::Wait {
    DbError::internal("a block range index has no entries of rows").into()
}

struct NoEntries;

impl crate::am::IndexScan for NoEntries {
    fn next_batch(&mut self, _: &Core, _: SxId, _: &mut crate::am::Batch) -> Op<bool> {
        Err(no_entries())
    }

    fn rewind(&mut self, _: Edge, _: Edge) {}
}

/// Summaries are made range by range ([`complete`]), not from sorted keys; what comes nevertheless widens those there are.
struct Builder {
    idx: IndexDesc,
    xid: Xid,
}

impl IndexBuilder for Builder {
    fn push(&mut self, core: &Core, key: &[u8], rid: Rid) -> Op<()> {
        change::widen(core, self.xid, self.idx.rel, rid, key)
    }

    fn finish(&mut self, _: &Core) -> Op<()> {
        Ok(())
    }
}
