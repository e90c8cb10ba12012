//! The trait of table methods, the store's two, and the registry for those of other crates.
//!
//! `memory` is `row` with its pages kept in memory: neither they nor their undo are logged or written, they are bounded
//! (`StoreOptions::memory_limit`) and gone with the next start. Which of the two a relation is of is a part of its number, so
//! rollback, purge and recovery know it without a catalog. Both keep rows as `crate::heap` does, which is what the trait's
//! methods do unless a method says otherwise; both are read by [`crate::heap::Reader`] directly.
//!
//! A method of another crate ([`register_table`]) keeps rows wherever and however it likes, on pages of its own. What it
//! must keep is what everybody else relies on: a row has one address for life, and there is one *newest image* of it,
//! which begins with the header that `crate::heap::page` describes (who wrote it, its undo record, flags) and goes on as
//! the table's layout says. From that image the store finds the version that a snapshot sees; locks and checks go by it,
//! too. Older versions are in undo records, which the method writes ([`TableMethod::undo_head`]) and reads back
//! ([`TableAm::previous`]) itself. Its number stands in the relation's description ([`Rel::method`]), in each of its undo
//! records and in each of its redo operations.

use crate::core::{Core, RowLockMode};
use crate::heap::{self, Rel, RowBuf, TableLayout, TmResult};
use crate::page::{Page, PageKind};
use crate::store::Durability;
use crate::txn::{Snapshot, TxnCx};
use crate::undo::{UndoFlags, UndoHead, UndoRec, UndoType};
use crate::wait::Op;
use rustydb_base::{BlockNo, DbError, RelId, Result, Rid, Scn, Xid};
use std::sync::OnceLock;

/// What a table method can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableCaps {
    /// Rows survive a stop in order.
    pub durable: bool,
    /// All tables of the method together have a limit in memory.
    pub bounded: bool,
    /// Changes are logged, so that standbys could have them.
    pub replicated: bool,
}

/// A table method.
pub trait TableAm: Send + Sync {
    /// Its name in `USING`.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn caps(&self) -> TableCaps;

    /// What becomes of the pages of a new table for which this was asked.
    fn durability(&self, wanted: Durability) -> Durability;

    /// Kind of the pages that hold rows.
    fn page_kind(&self) -> PageKind {
        PageKind::Heap
    }

    /// Makes the first pages of a new table behind its space map, if there are to be any. Repeatable after a wait.
    fn create(&self, _core: &Core, _rel: RelId, _xid: Xid) -> Op<()> {
        Ok(())
    }

    /// Inserts as many of the rows (at least one) as go together, in one mini-transaction with one undo record, and appends their
    /// addresses to `rids`. The caller repeats with the rest. `last`: no index entries follow.
    fn insert(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        rel: Rel,
        rows: &[&[u8]],
        last: bool,
        rids: &mut Vec<Rid>,
    ) -> Op<usize> {
        heap::insert_many(core, txn, rel, rows, last, rids)
    }

    /// Replaces a row; see [`heap::update`].
    fn update(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        snap: &Snapshot,
        rel: Rel,
        layout: &TableLayout,
        rid: Rid,
        new: &[u8],
        key_changed: bool,
        last: bool,
    ) -> Op<TmResult> {
        heap::update(core, txn, snap, rel, layout, rid, new, key_changed, last)
    }

    /// Deletes a row; see [`heap::delete`].
    fn delete(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        snap: &Snapshot,
        rel: Rel,
        rid: Rid,
        moved: bool,
        last: bool,
    ) -> Op<TmResult> {
        heap::delete(core, txn, snap, rel, rid, moved, last)
    }

    /// Copies the newest image of a row, whoever wrote it, into `out`; `false` if there is none at the address.
    fn peek(&self, core: &Core, rel: Rel, rid: Rid, out: &mut RowBuf) -> Op<bool> {
        heap::peek_heap(core, rel, rid, out)
    }

    /// Appends the addresses of all rows in a block, in rising order. Blocks that hold none have none.
    fn addresses(&self, core: &Core, rel: Rel, block: BlockNo, out: &mut Vec<Rid>) -> Op<()> {
        heap::heap_addresses(core, rel, block, out)
    }

    /// Turns the image that one of the method's own undo records was written for into the one before, but for the first
    /// two words of its header. `false`: there was none.
    fn previous(&self, rec: &UndoRec, _image: &mut RowBuf) -> Result<bool> {
        Err(DbError::corrupt(format!("undo record {:#x} is of no table method's own", rec.ptr.0)))
    }

    /// Runs one of the method's own redo operations: deterministic, from nothing but the page and the payload.
    fn redo(&self, _page: &mut Page, op: u8, _payload: &[u8]) -> Result<()> {
        Err(DbError::corrupt(format!("table method {} has no operation {op}", self.name())))
    }

    /// Undoes a record of a row; repeated, it does nothing.
    fn undo(&self, core: &Core, rec: &UndoRec) -> Op<()> {
        heap::undo_row(core, rec)
    }

    /// Cleans up after a record of a row whose transaction every snapshot sees. Repeatable.
    fn purge(&self, core: &Core, rec: &UndoRec, horizon: Scn) -> Op<()> {
        heap::purge_row(core, rec, horizon)
    }
}

