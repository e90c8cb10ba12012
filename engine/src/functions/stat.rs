//! Statistics of activity. Sessions and row estimates are real. Cumulative counters of accesses are not kept: they are
//! zero, and their times NULL, as on a PostgreSQL server whose statistics were just reset.

use super::{Activity, Rows, access, int_arg, oid_arg, opt_text, rows, scalar, set, text};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::{io, oid};

fn zero(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int8(0))
}

fn zero_time(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Float8(0.0))
}

fn null(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Null)
}

fn no_rows(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows(Vec::new())
}

/// Rows by the last ANALYZE's estimate.
fn live_tuples(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let tuples = oid_arg(args, 0)?.and_then(|o| cat.relation(o)).map_or(0.0, |r| r.stats.tuples.max(0.0));
    Ok(Datum::Int8(tuples as i64))
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
    scalar(zero):
        "pg_stat_get_numscans", "pg_stat_get_tuples_returned", "pg_stat_get_tuples_fetched",
        "pg_stat_get_tuples_inserted", "pg_stat_get_tuples_updated", "pg_stat_get_tuples_deleted",
        "pg_stat_get_tuples_hot_updated", "pg_stat_get_dead_tuples", "pg_stat_get_mod_since_analyze",
        "pg_stat_get_ins_since_vacuum", "pg_stat_get_blocks_fetched", "pg_stat_get_blocks_hit",
        "pg_stat_get_vacuum_count", "pg_stat_get_autovacuum_count", "pg_stat_get_analyze_count",
        "pg_stat_get_autoanalyze_count", "pg_stat_get_xact_numscans", "pg_stat_get_xact_tuples_returned",
        "pg_stat_get_xact_tuples_fetched", "pg_stat_get_xact_tuples_inserted", "pg_stat_get_xact_tuples_updated",
        "pg_stat_get_xact_tuples_deleted", "pg_stat_get_xact_tuples_hot_updated", "pg_stat_get_xact_blocks_fetched",
        "pg_stat_get_xact_blocks_hit", "pg_stat_get_db_xact_commit", "pg_stat_get_db_xact_rollback",
        "pg_stat_get_db_blocks_fetched", "pg_stat_get_db_blocks_hit", "pg_stat_get_db_tuples_returned",
        "pg_stat_get_db_tuples_fetched", "pg_stat_get_db_tuples_inserted", "pg_stat_get_db_tuples_updated",
        "pg_stat_get_db_tuples_deleted", "pg_stat_get_db_conflict_all", "pg_stat_get_db_conflict_tablespace",
        "pg_stat_get_db_conflict_lock", "pg_stat_get_db_conflict_snapshot", "pg_stat_get_db_conflict_bufferpin",
        "pg_stat_get_db_conflict_startup_deadlock", "pg_stat_get_db_temp_files", "pg_stat_get_db_temp_bytes",
        "pg_stat_get_db_deadlocks", "pg_stat_get_db_sessions", "pg_stat_get_db_sessions_abandoned",
        "pg_stat_get_db_sessions_fatal", "pg_stat_get_db_sessions_killed", "pg_stat_get_db_checksum_failures",
        "pg_stat_get_bgwriter_timed_checkpoints", "pg_stat_get_bgwriter_requested_checkpoints",
        "pg_stat_get_bgwriter_buf_written_checkpoints", "pg_stat_get_bgwriter_buf_written_clean",
        "pg_stat_get_bgwriter_maxwritten_clean", "pg_stat_get_buf_written_backend", "pg_stat_get_buf_fsync_backend",
        "pg_stat_get_buf_alloc";
    scalar(zero_time):
        "pg_stat_get_db_blk_read_time", "pg_stat_get_db_blk_write_time", "pg_stat_get_db_session_time",
        "pg_stat_get_db_active_time", "pg_stat_get_db_idle_in_transaction_time", "pg_stat_get_checkpoint_write_time",
        "pg_stat_get_checkpoint_sync_time";
    scalar(null):
        "pg_stat_get_last_vacuum_time", "pg_stat_get_last_autovacuum_time", "pg_stat_get_last_analyze_time",
        "pg_stat_get_last_autoanalyze_time", "pg_stat_get_db_checksum_last_failure", "pg_stat_get_db_stat_reset_time",
        "pg_stat_get_bgwriter_stat_reset_time", "pg_stat_get_function_calls", "pg_stat_get_function_total_time",
        "pg_stat_get_function_self_time", "pg_stat_get_xact_function_calls", "pg_stat_get_xact_function_total_time",
        "pg_stat_get_xact_function_self_time";
    scalar(live_tuples): "pg_stat_get_live_tuples";
    scalar(backends_of): "pg_stat_get_db_numbackends";
    set(activity): "pg_stat_get_activity";
    set(no_rows):
        "pg_stat_get_wal_senders", "pg_stat_get_progress_info", "pg_stat_get_recovery_prefetch",
        "pg_stat_get_subscription";
};
