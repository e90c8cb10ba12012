//! Binary wire forms. Integers are big-endian; what each type sends is PostgreSQL's `typsend`.

use super::array::{MAX_DIMS, array_too_big};
use super::{OutCtx, anonymous_record, checked_text, json, mismatch, range, scalar, user};
use crate::bytetype::byte_type;
use crate::ctx::EvalCtx;
use crate::datetime::{self, USECS_PER_DAY};
use crate::datum::{ArrayValue, Datum, Interval, TypeRef};
use crate::numeric::Numeric;
use crate::typmod::apply_typmod;
use crate::{oid, usertype};
use bytes::Bytes;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// Version of the binary form of jsonpath.
const JSONPATH_VERSION: u8 = 1;

pub(crate) fn bad_format() -> DbError {
    DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, "incorrect binary data format")
}

pub(crate) fn short() -> DbError {
    DbError::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message")
}

/// Exactly `N` bytes.
fn fixed<const N: usize>(b: &[u8]) -> Result<[u8; N]> {
    if b.len() < N {
        return Err(short());
    }
    b.try_into().map_err(|_| bad_format())
}

pub(crate) fn utf8(b: &[u8]) -> Result<&str> {
    let s = std::str::from_utf8(b).map_err(|e| {
        let at = e.valid_up_to();
        let len = e.error_len().unwrap_or(b.len() - at).clamp(1, 4);
        let hex: Vec<String> = b[at..(at + len).min(b.len())].iter().map(|x| format!("0x{x:02x}")).collect();
        DbError::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!("invalid byte sequence for encoding \"UTF8\": {}", hex.join(" ")),
        )
    })?;
    checked_text(s)
}

fn datetime_range(what: &'static str) -> DbError {
    DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, what)
}

fn time_checked(us: i64) -> Result<i64> {
    if (0..=USECS_PER_DAY).contains(&us) { Ok(us) } else { Err(datetime_range("time out of range")) }
}

fn timestamp_checked(ts: i64) -> Result<i64> {
    if datetime::is_infinite(ts) || datetime::is_valid_timestamp(ts) {
        Ok(ts)
    } else {
        Err(datetime::timestamp_out_of_range())
    }
}

