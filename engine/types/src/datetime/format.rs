//! Writing dates, times and intervals in every DateStyle and IntervalStyle.

use super::{Civil, USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC, civil_from_days, civil_from_timestamp, zone};
use crate::ctx::{DateOrder, DateStyle, FormatSettings, IntervalStyle};
use crate::datum::Interval;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

fn put2(out: &mut Vec<u8>, v: i32) {
    out.extend_from_slice(&[b'0' + (v / 10 % 10) as u8, b'0' + (v % 10) as u8]);
}

fn put_int(out: &mut Vec<u8>, v: i64) {
    let mut b = itoa::Buffer::new();
    out.extend_from_slice(b.format(v).as_bytes());
}

/// Year of the era, four digits at least.
fn put_year(out: &mut Vec<u8>, year: i32) {
    let y = if year > 0 { year } else { 1 - year };
    if y < 10_000 {
        put2(out, y / 100);
        put2(out, y % 100);
    } else {
        put_int(out, y.into());
    }
}

fn put_fraction(out: &mut Vec<u8>, usec: i32) {
    if usec == 0 {
        return;
    }
    out.push(b'.');
    let mut digits = [0u8; 6];
    let mut v = usec.unsigned_abs();
    for d in digits.iter_mut().rev() {
        *d = b'0' + (v % 10) as u8;
        v /= 10;
    }
    let len = digits.iter().rposition(|&d| d != b'0').map_or(0, |i| i + 1);
    out.extend_from_slice(&digits[..len]);
}

fn put_time(out: &mut Vec<u8>, c: &Civil) {
    put2(out, c.hour);
    out.push(b':');
    put2(out, c.min);
    out.push(b':');
    put2(out, c.sec);
    put_fraction(out, c.usec);
}

/// `+hh[:mm[:ss]]` of seconds east of UTC.
fn put_offset(out: &mut Vec<u8>, east: i32) {
    out.push(if east < 0 { b'-' } else { b'+' });
    let v = east.saturating_abs();
    match v / 3600 {
        hours @ ..100 => put2(out, hours),
        hours => put_int(out, hours.into()),
    }
    let (m, s) = (v / 60 % 60, v % 60);
    if m != 0 || s != 0 {
        out.push(b':');
        put2(out, m);
    }
    if s != 0 {
        out.push(b':');
        put2(out, s);
    }
}

/// Two numbers in the order DateStyle gives month and day.
fn put_month_day(out: &mut Vec<u8>, order: DateOrder, sep: u8, month: i32, day: i32) {
    let (a, b) = if order == DateOrder::Dmy { (day, month) } else { (month, day) };
    put2(out, a);
    out.push(sep);
    put2(out, b);
}

fn put_date(out: &mut Vec<u8>, fmt: &FormatSettings, c: &Civil) {
    match fmt.date_style {
        DateStyle::Iso => {
            put_year(out, c.year);
            out.push(b'-');
            put2(out, c.month);
            out.push(b'-');
            put2(out, c.day);
        }
        DateStyle::Sql => {
            put_month_day(out, fmt.date_order, b'/', c.month, c.day);
            out.push(b'/');
            put_year(out, c.year);
        }
        DateStyle::German => {
            put_month_day(out, DateOrder::Dmy, b'.', c.month, c.day);
            out.push(b'.');
            put_year(out, c.year);
        }
        DateStyle::Postgres => {
            put_month_day(out, fmt.date_order, b'-', c.month, c.day);
            out.push(b'-');
            put_year(out, c.year);
        }
    }
}

fn put_era(out: &mut Vec<u8>, year: i32) {
    if year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

fn put_infinity(out: &mut Vec<u8>, negative: bool) {
    out.extend_from_slice(if negative { b"-infinity".as_slice() } else { b"infinity" });
}

/// Appends a date.
pub fn date_out(fmt: &FormatSettings, d: i32, out: &mut Vec<u8>) {
    if super::is_infinite_date(d) {
        return put_infinity(out, d < 0);
    }
    let (year, month, day) = civil_from_days(d.into());
    put_date(out, fmt, &Civil { year, month, day, ..Civil::default() });
    put_era(out, year);
}

/// A zone as it follows a time: seconds east, and the abbreviation if there is one.
type ZoneText<'a> = Option<(i32, Option<&'a str>)>;

