//! Where a part of a value lies in PostgreSQL's own layout of jsonb, which `keyvalue()` shows as the object's identity.
//!
//! A container is a header word, an entry word per element (two per member), then the data: numbers and containers aligned
//! to four bytes, keys before values.

use crate::jsonb::View;
use crate::numeric::Numeric;

fn aligned(n: u64) -> u64 {
    n.next_multiple_of(4)
}

/// Bytes of a number as PostgreSQL stores it: a length word, a header of two or four bytes, two bytes per four digits.
fn number_size(n: &Numeric) -> u64 {
    let mut wire = Vec::new();
    n.write_wire(&mut wire);
    let word = |i: usize| wire.get(i..i + 2).and_then(|b| b.try_into().ok()).map_or(0, i16::from_be_bytes);
    let (digits, weight, scale) = (word(0), word(2), word(6));
    let short = scale <= 63 && (-64..=63).contains(&weight);
    4 + if short { 2 } else { 4 } + 2 * digits.max(0) as u64
}

/// Adds a value to data that ends at `at`; gives where it begins and where the data then end.
fn place(at: u64, v: View<'_>) -> (u64, u64) {
    match v {
        View::Null | View::Bool(_) => (at, at),
        View::String(s) => (at, at + s.len() as u64),
        View::Number(_) => {
            let start = aligned(at);
            (start, start + v.number().map_or(0, |n| number_size(&n)))
        }
        View::Array(_) | View::Object(_) => {
            let start = aligned(at);
            (start, end_of(start, v, &mut |_, _| {}))
        }
    }
}

/// The end of a container that begins at `start`; tells each child and where it lies.
fn end_of(start: u64, v: View<'_>, visit: &mut dyn FnMut(&[u8], u64)) -> u64 {
    match v {
        View::Array(a) => {
            let mut at = start + 4 + 4 * a.len() as u64;
            for b in a.iter() {
                let (begin, end) = place(at, View::of(b));
                visit(b, begin);
                at = end;
            }
            at
        }
        View::Object(o) => {
            let mut at = start + 4 + 8 * o.len() as u64;
            for (key, _) in o.iter() {
                at += key.len() as u64;
            }
            for (_, b) in o.iter() {
                let (begin, end) = place(at, View::of(b));
                visit(b, begin);
                at = end;
            }
            at
        }
        _ => start,
    }
}

/// The offset of `part`, a slice of `root`, from the root's beginning.
pub(super) fn offset_of(root: &[u8], part: &[u8]) -> Option<u64> {
    let wanted = part.as_ptr() as usize;
    let (mut b, mut at) = (root, 0);
    loop {
        if b.as_ptr() as usize == wanted && b.len() == part.len() {
            return Some(at);
        }
        // Down into the child that the part lies in.
        let mut next = None;
        let base = b;
        end_of(at, View::of(b), &mut |child, begin| {
            let start = child.as_ptr() as usize;
            if (start..start + child.len()).contains(&wanted) {
                let from = start.saturating_sub(base.as_ptr() as usize);
                next = Some((from, child.len(), begin));
            }
        });
        let (from, len, begin) = next?;
        b = b.get(from..from + len)?;
        at = begin;
    }
}
