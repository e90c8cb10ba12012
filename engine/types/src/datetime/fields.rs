//! Fields of dates, times and intervals: `extract`/`date_part`, `date_trunc` and the `make_*` functions.

use super::interval_in::{Unit, unit};
use super::{
    Civil, UNIX_EPOCH_DAYS, USECS_PER_DAY, USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC, civil_from_days,
    civil_from_timestamp, day_of_week, days_from_civil, days_in_month, interval_out_of_range, is_infinite, join_time,
    timestamp_from_civil, timestamp_out_of_range, zone,
};
use crate::datum::Interval;
use crate::numeric::Numeric;
use jiff::tz::TimeZone;
use rustydb_base::{DbError, Result, SqlState};

/// A field that `extract` knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "SQL's names")]
pub enum Field {
    Unit(Unit),
    Julian,
    IsoYear,
    Dow,
    IsoDow,
    Doy,
    Epoch,
    TimeZone,
    TimeZoneHour,
    TimeZoneMinute,
}

impl Field {
    /// A field by its name in any case; `type_name` is for the error.
    pub fn parse(name: &str, type_name: &str) -> Result<Field> {
        let w = name.to_ascii_lowercase();
        if let Some(u) = unit(&w) {
            return Ok(Field::Unit(u));
        }
        Ok(match w.get(..10).unwrap_or(&w) {
            "j" | "jd" | "julian" => Field::Julian,
            "isoyear" => Field::IsoYear,
            "dow" => Field::Dow,
            "isodow" => Field::IsoDow,
            "doy" => Field::Doy,
            "epoch" => Field::Epoch,
            "timezone" => Field::TimeZone,
            "timezone_h" => Field::TimeZoneHour,
            "timezone_m" => Field::TimeZoneMinute,
            _ => return Err(unrecognized(&w, type_name)),
        })
    }
}

fn unrecognized(name: &str, type_name: &str) -> DbError {
    DbError::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("unit \"{}\" not recognized for type {type_name}", name.to_ascii_lowercase()),
    )
}

fn unsupported(name: &str, type_name: &str) -> DbError {
    DbError::unsupported(format!("unit \"{}\" not supported for type {type_name}", name.to_ascii_lowercase()))
}

/// A field's value. `extract` shows the numeric, `date_part` the double.
#[derive(Clone, Debug)]
pub struct FieldValue {
    /// For `extract`.
    pub numeric: Numeric,
    /// For `date_part`.
    pub float: f64,
}

impl FieldValue {
    fn int(v: i64) -> FieldValue {
        FieldValue { numeric: Numeric::from(v), float: v as f64 }
    }

    /// `value × 10^-scale`.
    fn scaled(value: i128, scale: u16, float: f64) -> Result<FieldValue> {
        Ok(FieldValue { numeric: Numeric::from_i128(value, scale)?, float })
    }

    fn infinite(negative: bool) -> FieldValue {
        if negative {
            FieldValue { numeric: Numeric::NEG_INFINITY, float: f64::NEG_INFINITY }
        } else {
            FieldValue { numeric: Numeric::INFINITY, float: f64::INFINITY }
        }
    }
}

/// Seconds, milliseconds and microseconds of a seconds part; `None` for other units.
fn sub_minute(u: Unit, sec: i64, usec: i64) -> Option<Result<FieldValue>> {
    let all = sec * USECS_PER_SEC + usec;
    Some(match u {
        Unit::Microsecond => Ok(FieldValue::int(all)),
        Unit::Millisecond => FieldValue::scaled(all.into(), 3, sec as f64 * 1000.0 + usec as f64 / 1000.0),
        Unit::Second => FieldValue::scaled(all.into(), 6, sec as f64 + usec as f64 / 1e6),
        _ => return None,
    })
}

/// Years as people count them: no year zero.
fn shown_year(y: i32) -> i64 {
    if y > 0 { y.into() } else { i64::from(y) - 1 }
}

/// ISO year and week of a day.
pub fn iso_week(days: i64) -> (i32, i32) {
    // The week belongs to the year of its Thursday.
    let thursday = days - i64::from((day_of_week(days) + 6) % 7) + 3;
    let (year, _, _) = civil_from_days(thursday);
    let week = (thursday - days_from_civil(year, 1, 1)) / 7 + 1;
    (year, week as i32)
}

