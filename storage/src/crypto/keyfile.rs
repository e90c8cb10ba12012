//! The key file: a directory's data keys, wrapped.
//!
//! `magic u32, version u32 | epoch u32, current u32, keys u32 | per key: version u32, nonce 12, wrapped key 32, tag 16 | crc
//! u32`, little-endian. It is replaced as a whole, atomically and durably. The key's version is authenticated with it.

use super::{KEY_LEN, Secret, cipher, random};
use crate::io::{IoRef, read_small, write_small};
use ring::aead::{Aad, NONCE_LEN, Nonce};
use rustydb_base::{DbError, Result, SqlState};
use zeroize::Zeroize as _;

/// Name of the key file; its presence says that the directory is encrypted.
pub const KEYS: &str = "keys";
const MAGIC: u32 = 0x4B4B_4452; // "RDKK"
const VERSION: u32 = 1;
const TAG: usize = 16;
/// Keys a file can hold: rotation leaves one, or two while it is under way.
const MAX_KEYS: usize = 64;
const FIXED: usize = 20;
const PER_KEY: usize = 4 + NONCE_LEN + KEY_LEN + TAG;

/// A data key as stored.
#[derive(Clone)]
pub(super) struct Wrapped {
    pub(super) version: u32,
    nonce: [u8; NONCE_LEN],
    sealed: [u8; KEY_LEN],
    tag: [u8; TAG],
}

fn aad(version: u32) -> [u8; 8] {
    let mut a = [0; 8];
    a[..4].copy_from_slice(&MAGIC.to_le_bytes());
    a[4..].copy_from_slice(&version.to_le_bytes());
    a
}

impl Wrapped {
    pub(super) fn wrap(version: u32, secret: &Secret, kek: &Secret) -> Result<Wrapped> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = **secret;
        let tag = cipher(kek)?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad(version)), &mut sealed)
            .map_err(|_| {
                sealed.zeroize();
                DbError::internal("wrapping a key failed")
            })?;
        let tag = tag.as_ref().try_into().map_err(|_| DbError::internal("a tag has a wrong length"))?;
        Ok(Wrapped { version, nonce, sealed, tag })
    }

    pub(super) fn unwrap(&self, kek: &Secret) -> Result<Secret> {
        let mut secret = Secret::new(self.sealed);
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let opened = cipher(kek)?.open_in_place_separate_tag(
            nonce,
            Aad::from(aad(self.version)),
            self.tag.into(),
            &mut secret[..],
            0..,
        );
        if opened.is_err() {
            return Err(DbError::fatal(
                SqlState::INVALID_PASSWORD,
                "the encryption key does not fit the data directory",
            )
            .hint("Configure the key that the directory was made with, or to which it was changed last."));
        }
        Ok(secret)
    }
}

/// What the key file holds.
#[derive(Clone)]
pub(super) struct KeyFile {
    /// Raised at each start.
    pub(super) epoch: u32,
    /// The key that seals.
    pub(super) current: u32,
    pub(super) keys: Vec<Wrapped>,
}

impl KeyFile {
    pub(super) async fn write(&self, io: &IoRef) -> Result<()> {
        if self.keys.len() > MAX_KEYS {
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many encryption keys"));
        }
        let mut out = Vec::with_capacity(FIXED + self.keys.len() * PER_KEY + 4);
        for n in [MAGIC, VERSION, self.epoch, self.current, self.keys.len() as u32] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        for k in &self.keys {
            out.extend_from_slice(&k.version.to_le_bytes());
            out.extend_from_slice(&k.nonce);
            out.extend_from_slice(&k.sealed);
            out.extend_from_slice(&k.tag);
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        write_small(&**io, KEYS, &out).await
    }

    pub(super) async fn read(io: &IoRef) -> Result<KeyFile> {
        let bytes = match read_small(&**io, KEYS, FIXED + MAX_KEYS * PER_KEY + 4).await {
            Ok(b) => b,
            Err(e) if e.code == SqlState::UNDEFINED_FILE => {
                return Err(DbError::fatal(
                    SqlState::DATA_CORRUPTED,
                    format!("the data directory is encrypted, but its key file \"{KEYS}\" is missing"),
                )
                .hint("Restore the key file from a backup; without it the data cannot be read."));
            }
            Err(e) => return Err(e),
        };
        KeyFile::parse(&bytes).ok_or_else(|| {
            DbError::fatal(SqlState::DATA_CORRUPTED, format!("the key file \"{KEYS}\" is damaged"))
                .hint("Restore the key file from a backup; without it the data cannot be read.")
        })
    }

    /// Whether the key file is there and sound, without its key.
    pub(super) fn parse(bytes: &[u8]) -> Option<KeyFile> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        let word = |at: usize| body.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b));
        let sound = u32::from_le_bytes(*crc) == crc32c::crc32c(body) && word(0)? == MAGIC && word(4)? == VERSION;
        let n = usize::try_from(word(16)?).ok().filter(|n| *n <= MAX_KEYS)?;
        if !sound || body.len() != FIXED + n * PER_KEY {
            return None;
        }
        let keys = body[FIXED..].chunks_exact(PER_KEY).map(|k| {
            let (version, k) = k.split_first_chunk::<4>()?;
            let (nonce, k) = k.split_first_chunk::<NONCE_LEN>()?;
            let (sealed, k) = k.split_first_chunk::<KEY_LEN>()?;
            let tag = k.first_chunk::<TAG>()?;
            Some(Wrapped { version: u32::from_le_bytes(*version), nonce: *nonce, sealed: *sealed, tag: *tag })
        });
        Some(KeyFile { epoch: word(8)?, current: word(12)?, keys: keys.collect::<Option<Vec<_>>>()? })
    }
}
