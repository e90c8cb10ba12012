//! The hot ring: the state of recent transactions, found without touching a page.
//!
//! Idea: a direct-mapped cache by transaction number. A slot is changed by whoever swapped its `xid` for [`BUSY`], or by
//! the owner of a slot in COMMITTING, which nobody may evict.
//!
//! Invariants: (1) a transaction is in the ring from before it takes its SCN until its commit is stable; who misses it
//! here and finds it committed in its status page therefore depends on no unstable commit. (2) COMMITTING is stored before
//! the commit clock moves, so a reader whose snapshot includes the SCN sees COMMITTING or later.

use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::{spin_loop, yield_now};
use crate::txn::tsp::Status;
use rustydb_base::{Lsn, Scn, Xid};

const BUSY: u64 = u64::MAX;
/// Word of a transaction that is taking its SCN right now.
const COMMITTING: u64 = 1;

struct Slot {
    xid: AtomicU64,
    /// [`COMMITTING`], or as [`Status::encode`].
    word: AtomicU64,
    lsn: AtomicU64,
}

/// The ring.
pub(crate) struct HotRing {
    slots: Box<[Slot]>,
}

impl HotRing {
    /// A ring of `n` slots (rounded up to a power of two).
    pub(crate) fn new(n: usize) -> HotRing {
        let n = n.next_power_of_two();
        HotRing {
            slots: (0..n)
                .map(|_| Slot { xid: AtomicU64::new(0), word: AtomicU64::new(0), lsn: AtomicU64::new(0) })
                .collect(),
        }
    }

    fn slot(&self, xid: Xid) -> &Slot {
        &self.slots[xid.seq() as usize & (self.slots.len() - 1)]
    }

    /// State and commit LSN of a transaction, if it is cached. Waits out COMMITTING, which lasts a few instructions.
    pub(crate) fn look(&self, xid: Xid) -> Option<(Status, Lsn)> {
        let s = self.slot(xid);
        let mut spins = 0u32;
        loop {
            let x = s.xid.load(Ordering::SeqCst);
            if x != BUSY {
                if x != xid.0 {
                    return None;
                }
                let (word, lsn) = (s.word.load(Ordering::SeqCst), s.lsn.load(Ordering::Acquire));
                fence(Ordering::Acquire);
                if s.xid.load(Ordering::Relaxed) == xid.0 && word != COMMITTING {
                    // The LSN is stored before the word that makes it meaningful.
                    return Some((Status::decode(word), Lsn(lsn)));
                }
            }
            spins += 1;
            if spins < 64 {
                spin_loop();
            } else {
                yield_now();
            }
        }
    }

    /// Enters a transaction. Answers the LSN to wait for when the slot's owner has committed and is not stable yet.
    fn claim(&self, xid: Xid, word: u64, stable: Lsn) -> Result<(), Lsn> {
        let s = self.slot(xid);
        loop {
            let cur = s.xid.load(Ordering::SeqCst);
            if cur == BUSY || s.xid.compare_exchange(cur, BUSY, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                spin_loop();
                continue;
            }
            let held = s.word.load(Ordering::SeqCst);
            let lsn = s.lsn.load(Ordering::SeqCst);
            let committed = matches!(Status::decode(held), Status::Committed(_));
            if cur != 0 && cur != xid.0 && (held == COMMITTING || (committed && lsn > stable.0)) {
                s.xid.store(cur, Ordering::SeqCst);
                if held == COMMITTING {
                    yield_now();
                    continue;
                }
                return Err(Lsn(lsn));
            }
            s.word.store(word, Ordering::SeqCst);
            s.lsn.store(0, Ordering::SeqCst);
            s.xid.store(xid.0, Ordering::SeqCst);
            return Ok(());
        }
    }

    /// Enters a new transaction if its slot is free to take; else it is merely not cached.
    pub(crate) fn enter(&self, xid: Xid, stable: Lsn) {
        let _ = self.claim(xid, Status::Running.encode(), stable);
    }

    /// Marks COMMITTING, (re-)claiming the slot. Between this and [`HotRing::publish`] nothing may wait or fail.
    pub(crate) fn begin_commit(&self, xid: Xid, stable: Lsn) -> Result<(), Lsn> {
        self.claim(xid, COMMITTING, stable)
    }

    /// Publishes the commit after [`HotRing::begin_commit`].
    pub(crate) fn publish(&self, xid: Xid, scn: Scn, lsn: Lsn) {
        let s = self.slot(xid);
        s.lsn.store(lsn.0, Ordering::SeqCst);
        s.word.store(Status::Committed(scn).encode(), Ordering::SeqCst);
    }

    /// Notes the end of a rollback, if the transaction is cached.
    pub(crate) fn aborted(&self, xid: Xid, end: Scn) {
        let s = self.slot(xid);
        if s.xid.compare_exchange(xid.0, BUSY, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            s.word.store(Status::Aborted(end).encode(), Ordering::SeqCst);
            s.xid.store(xid.0, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unstable_commit_keeps_its_slot() {
        let r = HotRing::new(4);
        r.enter(Xid(1), Lsn(0));
        assert_eq!(r.look(Xid(1)), Some((Status::Running, Lsn(0))));
        assert_eq!(r.begin_commit(Xid(1), Lsn(0)), Ok(()));
        r.publish(Xid(1), Scn(77), Lsn(500));
        assert_eq!(r.look(Xid(1)), Some((Status::Committed(Scn(77)), Lsn(500))));
        // Slot 1 again: refused until stable.
        r.enter(Xid(5), Lsn(499));
        assert_eq!(r.look(Xid(5)), None);
        assert_eq!(r.begin_commit(Xid(5), Lsn(499)), Err(Lsn(500)));
        assert_eq!(r.begin_commit(Xid(5), Lsn(500)), Ok(()));
        assert_eq!(r.look(Xid(1)), None);
    }

    #[test]
    fn a_running_owner_gives_way_and_comes_back_to_commit() {
        let r = HotRing::new(4);
        r.enter(Xid(1), Lsn(0));
        r.enter(Xid(5), Lsn(0));
        assert_eq!(r.look(Xid(1)), None);
        r.aborted(Xid(1), Scn(3));
        assert_eq!(r.look(Xid(5)), Some((Status::Running, Lsn(0))));
        assert_eq!(r.begin_commit(Xid(1), Lsn(0)), Ok(()));
        r.publish(Xid(1), Scn(9), Lsn(10));
        assert_eq!(r.look(Xid(1)), Some((Status::Committed(Scn(9)), Lsn(10))));
        r.enter(Xid(5), Lsn(10));
        r.aborted(Xid(5), Scn(11));
        assert_eq!(r.look(Xid(5)).map(|x| x.0), Some(Status::Aborted(Scn(11))));
    }
}
