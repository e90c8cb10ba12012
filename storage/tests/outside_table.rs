//! A table method of another crate, made known through the public API alone: rows in cells of one size, on pages of its own. Its
//! rows have versions, locks, indexes, checks and a recovery like the store's own.

mod outside;

use outside::commit;
use rustydb_base::{BlockNo, DbError, PageId, RelId, Result, Rid, Scn, SqlState};
use rustydb_storage::am::{
    Cursor, Direction, Edge, IndexDesc, Method, TableAm, TableCaps, TableMethod, may_change, register_table,
};
use rustydb_storage::buf::Access;
use rustydb_storage::core::{Core, RowLockMode};
use rustydb_storage::heap::page::{flag, flags, undo, ver, words};
use rustydb_storage::heap::{Datum, Decode, Rel, RowBuf, TableLayout, TmResult};
use rustydb_storage::io::sim::SimDisk;
use rustydb_storage::page::{BODY, BODY_END, Page, PageKind};
use rustydb_storage::scan::{IndexScan, RowScan, ScanEnv, TableScan, partitions};
use rustydb_storage::space::{ALLOC_LOG_BYTES, Spaces};
use rustydb_storage::store::{Durability, Interrupt, RelationKind, Store, Txn, WaitPolicy};
use rustydb_storage::table::{Changed, Inserted, Key, KeyChange, TableDesc};
use rustydb_storage::txn::{Isolation, Snapshot, TxnCx, VER_XID};
use rustydb_storage::undo::{UndoRec, UndoType};
use rustydb_storage::verify::Findings;
use rustydb_storage::wait::{Op, Wait};
use std::collections::BTreeMap;
use std::sync::{Arc, Once};
use std::time::Duration;

const CELLS: TableMethod = TableMethod::Outside(2);

/// Bytes of a cell: the length of the row in it, 0 if it is free, then the row.
const CELL: usize = 256;
const LEN: usize = 2;
const PER_PAGE: usize = (BODY_END - BODY) / CELL;
/// The one redo operation: bytes at u16.
const PUT: u8 = 1;

fn at(cell: u16) -> usize {
    BODY + usize::from(cell) * CELL
}

/// The row in a cell, if there is one.
fn row(p: &Page, cell: u16) -> Result<Option<&[u8]>> {
    if !p.is(PageKind::Outside) || usize::from(cell) >= PER_PAGE {
        return Ok(None);
    }
    match usize::from(p.u16_at(at(cell))?) {
        0 => Ok(None),
        n => p.bytes(at(cell) + LEN, n).map(Some),
    }
}

/// Payload that puts a row into a cell, or (empty) frees it.
fn put(cell: u16, image: &[u8]) -> Vec<u8> {
    let mut p = (at(cell) as u16).to_le_bytes().to_vec();
    p.extend_from_slice(&(image.len() as u16).to_le_bytes());
    p.extend_from_slice(image);
    p
}

fn check_length(row: &[u8]) -> Result<()> {
    if row.len() > CELL - LEN {
        return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "row does not fit its cell"));
    }
    Ok(())
}

struct Cells;

impl Cells {
    /// A free cell, or none in the pages there are.
    fn free(core: &Core, rel: RelId) -> Op<Option<Rid>> {
        let n = core.space.nblocks(rel, &core.pool)?;
        for block in (1..n).filter(|b| !Spaces::is_map(*b)) {
            let g = core.pool.read(PageId::new(rel, block), Access::Point)?;
            for slot in 0..PER_PAGE as u16 {
                if g.is(PageKind::Outside) && row(&g, slot)?.is_none() {
                    return Ok(Some(Rid { block, slot }));
                }
            }
        }
        Ok(None)
    }

