//! Transition and final functions of built-in aggregates that users make aggregates of: their states are plain values.

use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use crate::{oid, registry};
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// All of them.
pub const KERNELS: &[&[Kernel]] = &[&[
    Kernel { name: "int8inc_any", body: KernelBody::Scalar(count_any) },
    Kernel { name: "int8inc_float8_float8", body: KernelBody::Scalar(count_any) },
    Kernel { name: "int2_avg_accum", body: KernelBody::Scalar(avg_accum) },
    Kernel { name: "int4_avg_accum", body: KernelBody::Scalar(avg_accum) },
    Kernel { name: "int8_avg", body: KernelBody::Scalar(avg) },
    Kernel { name: "int2int4_sum", body: KernelBody::Scalar(sum) },
]];

fn overflow() -> DbError {
    super::int::out_of_range("bigint")
}

/// One more, whatever the value.
fn count_any(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    match args.first() {
        Some(Datum::Int8(n)) => n.checked_add(1).map(Datum::Int8).ok_or_else(overflow),
        _ => Err(DbError::internal("a counter that is no bigint")),
    }
}

/// The count and the sum of a state.
fn parts(d: Option<&Datum>) -> Result<(i64, i64)> {
    if let Some(Datum::Array(a)) = d
        && let [Datum::Int8(n), Datum::Int8(sum)] = a.items.as_slice()
    {
        return Ok((*n, *sum));
    }
    Err(DbError::new(SqlState::INTERNAL_ERROR, "expected 2-element int8 array"))
}

fn avg_accum(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (n, sum) = parts(args.first())?;
    let v = match args.get(1) {
        Some(Datum::Int2(v)) => i64::from(*v),
        Some(Datum::Int4(v)) => i64::from(*v),
        _ => return Err(DbError::internal("a value that is no integer")),
    };
    let items = vec![
        Datum::Int8(n.checked_add(1).ok_or_else(overflow)?),
        Datum::Int8(sum.checked_add(v).ok_or_else(overflow)?),
    ];
    Ok(Datum::Array(Arc::new(ArrayValue { elem: oid::INT8, dims: vec![(2, 1)], items })))
}

/// The sum of a state, NULL when nothing was counted.
fn sum(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (n, sum) = parts(args.first())?;
    Ok(if n == 0 { Datum::Null } else { Datum::Int8(sum) })
}

fn avg(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (n, sum) = parts(args.first())?;
    if n == 0 {
        return Ok(Datum::Null);
    }
    match registry::kernel("numeric_div").map(|k| k.body) {
        Some(KernelBody::Scalar(f) | KernelBody::Vector(f, _)) => {
            f(ctx, info, &[Datum::Numeric(sum.into()), Datum::Numeric(n.into())])
        }
        _ => Err(DbError::internal("numeric division is a built-in function")),
    }
}
