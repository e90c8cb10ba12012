//! Text form of arrays and of int2vector and oidvector.

use super::{OutCtx, invalid_syntax, scalar, text_in, text_out, unsupported_type};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, TypeRef};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// Dimensions an array may have.
pub const MAX_DIMS: usize = 6;

fn malformed(s: &str, detail: impl Into<String>) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed array literal: \"{s}\"")).detail(detail)
}

/// 54000 for too many dimensions.
pub fn too_many_dims(n: usize) -> DbError {
    DbError::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("number of array dimensions ({n}) exceeds the maximum allowed ({MAX_DIMS})"),
    )
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Separator between elements of a type.
fn delim(elem: u32) -> u8 {
    oid::type_info(elem).map_or(b',', |t| t.delim as u8)
}

struct Reader<'a> {
    s: &'a str,
    pos: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.s.as_bytes().get(self.pos).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
    }

    fn int(&mut self) -> Option<i64> {
        let start = self.pos;
        if matches!(self.peek(), Some(b'+' | b'-')) {
            self.pos += 1;
        }
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.pos += 1;
        }
        self.s[start..self.pos].parse().ok()
    }

    /// `[l:u]…=` before the braces: (length, lower bound) each.
    fn dims(&mut self) -> Result<Vec<(i32, i32)>> {
        let mut dims = Vec::new();
        loop {
            self.skip_space();
            if self.peek() != Some(b'[') {
                break;
            }
            self.pos += 1;
            if dims.len() == MAX_DIMS {
                return Err(too_many_dims(dims.len() + 1));
            }
            let range = || DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "array bound is out of integer range");
            let missing = |s| malformed(s, "\"[\" must introduce explicitly-specified array dimensions.");
            let mut upper = self.int().ok_or_else(|| missing(self.s))?;
            let mut lower = 1;
            if self.peek() == Some(b':') {
                self.pos += 1;
                lower = upper;
                upper = self.int().ok_or_else(|| missing(self.s))?;
            }
            if self.peek() != Some(b']') {
                return Err(malformed(self.s, "Missing \"]\" after array dimensions."));
            }
            self.pos += 1;
            let lower = i32::try_from(lower).map_err(|_| range())?;
            let upper = i32::try_from(upper).map_err(|_| range())?;
            if upper < lower {
                return Err(DbError::new(
                    SqlState::ARRAY_SUBSCRIPT_ERROR,
                    "upper bound cannot be less than lower bound",
                ));
            }
            let len = i64::from(upper) - i64::from(lower) + 1;
            let len = i32::try_from(len).map_err(|_| array_too_big())?;
            dims.push((len, lower));
        }
        if !dims.is_empty() {
            if self.peek() != Some(b'=') {
                return Err(malformed(self.s, "Missing \"=\" after array dimensions."));
            }
            self.pos += 1;
            self.skip_space();
        }
        Ok(dims)
    }

    /// One element up to its delimiter or brace; `None` is an unquoted NULL.
    fn element(&mut self, delim: u8) -> Result<Option<String>> {
        let b = self.s.as_bytes();
        let end = |s| malformed(s, "Unexpected end of input.");
        let mut text: Vec<u8> = Vec::new();
        if self.peek() == Some(b'"') {
            self.pos += 1;
            loop {
                match self.peek().ok_or_else(|| end(self.s))? {
                    b'"' => break,
                    b'\\' => {
                        self.pos += 1;
                        text.push(self.peek().ok_or_else(|| end(self.s))?);
                    }
                    c => text.push(c),
                }
                self.pos += 1;
            }
            self.pos += 1;
            self.skip_space();
            return match self.peek() {
                None => Err(end(self.s)),
                Some(c) if c == delim || c == b'}' => string(self.s, text).map(Some),
                Some(_) => Err(malformed(self.s, "Unexpected array element.")),
            };
        }
        // Length up to the last character that is not an unescaped blank.
        let mut keep = 0;
        let mut escaped = false;
        loop {
            match self.peek().ok_or_else(|| end(self.s))? {
                c if c == delim || c == b'}' => break,
                b'"' => return Err(malformed(self.s, "Unexpected array element.")),
                b'{' => return Err(malformed(self.s, "Unexpected \"{\" character.")),
                b'\\' => {
                    self.pos += 1;
                    text.push(self.peek().ok_or_else(|| end(self.s))?);
                    keep = text.len();
                    escaped = true;
                }
                c => {
                    text.push(c);
                    if !is_space(c) {
                        keep = text.len();
                    }
                }
            }
            self.pos += 1;
        }
        text.truncate(keep);
        if text.is_empty() && !escaped {
            let c = b[self.pos] as char;
            return Err(malformed(self.s, format!("Unexpected \"{c}\" character.")));
        }
        if !escaped && text.eq_ignore_ascii_case(b"null") {
            return Ok(None);
        }
        string(self.s, text).map(Some)
    }
}

