//! Serializable transactions and the rw-conflicts between them: a pure model, without locks, pages or time.
//!
//! An edge R → W says that R has read something whose next version W has written, so R comes before W in every serial
//! order. *Dangerous* is T1 → T2 → T3 (T1 may be T3) when T3 is the first of the three to commit, and, if T1 only reads,
//! when T3 committed before T1 took its snapshot. Each edge is judged when it is drawn and once more before a commit:
//! the victim is T2 where that can still be stopped, else T1. A victim that is not the one who found out is *doomed*: it
//! fails at its next operation or its commit.
//!
//! Commits are numbered: once when a transaction has passed [`Graph::before_commit`] (from then on it cannot be stopped) and
//! once when it has ended.

use super::old::{OldWriter, OldWriters};
use super::{Beginning, Safety, SsiLimits, SxId, failure};
use rustydb_base::{DbError, Result, Scn, SqlState, Xid};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Number of a commit.
pub(super) type Seq = u64;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Phase {
    Running,
    /// Cannot be stopped any more.
    Prepared,
    Committed,
}

#[derive(Clone, Debug)]
struct Sxact {
    pid: i32,
    xid: Xid,
    snapshot: Scn,
    phase: Phase,
    doomed: bool,
    /// Declared so, or found so at its commit.
    read_only: bool,
    declared_read_only: bool,
    wrote: bool,
    /// The last commit when it took its snapshot.
    before: Seq,
    prepared_at: Seq,
    committed_at: Seq,
    /// First commit among those it had a conflict out to when it committed.
    earliest_out: Option<Seq>,
    /// Has a conflict in from, or out to, a summarised transaction.
    summary_in: bool,
    summary_out: bool,
    outs: BTreeSet<SxId>,
    ins: BTreeSet<SxId>,
    /// Of a read-only one: the writers that may still make it unsafe. Of a writer: the read-only ones that wait for it.
    watch: BTreeSet<SxId>,
    safety: Safety,
    deferrable: bool,
}

impl Sxact {
    fn committed(&self) -> bool {
        self.phase == Phase::Committed
    }
    fn prepared(&self) -> bool {
        self.phase >= Phase::Prepared
    }
}

/// Who an edge comes from.
enum Reader {
    Known(SxId),
    /// A summarised transaction, committed at the latest here.
    Old(Seq),
}

/// Edges per remembered transaction, on average, as PostgreSQL bounds them.
const EDGES_PER_TRANSACTION: usize = 5;

pub(super) struct Graph {
    limits: SsiLimits,
    xacts: BTreeMap<SxId, Sxact>,
    by_xid: hashbrown::HashMap<u64, SxId>,
    old: OldWriters,
    next: u64,
    last_commit: Seq,
    /// Begin numbers of the transactions that run, with their counts.
    running: BTreeMap<Seq, usize>,
    /// Running transactions that are not declared read-only.
    writable: usize,
    /// Committed, oldest first.
    ended: VecDeque<SxId>,
    /// Of those committed up to here only what read-only transactions need is left.
    trimmed: Seq,
    edges: usize,
    settled: bool,
}

fn pool_exhausted() -> DbError {
    DbError::new(SqlState::OUT_OF_MEMORY, "not enough elements in RWConflictPool to record a read/write conflict")
        .hint("You might need to run fewer transactions at a time or increase max_connections.")
}

impl Graph {
    pub fn new(limits: SsiLimits) -> Graph {
        Graph {
            limits,
            xacts: BTreeMap::new(),
            by_xid: hashbrown::HashMap::new(),
            old: OldWriters::new(limits.old_writers),
            next: 1,
            last_commit: 1,
            running: BTreeMap::new(),
            writable: 0,
            ended: VecDeque::new(),
            trimmed: 0,
            edges: 0,
            settled: false,
        }
    }

    pub fn len(&self) -> usize {
        self.xacts.len()
    }

    pub fn is_full(&self) -> bool {
        self.xacts.len() >= self.limits.transactions
    }

    pub fn pid(&self, id: SxId) -> i32 {
        self.xacts.get(&id).map_or(0, |s| s.pid)
    }

    /// Every transaction that runs began after this commit; `None`: none runs.
    pub fn needed_since(&self) -> Option<Seq> {
        self.running.first_key_value().map(|(s, _)| *s)
    }

