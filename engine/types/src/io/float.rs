//! Text form of floating-point numbers.

use rustydb_base::{DbError, Result, SqlState};

/// C's `%.{digits}g`.
pub(crate) fn format_g(v: f64, digits: usize) -> String {
    if v.is_nan() {
        return "NaN".into();
    }
    if v.is_infinite() {
        return if v > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let digits = digits.max(1);
    let sci = format!("{v:.*e}", digits - 1);
    let (mantissa, exp) = sci.split_once('e').unwrap_or((&sci, "0"));
    let exp: i32 = exp.parse().unwrap_or(0);
    let trim = |s: &str| {
        if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.').to_string() } else { s.to_string() }
    };
    if exp < -4 || exp >= digits as i32 {
        format!("{}e{}{:02}", trim(mantissa), if exp < 0 { '-' } else { '+' }, exp.abs())
    } else {
        trim(&format!("{v:.*}", (digits as i32 - 1 - exp).max(0) as usize))
    }
}

/// Appends shortest-round-trip digits in PostgreSQL's layout: plain between 1e-4 and 10^`plain`, else `d.ddde+XX`.
fn put_shortest(out: &mut Vec<u8>, ryu_text: &str, plain: i32) {
    // ryu gives digits with an optional point and an optional exponent; take the digits and where the point is.
    let (t, neg) = match ryu_text.strip_prefix('-') {
        Some(t) => (t, true),
        None => (ryu_text, false),
    };
    let (mantissa, exp) = t.split_once('e').unwrap_or((t, "0"));
    let (int, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let frac = frac.trim_end_matches('0');
    let mut digits = [0u8; 40];
    let mut n = 0;
    for &b in int.as_bytes().iter().chain(frac.as_bytes()) {
        if n < digits.len() {
            digits[n] = b;
            n += 1;
        }
    }
    // The point stands after `point` digits.
    let mut point = int.len() as i32 + exp.parse::<i32>().unwrap_or(0);
    let lead = digits[..n].iter().take_while(|&&d| d == b'0').count();
    let mut d = &digits[lead..n];
    point -= lead as i32;
    while let [rest @ .., b'0'] = d {
        d = rest;
    }
    if neg {
        out.push(b'-');
    }
    if d.is_empty() {
        out.push(b'0');
        return;
    }
    let e = point - 1;
    if e < -4 || e >= plain {
        out.push(d[0]);
        if d.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&d[1..]);
        }
        out.push(b'e');
        out.push(if e < 0 { b'-' } else { b'+' });
        let e = e.unsigned_abs();
        if e < 10 {
            out.push(b'0');
        }
        let mut b = itoa::Buffer::new();
        out.extend_from_slice(b.format(e).as_bytes());
    } else if point <= 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-point) as usize, b'0');
        out.extend_from_slice(d);
    } else {
        let p = point as usize;
        if d.len() <= p {
            out.extend_from_slice(d);
            out.resize(out.len() + p - d.len(), b'0');
        } else {
            out.extend_from_slice(&d[..p]);
            out.push(b'.');
            out.extend_from_slice(&d[p..]);
        }
    }
}

fn put_special(out: &mut Vec<u8>, v: f64) -> bool {
    if v.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if v.is_infinite() {
        out.extend_from_slice(if v > 0.0 { b"Infinity".as_slice() } else { b"-Infinity" });
    } else {
        return false;
    }
    true
}

