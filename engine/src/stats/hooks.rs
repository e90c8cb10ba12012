//! What statements tell of their work.

use super::Counts;
use crate::exec::table::TableRt;
use crate::transaction::Transaction;

impl Transaction {
    /// Rows have been stored in a table.
    pub(crate) fn count_inserted(&self, rt: &TableRt, n: u64) {
        if let Some(t) = &self.tally {
            t.inserted(rt.rel.oid, n);
        }
    }

    /// A row of a table has been deleted.
    pub(crate) fn count_deleted(&self, rt: &TableRt) {
        if let Some(t) = &self.tally {
            t.deleted(rt.rel.oid);
        }
    }

    /// A row of a table has been changed in these attributes (0-based).
    pub(crate) fn count_updated(&self, rt: &TableRt, changed: &[usize]) {
        if let Some(t) = &self.tally {
            let hot = !rt.indexes.iter().any(|i| i.needs().iter().any(|a| changed.contains(a)));
            t.updated(rt.rel.oid, hot);
        }
    }

    /// A table has been read whole, in blocks some of which had to be loaded.
    pub(crate) fn count_scan(&self, table: u32, rows: u64, (blocks, reads): (u64, u64)) {
        if let Some(t) = &self.tally {
            t.count(table, &Counts::scans(1).rows(rows as i64, 0).blocks(blocks as i64, reads as i64));
        }
    }

    /// Rows have been found by a key of an index.
    pub(crate) fn count_index_scan(&self, index: u32, entries: u64, rows: u64) {
        if let Some(t) = &self.tally {
            t.count(index, &Counts::scans(1).rows(entries as i64, rows as i64).blocks(1, 0));
        }
    }
}
