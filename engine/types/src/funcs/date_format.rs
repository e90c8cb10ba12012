//! `to_char` of timestamps and intervals, and the templates it shares with `to_timestamp` ([`super::date_read`]).

use super::args::{Ts, Tstz, scalar};
use crate::datetime::fields::iso_week;
use crate::datetime::{self as dt, zone};
use crate::datum::Interval;
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};

/// How the letters of a name are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Case {
    Upper,
    Lower,
    Capital,
}

/// What a pattern stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::upper_case_acronyms, reason = "the patterns' own names")]
pub(super) enum Pattern {
    /// AD or BC, with dots or without.
    Era {
        dots: bool,
    },
    /// AM or PM, with dots or without.
    HalfDay {
        dots: bool,
    },
    Century,
    DayName,
    DayShort,
    DayOfYear,
    DayOfMonth,
    DayOfWeek,
    /// Decimals of the second.
    Fraction(u32),
    Exact,
    Hour12,
    Hour24,
    IsoDayOfYear,
    IsoDayOfWeek,
    IsoWeek,
    /// ISO year to so many digits.
    IsoYear(u32),
    Julian,
    Minute,
    Month,
    MonthName,
    MonthShort,
    Millisecond,
    Offset,
    Quarter,
    RomanMonth,
    SecondOfDay,
    Second,
    ZoneHour,
    ZoneMinute,
    ZoneName,
    Microsecond,
    WeekOfYear,
    WeekOfMonth,
    YearComma,
    /// Year to so many digits.
    Year(u32),
}

/// Patterns by name, those that begin like another one first.
const PATTERNS: &[(&str, Pattern)] = &[
    ("A.D.", Pattern::Era { dots: true }),
    ("A.M.", Pattern::HalfDay { dots: true }),
    ("AD", Pattern::Era { dots: false }),
    ("AM", Pattern::HalfDay { dots: false }),
    ("B.C.", Pattern::Era { dots: true }),
    ("BC", Pattern::Era { dots: false }),
    ("CC", Pattern::Century),
    ("DAY", Pattern::DayName),
    ("DDD", Pattern::DayOfYear),
    ("DD", Pattern::DayOfMonth),
    ("DY", Pattern::DayShort),
    ("D", Pattern::DayOfWeek),
    ("FF1", Pattern::Fraction(1)),
    ("FF2", Pattern::Fraction(2)),
    ("FF3", Pattern::Fraction(3)),
    ("FF4", Pattern::Fraction(4)),
    ("FF5", Pattern::Fraction(5)),
    ("FF6", Pattern::Fraction(6)),
    ("FX", Pattern::Exact),
    ("HH24", Pattern::Hour24),
    ("HH12", Pattern::Hour12),
    ("HH", Pattern::Hour12),
    ("IDDD", Pattern::IsoDayOfYear),
    ("ID", Pattern::IsoDayOfWeek),
    ("IW", Pattern::IsoWeek),
    ("IYYY", Pattern::IsoYear(4)),
    ("IYY", Pattern::IsoYear(3)),
    ("IY", Pattern::IsoYear(2)),
    ("I", Pattern::IsoYear(1)),
    ("J", Pattern::Julian),
    ("MI", Pattern::Minute),
    ("MM", Pattern::Month),
    ("MONTH", Pattern::MonthName),
    ("MON", Pattern::MonthShort),
    ("MS", Pattern::Millisecond),
    ("OF", Pattern::Offset),
    ("P.M.", Pattern::HalfDay { dots: true }),
    ("PM", Pattern::HalfDay { dots: false }),
    ("Q", Pattern::Quarter),
    ("RM", Pattern::RomanMonth),
    ("SSSSS", Pattern::SecondOfDay),
    ("SSSS", Pattern::SecondOfDay),
    ("SS", Pattern::Second),
    ("TZH", Pattern::ZoneHour),
    ("TZM", Pattern::ZoneMinute),
    ("TZ", Pattern::ZoneName),
    ("US", Pattern::Microsecond),
    ("WW", Pattern::WeekOfYear),
    ("W", Pattern::WeekOfMonth),
    ("Y,YYY", Pattern::YearComma),
    ("YYYY", Pattern::Year(4)),
    ("YYY", Pattern::Year(3)),
    ("YY", Pattern::Year(2)),
    ("Y", Pattern::Year(1)),
];

/// A part of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Node {
    Field {
        pattern: Pattern,
        /// As written, for messages.
        name: String,
        case: Case,
        /// FM: no padding.
        fill: bool,
        /// TH or th behind it.
        ordinal: Option<Case>,
    },
    /// A character to show, or to expect.
    Text { c: char, quoted: bool },
}

