//! Dates and times of `datetime()`.

use crate::ctx::EvalCtx;
use crate::datetime::{self as dt, zone};
use crate::datum::{Datum, TypeRef};
use crate::funcs::date_read::read_standard;
use crate::funcs::json::iso_text;
use crate::funcs::jsonb_make::tree;
use crate::io::{OutCtx, text_out};
use crate::jsonb::encode;
use crate::{oid, pgdata, typename, usertype};
use jiff::tz::TimeZone;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// A date, a time, or both; zones in seconds west of UTC.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the types' own names")]
pub enum DateTime {
    Date(i32),
    Time(i64),
    TimeTz(i64, i32),
    Timestamp(i64),
    /// The instant in UTC, and the zone it was written in.
    TimestampTz(i64, i32),
}

/// The value of a variable.
pub enum Variable {
    /// In its stored form.
    Json(Vec<u8>),
    /// A date or time.
    Date(DateTime),
}

/// A SQL value as a variable's: dates and times keep their types, other values become JSON. 22023 for kinds of strings
/// that PostgreSQL does not take.
pub fn variable(ctx: &EvalCtx, ty: TypeRef, d: &Datum) -> Result<Variable> {
    let base = usertype::base(ty);
    let kind = match d {
        Datum::Date(d) => DateTime::Date(*d),
        Datum::Time(t) => DateTime::Time(*t),
        Datum::TimeTz(t, west) => DateTime::TimeTz(*t, *west),
        Datum::Timestamp(t) => DateTime::Timestamp(*t),
        // Of an instant only UTC is known.
        Datum::TimestampTz(t) => DateTime::TimestampTz(*t, 0),
        d => {
            let strange = pgdata::pg_type(ty.oid).is_some_and(|t| t.typcategory == 'S')
                && !matches!(ty.oid, oid::TEXT | oid::VARCHAR);
            if strange && !d.is_null() {
                let name = typename::format_type(ty.oid, -1);
                let message = format!("could not convert value of type {name} to jsonpath");
                return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, message));
            }
            return Ok(Variable::Json(encode(&tree(ctx, base, d, 0)?)));
        }
    };
    Ok(Variable::Date(kind))
}

/// Templates that `datetime()` without one tries, in this order.
const TEMPLATES: &[&str] = &[
    "yyyy-mm-dd",
    "HH24:MI:SSTZH:TZM",
    "HH24:MI:SSTZH",
    "HH24:MI:SS",
    "yyyy-mm-dd HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd HH24:MI:SSTZH",
    "yyyy-mm-dd HH24:MI:SS",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SS",
];

/// Reads by the first template that fits.
pub(super) fn read_any(ctx: &EvalCtx, text: &str) -> Result<DateTime> {
    TEMPLATES.iter().find_map(|t| read_template(ctx, text, t).ok()).ok_or_else(|| {
        DbError::new(
            SqlState::INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
            format!("datetime format is not recognized: \"{text}\""),
        )
        .hint("Use a datetime template argument to specify the input data format.")
    })
}

/// Reads by a template, which also says what kind of value it is.
pub(super) fn read_template(_: &EvalCtx, text: &str, template: &str) -> Result<DateTime> {
    let invalid = |m: &'static str| DbError::new(SqlState::INVALID_DATETIME_FORMAT, m);
    let r = read_standard(text, template)?;
    let timestamp = || dt::timestamp_from_parts(r.days, r.micros).ok_or_else(dt::timestamp_out_of_range);
    match (r.dated, r.timed, r.zoned) {
        (true, true, true) => {
            let east = r.east.ok_or_else(|| invalid("missing time zone in input string for type timestamptz"))?;
            Ok(DateTime::TimestampTz(dt::timestamp_to_timestamptz(timestamp()?, &zone::fixed(east)?)?, -east))
        }
        (true, true, false) => Ok(DateTime::Timestamp(timestamp()?)),
        (true, false, true) => Err(invalid("datetime format is zoned but not timed")),
        (true, false, false) => i32::try_from(r.days)
            .ok()
            .filter(|d| (dt::MIN_DATE..dt::END_DATE).contains(d))
            .map(DateTime::Date)
            .ok_or_else(dt::date_out_of_range),
        (false, true, true) => {
            let east = r.east.ok_or_else(|| invalid("missing time zone in input string for type timetz"))?;
            Ok(DateTime::TimeTz(r.micros, -east))
        }
        (false, true, false) => Ok(DateTime::Time(r.micros)),
        (false, false, _) => Err(invalid("datetime format is not dated and not timed")),
    }
}

