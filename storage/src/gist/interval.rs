//! The simplest keys: byte strings in their order, bounded by the first and the last. What the tests of the tree use.
//!
//! A bound is the length of the first (u16), the first and the last.

use super::Keys;

/// See the module.
pub struct Intervals;

/// The ends of a bound; of bytes that are none, nothing.
fn ends(b: &[u8]) -> (&[u8], &[u8]) {
    b.split_first_chunk::<2>()
        .and_then(|(len, rest)| rest.split_at_checked(usize::from(u16::from_le_bytes(*len))))
        .unwrap_or_default()
}

fn bound(low: &[u8], high: &[u8]) -> Vec<u8> {
    let mut out = (low.len() as u16).to_le_bytes().to_vec();
    out.extend_from_slice(low);
    out.extend_from_slice(high);
    out
}

/// The first bytes as a number.
fn number(b: &[u8]) -> f64 {
    b.iter().take(8).fold((0.0, 1.0), |(n, unit), x| (n + f64::from(*x) * unit, unit / 256.0)).0
}

impl Keys for Intervals {
    fn bound(&self, key: &[u8]) -> Vec<u8> {
        bound(key, key)
    }

    fn covers(&self, whole: &[u8], part: &[u8]) -> bool {
        let ((a, b), (c, d)) = (ends(whole), ends(part));
        a <= c && d <= b
    }

    fn unite(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        let ((a, b), (c, d)) = (ends(a), ends(b));
        bound(a.min(c), b.max(d))
    }

    fn penalty(&self, b: &[u8], more: &[u8]) -> f64 {
        let ((a, b), (c, d)) = (ends(b), ends(more));
        (number(a) - number(c)).max(0.0) + (number(d) - number(b)).max(0.0)
    }

    fn order(&self, bounds: &[&[u8]]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..bounds.len()).collect();
        order.sort_by(|x, y| ends(bounds[*x]).cmp(&ends(bounds[*y])));
        order
    }
}
