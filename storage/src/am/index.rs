//! The trait of index methods, and what all of them speak in.

use super::{Cursor, Edge, Method};
use crate::am::Direction;
use crate::buf::Access;
use crate::core::Core;
use crate::mtr::Mtr;
use crate::page::{Page, PageKind};
use crate::ssi::SxId;
use crate::txn::TxnCx;
use crate::undo::{UndoFlags, UndoHead, UndoRec, UndoSlot, UndoType};
use crate::wait::{Op, TxnWait};
use rustydb_base::{BlockNo, DbError, RelId, Result, Rid, Scn, Xid};
use smallvec::SmallVec;
use std::borrow::Cow;

/// What an index method can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexCaps {
    /// Entries come in key order, and ranges can be asked for.
    pub ordered: bool,
    /// Can see to it that no two live rows have the same key.
    pub unique: bool,
    /// Takes keys of several columns, of which the leading ones alone may be asked for.
    pub multicolumn: bool,
    /// A row has any number of entries; what is given as its key is the list of theirs ([`super::push_entry`]).
    pub several: bool,
    /// Longest key in bytes, if there is a longest one.
    pub longest_key: Option<usize>,
}

/// The facts of an index its operations need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexDesc {
    /// The index file.
    pub rel: RelId,
    /// The table whose rows the entries name.
    pub heap: RelId,
    /// Every row has its entry. Not so while an index is filled beside its writers: a row that one of them changes may
    /// have none yet, and gets it first ([`IndexAm::enter`]).
    pub complete: bool,
    /// How it is stored.
    pub method: Method,
}

/// What the newest version of a row says about an unmarked entry that names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowState {
    /// Committed (or written by the asking transaction) and not deleted.
    Live,
    /// Not there: deleted, or its insertion was undone.
    Gone,
    /// Another running transaction wrote it last.
    Busy(TxnWait),
}

/// What keeps two rows from having the same key.
pub enum Unique<'j> {
    /// Nothing: the index is not unique, or the key contains NULLs where these are distinct.
    No,
    /// No other live row may have the key. The function answers the state of a row's newest version. It is called with
    /// index latches held, so it may latch heap, undo and status pages but no index pages; a wait it returns is passed on
    /// after all latches are gone.
    Check(&'j mut dyn FnMut(Rid) -> Op<RowState>),
}

/// How an insertion ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InsertResult {
    /// The entry is there.
    Done,
    /// A live row has the key already.
    Duplicate {
        /// That row.
        rid: Rid,
        /// The leaf that its entry is in.
        leaf: BlockNo,
    },
}

/// One entry of [`IndexAm::insert_run`].
#[derive(Clone, Copy, Debug)]
pub struct RunEntry<'k> {
    /// Normalised key.
    pub key: &'k [u8],
    /// The row it names.
    pub rid: Rid,
    /// Whether no other live row may have the key.
    pub unique: bool,
}

/// What a check says of a sound index.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IndexReport {
    /// Pages that belong to it, space maps left out.
    pub pages: u64,
    /// Entries, marked ones included.
    pub entries: u64,
    /// Marked ones.
    pub marked: u64,
}

/// A check of a whole index in progress; nobody may change it meanwhile.
pub trait IndexCheck: Send {
    /// Checks to the end; to be called again after a wait.
    fn run(&mut self, core: &Core) -> Op<IndexReport>;
    /// The block that is looked at next: where damage lies, after an error.
    fn block(&self) -> BlockNo;
}

/// The filling of a new index that nobody uses yet.
pub trait IndexBuilder: Send {
    /// Adds an entry; they come in order of (key, RID). To be called again with the same arguments after a wait.
    fn push(&mut self, core: &Core, key: &[u8], rid: Rid) -> Op<()>;
    /// Writes what is left.
    fn finish(&mut self, core: &Core) -> Op<()>;
}

/// An index method.
///
/// Keys are the engine's normalised bytes: equal bytes are equal keys, their order is the index order, and none is a proper
/// beginning of another one of the same index. An entry is (key, RID); an entry whose row was deleted or got another key is
/// *marked* with the transaction that did it, until purge removes it behind the horizon. Every change is one or several
/// mini-transactions that leave the index sound, whose redo is [`IndexAm::redo`]; a change on behalf of a transaction leaves
/// an undo record in its last one ([`IndexUndo::write`]). Every operation may answer a wait and is then run again from the
/// start. A serializable reader registers what it looked at (`Ssi::read_page`), a writer looks there (`Ssi::wrote_page`).
pub trait IndexAm: Send + Sync {
    /// Its name in messages and in `USING`.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn caps(&self) -> IndexCaps;

