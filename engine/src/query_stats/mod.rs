//! What statements cost: PostgreSQL's extension `pg_stat_statements` 1.10, and query ids.
//!
//! A statement is known by its [`shape`]: its tree without constants, hashed. The hash is computed once for each plan, when
//! it is first wanted, and kept with it; a plan that sessions share is hashed once for all of them. The text that stands for
//! a shape ([`text`]) is made when its entry is: once for each entry.
//!
//! There is one registry for the server, [`QueryStats`]: entries by user, database, id and level, divided among locks by
//! their key, so that two sessions meet only over statements of the same part, for the time of adding a few numbers. Nothing
//! is counted, and no more is done for a statement than to look at one flag, while no database has the extension.
//! What sessions do is `session/watch.rs`: it measures, and counts what has ended well.
//!
//! Invariants: a failed statement is not counted. Ids depend on nothing that a restart changes.
//!
//! Bounds: `pg_stat_statements.max` entries and [`BYTES_PER_ENTRY`] of text for each of them, all together; when either is
//! full, the least used twentieth goes (usage fades a little every time), and more if texts are still too long. What sessions
//! add at the same moment can exceed that by one entry each. A text longer than [`LONGEST_TEXT`] is cut there. The gauges
//! are `query_stats_entries` and `query_stats_text_bytes`.
//!
//! Left out: blocks, their times, log records and bytes are not known by statement, nor is anything compiled (`jit_…`): these
//! columns are always 0. Plans are kept and shared, so `plans` counts how often a statement was bound, which is less than how
//! often PostgreSQL plans it; the operators are chosen as a statement runs, which counts as execution. Statements within
//! others (`track = all`) are those of SQL functions, EXPLAIN ANALYZE and COPY (query).

mod extension;
mod kernels;
mod saved;
pub(crate) mod shape;
pub(crate) mod text;

pub use extension::EXTENSION;
pub use kernels::KERNELS;

use crate::catalog::Catalog;
use crate::settings::Settings;
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustydb_base::metrics::Gauge;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// Entries of the registry.
pub static ENTRIES: Gauge = Gauge::new("query_stats_entries", "statements that pg_stat_statements counts");
/// Bytes of their texts.
pub static TEXT_BYTES: Gauge = Gauge::new("query_stats_text_bytes", "bytes of the texts that pg_stat_statements keeps");

/// Parts of the registry with a lock each.
const SHARDS: usize = 32;
/// Bytes of text for each entry that there may be.
const BYTES_PER_ENTRY: usize = 4096;
/// Longer texts are cut.
const LONGEST_TEXT: usize = 1 << 20;
/// How much of an entry's usage is left when room is made.
const FADING: f64 = 0.99;
/// One in so many entries goes when room is made.
const PART_TO_GO: usize = 20;
/// Fewer never go at once.
const LEAST_TO_GO: usize = 10;

/// What an entry is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// OID of the role.
    pub user: u32,
    /// OID of the database.
    pub database: u32,
    /// The query id.
    pub query: u64,
    /// Whether it was a client's statement.
    pub toplevel: bool,
}

/// Times of something that has happened several times, in milliseconds.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Times {
    /// How often.
    pub calls: u64,
    /// Sum.
    pub total: f64,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// Sum of the squared distances from the mean.
    pub squares: f64,
}

impl Times {
    fn add(&mut self, ms: f64) {
        self.calls += 1;
        self.total += ms;
        if self.calls == 1 {
            (self.min, self.max) = (ms, ms);
        } else {
            (self.min, self.max) = (self.min.min(ms), self.max.max(ms));
        }
        // Welford's way, which loses no digits to large sums.
        let before = ms - self.mean;
        self.mean += before / self.calls as f64;
        self.squares += before * (ms - self.mean);
    }

    /// The deviation of all that was seen.
    pub fn deviation(&self) -> f64 {
        if self.calls > 1 { (self.squares / self.calls as f64).sqrt() } else { 0.0 }
    }
}

/// What is known of a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Times of binding.
    pub plans: Times,
    /// Times of execution.
    pub runs: Times,
    /// Rows given or changed.
    pub rows: u64,
    /// How much it is used; fades.
    pub usage: f64,
    /// Its text.
    pub text: Arc<str>,
}

