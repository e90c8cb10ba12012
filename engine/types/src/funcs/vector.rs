//! Vectorised forms of the arithmetic that analytical queries spend their time in: + - * of int4, int8, float8 and of
//! numerics kept as Decimal128, and / of float8.
//!
//! Each agrees with its scalar kernel row by row (a test holds them together): rows with a NULL argument are NULL and
//! never fail, an overflow in any other row fails the whole call. The integer loops first compute all rows without a
//! branch and look for the row at fault only if one of them overflowed.

use super::float::check;
use super::int::{division_by_zero, out_of_range};
use crate::arrow::{DatumBuilder, StaticNumeric, datum_at};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::kernel::{CallInfo, VectorFn};
use crate::numeric::Numeric;
use crate::oid;
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Decimal128Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::DataType;
use rustydb_base::{DbError, Result};
use std::sync::Arc;

/// Two arguments of one primitive type and their common NULLs.
struct Pair<'a, T: ArrowPrimitiveType> {
    a: &'a [T::Native],
    b: &'a [T::Native],
    nulls: Option<NullBuffer>,
}

fn pair<T: ArrowPrimitiveType>(args: &[ArrayRef], rows: usize) -> Result<Pair<'_, T>> {
    let [a, b] = args else { return Err(super::args::arity(args.len())) };
    let typed = |x: &'static str| DbError::internal(format!("a vectorised function received {x}"));
    let (a, b) = match (a.as_primitive_opt::<T>(), b.as_primitive_opt::<T>()) {
        (Some(a), Some(b)) => (a, b),
        _ => return Err(typed("an array of another type")),
    };
    if a.len() != rows || b.len() != rows {
        return Err(typed("an array of another length"));
    }
    Ok(Pair { a: a.values(), b: b.values(), nulls: NullBuffer::union(a.nulls(), b.nulls()) })
}

impl<T: ArrowPrimitiveType> Pair<'_, T> {
    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|n| n.is_null(row))
    }

    fn finish(self, values: Vec<T::Native>) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), self.nulls))
    }
}

/// One integer operator: wrapped results first, the guilty row only when there is one.
fn integers<T>(
    args: &[ArrayRef],
    rows: usize,
    type_name: &'static str,
    op: impl Fn(T::Native, T::Native) -> (T::Native, bool),
) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
{
    let p = pair::<T>(args, rows)?;
    let mut overflowed = false;
    let values: Vec<T::Native> =
        p.a.iter()
            .zip(p.b)
            .map(|(&a, &b)| {
                let (v, o) = op(a, b);
                overflowed |= o;
                v
            })
            .collect();
    // What lies under a NULL may overflow without anyone noticing.
    if overflowed && (0..rows).any(|i| !p.is_null(i) && op(p.a[i], p.b[i]).1) {
        return Err(out_of_range(type_name));
    }
    Ok(p.finish(values))
}

fn floats(args: &[ArrayRef], rows: usize, op: impl Fn(f64, f64) -> Result<f64>) -> Result<ArrayRef> {
    let p = pair::<Float64Type>(args, rows)?;
    let mut values = Vec::with_capacity(rows);
    for i in 0..rows {
        values.push(if p.is_null(i) { 0.0 } else { op(p.a[i], p.b[i])? });
    }
    Ok(p.finish(values))
}

/// An operator on numerics.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DecimalOp {
    Add,
    Sub,
    Mul,
}

impl DecimalOp {
    /// Precision and scale that every result fits, if a Decimal128 has room for them.
    fn result(self, a: (u8, i8), b: (u8, i8)) -> StaticNumeric {
        let ((p1, s1), (p2, s2)) = ((i32::from(a.0), i32::from(a.1)), (i32::from(b.0), i32::from(b.1)));
        let (p, s) = match self {
            DecimalOp::Add | DecimalOp::Sub => {
                let s = s1.max(s2);
                ((p1 - s1).max(p2 - s2) + s + 1, s)
            }
            DecimalOp::Mul => (p1 + p2, s1 + s2),
        };
        (p <= 38).then_some((p as u8, s as i8))
    }

    fn numeric(self, a: &Numeric, b: &Numeric) -> Result<Numeric> {
        match self {
            DecimalOp::Add => a.add(b),
            DecimalOp::Sub => a.sub(b),
            DecimalOp::Mul => a.mul(b),
        }
    }
}

