//! date, time, timetz, timestamp, timestamptz and interval: the SQL faces of [`crate::datetime`].
//!
//! timestamp and timestamptz share many of PostgreSQL's functions (both count microseconds), so those kernels take
//! either as [`Instant`].

use super::args::{Arg, Date, Ret, Time, TimeTz, Ts, Tstz, comparisons, scalar, unexpected};
use super::int::sign;
use super::order::{interval_span, timetz_key};
use crate::ctx::EvalCtx;
use crate::datetime::fields::{self, FieldValue};
use crate::datetime::{
    self as dt, TS_INFINITY, TS_NEG_INFINITY, USECS_PER_DAY, USECS_PER_SEC, interval as iv, interval_in, zone,
};
use crate::datum::{Datum, Interval};
use crate::kernel::Kernel;
use jiff::tz::TimeZone;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// A timestamp of either kind; the result of a function over it is of the same kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instant {
    /// Microseconds since 2000-01-01.
    pub micros: i64,
    /// Whether it is a timestamptz.
    pub zoned: bool,
}

impl Arg<'_> for Instant {
    fn get(d: &Datum) -> Result<Self> {
        match d {
            Datum::Timestamp(micros) => Ok(Instant { micros: *micros, zoned: false }),
            Datum::TimestampTz(micros) => Ok(Instant { micros: *micros, zoned: true }),
            d => Err(unexpected(d)),
        }
    }
}

impl Ret for Instant {
    fn ret(self) -> Result<Datum> {
        Ok(if self.zoned { Datum::TimestampTz(self.micros) } else { Datum::Timestamp(self.micros) })
    }
}

fn overflow(message: &'static str) -> DbError {
    DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, message)
}

/// A date as microseconds, wide enough for dates beyond the timestamps.
fn date_key(d: i32) -> i128 {
    match d {
        dt::DATE_INFINITY => i128::from(TS_INFINITY),
        dt::DATE_NEG_INFINITY => i128::from(TS_NEG_INFINITY),
        // Dates beyond every timestamp are still before infinity.
        d => (i128::from(d) * i128::from(USECS_PER_DAY)).min(i128::from(TS_INFINITY) - 1),
    }
}

/// A date's midnight in the session's zone; a date beyond the timestamps compares by its midnight in UTC.
fn date_instant(ctx: &EvalCtx, d: i32) -> i128 {
    dt::date_to_timestamptz(d, &ctx.fmt.time_zone).map_or_else(|_| date_key(d), i128::from)
}

/// A local timestamp's instant; beyond the range it compares unshifted.
fn local_instant(ctx: &EvalCtx, ts: i64) -> i64 {
    dt::timestamp_to_timestamptz(ts, &ctx.fmt.time_zone).unwrap_or(ts)
}

/// Seven rows: six comparisons and the three-way one, between two types under the evaluation context.
macro_rules! mixed {
    ($a:literal, $b:literal, |$ctx:ident, $x:ident: $tx:ty, $y:ident: $ty:ty| $ord:expr) => {
        [
            scalar!(concat!($a, "_eq_", $b), [$ctx] |$x: $tx, $y: $ty| ($ord).is_eq()),
            scalar!(concat!($a, "_ne_", $b), [$ctx] |$x: $tx, $y: $ty| ($ord).is_ne()),
            scalar!(concat!($a, "_lt_", $b), [$ctx] |$x: $tx, $y: $ty| ($ord).is_lt()),
            scalar!(concat!($a, "_le_", $b), [$ctx] |$x: $tx, $y: $ty| ($ord).is_le()),
            scalar!(concat!($a, "_gt_", $b), [$ctx] |$x: $tx, $y: $ty| ($ord).is_gt()),
            scalar!(concat!($a, "_ge_", $b), [$ctx] |$x: $tx, $y: $ty| ($ord).is_ge()),
            scalar!(concat!($a, "_cmp_", $b), [$ctx] |$x: $tx, $y: $ty| sign($ord)),
        ]
    };
}

fn timetz_cmp(a: TimeTz, b: TimeTz) -> Ordering {
    timetz_key(a.micros, a.zone).cmp(&timetz_key(b.micros, b.zone))
}

fn interval_cmp(a: &Interval, b: &Interval) -> Ordering {
    interval_span(a).cmp(&interval_span(b))
}

