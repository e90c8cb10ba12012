//! Order, equality and hashing of values as PostgreSQL's btree and hash operator classes have them.
//!
//! Text compares by bytes (the database collation is C.UTF-8) unless the collation is one of ICU's. NULL sorts after every value here; where NULL belongs in a
//! result (NULLS FIRST, DESC) or that it equals nothing in a join is the caller's business.

use crate::bytetype::byte_type;
use crate::collation::is_deterministic;
use crate::datetime::{USECS_PER_SEC, interval};
use crate::datum::{ArrayValue, Bound, Datum, RangeValue, TypeRef};
use crate::io::scalar::char_to_byte;
use crate::{oid, usertype};
use std::cmp::Ordering;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Order of two doubles: NaN equals itself and is largest, -0 equals 0.
pub fn compare_f64(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Text without the blanks that do not count in a bpchar.
pub fn bpchar_significant(s: &str) -> &str {
    s.trim_end_matches(' ')
}

/// Order of two texts by a collation.
pub fn compare_text(collation: u32, a: &str, b: &str) -> Ordering {
    crate::collation::icu::with(collation, |c| c.compare(a, b)).unwrap_or_else(|| a.as_bytes().cmp(b.as_bytes()))
}

/// UTC microseconds of a timetz, by which it compares first.
pub(crate) fn timetz_utc(us: i64, west: i32) -> i64 {
    us.saturating_add(i64::from(west) * USECS_PER_SEC)
}

/// Order of two values of one type (or of two types with a common comparison, such as int4 and int8). Values of
/// unrelated variants do not occur in a typed plan; they compare by variant so that the order is still total.
pub fn compare(ty: TypeRef, collation: u32, a: &Datum, b: &Datum) -> Ordering {
    use Datum::*;
    match (a, b) {
        (Null, Null) => Ordering::Equal,
        (Null, _) => Ordering::Greater,
        (_, Null) => Ordering::Less,
        (Bool(a), Bool(b)) => a.cmp(b),
        (Int2(a), Int2(b)) => a.cmp(b),
        (Int4(a), Int4(b)) => a.cmp(b),
        (Int8(a), Int8(b)) if matches!(ty.oid, oid::XID8 | oid::PG_LSN) => (*a as u64).cmp(&(*b as u64)),
        (Int8(a), Int8(b)) => a.cmp(b),
        (Float4(a), Float4(b)) => compare_f64((*a).into(), (*b).into()),
        (Float8(a), Float8(b)) => compare_f64(*a, *b),
        (Oid(a), Oid(b)) => a.cmp(b),
        (Numeric(a), Numeric(b)) => a.cmp(b),
        (Text(a), Text(b)) => match usertype::base(ty).oid {
            oid::BPCHAR => compare_text(collation, bpchar_significant(a), bpchar_significant(b)),
            oid::CHAR => char_to_byte(a).cmp(&char_to_byte(b)),
            _ => compare_text(collation, a, b),
        },
        (Bytes(a), Bytes(b)) => match byte_type(ty.oid).and_then(|t| t.compare) {
            Some(compare) => compare(a, b),
            None => a.cmp(b),
        },
        (Date(a), Date(b)) => a.cmp(b),
        (Time(a), Time(b)) | (Timestamp(a), Timestamp(b)) | (TimestampTz(a), TimestampTz(b)) => a.cmp(b),
        (TimeTz(a, za), TimeTz(b, zb)) => timetz_utc(*a, *za).cmp(&timetz_utc(*b, *zb)).then(za.cmp(zb)),
        (Interval(a), Interval(b)) => interval::compare(a, b),
        (Uuid(a), Uuid(b)) => a.cmp(b),
        (Array(a), Array(b)) => compare_arrays(ty, collation, a, b),
        (Row(a), Row(b)) => {
            for ((ta, a), (_, b)) in a.iter().zip(b.iter()) {
                let o = compare(*ta, ta.collation, a, b);
                if o.is_ne() {
                    return o;
                }
            }
            a.len().cmp(&b.len())
        }
        (Enum(a), Enum(b)) => a.order.total_cmp(&b.order).then(a.oid.cmp(&b.oid)),
        (Range(a), Range(b)) => compare_ranges(a, b),
        (Multirange(a), Multirange(b)) => a
            .ranges
            .iter()
            .zip(&b.ranges)
            .map(|(a, b)| compare_ranges(a, b))
            .find(|o| o.is_ne())
            .unwrap_or_else(|| a.ranges.len().cmp(&b.ranges.len())),
        _ => compare_mixed(a, b),
    }
}

/// Order of ranges: empty first, then by lower bound, then by upper bound.
pub fn compare_ranges(a: &RangeValue, b: &RangeValue) -> Ordering {
    if a.empty || b.empty {
        return b.empty.cmp(&a.empty);
    }
    compare_bounds(a.sub, (&a.lower, true), (&b.lower, true))
        .then_with(|| compare_bounds(a.sub, (&a.upper, false), (&b.upper, false)))
}

/// Order of two bounds, each with whether it is a lower one.
pub fn compare_bounds(sub: TypeRef, (a, a_lower): (&Bound, bool), (b, b_lower): (&Bound, bool)) -> Ordering {
    let infinite = |lower: bool| if lower { Ordering::Less } else { Ordering::Greater };
    match (&a.value, &b.value) {
        (None, None) => b_lower.cmp(&a_lower),
        (None, Some(_)) => infinite(a_lower),
        (Some(_), None) => infinite(b_lower).reverse(),
        (Some(x), Some(y)) => compare(sub, sub.collation, x, y).then_with(|| {
            // Just before the value, on it, or just after it.
            let side = |inclusive: bool, lower: bool| {
                if inclusive {
                    0
                } else if lower {
                    1
                } else {
                    -1
                }
            };
            side(a.inclusive, a_lower).cmp(&side(b.inclusive, b_lower))
        }),
    }
}

/// Integers and floats of different widths compare by value.
fn compare_mixed(a: &Datum, b: &Datum) -> Ordering {
    if let (Some(a), Some(b)) = (as_i64(a), as_i64(b)) {
        return a.cmp(&b);
    }
    if let (Some(a), Some(b)) = (as_f64(a), as_f64(b)) {
        return compare_f64(a, b);
    }
    variant(a).cmp(&variant(b))
}

fn as_i64(d: &Datum) -> Option<i64> {
    match d {
        Datum::Int2(v) => Some((*v).into()),
        Datum::Int4(v) => Some((*v).into()),
        Datum::Int8(v) => Some(*v),
        _ => None,
    }
}

fn as_f64(d: &Datum) -> Option<f64> {
    match d {
        Datum::Float4(v) => Some((*v).into()),
        Datum::Float8(v) => Some(*v),
        _ => None,
    }
}

fn variant(d: &Datum) -> u8 {
    match d {
        Datum::Null => 0,
        Datum::Bool(_) => 1,
        Datum::Int2(_) => 2,
        Datum::Int4(_) => 3,
        Datum::Int8(_) => 4,
        Datum::Float4(_) => 5,
        Datum::Float8(_) => 6,
        Datum::Oid(_) => 7,
        Datum::Numeric(_) => 8,
        Datum::Text(_) => 9,
        Datum::Bytes(_) => 10,
        Datum::Date(_) => 11,
        Datum::Time(_) => 12,
        Datum::TimeTz(..) => 13,
        Datum::Timestamp(_) => 14,
        Datum::TimestampTz(_) => 15,
        Datum::Interval(_) => 16,
        Datum::Uuid(_) => 17,
        Datum::Array(_) => 18,
        Datum::Row(_) => 19,
        Datum::Enum(_) => 20,
        Datum::Range(_) => 21,
        Datum::Multirange(_) => 22,
    }
}

fn compare_arrays(ty: TypeRef, collation: u32, a: &ArrayValue, b: &ArrayValue) -> Ordering {
    let elem = TypeRef { oid: a.elem, typmod: -1, collation };
    // An oidvector compares by length first.
    if ty.oid == oid::OIDVECTOR && a.items.len() != b.items.len() {
        return a.items.len().cmp(&b.items.len());
    }
    for (x, y) in a.items.iter().zip(&b.items) {
        let o = compare(elem, collation, x, y);
        if o.is_ne() {
            return o;
        }
    }
    a.items
        .len()
        .cmp(&b.items.len())
        .then_with(|| a.dims.len().cmp(&b.dims.len()))
        .then_with(|| a.dims.iter().map(|d| d.0).cmp(b.dims.iter().map(|d| d.0)))
        .then_with(|| a.dims.iter().map(|d| d.1).cmp(b.dims.iter().map(|d| d.1)))
}

/// Whether two values that are not NULL are equal.
pub fn equal(ty: TypeRef, a: &Datum, b: &Datum) -> bool {
    compare(ty, ty.collation, a, b) == Ordering::Equal
}

/// Hash of a value, equal for equal values; integers of all widths and floats of both agree with each other. NULLs hash
/// alike. Stable within one version of the server only: not for storing.
pub fn hash(ty: TypeRef, d: &Datum, seed: u64) -> u64 {
    if let Some(v) = as_i64(d) {
        return xxh3_64_with_seed(&v.to_le_bytes(), seed);
    }
    match d {
        Datum::Null => xxh3_64_with_seed(&[], seed),
        Datum::Text(s) if usertype::base(ty).oid == oid::BPCHAR && is_deterministic(ty.collation) => {
            xxh3_64_with_seed(bpchar_significant(s).as_bytes(), seed)
        }
        Datum::Text(s) if is_deterministic(ty.collation) => xxh3_64_with_seed(s.as_bytes(), seed),
        Datum::Bytes(b) if byte_type(ty.oid).is_none() => xxh3_64_with_seed(b, seed),
        d => {
            let mut key = smallvec::SmallVec::<[u8; 64]>::new();
            if let Some(v) = as_f64(d) {
                key.extend_from_slice(&crate::keyenc::f64_bits(v).to_be_bytes());
            } else {
                let mut buf = Vec::with_capacity(64);
                crate::keyenc::put_value(ty, d, &mut buf);
                key.extend_from_slice(&buf);
            }
            xxh3_64_with_seed(&key, seed)
        }
    }
}