    /// Puts another image into a row's cell, the one before into undo.
    #[allow(clippy::too_many_arguments, reason = "what both kinds of change have")]
    fn change(
        core: &Core,
        txn: &mut TxnCx,
        snap: &Snapshot,
        rel: Rel,
        rid: Rid,
        mode: RowLockMode,
        kind: UndoType,
        last: bool,
        make: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Op<TmResult> {
        let mut mtr = core.mtr(txn.xid);
        let page = mtr.fix(PageId::new(rel.id, rid.block))?;
        let Some(old) = row(mtr.page(page), rid.slot)?.map(<[u8]>::to_vec) else { return Ok(TmResult::Deleted) };
        match may_change(core, txn, snap, rel, rid, &old, mode)? {
            TmResult::Ok => {}
            other => return Ok(other),
        }
        let payload = [&[CELLS.number()], &old[..]].concat();
        let slot = core.undo.prepare(&mut mtr, txn, rel.id, payload.len())?;
        let mut new = make(&old);
        check_length(&new)?;
        new[..16].copy_from_slice(&words(VER_XID | txn.xid.0, slot.ptr()));
        mtr.reserve(new.len() + 32 + slot.log_bytes())?;
        mtr.apply_outside(page, CELLS, PUT, &put(rid.slot, &new));
        let head = CELLS.undo_head(kind, rel, rid, Some(&old), last);
        core.undo.apply(&mut mtr, &slot, txn, &head, &payload);
        mtr.finish();
        Ok(TmResult::Ok)
    }

    /// Puts an image into the cell of a record's row, if the row is as the record left it.
    fn put_if(core: &Core, rec: &UndoRec, image: &[u8], is: impl FnOnce(&[u8]) -> bool) -> Op<()> {
        let mut mtr = core.mtr(rec.xid);
        let page = mtr.fix(PageId::new(rec.rel, rec.rid.block))?;
        if !row(mtr.page(page), rec.rid.slot)?.is_some_and(|r| undo(r) == rec.ptr && is(r)) {
            return Ok(());
        }
        mtr.reserve(image.len() + 32)?;
        mtr.apply_outside(page, CELLS, PUT, &put(rec.rid.slot, image));
        mtr.finish();
        Ok(())
    }
}

impl TableAm for Cells {
    fn name(&self) -> &'static str {
        "cells"
    }

    fn caps(&self) -> TableCaps {
        TableCaps { durable: true, bounded: false, replicated: true }
    }

    fn durability(&self, wanted: Durability) -> Durability {
        wanted
    }

    fn page_kind(&self) -> PageKind {
        PageKind::Outside
    }

    fn insert(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        rel: Rel,
        rows: &[&[u8]],
        last: bool,
        rids: &mut Vec<Rid>,
    ) -> Op<usize> {
        let Some(first) = rows.first() else { return Ok(0) };
        check_length(first)?;
        if txn.ssi.is_some() {
            core.ssi.wrote_relation(txn.ssi, rel.id)?;
        }
        let place = Cells::free(core, rel.id)?;
        let mut mtr = core.mtr(txn.xid);
        let fixed = match place {
            Some(rid) => {
                let page = mtr.fix(PageId::new(rel.id, rid.block))?;
                if row(mtr.page(page), rid.slot)?.is_some() {
                    return Err(Wait::Restart);
                }
                Some((page, rid))
            }
            None => None,
        };
        let payload = [CELLS.number()];
        let slot = core.undo.prepare(&mut mtr, txn, rel.id, payload.len())?;
        let new = if fixed.is_none() { Some(core.space.prepare_alloc(&mut mtr, &core.pool, rel.id)?) } else { None };
        mtr.reserve(ALLOC_LOG_BYTES + first.len() + 32 + slot.log_bytes())?;
        let (page, rid) = match (fixed, &new) {
            (None, Some(new)) => {
                core.space.apply_alloc(&mut mtr, new, PageKind::Outside);
                (new.page, Rid { block: new.block, slot: 0 })
            }
            (Some(f), _) => f,
            (None, None) => return Err(DbError::internal("no place for a row").into()),
        };
        let mut image = first.to_vec();
        image[..16].copy_from_slice(&words(VER_XID | txn.xid.0, slot.ptr()));
        mtr.apply_outside(page, CELLS, PUT, &put(rid.slot, &image));
        let head = CELLS.undo_head(UndoType::Insert, rel, rid, None, last);
        core.undo.apply(&mut mtr, &slot, txn, &head, &payload);
        mtr.finish();
        rids.push(rid);
        Ok(1)
    }

    fn update(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        snap: &Snapshot,
        rel: Rel,
        _: &TableLayout,
        rid: Rid,
        new: &[u8],
        key_changed: bool,
        last: bool,
    ) -> Op<TmResult> {
        let mode = if key_changed { RowLockMode::Update } else { RowLockMode::NoKeyUpdate };
        let changed = if key_changed { flag::KEY_CHANGED } else { 0 };
        Cells::change(core, txn, snap, rel, rid, mode, UndoType::Update, last, |_| {
            let mut image = new.to_vec();
            image[18] = image[18] & !(flag::DELETED | flag::KEY_CHANGED) | changed;
            image
        })
    }

    fn delete(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        snap: &Snapshot,
        rel: Rel,
        rid: Rid,
        moved: bool,
        last: bool,
    ) -> Op<TmResult> {
        let gone = flag::DELETED | flag::KEY_CHANGED | if moved { flag::MOVED } else { 0 };
        Cells::change(core, txn, snap, rel, rid, RowLockMode::Update, UndoType::Delete, last, |old| {
            let mut image = old.to_vec();
            image[18] |= gone;
            image
        })
    }

