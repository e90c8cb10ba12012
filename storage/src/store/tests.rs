use super::*;
use crate::am::{IndexDesc, Method};
use crate::heap::{Datum, Decode, Rel, RowBuf, TableLayout, TmResult};
use crate::io::sim::{SimDisk, SimFaults, SimIo};
use crate::sim::SimRuntime;
use crate::table::{Changed, Duplicate, Inserted, Key, KeyChange, TableDesc};
use rustydb_base::Rid;

pub(crate) fn small() -> StoreOptions {
    StoreOptions {
        pool_bytes: 256 * 8192,
        max_transactions: 32,
        checkpoint_distance: 4 << 20,
        wal_segment_size: 1 << 20,
        wal_buffer_bytes: 1 << 20,
        undo_streams: 2,
        hot_ring: 64,
        ..StoreOptions::default()
    }
}

fn run<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    seed: u64,
    disk: &SimDisk,
    f: impl FnOnce(Arc<Store>) -> F + Send + 'static,
) -> T {
    let rt = SimRuntime::new(seed);
    let io = SimIo::new(&rt, disk, SimFaults::default());
    let rt2: RuntimeRef = rt.clone();
    let out = rt
        .block_on(async move {
            let store = Store::open(small(), io, rt2).await.expect("opens");
            f(store).await
        })
        .expect("runs to its end");
    rt.shutdown();
    out
}

fn key(k: i32) -> [u8; 4] {
    ((k as u32) ^ 0x8000_0000).to_be_bytes()
}

async fn make_table(store: &Arc<Store>) -> TableDesc {
    let mut t = store.begin(Isolation::ReadCommitted).unwrap();
    let heap = t.create_relation(RelationKind::Heap, true).await.unwrap();
    let index = t.create_relation(RelationKind::Index(Method::BTREE), true).await.unwrap();
    t.commit(CommitOptions::default()).await.unwrap();
    TableDesc {
        rel: Rel::new(heap, RelId(0)),
        layout: Arc::new(TableLayout::simple(&[Decode::I32, Decode::Bin]).unwrap()),
        indexes: vec![IndexDesc { rel: index, heap, complete: true, method: Method::BTREE }],
    }
}

async fn put(t: &mut Txn, d: &TableDesc, k: i32, v: &[u8]) -> Inserted {
    let kb = key(k);
    let vals = [Datum::Bytes(&k.to_le_bytes()), Datum::Bytes(v)];
    t.insert(d, &vals, &[Some(Key { bytes: &kb, unique: true })]).await.unwrap()
}

async fn get(t: &mut Txn, d: &TableDesc, k: i32) -> Option<(Rid, Vec<u8>, RowBuf)> {
    let s = t.snapshot();
    let mut row = RowBuf::new();
    let kb = key(k);
    let layout = d.layout.clone();
    let rid = t
        .point_get(&s, d.rel, &d.indexes[0], &kb, &mut row, |r| {
            Ok(layout.value(r, 0)? == Datum::Bytes(&k.to_le_bytes()))
        })
        .await
        .unwrap()?;
    let Datum::Bytes(v) = d.layout.value(&row, 1).unwrap() else { panic!("a value") };
    Some((rid, v.to_vec(), row.clone()))
}

fn assert_send<T: Send>(t: T) -> T {
    t
}

