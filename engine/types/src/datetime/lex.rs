//! The characters of dates, times and intervals: cutting a text into fields by shape, the words and what they mean, and
//! reading a single time, zone offset or fraction.

use rustydb_base::{DbError, SqlState};

/// Why a text is not a date or time; becomes an error when the text and the type's name are at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    BadFormat,
    FieldOverflow,
    /// A month or day out of range, which the wrong DateStyle may explain.
    MonthDayOverflow,
    ZoneOverflow,
    IntervalOverflow,
    /// A zone name that does not exist, by field number.
    UnknownZone(usize),
}

impl Fault {
    pub(crate) fn error(self, text: &str, type_name: &str) -> DbError {
        let overflow = || {
            DbError::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""))
        };
        match self {
            Fault::BadFormat | Fault::UnknownZone(_) => DbError::new(
                SqlState::INVALID_DATETIME_FORMAT,
                format!("invalid input syntax for type {type_name}: \"{text}\""),
            ),
            Fault::FieldOverflow => overflow(),
            Fault::MonthDayOverflow => overflow().hint("Perhaps you need a different \"datestyle\" setting."),
            Fault::ZoneOverflow => DbError::new(
                SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                format!("time zone displacement out of range: \"{text}\""),
            ),
            Fault::IntervalOverflow => DbError::new(
                SqlState::INTERVAL_FIELD_OVERFLOW,
                format!("interval field value out of range: \"{text}\""),
            ),
        }
    }
}

pub(crate) type Parsed<T> = std::result::Result<T, Fault>;

/// Shape of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Number,
    Word,
    Date,
    Time,
    /// Sign and digits.
    Zone,
    /// Sign and letters.
    Special,
}

/// One field, letters lowered.
#[derive(Debug)]
pub(crate) struct Field {
    pub kind: Kind,
    pub text: String,
}

/// More fields than this are no date.
pub(crate) const MAX_FIELDS: usize = 25;
/// PostgreSQL's buffer: longer texts are refused.
const MAX_TEXT: usize = 128 + 25;

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Cuts a text into fields.
pub(crate) fn split(s: &str) -> Parsed<Vec<Field>> {
    let b = s.as_bytes();
    if b.len() > MAX_TEXT * 2 {
        return Err(Fault::BadFormat);
    }
    let mut fields = Vec::with_capacity(4);
    let at = |i: usize| b.get(i).copied().unwrap_or(0);
    let mut i = 0;
    while i < b.len() {
        let start = i;
        let c = b[i];
        let run = |mut i: usize, ok: &dyn Fn(u8) -> bool| {
            while i < b.len() && ok(b[i]) {
                i += 1;
            }
            i
        };
        let kind;
        let mut text_start = start;
        let mut joined: Option<String> = None;
        if is_space(c) {
            i += 1;
            continue;
        } else if c.is_ascii_digit() {
            i = run(i, &|c| c.is_ascii_digit());
            match at(i) {
                b':' => {
                    kind = Kind::Time;
                    i = run(i, &|c| c.is_ascii_digit() || c == b':' || c == b'.');
                }
                d @ (b'-' | b'/' | b'.') => {
                    i += 1;
                    if at(i).is_ascii_digit() {
                        i = run(i, &|c| c.is_ascii_digit());
                        if at(i) == d {
                            kind = Kind::Date;
                            i = run(i, &|c| c.is_ascii_digit() || c == d);
                        } else {
                            kind = if d == b'.' { Kind::Number } else { Kind::Date };
                        }
                    } else {
                        kind = Kind::Date;
                        i = run(i, &|c| c.is_ascii_alphanumeric() || c == d);
                    }
                }
                _ => kind = Kind::Number,
            }
        } else if c == b'.' {
            kind = Kind::Number;
            i = run(i + 1, &|c| c.is_ascii_digit());
        } else if c.is_ascii_alphabetic() {
            i = run(i, &|c| c.is_ascii_alphabetic());
            let dated = match at(i) {
                b'-' | b'/' | b'.' => true,
                d if d == b'+' || d.is_ascii_digit() => special(&s[start..i].to_ascii_lowercase()).is_none(),
                _ => false,
            };
            if dated {
                kind = Kind::Date;
                i = run(i, &|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'/' | b'_' | b'.' | b':'));
            } else {
                kind = Kind::Word;
            }
        } else if c == b'+' || c == b'-' {
            i = run(i + 1, &is_space);
            text_start = i;
            if at(i).is_ascii_digit() {
                kind = Kind::Zone;
                i = run(i, &|c| c.is_ascii_digit() || matches!(c, b':' | b'.' | b'-'));
            } else if at(i).is_ascii_alphabetic() {
                kind = Kind::Special;
                i = run(i, &|c| c.is_ascii_alphabetic());
            } else {
                return Err(Fault::BadFormat);
            }
            joined = Some(format!("{}{}", c as char, s[text_start..i].to_ascii_lowercase()));
        } else if c.is_ascii_punctuation() {
            i += 1;
            continue;
        } else {
            return Err(Fault::BadFormat);
        }
        if fields.len() == MAX_FIELDS {
            return Err(Fault::BadFormat);
        }
        // Every byte taken is ASCII, so the cuts are at character boundaries.
        let text = joined.unwrap_or_else(|| s[text_start..i].to_ascii_lowercase());
        fields.push(Field { kind, text });
    }
    Ok(fields)
}

