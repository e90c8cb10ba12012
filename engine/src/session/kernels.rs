//! Functions that need the session, its transaction or the store: sequences, identity of backends, sleeping, privileges.

use super::sequence;
use super::shared::SessionShared;
use crate::api::Canceller;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_types::{io, oid};
use std::time::{Duration, Instant};

/// Longest that one nap of `pg_sleep` lasts before it looks for a cancel request.
const NAP: Duration = Duration::from_millis(20);

pub(super) fn session(ctx: &EvalCtx) -> Result<&SessionShared> {
    ctx.session
        .as_any()
        .downcast_ref::<SessionShared>()
        .ok_or_else(|| DbError::unsupported("this function needs a client's session"))
}

fn regclass(args: &[Datum], i: usize) -> Result<u32> {
    match args.get(i) {
        Some(Datum::Oid(o)) => Ok(*o),
        other => Err(DbError::internal(format!("expected an object identifier, found {other:?}"))),
    }
}

pub(super) fn int8(args: &[Datum], i: usize) -> Result<i64> {
    match args.get(i) {
        Some(Datum::Int8(v)) => Ok(*v),
        other => Err(DbError::internal(format!("expected a bigint, found {other:?}"))),
    }
}

pub(super) fn int4(args: &[Datum], i: usize) -> Result<i32> {
    match args.get(i) {
        Some(Datum::Int4(v)) => Ok(*v),
        other => Err(DbError::internal(format!("expected an integer, found {other:?}"))),
    }
}

fn nextval(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    sequence::nextval(session(ctx)?, regclass(args, 0)?).map(Datum::Int8)
}

fn currval(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    sequence::currval(session(ctx)?, regclass(args, 0)?).map(Datum::Int8)
}

fn lastval(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    sequence::lastval(session(ctx)?).map(Datum::Int8)
}

fn setval(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let called = !matches!(args.get(2), Some(Datum::Bool(false)));
    sequence::setval(session(ctx)?, regclass(args, 0)?, int8(args, 1)?, called).map(Datum::Int8)
}

/// The number was put among the facts before the statement began.
fn current_xact_id(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    match session(ctx)?.facts().xid {
        0 => Err(DbError::unsupported("the transaction's number cannot be asked for here")),
        xid => Ok(Datum::Int8(xid.cast_signed())),
    }
}

fn current_xact_id_if_assigned(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    let xid = session(ctx)?.facts().xid;
    Ok(if xid == 0 { Datum::Null } else { Datum::Int8(xid.cast_signed()) })
}

fn backend_pid(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int4(session(ctx)?.pid))
}

fn postmaster_start(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::TimestampTz(session(ctx)?.engine.started))
}

/// The client's address and port, and the server's; NULL over a local socket.
fn client_address(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    match session(ctx)?.peer.address {
        Some(a) => io::text_in(ctx, TypeRef::new(oid::INET), &a.ip().to_string()),
        None => Ok(Datum::Null),
    }
}

fn client_port(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(session(ctx)?.peer.address.map_or(Datum::Null, |a| Datum::Int4(a.port().into())))
}

/// The text that the client sent.
fn current_query(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Text(session(ctx)?.seen().query.to_string().into()))
}

/// Expressions are not compiled to machine code.
fn no_jit(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bool(false))
}

fn not_in_recovery(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bool(false))
}

/// Sleeps on this thread, after telling the runtime, so that other sessions go on elsewhere.
fn sleep(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let s = session(ctx)?;
    let seconds = match args.first() {
        Some(Datum::Float8(v)) => *v,
        other => return Err(DbError::internal(format!("expected a double, found {other:?}"))),
    };
    let void = Datum::Text(Default::default());
    if seconds.is_nan() || seconds <= 0.0 {
        return Ok(void);
    }
    let end = Duration::try_from_secs_f64(seconds).ok().and_then(|d| Instant::now().checked_add(d));
    let nap = || -> Result<()> {
        loop {
            s.interrupt.check()?;
            let left = end.map(|e| e.saturating_duration_since(Instant::now()));
            match left {
                Some(Duration::ZERO) => return Ok(()),
                left => std::thread::sleep(left.unwrap_or(NAP).min(NAP)),
            }
        }
    };
    match tokio::runtime::Handle::try_current().map(|h| h.runtime_flavor()) {
        Ok(tokio::runtime::RuntimeFlavor::MultiThread) => tokio::task::block_in_place(nap)?,
        _ => nap()?,
    }
    Ok(void)
}

/// `pg_cancel_backend` and `pg_terminate_backend`.
fn signal(ctx: &EvalCtx, pid: i32, terminate: bool) -> Result<Datum> {
    let s = session(ctx)?;
    let Some(target) = s.engine.sessions.get(pid) else {
        s.warning(SqlState::WARNING, format!("PID {pid} is not a PostgreSQL backend process"));
        return Ok(Datum::Bool(false));
    };
    let me = s.user();
    if !me.superuser && target.user().superuser {
        let what = if terminate { "terminate superuser process" } else { "cancel superuser query" };
        return Err(DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be a superuser to {what}")));
    }
    if !me.superuser && target.user().oid != me.oid {
        let what = if terminate { "terminate the process" } else { "cancel the query" };
        let message = if terminate {
            "must be a member of the role whose process is being terminated or member of pg_signal_backend"
        } else {
            "must be a member of the role whose query is being canceled or member of pg_signal_backend"
        };
        tracing::info!("session {} may not {what} of session {pid}", s.pid);
        return Err(DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    if terminate {
        target.terminate();
    } else {
        target.cancel();
    }
    Ok(Datum::Bool(true))
}

fn cancel_backend(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    signal(ctx, int4(args, 0)?, false)
}

fn terminate_backend(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    if matches!(args.get(1), Some(Datum::Int8(t)) if *t != 0) {
        return Err(DbError::unsupported("pg_terminate_backend with a timeout is not supported yet"));
    }
    signal(ctx, int4(args, 0)?, true)
}

macro_rules! scalars {
    ($($name:literal => $f:expr),* $(,)?) => {
        &[$(Kernel { name: $name, body: KernelBody::Scalar($f) }),*]
    };
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = scalars! {
    "nextval_oid" => nextval,
    "currval_oid" => currval,
    "lastval" => lastval,
    "setval_oid" => setval,
    "setval3_oid" => setval,
    "pg_backend_pid" => backend_pid,
    "pg_current_xact_id" => current_xact_id,
    "pg_current_xact_id_if_assigned" => current_xact_id_if_assigned,
    "pg_postmaster_start_time" => postmaster_start,
    "pg_conf_load_time" => postmaster_start,
    "inet_client_addr" => client_address,
    "inet_client_port" => client_port,
    "current_query" => current_query,
    "pg_jit_available" => no_jit,
    "pg_is_in_recovery" => not_in_recovery,
    "pg_sleep" => sleep,
    "pg_cancel_backend" => cancel_backend,
    "pg_terminate_backend" => terminate_backend,
};
