//! The stop-the-node flag. After a failed sync or a half-applied change nothing in memory can be trusted to match
//! disk, so the first such fault trips the flag; every later write path checks it and the server stops. Recovery on
//! the next start begins again from what is durable.

use crate::error::{DbError, Result};
use crate::sqlstate::SqlState;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared flag; clones see the same state.
#[derive(Clone, Default)]
pub struct Poison(Arc<Inner>);

#[derive(Default)]
struct Inner {
    tripped: AtomicBool,
    reason: Mutex<Option<DbError>>,
}

impl Poison {
    /// Trips the flag; the first reason is kept.
    pub fn trip(&self, reason: DbError) {
        let mut r = self.0.reason.lock();
        if r.is_none() {
            *r = Some(reason);
        }
        self.0.tripped.store(true, Ordering::Release);
    }
    /// Whether it is tripped.
    pub fn is_tripped(&self) -> bool {
        self.0.tripped.load(Ordering::Acquire)
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