    /// Whether a judgement has been reached since the last call.
    pub fn take_settled(&mut self) -> bool {
        std::mem::take(&mut self.settled)
    }

    // ---- beginning and ending ----------------------------------------------------------------------------------

    /// A transaction takes its snapshot. [`SxId::NONE`] if it needs no tracking.
    pub fn begin(&mut self, how: Beginning, xid: Xid, snapshot: Scn) -> Result<SxId> {
        if how.read_only && self.writable == 0 {
            return Ok(SxId::NONE);
        }
        if self.is_full() {
            return Err(DbError::new(SqlState::OUT_OF_MEMORY, "out of shared memory")
                .hint("You might need to run fewer transactions at a time or increase max_connections."));
        }
        let mut watch = BTreeSet::new();
        if how.read_only {
            let open = |s: &Sxact| !s.committed() && !s.doomed && !s.read_only;
            watch.extend(self.xacts.iter().filter(|(_, s)| open(s)).map(|(id, _)| *id));
            if watch.is_empty() {
                return Ok(SxId::NONE);
            }
        }
        let id = SxId(self.next);
        self.next += 1;
        for w in &watch {
            if let Some(s) = self.xacts.get_mut(w) {
                s.watch.insert(id);
            }
        }
        self.edges += watch.len();
        self.writable += usize::from(!how.read_only);
        *self.running.entry(self.last_commit).or_insert(0) += 1;
        let s = Sxact {
            pid: how.pid,
            xid: Xid::NONE,
            snapshot,
            phase: Phase::Running,
            doomed: false,
            read_only: how.read_only,
            declared_read_only: how.read_only,
            wrote: false,
            before: self.last_commit,
            prepared_at: 0,
            committed_at: 0,
            earliest_out: None,
            summary_in: false,
            summary_out: false,
            outs: BTreeSet::new(),
            ins: BTreeSet::new(),
            watch,
            safety: Safety::Open,
            deferrable: how.deferrable,
        };
        self.xacts.insert(id, s);
        if xid.is_some() {
            self.set_xid(id, xid);
        }
        Ok(id)
    }

    pub fn set_xid(&mut self, id: SxId, xid: Xid) {
        if let Some(s) = self.xacts.get_mut(&id) {
            s.xid = xid;
            self.by_xid.insert(xid.0, id);
        }
    }

    /// Whether reads of the transaction are to be tracked; fails if it is doomed.
    pub fn tracked(&self, id: SxId) -> Result<bool> {
        match self.xacts.get(&id) {
            None => Ok(false),
            Some(s) if s.doomed => Err(failure("Canceled on identification as a pivot, during conflict out checking")),
            Some(_) => Ok(true),
        }
    }

    /// Notes that the transaction writes; false if it is not tracked.
    pub fn writes(&mut self, id: SxId) -> Result<bool> {
        match self.xacts.get_mut(&id) {
            None => Ok(false),
            Some(s) if s.doomed => Err(failure("Canceled on identification as a pivot, during conflict in checking")),
            Some(s) => {
                s.wrote = true;
                Ok(true)
            }
        }
    }

    /// The last judgement: T1 → T2 → me is dangerous now, as I am going to be the first to commit. Passed once, when the
    /// transaction is prepared if it is.
    pub fn before_commit(&mut self, me: SxId) -> Result<()> {
        let Some(s) = self.xacts.get(&me) else { return Ok(()) };
        if s.prepared() {
            return Ok(());
        }
        if s.doomed {
            return Err(failure("Canceled on identification as a pivot, during commit attempt"));
        }
        for near in s.ins.clone() {
            let Some(n) = self.xacts.get(&near).filter(|n| !n.committed() && !n.doomed) else { continue };
            let dangerous = n.ins.iter().any(|far| {
                *far == me || self.xacts.get(far).is_some_and(|f| !f.committed() && !f.read_only && !f.doomed)
            });
            if !dangerous {
                continue;
            }
            // The pivot is the victim, so that a retry meets a transaction less.
            if n.prepared() {
                return Err(failure("Canceled on commit attempt with conflict in from prepared pivot"));
            }
            self.doom(near);
        }
        self.last_commit += 1;
        let at = self.last_commit;
        if let Some(s) = self.xacts.get_mut(&me) {
            s.prepared_at = at;
            s.phase = Phase::Prepared;
        }
        Ok(())
    }