/// The pattern a text begins with, how its letters are written, and its length.
fn leading_pattern(text: &str) -> Option<(Pattern, Case, usize)> {
    for (name, pattern) in PATTERNS {
        if text.starts_with(name) {
            return Some((*pattern, Case::Upper, name.len()));
        }
        if text.starts_with(&name.to_ascii_lowercase()) {
            return Some((*pattern, Case::Lower, name.len()));
        }
        let named = matches!(pattern, Pattern::DayName | Pattern::DayShort | Pattern::MonthName | Pattern::MonthShort);
        if named && text.starts_with(&format!("{}{}", &name[..1], name[1..].to_ascii_lowercase())) {
            return Some((*pattern, Case::Capital, name.len()));
        }
    }
    None
}

/// Reads a template.
pub(super) fn parse(format: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        let (mut fill, mut local) = (false, false);
        // TM asks for the locale's names, which are the English ones, without blanks behind them.
        while let Some(after) =
            ["FM", "fm", "TM", "tm"].iter().find_map(|p| rest.strip_prefix(p).map(|after| (*p, after)))
        {
            fill |= after.0.eq_ignore_ascii_case("fm");
            local |= after.0.eq_ignore_ascii_case("tm");
            rest = after.1;
        }
        if let Some((pattern, case, len)) = leading_pattern(rest) {
            let name = rest[..len].to_owned();
            rest = &rest[len..];
            fill |= local && matches!(pattern, Pattern::DayName | Pattern::MonthName);
            let mut ordinal = None;
            if let Some(after) = rest.strip_prefix("TH") {
                (ordinal, rest) = (Some(Case::Upper), after);
            } else if let Some(after) = rest.strip_prefix("th") {
                (ordinal, rest) = (Some(Case::Lower), after);
            } else if let Some(after) = rest.strip_prefix("SP") {
                rest = after;
            }
            nodes.push(Node::Field { pattern, name, case, fill, ordinal });
            continue;
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some('"') => {
                rest = chars.as_str();
                let mut chars = rest.chars();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => {
                            if let Some(c) = chars.next() {
                                nodes.push(Node::Text { c, quoted: true });
                            }
                        }
                        c => nodes.push(Node::Text { c, quoted: true }),
                    }
                }
                rest = chars.as_str();
            }
            Some('\\') if rest[1..].starts_with('"') => {
                nodes.push(Node::Text { c: '"', quoted: false });
                rest = &rest[2..];
            }
            Some(c) => {
                nodes.push(Node::Text { c, quoted: false });
                rest = chars.as_str();
            }
            None => break,
        }
    }
    nodes
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) const ROMAN_MONTHS: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// What there is to show.
struct Moment {
    /// Astronomical; an interval's years.
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// Days from 2000-01-01.
    days: i64,
    day_of_year: i64,
    /// Seconds east of UTC and the zone's abbreviation.
    zone: Option<(i32, String)>,
    interval: bool,
}

fn cased(name: &str, case: Case) -> String {
    match case {
        Case::Upper => name.to_ascii_uppercase(),
        Case::Lower => name.to_ascii_lowercase(),
        Case::Capital => name.to_owned(),
    }
}

/// A number with at least `width` characters, zeros in front; one more for a sign where PostgreSQL has it.
fn padded(n: i64, width: usize, fill: bool) -> String {
    if fill { n.to_string() } else { format!("{n:0width$}") }
}

fn signed_width(n: i64, width: usize) -> usize {
    if n < 0 { width + 1 } else { width }
}

fn ordinal_suffix(number: &str, case: Case) -> String {
    let bytes = number.as_bytes();
    let teen = bytes.len() > 1 && bytes[bytes.len() - 2] == b'1';
    let suffix = match bytes.last() {
        Some(b'1') if !teen => "st",
        Some(b'2') if !teen => "nd",
        Some(b'3') if !teen => "rd",
        _ => "th",
    };
    cased(suffix, case)
}

fn not_for_intervals() -> DbError {
    DbError::new(SqlState::INVALID_DATETIME_FORMAT, "invalid format specification for an interval value")
        .hint("Intervals are not tied to specific calendar dates.")
}

impl Moment {
    /// The year as people count it.
    fn shown_year(&self, year: i64) -> i64 {
        if self.interval || year > 0 { year } else { 1 - year }
    }

    fn iso_year(&self) -> i64 {
        self.shown_year(iso_week(self.days).0.into())
    }

    fn day_of_week(&self) -> i64 {
        dt::day_of_week(self.days).into()
    }