#[test]
fn rows_survive_a_crash_and_losers_do_not() {
    let disk = SimDisk::new();
    let d = run(1, &disk, |store| async move {
        let d = make_table(&store).await;
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        for k in 0..300 {
            assert!(matches!(assert_send(put(&mut t, &d, k, b"one")).await, Inserted::Row(_)));
        }
        let done = t.commit(CommitOptions::default()).await.unwrap();
        store.gate(done.lsn).await.unwrap();
        // One transaction stays open.
        let mut open = store.begin(Isolation::ReadCommitted).unwrap();
        for k in 300..400 {
            put(&mut open, &d, k, b"two").await;
        }
        let (rid, _, old) = get(&mut open, &d, 7).await.unwrap();
        open.next_command();
        let s = open.snapshot();
        let vals = [Datum::Bytes(&7i32.to_le_bytes()), Datum::Bytes(b"changed")];
        let r = open.update(&d, &s, rid, &old, &vals, &[], false).await.unwrap();
        assert_eq!(r, Changed::Heap(TmResult::Ok));
        store.gate(store.log().end_lsn()).await.unwrap();
        std::mem::forget(open);
        d
    });
    let disk = disk.crash(5);
    let d2 = d.clone();
    run(2, &disk, move |store| async move {
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        for k in 0..300 {
            assert_eq!(get(&mut t, &d2, k).await.unwrap().1, b"one", "key {k}");
        }
        for k in 300..400 {
            assert!(get(&mut t, &d2, k).await.is_none());
            // The slot's and entry's former owner may still be rolling back: this waits for it.
            assert!(matches!(put(&mut t, &d2, k, b"three").await, Inserted::Row(_)));
        }
        let dup = put(&mut t, &d2, 5, b"x").await;
        assert!(matches!(dup, Inserted::Duplicate(Duplicate { index: 0, .. })), "{dup:?}");
        t.commit(CommitOptions::default()).await.unwrap();
        store.shutdown().await.unwrap();
    });
    run(3, &disk, move |store| async move {
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        assert_eq!(get(&mut t, &d, 350).await.unwrap().1, b"three");
        t.abort().await.unwrap();
        store.shutdown().await.unwrap();
    });
}

#[test]
fn savepoints_key_changes_and_purge() {
    let disk = SimDisk::new();
    run(7, &disk, |store| async move {
        let d = make_table(&store).await;
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        put(&mut t, &d, 1, b"a").await;
        t.next_command();
        let sp = t.savepoint();
        put(&mut t, &d, 2, b"b").await;
        t.next_command();
        let (rid, _, old) = get(&mut t, &d, 1).await.unwrap();
        let s = t.snapshot();
        let (k1, k3) = (key(1), key(3));
        let vals = [Datum::Bytes(&3i32.to_le_bytes()), Datum::Bytes(b"c")];
        let change = KeyChange { index: 0, old: Some(&k1), new: Some(Key { bytes: &k3, unique: true }) };
        let r = t.update(&d, &s, rid, &old, &vals, &[change], true).await.unwrap();
        assert_eq!(r, Changed::Heap(TmResult::Ok));
        t.next_command();
        assert_eq!(get(&mut t, &d, 3).await.unwrap().1, b"c");
        t.rollback_to(&sp).await.unwrap();
        assert!(get(&mut t, &d, 3).await.is_none() && get(&mut t, &d, 2).await.is_none());
        assert_eq!(get(&mut t, &d, 1).await.unwrap().1, b"a");
        t.commit(CommitOptions::default()).await.unwrap();
        // Delete, purge, and the space comes back.
        for round in 0..200 {
            let mut t = store.begin(Isolation::ReadCommitted).unwrap();
            let (rid, _, old) = get(&mut t, &d, 1).await.unwrap();
            let s = t.snapshot();
            assert_eq!(t.delete(&d, &s, rid, &old, &[Some(&k1)]).await.unwrap(), TmResult::Ok);
            t.next_command();
            assert!(get(&mut t, &d, 1).await.is_none());
            assert!(matches!(put(&mut t, &d, 1, &[round as u8; 500]).await, Inserted::Row(_)));
            t.commit(CommitOptions::default()).await.unwrap();
            while store.purge_round().await.unwrap() {}
        }
        let n = store.drive_free(|core| core.space.nblocks(d.rel.id, &core.pool)).await.unwrap();
        assert!(n <= 4, "{n} blocks for one row");
        store.checkpoint().await.unwrap();
        store.shutdown().await.unwrap();
    });
}

