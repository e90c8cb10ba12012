//! What lies where on the pages of a hash index, and redo.

use crate::mtr::redo::code;
use crate::page::{BODY, BODY_END, Page, PageKind};
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, PageId, RelId, Result, Rid, Xid};

/// Block of the meta page; block 0 is the file's space map.
pub(super) const META_BLOCK: BlockNo = 1;
/// Version of the layout and of the hash function.
pub(super) const VERSION: u32 = 1;

/// What a page is, in its level byte.
pub(super) mod role {
    /// The meta page.
    pub const META: u8 = 1;
    /// Blocks of buckets.
    pub const DIRECTORY: u8 = 2;
    /// The first page of a bucket.
    pub const BUCKET: u8 = 3;
    /// A further page of a bucket.
    pub const CHAINED: u8 = 4;
}

/// Bytes of an entry: hash (big-endian), RID, marker.
pub(super) const ENTRY: usize = 22;
/// Bytes of it that say which entry it is, and by which entries are ordered.
pub(super) const IDENTITY: usize = 14;
/// Entries a page can hold. How many it may hold is set when the index is made (`free_hi` of each page is the end of its
/// entries), so that simulations split buckets soon.
pub(super) const CAPACITY: usize = (BODY_END - BODY) / ENTRY;

/// Meta page: its numbers, the blocks of the first buckets, the directory pages' blocks.
const NUMBERS: usize = BODY;
const FIRST: usize = BODY + 16;
/// Buckets whose block stands on the meta page.
pub(super) const DIRECT: u32 = 1000;
const DIRECTORIES: usize = FIRST + 4 * DIRECT as usize;
/// Most directory pages.
const MOST_DIRECTORIES: u32 = 1000;
/// Buckets whose blocks a directory page has.
pub(super) const PER_DIRECTORY: u32 = 2000;
/// Most buckets; beyond, chains get longer.
pub(super) const MOST_BUCKETS: u32 = DIRECT + MOST_DIRECTORIES * PER_DIRECTORY;

/// Redo: inserts an entry; payload: position u16, entry.
pub(super) const INSERT: u8 = code::HASH;
/// Removes one; payload: position u16, horizon u64.
pub(super) const REMOVE: u8 = code::HASH + 1;
/// Sets the marker of one; payload: position u16, Xid u64 (0 takes it off).
pub(super) const MARK: u8 = code::HASH + 2;
/// Removes the entries that belong to a bucket; payload: number of buckets u32, bucket u32.
pub(super) const TAKE: u8 = code::HASH + 3;
/// Inserts entries, which are in order; payload: the entries.
pub(super) const MERGE: u8 = code::HASH + 4;
/// Makes a formatted page one of the index's; payload: role u8, bucket u32, next u32, entries it may
/// hold u16.
pub(super) const ROLE: u8 = code::HASH + 5;
/// Sets the next page of a chain; payload: block u32.
pub(super) const LINK: u8 = code::HASH + 6;

fn bad() -> DbError {
    DbError::corrupt("malformed hash index operation")
}

/// Damage of a page.
pub(super) fn broken(p: &Page, what: &str) -> DbError {
    let id = p.id();
    DbError::new(SqlState::INDEX_CORRUPTED, format!("index {} is corrupted: block {}: {what}", id.rel, id.block))
}

/// The bucket of a hash among `buckets`.
pub(super) fn bucket_of(code: u64, buckets: u32) -> u32 {
    // A power of two not smaller than the number of buckets, less one; at most 2^31 buckets exist.
    let mask = buckets.next_power_of_two().wrapping_sub(1);
    let b = code as u32 & mask;
    if b < buckets { b } else { b & (mask >> 1) }
}

/// The bucket that bucket `n` (not the first) takes its entries from.
pub(super) fn buddy(n: u32) -> u32 {
    if n == 0 { 0 } else { n & !(1 << n.ilog2()) }
}

/// The bytes that say which entry it is.
pub(super) fn identity(code: u64, rid: Rid) -> [u8; IDENTITY] {
    let mut e = [0; IDENTITY];
    e[..8].copy_from_slice(&code.to_be_bytes());
    e[8..].copy_from_slice(&rid.to_bytes());
    e
}

/// One entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub code: u64,
    pub rid: Rid,
    pub marked: Option<Xid>,
}

impl Entry {
    pub(super) fn parse(b: &[u8]) -> Option<Entry> {
        let code = u64::from_be_bytes(*b.first_chunk::<8>()?);
        let rid = Rid::from_bytes(b.get(8..)?)?;
        let by = Xid(u64::from_le_bytes(*b.get(IDENTITY..)?.first_chunk::<8>()?));
        Some(Entry { code, rid, marked: by.is_some().then_some(by) })
    }

