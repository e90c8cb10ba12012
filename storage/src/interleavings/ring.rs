//! The hot ring beside the status page: whoever looks up a transaction under a snapshot sees it committed exactly if its
//! SCN is in the snapshot, and depends on its log record as long as that is not stable.

use super::explore;
use crate::txn::ring::HotRing;
use crate::txn::tsp::{self, Status};
use rustydb_base::{Lsn, Scn, Xid};
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

/// What the ring works with.
struct World {
    ring: HotRing,
    /// The newest SCN.
    clock: AtomicU64,
    /// End of the log, taken under the commit latch together with the SCN.
    log: Mutex<u64>,
    stable: AtomicU64,
    /// The status page: SCN by number, 0 while running.
    page: Vec<AtomicU64>,
    /// LSN of each commit, for the check only.
    lsn: Vec<AtomicU64>,
}

impl World {
    fn commit(&self, xid: u64) {
        self.ring.enter(Xid(xid), Lsn(self.stable.load(Ordering::SeqCst)));
        thread::yield_now();
        while self.ring.begin_commit(Xid(xid), Lsn(self.stable.load(Ordering::SeqCst))).is_err() {
            // The slot's owner is not stable: the log is written.
            self.write_log();
        }
        let mut log = self.log.lock().expect("no thread panics");
        let scn = self.clock.fetch_add(1, Ordering::AcqRel) + 1;
        *log += 10;
        self.lsn[xid as usize].store(*log, Ordering::SeqCst);
        self.page[xid as usize].store(scn, Ordering::SeqCst);
        self.ring.publish(Xid(xid), Scn(scn), Lsn(*log));
    }

    fn write_log(&self) {
        let end = *self.log.lock().expect("no thread panics");
        self.stable.fetch_max(end, Ordering::SeqCst);
    }

    /// What a snapshot sees of a transaction, as `TxnTable::resolve` finds it out.
    fn look(&self, xid: u64) {
        let snapshot = self.clock.load(Ordering::SeqCst);
        let (status, depends) = match self.ring.look(Xid(xid)) {
            Some((status, lsn)) => (status, lsn.0),
            None => {
                // Invariant 1: not in the ring and committed means stable, or it took its SCN after this look.
                let scn = self.page[xid as usize].load(Ordering::SeqCst);
                let status = if scn == 0 { Status::Running } else { Status::Committed(Scn(scn)) };
                (status, 0)
            }
        };
        let sees = matches!(status, Status::Committed(scn) if scn.0 <= snapshot);
        let scn = self.page[xid as usize].load(Ordering::SeqCst);
        assert_eq!(sees, scn != 0 && scn <= snapshot, "{xid} at {snapshot}: found {status:?}, committed at {scn}");
        if sees {
            let lsn = self.lsn[xid as usize].load(Ordering::SeqCst);
            assert!(
                depends == lsn || self.stable.load(Ordering::SeqCst) >= lsn,
                "an unstable commit passes for stable"
            );
        }
    }
}

#[test]
fn snapshots_and_commits() {
    explore(|| {
        let w = Arc::new(World {
            ring: HotRing::new(2),
            // As the commit clock: SCN 1 would be taken for COMMITTING, and waited out for ever.
            clock: AtomicU64::new(tsp::RESERVED.0),
            log: Mutex::new(0),
            stable: AtomicU64::new(0),
            page: (0..5).map(|_| AtomicU64::new(0)).collect(),
            lsn: (0..5).map(|_| AtomicU64::new(0)).collect(),
        });
        let mut threads = Vec::new();
        // 1 and 3 share a slot.
        for xids in [[1, 2], [3, 4]] {
            let w = w.clone();
            threads.push(thread::spawn(move || xids.into_iter().for_each(|x| w.commit(x))));
        }
        for first in [1, 3] {
            let w = w.clone();
            threads.push(thread::spawn(move || (0..3).for_each(|i| w.look((first + i - 1) % 4 + 1))));
        }
        threads.into_iter().for_each(|t| t.join().expect("no thread panics"));
    });
}
