//! From text to tokens, by PostgreSQL's lexical rules, on demand: the parser asks for one token at a time, so no token
//! list is held, and a token is only a kind and a byte range. Values of strings are decoded when the parser takes them.
//!
//! A lexical error is a token too ([`T::Error`]); it is raised only if the parser gets that far, so that of two faults
//! the first in the text is reported.

use crate::keywords::{self, Kw, NONE};
use rustydb_base::{DbError, SqlState};

/// Kind of token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum T {
    /// End of text.
    Eof,
    /// The text breaks a lexical rule here; see [`Lexer::error`].
    Error,
    /// Unquoted identifier or keyword.
    Word,
    /// `"x"`.
    Quoted,
    /// `U&"x"`.
    UQuoted,
    /// `'x'`.
    Str,
    /// `E'x'`.
    EStr,
    /// `U&'x'`.
    UStr,
    /// `$$x$$`.
    Dollar,
    /// `B'x'`.
    Bits,
    /// `X'x'`.
    Hex,
    /// Digits.
    Int,
    /// Any other number.
    Num,
    /// `$1`.
    Param,
    /// An operator that is not one of the kinds below.
    Op,
    /// One character that stands for itself; it is in [`Token::kw`].
    Ch,
    /// `::`
    Cast,
    /// `..`
    DotDot,
    /// `:=`
    ColonEq,
    /// `=>`
    Arrow,
    /// `<=`
    Le,
    /// `>=`
    Ge,
    /// `<>` and `!=`
    Ne,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    /// Kind.
    pub kind: T,
    /// Keyword number of a word; the character of [`T::Ch`].
    pub kw: Kw,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

/// The lexer: a place in the text.
pub(crate) struct Lexer<'a> {
    sql: &'a str,
    pos: usize,
    /// Whether a backslash in `'…'` is an ordinary character.
    standard_strings: bool,
    /// The error of the last [`T::Error`] token.
    pub error: Option<LexError>,
}