/// SQL's OVERLAPS over four ends, any of which may be NULL. A period whose end precedes its start is turned round.
fn overlaps<T: PartialOrd + Copy>(s1: Option<T>, e1: Option<T>, s2: Option<T>, e2: Option<T>) -> Option<bool> {
    let period = |s: Option<T>, e: Option<T>| match (s, e) {
        (None, None) => None,
        (None, Some(e)) => Some((e, None)),
        (Some(s), None) => Some((s, None)),
        (Some(s), Some(e)) if s > e => Some((e, Some(s))),
        (Some(s), Some(e)) => Some((s, Some(e))),
    };
    let (s1, e1) = period(s1, e1)?;
    let (s2, e2) = period(s2, e2)?;
    let (later, early_end, late_end) = if s1 > s2 {
        (s1, e2, e1)
    } else if s1 < s2 {
        (s2, e1, e2)
    } else {
        return (e1.is_some() && e2.is_some()).then_some(true);
    };
    if later < early_end? {
        return Some(true);
    }
    late_end.map(|_| false)
}

fn plus<T, R>(at: Option<T>, v: Option<Interval>, add: impl Fn(T, &Interval) -> Result<R>) -> Result<Option<R>> {
    match (at, v) {
        (Some(at), Some(v)) => add(at, &v).map(Some),
        _ => Ok(None),
    }
}

/// The session's present offset from UTC, in seconds west.
fn zone_west_now(ctx: &EvalCtx, tz: &TimeZone) -> i32 {
    -zone::offset_at(tz, ctx.transaction_start)
}

/// A timetz as shown `west` seconds west of UTC.
fn timetz_in_zone(t: TimeTz, west: i32) -> TimeTz {
    let micros = (t.micros + i64::from(t.zone - west) * USECS_PER_SEC).rem_euclid(USECS_PER_DAY);
    TimeTz { micros, zone: west }
}

/// An interval given as a time zone: seconds east of UTC.
fn interval_zone(v: &Interval, ctx: &EvalCtx) -> Result<i32> {
    if v.months != 0 || v.days != 0 {
        let mut shown = Vec::new();
        dt::format::interval_out(ctx.fmt.interval_style, v, &mut shown);
        return Err(DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("interval time zone \"{}\" must not include months or days", String::from_utf8_lossy(&shown)),
        ));
    }
    i32::try_from(v.micros / USECS_PER_SEC).map_err(|_| dt::interval_out_of_range())
}

/// A zone given to make_timestamptz: a signed offset from UTC or a name.
fn given_zone(text: &str) -> Result<TimeZone> {
    let invalid = || {
        DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid input syntax for type numeric time zone: \"{text}\""),
        )
    };
    let (east, digits) = match text.as_bytes().first() {
        Some(b'+') => (1, &text[1..]),
        Some(b'-') => (-1, &text[1..]),
        Some(b'0'..=b'9') => {
            return Err(invalid().hint("Numeric time zones must have \"-\" or \"+\" as first character."));
        }
        _ => return zone::lookup(text),
    };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in digits.split(':') {
        if unit == 0 || part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        seconds += part.parse::<i32>().map_err(|_| invalid())? * unit;
        unit /= 60;
    }
    if seconds > 15 * 3600 + 59 * 60 + 59 {
        return Err(DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("numeric time zone \"{text}\" out of range"),
        ));
    }
    zone::fixed(east * seconds)
}

/// `date_bin`: the begin of the stride that holds the timestamp.
fn bin(stride: &Interval, ts: i64, origin: i64) -> Result<i64> {
    if dt::is_infinite(ts) {
        return Ok(ts);
    }
    if dt::is_infinite(origin) {
        return Err(overflow("origin out of range"));
    }
    if stride.months != 0 {
        return Err(DbError::unsupported("timestamps cannot be binned into intervals containing months or years"));
    }
    let step = i128::from(stride.days) * i128::from(USECS_PER_DAY) + i128::from(stride.micros);
    if i64::try_from(step).is_err() || ts.checked_sub(origin).is_none() {
        return Err(overflow("interval out of range"));
    }
    if step <= 0 {
        return Err(overflow("stride must be greater than zero"));
    }
    let at = i128::from(origin) + (i128::from(ts) - i128::from(origin)).div_euclid(step) * step;
    i64::try_from(at).ok().filter(|&t| dt::is_valid_timestamp(t)).ok_or_else(dt::timestamp_out_of_range)
}

/// A float as C's `%g` shows it.
fn six_digits(v: f64) -> String {
    let shown = format!("{v:.5e}");
    let Some((mantissa, exponent)) = shown.split_once('e') else { return shown };
    let trim = |s: &str| {
        if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.').to_owned() } else { s.to_owned() }
    };
    match exponent.parse::<i32>() {
        Ok(e @ -4..=5) => trim(&format!("{v:.*}", (5 - e).max(0) as usize)),
        Ok(e) => format!("{}e{}{:02}", trim(mantissa), if e < 0 { '-' } else { '+' }, e.abs()),
        Err(_) => shown,
    }
}