fn put_datetime(out: &mut Vec<u8>, fmt: &FormatSettings, c: &Civil, zone: ZoneText<'_>) {
    let put_zone = |out: &mut Vec<u8>, spaced: bool| match zone {
        Some((_, Some(abbrev))) => {
            out.push(b' ');
            out.extend_from_slice(abbrev.as_bytes());
        }
        Some((east, None)) => {
            if spaced {
                out.push(b' ');
            }
            put_offset(out, east);
        }
        None => {}
    };
    match fmt.date_style {
        DateStyle::Iso => {
            put_date(out, fmt, c);
            out.push(b' ');
            put_time(out, c);
            if let Some((east, _)) = zone {
                put_offset(out, east);
            }
        }
        DateStyle::Sql | DateStyle::German => {
            put_date(out, fmt, c);
            out.push(b' ');
            put_time(out, c);
            put_zone(out, false);
        }
        DateStyle::Postgres => {
            let days = super::days_from_civil(c.year, c.month, c.day);
            out.extend_from_slice(DAYS[super::day_of_week(days) as usize % 7].as_bytes());
            out.push(b' ');
            let month = MONTHS[(c.month - 1) as usize % 12];
            if fmt.date_order == DateOrder::Dmy {
                put2(out, c.day);
                out.push(b' ');
                out.extend_from_slice(month.as_bytes());
            } else {
                out.extend_from_slice(month.as_bytes());
                out.push(b' ');
                put2(out, c.day);
            }
            out.push(b' ');
            put_time(out, c);
            out.push(b' ');
            put_year(out, c.year);
            put_zone(out, true);
        }
    }
    put_era(out, c.year);
}

/// Appends a timestamp.
pub fn timestamp_out(fmt: &FormatSettings, ts: i64, out: &mut Vec<u8>) {
    if super::is_infinite(ts) {
        return put_infinity(out, ts < 0);
    }
    put_datetime(out, fmt, &civil_from_timestamp(ts), None);
}

/// Appends a timestamptz in the session's zone.
pub fn timestamptz_out(fmt: &FormatSettings, ts: i64, out: &mut Vec<u8>) {
    if super::is_infinite(ts) {
        return put_infinity(out, ts < 0);
    }
    // A valid instant plus an offset of less than a day cannot overflow i64.
    if fmt.date_style == DateStyle::Iso {
        let east = zone::offset_at(&fmt.time_zone, ts);
        let c = civil_from_timestamp(ts.saturating_add(i64::from(east) * USECS_PER_SEC));
        put_datetime(out, fmt, &c, Some((east, None)));
    } else {
        let (east, abbrev, _) = zone::info_at(&fmt.time_zone, ts);
        let c = civil_from_timestamp(ts.saturating_add(i64::from(east) * USECS_PER_SEC));
        put_datetime(out, fmt, &c, Some((east, Some(&abbrev))));
    }
}

/// Appends a time of day.
pub fn time_out(us: i64, out: &mut Vec<u8>) {
    let (hour, min, sec, usec) = super::split_time(us);
    put_time(out, &Civil { hour, min, sec, usec, ..Civil::default() });
}

/// Appends a time of day with its zone (seconds west of UTC).
pub fn timetz_out(us: i64, west: i32, out: &mut Vec<u8>) {
    time_out(us, out);
    put_offset(out, west.saturating_neg());
}

/// Fields of an interval as it is shown.
struct Shown {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    mins: i64,
    secs: i64,
    usecs: i64,
}

fn put_secs(out: &mut Vec<u8>, secs: i64, usecs: i64, fill: bool) {
    let s = secs.abs();
    if fill && s < 10 {
        out.push(b'0');
    }
    put_int(out, s);
    put_fraction(out, usecs as i32);
}

/// Appends an interval.
pub fn interval_out(style: IntervalStyle, v: &Interval, out: &mut Vec<u8>) {
    let mut t = v.micros;
    let hours = t / USECS_PER_HOUR;
    t -= hours * USECS_PER_HOUR;
    let mins = t / USECS_PER_MINUTE;
    t -= mins * USECS_PER_MINUTE;
    let s = Shown {
        years: i64::from(v.months / 12),
        months: i64::from(v.months % 12),
        days: v.days.into(),
        hours,
        mins,
        secs: t / USECS_PER_SEC,
        usecs: t % USECS_PER_SEC,
    };
    match style {
        IntervalStyle::Postgres => postgres(&s, out),
        IntervalStyle::PostgresVerbose => verbose(&s, out),
        IntervalStyle::SqlStandard => sql_standard(s, out),
        IntervalStyle::Iso8601 => iso_8601(&s, out),
    }
}

