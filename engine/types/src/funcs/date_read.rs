//! `to_timestamp` and `to_date`: reading a text by a template.
//!
//! Unless the template says FX, reading is lenient: blanks before a field are passed over, any separator of the text
//! answers to any separator of the template, and a field takes as many digits as its pattern has unless a separator
//! follows. The fields found are then put together; those that contradict each other are an error.

use super::args::{Date, Tstz, scalar};
use super::date_format::{Case, DAYS, MONTHS, Node, Pattern, ROMAN_MONTHS, parse};
use crate::ctx::EvalCtx;
use crate::datetime::{self as dt, zone};
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};

/// What the text told.
#[derive(Default)]
struct Found {
    pm: Option<bool>,
    hour: Option<i32>,
    /// The hour is one of a 12-hour clock.
    twelve: bool,
    minute: Option<i32>,
    second: Option<i32>,
    second_of_day: Option<i32>,
    millis: Option<i32>,
    micros: Option<i32>,
    bc: Option<bool>,
    year: Option<i32>,
    /// Digits the year was written with; fewer than three with a century make a whole year.
    year_digits: u32,
    century: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    day_of_year: Option<i32>,
    /// Sunday is 1.
    weekday: Option<i32>,
    week: Option<i32>,
    week_of_month: Option<i32>,
    julian: Option<i32>,
    zone_sign: i32,
    zone_hour: Option<i32>,
    zone_minute: Option<i32>,
    gregorian: bool,
    iso: bool,
}

fn format_error(message: impl Into<String>) -> DbError {
    DbError::new(SqlState::INVALID_DATETIME_FORMAT, message.into())
}

fn range_error(text: &str) -> DbError {
    DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, format!("date/time field value out of range: \"{text}\""))
}

