//! Redo of the undo pages: one positional operation.
//!
//! In the log a record is packed: numbers are as long as they need to be, pointers are distances, what is zero is left out.
//! A record's head takes 52 bytes in its page and about half of that in the log, where undo is the largest part of an
//! ordinary transaction. Unpacking restores the very bytes, wherever it is done.

use super::UndoPtr;
use super::record::HEAD_LEN;
use super::stream::stream_of;
use crate::mtr::redo::code;
use crate::mtr::{get_varint, put_varint};
use crate::page::{BODY_END, PAGE_SIZE, Page, PageKind};
use rustydb_base::{DbError, Result, Rid};

/// Writes a record at the end of the page; payload: offset u16, packed record.
pub(crate) const APPEND: u8 = code::UNDO;

/// Most bytes that a packed record takes beyond the record's own.
pub(super) const PACKED_MORE: usize = 16;

/// What of a record's head is there; what is not is zero.
mod has {
    /// The transaction's record before, as a distance back in the same stream.
    pub const BACK: u8 = 1;
    /// The same as a pointer.
    pub const PREV: u8 = 2;
    /// The row's version before.
    pub const VER: u8 = 4;
    /// The row's undo pointer before.
    pub const UNDO: u8 = 8;
}

fn bad() -> DbError {
    DbError::corrupt("malformed undo operation")
}

/// Runs an operation of this module's range.
pub(crate) fn apply(page: &mut Page, code: u8, payload: &[u8]) -> Result<()> {
    if code != APPEND {
        return Err(bad());
    }
    page.expect_kind(PageKind::Undo)?;
    let (at, packed) = payload.split_first_chunk::<2>().ok_or_else(bad)?;
    let at = u16::from_le_bytes(*at);
    let id = page.id();
    let stream = stream_of(id.rel).ok_or_else(bad)?;
    let ptr = UndoPtr::new(stream, u64::from(id.block) * PAGE_SIZE as u64 + u64::from(at));
    let (head, payload) = unpack(ptr, packed)?;
    let len = head.len() + payload.len();
    if at != page.free_lo() || usize::from(at) + len > BODY_END {
        return Err(bad());
    }
    page.put(usize::from(at), &head)?;
    page.put(usize::from(at) + head.len(), payload)?;
    page.set_free_lo(at + len as u16);
    Ok(())
}

fn int<const N: usize>(b: &[u8], at: usize) -> Result<[u8; N]> {
    b.get(at..at + N).and_then(|s| s.try_into().ok()).ok_or_else(bad)
}

/// Appends the packed form of a whole record that will stand at `ptr`.
pub(super) fn pack(ptr: UndoPtr, rec: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let prev = UndoPtr(u64::from_le_bytes(int(rec, 16)?));
    let (ver, undo) = (u64::from_le_bytes(int(rec, 36)?), UndoPtr(u64::from_le_bytes(int(rec, 44)?)));
    let rid = rec.get(28..34).and_then(Rid::from_bytes).ok_or_else(bad)?;
    let mut there = 0;
    if prev.is_some() {
        there |= if prev.stream() == ptr.stream() && prev < ptr { has::BACK } else { has::PREV };
    }
    there |= if ver != 0 { has::VER } else { 0 } | if undo.is_some() { has::UNDO } else { 0 };
    out.extend_from_slice(&int::<2>(rec, 2)?);
    out.push(there);
    put_varint(out, u64::from_le_bytes(int(rec, 4)?));
    put_varint(out, u64::from(u32::from_le_bytes(int(rec, 12)?)));
    if there & has::BACK != 0 {
        put_varint(out, ptr.offset() - prev.offset());
    } else if there & has::PREV != 0 {
        out.extend_from_slice(&prev.0.to_le_bytes());
    }
    put_varint(out, u64::from(u32::from_le_bytes(int(rec, 24)?)));
    put_varint(out, u64::from(rid.block));
    put_varint(out, u64::from(rid.slot));
    put_varint(out, u64::from(u16::from_le_bytes(int(rec, 34)?)));
    if there & has::VER != 0 {
        out.extend_from_slice(&ver.to_le_bytes());
    }
    if there & has::UNDO != 0 {
        out.push(undo.stream());
        put_varint(out, undo.offset());
    }
    out.extend_from_slice(rec.get(HEAD_LEN..).ok_or_else(bad)?);
    Ok(())
}

