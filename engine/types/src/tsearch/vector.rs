//! tsvector: lexemes in byte order, each with the places where it stood.
//!
//! The bytes of a value are its binary wire form: the number of lexemes, and each lexeme's text, a zero byte, the number of
//! places and the places (two bits of weight, fourteen of position), all big-endian.

use super::lex::{Lexer, Token, syntax_error};
use super::query::Target;
use crate::bytetype::ByteType;
use crate::ctx::EvalCtx;
use crate::io::OutCtx;
use crate::io::binary::{bad_format, short};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// Positions are below this.
pub const MAX_POSITION: u16 = 1 << 14;
/// Places that one lexeme keeps.
const MAX_PLACES: usize = 256;
/// Bytes a lexeme may have.
pub const MAX_LEXEME: usize = 2047;
/// Bytes that all lexemes and places may take.
pub const MAX_TEXT: usize = (1 << 20) - 1;

/// Where a lexeme stood: position in the low fourteen bits, weight (0 D … 3 A) above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(pub u16);

impl Place {
    /// A place; later positions count as the last one there is.
    pub fn new(position: u32, weight: u8) -> Place {
        let position = position.min(u32::from(MAX_POSITION) - 1) as u16;
        Place(position | u16::from(weight & 3) << 14)
    }
    /// Position from 1 on.
    pub fn position(self) -> u16 {
        self.0 & (MAX_POSITION - 1)
    }
    /// 0 (D) to 3 (A).
    pub fn weight(self) -> u8 {
        (self.0 >> 14) as u8
    }
}

/// The letter of a weight.
pub fn weight_letter(w: u8) -> char {
    match w {
        3 => 'A',
        2 => 'B',
        1 => 'C',
        _ => 'D',
    }
}

/// A lexeme.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lexeme {
    /// Its text.
    pub word: String,
    /// Where it stood, in order of position; empty if that is not known.
    pub places: Vec<Place>,
}

/// A value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TsVector(pub Vec<Lexeme>);

/// Places in order, one for each position with the highest weight, and no more than a lexeme keeps.
fn tidy(places: &mut Vec<Place>) {
    places.sort_by_key(|p| p.position());
    let mut out: Vec<Place> = Vec::with_capacity(places.len());
    for p in places.iter() {
        let kept = out.len();
        match out.last_mut() {
            Some(last) if last.position() == p.position() => {
                if p.weight() > last.weight() {
                    *last = *p;
                }
            }
            Some(last) if kept >= MAX_PLACES || last.position() == MAX_POSITION - 1 => break,
            _ => out.push(*p),
        }
    }
    *places = out;
}

impl TsVector {
    /// Lexemes in any order, several of a kind merged.
    pub fn collect(mut lexemes: Vec<Lexeme>) -> TsVector {
        lexemes.sort_by(|a, b| a.word.as_bytes().cmp(b.word.as_bytes()));
        let mut out: Vec<Lexeme> = Vec::with_capacity(lexemes.len());
        for l in lexemes {
            match out.last_mut() {
                Some(last) if last.word == l.word => last.places.extend(l.places),
                _ => out.push(l),
            }
        }
        for l in &mut out {
            tidy(&mut l.places);
        }
        TsVector(out)
    }

    /// Reads a text.
    pub fn parse(s: &str) -> Result<TsVector> {
        let mut lexer = Lexer::vector(s);
        let mut out = Vec::new();
        let mut total = 0;
        while let Some(Token { word, places }) = lexer.token()? {
            check_length(word.len())?;
            if total > MAX_TEXT + 1 {
                return Err(too_long(total));
            }
            total += word.len();
            out.push(Lexeme { word, places });
        }
        let v = TsVector::collect(out);
        v.checked()
    }

    /// 54000 for a value that takes too many bytes.
    pub fn checked(self) -> Result<TsVector> {
        let size = self.text_bytes();
        if size > MAX_TEXT { Err(too_long(size)) } else { Ok(self) }
    }

    /// Bytes of lexemes and places as PostgreSQL lays them out.
    fn text_bytes(&self) -> usize {
        self.0.iter().fold(0, |at, l| {
            let at = at + l.word.len();
            if l.places.is_empty() { at } else { at.next_multiple_of(2) + 2 + 2 * l.places.len() }
        })
    }

