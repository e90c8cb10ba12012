//! Random workloads against a model, and replay of what they logged.

use super::node::Node;
use super::*;
use crate::am::{Cursor, Direction, Edge, IndexDesc, IndexUndo, InsertResult, Method, RowState, Unique, undo_entry};
use crate::buf::{Access, Pool};
use crate::core::{Core, NoRowLocks, Resolve};
use crate::mtr::redo::{Record, Redone};
use crate::mtr::{LogAppend, Reservation};
use crate::page::{PAGE_SIZE, Page, PageKind};
use crate::space::Spaces;
use crate::txn::{Isolation, TxnCx, TxnState};
use crate::undo::{Streams, UndoFlags, UndoPtr};
use crate::wait::{Op, TxnWait, Wait};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustydb_base::poison::Poison;
use rustydb_base::{Lsn, PageId, RelId, Scn, Xid};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// End of the log, and every record with its end LSN.
type Records = (u64, Vec<(Lsn, Vec<u8>)>);

/// Keeps every record.
#[derive(Default)]
struct Log(Mutex<Records>);

impl LogAppend for Log {
    fn reserve(&self, bytes: usize) -> Op<Reservation<'_>> {
        Ok(Reservation::new(self, bytes))
    }
    fn append(&self, r: Reservation<'_>, record: &[u8]) -> (Lsn, Lsn) {
        assert!(record.len() <= r.bytes() && record.len() <= crate::mtr::MAX_RECORD, "record of {}", record.len());
        let mut l = self.0.lock();
        let start = Lsn(l.0 + 8);
        l.0 += 8 + record.len() as u64;
        let end = Lsn(l.0);
        l.1.push((end, record.to_vec()));
        (start, end)
    }
    fn release(&self, _: usize) {}
}

const REL: RelId = RelId(77);
const IDX: IndexDesc = IndexDesc { rel: REL, heap: RelId(70), complete: true, method: Method::BTREE };

/// A toy transaction table: what is not in it is running.
#[derive(Default)]
struct Txns(Mutex<HashMap<Xid, TxnState>>);

impl Resolve for Txns {
    fn resolve(&self, xid: Xid, _: &mut Lsn) -> Op<TxnState> {
        Ok(self.0.lock().get(&xid).copied().unwrap_or(TxnState::Running))
    }
    fn horizon(&self) -> Scn {
        Scn(100)
    }
    fn stable_lsn(&self) -> Lsn {
        Lsn(u64::MAX)
    }
}

struct Env {
    core: Core,
    log: Arc<Log>,
    txns: Arc<Txns>,
}

fn env(frames: usize) -> Env {
    let (log, txns) = (Arc::new(Log::default()), Arc::new(Txns::default()));
    let core = Core {
        pool: Pool::new(frames),
        log: Arc::clone(&log) as Arc<dyn LogAppend>,
        poison: Poison::default(),
        txns: Arc::clone(&txns) as Arc<dyn Resolve>,
        locks: Arc::new(NoRowLocks),
        ssi: crate::ssi::Ssi::default(),
        undo: Streams::new(1, 1 << 30),
        space: Spaces::default(),
        hash_page_entries: 7,
    };
    create(&core, REL, Xid::NONE).expect("no waits in a pool that holds everything");
    Env { core, log, txns }
}

const NO: UndoFlags = UndoFlags::NONE;

fn txn(xid: u64) -> TxnCx {
    TxnCx {
        xid: Xid(xid),
        stream: 0,
        last_undo: UndoPtr::NONE,
        last_memory_undo: UndoPtr::NONE,
        cid: 1,
        isolation: Isolation::ReadCommitted,
        dep_lsn: Lsn(0),
        slot: 0,
        ssi: crate::ssi::SxId::NONE,
    }
}

fn rid(n: u32) -> Rid {
    Rid { block: n >> 4, slot: (n & 15) as u16 }
}

/// A self-delimiting encoding of text, as the engine makes them.
fn text_key(b: &[u8]) -> Vec<u8> {
    let mut k: Vec<u8> = b.iter().map(|c| c.saturating_add(1)).collect();
    k.push(0);
    k
}

