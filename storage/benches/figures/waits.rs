//! The search for deadlocks among very many waiters, and very deep savepoints.

use crate::measure::{Bound, Figure, median};
use crate::world::{Bank, Dir, commit, open, quiet, runtime};
use rustydb_base::Result;
use rustydb_storage::heap::RowBuf;
use rustydb_storage::lock::{LockManager, LockMode, LockTarget};
use rustydb_storage::rt::TokioRuntime;
use rustydb_storage::txn::Isolation;
use rustydb_storage::wait::Wait;
use std::time::{Duration, Instant};

const WAITERS: i32 = 10_000;
const DEPTH: usize = 10_000;

fn table(oid: i32) -> LockTarget {
    LockTarget::Relation { db: 1, oid: oid as u32 }
}

/// Waiters whose last one closes a cycle: a chain through all of them, and queues that are as long as they may be.
pub fn deadlock() -> Vec<Figure> {
    let millis = runtime(2).block_on(async {
        let locks = LockManager::new(TokioRuntime::new(tokio::runtime::Handle::current()));
        let owners: Vec<_> = (0..WAITERS).map(|i| locks.register(i)).collect();
        for (i, o) in (0..WAITERS).zip(&owners) {
            assert!(locks.try_acquire(o, table(i), LockMode::Exclusive).is_ok());
        }
        for (i, o) in (0..WAITERS - 1).zip(&owners) {
            assert!(matches!(locks.try_acquire(o, table(i + 1), LockMode::Exclusive), Err(Wait::Lock(_))));
        }
        let last = &owners[WAITERS as usize - 1];
        let mut out = Vec::new();
        for _ in 0..11 {
            let Err(Wait::Lock(ticket)) = locks.try_acquire(last, table(0), LockMode::Exclusive) else {
                panic!("the first table is taken")
            };
            // Beyond the timer it takes exactly one search.
            let began = Instant::now();
            let end = locks.wait(last, ticket, Duration::ZERO).await;
            out.push(began.elapsed().as_secs_f64() * 1000.0);
            assert!(end.is_err(), "there is a cycle");
        }
        median(out)
    });
    let of = |what: &str, millis| {
        Figure::new(format!("deadlock of {WAITERS} waiters {what}, timer included"), millis, "ms", Bound::AtMost(10.0))
    };
    vec![of("in a chain found", millis), of("in ten queues found", queues())]
}

/// Ten queues; the holder of each waits at the end of the next one's, the last one's at the end of the first one's.
fn queues() -> f64 {
    const QUEUES: usize = 10;
    let each = WAITERS as usize / QUEUES;
    runtime(2).block_on(async {
        let locks = LockManager::new(TokioRuntime::new(tokio::runtime::Handle::current()));
        let owners: Vec<_> = (0..WAITERS).map(|i| locks.register(i)).collect();
        let waits = |i: usize, q: usize| {
            let asked = locks.try_acquire(&owners[i], table(q as i32), LockMode::Exclusive);
            let Err(Wait::Lock(ticket)) = asked else { panic!("the table is taken") };
            ticket
        };
        for q in 0..QUEUES {
            assert!(locks.try_acquire(&owners[q * each], table(q as i32), LockMode::Exclusive).is_ok());
            for i in 1..each {
                waits(q * each + i, q);
            }
        }
        for q in 0..QUEUES - 1 {
            waits(q * each, q + 1);
        }
        let last = (QUEUES - 1) * each;
        let mut out = Vec::new();
        for _ in 0..11 {
            let ticket = waits(last, 0);
            let began = Instant::now();
            let end = locks.wait(&owners[last], ticket, Duration::ZERO).await;
            out.push(began.elapsed().as_secs_f64() * 1000.0);
            assert!(end.is_err(), "there is a cycle");
        }
        median(out)
    })
}

/// Savepoints inside each other, each with a change; then back to the middle, and commit.
pub fn savepoints() -> Vec<Figure> {
    let dir = Dir::new("savepoints");
    let micros: Result<f64> = runtime(2).block_on(async {
        let store = open(&dir, quiet()).await;
        let bank = Bank::new(&store, 1_000).await?;
        let mut row = RowBuf::new();
        let mut t = store.begin(Isolation::ReadCommitted)?;
        let began = Instant::now();
        let mut points = Vec::new();
        for i in 0..DEPTH {
            points.push(t.savepoint());
            bank.add(&mut t, &bank.accounts, i as i32 % 1_000, 1, &mut row).await?;
        }
        t.rollback_to(&points[DEPTH / 2]).await?;
        let took = began.elapsed().as_secs_f64() * 1e6 / DEPTH as f64;
        commit(&store, t).await?;
        let mut t = store.begin(Isolation::ReadCommitted)?;
        let snap = t.snapshot();
        for k in [0, 999] {
            crate::world::find(&mut t, &bank.accounts, &snap, k, &mut row).await?;
            let rustydb_storage::heap::Datum::Bytes(b) = bank.accounts.layout.value(&row, 2)? else { panic!("NULL") };
            assert_eq!(b, (DEPTH as i32 / 2_000).to_le_bytes(), "half of the changes remain");
        }
        t.abort().await?;
        store.shutdown().await?;
        Ok(took)
    });
    let what = format!("a savepoint and a change, {DEPTH} deep, half rolled back");
    vec![Figure::new(what, micros.expect("a run"), "us", Bound::AtMost(100.0))]
}