/// Stores a field, unless it was found before with another value.
fn put<T: PartialEq>(slot: &mut Option<T>, value: T, name: &str) -> Result<()> {
    match slot {
        Some(old) if *old != value => {
            Err(format_error(format!("conflicting values for \"{name}\" field in formatting string"))
                .detail("This value contradicts a previous setting for the same field type."))
        }
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn separator(c: char) -> bool {
    c.is_ascii() && c > ' ' && c < '\x7f' && !c.is_ascii_alphanumeric()
}

/// As [`put`], for numbers; zero says nothing, as if the field were not there.
fn put_number(slot: &mut Option<i32>, value: i32, name: &str) -> Result<()> {
    if value == 0 && slot.is_none() { Ok(()) } else { put(slot, value, name) }
}

struct Reader<'a> {
    rest: &'a str,
    found: Found,
}

impl<'a> Reader<'a> {
    fn skip_blanks(&mut self) -> i32 {
        let trimmed = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        let skipped = self.rest.len() - trimmed.len();
        self.rest = trimmed;
        skipped as i32
    }

    fn skip_char(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    /// A whole number of exactly `width` characters, or of any length when `free`; with its length.
    fn number(&mut self, width: usize, free: bool, name: &str) -> Result<(i32, usize)> {
        const FM_HINT: &str = "If your source string is not fixed-width, try using the \"FM\" modifier.";
        self.skip_blanks();
        let end = self.rest.char_indices().nth(width).map_or(self.rest.len(), |(i, _)| i);
        let window = &self.rest[..end];
        let available = window.chars().count();
        if !free && available < width {
            return Err(format_error(format!("source string too short for \"{name}\" formatting field"))
                .detail(format!("Field requires {width} characters, but only {available} remain."))
                .hint(FM_HINT));
        }
        let source = if free { self.rest } else { window };
        let signed = usize::from(source.starts_with(['-', '+']));
        let digits = source.bytes().skip(signed).take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(
                format_error(format!("invalid value \"{window}\" for \"{name}\"")).detail("Value must be an integer.")
            );
        }
        let used = signed + digits;
        if !free && used < width {
            return Err(format_error(format!("invalid value \"{window}\" for \"{name}\""))
                .detail(format!("Field requires {width} characters, but only {used} could be parsed."))
                .hint(FM_HINT));
        }
        let value = source.get(..used).and_then(|s| s.parse().ok()).ok_or_else(|| {
            DbError::new(
                SqlState::DATETIME_VALUE_OUT_OF_RANGE,
                format!("value for \"{name}\" in source string is out of range"),
            )
            .detail(format!("Value must be in the range {} to {}.", i32::MIN, i32::MAX))
        })?;
        self.rest = &self.rest[used..];
        Ok((value, used))
    }

    /// One of several words, in any case: its index.
    fn word(&mut self, words: &[&str], name: &str) -> Result<usize> {
        self.skip_blanks();
        let found = words
            .iter()
            .enumerate()
            .filter(|(_, w)| self.rest.get(..w.len()).is_some_and(|head| head.eq_ignore_ascii_case(w)));
        match found.max_by_key(|(_, w)| w.len()) {
            Some((i, w)) => {
                self.rest = &self.rest[w.len()..];
                Ok(i)
            }
            None => {
                let shown: String = self.rest.chars().take_while(|c| !c.is_whitespace()).collect();
                Err(format_error(format!("invalid value \"{shown}\" for \"{name}\""))
                    .detail("The given value did not match any of the allowed values for this field."))
            }
        }
    }

    fn field(&mut self, pattern: Pattern, name: &str, free: bool) -> Result<()> {
        match pattern {
            Pattern::Exact => return Ok(()),
            Pattern::Year(_)
            | Pattern::YearComma
            | Pattern::Month
            | Pattern::MonthName
            | Pattern::MonthShort
            | Pattern::RomanMonth
            | Pattern::DayOfMonth
            | Pattern::DayOfYear
            | Pattern::DayOfWeek
            | Pattern::WeekOfYear
            | Pattern::WeekOfMonth
            | Pattern::Century
            | Pattern::Era { .. } => self.found.gregorian = true,
            Pattern::IsoYear(_) | Pattern::IsoWeek | Pattern::IsoDayOfWeek | Pattern::IsoDayOfYear => {
                self.found.iso = true;
            }
            _ => {}
        }
        if self.found.gregorian && self.found.iso {
            return Err(format_error("invalid combination of date conventions")
                .hint("Do not mix Gregorian and ISO week date conventions in a formatting template."));
        }
        match pattern {
            Pattern::Exact => {}
            Pattern::HalfDay { dots } => {
                let words: &[&str] = if dots { &["a.m.", "p.m."] } else { &["am", "pm"] };
                let pm = self.word(words, name)? == 1;
                put(&mut self.found.pm, pm, name)?;
                self.found.twelve = true;
            }
            Pattern::Era { dots } => {
                let words: &[&str] = if dots { &["a.d.", "b.c."] } else { &["ad", "bc"] };
                let bc = self.word(words, name)? == 1;
                put(&mut self.found.bc, bc, name)?;
            }
            Pattern::Hour12 | Pattern::Hour24 => {
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.hour, n, name)?;
                if pattern == Pattern::Hour12 {
                    self.found.twelve = true;
                }
            }
            Pattern::Minute => {
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.minute, n, name)?;
            }
            Pattern::Second => {
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.second, n, name)?;
            }
            Pattern::SecondOfDay => {
                let (n, _) = self.number(name.len(), free, name)?;
                put_number(&mut self.found.second_of_day, n, name)?;
            }
            Pattern::Millisecond => {
                // .1 is a hundred milliseconds.
                let (n, len) = self.number(3, free, name)?;
                let n = n.saturating_mul(10i32.pow(3u32.saturating_sub(len as u32)));
                put_number(&mut self.found.millis, n, name)?;
            }
            Pattern::Microsecond | Pattern::Fraction(_) => {
                let width = if let Pattern::Fraction(w) = pattern { w as usize } else { 6 };
                let (n, len) = self.number(width, free, name)?;
                let n = n.saturating_mul(10i32.pow(6u32.saturating_sub(len as u32)));
                put_number(&mut self.found.micros, n, name)?;
            }
            Pattern::ZoneName | Pattern::Offset => {
                return Err(DbError::unsupported(format!("formatting field \"{name}\" is only supported in to_char")));
            }
            Pattern::ZoneHour => {
                self.found.zone_sign = match self.rest.as_bytes().first() {
                    Some(b'-') => -1,
                    _ => 1,
                };
                if self.rest.starts_with(['-', '+', ' ']) {
                    self.rest = &self.rest[1..];
                }
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.zone_hour, n, name)?;
            }
            Pattern::ZoneMinute => {
                if self.found.zone_sign == 0 {
                    self.found.zone_sign = 1;
                }
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.zone_minute, n, name)?;
            }
            Pattern::MonthName => {
                let m = self.word(&MONTHS, name)? as i32 + 1;
                put_number(&mut self.found.month, m, name)?;
            }
            Pattern::MonthShort => {
                let short: Vec<&str> = MONTHS.iter().map(|m| &m[..3]).collect();
                let m = self.word(&short, name)? as i32 + 1;
                put_number(&mut self.found.month, m, name)?;
            }
            Pattern::RomanMonth => {
                let m = self.word(&ROMAN_MONTHS, name)? as i32 + 1;
                put_number(&mut self.found.month, m, name)?;
            }
            Pattern::Month => {
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.month, n, name)?;
            }
            Pattern::DayName => {
                let d = self.word(&DAYS, name)? as i32 + 1;
                put_number(&mut self.found.weekday, d, name)?;
            }
            Pattern::DayShort => {
                let short: Vec<&str> = DAYS.iter().map(|d| &d[..3]).collect();
                let d = self.word(&short, name)? as i32 + 1;
                put_number(&mut self.found.weekday, d, name)?;
            }
            Pattern::DayOfYear | Pattern::IsoDayOfYear => {
                let (n, _) = self.number(3, free, name)?;
                put_number(&mut self.found.day_of_year, n, name)?;
            }
            Pattern::DayOfMonth => {
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.day, n, name)?;
            }
            Pattern::DayOfWeek => {
                let (n, _) = self.number(1, free, name)?;
                put_number(&mut self.found.weekday, n, name)?;
            }
            Pattern::IsoDayOfWeek => {
                // Monday is 1 here.
                let (n, _) = self.number(1, free, name)?;
                put_number(&mut self.found.weekday, if n >= 7 { 1 } else { n + 1 }, name)?;
            }
            Pattern::WeekOfYear | Pattern::IsoWeek => {
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.week, n, name)?;
            }
            Pattern::WeekOfMonth => {
                let (n, _) = self.number(1, free, name)?;
                put_number(&mut self.found.week_of_month, n, name)?;
            }
            Pattern::Quarter => {
                // A quarter says too little to make a date of; it is read and dropped.
                self.number(1, free, name)?;
            }
            Pattern::Century => {
                let (n, _) = self.number(2, free, name)?;
                put_number(&mut self.found.century, n, name)?;
            }
            Pattern::YearComma => {
                let invalid = || format_error("invalid input string for \"Y,YYY\"");
                let (thousands, rest) = self.rest.split_once(',').ok_or_else(invalid)?;
                let last = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
                let thousands: i32 = thousands.trim().parse().map_err(|_| invalid())?;
                let units: i32 = rest.get(..last).and_then(|s| s.parse().ok()).ok_or_else(invalid)?;
                self.rest = &rest[last..];
                let year = thousands.checked_mul(1000).and_then(|t| t.checked_add(units)).ok_or_else(invalid)?;
                put_number(&mut self.found.year, year, name)?;
                self.found.year_digits = 4;
            }
            Pattern::Year(digits) | Pattern::IsoYear(digits) => {
                let (n, len) = self.number(digits as usize, free, name)?;
                let n = if len < 4 && digits < 4 { near_2020(n) } else { n };
                put_number(&mut self.found.year, n, name)?;
                self.found.year_digits = digits;
            }
            Pattern::Julian => {
                let (n, _) = self.number(1, free, name)?;
                put_number(&mut self.found.julian, n, name)?;
            }
        }
        Ok(())
    }
}

