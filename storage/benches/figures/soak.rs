//! Short transactions for a long time: neither memory nor disk may grow once the store has found its size.

use crate::measure::{Bound, Figure, mean, resident};
use crate::world::{Bank, Dir, open, runtime};
use rustydb_base::{DbError, Result, Rid};
use rustydb_storage::heap::RowBuf;
use rustydb_storage::store::StoreOptions;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Accounts: about 300 MB with their index.
const ROWS: i32 = 2_000_000;
/// History rows that stay per session.
const KEPT: usize = 2_000;
const SESSIONS: u64 = 8;
/// Looks at memory and disk.
const LOOKS: u32 = 200;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

pub fn figures() -> Vec<Figure> {
    let dir = Arc::new(Dir::new("soak"));
    let rows = number("RUSTYDB_SOAK_ROWS", ROWS as u64) as i32;
    let options = StoreOptions {
        // An eighth of the data.
        pool_bytes: rows as usize * 150 / 8,
        checkpoint_distance: 64 << 20,
        checkpoint_timeout: Duration::from_secs(30),
        wal_segment_size: 16 << 20,
        undo_retention_micros: 1_000_000,
        max_transactions: 64,
        ..StoreOptions::default()
    };
    runtime(4).block_on(soak(dir, options, rows)).expect("a run")
}

async fn soak(dir: Arc<Dir>, options: StoreOptions, rows: i32) -> Result<Vec<Figure>> {
    let time = Duration::from_secs(60 * number("RUSTYDB_SOAK_MINUTES", 60));
    let most = number("RUSTYDB_SOAK_TRANSACTIONS", 20_000_000);
    let store = open(&dir, options).await;
    let bank = Arc::new(Bank::new(&store, rows).await?);
    println!("soak: {} MiB on disk, {} MiB resident", dir.bytes() >> 20, resident() >> 20);
    let (done, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let tasks: Vec<_> = (0..SESSIONS)
        .map(|s| {
            let (store, bank, done) = (store.clone(), bank.clone(), done.clone());
            tokio::spawn(async move {
                let session = store.session(s as i32);
                let mut row = RowBuf::new();
                let mut kept: VecDeque<Rid> = VecDeque::new();
                while began.elapsed() < time {
                    let n = done.fetch_add(1, Ordering::Relaxed);
                    if n >= most {
                        break;
                    }
                    let old = if kept.len() >= KEPT { kept.pop_front() } else { None };
                    kept.push_back(bank.transfer(&session, n, &mut row, old).await?);
                }
                Ok::<_, DbError>(())
            })
        })
        .collect();
    let mut looks: Vec<(f64, f64)> = Vec::new();
    let part = |n: u64| (n as f64 / most as f64).max(began.elapsed().as_secs_f64() / time.as_secs_f64());
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if part(done.load(Ordering::Relaxed)) * f64::from(LOOKS) >= (looks.len() + 1) as f64 {
            looks.push((resident() as f64, dir.bytes() as f64));
            if looks.len().is_multiple_of(20) {
                let (memory, disk) = looks[looks.len() - 1];
                println!(
                    "soak: {:>9} transactions, {:>5} s, {:>6.1} MiB resident, {:>7.1} MiB on disk",
                    done.load(Ordering::Relaxed),
                    began.elapsed().as_secs(),
                    memory / 1048576.0,
                    disk / 1048576.0
                );
            }
        }
    }
    for t in tasks {
        t.await.expect("no panic")?;
    }
    let n = done.load(Ordering::Relaxed).min(most);
    store.shutdown().await?;
    let growth = |of: fn(&(f64, f64)) -> f64| {
        let v: Vec<f64> = looks.iter().map(of).collect();
        let (half, quarter) = (v.len() / 2, v.len() / 4 * 3);
        (mean(&v[quarter..]) / mean(&v[half..quarter]) - 1.0) * 100.0
    };
    let what = format!("{n} transactions in {} s", began.elapsed().as_secs());
    Ok(vec![
        Figure::new(format!("soak, {what}: memory of the last quarter"), growth(|l| l.0), "% more", Bound::AtMost(2.0)),
        Figure::new(format!("soak, {what}: disk of the last quarter"), growth(|l| l.1), "% more", Bound::AtMost(2.0)),
    ])
}
