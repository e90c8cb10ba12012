//! The crash gate: seeded workloads over the simulated disk, reopened as after a crash at their I/Os.
//!
//! One run of a seed is observed at every changing disk operation (or every n-th): a copy of the disk as a power cut at
//! that instant would leave it (any subset of what is not durable, torn at sectors) is recovered by the production code and
//! compared with the history of commits: every acknowledged commit is there, every other one whole or not at all and
//! only as a prefix in commit order, every index agrees with its heap, nothing is left over.
//!
//! `RUSTYDB_SIM_SEEDS=50` runs that many seeds at every I/O (hours in a debug build: use `--release`);
//! `RUSTYDB_SIM_SEED=7` runs one; `RUSTYDB_SIM_EVERY=n` looks at every n-th I/O only; `RUSTYDB_SIM_OPS` sets the operations
//! of a seed (2,000). Without any, a few seeds at sampled I/Os run in test time.

mod crash {
    pub mod check;
    pub mod model;
    pub mod rows;
    pub mod workload;
}

use crash::check::{options, reopened};
use crash::model::Model;
use crash::workload::{World, session};
use parking_lot::Mutex;
use rustydb_storage::io::sim::{SimDisk, SimFaults, SimIo};
use rustydb_storage::rt::{RuntimeRef, oneshot};
use rustydb_storage::sequence::SequenceState;
use rustydb_storage::sim::SimRuntime;
use rustydb_storage::store::{CommitOptions, RelationKind, Store};
use rustydb_storage::txn::Isolation;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|v| v.parse().ok())
}

/// Runs a seed, trying a crash at every `every`-th I/O. Answers how many I/Os there were and how many were tried.
fn seed(seed: u64, ops: usize, every: u64) -> (u64, u64) {
    let (rt, disk) = (SimRuntime::new(seed), SimDisk::new());
    let io = SimIo::new(&rt, &disk, SimFaults::default());
    let model = Arc::new(Mutex::new(Model::default()));
    let (sequence, tried) = (Arc::new(Mutex::new(None)), Arc::new(AtomicU64::new(0)));
    let (model2, disk2, sequence2, tried2) = (model.clone(), disk.clone(), sequence.clone(), tried.clone());
    io.observe(Arc::new(move |n| {
        if (n + seed) % every != 0 {
            return;
        }
        // Before the sequence exists there is nothing to compare with.
        let Some(rel) = *sequence2.lock() else { return };
        tried2.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let fate = seed.wrapping_mul(1_000_003).wrapping_add(n);
        let found = disk2.crash(fate);
        // Now and then the recovery is cut as well.
        let again = n.is_multiple_of(5).then_some(1 + fate % 60);
        let snapshot = model2.lock().clone();
        reopened(&format!("seed {seed}, crash at I/O {n}"), &found, snapshot, rel, fate, again);
    }));
    let (rt2, io2, model3): (RuntimeRef, _, _) = (rt.clone(), io.clone(), model.clone());
    let outcome = rt.block_on(async move {
        let store = Store::open(options(), io2, rt2.clone()).await?;
        let mut t = store.begin(Isolation::ReadCommitted)?;
        let start = SequenceState { last: 1, is_called: false };
        let rel = t.create_relation(RelationKind::Sequence(start)).await?;
        let done = t.commit(CommitOptions::default()).await?;
        store.gate(done.lsn).await?;
        *sequence.lock() = Some(rel);
        let world = Arc::new(World {
            store: store.clone(),
            model: model3,
            sequence: rel,
            left: AtomicUsize::new(ops),
            next_table: AtomicUsize::new(1),
        });
        let mut ends = Vec::new();
        for id in 1..=5 {
            let (tx, rx) = oneshot::channel();
            let world = world.clone();
            rt2.spawn(
                "session",
                Box::pin(async move {
                    let _ = tx.send(session(world, id, seed).await);
                }),
            );
            ends.push(rx);
        }
        for end in ends {
            end.await.expect("sessions end by themselves")?;
        }
        store.shutdown().await
    });
    rt.shutdown();
    match outcome {
        Ok(Ok(())) => {}
        other => panic!("seed {seed}: the run itself failed: {other:?}"),
    }
    (io.changes(), tried.load(std::sync::atomic::Ordering::Relaxed))
}

#[test]
fn crash_gate() {
    let ops = number("RUSTYDB_SIM_OPS").unwrap_or(2_000) as usize;
    let long = number("RUSTYDB_SIM_SEEDS");
    let (seeds, every) = match (number("RUSTYDB_SIM_SEED"), long) {
        (Some(s), _) => (s..s + 1, 1),
        (None, Some(n)) => (1..n + 1, 1),
        (None, None) => (1..4, 61),
    };
    let every = number("RUSTYDB_SIM_EVERY").unwrap_or(every);
    for s in seeds {
        let (ios, tried) = seed(s, ops, every.max(1));
        println!("seed {s}: {ios} I/Os, {tried} crashes tried, all recovered");
    }
}
