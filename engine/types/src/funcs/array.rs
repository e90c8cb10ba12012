//! Arrays: comparison, shape, building, searching, and the sets made of them.

use super::args::{raw, scalar, set};
use super::int::{out_of_range, sign};
use super::order::{Wanted, check_comparable, check_same_elements, compare_by};
use super::series::Rows;
use super::text::MAX_VALUE;
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, Str};
use crate::kernel::{CallInfo, Kernel};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;
use std::sync::Arc;

/// Most dimensions of an array.
const MAX_DIMS: usize = 6;
/// Most elements of an array.
const MAX_ITEMS: i64 = 134_217_727;

type Array = Arc<ArrayValue>;

fn subscript_error(message: impl Into<std::borrow::Cow<'static, str>>) -> DbError {
    DbError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message)
}

fn too_many_items() -> DbError {
    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("array size exceeds the maximum allowed ({MAX_ITEMS})"))
}

fn arity(args: &[Datum]) -> DbError {
    super::args::arity(args.len())
}

/// An array argument of a function that is not strict.
fn array(d: &Datum) -> Result<Option<&Array>> {
    match d {
        Datum::Null => Ok(None),
        Datum::Array(a) => Ok(Some(a)),
        d => Err(super::args::unexpected(d)),
    }
}

/// A one-dimensional array from 1.
pub(crate) fn list(elem: u32, items: Vec<Datum>) -> ArrayValue {
    let dims = if items.is_empty() { vec![] } else { vec![(items.len() as i32, 1)] };
    ArrayValue { elem, dims, items }
}

/// An array of a shape; one without elements has no dimensions.
fn shaped(elem: u32, dims: Vec<(i32, i32)>, items: Vec<Datum>) -> ArrayValue {
    let dims = if items.is_empty() { vec![] } else { dims };
    ArrayValue { elem, dims, items }
}

/// A dimension by its 1-based number.
fn dimension(a: &ArrayValue, n: i32) -> Option<(i32, i32)> {
    a.dims.get(usize::try_from(n).ok()?.checked_sub(1)?).copied()
}

fn dims_text(a: &ArrayValue) -> Option<String> {
    let shown = |&(len, lower): &(i32, i32)| format!("[{lower}:{}]", i64::from(lower) + i64::from(len) - 1);
    (!a.dims.is_empty()).then(|| a.dims.iter().map(shown).collect())
}

/// Element type of the result of a call that returns an array.
fn result_elem(info: &CallInfo<'_>) -> u32 {
    oid::array_element(info.result.oid).unwrap_or(info.result.oid)
}

/// `array || element`, and the other way round.
fn push(a: Option<&Array>, elem: u32, item: Datum, front: bool) -> Result<Datum> {
    let Some(a) = a.filter(|a| !a.dims.is_empty()) else {
        return Ok(Datum::Array(Arc::new(list(elem, vec![item]))));
    };
    let [(len, lower)] = a.dims[..] else {
        return Err(DbError::new(SqlState::DATA_EXCEPTION, "argument must be empty or one-dimensional array"));
    };
    // The new element's subscript must exist.
    let new = if front { lower.checked_sub(1) } else { lower.checked_add(len) };
    new.ok_or_else(|| out_of_range("integer"))?;
    if i64::from(len) >= MAX_ITEMS {
        return Err(too_many_items());
    }
    let mut items = Vec::with_capacity(a.items.len() + 1);
    if front {
        items.push(item);
        items.extend_from_slice(&a.items);
    } else {
        items.extend_from_slice(&a.items);
        items.push(item);
    }
    Ok(Datum::Array(Arc::new(ArrayValue { elem: a.elem, dims: vec![(len + 1, lower)], items })))
}

fn append(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [a, item] = args else { return Err(arity(args)) };
    push(array(a)?, result_elem(info), item.clone(), false)
}

fn prepend(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [item, a] = args else { return Err(arity(args)) };
    push(array(a)?, result_elem(info), item.clone(), true)
}

fn incompatible(detail: String) -> DbError {
    subscript_error("cannot concatenate incompatible arrays").detail(detail)
}

