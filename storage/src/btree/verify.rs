//! Checks a whole tree: order, fences, sibling links, levels.

use super::ROOT_BLOCK;
use super::node::{Bound, Node, SLOT, SPACE};
use super::tree::{Way, root};
use crate::am::IndexDesc;
use crate::buf::{Access, Pool};
use crate::wait::Op;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, PageId, Result};
use xxhash_rust::xxh3::Xxh3;

/// What a check found out about a sound tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VerifyReport {
    /// Levels, leaves included.
    pub height: u32,
    /// Leaf pages.
    pub leaves: u64,
    /// Pages above the leaves.
    pub inner: u64,
    /// Leaf entries, marked ones included.
    pub entries: u64,
    /// Marked leaf entries.
    pub marked: u64,
    /// Body bytes in use on leaves.
    pub leaf_bytes: u64,
}

/// A check in progress: level by level, each from left to right, one page per step; restartable after every wait.
///
/// That a level is exactly the children of the one above, in order and with the separators as low fences, is checked
/// with a running hash over (block, low fence), so memory does not grow with the tree. Nobody may change the index
/// meanwhile.
pub struct Verifier {
    idx: IndexDesc,
    report: VerifyReport,
    /// Level of the walk and next block; `None` before the first step.
    at: Option<(u8, BlockNo)>,
    done: bool,
    /// High fence of the node to the left.
    left: Vec<u8>,
    /// What the level above says of this level, what this level is, and what it says of the one below.
    expected: Option<u64>,
    seen: Xxh3,
    children: Xxh3,
    first_child: BlockNo,
}

impl Verifier {
    /// Begins.
    pub fn new(idx: IndexDesc) -> Verifier {
        Verifier {
            idx,
            report: VerifyReport::default(),
            at: None,
            done: false,
            left: Vec::new(),
            expected: None,
            seen: Xxh3::new(),
            children: Xxh3::new(),
            first_child: 0,
        }
    }

    /// The block that is looked at next: where damage lies, after an error.
    pub fn block(&self) -> BlockNo {
        self.at.map_or(ROOT_BLOCK, |(_, block)| block)
    }

    /// Checks to the end.
    pub fn run(&mut self, pool: &Pool) -> Op<VerifyReport> {
        while !self.done {
            self.step(pool)?;
        }
        Ok(self.report)
    }

    fn step(&mut self, pool: &Pool) -> Op<()> {
        let pid = match self.at {
            None => root(self.idx.rel),
            Some((_, block)) => PageId::new(self.idx.rel, block),
        };
        let page = pool.read(pid, Access::Scan)?;
        let node = Node::open(&page)?;
        let level = match self.at {
            None => {
                self.report.height = u32::from(node.level()) + 1;
                if !node.low().is_empty() || !node.high().is_empty() || node.next() != 0 {
                    return Err(wrong(pid, "the root has fences or a sibling").into());
                }
                node.level()
            }
            Some((level, _)) => level,
        };
        if node.level() != level {
            return Err(wrong(pid, "wrong level").into());
        }
        if node.low() != self.left {
            return Err(wrong(pid, "low fence differs from the left neighbour's high fence").into());
        }
        if node.high().is_empty() != (node.next() == 0) || (!node.high().is_empty() && node.low() >= node.high()) {
            return Err(wrong(pid, "high fence and sibling link disagree").into());
        }
        if level > 0 && node.len() == 0 {
            return Err(wrong(pid, "inner node without children").into());
        }
        note(&mut self.seen, pid.block, node.low());
        self.entries(pid, &node, level)?;
        if level == 0 {
            self.report.leaves += 1;
            self.report.leaf_bytes += node.used() as u64;
        } else {
            self.report.inner += 1;
        }
        self.left = node.high().to_vec();
        if node.next() != 0 {
            self.at = Some((level, node.next()));
            return Ok(());
        }
        // The level is complete.
        let seen = std::mem::replace(&mut self.seen, Xxh3::new()).digest();
        if self.expected.is_some_and(|e| e != seen) {
            return Err(wrong(pid, "this level is not what the level above says").into());
        }
        self.left.clear();
        if level == 0 {
            self.done = true;
            return Ok(());
        }
        self.expected = Some(std::mem::replace(&mut self.children, Xxh3::new()).digest());
        self.at = Some((level - 1, std::mem::take(&mut self.first_child)));
        Ok(())
    }

    fn entries(&mut self, pid: PageId, node: &Node<'_>, level: u8) -> Result<()> {
        let (mut before, mut key, mut used) = (Vec::new(), Vec::new(), 0);
        for i in 0..node.len() {
            used += SLOT + node.data(i)?.len();
            key.clear();
            if level > 0 && i == 0 {
                key.extend_from_slice(node.low());
                if !node.suffix(0)?.is_empty() {
                    return Err(wrong(pid, "first separator is stored"));
                }
            } else {
                node.key_into(i, &mut key)?;
                if !node.covers(&key) {
                    return Err(wrong(pid, "entry outside the fences"));
                }
                if i > 0 && key <= before {
                    return Err(wrong(pid, "entries out of order"));
                }
                if node.position_for(&key)? != i + usize::from(level > 0) {
                    return Err(wrong(pid, "search does not find an entry"));
                }
            }
            if level > 0 {
                let child = node.child(i)?;
                if child == 0 || child == ROOT_BLOCK {
                    return Err(wrong(pid, "impossible child"));
                }
                if self.first_child == 0 {
                    self.first_child = child;
                }
                if !node.high().is_empty() && Way::To(&key, Bound::Through).choose(node)? != i {
                    return Err(wrong(pid, "separator does not lead to its child"));
                }
                note(&mut self.children, child, &key);
            } else {
                node.rid(i)?;
                self.report.entries += 1;
                self.report.marked += u64::from(node.mark(i)?.is_some());
            }
            std::mem::swap(&mut before, &mut key);
        }
        if used != node.used() || used > SPACE {
            return Err(wrong(pid, "space accounts do not add up"));
        }
        Ok(())
    }
}

fn note(h: &mut Xxh3, block: BlockNo, low: &[u8]) {
    h.update(&block.to_le_bytes());
    h.update(&(low.len() as u32).to_le_bytes());
    h.update(low);
}

fn wrong(pid: PageId, what: &str) -> DbError {
    DbError::new(SqlState::INDEX_CORRUPTED, format!("index {} is corrupted: block {}: {what}", pid.rel, pid.block))
}
