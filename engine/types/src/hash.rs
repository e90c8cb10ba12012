//! PostgreSQL's hash functions: Bob Jenkins' lookup3 (public domain, 2006) over a value's bytes, with an optional 64-bit seed.
//! A row lies in the same hash partition on both servers, and what users built on `hashtext` and its kin keeps its answers.
//!
//! The plain hash of a value is the lower half of the hash with seed 0.
//!
//! Left out: enums, whose hash depends on numbers that differ between servers, records and multiranges.

use crate::cmp::bpchar_significant;
use crate::datum::{ArrayValue, Bound, Datum, Interval, RangeValue, TypeRef};
use crate::jsonb::View;
use crate::numeric::Numeric;
use crate::oid;
use rustydb_base::{DbError, Result};

fn mix(a: &mut u32, b: &mut u32, c: &mut u32) {
    *a = a.wrapping_sub(*c) ^ c.rotate_left(4);
    *c = c.wrapping_add(*b);
    *b = b.wrapping_sub(*a) ^ a.rotate_left(6);
    *a = a.wrapping_add(*c);
    *c = c.wrapping_sub(*b) ^ b.rotate_left(8);
    *b = b.wrapping_add(*a);
    *a = a.wrapping_sub(*c) ^ c.rotate_left(16);
    *c = c.wrapping_add(*b);
    *b = b.wrapping_sub(*a) ^ a.rotate_left(19);
    *a = a.wrapping_add(*c);
    *c = c.wrapping_sub(*b) ^ b.rotate_left(4);
    *b = b.wrapping_add(*a);
}

fn finish(mut a: u32, mut b: u32, mut c: u32) -> u64 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    (u64::from(b) << 32) | u64::from(c)
}

fn begin(len: u32, seed: u64) -> (u32, u32, u32) {
    let start = 0x9e37_79b9_u32.wrapping_add(len).wrapping_add(3_923_095);
    let (mut a, mut b, mut c) = (start, start, start);
    if seed != 0 {
        a = a.wrapping_add((seed >> 32) as u32);
        b = b.wrapping_add(seed as u32);
        mix(&mut a, &mut b, &mut c);
    }
    (a, b, c)
}

/// The hash of bytes.
pub fn bytes(k: &[u8], seed: u64) -> u64 {
    let (mut a, mut b, mut c) = begin(k.len() as u32, seed);
    let mut chunks = k.chunks_exact(12);
    let word = |w: &[u8]| w.iter().rev().fold(0u32, |n, x| (n << 8) | u32::from(*x));
    for w in &mut chunks {
        a = a.wrapping_add(word(&w[..4]));
        b = b.wrapping_add(word(&w[4..8]));
        c = c.wrapping_add(word(&w[8..]));
        mix(&mut a, &mut b, &mut c);
    }
    let rest = chunks.remainder();
    a = a.wrapping_add(word(&rest[..rest.len().min(4)]));
    b = b.wrapping_add(word(&rest[rest.len().min(4)..rest.len().min(8)]));
    // The lowest byte of the last word stands for the length.
    c = c.wrapping_add(word(&rest[rest.len().min(8)..]) << 8);
    finish(a, b, c)
}

/// The hash of a number of 32 bits.
pub fn word(k: u32, seed: u64) -> u64 {
    let (a, b, c) = begin(4, seed);
    finish(a.wrapping_add(k), b, c)
}

/// The hash of a number of 64 bits, the same as [`word`]'s for those that fit.
pub fn wide(v: i64, seed: u64) -> u64 {
    let (low, high) = (v as u32, (v >> 32) as u32);
    word(low ^ if v >= 0 { high } else { !high }, seed)
}

/// The hash of a double; float4 is hashed as one.
pub fn double(v: f64, seed: u64) -> u64 {
    if v == 0.0 {
        return seed;
    }
    bytes(&(if v.is_nan() { f64::NAN } else { v }).to_le_bytes(), seed)
}

