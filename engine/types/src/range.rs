//! The algebra of ranges and multiranges.
//!
//! A [`Bound`] is a point on the line of the subtype: just before a value, on it, or just after it, or infinity.
//! [`cmp::compare_bounds`] orders such points, and everything here follows from that order. A range of a type with a
//! canonical form (the built-in discrete ones) always has it, so that equal sets are equal values; [`make`] sees to that.

use crate::cmp::{self, compare_bounds};
use crate::datum::{Bound, Datum, MultirangeValue, RangeValue, TypeRef};
use crate::{datetime, oid, usertype};
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// A range type.
#[derive(Clone, Copy, Debug)]
pub struct RangeType {
    /// OID.
    pub oid: u32,
    /// Subtype, with the collation bounds compare by.
    pub sub: TypeRef,
}

impl RangeType {
    /// The range type of an OID.
    pub fn of(oid: u32) -> Result<RangeType> {
        usertype::range_subtype(oid)
            .map(|sub| RangeType { oid, sub })
            .ok_or_else(|| DbError::internal(format!("type {oid} is not a range type")))
    }

    /// The range type of a range or multirange type.
    pub fn under(oid: u32) -> Result<RangeType> {
        RangeType::of(usertype::range_of_multirange(oid).unwrap_or(oid))
    }

    /// The empty range.
    pub fn empty(self) -> RangeValue {
        RangeValue { sub: self.sub, empty: true, lower: Bound::default(), upper: Bound::default() }
    }
}

fn out_of_order() -> DbError {
    DbError::new(SqlState::DATA_EXCEPTION, "range lower bound must be less than or equal to range upper bound")
}

/// Makes a range of its bounds, in canonical form. 22000 when they are in the wrong order.
pub fn make(t: RangeType, mut lower: Bound, mut upper: Bound) -> Result<RangeValue> {
    lower.inclusive &= lower.value.is_some();
    upper.inclusive &= upper.value.is_some();
    if is_empty(t, &lower, &upper)? {
        return Ok(t.empty());
    }
    if matches!(t.oid, oid::INT4RANGE | oid::INT8RANGE | oid::DATERANGE) {
        // A discrete range is [a,b).
        if !lower.inclusive
            && let Some(d) = &lower.value
            && let Some(next) = successor(d)?
        {
            lower = Bound { value: Some(next), inclusive: true };
        }
        if upper.inclusive
            && let Some(d) = &upper.value
            && let Some(next) = successor(d)?
        {
            upper = Bound { value: Some(next), inclusive: false };
        }
        if is_empty(t, &lower, &upper)? {
            return Ok(t.empty());
        }
    }
    Ok(RangeValue { sub: t.sub, empty: false, lower, upper })
}

fn is_empty(t: RangeType, lower: &Bound, upper: &Bound) -> Result<bool> {
    let (Some(a), Some(b)) = (&lower.value, &upper.value) else { return Ok(false) };
    match cmp::compare(t.sub, t.sub.collation, a, b) {
        Ordering::Less => Ok(false),
        Ordering::Equal => Ok(!(lower.inclusive && upper.inclusive)),
        Ordering::Greater => Err(out_of_order()),
    }
}

/// The next value of a discrete type; `None` for an infinite date.
fn successor(d: &Datum) -> Result<Option<Datum>> {
    let over = |what| DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, what);
    Ok(Some(match d {
        Datum::Int4(v) => Datum::Int4(v.checked_add(1).ok_or_else(|| over("integer out of range"))?),
        Datum::Int8(v) => Datum::Int8(v.checked_add(1).ok_or_else(|| over("bigint out of range"))?),
        Datum::Date(v) if datetime::is_infinite_date(*v) => return Ok(None),
        Datum::Date(v) => {
            let next = v.saturating_add(1);
            if next >= datetime::END_DATE {
                return Err(datetime::date_out_of_range());
            }
            Datum::Date(next)
        }
        d => return Err(DbError::internal(format!("value {d:?} has no successor"))),
    }))
}

fn lower_vs(a: &RangeValue, b: &RangeValue) -> Ordering {
    compare_bounds(a.sub, (&a.lower, true), (&b.lower, true))
}

fn upper_vs(a: &RangeValue, b: &RangeValue) -> Ordering {
    compare_bounds(a.sub, (&a.upper, false), (&b.upper, false))
}

/// Where `a` ends against where `b` begins.
fn end_vs_start(a: &RangeValue, b: &RangeValue) -> Ordering {
    compare_bounds(a.sub, (&a.upper, false), (&b.lower, true))
}

