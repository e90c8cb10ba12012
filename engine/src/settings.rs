//! Settings (GUCs): the one table that SET, SHOW, RESET, `pg_settings`, the command line and ParameterStatus read.
//!
//! What a setting is called, its type, range and default are PostgreSQL's, read from a running server into
//! `data/settings.tsv`; [`OVERRIDES`] says where RustyDB's default differs. A session holds only the values that differ
//! from the server's. SET lasts for the session unless the transaction rolls back; SET LOCAL ends with the transaction;
//! savepoints restore both.

use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::{DateOrder, DateStyle, FormatSettings, IntervalStyle};
use rustydb_types::datetime::zone;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The version clients see; RustyDB speaks and answers as this PostgreSQL.
pub const SERVER_VERSION: &str = "15.18";
/// `server_version_num`.
pub const SERVER_VERSION_NUM: &str = "150018";

/// Type of a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum VarType {
    Bool,
    Integer,
    Real,
    String,
    Enum,
}

/// Who may change a setting, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "PostgreSQL's names of contexts")]
pub enum Context {
    Internal,
    Postmaster,
    Sighup,
    Backend,
    Superuser,
    User,
}

impl Context {
    /// `pg_settings.context`.
    pub fn name(self) -> &'static str {
        match self {
            Context::Internal => "internal",
            Context::Postmaster => "postmaster",
            Context::Sighup => "sighup",
            Context::Backend => "backend",
            Context::Superuser => "superuser",
            Context::User => "user",
        }
    }
}

/// A setting's definition.
#[derive(Debug)]
pub struct Def {
    /// Name as shown.
    pub name: &'static str,
    /// Type.
    pub ty: VarType,
    /// Who may change it.
    pub context: Context,
    /// Unit of bare numbers: "", kB, 8kB, MB, B, ms, s, min.
    pub unit: &'static str,
    /// Smallest value, as text.
    pub min: &'static str,
    /// Largest value, as text.
    pub max: &'static str,
    /// Values of an enum.
    pub values: Vec<&'static str>,
    /// `pg_settings.category`.
    pub category: &'static str,
    /// Default, in base units.
    pub boot: &'static str,
}

