//! The heap: tables of rows at stable addresses, changed in place, with older versions in undo.
//!
//! A row keeps its [`Rid`](rustydb_base::Rid) for life; indexes, locks and version chains name it. `ver` says who wrote
//! the present version (a running transaction's number, or the commit's SCN once somebody has stamped it), `undo` where
//! the previous one is described. A writer owns the row from its first change to the end of its transaction: `ver` is
//! the row lock.
//!
//! Rules:
//! 1. Every change is one mini-transaction of heap page(s) and one undo record ([`ops`]).
//! 2. Rollback applies a record only if `row.ver` is its transaction and `row.undo` its address, so it is idempotent;
//!    it never needs space ([`page`]: allocations are kept until commit; a replaced body stays until purge).
//! 3. Readers never wait for writers: they rebuild the version they may see on a private copy ([`version`]), checking
//!    that each undo record they follow is of their row.
//! 4. No decision of redo depends on hints (stamps, `vis_scn`).
//!
//! Left out: giving pages back to the space map, moving forwarded rows home again.

pub(crate) mod delta;
mod history;
mod layout;
pub mod ops;
pub mod page;
mod rollback;
mod scan;
#[cfg(test)]
pub(crate) mod tests;
mod version;

pub(crate) use history::is_of;
pub use layout::{ColKind, Column, Datum, Decode, OvfPtr, RowLayout, TableLayout};
pub use ops::{TmResult, delete, insert, insert_many, lock, update};
pub use rollback::{purge_row, undo_row};
pub use scan::{Columns, PageRows, Scan, stamp_page};
pub use version::{Reader, addresses, heap_addresses, key_kept, peek, peek_heap};

use crate::am::TableMethod;
use rustydb_base::RelId;

/// A heap relation as operations know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rel {
    /// The heap's own pages.
    pub id: RelId,
    /// Its overflow file; the zero relation if no column can need one.
    pub overflow: RelId,
    /// How its rows are kept.
    pub method: TableMethod,
}

impl Rel {
    /// A relation of one of the store's own methods.
    pub fn new(id: RelId, overflow: RelId) -> Rel {
        Rel { id, overflow, method: TableMethod::of(id) }
    }
}

/// A row image copied out of its page; reused from row to row.
pub type RowBuf = Vec<u8>;
