//! The serializability gate: seeded sessions of serializable transactions on the real store, under the simulator's clock,
//! whose committed part must be equivalent to some serial order.
//!
//! The check is Adya's: of the committed transactions, edges for versions written after one another (ww), versions read
//! (wr) and versions read whose successor somebody has written (rw, of rows as well as of ranges and whole tables); a
//! cycle is an anomaly. Long index keys make leaves split and join while they are read.
//!
//! `RUSTYDB_SIM_SEED=7` runs one seed, `RUSTYDB_SIM_SEEDS=500` so many.

use futures::future::Either;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::{DbError, Result, Rid, Scn, SqlState};
use rustydb_storage::am::{Cursor, Direction, Edge, IndexDesc, Method};
use rustydb_storage::buf::Access;
use rustydb_storage::heap::{Datum, Decode, Rel, TableLayout, TmResult};
use rustydb_storage::io::sim::{SimDisk, SimFaults, SimIo};
use rustydb_storage::rt::{Runtime as _, oneshot};
use rustydb_storage::scan::{IndexScan, RowScan, ScanEnv, partitions};
use rustydb_storage::sim::SimRuntime;
use rustydb_storage::ssi::SsiLimits;
use rustydb_storage::store::{CommitOptions, Interrupt, RelationKind, Session, Store, StoreOptions, Txn};
use rustydb_storage::table::{Changed, Inserted, Key, KeyChange, TableDesc};
use rustydb_storage::txn::{Isolation, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Keys and groups are drawn from here.
const KEYS: i32 = 90;
const GROUPS: i32 = 12;
const SESSIONS: i32 = 5;
const TRANSACTIONS: usize = 40;

/// Long, so that a leaf has room for few.
fn key(n: i32) -> Vec<u8> {
    let mut k = vec![b'k'; 300];
    k[..4].copy_from_slice(&((n as u32) ^ 0x8000_0000).to_be_bytes());
    k
}

/// What a transaction has looked at.
enum Look {
    Key(i32),
    Group(i32),
    All,
}

impl Look {
    /// Whether a version of a key is in what was looked at.
    fn covers(&self, key: i32, group: Option<i32>) -> bool {
        match self {
            Look::Key(k) => *k == key,
            Look::Group(g) => group == Some(*g),
            Look::All => true,
        }
    }
}

struct Done {
    snapshot: Scn,
    /// `None` if it wrote nothing.
    scn: Option<Scn>,
    looks: Vec<Look>,
    /// The group each key has now, `None` if the row is gone.
    writes: BTreeMap<i32, Option<i32>>,
}

type History = Arc<Mutex<Vec<Done>>>;

struct Work {
    txn: Txn,
    desc: TableDesc,
    first: Snapshot,
    looks: Vec<Look>,
    writes: BTreeMap<i32, Option<i32>>,
}

fn retry(e: &DbError) -> bool {
    [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(&e.code)
}

fn lost() -> DbError {
    DbError::new(SqlState::T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update")
}

fn int(layout: &TableLayout, row: &[u8], column: usize) -> Result<i32> {
    match layout.value(row, column)? {
        Datum::Bytes(b) => Ok(i32::from_le_bytes(b.try_into().expect("4 bytes"))),
        _ => panic!("a column is NULL"),
    }
}

impl Work {
    fn snap(&self) -> Snapshot {
        self.txn.refresh(&self.first)
    }

    fn env(&self) -> ScanEnv {
        ScanEnv { store: Arc::clone(self.txn.store()), snap: self.snap(), interrupt: Interrupt::new() }
    }

    /// The visible row of a key and its group.
    async fn find(&mut self, k: i32) -> Result<Option<(Rid, Vec<u8>, i32)>> {
        self.looks.push(Look::Key(k));
        let (layout, mut image, snap) = (self.desc.layout.clone(), Vec::new(), self.snap());
        let (rel, index, l2) = (self.desc.rel, self.desc.indexes[0], layout.clone());
        let check = move |row: &[u8]| Ok(int(&l2, row, 0)? == k);
        match self.txn.point_get(&snap, rel, &index, &key(k), &mut image, check).await? {
            Some(rid) => Ok(Some((rid, image.clone(), int(&layout, &image, 1)?))),
            None => Ok(None),
        }
    }

    async fn group(&mut self, g: i32) -> Result<()> {
        self.looks.push(Look::Group(g));
        let edge = || Edge::Inclusive(key(g));
        let cursor = Cursor::open(self.desc.indexes[1], edge(), edge(), Direction::Forward, Access::Point, true)?;
        let mut scan = IndexScan::new(self.env(), self.desc.rel, cursor);
        let (layout, mut image) = (self.desc.layout.clone(), Vec::new());
        while scan.next(&mut image, |_, row| Ok(int(&layout, row, 1)? == g)).await?.is_some() {}
        Ok(())
    }

    async fn all(&mut self) -> Result<()> {
        self.looks.push(Look::All);
        for blocks in partitions(&self.env(), self.desc.rel, 2).await? {
            let mut scan = RowScan::new(self.env(), self.desc.rel, self.desc.layout.clone(), blocks);
            while scan.next().await?.is_some() {}
        }
        Ok(())
    }

    async fn insert(&mut self, k: i32, g: i32) -> Result<()> {
        let (pk, gk, pad) = (key(k), key(g), vec![7; 200]);
        let (kb, gb) = (k.to_le_bytes(), g.to_le_bytes());
        let keys = [Some(Key { bytes: &pk, unique: true }), Some(Key { bytes: &gk, unique: false })];
        let vals = [Datum::Bytes(&kb), Datum::Bytes(&gb), Datum::Bytes(&pad)];
        match self.txn.insert(&self.desc, &vals, &keys).await? {
            Inserted::Row(_) => {
                self.writes.insert(k, Some(g));
                Ok(())
            }
            Inserted::Duplicate(d) => {
                self.txn.duplicate_is_conflict(&self.desc, &d)?;
                // A duplicate key tells of the row as reading it would; the transaction ends.
                Err(lost())
            }
        }
    }

    async fn change(&mut self, k: i32, to: Option<i32>) -> Result<()> {
        let Some((rid, image, g)) = self.find(k).await? else {
            return match to {
                Some(g) => self.insert(k, g).await,
                None => Ok(()),
            };
        };
        let (pk, old, snap) = (key(k), key(g), self.snap());
        let done = match to {
            None => self.txn.delete(&self.desc, &snap, rid, &image, &[Some(&pk), Some(&old)]).await?,
            Some(g2) => {
                let (new, kb, gb, pad) = (key(g2), k.to_le_bytes(), g2.to_le_bytes(), vec![9; 230]);
                let vals = [Datum::Bytes(&kb), Datum::Bytes(&gb), Datum::Bytes(&pad)];
                let entry = Key { bytes: &new, unique: false };
                let changes = [KeyChange { index: 1, old: Some(&old), new: Some(entry) }];
                let changes = if g == g2 { &changes[..0] } else { &changes[..] };
                match self.txn.update(&self.desc, &snap, rid, &image, &vals, changes, false).await? {
                    Changed::Heap(r) => r,
                    Changed::Duplicate(_) => panic!("the index is not unique"),
                }
            }
        };
        if done != TmResult::Ok {
            return Err(lost());
        }
        self.writes.insert(k, to);
        Ok(())
    }
}

async fn transaction(session: &Session, desc: &TableDesc, rng: &mut SmallRng, history: &History) -> Result<()> {
    let mut txn = session.begin(Isolation::Serializable)?;
    txn.rules.deadlock_timeout = Duration::from_millis(5);
    let (read_only, deferrable) = (rng.random_ratio(1, 5), rng.random_ratio(1, 3));
    let first = txn.serializable_snapshot(read_only, deferrable).await?;
    let held = txn.store().hold(&first);
    let rt = Arc::clone(txn.store().runtime());
    let mut w = Work { txn, desc: desc.clone(), first, looks: Vec::new(), writes: BTreeMap::new() };
    for _ in 0..rng.random_range(2..7) {
        let (k, g) = (rng.random_range(0..KEYS), rng.random_range(0..GROUPS));
        let savepoint = w.txn.savepoint();
        let step = match rng.random_range(0..if read_only { 5 } else { 12 }) {
            0..2 => w.find(k).await.map(|_| ()),
            2..4 => w.group(g).await,
            4 => w.all().await,
            5..8 => w.change(k, None).await,
            8 => {
                // Undone, but what it has read stays read.
                let before = w.writes.clone();
                let done = w.change(k, Some(g)).await;
                if done.is_ok() {
                    w.txn.rollback_to(&savepoint).await?;
                    w.writes = before;
                }
                done
            }
            _ => w.change(k, Some(g)).await,
        };
        match step {
            Ok(()) => w.txn.next_command(),
            Err(e) if retry(&e) => return w.txn.abort().await,
            Err(e) => return Err(e),
        }
        rt.sleep(Duration::from_micros(rng.random_range(1..300))).await;
    }
    let done = match w.txn.commit(CommitOptions::default()).await {
        Ok(done) => done,
        Err(e) if retry(&e) => return w.txn.abort().await,
        Err(e) => return Err(e),
    };
    drop(held);
    let scn = (done.lsn.0 != 0).then_some(done.scn);
    history.lock().push(Done { snapshot: w.first.scn, scn, looks: w.looks, writes: w.writes });
    Ok(())
}

/// The table; `groups` is the method of the index by which groups are looked for.
async fn create(store: &Arc<Store>, groups: Method) -> Result<TableDesc> {
    let mut t = store.begin(Isolation::ReadCommitted)?;
    let heap = t.create_relation(RelationKind::Heap, true).await?;
    let overflow = t.create_relation(RelationKind::Overflow, true).await?;
    let mut index = Vec::new();
    for method in [Method::BTREE, groups] {
        let rel = t.create_relation(RelationKind::Index(method), true).await?;
        index.push(IndexDesc { rel, heap, complete: true, method });
    }
    t.commit(CommitOptions::default()).await?;
    Ok(TableDesc {
        rel: Rel::new(heap, overflow),
        layout: Arc::new(TableLayout::simple(&[Decode::I32, Decode::I32, Decode::Bin])?),
        indexes: index,
    })
}

/// A cycle of dependencies, if there is one.
fn cycle(history: &[Done]) -> Option<Vec<usize>> {
    // Of each key the versions in the order of their commits: writer, commit, group.
    let mut versions: BTreeMap<i32, Vec<(usize, Scn, Option<i32>)>> = BTreeMap::new();
    for (t, d) in history.iter().enumerate() {
        for (k, g) in &d.writes {
            versions.entry(*k).or_default().push((t, d.scn.expect("a writer has a commit record"), *g));
        }
    }
    versions.values_mut().for_each(|v| v.sort_by_key(|x| x.1));
    let mut edges = vec![BTreeSet::new(); history.len()];
    for (k, v) in &versions {
        for w in v.windows(2) {
            edges[w[0].0].insert(w[1].0);
        }
        for (t, d) in history.iter().enumerate() {
            for look in &d.looks {
                let seen = v.iter().rposition(|x| x.1 <= d.snapshot);
                let mut group = seen.and_then(|s| v[s].2);
                if let Some(s) = seen.filter(|_| look.covers(*k, group)) {
                    edges[v[s].0].insert(t);
                }
                // The first later version that changes what was looked at.
                for (writer, _, next) in v[seen.map_or(0, |s| s + 1)..].iter() {
                    if look.covers(*k, group) || look.covers(*k, *next) {
                        edges[t].insert(*writer);
                        break;
                    }
                    group = *next;
                }
            }
        }
    }
    let mut into = vec![0; edges.len()];
    for (from, to) in edges.iter().enumerate() {
        to.iter().filter(|t| **t != from).for_each(|t| into[*t] += 1);
    }
    let mut free: Vec<usize> = (0..into.len()).filter(|n| into[*n] == 0).collect();
    let mut left: BTreeSet<usize> = (0..into.len()).collect();
    while let Some(n) = free.pop() {
        left.remove(&n);
        for t in edges[n].iter().filter(|t| **t != n) {
            into[*t] -= 1;
            if into[*t] == 0 {
                free.push(*t);
            }
        }
    }
    (!left.is_empty()).then(|| left.into_iter().collect())
}

/// Runs a seed; answers how many transactions committed.
fn run(seed: u64) -> usize {
    let (rt, disk) = (SimRuntime::new(seed), SimDisk::new());
    let io = SimIo::new(&rt, &disk, SimFaults::default());
    let history: History = Arc::default();
    let (out, sim) = (Arc::clone(&history), Arc::clone(&rt));
    // Now and then so tight that locks are promoted and transactions summarised.
    let ssi = match seed % 3 {
        0 => SsiLimits { transactions: 12, locks: 40, per_relation: 6, per_page: 1, old_writers: 4 },
        _ => SsiLimits::default(),
    };
    let options = StoreOptions {
        pool_bytes: 512 * 8192,
        max_transactions: 32,
        wal_segment_size: 512 << 10,
        wal_buffer_bytes: 1 << 20,
        undo_streams: 2,
        hot_ring: 16,
        hash_page_entries: 4,
        purge_nap: Duration::from_millis(2),
        ssi,
        ..StoreOptions::default()
    };
    let outcome = rt.block_on(async move {
        let store = Store::open(options, io, sim.clone()).await?;
        let groups = if seed.is_multiple_of(2) { Method::HASH } else { Method::BTREE };
        let desc = create(&store, groups).await?;
        let mut ends = Vec::new();
        for id in 1..=SESSIONS {
            let (tx, rx) = oneshot::channel();
            let (store, desc, history) = (Arc::clone(&store), desc.clone(), Arc::clone(&out));
            let one = async move {
                let session = store.session(id);
                let mut rng = SmallRng::seed_from_u64(seed ^ (id as u64) << 32);
                let mut end = Ok(());
                for _ in 0..TRANSACTIONS {
                    end = transaction(&session, &desc, &mut rng, &history).await;
                    if end.is_err() {
                        break;
                    }
                }
                drop(tx.send(end));
            };
            sim.spawn("session", Box::pin(one));
            ends.push(rx);
        }
        for end in ends {
            match futures::future::select(end, sim.sleep(Duration::from_secs(600))).await {
                Either::Left((end, _)) => end.expect("sessions end by themselves")?,
                Either::Right(_) => panic!("seed {seed}: a session hangs: {:#?}", store.locks().list()),
            }
        }
        assert!(store.ssi().list().is_empty(), "seed {seed}: predicate locks are left although nobody runs");
        store.shutdown().await
    });
    rt.shutdown();
    match outcome {
        Ok(Ok(())) => {}
        other => panic!("seed {seed}: the run itself failed: {other:?}"),
    }
    let history = history.lock();
    if let Some(cycle) = cycle(&history) {
        panic!("seed {seed}: transactions {cycle:?} of {} are not serializable", history.len());
    }
    history.len()
}

#[test]
fn committed_transactions_are_serializable() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let seeds = match (number("RUSTYDB_SIM_SEED"), number("RUSTYDB_SIM_SEEDS")) {
        (Some(one), _) => one..one + 1,
        (None, many) => 1..many.unwrap_or(12) + 1,
    };
    let runs = (seeds.end - seeds.start) as usize;
    let committed: usize = seeds.map(run).sum();
    let tried = runs * TRANSACTIONS * SESSIONS as usize;
    assert!(committed > tried / 4, "only {committed} of {tried} transactions got through");
}
