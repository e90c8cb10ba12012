//! The functions that show and reset cumulative statistics.

use super::{
    ARCHIVER, BGWRITER, Counts, DatabaseCounters, FunctionStats, PREFETCH, RelationStats, SLRU, ServerStats,
    Statistics, Tally, WAL,
};
use crate::session::shared::SessionShared;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_types::{io, oid};
use std::sync::Arc;

/// PostgreSQL's SLRU caches, by the names that `pg_stat_slru` has.
const SLRUS: [&str; 8] =
    ["CommitTs", "MultiXactMember", "MultiXactOffset", "Notify", "Serial", "Subtrans", "Xact", "other"];

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

/// What a kernel looks at.
struct Looking<'a> {
    session: &'a SessionShared,
    all: &'a Statistics,
    mode: String,
}

impl<'a> Looking<'a> {
    fn new(ctx: &'a EvalCtx) -> Result<Looking<'a>> {
        let session = session(ctx)?;
        let mode = session.settings(|s| s.get("stats_fetch_consistency").to_owned());
        Ok(Looking { session, all: &session.engine.statistics, mode })
    }

    fn tally(&self) -> &'a Arc<Tally> {
        &self.session.tally
    }

    fn relation(&self, oid: u32) -> RelationStats {
        self.tally().relation(&self.mode, self.all, oid).unwrap_or_default()
    }

    fn function(&self, oid: u32) -> Option<FunctionStats> {
        self.tally().function(&self.mode, self.all, oid)
    }

    fn database(&self, oid: u32) -> DatabaseCounters {
        self.tally().database(&self.mode, self.all, oid).unwrap_or_default()
    }
}

fn session(ctx: &EvalCtx) -> Result<&SessionShared> {
    let found = ctx.session.as_any().downcast_ref::<SessionShared>();
    found.ok_or_else(|| DbError::internal("statistics were asked for outside a session"))
}

fn void() -> Datum {
    Datum::Text(Default::default())
}

fn oid_arg(args: &[Datum], i: usize) -> u32 {
    match args.get(i) {
        Some(Datum::Oid(o)) => *o,
        _ => 0,
    }
}

fn text_arg(args: &[Datum], i: usize) -> Option<&str> {
    match args.get(i) {
        Some(Datum::Text(s)) => Some(s.as_str()),
        _ => None,
    }
}

/// A time, NULL for never.
fn time(t: i64) -> Datum {
    if t == 0 { Datum::Null } else { Datum::TimestampTz(t) }
}

/// Microseconds as the milliseconds that are shown.
fn millis(t: i64) -> Datum {
    Datum::Float8(t as f64 / 1000.0)
}

macro_rules! of {
    ($make:ident, $($name:ident: $x:ident => $value:expr;)*) => {
        $(fn $name(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
            let $x = $make(ctx, args)?;
            Ok($value)
        })*
    };
}

fn relation(ctx: &EvalCtx, args: &[Datum]) -> Result<RelationStats> {
    Ok(Looking::new(ctx)?.relation(oid_arg(args, 0)))
}

of! { relation,
    scans: r => Datum::Int8(r.scans);
    returned: r => Datum::Int8(r.returned);
    fetched: r => Datum::Int8(r.fetched);
    inserted: r => Datum::Int8(r.inserted);
    updated: r => Datum::Int8(r.updated);
    deleted: r => Datum::Int8(r.deleted);
    hot: r => Datum::Int8(r.hot);
    live: r => Datum::Int8(r.live);
    dead: r => Datum::Int8(r.dead);
    changed: r => Datum::Int8(r.changed);
    since_vacuum: r => Datum::Int8(r.since_vacuum);
    blocks: r => Datum::Int8(r.blocks);
    hits: r => Datum::Int8(r.hits);
    vacuums: r => Datum::Int8(r.vacuums);
    analyzes: r => Datum::Int8(r.analyzes);
    vacuumed: r => time(r.vacuumed);
    analyzed: r => time(r.analyzed);
}

fn pending(ctx: &EvalCtx, args: &[Datum]) -> Result<Counts> {
    Ok(session(ctx)?.tally.pending(oid_arg(args, 0)))
}

of! { pending,
    xact_scans: c => Datum::Int8(c.scans);
    xact_returned: c => Datum::Int8(c.returned);
    xact_fetched: c => Datum::Int8(c.fetched);
    xact_inserted: c => Datum::Int8(c.inserted);
    xact_updated: c => Datum::Int8(c.updated);
    xact_deleted: c => Datum::Int8(c.deleted);
    xact_hot: c => Datum::Int8(c.hot);
    xact_blocks: c => Datum::Int8(c.blocks);
    xact_hits: c => Datum::Int8(c.hits);
}

