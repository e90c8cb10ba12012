//! Space maps: which blocks of a relation are in use and how full its heap pages are.
//!
//! A relation is groups of [`GROUP`] blocks. The first block of each group is its map page: four bits per block of the
//! group, 0 = not allocated, 1..=14 = allocated with a class of free space (14: empty, 1: less than a thirteenth of
//! the body), 15 = the map page itself. The first map page also counts the groups, so a relation's length follows from
//! its map pages alone.
//!
//! Allocation is part of the mini-transaction that uses the block, so a crash neither leaks nor doubles a block (I39);
//! a heap page is allocated empty by a mini-transaction of its own, and if nobody comes to use it the map says so.
//! Free-space classes of allocated blocks are only advice: the inserter looks at the page and corrects the map.
//!
//! In memory, per open relation: its length, the page rows are inserted into, with a page of its own for every worker
//! that finds that one latched by another (so a lone writer's rows stand in the order they came, and many writers do not
//! meet on one page), and for each group an upper bound of its classes and a lower bound of its first unallocated
//! block, so that a search skips full groups. All of it is rebuilt from the map pages when needed.
//!
//! Relations whose pages never leave memory share a bound: every block they allocate counts against it, and an allocation
//! beyond it fails with 53200 (those for rows first). Their open entries are never forgotten while they live, so the count is exact.
//!
//! Latch order: map pages come last, by block. A block being allocated is latched after its map page; nobody else can
//! be waiting for it with a map page in hand.
//!
//! Left out: returning space to the file system (a relation's file does not shrink), owners of extents.

pub(crate) mod redo;

use crate::buf::{Access, Pool};
use crate::core::Core;
use crate::mtr::redo::{code, format_payload};
use crate::mtr::{Mtr, PageIdx};
use crate::page::{BODY, BODY_END, Page, PageKind};
use crate::wait::Op;
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustydb_base::metrics::Gauge;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, PageId, RelId, Xid};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Pages of an extent.
pub const EXTENT: u32 = 64;
/// Blocks that one map page covers, itself included: 236 extents, 118 MiB.
pub const GROUP: u32 = 236 * EXTENT;
/// Class of an empty heap page.
const EMPTY: u8 = 14;
/// Class of a page that never has room for rows: index nodes, overflow chunks.
const FULL: u8 = 1;
/// Marks the map page itself.
const MAP: u8 = 15;
/// Insert targets per relation: the shared one and the workers'.
const TARGETS: usize = 8;
/// Open relations remembered; more than that and unused ones are forgotten.
const MAX_OPEN: usize = 64 * 1024;
/// Log bytes an allocation of one block takes at most (a new group included).
pub const ALLOC_LOG_BYTES: usize = 96;

/// Bytes of all pages that never leave memory.
pub static MEMORY_TABLE_BYTES: Gauge =
    Gauge::new("memory_table_bytes", "bytes of tables and indexes that are kept in memory only");

const _: () = assert!(GROUP as usize / 2 <= BODY_END - BODY);

/// Class of a page with this many free bytes.
fn class_of(free: usize) -> u8 {
    1 + (free.min(BODY_END - BODY) * 13 / (BODY_END - BODY)) as u8
}

/// Smallest class whose pages surely have this many free bytes; above [`EMPTY`] if none has.
fn class_for(need: usize) -> u8 {
    1 + (need * 13).div_ceil(BODY_END - BODY).min(14) as u8
}

/// The class of the `i`-th block of the map page's group.
fn class_at(map: &Page, i: u32) -> u8 {
    let b = map.0[BODY + (i as usize / 2) % (BODY_END - BODY)];
    if i.is_multiple_of(2) { b & 15 } else { b >> 4 }
}

/// How far [`GroupHint::fit`] may lag behind before it is given up for a higher class.
const FIT_LAG: u32 = 64;

