//! Reading dates and times.
//!
//! The text is cut into fields by the shape of its characters (number, date-like, time-like, word, signed zone), then the
//! fields are given their meaning from left to right, each knowing what was found before it. That makes PostgreSQL's
//! permissive input: ISO 8601, SQL, month names anywhere unambiguous, concatenated digits, Julian days, day of year, AM/PM,
//! AD/BC, zones by offset, abbreviation and name, and the words now, today, tomorrow, yesterday, epoch, infinity, allballs.

use super::lex::{
    Fault, Field, Kind, MAX_FIELDS, Parsed, Word, decode_time, decode_zone, fraction, fraction_usecs, leading_int,
    special, split,
};
use super::{Civil, USECS_PER_DAY, USECS_PER_SEC, civil_from_days, days_from_civil, days_in_month, zone};
use crate::ctx::{DateOrder, EvalCtx};
use jiff::tz::TimeZone;
use rustydb_base::{DbError, Result, SqlState};

/// Bits of what has been found.
mod found {
    pub const YEAR: u32 = 1;
    pub const MONTH: u32 = 2;
    pub const DAY: u32 = 4;
    pub const DATE: u32 = YEAR | MONTH | DAY;
    pub const DOY: u32 = 8;
    pub const TIME: u32 = 16;
    pub const TZ: u32 = 32;
    pub const DTZ: u32 = 64;
    pub const DTZMOD: u32 = 128;
    pub const AMPM: u32 = 256;
    pub const ADBC: u32 = 512;
    pub const DOW: u32 = 1024;
    /// infinity, -infinity or epoch: PostgreSQL lets anything readable stand beside them.
    pub const RESERVED: u32 = 2048;
}

/// Label a word gives the number after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Julian,
    Time,
}

/// What a text turned out to be.
enum Outcome {
    /// A date and time, with seconds east of UTC.
    Civil(i32),
    Infinity,
    NegInfinity,
    Epoch,
}

struct Reader<'a> {
    ctx: &'a EvalCtx,
    c: Civil,
    mask: u32,
    yday: i32,
    two_digit_year: bool,
    text_month: bool,
    julian: bool,
    bc: bool,
    pm: Option<bool>,
    /// Seconds east of UTC.
    offset: i32,
    named: Option<TimeZone>,
    prefix: Option<Prefix>,
}

impl<'a> Reader<'a> {
    fn new(ctx: &'a EvalCtx) -> Reader<'a> {
        Reader {
            ctx,
            c: Civil::default(),
            mask: 0,
            yday: 0,
            two_digit_year: false,
            text_month: false,
            julian: false,
            bc: false,
            pm: None,
            offset: 0,
            named: None,
            prefix: None,
        }
    }

    fn order(&self) -> DateOrder {
        self.ctx.fmt.date_order
    }

    fn set_time(&mut self, t: (i64, i32, i32, i32)) -> Parsed<()> {
        self.c.hour = i32::try_from(t.0).map_err(|_| Fault::FieldOverflow)?;
        (self.c.min, self.c.sec, self.c.usec) = (t.1, t.2, t.3);
        Ok(())
    }

    fn set_date(&mut self, days: i64) {
        (self.c.year, self.c.month, self.c.day) = civil_from_days(days);
    }

    /// Local midnight today, in days from 2000-01-01, and the time of day.
    fn local_now(&self) -> (i64, i64) {
        let tz = &self.ctx.fmt.time_zone;
        let now = self.ctx.transaction_start;
        let local = now + i64::from(zone::offset_at(tz, now)) * USECS_PER_SEC;
        (local.div_euclid(USECS_PER_DAY), local.rem_euclid(USECS_PER_DAY))
    }

    /// A date written with separators; `have` is what was found before it. Returns what it holds.
    fn date(&mut self, s: &str, have: u32) -> Parsed<u32> {
        let b = s.as_bytes();
        let mut parts: Vec<Option<&str>> = Vec::with_capacity(3);
        let mut i = 0;
        while i < b.len() && parts.len() < MAX_FIELDS {
            while i < b.len() && !b[i].is_ascii_alphanumeric() {
                i += 1;
            }
            if i == b.len() {
                return Err(Fault::BadFormat);
            }
            let start = i;
            let digits = b[i].is_ascii_digit();
            while i < b.len() && if digits { b[i].is_ascii_digit() } else { b[i].is_ascii_alphabetic() } {
                i += 1;
            }
            parts.push(Some(&s[start..i]));
            i += usize::from(i < b.len());
        }
        let mut mask = have;
        let mut got = 0;
        let mut text_month = false;
        for p in &mut parts {
            let Some(word) = *p else { continue };
            if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
                continue;
            }
            match special(word) {
                Some(Word::Ignore) => {
                    *p = None;
                    continue;
                }
                Some(Word::Month(m)) => {
                    self.c.month = m;
                    text_month = true;
                }
                _ => return Err(Fault::BadFormat),
            }
            if mask & found::MONTH != 0 {
                return Err(Fault::BadFormat);
            }
            mask |= found::MONTH;
            got |= found::MONTH;
            *p = None;
        }
        for p in parts.into_iter().flatten() {
            let m = self.number(p, text_month, mask)?;
            if mask & m != 0 {
                return Err(Fault::BadFormat);
            }
            mask |= m;
            got |= m;
        }
        if mask & !(found::DOY | found::TZ) != found::DATE {
            return Err(Fault::BadFormat);
        }
        Ok(got)
    }

