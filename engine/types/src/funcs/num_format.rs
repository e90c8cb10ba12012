//! `to_char` of numbers and `to_number`: PostgreSQL's number templates.
//!
//! A template becomes a list of items and a summary: how many digit places stand before and after the point, where
//! zeros are wanted, how the sign is shown. A number is first rounded to the places there are and cut into its digits;
//! one that has more digits before the point than there are places is shown as `#`. Then the items are gone through
//! once, each place taking a blank, a zero or the next digit, with the sign put before the first of them.

use super::args::scalar;
use super::int::out_of_range;
use crate::kernel::Kernel;
use crate::numeric::{self, Numeric};
use rustydb_base::{DbError, Result, SqlState};

/// Most digit places of a template, which bounds the output.
const MAX_PLACES: usize = 2000;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Item {
    Nine,
    Zero,
    Point,
    Group,
    Currency,
    Minus,
    Plus,
    Sign,
    Ordinal { upper: bool },
    Roman { upper: bool },
    Text(String),
}

/// Where the sign goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SignPlace {
    /// Before the first digit; a blank stands for plus.
    Default,
    /// `S` before the first digit: plus is shown too.
    Before,
    /// `S` after the last digit.
    After,
    /// `PR`: angle brackets round negative numbers.
    Brackets,
    /// `MI` or `SG` show it themselves.
    Elsewhere,
}

#[derive(Debug)]
struct Template {
    items: Vec<Item>,
    /// Digit places before the point.
    pre: usize,
    /// Digit places after it.
    post: usize,
    /// Places after `V`, by which the number is shifted.
    shift: usize,
    /// First digit place, from 0, from which zeros fill the places before the point.
    zeros_from: Option<usize>,
    /// Number of digit places up to the last `0`.
    zeros_to: usize,
    point: bool,
    fill: bool,
    roman: bool,
    exponent: bool,
    sign: SignPlace,
}

fn syntax(message: impl Into<String>) -> DbError {
    DbError::new(SqlState::SYNTAX_ERROR, message.into())
}

/// The patterns, longer ones before their beginnings.
const PATTERNS: &[&str] = &[
    "EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", "th", "rn", ",", ".", "0", "9", "B", "C", "D", "G", "L",
    "S", "V",
];

/// The pattern at the beginning of a text, in either case throughout.
fn pattern(text: &str) -> Option<&'static str> {
    PATTERNS.iter().copied().find(|p| text.starts_with(p) || text.starts_with(p.to_ascii_lowercase().as_str()))
}

