//! Offsets of time zones.
//!
//! `jiff` knows years -9999..=9999. The proleptic calendar and every zone's rules repeat after 400 years (146 097 days, a
//! whole number of weeks), so later instants ask for the same moment some cycles earlier.

use super::{Civil, USECS_PER_DAY, USECS_PER_SEC, civil_from_timestamp};
use jiff::tz::{AmbiguousOffset, TimeZone};
use rustydb_base::{DbError, Result, SqlState};

include!("abbrevs_table.rs");

/// Seconds from the Unix epoch to 2000-01-01.
const EPOCH_SHIFT: i64 = 946_684_800;
const CYCLE_USECS: i64 = 146_097 * USECS_PER_DAY;
/// 9900-01-01: instants from here on are moved back whole cycles.
const FAR: i64 = 7900 * 36_525 / 100 * USECS_PER_DAY;

fn near(us: i64) -> i64 {
    if us < FAR { us } else { us - ((us - FAR) / CYCLE_USECS + 1) * CYCLE_USECS }
}

fn instant(us: i64) -> jiff::Timestamp {
    let secs = near(us).div_euclid(USECS_PER_SEC) + EPOCH_SHIFT;
    jiff::Timestamp::from_second(secs).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Seconds east of UTC that a zone has at an instant (microseconds from 2000-01-01 UTC).
pub fn offset_at(tz: &TimeZone, us: i64) -> i32 {
    tz.to_offset(instant(us)).seconds()
}

/// Offset, abbreviation and whether daylight saving applies at an instant.
pub fn info_at(tz: &TimeZone, us: i64) -> (i32, String, bool) {
    let info = tz.to_offset_info(instant(us));
    (info.offset().seconds(), info.abbreviation().to_string(), info.dst().is_dst())
}

/// Seconds east of UTC that a zone has at a local time. A local time a transition skips is read with the offset before
/// it, one that occurs twice with the offset after it.
pub fn offset_of_local(tz: &TimeZone, local: i64) -> i32 {
    let c: Civil = civil_from_timestamp(near(local));
    let dt = jiff::civil::DateTime::new(
        c.year as i16,
        c.month as i8,
        c.day as i8,
        c.hour as i8,
        c.min as i8,
        c.sec as i8,
        c.usec * 1000,
    );
    let Ok(dt) = dt else { return 0 };
    match tz.to_ambiguous_timestamp(dt).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.seconds(),
        AmbiguousOffset::Gap { before, .. } => before.seconds(),
        AmbiguousOffset::Fold { after, .. } => after.seconds(),
    }
}

/// Offset in seconds east of UTC, and whether it is daylight saving, of a time zone abbreviation in lower case.
pub fn abbreviation(lower: &str) -> Option<(i32, bool)> {
    ABBREVS.binary_search_by(|e| e.0.cmp(lower)).ok().map(|i| (ABBREVS[i].1, ABBREVS[i].2))
}

/// All abbreviations: name in lower case, seconds east of UTC, whether it is daylight time.
pub fn abbreviations() -> impl Iterator<Item = (&'static str, i32, bool)> {
    ABBREVS.iter().copied()
}

/// Old names that the time zone database has made links to a place's zone (2024b), whatever the system's copy says.
const LINKS: [(&str, &str); 11] = [
    ("pst8pdt", "America/Los_Angeles"),
    ("mst7mdt", "America/Denver"),
    ("cst6cdt", "America/Chicago"),
    ("est5edt", "America/New_York"),
    ("est", "America/Panama"),
    ("mst", "America/Phoenix"),
    ("hst", "Pacific/Honolulu"),
    ("cet", "Europe/Brussels"),
    ("met", "Europe/Brussels"),
    ("eet", "Europe/Athens"),
    ("wet", "Europe/Lisbon"),
];

/// A zone by its IANA name in any case or by a POSIX rule such as `EST5EDT` or `<+03>-3`.
pub fn by_name(name: &str) -> Option<TimeZone> {
    if name.is_empty() || name.len() > 255 {
        return None;
    }
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("gmt") {
        return Some(TimeZone::UTC);
    }
    // A colon says that a file of this name is meant.
    if let Some(file) = name.strip_prefix(':') {
        return TimeZone::get(file).ok();
    }
    let name = LINKS.iter().find(|l| l.0.eq_ignore_ascii_case(name)).map_or(name, |l| l.1);
    if let Ok(tz) = TimeZone::get(name) {
        return Some(tz);
    }
    posix(zone_name(name)?)
}

/// A zone by a POSIX rule that begins with its offset.
pub fn unnamed(rule: &str) -> Option<TimeZone> {
    posix(rule)
}

/// The parts that PostgreSQL takes of a POSIX rule: a name of anything that is neither digit, sign nor comma (or stands in
/// `<>`), an offset that counts westwards, perhaps the same for daylight time, whose rules are the United States' unless
/// others follow. Given from the first offset on.
fn posix(rule: &str) -> Option<TimeZone> {
    let (standard, rest) = posix_offset(rule)?;
    if rest.is_empty() {
        return jiff::tz::Offset::from_seconds(-standard).ok().map(TimeZone::fixed);
    }
    let rest = zone_name(rest)?;
    let (daylight, rules) = match rest.chars().next() {
        None | Some(',' | ';') => (standard - 3600, rest),
        _ => posix_offset(rest)?,
    };
    let rules = if rules.is_empty() { ",M3.2.0,M11.1.0".to_owned() } else { rules.replacen(';', ",", 1) };
    let shown = |secs: i32| {
        format!(
            "{}{}:{:02}:{:02}",
            if secs < 0 { "-" } else { "" },
            secs.abs() / 3600,
            secs.abs() / 60 % 60,
            secs.abs() % 60
        )
    };
    TimeZone::posix(&format!("STD{}DST{}{}", shown(standard), shown(daylight), rules.to_ascii_uppercase())).ok()
}

/// What follows a zone's name in a POSIX rule; `None` when there is no name.
fn zone_name(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('<') {
        return quoted.split_once('>').map(|(_, rest)| rest);
    }
    let end = text.find(|c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+')).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

/// An offset `[+-]hh[:mm[:ss]]` in seconds and what follows it.
fn posix_offset(text: &str) -> Option<(i32, &str)> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut secs = 0;
    for (unit, most) in [(3600, 24 * 7 - 1), (60, 59), (1, 60)] {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let n: i32 = number.parse().ok().filter(|n| *n <= most)?;
        secs += n * unit;
        rest = after;
        match rest.strip_prefix(':') {
            Some(after) if unit > 1 => rest = after,
            _ => break,
        }
    }
    Some((if negative { -secs } else { secs }, rest))
}

/// What `AT TIME ZONE` and its relatives accept: an abbreviation, a zone name or a POSIX rule.
pub fn lookup(name: &str) -> Result<TimeZone> {
    let lower = name.to_ascii_lowercase();
    if let Some((secs, _)) = abbreviation(&lower)
        && let Ok(offset) = jiff::tz::Offset::from_seconds(secs)
    {
        return Ok(TimeZone::fixed(offset));
    }
    by_name(name).ok_or_else(|| not_recognized(name))
}

/// A zone at a fixed number of seconds east of UTC; 22009 beyond what a zone can have.
pub fn fixed(secs: i32) -> Result<TimeZone> {
    jiff::tz::Offset::from_seconds(secs).map(TimeZone::fixed).map_err(|_| {
        DbError::new(SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE, "time zone displacement out of range")
    })
}

/// 22023 for a zone that does not exist.
pub fn not_recognized(name: &str) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{name}\" not recognized"))
}