/// Where RustyDB's value differs from stock PostgreSQL's.
const OVERRIDES: &[(&str, &str)] = &[
    ("server_version", SERVER_VERSION),
    ("server_version_num", SERVER_VERSION_NUM),
    ("client_encoding", "UTF8"),
    ("server_encoding", "UTF8"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, MDY"),
    ("lc_collate", "C.UTF-8"),
    ("lc_ctype", "C.UTF-8"),
    ("lc_messages", "C.UTF-8"),
    ("lc_monetary", "C.UTF-8"),
    ("lc_numeric", "C.UTF-8"),
    ("lc_time", "C.UTF-8"),
    ("max_connections", "5000"),
    ("default_table_access_method", "heap"),
    ("extra_float_digits", "1"),
    ("default_text_search_config", "pg_catalog.english"),
    ("unix_socket_directories", "/var/run/postgresql"),
];

/// Settings of RustyDB's own: name, type, unit, minimum, maximum, category, default.
const OWN: &[(&str, VarType, Context, &str, &str, &str, &str, &str)] = &[
    ("io_method", VarType::Enum, Context::Postmaster, "", "", "auto,io_uring,worker", "Resource Usage / Disk", "auto"),
    ("io_direct", VarType::Bool, Context::Postmaster, "", "", "", "Resource Usage / Disk", "off"),
    ("encryption", VarType::Bool, Context::Postmaster, "", "", "", "File Locations", "off"),
    ("encryption_key_file", VarType::String, Context::Postmaster, "", "", "", "File Locations", ""),
    ("encryption_key_env", VarType::String, Context::Postmaster, "", "", "", "File Locations", ""),
    ("encryption_key_command", VarType::String, Context::Postmaster, "", "", "", "File Locations", ""),
    (
        "memory_table_limit",
        VarType::Integer,
        Context::Postmaster,
        "kB",
        "0",
        "2147483647",
        "Resource Usage / Memory",
        "32768",
    ),
    ("recyclebin", VarType::Bool, Context::User, "", "", "", "Client Connection Defaults / Statement Behavior", "off"),
    (
        "recyclebin_limit",
        VarType::Integer,
        Context::Superuser,
        "kB",
        "0",
        "2147483647",
        "Resource Usage / Disk",
        "1048576",
    ),
    (
        "recyclebin_retention",
        VarType::Integer,
        Context::Superuser,
        "min",
        "0",
        "2147483647",
        "Resource Usage / Disk",
        "10080",
    ),
    (
        "plan_cache_limit",
        VarType::Integer,
        Context::Postmaster,
        "kB",
        "1024",
        "2147483647",
        "Resource Usage / Memory",
        "65536",
    ),
    (
        "prepared_statement_limit",
        VarType::Integer,
        Context::Postmaster,
        "kB",
        "64",
        "2147483647",
        "Resource Usage / Memory",
        "1048576",
    ),
    (
        "pg_stat_statements.max",
        VarType::Integer,
        Context::Postmaster,
        "",
        "100",
        "1073741823",
        "Customized Options",
        "5000",
    ),
    ("pg_stat_statements.save", VarType::Bool, Context::Sighup, "", "", "", "Customized Options", "on"),
    (
        "pg_stat_statements.track",
        VarType::Enum,
        Context::Superuser,
        "",
        "",
        "none,top,all",
        "Customized Options",
        "top",
    ),
    ("pg_stat_statements.track_planning", VarType::Bool, Context::Superuser, "", "", "", "Customized Options", "off"),
    ("pg_stat_statements.track_utility", VarType::Bool, Context::Superuser, "", "", "", "Customized Options", "on"),
    (
        "undo_limit",
        VarType::Integer,
        Context::Postmaster,
        "kB",
        // A new directory's catalogs are one transaction.
        "8192",
        "2147483647",
        "Resource Usage / Disk",
        "33554432",
    ),
    (
        "undo_retention",
        VarType::Integer,
        Context::Postmaster,
        "ms",
        "0",
        "2147483647",
        "Resource Usage / Disk",
        "60000",
    ),
    (
        "checkpoint_distance",
        VarType::Integer,
        Context::Postmaster,
        "MB",
        "64",
        "65536",
        "Write-Ahead Log / Checkpoints",
        "1024",
    ),
];

static DEFS: LazyLock<Vec<Def>> = LazyLock::new(|| {
    let mut out: Vec<Def> = include_str!("../data/settings.tsv")
        .lines()
        .filter_map(|line| {
            let f: Vec<&'static str> = line.split('\t').collect();
            let [name, ty, context, unit, min, max, values, category, boot] = f.as_slice() else { return None };
            Some(Def {
                name,
                ty: match *ty {
                    "bool" => VarType::Bool,
                    "integer" => VarType::Integer,
                    "real" => VarType::Real,
                    "enum" => VarType::Enum,
                    _ => VarType::String,
                },
                context: match *context {
                    "internal" => Context::Internal,
                    "postmaster" => Context::Postmaster,
                    "sighup" => Context::Sighup,
                    "backend" | "superuser-backend" => Context::Backend,
                    "superuser" => Context::Superuser,
                    _ => Context::User,
                },
                unit,
                min,
                max,
                values: values.split(',').filter(|v| !v.is_empty()).collect(),
                category,
                boot: OVERRIDES.iter().find(|o| o.0 == *name).map_or(boot, |o| o.1),
            })
        })
        .collect();
    out.extend(OWN.iter().map(|&(name, ty, context, unit, min, max, category, boot)| Def {
        name,
        ty,
        context,
        unit,
        min: if ty == VarType::Enum { "" } else { min },
        max: if ty == VarType::Enum { "" } else { max },
        values: if ty == VarType::Enum { max.split(',').collect() } else { vec![] },
        category,
        boot,
    }));
    out.sort_by_key(|d| d.name.to_ascii_lowercase());
    out
});

/// All settings, by name.
pub fn definitions() -> &'static [Def] {
    &DEFS
}

/// A setting by name, ignoring case.
pub fn find(name: &str) -> Option<&'static Def> {
    static MAP: LazyLock<HashMap<String, &'static Def>> =
        LazyLock::new(|| DEFS.iter().map(|d| (d.name.to_ascii_lowercase(), d)).collect());
    MAP.get(&name.to_ascii_lowercase()).copied()
}

/// 42704.
pub fn unrecognized(name: &str) -> DbError {
    DbError::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
}

fn invalid(d: &Def, value: &str) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"{}\": \"{value}\"", d.name))
}

/// An error with the name that was written: a value of an enumeration is refused under it, other values under the setting's own.
fn by_written_name(d: &Def, written: &str, e: DbError) -> DbError {
    if d.ty != VarType::Enum || d.name == written {
        return e;
    }
    let message = e.message.replacen(&format!("\"{}\"", d.name), &format!("\"{written}\""), 1);
    DbError { message: message.into(), ..e }
}

