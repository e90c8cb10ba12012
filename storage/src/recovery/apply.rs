//! Applying a window's changes to the pages of one part.
//!
//! Changes are few instructions each; what takes time is that the log and the pages are not in the processor's cache. So a
//! page's changes are brought side by side (a counting sort), and what they need is touched for many of them in one go,
//! which lets the cache's misses overlap.

use super::scan::{Change, Lease, Window};
use crate::buf::{Access, Loader, Pin, Pool, READ_AHEAD};
use crate::rt::yield_now;
use crate::wait::Wait;
use hashbrown::HashMap;
use rustydb_base::{DbError, Lsn, PageId, RelId, Result};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most pages that a part has on their way ahead of the one it changes.
const AHEAD: usize = 16;

/// What a part has done.
#[derive(Default)]
pub(super) struct Applied {
    /// Page changes made.
    pub(super) changes: u64,
    /// Relations given up, with the first reason and the LSN of the change that met it.
    lost: HashMap<RelId, (Lsn, DbError)>,
}

impl Applied {
    /// Takes in what another part has done.
    pub(super) fn add(&mut self, other: Applied) {
        self.changes += other.changes;
        for (rel, why) in other.lost {
            let first = self.lost.entry(rel).or_insert_with(|| why.clone());
            if why.0 < first.0 {
                *first = why;
            }
        }
    }

    /// Refuses, with the first reason in the log's order, if a relation was given up that has not been dropped.
    pub(super) fn judge(&mut self, dropped: &BTreeSet<RelId>) -> Result<()> {
        let lost = std::mem::take(&mut self.lost);
        let first =
            lost.into_iter().filter(|(rel, _)| !dropped.contains(rel)).min_by_key(|(rel, (lsn, _))| (*lsn, *rel));
        first.map_or(Ok(()), |(_, (_, e))| Err(e))
    }
}

/// Changes whose operations are touched before the first of them is made.
const BATCH: usize = 32;
/// From so many changes on, all of the page is touched, too.
const DENSE: usize = 8;
/// Bytes that come into the cache together.
const LINE: usize = 64;

/// The changes of one page in a window: a range of [`Worker::sorted`].
struct Group {
    pid: PageId,
    start: u32,
    end: u32,
    /// The first change makes the page anew.
    formats: bool,
}

/// Why a page's changes were not made.
enum Stop {
    /// Not yet.
    Wait(Wait),
    /// The page is not as the log left it; nothing has been done to it.
    Lost(Lsn, DbError),
    /// A change cannot be made.
    Broken(DbError),
}

/// One part of redo.
pub(super) struct Worker {
    part: usize,
    pool: Arc<Pool>,
    loader: Arc<Loader>,
    ahead: usize,
    done: Applied,
    groups: Vec<Group>,
    by_page: HashMap<PageId, u32>,
    /// The group of each change.
    group_of: Vec<u32>,
    /// The changes, group by group.
    sorted: Vec<Change>,
}

impl Worker {
    pub(super) fn new(part: usize, pool: &Arc<Pool>, loader: &Arc<Loader>) -> Worker {
        Worker {
            part,
            pool: Arc::clone(pool),
            loader: Arc::clone(loader),
            // All parts together leave most of a small pool alone.
            ahead: (pool.capacity() / (4 * super::PARTS)).clamp(1, AHEAD),
            done: Applied::default(),
            groups: Vec::new(),
            by_page: HashMap::new(),
            group_of: Vec::new(),
            sorted: Vec::new(),
        }
    }

    /// Applies windows as they come, until there are no more or a change cannot be made.
    pub(super) async fn run(mut self, mut windows: mpsc::Receiver<Arc<Lease>>) -> Result<Applied> {
        while let Some(lease) = windows.recv().await {
            self.window(&lease.window).await?;
        }
        Ok(self.done)
    }

    async fn window(&mut self, window: &Window) -> Result<()> {
        self.group(&window.changes[self.part]);
        let groups = std::mem::take(&mut self.groups);
        let mut ahead = 0;
        for (i, group) in groups.iter().enumerate() {
            while ahead < groups.len() && ahead <= i + self.ahead {
                ahead += self.read_ahead(&groups[ahead..]);
            }
            if self.done.lost.contains_key(&group.pid.rel) {
                continue;
            }
            match self.page(window, group).await {
                Ok(n) => self.done.changes += n,
                Err(Stop::Lost(lsn, e)) => drop(self.done.lost.insert(group.pid.rel, (lsn, e))),
                Err(Stop::Broken(e)) => return Err(e),
                Err(Stop::Wait(w)) => return Err(DbError::internal(format!("redo waits for {w:?}"))),
            }
        }
        self.groups = groups;
        Ok(())
    }

    /// Brings the changes of each page together, in log order, and puts the pages into the files' order.
    fn group(&mut self, changes: &[Change]) {
        self.groups.clear();
        self.by_page.clear();
        self.group_of.clear();
        for c in changes {
            let fresh = self.groups.len() as u32;
            let g = *self.by_page.entry(c.pid).or_insert(fresh);
            self.group_of.push(g);
            match self.groups.get_mut(g as usize) {
                // Only counted for now.
                Some(g) => g.end += 1,
                None => self.groups.push(Group { pid: c.pid, start: 0, end: 1, formats: c.formats }),
            }
        }
        let mut order: Vec<u32> = (0..self.groups.len() as u32).collect();
        order.sort_unstable_by_key(|g| self.groups[*g as usize].pid);
        let mut start = 0;
        for g in order {
            let g = &mut self.groups[g as usize];
            let count = g.end;
            (g.start, g.end) = (start, start);
            start += count;
        }
        self.sorted.clear();
        self.sorted.extend_from_slice(changes);
        for (c, g) in changes.iter().zip(&self.group_of) {
            let g = &mut self.groups[*g as usize];
            self.sorted[g.end as usize] = *c;
            g.end += 1;
        }
        self.groups.sort_unstable_by_key(|g| g.pid);
    }

