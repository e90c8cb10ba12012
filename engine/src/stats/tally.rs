//! What a session has counted and not yet handed over.
//!
//! A count goes into a small map behind a lock that only the session and the tasks of its statement take. Rows that are
//! inserted, changed and deleted belong to the innermost savepoint; when that is released they belong to the one
//! around it, when it is rolled back they are added up as having been done in vain. TRUNCATE begins them anew, and its
//! rollback brings back what was there before.
//!
//! Invariant: an object with counts of an open transaction is in `touched`, and its levels lie one above the other.

use super::look::Fetched;
use super::{Clock, DatabaseCounters, DatabaseStats, Ending, FunctionStats, RelationStats, is_shared};
use crate::engine::{DatabaseState, now_micros};
use crate::settings::Settings;
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustydb_base::{DbError, SqlState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicUsize, Ordering};
use std::time::Instant;

/// Microseconds between two times that a session's counts join those of its database.
const INTERVAL: i64 = 1_000_000;

/// Counts of a relation that are independent of how the transaction ends.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Scans.
    pub scans: i64,
    /// Rows that scans of the whole table have met; entries of an index.
    pub returned: i64,
    /// Rows fetched by way of an index.
    pub fetched: i64,
    /// Rows inserted by transactions and savepoints that have ended, like the next two.
    pub inserted: i64,
    /// Rows changed.
    pub updated: i64,
    /// Rows deleted.
    pub deleted: i64,
    /// Rows changed without a change to what an index reads.
    pub hot: i64,
    /// Blocks asked for.
    pub blocks: i64,
    /// Those that were in memory.
    pub hits: i64,
    /// A committed transaction has emptied the table: live and dead rows begin at 0.
    pub(super) emptied: bool,
    /// What is to be added to live rows.
    pub(super) live: i64,
    /// The same for dead rows.
    pub(super) dead: i64,
    /// The same for rows changed.
    pub(super) changed: i64,
}

impl Counts {
    /// Scans that begin.
    pub fn scans(scans: i64) -> Counts {
        Counts { scans, ..Counts::default() }
    }

    /// Rows met by a scan of the whole table (`returned`) or by way of an index (`fetched`).
    pub fn rows(self, returned: i64, fetched: i64) -> Counts {
        Counts { returned, fetched, ..self }
    }

    /// Blocks visited, some of which had to be loaded.
    pub fn blocks(self, blocks: i64, reads: i64) -> Counts {
        Counts { blocks, hits: (blocks - reads).max(0), ..self }
    }

    fn add(&mut self, o: &Counts) {
        self.scans += o.scans;
        self.returned += o.returned;
        self.fetched += o.fetched;
        self.inserted += o.inserted;
        self.updated += o.updated;
        self.deleted += o.deleted;
        self.hot += o.hot;
        self.blocks += o.blocks;
        self.hits += o.hits;
    }

    fn join(&self, r: &mut RelationStats) {
        r.scans += self.scans;
        r.returned += self.returned;
        r.fetched += self.fetched;
        r.inserted += self.inserted;
        r.updated += self.updated;
        r.deleted += self.deleted;
        r.hot += self.hot;
        if self.emptied {
            (r.live, r.dead, r.since_vacuum) = (0, 0, 0);
        }
        r.live = (r.live + self.live).max(0);
        r.dead = (r.dead + self.dead).max(0);
        r.changed += self.changed;
        r.since_vacuum += self.inserted;
        r.blocks += self.blocks;
        r.hits += self.hits;
    }

    fn join_database(&self, d: &mut DatabaseCounters) {
        d.returned += self.returned;
        d.fetched += self.fetched;
        d.inserted += self.inserted;
        d.updated += self.updated;
        d.deleted += self.deleted;
        d.blocks += self.blocks;
        d.hits += self.hits;
    }
}

/// What a scan of a point program has met.
#[derive(Clone, Copy, Default, Debug)]
pub struct Looked {
    /// Times that it began.
    pub scans: u32,
    /// Entries of the index.
    pub entries: u32,
    /// Rows.
    pub rows: u32,
    /// Blocks of the table or leaves of the index.
    pub blocks: u32,
    /// Times that it had to wait for one.
    pub reads: u32,
}