/// A year of fewer than four digits is the one nearest to 2020.
fn near_2020(year: i32) -> i32 {
    match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        100..=519 => year + 2000,
        520..=999 => year + 1000,
        _ => year,
    }
}

/// What was read, put together: days, microseconds of the day, and seconds east of UTC if the text said.
struct Read {
    days: i64,
    micros: i64,
    east: Option<i32>,
}

/// What [`read_standard`] read.
pub(crate) struct Standard {
    pub(crate) days: i64,
    pub(crate) micros: i64,
    pub(crate) east: Option<i32>,
    /// The template has fields of a date.
    pub(crate) dated: bool,
    /// The template has fields of a time.
    pub(crate) timed: bool,
    /// The template has a zone.
    pub(crate) zoned: bool,
}

/// Reads a text by a template as the SQL standard has it: separators as written, nothing left over.
pub(crate) fn read_standard(text: &str, format: &str) -> Result<Standard> {
    let nodes = parse(format);
    let (mut dated, mut timed, mut zoned) = (false, false, false);
    for node in &nodes {
        match node {
            Node::Text { c, quoted: false } if !"-./,':; ".contains(*c) => {
                return Err(format_error(format!("invalid datetime format separator: \"{c}\"")));
            }
            Node::Text { .. } => {}
            Node::Field { pattern, .. } => match pattern {
                Pattern::HalfDay { .. }
                | Pattern::Fraction(_)
                | Pattern::Hour12
                | Pattern::Hour24
                | Pattern::Minute
                | Pattern::Millisecond
                | Pattern::SecondOfDay
                | Pattern::Second
                | Pattern::Microsecond => timed = true,
                Pattern::Offset | Pattern::ZoneHour | Pattern::ZoneMinute | Pattern::ZoneName => zoned = true,
                Pattern::Exact => {}
                _ => dated = true,
            },
        }
    }
    let r = read_nodes(text, &nodes, true)?;
    Ok(Standard { days: r.days, micros: r.micros, east: r.east, dated, timed, zoned })
}