/// What a word means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    Infinity,
    NegInfinity,
    Epoch,
    Now,
    Today,
    Tomorrow,
    Yesterday,
    AllBalls,
    Ad,
    Bc,
    Am,
    Pm,
    Month(i32),
    WeekDay,
    Ignore,
    /// `dst` after a zone: an hour more.
    DstModifier,
    Julian,
    /// `t` before a time.
    IsoTime,
    /// A unit that only intervals give a meaning.
    Unit,
}

pub(crate) fn special(w: &str) -> Option<Word> {
    Some(match w {
        "infinity" => Word::Infinity,
        "-infinity" => Word::NegInfinity,
        "epoch" => Word::Epoch,
        "now" => Word::Now,
        "today" => Word::Today,
        "tomorrow" => Word::Tomorrow,
        "yesterday" => Word::Yesterday,
        "allballs" => Word::AllBalls,
        "ad" => Word::Ad,
        "bc" => Word::Bc,
        "am" => Word::Am,
        "pm" => Word::Pm,
        "jan" | "january" => Word::Month(1),
        "feb" | "february" => Word::Month(2),
        "mar" | "march" => Word::Month(3),
        "apr" | "april" => Word::Month(4),
        "may" => Word::Month(5),
        "jun" | "june" => Word::Month(6),
        "jul" | "july" => Word::Month(7),
        "aug" | "august" => Word::Month(8),
        "sep" | "sept" | "september" => Word::Month(9),
        "oct" | "october" => Word::Month(10),
        "nov" | "november" => Word::Month(11),
        "dec" | "december" => Word::Month(12),
        "sun" | "sunday" | "mon" | "monday" | "tue" | "tues" | "tuesday" | "wed" | "weds" | "wednesday" | "thu"
        | "thur" | "thurs" | "thursday" | "fri" | "friday" | "sat" | "saturday" => Word::WeekDay,
        "at" | "on" => Word::Ignore,
        "dst" => Word::DstModifier,
        "j" | "jd" | "julian" => Word::Julian,
        "t" => Word::IsoTime,
        "d" | "dow" | "doy" | "h" | "isodow" | "isoyear" | "m" | "mm" | "s" | "y" => Word::Unit,
        _ => return None,
    })
}

/// Leading integer of a text: value and the rest. Overflow of 32 bits is a field overflow.
pub(crate) fn leading_int(s: &str) -> Parsed<(i32, &str)> {
    let (v, rest) = leading_i64(s)?;
    Ok((i32::try_from(v).map_err(|_| Fault::FieldOverflow)?, rest))
}

