//! Lock table, queues, deadlocks. Timers are the simulator's, so nothing here sleeps.

use super::*;
use crate::core::{RowLockMode, RowLocks};
use crate::rt::BoxFuture;
use crate::wait::{LockTicket, Op, TxnWait, Wait};
use futures::FutureExt as _;
use futures::channel::oneshot;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{DbError, PageId};
use std::time::Duration;

/// A runtime whose sleepers wake when the test says so.
#[derive(Default)]
struct Clock(Mutex<Vec<oneshot::Sender<()>>>);

impl crate::rt::Runtime for Clock {
    fn spawn(&self, _: &'static str, _: BoxFuture<'static, ()>) {}
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        let (tx, rx) = oneshot::channel();
        self.0.lock().push(tx);
        rx.map(|_| ()).boxed()
    }
    fn now_micros(&self) -> u64 {
        0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn rng_u64(&self) -> u64 {
        4
    }
}

impl Clock {
    /// Everybody's deadlock_timeout is over.
    fn strike(&self) {
        for tx in self.0.lock().drain(..) {
            let _ = tx.send(());
        }
    }
}

const T: Duration = Duration::from_secs(1);

fn manager() -> (Arc<LockManager>, Arc<Clock>) {
    let clock = Arc::new(Clock::default());
    (LockManager::new(Arc::clone(&clock) as RuntimeRef), clock)
}

fn table(oid: u32) -> LockTarget {
    LockTarget::Relation { db: 5, oid }
}

fn row(n: u32) -> LockTarget {
    LockTarget::Row { rel: RelId(9), rid: Rid { block: n / 100, slot: (n % 100) as u16 } }
}

fn queued(r: Op<()>) -> LockTicket {
    match r {
        Err(Wait::Lock(t)) => t,
        other => panic!("should have queued: {other:?}"),
    }
}

fn granted(m: &LockManager, o: &Arc<LockOwner>, t: LockTarget, mode: LockMode) {
    assert!(m.try_acquire(o, t, mode).is_ok(), "{mode:?} on {t:?} should be granted");
}

/// PostgreSQL's documentation, table 13.2 and 13.3.
#[test]
fn conflict_table() {
    let conflicts = ["00000001", "00000011", "00001111", "00011111", "00110111", "00111111", "01111111", "11111111"];
    for (a, row) in mode::ALL.iter().zip(conflicts) {
        for (b, c) in mode::ALL.iter().zip(row.bytes()) {
            assert_eq!(a.conflicts_with(*b), c == b'1', "{a:?} {b:?}");
            assert_eq!(a.conflicts_with(*b), b.conflicts_with(*a));
        }
    }
    let rows = [RowLockMode::KeyShare, RowLockMode::Share, RowLockMode::NoKeyUpdate, RowLockMode::Update];
    let conflicts = ["0001", "0011", "0111", "1111"];
    for (a, line) in rows.iter().zip(conflicts) {
        for (b, c) in rows.iter().zip(line.bytes()) {
            assert_eq!(LockMode::from(*a).conflicts_with(LockMode::from(*b)), c == b'1', "{a:?} {b:?}");
        }
    }
}

#[test]
fn queue_is_fair_and_releases_wake() {
    let (m, _) = manager();
    let o: Vec<_> = (1..=5).map(|p| m.register(p)).collect();
    granted(&m, &o[0], table(1), LockMode::AccessShare);
    granted(&m, &o[1], table(1), LockMode::AccessShare);
    let t2 = queued(m.try_acquire(&o[2], table(1), LockMode::AccessExclusive));
    // Behind a conflicting waiter, although no holder conflicts.
    let t3 = queued(m.try_acquire(&o[3], table(1), LockMode::AccessShare));
    // Asking again changes nothing.
    assert_eq!(queued(m.try_acquire(&o[3], table(1), LockMode::AccessShare)), t3);
    assert!(!m.acquire_now(&o[4], table(1), LockMode::AccessShare, Scope::Transaction).expect("no error"));
    assert_eq!(m.blocking_pids(3), [1, 2]);
    assert_eq!(m.blocking_pids(4), [3]);
    // Who holds the lock passes the queue.
    granted(&m, &o[0], table(1), LockMode::RowShare);
    let (mut w2, mut w3) = (Box::pin(m.wait(&o[2], t2, T)), Box::pin(m.wait(&o[3], t3, T)));
    assert!((&mut w2).now_or_never().is_none() && (&mut w3).now_or_never().is_none());
    m.release_all(&o[0]);
    assert!((&mut w2).now_or_never().is_none());
    m.release_all(&o[1]);
    assert!(matches!((&mut w2).now_or_never(), Some(Ok(()))));
    assert!((&mut w3).now_or_never().is_none());
    granted(&m, &o[2], table(1), LockMode::AccessExclusive);
    drop(w2);
    m.release_all(&o[2]);
    assert!(matches!(w3.now_or_never(), Some(Ok(()))));
    m.release_all(&o[3]);
    assert_eq!((m.entries(), m.list().len()), (0, 0));
}

