//! The trait of table methods, and the store's two.
//!
//! `memory` is `row` with its pages kept in memory: neither they nor their undo are logged or written, they are bounded
//! (`StoreOptions::memory_limit`) and gone with the next start. Which of the two a relation is of is a part of its number, so
//! rollback, purge and recovery know it without a catalog. Both keep rows as `crate::heap` does, which is what the trait's
//! methods do unless a method says otherwise; reads go to [`crate::heap::Reader`] directly.

use crate::core::Core;
use crate::heap::{self, Rel, TableLayout, TmResult};
use crate::store::Durability;
use crate::txn::{Snapshot, TxnCx};
use crate::undo::UndoRec;
use crate::wait::Op;
use rustydb_base::{RelId, Rid, Scn};

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

    /// Inserts as many of the rows (at least one) as go together, in one mini-transaction with one undo record, and appends their
    /// addresses to `rids`. The caller repeats with the rest. `last`: no index entries follow.
    fn insert(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        rel: Rel,
        rows: &[Vec<u8>],
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
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum TableMethod {
    /// [`Row`].
    #[default]
    Row,
    /// [`Memory`].
    Memory,
}

impl TableMethod {
    /// The method that a statement calls so; `heap` is PostgreSQL's name for `row`.
    pub fn named(name: &str) -> Option<TableMethod> {
        match name {
            "heap" | "row" => Some(TableMethod::Row),
            "memory" => Some(TableMethod::Memory),
            _ => None,
        }
    }

    /// The method of an existing relation.
    pub fn of(rel: RelId) -> TableMethod {
        if rel.is_memory() { TableMethod::Memory } else { TableMethod::Row }
    }

    /// The method itself.
    pub fn am(self) -> &'static dyn TableAm {
        match self {
            TableMethod::Row => &Row,
            TableMethod::Memory => &Memory,
        }
    }
}