/// The error for a name that can be no setting's.
fn no_name(name: &str) -> DbError {
    if let Some(prefix) = reserved_prefix(name) {
        return DbError::new(SqlState::INVALID_NAME, format!("invalid configuration parameter name \"{name}\""))
            .detail(format!("\"{prefix}\" is a reserved prefix."));
    }
    if !name.contains('.') || is_custom(name) {
        return unrecognized(name);
    }
    DbError::new(SqlState::INVALID_NAME, format!("invalid configuration parameter name \"{name}\""))
        .detail("Custom parameter names must be two or more simple identifiers separated by dots.")
}

/// What a name begins with that only the settings of an extension may.
fn reserved_prefix(name: &str) -> Option<&str> {
    let prefix = name.split_once('.')?.0;
    crate::catalog::extensions::AVAILABLE.iter().any(|a| a.name.eq_ignore_ascii_case(prefix)).then_some(prefix)
}

/// A custom setting's name (`prefix.name`).
fn is_custom(name: &str) -> bool {
    let mut parts = name.split('.');
    let ok = |p: &str| {
        !p.is_empty()
            && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80)
            && !p.as_bytes()[0].is_ascii_digit()
    };
    name.contains('.') && parts.all(ok) && reserved_prefix(name).is_none()
}

fn parse_bool(s: &str) -> Option<bool> {
    let l = s.to_ascii_lowercase();
    let prefix = |w: &str| !l.is_empty() && w.starts_with(&l);
    match l.as_str() {
        "1" | "on" => Some(true),
        "0" | "off" | "of" => Some(false),
        _ if prefix("true") || prefix("yes") => Some(true),
        _ if prefix("false") || prefix("no") => Some(false),
        _ => None,
    }
}

/// Multiples of units, largest first, as factor over the base of the family.
fn units(base: &str) -> &'static [(&'static str, f64)] {
    match base {
        "B" | "kB" | "8kB" | "MB" => {
            &[("TB", 1_099_511_627_776.0), ("GB", 1_073_741_824.0), ("MB", 1_048_576.0), ("kB", 1024.0), ("B", 1.0)]
        }
        "ms" | "s" | "min" => {
            &[("d", 86_400_000.0), ("h", 3_600_000.0), ("min", 60_000.0), ("s", 1000.0), ("ms", 1.0), ("us", 0.001)]
        }
        _ => &[],
    }
}

fn base_factor(base: &str) -> f64 {
    match base {
        "8kB" => 8192.0,
        b => units(b).iter().find(|u| u.0 == b).map_or(1.0, |u| u.1),
    }
}

/// Where the number ends that a text begins with.
fn number_end(t: &str) -> usize {
    let digits = |from: usize| t.get(from..).unwrap_or("").bytes().take_while(u8::is_ascii_digit).count();
    let sign = |from: usize| usize::from(t.get(from..).is_some_and(|r| r.starts_with(['+', '-'])));
    let mut at = sign(0);
    at += digits(at);
    if t.get(at..).is_some_and(|r| r.starts_with('.')) {
        at += 1 + digits(at + 1);
    }
    if t.get(at..).is_some_and(|r| r.starts_with(['e', 'E'])) {
        let exponent = at + 1 + sign(at + 1);
        if digits(exponent) > 0 {
            at = exponent + digits(exponent);
        }
    }
    at
}

