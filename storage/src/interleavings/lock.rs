//! The lock table: locks exclude, every waiter is granted or told of its deadlock, nothing is left behind.

use super::{ModelRuntime, explore};
use crate::lock::{LockManager, LockMode, LockTarget};
use crate::wait::Wait;
use rustydb_base::SqlState;
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::{future, thread};
use std::time::Duration;

fn table(oid: u32) -> LockTarget {
    LockTarget::Relation { db: 1, oid }
}

/// Takes a lock as a session does; false when that would be a deadlock.
fn acquire(
    locks: &LockManager,
    owner: &std::sync::Arc<crate::lock::LockOwner>,
    target: LockTarget,
    mode: LockMode,
) -> bool {
    loop {
        match locks.try_acquire(owner, target, mode) {
            Ok(()) => return true,
            Err(Wait::Lock(ticket)) => match future::block_on(locks.wait(owner, ticket, Duration::ZERO)) {
                Ok(()) => {}
                Err(e) if e.code == SqlState::T_R_DEADLOCK_DETECTED => return false,
                Err(e) => panic!("{e:?}"),
            },
            Err(_) => panic!("only locks are waited for"),
        }
    }
}

/// Locks in the same order: nobody is refused.
#[test]
fn an_exclusive_lock_has_one_holder() {
    explore(|| {
        let locks = LockManager::new(std::sync::Arc::new(ModelRuntime));
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = [LockMode::Exclusive, LockMode::Share, LockMode::Share, LockMode::Exclusive]
            .into_iter()
            .enumerate()
            .map(|(i, mode)| {
                let (locks, inside) = (locks.clone(), inside.clone());
                thread::spawn(move || {
                    let owner = locks.register(i as i32 + 1);
                    assert!(acquire(&locks, &owner, table(7), mode), "there is no cycle");
                    let weight = if mode == LockMode::Exclusive { 100 } else { 1 };
                    let before = inside.fetch_add(weight, Ordering::SeqCst);
                    assert!(before == 0 || (before < 100 && weight == 1), "{before} inside beside {mode:?}");
                    thread::yield_now();
                    inside.fetch_sub(weight, Ordering::SeqCst);
                    locks.release_all(&owner);
                    locks.unregister(&owner);
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().expect("no thread panics"));
        assert_eq!(locks.entries(), 0);
    });
}

/// Two locks in opposite orders: whoever is refused lets go, and all come to an end.
#[test]
fn a_deadlock_ends() {
    explore(|| {
        let locks = LockManager::new(std::sync::Arc::new(ModelRuntime));
        let through = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = [(1, 2), (2, 1), (1, 2)]
            .into_iter()
            .enumerate()
            .map(|(i, (a, b))| {
                let (locks, through) = (locks.clone(), through.clone());
                thread::spawn(move || {
                    let owner = locks.register(i as i32 + 1);
                    let both = acquire(&locks, &owner, table(a), LockMode::Exclusive)
                        && acquire(&locks, &owner, table(b), LockMode::Exclusive);
                    through.fetch_add(usize::from(both), Ordering::SeqCst);
                    locks.unregister(&owner);
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().expect("no thread panics"));
        assert!(through.load(Ordering::SeqCst) >= 1, "all were refused");
        assert_eq!(locks.entries(), 0);
    });
}
