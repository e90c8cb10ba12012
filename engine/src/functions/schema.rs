//! The helper functions of `information_schema`: what a type's modifier says.

use super::{access, int_arg, oid_arg, scalar, text};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::oid;

/// Most bytes a character takes in UTF-8.
const MAX_CHAR_BYTES: i32 = 4;

/// Length that stands for "no limit": the largest value of text that PostgreSQL stores.
const NO_LIMIT: i32 = 1 << 30;

/// Answers from a type and a modifier; NULL for NULLs (the functions are strict).
fn of_type(args: &[Datum], f: impl FnOnce(u32, i32) -> Option<i32>) -> Result<Datum> {
    let (Some(ty), Some(typmod)) = (oid_arg(args, 0)?, int_arg(args, 1)) else { return Ok(Datum::Null) };
    Ok(f(ty, typmod).map_or(Datum::Null, Datum::Int4))
}

fn char_length(ty: u32, typmod: i32) -> Option<i32> {
    match ty {
        _ if typmod == -1 => None,
        oid::BPCHAR | oid::VARCHAR => Some(typmod - 4),
        oid::BIT | oid::VARBIT => Some(typmod),
        _ => None,
    }
}

fn char_max_length(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_type(args, char_length)
}

fn char_octet_length(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_type(args, |ty, typmod| match ty {
        oid::TEXT => Some(NO_LIMIT),
        oid::BPCHAR | oid::VARCHAR => {
            Some(char_length(ty, typmod).map_or(NO_LIMIT, |n| n.saturating_mul(MAX_CHAR_BYTES)))
        }
        _ => None,
    })
}

fn precision(ty: u32, typmod: i32) -> Option<i32> {
    match ty {
        oid::INT2 => Some(16),
        oid::INT4 => Some(32),
        oid::INT8 => Some(64),
        oid::NUMERIC if typmod != -1 => Some(((typmod - 4) >> 16) & 0xffff),
        oid::FLOAT4 => Some(24),
        oid::FLOAT8 => Some(53),
        _ => None,
    }
}

fn numeric_precision(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_type(args, precision)
}

fn numeric_radix(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_type(args, |ty, _| match ty {
        oid::INT2 | oid::INT4 | oid::INT8 | oid::FLOAT4 | oid::FLOAT8 => Some(2),
        oid::NUMERIC => Some(10),
        _ => None,
    })
}

fn numeric_scale(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_type(args, |ty, typmod| match ty {
        oid::INT2 | oid::INT4 | oid::INT8 => Some(0),
        oid::NUMERIC if typmod != -1 => Some((typmod - 4) & 0xffff),
        _ => None,
    })
}

fn datetime_precision(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_type(args, |ty, typmod| match ty {
        oid::DATE => Some(0),
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ => Some(if typmod < 0 { 6 } else { typmod }),
        oid::INTERVAL => Some(if typmod < 0 || typmod & 0xffff == 0xffff { 6 } else { typmod & 0xffff }),
        _ => None,
    })
}

/// The fields of an interval type, e.g. `DAY TO SECOND(2)`.
fn interval_type(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (Some(ty), Some(typmod)) = (oid_arg(args, 0)?, int_arg(args, 1)) else { return Ok(Datum::Null) };
    if ty != oid::INTERVAL {
        return Ok(Datum::Null);
    }
    let shown = rustydb_types::typename::with_typmod(ty, typmod);
    // What follows the type's own name is its fields.
    let fields = shown.strip_prefix("interval").unwrap_or("").trim_start();
    let named = fields.starts_with(|c: char| c.is_ascii_alphabetic());
    Ok(if named { text(fields.to_ascii_uppercase()) } else { Datum::Null })
}

/// Position of a table's column in an index's key, from one; NULL when it is not in it.
fn index_position(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (Some(index), Some(column)) = (oid_arg(args, 0)?, int_arg(args, 1)) else { return Ok(Datum::Null) };
    let cat = access(ctx)?.catalog();
    let found = cat.index(index).and_then(|i| i.keys.iter().position(|k| i32::from(k.attnum) == column && column != 0));
    Ok(found.and_then(|n| i32::try_from(n + 1).ok()).map_or(Datum::Null, Datum::Int4))
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("_pg_char_max_length(oid,integer)", char_max_length),
    scalar("_pg_char_octet_length(oid,integer)", char_octet_length),
    scalar("_pg_numeric_precision(oid,integer)", numeric_precision),
    scalar("_pg_numeric_precision_radix(oid,integer)", numeric_radix),
    scalar("_pg_numeric_scale(oid,integer)", numeric_scale),
    scalar("_pg_datetime_precision(oid,integer)", datetime_precision),
    scalar("_pg_interval_type(oid,integer)", interval_type),
    scalar("_pg_index_position(oid,smallint)", index_position),
];
