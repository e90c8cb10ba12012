//! Text and binary form of ranges and multiranges.

use super::user::Form;
use super::{OutCtx, binary, text_out};
use crate::ctx::EvalCtx;
use crate::datum::{Bound, Datum, MultirangeValue, RangeValue, TypeRef};
use crate::range::{self, RangeType};
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// Flags of the binary form.
mod flag {
    pub const EMPTY: u8 = 1;
    pub const LOWER_INC: u8 = 2;
    pub const UPPER_INC: u8 = 4;
    pub const LOWER_INF: u8 = 8;
    pub const UPPER_INF: u8 = 16;
}

fn space(c: Option<u8>) -> bool {
    c.is_some_and(|c| matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c))
}

fn malformed(what: &str, s: &str, detail: &'static str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed {what} literal: \"{s}\"")).detail(detail)
}

/// Reads a range of a type.
pub(super) fn range_read(ctx: &EvalCtx, ty: u32, sub: TypeRef, form: Form<'_>) -> Result<Datum> {
    let t = RangeType { oid: ty, sub };
    let r = match form {
        Form::Text(s) => range_in(ctx, t, s)?,
        Form::Binary(b) => range_recv(ctx, t, b)?,
    };
    Ok(Datum::Range(Arc::new(r)))
}

fn range_in(ctx: &EvalCtx, t: RangeType, s: &str) -> Result<RangeValue> {
    let bad = |detail| malformed("range", s, detail);
    let b = s.as_bytes();
    let at = |i: usize| b.get(i).copied();
    let mut p = 0;
    let skip = |p: &mut usize| {
        while space(at(*p)) {
            *p += 1;
        }
    };
    skip(&mut p);
    if b.get(p..p + 5).is_some_and(|w| w.eq_ignore_ascii_case(b"empty")) {
        p += 5;
        skip(&mut p);
        if p < b.len() {
            return Err(bad("Junk after \"empty\" key word."));
        }
        return Ok(t.empty());
    }
    let lower_inc = match at(p) {
        Some(b'[') => true,
        Some(b'(') => false,
        _ => return Err(bad("Missing left parenthesis or bracket.")),
    };
    p += 1;
    let lower = bound_text(s, &mut p)?;
    if at(p) != Some(b',') {
        return Err(bad("Missing comma after lower bound."));
    }
    p += 1;
    let upper = bound_text(s, &mut p)?;
    let upper_inc = match at(p) {
        Some(b']') => true,
        Some(b')') => false,
        _ => return Err(bad("Too many commas.")),
    };
    p += 1;
    skip(&mut p);
    if p < b.len() {
        return Err(bad("Junk after right parenthesis or bracket."));
    }
    let value = |t: &RangeType, text: Option<String>| text.map(|x| super::text_in(ctx, t.sub, &x)).transpose();
    let lower = Bound { value: value(&t, lower)?, inclusive: lower_inc };
    let upper = Bound { value: value(&t, upper)?, inclusive: upper_inc };
    range::make(t, lower, upper)
}

/// A bound up to its delimiter; `None` is infinity.
fn bound_text(s: &str, p: &mut usize) -> Result<Option<String>> {
    let b = s.as_bytes();
    let end = || malformed("range", s, "Unexpected end of input.");
    if matches!(b.get(*p), Some(b',' | b')' | b']')) {
        return Ok(None);
    }
    let (mut text, mut quoted) = (Vec::new(), false);
    loop {
        match b.get(*p).ok_or_else(end)? {
            b',' | b')' | b']' if !quoted => break,
            b'\\' => {
                *p += 1;
                text.push(*b.get(*p).ok_or_else(end)?);
            }
            b'"' if !quoted => quoted = true,
            b'"' if b.get(*p + 1) == Some(&b'"') => {
                text.push(b'"');
                *p += 1;
            }
            b'"' => quoted = false,
            c => text.push(*c),
        }
        *p += 1;
    }
    String::from_utf8(text).map(Some).map_err(|_| end())
}

/// Appends a range.
pub(super) fn range_out(ctx: OutCtx<'_>, r: &RangeValue, out: &mut Vec<u8>) -> Result<()> {
    if r.empty {
        out.extend_from_slice(b"empty");
        return Ok(());
    }
    out.push(if r.lower.inclusive { b'[' } else { b'(' });
    bound_out(ctx, r.sub, &r.lower, out)?;
    out.push(b',');
    bound_out(ctx, r.sub, &r.upper, out)?;
    out.push(if r.upper.inclusive { b']' } else { b')' });
    Ok(())
}

fn bound_out(ctx: OutCtx<'_>, sub: TypeRef, b: &Bound, out: &mut Vec<u8>) -> Result<()> {
    let Some(d) = &b.value else { return Ok(()) };
    let start = out.len();
    text_out(ctx, sub, d, out)?;
    let t = &out[start..];
    let special = |c: &u8| matches!(c, b'"' | b'\\' | b'(' | b')' | b'[' | b']' | b',') || space(Some(*c));
    if t.is_empty() || t.iter().any(special) {
        let text = t.to_vec();
        out.truncate(start);
        out.push(b'"');
        for c in text {
            if matches!(c, b'"' | b'\\') {
                out.push(c);
            }
            out.push(c);
        }
        out.push(b'"');
    }
    Ok(())
}

