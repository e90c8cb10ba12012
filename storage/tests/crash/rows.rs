//! The test table: `k int primary key, v int (indexed by a B+tree, a hash index, a search tree and ranges of blocks, nullable), payload bytes`, and reading all of it by every path.

use super::model::{Row, Table};
use rustydb_base::{RelId, Result, Rid};
use rustydb_storage::am::{Cursor, Direction, Edge, Gathered, IndexDesc, Method, Search};
use rustydb_storage::brin;
use rustydb_storage::buf::Access;
use rustydb_storage::gist::{Asked, Question};
use rustydb_storage::heap::{Datum, Decode, Rel, TableLayout};
use rustydb_storage::scan::{IndexScan, RowScan, ScanEnv, all_versions, gather};
use rustydb_storage::store::{Interrupt, RelationKind, Store, Txn};
use rustydb_storage::table::TableDesc;
use rustydb_storage::txn::Snapshot;
use std::sync::Arc;

/// Blocks of a range of the index of ranges, and which index that is.
pub const PER_RANGE: u32 = 2;
pub const BLOCKS: usize = 4;
/// Values of `v` are smaller.
pub const VALUES: i32 = 40;
/// Long enough for a few hundred keys to need several leaves, so that leaves split and merge.
pub const KEY: usize = 200;
/// An index key.
pub type KeyBytes = [u8; KEY];

/// The key of a number, in its order; the bytes behind the number are no common prefix.
pub fn key(k: i32) -> KeyBytes {
    let mut out = [k as u8; KEY];
    out[..4].copy_from_slice(&((k as u32) ^ 0x8000_0000).to_be_bytes());
    out
}

/// The payload's bytes: noise, so that big ones do not shrink.
pub fn payload((len, fill): (usize, u8)) -> Vec<u8> {
    let mut x = u64::from(fill) + 1;
    (0..len)
        .map(|i| {
            if i == 0 {
                return fill;
            }
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x as u8
        })
        .collect()
}

pub struct Encoded {
    pub k: [u8; 4],
    pub v: Option<[u8; 4]>,
    pub payload: Vec<u8>,
}

impl Encoded {
    pub fn new(k: i32, row: &Row) -> Encoded {
        Encoded { k: k.to_le_bytes(), v: row.0.map(i32::to_le_bytes), payload: payload(row.1) }
    }
    pub fn values(&self) -> [Datum<'_>; 3] {
        let v = self.v.as_ref().map_or(Datum::Null, |v| Datum::Bytes(v));
        [Datum::Bytes(&self.k), v, Datum::Bytes(&self.payload)]
    }
}

pub async fn create(t: &mut Txn) -> Result<TableDesc> {
    // Once for the process, whichever run is first.
    let _ = rustydb_storage::gist::register(&rustydb_storage::gist::Intervals);
    let heap = t.create_relation(RelationKind::Heap, true).await?;
    let overflow = t.create_relation(RelationKind::Overflow, true).await?;
    let primary = t.create_relation(RelationKind::Index(Method::BTREE), true).await?;
    let second = t.create_relation(RelationKind::Index(Method::BTREE), true).await?;
    let third = t.create_relation(RelationKind::Index(Method::HASH), true).await?;
    let fourth = t.create_relation(RelationKind::Index(Method::GIST), true).await?;
    let fifth = t.create_relation(RelationKind::Index(Method::BRIN), true).await?;
    t.drive(|core, cx| brin::set_up(core, cx.xid, fifth, PER_RANGE)).await?;
    Ok(TableDesc {
        rel: Rel::new(heap, overflow),
        layout: Arc::new(TableLayout::simple(&[Decode::I32, Decode::I32, Decode::Bin])?),
        indexes: vec![
            IndexDesc { rel: primary, heap, complete: true, method: Method::BTREE },
            IndexDesc { rel: second, heap, complete: true, method: Method::BTREE },
            IndexDesc { rel: third, heap, complete: true, method: Method::HASH },
            IndexDesc { rel: fourth, heap, complete: true, method: Method::GIST },
            IndexDesc { rel: fifth, heap, complete: true, method: Method::BRIN },
        ],
    })
}

