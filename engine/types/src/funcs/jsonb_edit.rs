//! jsonb: changing values. Each function reads its argument as a tree, changes it, and stores it anew.

use super::args::{arity, raw, scalar, unexpected};
use super::jsonb::{parameter, subscript, texts};
use super::text::{MAX_VALUE, too_large};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum};
use crate::jsonb::{Json, compare_keys, encode, object_of};
use crate::kernel::{CallInfo, Kernel};
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// Most nulls that an assignment beyond an array's end may fill in.
const MAX_GAP: usize = 1 << 24;

/// What a walk along a path does at its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edit {
    Delete,
    /// Replaces; adds nothing.
    Replace,
    /// Replaces, or adds the last step.
    Create,
    InsertBefore,
    InsertAfter,
    /// As an assignment does: adds all steps, fills arrays with nulls.
    Assign,
}

impl Edit {
    fn adds(self) -> bool {
        matches!(self, Edit::Create | Edit::InsertBefore | Edit::InsertAfter | Edit::Assign)
    }
}

fn not_composite() -> DbError {
    parameter("cannot replace existing key")
        .detail("The path assumes key is a composite object, but it is a scalar value.")
}

fn step<'a>(path: &[Option<&'a str>], level: usize) -> Result<&'a str> {
    path.get(level).copied().flatten().ok_or_else(|| {
        DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, format!("path element at position {} is null", level + 1))
    })
}

/// Applies `edit` at `path[level..]` below `v`.
fn walk(v: &mut Json, path: &[Option<&str>], level: usize, new: &Json, edit: Edit) -> Result<()> {
    if level >= path.len() {
        return Ok(());
    }
    let key = step(path, level)?;
    let last = level + 1 == path.len();
    match v {
        Json::Object(members) => match members.binary_search_by(|m| compare_keys(&m.0, key)) {
            Ok(_) if last && matches!(edit, Edit::InsertBefore | Edit::InsertAfter) => {
                Err(parameter("cannot replace existing key")
                    .hint("Try using the function jsonb_set to replace key value."))
            }
            Ok(i) if last && edit == Edit::Delete => {
                members.remove(i);
                Ok(())
            }
            Ok(i) if last => {
                members[i].1 = new.clone();
                Ok(())
            }
            Ok(i) => walk(&mut members[i].1, path, level + 1, new, edit),
            Err(i) if last && edit.adds() => {
                members.insert(i, (key.to_owned(), new.clone()));
                Ok(())
            }
            Err(i) if !last && edit == Edit::Assign => {
                members.insert(i, (key.to_owned(), chain(path, level + 1, new)?));
                Ok(())
            }
            Err(_) => Ok(()),
        },
        Json::Array(items) => walk_array(items, key, path, level, new, edit),
        _ if edit == Edit::Assign => Err(not_composite()),
        _ => Ok(()),
    }
}

fn walk_array(
    items: &mut Vec<Json>,
    key: &str,
    path: &[Option<&str>],
    level: usize,
    new: &Json,
    edit: Edit,
) -> Result<()> {
    let last = level + 1 == path.len();
    let n = subscript(key).ok_or_else(|| {
        DbError::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("path element at position {} is not an integer: \"{key}\"", level + 1),
        )
    })?;
    let len = items.len();
    // `None`: before the first element.
    let at = match usize::try_from(n) {
        Ok(i) if edit == Edit::Assign => Some(i),
        Ok(i) => Some(i.min(len)),
        Err(_) => match len.checked_sub(n.unsigned_abs() as usize) {
            None if edit == Edit::Assign => {
                return Err(parameter(format!("path element at position {} is out of range: {n}", level + 1)));
            }
            at => at,
        },
    };
    match at {
        Some(i) if i < len => {
            if !last {
                return walk(&mut items[i], path, level + 1, new, edit);
            }
            match edit {
                Edit::Delete => {
                    items.remove(i);
                }
                Edit::InsertBefore => items.insert(i, new.clone()),
                Edit::InsertAfter => items.insert(i + 1, new.clone()),
                Edit::Replace | Edit::Create | Edit::Assign => items[i] = new.clone(),
            }
        }
        None if last && edit.adds() => items.insert(0, new.clone()),
        Some(i) if last && edit.adds() => {
            fill(items, i)?;
            items.push(new.clone());
        }
        Some(i) if edit == Edit::Assign => {
            fill(items, i)?;
            items.push(chain(path, level + 1, new)?);
        }
        _ => {}
    }
    Ok(())
}

