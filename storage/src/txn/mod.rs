//! Transactions: numbers, states, snapshots, commit and abort.

mod cx;

pub use cx::{Isolation, Snapshot, TxnCx, TxnState, VER_XID};
