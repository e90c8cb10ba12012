//! Redo of map pages.

use super::GROUP;
use crate::mtr::redo::code;
use crate::page::{BODY, Page, PageKind};
use rustydb_base::{DbError, Result};

/// Sets a block's class; payload: index in the group u16, class u8.
pub(crate) const SET: u8 = code::SPACE;
/// Sets the number of groups, on the first map page; payload: u32.
pub(crate) const GROUPS: u8 = code::SPACE + 1;

/// Runs an operation of this module's range.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    let bad = || DbError::corrupt(format!("malformed space operation {code:#x}"));
    page.expect_kind(PageKind::Space)?;
    match (code, payload) {
        (SET, &[a, b, class @ 0..=15]) => {
            let i = usize::from(u16::from_le_bytes([a, b]));
            if i >= GROUP as usize {
                return Err(bad());
            }
            let byte = &mut page.bytes_mut(BODY + i / 2, 1)?[0];
            *byte = if i % 2 == 0 { (*byte & 0xf0) | class } else { (*byte & 0x0f) | (class << 4) };
            Ok(())
        }
        (GROUPS, &[a, b, c, d]) => {
            page.set_reserved(u64::from(u32::from_le_bytes([a, b, c, d])));
            Ok(())
        }
        _ => Err(bad()),
    }
}
