//! Text forms of bool, the integers, oid and its kin, "char", bytea and uuid.

use super::invalid_syntax;
use rustydb_base::{DbError, Result, SqlState};

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn trim(b: &[u8]) -> &[u8] {
    let start = b.iter().position(|&c| !is_space(c)).unwrap_or(b.len());
    let end = b.iter().rposition(|&c| !is_space(c)).map_or(start, |i| i + 1);
    &b[start..end]
}

/// Reads a bool: any unique prefix of true, false, yes, no, on, off, or 1 and 0.
pub fn bool_in(s: &str) -> Result<bool> {
    let t = trim(s.as_bytes());
    let prefix = |word: &[u8], least: usize| {
        t.len() >= least && t.len() <= word.len() && word[..t.len()].eq_ignore_ascii_case(t)
    };
    if prefix(b"true", 1) || prefix(b"yes", 1) || prefix(b"on", 2) || t == b"1" {
        Ok(true)
    } else if prefix(b"false", 1) || prefix(b"no", 1) || prefix(b"off", 2) || t == b"0" {
        Ok(false)
    } else {
        Err(invalid_syntax("boolean", s))
    }
}

/// Why a text is not an integer.
enum Bad {
    Syntax,
    Range,
}

/// An integer between `min` and `max`; blanks around are allowed. As in PostgreSQL, a number that leaves the range
/// before a bad character is met is out of range, not bad syntax.
#[inline]
fn bounded(s: &str, min: i64, max: i64) -> std::result::Result<i64, Bad> {
    let t = trim(s.as_bytes());
    let (neg, digits) = match t {
        [b'-', d @ ..] => (true, d),
        [b'+', d @ ..] => (false, d),
        d => (false, d),
    };
    if digits.is_empty() {
        return Err(Bad::Syntax);
    }
    // Counted down from zero: the negative range is the larger one.
    let floor = if neg { min } else { -max };
    let mut v = 0i64;
    for &c in digits {
        if !c.is_ascii_digit() {
            return Err(Bad::Syntax);
        }
        v = v
            .checked_mul(10)
            .and_then(|v| v.checked_sub(i64::from(c - b'0')))
            .filter(|&v| v >= floor)
            .ok_or(Bad::Range)?;
    }
    Ok(if neg { v } else { -v })
}

fn int_in<T: TryFrom<i64>>(s: &str, type_name: &str, min: i64, max: i64) -> Result<T> {
    bounded(s, min, max).and_then(|v| T::try_from(v).map_err(|_| Bad::Range)).map_err(|b| match b {
        Bad::Syntax => invalid_syntax(type_name, s),
        Bad::Range => DbError::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("value \"{s}\" is out of range for type {type_name}"),
        ),
    })
}

/// Reads a smallint.
pub fn int2_in(s: &str) -> Result<i16> {
    int_in(s, "smallint", i16::MIN.into(), i16::MAX.into())
}

/// Reads an integer.
pub fn int4_in(s: &str) -> Result<i32> {
    int_in(s, "integer", i32::MIN.into(), i32::MAX.into())
}

/// Reads a bigint.
pub fn int8_in(s: &str) -> Result<i64> {
    int_in(s, "bigint", i64::MIN, i64::MAX)
}

/// Reads an oid; as in PostgreSQL negative numbers down to -2147483648 wrap.
pub fn oid_in(s: &str) -> Result<u32> {
    let v: i64 = int_in(s, "oid", i32::MIN.into(), u32::MAX.into())?;
    // The bounds let only 32 bits through, whichever way they are read.
    Ok(v as u32)
}

/// Reads an xid, cid or xid8 as PostgreSQL 15 does: C's `strtoul` with base 0, which stops at what it cannot read.
pub fn xid_in(s: &str) -> u64 {
    let t = trim(s.as_bytes());
    let (neg, t) = match t {
        [b'-', d @ ..] => (true, d),
        [b'+', d @ ..] => (false, d),
        d => (false, d),
    };
    let (base, t) = match t {
        [b'0', b'x' | b'X', d @ ..] => (16, d),
        [b'0', ..] => (8, t),
        d => (10, d),
    };
    let mut v = 0u64;
    for &c in t {
        let Some(d) = (c as char).to_digit(base) else { break };
        v = v.saturating_mul(base.into()).saturating_add(d.into());
    }
    if neg { v.wrapping_neg() } else { v }
}

/// Reads a "char": its first byte. A byte that is not ASCII is kept in the octal form `\ooo`, so that the value stays
/// valid text.
pub fn char_in(s: &str) -> String {
    match s.as_bytes() {
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
            char_from_byte(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'))
        }
        [first, ..] => char_from_byte(*first),
        [] => String::new(),
    }
}

