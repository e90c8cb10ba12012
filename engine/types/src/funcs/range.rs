//! Ranges and multiranges: constructors, accessors, comparison, containment, position, set operations.
//!
//! One set of bodies serves both: an operand of either kind is a sorted list of disjoint ranges ([`parts`]). What the
//! result is, the type of the call says.

use super::args::{arity, raw, scalar, set, unexpected};
use super::int::sign;
use super::series::Rows;
use crate::cmp;
use crate::ctx::EvalCtx;
use crate::datum::{Bound, Datum, MultirangeValue, RangeValue, TypeRef};
use crate::kernel::{CallInfo, Kernel};
use crate::oid;
use crate::range::{self, RangeType};
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;
use std::sync::Arc;

/// A range or multirange as its ranges, empty ones left out.
fn parts(d: &Datum) -> Result<&[RangeValue]> {
    match d {
        Datum::Range(r) if r.empty => Ok(&[]),
        Datum::Range(r) => Ok(std::slice::from_ref(&**r)),
        Datum::Multirange(m) => Ok(&m.ranges),
        d => Err(unexpected(d)),
    }
}

fn one(d: &Datum) -> Result<&RangeValue> {
    match d {
        Datum::Range(r) => Ok(r),
        d => Err(unexpected(d)),
    }
}

fn range(r: RangeValue) -> Datum {
    Datum::Range(Arc::new(r))
}

fn multi(m: MultirangeValue) -> Datum {
    Datum::Multirange(Arc::new(m))
}

/// The range type a call is about: by its result, else by its first argument.
fn type_of(info: &CallInfo<'_>) -> Result<RangeType> {
    RangeType::under(info.result.oid)
        .or_else(|e| info.args.iter().find_map(|a| RangeType::under(crate::usertype::base(*a).oid).ok()).ok_or(e))
}

fn construct(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (lower, upper, flags) = match args {
        [a, b] => (a, b, "[)"),
        [a, b, Datum::Text(f)] => (a, b, f.as_str()),
        [_, _, Datum::Null] => {
            return Err(DbError::new(SqlState::DATA_EXCEPTION, "range constructor flags argument must not be null"));
        }
        _ => return Err(arity(args.len())),
    };
    let (li, ui) = match flags {
        "[)" => (true, false),
        "[]" => (true, true),
        "()" => (false, false),
        "(]" => (false, true),
        _ => {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "invalid range bound flags")
                .hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\"."));
        }
    };
    let bound = |d: &Datum, inclusive| Bound { value: (!d.is_null()).then(|| d.clone()), inclusive };
    range::make(type_of(info)?, bound(lower, li), bound(upper, ui)).map(range)
}

fn construct_multi(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let t = type_of(info)?;
    let ranges = match args {
        [] => Vec::new(),
        [Datum::Range(r)] => vec![(**r).clone()],
        [Datum::Null] => return Ok(Datum::Null),
        [Datum::Array(a)] => {
            if a.dims.len() > 1 {
                return Err(DbError::new(
                    SqlState::CARDINALITY_VIOLATION,
                    "multiranges cannot be constructed from multidimensional arrays",
                ));
            }
            let mut out = Vec::with_capacity(a.items.len());
            for d in &a.items {
                if d.is_null() {
                    return Err(DbError::new(
                        SqlState::NULL_VALUE_NOT_ALLOWED,
                        "multirange values cannot contain null members",
                    ));
                }
                out.push(one(d)?.clone());
            }
            out
        }
        _ => return Err(arity(args.len())),
    };
    Ok(multi(range::multirange(t.sub, ranges)))
}

/// A bound of the whole: of the first or of the last range.
fn edge(d: &Datum, upper: bool) -> Result<Option<&Bound>> {
    let p = parts(d)?;
    Ok(if upper { p.last().map(|r| &r.upper) } else { p.first().map(|r| &r.lower) })
}

fn edge_value(d: &Datum, upper: bool) -> Result<Datum> {
    Ok(edge(d, upper)?.and_then(|b| b.value.clone()).unwrap_or(Datum::Null))
}

fn contains(a: &Datum, b: &Datum) -> Result<bool> {
    let (a, b) = (parts(a)?, parts(b)?);
    Ok(b.iter().all(|r| range::multi_contains(a, r)))
}

fn contains_elem(a: &Datum, d: &Datum) -> Result<bool> {
    Ok(parts(a)?.iter().any(|r| range::contains_elem(r, d)))
}

fn overlaps(a: &Datum, b: &Datum) -> Result<bool> {
    let (a, b) = (parts(a)?, parts(b)?);
    Ok(b.iter().any(|r| range::multi_overlaps(a, r)))
}

