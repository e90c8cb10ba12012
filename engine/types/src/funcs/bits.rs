//! bit and bit varying.
//!
//! A value is its length in bits (four bytes, big-endian) and its bits, the first one in the highest place of the first
//! byte; the places after the last bit are zero.

use super::args::{comparisons, raw, scalar, unexpected};
use super::int::{byte_difference, sign};
use crate::bytetype::ByteType;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::io::OutCtx;
use crate::io::binary::{bad_format, short};
use crate::kernel::{CallInfo, Kernel};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// Most bits of a value.
const MAX_BITS: usize = 83_886_080 * 8;

fn too_long() -> DbError {
    DbError::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("bit string length exceeds the maximum allowed ({MAX_BITS})"),
    )
}

/// A value taken apart.
#[derive(Clone, Copy)]
struct Bits<'a> {
    len: usize,
    bytes: &'a [u8],
}

impl<'a> Bits<'a> {
    /// A value's bits; damaged ones are the empty string.
    fn of(b: &'a [u8]) -> Bits<'a> {
        match b.split_first_chunk::<4>() {
            Some((n, bytes)) if (u32::from_be_bytes(*n) as usize).div_ceil(8) == bytes.len() => {
                Bits { len: u32::from_be_bytes(*n) as usize, bytes }
            }
            _ => Bits { len: 0, bytes: &[] },
        }
    }

    fn get(self, i: usize) -> bool {
        self.bytes.get(i / 8).is_some_and(|b| b >> (7 - i % 8) & 1 == 1)
    }

    fn iter(self) -> impl Iterator<Item = bool> + 'a {
        (0..self.len).map(move |i| self.get(i))
    }

    /// Bits from one place to another, zeros beyond the end.
    fn slice(self, from: usize, len: usize) -> Vec<u8> {
        if from > 0 {
            return make(len, (from..from + len).map(|i| self.get(i)));
        }
        // The beginning goes byte by byte: a length coercion may ask for very many bits.
        let mut out = make(len, std::iter::empty());
        let kept = len.min(self.len);
        for (to, byte) in out.iter_mut().skip(4).zip(self.bytes).take(kept.div_ceil(8)) {
            *to = *byte;
        }
        if !kept.is_multiple_of(8)
            && let Some(last) = out.get_mut(4 + kept / 8)
        {
            *last &= 0xff << (8 - kept % 8);
        }
        out
    }
}

/// The first length that no bit string can have.
const NO_LENGTH: i32 = i32::MAX - 6;

/// A value of so many bits; missing ones are zero.
fn make(len: usize, bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut out = vec![0; 4 + len.div_ceil(8)];
    out[..4].copy_from_slice(&(len as u32).to_be_bytes());
    for (i, bit) in bits.take(len).enumerate() {
        if bit {
            out[4 + i / 8] |= 0x80 >> (i % 8);
        }
    }
    out
}

/// Reads `101`, `b101` or `x5`.
pub(crate) fn text_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    let bad = |c: char, what: &str| {
        DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("\"{c}\" is not a valid {what} digit"))
    };
    if let Some(hex) = s.strip_prefix(['x', 'X']) {
        let len = hex.len().saturating_mul(4);
        if len > MAX_BITS {
            return Err(too_long());
        }
        let digits: Vec<u32> =
            hex.chars().map(|c| c.to_digit(16).ok_or_else(|| bad(c, "hexadecimal"))).collect::<Result<_>>()?;
        return Ok(make(len, digits.into_iter().flat_map(|d| (0..4).rev().map(move |i| d >> i & 1 == 1))));
    }
    let digits = s.strip_prefix(['b', 'B']).unwrap_or(s);
    if digits.len() > MAX_BITS {
        return Err(too_long());
    }
    if let Some(c) = digits.chars().find(|c| !matches!(c, '0' | '1')) {
        return Err(bad(c, "binary"));
    }
    Ok(make(digits.len(), digits.bytes().map(|c| c == b'1')))
}

