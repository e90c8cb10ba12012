//! Deterministic simulation: the production code on a seeded executor with a virtual clock and a faulty disk
//! ([`crate::io::sim`]). One seed replays everything. What it cannot see is true parallelism: latches and atomics are
//! tested apart.

mod exec;

pub use exec::{SimRuntime, SimStop};