/// A number with an optional unit, in base units.
fn parse_number(d: &Def, s: &str) -> Result<f64> {
    let t = s.trim();
    let (hex, digits) = match t.strip_prefix("0x").or_else(|| t.strip_prefix("0X")) {
        Some(h) => (true, h),
        None => (false, t),
    };
    if hex {
        return i64::from_str_radix(digits, 16).map(|v| v as f64).map_err(|_| invalid(d, s));
    }
    let end = number_end(t);
    let n: f64 = t[..end].parse().map_err(|_| invalid(d, s))?;
    let unit = t[end..].trim();
    if unit.is_empty() {
        return Ok(n);
    }
    let Some(u) = units(d.unit).iter().find(|u| u.0 == unit) else {
        let e = invalid(d, s);
        return Err(match d.unit {
            "" => e,
            "ms" | "s" | "min" => {
                e.hint("Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".")
            }
            _ => e.hint("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\"."),
        });
    };
    Ok(n * u.1 / base_factor(d.unit))
}

/// A number in base units as SHOW prints it.
fn show_number(d: &Def, v: &str) -> String {
    let Ok(n) = v.parse::<f64>() else { return v.to_owned() };
    if d.unit.is_empty() || n <= 0.0 {
        return v.to_owned();
    }
    let total = n * base_factor(d.unit);
    for (name, factor) in units(d.unit) {
        let q = total / factor;
        // A fraction of a unit can be a little off in binary.
        if q >= 1.0 - 1e-8 && (q.round() / q - 1.0).abs() <= 1e-8 {
            return format!("{}{name}", q.round());
        }
    }
    v.to_owned()
}

/// Checks a value and brings it to the form that is kept (base units, canonical spelling).
pub fn canonical(d: &Def, value: &str) -> Result<String> {
    match d.ty {
        VarType::Bool => match parse_bool(value) {
            Some(b) => Ok(if b { "on" } else { "off" }.to_owned()),
            None => Err(DbError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("parameter \"{}\" requires a Boolean value", d.name),
            )),
        },
        VarType::Integer | VarType::Real => {
            let n = parse_number(d, value)?;
            let n = if d.ty == VarType::Integer { n.round() } else { n };
            let (min, max) = (d.min.parse().unwrap_or(f64::MIN), d.max.parse().unwrap_or(f64::MAX));
            if n < min || n > max {
                let unit = if d.unit.is_empty() { String::new() } else { format!(" {}", d.unit) };
                let shown = if d.ty == VarType::Integer { format!("{n:.0}") } else { format!("{n}") };
                return Err(DbError::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!(
                        "{shown}{unit} is outside the valid range for parameter \"{}\" ({} .. {})",
                        d.name, d.min, d.max
                    ),
                ));
            }
            Ok(if d.ty == VarType::Integer { format!("{n:.0}") } else { format!("{n}") })
        }
        VarType::Enum => {
            let hidden = match (d.name, value.to_ascii_lowercase().as_str()) {
                // Spellings PostgreSQL accepts without listing them.
                ("synchronous_commit" | "constraint_exclusion" | "force_parallel_mode", v) => {
                    parse_bool(v).map(|b| if b { "on" } else { "off" })
                }
                ("client_min_messages", "debug") => Some("debug2"),
                ("backslash_quote", v) => parse_bool(v).map(|b| if b { "on" } else { "off" }),
                _ => None,
            };
            let exact = d.values.iter().find(|v| v.eq_ignore_ascii_case(value)).copied();
            exact
                .or(hidden)
                .map(str::to_owned)
                .ok_or_else(|| invalid(d, value).hint(format!("Available values: {}.", d.values.join(", "))))
        }
        VarType::String => canonical_string(d, value),
    }
}

fn canonical_string(d: &Def, value: &str) -> Result<String> {
    match d.name {
        "TimeZone" | "log_timezone" => time_zone(value).map(|z| z.1).ok_or_else(|| {
            let e = invalid(d, value);
            if value.trim().parse::<f64>().is_ok() { e.detail("UTC timezone offset is out of range.") } else { e }
        }),
        // The others of PostgreSQL's files of abbreviations are parts of these.
        "timezone_abbreviations" if !matches!(value, "Default" | "Australia" | "India") => Err(invalid(d, value)),
        "default_tablespace" if !matches!(value, "" | "pg_default" | "pg_global") => {
            Err(invalid(d, value).detail(format!("Tablespace \"{value}\" does not exist.")))
        }
        "temp_tablespaces" => {
            for word in words(value).ok_or_else(|| invalid(d, value).detail("List syntax is invalid."))? {
                if !matches!(word.as_str(), "" | "pg_default" | "pg_global") {
                    let what = format!("tablespace \"{word}\" does not exist");
                    return Err(DbError::new(SqlState::UNDEFINED_OBJECT, what));
                }
            }
            Ok(value.to_owned())
        }
        "DateStyle" => {
            let (mut style, mut order) = (DateStyle::Iso, DateOrder::Mdy);
            date_style(value, &mut style, &mut order).map_err(|why| invalid(d, value).detail(why))?;
            Ok(show_date_style(style, order))
        }
        "client_encoding" => {
            let n: String =
                value.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase();
            match n.as_str() {
                "utf8" | "unicode" => Ok("UTF8".to_owned()),
                "sqlascii" => Ok("SQL_ASCII".to_owned()),
                _ if rustydb_types::funcs::info::encoding_number(value) < 0 => Err(invalid(d, value)),
                _ => Err(DbError::unsupported(format!("client encoding \"{value}\" is not supported: use UTF8"))),
            }
        }
        _ => Ok(value.to_owned()),
    }
}

