//! Reading intervals: PostgreSQL's and SQL's notations, and both ISO 8601 forms.
//!
//! The fields of the ordinary notations are read from right to left, so that a unit is known before its number.
//! Fractions flow down (a fractional month becomes days, a fractional day microseconds) and never up.

use super::lex::{Fault, Field, Kind, decode_time, fraction, leading_i64, leading_int, split};
use super::{USECS_PER_DAY, USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC, interval_out_of_range, round_usecs};
use crate::ctx::IntervalStyle;
use crate::datum::Interval;
use rustydb_base::{DbError, Result, SqlState};

type Parsed<T> = std::result::Result<T, Fault>;

/// Bits of an interval type modifier's range, as PostgreSQL numbers them.
pub mod range {
    /// MONTH.
    pub const MONTH: i32 = 1 << 1;
    /// YEAR.
    pub const YEAR: i32 = 1 << 2;
    /// DAY.
    pub const DAY: i32 = 1 << 3;
    /// HOUR.
    pub const HOUR: i32 = 1 << 10;
    /// MINUTE.
    pub const MINUTE: i32 = 1 << 11;
    /// SECOND.
    pub const SECOND: i32 = 1 << 12;
    /// No restriction.
    pub const FULL: i32 = 0x7fff;
}

/// Precision of an interval type modifier without one.
pub const FULL_PRECISION: i32 = 0xffff;

/// Range and precision of an interval type modifier.
pub fn typmod_parts(typmod: i32) -> (i32, i32) {
    if typmod < 0 { (range::FULL, FULL_PRECISION) } else { ((typmod >> 16) & 0x7fff, typmod & 0xffff) }
}

/// Refuses a modifier that no interval type has.
pub fn check_typmod(typmod: i32) -> Result<()> {
    use range::*;
    let (r, precision) = typmod_parts(typmod);
    let known = [
        FULL,
        YEAR,
        MONTH,
        YEAR | MONTH,
        DAY,
        HOUR,
        DAY | HOUR,
        MINUTE,
        HOUR | MINUTE,
        DAY | HOUR | MINUTE,
        SECOND,
        MINUTE | SECOND,
        HOUR | MINUTE | SECOND,
        DAY | HOUR | MINUTE | SECOND,
    ];
    if typmod >= 0 && !known.contains(&r) {
        return Err(DbError::internal(format!("unrecognized interval typmod: {typmod}")));
    }
    if precision != FULL_PRECISION && !(0..=6).contains(&precision) {
        return Err(DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("interval({precision}) precision must be between 0 and 6"),
        ));
    }
    Ok(())
}

/// The type modifier of a range and precision.
pub fn make_typmod(range: i32, precision: i32) -> i32 {
    ((range & 0x7fff) << 16) | (precision & 0xffff)
}

/// A unit of time, as intervals and `extract` name them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
}

/// A unit's name in lower case, singular, plural or abbreviated.
pub fn unit(w: &str) -> Option<Unit> {
    // PostgreSQL compares the first ten characters only.
    let w = w.get(..10).unwrap_or(w);
    Some(match w {
        "c" | "cent" | "centuries" | "century" => Unit::Century,
        "d" | "day" | "days" => Unit::Day,
        "dec" | "decade" | "decades" | "decs" => Unit::Decade,
        "h" | "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "microsecon" | "us" | "usec" | "usecond" | "useconds" | "usecs" => Unit::Microsecond,
        "mil" | "millennia" | "millennium" | "mils" => Unit::Millennium,
        "millisecon" | "ms" | "msec" | "msecond" | "mseconds" | "msecs" => Unit::Millisecond,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "qtr" | "quarter" => Unit::Quarter,
        "s" | "sec" | "second" | "seconds" | "secs" => Unit::Second,
        "w" | "week" | "weeks" => Unit::Week,
        "y" | "year" | "years" | "yr" | "yrs" => Unit::Year,
        _ => return None,
    })
}

/// Bits of what has been found.
fn bit(u: Unit) -> u32 {
    1 << u as u32
}

