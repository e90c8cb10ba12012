//! Everything that could grow has a bound, a gauge, and a test that fills it (design/storage.md §10).
//!
//! | resource | setting | gauge | filled by, and what is then seen |
//! |---|---|---|---|
//! | buffer frames | `pool_bytes` | `buffer_evictions`, `buffer_misses` | [`a_pool_of_few_pages_serves_many`]; `buf/pool.rs`: a pool of dirty pages answers `Wait::Memory` |
//! | redo distance, dirty pages | `checkpoint_distance` | `buffer_dirty_pages` | [`the_redo_distance_is_kept`]: writers are slowed down |
//! | log buffer | `wal_buffer_bytes` | `wal_ring_bytes` | `wal/tests.rs`, `the_ring_is_bounded_and_drains`: appenders wait |
//! | log on disk | `max_wal_bytes` | `wal_disk_bytes` | `wal/tests.rs`, `a_full_log_refuses_ordinary_writers_only`: 53100, but not for what frees space |
//! | hot ring | `hot_ring` | — (a table of fixed size) | [`a_tiny_ring_is_enough`]: an unstable commit's slot is waited for |
//! | status pages | follows the oldest open transaction | — | [`status_pages_do_not_pile_up`]: given back behind the horizon |
//! | undo | `undo_limit` | `undo_bytes`, `purge_backlog_bytes`, `snapshots_given_up`, `idle_writers_ended` | [`full_undo_gives_up_retention_and_the_oldest_snapshot`]: 72000 for who reads by it, writers go on; [`full_undo_ends_idle_writers`]: 25P03; [`undo_filled_by_one_transaction_refuses_it`]: 53100 |
//! | undo on a disk that is short of room | `undo_limit`, `undo_least` | `undo_limit_bytes` | [`undo_does_not_fill_the_disk`]: as when `undo_limit` is reached |
//! | what purge is behind with | `undo_limit` | `purge_behind_bytes`, `purge_waits` | [`writers_wait_for_purge`]: transactions wait before their first change |
//! | transactions and snapshots | `max_transactions` | `transactions_open` | [`too_many_transactions_are_refused`]: 53300 |
//! | locks, waiters of one target | `MAX_ENTRIES`, `MAX_WAITERS` | `lock_entries` | `lock/tests.rs`, `bounds_are_errors`: 53200; `very_many_row_locks_become_page_locks` |
//! | predicate locks, ended serializable transactions | `ssi` | `predicate_locks`, `serializable_transactions` | `ssi/tests.rs`: promoted, summarised; `tests/serializable.rs` with tiny bounds |
//! | a mini-transaction | 16 pages, 64 KiB | — | [`rows_of_any_size_are_stored`]: what is larger is split or goes to the overflow |
//! | tables in memory | `memory_limit` | `memory_table_bytes` | `store/tests.rs`, `memory_relations_never_leave_memory`: 53200 |
//! | reads and writes under way | `QUEUE_DEPTH` | `io_in_flight` | [`io_under_way_is_bounded`]: callers wait |
//! | idle I/O buffers | `aligned::POOL_BYTES` | — | `io/aligned.rs`, `the_pool_is_bounded` |
//! | entries of an index build | `SortLimits` | `index_build_temp_bytes` | `sort.rs`, `temporary_files_have_a_bound`: 53400; runs in a temporary file |
//! | the double-write file | 8 × 128 pages | — (a file of fixed size) | `dwb.rs`: the ninth batch waits |
//!
//! Waits, durations and sessions are bounded by the server (`statement_timeout` and its like, `max_connections`), memory and
//! temporary files of statements by the engine (`work_mem`, `temp_file_limit`); their tests speak SQL
//! (`sql-tests/tests/bounds.rs`, `sql-tests/src/limits`).

