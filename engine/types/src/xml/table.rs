//! XMLTABLE: the rows that a path finds in a document, each with the texts that the columns' paths find from there.
//!
//! Arguments: the document, the row path, a letter for each column (how a text is made of what it finds), the number of
//! namespaces, their prefixes (NULL for the default one) and URIs, and the columns' names and paths. A row answered is its
//! number and the columns' texts.

use super::dom::{Document, Namespaces, NodeId};
use super::query::document;
use super::value::escape;
use super::xpath::{self, Expr, Value};
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::funcs::args::{arity, raw, unexpected};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_base::{DbError, Result, SqlState};

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn text(d: &Datum, missing: impl FnOnce() -> DbError) -> Result<&str> {
    match d {
        Datum::Text(t) => Ok(t),
        Datum::Null => Err(missing()),
        _ => Err(unexpected(d)),
    }
}

fn null(m: &'static str) -> DbError {
    DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, m)
}

fn path(text: &str, what: &str) -> Result<Expr> {
    if text.is_empty() {
        return Err(DbError::new(SqlState::DATA_EXCEPTION, format!("{what} path filter must not be empty string")));
    }
    xpath::parse(text)
        .ok_or_else(|| DbError::new(SqlState::INTERNAL_ERROR, "invalid XPath expression").detail("Invalid expression"))
}

fn evaluate(e: &Expr, doc: &Document, at: NodeId, names: &Namespaces) -> Result<Value> {
    xpath::evaluate(e, doc, at, names)
        .map_err(|why| DbError::new(SqlState::INTERNAL_ERROR, "could not create XPath object").detail(why))
}

fn rows(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let [xml, row, Datum::Text(kinds), Datum::Int4(n), rest @ ..] = args else { return Err(arity(args.len())) };
    if xml.is_null() {
        return Ok(Box::new(std::iter::empty()));
    }
    let doc = document(text(xml, || null("the document is null"))?)?;
    let split = usize::try_from(*n).unwrap_or(0) * 2;
    let (namespaces, columns) = rest.split_at_checked(split).ok_or_else(|| arity(args.len()))?;
    let mut names = Namespaces::new();
    for pair in namespaces.chunks_exact(2) {
        let [name, uri] = pair else { continue };
        let uri = text(uri, || null("namespace URI must not be null"))?;
        let name = text(name, || DbError::unsupported("DEFAULT namespace is not supported"))?;
        names.insert(name.to_owned(), uri.to_owned());
    }
    let row = path(text(row, || null("row filter expression must not be null"))?, "row")?;
    let mut paths = Vec::with_capacity(columns.len() / 2);
    for (pair, kind) in columns.chunks_exact(2).zip(kinds.chars()) {
        let [Datum::Text(name), filter] = pair else { continue };
        let missing = || {
            null("column filter expression must not be null").detail(format!("Filter for column \"{name}\" is null."))
        };
        paths.push((kind, path(text(filter, missing)?, "column")?));
    }
    let found = match evaluate(&row, &doc, doc.root(), &names)? {
        Value::Nodes(n) => n,
        _ => Vec::new(),
    };
    let mut count = 0;
    Ok(Box::new(found.into_iter().map(move |node| {
        count += 1;
        let mut out = Vec::with_capacity(paths.len() + 1);
        out.push(Datum::Int4(count));
        for (kind, path) in &paths {
            let value = shown(&evaluate(path, &doc, node, &names)?, *kind, &doc)?;
            out.push(value.map_or(Datum::Null, |s| Datum::Text(s.into())));
        }
        Ok(out)
    })))
}

/// The text of what a column's path has found.
fn shown(v: &Value, kind: char, doc: &Document) -> Result<Option<String>> {
    Ok(match v {
        Value::Nodes(n) if n.is_empty() => None,
        Value::Nodes(n) if kind == 'x' => Some(n.iter().map(|i| doc.show(*i)).collect()),
        Value::Nodes(n) if n.len() > 1 => {
            let m = "more than one value returned by column XPath expression";
            return Err(DbError::new(SqlState::CARDINALITY_VIOLATION, m));
        }
        Value::Text(t) if kind == 'x' => Some(escape(t, false)),
        Value::Bool(b) if kind == 'n' => Some(if *b { "1" } else { "0" }.to_owned()),
        other => Some(other.text(doc)),
    })
}

/// The value, which must not be NULL, and the column's name.
fn not_null(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    match args {
        [Datum::Null, Datum::Text(name)] => {
            Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, format!("null is not allowed in column \"{name}\"")))
        }
        [v, _] => Ok(v.clone()),
        _ => Err(arity(args.len())),
    }
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] =
    &[Kernel { name: "xmltable_rows", body: KernelBody::Set(rows) }, raw!("xmltable_not_null", not_null)];