fn date_field(f: Field, days: i64) -> Option<i64> {
    let (year, month, day) = civil_from_days(days);
    let y = i64::from(year);
    Some(match f {
        Field::Unit(Unit::Day) => day.into(),
        Field::Unit(Unit::Month) => month.into(),
        Field::Unit(Unit::Quarter) => i64::from((month - 1) / 3 + 1),
        Field::Unit(Unit::Week) => iso_week(days).1.into(),
        Field::Unit(Unit::Year) => shown_year(year),
        Field::Unit(Unit::Decade) => {
            if y >= 0 {
                y / 10
            } else {
                -((8 - (y - 1)) / 10)
            }
        }
        Field::Unit(Unit::Century) => {
            if y > 0 {
                (y + 99) / 100
            } else {
                -((99 - (y - 1)) / 100)
            }
        }
        Field::Unit(Unit::Millennium) => {
            if y > 0 {
                (y + 999) / 1000
            } else {
                -((999 - (y - 1)) / 1000)
            }
        }
        Field::IsoYear => shown_year(iso_week(days).0),
        Field::Dow => day_of_week(days).into(),
        Field::IsoDow => match day_of_week(days) {
            0 => 7,
            d => d.into(),
        },
        Field::Doy => days - days_from_civil(year, 1, 1) + 1,
        _ => return None,
    })
}

/// Value of a field of an infinite date or timestamp: fields that grow for ever are infinite, the others NULL.
fn infinite_field(f: Field, negative: bool) -> Option<FieldValue> {
    match f {
        Field::Unit(Unit::Year | Unit::Decade | Unit::Century | Unit::Millennium)
        | Field::Julian
        | Field::IsoYear
        | Field::Epoch => Some(FieldValue::infinite(negative)),
        _ => None,
    }
}

/// Field of a date; `None` is NULL.
pub fn extract_date(name: &str, d: i32) -> Result<Option<FieldValue>> {
    let f = Field::parse(name, "date")?;
    let time_field = matches!(
        f,
        Field::Unit(Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour)
            | Field::TimeZone
            | Field::TimeZoneHour
            | Field::TimeZoneMinute
    );
    if time_field {
        return Err(unsupported(name, "date"));
    }
    if super::is_infinite_date(d) {
        return Ok(infinite_field(f, d < 0));
    }
    let days = i64::from(d);
    let v = match f {
        Field::Julian => days + i64::from(super::POSTGRES_EPOCH_JDATE),
        Field::Epoch => (days + i64::from(UNIX_EPOCH_DAYS)) * 86_400,
        f => date_field(f, days).ok_or_else(|| unsupported(name, "date"))?,
    };
    Ok(Some(FieldValue::int(v)))
}

fn timestamp_field(name: &str, f: Field, local: i64, type_name: &str) -> Result<FieldValue> {
    let c = civil_from_timestamp(local);
    let days = local.div_euclid(USECS_PER_DAY);
    let us = local.rem_euclid(USECS_PER_DAY);
    if let Field::Unit(u) = f
        && let Some(r) = sub_minute(u, c.sec.into(), c.usec.into())
    {
        return r;
    }
    Ok(match f {
        Field::Unit(Unit::Minute) => FieldValue::int(c.min.into()),
        Field::Unit(Unit::Hour) => FieldValue::int(c.hour.into()),
        Field::Julian => {
            let jd = days + i64::from(super::POSTGRES_EPOCH_JDATE);
            let part = Numeric::from(us).div(&Numeric::from(USECS_PER_DAY))?;
            FieldValue {
                numeric: Numeric::from(jd).add(&part)?,
                float: jd as f64
                    + (((f64::from(c.hour) * 60.0 + f64::from(c.min)) * 60.0)
                        + f64::from(c.sec)
                        + f64::from(c.usec) / 1e6)
                        / 86_400.0,
            }
        }
        f => FieldValue::int(date_field(f, days).ok_or_else(|| unsupported(name, type_name))?),
    })
}