/// Rows inserted, changed and deleted.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Rows {
    inserted: i64,
    updated: i64,
    deleted: i64,
}

impl Rows {
    fn add(&mut self, o: Rows) {
        self.inserted += o.inserted;
        self.updated += o.updated;
        self.deleted += o.deleted;
    }
}

/// What a transaction or a savepoint has done to a relation.
#[derive(Clone, Copy, Default, Debug)]
struct Level {
    /// 1 for the transaction itself.
    depth: usize,
    rows: Rows,
    /// The rows before the relation was emptied or dropped in it.
    emptied: Option<Rows>,
}

impl Level {
    /// The relation is emptied; a drop also does away with what came after an earlier TRUNCATE.
    fn empty(&mut self, dropped: bool) {
        if self.emptied.is_none() || dropped {
            self.emptied = Some(self.rows);
        }
    }

    fn undone(mut self, c: &mut Counts) {
        if let Some(before) = self.emptied {
            self.rows = before;
        }
        c.inserted += self.rows.inserted;
        c.updated += self.rows.updated;
        c.deleted += self.rows.deleted;
        c.dead += self.rows.inserted + self.rows.updated;
    }

    fn done(self, c: &mut Counts) {
        let Rows { inserted, updated, deleted } = self.rows;
        c.inserted += inserted;
        c.updated += updated;
        c.deleted += deleted;
        if self.emptied.is_some() {
            (c.emptied, c.live, c.dead) = (true, 0, 0);
        }
        c.live += inserted - deleted;
        c.dead += updated + deleted;
        c.changed += inserted + updated + deleted;
    }
}

#[derive(Default, Debug)]
pub(super) struct PendingRelation {
    pub(super) counts: Counts,
    levels: Vec<Level>,
}

impl PendingRelation {
    /// Adds what the open transaction has done so far.
    pub(super) fn open(&self, c: &mut Counts) {
        for l in &self.levels {
            c.inserted += l.rows.inserted;
            c.updated += l.rows.updated;
            c.deleted += l.rows.deleted;
        }
    }

    /// Levels deeper than `depth` become part of those around them.
    fn release(&mut self, depth: usize) {
        while let Some(mut top) = self.levels.pop_if(|l| l.depth > depth) {
            match self.levels.last_mut() {
                Some(around) if around.depth + 1 == top.depth => {
                    if top.emptied.is_some() {
                        around.empty(false);
                        around.rows = top.rows;
                    } else {
                        around.rows.add(top.rows);
                    }
                }
                _ => {
                    top.depth -= 1;
                    self.levels.push(top);
                }
            }
        }
    }

    fn roll_back(&mut self, depth: usize) {
        while let Some(top) = self.levels.pop_if(|l| l.depth > depth) {
            top.undone(&mut self.counts);
        }
    }
}

/// What a prepared transaction has done.
#[derive(Default, Debug)]
pub struct Prepared(Vec<(u32, Level)>);

/// What a session has pending.
#[derive(Default, Debug)]
pub(crate) struct Pending {
    pub(super) relations: HashMap<u32, PendingRelation>,
    pub(super) functions: HashMap<u32, FunctionStats>,
    /// Relations with levels.
    touched: Vec<u32>,
    database: DatabaseCounters,
    /// Time in functions that have ended, microseconds.
    called: i64,
}

impl Pending {
    fn count(&mut self, oid: u32, c: &Counts) {
        self.relations.entry(oid).or_default().counts.add(c);
    }

    /// A scan of a point program: `index` is what it went through, `gathered` says that rows came in the order of the
    /// table.
    pub(crate) fn looked(&mut self, table: u32, index: Option<u32>, gathered: bool, l: &Looked) {
        let n = i64::from;
        let (scans, rows, entries, reads) = (n(l.scans), n(l.rows), n(l.entries), n(l.reads));
        let Some(index) = index else {
            return self.count(table, &Counts::scans(scans).rows(rows, 0).blocks(n(l.blocks), reads));
        };
        let (own, tables) = if gathered { (0, rows) } else { (rows, 0) };
        self.count(index, &Counts::scans(scans).rows(entries, own).blocks(scans, 0));
        self.count(table, &Counts::default().rows(0, tables).blocks(entries, reads));
    }

