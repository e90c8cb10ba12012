//! Quoting of identifiers and literals.

use super::args::scalar;
use super::text::MAX_VALUE;
use crate::kernel::Kernel;
use crate::pgdata;
use rustydb_base::{DbError, Result};

/// An identifier as SQL text: in double quotes unless it reads back unchanged without them.
pub fn quote_ident(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain && pgdata::keyword_is_free(name) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal, with `E''` if it holds a backslash.
pub fn quote_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 3);
    if text.contains('\\') {
        out.push('E');
    }
    out.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// [`quote_literal`] of a text for which PostgreSQL could allocate what it may take, all of it doubled.
fn literal(text: &str) -> Result<String> {
    let most = text.len().saturating_mul(2).saturating_add(7);
    if most > MAX_VALUE {
        return Err(DbError::internal(format!("invalid memory alloc request size {most}")));
    }
    Ok(quote_literal(text))
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("quote_ident", |s: &str| quote_ident(s)),
    scalar!("quote_literal", |s: &str| literal(s)),
    scalar!("quote_nullable", |s: Option<&str>| s.map_or_else(|| Ok("NULL".to_owned()), literal)),
]];