pub fn relations(d: &TableDesc) -> [RelId; 7] {
    let index = |n: usize| d.indexes[n].rel;
    [d.rel.id, d.rel.overflow, index(0), index(1), index(2), index(3), index(4)]
}

fn int(d: Datum<'_>) -> Option<i32> {
    match d {
        Datum::Bytes(b) => Some(i32::from_le_bytes(b.try_into().expect("4 bytes"))),
        _ => None,
    }
}

/// Key and content of a row image.
pub async fn decode(store: &Arc<Store>, d: &TableDesc, row: &[u8]) -> Result<(i32, Row)> {
    let k = int(d.layout.value(row, 0)?).expect("a key");
    let v = int(d.layout.value(row, 1)?);
    let bytes = match d.layout.value(row, 2)? {
        Datum::Bytes(b) => b.to_vec(),
        Datum::Overflow(p) => {
            let mut r = rustydb_storage::overflow::OvfReader::new(p)?;
            store.read(|core| r.read(core, d.rel.overflow)).await?
        }
        Datum::Null => panic!("payload is NULL"),
    };
    let p = (bytes.len(), bytes.first().copied().unwrap_or(0));
    assert!(bytes == payload(p), "payload of key {k} is torn");
    Ok((k, (v, p)))
}

fn env(store: &Arc<Store>, snap: &Snapshot) -> ScanEnv {
    ScanEnv { store: store.clone(), snap: *snap, interrupt: Interrupt::new() }
}

/// All rows by a sequential scan.
pub async fn by_heap(store: &Arc<Store>, d: &TableDesc, snap: &Snapshot) -> Result<Table> {
    let blocks = store.read(|core| core.space.nblocks(d.rel.id, &core.pool)).await?;
    let mut scan = RowScan::new(env(store, snap), d.rel, d.layout.clone(), 0..blocks);
    let mut images: Vec<Vec<u8>> = Vec::new();
    while let Some(page) = scan.next().await? {
        images.extend(page.iter().map(|(_, r)| r.to_vec()));
    }
    let mut out = Table::new();
    for image in images {
        let (k, row) = decode(store, d, &image).await?;
        assert!(out.insert(k, row).is_none(), "key {k} is there twice");
    }
    Ok(out)
}

/// All rows by a scan of one of the indexes.
pub async fn by_index(store: &Arc<Store>, d: &TableDesc, snap: &Snapshot, which: usize) -> Result<Table> {
    let dir = if snap.scn.0.is_multiple_of(2) { Direction::Forward } else { Direction::Backward };
    let cursor = Cursor::open(d.indexes[which], Edge::Open, Edge::Open, dir, Access::Scan, true)?;
    let mut scan = IndexScan::new(env(store, snap), d.rel, cursor);
    let (mut out, mut image) = (Table::new(), Vec::new());
    let layout = d.layout.clone();
    loop {
        let hit: Option<Rid> = scan
            .next(&mut image, |entry, row| Ok(int(layout.value(row, which)?).is_some_and(|v| key(v) == entry)))
            .await?;
        if hit.is_none() {
            return Ok(out);
        }
        let (k, row) = decode(store, d, &image).await?;
        assert!(out.insert(k, row).is_none(), "key {k} is there twice by index {which}");
    }
}

/// The rows that an index without order has for each of the values that there should or could be.
pub async fn by_value(store: &Arc<Store>, d: &TableDesc, snap: &Snapshot, which: usize) -> Result<Table> {
    let (mut out, mut image) = (Table::new(), Vec::new());
    for v in 0..VALUES {
        let edge = || Edge::Inclusive(key(v).to_vec());
        let cursor = Cursor::open(d.indexes[which], edge(), edge(), Direction::Forward, Access::Scan, true)?;
        let mut scan = IndexScan::new(env(store, snap), d.rel, cursor);
        let layout = d.layout.clone();
        while scan.next(&mut image, |_, row| Ok(int(layout.value(row, 1)?) == Some(v))).await?.is_some() {
            let (k, row) = decode(store, d, &image).await?;
            assert!(out.insert(k, row).is_none(), "key {k} is there twice by index {which}");
        }
    }
    Ok(out)
}