/// What is counted of a statement; times are milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// It was bound.
    Planned(f64),
    /// It has run, and given or changed so many rows.
    Ran(f64, u64),
}

type Shard = Mutex<HashMap<Key, Entry>>;

/// The registry; see the module.
pub struct QueryStats {
    shards: Vec<Shard>,
    hasher: hashbrown::DefaultHashBuilder,
    entries: AtomicUsize,
    text_bytes: AtomicUsize,
    /// Most entries.
    max: usize,
    /// Whether a database has the extension.
    installed: AtomicBool,
    /// How often room was made.
    deallocations: AtomicU64,
    /// When everything was last reset, microseconds since 2000.
    reset: AtomicI64,
    /// Held by who makes room.
    making_room: Mutex<()>,
}

impl QueryStats {
    /// An empty registry.
    pub fn new(settings: &Settings, now: i64) -> QueryStats {
        QueryStats {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            hasher: Default::default(),
            entries: AtomicUsize::new(0),
            text_bytes: AtomicUsize::new(0),
            max: usize::try_from(settings.int("pg_stat_statements.max")).unwrap_or(5000).max(1),
            installed: AtomicBool::new(false),
            deallocations: AtomicU64::new(0),
            reset: AtomicI64::new(now),
            making_room: Mutex::new(()),
        }
    }

    /// Whether a database has the extension.
    pub fn installed(&self) -> bool {
        self.installed.load(Ordering::Relaxed)
    }