/// `to_timestamp(seconds since 1970)`.
fn from_epoch(seconds: f64) -> Result<Tstz> {
    if seconds.is_nan() {
        return Err(overflow("timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Ok(Tstz(if seconds > 0.0 { TS_INFINITY } else { TS_NEG_INFINITY }));
    }
    let shift = f64::from(dt::UNIX_EPOCH_DAYS) * 86_400.0;
    let micros = ((seconds - shift) * 1e6).round_ties_even();
    // Within ±2^63 the cast is exact; what is beyond is out of range in any case.
    let in_range = micros.abs() < 9.3e18 && dt::is_valid_timestamp(micros as i64);
    if !in_range {
        return Err(DbError::new(
            SqlState::DATETIME_VALUE_OUT_OF_RANGE,
            format!("timestamp out of range: \"{}\"", six_digits(seconds)),
        ));
    }
    Ok(Tstz(micros as i64))
}

/// This moment.
fn clock() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since_1970.as_micros() as i64 - i64::from(dt::UNIX_EPOCH_DAYS) * USECS_PER_DAY
}

fn time_of_day(ctx: &EvalCtx) -> Result<String> {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let now = clock();
    let local = dt::timestamptz_to_timestamp(now, &ctx.fmt.time_zone)?;
    let c = dt::civil_from_timestamp(local);
    let (_, abbreviation, _) = zone::info_at(&ctx.fmt.time_zone, now);
    let day = dt::day_of_week(local.div_euclid(USECS_PER_DAY)) as usize;
    Ok(format!(
        "{} {} {:02} {:02}:{:02}:{:02}.{:06} {} {abbreviation}",
        DAYS.get(day).unwrap_or(&""),
        MONTHS.get((c.month - 1) as usize).unwrap_or(&""),
        c.day,
        c.hour,
        c.min,
        c.sec,
        c.usec,
        c.year
    ))
}

fn bad_frame() -> DbError {
    DbError::new(
        SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
        "invalid preceding or following size in window function",
    )
}

/// Whether `val` lies within `base ± offset`, for RANGE frames of windows.
fn in_range<T: PartialOrd>(
    val: T,
    offset: &Interval,
    less: bool,
    bound: impl FnOnce(&Interval) -> Result<T>,
) -> Result<bool> {
    if interval_span(offset) < 0 {
        return Err(bad_frame());
    }
    let bound = bound(offset)?;
    Ok(if less { val <= bound } else { val >= bound })
}

/// Time without a zone plus or minus an interval; unlike `+`, not wrapped at midnight.
fn time_in_range(val: i64, base: i64, offset: &Interval, sub: bool, less: bool) -> Result<bool> {
    if offset.micros < 0 {
        return Err(bad_frame());
    }
    let bound = if sub { base.checked_sub(offset.micros) } else { base.checked_add(offset.micros) };
    // A bound beyond i64 is beyond every time.
    let Some(bound) = bound else { return Ok(less != sub) };
    Ok(if less { val <= bound } else { val >= bound })
}

fn numeric(v: FieldValue) -> crate::numeric::Numeric {
    v.numeric
}

fn float(v: FieldValue) -> f64 {
    v.float
}

fn date_plus(d: i32, v: &Interval) -> Result<Ts> {
    iv::timestamp_add(dt::date_to_timestamp(d)?, v).map(Ts)
}

fn date_minus(d: i32, v: &Interval) -> Result<Ts> {
    iv::timestamp_sub(dt::date_to_timestamp(d)?, v).map(Ts)
}

fn date_time(d: i32, time: i64) -> Result<i64> {
    let ts = dt::date_to_timestamp(d)?;
    if dt::is_infinite(ts) {
        return Ok(ts);
    }
    ts.checked_add(time).filter(|&t| dt::is_valid_timestamp(t)).ok_or_else(dt::timestamp_out_of_range)
}

fn date_timetz(d: i32, t: TimeTz) -> Result<Tstz> {
    date_time(d, t.micros + i64::from(t.zone) * USECS_PER_SEC).map(Tstz)
}

/// Time of day of a finite local timestamp.
fn time_part(ts: i64) -> Option<Time> {
    (!dt::is_infinite(ts)).then(|| Time(ts.rem_euclid(USECS_PER_DAY)))
}

fn zoned_time(ctx: &EvalCtx, ts: i64) -> Result<Option<TimeTz>> {
    if dt::is_infinite(ts) {
        return Ok(None);
    }
    let local = dt::timestamptz_to_timestamp(ts, &ctx.fmt.time_zone)?;
    let zone = -zone::offset_at(&ctx.fmt.time_zone, ts);
    Ok(Some(TimeTz { micros: local.rem_euclid(USECS_PER_DAY), zone }))
}

/// Midnight today in the session's zone, as a local timestamp.
fn today(ctx: &EvalCtx) -> Result<i64> {
    let local = dt::timestamptz_to_timestamp(ctx.transaction_start, &ctx.fmt.time_zone)?;
    Ok(local.div_euclid(USECS_PER_DAY) * USECS_PER_DAY)
}

fn zoned_age(ctx: &EvalCtx, a: i64, b: i64) -> Result<Interval> {
    let local = |ts| dt::timestamptz_to_timestamp(ts, &ctx.fmt.time_zone);
    iv::age(local(a)?, local(b)?)
}

/// A zone given to `timezone()`: an abbreviation, a name, or a POSIX rule, whose first name may be left out.
fn named_zone(text: &str) -> Result<TimeZone> {
    zone::lookup(text).or_else(|e| zone::unnamed(text).ok_or(e))
}

/// Infinity is infinity in every zone, even in one that does not exist.
fn to_zone(text: &str, ts: i64) -> Result<Ts> {
    if dt::is_infinite(ts) {
        return Ok(Ts(ts));
    }
    dt::timestamptz_to_timestamp(ts, &named_zone(text)?).map(Ts)
}

fn from_zone(text: &str, ts: i64) -> Result<Tstz> {
    if dt::is_infinite(ts) {
        return Ok(Tstz(ts));
    }
    dt::timestamp_to_timestamptz(ts, &named_zone(text)?).map(Tstz)
}

/// Precision of `timestamp(p)`, checked as it is when no type declaration did so.
fn scaled(ts: i64, precision: i32) -> Result<i64> {
    if !(-1..=6).contains(&precision) && !dt::is_infinite(ts) {
        return Err(DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("timestamp({precision}) precision must be between 0 and 6"),
        ));
    }
    dt::apply_timestamp_typmod(ts, precision)
}

