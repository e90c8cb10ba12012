//! The conflict graph by hand, the lock table, and random histories whose committed part must be serializable.

use super::locks::{Locks, Target};
use super::{Beginning, Safety, Ssi, SsiLimits, SxId};
use crate::txn::Snapshot;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::{DbError, RelId, Result, Rid, Scn, SqlState, Xid};
use std::collections::{BTreeMap, BTreeSet};

const REL: RelId = RelId(20_000);
const INDEX: RelId = RelId(20_001);

fn rid(n: u32) -> Rid {
    Rid { block: n / 4, slot: (n % 4) as u16 }
}

fn how(read_only: bool) -> Beginning {
    Beginning { pid: 1, read_only, deferrable: false }
}

fn begin(ssi: &Ssi, xid: u64, scn: u64, read_only: bool) -> SxId {
    let snap = Snapshot { scn: Scn(scn), xid: Xid(xid), cid: 0, ssi: SxId::NONE };
    ssi.begin(how(read_only), || snap).expect("room").ssi
}

fn reason(e: &DbError) -> String {
    assert_eq!(e.code, SqlState::T_R_SERIALIZATION_FAILURE);
    e.fields.as_ref().and_then(|f| f.detail.clone()).unwrap_or_default()
}

#[test]
fn write_skew_fails_at_the_second_commit() {
    let s = Ssi::default();
    let (a, b) = (begin(&s, 1, 10, false), begin(&s, 2, 10, false));
    for t in [a, b] {
        s.read_row(t, REL, rid(1)).expect("room");
        s.read_row(t, REL, rid(2)).expect("room");
    }
    s.wrote_row(a, REL, rid(1), Some(Scn(5))).expect("one conflict is none");
    s.wrote_row(b, REL, rid(2), Some(Scn(5))).expect("nobody has committed");
    s.before_commit(a).expect("the first goes");
    s.end(a, true);
    let e = s.before_commit(b).expect_err("the pivot's turn");
    assert_eq!(reason(&e), "Reason code: Canceled on identification as a pivot, during commit attempt.");
    s.end(b, false);
    assert!(s.list().is_empty(), "nothing is kept when nobody runs");
}

#[test]
fn a_pivot_with_a_committed_out_fails_at_its_write() {
    let s = Ssi::default();
    let (a, b) = (begin(&s, 1, 10, false), begin(&s, 2, 10, false));
    s.read_row(b, REL, rid(1)).expect("room");
    s.wrote_row(a, REL, rid(1), Some(Scn(5))).expect("one conflict");
    s.before_commit(a).expect("goes");
    s.end(a, true);
    let c = begin(&s, 3, 20, false);
    s.read_row(c, REL, rid(2)).expect("room");
    let e = s.wrote_row(b, REL, rid(2), Some(Scn(5))).expect_err("c → b → a, a first");
    assert_eq!(reason(&e), "Reason code: Canceled on identification as a pivot, during write.");
}

#[test]
fn a_reader_of_versions_learns_of_their_writers() {
    let s = Ssi::default();
    let (a, b) = (begin(&s, 1, 10, false), begin(&s, 2, 10, false));
    s.read_row(b, REL, rid(7)).expect("room");
    s.wrote_row(a, REL, rid(7), Some(Scn(5))).expect("b → a");
    let c = begin(&s, 3, 10, false);
    s.wrote_row(b, REL, rid(8), Some(Scn(5))).expect("no reader");
    s.before_commit(a).expect("goes");
    s.end(a, true);
    // c meets b's version: c → b → a, and b can still be stopped.
    s.conflict_out(c, REL, Xid(2)).expect("b is doomed instead");
    let e = s.wrote_row(b, REL, rid(9), Some(Scn(5))).expect_err("doomed");
    assert_eq!(reason(&e), "Reason code: Canceled on identification as a pivot, during conflict in checking.");
    s.end(b, false);
    s.before_commit(c).expect("goes");
    s.end(c, true);
}

