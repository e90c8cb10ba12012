//! Assignment to parts of values: array elements, array slices, fields of rows.
//!
//! A new value is made; what is assigned to stays as it is. A one-dimensional array grows to where the assignment
//! reaches, NULLs filling the gap; arrays of more dimensions do not grow.

use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::{ArrayValue, Datum, TypeRef};
use rustydb_types::io::array::array_too_big;
use std::sync::Arc;

/// Most elements of an array.
const MAX_ITEMS: i64 = 134_217_727;

fn subscript_error(message: &'static str) -> DbError {
    DbError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message)
}

fn wrong_number() -> DbError {
    subscript_error("wrong number of array subscripts")
}

/// A row with one field replaced; a NULL row is one of NULLs.
pub fn set_field(row: &Datum, types: &[TypeRef], index: usize, value: Datum) -> Result<Datum> {
    let mut fields: Vec<(TypeRef, Datum)> = match row {
        Datum::Row(f) => f.to_vec(),
        _ => Vec::new(),
    };
    // Attributes added after the row was stored are NULL in it.
    for ty in types.iter().skip(fields.len()) {
        fields.push((*ty, Datum::Null));
    }
    let field = fields.get_mut(index).ok_or_else(|| DbError::internal("assignment to a field that is not there"))?;
    field.1 = value;
    Ok(Datum::Row(fields.into()))
}

fn made(elem: u32, dims: Vec<(i32, i32)>, items: Vec<Datum>) -> Datum {
    Datum::Array(Arc::new(ArrayValue { elem, dims, items }))
}

/// An array grown (one dimension) so that it has all places from `low` to `high`.
fn grown(a: &ArrayValue, low: i32, high: i32) -> Result<(i32, Vec<Datum>)> {
    let (have_low, have) = (a.dims.first().map_or(low, |d| d.1), a.items.as_slice());
    let have_end = i64::from(have_low) + have.len() as i64;
    let first = if have.is_empty() { i64::from(low) } else { i64::from(low.min(have_low)) };
    let end = if have.is_empty() { i64::from(high) + 1 } else { have_end.max(i64::from(high) + 1) };
    if end - first > MAX_ITEMS {
        return Err(array_too_big());
    }
    if end > i64::from(i32::MAX) {
        return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("array lower bound is too large: {low}")));
    }
    let mut items = vec![Datum::Null; (end - first) as usize];
    let at = (i64::from(have_low) - first).max(0) as usize;
    for (slot, d) in items.iter_mut().skip(at).zip(have) {
        *slot = d.clone();
    }
    Ok((first as i32, items))
}

/// `array[indices] = value`. NULL and the empty array become arrays of one element.
pub fn set_element(elem: u32, array: Option<&ArrayValue>, indices: &[i32], value: Datum) -> Result<Datum> {
    let array = array.filter(|a| !a.dims.is_empty());
    let Some(a) = array else {
        let dims = indices.iter().map(|i| (1, *i)).collect();
        return Ok(made(elem, dims, vec![value]));
    };
    if indices.len() != a.dims.len() {
        return Err(wrong_number());
    }
    if let [i] = indices {
        let (low, mut items) = grown(a, *i, *i)?;
        let at = (i64::from(*i) - i64::from(low)).max(0) as usize;
        if let Some(slot) = items.get_mut(at) {
            *slot = value;
        }
        return Ok(made(a.elem, vec![(items.len() as i32, low)], items));
    }
    let mut offset: i64 = 0;
    for (i, (len, low)) in indices.iter().zip(&a.dims) {
        let at = i64::from(*i) - i64::from(*low);
        if at < 0 || at >= i64::from(*len) {
            return Err(subscript_error("array subscript out of range"));
        }
        offset = offset * i64::from(*len) + at;
    }
    let mut items = a.items.clone();
    if let Some(slot) = items.get_mut(offset as usize) {
        *slot = value;
    }
    Ok(made(a.elem, a.dims.clone(), items))
}