fn cat(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [x, y] = args else { return Err(arity(args)) };
    let (a, b) = match (array(x)?, array(y)?) {
        (None, _) => return Ok(y.clone()),
        (_, None) => return Ok(x.clone()),
        (Some(a), Some(_)) if a.dims.is_empty() => return Ok(y.clone()),
        (Some(_), Some(b)) if b.dims.is_empty() => return Ok(x.clone()),
        (Some(a), Some(b)) => (a, b),
    };
    if a.elem != b.elem {
        return Err(DbError::new(SqlState::DATATYPE_MISMATCH, "cannot concatenate incompatible arrays"));
    }
    let (na, nb) = (a.dims.len(), b.dims.len());
    let differing =
        || incompatible("Arrays with differing element dimensions are not compatible for concatenation.".into());
    let mut dims;
    if na == nb {
        if a.dims[1..] != b.dims[1..] {
            return Err(differing());
        }
        dims = a.dims.clone();
        dims[0].0 += b.dims[0].0;
    } else if na == nb + 1 {
        if a.dims[1..] != b.dims[..] {
            return Err(differing());
        }
        dims = a.dims.clone();
        dims[0].0 += 1;
    } else if nb == na + 1 {
        if b.dims[1..] != a.dims[..] {
            return Err(differing());
        }
        dims = b.dims.clone();
        dims[0].0 += 1;
    } else {
        return Err(incompatible(format!("Arrays of {na} and {nb} dimensions are not compatible for concatenation.")));
    }
    if (a.items.len() + b.items.len()) as i64 > MAX_ITEMS {
        return Err(too_many_items());
    }
    let items = [&a.items[..], &b.items[..]].concat();
    Ok(Datum::Array(Arc::new(ArrayValue { elem: a.elem, dims, items })))
}

fn single_dimension(a: &ArrayValue) -> Result<()> {
    if a.dims.len() > 1 {
        return Err(DbError::unsupported("searching for elements in multidimensional arrays is not supported"));
    }
    Ok(())
}

/// Positions of an element as subscripts, from a subscript on.
fn positions<'a>(
    a: &'a ArrayValue,
    item: &'a Datum,
    from: i32,
    collation: u32,
) -> Result<impl Iterator<Item = Result<i32>> + 'a> {
    single_dimension(a)?;
    check_comparable(a.elem, Wanted::Equality)?;
    let lower = a.dims.first().map_or(1, |d| d.1);
    Ok(a.items.iter().zip(lower..).filter(move |(_, at)| *at >= from).filter_map(move |(x, at)| {
        match compare_by(a.elem, collation, x, item) {
            Ok(Ordering::Equal) => Some(Ok(at)),
            Ok(_) => None,
            Err(e) => Some(Err(e)),
        }
    }))
}

fn position(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (d, item, from) = match args {
        [a, item] => (a, item, None),
        [a, item, from] => (a, item, Some(from)),
        _ => return Err(arity(args)),
    };
    let Some(a) = array(d)? else { return Ok(Datum::Null) };
    single_dimension(a)?;
    if a.items.is_empty() || item.is_null() && !a.items.iter().any(Datum::is_null) {
        return Ok(Datum::Null);
    }
    let from = match from {
        None => i32::MIN,
        Some(Datum::Int4(from)) => *from,
        Some(_) => {
            return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "initial position must not be null"));
        }
    };
    positions(a, item, from, info.collation)?.next().transpose().map(|at| at.map_or(Datum::Null, Datum::Int4))
}

fn all_positions(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [a, item] = args else { return Err(arity(args)) };
    let Some(a) = array(a)? else { return Ok(Datum::Null) };
    let found =
        positions(a, item, i32::MIN, info.collation)?.map(|at| at.map(Datum::Int4)).collect::<Result<Vec<_>>>()?;
    Ok(Datum::Array(Arc::new(list(oid::INT4, found))))
}

fn remove(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [d, item] = args else { return Err(arity(args)) };
    let Some(a) = array(d)? else { return Ok(Datum::Null) };
    if a.dims.len() > 1 {
        return Err(DbError::unsupported("removing elements from multidimensional arrays is not supported"));
    }
    check_comparable(a.elem, Wanted::Equality)?;
    let mut items = Vec::with_capacity(a.items.len());
    for x in &a.items {
        if compare_by(a.elem, info.collation, x, item)?.is_ne() {
            items.push(x.clone());
        }
    }
    if items.len() == a.items.len() {
        return Ok(d.clone());
    }
    let dims = a.dims.iter().map(|d| (items.len() as i32, d.1)).collect();
    Ok(Datum::Array(Arc::new(shaped(a.elem, dims, items))))
}

fn replace(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [a, from, to] = args else { return Err(arity(args)) };
    let Some(a) = array(a)? else { return Ok(Datum::Null) };
    check_comparable(a.elem, Wanted::Equality)?;
    let items = a
        .items
        .iter()
        .map(|x| Ok(if compare_by(a.elem, info.collation, x, from)?.is_eq() { to.clone() } else { x.clone() }))
        .collect::<Result<_>>()?;
    Ok(Datum::Array(Arc::new(ArrayValue { elem: a.elem, dims: a.dims.clone(), items })))
}

/// The int4 elements of a one-dimensional array of dimensions or bounds.
fn bounds(a: &ArrayValue) -> Result<Vec<i32>> {
    if a.dims.len() > 1 {
        return Err(
            subscript_error("wrong number of array subscripts").detail("Dimension array must be one dimensional.")
        );
    }
    a.items
        .iter()
        .map(|d| match d {
            Datum::Int4(v) => Ok(*v),
            _ => Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "dimension values cannot be null")),
        })
        .collect()
}