    /// Looks whether a database has the extension.
    pub fn look<'c>(&self, mut catalogs: impl Iterator<Item = &'c Catalog>) {
        self.installed.store(catalogs.any(|c| c.extension_named(EXTENSION.name).is_some()), Ordering::Relaxed);
    }

    fn shard(&self, key: &Key) -> Option<&Shard> {
        self.shards.get(usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0) % SHARDS)
    }

    /// Counts something; `text` is asked for the text of a statement that has no entry.
    pub fn count(&self, key: Key, event: Event, text: impl FnOnce() -> String) {
        let Some(shard) = self.shard(&key) else { return };
        let add = |e: &mut Entry| {
            match event {
                Event::Planned(ms) => e.plans.add(ms),
                Event::Ran(ms, rows) => {
                    e.runs.add(ms);
                    e.rows = e.rows.saturating_add(rows);
                }
            }
            e.usage += 1.0;
        };
        if let Some(e) = shard.lock().get_mut(&key) {
            return add(e);
        }
        let mut text = text();
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        self.make_room(text.len());
        let mut e = Entry { plans: Times::default(), runs: Times::default(), rows: 0, usage: 0.0, text: text.into() };
        add(&mut e);
        let mut map = shard.lock();
        match map.get_mut(&key) {
            // Another session was faster.
            Some(there) => add(there),
            None => self.insert(&mut map, key, e),
        }
    }

    fn insert(&self, map: &mut HashMap<Key, Entry>, key: Key, e: Entry) {
        let new = e.text.len();
        let old = map.insert(key, e);
        if old.is_none() {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
        self.text_bytes.fetch_add(new, Ordering::Relaxed);
        self.text_bytes.fetch_sub(old.map_or(0, |o| o.text.len()), Ordering::Relaxed);
        self.show();
    }

    fn removed(&self, e: &Entry) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        self.text_bytes.fetch_sub(e.text.len(), Ordering::Relaxed);
    }

    fn show(&self) {
        ENTRIES.set(i64::try_from(self.entries.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        TEXT_BYTES.set(i64::try_from(self.text_bytes.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
    }

    /// Makes sure that one more entry fits.
    fn make_room(&self, text: usize) {
        let most = self.max.saturating_mul(BYTES_PER_ENTRY).max(2 * LONGEST_TEXT);
        let full = || {
            self.entries.load(Ordering::Relaxed) >= self.max
                || self.text_bytes.load(Ordering::Relaxed).saturating_add(text) > most
        };
        if !full() {
            return;
        }
        // Who finds another at it need not wait: there will be room.
        let Some(_one) = self.making_room.try_lock() else { return };
        if !full() {
            return;
        }
        let mut all: Vec<(f64, Key)> = Vec::new();
        for s in &self.shards {
            for (k, e) in s.lock().iter_mut() {
                e.usage *= FADING;
                all.push((e.usage, *k));
            }
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let few = (all.len() / PART_TO_GO).max(LEAST_TO_GO);
        for (n, (_, key)) in all.iter().enumerate() {
            if n >= few && !full() {
                break;
            }
            if let Some(e) = self.shard(key).and_then(|s| s.lock().remove(key)) {
                self.removed(&e);
            }
        }
        self.deallocations.fetch_add(1, Ordering::Relaxed);
        self.show();
    }

    /// Forgets the entries of a user, a database and an id, each 0 for any.
    pub fn forget(&self, user: u32, database: u32, query: u64, now: i64) {
        let any = |want: u64, have: u64| want == 0 || want == have;
        for s in &self.shards {
            s.lock().retain(|k, e| {
                let goes =
                    any(user.into(), k.user.into()) && any(database.into(), k.database.into()) && any(query, k.query);
                if goes {
                    self.removed(e);
                }
                !goes
            });
        }
        if (user, database, query) == (0, 0, 0) {
            self.deallocations.store(0, Ordering::Relaxed);
            self.reset.store(now, Ordering::Relaxed);
        }
        self.show();
    }

    /// All entries as they are now.
    pub fn all(&self) -> Vec<(Key, Entry)> {
        let mut out = Vec::with_capacity(self.entries.load(Ordering::Relaxed));
        for s in &self.shards {
            out.extend(s.lock().iter().map(|(k, e)| (*k, e.clone())));
        }
        out
    }

    /// How often room was made, and when everything was last reset.
    pub fn info(&self) -> (u64, i64) {
        (self.deallocations.load(Ordering::Relaxed), self.reset.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(max: usize) -> QueryStats {
        let settings = Settings::new(Arc::default());
        QueryStats { max, ..QueryStats::new(&settings, 0) }
    }

    fn key(query: u64) -> Key {
        Key { user: 10, database: 5, query, toplevel: true }
    }

    fn run(ms: f64) -> Event {
        Event::Ran(ms, 2)
    }

    #[test]
    fn times_are_summed_up() {
        let mut t = Times::default();
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().for_each(|ms| t.add(ms));
        assert_eq!((t.calls, t.total, t.min, t.max, t.mean), (8, 40.0, 2.0, 9.0, 5.0));
        assert!((t.deviation() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn entries_are_counted_and_forgotten() {
        let r = registry(100);
        for _ in 0..3 {
            r.count(key(1), run(1.0), || "one".into());
        }
        r.count(Key { user: 11, ..key(1) }, run(1.0), || "one".into());
        r.count(key(2), run(1.0), || "two".into());
        let all = r.all();
        assert_eq!(all.len(), 3);
        let one = all.iter().find(|e| e.0 == key(1)).map(|e| (e.1.runs.calls, e.1.rows));
        assert_eq!(one, Some((3, 6)));
        r.forget(10, 0, 1, 7);
        assert_eq!((r.all().len(), r.info()), (2, (0, 0)));
        r.forget(0, 0, 0, 7);
        assert_eq!((r.all().len(), r.info()), (0, (0, 7)));
        assert_eq!((r.entries.load(Ordering::Relaxed), r.text_bytes.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn the_least_used_make_room() {
        let r = registry(100);
        for q in 0..100 {
            for _ in 0..if q < 20 { 1 } else { 5 } {
                r.count(key(q), run(1.0), || "text".into());
            }
        }
        assert_eq!((r.all().len(), r.info().0), (100, 0));
        r.count(key(1000), run(1.0), || "text".into());
        let left = r.all();
        assert_eq!((left.len(), r.info().0), (91, 1));
        assert!(left.iter().all(|e| e.1.usage > 1.5 || e.0.query < 20 || e.0.query == 1000));
        assert!((20..100).all(|q| left.iter().any(|e| e.0.query == q)));
    }

    #[test]
    fn texts_are_bounded() {
        let r = registry(100);
        for q in 0..20 {
            r.count(key(q), run(1.0), || "x".repeat(LONGEST_TEXT + 5));
        }
        assert!(r.text_bytes.load(Ordering::Relaxed) <= 2 * LONGEST_TEXT);
        assert!(r.all().iter().all(|e| e.1.text.len() == LONGEST_TEXT));
    }
}
