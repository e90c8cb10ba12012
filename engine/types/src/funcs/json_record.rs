//! Rows made from JSON by the names of their fields: `json_to_record`, `json_populate_record` and their kin.
//!
//! What fields a row has comes through [`crate::shape`]: from the column definition list (the result's modifier) or from
//! the row given as base (the first argument's). json and jsonb go the same way, behind [`Source`].

use super::args::{arity, unexpected};
use super::json::{Kind, Members, as_text as json_text, field_names, kind as json_kind, unescape};
use super::jsonb::{as_text as jsonb_text, parameter, shown};
use super::series::Rows;
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, Str, TypeRef};
use crate::jsonb::{self, View};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use crate::{io, oid, shape, usertype};
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// A JSON value of either type.
#[derive(Clone, Copy)]
enum Source<'a> {
    Text(&'a str),
    Stored(&'a [u8]),
}

impl<'a> Source<'a> {
    fn of(d: &'a Datum) -> Result<Source<'a>> {
        match d {
            Datum::Text(s) => Ok(Source::Text(s)),
            Datum::Bytes(b) => Ok(Source::Stored(b)),
            d => Err(unexpected(d)),
        }
    }

    fn kind(self) -> Kind {
        match self {
            Source::Text(s) => json_kind(s),
            Source::Stored(b) => match View::of(b) {
                View::Null => Kind::Null,
                View::Bool(_) => Kind::Boolean,
                View::Number(_) => Kind::Number,
                View::String(_) => Kind::String,
                View::Array(_) => Kind::Array,
                View::Object(_) => Kind::Object,
            },
        }
    }

    /// As SQL text; `None` for null.
    fn text(self) -> Result<Option<String>> {
        match self {
            Source::Text(s) => json_text(s),
            Source::Stored(b) => Ok(match jsonb_text(b) {
                Datum::Text(s) => Some(s.into()),
                _ => None,
            }),
        }
    }

    /// As a value of json or jsonb.
    fn json(self, ty: u32) -> Result<Datum> {
        Ok(match (self, ty) {
            (Source::Text(s), oid::JSON) => Datum::Text(Str::new(s.trim_matches([' ', '\t', '\n', '\r']))),
            (Source::Text(s), _) => Datum::Bytes(jsonb::encode(&jsonb::parse(s)?).into()),
            (Source::Stored(b), oid::JSON) => Datum::Text(shown(b).into()),
            (Source::Stored(b), _) => Datum::Bytes(b.to_vec().into()),
        })
    }

    fn members(self) -> Result<Vec<(String, Source<'a>)>> {
        match self {
            Source::Text(s) => Members::new(s, Kind::Object)
                .into_iter()
                .flatten()
                .map(|(k, v)| Ok((unescape(k.unwrap_or_default())?, Source::Text(v))))
                .collect(),
            Source::Stored(b) => Ok(match View::of(b) {
                View::Object(o) => o.iter().map(|(k, v)| (k.to_owned(), Source::Stored(v))).collect(),
                _ => vec![],
            }),
        }
    }

    fn elements(self) -> Vec<Source<'a>> {
        match self {
            Source::Text(s) => {
                Members::new(s, Kind::Array).into_iter().flatten().map(|(_, v)| Source::Text(v)).collect()
            }
            Source::Stored(b) => match View::of(b) {
                View::Array(a) => a.iter().map(Source::Stored).collect(),
                _ => vec![],
            },
        }
    }
}

/// Where in the value we are, for hints.
#[derive(Clone, Default)]
struct Place {
    column: Option<String>,
    subscripts: Vec<usize>,
}

fn expected_array(place: &Place) -> DbError {
    let e = DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, "expected JSON array");
    let indices: String = place.subscripts.iter().map(|i| format!("[{i}]")).collect();
    match (&place.column, place.subscripts.is_empty()) {
        (Some(c), true) => e.hint(format!("See the value of key \"{c}\".")),
        (Some(c), false) => e.hint(format!("See the array element {indices} of key \"{c}\".")),
        (None, false) => e.hint(format!("See the array element {indices}.")),
        (None, true) => e,
    }
}

/// A value as a SQL value of a type; `old` is what the base row has there.
fn populate(ctx: &EvalCtx, ty: TypeRef, v: Source<'_>, place: &Place, old: &Datum) -> Result<Datum> {
    let kind = v.kind();
    if usertype::is_domain(ty.oid) {
        let d = populate(ctx, usertype::base(ty), v, place, old)?;
        ctx.session.check_domain(ctx, ty.oid, &d)?;
        return Ok(d);
    }
    if kind == Kind::Null {
        return Ok(Datum::Null);
    }
    if matches!(ty.oid, oid::JSON | oid::JSONB) {
        return v.json(ty.oid);
    }
    if kind != Kind::String {
        if let Some(elem) = oid::array_element(ty.oid) {
            return array(ctx, TypeRef { oid: elem, ..ty }, v, place);
        }
        if let Some(fields) = composite(ty) {
            if kind != Kind::Object {
                return Err(not_an_object(v));
            }
            let old = match old {
                Datum::Row(values) => Some(&values[..]),
                _ => None,
            };
            return row(ctx, &fields, v, old);
        }
    }
    let text = v.text()?.unwrap_or_default();
    io::text_in(ctx, ty, &text)
}