#[test]
fn a_dropped_wait_leaves_the_queue() {
    let (m, _) = manager();
    let (a, b, c) = (m.register(1), m.register(2), m.register(3));
    granted(&m, &a, table(1), LockMode::RowExclusive);
    let tb = queued(m.try_acquire(&b, table(1), LockMode::Share));
    let tc = queued(m.try_acquire(&c, table(1), LockMode::RowExclusive));
    let mut wc = Box::pin(m.wait(&c, tc, T));
    assert!((&mut wc).now_or_never().is_none());
    // lock_timeout of b: c stood behind it only.
    drop(m.wait(&b, tb, T).now_or_never());
    assert!(matches!(wc.now_or_never(), Some(Ok(()))));
    assert!(m.holds(&c, table(1), LockMode::RowExclusive) && !m.holds(&b, table(1), LockMode::Share));
    // A ticket that was never waited for goes with the transaction.
    queued(m.try_acquire(&b, table(1), LockMode::Share));
    m.release_all(&b);
    m.release_all(&a);
    m.release_all(&c);
    assert_eq!(m.entries(), 0);
}

#[test]
fn savepoints_and_sessions() {
    let (m, _) = manager();
    let (a, b) = (m.register(1), m.register(2));
    granted(&m, &a, table(1), LockMode::RowShare);
    let mark = m.mark(&a);
    granted(&m, &a, table(1), LockMode::AccessExclusive);
    granted(&m, &a, table(2), LockMode::Exclusive);
    granted(&m, &a, table(1), LockMode::RowShare);
    m.release_after(&a, mark);
    assert!(m.holds(&a, table(1), LockMode::RowShare) && !m.holds(&a, table(1), LockMode::AccessExclusive));
    granted(&m, &b, table(1), LockMode::RowExclusive);
    granted(&m, &b, table(2), LockMode::Exclusive);
    m.release_all(&b);

    let adv = LockTarget::Advisory { db: 5, high: 0, low: 42, pair: false };
    let other = LockTarget::Advisory { db: 5, high: 0, low: 42, pair: true };
    for _ in 0..2 {
        assert!(m.acquire_now(&a, adv, LockMode::Exclusive, Scope::Session).expect("free"));
    }
    assert!(m.acquire_now(&a, adv, LockMode::Exclusive, Scope::Transaction).expect("own"));
    assert!(!m.acquire_now(&b, adv, LockMode::Share, Scope::Session).expect("taken"));
    assert!(m.acquire_now(&b, other, LockMode::Share, Scope::Session).expect("another key"));
    m.release_all(&a);
    assert!(m.release_session(&a, adv, LockMode::Exclusive));
    assert!(!m.acquire_now(&b, adv, LockMode::Share, Scope::Session).expect("still taken"));
    let t = match m.try_acquire_scoped(&b, adv, LockMode::Share, Scope::Session) {
        Err(Wait::Lock(t)) => t,
        other => panic!("{other:?}"),
    };
    assert!(m.release_session(&a, adv, LockMode::Exclusive));
    assert!(!m.release_session(&a, adv, LockMode::Exclusive), "not held any more");
    assert!(matches!(m.wait(&b, t, T).now_or_never(), Some(Ok(()))));
    assert!(m.release_session(&b, adv, LockMode::Share), "the grant counted once");
    assert!(!m.release_session(&b, adv, LockMode::Share));
    m.unregister(&a);
    m.unregister(&b);
    assert_eq!((m.entries(), m.list().len()), (0, 0));
}

