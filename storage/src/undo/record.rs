//! The bytes of an undo record.

use super::UndoPtr;
use crate::txn::TxnCx;
use rustydb_base::{DbError, RelId, Result, Rid, Xid};

/// Bytes before the payload.
pub const HEAD_LEN: usize = 52;

/// What a record undoes. The payload belongs to the type's owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum UndoType {
    /// Heap rows were inserted; payload: slot ranges.
    Insert = 1,
    /// A heap row was changed; payload: how to get the old image back.
    Update = 2,
    /// A heap row was marked deleted; payload: its old flags.
    Delete = 3,
    /// Nothing to undo: a part of what a prepared transaction keeps over a crash (two-phase commit).
    Prepared = 4,
    /// An index entry was inserted; `rel` is the index, payload: key and the mark it replaced, if any.
    IdxInsert = 5,
    /// An index entry was delete-marked; payload: key.
    IdxMark = 6,
    /// Overflow pages were written; payload: blocks. Rollback frees them.
    OvfNew = 7,
    /// An overflow value lost its row; payload: its pointer. Purge frees it.
    OvfOld = 8,
    /// A relation's files were created; rollback removes them.
    FileCreate = 9,
    /// A relation's files are to be removed; purge does it.
    FileDropOnCommit = 10,
    /// Index entries were inserted for rows of one heap record; payload: their rows and keys.
    IdxInsertN = 11,
}

impl UndoType {
    /// The type a byte names.
    pub fn from_u8(b: u8) -> Option<UndoType> {
        use UndoType::*;
        Some(match b {
            1 => Insert,
            2 => Update,
            3 => Delete,
            4 => Prepared,
            5 => IdxInsert,
            6 => IdxMark,
            7 => OvfNew,
            8 => OvfOld,
            9 => FileCreate,
            10 => FileDropOnCommit,
            11 => IdxInsertN,
            _ => return None,
        })
    }
}

/// Flags of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UndoFlags(pub u8);

impl UndoFlags {
    /// Nothing special.
    pub const NONE: UndoFlags = UndoFlags(0);
    /// Ends a row operation: purge may now free the row's slot.
    pub const LAST: UndoFlags = UndoFlags(1);
    /// Rolled back: purge leaves what the record names alone. The only part of a record that ever changes.
    pub const UNDONE: UndoFlags = UndoFlags(2);
    /// A change of a row by a table method of another crate, whose number begins the payload.
    pub const OUTSIDE: UndoFlags = UndoFlags(4);
    /// Whether every flag of `f` is set.
    pub fn has(self, f: UndoFlags) -> bool {
        self.0 & f.0 == f.0
    }
    /// [`UndoFlags::LAST`] or nothing.
    pub fn last(last: bool) -> UndoFlags {
        UndoFlags(u8::from(last))
    }
}

/// What the writer of a record says, beside what its transaction knows.
#[derive(Clone, Copy, Debug)]
pub struct UndoHead {
    /// What it undoes.
    pub kind: UndoType,
    /// Flags.
    pub flags: UndoFlags,
    /// Relation concerned.
    pub rel: RelId,
    /// Row concerned; of an index entry, the row it names.
    pub rid: Rid,
    /// Length of the row's version chain behind this record; of an index entry, the number of the index's method.
    pub depth: u16,
    /// The row's `ver` word before the change.
    pub prev_ver: u64,
    /// The row's undo pointer before the change.
    pub prev_undo: UndoPtr,
}

impl UndoHead {
    /// Head of a record that belongs to no row version chain.
    pub fn plain(kind: UndoType, rel: RelId, rid: Rid) -> UndoHead {
        UndoHead { kind, flags: UndoFlags::NONE, rel, rid, depth: 0, prev_ver: 0, prev_undo: UndoPtr::NONE }
    }

    pub(super) fn encode(&self, txn: &TxnCx, prev: UndoPtr, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&((HEAD_LEN + payload.len()) as u16).to_le_bytes());
        out.push(self.kind as u8);
        out.push(self.flags.0);
        out.extend_from_slice(&txn.xid.0.to_le_bytes());
        out.extend_from_slice(&txn.cid.to_le_bytes());
        out.extend_from_slice(&prev.0.to_le_bytes());
        out.extend_from_slice(&self.rel.0.to_le_bytes());
        out.extend_from_slice(&self.rid.to_bytes());
        out.extend_from_slice(&self.depth.to_le_bytes());
        out.extend_from_slice(&self.prev_ver.to_le_bytes());
        out.extend_from_slice(&self.prev_undo.0.to_le_bytes());
        out.extend_from_slice(payload);
    }
}

/// A record read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UndoRec {
    /// Where it is.
    pub ptr: UndoPtr,
    /// What it undoes.
    pub kind: UndoType,
    /// Flags.
    pub flags: UndoFlags,
    /// Its transaction.
    pub xid: Xid,
    /// The command that wrote it.
    pub cid: u32,
    /// The transaction's record before this one.
    pub prev_in_txn: UndoPtr,
    /// Relation concerned.
    pub rel: RelId,
    /// Row concerned.
    pub rid: Rid,
    /// Length of the row's version chain behind this record.
    pub depth: u16,
    /// The row's `ver` word before the change.
    pub prev_ver: u64,
    /// The row's undo pointer before the change.
    pub prev_undo: UndoPtr,
    /// The type's own bytes.
    pub payload: Vec<u8>,
}

fn int<const N: usize>(b: &[u8], at: usize) -> Result<[u8; N]> {
    b.get(at..at + N).and_then(|s| s.try_into().ok()).ok_or_else(|| DbError::corrupt("undo record too short"))
}

impl UndoRec {
    /// Takes the record at `ptr` apart; `b` begins with it and may go on.
    pub(super) fn parse(ptr: UndoPtr, b: &[u8]) -> Result<UndoRec> {
        let bad = || DbError::corrupt(format!("no undo record at {:#x}", ptr.0));
        let len = usize::from(u16::from_le_bytes(int(b, 0)?));
        if len < HEAD_LEN {
            return Err(bad());
        }
        let b = b.get(..len).ok_or_else(bad)?;
        Ok(UndoRec {
            ptr,
            kind: UndoType::from_u8(b[2]).ok_or_else(bad)?,
            flags: UndoFlags(b[3]),
            xid: Xid(u64::from_le_bytes(int(b, 4)?)),
            cid: u32::from_le_bytes(int(b, 12)?),
            prev_in_txn: UndoPtr(u64::from_le_bytes(int(b, 16)?)),
            rel: RelId(u32::from_le_bytes(int(b, 24)?)),
            rid: Rid::from_bytes(&b[28..34]).ok_or_else(bad)?,
            depth: u16::from_le_bytes(int(b, 34)?),
            prev_ver: u64::from_le_bytes(int(b, 36)?),
            prev_undo: UndoPtr(u64::from_le_bytes(int(b, 44)?)),
            payload: b[HEAD_LEN..].to_vec(),
        })
    }
}
