//! Exact decimal numbers of any size: PostgreSQL's `numeric`.
//!
//! A value is NaN, ±Infinity or a finite decimal with its own display scale (`1.50` and `1.5` are equal but shown
//! differently). Finite values whose coefficient has at most 38 digits are kept as i128 and scale, and the common
//! operations on them stay in registers; anything larger is a boxed digit string. The form is a function of
//! value and scale alone: a finite value is small exactly when its coefficient fits.
//!
//! Equality, ordering and hashing ignore the display scale; NaN equals itself and is larger than everything.
//! Result scales and error texts are PostgreSQL's. Left out: nothing of the type itself; aggregates live elsewhere.

mod codec;
mod math;
mod text;
pub(crate) mod var;

use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use var::Var;

/// Largest power of 10 000 a stored value may reach: 131 072 digits before the point.
pub(crate) const WEIGHT_MAX: i32 = 32_767;
/// Largest display scale a stored value may have.
pub(crate) const DSCALE_MAX: i32 = 16_383;
/// 10^38: small coefficients are below it.
pub(crate) const POW10_38: u128 = 10u128.pow(38);

/// A number of PostgreSQL's type `numeric`.
#[derive(Clone)]
pub struct Numeric(Repr);

#[derive(Clone)]
enum Repr {
    /// coefficient (high and low half: i128 would force 16-byte alignment on every value) × 10^-scale.
    Small {
        hi: i64,
        lo: u64,
        scale: u16,
    },
    Big(Box<Var>),
    NaN,
    PosInf,
    NegInf,
}

pub(crate) fn pow10(n: u32) -> Option<i128> {
    (n <= 38).then(|| 10i128.pow(n))
}

fn out_of_range(what: &'static str) -> DbError {
    DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, what)
}

/// Digits a number may have before its point.
const MAX_WHOLE_DIGITS: i32 = 131_072;
/// Digits it may have after it.
const MAX_DECIMALS: i32 = 16_383;

impl Numeric {
    /// 0.
    pub const ZERO: Numeric = Numeric::small_unchecked(0, 0);
    /// 1.
    pub const ONE: Numeric = Numeric::small_unchecked(1, 0);
    /// Not a number.
    pub const NAN: Numeric = Numeric(Repr::NaN);
    /// +Infinity.
    pub const INFINITY: Numeric = Numeric(Repr::PosInf);
    /// -Infinity.
    pub const NEG_INFINITY: Numeric = Numeric(Repr::NegInf);

    const fn small_unchecked(coef: i128, scale: u16) -> Numeric {
        Numeric(Repr::Small { hi: (coef >> 64) as i64, lo: coef as u64, scale })
    }

    /// `coef × 10^-scale`, shown with `scale` decimals. Any coefficient; `scale` up to 16383 (22003 beyond).
    pub fn from_i128(coef: i128, scale: u16) -> Result<Numeric> {
        if i32::from(scale) > DSCALE_MAX {
            return Err(math::overflow());
        }
        if coef.unsigned_abs() < POW10_38 {
            return Ok(Numeric::small_unchecked(coef, scale));
        }
        Numeric::from_var(Var::from_i128(coef, scale.into()))
    }

    /// The small form: coefficient (fewer than 39 digits) and scale.
    #[inline]
    pub fn as_small(&self) -> Option<(i128, u16)> {
        match self.0 {
            Repr::Small { hi, lo, scale } => Some(((i128::from(hi) << 64) | i128::from(lo), scale)),
            _ => None,
        }
    }

    /// Coefficient at exactly `scale` decimals when that is exact and has at most 38 digits: an Arrow Decimal128's value.
    pub fn to_scaled_i128(&self, scale: u8) -> Option<i128> {
        let (coef, have) = match self.as_small() {
            Some(small) => small,
            None => {
                // A big value may still be a small coefficient once trailing zeros go.
                let Repr::Big(v) = &self.0 else { return None };
                if v.min_scale() > i32::from(scale) {
                    return None;
                }
                let mut v = (**v).clone();
                v.round(scale.into());
                return v.to_coef();
            }
        };
        let have = u32::from(have);
        let want = u32::from(scale);
        let v = if have <= want {
            coef.checked_mul(pow10(want - have)?)?
        } else {
            if coef == 0 {
                return Some(0);
            }
            let p = pow10(have - want)?;
            if coef % p != 0 {
                return None;
            }
            coef / p
        };
        (v.unsigned_abs() < POW10_38).then_some(v)
    }

