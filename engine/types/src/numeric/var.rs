//! Decimal arithmetic of any size, in base 10 000.
//!
//! A [`Var`] is sign, `weight` (power of 10 000 of the first digit), base-10 000 digits without leading or trailing zero
//! digits, and `dscale`, the decimal digits shown after the point. The base is PostgreSQL's because its result scales
//! (of quotients, roots and logarithms) are defined by it and must agree digit for digit. Zero has no digits and is
//! never negative. Nothing here checks PostgreSQL's range; [`super::Numeric`] does when it takes a result.

use std::cmp::Ordering;

pub(crate) const NBASE: u32 = 10_000;
pub(crate) const DEC_DIGITS: i32 = 4;
const POW4: [u16; 5] = [1, 10, 100, 1000, 10_000];

/// Finite decimal of any size.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Var {
    pub neg: bool,
    pub weight: i32,
    pub dscale: i32,
    pub digits: Vec<u16>,
}

impl Var {
    pub fn zero(dscale: i32) -> Var {
        Var { dscale, ..Var::default() }
    }

    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// `coef × 10^-scale`.
    pub fn from_i128(coef: i128, scale: i32) -> Var {
        let mut u = coef.unsigned_abs();
        let mut digits = Vec::with_capacity(11);
        let rem = scale.rem_euclid(DEC_DIGITS) as usize;
        if rem > 0 {
            let p = u128::from(POW4[rem]);
            digits.push((u % p) as u16 * POW4[4 - rem]);
            u /= p;
        }
        while u > u128::from(u64::MAX) {
            digits.push((u % 10_000) as u16);
            u /= 10_000;
        }
        let mut v = u as u64;
        while v > 0 {
            digits.push((v % 10_000) as u16);
            v /= 10_000;
        }
        let lowest = -((scale + DEC_DIGITS - 1).div_euclid(DEC_DIGITS));
        let weight = lowest + digits.len() as i32 - 1;
        digits.reverse();
        let mut r = Var { neg: coef < 0, weight, dscale: scale.max(0), digits };
        r.strip();
        r
    }

    pub fn from_i64(v: i64) -> Var {
        Var::from_i128(v.into(), 0)
    }

    /// The coefficient at `dscale`, when it has at most 38 digits.
    pub fn to_coef(&self) -> Option<i128> {
        if self.is_zero() {
            return Some(0);
        }
        let groups = self.dscale.div_euclid(DEC_DIGITS); // whole groups after the point
        let rem = self.dscale.rem_euclid(DEC_DIGITS) as usize;
        let n = self.weight + 1 + groups;
        if !(-1..=10).contains(&n) {
            return None;
        }
        let digit = |i: i32| self.digits.get(i as usize).copied().unwrap_or(0);
        let mut acc: u128 = 0;
        for i in 0..n.max(0) {
            acc = acc.checked_mul(10_000)?.checked_add(digit(i).into())?;
        }
        if rem > 0 {
            // n is -1 only when all the digits lie beyond dscale, which a rounded value excludes.
            let d = if n >= 0 { digit(n) } else { 0 };
            acc = acc.checked_mul(POW4[rem].into())?.checked_add((d / POW4[4 - rem]).into())?;
        }
        if acc >= super::POW10_38 {
            return None;
        }
        let v = acc as i128;
        Some(if self.neg { -v } else { v })
    }

    /// Restores the invariants: no zero digits at either end, zero is positive.
    pub fn strip(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        let lead = self.digits.iter().take_while(|&&d| d == 0).count();
        if lead > 0 {
            self.digits.drain(..lead);
            self.weight -= lead as i32;
        }
        if self.digits.is_empty() {
            self.weight = 0;
            self.neg = false;
        }
    }

    /// Power of 10 000 of the digit past the last one stored, plus one: the exponent of the last digit.
    fn lowest(&self) -> i32 {
        self.weight - self.digits.len() as i32 + 1
    }

    pub fn cmp_abs(&self, o: &Var) -> Ordering {
        match (self.is_zero(), o.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        // Without leading or trailing zero digits, lexicographic order of the digits is the order of the fractions.
        self.weight.cmp(&o.weight).then_with(|| self.digits.cmp(&o.digits))
    }

    pub fn cmp(&self, o: &Var) -> Ordering {
        match (self.neg, o.neg) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.cmp_abs(o),
            (true, true) => o.cmp_abs(self),
        }
    }