/// Shifts a timestamp by an interval that is a zone, `sign` ways; infinity stays.
fn shifted(ts: i64, zone: &Interval, sign: i64, ctx: &EvalCtx) -> Result<i64> {
    if dt::is_infinite(ts) {
        return Ok(ts);
    }
    ts.checked_add(sign * i64::from(interval_zone(zone, ctx)?) * USECS_PER_SEC)
        .filter(|&t| dt::is_valid_timestamp(t))
        .ok_or_else(dt::timestamp_out_of_range)
}

/// Kernels of comparison.
const COMPARISONS: &[&[Kernel]] = &[
    &comparisons!("date_eq", "date_ne", "date_lt", "date_le", "date_gt", "date_ge", |a: Date, b: Date| a.cmp(&b)),
    &comparisons!("time_eq", "time_ne", "time_lt", "time_le", "time_gt", "time_ge", |a: Time, b: Time| a.cmp(&b)),
    &comparisons!(
        "timetz_eq",
        "timetz_ne",
        "timetz_lt",
        "timetz_le",
        "timetz_gt",
        "timetz_ge",
        |a: TimeTz, b: TimeTz| timetz_cmp(a, b)
    ),
    &comparisons!(
        "timestamp_eq",
        "timestamp_ne",
        "timestamp_lt",
        "timestamp_le",
        "timestamp_gt",
        "timestamp_ge",
        |a: Instant, b: Instant| a.micros.cmp(&b.micros)
    ),
    &comparisons!(
        "interval_eq",
        "interval_ne",
        "interval_lt",
        "interval_le",
        "interval_gt",
        "interval_ge",
        |a: Interval, b: Interval| interval_cmp(&a, &b)
    ),
    &mixed!("date", "timestamp", |_ctx, a: Date, b: Ts| date_key(a.0).cmp(&b.0.into())),
    &mixed!("timestamp", "date", |_ctx, a: Ts, b: Date| i128::from(a.0).cmp(&date_key(b.0))),
    &mixed!("date", "timestamptz", |ctx, a: Date, b: Tstz| date_instant(ctx, a.0).cmp(&b.0.into())),
    &mixed!("timestamptz", "date", |ctx, a: Tstz, b: Date| i128::from(a.0).cmp(&date_instant(ctx, b.0))),
    &mixed!("timestamp", "timestamptz", |ctx, a: Ts, b: Tstz| local_instant(ctx, a.0).cmp(&b.0)),
    &mixed!("timestamptz", "timestamp", |ctx, a: Tstz, b: Ts| a.0.cmp(&local_instant(ctx, b.0))),
    &[
        scalar!("date_cmp", |a: Date, b: Date| sign(a.cmp(&b))),
        scalar!("time_cmp", |a: Time, b: Time| sign(a.cmp(&b))),
        scalar!("timetz_cmp", |a: TimeTz, b: TimeTz| sign(timetz_cmp(a, b))),
        scalar!("timestamp_cmp", |a: Instant, b: Instant| sign(a.micros.cmp(&b.micros))),
        scalar!("interval_cmp", |a: Interval, b: Interval| sign(interval_cmp(&a, &b))),
        scalar!("date_larger", |a: Date, b: Date| a.max(b)),
        scalar!("date_smaller", |a: Date, b: Date| a.min(b)),
        scalar!("time_larger", |a: Time, b: Time| a.max(b)),
        scalar!("time_smaller", |a: Time, b: Time| a.min(b)),
        scalar!("timetz_larger", |a: TimeTz, b: TimeTz| if timetz_cmp(a, b).is_gt() { a } else { b }),
        scalar!("timetz_smaller", |a: TimeTz, b: TimeTz| if timetz_cmp(a, b).is_lt() { a } else { b }),
        scalar!("timestamp_larger", |a: Instant, b: Instant| if a.micros > b.micros { a } else { b }),
        scalar!("timestamp_smaller", |a: Instant, b: Instant| if a.micros < b.micros { a } else { b }),
        scalar!("interval_larger", |a: Interval, b: Interval| if interval_cmp(&a, &b).is_gt() { a } else { b }),
        scalar!("interval_smaller", |a: Interval, b: Interval| if interval_cmp(&a, &b).is_lt() { a } else { b }),
        scalar!("date_finite", |d: Date| !dt::is_infinite_date(d.0)),
        scalar!("timestamp_finite", |t: Instant| !dt::is_infinite(t.micros)),
        scalar!("interval_finite", |_v: Interval| true),
        scalar!("in_range_date_interval", |v: Date, b: Date, o: Interval, sub: bool, less: bool| {
            let (v, b) = (dt::date_to_timestamp(v.0)?, dt::date_to_timestamp(b.0)?);
            in_range(v, &o, less, |o| if sub { iv::timestamp_sub(b, o) } else { iv::timestamp_add(b, o) })
        }),
        scalar!("in_range_timestamp_interval", |v: Ts, b: Ts, o: Interval, sub: bool, less: bool| in_range(
            v.0,
            &o,
            less,
            |o| if sub { iv::timestamp_sub(b.0, o) } else { iv::timestamp_add(b.0, o) }
        )),
        scalar!("in_range_timestamptz_interval", [ctx] |v: Tstz, b: Tstz, o: Interval, sub: bool, less: bool| in_range(
            v.0,
            &o,
            less,
            |o| {
                let tz = &ctx.fmt.time_zone;
                if sub { iv::timestamptz_sub(b.0, o, tz) } else { iv::timestamptz_add(b.0, o, tz) }
            }
        )),
        scalar!("in_range_interval_interval", |v: Interval, b: Interval, o: Interval, sub: bool, less: bool| in_range(
            interval_span(&v),
            &o,
            less,
            |o| if sub { iv::sub(&b, o) } else { iv::add(&b, o) }.map(|i| interval_span(&i))
        )),
        scalar!("in_range_time_interval", |v: Time, b: Time, o: Interval, sub: bool, less: bool| time_in_range(
            v.0, b.0, &o, sub, less
        )),
    ],
];

