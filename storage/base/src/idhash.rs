//! A hasher for identifiers that the server gives itself (OIDs, columns of a statement): one multiplication a number.
//!
//! Nobody outside chooses such keys, so the standard hasher's defence against chosen ones is not needed; it costs more than
//! the rest of a look-up. Keys that clients choose (names, values) do not belong here.

use std::hash::{BuildHasherDefault, Hasher};

/// Makes [`IdHasher`]s.
pub type IdHash = BuildHasherDefault<IdHasher>;

/// See the module.
#[derive(Clone, Copy, Default)]
pub struct IdHasher(u64);

/// Odd, with its ones well spread: the golden ratio's fraction.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl IdHasher {
    fn add(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(FACTOR);
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.add(u64::from(*b)));
    }
    fn write_u16(&mut self, n: u16) {
        self.add(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }
    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }
    fn finish(&self) -> u64 {
        // The upper bits depend on all of the key's; tables take their places from the lower ones.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::Hash;

    fn hash(key: impl Hash) -> u64 {
        let mut h = IdHasher::default();
        key.hash(&mut h);
        h.finish()
    }

    #[test]
    fn dense_and_sparse_keys_spread_over_small_tables() {
        for step in [1u32, 2, 64, 1 << 16] {
            let places: HashSet<u64> = (0..1024u32).map(|i| hash(i * step) % 1024).collect();
            assert!(places.len() > 512, "step {step}: {}", places.len());
        }
        let pairs: HashSet<u64> = (0..32u32).flat_map(|a| (0..32u32).map(move |b| hash((a, b)) % 1024)).collect();
        assert!(pairs.len() > 400, "{}", pairs.len());
    }
}
