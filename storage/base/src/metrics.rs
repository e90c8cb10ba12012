//! The one metrics registry: a closed set of counters and gauges, each a static atomic declared by the module that
//! owns the mechanism and registered in that crate's list. Reading never blocks writers.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number that only grows.
pub struct Counter {
    /// Name as shown in `pg_stat`-like views and `/metrics`.
    pub name: &'static str,
    /// One line for people.
    pub help: &'static str,
    value: AtomicU64,
}

impl Counter {
    /// Declares a counter.
    pub const fn new(name: &'static str, help: &'static str) -> Counter {
        Counter { name, help, value: AtomicU64::new(0) }
    }
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.value.fetch_add(n, Ordering::Relaxed);
    }
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }
    /// Current value.
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

/// The filling of something bounded.
pub struct Gauge {
    /// Name as shown in views and `/metrics`.
    pub name: &'static str,
    /// One line for people.
    pub help: &'static str,
    value: AtomicI64,
    peak: AtomicI64,
}

impl Gauge {
    /// Declares a gauge.
    pub const fn new(name: &'static str, help: &'static str) -> Gauge {
        Gauge { name, help, value: AtomicI64::new(0), peak: AtomicI64::new(0) }
    }
    /// Adds `n` (may be negative).
    pub fn add(&self, n: i64) {
        let now = self.value.fetch_add(n, Ordering::Relaxed) + n;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }
    /// Sets the value.
    pub fn set(&self, n: i64) {
        self.value.store(n, Ordering::Relaxed);
        self.peak.fetch_max(n, Ordering::Relaxed);
    }
    /// Current value.
    pub fn get(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }
    /// Highest value seen.
    pub fn peak(&self) -> i64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// One entry of a crate's metric list.
pub enum Metric {
    /// A counter.
    Counter(&'static Counter),
    /// A gauge.
    Gauge(&'static Gauge),
}
