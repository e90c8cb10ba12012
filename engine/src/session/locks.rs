//! The lock manager as SQL sees it: advisory locks, `pg_locks`, who blocks whom.
//!
//! Advisory locks go through the store's lock manager like all others, so that deadlocks across kinds of locks are found
//! and `lock_timeout` holds. Kernels are synchronous: the thread waits, after telling the runtime ([`wait_here`]).
//!
//! `pg_locks` shows what PostgreSQL's shows: a row's lock is kept in the row, so only waits for it are listed. Predicate
//! locks of serializable transactions follow (`SIReadLock`). Left out: `fastpath` (there is none).

use super::kernels::{int4, int8, session};
use super::sequence::wait_here;
use super::shared::SessionShared;
use crate::engine::UNIX_TO_PG_EPOCH;
use rustydb_base::{RelId, Result, SqlState};
use rustydb_storage::lock::{LockInfo, LockMode, LockTarget, Scope};
use rustydb_storage::ssi::SireadLock;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{ArrayValue, Datum};
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_types::oid;
use std::collections::HashMap;
use std::sync::Arc;

fn void() -> Datum {
    Datum::Text(Default::default())
}

/// The key of an advisory lock: one bigint, or two integers.
fn key(s: &SessionShared, args: &[Datum]) -> Result<LockTarget> {
    let db = s.catalog().database.oid;
    Ok(if args.len() == 1 {
        let k = int8(args, 0)?.cast_unsigned();
        LockTarget::Advisory { db, high: (k >> 32) as u32, low: k as u32, pair: false }
    } else {
        let (high, low) = (int4(args, 0)?.cast_unsigned(), int4(args, 1)?.cast_unsigned());
        LockTarget::Advisory { db, high, low, pair: true }
    })
}

fn lock(ctx: &EvalCtx, args: &[Datum], mode: LockMode, scope: Scope) -> Result<Datum> {
    let s = session(ctx)?;
    let target = key(s, args)?;
    wait_here(s.engine.store().lock_for(&s.locks, &s.wait_rules(), target, mode, scope))?;
    Ok(void())
}

fn try_lock(ctx: &EvalCtx, args: &[Datum], mode: LockMode, scope: Scope) -> Result<Datum> {
    let s = session(ctx)?;
    let got = s.engine.store().locks().acquire_now(&s.locks, key(s, args)?, mode, scope)?;
    Ok(Datum::Bool(got))
}

fn unlock(ctx: &EvalCtx, args: &[Datum], mode: LockMode) -> Result<Datum> {
    let s = session(ctx)?;
    let held = s.engine.store().locks().release_session(&s.locks, key(s, args)?, mode);
    if !held {
        s.warning(SqlState::WARNING, format!("you don't own a lock of type {}", mode.name()));
    }
    Ok(Datum::Bool(held))
}

/// The advisory lock functions: one for each way, mode and scope.
macro_rules! advisory {
    ($($name:ident => $way:ident($($arg:expr),*);)*) => {
        $(fn $name(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
            $way(ctx, args, $($arg),*)
        })*
    };
}

advisory! {
    session_lock => lock(LockMode::Exclusive, Scope::Session);
    session_lock_shared => lock(LockMode::Share, Scope::Session);
    xact_lock => lock(LockMode::Exclusive, Scope::Transaction);
    xact_lock_shared => lock(LockMode::Share, Scope::Transaction);
    try_session_lock => try_lock(LockMode::Exclusive, Scope::Session);
    try_session_lock_shared => try_lock(LockMode::Share, Scope::Session);
    try_xact_lock => try_lock(LockMode::Exclusive, Scope::Transaction);
    try_xact_lock_shared => try_lock(LockMode::Share, Scope::Transaction);
    session_unlock => unlock(LockMode::Exclusive);
    session_unlock_shared => unlock(LockMode::Share);
}

fn unlock_all(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    let s = session(ctx)?;
    s.engine.store().locks().release_session_all(&s.locks);
    Ok(void())
}

// ---- who waits for whom ----------------------------------------------------------------------------------------------

/// Processes that keep a process waiting.
fn blocking(ctx: &EvalCtx, args: &[Datum]) -> Result<Vec<i32>> {
    Ok(session(ctx)?.engine.store().locks().blocking_pids(int4(args, 0)?))
}

fn pids(pids: Vec<i32>) -> Datum {
    let items: Vec<Datum> = pids.into_iter().map(Datum::Int4).collect();
    let dims = i32::try_from(items.len()).ok().filter(|n| *n > 0).map(|n| (n, 1)).into_iter().collect();
    Datum::Array(Arc::new(ArrayValue { elem: oid::INT4, dims, items }))
}