/// Replays the whole log on empty pages, every record twice, and compares with the pool.
fn assert_redo_equals_forward(e: &Env) {
    assert!(e.core.poison.reason().is_none(), "{:?}", e.core.poison.reason());
    let log = e.log.0.lock();
    let mut pages: HashMap<PageId, Box<Page>> = HashMap::new();
    for (end, bytes) in &log.1 {
        let r = Record::parse(bytes).expect("own record");
        for round in [Redone::Applied, Redone::Skipped] {
            for (i, p) in r.pages.iter().enumerate() {
                let page = pages.entry(p.pid).or_insert_with(|| Box::new(Page([0; PAGE_SIZE])));
                assert_eq!(r.redo(i, page, *end).expect("replay"), round);
            }
        }
    }
    for (pid, page) in &pages {
        let g = e.core.pool.read(*pid, Access::Scan).expect("pool holds everything");
        assert!(g.0[..] == page.0[..], "page {pid:?} differs after replay");
    }
    // Any prefix, then everything: pages that were ahead skip what they have.
    for (end, bytes) in log.1.iter().take(log.1.len() / 2) {
        let r = Record::parse(bytes).expect("own record");
        for (i, p) in r.pages.iter().enumerate() {
            let page = pages.get_mut(&p.pid).expect("seen above");
            assert_eq!(r.redo(i, page, *end).expect("replay"), Redone::Skipped);
        }
    }
}

fn check(e: &Env) -> VerifyReport {
    let r = Verifier::new(IDX).run(&e.core.pool).expect("sound tree");
    assert!(e.core.poison.reason().is_none(), "{:?}", e.core.poison.reason());
    r
}

fn scan(e: &Env, low: Edge, high: Edge, dir: Direction) -> Vec<(Vec<u8>, Rid, bool)> {
    let mut c = Cursor::open(IDX, low, high, dir, Access::Scan, true).expect("known");
    let mut out = Vec::new();
    while c.next_batch(&e.core, crate::ssi::SxId::NONE).expect("no waits") {
        out.extend(c.batch().map(|x| (x.key.to_vec(), x.rid, x.marked.is_some())));
    }
    out
}

/// Key shapes: short, long with long common beginnings, many duplicates.
fn random_key(rng: &mut SmallRng, shape: u32) -> Vec<u8> {
    match shape {
        0 => (rng.random::<u32>() ^ 0x8000_0000).to_be_bytes().to_vec(),
        1 => {
            let mut k = vec![b'a' + rng.random_range(0..3u8); rng.random_range(0..900)];
            k.extend((0..rng.random_range(0..4)).map(|_| rng.random_range(b'a'..b'e')));
            text_key(&k)
        }
        2 => text_key(&[rng.random_range(b'a'..b'd')]),
        _ => {
            // As long as can be, told apart at the start, in the middle or at the end only.
            let mut k = vec![b'm'; MAX_KEY - 1];
            for at in [0, MAX_KEY / 2, MAX_KEY - 2] {
                k[at] = rng.random_range(b'a'..b'h');
            }
            text_key(&k)
        }
    }
}

type Model = BTreeMap<(Vec<u8>, Rid), bool>;

fn edges(rng: &mut SmallRng, shape: u32) -> Edge {
    let mut k = random_key(rng, shape);
    if rng.random_bool(0.3) {
        k.truncate(rng.random_range(0..=k.len()));
    }
    match rng.random_range(0..5) {
        0 => Edge::Open,
        1 | 2 => Edge::Inclusive(k),
        _ => Edge::Exclusive(k),
    }
}

fn in_range(k: &[u8], low: &Edge, high: &Edge) -> bool {
    let above = match low {
        Edge::Open => true,
        Edge::Inclusive(b) => k >= b.as_slice(),
        Edge::Exclusive(b) => k > b.as_slice() && !k.starts_with(b),
    };
    let below = match high {
        Edge::Open => true,
        Edge::Inclusive(b) => k <= b.as_slice() || k.starts_with(b),
        Edge::Exclusive(b) => k < b.as_slice(),
    };
    above && below
}

