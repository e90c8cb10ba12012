//! Checking that a text is JSON, with PostgreSQL's errors.
//!
//! One pass with an explicit stack, so nesting costs heap, not stack; its depth is bounded.

use rustydb_base::{DbError, Result, SqlState};

/// Nesting beyond this is refused with 54001, about where PostgreSQL's stack limit does.
const MAX_DEPTH: usize = 6000;

struct Lexer<'a> {
    s: &'a str,
    pos: usize,
    /// Start of the current token.
    start: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    OpenArray,
    CloseArray,
    Colon,
    Comma,
    String,
    /// Number, true, false or null.
    Scalar,
    End,
}

/// What the parser waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// After `[`.
    FirstElement,
    /// After an element.
    ArrayNext,
    /// After `{`.
    FirstKey,
    /// After `,` in an object.
    Key,
    Colon,
    /// After a member.
    ObjectNext,
    End,
}

impl Lexer<'_> {
    fn error(&self, detail: String) -> DbError {
        let upto = &self.s[..self.pos.min(self.s.len())];
        let line = upto.matches('\n').count() + 1;
        let line_start = upto.rfind('\n').map_or(0, |i| i + 1);
        // Fewer than 50 bytes before the error, from a character on.
        let mut from = line_start;
        while upto.len() - from >= 50 {
            from += upto[from..].chars().next().map_or(1, char::len_utf8);
        }
        let dots = if from > line_start { "..." } else { "" };
        let rest = &self.s[upto.len()..];
        let tail = if rest.is_empty() || rest.starts_with(['\n', '\r']) { "" } else { "..." };
        DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")
            .detail(detail)
            .context(format!("JSON data, line {line}: {dots}{}{tail}", &upto[from..]))
    }

    fn ended(&mut self) -> DbError {
        self.pos = self.s.len();
        self.error("The input string ended unexpectedly.".into())
    }

    fn token_text(&self) -> &str {
        &self.s[self.start..self.pos]
    }

    fn invalid_token(&mut self) -> DbError {
        // The token reaches to the next character that cannot be part of a word.
        let b = self.s.as_bytes();
        let is_word = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80;
        let mut end = self.start;
        while end < b.len() && is_word(b[end]) {
            end += 1;
        }
        if end == self.start {
            end += self.s[end..].chars().next().map_or(0, char::len_utf8);
        }
        self.pos = end.max(self.pos.min(self.s.len()));
        while !self.s.is_char_boundary(self.pos) {
            self.pos += 1;
        }
        self.error(format!("Token \"{}\" is invalid.", self.token_text()))
    }

    fn next(&mut self) -> Result<Token> {
        let b = self.s.as_bytes();
        while matches!(b.get(self.pos), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
        self.start = self.pos;
        let Some(&c) = b.get(self.pos) else { return Ok(Token::End) };
        let single = match c {
            b'{' => Some(Token::Open),
            b'}' => Some(Token::Close),
            b'[' => Some(Token::OpenArray),
            b']' => Some(Token::CloseArray),
            b':' => Some(Token::Colon),
            b',' => Some(Token::Comma),
            _ => None,
        };
        if let Some(t) = single {
            self.pos += 1;
            return Ok(t);
        }
        match c {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let mut end = self.pos;
                while b.get(end).is_some_and(|&c| c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80) {
                    end += 1;
                }
                if matches!(&self.s[self.pos..end], "true" | "false" | "null") {
                    self.pos = end;
                    return Ok(Token::Scalar);
                }
                Err(self.invalid_token())
            }
        }
    }

    fn string(&mut self) -> Result<Token> {
        let b = self.s.as_bytes();
        self.pos += 1;
        loop {
            match b.get(self.pos) {
                None => {
                    self.pos = self.s.len();
                    return Err(self.error(format!("Token \"{}\" is invalid.", self.token_text())));
                }
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(Token::String);
                }
                Some(&c) if c < 32 => {
                    return Err(self.error(format!("Character with value 0x{c:02x} must be escaped.")));
                }
                Some(b'\\') => {
                    self.pos += 1;
                    match b.get(self.pos) {
                        None => {
                            return Err(self.error(format!("Token \"{}\" is invalid.", self.token_text())));
                        }
                        Some(b'u') => {
                            for _ in 0..4 {
                                self.pos += 1;
                                if !b.get(self.pos).is_some_and(u8::is_ascii_hexdigit) {
                                    if self.pos < b.len() {
                                        self.pos += self.s[self.pos..].chars().next().map_or(1, char::len_utf8);
                                    }
                                    return Err(
                                        self.error("\"\\u\" must be followed by four hexadecimal digits.".into())
                                    );
                                }
                            }
                        }
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        Some(_) => {
                            let c = self.s[self.pos..].chars().next().unwrap_or(' ');
                            self.pos += c.len_utf8();
                            return Err(self.error(format!("Escape sequence \"\\{c}\" is invalid.")));
                        }
                    }
                    self.pos += 1;
                }
                Some(_) => self.pos += 1,
            }
        }
    }

    fn number(&mut self) -> Result<Token> {
        let b = self.s.as_bytes();
        let at = |i: usize| b.get(i).copied().unwrap_or(0);
        let digits = |mut i: usize| {
            while at(i).is_ascii_digit() {
                i += 1;
            }
            i
        };
        let mut i = self.pos + usize::from(at(self.pos) == b'-');
        let mut ok = true;
        if at(i) == b'0' {
            i += 1;
        } else {
            let e = digits(i);
            ok = e > i;
            i = e;
        }
        if at(i) == b'.' {
            let e = digits(i + 1);
            ok &= e > i + 1;
            i = e;
        }
        if matches!(at(i), b'e' | b'E') {
            i += 1 + usize::from(matches!(at(i + 1), b'+' | b'-'));
            let e = digits(i);
            ok &= e > i;
            i = e;
        }
        // A word glued to the number belongs to the bad token.
        let glued = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80;
        let end = (i..b.len()).find(|&k| !glued(b[k])).unwrap_or(b.len());
        self.pos = end;
        if !ok || end > i {
            return Err(self.error(format!("Token \"{}\" is invalid.", self.token_text())));
        }
        Ok(Token::Scalar)
    }

    fn unexpected(&mut self, t: Token, e: Expect) -> DbError {
        if t == Token::End {
            return self.ended();
        }
        let found = self.token_text();
        let detail = match e {
            Expect::Value | Expect::FirstElement => format!("Expected JSON value, but found \"{found}\"."),
            Expect::ArrayNext => format!("Expected \",\" or \"]\", but found \"{found}\"."),
            Expect::FirstKey => format!("Expected string or \"}}\", but found \"{found}\"."),
            Expect::Key => format!("Expected string, but found \"{found}\"."),
            Expect::Colon => format!("Expected \":\", but found \"{found}\"."),
            Expect::ObjectNext => format!("Expected \",\" or \"}}\", but found \"{found}\"."),
            Expect::End => format!("Expected end of input, but found \"{found}\"."),
        };
        self.error(detail)
    }
}

