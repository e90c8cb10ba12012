//! `xpath()`, `xpath_exists()` and XMLEXISTS.

use super::dom::{Document, Namespaces};
use super::xpath::{self, Value};
use super::{check, declared, value};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, TypeRef};
use crate::funcs::args::{arity, raw, unexpected};
use crate::kernel::{CallInfo, Kernel};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

fn text(d: &Datum) -> Result<&str> {
    match d {
        Datum::Text(t) => Ok(t),
        _ => Err(unexpected(d)),
    }
}

/// The prefixes that a path may use, from pairs of prefix and URI.
fn namespaces(d: &Datum) -> Result<Namespaces> {
    let Datum::Array(a) = d else { return Err(unexpected(d)) };
    if a.items.is_empty() {
        return Ok(Namespaces::new());
    }
    if a.dims.len() != 2 || a.dims.get(1).is_none_or(|d| d.0 != 2) {
        return Err(DbError::new(SqlState::DATA_EXCEPTION, "invalid array for XML namespace mapping")
            .detail("The array must be two-dimensional with length of the second axis equal to 2."));
    }
    let mut out = Namespaces::new();
    for pair in a.items.chunks_exact(2) {
        let (Datum::Text(name), Datum::Text(uri)) = (&pair[0], &pair[1]) else {
            return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "neither namespace name nor URI may be null"));
        };
        out.insert(name.to_string(), uri.to_string());
    }
    Ok(out)
}

/// A document read.
pub(super) fn document(xml: &str) -> Result<Document> {
    let body = xml.get(declared(xml).len..).unwrap_or_default();
    let unreadable =
        |detail: String| DbError::new(SqlState::INVALID_XML_DOCUMENT, "could not parse XML document").detail(detail);
    check::check(body, true).map_err(unreadable)?;
    let doc = Document::parse(body).ok_or_else(|| unreadable("Excessive depth in document".into()))?;
    if let Some((what, piece)) = doc.bad_namespace() {
        let end = body.find(&piece).map_or(0, |i| i + piece.len());
        let before = body.get(..end).unwrap_or_default();
        let (line, column) =
            (before.matches('\n').count(), before.rsplit('\n').next().map_or(0, |l| l.chars().count()));
        let shown = body.lines().nth(line).unwrap_or_default();
        return Err(unreadable(format!("line {}: {what}\n{shown}\n{}^", line + 1, " ".repeat(column))));
    }
    Ok(doc)
}

/// The value of a path in a document.
fn evaluated(path: &str, xml: &str, names: &Namespaces) -> Result<(Value, Document)> {
    if path.is_empty() {
        return Err(DbError::new(SqlState::DATA_EXCEPTION, "empty XPath expression"));
    }
    let doc = document(xml)?;
    let path = xpath::parse(path).ok_or_else(|| {
        DbError::new(SqlState::INTERNAL_ERROR, "invalid XPath expression").detail("Invalid expression")
    })?;
    let found = xpath::evaluate(&path, &doc, doc.root(), names)
        .map_err(|why| DbError::new(SqlState::INTERNAL_ERROR, "could not create XPath object").detail(why))?;
    Ok((found, doc))
}

/// Path, document and, if given, namespaces.
fn arguments(args: &[Datum]) -> Result<(Value, Document)> {
    let (path, xml, names) = match args {
        [p, x] => (p, x, Namespaces::new()),
        [p, x, n] => (p, x, namespaces(n)?),
        _ => return Err(arity(args.len())),
    };
    evaluated(text(path)?, text(xml)?, &names)
}

fn xpath_values(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    if args.iter().any(Datum::is_null) {
        return Ok(Datum::Null);
    }
    let (found, doc) = arguments(args)?;
    let plain = |ty: u32, d: Datum| value::show(ctx, TypeRef::new(ty), &d, true);
    let items: Vec<String> = match found {
        Value::Nodes(n) => n.iter().map(|i| doc.show(*i)).collect(),
        Value::Bool(b) => vec![plain(oid::BOOL, Datum::Bool(b))?],
        Value::Number(n) => vec![plain(oid::FLOAT8, Datum::Float8(n))?],
        Value::Text(t) => vec![plain(oid::TEXT, Datum::Text(t.into()))?],
    };
    let dims = if items.is_empty() { vec![] } else { vec![(i32::try_from(items.len()).unwrap_or(i32::MAX), 1)] };
    let items = items.into_iter().map(|s| Datum::Text(s.into())).collect();
    Ok(Datum::Array(Arc::new(ArrayValue { elem: oid::XML, dims, items })))
}

/// Whether a path finds a node; what is no set of nodes is there.
fn xpath_exists(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    if args.iter().any(Datum::is_null) {
        return Ok(Datum::Null);
    }
    Ok(Datum::Bool(match arguments(args)?.0 {
        Value::Nodes(n) => !n.is_empty(),
        _ => true,
    }))
}

/// An error inside a function that PostgreSQL writes in SQL.
fn in_body(e: DbError, name: &str) -> DbError {
    e.context(format!("SQL function \"{name}\" statement 1"))
}

/// Kernels of this module. Those with a signature stand for functions that PostgreSQL writes in SQL.
pub const KERNELS: &[&[Kernel]] = &[&[
    raw!("xpath", xpath_values),
    raw!("xpath(text,xml)", |ctx, info, args| xpath_values(ctx, info, args).map_err(|e| in_body(e, "xpath"))),
    raw!("xpath_exists", xpath_exists),
    raw!("xpath_exists(text,xml)", |ctx, info, args| {
        xpath_exists(ctx, info, args).map_err(|e| in_body(e, "xpath_exists"))
    }),
    raw!("xmlexists", xpath_exists),
]];
