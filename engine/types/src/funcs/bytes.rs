//! bytea: comparison, cutting, bits, encodings and digests.

use super::args::{comparisons, scalar};
use super::int::{byte_difference, out_of_range};
use super::text::{negative_length, substring_range};
use crate::kernel::Kernel;
use md5::{Digest, Md5};
use ring::digest;
use rustydb_base::{DbError, Result, SqlState};

fn parameter(message: impl Into<std::borrow::Cow<'static, str>>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// Lower-case hexadecimal digits of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut high: Option<u8> = None;
    for c in text.chars() {
        if matches!(c, ' ' | '\n' | '\t' | '\r') && high.is_none() {
            continue;
        }
        let digit = c.to_digit(16).ok_or_else(|| parameter(format!("invalid hexadecimal digit: \"{c}\"")))? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(h) => out.push(h << 4 | digit),
        }
    }
    if high.is_some() {
        return Err(parameter("invalid hexadecimal data: odd number of digits"));
    }
    Ok(out)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 in lines of 76 characters, as MIME wants it.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 57 + 4);
    let mut column = 0;
    for chunk in bytes.chunks(3) {
        if column == 76 {
            out.push('\n');
            column = 0;
        }
        let group = chunk.iter().fold(0u32, |g, b| g << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let c = if i <= chunk.len() { BASE64[(group >> (18 - 6 * i)) as usize & 63] } else { b'=' };
            out.push(char::from(c));
        }
        column += 4;
    }
    if column == 76 {
        out.push('\n');
    }
    out
}

fn unbase64(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut count, mut padding) = (0u32, 0, 0);
    for c in text.chars() {
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let bits = if c == '=' {
            if padding == 0 {
                if count < 2 {
                    return Err(parameter("unexpected \"=\" while decoding base64 sequence"));
                }
                padding = if count == 2 { 1 } else { 2 };
            }
            0
        } else {
            let found = BASE64.iter().position(|&b| char::from(b) == c).filter(|_| padding == 0);
            found.ok_or_else(|| parameter(format!("invalid symbol \"{c}\" found while decoding base64 sequence")))?
                as u32
        };
        group = group << 6 | bits;
        count += 1;
        if count == 4 {
            let bytes = group.to_be_bytes();
            let take = match padding {
                0 => 3,
                1 => 1,
                _ => 2,
            };
            out.extend_from_slice(&bytes[1..1 + take]);
            (group, count) = (0, 0);
        }
    }
    if count != 0 {
        return Err(parameter("invalid base64 end sequence")
            .hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
    }
    Ok(out)
}

/// The "escape" format: zero and high bytes in octal, backslashes doubled.
fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &b in bytes {
        match b {
            0 | 0x80.. => out.push_str(&format!("\\{b:03o}")),
            b'\\' => out.push_str("\\\\"),
            _ => out.push(char::from(b)),
        }
    }
    out
}

fn unescape(text: &str) -> Result<Vec<u8>> {
    let invalid = || DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea");
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        if b != b'\\' {
            out.push(b);
            continue;
        }
        match *rest {
            [b'\\', ..] => {
                out.push(b'\\');
                rest = &rest[1..];
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = &rest[3..];
            }
            _ => return Err(invalid()),
        }
    }
    Ok(out)
}

fn unknown_encoding(name: &str) -> DbError {
    parameter(format!("unrecognized encoding: \"{name}\""))
}

fn encode(bytes: &[u8], format: &str) -> Result<String> {
    let len = match format.to_ascii_lowercase().as_str() {
        "hex" => bytes.len().saturating_mul(2),
        "base64" => bytes.len().div_ceil(3).saturating_mul(4),
        "escape" => bytes.iter().map(|b| if matches!(b, 0 | 128..) { 4 } else { 1 }).sum(),
        _ => 0,
    };
    if len > super::text::MAX_VALUE {
        return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "result of encoding conversion is too large"));
    }
    match format.to_ascii_lowercase().as_str() {
        "hex" => Ok(hex(bytes)),
        "base64" => Ok(base64(bytes)),
        "escape" => Ok(escape(bytes)),
        _ => Err(unknown_encoding(format)),
    }
}

