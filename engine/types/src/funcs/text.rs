//! text, varchar, bpchar, name and "char": comparison, length, case, cutting and joining.
//!
//! Positions and lengths count characters. Comparison is that of `str` (for collations of ICU's, [`super::collated`] stands
//! in); bpchar ignores trailing blanks. Case follows the one-to-one mappings of Unicode (as the C library's
//! `towupper` does: 'ß' has no upper case), or ASCII only under the collations C and POSIX, or the locale's full mappings
//! under one of ICU's.

use super::args::{comparisons, scalar};
use super::int::{byte_difference, out_of_range, string_difference};
use crate::cmp::bpchar_significant as unpadded;
use crate::collation::{self, icu};
use crate::datum::{Datum, Str};
use crate::io::scalar::{char_from_byte, char_in, char_to_byte};
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// PostgreSQL's bound on one value: 1 GiB less one byte.
pub(crate) const MAX_VALUE: usize = 0x3fff_ffff;

/// Longest `name`, in bytes.
const NAME_LEN: usize = 63;

/// 54000 for a result beyond [`MAX_VALUE`].
pub(crate) fn too_large() -> DbError {
    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "requested length too large")
}

pub(crate) fn negative_length() -> DbError {
    DbError::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed")
}

/// How bpchar values compare.
pub fn bpchar_cmp(a: &str, b: &str) -> Ordering {
    unpadded(a).cmp(unpadded(b))
}

fn char_count(s: &str) -> i32 {
    // A value is below 1 GiB, so its count fits.
    s.chars().count() as i32
}

fn upper_char(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(u), None) => u,
        _ => c,
    }
}

fn lower_char(c: char) -> char {
    // The one letter whose lower case is two characters, for which the C library answers the first.
    if c == '\u{130}' { 'i' } else { c.to_lowercase().next().unwrap_or(c) }
}

/// Upper case as `upper()` gives it.
pub(crate) fn upper(s: &str, collation: u32) -> String {
    if let Some(s) = icu::with(collation, |c| c.upper(s)) {
        return s;
    }
    if s.is_ascii() || collation::ascii_only(collation) {
        s.to_ascii_uppercase()
    } else {
        s.chars().map(upper_char).collect()
    }
}

/// Lower case as `lower()` gives it.
pub(crate) fn lower(s: &str, collation: u32) -> String {
    if let Some(s) = icu::with(collation, |c| c.lower(s)) {
        return s;
    }
    if s.is_ascii() || collation::ascii_only(collation) {
        s.to_ascii_lowercase()
    } else {
        s.chars().map(lower_char).collect()
    }
}

/// `initcap()`.
pub(crate) fn initcap(s: &str, collation: u32) -> String {
    if let Some(s) = icu::with(collation, |c| c.title(s)) {
        return s;
    }
    let ascii = collation::ascii_only(collation);
    let mut in_word = false;
    s.chars()
        .map(|c| {
            let mapped = match (in_word, ascii) {
                (true, true) => c.to_ascii_lowercase(),
                (true, false) => lower_char(c),
                (false, true) => c.to_ascii_uppercase(),
                (false, false) => upper_char(c),
            };
            in_word = if ascii { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() };
            mapped
        })
        .collect()
}

/// Byte offset of the `n`-th character (0-based), or the text's length.
fn offset_of(s: &str, n: usize) -> usize {
    if s.is_ascii() {
        return n.min(s.len());
    }
    s.char_indices().nth(n).map_or(s.len(), |(i, _)| i)
}

/// The 0-based range of elements that `substring(… from start for len)` takes; `None` for the empty answer.
pub(crate) fn substring_range(start: i32, len: Option<i32>) -> Result<Option<(usize, usize)>> {
    let start = i64::from(start);
    let end = match len {
        Some(len) if len < 0 => {
            // A length so negative that the end lies before everything is still an error.
            return Err(negative_length());
        }
        Some(len) => start + i64::from(len),
        None => i64::MAX,
    };
    if end < 1 {
        return Ok(None);
    }
    let from = start.max(1) - 1;
    let to = end - 1;
    Ok((to > from).then_some((from as usize, to as usize)))
}

