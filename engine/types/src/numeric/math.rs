//! Roots, exponentials and logarithms of decimals.
//!
//! Each function first fixes the result's scale by PostgreSQL's rule (at least 16 significant digits, never fewer than
//! the inputs show, at most 1000 decimals), then computes with enough guard digits that rounding to that scale gives the
//! correctly rounded value. The estimates that choose scales (`estimate_ln_dweight`, the weights of powers) decide the
//! number of digits shown, so they follow PostgreSQL's double-precision formulas exactly.

use super::var::{DEC_DIGITS, Var};
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// Significant digits a result has at least.
pub(crate) const MIN_SIG_DIGITS: i32 = 16;
/// Decimals a computed result has at most.
pub(crate) const MAX_DISPLAY_SCALE: i32 = 1000;
const MAX_RESULT_SCALE: f64 = 2000.0;
#[allow(clippy::approx_constant, reason = "PostgreSQL's literal: it decides the number of digits shown")]
const LOG10_E: f64 = 0.434294481903252;

pub(crate) fn overflow() -> DbError {
    DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

/// Square root of a value that is not negative.
pub(crate) fn sqrt(x: &Var) -> Var {
    let sweight = (x.weight + 1) * DEC_DIGITS / 2 - 1;
    let rscale = (MIN_SIG_DIGITS - sweight).max(x.dscale).clamp(0, MAX_DISPLAY_SCALE);
    let mut r = sqrt_scaled(x, rscale);
    // Newton's result is within a unit; settle the rounding exactly.
    let unit = Var::from_i128(1, rscale);
    let half = Var::from_i128(5, rscale + 1);
    loop {
        let low = r.sub(&half);
        if !low.neg && !r.is_zero() && low.mul(&low).cmp_abs(x) == Ordering::Greater {
            r = r.sub(&unit);
            continue;
        }
        let high = r.add(&half);
        if high.mul(&high).cmp_abs(x) != Ordering::Greater {
            r = r.add(&unit);
            continue;
        }
        break;
    }
    r.dscale = rscale;
    r
}

/// Square root within about one unit of the `rscale`-th decimal (which may be negative).
fn sqrt_scaled(x: &Var, rscale: i32) -> Var {
    if x.is_zero() {
        return Var::zero(rscale);
    }
    // Scale by an even power of the base so that a double can hold the leading digits.
    let half_weight = x.weight.div_euclid(2);
    let mut lead = x.clone();
    lead.weight -= 2 * half_weight;
    let guess = lead.to_f64_approx().sqrt();
    let mut s = Var::from_i128((guess * 1e14) as i128, 14);
    s.weight += half_weight;
    let want = i64::from(half_weight + 1) * i64::from(DEC_DIGITS) + i64::from(rscale) + 4;
    let mut have = 13i64;
    let two_inv = Var::from_i128(5, 1);
    loop {
        have = (have * 2).min(want.max(1) + 4);
        let scale = (have - i64::from(half_weight) * i64::from(DEC_DIGITS)) as i32;
        let q = x.div(&s, scale, false);
        s = s.add(&q).mul(&two_inv);
        s.round(scale);
        if have >= want {
            break;
        }
    }
    s.round(rscale);
    s
}

/// Scale of `exp(x)`'s result.
pub(crate) fn exp_rscale(x: &Var) -> i32 {
    let val = (x.to_f64_approx() * LOG10_E).clamp(-MAX_RESULT_SCALE, MAX_RESULT_SCALE);
    (MIN_SIG_DIGITS - val as i32).max(x.dscale).clamp(0, MAX_DISPLAY_SCALE)
}

/// `e^x` with `rscale` decimals.
pub(crate) fn exp(x: &Var, rscale: i32) -> Result<Var> {
    let val = x.to_f64_approx();
    if val.abs() >= MAX_RESULT_SCALE * 3.0 {
        return if val > 0.0 { Err(overflow()) } else { Ok(Var::zero(rscale)) };
    }
    let dweight = (val * LOG10_E) as i32;
    // Halve the argument until the series converges fast, then square as often.
    let mut y = x.clone();
    let mut halvings = 0;
    let mut v = val;
    while v.abs() > 0.01 {
        halvings += 1;
        v /= 2.0;
    }
    let sig = 1 + dweight + rscale + halvings / 3 + 10;
    if sig <= 0 {
        return Ok(Var::zero(rscale));
    }
    let scale = sig + 2;
    if halvings > 0 {
        y = x.div(&Var::from_i128(1i128 << halvings, 0), scale, true);
    }
    let mut sum = Var::from_i64(1).add(&y);
    let mut term = y.clone();
    let mut n = 2i64;
    loop {
        term = term.mul_round(&y, scale).div(&Var::from_i64(n), scale, true);
        if term.is_zero() {
            break;
        }
        sum = sum.add(&term);
        n += 1;
    }
    for _ in 0..halvings {
        // Keep the number of significant digits while the weight doubles.
        let s = (sig - sum.weight * 2 * DEC_DIGITS).max(0);
        sum = sum.mul_round(&sum, s);
    }
    sum.round(rscale);
    Ok(sum)
}

/// Decimal weight of `ln(x)`, as PostgreSQL estimates it.
pub(crate) fn estimate_ln_dweight(x: &Var) -> i32 {
    if x.neg || x.is_zero() {
        return 0;
    }
    let near = x.cmp(&Var::from_i128(9, 1)) != Ordering::Less && x.cmp(&Var::from_i128(11, 1)) != Ordering::Greater;
    if near {
        // ln(1 + d) is about d.
        let d = x.sub(&Var::from_i64(1));
        return match d.digits.first() {
            Some(&first) => d.weight * DEC_DIGITS + f64::from(first).log10() as i32,
            None => 0,
        };
    }
    let mut digits = f64::from(x.digits[0]);
    let mut dweight = x.weight * DEC_DIGITS;
    if x.digits.len() > 1 {
        digits = digits * 10_000.0 + f64::from(x.digits[1]);
        dweight -= DEC_DIGITS;
    }
    let ln = digits.ln() + f64::from(dweight) * std::f64::consts::LN_10;
    ln.abs().log10() as i32
}

/// Scale of `ln(x)`'s result.
pub(crate) fn ln_rscale(x: &Var) -> i32 {
    (MIN_SIG_DIGITS - estimate_ln_dweight(x)).max(x.dscale).clamp(0, MAX_DISPLAY_SCALE)
}

fn check_log_arg(x: &Var) -> Result<()> {
    if x.is_zero() {
        return Err(DbError::new(SqlState::INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero"));
    }
    if x.neg {
        return Err(DbError::new(SqlState::INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of a negative number"));
    }
    Ok(())
}

/// Natural logarithm with `rscale` decimals.
pub(crate) fn ln(x: &Var, rscale: i32) -> Result<Var> {
    check_log_arg(x)?;
    let one = Var::from_i64(1);
    // Square roots bring the argument to 0.9..1.1; each doubles the error and the result's factor.
    let mag = (x.weight.abs() + 2) as f64 * 4.0 * std::f64::consts::LN_10;
    let max_roots = mag.log2() as i32 + 6;
    let scale = rscale.max(0) + max_roots / 3 + 12;
    let mut y = x.clone();
    let sig = scale + 4;
    let cut = sig - (y.weight + 1) * DEC_DIGITS + DEC_DIGITS;
    y.round(cut);
    let (lo, hi) = (Var::from_i128(9, 1), Var::from_i128(11, 1));
    let mut factor = 2i128;
    while y.cmp(&lo) != Ordering::Greater || y.cmp(&hi) != Ordering::Less {
        let s = scale - y.weight.div_euclid(2) * DEC_DIGITS + DEC_DIGITS;
        y = sqrt_scaled(&y, s);
        factor *= 2;
    }
    // ln(y) = 2 (z + z³/3 + z⁵/5 + …) with z = (y - 1) / (y + 1).
    let z = y.sub(&one).div(&y.add(&one), scale, true);
    let z2 = z.mul_round(&z, scale);
    let mut sum = z.clone();
    let mut power = z;
    let mut n = 3i64;
    loop {
        power = power.mul_round(&z2, scale);
        let term = power.div(&Var::from_i64(n), scale, true);
        if term.is_zero() {
            break;
        }
        sum = sum.add(&term);
        n += 2;
    }
    Ok(sum.mul_round(&Var::from_i128(factor, 0), rscale))
}

/// Logarithm of `x` to base `base`.
pub(crate) fn log(base: &Var, x: &Var) -> Result<Var> {
    check_log_arg(base)?;
    check_log_arg(x)?;
    let base_dweight = estimate_ln_dweight(base);
    let x_dweight = estimate_ln_dweight(x);
    let dweight = x_dweight - base_dweight;
    let rscale = (MIN_SIG_DIGITS - dweight).max(base.dscale).max(x.dscale).clamp(0, MAX_DISPLAY_SCALE);
    let ln_base = ln(base, (rscale + dweight - base_dweight + 8).max(0))?;
    let ln_x = ln(x, (rscale + dweight - x_dweight + 8).max(0))?;
    if ln_base.is_zero() {
        return Err(division_by_zero());
    }
    Ok(ln_x.div(&ln_base, rscale, true))
}

pub(crate) fn division_by_zero() -> DbError {
    DbError::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

/// `base^exp` for finite arguments whose signs [`super::Numeric::power`] has checked.
pub(crate) fn power(base: &Var, exponent: &Var) -> Result<Var> {
    if let Some(n) = exponent.to_i64_exact().and_then(|n| i32::try_from(n).ok()) {
        return power_int(base, n);
    }
    if base.is_zero() {
        return Ok(Var::zero(MIN_SIG_DIGITS));
    }
    let odd = exponent.is_integral()
        && exponent.digits.len() as i32 == exponent.weight + 1
        && exponent.digits.last().is_some_and(|d| d % 2 == 1);
    let res_neg = base.neg && odd;
    let abs = base.clone().abs();

    let ln_dweight = estimate_ln_dweight(&abs);
    let rough = ln(&abs, (8 - ln_dweight).max(0))?.mul_round(exponent, (8 - ln_dweight).max(0));
    let mut val = rough.to_f64_approx();
    if val.abs() > MAX_RESULT_SCALE * 3.01 {
        return if val > 0.0 { Err(overflow()) } else { Ok(Var::zero(MAX_DISPLAY_SCALE)) };
    }
    val *= LOG10_E;
    let rscale = (MIN_SIG_DIGITS - val as i32).max(base.dscale).max(exponent.dscale).clamp(0, MAX_DISPLAY_SCALE);
    // A result too small for its scale still needs its logarithm right.
    let sig = (rscale + val as i32).max(0);
    let scale = (sig - ln_dweight + 8).max(0);
    let exp_arg = ln(&abs, scale)?.mul_round(exponent, scale);
    let mut r = exp(&exp_arg, rscale)?;
    if res_neg {
        r.negate();
    }
    Ok(r)
}

fn power_int(base: &Var, n: i32) -> Result<Var> {
    let rscale = MIN_SIG_DIGITS.max(base.dscale).min(MAX_DISPLAY_SCALE);
    let one = Var::from_i64(1);
    match n {
        0 => return Ok(Var { dscale: rscale, ..one }),
        1 => {
            let mut r = base.clone();
            r.round(rscale);
            return Ok(r);
        }
        -1 if base.is_zero() => return Err(division_by_zero()),
        -1 => return Ok(one.div(base, rscale, true)),
        2 => return Ok(base.mul_round(base, rscale)),
        _ => {}
    }
    if base.is_zero() {
        return if n < 0 { Err(division_by_zero()) } else { Ok(Var::zero(rscale)) };
    }
    // base is about f·10^p, so the result's decimal weight is about n·(log10 f + p).
    let mut f = f64::from(base.digits[0]);
    let mut p = base.weight * DEC_DIGITS;
    for &d in base.digits.iter().skip(1).take(3) {
        f = f * 10_000.0 + f64::from(d);
        p -= DEC_DIGITS;
    }
    let weight = f64::from(n) * (f.log10() + f64::from(p));
    if weight > f64::from(3 * super::WEIGHT_MAX * DEC_DIGITS) {
        return Err(overflow());
    }
    if weight + 1.0 < -f64::from(rscale) {
        return Ok(Var::zero(rscale));
    }
    let sig = 1 + rscale + weight as i32 + f64::from(n).abs().ln() as i32 + 8;
    let mut mask = n.unsigned_abs();
    let mut prod = base.clone();
    let mut result = if mask & 1 == 1 { base.clone() } else { one.clone() };
    loop {
        mask >>= 1;
        if mask == 0 {
            break;
        }
        let s = (sig - 2 * prod.weight * DEC_DIGITS).min(2 * prod.dscale).max(0);
        prod = prod.mul_round(&prod, s);
        if mask & 1 == 1 {
            let s = (sig - (prod.weight + result.weight) * DEC_DIGITS).min(prod.dscale + result.dscale).max(0);
            result = result.mul_round(&prod, s);
        }
        if prod.weight > super::WEIGHT_MAX || result.weight > super::WEIGHT_MAX {
            return if n > 0 { Err(overflow()) } else { Ok(Var::zero(rscale)) };
        }
    }
    if n < 0 {
        if result.is_zero() {
            return Err(overflow());
        }
        return Ok(one.div(&result, rscale, true));
    }
    result.round(rscale);
    Ok(result)
}
