//! The heap on an in-memory pool: versions, rollback, conflicts, moved rows, redo.

use super::*;
use crate::buf::Pool;
use crate::core::{Core, NoRowLocks, Resolve};
use crate::mtr::redo::{Record, Redone};
use crate::mtr::{LogAppend, Reservation};
use crate::page::{PAGE_SIZE, Page};
use crate::space::Spaces;
use crate::txn::{Isolation, Snapshot, TxnCx, TxnState};
use crate::undo::{Streams, UndoPtr};
use crate::wait::Op;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rustydb_base::poison::Poison;
use rustydb_base::{Lsn, PageId, RelId, Rid, Scn, Xid};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keeps every record.
#[derive(Default)]
struct FakeLog(Mutex<Vec<(Vec<u8>, Lsn)>>, AtomicU64);

impl LogAppend for FakeLog {
    fn reserve(&self, bytes: usize) -> Op<Reservation<'_>> {
        Ok(Reservation::new(self, bytes))
    }
    fn append(&self, _: Reservation<'_>, record: &[u8]) -> (Lsn, Lsn) {
        let start = self.1.fetch_add(record.len() as u64, Ordering::Relaxed) + 1;
        let end = Lsn(start + record.len() as u64);
        self.0.lock().push((record.to_vec(), end));
        (Lsn(start), end)
    }
    fn release(&self, _: usize) {}
}

#[derive(Default)]
struct FakeTxns {
    states: Mutex<HashMap<u64, TxnState>>,
    horizon: AtomicU64,
}

impl Resolve for FakeTxns {
    fn resolve(&self, xid: Xid, dep_lsn: &mut Lsn) -> Op<TxnState> {
        dep_lsn.0 = dep_lsn.0.max(1);
        Ok(self.states.lock().get(&xid.0).copied().unwrap_or(TxnState::Running))
    }
    fn horizon(&self) -> Scn {
        Scn(self.horizon.load(Ordering::Relaxed))
    }
    fn stable_lsn(&self) -> Lsn {
        Lsn(u64::MAX)
    }
}

pub(crate) struct Bench {
    pub(crate) core: Core,
    log: Arc<FakeLog>,
    txns: Arc<FakeTxns>,
    next: u64,
    scn: u64,
}

pub(crate) const REL: Rel = Rel { id: RelId(1000), overflow: RelId(1001), method: crate::am::TableMethod::Row };