#[test]
fn a_row_lock_is_of_the_version_that_was_read() {
    let s = Ssi::default();
    let (a, b) = (begin(&s, 1, 10, false), begin(&s, 2, 30, false));
    s.read_row(a, REL, rid(1)).expect("room");
    s.read_row(b, REL, rid(2)).expect("room");
    // The version that b replaces came after a's snapshot: its writer has the conflict.
    s.wrote_row(b, REL, rid(1), Some(Scn(20))).expect("no conflict");
    s.wrote_row(a, REL, rid(2), Some(Scn(5))).expect("b → a alone");
    s.before_commit(a).expect("goes");
    s.end(a, true);
    s.before_commit(b).expect("goes");
}

#[test]
fn safe_snapshots() {
    let s = Ssi::default();
    assert_eq!(begin(&s, 0, 10, true), SxId::NONE, "nobody writes");
    let w = begin(&s, 1, 10, false);
    let r = begin(&s, 0, 10, true);
    assert_eq!(s.safety(r), Safety::Open);
    s.wrote_row(w, REL, rid(1), Some(Scn(5))).expect("no reader");
    s.before_commit(w).expect("goes");
    s.end(w, true);
    assert_eq!(s.safety(r), Safety::Safe);

    // A writer with a conflict out that committed before the reader's snapshot makes it unsafe.
    let (w, first) = (begin(&s, 2, 20, false), begin(&s, 3, 20, false));
    s.read_row(w, REL, rid(2)).expect("room");
    s.wrote_row(first, REL, rid(2), Some(Scn(5))).expect("w → first");
    s.before_commit(first).expect("goes");
    s.end(first, true);
    let r = begin(&s, 0, 30, true);
    s.wrote_row(w, REL, rid(3), Some(Scn(5))).expect("no reader");
    s.before_commit(w).expect("goes");
    s.end(w, true);
    assert_eq!(s.safety(r), Safety::Unsafe);
    s.end(r, false);
}

#[test]
fn locks_are_promoted_transferred_and_given_up() {
    let mut l = Locks::new(SsiLimits { per_relation: 4, per_page: 2, ..SsiLimits::default() });
    let (a, b) = (SxId(1), SxId(2));
    for n in 0..3 {
        l.acquire(a, Target::row(REL, rid(n))).expect("room");
    }
    assert_eq!(l.len(), 1, "three rows of a page are the page");
    assert_eq!(l.holders(&Target::page(REL, 0)), [a]);
    for n in [4, 8, 12] {
        l.acquire(a, Target::row(REL, rid(n))).expect("room");
    }
    assert_eq!(l.len(), 4);
    l.acquire(a, Target::row(REL, rid(16))).expect("room");
    assert_eq!((l.len(), l.holders(&Target::relation(REL))), (1, &[a][..]), "five parts are the relation");
    l.acquire(b, Target::page(INDEX, 7)).expect("room");
    l.copy_page(INDEX, 7, 9);
    assert_eq!(l.holders(&Target::page(INDEX, 9)), [b]);
    l.drop_page(INDEX, 7);
    assert!(l.holders(&Target::page(INDEX, 7)).is_empty());
    l.copy_relation(INDEX, REL);
    assert_eq!(l.holders(&Target::relation(REL)), [a, b]);
    l.summarise(b, 50);
    assert_eq!(l.summarised(&Target::relation(REL)), Some(50));
    l.release(a);
    assert_eq!(l.parts(REL).count(), 1);
    l.forget_summarised(Some(50));
    assert_eq!(l.len(), 0);
}

// ---- random histories ------------------------------------------------------------------------------------------------

const ITEMS: u32 = 24;

struct Version {
    writer: usize,
    /// `None` while its writer runs.
    scn: Option<u64>,
}

struct Actor {
    id: SxId,
    scn: u64,
    read_only: bool,
    /// Item and position of the version read.
    reads: Vec<(u32, usize)>,
    wrote: BTreeSet<u32>,
    done: Option<bool>,
}