    /// A number whose meaning depends on what was found before it.
    fn number(&mut self, s: &str, text_month: bool, have: u32) -> Parsed<u32> {
        let len = s.len();
        let (val, rest) = leading_int(s)?;
        if rest.len() == len {
            return Err(Fault::BadFormat);
        }
        if rest.starts_with('.') {
            if len - rest.len() > 2 {
                return self.concatenated(s, have | found::DATE);
            }
            self.c.usec = fraction_usecs(rest)?;
        } else if !rest.is_empty() {
            return Err(Fault::BadFormat);
        }
        if len == 3 && have & found::DATE == found::YEAR && (1..=366).contains(&val) {
            self.yday = val;
            return Ok(found::DOY | found::MONTH | found::DAY);
        }
        let order = self.order();
        let m = match have & found::DATE {
            0 if len >= 3 || order == DateOrder::Ymd => found::YEAR,
            0 if order == DateOrder::Dmy => found::DAY,
            0 => found::MONTH,
            found::YEAR => found::MONTH,
            found::MONTH if text_month && (len >= 3 || order == DateOrder::Ymd) => found::YEAR,
            found::MONTH => found::DAY,
            m if m == found::YEAR | found::MONTH => {
                if text_month && len >= 3 && self.two_digit_year {
                    // What was taken for the year is the day.
                    self.c.day = self.c.year;
                    self.c.year = val;
                    self.two_digit_year = false;
                    return Ok(found::DAY);
                }
                found::DAY
            }
            found::DAY => found::MONTH,
            m if m == found::MONTH | found::DAY => found::YEAR,
            found::DATE => return self.concatenated(s, have),
            _ => return Err(Fault::BadFormat),
        };
        match m {
            found::YEAR => {
                self.c.year = val;
                self.two_digit_year = len <= 2;
            }
            found::MONTH => self.c.month = val,
            _ => self.c.day = val,
        }
        Ok(m)
    }

