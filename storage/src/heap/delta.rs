//! Differences between two images of a row: a list of splices.
//!
//! `off u16, cut u16, ins u16, bytes[ins]` …, ascending and not overlapping; offsets count in the old image. The same
//! form serves redo (old → new) and undo (new → old).

use rustydb_base::{DbError, Result};

/// Unchanged bytes between two differences that are not worth a splice of their own.
const GAP: usize = 6;

fn splice(out: &mut Vec<u8>, off: usize, cut: usize, ins: &[u8]) {
    out.extend_from_slice(&(off as u16).to_le_bytes());
    out.extend_from_slice(&(cut as u16).to_le_bytes());
    out.extend_from_slice(&(ins.len() as u16).to_le_bytes());
    out.extend_from_slice(ins);
}

/// Appends the splices that turn `old` into `new` (each shorter than 64 KiB).
pub(crate) fn diff(old: &[u8], new: &[u8], out: &mut Vec<u8>) {
    if old.len() == new.len() {
        let mut i = 0;
        while i < old.len() {
            if old[i] == new[i] {
                i += 1;
                continue;
            }
            let (start, mut end) = (i, i + 1);
            let mut j = end;
            while j < old.len() && j - end < GAP {
                if old[j] != new[j] {
                    end = j + 1;
                }
                j += 1;
            }
            splice(out, start, end - start, &new[start..end]);
            i = end;
        }
        return;
    }
    let shorter = old.len().min(new.len());
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take(shorter - head).take_while(|(a, b)| a == b).count();
    splice(out, head, old.len() - tail - head, &new[head..new.len() - tail]);
}

/// Appends to `out` what the splices make of `old`.
pub(crate) fn patch(old: &[u8], mut delta: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let bad = || DbError::corrupt("row difference does not fit the row");
    let mut at = 0;
    while let Some((h, rest)) = delta.split_first_chunk::<6>() {
        let w = |i: usize| usize::from(u16::from_le_bytes([h[i], h[i + 1]]));
        let (off, cut, ins) = (w(0), w(2), w(4));
        out.extend_from_slice(old.get(at..off).ok_or_else(bad)?);
        out.extend_from_slice(rest.get(..ins).ok_or_else(bad)?);
        delta = &rest[ins..];
        at = off + cut;
    }
    if !delta.is_empty() {
        return Err(bad());
    }
    out.extend_from_slice(old.get(at..).ok_or_else(bad)?);
    Ok(())
}

/// Applies splices that cut as many bytes as they insert where they stand. Answers false, and has done nothing, if some do
/// not.
pub(crate) fn patch_in_place(content: &mut [u8], delta: &[u8]) -> Result<bool> {
    let bad = || DbError::corrupt("row difference does not fit the row");
    let splice = |d: &mut &[u8]| -> Result<Option<(usize, usize, usize)>> {
        let Some((h, rest)) = d.split_first_chunk::<6>() else {
            return if d.is_empty() { Ok(None) } else { Err(bad()) };
        };
        let w = |i: usize| usize::from(u16::from_le_bytes([h[i], h[i + 1]]));
        *d = rest;
        Ok(Some((w(0), w(2), w(4))))
    };
    // All of them first, so that a difference that does not fit changes nothing.
    let (mut rest, mut at) = (delta, 0);
    while let Some((off, cut, ins)) = splice(&mut rest)? {
        if cut != ins {
            return Ok(false);
        }
        if off < at || off + cut > content.len() {
            return Err(bad());
        }
        at = off + cut;
        rest = rest.get(ins..).ok_or_else(bad)?;
    }
    let mut rest = delta;
    while let Some((off, cut, _)) = splice(&mut rest)? {
        let (new, more) = rest.split_at(cut);
        content[off..off + cut].copy_from_slice(new);
        rest = more;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn patch_inverts_diff() {
        let mut r = SmallRng::seed_from_u64(1);
        for _ in 0..2000 {
            let mut gen_bytes = |n| (0..n).map(|_| r.random_range(0..3u8)).collect::<Vec<u8>>();
            let (old, mut new) = (gen_bytes(40), gen_bytes(40));
            new.truncate(r.random_range(0..=40));
            let (mut d, mut got) = (Vec::new(), Vec::new());
            diff(&old, &new, &mut d);
            patch(&old, &d, &mut got).expect("fits");
            assert_eq!(got, new);
            let mut there = old.clone();
            if patch_in_place(&mut there, &d).expect("fits") {
                assert_eq!(there, new);
            } else {
                assert!(there == old && old.len() != new.len());
            }
        }
        assert!(patch(b"abc", &[9, 0, 1, 0, 0, 0], &mut Vec::new()).is_err());
        assert!(patch(b"abc", &[0, 0, 1], &mut Vec::new()).is_err());
        assert!(patch_in_place(&mut b"abc".to_vec(), &[0, 0, 1]).is_err());
        // The second splice is cut short.
        let mut there = b"abc".to_vec();
        assert!(patch_in_place(&mut there, &[0, 0, 1, 0, 1, 0, 9, 2, 0, 1, 0, 1, 0]).is_err());
        assert!(patch_in_place(&mut there, &[3, 0, 1, 0, 1, 0, 9]).is_err());
        assert_eq!(there, b"abc");
    }
}