fn decode(text: &str, format: &str) -> Result<Vec<u8>> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => unhex(text),
        "base64" => unbase64(text),
        "escape" => unescape(text),
        _ => Err(unknown_encoding(format)),
    }
}

/// `md5()`'s answer: hexadecimal digits.
fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

fn digest(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, bytes).as_ref().to_vec()
}

fn substring(bytes: &[u8], start: i32, len: Option<i32>) -> Result<&[u8]> {
    Ok(substring_range(start, len)?.map_or(&[], |(from, to)| {
        let from = from.min(bytes.len());
        &bytes[from..to.min(bytes.len()).max(from)]
    }))
}

fn overlay(bytes: &[u8], with: &[u8], start: i32, len: i32) -> Result<Vec<u8>> {
    if start <= 0 {
        return Err(negative_length());
    }
    let after = start.checked_add(len).ok_or_else(|| out_of_range("integer"))?;
    Ok([substring(bytes, 1, Some(start - 1))?, with, substring(bytes, after, None)?].concat())
}

fn position(haystack: &[u8], needle: &[u8]) -> i32 {
    if needle.is_empty() {
        return 1;
    }
    haystack.windows(needle.len()).position(|w| w == needle).map_or(0, |at| at as i32 + 1)
}

fn trim<'a>(mut bytes: &'a [u8], set: &[u8], left: bool, right: bool) -> &'a [u8] {
    while left && bytes.first().is_some_and(|b| set.contains(b)) {
        bytes = &bytes[1..];
    }
    while right && bytes.last().is_some_and(|b| set.contains(b)) {
        bytes = &bytes[..bytes.len() - 1];
    }
    bytes
}

/// Checks an index; the error names the range as PostgreSQL does.
fn index(i: i64, len: usize) -> Result<usize> {
    usize::try_from(i).ok().filter(|&i| i < len).ok_or_else(|| {
        DbError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, format!("index {i} out of valid range, 0..{}", len as i64 - 1))
    })
}

fn set_byte(bytes: &[u8], i: i32, value: i32) -> Result<Vec<u8>> {
    let at = index(i.into(), bytes.len())?;
    let mut out = bytes.to_vec();
    out[at] = value as u8;
    Ok(out)
}

fn set_bit(bytes: &[u8], i: i64, value: i32) -> Result<Vec<u8>> {
    let at = index(i, bytes.len() * 8)?;
    if !(0..=1).contains(&value) {
        return Err(parameter("new bit must be 0 or 1"));
    }
    let mut out = bytes.to_vec();
    let mask = 1 << (at % 8);
    if value == 1 {
        out[at / 8] |= mask;
    } else {
        out[at / 8] &= !mask;
    }
    Ok(out)
}

/// The encodings that text can be converted from and to.
enum Encoding {
    /// Only checked.
    Utf8,
    /// One byte per character, the first 256 of Unicode.
    Latin1,
    /// One whose tables are not here: only ASCII, which it has in common with the others.
    Ascii(String),
}

/// 0A000 for text that needs an encoding's tables.
fn no_tables(name: &str) -> DbError {
    DbError::unsupported(format!("conversion between {name} and UTF8 is not supported"))
}

fn encoding(name: &str, role: &str) -> Result<Encoding> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "utf8" | "unicode" => Ok(Encoding::Utf8),
        "latin1" | "iso88591" => Ok(Encoding::Latin1),
        _ if super::info::encoding_number(name) >= 0 => Ok(Encoding::Ascii(name.to_owned())),
        _ => Err(parameter(format!("invalid {role}encoding name \"{name}\""))),
    }
}

