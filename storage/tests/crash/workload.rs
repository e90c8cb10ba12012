//! Sessions running random transactions against the store and the model.

use super::model::{Commit, Model, PreparedTxn, Row, Table, Write};
use super::rows::{self, Encoded, KeyBytes, VALUES, key};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::{DbError, RelId, Result, Rid, SqlState};
use rustydb_storage::core::RowLockMode;
use rustydb_storage::heap::TmResult;
use rustydb_storage::lock::{LockMode, LockTarget};
use rustydb_storage::sequence::SequenceRule;
use rustydb_storage::store::{CommitOptions, Prepared, Savepoint, Session, Store, Txn};
use rustydb_storage::table::{Changed, Inserted, Key, KeyChange, TableDesc};
use rustydb_storage::txn::{Isolation, Snapshot};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Says what happens, when `RUSTYDB_SIM_TRACE` is set: for looking into a failing seed.
macro_rules! say {
    ($($arg:tt)*) => {
        if tracing() {
            println!($($arg)*);
        }
    };
}

fn tracing() -> bool {
    static ON: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ON.get_or_init(|| std::env::var_os("RUSTYDB_SIM_TRACE").is_some())
}

/// Keys are drawn from here, so that sessions meet.
const KEYS: i32 = 150;
/// Most tables at a time.
const TABLES: usize = 4;

pub const RULE: SequenceRule = SequenceRule { increment: 1, min: 1, max: i64::MAX, cycle: false };

/// What the sessions share.
pub struct World {
    pub store: Arc<Store>,
    pub model: Arc<Mutex<Model>>,
    pub sequence: RelId,
    /// Operations left.
    pub left: AtomicUsize,
    pub next_table: AtomicUsize,
    /// Prepared transactions that their tasks have not ended yet.
    pub to_finish: AtomicUsize,
}

/// A transaction in progress and what it has done.
struct Work {
    txn: Txn,
    writes: Vec<Write>,
    /// Of REPEATABLE READ.
    snap: Option<Snapshot>,
    savepoints: Vec<(Savepoint, usize)>,
    rng: SmallRng,
}

/// How a transaction that cannot go on ends.
enum Stop {
    /// Deadlock or serialisation failure: roll back, go on.
    Retry,
    Error(DbError),
}

impl From<DbError> for Stop {
    fn from(e: DbError) -> Stop {
        let retry = [SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE];
        if retry.contains(&e.code) { Stop::Retry } else { Stop::Error(e) }
    }
}

pub async fn session(world: Arc<World>, id: i32, seed: u64) -> Result<()> {
    let session = world.store.session(id);
    let mut rng = SmallRng::seed_from_u64(seed ^ (id as u64) << 32);
    while world.left.load(Ordering::Relaxed) > 0 {
        transaction(&world, &session, &mut rng).await?;
        if rng.random_ratio(1, 60) {
            world.store.checkpoint().await?;
        }
        if rng.random_ratio(1, 4) {
            world.store.runtime().sleep(Duration::from_micros(rng.random_range(0..400))).await;
        }
    }
    Ok(())
}

