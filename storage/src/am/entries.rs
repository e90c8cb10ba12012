//! The entries of a row in one index: one, or a list of them.
//!
//! Idea: row operations carry at most one byte string per index. For a method that has one entry per row
//! (`IndexCaps::several` is false) the bytes are its key; for the others they are a list of keys, in order and each once,
//! so that two versions of a row are compared by walking their lists side by side. A list is never stored as such.

use super::{IndexDesc, Method};
use rustydb_base::{DbError, Result};
use smallvec::SmallVec;
use std::cmp::Ordering;

/// Bytes of a list before each key: its length.
const HEAD: usize = 2;

/// Appends a key to a row's list of entries. Keys are to be appended in order, each once.
pub fn push_entry(list: &mut Vec<u8>, key: &[u8]) -> Result<()> {
    let len = u16::try_from(key.len()).map_err(|_| DbError::internal("index key of more than 64 KB"))?;
    list.extend_from_slice(&len.to_le_bytes());
    list.extend_from_slice(key);
    Ok(())
}

/// The keys of a row's entries in an index.
pub fn entries<'k>(idx: &IndexDesc, bytes: &'k [u8]) -> Result<Entries<'k>> {
    let several = match idx.method {
        Method::BTREE | Method::HASH | Method::GIST | Method::BRIN => false,
        m => m.am()?.caps().several,
    };
    Ok(if several { Entries::List(bytes) } else { Entries::One(Some(bytes)) })
}

/// See [`entries`].
#[derive(Clone, Debug)]
pub enum Entries<'k> {
    /// One key.
    One(Option<&'k [u8]>),
    /// What is left of a list.
    List(&'k [u8]),
}

impl<'k> Iterator for Entries<'k> {
    type Item = &'k [u8];

    fn next(&mut self) -> Option<&'k [u8]> {
        match self {
            Entries::One(k) => k.take(),
            Entries::List(b) => {
                let (len, rest) = b.split_first_chunk::<HEAD>()?;
                let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
                *b = rest;
                Some(key)
            }
        }
    }
}

/// Walks the entries of two versions of a row: those that only the old one has, and those that only the new one has.
pub fn changes<'k>(
    old: impl Iterator<Item = &'k [u8]>,
    new: impl Iterator<Item = &'k [u8]>,
) -> (SmallVec<[&'k [u8]; 2]>, SmallVec<[&'k [u8]; 2]>) {
    let (mut gone, mut come) = (SmallVec::new(), SmallVec::new());
    let (mut old, mut new) = (old.peekable(), new.peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return (gone, come),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        if order == Ordering::Equal {
            old.next();
            new.next();
        } else if order == Ordering::Less {
            gone.extend(old.next());
        } else {
            come.extend(new.next());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(keys: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for k in keys {
            push_entry(&mut out, k).expect("short keys");
        }
        out
    }

    #[test]
    fn lists_are_compared_by_walking_them() {
        let (a, b) = (list(&[b"a", b"b", b"d"]), list(&[b"b", b"c", b"d", b"e"]));
        let keys: Vec<&[u8]> = Entries::List(&a).collect();
        assert_eq!(keys, [b"a", b"b", b"d"]);
        let (gone, come) = changes(Entries::List(&a), Entries::List(&b));
        assert_eq!((gone.to_vec(), come.to_vec()), (vec![&b"a"[..]], vec![&b"c"[..], &b"e"[..]]));
        let (gone, come) = changes(Entries::List(&[]), Entries::List(&a));
        assert_eq!((gone.len(), come.len()), (0, 3));
    }

    #[test]
    fn a_damaged_list_ends() {
        let whole = list(&[b"abc", b"def"]);
        for n in 0..whole.len() {
            assert!(Entries::List(&whole[..n]).count() < 2);
        }
    }
}