/// 22021 naming the first bytes that are no UTF-8.
pub(crate) fn invalid_utf8(bytes: &[u8]) -> DbError {
    let at = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), |s| s.find('\0').unwrap_or(0));
    let len = match bytes.get(at) {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    let shown: Vec<String> = bytes.iter().skip(at).take(len).map(|b| format!("0x{b:02x}")).collect();
    DbError::new(
        SqlState::CHARACTER_NOT_IN_REPERTOIRE,
        format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")),
    )
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).ok().filter(|s| !s.contains('\0')).ok_or_else(|| invalid_utf8(bytes))
}

fn convert_from(bytes: &[u8], name: &str, role: &str) -> Result<String> {
    match encoding(name, role)? {
        Encoding::Utf8 => utf8(bytes).map(str::to_owned),
        Encoding::Latin1 if bytes.contains(&0) => Err(DbError::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            "invalid byte sequence for encoding \"LATIN1\": 0x00",
        )),
        Encoding::Latin1 => Ok(bytes.iter().map(|&b| char::from(b)).collect()),
        Encoding::Ascii(name) => match utf8(bytes) {
            Ok(s) if s.is_ascii() => Ok(s.to_owned()),
            _ => Err(no_tables(&name)),
        },
    }
}

fn convert_to(text: &str, name: &str) -> Result<Vec<u8>> {
    match encoding(name, "destination ")? {
        Encoding::Utf8 => Ok(text.as_bytes().to_vec()),
        Encoding::Ascii(_) if text.is_ascii() => Ok(text.as_bytes().to_vec()),
        Encoding::Ascii(name) => Err(no_tables(&name)),
        Encoding::Latin1 => text
            .chars()
            .map(|c| {
                u8::try_from(u32::from(c)).map_err(|_| {
                    let mut buffer = [0; 4];
                    let shown: Vec<String> =
                        c.encode_utf8(&mut buffer).bytes().map(|b| format!("0x{b:02x}")).collect();
                    DbError::new(
                        SqlState::UNTRANSLATABLE_CHARACTER,
                        format!(
                            "character with byte sequence {} in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
                            shown.join(" ")
                        ),
                    )
                })
            })
            .collect(),
    }
}

/// Only text of single-byte encodings could become ASCII.
/// Characters of bytes in an encoding: where each is one byte, any but zero will do.
fn length_in(bytes: &[u8], name: &str) -> Result<i32> {
    match super::info::encoding_with_width(name) {
        Some((shown, 1)) if bytes.contains(&0) => Err(DbError::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!("invalid byte sequence for encoding \"{shown}\": 0x00"),
        )),
        Some((_, 1)) => Ok(bytes.len() as i32),
        _ => convert_from(bytes, name, "").map(|s| s.chars().count() as i32),
    }
}

fn to_ascii(text: &str, encoding: &str) -> Result<String> {
    match super::info::encoding_number(encoding) {
        ..0 => Err(DbError::new(SqlState::UNDEFINED_OBJECT, format!("{encoding} is not a valid encoding name"))),
        number if text.is_ascii() && to_ascii_knows(number) => Ok(text.to_owned()),
        _ => Err(DbError::unsupported(format!(
            "encoding conversion from {} to ASCII not supported",
            encoding.to_ascii_uppercase()
        ))),
    }
}

/// Whether letters of an encoding have counterparts in ASCII: LATIN1, LATIN2, LATIN9 and WIN1250.
fn to_ascii_knows(number: i32) -> bool {
    matches!(super::info::encoding_name(number), Some("LATIN1" | "LATIN2" | "LATIN9" | "WIN1250"))
}