    fn peek(&self, core: &Core, rel: Rel, rid: Rid, out: &mut RowBuf) -> Op<bool> {
        let g = core.pool.read(PageId::new(rel.id, rid.block), Access::Point)?;
        out.clear();
        let Some(r) = row(&g, rid.slot)? else { return Ok(false) };
        out.extend_from_slice(r);
        Ok(true)
    }

    fn addresses(&self, core: &Core, rel: Rel, block: BlockNo, out: &mut Vec<Rid>) -> Op<()> {
        let g = core.pool.read(PageId::new(rel.id, block), Access::Scan)?;
        for slot in 0..PER_PAGE as u16 {
            if row(&g, slot)?.is_some() {
                out.push(Rid { block, slot });
            }
        }
        Ok(())
    }

    fn previous(&self, rec: &UndoRec, image: &mut RowBuf) -> Result<bool> {
        image.clear();
        image.extend_from_slice(rec.payload.get(1..).unwrap_or(&[]));
        Ok(rec.kind != UndoType::Insert)
    }

    fn redo(&self, page: &mut Page, op: u8, payload: &[u8]) -> Result<()> {
        let bad = || DbError::corrupt("malformed operation on cells");
        let (to, bytes) = payload.split_first_chunk::<2>().ok_or_else(bad)?;
        if op != PUT {
            return Err(bad());
        }
        page.expect_kind(PageKind::Outside)?;
        page.put(usize::from(u16::from_le_bytes(*to)), bytes)
    }

    fn undo(&self, core: &Core, rec: &UndoRec) -> Op<()> {
        let before = if rec.kind == UndoType::Insert { &[] } else { rec.payload.get(1..).unwrap_or(&[]) };
        Cells::put_if(core, rec, before, |r| ver(r) == VER_XID | rec.xid.0)
    }

    fn purge(&self, core: &Core, rec: &UndoRec, _: Scn) -> Op<()> {
        if rec.kind != UndoType::Delete {
            return Ok(());
        }
        Cells::put_if(core, rec, &[], |r| flags(r) & flag::DELETED != 0)
    }
}

// ---- the test --------------------------------------------------------------------------------------------------------

fn run<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    disk: &SimDisk,
    f: impl FnOnce(Arc<Store>) -> F + Send + 'static,
) -> T {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| register_table(CELLS, &Cells).expect("the number is free"));
    outside::run(disk, f)
}

fn key(v: i32) -> [u8; 4] {
    ((v as u32) ^ 0x8000_0000).to_be_bytes()
}

async fn table(store: &Arc<Store>) -> TableDesc {
    let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
    let id = t.create_relation(RelationKind::Table(CELLS), true).await.expect("made");
    let rel = t.create_relation(RelationKind::Index(Method::BTREE), true).await.expect("made");
    commit(&mut t).await;
    TableDesc {
        rel: Rel { id, overflow: RelId(0), method: CELLS },
        layout: Arc::new(TableLayout::simple(&[Decode::I32, Decode::Bin]).expect("small")),
        indexes: vec![IndexDesc { rel, heap: id, complete: true, method: Method::BTREE }],
    }
}

async fn insert(t: &mut Txn, d: &TableDesc, v: i32) -> Inserted {
    let k = key(v);
    let text = format!("row {v}");
    let vals = [Datum::Bytes(&v.to_le_bytes()), Datum::Bytes(text.as_bytes())];
    let done = t.insert(d, &vals, &[Some(Key { bytes: &k, unique: true })]).await.expect("no error");
    t.next_command();
    done
}

async fn update(t: &mut Txn, d: &TableDesc, rid: Rid, from: i32, to: i32) -> TmResult {
    let snap = t.snapshot();
    let mut old = Vec::new();
    assert!(t.fetch(&snap, d.rel, rid, &mut old).await.expect("read"));
    let (a, b, text) = (key(from), key(to), format!("row {to}"));
    let change = KeyChange { index: 0, old: Some(&a), new: Some(Key { bytes: &b, unique: true }) };
    let vals = [Datum::Bytes(&to.to_le_bytes()), Datum::Bytes(text.as_bytes())];
    match t.update(d, &snap, rid, &old, &vals, &[change], true).await.expect("no error") {
        Changed::Heap(r) => {
            t.next_command();
            r
        }
        other => panic!("{other:?}"),
    }
}

