//! Words of tsvector and tsquery input: quoted or bare, a backslash before a character taken as it is.

use super::vector::{MAX_POSITION, Place};
use rustydb_base::{DbError, Result, SqlState};

/// 42601 with the whole text.
pub(super) fn syntax_error(what: &str, s: &str) -> DbError {
    DbError::new(SqlState::SYNTAX_ERROR, format!("syntax error in {what}: \"{s}\""))
}

/// Appends a word in quotes.
pub(super) fn quote(word: &str, out: &mut String) {
    out.push('\'');
    for c in word.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}') || (!c.is_ascii() && c.is_whitespace())
}

/// Characters that end a bare word of a query.
pub(super) fn is_operator(c: char) -> bool {
    matches!(c, '!' | '&' | '|' | '(' | ')' | '<')
}

/// A word and its places.
pub(super) struct Token {
    pub word: String,
    pub places: Vec<Place>,
}

/// Which text is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A tsvector: words have places.
    Vector,
    /// A tsquery: operators end a word.
    Query,
    /// A web search: only double quotes and blanks end a word.
    Web,
}

pub(super) struct Lexer<'a> {
    pub whole: &'a str,
    pub at: usize,
    kind: Kind,
}

impl<'a> Lexer<'a> {
    pub fn vector(whole: &'a str) -> Lexer<'a> {
        Lexer { whole, at: 0, kind: Kind::Vector }
    }

    pub fn query(whole: &'a str, at: usize, web: bool) -> Lexer<'a> {
        Lexer { whole, at, kind: if web { Kind::Web } else { Kind::Query } }
    }

    fn peek(&self) -> Option<char> {
        self.whole.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn invalid(&self) -> DbError {
        match self.kind {
            Kind::Vector => super::vector::invalid(self.whole),
            _ => syntax_error("tsquery", self.whole),
        }
    }

    fn escaped(&mut self) -> Result<char> {
        self.next().ok_or_else(|| {
            DbError::new(SqlState::SYNTAX_ERROR, format!("there is no escaped character: \"{}\"", self.whole))
        })
    }

    /// Whether a bare word ends before the character.
    fn ends(&self, c: char) -> bool {
        is_space(c)
            || match self.kind {
                Kind::Vector => false,
                Kind::Query => is_operator(c),
                Kind::Web => is_operator(c) || c == '"',
            }
    }

    /// The next word; `None` at the end.
    pub fn token(&mut self) -> Result<Option<Token>> {
        while self.peek().is_some_and(is_space) {
            self.next();
        }
        let Some(first) = self.peek() else { return Ok(None) };
        let plain = self.kind != Kind::Web;
        let mut word = String::new();
        if plain && first == '\'' {
            self.next();
            loop {
                match self.next().ok_or_else(|| self.invalid())? {
                    '\'' if self.peek() == Some('\'') => {
                        self.next();
                        word.push('\'');
                    }
                    '\'' => break,
                    '\\' => word.push(self.escaped()?),
                    c => word.push(c),
                }
            }
            if word.is_empty() {
                return Err(self.invalid());
            }
            let places = if self.kind == Kind::Vector && self.peek() == Some(':') {
                self.next();
                self.places()?
            } else {
                Vec::new()
            };
            return Ok(Some(Token { word, places }));
        }
        if self.ends(first) {
            return Err(self.invalid());
        }
        let mut started = false;
        loop {
            match self.peek() {
                Some('\\') if plain => {
                    self.next();
                    word.push(self.escaped()?);
                }
                // A colon may begin a word, but not stand alone in the middle of nothing.
                Some(':') if started => {
                    if self.kind != Kind::Vector {
                        return Ok(Some(Token { word, places: Vec::new() }));
                    }
                    self.next();
                    let places = self.places()?;
                    return Ok(Some(Token { word, places }));
                }
                Some(c) if !self.ends(c) => {
                    word.push(c);
                    self.next();
                }
                _ => return Ok(Some(Token { word, places: Vec::new() })),
            }
            started = true;
        }
    }

    /// Places after a colon: numbers with weights, between commas.
    fn places(&mut self) -> Result<Vec<Place>> {
        let mut out: Vec<Place> = Vec::new();
        loop {
            // A number; weights and further digits follow it until a comma or a blank.
            let start = self.at;
            while self.peek().is_some_and(|c| c.is_ascii_digit()) {
                self.next();
            }
            let digits = self.whole.get(start..self.at).unwrap_or_default();
            if digits.is_empty() {
                return Err(self.invalid());
            }
            // Longer numbers than fit are beyond the last position anyway.
            let n = digits.parse::<i64>().unwrap_or(i64::from(MAX_POSITION));
            if n == 0 {
                return Err(DbError::new(
                    SqlState::SYNTAX_ERROR,
                    format!("wrong position info in tsvector: \"{}\"", self.whole),
                ));
            }
            let n = n.min(i64::from(MAX_POSITION)) as u32;
            let mut weight = 0;
            loop {
                match self.peek() {
                    Some(',') => {
                        self.next();
                        break;
                    }
                    None => {
                        out.push(Place::new(n, weight));
                        return Ok(out);
                    }
                    Some(c) if is_space(c) => {
                        out.push(Place::new(n, weight));
                        return Ok(out);
                    }
                    Some(c) => {
                        let w = match c {
                            'a' | 'A' | '*' => Some(3),
                            'b' | 'B' => Some(2),
                            'c' | 'C' => Some(1),
                            'd' | 'D' => Some(0),
                            c if c.is_ascii_digit() => None,
                            _ => return Err(self.invalid()),
                        };
                        if let Some(w) = w {
                            if weight != 0 {
                                return Err(self.invalid());
                            }
                            weight = w;
                        }
                        self.next();
                    }
                }
            }
            out.push(Place::new(n, weight));
        }
    }
}
