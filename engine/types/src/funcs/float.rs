//! float4 and float8: arithmetic that reports overflow and underflow, comparison with NaN above everything, the
//! mathematical functions, and the casts between floats and integers.

use super::args::{comparisons, scalar};
use super::int::{division_by_zero, out_of_range, sign};
use crate::cmp::compare_f64 as float_cmp;
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};
use std::f64::consts::PI;

fn range(message: &'static str) -> DbError {
    DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
}

pub(crate) fn overflow() -> DbError {
    range("value out of range: overflow")
}

pub(crate) fn underflow() -> DbError {
    range("value out of range: underflow")
}

fn out_of_domain() -> DbError {
    range("input is out of range")
}

/// Checks a result: infinite only if `may_be_inf`, zero only if `may_be_zero`.
pub(crate) fn check(r: f64, may_be_inf: bool, may_be_zero: bool) -> Result<f64> {
    if r.is_infinite() && !may_be_inf {
        return Err(overflow());
    }
    if r == 0.0 && !may_be_zero {
        return Err(underflow());
    }
    Ok(r)
}

fn check4(r: f32, may_be_inf: bool, may_be_zero: bool) -> Result<f32> {
    check(r.into(), may_be_inf, may_be_zero).map(|_| r)
}

macro_rules! arithmetic {
    ($prefix:literal, $a:ty, $b:ty, $r:ty, $check:ident) => {
        [
            scalar!(concat!($prefix, "pl"), |a: $a, b: $b| $check(
                <$r>::from(a) + <$r>::from(b),
                a.is_infinite() || b.is_infinite(),
                true
            )),
            scalar!(concat!($prefix, "mi"), |a: $a, b: $b| $check(
                <$r>::from(a) - <$r>::from(b),
                a.is_infinite() || b.is_infinite(),
                true
            )),
            scalar!(concat!($prefix, "mul"), |a: $a, b: $b| $check(
                <$r>::from(a) * <$r>::from(b),
                a.is_infinite() || b.is_infinite(),
                a == 0.0 || b == 0.0
            )),
            scalar!(concat!($prefix, "div"), |a: $a, b: $b| if b == 0.0 && !a.is_nan() {
                Err(division_by_zero())
            } else {
                $check(<$r>::from(a) / <$r>::from(b), a.is_infinite(), a == 0.0 || b.is_infinite())
            }),
        ]
    };
}

macro_rules! compare {
    ($prefix:literal, $a:ty, $b:ty) => {
        comparisons!(
            concat!($prefix, "eq"),
            concat!($prefix, "ne"),
            concat!($prefix, "lt"),
            concat!($prefix, "le"),
            concat!($prefix, "gt"),
            concat!($prefix, "ge"),
            |a: $a, b: $b| float_cmp(f64::from(a), f64::from(b))
        )
    };
}

macro_rules! plain {
    ($prefix:literal, $t:ty) => {
        [
            scalar!(concat!($prefix, "um"), |a: $t| -a),
            scalar!(concat!($prefix, "up"), |a: $t| a),
            scalar!(concat!($prefix, "abs"), |a: $t| a.abs()),
            scalar!(concat!($prefix, "larger"), |a: $t, b: $t| if float_cmp(a.into(), b.into()).is_gt() {
                a
            } else {
                b
            }),
            scalar!(concat!($prefix, "smaller"), |a: $t, b: $t| if float_cmp(a.into(), b.into()).is_lt() {
                a
            } else {
                b
            }),
        ]
    };
}

/// float8 to an integer: rounds half to even, then checks that the value fits.
fn to_int<T: TryFrom<i128>>(v: f64, name: &'static str) -> Result<T> {
    let r = v.round_ties_even();
    // Beyond ±2^127 the cast saturates, which no integer type of ours holds either.
    if r.is_nan() { None } else { T::try_from(r as i128).ok() }.ok_or_else(|| out_of_range(name))
}

/// float8 to float4.
pub(crate) fn narrow(v: f64) -> Result<f32> {
    let r = v as f32;
    check4(r, v.is_infinite(), v == 0.0)
}

fn domain(code: SqlState, message: &'static str) -> DbError {
    DbError::new(code, message)
}

/// `power(float8, float8)`.
pub(crate) fn power(x: f64, y: f64) -> Result<f64> {
    const CODE: SqlState = SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION;
    if x.is_nan() {
        return Ok(if y == 0.0 { 1.0 } else { x });
    }
    if y.is_nan() {
        return Ok(if x == 1.0 { 1.0 } else { y });
    }
    if x == 0.0 && y < 0.0 {
        return Err(domain(CODE, "zero raised to a negative power is undefined"));
    }
    if x < 0.0 && y.floor() != y {
        return Err(domain(CODE, "a negative number raised to a non-integer power yields a complex result"));
    }
    let r = x.powf(y);
    if x.is_infinite() || y.is_infinite() {
        return Ok(r);
    }
    check(r, false, x == 0.0)
}

