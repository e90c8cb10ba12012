//! Facts of one session by its number among those that are connected: what `pg_stat_activity`'s older functions show.

use super::{Activity, Rows, access, int_arg, rows, scalar, set, text};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, Interval, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::{datetime, io, oid};

/// Numbers count from 1, in the order of the process ids.
fn numbers(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let n = i32::try_from(access(ctx)?.activity().len()).unwrap_or(i32::MAX);
    rows((1..=n).map(|i| vec![Datum::Int4(i)]).collect())
}

fn of_backend(ctx: &EvalCtx, args: &[Datum], f: impl FnOnce(&Activity) -> Result<Datum>) -> Result<Datum> {
    let at = int_arg(args, 0).and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_sub(1));
    let all = access(ctx)?.activity();
    at.and_then(|i| all.get(i)).map_or(Ok(Datum::Null), f)
}

macro_rules! fact {
    ($name:ident, |$ctx:ident, $a:ident| $e:expr) => {
        fn $name($ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
            of_backend($ctx, args, |$a| $e)
        }
    };
}

fn time(t: Option<i64>) -> Datum {
    t.map_or(Datum::Null, Datum::TimestampTz)
}

fact!(pid, |ctx, a| Ok(Datum::Int4(a.pid)));
fact!(database, |ctx, a| Ok(a.database.map_or(Datum::Null, Datum::Oid)));
fact!(role, |ctx, a| Ok(a.role.map_or(Datum::Null, Datum::Oid)));
fact!(query, |ctx, a| Ok(text(&a.query)));
fact!(query_start, |ctx, a| Ok(time(a.query_start)));
fact!(started, |ctx, a| Ok(Datum::TimestampTz(a.started)));
fact!(transaction_start, |ctx, a| Ok(time(a.transaction_start)));
fact!(wait, |ctx, _a| Ok(Datum::Null));
fact!(address, |ctx, a| match a.client {
    Some(c) => io::text_in(ctx, TypeRef::new(oid::INET), &c.ip().to_string()),
    None => Ok(Datum::Null),
});
fact!(port, |ctx, a| Ok(Datum::Int4(a.client.map_or(-1, |c| i32::from(c.port())))));

/// `pg_timezone_abbrevs`: the abbreviations that times may be written with.
fn abbreviations(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let row = |(name, secs, daylight): (&str, i32, bool)| {
        let offset = Interval { months: 0, days: 0, micros: i64::from(secs) * 1_000_000 };
        vec![text(name.to_ascii_uppercase()), Datum::Interval(offset), Datum::Bool(daylight)]
    };
    rows(datetime::zone::abbreviations().map(row).collect())
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    set("pg_stat_get_backend_idset", numbers),
    scalar("pg_stat_get_backend_pid", pid),
    scalar("pg_stat_get_backend_dbid", database),
    scalar("pg_stat_get_backend_userid", role),
    scalar("pg_stat_get_backend_activity", query),
    scalar("pg_stat_get_backend_activity_start", query_start),
    scalar("pg_stat_get_backend_start", started),
    scalar("pg_stat_get_backend_xact_start", transaction_start),
    scalar("pg_stat_get_backend_wait_event_type", wait),
    scalar("pg_stat_get_backend_wait_event", wait),
    scalar("pg_stat_get_backend_client_addr", address),
    scalar("pg_stat_get_backend_client_port", port),
    set("pg_timezone_abbrevs", abbreviations),
];
