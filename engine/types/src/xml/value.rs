//! SQL names and values as XML.

use crate::ctx::{DateStyle, EvalCtx, FormatSettings};
use crate::datetime;
use crate::datum::{Datum, TypeRef};
use crate::io::{self, OutCtx};
use crate::{oid, usertype};
use rustydb_base::{DbError, Result, SqlState};

/// A name as an XML name: characters that it may not have become `_xHHHH_`. `full` also takes colons and a leading `xml`,
/// which an author may have meant but a column's name does not.
pub fn name(ident: &str, full: bool) -> String {
    let mut out = String::with_capacity(ident.len());
    let escape = |c: char, out: &mut String| out.push_str(&format!("_x{:04X}_", c as u32));
    for (i, c) in ident.char_indices() {
        let rest = ident.get(i..).unwrap_or_default();
        let start = c.is_ascii_alphabetic() || c == '_' || c == ':' || !c.is_ascii();
        let valid = start || i > 0 && (c.is_ascii_digit() || matches!(c, '-' | '.'));
        let xml = full && i == 0 && rest.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("xml"));
        if c == ':' && (i == 0 || full)
            || c == '_' && rest.get(1..).is_some_and(|r| r.starts_with('x'))
            || xml
            || !valid
        {
            escape(c, &mut out);
        } else {
            out.push(c);
        }
    }
    out
}

/// Text with what XML would take for markup replaced.
pub fn escape(s: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if quotes => out.push_str("&quot;"),
            '\r' if !quotes => out.push_str("&#x0d;"),
            c => out.push(c),
        }
    }
    out
}

fn base64(b: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in b.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            if i <= chunk.len() {
                let digit = DIGITS.get((n >> (18 - 6 * i)) as usize & 63).copied().unwrap_or(b'A');
                out.push(char::from(digit));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn infinite(what: &str) -> DbError {
    DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, format!("{what} out of range"))
        .detail(format!("XML does not support infinite {what} values."))
}

/// A value that is not NULL as XML Schema writes it; text is escaped if asked for.
pub fn show(ctx: &EvalCtx, ty: TypeRef, d: &Datum, escaped: bool) -> Result<String> {
    let ty = usertype::base(ty);
    let plain = |fmt: &FormatSettings| -> Result<String> {
        let mut out = Vec::new();
        io::text_out(OutCtx { fmt, session: Some(&*ctx.session) }, ty, d, &mut out)?;
        String::from_utf8(out).map_err(|_| DbError::internal("text form is not UTF-8"))
    };
    let iso = || FormatSettings { date_style: DateStyle::Iso, ..ctx.fmt.clone() };
    Ok(match d {
        Datum::Array(a) if !matches!(ty.oid, oid::INT2VECTOR | oid::OIDVECTOR) => {
            let elem = TypeRef::new(a.elem);
            let mut out = String::new();
            for item in a.items.iter().filter(|i| !i.is_null()) {
                out.push_str("<element>");
                out.push_str(&show(ctx, elem, item, true)?);
                out.push_str("</element>");
            }
            out
        }
        Datum::Bool(b) => b.to_string(),
        Datum::Date(v) if datetime::is_infinite_date(*v) => return Err(infinite("date")),
        Datum::Timestamp(v) | Datum::TimestampTz(v) if datetime::is_infinite(*v) => return Err(infinite("timestamp")),
        Datum::Date(_) => plain(&iso())?,
        Datum::Timestamp(_) => plain(&iso())?.replacen(' ', "T", 1),
        Datum::TimestampTz(_) => {
            let mut s = plain(&iso())?.replacen(' ', "T", 1);
            // Hours alone are no zone in XML.
            if s.get(s.len().saturating_sub(3)..).is_some_and(|z| z.starts_with(['+', '-'])) {
                s.push_str(":00");
            }
            s
        }
        Datum::Bytes(b) if ty.oid == oid::BYTEA => {
            if ctx.session.setting("xmlbinary").is_some_and(|v| v.eq_ignore_ascii_case("hex")) {
                b.iter().map(|x| format!("{x:02X}")).collect()
            } else {
                base64(b)
            }
        }
        _ => {
            let s = plain(&ctx.fmt)?;
            if ty.oid == oid::XML || !escaped { s } else { escape(&s, false) }
        }
    })
}
