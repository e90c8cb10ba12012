//! The mapping from pages to frames, and eviction. See the module head for the rules.

use super::frame::{CLEAN, Frames, Meta, ReadGuard, TAKEN, WriteGuard, pid_of};
use crate::page::Page;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::wait::{Op, Wait};
use hashbrown::HashMap;
use rustydb_base::metrics::{Counter, Gauge};
use rustydb_base::{Lsn, PageId};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::Arc;

/// Pages that had to be read.
pub static MISSES: Counter = Counter::new("buffer_misses", "page accesses that had to wait for a read");
/// Frames given to another page.
pub static EVICTIONS: Counter = Counter::new("buffer_evictions", "clean pages dropped to make room");
/// Dirty frames.
pub static DIRTY: Gauge = Gauge::new("buffer_dirty_pages", "pages changed since they were last written");

/// Parts of the mapping; few in a model, where each costs steps.
const SHARDS: usize = if cfg!(feature = "shuttle") { 2 } else { 128 };
/// Fewest frames.
const LEAST: usize = if cfg!(feature = "shuttle") { 2 } else { 64 };

/// How an access counts for eviction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// By key: the page is worth keeping.
    Point,
    /// By a large scan: the page is not promoted.
    Scan,
}

/// Fibonacci hashing of the page id; the ids are already well spread by relation and block.
#[derive(Default)]
struct PidHasher(u64);

impl Hasher for PidHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u64(u64::from(*b));
        }
    }
    fn write_u64(&mut self, n: u64) {
        let x = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = x ^ (x >> 32);
    }
}

/// One part of the mapping.
#[derive(Default)]
struct Shard {
    map: HashMap<u64, u32, BuildHasherDefault<PidHasher>>,
    /// Pages unmapped so far.
    evictions: u64,
    /// The last of them, by `evictions % RECENT`.
    recent: [u64; RECENT],
}

const RECENT: usize = 16;

/// A shard's eviction count at the start of a read: tells whether the page read may have been in the pool meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EvictionMark(u64);

impl Shard {
    fn unmap(&mut self, pid: PageId) {
        self.map.remove(&pid.as_u64());
        let at = (self.evictions % RECENT as u64) as usize;
        self.recent[at] = pid.as_u64();
        self.evictions += 1;
    }
    /// Whether the page may have left the pool since the mark.
    fn left_since(&self, pid: PageId, mark: EvictionMark) -> bool {
        let n = self.evictions - mark.0;
        n > RECENT as u64 || (mark.0..self.evictions).any(|i| self.recent[(i % RECENT as u64) as usize] == pid.as_u64())
    }
}

/// The pool. Shared by `Arc`; all methods are callable from any thread.
pub struct Pool {
    frames: Frames,
    shards: Box<[Mutex<Shard>]>,
    /// Where a page was found last, by a hash of its id: a frame index that may be out of date.
    hints: Box<[AtomicU32]>,
    free: Mutex<Vec<u32>>,
    hand: AtomicUsize,
}

/// Keeps a page in its frame without latching it; may be held across an await.
pub struct Pin {
    pool: Arc<Pool>,
    idx: u32,
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pool.frames.meta(self.idx).pins.fetch_sub(1, Ordering::Release);
    }
}

