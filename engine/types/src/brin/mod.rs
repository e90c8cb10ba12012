//! What block range indexes (BRIN) know values by: the parts of rows' keys, whose bounds are the summaries of ranges.
//!
//! # Idea
//! Keys and bounds are those of [`crate::gist`]: a part for each column, united part by part. Its boxes and spans serve the
//! inclusion classes as they are; a span from the least to the greatest value, in the byte order of [`keyenc`], is what the
//! minmax classes keep. Two kinds of parts are of this module: several spans ([`multi`]) and hashes ([`bloom`]). What the class's
//! parameters say stands in each part, so that parts can be united without a catalog.
//!
//! Values of types that an operator family compares with each other are brought to one type first, so that a key's bytes are
//! compared with those of a value of another type.

pub mod bloom;
pub mod multi;

use crate::datetime::{TS_INFINITY, TS_NEG_INFINITY, USECS_PER_DAY};
use crate::datum::{Datum, TypeRef};
use crate::gist::{self, Test, part, span};
use crate::{keyenc, oid, usertype};
use rustydb_base::{DbError, Result};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes that the parts of a summary have together, about.
const ROOM: usize = 7900;
/// Rows that a page is taken to have at most.
const ROWS_OF_PAGE: f64 = 291.0;
/// Beyond all offsets of time zones.
const ZONES: i64 = 26 * 3_600 * 1_000_000;

/// Parameters of a bloom class.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bloom {
    /// `n_distinct_per_range`: negative values are a part of the rows.
    pub distinct: f64,
    /// `false_positive_rate`.
    pub false_positives: f64,
}

impl Default for Bloom {
    fn default() -> Bloom {
        Bloom { distinct: -0.1, false_positives: 0.01 }
    }
}

impl Bloom {
    /// Bits and hash functions for ranges of so many pages, in at most so many bytes.
    fn shape(self, pages: u32, room: usize) -> (u32, u8) {
        let rows = ROWS_OF_PAGE * f64::from(pages.max(1));
        let n = if self.distinct < 0.0 { -self.distinct * rows } else { self.distinct };
        let n = if n == 0.0 { Bloom::default().distinct * -rows } else { n };
        let n = n.min(rows).max(16.0);
        let ln2 = std::f64::consts::LN_2;
        let bits = (-(n * self.false_positives.ln()) / (ln2 * ln2)).ceil();
        let bytes = (bits / 8.0).ceil().clamp(8.0, room.max(8) as f64);
        let hashes = (ln2 * bytes * 8.0 / n).round().clamp(1.0, 16.0);
        (bytes as u32 * 8, hashes as u8)
    }
}

/// A built-in operator class with its parameters.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Class {
    /// The least and the greatest value.
    Minmax,
    /// Spans around the values; so many values at most.
    MinmaxMulti(u16),
    /// Hashes of the values.
    Bloom(Bloom),
    /// `box_inclusion_ops`
    Boxes,
    /// `range_inclusion_ops`
    Ranges,
    /// `inet_inclusion_ops`
    Networks,
}

/// Values per range for which nothing was said.
pub const VALUES_PER_RANGE: u16 = 32;

impl Class {
    /// The class with the name that `pg_opclass` has for it, without parameters.
    pub fn named(name: &str) -> Option<Class> {
        Some(match name {
            "box_inclusion_ops" => Class::Boxes,
            "range_inclusion_ops" => Class::Ranges,
            "inet_inclusion_ops" => Class::Networks,
            _ if name.ends_with("_minmax_multi_ops") => Class::MinmaxMulti(VALUES_PER_RANGE),
            _ if name.ends_with("_minmax_ops") => Class::Minmax,
            _ if name.ends_with("_bloom_ops") => Class::Bloom(Bloom::default()),
            _ => return None,
        })
    }