fn epoch(ts: i64) -> Result<FieldValue> {
    let v = i128::from(ts) + i128::from(UNIX_EPOCH_DAYS) * i128::from(USECS_PER_DAY);
    FieldValue::scaled(v, 6, v as f64 / 1e6)
}

/// Field of a timestamp; `None` is NULL.
pub fn extract_timestamp(name: &str, ts: i64) -> Result<Option<FieldValue>> {
    let type_name = "timestamp without time zone";
    let f = Field::parse(name, type_name)?;
    if is_infinite(ts) {
        return Ok(infinite_field(f, ts < 0));
    }
    if matches!(f, Field::TimeZone | Field::TimeZoneHour | Field::TimeZoneMinute) {
        return Err(unsupported(name, type_name));
    }
    if f == Field::Epoch {
        return epoch(ts).map(Some);
    }
    timestamp_field(name, f, ts, type_name).map(Some)
}

/// Field of a timestamptz as shown in a zone; `None` is NULL.
pub fn extract_timestamptz(name: &str, ts: i64, tz: &TimeZone) -> Result<Option<FieldValue>> {
    let type_name = "timestamp with time zone";
    let f = Field::parse(name, type_name)?;
    if is_infinite(ts) {
        return Ok(infinite_field(f, ts < 0));
    }
    let east = i64::from(zone::offset_at(tz, ts));
    let v = match f {
        Field::Epoch => epoch(ts)?,
        f => match zone_field(f, east) {
            Some(v) => v,
            None => timestamp_field(name, f, ts + east * USECS_PER_SEC, type_name)?,
        },
    };
    Ok(Some(v))
}

fn zone_field(f: Field, east: i64) -> Option<FieldValue> {
    Some(FieldValue::int(match f {
        Field::TimeZone => east,
        Field::TimeZoneHour => east / 3600,
        Field::TimeZoneMinute => east / 60 % 60,
        _ => return None,
    }))
}

fn time_field(name: &str, f: Field, us: i64, type_name: &str) -> Result<FieldValue> {
    let (h, m, s, u) = super::split_time(us);
    match f {
        Field::Unit(Unit::Hour) => Ok(FieldValue::int(h.into())),
        Field::Unit(Unit::Minute) => Ok(FieldValue::int(m.into())),
        Field::Unit(unit) => sub_minute(unit, s.into(), u.into()).unwrap_or_else(|| Err(unsupported(name, type_name))),
        _ => Err(unsupported(name, type_name)),
    }
}

/// Field of a time.
pub fn extract_time(name: &str, us: i64) -> Result<FieldValue> {
    let type_name = "time without time zone";
    match Field::parse(name, type_name)? {
        Field::Epoch => FieldValue::scaled(us.into(), 6, us as f64 / 1e6),
        f => time_field(name, f, us, type_name),
    }
}

/// Field of a timetz.
pub fn extract_timetz(name: &str, us: i64, west: i32) -> Result<FieldValue> {
    let type_name = "time with time zone";
    let f = Field::parse(name, type_name)?;
    if let Some(v) = zone_field(f, -i64::from(west)) {
        return Ok(v);
    }
    match f {
        Field::Epoch => {
            let v = us + i64::from(west) * USECS_PER_SEC;
            FieldValue::scaled(v.into(), 6, us as f64 / 1e6 + f64::from(west))
        }
        f => time_field(name, f, us, type_name),
    }
}

/// Field of an interval.
pub fn extract_interval(name: &str, v: &Interval) -> Result<FieldValue> {
    let type_name = "interval";
    let f = Field::parse(name, type_name)?;
    let (hours, rest) = (v.micros / USECS_PER_HOUR, v.micros % USECS_PER_HOUR);
    let (mins, rest) = (rest / USECS_PER_MINUTE, rest % USECS_PER_MINUTE);
    let years = i64::from(v.months / 12);
    let months = i64::from(v.months % 12);
    if f == Field::Epoch {
        // A year counts 365.25 days.
        let quarter_days = 1461 * i128::from(years) + 120 * i128::from(months) + 4 * i128::from(v.days);
        let us = quarter_days * i128::from(USECS_PER_DAY / 4) + i128::from(v.micros);
        let float = v.micros as f64 / 1e6
            + 365.25 * 86_400.0 * years as f64
            + 30.0 * 86_400.0 * months as f64
            + 86_400.0 * f64::from(v.days);
        return FieldValue::scaled(us, 6, float);
    }
    let Field::Unit(u) = f else { return Err(unsupported(name, type_name)) };
    if let Some(r) = sub_minute(u, rest / USECS_PER_SEC, rest % USECS_PER_SEC) {
        return r;
    }
    Ok(FieldValue::int(match u {
        Unit::Minute => mins,
        Unit::Hour => hours,
        Unit::Day => v.days.into(),
        Unit::Month => months,
        Unit::Quarter => months / 3 + 1,
        Unit::Year => years,
        Unit::Decade => years / 10,
        Unit::Century => years / 100,
        Unit::Millennium => years / 1000,
        _ => return Err(unsupported(name, type_name)),
    }))
}