async fn transaction(world: &Arc<World>, session: &Session, rng: &mut SmallRng) -> Result<()> {
    let isolation = if rng.random_ratio(1, 3) { Isolation::RepeatableRead } else { Isolation::ReadCommitted };
    let mut txn = loop {
        match session.begin(isolation) {
            Ok(t) => break t,
            // The last one, dropped, is still rolling back.
            Err(e) if e.code == SqlState::INTERNAL_ERROR => {
                world.store.runtime().sleep(Duration::from_micros(500)).await;
            }
            Err(e) => return Err(e),
        }
    };
    txn.rules.deadlock_timeout = Duration::from_millis(5);
    if rng.random_ratio(1, 8) {
        txn.rules.lock_timeout = Some(Duration::from_millis(3));
    }
    let mut w = Work {
        txn,
        writes: Vec::new(),
        snap: None,
        savepoints: Vec::new(),
        rng: SmallRng::seed_from_u64(rng.random()),
    };
    for _ in 0..rng.random_range(1..10) {
        let before = world.left.load(Ordering::Relaxed);
        world.left.store(before.saturating_sub(1), Ordering::Relaxed);
        match operation(world, &mut w).await {
            Ok(()) => w.txn.next_command(),
            Err(Stop::Retry) => {
                say!("{} gives up", w.txn.xid());
                return w.txn.abort().await;
            }
            Err(Stop::Error(e)) => return Err(e),
        }
        w.txn.release_snapshot_if(isolation);
    }
    match rng.random_range(0..20) {
        0..=2 => {
            say!("{} aborts", w.txn.xid());
            w.txn.abort().await
        }
        3 => {
            say!("{} is dropped", w.txn.xid());
            drop(w);
            Ok(())
        }
        4..=5 => prepare(world, w).await,
        _ => {
            let xid = w.txn.xid();
            let done = w.txn.commit(CommitOptions::default()).await?;
            say!("{xid} commits at {} lsn {} {:?}", done.scn, done.lsn, w.writes);
            if done.lsn.0 == 0 {
                assert!(w.writes.is_empty(), "writes without a commit record");
                return world.store.gate(done.dep_lsn).await;
            }
            // No await between the commit and this, so the history is exact at every instant.
            world.model.lock().commit(Commit { scn: done.scn, lsn: done.lsn, writes: w.writes });
            if rng.random_ratio(3, 4) {
                world.store.gate(done.lsn.max(done.dep_lsn)).await?;
                let mut m = world.model.lock();
                m.acked = m.acked.max(done.lsn);
            }
            Ok(())
        }
    }
}

/// Two-phase commit: the transaction leaves its session, which goes on with the next; a task ends it after a while.
async fn prepare(world: &Arc<World>, mut w: Work) -> Result<()> {
    let name: u64 = w.rng.random();
    let wait = Duration::from_micros(w.rng.random_range(0..3_000));
    let commits = w.rng.random_ratio(2, 3);
    let (prepared, lsn) = w.txn.prepare(&name.to_le_bytes()).await?;
    say!("{} is prepared as {name} at {lsn}: {:?}", prepared.xid(), w.writes);
    // No await in between, as for commits.
    let txn = PreparedTxn { name, lsn, writes: w.writes, rolling_back: false, ended: None };
    world.model.lock().prepared.push(txn);
    world.to_finish.fetch_add(1, Ordering::SeqCst);
    let (task, rt) = (Arc::clone(world), Arc::clone(world.store.runtime()));
    let finish = async move {
        task.store.runtime().sleep(wait).await;
        // Fails only when a fault has stopped the store, and then its session fails, too.
        let _stopped = finish(&task, prepared, name, commits).await;
        task.to_finish.fetch_sub(1, Ordering::SeqCst);
    };
    rt.spawn("finish prepared", Box::pin(finish));
    world.store.gate(lsn).await?;
    let mut m = world.model.lock();
    m.acked = m.acked.max(lsn);
    Ok(())
}

pub async fn finish(world: &World, mut p: Prepared, name: u64, commits: bool) -> Result<()> {
    let xid = p.xid();
    let entry = |m: &mut Model| m.prepared.iter().position(|p| p.name == name).expect("noted when it was prepared");
    if !commits {
        {
            let mut m = world.model.lock();
            let at = entry(&mut m);
            m.prepared[at].rolling_back = true;
        }
        let end = p.roll_back().await?;
        say!("{xid}, prepared as {name}, is rolled back at {end}");
        let mut m = world.model.lock();
        let at = entry(&mut m);
        m.prepared[at].ended = Some(end);
        return Ok(());
    }
    let done = p.commit(CommitOptions::default()).await?;
    say!("{xid}, prepared as {name}, commits at {} lsn {}", done.scn, done.lsn);
    {
        let mut m = world.model.lock();
        let at = entry(&mut m);
        m.prepared[at].ended = Some(done.lsn);
        let writes = m.prepared[at].writes.clone();
        m.commit(Commit { scn: done.scn, lsn: done.lsn, writes });
    }
    world.store.gate(done.lsn).await?;
    let mut m = world.model.lock();
    m.acked = m.acked.max(done.lsn);
    Ok(())
}

trait ReleaseSnapshot {
    fn release_snapshot_if(&mut self, isolation: Isolation);
}

impl ReleaseSnapshot for Txn {
    fn release_snapshot_if(&mut self, isolation: Isolation) {
        if isolation == Isolation::ReadCommitted {
            self.release_snapshot();
        }
    }
}

