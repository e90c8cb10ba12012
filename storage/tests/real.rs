//! The store on real files, real threads and the machine's own I/O: concurrent transfers between accounts whose sum
//! never changes, hot rows whose size stays bounded, and a second start that finds everything.

use rustydb_base::{DbError, RelId, Result, Rid, SqlState};
use rustydb_storage::am::{IndexDesc, Method};
use rustydb_storage::heap::{Datum, Decode, Rel, RowBuf, TableLayout, TmResult};
use rustydb_storage::io::{IoMethod, open_dir};
use rustydb_storage::rt::TokioRuntime;
use rustydb_storage::scan::{RowScan, ScanEnv};
use rustydb_storage::store::{CommitOptions, Interrupt, RelationKind, Store, StoreOptions, Txn};
use rustydb_storage::table::{Changed, Inserted, Key, TableDesc};
use rustydb_storage::txn::{Isolation, Snapshot};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("rustydb-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary directory can be made");
        Dir(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn options() -> StoreOptions {
    StoreOptions {
        pool_bytes: 16 << 20,
        max_transactions: 64,
        wal_segment_size: 4 << 20,
        wal_buffer_bytes: 4 << 20,
        checkpoint_distance: 16 << 20,
        checkpoint_timeout: Duration::from_secs(1),
        undo_streams: 4,
        purge_nap: Duration::from_millis(5),
        ..StoreOptions::default()
    }
}

async fn open(dir: &Dir) -> Arc<Store> {
    let io = open_dir(&dir.0, IoMethod::Auto).expect("some I/O method works");
    let rt = TokioRuntime::new(tokio::runtime::Handle::current());
    Store::open(options(), io, rt).await.expect("the directory opens")
}

fn key(k: i32) -> [u8; 4] {
    ((k as u32) ^ 0x8000_0000).to_be_bytes()
}

async fn make(store: &Arc<Store>, accounts: i32, balance: i64) -> TableDesc {
    let mut t = store.begin(Isolation::ReadCommitted).expect("a slot");
    let heap = t.create_relation(RelationKind::Heap, true).await.expect("created");
    let index = t.create_relation(RelationKind::Index(Method::BTREE), true).await.expect("created");
    let d = describe(heap, index);
    for k in 0..accounts {
        let pk = key(k);
        let vals = [Datum::Bytes(&k.to_le_bytes()), Datum::Bytes(&balance.to_le_bytes()), Datum::Bytes(&[7; 80])];
        let done = t.insert(&d, &vals, &[Some(Key { bytes: &pk, unique: true })]).await.expect("inserted");
        assert!(matches!(done, Inserted::Row(_)));
    }
    let done = t.commit(CommitOptions::default()).await.expect("commits");
    store.gate(done.lsn).await.expect("stable");
    d
}

fn describe(heap: RelId, index: RelId) -> TableDesc {
    TableDesc {
        rel: Rel::new(heap, RelId(0)),
        layout: Arc::new(TableLayout::simple(&[Decode::I32, Decode::I64, Decode::Bin]).expect("small")),
        indexes: vec![IndexDesc { rel: index, heap, complete: true, method: Method::BTREE }],
    }
}

fn balance(d: &TableDesc, row: &[u8]) -> Result<i64> {
    match d.layout.value(row, 1)? {
        Datum::Bytes(b) => Ok(i64::from_le_bytes(b.try_into().map_err(|_| DbError::internal("eight bytes"))?)),
        _ => Err(DbError::internal("no balance")),
    }
}

async fn find(t: &mut Txn, d: &TableDesc, snap: &Snapshot, k: i32, row: &mut RowBuf) -> Result<Rid> {
    let layout = d.layout.clone();
    let want = k.to_le_bytes();
    let rid = t
        .point_get(snap, d.rel, &d.indexes[0], &key(k), row, |r| Ok(layout.value(r, 0)? == Datum::Bytes(&want)))
        .await?;
    rid.ok_or_else(|| DbError::internal(format!("account {k} is missing")))
}

/// Adds to an account, re-reading it whenever somebody else was faster.
async fn add(t: &mut Txn, d: &TableDesc, k: i32, amount: i64) -> Result<()> {
    let mut row = RowBuf::new();
    loop {
        let snap = t.snapshot();
        let rid = find(t, d, &snap, k, &mut row).await?;
        let new = (balance(d, &row)? + amount).to_le_bytes();
        let vals = [Datum::Bytes(&k.to_le_bytes()), Datum::Bytes(&new), Datum::Bytes(&[7; 80])];
        match t.update(d, &snap, rid, &row, &vals, &[], false).await? {
            Changed::Heap(TmResult::Ok) => break,
            Changed::Heap(TmResult::Updated) => {}
            other => return Err(DbError::internal(format!("{other:?}"))),
        }
    }
    t.next_command();
    Ok(())
}

async fn sum(store: &Arc<Store>, d: &TableDesc) -> Result<(i64, usize)> {
    let mut t = store.begin(Isolation::RepeatableRead)?;
    let snap = t.snapshot();
    let env = ScanEnv { store: store.clone(), snap, interrupt: Interrupt::new() };
    let blocks = store.read(|core| core.space.nblocks(d.rel.id, &core.pool)).await?;
    let mut scan = RowScan::new(env, d.rel, d.layout.clone(), 0..blocks);
    let (mut total, mut n) = (0, 0);
    while let Some(page) = scan.next().await? {
        for (_, row) in page.iter() {
            total += balance(d, row)?;
            n += 1;
        }
    }
    t.abort().await?;
    Ok((total, n))
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn money_is_neither_made_nor_lost() {
    const ACCOUNTS: i32 = 40;
    let dir = Dir::new("bank");
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    let transfers = number("RUSTYDB_TRANSFERS", 400);
    let d = rt.block_on(async {
        let store = open(&dir).await;
        let d = make(&store, ACCOUNTS, 1_000).await;
        let busy = Arc::new(AtomicBool::new(true));
        let auditor = {
            let (store, d, busy) = (store.clone(), d.clone(), busy.clone());
            tokio::spawn(async move {
                let mut audits = 0;
                while busy.load(Ordering::SeqCst) {
                    assert_eq!(sum(&store, &d).await?, (i64::from(ACCOUNTS) * 1_000, ACCOUNTS as usize));
                    audits += 1;
                    tokio::task::yield_now().await;
                }
                Ok::<_, DbError>(audits)
            })
        };
        let mut tellers = Vec::new();
        for id in 0..8u64 {
            let (store, d) = (store.clone(), d.clone());
            tellers.push(tokio::spawn(async move {
                let session = store.session(id as i32 + 1);
                let (mut x, mut deadlocks) = (id * 7919 + 1, 0);
                for _ in 0..transfers {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let (a, b) = ((x >> 33) as i32 % ACCOUNTS, (x >> 13) as u32 as i32 & 0x7fff_ffff);
                    let b = b % ACCOUNTS;
                    let mut t = session.begin(Isolation::ReadCommitted)?;
                    t.rules.deadlock_timeout = Duration::from_millis(20);
                    let both = async {
                        add(&mut t, &d, a, -3).await?;
                        add(&mut t, &d, b, 3).await
                    };
                    match both.await {
                        Ok(()) if x % 11 == 0 => t.abort().await?,
                        Ok(()) => {
                            let done = t.commit(CommitOptions::default()).await?;
                            store.gate(done.lsn.max(done.dep_lsn)).await?;
                        }
                        Err(e) if e.code == SqlState::T_R_DEADLOCK_DETECTED => {
                            deadlocks += 1;
                            t.abort().await?;
                        }
                        Err(e) => return Err(e),
                    }
                }
                Ok::<_, DbError>(deadlocks)
            }));
        }
        let mut deadlocks = 0;
        for t in tellers {
            deadlocks += t.await.expect("no panic").expect("no error but deadlocks");
        }
        busy.store(false, Ordering::SeqCst);
        let audits = auditor.await.expect("no panic").expect("no error");
        println!("{deadlocks} deadlocks, {audits} audits");
        assert_eq!(sum(&store, &d).await.expect("sums"), (i64::from(ACCOUNTS) * 1_000, ACCOUNTS as usize));
        store.shutdown().await.expect("shuts down");
        d
    });
    rt.block_on(async {
        let store = open(&dir).await;
        assert_eq!(sum(&store, &d).await.expect("sums"), (i64::from(ACCOUNTS) * 1_000, ACCOUNTS as usize));
        store.shutdown().await.expect("shuts down");
    });
}

/// `RUSTYDB_HOT_UPDATES=1000000` for the long form.
#[test]
fn hot_rows_stay_small() {
    let dir = Dir::new("hot");
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    let updates = number("RUSTYDB_HOT_UPDATES", 3_000);
    rt.block_on(async {
        let store = open(&dir).await;
        let d = make(&store, 10, 0).await;
        let start = std::time::Instant::now();
        let mut workers = Vec::new();
        for id in 0..4usize {
            let (store, d) = (store.clone(), d.clone());
            workers.push(tokio::spawn(async move {
                let mut most = 0;
                for i in 0..updates / 4 {
                    let mut t = store.begin(Isolation::ReadCommitted)?;
                    add(&mut t, &d, ((i * 4 + id) % 10) as i32, 1).await?;
                    let done = t.commit(CommitOptions::default()).await?;
                    if i % 64 == 0 {
                        store.gate(done.lsn).await?;
                    }
                    most = most.max(store.core().undo.bytes());
                }
                Ok::<_, DbError>(most)
            }));
        }
        let mut most = 0;
        for w in workers {
            most = most.max(w.await.expect("no panic").expect("no error"));
        }
        let took = start.elapsed();
        let blocks = store.read(|core| core.space.nblocks(d.rel.id, &core.pool)).await.expect("known");
        println!("{updates} updates in {took:?}: {blocks} heap blocks, at most {most} bytes of undo");
        assert_eq!(sum(&store, &d).await.expect("sums"), ((updates / 4 * 4) as i64, 10));
        assert!(blocks <= 4, "{blocks} blocks for ten rows");
        assert!(most < 32 << 20, "undo grew to {most} bytes");
        store.shutdown().await.expect("shuts down");
    });
}