    fn level(&mut self, oid: u32, depth: usize) -> &mut Rows {
        let r = self.relations.entry(oid).or_default();
        if r.levels.is_empty() {
            self.touched.push(oid);
        }
        if r.levels.last().is_none_or(|l| l.depth != depth) {
            r.levels.push(Level { depth, ..Level::default() });
        }
        let at = r.levels.len() - 1;
        &mut r.levels[at].rows
    }

    /// The level of an object that has one at this depth.
    fn level_at(&mut self, oid: u32, depth: usize) -> Option<&mut Level> {
        self.relations.get_mut(&oid)?.levels.last_mut().filter(|l| l.depth == depth)
    }

    fn each_touched(&mut self, mut f: impl FnMut(&mut PendingRelation)) {
        let Pending { relations, touched, .. } = self;
        touched.retain(|oid| {
            let Some(r) = relations.get_mut(oid) else { return false };
            f(r);
            !r.levels.is_empty()
        });
    }
}

/// A function that runs.
pub struct Call {
    function: u32,
    began: Instant,
    /// The function's time, and that of all functions, when it began.
    before: (i64, i64),
}

/// See the module.
pub struct Tally {
    pub(super) own: Arc<DatabaseStats>,
    pub(super) shared: Arc<DatabaseStats>,
    /// `track_counts`.
    on: AtomicBool,
    /// `track_functions`: none, pl, all.
    calls: AtomicU8,
    /// Everything joins at the end of the next transaction.
    force: AtomicBool,
    /// The transaction has counts of its own or has looked at statistics.
    pub(super) open: AtomicBool,
    /// 0 outside of transactions, 1 in one, 2 below its first savepoint.
    depth: AtomicUsize,
    /// When counts last joined.
    joined: AtomicI64,
    commits: AtomicI64,
    rollbacks: AtomicI64,
    pub(super) pending: Mutex<Pending>,
    pub(super) fetched: Mutex<Fetched>,
}

/// Counts nothing while it lives.
pub struct Quiet(Arc<Tally>, bool);

impl Drop for Quiet {
    fn drop(&mut self) {
        self.0.on.store(self.1, Ordering::Relaxed);
    }
}

impl Tally {
    pub(super) fn new(own: Arc<DatabaseStats>, shared: Arc<DatabaseStats>) -> Tally {
        Tally {
            own,
            shared,
            on: AtomicBool::new(true),
            calls: AtomicU8::new(0),
            force: AtomicBool::new(false),
            open: AtomicBool::new(false),
            depth: AtomicUsize::new(0),
            joined: AtomicI64::new(0),
            commits: AtomicI64::new(0),
            rollbacks: AtomicI64::new(0),
            pending: Mutex::default(),
            fetched: Mutex::default(),
        }
    }

    /// The session is there for its client.
    pub fn connected(&self) {
        self.own.0.lock().own.sessions += 1;
    }

    /// Takes over what the session's settings say.
    pub fn obey(&self, s: &Settings) {
        self.on.store(s.is_on("track_counts"), Ordering::Relaxed);
        let calls = match s.get("track_functions") {
            "all" => 2,
            "pl" => 1,
            _ => 0,
        };
        self.calls.store(calls, Ordering::Relaxed);
    }

    /// Counts nothing until the answer is dropped: VACUUM and ANALYZE read tables for themselves.
    pub fn quiet(self: &Arc<Self>) -> Quiet {
        Quiet(Arc::clone(self), self.on.swap(false, Ordering::Relaxed))
    }

    // ---- counting ------------------------------------------------------------------------------------------------

    /// Lets `f` count several things at once.
    pub(crate) fn counting(&self, f: impl FnOnce(&mut Pending)) {
        if self.on.load(Ordering::Relaxed) {
            f(&mut self.pending.lock());
        }
    }

    /// Adds counts of a relation.
    pub fn count(&self, oid: u32, c: &Counts) {
        self.counting(|p| p.count(oid, c));
    }