    /// Appends a value's part of a row's key with so many columns, of an index with so many pages per range.
    pub fn put(self, ty: TypeRef, d: &Datum, columns: usize, pages: u32, out: &mut Vec<u8>) -> Result<()> {
        if d.is_null() {
            part::put(part::NULL, part::Kind::Nothing, &[], out);
            return Ok(());
        }
        let room = ROOM / columns.max(1) - 3;
        match self {
            Class::Boxes => return gist::Class::Box.put(ty, d, 1, out),
            Class::Networks => return gist::Class::Inet.put(ty, d, 1, out),
            // Its two ends have half the room of a summary of one column, which the other columns share.
            Class::Ranges => return span::put_ranges(ty, d, room, out),
            Class::Minmax => {
                let v = bytes(ty, d)?;
                span::put_ends(v.clone(), v, room, out);
            }
            Class::MinmaxMulti(values) => {
                let (low, high) = span::ends_of(bytes(ty, d)?, room);
                let room = u16::try_from(room).unwrap_or(u16::MAX);
                part::put(0, part::Kind::Several, &multi::one(values, room, &low, &high), out);
            }
            Class::Bloom(b) => {
                let (bits, hashes) = b.shape(pages, room.saturating_sub(bloom::HEAD));
                part::put(0, part::Kind::Hashes, &bloom::one(bits, hashes, xxh3_64(&bytes(ty, d)?)), out);
            }
        }
        Ok(())
    }

    /// What a condition with the operator at a strategy of the class asks of a column of type `ty`; `d`, of type `other`, is the
    /// operator's other side, which is not NULL.
    pub(crate) fn test(self, strategy: i16, ty: TypeRef, other: TypeRef, d: &Datum) -> Result<Test> {
        Ok(match self {
            Class::Boxes => match d {
                // The only other operand is a point in the box.
                Datum::Bytes(b) if b.len() == 16 => gist::Class::Point.test(strategy, ty, d)?,
                _ => gist::Class::Box.test(strategy, ty, d)?,
            },
            Class::Networks => {
                let of_tree = match strategy {
                    3 | 18 => strategy,
                    7 | 24 => 26,
                    8 | 26 => 24,
                    _ => return Ok(Test::Any),
                };
                gist::Class::Inet.test(of_tree, ty, d)?
            }
            Class::Ranges => match strategy {
                17 => gist::Class::Range.test(6, ty, d)?,
                20..=23 => span::ask_range_order(strategy, ty, d)?,
                other => gist::Class::Range.test(other, ty, d)?,
            },
            Class::Bloom(_) => match strategy {
                1 => Test::Hash(xxh3_64(&bytes(other, d)?)),
                _ => Test::Any,
            },
            Class::Minmax | Class::MinmaxMulti(_) => {
                let (low, high) = around(ty, other, d)?;
                Test::Value(multi::Ask { strategy, low, high })
            }
        })
    }

    /// Whether a condition with a value of a type can be asked of a column of another.
    pub fn takes(self, ty: TypeRef, other: TypeRef) -> bool {
        match self {
            Class::Boxes | Class::Ranges => true,
            Class::Networks => is_network(usertype::base(other).oid),
            Class::Minmax | Class::MinmaxMulti(_) | Class::Bloom(_) => {
                let (a, b) = (usertype::base(ty).oid, usertype::base(other).oid);
                let both = |f: fn(u32) -> bool| f(a) && f(b);
                a == b
                    || both(is_int)
                    || both(is_float)
                    || both(is_network)
                    || both(|t| matches!(t, oid::TEXT | oid::VARCHAR))
                    || (both(is_date) && !matches!(self, Class::Bloom(_)))
            }
        }
    }
}

fn is_int(t: u32) -> bool {
    matches!(t, oid::INT2 | oid::INT4 | oid::INT8)
}

fn is_float(t: u32) -> bool {
    matches!(t, oid::FLOAT4 | oid::FLOAT8)
}

fn is_date(t: u32) -> bool {
    matches!(t, oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ)
}

fn is_network(t: u32) -> bool {
    matches!(t, oid::INET | oid::CIDR)
}

/// A value in the type that its family compares values in.
fn common(ty: TypeRef, d: &Datum) -> (TypeRef, Datum) {
    let of = |o: u32| TypeRef::new(o);
    match d {
        Datum::Int2(v) => (of(oid::INT8), Datum::Int8((*v).into())),
        Datum::Int4(v) => (of(oid::INT8), Datum::Int8((*v).into())),
        Datum::Float4(v) => (of(oid::FLOAT8), Datum::Float8((*v).into())),
        Datum::Date(v) => (of(oid::TIMESTAMP), Datum::Timestamp(midnight(*v))),
        Datum::TimestampTz(v) => (of(oid::TIMESTAMP), Datum::Timestamp(*v)),
        other => (ty, other.clone()),
    }
}