#[derive(Clone, Copy)]
struct GroupHint {
    /// No block of the group has a higher class.
    max_class: u8,
    /// No block of the group before this index is unallocated.
    first_free: u32,
    /// No block of the group before index `fit.0` is of class `fit.1` or higher.
    fit: (u32, u8),
}

impl GroupHint {
    /// Of a group about which nothing is known but that no class is higher than this.
    fn unknown(max_class: u8) -> GroupHint {
        GroupHint { max_class, first_free: 1, fit: (1, 1) }
    }

    /// The first index at which a block of a class or higher may be.
    fn start(&self, class: u8) -> u32 {
        if class >= self.fit.1 { self.fit.0 } else { 1 }
    }

    /// A search from [`GroupHint::start`] met no block of a class or higher before this index. What is known of a lower
    /// class is worth more than the same of a higher one, unless it is far behind.
    fn searched(&mut self, class: u8, index: u32) {
        if class <= self.fit.1 || index > self.fit.0 + FIT_LAG {
            self.fit = (index, class);
        }
    }

    /// A block has now this class.
    fn raised(&mut self, index: u32, class: u8) {
        self.max_class = self.max_class.max(class);
        if index < self.fit.0 && class >= self.fit.1 {
            self.fit.0 = index;
        }
    }
}

struct RelSpace {
    rel: RelId,
    nblocks: AtomicU32,
    groups: Mutex<Vec<GroupHint>>,
    /// Blocks in use, of a relation that never leaves memory.
    resident: AtomicU32,
    /// Block each [`Seat`] inserts into, 0 for none.
    targets: [AtomicU32; TARGETS],
}

impl RelSpace {
    fn ngroups(&self) -> u32 {
        self.groups.lock().len() as u32
    }
    fn map_pid(&self, group: u32) -> PageId {
        PageId::new(self.rel, group * GROUP)
    }
}

/// The space maps of all relations.
pub struct Spaces {
    open: Mutex<HashMap<RelId, Arc<RelSpace>>>,
    /// Blocks of relations that never leave memory, and their bound.
    resident: AtomicUsize,
    most_resident: usize,
}

impl Default for Spaces {
    fn default() -> Spaces {
        Spaces::new(usize::MAX)
    }
}

/// A block about to be allocated by a mini-transaction.
pub struct Alloc {
    /// The new block.
    pub block: BlockNo,
    /// Its page, fixed.
    pub page: PageIdx,
    map: PageIdx,
    /// The first map page and the number of groups there will be, when the block opens a group.
    grow: Option<(PageIdx, u32)>,
    space: Arc<RelSpace>,
}

/// A block about to be freed by a mini-transaction.
pub struct Freeing {
    page: PageIdx,
    map: PageIdx,
    index: u32,
    group: u32,
    space: Arc<RelSpace>,
}

static NEXT_WORKER: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static WORKER: usize = 1 + NEXT_WORKER.fetch_add(1, Ordering::Relaxed) % (TARGETS - 1);
}

/// Which of a relation's insert targets a writer uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat(usize);

impl Seat {
    /// The target that every writer tries first.
    pub const SHARED: Seat = Seat(0);

    /// This worker's own, for when the shared one is latched by another.
    pub fn own() -> Seat {
        Seat(WORKER.with(|w| *w))
    }
}

/// The block numbers that users see leave the map pages out, so that they count from 0 without gaps.
pub fn shown_block(block: BlockNo) -> BlockNo {
    block.saturating_sub(1 + block / GROUP)
}

/// The block that [`shown_block`] shows so; `None` if there can be none.
pub fn block_shown(shown: BlockNo) -> Option<BlockNo> {
    shown.checked_add(1 + shown / (GROUP - 1))
}

impl Spaces {
    /// No relation is open yet. Those that never leave memory may have `memory_bytes` together.
    pub fn new(memory_bytes: usize) -> Spaces {
        let most_resident = memory_bytes / crate::page::PAGE_SIZE;
        Spaces { open: Mutex::default(), resident: AtomicUsize::new(0), most_resident }
    }

