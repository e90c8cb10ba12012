//! jsonb: the members and scalars of a document, or hashes of the paths to its scalars.
//!
//! `jsonb_ops` keeps each object key as a *name* and each scalar as a value; strings in arrays (and a string alone, which is
//! taken for an array of one) are names, as `?` finds them. `jsonb_path_ops` keeps a hash of each scalar with the object keys
//! above it; arrays add nothing to a path, since `@>` looks into them at any place.

use super::{KEY, cut};
use crate::jsonb::View;
use crate::numeric::Numeric;
use xxhash_rust::xxh3::xxh3_64;

/// Kinds of keys.
const NAME: u8 = 1;
const NONE: u8 = 2;
const BOOL: u8 = 3;
const NUMBER: u8 = 4;
const STRING: u8 = 5;

/// A scalar of a document or of a path expression.
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Numeric),
    String(&'a str),
}

impl<'a> Scalar<'a> {
    fn of(v: View<'a>) -> Option<Scalar<'a>> {
        Some(match v {
            View::Null => Scalar::Null,
            View::Bool(b) => Scalar::Bool(b),
            View::String(s) => Scalar::String(s),
            View::Number(_) => Scalar::Number(v.number()?),
            View::Array(_) | View::Object(_) => return None,
        })
    }

    /// Its bytes, which end by themselves: text holds no zero byte.
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Scalar::Null => out.push(NONE),
            Scalar::Bool(b) => out.extend_from_slice(&[BOOL, u8::from(*b)]),
            Scalar::Number(n) => {
                out.push(NUMBER);
                n.write_key(out);
            }
            Scalar::String(s) => {
                out.push(STRING);
                out.extend_from_slice(s.as_bytes());
                out.push(0);
            }
        }
    }
}

/// The key of a member's name or of a string in an array.
pub(super) fn name(s: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(s.len() + 3);
    out.extend_from_slice(&[KEY, NAME]);
    out.extend_from_slice(s.as_bytes());
    out.push(0);
    cut(out)
}

/// The key of a scalar that is a member's value, or no string.
pub(super) fn value(s: &Scalar<'_>) -> Vec<u8> {
    let mut out = vec![KEY];
    s.put(&mut out);
    cut(out)
}

/// The names above a value, each ended.
pub(super) fn step(path: &[u8], name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + name.len() + 2);
    out.extend_from_slice(path);
    out.push(NAME);
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out
}

/// The key of a scalar at the end of a path.
pub(super) fn leaf(path: &[u8], s: &Scalar<'_>) -> Vec<u8> {
    let mut whole = path.to_vec();
    s.put(&mut whole);
    let mut out = vec![KEY];
    out.extend_from_slice(&xxh3_64(&whole).to_be_bytes());
    out
}

fn deep<T>(f: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, f)
}

/// The keys of a document for `jsonb_ops`.
pub(super) fn keys(b: &[u8], out: &mut Vec<Vec<u8>>) {
    // A scalar alone is an array of one.
    put_keys(View::of(b), true, out);
}

fn put_keys(v: View<'_>, element: bool, out: &mut Vec<Vec<u8>>) {
    match v {
        View::Array(a) => deep(|| a.iter().for_each(|x| put_keys(View::of(x), true, out))),
        View::Object(o) => deep(|| {
            for (key, x) in o.iter() {
                out.push(name(key));
                put_keys(View::of(x), false, out);
            }
        }),
        View::String(s) if element => out.push(name(s)),
        v => out.extend(Scalar::of(v).map(|s| value(&s))),
    }
}

/// The keys of a document for `jsonb_path_ops`.
pub(super) fn paths(b: &[u8], out: &mut Vec<Vec<u8>>) {
    put_paths(View::of(b), &[], out);
}

fn put_paths(v: View<'_>, path: &[u8], out: &mut Vec<Vec<u8>>) {
    match v {
        View::Array(a) => deep(|| a.iter().for_each(|x| put_paths(View::of(x), path, out))),
        View::Object(o) => deep(|| o.iter().for_each(|(key, x)| put_paths(View::of(x), &step(path, key), out))),
        v => out.extend(Scalar::of(v).map(|s| leaf(path, &s))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonb::{encode, parse};

    fn all(text: &str, f: fn(&[u8], &mut Vec<Vec<u8>>)) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        f(&encode(&parse(text).expect("test input is JSON")), &mut out);
        out.sort();
        out
    }

    #[test]
    fn members_and_scalars() {
        let mut want = vec![name("a"), name("b"), value(&Scalar::String("x")), value(&Scalar::Bool(true))];
        want.sort();
        assert_eq!(
            all(r#"{"a": ["b", true], "b": "x"}"#, keys).into_iter().collect::<std::collections::BTreeSet<_>>(),
            want.into_iter().collect()
        );
        assert_eq!(all("\"b\"", keys), [name("b")]);
        assert_eq!(all("1.0", keys), all("[1.00]", keys));
        assert!(all("[{}, []]", keys).is_empty());
    }

    #[test]
    fn paths_pass_over_arrays() {
        assert_eq!(all(r#"{"a": [{"b": 1}]}"#, paths), all(r#"{"a": {"b": 1.0}}"#, paths));
        assert_ne!(all(r#"{"a": {"b": 1}}"#, paths), all(r#"{"b": {"a": 1}}"#, paths));
        assert!(all(r#"{"a": {}}"#, paths).is_empty());
    }
}