/// Rows on disk.
pub struct Row;

impl TableAm for Row {
    fn name(&self) -> &'static str {
        "row"
    }

    fn caps(&self) -> TableCaps {
        TableCaps { durable: true, bounded: false, replicated: true }
    }

    fn durability(&self, wanted: Durability) -> Durability {
        wanted
    }
}

/// Rows in memory.
pub struct Memory;

impl TableAm for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn caps(&self) -> TableCaps {
        TableCaps { durable: false, bounded: true, replicated: false }
    }

    fn durability(&self, _: Durability) -> Durability {
        Durability::Memory
    }
}

/// One of the table methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum TableMethod {
    /// [`Row`].
    #[default]
    Row,
    /// [`Memory`].
    Memory,
    /// The so-manieth of other crates, from 0.
    Outside(u8),
}

/// Numbers of other crates' table methods begin here, behind those of their index methods.
const FIRST_OUTSIDE: u8 = 64;
/// How many they may register.
const OUTSIDE: usize = 32;

static REGISTERED: [OnceLock<&'static dyn TableAm>; OUTSIDE] = [const { OnceLock::new() }; OUTSIDE];

/// Makes a table method of another crate known, for the life of the process. It must be there before a store that has used it
/// is opened.
pub fn register_table(method: TableMethod, am: &'static dyn TableAm) -> Result<()> {
    let TableMethod::Outside(n) = method else {
        return Err(DbError::internal(format!("{method:?} is not a number for other crates")));
    };
    let place = REGISTERED.get(usize::from(n));
    let place = place.ok_or_else(|| DbError::internal(format!("{method:?} is not a number for other crates")))?;
    place.set(am).map_err(|_| DbError::internal(format!("{method:?} is registered already")))
}

impl TableMethod {
    /// The method of the store's own that a statement calls so; `heap` is PostgreSQL's name for `row`.
    pub fn named(name: &str) -> Option<TableMethod> {
        match name {
            "heap" | "row" => Some(TableMethod::Row),
            "memory" => Some(TableMethod::Memory),
            _ => None,
        }
    }

    /// The method of an existing relation, if it is one of the store's own.
    pub fn of(rel: RelId) -> TableMethod {
        if rel.is_memory() { TableMethod::Memory } else { TableMethod::Row }
    }

    /// The method that wrote an undo record of a row.
    pub(crate) fn of_record(rec: &UndoRec) -> Result<TableMethod> {
        if !rec.flags.has(UndoFlags::OUTSIDE) {
            return Ok(TableMethod::of(rec.rel));
        }
        let number = rec.payload.first().copied().unwrap_or(0);
        TableMethod::outside(number)
            .ok_or_else(|| DbError::corrupt(format!("undo record {:#x} names no method", rec.ptr.0)))
    }

    /// The method of another crate that a number in undo or redo stands for.
    pub(crate) fn outside(number: u8) -> Option<TableMethod> {
        let n = number.checked_sub(FIRST_OUTSIDE)?;
        (usize::from(n) < OUTSIDE).then_some(TableMethod::Outside(n))
    }

    /// Whether it is of another crate.
    #[inline]
    pub fn is_outside(self) -> bool {
        matches!(self, TableMethod::Outside(_))
    }

    /// The method itself.
    pub fn am(self) -> Result<&'static dyn TableAm> {
        match self {
            TableMethod::Row => Ok(&Row),
            TableMethod::Memory => Ok(&Memory),
            TableMethod::Outside(n) => REGISTERED
                .get(usize::from(n))
                .and_then(|m| m.get().copied())
                .ok_or_else(|| DbError::internal(format!("table method {n} is not registered"))),
        }
    }

    /// Its number in undo and redo: the first byte of the payload of each of its own undo records.
    pub fn number(self) -> u8 {
        match self {
            TableMethod::Row => 0,
            TableMethod::Memory => 1,
            TableMethod::Outside(n) => FIRST_OUTSIDE.saturating_add(n),
        }
    }

    /// Head of an undo record of a method of another crate, which undoes what was done to one row whose image had these first
    /// words. `last`: no index entry of the row operation follows.
    pub fn undo_head(self, kind: UndoType, rel: Rel, rid: Rid, before: Option<&[u8]>, last: bool) -> UndoHead {
        UndoHead {
            flags: UndoFlags(UndoFlags::OUTSIDE.0 | UndoFlags::last(last).0),
            prev_ver: before.map_or(0, heap::page::ver),
            prev_undo: before.map_or_else(Default::default, heap::page::undo),
            ..UndoHead::plain(kind, rel.id, rid)
        }
    }
}

/// Whether a transaction may change a row whose newest image a method has before it, with the row's page fixed for the
/// change; what is to be waited for, if it must wait.
pub fn may_change(
    core: &Core,
    txn: &mut TxnCx,
    snap: &Snapshot,
    rel: Rel,
    rid: Rid,
    image: &[u8],
    mode: RowLockMode,
) -> Op<TmResult> {
    Ok(heap::ops::changeable(core, txn, snap, rel, rid, image, mode)?.err().unwrap_or(TmResult::Ok))
}
