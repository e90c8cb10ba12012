//! jsonb: looking into values, comparing them, and their casts. Making and changing them is in the neighbours
//! `jsonb_make` and `jsonb_edit`.

use super::args::{comparisons, scalar, set, unexpected};
use super::int::sign;
use super::series::Rows;
use crate::datum::{ArrayValue, Datum, Str};
use crate::jsonb::{self, View};
use crate::kernel::Kernel;
use crate::numeric::Numeric;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

pub(super) fn parameter(message: impl Into<std::borrow::Cow<'static, str>>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// The elements of a text array; `None` for NULLs. 2202E for more than one dimension.
pub(super) fn texts(a: &ArrayValue) -> Result<Vec<Option<&str>>> {
    if a.dims.len() > 1 {
        return Err(DbError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"));
    }
    a.items
        .iter()
        .map(|d| match d {
            Datum::Null => Ok(None),
            Datum::Text(s) => Ok(Some(s.as_str())),
            d => Err(unexpected(d)),
        })
        .collect()
}

/// A subscript of an array as C's `strtol` reads it: blanks and a sign before the digits.
pub(super) fn subscript(s: &str) -> Option<i32> {
    let s = s.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    // `parse` takes a plus sign, as strtol does.
    s.parse().ok()
}

fn bytes(b: &[u8]) -> Datum {
    Datum::Bytes(bytes::Bytes::copy_from_slice(b))
}

/// A value as SQL text: strings bare, null as NULL, the rest as JSON.
pub(super) fn as_text(b: &[u8]) -> Datum {
    match View::of(b) {
        View::Null => Datum::Null,
        View::String(s) => Datum::Text(Str::new(s)),
        _ => Datum::Text(shown(b).into()),
    }
}

/// A value as JSON text.
pub(crate) fn shown(b: &[u8]) -> String {
    let mut out = String::new();
    jsonb::write_text(b, &mut out);
    out
}

fn field<'a>(b: &'a [u8], key: &str) -> Option<&'a [u8]> {
    match View::of(b) {
        View::Object(o) => o.find(key),
        _ => None,
    }
}

/// An element; a scalar is an array of itself.
fn element(b: &[u8], i: i32) -> Option<&[u8]> {
    match View::of(b) {
        View::Array(a) => a.at(i.into()),
        View::Object(_) => None,
        _ => matches!(i, 0 | -1).then_some(b),
    }
}

/// Follows a path of keys and subscripts.
pub fn path<'a>(b: &'a [u8], steps: &ArrayValue) -> Option<&'a [u8]> {
    let mut at = b;
    for step in &steps.items {
        let Datum::Text(step) = step else { return None };
        at = match View::of(at) {
            View::Object(o) => o.find(step)?,
            View::Array(a) => a.at(subscript(step)?.into())?,
            _ => return None,
        };
    }
    Some(at)
}

fn value(found: Option<&[u8]>) -> Datum {
    found.map_or(Datum::Null, bytes)
}

fn text(found: Option<&[u8]>) -> Datum {
    found.map_or(Datum::Null, as_text)
}

/// Whether a text is a key, an element that is a string, or the string itself.
fn exists(b: &[u8], key: &str) -> bool {
    match View::of(b) {
        View::Object(o) => o.find(key).is_some(),
        View::Array(a) => a.iter().any(|i| matches!(View::of(i), View::String(s) if s == key)),
        View::String(s) => s == key,
        _ => false,
    }
}

fn keys(a: &ArrayValue) -> impl Iterator<Item = &str> {
    a.items.iter().filter_map(|d| match d {
        Datum::Text(s) => Some(s.as_str()),
        _ => None,
    })
}

/// Whether `b` is contained in `a`.
fn contains(a: &[u8], b: &[u8]) -> bool {
    match (View::of(a), View::of(b)) {
        // At the top an array contains a scalar that is one of its elements.
        (View::Array(x), y) if y.is_scalar() => x.iter().any(|i| same_scalar(View::of(i), y)),
        (x, y) => contains_same(x, y),
    }
}

fn contains_same(a: View<'_>, b: View<'_>) -> bool {
    match (a, b) {
        (View::Object(a), View::Object(b)) => {
            a.len() >= b.len()
                && b.iter().all(|(k, y)| a.find(k).is_some_and(|x| contains_same(View::of(x), View::of(y))))
        }
        (View::Array(a), View::Array(b)) => b.iter().all(|y| {
            let y = View::of(y);
            a.iter().any(|x| contains_same(View::of(x), y))
        }),
        (a, b) => same_scalar(a, b),
    }
}

fn same_scalar(a: View<'_>, b: View<'_>) -> bool {
    match (a, b) {
        (View::Null, View::Null) => true,
        (View::Bool(a), View::Bool(b)) => a == b,
        (View::String(a), View::String(b)) => a == b,
        (View::Number(_), View::Number(_)) => a.number() == b.number(),
        _ => false,
    }
}

fn type_name(b: &[u8]) -> &'static str {
    match View::of(b) {
        View::Null => "null",
        View::Bool(_) => "boolean",
        View::Number(_) => "number",
        View::String(_) => "string",
        View::Array(_) => "array",
        View::Object(_) => "object",
    }
}

