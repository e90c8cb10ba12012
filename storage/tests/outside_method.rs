//! An index method of another crate, made known through the public API alone: a list of entries, looked through from one end
//! to the other. Its index is maintained by every writer, rolled back, purged, recovered and checked like the store's own.

mod outside;

use outside::commit;
use rustydb_base::{BlockNo, DbError, PageId, RelId, Result, Rid, Scn, SqlState, Xid};
use rustydb_storage::am::{
    self, Batch, Cursor, Direction, Edge, IndexAm, IndexBuilder, IndexCaps, IndexCheck, IndexDesc, IndexReport,
    IndexScan, IndexUndo, InsertResult, Method, Unique,
};
use rustydb_storage::buf::Access;
use rustydb_storage::build::{IndexBuild, SortLimits};
use rustydb_storage::core::Core;
use rustydb_storage::heap::{Datum, Decode, Rel, TableLayout, TmResult};
use rustydb_storage::io::sim::SimDisk;
use rustydb_storage::mtr::redo::code;
use rustydb_storage::page::{BODY, BODY_END, Page, PageKind};
use rustydb_storage::scan::{IndexScan as Fetching, ScanEnv};
use rustydb_storage::space::ALLOC_LOG_BYTES;
use rustydb_storage::ssi::SxId;
use rustydb_storage::store::{Interrupt, RelationKind, Store, Txn};
use rustydb_storage::table::{Changed, Inserted, Key, KeyChange, TableDesc};
use rustydb_storage::txn::{Isolation, TxnCx};
use rustydb_storage::undo::UndoFlags;
use rustydb_storage::verify::Findings;
use rustydb_storage::wait::Op;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::{Arc, Once};
use std::time::Duration;

const LIST: Method = Method::outside(3);
const FIRST: BlockNo = 1;

/// An entry: bytes behind the head u16, state u8, RID, marker u64, key.
const HEAD: usize = 17;
mod state {
    pub const LIVE: u8 = 1;
    pub const GONE: u8 = 2;
}
mod op {
    /// Appends an entry.
    pub const APPEND: u8 = 1;
    /// Overwrites state and marker of the entry at u16.
    pub const STATE: u8 = 2;
    /// Sets the next page.
    pub const LINK: u8 = 3;
}

/// A place on a page, and what is there.
struct Entry {
    block: BlockNo,
    at: usize,
    state: u8,
    rid: Rid,
    by: Xid,
    key: Vec<u8>,
}

fn bad(what: &str) -> DbError {
    DbError::new(SqlState::INDEX_CORRUPTED, format!("list index: {what}"))
}

fn entries_of(p: &Page, out: &mut Vec<Entry>) -> Result<()> {
    p.expect_kind(PageKind::Outside)?;
    let (mut at, end) = (BODY, usize::from(p.free_lo()));
    while at < end {
        let len = usize::from(p.u16_at(at)?);
        let state = p.bytes(at + 2, 1)?[0];
        let rid = Rid::from_bytes(p.bytes(at + 3, 6)?).ok_or_else(|| bad("no address"))?;
        let by = Xid(p.u64_at(at + 9)?);
        let key = p.bytes(at + HEAD, len)?.to_vec();
        out.push(Entry { block: p.id().block, at, state, rid, by, key });
        at += HEAD + len;
    }
    Ok(())
}

/// All entries and the last page.
fn all(core: &Core, rel: RelId) -> Op<(Vec<Entry>, BlockNo)> {
    let (mut out, mut block) = (Vec::new(), FIRST);
    loop {
        let g = core.pool.read(PageId::new(rel, block), Access::Point)?;
        entries_of(&g, &mut out)?;
        match g.next() {
            0 => return Ok((out, block)),
            next => block = next,
        }
    }
}

