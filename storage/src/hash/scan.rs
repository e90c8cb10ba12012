//! Reading.

use super::locate::{block_of, for_read, walk};
use super::page::{Entries, Entry, META_BLOCK, Meta, identity, pid};
use super::{code_of, predicate};
use crate::am::{Batch, Edge, IndexDesc, IndexScan};
use crate::buf::{Access, ReadGuard};
use crate::core::Core;
use crate::ssi::SxId;
use crate::wait::Op;
use rustydb_base::{BlockNo, DbError, Result, Rid};
use smallvec::SmallVec;
use std::collections::BinaryHeap;

/// The RIDs of all entries of a key's hash, marked ones included: they are candidates, the rows decide. `out` is cleared
/// first. A serializable `reader` is registered.
pub fn lookup(core: &Core, reader: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
    out.clear();
    let code = code_of(key);
    let firsts = for_read(&core.pool, idx.rel, code)?;
    register(core, reader, idx, code)?;
    for first in &firsts {
        each_of(core, idx, first, code, Access::Point, |e| out.push(e.rid))?;
    }
    Ok(())
}

/// Registers a serializable reader of a hash, whose bucket is latched.
fn register(core: &Core, reader: SxId, idx: &IndexDesc, code: u64) -> Result<()> {
    if reader.is_some() { core.ssi.read_page(reader, idx.rel, predicate(code)) } else { Ok(()) }
}

fn each_of(
    core: &Core,
    idx: &IndexDesc,
    first: &ReadGuard<'_>,
    code: u64,
    access: Access,
    mut each: impl FnMut(Entry),
) -> Op<()> {
    let from = identity(code, Rid::default());
    walk(&core.pool, idx.rel, first, access, |page, _| {
        for i in page.position(&from)?..page.len() {
            let e = page.get(i)?;
            if e.code != code {
                break;
            }
            each(e);
        }
        Ok(true)
    })
}

/// Entries of a key that a batch takes at most.
const BATCH: usize = 8192;

/// A scan of the entries of one key, or of all entries.
///
/// The entries of a key come in order of their RIDs, each batch the smallest ones behind the last of the batch before: so a
/// scan needs no place in a chain, which splits and purge change between two batches, and no more memory than a batch.
pub(super) struct HashScan {
    idx: IndexDesc,
    access: Access,
    what: What,
}

enum What {
    Key {
        key: Vec<u8>,
        code: u64,
        after: Option<Rid>,
        done: bool,
    },
    /// Bucket by bucket, a page of it at a time; nobody changes the index meanwhile.
    All {
        bucket: u32,
        next: BlockNo,
    },
    /// A range, which a hash index has none of.
    Range,
}

impl HashScan {
    pub(super) fn new(idx: IndexDesc, low: Edge, high: Edge, access: Access) -> HashScan {
        HashScan { idx, access, what: What::new(low, high) }
    }
}

impl What {
    fn new(low: Edge, high: Edge) -> What {
        match (low, high) {
            (Edge::Open, Edge::Open) => What::All { bucket: 0, next: 0 },
            (Edge::Inclusive(key), Edge::Inclusive(other)) if key == other => {
                What::Key { code: code_of(&key), key, after: None, done: false }
            }
            _ => What::Range,
        }
    }
}

impl IndexScan for HashScan {
    fn next_batch(&mut self, core: &Core, reader: SxId, out: &mut Batch) -> Op<bool> {
        match &mut self.what {
            What::Range => Err(DbError::internal("range scan of a hash index").into()),
            What::Key { done: true, .. } => Ok(false),
            What::Key { key, code, after, done } => {
                let firsts = for_read(&core.pool, self.idx.rel, *code)?;
                register(core, reader, &self.idx, *code)?;
                let mut best: BinaryHeap<(Rid, u64)> = BinaryHeap::new();
                for first in &firsts {
                    each_of(core, &self.idx, first, *code, self.access, |e| {
                        if after.is_some_and(|a| e.rid <= a) {
                            return;
                        }
                        if best.len() == BATCH {
                            if best.peek().is_none_or(|b| b.0 <= e.rid) {
                                return;
                            }
                            best.pop();
                        }
                        best.push((e.rid, e.marked.map_or(0, |x| x.0)));
                    })?;
                }
                *done = best.len() < BATCH;
                for (rid, by) in best.into_sorted_vec() {
                    out.push(key, rid, (by != 0).then_some(rustydb_base::Xid(by)))?;
                    *after = Some(rid);
                }
                Ok(true)
            }
            What::All { bucket, next } => {
                let rel = self.idx.rel;
                let meta = core.pool.read(pid(rel, META_BLOCK), Access::Point)?;
                if *bucket >= Meta::open(&meta)?.buckets {
                    return Ok(false);
                }
                let block = if *next == 0 { block_of(&core.pool, rel, &meta, *bucket)? } else { *next };
                let g = core.pool.read(pid(rel, block), self.access)?;
                if reader.is_some() {
                    core.ssi.read_relation(reader, rel)?;
                }
                for e in Entries::open(&g)?.all()? {
                    out.push(&e.code.to_be_bytes(), e.rid, e.marked)?;
                }
                *next = g.next();
                *bucket += u32::from(*next == 0);
                Ok(true)
            }
        }
    }

    fn rewind(&mut self, low: Edge, high: Edge) {
        self.what = What::new(low, high);
    }
}
