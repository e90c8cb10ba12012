//! What monitoring asks of the server and of sessions one by one. What RustyDB does not have (receivers of a log, replication
//! slots, PostgreSQL's shared memory) has counters that stand at zero, or no rows.
//!
//! Backends are numbered in the order of their process ids, from 1, anew for each call.

use super::{Activity, Rows, access, int_arg, oid_arg, rows, scalar, set, text, text_arg};
use crate::catalog::RelKind;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::{io, oid, pgdata};

fn null(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Null)
}

fn no(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bool(false))
}

fn no_rows(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows(Vec::new())
}

/// Triggers do not run, so nothing runs inside one.
fn trigger_depth(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int4(0))
}

fn time(t: Option<i64>) -> Datum {
    t.map_or(Datum::Null, Datum::TimestampTz)
}

/// A row of typed values.
fn record(fields: Vec<(u32, Datum)>) -> Datum {
    Datum::Row(fields.into_iter().map(|(ty, d)| (crate::bind::type_ref(ty), d)).collect())
}

/// This session.
fn own(ctx: &EvalCtx) -> Result<Option<Activity>> {
    let a = access(ctx)?;
    Ok(a.activity().into_iter().find(|x| x.pid == a.pid()))
}

fn address(ctx: &EvalCtx, a: Option<&Activity>) -> Result<Datum> {
    match a.and_then(|a| a.client) {
        Some(c) => io::text_in(ctx, TypeRef::new(oid::INET), &c.ip().to_string()),
        None => Ok(Datum::Null),
    }
}

fn port(a: Option<&Activity>) -> Datum {
    a.and_then(|a| a.client).map_or(Datum::Null, |c| Datum::Int4(i32::from(c.port())))
}

fn client_address(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    address(ctx, own(ctx)?.as_ref())
}

fn client_port(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(port(own(ctx)?.as_ref()))
}

/// The port that the server listens on, for a session that came over the network.
fn server_port(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    if own(ctx)?.and_then(|a| a.client).is_none() {
        return Ok(Datum::Null);
    }
    let port = ctx.session.setting("port").and_then(|p| p.parse().ok());
    Ok(port.map_or(Datum::Null, Datum::Int4))
}

/// There is no collector of log files; a format that PostgreSQL does not know is refused all the same.
fn log_file(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    if let Some(Datum::Text(format)) = args.first()
        && !matches!(format.as_str(), "stderr" | "csvlog" | "jsonlog")
    {
        return Err(DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("log format \"{}\" is not supported", format.as_str()),
        )
        .hint("The supported log formats are \"stderr\", \"csvlog\", and \"jsonlog\"."));
    }
    Ok(Datum::Null)
}

fn replication_slot(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let mut fields = vec![(oid::TEXT, text(text_arg(args, 0)?))];
    fields.extend((0..8).map(|_| (oid::INT8, Datum::Int8(0))));
    fields.push((oid::TIMESTAMPTZ, Datum::Null));
    Ok(record(fields))
}

fn subscription_stats(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let subscription = oid_arg(args, 0)?.map_or(Datum::Null, Datum::Oid);
    let zero = || (oid::INT8, Datum::Int8(0));
    Ok(record(vec![(oid::OID, subscription), zero(), zero(), (oid::TIMESTAMPTZ, Datum::Null)]))
}

fn backends(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let n = i32::try_from(access(ctx)?.activity().len()).unwrap_or(i32::MAX);
    rows((1..=n).map(|i| vec![Datum::Int4(i)]).collect())
}

/// The backend of that number.
fn backend(ctx: &EvalCtx, args: &[Datum]) -> Result<Option<Activity>> {
    let n = int_arg(args, 0).and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_sub(1));
    Ok(n.and_then(|n| access(ctx).ok()?.activity().into_iter().nth(n)))
}