/// Kernels of arithmetic and conversion.
const ARITHMETIC: &[Kernel] = &[
    scalar!("date_pli", |d: Date, n: i32| iv::date_add_days(d.0, n).map(Date)),
    scalar!("date_mii", |d: Date, n: i32| match n.checked_neg() {
        _ if dt::is_infinite_date(d.0) => Ok(d),
        Some(n) => iv::date_add_days(d.0, n).map(Date),
        None => Err(dt::date_out_of_range()),
    }),
    scalar!("integer_pl_date(integer,date)", |n: i32, d: Date| iv::date_add_days(d.0, n).map(Date)),
    scalar!("date_mi", |a: Date, b: Date| iv::date_diff(a.0, b.0)),
    scalar!("date_pl_interval", |d: Date, v: Interval| date_plus(d.0, &v)),
    scalar!("date_mi_interval", |d: Date, v: Interval| date_minus(d.0, &v)),
    scalar!("interval_pl_date(interval,date)", |v: Interval, d: Date| date_plus(d.0, &v)),
    scalar!("datetime_timestamp", |d: Date, t: Time| date_time(d.0, t.0).map(Ts)),
    scalar!("timedate_pl(time without time zone,date)", |t: Time, d: Date| date_time(d.0, t.0).map(Ts)),
    scalar!("datetimetz_timestamptz", |d: Date, t: TimeTz| date_timetz(d.0, t)),
    scalar!("timetzdate_pl(time with time zone,date)", |t: TimeTz, d: Date| date_timetz(d.0, t)),
    scalar!("timestamptz(date,time without time zone)", [ctx] |d: Date, t: Time| {
        date_time(d.0, t.0).and_then(|ts| dt::timestamp_to_timestamptz(ts, &ctx.fmt.time_zone)).map(Tstz)
    }),
    scalar!("time_pl_interval", |t: Time, v: Interval| Time(iv::time_add(t.0, &v))),
    scalar!("time_mi_interval", |t: Time, v: Interval| Time(iv::time_sub(t.0, &v))),
    scalar!("interval_pl_time(interval,time without time zone)", |v: Interval, t: Time| Time(iv::time_add(t.0, &v))),
    scalar!("timetz_pl_interval", |t: TimeTz, v: Interval| TimeTz { micros: iv::time_add(t.micros, &v), ..t }),
    scalar!("timetz_mi_interval", |t: TimeTz, v: Interval| TimeTz { micros: iv::time_sub(t.micros, &v), ..t }),
    scalar!("interval_pl_timetz(interval,time with time zone)", |v: Interval, t: TimeTz| TimeTz {
        micros: iv::time_add(t.micros, &v),
        ..t
    }),
    scalar!("time_mi_time", |a: Time, b: Time| Interval { months: 0, days: 0, micros: a.0 - b.0 }),
    scalar!("timestamp_mi", |a: Instant, b: Instant| iv::timestamp_diff(a.micros, b.micros)),
    scalar!("timestamp_pl_interval", |t: Ts, v: Interval| iv::timestamp_add(t.0, &v).map(Ts)),
    scalar!("timestamp_mi_interval", |t: Ts, v: Interval| iv::timestamp_sub(t.0, &v).map(Ts)),
    scalar!("interval_pl_timestamp(interval,timestamp without time zone)", |v: Interval, t: Ts| {
        iv::timestamp_add(t.0, &v).map(Ts)
    }),
    scalar!("timestamptz_pl_interval", [ctx] |t: Tstz, v: Interval| {
        iv::timestamptz_add(t.0, &v, &ctx.fmt.time_zone).map(Tstz)
    }),
    scalar!("timestamptz_mi_interval", [ctx] |t: Tstz, v: Interval| {
        iv::timestamptz_sub(t.0, &v, &ctx.fmt.time_zone).map(Tstz)
    }),
    scalar!("interval_pl_timestamptz(interval,timestamp with time zone)", [ctx] |v: Interval, t: Tstz| {
        iv::timestamptz_add(t.0, &v, &ctx.fmt.time_zone).map(Tstz)
    }),
    scalar!("interval_um", |v: Interval| iv::neg(&v)),
    scalar!("interval_pl", |a: Interval, b: Interval| iv::add(&a, &b)),
    scalar!("interval_mi", |a: Interval, b: Interval| iv::sub(&a, &b)),
    scalar!("interval_mul", |v: Interval, f: f64| iv::mul(&v, f)),
    scalar!("mul_d_interval", |f: f64, v: Interval| iv::mul(&v, f)),
    scalar!("interval_div", |v: Interval, f: f64| iv::div(&v, f)),
    scalar!("interval_justify_hours", |v: Interval| iv::justify_hours(&v)),
    scalar!("interval_justify_days", |v: Interval| iv::justify_days(&v)),
    scalar!("interval_justify_interval", |v: Interval| iv::justify_interval(&v)),
    scalar!("timestamp_age", |a: Ts, b: Ts| iv::age(a.0, b.0)),
    scalar!("timestamptz_age", [ctx] |a: Tstz, b: Tstz| zoned_age(ctx, a.0, b.0)),
    scalar!("age(timestamp without time zone)", [ctx] |t: Ts| iv::age(today(ctx)?, t.0)),
    scalar!("age(timestamp with time zone)", [ctx] |t: Tstz| {
        iv::age(today(ctx)?, dt::timestamptz_to_timestamp(t.0, &ctx.fmt.time_zone)?)
    }),
    scalar!("date_timestamp", |d: Date| dt::date_to_timestamp(d.0).map(Ts)),
    scalar!("date_timestamptz", [ctx] |d: Date| dt::date_to_timestamptz(d.0, &ctx.fmt.time_zone).map(Tstz)),
    scalar!("timestamp_date", |t: Ts| Date(dt::timestamp_to_date(t.0))),
    scalar!("timestamptz_date", [ctx] |t: Tstz| dt::timestamptz_to_date(t.0, &ctx.fmt.time_zone).map(Date)),
    scalar!("timestamp_timestamptz", [ctx] |t: Ts| {
        dt::timestamp_to_timestamptz(t.0, &ctx.fmt.time_zone).map(Tstz)
    }),
    scalar!("timestamptz_timestamp", [ctx] |t: Tstz| {
        dt::timestamptz_to_timestamp(t.0, &ctx.fmt.time_zone).map(Ts)
    }),
    scalar!("timestamp_time", |t: Ts| time_part(t.0)),
    scalar!("timestamptz_time", [ctx] |t: Tstz| {
        dt::timestamptz_to_timestamp(t.0, &ctx.fmt.time_zone).map(time_part)
    }),
    scalar!("timestamptz_timetz", [ctx] |t: Tstz| zoned_time(ctx, t.0)),
    scalar!("time_timetz", [ctx] |t: Time| TimeTz { micros: t.0, zone: zone_west_now(ctx, &ctx.fmt.time_zone) }),
    scalar!("timetz_time", |t: TimeTz| Time(t.micros)),
    scalar!("time_interval", |t: Time| Interval { months: 0, days: 0, micros: t.0 }),
    scalar!("interval_time", |v: Interval| Time(v.micros.rem_euclid(USECS_PER_DAY))),
    scalar!("time_scale", |t: Time, m: i32| Time(dt::round_usecs(t.0, m))),
    scalar!("timetz_scale", |t: TimeTz, m: i32| TimeTz { micros: dt::round_usecs(t.micros, m), ..t }),
    scalar!("timestamp_scale", |t: Ts, m: i32| scaled(t.0, m).map(Ts)),
    scalar!("timestamptz_scale", |t: Tstz, m: i32| scaled(t.0, m).map(Tstz)),
    scalar!("interval_scale", |v: Interval, m: i32| {
        interval_in::check_typmod(m)?;
        Ok(interval_in::apply_typmod(v, m))
    }),
    scalar!("timestamptz_zone", |z: &str, t: Tstz| to_zone(z, t.0)),
    scalar!("timestamp_zone", |z: &str, t: Ts| from_zone(z, t.0)),
    scalar!("timetz_zone", [ctx] |z: &str, t: TimeTz| {
        named_zone(z).map(|tz| timetz_in_zone(t, zone_west_now(ctx, &tz)))
    }),
    scalar!("timestamptz_izone", [ctx] |z: Interval, t: Tstz| shifted(t.0, &z, 1, ctx).map(Ts)),
    scalar!("timestamp_izone", [ctx] |z: Interval, t: Ts| shifted(t.0, &z, -1, ctx).map(Tstz)),
    scalar!("timetz_izone", [ctx] |z: Interval, t: TimeTz| {
        interval_zone(&z, ctx).map(|east| timetz_in_zone(t, -east))
    }),
    scalar!("float8_timestamptz", |s: f64| from_epoch(s)),
    scalar!("now", [ctx] || Tstz(ctx.transaction_start)),
    scalar!("statement_timestamp", [ctx] || Tstz(ctx.statement_start)),
    scalar!("clock_timestamp", || Tstz(clock())),
    scalar!("timeofday", [ctx] || time_of_day(ctx)),
];