const ALL_SECS: u32 = 1 << Unit::Second as u32 | 1 << Unit::Millisecond as u32 | 1 << Unit::Microsecond as u32;
const TIME: u32 = 1 << Unit::Hour as u32 | 1 << Unit::Minute as u32 | ALL_SECS;

/// Parts gathered so far.
#[derive(Default)]
struct Parts {
    years: i32,
    months: i32,
    days: i32,
    usecs: i64,
}

impl Parts {
    fn add_usecs(&mut self, val: i64, frac: f64, scale: i64) -> Parsed<()> {
        let add = val.checked_mul(scale).ok_or(Fault::FieldOverflow)?;
        self.usecs = self.usecs.checked_add(add).ok_or(Fault::FieldOverflow)?;
        self.add_frac_usecs(frac, scale)
    }

    fn add_frac_usecs(&mut self, frac: f64, scale: i64) -> Parsed<()> {
        if frac == 0.0 {
            return Ok(());
        }
        let f = frac * scale as f64;
        let mut us = f as i64;
        let rest = f - us as f64;
        if rest > 0.5 {
            us += 1;
        } else if rest < -0.5 {
            us -= 1;
        }
        self.usecs = self.usecs.checked_add(us).ok_or(Fault::FieldOverflow)?;
        Ok(())
    }

    fn add_days(&mut self, val: i64, scale: i64) -> Parsed<()> {
        self.days = add_scaled(self.days, val, scale)?;
        Ok(())
    }

    fn add_frac_days(&mut self, frac: f64, scale: i32) -> Parsed<()> {
        if frac == 0.0 {
            return Ok(());
        }
        let f = frac * f64::from(scale);
        let whole = f as i32;
        self.days = self.days.checked_add(whole).ok_or(Fault::FieldOverflow)?;
        self.add_frac_usecs(f - f64::from(whole), USECS_PER_DAY)
    }

    fn add_months(&mut self, val: i64) -> Parsed<()> {
        self.months = add_scaled(self.months, val, 1)?;
        Ok(())
    }

    fn add_years(&mut self, val: i64, frac: f64, scale: i64) -> Parsed<()> {
        self.years = add_scaled(self.years, val, scale)?;
        let months = (frac * scale as f64 * 12.0).round_ties_even() as i32;
        self.months = self.months.checked_add(months).ok_or(Fault::FieldOverflow)?;
        Ok(())
    }

    fn negate(&mut self) -> Parsed<()> {
        let neg = |v: i32| v.checked_neg().ok_or(Fault::FieldOverflow);
        (self.years, self.months, self.days) = (neg(self.years)?, neg(self.months)?, neg(self.days)?);
        self.usecs = self.usecs.checked_neg().ok_or(Fault::FieldOverflow)?;
        Ok(())
    }
}

fn add_scaled(have: i32, val: i64, scale: i64) -> Parsed<i32> {
    val.checked_mul(scale)
        .and_then(|v| i32::try_from(v).ok())
        .and_then(|v| have.checked_add(v))
        .ok_or(Fault::FieldOverflow)
}

/// Unit of a number without one, from the type's range.
fn default_unit(r: i32) -> Unit {
    use range::*;
    if r == YEAR {
        Unit::Year
    } else if r == MONTH || r == YEAR | MONTH {
        Unit::Month
    } else if r == DAY {
        Unit::Day
    } else if r == HOUR || r == DAY | HOUR {
        Unit::Hour
    } else if r == MINUTE || r == HOUR | MINUTE || r == DAY | HOUR | MINUTE {
        Unit::Minute
    } else {
        Unit::Second
    }
}

fn time_usecs(s: &str, minute_second: bool) -> Parsed<i64> {
    let (h, m, s, us) = decode_time(s, minute_second)?;
    h.checked_mul(USECS_PER_HOUR)
        .and_then(|v| v.checked_add(i64::from(m) * USECS_PER_MINUTE))
        .and_then(|v| v.checked_add(i64::from(s) * USECS_PER_SEC + i64::from(us)))
        .ok_or(Fault::FieldOverflow)
}