/// Reads a value from its binary form and applies the type's modifier. 22P03 or 08P01 when malformed.
pub fn binary_in(ctx: &EvalCtx, ty: TypeRef, b: &[u8]) -> Result<Datum> {
    let d = match ty.oid {
        oid::BOOL => Datum::Bool(fixed::<1>(b)?[0] != 0),
        oid::INT2 => Datum::Int2(i16::from_be_bytes(fixed(b)?)),
        oid::INT4 => Datum::Int4(i32::from_be_bytes(fixed(b)?)),
        oid::INT8 | oid::XID8 | oid::PG_LSN | oid::MONEY => Datum::Int8(i64::from_be_bytes(fixed(b)?)),
        oid::FLOAT4 => Datum::Float4(f32::from_be_bytes(fixed(b)?)),
        oid::FLOAT8 => Datum::Float8(f64::from_be_bytes(fixed(b)?)),
        oid::NUMERIC => Datum::Numeric(Numeric::from_wire(b)?),
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::UNKNOWN | oid::CSTRING | oid::REFCURSOR => {
            Datum::Text(utf8(b)?.into())
        }
        oid::NAME => {
            let s = utf8(b)?;
            if s.len() > 63 {
                return Err(DbError::new(SqlState::NAME_TOO_LONG, "identifier too long")
                    .detail("Identifier must be less than 64 characters."));
            }
            Datum::Text(s.into())
        }
        oid::CHAR => Datum::Text(scalar::char_from_byte(fixed::<1>(b)?[0]).into()),
        oid::JSON => {
            let s = utf8(b)?;
            json::validate(s)?;
            Datum::Text(s.into())
        }
        oid::XML => {
            let s = utf8(b)?;
            crate::xml::text_in(ctx, s)?;
            Datum::Text(s.into())
        }
        oid::JSONPATH => match b.split_first() {
            Some((&JSONPATH_VERSION, text)) => Datum::Text(crate::jsonpath::parse(utf8(text)?)?.to_string().into()),
            Some((v, _)) => return Err(DbError::internal(format!("unsupported jsonpath version number {v}"))),
            None => return Err(bad_format()),
        },
        oid::BYTEA => Datum::Bytes(Bytes::copy_from_slice(b)),
        oid::UUID => Datum::Uuid(fixed(b)?),
        oid::DATE => {
            let d = i32::from_be_bytes(fixed(b)?);
            if !datetime::is_infinite_date(d) && !(datetime::MIN_DATE..datetime::END_DATE).contains(&d) {
                return Err(datetime::date_out_of_range());
            }
            Datum::Date(d)
        }
        oid::TIME => Datum::Time(time_checked(i64::from_be_bytes(fixed(b)?))?),
        oid::TIMETZ => {
            let v: [u8; 12] = fixed(b)?;
            let [us @ .., z0, z1, z2, z3] = v;
            let west = i32::from_be_bytes([z0, z1, z2, z3]);
            if west <= -16 * 3600 || west >= 16 * 3600 {
                return Err(DbError::new(
                    SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                    "time zone displacement out of range",
                ));
            }
            Datum::TimeTz(time_checked(i64::from_be_bytes(us))?, west)
        }
        oid::TIMESTAMP => Datum::Timestamp(timestamp_checked(i64::from_be_bytes(fixed(b)?))?),
        oid::TIMESTAMPTZ => Datum::TimestampTz(timestamp_checked(i64::from_be_bytes(fixed(b)?))?),
        oid::INTERVAL => {
            let v: [u8; 16] = fixed(b)?;
            let [us @ .., d0, d1, d2, d3, m0, m1, m2, m3] = v;
            Datum::Interval(Interval {
                months: i32::from_be_bytes([m0, m1, m2, m3]),
                days: i32::from_be_bytes([d0, d1, d2, d3]),
                micros: i64::from_be_bytes(us),
            })
        }
        oid::VOID => Datum::Text(Default::default()),
        oid::RECORD => return Err(anonymous_record()),
        oid::INT2VECTOR => {
            let d = array_recv(ctx, TypeRef::new(oid::INT2), b)?;
            return vector(d, "int2vector");
        }
        oid::OIDVECTOR => {
            let d = array_recv(ctx, TypeRef::new(oid::OID), b)?;
            return vector(d, "oidvector");
        }
        o if oid::is_oid_like(o) => Datum::Oid(u32::from_be_bytes(fixed(b)?)),
        o => match oid::array_element(o) {
            Some(elem) => return array_recv(ctx, TypeRef { oid: elem, ..ty }, b),
            None => match byte_type(o) {
                Some(t) => Datum::Bytes((t.recv)(ctx, b)?.into()),
                None => return user::read(ctx, ty, user::Form::Binary(b)),
            },
        },
    };
    if ty.typmod < 0 { Ok(d) } else { apply_typmod(ty, d, false) }
}

/// int2vector and oidvector are one-dimensional, from 0, without NULLs.
fn vector(d: Datum, name: &str) -> Result<Datum> {
    if let Datum::Array(a) = &d
        && a.items.is_empty()
    {
        return Ok(Datum::Array(Arc::new(ArrayValue { elem: a.elem, dims: vec![(0, 0)], items: Vec::new() })));
    }
    if let Datum::Array(a) = &d
        && a.dims.len() == 1
        && a.dims[0].1 == 0
        && !a.items.iter().any(Datum::is_null)
    {
        return Ok(d);
    }
    Err(DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, format!("invalid {name} data")))
}

pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(short)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(fixed(self.take(4)?)?))
    }
}

fn array_recv(ctx: &EvalCtx, elem: TypeRef, b: &[u8]) -> Result<Datum> {
    let invalid = |m: String| DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, m);
    let mut c = Cursor(b);
    let ndim = c.i32()?;
    if ndim < 0 {
        return Err(invalid(format!("invalid number of dimensions: {ndim}")));
    }
    if ndim as usize > MAX_DIMS {
        return Err(DbError::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("number of array dimensions ({ndim}) exceeds the maximum allowed ({MAX_DIMS})"),
        ));
    }
    if !matches!(c.i32()?, 0 | 1) {
        return Err(invalid("invalid array flags".into()));
    }
    let sent = c.i32()? as u32;
    if sent != elem.oid {
        let name = |o: u32| crate::typename::format_type(o, -1);
        return Err(DbError::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "binary data has array element type {sent} ({}) instead of expected {} ({})",
                name(sent),
                elem.oid,
                name(elem.oid)
            ),
        ));
    }
    let mut dims = Vec::with_capacity(ndim as usize);
    let mut total: i64 = 1;
    for _ in 0..ndim {
        let (len, lower) = (c.i32()?, c.i32()?);
        if len < 0 {
            return Err(array_too_big());
        }
        if lower.checked_add(len).is_none() {
            return Err(DbError::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("array lower bound is too large: {lower}"),
            ));
        }
        total = total.checked_mul(len.into()).filter(|&t| t <= i64::from(i32::MAX / 16)).ok_or_else(array_too_big)?;
        dims.push((len, lower));
    }
    if ndim == 0 || total == 0 {
        if !c.0.is_empty() {
            return Err(bad_format());
        }
        return Ok(Datum::Array(Arc::new(ArrayValue { elem: elem.oid, dims: Vec::new(), items: Vec::new() })));
    }
    // Each element takes four bytes at least, so a lying count cannot reserve much.
    let mut items = Vec::with_capacity((total as usize).min(c.0.len() / 4));
    for _ in 0..total {
        let len = c.i32()?;
        items.push(match len {
            -1 => Datum::Null,
            n if n < 0 => return Err(bad_format()),
            n => binary_in(ctx, elem, c.take(n as usize)?)?,
        });
    }
    if !c.0.is_empty() {
        return Err(bad_format());
    }
    Ok(Datum::Array(Arc::new(ArrayValue { elem: elem.oid, dims, items })))
}