#[test]
fn relations_come_and_go() {
    let disk = SimDisk::new();
    run(9, &disk, |store| async move {
        let d = make_table(&store).await;
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        for k in 0..50 {
            put(&mut t, &d, k, &[1; 1000]).await;
        }
        t.commit(CommitOptions::default()).await.unwrap();
        // A created relation goes with its transaction.
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        let gone = t.create_relation(RelationKind::Heap, true).await.unwrap();
        t.abort().await.unwrap();
        store.writer.flush_before(store.log.end_lsn()).await.unwrap();
        let rels = store.files.relations().await.unwrap();
        assert!(!rels.contains(&gone) && rels.contains(&d.rel.id));
        // A dropped one stays until it is committed and purged.
        for commit in [false, true] {
            let mut t = store.begin(Isolation::ReadCommitted).unwrap();
            t.drop_relation(d.rel.id).await.unwrap();
            t.drop_relation(d.indexes[0].rel).await.unwrap();
            if commit {
                t.commit(CommitOptions::default()).await.unwrap();
            } else {
                t.abort().await.unwrap();
            }
            while store.purge_round().await.unwrap() {}
            assert_eq!(store.files.relations().await.unwrap().contains(&d.rel.id), !commit);
        }
        store.shutdown().await.unwrap();
    });
}

#[test]
fn sequences_never_repeat_over_a_crash() {
    let disk = SimDisk::new();
    let rule = SequenceRule { increment: 1, min: 1, max: i64::MAX, cycle: false };
    let (rel, last) = run(11, &disk, move |store| async move {
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        let start = SequenceState { last: 1, is_called: false };
        let rel = t.create_relation(RelationKind::Sequence(start), true).await.unwrap();
        t.commit(CommitOptions::default()).await.unwrap();
        let mut last = 0;
        for i in 1..=100 {
            let g = store.sequence_next(rel, &rule, 1).await.unwrap().unwrap();
            assert_eq!(g.value, i);
            store.gate(g.lsn).await.unwrap();
            last = g.value;
        }
        (rel, last)
    });
    let disk = disk.crash(1);
    run(12, &disk, move |store| async move {
        let g = store.sequence_next(rel, &rule, 1).await.unwrap().unwrap();
        assert!(g.value > last && g.value <= last + 1 + crate::sequence::AHEAD as i64, "{g:?}");
        store.shutdown().await.unwrap();
    });
}

/// Tables in memory: transactional, bounded, nothing of them on disk, gone when the store is opened again.
#[test]
fn memory_relations_never_leave_memory() {
    const MARKER: &[u8] = b"kept in memory and nowhere else";
    let disk = SimDisk::new();
    let d = run(3, &disk, |store| async move {
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        let heap = t.create_relation(RelationKind::Heap, Durability::Memory).await.unwrap();
        let index = t.create_relation(RelationKind::Index(Method::BTREE), Durability::Memory).await.unwrap();
        t.commit(CommitOptions::default()).await.unwrap();
        assert!(heap.is_memory() && !heap.is_logged());
        let d = TableDesc {
            rel: Rel::new(heap, RelId(0)),
            layout: Arc::new(TableLayout::simple(&[Decode::I32, Decode::Bin]).unwrap()),
            indexes: vec![IndexDesc { rel: index, heap, complete: true, method: Method::BTREE }],
        };
        // A logged table beside it, so that pages are evicted and written all the time.
        let other = make_table(&store).await;
        let payload = [MARKER, &[7; 600]].concat();
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        let mut k = 0;
        let e = loop {
            let kb = key(k);
            let vals = [Datum::Bytes(&k.to_le_bytes()), Datum::Bytes(&payload)];
            match t.insert(&d, &vals, &[Some(Key { bytes: &kb, unique: true })]).await {
                Ok(_) => k += 1,
                Err(e) => break e,
            }
            put(&mut t, &other, k, &[3; 900]).await;
        };
        // Half of the pool at most, and the rest of it still works.
        assert_eq!(e.code, SqlState::OUT_OF_MEMORY);
        assert!((1000..1500).contains(&k), "{k} rows fit");
        let done = t.commit(CommitOptions::default()).await.unwrap();
        store.gate(done.lsn).await.unwrap();
        store.checkpoint().await.unwrap();
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        let snap = t.snapshot();
        let mut buf = RowBuf::new();
        for i in 0..k {
            let got = t.point_get(&snap, d.rel, &d.indexes[0], &key(i), &mut buf, |_| Ok(true)).await.unwrap();
            assert!(got.is_some(), "row {i}");
        }
        // Deleted and rolled back; then deleted for good, which makes room.
        for keep in [true, false] {
            let mut t = store.begin(Isolation::ReadCommitted).unwrap();
            for i in 0..k / 2 {
                let snap = t.snapshot();
                let kb = key(i);
                let rid = t.point_get(&snap, d.rel, &d.indexes[0], &kb, &mut buf, |_| Ok(true)).await.unwrap().unwrap();
                assert_eq!(t.delete(&d, &snap, rid, &buf, &[Some(&kb)]).await.unwrap(), TmResult::Ok);
                t.next_command();
            }
            if keep {
                t.abort().await.unwrap();
            } else {
                t.commit(CommitOptions::default()).await.unwrap();
            }
        }
        drop(t);
        while store.purge_round().await.unwrap() || store.core().undo.bytes() > 0 {
            store.runtime().sleep(Duration::from_micros(200)).await;
        }
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        for i in 0..k / 4 {
            let kb = key(i);
            let vals = [Datum::Bytes(&i.to_le_bytes()), Datum::Bytes(&payload)];
            t.insert(&d, &vals, &[Some(Key { bytes: &kb, unique: true })]).await.unwrap();
        }
        t.commit(CommitOptions::default()).await.unwrap();
        store.shutdown().await.unwrap();
        d
    });
    for f in disk.files() {
        let found = disk.content(&f).unwrap().windows(MARKER.len()).any(|w| w == MARKER);
        assert!(!found, "{f} holds rows of a table in memory");
    }
    run(4, &disk, move |store| async move {
        assert!(!store.relation_exists(d.rel.id).await.unwrap());
        store.shutdown().await.unwrap();
    });
}