fn deadlock_of(e: &DbError) -> &str {
    assert_eq!((e.code, e.message.as_ref()), (SqlState::T_R_DEADLOCK_DETECTED, "deadlock detected"));
    e.fields.as_ref().and_then(|f| f.detail.as_deref()).unwrap_or("")
}

#[test]
fn deadlock_of_two_fails_the_one_whose_patience_ends() {
    let (m, clock) = manager();
    let (a, b) = (m.register(11), m.register(22));
    granted(&m, &a, table(1), LockMode::AccessExclusive);
    granted(&m, &b, table(2), LockMode::AccessExclusive);
    let ta = queued(m.try_acquire(&a, table(2), LockMode::AccessShare));
    let mut wa = Box::pin(m.wait(&a, ta, T));
    assert!((&mut wa).now_or_never().is_none());
    clock.strike();
    assert!((&mut wa).now_or_never().is_none(), "no cycle yet: goes on waiting");
    let tb = queued(m.try_acquire(&b, table(1), LockMode::RowExclusive));
    let mut wb = Box::pin(m.wait(&b, tb, T));
    assert!((&mut wb).now_or_never().is_none());
    clock.strike();
    let e = match wb.now_or_never() {
        Some(Err(e)) => e,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        deadlock_of(&e),
        "Process 22 waits for RowExclusiveLock on relation 1 of database 5; blocked by process 11.\n\
         Process 11 waits for AccessShareLock on relation 2 of database 5; blocked by process 22."
    );
    m.release_all(&b);
    assert!(matches!(wa.now_or_never(), Some(Ok(()))));
}

fn at(slot: u16, xid: Xid) -> TxnWait {
    TxnWait { xid, page: PageId::new(RelId(9), 0), slot }
}

#[test]
fn deadlock_over_rows_and_a_table() {
    let (m, clock) = manager();
    let (a, b, c) = (m.register(1), m.register(2), m.register(3));
    m.txn_began(&a, Xid(101));
    m.txn_began(&b, Xid(102));
    m.txn_began(&c, Xid(103));
    // a waits for b's row, b for c's row, c for a's table lock.
    granted(&m, &a, table(1), LockMode::AccessExclusive);
    let mut wa = Box::pin(m.wait_txn(&a, at(1, Xid(102)), None, T));
    let mut wb = Box::pin(m.wait_txn(&b, at(2, Xid(103)), None, T));
    assert!((&mut wa).now_or_never().is_none() && (&mut wb).now_or_never().is_none());
    clock.strike();
    assert!((&mut wa).now_or_never().is_none() && (&mut wb).now_or_never().is_none());
    let tc = queued(m.try_acquire(&c, table(1), LockMode::RowExclusive));
    let mut wc = Box::pin(m.wait(&c, tc, T));
    assert!((&mut wc).now_or_never().is_none());
    assert_eq!((m.blocking_pids(1), m.blocking_pids(2), m.blocking_pids(3)), (vec![2], vec![3], vec![1]));
    clock.strike();
    let e = wc.now_or_never().expect("answers").expect_err("is the victim");
    assert_eq!(
        deadlock_of(&e),
        "Process 3 waits for RowExclusiveLock on relation 1 of database 5; blocked by process 1.\n\
         Process 1 waits for ShareLock on transaction 102; blocked by process 2.\n\
         Process 2 waits for ShareLock on transaction 103; blocked by process 3."
    );
    m.release_all(&c);
    assert!(wb.now_or_never().expect("woken").is_ok());
}