fn parse(format: &str) -> Result<Template> {
    let mut t = Template {
        items: Vec::new(),
        pre: 0,
        post: 0,
        shift: 0,
        zeros_from: None,
        zeros_to: 0,
        point: false,
        fill: false,
        roman: false,
        exponent: false,
        sign: SignPlace::Default,
    };
    let (mut s_used, mut s_at, mut plus, mut minus, mut brackets, mut shifting) =
        (false, 0, false, false, false, false);
    let conflict = |what: &str| syntax(format!("cannot use \"S\" and \"{what}\" together"));
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            // Quoted text; a backslash keeps a quote in it.
            let mut text = String::new();
            let mut chars = rest[1..].char_indices();
            let mut end = rest.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => {
                        end = at + 2;
                        break;
                    }
                    '\\' => {
                        if let Some((_, c)) = chars.next() {
                            text.push(c);
                        }
                    }
                    c => text.push(c),
                }
            }
            t.items.push(Item::Text(text));
            rest = &rest[end..];
            continue;
        }
        let Some(p) = pattern(rest) else {
            let c = if rest.starts_with("\\\"") { '"' } else { c };
            let skip = if c == '"' { 2 } else { c.len_utf8() };
            t.items.push(Item::Text(c.to_string()));
            rest = &rest[skip..];
            continue;
        };
        let lower = rest.starts_with(|c: char| c.is_ascii_lowercase());
        rest = &rest[p.len()..];
        if t.exponent && p != "EEEE" {
            return Err(syntax("\"EEEE\" must be the last pattern used"));
        }
        match p {
            "9" | "0" => {
                if brackets {
                    return Err(syntax(format!("\"{p}\" must be ahead of \"PR\"")));
                }
                if p == "0" && !t.point && t.zeros_from.is_none() {
                    t.zeros_from = Some(t.pre);
                }
                if p == "9" && shifting {
                    t.shift += 1;
                } else if t.point {
                    t.post += 1;
                } else {
                    t.pre += 1;
                }
                if p == "0" {
                    t.zeros_to = t.pre + t.post;
                }
                t.items.push(if p == "9" { Item::Nine } else { Item::Zero });
            }
            "." | "D" => {
                if t.point {
                    return Err(syntax("multiple decimal points"));
                }
                if shifting {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                t.point = true;
                t.items.push(Item::Point);
            }
            "," | "G" => t.items.push(Item::Group),
            // The currency's name: PostgreSQL knows the pattern and writes nothing.
            "C" => {}
            "L" => t.items.push(Item::Currency),
            "FM" => t.fill = true,
            "B" | "SP" => {}
            "S" => {
                if s_used {
                    return Err(syntax("cannot use \"S\" twice"));
                }
                if plus || minus || brackets {
                    return Err(syntax("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
                }
                s_used = true;
                s_at = t.pre;
                t.sign = if t.point { SignPlace::After } else { SignPlace::Before };
            }
            "MI" | "PL" | "SG" => {
                if s_used {
                    return Err(conflict(p));
                }
                match p {
                    "MI" => minus = true,
                    "PL" => plus = true,
                    _ => (plus, minus) = (true, true),
                }
                t.items.push(match p {
                    "MI" => Item::Minus,
                    "PL" => Item::Plus,
                    _ => Item::Sign,
                });
            }
            "PR" => {
                if s_used || plus || minus {
                    return Err(syntax("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
                }
                brackets = true;
                t.sign = SignPlace::Brackets;
            }
            "RN" | "rn" => {
                t.roman = true;
                t.items.push(Item::Roman { upper: !lower });
            }
            "TH" | "th" => t.items.push(Item::Ordinal { upper: !lower }),
            "V" => {
                if t.point {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                shifting = true;
            }
            _ => {
                if t.exponent {
                    return Err(syntax("cannot use \"EEEE\" twice"));
                }
                if t.fill || s_used || plus || minus || brackets || t.roman || shifting {
                    return Err(syntax("\"EEEE\" is incompatible with other formats")
                        .detail("\"EEEE\" may only be used together with digit and decimal point patterns."));
                }
                t.exponent = true;
            }
        }
        if t.pre + t.post + t.shift > MAX_PLACES {
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "number template has too many digits"));
        }
    }
    if t.sign == SignPlace::Before && s_at == t.pre && t.pre > 0 {
        t.sign = SignPlace::After;
    }
    if minus {
        t.sign = SignPlace::Elsewhere;
    }
    t.pre += t.shift;
    Ok(t)
}

/// A number made ready: its sign and its digits as text, with a point before the decimals.
struct Digits {
    negative: bool,
    text: String,
}

/// A whole number's ending.
fn ordinal(digits: &str, upper: bool) -> &'static str {
    let bytes = digits.as_bytes();
    let last = bytes.last().copied().unwrap_or(b'0');
    let teen = bytes.len() > 1 && bytes[bytes.len() - 2] == b'1';
    match (if teen { b'0' } else { last }, upper) {
        (b'1', true) => "ST",
        (b'1', false) => "st",
        (b'2', true) => "ND",
        (b'2', false) => "nd",
        (b'3', true) => "RD",
        (b'3', false) => "rd",
        (_, true) => "TH",
        (_, false) => "th",
    }
}

fn roman(n: Option<i64>) -> String {
    const PARTS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let Some(mut n) = n.filter(|n| (1..=3999).contains(n)) else { return "#".repeat(15) };
    let mut out = String::new();
    for (value, letters) in PARTS {
        while n >= value {
            out.push_str(letters);
            n -= value;
        }
    }
    out
}

/// Fills a template with digits; 22P02 when an ordinal is asked of what is no number.
fn fill(t: &Template, number: &Digits) -> Result<String> {
    let sign = if number.negative { '-' } else { '+' };
    let (whole, decimals) = match number.text.split_once('.') {
        Some((w, d)) => (w, Some(d)),
        None => (number.text.as_str(), None),
    };
    let overflow = whole.len() > t.pre;
    let hashes;
    let (whole, decimals) = if overflow {
        hashes = "#".repeat(t.pre.max(t.post));
        (&hashes[..t.pre], Some(&hashes[..t.post]))
    } else {
        (whole, decimals)
    };
    let lead = t.pre - whole.len();
    // A lone zero before decimals is left blank unless zeros are asked for.
    let hide_zero = whole == "0" && t.post > 0 && t.zeros_from.is_none();
    // With FM, decimals are shown up to the last that matters or that the template wants.
    let keep = match decimals {
        Some(d) if t.fill && !overflow => {
            d.trim_end_matches('0').len().max(t.zeros_to.saturating_sub(t.pre).min(d.len()))
        }
        Some(d) => d.len(),
        None => 0,
    };
    let bare = t.fill && t.point && keep == 0;
    let mut pending_sign = match t.sign {
        SignPlace::Elsewhere | SignPlace::After => None,
        SignPlace::Before => Some(sign.to_string()),
        SignPlace::Default if number.negative => Some("-".to_owned()),
        SignPlace::Brackets if number.negative => Some("<".to_owned()),
        SignPlace::Default | SignPlace::Brackets if t.fill => None,
        SignPlace::Default | SignPlace::Brackets => Some(" ".to_owned()),
    };
    // A sign behind the number follows the last place that the number fills.
    let places = t.pre + t.post + usize::from(t.point);
    let is_place = |i: &Item| matches!(i, Item::Nine | Item::Zero | Item::Point);
    let last_place = t.items.iter().enumerate().filter(|(_, i)| is_place(i)).take(places).last().map(|(at, _)| at);
    let mut out = String::new();
    let mut in_number = false;
    // Digit places passed, before and after the point.
    let (mut place, mut decimal, mut after_point) = (0, 0, false);
    for (index, item) in t.items.iter().enumerate() {
        match item {
            Item::Nine | Item::Zero if !after_point => {
                in_number = false;
                let wanted_zero = t.zeros_from.is_some_and(|z| place >= z);
                let shown = if place < lead {
                    wanted_zero.then_some('0')
                } else if hide_zero {
                    (bare && t.fill).then_some('0')
                } else {
                    whole[place - lead..].chars().next()
                };
                match shown {
                    Some(c) => {
                        if let Some(s) = pending_sign.take() {
                            out.push_str(&s);
                        }
                        out.push(c);
                        in_number = true;
                    }
                    None if !t.fill => out.push(' '),
                    None => {}
                }
                place += 1;
            }
            Item::Nine | Item::Zero => {
                in_number = false;
                // Where the digits end before the template does, so does the output.
                let Some(d) = decimals.filter(|d| decimal < d.len()) else { break };
                if decimal < keep
                    && let Some(c) = d[decimal..].chars().next()
                {
                    out.push(c);
                    in_number = true;
                }
                decimal += 1;
            }
            Item::Point => {
                in_number = false;
                after_point = true;
                if let Some(s) = pending_sign.take() {
                    out.push_str(&s);
                }
                if decimals.is_none() {
                    break;
                }
                out.push('.');
            }
            Item::Group => {
                if in_number {
                    out.push(',');
                } else if !t.fill {
                    out.push(' ');
                }
            }
            Item::Currency => out.push(' '),
            Item::Minus if number.negative => out.push('-'),
            Item::Plus if !number.negative => out.push('+'),
            Item::Minus | Item::Plus if t.fill => {}
            Item::Minus | Item::Plus => out.push(' '),
            Item::Sign => out.push(sign),
            Item::Ordinal { upper } => {
                if !number.negative && !t.point && !overflow {
                    if !whole.ends_with(|c: char| c.is_ascii_digit()) {
                        return Err(DbError::new(
                            SqlState::INVALID_TEXT_REPRESENTATION,
                            format!("\"{whole}\" is not a number"),
                        ));
                    }
                    out.push_str(ordinal(whole, *upper));
                }
            }
            Item::Roman { .. } => {}
            Item::Text(text) => out.push_str(text),
        }
        if Some(index) == last_place {
            match t.sign {
                SignPlace::After => out.push(sign),
                SignPlace::Brackets if number.negative => out.push('>'),
                SignPlace::Brackets if !t.fill => out.push(' '),
                _ => {}
            }
        }
    }
    Ok(out)
}

/// Fills a template that asks for Roman numerals.
fn fill_roman(t: &Template, n: Option<i64>) -> String {
    let numeral = roman(n);
    let mut out = String::new();
    for item in &t.items {
        match item {
            Item::Roman { upper } => {
                let shown = if *upper { numeral.clone() } else { numeral.to_ascii_lowercase() };
                if t.fill {
                    out.push_str(&shown);
                } else {
                    out.push_str(&format!("{shown:>15}"));
                }
            }
            Item::Text(text) => out.push_str(text),
            _ => {}
        }
    }
    out
}

/// What scientific notation shows for a number that has none.
fn no_exponent(t: &Template) -> String {
    let mut out = String::from(" ");
    out.push_str(&"#".repeat(t.pre));
    out.push('.');
    out.push_str(&"#".repeat(t.post + 4));
    out
}

/// `d.ddde+dd` of a decimal text without sign, rounded half away from zero.
fn scientific(n: &Numeric, decimals: usize) -> Result<String> {
    let negative = n.signum() < 0;
    let text = n.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits: String = [whole, fraction].concat();
    let first = digits.bytes().position(|b| b != b'0');
    let exponent = first.map_or(0, |f| whole.len() as i64 - 1 - f as i64);
    // Shift the point behind the first digit by rounding at its place, then reading the digits off.
    let places = i32::try_from(decimals as i64 - exponent).map_err(|_| out_of_range("integer"))?;
    let rounded = n.abs().round(places)?.to_string();
    let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
    let digits: String = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    // Rounding may have made one digit more.
    let exponent = match significant.is_empty() {
        true => 0,
        false => whole.len() as i64 - 1 - (digits.len() - significant.len()) as i64,
    };
    let mut mantissa: Vec<char> = significant.chars().collect();
    mantissa.resize(decimals + 1, '0');
    let mut out = String::from(if negative { "-" } else { " " });
    out.push(mantissa[0]);
    if decimals > 0 {
        out.push('.');
        out.extend(&mantissa[1..]);
    }
    out.push_str(&format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()));
    Ok(out)
}

