//! numeric: the SQL faces of [`crate::numeric::Numeric`], and the casts to and from it.

use super::args::{comparisons, scalar};
use super::int::{out_of_range, sign};
use crate::kernel::Kernel;
use crate::numeric::Numeric;
use rustydb_base::{DbError, Result, SqlState};

fn overflow() -> DbError {
    DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

fn factorial(n: i64) -> Result<Numeric> {
    if n < 0 {
        return Err(DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "factorial of a negative number is undefined"));
    }
    // The largest factorial below numeric's 131072 digits.
    if n > 32177 {
        return Err(overflow());
    }
    (2..=n).try_fold(Numeric::from(1), |product, i| product.mul(&Numeric::from(i)))
}

fn width_bucket(v: &Numeric, low: &Numeric, high: &Numeric, count: i32) -> Result<i32> {
    let error = |m: &'static str| DbError::new(SqlState::INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, m);
    if count <= 0 {
        return Err(error("count must be greater than zero"));
    }
    if v.is_nan() || low.is_nan() || high.is_nan() {
        return Err(error("operand, lower bound, and upper bound cannot be NaN"));
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(error("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(error("lower bound cannot equal upper bound"));
    }
    let (before, after) = if low < high { (v < low, v >= high) } else { (v > low, v <= high) };
    if before {
        return Ok(0);
    }
    if after {
        return count.checked_add(1).ok_or_else(|| out_of_range("integer"));
    }
    // Both differences have the same sign here, so truncation is the floor.
    let steps = v.sub(low)?.mul(&Numeric::from(count))?.div_trunc(&high.sub(low)?)?;
    Ok(steps.to_i32()? + 1)
}

/// Whether `val` lies within `base ± offset`, for RANGE frames of windows.
fn in_range(val: &Numeric, base: &Numeric, offset: &Numeric, sub: bool, less: bool) -> Result<bool> {
    if offset.is_nan() || offset.signum() < 0 {
        return Err(DbError::new(
            SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
            "invalid preceding or following size in window function",
        ));
    }
    if val.is_nan() {
        return Ok(base.is_nan() || !less);
    }
    if base.is_nan() {
        return Ok(less);
    }
    if offset.is_infinite() && base.is_infinite() && (base.signum() > 0) == sub {
        return Ok(true);
    }
    let bound = if sub { base.sub(offset)? } else { base.add(offset)? };
    Ok(if less { *val <= bound } else { *val >= bound })
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!(
        "numeric_eq",
        "numeric_ne",
        "numeric_lt",
        "numeric_le",
        "numeric_gt",
        "numeric_ge",
        |a: &Numeric, b: &Numeric| a.cmp(b)
    ),
    &[
        scalar!("numeric_cmp", |a: &Numeric, b: &Numeric| sign(a.cmp(b))),
        scalar!("numeric_add", |a: &Numeric, b: &Numeric| a.add(b)),
        scalar!("numeric_sub", |a: &Numeric, b: &Numeric| a.sub(b)),
        scalar!("numeric_mul", |a: &Numeric, b: &Numeric| a.mul(b)),
        scalar!("numeric_div", |a: &Numeric, b: &Numeric| a.div(b)),
        scalar!("numeric_div_trunc", |a: &Numeric, b: &Numeric| a.div_trunc(b)),
        scalar!("numeric_mod", |a: &Numeric, b: &Numeric| a.rem(b)),
        scalar!("numeric_uminus", |a: &Numeric| a.neg()),
        scalar!("numeric_uplus", |a: &Numeric| a.clone()),
        scalar!("numeric_abs", |a: &Numeric| a.abs()),
        scalar!("numeric_sign", |a: &Numeric| a.sign()),
        scalar!("numeric_round", |a: &Numeric, n: i32| a.round(n)),
        scalar!("numeric_trunc", |a: &Numeric, n: i32| a.trunc(n)),
        scalar!("round(numeric)", |a: &Numeric| a.round(0)),
        scalar!("trunc(numeric)", |a: &Numeric| a.trunc(0)),
        scalar!("numeric_ceil", |a: &Numeric| a.ceil()),
        scalar!("numeric_floor", |a: &Numeric| a.floor()),
        scalar!("numeric_sqrt", |a: &Numeric| a.sqrt()),
        scalar!("numeric_exp", |a: &Numeric| a.exp()),
        scalar!("numeric_ln", |a: &Numeric| a.ln()),
        scalar!("numeric_log", |base: &Numeric, a: &Numeric| base.log(a)),
        scalar!("log(numeric)", |a: &Numeric| Numeric::from(10).log(a)),
        scalar!("log10(numeric)", |a: &Numeric| Numeric::from(10).log(a)),
        scalar!("numeric_power", |a: &Numeric, b: &Numeric| a.power(b)),
        scalar!("numeric_gcd", |a: &Numeric, b: &Numeric| a.gcd(b)),
        scalar!("numeric_lcm", |a: &Numeric, b: &Numeric| a.lcm(b)),
        scalar!("numeric_inc", |a: &Numeric| a.add(&Numeric::from(1))),
        scalar!("numeric_fac", |n: i64| factorial(n)),
        scalar!("numeric_larger", |a: &Numeric, b: &Numeric| if a > b { a.clone() } else { b.clone() }),
        scalar!("numeric_smaller", |a: &Numeric, b: &Numeric| if a < b { a.clone() } else { b.clone() }),
        scalar!("numeric_scale", |a: &Numeric| a.scale()),
        scalar!("numeric_min_scale", |a: &Numeric| a.min_scale()),
        scalar!("numeric_trim_scale", |a: &Numeric| a.trim_scale()),
        scalar!("numeric", |a: &Numeric, typmod: i32| a.apply_typmod(typmod)),
        scalar!("int2_numeric", |a: i16| Numeric::from(a)),
        scalar!("int4_numeric", |a: i32| Numeric::from(a)),
        scalar!("int8_numeric", |a: i64| Numeric::from(a)),
        scalar!("float4_numeric", |a: f32| Numeric::from_f32(a)),
        scalar!("float8_numeric", |a: f64| Numeric::from_f64(a)),
        scalar!("numeric_int2", |a: &Numeric| a.to_i16()),
        scalar!("numeric_int4", |a: &Numeric| a.to_i32()),
        scalar!("numeric_int8", |a: &Numeric| a.to_i64()),
        scalar!("numeric_float4", |a: &Numeric| a.to_f32()),
        scalar!("numeric_float8", |a: &Numeric| a.to_f64()),
        scalar!("width_bucket_numeric", |v: &Numeric, l: &Numeric, h: &Numeric, n: i32| width_bucket(v, l, h, n)),
        scalar!("in_range_numeric_numeric", |v: &Numeric, b: &Numeric, o: &Numeric, s: bool, l: bool| in_range(
            v, b, o, s, l
        )),
    ],
];