/// Who waits for a row of a transaction that is prepared meanwhile goes on when that is committed.
#[test]
fn waiters_follow_a_transaction_that_is_prepared() {
    let disk = SimDisk::new();
    run(6, &disk, |store| async move {
        let d = make_table(&store).await;
        let mut first = store.begin(Isolation::ReadCommitted).unwrap();
        put(&mut first, &d, 1, b"one").await;
        let (tx, rx) = crate::rt::oneshot::channel();
        let (store2, d2) = (Arc::clone(&store), d.clone());
        let second = async move {
            let mut t = store2.begin(Isolation::ReadCommitted).unwrap();
            let done = put(&mut t, &d2, 1, b"two").await;
            t.abort().await.unwrap();
            let _ = tx.send(done);
        };
        store.rt.spawn("second", Box::pin(second));
        store.rt.sleep(Duration::from_millis(50)).await;
        let (mut prepared, lsn) = first.prepare(b"p").await.unwrap();
        store.gate(lsn).await.unwrap();
        store.rt.sleep(Duration::from_millis(50)).await;
        prepared.commit(CommitOptions::default()).await.unwrap();
        let patience = store.rt.sleep(Duration::from_secs(60));
        match futures::future::select(rx, patience).await {
            futures::future::Either::Left((done, _)) => {
                assert!(matches!(done.unwrap(), Inserted::Duplicate(Duplicate { index: 0, .. })));
            }
            futures::future::Either::Right(_) => panic!("the second transaction hangs"),
        }
        store.shutdown().await.unwrap();
    });
}

