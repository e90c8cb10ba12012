//! The page: 8 KiB with a header every kind shares.
//!
//! ```text
//!  0 crc32c u32 | 4 format u8, kind u8, flags u16 | 8 rel u32, block u32 | 16 lsn u64
//! 24 log_id u16, nslots u16, free_lo u16, free_hi u16 | 32 vis_scn u64 or level u8 + next u32 | 40 reserved u64
//! 48 body … 8160 | 8160 trailer: key_ver u32, nonce 12, tag 16
//! ```
//! The checksum covers the stored image, so scrub and backup need no keys; rel and block catch misdirected writes.
//! All numbers are little-endian. Accessors at fixed header offsets cannot fail; accessors at offsets that were read
//! from the page answer an error when the offset is out of bounds, so a page that is wrong in spite of its checksum
//! never panics the server.

use rustydb_base::{DbError, Lsn, PageId, RelId, Result};

/// Bytes in a page.
pub const PAGE_SIZE: usize = 8192;
/// First byte of the body.
pub const BODY: usize = 48;
/// First byte after the body (start of the trailer).
pub const BODY_END: usize = PAGE_SIZE - 32;
/// Where the LSN stands.
pub const LSN: std::ops::Range<usize> = 16..24;
/// Current page format.
pub const FORMAT: u8 = 1;

/// What a page holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum PageKind {
    /// Never formatted.
    Zero = 0,
    /// Table rows.
    Heap = 1,
    /// B+tree node.
    Btree = 2,
    /// Undo records.
    Undo = 3,
    /// Transaction status array.
    Tsp = 4,
    /// Extent map.
    Space = 5,
    /// Overflow chunk.
    Overflow = 6,
    /// Root pointer and facts of an index or relation.
    Meta = 7,
    /// Freed, may be formatted again.
    Free = 8,
    /// Sequence values.
    Sequence = 9,
    /// Hash index.
    Hash = 10,
    /// Index of a method of another crate.
    Outside = 11,
    /// Node of a generalised search tree.
    Gist = 12,
    /// Block range index.
    Brin = 13,
}

impl PageKind {
    /// The kind a header byte names.
    pub fn from_u8(b: u8) -> Option<PageKind> {
        Some(match b {
            0 => PageKind::Zero,
            1 => PageKind::Heap,
            2 => PageKind::Btree,
            3 => PageKind::Undo,
            4 => PageKind::Tsp,
            5 => PageKind::Space,
            6 => PageKind::Overflow,
            7 => PageKind::Meta,
            8 => PageKind::Free,
            9 => PageKind::Sequence,
            10 => PageKind::Hash,
            11 => PageKind::Outside,
            12 => PageKind::Gist,
            13 => PageKind::Brin,
            _ => return None,
        })
    }
}

/// One page's bytes.
#[repr(transparent)]
pub struct Page(pub [u8; PAGE_SIZE]);