fn numeric_to_char(n: &Numeric, format: &str) -> Result<String> {
    let t = parse(format)?;
    if t.roman {
        return Ok(fill_roman(&t, Some(n.round(0)?.to_i32()?.into())));
    }
    if t.exponent {
        return if n.is_finite() { scientific(n, t.post) } else { Ok(no_exponent(&t)) };
    }
    let shifted =
        if t.shift > 0 { n.mul(&Numeric::from(10).power(&Numeric::from(t.shift as i64))?)? } else { n.clone() };
    let rounded = shifted.round(t.post as i32)?;
    let text = rounded.to_string();
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |t| (true, t));
    fill(&t, &Digits { negative, text: text.to_owned() })
}

fn int_to_char(n: i64, format: &str) -> Result<String> {
    let t = parse(format)?;
    // A shifted bigint must still be one.
    let shifted = u32::try_from(t.shift).ok().and_then(|s| 10i64.checked_pow(s)).and_then(|by| n.checked_mul(by));
    if t.shift > 0 && shifted.is_none() {
        return Err(out_of_range("bigint"));
    }
    numeric_to_char(&Numeric::from(n), format)
}

/// A float with a fixed number of decimals, as C's `%.*f`.
fn fixed(v: f64, decimals: usize) -> String {
    if v.is_nan() {
        "NaN".to_owned()
    } else if v.is_infinite() {
        if v > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{v:.decimals$}")
    }
}

