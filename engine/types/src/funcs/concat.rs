//! Functions that turn any values into text: concat, concat_ws, format, array_to_string, and quoting of any value.

use super::args::{arity, raw, unexpected};
use super::quote::{quote_ident, quote_literal};
use super::show::{argument_type, cast_to_text, show, spread, text_of};
use super::text::{MAX_VALUE, too_large};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, Str, TypeRef};
use crate::kernel::{CallInfo, Kernel, ScalarFn};
use crate::shape::SPREAD;
use rustydb_base::{DbError, Result, SqlState};

fn text(s: String) -> Result<Datum> {
    if s.len() > MAX_VALUE { Err(too_large()) } else { Ok(Datum::Text(Str::from(s))) }
}

fn concat(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let mut out = String::new();
    for (i, d) in args.iter().enumerate() {
        show(ctx, argument_type(info.args, i)?, d, &mut out)?;
    }
    text(out)
}

fn concat_ws(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let separator = match args.first() {
        Some(Datum::Text(s)) => s,
        Some(Datum::Null) => return Ok(Datum::Null),
        Some(d) => return Err(unexpected(d)),
        None => return Err(arity(0)),
    };
    let mut out = String::new();
    let mut first = true;
    for (i, d) in args.iter().enumerate().skip(1).filter(|(_, d)| !d.is_null()) {
        if !first {
            out.push_str(separator);
        }
        first = false;
        show(ctx, argument_type(info.args, i)?, d, &mut out)?;
    }
    text(out)
}

fn parameter(message: impl Into<String>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, message.into())
}

/// The characters of a format string with one look ahead.
struct Spec<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Spec<'_> {
    fn next(&mut self) -> Result<char> {
        self.chars.next().ok_or_else(Self::unterminated)
    }

    fn peek(&mut self) -> Result<char> {
        self.chars.peek().copied().ok_or_else(Self::unterminated)
    }

    fn unterminated() -> DbError {
        parameter("unterminated format() type specifier").hint("For a single \"%\" use \"%%\".")
    }

    /// Digits, if there are any.
    fn number(&mut self) -> Result<Option<i32>> {
        let mut n: Option<i32> = None;
        while let Some(d) = self.peek()?.to_digit(10) {
            let v = n.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(d as i32));
            n = Some(v.ok_or_else(|| DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range"))?);
            self.next()?;
        }
        Ok(n)
    }
}

fn position_zero() -> DbError {
    parameter("format specifies argument 0, but arguments are numbered from 1")
}

fn format(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let template = match args.first() {
        Some(Datum::Text(s)) => s,
        Some(Datum::Null) => return Ok(Datum::Null),
        Some(d) => return Err(unexpected(d)),
        None => return Err(arity(0)),
    };
    let argument = |n: usize| args.get(n).ok_or_else(|| parameter("too few arguments for format()"));
    let mut out = String::new();
    let mut spec = Spec { chars: template.chars().peekable() };
    // Number of the argument used last; the format itself is argument 0.
    let mut last = 0;
    while let Some(c) = spec.chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if spec.peek()? == '%' {
            out.push('%');
            spec.next()?;
            continue;
        }
        let (mut position, mut width): (Option<usize>, i64) = (None, 0);
        // What starts with digits is a position if a dollar sign follows, else the width.
        let leading = spec.number()?;
        let mut width_done = false;
        if let Some(n) = leading {
            if spec.peek()? == '$' {
                spec.next()?;
                if n == 0 {
                    return Err(position_zero());
                }
                position = Some(n as usize);
            } else {
                width = n.into();
                width_done = true;
            }
        }
        let mut left = false;
        if !width_done {
            while spec.peek()? == '-' {
                left = true;
                spec.next()?;
            }
            if spec.peek()? == '*' {
                spec.next()?;
                let from = match spec.number()? {
                    Some(0) => return Err(position_zero()),
                    Some(n) => {
                        if spec.next()? != '$' {
                            return Err(parameter("width argument position must be ended by \"$\""));
                        }
                        n as usize
                    }
                    None => last + 1,
                };
                last = from;
                width = match argument(from)? {
                    Datum::Null => 0,
                    Datum::Int4(n) => (*n).into(),
                    Datum::Int2(n) => (*n).into(),
                    d => {
                        let shown = text_of(ctx, argument_type(info.args, from)?, d)?.unwrap_or_default();
                        shown.trim().parse::<i32>().map(i64::from).map_err(|_| {
                            DbError::new(
                                SqlState::INVALID_TEXT_REPRESENTATION,
                                format!("invalid input syntax for type integer: \"{shown}\""),
                            )
                        })?
                    }
                };
                if width < 0 {
                    left = true;
                    width = -width;
                }
            } else {
                width = spec.number()?.unwrap_or(0).into();
            }
        }
        let conversion = spec.next()?;
        if !matches!(conversion, 's' | 'I' | 'L') {
            return Err(parameter(format!("unrecognized format() type specifier \"{conversion}\""))
                .hint("For a single \"%\" use \"%%\"."));
        }
        let at = position.unwrap_or(last + 1);
        last = at;
        let value = text_of(ctx, info.args.get(at).map_or(0, |t| t.oid), argument(at)?)?;
        let piece = match (conversion, value) {
            ('s', v) => v.unwrap_or_default(),
            ('I', None) => {
                return Err(DbError::new(
                    SqlState::NULL_VALUE_NOT_ALLOWED,
                    "null values cannot be formatted as an SQL identifier",
                ));
            }
            ('I', Some(v)) => quote_ident(&v),
            (_, None) => "NULL".to_owned(),
            (_, Some(v)) => quote_literal(&v),
        };
        let blanks = usize::try_from(width).unwrap_or(0).saturating_sub(piece.chars().count());
        if out.len().saturating_add(blanks).saturating_add(piece.len()) > MAX_VALUE {
            return Err(too_large());
        }
        let padding = " ".repeat(blanks);
        if left {
            out.push_str(&piece);
            out.push_str(&padding);
        } else {
            out.push_str(&padding);
            out.push_str(&piece);
        }
    }
    text(out)
}

