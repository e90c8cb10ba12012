//! Building an index from sorted entries, bottom up.
//!
//! Each level collects entries until a node is full, then writes that node once, whole, in one mini-transaction that
//! also takes the block of its right sibling (so the chain is complete at every moment), and hands the level above a
//! separator. The last node of the highest level becomes the root. The index is not used by anyone until it is built;
//! a build that fails leaves its file to the rollback of the file's creation.

use super::node::{SLOT, SPACE, common_prefix};
use super::redo::{self, NodeSpec};
use super::split::separator;
use super::tree::root;
use super::{MAX_KEY, too_long};
use crate::core::Core;
use crate::page::{PAGE_SIZE, PageKind};
use crate::space::ALLOC_LOG_BYTES;
use crate::wait::Op;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, PageId, RelId, Rid, Xid};

/// Nodes are filled up to this many body bytes, so that the first insertions and marks do not split them.
const FILL: usize = SPACE / 10 * 9;

/// One level under construction.
#[derive(Default)]
struct Level {
    /// Block of the node being collected, once a left sibling was written.
    block: Option<BlockNo>,
    /// Its low fence.
    low: Vec<u8>,
    /// Its entries' bytes, one after the other.
    bytes: Vec<u8>,
    /// Where each entry ends and, above the leaves, its child.
    ends: Vec<(usize, BlockNo)>,
}

impl Level {
    fn tail(level: usize) -> usize {
        if level == 0 { 0 } else { 4 }
    }
    fn start(&self, i: usize) -> usize {
        i.checked_sub(1).and_then(|p| self.ends.get(p)).map_or(0, |e| e.0)
    }
    fn entry(&self, i: usize) -> &[u8] {
        self.ends.get(i).and_then(|e| self.bytes.get(self.start(i)..e.0)).unwrap_or(&[])
    }
    fn last(&self) -> &[u8] {
        self.ends.len().checked_sub(1).map_or(&[], |i| self.entry(i))
    }
    /// Drops the first `n` entries.
    fn pass(&mut self, n: usize) {
        let gone = self.start(n);
        self.bytes.drain(..gone);
        self.ends.drain(..n);
        self.ends.iter_mut().for_each(|e| e.0 -= gone);
    }
    /// Body bytes of a node made of the first `n` entries (whose lengths sum to `bytes`) with this high fence.
    fn size(&self, level: usize, n: usize, bytes: usize, high: &[u8]) -> usize {
        let shared = common_prefix(&self.low, high) * n;
        self.low.len() + high.len() + bytes + n * (SLOT + Level::tail(level)) - shared.min(bytes)
    }
    /// Number of entries for the next node, which is not the last of its level, and its high fence.
    fn cut(&self, level: usize) -> Option<(usize, Vec<u8>)> {
        for n in (1..self.ends.len()).rev() {
            let (a, b) = (self.entry(n - 1), self.entry(n));
            let high = if level == 0 { separator(a, b) } else { b.to_vec() };
            if self.size(level, n, self.start(n), &high) <= if n == 1 { SPACE } else { FILL } {
                return Some((n, high));
            }
        }
        None
    }
}

/// A build in progress. Every method may answer a wait and is then called again with the same arguments.
pub struct BulkBuilder {
    rel: RelId,
    xid: Xid,
    levels: Vec<Level>,
    count: u64,
    /// Levels whose last node is written.
    done: usize,
}

impl BulkBuilder {
    /// Starts to fill an index whose tree [`create`](super::create) made and nobody has used.
    pub fn new(rel: RelId, xid: Xid) -> BulkBuilder {
        BulkBuilder { rel, xid, levels: vec![Level::default()], count: 0, done: 0 }
    }

    /// Entries taken so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds the next entry; entries come in ascending order of (key, RID).
    pub fn push(&mut self, core: &Core, key: &[u8], rid: Rid) -> Op<()> {
        self.settle(core)?;
        if key.len() > MAX_KEY {
            return Err(too_long(key.len()).into());
        }
        let rid = rid.to_bytes();
        let last = self.levels[0].last();
        // No key is a proper beginning of another one, so their order is that of the joined bytes.
        if !last.is_empty() && last.iter().ge(key.iter().chain(&rid)) {
            return Err(DbError::new(SqlState::INDEX_CORRUPTED, "index build met entries out of order").into());
        }
        self.add(0, [key, &rid], 0);
        self.count += 1;
        Ok(())
    }