    /// What its pages are.
    fn page_kind(&self) -> PageKind;

    /// Makes the empty index in a file whose first space map is there.
    fn create(&self, core: &Core, rel: RelId, xid: Xid) -> Op<()>;

    /// Inserts (key, rid) for the row version `txn` has just written; `flags` go into the undo record. An entry that is there
    /// and marked is un-marked, one that is there and not marked stays as it is.
    fn insert(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        key: &[u8],
        rid: Rid,
        unique: Unique<'_>,
        flags: UndoFlags,
    ) -> Op<InsertResult>;

    /// Inserts entries of rows that one heap record has made, given in key order: as many as go together, at least one.
    /// Answers how many; the caller repeats with the rest.
    fn insert_run(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        entries: &[RunEntry<'_>],
        row_state: &mut dyn FnMut(Rid) -> Op<RowState>,
    ) -> Op<(usize, InsertResult)> {
        let Some(e) = entries.first() else { return Ok((0, InsertResult::Done)) };
        let unique = if e.unique { Unique::Check(row_state) } else { Unique::No };
        Ok((1, self.insert(core, txn, idx, e.key, e.rid, unique, UndoFlags::NONE)?))
    }

    /// Inserts the entry of a row version that is there already, on behalf of an index that is filled while others write:
    /// nobody's change, so rollback leaves it. An entry that is there, marked or not, stays as it is.
    fn enter(&self, core: &Core, xid: Xid, idx: &IndexDesc, key: &[u8], rid: Rid) -> Op<()>;

    /// Delete-marks the entry of a row that `txn` has deleted or given another key. An entry that `txn` has marked already
    /// stays as it is.
    fn mark(&self, core: &Core, txn: &mut TxnCx, idx: &IndexDesc, key: &[u8], rid: Rid, flags: UndoFlags) -> Op<()>;

    /// The RIDs of all entries of a key, marked ones included. `out` is cleared first.
    fn lookup(&self, core: &Core, reader: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()>;

    /// How many rows have a key now, counted no further than two; rows that others are changing are waited for. Only asked
    /// of methods that can be unique.
    fn holders(
        &self,
        _core: &Core,
        _txn: &mut TxnCx,
        _idx: &IndexDesc,
        _key: &[u8],
        _row_state: &mut dyn FnMut(Rid) -> Op<RowState>,
    ) -> Op<usize> {
        Err(DbError::internal(format!("access method {} has no unique keys", self.name())).into())
    }

    /// A scan of the entries between two edges. A method that is not ordered takes two equal inclusive edges (one key) and two
    /// open ones (everything, for checks, each entry with its [`IndexAm::stored_key`]).
    fn scan(
        &self,
        idx: IndexDesc,
        low: Edge,
        high: Edge,
        direction: Direction,
        access: Access,
        with_keys: bool,
    ) -> Cursor;

    /// What is kept of a key.
    fn stored_key<'k>(&self, key: &'k [u8]) -> Cow<'k, [u8]> {
        Cow::Borrowed(key)
    }

    /// Begins to fill a new index.
    fn build(&self, idx: IndexDesc, xid: Xid) -> Box<dyn IndexBuilder>;

    /// Takes back an insertion of transaction `xid`: puts the marker back that it replaced, else removes the entry. `key` is as
    /// the undo record has it. The caller has made sure that the row is still held by `xid`; repeated, it does nothing.
    fn undo_insert(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid, replaced: Option<Xid>) -> Op<()>;

