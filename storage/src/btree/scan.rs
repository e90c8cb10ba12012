//! Reading: the point look-up and the range scan.

use super::node::{Bound, Node};
use super::tree::{Way, leaf_for_read};
use crate::am::{Batch, Direction, Edge, IndexDesc};
use crate::buf::{Access, Pool, ReadGuard};
use crate::core::Core;
use crate::page::PageKind;
use crate::ssi::SxId;
use crate::wait::Op;
use rustydb_base::{BlockNo, PageId, Result, Rid};
use smallvec::SmallVec;

/// The RIDs of all entries of a key, marked ones included: they are candidates, the rows decide. `out` is cleared
/// first. Allocates nothing while there are at most four. A serializable `reader` is registered at the leaves.
pub fn lookup(core: &Core, reader: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
    out.clear();
    let mut leaf = leaf_for_read(&core.pool, idx.rel, Way::To(key, Bound::Through), Access::Point)?;
    loop {
        if reader.is_some() {
            core.ssi.read_page(reader, idx.rel, leaf.pid().block)?;
        }
        let node = Node::open(&leaf)?;
        for i in node.position(key, Bound::Before)?..node.len() {
            if !node.begins_with(i, key)? {
                return Ok(());
            }
            out.push(node.rid(i)?);
        }
        if !node.run_goes_on(key) {
            return Ok(());
        }
        // The right sibling is latched before this leaf is let go.
        leaf = core.pool.read(PageId::new(idx.rel, node.next()), Access::Point)?;
    }
}

/// Where the next batch begins.
enum Place {
    Start,
    /// Forward: the first entry not smaller than these bytes. Backward: the last entry smaller than these bytes.
    Fence(Vec<u8>),
    End,
}

/// A range scan between two batches. It holds no latch and no pin, so it may live across waits, splits and merges: a
/// batch is a whole leaf's part of the range, and the next one begins at that leaf's fence, wherever that is by then.
pub struct TreeScan {
    idx: IndexDesc,
    low: Edge,
    high: Edge,
    direction: Direction,
    access: Access,
    with_keys: bool,
    place: Place,
    /// Where the next leaf was when the last batch was read.
    hint: BlockNo,
}

impl TreeScan {
    /// A scan of the entries between two edges. Without `with_keys`, batches carry RIDs and marks only.
    pub fn new(
        idx: IndexDesc,
        low: Edge,
        high: Edge,
        direction: Direction,
        access: Access,
        with_keys: bool,
    ) -> TreeScan {
        TreeScan { idx, low, high, direction, access, with_keys, place: Place::Start, hint: 0 }
    }

    /// Begins again with another range.
    pub fn rewind(&mut self, low: Edge, high: Edge) {
        (self.low, self.high) = (low, high);
        self.place = Place::Start;
        self.hint = 0;
    }

    /// Reads the next batch; see [`IndexScan::next_batch`](crate::am::IndexScan::next_batch). A serializable `reader` is
    /// registered at the leaf.
    pub fn next_batch(&mut self, core: &Core, reader: SxId, out: &mut Batch) -> Op<bool> {
        let pool = &*core.pool;
        if matches!(self.place, Place::End) {
            return Ok(false);
        }
        let leaf = match self.direction {
            Direction::Forward => self.seek_forward(pool)?,
            Direction::Backward => self.seek_backward(pool)?,
        };
        if reader.is_some() {
            core.ssi.read_page(reader, self.idx.rel, leaf.pid().block)?;
        }
        let node = Node::open(&leaf)?;
        let place = self.copy(&node, out)?;
        self.hint = node.next();
        self.place = place;
        Ok(true)
    }

    fn seek_forward<'p>(&self, pool: &'p Pool) -> Op<ReadGuard<'p>> {
        let way = match (&self.place, &self.low) {
            (Place::Fence(f), _) => {
                if self.hint != 0 {
                    let g = pool.read(PageId::new(self.idx.rel, self.hint), self.access)?;
                    if g.is(PageKind::Btree) && g.level() == 0 && Node::open(&g)?.covers(f) {
                        return Ok(g);
                    }
                }
                Way::To(f, Bound::Through)
            }
            (_, Edge::Open) => Way::To(&[], Bound::Through),
            (_, Edge::Inclusive(b)) => Way::To(b, Bound::Through),
            (_, Edge::Exclusive(b)) => Way::To(b, Bound::Past),
        };
        leaf_for_read(pool, self.idx.rel, way, self.access)
    }

    fn seek_backward<'p>(&self, pool: &'p Pool) -> Op<ReadGuard<'p>> {
        let way = match (&self.place, &self.high) {
            (Place::Fence(f), _) => Way::To(f, Bound::Before),
            (_, Edge::Open) => Way::Last,
            (_, Edge::Inclusive(b)) => Way::To(b, Bound::Past),
            (_, Edge::Exclusive(b)) => Way::To(b, Bound::Before),
        };
        leaf_for_read(pool, self.idx.rel, way, self.access)
    }

    /// Copies the leaf's part of the range; answers where the next batch begins.
    fn copy(&self, node: &Node<'_>, out: &mut Batch) -> Result<Place> {
        let mut from = match &self.low {
            Edge::Open => 0,
            Edge::Inclusive(b) => node.position(b, Bound::Before)?,
            Edge::Exclusive(b) => node.position(b, Bound::Past)?,
        };
        let mut to = match &self.high {
            Edge::Open => node.len(),
            Edge::Inclusive(b) => node.position(b, Bound::Past)?,
            Edge::Exclusive(b) => node.position(b, Bound::Before)?,
        };
        let (at_low, at_high) = (from > 0, to < node.len());
        // After a merge the leaf may reach back behind the fence the scan has passed.
        match (&self.place, self.direction) {
            (Place::Fence(f), Direction::Forward) => from = from.max(node.position(f, Bound::Before)?),
            (Place::Fence(f), Direction::Backward) => to = to.min(node.position(f, Bound::Before)?),
            _ => (),
        }
        let next = match self.direction {
            Direction::Forward => (!at_high && self.more_above(node)).then(|| node.high().to_vec()),
            Direction::Backward => (!at_low && self.more_below(node)).then(|| node.low().to_vec()),
        };
        out.reserve(to.saturating_sub(from));
        let mut take = |i: usize| -> Result<()> {
            out.push_with(node.rid(i)?, node.mark(i)?, |keys| {
                if self.with_keys {
                    node.key_into(i, keys)?;
                    keys.truncate(keys.len().saturating_sub(Rid::LEN));
                }
                Ok(())
            })
        };
        match self.direction {
            Direction::Forward => (from..to).try_for_each(&mut take)?,
            Direction::Backward => (from..to).rev().try_for_each(&mut take)?,
        }
        Ok(next.map_or(Place::End, Place::Fence))
    }

    /// Whether entries of the range may lie beyond the leaf's high fence.
    fn more_above(&self, node: &Node<'_>) -> bool {
        let fence = node.high();
        !fence.is_empty()
            && match &self.high {
                Edge::Open => true,
                Edge::Inclusive(b) => fence <= b.as_slice() || fence.starts_with(b),
                Edge::Exclusive(b) => fence < b.as_slice(),
            }
    }

    /// Whether entries of the range may lie before the leaf's low fence.
    fn more_below(&self, node: &Node<'_>) -> bool {
        let fence = node.low();
        !fence.is_empty()
            && match &self.low {
                Edge::Open => true,
                Edge::Inclusive(b) => fence > b.as_slice(),
                Edge::Exclusive(b) => fence > b.as_slice() && !fence.starts_with(b),
            }
    }
}
