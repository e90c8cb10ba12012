//! The default order of values of one type, NULLs last: what arrays, rows and thresholds compare by.

use super::args::unexpected;
use super::float::float_cmp;
use super::text::bpchar_cmp;
use crate::datum::{ArrayValue, Datum, Interval};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// An interval's length in microseconds, a month being 30 days and a day 24 hours.
pub fn interval_span(v: &Interval) -> i128 {
    (i128::from(v.months) * 30 + i128::from(v.days)) * 86_400_000_000 + i128::from(v.micros)
}

/// timetz orders by the instant, then by the zone.
pub fn timetz_key(micros: i64, zone: i32) -> (i64, i32) {
    (micros + i64::from(zone) * 1_000_000, zone)
}

/// Compares two values of the type `ty`. NULLs are equal to each other and above all else.
pub fn compare(ty: u32, a: &Datum, b: &Datum) -> Result<Ordering> {
    Ok(match (a, b) {
        (Datum::Null, Datum::Null) => Ordering::Equal,
        (Datum::Null, _) => Ordering::Greater,
        (_, Datum::Null) => Ordering::Less,
        (Datum::Bool(a), Datum::Bool(b)) => a.cmp(b),
        (Datum::Int2(a), Datum::Int2(b)) => a.cmp(b),
        (Datum::Int4(a), Datum::Int4(b)) => a.cmp(b),
        (Datum::Int8(a), Datum::Int8(b)) => a.cmp(b),
        (Datum::Oid(a), Datum::Oid(b)) => a.cmp(b),
        (Datum::Float4(a), Datum::Float4(b)) => float_cmp(f64::from(*a), f64::from(*b)),
        (Datum::Float8(a), Datum::Float8(b)) => float_cmp(*a, *b),
        (Datum::Numeric(a), Datum::Numeric(b)) => a.cmp(b),
        (Datum::Text(a), Datum::Text(b)) if ty == oid::BPCHAR => bpchar_cmp(a, b),
        (Datum::Text(_), Datum::Text(_)) if matches!(ty, oid::JSON | oid::XML) => {
            return Err(DbError::new(
                SqlState::UNDEFINED_FUNCTION,
                format!(
                    "could not identify a comparison function for type {}",
                    if ty == oid::JSON { "json" } else { "xml" }
                ),
            ));
        }
        (Datum::Text(a), Datum::Text(b)) => a.as_str().cmp(b.as_str()),
        (Datum::Bytes(a), Datum::Bytes(b)) => a.cmp(b),
        (Datum::Date(a), Datum::Date(b)) => a.cmp(b),
        (Datum::Time(a), Datum::Time(b)) => a.cmp(b),
        (Datum::TimeTz(a, za), Datum::TimeTz(b, zb)) => timetz_key(*a, *za).cmp(&timetz_key(*b, *zb)),
        (Datum::Timestamp(a), Datum::Timestamp(b)) => a.cmp(b),
        (Datum::TimestampTz(a), Datum::TimestampTz(b)) => a.cmp(b),
        (Datum::Interval(a), Datum::Interval(b)) => interval_span(a).cmp(&interval_span(b)),
        (Datum::Uuid(a), Datum::Uuid(b)) => a.cmp(b),
        (Datum::Array(a), Datum::Array(b)) => compare_arrays(a, b)?,
        (Datum::Row(a), Datum::Row(b)) => {
            for ((ta, x), (_, y)) in a.iter().zip(b.iter()) {
                let order = compare(ta.oid, x, y)?;
                if order.is_ne() {
                    return Ok(order);
                }
            }
            a.len().cmp(&b.len())
        }
        (a, _) => return Err(unexpected(a)),
    })
}

/// Orders arrays by their elements, then by their number, then by their shape.
pub fn compare_arrays(a: &ArrayValue, b: &ArrayValue) -> Result<Ordering> {
    if a.elem != b.elem {
        return Err(DbError::new(SqlState::DATATYPE_MISMATCH, "cannot compare arrays of different element types"));
    }
    for (x, y) in a.items.iter().zip(&b.items) {
        let order = compare(a.elem, x, y)?;
        if order.is_ne() {
            return Ok(order);
        }
    }
    let lengths = |v: &ArrayValue| v.dims.iter().map(|d| d.0).collect::<Vec<_>>();
    let lowers = |v: &ArrayValue| v.dims.iter().map(|d| d.1).collect::<Vec<_>>();
    Ok(a.items
        .len()
        .cmp(&b.items.len())
        .then_with(|| a.dims.len().cmp(&b.dims.len()))
        .then_with(|| lengths(a).cmp(&lengths(b)))
        .then_with(|| lowers(a).cmp(&lowers(b))))
}