    fn add_abs(a: &Var, b: &Var) -> Var {
        let low = match (a.is_zero(), b.is_zero()) {
            (true, _) => return b.clone(),
            (_, true) => return a.clone(),
            _ => a.lowest().min(b.lowest()),
        };
        let high = a.weight.max(b.weight) + 1;
        let mut acc = vec![0u16; (high - low + 1) as usize];
        for (i, &d) in a.digits.iter().enumerate() {
            acc[(high - a.weight) as usize + i] = d;
        }
        for (i, &d) in b.digits.iter().enumerate() {
            acc[(high - b.weight) as usize + i] += d;
        }
        for i in (1..acc.len()).rev() {
            if acc[i] >= NBASE as u16 {
                acc[i] -= NBASE as u16;
                acc[i - 1] += 1;
            }
        }
        let mut r = Var { neg: false, weight: high, dscale: 0, digits: acc };
        r.strip();
        r
    }

    /// `|a| - |b|` for `|a| >= |b|`.
    fn sub_abs(a: &Var, b: &Var) -> Var {
        if b.is_zero() {
            return a.clone();
        }
        let low = a.lowest().min(b.lowest());
        let high = a.weight;
        let mut acc = vec![0i32; (high - low + 1) as usize];
        for (i, &d) in a.digits.iter().enumerate() {
            acc[i] = d.into();
        }
        for (i, &d) in b.digits.iter().enumerate() {
            acc[(high - b.weight) as usize + i] -= i32::from(d);
        }
        for i in (1..acc.len()).rev() {
            if acc[i] < 0 {
                acc[i] += NBASE as i32;
                acc[i - 1] -= 1;
            }
        }
        let mut r = Var { neg: false, weight: high, dscale: 0, digits: acc.into_iter().map(|d| d as u16).collect() };
        r.strip();
        r
    }

    fn add_signed(a: &Var, b: &Var, b_neg: bool) -> Var {
        let mut r = if a.neg == b_neg {
            let mut r = Var::add_abs(a, b);
            r.neg = a.neg;
            r
        } else {
            match a.cmp_abs(b) {
                Ordering::Equal => Var::zero(0),
                Ordering::Greater => {
                    let mut r = Var::sub_abs(a, b);
                    r.neg = a.neg;
                    r
                }
                Ordering::Less => {
                    let mut r = Var::sub_abs(b, a);
                    r.neg = b_neg;
                    r
                }
            }
        };
        if r.is_zero() {
            r.neg = false;
        }
        r.dscale = a.dscale.max(b.dscale);
        r
    }

    pub fn add(&self, o: &Var) -> Var {
        Var::add_signed(self, o, o.neg)
    }

    pub fn sub(&self, o: &Var) -> Var {
        Var::add_signed(self, o, !o.neg && !o.is_zero())
    }

    pub fn negate(&mut self) {
        self.neg = !self.neg && !self.is_zero();
    }

    pub fn abs(mut self) -> Var {
        self.neg = false;
        self
    }

    /// The exact product.
    pub fn mul(&self, o: &Var) -> Var {
        let dscale = self.dscale + o.dscale;
        if self.is_zero() || o.is_zero() {
            return Var::zero(dscale);
        }
        let (a, b) = (&self.digits, &o.digits);
        let mut acc = vec![0u64; a.len() + b.len()];
        for (i, &x) in a.iter().enumerate() {
            if x == 0 {
                continue;
            }
            let x = u64::from(x);
            for (slot, &y) in acc[i + 1..].iter_mut().zip(b.iter()) {
                *slot += x * u64::from(y);
            }
        }
        let mut carry = 0u64;
        let mut digits = vec![0u16; acc.len()];
        for i in (0..acc.len()).rev() {
            let v = acc[i] + carry;
            digits[i] = (v % u64::from(NBASE)) as u16;
            carry = v / u64::from(NBASE);
        }
        let mut r = Var { neg: self.neg != o.neg, weight: self.weight + o.weight + 1, dscale, digits };
        r.strip();
        r
    }

    /// The product rounded to `rscale` decimal digits.
    pub fn mul_round(&self, o: &Var, rscale: i32) -> Var {
        let mut r = self.mul(o);
        r.round(rscale);
        r
    }

    /// The quotient with `rscale` decimal digits, rounded half away from zero or truncated. The divisor is not zero.
    pub fn div(&self, o: &Var, rscale: i32, round: bool) -> Var {
        debug_assert!(!o.is_zero());
        if self.is_zero() {
            return Var::zero(rscale);
        }
        // Append k zero digits so that the integer quotient reaches one digit beyond rscale.
        let frac_groups = (rscale + DEC_DIGITS - 1).div_euclid(DEC_DIGITS);
        let k = (self.lowest() - o.lowest() + frac_groups + 1).max(0);
        let mut num: Vec<u16> = Vec::with_capacity(self.digits.len() + k as usize + 1);
        num.extend_from_slice(&self.digits);
        num.resize(self.digits.len() + k as usize, 0);
        let q = div_digits(num, &o.digits);
        let low = self.lowest() - k - o.lowest();
        let mut r = Var { neg: self.neg != o.neg, weight: low + q.len() as i32 - 1, dscale: rscale, digits: q };
        r.strip();
        if round {
            r.round(rscale)
        } else {
            r.trunc(rscale)
        }
        r
    }

