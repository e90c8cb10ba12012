//! pg_lsn: a place in the log, an unsigned number of eight bytes (kept as an `Int8` of the same bits, as xid8 is).

use super::args::{comparisons, scalar};
use super::int::sign;
use crate::kernel::Kernel;
use crate::numeric::Numeric;
use rustydb_base::{DbError, Result, SqlState};

/// Reads `16/B374D848`.
pub fn text_in(s: &str) -> Result<u64> {
    let half = |h: &str| {
        let fits = !h.is_empty() && h.len() <= 8 && h.bytes().all(|b| b.is_ascii_hexdigit());
        if fits { u32::from_str_radix(h, 16).ok() } else { None }
    };
    s.split_once('/').and_then(|(a, b)| Some(u64::from(half(a)?) << 32 | u64::from(half(b)?))).ok_or_else(|| {
        DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type pg_lsn: \"{s}\""))
    })
}

/// Shows a place.
pub fn text_out(v: u64) -> String {
    format!("{:X}/{:X}", v >> 32, v & 0xffff_ffff)
}

fn number(v: i64) -> Result<Numeric> {
    Numeric::from_i128((v as u64).into(), 0)
}

fn from_number(n: &Numeric) -> Result<i64> {
    let out_of_range = || DbError::new(SqlState::INVALID_PARAMETER_VALUE, "pg_lsn out of range");
    if !n.is_finite() {
        return Err(DbError::unsupported("cannot convert infinity to pg_lsn"));
    }
    let whole = n.round(0)?;
    whole.to_scaled_i128(0).and_then(|v| u64::try_from(v).ok()).map(|v| v as i64).ok_or_else(out_of_range)
}

fn no_nan(n: &Numeric, what: &str) -> Result<()> {
    if n.is_nan() {
        return Err(DbError::unsupported(format!("cannot {what} pg_lsn")));
    }
    Ok(())
}

fn plus(v: i64, n: &Numeric) -> Result<i64> {
    no_nan(n, "add NaN to")?;
    from_number(&number(v)?.add(n)?)
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!("pg_lsn_eq", "pg_lsn_ne", "pg_lsn_lt", "pg_lsn_le", "pg_lsn_gt", "pg_lsn_ge", |a: i64, b: i64| (a
        as u64)
        .cmp(&(b as u64))),
    &[
        scalar!("pg_lsn_cmp", |a: i64, b: i64| sign((a as u64).cmp(&(b as u64)))),
        scalar!("pg_lsn_larger", |a: i64, b: i64| (a as u64).max(b as u64) as i64),
        scalar!("pg_lsn_smaller", |a: i64, b: i64| (a as u64).min(b as u64) as i64),
        scalar!("pg_lsn_mi", |a: i64, b: i64| number(a)?.sub(&number(b)?)),
        scalar!("pg_wal_lsn_diff", |a: i64, b: i64| number(a)?.sub(&number(b)?)),
        scalar!("pg_lsn_pli", |a: i64, n: &Numeric| plus(a, n)),
        scalar!("numeric_pl_pg_lsn(numeric,pg_lsn)", |n: &Numeric, a: i64| plus(a, n)),
        scalar!("pg_lsn_mii", |a: i64, n: &Numeric| {
            no_nan(n, "subtract NaN from")?;
            from_number(&number(a)?.sub(n)?)
        }),
        scalar!("numeric_pg_lsn", |n: &Numeric| {
            no_nan(n, "convert NaN to")?;
            from_number(n)
        }),
    ],
];