fn find(core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<Entry>> {
    let (entries, _) = all(core, rel)?;
    Ok(entries.into_iter().find(|e| e.state == state::LIVE && e.rid == rid && e.key == key))
}

fn state_payload(e: &Entry, state: u8, by: Xid) -> Vec<u8> {
    let mut p = (e.at as u16).to_le_bytes().to_vec();
    p.push(state);
    p.extend_from_slice(&by.0.to_le_bytes());
    p
}

/// Changes an entry without undo.
fn set(core: &Core, xid: Xid, rel: RelId, e: &Entry, state: u8, by: Xid) -> Op<()> {
    let mut mtr = core.mtr(xid);
    let page = mtr.fix(PageId::new(rel, e.block))?;
    mtr.reserve(32)?;
    mtr.apply_outside(page, LIST, op::STATE, &state_payload(e, state, by));
    mtr.finish();
    Ok(())
}

struct List;

impl List {
    /// Appends an entry, with undo if it is a transaction's.
    fn append(
        &self,
        core: &Core,
        xid: Xid,
        idx: &IndexDesc,
        key: &[u8],
        rid: Rid,
        mut undo: Option<(&mut TxnCx, UndoFlags)>,
    ) -> Op<()> {
        let (_, last) = all(core, idx.rel)?;
        let mut mtr = core.mtr(xid);
        let mut page = mtr.fix(PageId::new(idx.rel, last))?;
        let full = usize::from(mtr.page(page).free_lo()) + HEAD + key.len() > BODY_END;
        let slot = match &undo {
            Some((txn, _)) => {
                let what = IndexUndo::Insert { replaced: None };
                Some(core.undo.prepare(&mut mtr, txn, idx.rel, what.payload_len(key))?)
            }
            None => None,
        };
        let new = if full { Some(core.space.prepare_alloc(&mut mtr, &core.pool, idx.rel)?) } else { None };
        let log = slot.as_ref().map_or(0, |s| s.log_bytes());
        mtr.reserve(ALLOC_LOG_BYTES + HEAD + key.len() + 64 + log)?;
        if let Some(new) = &new {
            core.space.apply_alloc(&mut mtr, new, PageKind::Outside);
            mtr.apply_outside(page, LIST, op::LINK, &new.block.to_le_bytes());
            page = new.page;
        }
        let mut p = (key.len() as u16).to_le_bytes().to_vec();
        p.push(state::LIVE);
        p.extend_from_slice(&rid.to_bytes());
        p.extend_from_slice(&0u64.to_le_bytes());
        p.extend_from_slice(key);
        mtr.apply_outside(page, LIST, op::APPEND, &p);
        if let (Some(slot), Some((txn, flags))) = (&slot, &mut undo) {
            IndexUndo::Insert { replaced: None }.write(core, &mut mtr, slot, txn, idx, rid, key, *flags);
        }
        mtr.finish();
        Ok(())
    }

    /// Sets an entry's marker with undo.
    fn change(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        e: &Entry,
        what: IndexUndo,
        flags: UndoFlags,
    ) -> Op<()> {
        let mut mtr = core.mtr(txn.xid);
        let page = mtr.fix(PageId::new(idx.rel, e.block))?;
        let slot = core.undo.prepare(&mut mtr, txn, idx.rel, what.payload_len(&e.key))?;
        mtr.reserve(32 + slot.log_bytes())?;
        let by = if what == IndexUndo::Mark { txn.xid } else { Xid::NONE };
        mtr.apply_outside(page, LIST, op::STATE, &state_payload(e, state::LIVE, by));
        what.write(core, &mut mtr, &slot, txn, idx, e.rid, &e.key, flags);
        mtr.finish();
        Ok(())
    }
}

impl IndexAm for List {
    fn name(&self) -> &'static str {
        "list"
    }

    fn caps(&self) -> IndexCaps {
        IndexCaps { ordered: false, unique: false, multicolumn: false, several: false, longest_key: Some(1000) }
    }

    fn page_kind(&self) -> PageKind {
        PageKind::Outside
    }

    fn create(&self, core: &Core, rel: RelId, xid: Xid) -> Op<()> {
        core.space.create(core, rel, xid)?;
        let mut mtr = core.mtr(xid);
        let new = core.space.prepare_alloc(&mut mtr, &core.pool, rel)?;
        mtr.reserve(ALLOC_LOG_BYTES)?;
        core.space.apply_alloc(&mut mtr, &new, PageKind::Outside);
        mtr.finish();
        Ok(())
    }

    fn insert(
        &self,
        core: &Core,
        txn: &mut TxnCx,
        idx: &IndexDesc,
        key: &[u8],
        rid: Rid,
        _: Unique<'_>,
        flags: UndoFlags,
    ) -> Op<InsertResult> {
        match find(core, idx.rel, key, rid)? {
            Some(e) if e.by.is_some() => {
                self.change(core, txn, idx, &e, IndexUndo::Insert { replaced: Some(e.by) }, flags)?;
            }
            Some(_) => {}
            None => self.append(core, txn.xid, idx, key, rid, Some((txn, flags)))?,
        }
        Ok(InsertResult::Done)
    }

    fn enter(&self, core: &Core, xid: Xid, idx: &IndexDesc, key: &[u8], rid: Rid) -> Op<()> {
        match find(core, idx.rel, key, rid)? {
            Some(_) => Ok(()),
            None => self.append(core, xid, idx, key, rid, None),
        }
    }

    fn mark(&self, core: &Core, txn: &mut TxnCx, idx: &IndexDesc, key: &[u8], rid: Rid, flags: UndoFlags) -> Op<()> {
        match find(core, idx.rel, key, rid)? {
            Some(e) if e.by == txn.xid => Ok(()),
            Some(e) => self.change(core, txn, idx, &e, IndexUndo::Mark, flags),
            None => Err(bad("an entry is missing").into()),
        }
    }

    fn lookup(&self, core: &Core, _: SxId, idx: &IndexDesc, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
        let (entries, _) = all(core, idx.rel)?;
        out.clear();
        out.extend(entries.iter().filter(|e| e.state == state::LIVE && e.key == key).map(|e| e.rid));
        Ok(())
    }

    fn scan(&self, idx: IndexDesc, low: Edge, high: Edge, _: Direction, _: Access, _: bool) -> Cursor {
        Cursor::new(Box::new(Scan { idx, low, high, done: false }))
    }

    fn build(&self, idx: IndexDesc, xid: Xid) -> Box<dyn IndexBuilder> {
        Box::new(Builder { idx, xid })
    }

    fn undo_insert(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid, replaced: Option<Xid>) -> Op<()> {
        match find(core, rel, key, rid)? {
            Some(e) if !e.by.is_some() => match replaced {
                Some(by) => set(core, xid, rel, &e, state::LIVE, by),
                None => set(core, xid, rel, &e, state::GONE, Xid::NONE),
            },
            _ => Ok(()),
        }
    }

    fn undo_mark(&self, core: &Core, xid: Xid, rel: RelId, key: &[u8], rid: Rid) -> Op<()> {
        match find(core, rel, key, rid)? {
            Some(e) if e.by == xid => set(core, xid, rel, &e, state::LIVE, Xid::NONE),
            _ => Ok(()),
        }
    }

    fn purge(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid, xid: Xid, _: Scn) -> Op<()> {
        match find(core, rel, key, rid)? {
            Some(e) if e.by == xid => set(core, Xid::NONE, rel, &e, state::GONE, xid),
            _ => Ok(()),
        }
    }

    fn exists(&self, core: &Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<bool>> {
        Ok(find(core, rel, key, rid)?.map(|e| e.by.is_some()))
    }

    fn redo(&self, page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
        page.expect_kind(PageKind::Outside)?;
        match code {
            op::APPEND => {
                let at = usize::from(page.free_lo());
                page.put(at, payload)?;
                page.set_free_lo((at + payload.len()) as u16);
                Ok(())
            }
            op::STATE => {
                let (at, rest) = payload.split_at_checked(2).ok_or_else(|| bad("short operation"))?;
                let at = usize::from(u16::from_le_bytes([at[0], at[1]]));
                page.put(at + 2, &rest[..1])?;
                page.put(at + 9, &rest[1..])
            }
            op::LINK => {
                page.set_next(u32::from_le_bytes(payload.try_into().map_err(|_| bad("short operation"))?));
                Ok(())
            }
            _ => Err(bad("unknown operation")),
        }
    }

    fn check(&self, idx: IndexDesc) -> Box<dyn IndexCheck> {
        Box::new(Check(idx.rel))
    }
}

struct Scan {
    idx: IndexDesc,
    low: Edge,
    high: Edge,
    done: bool,
}

impl IndexScan for Scan {
    fn next_batch(&mut self, core: &Core, _: SxId, out: &mut Batch) -> Op<bool> {
        if self.done {
            return Ok(false);
        }
        let (entries, _) = all(core, self.idx.rel)?;
        let inside = |k: &[u8]| match (&self.low, &self.high) {
            (Edge::Open, Edge::Open) => true,
            (Edge::Inclusive(a), Edge::Inclusive(b)) => a == b && k == a.as_slice(),
            _ => false,
        };
        for e in entries.iter().filter(|e| e.state == state::LIVE && inside(&e.key)) {
            out.push(&e.key, e.rid, e.by.is_some().then_some(e.by))?;
        }
        self.done = true;
        Ok(true)
    }

    fn rewind(&mut self, low: Edge, high: Edge) {
        (self.low, self.high, self.done) = (low, high, false);
    }
}

struct Builder {
    idx: IndexDesc,
    xid: Xid,
}

impl IndexBuilder for Builder {
    fn push(&mut self, core: &Core, key: &[u8], rid: Rid) -> Op<()> {
        List.enter(core, self.xid, &self.idx, key, rid)
    }

    fn finish(&mut self, _: &Core) -> Op<()> {
        Ok(())
    }
}

struct Check(RelId);

impl IndexCheck for Check {
    fn run(&mut self, core: &Core) -> Op<IndexReport> {
        let (entries, _) = all(core, self.0)?;
        let mut pages: Vec<BlockNo> = entries.iter().map(|e| e.block).chain([FIRST]).collect();
        pages.sort_unstable();
        pages.dedup();
        let live = entries.iter().filter(|e| e.state == state::LIVE);
        let marked = live.clone().filter(|e| e.by.is_some()).count() as u64;
        Ok(IndexReport { pages: pages.len() as u64, entries: live.count() as u64, marked })
    }

    fn block(&self) -> BlockNo {
        FIRST
    }
}

// ---- the test --------------------------------------------------------------------------------------------------------

fn run<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    disk: &SimDisk,
    f: impl FnOnce(Arc<Store>) -> F + Send + 'static,
) -> T {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| am::register(LIST, &List).expect("the number is free"));
    outside::run(disk, f)
}

