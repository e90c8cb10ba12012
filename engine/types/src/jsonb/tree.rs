//! Values as trees, for the functions that make or change them.

use super::{View, compare_keys, number, tag};
use crate::io::json::{Visitor, walk};
use crate::numeric::Numeric;
use rustydb_base::{DbError, Result, SqlState};

/// Most bytes that the elements of one array or the members of one object may take.
const MAX_PARTS: usize = 0x0fff_ffff;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// null.
    Null,
    /// true or false.
    Bool(bool),
    /// A number.
    Number(Numeric),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object: unique keys in [`compare_keys`]' order ([`object_of`] makes them so).
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a stored value.
    pub fn of(b: &[u8]) -> Json {
        match View::of(b) {
            View::Null => Json::Null,
            View::Bool(v) => Json::Bool(v),
            View::Number(b) => Json::Number(number(b)),
            View::String(s) => Json::String(s.to_owned()),
            View::Array(a) => Json::Array(a.iter().map(Json::of).collect()),
            View::Object(o) => Json::Object(o.iter().map(|(k, v)| (k.to_owned(), Json::of(v))).collect()),
        }
    }

    /// Whether it is neither array nor object.
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Json::Array(_) | Json::Object(_))
    }
}

/// An object of members in any order; of two with one key the later counts.
pub fn object_of(mut members: Vec<(String, Json)>) -> Json {
    members.sort_by(|a, b| compare_keys(&a.0, &b.0));
    let mut out: Vec<(String, Json)> = Vec::with_capacity(members.len());
    for m in members {
        match out.last_mut() {
            Some(last) if last.0 == m.0 => *last = m,
            _ => out.push(m),
        }
    }
    Json::Object(out)
}

/// The stored form. Sizes beyond four bytes cannot come about: input is below 1 GiB.
pub fn encode(v: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    put(v, &mut out);
    out
}

fn put_word(n: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(n as u32).to_le_bytes());
}

/// Writes an end offset into its reserved place.
fn set_end(out: &mut [u8], at: usize, end: usize) {
    if let Some(slot) = out.get_mut(at..at + 4) {
        slot.copy_from_slice(&(end as u32).to_le_bytes());
    }
}

fn put(v: &Json, out: &mut Vec<u8>) {
    match v {
        Json::Null => out.push(tag::NULL),
        Json::Bool(false) => out.push(tag::FALSE),
        Json::Bool(true) => out.push(tag::TRUE),
        Json::Number(n) => {
            out.push(tag::NUMBER);
            n.to_bytes(out);
        }
        Json::String(s) => {
            out.push(tag::STRING);
            out.extend_from_slice(s.as_bytes());
        }
        Json::Array(items) => {
            out.push(tag::ARRAY);
            put_word(items.len(), out);
            let ends = out.len();
            out.resize(ends + items.len() * 4, 0);
            let start = out.len();
            for (i, item) in items.iter().enumerate() {
                put(item, out);
                let end = out.len() - start;
                set_end(out, ends + i * 4, end);
            }
        }
        Json::Object(members) => {
            out.push(tag::OBJECT);
            put_word(members.len(), out);
            let ends = out.len();
            out.resize(ends + members.len() * 8, 0);
            let start = out.len();
            for (i, (key, _)) in members.iter().enumerate() {
                out.extend_from_slice(key.as_bytes());
                let end = out.len() - start;
                set_end(out, ends + i * 4, end);
            }
            let start = out.len();
            for (i, (_, value)) in members.iter().enumerate() {
                put(value, out);
                let end = out.len() - start;
                set_end(out, ends + (members.len() + i) * 4, end);
            }
        }
    }
}

/// Builds a tree from the pieces of a text.
#[derive(Default)]
pub struct Builder {
    /// Containers that are not closed yet; `None` for an array's key.
    open: Vec<Container>,
    done: Option<Json>,
}

enum Container {
    Array(Vec<Json>, usize),
    Object(Vec<(String, Json)>, Option<String>, usize),
}

fn too_big(what: &str) -> DbError {
    DbError::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("total size of jsonb {what} elements exceeds the maximum of {MAX_PARTS} bytes"),
    )
}

impl Builder {
    /// Adds a whole value.
    pub fn value(&mut self, v: Json, bytes: usize) -> Result<()> {
        match self.open.last_mut() {
            None => self.done = Some(v),
            Some(Container::Array(items, size)) => {
                *size += bytes;
                if *size > MAX_PARTS {
                    return Err(too_big("array"));
                }
                items.push(v);
            }
            Some(Container::Object(members, key, size)) => {
                *size += bytes;
                if *size > MAX_PARTS {
                    return Err(too_big("object"));
                }
                members.push((key.take().unwrap_or_default(), v));
            }
        }
        Ok(())
    }

    /// The value, when all is closed.
    pub fn finish(self) -> Option<Json> {
        self.done
    }
}

impl Visitor for Builder {
    fn open(&mut self, object: bool) -> Result<()> {
        self.open.push(if object { Container::Object(vec![], None, 0) } else { Container::Array(vec![], 0) });
        Ok(())
    }
    fn close(&mut self) -> Result<()> {
        match self.open.pop() {
            None => Ok(()),
            Some(Container::Array(items, n)) => self.value(Json::Array(items), n),
            Some(Container::Object(members, _, n)) => self.value(object_of(members), n),
        }
    }
    fn key(&mut self, text: &str) -> Result<()> {
        if text.len() > MAX_PARTS {
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "string too long to represent as jsonb string")
                .detail(format!(
                    "Due to an implementation restriction, jsonb strings cannot exceed {MAX_PARTS} bytes."
                )));
        }
        if let Some(Container::Object(_, key, _)) = self.open.last_mut() {
            *key = Some(text.to_owned());
        }
        Ok(())
    }
    fn string(&mut self, text: &str) -> Result<()> {
        if text.len() > MAX_PARTS {
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "string too long to represent as jsonb string")
                .detail(format!(
                    "Due to an implementation restriction, jsonb strings cannot exceed {MAX_PARTS} bytes."
                )));
        }
        self.value(Json::String(text.to_owned()), text.len())
    }
    fn word(&mut self, text: &str) -> Result<()> {
        let v = match text {
            "null" => Json::Null,
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            n => Json::Number(n.parse()?),
        };
        self.value(v, text.len())
    }
}

/// Reads a JSON text.
pub fn parse(s: &str) -> Result<Json> {
    let mut b = Builder::default();
    walk(s, &mut b)?;
    b.finish().ok_or_else(|| DbError::internal("a JSON text without a value"))
}
