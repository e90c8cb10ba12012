//! money: hundredths, kept as an `Int8`. Shown as the C locale does: a dollar sign, commas between thousands.

use super::args::{comparisons, scalar};
use super::int::{out_of_range, sign};
use crate::kernel::Kernel;
use crate::numeric::Numeric;
use rustydb_base::{DbError, Result, SqlState};

/// Reads an amount: sign or parentheses, dollar sign, digits with commas, decimals rounded to two.
pub fn text_in(s: &str) -> Result<i64> {
    let invalid =
        || DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type money: \"{s}\""));
    let too_large =
        || DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("value \"{s}\" is out of range for type money"));
    let space = |c: char| c.is_ascii_whitespace() || c == '\x0b';
    let mut rest = s.trim_start_matches(space);
    rest = rest.strip_prefix('$').unwrap_or(rest).trim_start_matches(space);
    let mut negative = false;
    if let Some(r) = rest.strip_prefix(['-', '(']) {
        negative = true;
        rest = r;
    } else if let Some(r) = rest.strip_prefix('+') {
        rest = r;
    }
    rest = rest.trim_start_matches(space);
    rest = rest.strip_prefix('$').unwrap_or(rest).trim_start_matches(space);
    // Counted downwards, as there is one more negative amount than there are positive ones.
    let mut value: i64 = 0;
    let mut decimals = 0;
    let mut point = false;
    let mut digits = 0;
    let mut chars = rest.char_indices();
    let mut end = rest.len();
    for (i, c) in chars.by_ref() {
        match c.to_digit(10) {
            Some(d) if !point || decimals < 2 => {
                value = value.checked_mul(10).and_then(|v| v.checked_sub(d.into())).ok_or_else(too_large)?;
                decimals += u32::from(point);
                digits += 1;
            }
            Some(d) => {
                // Only the first digit beyond the decimals decides.
                if d >= 5 {
                    value = value.checked_sub(1).ok_or_else(too_large)?;
                }
                end = i + rest[i..].bytes().take_while(u8::is_ascii_digit).count();
                break;
            }
            None if c == '.' && !point => point = true,
            None if c == ',' && !point => {}
            None => {
                end = i;
                break;
            }
        }
    }
    if digits == 0 && !point {
        return Err(invalid());
    }
    for _ in decimals..2 {
        value = value.checked_mul(10).ok_or_else(too_large)?;
    }
    for c in rest[end..].chars() {
        match c {
            c if space(c) => {}
            '-' => negative = true,
            ')' | '+' | '$' => {}
            _ => return Err(invalid()),
        }
    }
    if negative { Ok(value) } else { value.checked_neg().ok_or_else(too_large) }
}

/// Shows an amount.
pub fn text_out(v: i64) -> String {
    let n = v.unsigned_abs();
    let whole = (n / 100).to_string();
    let mut out = String::from(if v < 0 { "-$" } else { "$" });
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out.push_str(&format!(".{:02}", n % 100));
    out
}

fn times(v: i64, f: f64) -> Result<i64> {
    rounded(v as f64 * f)
}

fn over(v: i64, f: f64) -> Result<i64> {
    if f == 0.0 {
        return Err(zero());
    }
    rounded(v as f64 / f)
}

fn rounded(f: f64) -> Result<i64> {
    let r = f.round_ties_even();
    if r >= i64::MIN as f64 && r < -(i64::MIN as f64) {
        return Ok(r as i64);
    }
    Err(DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "money out of range"))
}

fn zero() -> DbError {
    DbError::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

fn checked(v: Option<i64>) -> Result<i64> {
    v.ok_or_else(|| DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "money out of range"))
}

fn divide(v: i64, n: i64) -> Result<i64> {
    if n == 0 {
        return Err(zero());
    }
    checked(v.checked_div(n))
}

fn ratio(a: i64, b: i64) -> Result<f64> {
    if b == 0 {
        return Err(zero());
    }
    Ok(a as f64 / b as f64)
}

fn from_number(n: &Numeric) -> Result<i64> {
    n.mul(&Numeric::from(100))?.round(0)?.to_i64()
}

fn from_int(v: i64) -> Result<i64> {
    v.checked_mul(100).ok_or_else(|| out_of_range("bigint"))
}

const SMALL: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: &[&str] = &["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

fn small(n: usize) -> &'static str {
    SMALL.get(n).copied().unwrap_or_default()
}

