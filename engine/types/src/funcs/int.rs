//! int2, int4, int8 and bool: arithmetic, bits, comparison and the casts between them.

use super::args::{comparisons, scalar};
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// 22003 for the named type.
pub(crate) fn out_of_range(type_name: &'static str) -> DbError {
    let message = match type_name {
        "smallint" => "smallint out of range",
        "integer" => "integer out of range",
        "bigint" => "bigint out of range",
        _ => "value out of range",
    };
    DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
}

/// 22012.
pub(crate) fn division_by_zero() -> DbError {
    DbError::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

/// The widths, each with PostgreSQL's name for it.
trait Width: Copy {
    const NAME: &'static str;
}
impl Width for i16 {
    const NAME: &'static str = "smallint";
}
impl Width for i32 {
    const NAME: &'static str = "integer";
}
impl Width for i64 {
    const NAME: &'static str = "bigint";
}

fn checked<T: Width>(value: Option<T>) -> Result<T> {
    value.ok_or_else(|| out_of_range(T::NAME))
}

/// A checked narrowing between widths.
fn narrow<T: Width + TryFrom<i64>>(value: i64) -> Result<T> {
    checked(T::try_from(value).ok())
}

macro_rules! divide {
    ($a:expr, $b:expr) => {{
        let (a, b) = ($a, $b);
        if b == 0 { Err(division_by_zero()) } else { checked(a.checked_div(b)) }
    }};
}

/// Four operators whose operands are widened to the result's type first.
macro_rules! mixed {
    ($prefix:literal, $a:ty, $b:ty, $r:ty) => {
        [
            scalar!(concat!($prefix, "pl"), |a: $a, b: $b| checked(<$r>::from(a).checked_add(<$r>::from(b)))),
            scalar!(concat!($prefix, "mi"), |a: $a, b: $b| checked(<$r>::from(a).checked_sub(<$r>::from(b)))),
            scalar!(concat!($prefix, "mul"), |a: $a, b: $b| checked(<$r>::from(a).checked_mul(<$r>::from(b)))),
            scalar!(concat!($prefix, "div"), |a: $a, b: $b| divide!(<$r>::from(a), <$r>::from(b))),
        ]
    };
}

macro_rules! compare {
    ($prefix:literal, $a:ty, $b:ty) => {
        comparisons!(
            concat!($prefix, "eq"),
            concat!($prefix, "ne"),
            concat!($prefix, "lt"),
            concat!($prefix, "le"),
            concat!($prefix, "gt"),
            concat!($prefix, "ge"),
            |a: $a, b: $b| i64::from(a).cmp(&i64::from(b))
        )
    };
}

/// What each width has on its own.
macro_rules! plain {
    ($prefix:literal, $t:ty) => {
        [
            scalar!(concat!($prefix, "mod"), |a: $t, b: $t| if b == 0 {
                Err(division_by_zero())
            } else {
                Ok(a.wrapping_rem(b))
            }),
            scalar!(concat!($prefix, "um"), |a: $t| checked(a.checked_neg())),
            scalar!(concat!($prefix, "up"), |a: $t| a),
            scalar!(concat!($prefix, "abs"), |a: $t| checked(a.checked_abs())),
            scalar!(concat!($prefix, "and"), |a: $t, b: $t| a & b),
            scalar!(concat!($prefix, "or"), |a: $t, b: $t| a | b),
            scalar!(concat!($prefix, "xor"), |a: $t, b: $t| a ^ b),
            scalar!(concat!($prefix, "not"), |a: $t| !a),
            scalar!(concat!($prefix, "larger"), |a: $t, b: $t| a.max(b)),
            scalar!(concat!($prefix, "smaller"), |a: $t, b: $t| a.min(b)),
        ]
    };
}

fn gcd(a: i64, b: i64) -> i128 {
    let (mut a, mut b) = (i128::from(a).abs(), i128::from(b).abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn gcd_of<T: Width + TryFrom<i128>>(a: i64, b: i64) -> Result<T> {
    checked(T::try_from(gcd(a, b)).ok())
}

fn lcm_of<T: Width + TryFrom<i128>>(a: i64, b: i64) -> Result<T> {
    let g = gcd(a, b);
    if a == 0 || b == 0 {
        return checked(T::try_from(0).ok());
    }
    checked((i128::from(a) / g * i128::from(b)).checked_abs().and_then(|v| T::try_from(v).ok()))
}

/// A three-way comparison's answer as a B-tree support function gives it.
pub(crate) fn sign(o: Ordering) -> i32 {
    o as i32
}

/// How C's `memcmp` compares two byte strings, the shorter one being less if it is the beginning of the other: the
/// difference of the first bytes that differ, as PostgreSQL's support functions show it.
pub(crate) fn byte_difference(a: &[u8], b: &[u8]) -> i32 {
    let differs = a.iter().zip(b).find(|(x, y)| x != y);
    differs.map_or(sign(a.len().cmp(&b.len())), |(x, y)| i32::from(*x) - i32::from(*y))
}

/// How C's `strcmp` does it: as if both ended in a zero.
pub(crate) fn string_difference(a: &[u8], b: &[u8]) -> i32 {
    let common = a.len().min(b.len());
    match byte_difference(&a[..common], &b[..common]) {
        0 => i32::from(a.get(common).copied().unwrap_or(0)) - i32::from(b.get(common).copied().unwrap_or(0)),
        d => d,
    }
}

macro_rules! orders {
    ($name:literal, $a:ty, $b:ty) => {
        scalar!($name, |a: $a, b: $b| sign(i64::from(a).cmp(&i64::from(b))))
    };
}

/// Whether `val` lies within `base ± offset`, for RANGE frames of windows.
fn in_range(val: i64, base: i64, offset: i64, sub: bool, less: bool) -> Result<bool> {
    if offset < 0 {
        return Err(DbError::new(
            SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
            "invalid preceding or following size in window function",
        ));
    }
    let bound = if sub { i128::from(base) - i128::from(offset) } else { i128::from(base) + i128::from(offset) };
    Ok(if less { i128::from(val) <= bound } else { i128::from(val) >= bound })
}

macro_rules! frame {
    ($name:literal, $v:ty, $o:ty) => {
        scalar!($name, |val: $v, base: $v, offset: $o, sub: bool, less: bool| in_range(
            i64::from(val),
            i64::from(base),
            i64::from(offset),
            sub,
            less
        ))
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &mixed!("int2", i16, i16, i16),
    &mixed!("int4", i32, i32, i32),
    &mixed!("int8", i64, i64, i64),
    &mixed!("int24", i16, i32, i32),
    &mixed!("int42", i32, i16, i32),
    &mixed!("int28", i16, i64, i64),
    &mixed!("int82", i64, i16, i64),
    &mixed!("int48", i32, i64, i64),
    &mixed!("int84", i64, i32, i64),
    &compare!("int2", i16, i16),
    &compare!("int4", i32, i32),
    &compare!("int8", i64, i64),
    &compare!("int24", i16, i32),
    &compare!("int42", i32, i16),
    &compare!("int28", i16, i64),
    &compare!("int82", i64, i16),
    &compare!("int48", i32, i64),
    &compare!("int84", i64, i32),
    &plain!("int2", i16),
    &plain!("int4", i32),
    &plain!("int8", i64),
    &[
        scalar!("btint2cmp", |a: i16, b: i16| i32::from(a) - i32::from(b)),
        orders!("btint4cmp", i32, i32),
        orders!("btint8cmp", i64, i64),
        orders!("btint24cmp", i16, i32),
        orders!("btint42cmp", i32, i16),
        orders!("btint28cmp", i16, i64),
        orders!("btint82cmp", i64, i16),
        orders!("btint48cmp", i32, i64),
        orders!("btint84cmp", i64, i32),
        frame!("in_range_int2_int2", i16, i16),
        frame!("in_range_int2_int4", i16, i32),
        frame!("in_range_int2_int8", i16, i64),
        frame!("in_range_int4_int2", i32, i16),
        frame!("in_range_int4_int4", i32, i32),
        frame!("in_range_int4_int8", i32, i64),
        frame!("in_range_int8_int8", i64, i64),
        // Shift counts are taken modulo the width of the promoted operand, as the hardware does for PostgreSQL.
        scalar!("int2shl", |a: i16, n: i32| i32::from(a).wrapping_shl(n as u32) as i16),
        scalar!("int2shr", |a: i16, n: i32| i32::from(a).wrapping_shr(n as u32) as i16),
        scalar!("int4shl", |a: i32, n: i32| a.wrapping_shl(n as u32)),
        scalar!("int4shr", |a: i32, n: i32| a.wrapping_shr(n as u32)),
        scalar!("int8shl", |a: i64, n: i32| a.wrapping_shl(n as u32)),
        scalar!("int8shr", |a: i64, n: i32| a.wrapping_shr(n as u32)),
        scalar!("int4inc", |a: i32| checked(a.checked_add(1))),
        scalar!("int8inc", |a: i64| checked(a.checked_add(1))),
        scalar!("int8dec", |a: i64| checked(a.checked_sub(1))),
        scalar!("int4gcd", |a: i32, b: i32| gcd_of::<i32>(a.into(), b.into())),
        scalar!("int8gcd", |a: i64, b: i64| gcd_of::<i64>(a, b)),
        scalar!("int4lcm", |a: i32, b: i32| lcm_of::<i32>(a.into(), b.into())),
        scalar!("int8lcm", |a: i64, b: i64| lcm_of::<i64>(a, b)),
        scalar!("i2toi4", |a: i16| i32::from(a)),
        scalar!("i4toi2", |a: i32| narrow::<i16>(a.into())),
        scalar!("int28", |a: i16| i64::from(a)),
        scalar!("int82", |a: i64| narrow::<i16>(a)),
        scalar!("int48", |a: i32| i64::from(a)),
        scalar!("int84", |a: i64| narrow::<i32>(a)),
        scalar!("int4_bool", |a: i32| a != 0),
        scalar!("bool_int4", |a: bool| i32::from(a)),
        scalar!("to_hex32", |a: i32| format!("{a:x}")),
        scalar!("to_hex64", |a: i64| format!("{a:x}")),
        scalar!("btboolcmp", |a: bool, b: bool| sign(a.cmp(&b))),
        scalar!("booland_statefunc", |a: bool, b: bool| a && b),
        scalar!("boolor_statefunc", |a: bool, b: bool| a || b),
        scalar!("booltext", |a: bool| if a { "true" } else { "false" }),
    ],
    &comparisons!("booleq", "boolne", "boollt", "boolle", "boolgt", "boolge", |a: bool, b: bool| a.cmp(&b)),
];