fn decode(fields: &[Field], r: i32, style: IntervalStyle) -> Parsed<Parts> {
    let mut p = Parts::default();
    let mut mask = 0;
    let mut before = false;
    let mut unit_now: Option<Unit> = None;
    let minute_second = r == range::MINUTE | range::SECOND;
    let signed = |f: &Field| f.text.starts_with(['-', '+']);
    // One leading minus of the SQL style covers all fields, unless another sign follows.
    let force_negative = style == IntervalStyle::SqlStandard
        && fields.first().is_some_and(|f| f.text.starts_with('-'))
        && !fields[1..].iter().any(signed);
    for f in fields.iter().rev() {
        let s = f.text.as_str();
        let negative = s.starts_with('-');
        let got;
        match f.kind {
            Kind::Word | Kind::Special => {
                match s {
                    "ago" => before = true,
                    _ => unit_now = Some(unit(s).filter(|&u| u != Unit::Quarter).ok_or(Fault::BadFormat)?),
                }
                continue;
            }
            Kind::Time => {
                let us = time_usecs(s, minute_second)?;
                p.usecs = p.usecs.checked_add(if force_negative { -us } else { us }).ok_or(Fault::FieldOverflow)?;
                got = TIME;
                unit_now = Some(Unit::Day);
            }
            Kind::Zone if s[1..].contains(':') && time_usecs(&s[1..], minute_second).is_ok() => {
                let us = time_usecs(&s[1..], minute_second)?;
                let us = if negative || force_negative { -us } else { us };
                p.usecs = p.usecs.checked_add(us).ok_or(Fault::FieldOverflow)?;
                got = TIME;
                unit_now = Some(Unit::Day);
            }
            Kind::Zone | Kind::Date | Kind::Number => {
                let mut u = unit_now.unwrap_or_else(|| default_unit(r));
                let (mut val, rest) = leading_i64(s)?;
                let mut frac = 0.0;
                if let Some(months) = rest.strip_prefix('-') {
                    let (m, rest) = leading_int(months)?;
                    if !(0..12).contains(&m) {
                        return Err(Fault::FieldOverflow);
                    }
                    if !rest.is_empty() {
                        return Err(Fault::BadFormat);
                    }
                    u = Unit::Month;
                    let m = i64::from(if negative { -m } else { m });
                    val = val.checked_mul(12).and_then(|v| v.checked_add(m)).ok_or(Fault::FieldOverflow)?;
                } else if rest.starts_with('.') {
                    frac = fraction(rest)?;
                    if negative {
                        frac = -frac;
                    }
                } else if !rest.is_empty() {
                    return Err(Fault::BadFormat);
                }
                if force_negative {
                    val = -val.abs();
                    frac = -frac.abs();
                }
                got = match u {
                    Unit::Second if frac != 0.0 => ALL_SECS,
                    u => bit(u),
                };
                match u {
                    Unit::Microsecond => p.add_usecs(val, frac, 1)?,
                    Unit::Millisecond => p.add_usecs(val, frac, 1000)?,
                    Unit::Second => p.add_usecs(val, frac, USECS_PER_SEC)?,
                    Unit::Minute => p.add_usecs(val, frac, USECS_PER_MINUTE)?,
                    Unit::Hour => {
                        p.add_usecs(val, frac, USECS_PER_HOUR)?;
                        u = Unit::Day;
                    }
                    Unit::Day => {
                        p.add_days(val, 1)?;
                        p.add_frac_usecs(frac, USECS_PER_DAY)?;
                    }
                    Unit::Week => {
                        p.add_days(val, 7)?;
                        p.add_frac_days(frac, 7)?;
                    }
                    Unit::Month => {
                        p.add_months(val)?;
                        p.add_frac_days(frac, 30)?;
                    }
                    Unit::Quarter => return Err(Fault::BadFormat),
                    Unit::Year => p.add_years(val, frac, 1)?,
                    Unit::Decade => p.add_years(val, frac, 10)?,
                    Unit::Century => p.add_years(val, frac, 100)?,
                    Unit::Millennium => p.add_years(val, frac, 1000)?,
                }
                unit_now = Some(u);
            }
        }
        if mask & got != 0 {
            return Err(Fault::BadFormat);
        }
        mask |= got;
    }
    if mask == 0 {
        return Err(Fault::BadFormat);
    }
    if before {
        p.negate()?;
    }
    Ok(p)
}