/// The hash of a numeric: its digits to the base of 10,000 without zeros at either end, and the place of the first.
pub fn numeric(n: &Numeric, seed: u64) -> u64 {
    if !n.is_finite() {
        return seed;
    }
    if n.is_zero() {
        return seed.wrapping_sub(1);
    }
    let text = n.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let padded = format!(
        "{}{whole}{fraction}{}",
        "0".repeat((4 - whole.len() % 4) % 4),
        "0".repeat((4 - fraction.len() % 4) % 4)
    );
    let digits: Vec<i16> =
        padded.as_bytes().chunks(4).map(|d| d.iter().fold(0, |n, c| n * 10 + i16::from(c - b'0'))).collect();
    let first = digits.iter().position(|d| *d != 0).unwrap_or(0);
    let last = digits.iter().rposition(|d| *d != 0).unwrap_or(0);
    let raw: Vec<u8> = digits.iter().take(last + 1).skip(first).flat_map(|d| d.to_le_bytes()).collect();
    let weight = whole.len().div_ceil(4) as i64 - 1 - first as i64;
    bytes(&raw, seed) ^ weight as u64
}

/// The hash of an interval: intervals that are equal have the same, such as a month and 30 days.
pub fn interval(v: Interval, seed: u64) -> u64 {
    let days = i128::from(v.months) * 30 + i128::from(v.days);
    wide((days * 86_400_000_000 + i128::from(v.micros)) as i64, seed)
}

/// The hash of a time of day with its zone.
pub fn time_tz(micros: i64, zone: i32, seed: u64) -> u64 {
    wide(micros, seed) ^ word(zone as u32, seed)
}

/// The hash of an inet or cidr.
fn net(b: &[u8], seed: u64) -> u64 {
    let mut b = b.to_vec();
    if let Some(family) = b.first_mut() {
        *family = if *family == 6 { 3 } else { 2 };
    }
    bytes(&b, seed)
}

fn array(a: &ArrayValue, seed: u64) -> Option<u64> {
    a.items.iter().try_fold(1u64, |all, d| {
        let one = if d.is_null() { 0 } else { value(a.elem, d, seed)? };
        Some((all << 5).wrapping_sub(all).wrapping_add(one))
    })
}

/// The hash of a row, of which NULLs count as 0.
pub fn record(fields: &[(TypeRef, Datum)], seed: u64) -> Option<u64> {
    fields.iter().try_fold(0u64, |all, (ty, d)| {
        let one = if d.is_null() { 0 } else { value(crate::usertype::base(*ty).oid, d, seed)? };
        Some((all << 5).wrapping_sub(all).wrapping_add(one))
    })
}

/// The hash of a range; its halves are turned apart from each other.
fn range(r: &RangeValue, seed: u64) -> Option<u64> {
    let bound = |b: &Bound| match &b.value {
        Some(d) if !r.empty => value(r.sub.oid, d, seed),
        _ => Some(0),
    };
    let (lower, upper) = (bound(&r.lower)?, bound(&r.upper)?);
    let flags = if r.empty {
        1
    } else {
        (u32::from(r.lower.inclusive) << 1)
            | (u32::from(r.upper.inclusive) << 2)
            | (u32::from(r.lower.value.is_none()) << 3)
            | (u32::from(r.upper.value.is_none()) << 4)
    };
    let h = word(flags, seed) ^ lower;
    Some(turned(h) ^ upper)
}

/// Turns both halves of a hash by one bit, so that the order of what is mixed in counts.
fn turned(h: u64) -> u64 {
    (u64::from(((h >> 32) as u32).rotate_left(1)) << 32) | u64::from((h as u32).rotate_left(1))
}

/// The hash of a jsonb value: marks of the containers, and keys and scalars in order.
fn jsonb(b: &[u8], seed: u64) -> u64 {
    let view = View::of(b);
    match view {
        View::Array(a) if a.is_empty() => seed,
        View::Object(o) if o.is_empty() => seed,
        View::Array(_) | View::Object(_) => jsonb_part(view, 0, seed),
        // A scalar stands in an array of its own.
        _ => jsonb_part(view, ARRAY_MARK, seed),
    }
}