/// A stored value as a SQL value of a type.
pub(super) fn populated(ctx: &EvalCtx, ty: TypeRef, v: &[u8]) -> Result<Datum> {
    populate(ctx, ty, Source::Stored(v), &Place::default(), &Datum::Null)
}

/// Fields of a row type whose shape is known.
fn composite(ty: TypeRef) -> Option<shape::Fields> {
    if oid::type_info(ty.oid).is_some() && ty.oid != oid::RECORD {
        return None;
    }
    shape::fields(ty.typmod)
}

fn not_an_object(v: Source<'_>) -> DbError {
    match v.kind() {
        Kind::Array => parameter("cannot call populate_composite on an array"),
        _ => parameter("cannot call populate_composite on a scalar"),
    }
}

struct ArrayMaker {
    dims: Vec<usize>,
    items: Vec<Datum>,
}

fn array(ctx: &EvalCtx, elem: TypeRef, v: Source<'_>, place: &Place) -> Result<Datum> {
    if v.kind() != Kind::Array {
        return Err(expected_array(place));
    }
    let mut maker = ArrayMaker { dims: vec![], items: vec![] };
    // How deep the first elements nest decides the number of dimensions.
    let mut first = Some(v);
    let mut depth = 0;
    while let Some(x) = first.filter(|x| x.kind() == Kind::Array) {
        depth += 1;
        if depth > io::array::MAX_DIMS {
            return Err(DbError::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("number of array dimensions ({depth}) exceeds the maximum allowed ({})", io::array::MAX_DIMS),
            ));
        }
        let inner = x.elements();
        maker.dims.push(inner.len());
        first = inner.first().copied();
    }
    fill(ctx, elem, v, 0, &mut place.clone(), &mut maker)?;
    let dims = if maker.items.is_empty() { vec![] } else { maker.dims.iter().map(|n| (*n as i32, 1)).collect() };
    Ok(Datum::Array(Arc::new(ArrayValue { elem: elem.oid, dims, items: maker.items })))
}

fn fill(
    ctx: &EvalCtx,
    elem: TypeRef,
    v: Source<'_>,
    level: usize,
    place: &mut Place,
    maker: &mut ArrayMaker,
) -> Result<()> {
    let malformed = || {
        DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, "malformed JSON array")
            .detail("Multidimensional arrays must have sub-arrays with matching dimensions.")
    };
    let items = v.elements();
    if maker.dims.get(level) != Some(&items.len()) {
        return Err(malformed());
    }
    let innermost = level + 1 == maker.dims.len();
    for (i, item) in items.into_iter().enumerate() {
        place.subscripts.push(i);
        if innermost {
            if item.kind() == Kind::Array && !matches!(elem.oid, oid::JSON | oid::JSONB) {
                return Err(malformed());
            }
            maker.items.push(populate(ctx, elem, item, place, &Datum::Null)?);
        } else {
            if item.kind() != Kind::Array {
                return Err(expected_array(place));
            }
            fill(ctx, elem, item, level + 1, place, maker)?;
        }
        place.subscripts.pop();
    }
    Ok(())
}

/// A row of the fields. A field whose key is missing keeps the base's value.
fn row(ctx: &EvalCtx, fields: &[(String, TypeRef)], v: Source<'_>, old: Option<&[(TypeRef, Datum)]>) -> Result<Datum> {
    let members = v.members()?;
    let mut out = Vec::with_capacity(fields.len());
    for (i, (name, ty)) in fields.iter().enumerate() {
        let before = old.and_then(|o| o.get(i)).map_or(&Datum::Null, |o| &o.1);
        // Of two members with one key the later counts.
        let d = match members.iter().rev().find(|m| m.0 == *name) {
            None => {
                // A domain may have something against NULL.
                if before.is_null() && usertype::is_domain(ty.oid) {
                    ctx.session.check_domain(ctx, ty.oid, before)?;
                }
                before.clone()
            }
            Some((_, v)) => {
                let place = Place { column: Some(name.clone()), subscripts: vec![] };
                populate(ctx, *ty, *v, &place, before)?
            }
        };
        out.push((*ty, d));
    }
    Ok(Datum::Row(out.into()))
}

struct Call<'a> {
    fields: shape::Fields,
    base: Option<&'a [(TypeRef, Datum)]>,
    json: &'a Datum,
}

