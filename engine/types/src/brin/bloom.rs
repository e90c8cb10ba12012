//! Sets of hashes: a list while they are few, then a Bloom filter.
//!
//! A body is the number of bits (u32, a multiple of 8) and of hash functions (u8), what follows (u8: 0 a list of hashes in
//! order, 1 the bits), and that.

/// Bytes of a body before its hashes.
pub(super) const HEAD: usize = 6;
const LIST: u8 = 0;
const BITS: u8 = 1;

struct Body<'k> {
    bits: u32,
    hashes: u8,
    form: u8,
    rest: &'k [u8],
}

fn open(b: &[u8]) -> Option<Body<'_>> {
    let (head, rest) = b.split_first_chunk::<HEAD>()?;
    let bits = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let sound = bits >= 8 && (head[5] == LIST || rest.len() == bits as usize / 8);
    sound.then_some(Body { bits, hashes: head[4], form: head[5], rest })
}

fn head(bits: u32, hashes: u8, form: u8) -> Vec<u8> {
    let mut out = bits.to_le_bytes().to_vec();
    out.extend_from_slice(&[hashes, form]);
    out
}

fn list(rest: &[u8]) -> impl Iterator<Item = u64> + '_ {
    rest.as_chunks::<8>().0.iter().map(|c| u64::from_le_bytes(*c))
}

/// The places of a hash.
fn places(bits: u32, hashes: u8, h: u64) -> impl Iterator<Item = (usize, u8)> {
    let (first, step) = (h as u32, (h >> 32) as u32 | 1);
    (0..u32::from(hashes)).map(move |i| {
        let bit = first.wrapping_add(step.wrapping_mul(i)) % bits.max(1);
        ((bit / 8) as usize, 1 << (bit % 8))
    })
}

fn set(bytes: &mut [u8], bits: u32, hashes: u8, h: u64) {
    for (at, bit) in places(bits, hashes, h) {
        if let Some(b) = bytes.get_mut(at) {
            *b |= bit;
        }
    }
}

impl Body<'_> {
    fn has(&self, h: u64) -> bool {
        match self.form {
            LIST => list(self.rest).any(|x| x == h),
            _ => places(self.bits, self.hashes, h).all(|(at, bit)| self.rest.get(at).is_some_and(|b| b & bit != 0)),
        }
    }
}

/// The body of one hash.
pub(super) fn one(bits: u32, hashes: u8, h: u64) -> Vec<u8> {
    let mut out = head(bits, hashes, LIST);
    out.extend_from_slice(&h.to_le_bytes());
    out
}

/// Whether a hash may be in a set.
pub(crate) fn may_have(b: &[u8], h: u64) -> bool {
    open(b).is_none_or(|b| b.has(h))
}

/// Whether a set has all of another.
pub(crate) fn contains(whole: &[u8], part: &[u8]) -> bool {
    let (Some(w), Some(p)) = (open(whole), open(part)) else { return false };
    match p.form {
        LIST => list(p.rest).all(|h| w.has(h)),
        _ => w.form == BITS && w.bits == p.bits && w.rest.iter().zip(p.rest).all(|(w, p)| p & !w == 0),
    }
}

/// The set of what is in either.
pub(crate) fn unite(a: &[u8], b: &[u8]) -> Vec<u8> {
    let (Some(x), Some(y)) = (open(a), open(b)) else {
        // Nothing is known of a damaged set, so all may be in it: as of one with all bits set.
        let mut out = head(8, 1, BITS);
        out.push(u8::MAX);
        return out;
    };
    if x.form == LIST && y.form == LIST {
        let mut all: Vec<u64> = list(x.rest).chain(list(y.rest)).collect();
        all.sort_unstable();
        all.dedup();
        if all.len() * 8 < x.bits as usize / 8 {
            let mut out = head(x.bits, x.hashes, LIST);
            all.iter().for_each(|h| out.extend_from_slice(&h.to_le_bytes()));
            return out;
        }
    }
    let (first, second) = if x.form == BITS { (x, y) } else { (y, x) };
    let mut bytes = vec![0; first.bits as usize / 8];
    for b in [&first, &second] {
        match b.form {
            LIST => list(b.rest).for_each(|h| set(&mut bytes, first.bits, first.hashes, h)),
            _ if b.bits == first.bits => bytes.iter_mut().zip(b.rest).for_each(|(to, from)| *to |= from),
            _ => bytes.fill(u8::MAX),
        }
    }
    let mut out = head(first.bits, first.hashes, BITS);
    out.extend_from_slice(&bytes);
    out
}