/// A time zone by name: IANA name, fixed offset in hours (PostgreSQL's: positive is east), `UTC`-like or POSIX rule; with
/// its canonical spelling.
pub fn time_zone(value: &str) -> Option<(jiff::tz::TimeZone, String)> {
    let v = value.trim();
    if let Ok(hours) = v.parse::<f64>() {
        if hours.abs() > 167.0 {
            return None;
        }
        let secs = (hours * 3600.0).round() as i32;
        let tz = jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_seconds(secs).ok()?);
        let (h, m) = (secs.abs() / 3600, secs.abs() / 60 % 60);
        let (east, west) = if secs >= 0 { ('+', '-') } else { ('-', '+') };
        let minutes = if m == 0 { String::new() } else { format!(":{m:02}") };
        return Some((tz, format!("<{east}{h:02}{minutes}>{west}{h:02}{minutes}")));
    }
    if v.eq_ignore_ascii_case("utc") || v.eq_ignore_ascii_case("default") || v.eq_ignore_ascii_case("local") {
        return Some((jiff::tz::TimeZone::UTC, "UTC".to_owned()));
    }
    let named = jiff::tz::TimeZone::get(v.strip_prefix(':').unwrap_or(v));
    if let Ok(tz) = named {
        let name = tz.iana_name().unwrap_or(v).to_owned();
        return Some((tz, name));
    }
    // A POSIX rule, which PostgreSQL shows in capitals.
    let tz = zone::by_name(v).or_else(|| zone::unnamed(v))?;
    Some((tz, v.to_ascii_uppercase()))
}

/// The words of a list as SplitIdentifierString of PostgreSQL takes them apart: in small letters unless quoted. `None` if it
/// is no such list.
fn words(value: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut rest = value.trim_start();
    if rest.is_empty() {
        return Some(out);
    }
    loop {
        let word;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (mut text, mut at) = (String::new(), quoted);
            loop {
                let (part, after) = at.split_once('"')?;
                text.push_str(part);
                match after.strip_prefix('"') {
                    Some(more) => {
                        text.push('"');
                        at = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            word = text;
        } else {
            let end = rest.find(|c: char| c == ',' || c.is_ascii_whitespace()).unwrap_or(rest.len());
            word = rest.get(..end)?.to_ascii_lowercase();
            rest = rest.get(end..)?;
        }
        if word.is_empty() {
            return None;
        }
        out.push(word);
        rest = rest.trim_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => return Some(out),
            None => return None,
        }
    }
}

/// Takes the words of a DateStyle over; the DETAIL of the error if it is none.
fn date_style(value: &str, style: &mut DateStyle, order: &mut DateOrder) -> Result<(), String> {
    let before = (*style, *order);
    let (mut given_style, mut given_order) = (None, None);
    let mut conflict = false;
    let mut choose_style = |s: DateStyle| match given_style.replace(s) {
        Some(other) if other != s => conflict = true,
        _ => {}
    };
    let mut orders = Vec::new();
    let mut defaults = false;
    for word in words(value).ok_or("List syntax is invalid.")? {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "iso" => choose_style(DateStyle::Iso),
            "sql" => choose_style(DateStyle::Sql),
            w if w.starts_with("postgres") => choose_style(DateStyle::Postgres),
            "german" => {
                choose_style(DateStyle::German);
                if orders.is_empty() {
                    *order = DateOrder::Dmy;
                }
            }
            "ymd" => orders.push(DateOrder::Ymd),
            w if w == "dmy" || w.starts_with("euro") => orders.push(DateOrder::Dmy),
            w if w == "mdy" || w == "us" || w.starts_with("noneuro") => orders.push(DateOrder::Mdy),
            "default" => defaults = true,
            _ => return Err(format!("Unrecognized key word: \"{word}\".")),
        }
    }
    for o in orders {
        conflict |= given_order.replace(o).is_some_and(|other| other != o);
    }
    if conflict {
        (*style, *order) = before;
        return Err("Conflicting \"datestyle\" specifications.".to_owned());
    }
    if defaults {
        *style = DateStyle::Iso;
        *order = DateOrder::Mdy;
    }
    *style = given_style.unwrap_or(*style);
    *order = given_order.unwrap_or(*order);
    Ok(())
}