macro_rules! of_backend {
    ($name:ident, |$a:ident| $value:expr) => {
        fn $name(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
            Ok(backend(ctx, args)?.map_or(Datum::Null, |$a| $value))
        }
    };
}

of_backend!(backend_pid, |a| Datum::Int4(a.pid));
of_backend!(backend_database, |a| a.database.map_or(Datum::Null, Datum::Oid));
of_backend!(backend_role, |a| a.role.map_or(Datum::Null, Datum::Oid));
of_backend!(backend_query, |a| text(&a.query));
of_backend!(backend_query_start, |a| time(a.query_start));
of_backend!(backend_transaction_start, |a| time(a.transaction_start));
of_backend!(backend_start, |a| time(Some(a.started)));
of_backend!(backend_port, |a| Datum::Int4(a.client.map_or(-1, |c| i32::from(c.port()))));

fn backend_address(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    address(ctx, backend(ctx, args)?.as_ref())
}

fn sequence_parameters(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let asked = oid_arg(args, 0)?.unwrap_or(0);
    let Some(found) = cat.relation(asked) else {
        return Err(DbError::new(SqlState::UNDEFINED_TABLE, format!("relation with OID {asked} does not exist")));
    };
    let Some(s) = found.sequence.as_ref().filter(|_| found.kind == RelKind::Sequence) else {
        return Err(DbError::internal(format!("cache lookup failed for sequence {asked}")));
    };
    let n = |v| (oid::INT8, Datum::Int8(v));
    let cycle = (oid::BOOL, Datum::Bool(s.cycle));
    Ok(record(vec![n(s.start), n(s.min), n(s.max), n(s.increment), cycle, n(s.cache), (oid::OID, Datum::Oid(s.ty))]))
}

/// All databases are in the default tablespace.
fn tablespace_databases(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let asked = oid_arg(args, 0)?.unwrap_or(0);
    let name = pgdata::tablespaces().iter().find(|t| t.oid == asked).map(|t| t.spcname);
    let cat = access(ctx)?.catalog();
    match name {
        Some("pg_default") => {
            let mut all: Vec<u32> = cat.databases.values().map(|d| d.oid).collect();
            all.sort_unstable();
            rows(all.into_iter().map(|d| vec![Datum::Oid(d)]).collect())
        }
        // The global one never has any.
        Some(_) => rows(Vec::new()),
        None => Err(DbError::new(SqlState::UNDEFINED_OBJECT, format!("tablespace with OID {asked} does not exist"))),
    }
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("inet_client_addr", client_address),
    scalar("inet_client_port", client_port),
    scalar("inet_server_port", server_port),
    scalar("pg_current_logfile", log_file),
    scalar("pg_current_logfile_1arg", log_file),
    scalar("pg_trigger_depth", trigger_depth),
    scalar("pg_jit_available", no),
    scalar("pg_sequence_parameters", sequence_parameters),
    set("pg_tablespace_databases", tablespace_databases),
    set("pg_get_shmem_allocations", no_rows),
    scalar("pg_stat_get_wal_receiver", null),
    scalar("pg_stat_get_replication_slot", replication_slot),
    scalar("pg_stat_get_subscription_stats", subscription_stats),
    set("pg_stat_get_backend_idset", backends),
    scalar("pg_stat_get_backend_pid", backend_pid),
    scalar("pg_stat_get_backend_dbid", backend_database),
    scalar("pg_stat_get_backend_userid", backend_role),
    scalar("pg_stat_get_backend_activity", backend_query),
    scalar("pg_stat_get_backend_activity_start", backend_query_start),
    scalar("pg_stat_get_backend_xact_start", backend_transaction_start),
    scalar("pg_stat_get_backend_start", backend_start),
    scalar("pg_stat_get_backend_client_addr", backend_address),
    scalar("pg_stat_get_backend_client_port", backend_port),
    scalar("pg_stat_get_backend_wait_event_type", null),
    scalar("pg_stat_get_backend_wait_event", null),
];