/// A store of items, some of which do not exist at first, with snapshots and first-updater-wins.
struct World {
    ssi: Ssi,
    scn: u64,
    items: BTreeMap<u32, Vec<Version>>,
    actors: Vec<Actor>,
}

impl World {
    fn new(limits: SsiLimits) -> World {
        let first = || vec![Version { writer: usize::MAX, scn: Some(0) }];
        World { ssi: Ssi::new(limits), scn: 1, items: (0..ITEMS).map(|i| (i, first())).collect(), actors: Vec::new() }
    }

    fn begin(&mut self, tracked: bool, read_only: bool) -> Result<()> {
        let (xid, scn) = (Xid(self.actors.len() as u64 + 1), self.scn);
        let snap = Snapshot { scn: Scn(scn), xid, cid: 0, ssi: SxId::NONE };
        let id = if tracked { self.ssi.begin(how(read_only), || snap)?.ssi } else { SxId::NONE };
        self.actors.push(Actor { id, scn, read_only, reads: Vec::new(), wrote: BTreeSet::new(), done: None });
        Ok(())
    }

    /// What actor `a` sees of an item: the position, and the writer of the next version.
    fn visible(&self, a: usize, item: u32) -> (usize, Option<usize>) {
        let v = &self.items[&item];
        let sees = |v: &Version| v.writer == a || v.scn.is_some_and(|s| s <= self.actors[a].scn);
        let at = v.iter().rposition(sees).expect("the first version");
        (at, v.get(at + 1).map(|n| n.writer))
    }

    fn look(&mut self, a: usize, item: u32) -> Result<()> {
        let (at, next) = self.visible(a, item);
        if let Some(w) = next {
            self.ssi.conflict_out(self.actors[a].id, REL, Xid(w as u64 + 1))?;
        }
        if !self.actors[a].wrote.contains(&item) {
            self.actors[a].reads.push((item, at));
        }
        Ok(())
    }

    /// Reads an item, a page of the "index" or everything. The upper half of the items are rows to be.
    fn read(&mut self, a: usize, rng: &mut SmallRng) -> Result<()> {
        let id = self.actors[a].id;
        let exists = |w: &World, i: u32| i < ITEMS / 2 || w.visible(a, i).0 > 0;
        let item = rng.random_range(0..ITEMS);
        let range = match rng.random_range(0..10) {
            0 => 0..ITEMS,
            1..4 => item / 4 * 4..item / 4 * 4 + 4,
            _ => item..item + 1,
        };
        if range.len() as u32 == ITEMS {
            self.ssi.read_relation(id, REL)?;
        } else {
            self.ssi.read_page(id, INDEX, item / 4)?;
        }
        for i in range.clone() {
            if range.len() as u32 != ITEMS && (exists(self, i) || self.items[&i].len() > 1) {
                self.ssi.read_row(id, REL, rid(i))?;
            }
            self.look(a, i)?;
        }
        Ok(())
    }

    /// Writes an item; `false` if that has to wait for somebody.
    fn write(&mut self, a: usize, item: u32) -> Result<bool> {
        let Some(last) = self.items[&item].last() else { return Ok(false) };
        let (writer, scn) = (last.writer, last.scn);
        let first = self.items[&item].len() == 1 && item >= ITEMS / 2;
        match scn {
            None if writer != a => return Ok(false),
            Some(s) if s > self.actors[a].scn => {
                return Err(DbError::new(SqlState::T_R_SERIALIZATION_FAILURE, "concurrent update"));
            }
            _ => {}
        }
        let id = self.actors[a].id;
        if first {
            self.ssi.wrote_relation(id, REL)?;
            self.ssi.wrote_page(id, INDEX, item / 4)?;
        } else {
            self.ssi.wrote_row(id, REL, rid(item), scn.map(Scn))?;
        }
        if scn.is_some() {
            self.items.get_mut(&item).expect("there").push(Version { writer: a, scn: None });
        }
        self.actors[a].wrote.insert(item);
        Ok(true)
    }