fn function(ctx: &EvalCtx, args: &[Datum]) -> Result<Option<FunctionStats>> {
    Ok(Looking::new(ctx)?.function(oid_arg(args, 0)))
}

of! { function,
    calls: f => f.map_or(Datum::Null, |f| Datum::Int8(f.calls));
    total_time: f => f.map_or(Datum::Null, |f| millis(f.total));
    self_time: f => f.map_or(Datum::Null, |f| millis(f.own));
}

fn pending_function(ctx: &EvalCtx, args: &[Datum]) -> Result<Option<FunctionStats>> {
    Ok(session(ctx)?.tally.pending_function(oid_arg(args, 0)))
}

of! { pending_function,
    xact_calls: f => f.map_or(Datum::Null, |f| Datum::Int8(f.calls));
    xact_total_time: f => f.map_or(Datum::Null, |f| millis(f.total));
    xact_self_time: f => f.map_or(Datum::Null, |f| millis(f.own));
}

fn database(ctx: &EvalCtx, args: &[Datum]) -> Result<DatabaseCounters> {
    Ok(Looking::new(ctx)?.database(oid_arg(args, 0)))
}

of! { database,
    db_commits: d => Datum::Int8(d.commits);
    db_rollbacks: d => Datum::Int8(d.rollbacks);
    db_blocks: d => Datum::Int8(d.blocks);
    db_hits: d => Datum::Int8(d.hits);
    db_returned: d => Datum::Int8(d.returned);
    db_fetched: d => Datum::Int8(d.fetched);
    db_inserted: d => Datum::Int8(d.inserted);
    db_updated: d => Datum::Int8(d.updated);
    db_deleted: d => Datum::Int8(d.deleted);
    db_temp_files: d => Datum::Int8(d.temp_files);
    db_temp_bytes: d => Datum::Int8(d.temp_bytes);
    db_deadlocks: d => Datum::Int8(d.deadlocks);
    db_sessions: d => Datum::Int8(d.sessions);
    db_abandoned: d => Datum::Int8(d.abandoned);
    db_fatal: d => Datum::Int8(d.fatal);
    db_killed: d => Datum::Int8(d.killed);
    db_session_time: d => millis(d.session_time);
    db_active_time: d => millis(d.active_time);
    db_idle_time: d => millis(d.idle_time);
    db_reset: d => time(d.reset);
}

/// What is counted for the whole server.
fn server(ctx: &EvalCtx, _: &[Datum]) -> Result<([i64; 8], ServerStats)> {
    let s = *session(ctx)?.engine.statistics.server.lock();
    Ok((s.counted(), s))
}

of! { server,
    timed_checkpoints: s => Datum::Int8(s.0[0]);
    asked_checkpoints: s => Datum::Int8(s.0[1]);
    written: s => Datum::Int8(s.0[2]);
    loaded: s => Datum::Int8(s.0[3]);
    bgwriter_reset: s => time(s.1.reset[BGWRITER]);
}

/// The log's writes are durable by themselves, and the images of whole pages in it are no protection against torn
/// ones: syncs and images count as none, as they would in PostgreSQL.
fn wal(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let ([.., records, bytes, full, writes], s) = server(ctx, args)?;
    let number = |n: i64| (TypeRef::new(oid::INT8), Datum::Int8(n));
    let none = || (TypeRef::new(oid::FLOAT8), Datum::Float8(0.0));
    let numeric = TypeRef::new(oid::NUMERIC);
    let bytes = io::text_in(ctx, numeric, &bytes.to_string())?;
    let reset = (TypeRef::new(oid::TIMESTAMPTZ), time(s.reset[WAL]));
    let fields =
        [number(records), number(0), (numeric, bytes), number(full), number(writes), number(0), none(), none(), reset];
    Ok(Datum::Row(fields.into()))
}

/// There is no archiver.
fn archiver(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let reset = server(ctx, args)?.1.reset[ARCHIVER];
    let field = |ty: u32, d: Datum| (TypeRef::new(ty), d);
    let times = [
        field(oid::INT8, Datum::Int8(0)),
        field(oid::TEXT, Datum::Null),
        field(oid::TIMESTAMPTZ, Datum::Null),
        field(oid::INT8, Datum::Int8(0)),
        field(oid::TEXT, Datum::Null),
        field(oid::TIMESTAMPTZ, Datum::Null),
        field(oid::TIMESTAMPTZ, time(reset)),
    ];
    Ok(Datum::Row(times.into()))
}

/// There are no such caches.
fn slru(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let s = server(ctx, args)?.1;
    let row = |(name, reset): (&&str, &i64)| {
        let mut row = vec![Datum::Text((*name).into())];
        row.extend((0..7).map(|_| Datum::Int8(0)));
        row.push(time(*reset));
        Ok(row)
    };
    let all: Vec<_> = SLRUS.iter().zip(s.reset.iter().skip(SLRU)).map(row).collect();
    Ok(Box::new(all.into_iter()))
}

