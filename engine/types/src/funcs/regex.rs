//! The functions and operators over regular expressions, and SIMILAR TO's translation to them.

use super::args::{raw, scalar, set};
use super::like::invalid_escape;
use super::text::{MAX_VALUE, too_large};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, Str};
use crate::kernel::{CallInfo, Kernel};
use crate::regexp::ast::Syntax;
use crate::regexp::{Match, Pattern, compiled};
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// OID of text.
const TEXT: u32 = 25;

fn parameter(message: impl Into<String>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, message.into())
}

/// What a flags argument says.
struct Flags {
    syntax: Syntax,
    global: bool,
}

fn flags(text: &str) -> Result<Flags> {
    let mut syntax = Syntax::default();
    let (mut global, mut other_kind) = (false, false);
    for c in text.chars() {
        match c {
            'g' => global = true,
            'b' | 'e' => other_kind = true,
            'c' => syntax.ignore_case = false,
            'i' => syntax.ignore_case = true,
            'm' | 'n' => (syntax.newline_stops, syntax.newline_anchors) = (true, true),
            'p' => (syntax.newline_stops, syntax.newline_anchors) = (true, false),
            'w' => (syntax.newline_stops, syntax.newline_anchors) = (false, true),
            's' => (syntax.newline_stops, syntax.newline_anchors) = (false, false),
            'q' => syntax.quote = true,
            't' => syntax.expanded = false,
            'x' => syntax.expanded = true,
            _ => return Err(parameter(format!("invalid regular expression option: \"{c}\""))),
        }
    }
    if other_kind {
        return Err(DbError::unsupported("basic and extended regular expressions are not supported"));
    }
    Ok(Flags { syntax, global })
}

/// Flags for a function that takes no "g".
fn local_flags(text: &str, function: &str, hint: Option<&str>) -> Result<Syntax> {
    let f = flags(text)?;
    if f.global {
        let e = parameter(format!("{function} does not support the \"global\" option"));
        return Err(match hint {
            Some(h) => e.hint(h),
            None => e,
        });
    }
    Ok(f.syntax)
}

const NO_CASE: Syntax =
    Syntax { ignore_case: true, newline_stops: false, newline_anchors: false, expanded: false, quote: false };

fn matches(text: &str, pattern: &str, syntax: Syntax) -> Result<bool> {
    compiled(pattern, syntax)?.is_match(text)
}

/// Byte offset of the 1-based character position `start`; `None` beyond the text's end.
fn start_offset(text: &str, start: i32) -> Option<usize> {
    let skip = usize::try_from(start).ok()?.checked_sub(1)?;
    text.char_indices().map(|(i, _)| i).chain([text.len()]).nth(skip)
}

/// Every match from a byte offset on; empty matches advance by a character, and one right after a match is no match.
struct Matches<'a> {
    pattern: Arc<Pattern>,
    text: &'a str,
    next: Option<usize>,
}

impl<'a> Matches<'a> {
    fn new(pattern: Arc<Pattern>, text: &'a str, from: usize) -> Self {
        Matches { pattern, text, next: Some(from) }
    }
}

/// The place one character on, if there is one or it is the end.
fn after_char(text: &str, at: usize) -> Option<usize> {
    text[at..].chars().next().map(|c| at + c.len_utf8())
}

impl Iterator for Matches<'_> {
    type Item = Result<Match>;
    fn next(&mut self) -> Option<Result<Match>> {
        let m = match self.pattern.find_at(self.text, self.next?) {
            Ok(m) => m?,
            Err(e) => {
                self.next = None;
                return Some(Err(e));
            }
        };
        self.next = if m.end > m.start { Some(m.end) } else { after_char(self.text, m.end) };
        Some(Ok(m))
    }
}

fn piece(text: &str, span: Option<(usize, usize)>) -> Datum {
    span.map_or(Datum::Null, |(a, b)| Datum::Text(Str::new(&text[a..b])))
}

fn text_array(items: Vec<Datum>) -> Datum {
    let dims = if items.is_empty() { vec![] } else { vec![(items.len() as i32, 1)] };
    Datum::Array(Arc::new(ArrayValue { elem: TEXT, dims, items }))
}

/// The groups of a match, or the whole if the pattern has none, as a text array.
fn match_array(text: &str, m: &Match) -> Datum {
    if m.groups.is_empty() {
        return text_array(vec![piece(text, Some((m.start, m.end)))]);
    }
    text_array(m.groups.iter().map(|&g| piece(text, g)).collect())
}

