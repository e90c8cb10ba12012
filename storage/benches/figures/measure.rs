//! What is measured and how.

use std::fmt;

/// A figure and the bound it must keep.
pub struct Figure {
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    pub bound: Bound,
}

/// What a figure may be.
#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Shown beside the others.
    None,
}

impl Figure {
    pub fn new(what: impl Into<String>, value: f64, unit: &'static str, bound: Bound) -> Figure {
        Figure { what: what.into(), value, unit, bound }
    }

    pub fn holds(&self) -> bool {
        match self.bound {
            Bound::AtMost(b) => self.value <= b,
            Bound::AtLeast(b) => self.value >= b,
            Bound::None => true,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<64} {:>10.2} {:<10}", self.what, self.value, self.unit)?;
        match self.bound {
            Bound::AtMost(b) => write!(f, " at most {b}")?,
            Bound::AtLeast(b) => write!(f, " at least {b}")?,
            Bound::None => return Ok(()),
        }
        f.write_str(if self.holds() { "" } else { "   MISSED" })
    }
}

/// Nanoseconds that all threads of this process have run.
pub fn cpu_nanos() -> u64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0 };
    tasks
        .flatten()
        .filter_map(|t| std::fs::read_to_string(t.path().join("schedstat")).ok())
        .filter_map(|s| s.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()))
        .sum()
}

/// Resident bytes of this process.
pub fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 4096
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