#[test]
fn a_queue_is_reordered_rather_than_a_victim_chosen() {
    // a holds table 1 weakly; b waits for it strongly; c, who has what a wants next, queues behind b on table 1.
    let (m, clock) = manager();
    let (a, b, c) = (m.register(1), m.register(2), m.register(3));
    granted(&m, &a, table(1), LockMode::AccessShare);
    granted(&m, &c, table(2), LockMode::AccessExclusive);
    let tb = queued(m.try_acquire(&b, table(1), LockMode::AccessExclusive));
    let tc = queued(m.try_acquire(&c, table(1), LockMode::AccessShare));
    let (mut wb, mut wc) = (Box::pin(m.wait(&b, tb, T)), Box::pin(m.wait(&c, tc, T)));
    assert!((&mut wb).now_or_never().is_none() && (&mut wc).now_or_never().is_none());
    let ta = queued(m.try_acquire(&a, table(2), LockMode::AccessShare));
    let mut wa = Box::pin(m.wait(&a, ta, T));
    assert!((&mut wa).now_or_never().is_none());
    clock.strike();
    // Whoever looks first: nobody fails, c goes before b.
    assert!((&mut wa).now_or_never().is_none());
    assert!(matches!((&mut wc).now_or_never(), Some(Ok(()))));
    assert!((&mut wb).now_or_never().is_none());
    m.release_all(&c);
    assert!(matches!((&mut wa).now_or_never(), Some(Ok(()))));
    m.release_all(&a);
    assert!(matches!(wb.now_or_never(), Some(Ok(()))));
}

#[test]
fn a_hot_row_is_handed_on_in_order() {
    let (m, _) = manager();
    let o: Vec<_> = (0..4).map(|p| m.register(p)).collect();
    m.txn_began(&o[0], Xid(100));
    let mut waits: Vec<_> = (1..4).map(|i| Some(Box::pin(m.wait_txn(&o[i], at(1, Xid(100)), None, T)))).collect();
    for w in waits.iter_mut().flatten() {
        assert!(w.now_or_never().is_none());
    }
    assert_eq!(m.blocking_pids(2), [1]);
    m.release_all(&o[0]);
    for i in 1..4 {
        // Only the first is woken; it writes the row and gives its turn up; the next looks, and waits for it.
        let turn = waits[i - 1].take().and_then(|w| w.now_or_never()).expect("woken").expect("no error");
        for w in waits.iter_mut().flatten() {
            assert!(w.now_or_never().is_none(), "not its turn");
        }
        let xid = Xid(100 + i as u64);
        m.txn_began(&o[i], xid);
        drop(turn);
        if i < 3 {
            let turn = waits[i].take().and_then(|w| w.now_or_never()).expect("looks").expect("no error");
            waits[i] = Some(Box::pin(m.wait_txn(&o[i + 1], at(1, xid), Some(turn), T)));
            assert!(waits[i].as_mut().is_some_and(|w| w.now_or_never().is_none()));
        }
        m.release_all(&o[i]);
    }
    assert_eq!(m.list().len(), 0);
}

/// PREPARE TRANSACTION hands a transaction to another owner: who waits for it is woken at its end all the same.
#[test]
fn a_handed_over_transaction_wakes_its_waiters() {
    let (m, _) = manager();
    let (a, heir, b) = (m.register(1), m.register(0), m.register(2));
    m.txn_began(&a, Xid(7));
    let mut wait = m.wait_txn(&b, at(3, Xid(7)), None, T).boxed();
    assert!(wait.as_mut().now_or_never().is_none());
    m.hand_over(&a, &heir);
    m.txn_ended(Xid(7));
    assert!(wait.now_or_never().is_some(), "the waiter is forgotten");
}

#[test]
fn waits_for_ended_transactions_and_undone_rows_end() {
    let (m, _) = manager();
    let (a, b) = (m.register(1), m.register(2));
    // Ended before the wait began.
    assert!(m.wait_txn(&b, at(1, Xid(7)), None, T).now_or_never().expect("at once").is_ok());
    m.txn_began(&a, Xid(8));
    let mut w = Box::pin(m.wait_txn(&b, at(1, Xid(8)), None, T));
    assert!((&mut w).now_or_never().is_none());
    m.row_undone(PageId::new(RelId(9), 0), 2);
    assert!((&mut w).now_or_never().is_none(), "another row");
    m.row_undone(PageId::new(RelId(9), 0), 1);
    assert!(w.now_or_never().expect("woken").is_ok());
    // A dropped wait leaves nothing.
    drop(m.wait_txn(&b, at(3, Xid(8)), None, T).now_or_never());
    assert_eq!(m.list().iter().filter(|l| !l.granted).count(), 0);
    m.txn_found(Xid(9));
    let mut w = Box::pin(m.wait_txn(&b, at(3, Xid(9)), None, T));
    assert!((&mut w).now_or_never().is_none());
    m.txn_ended(Xid(9));
    assert!(w.now_or_never().expect("woken").is_ok());
}

