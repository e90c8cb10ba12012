//! The extension's functions.

use super::{Entry, Key, QueryStats};
use crate::acl::membership::has_privs_of;
use crate::session::SessionShared;
use rustydb_base::{DbError, Result};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_types::oid;

/// `pg_read_all_stats`.
const PG_READ_ALL_STATS: u32 = 3375;

fn session(ctx: &EvalCtx) -> Result<&SessionShared> {
    let found = ctx.session.as_any().downcast_ref::<SessionShared>();
    found.ok_or_else(|| DbError::internal("pg_stat_statements was called outside a session"))
}

fn stats(ctx: &EvalCtx) -> Result<&QueryStats> {
    Ok(&session(ctx)?.engine.query_stats)
}

/// A count as `bigint`.
fn count(n: u64) -> Datum {
    Datum::Int8(i64::try_from(n).unwrap_or(i64::MAX))
}

fn row(key: &Key, e: &Entry, seen: bool, text: bool) -> Vec<Datum> {
    let zero = || Datum::Int8(0);
    let no_time = || Datum::Float8(0.0);
    let mut out = vec![Datum::Oid(key.user), Datum::Oid(key.database), Datum::Bool(key.toplevel)];
    // The id says which statement it is.
    out.push(if seen { Datum::Int8(key.query.cast_signed()) } else { Datum::Null });
    out.push(match (seen, text) {
        (false, _) => Datum::Text("<insufficient privilege>".into()),
        (true, true) => Datum::Text(e.text.as_ref().into()),
        (true, false) => Datum::Null,
    });
    for t in [&e.plans, &e.runs] {
        out.push(count(t.calls));
        out.extend([t.total, t.min, t.max, t.mean, t.deviation()].map(Datum::Float8));
    }
    out.push(count(e.rows));
    // Blocks: shared, local and temporary ones, and their times.
    out.extend((0..10).map(|_| zero()));
    out.extend((0..4).map(|_| no_time()));
    // The log.
    out.extend([zero(), zero(), Datum::Numeric(0_i64.into())]);
    // What is compiled.
    for _ in 0..4 {
        out.extend([zero(), no_time()]);
    }
    out
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn statements(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let text = matches!(args.first(), Some(Datum::Bool(true)));
    let shared = session(ctx)?;
    let role = shared.user_oid();
    let all = has_privs_of(&shared.catalog(), role, PG_READ_ALL_STATS);
    let entries = shared.engine.query_stats.all();
    Ok(Box::new(entries.into_iter().map(move |(k, e)| Ok(row(&k, &e, all || k.user == role, text)))))
}

fn info(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    let (deallocations, reset) = stats(ctx)?.info();
    let fields = [(oid::INT8, count(deallocations)), (oid::TIMESTAMPTZ, Datum::TimestampTz(reset))];
    Ok(Datum::Row(fields.into_iter().map(|(t, d)| (TypeRef::new(t), d)).collect()))
}

fn reset(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let of = |i: usize| match args.get(i) {
        Some(Datum::Oid(o)) => *o,
        _ => 0,
    };
    let query = match args.get(2) {
        Some(Datum::Int8(q)) => q.cast_unsigned(),
        _ => 0,
    };
    stats(ctx)?.forget(of(0), of(1), query, crate::engine::now_micros());
    Ok(Datum::Text(Default::default()))
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "pg_stat_statements_1_10", body: KernelBody::Set(statements) },
    Kernel { name: "pg_stat_statements_info", body: KernelBody::Scalar(info) },
    Kernel { name: "pg_stat_statements_reset_1_7", body: KernelBody::Scalar(reset) },
];