/// Appends a multirange.
pub(super) fn multirange_out(ctx: OutCtx<'_>, m: &MultirangeValue, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    for (i, r) in m.ranges.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        range_out(ctx, r, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// Reads a multirange over a range type.
pub(super) fn multirange_read(ctx: &EvalCtx, range_type: u32, form: Form<'_>) -> Result<Datum> {
    let t = RangeType::of(range_type)?;
    let ranges = match form {
        Form::Text(s) => multirange_in(ctx, t, s)?,
        Form::Binary(b) => {
            let mut c = binary::Cursor(b);
            let n = c.i32()?;
            let mut ranges = Vec::new();
            for _ in 0..n {
                let len = usize::try_from(c.i32()?).map_err(|_| binary::bad_format())?;
                ranges.push(range_recv(ctx, t, c.take(len)?)?);
            }
            if !c.0.is_empty() {
                return Err(binary::bad_format());
            }
            ranges
        }
    };
    Ok(Datum::Multirange(Arc::new(range::multirange(t.sub, ranges))))
}

fn multirange_in(ctx: &EvalCtx, t: RangeType, s: &str) -> Result<Vec<RangeValue>> {
    let bad = |detail| malformed("multirange", s, detail);
    let b = s.as_bytes();
    let at = |i: usize| b.get(i).copied();
    let mut p = 0;
    let skip = |p: &mut usize| {
        while space(at(*p)) {
            *p += 1;
        }
    };
    skip(&mut p);
    if at(p) != Some(b'{') {
        return Err(bad("Missing left brace."));
    }
    p += 1;
    let mut out = Vec::new();
    skip(&mut p);
    if at(p) == Some(b'}') {
        p += 1;
    } else {
        loop {
            skip(&mut p);
            let start = p;
            match at(p) {
                None => return Err(bad("Unexpected end of input.")),
                Some(b'[' | b'(') => {
                    let mut quoted = false;
                    loop {
                        match at(p) {
                            None => return Err(bad("Unexpected end of input.")),
                            Some(b'\\') => p += 1,
                            Some(b'"') => quoted = !quoted,
                            Some(b']' | b')') if !quoted => break,
                            _ => {}
                        }
                        p += 1;
                    }
                    p += 1;
                }
                _ if b.get(p..p + 5).is_some_and(|w| w.eq_ignore_ascii_case(b"empty")) => p += 5,
                _ => return Err(bad("Expected range start.")),
            }
            out.push(range_in(ctx, t, s.get(start..p).unwrap_or(""))?);
            skip(&mut p);
            match at(p) {
                None => return Err(bad("Unexpected end of input.")),
                Some(b',') => p += 1,
                Some(b'}') => {
                    p += 1;
                    break;
                }
                _ => return Err(bad("Expected comma or end of multirange.")),
            }
        }
    }
    skip(&mut p);
    if p < b.len() {
        return Err(bad("Junk after closing right brace."));
    }
    Ok(out)
}

fn range_recv(ctx: &EvalCtx, t: RangeType, b: &[u8]) -> Result<RangeValue> {
    let mut c = binary::Cursor(b);
    let flags = c.take(1)?.first().copied().unwrap_or(0);
    let has = |f: u8| flags & f != 0;
    let mut bound = |infinite: bool, inclusive: bool| -> Result<Bound> {
        if has(flag::EMPTY) || infinite {
            return Ok(Bound::default());
        }
        let len = usize::try_from(c.i32()?).map_err(|_| binary::bad_format())?;
        Ok(Bound { value: Some(binary::binary_in(ctx, t.sub, c.take(len)?)?), inclusive })
    };
    let lower = bound(has(flag::LOWER_INF), has(flag::LOWER_INC))?;
    let upper = bound(has(flag::UPPER_INF), has(flag::UPPER_INC))?;
    if !c.0.is_empty() {
        return Err(binary::bad_format());
    }
    if has(flag::EMPTY) { Ok(t.empty()) } else { range::make(t, lower, upper) }
}

/// Appends a range's binary form.
pub(super) fn range_send(ctx: OutCtx<'_>, r: &RangeValue, out: &mut Vec<u8>) -> Result<()> {
    if r.empty {
        out.push(flag::EMPTY);
        return Ok(());
    }
    let set = |on: bool, f: u8| if on { f } else { 0 };
    out.push(
        set(r.lower.inclusive, flag::LOWER_INC)
            | set(r.upper.inclusive, flag::UPPER_INC)
            | set(r.lower.value.is_none(), flag::LOWER_INF)
            | set(r.upper.value.is_none(), flag::UPPER_INF),
    );
    for d in r.lower.value.iter().chain(&r.upper.value) {
        binary::with_length(ctx, r.sub, d, out)?;
    }
    Ok(())
}

/// Appends a multirange's binary form.
pub(super) fn multirange_send(ctx: OutCtx<'_>, m: &MultirangeValue, out: &mut Vec<u8>) -> Result<()> {
    let n = i32::try_from(m.ranges.len()).map_err(|_| super::array::array_too_big())?;
    out.extend_from_slice(&n.to_be_bytes());
    for r in &m.ranges {
        binary::with_length(ctx, m.sub, &Datum::Range(Arc::new(r.clone())), out)?;
    }
    Ok(())
}