#[test]
fn writers_meet_row_locks() {
    let (m, _) = manager();
    let (a, b) = (m.register(1), m.register(2));
    m.txn_began(&b, Xid(5));
    let rid = Rid { block: 0, slot: 3 };
    assert!(!m.any(RelId(9)));
    granted(&m, &a, LockTarget::Row { rel: RelId(9), rid }, RowLockMode::KeyShare.into());
    assert!(m.any(RelId(9)));
    assert!(m.conflict(RelId(9), rid, RowLockMode::NoKeyUpdate, Xid(5)).is_none());
    let Some(Wait::Lock(t)) = m.conflict(RelId(9), rid, RowLockMode::Update, Xid(5)) else { panic!("must wait") };
    let mut w = Box::pin(m.wait(&b, t, T));
    assert!((&mut w).now_or_never().is_none());
    m.release_all(&a);
    assert!(matches!(w.now_or_never(), Some(Ok(()))));
    assert!(m.conflict(RelId(9), rid, RowLockMode::Update, Xid(5)).is_none());
    m.release_all(&b);
    assert!(!m.any(RelId(9)));
}

#[test]
fn very_many_row_locks_become_page_locks() {
    let (m, _) = manager();
    let (a, b) = (m.register(1), m.register(2));
    let n = MAX_ROW_LOCKS as u32;
    for i in 0..n {
        granted(&m, &a, row(i), LockMode::RowShare);
    }
    granted(&m, &b, row(n + 107), LockMode::AccessShare);
    for i in n..n + 1_000 {
        granted(&m, &a, row(i), LockMode::RowShare);
    }
    assert!(m.entries() < n as usize + 1 + 20, "{}", m.entries());
    // Rows under a page lock are locked, others are not; and a page lock waits for others' rows.
    assert!(!m.acquire_now(&b, row(n + 500), LockMode::Exclusive, Scope::Transaction).expect("no error"));
    assert!(m.acquire_now(&b, row(n + 5_000), LockMode::Exclusive, Scope::Transaction).expect("free"));
    let t = queued(m.try_acquire(&a, row(n + 107), LockMode::AccessExclusive));
    let mut w = Box::pin(m.wait(&a, t, T));
    assert!((&mut w).now_or_never().is_none());
    let tb = queued(m.try_acquire(&b, row(n + 501), LockMode::Exclusive));
    assert_eq!(m.blocking_pids(1), [2]);
    m.release_all(&b);
    assert!(matches!(w.now_or_never(), Some(Ok(()))));
    assert!(m.wait(&b, tb, T).now_or_never().is_some(), "given up with the transaction");
    m.release_all(&a);
    assert_eq!((m.entries(), m.list().len()), (0, 0));
}

#[test]
fn bounds_are_errors() {
    let clock = Arc::new(Clock::default());
    let m = LockManager::with_limit(clock, 10);
    let a = m.register(1);
    for i in 0..10 {
        granted(&m, &a, table(i), LockMode::AccessShare);
    }
    match m.try_acquire(&a, table(10), LockMode::AccessShare) {
        Err(Wait::Fail(e)) => {
            assert_eq!((e.code, e.message.as_ref()), (SqlState::OUT_OF_MEMORY, "out of shared memory"))
        }
        other => panic!("{other:?}"),
    }
    m.release_all(&a);
    granted(&m, &a, table(10), LockMode::AccessShare);

    let (m, _) = manager();
    let a = m.register(0);
    granted(&m, &a, table(1), LockMode::AccessExclusive);
    let o: Vec<_> = (0..=MAX_WAITERS).map(|i| m.register(1 + i as i32)).collect();
    for o in &o[..MAX_WAITERS] {
        queued(m.try_acquire(o, table(1), LockMode::AccessExclusive));
    }
    assert!(matches!(m.try_acquire(&o[MAX_WAITERS], table(1), LockMode::AccessExclusive), Err(Wait::Fail(_))));
}

