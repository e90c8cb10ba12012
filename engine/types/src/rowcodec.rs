//! Values as the store's columns keep them.
//!
//! A column has a physical kind. Fixed kinds are little-endian numbers; `Utf8` and `Bin` are bytes whose length the row
//! knows. `Bin` of bytea is the bytes, of numeric the compact form of [`Numeric::to_bytes`], of everything else a
//! self-describing form (a tag, then the value; lengths as LEB128), so that arrays and rows decode without the catalog.
//! Decoding checks everything: damaged bytes give XX001, never a panic or an unbounded allocation.

use crate::datum::{ArrayValue, Bound, Datum, EnumValue, Interval, MultirangeValue, RangeValue, TypeRef};
use crate::numeric::{self, Numeric};
use crate::oid;
use crate::usertype;
use bytes::Bytes;
use rustydb_base::{DbError, Result};
use std::sync::Arc;

/// How the store keeps a column.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PhysKind {
    /// One byte, 0 or 1.
    Bool,
    /// Two bytes.
    I16,
    /// Four bytes.
    I32,
    /// Eight bytes.
    I64,
    /// Four bytes.
    F32,
    /// Eight bytes.
    F64,
    /// numeric of at most 18 digits: i64 coefficient; `i64::MAX` is NaN.
    Dec64 {
        /// Decimals.
        scale: u8,
    },
    /// numeric of at most 38 digits: i128 coefficient; `i128::MAX` is NaN.
    Dec128 {
        /// Decimals.
        scale: u8,
    },
    /// Sixteen bytes: uuid; timetz as i64 microseconds, i32 seconds west of UTC and four zero bytes.
    Fixed16,
    /// Sixteen bytes: i32 months, i32 days, i64 microseconds.
    Interval,
    /// UTF-8 text.
    Utf8,
    /// Bytes.
    Bin,
}

impl PhysKind {
    /// Bytes of a fixed kind.
    pub fn fixed_width(self) -> Option<usize> {
        Some(match self {
            PhysKind::Bool => 1,
            PhysKind::I16 => 2,
            PhysKind::I32 | PhysKind::F32 => 4,
            PhysKind::I64 | PhysKind::F64 | PhysKind::Dec64 { .. } => 8,
            PhysKind::Dec128 { .. } | PhysKind::Fixed16 | PhysKind::Interval => 16,
            PhysKind::Utf8 | PhysKind::Bin => return None,
        })
    }
}

/// Digits and scale of a numeric column whose values all fit a fixed-point number: `numeric(p,s)` up to 38 digits.
pub fn static_numeric(ty: TypeRef) -> Option<(u8, i8)> {
    let ty = usertype::base(ty);
    if ty.oid != oid::NUMERIC {
        return None;
    }
    let (p, s) = numeric::typmod_parts(ty.typmod)?;
    // Below scale zero the digits left of the point grow; above the precision the fraction has leading zeros.
    let digits = if s < 0 { p - s } else { p.max(s) };
    (1..=38).contains(&digits).then(|| (digits as u8, s.max(0) as i8))
}

/// The kind a column of the type is stored as.
pub fn phys_kind(ty: TypeRef) -> PhysKind {
    let ty = usertype::base(ty);
    match ty.oid {
        oid::BOOL => PhysKind::Bool,
        oid::INT2 => PhysKind::I16,
        oid::INT4 | oid::DATE => PhysKind::I32,
        oid::INT8 | oid::XID8 | oid::PG_LSN | oid::MONEY | oid::TIME | oid::TIMESTAMP | oid::TIMESTAMPTZ => {
            PhysKind::I64
        }
        oid::FLOAT4 => PhysKind::F32,
        oid::FLOAT8 => PhysKind::F64,
        oid::NUMERIC => match static_numeric(ty) {
            Some((p, s)) if p <= 18 => PhysKind::Dec64 { scale: s as u8 },
            Some((_, s)) => PhysKind::Dec128 { scale: s as u8 },
            None => PhysKind::Bin,
        },
        oid::UUID | oid::TIMETZ => PhysKind::Fixed16,
        oid::INTERVAL => PhysKind::Interval,
        o if oid::is_oid_like(o) => PhysKind::I32,
        o if oid::is_text_like(o) || o == oid::VOID => PhysKind::Utf8,
        _ => PhysKind::Bin,
    }
}