/// `substring(text from pattern)`: the first group, or the whole without groups.
fn substring(text: &str, pattern: &str) -> Result<Datum> {
    let p = compiled(pattern, Syntax::default())?;
    Ok(p.find_at(text, 0)?
        .map_or(Datum::Null, |m| piece(text, m.groups.first().map_or(Some((m.start, m.end)), |g| *g))))
}

/// Appends a replacement text, its `\1`…`\9`, `\&` and `\\` filled in.
fn expand(replacement: &str, text: &str, m: &Match, out: &mut String) {
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('&') => out.push_str(&text[m.start..m.end]),
            Some('\\') => out.push('\\'),
            Some(d @ '1'..='9') => {
                // A group that does not exist or took no part is the empty text.
                if let Some(Some((a, b))) = m.groups.get(d as usize - '1' as usize) {
                    out.push_str(&text[*a..*b]);
                }
            }
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
}

/// Replaces the `nth` match (1-based) from a place on, or every one for 0.
fn replace(text: &str, pattern: Arc<Pattern>, with: &str, from: usize, nth: usize) -> Result<String> {
    let mut out = String::new();
    let mut copied = 0;
    for (i, m) in Matches::new(pattern, text, from).enumerate() {
        let m = m?;
        if nth > 0 && i + 1 < nth {
            continue;
        }
        out.push_str(&text[copied..m.start]);
        expand(with, text, &m, &mut out);
        copied = m.end;
        if out.len() > MAX_VALUE {
            return Err(too_large());
        }
        if nth > 0 {
            break;
        }
    }
    out.push_str(&text[copied..]);
    Ok(out)
}

fn check_start(start: i32) -> Result<()> {
    positive("start", start)
}

/// 22023 unless a parameter is at least one.
fn positive(name: &str, value: i32) -> Result<()> {
    if value > 0 { Ok(()) } else { Err(invalid_value(name, value)) }
}

fn invalid_value(name: &str, value: i32) -> DbError {
    parameter(format!("invalid value for parameter \"{name}\": {value}"))
}

fn replace_flags(text: &str, pattern: &str, with: &str, f: &str) -> Result<String> {
    // A fourth argument that is a number was meant for the form with a start position.
    if f.starts_with(|c: char| c.is_ascii_digit()) {
        let c = f.chars().next().unwrap_or_default();
        return Err(parameter(format!("invalid regular expression option: \"{c}\"")).hint(
            "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.",
        ));
    }
    let f = flags(f)?;
    replace(text, compiled(pattern, f.syntax)?, with, 0, usize::from(!f.global))
}

fn replace_from(text: &str, pattern: &str, with: &str, start: i32, n: Option<i32>, f: &str) -> Result<String> {
    check_start(start)?;
    if let Some(n) = n.filter(|&n| n < 0) {
        return Err(invalid_value("n", n));
    }
    let f = flags(f)?;
    // Without n, the flag decides between the first match and all of them.
    let nth = n.map_or(usize::from(!f.global), |n| n as usize);
    let pattern = compiled(pattern, f.syntax)?;
    match start_offset(text, start) {
        Some(from) => replace(text, pattern, with, from, nth),
        None => Ok(text.to_owned()),
    }
}

fn count(text: &str, pattern: &str, start: i32, f: &str) -> Result<i32> {
    check_start(start)?;
    let pattern = compiled(pattern, local_flags(f, "regexp_count()", None)?)?;
    let Some(from) = start_offset(text, start) else { return Ok(0) };
    Matches::new(pattern, text, from).try_fold(0i32, |n, m| m.map(|_| n.saturating_add(1)))
}

/// The `n`-th match from a start, and the group chosen (0 for the whole), as a span.
fn nth_span(text: &str, pattern: &Arc<Pattern>, start: i32, n: i32, group: i32) -> Result<Option<(usize, usize)>> {
    let (Some(from), Ok(skip), Ok(group)) = (start_offset(text, start), usize::try_from(n - 1), usize::try_from(group))
    else {
        return Ok(None);
    };
    let mut matches = Matches::new(Arc::clone(pattern), text, from);
    for _ in 0..skip {
        match matches.next() {
            None => return Ok(None),
            Some(m) => m?,
        };
    }
    let Some(m) = matches.next().transpose()? else { return Ok(None) };
    Ok(match group.checked_sub(1) {
        None => Some((m.start, m.end)),
        Some(g) => m.groups.get(g).copied().flatten(),
    })
}

fn instr(text: &str, pattern: &str, start: i32, n: i32, end: i32, f: &str, group: i32) -> Result<i32> {
    check_start(start)?;
    positive("n", n)?;
    if !(0..=1).contains(&end) {
        return Err(invalid_value("endoption", end));
    }
    if group < 0 {
        return Err(invalid_value("subexpr", group));
    }
    let pattern = compiled(pattern, local_flags(f, "regexp_instr()", None)?)?;
    let Some((a, b)) = nth_span(text, &pattern, start, n, group)? else { return Ok(0) };
    let at = if end == 1 { b } else { a };
    Ok(text[..at].chars().count() as i32 + 1)
}

