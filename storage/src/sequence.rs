//! Sequences: numbers that are never given out twice and never rolled back.
//!
//! A sequence is a relation of one page. The page holds the position up to which numbers may have been given out; it is
//! logged [`AHEAD`] numbers ahead, so most calls log nothing, and a crash skips at most that many. A value may leave the
//! process once the record that covers it is stable: each call answers that LSN.
//!
//! The value given out last lives in memory ([`Sequences`]); after a restart it is the page's high-water mark.

use crate::core::Core;
use crate::mtr::redo::{code, format_payload};
use crate::mtr::{Mtr, PageIdx};
use crate::page::{BODY, Page, PageKind};
use crate::wait::Op;
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustydb_base::{DbError, Lsn, PageId, RelId, Result, Xid};

/// Numbers covered by one log record.
pub const AHEAD: u64 = 32;
/// Sequences whose position is kept in memory; beyond that the positions kept are given up (and their gaps skipped).
const MAX_OPEN: usize = 64 * 1024;
/// Sets the state; payload: last i64, is_called u8.
pub(crate) const SET: u8 = code::SEQUENCE;

/// Where a sequence stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SequenceState {
    /// The value given out last, or to be given out next if `is_called` is false.
    pub last: i64,
    /// Whether `last` has been given out.
    pub is_called: bool,
}

/// How a sequence steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SequenceRule {
    /// Step, not 0.
    pub increment: i64,
    /// Smallest value.
    pub min: i64,
    /// Largest value.
    pub max: i64,
    /// Whether it begins anew at the other end.
    pub cycle: bool,
}

impl SequenceRule {
    /// The value after a state; `None` when the end is reached.
    pub fn next(&self, s: &SequenceState) -> Option<i64> {
        if !s.is_called {
            return Some(s.last);
        }
        match s.last.checked_add(self.increment).filter(|v| (self.min..=self.max).contains(v)) {
            Some(v) => Some(v),
            None if self.cycle => Some(if self.increment > 0 { self.min } else { self.max }),
            None => None,
        }
    }
}

#[derive(Clone, Copy)]
struct Open {
    state: SequenceState,
    /// Numbers that may still be given out under the page's record.
    left: u64,
    lsn: Lsn,
}

/// Positions of the sequences in use.
#[derive(Default)]
pub struct Sequences {
    open: Mutex<HashMap<RelId, Open>>,
}

/// A value given out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Given {
    /// First value.
    pub value: i64,
    /// Last value: `value` unless more than one was asked for.
    pub last: i64,
    /// Must be stable before the value leaves the process.
    pub lsn: Lsn,
}

fn put_state(s: &SequenceState) -> [u8; 9] {
    let mut p = [0; 9];
    p[..8].copy_from_slice(&s.last.to_le_bytes());
    p[8] = u8::from(s.is_called);
    p
}

fn read_state(p: &Page) -> Result<SequenceState> {
    p.expect_kind(PageKind::Sequence)?;
    Ok(SequenceState { last: p.u64_at(BODY)? as i64, is_called: p.bytes(BODY + 8, 1)?[0] != 0 })
}

/// Makes the page of a new sequence.
pub(crate) fn format(mtr: &mut Mtr<'_>, page: PageIdx, state: &SequenceState) {
    let pid = mtr.pid(page);
    mtr.apply(page, code::FORMAT, &format_payload(pid, PageKind::Sequence));
    mtr.apply(page, SET, &put_state(state));
}

/// Redo of sequence pages.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    if code != SET || payload.len() != 9 {
        return Err(DbError::corrupt(format!("malformed sequence operation {code:#x}")));
    }
    page.expect_kind(PageKind::Sequence)?;
    page.put(BODY, payload)
}

impl Sequences {
    /// Gives out the next value, or up to `cache` consecutive ones. `None` when the sequence has reached its end.
    pub fn next(&self, core: &Core, rel: RelId, rule: &SequenceRule, cache: u64) -> Op<Option<Given>> {
        let mut open = self.open.lock();
        let mut at = match open.get(&rel) {
            Some(o) => *o,
            None => {
                let g = core.pool.read(PageId::new(rel, 0), crate::buf::Access::Point)?;
                Open { state: read_state(&g)?, left: 0, lsn: g.lsn() }
            }
        };
        let Some(first) = rule.next(&at.state) else { return Ok(None) };
        let mut state = SequenceState { last: first, is_called: true };
        let mut taken = 1;
        while taken < cache.max(1) {
            // A cached run does not go round.
            let Some(v) = rule.next(&state).filter(|v| (*v > state.last) == (rule.increment > 0)) else { break };
            state.last = v;
            taken += 1;
        }
        if taken > at.left {
            let mut mark = state;
            for _ in 0..AHEAD {
                let Some(v) = rule.next(&mark) else { break };
                mark.last = v;
            }
            let mut mtr = core.mtr(Xid::NONE);
            let page = mtr.fix(PageId::new(rel, 0))?;
            mtr.page(page).expect_kind(PageKind::Sequence)?;
            mtr.reserve(16)?;
            mtr.apply(page, SET, &put_state(&mark));
            at.lsn = mtr.finish().1;
            at.left = taken + AHEAD;
        }
        at.left -= taken;
        at.state = state;
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        open.insert(rel, at);
        Ok(Some(Given { value: first, last: state.last, lsn: at.lsn }))
    }

    /// Sets the state (`setval`, RESTART). Answers the LSN that must be stable before anyone is told.
    pub fn set(&self, core: &Core, rel: RelId, state: SequenceState) -> Op<Lsn> {
        let mut open = self.open.lock();
        let mut mtr = core.mtr(Xid::NONE);
        let page = mtr.fix(PageId::new(rel, 0))?;
        mtr.page(page).expect_kind(PageKind::Sequence)?;
        mtr.reserve(16)?;
        mtr.apply(page, SET, &put_state(&state));
        let lsn = mtr.finish().1;
        open.insert(rel, Open { state, left: 0, lsn });
        Ok(lsn)
    }

    /// Where the sequence stands (SELECT from it).
    pub fn get(&self, core: &Core, rel: RelId) -> Op<SequenceState> {
        if let Some(o) = self.open.lock().get(&rel) {
            return Ok(o.state);
        }
        let g = core.pool.read(PageId::new(rel, 0), crate::buf::Access::Point)?;
        Ok(read_state(&g)?)
    }

    /// Forgets a sequence whose relation is going away.
    pub fn forget(&self, rel: RelId) {
        self.open.lock().remove(&rel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_step_stop_and_go_round() {
        let up = SequenceRule { increment: 3, min: 1, max: 8, cycle: false };
        let at = |last, is_called| SequenceState { last, is_called };
        assert_eq!(up.next(&at(1, false)), Some(1));
        assert_eq!(up.next(&at(1, true)), Some(4));
        assert_eq!(up.next(&at(7, true)), None);
        assert_eq!(SequenceRule { cycle: true, ..up }.next(&at(7, true)), Some(1));
        let down = SequenceRule { increment: -1, min: i64::MIN, max: -1, cycle: false };
        assert_eq!(down.next(&at(i64::MIN, true)), None);
        assert_eq!(SequenceRule { cycle: true, ..down }.next(&at(i64::MIN, true)), Some(-1));
    }
}