    /// Whether `n` more blocks of a relation may be allocated for rows or big values.
    pub(crate) fn check_room(&self, rel: RelId, n: usize) -> Op<()> {
        self.check_within(rel, n, self.most_resident)
    }

    /// The same for any blocks. A part of the room is not for rows: with all of theirs taken, a row can still be deleted
    /// (marking its entries may split index nodes), and a table emptied, which makes new files.
    fn check_reserve(&self, rel: RelId, n: usize) -> Op<()> {
        self.check_within(rel, n, self.most_resident.saturating_add(self.most_resident / 4))
    }

    fn check_within(&self, rel: RelId, n: usize, most: usize) -> Op<()> {
        if !rel.is_memory() || self.resident.load(Ordering::Relaxed).saturating_add(n) <= most {
            return Ok(());
        }
        Err(DbError::new(SqlState::OUT_OF_MEMORY, "no room is left for tables that are kept in memory")
            .detail(format!("They may have {} kB together.", self.most_resident * 8))
            .hint("Delete rows, or raise memory_table_limit (at most half of shared_buffers).")
            .into())
    }

    /// Notes that blocks of a relation came into use, or went.
    fn count(&self, space: &RelSpace, come: u32, gone: u32) {
        if !space.rel.is_memory() {
            return;
        }
        space.resident.fetch_add(come, Ordering::Relaxed);
        space.resident.fetch_sub(gone, Ordering::Relaxed);
        self.resident.fetch_add(come as usize, Ordering::Relaxed);
        let was = self.resident.fetch_sub(gone as usize, Ordering::Relaxed);
        MEMORY_TABLE_BYTES.set(((was - gone as usize) * crate::page::PAGE_SIZE) as i64);
    }

    fn open(&self, rel: RelId, pool: &Pool) -> Op<Arc<RelSpace>> {
        if let Some(s) = self.open.lock().get(&rel) {
            return Ok(Arc::clone(s));
        }
        let first = pool.read(PageId::new(rel, 0), Access::Point)?;
        first.expect_kind(PageKind::Space)?;
        let n = u32::try_from(first.reserved()).ok().filter(|n| *n > 0 && *n <= u32::MAX / GROUP);
        let n = n.ok_or_else(|| DbError::corrupt(format!("relation {rel}: wrong number of space groups")))?;
        drop(first);
        let last = (n - 1) * GROUP;
        let map = pool.read(PageId::new(rel, last), Access::Point)?;
        map.expect_kind(PageKind::Space)?;
        let used = (0..GROUP).rev().find(|i| class_at(&map, *i) != 0).unwrap_or(0);
        drop(map);
        let fresh = Arc::new(RelSpace {
            rel,
            nblocks: AtomicU32::new(last + used + 1),
            groups: Mutex::new(vec![GroupHint::unknown(EMPTY); n as usize]),
            resident: AtomicU32::new(0),
            targets: Default::default(),
        });
        let mut open = self.open.lock();
        if open.len() >= MAX_OPEN {
            // An unused entry only repeats what the map pages say.
            open.retain(|rel, s| Arc::strong_count(s) > 1 || rel.is_memory());
        }
        // Whoever came first may have allocated already: its entry counts.
        let space = Arc::clone(open.entry(rel).or_insert_with(|| {
            // The map pages there are; blocks are counted as they are allocated.
            self.count(&fresh, n, 0);
            fresh
        }));
        Ok(space)
    }

    /// Forgets a relation whose files are going away.
    pub fn forget(&self, rel: RelId) {
        if let Some(space) = self.open.lock().remove(&rel) {
            self.count(&space, 0, space.resident.load(Ordering::Relaxed));
        }
    }

