//! Random workloads against a model, with replay of what they logged, and scans beside splits.

use super::scan::TreeScan;
use super::{Asked, Gist, Intervals, Nearest, Question, register};
use crate::am::{Batch, Cursor, Direction, Edge, IndexAm, IndexDesc, IndexScan, Method, Unique};
use crate::buf::Access;
use crate::heap::tests::Bench;
use crate::ssi::SxId;
use crate::txn::TxnCx;
use crate::undo::{UndoFlags, UndoPtr};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::{RelId, Rid, Scn, Xid};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const REL: RelId = RelId(2000);
const IDX: IndexDesc = IndexDesc { rel: REL, heap: RelId(1000), complete: true, method: Method::GIST };
const NO: UndoFlags = UndoFlags::NONE;

/// Entries by key and row; whether marked.
type Model = BTreeMap<(u32, Rid), bool>;

fn key(k: u32) -> Vec<u8> {
    let mut v = k.to_be_bytes().to_vec();
    // Some are so long that few fit a page.
    v.resize(if k.is_multiple_of(40) { 900 } else { 4 + k as usize % 90 }, 1);
    v
}

fn number(key: &[u8]) -> u32 {
    u32::from_be_bytes(key[..4].try_into().expect("four bytes"))
}

fn rid(n: u32) -> Rid {
    Rid { block: n >> 4, slot: (n & 15) as u16 }
}

fn bench() -> Bench {
    // Another test may have been first.
    let _ = register(&Intervals);
    let b = Bench::new();
    Gist.create(&b.core, REL, Xid::NONE).expect("room");
    b
}

/// What lies between two numbers, by distance from a third.
struct Between(u32, u32, u32);

impl Between {
    fn ends(key: &[u8], leaf: bool) -> (u32, u32) {
        if leaf {
            return (number(key), number(key));
        }
        let (len, rest) = key.split_at(2);
        let (a, b) = rest.split_at(usize::from(u16::from_le_bytes([len[0], len[1]])));
        (number(a), number(b))
    }
}

impl Question for Between {
    fn may(&self, key: &[u8], leaf: bool) -> bool {
        let (a, b) = Between::ends(key, leaf);
        a <= self.1 && b >= self.0
    }
    fn distance(&self, key: &[u8], leaf: bool) -> f64 {
        let (a, b) = Between::ends(key, leaf);
        f64::from(a.saturating_sub(self.2).max(self.2.saturating_sub(b)))
    }
}

fn by_scan(b: &Bench, low: Edge, high: Edge) -> Vec<(Vec<u8>, Rid, bool)> {
    let mut c = Cursor::open(IDX, low, high, Direction::Forward, Access::Point, true).expect("known");
    let mut out = Vec::new();
    while c.next_batch(&b.core, SxId::NONE).expect("in memory") {
        out.extend(c.batch().map(|c| (c.key.to_vec(), c.rid, c.marked.is_some())));
    }
    out.sort();
    out
}

fn check(b: &Bench, model: &Model) {
    let report = Gist.check(IDX).run(&b.core).expect("sound");
    assert_eq!(report.entries, model.len() as u64);
    assert_eq!(report.marked, model.values().filter(|m| **m).count() as u64);
    let keys: BTreeSet<u32> = model.keys().map(|k| k.0).chain([77_777]).collect();
    for k in keys {
        let want: Vec<(Vec<u8>, Rid, bool)> =
            model.range((k, rid(0))..(k + 1, rid(0))).map(|((_, r), m)| (key(k), *r, *m)).collect();
        let edge = || Edge::Inclusive(key(k));
        assert_eq!(by_scan(b, edge(), edge()), want, "key {k}");
        let mut rids = SmallVec::new();
        Gist.lookup(&b.core, SxId::NONE, &IDX, &key(k), &mut rids).expect("in memory");
        rids.sort_unstable();
        assert_eq!(rids.to_vec(), want.iter().map(|w| w.1).collect::<Vec<_>>(), "key {k}");
    }
    assert_eq!(by_scan(b, Edge::Open, Edge::Open).len(), model.len());
    let mut near = Nearest::new(IDX, Asked(Arc::new(Between(100, 900, 400))));
    let mut distances = Vec::new();
    while !near.is_done() {
        distances.extend(near.next(&b.core, SxId::NONE).expect("in memory").map(|f| f.distance));
    }
    assert!(distances.is_sorted());
    assert_eq!(distances.len(), model.range((100, rid(0))..(901, rid(0))).count());
}

/// Undoes what a transaction did after `to`, every record twice.
fn roll_back(b: &Bench, t: &mut TxnCx, to: UndoPtr) {
    while t.last_undo != to {
        let rec = b.core.undo.read(t.last_undo, &b.core.pool).expect("in memory");
        for _ in 0..2 {
            crate::am::undo_entry(&b.core, &rec).expect("in memory");
        }
        t.last_undo = rec.prev_in_txn;
    }
}