fn substring(s: &str, start: i32, len: Option<i32>) -> Result<&str> {
    let Some((from, to)) = substring_range(start, len)? else { return Ok("") };
    let begin = offset_of(s, from);
    let rest = &s[begin..];
    Ok(&rest[..offset_of(rest, to - from)])
}

fn overlay(s: &str, with: &str, start: i32, len: i32) -> Result<String> {
    if start <= 0 {
        return Err(negative_length());
    }
    let after = start.checked_add(len).ok_or_else(|| out_of_range("integer"))?;
    let head = substring(s, 1, Some(start - 1))?;
    let tail = substring(s, after, None)?;
    Ok([head, with, tail].concat())
}

fn position(haystack: &str, needle: &str) -> i32 {
    haystack.find(needle).map_or(0, |at| char_count(&haystack[..at]) + 1)
}

fn pad(s: &str, len: i32, fill: &str, left: bool) -> Result<String> {
    let len = usize::try_from(len).unwrap_or(0);
    if len.saturating_mul(4) > MAX_VALUE {
        return Err(too_large());
    }
    let have = s.chars().count();
    if have >= len || fill.is_empty() {
        return Ok(s[..offset_of(s, len)].to_owned());
    }
    let padding: String = fill.chars().cycle().take(len - have).collect();
    Ok(if left { padding + s } else { [s, padding.as_str()].concat() })
}

fn repeat(s: &str, n: i32) -> Result<String> {
    let n = usize::try_from(n).unwrap_or(0);
    if s.len().saturating_mul(n) > MAX_VALUE {
        return Err(too_large());
    }
    Ok(s.repeat(n))
}

fn translate(s: &str, from: &str, to: &str) -> String {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    s.chars()
        .filter_map(|c| match from.iter().position(|&f| f == c) {
            Some(i) => to.get(i).copied(),
            None => Some(c),
        })
        .collect()
}

fn replace(s: &str, from: &str, to: &str) -> Result<String> {
    if from.is_empty() {
        return Ok(s.to_owned());
    }
    let found = s.matches(from).count();
    if s.len().saturating_add(found.saturating_mul(to.len())) > MAX_VALUE {
        return Err(too_large());
    }
    Ok(s.replace(from, to))
}

fn split_part<'a>(s: &'a str, separator: &str, n: i32) -> Result<&'a str> {
    if n == 0 {
        return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "field position must not be zero"));
    }
    if s.is_empty() {
        return Ok("");
    }
    if separator.is_empty() {
        return Ok(if n == 1 || n == -1 { s } else { "" });
    }
    let parts = s.split(separator);
    // Counting from the end must cut at the same places as from the start, so it cannot search backwards.
    let nth = match usize::try_from(n) {
        Ok(n) => Some(n - 1),
        Err(_) => parts.clone().count().checked_sub(n.unsigned_abs() as usize),
    };
    Ok(nth.and_then(|i| parts.clone().nth(i)).unwrap_or(""))
}

fn trim<'a>(s: &'a str, set: &str, left: bool, right: bool) -> &'a str {
    let s = if left { s.trim_start_matches(|c| set.contains(c)) } else { s };
    if right { s.trim_end_matches(|c| set.contains(c)) } else { s }
}

/// The first `n` characters; all but the last `-n` when negative.
fn left(s: &str, n: i32) -> &str {
    let keep = if n < 0 { (s.chars().count()).saturating_sub(n.unsigned_abs() as usize) } else { n as usize };
    &s[..offset_of(s, keep)]
}

/// The last `n` characters; all but the first `-n` when negative.
fn right(s: &str, n: i32) -> &str {
    // The one number whose negation does not exist skips nothing.
    let skip =
        if n < 0 { n.checked_neg().unwrap_or(0) as usize } else { (s.chars().count()).saturating_sub(n as usize) };
    &s[offset_of(s, skip)..]
}

fn chr(code: i32) -> Result<String> {
    let error = |m: String| Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, m));
    match u32::try_from(code) {
        Err(_) => Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "character number must be positive")),
        Ok(0) => error("null character not permitted".into()),
        Ok(c) => match char::from_u32(c) {
            Some(c) => Ok(c.into()),
            None if c > 0x10_ffff => error(format!("requested character too large for encoding: {c}")),
            None => error(format!("requested character not valid for encoding: {c}")),
        },
    }
}

