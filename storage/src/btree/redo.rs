//! What redo can do to a node. Forward execution and recovery both come through [`apply`].
//!
//! Payloads (little-endian):
//! ```text
//! INSERT, PARENT_INS  index u16, slot flags and suffix length u16, data
//! MARK                index u16, del_xid u64
//! UNMARK              index u16
//! REMOVE, PARENT_DEL  index u16, horizon SCN u64 (0: not a purge)
//! SPLIT_LEFT          first index moved away u16, new right sibling u32, separator
//! MERGE               next u32, new high fence len u16, entries u16, high fence, entries {flags and len u16, data}
//! NEW_RIGHT, ROOT     level u8, next u32, low len u16, high len u16, entries u16, low, high, entries as in MERGE
//! ```
//! In MERGE, NEW_RIGHT and ROOT the entries' suffixes are relative to the prefix that the new fences share.

use super::node::*;
use crate::page::{BODY, BODY_END, Page, PageKind};
use rustydb_base::{BlockNo, DbError, Result, Scn, Xid};

/// Add a leaf entry.
pub(crate) const INSERT: u8 = 0x30;
/// Delete-mark a leaf entry.
pub(crate) const MARK: u8 = 0x31;
/// Take the mark off.
pub(crate) const UNMARK: u8 = 0x32;
/// Remove a leaf entry.
pub(crate) const REMOVE: u8 = 0x33;
/// Give the upper entries away to a new right sibling.
pub(crate) const SPLIT_LEFT: u8 = 0x34;
/// Build the new right sibling.
pub(crate) const NEW_RIGHT: u8 = 0x35;
/// Add a separator and child to an inner node.
pub(crate) const PARENT_INS: u8 = 0x36;
/// Take over the right sibling's entries and range.
pub(crate) const MERGE: u8 = 0x37;
/// Build the root anew.
pub(crate) const ROOT: u8 = 0x38;
/// Remove a separator and child from an inner node.
pub(crate) const PARENT_DEL: u8 = 0x39;

/// Most bytes an INSERT, MARK, UNMARK or REMOVE payload adds to the entry's data.
pub(crate) const SMALL: usize = 12;

fn bad() -> DbError {
    DbError::corrupt("malformed index redo operation")
}

/// Reads fixed-size numbers off the front of a payload.
struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (a, b) = self.0.split_at_checked(n).ok_or_else(bad)?;
        self.0 = b;
        Ok(a)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (a, b) = self.0.split_first_chunk::<N>().ok_or_else(bad)?;
        self.0 = b;
        Ok(*a)
    }
    fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }
    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }
    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}

/// Runs one operation on a node.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    let mut p = Take(payload);
    match code {
        INSERT | PARENT_INS => {
            let (i, flags) = (usize::from(p.u16()?), p.u16()?);
            insert(page, i, flags, p.0)
        }
        MARK => {
            let (i, xid) = (usize::from(p.u16()?), p.u64()?);
            mark(page, i, Xid(xid))
        }
        UNMARK => {
            let i = usize::from(p.u16()?);
            unmark(page, i)
        }
        REMOVE | PARENT_DEL => {
            let (i, _horizon) = (usize::from(p.u16()?), p.u64()?);
            remove(page, i)
        }
        SPLIT_LEFT => {
            let (cut, right) = (usize::from(p.u16()?), p.u32()?);
            split_left(page, cut, right, p.0)
        }
        MERGE => merge(page, p),
        NEW_RIGHT | ROOT => build(page, p),
        _ => Err(DbError::corrupt(format!("unknown index redo operation {code:#x}"))),
    }
}

fn set_u16(page: &mut Page, at: usize, v: usize) {
    page.0[at..at + 2].copy_from_slice(&(v as u16).to_le_bytes());
}

fn garbage(page: &Page) -> usize {
    usize::from(u16::from_le_bytes([page.0[AT_GARBAGE], page.0[AT_GARBAGE + 1]]))
}

fn put_slot(page: &mut Page, i: usize, head: u32, off: usize, flags: u16) -> Result<()> {
    let mut b = [0u8; SLOT];
    b[..4].copy_from_slice(&head.to_le_bytes());
    b[4..6].copy_from_slice(&(off as u16).to_le_bytes());
    b[6..].copy_from_slice(&flags.to_le_bytes());
    page.put(BODY + i * SLOT, &b)
}

