//! Sequences as a session sees them: nextval, currval, lastval, setval.
//!
//! Kernels are synchronous, the store's sequence calls are not. A value is nearly always at hand (the sequence's page is
//! in memory), so the call is polled once where it stands; only when it must wait for I/O does the thread block, after
//! telling the runtime, so that other sessions go on elsewhere.

use super::shared::SessionShared;
use crate::acl::{Mask, Privs, check, privs};
use crate::catalog::{Persistence, RelKind, Relation, Sequence};
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::lock::{LockMode, LockTarget, Scope};
use rustydb_storage::sequence::{self, SequenceRule};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Sequences a session remembers; beyond that the memory of all is given up (values cached are skipped).
const MAX_REMEMBERED: usize = 10_000;

/// What a session remembers of the sequences it used.
#[derive(Default)]
pub struct SequenceState {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    by_oid: HashMap<u32, Entry>,
    /// The sequence nextval was last called for.
    last: Option<u32>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The value given out last in this session.
    value: i64,
    /// Values cached for this session: the next and the last of them.
    cached: Option<(i64, i64)>,
    increment: i64,
    version: u64,
}

impl SequenceState {
    /// DISCARD SEQUENCES.
    pub fn forget(&self) {
        *self.inner.lock() = Inner::default();
    }
}

/// Runs a future that is nearly always ready on this thread.
pub fn wait_here<T>(f: impl Future<Output = Result<T>>) -> Result<T> {
    let mut f = pin!(f);
    if let Poll::Ready(r) = f.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return r;
    }
    match tokio::runtime::Handle::try_current().map(|h| h.runtime_flavor()) {
        Ok(tokio::runtime::RuntimeFlavor::MultiThread) => {
            tokio::task::block_in_place(|| futures::executor::block_on(f))
        }
        // No runtime runs on this thread, so blocking it stops nobody.
        Err(_) => futures::executor::block_on(f),
        Ok(_) => Err(DbError::internal("cannot wait on the only thread")),
    }
}

/// The sequence, if the role has one of `wanted` on it; `None` is for whoever asks.
fn find(s: &SessionShared, oid: u32, wanted: impl Into<Option<Privs>>) -> Result<(Arc<Relation>, Sequence)> {
    let cat = s.catalog();
    let rel = cat
        .relation(oid)
        .cloned()
        .ok_or_else(|| DbError::new(SqlState::UNDEFINED_TABLE, format!("could not open relation with OID {oid}")))?;
    match (&rel.kind, rel.sequence.clone()) {
        (RelKind::Sequence, Some(q)) => {
            let wanted: Option<Privs> = wanted.into();
            if wanted.is_some_and(|w| check::on_relation(&cat, &rel, s.user_oid(), Mask::of(w)).is_empty()) {
                return Err(check::denied("sequence", &rel.name));
            }
            Ok((rel, q))
        }
        _ => Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a sequence", rel.name))),
    }
}

fn check_writable(s: &SessionShared, rel: &Relation, what: &str) -> Result<()> {
    if s.facts().read_only && rel.persistence != Persistence::Temporary {
        return Err(DbError::new(
            SqlState::READ_ONLY_SQL_TRANSACTION,
            format!("cannot execute {what} in a read-only transaction"),
        ));
    }
    Ok(())
}

/// Locks a sequence against ALTER SEQUENCE until the end of the transaction, once in it. What the sequence is may have been
/// decided by the transaction that was waited for, so its newest definition counts, not the statement's.
fn lock(s: &SessionShared, rel: Arc<Relation>, q: Sequence) -> Result<(Arc<Relation>, Sequence)> {
    let (store, engine) = (s.engine.store(), &s.engine);
    let target = LockTarget::Relation { db: s.catalog().database.oid, oid: rel.oid };
    let db = engine.database(&s.database).ok_or_else(|| DbError::internal("a session without a database"))?;
    if !store.locks().holds(&s.locks, target, LockMode::RowExclusive) {
        wait_here(async {
            store.lock_for(&s.locks, &s.wait_rules(), target, LockMode::RowExclusive, Scope::Transaction).await?;
            db.published().await;
            Ok(())
        })?;
    }
    let newest = db.catalog();
    match newest.relation(rel.oid) {
        Some(r) if r.version > rel.version => match r.sequence.clone() {
            Some(q) => Ok((Arc::clone(r), q)),
            None => Err(DbError::internal("a sequence has become something else")),
        },
        _ => Ok((rel, q)),
    }
}

