//! The commit clock: a hybrid of wall time and counter.

use super::tsp;
use rustydb_base::Scn;
use std::sync::atomic::{AtomicU64, Ordering};

/// Hands out commit SCNs. Only the holder of the commit latch calls [`ScnClock::next`], so that SCN order is LSN order;
/// everyone may read.
#[derive(Debug)]
pub struct ScnClock(AtomicU64);

impl ScnClock {
    /// A clock whose last SCN was `last`, or which has given out none that means something else in a status page.
    pub fn new(last: Scn) -> ScnClock {
        ScnClock(AtomicU64::new(last.max(tsp::RESERVED).0))
    }

    /// The newest SCN given out: what a new snapshot sees.
    pub fn last(&self) -> Scn {
        Scn(self.0.load(Ordering::SeqCst))
    }

    /// The next SCN: `max(last + 1, now << 10)`, so it never goes back whatever the wall clock does.
    pub fn next(&self, now_micros: u64) -> Scn {
        // Top bit stays clear: 53 bits of microseconds last until the year 2255.
        let wall = Scn::from_micros(now_micros & ((1 << 53) - 1));
        let scn = (self.0.load(Ordering::SeqCst) + 1).max(wall.0);
        self.0.store(scn, Ordering::SeqCst);
        Scn(scn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_back() {
        let c = ScnClock::new(Scn(5));
        assert_eq!(c.next(0), Scn(6));
        let a = c.next(1_000);
        assert_eq!(a, Scn(1_000 << 10));
        assert_eq!(c.next(900), Scn(a.0 + 1));
        assert_eq!(c.last(), Scn(a.0 + 1));
    }

    #[test]
    fn a_wall_clock_at_zero_gives_no_state_for_an_scn() {
        let first = ScnClock::new(Scn(0)).next(0);
        assert_eq!(tsp::Status::decode(first.0), tsp::Status::Committed(first));
    }
}