/// The cost of a search is counted, not timed: linear in the 10,000 waiters.
#[test]
fn ten_thousand_waiters_are_searched_in_linear_steps() {
    let (m, _) = manager();
    let o: Vec<_> = (0..10_000).map(|i| m.register(i)).collect();
    // Ten queues of a thousand; the holder of each waits at the tail of the next one's queue; the last holder is free.
    for q in 0..10u32 {
        granted(&m, &o[q as usize * 1000], table(q), LockMode::AccessExclusive);
    }
    for q in 0..10u32 {
        for i in 1..1000 {
            queued(m.try_acquire(&o[q as usize * 1000 + i], table(q), LockMode::AccessExclusive));
        }
    }
    for q in 0..9u32 {
        queued(m.try_acquire(&o[q as usize * 1000], table(q + 1), LockMode::AccessExclusive));
    }
    let (steps, cycle) = m.search_cost(&o[999]);
    assert!(!cycle && (10_000..60_000).contains(&steps), "{steps}");
    // The last holder closes the ring: the search from there finds it.
    queued(m.try_acquire(&o[9000], table(0), LockMode::AccessExclusive));
    let (steps, cycle) = m.search_cost(&o[9000]);
    assert!(cycle && steps < 60_000, "{steps}");
    // A waiter outside the ring that leads into it is not in a cycle itself.
    let outside = m.register(-1);
    queued(m.try_acquire(&outside, table(0), LockMode::AccessExclusive));
    let (steps, cycle) = m.search_cost(&outside);
    assert!(!cycle && steps < 60_000, "{steps}");
    for o in o.iter().chain([&outside]) {
        m.unregister(o);
    }
    assert_eq!(m.entries(), 0);
}

/// Owners of which each but the last waits for a table of the next one.
fn chain(m: &LockManager, n: u32) -> Vec<Arc<LockOwner>> {
    let o: Vec<_> = (0..n).map(|i| m.register(i as i32)).collect();
    for (i, o) in (0..n).zip(&o) {
        granted(m, o, table(i), LockMode::Exclusive);
    }
    for (i, o) in (0..n - 1).zip(&o) {
        queued(m.try_acquire(o, table(i + 1), LockMode::Exclusive));
    }
    o
}

/// What a check has to look at is counted for one shape in two sizes: the work grows as the number of those who wait.
#[test]
fn the_work_of_a_check_grows_as_what_waits() {
    type Shape = fn(u32) -> (usize, bool);
    // A long way to nowhere, and the same closed to a ring.
    let open: Shape = |n| {
        let (m, _) = manager();
        m.check_cost(&chain(&m, n)[0])
    };
    let ring: Shape = |n| {
        let (m, _) = manager();
        let o = chain(&m, n);
        queued(m.try_acquire(&o[n as usize - 1], table(0), LockMode::Exclusive));
        m.check_cost(&o[n as usize - 1])
    };
    // One queue in which everybody waits for everybody ahead: n² edges, none of which is walked twice.
    let queue: Shape = |n| {
        let (m, _) = manager();
        let holder = m.register(-1);
        granted(&m, &holder, table(1), LockMode::AccessExclusive);
        let o: Vec<_> = (0..n).map(|i| m.register(i as i32)).collect();
        for o in &o {
            queued(m.try_acquire(o, table(1), LockMode::AccessExclusive));
        }
        m.check_cost(&o[n as usize - 1])
    };
    // The last of a queue must go before all others, so that nobody fails.
    let reordered: Shape = |n| {
        let (m, _) = manager();
        let (a, c) = (m.register(-1), m.register(-2));
        granted(&m, &a, table(1), LockMode::AccessShare);
        granted(&m, &c, table(2), LockMode::AccessExclusive);
        let o: Vec<_> = (0..n).map(|i| m.register(i as i32)).collect();
        for o in &o {
            queued(m.try_acquire(o, table(1), LockMode::AccessExclusive));
        }
        queued(m.try_acquire(&c, table(1), LockMode::AccessShare));
        queued(m.try_acquire(&a, table(2), LockMode::AccessShare));
        let cost = m.check_cost(&a);
        // It has its lock, and the way is free.
        assert_eq!(m.blocking_pids(-2), Vec::<i32>::new());
        cost
    };
    let shapes = [("open", open, 2_500, false), ("ring", ring, 2_500, true)];
    let shapes = shapes.into_iter().chain([("queue", queue, 240, false), ("reordered", reordered, 240, false)]);
    for (name, shape, n, cycle) in shapes {
        let (small, large) = (shape(n), shape(4 * n));
        assert_eq!((small.1, large.1), (cycle, cycle), "{name}");
        assert!(small.0 >= n as usize, "{name}: {} steps among {n}", small.0);
        assert!(large.0 <= 5 * small.0, "{name}: {} steps among {n}, {} among four times as many", small.0, large.0);
        assert!(large.0 <= 16 * 4 * n as usize, "{name}: {} steps among {}", large.0, 4 * n);
    }
}

