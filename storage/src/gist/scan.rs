//! Reading: what a question does not rule out, in no order or by distance.
//!
//! Between two nodes a scan holds nothing but the blocks it still has to visit, each with the count of splits that the parent
//! had when it was read: a child that has been split since then leads on to the new node.

use super::Asked;
use super::keys;
use super::page::{Node, ROOT_BLOCK, pid};
use super::tree::covers;
use crate::am::{Batch, Edge, IndexDesc, IndexScan};
use crate::buf::Access;
use crate::core::Core;
use crate::ssi::SxId;
use crate::wait::Op;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, Rid};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A node to visit: its block, and the parent's count when it was found there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Visit {
    block: BlockNo,
    seen: u64,
}

const FROM_ROOT: Visit = Visit { block: ROOT_BLOCK, seen: u64::MAX };

enum What {
    All,
    /// The entries of one key, and its bound.
    Key(Vec<u8>, Vec<u8>),
    Asked(Asked),
    /// A range, which there is none of.
    Range,
}

/// A scan in no order.
pub(crate) struct TreeScan {
    idx: IndexDesc,
    access: Access,
    what: What,
    todo: Vec<Visit>,
}

impl TreeScan {
    /// A scan of everything, or of one key.
    pub(crate) fn between(idx: IndexDesc, low: Edge, high: Edge, access: Access) -> TreeScan {
        TreeScan { idx, access, what: what(low, high), todo: vec![FROM_ROOT] }
    }

    /// A scan for a question.
    pub(crate) fn asking(idx: IndexDesc, asked: Asked) -> TreeScan {
        TreeScan { idx, access: Access::Point, what: What::Asked(asked), todo: vec![FROM_ROOT] }
    }
}

fn what(low: Edge, high: Edge) -> What {
    match (low, high) {
        (Edge::Open, Edge::Open) => What::All,
        (Edge::Inclusive(a), Edge::Inclusive(b)) if a == b => match keys() {
            Ok(keys) => {
                let bound = keys.bound(&a);
                What::Key(a, bound)
            }
            Err(_) => What::Range,
        },
        _ => What::Range,
    }
}

impl IndexScan for TreeScan {
    fn next_batch(&mut self, core: &Core, reader: SxId, out: &mut Batch) -> Op<bool> {
        let Some(visit) = self.todo.last().copied() else { return Ok(false) };
        let page = core.pool.read(pid(self.idx.rel, visit.block), self.access)?;
        let node = Node::open(&page)?;
        if reader.is_some() {
            core.ssi.read_page(reader, self.idx.rel, visit.block)?;
        }
        let leaf = node.level() == 0;
        let mut more = Vec::new();
        if node.split() > visit.seen && node.next() != 0 {
            more.push(Visit { block: node.next(), seen: visit.seen });
        }
        let seen = node.splits()?;
        for i in 0..node.len() {
            let key = node.key(i)?;
            let wanted = match &self.what {
                What::All => true,
                What::Key(k, bound) => {
                    if leaf {
                        k == key
                    } else {
                        covers(keys()?, key, bound)
                    }
                }
                What::Asked(a) => !key.is_empty() && a.0.may(key, leaf),
                What::Range => return Err(DbError::internal("range scan of a search tree").into()),
            };
            if !wanted {
                continue;
            }
            if leaf {
                out.push(key, node.rid(i)?, node.mark(i)?)?;
            } else {
                more.push(Visit { block: node.child(i)?, seen });
            }
        }
        self.todo.pop();
        self.todo.append(&mut more);
        Ok(true)
    }

    fn rewind(&mut self, low: Edge, high: Edge) {
        if !matches!(self.what, What::Asked(_)) {
            self.what = what(low, high);
        }
        self.todo.clear();
        self.todo.push(FROM_ROOT);
    }
}

/// A candidate of [`Nearest`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Found {
    /// The row.
    pub rid: Rid,
    /// It is not nearer than this.
    pub distance: f64,
}