    /// A number to show for a pattern that is one, with whether an ordinal may follow; `None` for other patterns.
    fn number(&self, pattern: Pattern, fill: bool) -> Option<String> {
        let wide = |n: i64, width: usize| padded(n, signed_width(n, width), fill);
        let year_part = |year: i64, digits: u32| {
            let n = if digits < 4 { year % 10i64.pow(digits) } else { year };
            padded(n, signed_width(year, digits as usize), fill)
        };
        Some(match pattern {
            Pattern::Hour12 => {
                let h = self.hour % 12;
                padded(if h == 0 { 12 } else { h }, signed_width(self.hour, 2), fill)
            }
            Pattern::Hour24 => wide(self.hour, 2),
            Pattern::Minute => wide(self.minute, 2),
            Pattern::Second => wide(self.second, 2),
            Pattern::Fraction(digits) => {
                format!("{:0width$}", self.micros / 10i64.pow(6 - digits), width = digits as usize)
            }
            Pattern::Millisecond => format!("{:03}", self.micros / 1000),
            Pattern::Microsecond => format!("{:06}", self.micros),
            Pattern::SecondOfDay => (self.hour * 3600 + self.minute * 60 + self.second).to_string(),
            Pattern::Month => wide(self.month, 2),
            Pattern::DayOfMonth => padded(self.day, 2, fill),
            Pattern::DayOfYear => padded(self.day_of_year, 3, fill),
            Pattern::IsoDayOfYear => {
                let (_, week) = iso_week(self.days);
                let weekday = if self.day_of_week() == 0 { 7 } else { self.day_of_week() };
                padded(i64::from(week - 1) * 7 + weekday, 3, fill)
            }
            Pattern::DayOfWeek => (self.day_of_week() + 1).to_string(),
            Pattern::IsoDayOfWeek => match self.day_of_week() {
                0 => "7".to_owned(),
                d => d.to_string(),
            },
            Pattern::WeekOfYear => padded((self.day_of_year - 1) / 7 + 1, 2, fill),
            Pattern::IsoWeek => padded(iso_week(self.days).1.into(), 2, fill),
            Pattern::WeekOfMonth => ((self.day - 1) / 7 + 1).to_string(),
            Pattern::Quarter => ((self.month - 1) / 3 + 1).to_string(),
            Pattern::Century => {
                let c = if self.interval {
                    self.year / 100
                } else if self.year > 0 {
                    (self.year - 1) / 100 + 1
                } else {
                    self.year / 100 - 1
                };
                if (-99..=99).contains(&c) { wide(c, 2) } else { c.to_string() }
            }
            Pattern::YearComma => {
                let y = self.shown_year(self.year);
                format!("{},{:03}", y / 1000, y - y / 1000 * 1000)
            }
            Pattern::Year(digits) => year_part(self.shown_year(self.year), digits),
            Pattern::IsoYear(digits) => year_part(self.iso_year(), digits),
            Pattern::Julian => (self.days + i64::from(dt::POSTGRES_EPOCH_JDATE)).to_string(),
            _ => return None,
        })
    }

    /// Whether a pattern means nothing for an interval.
    fn needs_date(pattern: Pattern) -> bool {
        matches!(
            pattern,
            Pattern::Era { .. }
                | Pattern::DayName
                | Pattern::DayShort
                | Pattern::DayOfWeek
                | Pattern::IsoDayOfWeek
                | Pattern::MonthName
                | Pattern::MonthShort
                | Pattern::ZoneName
                | Pattern::ZoneHour
                | Pattern::ZoneMinute
                | Pattern::Offset
        )
    }