fn key(v: i32) -> Vec<u8> {
    [&b"value "[..], &v.to_be_bytes()].concat()
}

async fn insert(t: &mut Txn, d: &TableDesc, v: i32) -> Rid {
    let k = key(v);
    match t.insert(d, &[Datum::Bytes(&v.to_le_bytes())], &[Some(Key { bytes: &k, unique: false })]).await {
        Ok(Inserted::Row(rid)) => rid,
        other => panic!("{other:?}"),
    }
}

async fn update(t: &mut Txn, d: &TableDesc, rid: Rid, from: i32, to: i32) {
    let snap = t.snapshot();
    let mut old = Vec::new();
    assert!(t.fetch(&snap, d.rel, rid, &mut old).await.expect("read"));
    let (a, b) = (key(from), key(to));
    let change = KeyChange { index: 0, old: Some(&a), new: Some(Key { bytes: &b, unique: false }) };
    let done = t.update(d, &snap, rid, &old, &[Datum::Bytes(&to.to_le_bytes())], &[change], false).await;
    assert_eq!(done.expect("no conflict"), Changed::Heap(TmResult::Ok));
    t.next_command();
}

/// Which rows have a value, by the index.
async fn having(store: &Arc<Store>, d: &TableDesc, v: i32) -> Vec<Rid> {
    let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
    let snap = t.snapshot();
    let edge = || Edge::Inclusive(key(v));
    let cursor = Cursor::open(d.indexes[0], edge(), edge(), Direction::Forward, Access::Point, true).expect("known");
    let env = ScanEnv { store: Arc::clone(store), snap, interrupt: Interrupt::new() };
    let mut scan = Fetching::new(env, d.rel, cursor);
    let (mut out, mut row) = (Vec::new(), Vec::new());
    let layout = Arc::clone(&d.layout);
    let check = |_: &[u8], row: &[u8]| Ok(layout.value(row, 0)? == Datum::Bytes(&v.to_le_bytes()));
    while let Some(rid) = scan.next(&mut row, check).await.expect("read") {
        out.push(rid);
    }
    t.abort().await.expect("ends");
    out.sort_unstable();
    out
}