    fn add(&mut self, level: usize, entry: [&[u8]; 2], child: BlockNo) {
        if self.levels.len() == level {
            self.levels.push(Level::default());
        }
        let l = &mut self.levels[level];
        entry.iter().for_each(|part| l.bytes.extend_from_slice(part));
        l.ends.push((l.bytes.len(), child));
    }

    /// Writes the nodes that are full, from the leaves up to where none is. What it has done it does not do again; what a
    /// wait keeps it from doing above the leaves it does when the next leaf is full, or in the end.
    fn settle(&mut self, core: &Core) -> Op<()> {
        let (mut at, mut wrote) = (0, false);
        while let Some(l) = self.levels.get(at) {
            let last = l.last();
            if l.size(at, l.ends.len(), l.bytes.len(), last) > FILL + last.len()
                && let Some((n, high)) = l.cut(at)
            {
                self.write(core, at, n, &high)?;
                wrote = true;
            } else if !std::mem::take(&mut wrote) {
                break;
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    /// Writes the first `n` entries of a level as a node with this high fence.
    fn write(&mut self, core: &Core, at: usize, n: usize, high: &[u8]) -> Op<()> {
        let own = match self.levels[at].block {
            Some(b) => b,
            None => {
                let mut mtr = core.mtr(self.xid);
                let new = core.space.prepare_alloc(&mut mtr, &core.pool, self.rel)?;
                mtr.reserve(ALLOC_LOG_BYTES)?;
                core.space.apply_alloc(&mut mtr, &new, PageKind::Btree);
                mtr.finish();
                self.levels[at].block = Some(new.block);
                new.block
            }
        };
        let mut mtr = core.mtr(self.xid);
        let i = mtr.fix(PageId::new(self.rel, own))?;
        let new = core.space.prepare_alloc(&mut mtr, &core.pool, self.rel)?;
        let l = &self.levels[at];
        let mut spec = NodeSpec::new(at as u8, new.block, &l.low, high);
        fill(&mut spec, l, at, n);
        mtr.reserve(PAGE_SIZE + ALLOC_LOG_BYTES + 128)?;
        core.space.apply_alloc(&mut mtr, &new, PageKind::Btree);
        mtr.apply(i, redo::NEW_RIGHT, spec.payload());
        mtr.finish();

        let l = &mut self.levels[at];
        l.pass(n);
        let low = std::mem::replace(&mut l.low, high.to_vec());
        l.block = Some(new.block);
        self.add(at + 1, [&low, &[]], own);
        Ok(())
    }

    /// Writes what is left and the root.
    pub fn finish(&mut self, core: &Core) -> Op<u64> {
        self.settle(core)?;
        for at in self.done..usize::from(u8::MAX) {
            // The last node of a level has no high fence, so it shares no prefix and may need another cut.
            loop {
                let Some(l) = self.levels.get(at) else { return Ok(self.count) };
                if l.size(at, l.ends.len(), l.bytes.len(), &[]) <= SPACE {
                    break;
                }
                let Some((n, high)) = l.cut(at) else {
                    return Err(DbError::internal("index build cannot cut a node").into());
                };
                self.write(core, at, n, &high)?;
                self.settle(core)?;
            }
            let l = &self.levels[at];
            let mut spec = NodeSpec::new(at as u8, 0, &l.low, &[]);
            fill(&mut spec, l, at, l.ends.len());
            let mut mtr = core.mtr(self.xid);
            let pid = l.block.map_or(root(self.rel), |b| PageId::new(self.rel, b));
            let i = mtr.fix(pid)?;
            mtr.reserve(PAGE_SIZE + 128)?;
            mtr.apply(i, if l.block.is_some() { redo::NEW_RIGHT } else { redo::ROOT }, spec.payload());
            mtr.finish();
            let Some(own) = l.block else {
                self.done = self.levels.len();
                break;
            };
            let low = l.low.clone();
            self.done = at + 1;
            self.add(at + 1, [&low, &[]], own);
            self.settle(core)?;
        }
        Ok(self.count)
    }
}

fn fill(spec: &mut NodeSpec, l: &Level, at: usize, n: usize) {
    for (k, (_, child)) in l.ends.iter().take(n).enumerate() {
        match (at, k) {
            (0, _) => spec.push([l.entry(k), &[]], 0, &[]),
            (_, 0) => spec.push_first(*child),
            _ => spec.push([l.entry(k), &[]], 0, &child.to_le_bytes()),
        }
    }
}