/// A number of the ISO forms: whole part, fraction with its sign, and the rest.
fn iso_number(s: &str) -> Parsed<(i64, f64, &str)> {
    const LARGEST: f64 = 1.0e15;
    if !s.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')) {
        return Err(Fault::BadFormat);
    }
    let b = s.as_bytes();
    let digits = |from: usize| b.iter().skip(from).take_while(|c| c.is_ascii_digit()).count();
    let sign = usize::from(s.starts_with('-'));
    let mut n = digits(sign);
    let mut end = sign + n;
    if b.get(end) == Some(&b'.') {
        let d = digits(end + 1);
        n += d;
        end += 1 + d;
    }
    if n == 0 {
        return Err(Fault::BadFormat);
    }
    if matches!(b.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(b.get(end + 1), Some(b'+' | b'-')));
        let d = digits(end + 1 + signed);
        if d > 0 {
            end += 1 + signed + d;
        }
    }
    let (number, rest) = s.split_at_checked(end).ok_or(Fault::BadFormat)?;
    // As far as a double is exact; what is beyond is refused.
    let val: f64 = number.parse().map_err(|_| Fault::BadFormat)?;
    if val.is_infinite() || val == 0.0 && number.bytes().any(|c| matches!(c, b'1'..=b'9')) && !zero_mantissa(number) {
        return Err(Fault::BadFormat);
    }
    if !(-LARGEST..=LARGEST).contains(&val) {
        return Err(Fault::FieldOverflow);
    }
    Ok((val.trunc() as i64, val.fract(), rest))
}

/// Whether a number's digits before its exponent are all zero.
fn zero_mantissa(number: &str) -> bool {
    number.bytes().take_while(|c| !matches!(c, b'e' | b'E')).all(|c| !matches!(c, b'1'..=b'9'))
}

fn iso_width(s: &str) -> usize {
    let s = s.strip_prefix('-').unwrap_or(s);
    s.bytes().take_while(u8::is_ascii_digit).count()
}

/// Date part of the alternative form after the years: `-mm-dd`. Returns the rest, which is empty or begins with `T`.
fn iso_alternative_date<'a>(p: &mut Parts, rest: &'a str) -> Parsed<&'a str> {
    let (m, frac, rest) = iso_number(rest)?;
    p.add_months(m)?;
    p.add_frac_days(frac, 30)?;
    if rest.is_empty() || rest.starts_with('T') {
        return Ok(rest);
    }
    let (d, frac, rest) = iso_number(rest.strip_prefix('-').ok_or(Fault::BadFormat)?)?;
    p.add_days(d, 1)?;
    p.add_frac_usecs(frac, USECS_PER_DAY)?;
    if rest.is_empty() || rest.starts_with('T') { Ok(rest) } else { Err(Fault::BadFormat) }
}