/// Kernels of fields, truncation, making and overlap.
const FIELDS: &[Kernel] = &[
    scalar!("extract_date", |f: &str, d: Date| fields::extract_date(f, d.0).map(|v| v.map(numeric))),
    scalar!("extract_time", |f: &str, t: Time| fields::extract_time(f, t.0).map(numeric)),
    scalar!("extract_timetz", |f: &str, t: TimeTz| fields::extract_timetz(f, t.micros, t.zone).map(numeric)),
    scalar!("extract_timestamp", |f: &str, t: Ts| fields::extract_timestamp(f, t.0).map(|v| v.map(numeric))),
    scalar!("extract_timestamptz", [ctx] |f: &str, t: Tstz| {
        fields::extract_timestamptz(f, t.0, &ctx.fmt.time_zone).map(|v| v.map(numeric))
    }),
    scalar!("extract_interval", |f: &str, v: Interval| fields::extract_interval(f, &v).map(numeric)),
    scalar!("date_part(text,date)", |f: &str, d: Date| {
        fields::extract_timestamp(f, dt::date_to_timestamp(d.0)?).map(|v| v.map(float))
    }),
    scalar!("time_part", |f: &str, t: Time| fields::extract_time(f, t.0).map(float)),
    scalar!("timetz_part", |f: &str, t: TimeTz| fields::extract_timetz(f, t.micros, t.zone).map(float)),
    scalar!("timestamp_part", |f: &str, t: Ts| fields::extract_timestamp(f, t.0).map(|v| v.map(float))),
    scalar!("timestamptz_part", [ctx] |f: &str, t: Tstz| {
        fields::extract_timestamptz(f, t.0, &ctx.fmt.time_zone).map(|v| v.map(float))
    }),
    scalar!("interval_part", |f: &str, v: Interval| fields::extract_interval(f, &v).map(float)),
    scalar!("timestamp_trunc", |f: &str, t: Ts| {
        if dt::is_infinite(t.0) { Ok(t) } else { fields::trunc_timestamp(f, t.0).map(Ts) }
    }),
    scalar!("timestamptz_trunc", [ctx] |f: &str, t: Tstz| {
        if dt::is_infinite(t.0) {
            return t.ret();
        }
        fields::trunc_timestamptz(f, t.0, &ctx.fmt.time_zone).map(Tstz)
    }),
    scalar!("timestamptz_trunc_zone", |f: &str, t: Tstz, z: &str| {
        if dt::is_infinite(t.0) {
            return t.ret();
        }
        fields::trunc_timestamptz(f, t.0, &named_zone(z)?).map(Tstz)
    }),
    scalar!("interval_trunc", |f: &str, v: Interval| fields::trunc_interval(f, &v)),
    scalar!("timestamp_bin", |s: Interval, t: Ts, o: Ts| bin(&s, t.0, o.0).map(Ts)),
    scalar!("timestamptz_bin", |s: Interval, t: Tstz, o: Tstz| bin(&s, t.0, o.0).map(Tstz)),
    scalar!("make_date", |y: i32, m: i32, d: i32| fields::make_date(y, m, d).map(Date)),
    scalar!("make_time", |h: i32, m: i32, s: f64| fields::make_time(h, m, s).map(Time)),
    scalar!("make_timestamp", |y: i32, mo: i32, d: i32, h: i32, mi: i32, s: f64| {
        fields::make_timestamp(y, mo, d, h, mi, s).map(Ts)
    }),
    scalar!("make_timestamptz", [ctx] |y: i32, mo: i32, d: i32, h: i32, mi: i32, s: f64| {
        let local = fields::make_timestamp(y, mo, d, h, mi, s)?;
        dt::timestamp_to_timestamptz(local, &ctx.fmt.time_zone).map(Tstz)
    }),
    scalar!("make_timestamptz_at_timezone", |y: i32, mo: i32, d: i32, h: i32, mi: i32, s: f64, z: &str| {
        let local = fields::make_timestamp(y, mo, d, h, mi, s)?;
        dt::timestamp_to_timestamptz(local, &given_zone(z)?).map(Tstz)
    }),
    scalar!("make_interval", |y: i32, mo: i32, w: i32, d: i32, h: i32, mi: i32, s: f64| {
        fields::make_interval(y, mo, w, d, h, mi, s)
    }),
    scalar!("overlaps_time", |a: Option<Time>, b: Option<Time>, c: Option<Time>, d: Option<Time>| overlaps(a, b, c, d)),
    scalar!("overlaps_timetz", |a: Option<TimeTz>, b: Option<TimeTz>, c: Option<TimeTz>, d: Option<TimeTz>| {
        let key = |t: Option<TimeTz>| t.map(|t| timetz_key(t.micros, t.zone));
        overlaps(key(a), key(b), key(c), key(d))
    }),
    scalar!("overlaps_timestamp", |a: Option<Instant>, b: Option<Instant>, c: Option<Instant>, d: Option<Instant>| {
        let key = |t: Option<Instant>| t.map(|t| t.micros);
        overlaps(key(a), key(b), key(c), key(d))
    }),
];

