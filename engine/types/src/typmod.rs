//! Type modifiers applied to values: lengths, precisions and ranges.

use crate::bytetype::byte_type;
use crate::datetime::interval_in;
use crate::datetime::{apply_timestamp_typmod, round_usecs};
use crate::datum::{ArrayValue, Datum, Str, TypeRef};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// What `character` values are padded with, so many at a time.
const SPACES: &str = "                                                                ";

/// Header that length modifiers of character types include.
const VARHDRSZ: i32 = 4;

fn too_long(name: &str, n: usize) -> DbError {
    DbError::new(SqlState::STRING_DATA_RIGHT_TRUNCATION, format!("value too long for type {name}({n})"))
}

/// Byte position after `n` characters; `None` when the text has no more than `n`.
fn cut_at(s: &str, n: usize) -> Option<usize> {
    if s.len() <= n {
        return None;
    }
    s.char_indices().nth(n).map(|(i, _)| i)
}

/// Cuts a text to `n` characters: silently in an explicit cast, else only blanks may be cut.
fn cut(s: Str, n: usize, name: &str, explicit: bool) -> Result<Str> {
    match cut_at(&s, n) {
        None => Ok(s),
        Some(at) if explicit || s[at..].bytes().all(|b| b == b' ') => Ok(s[..at].into()),
        Some(_) => Err(too_long(name, n)),
    }
}

/// Brings a value of the type to the type's modifier. An `explicit` cast cuts character values that are too long; an
/// assignment fails with 22001 unless what is cut are blanks.
pub fn apply_typmod(ty: TypeRef, d: Datum, explicit: bool) -> Result<Datum> {
    if ty.typmod < 0 {
        return Ok(d);
    }
    Ok(match d {
        // Less than the header: no type's length.
        Datum::Text(s) if matches!(ty.oid, oid::VARCHAR | oid::BPCHAR) && ty.typmod < VARHDRSZ => Datum::Text(s),
        Datum::Text(s) if matches!(ty.oid, oid::VARCHAR | oid::BPCHAR) => {
            let n = (ty.typmod - VARHDRSZ).max(0) as usize;
            if ty.oid == oid::VARCHAR {
                return cut(s, n, "character varying", explicit).map(Datum::Text);
            }
            let mut s = cut(s, n, "character", explicit)?;
            let have = if s.is_ascii() { s.len() } else { s.chars().count() };
            let mut missing = n.saturating_sub(have);
            s.reserve(missing);
            while missing > 0 {
                let some = missing.min(SPACES.len());
                s.push_str(&SPACES[..some]);
                missing -= some;
            }
            Datum::Text(s)
        }
        Datum::Numeric(n) => Datum::Numeric(n.apply_typmod(ty.typmod)?),
        Datum::Time(v) => Datum::Time(round_usecs(v, ty.typmod)),
        Datum::TimeTz(v, z) => Datum::TimeTz(round_usecs(v, ty.typmod), z),
        Datum::Timestamp(v) => Datum::Timestamp(apply_timestamp_typmod(v, ty.typmod)?),
        Datum::TimestampTz(v) => Datum::TimestampTz(apply_timestamp_typmod(v, ty.typmod)?),
        Datum::Interval(v) => Datum::Interval(interval_in::apply_typmod(v, ty.typmod)),
        Datum::Array(a) => {
            let elem = TypeRef { oid: a.elem, ..ty };
            let items: Result<Vec<Datum>> = a.items.iter().map(|d| apply_typmod(elem, d.clone(), explicit)).collect();
            Datum::Array(Arc::new(ArrayValue { elem: a.elem, dims: a.dims.clone(), items: items? }))
        }
        Datum::Bytes(b) => match byte_type(ty.oid).and_then(|t| t.typmod) {
            Some(apply) => Datum::Bytes(apply(ty, &b, explicit)?.into()),
            None => Datum::Bytes(b),
        },
        d => d,
    })
}
