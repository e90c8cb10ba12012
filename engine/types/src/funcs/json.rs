//! json, which is kept as its text: reading parts of it, and making it from values.
//!
//! A json value was checked when it was made, so the readers here only find their way. They walk the text without
//! recursion and stop at what they do not expect, so that even an unchecked text does no harm.

use super::args::{arity, raw, scalar, set, unexpected};
use super::series::Rows;
use super::show::{show, spread, text_of};
use super::text::{MAX_VALUE, too_large};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, Str, TypeRef};
use crate::kernel::{CallInfo, Kernel};
use crate::{oid, shape};
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// Deepest nesting of values made into json.
pub(super) const MAX_DEPTH: u32 = 64;

fn parameter(message: impl Into<String>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, message.into())
}

fn blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

/// What kind of value a text holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

pub(super) fn kind(json: &str) -> Kind {
    match json.trim_start_matches([' ', '\t', '\n', '\r']).as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}

/// Walks the members of one object or array.
pub(super) struct Members<'a> {
    text: &'a str,
    at: usize,
    object: bool,
}

impl<'a> Members<'a> {
    pub(super) fn new(json: &'a str, wanted: Kind) -> Option<Members<'a>> {
        let found = kind(json);
        if found != wanted {
            return None;
        }
        let open = json.bytes().position(|b| !blank(b))?;
        Some(Members { text: json, at: open + 1, object: found == Kind::Object })
    }

    fn skip_blanks(&mut self) {
        while self.text.as_bytes().get(self.at).is_some_and(|&b| blank(b) || b == b',' || b == b':') {
            self.at += 1;
        }
    }

    /// The next value's text, as written.
    fn value(&mut self) -> Option<&'a str> {
        self.skip_blanks();
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut depth = 0;
        let mut in_string = false;
        while let Some(&b) = bytes.get(self.at) {
            if in_string {
                match b {
                    b'\\' => self.at += 1,
                    b'"' => in_string = false,
                    _ => {}
                }
            } else {
                match b {
                    b'"' => in_string = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth == 0 => break,
                    b'}' | b']' => depth -= 1,
                    b',' | b':' if depth == 0 => break,
                    b if blank(b) && depth == 0 => break,
                    _ => {}
                }
            }
            self.at += 1;
        }
        let found = self.text.get(start..self.at)?;
        (!found.is_empty()).then_some(found)
    }
}

impl<'a> Iterator for Members<'a> {
    /// The key of an object's member, still escaped, and the value.
    type Item = (Option<&'a str>, &'a str);
    fn next(&mut self) -> Option<Self::Item> {
        let key = if self.object { Some(self.value()?) } else { None };
        Some((key, self.value()?))
    }
}

/// A string's text without its quotes and escapes.
pub(super) fn unescape(string: &str) -> Result<String> {
    let inner = string.trim_matches(['\u{20}', '\t', '\n', '\r']);
    let inner = inner.strip_prefix('"').and_then(|s| s.strip_suffix('"')).unwrap_or(inner);
    if !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    let invalid = || DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json");
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            out.push(c);
            continue;
        }
        let e = rest.chars().next().ok_or_else(invalid)?;
        rest = &rest[e.len_utf8()..];
        out.push(match e {
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = |rest: &mut &str| {
                    let code = rest.get(..4).and_then(|h| u32::from_str_radix(h, 16).ok()).ok_or_else(invalid)?;
                    *rest = &rest[4..];
                    Ok::<u32, DbError>(code)
                };
                let code = unit(&mut rest)?;
                let code = match code {
                    0xd800..=0xdbff if rest.starts_with("\\u") => {
                        rest = &rest[2..];
                        let low = unit(&mut rest)?;
                        0x1_0000 + ((code & 0x3ff) << 10) + (low & 0x3ff)
                    }
                    code => code,
                };
                if code == 0 {
                    return Err(DbError::new(
                        SqlState::UNTRANSLATABLE_CHARACTER,
                        "unsupported Unicode escape sequence",
                    )
                    .detail("\\u0000 cannot be converted to text."));
                }
                char::from_u32(code).ok_or_else(invalid)?
            }
            other => other,
        });
    }
    Ok(out)
}

/// A value as SQL text: strings unescaped, null as NULL, the rest as written.
pub(super) fn as_text(json: &str) -> Result<Option<String>> {
    match kind(json) {
        Kind::Null => Ok(None),
        Kind::String => unescape(json).map(Some),
        _ => Ok(Some(json.trim_matches([' ', '\t', '\n', '\r']).to_owned())),
    }
}

