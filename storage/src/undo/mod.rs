//! Undo streams: what each change replaced, for rollback, for older snapshots and for purge.
//!
//! N append-only streams, each a relation of its own whose pages live in the buffer pool like any other. A pointer is
//! stream and byte offset; records never span pages. An undo page is changed by the mini-transaction that changes the
//! row, so redo brings both back together.
//!
//! ```text
//! record: len u16, type u8, flags u8 | xid u64 | cid u32 | prev_in_txn u64 | rel u32, rid 6 | depth u16
//!         | prev_ver u64, prev_undo u64 | payload
//! ```
//!
//! Invariants: (a) a stream's tail moves only under the exclusive latch of the page that holds it, and moving to the
//! next page needs both latches, so two writers never take the same bytes; (b) a mini-transaction holds at most one
//! undo record; (c) a record is never changed once written, but for its UNDONE flag; (d) bytes below the head are unreachable by any snapshot
//! and by any rollback.
//!
//! Changes of relations that never leave memory have a stream of their own ([`MEMORY_STREAM`]) that never leaves it either;
//! a transaction has a chain of records in it beside the one in its logged stream, and each is undone for itself.
//!
//! Left out: reusing block numbers (a stream ends after 32 TiB and then refuses writes).

mod record;
pub(crate) mod redo;
mod stream;
#[cfg(test)]
mod tests;

pub use record::{HEAD_LEN, UndoFlags, UndoHead, UndoRec, UndoType};
pub use stream::{
    MAX_PAYLOAD, MAX_STREAMS, MEMORY_STREAM, SEGMENT, Streams, TailSearch, UNDO_BYTES, UNDO_LIMIT, UndoSlot, stream_rel,
};

/// Address of an undo record: stream in the top 8 bits, byte offset in the low 56. Zero means none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UndoPtr(pub u64);

impl UndoPtr {
    /// No record.
    pub const NONE: UndoPtr = UndoPtr(0);
    /// Builds a pointer.
    pub fn new(stream: u8, offset: u64) -> UndoPtr {
        UndoPtr((u64::from(stream) << 56) | (offset & ((1 << 56) - 1)))
    }
    /// The stream.
    pub fn stream(self) -> u8 {
        (self.0 >> 56) as u8
    }
    /// Byte offset in the stream.
    pub fn offset(self) -> u64 {
        self.0 & ((1 << 56) - 1)
    }
    /// Whether there is a record.
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}