async fn delete(t: &mut Txn, d: &TableDesc, rid: Rid, v: i32) {
    let (snap, k, mut old) = (t.snapshot(), key(v), Vec::new());
    assert!(t.fetch(&snap, d.rel, rid, &mut old).await.expect("read"));
    assert_eq!(t.delete(d, &snap, rid, &old, &[Some(&k)]).await.expect("no error"), TmResult::Ok);
    t.next_command();
}

fn value(d: &TableDesc, row: &[u8]) -> i32 {
    let Datum::Bytes(b) = d.layout.value(row, 0).expect("a row") else { panic!("NULL") };
    i32::from_le_bytes(b.try_into().expect("four bytes"))
}

/// What a snapshot shows: by a scan of rows, a scan into columns and a scan of the index alike.
async fn seen(store: &Arc<Store>, d: &TableDesc, snap: Snapshot) -> BTreeMap<Rid, i32> {
    let env = ScanEnv { store: Arc::clone(store), snap, interrupt: Interrupt::new() };
    let (mut rows, mut columns) = (BTreeMap::new(), 0);
    for range in partitions(&env, d.rel, 3).await.expect("known") {
        let mut scan = RowScan::new(env.clone(), d.rel, d.layout.clone(), range.clone());
        while let Some(page) = scan.next().await.expect("read") {
            rows.extend(page.iter().map(|(rid, r)| (rid, value(d, r))));
        }
        let mut scan = TableScan::new(env.clone(), d.rel, d.layout.clone(), vec![1, 0], range);
        while let Some((arrays, n)) = scan.next(10).await.expect("read") {
            assert!(arrays.iter().all(|a| a.len() == n));
            columns += n;
        }
    }
    assert_eq!(columns, rows.len());
    let cursor = Cursor::open(d.indexes[0], Edge::Open, Edge::Open, Direction::Forward, Access::Point, true);
    let mut scan = IndexScan::new(env, d.rel, cursor.expect("known"));
    let (mut by_index, mut row) = (BTreeMap::new(), Vec::new());
    while let Some(rid) = scan.next(&mut row, |k, r| Ok(k == key(value(d, r)))).await.expect("read") {
        by_index.insert(rid, value(d, &row));
    }
    assert_eq!(by_index, rows);
    rows
}

async fn check(store: &Arc<Store>, d: &TableDesc, want: &BTreeMap<Rid, i32>) {
    let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
    let snap = t.snapshot();
    assert_eq!(&seen(store, d, snap).await, want);
    t.abort().await.expect("ends");
    let mut found = Findings::default();
    store.check_heap(d.rel, &d.layout, &mut found).await.expect("looked at");
    assert!(found.is_clean(), "{:?}", found.list());
}