    /// Fixes the first map page of a new relation; [`Spaces::apply_create`] makes it.
    pub fn prepare_create(&self, mtr: &mut Mtr<'_>, rel: RelId) -> Op<PageIdx> {
        self.check_reserve(rel, 1)?;
        mtr.create(PageId::new(rel, 0))
    }

    /// Makes an empty relation of one group. Takes at most [`ALLOC_LOG_BYTES`] of log.
    pub fn apply_create(&self, mtr: &mut Mtr<'_>, map: PageIdx) {
        let pid = mtr.pid(map);
        self.forget(pid.rel);
        mtr.apply(map, code::FORMAT, &format_payload(pid, PageKind::Space));
        mtr.apply(map, redo::GROUPS, &1u32.to_le_bytes());
        set_class(mtr, map, 0, MAP);
    }

    /// Makes an empty relation in a mini-transaction of its own.
    pub fn create(&self, core: &Core, rel: RelId, xid: Xid) -> Op<()> {
        let mut mtr = core.mtr(xid);
        let map = self.prepare_create(&mut mtr, rel)?;
        mtr.reserve(ALLOC_LOG_BYTES)?;
        self.apply_create(&mut mtr, map);
        mtr.finish();
        Ok(())
    }

    /// Blocks of the relation: one more than the highest that was ever allocated. Block 0 and every [`GROUP`]th are
    /// map pages; others may be free.
    pub fn nblocks(&self, rel: RelId, pool: &Pool) -> Op<BlockNo> {
        Ok(self.open(rel, pool)?.nblocks.load(Ordering::Acquire))
    }

    /// Whether there is a map that says that a block is in use.
    pub fn is_allocated(&self, core: &Core, rel: RelId, block: BlockNo) -> Op<bool> {
        let map = core.pool.read(PageId::new(rel, block / GROUP * GROUP), Access::Scan)?;
        Ok(map.is(PageKind::Space) && class_at(&map, block % GROUP) != 0)
    }

    /// Whether a block is a map page.
    pub fn is_map(block: BlockNo) -> bool {
        block.is_multiple_of(GROUP)
    }

    /// Finds an unallocated block and fixes it and its map page. The last step of Prepare but for the log space.
    pub fn prepare_alloc(&self, mtr: &mut Mtr<'_>, pool: &Pool, rel: RelId) -> Op<Alloc> {
        let mut v = self.prepare_allocs(mtr, pool, rel, 1)?;
        v.pop().ok_or_else(|| DbError::internal("no block was allocated").into())
    }

    /// As [`Spaces::prepare_alloc`] for `n` blocks (at most 8) of one mini-transaction.
    pub fn prepare_allocs(&self, mtr: &mut Mtr<'_>, pool: &Pool, rel: RelId, n: usize) -> Op<SmallVec<[Alloc; 2]>> {
        let space = self.open(rel, pool)?;
        // Perhaps with a new map page.
        self.check_reserve(rel, n + 1)?;
        let mut group = 0;
        loop {
            let start = {
                let g = space.groups.lock();
                while g.get(group).is_some_and(|h| h.first_free + n as u32 > GROUP) {
                    group += 1;
                }
                g.get(group).map(|h| h.first_free)
            };
            let Some(start) = start else { return self.prepare_group(mtr, space, group as u32, n) };
            let map = mtr.fix(space.map_pid(group as u32))?;
            let page = mtr.page(map);
            page.expect_kind(PageKind::Space)?;
            let free: SmallVec<[u32; 8]> = (start.max(1)..GROUP).filter(|i| class_at(page, *i) == 0).take(n).collect();
            if let Some(h) = space.groups.lock().get_mut(group) {
                // Exact under the map page's exclusive latch.
                h.first_free = free.first().copied().unwrap_or(GROUP);
            }
            if free.len() < n {
                mtr.release_last();
                group += 1;
                continue;
            }
            return free
                .iter()
                .map(|i| {
                    let block = group as u32 * GROUP + i;
                    let page = mtr.create(PageId::new(rel, block))?;
                    Ok(Alloc { block, page, map, grow: None, space: Arc::clone(&space) })
                })
                .collect();
        }
    }