/// Text of a "char" with this byte.
pub fn char_from_byte(b: u8) -> String {
    match b {
        0 => String::new(),
        1..=127 => (b as char).to_string(),
        _ => format!("\\{b:03o}"),
    }
}

/// Byte of a "char"'s text.
pub fn char_to_byte(s: &str) -> u8 {
    match s.as_bytes() {
        [b'\\', a, b, c] if [a, b, c].iter().all(|d| (b'0'..=b'7').contains(d)) && *a <= b'3' => {
            ((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0')
        }
        [first, ..] => *first,
        [] => 0,
    }
}

fn hex(c: u8) -> Option<u8> {
    (c as char).to_digit(16).map(|d| d as u8)
}

/// Reads a bytea, hex or escape form.
pub fn bytea_in(s: &str) -> Result<Vec<u8>> {
    let b = s.as_bytes();
    let bad_param = |m: String| DbError::new(SqlState::INVALID_PARAMETER_VALUE, m);
    if let [b'\\', b'x', digits @ ..] = b {
        let mut out = Vec::with_capacity(digits.len() / 2);
        let mut i = 0;
        while i < digits.len() {
            if matches!(digits[i], b' ' | b'\n' | b'\t' | b'\r') {
                i += 1;
                continue;
            }
            let bad = |at: usize| {
                // The whole character, in case it has several bytes.
                let c = s[2..].get(at..).and_then(|r| r.chars().next()).unwrap_or('\u{fffd}');
                bad_param(format!("invalid hexadecimal digit: \"{c}\""))
            };
            let hi = hex(digits[i]).ok_or_else(|| bad(i))?;
            let Some(&lo) = digits.get(i + 1) else {
                return Err(bad_param("invalid hexadecimal data: odd number of digits".into()));
            };
            let lo = hex(lo).ok_or_else(|| bad(i + 1))?;
            out.push(hi << 4 | lo);
            i += 2;
        }
        return Ok(out);
    }
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        match &b[i..] {
            [b'\\', b'\\', ..] => {
                out.push(b'\\');
                i += 2;
            }
            [b'\\', x @ b'0'..=b'3', y @ b'0'..=b'7', z @ b'0'..=b'7', ..] => {
                out.push((x - b'0') << 6 | (y - b'0') << 3 | (z - b'0'));
                i += 4;
            }
            [b'\\', ..] => {
                return Err(DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea"));
            }
            _ => {
                out.push(b[i]);
                i += 1;
            }
        }
    }
    Ok(out)
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn put_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() * 2);
    for &b in bytes {
        out.push(HEX[usize::from(b >> 4)]);
        out.push(HEX[usize::from(b & 15)]);
    }
}

/// Appends a bytea.
pub fn bytea_out(b: &[u8], as_hex: bool, out: &mut Vec<u8>) {
    if as_hex {
        out.extend_from_slice(b"\\x");
        put_hex(out, b);
        return;
    }
    for &c in b {
        match c {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..=0x7e => out.push(c),
            _ => out.extend_from_slice(&[b'\\', b'0' + (c >> 6), b'0' + (c >> 3 & 7), b'0' + (c & 7)]),
        }
    }
}

/// Reads a uuid: 32 hexadecimal digits, hyphens allowed after each four, braces around allowed.
pub fn uuid_in(s: &str) -> Result<[u8; 16]> {
    let bad = || invalid_syntax("uuid", s);
    let mut b = s.as_bytes();
    let braced = b.first() == Some(&b'{');
    if braced {
        b = &b[1..];
    }
    let mut out = [0u8; 16];
    for (i, slot) in out.iter_mut().enumerate() {
        let [hi, lo, rest @ ..] = b else { return Err(bad()) };
        *slot = hex(*hi).ok_or_else(bad)? << 4 | hex(*lo).ok_or_else(bad)?;
        b = rest;
        if i % 2 == 1 && i < 15 && b.first() == Some(&b'-') {
            b = &b[1..];
        }
    }
    if braced {
        b = b.strip_prefix(b"}").ok_or_else(bad)?;
    }
    if b.is_empty() { Ok(out) } else { Err(bad()) }
}

/// Appends a uuid.
pub fn uuid_out(u: &[u8; 16], out: &mut Vec<u8>) {
    for (i, part) in [&u[..4], &u[4..6], &u[6..8], &u[8..10], &u[10..]].into_iter().enumerate() {
        if i > 0 {
            out.push(b'-');
        }
        put_hex(out, part);
    }
}