/// A test of the hulls, false when one side is empty.
fn spans(a: &Datum, b: &Datum, test: fn(&RangeValue, &RangeValue) -> bool) -> Result<bool> {
    Ok(match (range::span(parts(a)?), range::span(parts(b)?)) {
        (Some(a), Some(b)) => test(&a, &b),
        _ => false,
    })
}

fn adjacent(a: &Datum, b: &Datum) -> Result<bool> {
    Ok(match (range::span(parts(a)?), range::span(parts(b)?)) {
        (Some(a), Some(b)) => range::adjacent(&a, &b),
        _ => false,
    })
}

fn order(a: &Datum, b: &Datum) -> Ordering {
    cmp::compare(TypeRef::new(oid::ANYRANGE), 0, a, b)
}

fn union(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [a, b] = args else { return Err(arity(args.len())) };
    range::union(one(a)?, one(b)?).map(range)
}

fn merge(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    match args {
        [Datum::Range(a), Datum::Range(b)] => Ok(range(range::hull(a, b))),
        [Datum::Multirange(m)] => {
            let t = type_of(info)?;
            Ok(range(range::span(&m.ranges).unwrap_or_else(|| t.empty())))
        }
        _ => Err(arity(args.len())),
    }
}

fn intersect(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let t = type_of(info)?;
    match args {
        [Datum::Range(a), Datum::Range(b)] => range::intersect(t, a, b).map(range),
        [a, b] => range::multi_intersect(t, parts(a)?, parts(b)?).map(multi),
        _ => Err(arity(args.len())),
    }
}

fn minus(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let t = type_of(info)?;
    match args {
        [Datum::Range(a), Datum::Range(b)] => range::minus(t, a, b).map(range),
        [a, b] => range::multi_minus(t, parts(a)?, parts(b)?).map(multi),
        _ => Err(arity(args.len())),
    }
}

fn multi_union(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [a, b] = args else { return Err(arity(args.len())) };
    let t = type_of(info)?;
    Ok(multi(range::multirange(t.sub, [parts(a)?, parts(b)?].concat())))
}

fn unnest(d: &Datum) -> Result<Rows> {
    let rows: Vec<Result<Vec<Datum>>> = parts(d)?.iter().map(|r| Ok(vec![range(r.clone())])).collect();
    Ok(Box::new(rows.into_iter()))
}

/// A test that exists for each pairing of ranges and multiranges.
macro_rules! pairings {
    ($f:expr; $($name:literal)*) => {
        &[$(scalar!($name, |a: &Datum, b: &Datum| $f(a, b))),*]
    };
}

/// What lies between two bounds, by which an index would judge where a range belongs.
fn apart(a: &Datum, b: &Datum) -> Result<f64> {
    Ok(match (a, b) {
        (Datum::Int4(a), Datum::Int4(b)) => f64::from(*a) - f64::from(*b),
        (Datum::Int8(a), Datum::Int8(b)) => *a as f64 - *b as f64,
        (Datum::Numeric(a), Datum::Numeric(b)) => a.sub(b)?.to_f64()?,
        (Datum::Date(a), Datum::Date(b)) => f64::from(*a) - f64::from(*b),
        (Datum::Timestamp(a), Datum::Timestamp(b)) | (Datum::TimestampTz(a), Datum::TimestampTz(b)) => {
            (*a as f64 - *b as f64) / 1e6
        }
        _ => return Err(unexpected(a)),
    })
}