/// Nothing is read ahead in recovery.
fn prefetch(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let mut row = vec![time(server(ctx, args)?.1.reset[PREFETCH])];
    row.extend((0..6).map(|_| Datum::Int8(0)));
    row.extend((0..3).map(|_| Datum::Int4(0)));
    Ok(Box::new(std::iter::once(Ok(row))))
}

fn zero(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int8(0))
}

fn zero_time(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Float8(0.0))
}

fn null(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Null)
}

// ---- resets ------------------------------------------------------------------------------------------------------

fn snapshot_time(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    let l = Looking::new(ctx)?;
    Ok(l.tally().snapshot_taken(&l.mode).map_or(Datum::Null, Datum::TimestampTz))
}

fn clear_snapshot(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    session(ctx)?.tally.clear_snapshot();
    Ok(void())
}

fn force(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    session(ctx)?.tally.force();
    Ok(void())
}

fn reset(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    session(ctx)?.tally.reset_all();
    Ok(void())
}

fn reset_table(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    session(ctx)?.tally.reset_one(oid_arg(args, 0), false);
    Ok(void())
}

fn reset_function(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    session(ctx)?.tally.reset_one(oid_arg(args, 0), true);
    Ok(void())
}

fn reset_shared(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let target = text_arg(args, 0).unwrap_or_default();
    let kind = match target {
        "archiver" => ARCHIVER,
        "bgwriter" => BGWRITER,
        "recovery_prefetch" => PREFETCH,
        "wal" => WAL,
        _ => {
            let m = format!("unrecognized reset target: \"{target}\"");
            return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, m)
                .hint("Target must be \"archiver\", \"bgwriter\", \"recovery_prefetch\", or \"wal\"."));
        }
    };
    session(ctx)?.engine.statistics.server.lock().reset(kind);
    Ok(void())
}

/// One cache by its name, what has no name among the others; all for NULL.
fn reset_slru(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let mut s = session(ctx)?.engine.statistics.server.lock();
    let last = SLRUS.len() - 1;
    let kinds = match text_arg(args, 0) {
        Some(name) => {
            let n = SLRUS.iter().position(|s| *s == name).unwrap_or(last);
            n..n + 1
        }
        None => 0..last + 1,
    };
    kinds.for_each(|n| s.reset(SLRU + n));
    Ok(void())
}

/// Whether something is counted. Kinds of which there is one each always are.
fn have_stats(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let kind = text_arg(args, 0).unwrap_or_default();
    let (database, object) = (oid_arg(args, 1), oid_arg(args, 2));
    let s = session(ctx)?;
    let counted = |function: bool| {
        let known = s.engine.statistics.databases.lock().get(&database).cloned();
        let entry = known.is_some_and(|d| {
            let o = d.0.lock();
            if function { o.functions.contains_key(&object) } else { o.relations.contains_key(&object) }
        });
        let here = if !function && super::is_shared(object) { 0 } else { s.database_oid };
        entry || (database == here && s.tally.has_pending(object, function))
    };
    Ok(Datum::Bool(match kind {
        "archiver" | "bgwriter" | "checkpointer" | "slru" | "wal" => true,
        "database" => object == 0 && s.engine.statistics.databases.lock().contains_key(&database),
        "relation" => counted(false),
        "function" => counted(true),
        "replslot" | "subscription" => false,
        _ => {
            return Err(DbError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("invalid statistics kind: \"{kind}\""),
            ));
        }
    }))
}