/// The static precision and scale of `function(a, b)` for the functions `numeric_add`, `numeric_sub` and `numeric_mul`:
/// what their vectorised forms answer for arguments of these. `None` when the result has no static form.
pub fn static_result(function: &str, a: StaticNumeric, b: StaticNumeric) -> StaticNumeric {
    let op = match function {
        "numeric_add" => DecimalOp::Add,
        "numeric_sub" => DecimalOp::Sub,
        "numeric_mul" => DecimalOp::Mul,
        _ => return None,
    };
    op.result(a?, b?)
}

/// The Decimal128 that stands for NaN.
const NAN: i128 = i128::MAX;

fn decimal_type(a: &ArrayRef) -> StaticNumeric {
    match a.data_type() {
        DataType::Decimal128(p, s) => Some((*p, *s)),
        _ => None,
    }
}

fn decimals(args: &[ArrayRef], rows: usize, op: DecimalOp) -> Result<ArrayRef> {
    let [a, b] = args else { return Err(super::args::arity(args.len())) };
    let (Some(ta), Some(tb)) = (decimal_type(a), decimal_type(b)) else { return by_value(a, b, rows, op) };
    let Some((p, s)) = op.result(ta, tb) else { return by_value(a, b, rows, op) };
    let scale_up = |from: i8| 10i128.pow((s - from) as u32);
    let (fa, fb) = if op == DecimalOp::Mul { (1, 1) } else { (scale_up(ta.1), scale_up(tb.1)) };
    let pair = pair::<Decimal128Type>(args, rows)?;
    // The result's precision leaves no room for overflow; what lies under a NULL may wrap.
    let values: Vec<i128> = pair
        .a
        .iter()
        .zip(pair.b)
        .map(|(&x, &y)| match op {
            _ if x == NAN || y == NAN => NAN,
            DecimalOp::Add => x.wrapping_mul(fa).wrapping_add(y.wrapping_mul(fb)),
            DecimalOp::Sub => x.wrapping_mul(fa).wrapping_sub(y.wrapping_mul(fb)),
            DecimalOp::Mul => x.wrapping_mul(y),
        })
        .collect();
    let nulls = pair.nulls;
    let array = PrimitiveArray::<Decimal128Type>::new(ScalarBuffer::from(values), nulls)
        .with_precision_and_scale(p, s)
        .map_err(|e| DbError::internal(format!("a decimal result has no Arrow type: {e}")))?;
    Ok(Arc::new(array))
}

/// Numerics that are not, or whose result is not, Decimal128: one by one, into the general form.
fn by_value(a: &ArrayRef, b: &ArrayRef, rows: usize, op: DecimalOp) -> Result<ArrayRef> {
    let ty = TypeRef::new(oid::NUMERIC);
    let mut out = DatumBuilder::new(ty, None, rows);
    for row in 0..rows {
        match (datum_at(a, row, ty)?, datum_at(b, row, ty)?) {
            (Datum::Numeric(x), Datum::Numeric(y)) => out.push(&Datum::Numeric(op.numeric(&x, &y)?))?,
            _ => out.push_null(),
        }
    }
    Ok(out.finish())
}