fn workload(shape: u32, seed: u64, steps: u32) {
    let e = env(4096);
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut model: Model = BTreeMap::new();
    let mut t = txn(5);
    for step in 0..steps {
        let pick = |rng: &mut SmallRng, model: &Model| -> Option<(Vec<u8>, Rid)> {
            if model.is_empty() {
                return None;
            }
            model.keys().nth(rng.random_range(0..model.len())).cloned()
        };
        // Grow first, shrink later.
        let grow = if step < steps / 2 { 7 } else { 2 };
        match rng.random_range(0..10) {
            n if n < grow => {
                let (k, r) = (random_key(&mut rng, shape), rid(rng.random_range(0..5000)));
                assert_eq!(insert(&e.core, &mut t, &IDX, &k, r, Unique::No, NO).expect("no waits"), InsertResult::Done);
                model.insert((k, r), false);
            }
            n if n < 9 => {
                let Some((k, r)) = pick(&mut rng, &model) else { continue };
                if !model[&(k.clone(), r)] {
                    mark(&e.core, &mut t, &IDX, &k, r, NO).expect("no waits");
                    model.insert((k.clone(), r), true);
                }
                match rng.random_range(0..4) {
                    0 => {
                        undo_mark(&e.core, t.xid, REL, &k, r).expect("no waits");
                        model.insert((k, r), false);
                    }
                    1 => (),
                    _ => {
                        // Somebody else's purge does nothing, ours removes.
                        purge_remove(&e.core, REL, &k, r, Xid(99), Scn(7)).expect("no waits");
                        assert_eq!(exists(&e.core, REL, &k, r).expect("no waits"), Some(true));
                        purge_remove(&e.core, REL, &k, r, t.xid, Scn(7)).expect("no waits");
                        model.remove(&(k, r));
                    }
                }
            }
            _ => {
                // A statement rolled back: insert, take back, twice.
                let (k, r) = (random_key(&mut rng, shape), rid(rng.random_range(0..5000)));
                let before = model.get(&(k.clone(), r)).copied();
                let head = t.last_undo;
                insert(&e.core, &mut t, &IDX, &k, r, Unique::No, NO).expect("no waits");
                if t.last_undo == head {
                    assert_eq!(before, Some(false), "an entry that is already live leaves no undo");
                    continue;
                }
                let rec = e.core.undo.read(t.last_undo, &e.core.pool).expect("just written");
                let (what, key) = IndexUndo::decode(rec.kind, &rec.payload).expect("an index record");
                assert_eq!((rec.rel, rec.rid, key), (REL, r, k.as_slice()));
                assert_eq!(what, IndexUndo::Insert { replaced: (before == Some(true)).then_some(t.xid) });
                for _ in 0..2 {
                    undo_entry(&e.core, &rec).expect("no waits");
                }
                assert_eq!(exists(&e.core, REL, &k, r).expect("no waits"), before);
            }
        }
        if step % (steps / 4) == 0 {
            let rep = check(&e);
            assert_eq!(rep.entries as usize, model.len());
        }
    }
    let rep = check(&e);
    assert_eq!(rep.entries as usize, model.len());
    assert_eq!(rep.marked as usize, model.values().filter(|m| **m).count());
    for _ in 0..60 {
        let (low, high) = (edges(&mut rng, shape), edges(&mut rng, shape));
        let mut want: Vec<(Vec<u8>, Rid, bool)> = model
            .iter()
            .filter(|((k, _), _)| in_range(k, &low, &high))
            .map(|((k, r), m)| (k.clone(), *r, *m))
            .collect();
        assert_eq!(scan(&e, low.clone(), high.clone(), Direction::Forward), want, "{low:?} {high:?}");
        want.reverse();
        assert_eq!(scan(&e, low.clone(), high.clone(), Direction::Backward), want, "{low:?} {high:?}");
    }
    let mut out = SmallVec::new();
    let keys: HashSet<&Vec<u8>> = model.keys().map(|(k, _)| k).collect();
    for k in keys {
        lookup(&e.core, crate::ssi::SxId::NONE, &IDX, k, &mut out).expect("no waits");
        let want: Vec<Rid> =
            model.range((k.clone(), rid(0))..).take_while(|((x, _), _)| x == k).map(|((_, r), _)| *r).collect();
        assert_eq!(out.as_slice(), want);
    }
    assert_redo_equals_forward(&e);

    // Empty it: the tree shrinks back to one leaf and every block but the root is free again.
    for (k, r) in model.keys() {
        let _ = undo_mark(&e.core, t.xid, REL, k, *r);
        undo_insert(&e.core, t.xid, REL, k, *r, None).expect("no waits");
    }
    let probe = random_key(&mut rng, shape);
    insert(&e.core, &mut t, &IDX, &probe, rid(1), Unique::No, NO).expect("no waits");
    mark(&e.core, &mut t, &IDX, &probe, rid(1), NO).expect("no waits");
    purge_remove(&e.core, REL, &probe, rid(1), t.xid, Scn(9)).expect("no waits");
    let rep = check(&e);
    assert_eq!(rep.entries, 0);
    assert_redo_equals_forward(&e);
}

