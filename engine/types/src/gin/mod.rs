//! What an inverted index (GIN) knows values by: the keys of a value, and the keys that a condition asks for.
//!
//! # Idea
//! An operator class ([`Class`]) takes values apart into keys: the elements of an array, the lexemes of a tsvector, the keys
//! and scalars of a jsonb value, or hashes of its paths. A condition is turned into a [`Wanted`]: which keys a value *must*
//! have for the condition to be true. The condition itself is tested on every row found, so a [`Wanted`] may let too much
//! through (negation, weights, positions, array nesting say nothing here) but must never leave a row out.
//!
//! # Keys as bytes
//! A key begins with a category ([`KEY`], [`EMPTY`], [`NULL`]) and ends by itself: no key is a beginning of another one, so
//! that one is looked for as the range of what begins with it, and a prefix of lexemes as a longer range. Equal things have
//! equal bytes. A key of more than [`LONGEST`] bytes is kept as its beginning and a hash of the whole.
//!
//! NULL values have no keys, and no operator here is true for them. A value that has none but is not NULL has the key
//! [`EMPTY`], for conditions that are true for it (`<@`, `=`).

mod array;
mod document;
mod path;
mod text;

use crate::datum::{Datum, TypeRef};
use rustydb_base::{DbError, Result};

/// Category of what a value contains.
const KEY: u8 = 1;
/// Category of values that contain nothing.
const EMPTY: u8 = 2;
/// Category of arrays with a NULL in them.
const NULL: u8 = 3;
/// Bytes of a key that are kept; behind them there are those of a hash.
const LONGEST: usize = 512;

/// A built-in operator class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// `array_ops`
    Array,
    /// `jsonb_ops`
    Jsonb,
    /// `jsonb_path_ops`
    JsonbPath,
    /// `tsvector_ops`
    TsVector,
}

/// The keys that a value must have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// This one.
    Key(Vec<u8>),
    /// One that begins so.
    Begins(Vec<u8>),
    /// All of them; with none, nothing is asked for.
    All(Vec<Wanted>),
    /// One of them; with none, there is no such value.
    Any(Vec<Wanted>),
    /// Nothing is known.
    Anything,
}

impl Class {
    /// The class with the name that `pg_opclass` has for it.
    pub fn named(name: &str) -> Option<Class> {
        Some(match name {
            "array_ops" => Class::Array,
            "jsonb_ops" => Class::Jsonb,
            "jsonb_path_ops" => Class::JsonbPath,
            "tsvector_ops" => Class::TsVector,
            _ => return None,
        })
    }

    /// The keys of a value that is not NULL, in order and each once. `ty` is the value's type.
    pub fn keys(self, ty: TypeRef, d: &Datum) -> Result<Vec<Vec<u8>>> {
        let mut out = Vec::new();
        match (self, d) {
            (_, Datum::Null) => return Ok(out),
            (Class::Array, Datum::Array(a)) => array::keys(ty, a, &mut out),
            (Class::Jsonb, Datum::Bytes(b)) => document::keys(b, &mut out),
            (Class::JsonbPath, Datum::Bytes(b)) => document::paths(b, &mut out),
            (Class::TsVector, Datum::Bytes(b)) => text::keys(b, &mut out)?,
            _ => return Err(unfit()),
        }
        if out.is_empty() {
            out.push(vec![EMPTY]);
        }
        out.sort_unstable();
        out.dedup();
        Ok(out)
    }

    /// What a condition with the operator at a strategy of the class asks of a value. `ty` is the indexed type, `d` the
    /// operator's other side, which is not NULL.
    pub fn wanted(self, strategy: i16, ty: TypeRef, d: &Datum) -> Result<Wanted> {
        Ok(match (self, strategy, d) {
            (Class::Array, _, Datum::Array(a)) => array::wanted(strategy, ty, a),
            (Class::Jsonb, 7, Datum::Bytes(b)) => {
                let mut keys = Vec::new();
                document::keys(b, &mut keys);
                // Scalars before names, which more documents have.
                keys.sort_unstable();
                keys.dedup();
                keys.reverse();
                Wanted::All(keys.into_iter().map(Wanted::Key).collect())
            }
            (Class::JsonbPath, 7, Datum::Bytes(b)) => {
                let mut keys = Vec::new();
                document::paths(b, &mut keys);
                Wanted::All(keys.into_iter().map(Wanted::Key).collect())
            }
            (Class::Jsonb, 9, Datum::Text(s)) => Wanted::Key(document::name(s)),
            (Class::Jsonb, 10 | 11, Datum::Array(a)) => {
                let names = a.items.iter().filter_map(|d| match d {
                    Datum::Text(s) => Some(Wanted::Key(document::name(s))),
                    _ => None,
                });
                if strategy == 10 { Wanted::Any(names.collect()) } else { Wanted::All(names.collect()) }
            }
            (Class::Jsonb | Class::JsonbPath, 15 | 16, Datum::Text(s)) => {
                path::wanted(s, strategy == 16, self == Class::JsonbPath)?
            }
            (Class::TsVector, _, Datum::Bytes(b)) => text::wanted(b)?,
            _ => return Err(unfit()),
        })
    }
}

fn unfit() -> DbError {
    DbError::internal("a value that its operator class does not know")
}

/// Completes a key: cuts it if it is long.
fn cut(mut key: Vec<u8>) -> Vec<u8> {
    if key.len() > LONGEST {
        let hash = xxhash_rust::xxh3::xxh3_128(&key);
        key.truncate(LONGEST);
        key.extend_from_slice(&hash.to_be_bytes());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_keep_their_beginning() {
        let long = |last: u8| {
            let mut v = vec![7; 2000];
            v.push(last);
            cut(v)
        };
        assert_eq!(long(1).len(), LONGEST + 16);
        assert!(long(1).starts_with(&[7; LONGEST]));
        assert_ne!(long(1), long(2));
        assert_eq!(cut(vec![1, 2]), [1, 2]);
    }
}