/// The record that was packed, byte for byte: its head and its payload.
fn unpack(ptr: UndoPtr, packed: &[u8]) -> Result<([u8; HEAD_LEN], &[u8])> {
    let (&[kind, flags, there], mut b) = packed.split_first_chunk::<3>().ok_or_else(bad)?;
    let eight = |b: &mut &[u8]| -> Result<[u8; 8]> {
        let (x, rest) = b.split_first_chunk::<8>().ok_or_else(bad)?;
        *b = rest;
        Ok(*x)
    };
    let xid = get_varint(&mut b)?;
    let cid = u32::try_from(get_varint(&mut b)?).map_err(|_| bad())?;
    let prev = if there & has::BACK != 0 {
        let offset = ptr.offset().checked_sub(get_varint(&mut b)?).ok_or_else(bad)?;
        UndoPtr::new(ptr.stream(), offset).0
    } else if there & has::PREV != 0 {
        u64::from_le_bytes(eight(&mut b)?)
    } else {
        0
    };
    let rel = u32::try_from(get_varint(&mut b)?).map_err(|_| bad())?;
    let block = u32::try_from(get_varint(&mut b)?).map_err(|_| bad())?;
    let slot = u16::try_from(get_varint(&mut b)?).map_err(|_| bad())?;
    let depth = u16::try_from(get_varint(&mut b)?).map_err(|_| bad())?;
    let ver = if there & has::VER != 0 { u64::from_le_bytes(eight(&mut b)?) } else { 0 };
    let mut undo = 0;
    if there & has::UNDO != 0 {
        let (stream, rest) = b.split_first().ok_or_else(bad)?;
        b = rest;
        undo = UndoPtr::new(*stream, get_varint(&mut b)?).0;
    }
    let len = u16::try_from(HEAD_LEN + b.len()).map_err(|_| bad())?;
    let mut head = [0; HEAD_LEN];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        head[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(&len.to_le_bytes());
    put(&[kind, flags]);
    put(&xid.to_le_bytes());
    put(&cid.to_le_bytes());
    put(&prev.to_le_bytes());
    put(&rel.to_le_bytes());
    put(&Rid { block, slot }.to_bytes());
    put(&depth.to_le_bytes());
    put(&ver.to_le_bytes());
    put(&undo.to_le_bytes());
    debug_assert_eq!(at, HEAD_LEN);
    Ok((head, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_loses_nothing() {
        let ptr = UndoPtr::new(3, 900_000);
        let words =
            [0, 1, 127, 128, UndoPtr::new(3, 899_000).0, UndoPtr::new(3, 900_001).0, UndoPtr::new(4, 7).0, u64::MAX];
        for (i, prev) in words.into_iter().enumerate() {
            for (k, ver) in words.into_iter().enumerate() {
                let (small, undo) = (i as u8, words[(i + k) % words.len()]);
                let payload = vec![small; i * 37 % 200];
                let mut rec = ((HEAD_LEN + payload.len()) as u16).to_le_bytes().to_vec();
                rec.extend_from_slice(&[5, small]);
                rec.extend_from_slice(&words[k].to_le_bytes());
                rec.extend_from_slice(&(u32::MAX >> (k * 4)).to_le_bytes());
                rec.extend_from_slice(&prev.to_le_bytes());
                rec.extend_from_slice(&(u32::MAX >> (i * 4)).to_le_bytes());
                rec.extend_from_slice(&[small, 2, 0, 255, 0, small]);
                rec.extend_from_slice(&(u16::MAX >> (k * 2)).to_le_bytes());
                rec.extend_from_slice(&ver.to_le_bytes());
                rec.extend_from_slice(&undo.to_le_bytes());
                rec.extend_from_slice(&payload);
                let mut packed = Vec::new();
                pack(ptr, &rec, &mut packed).expect("a whole record");
                assert!(packed.len() <= rec.len() + PACKED_MORE, "{} bytes of {}", packed.len(), rec.len());
                let (head, payload) = unpack(ptr, &packed).expect("packed");
                assert_eq!([&head[..], payload].concat(), rec);
                for cut in 0..3 {
                    assert!(unpack(ptr, &packed[..cut]).is_err());
                }
            }
        }
    }
}
