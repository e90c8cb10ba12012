//! Access methods: how indexes and tables are stored is somebody's own business behind one trait each.
//!
//! # Idea
//! [`IndexAm`] is what table rows, rollback, purge, redo and the checks ask of an index method. The store has three of its
//! own, [`Method::BTREE`], [`Method::HASH`], [`Method::GIN`], [`Method::GIST`] and [`Method::BRIN`]; another crate adds one by [`register`] and uses it by its number, with no
//! change here. A relation is made with `RelationKind::Index(method)`, an [`IndexDesc`] names its method, every undo record
//! of an entry and every redo operation of a registered method carries the number. [`TableAm`] is the same for tables: the store
//! has `row` and `memory`, another crate adds one by [`register_table`] (`table.rs`).
//!
//! # Rules
//! 1. A registered method must be there before a store that has used it is opened: recovery calls its redo.
//! 2. The store's own methods are dispatched by a `match`, so that the point read stays a direct call; a registered one by
//!    its trait object.
//! 3. Everything an index method says about rows is a *candidate*: the row decides (`index.rs`).

mod cursor;
mod entries;
mod gather;
mod index;
mod table;

pub use cursor::{Batch, Candidate, Cursor, Direction, Edge, IndexScan};
pub use entries::{Entries, changes, entries, push_entry};
pub use gather::{Gather, Gathered, Search};
pub use index::{
    IndexAm, IndexBuilder, IndexCaps, IndexCheck, IndexDesc, IndexReport, IndexUndo, InsertResult, RowState, RunEntry,
    Unique, lookup,
};
pub(crate) use index::{purge_entry, undo_entry, undo_run_entry};
pub use table::{Memory, Row, TableAm, TableCaps, TableMethod, may_change, register_table};

use crate::page::Page;
use rustydb_base::{DbError, Result};
use std::sync::OnceLock;

/// The number of an index method, as it stands in undo and redo records: never to change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Method(pub u8);

/// The first number that other crates may register.
const FIRST_OUTSIDE: u8 = 32;
/// How many they may register.
const OUTSIDE: usize = 32;

static REGISTERED: [OnceLock<&'static dyn IndexAm>; OUTSIDE] = [const { OnceLock::new() }; OUTSIDE];

impl Method {
    /// `crate::btree`.
    pub const BTREE: Method = Method(0);
    /// `crate::hash`.
    pub const HASH: Method = Method(1);
    /// `crate::gin`.
    pub const GIN: Method = Method(2);
    /// `crate::gist`.
    pub const GIST: Method = Method(3);
    /// `crate::brin`.
    pub const BRIN: Method = Method(4);

    /// The number of the `n`-th method of other crates, from 0.
    pub const fn outside(n: u8) -> Method {
        Method(FIRST_OUTSIDE + n)
    }

    /// The method itself.
    pub fn am(self) -> Result<&'static dyn IndexAm> {
        match self {
            Method::BTREE => Ok(&crate::btree::Btree),
            Method::HASH => Ok(&crate::hash::Hash),
            Method::GIN => Ok(&crate::gin::Gin),
            Method::GIST => Ok(&crate::gist::Gist),
            Method::BRIN => Ok(&crate::brin::Brin),
            Method(n) => n
                .checked_sub(FIRST_OUTSIDE)
                .and_then(|n| REGISTERED.get(usize::from(n))?.get().copied())
                .ok_or_else(|| DbError::internal(format!("index method {n} is not registered"))),
        }
    }
}

/// Makes an index method of another crate known, for the life of the process, under one of the [`Method::outside`] numbers.
pub fn register(method: Method, am: &'static dyn IndexAm) -> Result<()> {
    let place = method.0.checked_sub(FIRST_OUTSIDE).and_then(|n| REGISTERED.get(usize::from(n)));
    let place = place.ok_or_else(|| DbError::internal(format!("{method:?} is not a number for other crates")))?;
    place.set(am).map_err(|_| DbError::internal(format!("index method {} is registered already", method.0)))
}

/// A method of another crate as its redo operations name it: indexes and tables share the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outsider {
    /// Of indexes.
    Index(Method),
    /// Of tables.
    Table(TableMethod),
}

impl From<Method> for Outsider {
    fn from(m: Method) -> Outsider {
        Outsider::Index(m)
    }
}

impl From<TableMethod> for Outsider {
    fn from(m: TableMethod) -> Outsider {
        Outsider::Table(m)
    }
}

impl Outsider {
    pub(crate) fn number(self) -> u8 {
        match self {
            Outsider::Index(m) => m.0,
            Outsider::Table(m) => m.number(),
        }
    }

    pub(crate) fn of(number: u8) -> Outsider {
        TableMethod::outside(number).map_or(Outsider::Index(Method(number)), Outsider::Table)
    }

    pub(crate) fn redo(self, page: &mut Page, op: u8, payload: &[u8]) -> Result<()> {
        match self {
            Outsider::Index(m) => m.am()?.redo(page, op, payload),
            Outsider::Table(m) => m.am()?.redo(page, op, payload),
        }
    }
}
