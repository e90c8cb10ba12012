//! jsonb made from SQL values.

use super::args::{arity, raw, scalar, unexpected};
use super::json::{MAX_DEPTH, field_names, is_json_number, iso_text, pairs_of, pairs_of_two, row_fields};
use super::jsonb::{parameter, shown};
use super::show::{spread, text_of};
use super::text::{MAX_VALUE, too_large};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, TypeRef};
use crate::jsonb::{Json, encode, object_of, parse};
use crate::kernel::{CallInfo, Kernel};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// A value as jsonb.
pub(crate) fn tree(ctx: &EvalCtx, ty: TypeRef, d: &Datum, depth: u32) -> Result<Json> {
    if depth > MAX_DEPTH {
        return Err(DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
    }
    Ok(match d {
        Datum::Null => Json::Null,
        Datum::Bool(v) => Json::Bool(*v),
        Datum::Int2(v) => Json::Number(i64::from(*v).into()),
        Datum::Int4(v) => Json::Number(i64::from(*v).into()),
        Datum::Int8(v) if ty.oid == oid::INT8 => Json::Number((*v).into()),
        Datum::Numeric(n) if n.is_finite() => Json::Number(n.clone()),
        Datum::Float4(_) | Datum::Float8(_) => {
            let text = text_of(ctx, ty.oid, d)?.unwrap_or_default();
            if is_json_number(&text) { Json::Number(text.parse()?) } else { Json::String(text) }
        }
        Datum::Text(s) if ty.oid == oid::JSON => parse(s)?,
        Datum::Bytes(b) if ty.oid == oid::JSONB => Json::of(b),
        Datum::Date(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => Json::String(iso_text(ctx, ty.oid, d)?),
        Datum::Array(a) if !matches!(ty.oid, oid::INT2VECTOR | oid::OIDVECTOR) => {
            let elem = TypeRef { oid: a.elem, typmod: ty.typmod, collation: 0 };
            dimension(ctx, elem, a, 0, &mut a.items.iter(), depth)?
        }
        Datum::Row(values) => {
            let fields = field_names(ty, values);
            let mut members = Vec::with_capacity(values.len());
            for ((name, ty), d) in row_fields(&fields, values) {
                members.push((name.to_owned(), tree(ctx, ty, d, depth + 1)?));
            }
            object_of(members)
        }
        d => Json::String(text_of(ctx, ty.oid, d)?.unwrap_or_default()),
    })
}

fn dimension<'a>(
    ctx: &EvalCtx,
    elem: TypeRef,
    a: &ArrayValue,
    level: usize,
    items: &mut impl Iterator<Item = &'a Datum>,
    depth: u32,
) -> Result<Json> {
    let mut out = Vec::new();
    for _ in 0..a.dims.get(level).map_or(0, |d| d.0) {
        if level + 1 < a.dims.len() {
            out.push(dimension(ctx, elem, a, level + 1, items, depth)?);
        } else if let Some(d) = items.next() {
            out.push(tree(ctx, elem, d, depth + 1)?);
        }
    }
    Ok(Json::Array(out))
}

/// A value as an object's key.
pub(crate) fn key(ctx: &EvalCtx, ty: TypeRef, d: &Datum) -> Result<String> {
    let composite = matches!(d, Datum::Row(_)) || matches!(d, Datum::Array(_)) && oid::array_element(ty.oid).is_some();
    if composite || matches!(ty.oid, oid::JSON | oid::JSONB) {
        return Err(parameter("key value must be scalar, not array, composite, or json"));
    }
    Ok(match d {
        Datum::Bool(v) => if *v { "true" } else { "false" }.to_owned(),
        Datum::Date(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => iso_text(ctx, ty.oid, d)?,
        d => text_of(ctx, ty.oid, d)?.unwrap_or_default(),
    })
}

/// A tree as a value, within the bound of one.
pub(crate) fn stored(v: &Json) -> Result<Datum> {
    let b = encode(v);
    if b.len() > MAX_VALUE { Err(too_large()) } else { Ok(Datum::Bytes(b.into())) }
}

fn to_jsonb(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let ([d], [ty]) = (args, info.args) else { return Err(arity(args.len())) };
    stored(&tree(ctx, *ty, d, 0)?)
}

fn build_array(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(args) = spread(info, args)? else { return Ok(Datum::Null) };
    let items = args.iter().map(|(ty, d)| tree(ctx, *ty, d, 0)).collect::<Result<_>>()?;
    stored(&Json::Array(items))
}

fn build_object(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(args) = spread(info, args)? else { return Ok(Datum::Null) };
    if !args.len().is_multiple_of(2) {
        return Err(parameter("argument list must have even number of elements")
            .hint("The arguments of jsonb_build_object() must consist of alternating keys and values."));
    }
    let mut members = Vec::with_capacity(args.len() / 2);
    for (i, pair) in args.chunks_exact(2).enumerate() {
        let [(key_type, k), (value_type, v)] = pair else { continue };
        if k.is_null() {
            return Err(parameter(format!("argument {}: key must not be null", i * 2 + 1)));
        }
        members.push((key(ctx, *key_type, k)?, tree(ctx, *value_type, v, 0)?));
    }
    stored(&object_of(members))
}

fn object_from_pairs<'a>(pairs: impl Iterator<Item = (&'a Datum, &'a Datum)>) -> Result<Datum> {
    let mut members = Vec::new();
    for (k, v) in pairs {
        let Datum::Text(k) = k else {
            return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key"));
        };
        let v = match v {
            Datum::Null => Json::Null,
            Datum::Text(v) => Json::String(v.to_string()),
            d => return Err(unexpected(d)),
        };
        members.push((k.to_string(), v));
    }
    stored(&object_of(members))
}

fn object(a: &ArrayValue) -> Result<Datum> {
    object_from_pairs(pairs_of(a)?)
}

fn object_of_two(keys: &ArrayValue, values: &ArrayValue) -> Result<Datum> {
    object_from_pairs(pairs_of_two(keys, values)?)
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    raw!("to_jsonb", to_jsonb),
    raw!("jsonb_build_array", build_array),
    raw!("jsonb_build_array_noargs", build_array),
    raw!("jsonb_build_object", build_object),
    raw!("jsonb_build_object_noargs", build_object),
    scalar!("jsonb_object", |a: &Arc<ArrayValue>| object(a)),
    scalar!("jsonb_object_two_arg", |k: &Arc<ArrayValue>, v: &Arc<ArrayValue>| object_of_two(k, v)),
    scalar!("jsonb_send", |j: &[u8]| {
        let mut out = vec![1];
        out.extend_from_slice(shown(j).as_bytes());
        out
    }),
]];