/// The first characters of a text, at most `n` bytes, whole characters only.
pub fn clip(s: &str, n: usize) -> &str {
    let mut end = n.min(s.len());
    while !s.is_char_boundary(end) {
        end -= 1;
    }
    &s[..end]
}

/// Length coercion of `varchar(n)`; `typmod` is n + 4.
fn to_varchar(s: &str, typmod: i32, explicit: bool) -> Result<&str> {
    let Some(max) = typmod.checked_sub(4).and_then(|n| usize::try_from(n).ok()) else { return Ok(s) };
    fit(s, max, explicit, "character varying")
}

/// Cuts a text to `max` characters; what is cut must be blank unless the cast is explicit.
fn fit<'a>(s: &'a str, max: usize, explicit: bool, type_name: &str) -> Result<&'a str> {
    let cut = offset_of(s, max);
    if !explicit && !unpadded(&s[cut..]).is_empty() {
        return Err(DbError::new(
            SqlState::STRING_DATA_RIGHT_TRUNCATION,
            format!("value too long for type {type_name}({max})"),
        ));
    }
    Ok(&s[..cut])
}

/// Length coercion of `char(n)`; `typmod` is n + 4.
fn to_bpchar(s: &str, typmod: i32, explicit: bool) -> Result<String> {
    let Some(len) = typmod.checked_sub(4).and_then(|n| usize::try_from(n).ok()) else { return Ok(s.to_owned()) };
    let mut out = fit(s, len, explicit, "character")?.to_owned();
    let have = out.chars().count();
    if len.saturating_add(4) > MAX_VALUE && have < len {
        return Err(DbError::internal(format!("invalid memory alloc request size {typmod}")));
    }
    out.extend(std::iter::repeat_n(' ', len.saturating_sub(have)));
    Ok(out)
}

fn int_to_char(v: i32) -> Result<String> {
    i8::try_from(v)
        .map(|v| char_from_byte(v as u8))
        .map_err(|_| DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "\"char\" out of range"))
}

fn concat(a: &str, b: &str) -> Result<Datum> {
    if a.len() + b.len() > MAX_VALUE {
        return Err(too_large());
    }
    let mut s = Str::with_capacity(a.len() + b.len());
    s.push_str(a);
    s.push_str(b);
    Ok(Datum::Text(s))
}

/// A name followed by `_` and an OID, the name cut so that the whole fits a name.
fn name_with_oid(name: &str, oid: u32) -> String {
    let suffix = format!("_{oid}");
    format!("{}{suffix}", clip(name, NAME_LEN - suffix.len()))
}

