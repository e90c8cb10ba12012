//! CPU per operation, redo per transaction, rows per second.

use crate::measure::{Bound, Figure, cpu_nanos, median};
use crate::world::{Bank, Dir, commit, fill, find, open, quiet, runtime, table};
use rustydb_base::Result;
use rustydb_storage::heap::{Decode, RowBuf};
use rustydb_storage::io::IO_WRITE_BYTES;
use rustydb_storage::scan::{ScanEnv, TableScan};
use rustydb_storage::store::{CommitOptions, Interrupt};
use rustydb_storage::txn::Isolation;
use rustydb_storage::wal::{LOG_BATCHES, LOG_BYTES};
use std::sync::Arc;
use std::time::Instant;

/// Rounds that count; one more before them warms up. `RUSTYDB_BENCH_ROUNDS` where the disk is too slow for as many.
fn rounds() -> usize {
    std::env::var("RUSTYDB_BENCH_ROUNDS").ok().and_then(|v| v.parse().ok()).unwrap_or(9)
}

pub fn point_reads() -> Vec<Figure> {
    let dir = Dir::new("point");
    let micros = runtime(2).block_on(async {
        let store = open(&dir, quiet()).await;
        let bank = Bank::new(&store, 200_000).await?;
        let session = store.session(1);
        let mut row = RowBuf::new();
        let mut out = Vec::new();
        const N: u64 = 100_000;
        for round in 0..rounds() as u64 + 1 {
            let before = cpu_nanos();
            for i in 0..N {
                let k = ((i + round * N).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % 200_000;
                let mut t = session.begin(Isolation::ReadCommitted)?;
                let snap = t.snapshot();
                find(&mut t, &bank.accounts, &snap, k as i32, &mut row).await?;
                t.commit(CommitOptions::default()).await?;
            }
            out.push((cpu_nanos() - before) as f64 / N as f64 / 1000.0);
        }
        store.shutdown().await?;
        // The first round warms up.
        out.remove(0);
        Ok::<_, rustydb_base::DbError>(median(out))
    });
    vec![Figure::new("point read by key, begin to commit", micros.expect("a run"), "us CPU", Bound::AtMost(2.0))]
}

pub fn updates() -> Vec<Figure> {
    let dir = Dir::new("update");
    const SESSIONS: u64 = 8;
    const N: u64 = 4_000;
    let medians: Result<[f64; 3]> = runtime(8).block_on(async {
        let store = open(&dir, quiet()).await;
        let bank = Arc::new(Bank::new(&store, 200_000).await?);
        let (mut cpu, mut shared, mut rate) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds() as u64 + 1 {
            let (before, batches, began) = (cpu_nanos(), LOG_BATCHES.get(), Instant::now());
            let tasks: Vec<_> = (0..SESSIONS)
                .map(|s| {
                    let (store, bank) = (store.clone(), bank.clone());
                    tokio::spawn(async move {
                        let session = store.session(s as i32);
                        let mut row = RowBuf::new();
                        for i in 0..N {
                            let n = (round * SESSIONS + s) * N + i;
                            let k = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % 200_000;
                            let mut t = session.begin(Isolation::ReadCommitted)?;
                            bank.add(&mut t, &bank.accounts, k as i32, 1, &mut row).await?;
                            commit(&store, t).await?;
                        }
                        Ok::<_, rustydb_base::DbError>(())
                    })
                })
                .collect();
            for t in tasks {
                t.await.expect("no panic")?;
            }
            let updates = (SESSIONS * N) as f64;
            cpu.push((cpu_nanos() - before) as f64 / updates / 1000.0);
            shared.push(updates / (LOG_BATCHES.get() - batches) as f64);
            rate.push(updates / began.elapsed().as_secs_f64());
        }
        store.shutdown().await?;
        Ok([cpu, shared, rate].map(|mut rounds| {
            rounds.remove(0);
            median(rounds)
        }))
    });
    let [cpu, shared, rate] = medians.expect("a run");
    let what = "update by key with group commit, 8 threads, begin to durable";
    vec![
        Figure::new(what, cpu, "us CPU", Bound::AtMost(8.0)),
        Figure::new("    updates that share a write of the log", shared, "", Bound::None),
        Figure::new("    updates by the clock, disk included", rate, "per s", Bound::None),
    ]
}

pub fn redo_bytes() -> Vec<Figure> {
    let dir = Dir::new("redo");
    const N: u64 = 20_000;
    let figures: Result<Vec<Figure>> = runtime(2).block_on(async {
        let store = open(&dir, quiet()).await;
        let bank = Arc::new(Bank::new(&store, 200_000).await?);
        let mut out = Vec::new();
        let mut done = 0;
        for (when, before) in [("long after a checkpoint", N), ("right after a checkpoint", 0)] {
            if before == 0 {
                store.checkpoint().await?;
            }
            run(&store, &bank, &mut done, before).await?;
            let (bytes, written) = (LOG_BYTES.get(), IO_WRITE_BYTES.get());
            run(&store, &bank, &mut done, N).await?;
            let per = |now: u64, then: u64| (now - then) as f64 / N as f64;
            let figure = per(LOG_BYTES.get(), bytes);
            out.push(Figure::new(format!("redo per TPC-B transaction {when}"), figure, "bytes", Bound::AtMost(450.0)));
            let padded = per(IO_WRITE_BYTES.get(), written);
            out.push(Figure::new(
                format!("    padded to whole blocks, 8 sessions, {when}"),
                padded,
                "bytes",
                Bound::None,
            ));
        }
        store.shutdown().await?;
        Ok(out)
    });
    figures.expect("a run")
}

async fn run(store: &Arc<rustydb_storage::store::Store>, bank: &Arc<Bank>, done: &mut u64, n: u64) -> Result<()> {
    const SESSIONS: u64 = 8;
    let from = *done;
    let tasks: Vec<_> = (0..SESSIONS)
        .map(|s| {
            let (store, bank) = (store.clone(), bank.clone());
            tokio::spawn(async move {
                let session = store.session(s as i32);
                let mut row = RowBuf::new();
                for i in (s..n).step_by(SESSIONS as usize) {
                    bank.transfer(&session, from + i, &mut row, None).await?;
                }
                Ok::<_, rustydb_base::DbError>(())
            })
        })
        .collect();
    for t in tasks {
        t.await.expect("no panic")?;
    }
    *done += n;
    Ok(())
}

pub fn scan() -> Vec<Figure> {
    let dir = Dir::new("scan");
    const ROWS: i32 = 2_000_000;
    let rate: Result<f64> = runtime(2).block_on(async {
        let store = open(&dir, quiet()).await;
        let mut t = store.begin(Isolation::ReadCommitted)?;
        let d = table(&mut t, &[Decode::I32, Decode::I64], false).await?;
        commit(&store, t).await?;
        fill(&store, &d, ROWS, |k| vec![k.to_le_bytes().to_vec(), i64::from(k).to_le_bytes().to_vec()]).await?;
        store.checkpoint().await?;
        let mut out = Vec::new();
        for _ in 0..rounds() + 1 {
            let mut t = store.begin(Isolation::RepeatableRead)?;
            let env = ScanEnv { store: store.clone(), snap: t.snapshot(), interrupt: Interrupt::new() };
            let blocks = store.read(|core| core.space.nblocks(d.rel.id, &core.pool)).await?;
            let before = cpu_nanos();
            let mut scan = TableScan::new(env, d.rel, d.layout.clone(), vec![0, 1], 0..blocks);
            let mut rows = 0;
            while let Some((_, n)) = scan.next(8192).await? {
                rows += n;
            }
            assert_eq!(rows, ROWS as usize);
            out.push(rows as f64 / (cpu_nanos() - before) as f64 * 1000.0);
            t.abort().await?;
        }
        store.shutdown().await?;
        out.remove(0);
        Ok(median(out))
    });
    let what = "sequential scan to Arrow, int and bigint";
    vec![Figure::new(what, rate.expect("a run"), "M rows/s", Bound::AtLeast(10.0))]
}