/// Cuts a civil time to a unit.
fn trunc_civil(c: &mut Civil, u: Unit) {
    use Unit::*;
    match u {
        Microsecond => return,
        Millisecond => {
            c.usec = c.usec / 1000 * 1000;
            return;
        }
        _ => c.usec = 0,
    }
    if u == Second {
        return;
    }
    c.sec = 0;
    if u == Minute {
        return;
    }
    c.min = 0;
    if u == Hour {
        return;
    }
    c.hour = 0;
    let y = c.year;
    match u {
        Day => {}
        Week => {
            let days = days_from_civil(c.year, c.month, c.day);
            let monday = days - i64::from((day_of_week(days) + 6) % 7);
            (c.year, c.month, c.day) = civil_from_days(monday);
        }
        Month => c.day = 1,
        Quarter => (c.month, c.day) = ((c.month - 1) / 3 * 3 + 1, 1),
        _ => {
            (c.month, c.day) = (1, 1);
            c.year = match u {
                Decade if y > 0 => y / 10 * 10,
                Decade => -((8 - (y - 1)) / 10) * 10,
                Century if y > 0 => (y + 99) / 100 * 100 - 99,
                Century => -((99 - (y - 1)) / 100) * 100 + 1,
                Millennium if y > 0 => (y + 999) / 1000 * 1000 - 999,
                Millennium => -((999 - (y - 1)) / 1000) * 1000 + 1,
                _ => y,
            };
        }
    }
}

fn trunc_unit(name: &str, type_name: &str) -> Result<Unit> {
    match Field::parse(name, type_name)? {
        Field::Unit(u) => Ok(u),
        Field::TimeZone | Field::TimeZoneHour | Field::TimeZoneMinute => Err(unsupported(name, type_name)),
        _ => Err(unrecognized(name, type_name)),
    }
}

/// `date_trunc` of a timestamp.
pub fn trunc_timestamp(name: &str, ts: i64) -> Result<i64> {
    let u = trunc_unit(name, "timestamp without time zone")?;
    if is_infinite(ts) {
        return Ok(ts);
    }
    let mut c = civil_from_timestamp(ts);
    trunc_civil(&mut c, u);
    timestamp_from_civil(&c).ok_or_else(timestamp_out_of_range)
}

/// `date_trunc` of a timestamptz in a zone.
pub fn trunc_timestamptz(name: &str, ts: i64, tz: &TimeZone) -> Result<i64> {
    use Unit::*;
    let u = trunc_unit(name, "timestamp with time zone")?;
    if is_infinite(ts) {
        return Ok(ts);
    }
    let east = zone::offset_at(tz, ts);
    let local = ts + i64::from(east) * USECS_PER_SEC;
    let mut c = civil_from_timestamp(local);
    trunc_civil(&mut c, u);
    let cut = timestamp_from_civil(&c).ok_or_else(timestamp_out_of_range)?;
    // Below a day the instant keeps its offset; from a day up the new local midnight has its own.
    let east = match u {
        Microsecond | Millisecond | Second | Minute | Hour => east,
        _ => zone::offset_of_local(tz, cut),
    };
    cut.checked_sub(i64::from(east) * USECS_PER_SEC)
        .filter(|&t| super::is_valid_timestamp(t))
        .ok_or_else(timestamp_out_of_range)
}

