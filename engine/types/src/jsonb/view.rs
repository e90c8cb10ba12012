//! Reading stored values in place.

use super::{compare_keys, number, tag};
use crate::numeric::Numeric;

/// What kind of value it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "JSON's own words")]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// A value in place.
#[derive(Clone, Copy)]
pub enum View<'a> {
    /// null.
    Null,
    /// true or false.
    Bool(bool),
    /// A number's stored digits.
    Number(&'a [u8]),
    /// A string.
    String(&'a str),
    /// An array.
    Array(Array<'a>),
    /// An object.
    Object(Object<'a>),
}

/// An array in place.
#[derive(Clone, Copy)]
pub struct Array<'a> {
    ends: &'a [u8],
    items: &'a [u8],
}

/// An object in place.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    key_ends: &'a [u8],
    value_ends: &'a [u8],
    keys: &'a [u8],
    values: &'a [u8],
}

/// The `i`th number of a list of end offsets; 0 before the first.
fn end(ends: &[u8], i: usize) -> usize {
    let Some(i) = i.checked_sub(1) else { return 0 };
    ends.get(i * 4..i * 4 + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes) as usize
}

fn part<'a>(ends: &[u8], bytes: &'a [u8], i: usize) -> Option<&'a [u8]> {
    if i >= ends.len() / 4 {
        return None;
    }
    bytes.get(end(ends, i)..end(ends, i + 1))
}

/// A count and so many words of four bytes.
fn counted(b: &[u8], words: usize) -> Option<(usize, &[u8], &[u8])> {
    let (head, rest) = b.split_first_chunk::<4>()?;
    let n = u32::from_le_bytes(*head) as usize;
    let (ends, rest) = rest.split_at_checked(n.checked_mul(4 * words)?)?;
    Some((n, ends, rest))
}

impl<'a> View<'a> {
    /// A stored value.
    pub fn of(b: &'a [u8]) -> View<'a> {
        View::read(b).unwrap_or(View::Null)
    }

    fn read(b: &'a [u8]) -> Option<View<'a>> {
        let (t, rest) = b.split_first()?;
        Some(match *t {
            tag::FALSE => View::Bool(false),
            tag::TRUE => View::Bool(true),
            tag::NUMBER => View::Number(rest),
            tag::STRING => View::String(std::str::from_utf8(rest).ok()?),
            tag::ARRAY => {
                let (_, ends, items) = counted(rest, 1)?;
                View::Array(Array { ends, items })
            }
            tag::OBJECT => {
                let (n, ends, rest) = counted(rest, 2)?;
                let (key_ends, value_ends) = ends.split_at_checked(n * 4)?;
                let (keys, values) = rest.split_at_checked(end(key_ends, n))?;
                View::Object(Object { key_ends, value_ends, keys, values })
            }
            _ => View::Null,
        })
    }

    /// Its kind.
    pub fn kind(self) -> Kind {
        match self {
            View::Null => Kind::Null,
            View::Bool(_) => Kind::Bool,
            View::Number(_) => Kind::Number,
            View::String(_) => Kind::String,
            View::Array(_) => Kind::Array,
            View::Object(_) => Kind::Object,
        }
    }

    /// A number's value.
    pub fn number(self) -> Option<Numeric> {
        match self {
            View::Number(b) => Some(number(b)),
            _ => None,
        }
    }

    /// Whether it is neither array nor object.
    pub fn is_scalar(self) -> bool {
        !matches!(self, View::Array(_) | View::Object(_))
    }
}

impl<'a> Array<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.ends.len() / 4
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// An element's bytes.
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        part(self.ends, self.items, i)
    }

    /// The element at a subscript that counts from the end when it is negative.
    pub fn at(&self, i: i64) -> Option<&'a [u8]> {
        let i = if i < 0 { i64::try_from(self.len()).ok()?.checked_add(i)? } else { i };
        self.get(usize::try_from(i).ok()?)
    }

    /// The elements' bytes.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(move |i| self.get(i).unwrap_or_default())
    }
}

impl<'a> Object<'a> {
    /// Number of members.
    pub fn len(&self) -> usize {
        self.key_ends.len() / 4
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.key_ends.is_empty()
    }

    /// A key.
    pub fn key(&self, i: usize) -> &'a str {
        part(self.key_ends, self.keys, i).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }

    /// A value's bytes.
    pub fn value(&self, i: usize) -> Option<&'a [u8]> {
        part(self.value_ends, self.values, i)
    }

    /// The value of a key.
    pub fn find(&self, key: &str) -> Option<&'a [u8]> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = low + (high - low) / 2;
            match compare_keys(self.key(mid), key) {
                std::cmp::Ordering::Equal => return self.value(mid),
                std::cmp::Ordering::Less => low = mid + 1,
                std::cmp::Ordering::Greater => high = mid,
            }
        }
        None
    }

    /// Keys and values' bytes, in order of the keys.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        (0..self.len()).map(move |i| (self.key(i), self.value(i).unwrap_or_default()))
    }
}