    /// Decimal digits kept when rounding to `rscale`, counted from the first digit group; `None` if nothing is cut.
    fn kept(&self, rscale: i32) -> Option<i64> {
        let di = (i64::from(self.weight) + 1) * i64::from(DEC_DIGITS) + i64::from(rscale);
        (di < self.digits.len() as i64 * i64::from(DEC_DIGITS)).then_some(di)
    }

    /// Rounds half away from zero to `rscale` decimal digits (which may be negative) and sets `dscale` to it.
    pub fn round(&mut self, rscale: i32) {
        self.dscale = rscale;
        let Some(di) = self.kept(rscale) else { return };
        if di < 0 {
            *self = Var::zero(rscale);
            return;
        }
        let idx = (di / i64::from(DEC_DIGITS)) as usize;
        let rem = (di % i64::from(DEC_DIGITS)) as usize;
        let cut = POW4[4 - rem];
        let d = self.digits[idx];
        let extra = d % cut;
        let up = extra >= cut / 2;
        if rem == 0 {
            self.digits.truncate(idx);
            if up {
                self.bump(idx);
            }
        } else {
            self.digits.truncate(idx + 1);
            self.digits[idx] = d - extra;
            if up {
                self.digits[idx] += cut;
                if self.digits[idx] >= NBASE as u16 {
                    self.digits[idx] -= NBASE as u16;
                    self.bump(idx);
                }
            }
        }
        self.strip();
    }

    /// Adds one unit to the digit before index `idx`, carrying as needed.
    fn bump(&mut self, idx: usize) {
        for i in (0..idx).rev() {
            if self.digits[i] == NBASE as u16 - 1 {
                self.digits[i] = 0;
            } else {
                self.digits[i] += 1;
                return;
            }
        }
        self.digits.insert(0, 1);
        self.weight += 1;
    }

    /// Cuts to `rscale` decimal digits (which may be negative) and sets `dscale` to it.
    pub fn trunc(&mut self, rscale: i32) {
        self.dscale = rscale;
        let Some(di) = self.kept(rscale) else { return };
        if di <= 0 {
            *self = Var::zero(rscale);
            return;
        }
        let idx = (di / i64::from(DEC_DIGITS)) as usize;
        let rem = (di % i64::from(DEC_DIGITS)) as usize;
        if rem == 0 {
            self.digits.truncate(idx);
        } else {
            self.digits.truncate(idx + 1);
            self.digits[idx] -= self.digits[idx] % POW4[4 - rem];
        }
        self.strip();
    }

    /// Whether there is nothing after the point.
    pub fn is_integral(&self) -> bool {
        self.is_zero() || self.digits.len() as i32 <= self.weight + 1
    }

    /// The value as i64 when integral and in range.
    pub fn to_i64_exact(&self) -> Option<i64> {
        if !self.is_integral() || self.weight > 4 {
            return None;
        }
        let mut acc: i128 = 0;
        for i in 0..=self.weight.max(-1) {
            acc = acc * 10_000 + i128::from(self.digits.get(i as usize).copied().unwrap_or(0));
        }
        i64::try_from(if self.neg { -acc } else { acc }).ok()
    }

    /// Decimal digits before the point of the absolute value, without leading zeros; zero or negative below one
    /// (`0.001` has -2).
    pub fn int_digits(&self) -> i64 {
        match self.digits.first() {
            None => 0,
            Some(&d) => i64::from(self.weight) * i64::from(DEC_DIGITS) + i64::from(dec_len(d)),
        }
    }

    /// Decimal digits after the point down to the last one that is not zero.
    pub fn min_scale(&self) -> i32 {
        let Some(&last) = self.digits.last() else { return 0 };
        let scale = -self.lowest() * DEC_DIGITS;
        if scale <= 0 {
            return 0;
        }
        let mut d = last;
        let mut s = scale;
        while d.is_multiple_of(10) {
            d /= 10;
            s -= 1;
        }
        s.max(0)
    }