/// Appends a value's binary form, without its length. NULL adds nothing.
pub fn binary_out(ctx: OutCtx<'_>, ty: TypeRef, d: &Datum, out: &mut Vec<u8>) -> Result<()> {
    let ty = usertype::base(ty);
    match d {
        Datum::Null => {}
        Datum::Bool(b) => out.push(u8::from(*b)),
        Datum::Int2(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Int4(v) | Datum::Date(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) => {
            out.extend_from_slice(&v.to_be_bytes());
        }
        Datum::Float4(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Float8(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Oid(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Numeric(n) => n.write_wire(out),
        Datum::Text(s) if ty.oid == oid::CHAR => out.push(scalar::char_to_byte(s)),
        Datum::Text(s) if ty.oid == oid::JSONPATH => {
            out.push(JSONPATH_VERSION);
            out.extend_from_slice(s.as_bytes());
        }
        Datum::Text(s) if ty.oid == oid::XML => crate::xml::text_out(s, out),
        Datum::Text(s) => out.extend_from_slice(s.as_bytes()),
        Datum::Bytes(b) if ty.oid == oid::BYTEA => out.extend_from_slice(b),
        Datum::Bytes(b) => match byte_type(ty.oid) {
            Some(t) => (t.send)(b, out),
            None => return Err(mismatch(ty.oid, d)),
        },
        Datum::TimeTz(us, west) => {
            out.extend_from_slice(&us.to_be_bytes());
            out.extend_from_slice(&west.to_be_bytes());
        }
        Datum::Interval(v) => {
            out.extend_from_slice(&v.micros.to_be_bytes());
            out.extend_from_slice(&v.days.to_be_bytes());
            out.extend_from_slice(&v.months.to_be_bytes());
        }
        Datum::Uuid(u) => out.extend_from_slice(u),
        Datum::Array(a) => {
            let has_null = a.items.iter().any(Datum::is_null);
            out.extend_from_slice(&(a.dims.len() as i32).to_be_bytes());
            out.extend_from_slice(&i32::from(has_null).to_be_bytes());
            out.extend_from_slice(&a.elem.to_be_bytes());
            for (len, lower) in &a.dims {
                out.extend_from_slice(&len.to_be_bytes());
                out.extend_from_slice(&lower.to_be_bytes());
            }
            let elem = TypeRef::new(a.elem);
            for item in &a.items {
                with_length(ctx, elem, item, out)?;
            }
        }
        Datum::Row(fields) => {
            out.extend_from_slice(&(fields.len() as i32).to_be_bytes());
            for (ty, item) in fields.iter() {
                out.extend_from_slice(&ty.oid.to_be_bytes());
                with_length(ctx, *ty, item, out)?;
            }
        }
        Datum::Enum(v) => user::enum_out(ctx, ty, *v, out)?,
        Datum::Range(r) => range::range_send(ctx, r, out)?,
        Datum::Multirange(m) => range::multirange_send(ctx, m, out)?,
    }
    Ok(())
}

/// Appends a value with its four-byte length, -1 for NULL.
pub(super) fn with_length(ctx: OutCtx<'_>, ty: TypeRef, d: &Datum, out: &mut Vec<u8>) -> Result<()> {
    if d.is_null() {
        out.extend_from_slice(&(-1i32).to_be_bytes());
        return Ok(());
    }
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    binary_out(ctx, ty, d, out)?;
    let len = i32::try_from(out.len() - at - 4).map_err(|_| array_too_big())?;
    out[at..at + 4].copy_from_slice(&len.to_be_bytes());
    Ok(())
}