    /// Digits run together: `yymmdd`, `yyyymmdd`, `hhmmss[.fff]`, `hhmm`.
    fn concatenated(&mut self, s: &str, have: u32) -> Parsed<u32> {
        let (digits, frac) = match s.find('.') {
            Some(p) => (&s[..p], Some(&s[p..])),
            None => (s, None),
        };
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Fault::BadFormat);
        }
        let num = |r: &str| r.parse::<i32>().map_err(|_| Fault::FieldOverflow);
        let len = digits.len();
        if let Some(f) = frac {
            self.c.usec = fraction_usecs(f)?;
        } else if have & found::DATE != found::DATE && len >= 6 {
            self.c.day = num(&digits[len - 2..])?;
            self.c.month = num(&digits[len - 4..len - 2])?;
            self.c.year = num(&digits[..len - 4])?;
            if len == 6 {
                self.two_digit_year = true;
            }
            return Ok(found::DATE);
        }
        if have & found::TIME == 0 && (len == 6 || len == 4) {
            self.c.hour = num(&digits[..2])?;
            self.c.min = num(&digits[2..4])?;
            self.c.sec = if len == 6 { num(&digits[4..])? } else { 0 };
            return Ok(found::TIME);
        }
        Err(Fault::BadFormat)
    }

    /// `hhmmss-zz`: a concatenated time with a zone.
    fn time_with_zone(&mut self, s: &str, have: u32) -> Parsed<u32> {
        if self.mask & found::TIME != 0 {
            return Err(Fault::BadFormat);
        }
        let p = s.find('-').ok_or(Fault::BadFormat)?;
        self.offset = decode_zone(&s[p..])?;
        Ok(self.concatenated(&s[..p], have)? | found::TZ)
    }

    /// The number after `j` or `t`.
    fn prefixed(&mut self, p: Prefix, s: &str, have: u32) -> Parsed<u32> {
        let (value, rest) = leading_int(s)?;
        if !rest.is_empty() && !rest.starts_with('.') {
            return Err(Fault::BadFormat);
        }
        match p {
            Prefix::Julian => {
                self.julian_day(value)?;
                if rest.is_empty() {
                    return Ok(found::DATE);
                }
                let us = (fraction(rest)? * USECS_PER_DAY as f64) as i64;
                let (h, m, s, u) = super::split_time(us);
                self.set_time((h.into(), m, s, u))?;
                Ok(found::DATE | found::TIME)
            }
            Prefix::Time => {
                let m = self.concatenated(s, have | found::DATE)?;
                if m == found::TIME { Ok(m) } else { Err(Fault::BadFormat) }
            }
        }
    }

    fn julian_day(&mut self, jd: i32) -> Parsed<()> {
        if jd < 0 {
            return Err(Fault::FieldOverflow);
        }
        self.set_date(i64::from(jd) - i64::from(super::POSTGRES_EPOCH_JDATE));
        self.julian = true;
        Ok(())
    }

    /// Words that mean the same in dates and times: `Some(mask)` when taken.
    fn common_word(&mut self, w: &str) -> Parsed<Option<u32>> {
        if let Some((secs, dst)) = zone::abbreviation(w) {
            self.offset = secs;
            return Ok(Some(if dst { found::TZ | found::DTZ } else { found::TZ }));
        }
        Ok(match special(w) {
            Some(Word::DstModifier) => {
                self.offset += 3600;
                Some(found::DTZMOD | found::DTZ)
            }
            Some(Word::Am) => {
                self.pm = Some(false);
                Some(found::AMPM)
            }
            Some(Word::Pm) => {
                self.pm = Some(true);
                Some(found::AMPM)
            }
            Some(Word::Ad) => Some(found::ADBC),
            Some(Word::Bc) => {
                self.bc = true;
                Some(found::ADBC)
            }
            Some(Word::WeekDay) => Some(found::DOW),
            Some(Word::AllBalls) => {
                self.set_time((0, 0, 0, 0))?;
                self.offset = 0;
                Some(found::TIME | found::TZ)
            }
            Some(Word::Unit) => return Err(Fault::BadFormat),
            None => match zone::by_name(w) {
                Some(tz) => {
                    self.named = Some(tz);
                    Some(found::TZ)
                }
                None => return Err(Fault::BadFormat),
            },
            _ => None,
        })
    }

    fn take(&mut self, m: u32) -> Parsed<()> {
        if self.mask & m != 0 {
            return Err(Fault::BadFormat);
        }
        self.mask |= m;
        Ok(())
    }

    fn validate_date(&mut self) -> Parsed<()> {
        let c = &mut self.c;
        if self.mask & found::YEAR != 0 && !self.julian {
            if self.bc {
                if c.year <= 0 {
                    return Err(Fault::FieldOverflow);
                }
                c.year = 1 - c.year;
            } else if self.two_digit_year {
                if c.year < 0 {
                    return Err(Fault::FieldOverflow);
                }
                c.year += match c.year {
                    ..70 => 2000,
                    70..100 => 1900,
                    _ => 0,
                };
            } else if c.year <= 0 {
                return Err(Fault::FieldOverflow);
            }
        }
        if self.mask & found::DOY != 0 {
            let days = days_from_civil(c.year, 1, 1) + i64::from(self.yday) - 1;
            (c.year, c.month, c.day) = civil_from_days(days);
        }
        if self.mask & found::MONTH != 0 && !(1..=12).contains(&c.month) {
            return Err(Fault::MonthDayOverflow);
        }
        if self.mask & found::DAY != 0 && !(1..=31).contains(&c.day) {
            return Err(Fault::MonthDayOverflow);
        }
        if self.mask & found::DATE == found::DATE && c.day > days_in_month(c.year, c.month) {
            return Err(Fault::FieldOverflow);
        }
        Ok(())
    }

    fn apply_meridian(&mut self) -> Parsed<()> {
        let Some(pm) = self.pm else { return Ok(()) };
        if self.c.hour > 12 {
            return Err(Fault::FieldOverflow);
        }
        if pm && self.c.hour != 12 {
            self.c.hour += 12;
        } else if !pm && self.c.hour == 12 {
            self.c.hour = 0;
        }
        Ok(())
    }

    fn local(&self) -> Parsed<i64> {
        // Out-of-range fields of concatenated times wrap, as in PostgreSQL; the sum cannot overflow i64 for years that
        // fit the timestamp range, and later years are reported by the caller.
        let c = &self.c;
        let days = days_from_civil(c.year, c.month, c.day);
        days.checked_mul(USECS_PER_DAY)
            .and_then(|d| d.checked_add(super::join_time(c.hour, c.min, c.sec, c.usec)))
            .ok_or(Fault::FieldOverflow)
    }

    /// Settles the zone of a complete date and time: named, else the session's unless one was written.
    fn resolve_zone(&mut self) -> Parsed<()> {
        let session = self.mask & found::TZ == 0;
        if !session && self.named.is_none() {
            return Ok(());
        }
        if self.mask & found::DTZMOD != 0 {
            return Err(Fault::BadFormat);
        }
        let Ok(local) = self.local() else { return Ok(()) };
        let tz = self.named.as_ref().unwrap_or(&self.ctx.fmt.time_zone);
        self.offset = zone::offset_of_local(tz, local.clamp(super::MIN_TIMESTAMP, super::END_TIMESTAMP));
        Ok(())
    }

    /// Reads a date with an optional time.
    fn datetime(&mut self, fields: &[Field]) -> Parsed<Outcome> {
        let mut outcome = Outcome::Civil(0);
        for (i, f) in fields.iter().enumerate() {
            let s = f.text.as_str();
            let m = match f.kind {
                Kind::Date => {
                    if self.prefix == Some(Prefix::Julian) {
                        self.prefix = None;
                        let (jd, rest) = leading_int(s)?;
                        self.julian_day(jd)?;
                        self.offset = decode_zone(rest)?;
                        found::DATE | found::TIME | found::TZ
                    } else if self.prefix.is_some()
                        || self.mask & (found::MONTH | found::DAY) == found::MONTH | found::DAY
                    {
                        if s.starts_with(|c: char| c.is_ascii_digit()) || self.prefix.is_some() {
                            self.prefix = None;
                            self.time_with_zone(s, self.mask)?
                        } else {
                            self.named = Some(zone::by_name(s).ok_or(Fault::UnknownZone(i))?);
                            found::TZ
                        }
                    } else {
                        self.date(s, self.mask)?
                    }
                }
                Kind::Time => {
                    if self.prefix.take().is_some_and(|p| p != Prefix::Time) {
                        return Err(Fault::BadFormat);
                    }
                    self.set_time(decode_time(s, false)?)?;
                    if super::join_time(self.c.hour.min(99), self.c.min, self.c.sec, self.c.usec) > USECS_PER_DAY {
                        return Err(Fault::FieldOverflow);
                    }
                    found::TIME
                }
                Kind::Zone => {
                    self.offset = decode_zone(s)?;
                    found::TZ
                }
                Kind::Number => match self.prefix.take() {
                    Some(p) => self.prefixed(p, s, self.mask)?,
                    None => {
                        let point = s.find('.');
                        if point.is_some() && self.mask & found::DATE == 0 {
                            self.date(s, self.mask)?
                        } else if point.is_some_and(|p| p > 2)
                            || (point.is_none()
                                && s.len() >= 6
                                && (self.mask & found::DATE == 0 || self.mask & found::TIME == 0))
                        {
                            self.concatenated(s, self.mask)?
                        } else {
                            self.number(s, self.text_month, self.mask)?
                        }
                    }
                },
                Kind::Word | Kind::Special => {
                    if zone::abbreviation(s).is_none() {
                        let all = found::DATE | found::TIME | found::TZ;
                        let relative = |d: i64| (found::DATE, d);
                        let day = match special(s) {
                            Some(Word::Ignore) => continue,
                            Some(Word::Infinity) => {
                                outcome = Outcome::Infinity;
                                self.take(found::RESERVED)?;
                                continue;
                            }
                            Some(Word::NegInfinity) => {
                                outcome = Outcome::NegInfinity;
                                self.take(found::RESERVED)?;
                                continue;
                            }
                            Some(Word::Epoch) => {
                                outcome = Outcome::Epoch;
                                self.take(found::RESERVED)?;
                                continue;
                            }
                            Some(Word::Now) => {
                                let (days, us) = self.local_now();
                                self.set_date(days);
                                let (h, m, s, u) = super::split_time(us);
                                self.set_time((h.into(), m, s, u))?;
                                self.offset = zone::offset_at(&self.ctx.fmt.time_zone, self.ctx.transaction_start);
                                self.take(all)?;
                                continue;
                            }
                            Some(Word::Today) => Some(relative(0)),
                            Some(Word::Tomorrow) => Some(relative(1)),
                            Some(Word::Yesterday) => Some(relative(-1)),
                            Some(Word::Julian) => {
                                self.prefix = Some(Prefix::Julian);
                                continue;
                            }
                            Some(Word::IsoTime) => {
                                let next = fields.get(i + 1).map(|f| f.kind);
                                if self.mask & found::DATE != found::DATE
                                    || !matches!(next, Some(Kind::Number | Kind::Time | Kind::Date))
                                {
                                    return Err(Fault::BadFormat);
                                }
                                self.prefix = Some(Prefix::Time);
                                continue;
                            }
                            Some(Word::Month(n)) => {
                                let mut m = found::MONTH;
                                if self.mask & found::MONTH != 0
                                    && !self.text_month
                                    && self.mask & found::DAY == 0
                                    && (1..=31).contains(&self.c.month)
                                {
                                    self.c.day = self.c.month;
                                    m = found::DAY;
                                }
                                self.text_month = true;
                                self.c.month = n;
                                self.take(m)?;
                                continue;
                            }
                            _ => None,
                        };
                        if let Some((m, d)) = day {
                            let (today, _) = self.local_now();
                            self.set_date(today + d);
                            self.take(m)?;
                            continue;
                        }
                    }
                    self.common_word(s)?.ok_or(Fault::BadFormat)?
                }
            };
            self.take(m)?;
        }
        if !matches!(outcome, Outcome::Civil(_)) {
            return Ok(outcome);
        }
        self.validate_date()?;
        self.apply_meridian()?;
        if self.mask & found::DATE != found::DATE {
            return Err(Fault::BadFormat);
        }
        self.resolve_zone()?;
        Ok(Outcome::Civil(self.offset))
    }

    /// Reads a time of day with an optional zone (and a date, where one helps to find the zone's offset).
    fn time(&mut self, fields: &[Field]) -> Parsed<()> {
        let last = fields.last().map(|f| f.kind);
        let second = fields.get(1).map(|f| f.kind);
        for (i, f) in fields.iter().enumerate() {
            let s = f.text.as_str();
            let m = match f.kind {
                Kind::Date => {
                    if i == 0 && fields.len() >= 2 && (last == Some(Kind::Date) || second == Some(Kind::Time)) {
                        self.date(s, self.mask)?
                    } else if s.starts_with(|c: char| c.is_ascii_digit()) {
                        self.prefix = None;
                        self.time_with_zone(s, self.mask | found::DATE)?
                    } else {
                        self.named = Some(zone::by_name(s).ok_or(Fault::UnknownZone(i))?);
                        found::TZ
                    }
                }
                Kind::Time => {
                    self.prefix = None;
                    self.set_time(decode_time(s, false)?)?;
                    found::TIME
                }
                Kind::Zone => {
                    self.offset = decode_zone(s)?;
                    found::TZ
                }
                Kind::Number => match self.prefix.take() {
                    Some(p) => self.prefixed(p, s, self.mask)?,
                    None => match s.find('.') {
                        Some(_) if i == 0 && fields.len() >= 2 && last == Some(Kind::Date) => {
                            self.date(s, self.mask)?
                        }
                        Some(p) if p > 2 => self.concatenated(s, self.mask | found::DATE)?,
                        Some(_) => return Err(Fault::BadFormat),
                        None if s.len() > 4 => self.concatenated(s, self.mask | found::DATE)?,
                        None => self.number(s, false, self.mask | found::DATE)?,
                    },
                },
                Kind::Word | Kind::Special => {
                    if zone::abbreviation(s).is_none() {
                        match special(s) {
                            Some(Word::Ignore) => continue,
                            Some(Word::Now) => {
                                let (_, us) = self.local_now();
                                let (h, m, s, u) = super::split_time(us);
                                self.set_time((h.into(), m, s, u))?;
                                self.take(found::TIME)?;
                                continue;
                            }
                            Some(Word::Julian) => {
                                self.prefix = Some(Prefix::Julian);
                                continue;
                            }
                            Some(Word::IsoTime) => {
                                let next = fields.get(i + 1).map(|f| f.kind);
                                if !matches!(next, Some(Kind::Number | Kind::Time | Kind::Date)) {
                                    return Err(Fault::BadFormat);
                                }
                                self.prefix = Some(Prefix::Time);
                                continue;
                            }
                            _ => {}
                        }
                    }
                    self.common_word(s)?.ok_or(Fault::BadFormat)?
                }
            };
            self.take(m)?;
        }
        self.validate_date()?;
        self.apply_meridian()?;
        let c = &self.c;
        if !(0..=24).contains(&c.hour)
            || !(0..60).contains(&c.min)
            || !(0..=60).contains(&c.sec)
            || super::join_time(c.hour, c.min, c.sec, c.usec) > USECS_PER_DAY
        {
            return Err(Fault::FieldOverflow);
        }
        if self.mask & found::TIME == 0 {
            return Err(Fault::BadFormat);
        }
        let dated = self.mask & found::DATE == found::DATE;
        if let Some(tz) = &self.named {
            if self.mask & found::DTZMOD != 0 {
                return Err(Fault::BadFormat);
            }
            if let Ok(o) = tz.to_fixed_offset() {
                self.offset = o.seconds();
                return Ok(());
            }
            if !dated {
                return Err(Fault::BadFormat);
            }
            return self.resolve_zone();
        }
        if self.mask & found::TZ == 0 && !dated {
            let (today, _) = self.local_now();
            self.set_date(today);
        }
        self.resolve_zone()
    }
}