/// A lexical error.
#[derive(Clone, Debug)]
pub(crate) struct LexError {
    /// Message without its "at or near".
    pub message: &'static str,
    /// Byte range of the text to quote.
    pub start: usize,
    /// See `start`.
    pub end: usize,
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b)
}
fn is_ident_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}
fn is_ident_part(b: u8) -> bool {
    is_ident_start(b) || b.is_ascii_digit() || b == b'$'
}
fn is_op(b: u8) -> bool {
    matches!(
        b,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}
fn is_self(b: u8) -> bool {
    matches!(
        b,
        b',' | b'('
            | b')'
            | b'['
            | b']'
            | b'.'
            | b';'
            | b':'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'^'
            | b'<'
            | b'>'
            | b'='
    )
}

impl<'a> Lexer<'a> {
    pub fn new(sql: &'a str, standard_strings: bool) -> Lexer<'a> {
        Lexer { sql, pos: 0, standard_strings, error: None }
    }
    /// Goes (back) to a byte offset where a token begins or ends.
    pub fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }
    fn at(&self, i: usize) -> u8 {
        self.sql.as_bytes().get(i).copied().unwrap_or(0)
    }
    fn fail(&mut self, message: &'static str, start: usize, end: usize) -> Token {
        self.error = Some(LexError { message, start, end });
        self.pos = end;
        self.token(T::Error, start)
    }
    /// A token from `start` to the present place. The text is shorter than 4 GiB (checked by the parser's entry point).
    fn token(&self, kind: T, start: usize) -> Token {
        Token { kind, kw: NONE, start: start as u32, end: self.pos as u32 }
    }

    /// Skips white space and comments; an unterminated comment is the error.
    fn skip_space(&mut self) -> Result<(), Token> {
        loop {
            let b = self.at(self.pos);
            if is_space(b) {
                self.pos += 1;
            } else if b == b'-' && self.at(self.pos + 1) == b'-' {
                self.pos = self.line_end(self.pos);
            } else if b == b'/' && self.at(self.pos + 1) == b'*' {
                let start = self.pos;
                let bytes = self.sql.as_bytes();
                let mut depth = 1usize;
                let mut i = start + 2;
                while depth > 0 {
                    match (bytes.get(i), bytes.get(i + 1)) {
                        (None, _) => return Err(self.fail("unterminated /* comment", start, self.sql.len())),
                        (Some(b'/'), Some(b'*')) => (depth, i) = (depth + 1, i + 2),
                        (Some(b'*'), Some(b'/')) => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                }
                self.pos = i;
            } else {
                return Ok(());
            }
        }
    }
    fn line_end(&self, from: usize) -> usize {
        self.sql.as_bytes()[from..].iter().position(|b| matches!(b, b'\n' | b'\r')).map_or(self.sql.len(), |i| from + i)
    }

    /// The next token.
    pub fn next(&mut self) -> Token {
        if let Err(t) = self.skip_space() {
            return t;
        }
        let start = self.pos;
        if start >= self.sql.len() {
            return self.token(T::Eof, start);
        }
        let (b, b1) = (self.at(start), self.at(start + 1));
        match b {
            b'\'' => self.string(if self.standard_strings { T::Str } else { T::EStr }, start, start + 1),
            b'"' => self.quoted(T::Quoted, start, start + 1),
            b'$' => self.dollar(start),
            b'e' | b'E' if b1 == b'\'' => self.string(T::EStr, start, start + 2),
            b'b' | b'B' if b1 == b'\'' => self.string(T::Bits, start, start + 2),
            b'x' | b'X' if b1 == b'\'' => self.string(T::Hex, start, start + 2),
            b'n' | b'N' if b1 == b'\'' => {
                // N'x' is the keyword NCHAR before the string 'x'.
                self.pos = start + 1;
                Token { kw: keywords::kw::NCHAR, ..self.token(T::Word, start) }
            }
            b'u' | b'U' if b1 == b'&' && self.at(start + 2) == b'\'' => self.string(T::UStr, start, start + 3),
            b'u' | b'U' if b1 == b'&' && self.at(start + 2) == b'"' => self.quoted(T::UQuoted, start, start + 3),
            _ if is_ident_start(b) => self.word(start),
            _ if b.is_ascii_digit() || (b == b'.' && b1.is_ascii_digit()) => self.number(start),
            b':' if b1 == b':' => self.fixed(T::Cast, start, 2),
            b':' if b1 == b'=' => self.fixed(T::ColonEq, start, 2),
            b'.' if b1 == b'.' => self.fixed(T::DotDot, start, 2),
            _ if is_op(b) => self.operator(start),
            _ if is_self(b) => self.character(start),
            // Any other byte is a token of itself that no rule accepts.
            _ => self.character(start),
        }
    }

    fn fixed(&mut self, kind: T, start: usize, len: usize) -> Token {
        self.pos = start + len;
        self.token(kind, start)
    }
    fn character(&mut self, start: usize) -> Token {
        self.pos = start + 1;
        Token { kw: Kw::from(self.at(start)), ..self.token(T::Ch, start) }
    }
    fn word(&mut self, start: usize) -> Token {
        let bytes = self.sql.as_bytes();
        let mut end = start + 1;
        while bytes.get(end).is_some_and(|b| is_ident_part(*b)) {
            end += 1;
        }
        self.pos = end;
        // The longest keyword has 17 letters.
        let mut low = [0u8; 20];
        let word = &bytes[start..end];
        let kw = low.get_mut(..word.len()).and_then(|low| {
            low.copy_from_slice(word);
            low.make_ascii_lowercase();
            keywords::lookup(std::str::from_utf8(low).ok()?)
        });
        Token { kw: kw.unwrap_or(NONE), ..self.token(T::Word, start) }
    }

    fn digits(&self, mut i: usize) -> usize {
        while self.at(i).is_ascii_digit() {
            i += 1;
        }
        i
    }
    fn number(&mut self, start: usize) -> Token {
        let mut kind = T::Int;
        let mut i = self.digits(start);
        if self.at(i) == b'.' && self.at(i + 1) != b'.' {
            kind = T::Num;
            i = self.digits(i + 1);
        }
        if matches!(self.at(i), b'e' | b'E') {
            let sign = usize::from(matches!(self.at(i + 1), b'+' | b'-'));
            if self.at(i + 1 + sign).is_ascii_digit() {
                kind = T::Num;
                i = self.digits(i + 1 + sign);
            } else if sign == 1 {
                return self.fail("trailing junk after numeric literal", start, i + 2);
            }
        }
        self.pos = i;
        self.number_end(kind, start)
    }
    fn number_end(&mut self, kind: T, start: usize) -> Token {
        if is_ident_start(self.at(self.pos)) {
            let end = self.word_end(self.pos);
            return self.fail("trailing junk after numeric literal", start, end);
        }
        self.token(kind, start)
    }
    /// End of the word at `i`.
    fn word_end(&self, mut i: usize) -> usize {
        while is_ident_part(self.at(i)) {
            i += 1;
        }
        i
    }
    fn char_end(&self, i: usize) -> usize {
        i + self.sql.get(i..).and_then(|s| s.chars().next()).map_or(1, char::len_utf8)
    }

    fn dollar(&mut self, start: usize) -> Token {
        let bytes = self.sql.as_bytes();
        let mut i = start + 1;
        if self.at(i).is_ascii_digit() {
            while self.at(i).is_ascii_digit() {
                i += 1;
            }
            if is_ident_start(self.at(i)) {
                let end = self.word_end(i);
                return self.fail("trailing junk after parameter", start, end);
            }
            self.pos = i;
            return self.token(T::Param, start);
        }
        if is_ident_start(self.at(i)) {
            while is_ident_part(self.at(i)) && self.at(i) != b'$' {
                i += 1;
            }
        }
        if self.at(i) != b'$' {
            return self.character(start);
        }
        let tag = &bytes[start..=i];
        let Some(found) = self.sql.get(i + 1..).and_then(|rest| {
            let tag = std::str::from_utf8(tag).ok()?;
            rest.find(tag)
        }) else {
            return self.fail("unterminated dollar-quoted string", start, self.sql.len());
        };
        self.pos = i + 1 + found + tag.len();
        self.token(T::Dollar, start)
    }

    /// A quoted string whose body begins at `body`, with the segments that continue it on later lines.
    fn string(&mut self, kind: T, start: usize, body: usize) -> Token {
        let mut i = body;
        loop {
            let Some(end) = self.segment_end(kind, i) else {
                let what = match kind {
                    T::Bits => "unterminated bit string literal",
                    T::Hex => "unterminated hexadecimal string literal",
                    _ => "unterminated quoted string",
                };
                return self.fail(what, start, self.sql.len());
            };
            self.pos = end;
            match self.continuation(end) {
                Some(next) => i = next,
                None => return self.token(kind, start),
            }
        }
    }
    /// Byte after the quote that ends a segment.
    fn segment_end(&self, kind: T, mut i: usize) -> Option<usize> {
        loop {
            let stop =
                if kind == T::EStr { self.sql.get(i..)?.find(['\'', '\\'])? } else { self.sql.get(i..)?.find('\'')? };
            i += stop;
            if self.at(i) == b'\\' {
                i = self.char_end(i + 1);
            } else if self.at(i + 1) == b'\'' {
                i += 2;
            } else {
                return Some(i + 1);
            }
        }
    }
    /// If only white space with a newline (and line comments) stands between `from` and a quote: the byte after it.
    fn continuation(&self, from: usize) -> Option<usize> {
        let mut i = from;
        let mut newline = false;
        loop {
            let b = self.at(i);
            if i < self.sql.len() && is_space(b) {
                newline |= matches!(b, b'\n' | b'\r');
                i += 1;
            } else if b == b'-' && self.at(i + 1) == b'-' {
                i = self.line_end(i);
            } else {
                return (newline && b == b'\'').then_some(i + 1);
            }
        }
    }
    fn quoted(&mut self, kind: T, start: usize, body: usize) -> Token {
        let mut i = body;
        loop {
            let Some(found) = self.sql.get(i..).and_then(|s| s.find('"')) else {
                return self.fail("unterminated quoted identifier", start, self.sql.len());
            };
            i += found + 1;
            if self.at(i) == b'"' {
                i += 1;
                continue;
            }
            if i == body + 1 {
                return self.fail("zero-length delimited identifier", start, i);
            }
            self.pos = i;
            return self.token(kind, start);
        }
    }

    fn operator(&mut self, start: usize) -> Token {
        let bytes = self.sql.as_bytes();
        let mut end = start;
        while bytes.get(end).is_some_and(|b| is_op(*b)) {
            // A comment ends an operator.
            if end > start && matches!((self.at(end), self.at(end + 1)), (b'-', b'-') | (b'/', b'*')) {
                break;
            }
            end += 1;
        }
        // An operator may end in + or - only if it also has a character that SQL's own operators lack; so `1=-1` works.
        if matches!(self.at(end - 1), b'+' | b'-')
            && !bytes[start..end]
                .iter()
                .any(|b| matches!(b, b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%'))
        {
            while end > start + 1 && matches!(self.at(end - 1), b'+' | b'-') {
                end -= 1;
            }
        }
        self.pos = end;
        let kind = match &bytes[start..end] {
            [b] if is_self(*b) => return self.character(start),
            b"=>" => T::Arrow,
            b"<=" => T::Le,
            b">=" => T::Ge,
            b"<>" | b"!=" => T::Ne,
            op if op.len() >= 64 => return self.fail("operator too long", start, end),
            _ => T::Op,
        };
        self.token(kind, start)
    }
}

/// Decodes the body of a string token. `text` is the whole token.
///
/// Errors carry byte offsets relative to `text` as their second part.
pub(crate) fn string_value(kind: T, text: &str) -> Result<String, (DbError, usize)> {
    match kind {
        T::Dollar => {
            let tag = text[1..].find('$').map_or(0, |i| i + 2);
            Ok(text.get(tag..text.len().saturating_sub(tag)).unwrap_or_default().to_owned())
        }
        T::Str => Ok(segments(text, 1).0),
        T::Bits | T::Hex => {
            let body = segments(text, 2).0;
            let (ok, what): (fn(char) -> bool, _) = match kind {
                T::Bits => (|c| matches!(c, '0' | '1'), "binary"),
                _ => (|c| c.is_ascii_hexdigit(), "hexadecimal"),
            };
            match body.chars().find(|c| !ok(*c)) {
                None => Ok(body),
                Some(c) => {
                    let message = format!("\"{c}\" is not a valid {what} digit");
                    Err((DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, message), 0))
                }
            }
        }
        T::EStr => escapes(text, if text.starts_with('\'') { 1 } else { 2 }),
        _ => Ok(segments(text, 3).0),
    }
}

/// Joins the segments of a string without escapes; also says how many there were.
fn segments(text: &str, prefix: usize) -> (String, usize) {
    let body = text.get(prefix..text.len().saturating_sub(1)).unwrap_or_default();
    if !body.contains('\'') {
        return (body.to_owned(), 1);
    }
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    let mut count = 1;
    while let Some(q) = rest.find('\'') {
        out.push_str(&rest[..q]);
        rest = &rest[q + 1..];
        if let Some(r) = rest.strip_prefix('\'') {
            out.push('\'');
            rest = r;
        } else {
            // The gap to the next segment ends with that segment's quote; comments in it may contain quotes.
            rest = after_gap(rest);
            count += 1;
        }
    }
    out.push_str(rest);
    (out, count)
}

/// What follows the opening quote of the next segment.
fn after_gap(gap: &str) -> &str {
    let mut rest = gap.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
    while rest.starts_with("--") {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        rest = rest[end..].trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
    }
    rest.strip_prefix('\'').unwrap_or(rest)
}

/// Decodes backslash escapes.
fn escapes(text: &str, prefix: usize) -> Result<String, (DbError, usize)> {
    let end = text.len().saturating_sub(1);
    let bytes = text.as_bytes();
    let at = |i: usize| if i < end { bytes[i] } else { 0 };
    let mut out: Vec<u8> = Vec::with_capacity(end.saturating_sub(prefix));
    let mut high: Option<(u32, usize)> = None;
    let mut i = prefix;
    let mut raw_bytes = false;
    while i < end {
        let b = bytes[i];
        if b != b'\\' {
            if let Some((_, p)) = high {
                return Err((DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair"), p));
            }
            if b == b'\'' {
                if at(i + 1) == b'\'' {
                    out.push(b'\'');
                    i += 2;
                } else {
                    let rest = after_gap(&text[i + 1..end]);
                    i = end - rest.len();
                }
            } else {
                out.push(b);
                i += 1;
            }
            continue;
        }
        let e = at(i + 1);
        if high.is_some() && !matches!(e, b'u' | b'U') {
            return Err((DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair"), i));
        }
        match e {
            b'u' | b'U' => {
                let n = if e == b'u' { 4 } else { 8 };
                let digits = text
                    .get(i + 2..(i + 2 + n).min(end))
                    .filter(|d| d.len() == n && d.bytes().all(|b| b.is_ascii_hexdigit()));
                let Some(code) = digits.and_then(|d| u32::from_str_radix(d, 16).ok()) else {
                    let e = DbError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid Unicode escape")
                        .hint("Unicode escapes must be \\uXXXX or \\UXXXXXXXX.");
                    return Err((e, i));
                };
                push_code(&mut out, &mut high, code, i)?;
                i += 2 + n;
            }
            b'x' if at(i + 2).is_ascii_hexdigit() => {
                let n = if at(i + 3).is_ascii_hexdigit() { 2 } else { 1 };
                out.push(u8::from_str_radix(&text[i + 2..i + 2 + n], 16).unwrap_or(0));
                raw_bytes = true;
                i += 2 + n;
            }
            b'0'..=b'7' => {
                let mut v = 0u32;
                let mut n = 0;
                while n < 3 && (b'0'..=b'7').contains(&at(i + 1 + n)) {
                    v = v * 8 + u32::from(at(i + 1 + n) - b'0');
                    n += 1;
                }
                out.push(v as u8);
                raw_bytes = true;
                i += 1 + n;
            }
            _ => {
                out.push(match e {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    other => other,
                });
                i += 2;
            }
        }
    }
    if let Some((_, p)) = high {
        return Err((DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair"), p));
    }
    let bad = |b: &[u8]| {
        let hex: Vec<String> = b.iter().map(|b| format!("0x{b:02x}")).collect();
        let message = format!("invalid byte sequence for encoding \"UTF8\": {}", hex.join(" "));
        DbError::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message)
    };
    if raw_bytes && out.contains(&0) {
        return Err((bad(&[0]), usize::MAX));
    }
    String::from_utf8(out).map_err(|e| {
        let from = e.utf8_error().valid_up_to();
        let bytes = e.as_bytes();
        let len = match bytes[from] {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            _ => 1,
        };
        (bad(&bytes[from..(from + len).min(bytes.len())]), usize::MAX)
    })
}

/// Appends a code point, joining surrogate pairs.
fn push_code(out: &mut Vec<u8>, high: &mut Option<(u32, usize)>, code: u32, at: usize) -> Result<(), (DbError, usize)> {
    let pair = || (DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair"), at);
    let code = match (high.take(), code) {
        (None, 0xD800..=0xDBFF) => {
            *high = Some((code, at));
            return Ok(());
        }
        (Some((h, _)), 0xDC00..=0xDFFF) => 0x10000 + ((h - 0xD800) << 10) + (code - 0xDC00),
        (Some(_), _) | (None, 0xDC00..=0xDFFF) => return Err(pair()),
        (None, c) => c,
    };
    match char::from_u32(code) {
        Some(c) if code != 0 => {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(())
        }
        _ => Err((DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode escape value"), at)),
    }
}

/// Decodes `U&` escapes in the body of a string or identifier.
pub(crate) fn unicode_escapes(body: &str, escape: char) -> Result<String, (DbError, usize)> {
    let mut out = Vec::with_capacity(body.len());
    let mut high = None;
    let mut i = 0;
    while let Some(c) = body[i..].chars().next() {
        let next = i + c.len_utf8();
        if c != escape {
            if let Some((_, p)) = high {
                return Err((DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair"), p));
            }
            out.extend_from_slice(&body.as_bytes()[i..next]);
            i = next;
            continue;
        }
        if body[next..].starts_with(escape) {
            if let Some((_, p)) = high {
                return Err((DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair"), p));
            }
            out.extend_from_slice(&body.as_bytes()[i..next]);
            i = next + escape.len_utf8();
            continue;
        }
        let (from, n) = if body[next..].starts_with('+') { (next + 1, 6) } else { (next, 4) };
        let digits = body.get(from..from + n).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|d| u32::from_str_radix(d, 16).ok()) else {
            let e = DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode escape")
                .hint("Unicode escapes must be \\XXXX or \\+XXXXXX.");
            return Err((e, i));
        };
        push_code(&mut out, &mut high, code, i)?;
        i = from + n;
    }
    if let Some((_, p)) = high {
        return Err((DbError::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair"), p));
    }
    String::from_utf8(out).map_err(|_| (DbError::internal("decoded text is not UTF-8"), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(sql: &str) -> Vec<(T, &str)> {
        let mut l = Lexer::new(sql, true);
        let mut out = vec![];
        loop {
            let t = l.next();
            if t.kind == T::Eof {
                return out;
            }
            out.push((t.kind, &sql[t.start as usize..t.end as usize]));
            if t.kind == T::Error {
                return out;
            }
        }
    }

    #[test]
    fn operators_end_where_postgres_ends_them() {
        assert_eq!(kinds("1=-1"), [(T::Int, "1"), (T::Ch, "="), (T::Ch, "-"), (T::Int, "1")]);
        assert_eq!(kinds("@-5"), [(T::Op, "@-"), (T::Int, "5")]);
        assert_eq!(kinds("a<->b"), [(T::Word, "a"), (T::Op, "<->"), (T::Word, "b")]);
        assert_eq!(kinds("a<--b\n"), [(T::Word, "a"), (T::Ch, "<")]);
        assert_eq!(kinds("2*/*c*/3"), [(T::Int, "2"), (T::Ch, "*"), (T::Int, "3")]);
    }

    #[test]
    fn numbers() {
        assert_eq!(kinds("1..2"), [(T::Int, "1"), (T::DotDot, ".."), (T::Int, "2")]);
        assert_eq!(kinds("1.5e-3 .5 1."), [(T::Num, "1.5e-3"), (T::Num, ".5"), (T::Num, "1.")]);
        assert_eq!(kinds("123abc"), [(T::Error, "123abc")]);
    }

    #[test]
    fn strings() {
        assert_eq!(kinds("'a' 'b'"), [(T::Str, "'a'"), (T::Str, "'b'")]);
        assert_eq!(kinds("'a' -- it's\n 'b'"), [(T::Str, "'a' -- it's\n 'b'")]);
        assert_eq!(string_value(T::Str, "'a''x' -- it's\n 'b'").unwrap(), "a'xb");
        assert_eq!(string_value(T::EStr, "E'a\\n\\x41\\u00e9\\'\\\\'").unwrap(), "a\nAé'\\");
        assert_eq!(string_value(T::EStr, r"E'\ud83d\ude00'").unwrap(), "😀");
        assert!(string_value(T::EStr, r"E'\ud83dx'").is_err());
        assert!(string_value(T::EStr, r"E'\xff'").is_err());
        assert!(string_value(T::EStr, r"E'\0'").is_err());
        assert_eq!(string_value(T::Dollar, "$a$x$$y$a$").unwrap(), "x$$y");
        assert_eq!(unicode_escapes(r"d\0061t\+000061\\", '\\').unwrap(), r"data\");
        assert_eq!(kinds("'abc"), [(T::Error, "'abc")]);
        assert_eq!(kinds("/* /* */"), [(T::Error, "/* /* */")]);
        assert_eq!(kinds("$x"), [(T::Ch, "$"), (T::Word, "x")]);
    }
}