#[test]
fn short_keys() {
    workload(0, 1, 12_000);
}

#[test]
fn long_keys_with_common_beginnings() {
    workload(1, 2, 6_000);
}

#[test]
fn many_duplicates() {
    workload(2, 3, 8_000);
}

#[test]
fn keys_of_the_greatest_length() {
    for seed in 10..14 {
        workload(3, seed, 1_000);
    }
}

#[test]
fn ascending_inserts_fill_pages_and_purge_frees_them() {
    let e = env(2048);
    let mut t = txn(9);
    let key = |n: u32| n.to_be_bytes();
    for n in 0..30_000u32 {
        insert(&e.core, &mut t, &IDX, &key(n), rid(n), Unique::No, NO).expect("no waits");
    }
    let full = check(&e);
    assert_eq!(full.entries, 30_000);
    assert!(full.leaf_bytes > full.leaves * 6_500, "right-edge splits leave full pages: {full:?}");
    for n in 0..30_000u32 {
        mark(&e.core, &mut t, &IDX, &key(n), rid(n), NO).expect("no waits");
        purge_remove(&e.core, REL, &key(n), rid(n), t.xid, Scn(3)).expect("no waits");
    }
    let empty = check(&e);
    assert_eq!((empty.entries, empty.leaves, empty.height), (0, 1, 1), "{empty:?}");
    // Every block but the root is free again: a new tree of the same size takes no new ones.
    let blocks = e.core.space.nblocks(REL, &e.core.pool).expect("in the pool");
    for n in 0..29_000u32 {
        insert(&e.core, &mut t, &IDX, &key(n), rid(n), Unique::No, NO).expect("no waits");
    }
    assert_eq!(e.core.space.nblocks(REL, &e.core.pool).expect("in the pool"), blocks);
    assert_redo_equals_forward(&e);
}

/// A toy heap: the state of its rows; what is not in it is gone.
type Rows = HashMap<Rid, RowState>;

fn insert_unique(e: &Env, t: &mut TxnCx, key: &[u8], rid: Rid, rows: &Rows) -> Op<InsertResult> {
    let mut state = |r: Rid| Ok(rows.get(&r).copied().unwrap_or(RowState::Gone));
    insert(&e.core, t, &IDX, key, rid, Unique::Check(&mut state), NO)
}

