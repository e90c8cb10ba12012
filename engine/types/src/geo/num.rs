//! Numbers of geometry: arithmetic that reports overflow and underflow, and comparisons that take two numbers for equal
//! when they differ by no more than [`EPSILON`].

use crate::cmp::compare_f64;
use crate::funcs::float::{check, overflow, underflow};
use crate::funcs::int::division_by_zero;
use rustydb_base::Result;

/// Numbers that differ by no more are the same.
pub const EPSILON: f64 = 1.0e-6;

/// Whether a number is zero.
pub fn zero(a: f64) -> bool {
    a.abs() <= EPSILON
}

/// a = b; infinities equal themselves, NaN nothing.
pub fn eq(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= EPSILON
}

/// a < b.
pub fn lt(a: f64, b: f64) -> bool {
    a + EPSILON < b
}

/// a <= b.
pub fn le(a: f64, b: f64) -> bool {
    a <= b + EPSILON
}

/// a > b.
pub fn gt(a: f64, b: f64) -> bool {
    a > b + EPSILON
}

/// a >= b.
pub fn ge(a: f64, b: f64) -> bool {
    a + EPSILON >= b
}

/// a = b exactly, NaN equal to itself.
pub fn same(a: f64, b: f64) -> bool {
    compare_f64(a, b).is_eq()
}

/// a < b exactly, NaN above everything.
pub fn below(a: f64, b: f64) -> bool {
    compare_f64(a, b).is_lt()
}

/// a > b exactly, NaN above everything.
pub fn above(a: f64, b: f64) -> bool {
    compare_f64(a, b).is_gt()
}

/// The larger number; NaN is largest.
pub fn max(a: f64, b: f64) -> f64 {
    if above(a, b) { a } else { b }
}

/// The smaller number.
pub fn min(a: f64, b: f64) -> f64 {
    if below(a, b) { a } else { b }
}

/// a + b.
pub fn add(a: f64, b: f64) -> Result<f64> {
    check(a + b, a.is_infinite() || b.is_infinite(), true)
}

/// a − b.
pub fn sub(a: f64, b: f64) -> Result<f64> {
    check(a - b, a.is_infinite() || b.is_infinite(), true)
}

/// a · b.
pub fn mul(a: f64, b: f64) -> Result<f64> {
    check(a * b, a.is_infinite() || b.is_infinite(), a == 0.0 || b == 0.0)
}

/// a / b.
pub fn div(a: f64, b: f64) -> Result<f64> {
    if b == 0.0 && !a.is_nan() {
        return Err(division_by_zero());
    }
    check(a / b, a.is_infinite(), a == 0.0 || b.is_infinite())
}

/// √(x² + y²) without overflow on the way. Infinite if either is, even beside NaN.
pub fn hypot(x: f64, y: f64) -> Result<f64> {
    if x.is_infinite() || y.is_infinite() {
        return Ok(f64::INFINITY);
    }
    if x.is_nan() || y.is_nan() {
        return Ok(f64::NAN);
    }
    let (x, y) = (x.abs(), y.abs());
    let (long, short) = if x < y { (y, x) } else { (x, y) };
    if short == 0.0 {
        return Ok(long);
    }
    let ratio = short / long;
    let r = long * (1.0 + ratio * ratio).sqrt();
    if r.is_infinite() {
        return Err(overflow());
    }
    if r == 0.0 {
        return Err(underflow());
    }
    Ok(r)
}

/// Zero without a sign.
pub fn unsigned_zero(v: f64) -> f64 {
    if v == 0.0 { 0.0 } else { v }
}
