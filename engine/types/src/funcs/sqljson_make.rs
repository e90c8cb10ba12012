//! JSON, JSON_SCALAR, JSON_SERIALIZE, JSON_OBJECT, JSON_ARRAY and IS JSON, which PostgreSQL 16 and 17 have as expressions:
//! one kernel that the binder calls (`bind/sqljson_make.rs`).
//!
//! Its first argument is a [`Maker`] as text, the others are the values. The result's type is what RETURNING says.

use super::args::{arity, unexpected};
use super::bytes::invalid_utf8;
use super::json::{write, write_key};
use super::jsonb_make::{key, stored, tree};
use super::text::{MAX_VALUE, too_large};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, Str, TypeRef};
use crate::io::json::{Visitor, validate, walk};
use crate::jsonb::{self, Json, View, encode, object_of};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use crate::{io, oid, usertype};
use rustydb_base::{DbError, Result, SqlState};
use std::borrow::Cow;
use std::collections::HashSet;

/// The kernel's name.
pub const MAKE: &str = "sql_json_make";

/// What is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the expressions' own words")]
pub enum Made {
    Object,
    Array,
    Scalar,
    Serialize,
    Json,
    /// A value with FORMAT JSON.
    Formatted,
    /// An aggregate's result as a value of another type.
    Returned,
    IsValue,
    IsScalar,
    IsArray,
    IsObject,
}

const LETTERS: [(char, Made); 11] = [
    ('o', Made::Object),
    ('a', Made::Array),
    ('s', Made::Scalar),
    ('z', Made::Serialize),
    ('j', Made::Json),
    ('f', Made::Formatted),
    ('r', Made::Returned),
    ('V', Made::IsValue),
    ('S', Made::IsScalar),
    ('A', Made::IsArray),
    ('O', Made::IsObject),
];

/// What is made and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Maker {
    /// What.
    pub made: Made,
    /// NULLs are left out.
    pub absent: bool,
    /// Keys must differ.
    pub unique: bool,
    /// It is made as jsonb.
    pub jsonb: bool,
    /// FORMAT JSON names its encoding.
    pub encoding: bool,
}

impl Maker {
    /// Without any clause.
    pub fn of(made: Made) -> Maker {
        Maker { made, absent: false, unique: false, jsonb: false, encoding: false }
    }

    /// As the kernel's argument.
    pub fn datum(self) -> Datum {
        let letter = LETTERS.iter().find(|l| l.1 == self.made).map_or('?', |l| l.0);
        let flags = [(self.absent, 'n'), (self.unique, 'k'), (self.jsonb, 'b'), (self.encoding, 'e')];
        let text: String = std::iter::once(letter).chain(flags.iter().filter(|f| f.0).map(|f| f.1)).collect();
        Datum::Text(text.into())
    }

    /// The one among a call's arguments.
    pub fn from_datum(d: &Datum) -> Result<Maker> {
        let Datum::Text(s) = d else { return Err(unexpected(d)) };
        let made = s.chars().next().and_then(|c| LETTERS.iter().find(|l| l.0 == c));
        let made = made.ok_or_else(|| DbError::internal("a JSON constructor of no kind"))?.1;
        let has = |c: char| s.contains(c) && !s.starts_with(c);
        Ok(Maker { made, absent: has('n'), unique: has('k'), jsonb: has('b'), encoding: has('e') })
    }
}

/// A key that an object has twice.
pub(crate) fn duplicate(key: Option<&str>) -> DbError {
    let mut message = "duplicate JSON object key value".to_owned();
    if let Some(k) = key {
        message.push_str(": ");
        message.push_str(k);
    }
    DbError::new(SqlState::DUPLICATE_JSON_OBJECT_KEY_VALUE, message)
}

/// A key that is NULL.
pub(crate) fn null_key() -> DbError {
    DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key")
}

/// Refuses keys that occur twice in one object.
#[derive(Default)]
struct Unique {
    /// The keys of the open objects; none for arrays.
    open: Vec<Option<HashSet<String>>>,
}