#[test]
fn unique_check_decides_by_row_and_marker() {
    let e = env(256);
    let (mut a, mut b) = (txn(1), txn(2));
    let mut rows = Rows::new();
    let k = text_key(b"k");
    assert_eq!(insert_unique(&e, &mut a, &k, rid(1), &rows).expect("free"), InsertResult::Done);
    // The writer still runs: b waits for it, at the row.
    let busy = TxnWait { xid: a.xid, page: PageId::new(IDX.heap, 0), slot: 1 };
    rows.insert(rid(1), RowState::Busy(busy));
    match insert_unique(&e, &mut b, &k, rid(2), &rows) {
        Err(Wait::Txn(w)) => assert_eq!(w, busy),
        other => panic!("{other:?}"),
    }
    rows.insert(rid(1), RowState::Live);
    assert_eq!(
        insert_unique(&e, &mut b, &k, rid(2), &rows).expect("no wait"),
        InsertResult::Duplicate { rid: rid(1), leaf: ROOT_BLOCK }
    );
    assert_eq!(insert(&e.core, &mut b, &IDX, &k, rid(2), Unique::No, NO).expect("not checked"), InsertResult::Done);
    undo_insert(&e.core, b.xid, REL, &k, rid(2), None).expect("no wait");
    // a deletes the row: b waits for the marker's end, unless it is committed; a itself may insert again.
    mark(&e.core, &mut a, &IDX, &k, rid(1), NO).expect("no wait");
    assert_eq!(insert_unique(&e, &mut a, &k, rid(3), &rows).expect("own marker"), InsertResult::Done);
    undo_insert(&e.core, a.xid, REL, &k, rid(3), None).expect("no wait");
    match insert_unique(&e, &mut b, &k, rid(2), &rows) {
        Err(Wait::Txn(w)) => assert_eq!(w, TxnWait { xid: a.xid, page: PageId::new(IDX.heap, 0), slot: 1 }),
        other => panic!("{other:?}"),
    }
    e.txns.0.lock().insert(a.xid, TxnState::Committed(Scn(5)));
    assert_eq!(insert_unique(&e, &mut b, &k, rid(2), &rows).expect("no wait"), InsertResult::Done);
    assert_eq!(exists(&e.core, REL, &k, rid(1)).expect("no wait"), Some(true));
    // A neighbour key is not in the way.
    rows.insert(rid(2), RowState::Live);
    assert_eq!(insert_unique(&e, &mut b, &text_key(b"k2"), rid(4), &rows).expect("no wait"), InsertResult::Done);
    assert_redo_equals_forward(&e);
}

#[test]
fn unique_check_walks_a_run_of_leaves() {
    let e = env(2048);
    let (mut a, mut b) = (txn(1), txn(2));
    let k = text_key(&[b'x'; 200]);
    // Ten thousand dead entries of one key over many leaves.
    for n in 0..10_000 {
        insert(&e.core, &mut a, &IDX, &k, rid(n * 2), Unique::No, NO).expect("no waits");
        mark(&e.core, &mut a, &IDX, &k, rid(n * 2), NO).expect("no waits");
    }
    assert!(check(&e).leaves > 20);
    let mut rows = Rows::new();
    e.txns.0.lock().insert(a.xid, TxnState::CommittedForAll);
    for n in [1, 9_999, 19_999] {
        assert_eq!(insert_unique(&e, &mut b, &k, rid(n), &rows).expect("no wait"), InsertResult::Done);
        undo_insert(&e.core, b.xid, REL, &k, rid(n), None).expect("no wait");
    }
    // The one live entry at the far end is found.
    insert(&e.core, &mut a, &IDX, &k, rid(30_000), Unique::No, NO).expect("no waits");
    rows.insert(rid(30_000), RowState::Live);
    let found = insert_unique(&e, &mut b, &k, rid(1), &rows).expect("no wait");
    assert!(matches!(found, InsertResult::Duplicate { rid: r, .. } if r == rid(30_000)), "{found:?}");
    check(&e);
}