    fn rows(&self, oid: u32, f: impl FnOnce(&mut Rows)) {
        if self.on.load(Ordering::Relaxed) {
            self.open.store(true, Ordering::Relaxed);
            let depth = self.depth.load(Ordering::Relaxed).max(1);
            f(self.pending.lock().level(oid, depth));
        }
    }

    /// Rows have been inserted.
    pub fn inserted(&self, oid: u32, n: u64) {
        self.rows(oid, |r| r.inserted += n as i64);
    }

    /// A row has been deleted.
    pub fn deleted(&self, oid: u32) {
        self.rows(oid, |r| r.deleted += 1);
    }

    /// A row has been changed; `hot`: nothing that an index reads of it.
    pub fn updated(&self, oid: u32, hot: bool) {
        self.rows(oid, |r| r.updated += 1);
        if hot {
            self.count(oid, &Counts { hot: 1, ..Counts::default() });
        }
    }

    /// A table has been emptied.
    pub fn truncated(&self, oid: u32) {
        self.rows(oid, |_| {});
        self.emptied(oid, false);
    }

    /// A relation has been dropped, which rollback may undo.
    pub fn dropped(&self, oid: u32) {
        self.emptied(oid, true);
    }

    fn emptied(&self, oid: u32, dropped: bool) {
        let depth = self.depth.load(Ordering::Relaxed).max(1);
        if let Some(l) = self.pending.lock().level_at(oid, depth) {
            l.empty(dropped);
            l.rows = Rows::default();
        }
    }

    /// Relations and functions are no more.
    pub fn forget(&self, relations: &[u32], functions: &[u32]) {
        if relations.is_empty() && functions.is_empty() {
            return;
        }
        let mut p = self.pending.lock();
        for r in relations {
            p.relations.remove(r);
        }
        for f in functions {
            p.functions.remove(f);
        }
        p.touched.retain(|t| !relations.contains(t));
    }

    /// An error has reached the session.
    pub fn failed(&self, e: &DbError) {
        if e.code == SqlState::T_R_DEADLOCK_DETECTED {
            self.pending.lock().database.deadlocks += 1;
        }
    }

    /// A query has written to temporary files.
    pub fn spilled(&self, files: usize, bytes: usize) {
        let d = &mut self.pending.lock().database;
        d.temp_files += files as i64;
        d.temp_bytes += bytes as i64;
    }

    /// A function written in SQL begins, if such are counted.
    pub fn call(&self, function: u32) -> Option<Call> {
        if self.calls.load(Ordering::Relaxed) < 2 {
            return None;
        }
        let mut p = self.pending.lock();
        let before = (p.functions.entry(function).or_default().total, p.called);
        Some(Call { function, began: Instant::now(), before })
    }