/// A kernel under each of several names.
macro_rules! aliases {
    (|$a:ident| $one:expr; $($name:literal)*) => { &[$(scalar!($name, |$a: &Datum| Ok::<Datum, DbError>($one))),*] };
    (|$a:ident, $b:ident| $two:expr; $($name:literal)*) => { &[$(scalar!($name, |$a: &Datum, $b: &Datum| $two)),*] };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    // Ranges are canonical from the moment they are made.
    aliases!(|a| a.clone(); "int4range_canonical" "int8range_canonical" "daterange_canonical"),
    aliases!(|a, b| apart(a, b); "int4range_subdiff" "int8range_subdiff" "numrange_subdiff" "daterange_subdiff"
        "tsrange_subdiff" "tstzrange_subdiff"),
    &[
        raw!("range_constructor2", construct),
        raw!("range_constructor3", construct),
        raw!("multirange_constructor0", construct_multi),
        raw!("multirange_constructor1", construct_multi),
        raw!("multirange_constructor2", construct_multi),
        scalar!("range_lower", |a: &Datum| edge_value(a, false)),
        scalar!("range_upper", |a: &Datum| edge_value(a, true)),
        scalar!("multirange_lower", |a: &Datum| edge_value(a, false)),
        scalar!("multirange_upper", |a: &Datum| edge_value(a, true)),
        scalar!("range_empty", |a: &Datum| parts(a).map(<[_]>::is_empty)),
        scalar!("multirange_empty", |a: &Datum| parts(a).map(<[_]>::is_empty)),
        scalar!("range_lower_inc", |a: &Datum| edge(a, false).map(|b| b.is_some_and(|b| b.inclusive))),
        scalar!("range_upper_inc", |a: &Datum| edge(a, true).map(|b| b.is_some_and(|b| b.inclusive))),
        scalar!("multirange_lower_inc", |a: &Datum| edge(a, false).map(|b| b.is_some_and(|b| b.inclusive))),
        scalar!("multirange_upper_inc", |a: &Datum| edge(a, true).map(|b| b.is_some_and(|b| b.inclusive))),
        scalar!("range_lower_inf", |a: &Datum| edge(a, false).map(|b| b.is_some_and(|b| b.value.is_none()))),
        scalar!("range_upper_inf", |a: &Datum| edge(a, true).map(|b| b.is_some_and(|b| b.value.is_none()))),
        scalar!("multirange_lower_inf", |a: &Datum| edge(a, false).map(|b| b.is_some_and(|b| b.value.is_none()))),
        scalar!("multirange_upper_inf", |a: &Datum| edge(a, true).map(|b| b.is_some_and(|b| b.value.is_none()))),
        raw!("range_union", union),
        raw!("range_merge", merge),
        raw!("range_merge_from_multirange", merge),
        raw!("range_intersect", intersect),
        raw!("multirange_intersect", intersect),
        raw!("range_minus", minus),
        raw!("multirange_minus", minus),
        raw!("multirange_union", multi_union),
        set!("multirange_unnest", |a: &Datum| unnest(a)),
        scalar!("range_cmp", |a: &Datum, b: &Datum| sign(order(a, b))),
        scalar!("multirange_cmp", |a: &Datum, b: &Datum| sign(order(a, b))),
        scalar!("elem_contained_by_range", |d: &Datum, a: &Datum| contains_elem(a, d)),
        scalar!("elem_contained_by_multirange", |d: &Datum, a: &Datum| contains_elem(a, d)),
        scalar!("range_contains_elem", |a: &Datum, d: &Datum| contains_elem(a, d)),
        scalar!("multirange_contains_elem", |a: &Datum, d: &Datum| contains_elem(a, d)),
    ],
    pairings!(|a, b| Ok::<_, DbError>(order(a, b).is_eq()); "range_eq" "multirange_eq"),
    pairings!(|a, b| Ok::<_, DbError>(order(a, b).is_ne()); "range_ne" "multirange_ne"),
    pairings!(|a, b| Ok::<_, DbError>(order(a, b).is_lt()); "range_lt" "multirange_lt"),
    pairings!(|a, b| Ok::<_, DbError>(order(a, b).is_le()); "range_le" "multirange_le"),
    pairings!(|a, b| Ok::<_, DbError>(order(a, b).is_gt()); "range_gt" "multirange_gt"),
    pairings!(|a, b| Ok::<_, DbError>(order(a, b).is_ge()); "range_ge" "multirange_ge"),
    pairings!(contains; "range_contains" "multirange_contains_range" "multirange_contains_multirange"
        "range_contains_multirange"),
    pairings!(|a, b| contains(b, a); "range_contained_by" "range_contained_by_multirange"
        "multirange_contained_by_multirange" "multirange_contained_by_range"),
    pairings!(overlaps; "range_overlaps" "range_overlaps_multirange" "multirange_overlaps_range"
        "multirange_overlaps_multirange"),
    pairings!(|a, b| spans(a, b, range::before); "range_before" "range_before_multirange" "multirange_before_range"
        "multirange_before_multirange"),
    pairings!(|a, b| spans(b, a, range::before); "range_after" "range_after_multirange" "multirange_after_range"
        "multirange_after_multirange"),
    pairings!(|a, b| spans(a, b, range::overleft); "range_overleft" "range_overleft_multirange"
        "multirange_overleft_range" "multirange_overleft_multirange"),
    pairings!(|a, b| spans(a, b, range::overright); "range_overright" "range_overright_multirange"
        "multirange_overright_range" "multirange_overright_multirange"),
    pairings!(adjacent; "range_adjacent" "range_adjacent_multirange" "multirange_adjacent_range"
        "multirange_adjacent_multirange"),
];
