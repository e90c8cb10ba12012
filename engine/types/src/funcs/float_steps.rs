//! Transition, combining and final functions of the aggregates over double precision, for users' aggregates.
//!
//! The state is an array: how many values, their sum and the sum of the squares of their differences from the mean, by the
//! method of Youngs and Cramer; for the regression aggregates both sums of X, both of Y, and that of the products.

use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// The numbers of a state.
fn state<const N: usize>(name: &str, d: Option<&Datum>) -> Result<[f64; N]> {
    let wrong = || DbError::new(SqlState::INTERNAL_ERROR, format!("{name}: expected {N}-element float8 array"));
    let Some(Datum::Array(a)) = d else { return Err(wrong()) };
    let mut out = [0.0; N];
    if a.items.len() != N || a.dims.len() != 1 {
        return Err(wrong());
    }
    for (to, from) in out.iter_mut().zip(&a.items) {
        let Datum::Float8(v) = from else { return Err(wrong()) };
        *to = *v;
    }
    Ok(out)
}

fn value(d: Option<&Datum>) -> Result<f64> {
    match d {
        Some(Datum::Float8(v)) => Ok(*v),
        _ => Err(DbError::internal("a value that is not double precision")),
    }
}

fn array(values: &[f64]) -> Result<Datum> {
    let dims = vec![(i32::try_from(values.len()).unwrap_or(i32::MAX), 1)];
    let items = values.iter().map(|v| Datum::Float8(*v)).collect();
    Ok(Datum::Array(Arc::new(ArrayValue { elem: oid::FLOAT8, dims, items })))
}

/// A sum that became infinite out of finite values is an overflow; out of others the squares mean nothing.
fn checked(sums: &mut [f64], squares: &mut [f64], finite: bool) -> Result<()> {
    if sums.iter().chain(squares.iter()).any(|v| v.is_infinite()) {
        if finite {
            return Err(DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow"));
        }
        squares.fill(f64::NAN);
    }
    Ok(())
}

fn accum(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [n, sum, mut squares] = state::<3>("float8_accum", args.first())?;
    let v = value(args.get(1))?;
    let (count, mut total) = (n + 1.0, sum + v);
    if n > 0.0 {
        let difference = v * count - total;
        squares += difference * difference / (count * n);
        let finite = sum.is_finite() && v.is_finite();
        checked(std::slice::from_mut(&mut total), std::slice::from_mut(&mut squares), finite)?;
    } else if !v.is_finite() {
        squares = f64::NAN;
    }
    array(&[count, total, squares])
}

fn combine(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = state::<3>("float8_combine", args.first())?;
    let b = state::<3>("float8_combine", args.get(1))?;
    if a[0] == 0.0 {
        return array(&b);
    }
    if b[0] == 0.0 {
        return array(&a);
    }
    let n = a[0] + b[0];
    let apart = a[1] / a[0] - b[1] / b[0];
    array(&[n, a[1] + b[1], a[2] + b[2] + a[0] * b[0] * apart * apart / n])
}

fn regr_accum(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [n, sx, mut sxx, sy, mut syy, mut sxy] = state::<6>("float8_regr_accum", args.first())?;
    let (y, x) = (value(args.get(1))?, value(args.get(2))?);
    let (count, mut sums) = (n + 1.0, [sx + x, sy + y]);
    if n > 0.0 {
        let (dx, dy) = (x * count - sums[0], y * count - sums[1]);
        let scale = 1.0 / (count * n);
        sxx += dx * dx * scale;
        syy += dy * dy * scale;
        sxy += dx * dy * scale;
        let finite = [sx, sy, x, y].iter().all(|v| v.is_finite());
        let mut squares = [sxx, syy, sxy];
        checked(&mut sums, &mut squares, finite)?;
        [sxx, syy, sxy] = squares;
    } else {
        if !x.is_finite() {
            (sxx, sxy) = (f64::NAN, f64::NAN);
        }
        if !y.is_finite() {
            (syy, sxy) = (f64::NAN, f64::NAN);
        }
    }
    array(&[count, sums[0], sxx, sums[1], syy, sxy])
}

fn regr_combine(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = state::<6>("float8_regr_combine", args.first())?;
    let b = state::<6>("float8_regr_combine", args.get(1))?;
    if a[0] == 0.0 {
        return array(&b);
    }
    if b[0] == 0.0 {
        return array(&a);
    }
    let n = a[0] + b[0];
    let (dx, dy) = (a[1] / a[0] - b[1] / b[0], a[3] / a[0] - b[3] / b[0]);
    let weight = a[0] * b[0] / n;
    array(&[
        n,
        a[1] + b[1],
        a[2] + b[2] + weight * dx * dx,
        a[3] + b[3],
        a[4] + b[4] + weight * dy * dy,
        a[5] + b[5] + weight * dx * dy,
    ])
}

/// What a final function makes of the count and the sums; NULL with fewer values than it needs.
macro_rules! last {
    ($name:literal, $least:literal, |$n:ident, $sum:ident, $squares:ident| $e:expr) => {
        Kernel {
            name: $name,
            body: KernelBody::Scalar(|_, _, args| {
                #[allow(unused_variables, reason = "each takes what it needs")]
                let [$n, $sum, $squares] = state::<3>($name, args.first())?;
                Ok(if $n < $least { Datum::Null } else { Datum::Float8($e) })
            }),
        }
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    Kernel { name: "float8_accum", body: KernelBody::Scalar(accum) },
    Kernel { name: "float8_combine", body: KernelBody::Scalar(combine) },
    Kernel { name: "float8_regr_accum", body: KernelBody::Scalar(regr_accum) },
    Kernel { name: "float8_regr_combine", body: KernelBody::Scalar(regr_combine) },
    last!("float8_avg", 1.0, |n, sum, squares| sum / n),
    last!("float8_var_pop", 1.0, |n, sum, squares| squares / n),
    last!("float8_var_samp", 2.0, |n, sum, squares| squares / (n - 1.0)),
    last!("float8_stddev_pop", 1.0, |n, sum, squares| (squares / n).sqrt()),
    last!("float8_stddev_samp", 2.0, |n, sum, squares| (squares / (n - 1.0)).sqrt()),
]];