/// `digits`: how many decimal digits the type holds for certain.
fn float_to_char(v: f64, format: &str, digits: usize) -> Result<String> {
    let mut t = parse(format)?;
    if t.roman {
        let rounded = v.round_ties_even();
        let n = (rounded.abs() < 1e9).then_some(rounded as i64);
        return Ok(fill_roman(&t, n));
    }
    if t.exponent {
        if !v.is_finite() {
            return Ok(no_exponent(&t));
        }
        let shown = format!("{v:.*e}", t.post);
        let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if mantissa.starts_with('-') { "" } else { " " };
        let e = if exponent < 0 { '-' } else { '+' };
        return Ok(format!("{sign}{mantissa}e{e}{:02}", exponent.abs()));
    }
    let v = if t.shift > 0 { v * 10f64.powi(t.shift as i32) } else { v };
    let whole = fixed(v.abs(), 0).len();
    let mut decimals = t.post;
    if whole >= digits {
        decimals = 0;
    } else if whole + decimals > digits {
        decimals = digits - whole;
    }
    t.post = decimals;
    let text = fixed(v, decimals);
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |t| (true, t));
    fill(&t, &Digits { negative, text: text.to_owned() })
}

/// Reads a text by a template.
struct Reader {
    chars: Vec<char>,
    at: usize,
    negative: Option<bool>,
    number: String,
    /// Decimals read; `None` before the point.
    decimals: Option<usize>,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Takes a sign, if the next character is one.
    fn sign(&mut self) -> bool {
        match self.peek() {
            Some(c @ ('-' | '+')) => {
                self.negative = Some(c == '-');
                self.at += 1;
                true
            }
            _ => false,
        }
    }

