//! What a session can ask about itself and about types: users, schemas, settings, encodings, sizes.

use super::args::{raw, scalar, set};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, Str};
use crate::kernel::{CallInfo, Kernel};
use crate::numeric::Numeric;
use crate::{oid, pgdata, typename};
use rustydb_base::{DbError, Result, SqlState};

/// Encodings by number, each with the most bytes a character of it takes.
const ENCODINGS: &[(&str, i32)] = &[
    ("SQL_ASCII", 1),
    ("EUC_JP", 3),
    ("EUC_CN", 3),
    ("EUC_KR", 3),
    ("EUC_TW", 4),
    ("EUC_JIS_2004", 3),
    ("UTF8", 4),
    ("MULE_INTERNAL", 4),
    ("LATIN1", 1),
    ("LATIN2", 1),
    ("LATIN3", 1),
    ("LATIN4", 1),
    ("LATIN5", 1),
    ("LATIN6", 1),
    ("LATIN7", 1),
    ("LATIN8", 1),
    ("LATIN9", 1),
    ("LATIN10", 1),
    ("WIN1256", 1),
    ("WIN1258", 1),
    ("WIN866", 1),
    ("WIN874", 1),
    ("KOI8R", 1),
    ("WIN1251", 1),
    ("WIN1252", 1),
    ("ISO_8859_5", 1),
    ("ISO_8859_6", 1),
    ("ISO_8859_7", 1),
    ("ISO_8859_8", 1),
    ("WIN1250", 1),
    ("WIN1253", 1),
    ("WIN1254", 1),
    ("WIN1255", 1),
    ("WIN1257", 1),
    ("KOI8U", 1),
    ("SJIS", 2),
    ("BIG5", 2),
    ("GBK", 2),
    ("UHC", 2),
    ("GB18030", 4),
    ("JOHAB", 3),
    ("SHIFT_JIS_2004", 2),
];

/// Name of an encoding by its number.
pub fn encoding_name(number: i32) -> Option<&'static str> {
    encoding(number).map(|e| e.0)
}

/// Number of an encoding, its name taken without regard to case and punctuation; -1 when there is none.
pub fn encoding_number(name: &str) -> i32 {
    let plain = |s: &str| s.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let plain_name = plain(name);
    // "windows…" and "win…", "iso8859…" and "latin…" name the same things; the rest are old nicknames.
    let wanted =
        match plain_name.strip_prefix("windows").map(|rest| format!("win{rest}")).unwrap_or(plain_name).as_str() {
            "unicode" => "utf8",
            "abc" | "tcvn" | "tcvn5712" | "vscii" => "win1258",
            "alt" => "win866",
            "koi8" => "koi8r",
            "win" => "win1251",
            "win949" => "uhc",
            "win950" => "big5",
            "win936" => "gbk",
            "win932" | "mskanji" | "shiftjis" => "sjis",
            "iso88591" => "latin1",
            "iso88592" => "latin2",
            "iso88593" => "latin3",
            "iso88594" => "latin4",
            "iso88599" => "latin5",
            "iso885910" => "latin6",
            "iso885913" => "latin7",
            "iso885914" => "latin8",
            "iso885915" => "latin9",
            "iso885916" => "latin10",
            other => other,
        }
        .to_owned();
    ENCODINGS.iter().position(|(e, _)| plain(e) == wanted).map_or(-1, |i| i as i32)
}

/// Name of an encoding as it is shown, and the most bytes that a character of it takes.
pub fn encoding_with_width(name: &str) -> Option<(&'static str, i32)> {
    encoding(encoding_number(name)).copied()
}

fn encoding(number: i32) -> Option<&'static (&'static str, i32)> {
    usize::try_from(number).ok().and_then(|n| ENCODINGS.get(n))
}

/// The setting's value, or 42704.
fn setting(ctx: &EvalCtx, name: &str) -> Result<String> {
    ctx.session.setting(name).ok_or_else(|| {
        DbError::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
    })
}

fn set_config(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [name, value, local] = args else { return Err(super::args::arity(args.len())) };
    let Datum::Text(name) = name else {
        return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "SET requires parameter name"));
    };
    let value = match value {
        Datum::Text(v) => Some(v.as_str()),
        _ => None,
    };
    let local = matches!(local, Datum::Bool(true));
    ctx.session.set_setting(name, value, local).map(|v| Datum::Text(v.into()))
}

/// An array of names.
fn names(items: Vec<String>) -> ArrayValue {
    let dims = if items.is_empty() { vec![] } else { vec![(items.len() as i32, 1)] };
    ArrayValue { elem: oid::NAME, dims, items: items.into_iter().map(|s| Datum::Text(Str::from(s))).collect() }
}