const ARRAY_MARK: u64 = 0x4000_0000_4000_0000;
const OBJECT_MARK: u64 = 0x2000_0000_2000_0000;

fn jsonb_part(view: View<'_>, all: u64, seed: u64) -> u64 {
    let one = match view {
        View::Array(items) => return items.iter().fold(all ^ ARRAY_MARK, |h, b| jsonb_part(View::of(b), h, seed)),
        View::Object(members) => {
            return members.iter().fold(all ^ OBJECT_MARK, |h, (key, b)| {
                jsonb_part(View::of(b), turned(h) ^ bytes(key.as_bytes(), seed), seed)
            });
        }
        View::Null => seed.wrapping_add(1),
        View::Bool(v) if seed != 0 => word(u32::from(v), seed),
        View::Bool(v) => {
            if v {
                2
            } else {
                4
            }
        }
        View::String(s) => bytes(s.as_bytes(), seed),
        View::Number(_) => numeric(&view.number().unwrap_or_default(), seed),
    };
    turned(all) ^ one
}

/// The hash of a value that is not NULL; `None` for types that have none here.
pub fn value(ty: u32, d: &Datum, seed: u64) -> Option<u64> {
    Some(match d {
        Datum::Bool(v) => word(u32::from(*v), seed),
        Datum::Int2(v) => word(i32::from(*v) as u32, seed),
        Datum::Int4(v) => word(*v as u32, seed),
        Datum::Int8(v) => wide(*v, seed),
        Datum::Oid(v) => word(*v, seed),
        Datum::Float4(v) => double(f64::from(*v), seed),
        Datum::Float8(v) => double(*v, seed),
        Datum::Numeric(n) => numeric(n, seed),
        Datum::Text(s) if ty == oid::BPCHAR => bytes(bpchar_significant(s).as_bytes(), seed),
        Datum::Text(s) if matches!(ty, oid::TEXT | oid::VARCHAR | oid::NAME) => bytes(s.as_bytes(), seed),
        Datum::Text(s) if ty == oid::CHAR => word(s.as_bytes().first().map_or(0, |b| i32::from(*b as i8)) as u32, seed),
        Datum::Bytes(b) if matches!(ty, oid::BYTEA | oid::MACADDR | oid::MACADDR8) => bytes(b, seed),
        Datum::Bytes(b) if ty == oid::JSONB => jsonb(b, seed),
        Datum::Bytes(b) if matches!(ty, oid::INET | oid::CIDR) => net(b, seed),
        Datum::Date(v) => word(*v as u32, seed),
        Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) => wide(*v, seed),
        Datum::TimeTz(v, zone) => time_tz(*v, *zone, seed),
        Datum::Interval(v) => interval(*v, seed),
        Datum::Uuid(u) => bytes(u, seed),
        Datum::Array(a) => array(a, seed)?,
        Datum::Range(r) => range(r, seed)?,
        Datum::Row(fields) => record(fields, seed)?,
        _ => return None,
    })
}

/// `hash_…`, 32 bits.
pub fn plain(ty: u32, d: &Datum) -> Result<i32> {
    value(ty, d, 0).map(|h| h as i32).ok_or_else(|| no_hash(d))
}

/// `hash_…_extended`.
pub fn seeded(ty: u32, d: &Datum, seed: i64) -> Result<i64> {
    value(ty, d, seed as u64).map(|h| h as i64).ok_or_else(|| no_hash(d))
}

fn no_hash(d: &Datum) -> DbError {
    let what = match d {
        Datum::Array(a) => crate::typename::format_type(a.elem, -1),
        Datum::Range(r) => crate::typename::format_type(r.sub.oid, -1),
        _ => return DbError::internal(format!("no hash of {d:?}")),
    };
    DbError::unsupported(format!("hash functions of type {what} are not supported yet"))
}