    /// Passes over up to `n` characters that cannot belong to a number.
    fn skip_text(&mut self, n: usize) {
        for _ in 0..n {
            if self.peek().is_none_or(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | '-')) {
                break;
            }
            self.at += 1;
        }
    }

    /// One digit place: takes a digit or the point; another character is passed over.
    fn place(&mut self, t: &Template, digit_place: bool) {
        if self.peek() == Some(' ') {
            self.at += 1;
        }
        if digit_place && self.negative.is_none() && self.number.is_empty() {
            match self.peek() {
                Some('<') if t.sign == SignPlace::Brackets => {
                    self.negative = Some(true);
                    self.at += 1;
                }
                _ => {
                    self.sign();
                }
            }
        }
        let signed = matches!(t.sign, SignPlace::Before | SignPlace::After)
            || t.items.iter().any(|i| matches!(i, Item::Minus | Item::Plus | Item::Sign));
        if signed && self.negative.is_none() && !self.number.is_empty() && self.sign() {
            return;
        }
        match self.peek() {
            Some(c) if c.is_ascii_digit() => {
                match &mut self.decimals {
                    // Decimals beyond the template's stay unread.
                    Some(n) if *n == t.post => return,
                    Some(n) => *n += 1,
                    None => {}
                }
                self.number.push(c);
                self.at += 1;
                if matches!(t.sign, SignPlace::Before | SignPlace::After) && self.negative.is_none() {
                    self.sign();
                }
            }
            Some('.') if t.point && self.decimals.is_none() => {
                self.decimals = Some(0);
                self.number.push('.');
                self.at += 1;
            }
            Some(_) => self.at += 1,
            None => {}
        }
    }
}

/// `to_number`: the template says which characters to read and which to pass over.
fn to_number(text: &str, format: &str) -> Result<Option<Numeric>> {
    if format.is_empty() {
        return Ok(None);
    }
    let t = parse(format)?;
    if t.exponent {
        return Err(DbError::unsupported("\"EEEE\" not supported for input"));
    }
    if t.roman {
        return Err(DbError::unsupported("\"RN\" not supported for input"));
    }
    let mut r = Reader { chars: text.chars().collect(), at: 0, negative: None, number: String::new(), decimals: None };
    for item in &t.items {
        if r.at >= r.chars.len() {
            break;
        }
        match item {
            Item::Nine | Item::Zero => r.place(&t, true),
            Item::Point => r.place(&t, false),
            Item::Group if r.peek() == Some(',') => r.at += 1,
            Item::Group | Item::Roman { .. } => {}
            Item::Minus if r.peek() == Some('+') => {}
            Item::Plus if r.peek() == Some('-') => {}
            Item::Minus | Item::Plus | Item::Sign => {
                if !r.sign() {
                    r.skip_text(1);
                }
            }
            Item::Currency => r.skip_text(1),
            Item::Ordinal { .. } => r.skip_text(2),
            Item::Text(skipped) => r.skip_text(skipped.chars().count()),
        }
    }
    let sign = if r.negative == Some(true) { "-" } else { "" };
    if !r.number.bytes().any(|b| b.is_ascii_digit()) {
        let shown = if sign.is_empty() { " " } else { sign };
        return Err(DbError::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type numeric: \"{shown}{}\"", r.number),
        ));
    }
    let value: Numeric = format!("{sign}{}", r.number).parse()?;
    let scale = r.decimals.unwrap_or(0);
    let value = value.apply_typmod(numeric::make_typmod((t.pre + scale) as i32, scale as i32))?;
    if t.shift > 0 {
        return value.mul(&Numeric::from(10).power(&Numeric::from(-(t.shift as i64)))?).map(Some);
    }
    Ok(Some(value))
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("numeric_to_char", |n: &Numeric, f: &str| numeric_to_char(n, f)),
    scalar!("int4_to_char", |n: i32, f: &str| int_to_char(n.into(), f)),
    scalar!("int8_to_char", |n: i64, f: &str| int_to_char(n, f)),
    scalar!("float8_to_char", |v: f64, f: &str| float_to_char(v, f, 15)),
    scalar!("float4_to_char", |v: f32, f: &str| float_to_char(v.into(), f, 6)),
    scalar!("numeric_to_number", |s: &str, f: &str| to_number(s, f)),
]];