fn array_length(b: &[u8]) -> Result<i32> {
    match View::of(b) {
        View::Array(a) => Ok(a.len() as i32),
        View::Object(_) => Err(parameter("cannot get array length of a non-array")),
        _ => Err(parameter("cannot get array length of a scalar")),
    }
}

fn rows(rows: Vec<Vec<Datum>>) -> Rows {
    Box::new(rows.into_iter().map(Ok))
}

fn elements(b: &[u8], item: fn(&[u8]) -> Datum) -> Result<Rows> {
    match View::of(b) {
        View::Array(a) => Ok(rows(a.iter().map(|i| vec![item(i)]).collect())),
        View::Object(_) => Err(parameter("cannot extract elements from an object")),
        _ => Err(parameter("cannot extract elements from a scalar")),
    }
}

fn each(b: &[u8], function: &str, item: fn(&[u8]) -> Datum) -> Result<Rows> {
    match View::of(b) {
        View::Object(o) => Ok(rows(o.iter().map(|(k, v)| vec![Datum::Text(Str::new(k)), item(v)]).collect())),
        _ => Err(parameter(format!("cannot call {function} on a non-object"))),
    }
}

fn object_keys(b: &[u8]) -> Result<Rows> {
    match View::of(b) {
        View::Object(o) => Ok(rows(o.iter().map(|(k, _)| vec![Datum::Text(Str::new(k))]).collect())),
        View::Array(_) => Err(parameter("cannot call jsonb_object_keys on an array")),
        _ => Err(parameter("cannot call jsonb_object_keys on a scalar")),
    }
}

fn cannot_cast(b: &[u8], to: &str) -> DbError {
    let what = match View::of(b) {
        View::Null => "null",
        View::Bool(_) => "boolean",
        View::Number(_) => "numeric",
        View::String(_) => "string",
        View::Array(_) => "array",
        View::Object(_) => "object",
    };
    parameter(format!("cannot cast jsonb {what} to type {to}"))
}

fn number(b: &[u8], to: &str) -> Result<Numeric> {
    View::of(b).number().ok_or_else(|| cannot_cast(b, to))
}

fn boolean(b: &[u8]) -> Result<bool> {
    match View::of(b) {
        View::Bool(v) => Ok(v),
        _ => Err(cannot_cast(b, "boolean")),
    }
}

type Texts<'a> = &'a Arc<ArrayValue>;

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!("jsonb_eq", "jsonb_ne", "jsonb_lt", "jsonb_le", "jsonb_gt", "jsonb_ge", |a: &[u8], b: &[u8]| {
        jsonb::compare(a, b)
    }),
    &[
        scalar!("jsonb_cmp", |a: &[u8], b: &[u8]| sign(jsonb::compare(a, b))),
        scalar!("jsonb_object_field", |j: &[u8], k: &str| value(field(j, k))),
        scalar!("jsonb_object_field_text", |j: &[u8], k: &str| text(field(j, k))),
        scalar!("jsonb_array_element", |j: &[u8], i: i32| value(element(j, i))),
        scalar!("jsonb_array_element_text", |j: &[u8], i: i32| text(element(j, i))),
        scalar!("jsonb_extract_path", |j: &[u8], p: Texts<'_>| value(path(j, p))),
        scalar!("jsonb_extract_path_text", |j: &[u8], p: Texts<'_>| text(path(j, p))),
        scalar!("jsonb_exists", |j: &[u8], k: &str| exists(j, k)),
        scalar!("jsonb_exists_any", |j: &[u8], k: Texts<'_>| keys(k).any(|k| exists(j, k))),
        scalar!("jsonb_exists_all", |j: &[u8], k: Texts<'_>| keys(k).all(|k| exists(j, k))),
        scalar!("jsonb_contains", |a: &[u8], b: &[u8]| contains(a, b)),
        scalar!("jsonb_contained", |a: &[u8], b: &[u8]| contains(b, a)),
        scalar!("jsonb_typeof", |j: &[u8]| type_name(j)),
        scalar!("jsonb_array_length", |j: &[u8]| array_length(j)),
        set!("jsonb_array_elements", |j: &[u8]| elements(j, bytes)),
        set!("jsonb_array_elements_text", |j: &[u8]| elements(j, as_text)),
        set!("jsonb_each", |j: &[u8]| each(j, "jsonb_each", bytes)),
        set!("jsonb_each_text", |j: &[u8]| each(j, "jsonb_each_text", as_text)),
        set!("jsonb_object_keys", |j: &[u8]| object_keys(j)),
        scalar!("jsonb_pretty", |j: &[u8]| {
            let mut out = String::new();
            jsonb::pretty(j, 0, &mut out);
            out
        }),
        scalar!("jsonb_bool", |j: &[u8]| boolean(j)),
        scalar!("jsonb_numeric", |j: &[u8]| number(j, "numeric")),
        scalar!("jsonb_int2", |j: &[u8]| number(j, "smallint")?.to_i16()),
        scalar!("jsonb_int4", |j: &[u8]| number(j, "integer")?.to_i32()),
        scalar!("jsonb_int8", |j: &[u8]| number(j, "bigint")?.to_i64()),
        scalar!("jsonb_float4", |j: &[u8]| number(j, "real")?.to_f32()),
        scalar!("jsonb_float8", |j: &[u8]| number(j, "double precision")?.to_f64()),
        scalar!("jsonb_out", |j: &[u8]| shown(j)),
    ],
];
