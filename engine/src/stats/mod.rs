//! Cumulative statistics: how often tables, indexes and functions are used, and what transactions and sessions have
//! done.
//!
//! # Idea
//! Whoever works counts for its session alone, in a [`Tally`] that no other session touches: a small map from object to
//! counts, behind a lock that is free whenever it is taken. What is pending there joins the counters of the database
//! ([`DatabaseStats`]) when a transaction has ended, at most once a second, and when the session has been idle for a
//! while or ends ([`start`], [`Tally::end`]). Rows that are inserted, changed and deleted are counted by transaction
//! and savepoint, because what is rolled back counts as dead (`tally.rs`). The functions that show and reset all this
//! are `functions.rs`; `file.rs` keeps the counters over a shutdown in order. After a crash they begin at zero.
//!
//! # Invariants
//! 1. The counters of a database are changed by what sessions have pending, by VACUUM, ANALYZE and resets, and by the
//!    removal of an object; never once per row or statement.
//! 2. A relation or function has an entry only while it is in the newest committed catalog: pending counts of others
//!    are dropped when they would join (under the lock that removal takes), and publishing a removal removes the entry
//!    ([`Statistics::published`]).
//! 3. Locks are taken in this order: a session's pending counts, what it has fetched, a database's counters. None is
//!    held while a catalog is being changed.
//!
//! # Bounds
//! One entry per object of a database; a session's pending counts have one per object that it has used since they last
//! joined, what it has fetched one per object, until its transaction ends. [`ENTRIES`] shows the entries of all
//! databases.
//!
//! # What is exact
//! Scans, rows read and changed, calls and transactions are. Blocks are those of tables that scans visit, and one per
//! row that an index leads to; of indexes the leaf that a search begins at. A block counts as read if the scan had to
//! ask for it (its read-ahead included), otherwise as hit. Dead rows are counted as in PostgreSQL, until the next
//! VACUUM, although old versions are removed in the background.
//!
//! # Left out
//! Times of I/O (blocks are read ahead by tasks that belong to nobody), blocks of sequences and of what is stored
//! beside rows, temporary files of index builds. Nothing is vacuumed or analysed automatically, so those times stay
//! NULL. A statement that is run again at READ COMMITTED counts its rows twice. What a prepared transaction has
//! counted is lost with the server.

mod clock;
mod file;
mod functions;
mod hooks;
mod look;
mod tally;

pub use clock::{Clock, Ending};
pub use functions::KERNELS;
pub use tally::{Counts, Looked, Prepared, Tally};

use crate::catalog::Catalog;
use crate::catalog::change::CatalogChange;
use crate::engine::{Engine, now_micros};
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustydb_base::metrics::Gauge;
use rustydb_types::pgdata;
use std::sync::Arc;
use std::time::Duration;

/// Entries of all databases.
pub static ENTRIES: Gauge = Gauge::new("statistics_entries", "tables, indexes and functions that have counters");

/// Pause between two looks at what idle sessions have pending.
const EVERY: Duration = Duration::from_secs(2);

