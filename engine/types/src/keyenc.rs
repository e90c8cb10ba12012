//! Index keys: values as bytes whose order is SQL's order.
//!
//! A column is a marker byte (is it NULL, and where do NULLs go) and, when not NULL, the value's bytes, complemented for
//! DESC. Every value's bytes end by themselves, so columns are simply concatenated and a prefix of the columns is a prefix
//! of the bytes. Equal values have equal bytes (1.0 and 1.00, -0 and 0, an hour and 60 minutes), so the key alone does not
//! give the value back; the row does.
//!
//! | type | bytes |
//! |---|---|
//! | integers, dates, times | big-endian with the sign bit flipped |
//! | floats | IEEE bits, all flipped when negative, else the sign bit |
//! | numeric | [`crate::numeric::Numeric::write_key`] |
//! | text | the bytes and a zero byte (text holds none) |
//! | text under a collation of ICU's | its sort key and a zero byte; then, if it is deterministic, the bytes and a zero byte |
//! | bytea | zero bytes become 00 FF, closed by 00 00 |
//! | interval | normalised microseconds, 16 bytes |
//! | arrays | each element behind 01 (02 for NULL), 00, then dimensions |
//! | rows | each field behind 01 (02 for NULL), then 00 |
//! | enums | the place among the labels as a float, then the label's OID |
//! | ranges, multiranges | see `put_range`; each range behind 01, then 00 |

use crate::bytetype::byte_type;
use crate::cmp::{bpchar_significant, timetz_utc};
use crate::datetime::interval;
use crate::datum::{ArrayValue, Datum, RangeValue, TypeRef};
use crate::io::scalar::char_to_byte;
use crate::{oid, usertype};
use rustydb_base::{DbError, Result, SqlState};

/// Marker of a NULL that sorts first.
pub const NULL_FIRST: u8 = 0;
/// Marker of a value.
pub const VALUE: u8 = 1;
/// Marker of a NULL that sorts last.
pub const NULL_LAST: u8 = 2;

/// Whether values of the type have an order.
pub fn is_orderable(type_oid: u32) -> bool {
    let type_oid = usertype::base(TypeRef { oid: type_oid, typmod: -1, collation: 0 }).oid;
    if let Some(elem) = oid::array_element(type_oid) {
        return is_orderable(elem);
    }
    if let Some(t) = byte_type(type_oid) {
        return t.compare.is_some();
    }
    !matches!(
        type_oid,
        oid::JSON
            | oid::XML
            | oid::XID
            | oid::CID
            | oid::POINT
            | oid::LSEG
            | oid::PATH
            | oid::BOX
            | oid::POLYGON
            | oid::LINE
            | oid::CIRCLE
    )
}

/// Appends one column of a key. 42883 for a type without an order.
pub fn encode_key(ty: TypeRef, d: &Datum, desc: bool, nulls_first: bool, out: &mut Vec<u8>) -> Result<()> {
    if d.is_null() {
        out.push(if nulls_first { NULL_FIRST } else { NULL_LAST });
        return Ok(());
    }
    if !is_orderable(ty.oid) {
        return Err(DbError::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("could not identify a comparison function for type {}", crate::typename::format_type(ty.oid, -1)),
        ));
    }
    out.push(VALUE);
    let start = out.len();
    put_value(ty, d, out);
    if desc {
        for b in &mut out[start..] {
            *b = !*b;
        }
    }
    Ok(())
}

