//! Redo of overflow pages.

use crate::mtr::redo::code;
use crate::page::{BODY, BODY_END, Page, PageKind};
use rustydb_base::{DbError, Result};

/// Fills a page; payload: its body.
pub(crate) const WRITE: u8 = code::OVERFLOW;
/// Changes the next page; payload: block u32.
pub(crate) const LINK: u8 = code::OVERFLOW + 1;

/// Runs an operation of this module's range.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    page.expect_kind(PageKind::Overflow)?;
    match code {
        WRITE if payload.len() <= BODY_END - BODY => page.put(BODY, payload),
        LINK if payload.len() == 4 => page.put(BODY, payload),
        _ => Err(DbError::corrupt(format!("malformed overflow operation {code:#x}"))),
    }
}
