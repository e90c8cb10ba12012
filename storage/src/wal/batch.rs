//! The batch: the unit of writing, verification and replication. All numbers little-endian.
//!
//! `magic u32, ver u16, kind u8, flags u8 | cluster_id u64 | log_id u16 | term u64, index u64 | writer_epoch u32 |
//! start_lsn u64, len u32 | scn_lo u64, scn_hi u64 | stable_lsn u64 | prev_crc u32, crc u32`, then `len` payload bytes,
//! then, if ENCRYPTED is among the flags, the 32 bytes that sealing adds (the payload is then ciphertext, the header's
//! bytes before `crc` are authenticated with it), then zeros up to the next 4 KiB. `crc` covers everything before it, the
//! payload as stored, and those 32 bytes.

use crate::crypto::{Crypto, TRAILER};
use crate::io::BLOCK;
use rustydb_base::{DbError, Lsn, Result};

/// Bytes of an encoded header.
pub(super) const HEADER: usize = 82;
const MAGIC: u32 = 0x4C57_4452; // "RDWL"
const VERSION: u16 = 1;
/// Offset of the crc, the header's last field.
const CRC_AT: usize = 78;

/// Flag: the payload is sealed.
pub(super) const ENCRYPTED: u8 = 1;
/// Bytes behind the payload that a batch may need for that.
pub(super) const SEAL_ROOM: usize = TRAILER;

/// What a batch is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum BatchKind {
    /// Records.
    Data = 1,
    /// The log goes on in the next segment.
    Blank = 2,
    /// Raft vote.
    Vote = 3,
    /// Raft truncation.
    Trunc = 4,
    /// A new writer epoch begins.
    Writer = 5,
    /// Raft membership.
    Membership = 6,
    /// Only carries `stable_lsn`.
    Seal = 7,
}

impl BatchKind {
    fn from_u8(b: u8) -> Option<BatchKind> {
        Some(match b {
            1 => BatchKind::Data,
            2 => BatchKind::Blank,
            3 => BatchKind::Vote,
            4 => BatchKind::Trunc,
            5 => BatchKind::Writer,
            6 => BatchKind::Membership,
            7 => BatchKind::Seal,
            _ => return None,
        })
    }
}

/// A decoded batch header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchHeader {
    /// What the batch is for.
    pub kind: BatchKind,
    /// [`ENCRYPTED`] or 0.
    pub flags: u8,
    /// Cluster the log belongs to.
    pub cluster_id: u64,
    /// Redo thread.
    pub log_id: u16,
    /// Raft term; 0 in a local log.
    pub term: u64,
    /// Position in the chain: one more than the batch before.
    pub index: u64,
    /// Which start of the writer made it.
    pub writer_epoch: u32,
    /// LSN of the first payload byte (for other kinds: of the next one).
    pub start_lsn: Lsn,
    /// Payload bytes.
    pub len: u32,
    /// Lowest commit SCN inside, 0 when none.
    pub scn_lo: u64,
    /// Highest commit SCN inside, 0 when none.
    pub scn_hi: u64,
    /// What was stable when the batch was cut.
    pub stable_lsn: Lsn,
    /// `crc` of the batch before.
    pub prev_crc: u32,
    /// Checksum of this batch.
    pub crc: u32,
}

impl BatchHeader {
    /// Bytes of the whole batch on disk.
    pub fn disk_len(&self) -> usize {
        batch_disk_len(self.stored_len())
    }

    /// Bytes behind the header that count: the payload and what sealing has added.
    fn stored_len(&self) -> usize {
        self.len as usize + if self.flags & ENCRYPTED != 0 { SEAL_ROOM } else { 0 }
    }

    /// LSN after the payload.
    pub fn end_lsn(&self) -> Lsn {
        if self.kind == BatchKind::Data {
            Lsn(self.start_lsn.0.saturating_add(u64::from(self.len)))
        } else {
            self.start_lsn
        }
    }

    /// Writes the header in front of the payload that `batch` already holds at [`HEADER`], computing the crc, which is
    /// also returned. `batch` must hold at least header and payload, and room for sealing if it is to be sealed.
    pub(super) fn seal(&mut self, batch: &mut [u8], crypto: Option<&Crypto>) -> Result<u32> {
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            batch[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&MAGIC.to_le_bytes());
        put(&VERSION.to_le_bytes());
        put(&[self.kind as u8, self.flags]);
        put(&self.cluster_id.to_le_bytes());
        put(&self.log_id.to_le_bytes());
        put(&self.term.to_le_bytes());
        put(&self.index.to_le_bytes());
        put(&self.writer_epoch.to_le_bytes());
        put(&self.start_lsn.0.to_le_bytes());
        put(&self.len.to_le_bytes());
        put(&self.scn_lo.to_le_bytes());
        put(&self.scn_hi.to_le_bytes());
        put(&self.stable_lsn.0.to_le_bytes());
        put(&self.prev_crc.to_le_bytes());
        debug_assert_eq!(at, CRC_AT);
        if self.flags & ENCRYPTED != 0 {
            let crypto = crypto.ok_or_else(|| DbError::internal("a batch to be sealed without keys"))?;
            let (head, rest) = batch.split_at_mut(HEADER);
            let (payload, room) = rest.split_at_mut(self.len as usize);
            let trailer = crypto.seal(&head[..CRC_AT], payload)?;
            room[..SEAL_ROOM].copy_from_slice(&trailer);
        }
        self.crc = checksum(batch, self.stored_len());
        batch[CRC_AT..HEADER].copy_from_slice(&self.crc.to_le_bytes());
        Ok(self.crc)
    }

