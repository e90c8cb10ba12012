//! Checks a whole index: levels, and that every bound covers what is below it.

use super::keys;
use super::page::{Node, ROOT_BLOCK, broken, pid};
use super::tree::covers;
use crate::am::{IndexCheck, IndexReport};
use crate::buf::Access;
use crate::core::Core;
use crate::wait::Op;
use rustydb_base::{BlockNo, RelId};
use std::collections::HashSet;

/// A node to check: its block, its level if a parent says so, and the bound it stands under.
struct Step {
    block: BlockNo,
    level: Option<u8>,
    bound: Vec<u8>,
}

/// A check in progress: node by node, restartable after every wait. It holds the bounds of one node's children per level.
pub(super) struct Verifier {
    rel: RelId,
    report: IndexReport,
    todo: Vec<Step>,
    seen: HashSet<BlockNo>,
    at: BlockNo,
}

impl Verifier {
    pub(super) fn new(rel: RelId) -> Verifier {
        let root = Step { block: ROOT_BLOCK, level: None, bound: Vec::new() };
        // The gate's page is the first.
        let report = IndexReport { pages: 1, ..IndexReport::default() };
        Verifier { rel, report, todo: vec![root], seen: HashSet::new(), at: ROOT_BLOCK }
    }
}

impl IndexCheck for Verifier {
    fn run(&mut self, core: &Core) -> Op<IndexReport> {
        let keys = keys()?;
        while let Some(step) = self.todo.last() {
            self.at = step.block;
            let page = core.pool.read(pid(self.rel, step.block), Access::Scan)?;
            let node = Node::open(&page)?;
            if step.level.is_some_and(|l| l != node.level()) {
                return Err(broken(&page, "a node of another level than its parent says").into());
            }
            if self.seen.contains(&step.block) {
                return Err(broken(&page, "a node that has two parents").into());
            }
            let (mut entries, mut marked, mut below) = (0, 0, Vec::new());
            for i in 0..node.len() {
                let key = node.key(i)?;
                let own = if node.level() == 0 { keys.bound(key) } else { key.to_vec() };
                if step.level.is_some() && !covers(keys, &step.bound, &own) {
                    return Err(broken(&page, "an entry outside of its node's bound").into());
                }
                if node.level() == 0 {
                    entries += 1;
                    marked += u64::from(node.mark(i)?.is_some());
                } else {
                    below.push(Step { block: node.child(i)?, level: Some(node.level() - 1), bound: own });
                }
            }
            self.report.pages += 1;
            self.report.entries += entries;
            self.report.marked += marked;
            self.seen.insert(self.at);
            self.todo.pop();
            self.todo.extend(below);
        }
        Ok(self.report)
    }

    fn block(&self) -> BlockNo {
        self.at
    }
}
