//! Undo streams: what each change replaced, for rollback, for older snapshots and for purge.
//!
//! N append-only streams, each a relation of its own whose pages live in the buffer pool like any other. A pointer is
//! stream and byte offset; records never span pages. An undo page is changed by the mini-transaction that changes the
//! row, so redo brings both back together.

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