fn logarithm(v: f64, f: fn(f64) -> f64) -> Result<f64> {
    const CODE: SqlState = SqlState::INVALID_ARGUMENT_FOR_LOG;
    if v == 0.0 {
        return Err(domain(CODE, "cannot take logarithm of zero"));
    }
    if v < 0.0 {
        return Err(domain(CODE, "cannot take logarithm of a negative number"));
    }
    check(f(v), v.is_infinite(), v == 1.0)
}

fn square_root(v: f64) -> Result<f64> {
    if v < 0.0 {
        return Err(domain(
            SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "cannot take square root of a negative number",
        ));
    }
    check(v.sqrt(), v.is_infinite(), v == 0.0)
}

fn exponential(v: f64) -> Result<f64> {
    if v.is_nan() || v.is_infinite() {
        return Ok(v.exp());
    }
    check(v.exp(), false, false)
}

/// A periodic function: infinite input has no answer.
fn periodic(v: f64, f: fn(f64) -> f64) -> Result<f64> {
    if v.is_infinite() { Err(out_of_domain()) } else { Ok(f(v)) }
}

/// An inverse function defined on [-1, 1].
fn inverse(v: f64, f: fn(f64) -> f64) -> Result<f64> {
    if v.abs() > 1.0 { Err(out_of_domain()) } else { Ok(f(v)) }
}

/// From here on the root of x² ± 1 is x.
const ROOT_IS_SELF: f64 = 268_435_456.0;

/// Area hyperbolic sine, in the forms that lose no digits near zero and do not overflow far out.
fn inverse_sinh(v: f64) -> f64 {
    let x = v.abs();
    let r = if !x.is_finite() {
        x
    } else if x > ROOT_IS_SELF {
        x.ln() + std::f64::consts::LN_2
    } else if x > 2.0 {
        (2.0 * x + 1.0 / ((x * x + 1.0).sqrt() + x)).ln()
    } else {
        let t = x * x;
        (x + t / (1.0 + (1.0 + t).sqrt())).ln_1p()
    };
    r.copysign(v)
}

/// Area hyperbolic cosine of a number from 1 on.
fn inverse_cosh(v: f64) -> f64 {
    if !v.is_finite() {
        v
    } else if v > ROOT_IS_SELF {
        v.ln() + std::f64::consts::LN_2
    } else if v > 2.0 {
        (2.0 * v - 1.0 / (v + (v * v - 1.0).sqrt())).ln()
    } else {
        let t = v - 1.0;
        (t + (2.0 * t + t * t).sqrt()).ln_1p()
    }
}

/// Trigonometry in degrees: exact at the multiples of 30° and 45° where the answer is.
mod degrees {
    use std::f64::consts::PI;

    const RADIANS: f64 = PI / 180.0;

