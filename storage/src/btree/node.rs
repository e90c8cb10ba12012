//! A B+tree node: one page of sorted entries.
//!
//! ```text
//! header … | 32 level u8 | 34 prefix len u16 | 36 next u32 | 40 low len u16, high len u16, garbage u16, 0 u16
//! 48 slots (8 B each) → … free … ← entry data | high fence | low fence | 8160
//! slot: head u32 (first bytes of the suffix, big-endian value) | off u16 | len u16 (13 bits) + ROOM + MARKED
//! leaf entry data:  suffix of key‖RID [| del_xid u64 when ROOM]
//! inner entry data: suffix of separator | child u32; entry 0 has an empty suffix and stands for "from the low fence"
//! ```
//! A node holds the entries e with low ≤ e < high. An empty low fence means "from the beginning", an empty high fence
//! "to the end". `prefix len` is the length of the fences' common prefix, which therefore every entry shares and no
//! entry stores. `garbage` counts data bytes no slot names; compaction wins them back.
//!
//! ROOM says that eight bytes for a marker follow the suffix; MARKED that they hold one. Un-marking keeps ROOM, so a
//! rollback that has to mark the entry again never needs space.
//!
//! [`Node::open`] checks the header once; afterwards slots are in bounds by construction, and only offsets read from
//! slots are checked on use.

use crate::page::{BODY, BODY_END, Page, PageKind};
use rustydb_base::{BlockNo, DbError, Result, Rid, Xid};

/// Bytes of a slot.
pub(crate) const SLOT: usize = 8;
/// Slot flag: the entry is delete-marked.
pub(crate) const MARKED: u16 = 0x8000;
/// Slot flag: eight bytes for a marker follow the suffix.
pub(crate) const ROOM: u16 = 0x4000;
/// Slot bits that hold the suffix length.
pub(crate) const LEN: u16 = 0x1fff;
/// Bytes of the body.
pub(crate) const SPACE: usize = BODY_END - BODY;

pub(crate) const AT_PREFIX: usize = 34;
pub(crate) const AT_LOW: usize = 40;
pub(crate) const AT_HIGH: usize = 42;
pub(crate) const AT_GARBAGE: usize = 44;

/// Which entries a search passes over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bound {
    /// Entries smaller than the target.
    Before,
    /// Entries smaller than or equal to the target.
    Through,
    /// Entries smaller than the target or beginning with it.
    Past,
}

/// A checked view of a node.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    page: &'a Page,
    n: usize,
    prefix: usize,
    low: usize,
    high: usize,
}

/// First four bytes as a big-endian number, padded with zeroes.
#[inline]
pub(crate) fn head(suffix: &[u8]) -> u32 {
    match suffix.first_chunk::<4>() {
        Some(b) => u32::from_be_bytes(*b),
        None => {
            let mut b = [0u8; 4];
            b[..suffix.len()].copy_from_slice(suffix);
            u32::from_be_bytes(b)
        }
    }
}

/// Length of the longest common prefix.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

#[inline]
fn u16_in(page: &Page, at: usize) -> usize {
    usize::from(u16::from_le_bytes([page.0[at], page.0[at + 1]]))
}