impl Bench {
    pub(crate) fn new() -> Bench {
        let (log, txns) = (Arc::new(FakeLog::default()), Arc::new(FakeTxns::default()));
        let core = Core {
            pool: Pool::new(4096),
            log: Arc::clone(&log) as Arc<dyn LogAppend>,
            poison: Poison::default(),
            txns: Arc::clone(&txns) as Arc<dyn Resolve>,
            locks: Arc::new(NoRowLocks),
            ssi: crate::ssi::Ssi::default(),
            undo: Streams::new(2, 1 << 30),
            space: Spaces::default(),
            hash_page_entries: 7,
        };
        core.space.create(&core, REL.id, Xid::NONE).expect("room");
        core.space.create(&core, REL.overflow, Xid::NONE).expect("room");
        Bench { core, log, txns, next: 1, scn: 10 }
    }
    pub(crate) fn begin(&mut self) -> TxnCx {
        self.next += 1;
        TxnCx {
            xid: Xid(self.next),
            stream: (self.next % 2) as u8,
            last_undo: UndoPtr::NONE,
            last_memory_undo: UndoPtr::NONE,
            cid: 0,
            isolation: Isolation::ReadCommitted,
            dep_lsn: Lsn(0),
            slot: 0,
            ssi: crate::ssi::SxId::NONE,
        }
    }
    pub(crate) fn snap(&self, t: Option<&TxnCx>) -> Snapshot {
        Snapshot {
            scn: Scn(self.scn),
            xid: t.map_or(Xid::NONE, |t| t.xid),
            cid: t.map_or(0, |t| t.cid),
            ssi: crate::ssi::SxId::NONE,
        }
    }
    pub(crate) fn commit(&mut self, t: &TxnCx) {
        self.scn += 1;
        self.txns.states.lock().insert(t.xid.0, TxnState::Committed(Scn(self.scn)));
    }
    pub(crate) fn abort(&mut self, t: &TxnCx) {
        self.txns.states.lock().insert(t.xid.0, TxnState::Aborted);
        let mut p = t.last_undo;
        while p.is_some() {
            let rec = self.core.undo.read(p, &self.core.pool).expect("in memory");
            undo_row(&self.core, &rec).expect("in memory");
            undo_row(&self.core, &rec).expect("twice is once");
            p = rec.prev_in_txn;
        }
    }
    pub(crate) fn purge_all(&mut self) {
        self.txns.horizon.store(self.scn, Ordering::Relaxed);
        for s in 0..self.core.undo.count() as u8 {
            let mut off = 0;
            while let Some((rec, next)) = self.core.undo.next(s, off, &self.core.pool).expect("in memory") {
                if matches!(self.txns.states.lock().get(&rec.xid.0), Some(TxnState::Committed(_))) {
                    purge_row(&self.core, &rec, Scn(self.scn)).expect("in memory");
                }
                off = next;
            }
            self.core.undo.truncate(s, off).expect("stream exists");
        }
    }
    pub(crate) fn read(&self, snap: Snapshot, rid: Rid) -> Option<Vec<u8>> {
        let mut r = Reader::new(&self.core, snap);
        let mut out = Vec::new();
        r.fetch(REL, rid, &mut out).expect("in memory").then(|| text(&out))
    }
    pub(crate) fn next_scn(&self) -> u64 {
        self.scn
    }
    /// As [`Bench::check_redo`], where scans have stamped rows: the pages of the table itself are only redone.
    pub(crate) fn check_redo_but_hints(&self) {
        self.redo(true);
    }
    /// Every page rebuilt from the log alone equals the page in memory.
    pub(crate) fn check_redo(&self) {
        self.redo(false);
    }
    fn redo(&self, hints: bool) {
        let mut pages: HashMap<PageId, Page> = HashMap::new();
        for round in 0..2 {
            for (rec, end) in self.log.0.lock().iter() {
                let r = Record::parse(rec).expect("well-formed");
                for (i, p) in r.pages.iter().enumerate() {
                    let page = pages.entry(p.pid).or_insert_with(|| Page([0; PAGE_SIZE]));
                    let done = r.redo(i, page, *end).expect("applies");
                    assert_eq!(done == Redone::Skipped, round == 1);
                }
            }
        }
        for (pid, p) in &pages {
            let g = self.core.pool.read(*pid, crate::buf::Access::Point).expect("in memory");
            let stamped = hints && g.is(crate::page::PageKind::Heap);
            assert!(stamped || p.0[..] == g.0[..], "page {pid:?} differs from its redo");
        }
        assert!(!self.core.poison.is_tripped(), "{:?}", self.core.poison.reason());
    }
}

pub(crate) fn table() -> TableLayout {
    TableLayout::simple(&[Decode::I64, Decode::Utf8]).expect("small")
}

pub(crate) fn enc(s: &[u8]) -> Vec<u8> {
    let (t, mut row) = (table(), Vec::new());
    t.current().encode(&[Datum::Bytes(&[7; 8]), Datum::Bytes(s)], &mut row).expect("fits");
    row
}