    pub(super) fn bytes(&self) -> [u8; ENTRY] {
        let mut e = [0; ENTRY];
        e[..IDENTITY].copy_from_slice(&identity(self.code, self.rid));
        e[IDENTITY..].copy_from_slice(&self.marked.map_or(0, |x| x.0).to_le_bytes());
        e
    }
}

/// Entries that a page of the index may hold.
pub(super) fn capacity(p: &Page) -> usize {
    (usize::from(p.free_hi()).min(BODY_END).saturating_sub(BODY) / ENTRY).max(1)
}

/// A bucket's page, first or chained.
#[derive(Clone, Copy)]
pub(super) struct Entries<'p>(&'p Page);

impl<'p> Entries<'p> {
    /// Looks at a page as one of a bucket.
    pub(super) fn open(p: &'p Page) -> Result<Entries<'p>> {
        p.expect_kind(PageKind::Hash)?;
        if !matches!(p.level(), role::BUCKET | role::CHAINED) || usize::from(p.nslots()) > capacity(p) {
            return Err(broken(p, "no page of a bucket"));
        }
        Ok(Entries(p))
    }

    /// As [`Entries::open`], and it must be a chained page of the bucket.
    pub(super) fn open_chained(p: &'p Page, bucket: u32) -> Result<Entries<'p>> {
        let e = Entries::open(p)?;
        if p.level() != role::CHAINED || e.bucket() != bucket {
            return Err(broken(p, "a page of another bucket stands in the chain"));
        }
        Ok(e)
    }

    pub(super) fn bucket(&self) -> u32 {
        self.0.reserved() as u32
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.0.nslots())
    }

    pub(super) fn room(&self) -> usize {
        capacity(self.0).saturating_sub(self.len())
    }

    fn raw(&self, i: usize) -> Result<&'p [u8]> {
        self.0.bytes(BODY + i * ENTRY, ENTRY)
    }

    pub(super) fn get(&self, i: usize) -> Result<Entry> {
        Entry::parse(self.raw(i)?).ok_or_else(bad)
    }

    /// All of them.
    pub(super) fn all(&self) -> Result<Vec<Entry>> {
        (0..self.len()).map(|i| self.get(i)).collect()
    }

    /// The first position whose entry is not smaller than these bytes.
    pub(super) fn position(&self, e: &[u8]) -> Result<usize> {
        let (mut lo, mut hi) = (0, self.len());
        while lo < hi {
            let mid = (lo + hi) / 2;
            if &self.raw(mid)?[..IDENTITY] < e { lo = mid + 1 } else { hi = mid }
        }
        Ok(lo)
    }

    /// The position of an entry, or where it would be.
    pub(super) fn find(&self, e: &[u8; IDENTITY]) -> Result<std::result::Result<usize, usize>> {
        let at = self.position(e)?;
        Ok(if at < self.len() && self.raw(at)?[..IDENTITY] == e[..] { Ok(at) } else { Err(at) })
    }
}

/// The numbers of the meta page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Meta {
    /// Buckets there are.
    pub buckets: u32,
    /// Pages that are not the first of their bucket.
    pub chained: u32,
    /// The page of the buddy's chain from which entries are moved next into the last bucket; 0 if it has all of its own.
    pub source: BlockNo,
}

impl Meta {
    pub(super) fn open(p: &Page) -> Result<Meta> {
        p.expect_kind(PageKind::Hash)?;
        let (version, buckets) = (p.u32_at(NUMBERS)?, p.u32_at(NUMBERS + 4)?);
        if p.level() != role::META || version != VERSION || buckets == 0 || buckets > MOST_BUCKETS {
            return Err(broken(p, "no meta page of a hash index"));
        }
        Ok(Meta { buckets, chained: p.u32_at(NUMBERS + 8)?, source: p.u32_at(NUMBERS + 12)? })
    }

    /// Payload of a `PUT` that writes them.
    pub(super) fn payload(&self) -> [u8; 18] {
        let mut out = [0; 18];
        out[..2].copy_from_slice(&(NUMBERS as u16).to_le_bytes());
        for (i, n) in [VERSION, self.buckets, self.chained, self.source].into_iter().enumerate() {
            out[2 + 4 * i..6 + 4 * i].copy_from_slice(&n.to_le_bytes());
        }
        out
    }

    /// The bucket of a hash, and whether some of its entries may still be its buddy's.
    pub(super) fn bucket_of(&self, code: u64) -> (u32, bool) {
        let b = bucket_of(code, self.buckets);
        (b, self.source != 0 && b + 1 == self.buckets)
    }
}

/// Where a bucket's block stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// On the meta page, at this offset.
    Meta(usize),
    /// On the directory page whose block stands on the meta page at the first offset, at the second one.
    Directory(usize, usize),
}

/// Where the block of a bucket stands.
pub(super) fn place_of(bucket: u32) -> Place {
    match bucket.checked_sub(DIRECT) {
        None => Place::Meta(FIRST + 4 * bucket as usize),
        Some(n) => {
            let (page, at) = (n / PER_DIRECTORY, n % PER_DIRECTORY);
            Place::Directory(DIRECTORIES + 4 * page as usize, BODY + 4 * at as usize)
        }
    }
}

