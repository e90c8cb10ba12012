//! Filling an index from a table's rows: the entries are sorted first ([`crate::sort`]) and come to the index in order.

use crate::am::IndexDesc;
use crate::rt::yield_now;
use crate::sort::{Arena, Entry, EntrySort};
use crate::store::Txn;
use rustydb_base::{Result, Rid};

pub use crate::sort::{BEYOND_LIMIT, SortLimits};

/// Entries that are written before the session looks whether it was cancelled.
const STRIDE: usize = 4096;

/// Fills a new index.
pub struct IndexBuild {
    idx: IndexDesc,
    unique: bool,
    /// Others maintain the index meanwhile.
    beside: bool,
    sort: EntrySort,
}

impl IndexBuild {
    /// Begins to fill an index that [`Txn::create_relation`] has made in this transaction.
    pub fn new(idx: IndexDesc, unique: bool, limits: SortLimits) -> IndexBuild {
        IndexBuild { idx, unique, beside: false, sort: EntrySort::new(limits) }
    }

    /// Begins to fill an index that every writer of the table maintains already, from rows of a snapshot that is kept
    /// until the end. Whether keys are unique shows only afterwards: no method answers a pair.
    pub fn beside_writers(idx: IndexDesc, limits: SortLimits) -> IndexBuild {
        IndexBuild { beside: true, ..IndexBuild::new(idx, false, limits) }
    }

    /// Adds a live row's entry. `distinct`: the key contains NULLs that make it differ from every other. When it answers
    /// `true` the memory is full: [`IndexBuild::relieve`] comes next.
    #[must_use]
    pub fn add(&mut self, key: &[u8], rid: Rid, distinct: bool) -> bool {
        self.sort.add(Entry { key, rid, unique: self.unique && !distinct })
    }

    /// Makes room for more entries; 53400 when temporary files reach their bound.
    pub async fn relieve(&mut self, txn: &Txn) -> Result<()> {
        self.sort.write_run(txn.store()).await
    }

    /// Writes the index. Answers a pair of rows with equal keys if the index is unique and there is one.
    pub async fn finish(self, txn: &mut Txn) -> Result<Option<(Rid, Rid)>> {
        let IndexBuild { idx, beside, sort, .. } = self;
        let store = std::sync::Arc::clone(txn.store());
        let mut sorted = sort.finish(&store).await?;
        let mut builder = (!beside).then(|| idx.method.am().map(|am| am.build(idx, txn.xid()))).transpose()?;
        let mut batch = Arena::default();
        let mut twins = Twins::default();
        loop {
            sorted.batch(&mut batch).await?;
            if batch.is_empty() {
                break;
            }
            if let Some(pair) = twins.look(&batch) {
                return Ok(Some(pair));
            }
            let mut at = 0;
            while at < batch.len() {
                txn.rules.interrupt.check()?;
                // Pages in memory are written without a wait: others of this worker get their turn here.
                yield_now().await;
                let stop = batch.len().min(at + STRIDE);
                txn.drive(|core, cx| {
                    while let Some(e) = batch.get(at).filter(|_| at < stop) {
                        match &mut builder {
                            Some(b) => b.push(core, e.key, e.rid)?,
                            None => idx.method.am()?.enter(core, cx.xid, &idx, e.key, e.rid)?,
                        }
                        at += 1;
                    }
                    Ok(())
                })
                .await?;
            }
        }
        if let Some(mut b) = builder {
            txn.drive(|core, _| b.finish(core)).await?;
        }
        Ok(None)
    }
}

/// Looks for equal keys next to each other, across batches.
#[derive(Default)]
struct Twins {
    last: Vec<u8>,
    /// The row of `last`, if no other may have its key.
    rid: Option<Rid>,
}

impl Twins {
    fn look(&mut self, batch: &Arena) -> Option<(Rid, Rid)> {
        let mut before = self.rid.map(|rid| Entry { key: &self.last, rid, unique: true });
        for i in 0..batch.len() {
            let e = batch.get(i).filter(|e| e.unique);
            if let (Some(a), Some(b)) = (before, e)
                && a.key == b.key
            {
                return Some((a.rid, b.rid));
            }
            before = e;
        }
        let last = before.map(|e| (e.key.to_vec(), e.rid));
        self.rid = last.as_ref().map(|l| l.1);
        self.last = last.map(|l| l.0).unwrap_or_default();
        None
    }
}