#[test]
fn bulk_build_equals_insertion() {
    for (shape, n) in [(0, 20_000), (1, 3_000), (2, 4_000), (3, 60), (0, 0), (0, 1)] {
        let e = env(4096);
        let mut rng = SmallRng::seed_from_u64(n);
        let mut model: BTreeMap<(Vec<u8>, Rid), bool> =
            (0..n).map(|i| ((random_key(&mut rng, shape), rid(i as u32)), false)).collect();
        let mut b = BulkBuilder::new(REL, Xid(3));
        for (k, r) in model.keys() {
            b.push(&e.core, k, *r).expect("no waits");
        }
        assert_eq!(b.finish(&e.core).expect("no waits"), n);
        assert_eq!(b.finish(&e.core).expect("repeatable"), n);
        let rep = check(&e);
        assert_eq!(rep.entries, n);
        if shape == 0 && n > 100 {
            assert!(rep.leaf_bytes > rep.leaves * 6_500, "{rep:?}");
        }
        let want: Vec<_> = model.iter().map(|((k, r), m)| (k.clone(), *r, *m)).collect();
        assert_eq!(scan(&e, Edge::Open, Edge::Open, Direction::Forward), want);
        assert_redo_equals_forward(&e);
        // And it goes on living.
        let mut t = txn(8);
        for i in 0..300 {
            let (k, r) = (random_key(&mut rng, shape), rid(100_000 + i));
            insert(&e.core, &mut t, &IDX, &k, r, Unique::No, NO).expect("no waits");
            model.insert((k, r), false);
        }
        assert_eq!(check(&e).entries as usize, model.len());
    }
    let e = env(64);
    let mut b = BulkBuilder::new(REL, Xid(3));
    b.push(&e.core, b"b", rid(1)).expect("first");
    assert!(matches!(b.push(&e.core, b"a", rid(2)), Err(Wait::Fail(_))));
}

#[test]
fn a_scan_survives_splits_and_merges_between_batches() {
    let e = env(2048);
    let mut t = txn(4);
    let mut rng = SmallRng::seed_from_u64(5);
    let key = |n: u32| n.to_be_bytes().to_vec();
    for dir in [Direction::Forward, Direction::Backward] {
        for n in 0..4_000 {
            insert(&e.core, &mut t, &IDX, &key(n * 10), rid(n), Unique::No, NO).expect("no waits");
        }
        let mut c = Cursor::open(IDX, Edge::Open, Edge::Open, dir, Access::Point, true).expect("known");
        let mut seen = Vec::new();
        let mut gone = HashSet::new();
        while c.next_batch(&e.core, crate::ssi::SxId::NONE).expect("no waits") {
            seen.extend(c.batch().map(|x| x.key.to_vec()));
            for _ in 0..400 {
                let n = rng.random_range(0..4_000u32);
                if n % 2 == 0 {
                    let _ =
                        insert(&e.core, &mut t, &IDX, &key(n * 10 + rng.random_range(1..9)), rid(n), Unique::No, NO);
                } else if gone.insert(n) {
                    mark(&e.core, &mut t, &IDX, &key(n * 10), rid(n), NO).expect("no waits");
                    purge_remove(&e.core, REL, &key(n * 10), rid(n), t.xid, Scn(1)).expect("no waits");
                }
            }
        }
        let distinct: HashSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "nothing twice");
        for n in (0..4_000).filter(|n| n % 2 == 0) {
            assert!(distinct.contains(&key(n * 10)), "{dir:?}: entry {n} that stayed was seen");
        }
        check(&e);
        for (k, r, _) in scan(&e, Edge::Open, Edge::Open, Direction::Forward) {
            undo_insert(&e.core, t.xid, REL, &k, r, None).expect("no waits");
        }
    }
}

