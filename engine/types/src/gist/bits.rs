//! Signatures: a bit for each word, chosen by its hash.

use super::part::{Kind, put as put_part};
use crate::gin::Wanted;
use crate::tsearch::query::TsQuery;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of the signature of a query.
pub(super) const SMALL: usize = 8;
/// Bytes of the signature of a text, if it has the room.
const LARGE: usize = 124;

/// Bytes of a text's signature where so many bytes are left for a column.
pub(super) fn size(room: usize) -> usize {
    if room >= 2 * LARGE { LARGE } else { LARGE / 4 }
}

fn place(word: &[u8], bytes: usize) -> (usize, u8) {
    let bit = (xxh3_64(word) % (bytes.max(1) as u64 * 8)) as usize;
    (bit / 8, 1 << (bit % 8))
}

/// Appends the part of a text with these words.
pub(super) fn put<'w>(bytes: usize, words: impl Iterator<Item = &'w [u8]>, out: &mut Vec<u8>) {
    let mut bits = vec![0u8; bytes];
    for w in words {
        let (at, bit) = place(w, bytes);
        if let Some(b) = bits.get_mut(at) {
            *b |= bit;
        }
    }
    put_part(0, Kind::Bits, &bits, out);
}

/// The words of a tsquery.
pub(super) fn words(b: &[u8]) -> Option<Vec<String>> {
    Some(TsQuery::read(b)?.words().map(|w| w.word.to_string()).collect())
}

pub(super) fn contain(whole: &[u8], part: &[u8]) -> bool {
    whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| p & !w == 0)
}

pub(super) fn unite(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a | b).collect()
}

/// Bits that `more` has beyond `bits`.
pub(super) fn growth(bits: &[u8], more: &[u8]) -> f64 {
    bits.iter().zip(more).map(|(b, m)| f64::from((m & !b).count_ones())).sum()
}

/// Bits that one of them has.
pub(super) fn difference(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// Two signatures that are unlike each other.
pub(super) fn seeds<'b>(list: impl Iterator<Item = &'b [u8]> + Clone) -> Option<(&'b [u8], &'b [u8])> {
    let first = list.clone().next()?;
    let left = list.clone().max_by_key(|b| difference(b, first))?;
    let right = list.max_by_key(|b| difference(b, left))?;
    Some((left, right))
}

fn has(bits: &[u8], word: &[u8]) -> bool {
    let (at, bit) = place(word, bits.len());
    bits.get(at).is_some_and(|b| b & bit != 0)
}

/// Whether a text may have what is wanted of it.
pub(super) fn may_have(bits: &[u8], w: &Wanted) -> bool {
    match w {
        Wanted::Key(k) => has(bits, k),
        Wanted::Begins(_) | Wanted::Anything => true,
        Wanted::All(v) => v.iter().all(|w| may_have(bits, w)),
        Wanted::Any(v) => v.iter().any(|w| may_have(bits, w)),
    }
}

/// Whether a query may have all of some words, or no others.
pub(super) fn may_match(bits: &[u8], all: bool, words: &[Vec<u8>], leaf: bool) -> bool {
    if all {
        return words.iter().all(|w| has(bits, w));
    }
    if !leaf {
        return true;
    }
    let mut theirs = Vec::new();
    put(bits.len(), words.iter().map(Vec::as_slice), &mut theirs);
    theirs.get(3..).is_some_and(|t| contain(t, bits))
}