/// The collation of an argument's value, quoted.
fn collation_for(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(ty) = info.args.first() else { return Err(super::args::arity(args.len())) };
    if info.collation == 0 {
        if ty.oid != oid::UNKNOWN && pgdata::pg_type(ty.oid).is_some_and(|t| t.typcollation == 0) {
            let text = format!("collations are not supported by type {}", typename::format_type(ty.oid, -1));
            return Err(DbError::new(SqlState::DATATYPE_MISMATCH, text));
        }
        return Ok(Datum::Null);
    }
    if ty.oid == oid::UNKNOWN {
        return Ok(Datum::Null);
    }
    if info.collation == crate::collation::INDETERMINATE {
        return Ok(Datum::Null);
    }
    Ok(Datum::Text(Str::from(ctx.session.reg_out(oid::REGCOLLATION, info.collation))))
}

/// The version of what a collation sorts by: bytes have none, locales of ICU's the library's.
fn collation_version(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(Datum::Oid(oid)) = args.first() else { return Err(super::args::arity(args.len())) };
    match crate::collation::name(*oid) {
        Some(_) if crate::collation::is_icu(*oid) => Ok(Datum::Text(Str::from(crate::collation::icu::VERSION))),
        Some(_) => Ok(Datum::Null),
        None => Err(DbError::new(SqlState::UNDEFINED_OBJECT, format!("collation with OID {oid} does not exist"))),
    }
}

/// Counts arguments, those of an array after VARIADIC too; NULL if that array is.
fn count_args(info: &CallInfo<'_>, args: &[Datum], null: bool) -> Result<Datum> {
    Ok(match super::show::spread(info, args)? {
        Some(all) => {
            let n = all.iter().filter(|(_, d)| d.is_null() == null).count();
            Datum::Int4(i32::try_from(n).unwrap_or(i32::MAX))
        }
        None => Datum::Null,
    })
}

fn format_type_sql(ctx: &EvalCtx, type_oid: Option<u32>, typmod: Option<i32>) -> Option<String> {
    let type_oid = type_oid?;
    if type_oid == 0 {
        return Some("-".to_owned());
    }
    match (oid::type_info(type_oid), typmod) {
        (Some(info), None) => Some(info.shown.to_owned()),
        (Some(_), Some(typmod)) => Some(typename::with_typmod(type_oid, typmod)),
        (None, typmod) => {
            ctx.session.format_user_type(type_oid, typmod.unwrap_or(-1)).or_else(|| Some("???".to_owned()))
        }
    }
}

/// Units of sizes: name, the size from which the next one is used, whether the value is kept doubled to round, and the
/// power of two.
const UNITS: &[(&str, i64, bool, u32)] = &[
    ("bytes", 10 * 1024, false, 0),
    ("kB", 20 * 1024 - 1, true, 10),
    ("MB", 20 * 1024 - 1, true, 20),
    ("GB", 20 * 1024 - 1, true, 30),
    ("TB", 20 * 1024 - 1, true, 40),
    ("PB", 20 * 1024 - 1, true, 50),
];

/// Bits to shift from one unit to the next, a unit that rounds keeping one bit more.
fn shift(from: usize) -> u32 {
    let ((_, _, round, bits), (_, _, next_round, next_bits)) = (UNITS[from], UNITS[from + 1]);
    next_bits - bits - u32::from(next_round) + u32::from(round)
}

fn size_pretty(mut size: i64) -> String {
    for (i, (name, limit, round, _)) in UNITS.iter().enumerate() {
        if i + 1 == UNITS.len() || size.unsigned_abs() < limit.unsigned_abs() {
            if *round {
                size = (size + size.signum()) / 2;
            }
            return format!("{size} {name}");
        }
        size /= 1 << shift(i);
    }
    String::new()
}

fn size_pretty_numeric(size: &Numeric) -> Result<String> {
    let mut size = size.clone();
    for (i, (name, limit, round, _)) in UNITS.iter().enumerate() {
        if i + 1 == UNITS.len() || size.abs() < Numeric::from(*limit) {
            if *round {
                let away = Numeric::from(if size.signum() < 0 { -1 } else { 1 });
                size = size.add(&away)?.div_trunc(&Numeric::from(2))?;
            }
            return Ok(format!("{size} {name}"));
        }
        size = size.div_trunc(&Numeric::from(1i64 << shift(i)))?;
    }
    Ok(String::new())
}

fn size_bytes(text: &str) -> Result<i64> {
    let invalid = || DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid size: \"{text}\""));
    let trimmed = text.trim();
    let number_end = {
        let bytes = trimmed.as_bytes();
        let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
        }
        // An exponent counts only if it is complete; otherwise the letter begins the unit.
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let mut end = at + 1 + sign;
            while bytes.get(end).is_some_and(u8::is_ascii_digit) {
                end += 1;
            }
            if end > at + 1 + sign {
                at = end;
            }
        }
        at
    };
    let (number, unit) = trimmed.split_at(number_end);
    if !number.bytes().any(|b| b.is_ascii_digit()) {
        return Err(invalid());
    }
    let number: Numeric = number.parse().map_err(|e: DbError| match e.code {
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE => e,
        _ => invalid(),
    })?;
    let unit = unit.trim();
    let bits = if unit.is_empty() {
        0
    } else {
        let found = UNITS.iter().find(|(name, ..)| unit.eq_ignore_ascii_case(name));
        found.map(|u| u.3).ok_or_else(|| {
            invalid()
                .detail(format!("Invalid size unit: \"{unit}\"."))
                .hint("Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".")
        })?
    };
    number.mul(&Numeric::from(1i64 << bits))?.to_i64()
}

