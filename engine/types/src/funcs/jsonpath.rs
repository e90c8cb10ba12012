//! Functions over SQL/JSON paths.

use super::args::{arity, raw, unexpected};
use super::series::Rows;
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::jsonb::{Json, encode};
use crate::jsonpath::{self, Call};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_base::Result;

/// Runs `f` over a call's parts: target, path and, unless it is an operator's, variables and silence.
fn with<T>(ctx: &EvalCtx, args: &[Datum], zoned: bool, f: impl FnOnce(&Call<'_>) -> Result<T>) -> Result<T> {
    let (target, path, vars, silent) = match args {
        [Datum::Bytes(t), Datum::Text(p)] => (t, p, None, true),
        [Datum::Bytes(t), Datum::Text(p), Datum::Bytes(v), Datum::Bool(silent)] => (t, p, Some(v), *silent),
        [d, ..] => return Err(unexpected(d)),
        [] => return Err(arity(0)),
    };
    let path = jsonpath::parse_cached(path)?;
    f(&Call { ctx, target, path: &path, vars: vars.map(|v| &v[..]), named: &[], silent, zoned })
}

fn truth(v: Option<bool>) -> Datum {
    v.map_or(Datum::Null, Datum::Bool)
}

fn exists(ctx: &EvalCtx, args: &[Datum], zoned: bool) -> Result<Datum> {
    with(ctx, args, zoned, jsonpath::exists).map(truth)
}

fn matches(ctx: &EvalCtx, args: &[Datum], zoned: bool) -> Result<Datum> {
    with(ctx, args, zoned, jsonpath::match_one).map(truth)
}

fn query(ctx: &EvalCtx, args: &[Datum], zoned: bool) -> Result<Rows> {
    let found = with(ctx, args, zoned, jsonpath::query)?;
    Ok(Box::new(found.into_iter().map(|b| Ok(vec![Datum::Bytes(b.into())]))))
}

fn array(ctx: &EvalCtx, args: &[Datum], zoned: bool) -> Result<Datum> {
    let found = with(ctx, args, zoned, jsonpath::query)?;
    Ok(Datum::Bytes(encode(&Json::Array(found.iter().map(|b| Json::of(b)).collect())).into()))
}

fn first(ctx: &EvalCtx, args: &[Datum], zoned: bool) -> Result<Datum> {
    let found = with(ctx, args, zoned, jsonpath::query)?;
    Ok(found.into_iter().next().map_or(Datum::Null, |b| Datum::Bytes(b.into())))
}

type Body = fn(&EvalCtx, &CallInfo<'_>, &[Datum]) -> Result<Datum>;

const fn row(name: &'static str, f: Body) -> Kernel {
    raw!(name, f)
}

const fn set(name: &'static str, f: crate::kernel::SetFn) -> Kernel {
    Kernel { name, body: KernelBody::Set(f) }
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    row("jsonb_path_exists", |ctx, _, args| exists(ctx, args, false)),
    row("jsonb_path_exists_tz", |ctx, _, args| exists(ctx, args, true)),
    row("jsonb_path_exists_opr", |ctx, _, args| exists(ctx, args, false)),
    row("jsonb_path_match", |ctx, _, args| matches(ctx, args, false)),
    row("jsonb_path_match_tz", |ctx, _, args| matches(ctx, args, true)),
    row("jsonb_path_match_opr", |ctx, _, args| matches(ctx, args, false)),
    row("jsonb_path_query_array", |ctx, _, args| array(ctx, args, false)),
    row("jsonb_path_query_array_tz", |ctx, _, args| array(ctx, args, true)),
    row("jsonb_path_query_first", |ctx, _, args| first(ctx, args, false)),
    row("jsonb_path_query_first_tz", |ctx, _, args| first(ctx, args, true)),
    set("jsonb_path_query", |ctx, _, args| query(ctx, args, false)),
    set("jsonb_path_query_tz", |ctx, _, args| query(ctx, args, true)),
]];
