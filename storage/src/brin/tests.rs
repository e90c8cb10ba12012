//! Random rows in random ranges against a model, with replay of what they logged.

use super::{Brin, RangeScan, Sum, begin, complete, is_summarised, range_of, remove, set_up};
use crate::am::{IndexAm, IndexDesc, Method, RunEntry, Unique};
use crate::gist::{Asked, Intervals, Question, register};
use crate::heap::tests::{Bench, REL as HEAP, enc};
use crate::space::block_shown;
use crate::ssi::SxId;
use crate::undo::UndoFlags;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::{BlockNo, RelId, Rid, Scn, Xid};
use std::collections::BTreeMap;
use std::sync::Arc;

const REL: RelId = RelId(2000);
const IDX: IndexDesc = IndexDesc { rel: REL, heap: RelId(1000), complete: true, method: Method::BRIN };

fn key(k: u32, long: bool) -> Vec<u8> {
    let mut v = k.to_be_bytes().to_vec();
    if long {
        // Two of them make a summary of half a page.
        v.resize(1500 + k as usize % 700, 7);
    }
    v
}

/// Whether a bound may have the number.
struct Has(u32);

impl Question for Has {
    fn may(&self, b: &[u8], leaf: bool) -> bool {
        assert!(!leaf, "summaries are bounds");
        let (len, rest) = b.split_at(2);
        let (low, high) = rest.split_at(usize::from(u16::from_le_bytes([len[0], len[1]])));
        let number = |b: &[u8]| u32::from_be_bytes(b[..4].try_into().expect("four bytes"));
        number(low) <= self.0 && self.0 <= number(high)
    }
}

fn ask(b: &Bench, k: u32, scn: Scn) -> Vec<std::ops::Range<BlockNo>> {
    let mut scan = RangeScan::new(IDX, Asked(Arc::new(Has(k))));
    while !scan.run(&b.core, SxId::NONE, scn).expect("in memory") {}
    scan.found()
}

fn bench(per_range: u32) -> Bench {
    // Another test may have been first.
    let _ = register(&Intervals);
    let mut b = Bench::new();
    Brin.create(&b.core, REL, Xid::NONE).expect("room");
    set_up(&b.core, Xid::NONE, REL, per_range).expect("empty");
    // A table of some 40 blocks.
    let mut t = b.begin();
    for _ in 0..160 {
        crate::heap::insert(&b.core, &mut t, HEAP, &enc(&[1; 2000]), true).expect("room");
    }
    b
}

