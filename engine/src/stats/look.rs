//! Looking at the counters that all see, by `stats_fetch_consistency`, and setting them back.
//!
//! What a transaction has looked at is kept until it ends, unless it wants to see what is there at each look.

use super::tally::{Counts, Tally};
use super::{DatabaseCounters, FunctionStats, Objects, RelationStats, Statistics};
use crate::engine::now_micros;
use hashbrown::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How far statistics that were looked at stay the same within a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Consistency {
    /// Each look is at what is there now.
    None,
    /// An object stays as it was first seen.
    Cache,
    /// All objects stay as they were at the first look.
    Snapshot,
}

/// What the transaction has looked at.
#[derive(Default)]
pub(super) struct Fetched {
    mode: Option<Consistency>,
    relations: HashMap<u32, Option<RelationStats>>,
    functions: HashMap<u32, Option<FunctionStats>>,
    databases: HashMap<u32, Option<DatabaseCounters>>,
    /// When everything was copied.
    taken: Option<i64>,
}

impl Tally {
    /// Whether something of the session's own is pending for a relation or function.
    pub(super) fn has_pending(&self, oid: u32, function: bool) -> bool {
        let p = self.pending.lock();
        if function { p.functions.contains_key(&oid) } else { p.relations.contains_key(&oid) }
    }

    /// What is pending for a relation, with what the transaction has done so far.
    pub(super) fn pending(&self, oid: u32) -> Counts {
        let p = self.pending.lock();
        let Some(r) = p.relations.get(&oid) else { return Counts::default() };
        let mut c = r.counts;
        r.open(&mut c);
        c
    }

    /// What is pending for a function.
    pub(super) fn pending_function(&self, oid: u32) -> Option<FunctionStats> {
        self.pending.lock().functions.get(&oid).copied()
    }

    /// Forgets what has been looked at.
    pub fn clear_snapshot(&self) {
        let mut f = self.fetched.lock();
        if f.mode.is_some() {
            *f = Fetched::default();
        }
    }

    fn look<T>(&self, mode: &str, f: impl FnOnce(&mut Fetched, Consistency) -> T) -> T {
        let mode = match mode {
            "none" => Consistency::None,
            "snapshot" => Consistency::Snapshot,
            _ => Consistency::Cache,
        };
        let mut fetched = self.fetched.lock();
        if fetched.mode.is_some_and(|m| m != mode) {
            *fetched = Fetched::default();
        }
        f(&mut fetched, mode)
    }

    /// Looks at what others see too, as `mode` says.
    pub(super) fn fetch<T: Copy>(
        &self,
        mode: &str,
        all: &Statistics,
        kept: impl Fn(&mut Fetched) -> &mut HashMap<u32, Option<T>>,
        oid: u32,
        now: impl Fn() -> Option<T>,
    ) -> Option<T> {
        self.open.store(true, Ordering::Relaxed);
        self.look(mode, |f, mode| {
            f.mode = Some(mode);
            match mode {
                Consistency::None => now(),
                Consistency::Cache => *kept(f).entry(oid).or_insert_with(now),
                Consistency::Snapshot => {
                    if f.taken.is_none() {
                        self.copy(f, all);
                    }
                    kept(f).get(&oid).copied().flatten()
                }
            }
        })
    }

    /// A relation's counters.
    pub(super) fn relation(&self, mode: &str, all: &Statistics, oid: u32) -> Option<RelationStats> {
        let now = || self.of(oid).0.lock().relations.get(&oid).copied();
        self.fetch(mode, all, |f| &mut f.relations, oid, now)
    }

    /// A function's. One whose first call is not yet handed over has counters that are zero.
    pub(super) fn function(&self, mode: &str, all: &Statistics, oid: u32) -> Option<FunctionStats> {
        let now = || self.own.0.lock().functions.get(&oid).copied();
        let known = self.fetch(mode, all, |f| &mut f.functions, oid, now);
        known.or_else(|| self.has_pending(oid, true).then(FunctionStats::default))
    }

    /// A database's.
    pub(super) fn database(&self, mode: &str, all: &Statistics, oid: u32) -> Option<DatabaseCounters> {
        let now = || {
            let d = all.databases.lock().get(&oid).cloned()?;
            let own = d.0.lock().own;
            Some(own)
        };
        self.fetch(mode, all, |f| &mut f.databases, oid, now)
    }

    fn copy(&self, f: &mut Fetched, all: &Statistics) {
        for d in [&self.own, &self.shared] {
            let o = d.0.lock();
            f.relations.extend(o.relations.iter().map(|(k, v)| (*k, Some(*v))));
            f.functions.extend(o.functions.iter().map(|(k, v)| (*k, Some(*v))));
        }
        let databases: Vec<_> = all.databases.lock().iter().map(|(k, v)| (*k, Arc::clone(v))).collect();
        f.databases.extend(databases.iter().map(|(k, v)| (*k, Some(v.0.lock().own))));
        f.taken = Some(now_micros());
    }

    /// When everything was copied, if that is how the transaction looks at statistics and it has done so.
    pub(super) fn snapshot_taken(&self, mode: &str) -> Option<i64> {
        self.look(mode, |f, _| f.taken)
    }

    /// Sets all counters of the database to zero.
    pub(super) fn reset_all(&self) {
        let mut o = self.own.0.lock();
        let Objects { relations, functions, own } = &mut *o;
        relations.values_mut().for_each(|r| *r = RelationStats::default());
        functions.values_mut().for_each(|f| *f = FunctionStats::default());
        *own = DatabaseCounters { reset: now_micros(), ..DatabaseCounters::default() };
    }

    /// Sets the counters of a relation or function to zero.
    pub(super) fn reset_one(&self, oid: u32, function: bool) {
        let stats = if function { &self.own } else { self.of(oid) };
        let mut o = stats.0.lock();
        if function {
            o.functions.entry(oid).and_modify(|f| *f = FunctionStats::default());
        } else {
            o.relations.entry(oid).and_modify(|r| *r = RelationStats::default());
        }
        o.own.reset = now_micros();
    }
}