macro_rules! kernels {
    ($($f:expr => $($name:literal),+;)*) => { &[$($(Kernel { name: $name, body: KernelBody::Scalar($f) },)+)*
        Kernel { name: "pg_stat_get_slru", body: KernelBody::Set(slru) },
        Kernel { name: "pg_stat_get_recovery_prefetch", body: KernelBody::Set(prefetch) },
    ] };
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = kernels! {
    scans => "pg_stat_get_numscans";
    returned => "pg_stat_get_tuples_returned";
    fetched => "pg_stat_get_tuples_fetched";
    inserted => "pg_stat_get_tuples_inserted";
    updated => "pg_stat_get_tuples_updated";
    deleted => "pg_stat_get_tuples_deleted";
    hot => "pg_stat_get_tuples_hot_updated";
    live => "pg_stat_get_live_tuples";
    dead => "pg_stat_get_dead_tuples";
    changed => "pg_stat_get_mod_since_analyze";
    since_vacuum => "pg_stat_get_ins_since_vacuum";
    blocks => "pg_stat_get_blocks_fetched";
    hits => "pg_stat_get_blocks_hit";
    vacuums => "pg_stat_get_vacuum_count";
    analyzes => "pg_stat_get_analyze_count";
    vacuumed => "pg_stat_get_last_vacuum_time";
    analyzed => "pg_stat_get_last_analyze_time";
    xact_scans => "pg_stat_get_xact_numscans";
    xact_returned => "pg_stat_get_xact_tuples_returned";
    xact_fetched => "pg_stat_get_xact_tuples_fetched";
    xact_inserted => "pg_stat_get_xact_tuples_inserted";
    xact_updated => "pg_stat_get_xact_tuples_updated";
    xact_deleted => "pg_stat_get_xact_tuples_deleted";
    xact_hot => "pg_stat_get_xact_tuples_hot_updated";
    xact_blocks => "pg_stat_get_xact_blocks_fetched";
    xact_hits => "pg_stat_get_xact_blocks_hit";
    calls => "pg_stat_get_function_calls";
    total_time => "pg_stat_get_function_total_time";
    self_time => "pg_stat_get_function_self_time";
    xact_calls => "pg_stat_get_xact_function_calls";
    xact_total_time => "pg_stat_get_xact_function_total_time";
    xact_self_time => "pg_stat_get_xact_function_self_time";
    db_commits => "pg_stat_get_db_xact_commit";
    db_rollbacks => "pg_stat_get_db_xact_rollback";
    db_blocks => "pg_stat_get_db_blocks_fetched";
    db_hits => "pg_stat_get_db_blocks_hit";
    db_returned => "pg_stat_get_db_tuples_returned";
    db_fetched => "pg_stat_get_db_tuples_fetched";
    db_inserted => "pg_stat_get_db_tuples_inserted";
    db_updated => "pg_stat_get_db_tuples_updated";
    db_deleted => "pg_stat_get_db_tuples_deleted";
    db_temp_files => "pg_stat_get_db_temp_files";
    db_temp_bytes => "pg_stat_get_db_temp_bytes";
    db_deadlocks => "pg_stat_get_db_deadlocks";
    db_sessions => "pg_stat_get_db_sessions";
    db_abandoned => "pg_stat_get_db_sessions_abandoned";
    db_fatal => "pg_stat_get_db_sessions_fatal";
    db_killed => "pg_stat_get_db_sessions_killed";
    db_session_time => "pg_stat_get_db_session_time";
    db_active_time => "pg_stat_get_db_active_time";
    db_idle_time => "pg_stat_get_db_idle_in_transaction_time";
    db_reset => "pg_stat_get_db_stat_reset_time";
    timed_checkpoints => "pg_stat_get_bgwriter_timed_checkpoints";
    asked_checkpoints => "pg_stat_get_bgwriter_requested_checkpoints";
    written => "pg_stat_get_bgwriter_buf_written_checkpoints";
    loaded => "pg_stat_get_buf_alloc";
    bgwriter_reset => "pg_stat_get_bgwriter_stat_reset_time";
    wal => "pg_stat_get_wal";
    archiver => "pg_stat_get_archiver";
    // Nothing is vacuumed or analysed by itself, conflicts are those of a standby, checksums are not counted, and no
    // session writes pages.
    zero => "pg_stat_get_autovacuum_count", "pg_stat_get_autoanalyze_count", "pg_stat_get_db_conflict_all",
        "pg_stat_get_db_conflict_tablespace", "pg_stat_get_db_conflict_lock", "pg_stat_get_db_conflict_snapshot",
        "pg_stat_get_db_conflict_bufferpin", "pg_stat_get_db_conflict_startup_deadlock",
        "pg_stat_get_db_checksum_failures", "pg_stat_get_bgwriter_buf_written_clean",
        "pg_stat_get_bgwriter_maxwritten_clean", "pg_stat_get_buf_written_backend", "pg_stat_get_buf_fsync_backend";
    zero_time => "pg_stat_get_db_blk_read_time", "pg_stat_get_db_blk_write_time", "pg_stat_get_checkpoint_write_time",
        "pg_stat_get_checkpoint_sync_time";
    null => "pg_stat_get_last_autovacuum_time", "pg_stat_get_last_autoanalyze_time",
        "pg_stat_get_db_checksum_last_failure";
    snapshot_time => "pg_stat_get_snapshot_timestamp";
    clear_snapshot => "pg_stat_clear_snapshot";
    force => "pg_stat_force_next_flush";
    reset => "pg_stat_reset";
    reset_table => "pg_stat_reset_single_table_counters";
    reset_function => "pg_stat_reset_single_function_counters";
    reset_shared => "pg_stat_reset_shared";
    reset_slru => "pg_stat_reset_slru";
    have_stats => "pg_stat_have_stats";
};