/// `to_ascii` with an encoding's number.
fn to_ascii_by_number(text: &str, encoding: i32) -> Result<String> {
    match super::info::encoding_name(encoding) {
        Some(name) => to_ascii(text, name),
        None => Err(DbError::new(SqlState::UNDEFINED_OBJECT, format!("{encoding} is not a valid encoding code"))),
    }
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!("byteaeq", "byteane", "bytealt", "byteale", "byteagt", "byteage", |a: &[u8], b: &[u8]| a.cmp(b)),
    &[
        scalar!("byteacmp", |a: &[u8], b: &[u8]| byte_difference(a, b)),
        scalar!("byteacat", |a: &[u8], b: &[u8]| [a, b].concat()),
        scalar!("byteaoctetlen", |a: &[u8]| a.len() as i32),
        scalar!("bit_length(bytea)", |a: &[u8]| i32::try_from(a.len() * 8).map_err(|_| out_of_range("integer"))),
        scalar!("bytea_substr", |a: &[u8], s: i32, n: i32| substring(a, s, Some(n)).map(<[u8]>::to_vec)),
        scalar!("bytea_substr_no_len", |a: &[u8], s: i32| substring(a, s, None).map(<[u8]>::to_vec)),
        scalar!("byteaoverlay", |a: &[u8], w: &[u8], s: i32, n: i32| overlay(a, w, s, n)),
        scalar!("byteaoverlay_no_len", |a: &[u8], w: &[u8], s: i32| overlay(a, w, s, w.len() as i32)),
        scalar!("byteapos", |a: &[u8], b: &[u8]| position(a, b)),
        scalar!("byteatrim", |a: &[u8], set: &[u8]| trim(a, set, true, true).to_vec()),
        scalar!("bytealtrim", |a: &[u8], set: &[u8]| trim(a, set, true, false).to_vec()),
        scalar!("byteartrim", |a: &[u8], set: &[u8]| trim(a, set, false, true).to_vec()),
        scalar!("byteaGetByte", |a: &[u8], i: i32| index(i.into(), a.len()).map(|i| i32::from(a[i]))),
        scalar!("byteaGetBit", |a: &[u8], i: i64| index(i, a.len() * 8).map(|i| i32::from(a[i / 8] >> (i % 8) & 1))),
        scalar!("byteaSetByte", |a: &[u8], i: i32, v: i32| set_byte(a, i, v)),
        scalar!("byteaSetBit", |a: &[u8], i: i64, v: i32| set_bit(a, i, v)),
        scalar!("bytea_bit_count", |a: &[u8]| a.iter().map(|b| i64::from(b.count_ones())).sum::<i64>()),
        scalar!("binary_encode", |a: &[u8], f: &str| encode(a, f)),
        scalar!("binary_decode", |a: &str, f: &str| decode(a, f)),
        scalar!("md5_text", |a: &str| md5(a.as_bytes())),
        scalar!("md5_bytea", |a: &[u8]| md5(a)),
        scalar!("sha256_bytea", |a: &[u8]| digest(&digest::SHA256, a)),
        scalar!("sha384_bytea", |a: &[u8]| digest(&digest::SHA384, a)),
        scalar!("sha512_bytea", |a: &[u8]| digest(&digest::SHA512, a)),
        scalar!("sha224_bytea", |a: &[u8]| <sha2::Sha224 as sha2::Digest>::digest(a).to_vec()),
        scalar!("pg_convert", |a: &[u8], from: &str, to: &str| {
            encoding(from, "source ")?;
            encoding(to, "destination ")?;
            convert_to(&convert_from(a, from, "source ")?, to)
        }),
        scalar!("to_ascii_default", |a: &str| to_ascii(a, "UTF8")),
        scalar!("to_ascii_enc", |a: &str, e: i32| to_ascii_by_number(a, e)),
        scalar!("to_ascii_encname", |a: &str, e: &str| to_ascii(a, e)),
        scalar!("pg_convert_from", |a: &[u8], e: &str| convert_from(a, e, "source ")),
        scalar!("pg_convert_to", |a: &str, e: &str| convert_to(a, e)),
        scalar!("length_in_encoding", |a: &[u8], e: &str| length_in(a, e)),
    ],
];