/// A number below a thousand in words.
fn words(n: u64) -> String {
    let n = n as usize % 1000;
    let (hundreds, rest) = (n / 100, n % 100);
    let tail = if rest < 20 {
        small(rest).to_owned()
    } else if rest.is_multiple_of(10) {
        TENS.get(rest / 10).copied().unwrap_or_default().to_owned()
    } else {
        format!("{} {}", TENS.get(rest / 10).copied().unwrap_or_default(), small(rest % 10))
    };
    match (hundreds, rest) {
        (0, _) => tail,
        (h, 0) => format!("{} hundred", small(h)),
        (h, 1..20) if rest % 10 != 0 || rest < 20 => format!("{} hundred and {tail}", small(h)),
        (h, _) => format!("{} hundred {tail}", small(h)),
    }
}

/// An amount in words.
fn in_words(v: i64) -> String {
    let n = v.unsigned_abs();
    let (dollars, cents) = (n / 100, n % 100);
    let mut out = String::new();
    if v < 0 {
        out.push_str("minus ");
    }
    let scales = [
        (1_000_000_000_000_000, " quadrillion "),
        (1_000_000_000_000, " trillion "),
        (1_000_000_000, " billion "),
        (1_000_000, " million "),
        (1000, " thousand "),
    ];
    for (scale, name) in scales {
        let group = dollars / scale % 1000;
        if group > 0 {
            out.push_str(&words(group));
            out.push_str(name);
        }
    }
    if dollars % 1000 > 0 {
        out.push_str(&words(dollars % 1000));
    }
    if dollars == 0 {
        out.push_str("zero");
    }
    out.push_str(if dollars == 1 { " dollar and " } else { " dollars and " });
    out.push_str(&words(cents));
    out.push_str(if cents == 1 { " cent" } else { " cents" });
    let first = out.get(..1).unwrap_or_default().to_ascii_uppercase();
    first + out.get(1..).unwrap_or_default()
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!("cash_eq", "cash_ne", "cash_lt", "cash_le", "cash_gt", "cash_ge", |a: i64, b: i64| a.cmp(&b)),
    &[
        scalar!("cash_cmp", |a: i64, b: i64| sign(a.cmp(&b))),
        scalar!("cashlarger", |a: i64, b: i64| a.max(b)),
        scalar!("cashsmaller", |a: i64, b: i64| a.min(b)),
        scalar!("cash_pl", |a: i64, b: i64| checked(a.checked_add(b))),
        scalar!("cash_mi", |a: i64, b: i64| checked(a.checked_sub(b))),
        scalar!("cash_mul_flt8", |a: i64, f: f64| times(a, f)),
        scalar!("cash_mul_flt4", |a: i64, f: f32| times(a, f.into())),
        scalar!("flt8_mul_cash", |f: f64, a: i64| times(a, f)),
        scalar!("flt4_mul_cash", |f: f32, a: i64| times(a, f.into())),
        scalar!("cash_div_flt8", |a: i64, f: f64| over(a, f)),
        scalar!("cash_div_flt4", |a: i64, f: f32| over(a, f.into())),
        scalar!("cash_mul_int8", |a: i64, n: i64| checked(a.checked_mul(n))),
        scalar!("cash_mul_int4", |a: i64, n: i32| checked(a.checked_mul(n.into()))),
        scalar!("cash_mul_int2", |a: i64, n: i16| checked(a.checked_mul(n.into()))),
        scalar!("int8_mul_cash", |n: i64, a: i64| checked(a.checked_mul(n))),
        scalar!("int4_mul_cash", |n: i32, a: i64| checked(a.checked_mul(n.into()))),
        scalar!("int2_mul_cash", |n: i16, a: i64| checked(a.checked_mul(n.into()))),
        scalar!("cash_div_int8", |a: i64, n: i64| divide(a, n)),
        scalar!("cash_div_int4", |a: i64, n: i32| divide(a, n.into())),
        scalar!("cash_div_int2", |a: i64, n: i16| divide(a, n.into())),
        scalar!("cash_div_cash", |a: i64, b: i64| ratio(a, b)),
        scalar!("cash_numeric", |a: i64| Numeric::from_i128(a.into(), 2)),
        scalar!("numeric_cash", |n: &Numeric| from_number(n)),
        scalar!("int4_cash", |n: i32| from_int(n.into())),
        scalar!("int8_cash", |n: i64| from_int(n)),
        scalar!("cash_words", |a: i64| in_words(a)),
    ],
];