fn blocking_pids(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    Ok(pids(blocking(ctx, args)?))
}

/// Processes whose end a process awaits to get a safe snapshot.
fn safe_snapshot_blockers(ctx: &EvalCtx, args: &[Datum]) -> Result<Vec<i32>> {
    Ok(session(ctx)?.engine.store().ssi().safe_snapshot_blockers(int4(args, 0)?))
}

fn safe_snapshot_blocking_pids(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    Ok(pids(safe_snapshot_blockers(ctx, args)?))
}

/// What PostgreSQL's isolationtester asks: does one of these sessions keep that one waiting?
fn is_blocked(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let mut by = blocking(ctx, args)?;
    by.extend(safe_snapshot_blockers(ctx, args)?);
    let Some(Datum::Array(of)) = args.get(1) else { return Ok(Datum::Null) };
    Ok(Datum::Bool(of.items.iter().any(|p| matches!(p, Datum::Int4(p) if by.contains(p)))))
}

// ---- pg_locks --------------------------------------------------------------------------------------------------------

/// Columns of `pg_locks` that say what is locked, by position.
#[derive(Default)]
struct What {
    kind: &'static str,
    database: Datum,
    relation: Datum,
    page: Datum,
    tuple: Datum,
    virtual_xid: Datum,
    xid: Datum,
    class: Datum,
    object: Datum,
    sub: Datum,
}

/// Tables by the file of their rows, of all databases: (database, relation).
struct Files(HashMap<RelId, (u32, u32)>);

impl Files {
    fn of(s: &SessionShared, needed: bool) -> Files {
        let mut map = HashMap::new();
        for db in needed.then(|| s.engine.all_databases()).into_iter().flatten() {
            let files = db.catalog();
            map.extend(files.relations.values().filter_map(|r| Some((r.storage.as_ref()?.heap, (db.oid, r.oid)))));
            let indexes = files.relations.values().flat_map(|r| r.indexes.iter());
            map.extend(indexes.map(|i| (i.storage, (db.oid, i.oid))));
        }
        Files(map)
    }

    /// What a serializable transaction has read.
    fn read(&self, l: &SireadLock) -> What {
        match l.block {
            Some(page) => self.what(l.rel, page, l.slot),
            None => What { kind: "relation", page: Datum::Null, tuple: Datum::Null, ..self.what(l.rel, 0, None) },
        }
    }

    fn what(&self, rel: RelId, page: u32, tuple: Option<u16>) -> What {
        let found = self.0.get(&rel);
        What {
            kind: if tuple.is_some() { "tuple" } else { "page" },
            database: found.map_or(Datum::Null, |f| Datum::Oid(f.0)),
            relation: found.map_or(Datum::Null, |f| Datum::Oid(f.1)),
            page: Datum::Int4(page.cast_signed()),
            tuple: tuple.map_or(Datum::Null, |t| Datum::Int2(t.cast_signed())),
            ..What::default()
        }
    }
}

fn what(files: &Files, l: &LockInfo) -> Option<What> {
    Some(match l.target {
        None => What { kind: "transactionid", xid: Datum::Oid(l.xid?.0 as u32), ..What::default() },
        Some(LockTarget::Relation { db, oid }) => {
            What { kind: "relation", database: Datum::Oid(db), relation: Datum::Oid(oid), ..What::default() }
        }
        Some(LockTarget::Object { db, class, oid }) => What {
            kind: "object",
            database: Datum::Oid(db),
            class: Datum::Oid(class),
            object: Datum::Oid(oid),
            sub: Datum::Int2(0),
            ..What::default()
        },
        Some(LockTarget::Row { .. } | LockTarget::Page { .. }) if l.granted => return None,
        Some(LockTarget::Row { rel, rid }) => files.what(rel, rid.block, Some(rid.slot)),
        Some(LockTarget::Page { rel, block }) => files.what(rel, block, None),
        Some(LockTarget::Advisory { db, high, low, pair }) => What {
            kind: "advisory",
            database: Datum::Oid(db),
            class: Datum::Oid(high),
            object: Datum::Oid(low),
            sub: Datum::Int2(if pair { 2 } else { 1 }),
            ..What::default()
        },
    })
}

/// A transaction's number in its session, as `virtualtransaction` shows it.
fn virtual_xid(s: &SessionShared) -> Datum {
    Datum::Text(format!("{}/{}", s.pid, s.locks.transactions_ended().saturating_add(1)).into())
}