fn lock_of(table: u32) -> LockTarget {
    LockTarget::Relation { db: 1, oid: table }
}

fn random_row(rng: &mut SmallRng) -> Row {
    let v = (!rng.random_ratio(1, 8)).then(|| rng.random_range(0..VALUES));
    let len = match rng.random_range(0..40) {
        0 => rng.random_range(2_500..20_000),
        1..=6 => rng.random_range(500..1_900),
        _ => rng.random_range(1..200),
    };
    (v, (len, rng.random()))
}

impl Work {
    fn snapshot(&mut self) -> Snapshot {
        if self.txn.cx().isolation == Isolation::ReadCommitted {
            return self.txn.snapshot();
        }
        let first = match self.snap {
            Some(s) => s,
            None => self.txn.snapshot(),
        };
        self.snap = Some(first);
        self.txn.refresh(&first)
    }

    /// What the transaction must see of a table.
    fn expected(&self, world: &World, table: u32, snap: &Snapshot) -> Table {
        let mut s = world.model.lock().at(snap.scn);
        self.writes.iter().for_each(|w| s.apply(w));
        s.rows.remove(&table).unwrap_or_default()
    }

    /// A key that somebody has removed since the transaction's one snapshot can be taken: the transaction then sees two
    /// rows with it, the old one and its own, as on PostgreSQL. The model has no words for that, so it gives up.
    fn one_of_each(&mut self, world: &World, table: u32, keys: &[i32]) -> Result<(), Stop> {
        let Some(first) = self.snap else { return Ok(()) };
        let seen = self.expected(world, table, &first);
        if keys.iter().any(|k| seen.contains_key(k)) { Err(Stop::Retry) } else { Ok(()) }
    }

    /// The visible row with a key: address, image, content.
    async fn find(&mut self, d: &TableDesc, snap: &Snapshot, k: i32) -> Result<Option<(Rid, Vec<u8>, Row)>> {
        let (layout, mut image) = (d.layout.clone(), Vec::new());
        let want = k.to_le_bytes();
        let found = self
            .txn
            .point_get(snap, d.rel, &d.indexes[0], &key(k), &mut image, |row| {
                Ok(layout.value(row, 0)? == rustydb_storage::heap::Datum::Bytes(&want))
            })
            .await?;
        let Some(rid) = found else { return Ok(None) };
        let store = self.txn.store().clone();
        let (_, row) = rows::decode(&store, d, &image).await?;
        Ok(Some((rid, image, row)))
    }
}

async fn operation(world: &Arc<World>, w: &mut Work) -> Result<(), Stop> {
    // Its own drop is not for the transaction itself to trip over.
    let own_drop = |t: &u32| w.writes.iter().any(|w| matches!(w, Write::Drop(d) if d == t));
    let tables: Vec<u32> = world.model.lock().tables.keys().copied().filter(|t| !own_drop(t)).collect();
    let kind = w.rng.random_range(0..100);
    if tables.is_empty() || (kind == 0 && tables.len() < TABLES) {
        return create(world, w).await;
    }
    let table = tables[w.rng.random_range(0..tables.len())];
    if kind == 1 && tables.len() > 2 && w.writes.is_empty() {
        return drop_table(world, w, table).await;
    }
    w.txn.lock(lock_of(table), LockMode::RowExclusive).await?;
    let Some(d) = world.model.lock().tables.get(&table).cloned() else { return Ok(()) };
    let k = w.rng.random_range(0..KEYS);
    match kind {
        2..=4 => {
            w.savepoints.push((w.txn.savepoint(), w.writes.len()));
        }
        5..=7 => {
            if !w.savepoints.is_empty() {
                let at = w.rng.random_range(0..w.savepoints.len());
                w.savepoints.truncate(at + 1);
                let (sp, n) = w.savepoints[at];
                w.txn.rollback_to(&sp).await?;
                say!("{} back to {sp:?}: {:?} undone", w.txn.xid(), &w.writes[n..]);
                w.writes.truncate(n);
            }
        }
        8 => {
            let snap = w.snapshot();
            let want = w.expected(world, table, &snap);
            rows::check(&world.store, &d, &snap, &want, "scan of a snapshot").await?;
        }
        9..=12 => {
            if let Some(g) = world.store.sequence_next(world.sequence, &RULE, 1).await? {
                world.store.gate(g.lsn).await?;
                let mut m = world.model.lock();
                m.sequence = m.sequence.max(g.value);
            }
        }
        13..=22 => {
            let snap = w.snapshot();
            let got = w.find(&d, &snap, k).await?.map(|f| f.2);
            let want = w.expected(world, table, &snap).get(&k).copied();
            assert_eq!(got, want, "key {k} of table {table} at {snap:?}");
        }
        23..=46 => insert(world, w, table, &d, k).await?,
        47..=50 => insert_batch(world, w, table, &d, k).await?,
        97..=99 => {
            let snap = w.snapshot();
            let blocks = w.txn.blocks(d.rel).await?;
            let range = w.rng.random_range(0..=blocks / rows::PER_RANGE);
            let done = rows::summarise(&mut w.txn, &d, &snap, range).await?;
            say!("{} summarises range {range} of {table}: {done}", w.txn.xid());
        }
        51..=64 => delete(w, table, &d, k).await?,
        _ => update(world, w, table, &d, k).await?,
    }
    Ok(())
}

