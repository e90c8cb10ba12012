//! Quoting of identifiers and literals.

use super::args::scalar;
use crate::kernel::Kernel;
use crate::pgdata;

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

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("quote_ident", |s: &str| quote_ident(s)),
    scalar!("quote_literal", |s: &str| quote_literal(s)),
    scalar!("quote_nullable", |s: Option<&str>| s.map_or_else(|| "NULL".to_owned(), quote_literal)),
]];
