//! The locks and atomics of the code that is modelled: `parking_lot`'s and the standard library's, or, with the feature
//! `shuttle`, stand-ins at each of whose operations the model's scheduler may switch threads (`crate::interleavings`).
//!
//! Used where threads meet without a larger lock around them: frames and the mapping, the log's front, the hot ring, the
//! lock table. A build with that feature is good for the models and nothing else.

#[cfg(not(feature = "shuttle"))]
mod real {
    pub(crate) use parking_lot::{Mutex, MutexGuard, RawRwLock as RawLatch};
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic;
    pub(crate) use std::thread::yield_now;

    /// A free latch.
    pub(crate) const fn raw_latch() -> RawLatch {
        <RawLatch as parking_lot::lock_api::RawRwLock>::INIT
    }
}

#[cfg(feature = "shuttle")]
mod modelled {
    use std::time::Duration;

    pub(crate) use shuttle::sync::{MutexGuard, atomic};
    pub(crate) use shuttle::thread::yield_now;
    /// Who spins gives way, or a schedule that prefers him never ends.
    pub(crate) use shuttle::thread::yield_now as spin_loop;

    /// A mutex with `parking_lot`'s interface.
    #[derive(Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(shuttle::sync::Mutex::new(value))
        }
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    #[derive(Default)]
    struct Holders {
        shared: usize,
        exclusive: bool,
    }

    /// A latch that is let go by hand.
    pub(crate) struct RawLatch {
        holders: Mutex<Holders>,
        freed: shuttle::sync::Condvar,
    }

    pub(crate) fn raw_latch() -> RawLatch {
        RawLatch { holders: Mutex::default(), freed: shuttle::sync::Condvar::new() }
    }

    #[allow(unsafe_code, reason = "the signatures of parking_lot's raw lock")]
    impl RawLatch {
        pub(crate) fn try_lock_shared(&self) -> bool {
            let mut h = self.holders.lock();
            h.shared += usize::from(!h.exclusive);
            !h.exclusive
        }
        pub(crate) fn try_lock_exclusive(&self) -> bool {
            let mut h = self.holders.lock();
            let free = !h.exclusive && h.shared == 0;
            h.exclusive |= free;
            free
        }
        pub(crate) fn lock_shared(&self) {
            let mut h = self.holders.lock();
            while h.exclusive {
                h = self.freed.wait(h).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
            h.shared += 1;
        }
        pub(crate) fn lock_exclusive(&self) {
            let mut h = self.holders.lock();
            while h.exclusive || h.shared > 0 {
                h = self.freed.wait(h).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
            h.exclusive = true;
        }
        /// Patience has no place in a model: a deadlock is found as such.
        pub(crate) fn try_lock_shared_for(&self, _: Duration) -> bool {
            self.lock_shared();
            true
        }
        pub(crate) fn try_lock_exclusive_for(&self, _: Duration) -> bool {
            self.lock_exclusive();
            true
        }
        pub(crate) fn is_locked_exclusive(&self) -> bool {
            self.holders.lock().exclusive
        }
        /// # Safety
        /// As in `parking_lot`: the caller holds the latch shared. Nothing here is undefined if it does not; a model that
        /// did so would underflow and fail.
        pub(crate) unsafe fn unlock_shared(&self) {
            self.holders.lock().shared -= 1;
            self.freed.notify_all();
        }
        /// # Safety
        /// As in `parking_lot`: the caller holds the latch exclusively. Nothing here is undefined if it does not.
        pub(crate) unsafe fn unlock_exclusive(&self) {
            self.holders.lock().exclusive = false;
            self.freed.notify_all();
        }
    }
}

#[cfg(feature = "shuttle")]
pub(crate) use modelled::*;
#[cfg(not(feature = "shuttle"))]
pub(crate) use real::*;