async fn create(world: &Arc<World>, w: &mut Work) -> Result<(), Stop> {
    let table = world.next_table.fetch_add(1, Ordering::Relaxed) as u32;
    w.txn.lock(lock_of(table), LockMode::AccessExclusive).await?;
    let d = rows::create(&mut w.txn).await?;
    w.writes.push(Write::Create(table, d.clone()));
    for k in 0..w.rng.random_range(0..30) {
        insert(world, w, table, &d, k).await?;
    }
    Ok(())
}

async fn drop_table(world: &Arc<World>, w: &mut Work, table: u32) -> Result<(), Stop> {
    w.txn.lock(lock_of(table), LockMode::AccessExclusive).await?;
    let Some(d) = world.model.lock().tables.get(&table).cloned() else { return Ok(()) };
    for rel in rows::relations(&d) {
        w.txn.drop_relation(rel).await?;
    }
    w.writes.push(Write::Drop(table));
    Ok(())
}

async fn insert(world: &World, w: &mut Work, table: u32, d: &TableDesc, k: i32) -> Result<(), Stop> {
    let row = random_row(&mut w.rng);
    let e = Encoded::new(k, &row);
    let (pk, second) = (key(k), row.0.map(key));
    let of_v = second.as_ref().map(|v| Key { bytes: v, unique: false });
    let keys = [Some(Key { bytes: &pk, unique: true }), of_v, of_v, of_v, of_v];
    let done = w.txn.insert(d, &e.values(), &keys).await?;
    say!("{} inserts {k} into {table}: {row:?}: {done:?}", w.txn.xid());
    match done {
        Inserted::Row(_) => {
            w.one_of_each(world, table, &[k])?;
            w.writes.push(Write::Put(table, k, row));
        }
        Inserted::Duplicate(dup) => assert_eq!(dup.index, 0),
    }
    Ok(())
}

/// Rows with neighbouring keys from `k` on, as COPY stores them. If one of the keys is taken nothing of them may stay.
async fn insert_batch(world: &World, w: &mut Work, table: u32, d: &TableDesc, k: i32) -> Result<(), Stop> {
    let n = w.rng.random_range(1..40);
    let rows: Vec<(i32, Row)> = (k..KEYS * 2).take(n).map(|k| (k, random_row(&mut w.rng))).collect();
    let mut images = Vec::new();
    let mut keys = Vec::new();
    for (k, row) in &rows {
        let e = Encoded::new(*k, row);
        let mut image = Vec::new();
        w.txn.encode(d, &e.values(), &mut image).await?;
        images.push(image);
        keys.push((key(*k), row.0.map(key)));
    }
    let keys: Vec<Option<Key<'_>>> = keys
        .iter()
        .flat_map(|(pk, v)| {
            let of_v = v.as_ref().map(|v| Key { bytes: v.as_slice(), unique: false });
            [Some(Key { bytes: pk.as_slice(), unique: true }), of_v, of_v, of_v, of_v]
        })
        .collect();
    let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    let done = w.txn.insert_batch(d, &images, &keys).await?;
    say!("{} inserts {n} rows from {k} into {table}: {done:?}", w.txn.xid());
    match done {
        Ok(_) => {
            w.one_of_each(world, table, &rows.iter().map(|r| r.0).collect::<Vec<_>>())?;
            w.writes.extend(rows.into_iter().map(|(k, row)| Write::Put(table, k, row)));
        }
        Err(dup) => assert_eq!(dup.index, 0),
    }
    Ok(())
}