/// A waiter in two cycles is out of neither before both are broken.
#[test]
fn both_cycles_of_a_waiter_are_broken() {
    // a holds tables 1 and 2 weakly; b and d wait for them strongly; c, who has what a wants, queues behind b, and e, who
    // has it too, behind d.
    let (m, _) = manager();
    let o: Vec<_> = (1..=5).map(|p| m.register(p)).collect();
    let [a, b, c, d, e] = &o[..] else { panic!("five") };
    granted(&m, a, table(1), LockMode::AccessShare);
    granted(&m, a, table(2), LockMode::AccessShare);
    granted(&m, c, table(3), LockMode::AccessShare);
    granted(&m, e, table(3), LockMode::AccessShare);
    queued(m.try_acquire(b, table(1), LockMode::AccessExclusive));
    queued(m.try_acquire(c, table(1), LockMode::AccessShare));
    queued(m.try_acquire(d, table(2), LockMode::AccessExclusive));
    queued(m.try_acquire(e, table(2), LockMode::AccessShare));
    queued(m.try_acquire(a, table(3), LockMode::AccessExclusive));
    assert!(!m.check_cost(a).1, "both queues can be reordered");
    assert!(!m.search_cost(a).1, "a cycle is left");
    assert_eq!((m.blocking_pids(3), m.blocking_pids(5)), (vec![], vec![]));
}

/// Many threads, random requests with NOWAIT: never two conflicting holders, and nothing left at the end.
#[test]
fn threads_never_hold_conflicting_locks() {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};
    use std::sync::atomic::{AtomicU32, Ordering};
    let (m, _) = manager();
    let writers: Vec<AtomicU32> = (0..8).map(|_| AtomicU32::new(0)).collect();
    std::thread::scope(|s| {
        for t in 0..4 {
            let (m, writers) = (&m, &writers);
            s.spawn(move || {
                let o = m.register(t);
                let mut rng = SmallRng::seed_from_u64(t as u64);
                for _ in 0..5_000 {
                    let n = rng.random_range(0..8);
                    let exclusive = rng.random_bool(0.5);
                    let mode = if exclusive { LockMode::Exclusive } else { LockMode::RowShare };
                    if m.acquire_now(&o, row(n), mode, Scope::Transaction).expect("within bounds") {
                        let w = &writers[n as usize];
                        if exclusive {
                            assert_eq!(w.fetch_add(1 << 16, Ordering::SeqCst), 0);
                            w.fetch_sub(1 << 16, Ordering::SeqCst);
                        } else {
                            assert!(w.fetch_add(1, Ordering::SeqCst) < 1 << 16);
                            w.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                    m.release_all(&o);
                }
                m.unregister(&o);
            });
        }
    });
    assert_eq!((m.entries(), m.list().len()), (0, 0));
}
