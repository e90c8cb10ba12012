//! Locks of prepared transactions: handed to an owner without a session, and kept over a crash.
//!
//! PREPARE TRANSACTION writes the list of its locks ([`encode`]) with its undo; recovery takes them again before anybody
//! else can ask. Session-scope locks stay with the session, so a target held in both scopes cannot be prepared.

use super::owner::LockOwner;
use super::{LockManager, LockMode, LockTarget, mode};
use crate::mtr::{get_varint, put_varint};
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{DbError, RelId, Result, Rid, Xid};
use std::sync::Arc;

impl LockManager {
    /// The transaction-scope locks of an owner, as a prepared transaction keeps them.
    pub fn kept(&self, owner: &LockOwner) -> Result<Vec<(LockTarget, LockMode)>> {
        let s = owner.state.lock();
        if s.held.values().any(|h| h.transaction != 0 && h.session != 0) {
            return Err(DbError::unsupported(
                "cannot PREPARE while holding both session-level and transaction-level locks on the same object",
            ));
        }
        Ok(s.log.clone())
    }

    /// Hands an owner's transaction (its number and its transaction-scope locks) to another owner, who has none.
    pub fn hand_over(&self, from: &Arc<LockOwner>, to: &Arc<LockOwner>) {
        self.give_up(from);
        let (log, xid) = {
            let mut s = from.state.lock();
            (std::mem::take(&mut s.log), std::mem::replace(&mut s.xid, Xid::NONE))
        };
        for (target, mode) in &log {
            let mut shard = self.shards[target.shard()].lock();
            if let Some(h) = shard.locks.get_mut(target).and_then(|l| l.holder_mut(from)) {
                h.owner = Arc::clone(to);
            }
            from.state.lock().drop_modes(target, mode.bit(), 0);
            to.state.lock().note(*target, *mode, super::Scope::Transaction);
        }
        from.state.lock().ended += 1;
        if xid.is_some() {
            self.txn_began(to, xid);
        }
    }
}

const RELATION: u8 = 1;
const OBJECT: u8 = 2;
const ROW: u8 = 3;
const PAGE: u8 = 4;
const ADVISORY: u8 = 5;
const ADVISORY_PAIR: u8 = 6;

/// A list of locks as bytes.
pub fn encode(locks: &[(LockTarget, LockMode)], out: &mut Vec<u8>) {
    put_varint(out, locks.len() as u64);
    for (target, mode) in locks {
        out.push(*mode as u8);
        let (kind, words) = match *target {
            LockTarget::Relation { db, oid } => (RELATION, [db, oid, 0]),
            LockTarget::Object { db, class, oid } => (OBJECT, [db, class, oid]),
            LockTarget::Row { rel, rid } => (ROW, [rel.0, rid.block, u32::from(rid.slot)]),
            LockTarget::Page { rel, block } => (PAGE, [rel.0, block, 0]),
            LockTarget::Advisory { db, high, low, pair } => {
                (if pair { ADVISORY_PAIR } else { ADVISORY }, [db, high, low])
            }
        };
        out.push(kind);
        words.iter().for_each(|w| put_varint(out, u64::from(*w)));
    }
}

/// Reads [`encode`]'s list off the front of `bytes`.
pub fn decode(bytes: &mut &[u8]) -> Result<Vec<(LockTarget, LockMode)>> {
    let bad = || DbError::corrupt("malformed list of a prepared transaction's locks");
    let mut out = Vec::new();
    for _ in 0..get_varint(bytes)? {
        let (&[m, kind], rest) = bytes.split_first_chunk::<2>().ok_or_else(bad)?;
        *bytes = rest;
        let mode = mode::ALL.into_iter().find(|x| *x as u8 == m).ok_or_else(bad)?;
        let mut word = || -> Result<u32> { u32::try_from(get_varint(bytes)?).map_err(|_| bad()) };
        let (a, b, c) = (word()?, word()?, word()?);
        let target = match kind {
            RELATION => LockTarget::Relation { db: a, oid: b },
            OBJECT => LockTarget::Object { db: a, class: b, oid: c },
            ROW => {
                let slot = u16::try_from(c).map_err(|_| bad())?;
                LockTarget::Row { rel: RelId(a), rid: Rid { block: b, slot } }
            }
            PAGE => LockTarget::Page { rel: RelId(a), block: b },
            ADVISORY | ADVISORY_PAIR => LockTarget::Advisory { db: a, high: b, low: c, pair: kind == ADVISORY_PAIR },
            _ => return Err(bad()),
        };
        out.push((target, mode));
    }
    Ok(out)
}

/// A kept lock that cannot be taken again.
pub(crate) fn lost(target: LockTarget) -> DbError {
    DbError::new(SqlState::INTERNAL_ERROR, format!("a prepared transaction's lock on {target} is not to be had"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_round_trip() {
        let list = vec![
            (LockTarget::Relation { db: 5, oid: 16_400 }, LockMode::RowExclusive),
            (LockTarget::Object { db: 0, class: 1262, oid: 1 }, LockMode::AccessExclusive),
            (LockTarget::Row { rel: RelId(9), rid: Rid { block: 70_000, slot: 3 } }, LockMode::AccessShare),
            (LockTarget::Page { rel: RelId(9), block: 8 }, LockMode::Exclusive),
            (LockTarget::Advisory { db: 5, high: u32::MAX, low: 7, pair: false }, LockMode::Share),
            (LockTarget::Advisory { db: 5, high: 1, low: 2, pair: true }, LockMode::Exclusive),
        ];
        let mut bytes = Vec::new();
        encode(&list, &mut bytes);
        bytes.push(42);
        let mut rest = bytes.as_slice();
        assert_eq!(decode(&mut rest).expect("whole"), list);
        assert_eq!(rest, [42]);
        assert!(decode(&mut &bytes[..bytes.len() - 2]).is_err());
        assert!(decode(&mut &[1, 99, 1, 0, 0, 0][..]).is_err());
    }
}