fn fault(f: Fault, text: &str, type_name: &str, fields: &[Field]) -> DbError {
    match f {
        Fault::UnknownZone(i) => zone::not_recognized(fields.get(i).map_or("", |f| f.text.as_str())),
        f => f.error(text, type_name),
    }
}

/// `YYYY-MM-DD` of a valid date in years 1 to 9999: days. Anything else takes the long way.
fn iso_date(b: &[u8]) -> Option<i64> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = b else { return None };
    let digit = |c: u8| c.is_ascii_digit().then(|| i32::from(c - b'0'));
    let year = ((digit(y0)? * 10 + digit(y1)?) * 10 + digit(y2)?) * 10 + digit(y3)?;
    let (month, day) = (digit(m0)? * 10 + digit(m1)?, digit(d0)? * 10 + digit(d1)?);
    let valid = year > 0 && (1..=12).contains(&month) && day > 0 && day <= days_in_month(year, month);
    valid.then(|| days_from_civil(year, month, day))
}

/// `YYYY-MM-DD[ HH:MM:SS[.ffffff]]` without a zone; anything else takes the long way.
fn iso_timestamp(s: &str) -> Option<i64> {
    let b = s.as_bytes();
    let days = iso_date(b.get(..10)?)?;
    let [b' ' | b'T', h0, h1, b':', m0, m1, b':', s0, s1, frac @ ..] = &b[10..] else {
        return (b.len() == 10).then(|| days * USECS_PER_DAY);
    };
    let two = |a: &u8, b: &u8| {
        (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i32::from(a - b'0') * 10 + i32::from(b - b'0'))
    };
    let (hour, min, sec) = (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?);
    if hour > 23 || min > 59 || sec > 59 {
        return None;
    }
    let mut usec = 0i32;
    if let [b'.', digits @ ..] = frac {
        if digits.is_empty() || digits.len() > 6 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        for i in 0..6 {
            usec = usec * 10 + digits.get(i).map_or(0, |d| i32::from(d - b'0'));
        }
    } else if !frac.is_empty() {
        return None;
    }
    Some(days * USECS_PER_DAY + super::join_time(hour, min, sec, usec))
}

