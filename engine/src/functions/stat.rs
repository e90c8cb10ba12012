//! What sessions are doing now. What has been counted is [`crate::stats`].

use super::{Activity, Rows, access, int_arg, oid_arg, opt_text, rows, scalar, set, text};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::{io, oid};

fn no_rows(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows(Vec::new())
}

fn backends_of(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let db = oid_arg(args, 0)?;
    let n = access(ctx)?.activity().iter().filter(|a| a.database.is_some() && a.database == db).count();
    Ok(Datum::Int4(i32::try_from(n).unwrap_or(i32::MAX)))
}

fn time(t: Option<i64>) -> Datum {
    t.map_or(Datum::Null, Datum::TimestampTz)
}

fn activity_row(ctx: &EvalCtx, a: &Activity) -> Result<Vec<Datum>> {
    // PostgreSQL shows the first bytes of a long text (track_activity_query_size).
    let cut = a.query.floor_char_boundary(a.query.len().min(1023));
    let address = match a.client {
        Some(c) => io::text_in(ctx, TypeRef::new(oid::INET), &c.ip().to_string())?,
        None => Datum::Null,
    };
    let shown = |o: Option<u32>| o.map_or(Datum::Null, Datum::Oid);
    Ok(vec![
        shown(a.database),
        Datum::Int4(a.pid),
        shown(a.role),
        text(&a.application),
        opt_text(a.state.map(str::to_owned)),
        text(&a.query[..cut]),
        Datum::Null,
        Datum::Null,
        time(a.transaction_start),
        time(a.query_start),
        Datum::TimestampTz(a.started),
        time(a.state_change),
        address,
        Datum::Null,
        Datum::Int4(a.client.map_or(-1, |c| i32::from(c.port()))),
        Datum::Null,
        Datum::Null,
        text("client backend"),
        Datum::Bool(a.encrypted),
        Datum::Null,
        Datum::Null,
        Datum::Null,
        Datum::Null,
        Datum::Null,
        Datum::Null,
        Datum::Bool(false),
        Datum::Null,
        Datum::Bool(false),
        Datum::Null,
        if a.query_id == 0 { Datum::Null } else { Datum::Int8(a.query_id.cast_signed()) },
    ])
}

fn activity(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let pid = int_arg(args, 0);
    let all = access(ctx)?.activity();
    rows(all.iter().filter(|a| pid.is_none_or(|p| p == a.pid)).map(|a| activity_row(ctx, a)).collect::<Result<_>>()?)
}

macro_rules! kernels {
    ($($kind:ident($f:expr): $($name:literal),* $(,)?;)*) => { &[$($($kind($name, $f),)*)*] };
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = kernels! {
    scalar(backends_of): "pg_stat_get_db_numbackends";
    set(activity): "pg_stat_get_activity";
    set(no_rows):
        "pg_stat_get_wal_senders", "pg_stat_get_progress_info", "pg_stat_get_subscription";
};
