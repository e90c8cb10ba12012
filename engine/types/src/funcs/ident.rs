//! `parse_ident`: a qualified name taken apart as the parser would.

use super::args::scalar;
use crate::datum::{ArrayValue, Datum};
use crate::kernel::Kernel;
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

fn starts(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// The parts of a name; what follows it is ignored unless `strict`.
fn parts(text: &str, strict: bool) -> Result<Vec<String>> {
    let bad =
        || DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("string is not a valid identifier: \"{text}\""));
    let mut rest = text.trim_start_matches(blank);
    let mut out = Vec::new();
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut left = quoted;
            loop {
                let (before, after) =
                    left.split_once('"').ok_or_else(|| bad().detail("String has unclosed double quotes."))?;
                name.push_str(before);
                match after.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        left = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            if name.is_empty() {
                return Err(bad().detail("Quoted identifier must not be empty."));
            }
            out.push(name);
        } else if rest.starts_with(starts) {
            let end = rest.find(|c: char| !(starts(c) || c.is_ascii_digit() || c == '$')).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            out.push(name.to_ascii_lowercase());
            rest = after;
        } else if rest.starts_with('.') {
            return Err(bad().detail("No valid identifier before \".\"."));
        } else if out.is_empty() {
            return Err(bad());
        } else {
            return Err(bad().detail("No valid identifier after \".\"."));
        }
        rest = rest.trim_start_matches(blank);
        match rest.strip_prefix('.') {
            Some(after) => rest = after.trim_start_matches(blank),
            None if rest.is_empty() || !strict => return Ok(out),
            None => return Err(bad()),
        }
    }
}

fn parse_ident(text: &str, strict: bool) -> Result<Datum> {
    let items: Vec<Datum> = parts(text, strict)?.into_iter().map(|p| Datum::Text(p.into())).collect();
    let n = i32::try_from(items.len())
        .map_err(|_| DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "identifier has too many parts"))?;
    Ok(Datum::Array(Arc::new(ArrayValue { elem: oid::TEXT, dims: vec![(n, 1)], items })))
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[scalar!("parse_ident", |s: &str, strict: bool| parse_ident(s, strict))]];

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(parts(" Foo . \"a\"\"B\"", true).unwrap(), ["foo", "a\"B"]);
        assert_eq!(parts("a.b[]", false).unwrap(), ["a", "b"]);
        for bad in ["", "a.", ".a", "a.b[]", "\"a", "\"\"", "a b"] {
            assert!(parts(bad, true).is_err(), "{bad}");
        }
    }
}