/// The forms of OVERLAPS with lengths instead of ends.
macro_rules! overlaps_with_length {
    ($ty:literal, $t:ty, [$ctx:ident] $add:expr) => {
        [
            scalar!(concat!("overlaps(", $ty, ",interval,", $ty, ",interval)"), [$ctx]
                |a: Option<$t>, x: Option<Interval>, c: Option<$t>, y: Option<Interval>| {
                overlaps(a, plus(a, x, $add)?, c, plus(c, y, $add)?)
            }),
            scalar!(concat!("overlaps(", $ty, ",", $ty, ",", $ty, ",interval)"), [$ctx]
                |a: Option<$t>, b: Option<$t>, c: Option<$t>, y: Option<Interval>| {
                overlaps(a, b, c, plus(c, y, $add)?)
            }),
            scalar!(concat!("overlaps(", $ty, ",interval,", $ty, ",", $ty, ")"), [$ctx]
                |a: Option<$t>, x: Option<Interval>, c: Option<$t>, d: Option<$t>| {
                overlaps(a, plus(a, x, $add)?, c, d)
            }),
        ]
    };
}

const OVERLAPS: &[&[Kernel]] = &[
    &overlaps_with_length!("time without time zone", Time, [_ctx] |t: Time, v| Ok(Time(iv::time_add(t.0, v)))),
    &overlaps_with_length!("timestamp without time zone", Ts, [_ctx] |t: Ts, v| iv::timestamp_add(t.0, v).map(Ts)),
    &overlaps_with_length!("timestamp with time zone", Tstz, [ctx] |t: Tstz, v| {
        iv::timestamptz_add(t.0, v, &ctx.fmt.time_zone).map(Tstz)
    }),
];

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &{
    let mut all: [&[Kernel]; COMPARISONS.len() + OVERLAPS.len() + 2] = [&[]; COMPARISONS.len() + OVERLAPS.len() + 2];
    let mut i = 0;
    while i < COMPARISONS.len() {
        all[i] = COMPARISONS[i];
        i += 1;
    }
    let mut j = 0;
    while j < OVERLAPS.len() {
        all[i + j] = OVERLAPS[j];
        j += 1;
    }
    all[i + j] = ARITHMETIC;
    all[i + j + 1] = FIELDS;
    all
};
