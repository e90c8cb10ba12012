//! Subscripts of types that are a fixed number of elements, counted from 0: point, lseg, box, line and name.

use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::{ArrayValue, Datum};
use rustydb_types::oid;

/// Bytes of a name, its end included.
const NAME_LEN: usize = 64;

/// Element type of such a type.
pub fn element(ty: u32) -> Option<u32> {
    match ty {
        oid::POINT | oid::LINE => Some(oid::FLOAT8),
        oid::LSEG | oid::BOX => Some(oid::POINT),
        oid::NAME => Some(oid::CHAR),
        _ => None,
    }
}

/// Bytes of one element.
fn width(elem: u32) -> usize {
    if elem == oid::POINT { 16 } else { 8 }
}

/// A value as an array, for reading elements.
pub fn as_array(ty: u32, d: &Datum) -> Option<ArrayValue> {
    let elem = element(ty)?;
    let items: Vec<Datum> = match d {
        Datum::Bytes(b) if elem == oid::POINT => {
            b.chunks_exact(width(elem)).map(|c| Datum::Bytes(bytes::Bytes::copy_from_slice(c))).collect()
        }
        Datum::Bytes(b) => b
            .chunks_exact(width(elem))
            .filter_map(|c| Some(Datum::Float8(f64::from_be_bytes(c.try_into().ok()?))))
            .collect(),
        Datum::Text(s) => (0..NAME_LEN)
            .map(|i| {
                let byte = s.as_bytes().get(i).copied().unwrap_or(0);
                Datum::Text(rustydb_types::io::scalar::char_from_byte(byte).into())
            })
            .collect(),
        _ => return None,
    };
    Some(ArrayValue { elem, dims: vec![(items.len() as i32, 0)], items })
}

/// The value with one element replaced. NULL, as the value or as the element, changes nothing.
pub fn with_element(ty: u32, old: &Datum, at: &[i32], new: &Datum) -> Result<Datum> {
    let wrong = |m| DbError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, m);
    let (Datum::Bytes(b), Some(elem)) = (old, element(ty)) else {
        if matches!(old, Datum::Text(_)) {
            return Err(DbError::unsupported("assignment to a part of a name is not supported"));
        }
        return Ok(old.clone());
    };
    let new: &[u8] = match new {
        Datum::Float8(v) => &v.to_be_bytes(),
        Datum::Bytes(v) => v,
        _ => return Ok(old.clone()),
    };
    let &[at] = at else { return Err(wrong("wrong number of array subscripts")) };
    let mut out = b.to_vec();
    let place = usize::try_from(at).ok().and_then(|i| out.chunks_exact_mut(width(elem)).nth(i));
    let place = place.filter(|p| p.len() == new.len()).ok_or_else(|| wrong("array subscript out of range"))?;
    place.copy_from_slice(new);
    Ok(Datum::Bytes(out.into()))
}

/// 0A000.
pub fn no_slices() -> DbError {
    DbError::unsupported("slices of fixed-length arrays not implemented")
}
