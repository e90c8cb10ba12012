//! Text and binary input and output of every type.
//!
//! One dispatch per direction over the type's OID; what a type's text or bytes look like is in the submodule of its
//! family. The four entry points never panic on what a client sends: malformed input is an error with PostgreSQL's
//! SQLSTATE and wording. Types a user creates are the catalog's business; here they are 0A000.
//!
//! Arrays hold their element type, so their output needs nothing else. `xid8` travels as `Int8` with the same bits.

pub mod array;
pub mod binary;
pub mod float;
pub mod json;
pub mod jsonb;
pub mod range;
mod record;
pub mod scalar;
pub mod user;

use crate::bytetype::byte_type;
use crate::ctx::{EvalCtx, FormatSettings, SessionInfo};
use crate::datetime::{format, interval_in, parse};
use crate::datum::{Datum, TypeRef};
use crate::typmod::apply_typmod;
use crate::{oid, usertype};
use rustydb_base::{DbError, Result, SqlState};

pub use binary::{binary_in, binary_out};

/// What output needs to know: formats, and the session for names of reg* values (their numbers without one).
#[derive(Clone, Copy)]
pub struct OutCtx<'a> {
    /// Formats.
    pub fmt: &'a FormatSettings,
    /// Names of catalog objects.
    pub session: Option<&'a dyn SessionInfo>,
}

impl TypeRef {
    /// A type without modifier, with its default collation.
    pub fn new(oid: u32) -> TypeRef {
        let collation = match usertype::get(oid) {
            Some(t) => t.collation,
            None => oid::type_info(oid).map_or(0, |t| t.collation),
        };
        TypeRef { oid, typmod: -1, collation }
    }
}

/// 0A000 for a type whose values RustyDB does not read or write.
pub(crate) fn unsupported_type(oid: u32) -> DbError {
    if usertype::is_shell(oid) {
        return DbError::unsupported("cannot accept a value of a shell type");
    }
    if let Some(t) = usertype::get(oid) {
        return DbError::unsupported(format!("values of type {} are not supported here", t.name));
    }
    match oid::type_info(oid) {
        Some(t) if t.typtype == 'p' => cannot_accept(oid),
        Some(_)
            if matches!(oid, oid::PG_NODE_TREE | oid::PG_BRIN_BLOOM_SUMMARY | oid::PG_BRIN_MINMAX_MULTI_SUMMARY) =>
        {
            cannot_accept(oid)
        }
        Some(t) => DbError::unsupported(format!("type {} is not supported yet", t.shown)),
        None => DbError::unsupported(format!("type with OID {oid} is not supported yet")),
    }
}

/// 0A000 for a type that no value can be given of.
pub(crate) fn cannot_accept(oid: u32) -> DbError {
    let name = match oid {
        // Its input function has it so.
        oid::PG_BRIN_MINMAX_MULTI_SUMMARY => "brin_minmax_multi_summary",
        _ => oid::type_info(oid).map_or("", |t| t.name),
    };
    DbError::unsupported(format!("cannot accept a value of type {name}"))
}

/// XX000: a value's variant does not belong to its type.
pub(crate) fn mismatch(oid: u32, d: &Datum) -> DbError {
    DbError::internal(format!("value {d:?} does not belong to type {oid}"))
}

/// 22P02.
pub(crate) fn invalid_syntax(type_name: &str, s: &str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type {type_name}: \"{s}\""))
}

/// Text that a value may hold: no NUL.
pub(crate) fn checked_text(s: &str) -> Result<&str> {
    if s.as_bytes().contains(&0) {
        return Err(DbError::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        ));
    }
    Ok(s)
}

/// `name` keeps 63 bytes at most, cut at a character.
pub fn truncate_name(s: &str) -> &str {
    let mut end = s.len().min(63);
    while !s.is_char_boundary(end) {
        end -= 1;
    }
    &s[..end]
}

/// Reads a value from its text form and applies the type's modifier (as an assignment does).
pub fn text_in(ctx: &EvalCtx, ty: TypeRef, s: &str) -> Result<Datum> {
    let d = match ty.oid {
        oid::BOOL => Datum::Bool(scalar::bool_in(s)?),
        oid::INT2 => return scalar::int2_in(s).map(Datum::Int2),
        oid::INT4 => return scalar::int4_in(s).map(Datum::Int4),
        oid::INT8 => return scalar::int8_in(s).map(Datum::Int8),
        oid::FLOAT4 => Datum::Float4(float::float4_in(s)?),
        oid::FLOAT8 => Datum::Float8(float::float8_in(s)?),
        oid::NUMERIC => Datum::Numeric(s.parse()?),
        oid::TEXT | oid::UNKNOWN | oid::CSTRING | oid::REFCURSOR => return Ok(Datum::Text(checked_text(s)?.into())),
        oid::VARCHAR | oid::BPCHAR => Datum::Text(checked_text(s)?.into()),
        oid::NAME => Datum::Text(truncate_name(checked_text(s)?).into()),
        oid::CHAR => Datum::Text(scalar::char_in(checked_text(s)?).into()),
        oid::JSON => {
            json::validate(s)?;
            Datum::Text(s.into())
        }
        oid::XML => {
            crate::xml::text_in(ctx, s)?;
            Datum::Text(s.into())
        }
        oid::PG_LSN => Datum::Int8(crate::funcs::lsn::text_in(s)? as i64),
        oid::MONEY => Datum::Int8(crate::funcs::money::text_in(s)?),
        oid::JSONPATH => Datum::Text(crate::jsonpath::parse(checked_text(s)?)?.to_string().into()),
        oid::BYTEA => Datum::Bytes(scalar::bytea_in(s)?.into()),
        oid::UUID => Datum::Uuid(scalar::uuid_in(s)?),
        oid::DATE => Datum::Date(parse::date_in(ctx, s)?),
        oid::TIME => Datum::Time(parse::time_in(ctx, s)?),
        oid::TIMETZ => {
            let (us, west) = parse::timetz_in(ctx, s)?;
            Datum::TimeTz(us, west)
        }
        oid::TIMESTAMP => Datum::Timestamp(parse::timestamp_in(ctx, s)?),
        oid::TIMESTAMPTZ => Datum::TimestampTz(parse::timestamptz_in(ctx, s)?),
        oid::INTERVAL => {
            return interval_in::interval_in(ctx.fmt.interval_style, s, ty.typmod).map(Datum::Interval);
        }
        oid::OID => Datum::Oid(scalar::oid_in(s)?),
        oid::XID | oid::CID => Datum::Oid(scalar::xid_in(s) as u32),
        oid::XID8 => Datum::Int8(scalar::xid_in(s) as i64),
        oid::INT2VECTOR | oid::OIDVECTOR => array::vector_in(ty.oid, s)?,
        oid::VOID => Datum::Text(Default::default()),
        oid::RECORD => return Err(anonymous_record()),
        oid::ACLITEM => Datum::Text(ctx.session.acl_in(s)?.into()),
        o if oid::is_reg(o) => Datum::Oid(reg_in(ctx, o, s)?),
        o => match oid::array_element(o) {
            Some(elem) => return array::array_in(ctx, TypeRef { oid: elem, ..ty }, s),
            None => match byte_type(o) {
                Some(t) => Datum::Bytes((t.text_in)(ctx, s)?.into()),
                None => return user::read(ctx, ty, user::Form::Text(s)),
            },
        },
    };
    if ty.typmod < 0 { Ok(d) } else { apply_typmod(ty, d, false) }
}

