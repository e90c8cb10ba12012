//! Payloads of the heap's undo records, and the chain from version to version.
//!
//! UPDATE: `kind u8 | [skip u64] | [skip2 u64] | [move: to rid 6, [from rid 6, from's creator u64]]`, then a full record
//! has the old content, a difference `new length u16, splices` that turn the new content into the old.
//!
//! Every 16th record of a chain is full. A record points to the nearest older full one (`skip`), a full one also to the
//! nearest older one whose depth is a multiple of 256 (`skip2`), so a reader of an old version walks O(n/16), then
//! O(n/256) records. A chain ends where no snapshot can look any more.

use super::delta;
use crate::core::Core;
use crate::txn::VER_XID;
use crate::undo::{MEMORY_STREAM, UndoFlags, UndoPtr, UndoRec, UndoType};
use crate::wait::Op;
use rustydb_base::{DbError, Result, Rid, Scn};

const FULL: u8 = 1;
const SKIP: u8 = 2;
const SKIP2: u8 = 4;
const MOVED: u8 = 8;
const FROM_BODY: u8 = 16;

/// Full images come this often.
const FULL_EVERY: u16 = 16;
/// Second-level skip pointers lead from multiple to multiple of this.
const FAR: u16 = 256;

/// Place in a row's chain of a record about to be written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    pub(super) depth: u16,
    pub(super) prev_undo: UndoPtr,
    skip: UndoPtr,
    skip2: UndoPtr,
}

impl Chain {
    fn wants_full(self) -> bool {
        self.depth > 0 && self.depth.is_multiple_of(FULL_EVERY)
    }
}

/// Chain of a change to a version `ver`/`undo` that is known to have committed at `committed` (if it has). Reads the
/// version's own undo record unless no snapshot can need it. Purge may take a record between any two looks: that it is
/// gone says the same.
pub(super) fn chain(core: &Core, ver: u64, undo: UndoPtr, committed: Option<Scn>) -> Op<Chain> {
    let committed = if ver & VER_XID == 0 { Some(Scn(ver)) } else { committed };
    let in_memory = undo.stream() == MEMORY_STREAM;
    let horizon = if in_memory { core.txns.memory_horizon() } else { core.txns.horizon() };
    let old = committed.is_some_and(|s| s <= horizon);
    if !undo.is_some() || old || undo.offset() < core.undo.truncated_below(undo.stream()) {
        return Ok(Chain::default());
    }
    let Some(rec) = core.undo.read_if_kept(undo, &core.pool)? else { return Ok(Chain::default()) };
    let mut c = Chain { depth: rec.depth.wrapping_add(1), prev_undo: undo, ..Chain::default() };
    if rec.kind == UndoType::Update {
        let u = Update::parse(&rec.payload)?;
        c.skip = if u.full { rec.ptr } else { u.skip };
        if c.wants_full() && c.skip.is_some() {
            match core.undo.read_if_kept(c.skip, &core.pool)? {
                None => c.skip = UndoPtr::NONE,
                Some(far) => {
                    c.skip2 = if far.depth.is_multiple_of(FAR) { far.ptr } else { Update::parse(&far.payload)?.skip2 };
                }
            }
        }
    }
    Ok(c)
}

/// A move of a row's content to a new body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Move {
    /// The new body.
    pub(super) to: Rid,
    /// The body left behind and the record that had made it; `None` if the content was at home.
    pub(super) from: Option<(Rid, UndoPtr)>,
}

/// An UPDATE payload taken apart.
pub(super) struct Update<'a> {
    pub(super) full: bool,
    pub(super) skip: UndoPtr,
    pub(super) skip2: UndoPtr,
    pub(super) moved: Option<Move>,
    body: &'a [u8],
}

/// Builds an UPDATE payload. A moved row's old content is always kept in full, because home may have to be rewritten.
pub(super) fn update_payload(c: Chain, moved: Option<Move>, old: &[u8], new: &[u8], out: &mut Vec<u8>) {
    let mut kind = 0;
    if c.skip.is_some() {
        kind |= SKIP;
    }
    if c.skip2.is_some() {
        kind |= SKIP2;
    }
    if let Some(m) = moved {
        kind |= MOVED | if m.from.is_some() { FROM_BODY } else { 0 };
    }
    out.push(kind);
    for p in [c.skip, c.skip2] {
        if p.is_some() {
            out.extend_from_slice(&p.0.to_le_bytes());
        }
    }
    if let Some(m) = moved {
        out.extend_from_slice(&m.to.to_bytes());
        if let Some((rid, creator)) = m.from {
            out.extend_from_slice(&rid.to_bytes());
            out.extend_from_slice(&creator.0.to_le_bytes());
        }
    }
    let at = out.len();
    if moved.is_none() && !c.wants_full() {
        out.extend_from_slice(&(new.len() as u16).to_le_bytes());
        delta::diff(new, old, out);
        if out.len() - at < old.len() {
            return;
        }
        out.truncate(at);
    }
    out[0] |= FULL;
    out.extend_from_slice(old);
}

