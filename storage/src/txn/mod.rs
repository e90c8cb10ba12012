//! Transactions: numbers, states, snapshots, commit and abort.

mod clock;
mod cx;
mod end;
pub(crate) mod ring;
mod table;
pub mod tsp;

pub use cx::{Isolation, Snapshot, TxnCx, TxnState, UndoMark, VER_XID};
pub use end::{CommitWait, Committed, flags};
pub use table::{HeldSnapshot, TxnStart, TxnTable};
