//! The crash gate: seeded workloads over the simulated disk, reopened as after a crash at their I/Os.
//!
//! One run of a seed is observed at every changing disk operation (or every n-th): a copy of the disk as a power cut at
//! that instant would leave it (any subset of what is not durable, torn at sectors) is recovered by the production code and
//! compared with the history of commits: every acknowledged commit is there, every other one whole or not at all and
//! only as a prefix in commit order, every index agrees with its heap, nothing is left over.
//!
//! `seeds.rs` has the wide search: many seeds, each with a fault of its own and a few crashes, going on after every recovery.
//!
//! `RUSTYDB_SIM_SEEDS=50` runs that many seeds at every I/O (hours in a debug build: use `--release`);
//! `RUSTYDB_SIM_SEED=7` runs one; `RUSTYDB_SIM_EVERY=n` looks at every n-th I/O only; `RUSTYDB_SIM_OPS` sets the operations
//! of a seed (2,000). Without any, a few seeds at sampled I/Os run in test time.

mod crash {
    pub mod check;
    pub mod damage;
    pub mod faults;
    pub mod model;
    pub mod rows;
    pub mod run;
    pub mod seeds;
    pub mod workload;
}

use crash::check::reopened;
use crash::run::Run;
use rustydb_storage::io::sim::SimFaults;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|v| v.parse().ok())
}

/// Runs a seed, trying a crash at every `every`-th I/O. Answers how many I/Os there were and how many were tried.
fn seed(seed: u64, ops: usize, every: u64) -> (u64, u64) {
    let run = Run::new(seed, SimFaults::default());
    let tried = Arc::new(AtomicU64::new(0));
    let (model, disk, sequence, tried2) = (run.model.clone(), run.disk.clone(), run.sequence.clone(), tried.clone());
    run.io.observe(Arc::new(move |n| {
        // Before the sequence exists there is nothing to compare with.
        let Some(rel) = *sequence.lock() else { return };
        if !(n + seed).is_multiple_of(every) {
            return;
        }
        tried2.fetch_add(1, Ordering::Relaxed);
        let fate = seed.wrapping_mul(1_000_003).wrapping_add(n);
        let found = disk.crash(fate);
        // Now and then the recovery is cut as well.
        let again = n.is_multiple_of(5).then_some(1 + fate % 60);
        let history = model.lock().clone();
        reopened(&format!("seed {seed}, crash at I/O {n}"), &found, history, rel, fate, again);
    }));
    match run.go(seed, ops) {
        Ok(Ok(())) => (run.io.changes(), tried.load(Ordering::Relaxed)),
        other => panic!("seed {seed}: the run itself failed: {other:?}"),
    }
}

/// A write or sync that fails stops the store; nothing acknowledged is lost then, and nothing hangs.
#[test]
fn an_io_error_stops_the_store() {
    let mut stopped = 0;
    for seed in 1..=24u64 {
        let nth = Some(20 + seed * 11);
        let faults = if seed.is_multiple_of(2) {
            SimFaults { sync_error_at: Some(2 + seed / 2), ..SimFaults::default() }
        } else {
            SimFaults { write_error_at: nth, ..SimFaults::default() }
        };
        let run = Run::new(seed, faults);
        match run.go(seed, 700) {
            Ok(Ok(())) => continue,
            Ok(Err(_)) => stopped += 1,
            Err(stop) => panic!("seed {seed} with {faults:?}: {stop:?}"),
        }
        let Some(rel) = *run.sequence.lock() else { continue };
        let history = run.model.lock().clone();
        reopened(&format!("seed {seed} after {faults:?}"), &run.disk.crash(seed), history, rel, seed, None);
    }
    assert!(stopped > 12, "only {stopped} of 24 runs met their fault");
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
