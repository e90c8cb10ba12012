//! A heap page by itself: slots, rows, accounts of its space.

use crate::heap::page::{self, MIN_ALLOC, ROW_HEADER, SLOT, SlotState, flag};
use crate::page::{BODY, BODY_END, Page};
use rustydb_base::{DbError, Result};

/// Every slot that holds something, with its place, if the page is sound.
pub(super) fn slots(p: &Page) -> Result<Vec<(u16, page::Slot)>> {
    let bad = |what: String| DbError::corrupt(format!("heap page: {what}"));
    let (n, lo, hi) = (p.nslots(), usize::from(p.free_lo()), usize::from(p.free_hi()));
    if lo != BODY + usize::from(n) * SLOT || lo > hi || hi > BODY_END {
        return Err(bad(format!("{n} slots, free space from {lo} to {hi}")));
    }
    let mut out = Vec::new();
    let mut free = 0;
    for i in 0..n {
        let s = page::slot(p, i)?;
        if s.state == SlotState::Free {
            free += 1;
            continue;
        }
        if s.off < hi || s.alloc < MIN_ALLOC || s.off + s.alloc > BODY_END {
            return Err(bad(format!("slot {i} lies at {} with {} bytes", s.off, s.alloc)));
        }
        out.push((i, s));
    }
    if free != page::free_slots(p) {
        return Err(bad(format!("{free} free slots, but {} are counted", page::free_slots(p))));
    }
    let mut by_place: Vec<_> = out.iter().map(|(i, s)| (s.off, s.alloc, *i)).collect();
    by_place.sort_unstable();
    for w in by_place.windows(2) {
        if w[0].0 + w[0].1 > w[1].0 {
            return Err(bad(format!("slots {} and {} overlap", w[0].2, w[1].2)));
        }
    }
    let used: usize = by_place.iter().map(|x| x.1).sum();
    if hi - lo + used + usize::from(n) * SLOT + (page::free_bytes(p) - (hi - lo)) != BODY_END - BODY {
        return Err(bad(format!("{used} bytes in use and {} free do not add up", page::free_bytes(p))));
    }
    Ok(out)
}

/// The header of a row in a LIVE or FORWARD slot.
pub(super) fn row_header(row: &[u8]) -> Result<()> {
    const KNOWN: u8 = flag::DELETED | flag::HAS_OVF | flag::NULLS | flag::KEY_CHANGED | flag::MOVED;
    if row.len() < ROW_HEADER || page::flags(row) & !KNOWN != 0 {
        return Err(DbError::corrupt("row with unknown flags"));
    }
    Ok(())
}