/// A member of an object; the last one when a key occurs twice.
fn field<'a>(json: &'a str, name: &str) -> Result<Option<&'a str>> {
    let Some(members) = Members::new(json, Kind::Object) else { return Ok(None) };
    let mut found = None;
    for (key, value) in members {
        if unescape(key.unwrap_or_default())? == name {
            found = Some(value);
        }
    }
    Ok(found)
}

/// An element of an array; negative numbers count from the end.
fn element(json: &str, n: i32) -> Option<&str> {
    let mut members = Members::new(json, Kind::Array)?;
    let at = match usize::try_from(n) {
        Ok(n) => n,
        Err(_) => Members::new(json, Kind::Array)?.count().checked_sub(n.unsigned_abs() as usize)?,
    };
    members.nth(at).map(|m| m.1)
}

fn path<'a>(json: &'a str, steps: &ArrayValue) -> Result<Option<&'a str>> {
    let mut at = json.trim_matches([' ', '\t', '\n', '\r']);
    for step in &steps.items {
        let Datum::Text(step) = step else { return Ok(None) };
        let next = match kind(at) {
            Kind::Object => field(at, step)?,
            Kind::Array => step.trim().parse::<i32>().ok().and_then(|n| element(at, n)),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn array_length(json: &str) -> Result<i32> {
    match kind(json) {
        Kind::Array => Ok(Members::new(json, Kind::Array).map_or(0, Iterator::count) as i32),
        Kind::Object => Err(parameter("cannot get array length of a non-array")),
        _ => Err(parameter("cannot get array length of a scalar")),
    }
}

fn type_name(json: &str) -> &'static str {
    match kind(json) {
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::String => "string",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Null => "null",
    }
}

fn json(text: &str) -> Datum {
    Datum::Text(Str::new(text))
}

fn text_datum(text: Option<String>) -> Datum {
    text.map_or(Datum::Null, |s| Datum::Text(Str::from(s)))
}

fn rows(rows: Vec<Vec<Datum>>) -> Rows {
    Box::new(rows.into_iter().map(Ok))
}

fn elements(text: &str, function: &str, as_sql: bool) -> Result<Rows> {
    let members = match kind(text) {
        Kind::Array => Members::new(text, Kind::Array),
        Kind::Object => return Err(parameter(format!("cannot call {function} on a non-array"))),
        _ => return Err(parameter(format!("cannot call {function} on a scalar"))),
    };
    members
        .into_iter()
        .flatten()
        .map(|(_, v)| Ok(vec![if as_sql { text_datum(as_text(v)?) } else { json(v) }]))
        .collect::<Result<_>>()
        .map(rows)
}

fn each(text: &str, as_sql: bool) -> Result<Rows> {
    let members = match kind(text) {
        Kind::Object => Members::new(text, Kind::Object),
        Kind::Array => return Err(parameter("cannot deconstruct an array as an object")),
        _ => return Err(parameter("cannot deconstruct a scalar")),
    };
    members
        .into_iter()
        .flatten()
        .map(|(key, v)| {
            let key = unescape(key.unwrap_or_default())?;
            Ok(vec![Datum::Text(Str::from(key)), if as_sql { text_datum(as_text(v)?) } else { json(v) }])
        })
        .collect::<Result<_>>()
        .map(rows)
}

fn keys(text: &str) -> Result<Rows> {
    let members = match kind(text) {
        Kind::Object => Members::new(text, Kind::Object),
        Kind::Array => return Err(parameter("cannot call json_object_keys on an array")),
        _ => return Err(parameter("cannot call json_object_keys on a scalar")),
    };
    members
        .into_iter()
        .flatten()
        .map(|(key, _)| Ok(vec![Datum::Text(Str::from(unescape(key.unwrap_or_default())?))]))
        .collect::<Result<_>>()
        .map(rows)
}

/// Appends a text as a JSON string.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whether a number's text is one in JSON too (NaN and the infinities are not).
pub(super) fn is_json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

/// Appends a value as JSON.
pub(crate) fn write(ctx: &EvalCtx, ty: TypeRef, d: &Datum, out: &mut String, depth: u32) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
    }
    if out.len() > MAX_VALUE {
        return Err(too_large());
    }
    match d {
        Datum::Null => out.push_str("null"),
        Datum::Bool(v) => out.push_str(if *v { "true" } else { "false" }),
        Datum::Int2(_) | Datum::Int4(_) | Datum::Float4(_) | Datum::Float8(_) | Datum::Numeric(_) => {
            let text = text_of(ctx, ty.oid, d)?.unwrap_or_default();
            if is_json_number(&text) { out.push_str(&text) } else { quote(&text, out) }
        }
        Datum::Int8(v) if ty.oid == oid::INT8 => out.push_str(&v.to_string()),
        Datum::Text(s) if ty.oid == oid::JSON => out.push_str(s),
        Datum::Bytes(b) if ty.oid == oid::JSONB => crate::jsonb::write_text(b, out),
        Datum::Date(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => {
            quote(&iso_text(ctx, ty.oid, d)?, out);
        }
        Datum::Array(a) if !matches!(ty.oid, oid::INT2VECTOR | oid::OIDVECTOR) => {
            write_array(ctx, ty, a, out, ",", depth)?;
        }
        Datum::Row(values) => write_row(ctx, ty, values, out, ",", depth)?,
        d => {
            let mut text = String::new();
            show(ctx, ty.oid, d, &mut text)?;
            quote(&text, out);
        }
    }
    Ok(())
}