/// The moment a day begins; days beyond all moments are infinitely far.
fn midnight(day: i32) -> i64 {
    match day {
        i32::MIN => TS_NEG_INFINITY,
        i32::MAX => TS_INFINITY,
        d => i64::from(d).saturating_mul(USECS_PER_DAY),
    }
}

/// A value's bytes in the order of its type; equal values have equal ones.
fn bytes(ty: TypeRef, d: &Datum) -> Result<Vec<u8>> {
    if !keyenc::is_orderable(ty.oid) {
        return Err(DbError::internal("a value without an order in a block range index"));
    }
    let (ty, d) = common(ty, d);
    // No string of such bytes is the greatest there can be, so each can be rounded up.
    let mut out = vec![1];
    keyenc::put_value(ty, &d, &mut out);
    Ok(out)
}

/// The least and the greatest that a value may be when it is compared with a column: where one of them is in the session's
/// zone and the other is not, that is not known here.
fn around(ty: TypeRef, other: TypeRef, d: &Datum) -> Result<(Vec<u8>, Vec<u8>)> {
    let zoned = |t: TypeRef| usertype::base(t).oid == oid::TIMESTAMPTZ;
    let (ty, other) = (usertype::base(ty), usertype::base(other));
    if is_date(ty.oid) && is_date(other.oid) && zoned(ty) != zoned(other) {
        let (common, v) = common(other, d);
        if let Datum::Timestamp(v) = v
            && v != TS_INFINITY
            && v != TS_NEG_INFINITY
        {
            let at = |v: i64| bytes(common, &Datum::Timestamp(v));
            return Ok((at(v.saturating_sub(ZONES))?, at(v.saturating_add(ZONES))?));
        }
    }
    let v = bytes(other, d)?;
    Ok((v.clone(), v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gist::{Question, bounds};

    fn key(class: Class, ty: u32, d: &Datum) -> Vec<u8> {
        let mut out = Vec::new();
        class.put(TypeRef::new(ty), d, 1, 1, &mut out).expect("a value of the class");
        out
    }

    fn summary(class: Class, ty: u32, values: &[Datum]) -> Vec<u8> {
        values.iter().fold(Vec::new(), |sum, d| {
            let k = key(class, ty, d);
            if sum.is_empty() { k } else { bounds::unite(&sum, &k) }
        })
    }

    fn may(class: Class, sum: &[u8], strategy: i16, ty: u32, other: u32, d: &Datum) -> bool {
        let mut q = Question::default();
        q.ask_range(0, class, strategy, TypeRef::new(ty), TypeRef::new(other), d).expect("a value of the class");
        q.may(sum, false)
    }

    const CLASSES: [Class; 3] =
        [Class::Minmax, Class::MinmaxMulti(8), Class::Bloom(Bloom { distinct: 30.0, false_positives: 0.01 })];

    #[test]
    fn no_value_is_left_out() {
        let mut x = 1u64;
        let mut random = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for class in CLASSES {
            for round in 0..50 {
                let values: Vec<i32> = (0..round + 1).map(|_| (random() % 100_000) as i32 - 50_000).collect();
                let datums: Vec<Datum> = values.iter().map(|v| Datum::Int4(*v)).collect();
                let sum = summary(class, oid::INT4, &datums);
                for (v, d) in values.iter().zip(&datums) {
                    assert!(bounds::covers(&sum, &key(class, oid::INT4, d)));
                    let equal = if matches!(class, Class::Bloom(_)) { 1 } else { 3 };
                    assert!(may(class, &sum, equal, oid::INT4, oid::INT4, d), "{class:?} {v}");
                    assert!(may(class, &sum, equal, oid::INT4, oid::INT8, &Datum::Int8((*v).into())), "{class:?} {v}");
                }
                for _ in 0..20 {
                    let q = (random() % 100_000) as i32 - 50_000;
                    let d = Datum::Int4(q);
                    if matches!(class, Class::Bloom(_)) {
                        continue;
                    }
                    assert!(values.iter().all(|v| *v >= q) || may(class, &sum, 1, oid::INT4, oid::INT4, &d));
                    assert!(values.iter().all(|v| *v <= q) || may(class, &sum, 5, oid::INT4, oid::INT4, &d));
                }
            }
        }
    }

    #[test]
    fn most_others_are_ruled_out() {
        for class in CLASSES {
            let near: Vec<Datum> = (0..20).map(|v| Datum::Int4(v * 10)).collect();
            let sum = summary(class, oid::INT4, &near);
            let equal = if matches!(class, Class::Bloom(_)) { 1 } else { 3 };
            let passed = (1..1_000).filter(|v| may(class, &sum, equal, oid::INT4, oid::INT4, &Datum::Int4(v * 1_000)));
            assert!(passed.count() < 60, "{class:?}");
        }
        let apart = [Datum::Int4(1), Datum::Int4(2), Datum::Int4(1_000_000)];
        let sum = summary(Class::MinmaxMulti(8), oid::INT4, &apart);
        assert!(!may(Class::MinmaxMulti(8), &sum, 3, oid::INT4, oid::INT4, &Datum::Int4(500)));
    }

    #[test]
    fn nulls_are_known() {
        let class = Class::Minmax;
        let sum = summary(class, oid::INT4, &[Datum::Null, Datum::Int4(4)]);
        let null = |sum: &[u8], null| {
            let mut q = Question::default();
            q.add_null(0, null);
            q.may(sum, false)
        };
        assert!(null(&sum, true) && null(&sum, false));
        let only = key(class, oid::INT4, &Datum::Null);
        assert!(null(&only, true) && !null(&only, false));
        assert!(!null(&key(class, oid::INT4, &Datum::Int4(1)), true));
        assert!(!may(class, &only, 1, oid::INT4, oid::INT4, &Datum::Int4(9)));
    }

    #[test]
    fn times_in_zones_are_compared_with_care() {
        let (day, hour) = (USECS_PER_DAY, 3_600_000_000);
        let sum = summary(Class::Minmax, oid::TIMESTAMP, &[Datum::Timestamp(10 * day)]);
        let ask = |s, d: &Datum, other| may(Class::Minmax, &sum, s, oid::TIMESTAMP, other, d);
        assert!(ask(3, &Datum::TimestampTz(10 * day + 14 * hour), oid::TIMESTAMPTZ));
        assert!(!ask(3, &Datum::TimestampTz(12 * day), oid::TIMESTAMPTZ));
        assert!(ask(3, &Datum::Date(10), oid::DATE) && !ask(3, &Datum::Date(11), oid::DATE));
    }

    #[test]
    fn long_values_and_many_columns_fit() {
        let long = Datum::Text("x".repeat(5_000).into());
        for class in CLASSES {
            let mut row = Vec::new();
            for n in 0..32 {
                let d = if n % 2 == 0 { long.clone() } else { Datum::Text(n.to_string().into()) };
                class.put(TypeRef::new(oid::TEXT), &d, 32, 128, &mut row).expect("text");
            }
            let mut sum = row.clone();
            for i in 0..300 {
                let mut row = Vec::new();
                for n in 0..32 {
                    let d = Datum::Text(format!("{}{}", i * n, "y".repeat(i)).into());
                    class.put(TypeRef::new(oid::TEXT), &d, 32, 128, &mut row).expect("text");
                }
                sum = bounds::unite(&sum, &row);
                assert!(bounds::covers(&sum, &row), "{class:?}");
            }
            assert!(sum.len() < 8_000, "{class:?}: {}", sum.len());
            assert!(bounds::covers(&sum, &row), "{class:?}");
        }
    }

    #[test]
    fn damaged_parts_answer_something() {
        for class in CLASSES {
            let whole = summary(class, oid::INT4, &[Datum::Int4(1), Datum::Int4(2), Datum::Int4(900)]);
            for n in 0..whole.len() {
                bounds::unite(&whole[..n], &whole);
                bounds::covers(&whole[..n], &whole);
                may(class, &whole[..n], 3, oid::INT4, oid::INT4, &Datum::Int4(1));
                let mut broken = whole.clone();
                broken[n] ^= 0xff;
                bounds::unite(&broken, &whole);
                bounds::covers(&broken, &whole);
                may(class, &broken, 1, oid::INT4, oid::INT4, &Datum::Int4(1));
            }
        }
    }
}