/// A built-in type that is stored as this one is: what a dropped column is remembered by, as its own type may be dropped next.
pub fn stored_like(ty: TypeRef) -> TypeRef {
    let base = usertype::base(ty);
    if crate::pgdata::pg_type(base.oid).is_some() {
        return base;
    }
    let oid = match phys_kind(base) {
        PhysKind::I32 => oid::INT4,
        PhysKind::I64 => oid::INT8,
        _ => oid::BYTEA,
    };
    TypeRef { oid, typmod: -1, collation: 0 }
}

fn mismatch(kind: PhysKind, d: &Datum) -> DbError {
    DbError::internal(format!("value {d:?} cannot be stored as {kind:?}"))
}

fn corrupt() -> DbError {
    DbError::corrupt("stored value is malformed")
}

/// Appends a value that is not NULL in its column's kind.
pub fn encode_value(kind: PhysKind, ty: TypeRef, d: &Datum, out: &mut Vec<u8>) -> Result<()> {
    let ty = usertype::base(ty);
    match (kind, d) {
        (PhysKind::Bool, Datum::Bool(v)) => out.push(u8::from(*v)),
        (PhysKind::I16, Datum::Int2(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::I32, Datum::Int4(v) | Datum::Date(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::I32, Datum::Oid(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::I64, Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v)) => {
            out.extend_from_slice(&v.to_le_bytes());
        }
        (PhysKind::F32, Datum::Float4(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::F64, Datum::Float8(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::Dec64 { scale }, Datum::Numeric(n)) => {
            let v = if n.is_nan() {
                i64::MAX
            } else {
                n.to_scaled_i128(scale)
                    .and_then(|v| i64::try_from(v).ok())
                    .filter(|&v| v != i64::MAX)
                    .ok_or_else(|| mismatch(kind, d))?
            };
            out.extend_from_slice(&v.to_le_bytes());
        }
        (PhysKind::Dec128 { scale }, Datum::Numeric(n)) => {
            let v = if n.is_nan() { i128::MAX } else { n.to_scaled_i128(scale).ok_or_else(|| mismatch(kind, d))? };
            out.extend_from_slice(&v.to_le_bytes());
        }
        (PhysKind::Fixed16, Datum::Uuid(u)) => out.extend_from_slice(u),
        (PhysKind::Fixed16, Datum::TimeTz(us, west)) => {
            out.extend_from_slice(&us.to_le_bytes());
            out.extend_from_slice(&west.to_le_bytes());
            out.extend_from_slice(&[0; 4]);
        }
        (PhysKind::Interval, Datum::Interval(v)) => put_interval(v, out),
        (PhysKind::Utf8, Datum::Text(s)) => out.extend_from_slice(s.as_bytes()),
        (PhysKind::Bin, Datum::Bytes(b)) if ty.oid == oid::BYTEA => out.extend_from_slice(b),
        (PhysKind::Bin, Datum::Numeric(n)) if ty.oid == oid::NUMERIC => n.to_bytes(out),
        (PhysKind::Bin, d) if !d.is_null() && ty.oid != oid::BYTEA && ty.oid != oid::NUMERIC => put_any(d, out),
        _ => return Err(mismatch(kind, d)),
    }
    Ok(())
}

fn put_interval(v: &Interval, out: &mut Vec<u8>) {
    out.extend_from_slice(&v.months.to_le_bytes());
    out.extend_from_slice(&v.days.to_le_bytes());
    out.extend_from_slice(&v.micros.to_le_bytes());
}

fn fixed<const N: usize>(b: &[u8]) -> Result<[u8; N]> {
    b.try_into().map_err(|_| corrupt())
}

fn text(b: &[u8]) -> Result<Datum> {
    std::str::from_utf8(b).map(|s| Datum::Text(s.into())).map_err(|_| corrupt())
}

fn interval(b: [u8; 16]) -> Interval {
    let [m0, m1, m2, m3, d0, d1, d2, d3, us @ ..] = b;
    Interval {
        months: i32::from_le_bytes([m0, m1, m2, m3]),
        days: i32::from_le_bytes([d0, d1, d2, d3]),
        micros: i64::from_le_bytes(us),
    }
}

fn timetz(b: [u8; 16]) -> Datum {
    let [us0, us1, us2, us3, us4, us5, us6, us7, z0, z1, z2, z3, ..] = b;
    Datum::TimeTz(i64::from_le_bytes([us0, us1, us2, us3, us4, us5, us6, us7]), i32::from_le_bytes([z0, z1, z2, z3]))
}

/// Reads what [`encode_value`] wrote; XX001 when the bytes are not that.
pub fn decode_value(kind: PhysKind, ty: TypeRef, b: &[u8]) -> Result<Datum> {
    let ty = usertype::base(ty);
    Ok(match kind {
        PhysKind::Bool => Datum::Bool(fixed::<1>(b)?[0] != 0),
        PhysKind::I16 => Datum::Int2(i16::from_le_bytes(fixed(b)?)),
        PhysKind::I32 => {
            let v = i32::from_le_bytes(fixed(b)?);
            match ty.oid {
                oid::DATE => Datum::Date(v),
                o if oid::is_oid_like(o) => Datum::Oid(v as u32),
                _ => Datum::Int4(v),
            }
        }
        PhysKind::I64 => {
            let v = i64::from_le_bytes(fixed(b)?);
            match ty.oid {
                oid::TIME => Datum::Time(v),
                oid::TIMESTAMP => Datum::Timestamp(v),
                oid::TIMESTAMPTZ => Datum::TimestampTz(v),
                _ => Datum::Int8(v),
            }
        }
        PhysKind::F32 => Datum::Float4(f32::from_le_bytes(fixed(b)?)),
        PhysKind::F64 => Datum::Float8(f64::from_le_bytes(fixed(b)?)),
        PhysKind::Dec64 { scale } => Datum::Numeric(match i64::from_le_bytes(fixed(b)?) {
            i64::MAX => Numeric::NAN,
            v => Numeric::from_i128(v.into(), scale.into()).map_err(|_| corrupt())?,
        }),
        PhysKind::Dec128 { scale } => Datum::Numeric(match i128::from_le_bytes(fixed(b)?) {
            i128::MAX => Numeric::NAN,
            v => Numeric::from_i128(v, scale.into()).map_err(|_| corrupt())?,
        }),
        PhysKind::Fixed16 if ty.oid == oid::TIMETZ => timetz(fixed(b)?),
        PhysKind::Fixed16 => Datum::Uuid(fixed(b)?),
        PhysKind::Interval => Datum::Interval(interval(fixed(b)?)),
        PhysKind::Utf8 => text(b)?,
        PhysKind::Bin => match ty.oid {
            oid::BYTEA => Datum::Bytes(Bytes::copy_from_slice(b)),
            oid::NUMERIC => Datum::Numeric(Numeric::from_bytes(b)?),
            _ => {
                let mut c = Cursor(b);
                let d = c.any(0)?;
                if !c.0.is_empty() {
                    return Err(corrupt());
                }
                d
            }
        },
    })
}

/// Tags of the self-describing form. They are stored: never reuse one.
mod tag {
    pub const NULL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const INT2: u8 = 3;
    pub const INT4: u8 = 4;
    pub const INT8: u8 = 5;
    pub const FLOAT4: u8 = 6;
    pub const FLOAT8: u8 = 7;
    pub const OID: u8 = 8;
    pub const NUMERIC: u8 = 9;
    pub const TEXT: u8 = 10;
    pub const BYTES: u8 = 11;
    pub const DATE: u8 = 12;
    pub const TIME: u8 = 13;
    pub const TIMETZ: u8 = 14;
    pub const TIMESTAMP: u8 = 15;
    pub const TIMESTAMPTZ: u8 = 16;
    pub const INTERVAL: u8 = 17;
    pub const UUID: u8 = 18;
    pub const ARRAY: u8 = 19;
    pub const ROW: u8 = 20;
    pub const ENUM: u8 = 21;
    pub const RANGE: u8 = 22;
    pub const MULTIRANGE: u8 = 23;
}

fn put_varint(mut v: u64, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn put_sized(b: &[u8], out: &mut Vec<u8>) {
    put_varint(b.len() as u64, out);
    out.extend_from_slice(b);
}

/// Appends any value, NULL too, in the self-describing form.
pub fn put_any(d: &Datum, out: &mut Vec<u8>) {
    let mut fixed = |t: u8, b: &[u8]| {
        out.push(t);
        out.extend_from_slice(b);
    };
    match d {
        Datum::Null => fixed(tag::NULL, &[]),
        Datum::Bool(v) => fixed(if *v { tag::TRUE } else { tag::FALSE }, &[]),
        Datum::Int2(v) => fixed(tag::INT2, &v.to_le_bytes()),
        Datum::Int4(v) => fixed(tag::INT4, &v.to_le_bytes()),
        Datum::Int8(v) => fixed(tag::INT8, &v.to_le_bytes()),
        Datum::Float4(v) => fixed(tag::FLOAT4, &v.to_le_bytes()),
        Datum::Float8(v) => fixed(tag::FLOAT8, &v.to_le_bytes()),
        Datum::Oid(v) => fixed(tag::OID, &v.to_le_bytes()),
        Datum::Date(v) => fixed(tag::DATE, &v.to_le_bytes()),
        Datum::Time(v) => fixed(tag::TIME, &v.to_le_bytes()),
        Datum::Timestamp(v) => fixed(tag::TIMESTAMP, &v.to_le_bytes()),
        Datum::TimestampTz(v) => fixed(tag::TIMESTAMPTZ, &v.to_le_bytes()),
        Datum::Uuid(u) => fixed(tag::UUID, u),
        Datum::TimeTz(us, west) => {
            fixed(tag::TIMETZ, &us.to_le_bytes());
            out.extend_from_slice(&west.to_le_bytes());
        }
        Datum::Interval(v) => {
            out.push(tag::INTERVAL);
            put_interval(v, out);
        }
        Datum::Numeric(n) => {
            out.push(tag::NUMERIC);
            let mut b = Vec::with_capacity(20);
            n.to_bytes(&mut b);
            put_sized(&b, out);
        }
        Datum::Text(s) => {
            out.push(tag::TEXT);
            put_sized(s.as_bytes(), out);
        }
        Datum::Bytes(b) => {
            out.push(tag::BYTES);
            put_sized(b, out);
        }
        Datum::Array(a) => {
            out.push(tag::ARRAY);
            put_varint(a.elem.into(), out);
            out.push(a.dims.len() as u8);
            for (len, lower) in &a.dims {
                out.extend_from_slice(&len.to_le_bytes());
                out.extend_from_slice(&lower.to_le_bytes());
            }
            put_varint(a.items.len() as u64, out);
            for item in &a.items {
                put_any(item, out);
            }
        }
        Datum::Row(fields) => {
            out.push(tag::ROW);
            put_varint(fields.len() as u64, out);
            for (ty, d) in fields.iter() {
                put_type(*ty, out);
                put_any(d, out);
            }
        }
        Datum::Enum(v) => {
            out.push(tag::ENUM);
            out.extend_from_slice(&v.order.to_le_bytes());
            out.extend_from_slice(&v.oid.to_le_bytes());
        }
        Datum::Range(r) => {
            out.push(tag::RANGE);
            put_type(r.sub, out);
            put_range(r, out);
        }
        Datum::Multirange(m) => {
            out.push(tag::MULTIRANGE);
            put_type(m.sub, out);
            put_varint(m.ranges.len() as u64, out);
            m.ranges.iter().for_each(|r| put_range(r, out));
        }
    }
}

fn put_type(ty: TypeRef, out: &mut Vec<u8>) {
    put_varint(ty.oid.into(), out);
    out.extend_from_slice(&ty.typmod.to_le_bytes());
    put_varint(ty.collation.into(), out);
}

/// Bits of a range's flag byte.
mod flag {
    pub const EMPTY: u8 = 1;
    pub const LOWER_INC: u8 = 2;
    pub const UPPER_INC: u8 = 4;
    pub const LOWER_INF: u8 = 8;
    pub const UPPER_INF: u8 = 16;
}

/// A range without its subtype: flags, then the finite bounds.
fn put_range(r: &RangeValue, out: &mut Vec<u8>) {
    if r.empty {
        out.push(flag::EMPTY);
        return;
    }
    let set = |on: bool, f: u8| if on { f } else { 0 };
    out.push(
        set(r.lower.inclusive, flag::LOWER_INC)
            | set(r.upper.inclusive, flag::UPPER_INC)
            | set(r.lower.value.is_none(), flag::LOWER_INF)
            | set(r.upper.value.is_none(), flag::UPPER_INF),
    );
    r.lower.value.iter().chain(&r.upper.value).for_each(|d| put_any(d, out));
}

/// Reads one value of the self-describing form that fills the bytes exactly.
pub fn read_any(b: &[u8]) -> Result<Datum> {
    let mut c = Cursor(b);
    let d = c.any(0)?;
    if c.0.is_empty() { Ok(d) } else { Err(corrupt()) }
}

/// Rows in rows (and arrays of rows) nest no deeper than this.
const MAX_DEPTH: u32 = 64;

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(corrupt)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        fixed(self.take(N)?)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let [b] = self.array()?;
            v |= u64::from(b & 0x7f).checked_shl(shift).ok_or_else(corrupt)?;
            if b & 0x80 == 0 {
                return Ok(v);
            }
        }
        Err(corrupt())
    }

    fn varint32(&mut self) -> Result<u32> {
        u32::try_from(self.varint()?).map_err(|_| corrupt())
    }

    /// A count of things that take at least a byte each, so that it cannot exceed what is left.
    fn count(&mut self) -> Result<usize> {
        let n = usize::try_from(self.varint()?).map_err(|_| corrupt())?;
        if n > self.0.len() { Err(corrupt()) } else { Ok(n) }
    }

    fn type_ref(&mut self) -> Result<TypeRef> {
        let oid = self.varint32()?;
        let typmod = i32::from_le_bytes(self.array()?);
        Ok(TypeRef { oid, typmod, collation: self.varint32()? })
    }

    fn range(&mut self, sub: TypeRef, depth: u32) -> Result<RangeValue> {
        let [flags] = self.array()?;
        let has = |f: u8| flags & f != 0;
        if has(flag::EMPTY) {
            return Ok(RangeValue { sub, empty: true, lower: Bound::default(), upper: Bound::default() });
        }
        let mut bound = |infinite: bool, inclusive: bool| -> Result<Bound> {
            Ok(if infinite { Bound::default() } else { Bound { value: Some(self.any(depth)?), inclusive } })
        };
        let lower = bound(has(flag::LOWER_INF), has(flag::LOWER_INC))?;
        let upper = bound(has(flag::UPPER_INF), has(flag::UPPER_INC))?;
        Ok(RangeValue { sub, empty: false, lower, upper })
    }

    fn any(&mut self, depth: u32) -> Result<Datum> {
        if depth > MAX_DEPTH {
            return Err(corrupt());
        }
        let [t] = self.array()?;
        Ok(match t {
            tag::NULL => Datum::Null,
            tag::FALSE => Datum::Bool(false),
            tag::TRUE => Datum::Bool(true),
            tag::INT2 => Datum::Int2(i16::from_le_bytes(self.array()?)),
            tag::INT4 => Datum::Int4(i32::from_le_bytes(self.array()?)),
            tag::INT8 => Datum::Int8(i64::from_le_bytes(self.array()?)),
            tag::FLOAT4 => Datum::Float4(f32::from_le_bytes(self.array()?)),
            tag::FLOAT8 => Datum::Float8(f64::from_le_bytes(self.array()?)),
            tag::OID => Datum::Oid(u32::from_le_bytes(self.array()?)),
            tag::DATE => Datum::Date(i32::from_le_bytes(self.array()?)),
            tag::TIME => Datum::Time(i64::from_le_bytes(self.array()?)),
            tag::TIMESTAMP => Datum::Timestamp(i64::from_le_bytes(self.array()?)),
            tag::TIMESTAMPTZ => Datum::TimestampTz(i64::from_le_bytes(self.array()?)),
            tag::UUID => Datum::Uuid(self.array()?),
            tag::TIMETZ => {
                let us = i64::from_le_bytes(self.array()?);
                Datum::TimeTz(us, i32::from_le_bytes(self.array()?))
            }
            tag::INTERVAL => Datum::Interval(interval(self.array()?)),
            tag::NUMERIC => {
                let n = self.count()?;
                Datum::Numeric(Numeric::from_bytes(self.take(n)?)?)
            }
            tag::TEXT => {
                let n = self.count()?;
                text(self.take(n)?)?
            }
            tag::BYTES => {
                let n = self.count()?;
                Datum::Bytes(Bytes::copy_from_slice(self.take(n)?))
            }
            tag::ARRAY => {
                let elem = self.varint32()?;
                let [ndim] = self.array()?;
                let mut dims = Vec::with_capacity(ndim.into());
                let mut total = i64::from(ndim > 0);
                for _ in 0..ndim {
                    let len = i32::from_le_bytes(self.array()?);
                    let lower = i32::from_le_bytes(self.array()?);
                    total = total.checked_mul(len.into()).ok_or_else(corrupt)?;
                    dims.push((len, lower));
                }
                let n = self.count()?;
                if usize::from(ndim) > crate::io::array::MAX_DIMS || total != n as i64 {
                    return Err(corrupt());
                }
                let mut items = Vec::with_capacity(n);
                for _ in 0..n {
                    items.push(self.any(depth + 1)?);
                }
                Datum::Array(Arc::new(ArrayValue { elem, dims, items }))
            }
            tag::ROW => {
                let n = self.count()?;
                let mut fields = Vec::with_capacity(n);
                for _ in 0..n {
                    fields.push((self.type_ref()?, self.any(depth + 1)?));
                }
                Datum::Row(fields.into())
            }
            tag::ENUM => {
                let order = f32::from_le_bytes(self.array()?);
                Datum::Enum(EnumValue { order, oid: u32::from_le_bytes(self.array()?) })
            }
            tag::RANGE => {
                let sub = self.type_ref()?;
                Datum::Range(Arc::new(self.range(sub, depth + 1)?))
            }
            tag::MULTIRANGE => {
                let sub = self.type_ref()?;
                let n = self.count()?;
                let ranges = (0..n).map(|_| self.range(sub, depth + 1)).collect::<Result<_>>()?;
                Datum::Multirange(Arc::new(MultirangeValue { sub, ranges }))
            }
            _ => return Err(corrupt()),
        })
    }
}

#[cfg(test)]
mod tests;
