//! The default parser: text cut into words, numbers, addresses, paths, tags and the blanks between.
//!
//! An ordered choice at every token's beginning: what is tried first wins if it holds to its end. Longer things (a host, an
//! address, a hyphenated word) are tried where a shorter one could end. A hyphenated word is given whole and then again in
//! parts, a URL whole and then as host and path.

use super::query::deep;
use regex::Regex;
use std::collections::VecDeque;
use std::sync::LazyLock;

/// Types of tokens, with the numbers that `ts_token_type` shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "described in KINDS")]
pub enum Kind {
    AsciiWord = 1,
    Word,
    NumWord,
    Email,
    Url,
    Host,
    SFloat,
    Version,
    NumPart,
    Part,
    AsciiPart,
    Blank,
    Tag,
    Protocol,
    NumHyphenated,
    AsciiHyphenated,
    Hyphenated,
    UrlPath,
    File,
    Float,
    Int,
    UInt,
    Entity,
}

/// Number, name and description of every type of token.
pub const KINDS: [(Kind, &str, &str); 23] = [
    (Kind::AsciiWord, "asciiword", "Word, all ASCII"),
    (Kind::Word, "word", "Word, all letters"),
    (Kind::NumWord, "numword", "Word, letters and digits"),
    (Kind::Email, "email", "Email address"),
    (Kind::Url, "url", "URL"),
    (Kind::Host, "host", "Host"),
    (Kind::SFloat, "sfloat", "Scientific notation"),
    (Kind::Version, "version", "Version number"),
    (Kind::NumPart, "hword_numpart", "Hyphenated word part, letters and digits"),
    (Kind::Part, "hword_part", "Hyphenated word part, all letters"),
    (Kind::AsciiPart, "hword_asciipart", "Hyphenated word part, all ASCII"),
    (Kind::Blank, "blank", "Space symbols"),
    (Kind::Tag, "tag", "XML tag"),
    (Kind::Protocol, "protocol", "Protocol head"),
    (Kind::NumHyphenated, "numhword", "Hyphenated word, letters and digits"),
    (Kind::AsciiHyphenated, "asciihword", "Hyphenated word, all ASCII"),
    (Kind::Hyphenated, "hword", "Hyphenated word, all letters"),
    (Kind::UrlPath, "url_path", "URL path"),
    (Kind::File, "file", "File or path name"),
    (Kind::Float, "float", "Decimal notation"),
    (Kind::Int, "int", "Signed integer"),
    (Kind::UInt, "uint", "Unsigned integer"),
    (Kind::Entity, "entity", "XML entity"),
];

/// A token: its type and text.
pub type Token<'a> = (Kind, &'a str);

fn letter(c: char) -> bool {
    c.is_ascii_alphabetic()
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// A letter of any script; digits of other scripts count as letters.
fn alpha(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c.is_alphanumeric() }
}

fn alnum(c: char) -> bool {
    alpha(c) || digit(c)
}

/// Marks that belong to the letter before them.
fn mark(c: char) -> bool {
    static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{M}\p{Cf}]$").ok());
    !c.is_ascii() && MARKS.as_ref().is_some_and(|r| r.is_match(c.encode_utf8(&mut [0; 4])))
}

fn url_char(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
}

/// Cuts a text into tokens, one after the other.
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Tokens found with an earlier one: parts of words and URLs.
    queue: VecDeque<Token<'a>>,
    /// Inside `<script>` or `<style>`: everything up to the next tag is blank.
    skipping: bool,
}

type Found = Option<(usize, Kind)>;

