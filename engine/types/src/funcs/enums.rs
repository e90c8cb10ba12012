//! Enums: comparison, and the labels of a type.

use super::args::{raw, scalar, unexpected};
use super::array::list;
use super::int::sign;
use crate::cmp;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, EnumValue, TypeRef};
use crate::kernel::{CallInfo, Kernel};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;
use std::sync::Arc;

fn order(a: &Datum, b: &Datum) -> Ordering {
    cmp::compare(TypeRef::new(oid::ANYENUM), 0, a, b)
}

/// The enum a call is about, by the type of its first argument or of its result.
fn enum_type(info: &CallInfo<'_>) -> Result<u32> {
    let of = |t: u32| crate::usertype::base(TypeRef::new(t)).oid;
    info.args
        .iter()
        .map(|t| of(t.oid))
        .chain([of(info.result.oid), oid::array_element(info.result.oid).map_or(0, of)])
        .find(|t| crate::usertype::is_enum(*t))
        .ok_or_else(|| DbError::new(SqlState::FEATURE_NOT_SUPPORTED, "could not determine actual enum type"))
}

fn labels(ctx: &EvalCtx, info: &CallInfo<'_>) -> Result<(u32, Vec<EnumValue>)> {
    let ty = enum_type(info)?;
    Ok((ty, ctx.session.enum_values(ty)?))
}

fn end(ctx: &EvalCtx, info: &CallInfo<'_>, last: bool) -> Result<Datum> {
    let (ty, all) = labels(ctx, info)?;
    let found = if last { all.last() } else { all.first() };
    let v = found.ok_or_else(|| {
        DbError::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("enum {} contains no values", crate::typename::format_type(ty, -1)),
        )
    })?;
    ctx.session.check_label(ty, v.oid)?;
    Ok(Datum::Enum(*v))
}

fn range(ctx: &EvalCtx, info: &CallInfo<'_>, from: &Datum, to: &Datum) -> Result<Datum> {
    let (ty, all) = labels(ctx, info)?;
    let bound = |d: &Datum| match d {
        Datum::Null => Ok(None),
        Datum::Enum(v) => Ok(Some(*v)),
        d => Err(unexpected(d)),
    };
    let (from, to) = (bound(from)?, bound(to)?);
    let inside = |v: &EnumValue| {
        from.is_none_or(|f| v.order.total_cmp(&f.order).is_ge())
            && to.is_none_or(|t| v.order.total_cmp(&t.order).is_le())
    };
    let mut items = Vec::new();
    for v in all.into_iter().filter(inside) {
        ctx.session.check_label(ty, v.oid)?;
        items.push(Datum::Enum(v));
    }
    Ok(Datum::Array(Arc::new(list(ty, items))))
}

fn range_bounds(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [from, to] = args else { return Err(super::args::arity(args.len())) };
    range(ctx, info, from, to)
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("enum_eq", |a: &Datum, b: &Datum| order(a, b).is_eq()),
    scalar!("enum_ne", |a: &Datum, b: &Datum| order(a, b).is_ne()),
    scalar!("enum_lt", |a: &Datum, b: &Datum| order(a, b).is_lt()),
    scalar!("enum_le", |a: &Datum, b: &Datum| order(a, b).is_le()),
    scalar!("enum_gt", |a: &Datum, b: &Datum| order(a, b).is_gt()),
    scalar!("enum_ge", |a: &Datum, b: &Datum| order(a, b).is_ge()),
    scalar!("enum_cmp", |a: &Datum, b: &Datum| sign(order(a, b))),
    scalar!("enum_smaller", |a: &Datum, b: &Datum| if order(a, b).is_lt() { a.clone() } else { b.clone() }),
    scalar!("enum_larger", |a: &Datum, b: &Datum| if order(a, b).is_gt() { a.clone() } else { b.clone() }),
    raw!("enum_first", |ctx, info, _| end(ctx, info, false)),
    raw!("enum_last", |ctx, info, _| end(ctx, info, true)),
    raw!("enum_range_all", |ctx, info, _| range(ctx, info, &Datum::Null, &Datum::Null)),
    raw!("enum_range_bounds", range_bounds),
]];
