//! Redo of the undo pages: one positional operation.

use crate::mtr::redo::code;
use crate::page::{BODY_END, Page, PageKind};
use rustydb_base::{DbError, Result};

/// Writes a record at the end of the page; payload: offset u16, record.
pub(crate) const APPEND: u8 = code::UNDO;

/// Runs an operation of this module's range.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    let bad = || DbError::corrupt(format!("malformed undo operation {code:#x}"));
    if code != APPEND {
        return Err(bad());
    }
    page.expect_kind(PageKind::Undo)?;
    let (at, rec) = payload.split_first_chunk::<2>().ok_or_else(bad)?;
    let at = u16::from_le_bytes(*at);
    if at != page.free_lo() || usize::from(at) + rec.len() > BODY_END {
        return Err(bad());
    }
    page.put(usize::from(at), rec)?;
    page.set_free_lo(at + rec.len() as u16);
    Ok(())
}