use futures::future::Either;
use rustydb_base::{Result, SqlState};
use rustydb_storage::am::{Cursor, Direction, Edge, IndexDesc, Method};
use rustydb_storage::buf::{Access, EVICTIONS};
use rustydb_storage::heap::{Datum, Decode, Rel, RowBuf, TableLayout, TmResult};
use rustydb_storage::io::sim::{SimDisk, SimFaults, SimIo};
use rustydb_storage::io::{IO_IN_FLIGHT, QUEUE_DEPTH};
use rustydb_storage::rt::RuntimeRef;
use rustydb_storage::scan::{IndexScan, ScanEnv, TableScan};
use rustydb_storage::sim::SimRuntime;
use rustydb_storage::store::{
    CommitOptions, Interrupt, PURGE_WAITS, RelationKind, SNAPSHOTS_GIVEN_UP, Store, StoreOptions, Txn,
};
use rustydb_storage::table::{Changed, Inserted, Key, TableDesc};
use rustydb_storage::txn::{Isolation, Snapshot};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn small() -> StoreOptions {
    StoreOptions {
        pool_bytes: 64 * 8192,
        max_transactions: 8,
        checkpoint_distance: 1 << 20,
        wal_segment_size: 1 << 20,
        wal_buffer_bytes: 1 << 20,
        undo_streams: 2,
        hot_ring: 64,
        purge_nap: Duration::from_millis(1),
        ..StoreOptions::default()
    }
}

/// Runs `f` on a new store of these sizes.
fn run<F: Future<Output = Result<()>> + Send + 'static>(
    options: StoreOptions,
    f: impl FnOnce(Arc<Store>) -> F + Send + 'static,
) {
    run_on(SimFaults::default(), options, f);
}

/// As [`run`], on a disk with faults.
fn run_on<F: Future<Output = Result<()>> + Send + 'static>(
    faults: SimFaults,
    options: StoreOptions,
    f: impl FnOnce(Arc<Store>) -> F + Send + 'static,
) {
    let rt = SimRuntime::new(1);
    let io = SimIo::new(&rt, &SimDisk::new(), faults);
    let rt2: RuntimeRef = rt.clone();
    let end = rt.block_on(async move {
        let store = Store::open(options, io, rt2).await?;
        f(store.clone()).await?;
        store.shutdown().await
    });
    rt.shutdown();
    end.expect("no deadlock").expect("no error");
}

fn key(k: i32) -> [u8; 4] {
    ((k as u32) ^ 0x8000_0000).to_be_bytes()
}

async fn table(store: &Arc<Store>) -> Result<TableDesc> {
    let mut t = store.begin(Isolation::ReadCommitted)?;
    let (heap, overflow) = t.create_table_files(true).await?;
    let index = t.create_relation(RelationKind::Index(Method::BTREE), true).await?;
    t.commit(CommitOptions::default()).await?;
    Ok(TableDesc {
        rel: Rel::new(heap, overflow),
        layout: Arc::new(TableLayout::simple(&[Decode::I32, Decode::Bin])?),
        indexes: vec![IndexDesc { rel: index, heap, complete: true, method: Method::BTREE }],
    })
}

async fn put(t: &mut Txn, d: &TableDesc, k: i32, v: &[u8]) -> Result<()> {
    let (k4, kb) = (k.to_le_bytes(), key(k));
    let keys = [Some(Key { bytes: &kb, unique: true })];
    match t.insert(d, &[Datum::Bytes(&k4), Datum::Bytes(v)], &keys).await? {
        Inserted::Row(_) => Ok(()),
        Inserted::Duplicate(dup) => panic!("{k} is there: {dup:?}"),
    }
}

