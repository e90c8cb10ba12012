//! Words of the path language.

use crate::numeric::Numeric;
use rustydb_base::{DbError, Result, SqlState};

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name without quotes; whether it had an escape (and so is no keyword).
    Word(String, bool),
    String(String),
    Variable(String),
    Number(Numeric),
    /// Digits only.
    Int(String),
    /// One or two characters of punctuation.
    Mark(&'static str),
    End,
}

/// A word and where it lies.
#[derive(Clone, Debug)]
pub(super) struct Lexed {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// 42601 at a place: `near` is the text to show, empty at the end.
pub(super) fn error_near(what: &str, near: &str) -> DbError {
    DbError::new(
        SqlState::SYNTAX_ERROR,
        if near.is_empty() {
            format!("{what} at end of jsonpath input")
        } else {
            format!("{what} at or near \"{near}\" of jsonpath input")
        },
    )
}

const MARKS: &[&str] = &[
    "&&", "||", "**", "<=", "==", "<>", "!=", ">=", "!", "<", ">", "?", "$", ".", "[", "]", "{", "}", "(", ")", "|",
    "&", "=", "@", "#", ",", "*", ":", "-", "+", "/", "%",
];

fn special(c: char) -> bool {
    "?%$.[]{}()|&!=<>@#,*:-+/".contains(c)
}

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

/// A character that may stand in a name without quotes.
fn other(c: char) -> bool {
    !special(c) && !blank(c) && c != '"' && c != '\\'
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// All words of a text, the end last.
pub(super) fn lex(text: &str) -> Result<Vec<Lexed>> {
    let mut l = Lexer { text, at: 0 };
    let mut out = Vec::new();
    loop {
        let t = l.next()?;
        let end = t.token == Token::End;
        out.push(t);
        if end {
            return Ok(out);
        }
    }
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Result<Lexed> {
        loop {
            let text = self.text;
            let trimmed = text[self.at..].trim_start_matches(blank);
            self.at = text.len() - trimmed.len();
            if !trimmed.starts_with("/*") {
                break;
            }
            match trimmed.find("*/") {
                Some(n) => self.at += n + 2,
                None => {
                    return Err(error_near("unexpected end of comment", ""));
                }
            }
        }
        let start = self.at;
        let token = self.token()?;
        Ok(Lexed { token, start, end: self.at })
    }

    fn token(&mut self) -> Result<Token> {
        let Some(c) = self.peek() else { return Ok(Token::End) };
        let second = self.rest().chars().nth(1);
        if c == '"' {
            self.at += 1;
            return self.quoted().map(Token::String);
        }
        if c == '$' {
            if second == Some('"') {
                self.at += 2;
                return self.quoted().map(Token::Variable);
            }
            if second.is_some_and(|c| other(c) || c == '\\') {
                self.at += 1;
                return self.word().map(|(w, _)| Token::Variable(w));
            }
        }
        if c.is_ascii_digit() || c == '.' && second.is_some_and(|c| c.is_ascii_digit()) {
            return self.number();
        }
        if let Some(m) = MARKS.iter().find(|m| self.rest().starts_with(**m)) {
            self.at += m.len();
            return Ok(Token::Mark(m));
        }
        self.word().map(|(w, escaped)| Token::Word(w, escaped))
    }

    fn number(&mut self) -> Result<Token> {
        let start = self.at;
        let b = self.text.as_bytes();
        let at = |i: usize| b.get(i).copied().unwrap_or(0);
        let digits = |mut i: usize| {
            while at(i).is_ascii_digit() {
                i += 1;
            }
            i
        };
        let mut int = true;
        let mut i = if at(start) == b'0' { start + 1 } else { digits(start) };
        if at(i) == b'.' {
            int = false;
            i = digits(i + 1);
        }
        if matches!(at(i), b'e' | b'E') {
            let from = i + 1 + usize::from(matches!(at(i + 1), b'+' | b'-'));
            let end = digits(from);
            if end > from {
                int = false;
                i = end;
            } else if from > i + 1 {
                return Err(error_near("invalid numeric literal", &self.text[start..from]));
            }
        }
        self.at = i;
        if let Some(c) = self.peek().filter(|c| other(*c)) {
            return Err(error_near("trailing junk after numeric literal", &self.text[start..i + c.len_utf8()]));
        }
        let text = &self.text[start..i];
        if int { Ok(Token::Int(text.to_owned())) } else { Ok(Token::Number(text.parse()?)) }
    }

    fn word(&mut self) -> Result<(String, bool)> {
        let mut out = String::new();
        let mut escaped = false;
        while let Some(c) = self.peek() {
            if c == '\\' {
                escaped = true;
                self.escape(&mut out)?;
            } else if other(c) {
                out.push(c);
                self.at += c.len_utf8();
            } else {
                break;
            }
        }
        Ok((out, escaped))
    }

    fn quoted(&mut self) -> Result<String> {
        let mut out = String::new();
        loop {
            match self.peek() {
                None => return Err(error_near("unexpected end of quoted string", "")),
                Some('"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some('\\') => self.escape(&mut out)?,
                Some(c) => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// An escape; the backslash is next.
    fn escape(&mut self, out: &mut String) -> Result<()> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else { return Err(error_near("unexpected end after backslash", "")) };
        self.at += c.len_utf8();
        match c {
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            'x' => {
                let code = self.hex(2, 2, start, "invalid hex character sequence")?;
                self.push_code(code, out)?;
            }
            'u' => {
                let mut code = self.unicode(start)?;
                if (0xd800..0xdc00).contains(&code) {
                    if !self.rest().starts_with("\\u") {
                        return Err(surrogate("Unicode low surrogate must follow a high surrogate."));
                    }
                    self.at += 2;
                    let low = self.unicode(start)?;
                    if (0xd800..0xdc00).contains(&low) {
                        return Err(surrogate("Unicode high surrogate must not follow a high surrogate."));
                    }
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(surrogate("Unicode low surrogate must follow a high surrogate."));
                    }
                    code = 0x1_0000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
                }
                self.push_code(code, out)?;
            }
            c => out.push(c),
        }
        Ok(())
    }

    /// Four digits, or one to six in braces.
    fn unicode(&mut self, start: usize) -> Result<u32> {
        if self.peek() != Some('{') {
            return self.hex(4, 4, start, "invalid unicode sequence");
        }
        self.at += 1;
        let code = self.hex(1, 6, start, "invalid unicode sequence")?;
        if self.peek() != Some('}') {
            return Err(error_near("invalid unicode sequence", &self.text[start..self.at]));
        }
        self.at += 1;
        Ok(code)
    }

    fn hex(&mut self, min: usize, max: usize, start: usize, what: &str) -> Result<u32> {
        let n = self.rest().bytes().take(max).take_while(u8::is_ascii_hexdigit).count();
        let digits = &self.rest()[..n];
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| n >= min);
        self.at += n;
        code.ok_or_else(|| error_near(what, &self.text[start..self.at]))
    }

    fn push_code(&self, code: u32, out: &mut String) -> Result<()> {
        if code == 0 {
            return Err(DbError::new(SqlState::UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence")
                .detail("\\u0000 cannot be converted to text."));
        }
        if (0xdc00..0xe000).contains(&code) {
            return Err(surrogate("Unicode low surrogate must follow a high surrogate."));
        }
        match char::from_u32(code) {
            Some(c) => {
                out.push(c);
                Ok(())
            }
            None => Err(surrogate("Unicode low surrogate must follow a high surrogate.")),
        }
    }
}

fn surrogate(detail: &str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type jsonpath").detail(detail)
}