    /// Takes a computed value into range: 22003 beyond 131072 digits before or 16383 after the point.
    pub(crate) fn from_var(mut v: Var) -> Result<Numeric> {
        if v.dscale > DSCALE_MAX {
            return Err(math::overflow());
        }
        v.dscale = v.dscale.max(0);
        if let Some(coef) = v.to_coef() {
            return Ok(Numeric::small_unchecked(coef, v.dscale as u16));
        }
        if v.weight > WEIGHT_MAX {
            return Err(math::overflow());
        }
        Ok(Numeric(Repr::Big(Box::new(v))))
    }

    /// The finite value as digits; `None` for NaN and the infinities.
    pub(crate) fn to_var(&self) -> Option<Var> {
        match &self.0 {
            Repr::Big(v) => Some((**v).clone()),
            Repr::Small { scale, .. } => {
                let (coef, _) = self.as_small()?;
                Some(Var::from_i128(coef, (*scale).into()))
            }
            _ => None,
        }
    }

    /// Whether this is NaN.
    pub fn is_nan(&self) -> bool {
        matches!(self.0, Repr::NaN)
    }

    /// Whether this is one of the infinities.
    pub fn is_infinite(&self) -> bool {
        matches!(self.0, Repr::PosInf | Repr::NegInf)
    }

    /// Whether this is neither NaN nor infinite.
    pub fn is_finite(&self) -> bool {
        matches!(self.0, Repr::Small { .. } | Repr::Big(_))
    }