fn read(text: &str, format: &str) -> Result<Read> {
    read_nodes(text, &parse(format), false)
}

fn read_nodes(text: &str, nodes: &[Node], strict: bool) -> Result<Read> {
    let mut r = Reader { rest: text, found: Found::default() };
    let mut exact = strict;
    let mut extra = 0;
    let mut done = nodes.len();
    for (i, node) in nodes.iter().enumerate() {
        if let Node::Field { pattern: Pattern::Exact, .. } = node {
            exact = true;
            continue;
        }
        if !exact && (matches!(node, Node::Field { .. }) || i == 0) {
            extra += r.skip_blanks();
        }
        if r.rest.is_empty() {
            done = i;
            break;
        }
        match node {
            Node::Text { c, quoted } => {
                let space = c.is_ascii_whitespace();
                if !*quoted && (space || separator(*c)) {
                    if strict && !r.rest.starts_with(*c) {
                        return Err(format_error(format!("unmatched format separator \"{c}\"")));
                    }
                    if exact {
                        r.skip_char();
                    } else {
                        extra -= 1;
                        if r.rest.starts_with(|c: char| c.is_ascii_whitespace() || separator(c)) {
                            r.skip_char();
                            extra += 1;
                        }
                    }
                } else if !exact && extra > 0 {
                    // A blank passed over before already stood for this character.
                    extra -= 1;
                } else {
                    r.skip_char();
                }
            }
            Node::Field { pattern, name, fill, ordinal, .. } => {
                // A number may be of any length where something that is no digit must follow.
                let free = *fill || next_is_separator(&nodes[i + 1..], *ordinal);
                r.field(*pattern, name, free)?;
                if ordinal.is_some() {
                    r.skip_char();
                    r.skip_char();
                }
                extra = if exact { 0 } else { r.skip_blanks() };
            }
        }
    }
    if strict {
        if nodes.iter().skip(done).any(|n| !matches!(n, Node::Field { pattern: Pattern::Exact, .. })) {
            return Err(format_error("input string is too short for datetime format"));
        }
        r.skip_blanks();
        if !r.rest.is_empty() {
            return Err(format_error("trailing characters remain in input string after datetime format"));
        }
    }
    r.found.assemble(text)
}