impl<'a> Tokens<'a> {
    /// At the beginning of a text.
    pub fn new(text: &'a str) -> Tokens<'a> {
        Tokens { text, at: 0, queue: VecDeque::new(), skipping: false }
    }

    fn peek(&self, at: usize) -> Option<char> {
        self.text.get(at..)?.chars().next()
    }

    fn is(&self, at: usize, f: impl Fn(char) -> bool) -> bool {
        self.peek(at).is_some_and(f)
    }

    /// Where characters of a kind end.
    fn span(&self, at: usize, f: impl Fn(char) -> bool) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.find(|c| !f(c)).unwrap_or(rest.len())
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn find(&mut self) -> Option<(usize, Kind)> {
        let at = self.at;
        let c = self.peek(at)?;
        if self.skipping && c != '<' {
            return Some((self.blank(at), Kind::Blank));
        }
        let found = match c {
            '<' => self.tag(at + 1).map(|end| (end, Kind::Tag)),
            c if letter(c) => self.ascii_word(at),
            c if alpha(c) => self.word(at),
            c if digit(c) => self.unsigned(at),
            '-' | '+' => self.signed(at + 1),
            '&' => self.entity(at + 1).map(|end| (end, Kind::Entity)),
            '~' => self.file_after_twiddle(at + 1),
            '/' => self.file_first(at + 1),
            '.' => match self.peek(at + 1) {
                Some('.') => self.path_second(at + 2),
                Some('/') => self.file_first(at + 2),
                _ => None,
            },
            _ => None,
        };
        Some(found.unwrap_or_else(|| (self.blank(at + c.len_utf8()), Kind::Blank)))
    }

    /// Where a blank that has begun ends.
    fn blank(&self, at: usize) -> usize {
        let skipping = self.skipping;
        self.span(at, |c| c != '<' && (skipping || !alnum(c) && !matches!(c, '-' | '+' | '&' | '/')))
    }

    // ---- words -------------------------------------------------------------------------------------------------

    fn ascii_word(&self, from: usize) -> Found {
        let at = self.span(from, letter);
        let next = at + 1;
        let longer = match self.peek(at) {
            Some('.') => self.domain(next).or_else(|| self.file_next(next)),
            Some('-') => self.host_part(next).or_else(|| self.hyphenated(next, Kind::AsciiHyphenated)),
            Some('_') => self.host_part(next),
            Some('@') => self.email(next),
            Some(':') => self.text.get(next..).filter(|r| r.starts_with("//")).map(|_| (next + 2, Kind::Protocol)),
            Some('/') => self.file_first(next),
            Some(c) if digit(c) => self.host(next).or_else(|| self.num_word(next)),
            Some(c) if alpha(c) || mark(c) => self.word(at + c.len_utf8()),
            _ => None,
        };
        longer.or(Some((at, Kind::AsciiWord)))
    }

    fn word(&self, from: usize) -> Found {
        let at = self.span(from, |c| alpha(c) || mark(c));
        let longer = match self.peek(at) {
            Some('-') => self.hyphenated(at + 1, Kind::Hyphenated),
            Some(c) if digit(c) => self.num_word(at + 1),
            _ => None,
        };
        longer.or(Some((at, Kind::Word)))
    }

    fn num_word(&self, from: usize) -> Found {
        let at = self.span(from, |c| alnum(c) || mark(c));
        let next = at + 1;
        let longer = match self.peek(at) {
            Some('@') => self.email(next),
            Some('/') => self.file_first(next),
            Some('.') => self.file_next(next),
            Some('-') => self.hyphenated(next, Kind::NumHyphenated),
            _ => None,
        };
        longer.or(Some((at, Kind::NumWord)))
    }

    /// A hyphenated word after a hyphen; `kind` is what it is so far.
    fn hyphenated(&self, from: usize, mut kind: Kind) -> Found {
        let mut at = from;
        let mut end = None;
        loop {
            // A part of digits needs a letter after them.
            let start = self.span(at, digit);
            if start > at {
                if !self.is(start, |c| alpha(c) || mark(c)) {
                    return end;
                }
                kind = Kind::NumHyphenated;
            } else {
                let fits = match kind {
                    Kind::AsciiHyphenated | Kind::Hyphenated | Kind::NumHyphenated => self.is(at, alpha),
                    _ => false,
                };
                if !fits {
                    return end;
                }
            }
            let stop = self.span(start, |c| alnum(c) || mark(c));
            for c in self.slice(at, stop).chars() {
                if digit(c) {
                    kind = Kind::NumHyphenated;
                } else if !letter(c) && kind == Kind::AsciiHyphenated {
                    kind = Kind::Hyphenated;
                }
            }
            end = Some((stop, kind));
            if !self.is(stop, |c| c == '-') {
                return end;
            }
            at = stop + 1;
        }
    }

    /// Notes the parts of a hyphenated word.
    fn queue_parts(&mut self, from: usize, to: usize) {
        let whole = self.slice(from, to);
        let mut at = 0;
        for part in whole.split_inclusive('-') {
            let word = part.strip_suffix('-').unwrap_or(part);
            let kind = if word.chars().any(digit) {
                Kind::NumPart
            } else if word.chars().all(letter) {
                Kind::AsciiPart
            } else {
                Kind::Part
            };
            self.queue.push_back((kind, word));
            if part.len() > word.len() {
                self.queue.push_back((Kind::Blank, whole.get(at + word.len()..at + part.len()).unwrap_or_default()));
            }
            at += part.len();
        }
    }

    // ---- hosts, addresses, URLs --------------------------------------------------------------------------------

    /// After a dot: a domain of at least two letters, or a further part of a host.
    fn domain(&self, from: usize) -> Found {
        deep(|| {
            if self.is(from, digit) {
                return self.host(from + 1);
            }
            if !self.is(from, letter) {
                return None;
            }
            let at = self.span(from, letter);
            if at == from + 1 {
                // One letter only: no domain yet.
                return match self.peek(at) {
                    Some(c) if digit(c) => self.host(at + 1),
                    Some('-' | '_') => self.host_part(at + 1),
                    Some('.') => self.domain(at + 1),
                    Some('@') => self.email(at + 1),
                    _ => None,
                };
            }
            let longer = match self.peek(at) {
                Some(c) if digit(c) => return self.host(at + 1),
                Some(':') => {
                    let end = self.span(at + 1, digit);
                    if end > at + 1 { self.url(end).or(Some((end, Kind::Host))) } else { None }
                }
                Some('-' | '_') => self.host_part(at + 1),
                Some('.') => self.domain(at + 1),
                Some('@') => self.email(at + 1),
                _ => self.url(at),
            };
            longer.or(Some((at, Kind::Host)))
        })
    }

    /// A path after a host makes a URL.
    fn url(&self, at: usize) -> Found {
        if !self.is(at, |c| c == '/') {
            return None;
        }
        let end = self.span(at + 1, url_char);
        (end > at + 1).then_some((end, Kind::Url))
    }

    /// After a hyphen or underscore inside a host.
    fn host_part(&self, from: usize) -> Found {
        if self.is(from, |c| c.is_ascii_alphanumeric()) { self.host(from + 1) } else { None }
    }

    /// Inside a part of a host that is no domain yet.
    fn host(&self, from: usize) -> Found {
        deep(|| {
            let at = self.span(from, |c| c.is_ascii_alphanumeric());
            match self.peek(at) {
                Some('@') => self.email(at + 1),
                Some('.') => self.domain(at + 1),
                Some('-' | '_') => self.host_part(at + 1),
                _ => None,
            }
        })
    }

    /// After the `@` of an address: a host.
    fn email(&self, from: usize) -> Found {
        let mut inner = Tokens { text: self.text, at: from, queue: VecDeque::new(), skipping: false };
        match inner.find() {
            Some((end, Kind::Host)) => Some((end, Kind::Email)),
            // A path is no part of the address.
            Some((end, Kind::Url)) => {
                let host = self.slice(from, end).find('/').map(|i| from + i)?;
                Some((host, Kind::Email))
            }
            _ => None,
        }
    }

    // ---- numbers -----------------------------------------------------------------------------------------------

    /// An exponent after `e`.
    fn exponent(&self, from: usize) -> Found {
        let at = from + usize::from(self.is(from, |c| matches!(c, '+' | '-')));
        let end = self.span(at, digit);
        (end > at).then_some((end, Kind::SFloat))
    }

    /// Digits after a decimal point.
    fn decimals(&self, from: usize, versions: bool) -> Found {
        let at = self.span(from, digit);
        if at == from {
            return None;
        }
        let longer = match self.peek(at) {
            Some('.') if versions => self.version(at + 1),
            Some('e' | 'E') => self.exponent(at + 1),
            _ => None,
        };
        longer.or(Some((at, Kind::Float)))
    }

    /// A version number after its second dot.
    fn version(&self, from: usize) -> Found {
        let mut at = self.span(from, digit);
        if at == from {
            return None;
        }
        loop {
            let next = self.span(at + 1, digit);
            if !self.is(at, |c| c == '.') || next == at + 1 {
                return Some((at, Kind::Version));
            }
            at = next;
        }
    }

    fn signed(&self, from: usize) -> Found {
        let at = self.span(from, digit);
        if at == from {
            return None;
        }
        let longer = match self.peek(at) {
            Some('.') => {
                let end = self.span(at + 1, digit);
                // A version number has no sign.
                if end > at + 1 && self.is(end, |c| c == '.') && self.is(end + 1, digit) {
                    return Some((from, Kind::Blank));
                }
                self.decimals(at + 1, false)
            }
            Some('e' | 'E') => self.exponent(at + 1),
            _ => None,
        };
        longer.or(Some((at, Kind::Int)))
    }

    fn unsigned(&self, from: usize) -> Found {
        let at = self.span(from, digit);
        let next = at + 1;
        let longer = match self.peek(at) {
            Some('.') => self.domain(next).or_else(|| self.decimals(next, true)),
            Some('-' | '_') => self.host_part(next),
            Some('@') => self.email(next),
            Some('/') => self.file_first(next),
            Some(c) if letter(c) => {
                let number = if matches!(c, 'e' | 'E') { self.exponent(next) } else { None };
                number.or_else(|| self.host(next)).or_else(|| self.num_word(next))
            }
            Some(c) if alpha(c) || mark(c) => self.num_word(at + c.len_utf8()),
            _ => None,
        };
        longer.or(Some((at, Kind::UInt)))
    }

    // ---- files -------------------------------------------------------------------------------------------------

    /// After a slash.
    fn file_first(&self, from: usize) -> Found {
        match self.peek(from)? {
            c if c.is_ascii_alphanumeric() || c == '_' => self.file(from + 1),
            '.' => self.path_first(from + 1),
            '~' => self.file_after_twiddle(from + 1),
            _ => None,
        }
    }

    fn file_after_twiddle(&self, from: usize) -> Found {
        match self.peek(from)? {
            c if c.is_ascii_alphanumeric() || c == '_' => self.file(from + 1),
            '/' => self.file_first(from + 1),
            _ => None,
        }
    }

    /// After a slash and a dot.
    fn path_first(&self, from: usize) -> Found {
        match self.peek(from)? {
            c if c.is_ascii_alphanumeric() || c == '_' => self.file(from + 1),
            '.' => self.path_second(from + 1),
            '/' => self.file_first(from + 1),
            _ => None,
        }
    }

    /// After two dots.
    fn path_second(&self, at: usize) -> Found {
        deep(|| match self.peek(at) {
            None => Some((at, Kind::File)),
            Some('/') => self.file_first(at + 1).or(Some((at, Kind::File))),
            Some(c) if c.is_whitespace() => Some((at, Kind::File)),
            _ => None,
        })
    }

    /// After a dot inside a name.
    fn file_next(&self, from: usize) -> Found {
        if self.is(from, |c| c.is_ascii_alphanumeric() || c == '_') { self.file(from + 1) } else { None }
    }

    fn file(&self, from: usize) -> Found {
        deep(|| {
            let at = self.span(from, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            let longer = match self.peek(at) {
                Some('.') => self.file_next(at + 1),
                Some('/') => self.file_first(at + 1),
                _ => None,
            };
            longer.or(Some((at, Kind::File)))
        })
    }

    // ---- markup ------------------------------------------------------------------------------------------------

    /// An entity after `&`.
    fn entity(&self, from: usize) -> Option<usize> {
        let end = match self.peek(from)? {
            '#' if self.is(from + 1, |c| matches!(c, 'x' | 'X')) => {
                let end = self.span(from + 2, |c| c.is_ascii_hexdigit());
                (end > from + 2).then_some(end)?
            }
            '#' => {
                let end = self.span(from + 1, digit);
                (end > from + 1).then_some(end)?
            }
            c if letter(c) || matches!(c, ':' | '_') => {
                self.span(from + 1, |c| alnum(c) || matches!(c, ':' | '_' | '.' | '-'))
            }
            _ => return None,
        };
        self.is(end, |c| c == ';').then_some(end + 1)
    }

    /// A tag, comment or declaration after `<`.
    fn tag(&mut self, from: usize) -> Option<usize> {
        match self.peek(from)? {
            '!' => match self.peek(from + 1)? {
                '-' if self.is(from + 2, |c| c == '-') => {
                    let body = self.text.get(from + 3..)?;
                    body.find("-->").map(|i| from + 3 + i + 3)
                }
                'D' | 'd' => self.attributes(from + 2),
                _ => None,
            },
            '?' if self.is(from + 1, |c| c == 'x') => self.attributes(from + 2),
            '/' if self.is(from + 1, letter) => self.tag_name(from - 1, from + 1),
            c if letter(c) || matches!(c, ':' | '_') => self.tag_name(from - 1, from),
            _ => None,
        }
    }

    fn tag_name(&mut self, start: usize, from: usize) -> Option<usize> {
        let at = self.span(from, |c| alnum(c) || matches!(c, ':' | '_' | '.' | '-'));
        let end = match self.peek(at)? {
            '/' => self.is(at + 1, |c| c == '>').then_some(at + 2)?,
            '>' => at + 1,
            c if c.is_whitespace() => self.attributes(at)?,
            _ => return None,
        };
        let name = self.slice(start, at).to_ascii_lowercase();
        match name.as_str() {
            "<script" | "<style" => self.skipping = true,
            "</script" | "</style" => self.skipping = false,
            _ => {}
        }
        Some(end)
    }

    fn attributes(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            match self.peek(at)? {
                '>' => return Some(at + 1),
                q @ ('\'' | '"') => at += 1 + self.text.get(at + 1..)?.find(q)? + 1,
                c if c.is_ascii_alphanumeric()
                    || c.is_whitespace()
                    || matches!(c, '=' | '-' | '_' | '#' | '/' | ':' | '.' | '&' | '?' | '%' | '~') =>
                {
                    at += c.len_utf8();
                }
                _ => return None,
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(t) = self.queue.pop_front() {
            return Some(t);
        }
        let from = self.at;
        let (end, kind) = self.find()?;
        // Every token has a character at least.
        self.at = end.max(from + 1).min(self.text.len());
        match kind {
            Kind::AsciiHyphenated | Kind::Hyphenated | Kind::NumHyphenated => {
                self.queue_parts(from, end);
                // A further hyphen before a number is no sign.
                if self.is(end, |c| c == '-') && self.is(end + 1, |c| alnum(c) || mark(c)) {
                    self.queue.push_back((Kind::Blank, self.slice(end, end + 1)));
                    self.at = end + 1;
                    return Some((kind, self.slice(from, end)));
                }
            }
            Kind::Url => {
                let slash = self.slice(from, end).find('/').map_or(end, |i| from + i);
                self.queue.push_back((Kind::Host, self.slice(from, slash)));
                self.queue.push_back((Kind::UrlPath, self.slice(slash, end)));
            }
            _ => {}
        }
        Some((kind, self.slice(from, self.at)))
    }
}
