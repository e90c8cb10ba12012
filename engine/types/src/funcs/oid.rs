//! oid, the reg* types, xid and cid, and the vectors of oid.

use super::args::{comparisons, scalar, unexpected};
use super::int::sign;
use crate::datum::{ArrayValue, Datum};
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;
use std::sync::Arc;

fn from_int8(v: i64) -> Result<u32> {
    u32::try_from(v).map_err(|_| DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "OID out of range"))
}

/// oidvector orders by length first.
fn vector_cmp(a: &ArrayValue, b: &ArrayValue) -> Result<Ordering> {
    let mut order = a.items.len().cmp(&b.items.len());
    for pair in a.items.iter().zip(&b.items) {
        if order.is_ne() {
            break;
        }
        order = match pair {
            (Datum::Oid(x), Datum::Oid(y)) => x.cmp(y),
            (Datum::Oid(_), d) | (d, _) => return Err(unexpected(d)),
        };
    }
    Ok(order)
}

macro_rules! vector {
    ($name:literal, $test:ident) => {
        scalar!($name, |a: &Arc<ArrayValue>, b: &Arc<ArrayValue>| vector_cmp(a, b).map(Ordering::$test))
    };
}

/// 42P22: called by name, a function of no text has no collation.
fn no_collation() -> Result<bool> {
    Err(DbError::new(
        SqlState::INDETERMINATE_COLLATION,
        "could not determine which collation to use for string comparison",
    )
    .hint("Use the COLLATE clause to set the collation explicitly."))
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!("oideq", "oidne", "oidlt", "oidle", "oidgt", "oidge", |a: u32, b: u32| a.cmp(&b)),
    &[
        scalar!("btoidcmp", |a: u32, b: u32| sign(a.cmp(&b))),
        scalar!("oidlarger", |a: u32, b: u32| a.max(b)),
        scalar!("oidsmaller", |a: u32, b: u32| a.min(b)),
        scalar!("oidtoi8", |a: u32| i64::from(a)),
        scalar!("i8tooid", |a: i64| from_int8(a)),
        scalar!("btequalimage", |_opcintype: u32| true),
        scalar!("btvarstrequalimage", |_opcintype: u32| no_collation()),
        scalar!("xideq", |a: u32, b: &Datum| same_xid(a, b)),
        scalar!("xidneq", |a: u32, b: &Datum| same_xid(a, b).map(|e| !e)),
        scalar!("xid8_larger", |a: i64, b: i64| a.cast_unsigned().max(b.cast_unsigned()).cast_signed()),
        scalar!("xid8_smaller", |a: i64, b: i64| a.cast_unsigned().min(b.cast_unsigned()).cast_signed()),
        scalar!("xid8eq", |a: i64, b: i64| a == b),
        scalar!("xid8ne", |a: i64, b: i64| a != b),
        scalar!("xid8lt", |a: i64, b: i64| (a as u64) < b as u64),
        scalar!("xid8le", |a: i64, b: i64| a as u64 <= b as u64),
        scalar!("xid8gt", |a: i64, b: i64| a as u64 > b as u64),
        scalar!("xid8ge", |a: i64, b: i64| a as u64 >= b as u64),
        scalar!("xid8cmp", |a: i64, b: i64| sign((a as u64).cmp(&(b as u64)))),
        scalar!("xid8toxid", |a: i64| a as u32),
        scalar!("cideq", |a: u32, b: u32| a == b),
        vector!("oidvectoreq", is_eq),
        vector!("oidvectorne", is_ne),
        vector!("oidvectorlt", is_lt),
        vector!("oidvectorle", is_le),
        vector!("oidvectorgt", is_gt),
        vector!("oidvectorge", is_ge),
        scalar!("btoidvectorcmp", |a: &Arc<ArrayValue>, b: &Arc<ArrayValue>| vector_cmp(a, b).map(sign)),
    ],
];

/// xid = xid and xid = int4 share their function.
fn same_xid(a: u32, b: &Datum) -> Result<bool> {
    match b {
        Datum::Oid(b) => Ok(a == *b),
        Datum::Int4(b) => Ok(a == b.cast_unsigned()),
        d => Err(unexpected(d)),
    }
}