/// A backslash may stand between the bytes of no character, so the text is still UTF-8.
fn string(all: &str, text: Vec<u8>) -> Result<String> {
    String::from_utf8(text).map_err(|_| malformed(all, "Unexpected end of input."))
}

/// 54000 for an array beyond the size limit.
pub fn array_too_big() -> DbError {
    DbError::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("array size exceeds the maximum allowed ({})", i32::MAX / 16),
    )
}

/// Reads an array of `elem` (whose modifier applies to each element).
pub fn array_in(ctx: &EvalCtx, elem: TypeRef, s: &str) -> Result<Datum> {
    let mut r = Reader { s, pos: 0 };
    let given = r.dims()?;
    r.skip_space();
    if r.peek() != Some(b'{') {
        return Err(malformed(
            s,
            if given.is_empty() {
                "Array value must start with \"{\" or dimension information."
            } else {
                "Array contents must start with \"{\"."
            },
        ));
    }
    // The structure is checked before any element is read. Errors show the text from the brace on.
    let whole = s;
    r = Reader { s: &s[r.pos..], pos: 0 };
    let s = r.s;
    let delim = delim(elem.oid);
    let mut texts: Vec<Option<String>> = Vec::new();
    // Lengths found so far per depth; `open` counts the children at each open depth.
    let mut lens: Vec<Option<i32>> = Vec::new();
    let mut open: Vec<i32> = Vec::new();
    // Depth at which elements stand, once one was seen.
    let mut leaf: Option<usize> = None;
    let mismatch = || malformed(s, "Multidimensional arrays must have sub-arrays with matching dimensions.");
    // Whether a value (element or sub-array) may come next; after one only a delimiter or brace may.
    let mut want_value = true;
    let mut after_delim = false;
    loop {
        r.skip_space();
        let c = r.peek().ok_or_else(|| malformed(s, "Unexpected end of input."))?;
        match c {
            b'{' => {
                if !want_value {
                    return Err(malformed(s, "Unexpected \"{\" character."));
                }
                if open.len() == MAX_DIMS {
                    return Err(too_many_dims(open.len() + 1));
                }
                if leaf.is_some_and(|d| open.len() >= d) {
                    return Err(mismatch());
                }
                open.push(0);
                if lens.len() < open.len() {
                    lens.push(None);
                }
                r.pos += 1;
                after_delim = false;
            }
            b'}' => {
                if after_delim {
                    return Err(malformed(s, "Unexpected \"}\" character."));
                }
                r.pos += 1;
                let Some(n) = open.pop() else { return Err(malformed(s, "Unexpected \"}\" character.")) };
                let depth = open.len();
                if n == 0 && depth > 0 {
                    return Err(malformed(s, "Unexpected \"}\" character."));
                }
                match lens[depth] {
                    None => lens[depth] = Some(n),
                    Some(have) if have != n => return Err(mismatch()),
                    _ => {}
                }
                match open.last_mut() {
                    Some(parent) => *parent += 1,
                    None => break,
                }
                want_value = false;
            }
            c if c == delim => {
                if want_value {
                    return Err(malformed(s, format!("Unexpected \"{}\" character.", c as char)));
                }
                r.pos += 1;
                want_value = true;
                after_delim = true;
            }
            _ => {
                if !want_value {
                    return Err(malformed(s, "Unexpected array element."));
                }
                match leaf {
                    Some(d) if d != open.len() => return Err(malformed(s, "Unexpected array element.")),
                    None if lens.len() != open.len() => return Err(mismatch()),
                    _ => leaf = Some(open.len()),
                }
                texts.push(r.element(delim)?);
                if let Some(n) = open.last_mut() {
                    *n += 1;
                }
                want_value = false;
                after_delim = false;
            }
        }
    }
    r.skip_space();
    if r.pos != s.len() {
        return Err(malformed(s, "Junk after closing right brace."));
    }
    let dims: Vec<(i32, i32)> =
        if texts.is_empty() { Vec::new() } else { lens.iter().map(|n| (n.unwrap_or(0), 1)).collect() };
    let dims = if given.is_empty() {
        dims
    } else {
        if given.len() != dims.len() || given.iter().zip(&dims).any(|(a, b)| a.0 != b.0) {
            return Err(malformed(whole, "Specified array dimensions do not match array contents."));
        }
        given
    };
    let items: Result<Vec<Datum>> =
        texts.iter().map(|t| t.as_ref().map_or(Ok(Datum::Null), |t| text_in(ctx, elem, t))).collect();
    Ok(Datum::Array(Arc::new(ArrayValue { elem: elem.oid, dims, items: items? })))
}