    /// Opens a new group, the caller having found the first `seen` groups full, and takes its first `n` blocks.
    fn prepare_group(&self, mtr: &mut Mtr<'_>, space: Arc<RelSpace>, seen: u32, n: usize) -> Op<SmallVec<[Alloc; 2]>> {
        let first = mtr.fix(space.map_pid(0))?;
        let groups = mtr.page(first).reserved() as u32;
        if groups != seen {
            // Another worker opened one meanwhile.
            return Err(crate::wait::Wait::Restart);
        }
        if groups >= u32::MAX / GROUP {
            return Err(DbError::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("cannot extend relation {} beyond {} blocks", space.rel, u32::MAX / GROUP * GROUP),
            )
            .into());
        }
        let map = mtr.create(space.map_pid(groups))?;
        (1..=n as u32)
            .map(|i| {
                let block = groups * GROUP + i;
                let page = mtr.create(PageId::new(space.rel, block))?;
                let grow = (i == 1).then_some((first, groups + 1));
                Ok(Alloc { block, page, map, grow, space: Arc::clone(&space) })
            })
            .collect()
    }

    /// Allocates the block and formats its page. Takes at most [`ALLOC_LOG_BYTES`] of log. Allocations of one
    /// mini-transaction are applied in the order they were answered.
    pub fn apply_alloc(&self, mtr: &mut Mtr<'_>, a: &Alloc, kind: PageKind) {
        if let Some((first, groups)) = a.grow {
            let pid = mtr.pid(a.map);
            mtr.apply(a.map, code::FORMAT, &format_payload(pid, PageKind::Space));
            set_class(mtr, a.map, 0, MAP);
            mtr.apply(first, redo::GROUPS, &groups.to_le_bytes());
            let mut g = a.space.groups.lock();
            let n = g.len().max(groups as usize);
            g.resize(n, GroupHint::unknown(0));
        }
        let class = if kind == PageKind::Heap { EMPTY } else { FULL };
        let (group, i) = (a.block / GROUP, a.block % GROUP);
        set_class(mtr, a.map, i, class);
        mtr.apply(a.page, code::FORMAT, &format_payload(PageId::new(a.space.rel, a.block), kind));
        if let Some(h) = a.space.groups.lock().get_mut(group as usize) {
            h.first_free = h.first_free.max(i + 1);
            h.raised(i, class);
        }
        a.space.nblocks.fetch_max(a.block + 1, Ordering::AcqRel);
        self.count(&a.space, 1 + u32::from(a.grow.is_some()), 0);
    }

    /// Fixes the map page of a block that is to be freed; `page` is the block's page, fixed by the caller.
    pub fn prepare_free(&self, mtr: &mut Mtr<'_>, pool: &Pool, page: PageIdx) -> Op<Freeing> {
        let pid = mtr.pid(page);
        let space = self.open(pid.rel, pool)?;
        let (group, index) = (pid.block / GROUP, pid.block % GROUP);
        if index == 0 {
            return Err(DbError::internal("a map page cannot be freed").into());
        }
        let map = mtr.fix(space.map_pid(group))?;
        mtr.page(map).expect_kind(PageKind::Space)?;
        Ok(Freeing { page, map, index, group, space })
    }

    /// Frees the block: its page becomes [`PageKind::Free`]. Takes at most [`ALLOC_LOG_BYTES`] of log.
    pub fn apply_free(&self, mtr: &mut Mtr<'_>, f: &Freeing) {
        let pid = mtr.pid(f.page);
        mtr.apply(f.page, code::FORMAT, &format_payload(pid, PageKind::Free));
        set_class(mtr, f.map, f.index, 0);
        if let Some(h) = f.space.groups.lock().get_mut(f.group as usize) {
            h.first_free = h.first_free.min(f.index);
        }
        self.count(&f.space, 0, 1);
    }

    /// A heap block that is likely to have `need` free bytes: the seat's insert target, or a new one.
    pub fn page_for_insert(&self, core: &Core, rel: RelId, seat: Seat, need: usize) -> Op<BlockNo> {
        let space = self.open(rel, &core.pool)?;
        let target = space.targets[seat.0].load(Ordering::Relaxed);
        if target != 0 { Ok(target) } else { self.next_target(core, &space, seat, need) }
    }

    /// The block that [`Spaces::page_for_insert`] answered has only `free` bytes where `need` are wanted: notes that,
    /// and answers another one.
    pub fn not_enough(
        &self,
        core: &Core,
        rel: RelId,
        seat: Seat,
        block: BlockNo,
        free: usize,
        need: usize,
    ) -> Op<BlockNo> {
        let space = self.open(rel, &core.pool)?;
        // Left before what is left is noted: a search passes over what is somebody's.
        space.targets[seat.0].compare_exchange(block, 0, Ordering::Relaxed, Ordering::Relaxed).ok();
        self.note_fill(core, rel, block, free)?;
        self.next_target(core, &space, seat, need)
    }

    fn next_target(&self, core: &Core, space: &Arc<RelSpace>, seat: Seat, need: usize) -> Op<BlockNo> {
        let want = class_for(need);
        let mut block = None;
        for group in 0..space.ngroups() {
            let hint = || space.groups.lock().get(group as usize).copied().filter(|h| h.max_class >= want);
            if hint().is_none() {
                continue;
            }
            let map = core.pool.read(space.map_pid(group), Access::Point)?;
            map.expect_kind(PageKind::Space)?;
            // Again under the latch, which keeps classes from being raised.
            let Some(hint) = hint() else { continue };
            let start = hint.start(want);
            // Before the start nothing is of the wanted class.
            let (mut max, mut first) = (if start > 1 { want - 1 } else { 0 }, None);
            // Behind the last block nothing is allocated; what will be is told to the hints.
            let end = space.nblocks.load(Ordering::Acquire).saturating_sub(group * GROUP).min(GROUP);
            for i in start..end {
                let c = class_at(&map, i);
                max = max.max(c);
                if c < want {
                    continue;
                }
                // Another seat's block is passed over for good: when that seat leaves it, what is left is noted.
                let b = group * GROUP + i;
                if space.targets.iter().all(|t| t.load(Ordering::Relaxed) != b) {
                    (block, first) = (Some(b), Some(i));
                    break;
                }
            }
            // Still under the shared latch: a class raised later changes the hints after this.
            if let Some(h) = space.groups.lock().get_mut(group as usize) {
                h.searched(want, first.unwrap_or(GROUP));
                if block.is_none() {
                    h.max_class = max;
                }
            }
            if block.is_some() {
                break;
            }
        }
        let block = match block {
            Some(b) => b,
            None => {
                self.check_room(space.rel, 1)?;
                let mut mtr = core.mtr(Xid::NONE);
                let a = self.prepare_alloc(&mut mtr, &core.pool, space.rel)?;
                mtr.reserve(ALLOC_LOG_BYTES)?;
                self.apply_alloc(&mut mtr, &a, PageKind::Heap);
                mtr.finish();
                a.block
            }
        };
        space.targets[seat.0].store(block, Ordering::Relaxed);
        Ok(block)
    }

    /// Notes how many bytes a heap page has free, if that changes its class. A mini-transaction of its own: no page may
    /// be latched.
    pub fn note_fill(&self, core: &Core, rel: RelId, block: BlockNo, free: usize) -> Op<()> {
        let space = self.open(rel, &core.pool)?;
        let (group, i) = (block / GROUP, block % GROUP);
        let class = class_of(free);
        let map = core.pool.read(space.map_pid(group), Access::Point)?;
        let old = class_at(&map, i);
        if old == class
            && let Some(h) = space.groups.lock().get_mut(group as usize)
        {
            // A search may have passed over the block while it was a seat's.
            h.raised(i, class);
        }
        drop(map);
        if old == class || old == 0 || old == MAP {
            return Ok(());
        }
        let mut mtr = core.mtr(Xid::NONE);
        let map = mtr.fix(space.map_pid(group))?;
        let old = class_at(mtr.page(map), i);
        if old == class || old == 0 || old == MAP {
            return Ok(());
        }
        mtr.reserve(16)?;
        set_class(&mut mtr, map, i, class);
        if let Some(h) = space.groups.lock().get_mut(group as usize) {
            h.raised(i, class);
        }
        mtr.finish();
        Ok(())
    }
}