/// Digits and decimal exponent of a number as ryu or `{:e}` write it.
fn decimal(text: &str) -> Option<(u128, i32)> {
    let t = text.trim_start_matches('-');
    let (mantissa, exp) = t.split_once('e').unwrap_or((t, "0"));
    let (int, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{int}{frac}").parse().ok()?;
    Some((digits, exp.parse::<i32>().ok()? - i32::try_from(frac.len()).ok()?))
}

/// Whether a decimal number lies exactly half-way between the float `m`·2^`e` and one beside it. `hidden` is the least
/// mantissa of normal numbers, `least` their least exponent.
fn on_boundary(text: &str, (m, e): (u64, i32), hidden: u64, least: i32) -> Option<bool> {
    let (digits, k) = decimal(text)?;
    if digits == 0 {
        return Some(false);
    }
    let twos = digits.trailing_zeros() as i32;
    let odd = digits >> twos;
    let below = if m == hidden && e > least { (4 * m - 1, e - 2) } else { (2 * m - 1, e - 1) };
    let equal = |(b, s): (u64, i32)| -> Option<bool> {
        // digits·10^k = b·2^s, b being odd: the odd parts and the powers of two are equal.
        if twos + k != s {
            return Some(false);
        }
        let fives = 5u128.checked_pow(k.unsigned_abs())?;
        Some(if k >= 0 { odd.checked_mul(fives)? == b.into() } else { u128::from(b).checked_mul(fives)? == odd })
    };
    Some(equal((2 * m + 1, e - 1)).unwrap_or(false) || equal(below).unwrap_or(false))
}

/// PostgreSQL's shortest text is one strictly inside of what reads back to the float, where ryu also takes one half-way to
/// the next. `None` if ryu's is inside; else the shortest that is, of up to `most` digits made by `write`.
fn inside<F: std::str::FromStr + PartialEq>(
    text: &str,
    parts: (u64, i32),
    hidden: u64,
    least: i32,
    most: usize,
    write: impl Fn(usize) -> (String, F),
) -> Option<String> {
    // Only an even mantissa takes what is half-way.
    if !parts.0.is_multiple_of(2) || !on_boundary(text, parts, hidden, least)? {
        return None;
    }
    (0..most).map(write).find_map(|(t, v)| {
        let fits = t.parse::<F>().is_ok_and(|x| x == v) && on_boundary(&t, parts, hidden, least) == Some(false);
        fits.then_some(t)
    })
}

/// Appends a double; `extra` is extra_float_digits: above zero the shortest text that reads back to the same value,
/// else 15 significant digits and that many more (fewer).
pub fn float8_out(v: f64, extra: i32, out: &mut Vec<u8>) {
    if put_special(out, v) {
        return;
    }
    if extra > 0 {
        let mut b = ryu::Buffer::new();
        let text = b.format_finite(v);
        let bits = v.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let parts = match (bits >> 52 & 0x7ff) as i32 {
            0 => (fraction, -1074),
            e => (fraction | 1 << 52, e - 1075),
        };
        match inside(text, parts, 1 << 52, -1074, 17, |n| (format!("{v:.n$e}"), v)) {
            Some(other) => put_shortest(out, &other, 15),
            None => put_shortest(out, text, 15),
        }
    } else {
        out.extend_from_slice(format_g(v, (15 + extra).max(1) as usize).as_bytes());
    }
}

/// Appends a single-precision float; see [`float8_out`].
pub fn float4_out(v: f32, extra: i32, out: &mut Vec<u8>) {
    if put_special(out, v.into()) {
        return;
    }
    if extra > 0 {
        let mut b = ryu::Buffer::new();
        let text = b.format_finite(v);
        let bits = v.to_bits();
        let fraction = u64::from(bits & ((1 << 23) - 1));
        let parts = match (bits >> 23 & 0xff) as i32 {
            0 => (fraction, -149),
            e => (fraction | 1 << 23, e - 150),
        };
        match inside(text, parts, 1 << 23, -149, 9, |n| (format!("{v:.n$e}"), v)) {
            Some(other) => put_shortest(out, &other, 6),
            None => put_shortest(out, text, 6),
        }
    } else {
        out.extend_from_slice(format_g(v.into(), (6 + extra).max(1) as usize).as_bytes());
    }
}

/// C's hexadecimal notation after `0x`: digits, an optional point, an optional binary exponent after `p`. Exact for up
/// to 53 bits, which is what the notation is for; longer ones lose their low bits.
fn hex_float(s: &str) -> Option<f64> {
    let (mantissa, exp) = s.split_once(['p', 'P']).unwrap_or((s, "0"));
    let (int, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if int.is_empty() && frac.is_empty() {
        return None;
    }
    let mut v = 0f64;
    for c in int.chars().chain(frac.chars()) {
        v = v * 16.0 + f64::from(c.to_digit(16)?);
    }
    let exp = exp.parse::<i32>().ok()?.checked_sub(4 * i32::try_from(frac.len()).ok()?)?;
    let v = v * 2f64.powi(exp);
    v.is_finite().then_some(v)
}

/// What a text is before its size is judged.
enum Lexed<'a> {
    Special(f64),
    Number(&'a str),
}

fn lex(s: &str) -> Option<Lexed<'_>> {
    let t = s.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (neg, body) = match t.as_bytes().first()? {
        b'-' => (true, &t[1..]),
        b'+' => (false, &t[1..]),
        _ => (false, t),
    };
    let sign = if neg { -1.0 } else { 1.0 };
    if body.eq_ignore_ascii_case("infinity") || body.eq_ignore_ascii_case("inf") {
        return Some(Lexed::Special(sign * f64::INFINITY));
    }
    if body.eq_ignore_ascii_case("nan") {
        return Some(Lexed::Special(f64::NAN));
    }
    // Rust's parser takes what C's does here, as long as the text is made of these characters.
    if let Some(digits) = body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")) {
        return hex_float(digits).map(|v| Lexed::Special(sign * v));
    }
    let ok = body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        && body.bytes().next().is_some_and(|b| b.is_ascii_digit() || b == b'.');
    ok.then_some(Lexed::Number(t))
}