/// Appends an array.
pub fn array_out(ctx: OutCtx<'_>, a: &ArrayValue, out: &mut Vec<u8>) -> Result<()> {
    if a.items.is_empty() || a.dims.is_empty() {
        out.extend_from_slice(b"{}");
        return Ok(());
    }
    if a.dims.iter().any(|d| d.1 != 1) {
        let mut int = itoa::Buffer::new();
        for &(len, lower) in &a.dims {
            out.push(b'[');
            out.extend_from_slice(int.format(lower).as_bytes());
            out.push(b':');
            out.extend_from_slice(int.format(i64::from(lower) + i64::from(len) - 1).as_bytes());
            out.push(b']');
        }
        out.push(b'=');
    }
    let delim = delim(a.elem);
    let ty = TypeRef::new(a.elem);
    let last = a.dims.len() - 1;
    let mut index = vec![0i32; a.dims.len()];
    out.resize(out.len() + a.dims.len(), b'{');
    for (i, item) in a.items.iter().enumerate() {
        if i > 0 {
            // Count up from the innermost dimension; each that is full closes and opens again.
            let mut d = last;
            while d > 0 && index[d] + 1 == a.dims[d].0 {
                index[d] = 0;
                d -= 1;
            }
            index[d] += 1;
            out.resize(out.len() + last - d, b'}');
            out.push(delim);
            out.resize(out.len() + last - d, b'{');
        }
        if item.is_null() {
            out.extend_from_slice(b"NULL");
            continue;
        }
        let start = out.len();
        text_out(ctx, ty, item, out)?;
        quote_if_needed(out, start, delim);
    }
    out.resize(out.len() + a.dims.len(), b'}');
    Ok(())
}

/// Quotes the element text from `start` on where the array syntax demands it.
fn quote_if_needed(out: &mut Vec<u8>, start: usize, delim: u8) {
    let t = &out[start..];
    let special = |c: u8| c == delim || matches!(c, b'"' | b'\\' | b'{' | b'}') || is_space(c);
    if !t.is_empty() && !t.iter().any(|&c| special(c)) && !t.eq_ignore_ascii_case(b"null") {
        return;
    }
    let text = t.to_vec();
    out.truncate(start);
    out.push(b'"');
    for c in text {
        if c == b'"' || c == b'\\' {
            out.push(b'\\');
        }
        out.push(c);
    }
    out.push(b'"');
}

/// Reads an int2vector or oidvector: numbers between blanks.
pub fn vector_in(ty: u32, s: &str) -> Result<Datum> {
    let mut items = Vec::new();
    let blank = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];
    let mut rest = s.trim_start_matches(blank);
    while !rest.is_empty() {
        let end = rest.find(blank).unwrap_or(rest.len());
        let (t, after) = rest.split_at(end);
        // A syntax error shows everything from the bad number on.
        let whole = |name: &str, e: DbError| {
            if e.code == SqlState::INVALID_TEXT_REPRESENTATION { invalid_syntax(name, rest) } else { e }
        };
        items.push(if ty == oid::INT2VECTOR {
            Datum::Int2(scalar::int2_in(t).map_err(|e| whole("smallint", e))?)
        } else {
            Datum::Oid(scalar::oid_in(t).map_err(|e| whole("oid", e))?)
        });
        rest = after.trim_start_matches(blank);
    }
    let elem = match ty {
        oid::INT2VECTOR => oid::INT2,
        oid::OIDVECTOR => oid::OID,
        other => return Err(unsupported_type(other)),
    };
    let n = i32::try_from(items.len()).map_err(|_| array_too_big())?;
    Ok(Datum::Array(Arc::new(ArrayValue { elem, dims: vec![(n, 0)], items })))
}

/// Appends an int2vector or oidvector.
pub fn vector_out(ctx: OutCtx<'_>, a: &ArrayValue, out: &mut Vec<u8>) -> Result<()> {
    for (i, item) in a.items.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        text_out(ctx, TypeRef::new(a.elem), item, out)?;
    }
    Ok(())
}
