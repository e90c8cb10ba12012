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
    let name = LINKS.iter().find(|l| l.0.eq_ignore_ascii_case(name)).map_or(name, |l| l.1);
    if let Ok(tz) = TimeZone::get(name) {
        return Some(tz);
    }
    if let Some(tz) = short_posix(name) {
        return Some(tz);
    }
    // A POSIX rule has an offset; without one jiff would not accept it either.
    if name.bytes().any(|b| b.is_ascii_digit()) { TimeZone::posix(&name.to_ascii_uppercase()).ok() } else { None }
}

/// One or two letters and whole hours, e.g. `am-8`: too short for POSIX, but PostgreSQL takes it as such a rule (hours
/// west of UTC are positive).
fn short_posix(name: &str) -> Option<TimeZone> {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    if !(1..=2).contains(&letters) {
        return None;
    }
    let hours: i32 = name[letters..].parse().ok()?;
    if !(-24..=24).contains(&hours) {
        return None;
    }
    jiff::tz::Offset::from_seconds(-hours * 3600).ok().map(TimeZone::fixed)
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