fn invalid(type_name: &str, s: &str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type {type_name}: \"{s}\""))
}

fn out_of_range(type_name: &str, s: &str) -> DbError {
    DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("\"{s}\" is out of range for type {type_name}"))
}

/// Whether a number's text has a digit other than zero before its exponent.
fn has_nonzero(s: &str) -> bool {
    s.bytes().take_while(|b| !matches!(b, b'e' | b'E')).any(|b| matches!(b, b'1'..=b'9'))
}

/// Reads a double.
pub fn float8_in(s: &str) -> Result<f64> {
    let name = "double precision";
    match lex(s).ok_or_else(|| invalid(name, s))? {
        Lexed::Special(v) => Ok(v),
        Lexed::Number(t) => {
            let v: f64 = t.parse().map_err(|_| invalid(name, s))?;
            if v.is_infinite() || (v == 0.0 && has_nonzero(t)) { Err(out_of_range(name, t)) } else { Ok(v) }
        }
    }
}

/// Reads a single-precision float.
pub fn float4_in(s: &str) -> Result<f32> {
    let name = "real";
    match lex(s).ok_or_else(|| invalid(name, s))? {
        Lexed::Special(v) => Ok(v as f32),
        Lexed::Number(t) => {
            let v: f32 = t.parse().map_err(|_| invalid(name, s))?;
            if v.is_infinite() || (v == 0.0 && has_nonzero(t)) { Err(out_of_range(name, t)) } else { Ok(v) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown8(v: f64) -> String {
        let mut out = Vec::new();
        float8_out(v, 1, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn half_way_is_not_inside() {
        for (v, text) in [
            (1e23, "9.999999999999999e+22"),
            (2e23, "1.9999999999999998e+23"),
            (1e22, "1e+22"),
            (4e44, "4e+44"),
            (8.5e-323, "8.4e-323"),
            (5e-324, "5e-324"),
            (0.1, "0.1"),
            (-1e23, "-9.999999999999999e+22"),
        ] {
            assert_eq!(shown8(v), text);
        }
        let mut out = Vec::new();
        float4_out(8.589_935e9, 1, &mut out);
        assert_eq!(out, b"8.589935e+09");
    }
}
