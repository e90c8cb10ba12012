//! Scans of an index between two batches: what all methods share.

use super::IndexDesc;
use crate::buf::Access;
use crate::core::Core;
use crate::ssi::SxId;
use crate::wait::Op;
use rustydb_base::{DbError, Result, Rid, Xid};

/// One end of a range, in key bytes. The bytes may be a beginning of keys (leading columns): an inclusive end then
/// takes in, and an exclusive end leaves out, every key that begins with them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Edge {
    /// To the end of the index.
    #[default]
    Open,
    /// Keys that begin with the bytes belong to the range.
    Inclusive(Vec<u8>),
    /// Keys that begin with the bytes do not.
    Exclusive(Vec<u8>),
}

/// Scan direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// One entry of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate<'b> {
    /// Key bytes without RID; empty if the cursor does not collect keys.
    pub key: &'b [u8],
    /// The row.
    pub rid: Rid,
    /// Who delete-marked the entry, if anyone.
    pub marked: Option<Xid>,
}

#[derive(Clone, Copy)]
struct Item {
    end: u32,
    rid: Rid,
    marked: Option<Xid>,
}

/// Entries read together.
#[derive(Default)]
pub struct Batch {
    keys: Vec<u8>,
    items: Vec<Item>,
}

impl Batch {
    /// Forgets them, keeping the buffers.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.items.clear();
    }

    /// Adds an entry whose key `write` appends.
    pub fn push_with(
        &mut self,
        rid: Rid,
        marked: Option<Xid>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        write(&mut self.keys)?;
        let end = u32::try_from(self.keys.len()).map_err(|_| DbError::internal("index batch of more than 4 GB"))?;
        self.items.push(Item { end, rid, marked });
        Ok(())
    }

    /// Adds an entry.
    pub fn push(&mut self, key: &[u8], rid: Rid, marked: Option<Xid>) -> Result<()> {
        self.push_with(rid, marked, |keys| {
            keys.extend_from_slice(key);
            Ok(())
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Makes room for more.
    pub fn reserve(&mut self, n: usize) {
        self.items.reserve(n);
    }

    /// One of them.
    #[inline]
    pub fn get(&self, i: usize) -> Option<Candidate<'_>> {
        let it = self.items.get(i)?;
        let start = if i == 0 { 0 } else { self.items[i - 1].end as usize };
        Some(Candidate { key: &self.keys[start..it.end as usize], rid: it.rid, marked: it.marked })
    }
}

/// A method's own part of a scan. It holds no latch and no pin between two batches.
pub trait IndexScan: Send {
    /// Reads the next batch into `out`, which is empty. `false`: the range is exhausted. A batch may be empty before the end.
    /// After a wait the call is repeated. A serializable `reader` is registered at what is read.
    fn next_batch(&mut self, core: &Core, reader: SxId, out: &mut Batch) -> Op<bool>;
    /// Begins again with another range.
    fn rewind(&mut self, low: Edge, high: Edge);
}

enum Scan {
    Tree(crate::btree::TreeScan),
    Other(Box<dyn IndexScan>),
}

/// A scan of an index.
pub struct Cursor {
    scan: Scan,
    batch: Batch,
}

impl Cursor {
    /// A scan of the entries of an index between two edges; see [`super::IndexAm::scan`]. Without `with_keys`, batches carry
    /// RIDs and marks only.
    pub fn open(
        idx: IndexDesc,
        low: Edge,
        high: Edge,
        direction: Direction,
        access: Access,
        with_keys: bool,
    ) -> Result<Cursor> {
        Ok(idx.method.am()?.scan(idx, low, high, direction, access, with_keys))
    }

    /// The cursor of a B+tree, which is dispatched to directly.
    pub(crate) fn tree(scan: crate::btree::TreeScan) -> Cursor {
        Cursor { scan: Scan::Tree(scan), batch: Batch::default() }
    }

    /// The cursor of a method's own scan.
    pub fn new(scan: Box<dyn IndexScan>) -> Cursor {
        Cursor { scan: Scan::Other(scan), batch: Batch::default() }
    }

    /// Begins again, keeping the buffers.
    pub fn rewind(&mut self, low: Edge, high: Edge) {
        self.batch.clear();
        match &mut self.scan {
            Scan::Tree(s) => s.rewind(low, high),
            Scan::Other(s) => s.rewind(low, high),
        }
    }

    /// The batch read last, in scan order.
    pub fn batch(&self) -> impl Iterator<Item = Candidate<'_>> {
        (0..self.batch.len()).filter_map(|i| self.batch.get(i))
    }

    /// One entry of the batch read last.
    #[inline]
    pub fn candidate(&self, i: usize) -> Option<Candidate<'_>> {
        self.batch.get(i)
    }

    /// Reads the next batch. `false`: the range is exhausted and the batch empty. A batch may be empty before the end.
    /// After a [`Wait`](crate::wait::Wait) the batch is empty and the call can be repeated. A serializable `reader` is
    /// registered at what is read.
    pub fn next_batch(&mut self, core: &Core, reader: SxId) -> Op<bool> {
        self.batch.clear();
        let done = match &mut self.scan {
            Scan::Tree(s) => s.next_batch(core, reader, &mut self.batch),
            Scan::Other(s) => s.next_batch(core, reader, &mut self.batch),
        };
        if !matches!(done, Ok(true)) {
            self.batch.clear();
        }
        done
    }
}