async fn change(t: &mut Txn, d: &TableDesc, k: i32, v: &[u8]) -> Result<()> {
    let (mut row, want) = (RowBuf::new(), k.to_le_bytes());
    loop {
        let snap = t.snapshot();
        let layout = d.layout.clone();
        let same = |r: &[u8]| Ok(layout.value(r, 0)? == Datum::Bytes(&want));
        let rid = t.point_get(&snap, d.rel, &d.indexes[0], &key(k), &mut row, same).await?.expect("the row is there");
        match t.update(d, &snap, rid, &row, &[Datum::Bytes(&want), Datum::Bytes(v)], &[], false).await? {
            Changed::Heap(TmResult::Ok) => return Ok(()),
            Changed::Heap(TmResult::Updated) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A row's value as a snapshot sees it.
async fn value_at(t: &mut Txn, snap: &Snapshot, d: &TableDesc, k: i32) -> Result<Option<Vec<u8>>> {
    let (mut row, want) = (RowBuf::new(), k.to_le_bytes());
    let layout = d.layout.clone();
    let same = |r: &[u8]| Ok(layout.value(r, 0)? == Datum::Bytes(&want));
    if t.point_get(snap, d.rel, &d.indexes[0], &key(k), &mut row, same).await?.is_none() {
        return Ok(None);
    }
    match d.layout.value(&row, 1)? {
        Datum::Bytes(b) => Ok(Some(b.to_vec())),
        Datum::Overflow(p) => t.overflow_value(d.rel, p).await.map(Some),
        Datum::Null => panic!("no value is NULL"),
    }
}

async fn value(t: &mut Txn, d: &TableDesc, k: i32) -> Result<Vec<u8>> {
    let snap = t.snapshot();
    Ok(value_at(t, &snap, d, k).await?.expect("the row is there"))
}

async fn commit(store: &Store, mut t: Txn) -> Result<()> {
    let done = t.commit(CommitOptions::default()).await?;
    store.gate(done.lsn).await
}

#[test]
fn a_pool_of_few_pages_serves_many() {
    run(small(), |store| async move {
        let d = table(&store).await?;
        let before = EVICTIONS.get();
        for part in 0..40 {
            let mut t = store.begin(Isolation::ReadCommitted)?;
            for k in part * 50..part * 50 + 50 {
                put(&mut t, &d, k, &[k as u8; 1000]).await?;
                t.next_command();
            }
            commit(&store, t).await?;
        }
        let mut t = store.begin(Isolation::RepeatableRead)?;
        for k in (0..2000).step_by(7) {
            assert_eq!(value(&mut t, &d, k).await?, [k as u8; 1000]);
        }
        t.abort().await?;
        assert_eq!(store.core().pool.capacity(), 64);
        assert!(EVICTIONS.get() > before + 100, "two megabytes did not fit half a megabyte");
        Ok(())
    });
}

#[test]
fn the_redo_distance_is_kept() {
    let options = StoreOptions { pool_bytes: 512 * 8192, checkpoint_timeout: Duration::from_secs(3600), ..small() };
    run(options, |store| async move {
        let d = table(&store).await?;
        let mut most = 0;
        for k in 0..3000 {
            let mut t = store.begin(Isolation::ReadCommitted)?;
            put(&mut t, &d, k, &[7; 1500]).await?;
            commit(&store, t).await?;
            most = most.max(store.redo_distance());
        }
        // Twice is where writers are held back; a batch may be on its way.
        assert!((1 << 20..4 << 20).contains(&most), "redo distance of {most} bytes");
        Ok(())
    });
}

#[test]
fn a_tiny_ring_is_enough() {
    run(StoreOptions { hot_ring: 2, ..small() }, |store| async move {
        let d = table(&store).await?;
        // Nobody waits for these commits, so they stay unstable until somebody needs their place.
        for k in 0..200 {
            let mut t = store.begin(Isolation::ReadCommitted)?;
            put(&mut t, &d, k, b"x").await?;
            t.commit(CommitOptions::default()).await?;
        }
        let mut t = store.begin(Isolation::ReadCommitted)?;
        for k in 0..200 {
            assert_eq!(value(&mut t, &d, k).await?, b"x");
        }
        t.abort().await
    });
}

#[test]
fn status_pages_do_not_pile_up() {
    run(small(), |store| async move {
        let d = table(&store).await?;
        let mut t = store.begin(Isolation::ReadCommitted)?;
        put(&mut t, &d, 1, b"x").await?;
        commit(&store, t).await?;
        for _ in 0..5000 {
            let mut t = store.begin(Isolation::ReadCommitted)?;
            change(&mut t, &d, 1, b"y").await?;
            t.commit(CommitOptions::default()).await?;
        }
        for _ in 0..1000 {
            store.purge_round().await?;
            store.runtime().sleep(Duration::from_millis(1)).await;
        }
        let (start, next) = (store.txns().tsp_start(), store.txns().next_xid());
        assert!(next > 5000 && next - start < 2100, "statuses from {start} to {next} are kept");
        Ok(())
    });
}

const UNDO_LIMIT: u64 = 256 << 10;

/// Changes a row in many transactions, whose undo is several times what there is room for; none of them is refused.
async fn churn(store: &Arc<Store>, d: &TableDesc, k: i32) -> Result<()> {
    for n in 0..2000u32 {
        let mut t = store.begin(Isolation::ReadCommitted)?;
        change(&mut t, d, k, &[n as u8; 900]).await?;
        commit(store, t).await?;
        assert!(store.core().undo.bytes() <= UNDO_LIMIT, "{} bytes of undo", store.core().undo.bytes());
    }
    Ok(())
}

#[test]
fn full_undo_gives_up_retention_and_the_oldest_snapshot() {
    // Nothing but pressure ends this retention.
    let options = StoreOptions { undo_limit: UNDO_LIMIT, undo_retention_micros: 3600 << 20, ..small() };
    run(options, |store| async move {
        let d = table(&store).await?;
        let mut t = store.begin(Isolation::ReadCommitted)?;
        put(&mut t, &d, 1, &[1; 900]).await?;
        t.next_command();
        put(&mut t, &d, 2, b"to be deleted").await?;
        commit(&store, t).await?;
        let mut old = store.begin(Isolation::RepeatableRead)?;
        let then = old.snapshot();
        assert_eq!(value_at(&mut old, &then, &d, 1).await?, Some(vec![1; 900]));
        let (past, held) = store.snapshot_at(store.last_scn())?;
        let given_up = SNAPSHOTS_GIVEN_UP.get();
        let mut t = store.begin(Isolation::ReadCommitted)?;
        let (snap, mut row, k) = (t.snapshot(), RowBuf::new(), key(2));
        let rid =
            t.point_get(&snap, d.rel, &d.indexes[0], &k, &mut row, |_| Ok(true)).await?.expect("the row is there");
        assert_eq!(t.delete(&d, &snap, rid, &row, &[Some(&k)]).await?, TmResult::Ok);
        commit(&store, t).await?;
        churn(&store, &d, 1).await?;
        assert!(SNAPSHOTS_GIVEN_UP.get() > given_up);
        // What has been purged is not taken for what never was: neither the row that changed nor the one that is gone.
        for (snap, k) in [(&then, 1), (&then, 2), (&past, 1), (&past, 2)] {
            let e = value_at(&mut old, snap, &d, k).await.expect_err("the version is gone");
            assert_eq!(e.code, SqlState::SNAPSHOT_TOO_OLD, "{e:?}");
        }
        let env = ScanEnv { store: Arc::clone(&store), snap: then, interrupt: Interrupt::new() };
        let mut scan = TableScan::new(env.clone(), d.rel, d.layout.clone(), vec![0], 0..u32::MAX >> 8);
        assert_eq!(scan.next(1).await.expect_err("given up").code, SqlState::SNAPSHOT_TOO_OLD);
        let cursor = Cursor::open(d.indexes[0], Edge::Open, Edge::Open, Direction::Forward, Access::Point, true)?;
        let mut scan = IndexScan::new(env, d.rel, cursor);
        let e = scan.next(&mut row, |_, _| Ok(true)).await.expect_err("given up");
        assert_eq!(e.code, SqlState::SNAPSHOT_TOO_OLD);
        assert_eq!(store.snapshot_at(then.scn).err().map(|e| e.code), Some(SqlState::SNAPSHOT_TOO_OLD));
        // The transaction itself goes on, by another snapshot.
        let now = old.snapshot();
        assert_eq!(value_at(&mut old, &now, &d, 1).await?, Some(vec![(1999 % 256) as u8; 900]));
        assert_eq!(value_at(&mut old, &now, &d, 2).await?, None);
        drop(held);
        old.abort().await
    });
}

/// A disk on which undo alone would grow beyond what there is: a transaction that wants it all is refused, as when `undo_limit` is
/// reached, and rolled back. The store goes on.
#[test]
fn undo_does_not_fill_the_disk() {
    const DISK: u64 = 32 << 20;
    let faults = SimFaults { capacity: Some(DISK), ..SimFaults::default() };
    let options = StoreOptions { undo_least: 256 << 10, undo_retention_micros: 3600 << 20, ..small() };
    run_on(faults, options, |store| async move {
        let d = table(&store).await?;
        let mut t = store.begin(Isolation::ReadCommitted)?;
        put(&mut t, &d, 1, &[1; 900]).await?;
        commit(&store, t).await?;
        let mut big = store.session(5).begin(Isolation::ReadCommitted)?;
        // Busy is not idle.
        store.end_idle_writers_by(|_| false);
        let mut written = 0;
        let refused = loop {
            match change(&mut big, &d, 1, &[written as u8; 900]).await {
                Ok(()) => written += 900,
                Err(e) => break e,
            }
            big.next_command();
            assert!(written < DISK, "undo has grown beyond the disk");
            // Computing costs no time here, so that without this the log would outrun the checkpointer.
            store.runtime().sleep(Duration::from_millis(2)).await;
        };
        assert_eq!(refused.code, SqlState::DISK_FULL, "{refused:?}");
        assert!(
            refused.fields.as_ref().and_then(|f| f.hint.as_ref()).is_some_and(|h| h.contains("disk")),
            "{refused:?}"
        );
        assert!(written > DISK / 4, "refused after {written} bytes");
        assert!(store.core().undo.limit() < DISK);
        // The checkpointer comes round once a second, in which a real rollback would not get so far.
        let checkpoints = async {
            loop {
                store.checkpoint().await?;
                store.runtime().sleep(Duration::from_millis(1)).await;
            }
        };
        let (rolled_back, checkpoints) = (std::pin::pin!(big.abort()), std::pin::pin!(checkpoints));
        match futures::future::select(rolled_back, checkpoints).await {
            Either::Left((done, _)) => done?,
            Either::Right((failed, _)) => return failed,
        }
        // Others go on in what is left. (Undo gives whole segments back to the disk, which are as large as half of this one.)
        for n in 0..300u32 {
            let mut t = store.begin(Isolation::ReadCommitted)?;
            change(&mut t, &d, 1, &[n as u8; 900]).await?;
            commit(&store, t).await?;
            store.runtime().sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    });
}

/// How long a small transaction waits before its first change.
async fn small_write(store: &Arc<Store>, d: &TableDesc, k: i32) -> Result<Duration> {
    let began = store.runtime().monotonic();
    let mut t = store.begin(Isolation::ReadCommitted)?;
    t.ensure_xid().await?;
    let waited = store.runtime().monotonic() - began;
    put(&mut t, d, k, b"x").await?;
    commit(store, t).await?;
    Ok(waited)
}

#[test]
fn writers_wait_for_purge() {
    let options = StoreOptions { undo_limit: 4 << 20, ..small() };
    run(options, |store| async move {
        let d = table(&store).await?;
        small_write(&store, &d, 0).await?;
        // Nobody waits while undo is kept for somebody.
        let before = PURGE_WAITS.get();
        let mut big = store.begin(Isolation::ReadCommitted)?;
        for n in 0..6000u32 {
            change(&mut big, &d, 0, &n.to_le_bytes().repeat(60)).await?;
            big.next_command();
        }
        let full = store.core().undo.bytes();
        assert!(full > 1 << 20, "only {full} bytes of undo");
        const LONG: Duration = Duration::from_millis(2);
        assert!(small_write(&store, &d, 1).await? < LONG, "{full} bytes of undo are one transaction's");
        commit(&store, big).await?;
        // Now all of it is for purge to remove.
        let (mut waited, mut k) = (Duration::ZERO, 1);
        while store.core().undo.bytes() > 64 << 10 {
            k += 1;
            waited = waited.max(small_write(&store, &d, k).await?);
        }
        assert!(waited > LONG && PURGE_WAITS.get() > before, "nobody waited in {k} transactions: {waited:?}");
        assert!(waited <= Duration::from_millis(110), "{waited:?}");
        assert!(small_write(&store, &d, k + 1).await? < LONG, "purge has caught up");
        Ok(())
    });
}

#[test]
fn full_undo_ends_idle_writers() {
    run(StoreOptions { undo_limit: UNDO_LIMIT, ..small() }, |store| async move {
        let d = table(&store).await?;
        let mut t = store.begin(Isolation::ReadCommitted)?;
        put(&mut t, &d, 1, &[1; 900]).await?;
        commit(&store, t).await?;
        let mut idle = store.session(77).begin(Isolation::ReadCommitted)?;
        put(&mut idle, &d, 2, b"never committed").await?;
        let (idle, asked) = (Mutex::new(Some(idle)), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        store.end_idle_writers_by(move |pid| {
            assert_eq!(pid, 77);
            count.fetch_add(1, Ordering::SeqCst);
            // Rolled back in the background, as when a session ends.
            drop(idle.lock().expect("not poisoned").take());
            true
        });
        churn(&store, &d, 1).await?;
        assert_eq!(asked.load(Ordering::SeqCst), 1, "asked once, and only when it was needed");
        let mut t = store.begin(Isolation::ReadCommitted)?;
        let now = t.snapshot();
        assert_eq!(value_at(&mut t, &now, &d, 2).await?, None);
        t.abort().await
    });
}

#[test]
fn undo_filled_by_one_transaction_refuses_it() {
    run(StoreOptions { undo_limit: UNDO_LIMIT, ..small() }, |store| async move {
        let d = table(&store).await?;
        let mut t = store.begin(Isolation::ReadCommitted)?;
        put(&mut t, &d, 1, &[1; 900]).await?;
        commit(&store, t).await?;
        let mut reader = store.begin(Isolation::RepeatableRead)?;
        let then = reader.snapshot();
        let mut big = store.session(5).begin(Isolation::ReadCommitted)?;
        // Busy is not idle.
        store.end_idle_writers_by(|_| false);
        let mut n = 0u32;
        let refused = loop {
            n += 1;
            assert!(n < 10_000, "undo has no bound");
            match change(&mut big, &d, 1, &[n as u8; 900]).await {
                Ok(()) => big.next_command(),
                Err(e) => break e,
            }
            assert!(store.core().undo.bytes() <= UNDO_LIMIT, "{} bytes of undo", store.core().undo.bytes());
        };
        assert_eq!(refused.code, SqlState::DISK_FULL, "{refused:?}");
        // It is not what snapshots keep that fills undo: they are left alone, and everybody goes on once it is gone.
        assert_eq!(value_at(&mut reader, &then, &d, 1).await?, Some(vec![1; 900]));
        big.abort().await?;
        reader.abort().await?;
        churn(&store, &d, 1).await
    });
}

#[test]
fn too_many_transactions_are_refused() {
    run(small(), |store| async move {
        let mut open = Vec::new();
        let refused = loop {
            assert!(open.len() <= 8, "slots have no bound");
            match store.begin(Isolation::ReadCommitted) {
                Ok(t) => open.push(t),
                Err(e) => break e,
            }
        };
        assert_eq!((refused.code, open.len()), (SqlState::TOO_MANY_CONNECTIONS, 8));
        open.pop().expect("eight").abort().await?;
        store.begin(Isolation::ReadCommitted)?.abort().await?;
        for mut t in open {
            t.abort().await?;
        }
        Ok(())
    });
}

#[test]
fn rows_of_any_size_are_stored() {
    run(small(), |store| async move {
        let d = table(&store).await?;
        // Around the sizes at which a row leaves its page, and at which a record would pass 64 KiB.
        for (k, len) in [1, 1900, 2100, 7000, 8200, 60_000, 66_000, 500_000].into_iter().enumerate() {
            let mut x = 1u64;
            let noise: Vec<u8> = (0..len)
                .map(|_| {
                    x ^= x << 13;
                    x ^= x >> 7;
                    x ^= x << 17;
                    x as u8
                })
                .collect();
            let mut t = store.begin(Isolation::ReadCommitted)?;
            put(&mut t, &d, k as i32, &noise).await?;
            commit(&store, t).await?;
            let mut t = store.begin(Isolation::ReadCommitted)?;
            assert!(value(&mut t, &d, k as i32).await? == noise, "{len} bytes");
            t.abort().await?;
        }
        Ok(())
    });
}

#[test]
fn io_under_way_is_bounded() {
    run(StoreOptions { pool_bytes: 2048 * 8192, ..small() }, |store| async move {
        let d = table(&store).await?;
        for part in 0..30 {
            let mut t = store.begin(Isolation::ReadCommitted)?;
            for k in part * 50..part * 50 + 50 {
                put(&mut t, &d, k, &[k as u8; 1500]).await?;
                t.next_command();
            }
            commit(&store, t).await?;
        }
        // All pages at once.
        store.checkpoint().await?;
        // The gauge is the process's, and each test of this file has a disk of its own. Several at a time, each of a run of
        // adjacent pages.
        let (peak, disks) = (IO_IN_FLIGHT.peak(), 11);
        assert!((5..=QUEUE_DEPTH as i64 * disks).contains(&peak), "{peak} operations at a time");
        Ok(())
    });
}