    /// sine of an angle in [0, 90].
    fn sin_quadrant(x: f64) -> f64 {
        if x <= 30.0 { sin_0_30(x) } else { cos_0_60(90.0 - x) }
    }
    fn cos_quadrant(x: f64) -> f64 {
        if x <= 60.0 { cos_0_60(x) } else { sin_0_30(90.0 - x) }
    }
    fn sin_0_30(x: f64) -> f64 {
        ((x * RADIANS).sin() / (30.0 * RADIANS).sin()) / 2.0
    }
    fn cos_0_60(x: f64) -> f64 {
        1.0 - ((1.0 - (x * RADIANS).cos()) / (1.0 - (60.0 * RADIANS).cos())) / 2.0
    }
    pub fn sin(v: f64) -> f64 {
        let (mut x, mut sign) = (v % 360.0, 1.0);
        if x < 0.0 {
            (x, sign) = (-x, -sign);
        }
        if x > 180.0 {
            (x, sign) = (360.0 - x, -sign);
        }
        if x > 90.0 {
            x = 180.0 - x;
        }
        sign * sin_quadrant(x)
    }
    pub fn cos(v: f64) -> f64 {
        let (mut x, mut sign) = ((v % 360.0).abs(), 1.0);
        if x > 180.0 {
            x = 360.0 - x;
        }
        if x > 90.0 {
            (x, sign) = (180.0 - x, -sign);
        }
        sign * cos_quadrant(x)
    }
    /// The reduced angle in [0, 90] and the sign, for tangent and cotangent.
    fn reduce(v: f64) -> (f64, f64) {
        let (mut x, mut sign) = (v % 360.0, 1.0);
        if x < 0.0 {
            (x, sign) = (-x, -sign);
        }
        if x > 180.0 {
            (x, sign) = (360.0 - x, -sign);
        }
        if x > 90.0 {
            (x, sign) = (180.0 - x, -sign);
        }
        (x, sign)
    }
    /// Zero without a sign.
    fn plain(v: f64) -> f64 {
        if v == 0.0 { 0.0 } else { v }
    }
    pub fn tan(v: f64) -> f64 {
        let (x, sign) = reduce(v);
        let one = sin_quadrant(45.0) / cos_quadrant(45.0);
        plain(sign * ((sin_quadrant(x) / cos_quadrant(x)) / one))
    }
    pub fn cot(v: f64) -> f64 {
        let (x, sign) = reduce(v);
        let one = cos_quadrant(45.0) / sin_quadrant(45.0);
        plain(sign * ((cos_quadrant(x) / sin_quadrant(x)) / one))
    }
    fn asin_quadrant(x: f64) -> f64 {
        if x <= 0.5 { (x.asin() / 0.5f64.asin()) * 30.0 } else { 90.0 - (x.acos() / 0.5f64.acos()) * 60.0 }
    }
    fn acos_quadrant(x: f64) -> f64 {
        if x <= 0.5 { 90.0 - (x.asin() / 0.5f64.asin()) * 30.0 } else { (x.acos() / 0.5f64.acos()) * 60.0 }
    }
    pub fn asin(v: f64) -> f64 {
        if v >= 0.0 { asin_quadrant(v) } else { -asin_quadrant(-v) }
    }
    pub fn acos(v: f64) -> f64 {
        if v >= 0.0 { acos_quadrant(v) } else { 90.0 + asin_quadrant(-v) }
    }
    pub fn atan(v: f64) -> f64 {
        (v.atan() / 1f64.atan()) * 45.0
    }
    pub fn atan2(y: f64, x: f64) -> f64 {
        (y.atan2(x) / 1f64.atan()) * 45.0
    }
}

fn bucket_error(message: &'static str) -> DbError {
    DbError::new(SqlState::INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, message)
}

