//! Reading JSON text, with PostgreSQL's errors: [`validate`] only checks it, [`walk`] tells a [`Visitor`] what it holds.
//!
//! One pass with an explicit stack, so nesting costs heap, not stack; its depth is bounded.

use rustydb_base::{DbError, Result, SqlState};

/// Nesting beyond this is refused with 54001, about where PostgreSQL's stack limit does.
const MAX_DEPTH: usize = 6000;

/// Takes what [`walk`] finds, in the order of the text.
pub trait Visitor {
    /// An object (`true`) or an array begins.
    fn open(&mut self, object: bool) -> Result<()>;
    /// The innermost object or array ends.
    fn close(&mut self) -> Result<()>;
    /// A key of the innermost object, unescaped.
    fn key(&mut self, key: &str) -> Result<()>;
    /// A string, unescaped.
    fn string(&mut self, text: &str) -> Result<()>;
    /// A number, `true`, `false` or `null` as written.
    fn word(&mut self, text: &str) -> Result<()>;
}

struct Lexer<'a> {
    s: &'a str,
    pos: usize,
    /// Start of the current token.
    start: usize,
    /// Text of the current string without escapes; `None` when nobody asks for it.
    unescaped: Option<String>,
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
        // Dots take the room of three characters themselves.
        if from - line_start <= 3 {
            from = line_start;
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
        if let Some(out) = &mut self.unescaped {
            out.clear();
        }
        // A high surrogate that waits for its low one.
        let mut high: Option<u32> = None;
        let lone = "Unicode low surrogate must follow a high surrogate.";
        loop {
            if high.is_some() && b.get(self.pos).is_some_and(|&c| c != b'\\') {
                self.pos += self.s[self.pos..].chars().next().map_or(1, char::len_utf8);
                return Err(self.error(lone.into()));
            }
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
                            if self.unescaped.is_some() {
                                self.code_unit(&mut high)?;
                            }
                        }
                        Some(&c @ (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => {
                            if high.is_some() {
                                self.pos += 1;
                                return Err(self.error(lone.into()));
                            }
                            if let Some(out) = &mut self.unescaped {
                                out.push(match c {
                                    b'b' => '\x08',
                                    b'f' => '\x0c',
                                    b'n' => '\n',
                                    b'r' => '\r',
                                    b't' => '\t',
                                    c => c.into(),
                                });
                            }
                        }
                        Some(_) => {
                            let c = self.s[self.pos..].chars().next().unwrap_or(' ');
                            self.pos += c.len_utf8();
                            return Err(self.error(format!("Escape sequence \"\\{c}\" is invalid.")));
                        }
                    }
                    self.pos += 1;
                }
                Some(_) => {
                    // Up to the next byte with a meaning.
                    let n = b[self.pos..].iter().position(|&c| c < 32 || c == b'"' || c == b'\\');
                    let end = n.map_or(b.len(), |n| self.pos + n);
                    if let Some(out) = &mut self.unescaped {
                        out.push_str(&self.s[self.pos..end]);
                    }
                    self.pos = end;
                }
            }
        }
    }

    /// Takes the code unit whose last digit `pos` is at.
    fn code_unit(&mut self, high: &mut Option<u32>) -> Result<()> {
        let code = self.s.get(self.pos - 3..=self.pos).and_then(|h| u32::from_str_radix(h, 16).ok()).unwrap_or(0);
        let mut fail = |detail: &str| {
            self.pos += 1;
            self.error(detail.into())
        };
        let c = match (*high, code) {
            (Some(_), 0xd800..=0xdbff) => return Err(fail("Unicode high surrogate must not follow a high surrogate.")),
            (None, 0xd800..=0xdbff) => {
                *high = Some(code);
                return Ok(());
            }
            (Some(h), 0xdc00..=0xdfff) => 0x1_0000 + ((h & 0x3ff) << 10) + (code & 0x3ff),
            (None, 0xdc00..=0xdfff) | (Some(_), _) => {
                return Err(fail("Unicode low surrogate must follow a high surrogate."));
            }
            (None, 0) => {
                return Err(DbError {
                    code: SqlState::UNTRANSLATABLE_CHARACTER,
                    message: "unsupported Unicode escape sequence".into(),
                    ..fail("\\u0000 cannot be converted to text.")
                });
            }
            (None, c) => c,
        };
        *high = None;
        if let (Some(out), Some(c)) = (&mut self.unescaped, char::from_u32(c)) {
            out.push(c);
        }
        Ok(())
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

/// A visitor to whom all is the same.
struct Ignore;

impl Visitor for Ignore {
    fn open(&mut self, _: bool) -> Result<()> {
        Ok(())
    }
    fn close(&mut self) -> Result<()> {
        Ok(())
    }
    fn key(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
    fn string(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
    fn word(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// Accepts exactly what PostgreSQL's `json` accepts; 22P02 otherwise.
pub fn validate(s: &str) -> Result<()> {
    run(Lexer { s, pos: 0, start: 0, unescaped: None }, &mut Ignore)
}

/// Reads a JSON text. Beyond [`validate`]'s errors: 22P05 for `\u0000`, 22P02 for lone surrogates, and the visitor's own.
pub fn walk(s: &str, visitor: &mut impl Visitor) -> Result<()> {
    run(Lexer { s, pos: 0, start: 0, unescaped: Some(String::new()) }, visitor)
}

fn run(mut lx: Lexer<'_>, visitor: &mut impl Visitor) -> Result<()> {
    super::checked_text(lx.s)?;
    // true: in an object, false: in an array.
    let mut stack: Vec<bool> = Vec::new();
    let mut expect = Expect::Value;
    loop {
        let t = lx.next()?;
        let closed = match (expect, t) {
            (Expect::End, Token::End) => return Ok(()),
            (Expect::Value | Expect::FirstElement, Token::Open) => {
                stack.push(true);
                visitor.open(true)?;
                expect = Expect::FirstKey;
                false
            }
            (Expect::Value | Expect::FirstElement, Token::OpenArray) => {
                stack.push(false);
                visitor.open(false)?;
                expect = Expect::FirstElement;
                false
            }
            (Expect::Value | Expect::FirstElement, Token::String) => {
                visitor.string(lx.unescaped.as_deref().unwrap_or_default())?;
                true
            }
            (Expect::Value | Expect::FirstElement, Token::Scalar) => {
                visitor.word(lx.token_text())?;
                true
            }
            (Expect::FirstElement | Expect::ArrayNext, Token::CloseArray)
            | (Expect::FirstKey | Expect::ObjectNext, Token::Close) => {
                stack.pop();
                visitor.close()?;
                true
            }
            (Expect::ArrayNext, Token::Comma) => {
                expect = Expect::Value;
                false
            }
            (Expect::FirstKey | Expect::Key, Token::String) => {
                visitor.key(lx.unescaped.as_deref().unwrap_or_default())?;
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