async fn delete(w: &mut Work, table: u32, d: &TableDesc, k: i32) -> Result<(), Stop> {
    for _ in 0..8 {
        let snap = w.snapshot();
        let Some((rid, image, row)) = w.find(d, &snap, k).await? else { return Ok(()) };
        let (pk, second) = (key(k), row.0.map(key));
        let of_v = second.as_ref().map(KeyBytes::as_slice);
        let keys = [Some(pk.as_slice()), of_v, of_v, of_v, of_v];
        let done = w.txn.delete(d, &snap, rid, &image, &keys).await?;
        say!("{} deletes {k} of {table} at {rid:?}: {done:?}", w.txn.xid());
        match done {
            TmResult::Ok => {
                w.writes.push(Write::Remove(table, k));
                return Ok(());
            }
            other => again(w, other)?,
        }
    }
    Ok(())
}

/// What a change that met somebody else's means: try again, or (REPEATABLE READ) give up.
fn again(w: &Work, r: TmResult) -> Result<(), Stop> {
    match r {
        TmResult::Updated | TmResult::Deleted if w.txn.cx().isolation == Isolation::ReadCommitted => Ok(()),
        TmResult::Updated | TmResult::Deleted => Err(Stop::Retry),
        other => panic!("unexpected {other:?}"),
    }
}

async fn update(world: &World, w: &mut Work, table: u32, d: &TableDesc, k: i32) -> Result<(), Stop> {
    let (new_key, lock_first) = (w.rng.random_ratio(1, 4), w.rng.random_ratio(1, 6));
    for _ in 0..8 {
        let snap = w.snapshot();
        let Some((rid, image, old)) = w.find(d, &snap, k).await? else { return Ok(()) };
        if lock_first {
            let modes = [RowLockMode::KeyShare, RowLockMode::Share, RowLockMode::NoKeyUpdate, RowLockMode::Update];
            let mode = modes[w.rng.random_range(0..4)];
            match w.txn.lock_row(&snap, d.rel, rid, mode).await? {
                TmResult::Ok => {}
                other => {
                    again(w, other)?;
                    continue;
                }
            }
        }
        let k2 = if new_key { w.rng.random_range(0..KEYS) } else { k };
        let mut row = random_row(&mut w.rng);
        if w.rng.random_ratio(1, 2) {
            row.0 = old.0;
        }
        if w.rng.random_ratio(1, 4) {
            row.1 = old.1;
        }
        let e = Encoded::new(k2, &row);
        let (pk, pk2, v, v2) = (key(k), key(k2), old.0.map(key), row.0.map(key));
        let mut changes = Vec::new();
        if k2 != k {
            changes.push(KeyChange { index: 0, old: Some(&pk), new: Some(Key { bytes: &pk2, unique: true }) });
        }
        if v != v2 {
            changes.extend([1, 2, 3, 4].map(|index| KeyChange {
                index,
                old: v.as_ref().map(KeyBytes::as_slice),
                new: v2.as_ref().map(|v| Key { bytes: v, unique: false }),
            }));
        }
        let done = w.txn.update(d, &snap, rid, &image, &e.values(), &changes, k2 != k).await?;
        say!("{} updates {k} of {table} at {rid:?} from {old:?} to {k2} {row:?}: {done:?}", w.txn.xid());
        match done {
            Changed::Heap(TmResult::Ok) => {
                w.writes.push(Write::Remove(table, k));
                w.one_of_each(world, table, &[k2])?;
                w.writes.push(Write::Put(table, k2, row));
                return Ok(());
            }
            Changed::Duplicate(dup) => {
                assert_eq!(dup.index, 0);
                return Ok(());
            }
            Changed::Heap(other) => again(w, other)?,
        }
    }
    Ok(())
}
