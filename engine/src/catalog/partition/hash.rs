//! The hash of partition keys: Bob Jenkins' lookup3 with a 64-bit seed, whose values agree with PostgreSQL's, so that a
//! row lies in the same partition on both servers.

use rustydb_types::cmp::bpchar_significant;
use rustydb_types::datum::Datum;
use rustydb_types::oid;

/// The seed under which partition keys are hashed.
const SEED: u64 = 0x7A5B_2236_7996_DCFD;

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

fn begin(len: u32) -> (u32, u32, u32) {
    let start = 0x9e37_79b9_u32.wrapping_add(len).wrapping_add(3_923_095);
    let (mut a, mut b, mut c) = (start, start, start);
    a = a.wrapping_add((SEED >> 32) as u32);
    b = b.wrapping_add(SEED as u32);
    mix(&mut a, &mut b, &mut c);
    (a, b, c)
}

fn bytes(k: &[u8]) -> u64 {
    let (mut a, mut b, mut c) = begin(k.len() as u32);
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

fn word(k: u32) -> u64 {
    let (a, b, c) = begin(4);
    finish(a.wrapping_add(k), b, c)
}

fn wide(v: i64) -> u64 {
    let (low, high) = (v as u32, (v >> 32) as u32);
    word(low ^ if v >= 0 { high } else { !high })
}

/// The hash of a value that is not NULL; `None` for types whose values cannot be hash keys here.
pub fn of(ty: u32, d: &Datum) -> Option<u64> {
    Some(match d {
        Datum::Bool(v) => word(u32::from(*v)),
        Datum::Int2(v) => word(i32::from(*v) as u32),
        Datum::Int4(v) => word(*v as u32),
        Datum::Int8(v) => wide(*v),
        Datum::Oid(v) => word(*v),
        Datum::Float4(v) => double(f64::from(*v)),
        Datum::Float8(v) => double(*v),
        Datum::Text(s) if ty == oid::BPCHAR => bytes(bpchar_significant(s).as_bytes()),
        Datum::Text(s) if matches!(ty, oid::TEXT | oid::VARCHAR | oid::NAME) => bytes(s.as_bytes()),
        Datum::Bytes(b) if ty == oid::BYTEA => bytes(b),
        Datum::Date(v) => word(*v as u32),
        Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) => wide(*v),
        Datum::Uuid(u) => bytes(u),
        _ => return None,
    })
}

fn double(v: f64) -> u64 {
    if v == 0.0 {
        return SEED;
    }
    bytes(&(if v.is_nan() { f64::NAN } else { v }).to_le_bytes())
}

/// Whether values of a type can be hash keys.
pub fn supports(ty: u32) -> bool {
    matches!(
        ty,
        oid::BOOL
            | oid::INT2
            | oid::INT4
            | oid::INT8
            | oid::OID
            | oid::FLOAT4
            | oid::FLOAT8
            | oid::TEXT
            | oid::VARCHAR
            | oid::BPCHAR
            | oid::NAME
            | oid::BYTEA
            | oid::DATE
            | oid::TIME
            | oid::TIMESTAMP
            | oid::TIMESTAMPTZ
            | oid::UUID
    )
}

/// The hash of a key of several columns, with one more column's.
pub fn combine(a: u64, b: u64) -> u64 {
    a ^ b.wrapping_add(0x49a0_f4dd_15e5_a8e3).wrapping_add(a << 54).wrapping_add(a >> 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 answers `hashint4extended(1, 8816678312871386365)` and its kin.
    #[test]
    fn agrees_with_postgresql() {
        assert_eq!(of(oid::INT4, &Datum::Int4(1)).map(|h| h as i64), Some(INT4_1));
        assert_eq!(of(oid::INT8, &Datum::Int8(-5)).map(|h| h as i64), Some(INT8_M5));
        assert_eq!(of(oid::TEXT, &Datum::Text("hello, world!".into())).map(|h| h as i64), Some(TEXT_HELLO));
        assert_eq!(of(oid::TEXT, &Datum::Text("abcde".into())).map(|h| h as i64), Some(TEXT_ABCDE));
    }

    const INT4_1: i64 = 5968994663651403477;
    const INT8_M5: i64 = 5466844944386338076;
    const TEXT_HELLO: i64 = -5470842415702857201;
    const TEXT_ABCDE: i64 = 4809259092934399961;
}
