//! Interval arithmetic. Months, days and microseconds stay apart; they meet only in comparisons, where a month counts
//! 30 days and a day 24 hours, and where a function says so (`justify_*`).

use super::{
    Civil, USECS_PER_DAY, USECS_PER_SEC, civil_from_timestamp, days_in_month, interval_out_of_range, is_infinite,
    is_valid_timestamp, timestamp_from_civil, timestamp_out_of_range, zone,
};
use crate::datum::Interval;
use jiff::tz::TimeZone;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// The value intervals are compared by: microseconds with 30-day months.
pub fn normalized(v: &Interval) -> i128 {
    let days = i128::from(v.months) * 30 + i128::from(v.days);
    days * i128::from(USECS_PER_DAY) + i128::from(v.micros)
}

/// Order of intervals.
pub fn compare(a: &Interval, b: &Interval) -> Ordering {
    normalized(a).cmp(&normalized(b))
}

/// Negation; 22008 when a part does not fit.
pub fn neg(v: &Interval) -> Result<Interval> {
    let r = (|| {
        Some(Interval { months: v.months.checked_neg()?, days: v.days.checked_neg()?, micros: v.micros.checked_neg()? })
    })();
    r.ok_or_else(interval_out_of_range)
}

/// Sum.
pub fn add(a: &Interval, b: &Interval) -> Result<Interval> {
    let r = (|| {
        Some(Interval {
            months: a.months.checked_add(b.months)?,
            days: a.days.checked_add(b.days)?,
            micros: a.micros.checked_add(b.micros)?,
        })
    })();
    r.ok_or_else(interval_out_of_range)
}

/// Difference.
pub fn sub(a: &Interval, b: &Interval) -> Result<Interval> {
    let r = (|| {
        Some(Interval {
            months: a.months.checked_sub(b.months)?,
            days: a.days.checked_sub(b.days)?,
            micros: a.micros.checked_sub(b.micros)?,
        })
    })();
    r.ok_or_else(interval_out_of_range)
}

/// Rounds to a microsecond, against noise of the double arithmetic.
fn ts_round(v: f64) -> f64 {
    (v * 1e6).round_ties_even() / 1e6
}

fn to_i32(v: f64) -> Result<i32> {
    if v.is_nan() || v > f64::from(i32::MAX) || v < f64::from(i32::MIN) {
        return Err(interval_out_of_range());
    }
    Ok(v as i32)
}

/// Applies `op` to each part; what is lost from months and days by truncation flows down.
fn scale(v: &Interval, op: impl Fn(f64) -> f64) -> Result<Interval> {
    let month_f = op(v.months.into());
    let day_f = op(v.days.into());
    let months = to_i32(month_f)?;
    let mut days = to_i32(day_f)?;
    let month_rest_days = ts_round((month_f - f64::from(months)) * 30.0);
    let mut sec_rest =
        ts_round((day_f - f64::from(days) + month_rest_days - f64::from(month_rest_days as i32)) * 86_400.0);
    let fail = interval_out_of_range;
    if sec_rest.abs() >= 86_400.0 {
        let whole = (sec_rest / 86_400.0) as i32;
        days = days.checked_add(whole).ok_or_else(fail)?;
        sec_rest -= f64::from(whole) * 86_400.0;
    }
    days = days.checked_add(month_rest_days as i32).ok_or_else(fail)?;
    let us = (op(v.micros as f64) + sec_rest * USECS_PER_SEC as f64).round_ties_even();
    if us.is_nan() || us < -(2f64.powi(63)) || us >= 2f64.powi(63) {
        return Err(fail());
    }
    Ok(Interval { months, days, micros: us as i64 })
}

/// Product with a number.
pub fn mul(v: &Interval, factor: f64) -> Result<Interval> {
    scale(v, |p| p * factor)
}

/// Quotient by a number; 22012 for zero.
pub fn div(v: &Interval, divisor: f64) -> Result<Interval> {
    if divisor == 0.0 {
        return Err(DbError::new(SqlState::DIVISION_BY_ZERO, "division by zero"));
    }
    scale(v, |p| p / divisor)
}

fn moved(hi: i32, lo_whole: i64) -> Result<i32> {
    i32::try_from(i64::from(hi) + lo_whole).map_err(|_| interval_out_of_range())
}

