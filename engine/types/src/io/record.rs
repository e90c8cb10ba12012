//! Text and binary form of row values.

use super::{OutCtx, binary, text_in, text_out, unsupported_type};
use crate::ctx::{EvalCtx, RowField};
use crate::datum::{Datum, TypeRef};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};

/// Appends a row: fields in parentheses, NULL as nothing.
pub(super) fn record_out(ctx: OutCtx<'_>, row: u32, fields: &[(TypeRef, Datum)], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'(');
    for (i, (ty, d)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if d.is_null() {
            continue;
        }
        let start = out.len();
        text_out(ctx, *ty, d, out)?;
        let t = &out[start..];
        let special =
            |c: &u8| matches!(c, b'"' | b'\\' | b'(' | b')' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
        if t.is_empty() || t.iter().any(special) {
            let text = t.to_vec();
            out.truncate(start);
            out.push(b'"');
            for c in text {
                // Both are doubled, unlike in arrays.
                if c == b'"' || c == b'\\' {
                    out.push(c);
                }
                out.push(c);
            }
            out.push(b'"');
        }
    }
    // Attributes that the type did not have when the value was made are NULL.
    let width = ctx.session.filter(|_| row != oid::RECORD).and_then(|s| s.row_width(row));
    let made = fields.len().max(1);
    out.extend(std::iter::repeat_n(b',', width.unwrap_or(0).saturating_sub(made)));
    out.push(b')');
    Ok(())
}

fn fields_of(ctx: &EvalCtx, ty: u32) -> Result<Vec<RowField>> {
    ctx.session.row_fields(ty).ok_or_else(|| unsupported_type(ty))
}

fn malformed(s: &str, detail: &'static str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed record literal: \"{s}\"")).detail(detail)
}

/// Reads a row of a named composite type.
pub(super) fn record_in(ctx: &EvalCtx, ty: u32, s: &str) -> Result<Datum> {
    let fields = fields_of(ctx, ty)?;
    let b = s.as_bytes();
    let at = |i: usize| b.get(i).copied();
    let space = |c: Option<u8>| c.is_some_and(|c| matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c));
    let mut p = 0;
    while space(at(p)) {
        p += 1;
    }
    if at(p) != Some(b'(') {
        return Err(malformed(s, "Missing left parenthesis."));
    }
    p += 1;
    let mut row = Vec::with_capacity(fields.len());
    for (i, f) in fields.iter().enumerate() {
        if i > 0 {
            if at(p) != Some(b',') {
                return Err(malformed(s, "Too few columns."));
            }
            p += 1;
        }
        if matches!(at(p), Some(b',' | b')')) {
            // A domain may have something against NULL.
            if crate::usertype::is_domain(f.ty.oid) {
                ctx.session.check_domain(ctx, f.ty.oid, &Datum::Null)?;
            }
            row.push((f.ty, Datum::Null));
            continue;
        }
        let (mut text, mut quoted) = (Vec::new(), false);
        loop {
            match at(p) {
                None => return Err(malformed(s, "Unexpected end of input.")),
                Some(b',' | b')') if !quoted => break,
                Some(b'\\') => {
                    p += 1;
                    text.push(at(p).ok_or_else(|| malformed(s, "Unexpected end of input."))?);
                }
                Some(b'"') if !quoted => quoted = true,
                Some(b'"') if at(p + 1) == Some(b'"') => {
                    text.push(b'"');
                    p += 1;
                }
                Some(b'"') => quoted = false,
                Some(c) => text.push(c),
            }
            p += 1;
        }
        // Whole characters were taken or left, so this is UTF-8 still.
        let text = String::from_utf8(text).map_err(|_| malformed(s, "Unexpected end of input."))?;
        row.push((f.ty, text_in(ctx, f.ty, &text)?));
    }
    if fields.is_empty() {
        while space(at(p)) {
            p += 1;
        }
    }
    if at(p) != Some(b')') {
        return Err(malformed(s, "Too many columns."));
    }
    p += 1;
    while space(at(p)) {
        p += 1;
    }
    if p < b.len() {
        return Err(malformed(s, "Junk after right parenthesis."));
    }
    Ok(Datum::Row(row.into()))
}

/// Reads a row of a named composite type from its binary form.
pub(super) fn record_recv(ctx: &EvalCtx, ty: u32, b: &[u8]) -> Result<Datum> {
    let fields = fields_of(ctx, ty)?;
    let mut c = binary::Cursor(b);
    let n = c.i32()?;
    if usize::try_from(n).ok() != Some(fields.len()) {
        return Err(DbError::new(
            SqlState::DATATYPE_MISMATCH,
            format!("wrong number of columns: {n}, expected {}", fields.len()),
        ));
    }
    let mut row = Vec::with_capacity(fields.len());
    for (i, f) in fields.iter().enumerate() {
        let sent = c.i32()? as u32;
        if sent != f.ty.oid {
            let name = |o: u32| crate::typename::format_type(o, -1);
            return Err(DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "binary data has type {sent} ({}) instead of expected {} ({}) in record column {}",
                    name(sent),
                    f.ty.oid,
                    name(f.ty.oid),
                    i + 1
                ),
            ));
        }
        let d = match c.i32()? {
            -1 => Datum::Null,
            len => {
                let len = usize::try_from(len).map_err(|_| binary::bad_format())?;
                binary::binary_in(ctx, f.ty, c.take(len)?)?
            }
        };
        row.push((f.ty, d));
    }
    if !c.0.is_empty() {
        return Err(DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, "improper binary format in record"));
    }
    Ok(Datum::Row(row.into()))
}