fn fill(_: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let null = || DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "dimension array or low bound array cannot be null");
    let (item, lengths, lowers) = match args {
        [item, lengths] => (item, bounds(array(lengths)?.ok_or_else(null)?)?, None),
        [item, lengths, lowers] => {
            (item, bounds(array(lengths)?.ok_or_else(null)?)?, Some(bounds(array(lowers)?.ok_or_else(null)?)?))
        }
        _ => return Err(arity(args)),
    };
    if lengths.len() > MAX_DIMS {
        return Err(DbError::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMS})", lengths.len()),
        ));
    }
    let lowers = lowers.unwrap_or_else(|| vec![1; lengths.len()]);
    if lowers.len() != lengths.len() {
        return Err(subscript_error("wrong number of array subscripts")
            .detail("Low bound array has different size than dimensions array."));
    }
    let mut count: i64 = i64::from(!lengths.is_empty());
    for &len in &lengths {
        if len < 0 {
            return Err(too_many_items());
        }
        count = count.checked_mul(len.into()).filter(|&n| n <= MAX_ITEMS).ok_or_else(too_many_items)?;
    }
    for (&len, &lower) in lengths.iter().zip(&lowers) {
        if lower.checked_add(len).is_none() {
            return Err(DbError::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("array lower bound is too large: {lower}"),
            ));
        }
    }
    let count = usize::try_from(count).unwrap_or(0);
    // Values in memory are larger than PostgreSQL's; its bound of 1 GiB on one value holds for them.
    if count.saturating_mul(size_of::<Datum>()) > MAX_VALUE {
        return Err(too_many_items());
    }
    let items = vec![item.clone(); count];
    let dims = lengths.into_iter().zip(lowers).collect();
    Ok(Datum::Array(Arc::new(shaped(result_elem(info), dims, items))))
}

/// Whether every (or, without `all`, any) element of `inner` occurs in `outer`; NULLs occur nowhere.
fn contains(collation: u32, outer: &ArrayValue, inner: &ArrayValue, all: bool) -> Result<bool> {
    check_same_elements(outer, inner, Wanted::Equality)?;
    for x in &inner.items {
        let mut found = false;
        for y in outer.items.iter().filter(|_| !x.is_null()) {
            if !y.is_null() && compare_by(outer.elem, collation, x, y)?.is_eq() {
                found = true;
                break;
            }
        }
        if found != all {
            return Ok(found);
        }
    }
    Ok(all)
}

fn trim(a: &ArrayValue, n: i32) -> Result<ArrayValue> {
    let len = a.dims.first().map_or(0, |d| d.0);
    if n < 0 || n > len {
        return Err(subscript_error(format!("number of elements to trim must be between 0 and {len}")));
    }
    let keep = len - n;
    let per = if len == 0 { 0 } else { a.items.len() / len as usize };
    let items = a.items[..keep as usize * per].to_vec();
    let mut dims = a.dims.clone();
    if let Some(first) = dims.first_mut() {
        first.0 = keep;
    }
    // A slice is renumbered from 1.
    dims.iter_mut().for_each(|d| d.1 = 1);
    Ok(shaped(a.elem, dims, items))
}