/// `date_trunc` of an interval.
pub fn trunc_interval(name: &str, v: &Interval) -> Result<Interval> {
    let u = trunc_unit(name, "interval")?;
    let months = |n: i32| Interval { months: v.months / n * n, days: 0, micros: 0 };
    let micros = |n: i64| Interval { micros: v.micros / n * n, ..*v };
    Ok(match u {
        Unit::Microsecond => *v,
        Unit::Millisecond => micros(1000),
        Unit::Second => micros(USECS_PER_SEC),
        Unit::Minute => micros(USECS_PER_MINUTE),
        Unit::Hour => micros(USECS_PER_HOUR),
        Unit::Day => Interval { micros: 0, ..*v },
        Unit::Week => return Err(unsupported(name, "interval").detail("Months usually have fractional weeks.")),
        Unit::Month => months(1),
        Unit::Quarter => months(3),
        Unit::Year => months(12),
        Unit::Decade => months(120),
        Unit::Century => months(1200),
        Unit::Millennium => months(12_000),
    })
}

fn field_out_of_range(what: String) -> DbError {
    DbError::new(SqlState::DATETIME_FIELD_OVERFLOW, what)
}

/// `make_date`; negative years are BC.
pub fn make_date(year: i32, month: i32, day: i32) -> Result<i32> {
    let fail = || field_out_of_range(format!("date field value out of range: {year}-{month:02}-{day:02}"));
    let y = match year {
        0 => return Err(fail()),
        // -1 is 1 BC, which is 0 inside.
        y if y < 0 => y.checked_add(1).ok_or_else(fail)?,
        y => y,
    };
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(y, month) {
        return Err(fail());
    }
    let days = days_from_civil(y, month, day);
    if !(i64::from(super::MIN_DATE)..i64::from(super::END_DATE)).contains(&days) {
        return Err(DbError::new(
            SqlState::DATETIME_VALUE_OUT_OF_RANGE,
            format!("date out of range: {year}-{month:02}-{day:02}"),
        ));
    }
    Ok(days as i32)
}

/// `%02g` of C.
fn g02(v: f64) -> String {
    let t = crate::io::float::format_g(v, 6);
    if t.len() < 2 { format!("0{t}") } else { t }
}

/// `make_time`.
pub fn make_time(hour: i32, min: i32, sec: f64) -> Result<i64> {
    let fail = || field_out_of_range(format!("time field value out of range: {hour}:{min:02}:{}", g02(sec)));
    let us = (sec * 1e6).round_ties_even();
    if !(0..=24).contains(&hour) || !(0..60).contains(&min) || !(0.0..=60e6).contains(&us) {
        return Err(fail());
    }
    let t = join_time(hour, min, 0, 0) + us as i64;
    if t > USECS_PER_DAY { Err(fail()) } else { Ok(t) }
}

/// `make_timestamp`.
pub fn make_timestamp(year: i32, month: i32, day: i32, hour: i32, min: i32, sec: f64) -> Result<i64> {
    let d = make_date(year, month, day)?;
    let t = make_time(hour, min, sec)?;
    super::timestamp_from_parts(d.into(), t).ok_or_else(|| {
        DbError::new(
            SqlState::DATETIME_VALUE_OUT_OF_RANGE,
            format!("timestamp out of range: {year}-{month:02}-{day:02} {hour}:{min:02}:{}", g02(sec)),
        )
    })
}

/// `make_interval`.
pub fn make_interval(
    years: i32,
    months: i32,
    weeks: i32,
    days: i32,
    hours: i32,
    mins: i32,
    secs: f64,
) -> Result<Interval> {
    if !secs.is_finite() {
        return Err(interval_out_of_range());
    }
    // PostgreSQL 15 lets every sum wrap around, and seconds that are too many become the least number.
    let us = (secs * 1e6).round_ties_even();
    let us = if us.abs() < 2f64.powi(63) { us as i64 } else { i64::MIN };
    let time = (i64::from(hours) * USECS_PER_HOUR).wrapping_add(i64::from(mins) * USECS_PER_MINUTE);
    Ok(Interval {
        months: years.wrapping_mul(12).wrapping_add(months),
        days: weeks.wrapping_mul(7).wrapping_add(days),
        micros: time.wrapping_add(us),
    })
}
