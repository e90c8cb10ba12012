//! How fast a crash is recovered from, and that what must be rolled back does not keep the store closed.
//!
//! The tables are at home when the log begins, as in a database that has run for a while, so redo has pages to read.

use crate::measure::{Bound, Figure, cpu_nanos};
use crate::world::{Bank, Dir, open, quiet, runtime};
use rustydb_base::Result;
use rustydb_storage::heap::RowBuf;
use rustydb_storage::store::StoreOptions;
use rustydb_storage::txn::Isolation;
use rustydb_storage::wal::LOG_BYTES;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Changes that an unfinished transaction leaves.
const LOST: i32 = 300_000;

pub fn figures() -> Vec<Figure> {
    let wanted = std::env::var("RUSTYDB_BENCH_REDO_MB").ok().and_then(|v| v.parse().ok()).unwrap_or(400) << 20;
    let (plain, cpu, bytes, _) = crash(wanted, 0).expect("a run");
    let (loaded, _, bytes2, losers) = crash(wanted, LOST).expect("a run");
    let rate = bytes as f64 / (1 << 20) as f64 / plain;
    // What the rollback's redo itself takes is not the rollback's fault.
    let beyond = loaded - plain * bytes2 as f64 / bytes as f64;
    assert!(losers > 0, "there is nothing to roll back");
    vec![
        Figure::new(format!("recovery of {} MiB of redo", bytes >> 20), rate, "MiB/s", Bound::AtLeast(300.0)),
        // What the machine could do if nothing else ran on it.
        Figure::new(
            "the same for each second of a processor",
            bytes as f64 / (1 << 20) as f64 / cpu,
            "MiB/s",
            Bound::None,
        ),
        Figure::new(format!("open after redo, {LOST} changes to roll back"), beyond, "s", Bound::AtMost(1.0)),
    ]
}

/// [`quiet`], perhaps with a pool that does not hold all that changes.
fn options() -> StoreOptions {
    let pool = std::env::var("RUSTYDB_BENCH_POOL_MB").ok().and_then(|v| v.parse::<usize>().ok());
    let quiet = quiet();
    StoreOptions { pool_bytes: pool.map_or(quiet.pool_bytes, |mb| mb << 20), ..quiet }
}

/// Makes a log, lets the process's work stop as a kill would, and opens again: seconds, seconds of processors,
/// bytes of redo, losers.
fn crash(wanted: u64, lost: i32) -> Result<(f64, f64, u64, usize)> {
    let dir = Dir::new("recovery");
    let rt = runtime(4);
    let bytes = rt.block_on(async {
        let store = open(&dir, options()).await;
        let bank = Arc::new(Bank::new(&store, 300_000).await?);
        store.shutdown().await?;
        drop(store);
        let store = open(&dir, options()).await;
        let from = LOG_BYTES.get();
        let tasks: Vec<_> = (0..8u64)
            .map(|s| {
                let (store, bank) = (store.clone(), bank.clone());
                tokio::spawn(async move {
                    let session = store.session(s as i32);
                    let mut row = RowBuf::new();
                    let mut n = s << 40;
                    // Many changes a transaction, so that the log grows faster than it is synced.
                    while LOG_BYTES.get() - from < wanted {
                        let mut t = session.begin(Isolation::ReadCommitted)?;
                        for _ in 0..500 {
                            n += 1;
                            // Every session has its own part, so that none waits.
                            let k = s as i32 * 30_000 + ((n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % 30_000) as i32;
                            bank.add(&mut t, &bank.accounts, k, 1, &mut row).await?;
                        }
                        crate::world::commit(&store, t).await?;
                    }
                    Ok::<_, rustydb_base::DbError>(())
                })
            })
            .collect();
        for t in tasks {
            t.await.expect("no panic")?;
        }
        let mut row = RowBuf::new();
        let session = store.session(99);
        let mut t = session.begin(Isolation::ReadCommitted)?;
        for i in 0..lost {
            bank.add(&mut t, &bank.accounts, 240_000 + i % 60_000, 1, &mut row).await?;
        }
        // Somebody's commit makes all of it durable; its account is none of those locked above.
        bank.transfer(&store.session(98), 0, &mut row, None).await?;
        let bytes = LOG_BYTES.get() - from;
        std::mem::forget(t);
        std::mem::forget(store);
        Ok::<_, rustydb_base::DbError>(bytes)
    })?;
    rt.shutdown_background();
    std::thread::sleep(Duration::from_secs(1));
    let rt = runtime(4);
    rt.block_on(async {
        let (began, busy) = (Instant::now(), cpu_nanos());
        let store = open(&dir, options()).await;
        let took = began.elapsed().as_secs_f64();
        let cpu = cpu_nanos().saturating_sub(busy) as f64 / 1e9;
        let losers = store.losers();
        store.shutdown().await?;
        Ok((took, cpu, bytes, losers))
    })
}