fn set_class(mtr: &mut Mtr<'_>, map: PageIdx, i: u32, class: u8) {
    let b = (i as u16).to_le_bytes();
    mtr.apply(map, redo::SET, &[b[0], b[1], class]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_promise_what_they_hold() {
        for free in 0..=BODY_END - BODY {
            for need in [0, 1, 30, 100, 623, 624, 625, 2000, 4000, 8000, BODY_END - BODY] {
                if class_of(free) >= class_for(need) {
                    assert!(free >= need, "class {} holds {free}, not {need}", class_of(free));
                }
            }
        }
        assert_eq!((class_of(0), class_of(BODY_END - BODY)), (FULL, EMPTY));
    }

    #[test]
    fn groups_open_and_blocks_are_reused() {
        use crate::heap::tests::{Bench, REL};
        let b = Bench::new();
        let c = &b.core;
        let alloc = |n: usize| -> Vec<BlockNo> {
            let mut m = c.mtr(Xid::NONE);
            let v = c.space.prepare_allocs(&mut m, &c.pool, REL.id, n).expect("room");
            m.reserve(n * ALLOC_LOG_BYTES).expect("room");
            v.iter().for_each(|a| c.space.apply_alloc(&mut m, a, PageKind::Btree));
            m.finish();
            v.iter().map(|a| a.block).collect()
        };
        assert_eq!(alloc(3), [1, 2, 3]);
        let mut m = c.mtr(Xid::NONE);
        let p = m.fix(PageId::new(REL.id, 2)).expect("in memory");
        let f = c.space.prepare_free(&mut m, &c.pool, p).expect("in memory");
        m.reserve(ALLOC_LOG_BYTES).expect("room");
        c.space.apply_free(&mut m, &f);
        m.finish();
        assert_eq!(alloc(2), [2, 4]);
        // Mark the rest of the group taken, as if by use, and see the next group open.
        let mut m = c.mtr(Xid::NONE);
        let map = m.fix(PageId::new(REL.id, 0)).expect("in memory");
        m.reserve(60_000).expect("room");
        for i in 5..GROUP - 1 {
            m.apply(map, redo::SET, &[i as u8, (i >> 8) as u8, FULL]);
            if i % 4000 == 0 {
                m.finish();
                m = c.mtr(Xid::NONE);
                m.fix(PageId::new(REL.id, 0)).expect("in memory");
                m.reserve(60_000).expect("room");
            }
        }
        m.finish();
        c.space.forget(REL.id);
        assert_eq!(c.space.nblocks(REL.id, &c.pool).expect("open"), GROUP - 1);
        assert_eq!(alloc(2), [GROUP + 1, GROUP + 2], "two do not fit the first group");
        assert_eq!(alloc(1), [GROUP - 1]);
        assert_eq!(alloc(1), [GROUP + 3]);
        c.space.forget(REL.id);
        assert_eq!(c.space.nblocks(REL.id, &c.pool).expect("open"), GROUP + 4);
        assert!(!c.poison.is_tripped());
        b.check_redo();
    }
}