fn workload(seed: u64, keys: u32) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut b = bench();
    let mut model = Model::new();
    let mut t = b.begin();
    for step in 0..3_000 {
        let k = rng.random_range(0..keys);
        let some = model.range((k, rid(0))..).next().map(|(e, m)| (*e, *m));
        match rng.random_range(0..10) {
            0..=5 => {
                let r = rid(rng.random_range(0..2_000));
                Gist.insert(&b.core, &mut t, &IDX, &key(k), r, Unique::No, NO).expect("in memory");
                model.insert((k, r), false);
            }
            6 => {
                if let Some(((k, r), false)) = some {
                    Gist.mark(&b.core, &mut t, &IDX, &key(k), r, NO).expect("in memory");
                    model.insert((k, r), true);
                }
            }
            7 => {
                // Purge, with somebody else's number first.
                if let Some(((k, r), true)) = some {
                    Gist.purge(&b.core, REL, &key(k), r, Xid(9), Scn(1)).expect("in memory");
                    assert_eq!(Gist.exists(&b.core, REL, &key(k), r).expect("in memory"), Some(true));
                    for _ in 0..2 {
                        Gist.purge(&b.core, REL, &key(k), r, t.xid, Scn(1)).expect("in memory");
                    }
                    assert_eq!(Gist.exists(&b.core, REL, &key(k), r).expect("in memory"), None);
                    model.remove(&(k, r));
                }
            }
            8 => {
                let (to, before) = (t.last_undo, model.clone());
                for _ in 0..rng.random_range(1..30) {
                    let (k, r) = (rng.random_range(0..keys), rid(rng.random_range(0..2_000)));
                    if model.get(&(k, r)) == Some(&false) {
                        Gist.mark(&b.core, &mut t, &IDX, &key(k), r, NO).expect("in memory");
                        model.insert((k, r), true);
                    } else {
                        Gist.insert(&b.core, &mut t, &IDX, &key(k), r, Unique::No, NO).expect("in memory");
                        model.insert((k, r), false);
                    }
                }
                roll_back(&b, &mut t, to);
                model = before;
            }
            _ => {
                let r = rid(rng.random_range(0..2_000));
                Gist.enter(&b.core, Xid::NONE, &IDX, &key(k), r).expect("in memory");
                model.entry((k, r)).or_insert(false);
            }
        }
        if step % 500 == 0 {
            check(&b, &model);
        }
    }
    check(&b, &model);
    let pages = Gist.check(IDX).run(&b.core).expect("sound").pages;
    // Emptied and filled again elsewhere, it needs no more pages than before, or few.
    for ((k, r), marked) in std::mem::take(&mut model) {
        if !marked {
            Gist.mark(&b.core, &mut t, &IDX, &key(k), r, NO).expect("in memory");
        }
        Gist.purge(&b.core, REL, &key(k), r, t.xid, Scn(1)).expect("in memory");
    }
    check(&b, &model);
    // About half of what fits.
    for n in 0..(pages as u32 * 30).min(1_000) {
        Gist.insert(&b.core, &mut t, &IDX, &key(1_000_001 + n), rid(n), Unique::No, NO).expect("in memory");
        model.insert((1_000_001 + n, rid(n)), false);
    }
    check(&b, &model);
    let now = Gist.check(IDX).run(&b.core).expect("sound").pages;
    assert!(now <= pages + 2, "{pages} pages have become {now}");
    b.check_redo();
}

#[test]
fn many_keys() {
    workload(1, 3_000);
    workload(2, 1_000);
}

#[test]
fn few_keys() {
    workload(3, 3);
    workload(4, 40);
}

/// A scan finds all that was there when it began, whatever is split between its nodes.
#[test]
fn scans_beside_splits() {
    for seed in 0..20 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut b = bench();
        let mut t = b.begin();
        let mut next = 0;
        let mut put = |b: &Bench, t: &mut TxnCx, n: u32, rng: &mut SmallRng| {
            for _ in 0..n {
                let k = rng.random_range(0..2_000);
                Gist.insert(&b.core, t, &IDX, &key(k), rid(next), Unique::No, NO).expect("in memory");
                next += 1;
            }
            next
        };
        let before = put(&b, &mut t, 400, &mut rng);
        let wanted: BTreeSet<Rid> = (0..before).map(rid).collect();
        let mut scan = TreeScan::asking(IDX, Asked(Arc::new(Between(0, 2_000, 0))));
        let mut near = Nearest::new(IDX, Asked(Arc::new(Between(0, 2_000, 700))));
        let (mut found, mut nearest) = (BTreeSet::new(), BTreeSet::new());
        let mut batch = Batch::default();
        while scan.next_batch(&b.core, SxId::NONE, &mut batch).expect("in memory") {
            found.extend((0..batch.len()).filter_map(|i| batch.get(i)).map(|c| c.rid));
            batch.clear();
            if found.len() < 600 {
                put(&b, &mut t, 20, &mut rng);
            }
        }
        while !near.is_done() {
            nearest.extend(near.next(&b.core, SxId::NONE).expect("in memory").map(|f| f.rid));
            if nearest.len() < 300 {
                put(&b, &mut t, 5, &mut rng);
            }
        }
        assert!(found.is_superset(&wanted), "seed {seed}");
        assert!(nearest.is_superset(&wanted), "seed {seed}");
        Gist.check(IDX).run(&b.core).expect("sound");
        b.check_redo();
    }
}