pub(crate) fn anonymous_record() -> DbError {
    DbError::unsupported("input of anonymous composite types is not implemented")
}

fn reg_in(ctx: &EvalCtx, kind: u32, s: &str) -> Result<u32> {
    if s == "-" {
        return Ok(0);
    }
    if !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()) {
        return scalar::oid_in(s);
    }
    ctx.session.reg_in(kind, s)
}

/// Appends a value's text form. NULL has none: callers show it their own way, here it adds nothing.
pub fn text_out(ctx: OutCtx<'_>, ty: TypeRef, d: &Datum, out: &mut Vec<u8>) -> Result<()> {
    let mut int = itoa::Buffer::new();
    let fmt = ctx.fmt;
    let ty = usertype::base(ty);
    match d {
        Datum::Null => {}
        Datum::Bool(b) => out.push(if *b { b't' } else { b'f' }),
        Datum::Int2(v) => out.extend_from_slice(int.format(*v).as_bytes()),
        Datum::Int4(v) => out.extend_from_slice(int.format(*v).as_bytes()),
        Datum::Int8(v) if ty.oid == oid::PG_LSN => {
            out.extend_from_slice(crate::funcs::lsn::text_out(*v as u64).as_bytes());
        }
        Datum::Int8(v) if ty.oid == oid::MONEY => {
            out.extend_from_slice(crate::funcs::money::text_out(*v).as_bytes());
        }
        Datum::Int8(v) if ty.oid == oid::XID8 => out.extend_from_slice(int.format(*v as u64).as_bytes()),
        Datum::Int8(v) => out.extend_from_slice(int.format(*v).as_bytes()),
        Datum::Float4(v) => float::float4_out(*v, fmt.extra_float_digits, out),
        Datum::Float8(v) => float::float8_out(*v, fmt.extra_float_digits, out),
        Datum::Oid(v) => match ctx.session {
            Some(s) if oid::is_reg(ty.oid) => {
                if *v == 0 {
                    out.push(b'-');
                } else {
                    out.extend_from_slice(s.reg_out(ty.oid, *v).as_bytes());
                }
            }
            _ => out.extend_from_slice(int.format(*v).as_bytes()),
        },
        Datum::Numeric(n) => n.write_text(out),
        Datum::Text(s) => match ctx.session {
            _ if ty.oid == oid::XML => crate::xml::text_out(s, out),
            Some(session) if ty.oid == oid::ACLITEM => out.extend_from_slice(session.acl_out(s).as_bytes()),
            _ => out.extend_from_slice(s.as_bytes()),
        },
        Datum::Bytes(b) if ty.oid == oid::BYTEA => scalar::bytea_out(b, fmt.bytea_hex, out),
        Datum::Bytes(b) => match byte_type(ty.oid) {
            Some(t) => (t.text_out)(ctx, b, out)?,
            None => return Err(unsupported_type(ty.oid)),
        },
        Datum::Date(v) => format::date_out(fmt, *v, out),
        Datum::Time(v) => format::time_out(*v, out),
        Datum::TimeTz(us, west) => format::timetz_out(*us, *west, out),
        Datum::Timestamp(v) => format::timestamp_out(fmt, *v, out),
        Datum::TimestampTz(v) => format::timestamptz_out(fmt, *v, out),
        Datum::Interval(v) => format::interval_out(fmt.interval_style, v, out),
        Datum::Uuid(u) => scalar::uuid_out(u, out),
        Datum::Array(a) if matches!(ty.oid, oid::INT2VECTOR | oid::OIDVECTOR) => array::vector_out(ctx, a, out)?,
        Datum::Array(a) => array::array_out(ctx, a, out)?,
        Datum::Row(fields) => record::record_out(ctx, ty.oid, fields, out)?,
        Datum::Enum(v) => user::enum_out(ctx, ty, *v, out)?,
        Datum::Range(r) => range::range_out(ctx, r, out)?,
        Datum::Multirange(m) => range::multirange_out(ctx, m, out)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