/// Rows come, go and change; ranges are summarised and forgotten: an answer is never without a block that has a key.
fn workload(seed: u64, per_range: u32, long: bool) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut b = bench(per_range);
    let blocks = b.core.space.nblocks(HEAP.id, &b.core.pool).expect("open");
    let ranges = range_of(blocks - 1, per_range) + 1;
    let mut t = b.begin();
    // Keys that rows of a range have or had since its summary was begun.
    let mut model: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for step in 0..4_000 {
        let (k, block) = (rng.random_range(0..5_000), rng.random_range(1..blocks));
        let (rid, range) = (Rid { block, slot: rng.random_range(0..30) }, range_of(block, per_range));
        match rng.random_range(0..20) {
            0..=12 => {
                let entry = key(k, long);
                Brin.insert(&b.core, &mut t, &IDX, &entry, rid, Unique::No, UndoFlags::NONE).expect("in memory");
                model.entry(range).or_default().push(k);
            }
            13..=15 => {
                let keys: Vec<Vec<u8>> = (0..5).map(|i| key(k + i, long)).collect();
                let run: Vec<RunEntry<'_>> = keys.iter().map(|key| RunEntry { key, rid, unique: false }).collect();
                let (n, _) = Brin.insert_run(&b.core, &mut t, &IDX, &run, &mut |_| panic!("not unique")).expect("room");
                assert_eq!(n, 5);
                model.entry(range).or_default().extend((0..5).map(|i| k + i));
            }
            16 => {
                let had = is_summarised(&b.core, REL, range).expect("in memory");
                assert_eq!(begin(&b.core, Xid::NONE, REL, range).expect("in memory"), !had);
            }
            17 | 18 => {
                if begin(&b.core, Xid::NONE, REL, range).expect("in memory") {
                    let mut sum = Sum::default();
                    for k in model.get(&range).into_iter().flatten() {
                        sum.add(&key(*k, long)).expect("registered");
                    }
                    complete(&b.core, Xid::NONE, REL, range, &sum, Scn(5)).expect("in memory");
                }
            }
            _ => {
                remove(&b.core, Xid::NONE, REL, range).expect("in memory");
            }
        }
        if step % 40 == 0 {
            let k = rng.random_range(0..5_000);
            let found = ask(&b, k, Scn(9));
            assert!(found.windows(2).all(|w| w[0].end < w[1].start), "in order, and not touching");
            for r in 0..ranges {
                let has = model.get(&r).is_some_and(|v| v.contains(&k));
                let first = block_shown(r * per_range).expect("small");
                let named = found.iter().any(|f| f.contains(&first));
                assert!(named || !has, "seed {seed}: key {k} of range {r}");
                let summary = is_summarised(&b.core, REL, r).expect("in memory");
                assert!(named || summary, "seed {seed}: range {r} has no summary and is not read");
            }
            assert_eq!(ask(&b, k, Scn(4)).len(), 1, "nothing is known to an older snapshot");
        }
    }
    let n = (0..ranges).filter(|r| is_summarised(&b.core, REL, *r).expect("in memory")).count() as u64;
    let report = Brin.check(IDX).run(&b.core).expect("sound");
    assert!(report.entries >= n && report.entries <= u64::from(ranges), "{report:?}");
    let used = (0..b.core.space.nblocks(REL, &b.core.pool).expect("open"))
        .filter(|p| *p != 0 && b.core.space.is_allocated(&b.core, REL, *p).expect("in memory"))
        .count() as u64;
    assert_eq!(report.pages, used);
    b.check_redo_but_hints();
}

#[test]
fn one_page_per_range() {
    workload(1, 1, false);
    workload(2, 1, true);
}

#[test]
fn several_pages_per_range() {
    workload(3, 4, false);
    workload(4, 7, true);
    workload(5, 128, true);
}

#[test]
fn ranges_far_out() {
    let b = bench(1);
    for range in [0, 1, 1349, 1350, 2_700_000, 3_000_000_000, u32::MAX - 1] {
        assert!(begin(&b.core, Xid::NONE, REL, range).expect("room"));
        let mut sum = Sum::default();
        sum.add(&key(range, false)).expect("registered");
        complete(&b.core, Xid::NONE, REL, range, &sum, Scn(1)).expect("room");
        assert!(is_summarised(&b.core, REL, range).expect("in memory"));
    }
    assert_eq!(Brin.check(IDX).run(&b.core).expect("sound").entries, 7);
    assert!(remove(&b.core, Xid::NONE, REL, 1350).expect("there"));
    assert!(!remove(&b.core, Xid::NONE, REL, 1350).expect("gone"));
    b.check_redo_but_hints();
}

#[test]
fn summaries_that_fit_no_page_are_refused() {
    let b = bench(1);
    assert!(begin(&b.core, Xid::NONE, REL, 0).expect("room"));
    let mut sum = Sum::default();
    sum.add(&vec![1; 5_000]).expect("registered");
    let e = complete(&b.core, Xid::NONE, REL, 0, &sum, Scn(1)).expect_err("two of 5,000 bytes");
    let crate::wait::Wait::Fail(e) = e else { panic!("{e:?}") };
    assert_eq!(e.message, "index row size 10002 exceeds maximum 8095");
    assert_eq!(Brin.check(IDX).run(&b.core).expect("sound").entries, 1);
}

#[test]
fn pages_per_range_is_said_once() {
    let b = bench(3);
    set_up(&b.core, Xid::NONE, REL, 5).expect("still empty");
    assert_eq!(super::pages_per_range(&b.core, REL).expect("in memory"), 5);
    begin(&b.core, Xid::NONE, REL, 0).expect("room");
    assert!(set_up(&b.core, Xid::NONE, REL, 6).is_err());
}