    /// Starts reading the first page and those next to it in the file; answers how many groups are seen to.
    fn read_ahead(&self, groups: &[Group]) -> usize {
        let wanted = |g: &Group| !g.formats && !self.done.lost.contains_key(&g.pid.rel) && !self.pool.contains(g.pid);
        let Some(first) = groups.first().filter(|g| wanted(g)) else { return 1 };
        let follows = |(i, g): &(usize, &Group)| {
            g.pid.rel == first.pid.rel && u64::from(g.pid.block) == u64::from(first.pid.block) + *i as u64 && wanted(g)
        };
        let most = self.ahead.min(READ_AHEAD as usize);
        let n = groups.iter().enumerate().take(most).take_while(follows).count();
        self.loader.prefetch(first.pid.rel, first.pid.block..first.pid.block.saturating_add(n as u32));
        n
    }

    /// Makes all changes of a page; answers how many were missing.
    async fn page(&self, window: &Window, group: &Group) -> Result<u64, Stop> {
        let mut pin: Option<Pin> = None;
        let changes = self.sorted.get(group.start as usize..group.end as usize).unwrap_or_default();
        loop {
            match self.apply(window, group, changes) {
                Err(Stop::Wait(Wait::Page(pid))) => {
                    let loaded = self.loader.load(pid, Access::Scan).await;
                    let lsn = || changes.first().map_or(Lsn(0), |c| window.log.lsn(c.record as usize));
                    // Held while the page is latched in the next round.
                    drop(pin.replace(loaded.map_err(|e| Stop::Lost(lsn(), e))?));
                }
                Err(Stop::Wait(Wait::Memory)) => self.loader.make_room().await.map_err(Stop::Broken)?,
                Err(Stop::Wait(Wait::Restart)) => yield_now().await,
                done => return done,
            }
        }
    }

    fn apply(&self, window: &Window, group: &Group, changes: &[Change]) -> Result<u64, Stop> {
        let fixed = if group.formats { self.pool.create(group.pid) } else { self.pool.write(group.pid) };
        let mut page = fixed.map_err(|w| match w {
            Wait::Fail(e) => Stop::Broken(*e),
            other => Stop::Wait(other),
        })?;
        if changes.len() >= DENSE && !group.formats {
            touch(page.0.iter().step_by(LINE));
        }
        let mut made = 0;
        for batch in changes.chunks(BATCH) {
            touch(batch.iter().flat_map(|c| window.lines(c, LINE)));
            for c in batch {
                let start = window.log.lsn(c.record as usize);
                let change = window.change(c);
                if change.is_missing(&page).map_err(|e| Stop::Lost(start, e))? {
                    if let Err(e) = change.apply(&mut page) {
                        // Spoilt, and must not reach the disk. What was changed before is still in the log.
                        page.mark_clean();
                        return Err(Stop::Broken(e));
                    }
                    page.mark_dirty(start.0);
                    made += 1;
                }
            }
        }
        Ok(made)
    }
}

/// Brings bytes into the processor's cache: reads that depend on nothing are under way together.
fn touch<'a>(bytes: impl Iterator<Item = &'a u8>) {
    std::hint::black_box(bytes.fold(0, |sum, b| sum ^ b));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::{PageFiles, PageWriter};
    use crate::dwb::DoubleWrite;
    use crate::io::IoRef;
    use crate::io::sim::{SimDisk, SimFaults, SimIo};
    use crate::rt::RuntimeRef;
    use crate::sim::SimRuntime;
    use rustydb_base::poison::Poison;

    #[test]
    fn changes_come_page_by_page_in_log_order() {
        let (rt, disk) = (SimRuntime::new(1), SimDisk::new());
        let io: IoRef = SimIo::new(&rt, &disk, SimFaults::default());
        let rt2: RuntimeRef = rt.clone();
        let mut worker = rt
            .block_on(async move {
                let dwb = DoubleWrite::create(io.clone(), "dwb", 1).await.expect("an empty disk");
                let (pool, files) = (Pool::new(64), Arc::new(PageFiles::new(io, true)));
                let (p, f) = (Arc::clone(&pool), Arc::clone(&files));
                let writer = PageWriter::new(p, f, dwb, rt2.clone(), Poison::default(), None, 0);
                Worker::new(0, &pool, &Loader::new(Arc::clone(&pool), files, writer, rt2, None))
            })
            .expect("no crash");
        let blocks = [5, 3, 5, 9, 3, 5, 1];
        let changes: Vec<Change> =
            (0u32..).zip(blocks).map(|(i, b)| Change::for_test(PageId::new(RelId(7), b), i)).collect();
        worker.group(&changes);
        let found: Vec<(u32, Vec<u32>)> = worker
            .groups
            .iter()
            .map(|g| {
                let of = &worker.sorted[g.start as usize..g.end as usize];
                assert!(of.iter().all(|c| c.pid == g.pid));
                (g.pid.block, of.iter().map(|c| c.record).collect())
            })
            .collect();
        assert_eq!(found, [(1, vec![6]), (3, vec![1, 4]), (5, vec![0, 2, 5]), (9, vec![3])]);
        worker.group(&[]);
        assert!(worker.groups.is_empty() && worker.sorted.is_empty());
        rt.shutdown();
    }
}