fn text_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend(Bits::of(b).iter().map(|bit| if bit { b'1' } else { b'0' }));
    Ok(())
}

fn recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    let (n, bytes) = b.split_first_chunk::<4>().ok_or_else(short)?;
    let len = usize::try_from(i32::from_be_bytes(*n)).ok().filter(|n| *n <= MAX_BITS).ok_or_else(|| {
        DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, "invalid length in external bit string")
    })?;
    match bytes.len().cmp(&len.div_ceil(8)) {
        Ordering::Less => Err(short()),
        Ordering::Greater => Err(bad_format()),
        // Made anew so that the places after the last bit are zero.
        Ordering::Equal => Ok(Bits { len, bytes }.slice(0, len)),
    }
}

fn send(b: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b);
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (x, y) = (Bits::of(a), Bits::of(b));
    x.bytes.cmp(y.bytes).then(x.len.cmp(&y.len))
}

fn put_key(b: &[u8], out: &mut Vec<u8>) {
    let v = Bits::of(b);
    for &c in v.bytes {
        out.push(c);
        if c == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&(v.len as u32).to_be_bytes());
}

fn fixed_typmod(ty: TypeRef, b: &[u8], explicit: bool) -> Result<Vec<u8>> {
    let v = Bits::of(b);
    // A length of nothing is no type's: any length goes.
    let n = usize::try_from(ty.typmod).ok().filter(|n| *n > 0).unwrap_or(v.len);
    if n == v.len {
        return Ok(b.to_vec());
    }
    if !explicit {
        return Err(DbError::new(
            SqlState::STRING_DATA_LENGTH_MISMATCH,
            format!("bit string length {} does not match type bit({n})", v.len),
        ));
    }
    Ok(v.slice(0, n))
}

fn varying_typmod(ty: TypeRef, b: &[u8], explicit: bool) -> Result<Vec<u8>> {
    let v = Bits::of(b);
    // A length of nothing is no type's: any length goes.
    let n = usize::try_from(ty.typmod).ok().filter(|n| *n > 0).unwrap_or(v.len);
    if v.len <= n {
        return Ok(b.to_vec());
    }
    if !explicit {
        return Err(DbError::new(
            SqlState::STRING_DATA_RIGHT_TRUNCATION,
            format!("bit string too long for type bit varying({n})"),
        ));
    }
    Ok(v.slice(0, n))
}

/// bit.
pub static BIT: ByteType = ByteType {
    oid: oid::BIT,
    text_in,
    text_out,
    recv,
    send,
    typmod: Some(fixed_typmod),
    compare: Some(compare),
    put_key,
};

/// bit varying.
pub static VARBIT: ByteType = ByteType {
    oid: oid::VARBIT,
    text_in,
    text_out,
    recv,
    send,
    typmod: Some(varying_typmod),
    compare: Some(compare),
    put_key,
};

/// Two bit strings of one length, bit by bit; `name` is the operation's for the error.
pub fn both(a: &[u8], b: &[u8], name: &str, f: fn(u8, u8) -> u8) -> Result<Vec<u8>> {
    let (x, y) = (Bits::of(a), Bits::of(b));
    if x.len != y.len {
        return Err(DbError::new(
            SqlState::STRING_DATA_LENGTH_MISMATCH,
            format!("cannot {name} bit strings of different sizes"),
        ));
    }
    let mut out = a.get(..4).unwrap_or_default().to_vec();
    out.extend(x.bytes.iter().zip(y.bytes).map(|(p, q)| f(*p, *q)));
    Ok(out)
}

fn concat(a: &[u8], b: &[u8]) -> Result<Vec<u8>> {
    let (x, y) = (Bits::of(a), Bits::of(b));
    let len = x.len + y.len;
    if len > MAX_BITS {
        return Err(too_long());
    }
    Ok(make(len, x.iter().chain(y.iter())))
}