    /// A transaction has ended. Answers those that are known no more.
    pub fn end(&mut self, me: SxId, commit: bool) -> Vec<SxId> {
        let mut gone = Vec::new();
        if !self.xacts.contains_key(&me) {
            return gone;
        }
        if commit {
            self.last_commit += 1;
        }
        let last = self.last_commit;
        let Some(s) = self.xacts.get_mut(&me) else { return gone };
        if commit {
            s.phase = Phase::Committed;
            s.committed_at = last;
            s.read_only |= !s.wrote;
            if !s.read_only && s.summary_out {
                s.earliest_out = Some(0);
            }
        } else {
            s.doomed = true;
        }
        let (read_only, declared, wrote, before) = (s.read_only, s.declared_read_only, s.wrote, s.before);
        let (outs, ins, watch) = (s.outs.clone(), s.ins.clone(), std::mem::take(&mut s.watch));
        // Only conflicts with transactions that have not committed can still grow into something.
        let mut earliest = s.earliest_out;
        for w in outs {
            let Some(o) = self.xacts.get(&w) else { continue };
            if commit && !read_only && o.committed() {
                earliest = Some(earliest.map_or(o.prepared_at, |e| e.min(o.prepared_at)));
            }
            if !commit || o.committed() || o.before >= last {
                self.drop_edge(me, w);
            }
        }
        for r in ins {
            if !commit || self.xacts.get(&r).is_none_or(|r| r.committed() || r.read_only) {
                self.drop_edge(r, me);
            }
        }
        if let Some(s) = self.xacts.get_mut(&me) {
            s.earliest_out = earliest;
        }
        self.edges -= watch.len();
        for other in watch {
            if let Some(o) = self.xacts.get_mut(&other) {
                o.watch.remove(&me);
            }
            if declared {
                continue;
            }
            let hit =
                commit && wrote && earliest.is_some_and(|e| self.xacts.get(&other).is_some_and(|ro| e <= ro.before));
            self.judge(other, hit, &mut gone);
        }
        self.stop_running(before, declared);
        if commit {
            self.ended.push_back(me);
        } else {
            self.remove(me, &mut gone);
        }
        self.forget_old(&mut gone);
        gone
    }

    fn stop_running(&mut self, before: Seq, declared_read_only: bool) {
        if let Some(n) = self.running.get_mut(&before) {
            *n -= 1;
            if *n == 0 {
                self.running.remove(&before);
            }
        }
        self.writable -= usize::from(!declared_read_only);
    }

    /// A writer that a read-only transaction watched has ended: with a conflict out older than its snapshot, or without.
    fn judge(&mut self, ro: SxId, hit: bool, gone: &mut Vec<SxId>) {
        let Some(s) = self.xacts.get_mut(&ro) else { return };
        if hit {
            s.safety = Safety::Unsafe;
            let rest = std::mem::take(&mut s.watch);
            self.edges -= rest.len();
            for w in rest {
                if let Some(w) = self.xacts.get_mut(&w) {
                    w.watch.remove(&ro);
                }
            }
            self.settled = true;
        } else if s.watch.is_empty() && s.safety == Safety::Open {
            self.settled = true;
            // Safe: from now on it is tracked no more, and what is not known is safe. It runs, or nobody would watch it.
            let before = s.before;
            self.stop_running(before, true);
            self.remove(ro, gone);
        }
    }

    /// What is known about a snapshot.
    pub fn safety(&self, id: SxId) -> Safety {
        self.xacts.get(&id).map_or(Safety::Safe, |s| s.safety)
    }

    pub fn safe_snapshot_blockers(&self, pid: i32) -> Vec<i32> {
        let waits = |s: &&Sxact| s.pid == pid && s.deferrable && !s.committed() && s.safety == Safety::Open;
        let Some(s) = self.xacts.values().find(waits) else { return Vec::new() };
        s.watch.iter().filter_map(|w| self.xacts.get(w)).map(|w| w.pid).collect()
    }

    /// Forgets a transaction with all its edges.
    fn remove(&mut self, id: SxId, gone: &mut Vec<SxId>) {
        self.cut(id);
        if let Some(s) = self.xacts.remove(&id) {
            self.edges -= s.watch.len();
            for o in &s.watch {
                if let Some(o) = self.xacts.get_mut(o) {
                    o.watch.remove(&id);
                }
            }
            if s.xid.is_some() {
                self.by_xid.remove(&s.xid.0);
            }
        }
        gone.push(id);
    }