/// Whether a field's end is marked by what follows it in the template.
fn next_is_separator(rest: &[Node], ordinal: Option<Case>) -> bool {
    if ordinal.is_some() {
        return true;
    }
    match rest.first() {
        None => true,
        Some(Node::Text { c, .. }) => !c.is_ascii_digit(),
        Some(Node::Field { pattern, .. }) => !matches!(
            pattern,
            Pattern::Hour12
                | Pattern::Hour24
                | Pattern::Minute
                | Pattern::Second
                | Pattern::Fraction(_)
                | Pattern::Millisecond
                | Pattern::Microsecond
                | Pattern::SecondOfDay
                | Pattern::Month
                | Pattern::DayOfYear
                | Pattern::DayOfMonth
                | Pattern::DayOfWeek
                | Pattern::IsoDayOfYear
                | Pattern::IsoDayOfWeek
                | Pattern::IsoWeek
                | Pattern::IsoYear(_)
                | Pattern::WeekOfYear
                | Pattern::WeekOfMonth
                | Pattern::Year(_)
                | Pattern::YearComma
                | Pattern::Century
                | Pattern::Quarter
                | Pattern::Julian
        ),
    }
}

impl Found {
    /// Hour, minute and second of the day.
    fn clock(&self) -> Result<(i32, i32, i32)> {
        let (hour, minute, second) = match self.second_of_day {
            Some(s) => (s / 3600, s / 60 % 60, s % 60),
            None => (0, 0, 0),
        };
        let mut hour = self.hour.unwrap_or(hour);
        if self.twelve {
            if !(1..=12).contains(&hour) {
                return Err(format_error(format!("hour \"{hour}\" is invalid for the 12-hour clock"))
                    .hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            match self.pm {
                Some(true) if hour < 12 => hour += 12,
                Some(false) if hour == 12 => hour = 0,
                _ => {}
            }
        }
        Ok((hour, self.minute.unwrap_or(minute), self.second.unwrap_or(second)))
    }

    /// The astronomical year; 0 when the text names none.
    fn full_year(&self) -> i64 {
        let bc = self.bc == Some(true);
        let century = self.century.map(|c| if bc { -i64::from(c) } else { i64::from(c) });
        match (self.year.map(i64::from), century) {
            // The year is one within its century.
            (Some(y), Some(c)) if self.year_digits <= 2 => match (y % 100, c >= 0) {
                (0, true) => c * 100,
                (0, false) => c * 100 + 1,
                (y, true) => y + (c - 1) * 100,
                (y, false) => y + (c + 1) * 100,
            },
            (Some(y), _) if bc && y > 0 => 1 - y,
            (Some(y), _) if bc => -y,
            // Years count without a zero in the text.
            (Some(y), _) if y < 0 => y + 1,
            (Some(y), _) => y,
            (None, Some(c)) if c >= 0 => (c - 1) * 100 + 1,
            (None, Some(c)) => c * 100 + 1,
            (None, None) => 0,
        }
    }

    /// The day, in days from 2000-01-01; it may lie beyond every date.
    fn date(&self, text: &str) -> Result<i64> {
        let out = || range_error(text);
        let year = i32::try_from(self.full_year()).map_err(|_| out())?;
        if self.month.is_none() {
            if let (Some(n), false) = (self.day_of_year, self.iso) {
                if self.year.is_none() && self.century.is_none() && self.julian.is_none() {
                    return Err(format_error("cannot calculate day of year without year information"));
                }
                let length = if dt::is_leap(year) { 366 } else { 365 };
                if !(1..=length).contains(&n) {
                    return Err(out());
                }
                return Ok(dt::days_from_civil(year, 1, 1) + i64::from(n) - 1);
            }
            if let (Some(n), true) = (self.day_of_year, self.iso) {
                return Ok(iso_year_start(year) + i64::from(n) - 1);
            }
            if let Some(week) = self.week.map(i64::from) {
                if !self.iso {
                    return Ok(dt::days_from_civil(year, 1, 1) + (week - 1) * 7);
                }
                // The weekday counts from Sunday, the week from Monday.
                let weekday = self.weekday.map_or(0, |d| if d == 1 { 6 } else { i64::from(d) - 2 });
                return Ok(iso_year_start(year) + (week - 1) * 7 + weekday);
            }
            if let Some(julian) = self.julian {
                return Ok(i64::from(julian) - i64::from(dt::POSTGRES_EPOCH_JDATE));
            }
        }
        let month = self.month.unwrap_or(1);
        let day = match self.week_of_month {
            Some(w) => (i64::from(w) - 1) * 7 + 1,
            None => self.day.unwrap_or(1).into(),
        };
        if !(1..=12).contains(&month) || day < 1 || day > dt::days_in_month(year, month).into() {
            return Err(out());
        }
        Ok(dt::days_from_civil(year, month, 1) + day - 1)
    }

    fn assemble(self, text: &str) -> Result<Read> {
        let out = || range_error(text);
        let (hour, minute, second) = self.clock()?;
        let days = self.date(text)?;
        let fraction = i64::from(self.millis.unwrap_or(0)) * 1000 + i64::from(self.micros.unwrap_or(0));
        let midnight = hour == 24 && minute == 0 && second == 0 && fraction == 0;
        let valid = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..1_000_000).contains(&fraction);
        if !valid && !midnight {
            return Err(out());
        }
        let east = match (self.zone_hour, self.zone_minute) {
            (None, None) if self.zone_sign == 0 => None,
            (h, m) => {
                let (h, m) = (h.unwrap_or(0), m.unwrap_or(0));
                if !(0..=15).contains(&h) || !(0..60).contains(&m) {
                    return Err(out());
                }
                Some(self.zone_sign * (h * 3600 + m * 60))
            }
        };
        Ok(Read { days, micros: dt::join_time(hour, minute, second, 0) + fraction, east })
    }
}

/// First day of an ISO year: the Monday of the week with January 4th.
fn iso_year_start(year: i32) -> i64 {
    let fourth = dt::days_from_civil(year, 1, 4);
    fourth - i64::from((dt::day_of_week(fourth) + 6) % 7)
}

fn to_timestamp(ctx: &EvalCtx, text: &str, format: &str) -> Result<Tstz> {
    let r = read(text, format)?;
    let local = dt::timestamp_from_parts(r.days, r.micros).ok_or_else(dt::timestamp_out_of_range)?;
    match r.east {
        Some(east) => dt::timestamp_to_timestamptz(local, &zone::fixed(east)?),
        None => dt::timestamp_to_timestamptz(local, &ctx.fmt.time_zone),
    }
    .map(Tstz)
}

fn to_date(text: &str, format: &str) -> Result<Date> {
    let r = read(text, format)?;
    i32::try_from(r.days)
        .ok()
        .filter(|d| (dt::MIN_DATE..dt::END_DATE).contains(d))
        .map(Date)
        .ok_or_else(|| DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, format!("date out of range: \"{text}\"")))
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("to_timestamp", [ctx] |t: &str, f: &str| to_timestamp(ctx, t, f)),
    scalar!("to_date", |t: &str, f: &str| to_date(t, f)),
]];