/// `array[from:to, …] = source`; a bound not written is the array's own.
pub fn set_slice(
    elem: u32,
    array: Option<&ArrayValue>,
    bounds: &[(Option<i32>, Option<i32>)],
    source: &ArrayValue,
) -> Result<Datum> {
    let array = array.filter(|a| !a.dims.is_empty());
    let too_small = || subscript_error("source array too small");
    let Some(a) = array else {
        let mut dims = Vec::with_capacity(bounds.len());
        let mut total: i64 = 1;
        for b in bounds {
            let (Some(l), Some(u)) = b else {
                return Err(subscript_error("array slice subscript must provide both boundaries").detail(
                    "When assigning to a slice of an empty array value, slice boundaries must be fully specified.",
                ));
            };
            let len = i64::from(*u) - i64::from(*l) + 1;
            if len < 0 {
                return Err(subscript_error("upper bound cannot be less than lower bound"));
            }
            total = total.checked_mul(len).filter(|t| *t <= MAX_ITEMS).ok_or_else(array_too_big)?;
            dims.push((len as i32, *l));
        }
        if (source.items.len() as i64) < total {
            return Err(too_small());
        }
        let items: Vec<Datum> = source.items.iter().take(total as usize).cloned().collect();
        return Ok(if items.is_empty() { made(elem, vec![], items) } else { made(elem, dims, items) });
    };
    if bounds.len() > a.dims.len() {
        return Err(wrong_number());
    }
    // Dimensions without subscripts are taken whole.
    let whole = std::iter::repeat(&(None, None));
    let mut span = Vec::with_capacity(a.dims.len());
    for ((len, low), (l, u)) in a.dims.iter().zip(bounds.iter().chain(whole)) {
        let l = l.unwrap_or(*low);
        let u = u.unwrap_or(low.saturating_add(*len).saturating_sub(1));
        if l > u.saturating_add(1) || (l > u && a.dims.len() > 1) {
            return Err(subscript_error("upper bound cannot be less than lower bound"));
        }
        span.push((l, u));
    }
    if let [(l, u)] = span[..] {
        let n = (i64::from(u) - i64::from(l) + 1).max(0);
        if (source.items.len() as i64) < n {
            return Err(too_small());
        }
        let (low, mut items) = grown(a, l, u)?;
        let at = (i64::from(l) - i64::from(low)).max(0) as usize;
        for (slot, d) in items.iter_mut().skip(at).zip(source.items.iter().take(n as usize)) {
            *slot = d.clone();
        }
        return Ok(made(a.elem, vec![(items.len() as i32, low)], items));
    }
    let mut total: i64 = 1;
    for ((l, u), (len, low)) in span.iter().zip(&a.dims) {
        if l < low || i64::from(*u) >= i64::from(*low) + i64::from(*len) {
            return Err(subscript_error("array subscript out of range"));
        }
        total = total.saturating_mul(i64::from(*u) - i64::from(*l) + 1);
    }
    if (source.items.len() as i64) < total {
        return Err(too_small());
    }
    let mut items = a.items.clone();
    let mut index: Vec<i32> = span.iter().map(|s| s.0).collect();
    for d in source.items.iter().take(total as usize) {
        let offset = index
            .iter()
            .zip(&a.dims)
            .fold(0i64, |o, (i, (len, low))| o * i64::from(*len) + i64::from(*i) - i64::from(*low));
        if let Some(slot) = items.get_mut(offset as usize) {
            *slot = d.clone();
        }
        // Count up from the innermost dimension.
        for (i, (l, u)) in index.iter_mut().zip(&span).rev() {
            if *i < *u {
                *i += 1;
                break;
            }
            *i = *l;
        }
    }
    Ok(made(a.elem, a.dims.clone(), items))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustydb_types::oid::INT4;

    fn ints(low: i32, v: &[i32]) -> ArrayValue {
        ArrayValue { elem: INT4, dims: vec![(v.len() as i32, low)], items: v.iter().map(|x| Datum::Int4(*x)).collect() }
    }

    #[test]
    fn a_list_grows_both_ways() {
        let a = ints(1, &[1, 2]);
        let b = set_element(INT4, Some(&a), &[4], Datum::Int4(9)).expect("grows");
        let Datum::Array(b) = b else { panic!("no array") };
        assert_eq!(b.dims, [(4, 1)]);
        assert_eq!(b.items[2..], [Datum::Null, Datum::Int4(9)]);
        let c = set_element(INT4, Some(&a), &[-1], Datum::Int4(9)).expect("grows");
        let Datum::Array(c) = c else { panic!("no array") };
        assert_eq!(c.dims, [(4, -1)]);
        assert!(set_element(INT4, Some(&a), &[1, 1], Datum::Null).is_err());
    }

    #[test]
    fn slices_take_what_they_need() {
        let a = ints(1, &[1, 2, 3]);
        let b = set_slice(INT4, Some(&a), &[(Some(2), Some(3))], &ints(1, &[8, 9, 10])).expect("fits");
        assert_eq!(b, Datum::Array(Arc::new(ints(1, &[1, 8, 9]))));
        assert!(set_slice(INT4, Some(&a), &[(Some(2), Some(3))], &ints(1, &[8])).is_err());
        assert!(set_slice(INT4, None, &[(None, Some(3))], &a).is_err());
    }
}
