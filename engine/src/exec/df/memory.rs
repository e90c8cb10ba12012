//! The memory that one query's operators share.
//!
//! Idea: DataFusion's fair pool, in which every operator that can spill has its share. Merging sorted batches is counted
//! apart: DataFusion counts the batches of a merge in memory twice, with the sort that holds them and with the merge, and a
//! merge, which cannot spill, would fail where there is room. Both parts have the same limit.

use super::util::DfResult;
use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What DataFusion calls the merges of a sort.
const MERGE: &str = "ExternalSorterMerge";

/// A query's pool.
#[derive(Debug)]
pub struct QueryPool {
    fair: FairSpillPool,
    merging: AtomicUsize,
    limit: usize,
}

impl QueryPool {
    /// A pool of so many bytes, and as many for merges.
    pub fn new(limit: usize) -> QueryPool {
        QueryPool { fair: FairSpillPool::new(limit), merging: AtomicUsize::new(0), limit }
    }
}

fn is_merge(r: &MemoryReservation) -> bool {
    r.consumer().name().starts_with(MERGE)
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query({}; {} in merges)", self.fair, self.merging.load(Ordering::Relaxed))
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "query"
    }
    fn register(&self, consumer: &MemoryConsumer) {
        self.fair.register(consumer);
    }
    fn unregister(&self, consumer: &MemoryConsumer) {
        self.fair.unregister(consumer);
    }
    fn grow(&self, r: &MemoryReservation, additional: usize) {
        if is_merge(r) {
            self.merging.fetch_add(additional, Ordering::Relaxed);
        } else {
            self.fair.grow(r, additional);
        }
    }
    fn shrink(&self, r: &MemoryReservation, shrink: usize) {
        if is_merge(r) {
            self.merging.fetch_sub(shrink, Ordering::Relaxed);
        } else {
            self.fair.shrink(r, shrink);
        }
    }
    fn try_grow(&self, r: &MemoryReservation, additional: usize) -> DfResult<()> {
        if !is_merge(r) {
            return self.fair.try_grow(r, additional);
        }
        let more = |now: usize| now.checked_add(additional).filter(|n| *n <= self.limit);
        match self.merging.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(now) => Err(DataFusionError::ResourcesExhausted(format!(
                "merging sorted rows needs {additional} bytes more than the {now} of {} it has",
                self.limit
            ))),
        }
    }
    fn reserved(&self) -> usize {
        self.fair.reserved() + self.merging.load(Ordering::Relaxed)
    }
    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}