/// Moves the bits left (towards the first) by `n`, right if negative.
fn shift(b: &[u8], n: i64) -> Vec<u8> {
    let v = Bits::of(b);
    let at = |i: usize| usize::try_from(i as i64 + n).ok().filter(|i| *i < v.len).is_some_and(|i| v.get(i));
    make(v.len, (0..v.len).map(at))
}

fn substring(b: &[u8], start: i32, len: Option<i32>) -> Result<Vec<u8>> {
    let v = Bits::of(b);
    let from = i64::from(start);
    let end = match len {
        None => v.len as i64 + 1,
        Some(n) if n < 0 => {
            // A sum beyond the type's range is no error when the start is far to the right.
            return Err(super::text::negative_length());
        }
        Some(n) => (from + i64::from(n)).min(v.len as i64 + 1),
    };
    let from = from.max(1);
    if from > v.len as i64 || end <= from {
        return Ok(make(0, std::iter::empty()));
    }
    Ok(v.slice(from as usize - 1, (end - from) as usize))
}

fn overlay(a: &[u8], b: &[u8], start: i32, len: i32) -> Result<Vec<u8>> {
    if start <= 0 {
        return Err(super::text::negative_length());
    }
    let after = start.checked_add(len).ok_or_else(|| super::int::out_of_range("integer"))?;
    let head = substring(a, 1, Some(start - 1))?;
    let tail = substring(a, after, None)?;
    concat(&concat(&head, b)?, &tail)
}

fn index_checked(v: Bits<'_>, n: i32) -> Result<usize> {
    usize::try_from(n).ok().filter(|i| *i < v.len).ok_or_else(|| {
        DbError::new(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            format!("bit index {n} out of valid range (0..{})", v.len as i64 - 1),
        )
    })
}

fn set_bit(b: &[u8], n: i32, bit: i32) -> Result<Vec<u8>> {
    let v = Bits::of(b);
    let at = index_checked(v, n)?;
    if !matches!(bit, 0 | 1) {
        return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "new bit must be 0 or 1"));
    }
    Ok(make(v.len, v.iter().enumerate().map(|(i, old)| if i == at { bit == 1 } else { old })))
}

/// 1-based place of the first occurrence, 0 for none.
fn position(b: &[u8], part: &[u8]) -> i32 {
    let (v, p) = (Bits::of(b), Bits::of(part));
    if p.len > v.len || v.len == 0 {
        return 0;
    }
    (0..=v.len - p.len).find(|&at| (0..p.len).all(|i| v.get(at + i) == p.get(i))).map_or(0, |i| i as i32 + 1)
}

/// An integer's lowest bits; a longer string repeats the sign on the left.
fn from_int(v: i64, width: i64, info: &CallInfo<'_>, typmod: Option<&Datum>) -> Result<Datum> {
    let n = match typmod {
        Some(Datum::Int4(n)) => *n,
        _ => info.result.typmod,
    };
    // A length that no value can have means one bit.
    let len = i64::from(if (1..NO_LENGTH).contains(&n) { n } else { 1 });
    if len as usize > MAX_BITS {
        return Err(too_long());
    }
    let bit = |i: i64| {
        let place = len - 1 - i;
        if place >= width { v < 0 } else { v >> place & 1 == 1 }
    };
    Ok(Datum::Bytes(make(len as usize, (0..len).map(bit)).into()))
}

fn from_int4(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    match args {
        [Datum::Int4(v), rest @ ..] => from_int((*v).into(), 32, info, rest.first()),
        [d, ..] => Err(unexpected(d)),
        [] => Err(super::args::arity(0)),
    }
}

fn from_int8(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    match args {
        [Datum::Int8(v), rest @ ..] => from_int(*v, 64, info, rest.first()),
        [d, ..] => Err(unexpected(d)),
        [] => Err(super::args::arity(0)),
    }
}

fn to_int(b: &[u8], width: usize) -> Option<u64> {
    let v = Bits::of(b);
    (v.len <= width).then(|| v.iter().fold(0, |n, bit| n << 1 | u64::from(bit)))
}