pub(crate) fn leading_i64(s: &str) -> Parsed<(i64, &str)> {
    let sign = usize::from(s.starts_with(['-', '+']));
    let n = s.as_bytes()[sign..].iter().take_while(|b| b.is_ascii_digit()).count();
    if n == 0 {
        return Ok((0, s));
    }
    let (num, rest) = s.split_at(sign + n);
    let v = num.strip_prefix('+').unwrap_or(num).parse::<i64>().map_err(|_| Fault::FieldOverflow)?;
    Ok((v, rest))
}

/// `.digits` as microseconds, rounded.
pub(crate) fn fraction_usecs(s: &str) -> Parsed<i32> {
    Ok((fraction(s)? * 1e6).round_ties_even() as i32)
}

/// `.digits` as a fraction; a bare point is zero.
pub(crate) fn fraction(s: &str) -> Parsed<f64> {
    match s.strip_prefix('.') {
        Some("") => Ok(0.0),
        Some(d) if d.bytes().all(|b| b.is_ascii_digit()) => s.parse().map_err(|_| Fault::BadFormat),
        _ => Err(Fault::BadFormat),
    }
}

/// `hh:mm[:ss[.ffff]]`. Returns hours, minutes, seconds, microseconds; only minutes and seconds are range-checked.
/// With `minute_second`, two fields are minutes and seconds.
pub(crate) fn decode_time(s: &str, minute_second: bool) -> Parsed<(i64, i32, i32, i32)> {
    let (mut hour, rest) = leading_i64(s)?;
    let rest = rest.strip_prefix(':').ok_or(Fault::BadFormat)?;
    let (mut min, rest) = leading_int(rest)?;
    let (mut sec, mut usec) = (0, 0);
    if rest.is_empty() {
        if minute_second {
            sec = min;
            min = i32::try_from(hour).map_err(|_| Fault::FieldOverflow)?;
            hour = 0;
        }
    } else if rest.starts_with('.') {
        usec = fraction_usecs(rest)?;
        sec = min;
        min = i32::try_from(hour).map_err(|_| Fault::FieldOverflow)?;
        hour = 0;
    } else {
        let rest = rest.strip_prefix(':').ok_or(Fault::BadFormat)?;
        let (s, rest) = leading_int(rest)?;
        sec = s;
        if rest.starts_with('.') {
            usec = fraction_usecs(rest)?;
        } else if !rest.is_empty() {
            return Err(Fault::BadFormat);
        }
    }
    if hour < 0 || !(0..60).contains(&min) || !(0..=60).contains(&sec) {
        return Err(Fault::FieldOverflow);
    }
    Ok((hour, min, sec, usec))
}

/// `+hh[:mm[:ss]]` or `+hhmm`: seconds east of UTC.
pub(crate) fn decode_zone(s: &str) -> Parsed<i32> {
    let neg = match s.as_bytes().first() {
        Some(b'+') => false,
        Some(b'-') => true,
        _ => return Err(Fault::BadFormat),
    };
    let zone = |r: Parsed<(i32, &'_ str)>| r.map_err(|_| Fault::ZoneOverflow).map(|(v, r)| (v, r.to_string()));
    let (mut hr, mut rest) = zone(leading_int(&s[1..]))?;
    let (mut min, mut sec) = (0, 0);
    if let Some(r) = rest.strip_prefix(':') {
        (min, rest) = zone(leading_int(r))?;
        if let Some(r) = rest.strip_prefix(':') {
            (sec, rest) = zone(leading_int(r))?;
        }
    } else if rest.is_empty() && s.len() > 3 {
        min = hr % 100;
        hr /= 100;
    }
    if !(0..=15).contains(&hr) || !(0..60).contains(&min) || !(0..60).contains(&sec) {
        return Err(Fault::ZoneOverflow);
    }
    if !rest.is_empty() {
        return Err(Fault::BadFormat);
    }
    let v = (hr * 60 + min) * 60 + sec;
    Ok(if neg { -v } else { v })
}
