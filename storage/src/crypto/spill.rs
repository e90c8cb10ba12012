//! Temporary files: streams of sealed chunks.
//!
//! `len u32 | nonce 12 | sealed bytes | tag 16`, chunk after chunk, at most [`CHUNK`] bytes each. The key never leaves
//! memory, so what a crash leaves behind cannot be read by anyone. Each chunk is bound to its place in its file, and the
//! file to its number: chunks cannot be exchanged.

use super::Crypto;
use ring::aead::{Aad, NONCE_LEN, Nonce};
use rustydb_base::{DbError, Result};
use std::sync::atomic::Ordering;

/// Most bytes sealed together.
pub const CHUNK: usize = 256 << 10;
/// What a chunk adds to its content.
pub const OVERHEAD: usize = 4 + NONCE_LEN + 16;

fn aad(file: u64, index: u64) -> [u8; 16] {
    let mut a = [0; 16];
    a[..8].copy_from_slice(&file.to_le_bytes());
    a[8..].copy_from_slice(&index.to_le_bytes());
    a
}

impl Crypto {
    /// Appends the `index`-th chunk of temporary file `file` to `out`.
    pub fn seal_chunk(&self, file: u64, index: u64, content: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if content.len() > CHUNK {
            return Err(DbError::internal("a chunk of a temporary file is too long"));
        }
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&self.temp_counter.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        out.extend_from_slice(&(content.len() as u32).to_le_bytes());
        out.extend_from_slice(&nonce);
        let at = out.len();
        out.extend_from_slice(content);
        let tag = self
            .temp
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad(file, index)),
                &mut out[at..],
            )
            .map_err(|_| DbError::internal("encryption failed"))?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Bytes of the chunk, behind its length, that begins with these four.
    pub fn chunk_rest(head: [u8; 4]) -> Result<usize> {
        let n = u32::from_le_bytes(head) as usize;
        if n > CHUNK {
            return Err(DbError::corrupt("a temporary file is damaged"));
        }
        Ok(n + OVERHEAD - 4)
    }

    /// Opens a chunk, given without its length; answers the content.
    pub fn open_chunk(&self, file: u64, index: u64, mut chunk: Vec<u8>) -> Result<Vec<u8>> {
        let bad = || DbError::corrupt("a temporary file is damaged");
        let nonce = *chunk.first_chunk::<NONCE_LEN>().ok_or_else(bad)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let n = self
            .temp
            .open_in_place(nonce, Aad::from(aad(file, index)), &mut chunk[NONCE_LEN..])
            .map_err(|_| bad())?
            .len();
        chunk.truncate(NONCE_LEN + n);
        chunk.drain(..NONCE_LEN);
        Ok(chunk)
    }
}