    /// Takes back a marking of transaction `xid`. As for [`IndexAm::undo_insert`].
    fn undo_mark(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()>;

    /// Removes an entry iff it is still marked by `xid`, whose commit lies behind `horizon`. `key` is as the undo record has it.
    /// Repeatable.
    fn purge(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid, xid: Xid, horizon: Scn) -> Op<()>;

    /// Whether the entry is there; `Some(marked)` if so.
    fn exists(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<bool>>;

    /// Runs an operation of the method's on a page: deterministic, looking at nothing else.
    fn redo(&self, page: &mut Page, op: u8, payload: &[u8]) -> Result<()>;

    /// Begins to check an index.
    fn check(&self, idx: IndexDesc) -> Box<dyn IndexCheck>;
}

/// [`IndexAm::lookup`] of any index: the point read's way.
#[inline]
pub fn lookup(core: &Core, reader: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
    match idx.method {
        Method::BTREE => crate::btree::lookup(core, reader, idx, key, out),
        Method::HASH => crate::hash::lookup(core, reader, idx, key, out),
        other => other.am()?.lookup(core, reader, idx, key, out),
    }
}

/// What an index operation leaves in the undo stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexUndo {
    /// The entry was inserted; if it had been there with a marker, this was the marker.
    Insert {
        /// Marker to put back on rollback.
        replaced: Option<Xid>,
    },
    /// The entry was delete-marked.
    Mark,
}

impl IndexUndo {
    /// Length of the record's payload for a key.
    pub fn payload_len(&self, key: &[u8]) -> usize {
        key.len() + if matches!(self, IndexUndo::Mark) { 0 } else { 8 }
    }

    /// Writes the record into the room that `slot` has found.
    pub fn write(
        &self,
        core: &Core,
        mtr: &mut Mtr<'_>,
        slot: &UndoSlot,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        rid: Rid,
        key: &[u8],
        flags: UndoFlags,
    ) {
        let head = |kind| UndoHead { flags, depth: u16::from(idx.method.0), ..UndoHead::plain(kind, idx.rel, rid) };
        match self {
            IndexUndo::Mark => core.undo.apply(mtr, slot, txn, &head(UndoType::IdxMark), key),
            IndexUndo::Insert { replaced } => {
                let mut payload: SmallVec<[u8; 128]> = SmallVec::from_slice(&replaced.map_or(0, |x| x.0).to_le_bytes());
                payload.extend_from_slice(key);
                core.undo.apply(mtr, slot, txn, &head(UndoType::IdxInsert), &payload)
            }
        }
    }

    /// Takes a record's payload apart: what was done, to the entry with which key.
    pub fn decode(kind: UndoType, payload: &[u8]) -> Result<(IndexUndo, &[u8])> {
        match kind {
            UndoType::IdxMark => Ok((IndexUndo::Mark, payload)),
            UndoType::IdxInsert => {
                let (x, key) = payload.split_first_chunk::<8>().ok_or_else(|| DbError::corrupt("short index undo"))?;
                let x = Xid(u64::from_le_bytes(*x));
                Ok((IndexUndo::Insert { replaced: x.is_some().then_some(x) }, key))
            }
            _ => Err(DbError::corrupt(format!("undo record of kind {kind:?} is not an index's"))),
        }
    }
}

/// The method of the index that an undo record is about.
fn method_of(rec: &UndoRec) -> Result<&'static dyn IndexAm> {
    u8::try_from(rec.depth)
        .map_err(|_| DbError::corrupt("undo record of an unknown index method"))
        .and_then(|n| Method(n).am())
}

/// Undoes an index record of one entry; see [`IndexAm::undo_insert`] for the caller's duty.
pub(crate) fn undo_entry(core: &Core, rec: &UndoRec) -> Op<()> {
    let (am, (what, key)) = (method_of(rec)?, IndexUndo::decode(rec.kind, &rec.payload)?);
    match what {
        IndexUndo::Insert { replaced } => am.undo_insert(core, rec.xid, rec.rel, key, rec.rid, replaced),
        IndexUndo::Mark => am.undo_mark(core, rec.xid, rec.rel, key, rec.rid),
    }
}

/// Undoes one entry of a record that has many.
pub(crate) fn undo_run_entry(core: &Core, rec: &UndoRec, rid: Rid, key: &[u8]) -> Op<()> {
    method_of(rec)?.undo_insert(core, rec.xid, rec.rel, key, rid, None)
}

/// Purges what an index record of a transaction committed before `horizon` left: the entry it marked. Records of other
/// kinds leave nothing.
pub(crate) fn purge_entry(core: &Core, rec: &UndoRec, horizon: Scn) -> Op<()> {
    if rec.kind != UndoType::IdxMark {
        return Ok(());
    }
    let (_, key) = IndexUndo::decode(rec.kind, &rec.payload)?;
    method_of(rec)?.purge(core, rec.rel, key, rec.rid, rec.xid, horizon)
}