/// `width_bucket(operand, thresholds)`: how many thresholds are not above the operand.
fn width_bucket(collation: u32, v: &Datum, a: &ArrayValue) -> Result<i32> {
    if a.dims.len() > 1 {
        return Err(subscript_error("thresholds must be one-dimensional array"));
    }
    if a.items.iter().any(Datum::is_null) {
        return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "thresholds array must not contain NULLs"));
    }
    let (mut low, mut high) = (0, a.items.len());
    while low < high {
        let mid = (low + high) / 2;
        if compare_by(a.elem, collation, v, &a.items[mid])?.is_lt() {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    Ok(low as i32)
}

/// The pieces that string_to_array makes; `None` where a piece is the null string.
fn split(text: &str, separator: Option<&str>, null: Option<&str>) -> Vec<Datum> {
    let piece = |s: &str| if Some(s) == null { Datum::Null } else { Datum::Text(Str::new(s)) };
    match (text, separator) {
        ("", _) => Vec::new(),
        (_, None) => text.chars().map(|c| piece(c.encode_utf8(&mut [0; 4]))).collect(),
        (_, Some("")) => vec![piece(text)],
        (_, Some(sep)) => text.split(sep).map(piece).collect(),
    }
}

fn to_array(text: Option<&str>, separator: Option<&str>, null: Option<&str>) -> Option<ArrayValue> {
    text.map(|t| list(oid::TEXT, split(t, separator, null)))
}

fn to_table(text: Option<&str>, separator: Option<&str>, null: Option<&str>) -> Result<Rows> {
    let pieces = text.map(|t| split(t, separator, null)).unwrap_or_default();
    Ok(Box::new(pieces.into_iter().map(|p| Ok(vec![p]))))
}

fn subscripts(a: &ArrayValue, dim: i32, reverse: bool) -> Result<Rows> {
    let (len, lower) = dimension(a, dim).unwrap_or((0, 1));
    let row = move |i: i32| Ok(vec![Datum::Int4(lower + i)]);
    Ok(if reverse { Box::new((0..len).rev().map(row)) } else { Box::new((0..len).map(row)) })
}

fn unnest(a: &Array) -> Result<Rows> {
    let a = Arc::clone(a);
    Ok(Box::new((0..a.items.len()).map(move |i| Ok(vec![a.items[i].clone()]))))
}

fn compare_arrays(info: &CallInfo<'_>, a: &Array, b: &Array, wanted: Wanted) -> Result<Ordering> {
    check_same_elements(a, b, wanted)?;
    compare_by(0, info.collation, &Datum::Array(Arc::clone(a)), &Datum::Array(Arc::clone(b)))
}

/// Equality looks at the shape too, where order looks at it last; either way equal means equal in all.
macro_rules! test {
    ($name:literal, $test:ident) => {
        scalar!($name, [_ctx, info] |a: &Array, b: &Array| compare_arrays(info, a, b, Wanted::of($name)).map(Ordering::$test))
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    test!("array_eq", is_eq),
    test!("array_ne", is_ne),
    test!("array_lt", is_lt),
    test!("array_le", is_le),
    test!("array_gt", is_gt),
    test!("array_ge", is_ge),
    scalar!("btarraycmp", [_ctx, info] |a: &Array, b: &Array| compare_arrays(info, a, b, Wanted::Order).map(sign)),
    scalar!("array_larger", [_ctx, info] |a: &Array, b: &Array| {
        compare_arrays(info, a, b, Wanted::Order).map(|o| Datum::Array(Arc::clone(if o.is_gt() { a } else { b })))
    }),
    scalar!("array_smaller", [_ctx, info] |a: &Array, b: &Array| {
        compare_arrays(info, a, b, Wanted::Order).map(|o| Datum::Array(Arc::clone(if o.is_lt() { a } else { b })))
    }),
    scalar!("array_ndims", |a: &Array| (!a.dims.is_empty()).then_some(a.dims.len() as i32)),
    scalar!("array_dims", |a: &Array| dims_text(a)),
    scalar!("array_length", |a: &Array, n: i32| dimension(a, n).map(|d| d.0)),
    scalar!("array_lower", |a: &Array, n: i32| dimension(a, n).map(|d| d.1)),
    scalar!("array_upper", |a: &Array, n: i32| dimension(a, n).map(|d| d.1 + d.0 - 1)),
    scalar!("array_cardinality", |a: &Array| a.items.len() as i32),
    raw!("array_append", append),
    raw!("array_prepend", prepend),
    raw!("array_cat", cat),
    raw!("array_position", position),
    raw!("array_position_start", position),
    raw!("array_positions", all_positions),
    raw!("array_remove", remove),
    raw!("array_replace", replace),
    raw!("array_fill", fill),
    raw!("array_fill_with_lower_bounds", fill),
    scalar!("trim_array", |a: &Array, n: i32| trim(a, n)),
    scalar!("width_bucket_array", [_ctx, info] |v: &Datum, a: &Array| width_bucket(info.collation, v, a)),
    scalar!("arraycontains", [_ctx, info] |a: &Array, b: &Array| contains(info.collation, a, b, true)),
    scalar!("arraycontained", [_ctx, info] |a: &Array, b: &Array| contains(info.collation, b, a, true)),
    scalar!("arrayoverlap", [_ctx, info] |a: &Array, b: &Array| contains(info.collation, a, b, false)),
    scalar!("text_to_array", |t: Option<&str>, s: Option<&str>| to_array(t, s, None)),
    scalar!("text_to_array_null", |t: Option<&str>, s: Option<&str>, n: Option<&str>| to_array(t, s, n)),
    set!("text_to_table", |t: Option<&str>, s: Option<&str>| to_table(t, s, None)),
    set!("text_to_table_null", |t: Option<&str>, s: Option<&str>, n: Option<&str>| to_table(t, s, n)),
    set!("array_unnest", |a: &Array| unnest(a)),
    set!("generate_subscripts", |a: &Array, n: i32, reverse: bool| subscripts(a, n, reverse)),
    set!("generate_subscripts_nodir", |a: &Array, n: i32| subscripts(a, n, false)),
]];