/// Makes the page an empty node.
fn init(page: &mut Page, level: u8, next: BlockNo, low: &[u8], high: &[u8]) -> Result<()> {
    if low.len() + high.len() > SPACE {
        return Err(bad());
    }
    let id = page.id();
    page.format(id, PageKind::Btree);
    page.set_level(level);
    page.set_next(next);
    set_u16(page, AT_PREFIX, common_prefix(low, high));
    set_u16(page, AT_LOW, low.len());
    set_u16(page, AT_HIGH, high.len());
    let at = BODY_END - low.len();
    page.put(at, low)?;
    page.put(at - high.len(), high)?;
    page.set_free_hi((at - high.len()) as u16);
    Ok(())
}

/// Appends an entry whose data is `parts` in a row; the suffix takes `flags & LEN` bytes of it.
fn push(page: &mut Page, flags: u16, parts: &[&[u8]]) -> Result<()> {
    let total: usize = parts.iter().map(|p| p.len()).sum();
    let (lo, hi) = (usize::from(page.free_lo()), usize::from(page.free_hi()));
    if lo + SLOT + total > hi || usize::from(flags & LEN) > total {
        return Err(bad());
    }
    let off = hi - total;
    let mut at = off;
    for p in parts {
        page.put(at, p)?;
        at += p.len();
    }
    let h = head(page.bytes(off, usize::from(flags & LEN))?);
    let n = usize::from(page.nslots());
    page.set_nslots((n + 1) as u16);
    page.set_free_lo((lo + SLOT) as u16);
    page.set_free_hi(off as u16);
    put_slot(page, n, h, off, flags)
}

/// Moves all entry data together, so that the garbage becomes free space.
fn compact(page: &mut Page) -> Result<()> {
    let old = Page(page.0);
    let node = Node::open(&old)?;
    let mut hi = BODY_END - node.low().len() - node.high().len();
    for i in 0..node.len() {
        let d = node.data(i)?;
        hi = hi.checked_sub(d.len()).ok_or_else(bad)?;
        page.put(hi, d)?;
        set_u16(page, BODY + i * SLOT + 4, hi);
    }
    if hi < usize::from(page.free_lo()) {
        return Err(bad());
    }
    // The free area is zeroed so that a page's bytes depend on nothing but its history of operations.
    let lo = usize::from(page.free_lo());
    page.0[lo..hi].fill(0);
    page.set_free_hi(hi as u16);
    set_u16(page, AT_GARBAGE, 0);
    Ok(())
}

/// Gets `need` contiguous free bytes.
fn make_room(page: &mut Page, need: usize) -> Result<()> {
    let contiguous = |p: &Page| usize::from(p.free_hi()).saturating_sub(usize::from(p.free_lo()));
    if contiguous(page) < need {
        compact(page)?;
    }
    if contiguous(page) < need { Err(bad()) } else { Ok(()) }
}

fn insert(page: &mut Page, i: usize, flags: u16, data: &[u8]) -> Result<()> {
    let n = Node::open(page)?.len();
    if i > n {
        return Err(bad());
    }
    make_room(page, SLOT + data.len())?;
    push(page, flags, &[data])?;
    // The new slot is the last one: rotate it into its place.
    let (from, to) = (BODY + i * SLOT, BODY + (n + 1) * SLOT);
    page.0[from..to].rotate_right(SLOT);
    Ok(())
}

fn mark(page: &mut Page, i: usize, xid: Xid) -> Result<()> {
    let node = Node::open(page)?;
    if i >= node.len() || !node.is_leaf() {
        return Err(bad());
    }
    let flags = node.flags(i);
    if let Some(at) = node.marker_at(i) {
        let len = node.suffix(i)?.len() as u16;
        page.put(at, &xid.0.to_le_bytes())?;
        set_u16(page, BODY + i * SLOT + 6, usize::from(len | flags | MARKED));
        return Ok(());
    }
    let mut data = node.suffix(i)?.to_vec();
    let len = data.len() as u16;
    data.extend_from_slice(&xid.0.to_le_bytes());
    remove(page, i)?;
    insert(page, i, len | MARKED | ROOM, &data)
}

