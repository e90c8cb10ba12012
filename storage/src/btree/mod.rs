//! B+tree indexes.
//!
//! # Idea
//! An index is a file of nodes (`node.rs`) whose root is always [`ROOT_BLOCK`]. An entry is the engine's normalised key,
//! whose byte order is the index order, followed by the row's RID, so entries are unique and every operation has
//! exactly one place to go. Nothing here evaluates expressions or looks at catalogs.
//!
//! Normalised keys must be *prefix-free*: no key of an index is a proper beginning of another one (self-delimiting
//! column encodings are). Then all entries of one key are neighbours and "begins with the key" means "has the key".
//!
//! # Invariants
//! 1. A node holds exactly the entries between its fences; a parent's separators are its children's low fences; each
//!    level is chained left to right by `next`; `high` of a node is `low` of the next.
//! 2. Every change is one mini-transaction that leaves invariant 1 true: a split changes parent, node and new sibling
//!    together (parents are split first), a merge parent and both siblings. There are no half-done splits to repair.
//! 3. Latches are taken top→down and left→right. Descents latch the child before they let the parent go, so a node
//!    cannot be freed under a descent.
//! 4. An entry is *marked* when its row was deleted or got another key; the marker is the Xid that did it. Marked
//!    entries are still candidates for every reader (the row decides). Purge removes them behind the horizon.
//!
//! # Uniqueness
//! Check and insert run under one exclusive latch on the leftmost leaf where the key could begin, which every inserter
//! of that key must take; whatever has to be waited for is waited for without latches, and the check starts anew.
//!
//! # Left out
//! Optimistic (latch-free) reads, posting lists for duplicates, index-only scans, deferrable uniqueness.

mod am;
mod build;
mod insert;
mod maintain;
mod node;
pub(crate) mod redo;
mod scan;
mod split;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use am::Btree;
pub use build::BulkBuilder;
pub use insert::{enter, holders, insert, insert_run};
pub use maintain::{exists, mark, purge_remove, undo_insert, undo_mark};
pub use scan::{TreeScan, lookup};
pub use split::{JOINS, SPLITS};
pub use tree::create;
pub use verify::{Verifier, VerifyReport};

use crate::undo::UndoRec;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, Result, Rid};

/// Block of the root node; block 0 is the file's space map.
pub const ROOT_BLOCK: BlockNo = 1;

/// Longest key in bytes. Two fences and one entry of this size, each with its RID, fit one page, which is what lets any
/// node be split. The caller reports longer keys ("index row size … exceeds btree version 4 maximum … for index …").
pub const MAX_KEY: usize = 2680;

/// Bytes of an entry in [`put_run_entry`] beside its key.
const RUN_ENTRY: usize = 8;

/// Payload of [`UndoType::IdxInsertN`](crate::undo::UndoType::IdxInsertN): for each entry the row, the key's length (u16) and the key.
fn put_run_entry(out: &mut Vec<u8>, rid: Rid, key: &[u8]) {
    out.extend_from_slice(&rid.to_bytes());
    out.extend_from_slice(&(key.len() as u16).to_le_bytes());
    out.extend_from_slice(key);
}

/// The entries of an [`UndoType::IdxInsertN`](crate::undo::UndoType::IdxInsertN) record.
pub fn run_entries(rec: &UndoRec) -> Result<Vec<(Rid, &[u8])>> {
    let short = || DbError::corrupt("short index undo");
    let (mut out, mut rest) = (Vec::new(), rec.payload.as_slice());
    while !rest.is_empty() {
        let (rid, after) = rest.split_first_chunk::<6>().ok_or_else(short)?;
        let (len, after) = after.split_first_chunk::<2>().ok_or_else(short)?;
        let (key, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*len))).ok_or_else(short)?;
        out.push((Rid::from_bytes(rid).ok_or_else(short)?, key));
        rest = after;
    }
    Ok(out)
}

/// What a key over [`MAX_KEY`] gets if the caller has not refused it with the index's name.
pub(crate) fn too_long(len: usize) -> DbError {
    DbError::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("index row size {len} exceeds btree version 4 maximum {MAX_KEY}"),
    )
}
