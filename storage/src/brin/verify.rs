//! Checks a whole index: that maps and summaries name each other, one to one.

use super::change::next_summaries;
use super::page::{
    BLOCKS, DIRECTORY, PLACES, ROOT, ROOT_BLOCK, Slots, block_at, broken, pages_per_range, pid, place_at,
};
use crate::am::{IndexCheck, IndexReport};
use crate::buf::Access;
use crate::core::Core;
use crate::wait::Op;
use rustydb_base::{BlockNo, RelId};
use std::collections::HashSet;

/// Where the check is.
enum Step {
    /// The chain of pages of summaries; those seen.
    Chain(HashSet<BlockNo>),
    /// Directory and map at positions of the root and the directory.
    Maps(u32, u32),
    Done,
}

/// A check in progress, restartable after every wait. It holds the blocks of the pages of summaries.
pub(super) struct Verifier {
    rel: RelId,
    report: IndexReport,
    step: Step,
    at: BlockNo,
    /// Summaries on their pages.
    stored: u64,
}

impl Verifier {
    pub(super) fn new(rel: RelId) -> Verifier {
        let report = IndexReport { pages: 1, ..IndexReport::default() };
        Verifier { rel, report, step: Step::Chain(HashSet::new()), at: ROOT_BLOCK, stored: 0 }
    }

    fn chain(&mut self, core: &Core) -> Op<()> {
        let Step::Chain(seen) = &mut self.step else { return Ok(()) };
        loop {
            let next = next_summaries(core, self.rel, self.at)?;
            if next == 0 {
                break;
            }
            let g = core.pool.read(pid(self.rel, next), Access::Scan)?;
            if seen.contains(&next) {
                return Err(broken(&g, "a page of summaries that leads to itself").into());
            }
            let slots = Slots::open(&g)?;
            for slot in 0..slots.len() {
                self.stored += u64::from(slots.summary(slot as u16)?.is_some());
            }
            seen.insert(next);
            self.report.pages += 1;
            self.at = next;
        }
        self.step = Step::Maps(0, 0);
        Ok(())
    }

    /// Checks a directory's map, or all of a directory that is not there.
    fn map(&mut self, core: &Core, dir_at: u32, map_at: u32) -> Op<()> {
        self.at = ROOT_BLOCK;
        let dir = {
            let root = core.pool.read(pid(self.rel, ROOT_BLOCK), Access::Scan)?;
            pages_per_range(&root)?;
            block_at(&root, ROOT, dir_at)?
        };
        let after = |map_at: u32| {
            if map_at + 1 < BLOCKS {
                Step::Maps(dir_at, map_at + 1)
            } else if dir_at + 1 < BLOCKS {
                Step::Maps(dir_at + 1, 0)
            } else {
                Step::Done
            }
        };
        if dir == 0 {
            self.step = after(BLOCKS);
            return Ok(());
        }
        self.at = dir;
        let map = block_at(&*core.pool.read(pid(self.rel, dir), Access::Scan)?, DIRECTORY, map_at)?;
        let mut entries = 0;
        if map != 0 {
            self.at = map;
            let g = core.pool.read(pid(self.rel, map), Access::Scan)?;
            for at in 0..PLACES {
                let Some(place) = place_at(&g, at)? else { continue };
                let range = (dir_at * BLOCKS + map_at) * PLACES + at;
                let data = core.pool.read(pid(self.rel, place.block), Access::Scan)?;
                if Slots::open(&data)?.summary(place.slot)?.is_none_or(|s| s.range != range) {
                    return Err(broken(&g, "a place that has no summary of its range").into());
                }
                entries += 1;
            }
        }
        self.report.entries += entries;
        self.report.pages += u64::from(map != 0) + u64::from(map_at == 0);
        self.step = after(map_at);
        Ok(())
    }
}

impl IndexCheck for Verifier {
    fn run(&mut self, core: &Core) -> Op<IndexReport> {
        loop {
            match self.step {
                Step::Chain(_) => self.chain(core)?,
                Step::Maps(dir, map) => self.map(core, dir, map)?,
                Step::Done => break,
            }
        }
        if self.stored != self.report.entries {
            let root = core.pool.read(pid(self.rel, ROOT_BLOCK), Access::Scan)?;
            return Err(broken(&root, "summaries that no map names").into());
        }
        Ok(self.report)
    }

    fn block(&self) -> BlockNo {
        self.at
    }
}