fn unmark(page: &mut Page, i: usize) -> Result<()> {
    let node = Node::open(page)?;
    if i >= node.len() || !node.is_leaf() {
        return Err(bad());
    }
    let (len, flags) = (node.suffix(i)?.len() as u16, node.flags(i));
    let Some(at) = node.marker_at(i) else { return Err(bad()) };
    page.put(at, &[0; 8])?;
    set_u16(page, BODY + i * SLOT + 6, usize::from(len | (flags & !MARKED)));
    Ok(())
}

fn remove(page: &mut Page, i: usize) -> Result<()> {
    let node = Node::open(page)?;
    let n = node.len();
    if i >= n {
        return Err(bad());
    }
    let freed = node.data_len(i);
    let end = BODY + n * SLOT;
    page.0.copy_within(BODY + (i + 1) * SLOT..end, BODY + i * SLOT);
    page.0[end - SLOT..end].fill(0);
    page.set_nslots((n - 1) as u16);
    page.set_free_lo((end - SLOT) as u16);
    let g = garbage(page) + freed;
    set_u16(page, AT_GARBAGE, g);
    Ok(())
}

/// Re-adds entry `i` of `from` under the prefix length that `page` has now.
fn carry(page: &mut Page, from: &Node<'_>, i: usize) -> Result<()> {
    let now = usize::from(u16::from_le_bytes([page.0[AT_PREFIX], page.0[AT_PREFIX + 1]]));
    let (flags, data, old) = (from.flags(i), from.data(i)?, from.prefix());
    let len = from.suffix(i)?.len();
    // Entry 0 of an inner node has no suffix, whatever the prefix.
    if len == 0 && !from.is_leaf() {
        return push(page, flags, &[data]);
    }
    if now >= old.len() {
        let cut = now - old.len();
        let rest = data.get(cut..).ok_or_else(bad)?;
        let len = len.checked_sub(cut).ok_or_else(bad)?;
        push(page, flags | len as u16, &[rest])
    } else {
        push(page, flags | (len + old.len() - now) as u16, &[&old[now..], data])
    }
}

fn split_left(page: &mut Page, cut: usize, right: BlockNo, separator: &[u8]) -> Result<()> {
    let old = Page(page.0);
    let node = Node::open(&old)?;
    if cut > node.len() {
        return Err(bad());
    }
    init(page, node.level(), right, node.low(), separator)?;
    for i in 0..cut {
        carry(page, &node, i)?;
    }
    Ok(())
}

fn push_all(page: &mut Page, level: u8, n: u16, mut p: Take<'_>) -> Result<()> {
    for _ in 0..n {
        let flags = p.u16()?;
        let tail = match (level, flags & ROOM != 0) {
            (0, true) => 8,
            (0, false) => 0,
            _ => 4,
        };
        let data = p.bytes(usize::from(flags & LEN) + tail)?;
        push(page, flags, &[data])?;
    }
    if p.0.is_empty() { Ok(()) } else { Err(bad()) }
}

fn merge(page: &mut Page, mut p: Take<'_>) -> Result<()> {
    let old = Page(page.0);
    let node = Node::open(&old)?;
    let (next, high, n) = (p.u32()?, usize::from(p.u16()?), p.u16()?);
    let high = p.bytes(high)?;
    init(page, node.level(), next, node.low(), high)?;
    for i in 0..node.len() {
        carry(page, &node, i)?;
    }
    push_all(page, node.level(), n, p)
}

fn build(page: &mut Page, mut p: Take<'_>) -> Result<()> {
    let (level, next) = (p.u8()?, p.u32()?);
    let (low, high, n) = (usize::from(p.u16()?), usize::from(p.u16()?), p.u16()?);
    let (low, high) = (p.bytes(low)?, p.bytes(high)?);
    init(page, level, next, low, high)?;
    push_all(page, level, n, p)
}

/// Payload of INSERT and PARENT_INS.
pub(crate) fn insert_payload(out: &mut Vec<u8>, i: usize, suffix: &[u8], tail: &[u8]) {
    out.clear();
    out.extend_from_slice(&(i as u16).to_le_bytes());
    out.extend_from_slice(&(suffix.len() as u16).to_le_bytes());
    out.extend_from_slice(suffix);
    out.extend_from_slice(tail);
}