fn show_date_style(style: DateStyle, order: DateOrder) -> String {
    let s = match style {
        DateStyle::Iso => "ISO",
        DateStyle::Sql => "SQL",
        DateStyle::Postgres => "Postgres",
        DateStyle::German => "German",
    };
    let o = match order {
        DateOrder::Ymd => "YMD",
        DateOrder::Dmy => "DMY",
        DateOrder::Mdy => "MDY",
    };
    format!("{s}, {o}")
}

type Values = Arc<HashMap<String, String>>;

/// A session's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Server-wide values that differ from the defaults (command line, configuration).
    server: Values,
    /// Values the session began with (startup packet, role and database settings): what RESET goes back to.
    start: Values,
    /// Where those come from that are not from the client.
    origins: Arc<HashMap<String, &'static str>>,
    session: Values,
    local: Values,
    /// What each open transaction level restores on rollback.
    saved: Vec<(Values, Values)>,
}

impl Settings {
    /// Settings of a new session over the server's values.
    pub fn new(server: Values) -> Settings {
        Settings {
            server,
            start: Values::default(),
            origins: Arc::default(),
            session: Values::default(),
            local: Values::default(),
            saved: Vec::new(),
        }
    }

    /// Checks and sets a server-wide value (command line).
    pub fn set_server(values: &mut HashMap<String, String>, name: &str, value: &str) -> Result<()> {
        let key = match find(name) {
            Some(d) if d.context == Context::Internal => {
                return Err(DbError::new(
                    SqlState::CANT_CHANGE_RUNTIME_PARAM,
                    format!("parameter \"{}\" cannot be changed", d.name),
                ));
            }
            Some(d) => {
                values.insert(d.name.to_owned(), canonical(d, value)?);
                return Ok(());
            }
            None if is_custom(name) => name.to_ascii_lowercase(),
            None => return Err(no_name(name)),
        };
        values.insert(key, value.to_owned());
        Ok(())
    }

    fn raw(&self, name: &str) -> Option<&str> {
        [&self.local, &self.session, &self.start, &self.server]
            .into_iter()
            .find_map(|m| m.get(name))
            .map(String::as_str)
    }

    /// A value in base units, by the definition's own spelling of the name.
    pub fn get(&self, name: &str) -> &str {
        self.raw(name).or_else(|| find(name).map(|d| d.boot)).unwrap_or("")
    }

    /// A value as SHOW prints it.
    pub fn show(&self, name: &str) -> Result<String> {
        match find(name) {
            Some(d) => {
                let v = self.raw(d.name).unwrap_or(d.boot);
                Ok(match d.ty {
                    VarType::Integer | VarType::Real => show_number(d, v),
                    _ => v.to_owned(),
                })
            }
            None => self.raw(&name.to_ascii_lowercase()).map(str::to_owned).ok_or_else(|| unrecognized(name)),
        }
    }

    /// `pg_settings.setting`, `reset_val` and `source` of a setting.
    pub fn describe(&self, d: &Def) -> (String, String, &'static str) {
        let reset = self.start.get(d.name).or_else(|| self.server.get(d.name)).map_or(d.boot, String::as_str);
        let source = if self.local.contains_key(d.name) || self.session.contains_key(d.name) {
            "session"
        } else if self.start.contains_key(d.name) {
            self.origins.get(d.name).copied().unwrap_or("client")
        } else if self.server.contains_key(d.name) {
            "command line"
        } else {
            "default"
        };
        (self.get(d.name).to_owned(), reset.to_owned(), source)
    }