fn write_array(
    ctx: &EvalCtx,
    ty: TypeRef,
    a: &ArrayValue,
    out: &mut String,
    separator: &str,
    depth: u32,
) -> Result<()> {
    let mut items = a.items.iter();
    // An array of rows has its rows' modifier.
    let elem = TypeRef { oid: a.elem, typmod: ty.typmod, collation: 0 };
    write_dimension(ctx, elem, a, 0, &mut items, out, separator, depth)
}

/// Names and types of a row's fields: what the type's modifier stands for, else `f1`, `f2`…
pub(crate) fn field_names(ty: TypeRef, values: &[(TypeRef, Datum)]) -> shape::Fields {
    shape::fields(ty.typmod)
        .filter(|f| f.len() == values.len())
        .unwrap_or_else(|| values.iter().enumerate().map(|(i, (ty, _))| (format!("f{}", i + 1), *ty)).collect())
}

/// A row's fields with their values.
pub(crate) fn row_fields<'a>(
    fields: &'a shape::Fields,
    values: &'a [(TypeRef, Datum)],
) -> impl Iterator<Item = ((&'a str, TypeRef), &'a Datum)> {
    fields.iter().zip(values).map(|((name, ty), (own, d))| {
        // The shape knows more of nested rows; a field's own type is right when a shape was made for another row.
        let ty = if ty.oid == own.oid { *ty } else { *own };
        ((name.as_str(), ty), d)
    })
}

fn write_row(
    ctx: &EvalCtx,
    ty: TypeRef,
    values: &[(TypeRef, Datum)],
    out: &mut String,
    separator: &str,
    depth: u32,
) -> Result<()> {
    let fields = field_names(ty, values);
    out.push('{');
    for (i, ((name, ty), d)) in row_fields(&fields, values).enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        quote(name, out);
        out.push(':');
        write(ctx, ty, d, out, depth + 1)?;
    }
    out.push('}');
    Ok(())
}

/// A date or timestamp in ISO 8601, whatever DateStyle says.
pub(crate) fn iso_text(ctx: &EvalCtx, ty: u32, d: &Datum) -> Result<String> {
    let mut iso = EvalCtx {
        fmt: ctx.fmt.clone(),
        transaction_start: ctx.transaction_start,
        statement_start: ctx.statement_start,
        session: Arc::clone(&ctx.session),
        host: None,
    };
    iso.fmt.date_style = crate::ctx::DateStyle::Iso;
    let mut text = text_of(&iso, ty, d)?.unwrap_or_default();
    // The first blank parts date and time; a zone is written with its minutes.
    if !matches!(d, Datum::Date(_))
        && let Some(at) = text.find(' ')
    {
        text.replace_range(at..=at, "T");
    }
    if matches!(d, Datum::TimestampTz(_)) {
        let end = text.find(" BC").unwrap_or(text.len());
        if end > 3 && matches!(text.as_bytes().get(end - 3), Some(b'+' | b'-')) {
            text.insert_str(end, ":00");
        }
    }
    Ok(text)
}

