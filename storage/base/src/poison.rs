//! The stop-the-node flag. After a failed sync or a half-applied change nothing in memory can be trusted to match
//! disk, so the first such fault trips the flag; every later write path checks it and the server stops. Recovery on
//! the next start begins again from what is durable.

use crate::error::{DbError, Result};
use crate::sqlstate::SqlState;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// Shared flag; clones see the same state.
#[derive(Clone, Default)]
pub struct Poison(Arc<Inner>);

#[derive(Default)]
struct Inner {
    tripped: AtomicBool,
    reason: Mutex<Option<DbError>>,
    waiting: Mutex<Waiting>,
}

/// Who wants to be told, by number; each is there only while its [`Tripped`] is.
#[derive(Default)]
struct Waiting {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Poison {
    /// Trips the flag; the first reason is kept.
    pub fn trip(&self, reason: DbError) {
        let mut r = self.0.reason.lock();
        if r.is_none() {
            *r = Some(reason);
        }
        drop(r);
        self.0.tripped.store(true, Ordering::SeqCst);
        let all = std::mem::take(&mut self.0.waiting.lock().wakers);
        all.into_values().for_each(Waker::wake);
    }
    /// Completes with the error of [`Poison::check`] once the flag is tripped: for whoever waits for somebody who may never
    /// come after a fault.
    pub fn tripped(&self) -> Tripped {
        Tripped { poison: self.clone(), number: None }
    }
    /// Whether it is tripped.
    pub fn is_tripped(&self) -> bool {
        self.0.tripped.load(Ordering::SeqCst)
    }
    /// Fails with the first reason once tripped.
    pub fn check(&self) -> Result<()> {
        if !self.is_tripped() {
            return Ok(());
        }
        let reason = self.0.reason.lock();
        let why = reason.as_ref().map_or_else(|| "unknown fault".into(), |e| e.message.clone());
        Err(DbError::panic(SqlState::IO_ERROR, format!("the server is stopping after a fault: {why}")))
    }
    /// The first reason, if tripped.
    pub fn reason(&self) -> Option<DbError> {
        self.0.reason.lock().clone()
    }
}

/// See [`Poison::tripped`].
#[must_use = "futures do nothing unless awaited"]
pub struct Tripped {
    poison: Poison,
    number: Option<u64>,
}

impl Future for Tripped {
    type Output = DbError;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<DbError> {
        if self.number.is_none() || !self.poison.is_tripped() {
            let poison = self.poison.clone();
            let mut w = poison.0.waiting.lock();
            let n = *self.number.get_or_insert_with(|| {
                w.next += 1;
                w.next
            });
            w.wakers.insert(n, cx.waker().clone());
        }
        // Looked at behind the entry, so that a trip in between is not missed.
        match self.poison.check() {
            Err(e) => Poll::Ready(e),
            Ok(()) => Poll::Pending,
        }
    }
}

impl Drop for Tripped {
    fn drop(&mut self) {
        if let Some(n) = self.number {
            self.poison.0.waiting.lock().wakers.remove(&n);
        }
    }
}