    /// SET and SET LOCAL; `None` is DEFAULT. Answers the setting's name as shown.
    pub fn set(&mut self, name: &str, value: Option<&str>, local: bool, superuser: bool) -> Result<String> {
        let (key, value) = match find(name) {
            Some(d) => {
                let refuse = |why: &str| {
                    Err(DbError::new(SqlState::CANT_CHANGE_RUNTIME_PARAM, format!("parameter \"{}\" {why}", d.name)))
                };
                match d.context {
                    Context::Internal => return refuse("cannot be changed"),
                    Context::Postmaster => return refuse("cannot be changed without restarting the server"),
                    Context::Sighup => return refuse("cannot be changed now"),
                    Context::Backend => return refuse("cannot be set after connection start"),
                    Context::Superuser if !superuser => {
                        return Err(DbError::new(
                            SqlState::INSUFFICIENT_PRIVILEGE,
                            format!("permission denied to set parameter \"{}\"", d.name),
                        ));
                    }
                    Context::Superuser | Context::User => {}
                }
                let value = match value {
                    // DateStyle words change only what they name.
                    Some(v) if d.name == "DateStyle" => {
                        let (mut s, mut o) = (DateStyle::Iso, DateOrder::Mdy);
                        // What is kept is well-formed.
                        let _ = date_style(self.get("DateStyle"), &mut s, &mut o);
                        date_style(v, &mut s, &mut o).map_err(|why| invalid(d, v).detail(why))?;
                        Some(show_date_style(s, o))
                    }
                    Some(v) => Some(canonical(d, v).map_err(|e| by_written_name(d, name, e))?),
                    None => None,
                };
                (d.name.to_owned(), value)
            }
            None if is_custom(name) => {
                let key = name.to_ascii_lowercase();
                // Once named it stays known: RESET and rollback leave it empty.
                if !self.start.contains_key(&key) && !self.server.contains_key(&key) {
                    Arc::make_mut(&mut self.start).insert(key.clone(), String::new());
                }
                (key, value.map(str::to_owned))
            }
            None => return Err(no_name(name)),
        };
        let map = if local { &mut self.local } else { &mut self.session };
        match value {
            Some(v) => {
                Arc::make_mut(map).insert(key.clone(), v);
            }
            None if local => {
                let reset = self.start.get(&key).or_else(|| self.server.get(&key)).cloned();
                let reset = reset.unwrap_or_else(|| find(&key).map_or("", |d| d.boot).to_owned());
                Arc::make_mut(map).insert(key.clone(), reset);
            }
            None => {
                Arc::make_mut(map).remove(&key);
            }
        }
        if !local {
            // A session-wide SET also ends what SET LOCAL said before it.
            Arc::make_mut(&mut self.local).remove(&key);
        }
        Ok(key)
    }

    /// A value of the startup packet: checked, and kept as what RESET goes back to.
    pub fn set_start(&mut self, name: &str, value: &str) -> Result<()> {
        let d = match find(name) {
            Some(d) => d,
            None if is_custom(name) => {
                Arc::make_mut(&mut self.start).insert(name.to_ascii_lowercase(), value.to_owned());
                return Ok(());
            }
            None => return Err(no_name(name)),
        };
        if matches!(d.context, Context::Internal | Context::Postmaster | Context::Sighup) {
            return Err(DbError::new(
                SqlState::CANT_CHANGE_RUNTIME_PARAM,
                format!("parameter \"{}\" cannot be changed", d.name),
            ));
        }
        Arc::make_mut(&mut self.start).insert(d.name.to_owned(), canonical(d, value)?);
        if self.origins.contains_key(d.name) {
            Arc::make_mut(&mut self.origins).remove(d.name);
        }
        Ok(())
    }

    /// Takes what ALTER DATABASE and ALTER ROLE say of a session of a role in a database, the most specific last. Answers
    /// the errors of values that do not fit any more.
    pub fn begin_with(&mut self, cat: &crate::catalog::Catalog, database: u32, role: u32) -> Vec<DbError> {
        let mut unfit = Vec::new();
        let levels =
            [((0, 0), "global"), ((database, 0), "database"), ((0, role), "user"), ((database, role), "database user")];
        for (key, origin) in levels {
            for (name, value) in cat.role_settings.get(&key).into_iter().flat_map(|l| l.iter()) {
                match self.set_start(name, value) {
                    Ok(()) => {
                        Arc::make_mut(&mut self.origins).insert(name.clone(), origin);
                    }
                    Err(e) => unfit.push(e),
                }
            }
        }
        unfit
    }

    /// RESET ALL.
    pub fn reset_all(&mut self) {
        self.session = Values::default();
        self.local = Values::default();
    }

    /// A transaction or savepoint begins.
    pub fn push(&mut self) {
        self.saved.push((Arc::clone(&self.session), Arc::clone(&self.local)));
    }

    /// The transaction's levels from `depth` on roll back: values are those of when level `depth` began.
    pub fn rollback(&mut self, depth: usize) {
        if let Some((s, l)) = self.saved.get(depth).cloned() {
            (self.session, self.local) = (s, l);
        }
        self.saved.truncate(depth);
    }

    /// A savepoint is released: its values stay.
    pub fn release(&mut self, depth: usize) {
        self.saved.truncate(depth);
    }