    /// It has ended. Its own time is what the functions inside it leave; a recursive one's time counts once.
    pub fn called(&self, c: Call) {
        let took = i64::try_from(c.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        let mut p = self.pending.lock();
        let inside = p.called - c.before.1;
        p.called = c.before.1.saturating_add(took);
        let f = p.functions.entry(c.function).or_default();
        f.calls += 1;
        f.total = c.before.0.saturating_add(took);
        f.own += (took - inside).max(0);
    }

    // ---- transactions --------------------------------------------------------------------------------------------

    /// A transaction or savepoint begins.
    pub fn push(&self) {
        // Only the session writes it.
        self.depth.store(self.depth.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The savepoints from `depth` on are released.
    pub fn release(&self, depth: usize) {
        self.depth.store(depth, Ordering::Relaxed);
        if self.open.load(Ordering::Relaxed) {
            self.pending.lock().each_touched(|r| r.release(depth));
        }
    }

    /// The levels from `depth` on are rolled back; 0 for the transaction.
    pub fn roll_back(&self, depth: usize) {
        let was = self.depth.swap(depth, Ordering::Relaxed);
        let open = self.open.load(Ordering::Relaxed);
        if open {
            self.pending.lock().each_touched(|r| r.roll_back(depth));
        }
        if depth == 0 && was > 0 {
            self.rollbacks.fetch_add(1, Ordering::Relaxed);
        }
        if depth == 0 && open {
            self.closed();
        }
    }

    /// The transaction commits.
    pub fn commit(&self) {
        self.depth.store(0, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        if self.open.load(Ordering::Relaxed) {
            self.pending.lock().each_touched(|r| {
                r.release(1);
                while let Some(l) = r.levels.pop() {
                    l.done(&mut r.counts);
                }
            });
            self.closed();
        }
    }

    fn closed(&self) {
        self.open.store(false, Ordering::Relaxed);
        self.clear_snapshot();
    }

    /// The transaction is prepared: what it has done is not this session's any more.
    pub fn prepare(&self) -> Prepared {
        let mut out = Vec::new();
        let mut p = self.pending.lock();
        for oid in std::mem::take(&mut p.touched) {
            let Some(r) = p.relations.get_mut(&oid) else { continue };
            r.release(1);
            out.extend(r.levels.pop().map(|l| (oid, l)));
            r.levels.clear();
        }
        Prepared(out)
    }

    /// A prepared transaction ends.
    pub fn finish(&self, p: Prepared, commit: bool) {
        let mut pending = self.pending.lock();
        for (oid, level) in p.0 {
            let c = &mut pending.relations.entry(oid).or_default().counts;
            if commit { level.done(c) } else { level.undone(c) }
        }
    }

    // ---- handing over --------------------------------------------------------------------------------------------

    /// A transaction has ended: hands over what is pending if it is time.
    pub fn report(&self, db: &DatabaseState, now: i64, clock: &mut Clock) {
        let due = now - self.joined.load(Ordering::Relaxed) >= INTERVAL;
        if due || self.force.load(Ordering::Relaxed) {
            self.force.store(false, Ordering::Relaxed);
            clock.take(now, &mut self.pending.lock().database);
            self.join(db, now);
        }
    }

    /// Hands over what is pending at the end of the next transaction, however soon that is.
    pub fn force(&self) {
        self.force.store(true, Ordering::Relaxed);
    }

    /// Hands over what a session has pending that does nothing.
    pub(super) fn join_idle(&self, db: &DatabaseState, now: i64) {
        if self.depth.load(Ordering::Relaxed) == 0 && now - self.joined.load(Ordering::Relaxed) >= INTERVAL {
            self.join(db, now);
        }
    }

    /// The session ends.
    pub fn end(&self, db: &DatabaseState, clock: &mut Clock, how: Ending) {
        let now = now_micros();
        clock.wait(now);
        {
            let d = &mut self.pending.lock().database;
            clock.take(now, d);
            match how {
                Ending::Normal => {}
                Ending::Abandoned => d.abandoned += 1,
                Ending::Fatal => d.fatal += 1,
                Ending::Killed => d.killed += 1,
            }
        }
        self.join(db, now);
    }

    /// Hands over what is pending, open transactions excepted. What is no longer in the catalog is nobody's.
    fn join(&self, db: &DatabaseState, now: i64) {
        self.joined.store(now, Ordering::Relaxed);
        let mut relations = Vec::new();
        let mut p = self.pending.lock();
        p.relations.retain(|oid, r| {
            if r.counts != Counts::default() {
                relations.push((*oid, std::mem::take(&mut r.counts)));
            }
            !r.levels.is_empty()
        });
        // A function that is running goes on from what it began with.
        let functions: Vec<(u32, FunctionStats)> =
            if self.depth.load(Ordering::Relaxed) == 0 { p.functions.drain().collect() } else { Vec::new() };
        let mut own = std::mem::take(&mut p.database);
        drop(p);
        own.commits += self.commits.swap(0, Ordering::Relaxed);
        own.rollbacks += self.rollbacks.swap(0, Ordering::Relaxed);
        let (shared, mine): (Vec<_>, Vec<_>) = relations.into_iter().partition(|r| is_shared(r.0));
        if !shared.is_empty() {
            let mut o = self.shared.0.lock();
            for (oid, c) in shared {
                c.join(o.relation(oid));
                c.join_database(&mut o.own);
            }
        }
        let mut o = self.own.0.lock();
        // Under the lock that removal takes after it has changed the catalog.
        let cat = db.catalog();
        for (oid, c) in mine {
            if cat.relation(oid).is_some() {
                c.join(o.relation(oid));
            }
            c.join_database(&mut o.own);
        }
        for (oid, f) in functions.into_iter().filter(|f| cat.routines.contains_key(&f.0)) {
            let all = o.function(oid);
            all.calls += f.calls;
            all.total += f.total;
            all.own += f.own;
        }
        let sum = o.own.words().iter().zip(own.words()).map(|(a, b)| a + b).collect::<Vec<_>>();
        if let Ok(words) = sum.try_into() {
            o.own = DatabaseCounters::of_words(&words);
        }
    }

    // ---- maintenance ---------------------------------------------------------------------------------------------

    pub(super) fn of(&self, relation: u32) -> &DatabaseStats {
        if is_shared(relation) { &self.shared } else { &self.own }
    }

    /// VACUUM has worked on a table. `known`: rows that it is known to have by other means, for a table of which
    /// nothing is counted.
    pub fn vacuumed(&self, table: u32, known: i64) {
        let mut o = self.of(table).0.lock();
        let r = o.relation(table);
        if *r == RelationStats::default() {
            r.live = known.max(0);
        }
        (r.dead, r.since_vacuum, r.vacuumed) = (0, 0, now_micros());
        r.vacuums += 1;
    }

    /// ANALYZE has counted a table's rows, `whole` if of all columns. What this session has done and not handed over
    /// yet is among them and will be added again. Dead rows are left to VACUUM.
    pub fn analyzed(&self, table: u32, rows: i64, whole: bool) {
        let pending = {
            let p = self.pending.lock();
            p.relations.get(&table).map_or(0, |r| {
                let open: i64 = r.levels.iter().map(|l| l.rows.inserted - l.rows.deleted).sum();
                let emptied = r.counts.emptied || r.levels.iter().any(|l| l.emptied.is_some());
                if emptied { 0 } else { r.counts.live + open }
            })
        };
        let mut o = self.of(table).0.lock();
        let r = o.relation(table);
        r.live = (rows - pending).max(0);
        if whole {
            r.changed = 0;
        }
        r.analyzed = now_micros();
        r.analyzes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        Tally::new(Arc::default(), Arc::default())
    }

    fn joined(t: &Tally, oid: u32) -> RelationStats {
        let mut r = RelationStats::default();
        t.pending(oid).join(&mut r);
        r
    }

    #[test]
    fn rows_of_savepoints() {
        let t = tally();
        t.push();
        t.inserted(1, 2);
        t.push();
        t.inserted(1, 2);
        t.truncated(1);
        t.inserted(1, 1);
        t.roll_back(1);
        t.commit();
        let r = joined(&t, 1);
        assert_eq!((r.inserted, r.live, r.dead), (4, 2, 2));
    }

    #[test]
    fn emptied_inside_a_released_savepoint() {
        let t = tally();
        t.push();
        t.inserted(1, 2);
        t.push();
        t.push();
        t.inserted(1, 1);
        t.truncated(1);
        t.inserted(1, 1);
        t.release(1);
        assert_eq!(t.pending(1).inserted, 1);
        t.commit();
        let r = joined(&t, 1);
        assert_eq!((r.inserted, r.live, r.dead, r.changed), (1, 1, 0, 1));
    }

    #[test]
    fn what_is_rolled_back_is_dead() {
        let t = tally();
        t.push();
        t.inserted(1, 3);
        t.truncated(1);
        t.inserted(1, 1);
        t.roll_back(0);
        t.push();
        t.inserted(1, 5);
        t.deleted(1);
        t.updated(1, true);
        t.commit();
        let r = joined(&t, 1);
        assert_eq!((r.inserted, r.deleted, r.updated, r.hot), (8, 1, 1, 1));
        assert_eq!((r.live, r.dead, r.changed), (4, 5, 7));
        assert_eq!(t.rollbacks.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn time_of_functions_inside_others_counts_once() {
        let t = tally();
        t.calls.store(2, Ordering::Relaxed);
        let outer = t.call(1).expect("counted");
        let inner = t.call(2).expect("counted");
        std::thread::sleep(std::time::Duration::from_millis(2));
        t.called(inner);
        t.called(outer);
        let (o, i) = (t.pending_function(1).expect("there"), t.pending_function(2).expect("there"));
        assert!(o.total >= i.total && o.own < i.own && o.calls == 1);
    }
}