/// What happens to rows in memory leaves nothing in the log, and their old versions are bounded and go.
#[test]
fn memory_relations_log_nothing() {
    let disk = SimDisk::new();
    run(4, &disk, |store| async move {
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        let heap = t.create_relation(RelationKind::Heap, Durability::Memory).await.unwrap();
        let overflow = t.create_relation(RelationKind::Overflow, Durability::Memory).await.unwrap();
        let mut indexes = Vec::new();
        for method in [Method::BTREE, Method::HASH] {
            let rel = t.create_relation(RelationKind::Index(method), Durability::Memory).await.unwrap();
            indexes.push(IndexDesc { rel, heap, complete: true, method });
        }
        let layout = Arc::new(TableLayout::simple(&[Decode::I32, Decode::Bin]).unwrap());
        let d = TableDesc { rel: Rel::new(heap, overflow), layout, indexes };
        let logged = make_table(&store).await;
        put(&mut t, &logged, 0, b"logged").await;
        t.commit(CommitOptions::default()).await.unwrap();
        for round in 0..30 {
            let mut t = store.begin(Isolation::ReadCommitted).unwrap();
            t.ensure_xid().await.unwrap();
            let (before, undo) = (store.log.end_lsn(), store.core.undo.bytes());
            let mut rows = Vec::new();
            for k in 0..60 {
                let (kb, v) = (key(k), vec![k as u8; if k % 10 == 0 { 9_000 } else { 300 }]);
                let keys = [Some(Key { bytes: &kb, unique: true }), Some(Key { bytes: &kb, unique: false })];
                let done = t.insert(&d, &[Datum::Bytes(&k.to_le_bytes()), Datum::Bytes(&v)], &keys).await.unwrap();
                let Inserted::Row(rid) = done else { panic!("{done:?}") };
                rows.push((k, rid));
            }
            let mark = t.savepoint();
            t.next_command();
            for (k, rid) in &rows {
                let (snap, kb) = (t.snapshot(), key(*k));
                let mut old = RowBuf::new();
                assert!(t.fetch(&snap, d.rel, *rid, &mut old).await.unwrap());
                let done = t.delete(&d, &snap, *rid, &old, &[Some(&kb), Some(&kb)]).await.unwrap();
                assert_eq!(done, TmResult::Ok);
            }
            // A change of a logged table in between, undone in its own order.
            put(&mut t, &logged, 1000 + round, b"logged").await;
            let at = store.log.end_lsn();
            if round % 3 == 0 {
                t.rollback_to(&mark).await.unwrap();
                for (k, rid) in &rows {
                    let snap = t.snapshot();
                    let mut row = RowBuf::new();
                    assert!(t.fetch(&snap, d.rel, *rid, &mut row).await.unwrap(), "row {k}");
                }
                t.abort().await.unwrap();
                continue;
            }
            assert!(store.core.undo.bytes().saturating_sub(undo) < 2_000, "undo of rows in memory is logged");
            assert!(at.0 - before.0 < 4_000, "{} bytes of log", at.0 - before.0);
            t.commit(CommitOptions::default()).await.unwrap();
            while store.purge_round().await.unwrap() || !store.core.undo.dead_memory().is_empty() {
                store.rt.sleep(Duration::from_millis(1)).await;
            }
        }
        store.shutdown().await.unwrap();
    });
}