    fn finish(&mut self, a: usize, commit: bool) {
        let (id, wrote) = (self.actors[a].id, self.actors[a].wrote.clone());
        let commit = commit && self.ssi.before_commit(id).is_ok();
        self.scn += u64::from(commit);
        for i in wrote {
            let v = self.items.get_mut(&i).expect("there");
            if commit {
                v.last_mut().expect("there").scn = Some(self.scn);
            } else {
                v.pop();
            }
        }
        self.ssi.end(id, commit);
        self.actors[a].done = Some(commit);
    }

    /// Whether the committed transactions' dependencies (Adya: ww, wr, rw) have a cycle.
    fn is_cyclic(&self) -> bool {
        let committed = |a: usize| self.actors.get(a).is_some_and(|x| x.done == Some(true));
        let mut edges: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.actors.len()];
        let mut add = |from: usize, to: usize| {
            if from != to && committed(from) && committed(to) {
                edges[from].insert(to);
            }
        };
        for v in self.items.values() {
            v.windows(2).for_each(|w| add(w[0].writer, w[1].writer));
        }
        for (a, x) in self.actors.iter().enumerate() {
            for (item, at) in &x.reads {
                let v = &self.items[item];
                add(v[*at].writer, a);
                if let Some(next) = v.get(at + 1) {
                    add(a, next.writer);
                }
            }
        }
        // Kahn: what is left when everything without predecessors is taken away is a cycle.
        let mut into = vec![0; edges.len()];
        edges.iter().flatten().for_each(|t| into[*t] += 1);
        let mut free: Vec<usize> = (0..into.len()).filter(|n| into[*n] == 0).collect();
        let mut taken = 0;
        while let Some(n) = free.pop() {
            taken += 1;
            for t in &edges[n] {
                into[*t] -= 1;
                if into[*t] == 0 {
                    free.push(*t);
                }
            }
        }
        taken < edges.len()
    }
}

/// Runs a random history; answers whether it is serializable and how many committed.
fn history(seed: u64, limits: SsiLimits, tracked: bool) -> (bool, usize) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut w = World::new(limits);
    let at_a_time = rng.random_range(2..8);
    for _ in 0..600 {
        let open: Vec<usize> = (0..w.actors.len()).filter(|a| w.actors[*a].done.is_none()).collect();
        if open.len() < at_a_time {
            w.begin(tracked, rng.random_ratio(1, 6)).expect("room");
            continue;
        }
        let a = open[rng.random_range(0..open.len())];
        let step = match rng.random_range(0..10) {
            0..5 => w.read(a, &mut rng),
            5..8 if !w.actors[a].read_only => {
                let item = rng.random_range(0..ITEMS);
                w.write(a, item).map(|_| ())
            }
            _ => {
                w.finish(a, rng.random_ratio(9, 10));
                Ok(())
            }
        };
        if step.is_err() {
            w.finish(a, false);
        }
    }
    for a in 0..w.actors.len() {
        if w.actors[a].done.is_none() {
            w.finish(a, true);
        }
    }
    assert!(w.ssi.list().is_empty(), "seed {seed}: locks are left although nobody runs");
    (!w.is_cyclic(), w.actors.iter().filter(|a| a.done == Some(true)).count())
}

#[test]
fn snapshot_isolation_alone_is_not_serializable() {
    assert!((0..50).any(|seed| !history(seed, SsiLimits::default(), false).0), "the check finds anomalies");
}

#[test]
fn random_histories_are_serializable() {
    let tight = SsiLimits { transactions: 10, locks: 24, per_relation: 4, per_page: 1, old_writers: 3 };
    let few = SsiLimits { transactions: 9, ..SsiLimits::default() };
    for limits in [SsiLimits::default(), few, tight] {
        let mut committed = 0;
        for seed in 0..400 {
            let (serializable, n) = history(seed, limits, true);
            assert!(serializable, "seed {seed} under {limits:?}");
            committed += n;
        }
        assert!(committed > 400, "only {committed} transactions got through under {limits:?}");
    }
}
