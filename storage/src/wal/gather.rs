//! Waiting for the others: how many committers share a write.
//!
//! Idea: those whom a write has woken, and those who came meanwhile, are who commits at the moment. If the writer went on
//! at once with those who came, the woken would be too late for it, and two halves would take turns for ever. So it waits
//! until as many wait again, but no longer than about a write takes. Where that does not pay, because clients think before they
//! commit again, it is tried more and more rarely.
//!
//! A committer alone waits for nobody.

use std::time::Duration;

/// Shortest gathering: threads must be woken for it.
const SHORTEST: Duration = Duration::from_micros(100);
/// Longest gathering, however slow the disk is.
const LONGEST: Duration = Duration::from_millis(1);
/// After as many failures in a row it is tried at every 64th write.
const MOST_FAILURES: u32 = 6;

/// What the writer knows about those who commit.
#[derive(Default)]
pub(super) struct Gathering {
    /// What a write takes, smoothed.
    write: Duration,
    open: Option<Open>,
    failures: u32,
    /// Writes to come that are not waited before.
    skip: u32,
}

#[derive(Clone, Copy)]
struct Open {
    /// How many are expected.
    expected: usize,
    /// How many waited at its beginning.
    began_with: usize,
}

impl Gathering {
    /// A write of this duration has landed and woken some, while others have come to wait, and no other is under way. Answers how
    /// long to gather at most, if at all.
    pub fn landed(&mut self, took: Duration, woken: usize, waiting: usize) -> Option<Duration> {
        self.write = if self.write.is_zero() { took } else { (self.write * 7 + took) / 8 };
        self.open = None;
        let expected = woken + waiting;
        if woken == 0 || expected < 2 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.open = Some(Open { expected, began_with: waiting });
        Some(self.write.clamp(SHORTEST, LONGEST))
    }

    /// Whether so many are enough for the next write to begin.
    pub fn has(&self, waiting: usize) -> bool {
        self.open.is_none_or(|o| waiting >= o.expected)
    }

    /// How many waiters begin the next write.
    pub fn quorum(&self) -> usize {
        self.open.map_or(1, |o| o.expected)
    }

    /// The gathering ends with so many waiting. It has paid if all have come, or twice as many as there were.
    pub fn close(&mut self, waiting: usize) {
        let Some(open) = self.open.take() else { return };
        if waiting >= open.expected || waiting >= (2 * open.began_with).max(2) {
            self.failures = 0;
        } else {
            self.failures = (self.failures + 1).min(MOST_FAILURES);
            self.skip = (1 << self.failures) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: Duration = Duration::from_micros(300);

    #[test]
    fn those_who_return_are_waited_for() {
        let mut g = Gathering::default();
        assert_eq!(g.landed(WRITE, 1, 0), None, "alone");
        assert_eq!(g.quorum(), 1);
        assert_eq!(g.landed(WRITE, 4, 4), Some(WRITE));
        assert_eq!(g.quorum(), 8);
        g.close(8);
        assert_eq!(g.quorum(), 1);
        // One has left: found out once.
        assert!(g.landed(WRITE, 8, 0).is_some());
        g.close(7);
        assert!(g.landed(WRITE, 7, 0).is_some());
        assert_eq!(g.quorum(), 7);
    }

    #[test]
    fn in_vain_it_is_tried_rarely() {
        let mut g = Gathering::default();
        let mut tries = 0;
        for _ in 0..6_400 {
            if g.landed(WRITE, 3, 2).is_some() {
                tries += 1;
                g.close(3);
            }
        }
        assert!((95..120).contains(&tries), "{tries}");
        while g.landed(WRITE, 3, 2).is_none() {}
        g.close(5);
        assert!(g.landed(WRITE, 5, 0).is_some());
    }

    #[test]
    fn a_slow_disk_is_not_waited_for_as_long() {
        let mut g = Gathering::default();
        assert_eq!(g.landed(Duration::from_millis(20), 2, 0), Some(LONGEST));
        let mut g = Gathering::default();
        assert_eq!(g.landed(Duration::from_micros(2), 2, 0), Some(SHORTEST));
    }
}
