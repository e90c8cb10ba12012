//! Writers that are remembered only in summary, so that a reader who meets their versions can still judge the conflict.
//!
//! Bounded: beyond that the oldest are forgotten, and every unknown writer up to the youngest of those is taken for a
//! serializable one with a conflict out that committed before everything (more false positives, never a missed anomaly).

use super::graph::Seq;
use rustydb_base::Xid;
use std::collections::BTreeMap;

/// What is left of a committed writer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OldWriter {
    /// Its commit.
    pub commit: Seq,
    /// The first commit of those it has a conflict out to, if it has any.
    pub earliest_out: Option<Seq>,
}

#[derive(Default)]
pub(super) struct OldWriters {
    known: BTreeMap<u64, OldWriter>,
    /// Unknown numbers up to here count as [`OldWriters::WORST`] …
    floor: u64,
    /// … while a transaction runs that began before this commit.
    floor_commit: Seq,
    limit: usize,
}

impl OldWriters {
    const WORST: OldWriter = OldWriter { commit: 0, earliest_out: Some(0) };

    pub fn new(limit: usize) -> OldWriters {
        OldWriters { limit: limit.max(1), ..OldWriters::default() }
    }

    pub fn add(&mut self, xid: Xid, w: OldWriter) {
        self.known.insert(xid.0, w);
        while self.known.len() > self.limit {
            if let Some((x, w)) = self.known.pop_first() {
                self.floor = self.floor.max(x);
                self.floor_commit = self.floor_commit.max(w.commit);
            }
        }
    }

    pub fn get(&self, xid: Xid) -> Option<OldWriter> {
        let unknown = || (xid.0 <= self.floor).then_some(Self::WORST);
        self.known.get(&xid.0).copied().or_else(unknown)
    }

    /// Every transaction that runs began after this commit (`None`: none runs).
    pub fn forget(&mut self, needed_since: Option<Seq>) {
        match needed_since {
            None => self.known.clear(),
            Some(s) => self.known.retain(|_, w| w.commit > s),
        }
        if needed_since.is_none_or(|s| s >= self.floor_commit) {
            self.floor = 0;
        }
    }
}
