//! Binary forms of decimals: the wire's, the store's, and the order-preserving key.

use super::var::Var;
use super::{DSCALE_MAX, Numeric, Repr, WEIGHT_MAX};
use rustydb_base::{DbError, Result, SqlState};

const WIRE_NEG: u16 = 0x4000;
const WIRE_NAN: u16 = 0xC000;
const WIRE_PINF: u16 = 0xD000;
const WIRE_NINF: u16 = 0xF000;

/// First byte of the stored form.
mod tag {
    pub const NAN: u8 = 0;
    pub const POS_INF: u8 = 1;
    pub const NEG_INF: u8 = 2;
    /// Coefficient as i128, shortest form; then the scale.
    pub const SMALL: u8 = 3;
    /// Digits; even positive, odd negative.
    pub const BIG_POS: u8 = 4;
    pub const BIG_NEG: u8 = 5;
}

/// First byte of the key; the order is the types' order.
mod class {
    pub const NEG_INF: u8 = 1;
    pub const NEG: u8 = 2;
    pub const ZERO: u8 = 3;
    pub const POS: u8 = 4;
    pub const POS_INF: u8 = 5;
    pub const NAN: u8 = 6;
}

/// Added to a weight so that the key's two bytes are not negative: the lowest weight is about -4100.
const KEY_WEIGHT_BIAS: i32 = 16_384;

fn malformed(what: &str) -> DbError {
    DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, format!("invalid {what} in external \"numeric\" value"))
}

fn corrupt() -> DbError {
    DbError::corrupt("stored numeric is malformed")
}

impl Numeric {
    /// Appends PostgreSQL's binary wire form: digit count, weight, sign, dscale and base-10 000 digits, all int16.
    pub fn write_wire(&self, out: &mut Vec<u8>) {
        let mut put = |v: u16| out.extend_from_slice(&v.to_be_bytes());
        let special = match &self.0 {
            Repr::NaN => Some(WIRE_NAN),
            Repr::PosInf => Some(WIRE_PINF),
            Repr::NegInf => Some(WIRE_NINF),
            _ => None,
        };
        if let Some(sign) = special {
            let dscale = if sign == WIRE_NAN { 0 } else { 0x20 };
            for v in [0, 0, sign, dscale] {
                put(v);
            }
            return;
        }
        let v = self.to_var().unwrap_or_default();
        put(v.digits.len() as u16);
        put(v.weight as i16 as u16);
        put(if v.neg { WIRE_NEG } else { 0 });
        put(v.dscale as u16);
        for &d in &v.digits {
            put(d);
        }
    }