fn no_row_type(ty: TypeRef, name: &str) -> DbError {
    if ty.oid != oid::RECORD {
        return DbError::new(SqlState::DATATYPE_MISMATCH, format!("first argument of {name} must be a row type"));
    }
    DbError::unsupported(format!("could not determine row type for result of {name}")).hint(
        "Provide a non-null record argument, or call the function in the FROM clause using a column definition list.",
    )
}

/// 42804 unless a row is what the column definition list says.
fn same_row(own: &[(String, TypeRef)], asked: &[(String, TypeRef)]) -> Result<()> {
    let e =
        || DbError::new(SqlState::DATATYPE_MISMATCH, "function return row and query-specified return row do not match");
    if own.len() != asked.len() {
        let plural = if own.len() == 1 { "" } else { "s" };
        return Err(e().detail(format!(
            "Returned row contains {} attribute{plural}, but query expects {}.",
            own.len(),
            asked.len()
        )));
    }
    for (i, ((_, x), (_, y))) in own.iter().zip(asked).enumerate() {
        if x.oid != y.oid {
            let shown = |t: &TypeRef| crate::typename::format_type(t.oid, -1);
            return Err(e().detail(format!(
                "Returned type {} at ordinal position {}, but query expects {}.",
                shown(x),
                i + 1,
                shown(y)
            )));
        }
    }
    Ok(())
}

/// The fields, the base row and the JSON of a call.
fn open<'a>(info: &CallInfo<'_>, args: &'a [Datum], name: &str) -> Result<Call<'a>> {
    // json_populate_record has a third argument that does nothing.
    let (base, json) = match args {
        [json] => (None, json),
        [base, json] | [base, json, _] => (Some(base), json),
        _ => return Err(arity(args.len())),
    };
    let base_type = if base.is_some() { info.args.first().copied() } else { None };
    let values = match base {
        Some(Datum::Row(values)) => Some(&values[..]),
        _ => None,
    };
    // The base's type also names the fields of rows inside it.
    let named = base_type.filter(|t| t.oid != oid::RECORD).and_then(|t| shape::fields(t.typmod));
    let asked = named.or_else(|| shape::fields(info.result.typmod));
    let own = base_type.and_then(|ty| match values {
        // A row of its own kind has its own fields.
        Some(values) if ty.oid == oid::RECORD => Some(field_names(ty, values)),
        _ => None,
    });
    let fields = match (own, asked) {
        (Some(own), asked) => {
            if let Some(asked) = asked {
                same_row(&own, &asked)?;
            }
            own
        }
        (None, Some(asked)) => asked,
        (None, None) => match base_type {
            Some(ty) => shape::fields(ty.typmod).ok_or_else(|| no_row_type(ty, name))?,
            None => return Err(no_row_type(TypeRef::new(oid::RECORD), name)),
        },
    };
    Ok(Call { fields, base: values, json })
}

fn one(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum], name: &str) -> Result<Datum> {
    let c = open(info, args, name)?;
    if c.json.is_null() {
        return Ok(args.first().filter(|_| args.len() > 1).cloned().unwrap_or(Datum::Null));
    }
    let v = Source::of(c.json)?;
    if v.kind() == Kind::Null {
        return Ok(Datum::Null);
    }
    if v.kind() != Kind::Object {
        return Err(not_an_object(v));
    }
    row(ctx, &c.fields, v, c.base)
}

fn many(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum], name: &str) -> Result<Rows> {
    let c = open(info, args, name)?;
    if c.json.is_null() {
        return Ok(Box::new(std::iter::empty()));
    }
    let v = Source::of(c.json)?;
    match v.kind() {
        Kind::Array => {}
        _ if matches!(v, Source::Stored(_)) => return Err(parameter(format!("cannot call {name} on a non-array"))),
        Kind::Object => return Err(parameter(format!("cannot call {name} on an object"))),
        _ => return Err(parameter(format!("cannot call {name} on a scalar"))),
    }
    let mut out = Vec::new();
    for item in v.elements() {
        if item.kind() != Kind::Object {
            return Err(parameter(format!("argument of {name} must be an array of objects")));
        }
        match row(ctx, &c.fields, item, c.base)? {
            Datum::Row(values) => out.push(Ok(values.iter().map(|v| v.1.clone()).collect())),
            d => return Err(unexpected(&d)),
        }
    }
    Ok(Box::new(out.into_iter()))
}

macro_rules! single {
    ($name:literal) => {
        Kernel { name: $name, body: KernelBody::Scalar(|ctx, info, args| one(ctx, info, args, $name)) }
    };
}

macro_rules! several {
    ($name:literal) => {
        Kernel { name: $name, body: KernelBody::Set(|ctx, info, args| many(ctx, info, args, $name)) }
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    single!("json_to_record"),
    single!("jsonb_to_record"),
    single!("json_populate_record"),
    single!("jsonb_populate_record"),
    several!("json_to_recordset"),
    several!("jsonb_to_recordset"),
    several!("json_populate_recordset"),
    several!("jsonb_populate_recordset"),
]];