    fn cut(&mut self, id: SxId) {
        let Some(s) = self.xacts.get(&id) else { return };
        let (outs, ins) = (s.outs.clone(), s.ins.clone());
        for w in outs {
            self.drop_edge(id, w);
        }
        for r in ins {
            self.drop_edge(r, id);
        }
    }

    fn drop_edge(&mut self, reader: SxId, writer: SxId) {
        if let Some(r) = self.xacts.get_mut(&reader)
            && r.outs.remove(&writer)
        {
            self.edges -= 1;
        }
        if let Some(w) = self.xacts.get_mut(&writer) {
            w.ins.remove(&reader);
        }
    }

    /// Forgets ended transactions that no running one was concurrent with, and of the others, while only declared
    /// readers run, what such readers cannot meet.
    fn forget_old(&mut self, gone: &mut Vec<SxId>) {
        let needed = self.needed_since();
        while let Some(&id) = self.ended.front() {
            let done = self.xacts.get(&id).is_none_or(|s| needed.is_none_or(|n| s.committed_at <= n));
            if !done {
                break;
            }
            self.ended.pop_front();
            self.remove(id, gone);
        }
        self.old.forget(needed);
        if self.writable > 0 || self.trimmed >= self.last_commit {
            return;
        }
        // A reader conflicts with nobody's reads: locks and conflicts in go. Who has read only goes altogether.
        let mut kept = VecDeque::with_capacity(self.ended.len());
        for id in std::mem::take(&mut self.ended) {
            match self.xacts.get(&id) {
                Some(s) if s.read_only => {
                    self.remove(id, gone);
                    continue;
                }
                Some(s) if s.committed_at > self.trimmed => {
                    for r in s.ins.clone() {
                        self.drop_edge(r, id);
                    }
                    gone.push(id);
                }
                _ => {}
            }
            kept.push_back(id);
        }
        self.ended = kept;
        self.trimmed = self.last_commit;
    }

    /// Leaves of the transaction that committed first only a summary. Answers it and its commit.
    pub fn summarise_oldest(&mut self) -> Option<(SxId, Seq)> {
        let id = self.ended.pop_front()?;
        let s = self.xacts.get(&id)?;
        let (xid, commit, earliest_out) = (s.xid, s.committed_at, s.earliest_out);
        let (outs, ins) = (s.outs.clone(), s.ins.clone());
        if xid.is_some() {
            self.old.add(xid, OldWriter { commit, earliest_out });
        }
        for w in outs {
            if let Some(w) = self.xacts.get_mut(&w) {
                w.summary_in = true;
            }
        }
        for r in ins {
            if let Some(r) = self.xacts.get_mut(&r) {
                r.summary_out = true;
            }
        }
        self.remove(id, &mut Vec::new());
        Some((id, commit))
    }

    // ---- conflicts ---------------------------------------------------------------------------------------------

    fn doom(&mut self, id: SxId) {
        if let Some(s) = self.xacts.get_mut(&id) {
            s.doomed = true;
        }
    }

    /// I have met a version by a writer that my snapshot does not see.
    pub fn conflict_out(&mut self, me: SxId, writer: Xid) -> Result<()> {
        if !self.tracked(me)? {
            return Ok(());
        }
        let Some(my) = self.xacts.get(&me) else { return Ok(()) };
        let Some(&w) = self.by_xid.get(&writer.0) else {
            let Some(old) = self.old.get(writer) else { return Ok(()) };
            if let Some(out) = old.earliest_out
                && (!my.read_only || out <= my.before)
            {
                return Err(failure(format_args!("Canceled on conflict out to old pivot {writer}")));
            }
            if my.summary_in || !my.ins.is_empty() {
                return Err(failure(format_args!(
                    "Canceled on identification as a pivot, with conflict out to old committed transaction {writer}"
                )));
            }
            if let Some(s) = self.xacts.get_mut(&me) {
                s.summary_out = true;
            }
            return Ok(());
        };
        let Some(other) = self.xacts.get(&w) else { return Ok(()) };
        if w == me || other.doomed {
            return Ok(());
        }
        if other.summary_out {
            // What it conflicts with committed first, nobody knows when.
            if other.prepared() {
                return Err(failure("Canceled on conflict out to old pivot"));
            }
            self.doom(w);
            return Ok(());
        }
        // A reader simply comes first, unless the writer must come after somebody whom the reader has seen.
        if my.read_only && other.committed() && other.earliest_out.is_none_or(|e| my.before < e) {
            return Ok(());
        }
        if my.outs.contains(&w) {
            return Ok(());
        }
        self.draw(me, &Reader::Known(me), w)
    }