fn width_bucket(v: f64, low: f64, high: f64, count: i32) -> Result<i32> {
    if count <= 0 {
        return Err(bucket_error("count must be greater than zero"));
    }
    if v.is_nan() || low.is_nan() || high.is_nan() {
        return Err(bucket_error("operand, lower bound, and upper bound cannot be NaN"));
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(bucket_error("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(bucket_error("lower bound cannot equal upper bound"));
    }
    let (before, after) = if low < high { (v < low, v >= high) } else { (v > low, v <= high) };
    if before {
        return Ok(0);
    }
    if after {
        return count.checked_add(1).ok_or_else(|| out_of_range("integer"));
    }
    let span = high - low;
    let part = if span.is_finite() { (v - low) / span } else { (v / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) };
    // Rounding may reach the next bucket's bound.
    Ok(((f64::from(count) * part) as i32).min(count - 1) + 1)
}

/// Whether `val` lies within `base ± offset`, for RANGE frames of windows.
fn in_range(val: f64, base: f64, offset: f64, sub: bool, less: bool) -> Result<bool> {
    if offset.is_nan() || offset < 0.0 {
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
    if offset.is_infinite() && base.is_infinite() && (if sub { base > 0.0 } else { base < 0.0 }) {
        return Ok(true);
    }
    let bound = if sub { base - offset } else { base + offset };
    Ok(if less { val <= bound } else { val >= bound })
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &arithmetic!("float4", f32, f32, f32, check4),
    &arithmetic!("float8", f64, f64, f64, check),
    &arithmetic!("float48", f32, f64, f64, check),
    &arithmetic!("float84", f64, f32, f64, check),
    &compare!("float4", f32, f32),
    &compare!("float8", f64, f64),
    &compare!("float48", f32, f64),
    &compare!("float84", f64, f32),
    &plain!("float4", f32),
    &plain!("float8", f64),
    &[
        scalar!("btfloat4cmp", |a: f32, b: f32| sign(float_cmp(a.into(), b.into()))),
        scalar!("btfloat8cmp", |a: f64, b: f64| sign(float_cmp(a, b))),
        scalar!("btfloat48cmp", |a: f32, b: f64| sign(float_cmp(a.into(), b))),
        scalar!("btfloat84cmp", |a: f64, b: f32| sign(float_cmp(a, b.into()))),
        scalar!("in_range_float8_float8", |v: f64, b: f64, o: f64, s: bool, l: bool| in_range(v, b, o, s, l)),
        scalar!("in_range_float4_float8", |v: f32, b: f32, o: f64, s: bool, l: bool| in_range(
            v.into(),
            b.into(),
            o,
            s,
            l
        )),
        scalar!("ftod", |a: f32| f64::from(a)),
        scalar!("dtof", |a: f64| narrow(a)),
        scalar!("i2tof", |a: i16| f32::from(a)),
        scalar!("i2tod", |a: i16| f64::from(a)),
        scalar!("i4tof", |a: i32| a as f32),
        scalar!("i4tod", |a: i32| f64::from(a)),
        scalar!("i8tof", |a: i64| a as f32),
        scalar!("i8tod", |a: i64| a as f64),
        scalar!("ftoi2", |a: f32| to_int::<i16>(a.into(), "smallint")),
        scalar!("ftoi4", |a: f32| to_int::<i32>(a.into(), "integer")),
        scalar!("ftoi8", |a: f32| to_int::<i64>(a.into(), "bigint")),
        scalar!("dtoi2", |a: f64| to_int::<i16>(a, "smallint")),
        scalar!("dtoi4", |a: f64| to_int::<i32>(a, "integer")),
        scalar!("dtoi8", |a: f64| to_int::<i64>(a, "bigint")),
        scalar!("dround", |a: f64| a.round_ties_even()),
        scalar!("dceil", |a: f64| a.ceil()),
        scalar!("dfloor", |a: f64| a.floor()),
        scalar!("dtrunc", |a: f64| a.trunc()),
        scalar!("dsign", |a: f64| if a > 0.0 {
            1.0
        } else if a < 0.0 {
            -1.0
        } else {
            0.0
        }),
        scalar!("dsqrt", |a: f64| square_root(a)),
        scalar!("dcbrt", |a: f64| check(a.cbrt(), a.is_infinite(), a == 0.0)),
        scalar!("dpow", |a: f64, b: f64| power(a, b)),
        scalar!("dexp", |a: f64| exponential(a)),
        scalar!("dlog1", |a: f64| logarithm(a, f64::ln)),
        scalar!("dlog10", |a: f64| logarithm(a, f64::log10)),
        scalar!("dpi", || PI),
        scalar!("degrees", |a: f64| check(a / (PI / 180.0), a.is_infinite(), a == 0.0)),
        scalar!("radians", |a: f64| check(a * (PI / 180.0), a.is_infinite(), a == 0.0)),
        scalar!("dsin", |a: f64| periodic(a, f64::sin)),
        scalar!("dcos", |a: f64| periodic(a, f64::cos)),
        scalar!("dtan", |a: f64| periodic(a, f64::tan)),
        scalar!("dcot", |a: f64| periodic(a, |x| 1.0 / x.tan())),
        scalar!("dasin", |a: f64| inverse(a, f64::asin)),
        scalar!("dacos", |a: f64| inverse(a, f64::acos)),
        scalar!("datan", |a: f64| a.atan()),
        scalar!("datan2", |a: f64, b: f64| a.atan2(b)),
        scalar!("dsind", |a: f64| periodic(a, degrees::sin)),
        scalar!("dcosd", |a: f64| periodic(a, degrees::cos)),
        scalar!("dtand", |a: f64| periodic(a, degrees::tan)),
        scalar!("dcotd", |a: f64| periodic(a, degrees::cot)),
        scalar!("dasind", |a: f64| inverse(a, degrees::asin)),
        scalar!("dacosd", |a: f64| inverse(a, degrees::acos)),
        scalar!("datand", |a: f64| degrees::atan(a)),
        scalar!("datan2d", |a: f64, b: f64| degrees::atan2(a, b)),
        scalar!("dsinh", |a: f64| a.sinh()),
        scalar!("dcosh", |a: f64| a.cosh()),
        scalar!("dtanh", |a: f64| a.tanh()),
        scalar!("dasinh", |a: f64| inverse_sinh(a)),
        scalar!("dacosh", |a: f64| if a < 1.0 { Err(out_of_domain()) } else { Ok(inverse_cosh(a)) }),
        scalar!("datanh", |a: f64| inverse(a, |x| if x.abs() == 1.0 { x * f64::INFINITY } else { x.atanh() })),
        scalar!("width_bucket_float8", |v: f64, l: f64, h: f64, n: i32| width_bucket(v, l, h, n)),
        scalar!("drandom", [ctx] || ctx.session.random()),
        scalar!("setseed", [ctx] |seed: f64| {
            if seed.is_nan() || !(-1.0..=1.0).contains(&seed) {
                return Err(DbError::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("setseed parameter {seed} is out of allowed range [-1,1]"),
                ));
            }
            ctx.session.set_seed(seed);
            ""
        }),
    ],
];