fn decode_iso(s: &str) -> Parsed<Parts> {
    let mut p = Parts::default();
    let mut rest = s.strip_prefix('P').filter(|r| !r.is_empty()).ok_or(Fault::BadFormat)?;
    let mut in_date = true;
    let mut have_field = false;
    while !rest.is_empty() {
        if let Some(r) = rest.strip_prefix('T') {
            in_date = false;
            have_field = false;
            rest = r;
            continue;
        }
        let start = rest;
        let (val, frac, after) = iso_number(rest)?;
        let u = after.bytes().next();
        rest = after.get(1..).unwrap_or("");
        match (in_date, u) {
            (true, Some(b'Y')) => p.add_years(val, frac, 1)?,
            (true, Some(b'M')) => {
                p.add_months(val)?;
                p.add_frac_days(frac, 30)?;
            }
            (true, Some(b'W')) => {
                p.add_days(val, 7)?;
                p.add_frac_days(frac, 7)?;
            }
            (true, Some(b'D')) => {
                p.add_days(val, 1)?;
                p.add_frac_usecs(frac, USECS_PER_DAY)?;
            }
            (true, None | Some(b'T')) if iso_width(start) == 8 && !have_field => {
                p.add_years(val / 10_000, 0.0, 1)?;
                p.add_months(val / 100 % 100)?;
                p.add_days(val % 100, 1)?;
                p.add_frac_usecs(frac, USECS_PER_DAY)?;
                in_date = false;
                continue;
            }
            (true, None | Some(b'T' | b'-')) => {
                if have_field {
                    return Err(Fault::BadFormat);
                }
                p.add_years(val, frac, 1)?;
                if u == Some(b'-') {
                    rest = iso_alternative_date(&mut p, rest)?;
                } else {
                    in_date = false;
                    continue;
                }
                continue;
            }
            (false, Some(b'H')) => p.add_usecs(val, frac, USECS_PER_HOUR)?,
            (false, Some(b'M')) => p.add_usecs(val, frac, USECS_PER_MINUTE)?,
            (false, Some(b'S')) => p.add_usecs(val, frac, USECS_PER_SEC)?,
            (false, None) if iso_width(start) == 6 && !have_field => {
                p.add_usecs(val / 10_000, 0.0, USECS_PER_HOUR)?;
                p.add_usecs(val / 100 % 100, 0.0, USECS_PER_MINUTE)?;
                p.add_usecs(val % 100, 0.0, USECS_PER_SEC)?;
                p.add_frac_usecs(frac, USECS_PER_SEC)?;
                return Ok(p);
            }
            (false, None | Some(b':')) => {
                if have_field {
                    return Err(Fault::BadFormat);
                }
                p.add_usecs(val, frac, USECS_PER_HOUR)?;
                if u.is_none() {
                    return Ok(p);
                }
                let (m, frac, after) = iso_number(rest)?;
                p.add_usecs(m, frac, USECS_PER_MINUTE)?;
                if after.is_empty() {
                    return Ok(p);
                }
                let (s, frac, after) = iso_number(after.strip_prefix(':').ok_or(Fault::BadFormat)?)?;
                p.add_usecs(s, frac, USECS_PER_SEC)?;
                return if after.is_empty() { Ok(p) } else { Err(Fault::BadFormat) };
            }
            _ => return Err(Fault::BadFormat),
        }
        have_field = true;
    }
    Ok(p)
}

/// Reads an interval and applies its type modifier.
pub fn interval_in(style: IntervalStyle, s: &str, typmod: i32) -> Result<Interval> {
    let (r, _) = typmod_parts(typmod);
    let parts = split(s).and_then(|f| decode(&f, r, style)).or_else(|f| match f {
        Fault::BadFormat if s.is_ascii() => decode_iso(s),
        f => Err(f),
    });
    let p = parts.map_err(|f| match f {
        Fault::FieldOverflow => Fault::IntervalOverflow.error(s, "interval"),
        f => f.error(s, "interval"),
    })?;
    let months = i64::from(p.years) * 12 + i64::from(p.months);
    let months = i32::try_from(months).map_err(|_| interval_out_of_range())?;
    Ok(apply_typmod(Interval { months, days: p.days, micros: p.usecs }, typmod))
}

/// Cuts an interval to its type's range and rounds it to the type's precision.
pub fn apply_typmod(mut v: Interval, typmod: i32) -> Interval {
    use range::*;
    if typmod < 0 {
        return v;
    }
    let (r, precision) = typmod_parts(typmod);
    if r == YEAR {
        v.months = v.months / 12 * 12;
        v.days = 0;
        v.micros = 0;
    } else if r == MONTH || r == YEAR | MONTH {
        v.days = 0;
        v.micros = 0;
    } else if r == DAY {
        v.micros = 0;
    } else if r == HOUR || r == DAY | HOUR {
        v.micros = v.micros / USECS_PER_HOUR * USECS_PER_HOUR;
    } else if r == MINUTE || r == HOUR | MINUTE || r == DAY | HOUR | MINUTE {
        v.micros = v.micros / USECS_PER_MINUTE * USECS_PER_MINUTE;
    }
    if precision != FULL_PRECISION {
        v.micros = round_usecs(v.micros, precision);
    }
    v
}
