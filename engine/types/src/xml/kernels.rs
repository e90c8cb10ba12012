//! Functions over xml, and what stands behind the SQL/XML expressions ([`EXPRESSIONS`], which PostgreSQL has no functions
//! for: their first arguments are constants that the binder makes of the syntax).

use super::{check, declared, parse, show_declaration, value, wants_document};
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::funcs::args::{raw, scalar, unexpected};
use crate::kernel::{CallInfo, Kernel};
use rustydb_base::{DbError, Result, SqlState};

/// Values one after the other, under one declaration if they agree on it.
pub fn concat<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut body = String::new();
    let (mut version, mut agreed) = (None::<String>, true);
    let mut standalone = Some(true);
    for p in parts {
        let d = declared(p);
        standalone = match (d.standalone, standalone) {
            (None, _) => None,
            (Some(false), Some(true)) => Some(false),
            (_, s) => s,
        };
        match (d.version, &version) {
            (None, _) => agreed = false,
            (Some(v), None) => version = Some(v),
            (Some(v), Some(first)) => agreed &= v == *first,
        }
        body.push_str(p.get(d.len..).unwrap_or_default());
    }
    let mut out = String::new();
    if agreed || standalone.is_some() {
        show_declaration(version.as_deref().filter(|_| agreed), standalone, &mut out);
    }
    out + &body
}

fn comment(text: &str) -> Result<String> {
    if text.contains("--") || text.ends_with('-') {
        return Err(DbError::new(SqlState::INVALID_XML_COMMENT, "invalid XML comment"));
    }
    Ok(format!("<!--{text}-->"))
}

fn text(d: &Datum) -> Result<&str> {
    match d {
        Datum::Text(t) => Ok(t),
        _ => Err(unexpected(d)),
    }
}

/// All arguments, NULLs left out; NULL if there is no other.
fn xmlconcat(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let parts = args.iter().filter(|a| !a.is_null()).map(text).collect::<Result<Vec<_>>>()?;
    Ok(if parts.is_empty() { Datum::Null } else { Datum::Text(concat(parts.into_iter()).into()) })
}

/// Name, number of attributes, then for each its name and value, then the contents.
fn xmlelement(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [name, Datum::Int4(n), rest @ ..] = args else { return Err(crate::funcs::args::arity(args.len())) };
    let name = text(name)?;
    let types = info.args.get(2..).unwrap_or_default();
    let split = usize::try_from(*n).unwrap_or(0) * 2;
    let (attributes, contents) = rest.split_at_checked(split).ok_or_else(|| crate::funcs::args::arity(args.len()))?;
    let mut out = format!("<{name}");
    for (i, pair) in attributes.chunks_exact(2).enumerate() {
        let [key, v] = pair else { continue };
        if v.is_null() {
            continue;
        }
        let ty = types.get(2 * i + 1).copied().ok_or_else(|| crate::funcs::args::arity(args.len()))?;
        let v = value::escape(&value::show(ctx, ty, v, false)?, true);
        out.push_str(&format!(" {}=\"{v}\"", text(key)?));
    }
    let mut open = false;
    for (v, ty) in contents.iter().zip(types.iter().skip(split)) {
        if v.is_null() {
            continue;
        }
        if !open {
            out.push('>');
            open = true;
        }
        out.push_str(&value::show(ctx, *ty, v, true)?);
    }
    out.push_str(&if open { format!("</{name}>") } else { "/>".to_owned() });
    Ok(Datum::Text(out.into()))
}

/// Pairs of name and value.
fn xmlforest(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let mut out = String::new();
    let mut any = false;
    for (pair, types) in args.chunks_exact(2).zip(info.args.chunks_exact(2)) {
        let ([name, v], [_, ty]) = (pair, types) else { continue };
        if v.is_null() {
            continue;
        }
        any = true;
        let name = text(name)?;
        out.push_str(&format!("<{name}>{}</{name}>", value::show(ctx, *ty, v, true)?));
    }
    Ok(if any { Datum::Text(out.into()) } else { Datum::Null })
}

/// Target, then the text if one is given.
fn xmlpi(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let invalid = |detail: String| {
        Err(DbError::new(SqlState::INVALID_XML_PROCESSING_INSTRUCTION, "invalid XML processing instruction")
            .detail(detail))
    };
    let [target, rest @ ..] = args else { return Err(crate::funcs::args::arity(args.len())) };
    let target = text(target)?;
    if target.eq_ignore_ascii_case("xml") {
        return invalid(format!("XML processing instruction target name cannot be \"{target}\"."));
    }
    Ok(match rest {
        [Datum::Null] => Datum::Null,
        [t] => {
            let t = text(t)?;
            if t.contains("?>") {
                return invalid("XML processing instruction cannot contain \"?>\".".to_owned());
            }
            Datum::Text(format!("<?{target} {}?>", t.trim_start_matches(' ')).into())
        }
        _ => Datum::Text(format!("<?{target}?>").into()),
    })
}

/// Value, version (NULL for no value), and standalone: 1 yes, 0 no, -1 no value, -2 as it is.
fn xmlroot(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [v, version, Datum::Int4(standalone)] = args else { return Err(crate::funcs::args::arity(args.len())) };
    if v.is_null() {
        return Ok(Datum::Null);
    }
    let v = text(v)?;
    let d = declared(v);
    let version = if version.is_null() { None } else { Some(text(version)?) };
    let standalone = match standalone {
        1 => Some(true),
        0 => Some(false),
        -1 => None,
        _ => d.standalone,
    };
    let mut out = String::new();
    show_declaration(version, standalone, &mut out);
    out.push_str(v.get(d.len..).unwrap_or_default());
    Ok(Datum::Text(out.into()))
}

fn parsed(s: &str, document: bool) -> Result<&str> {
    parse(s, document)?;
    Ok(s)
}

fn serialized(s: &str, document: bool) -> Result<&str> {
    if document && check::check(s, true).is_err() {
        return Err(DbError::new(SqlState::NOT_AN_XML_DOCUMENT, "not an XML document"));
    }
    Ok(s)
}

/// Kernels of the expressions.
pub const EXPRESSIONS: &[Kernel] = &[
    raw!("xmlconcat_expression", xmlconcat),
    raw!("xmlelement_expression", xmlelement),
    raw!("xmlforest_expression", xmlforest),
    raw!("xmlpi_expression", xmlpi),
    raw!("xmlroot_expression", xmlroot),
    scalar!("xmlparse_expression", |s: Option<&str>, document: bool| s.map(|s| parsed(s, document)).transpose()),
    scalar!("xmlserialize_expression", |s: Option<&str>, document: bool| s
        .map(|s| serialized(s, document))
        .transpose()),
    scalar!("is_document_expression", |s: Option<&str>| s.map(|s| check::check(s, true).is_ok())),
];

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("xmlcomment", |s: &str| comment(s)),
    scalar!("xmlconcat2", |a: Option<&str>, b: Option<&str>| match (a, b) {
        (Some(a), Some(b)) => Some(concat([a, b].into_iter())),
        (one, other) => one.or(other).map(str::to_owned),
    }),
    scalar!("texttoxml", [ctx] |s: &str| parsed(s, wants_document(ctx))),
    scalar!("xmltotext", |s: &str| s),
    scalar!("xml_is_well_formed", [ctx] |s: &str| check::check(s, wants_document(ctx)).is_ok()),
    scalar!("xml_is_well_formed_document", |s: &str| check::check(s, true).is_ok()),
    scalar!("xml_is_well_formed_content", |s: &str| check::check(s, false).is_ok()),
]];