/// Accepts exactly what PostgreSQL's `json` accepts; 22P02 otherwise.
pub fn validate(s: &str) -> Result<()> {
    super::checked_text(s)?;
    let mut lx = Lexer { s, pos: 0, start: 0 };
    // true: in an object, false: in an array.
    let mut stack: Vec<bool> = Vec::new();
    let mut expect = Expect::Value;
    loop {
        let t = lx.next()?;
        let closed = match (expect, t) {
            (Expect::End, Token::End) => return Ok(()),
            (Expect::Value | Expect::FirstElement, Token::Open) => {
                stack.push(true);
                expect = Expect::FirstKey;
                false
            }
            (Expect::Value | Expect::FirstElement, Token::OpenArray) => {
                stack.push(false);
                expect = Expect::FirstElement;
                false
            }
            (Expect::Value | Expect::FirstElement, Token::String | Token::Scalar) => true,
            (Expect::FirstElement | Expect::ArrayNext, Token::CloseArray)
            | (Expect::FirstKey | Expect::ObjectNext, Token::Close) => {
                stack.pop();
                true
            }
            (Expect::ArrayNext, Token::Comma) => {
                expect = Expect::Value;
                false
            }
            (Expect::FirstKey | Expect::Key, Token::String) => {
                expect = Expect::Colon;
                false
            }
            (Expect::Colon, Token::Colon) => {
                expect = Expect::Value;
                false
            }
            (Expect::ObjectNext, Token::Comma) => {
                expect = Expect::Key;
                false
            }
            _ => return Err(lx.unexpected(t, expect)),
        };
        if closed {
            expect = match stack.last() {
                None => Expect::End,
                Some(true) => Expect::ObjectNext,
                Some(false) => Expect::ArrayNext,
            };
        }
        if stack.len() > MAX_DEPTH {
            return Err(DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
    }
}