macro_rules! field {
    ($(#[$doc:meta])* $get:ident, $set:ident, $ty:ty, $at:expr) => {
        $(#[$doc])*
        #[inline]
        pub fn $get(&self) -> $ty {
            let mut b = [0u8; size_of::<$ty>()];
            b.copy_from_slice(&self.0[$at..$at + size_of::<$ty>()]);
            <$ty>::from_le_bytes(b)
        }
        /// Sets the field of the same name.
        #[inline]
        pub fn $set(&mut self, v: $ty) {
            self.0[$at..$at + size_of::<$ty>()].copy_from_slice(&v.to_le_bytes());
        }
    };
}

impl Page {
    field!(
        /// Stored checksum.
        crc, set_crc, u32, 0);
    field!(
        /// Kind-specific flags.
        flags, set_flags, u16, 6);
    field!(
        /// Number of slots.
        nslots, set_nslots, u16, 26);
    field!(
        /// First free byte after the slot array.
        free_lo, set_free_lo, u16, 28);
    field!(
        /// First used byte of the data area, which grows downwards.
        free_hi, set_free_hi, u16, 30);
    field!(
        /// Heap: 0, or "all rows committed at or before this SCN and none deleted".
        vis_scn, set_vis_scn, u64, 32);
    field!(
        /// Kind-specific word.
        reserved, set_reserved, u64, 40);
    field!(
        /// B+tree: right sibling, 0 for none.
        next, set_next, u32, 36);

    /// LSN of the last change (end of its record).
    #[inline]
    pub fn lsn(&self) -> Lsn {
        let mut b = [0u8; 8];
        b.copy_from_slice(&self.0[LSN]);
        Lsn(u64::from_le_bytes(b))
    }
    /// Stamps the LSN.
    #[inline]
    pub fn set_lsn(&mut self, l: Lsn) {
        self.0[16..24].copy_from_slice(&l.0.to_le_bytes());
    }
    /// B+tree level, 0 for leaves.
    #[inline]
    pub fn level(&self) -> u8 {
        self.0[32]
    }
    /// Sets the B+tree level.
    #[inline]
    pub fn set_level(&mut self, v: u8) {
        self.0[32] = v;
    }
    /// Identity stored in the page.
    pub fn id(&self) -> PageId {
        let w = |a: usize| u32::from_le_bytes([self.0[a], self.0[a + 1], self.0[a + 2], self.0[a + 3]]);
        PageId::new(RelId(w(8)), w(12))
    }
    /// Kind; unknown bytes read as an error.
    pub fn kind(&self) -> Result<PageKind> {
        PageKind::from_u8(self.0[5])
            .ok_or_else(|| DbError::corrupt(format!("page {:?}: unknown kind {}", self.id(), self.0[5])))
    }
    /// Whether the page has this kind.
    #[inline]
    pub fn is(&self, kind: PageKind) -> bool {
        self.0[5] == kind as u8
    }
    /// Fails unless the page has this kind.
    #[inline]
    pub fn expect_kind(&self, kind: PageKind) -> Result<()> {
        if self.is(kind) {
            Ok(())
        } else {
            Err(DbError::corrupt(format!("page {:?} has kind {} where {kind:?} was expected", self.id(), self.0[5])))
        }
    }
    /// Makes an empty page of a kind: header only, body zero. `lsn` stays 0 until stamped.
    pub fn format(&mut self, id: PageId, kind: PageKind) {
        self.0.fill(0);
        self.0[4] = FORMAT;
        self.0[5] = kind as u8;
        self.0[8..12].copy_from_slice(&id.rel.0.to_le_bytes());
        self.0[12..16].copy_from_slice(&id.block.to_le_bytes());
        self.set_free_lo(BODY as u16);
        self.set_free_hi(BODY_END as u16);
    }
    /// Whether every byte is zero: a page of the file that was never written.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|b| *b == 0)
    }
    /// Checksum of the image (everything after the checksum field).
    pub fn compute_crc(&self) -> u32 {
        crc32c::crc32c(&self.0[4..])
    }
    /// Verifies checksum and identity of an image just read. An all-zero page is accepted.
    pub fn verify(&self, id: PageId) -> Result<()> {
        if self.crc() == self.compute_crc() && self.id() == id && self.0[4] == FORMAT {
            return Ok(());
        }
        if self.is_zero() {
            return Ok(());
        }
        if self.crc() != self.compute_crc() {
            return Err(DbError::corrupt(format!(
                "invalid page in block {} of relation {}: checksum {:08x}, expected {:08x}",
                id.block,
                id.rel,
                self.compute_crc(),
                self.crc()
            )));
        }
        Err(DbError::corrupt(format!(
            "invalid page in block {} of relation {}: it names itself block {} of relation {}",
            id.block,
            id.rel,
            self.id().block,
            self.id().rel
        )))
    }

    /// Bytes `at..at+len`, or an error when they leave the page.
    #[inline]
    pub fn bytes(&self, at: usize, len: usize) -> Result<&[u8]> {
        self.0.get(at..at.wrapping_add(len)).ok_or_else(|| self.out_of_bounds(at, len))
    }
    /// Mutable bytes `at..at+len`, or an error when they leave the page.
    #[inline]
    pub fn bytes_mut(&mut self, at: usize, len: usize) -> Result<&mut [u8]> {
        if at.checked_add(len).is_none_or(|end| end > PAGE_SIZE) {
            return Err(self.out_of_bounds(at, len));
        }
        Ok(&mut self.0[at..at + len])
    }
    /// u16 at an offset read from the page.
    #[inline]
    pub fn u16_at(&self, at: usize) -> Result<u16> {
        let b = self.bytes(at, 2)?;
        Ok(u16::from_le_bytes([b[0], b[1]]))
    }
    /// u32 at an offset read from the page.
    #[inline]
    pub fn u32_at(&self, at: usize) -> Result<u32> {
        let b = self.bytes(at, 4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }
    /// u64 at an offset read from the page.
    #[inline]
    pub fn u64_at(&self, at: usize) -> Result<u64> {
        let b = self.bytes(at, 8)?;
        Ok(u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
    }
    /// Writes bytes at an offset.
    #[inline]
    pub fn put(&mut self, at: usize, src: &[u8]) -> Result<()> {
        self.bytes_mut(at, src.len())?.copy_from_slice(src);
        Ok(())
    }
    /// Moves bytes inside the page (ranges may overlap).
    pub fn shift(&mut self, from: usize, len: usize, to: usize) -> Result<()> {
        self.bytes(from, len)?;
        self.bytes(to, len)?;
        self.0.copy_within(from..from + len, to);
        Ok(())
    }
    fn out_of_bounds(&self, at: usize, len: usize) -> DbError {
        DbError::corrupt(format!("page {:?}: offset {at} with length {len} leaves the page", self.id()))
    }
}