fn postgres(s: &Shown, out: &mut Vec<u8>) {
    let mut zero = true;
    let mut before = false;
    for (v, name) in [(s.years, "year"), (s.months, "mon"), (s.days, "day")] {
        if v == 0 {
            continue;
        }
        if !zero {
            out.push(b' ');
        }
        // Only the field right after a negative one gets its plus sign.
        if before && v > 0 {
            out.push(b'+');
        }
        put_int(out, v);
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        if v != 1 {
            out.push(b's');
        }
        before = v < 0;
        zero = false;
    }
    if zero || s.hours != 0 || s.mins != 0 || s.secs != 0 || s.usecs != 0 {
        if !zero {
            out.push(b' ');
        }
        if s.hours < 0 || s.mins < 0 || s.secs < 0 || s.usecs < 0 {
            out.push(b'-');
        } else if before {
            out.push(b'+');
        }
        if s.hours.abs() < 10 {
            out.push(b'0');
        }
        put_int(out, s.hours.abs());
        out.push(b':');
        put2(out, s.mins.abs() as i32);
        out.push(b':');
        put_secs(out, s.secs, s.usecs, true);
    }
}

fn verbose(s: &Shown, out: &mut Vec<u8>) {
    out.push(b'@');
    let mut zero = true;
    let mut before = false;
    for (v, name) in [(s.years, "year"), (s.months, "mon"), (s.days, "day"), (s.hours, "hour"), (s.mins, "min")] {
        if v == 0 {
            continue;
        }
        let mut v = v;
        if zero {
            before = v < 0;
            v = v.abs();
        } else if before {
            v = -v;
        }
        out.push(b' ');
        put_int(out, v);
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        if v != 1 {
            out.push(b's');
        }
        zero = false;
    }
    if s.secs != 0 || s.usecs != 0 {
        out.push(b' ');
        if s.secs < 0 || (s.secs == 0 && s.usecs < 0) {
            if zero {
                before = true;
            } else if !before {
                out.push(b'-');
            }
        } else if before {
            out.push(b'-');
        }
        put_secs(out, s.secs, s.usecs, false);
        out.extend_from_slice(if s.secs.abs() != 1 || s.usecs != 0 { b" secs".as_slice() } else { b" sec" });
        zero = false;
    }
    if zero {
        out.extend_from_slice(b" 0");
    }
    if before {
        out.extend_from_slice(b" ago");
    }
}

fn sql_standard(mut s: Shown, out: &mut Vec<u8>) {
    let all = [s.years, s.months, s.days, s.hours, s.mins, s.secs, s.usecs];
    let negative = all.iter().any(|&v| v < 0);
    let positive = all.iter().any(|&v| v > 0);
    let year_month = s.years != 0 || s.months != 0;
    let day_time = s.days != 0 || s.hours != 0 || s.mins != 0 || s.secs != 0 || s.usecs != 0;
    let standard = !((negative && positive) || (year_month && day_time));
    if !negative && !positive {
        out.push(b'0');
        return;
    }
    if !standard {
        let sign = |neg: bool| if neg { b'-' } else { b'+' };
        out.push(sign(s.years < 0 || s.months < 0));
        put_int(out, s.years.abs());
        out.push(b'-');
        put_int(out, s.months.abs());
        out.push(b' ');
        out.push(sign(s.days < 0));
        put_int(out, s.days.abs());
        out.push(b' ');
        out.push(sign(s.hours < 0 || s.mins < 0 || s.secs < 0 || s.usecs < 0));
    } else {
        if negative {
            out.push(b'-');
            s = Shown {
                years: -s.years,
                months: -s.months,
                days: -s.days,
                hours: -s.hours,
                mins: -s.mins,
                secs: -s.secs,
                usecs: -s.usecs,
            };
        }
        if year_month {
            put_int(out, s.years);
            out.push(b'-');
            put_int(out, s.months);
            return;
        }
        if s.days != 0 {
            put_int(out, s.days);
            out.push(b' ');
        }
    }
    put_int(out, s.hours.abs());
    out.push(b':');
    put2(out, s.mins.abs() as i32);
    out.push(b':');
    put_secs(out, s.secs, s.usecs, true);
}

fn iso_8601(s: &Shown, out: &mut Vec<u8>) {
    let time = s.hours != 0 || s.mins != 0 || s.secs != 0 || s.usecs != 0;
    if s.years == 0 && s.months == 0 && s.days == 0 && !time {
        out.extend_from_slice(b"PT0S");
        return;
    }
    let part = |out: &mut Vec<u8>, v: i64, unit: u8| {
        if v != 0 {
            put_int(out, v);
            out.push(unit);
        }
    };
    out.push(b'P');
    part(out, s.years, b'Y');
    part(out, s.months, b'M');
    part(out, s.days, b'D');
    if time {
        out.push(b'T');
        part(out, s.hours, b'H');
        part(out, s.mins, b'M');
        if s.secs != 0 || s.usecs != 0 {
            if s.secs < 0 || s.usecs < 0 {
                out.push(b'-');
            }
            put_secs(out, s.secs, s.usecs, false);
            out.push(b'S');
        }
    }
}
