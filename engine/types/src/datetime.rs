//! Dates, times, time zones and intervals.
//!
//! Civil arithmetic is our own and covers PostgreSQL's whole range (4713 BC to 294276 AD for timestamps, to 5874897 AD
//! for dates); the `jiff` crate is asked only for the offset a zone has at an instant. Timestamps are microseconds from
//! 2000-01-01 00:00, dates days from the same day; the extreme integers stand for ±infinity. Years are astronomical
//! inside (1 BC is 0).
//!
//! Modules: `lex` cuts text into fields, [`parse`] reads dates and times, [`interval_in`] intervals, [`mod@format`] writes
//! every DateStyle and IntervalStyle, [`zone`] finds offsets, [`interval`] is interval arithmetic, [`fields`] is extract,
//! date_trunc and the make_* functions. Left out: abbreviations whose meaning changed over time keep their present offset, and the
//! `y2001m02d04` prefix notation is refused.

pub mod fields;
pub mod format;
pub mod interval;
pub mod interval_in;
mod lex;
pub mod parse;
pub mod zone;

use rustydb_base::{DbError, Result, SqlState};

/// Microseconds in a second.
pub const USECS_PER_SEC: i64 = 1_000_000;
/// Microseconds in a minute.
pub const USECS_PER_MINUTE: i64 = 60 * USECS_PER_SEC;
/// Microseconds in an hour.
pub const USECS_PER_HOUR: i64 = 3600 * USECS_PER_SEC;
/// Microseconds in a day.
pub const USECS_PER_DAY: i64 = 86_400 * USECS_PER_SEC;

/// Days from 1970-01-01 to 2000-01-01.
pub const UNIX_EPOCH_DAYS: i32 = 10_957;
/// Julian day of 2000-01-01.
pub const POSTGRES_EPOCH_JDATE: i32 = 2_451_545;

/// Date -infinity.
pub const DATE_NEG_INFINITY: i32 = i32::MIN;
/// Date infinity.
pub const DATE_INFINITY: i32 = i32::MAX;
/// Timestamp -infinity.
pub const TS_NEG_INFINITY: i64 = i64::MIN;
/// Timestamp infinity.
pub const TS_INFINITY: i64 = i64::MAX;

/// First valid timestamp: 4714-11-24 00:00 BC.
pub const MIN_TIMESTAMP: i64 = -211_813_488_000_000_000;
/// First invalid timestamp after the range: 294277-01-01.
pub const END_TIMESTAMP: i64 = 9_223_371_331_200_000_000;
/// First valid date (Julian day 0).
pub const MIN_DATE: i32 = -POSTGRES_EPOCH_JDATE;
/// First invalid date after the range: 5874898-01-01.
pub const END_DATE: i32 = 2_147_483_494 - POSTGRES_EPOCH_JDATE;

/// A civil date and time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Civil {
    /// Astronomical year.
    pub year: i32,
    /// 1..=12.
    pub month: i32,
    /// 1..=31.
    pub day: i32,
    /// Hours.
    pub hour: i32,
    /// Minutes.
    pub min: i32,
    /// Seconds.
    pub sec: i32,
    /// Microseconds.
    pub usec: i32,
}

/// 22008 "timestamp out of range".
pub fn timestamp_out_of_range() -> DbError {
    DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range")
}

/// 22008 "date out of range".
pub fn date_out_of_range() -> DbError {
    DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, "date out of range")
}

/// 22008 "interval out of range".
pub fn interval_out_of_range() -> DbError {
    DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, "interval out of range")
}

/// Days from 2000-01-01 to a civil date; months and days outside their ranges are not accepted by callers.
pub fn days_from_civil(year: i32, month: i32, day: i32) -> i64 {
    // Count from March so that the leap day is the last of its year.
    let y = i64::from(year) - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = i64::from((month + 9) % 12);
    let doy = (153 * mp + 2) / 5 + i64::from(day) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 730_425
}

/// Year, month and day of a number of days from 2000-01-01.
pub fn civil_from_days(days: i64) -> (i32, i32, i32) {
    let z = days + 730_425;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as i32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as i32;
    let year = (yoe + era * 400) as i32 + i32::from(month <= 2);
    (year, month, day)
}

/// Whether a year has 366 days.
pub fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days in a month, 1..=12.
pub fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day of the week of days from 2000-01-01: Sunday is 0.
pub fn day_of_week(days: i64) -> i32 {
    (days + 6).rem_euclid(7) as i32
}

/// Splits microseconds of a day.
pub fn split_time(us: i64) -> (i32, i32, i32, i32) {
    (
        (us / USECS_PER_HOUR) as i32,
        (us / USECS_PER_MINUTE % 60) as i32,
        (us / USECS_PER_SEC % 60) as i32,
        (us % USECS_PER_SEC) as i32,
    )
}

/// Microseconds of a time of day.
pub fn join_time(hour: i32, min: i32, sec: i32, usec: i32) -> i64 {
    ((i64::from(hour) * 60 + i64::from(min)) * 60 + i64::from(sec)) * USECS_PER_SEC + i64::from(usec)
}