    /// Reads the bytes of a value.
    pub fn read(b: &[u8]) -> Option<TsVector> {
        let (count, mut rest) = b.split_first_chunk::<4>()?;
        let n = usize::try_from(i32::from_be_bytes(*count)).ok()?;
        let mut out = Vec::with_capacity(n.min(rest.len() / 3));
        for _ in 0..n {
            let end = rest.iter().position(|c| *c == 0)?;
            let word = std::str::from_utf8(rest.get(..end)?).ok()?.to_owned();
            let (places, after) = rest.get(end + 1..)?.split_first_chunk::<2>()?;
            let places = usize::from(u16::from_be_bytes(*places));
            let (bytes, after) = after.split_at_checked(places * 2)?;
            let places = bytes.chunks_exact(2).filter_map(|c| Some(Place(u16::from_be_bytes(c.try_into().ok()?))));
            out.push(Lexeme { word, places: places.collect() });
            rest = after;
        }
        rest.is_empty().then_some(TsVector(out))
    }

    /// Appends the bytes of a value.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as i32).to_be_bytes());
        for l in &self.0 {
            out.extend_from_slice(l.word.as_bytes());
            out.push(0);
            out.extend_from_slice(&(l.places.len() as u16).to_be_bytes());
            for p in &l.places {
                out.extend_from_slice(&p.0.to_be_bytes());
            }
        }
    }

    /// The value as text.
    pub fn show(&self) -> String {
        let mut out = String::new();
        for (i, l) in self.0.iter().enumerate() {
            if i > 0 {
                out.push(' ');
            }
            super::lex::quote(&l.word, &mut out);
            for (j, p) in l.places.iter().enumerate() {
                out.push(if j == 0 { ':' } else { ',' });
                out.push_str(&p.position().to_string());
                if p.weight() > 0 {
                    out.push(weight_letter(p.weight()));
                }
            }
        }
        out
    }

    /// Where a word is or belongs.
    pub fn find(&self, word: &str) -> std::result::Result<usize, usize> {
        self.0.binary_search_by(|l| l.word.as_bytes().cmp(word.as_bytes()))
    }

    /// Lexemes that an operand means: one, or all with its prefix.
    pub fn matching(&self, t: &Target) -> &[Lexeme] {
        let from = match self.find(&t.word) {
            Ok(i) if !t.prefix => return self.0.get(i..=i).unwrap_or_default(),
            Err(_) if !t.prefix => return &[],
            Ok(i) | Err(i) => i,
        };
        let rest = self.0.get(from..).unwrap_or_default();
        let n = rest.iter().take_while(|l| l.word.as_bytes().starts_with(t.word.as_bytes())).count();
        rest.get(..n).unwrap_or_default()
    }

    /// Number of places, lexemes without any counted once.
    pub fn length(&self) -> usize {
        self.0.iter().map(|l| l.places.len().max(1)).sum()
    }

    /// Both, the second's positions after the first's last one.
    pub fn concat(self, other: TsVector) -> Result<TsVector> {
        let last = self.0.iter().flat_map(|l| &l.places).map(|p| p.position()).max().unwrap_or(0);
        let mut all = self.0;
        for mut l in other.0 {
            match all.binary_search_by(|x| x.word.as_bytes().cmp(l.word.as_bytes())) {
                Ok(i) => {
                    if let Some(mine) = all.get_mut(i) {
                        let had = mine.places.len();
                        shift(
                            &mut l.places,
                            last,
                            MAX_PLACES - 1 - had.min(MAX_PLACES - 1),
                            mine.places.last().copied(),
                        );
                        mine.places.extend(l.places);
                    }
                }
                Err(i) => {
                    shift(&mut l.places, last, MAX_PLACES - 1, None);
                    all.insert(i, l);
                }
            }
        }
        TsVector(all).checked()
    }

    /// Order of two values; no order anybody would expect, but PostgreSQL's.
    pub fn compare(&self, o: &TsVector) -> Ordering {
        let size = |v: &TsVector| v.0.len() * 4 + v.text_bytes();
        size(self).cmp(&size(o)).then(self.0.len().cmp(&o.0.len())).then_with(|| {
            for (a, b) in self.0.iter().zip(&o.0) {
                let placed = |l: &Lexeme| !l.places.is_empty();
                let order = placed(b)
                    .cmp(&placed(a))
                    .then_with(|| a.word.as_bytes().cmp(b.word.as_bytes()))
                    .then_with(|| b.places.len().cmp(&a.places.len()))
                    .then_with(|| {
                        let keys = |l: &Lexeme| l.places.iter().map(|p| (p.position(), p.weight())).collect::<Vec<_>>();
                        keys(b).cmp(&keys(a))
                    });
                if order.is_ne() {
                    return order;
                }
            }
            Ordering::Equal
        })
    }

    /// Key bytes in the order of [`TsVector::compare`].
    fn put_key(&self, out: &mut Vec<u8>) {
        let size = self.0.len() * 4 + self.text_bytes();
        out.extend_from_slice(&(size as u32).to_be_bytes());
        out.extend_from_slice(&(self.0.len() as u32).to_be_bytes());
        for l in &self.0 {
            out.push(u8::from(l.places.is_empty()));
            out.extend_from_slice(l.word.as_bytes());
            out.push(0);
            if !l.places.is_empty() {
                out.extend_from_slice(&(!(l.places.len() as u16)).to_be_bytes());
                for p in &l.places {
                    out.extend_from_slice(&(!(p.position() << 2 | u16::from(p.weight()))).to_be_bytes());
                }
            }
        }
    }
}