/// Payload of a `PUT` of a block number.
pub(super) fn block_payload(at: usize, block: BlockNo) -> [u8; 6] {
    let (a, b) = ((at as u16).to_le_bytes(), block.to_le_bytes());
    [a[0], a[1], b[0], b[1], b[2], b[3]]
}

/// Payload of [`ROLE`].
pub(super) fn role_payload(role: u8, bucket: u32, next: BlockNo, capacity: usize) -> [u8; 11] {
    let mut p = [0; 11];
    p[0] = role;
    p[1..5].copy_from_slice(&bucket.to_le_bytes());
    p[5..9].copy_from_slice(&next.to_le_bytes());
    p[9..].copy_from_slice(&(capacity as u16).to_le_bytes());
    p
}

/// A page of the index by its block.
pub(super) fn pid(rel: RelId, block: BlockNo) -> PageId {
    PageId::new(rel, block)
}

fn u16_of(b: &[u8]) -> Result<(usize, &[u8])> {
    let (n, rest) = b.split_first_chunk::<2>().ok_or_else(bad)?;
    Ok((usize::from(u16::from_le_bytes(*n)), rest))
}

fn u32_of(b: &[u8]) -> Result<(u32, &[u8])> {
    let (n, rest) = b.split_first_chunk::<4>().ok_or_else(bad)?;
    Ok((u32::from_le_bytes(*n), rest))
}

/// Runs an operation of this module's range.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    page.expect_kind(PageKind::Hash)?;
    if code == ROLE {
        let (role, rest) = payload.split_first().ok_or_else(bad)?;
        let (bucket, rest) = u32_of(rest)?;
        let (next, rest) = u32_of(rest)?;
        let (entries, rest) = u16_of(rest)?;
        if !rest.is_empty() || entries == 0 || entries > CAPACITY {
            return Err(bad());
        }
        page.set_free_hi((BODY + entries * ENTRY) as u16);
        page.set_level(*role);
        page.set_reserved(u64::from(bucket));
        page.set_next(next);
        return Ok(());
    }
    let n = Entries::open(page)?.len();
    match code {
        INSERT => {
            let (at, entry) = u16_of(payload)?;
            if at > n || n >= capacity(page) || entry.len() != ENTRY {
                return Err(bad());
            }
            let from = BODY + at * ENTRY;
            page.shift(from, (n - at) * ENTRY, from + ENTRY)?;
            page.put(from, entry)?;
            page.set_nslots((n + 1) as u16);
        }
        REMOVE => {
            let (at, horizon) = u16_of(payload)?;
            if at >= n || horizon.len() != 8 {
                return Err(bad());
            }
            let from = BODY + at * ENTRY;
            page.shift(from + ENTRY, (n - at - 1) * ENTRY, from)?;
            page.bytes_mut(BODY + (n - 1) * ENTRY, ENTRY)?.fill(0);
            page.set_nslots((n - 1) as u16);
        }
        MARK => {
            let (at, by) = u16_of(payload)?;
            if at >= n || by.len() != 8 {
                return Err(bad());
            }
            page.put(BODY + at * ENTRY + IDENTITY, by)?;
        }
        TAKE => {
            let (buckets, rest) = u32_of(payload)?;
            let (bucket, rest) = u32_of(rest)?;
            if !rest.is_empty() || buckets == 0 {
                return Err(bad());
            }
            let kept: Vec<Entry> =
                Entries::open(page)?.all()?.into_iter().filter(|e| bucket_of(e.code, buckets) != bucket).collect();
            rewrite(page, n, &kept)?;
        }
        MERGE => {
            let mut all = Entries::open(page)?.all()?;
            for e in payload.chunks(ENTRY) {
                all.push(Entry::parse(e).filter(|_| e.len() == ENTRY).ok_or_else(bad)?);
            }
            if all.len() > capacity(page) {
                return Err(bad());
            }
            all.sort_unstable_by_key(|e| identity(e.code, e.rid));
            rewrite(page, n, &all)?;
        }
        LINK => {
            let (next, rest) = u32_of(payload)?;
            if !rest.is_empty() {
                return Err(bad());
            }
            page.set_next(next);
        }
        _ => return Err(bad()),
    }
    Ok(())
}

/// Writes all entries of a page that had `n`.
fn rewrite(page: &mut Page, n: usize, entries: &[Entry]) -> Result<()> {
    page.bytes_mut(BODY, n.max(entries.len()) * ENTRY)?.fill(0);
    for (i, e) in entries.iter().enumerate() {
        page.put(BODY + i * ENTRY, &e.bytes())?;
    }
    page.set_nslots(entries.len() as u16);
    Ok(())
}
