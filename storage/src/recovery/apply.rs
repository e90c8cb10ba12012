//! Applying a window's changes to the pages of one part.

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
        let first = lost.into_iter().filter(|(rel, _)| !dropped.contains(rel)).min_by_key(|(rel, (lsn, _))| (*lsn, *rel));
        first.map_or(Ok(()), |(_, (_, e))| Err(e))
    }
}

/// The changes of one page in a window: a chain through [`Worker::next`].
struct Group {
    pid: PageId,
    first: u32,
    last: u32,
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
    next: Vec<u32>,
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
            next: Vec::new(),
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
        let changes = &window.changes[self.part];
        self.group(changes);
        let groups = std::mem::take(&mut self.groups);
        let mut ahead = 0;
        for (i, group) in groups.iter().enumerate() {
            while ahead < groups.len() && ahead <= i + self.ahead {
                ahead += self.read_ahead(&groups[ahead..]);
            }
            if self.done.lost.contains_key(&group.pid.rel) {
                continue;
            }
            match self.page(window, changes, group).await {
                Ok(n) => self.done.changes += n,
                Err(Stop::Lost(lsn, e)) => drop(self.done.lost.insert(group.pid.rel, (lsn, e))),
                Err(Stop::Broken(e)) => return Err(e),
                Err(Stop::Wait(w)) => return Err(DbError::internal(format!("redo waits for {w:?}"))),
            }
        }
        self.groups = groups;
        Ok(())
    }

    /// Chains the changes of each page and puts the pages into the files' order.
    fn group(&mut self, changes: &[Change]) {
        self.groups.clear();
        self.by_page.clear();
        self.next.clear();
        self.next.resize(changes.len(), u32::MAX);
        for (i, c) in changes.iter().enumerate() {
            let fresh = self.groups.len() as u32;
            let g = *self.by_page.entry(c.pid).or_insert(fresh);
            let i = i as u32;
            match self.groups.get_mut(g as usize) {
                Some(g) => {
                    self.next[g.last as usize] = i;
                    g.last = i;
                }
                None => self.groups.push(Group { pid: c.pid, first: i, last: i, formats: c.formats }),
            }
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
    async fn page(&self, window: &Window, changes: &[Change], group: &Group) -> Result<u64, Stop> {
        let mut pin: Option<Pin> = None;
        loop {
            match self.apply(window, changes, group) {
                Err(Stop::Wait(Wait::Page(pid))) => {
                    let lsn = |i: u32| window.log.lsn(changes[i as usize].record as usize);
                    let loaded = self.loader.load(pid, Access::Scan).await;
                    // Held while the page is latched in the next round.
                    drop(pin.replace(loaded.map_err(|e| Stop::Lost(lsn(group.first), e))?));
                }
                Err(Stop::Wait(Wait::Memory)) => self.loader.make_room().await.map_err(Stop::Broken)?,
                Err(Stop::Wait(Wait::Restart)) => yield_now().await,
                done => return done,
            }
        }
    }

    fn apply(&self, window: &Window, changes: &[Change], group: &Group) -> Result<u64, Stop> {
        let fixed = if group.formats { self.pool.create(group.pid) } else { self.pool.write(group.pid) };
        let mut page = fixed.map_err(|w| match w {
            Wait::Fail(e) => Stop::Broken(*e),
            other => Stop::Wait(other),
        })?;
        let (mut at, mut made) = (group.first, 0);
        while let Some(c) = changes.get(at as usize) {
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
            at = self.next[at as usize];
        }
        Ok(made)
    }
}
