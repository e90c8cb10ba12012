//! Transaction status pages: eight bytes per transaction number, the one durable truth about who committed.
//!
//! Relation [`TSP_REL`]; entry `seq` lives in block `seq / 1014` at byte `48 + 8 * (seq % 1014)`. A page is formatted
//! when the first of its numbers is handed out, so a number never handed out reads as running.

use crate::mtr::redo::code;
use crate::page::{BODY, BODY_END, Page, PageKind};
use rustydb_base::{DbError, PageId, RelId, Result, Scn, Xid};

/// The relation that holds the status pages.
pub const TSP_REL: RelId = RelId(8);
/// Entries per page.
pub const PER_PAGE: u64 = ((BODY_END - BODY) / 8) as u64;
/// Sets one entry; payload: entry u16, status u64.
pub(crate) const SET: u8 = code::TSP;

const ABORTED: u64 = 1 << 63;
const PREPARED: u64 = 2;
/// Words up to this number say something else than that SCN: it is never handed out, nor is any below.
pub const RESERVED: Scn = Scn(PREPARED);

/// What an entry says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Running, or never used.
    Running,
    /// Prepared for two-phase commit.
    Prepared,
    /// Rolled back completely; snapshots older than this SCN may still look at its undo.
    Aborted(Scn),
    /// Committed.
    Committed(Scn),
}

impl Status {
    /// The entry's word: 0 running, 2 prepared, top bit and end SCN when rolled back, else the commit SCN.
    pub fn encode(self) -> u64 {
        match self {
            Status::Running => 0,
            Status::Prepared => PREPARED,
            Status::Aborted(scn) => ABORTED | scn.0,
            Status::Committed(scn) => scn.0,
        }
    }
    /// Reads [`Status::encode`] back.
    pub fn decode(w: u64) -> Status {
        match w {
            0 | 1 => Status::Running,
            PREPARED => Status::Prepared,
            _ if w & ABORTED != 0 => Status::Aborted(Scn(w & !ABORTED)),
            _ => Status::Committed(Scn(w)),
        }
    }
}

/// The page that holds a transaction's entry.
pub fn page_of(xid: Xid) -> PageId {
    // 2^32 pages hold 4·10^12 numbers; `TxnTable` refuses to hand out more.
    PageId::new(TSP_REL, (xid.seq() / PER_PAGE) as u32)
}

/// Payload of [`SET`].
pub(crate) fn set_payload(xid: Xid, status: Status) -> [u8; 10] {
    let mut p = [0; 10];
    p[..2].copy_from_slice(&((xid.seq() % PER_PAGE) as u16).to_le_bytes());
    p[2..].copy_from_slice(&status.encode().to_le_bytes());
    p
}

/// Reads an entry from its page.
pub(crate) fn status(page: &Page, xid: Xid) -> Result<Status> {
    page.expect_kind(PageKind::Tsp)?;
    Ok(Status::decode(page.u64_at(BODY + 8 * (xid.seq() % PER_PAGE) as usize)?))
}

/// Redo of the status pages' operations.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    let bad = || DbError::corrupt(format!("malformed transaction status operation {code:#x}"));
    let (Some((entry, word)), SET) = (payload.split_first_chunk::<2>(), code) else { return Err(bad()) };
    page.expect_kind(PageKind::Tsp)?;
    let entry = u64::from(u16::from_le_bytes(*entry));
    if entry >= PER_PAGE || word.len() != 8 {
        return Err(bad());
    }
    page.put(BODY + 8 * entry as usize, word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PAGE_SIZE;

    #[test]
    fn entries_round_trip() {
        let mut page = Page([0; PAGE_SIZE]);
        let last = Xid(PER_PAGE * 3 - 1);
        assert_eq!(page_of(last).block, 2);
        page.format(page_of(last), PageKind::Tsp);
        for s in [Status::Prepared, Status::Aborted(Scn(9)), Status::Committed(Scn(1 << 62)), Status::Running] {
            apply(&mut page, SET, &set_payload(last, s)).unwrap();
            assert_eq!(status(&page, last).unwrap(), s);
        }
        assert!(apply(&mut page, SET, &[0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(apply(&mut page, SET, &[0]).is_err());
        assert!(apply(&mut page, SET + 1, &set_payload(last, Status::Running)).is_err());
    }
}