/// Reads a `date`.
pub fn date_in(ctx: &EvalCtx, s: &str) -> Result<i32> {
    if let Some(days) = iso_date(s.as_bytes()) {
        return Ok(days as i32);
    }
    let name = "date";
    let fields = split(s).map_err(|f| f.error(s, name))?;
    let mut r = Reader::new(ctx);
    match r.datetime(&fields).map_err(|f| fault(f, s, name, &fields))? {
        Outcome::Infinity => Ok(super::DATE_INFINITY),
        Outcome::NegInfinity => Ok(super::DATE_NEG_INFINITY),
        Outcome::Epoch => Ok(-super::UNIX_EPOCH_DAYS),
        Outcome::Civil(_) => {
            let days = days_from_civil(r.c.year, r.c.month, r.c.day);
            if (i64::from(super::MIN_DATE)..i64::from(super::END_DATE)).contains(&days) {
                Ok(days as i32)
            } else {
                Err(DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, format!("date out of range: \"{s}\"")))
            }
        }
    }
}

fn timestamp(ctx: &EvalCtx, s: &str, name: &str, with_zone: bool) -> Result<i64> {
    let fields = split(s).map_err(|f| f.error(s, name))?;
    let mut r = Reader::new(ctx);
    match r.datetime(&fields).map_err(|f| fault(f, s, name, &fields))? {
        Outcome::Infinity => Ok(super::TS_INFINITY),
        Outcome::NegInfinity => Ok(super::TS_NEG_INFINITY),
        Outcome::Epoch => Ok(-i64::from(super::UNIX_EPOCH_DAYS) * USECS_PER_DAY),
        Outcome::Civil(offset) => {
            let shift = if with_zone { i64::from(offset) * USECS_PER_SEC } else { 0 };
            r.local().ok().and_then(|l| l.checked_sub(shift)).filter(|&t| super::is_valid_timestamp(t)).ok_or_else(
                || DbError::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, format!("timestamp out of range: \"{s}\"")),
            )
        }
    }
}