/// Nulls up to a length.
fn fill(items: &mut Vec<Json>, len: usize) -> Result<()> {
    if len.saturating_sub(items.len()) > MAX_GAP {
        return Err(too_large());
    }
    while items.len() < len {
        items.push(Json::Null);
    }
    Ok(())
}

/// The objects and arrays that the steps from `level` on lead through, down to the new value.
fn chain(path: &[Option<&str>], level: usize, new: &Json) -> Result<Json> {
    let mut v = new.clone();
    for l in (level..path.len()).rev() {
        let key = step(path, l)?;
        v = match subscript(key) {
            Some(n) => {
                let mut items = Vec::new();
                fill(&mut items, usize::try_from(n).unwrap_or(0))?;
                items.push(v);
                Json::Array(items)
            }
            None => Json::Object(vec![(key.to_owned(), v)]),
        };
    }
    Ok(v)
}

fn stored(v: &Json) -> Result<Datum> {
    let b = encode(v);
    if b.len() > MAX_VALUE { Err(too_large()) } else { Ok(Datum::Bytes(b.into())) }
}

fn is_empty(v: &Json) -> bool {
    matches!(v, Json::Array(a) if a.is_empty()) || matches!(v, Json::Object(o) if o.is_empty())
}

/// `jsonb_set`, `jsonb_insert` and `#-`.
fn edit_path(j: &[u8], path: &ArrayValue, new: &[u8], edit: Edit) -> Result<Datum> {
    let path = texts(path)?;
    let mut v = Json::of(j);
    if v.is_scalar() {
        return Err(parameter(match edit {
            Edit::Delete => "cannot delete path in scalar",
            _ => "cannot set path in scalar",
        }));
    }
    if path.is_empty() || is_empty(&v) && !edit.adds() {
        return Ok(Datum::Bytes(j.to_vec().into()));
    }
    walk(&mut v, &path, 0, &Json::of(new), edit)?;
    stored(&v)
}

/// `target[path…] := new`. A NULL target starts as what the first step needs; a NULL value is JSON's null.
pub fn assign(target: Option<&[u8]>, path: &[Option<&str>], numeric_first: bool, new: Option<&[u8]>) -> Result<Datum> {
    let mut v = match target {
        Some(b) => Json::of(b),
        None if numeric_first => Json::Array(vec![]),
        None => Json::Object(vec![]),
    };
    let new = new.map_or(Json::Null, Json::of);
    walk(&mut v, path, 0, &new, Edit::Assign)?;
    stored(&v)
}

fn set_lax(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [j, path, new, create, treatment] = args else { return Err(arity(args.len())) };
    let (Datum::Bytes(j), Datum::Array(path), Datum::Bool(create)) = (j, path, create) else { return Ok(Datum::Null) };
    let edit = if *create { Edit::Create } else { Edit::Replace };
    let unknown = || {
        parameter(
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
        )
    };
    let Datum::Text(treatment) = treatment else { return Err(unknown()) };
    if let Datum::Bytes(new) = new {
        return edit_path(j, path, new, edit);
    }
    match treatment.as_str() {
        "raise_exception" => Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "JSON value must not be null")
            .detail("Exception was raised because null_value_treatment is \"raise_exception\".")
            .hint(
                "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.",
            )),
        "use_json_null" => edit_path(j, path, &encode(&Json::Null), edit),
        "delete_key" => edit_path(j, path, &[], Edit::Delete),
        "return_target" => Ok(Datum::Bytes(j.clone())),
        _ => Err(unknown()),
    }
}

fn delete_keys(j: &[u8], gone: impl Fn(&str) -> bool) -> Result<Datum> {
    let mut v = Json::of(j);
    match &mut v {
        Json::Object(members) => members.retain(|m| !gone(&m.0)),
        Json::Array(items) => items.retain(|i| !matches!(i, Json::String(s) if gone(s))),
        _ => return Err(parameter("cannot delete from scalar")),
    }
    stored(&v)
}