/// Whether a bound may have a key.
struct Has(KeyBytes);

impl Question for Has {
    fn may(&self, bound: &[u8], _: bool) -> bool {
        let (len, rest) = bound.split_at(2);
        let (low, high) = rest.split_at(usize::from(u16::from_le_bytes([len[0], len[1]])));
        low <= &self.0[..] && &self.0[..] <= high
    }
}

/// The rows with each of the values in the blocks that summaries do not rule out.
pub async fn by_blocks(store: &Arc<Store>, d: &TableDesc, snap: &Snapshot) -> Result<Table> {
    let mut out = Table::new();
    for v in 0..VALUES {
        let asked = Search::Ask(Asked(Arc::new(Has(key(v)))));
        let found = gather(&env(store, snap), d.indexes[BLOCKS], &asked, false).await?;
        let Gathered::Blocks(blocks) = found else { panic!("{found:?} of a block range index") };
        let mut scan = RowScan::of_pieces(env(store, snap), d.rel, d.layout.clone(), blocks);
        let mut images: Vec<Vec<u8>> = Vec::new();
        while let Some(page) = scan.next().await? {
            images.extend(page.iter().map(|(_, r)| r.to_vec()));
        }
        for image in images {
            if int(d.layout.value(&image, 1)?) == Some(v) {
                let (k, row) = decode(store, d, &image).await?;
                assert!(out.insert(k, row).is_none(), "key {k} is there twice by blocks");
            }
        }
    }
    Ok(out)
}

/// Makes the summary of one of a table's ranges, if it has none. Answers whether it did.
pub async fn summarise(t: &mut Txn, d: &TableDesc, snap: &Snapshot, range: u32) -> Result<bool> {
    let (store, idx) = (t.store().clone(), d.indexes[BLOCKS].rel);
    if !t.drive(|core, cx| brin::begin(core, cx.xid, idx, range)).await? {
        return Ok(false);
    }
    let (mut sum, end) = (brin::Sum::default(), t.blocks(d.rel).await?);
    let blocks = brin::blocks_of(range, PER_RANGE);
    for block in blocks.start..blocks.end.min(end) {
        for image in all_versions(&env(&store, snap), d.rel, block).await? {
            if let Some(v) = int(d.layout.value(&image, 1)?) {
                sum.add(&key(v))?;
            }
        }
    }
    t.drive(|core, cx| brin::complete(core, cx.xid, idx, range, &sum, snap.scn)).await?;
    Ok(true)
}

/// Compares every path with what must be there.
pub async fn check(store: &Arc<Store>, d: &TableDesc, snap: &Snapshot, want: &Table, what: &str) -> Result<()> {
    let heap = by_heap(store, d, snap).await?;
    assert_same(&heap, want, &format!("{what}: heap {}", d.rel.id));
    let primary = by_index(store, d, snap, 0).await?;
    assert_same(&primary, want, &format!("{what}: primary index {}", d.indexes[0].rel));
    let second = by_index(store, d, snap, 1).await?;
    let some: Table = want.iter().filter(|(_, r)| r.0.is_some()).map(|(k, r)| (*k, *r)).collect();
    assert_same(&second, &some, &format!("{what}: second index {}", d.indexes[1].rel));
    let third = by_value(store, d, snap, 2).await?;
    assert_same(&third, &some, &format!("{what}: hash index {}", d.indexes[2].rel));
    let fourth = by_value(store, d, snap, 3).await?;
    assert_same(&fourth, &some, &format!("{what}: search tree {}", d.indexes[3].rel));
    let fifth = by_blocks(store, d, snap).await?;
    assert_same(&fifth, &some, &format!("{what}: ranges of blocks {}", d.indexes[BLOCKS].rel));
    Ok(())
}

fn assert_same(got: &Table, want: &Table, what: &str) {
    for (k, row) in want {
        assert_eq!(got.get(k), Some(row), "{what}: key {k}");
    }
    for (k, row) in got {
        assert!(want.contains_key(k), "{what}: key {k} with {row:?} should not be there");
    }
}