/// Moves places back by `by`, keeping at most `room` of them and none beyond the last position twice.
fn shift(places: &mut Vec<Place>, by: u16, room: usize, last: Option<Place>) {
    let mut last = last.map(|p| p.position());
    let mut out = Vec::with_capacity(places.len());
    for p in places.iter() {
        if out.len() >= room || last == Some(MAX_POSITION - 1) {
            break;
        }
        let p = Place::new(u32::from(p.position()) + u32::from(by), p.weight());
        last = Some(p.position());
        out.push(p);
    }
    *places = out;
}

/// 54000 for a lexeme that is too long.
pub fn check_length(n: usize) -> Result<()> {
    if n <= MAX_LEXEME {
        return Ok(());
    }
    Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("word is too long ({n} bytes, max {MAX_LEXEME} bytes)")))
}

fn too_long(n: usize) -> DbError {
    DbError::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("string is too long for tsvector ({n} bytes, max {MAX_TEXT} bytes)"),
    )
}

fn recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    if b.len() < 4 {
        return Err(short());
    }
    let v = TsVector::read(b).ok_or_else(bad_format)?;
    for l in &v.0 {
        if l.word.len() > MAX_LEXEME {
            return Err(DbError::internal("invalid tsvector: lexeme too long"));
        }
        if l.places.len() > MAX_PLACES {
            return Err(DbError::internal("unexpected number of tsvector positions"));
        }
        if !l.places.windows(2).all(|w| w[0].position() < w[1].position()) {
            return Err(DbError::internal("position information is misordered"));
        }
    }
    let mut out = Vec::new();
    TsVector::collect(v.0).checked()?.put(&mut out);
    Ok(out)
}

pub(super) fn stored(b: &[u8]) -> Result<TsVector> {
    TsVector::read(b).ok_or_else(|| DbError::corrupt("stored tsvector is malformed"))
}

fn text_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    let s = crate::io::checked_text(s)?;
    let mut out = Vec::new();
    TsVector::parse(s)?.put(&mut out);
    Ok(out)
}

fn text_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(stored(b)?.show().as_bytes());
    Ok(())
}

/// The type's row.
pub static TYPE: ByteType = ByteType {
    oid: oid::TSVECTOR,
    text_in,
    text_out,
    recv,
    send: |b, out| out.extend_from_slice(b),
    typmod: None,
    compare: Some(|a, b| {
        let read = |b| TsVector::read(b).unwrap_or_default();
        read(a).compare(&read(b))
    }),
    put_key: |b, out| TsVector::read(b).unwrap_or_default().put_key(out),
};

/// A weight's letter as the functions take it.
pub fn weight_of(c: &str) -> Result<u8> {
    match c {
        "A" | "a" => Ok(3),
        "B" | "b" => Ok(2),
        "C" | "c" => Ok(1),
        "D" | "d" => Ok(0),
        _ => Err(DbError::internal(format!("unrecognized weight: {}", crate::io::scalar::char_to_byte(c)))),
    }
}

/// A lexeme's text in tsvector input is wrong.
pub(super) fn invalid(s: &str) -> DbError {
    syntax_error("tsvector", s)
}