/// `range @> element`.
pub fn contains_elem(r: &RangeValue, d: &Datum) -> bool {
    if r.empty {
        return false;
    }
    let point = Bound { value: Some(d.clone()), inclusive: true };
    compare_bounds(r.sub, (&r.lower, true), (&point, true)).is_le()
        && compare_bounds(r.sub, (&r.upper, false), (&point, false)).is_ge()
}

/// `a @> b`.
pub fn contains(a: &RangeValue, b: &RangeValue) -> bool {
    b.empty || (!a.empty && lower_vs(a, b).is_le() && upper_vs(a, b).is_ge())
}

/// `a << b`.
pub fn before(a: &RangeValue, b: &RangeValue) -> bool {
    !a.empty && !b.empty && end_vs_start(a, b).is_lt()
}

/// `a && b`.
pub fn overlaps(a: &RangeValue, b: &RangeValue) -> bool {
    !a.empty && !b.empty && end_vs_start(a, b).is_ge() && end_vs_start(b, a).is_ge()
}

/// `a &< b`.
pub fn overleft(a: &RangeValue, b: &RangeValue) -> bool {
    !a.empty && !b.empty && upper_vs(a, b).is_le()
}

/// `a &> b`.
pub fn overright(a: &RangeValue, b: &RangeValue) -> bool {
    !a.empty && !b.empty && lower_vs(a, b).is_ge()
}

/// Whether nothing lies between where a range ends and where another begins, and they share nothing.
fn meets(sub: TypeRef, upper: &Bound, lower: &Bound) -> bool {
    match (&upper.value, &lower.value) {
        (Some(a), Some(b)) => cmp::compare(sub, sub.collation, a, b).is_eq() && upper.inclusive != lower.inclusive,
        _ => false,
    }
}

/// `a -|- b`.
pub fn adjacent(a: &RangeValue, b: &RangeValue) -> bool {
    !a.empty && !b.empty && (meets(a.sub, &a.upper, &b.lower) || meets(a.sub, &b.upper, &a.lower))
}

/// The smallest range that contains both.
pub fn hull(a: &RangeValue, b: &RangeValue) -> RangeValue {
    if a.empty {
        return b.clone();
    }
    if b.empty {
        return a.clone();
    }
    let lower = if lower_vs(a, b).is_le() { &a.lower } else { &b.lower };
    let upper = if upper_vs(a, b).is_ge() { &a.upper } else { &b.upper };
    RangeValue { sub: a.sub, empty: false, lower: lower.clone(), upper: upper.clone() }
}

/// `a + b`. 22000 when the union is no range.
pub fn union(a: &RangeValue, b: &RangeValue) -> Result<RangeValue> {
    if !a.empty && !b.empty && !overlaps(a, b) && !adjacent(a, b) {
        return Err(DbError::new(SqlState::DATA_EXCEPTION, "result of range union would not be contiguous"));
    }
    Ok(hull(a, b))
}

/// `a * b`.
pub fn intersect(t: RangeType, a: &RangeValue, b: &RangeValue) -> Result<RangeValue> {
    if !overlaps(a, b) {
        return Ok(t.empty());
    }
    let lower = if lower_vs(a, b).is_ge() { &a.lower } else { &b.lower };
    let upper = if upper_vs(a, b).is_le() { &a.upper } else { &b.upper };
    make(t, lower.clone(), upper.clone())
}

fn flipped(b: &Bound) -> Bound {
    Bound { value: b.value.clone(), inclusive: b.value.is_some() && !b.inclusive }
}

/// What of `a` is not in `b`: at most two pieces, in order.
fn pieces(t: RangeType, a: &RangeValue, b: &RangeValue) -> Result<Vec<RangeValue>> {
    if a.empty {
        return Ok(Vec::new());
    }
    if !overlaps(a, b) {
        return Ok(vec![a.clone()]);
    }
    let mut out = Vec::new();
    if lower_vs(a, b).is_lt() {
        out.push(make(t, a.lower.clone(), flipped(&b.lower))?);
    }
    if upper_vs(a, b).is_gt() {
        out.push(make(t, flipped(&b.upper), a.upper.clone())?);
    }
    out.retain(|r| !r.empty);
    Ok(out)
}

/// `a - b`. 22000 when the difference is no range.
pub fn minus(t: RangeType, a: &RangeValue, b: &RangeValue) -> Result<RangeValue> {
    let splits = !a.empty && !b.empty && lower_vs(a, b).is_lt() && upper_vs(a, b).is_gt();
    if splits && overlaps(a, b) {
        return Err(DbError::new(SqlState::DATA_EXCEPTION, "result of range difference would not be contiguous"));
    }
    Ok(pieces(t, a, b)?.into_iter().next().unwrap_or_else(|| t.empty()))
}