/// Whole days leave the time part; both parts get one sign.
pub fn justify_hours(v: &Interval) -> Result<Interval> {
    let mut r = *v;
    let whole = r.micros / USECS_PER_DAY;
    r.micros -= whole * USECS_PER_DAY;
    r.days = moved(r.days, whole)?;
    if r.days > 0 && r.micros < 0 {
        r.micros += USECS_PER_DAY;
        r.days -= 1;
    } else if r.days < 0 && r.micros > 0 {
        r.micros -= USECS_PER_DAY;
        r.days += 1;
    }
    Ok(r)
}

/// Whole 30-day months leave the day part; both parts get one sign.
pub fn justify_days(v: &Interval) -> Result<Interval> {
    let mut r = *v;
    let whole = r.days / 30;
    r.days -= whole * 30;
    r.months = moved(r.months, whole.into())?;
    if r.months > 0 && r.days < 0 {
        r.days += 30;
        r.months -= 1;
    } else if r.months < 0 && r.days > 0 {
        r.days -= 30;
        r.months += 1;
    }
    Ok(r)
}

/// Both, with all parts of one sign.
pub fn justify_interval(v: &Interval) -> Result<Interval> {
    let mut r = *v;
    if (r.days > 0 && r.micros > 0) || (r.days < 0 && r.micros < 0) {
        let whole = r.days / 30;
        r.days -= whole * 30;
        r.months = moved(r.months, whole.into())?;
    }
    let whole = r.micros / USECS_PER_DAY;
    r.micros -= whole * USECS_PER_DAY;
    r.days = moved(r.days, whole)?;
    let whole = r.days / 30;
    r.days -= whole * 30;
    r.months = moved(r.months, whole.into())?;
    if r.months > 0 && (r.days < 0 || (r.days == 0 && r.micros < 0)) {
        r.days += 30;
        r.months -= 1;
    } else if r.months < 0 && (r.days > 0 || (r.days == 0 && r.micros > 0)) {
        r.days -= 30;
        r.months += 1;
    }
    if r.days > 0 && r.micros < 0 {
        r.micros += USECS_PER_DAY;
        r.days -= 1;
    } else if r.days < 0 && r.micros > 0 {
        r.micros -= USECS_PER_DAY;
        r.days += 1;
    }
    Ok(r)
}

/// Moves a civil date by months; a day the month does not have becomes its last.
fn add_months(c: &mut Civil, months: i32) -> Result<()> {
    let total = i64::from(c.year) * 12 + i64::from(c.month - 1) + i64::from(months);
    c.year = i32::try_from(total.div_euclid(12)).map_err(|_| timestamp_out_of_range())?;
    c.month = total.rem_euclid(12) as i32 + 1;
    c.day = c.day.min(days_in_month(c.year, c.month));
    Ok(())
}

/// Timestamp plus interval.
pub fn timestamp_add(ts: i64, v: &Interval) -> Result<i64> {
    if is_infinite(ts) {
        return Ok(ts);
    }
    let mut t = ts;
    if v.months != 0 {
        let mut c = civil_from_timestamp(t);
        add_months(&mut c, v.months)?;
        t = timestamp_from_civil(&c).ok_or_else(timestamp_out_of_range)?;
    }
    i64::from(v.days)
        .checked_mul(USECS_PER_DAY)
        .and_then(|days| t.checked_add(days))
        .filter(|&t| is_valid_timestamp(t))
        .and_then(|t| t.checked_add(v.micros))
        .filter(|&t| is_valid_timestamp(t))
        .ok_or_else(timestamp_out_of_range)
}

/// Timestamp minus interval.
pub fn timestamp_sub(ts: i64, v: &Interval) -> Result<i64> {
    timestamp_add(ts, &neg(v)?)
}

