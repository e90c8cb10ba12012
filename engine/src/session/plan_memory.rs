//! What plans and prepared statements may take of memory.
//!
//! Plans that all sessions share are a cache: beyond `plan_cache_limit` the least used ones go. Prepared statements are their
//! clients', so none can go by itself: beyond `prepared_statement_limit`, over all sessions, a further one is refused with
//! 53400 until some are deallocated. The unnamed statement of a session is replaced by the next one and is never refused.
//!
//! Sizes are estimates: a tree is taken for its expressions, each with what usually hangs on it, and its text. A plan that both
//! the cache and statements hold counts for each of them.

use crate::plan::ir::{Expr, ExprKind};
use crate::settings::Settings;
use rustydb_base::metrics::Gauge;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::Datum;
use std::sync::atomic::{AtomicI64, Ordering};

/// Estimated bytes of the plans that sessions share.
pub static PLAN_CACHE_BYTES: Gauge = Gauge::new("plan_cache_bytes", "estimated size of the plans that sessions share");
/// Estimated bytes of named prepared statements.
pub static PREPARED_BYTES: Gauge =
    Gauge::new("prepared_statement_bytes", "estimated size of the prepared statements of all sessions");

/// Bytes of a plan besides its expressions and text: relations, columns, rights, the maps that find it.
const FIXED: u64 = 2048;
/// What hangs on an expression besides itself: boxes, lists, constants, names.
const PER_EXPR: u64 = 128;

static PREPARED_LIMIT: AtomicI64 = AtomicI64::new(i64::MAX);

/// Takes the limits from the server's settings; answers that of shared plans.
pub(crate) fn set_limits(all: &Settings) -> u64 {
    PREPARED_LIMIT.store(all.int("prepared_statement_limit").saturating_mul(1024), Ordering::Relaxed);
    u64::try_from(all.int("plan_cache_limit")).unwrap_or(0) << 10
}

/// The size of a bound statement, from all its expressions.
#[derive(Default)]
pub(super) struct Size {
    exprs: u64,
    items: u64,
}

impl Size {
    /// Counts an expression, without those below it.
    pub(super) fn add(&mut self, e: &Expr) {
        self.exprs += 1;
        if let ExprKind::Const(Datum::Array(a)) = &e.kind {
            self.items += a.items.len() as u64;
        }
    }

    /// Estimated bytes.
    pub(super) fn bytes(&self) -> u64 {
        FIXED + self.exprs * (size_of::<Expr>() as u64 + PER_EXPR) + self.items * size_of::<Datum>() as u64
    }
}

/// The room that a prepared statement takes, given back when it is dropped.
pub struct Room(i64);

impl Room {
    /// Takes `bytes`; fails when prepared statements have all that they may.
    pub(super) fn take(bytes: u64) -> Result<Room> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 2);
        PREPARED_BYTES.add(bytes);
        // Counted from here on, so that it is given back when it is refused, too.
        let room = Room(bytes);
        if PREPARED_BYTES.get() > PREPARED_LIMIT.load(Ordering::Relaxed) {
            return Err(DbError::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                "prepared statements of all sessions exceed prepared_statement_limit",
            )
            .hint("Deallocate some, or raise prepared_statement_limit."));
        }
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        PREPARED_BYTES.add(-self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_and_too_much_is_refused() {
        PREPARED_LIMIT.store(PREPARED_BYTES.get() + 1000, Ordering::Relaxed);
        let one = Room::take(600);
        assert!(one.is_ok());
        let e = Room::take(600).err().map(|e| e.code);
        assert_eq!(e, Some(SqlState::CONFIGURATION_LIMIT_EXCEEDED));
        drop(one);
        assert!(Room::take(600).is_ok());
        PREPARED_LIMIT.store(i64::MAX, Ordering::Relaxed);
    }
}