    /// The transaction commits: SET LOCAL ends.
    pub fn commit(&mut self) {
        self.saved.clear();
        if self.has_local() {
            self.local = Values::default();
        }
    }

    /// Whether SET LOCAL is in force for anything.
    pub fn has_local(&self) -> bool {
        !self.local.is_empty()
    }

    /// Open levels.
    pub fn depth(&self) -> usize {
        self.saved.len()
    }

    /// A boolean setting.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == "on"
    }

    /// An integer setting, in base units.
    pub fn int(&self, name: &str) -> i64 {
        self.get(name).parse().unwrap_or(0)
    }

    /// A timeout setting; 0 is none.
    pub fn timeout(&self, name: &str) -> Option<Duration> {
        u64::try_from(self.int(name)).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
    }

    /// How values are shown.
    pub fn formats(&self) -> FormatSettings {
        let (mut style, mut order) = (DateStyle::Iso, DateOrder::Mdy);
        // What is kept is well-formed.
        let _ = date_style(self.get("DateStyle"), &mut style, &mut order);
        FormatSettings {
            time_zone: time_zone(self.get("TimeZone")).map_or(jiff::tz::TimeZone::UTC, |z| z.0),
            date_style: style,
            date_order: order,
            interval_style: match self.get("IntervalStyle") {
                "sql_standard" => IntervalStyle::SqlStandard,
                "postgres_verbose" => IntervalStyle::PostgresVerbose,
                "iso_8601" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
            bytea_hex: self.get("bytea_output") != "escape",
            extra_float_digits: self.int("extra_float_digits") as i32,
        }
    }

    /// Names in a comma-separated list of identifiers (search_path), unquoted.
    pub fn name_list(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, after) = if let Some(q) = rest.strip_prefix('"') {
                let mut s = String::new();
                let mut chars = q.char_indices();
                let mut end = q.len();
                while let Some((i, c)) = chars.next() {
                    if c != '"' {
                        s.push(c);
                    } else if q[i + 1..].starts_with('"') {
                        s.push('"');
                        chars.next();
                    } else {
                        end = i + 1;
                        break;
                    }
                }
                (s, &q[end..])
            } else {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim().to_lowercase(), &rest[end..])
            };
            if !name.is_empty() {
                out.push(name);
            }
            rest = after.trim_start().strip_prefix(',').unwrap_or("").trim_start();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_units_and_ranges() {
        let mut s = Settings::new(Values::default());
        s.set("work_mem", Some("64MB"), false, true).expect("valid");
        assert_eq!((s.get("work_mem"), s.show("work_mem").expect("known").as_str()), ("65536", "64MB"));
        s.set("statement_timeout", Some("1500"), false, false).expect("valid");
        assert_eq!(s.show("STATEMENT_TIMEOUT").expect("known"), "1500ms");
        assert!(s.set("work_mem", Some("1"), false, true).is_err());
        assert!(s.set("work_mem", Some("1 parsec"), false, true).is_err());
        assert_eq!(s.set("nonesuch", Some("1"), false, true).unwrap_err().code, SqlState::UNDEFINED_OBJECT);
        assert_eq!(
            s.set("server_version", Some("1"), false, true).unwrap_err().code,
            SqlState::CANT_CHANGE_RUNTIME_PARAM
        );
    }

    #[test]
    fn transactions_restore() {
        let mut s = Settings::new(Values::default());
        s.push();
        s.set("DateStyle", Some("german"), false, false).expect("valid");
        s.set("work_mem", Some("1MB"), true, false).expect("valid");
        assert_eq!(s.get("DateStyle"), "German, DMY");
        s.push();
        s.set("work_mem", Some("2MB"), true, false).expect("valid");
        s.rollback(1);
        assert_eq!(s.get("work_mem"), "1024");
        s.commit();
        assert_eq!((s.get("work_mem"), s.get("DateStyle")), ("4096", "German, DMY"));
        s.push();
        s.set("DateStyle", Some("ISO"), false, false).expect("valid");
        assert_eq!(s.get("DateStyle"), "ISO, DMY");
        s.rollback(0);
        assert_eq!(s.get("DateStyle"), "German, DMY");
    }

    #[test]
    fn search_path_names() {
        assert_eq!(Settings::name_list("\"$user\", public"), ["$user", "public"]);
        assert_eq!(Settings::name_list(" Foo , \"Bar\"\"x\",baz"), ["foo", "Bar\"x", "baz"]);
        assert!(Settings::name_list("").is_empty());
    }
}