    /// Reads the wire form; 22P03 when malformed.
    pub fn from_wire(b: &[u8]) -> Result<Numeric> {
        let word = |i: usize| b.get(2 * i..2 * i + 2).map(|w| u16::from_be_bytes([w[0], w[1]]));
        let short = || DbError::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message");
        let n = usize::from(word(0).ok_or_else(short)?);
        let weight = i32::from(word(1).ok_or_else(short)? as i16);
        let sign = word(2).ok_or_else(short)?;
        let dscale = word(3).ok_or_else(short)?;
        if !matches!(sign, 0 | WIRE_NEG | WIRE_NAN | WIRE_PINF | WIRE_NINF) {
            return Err(malformed("sign"));
        }
        if i32::from(dscale) > DSCALE_MAX {
            return Err(malformed("scale"));
        }
        let mut digits = Vec::with_capacity(n.min(b.len() / 2));
        for i in 0..n {
            let d = word(4 + i).ok_or_else(short)?;
            if d >= 10_000 {
                return Err(malformed("digit"));
            }
            digits.push(d);
        }
        if b.len() != 8 + 2 * n {
            return Err(DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, "incorrect binary data format"));
        }
        match sign {
            WIRE_NAN => return Ok(Numeric::NAN),
            WIRE_PINF => return Ok(Numeric::INFINITY),
            WIRE_NINF => return Ok(Numeric::NEG_INFINITY),
            _ => {}
        }
        let mut v = Var { neg: sign == WIRE_NEG, weight, dscale: dscale.into(), digits };
        v.strip();
        // Digits a client sends beyond its own display scale are cut, as PostgreSQL does.
        v.trunc(dscale.into());
        Numeric::from_var(v)
    }

    /// Appends the compact self-contained form the store keeps. Its end must be known from outside.
    pub fn to_bytes(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::NaN => out.push(tag::NAN),
            Repr::PosInf => out.push(tag::POS_INF),
            Repr::NegInf => out.push(tag::NEG_INF),
            Repr::Small { scale, .. } => {
                let (coef, _) = self.as_small().unwrap_or_default();
                out.push(tag::SMALL);
                out.extend_from_slice(&scale.to_le_bytes());
                let bytes = coef.to_le_bytes();
                // Drop bytes that only repeat the sign.
                let fill = if coef < 0 { 0xff } else { 0 };
                let mut n = 16;
                while n > 0 && bytes[n - 1] == fill && (n == 1 || (bytes[n - 2] & 0x80) == (fill & 0x80)) {
                    n -= 1;
                }
                if n == 0 && coef < 0 {
                    n = 1;
                }
                out.extend_from_slice(&bytes[..n]);
            }
            Repr::Big(v) => {
                out.push(if v.neg { tag::BIG_NEG } else { tag::BIG_POS });
                out.extend_from_slice(&(v.dscale as u16).to_le_bytes());
                out.extend_from_slice(&(v.weight as i16).to_le_bytes());
                for &d in &v.digits {
                    out.extend_from_slice(&d.to_le_bytes());
                }
            }
        }
    }

    /// Reads what [`Numeric::to_bytes`] wrote; XX001 when malformed.
    pub fn from_bytes(b: &[u8]) -> Result<Numeric> {
        let (&t, rest) = b.split_first().ok_or_else(corrupt)?;
        match (t, rest) {
            (tag::NAN, []) => Ok(Numeric::NAN),
            (tag::POS_INF, []) => Ok(Numeric::INFINITY),
            (tag::NEG_INF, []) => Ok(Numeric::NEG_INFINITY),
            (tag::SMALL, [s0, s1, coef @ ..]) if coef.len() <= 16 => {
                let fill = if coef.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
                let mut buf = [fill; 16];
                buf[..coef.len()].copy_from_slice(coef);
                Numeric::from_i128(i128::from_le_bytes(buf), u16::from_le_bytes([*s0, *s1])).map_err(|_| corrupt())
            }
            (tag::BIG_POS | tag::BIG_NEG, [s0, s1, w0, w1, digits @ ..]) if digits.len() % 2 == 0 => {
                let digits: Vec<u16> = digits.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
                if digits.iter().any(|&d| d >= 10_000) {
                    return Err(corrupt());
                }
                let mut v = Var {
                    neg: t == tag::BIG_NEG,
                    weight: i16::from_le_bytes([*w0, *w1]).into(),
                    dscale: u16::from_le_bytes([*s0, *s1]).into(),
                    digits,
                };
                v.strip();
                Numeric::from_var(v).map_err(|_| corrupt())
            }
            _ => Err(corrupt()),
        }
    }

    /// Appends a key whose byte order is the value order and that is equal exactly for equal values. Self-delimiting.
    ///
    /// A class byte; then for finite values other than zero the biased base-10 000 weight (two bytes) and the digits in
    /// base 100, each plus one, closed by a zero byte; all but the class complemented for negative values.
    pub fn write_key(&self, out: &mut Vec<u8>) {
        let v = match &self.0 {
            Repr::NaN => return out.push(class::NAN),
            Repr::PosInf => return out.push(class::POS_INF),
            Repr::NegInf => return out.push(class::NEG_INF),
            _ => self.to_var().unwrap_or_default(),
        };
        if v.is_zero() {
            return out.push(class::ZERO);
        }
        out.push(if v.neg { class::NEG } else { class::POS });
        let flip = if v.neg { 0xff } else { 0 };
        let mut put = |b: u8| out.push(b ^ flip);
        for b in ((v.weight + KEY_WEIGHT_BIAS) as u16).to_be_bytes() {
            put(b);
        }
        let last = v.digits.len() - 1;
        for (i, &d) in v.digits.iter().enumerate() {
            put((d / 100) as u8 + 1);
            if i < last || d % 100 != 0 {
                put((d % 100) as u8 + 1);
            }
        }
        put(0);
    }

    /// Reads a key written by [`Numeric::write_key`]; returns the value at its minimal scale and the bytes used.
    pub fn from_key(b: &[u8]) -> Result<(Numeric, usize)> {
        let class = *b.first().ok_or_else(corrupt)?;
        let flip = match class {
            class::NAN => return Ok((Numeric::NAN, 1)),
            class::POS_INF => return Ok((Numeric::INFINITY, 1)),
            class::NEG_INF => return Ok((Numeric::NEG_INFINITY, 1)),
            class::ZERO => return Ok((Numeric::ZERO, 1)),
            class::POS => 0,
            class::NEG => 0xff,
            _ => return Err(corrupt()),
        };
        let get = |i: usize| b.get(i).map(|x| x ^ flip).ok_or_else(corrupt);
        let weight = i32::from(u16::from_be_bytes([get(1)?, get(2)?])) - KEY_WEIGHT_BIAS;
        if weight > WEIGHT_MAX {
            return Err(corrupt());
        }
        let mut digits = Vec::new();
        let mut pos = 3;
        loop {
            let hi = get(pos)?;
            pos += 1;
            if hi == 0 {
                break;
            }
            let lo = get(pos)?;
            pos += 1;
            let pair = |x: u8| if (1..=100).contains(&x) { Ok(u16::from(x) - 1) } else { Err(corrupt()) };
            if lo == 0 {
                digits.push(pair(hi)? * 100);
                break;
            }
            digits.push(pair(hi)? * 100 + pair(lo)?);
        }
        let mut v = Var { neg: class == class::NEG, weight, dscale: 0, digits };
        v.strip();
        v.dscale = v.min_scale();
        Ok((Numeric::from_var(v).map_err(|_| corrupt())?, pos))
    }
}