/// Reads a `timestamp`; a zone in the text is accepted and ignored.
pub fn timestamp_in(ctx: &EvalCtx, s: &str) -> Result<i64> {
    if let Some(ts) = iso_timestamp(s) {
        return Ok(ts);
    }
    timestamp(ctx, s, "timestamp", false)
}

/// Reads a `timestamptz`; without a zone in the text the session's applies.
pub fn timestamptz_in(ctx: &EvalCtx, s: &str) -> Result<i64> {
    if let Some(local) = iso_timestamp(s) {
        return Ok(local - i64::from(zone::offset_of_local(&ctx.fmt.time_zone, local)) * USECS_PER_SEC);
    }
    timestamp(ctx, s, "timestamp with time zone", true)
}

fn time_parts(ctx: &EvalCtx, s: &str, name: &str) -> Result<(i64, i32)> {
    let fields = split(s).map_err(|f| f.error(s, name))?;
    let mut r = Reader::new(ctx);
    r.time(&fields).map_err(|f| fault(f, s, name, &fields))?;
    Ok((super::join_time(r.c.hour, r.c.min, r.c.sec, r.c.usec), r.offset))
}

/// Reads a `time`; a zone in the text is accepted and ignored.
pub fn time_in(ctx: &EvalCtx, s: &str) -> Result<i64> {
    Ok(time_parts(ctx, s, "time")?.0)
}

/// Reads a `timetz`: microseconds and seconds west of UTC.
pub fn timetz_in(ctx: &EvalCtx, s: &str) -> Result<(i64, i32)> {
    let (us, east) = time_parts(ctx, s, "time with time zone")?;
    Ok((us, -east))
}