/// `nextval`.
pub fn nextval(s: &SessionShared, oid: u32) -> Result<i64> {
    next(s, oid, Some(privs::USAGE | privs::UPDATE))
}

/// The next value for the identity column that owns a sequence.
pub fn identity_value(s: &SessionShared, oid: u32) -> Result<i64> {
    next(s, oid, None)
}

fn next(s: &SessionShared, oid: u32, wanted: Option<Privs>) -> Result<i64> {
    let (rel, q) = find(s, oid, wanted)?;
    check_writable(s, &rel, "nextval()")?;
    let (rel, q) = lock(s, rel, q)?;
    {
        let mut inner = s.sequences.inner.lock();
        if let Some(e) = inner.by_oid.get_mut(&oid).filter(|e| e.version == rel.version)
            && let Some((next, last)) = e.cached
        {
            e.value = next;
            e.cached = (next != last).then(|| (next + e.increment, last));
            inner.last = Some(oid);
            return Ok(next);
        }
    }
    let rule = SequenceRule { increment: q.increment, min: q.min, max: q.max, cycle: q.cycle };
    let cache = u64::try_from(q.cache).unwrap_or(1).max(1);
    let Some(given) = wait_here(s.engine.store().sequence_next(q.storage, &rule, cache))? else {
        let (word, bound) = if q.increment > 0 { ("maximum", q.max) } else { ("minimum", q.min) };
        return Err(DbError::new(
            SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
            format!("nextval: reached {word} value of sequence \"{}\" ({bound})", rel.name),
        ));
    };
    s.gate.depends_on(given.lsn);
    let entry = Entry {
        value: given.value,
        cached: (given.value != given.last).then(|| (given.value + q.increment, given.last)),
        increment: q.increment,
        version: rel.version,
    };
    let mut inner = s.sequences.inner.lock();
    if inner.by_oid.len() >= MAX_REMEMBERED {
        inner.by_oid.clear();
    }
    inner.by_oid.insert(oid, entry);
    inner.last = Some(oid);
    Ok(given.value)
}

/// `currval`.
pub fn currval(s: &SessionShared, oid: u32) -> Result<i64> {
    let (rel, _) = find(s, oid, privs::USAGE | privs::SELECT)?;
    s.sequences.inner.lock().by_oid.get(&oid).map(|e| e.value).ok_or_else(|| {
        DbError::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("currval of sequence \"{}\" is not yet defined in this session", rel.name),
        )
    })
}

/// `lastval`.
pub fn lastval(s: &SessionShared) -> Result<i64> {
    let (last, value) = {
        let inner = s.sequences.inner.lock();
        let last = inner.last.filter(|oid| s.catalog().relation(*oid).is_some());
        (last, last.and_then(|oid| inner.by_oid.get(&oid)).map(|e| e.value))
    };
    if let Some(oid) = last {
        find(s, oid, privs::USAGE | privs::SELECT)?;
    }
    value.ok_or_else(|| {
        DbError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval is not yet defined in this session")
    })
}

/// `setval`.
pub fn setval(s: &SessionShared, oid: u32, value: i64, is_called: bool) -> Result<i64> {
    let (rel, q) = find(s, oid, privs::UPDATE)?;
    check_writable(s, &rel, "setval()")?;
    let (rel, q) = lock(s, rel, q)?;
    if !(q.min..=q.max).contains(&value) {
        return Err(DbError::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("setval: value {value} is out of bounds for sequence \"{}\" ({}..{})", rel.name, q.min, q.max),
        ));
    }
    let state = sequence::SequenceState { last: value, is_called };
    let lsn = wait_here(s.engine.store().sequence_set(q.storage, state))?;
    s.gate.depends_on(lsn);
    let mut inner = s.sequences.inner.lock();
    if is_called {
        let entry = Entry { value, cached: None, increment: q.increment, version: rel.version };
        inner.by_oid.insert(oid, entry);
    } else if let Some(e) = inner.by_oid.get_mut(&oid) {
        e.cached = None;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_future_needs_no_runtime() {
        assert_eq!(wait_here(async { Ok(7) }).expect("ready"), 7);
    }
}
