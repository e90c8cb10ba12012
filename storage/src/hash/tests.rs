//! Random workloads against a model, with splits in every state, and replay of what they logged.

use super::page::{Meta, bucket_of, buddy, pid};
use super::{Hash, lookup};
use crate::am::{Cursor, Direction, Edge, IndexAm, IndexDesc, Method, Unique};
use crate::buf::Access;
use crate::heap::tests::Bench;
use crate::ssi::SxId;
use crate::txn::TxnCx;
use crate::undo::{UndoFlags, UndoPtr};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::{RelId, Rid, Scn, Xid};
use smallvec::SmallVec;
use std::collections::BTreeMap;

const REL: RelId = RelId(2000);
const IDX: IndexDesc = IndexDesc { rel: REL, heap: RelId(1000), complete: true, method: Method::HASH };
const NO: UndoFlags = UndoFlags::NONE;

/// Entries by key and row; whether marked.
type Model = BTreeMap<(u32, Rid), bool>;

fn key(k: u32) -> Vec<u8> {
    let mut v = k.to_be_bytes().to_vec();
    // Some keys are longer than a page.
    v.resize(if k.is_multiple_of(50) { 9_000 } else { 4 }, 1);
    v
}

fn rid(n: u32) -> Rid {
    Rid { block: n >> 4, slot: (n & 15) as u16 }
}

fn by_scan(b: &Bench, low: Edge, high: Edge) -> Vec<(Vec<u8>, Rid, bool)> {
    let mut c = Cursor::open(IDX, low, high, Direction::Forward, Access::Point, true).expect("known");
    let mut out = Vec::new();
    while c.next_batch(&b.core, SxId::NONE).expect("in memory") {
        out.extend(c.batch().map(|c| (c.key.to_vec(), c.rid, c.marked.is_some())));
    }
    out
}