#[test]
fn a_table_method_of_another_crate() {
    let disk = SimDisk::new();
    let (d, want) = run(&disk, |store| async move {
        let d = table(&store).await;
        let mut rows = BTreeMap::new();
        let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
        for v in 0..200 {
            let Inserted::Row(rid) = insert(&mut t, &d, v).await else { panic!("{v} is there") };
            rows.insert(rid, v);
        }
        assert!(matches!(insert(&mut t, &d, 7).await, Inserted::Duplicate(_)));
        commit(&mut t).await;
        check(&store, &d, &rows).await;
        assert!(rows.keys().map(|r| r.block).max() > Some(5), "{PER_PAGE} rows go on a page");
        // An old snapshot sees what it saw through changes, deletions and insertions.
        let mut old = store.begin(Isolation::RepeatableRead).expect("a slot");
        let (then, before) = (old.snapshot(), rows.clone());
        for keep in [false, true] {
            let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
            for (rid, v) in before.clone().into_iter().take(60) {
                assert_eq!(update(&mut t, &d, rid, v, v + 1000).await, TmResult::Ok);
                assert_eq!(update(&mut t, &d, rid, v + 1000, v + 2000).await, TmResult::Ok);
                if keep {
                    rows.insert(rid, v + 2000);
                }
            }
            for (rid, v) in before.clone().into_iter().skip(60).step_by(2) {
                delete(&mut t, &d, rid, v).await;
                if keep {
                    rows.remove(&rid);
                }
            }
            if keep {
                commit(&mut t).await
            } else {
                t.abort().await.expect("rolls back")
            }
            check(&store, &d, &rows).await;
            assert_eq!(seen(&store, &d, then).await, before);
        }
        // One snapshot must not change what others have changed since.
        let (first, _) = before.iter().next().expect("rows");
        let mut image = Vec::new();
        assert!(old.fetch(&then, d.rel, *first, &mut image).await.expect("read"));
        let vals = [Datum::Bytes(&[1; 4]), Datum::Bytes(b"x")];
        let done = old.update(&d, &then, *first, &image, &vals, &[], false).await.expect("no error");
        assert_eq!(done, Changed::Heap(TmResult::Updated));
        old.abort().await.expect("ends");
        // Row locks keep writers out.
        let (rid, v) = rows.iter().next_back().map(|(r, v)| (*r, *v)).expect("rows");
        let mut locker = store.begin(Isolation::ReadCommitted).expect("a slot");
        let snap = locker.snapshot();
        assert_eq!(locker.lock_row(&snap, d.rel, rid, RowLockMode::Share).await.expect("no error"), TmResult::Ok);
        let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
        t.rules.policy = WaitPolicy::NoWait;
        assert!(matches!(update(&mut t, &d, rid, v, v + 1).await, TmResult::BeingModified(_)));
        locker.abort().await.expect("ends");
        assert_eq!(update(&mut t, &d, rid, v, v + 5000).await, TmResult::Ok);
        rows.insert(rid, v + 5000);
        // And rows that are being changed keep lockers out.
        let mut locker = store.begin(Isolation::ReadCommitted).expect("a slot");
        locker.rules.policy = WaitPolicy::NoWait;
        let snap = locker.snapshot();
        let locked = locker.lock_row(&snap, d.rel, rid, RowLockMode::KeyShare).await.expect("no error");
        assert!(matches!(locked, TmResult::BeingModified(_)));
        locker.abort().await.expect("ends");
        commit(&mut t).await;
        // What is purged gives its cells back: the table does not grow.
        let blocks = rows.keys().map(|r| r.block).max();
        for round in 0..20 {
            while store.purge_round().await.expect("purges") || store.core().undo.bytes() > 0 {
                store.runtime().sleep(Duration::from_millis(1)).await;
            }
            let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
            for n in 0..20 {
                let v = 10_000 + round * 20 + n;
                let Inserted::Row(rid) = insert(&mut t, &d, v).await else { panic!("{v} is there") };
                assert!(Some(rid.block) <= blocks, "cells are not used again");
                rows.insert(rid, v);
            }
            commit(&mut t).await;
            let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
            let fresh: Vec<(Rid, i32)> = rows.iter().filter(|(_, v)| **v >= 10_000).map(|(r, v)| (*r, *v)).collect();
            for (rid, v) in fresh {
                delete(&mut t, &d, rid, v).await;
                rows.remove(&rid);
            }
            commit(&mut t).await;
        }
        check(&store, &d, &rows).await;
        // What is under way when the power goes.
        let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
        for (rid, v) in rows.clone().into_iter().take(30) {
            assert_eq!(update(&mut t, &d, rid, v, v + 20_000).await, TmResult::Ok);
        }
        let (last, v) = rows.iter().next_back().map(|(r, v)| (*r, *v)).expect("rows");
        delete(&mut t, &d, last, v).await;
        assert!(matches!(insert(&mut t, &d, 30_000).await, Inserted::Row(_)));
        let mut other = store.begin(Isolation::ReadCommitted).expect("a slot");
        let Inserted::Row(rid) = insert(&mut other, &d, 30_001).await else { panic!("it is there") };
        rows.insert(rid, 30_001);
        commit(&mut other).await;
        store.checkpoint().await.expect("written");
        std::mem::forget(t);
        (d, rows)
    });
    let disk = disk.crash(7);
    run(&disk, move |store| async move {
        check(&store, &d, &want).await;
        while store.losers() > 0 || store.purge_round().await.expect("purges") || store.core().undo.bytes() > 0 {
            store.runtime().sleep(Duration::from_millis(1)).await;
        }
        check(&store, &d, &want).await;
        let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
        assert!(matches!(insert(&mut t, &d, 30_000).await, Inserted::Row(_)), "the loser's row is in the way");
        t.abort().await.expect("rolls back");
        store.shutdown().await.expect("stops");
    });
}

#[test]
fn numbers_are_given_once() {
    run(&SimDisk::new(), |store| async move { store.shutdown().await.expect("stops") });
    assert!(register_table(CELLS, &Cells).is_err(), "registered a second time");
    assert!(register_table(TableMethod::Row, &Cells).is_err(), "the store's own");
    assert!(register_table(TableMethod::Outside(200), &Cells).is_err(), "beyond the last");
    assert!(TableMethod::Outside(9).am().is_err(), "nobody's");
    assert_eq!(TableMethod::Memory.am().expect("built in").name(), "memory");
    assert!(Method(CELLS.number()).am().is_err(), "indexes have numbers of their own");
}