/// Civil form of a finite timestamp.
pub fn civil_from_timestamp(ts: i64) -> Civil {
    let days = ts.div_euclid(USECS_PER_DAY);
    let (year, month, day) = civil_from_days(days);
    let (hour, min, sec, usec) = split_time(ts.rem_euclid(USECS_PER_DAY));
    Civil { year, month, day, hour, min, sec, usec }
}

/// Timestamp of a civil date and time; `None` outside the range.
pub fn timestamp_from_civil(c: &Civil) -> Option<i64> {
    timestamp_from_parts(days_from_civil(c.year, c.month, c.day), join_time(c.hour, c.min, c.sec, c.usec))
}

/// Timestamp of a day and the microseconds on it (which may exceed a day); `None` outside the range.
pub fn timestamp_from_parts(days: i64, us: i64) -> Option<i64> {
    let ts = days.checked_mul(USECS_PER_DAY)?.checked_add(us)?;
    is_valid_timestamp(ts).then_some(ts)
}

/// Whether a finite timestamp is in range.
pub fn is_valid_timestamp(ts: i64) -> bool {
    (MIN_TIMESTAMP..END_TIMESTAMP).contains(&ts)
}

/// Whether a timestamp is one of the infinities.
pub fn is_infinite(ts: i64) -> bool {
    ts == TS_INFINITY || ts == TS_NEG_INFINITY
}

/// Whether a date is one of the infinities.
pub fn is_infinite_date(d: i32) -> bool {
    d == DATE_INFINITY || d == DATE_NEG_INFINITY
}

/// Date to timestamp (midnight); 22008 beyond the timestamp range.
pub fn date_to_timestamp(d: i32) -> Result<i64> {
    match d {
        DATE_INFINITY => Ok(TS_INFINITY),
        DATE_NEG_INFINITY => Ok(TS_NEG_INFINITY),
        _ => timestamp_from_parts(d.into(), 0)
            .ok_or_else(|| DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, "date out of range for timestamp")),
    }
}

/// Date to timestamptz: midnight in a zone.
pub fn date_to_timestamptz(d: i32, tz: &jiff::tz::TimeZone) -> Result<i64> {
    let ts = date_to_timestamp(d)?;
    if is_infinite(ts) {
        return Ok(ts);
    }
    timestamp_to_timestamptz(ts, tz)
        .map_err(|_| DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, "date out of range for timestamp"))
}

/// The date of a timestamp.
pub fn timestamp_to_date(ts: i64) -> i32 {
    match ts {
        TS_INFINITY => DATE_INFINITY,
        TS_NEG_INFINITY => DATE_NEG_INFINITY,
        // A valid timestamp's day fits a date.
        _ => ts.div_euclid(USECS_PER_DAY) as i32,
    }
}

/// The date a timestamptz has in a zone.
pub fn timestamptz_to_date(ts: i64, tz: &jiff::tz::TimeZone) -> Result<i32> {
    Ok(timestamp_to_date(timestamptz_to_timestamp(ts, tz)?))
}

/// Local time in a zone of an instant.
pub fn timestamptz_to_timestamp(ts: i64, tz: &jiff::tz::TimeZone) -> Result<i64> {
    if is_infinite(ts) {
        return Ok(ts);
    }
    let local = ts
        .checked_add(i64::from(zone::offset_at(tz, ts)) * USECS_PER_SEC)
        .filter(|&t| is_valid_timestamp(t))
        .ok_or_else(timestamp_out_of_range)?;
    Ok(local)
}

/// The instant of a local time in a zone.
pub fn timestamp_to_timestamptz(ts: i64, tz: &jiff::tz::TimeZone) -> Result<i64> {
    if is_infinite(ts) {
        return Ok(ts);
    }
    ts.checked_sub(i64::from(zone::offset_of_local(tz, ts)) * USECS_PER_SEC)
        .filter(|&t| is_valid_timestamp(t))
        .ok_or_else(timestamp_out_of_range)
}

/// Rounds the microseconds of a timestamp, time or interval to `precision` (0..=6) decimals, half away from zero.
pub fn round_usecs(us: i64, precision: i32) -> i64 {
    if !(0..6).contains(&precision) || is_infinite(us) {
        return us;
    }
    let scale = 10i64.pow((6 - precision) as u32);
    let half = scale / 2;
    // Near the ends of i64 nothing valid is lost by saturating.
    if us >= 0 {
        us.saturating_add(half) / scale * scale
    } else {
        -(us.saturating_neg().saturating_add(half) / scale * scale)
    }
}

/// Applies the precision of `timestamp(p)`; 22008 when rounding leaves the range.
pub fn apply_timestamp_typmod(ts: i64, typmod: i32) -> Result<i64> {
    if is_infinite(ts) || !(0..6).contains(&typmod) {
        return Ok(ts);
    }
    let r = round_usecs(ts, typmod);
    if is_valid_timestamp(r) { Ok(r) } else { Err(timestamp_out_of_range()) }
}

#[cfg(test)]
mod tests;
