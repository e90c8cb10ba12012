//! CREATE CONVERSION: another name for a built-in conversion function. Values are always kept as UTF8 here, so what it
//! defines is shown and dumped, and says nothing to the conversion of what clients send.

use super::schema_object;
use super::{DdlCx, err};
use crate::catalog::objects::{self, Body, Kind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::CreateConversion;
use rustydb_types::funcs::info::{encoding_name, encoding_number};
use rustydb_types::typename::format_type;
use rustydb_types::{oid, pgdata};

/// CREATE CONVERSION.
pub async fn create(cx: &mut DdlCx<'_>, s: &CreateConversion) -> Result<()> {
    let namespace = cx.creation_namespace(&s.name)?;
    let encoding = |name: &str, which: &str| match encoding_number(name) {
        ..0 => Err(err(SqlState::UNDEFINED_OBJECT, format!("{which} encoding \"{name}\" does not exist"))),
        n => Ok(n),
    };
    let (source, target) = (encoding(&s.source, "source")?, encoding(&s.target, "destination")?);
    if source == 0 || target == 0 {
        return Err(err(
            SqlState::INVALID_OBJECT_DEFINITION,
            "encoding conversion to or from \"SQL_ASCII\" is not supported",
        ));
    }
    const ARGS: [u32; 6] = [oid::INT4, oid::INT4, oid::CSTRING, oid::INTERNAL, oid::INT4, oid::BOOL];
    let shown = || {
        let args: Vec<String> = ARGS.iter().map(|t| format_type(*t, -1)).collect();
        format!("{}({})", s.function.plain(), args.join(", "))
    };
    let Some(function) = schema_object::function(cx, &s.function, &ARGS) else {
        return Err(err(SqlState::UNDEFINED_FUNCTION, format!("function {} does not exist", shown())));
    };
    if function.prorettype != oid::INT4 {
        let m = format!("encoding conversion function {} must return type {}", s.function.plain(), "integer");
        return Err(err(SqlState::INVALID_OBJECT_DEFINITION, m));
    }
    check_pair(function.oid, source, target)?;
    let bare = &s.name.name.value;
    if objects::in_schema(&cx.tx.catalog, Kind::Conversion, namespace, bare).is_some() {
        return Err(err(SqlState::DUPLICATE_OBJECT, format!("conversion \"{bare}\" already exists")));
    }
    let same = |o: &objects::SchemaObject| {
        let pair = matches!(o.body, Body::Conversion { source: f, target: t, default: true, .. } if (f, t) == (source, target));
        pair && o.namespace == namespace
    };
    if s.default && cx.tx.catalog.objects.values().any(|o| same(o)) {
        let name = |n: i32| encoding_name(n).unwrap_or_default();
        let m = format!("default conversion for {} to {} already exists", name(source), name(target));
        return Err(err(SqlState::DUPLICATE_OBJECT, m));
    }
    let body = Body::Conversion { source, target, function: function.oid, default: s.default };
    schema_object::create(cx, Kind::Conversion, &s.name, namespace, body).await
}

/// The function must be one for the two encodings.
fn check_pair(function: u32, source: i32, target: i32) -> Result<()> {
    let pairs: Vec<(i32, i32)> = pgdata::conversions()
        .iter()
        .filter(|c| c.conproc == function)
        .map(|c| (c.conforencoding, c.contoencoding))
        .collect();
    let Some(first) = pairs.first() else {
        return Err(DbError::unsupported("conversions by functions that are not built in are not supported"));
    };
    if pairs.contains(&(source, target)) {
        return Ok(());
    }
    let name = |n: i32| encoding_name(n).unwrap_or_default();
    let (which, expected, got) = match pairs.iter().any(|p| p.0 == source) {
        false => ("source", first.0, source),
        true => ("destination", first.1, target),
    };
    Err(DbError::internal(format!("expected {which} encoding \"{}\", but got \"{}\"", name(expected), name(got))))
}
