//! Text form of decimals.

use super::math::overflow;
use super::var::Var;
use super::{Numeric, POW10_38, Repr};
use rustydb_base::{DbError, Result, SqlState};
use std::fmt;
use std::str::FromStr;

fn invalid(s: &str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type numeric: \"{s}\""))
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

impl FromStr for Numeric {
    type Err = DbError;

    fn from_str(s: &str) -> Result<Numeric> {
        let b = s.as_bytes();
        let start = b.iter().position(|&c| !is_space(c)).unwrap_or(b.len());
        let end = b.iter().rposition(|&c| !is_space(c)).map_or(start, |i| i + 1);
        let t = &b[start..end];
        let (neg, body) = match t.first() {
            Some(b'-') => (true, &t[1..]),
            Some(b'+') => (false, &t[1..]),
            _ => (false, t),
        };
        match body.first() {
            Some(b'0'..=b'9' | b'.') => parse_finite(s, neg, body),
            _ if t.eq_ignore_ascii_case(b"nan") => Ok(Numeric::NAN),
            _ if body.eq_ignore_ascii_case(b"infinity") || body.eq_ignore_ascii_case(b"inf") => {
                Ok(if neg { Numeric::NEG_INFINITY } else { Numeric::INFINITY })
            }
            _ => Err(invalid(s)),
        }
    }
}

/// Digits with an optional point and exponent; `all` is the text an error shows.
fn parse_finite(all: &str, neg: bool, b: &[u8]) -> Result<Numeric> {
    let int_len = b.iter().take_while(|c| c.is_ascii_digit()).count();
    let mut pos = int_len;
    let mut frac: &[u8] = &[];
    if b.get(pos) == Some(&b'.') {
        pos += 1;
        let n = b[pos..].iter().take_while(|c| c.is_ascii_digit()).count();
        frac = &b[pos..pos + n];
        pos += n;
    }
    let int = &b[..int_len];
    if int.is_empty() && frac.is_empty() {
        return Err(invalid(all));
    }
    let mut exponent: i64 = 0;
    if matches!(b.get(pos), Some(b'e' | b'E')) {
        pos += 1;
        let exp_neg = match b.get(pos) {
            Some(b'-') => {
                pos += 1;
                true
            }
            Some(b'+') => {
                pos += 1;
                false
            }
            _ => false,
        };
        let digits = &b[pos..];
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(invalid(all));
        }
        for &d in digits {
            exponent = (exponent * 10 + i64::from(d - b'0')).min(i64::from(i32::MAX));
        }
        pos = b.len();
        if exponent >= i64::from(i32::MAX / 2) {
            return Err(overflow());
        }
        if exp_neg {
            exponent = -exponent;
        }
    }
    if pos != b.len() {
        return Err(invalid(all));
    }
    let dscale = (frac.len() as i64 - exponent).max(0);
    // The common case: the digits fit and the exponent does not reach beyond them.
    if int.len() + frac.len() <= 38 && exponent <= 0 {
        if dscale > i64::from(super::DSCALE_MAX) {
            return Err(overflow());
        }
        let mut acc: u128 = 0;
        if int.len() + frac.len() <= 19 {
            let mut small = 0u64;
            for &d in int.iter().chain(frac) {
                small = small * 10 + u64::from(d - b'0');
            }
            acc = small.into();
        } else {
            for &d in int.iter().chain(frac) {
                acc = acc * 10 + u128::from(d - b'0');
            }
        }
        debug_assert!(acc < POW10_38);
        let coef = acc as i128;
        return Ok(Numeric::small_unchecked(if neg { -coef } else { coef }, dscale as u16));
    }
    let mut v = digits_to_var(int, frac, exponent);
    v.neg = neg && !v.is_zero();
    v.dscale = dscale.min(i64::from(i32::MAX)) as i32;
    Numeric::from_var(v)
}

/// Groups decimal digits into base 10 000 with the point moved right by `exponent`.
fn digits_to_var(int: &[u8], frac: &[u8], exponent: i64) -> Var {
    // Digits from the first that is not zero; `point` is the number of digits before the point from there.
    let total = int.len() + frac.len();
    let digit = |i: usize| -> u16 {
        let c = if i < int.len() { int[i] } else { frac[i - int.len()] };
        u16::from(c - b'0')
    };
    let lead = (0..total).take_while(|&i| digit(i) == 0).count();
    if lead == total {
        return Var::zero(0);
    }
    let point = int.len() as i64 - lead as i64 + exponent;
    // The weight of the first group and how many digits it holds.
    let weight = (point - 1).div_euclid(4);
    let mut room = (point - weight * 4) as usize;
    let mut digits = Vec::with_capacity((total - lead) / 4 + 2);
    let mut acc = 0u16;
    for i in lead..total {
        acc = acc * 10 + digit(i);
        room -= 1;
        if room == 0 {
            digits.push(acc);
            acc = 0;
            room = 4;
        }
    }
    if room < 4 {
        for _ in 0..room {
            acc *= 10;
        }
        digits.push(acc);
    }
    let mut v = Var { neg: false, weight: weight.clamp(-1 << 30, 1 << 30) as i32, dscale: 0, digits };
    v.strip();
    v
}

impl Numeric {
    /// Appends the text form.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::NaN => out.extend_from_slice(b"NaN"),
            Repr::PosInf => out.extend_from_slice(b"Infinity"),
            Repr::NegInf => out.extend_from_slice(b"-Infinity"),
            Repr::Big(v) => v.write(out),
            Repr::Small { scale, .. } => {
                let (coef, _) = self.as_small().unwrap_or_default();
                let mut buf = itoa::Buffer::new();
                let u = coef.unsigned_abs();
                let digits = match u64::try_from(u) {
                    Ok(v) => buf.format(v),
                    Err(_) => buf.format(u),
                };
                if coef < 0 {
                    out.push(b'-');
                }
                let scale = usize::from(*scale);
                if scale == 0 {
                    out.extend_from_slice(digits.as_bytes());
                } else if digits.len() > scale {
                    let (int, frac) = digits.as_bytes().split_at(digits.len() - scale);
                    out.extend_from_slice(int);
                    out.push(b'.');
                    out.extend_from_slice(frac);
                } else {
                    out.extend_from_slice(b"0.");
                    out.resize(out.len() + scale - digits.len(), b'0');
                    out.extend_from_slice(digits.as_bytes());
                }
            }
        }
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::with_capacity(40);
        self.write_text(&mut out);
        // Only ASCII is ever written.
        f.write_str(std::str::from_utf8(&out).unwrap_or_default())
    }
}