impl<'a> Update<'a> {
    pub(super) fn parse(mut b: &'a [u8]) -> Result<Update<'a>> {
        let bad = || DbError::corrupt("malformed undo record of an update");
        let mut take = |n: usize| -> Result<&'a [u8]> {
            let (a, rest) = b.split_at_checked(n).ok_or_else(bad)?;
            b = rest;
            Ok(a)
        };
        let kind = take(1)?[0];
        let mut ptr = |there: bool| -> Result<UndoPtr> {
            if !there {
                return Ok(UndoPtr::NONE);
            }
            Ok(UndoPtr(take(8)?.try_into().map_or(0, u64::from_le_bytes)))
        };
        let (skip, skip2) = (ptr(kind & SKIP != 0)?, ptr(kind & SKIP2 != 0)?);
        let moved = if kind & MOVED != 0 {
            let to = Rid::from_bytes(take(6)?).ok_or_else(bad)?;
            let from = if kind & FROM_BODY != 0 {
                let rid = Rid::from_bytes(take(6)?).ok_or_else(bad)?;
                Some((rid, UndoPtr(take(8)?.try_into().map_or(0, u64::from_le_bytes))))
            } else {
                None
            };
            Some(Move { to, from })
        } else {
            None
        };
        Ok(Update { full: kind & FULL != 0, skip, skip2, moved, body: b })
    }

    /// Old content in full, if the record has it.
    pub(super) fn image(&self) -> Option<&'a [u8]> {
        self.full.then_some(self.body)
    }

    /// New content's length and the splices that turn it into the old; meaningful unless the record is full.
    pub(super) fn splices(&self) -> Result<(usize, &'a [u8])> {
        let (n, rest) =
            self.body.split_first_chunk::<2>().ok_or_else(|| DbError::corrupt("malformed undo record of an update"))?;
        Ok((usize::from(u16::from_le_bytes(*n)), rest))
    }

    /// The old content, given the new one (slack behind it allowed).
    pub(super) fn old_content(&self, new: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if let Some(image) = self.image() {
            out.extend_from_slice(image);
            return Ok(());
        }
        let (n, splices) = self.splices()?;
        let new = new.get(..n).ok_or_else(|| DbError::corrupt("row shorter than its undo record says"))?;
        delta::patch(new, splices, out)
    }
}

/// Payload of INSERT: ranges of slots.
pub(super) fn insert_payload(slots: &[u16]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(8);
    let mut i = 0;
    while i < slots.len() {
        let mut n = 1;
        while i + n < slots.len() && slots[i + n] == slots[i] + n as u16 {
            n += 1;
        }
        out.extend_from_slice(&slots[i].to_le_bytes());
        out.extend_from_slice(&(n as u16).to_le_bytes());
        i += n;
    }
    out
}

/// Slots of an INSERT record.
pub(super) fn inserted_slots(payload: &[u8]) -> impl Iterator<Item = u16> + '_ {
    payload.chunks_exact(4).flat_map(|c| {
        let (from, n) = (u16::from_le_bytes([c[0], c[1]]), u16::from_le_bytes([c[2], c[3]]));
        from..from.saturating_add(n)
    })
}

/// Whether a record belongs to the version `ver` of the row: the same relation and row and, where `ver` still names
/// one, the same transaction.
pub(crate) fn is_of(rec: &UndoRec, rel: rustydb_base::RelId, rid: Rid, ver: u64) -> bool {
    let row = match rec.kind {
        _ if rec.flags.has(UndoFlags::OUTSIDE) => rec.rid == rid,
        UndoType::Insert => rec.rid.block == rid.block && inserted_slots(&rec.payload).any(|s| s == rid.slot),
        UndoType::Update | UndoType::Delete => rec.rid == rid,
        _ => false,
    };
    row && rec.rel == rel && (ver & VER_XID == 0 || ver & !VER_XID == rec.xid.0)
}