/// Timestamptz plus interval: months and days move the local date, microseconds the instant.
pub fn timestamptz_add(ts: i64, v: &Interval, tz: &TimeZone) -> Result<i64> {
    if is_infinite(ts) {
        return Ok(ts);
    }
    let local = |t: i64| t + i64::from(zone::offset_at(tz, t)) * USECS_PER_SEC;
    let back = |l: i64| {
        l.checked_sub(i64::from(zone::offset_of_local(tz, l)) * USECS_PER_SEC).filter(|&t| is_valid_timestamp(t))
    };
    let mut t = ts;
    if v.months != 0 {
        let mut c = civil_from_timestamp(local(t));
        add_months(&mut c, v.months)?;
        t = timestamp_from_civil(&c).and_then(back).ok_or_else(timestamp_out_of_range)?;
    }
    if v.days != 0 {
        t = i64::from(v.days)
            .checked_mul(USECS_PER_DAY)
            .and_then(|days| local(t).checked_add(days))
            .filter(|&l| is_valid_timestamp(l))
            .and_then(back)
            .ok_or_else(timestamp_out_of_range)?;
    }
    t.checked_add(v.micros).filter(|&t| is_valid_timestamp(t)).ok_or_else(timestamp_out_of_range)
}

/// Timestamptz minus interval.
pub fn timestamptz_sub(ts: i64, v: &Interval, tz: &TimeZone) -> Result<i64> {
    timestamptz_add(ts, &neg(v)?, tz)
}

/// Difference of two timestamps (or timestamptz) as days and time.
pub fn timestamp_diff(a: i64, b: i64) -> Result<Interval> {
    if is_infinite(a) || is_infinite(b) {
        return Err(DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, "cannot subtract infinite timestamps"));
    }
    let micros = a.checked_sub(b).ok_or_else(interval_out_of_range)?;
    justify_hours(&Interval { months: 0, days: 0, micros })
}

/// Difference of two dates in days.
pub fn date_diff(a: i32, b: i32) -> Result<i32> {
    if super::is_infinite_date(a) || super::is_infinite_date(b) {
        return Err(DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, "cannot subtract infinite dates"));
    }
    // Valid dates span less than i32.
    Ok(a.wrapping_sub(b))
}

/// Date plus days.
pub fn date_add_days(d: i32, days: i32) -> Result<i32> {
    if super::is_infinite_date(d) {
        return Ok(d);
    }
    d.checked_add(days).filter(|r| (super::MIN_DATE..super::END_DATE).contains(r)).ok_or_else(super::date_out_of_range)
}

/// Time plus interval, wrapping at midnight.
pub fn time_add(us: i64, v: &Interval) -> i64 {
    (us + v.micros % USECS_PER_DAY).rem_euclid(USECS_PER_DAY)
}

/// Time minus interval, wrapping at midnight.
pub fn time_sub(us: i64, v: &Interval) -> i64 {
    (us - v.micros % USECS_PER_DAY).rem_euclid(USECS_PER_DAY)
}

/// `age(a, b)` of two local timestamps: years, months and days between them.
pub fn age(a: i64, b: i64) -> Result<Interval> {
    // Infinity is as far as its number says; the other way the calendar ends before.
    if [a, b].contains(&super::TS_NEG_INFINITY) {
        return Err(timestamp_out_of_range());
    }
    let (c1, c2) = (civil_from_timestamp(a), civil_from_timestamp(b));
    let sign = if a < b { -1 } else { 1 };
    let mut f = [
        c1.year - c2.year,
        c1.month - c2.month,
        c1.day - c2.day,
        c1.hour - c2.hour,
        c1.min - c2.min,
        c1.sec - c2.sec,
        c1.usec - c2.usec,
    ]
    .map(|v| v * sign);
    for (i, base) in [(6, 1_000_000), (5, 60), (4, 60), (3, 24)] {
        while f[i] < 0 {
            f[i] += base;
            f[i - 1] -= 1;
        }
    }
    let month_of = if a < b { c1 } else { c2 };
    while f[2] < 0 {
        f[2] += days_in_month(month_of.year, month_of.month);
        f[1] -= 1;
    }
    while f[1] < 0 {
        f[1] += 12;
        f[0] -= 1;
    }
    let months = i64::from(f[0]) * 12 + i64::from(f[1]);
    Ok(Interval {
        months: i32::try_from(months).map_err(|_| interval_out_of_range())? * sign,
        days: f[2] * sign,
        micros: super::join_time(f[3], f[4], f[5], f[6]) * i64::from(sign),
    })
}
