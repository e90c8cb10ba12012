//! Fuzzy checkpoints: where recovery begins.
//!
//! A checkpoint stops nobody. It notes the log's end, then collects what recovery must know (numbers, undo bounds,
//! unfinished transactions), then finds the oldest change not yet written home; redo from there on, with what was
//! collected, rebuilds everything. The facts go into the log as one record, of any size; the control file points to it.
//!
//! Why this order is right: whatever was appended before the noted end is either on disk or on a dirty page (found by the
//! scan, which latches every frame once), or in the collected facts (a transaction's newest undo record; see
//! [`crate::txn::TxnTable::active`]). Whatever comes later is in the log behind `redo_lsn`. A transaction that commits
//! while the facts are collected may be listed as unfinished: its status page decides.

use crate::mtr::{get_varint, kind, put_varint};
use crate::undo::UndoPtr;
use rustydb_base::{DbError, Lsn, Result, Scn, Xid};

/// What a checkpoint record says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checkpoint {
    /// Redo begins here.
    pub redo_lsn: Lsn,
    /// Numbers below have been handed out.
    pub next_xid: u64,
    /// Status blocks below this one exist.
    pub tsp_formatted: u64,
    /// Transaction numbers below are committed for all; their status pages may be gone.
    pub tsp_start: u64,
    /// Newest commit.
    pub scn: Scn,
    /// Relation numbers below have been handed out.
    pub next_rel: u32,
    /// Head and tail of each undo stream.
    pub undo: Vec<(u64, u64)>,
    /// Unfinished transactions and their newest undo records.
    pub active: Vec<(Xid, UndoPtr)>,
}

impl Checkpoint {
    /// The record's bytes, as the log takes them.
    pub fn encode(&self) -> Vec<u8> {
        let mut h = Vec::with_capacity(128 + self.undo.len() * 16 + self.active.len() * 16);
        for v in [
            self.redo_lsn.0,
            self.next_xid,
            self.tsp_formatted,
            self.tsp_start,
            self.scn.0,
            u64::from(self.next_rel),
            self.undo.len() as u64,
        ] {
            put_varint(&mut h, v);
        }
        for (head, tail) in &self.undo {
            put_varint(&mut h, *head);
            put_varint(&mut h, *tail);
        }
        put_varint(&mut h, self.active.len() as u64);
        for (xid, undo) in &self.active {
            put_varint(&mut h, xid.0);
            put_varint(&mut h, undo.0);
        }
        // As a mini-transaction's record: kind, no transaction, head, no pages.
        let mut out = vec![kind::CHECKPOINT];
        put_varint(&mut out, 0);
        put_varint(&mut out, h.len() as u64);
        out.extend_from_slice(&h);
        out.push(0);
        out
    }

    /// Reads a checkpoint record's head.
    pub fn decode(mut h: &[u8]) -> Result<Checkpoint> {
        let bad = |_| DbError::corrupt("malformed checkpoint record");
        let h = &mut h;
        let mut next = || get_varint(h).map_err(bad);
        let mut c = Checkpoint {
            redo_lsn: Lsn(next()?),
            next_xid: next()?,
            tsp_formatted: next()?,
            tsp_start: next()?,
            scn: Scn(next()?),
            next_rel: u32::try_from(next()?).map_err(|_| DbError::corrupt("malformed checkpoint record"))?,
            ..Checkpoint::default()
        };
        for _ in 0..next()? {
            c.undo.push((next()?, next()?));
        }
        for _ in 0..next()? {
            c.active.push((Xid(next()?), UndoPtr(next()?)));
        }
        Ok(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mtr::redo::Record;

    #[test]
    fn round_trip() {
        let c = Checkpoint {
            redo_lsn: Lsn(12_345),
            next_xid: 99,
            tsp_formatted: 1,
            tsp_start: 7,
            scn: Scn(1 << 60),
            next_rel: 16_400,
            undo: vec![(0, 5), (1 << 40, 1 << 41)],
            active: vec![(Xid(8), UndoPtr::new(3, 77)), (Xid(9), UndoPtr::NONE)],
        };
        let bytes = c.encode();
        let rec = Record::parse(&bytes).unwrap();
        assert_eq!(rec.kind, kind::CHECKPOINT);
        assert_eq!(Checkpoint::decode(rec.head).unwrap(), c);
        assert!(Checkpoint::decode(&rec.head[..rec.head.len() - 1]).is_err());
    }
}
