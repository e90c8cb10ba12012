//! LIKE and ILIKE, over text and over bytea.
//!
//! The matcher keeps one place to come back to, the last `%`: once the text between two `%` is found at its earliest
//! place, an earlier `%` can never do better. So the cost is at most text length × pattern length, with no recursion.

use super::args::scalar;
use super::text::lower;
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};

fn dangling_escape() -> DbError {
    DbError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character")
}

/// Bytes of the character that begins with this byte, 1 for bytea.
fn step(first: u8, utf8: bool) -> usize {
    match first {
        0xc0..=0xdf if utf8 => 2,
        0xe0..=0xef if utf8 => 3,
        0xf0..=0xff if utf8 => 4,
        _ => 1,
    }
}

/// Whether `text` matches a LIKE pattern whose escape character is the backslash. With `utf8`, `_` stands for one
/// character, else for one byte.
pub(crate) fn like(text: &[u8], pattern: &[u8], utf8: bool) -> Result<bool> {
    let (mut t, mut p) = (0, 0);
    // After the last `%`: where its pattern goes on, and the next place of the text to try that from.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'%' {
            p += 1;
            if p == pattern.len() {
                return Ok(true);
            }
            retry = Some((p, t));
            continue;
        }
        if t >= text.len() {
            // Any wildcard was taken above, so what is left of the pattern wants more text than there is.
            return Ok(p == pattern.len());
        }
        let matched = match pattern.get(p) {
            None => false,
            Some(b'_') => {
                t += step(text[t], utf8);
                p += 1;
                true
            }
            Some(&c) => {
                let (c, len) = if c == b'\\' { (*pattern.get(p + 1).ok_or_else(dangling_escape)?, 2) } else { (c, 1) };
                if text[t] == c {
                    t += 1;
                    p += len;
                    true
                } else {
                    false
                }
            }
        };
        if !matched {
            let Some((after, from)) = retry else { return Ok(false) };
            // The next place where the pattern's first literal byte occurs, else one character on.
            let from = from + step(text[from], utf8);
            let from = match pattern[after] {
                b'_' | b'\\' => from,
                c => match text.get(from..).and_then(|rest| rest.iter().position(|&b| b == c)) {
                    Some(skip) => from + skip,
                    None => return Ok(false),
                },
            };
            if from >= text.len() {
                return Ok(false);
            }
            (p, t) = (after, from);
            retry = Some((after, from));
        }
    }
}

fn like_text(text: &str, pattern: &str) -> Result<bool> {
    like(text.as_bytes(), pattern.as_bytes(), true)
}

fn ilike(text: &str, pattern: &str, collation: u32) -> Result<bool> {
    like_text(&lower(text, collation), &lower(pattern, collation))
}

/// `like_escape()`: rewrites a pattern with another escape character (or none, if empty) to one with the backslash.
fn like_escape(pattern: &str, escape: &str) -> Result<String> {
    let mut escapes = escape.chars();
    let escape = escapes.next();
    if escapes.next().is_some() {
        return Err(invalid_escape());
    }
    let mut out = String::with_capacity(pattern.len());
    match escape {
        None => pattern.chars().for_each(|c| {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }),
        Some('\\') => out.push_str(pattern),
        Some(escape) => {
            let mut after_escape = false;
            for c in pattern.chars() {
                if c == escape && !after_escape {
                    out.push('\\');
                    after_escape = true;
                } else {
                    if c == '\\' && !after_escape {
                        out.push('\\');
                    }
                    out.push(c);
                    after_escape = false;
                }
            }
        }
    }
    Ok(out)
}

/// As [`like_escape`], for bytea.
fn like_escape_bytes(pattern: &[u8], escape: &[u8]) -> Result<Vec<u8>> {
    if escape.len() > 1 {
        return Err(invalid_escape());
    }
    let mut out = Vec::with_capacity(pattern.len());
    let mut after_escape = false;
    for &c in pattern {
        match escape.first() {
            Some(b'\\') => out.push(c),
            Some(&e) if c == e && !after_escape => {
                out.push(b'\\');
                after_escape = true;
            }
            _ => {
                if c == b'\\' && !after_escape {
                    out.push(b'\\');
                }
                out.push(c);
                after_escape = false;
            }
        }
    }
    Ok(out)
}

/// 22025 for an escape of several characters.
pub(crate) fn invalid_escape() -> DbError {
    DbError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
        .hint("Escape string must be empty or one character.")
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("textlike", |a: &str, p: &str| like_text(a, p)),
    scalar!("textnlike", |a: &str, p: &str| like_text(a, p).map(|m| !m)),
    scalar!("namelike", |a: &str, p: &str| like_text(a, p)),
    scalar!("namenlike", |a: &str, p: &str| like_text(a, p).map(|m| !m)),
    scalar!("bytealike", |a: &[u8], p: &[u8]| like(a, p, false)),
    scalar!("byteanlike", |a: &[u8], p: &[u8]| like(a, p, false).map(|m| !m)),
    scalar!("texticlike", [_ctx, info] |a: &str, p: &str| ilike(a, p, info.collation)),
    scalar!("texticnlike", [_ctx, info] |a: &str, p: &str| ilike(a, p, info.collation).map(|m| !m)),
    scalar!("nameiclike", [_ctx, info] |a: &str, p: &str| ilike(a, p, info.collation)),
    scalar!("nameicnlike", [_ctx, info] |a: &str, p: &str| ilike(a, p, info.collation).map(|m| !m)),
    scalar!("like_escape", |p: &str, e: &str| like_escape(p, e)),
    scalar!("like_escape_bytea", |p: &[u8], e: &[u8]| like_escape_bytes(p, e)),
]];