/// `unistr()`: the escapes `\XXXX`, `\+XXXXXX`, `\uXXXX`, `\UXXXXXXXX` and `\\`.
fn unistr(s: &str) -> Result<String> {
    let syntax = |detail: &'static str| DbError::new(SqlState::SYNTAX_ERROR, detail);
    let invalid =
        || syntax("invalid Unicode escape").hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
    let mut out = String::with_capacity(s.len());
    let mut rest = s;
    let mut high: Option<u32> = None;
    while let Some(c) = rest.chars().next() {
        if c != '\\' {
            if high.is_some() {
                return Err(syntax("invalid Unicode surrogate pair"));
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if let Some(after) = rest.strip_prefix("\\\\") {
            if high.is_some() {
                return Err(syntax("invalid Unicode surrogate pair"));
            }
            out.push('\\');
            rest = after;
            continue;
        }
        let (skip, digits) = match rest.as_bytes().get(1) {
            Some(b'u') => (2, 4),
            Some(b'U') => (2, 8),
            Some(b'+') => (2, 6),
            _ => (1, 4),
        };
        let hex = rest.get(skip..skip + digits).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = hex.and_then(|h| u32::from_str_radix(h, 16).ok()).ok_or_else(invalid)?;
        rest = &rest[skip + digits..];
        let code = match (high.take(), code) {
            (Some(h), 0xdc00..=0xdfff) => 0x1_0000 + ((h & 0x3ff) << 10) + (code & 0x3ff),
            (Some(_), _) | (None, 0xdc00..=0xdfff) => return Err(syntax("invalid Unicode surrogate pair")),
            (None, 0xd800..=0xdbff) => {
                high = Some(code);
                continue;
            }
            (None, _) => code,
        };
        match char::from_u32(code) {
            Some(c) if c != '\0' => out.push(c),
            _ => {
                return Err(DbError::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("invalid Unicode code point: {code:04X}"),
                ));
            }
        }
    }
    if high.is_some() {
        return Err(syntax("invalid Unicode surrogate pair"));
    }
    Ok(out)
}

/// A comparison by a collation: C and POSIX compare bytes, the others as `strcoll` does under C.UTF-8.
fn collated(a: &str, b: &str, collation: u32) -> i32 {
    if collation::ascii_only(collation) {
        byte_difference(a.as_bytes(), b.as_bytes())
    } else {
        string_difference(a.as_bytes(), b.as_bytes())
    }
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!("texteq", "textne", "text_lt", "text_le", "text_gt", "text_ge", |a: &str, b: &str| a.cmp(b)),
    &comparisons!("nameeq", "namene", "namelt", "namele", "namegt", "namege", |a: &str, b: &str| a.cmp(b)),
    &comparisons!(
        "nameeqtext",
        "namenetext",
        "namelttext",
        "nameletext",
        "namegttext",
        "namegetext",
        |a: &str, b: &str| a.cmp(b)
    ),
    &comparisons!(
        "texteqname",
        "textnename",
        "textltname",
        "textlename",
        "textgtname",
        "textgename",
        |a: &str, b: &str| a.cmp(b)
    ),
    &comparisons!("bpchareq", "bpcharne", "bpcharlt", "bpcharle", "bpchargt", "bpcharge", |a: &str, b: &str| {
        bpchar_cmp(a, b)
    }),
    &comparisons!("chareq", "charne", "charlt", "charle", "chargt", "charge", |a: &str, b: &str| {
        char_to_byte(a).cmp(&char_to_byte(b))
    }),
    &[
        scalar!("text_pattern_lt", |a: &str, b: &str| a < b),
        scalar!("text_pattern_le", |a: &str, b: &str| a <= b),
        scalar!("text_pattern_gt", |a: &str, b: &str| a > b),
        scalar!("text_pattern_ge", |a: &str, b: &str| a >= b),
        scalar!("bpchar_pattern_lt", |a: &str, b: &str| bpchar_cmp(a, b).is_lt()),
        scalar!("bpchar_pattern_le", |a: &str, b: &str| bpchar_cmp(a, b).is_le()),
        scalar!("bpchar_pattern_gt", |a: &str, b: &str| bpchar_cmp(a, b).is_gt()),
        scalar!("bpchar_pattern_ge", |a: &str, b: &str| bpchar_cmp(a, b).is_ge()),
        scalar!("bttextcmp", [_ctx, info] |a: &str, b: &str| collated(a, b, info.collation)),
        scalar!("bttext_pattern_cmp", |a: &str, b: &str| byte_difference(a.as_bytes(), b.as_bytes())),
        scalar!("btnamecmp", |a: &str, b: &str| string_difference(a.as_bytes(), b.as_bytes())),
        scalar!("btnametextcmp", [_ctx, info] |a: &str, b: &str| collated(a, b, info.collation)),
        scalar!("bttextnamecmp", [_ctx, info] |a: &str, b: &str| collated(a, b, info.collation)),
        scalar!("bpcharcmp", [_ctx, info] |a: &str, b: &str| collated(unpadded(a), unpadded(b), info.collation)),
        scalar!("btbpchar_pattern_cmp", |a: &str, b: &str| {
            byte_difference(unpadded(a).as_bytes(), unpadded(b).as_bytes())
        }),
        scalar!("btcharcmp", |a: &str, b: &str| i32::from(char_to_byte(a)) - i32::from(char_to_byte(b))),
        scalar!("text_larger", |a: &str, b: &str| if a > b { a } else { b }),
        scalar!("text_smaller", |a: &str, b: &str| if a < b { a } else { b }),
        scalar!("bpchar_larger", |a: &str, b: &str| if bpchar_cmp(a, b).is_ge() { a } else { b }),
        scalar!("bpchar_smaller", |a: &str, b: &str| if bpchar_cmp(a, b).is_le() { a } else { b }),
        scalar!("textcat", |a: &str, b: &str| concat(a, b)),
        scalar!("textlen", |a: &str| char_count(a)),
        scalar!("textoctetlen", |a: &str| a.len() as i32),
        scalar!("bpcharlen", |a: &str| char_count(unpadded(a))),
        scalar!("bpcharoctetlen", |a: &str| a.len() as i32),
        scalar!("bit_length(text)", |a: &str| i32::try_from(a.len() * 8).map_err(|_| out_of_range("integer"))),
        scalar!("lower", [_ctx, info] |a: &str| lower(a, info.collation)),
        scalar!("upper", [_ctx, info] |a: &str| upper(a, info.collation)),
        scalar!("initcap", [_ctx, info] |a: &str| initcap(a, info.collation)),
        scalar!("text_substr", |s: &str, start: i32, len: i32| substring(s, start, Some(len))),
        scalar!("text_substr_no_len", |s: &str, start: i32| substring(s, start, None)),
        scalar!("textoverlay", |s: &str, w: &str, start: i32, len: i32| overlay(s, w, start, len)),
        scalar!("textoverlay_no_len", |s: &str, w: &str, start: i32| overlay(s, w, start, char_count(w))),
        scalar!("textpos", |s: &str, sub: &str| position(s, sub)),
        scalar!("lpad", |s: &str, n: i32, fill: &str| pad(s, n, fill, true)),
        scalar!("rpad", |s: &str, n: i32, fill: &str| pad(s, n, fill, false)),
        scalar!("lpad(text,integer)", |s: &str, n: i32| pad(s, n, " ", true)),
        scalar!("rpad(text,integer)", |s: &str, n: i32| pad(s, n, " ", false)),
        scalar!("repeat", |s: &str, n: i32| repeat(s, n)),
        scalar!("replace_text", |s: &str, from: &str, to: &str| replace(s, from, to)),
        scalar!("translate", |s: &str, from: &str, to: &str| translate(s, from, to)),
        scalar!("text_reverse", |s: &str| s.chars().rev().collect::<String>()),
        scalar!("text_left", |s: &str, n: i32| left(s, n)),
        scalar!("text_right", |s: &str, n: i32| right(s, n)),
        scalar!("split_part", |s: &str, sep: &str, n: i32| split_part(s, sep, n)),
        scalar!("text_starts_with", |s: &str, prefix: &str| s.starts_with(prefix)),
        scalar!("btrim", |s: &str, set: &str| trim(s, set, true, true)),
        scalar!("ltrim", |s: &str, set: &str| trim(s, set, true, false)),
        scalar!("rtrim", |s: &str, set: &str| trim(s, set, false, true)),
        scalar!("btrim1", |s: &str| trim(s, " ", true, true)),
        scalar!("ltrim1", |s: &str| trim(s, " ", true, false)),
        scalar!("rtrim1", |s: &str| trim(s, " ", false, true)),
        scalar!("ascii", |s: &str| s.chars().next().map_or(0, |c| c as i32)),
        scalar!("chr", |code: i32| chr(code)),
        scalar!("unistr", |s: &str| unistr(s)),
        scalar!("varchar", |s: &str, typmod: i32, explicit: bool| to_varchar(s, typmod, explicit)),
        scalar!("bpchar", |s: &str, typmod: i32, explicit: bool| to_bpchar(s, typmod, explicit)),
        scalar!("text_name", |s: &str| clip(s, NAME_LEN)),
        scalar!("bpchar_name", |s: &str| unpadded(clip(s, NAME_LEN))),
        scalar!("name_text", |s: &str| s),
        scalar!("name_bpchar", |s: &str| s),
        scalar!("nameconcatoid", |s: &str, oid: u32| name_with_oid(s, oid)),
        scalar!("char_text", |s: &str| s),
        scalar!("char_bpchar", |s: &str| s),
        scalar!("text_char", |s: &str| char_in(s)),
        scalar!("chartoi4", |s: &str| i32::from(char_to_byte(s) as i8)),
        scalar!("i4tochar", |v: i32| int_to_char(v)),
        scalar!("text_regclass", [ctx] |s: &str| ctx.session.reg_in(2205, s)),
    ],
];