/// A multirange of any ranges: sorted, merged where they touch, without empty ones.
pub fn multirange(sub: TypeRef, mut ranges: Vec<RangeValue>) -> MultirangeValue {
    ranges.retain(|r| !r.empty);
    ranges.sort_by(cmp::compare_ranges);
    let mut out: Vec<RangeValue> = Vec::with_capacity(ranges.len());
    for r in ranges {
        match out.last_mut() {
            Some(last) if overlaps(last, &r) || adjacent(last, &r) => *last = hull(last, &r),
            _ => out.push(r),
        }
    }
    MultirangeValue { sub, ranges: out }
}

/// `a * b` of multiranges.
pub fn multi_intersect(t: RangeType, a: &[RangeValue], b: &[RangeValue]) -> Result<MultirangeValue> {
    let mut out = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let r = intersect(t, x, y)?;
        if !r.empty {
            out.push(r);
        }
        if upper_vs(x, y).is_lt() { i += 1 } else { j += 1 }
    }
    Ok(multirange(t.sub, out))
}

/// `a - b` of multiranges.
pub fn multi_minus(t: RangeType, a: &[RangeValue], b: &[RangeValue]) -> Result<MultirangeValue> {
    let mut out = Vec::new();
    let mut from = 0;
    for r in a {
        let mut rest = vec![r.clone()];
        while b.get(from).is_some_and(|x| before(x, r)) {
            from += 1;
        }
        for x in b.iter().skip(from).take_while(|x| !before(r, x)) {
            let Some(last) = rest.pop() else { break };
            rest.extend(pieces(t, &last, x)?);
        }
        out.extend(rest);
    }
    Ok(multirange(t.sub, out))
}

/// Whether one of sorted, disjoint ranges satisfies a test that holds for a neighbourhood only.
fn any_near(ranges: &[RangeValue], r: &RangeValue, test: impl Fn(&RangeValue) -> bool) -> bool {
    // The first range that does not end before `r` begins.
    let at = ranges.partition_point(|x| before(x, r));
    ranges.get(at).is_some_and(test)
}

/// `multirange @> range`.
pub fn multi_contains(m: &[RangeValue], r: &RangeValue) -> bool {
    r.empty || any_near(m, r, |x| contains(x, r))
}

/// `multirange && range`.
pub fn multi_overlaps(m: &[RangeValue], r: &RangeValue) -> bool {
    !r.empty && any_near(m, r, |x| overlaps(x, r))
}

/// From the first lower to the last upper bound; `None` when there is no range.
pub fn span(m: &[RangeValue]) -> Option<RangeValue> {
    Some(hull(m.first()?, m.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(a: i32, b: i32) -> RangeValue {
        let t = RangeType::of(oid::INT4RANGE).expect("built in");
        let bound = |v, inclusive| Bound { value: Some(Datum::Int4(v)), inclusive };
        make(t, bound(a, true), bound(b, false)).expect("in order")
    }

    #[test]
    fn touching_ranges_merge() {
        let t = RangeType::of(oid::INT4RANGE).expect("built in");
        let m = multirange(t.sub, vec![r(5, 7), r(1, 3), r(3, 4), r(9, 9), r(6, 8)]);
        assert_eq!(m.ranges, [r(1, 4), r(5, 8)]);
        assert!(multi_contains(&m.ranges, &r(6, 8)) && !multi_contains(&m.ranges, &r(3, 6)));
        let rest = multi_minus(t, &m.ranges, &[r(2, 3), r(6, 7)]).expect("differs");
        assert_eq!(rest.ranges, [r(1, 2), r(3, 4), r(5, 6), r(7, 8)]);
        let both = multi_intersect(t, &m.ranges, &[r(2, 6)]).expect("meets");
        assert_eq!(both.ranges, [r(2, 4), r(5, 6)]);
    }

    #[test]
    fn a_difference_in_two_pieces_is_no_range() {
        let t = RangeType::of(oid::INT4RANGE).expect("built in");
        assert!(minus(t, &r(1, 9), &r(3, 4)).is_err());
        assert_eq!(minus(t, &r(1, 9), &r(3, 12)).expect("one piece"), r(1, 3));
        assert!(adjacent(&r(1, 3), &r(3, 5)) && union(&r(1, 3), &r(4, 5)).is_err());
    }
}
