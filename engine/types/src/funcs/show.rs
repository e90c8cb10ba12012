//! Values as text inside functions: what a value's output function shows, for concat, format and their like.

use super::args::unexpected;
use super::bytes::hex;
use crate::ctx::EvalCtx;
use crate::datetime::format;
use crate::datum::{ArrayValue, Datum, TypeRef};
use crate::io::float::{float4_out, float8_out};
use crate::oid;
use rustydb_base::{DbError, Result};
use std::fmt::Write;

/// Deepest nesting of rows and arrays that is shown.
const MAX_DEPTH: u32 = 64;

/// A value as text; `None` for NULL.
pub fn text_of(ctx: &EvalCtx, ty: u32, d: &Datum) -> Result<Option<String>> {
    if d.is_null() {
        return Ok(None);
    }
    let mut out = String::new();
    show(ctx, ty, d, &mut out)?;
    Ok(Some(out))
}

/// Appends a value's text; nothing for NULL.
pub fn show(ctx: &EvalCtx, ty: u32, d: &Datum, out: &mut String) -> Result<()> {
    nested(ctx, ty, d, out, 0)
}

/// Appends what a writer of bytes makes, which is text.
fn bytes_as_text(out: &mut String, write: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    write(&mut bytes);
    out.push_str(&String::from_utf8_lossy(&bytes));
}

fn nested(ctx: &EvalCtx, ty: u32, d: &Datum, out: &mut String, depth: u32) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(DbError::new(rustydb_base::SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
    }
    let fmt = &ctx.fmt;
    // Writing to a string cannot fail.
    let _ = match d {
        Datum::Null => Ok(()),
        Datum::Bool(v) => out.write_char(if *v { 't' } else { 'f' }),
        Datum::Int2(v) => write!(out, "{v}"),
        Datum::Int4(v) => write!(out, "{v}"),
        Datum::Int8(v) => write!(out, "{v}"),
        Datum::Float4(v) => {
            bytes_as_text(out, |b| float4_out(*v, fmt.extra_float_digits, b));
            Ok(())
        }
        Datum::Float8(v) => {
            bytes_as_text(out, |b| float8_out(*v, fmt.extra_float_digits, b));
            Ok(())
        }
        Datum::Oid(v) if oid::is_reg(ty) && *v == 0 => out.write_char('-'),
        Datum::Oid(v) if oid::is_reg(ty) => out.write_str(&ctx.session.reg_out(ty, *v)),
        Datum::Oid(v) => write!(out, "{v}"),
        Datum::Numeric(v) => write!(out, "{v}"),
        Datum::Text(v) => out.write_str(v),
        Datum::Bytes(v) if fmt.bytea_hex => write!(out, "\\x{}", hex(v)),
        Datum::Bytes(v) => out.write_str(&super::bytes::escape_output(v)),
        Datum::Date(v) => {
            bytes_as_text(out, |b| format::date_out(fmt, *v, b));
            Ok(())
        }
        Datum::Time(v) => {
            bytes_as_text(out, |b| format::time_out(*v, b));
            Ok(())
        }
        Datum::TimeTz(v, zone) => {
            bytes_as_text(out, |b| format::timetz_out(*v, *zone, b));
            Ok(())
        }
        Datum::Timestamp(v) => {
            bytes_as_text(out, |b| format::timestamp_out(fmt, *v, b));
            Ok(())
        }
        Datum::TimestampTz(v) => {
            bytes_as_text(out, |b| format::timestamptz_out(fmt, *v, b));
            Ok(())
        }
        Datum::Interval(v) => {
            bytes_as_text(out, |b| format::interval_out(fmt.interval_style, v, b));
            Ok(())
        }
        Datum::Uuid(v) => {
            let h = hex(v);
            write!(out, "{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
        }
        Datum::Array(a) if matches!(ty, oid::INT2VECTOR | oid::OIDVECTOR) => {
            for (i, item) in a.items.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                nested(ctx, a.elem, item, out, depth + 1)?;
            }
            Ok(())
        }
        Datum::Array(a) => return array(ctx, a, out, depth),
        Datum::Row(fields) => return row(ctx, fields, out, depth),
    };
    Ok(())
}

fn array(ctx: &EvalCtx, a: &ArrayValue, out: &mut String, depth: u32) -> Result<()> {
    if a.dims.is_empty() {
        out.push_str("{}");
        return Ok(());
    }
    if a.dims.iter().any(|d| d.1 != 1) {
        for (len, lower) in &a.dims {
            let _ = write!(out, "[{lower}:{}]", i64::from(*lower) + i64::from(*len) - 1);
        }
        out.push('=');
    }
    let delimiter = oid::type_info(a.elem).map_or(',', |t| t.delim);
    let mut items = a.items.iter();
    dimension(ctx, a, 0, &mut items, delimiter, out, depth)
}

fn dimension<'a>(
    ctx: &EvalCtx,
    a: &ArrayValue,
    level: usize,
    items: &mut impl Iterator<Item = &'a Datum>,
    delimiter: char,
    out: &mut String,
    depth: u32,
) -> Result<()> {
    let Some((len, _)) = a.dims.get(level) else { return Ok(()) };
    out.push('{');
    for i in 0..*len {
        if i > 0 {
            out.push(delimiter);
        }
        if level + 1 < a.dims.len() {
            dimension(ctx, a, level + 1, items, delimiter, out, depth)?;
            continue;
        }
        match items.next() {
            None | Some(Datum::Null) => out.push_str("NULL"),
            Some(item) => {
                let mut text = String::new();
                nested(ctx, a.elem, item, &mut text, depth + 1)?;
                let quote = text.is_empty()
                    || text.eq_ignore_ascii_case("null")
                    || text.contains(|c: char| {
                        matches!(c, '"' | '\\' | '{' | '}' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
                            || c == delimiter
                    });
                quoted(&text, quote, out, '\\');
            }
        }
    }
    out.push('}');
    Ok(())
}

/// Appends a text, if need be in double quotes, with quotes and backslashes escaped: by `escape`, or doubled when that
/// is the quote itself.
fn quoted(text: &str, quote: bool, out: &mut String, escape: char) {
    if !quote {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push(escape),
            '\\' => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out.push('"');
}

fn row(ctx: &EvalCtx, fields: &[(TypeRef, Datum)], out: &mut String, depth: u32) -> Result<()> {
    out.push('(');
    for (i, (ty, d)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        if d.is_null() {
            continue;
        }
        let mut text = String::new();
        nested(ctx, ty.oid, d, &mut text, depth + 1)?;
        let quote = text.is_empty()
            || text.contains(|c: char| {
                matches!(c, '"' | '\\' | '(' | ')' | ',') || c.is_ascii_whitespace() || c == '\x0b'
            });
        quoted(&text, quote, out, '"');
    }
    out.push(')');
    Ok(())
}

/// A value as `cast(… as text)` gives it: as shown, but for booleans, whose words are written out, and bpchar, which
/// loses its padding.
pub fn cast_to_text(ctx: &EvalCtx, ty: u32, d: &Datum) -> Result<Option<String>> {
    match d {
        Datum::Bool(v) => Ok(Some(if *v { "true" } else { "false" }.to_owned())),
        Datum::Text(s) if ty == oid::BPCHAR => Ok(Some(super::text::unpadded(s).to_owned())),
        d => text_of(ctx, ty, d),
    }
}

/// For arguments without a static type, which cannot occur once a statement is bound.
pub fn argument_type(args: &[TypeRef], i: usize) -> Result<u32> {
    args.get(i).map(|t| t.oid).ok_or_else(|| unexpected(&Datum::Null))
}