/// Payload of MARK.
pub(crate) fn mark_payload(i: usize, xid: Xid) -> [u8; 10] {
    let (a, b) = ((i as u16).to_le_bytes(), xid.0.to_le_bytes());
    [a[0], a[1], b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]
}

/// Payload of REMOVE and PARENT_DEL.
pub(crate) fn remove_payload(i: usize, horizon: Scn) -> [u8; 10] {
    mark_payload(i, Xid(horizon.0))
}

/// Payload of SPLIT_LEFT.
pub(crate) fn split_payload(out: &mut Vec<u8>, cut: usize, right: BlockNo, separator: &[u8]) {
    out.clear();
    out.extend_from_slice(&(cut as u16).to_le_bytes());
    out.extend_from_slice(&right.to_le_bytes());
    out.extend_from_slice(separator);
}

/// Builds the payload of NEW_RIGHT, ROOT and MERGE: fences first, then entries in order.
pub(crate) struct NodeSpec {
    bytes: Vec<u8>,
    count_at: usize,
    count: u16,
    prefix: usize,
    /// Body bytes the node will use.
    pub(crate) size: usize,
}

impl NodeSpec {
    /// A node built from nothing.
    pub(crate) fn new(level: u8, next: BlockNo, low: &[u8], high: &[u8]) -> NodeSpec {
        let mut bytes = vec![level];
        bytes.extend_from_slice(&next.to_le_bytes());
        bytes.extend_from_slice(&(low.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&(high.len() as u16).to_le_bytes());
        let count_at = bytes.len();
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(low);
        bytes.extend_from_slice(high);
        let size = low.len() + high.len();
        NodeSpec { bytes, count_at, count: 0, prefix: common_prefix(low, high), size }
    }
    /// What a node with this low fence takes over from its right sibling.
    pub(crate) fn merge(low: &[u8], next: BlockNo, high: &[u8]) -> NodeSpec {
        let mut bytes = next.to_le_bytes().to_vec();
        bytes.extend_from_slice(&(high.len() as u16).to_le_bytes());
        let count_at = bytes.len();
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(high);
        NodeSpec { bytes, count_at, count: 0, prefix: common_prefix(low, high), size: 0 }
    }
    /// Adds an entry: its bytes in two parts, slot flags, and the marker or child that follows.
    pub(crate) fn push(&mut self, whole: [&[u8]; 2], flags: u16, tail: &[u8]) {
        let skip_a = self.prefix.min(whole[0].len());
        let skip_b = (self.prefix - skip_a).min(whole[1].len());
        let (a, b) = (&whole[0][skip_a..], &whole[1][skip_b..]);
        self.push_raw(flags | (a.len() + b.len()) as u16, [a, b], tail);
    }
    /// Adds an inner node's first entry, which stands for the low fence and has no suffix.
    pub(crate) fn push_first(&mut self, child: BlockNo) {
        self.push_raw(0, [&[], &[]], &child.to_le_bytes());
    }
    /// Adds entry `i` of a node, under this node's prefix.
    pub(crate) fn carry(&mut self, from: &Node<'_>, i: usize) -> Result<()> {
        let s = from.suffix(i)?;
        let tail = &from.data(i)?[s.len()..];
        self.push([from.prefix(), s], from.flags(i), tail);
        Ok(())
    }
    fn push_raw(&mut self, flags: u16, parts: [&[u8]; 2], tail: &[u8]) {
        self.bytes.extend_from_slice(&flags.to_le_bytes());
        self.bytes.extend_from_slice(parts[0]);
        self.bytes.extend_from_slice(parts[1]);
        self.bytes.extend_from_slice(tail);
        self.count += 1;
        self.size += SLOT + parts[0].len() + parts[1].len() + tail.len();
    }
    /// The payload.
    pub(crate) fn payload(&mut self) -> &[u8] {
        let c = self.count.to_le_bytes();
        self.bytes[self.count_at..self.count_at + 2].copy_from_slice(&c);
        &self.bytes
    }
}
