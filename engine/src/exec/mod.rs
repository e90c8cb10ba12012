//! Execution: expressions over rows ([`eval`]), point programs, and the DataFusion path.
//!
//! A statement runs in a [`StmtCx`]. Queries become streams of record batches or rows; data-modifying statements take
//! the rows of their source from either executor and change tables through [`Tables`].

mod assign;
pub mod brin;
pub mod bulk;
pub mod check;
pub(crate) mod constants;
pub(crate) mod deferred;
pub mod df;
mod discreet;
pub mod dml;
pub mod eval;
pub mod exclude;
pub mod explain;
pub mod fixed;
mod fk;
pub mod host;
pub mod index_build;
pub mod index_terms;
mod locking;
mod merge;
mod modifying;
pub mod nearest;
pub mod partition;
pub mod point;
mod projection;
pub mod run;
mod sort_keys;
pub mod subquery;
pub mod table;
pub mod tables;
mod ties;
mod tree;
mod tree_merge;
pub mod turn;
mod with_check;

use crate::catalog::{Catalog, Relation};
use crate::plan::ir::Col;
use arrow_array::RecordBatch;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::am::Search;
use rustydb_storage::crypto::CryptoRef;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by cancel requests, timeouts and disconnects; looked at between batches and rows.
#[derive(Clone, Default, Debug)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Asks the statement to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }
    /// Forgets an earlier request (a new statement begins).
    pub fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }
    /// Whether a request is pending.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
    /// 57014 once cancelled.
    pub fn check(&self) -> Result<()> {
        if self.is_set() {
            return Err(DbError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request"));
        }
        Ok(())
    }
}

/// Answers the rows of a batch that are wanted.
pub type RowFilter = Arc<dyn Fn(RecordBatch) -> Result<RecordBatch> + Send + Sync>;

/// A scan the DataFusion path asks for.
#[derive(Clone)]
pub struct ScanRequest {
    /// The table (stored ones and sequences).
    pub table: Arc<Relation>,
    /// Columns in output order: output column and attnum (negative for system columns); the batch's schema has one field
    /// per entry, of the Arrow type of the column's SQL type.
    pub cols: Vec<(Col, i16)>,
    /// Append an Int64 column with the row id (block << 16 | slot).
    pub rid: bool,
    /// Bounds on a prefix of an index's key columns, if a range of an index should be read instead of the heap.
    pub index: Option<IndexRange>,
    /// An inverted index (its OID) and what is looked for in it, if only the rows found are to be read. Ignored where the index
    /// turns out not to help.
    pub gather: Option<(u32, Search)>,
    /// Stop after about this many rows (a hint).
    pub limit: Option<usize>,
    /// Which rows of a batch are wanted.
    pub filter: Option<RowFilter>,
    /// Rows per batch.
    pub batch_rows: usize,
    /// The commit number whose rows are read, if not the statement's own.
    pub as_of: Option<u64>,
}

/// A range of an index: equal values for its first columns, then optional bounds on the next one.
#[derive(Clone)]
pub struct IndexRange {
    /// Index OID.
    pub index: u32,
    /// Equal values, one per leading key column.
    pub equal: Vec<Datum>,
    /// Lower bound on the next column: value and whether inclusive.
    pub low: Option<(Datum, bool)>,
    /// Upper bound on the next column.
    pub high: Option<(Datum, bool)>,
    /// Read backwards.
    pub reverse: bool,
}

/// Stored tables under one statement's snapshot.
pub trait Tables: Send + Sync {
    /// Streams a table's visible rows. Partition `part` of `parts` (0-based) reads its share of the heap's blocks;
    /// index scans have one part. With an index range, rows come in index order.
    fn scan(&self, request: ScanRequest, part: usize, parts: usize) -> BoxStream<'static, Result<RecordBatch>>;
    /// Estimated rows of a table (from statistics, or its size when never analysed).
    fn estimated_rows(&self, table: &Relation) -> f64;
    /// Estimated bytes of a table's row.
    fn row_bytes(&self, table: &Relation) -> f64;
    /// Whether the snapshot may use an index: it is not older than the index's build.
    fn may_use(&self, index: &crate::catalog::Index) -> bool;
    /// A stored table ready for row operations; `None` if there are only its rows.
    fn prepared(&self, _table: &Arc<Relation>) -> Result<Option<Arc<table::TableRt>>> {
        Ok(None)
    }
    /// A query that is over has written to so many temporary files.
    fn spilled(&self, _files: usize, _bytes: usize) {}
    /// Runs a data-modifying statement for WITH and answers its RETURNING rows.
    fn modify(&self, statement: Arc<crate::plan::ir::Bound>) -> BoxFuture<'static, Result<Vec<Vec<Datum>>>>;
}

/// What one statement's execution reads.
#[derive(Clone)]
pub struct StmtCx {
    /// Value contexts: clock, formats, session.
    pub eval: Arc<EvalCtx>,
    /// Parameters.
    pub params: Arc<[Datum]>,
    /// Catalog the statement was bound in.
    pub catalog: Arc<Catalog>,
    /// Tables.
    pub tables: Arc<dyn Tables>,
    /// Cancellation.
    pub cancel: CancelFlag,
    /// `work_mem` in bytes.
    pub work_mem: usize,
    /// `temp_file_limit` in bytes, `None` for no limit.
    pub temp_limit: Option<u64>,
    /// Seals temporary files, if the data directory is encrypted.
    pub crypto: CryptoRef,
}

/// About the bytes a value holds.
fn datum_size(d: &Datum) -> usize {
    size_of::<Datum>()
        + match d {
            Datum::Text(s) => s.len(),
            Datum::Bytes(b) => b.len(),
            Datum::Array(a) => a.items.iter().map(datum_size).sum(),
            Datum::Row(f) => f.iter().map(|x| datum_size(&x.1)).sum(),
            _ => 0,
        }
}