fn text(row: &[u8]) -> Vec<u8> {
    match table().value(row, 1).expect("whole row") {
        Datum::Bytes(b) => b.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn versions_conflicts_and_rollback() {
    let mut b = Bench::new();
    let l = table();
    let mut t1 = b.begin();
    let rid = insert(&b.core, &mut t1, REL, &enc(b"one"), true).expect("room");
    assert_eq!(b.read(b.snap(None), rid), None);
    assert_eq!(b.read(b.snap(Some(&t1)), rid), None, "same command");
    t1.cid += 1;
    assert_eq!(b.read(b.snap(Some(&t1)), rid).as_deref(), Some(&b"one"[..]));
    b.commit(&t1);
    let s1 = b.snap(None);
    let mut t2 = b.begin();
    let snap2 = b.snap(Some(&t2));
    let up = |b: &Bench, t: &mut TxnCx, s: &Snapshot, v: &[u8]| {
        update(&b.core, t, s, REL, &l, rid, &enc(v), false, true).expect("in memory")
    };
    assert_eq!(up(&b, &mut t2, &snap2, b"two"), TmResult::Ok);
    assert_eq!(up(&b, &mut t2, &snap2, b"2"), TmResult::SelfModified);
    let mut t3 = b.begin();
    assert!(matches!(up(&b, &mut t3, &s1, b"x"), TmResult::BeingModified(w) if w.xid == t2.xid));
    let lock_as = |b: &Bench, t: &mut TxnCx, mode| {
        let mut called = false;
        let got = lock(&b.core, t, &s1, REL, rid, mode, || {
            called = true;
            Ok(())
        });
        let got = got.expect("in memory");
        assert_eq!(called, got == TmResult::Ok);
        got
    };
    use crate::core::RowLockMode::{KeyShare, Share};
    assert_eq!(lock_as(&b, &mut t3, KeyShare), TmResult::Ok);
    assert!(matches!(lock_as(&b, &mut t3, Share), TmResult::BeingModified(_)));
    b.abort(&t2);
    assert_eq!(lock_as(&b, &mut t3, Share), TmResult::Ok);
    assert_eq!(b.read(b.snap(None), rid).as_deref(), Some(&b"one"[..]));
    assert_eq!(up(&b, &mut t3, &s1, b"three is longer"), TmResult::Ok);
    b.commit(&t3);
    let mut t4 = b.begin();
    assert_eq!(up(&b, &mut t4, &s1, b"x"), TmResult::Updated);
    let snap4 = b.snap(Some(&t4));
    assert_eq!(delete(&b.core, &mut t4, &snap4, REL, rid, false, true).expect("in memory"), TmResult::Ok);
    b.commit(&t4);
    let mut t5 = b.begin();
    assert_eq!(up(&b, &mut t5, &s1, b"x"), TmResult::Deleted);
    assert_eq!(b.read(s1, rid).as_deref(), Some(&b"one"[..]));
    assert_eq!(b.read(snap4, rid).as_deref(), Some(&b"three is longer"[..]));
    assert_eq!(b.read(b.snap(None), rid), None);
    b.purge_all();
    let mut out = Vec::new();
    assert!(!peek(&b.core, REL, rid, &mut out).expect("in memory"));
    b.check_redo();
}

#[test]
fn old_versions_are_found_through_skip_pointers() {
    let mut b = Bench::new();
    let l = table();
    let mut t = b.begin();
    let rid = insert(&b.core, &mut t, REL, &enc(b"0"), true).expect("room");
    b.commit(&t);
    let mut snaps = vec![b.snap(None)];
    for i in 1..1200u32 {
        let mut t = b.begin();
        let s = b.snap(Some(&t));
        let v = vec![b'a' + (i % 26) as u8; (i % 90) as usize];
        assert_eq!(update(&b.core, &mut t, &s, REL, &l, rid, &enc(&v), false, true).expect("room"), TmResult::Ok);
        b.commit(&t);
        snaps.push(b.snap(None));
    }
    for (i, s) in snaps.iter().enumerate().skip(1) {
        let v = vec![b'a' + (i % 26) as u8; i % 90];
        assert_eq!(b.read(*s, rid), Some(v), "version {i}");
    }
    assert_eq!(b.read(snaps[0], rid).as_deref(), Some(&b"0"[..]));
    b.check_redo();
}

/// Random work by interleaved transactions against a model, with rows that outgrow their pages.
#[test]
fn random_work_agrees_with_a_model() {
    for seed in 0..6 {
        let mut r = SmallRng::seed_from_u64(seed);
        let mut b = Bench::new();
        let l = table();
        let mut model: HashMap<Rid, Vec<u8>> = HashMap::new();
        let mut saved: Vec<(Snapshot, HashMap<Rid, Vec<u8>>)> = Vec::new();
        for _ in 0..150 {
            let mut t = b.begin();
            let mut mine = model.clone();
            for _ in 0..r.random_range(1..12) {
                let n = if r.random_bool(0.15) { r.random_range(0..5000) } else { r.random_range(0..120) };
                let v = vec![r.random::<u8>(); n];
                let s = b.snap(Some(&t));
                let keys: Vec<Rid> = mine.keys().copied().collect();
                let pick = |r: &mut SmallRng| {
                    let mut k = keys.clone();
                    k.sort();
                    k[r.random_range(0..k.len())]
                };
                match r.random_range(0..10) {
                    0..4 => {
                        let rid = insert(&b.core, &mut t, REL, &enc(&v), true).expect("room");
                        assert!(mine.insert(rid, v).is_none(), "slot in use was given out");
                    }
                    4..9 if !keys.is_empty() => {
                        let rid = pick(&mut r);
                        let got = update(&b.core, &mut t, &s, REL, &l, rid, &enc(&v), false, true).expect("room");
                        assert_eq!(got, TmResult::Ok);
                        mine.insert(rid, v);
                    }
                    _ if !keys.is_empty() => {
                        let rid = pick(&mut r);
                        assert_eq!(delete(&b.core, &mut t, &s, REL, rid, false, true).expect("room"), TmResult::Ok);
                        mine.remove(&rid);
                    }
                    _ => {}
                }
                t.cid += 1;
            }
            if r.random_bool(0.3) {
                b.abort(&t);
            } else {
                b.commit(&t);
                model = mine;
            }
            if r.random_bool(0.1) {
                saved.push((b.snap(None), model.clone()));
            }
            for (s, m) in saved.iter().chain([&(b.snap(None), model.clone())]) {
                for (rid, v) in m {
                    assert_eq!(b.read(*s, *rid).as_ref(), Some(v), "seed {seed} {rid:?} {s:?}");
                }
            }
            if r.random_bool(0.03) {
                saved.clear();
                b.purge_all();
            }
        }
        b.check_redo();
    }
}

#[test]
fn a_steady_load_does_not_grow_the_file() {
    let mut b = Bench::new();
    let mut rids = std::collections::VecDeque::new();
    let mut size = 0;
    for round in 0..60 {
        let mut t = b.begin();
        let s = b.snap(Some(&t));
        for _ in 0..100 {
            rids.push_back(insert(&b.core, &mut t, REL, &enc(&[1; 100]), true).expect("room"));
        }
        while rids.len() > 300 {
            let rid = rids.pop_front().expect("not empty");
            t.cid = 1;
            assert_eq!(delete(&b.core, &mut t, &s, REL, rid, false, true).expect("room"), TmResult::Ok);
        }
        b.commit(&t);
        b.purge_all();
        let n = b.core.space.nblocks(REL.id, &b.core.pool).expect("open");
        if round == 10 {
            size = n;
        }
        assert!(round <= 10 || n <= size + 1, "round {round}: {n} blocks, {size} before");
    }
    b.core.space.forget(REL.id);
    assert!(b.core.space.nblocks(REL.id, &b.core.pool).expect("reopened") >= size, "length follows from the maps");
    b.check_redo();
}

#[test]
fn bulk_insert_fills_pages() {
    let mut b = Bench::new();
    let mut t = b.begin();
    let rows: Vec<Vec<u8>> = (0..1000u32).map(|i| enc(i.to_string().as_bytes())).collect();
    let (mut rids, mut done, mut steps) = (Vec::new(), 0, 0);
    while done < rows.len() {
        done += insert_many(&b.core, &mut t, REL, &rows[done..], true, &mut rids).expect("room");
        steps += 1;
    }
    assert!(steps <= 8, "{steps} steps");
    b.commit(&t);
    let s = b.snap(None);
    for (i, rid) in rids.iter().enumerate() {
        assert_eq!(b.read(s, *rid), Some(i.to_string().into_bytes()));
    }
    b.check_redo();
}

fn scan(b: &Bench, snap: Snapshot, l: &TableLayout, rel: Rel, proj: &[usize]) -> Vec<arrow_array::ArrayRef> {
    let mut r = Reader::new(&b.core, snap);
    let (mut s, mut out) = (Scan::new(), Columns::new(l, proj).expect("columns exist"));
    for block in 0..b.core.space.nblocks(rel.id, &b.core.pool).expect("open") {
        s.page(&mut r, rel, l, block, &mut out).expect("in memory");
    }
    out.finish().expect("columns")
}

#[test]
fn scans_decode_every_kind() {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Decimal128Type, Int16Type, Int64Type};
    let mut b = Bench::new();
    use Decode::*;
    let kinds = [
        Bool,
        I16,
        I32,
        I64,
        U32,
        F32,
        F64,
        Dec64 { scale: 2 },
        Dec128 { scale: 3 },
        Fixed16,
        Interval16,
        Utf8,
        Bin,
        Date32,
        Time64,
        TimestampMicros,
    ];
    let l = TableLayout::simple(&kinds).expect("small");
    let mut t = b.begin();
    let one = [1u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for i in 0..500u32 {
        let vals: Vec<Datum<'_>> = kinds
            .iter()
            .enumerate()
            .map(|(c, k)| match k.kind() {
                _ if i >= 300 && (i as usize).is_multiple_of(c + 2) => Datum::Null,
                ColKind::Fixed(w) => Datum::Bytes(&one[..w as usize]),
                _ => Datum::Bytes(b"a text of more than twelve bytes"),
            })
            .collect();
        let mut row = Vec::new();
        l.current().encode(&vals, &mut row).expect("fits");
        insert(&b.core, &mut t, REL, &row, true).expect("room");
    }
    b.commit(&t);
    let proj: Vec<usize> = (0..kinds.len()).collect();
    for _ in 0..2 {
        // The second time the pages are stamped.
        let cols = scan(&b, b.snap(None), &l, REL, &proj);
        for (c, a) in cols.iter().enumerate() {
            assert_eq!(a.len(), 500);
            for i in 0..500 {
                assert_eq!(a.is_null(i), i >= 300 && i % (c + 2) == 0, "column {c} row {i}");
            }
        }
        assert_eq!(cols[1].as_primitive::<Int16Type>().value(0), 1);
        assert_eq!(cols[3].as_primitive::<Int64Type>().value(499), 1);
        assert_eq!(cols[7].as_primitive::<Decimal128Type>().value_as_string(0), "0.01");
        assert_eq!(cols[11].as_string_view().value(7), "a text of more than twelve bytes");
    }
    let g = b.core.pool.read(PageId::new(REL.id, 1), crate::buf::Access::Point).expect("in memory");
    assert_eq!(g.vis_scn(), b.next_scn());
}

#[test]
fn scans_see_their_snapshot() {
    use arrow_array::Array;
    let mut b = Bench::new();
    let l = table();
    let mut t = b.begin();
    let rids: Vec<Rid> =
        (0..300).map(|_| insert(&b.core, &mut t, REL, &enc(&[b'a'; 30]), true).expect("room")).collect();
    b.commit(&t);
    let before = b.snap(None);
    let mut t = b.begin();
    let s = b.snap(Some(&t));
    for (i, rid) in rids.iter().enumerate() {
        match i % 3 {
            0 => drop(delete(&b.core, &mut t, &s, REL, *rid, false, true).expect("in memory")),
            1 => drop(update(&b.core, &mut t, &s, REL, &l, *rid, &enc(&[b'b'; 900]), false, true).expect("room")),
            _ => {}
        }
    }
    let count = |b: &Bench, s: Snapshot| {
        use arrow_array::cast::AsArray;
        let c = scan(b, s, &l, REL, &[1]);
        let v = c[0].as_string_view();
        (v.len(), v.iter().flatten().filter(|x| x.starts_with('b')).count())
    };
    assert_eq!(count(&b, before), (300, 0));
    b.commit(&t);
    assert_eq!(count(&b, before), (300, 0));
    assert_eq!(count(&b, b.snap(None)), (200, 100));
    let mut p = PageRows::default();
    let mut r = Reader::new(&b.core, before);
    p.load(&mut r, REL, &l, 1).expect("in memory");
    assert!(p.iter().all(|(rid, row)| rid.block == 1 && text(row) == [b'a'; 30]));
    b.check_redo_but_hints();
}

/// Operations with random payloads on random pages: an error or a page that still parses, never a panic.
#[test]
fn malformed_operations_do_not_panic() {
    use crate::mtr::redo::{apply, code, format_payload};
    use crate::page::PageKind;
    let mut r = SmallRng::seed_from_u64(3);
    for kind in [PageKind::Heap, PageKind::Undo, PageKind::Space, PageKind::Overflow] {
        for _ in 0..3000 {
            let mut p = Page([0; PAGE_SIZE]);
            let pid = PageId::new(RelId(5), 1);
            apply(&mut p, code::FORMAT, &format_payload(pid, kind)).expect("known kind");
            for _ in 0..6 {
                let op = match kind {
                    PageKind::Heap => r.random_range(code::HEAP..code::HEAP + 8),
                    PageKind::Undo => code::UNDO,
                    PageKind::Space => r.random_range(code::SPACE..code::SPACE + 3),
                    _ => r.random_range(code::OVERFLOW..code::OVERFLOW + 3),
                };
                let n = r.random_range(0..64);
                let mut payload: Vec<u8> = (0..n).map(|_| r.random_range(0..4)).collect();
                if op == page::INSERT_N {
                    payload = vec![0, 0, 1, 30, 0];
                    payload.extend_from_slice(&[1; 30]);
                }
                let _ = apply(&mut p, op, &payload).is_ok();
                // Damage of any byte the accessors read.
                if r.random_bool(0.2) {
                    p.0[r.random_range(24..80)] = r.random();
                }
            }
        }
    }
}

/// Prints rows per second of a scan into Arrow; run by hand with `--release --ignored --nocapture`.
#[test]
#[ignore = "measures, checks nothing"]
fn scan_speed() {
    let mut b = Bench::new();
    let l = TableLayout::simple(&[Decode::I32, Decode::I64, Decode::F64]).expect("small");
    let mut t = b.begin();
    let mut row = Vec::new();
    l.current().encode(&[Datum::Bytes(&[1; 4]), Datum::Bytes(&[2; 8]), Datum::Bytes(&[0; 8])], &mut row).expect("fits");
    let rows = vec![row; 100];
    let (mut rids, mut n) = (Vec::new(), 0);
    let start = std::time::Instant::now();
    while n < 300_000 {
        n += insert_many(&b.core, &mut t, REL, &rows, true, &mut rids).expect("room");
    }
    println!("insert: {:.2} M rows/s", n as f64 / start.elapsed().as_secs_f64() / 1e6);
    b.commit(&t);
    for round in 0..4 {
        let start = std::time::Instant::now();
        let mut total = 0;
        for _ in 0..10 {
            let mut r = Reader::new(&b.core, b.snap(None));
            let mut s = Scan::new();
            let mut out = Columns::new(&l, &[0, 1, 2]).expect("columns exist");
            for block in 0..b.core.space.nblocks(REL.id, &b.core.pool).expect("open") {
                s.page(&mut r, REL, &l, block, &mut out).expect("in memory");
                if out.rows() > 8192 {
                    total += out.rows();
                    let full = std::mem::replace(&mut out, Columns::new(&l, &[0, 1, 2]).expect("columns exist"));
                    assert_eq!(full.finish().expect("columns").len(), 3);
                }
            }
            total += out.rows();
        }
        println!("scan {round}: {:.1} M rows/s", total as f64 / start.elapsed().as_secs_f64() / 1e6);
    }
}