fn check(b: &Bench, model: &Model) {
    let report = Hash.check(IDX).run(&b.core).expect("sound");
    assert_eq!(report.entries, model.len() as u64);
    assert_eq!(report.marked, model.values().filter(|m| **m).count() as u64);
    let keys: std::collections::BTreeSet<u32> = model.keys().map(|k| k.0).chain([77_777]).collect();
    for k in keys {
        let want: Vec<(Vec<u8>, Rid, bool)> =
            model.range((k, rid(0))..(k + 1, rid(0))).map(|((_, r), m)| (key(k), *r, *m)).collect();
        let edge = || Edge::Inclusive(key(k));
        assert_eq!(by_scan(b, edge(), edge()), want, "key {k}");
        let mut rids = SmallVec::new();
        lookup(&b.core, SxId::NONE, &IDX, &key(k), &mut rids).expect("in memory");
        rids.sort_unstable();
        assert_eq!(rids.to_vec(), want.iter().map(|w| w.1).collect::<Vec<_>>(), "key {k}");
    }
    assert_eq!(by_scan(b, Edge::Open, Edge::Open).len(), model.len());
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
    let mut b = Bench::new();
    Hash.create(&b.core, REL, Xid::NONE).expect("room");
    let mut model = Model::new();
    let mut t = b.begin();
    for step in 0..3_000 {
        let k = rng.random_range(0..keys);
        let some = model.range((k, rid(0))..).next().map(|(e, m)| (*e, *m));
        match rng.random_range(0..10) {
            0..=5 => {
                let r = rid(rng.random_range(0..2_000));
                Hash.insert(&b.core, &mut t, &IDX, &key(k), r, Unique::No, NO).expect("in memory");
                model.insert((k, r), false);
            }
            6 => {
                // What another transaction has marked is nobody else's to mark.
                if let Some(((k, r), false)) = some {
                    Hash.mark(&b.core, &mut t, &IDX, &key(k), r, NO).expect("in memory");
                    model.insert((k, r), true);
                }
            }
            7 => {
                // Purge, with somebody else's number first.
                if let Some(((k, r), true)) = some {
                    let stored = Hash.stored_key(&key(k)).into_owned();
                    Hash.purge(&b.core, REL, &stored, r, Xid(9), Scn(1)).expect("in memory");
                    assert_eq!(Hash.exists(&b.core, REL, &key(k), r).expect("in memory"), Some(true));
                    for _ in 0..2 {
                        Hash.purge(&b.core, REL, &stored, r, t.xid, Scn(1)).expect("in memory");
                    }
                    assert_eq!(Hash.exists(&b.core, REL, &key(k), r).expect("in memory"), None);
                    model.remove(&(k, r));
                }
            }
            8 => {
                let (to, before) = (t.last_undo, model.clone());
                for _ in 0..rng.random_range(1..30) {
                    let (k, r) = (rng.random_range(0..keys), rid(rng.random_range(0..2_000)));
                    if model.get(&(k, r)) == Some(&false) {
                        Hash.mark(&b.core, &mut t, &IDX, &key(k), r, NO).expect("in memory");
                        model.insert((k, r), true);
                    } else {
                        Hash.insert(&b.core, &mut t, &IDX, &key(k), r, Unique::No, NO).expect("in memory");
                        model.insert((k, r), false);
                    }
                }
                roll_back(&b, &mut t, to);
                model = before;
            }
            _ => {
                let r = rid(rng.random_range(0..2_000));
                Hash.enter(&b.core, Xid::NONE, &IDX, &key(k), r).expect("in memory");
                model.entry((k, r)).or_insert(false);
            }
        }
        if step % 500 == 0 {
            check(&b, &model);
        }
    }
    check(&b, &model);
    // Empty it: every chain goes.
    for ((k, r), marked) in std::mem::take(&mut model) {
        if !marked {
            Hash.mark(&b.core, &mut t, &IDX, &key(k), r, NO).expect("in memory");
        }
        Hash.purge(&b.core, REL, &Hash.stored_key(&key(k)), r, t.xid, Scn(1)).expect("in memory");
    }
    check(&b, &model);
    let meta = b.core.pool.read(pid(REL, super::page::META_BLOCK), Access::Point).expect("in memory");
    let m = Meta::open(&meta).expect("sound");
    assert_eq!((m.chained, m.source), (0, 0));
    drop(meta);
    b.check_redo();
}

#[test]
fn many_keys() {
    workload(1, 3_000);
    workload(2, 3_000);
}

/// Chains that no split can part, longer than one mini-transaction has pages.
#[test]
fn few_keys() {
    workload(3, 3);
    workload(4, 40);
}

#[test]
fn buckets() {
    for n in 1..200u32 {
        for code in 0..1_000u64 {
            let b = bucket_of(code, n);
            assert!(b < n);
            let next = bucket_of(code, n + 1);
            assert!(next == b || (next == n && b == buddy(n)), "hash {code} among {n}");
        }
    }
}

/// A bucket's number chooses the page that names its block; the directory's pages are made when they are needed.
#[test]
fn the_directory_grows() {
    let mut b = Bench::new();
    b.core.hash_page_entries = 1;
    Hash.create(&b.core, REL, Xid::NONE).expect("room");
    for k in 0..2_400 {
        Hash.enter(&b.core, Xid::NONE, &IDX, &k.to_string().into_bytes(), rid(k)).expect("in memory");
    }
    let meta = b.core.pool.read(pid(REL, super::page::META_BLOCK), Access::Point).expect("in memory");
    assert!(Meta::open(&meta).expect("sound").buckets > super::page::DIRECT + 10);
    drop(meta);
    assert_eq!(Hash.check(IDX).run(&b.core).expect("sound").entries, 2_400);
    for k in 0..2_400 {
        let there = Hash.exists(&b.core, REL, &k.to_string().into_bytes(), rid(k)).expect("in memory");
        assert_eq!(there, Some(false), "key {k}");
    }
    b.check_redo();
}