/// A length coercion called as a function: value, length, whether explicit.
fn coerce(args: &[Datum], oid: u32, f: fn(TypeRef, &[u8], bool) -> Result<Vec<u8>>) -> Result<Datum> {
    match args {
        // A length that no value can have means any.
        [Datum::Bytes(b), Datum::Int4(..=0 | NO_LENGTH..), Datum::Bool(_)] => Ok(Datum::Bytes(b.clone())),
        [Datum::Bytes(b), Datum::Int4(n), Datum::Bool(explicit)] => {
            let ty = TypeRef { oid, typmod: *n, collation: 0 };
            f(ty, b, *explicit).map(|b| Datum::Bytes(b.into()))
        }
        _ => Err(super::args::arity(args.len())),
    }
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!("biteq", "bitne", "bitlt", "bitle", "bitgt", "bitge", |a: &[u8], b: &[u8]| compare(a, b)),
    &[
        scalar!("bitcmp", |a: &[u8], b: &[u8]| {
            let (x, y) = (Bits::of(a), Bits::of(b));
            let common = x.bytes.len().min(y.bytes.len());
            match byte_difference(&x.bytes[..common], &y.bytes[..common]) {
                0 => sign(x.len.cmp(&y.len)),
                d => d,
            }
        }),
        scalar!("bit_and", |a: &[u8], b: &[u8]| both(a, b, "AND", |x, y| x & y)),
        scalar!("bit_or", |a: &[u8], b: &[u8]| both(a, b, "OR", |x, y| x | y)),
        scalar!("bitxor", |a: &[u8], b: &[u8]| both(a, b, "XOR", |x, y| x ^ y)),
        scalar!("bitnot", |a: &[u8]| {
            let v = Bits::of(a);
            make(v.len, v.iter().map(|bit| !bit))
        }),
        scalar!("bitshiftleft", |a: &[u8], n: i32| shift(a, n.into())),
        scalar!("bitshiftright", |a: &[u8], n: i32| shift(a, -i64::from(n))),
        scalar!("bitcat", |a: &[u8], b: &[u8]| concat(a, b)),
        scalar!("bitsubstr", |a: &[u8], from: i32, len: i32| substring(a, from, Some(len))),
        scalar!("bitsubstr_no_len", |a: &[u8], from: i32| substring(a, from, None)),
        scalar!("bitoverlay", |a: &[u8], b: &[u8], from: i32, len: i32| overlay(a, b, from, len)),
        scalar!("bitoverlay_no_len", |a: &[u8], b: &[u8], from: i32| { overlay(a, b, from, Bits::of(b).len as i32) }),
        scalar!("bitlength", |a: &[u8]| Bits::of(a).len as i32),
        scalar!("bit_length(bit)", |a: &[u8]| Bits::of(a).len as i32),
        scalar!("bitoctetlength", |a: &[u8]| Bits::of(a).bytes.len() as i32),
        scalar!("bit_bit_count", |a: &[u8]| Bits::of(a).bytes.iter().map(|b| i64::from(b.count_ones())).sum::<i64>()),
        scalar!("bitgetbit", |a: &[u8], n: i32| {
            let v = Bits::of(a);
            index_checked(v, n).map(|i| i32::from(v.get(i)))
        }),
        scalar!("bitsetbit", |a: &[u8], n: i32, bit: i32| set_bit(a, n, bit)),
        scalar!("bitposition", |a: &[u8], b: &[u8]| position(a, b)),
        scalar!("bittoint4", |a: &[u8]| to_int(a, 32)
            .map(|v| v as u32 as i32)
            .ok_or_else(|| super::int::out_of_range("integer"))),
        scalar!("bittoint8", |a: &[u8]| {
            to_int(a, 64)
                .map(|v| v as i64)
                .ok_or_else(|| DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range"))
        }),
        raw!("bitfromint4", from_int4),
        raw!("bitfromint8", from_int8),
        raw!("bit", |_, _, args| coerce(args, oid::BIT, fixed_typmod)),
        raw!("varbit", |_, _, args| coerce(args, oid::VARBIT, varying_typmod)),
    ],
];
