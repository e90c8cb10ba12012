//! RustyDB's storage engine: redo log, buffer pool, MVCC heap, index methods, transactions, recovery.

pub mod am;
pub mod brin;
pub mod btree;
pub mod buf;
pub mod checkpoint;
pub mod control;
pub mod core;
pub mod crypto;
pub mod dwb;
pub mod gin;
pub mod gist;
pub mod hash;
pub mod heap;
#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
pub mod io;
pub mod lock;
pub mod mtr;
pub mod overflow;
pub mod page;
pub mod purge;
pub mod recovery;
pub mod rt;
pub mod scan;
pub mod sequence;
pub mod sim;
pub mod space;
pub mod ssi;
pub mod store;
mod sync;
pub mod table;
pub mod txn;
pub mod undo;
pub mod verify;
pub mod wait;
pub mod wal;