    fn show(&self, nodes: &[Node]) -> Result<String> {
        let mut out = String::new();
        for node in nodes {
            let (pattern, case, fill, ordinal) = match node {
                Node::Text { c, .. } => {
                    out.push(*c);
                    continue;
                }
                Node::Field { pattern, case, fill, ordinal, .. } => (*pattern, *case, *fill, *ordinal),
            };
            if self.interval && Self::needs_date(pattern) {
                return Err(not_for_intervals());
            }
            if pattern == Pattern::Quarter && self.month == 0 {
                continue;
            }
            if let Some(number) = self.number(pattern, fill) {
                out.push_str(&number);
                if let Some(case) = ordinal {
                    out.push_str(&ordinal_suffix(&number, case));
                }
                continue;
            }
            let (east, abbreviation) = match &self.zone {
                Some((east, abbreviation)) => (*east, abbreviation.as_str()),
                None => (0, ""),
            };
            let sign = if east >= 0 { '+' } else { '-' };
            let text = match pattern {
                Pattern::HalfDay { dots } => {
                    let name = match (self.hour.rem_euclid(24) >= 12, dots) {
                        (false, false) => "AM",
                        (false, true) => "A.M.",
                        (true, false) => "PM",
                        (true, true) => "P.M.",
                    };
                    cased(name, case)
                }
                Pattern::Era { dots } => {
                    let name = match (self.year <= 0, dots) {
                        (false, false) => "AD",
                        (false, true) => "A.D.",
                        (true, false) => "BC",
                        (true, true) => "B.C.",
                    };
                    cased(name, case)
                }
                Pattern::MonthName | Pattern::MonthShort => {
                    let name = usize::try_from(self.month - 1).ok().and_then(|m| MONTHS.get(m)).unwrap_or(&"");
                    self.named(name, pattern == Pattern::MonthShort, case, fill)
                }
                Pattern::DayName | Pattern::DayShort => {
                    let name = usize::try_from(self.day_of_week()).ok().and_then(|d| DAYS.get(d)).unwrap_or(&"");
                    self.named(name, pattern == Pattern::DayShort, case, fill)
                }
                Pattern::RomanMonth => match self.roman_month() {
                    Some(name) if fill => cased(name, case),
                    Some(name) => format!("{:<4}", cased(name, case)),
                    None => String::new(),
                },
                Pattern::ZoneName => {
                    if case == Case::Lower {
                        abbreviation.to_lowercase()
                    } else {
                        abbreviation.to_owned()
                    }
                }
                Pattern::ZoneHour => format!("{sign}{:02}", east.abs() / 3600),
                Pattern::ZoneMinute => format!("{:02}", east.abs() % 3600 / 60),
                Pattern::Offset => {
                    let hours = padded((east.abs() / 3600).into(), 2, fill);
                    match east.abs() % 3600 / 60 {
                        0 => format!("{sign}{hours}"),
                        minutes => format!("{sign}{hours}:{minutes:02}"),
                    }
                }
                _ => String::new(),
            };
            out.push_str(&text);
        }
        Ok(out)
    }

    fn named(&self, name: &str, short: bool, case: Case, fill: bool) -> String {
        let name = cased(name.get(..3).filter(|_| short).unwrap_or(name), case);
        if fill || short { name } else { format!("{name:<9}") }
    }

    /// An interval's months count backwards when they are negative.
    fn roman_month(&self) -> Option<&'static str> {
        let at = match self.month {
            0 if self.year == 0 => return None,
            0 if self.year > 0 => 11,
            0 => 0,
            m if m < 0 => 12 + m,
            m => m - 1,
        };
        usize::try_from(at).ok().and_then(|m| ROMAN_MONTHS.get(m)).copied()
    }
}

/// A local timestamp's fields.
fn moment(ts: i64, zone: Option<(i32, String)>) -> Moment {
    let c = dt::civil_from_timestamp(ts);
    let days = ts.div_euclid(dt::USECS_PER_DAY);
    Moment {
        year: c.year.into(),
        month: c.month.into(),
        day: c.day.into(),
        hour: c.hour.into(),
        minute: c.min.into(),
        second: c.sec.into(),
        micros: c.usec.into(),
        days,
        day_of_year: days - dt::days_from_civil(c.year, 1, 1) + 1,
        zone,
        interval: false,
    }
}

fn interval_moment(v: &Interval) -> Moment {
    let (year, month, day) = (v.months / 12, v.months % 12, v.days);
    // Days of the calendar, for patterns that make little sense here but are answered all the same.
    let first =
        if month > 0 { dt::days_from_civil(year, month, 1) } else { dt::days_from_civil(year - 1, month + 12, 1) };
    let days = first + i64::from(day) - 1;
    Moment {
        year: year.into(),
        month: month.into(),
        day: day.into(),
        hour: v.micros / dt::USECS_PER_HOUR,
        minute: v.micros / dt::USECS_PER_MINUTE % 60,
        second: v.micros / dt::USECS_PER_SEC % 60,
        micros: v.micros % dt::USECS_PER_SEC,
        days,
        day_of_year: i64::from(v.months) * 30 + i64::from(day),
        zone: None,
        interval: true,
    }
}

fn show(format: &str, m: impl FnOnce() -> Result<Moment>) -> Result<Option<String>> {
    if format.is_empty() {
        return Ok(None);
    }
    m()?.show(&parse(format)).map(Some)
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("timestamp_to_char", |t: Ts, f: &str| {
        if dt::is_infinite(t.0) { Ok(None) } else { show(f, || Ok(moment(t.0, None))) }
    }),
    scalar!("timestamptz_to_char", [ctx] |t: Tstz, f: &str| {
        if dt::is_infinite(t.0) {
            return Ok(crate::datum::Datum::Null);
        }
        let tz = &ctx.fmt.time_zone;
        show(f, || {
            let (east, abbreviation, _) = zone::info_at(tz, t.0);
            Ok(moment(dt::timestamptz_to_timestamp(t.0, tz)?, Some((east, abbreviation))))
        })
    }),
    scalar!("interval_to_char", |v: Interval, f: &str| show(f, || Ok(interval_moment(&v)))),
]];