#[derive(Clone, Copy)]
enum Thing {
    Node(Visit),
    Row(Rid),
}

/// Something on the way, the nearest being the greatest; of equally near ones, rows before nodes.
struct Ahead {
    distance: f64,
    thing: Thing,
}

impl Ord for Ahead {
    fn cmp(&self, other: &Ahead) -> Ordering {
        let rank = |a: &Ahead| matches!(a.thing, Thing::Row(_));
        other.distance.total_cmp(&self.distance).then_with(|| rank(self).cmp(&rank(other)))
    }
}

impl PartialOrd for Ahead {
    fn partial_cmp(&self, other: &Ahead) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ahead {
    fn eq(&self, other: &Ahead) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ahead {}

/// Entries and nodes that a scan by distance may have before it.
const MOST_AHEAD: usize = 4 << 20;
/// Nodes of one call.
const NODES: usize = 64;

/// A scan of what a question does not rule out, by what the question says of distances.
pub struct Nearest {
    idx: IndexDesc,
    asked: Asked,
    ahead: BinaryHeap<Ahead>,
}

impl Nearest {
    /// Begins.
    pub fn new(idx: IndexDesc, asked: Asked) -> Nearest {
        let mut ahead = BinaryHeap::new();
        ahead.push(Ahead { distance: f64::NEG_INFINITY, thing: Thing::Node(FROM_ROOT) });
        Nearest { idx, asked, ahead }
    }

    /// Whether everything has been answered.
    pub fn is_done(&self) -> bool {
        self.ahead.is_empty()
    }

    /// What comes next is not nearer than this; `None`: nothing comes.
    pub fn at_least(&self) -> Option<f64> {
        self.ahead.peek().map(|a| a.distance)
    }

    /// The next candidate; `None` at the end, and after some nodes to be called again ([`Nearest::is_done`] tells).
    /// After a wait the call is repeated. A serializable `reader` is registered at every node.
    pub fn next(&mut self, core: &Core, reader: SxId) -> Op<Option<Found>> {
        for _ in 0..NODES {
            let Some(first) = self.ahead.peek() else { return Ok(None) };
            let (distance, visit) = match first.thing {
                Thing::Row(rid) => {
                    let found = Found { rid, distance: first.distance };
                    self.ahead.pop();
                    return Ok(Some(found));
                }
                Thing::Node(v) => (first.distance, v),
            };
            let page = core.pool.read(pid(self.idx.rel, visit.block), Access::Point)?;
            let node = Node::open(&page)?;
            if reader.is_some() {
                core.ssi.read_page(reader, self.idx.rel, visit.block)?;
            }
            let leaf = node.level() == 0;
            let seen = node.splits()?;
            let mut more = Vec::with_capacity(node.len() + 1);
            if node.split() > visit.seen && node.next() != 0 {
                more.push(Ahead { distance, thing: Thing::Node(Visit { block: node.next(), seen: visit.seen }) });
            }
            for i in 0..node.len() {
                let key = node.key(i)?;
                if key.is_empty() || !self.asked.0.may(key, leaf) {
                    continue;
                }
                // No row is nearer than the node it is in.
                let d = self.asked.0.distance(key, leaf);
                let d = if d.is_nan() { f64::INFINITY } else { d.max(distance) };
                let thing =
                    if leaf { Thing::Row(node.rid(i)?) } else { Thing::Node(Visit { block: node.child(i)?, seen }) };
                more.push(Ahead { distance: d, thing });
            }
            if self.ahead.len() + more.len() > MOST_AHEAD {
                return Err(DbError::new(
                    SqlState::PROGRAM_LIMIT_EXCEEDED,
                    "a search by distance has too many rows before it",
                )
                .into());
            }
            self.ahead.pop();
            self.ahead.extend(more);
        }
        Ok(None)
    }
}
