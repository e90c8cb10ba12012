//! Order inside functions over arrays and rows: [`crate::cmp`] with the checks that SQL makes first.

use crate::cmp;
use crate::datetime::interval;
use crate::datum::{ArrayValue, Datum, Interval, TypeRef};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// An interval's length in microseconds, a month being 30 days and a day 24 hours.
pub fn interval_span(v: &Interval) -> i128 {
    interval::normalized(v)
}

/// timetz orders by the instant, then by the zone.
pub fn timetz_key(micros: i64, zone: i32) -> (i64, i32) {
    (cmp::timetz_utc(micros, zone), zone)
}

/// What two values are to be compared for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Whether they are equal.
    Equality,
    /// Their order.
    Order,
}

impl Wanted {
    /// What a comparing function of this name wants to know.
    pub fn of(function: &str) -> Wanted {
        if function.ends_with("_eq") || function.ends_with("_ne") { Wanted::Equality } else { Wanted::Order }
    }
}

/// 42883 for types without a default operator class that knows equality, or order.
pub fn check_comparable(ty: u32, wanted: Wanted) -> Result<()> {
    let neither = matches!(
        ty,
        oid::JSON
            | oid::XML
            | oid::POINT
            | oid::LINE
            | oid::LSEG
            | oid::BOX
            | oid::PATH
            | oid::POLYGON
            | oid::CIRCLE
            | oid::JSONPATH
    );
    if neither || wanted == Wanted::Order && matches!(ty, oid::XID | oid::CID) {
        let name = crate::typename::format_type(ty, -1);
        let what = match wanted {
            Wanted::Equality => "an equality operator",
            Wanted::Order => "a comparison function",
        };
        return Err(DbError::new(SqlState::UNDEFINED_FUNCTION, format!("could not identify {what} for type {name}")));
    }
    Ok(())
}

/// Compares two values of the type `ty`. NULLs are equal to each other and above all else.
pub fn compare(ty: u32, a: &Datum, b: &Datum) -> Result<Ordering> {
    if matches!(ty, oid::JSON | oid::XML) {
        check_comparable(ty, Wanted::Order)?;
    }
    Ok(cmp::compare(TypeRef::new(ty), 0, a, b))
}

/// [`compare`] by a collation.
pub fn compare_by(ty: u32, collation: u32, a: &Datum, b: &Datum) -> Result<Ordering> {
    if matches!(ty, oid::JSON | oid::XML) {
        check_comparable(ty, Wanted::Order)?;
    }
    Ok(cmp::compare(TypeRef { oid: ty, typmod: -1, collation }, collation, a, b))
}

/// 42804 unless two arrays have elements of one type.
pub fn check_same_elements(a: &ArrayValue, b: &ArrayValue, wanted: Wanted) -> Result<()> {
    // An array of varchar that was made from one of text is that one.
    let one = |e: u32| if e == oid::VARCHAR { oid::TEXT } else { e };
    if one(a.elem) != one(b.elem) {
        return Err(DbError::new(SqlState::DATATYPE_MISMATCH, "cannot compare arrays of different element types"));
    }
    check_comparable(a.elem, wanted)
}

/// Compares two rows field by field.
pub fn compare_rows(a: &[(TypeRef, Datum)], b: &[(TypeRef, Datum)], wanted: Wanted) -> Result<Ordering> {
    for (i, ((ta, x), (tb, y))) in a.iter().zip(b).enumerate() {
        if ta.oid != tb.oid {
            let name = |t: u32| crate::typename::format_type(t, -1);
            return Err(DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "cannot compare dissimilar column types {} and {} at record column {}",
                    name(ta.oid),
                    name(tb.oid),
                    i + 1
                ),
            ));
        }
        check_comparable(ta.oid, wanted)?;
        let order = compare_by(ta.oid, ta.collation, x, y)?;
        if order.is_ne() {
            return Ok(order);
        }
    }
    if a.len() != b.len() {
        return Err(DbError::new(
            SqlState::DATATYPE_MISMATCH,
            "cannot compare record types with different numbers of columns",
        ));
    }
    Ok(Ordering::Equal)
}