fn row(w: What, l: &LockInfo, transaction: Datum) -> Vec<Datum> {
    let since = l.since.and_then(|t| i64::try_from(t).ok());
    shown(w, l.pid, l.mode.name(), l.granted, since, transaction)
}

fn shown(w: What, pid: i32, mode: &'static str, granted: bool, since: Option<i64>, transaction: Datum) -> Vec<Datum> {
    vec![
        Datum::Text(w.kind.into()),
        w.database,
        w.relation,
        w.page,
        w.tuple,
        w.virtual_xid,
        w.xid,
        w.class,
        w.object,
        w.sub,
        transaction,
        // A prepared transaction belongs to no process.
        if pid == 0 { Datum::Null } else { Datum::Int4(pid) },
        Datum::Text(mode.into()),
        Datum::Bool(granted),
        Datum::Bool(false),
        since.map_or(Datum::Null, |t| Datum::TimestampTz(t - UNIX_TO_PG_EPOCH)),
    ]
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn lock_status(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let s = session(ctx)?;
    let list = s.engine.store().locks().list();
    let in_rows = |l: &LockInfo| matches!(l.target, Some(LockTarget::Row { .. } | LockTarget::Page { .. }));
    let read = s.engine.store().ssi().list();
    let files = Files::of(s, !read.is_empty() || list.iter().any(|l| in_rows(l) && !l.granted));
    let mut out: Vec<Vec<Datum>> = Vec::with_capacity(list.len());
    for x in s.engine.sessions.all().iter().filter(|x| x.seen().transaction_start.is_some()) {
        let id = virtual_xid(x);
        let w = What { kind: "virtualxid", virtual_xid: id.clone(), ..What::default() };
        let l = LockInfo { target: None, xid: None, mode: LockMode::Exclusive, pid: x.pid, granted: true, since: None };
        out.push(row(w, &l, id));
    }
    for l in &list {
        let Some(w) = what(&files, l) else { continue };
        let id = match (s.engine.sessions.get(l.pid), l.xid) {
            (Some(x), _) => virtual_xid(&x),
            (None, Some(xid)) => Datum::Text(format!("-1/{}", xid.0 as u32).into()),
            (None, None) => Datum::Null,
        };
        out.push(row(w, l, id));
    }
    for l in &read {
        let id = s.engine.sessions.get(l.pid).map_or(Datum::Null, |x| virtual_xid(&x));
        out.push(shown(files.read(l), l.pid, "SIReadLock", true, None, id));
    }
    Ok(Box::new(out.into_iter().map(Ok)))
}

macro_rules! scalars {
    ($($name:literal => $f:expr),* $(,)?) => {
        &[
            $(Kernel { name: $name, body: KernelBody::Scalar($f) },)*
            Kernel { name: "pg_lock_status", body: KernelBody::Set(lock_status) },
        ]
    };
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = scalars! {
    "pg_advisory_lock_int8" => session_lock,
    "pg_advisory_lock_int4" => session_lock,
    "pg_advisory_lock_shared_int8" => session_lock_shared,
    "pg_advisory_lock_shared_int4" => session_lock_shared,
    "pg_advisory_xact_lock_int8" => xact_lock,
    "pg_advisory_xact_lock_int4" => xact_lock,
    "pg_advisory_xact_lock_shared_int8" => xact_lock_shared,
    "pg_advisory_xact_lock_shared_int4" => xact_lock_shared,
    "pg_try_advisory_lock_int8" => try_session_lock,
    "pg_try_advisory_lock_int4" => try_session_lock,
    "pg_try_advisory_lock_shared_int8" => try_session_lock_shared,
    "pg_try_advisory_lock_shared_int4" => try_session_lock_shared,
    "pg_try_advisory_xact_lock_int8" => try_xact_lock,
    "pg_try_advisory_xact_lock_int4" => try_xact_lock,
    "pg_try_advisory_xact_lock_shared_int8" => try_xact_lock_shared,
    "pg_try_advisory_xact_lock_shared_int4" => try_xact_lock_shared,
    "pg_advisory_unlock_int8" => session_unlock,
    "pg_advisory_unlock_int4" => session_unlock,
    "pg_advisory_unlock_shared_int8" => session_unlock_shared,
    "pg_advisory_unlock_shared_int4" => session_unlock_shared,
    "pg_advisory_unlock_all" => unlock_all,
    "pg_blocking_pids" => blocking_pids,
    "pg_safe_snapshot_blocking_pids" => safe_snapshot_blocking_pids,
    "pg_isolation_test_session_is_blocked" => is_blocked,
};