    /// Approximation that is never off by more than a few units in the last place; infinite when out of range.
    pub fn to_f64_approx(&self) -> f64 {
        let mut m = 0f64;
        for &d in self.digits.iter().take(5) {
            m = m * 10_000.0 + f64::from(d);
        }
        let exp = (self.weight - self.digits.len().min(5) as i32 + 1) * DEC_DIGITS;
        let v = if exp < -300 { m * 10f64.powi(-300) * 10f64.powi((exp + 300).max(-400)) } else { m * 10f64.powi(exp) };
        if self.neg { -v } else { v }
    }

    /// Appends the decimal text.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.neg {
            out.push(b'-');
        }
        if self.weight < 0 || self.is_zero() {
            out.push(b'0');
        } else {
            let mut buf = itoa::Buffer::new();
            out.extend_from_slice(buf.format(self.digits[0]).as_bytes());
            for i in 1..=self.weight {
                push4(out, self.digits.get(i as usize).copied().unwrap_or(0));
            }
        }
        if self.dscale > 0 {
            out.push(b'.');
            let end = out.len() + self.dscale as usize;
            let mut w = -1;
            while out.len() < end {
                let i = self.weight - w;
                let d = if self.is_zero() || i < 0 { 0 } else { self.digits.get(i as usize).copied().unwrap_or(0) };
                push4(out, d);
                w -= 1;
            }
            out.truncate(end);
        }
    }
}

/// Decimal digits of one base-10 000 digit.
pub(crate) fn dec_len(d: u16) -> i32 {
    match d {
        0 => 0,
        1..=9 => 1,
        10..=99 => 2,
        100..=999 => 3,
        _ => 4,
    }
}

fn push4(out: &mut Vec<u8>, d: u16) {
    out.extend_from_slice(&[
        b'0' + (d / 1000) as u8,
        b'0' + (d / 100 % 10) as u8,
        b'0' + (d / 10 % 10) as u8,
        b'0' + (d % 10) as u8,
    ]);
}

/// Integer quotient of two digit strings (most significant first); the divisor's first digit is not zero.
/// Schoolbook long division (Knuth, algorithm D) in base 10 000.
fn div_digits(num: Vec<u16>, den: &[u16]) -> Vec<u16> {
    let base = u64::from(NBASE);
    if den.len() <= 3 {
        // The divisor fits 40 bits: the running remainder times the base fits u64.
        let d = den.iter().fold(0u64, |a, &x| a * base + u64::from(x));
        let mut rem = 0u64;
        let mut q = num;
        for slot in &mut q {
            let cur = rem * base + u64::from(*slot);
            *slot = (cur / d) as u16;
            rem = cur % d;
        }
        return q;
    }
    if num.len() < den.len() {
        return Vec::new();
    }
    let n = den.len();
    let m = num.len() - n;
    let norm = NBASE as u64 / (u64::from(den[0]) + 1);
    let scale = |src: &[u16], out: &mut [u32]| {
        let mut carry = 0u64;
        let lead = out.len() - src.len();
        for i in (0..src.len()).rev() {
            let v = u64::from(src[i]) * norm + carry;
            out[lead + i] = (v % base) as u32;
            carry = v / base;
        }
        if lead > 0 {
            out[lead - 1] = carry as u32;
        }
    };
    let mut u = vec![0u32; num.len() + 1];
    scale(&num, &mut u);
    let mut v = vec![0u32; n];
    scale(den, &mut v);
    let mut q = vec![0u16; m + 1];
    let (v0, v1) = (u64::from(v[0]), u64::from(v[1]));
    for j in 0..=m {
        let top = u64::from(u[j]) * base + u64::from(u[j + 1]);
        let mut qhat = (top / v0).min(base - 1);
        let mut rhat = top - qhat * v0;
        while rhat < base && qhat * v1 > rhat * base + u64::from(u[j + 2]) {
            qhat -= 1;
            rhat += v0;
        }
        if qhat == 0 {
            continue;
        }
        let mut borrow = 0i64;
        for i in (0..n).rev() {
            let t = i64::from(u[j + 1 + i]) - (qhat * u64::from(v[i])) as i64 - borrow;
            let r = t.rem_euclid(base as i64);
            u[j + 1 + i] = r as u32;
            borrow = (r - t) / base as i64;
        }
        let t = i64::from(u[j]) - borrow;
        if t < 0 {
            // qhat was one too large: add the divisor back.
            qhat -= 1;
            let mut carry = 0u32;
            for i in (0..n).rev() {
                let s = u[j + 1 + i] + v[i] + carry;
                u[j + 1 + i] = s % NBASE;
                carry = s / NBASE;
            }
            u[j] = 0;
        } else {
            u[j] = t as u32;
        }
        q[j] = qhat as u16;
    }
    q
}