/// The past can be read as far back as it is kept, and no further; what is held stays.
#[test]
fn the_past_is_read_within_its_retention() {
    let disk = SimDisk::new();
    let rt = SimRuntime::new(9);
    let io = SimIo::new(&rt, &disk, SimFaults::default());
    let rt2: RuntimeRef = rt.clone();
    rt.block_on(async move {
        let opts = StoreOptions { undo_retention_micros: 500_000, ..small() };
        let store = Store::open(opts, io, rt2).await.unwrap();
        let d = make_table(&store).await;
        let mut then = Vec::new();
        for round in 0..10 {
            let mut t = store.begin(Isolation::ReadCommitted).unwrap();
            put(&mut t, &d, round, b"row").await;
            t.commit(CommitOptions::default()).await.unwrap();
            then.push((store.txns().last_scn(), round + 1));
            store.runtime().sleep(Duration::from_millis(100)).await;
        }
        let count = async |snap: &Snapshot| {
            let mut n = 0;
            let mut t = store.begin(Isolation::ReadCommitted).unwrap();
            for k in 0..10 {
                let mut buf = RowBuf::new();
                n += i32::from(
                    t.point_get(snap, d.rel, &d.indexes[0], &key(k), &mut buf, |_| Ok(true)).await.unwrap().is_some(),
                );
            }
            n
        };
        store.purge_round().await.unwrap();
        let (mut read, mut gone) = (0, 0);
        for (scn, rows) in &then {
            match store.snapshot_at(*scn) {
                Ok((snap, _held)) => {
                    assert_eq!(count(&snap).await, *rows);
                    read += 1;
                }
                Err(e) => {
                    assert_eq!(e.code, SqlState::SNAPSHOT_TOO_OLD);
                    gone += 1;
                }
            }
        }
        assert!(read >= 4 && gone >= 3, "{read} read, {gone} gone");
        // Held, it outlives its time.
        let (snap, held) = store.snapshot_at(then[9].0).unwrap();
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        put(&mut t, &d, 77, b"later").await;
        t.commit(CommitOptions::default()).await.unwrap();
        store.runtime().sleep(Duration::from_secs(5)).await;
        store.purge_round().await.unwrap();
        assert_eq!(count(&snap).await, 10);
        drop(held);
        store.purge_round().await.unwrap();
        assert_eq!(store.snapshot_at(then[9].0).map(drop).unwrap_err().code, SqlState::SNAPSHOT_TOO_OLD);
        let future = Scn::from_micros(store.runtime().now_micros() + 10_000_000);
        assert_eq!(store.snapshot_at(future).map(drop).unwrap_err().code, SqlState::INVALID_PARAMETER_VALUE);
        store.shutdown().await.unwrap();
    })
    .unwrap();
    rt.shutdown();
}

/// Redo meets changes of pages that are gone before it can know whether their relation was dropped.
#[test]
fn a_missing_file_is_corruption_unless_the_log_drops_it() {
    let disk = SimDisk::new();
    let d = run(1, &disk, |store| async move {
        let d = make_table(&store).await;
        let mut t = store.begin(Isolation::ReadCommitted).unwrap();
        for k in 0..50 {
            put(&mut t, &d, k, b"at home").await;
        }
        t.commit(CommitOptions::default()).await.unwrap();
        store.shutdown().await.unwrap();
        d
    });
    // Changes of pages that were there before the log begins, then the drop or not.
    let changed = |drop: bool| {
        let (after, d) = (disk.fork(), d.clone());
        run(2, &after, move |store| async move {
            let mut t = store.begin(Isolation::ReadCommitted).unwrap();
            for k in 50..60 {
                put(&mut t, &d, k, b"in the log").await;
            }
            let done = t.commit(CommitOptions::default()).await.unwrap();
            store.gate(done.lsn).await.unwrap();
            if drop {
                let mut t = store.begin(Isolation::ReadCommitted).unwrap();
                t.drop_relation(d.rel.id).await.unwrap();
                t.drop_relation(d.indexes[0].rel).await.unwrap();
                t.commit(CommitOptions::default()).await.unwrap();
                while store.relations().await.unwrap().contains(&d.rel.id) {
                    store.rt.sleep(Duration::from_millis(10)).await;
                }
            }
            std::mem::forget(store);
        });
        after.kill(3)
    };
    let reopened = |disk: &SimDisk, remove: Option<String>| {
        let rt = SimRuntime::new(4);
        let io: crate::io::IoRef = SimIo::new(&rt, disk, SimFaults::default());
        let rt2: RuntimeRef = rt.clone();
        let out = rt
            .block_on(async move {
                if let Some(file) = remove {
                    io.remove(&file).await?;
                }
                Store::open(small(), io, rt2).await.map(drop)
            })
            .expect("runs to its end");
        rt.shutdown();
        out
    };
    let heap = crate::buf::files::file_of(d.rel.id, 0);
    let dropped = changed(true);
    assert!(dropped.content(&heap).is_none(), "purge has removed the file");
    reopened(&dropped, None).expect("the log says that the relation was dropped");
    let kept = changed(false);
    reopened(&kept, None).expect("nothing is missing");
    let refused = reopened(&kept, Some(heap)).expect_err("a file is missing");
    assert!(refused.message.contains("has LSN 0 where the log expects"), "{refused:?}");
}