#[test]
fn concurrent_writers_and_readers_agree() {
    let e = env(4096);
    std::thread::scope(|s| {
        for w in 0..4u32 {
            let e = &e;
            s.spawn(move || {
                let mut t = txn(100 + u64::from(w));
                let mut rng = SmallRng::seed_from_u64(u64::from(w));
                let retry = |f: &mut dyn FnMut() -> Op<()>| loop {
                    match f() {
                        Ok(()) => break,
                        Err(Wait::Restart) => (),
                        Err(other) => panic!("{other:?}"),
                    }
                };
                let mut out = SmallVec::new();
                for n in 0..3_000u32 {
                    let k = rng.random::<u16>().to_be_bytes();
                    let r = rid(n * 4 + w);
                    retry(&mut || insert(&e.core, &mut t, &IDX, &k, r, Unique::No, NO).map(|_| ()));
                    retry(&mut || lookup(&e.core, crate::ssi::SxId::NONE, &IDX, &k, &mut out));
                    assert!(out.contains(&r));
                    if n % 3 != 0 {
                        retry(&mut || mark(&e.core, &mut t, &IDX, &k, r, NO));
                        retry(&mut || purge_remove(&e.core, REL, &k, r, t.xid, Scn(1)));
                    }
                }
            });
        }
    });
    let rep = check(&e);
    assert_eq!(rep.entries, 4 * 1_000);
    assert_redo_equals_forward(&e);
}

#[test]
fn waits_leave_nothing_behind() {
    // A pool too small for the tree: every operation meets pages that are not there and is repeated.
    let e = env(64);
    let mut t = txn(4);
    let mut disk: HashMap<PageId, Box<Page>> = HashMap::new();
    let mut waits = 0;
    for n in 0..20_000u32 {
        let k = n.wrapping_mul(2_654_435_761).to_be_bytes();
        // As the shell does: what was loaded for an operation stays until the operation is through.
        let mut pins = Vec::new();
        loop {
            match insert(&e.core, &mut t, &IDX, &k, rid(n), Unique::No, NO) {
                Ok(_) => break,
                Err(Wait::Page(p)) => {
                    waits += 1;
                    let image = disk.get(&p).expect("was written back");
                    match e.core.pool.install(p, image, Access::Point, e.core.pool.eviction_mark(p)) {
                        Ok(Some(pin)) => pins.push(pin),
                        _ => write_back(&e, &mut disk),
                    }
                }
                Err(Wait::Memory) => write_back(&e, &mut disk),
                Err(Wait::Restart) => (),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    assert!(waits > 1_000, "{waits}");
    let mut v = Verifier::new(IDX);
    let rep = loop {
        match v.run(&e.core.pool) {
            Ok(r) => break r,
            Err(Wait::Page(p)) => {
                let mark = e.core.pool.eviction_mark(p);
                if !matches!(e.core.pool.install(p, &disk[&p], Access::Point, mark), Ok(Some(_))) {
                    write_back(&e, &mut disk);
                }
            }
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(rep.entries, 20_000);
    assert!(e.core.poison.reason().is_none());
}

fn write_back(e: &Env, disk: &mut HashMap<PageId, Box<Page>>) {
    for (_, idx) in e.core.pool.dirty_pages(1024) {
        let mut copy = Box::new(Page([0; PAGE_SIZE]));
        if let Some(pid) = e.core.pool.begin_write(idx, &mut copy.0, &mut |_| ()) {
            disk.insert(pid, copy);
            e.core.pool.end_write(idx);
        }
    }
}

#[test]
fn nonsense_pages_and_payloads_are_errors() {
    let mut rng = SmallRng::seed_from_u64(8);
    let mut page = Page([0; PAGE_SIZE]);
    page.format(PageId::new(REL, 9), PageKind::Btree);
    assert!(Node::open(&page).is_ok());
    for round in 0..20_000 {
        if round % 50 == 0 {
            page.format(PageId::new(REL, 9), PageKind::Btree);
        }
        let code = rng.random_range(0x30..0x3c);
        let payload: Vec<u8> = (0..rng.random_range(0..40)).map(|_| rng.random_range(0..8u8)).collect();
        let _ = redo::apply(&mut page, code, &payload);
        if rng.random_bool(0.3) {
            let at = rng.random_range(24..PAGE_SIZE);
            page.0[at] = rng.random();
        }
        if let Ok(n) = Node::open(&page) {
            let _ = n.position(&payload, super::node::Bound::Past);
            for i in 0..n.len() {
                let _ = (n.data(i), n.rid(i), n.mark(i), n.child(i), n.is(i, &payload));
            }
        }
    }
}