async fn check(store: &Arc<Store>, d: &TableDesc, want: &BTreeMap<Rid, i32>) {
    for v in -1..60 {
        let rows: Vec<Rid> = want.iter().filter(|(_, x)| **x == v).map(|(r, _)| *r).collect();
        assert_eq!(having(store, d, v).await, rows, "value {v}");
    }
}

#[test]
fn a_method_of_another_crate() {
    let disk = SimDisk::new();
    let (d, want) = run(&disk, |store| async move {
        let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
        let heap = t.create_relation(RelationKind::Heap, true).await.expect("made");
        let rel = t.create_relation(RelationKind::Index(LIST), true).await.expect("made");
        let d = TableDesc {
            rel: Rel::new(heap, RelId(0)),
            layout: Arc::new(TableLayout::simple(&[Decode::I32]).expect("small")),
            indexes: vec![IndexDesc { rel, heap, complete: true, method: LIST }],
        };
        let mut rows = BTreeMap::new();
        for i in 0..600 {
            rows.insert(insert(&mut t, &d, i % 50).await, i % 50);
        }
        commit(&mut t).await;
        check(&store, &d, &rows).await;
        // Changed and rolled back; changed for good; half of them deleted.
        for keep in [false, true] {
            let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
            for (rid, v) in rows.clone().into_iter().take(60) {
                update(&mut t, &d, rid, v, v + 3).await;
                if keep {
                    rows.insert(rid, v + 3);
                }
            }
            if keep {
                commit(&mut t).await
            } else {
                t.abort().await.expect("rolls back")
            }
            check(&store, &d, &rows).await;
        }
        let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
        for (rid, v) in rows.clone().into_iter().step_by(2) {
            let (snap, k) = (t.snapshot(), key(v));
            let mut old = Vec::new();
            assert!(t.fetch(&snap, d.rel, rid, &mut old).await.expect("read"));
            assert_eq!(t.delete(&d, &snap, rid, &old, &[Some(&k)]).await.expect("no conflict"), TmResult::Ok);
            rows.remove(&rid);
        }
        commit(&mut t).await;
        // A second one, built from the rows.
        let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
        let second = t.create_relation(RelationKind::Index(LIST), true).await.expect("made");
        let idx = IndexDesc { rel: second, ..d.indexes[0] };
        let mut build = IndexBuild::new(idx, false, SortLimits::default());
        for (rid, v) in &rows {
            assert!(!build.add(&key(*v), *rid, false), "memory for a few rows");
        }
        build.finish(&mut t).await.expect("built");
        commit(&mut t).await;
        check(&store, &TableDesc { indexes: vec![idx], ..d.clone() }, &rows).await;
        // What is under way when the power goes.
        let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
        for (rid, v) in rows.clone().into_iter().take(40) {
            update(&mut t, &d, rid, v, v + 5).await;
        }
        let mut other = store.begin(Isolation::ReadCommitted).expect("a slot");
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
        let mut found = Findings::default();
        let entries = store.check_index(&d.indexes[0], &mut found).await.expect("looked at");
        assert!(found.is_clean(), "{:?}", found.list());
        assert_eq!(entries, Some(want.len() as u64));
        store.shutdown().await.expect("stops");
    });
}

#[test]
fn numbers_are_given_once() {
    run(&SimDisk::new(), |store| async move { store.shutdown().await.expect("stops") });
    assert!(am::register(LIST, &List).is_err(), "registered a second time");
    assert!(am::register(Method::HASH, &List).is_err(), "the store's own");
    assert!(Method::outside(30).am().is_err(), "nobody's");
    assert_eq!(Method::HASH.am().expect("built in").name(), "hash");
    let _range: u8 = code::OUTSIDE;
}