/// Bits of a double whose unsigned order is the value order; NaN is largest, -0 is 0.
pub(crate) fn f64_bits(v: f64) -> u64 {
    if v.is_nan() {
        return u64::MAX;
    }
    // Adding zero turns -0 into 0.
    let bits = (v + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn f32_bits(v: f32) -> u32 {
    if v.is_nan() {
        return u32::MAX;
    }
    let bits = (v + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn put_i64(v: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(v as u64 ^ 1 << 63).to_be_bytes());
}

fn put_i32(v: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&(v as u32 ^ 1 << 31).to_be_bytes());
}

/// Appends a value's bytes, without marker. NULL appends nothing.
pub fn put_value(ty: TypeRef, d: &Datum, out: &mut Vec<u8>) {
    let ty = usertype::base(ty);
    match d {
        Datum::Null => {}
        Datum::Bool(v) => out.push(u8::from(*v)),
        Datum::Int2(v) => out.extend_from_slice(&(*v as u16 ^ 1 << 15).to_be_bytes()),
        Datum::Int4(v) | Datum::Date(v) => put_i32(*v, out),
        Datum::Int8(v) if matches!(ty.oid, oid::XID8 | oid::PG_LSN) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) => put_i64(*v, out),
        Datum::Float4(v) => out.extend_from_slice(&f32_bits(*v).to_be_bytes()),
        Datum::Float8(v) => out.extend_from_slice(&f64_bits(*v).to_be_bytes()),
        Datum::Oid(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Numeric(n) => n.write_key(out),
        Datum::Text(s) if ty.oid == oid::CHAR => out.push(char_to_byte(s)),
        Datum::Text(s) => {
            let s = if ty.oid == oid::BPCHAR { bpchar_significant(s) } else { s.as_str() };
            if crate::collation::icu::with(ty.collation, |c| c.put_key(s, out)).is_none() {
                out.extend_from_slice(s.as_bytes());
                out.push(0);
            }
        }
        Datum::Bytes(b) if let Some(t) = byte_type(ty.oid) => (t.put_key)(b, out),
        Datum::Bytes(b) => {
            for &c in b.iter() {
                out.push(c);
                if c == 0 {
                    out.push(0xff);
                }
            }
            out.extend_from_slice(&[0, 0]);
        }
        Datum::TimeTz(us, west) => {
            put_i64(timetz_utc(*us, *west), out);
            put_i32(*west, out);
        }
        Datum::Interval(v) => {
            let n = interval::normalized(v) as u128 ^ 1 << 127;
            out.extend_from_slice(&n.to_be_bytes());
        }
        Datum::Uuid(u) => out.extend_from_slice(u),
        Datum::Array(a) => put_array(ty, a, out),
        Datum::Row(fields) => {
            for (ty, d) in fields.iter() {
                put_item(*ty, d, out);
            }
            out.push(0);
        }
        Datum::Enum(v) => {
            out.extend_from_slice(&f32_bits(v.order).to_be_bytes());
            out.extend_from_slice(&v.oid.to_be_bytes());
        }
        Datum::Range(r) => put_range(r, out),
        Datum::Multirange(m) => {
            for r in &m.ranges {
                out.push(VALUE);
                put_range(r, out);
            }
            out.push(0);
        }
    }
}

/// 0 for the empty range, which sorts first; else 1 and the bounds. A lower bound is infinite (0) or a value (1) followed
/// by whether it is exclusive, an upper bound a value (1) followed by whether it is inclusive or infinite (2).
fn put_range(r: &RangeValue, out: &mut Vec<u8>) {
    if r.empty {
        out.push(0);
        return;
    }
    out.push(1);
    match &r.lower.value {
        None => out.push(0),
        Some(d) => {
            out.push(1);
            put_value(r.sub, d, out);
            out.push(u8::from(!r.lower.inclusive));
        }
    }
    match &r.upper.value {
        None => out.push(2),
        Some(d) => {
            out.push(1);
            put_value(r.sub, d, out);
            out.push(u8::from(r.upper.inclusive));
        }
    }
}

fn put_item(ty: TypeRef, d: &Datum, out: &mut Vec<u8>) {
    if d.is_null() {
        out.push(NULL_LAST);
    } else {
        out.push(VALUE);
        put_value(ty, d, out);
    }
}

fn put_array(ty: TypeRef, a: &ArrayValue, out: &mut Vec<u8>) {
    if ty.oid == oid::OIDVECTOR {
        out.extend_from_slice(&(a.items.len() as u32).to_be_bytes());
    }
    let elem = TypeRef { oid: a.elem, typmod: -1, collation: ty.collation };
    for item in &a.items {
        put_item(elem, item, out);
    }
    // Shorter arrays first, then by dimensions.
    out.push(0);
    out.push(a.dims.len() as u8);
    for d in &a.dims {
        put_i32(d.0, out);
    }
    for d in &a.dims {
        put_i32(d.1, out);
    }
}

#[cfg(test)]
mod tests;