    /// I am about to write what a reader has read, replacing a version of this commit (`None`: whatever there is).
    pub fn conflict_in(&mut self, me: SxId, reader: SxId, replaced: Option<Scn>) -> Result<()> {
        let (Some(my), Some(r)) = (self.xacts.get(&me), self.xacts.get(&reader)) else { return Ok(()) };
        let concurrent = !r.committed() || r.committed_at > my.before;
        // Its lock is on the row, not on the version: it has read an older one, whose successor has been dealt with.
        let another = replaced.is_some_and(|scn| scn > r.snapshot);
        if reader == me || r.doomed || !concurrent || another || r.outs.contains(&me) {
            return Ok(());
        }
        self.draw(me, &Reader::Known(reader), me)
    }

    /// As [`Graph::conflict_in`], the reader being summarised.
    pub fn conflict_in_old(&mut self, me: SxId, commit: Seq) -> Result<()> {
        match self.xacts.get(&me) {
            Some(my) if commit > my.before => self.draw(me, &Reader::Old(commit), me),
            _ => Ok(()),
        }
    }

    /// Draws an edge after judging it; `me` is one of its ends.
    fn draw(&mut self, me: SxId, reader: &Reader, writer: SxId) -> Result<()> {
        if self.is_dangerous(reader, writer) {
            let prepared = self.xacts.get(&writer).is_some_and(Sxact::prepared);
            if writer == me {
                return Err(failure("Canceled on identification as a pivot, during write"));
            }
            if prepared {
                let xid = self.xacts.get(&writer).map_or(Xid::NONE, |w| w.xid);
                return Err(failure(format_args!("Canceled on conflict out to pivot {xid}, during read")));
            }
            self.doom(writer);
        }
        match reader {
            Reader::Known(r) => {
                if self.edges >= self.limits.transactions.saturating_mul(EDGES_PER_TRANSACTION) {
                    return Err(pool_exhausted());
                }
                if let Some(s) = self.xacts.get_mut(r) {
                    self.edges += usize::from(s.outs.insert(writer));
                }
                if let Some(w) = self.xacts.get_mut(&writer) {
                    w.ins.insert(*r);
                }
            }
            Reader::Old(_) => {
                if let Some(w) = self.xacts.get_mut(&writer) {
                    w.summary_in = true;
                }
            }
        }
        Ok(())
    }

    /// Whether reader → writer completes a dangerous structure whose pivot is either of them.
    fn is_dangerous(&self, reader: &Reader, writer: SxId) -> bool {
        let Some(w) = self.xacts.get(&writer) else { return false };
        let r = match reader {
            Reader::Known(r) => self.xacts.get(r),
            Reader::Old(_) => None,
        };
        let r_committed_at = match (reader, r) {
            (Reader::Old(seq), _) => Some(*seq),
            (_, Some(r)) if r.committed() => Some(r.committed_at),
            _ => None,
        };
        let r_read_only_before = r.filter(|r| r.read_only).map(|r| r.before);
        // The writer as pivot: it has committed after one that it conflicts out to …
        if w.committed() && (w.earliest_out.is_some() || w.summary_out) {
            return true;
        }
        // … or has a conflict out to one that is the first of the three to commit.
        let first = |t: &Sxact| {
            t.prepared()
                && r_committed_at.is_none_or(|c| t.prepared_at <= c)
                && (!w.committed() || t.prepared_at <= w.committed_at)
                && r_read_only_before.is_none_or(|b| t.prepared_at <= b)
        };
        if w.summary_out || w.outs.iter().filter_map(|t| self.xacts.get(t)).any(first) {
            return true;
        }
        // The reader as pivot, the writer being the first to commit.
        let Some(r) = r.filter(|r| w.prepared() && !r.read_only) else { return false };
        let harmed = |t: &Sxact| {
            !t.doomed
                && (!t.committed() || t.committed_at >= w.prepared_at)
                && (!t.read_only || t.before >= w.prepared_at)
        };
        r.summary_in || r.ins.iter().filter_map(|t| self.xacts.get(t)).any(harmed)
    }
}
