//! macaddr and macaddr8: six and eight bytes.

use super::args::{comparisons, scalar};
use super::int::sign;
use crate::bytetype::{ByteType, put_fixed_key};
use crate::ctx::EvalCtx;
use crate::io::OutCtx;
use crate::io::binary::bad_format;
use crate::kernel::Kernel;
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};

fn invalid(ty: &str, s: &str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type {ty}: \"{s}\""))
}

fn space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Six numbers by a layout: a digit is a number of at most so many hexadecimal digits (0 for any), the rest itself.
fn scan(s: &str, layout: &[u8]) -> Option<[u32; 6]> {
    let b = s.as_bytes();
    let mut at = 0;
    let mut out = [0u32; 6];
    let mut slots = out.iter_mut();
    for &step in layout {
        if !step.is_ascii_digit() {
            if b.get(at) != Some(&step) {
                return None;
            }
            at += 1;
            continue;
        }
        while b.get(at).is_some_and(|c| space(*c)) {
            at += 1;
        }
        let most = if step == b'0' { usize::MAX } else { usize::from(step - b'0') };
        let n = b[at..].iter().take(most).take_while(|c| c.is_ascii_hexdigit()).count();
        let v = u32::from_str_radix(s.get(at..at + n)?, 16).ok();
        // Digits beyond four bytes are out of range as well.
        *slots.next()? = if n == 0 { return None } else { v.unwrap_or(u32::MAX) };
        at += n;
    }
    b[at..].iter().all(|c| space(*c)).then_some(out)
}

const LAYOUTS: &[&[u8]] =
    &[b"0:0:0:0:0:0", b"0-0-0-0-0-0", b"222:222", b"222-222", b"22.22.22", b"22-22-22", b"222222"];

fn mac_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    let found = LAYOUTS.iter().find_map(|l| scan(s, l)).ok_or_else(|| invalid("macaddr", s))?;
    found
        .iter()
        .map(|v| {
            u8::try_from(*v).map_err(|_| {
                DbError::new(
                    SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                    format!("invalid octet value in \"macaddr\" value: \"{s}\""),
                )
            })
        })
        .collect()
}

fn mac8_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    let bad = || invalid("macaddr8", s);
    let mut rest = s.as_bytes();
    while rest.first().is_some_and(|c| space(*c)) {
        rest = &rest[1..];
    }
    let mut out: Vec<u8> = Vec::with_capacity(8);
    let mut separator = None;
    while let [a, b, tail @ ..] = rest {
        let digit = |c: u8| char::from(c).to_digit(16).ok_or_else(bad);
        if out.len() == 8 {
            return Err(bad());
        }
        out.push((digit(*a)? << 4 | digit(*b)?) as u8);
        rest = tail;
        if let Some(c @ (b':' | b'-' | b'.')) = rest.first() {
            if *separator.get_or_insert(*c) != *c {
                return Err(bad());
            }
            rest = &rest[1..];
        }
        if matches!(out.len(), 6 | 8) && rest.first().is_some_and(|c| space(*c)) {
            if !rest.iter().all(|c| space(*c)) {
                return Err(bad());
            }
            rest = &[];
        }
    }
    if !rest.is_empty() {
        return Err(bad());
    }
    match out.len() {
        6 => Ok(widen(&out)),
        8 => Ok(out),
        _ => Err(bad()),
    }
}

/// Six bytes as eight: FF FE in the middle.
fn widen(b: &[u8]) -> Vec<u8> {
    let (head, tail) = b.split_at(b.len().min(3));
    [head, &[0xff, 0xfe], tail].concat()
}

fn narrow(b: &[u8]) -> Result<Vec<u8>> {
    match b {
        [a, b, c, 0xff, 0xfe, f, g, h] => Ok(vec![*a, *b, *c, *f, *g, *h]),
        _ => Err(DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "macaddr8 data out of range to convert to macaddr")
            .hint("Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.")),
    }
}

fn text_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let text: Vec<String> = b.iter().map(|x| format!("{x:02x}")).collect();
    out.extend_from_slice(text.join(":").as_bytes());
    Ok(())
}

fn send(b: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b);
}

fn mac_recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    if b.len() == 6 { Ok(b.to_vec()) } else { Err(bad_format()) }
}

fn mac8_recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    match b.len() {
        6 => Ok(widen(b)),
        8 => Ok(b.to_vec()),
        _ => Err(bad_format()),
    }
}

/// macaddr.
pub static MACADDR: ByteType = ByteType {
    oid: oid::MACADDR,
    text_in: mac_in,
    text_out,
    recv: mac_recv,
    send,
    typmod: None,
    compare: Some(|a, b| a.cmp(b)),
    put_key: put_fixed_key,
};

/// macaddr8.
pub static MACADDR8: ByteType = ByteType {
    oid: oid::MACADDR8,
    text_in: mac8_in,
    text_out,
    recv: mac8_recv,
    send,
    typmod: None,
    compare: Some(|a, b| a.cmp(b)),
    put_key: put_fixed_key,
};

fn not(b: &[u8]) -> Vec<u8> {
    b.iter().map(|x| !x).collect()
}

fn both(a: &[u8], b: &[u8], f: fn(u8, u8) -> u8) -> Vec<u8> {
    a.iter().zip(b).map(|(x, y)| f(*x, *y)).collect()
}

/// The first three bytes, the others zero.
fn trunc(b: &[u8]) -> Vec<u8> {
    b.iter().enumerate().map(|(i, x)| if i < 3 { *x } else { 0 }).collect()
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!(
        "macaddr_eq",
        "macaddr_ne",
        "macaddr_lt",
        "macaddr_le",
        "macaddr_gt",
        "macaddr_ge",
        |a: &[u8], b: &[u8]| a.cmp(b)
    ),
    &comparisons!(
        "macaddr8_eq",
        "macaddr8_ne",
        "macaddr8_lt",
        "macaddr8_le",
        "macaddr8_gt",
        "macaddr8_ge",
        |a: &[u8], b: &[u8]| a.cmp(b)
    ),
    &[
        scalar!("macaddr_cmp", |a: &[u8], b: &[u8]| sign(a.cmp(b))),
        scalar!("macaddr8_cmp", |a: &[u8], b: &[u8]| sign(a.cmp(b))),
        scalar!("macaddr_not", |a: &[u8]| not(a)),
        scalar!("macaddr8_not", |a: &[u8]| not(a)),
        scalar!("macaddr_and", |a: &[u8], b: &[u8]| both(a, b, |x, y| x & y)),
        scalar!("macaddr8_and", |a: &[u8], b: &[u8]| both(a, b, |x, y| x & y)),
        scalar!("macaddr_or", |a: &[u8], b: &[u8]| both(a, b, |x, y| x | y)),
        scalar!("macaddr8_or", |a: &[u8], b: &[u8]| both(a, b, |x, y| x | y)),
        scalar!("macaddr_trunc", |a: &[u8]| trunc(a)),
        scalar!("macaddr8_trunc", |a: &[u8]| trunc(a)),
        scalar!("macaddrtomacaddr8", |a: &[u8]| widen(a)),
        scalar!("macaddr8tomacaddr", |a: &[u8]| narrow(a)),
        scalar!("macaddr8_set7bit", |a: &[u8]| {
            let mut out = a.to_vec();
            if let Some(first) = out.first_mut() {
                *first |= 2;
            }
            out
        }),
    ],
];