macro_rules! vector {
    ($name:literal, |$args:ident, $rows:ident| $body:expr) => {
        ($name, |_: &EvalCtx, _: &CallInfo<'_>, $args: &[ArrayRef], $rows: usize| $body)
    };
}

/// Vectorised forms by the name of the kernel they belong to.
pub const VECTORS: &[(&str, VectorFn)] = &[
    vector!("int4pl", |a, n| integers::<Int32Type>(a, n, "integer", i32::overflowing_add)),
    vector!("int4mi", |a, n| integers::<Int32Type>(a, n, "integer", i32::overflowing_sub)),
    vector!("int4mul", |a, n| integers::<Int32Type>(a, n, "integer", i32::overflowing_mul)),
    vector!("int8pl", |a, n| integers::<Int64Type>(a, n, "bigint", i64::overflowing_add)),
    vector!("int8mi", |a, n| integers::<Int64Type>(a, n, "bigint", i64::overflowing_sub)),
    vector!("int8mul", |a, n| integers::<Int64Type>(a, n, "bigint", i64::overflowing_mul)),
    vector!("float8pl", |a, n| floats(a, n, |x, y| check(x + y, x.is_infinite() || y.is_infinite(), true))),
    vector!("float8mi", |a, n| floats(a, n, |x, y| check(x - y, x.is_infinite() || y.is_infinite(), true))),
    vector!("float8mul", |a, n| floats(a, n, |x, y| {
        check(x * y, x.is_infinite() || y.is_infinite(), x == 0.0 || y == 0.0)
    })),
    vector!("float8div", |a, n| floats(a, n, |x, y| {
        if y == 0.0 && !x.is_nan() {
            return Err(division_by_zero());
        }
        check(x / y, x.is_infinite(), x == 0.0 || y.is_infinite())
    })),
    vector!("numeric_add", |a, n| decimals(a, n, DecimalOp::Add)),
    vector!("numeric_sub", |a, n| decimals(a, n, DecimalOp::Sub)),
    vector!("numeric_mul", |a, n| decimals(a, n, DecimalOp::Mul)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::KernelBody;
    use crate::registry;
    use crate::testing;

    /// Values of a type whose every pair is tried, in rows of one array, so that one fault does not hide another.
    fn agree(name: &str, ty: u32, shapes: &[(StaticNumeric, StaticNumeric)], values: &[Datum]) {
        let Some(KernelBody::Vector(scalar, vector)) = registry::kernel(name).map(|k| k.body) else {
            panic!("{name} has no vectorised form");
        };
        let ctx = testing::ctx();
        let ty = TypeRef::new(ty);
        let info = CallInfo { args: &[ty, ty], result: ty, collation: 0 };
        for &(sa, sb) in shapes {
            for x in values {
                for y in values {
                    // A NULL and a harmless row beside the row in question.
                    let pairs = [(x.clone(), y.clone()), (Datum::Null, y.clone()), (x.clone(), Datum::Null)];
                    let column = |shape, pick: fn(&(Datum, Datum)) -> &Datum| {
                        let mut b = DatumBuilder::new(ty, shape, 3);
                        pairs.iter().map(pick).try_for_each(|d| b.push(d)).map(|()| b.finish())
                    };
                    let (Ok(a), Ok(b)) = (column(sa, |p| &p.0), column(sb, |p| &p.1)) else { continue };
                    let wanted = scalar(&ctx, &info, &[x.clone(), y.clone()]);
                    match (vector(&ctx, &info, &[a, b], 3), wanted) {
                        (Ok(array), Ok(wanted)) => {
                            let got = datum_at(&array, 0, ty).expect("a value");
                            let same = match (&got, &wanted) {
                                (Datum::Float8(a), Datum::Float8(b)) => a == b || a.is_nan() && b.is_nan(),
                                (Datum::Numeric(a), Datum::Numeric(b)) => a.to_string() == b.to_string(),
                                (a, b) => a == b,
                            };
                            assert!(same, "{name}({x:?}, {y:?}): {got:?}, not {wanted:?}");
                            assert!(array.is_null(1) && array.is_null(2));
                        }
                        (Err(got), Err(wanted)) => assert_eq!(got.message, wanted.message),
                        (got, wanted) => panic!("{name}({x:?}, {y:?}): {got:?}, not {wanted:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn vectors_agree_with_scalars() {
        let plain = [(None, None)];
        let int4 = [0, 1, -1, 7, i32::MAX, i32::MIN, 46341].map(Datum::Int4);
        let int8 = [0, 1, -1, 7, i64::MAX, i64::MIN, 3_037_000_500].map(Datum::Int8);
        let float8 = [0.0, 1.5, -2.25, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN].map(Datum::Float8);
        for op in ["pl", "mi", "mul"] {
            agree(&format!("int4{op}"), oid::INT4, &plain, &int4);
            agree(&format!("int8{op}"), oid::INT8, &plain, &int8);
            agree(&format!("float8{op}"), oid::FLOAT8, &plain, &float8);
        }
        agree("float8div", oid::FLOAT8, &plain, &float8);
    }

    #[test]
    fn decimals_agree_with_numerics() {
        let numeric = |s: &str| Datum::Numeric(s.parse().expect("a numeric"));
        let values = ["0.00", "1.00", "-1.25", "999999.99", "-999999.99", "NaN"].map(numeric);
        let shapes = [
            (Some((8, 2)), Some((8, 2))),
            (Some((15, 2)), Some((23, 2))),
            (Some((38, 2)), Some((38, 2))),
            (Some((8, 2)), None),
            (None, None),
        ];
        for op in ["numeric_add", "numeric_sub", "numeric_mul"] {
            agree(op, oid::NUMERIC, &shapes, &values);
        }
        assert_eq!(static_result("numeric_mul", Some((15, 2)), Some((15, 2))), Some((30, 4)));
        assert_eq!(static_result("numeric_add", Some((10, 0)), Some((15, 2))), Some((16, 2)));
        assert_eq!(static_result("numeric_add", Some((38, 2)), Some((15, 2))), None);
        assert_eq!(static_result("numeric_div", Some((8, 2)), Some((8, 2))), None);
    }
}
