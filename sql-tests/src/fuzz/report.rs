//! What the fuzzer found, by class.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Differences kept of one class.
const SAMPLES: usize = 3;
/// Classes kept; more are only counted.
const CLASSES: usize = 2000;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Statements sent to both.
    pub statements: u64,
    /// Of those, the ones that both answer with rows, equally.
    pub rows: u64,
    /// Of those, the ones that both refuse with the same SQLSTATE.
    pub errors: u64,
    /// Statements over tables of which only one side met an error of evaluation.
    pub order: u64,
    /// Times a connection was lost or a statement hung.
    pub lost: u64,
    /// The differences: class, how often, samples.
    pub classes: BTreeMap<String, (u64, Vec<String>)>,
    /// Differences of classes beyond the limit.
    pub others: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Report {
    /// Notes a difference.
    pub(super) fn note(&mut self, class: String, sample: String) {
        if self.classes.len() >= CLASSES && !self.classes.contains_key(&class) {
            self.others += 1;
            return;
        }
        let entry = self.classes.entry(class).or_default();
        entry.0 += 1;
        if entry.1.len() < SAMPLES {
            entry.1.push(sample);
        }
    }

    /// Statements that differ.
    pub fn differences(&self) -> u64 {
        self.others + self.classes.values().map(|c| c.0).sum::<u64>()
    }

    /// Where the run is.
    pub(super) fn progress(&self, elapsed: Duration) -> String {
        format!(
            "{} statements, {:.0} a second, {} differ in {} classes, {} lost",
            self.statements,
            self.statements as f64 / elapsed.as_secs_f64().max(0.001),
            self.differences(),
            self.classes.len(),
            self.lost
        )
    }

    /// The classes with their samples, the most frequent first.
    pub fn text(&self) -> String {
        let mut classes: Vec<_> = self.classes.iter().collect();
        classes.sort_by_key(|c| std::cmp::Reverse(c.1.0));
        let mut out = String::new();
        for (class, (n, samples)) in classes {
            let _ = writeln!(out, "{n:6} {class}");
            for s in samples {
                let _ = writeln!(out, "         {s}");
            }
        }
        let _ = writeln!(
            out,
            "{} statements: {} the same rows, {} the same SQLSTATE, {} failed on one side only in the evaluation of rows, {} lost, {} differ in {} classes; {:.0} s, {:.0} a second",
            self.statements,
            self.rows,
            self.errors,
            self.order,
            self.lost,
            self.differences(),
            self.classes.len(),
            self.seconds,
            self.statements as f64 / self.seconds.max(0.001)
        );
        out
    }
}