impl<'a> Node<'a> {
    /// Checks that the page is a node whose header is consistent.
    #[inline]
    pub(crate) fn open(page: &'a Page) -> Result<Node<'a>> {
        let n = usize::from(page.nslots());
        let (prefix, low, high) = (u16_in(page, AT_PREFIX), u16_in(page, AT_LOW), u16_in(page, AT_HIGH));
        let (lo, hi) = (usize::from(page.free_lo()), usize::from(page.free_hi()));
        if !page.is(PageKind::Btree)
            || BODY + n * SLOT != lo
            || lo > hi
            || hi + low + high > BODY_END
            || prefix > low.min(high)
        {
            return Err(DbError::corrupt(format!("page {:?} is not a sound index node", page.id())));
        }
        Ok(Node { page, n, prefix, low, high })
    }

    /// Number of entries.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.n
    }
    /// Level; 0 for leaves.
    #[inline]
    pub(crate) fn level(&self) -> u8 {
        self.page.level()
    }
    /// Whether this is a leaf.
    #[inline]
    pub(crate) fn is_leaf(&self) -> bool {
        self.page.level() == 0
    }
    /// Right sibling; 0 for none.
    #[inline]
    pub(crate) fn next(&self) -> BlockNo {
        self.page.next()
    }
    /// Low fence; empty for the first node of its level.
    #[inline]
    pub(crate) fn low(&self) -> &'a [u8] {
        &self.page.0[BODY_END - self.low..BODY_END]
    }
    /// High fence; empty for the last node of its level.
    #[inline]
    pub(crate) fn high(&self) -> &'a [u8] {
        let end = BODY_END - self.low;
        &self.page.0[end - self.high..end]
    }
    /// The bytes all entries begin with and none stores.
    #[inline]
    pub(crate) fn prefix(&self) -> &'a [u8] {
        &self.low()[..self.prefix]
    }
    /// Body bytes an insertion can use, after compaction if need be.
    pub(crate) fn free(&self) -> usize {
        usize::from(self.page.free_hi()) - usize::from(self.page.free_lo()) + u16_in(self.page, AT_GARBAGE)
    }
    /// Bytes in use by slots and entry data.
    pub(crate) fn used(&self) -> usize {
        SPACE.saturating_sub(self.low + self.high + self.free())
    }

    #[inline]
    fn slot(&self, i: usize) -> (u32, usize, u16) {
        debug_assert!(i < self.n);
        let at = BODY + i * SLOT;
        let b = &self.page.0[at..at + SLOT];
        let off = usize::from(u16::from_le_bytes([b[4], b[5]]));
        (u32::from_le_bytes([b[0], b[1], b[2], b[3]]), off, u16::from_le_bytes([b[6], b[7]]))
    }
    #[inline]
    fn head_at(&self, i: usize) -> u32 {
        let at = BODY + i * SLOT;
        u32::from_le_bytes([self.page.0[at], self.page.0[at + 1], self.page.0[at + 2], self.page.0[at + 3]])
    }
    /// Slot flags of an entry.
    #[inline]
    pub(crate) fn flags(&self, i: usize) -> u16 {
        self.slot(i).2 & !LEN
    }
    /// Stored bytes of entry `i` without the common prefix and without marker or child.
    #[inline]
    pub(crate) fn suffix(&self, i: usize) -> Result<&'a [u8]> {
        let (_, off, len) = self.slot(i);
        self.page.bytes(off, usize::from(len & LEN))
    }
    /// All stored bytes of entry `i`: suffix, then marker or child.
    pub(crate) fn data(&self, i: usize) -> Result<&'a [u8]> {
        let (_, off, _) = self.slot(i);
        self.page.bytes(off, self.data_len(i))
    }
    /// Length of [`Node::data`].
    #[inline]
    pub(crate) fn data_len(&self, i: usize) -> usize {
        let (_, _, len) = self.slot(i);
        let tail = match (self.is_leaf(), len & ROOM != 0) {
            (false, _) => 4,
            (true, true) => 8,
            (true, false) => 0,
        };
        usize::from(len & LEN) + tail
    }
    /// Offset of entry `i`'s marker on the page, if it has room for one.
    pub(crate) fn marker_at(&self, i: usize) -> Option<usize> {
        let (_, off, len) = self.slot(i);
        (len & ROOM != 0).then_some(off + usize::from(len & LEN))
    }
    /// The transaction that delete-marked entry `i`, if any did.
    pub(crate) fn mark(&self, i: usize) -> Result<Option<Xid>> {
        let (_, off, len) = self.slot(i);
        if len & MARKED == 0 {
            return Ok(None);
        }
        Ok(Some(Xid(self.page.u64_at(off + usize::from(len & LEN))?)))
    }
    /// Child of inner entry `i`.
    #[inline]
    pub(crate) fn child(&self, i: usize) -> Result<BlockNo> {
        let (_, off, len) = self.slot(i);
        self.page.u32_at(off + usize::from(len & LEN))
    }
    /// RID of leaf entry `i`: its last six bytes, some of which may lie in the common prefix.
    #[inline]
    pub(crate) fn rid(&self, i: usize) -> Result<Rid> {
        let s = self.suffix(i)?;
        if let Some(b) = s.last_chunk::<{ Rid::LEN }>() {
            return Rid::from_bytes(b).ok_or_else(|| self.broken());
        }
        let mut b = [0u8; Rid::LEN];
        let missing = Rid::LEN - s.len();
        let p = self.prefix();
        b[..missing].copy_from_slice(p.get(p.len().wrapping_sub(missing)..).ok_or_else(|| self.broken())?);
        b[missing..].copy_from_slice(s);
        Rid::from_bytes(&b).ok_or_else(|| self.broken())
    }
    /// Appends the whole bytes of entry `i` (prefix and suffix, RID included) to `out`.
    pub(crate) fn key_into(&self, i: usize, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(self.prefix());
        out.extend_from_slice(self.suffix(i)?);
        Ok(())
    }
    /// Whether entry `i` begins with `key`.
    #[inline]
    pub(crate) fn begins_with(&self, i: usize, key: &[u8]) -> Result<bool> {
        let p = self.prefix();
        let s = self.suffix(i)?;
        Ok(match key.strip_prefix(p) {
            Some(rest) => s.starts_with(rest),
            None => p.starts_with(key),
        })
    }
    /// Whether entry `i` is exactly `whole` (key and RID).
    pub(crate) fn is(&self, i: usize, whole: &[u8]) -> Result<bool> {
        Ok(whole.strip_prefix(self.prefix()) == Some(self.suffix(i)?))
    }

    /// Number of entries from `first` on that lie before the bound, plus `first`: the place where the search ends.
    #[inline]
    fn search(&self, first: usize, target: &[u8], bound: Bound) -> Result<usize> {
        let p = self.prefix();
        let shared = p.len().min(target.len());
        match target[..shared].cmp(&p[..shared]) {
            std::cmp::Ordering::Less => return Ok(first),
            std::cmp::Ordering::Greater => return Ok(self.n),
            std::cmp::Ordering::Equal => (),
        }
        if target.len() < p.len() {
            return Ok(if bound == Bound::Past { self.n } else { first });
        }
        let t = &target[shared..];
        let want = head(t);
        // For `Past` an entry may be longer than a short target without lying behind it: compare what the target has.
        let mask = if bound == Bound::Past && t.len() < 4 { !(u32::MAX >> (8 * t.len())) } else { u32::MAX };
        let (mut lo, mut hi) = (first, self.n);
        while lo < hi {
            let mid = usize::midpoint(lo, hi);
            let h = self.head_at(mid) & mask;
            let before = if h == want {
                let s = self.suffix(mid)?;
                match bound {
                    Bound::Before => s < t,
                    Bound::Through => s <= t,
                    Bound::Past => s <= t || s.starts_with(t),
                }
            } else {
                h < want
            };
            if before {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        Ok(lo)
    }
    /// Leaf search: index of the first entry that the bound does not pass over.
    #[inline]
    pub(crate) fn position(&self, target: &[u8], bound: Bound) -> Result<usize> {
        self.search(0, target, bound)
    }
    /// Inner search: index of the last entry whose separator the bound passes over; entry 0 always counts as passed.
    #[inline]
    pub(crate) fn child_index(&self, target: &[u8], bound: Bound) -> Result<usize> {
        if self.n == 0 {
            return Err(self.broken());
        }
        Ok(self.search(1, target, bound)? - 1)
    }
    /// Index at which an entry with these bytes is, or would be inserted.
    pub(crate) fn position_for(&self, whole: &[u8]) -> Result<usize> {
        if self.is_leaf() {
            self.position(whole, Bound::Before)
        } else {
            Ok(self.child_index(whole, Bound::Through)? + 1)
        }
    }
    /// Whether `whole` (bytes of an entry) belongs into this node.
    pub(crate) fn covers(&self, whole: &[u8]) -> bool {
        whole >= self.low() && (self.high == 0 || whole < self.high())
    }
    /// Whether entries that begin with `key` may lie beyond this node's high fence.
    pub(crate) fn run_goes_on(&self, key: &[u8]) -> bool {
        let h = self.high();
        self.next() != 0 && (h <= key || h.starts_with(key))
    }

    /// An error for a node whose content contradicts itself.
    #[cold]
    pub(crate) fn broken(&self) -> DbError {
        DbError::corrupt(format!("index node {:?} is inconsistent", self.page.id()))
    }
}