macro_rules! counters {
    ($(#[$of:meta])* $name:ident { $($(#[$what:meta])* $field:ident,)* }) => {
        $(#[$of])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
        pub struct $name { $($(#[$what])* pub $field: i64,)* }

        impl $name {
            /// Number of counters.
            const WORDS: usize = [$(stringify!($field)),*].len();

            fn words(&self) -> [i64; Self::WORDS] {
                [$(self.$field),*]
            }

            fn of_words(words: &[i64; Self::WORDS]) -> Self {
                let [$($field),*] = *words;
                Self { $($field),* }
            }
        }
    };
}

counters! {
    /// Counters of a table or an index. Times are microseconds since 2000, 0 for never.
    RelationStats {
        /// Scans: of the whole table, or of an index.
        scans,
        /// Rows that scans of the whole table have met; entries of an index.
        returned,
        /// Rows fetched by way of an index.
        fetched,
        /// Rows inserted, also by transactions that were rolled back, like the next two.
        inserted,
        /// Rows changed.
        updated,
        /// Rows deleted.
        deleted,
        /// Rows changed without a change to what an index reads.
        hot,
        /// Rows there are.
        live,
        /// Rows that are no more, since the last VACUUM.
        dead,
        /// Rows changed in any way since the last ANALYZE.
        changed,
        /// Rows inserted since the last VACUUM.
        since_vacuum,
        /// Blocks asked for.
        blocks,
        /// Those that were in memory.
        hits,
        /// Times that VACUUM has worked on it.
        vacuums,
        /// When it last did.
        vacuumed,
        /// Times that ANALYZE has.
        analyzes,
        /// When it last did.
        analyzed,
    }
}

counters! {
    /// Counters of a function; times in microseconds.
    FunctionStats {
        /// Calls.
        calls,
        /// Time in it and what it calls.
        total,
        /// Time in it alone.
        own,
    }
}

counters! {
    /// Counters of a database; times in microseconds.
    DatabaseCounters {
        /// Transactions committed.
        commits,
        /// Transactions rolled back.
        rollbacks,
        /// The sum of its relations' blocks, and so on.
        blocks,
        /// Blocks that were in memory.
        hits,
        /// Rows and entries that scans have met.
        returned,
        /// Rows fetched by way of an index.
        fetched,
        /// Rows inserted.
        inserted,
        /// Rows changed.
        updated,
        /// Rows deleted.
        deleted,
        /// Temporary files of queries.
        temp_files,
        /// Bytes written to them.
        temp_bytes,
        /// Deadlocks.
        deadlocks,
        /// Sessions begun.
        sessions,
        /// Time that sessions have been there.
        session_time,
        /// Time that they have worked.
        active_time,
        /// Time that they have been idle inside a transaction.
        idle_time,
        /// Sessions whose client went without a word.
        abandoned,
        /// Sessions ended by an error.
        fatal,
        /// Sessions ended by an operator.
        killed,
        /// When the counters were last reset, microseconds since 2000, 0 for never.
        reset,
    }
}

/// What is counted for the server as a whole is counted by those who do it; here is what it had been at the last reset.
#[derive(Clone, Copy, Debug)]
pub struct ServerStats {
    /// When each kind was last reset: archiver, bgwriter, recovery_prefetch, wal, and PostgreSQL's SLRU caches.
    reset: [i64; 12],
    /// What to take off the counters of [`ServerStats::counted`].
    base: [i64; 8],
}

/// Kinds of [`ServerStats::reset`].
pub const ARCHIVER: usize = 0;
/// See [`ARCHIVER`].
pub const BGWRITER: usize = 1;
/// See [`ARCHIVER`].
pub const PREFETCH: usize = 2;
/// See [`ARCHIVER`].
pub const WAL: usize = 3;
/// The first of the SLRU caches; see [`ARCHIVER`].
pub const SLRU: usize = 4;

impl ServerStats {
    fn new() -> ServerStats {
        ServerStats { reset: [now_micros(); 12], base: [0; 8] }
    }

    /// Checkpoints by themselves, checkpoints asked for, pages written, pages loaded; then the log's records, bytes,
    /// times that it was full, and writes.
    fn total() -> [i64; 8] {
        use rustydb_storage::buf::{MISSES, PAGES_WRITTEN};
        use rustydb_storage::store::{CHECKPOINTS, CHECKPOINTS_ASKED};
        use rustydb_storage::wal::{LOG_BATCHES, LOG_BYTES, LOG_FULL, LOG_RECORDS};
        let asked = CHECKPOINTS_ASKED.get();
        [
            CHECKPOINTS.get().saturating_sub(asked),
            asked,
            PAGES_WRITTEN.get(),
            MISSES.get(),
            LOG_RECORDS.get(),
            LOG_BYTES.get(),
            LOG_FULL.get(),
            LOG_BATCHES.get(),
        ]
        .map(|n| i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// The same since each kind was last reset.
    fn counted(&self) -> [i64; 8] {
        let mut now = ServerStats::total();
        now.iter_mut().zip(self.base).for_each(|(n, b)| *n = n.saturating_sub(b));
        now
    }

    /// Begins a kind anew.
    fn reset(&mut self, kind: usize) {
        if let Some(t) = self.reset.get_mut(kind) {
            *t = now_micros();
        }
        let of_kind = match kind {
            BGWRITER => 0..4,
            WAL => 4..8,
            _ => 0..0,
        };
        let now = ServerStats::total();
        for (b, n) in self.base.iter_mut().zip(now).skip(of_kind.start).take(of_kind.len()) {
            *b = n;
        }
    }

    /// What [`ServerStats::counted`] answered when it was kept, to go on from.
    fn of_kept(reset: [i64; 12], counted: [i64; 8]) -> ServerStats {
        let mut base = ServerStats::total();
        base.iter_mut().zip(counted).for_each(|(b, c)| *b = b.saturating_sub(c));
        ServerStats { reset, base }
    }
}

/// Whether a relation is one that all databases share.
fn is_shared(oid: u32) -> bool {
    oid < crate::catalog::FIRST_USER_OID && pgdata::relation(oid).is_some_and(|r| r.relisshared)
}

/// What a database has counted.
#[derive(Clone, Default, Debug)]
struct Objects {
    relations: HashMap<u32, RelationStats>,
    functions: HashMap<u32, FunctionStats>,
    own: DatabaseCounters,
}

impl Objects {
    fn relation(&mut self, oid: u32) -> &mut RelationStats {
        self.relations.entry(oid).or_insert_with(|| {
            ENTRIES.add(1);
            RelationStats::default()
        })
    }

    fn function(&mut self, oid: u32) -> &mut FunctionStats {
        self.functions.entry(oid).or_insert_with(|| {
            ENTRIES.add(1);
            FunctionStats::default()
        })
    }

    fn len(&self) -> i64 {
        i64::try_from(self.relations.len() + self.functions.len()).unwrap_or(i64::MAX)
    }
}

/// The counters of a database; those of database 0 are of the relations that all share.
#[derive(Default)]
pub struct DatabaseStats(Mutex<Objects>);

/// All counters of a server.
pub struct Statistics {
    databases: Mutex<HashMap<u32, Arc<DatabaseStats>>>,
    server: Mutex<ServerStats>,
    /// What prepared transactions have done, by name; bounded by `max_prepared_transactions`.
    prepared: Mutex<HashMap<String, Prepared>>,
}

impl Default for Statistics {
    fn default() -> Statistics {
        Statistics { databases: Mutex::default(), server: Mutex::new(ServerStats::new()), prepared: Mutex::default() }
    }
}

impl Statistics {
    /// A database's counters.
    fn database(&self, oid: u32) -> Arc<DatabaseStats> {
        Arc::clone(self.databases.lock().entry(oid).or_default())
    }

    /// A new session begins: its counts.
    pub fn begin(&self, database: u32) -> Arc<Tally> {
        Arc::new(Tally::new(self.database(database), self.database(0)))
    }

    /// A transaction has been prepared.
    pub fn prepared(&self, gid: &str, done: Prepared) {
        self.prepared.lock().insert(gid.to_owned(), done);
    }

    /// It has ended: what it had done.
    pub fn take_prepared(&self, gid: &str) -> Prepared {
        self.prepared.lock().remove(gid).unwrap_or_default()
    }

    /// Changes of a database's catalog have been published: forgets what is no more.
    pub fn published(&self, database: u32, before: &Catalog, after: &Catalog, changes: &[CatalogChange]) {
        let (relations, functions) = gone(before, after, changes);
        if !relations.is_empty() || !functions.is_empty() {
            let stats = self.database(database);
            let mut o = stats.0.lock();
            let had = o.len();
            for r in relations {
                o.relations.remove(&r);
            }
            for f in functions {
                o.functions.remove(&f);
            }
            ENTRIES.add(o.len() - had);
        }
        for c in changes {
            if let CatalogChange::DropDatabase(oid) = c {
                self.forget_database(*oid);
            }
        }
    }

    fn forget_database(&self, oid: u32) {
        if let Some(d) = self.databases.lock().remove(&oid) {
            ENTRIES.add(-d.0.lock().len());
        }
    }
}

/// Relations with their indexes, and functions, that changes concern and that are not in a catalog after them.
pub(crate) fn gone(before: &Catalog, after: &Catalog, changes: &[CatalogChange]) -> (Vec<u32>, Vec<u32>) {
    let (mut relations, mut functions) = (Vec::new(), Vec::new());
    let mut with_indexes = |oid: u32| {
        relations.push(oid);
        relations.extend(before.relation(oid).iter().flat_map(|r| r.indexes.iter().map(|i| i.oid)));
    };
    for c in changes {
        match c {
            CatalogChange::PutRelation(r) => {
                with_indexes(r.oid);
                relations_of(r, &mut with_indexes);
            }
            CatalogChange::DropRelation(oid) => with_indexes(*oid),
            CatalogChange::PutRoutine(r) => functions.push(r.oid),
            CatalogChange::DropRoutine(oid) => functions.push(*oid),
            _ => {}
        }
    }
    relations.retain(|r| after.relation(*r).is_none());
    functions.retain(|f| !after.routines.contains_key(f));
    (relations, functions)
}

fn relations_of(r: &crate::catalog::Relation, each: &mut dyn FnMut(u32)) {
    r.indexes.iter().for_each(|i| each(i.oid));
}

/// Starts the task that takes over what idle sessions have pending; it ends with the engine.
pub fn start(engine: &Arc<Engine>) {
    crate::periodic::every(engine, EVERY, |engine| async move {
        let now = now_micros();
        for s in engine.sessions.all() {
            if let Some(db) = engine.database_by_oid(s.database_oid) {
                s.tally.join_idle(&db, now);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_counters_go_on_where_they_were_kept() {
        let kept = [1, 2, 3, 4, 5, 6, 7, 8];
        let s = ServerStats::of_kept([9; 12], kept);
        assert!(s.counted().iter().zip(kept).all(|(now, was)| *now >= was));
        let mut s = s;
        s.reset(WAL);
        assert!(s.reset[WAL] > 9);
        assert_eq!(s.reset[BGWRITER], 9);
        assert!(s.counted()[1] >= 2);
    }
}