impl Visitor for Unique {
    fn open(&mut self, object: bool) -> Result<()> {
        self.open.push(object.then(HashSet::new));
        Ok(())
    }
    fn close(&mut self) -> Result<()> {
        self.open.pop();
        Ok(())
    }
    fn key(&mut self, key: &str) -> Result<()> {
        let new = match self.open.last_mut() {
            Some(Some(keys)) => keys.insert(key.to_owned()),
            _ => true,
        };
        if new { Ok(()) } else { Err(duplicate(None)) }
    }
    fn string(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
    fn word(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

fn check(text: &str, unique: bool) -> Result<()> {
    if unique { walk(text, &mut Unique::default()) } else { validate(text) }
}

/// A value of json, jsonb, bytea or a kind of string as its text.
fn text(ty: TypeRef, d: &Datum) -> Result<Cow<'_, str>> {
    Ok(match d {
        Datum::Text(s) => Cow::Borrowed(&**s),
        Datum::Bytes(b) if usertype::base(ty).oid == oid::JSONB => {
            let mut out = String::new();
            jsonb::write_text(b, &mut out);
            Cow::Owned(out)
        }
        Datum::Bytes(b) => {
            let text = std::str::from_utf8(b).ok().filter(|s| !s.contains('\0'));
            Cow::Borrowed(text.ok_or_else(|| invalid_utf8(b))?)
        }
        d => return Err(unexpected(d)),
    })
}

/// JSON text as a value of the type that RETURNING says.
fn returned(ctx: &EvalCtx, ty: TypeRef, text: String) -> Result<Datum> {
    if text.len() > MAX_VALUE {
        return Err(too_large());
    }
    let base = usertype::base(ty);
    let d = match base.oid {
        oid::JSON => Datum::Text(Str::from(text)),
        oid::JSONB => stored(&jsonb::parse(&text)?)?,
        oid::BYTEA => Datum::Bytes(text.into_bytes().into()),
        _ => io::text_in(ctx, base, &text)?,
    };
    checked(ctx, ty, d)
}

fn checked(ctx: &EvalCtx, ty: TypeRef, d: Datum) -> Result<Datum> {
    if usertype::is_domain(ty.oid) {
        ctx.session.check_domain(ctx, ty.oid, &d)?;
    }
    Ok(d)
}

fn from_tree(ctx: &EvalCtx, ty: TypeRef, v: &Json) -> Result<Datum> {
    if usertype::base(ty).oid == oid::JSONB {
        return checked(ctx, ty, stored(v)?);
    }
    let mut out = String::new();
    jsonb::write_text(&encode(v), &mut out);
    returned(ctx, ty, out)
}

fn object(ctx: &EvalCtx, m: Maker, ty: TypeRef, types: &[TypeRef], values: &[Datum]) -> Result<Datum> {
    let pairs = types.chunks_exact(2).zip(values.chunks_exact(2)).enumerate();
    let mut keys = HashSet::new();
    let mut out = String::from("{");
    let mut members = Vec::new();
    for (i, (t, v)) in pairs {
        let ([kt, vt], [k, v]) = (t, v) else { continue };
        if k.is_null() {
            return Err(if m.jsonb {
                let message = format!("argument {}: key must not be null", 2 * i + 1);
                DbError::new(SqlState::INVALID_PARAMETER_VALUE, message)
            } else {
                null_key()
            });
        }
        let skip = m.absent && v.is_null();
        if m.jsonb {
            let k = key(ctx, *kt, k)?;
            if m.unique && !keys.insert(k.clone()) {
                return Err(duplicate(None));
            }
            if !skip {
                members.push((k, tree(ctx, *vt, v, 0)?));
            }
            continue;
        }
        let before = out.len();
        out.push_str(if before > 1 { ", " } else { "" });
        let at = out.len();
        write_key(ctx, *kt, k, &mut out)?;
        let k = out.get(at..).unwrap_or_default();
        if m.unique && !keys.insert(k.to_owned()) {
            return Err(duplicate(Some(k)));
        }
        if skip {
            out.truncate(before);
            continue;
        }
        out.push_str(" : ");
        write(ctx, *vt, v, &mut out, 0)?;
    }
    if m.jsonb {
        return from_tree(ctx, ty, &object_of(members));
    }
    out.push('}');
    returned(ctx, ty, out)
}

fn array(ctx: &EvalCtx, m: Maker, ty: TypeRef, types: &[TypeRef], values: &[Datum]) -> Result<Datum> {
    let items = types.iter().zip(values).filter(|(_, v)| !(m.absent && v.is_null()));
    if m.jsonb {
        let items = items.map(|(t, v)| tree(ctx, *t, v, 0)).collect::<Result<_>>()?;
        return from_tree(ctx, ty, &Json::Array(items));
    }
    let mut out = String::from("[");
    for (t, v) in items {
        out.push_str(if out.len() > 1 { ", " } else { "" });
        write(ctx, *t, v, &mut out, 0)?;
    }
    out.push(']');
    returned(ctx, ty, out)
}

/// Whether JSON text is of a kind; text that is no JSON is of none.
fn is_json(m: Maker, ty: TypeRef, d: &Datum) -> Result<bool> {
    let kind = |open: Option<u8>| match m.made {
        Made::IsArray => open == Some(b'['),
        Made::IsObject => open == Some(b'{'),
        Made::IsScalar => !matches!(open, Some(b'[' | b'{')),
        _ => true,
    };
    if let (Datum::Bytes(b), oid::JSONB) = (d, usertype::base(ty).oid) {
        return Ok(kind(match View::of(b) {
            View::Array(_) => Some(b'['),
            View::Object(_) => Some(b'{'),
            _ => None,
        }));
    }
    let text = text(ty, d)?;
    match check(&text, m.unique) {
        Ok(()) => {}
        Err(e) if e.code.0.starts_with(b"54") => return Err(e),
        Err(_) => return Ok(false),
    }
    Ok(kind(text.trim_start_matches([' ', '\t', '\n', '\r']).bytes().next()))
}

fn make(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (Some((plan, values)), Some((_, types))) = (args.split_first(), info.args.split_first()) else {
        return Err(arity(args.len()));
    };
    let (m, ty) = (Maker::from_datum(plan)?, info.result);
    match m.made {
        Made::Object => return object(ctx, m, ty, types, values),
        Made::Array => return array(ctx, m, ty, types, values),
        _ => {}
    }
    let ([own], [d]) = (types, values) else { return Err(arity(args.len())) };
    if d.is_null() {
        return checked(ctx, ty, Datum::Null);
    }
    match m.made {
        Made::IsValue | Made::IsScalar | Made::IsArray | Made::IsObject => is_json(m, *own, d).map(Datum::Bool),
        Made::Scalar => {
            let mut out = String::new();
            write(ctx, *own, d, &mut out, 0)?;
            returned(ctx, ty, out)
        }
        _ => {
            let text = text(*own, d)?;
            if !matches!(usertype::base(*own).oid, oid::JSON | oid::JSONB) {
                check(&text, m.unique)?;
            }
            returned(ctx, ty, text.into_owned())
        }
    }
}

/// Kernels of this module; no name is one of PostgreSQL's functions.
pub const KERNELS: &[Kernel] = &[Kernel { name: MAKE, body: KernelBody::Scalar(make) }];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_survive_their_datum() {
        for (_, made) in LETTERS {
            for bits in 0..16u8 {
                let on = |n: u8| bits & 1 << n != 0;
                let m = Maker { made, absent: on(0), unique: on(1), jsonb: on(2), encoding: on(3) };
                assert_eq!(Maker::from_datum(&m.datum()).unwrap(), m);
            }
        }
    }
}