fn substr(text: &str, pattern: &str, start: i32, n: i32, f: &str, group: i32) -> Result<Datum> {
    check_start(start)?;
    positive("n", n)?;
    if group < 0 {
        return Err(invalid_value("subexpr", group));
    }
    let pattern = compiled(pattern, local_flags(f, "regexp_substr()", None)?)?;
    Ok(piece(text, nth_span(text, &pattern, start, n, group)?))
}

const MATCHES_HINT: &str = "Use the regexp_matches function instead.";

fn first_match(text: &str, pattern: &str, f: &str) -> Result<Datum> {
    let pattern = compiled(pattern, local_flags(f, "regexp_match()", Some(MATCHES_HINT))?)?;
    Ok(pattern.find_at(text, 0)?.map_or(Datum::Null, |m| match_array(text, &m)))
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn rows(values: Vec<Datum>) -> Rows {
    Box::new(values.into_iter().map(|v| Ok(vec![v])))
}

fn all_matches(text: &str, pattern: &str, f: &str) -> Result<Rows> {
    let f = flags(f)?;
    let pattern = compiled(pattern, f.syntax)?;
    let take = if f.global { usize::MAX } else { 1 };
    let found = Matches::new(pattern, text, 0).take(take).map(|m| m.map(|m| match_array(text, &m)));
    Ok(rows(found.collect::<Result<_>>()?))
}

/// The pieces between matches. Empty matches at the ends or right after another match do not split.
fn split(text: &str, pattern: &str, f: &str, function: &str) -> Result<Vec<Datum>> {
    let pattern = compiled(pattern, local_flags(f, function, None)?)?;
    let mut pieces = Vec::new();
    let mut from = 0;
    for m in Matches::new(pattern, text, 0) {
        let m = m?;
        if m.end == m.start && (m.end == from || m.end == text.len()) {
            continue;
        }
        pieces.push(piece(text, Some((from, m.start))));
        from = m.end;
    }
    pieces.push(piece(text, Some((from, text.len()))));
    Ok(pieces)
}

/// A SIMILAR TO pattern as a regular expression. `escape` is `None` for the default backslash, empty for none.
fn similar(pattern: &str, escape: Option<&str>) -> Result<String> {
    let escape = match escape {
        None => Some('\\'),
        Some(e) => {
            let mut chars = e.chars();
            let c = chars.next();
            if chars.next().is_some() {
                return Err(invalid_escape());
            }
            c
        }
    };
    let mut out = String::from("^(?:");
    let mut after_escape = false;
    let mut in_bracket = false;
    let mut quotes = 0;
    for c in pattern.chars() {
        if after_escape {
            if c == '"' && !in_bracket {
                // The two escaped quotes part the pattern: what is between them is what substring() takes.
                match quotes {
                    0 => out.push_str("){1,1}?("),
                    1 => out.push_str("){1,1}(?:"),
                    _ => {
                        return Err(DbError::new(
                            SqlState::INVALID_USE_OF_ESCAPE_CHARACTER,
                            "SQL regular expression may not contain more than two escape-double-quote separators",
                        ));
                    }
                }
                quotes += 1;
            } else {
                out.push('\\');
                out.push(c);
            }
            after_escape = false;
        } else if Some(c) == escape {
            after_escape = true;
        } else if in_bracket {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            in_bracket = c != ']';
        } else {
            match c {
                '[' => {
                    out.push(c);
                    in_bracket = true;
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(c),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

/// The old form, not strict: a NULL escape means the default one.
fn similar_escape(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    match args {
        [Datum::Text(p), Datum::Text(e)] => similar(p, Some(e)).map(|s| Datum::Text(s.into())),
        [Datum::Text(p), Datum::Null] => similar(p, None).map(|s| Datum::Text(s.into())),
        _ => Ok(Datum::Null),
    }
}

macro_rules! operators {
    ($prefix:literal) => {
        [
            scalar!(concat!($prefix, "regexeq"), |t: &str, p: &str| matches(t, p, Syntax::default())),
            scalar!(concat!($prefix, "regexne"), |t: &str, p: &str| matches(t, p, Syntax::default()).map(|m| !m)),
            scalar!(concat!($prefix, "icregexeq"), |t: &str, p: &str| matches(t, p, NO_CASE)),
            scalar!(concat!($prefix, "icregexne"), |t: &str, p: &str| matches(t, p, NO_CASE).map(|m| !m)),
        ]
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &operators!("text"),
    &operators!("name"),
    &[
        scalar!("textregexsubstr", |t: &str, p: &str| substring(t, p)),
        scalar!("substring(text,text,text)", |t: &str, p: &str, e: &str| substring(t, &similar(p, Some(e))?)),
        scalar!("textregexreplace_noopt", |t: &str, p: &str, w: &str| replace(
            t,
            compiled(p, Syntax::default())?,
            w,
            0,
            1
        )),
        scalar!("textregexreplace", |t: &str, p: &str, w: &str, f: &str| replace_flags(t, p, w, f)),
        scalar!("textregexreplace_extended", |t: &str, p: &str, w: &str, s: i32, n: i32, f: &str| replace_from(
            t,
            p,
            w,
            s,
            Some(n),
            f
        )),
        scalar!("textregexreplace_extended_no_flags", |t: &str, p: &str, w: &str, s: i32, n: i32| replace_from(
            t,
            p,
            w,
            s,
            Some(n),
            ""
        )),
        scalar!("textregexreplace_extended_no_n", |t: &str, p: &str, w: &str, s: i32| replace_from(
            t,
            p,
            w,
            s,
            Some(1),
            ""
        )),
        scalar!("regexp_count", |t: &str, p: &str, s: i32, f: &str| count(t, p, s, f)),
        scalar!("regexp_count_no_flags", |t: &str, p: &str, s: i32| count(t, p, s, "")),
        scalar!("regexp_count_no_start", |t: &str, p: &str| count(t, p, 1, "")),
        scalar!("regexp_instr", |t: &str, p: &str, s: i32, n: i32, e: i32, f: &str, g: i32| instr(t, p, s, n, e, f, g)),
        scalar!("regexp_instr_no_subexpr", |t: &str, p: &str, s: i32, n: i32, e: i32, f: &str| instr(
            t, p, s, n, e, f, 0
        )),
        scalar!("regexp_instr_no_flags", |t: &str, p: &str, s: i32, n: i32, e: i32| instr(t, p, s, n, e, "", 0)),
        scalar!("regexp_instr_no_endoption", |t: &str, p: &str, s: i32, n: i32| instr(t, p, s, n, 0, "", 0)),
        scalar!("regexp_instr_no_n", |t: &str, p: &str, s: i32| instr(t, p, s, 1, 0, "", 0)),
        scalar!("regexp_instr_no_start", |t: &str, p: &str| instr(t, p, 1, 1, 0, "", 0)),
        scalar!("regexp_substr", |t: &str, p: &str, s: i32, n: i32, f: &str, g: i32| substr(t, p, s, n, f, g)),
        scalar!("regexp_substr_no_subexpr", |t: &str, p: &str, s: i32, n: i32, f: &str| substr(t, p, s, n, f, 0)),
        scalar!("regexp_substr_no_flags", |t: &str, p: &str, s: i32, n: i32| substr(t, p, s, n, "", 0)),
        scalar!("regexp_substr_no_n", |t: &str, p: &str, s: i32| substr(t, p, s, 1, "", 0)),
        scalar!("regexp_substr_no_start", |t: &str, p: &str| substr(t, p, 1, 1, "", 0)),
        scalar!("regexp_like", |t: &str, p: &str, f: &str| matches(t, p, local_flags(f, "regexp_like()", None)?)),
        scalar!("regexp_like_no_flags", |t: &str, p: &str| matches(t, p, Syntax::default())),
        scalar!("regexp_match", |t: &str, p: &str, f: &str| first_match(t, p, f)),
        scalar!("regexp_match_no_flags", |t: &str, p: &str| first_match(t, p, "")),
        set!("regexp_matches", |t: &str, p: &str, f: &str| all_matches(t, p, f)),
        set!("regexp_matches_no_flags", |t: &str, p: &str| all_matches(t, p, "")),
        scalar!("regexp_split_to_array", |t: &str, p: &str, f: &str| {
            split(t, p, f, "regexp_split_to_array()").map(text_array)
        }),
        scalar!("regexp_split_to_array_no_flags", |t: &str, p: &str| split(t, p, "", "").map(text_array)),
        set!("regexp_split_to_table", |t: &str, p: &str, f: &str| {
            split(t, p, f, "regexp_split_to_table()").map(rows)
        }),
        set!("regexp_split_to_table_no_flags", |t: &str, p: &str| split(t, p, "", "").map(rows)),
        scalar!("similar_to_escape_1", |p: &str| similar(p, None)),
        scalar!("similar_to_escape_2", |p: &str, e: &str| similar(p, Some(e))),
        raw!("similar_escape", similar_escape),
    ],
];