/// `array_to_string(array, separator [, null string])`.
fn array_to_text(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (a, separator, null) = match args {
        [Datum::Array(a), Datum::Text(s)] => (a, s, None),
        [Datum::Array(a), Datum::Text(s), Datum::Text(n)] => (a, s, Some(n.as_str())),
        [Datum::Array(a), Datum::Text(s), Datum::Null] => (a, s, None),
        // The form with a null string is not strict.
        _ => return Ok(Datum::Null),
    };
    let mut out = String::new();
    let mut first = true;
    for item in &a.items {
        if item.is_null() && null.is_none() {
            continue;
        }
        if !first {
            out.push_str(separator);
        }
        first = false;
        match (item, null) {
            (Datum::Null, Some(null)) => out.push_str(null),
            (item, _) => show(ctx, a.elem, item, &mut out)?,
        }
    }
    text(out)
}

fn quote_any(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [d] = args else { return Err(arity(args.len())) };
    let shown = cast_to_text(ctx, argument_type(info.args, 0)?, d)?;
    text(shown.map_or_else(|| "NULL".to_owned(), |s| quote_literal(&s)))
}

/// `text || any` and `any || text`.
fn cat_any(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let mut out = String::new();
    for (i, d) in args.iter().enumerate() {
        match cast_to_text(ctx, argument_type(info.args, i)?, d)? {
            Some(s) => out.push_str(&s),
            None => return Ok(Datum::Null),
        }
    }
    text(out)
}

/// Calls a function of any arguments with the elements of the array that came after VARIADIC, if one did; `null` is its
/// answer when that array is NULL.
fn variadic(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum], f: ScalarFn, null: Option<Datum>) -> Result<Datum> {
    if info.args.last().is_none_or(|ty| ty.typmod != SPREAD) {
        return f(ctx, info, args);
    }
    let fixed = args.len().saturating_sub(1);
    let (types, values): (Vec<TypeRef>, Vec<Datum>) = match (spread(info, args)?, null) {
        (Some(all), _) => all.into_iter().unzip(),
        (None, Some(d)) => return Ok(d),
        (None, None) => info.args.iter().copied().zip(args.iter().cloned()).take(fixed).unzip(),
    };
    f(ctx, &CallInfo { args: &types, result: info.result, collation: info.collation }, &values)
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    raw!("text_concat", |ctx, info, args| variadic(ctx, info, args, concat, Some(Datum::Null))),
    raw!("text_concat_ws", |ctx, info, args| variadic(ctx, info, args, concat_ws, Some(Datum::Null))),
    raw!("text_format", |ctx, info, args| variadic(ctx, info, args, format, None)),
    raw!("text_format_nv", format),
    raw!("array_to_text", array_to_text),
    raw!("array_to_text_null", array_to_text),
    raw!("quote_literal(anyelement)", quote_any),
    raw!("quote_nullable(anyelement)", quote_any),
    raw!("textanycat(text,anynonarray)", cat_any),
    raw!("anytextcat(anynonarray,text)", cat_any),
]];
