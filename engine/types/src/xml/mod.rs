//! xml: text that is well-formed, kept as it was written.
//!
//! [`check`] reads it, [`value`] shows SQL values and names as XML, [`kernels`] has the functions and what stands behind the
//! SQL/XML expressions; [`dom`] reads documents as trees, which [`xpath`] searches for [`query`] and
//! [`table`]. Left out: other encodings than UTF-8.

pub mod check;
mod dom;
mod kernels;
mod query;
mod table;
pub mod value;
mod xpath;

pub use kernels::{EXPRESSIONS, KERNELS, concat};
pub use query::KERNELS as QUERIES;
pub use table::KERNELS as TABLE;

use crate::ctx::EvalCtx;
use check::Declaration;
use rustydb_base::{DbError, Result, SqlState};

/// Whether values without a given kind have to be documents (`xmloption`).
fn wants_document(ctx: &EvalCtx) -> bool {
    ctx.session.setting("xmloption").is_some_and(|v| v.eq_ignore_ascii_case("document"))
}

/// 2200M or 2200N for text that is not well-formed.
pub fn parse(text: &str, document: bool) -> Result<()> {
    check::check(text, document).map_err(|detail| {
        let (code, what) = if document {
            (SqlState::INVALID_XML_DOCUMENT, "invalid XML document")
        } else {
            (SqlState::INVALID_XML_CONTENT, "invalid XML content")
        };
        DbError::new(code, what).detail(detail)
    })
}

/// Checks a value on its way in.
pub fn text_in(ctx: &EvalCtx, s: &str) -> Result<()> {
    parse(crate::io::checked_text(s)?, wants_document(ctx))
}

/// The declaration of a value; none if there is none or it is malformed.
fn declared(text: &str) -> Declaration {
    check::declaration(text).ok().flatten().unwrap_or_default()
}

/// The declaration that has to be shown: one that says more than version 1.0.
fn show_declaration(version: Option<&str>, standalone: Option<bool>, out: &mut String) {
    if version.is_none_or(|v| v == "1.0") && standalone.is_none() {
        return;
    }
    out.push_str("<?xml version=\"");
    out.push_str(version.unwrap_or("1.0"));
    out.push('"');
    if let Some(s) = standalone {
        out.push_str(if s { " standalone=\"yes\"" } else { " standalone=\"no\"" });
    }
    out.push_str("?>");
}

/// A value as clients see it: without an encoding, which is the client's.
pub fn text_out(text: &str, out: &mut Vec<u8>) {
    let d = declared(text);
    let mut head = String::new();
    show_declaration(d.version.as_deref(), d.standalone, &mut head);
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(text.get(d.len..).unwrap_or_default().as_bytes());
}