impl DateTime {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            DateTime::Date(_) => "date",
            DateTime::Time(_) => "time without time zone",
            DateTime::TimeTz(..) => "time with time zone",
            DateTime::Timestamp(_) => "timestamp without time zone",
            DateTime::TimestampTz(..) => "timestamp with time zone",
        }
    }

    /// How errors name it.
    fn short_name(self) -> &'static str {
        match self {
            DateTime::Date(_) => "date",
            DateTime::Time(_) => "time",
            DateTime::TimeTz(..) => "timetz",
            DateTime::Timestamp(_) => "timestamp",
            DateTime::TimestampTz(..) => "timestamptz",
        }
    }

    /// As JSON shows it: ISO 8601, in the zone it was written in.
    pub(super) fn text(self, ctx: &EvalCtx) -> Result<String> {
        let shown = |ty: u32, d: Datum| -> Result<String> {
            let mut out = Vec::new();
            text_out(OutCtx { fmt: &ctx.fmt, session: None }, TypeRef::new(ty), &d, &mut out)?;
            String::from_utf8(out).map_err(|_| DbError::internal("a time that is not UTF-8"))
        };
        let offset = |west: i32| {
            let (sign, v) = if west > 0 { ('-', west) } else { ('+', -west) };
            let (h, m, s) = (v / 3600, v / 60 % 60, v % 60);
            if s == 0 { format!("{sign}{h:02}:{m:02}") } else { format!("{sign}{h:02}:{m:02}:{s:02}") }
        };
        match self {
            DateTime::Date(d) => iso_text(ctx, oid::DATE, &Datum::Date(d)),
            DateTime::Time(t) => shown(oid::TIME, Datum::Time(t)),
            DateTime::TimeTz(t, west) => Ok(shown(oid::TIME, Datum::Time(t))? + &offset(west)),
            DateTime::Timestamp(t) => iso_text(ctx, oid::TIMESTAMP, &Datum::Timestamp(t)),
            DateTime::TimestampTz(t, west) => {
                let local = t - i64::from(west) * dt::USECS_PER_SEC;
                let text = iso_text(ctx, oid::TIMESTAMP, &Datum::Timestamp(local))?;
                Ok(match text.strip_suffix(" BC") {
                    Some(t) => t.to_owned() + &offset(west) + " BC",
                    None => text + &offset(west),
                })
            }
        }
    }

    /// As SQL shows it.
    pub(super) fn sql_text(self, ctx: &EvalCtx) -> Result<String> {
        let (ty, d) = match self {
            DateTime::Date(d) => (oid::DATE, Datum::Date(d)),
            DateTime::Time(t) => (oid::TIME, Datum::Time(t)),
            DateTime::TimeTz(t, west) => (oid::TIMETZ, Datum::TimeTz(t, west)),
            DateTime::Timestamp(t) => (oid::TIMESTAMP, Datum::Timestamp(t)),
            DateTime::TimestampTz(t, _) => (oid::TIMESTAMPTZ, Datum::TimestampTz(t)),
        };
        let mut out = Vec::new();
        text_out(OutCtx { fmt: &ctx.fmt, session: None }, TypeRef::new(ty), &d, &mut out)?;
        String::from_utf8(out).map_err(|_| DbError::internal("a time that is not UTF-8"))
    }

    /// Order of two values; `None` when they do not compare. 0A000 when that takes a time zone and none may be used.
    pub(super) fn compare(&self, o: &DateTime, tz: Option<&TimeZone>) -> Result<Option<Ordering>> {
        use DateTime::*;
        let needs = |from: &DateTime, to: &DateTime| {
            tz.ok_or_else(|| {
                DbError::unsupported(format!(
                    "cannot convert value from {} to {} without time zone usage",
                    from.short_name(),
                    to.short_name()
                ))
                .hint("Use *_tz() function for time zone support.")
            })
        };
        Ok(Some(match (self, o) {
            (Date(a), Date(b)) => a.cmp(b),
            (Date(a), Timestamp(b)) => dt::date_to_timestamp(*a)?.cmp(b),
            (Timestamp(a), Date(b)) => a.cmp(&dt::date_to_timestamp(*b)?),
            (Date(a), TimestampTz(b, _)) => dt::date_to_timestamptz(*a, needs(self, o)?)?.cmp(b),
            (TimestampTz(a, _), Date(b)) => a.cmp(&dt::date_to_timestamptz(*b, needs(o, self)?)?),
            (Timestamp(a), Timestamp(b)) => a.cmp(b),
            (TimestampTz(a, _), TimestampTz(b, _)) => a.cmp(b),
            (Timestamp(a), TimestampTz(b, _)) => dt::timestamp_to_timestamptz(*a, needs(self, o)?)?.cmp(b),
            (TimestampTz(a, _), Timestamp(b)) => a.cmp(&dt::timestamp_to_timestamptz(*b, needs(o, self)?)?),
            (Time(a), Time(b)) => a.cmp(b),
            (TimeTz(a, x), TimeTz(b, y)) => zoned(*a, *x, *b, *y),
            // A time without zone is one of the session's zone, as of today.
            (Time(a), TimeTz(b, y)) => zoned(*a, west_now(needs(self, o)?), *b, *y),
            (TimeTz(a, x), Time(b)) => zoned(*a, *x, *b, west_now(needs(o, self)?)),
            _ => return Ok(None),
        }))
    }
}

fn zoned(a: i64, a_west: i32, b: i64, b_west: i32) -> Ordering {
    let utc = |t: i64, west: i32| t + i64::from(west) * dt::USECS_PER_SEC;
    utc(a, a_west).cmp(&utc(b, b_west)).then(a_west.cmp(&b_west))
}

/// The zone's offset now, in seconds west.
fn west_now(tz: &TimeZone) -> i32 {
    -tz.to_offset(jiff::Timestamp::now()).seconds()
}