/// Takes a mapped frame that nobody pins out of the reach of those who would pin it by a hint.
fn take(m: &Meta) -> bool {
    m.pins.compare_exchange(0, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

impl Pool {
    /// A pool of `frames` pages (at least [`LEAST`]).
    pub fn new(frames: usize) -> Arc<Pool> {
        let n = frames.max(LEAST);
        Arc::new(Pool {
            frames: Frames::new(n),
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect(),
            hints: (0..(n * 2).next_power_of_two()).map(|_| AtomicU32::new(u32::MAX)).collect(),
            free: Mutex::new((0..n as u32).rev().collect()),
            hand: AtomicUsize::new(0),
        })
    }

    /// Number of frames.
    pub fn capacity(&self) -> usize {
        self.frames.len()
    }

    fn shard(&self, pid: PageId) -> &Mutex<Shard> {
        let h = pid.as_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.shards[(h >> 57) as usize % SHARDS]
    }

    fn hint(&self, pid: PageId) -> &AtomicU32 {
        let h = pid.as_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        &self.hints[h as usize & (self.hints.len() - 1)]
    }

    /// Pins the frame that the hint names if that has the page. A frame without [`TAKEN`] is mapped, and stays so and keeps
    /// its page while it is pinned, so what is seen after pinning holds.
    fn pin_by_hint(&self, pid: PageId) -> Option<u32> {
        let idx = self.hint(pid).load(Ordering::Relaxed);
        let m = self.frames.get(idx)?;
        if m.pid.load(Ordering::Relaxed) != pid.as_u64() {
            return None;
        }
        let before = m.pins.fetch_add(1, Ordering::Acquire);
        if before & TAKEN == 0 && m.pid.load(Ordering::Relaxed) == pid.as_u64() {
            return Some(idx);
        }
        m.pins.fetch_sub(1, Ordering::Release);
        None
    }

    fn pin_by_map(&self, pid: PageId) -> Option<u32> {
        let shard = self.shard(pid).lock();
        let idx = *shard.map.get(&pid.as_u64())?;
        self.frames.meta(idx).pins.fetch_add(1, Ordering::Acquire);
        drop(shard);
        self.hint(pid).store(idx, Ordering::Relaxed);
        Some(idx)
    }

    fn lookup_pin(&self, pid: PageId, access: Access) -> Option<u32> {
        let idx = match self.pin_by_hint(pid) {
            Some(idx) => idx,
            None => self.pin_by_map(pid)?,
        };
        let m = self.frames.meta(idx);
        if access == Access::Point {
            let u = m.usage.load(Ordering::Relaxed);
            if u < 3 {
                m.usage.store(u + 1, Ordering::Relaxed);
            }
        }
        Some(idx)
    }

    /// Fixes a page for reading, or says that it must be loaded.
    pub fn read(&self, pid: PageId, access: Access) -> Op<ReadGuard<'_>> {
        match self.lookup_pin(pid, access) {
            Some(idx) => Ok(self.frames.read(idx)),
            None => Err(Wait::Page(pid)),
        }
    }

    /// Fixes a page for writing, or says that it must be loaded.
    pub fn write(&self, pid: PageId) -> Op<WriteGuard<'_>> {
        match self.lookup_pin(pid, Access::Point) {
            Some(idx) => Ok(self.frames.write(idx)),
            None => Err(Wait::Page(pid)),
        }
    }

    /// As [`Pool::write`], but never blocks on the latch: for latching out of order.
    pub fn try_write(&self, pid: PageId) -> Op<WriteGuard<'_>> {
        match self.lookup_pin(pid, Access::Point) {
            Some(idx) => self.frames.try_write(idx).ok_or(Wait::Restart),
            None => Err(Wait::Page(pid)),
        }
    }

    /// Fixes a frame for a page about to be formatted, without reading it. If the page is in the pool already that
    /// frame is used; otherwise the bytes are zero. The caller's mini-transaction formats it as its first change.
    pub fn create(&self, pid: PageId) -> Op<WriteGuard<'_>> {
        if let Some(idx) = self.lookup_pin(pid, Access::Point) {
            return Ok(self.frames.write(idx));
        }
        let idx = self.take_frame().ok_or(Wait::Memory)?;
        // The frame is private until mapped: latch first, then publish.
        let m = self.frames.meta(idx);
        m.pins.fetch_add(1, Ordering::Acquire);
        let mut guard = self.frames.write(idx);
        guard.0.fill(0);
        let mut shard = self.shard(pid).lock();
        if shard.map.contains_key(&pid.as_u64()) {
            drop(shard);
            drop(guard);
            self.give_back(idx);
            return Err(Wait::Restart);
        }
        self.publish(&mut shard, pid, idx, 1);
        drop(shard);
        Ok(guard)
    }

    fn publish(&self, shard: &mut Shard, pid: PageId, idx: u32, usage: u8) {
        let m = self.frames.meta(idx);
        m.pid.store(pid.as_u64(), Ordering::Relaxed);
        m.usage.store(usage, Ordering::Relaxed);
        m.rec_lsn.store(CLEAN, Ordering::Relaxed);
        m.writing_rec_lsn.store(CLEAN, Ordering::Relaxed);
        m.mapped.store(true, Ordering::Release);
        shard.map.insert(pid.as_u64(), idx);
        // Behind the page's id: whoever pins the frame from here on finds that.
        m.pins.fetch_and(!TAKEN, Ordering::Release);
    }

    /// Puts a page image that was read and verified into a frame. Answers a pin on it; if another load won the race,
    /// a pin on that one. `None` when no frame is free; an error, with the mark for the next try, when the page may have
    /// been changed and evicted since `mark` was taken (before the read), so that the image may be stale.
    pub(crate) fn install(
        self: &Arc<Self>,
        pid: PageId,
        image: &Page,
        access: Access,
        mark: EvictionMark,
    ) -> Result<Option<Pin>, EvictionMark> {
        if let Some(idx) = self.lookup_pin(pid, access) {
            return Ok(Some(Pin { pool: Arc::clone(self), idx }));
        }
        let Some(idx) = self.take_frame() else { return Ok(None) };
        let m = self.frames.meta(idx);
        m.pins.fetch_add(1, Ordering::Acquire);
        let mut guard = self.frames.write(idx);
        guard.0.copy_from_slice(&image.0);
        m.pins.fetch_add(1, Ordering::Relaxed);
        let mut shard = self.shard(pid).lock();
        if let Some(other) = shard.map.get(&pid.as_u64()).copied() {
            self.frames.meta(other).pins.fetch_add(1, Ordering::Acquire);
            drop(shard);
            drop(guard);
            m.pins.fetch_sub(1, Ordering::Relaxed);
            self.give_back(idx);
            return Ok(Some(Pin { pool: Arc::clone(self), idx: other }));
        }
        if shard.left_since(pid, mark) {
            let mark = EvictionMark(shard.evictions);
            drop(shard);
            drop(guard);
            m.pins.fetch_sub(1, Ordering::Relaxed);
            self.give_back(idx);
            return Err(mark);
        }
        self.publish(&mut shard, pid, idx, u8::from(access == Access::Point));
        drop(shard);
        drop(guard);
        Ok(Some(Pin { pool: Arc::clone(self), idx }))
    }

    /// To be taken before a page is read from disk; see [`Pool::install`].
    pub(crate) fn eviction_mark(&self, pid: PageId) -> EvictionMark {
        EvictionMark(self.shard(pid).lock().evictions)
    }

    /// A pin on a page that is in the pool.
    pub fn pin(self: &Arc<Self>, pid: PageId) -> Option<Pin> {
        self.lookup_pin(pid, Access::Point).map(|idx| Pin { pool: Arc::clone(self), idx })
    }

    /// Whether the page is in the pool.
    pub fn contains(&self, pid: PageId) -> bool {
        self.shard(pid).lock().map.contains_key(&pid.as_u64())
    }

    fn give_back(&self, idx: u32) {
        let m = self.frames.meta(idx);
        m.mapped.store(false, Ordering::Relaxed);
        self.free.lock().push(idx);
    }

    /// A frame of its own for the caller: from the free list, else by evicting a clean, unpinned page.
    fn take_frame(&self) -> Option<u32> {
        if let Some(idx) = self.free.lock().pop() {
            return Some(idx);
        }
        let n = self.frames.len();
        // Four rounds bring any counter (at most 3) to zero.
        for _ in 0..n * 4 {
            let idx = (self.hand.fetch_add(1, Ordering::Relaxed) % n) as u32;
            let m = self.frames.meta(idx);
            if !m.mapped.load(Ordering::Acquire) || m.pins.load(Ordering::Relaxed) > 0 || self.is_dirty(idx) {
                continue;
            }
            let u = m.usage.load(Ordering::Relaxed);
            if u > 0 {
                m.usage.store(u - 1, Ordering::Relaxed);
                continue;
            }
            if self.try_unmap(idx) {
                EVICTIONS.inc();
                return Some(idx);
            }
        }
        None
    }

    fn is_dirty(&self, idx: u32) -> bool {
        let m = self.frames.meta(idx);
        m.rec_lsn.load(Ordering::Acquire) != CLEAN || m.writing_rec_lsn.load(Ordering::Acquire) != CLEAN
    }

    /// Whether the page is in the pool and not on disk as it is there, or on its way.
    pub(crate) fn is_changed(&self, pid: PageId) -> bool {
        let shard = self.shard(pid).lock();
        shard.map.get(&pid.as_u64()).is_some_and(|idx| self.is_dirty(*idx))
    }

    /// Unmaps a frame that nobody pins and that is clean.
    fn try_unmap(&self, idx: u32) -> bool {
        let m = self.frames.meta(idx);
        let pid = pid_of(m);
        let mut shard = self.shard(pid).lock();
        if shard.map.get(&pid.as_u64()) != Some(&idx) || !take(m) {
            return false;
        }
        if self.is_dirty(idx) {
            m.pins.fetch_and(!TAKEN, Ordering::Release);
            return false;
        }
        shard.unmap(pid);
        m.mapped.store(false, Ordering::Relaxed);
        true
    }

    /// Frames that can be had at once: free, or clean and unpinned.
    pub(crate) fn available(&self) -> usize {
        let free = self.free.lock().len();
        let clean = (0..self.frames.len() as u32)
            .filter(|&i| {
                let m = self.frames.meta(i);
                m.mapped.load(Ordering::Relaxed) && m.pins.load(Ordering::Relaxed) == 0 && !self.is_dirty(i)
            })
            .count();
        free + clean
    }

    /// Smallest LSN any dirty page still needs redo from, or `None` when all pages are clean. The caller notes the
    /// log's end first; see rule 3.
    pub(crate) fn min_rec_lsn(&self) -> Option<Lsn> {
        let mut min = CLEAN;
        for idx in 0..self.frames.len() as u32 {
            let m = self.frames.meta(idx);
            if !m.mapped.load(Ordering::Acquire) {
                continue;
            }
            // Whoever changes the page now may have appended a record before the caller looked and not marked the page
            // yet. A latch found free was free at that time or has been let go since, behind the mark.
            if self.frames.is_changing(idx) {
                m.pins.fetch_add(1, Ordering::Acquire);
                drop(self.frames.read(idx));
            }
            if pid_of(m).rel.is_memory() {
                continue;
            }
            min = min.min(m.rec_lsn.load(Ordering::Acquire)).min(m.writing_rec_lsn.load(Ordering::Acquire));
        }
        (min != CLEAN).then_some(Lsn(min))
    }

    /// Pages with changes that are not home; looks at every frame.
    pub(crate) fn dirty(&self) -> usize {
        let dirty = |i: &u32| {
            let m = self.frames.meta(*i);
            let changed = [&m.rec_lsn, &m.writing_rec_lsn].iter().any(|l| l.load(Ordering::Relaxed) != CLEAN);
            changed && !pid_of(m).rel.is_memory()
        };
        (0..self.frames.len() as u32).filter(dirty).count()
    }

    /// Up to `max` dirty pages that are not being written, with their rec_lsn, oldest change first.
    pub(crate) fn dirty_pages(&self, max: usize) -> Vec<(u64, u32)> {
        let mut v: Vec<(u64, u32)> = (0..self.frames.len() as u32)
            .filter_map(|i| {
                let m = self.frames.meta(i);
                let r = m.rec_lsn.load(Ordering::Acquire);
                let wanted = r != CLEAN && m.writing_rec_lsn.load(Ordering::Relaxed) == CLEAN;
                (wanted && !pid_of(m).rel.is_memory()).then_some((r, i))
            })
            .collect();
        DIRTY.set(v.len() as i64);
        if v.len() > max {
            v.select_nth_unstable(max);
            v.truncate(max);
        }
        v.sort_unstable();
        v
    }

    /// As [`Pool::dirty_pages`], but those that eviction would choose first: least used, then oldest change.
    pub(crate) fn cold_dirty_pages(&self, max: usize) -> Vec<(u64, u32)> {
        let mut v: Vec<(u8, u64, u32)> = (0..self.frames.len() as u32)
            .filter_map(|i| {
                let m = self.frames.meta(i);
                let r = m.rec_lsn.load(Ordering::Acquire);
                let idle = m.pins.load(Ordering::Relaxed) == 0 && m.writing_rec_lsn.load(Ordering::Relaxed) == CLEAN;
                (r != CLEAN && idle && !pid_of(m).rel.is_memory()).then(|| (m.usage.load(Ordering::Relaxed), r, i))
            })
            .collect();
        if v.len() > max {
            v.select_nth_unstable(max);
            v.truncate(max);
        }
        v.into_iter().map(|(_, r, i)| (r, i)).collect()
    }

    /// Starts the write-back of a frame: copies its image and moves `rec_lsn` to `writing_rec_lsn`. `None` if it
    /// turned clean meanwhile. `hint` runs under the exclusive latch before the copy (e.g. to stamp commit SCNs).
    pub(crate) fn begin_write(&self, idx: u32, copy_to: &mut [u8], hint: &mut dyn FnMut(&mut Page)) -> Option<PageId> {
        let m = self.frames.meta(idx);
        m.pins.fetch_add(1, Ordering::Acquire);
        let mut g = self.frames.write(idx);
        if !m.mapped.load(Ordering::Acquire) || m.writing_rec_lsn.load(Ordering::Relaxed) != CLEAN {
            return None;
        }
        let rec = m.rec_lsn.load(Ordering::Relaxed);
        if rec == CLEAN {
            return None;
        }
        hint(&mut g);
        m.writing_rec_lsn.store(rec, Ordering::Release);
        m.rec_lsn.store(CLEAN, Ordering::Release);
        copy_to.copy_from_slice(&g.0);
        Some(g.pid())
    }

    /// The image taken by [`Pool::begin_write`] is durable at home.
    pub(crate) fn end_write(&self, idx: u32) {
        self.frames.meta(idx).writing_rec_lsn.store(CLEAN, Ordering::Release);
    }

    /// Drops every page of a relation in a range of blocks, changed or not (the file or its part is going away). The
    /// blocks must be unreachable. Answers false if some page was pinned or being written and remains.
    pub(crate) fn discard(&self, rel: rustydb_base::RelId, blocks: Range<u32>) -> bool {
        let mut all = true;
        for idx in 0..self.frames.len() as u32 {
            let m = self.frames.meta(idx);
            let pid = pid_of(m);
            if !m.mapped.load(Ordering::Acquire) || pid.rel != rel || !blocks.contains(&pid.block) {
                continue;
            }
            let mut shard = self.shard(pid).lock();
            if shard.map.get(&pid.as_u64()) != Some(&idx) {
                continue;
            }
            if !take(m) {
                all = false;
                continue;
            }
            if m.writing_rec_lsn.load(Ordering::Acquire) != CLEAN {
                m.pins.fetch_and(!TAKEN, Ordering::Release);
                all = false;
                continue;
            }
            shard.unmap(pid);
            m.rec_lsn.store(CLEAN, Ordering::Relaxed);
            drop(shard);
            self.give_back(idx);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageKind;
    use rustydb_base::RelId;

    fn pid(b: u32) -> PageId {
        PageId::new(RelId(7), b)
    }

    #[test]
    fn create_evict_and_reload() {
        let p = Pool::new(64);
        for b in 0..64 {
            let mut g = p.create(pid(b)).expect("free frames");
            g.format(pid(b), PageKind::Heap);
        }
        // All clean and unpinned: creating one more evicts.
        let g = p.create(pid(64)).expect("evicts a clean page");
        drop(g);
        let gone = (0..64).filter(|b| !p.contains(pid(*b))).count();
        assert_eq!(gone, 1);
        // A dirty pool refuses.
        for b in 0..65 {
            if let Ok(g) = p.write(pid(b)) {
                g.mark_dirty(10);
            }
        }
        assert!(matches!(p.create(pid(100)), Err(Wait::Memory)));
        assert_eq!(p.min_rec_lsn(), Some(Lsn(10)));
        // Writing one back frees it.
        let (_, idx) = p.dirty_pages(1)[0];
        let mut copy = Page([0; crate::page::PAGE_SIZE]);
        let id = p.begin_write(idx, &mut copy.0, &mut |_| ()).expect("dirty");
        assert!(matches!(p.create(pid(100)), Err(Wait::Memory)));
        p.end_write(idx);
        drop(p.create(pid(100)).expect("one clean page"));
        assert!(!p.contains(id));
        assert!(
            matches!(p.install(id, &copy, Access::Point, p.eviction_mark(id)), Ok(Some(_))),
            "block 100 is clean and makes room"
        );
        assert!(p.contains(id) && !p.contains(pid(100)));
    }

    /// Whoever finds a page, by hint or by map, has that page, however fast frames change hands.
    #[test]
    fn hints_never_mislead() {
        let p = Pool::new(64);
        let rounds = if cfg!(miri) { 200 } else { 50_000 };
        std::thread::scope(|s| {
            for t in 0..4u32 {
                let p = &p;
                s.spawn(move || {
                    let (mut x, mut hits) = (t * 7919 + 1, 0);
                    for _ in 0..rounds {
                        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        let id = pid((x >> 16) % 90);
                        match p.read(id, Access::Point) {
                            Ok(g) => {
                                assert_eq!(g.pid(), id);
                                // A page that is published is formatted before its latch is let go.
                                assert_eq!(g.0[100..104], id.block.to_le_bytes());
                                hits += 1;
                            }
                            Err(_) => {
                                if let Ok(mut g) = p.create(id) {
                                    g.0[100..104].copy_from_slice(&id.block.to_le_bytes());
                                }
                            }
                        }
                    }
                    assert!(hits > 0);
                });
            }
        });
        assert!(p.frames.meta(0).pins.load(Ordering::Relaxed) & !TAKEN == 0);
    }

    #[test]
    fn pins_hold_pages() {
        let p = Pool::new(64);
        for b in 0..64 {
            drop(p.create(pid(b)).expect("free frames"));
        }
        let pins: Vec<Pin> = (0..64).filter_map(|b| p.pin(pid(b))).collect();
        assert_eq!(pins.len(), 64);
        assert!(matches!(p.create(pid(64)), Err(Wait::Memory)));
        drop(pins);
        assert!(p.create(pid(64)).is_ok());
    }
}