#[allow(clippy::too_many_arguments, reason = "the state of one walk")]
fn write_dimension<'a>(
    ctx: &EvalCtx,
    elem: TypeRef,
    a: &ArrayValue,
    level: usize,
    items: &mut impl Iterator<Item = &'a Datum>,
    out: &mut String,
    separator: &str,
    depth: u32,
) -> Result<()> {
    out.push('[');
    for i in 0..a.dims.get(level).map_or(0, |d| d.0) {
        if i > 0 {
            out.push_str(separator);
        }
        if level + 1 < a.dims.len() {
            // Only the outermost level is laid out in lines.
            write_dimension(ctx, elem, a, level + 1, items, out, ",", depth)?;
        } else if let Some(item) = items.next() {
            write(ctx, elem, item, out, depth + 1)?;
        }
    }
    out.push(']');
    Ok(())
}

/// Whether a type can be the key of a JSON object.
pub(crate) fn write_key(ctx: &EvalCtx, ty: TypeRef, d: &Datum, out: &mut String) -> Result<()> {
    let composite = matches!(d, Datum::Row(_)) || matches!(d, Datum::Array(_)) && oid::array_element(ty.oid).is_some();
    if composite || matches!(ty.oid, oid::JSON | oid::JSONB) {
        return Err(parameter("key value must be scalar, not array, composite, or json"));
    }
    let text = match d {
        Datum::Bool(v) => if *v { "true" } else { "false" }.to_owned(),
        Datum::Date(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => iso_text(ctx, ty.oid, d)?,
        d => text_of(ctx, ty.oid, d)?.unwrap_or_default(),
    };
    quote(&text, out);
    Ok(())
}

fn done(out: String) -> Result<Datum> {
    if out.len() > MAX_VALUE { Err(too_large()) } else { Ok(Datum::Text(Str::from(out))) }
}

fn to_json(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let ([d], [ty]) = (args, info.args) else { return Err(arity(args.len())) };
    let mut out = String::new();
    write(ctx, *ty, d, &mut out, 0)?;
    done(out)
}

fn array_to_json(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (a, pretty) = match args {
        [Datum::Array(a)] => (a, false),
        [Datum::Array(a), Datum::Bool(pretty)] => (a, *pretty),
        [d, ..] => return Err(unexpected(d)),
        [] => return Err(arity(0)),
    };
    let mut out = String::new();
    let Some(ty) = info.args.first() else { return Err(arity(0)) };
    write_array(ctx, *ty, a, &mut out, if pretty { ",\n " } else { "," }, 0)?;
    done(out)
}

fn row_to_json(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (row, pretty) = match args {
        [Datum::Row(row)] => (row, false),
        [Datum::Row(row), Datum::Bool(pretty)] => (row, *pretty),
        [d, ..] => return Err(unexpected(d)),
        [] => return Err(arity(0)),
    };
    let Some(ty) = info.args.first() else { return Err(arity(0)) };
    let mut out = String::new();
    write_row(ctx, *ty, row, &mut out, if pretty { ",\n " } else { "," }, 0)?;
    done(out)
}

fn build_array(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(args) = spread(info, args)? else { return Ok(Datum::Null) };
    let mut out = String::from("[");
    for (i, (ty, d)) in args.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        write(ctx, *ty, d, &mut out, 0)?;
    }
    out.push(']');
    done(out)
}

fn build_object(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(args) = spread(info, args)? else { return Ok(Datum::Null) };
    if !args.len().is_multiple_of(2) {
        return Err(parameter("argument list must have even number of elements")
            .hint("The arguments of json_build_object() must consist of alternating keys and values."));
    }
    let mut out = String::from("{");
    for (i, pair) in args.chunks_exact(2).enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        let [(key_type, key), (value_type, value)] = pair else { continue };
        if key.is_null() {
            return Err(parameter(format!("argument {} cannot be null", i * 2 + 1)).hint("Object keys should be text."));
        }
        write_key(ctx, *key_type, key, &mut out)?;
        out.push_str(" : ");
        write(ctx, *value_type, value, &mut out, 0)?;
    }
    out.push('}');
    done(out)
}

fn subscript_error(message: &'static str) -> DbError {
    DbError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message)
}

fn object_from_pairs<'a>(pairs: impl Iterator<Item = (&'a Datum, &'a Datum)>) -> Result<String> {
    let mut out = String::from("{");
    for (i, (key, value)) in pairs.enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        match key {
            Datum::Text(k) => quote(k, &mut out),
            _ => {
                return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key"));
            }
        }
        out.push_str(" : ");
        match value {
            Datum::Text(v) => quote(v, &mut out),
            _ => out.push_str("null"),
        }
    }
    out.push('}');
    Ok(out)
}