    /// Decrypts the payload of a verified batch in place, if it is sealed.
    pub(super) fn unseal(&self, batch: &mut [u8], crypto: Option<&Crypto>) -> Result<()> {
        if self.flags & ENCRYPTED == 0 {
            if crypto.is_some() && self.len > 0 {
                return Err(DbError::corrupt(format!("log batch {} is not encrypted", self.index)));
            }
            return Ok(());
        }
        let crypto = crypto.ok_or_else(|| {
            DbError::corrupt(format!("log batch {} is encrypted, but the directory is not", self.index))
        })?;
        let (head, rest) = batch.split_at_mut(HEADER);
        let (payload, trailer) = rest.split_at_mut(self.len as usize);
        let trailer =
            trailer.first_chunk::<SEAL_ROOM>().ok_or_else(|| DbError::internal("a verified batch is short"))?;
        if !crypto.unseal(&head[..CRC_AT], payload, trailer) {
            return Err(DbError::corrupt(format!(
                "log batch {} at position {} was changed without its key, or its key (version {}) is gone",
                self.index,
                self.start_lsn,
                crate::crypto::key_version(trailer)
            )));
        }
        Ok(())
    }

    /// Reads a header's fields; `None` when these bytes are no batch header of a known version. The crc is not checked
    /// here ([`BatchHeader::verify`]).
    pub fn decode(bytes: &[u8]) -> Option<BatchHeader> {
        let mut r = Fields(bytes.get(..HEADER)?);
        if r.u32() != MAGIC || r.u16() != VERSION {
            return None;
        }
        Some(BatchHeader {
            kind: BatchKind::from_u8(r.u8())?,
            flags: r.u8(),
            cluster_id: r.u64(),
            log_id: r.u16(),
            term: r.u64(),
            index: r.u64(),
            writer_epoch: r.u32(),
            start_lsn: Lsn(r.u64()),
            len: r.u32(),
            scn_lo: r.u64(),
            scn_hi: r.u64(),
            stable_lsn: Lsn(r.u64()),
            prev_crc: r.u32(),
            crc: r.u32(),
        })
    }

    /// Whether `batch`, which begins with this header, is complete and unharmed.
    pub fn verify(&self, batch: &[u8]) -> bool {
        batch.len() >= HEADER + self.stored_len() && checksum(batch, self.stored_len()) == self.crc
    }
}

/// Bytes on disk of a batch with `len` payload bytes.
pub(super) fn batch_disk_len(len: usize) -> usize {
    (HEADER + len).next_multiple_of(BLOCK)
}

fn checksum(batch: &[u8], len: usize) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&batch[..CRC_AT]), &batch[HEADER..HEADER + len])
}

/// Takes little-endian fields off a slice whose length was checked to be [`HEADER`].
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_first_chunk().expect("decode takes exactly the fields of a full header");
        self.0 = rest;
        *head
    }
    fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }
    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_round_trip_and_damage() {
        let mut batch = vec![0u8; BLOCK];
        batch[HEADER..HEADER + 5].copy_from_slice(b"hello");
        let mut h = BatchHeader {
            kind: BatchKind::Data,
            flags: 0,
            cluster_id: 1,
            log_id: 2,
            term: 3,
            index: 4,
            writer_epoch: 5,
            start_lsn: Lsn(6),
            len: 5,
            scn_lo: 7,
            scn_hi: 8,
            stable_lsn: Lsn(9),
            prev_crc: 10,
            crc: 0,
        };
        h.seal(&mut batch, None).unwrap();
        let back = BatchHeader::decode(&batch).unwrap();
        assert_eq!((back, back.end_lsn(), back.disk_len()), (h, Lsn(11), BLOCK));
        assert!(back.verify(&batch));
        for i in 0..HEADER + 5 {
            batch[i] ^= 1;
            let fine = BatchHeader::decode(&batch).is_some_and(|h| h.verify(&batch));
            assert!(!fine, "a flipped bit at byte {i} goes unnoticed");
            batch[i] ^= 1;
        }
        assert!(BatchHeader::decode(&batch[..HEADER - 1]).is_none());
        assert!(!BatchHeader { len: u32::MAX, ..h }.verify(&batch));
    }
}
