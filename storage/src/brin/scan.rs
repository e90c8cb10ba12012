//! Which blocks of a table a question does not rule out.

use super::change::{look, map_of};
use super::page::{PLACES, Place, ROOT_BLOCK, Slots, Way, pages_per_range, pid, place_at};
use super::{blocks_of, range_of};
use crate::am::IndexDesc;
use crate::buf::Access;
use crate::core::Core;
use crate::gist::Asked;
use crate::ssi::SxId;
use crate::wait::Op;
use rustydb_base::{BlockNo, Result, Scn};
use std::ops::Range;

/// Ranges of one call.
const RANGES: u32 = 512;
/// Pieces of a table that an answer has at most; beyond, the whole table is one.
const MOST: usize = 1 << 20;

/// A look through all summaries of an index in progress. Between two calls it holds nothing but a copy of where the next
/// summaries are; one that has moved since is looked for again.
pub(crate) struct RangeScan {
    idx: IndexDesc,
    asked: Asked,
    /// Pages per range, and blocks of the table when the scan began.
    sizes: Option<(u32, BlockNo)>,
    next: u32,
    /// The map of the next range: where it begins, and what it says; nothing if there is none.
    map: Option<(u32, Vec<Option<Place>>)>,
    found: Vec<Range<BlockNo>>,
}

impl RangeScan {
    pub(crate) fn new(idx: IndexDesc, asked: Asked) -> RangeScan {
        RangeScan { idx, asked, sizes: None, next: 0, map: None, found: Vec::new() }
    }

    /// Goes on; `false` if it is to be called again. After a wait the call is repeated. `scn` is the snapshot's: summaries that
    /// are younger do not know what it sees. A serializable `reader` is registered as one of the whole table.
    pub(crate) fn run(&mut self, core: &Core, reader: SxId, scn: Scn) -> Op<bool> {
        let (per_range, blocks) = match self.sizes {
            Some(s) => s,
            None => {
                if reader.is_some() {
                    core.ssi.read_relation(reader, self.idx.heap)?;
                }
                let per_range = pages_per_range(&*core.pool.read(pid(self.idx.rel, ROOT_BLOCK), Access::Point)?)?;
                *self.sizes.insert((per_range, core.space.nblocks(self.idx.heap, &core.pool)?))
            }
        };
        let end = if blocks == 0 { 0 } else { range_of(blocks - 1, per_range) + 1 };
        for _ in 0..RANGES {
            if self.next >= end {
                return Ok(true);
            }
            let range = self.next;
            if self.may_have(core, range, scn)? {
                let mut b = blocks_of(range, per_range);
                b.end = b.end.min(blocks);
                let full = self.found.len() >= MOST;
                match self.found.last_mut() {
                    Some(last) if last.end >= b.start || full => last.end = b.end,
                    _ => self.found.push(b),
                }
            }
            self.next += 1;
        }
        Ok(false)
    }

    fn may_have(&mut self, core: &Core, range: u32, scn: Scn) -> Op<bool> {
        let first = range - range % PLACES;
        let places = match &self.map {
            Some((at, places)) if *at == first => places,
            _ => {
                let mut places = Vec::new();
                if let Some(way) = Way::to(range)
                    && let Some(map) = map_of(core, self.idx.rel, way)?
                {
                    places = (0..PLACES).map(|at| place_at(&map, at)).collect::<Result<_>>()?;
                }
                &self.map.insert((first, places)).1
            }
        };
        // What had no summary when the map was read is read itself, which is always right.
        let Some(place) = places.get((range - first) as usize).copied().flatten() else { return Ok(true) };
        let may = |s: &super::page::Summary<'_>| {
            s.begun || s.since > scn || (!s.bytes.is_empty() && self.asked.0.may(s.bytes, false))
        };
        {
            let g = core.pool.read(pid(self.idx.rel, place.block), Access::Scan)?;
            if let Some(s) = Slots::open(&g)?.summary(place.slot)?
                && s.range == range
            {
                return Ok(may(&s));
            }
        }
        look(core, self.idx.rel, range, |s| Ok(s.is_none_or(may)))
    }

    /// The blocks that may have wanted rows, in order.
    pub(crate) fn found(self) -> Vec<Range<BlockNo>> {
        self.found
    }
}