fn delete_index(j: &[u8], i: i32) -> Result<Datum> {
    let mut v = Json::of(j);
    match &mut v {
        Json::Object(_) => return Err(parameter("cannot delete from object using integer index")),
        Json::Array(items) => {
            let len = items.len() as i64;
            let at = if i < 0 { len + i64::from(i) } else { i.into() };
            if let Ok(at) = usize::try_from(at)
                && at < items.len()
            {
                items.remove(at);
            }
        }
        _ => return Err(parameter("cannot delete from scalar")),
    }
    stored(&v)
}

fn concat(a: &[u8], b: &[u8]) -> Result<Datum> {
    let (x, y) = (Json::of(a), Json::of(b));
    let object = |v: &Json| matches!(v, Json::Object(_));
    if object(&x) == object(&y) {
        if is_empty(&x) && !y.is_scalar() {
            return Ok(Datum::Bytes(b.to_vec().into()));
        }
        if is_empty(&y) && !x.is_scalar() {
            return Ok(Datum::Bytes(a.to_vec().into()));
        }
    }
    stored(&match (x, y) {
        (Json::Object(mut x), Json::Object(y)) => {
            x.extend(y);
            object_of(x)
        }
        (x, y) => {
            let items = |v: Json| match v {
                Json::Array(items) => items,
                v => vec![v],
            };
            let mut out = items(x);
            out.extend(items(y));
            Json::Array(out)
        }
    })
}

fn strip_nulls(v: &mut Json) {
    match v {
        Json::Object(members) => {
            members.retain(|m| m.1 != Json::Null);
            members.iter_mut().for_each(|m| strip_nulls(&mut m.1));
        }
        Json::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

fn subscripts(args: &[Datum]) -> Result<Vec<Option<&str>>> {
    args.iter()
        .map(|d| match d {
            Datum::Text(s) => Ok(Some(s.as_str())),
            Datum::Null => Ok(None),
            d => Err(unexpected(d)),
        })
        .collect()
}

/// The value that an assignment to `target[path…]` leaves: NULL subscripts are an error.
pub fn assign_path(target: &Datum, path: &[Datum], numeric_first: bool, new: &Datum) -> Result<Datum> {
    let part = |d: &'_ Datum| -> Result<Option<bytes::Bytes>> {
        match d {
            Datum::Null => Ok(None),
            Datum::Bytes(b) => Ok(Some(b.clone())),
            d => Err(unexpected(d)),
        }
    };
    let path = subscripts(path)?;
    if path.iter().any(Option::is_none) {
        return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "jsonb subscript in assignment must not be null"));
    }
    assign(part(target)?.as_deref(), &path, numeric_first, part(new)?.as_deref())
}

type Texts<'a> = &'a Arc<ArrayValue>;

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("jsonb_set", |j: &[u8], p: Texts<'_>, new: &[u8], create: bool| {
        edit_path(j, p, new, if create { Edit::Create } else { Edit::Replace })
    }),
    scalar!("jsonb_insert", |j: &[u8], p: Texts<'_>, new: &[u8], after: bool| {
        edit_path(j, p, new, if after { Edit::InsertAfter } else { Edit::InsertBefore })
    }),
    raw!("jsonb_set_lax", set_lax),
    scalar!("jsonb_delete_path", |j: &[u8], p: Texts<'_>| edit_path(j, p, &[], Edit::Delete)),
    scalar!("jsonb_delete", |j: &[u8], key: &str| delete_keys(j, |k| k == key)),
    scalar!("jsonb_delete_array", |j: &[u8], keys: Texts<'_>| {
        let keys = texts(keys)?;
        delete_keys(j, |k| keys.contains(&Some(k)))
    }),
    scalar!("jsonb_delete_idx", |j: &[u8], i: i32| delete_index(j, i)),
    scalar!("jsonb_concat", |a: &[u8], b: &[u8]| concat(a, b)),
    scalar!("jsonb_strip_nulls", |j: &[u8]| {
        let mut v = Json::of(j);
        strip_nulls(&mut v);
        stored(&v)
    }),
]];