/// Keys and values of `json(b)_object(text[])`: a flat list in which they alternate, or a list of pairs.
pub(super) fn pairs_of(a: &ArrayValue) -> Result<impl Iterator<Item = (&Datum, &Datum)>> {
    match a.dims[..] {
        [] => {}
        [(len, _)] if len % 2 == 0 => {}
        [_] => return Err(subscript_error("array must have even number of elements")),
        [_, (2, _)] => {}
        [_, _] => return Err(subscript_error("array must have two columns")),
        _ => return Err(subscript_error("wrong number of array subscripts")),
    }
    Ok(a.items.chunks_exact(2).map(|p| (&p[0], &p[1])))
}

/// Keys and values of `json(b)_object(text[], text[])`.
pub(super) fn pairs_of_two<'a>(
    keys: &'a ArrayValue,
    values: &'a ArrayValue,
) -> Result<impl Iterator<Item = (&'a Datum, &'a Datum)>> {
    if keys.dims.len() > 1 || keys.dims.len() != values.dims.len() {
        return Err(subscript_error("wrong number of array subscripts"));
    }
    if keys.items.len() != values.items.len() {
        return Err(subscript_error("mismatched array dimensions"));
    }
    Ok(keys.items.iter().zip(&values.items))
}

/// `json_object(text[])`.
fn object(a: &ArrayValue) -> Result<String> {
    object_from_pairs(pairs_of(a)?)
}

fn object_of(keys: &ArrayValue, values: &ArrayValue) -> Result<String> {
    object_from_pairs(pairs_of_two(keys, values)?)
}

/// Without blanks, and without the members of objects that are null.
fn strip_nulls(text: &str, out: &mut String, depth: u32) -> Result<()> {
    if depth > 600 {
        return Err(DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
    }
    let (open, close) = match kind(text) {
        Kind::Object => ('{', '}'),
        Kind::Array => ('[', ']'),
        Kind::String => {
            quote(&unescape(text)?, out);
            return Ok(());
        }
        _ => {
            out.push_str(text.trim_matches([' ', '\t', '\n', '\r']));
            return Ok(());
        }
    };
    out.push(open);
    let mut first = true;
    for (key, value) in Members::new(text, kind(text)).into_iter().flatten() {
        if key.is_some() && kind(value) == Kind::Null {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        if let Some(key) = key {
            quote(&unescape(key)?, out);
            out.push(':');
        }
        strip_nulls(value, out, depth + 1)?;
    }
    out.push(close);
    Ok(())
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("json_object_field", |j: &str, k: &str| field(j, k).map(|v| v.map(str::to_owned))),
    scalar!("json_object_field_text", |j: &str, k: &str| field(j, k)?.map_or(Ok(None), as_text)),
    scalar!("json_array_element", |j: &str, n: i32| element(j, n)),
    scalar!("json_array_element_text", |j: &str, n: i32| element(j, n).map_or(Ok(None), as_text)),
    scalar!("json_extract_path", |j: &str, p: &Arc<ArrayValue>| path(j, p).map(|v| v.map(str::to_owned))),
    scalar!("json_extract_path_text", |j: &str, p: &Arc<ArrayValue>| path(j, p)?.map_or(Ok(None), as_text)),
    scalar!("json_array_length", |j: &str| array_length(j)),
    scalar!("json_typeof", |j: &str| type_name(j)),
    scalar!("json_strip_nulls", |j: &str| {
        let mut out = String::new();
        strip_nulls(j, &mut out, 0).map(|()| out)
    }),
    scalar!("json_object", |a: &Arc<ArrayValue>| object(a)),
    scalar!("json_object_two_arg", |k: &Arc<ArrayValue>, v: &Arc<ArrayValue>| object_of(k, v)),
    set!("json_array_elements", |j: &str| elements(j, "json_array_elements", false)),
    set!("json_array_elements_text", |j: &str| elements(j, "json_array_elements_text", true)),
    set!("json_each", |j: &str| each(j, false)),
    set!("json_each_text", |j: &str| each(j, true)),
    set!("json_object_keys", |j: &str| keys(j)),
    raw!("to_json", to_json),
    raw!("array_to_json", array_to_json),
    raw!("array_to_json_pretty", array_to_json),
    raw!("row_to_json", row_to_json),
    raw!("row_to_json_pretty", row_to_json),
    raw!("json_build_array", build_array),
    raw!("json_build_array_noargs", build_array),
    raw!("json_build_object", build_object),
    raw!("json_build_object_noargs", build_object),
]];