    /// Whether the value is zero.
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Small { hi: 0, lo: 0, .. }) || matches!(&self.0, Repr::Big(v) if v.is_zero())
    }

    /// -1, 0 or 1; NaN counts as 1.
    pub fn signum(&self) -> i32 {
        match &self.0 {
            Repr::Small { hi, lo, .. } => {
                if *hi < 0 {
                    -1
                } else {
                    i32::from(*hi != 0 || *lo != 0)
                }
            }
            Repr::Big(v) => match (v.is_zero(), v.neg) {
                (true, _) => 0,
                (_, true) => -1,
                _ => 1,
            },
            Repr::NaN | Repr::PosInf => 1,
            Repr::NegInf => -1,
        }
    }

    /// Display scale; `None` for NaN and the infinities (SQL `scale()` is then NULL).
    pub fn scale(&self) -> Option<i32> {
        match &self.0 {
            Repr::Small { scale, .. } => Some((*scale).into()),
            Repr::Big(v) => Some(v.dscale),
            _ => None,
        }
    }

    /// Fewest decimals that show the value exactly; `None` for NaN and the infinities.
    pub fn min_scale(&self) -> Option<i32> {
        self.to_var().map(|v| v.min_scale())
    }

    /// The value with its trailing decimal zeros dropped.
    pub fn trim_scale(&self) -> Numeric {
        match self.to_var() {
            Some(mut v) => {
                v.dscale = v.min_scale();
                // Shrinking the scale of a stored value cannot leave the range.
                Numeric::from_var(v).unwrap_or_else(|_| self.clone())
            }
            None => self.clone(),
        }
    }

    /// Sum.
    #[inline]
    pub fn add(&self, o: &Numeric) -> Result<Numeric> {
        if let (Some((a, sa)), Some((b, sb))) = (self.as_small(), o.as_small())
            && let Some((a, b, s)) = align(a, sa, b, sb)
            && let Some(sum) = a.checked_add(b)
        {
            return Numeric::from_i128(sum, s);
        }
        match (&self.0, &o.0) {
            (Repr::NaN, _) | (_, Repr::NaN) | (Repr::PosInf, Repr::NegInf) | (Repr::NegInf, Repr::PosInf) => {
                Ok(Numeric::NAN)
            }
            (Repr::PosInf, _) | (_, Repr::PosInf) => Ok(Numeric::INFINITY),
            (Repr::NegInf, _) | (_, Repr::NegInf) => Ok(Numeric::NEG_INFINITY),
            _ => self.finite2(o, |a, b| Ok(a.add(b))),
        }
    }

    /// Difference.
    pub fn sub(&self, o: &Numeric) -> Result<Numeric> {
        self.add(&o.neg())
    }

    /// Product; decimals beyond 16383 are rounded away.
    #[inline]
    pub fn mul(&self, o: &Numeric) -> Result<Numeric> {
        if let (Some((a, sa)), Some((b, sb))) = (self.as_small(), o.as_small())
            && let Some(p) = a.checked_mul(b)
            && u32::from(sa) + u32::from(sb) <= DSCALE_MAX as u32
        {
            return Numeric::from_i128(p, sa + sb);
        }
        if self.is_nan() || o.is_nan() {
            return Ok(Numeric::NAN);
        }
        if self.is_infinite() || o.is_infinite() {
            return Ok(match self.signum() * o.signum() {
                0 => Numeric::NAN,
                1 => Numeric::INFINITY,
                _ => Numeric::NEG_INFINITY,
            });
        }
        self.finite2(o, |a, b| {
            let mut r = a.mul(b);
            if r.dscale > DSCALE_MAX {
                r.round(DSCALE_MAX);
            }
            Ok(r)
        })
    }

    /// Quotient with PostgreSQL's result scale (at least 16 significant digits).
    pub fn div(&self, o: &Numeric) -> Result<Numeric> {
        if self.is_nan() || o.is_nan() {
            return Ok(Numeric::NAN);
        }
        if o.is_zero() {
            return Err(math::division_by_zero());
        }
        if self.is_infinite() {
            return Ok(match (o.is_infinite(), self.signum() * o.signum()) {
                (true, _) => Numeric::NAN,
                (false, 1) => Numeric::INFINITY,
                _ => Numeric::NEG_INFINITY,
            });
        }
        if o.is_infinite() {
            return Ok(Numeric::ZERO);
        }
        if let (Some((a, sa)), Some((b, sb))) = (self.as_small(), o.as_small())
            && let Some(q) = div_small(a, sa, b, sb)
        {
            return Ok(q);
        }
        self.finite2(o, |a, b| Ok(a.div(b, div_rscale(a, b), true)))
    }

    /// Quotient truncated to an integer: SQL `div()`.
    pub fn div_trunc(&self, o: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !o.is_finite() {
            return self.div(o);
        }
        if o.is_zero() {
            return Err(math::division_by_zero());
        }
        self.finite2(o, |a, b| Ok(a.div(b, 0, false)))
    }

    /// Remainder with the sign of the dividend.
    pub fn rem(&self, o: &Numeric) -> Result<Numeric> {
        if self.is_nan() || o.is_nan() {
            return Ok(Numeric::NAN);
        }
        if o.is_zero() {
            return Err(math::division_by_zero());
        }
        if self.is_infinite() {
            return Ok(Numeric::NAN);
        }
        if o.is_infinite() {
            return Ok(self.clone());
        }
        if let (Some((a, sa)), Some((b, sb))) = (self.as_small(), o.as_small())
            && let Some((a, b, s)) = align(a, sa, b, sb)
        {
            return Numeric::from_i128(a % b, s);
        }
        self.finite2(o, |a, b| {
            let mut q = a.div(b, 0, false);
            q.dscale = 0;
            let mut r = a.sub(&q.mul(b));
            r.dscale = a.dscale.max(b.dscale);
            Ok(r)
        })
    }

    /// Negation.
    pub fn neg(&self) -> Numeric {
        match &self.0 {
            Repr::Big(v) => {
                let mut v = v.clone();
                v.negate();
                Numeric(Repr::Big(v))
            }
            Repr::NaN => Numeric::NAN,
            Repr::PosInf => Numeric::NEG_INFINITY,
            Repr::NegInf => Numeric::INFINITY,
            Repr::Small { .. } => {
                let (c, s) = self.as_small().unwrap_or_default();
                Numeric::small_unchecked(-c, s)
            }
        }
    }

    /// Absolute value.
    pub fn abs(&self) -> Numeric {
        if self.signum() < 0 { self.neg() } else { self.clone() }
    }

    /// SQL `sign()`: NaN, -1, 0 or 1.
    pub fn sign(&self) -> Numeric {
        match self.0 {
            Repr::NaN => Numeric::NAN,
            _ => Numeric::from(self.signum()),
        }
    }

    /// The value shown with `scale` decimals (rounded if it has more): 22003 beyond 16383.
    pub fn with_scale(&self, scale: i32) -> Result<Numeric> {
        self.rescale(scale.max(0), true)
    }

    /// Rounds half away from zero to `scale` decimals (negative: to tens, hundreds…), which become the display scale.
    pub fn round(&self, scale: i32) -> Result<Numeric> {
        // One digit more than a number has before its point: the first one may round up.
        self.rescale(scale.clamp(-MAX_WHOLE_DIGITS - 1, MAX_DECIMALS), true)
    }

    /// As [`Numeric::round`], but cuts.
    pub fn trunc(&self, scale: i32) -> Result<Numeric> {
        self.rescale(scale.clamp(-MAX_WHOLE_DIGITS, MAX_DECIMALS), false)
    }

    fn rescale(&self, scale: i32, round: bool) -> Result<Numeric> {
        if let Some((coef, have)) = self.as_small()
            && scale >= 0
        {
            let diff = scale - i32::from(have);
            if diff == 0 {
                return Ok(self.clone());
            }
            if diff > 0 {
                if let Some(v) = pow10(diff as u32).and_then(|p| coef.checked_mul(p)) {
                    return Numeric::from_i128(v, scale as u16);
                }
            } else if let Some(p) = pow10(-diff as u32) {
                let mut q = coef / p;
                if round && (coef % p).unsigned_abs() >= p.unsigned_abs() / 2 {
                    q += if coef < 0 { -1 } else { 1 };
                }
                return Ok(Numeric::small_unchecked(q, scale as u16));
            }
        }
        let Some(mut v) = self.to_var() else { return Ok(self.clone()) };
        if round {
            v.round(scale)
        } else {
            v.trunc(scale)
        }
        Numeric::from_var(v)
    }

    /// Smallest integer not below.
    pub fn ceil(&self) -> Result<Numeric> {
        let t = self.trunc(0)?;
        if t < *self { t.add(&Numeric::ONE) } else { Ok(t) }
    }

    /// Largest integer not above.
    pub fn floor(&self) -> Result<Numeric> {
        let t = self.trunc(0)?;
        if t > *self { t.sub(&Numeric::ONE) } else { Ok(t) }
    }

    /// Square root; 2201F below zero.
    pub fn sqrt(&self) -> Result<Numeric> {
        if self.is_nan() {
            return Ok(Numeric::NAN);
        }
        if self.signum() < 0 {
            return Err(DbError::new(
                SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                "cannot take square root of a negative number",
            ));
        }
        match self.to_var() {
            Some(v) => Numeric::from_var(math::sqrt(&v)),
            None => Ok(self.clone()),
        }
    }

    /// e to this power.
    pub fn exp(&self) -> Result<Numeric> {
        match &self.0 {
            Repr::NaN => Ok(Numeric::NAN),
            Repr::PosInf => Ok(Numeric::INFINITY),
            Repr::NegInf => Ok(Numeric::ZERO),
            _ => self.finite1(|v| math::exp(v, math::exp_rscale(v))),
        }
    }

    /// Natural logarithm; 2201E for zero and below.
    pub fn ln(&self) -> Result<Numeric> {
        match &self.0 {
            Repr::NaN => Ok(Numeric::NAN),
            Repr::PosInf => Ok(Numeric::INFINITY),
            Repr::NegInf => Err(log_of_negative()),
            _ => self.finite1(|v| math::ln(v, math::ln_rscale(v))),
        }
    }

    /// Logarithm of `x` to this base: SQL `log(base, x)`.
    pub fn log(&self, x: &Numeric) -> Result<Numeric> {
        if self.is_nan() || x.is_nan() {
            return Ok(Numeric::NAN);
        }
        if self.is_infinite() || x.is_infinite() {
            if self.signum() < 0 || x.signum() < 0 {
                return Err(log_of_negative());
            }
            if self.is_zero() || x.is_zero() {
                return Err(DbError::new(SqlState::INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero"));
            }
            return Ok(match (self.is_infinite(), x.is_infinite()) {
                (true, true) => Numeric::NAN,
                (true, false) => Numeric::ZERO,
                _ => Numeric::INFINITY,
            });
        }
        self.finite2(x, math::log)
    }

    /// This value raised to `e`; 2201F where the power is undefined or complex.
    pub fn power(&self, e: &Numeric) -> Result<Numeric> {
        let is_one = |n: &Numeric| *n == Numeric::ONE;
        if self.is_nan() {
            return Ok(if e.is_zero() { Numeric::ONE } else { Numeric::NAN });
        }
        if e.is_nan() {
            return Ok(if is_one(self) { Numeric::ONE } else { Numeric::NAN });
        }
        let (s1, s2) = (self.signum(), e.signum());
        let undefined = |m: &'static str| DbError::new(SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION, m);
        if s1 == 0 && s2 < 0 {
            return Err(undefined("zero raised to a negative power is undefined"));
        }
        let e_integral = e.to_var().is_none_or(|v| v.is_integral());
        if s1 < 0 && !e_integral {
            return Err(undefined("a negative number raised to a non-integer power yields a complex result"));
        }
        if self.is_finite() && e.is_finite() {
            return self.finite2(e, math::power);
        }
        if is_one(self) || s2 == 0 {
            return Ok(Numeric::ONE);
        }
        if s1 == 0 {
            return Ok(Numeric::ZERO);
        }
        if e.is_infinite() {
            let beyond_one = match self.abs().partial_cmp(&Numeric::ONE) {
                Some(Ordering::Equal) => return Ok(Numeric::ONE),
                o => o == Some(Ordering::Greater),
            };
            return Ok(if beyond_one == (s2 > 0) { Numeric::INFINITY } else { Numeric::ZERO });
        }
        // The base is infinite, the exponent finite and not zero.
        if s2 < 0 {
            return Ok(Numeric::ZERO);
        }
        let odd = e.rem(&Numeric::from(2))?.abs() == Numeric::ONE;
        Ok(if s1 < 0 && odd { Numeric::NEG_INFINITY } else { Numeric::INFINITY })
    }

    /// Greatest common divisor (works on fractions too, as PostgreSQL's does).
    pub fn gcd(&self, o: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !o.is_finite() {
            return Ok(Numeric::NAN);
        }
        let scale = self.scale().max(o.scale()).unwrap_or(0);
        let (mut a, mut b) = (self.abs(), o.abs());
        while !b.is_zero() {
            let r = a.rem(&b)?;
            a = b;
            b = r;
        }
        a.rescale(scale, true)
    }

    /// Least common multiple.
    pub fn lcm(&self, o: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !o.is_finite() {
            return Ok(Numeric::NAN);
        }
        let scale = self.scale().max(o.scale()).unwrap_or(0);
        if self.is_zero() || o.is_zero() {
            return Numeric::ZERO.rescale(scale, true);
        }
        let g = self.gcd(o)?;
        let q = self.div_trunc(&g)?;
        q.mul(o)?.abs().rescale(scale, true)
    }

    /// Rounds to a column's precision and scale; 22003 with PostgreSQL's detail when it does not fit.
    pub fn apply_precision(&self, precision: i32, scale: i32) -> Result<Numeric> {
        let fail = |detail: String| {
            DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").detail(detail)
        };
        match &self.0 {
            Repr::NaN => return Ok(Numeric::NAN),
            Repr::PosInf | Repr::NegInf => {
                return Err(fail(format!(
                    "A field with precision {precision}, scale {scale} cannot hold an infinite value."
                )));
            }
            _ => {}
        }
        let r = self.rescale(scale, true)?;
        let fits = match r.as_small() {
            Some((0, _)) => true,
            Some((c, s)) if i32::from(s) == scale => pow10(precision.max(0) as u32).is_none_or(|p| c.abs() < p),
            _ => {
                let limit = i64::from(precision) - i64::from(scale);
                r.to_var().is_none_or(|v| v.is_zero() || v.int_digits() <= limit)
            }
        };
        if fits {
            return Ok(r);
        }
        let digits = precision - scale;
        let (base, n) = if digits == 0 { ("", 1) } else { ("10^", digits) };
        Err(fail(format!(
            "A field with precision {precision}, scale {scale} must round to an absolute value less than {base}{n}."
        )))
    }

    /// Applies a `numeric(p,s)` type modifier; -1 leaves the value as it is.
    pub fn apply_typmod(&self, typmod: i32) -> Result<Numeric> {
        match typmod_parts(typmod) {
            Some((p, s)) => self.apply_precision(p, s),
            None => Ok(self.clone()),
        }
    }

    fn finite1(&self, f: impl FnOnce(&Var) -> Result<Var>) -> Result<Numeric> {
        match &self.0 {
            Repr::Big(v) => Numeric::from_var(f(v)?),
            _ => Numeric::from_var(f(&self.to_var().unwrap_or_default())?),
        }
    }

    fn finite2(&self, o: &Numeric, f: impl FnOnce(&Var, &Var) -> Result<Var>) -> Result<Numeric> {
        // Callers have dealt with NaN and the infinities.
        let a = self.to_var().unwrap_or_default();
        let b = o.to_var().unwrap_or_default();
        Numeric::from_var(f(&a, &b)?)
    }
}

/// Precision and scale of a numeric type modifier; `None` for -1.
pub fn typmod_parts(typmod: i32) -> Option<(i32, i32)> {
    if typmod < 4 {
        return None;
    }
    let t = typmod - 4;
    // The scale is an 11-bit signed number.
    Some(((t >> 16) & 0xffff, ((t & 0x7ff) ^ 1024) - 1024))
}

/// The type modifier of `numeric(precision, scale)`.
pub fn make_typmod(precision: i32, scale: i32) -> i32 {
    ((precision << 16) | (scale & 0x7ff)) + 4
}

fn log_of_negative() -> DbError {
    DbError::new(SqlState::INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of a negative number")
}

/// Brings two coefficients to their larger scale, when both then still have at most 38 digits.
#[inline]
fn align(a: i128, sa: u16, b: i128, sb: u16) -> Option<(i128, i128, u16)> {
    match sa.cmp(&sb) {
        Ordering::Equal => Some((a, b, sa)),
        Ordering::Less => {
            let a = a.checked_mul(pow10((sb - sa).into())?)?;
            (a.unsigned_abs() < POW10_38).then_some((a, b, sb))
        }
        Ordering::Greater => {
            let b = b.checked_mul(pow10((sa - sb).into())?)?;
            (b.unsigned_abs() < POW10_38).then_some((a, b, sa))
        }
    }
}

/// Scale of a quotient: 16 significant digits by the operands' first base-10 000 digits, no fewer decimals than either
/// operand shows, at most 1000.
pub(crate) fn div_rscale(a: &Var, b: &Var) -> i32 {
    let first = |v: &Var| v.digits.first().copied().unwrap_or(0);
    rscale_from(a.weight, first(a).into(), a.dscale, b.weight, first(b).into(), b.dscale)
}

fn rscale_from(wa: i32, fa: u32, sa: i32, wb: i32, fb: u32, sb: i32) -> i32 {
    let mut qweight = wa - wb;
    if fa <= fb {
        qweight -= 1;
    }
    (math::MIN_SIG_DIGITS - qweight * var::DEC_DIGITS).max(sa).max(sb).clamp(0, math::MAX_DISPLAY_SCALE)
}

/// Base-10 000 weight and first digit of a coefficient at a scale.
fn leading(coef: u128, scale: u16) -> (i32, u32) {
    if coef == 0 {
        return (0, 0);
    }
    let len = coef.ilog10() as i32 + 1;
    let int_digits = len - i32::from(scale);
    let weight = (int_digits - 1).div_euclid(4);
    // Decimal digits in the first group.
    let in_first = int_digits - weight * 4;
    let first = if len >= in_first {
        coef / 10u128.pow((len - in_first) as u32)
    } else {
        coef * 10u128.pow((in_first - len) as u32)
    };
    (weight, first as u32)
}

/// Quotient of small values when the scaled dividend fits i128.
fn div_small(a: i128, sa: u16, b: i128, sb: u16) -> Option<Numeric> {
    let (wa, fa) = leading(a.unsigned_abs(), sa);
    let (wb, fb) = leading(b.unsigned_abs(), sb);
    let rscale = rscale_from(wa, fa, sa.into(), wb, fb, sb.into());
    let shift = rscale + i32::from(sb) - i32::from(sa);
    let (n, d) =
        if shift >= 0 { (a.checked_mul(pow10(shift as u32)?)?, b) } else { (a, b.checked_mul(pow10(-shift as u32)?)?) };
    // 64-bit division is several times faster and covers most averages and ratios.
    let (mut q, r) = match (i64::try_from(n), i64::try_from(d)) {
        (Ok(n), Ok(d)) => (i128::from(n.checked_div(d)?), i128::from(n.checked_rem(d)?)),
        _ => (n / d, n % d),
    };
    if r.unsigned_abs() >= d.unsigned_abs() - r.unsigned_abs() {
        q += if (n < 0) == (d < 0) { 1 } else { -1 };
    }
    (q.unsigned_abs() < POW10_38).then(|| Numeric::small_unchecked(q, rscale as u16))
}

macro_rules! from_int {
    ($($t:ty),*) => {$(
        impl From<$t> for Numeric {
            fn from(v: $t) -> Numeric {
                Numeric::small_unchecked(v.into(), 0)
            }
        }
    )*};
}
from_int!(i16, i32, i64, u32, u64);

impl Numeric {
    /// A double with 15 significant digits, as PostgreSQL's cast gives it.
    pub fn from_f64(v: f64) -> Result<Numeric> {
        Numeric::from_float_text(v, |v| format!("{v:.14e}"))
    }

    /// A single-precision float with 6 significant digits, as PostgreSQL's cast gives it.
    pub fn from_f32(v: f32) -> Result<Numeric> {
        Numeric::from_float_text(v.into(), |_| format!("{v:.5e}"))
    }

    fn from_float_text(v: f64, text: impl FnOnce(f64) -> String) -> Result<Numeric> {
        if v.is_nan() {
            return Ok(Numeric::NAN);
        }
        if v.is_infinite() {
            return Ok(if v > 0.0 { Numeric::INFINITY } else { Numeric::NEG_INFINITY });
        }
        let t = text(v);
        let (mantissa, exp) = t.split_once('e').unwrap_or((&t, "0"));
        let mantissa =
            if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
        let n = format!("{mantissa}e{exp}").parse::<Numeric>()?;
        Ok(n)
    }

    /// To double: correctly rounded; 22003 when it overflows or underflows.
    pub fn to_f64(&self) -> Result<f64> {
        match &self.0 {
            Repr::NaN => return Ok(f64::NAN),
            Repr::PosInf => return Ok(f64::INFINITY),
            Repr::NegInf => return Ok(f64::NEG_INFINITY),
            _ => {}
        }
        if let Some((c, s)) = self.as_small()
            && c.unsigned_abs() < 1 << 53
            && s <= 22
        {
            // Both operands are exact doubles, so one division rounds once.
            return Ok(c as f64 / 10f64.powi(s.into()));
        }
        let text = self.to_string();
        let v: f64 = text.parse().map_err(|_| DbError::internal("numeric text is not a float"))?;
        if v.is_infinite() || (v == 0.0 && !self.is_zero()) {
            return Err(DbError::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("\"{text}\" is out of range for type double precision"),
            ));
        }
        Ok(v)
    }

    /// To double for estimates: infinite beyond the range, zero below it.
    pub fn to_f64_lossy(&self) -> f64 {
        match &self.0 {
            Repr::NaN => f64::NAN,
            Repr::PosInf => f64::INFINITY,
            Repr::NegInf => f64::NEG_INFINITY,
            _ => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// To single precision: correctly rounded; 22003 when it overflows or underflows.
    pub fn to_f32(&self) -> Result<f32> {
        match &self.0 {
            Repr::NaN => return Ok(f32::NAN),
            Repr::PosInf => return Ok(f32::INFINITY),
            Repr::NegInf => return Ok(f32::NEG_INFINITY),
            _ => {}
        }
        let text = self.to_string();
        let v: f32 = text.parse().map_err(|_| DbError::internal("numeric text is not a float"))?;
        if v.is_infinite() || (v == 0.0 && !self.is_zero()) {
            return Err(DbError::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("\"{text}\" is out of range for type real"),
            ));
        }
        Ok(v)
    }

    /// Rounded to the nearest integer, half away from zero; 22003 with `range_error` beyond i64, 0A000 for NaN and the
    /// infinities, which name `type_name`.
    fn to_int(&self, type_name: &str, range_error: &'static str) -> Result<i64> {
        match &self.0 {
            Repr::NaN => return Err(DbError::unsupported(format!("cannot convert NaN to {type_name}"))),
            Repr::PosInf | Repr::NegInf => {
                return Err(DbError::unsupported(format!("cannot convert infinity to {type_name}")));
            }
            _ => {}
        }
        let r = self.rescale(0, true)?;
        r.as_small().and_then(|(c, _)| i64::try_from(c).ok()).ok_or_else(|| out_of_range(range_error))
    }

    /// To bigint.
    pub fn to_i64(&self) -> Result<i64> {
        self.to_int("bigint", "bigint out of range")
    }

    /// To integer.
    pub fn to_i32(&self) -> Result<i32> {
        let v = self.to_int("integer", "integer out of range")?;
        i32::try_from(v).map_err(|_| out_of_range("integer out of range"))
    }

    /// To smallint.
    pub fn to_i16(&self) -> Result<i16> {
        let v = self.to_int("smallint", "smallint out of range")?;
        i16::try_from(v).map_err(|_| out_of_range("smallint out of range"))
    }
}

impl Default for Numeric {
    fn default() -> Self {
        Numeric::ZERO
    }
}

impl PartialEq for Numeric {
    fn eq(&self, o: &Numeric) -> bool {
        self.cmp(o) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, o: &Numeric) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}

impl Ord for Numeric {
    fn cmp(&self, o: &Numeric) -> Ordering {
        if let (Some((a, sa)), Some((b, sb))) = (self.as_small(), o.as_small()) {
            if let Some((a, b, _)) = align(a, sa, b, sb) {
                return a.cmp(&b);
            }
            if a.signum() != b.signum() {
                return a.cmp(&b);
            }
        }
        let class = |n: &Numeric| match n.0 {
            Repr::NegInf => 0,
            Repr::Small { .. } | Repr::Big(_) => 1,
            Repr::PosInf => 2,
            Repr::NaN => 3,
        };
        class(self).cmp(&class(o)).then_with(|| match (self.to_var(), o.to_var()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => Ordering::Equal,
        })
    }
}

impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // A value's hash is over its sign, its significant decimal digits and their exponent, whatever its form.
        if let Some((mut c, scale)) = self.as_small() {
            let mut exp = -i32::from(scale);
            if c == 0 {
                exp = 0;
            } else {
                while c % 10 == 0 {
                    c /= 10;
                    exp += 1;
                }
            }
            (1u8, c, exp).hash(state);
            return;
        }
        match &self.0 {
            Repr::Big(v) => {
                // Cut the trailing zeros; what then fits is hashed as the small form would be.
                let mut v = (**v).clone();
                let mut exp = 0;
                if let Some(&last) = v.digits.last() {
                    let zeros = (0..4).take_while(|&k| last.is_multiple_of(10u16.pow(k + 1))).count() as i32;
                    exp = (v.weight - v.digits.len() as i32 + 1) * var::DEC_DIGITS + zeros;
                    let shift = exp.rem_euclid(4);
                    v.weight -= (exp - shift) / 4;
                    let p = Var::from_i128(1, shift);
                    v = v.mul(&p);
                    v.dscale = 0;
                }
                match v.to_coef() {
                    Some(c) => (1u8, c, exp).hash(state),
                    None => (2u8, v.neg, v.digits, exp).hash(state),
                }
            }
            Repr::NaN => 3u8.hash(state),
            Repr::PosInf => 4u8.hash(state),
            _ => 5u8.hash(state),
        }
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