/// `to_regclass` and its kin: NULL where the input function would not find the object.
fn to_reg(ctx: &EvalCtx, kind: u32, name: &str) -> Result<Option<u32>> {
    match ctx.session.reg_in(kind, name) {
        Ok(found) => Ok(Some(found)),
        Err(e) => match e.code {
            SqlState::UNDEFINED_TABLE
            | SqlState::UNDEFINED_OBJECT
            | SqlState::UNDEFINED_FUNCTION
            | SqlState::AMBIGUOUS_FUNCTION
            | SqlState::UNDEFINED_SCHEMA => Ok(None),
            _ => Err(e),
        },
    }
}

fn version(ctx: &EvalCtx) -> String {
    let postgres = ctx.session.setting("server_version").unwrap_or_else(|| "15".to_owned());
    let bits = usize::BITS;
    format!(
        "PostgreSQL {postgres} (RustyDB {}) on {}-{}, {bits}-bit",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    )
}

fn random_uuid() -> Result<[u8; 16]> {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 16];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| DbError::new(SqlState::SYSTEM_ERROR, "could not generate random values"))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(bytes)
}

macro_rules! to_reg {
    ($name:literal, $kind:ident) => {
        scalar!($name, [ctx] |name: &str| to_reg(ctx, oid::$kind, name))
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &super::args::comparisons!(
        "uuid_eq",
        "uuid_ne",
        "uuid_lt",
        "uuid_le",
        "uuid_gt",
        "uuid_ge",
        |a: [u8; 16], b: [u8; 16]| a.cmp(&b)
    ),
    &[
        scalar!("uuid_cmp", |a: [u8; 16], b: [u8; 16]| super::int::byte_difference(&a, &b)),
        scalar!("gen_random_uuid", || random_uuid()),
        scalar!("pgsql_version", [ctx] || version(ctx)),
        scalar!("current_user", [ctx] || ctx.session.current_user()),
        scalar!("session_user", [ctx] || ctx.session.session_user()),
        scalar!("current_database", [ctx] || ctx.session.current_database()),
        scalar!("current_schema", [ctx] || ctx.session.current_schemas(false).into_iter().next()),
        scalar!("current_schemas", [ctx] |implicit: bool| names(ctx.session.current_schemas(implicit))),
        scalar!("show_config_by_name", [ctx] |name: &str| setting(ctx, name)),
        scalar!("show_config_by_name_missing_ok", [ctx] |name: &str, missing_ok: bool| {
            if missing_ok { Ok(ctx.session.setting(name)) } else { setting(ctx, name).map(Some) }
        }),
        raw!("set_config_by_name", set_config),
        scalar!("pg_client_encoding", [ctx] || ctx.session.setting("client_encoding")),
        scalar!("getdatabaseencoding", || "UTF8"),
        scalar!("PG_encoding_to_char", |n: i32| encoding(n).map_or("", |e| e.0)),
        scalar!("PG_char_to_encoding", |name: &str| encoding_number(name)),
        scalar!("pg_encoding_max_length_sql", |n: i32| encoding(n).map(|e| e.1)),
        scalar!("pg_size_pretty", |n: i64| size_pretty(n)),
        scalar!("pg_size_pretty_numeric", |n: &Numeric| size_pretty_numeric(n)),
        scalar!("pg_size_bytes", |s: &str| size_bytes(s)),
        scalar!("format_type", [ctx] |t: Option<u32>, m: Option<i32>| format_type_sql(ctx, t, m)),
        raw!("pg_typeof", |_, info, args| match info.args.first() {
            Some(t) => Ok(Datum::Oid(t.oid)),
            None => Err(super::args::arity(args.len())),
        }),
        raw!("pg_collation_for", collation_for),
        raw!("pg_collation_actual_version", collation_version),
        raw!("pg_num_nulls", |_, info, args| count_args(info, args, true)),
        raw!("pg_num_nonnulls", |_, info, args| count_args(info, args, false)),
        to_reg!("to_regclass", REGCLASS),
        to_reg!("to_regtype", REGTYPE),
        to_reg!("to_regproc", REGPROC),
        to_reg!("to_regprocedure", REGPROCEDURE),
        to_reg!("to_regoper", REGOPER),
        to_reg!("to_regoperator", REGOPERATOR),
        to_reg!("to_regrole", REGROLE),
        to_reg!("to_regnamespace", REGNAMESPACE),
        to_reg!("to_regcollation", REGCOLLATION),
        set!("pg_get_keywords", || {
            Ok(Box::new(pgdata::keywords().iter().map(|k| {
                let text = |s: &str| Datum::Text(Str::new(s));
                Ok(vec![
                    text(k.word),
                    Datum::Text(Str::from(k.catcode.to_string())),
                    Datum::Bool(k.barelabel),
                    text(k.catdesc),
                    text(k.baredesc),
                ])
            })))
        }),
    ],
];
