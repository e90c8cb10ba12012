//! Typed identifiers. Each is a plain integer on disk; the types keep them from being mixed up in code.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $int);
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(
    /// A relation's storage (heap, index, overflow file, undo stream, status array). Unique over the cluster, never reused.
    RelId(u32)
);
id!(
    /// Position in the redo log: counts payload bytes of DATA batches since the log began, so equal on every replica.
    Lsn(u64)
);
id!(
    /// System change number of a commit: 63-bit hybrid clock, 53 bits of microseconds since 1970 and 10 bits of counter.
    Scn(u64)
);
id!(
    /// Transaction number: instance (8 bits) then sequence (55 bits). The top bit is never set in the number itself;
    /// a row's `ver` word sets it to tell a running Xid from a commit Scn.
    Xid(u64)
);

/// Block number inside a relation.
pub type BlockNo = u32;

impl Xid {
    /// "No transaction".
    pub const NONE: Xid = Xid(0);
    /// The low 55 bits.
    pub fn seq(self) -> u64 {
        self.0 & ((1 << 55) - 1)
    }
    /// Whether this names a transaction.
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}

impl Scn {
    /// Microseconds since 1970 that this SCN carries.
    pub fn micros(self) -> u64 {
        self.0 >> 10
    }
    /// The first SCN of a microsecond since 1970.
    pub fn from_micros(us: u64) -> Scn {
        Scn(us << 10)
    }
}

/// One page: relation and block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PageId {
    /// The relation.
    pub rel: RelId,
    /// The block inside it.
    pub block: BlockNo,
}

impl PageId {
    /// Builds a page id.
    pub fn new(rel: RelId, block: BlockNo) -> PageId {
        PageId { rel, block }
    }
    /// The pair as one word, relation in the high half.
    pub fn as_u64(self) -> u64 {
        (u64::from(self.rel.0) << 32) | u64::from(self.block)
    }
}

impl RelId {
    /// Bit of the numbers of relations whose pages are not logged: a crash loses them.
    pub const UNLOGGED: u32 = 1 << 31;

    /// Bit that, beside [`RelId::UNLOGGED`], marks relations whose pages never leave memory.
    pub const MEMORY: u32 = 1 << 30;

    /// Whether the relation's pages never leave memory.
    pub fn is_memory(self) -> bool {
        const BOTH: u32 = RelId::UNLOGGED | RelId::MEMORY;
        self.0 & BOTH == BOTH
    }

    /// Whether changes of the relation's pages are logged.
    pub fn is_logged(self) -> bool {
        self.0 & RelId::UNLOGGED == 0
    }

    /// The number without what it says about where its pages are kept.
    pub fn number(self) -> u32 {
        if self.is_memory() { self.0 & !(RelId::UNLOGGED | RelId::MEMORY) } else { self.0 & !RelId::UNLOGGED }
    }
}

/// Address of a row's home slot; stable for the row's whole life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Rid {
    /// Heap block.
    pub block: BlockNo,
    /// Slot in the block.
    pub slot: u16,
}

impl Rid {
    /// Encoded size in bytes.
    pub const LEN: usize = 6;
    /// Big-endian bytes, so that byte order is address order.
    pub fn to_bytes(self) -> [u8; 6] {
        let b = self.block.to_be_bytes();
        let s = self.slot.to_be_bytes();
        [b[0], b[1], b[2], b[3], s[0], s[1]]
    }
    /// Reads what [`Rid::to_bytes`] wrote; `None` when fewer than six bytes are there.
    pub fn from_bytes(b: &[u8]) -> Option<Rid> {
        let b = b.get(..6)?;
        Some(Rid { block: u32::from_be_bytes([b[0], b[1], b[2], b[3]]), slot: u16::from_be_bytes([b[4], b[5]]) })
    }
}
