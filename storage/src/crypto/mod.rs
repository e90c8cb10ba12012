//! Encryption at rest: the only place of this crate where keys and ciphers are known.
//!
//! # Idea
//! A directory that is made with encryption on has a *key file* ([`keyfile`]) with its data-encryption keys, each wrapped
//! by a key-encryption key that is never stored: it comes from a file, the environment or a command ([`source`]). Every
//! page, every batch of the log and every chunk of a temporary file is sealed with AES-256-GCM ([`Crypto`]). What stays
//! readable is what scrubbing and backup need without keys: page headers (identity, LSN, counts; bytes 0..32), batch
//! headers, the double-write file's lists of blocks. Those are authenticated with what they head.
//!
//! ```text
//! page   0..32 header in clear | 32..8160 sealed | 8160 trailer: key version u32, nonce 12, tag 16
//! batch  header in clear | payload sealed | the same trailer (32 bytes behind the payload, flag ENCRYPTED)
//! ```
//! Checksums cover the stored bytes. A page in memory is always in clear, with an empty trailer.
//!
//! # Why no nonce repeats
//! GCM is broken by one repeated nonce under one key. A nonce is `epoch u32 ‖ counter u64`. The epoch lives in the key file
//! and is raised durably at each start, before anything is sealed, so no two starts of one directory share it (2³² starts
//! are refused to be exceeded). Within a start one atomic counter serves pages and batches alike, each value once; it
//! cannot wrap in a machine's life. It begins at a random 64-bit value, so two *copies* of a directory that are started
//! apart with the same epoch do not meet either, except with a probability of (seals of both)/2⁶⁴. An image that is
//! written twice (double-write file, then home) is sealed once. Temporary files have a key of their own that is drawn at
//! start, never leaves memory and dies with the process; their nonces are a counter from zero. Wrapping a key uses a random
//! nonce; a key-encryption key wraps a handful of keys in its life.
//!
//! # Keys in memory
//! Raw keys and everything read on the way to them are zeroized when dropped. The key schedules inside `ring` are not
//! (ring offers no way): they are reachable in the memory of a running server, which is why it forbids core dumps when
//! encryption is on.
//!
//! # Left out
//! File names and lengths, page headers and what an observer learns from them. Backups and network.

mod keyfile;
mod source;
pub mod spill;

pub use keyfile::KEYS;
pub use source::{KEY_LEN, KeySource, Secret};

use crate::io::IoRef;
use crate::page::{PAGE_SIZE, Page};
use keyfile::{KeyFile, Wrapped};
use parking_lot::RwLock;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use rustydb_base::metrics::Counter;
use rustydb_base::{DbError, Result, SqlState};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pages and batches sealed.
pub static SEALED: Counter = Counter::new("encryption_seals", "pages and log batches encrypted");

/// Bytes that sealing appends: key version, nonce, tag.
pub const TRAILER: usize = 32;
const TAG: usize = 16;
/// What of a page's header stays in clear.
const CLEAR: usize = 32;
const _: () = assert!(4 + NONCE_LEN + TAG == TRAILER);

/// How a store's directory is to be encrypted.
#[derive(Clone, Default, Debug)]
pub struct Encryption {
    /// A new directory gets keys.
    pub new_directory: bool,
    /// Where the key-encryption key comes from.
    pub source: Option<KeySource>,
}

fn cipher(key: &Secret) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, &key[..])
        .map_err(|_| DbError::internal("an encryption key has a wrong length"))?;
    Ok(LessSafeKey::new(key))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut out = [0; N];
    SystemRandom::new()
        .fill(&mut out)
        .map_err(|_| DbError::fatal(SqlState::INTERNAL_ERROR, "the operating system gives no random numbers"))?;
    Ok(out)
}

/// A new random key.
fn new_secret() -> Result<Secret> {
    let mut s = Secret::default();
    SystemRandom::new()
        .fill(&mut s[..])
        .map_err(|_| DbError::fatal(SqlState::INTERNAL_ERROR, "the operating system gives no random numbers"))?;
    Ok(s)
}

struct DataKey {
    secret: Secret,
    aead: LessSafeKey,
}

struct Keys {
    current: u32,
    all: BTreeMap<u32, DataKey>,
}

/// The keys of an open directory.
pub struct Crypto {
    io: IoRef,
    keys: RwLock<Arc<Keys>>,
    /// Upper part of every nonce of this start.
    epoch: u32,
    counter: AtomicU64,
    /// For temporary files.
    temp: LessSafeKey,
    temp_counter: AtomicU64,
    /// One change of the data key at a time.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// Held while the key file changes; where the key-encryption key comes from.
    file: tokio::sync::Mutex<(KeyFile, KeySource)>,
}

impl std::fmt::Debug for Crypto {
    /// Shows no key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crypto(epoch {}, key version {})", self.epoch, self.current_version())
    }
}

/// Whether pages and batches are sealed, and by what.
pub type CryptoRef = Option<Arc<Crypto>>;

impl Crypto {
    /// Makes the key file of a new directory.
    pub async fn create(io: &IoRef, source: KeySource) -> Result<Arc<Crypto>> {
        let secret = new_secret()?;
        let kek = source.fetch().await?;
        let file = KeyFile { epoch: 1, current: 1, keys: vec![Wrapped::wrap(1, &secret, &kek)?] };
        file.write(io).await?;
        Crypto::start(io, file, source, BTreeMap::from([(1, secret)]))
    }

    /// Unwraps the keys of a directory and raises its epoch. A missing or wrong key-encryption key is refused.
    pub async fn open(io: &IoRef, source: Option<KeySource>) -> Result<Arc<Crypto>> {
        let mut file = KeyFile::read(io).await?;
        let source = source.ok_or_else(|| {
            DbError::fatal(SqlState::CONFIG_FILE_ERROR, "the data directory is encrypted, but no key is configured")
                .hint("Set encryption_key_file, encryption_key_env or encryption_key_command.")
        })?;
        let kek = source.fetch().await?;
        let mut secrets = BTreeMap::new();
        for w in &file.keys {
            secrets.insert(w.version, w.unwrap(&kek)?);
        }
        file.epoch = file.epoch.checked_add(1).ok_or_else(|| {
            DbError::fatal(SqlState::PROGRAM_LIMIT_EXCEEDED, "an encrypted directory cannot be started more often")
                .hint("Dump the databases and restore them into a new directory.")
        })?;
        file.write(io).await?;
        Crypto::start(io, file, source, secrets)
    }

    fn start(io: &IoRef, file: KeyFile, source: KeySource, secrets: BTreeMap<u32, Secret>) -> Result<Arc<Crypto>> {
        let mut all = BTreeMap::new();
        for (version, secret) in secrets {
            let aead = cipher(&secret)?;
            all.insert(version, DataKey { secret, aead });
        }
        if !all.contains_key(&file.current) {
            return Err(DbError::corrupt("the key file does not hold its current key"));
        }
        Ok(Arc::new(Crypto {
            io: io.clone(),
            keys: RwLock::new(Arc::new(Keys { current: file.current, all })),
            epoch: file.epoch,
            counter: AtomicU64::new(u64::from_le_bytes(random()?)),
            temp: cipher(&new_secret()?)?,
            temp_counter: AtomicU64::new(0),
            changing: tokio::sync::Mutex::new(()),
            file: tokio::sync::Mutex::new((file, source)),
        }))
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read())
    }

    /// A nonce that no seal has had and none will have.
    fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut n = [0; NONCE_LEN];
        n[..4].copy_from_slice(&self.epoch.to_le_bytes());
        n[4..].copy_from_slice(&self.counter.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        n
    }

    /// Encrypts `bytes` in place; answers the trailer. `aad` is authenticated with them.
    pub(crate) fn seal(&self, aad: &[u8], bytes: &mut [u8]) -> Result<[u8; TRAILER]> {
        let keys = self.keys();
        let key = keys.all.get(&keys.current).ok_or_else(|| DbError::internal("the current key is gone"))?;
        let nonce = self.nonce();
        let tag = key
            .aead
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), bytes)
            .map_err(|_| DbError::internal("encryption failed"))?;
        SEALED.inc();
        let mut out = [0; TRAILER];
        out[..4].copy_from_slice(&keys.current.to_le_bytes());
        out[4..4 + NONCE_LEN].copy_from_slice(&nonce);
        out[4 + NONCE_LEN..].copy_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Decrypts `bytes` in place. `false` if they, the trailer or `aad` are not what was sealed.
    pub(crate) fn unseal(&self, aad: &[u8], bytes: &mut [u8], trailer: &[u8; TRAILER]) -> bool {
        let version = key_version(trailer);
        let keys = self.keys();
        let Some(key) = keys.all.get(&version) else { return false };
        let (Some(nonce), Some(tag)) =
            (trailer[4..].first_chunk::<NONCE_LEN>(), trailer[4 + NONCE_LEN..].first_chunk::<TAG>())
        else {
            return false;
        };
        let nonce = Nonce::assume_unique_for_key(*nonce);
        key.aead.open_in_place_separate_tag(nonce, Aad::from(aad), (*tag).into(), bytes, 0..).is_ok()
    }

    /// Seals a page image of [`PAGE_SIZE`] bytes and computes its checksum.
    pub(crate) fn seal_page(&self, image: &mut [u8]) -> Result<()> {
        let wrong = || DbError::internal("a page image has a wrong length");
        let (page, trailer) = image.split_at_mut_checked(PAGE_SIZE - TRAILER).ok_or_else(wrong)?;
        let (head, body) = page.split_at_mut(CLEAR);
        trailer.copy_from_slice(&self.seal(&head[4..], body)?);
        let crc = crc32c::crc32c(&image[4..]);
        image[..4].copy_from_slice(&crc.to_le_bytes());
        Ok(())
    }

    /// Turns a page as stored, whose checksum and identity are right, into the page; a page of zeros stays one.
    pub(crate) fn open_page(&self, page: &mut Page) -> Result<()> {
        if page.is_zero() {
            return Ok(());
        }
        let id = page.id();
        let (rest, trailer) = page.0.split_at_mut(PAGE_SIZE - TRAILER);
        let (head, body) = rest.split_at_mut(CLEAR);
        let sealed: [u8; TRAILER] = (&*trailer).try_into().map_err(|_| DbError::internal("page without trailer"))?;
        if !self.unseal(&head[4..], body, &sealed) {
            let why = match key_version(&sealed) {
                0 => "is not encrypted".to_owned(),
                v if !self.keys().all.contains_key(&v) => format!("is encrypted with key version {v}, which is gone"),
                _ => "was changed without its key".to_owned(),
            };
            return Err(DbError::corrupt(format!(
                "invalid page in block {} of relation {}: it {why}",
                id.block, id.rel
            )));
        }
        trailer.fill(0);
        Ok(())
    }

    /// The version that seals now.
    pub fn current_version(&self) -> u32 {
        self.keys().current
    }

    /// Wraps the data keys with another key-encryption key, which is needed from the next start on.
    pub async fn change_source(&self, source: KeySource) -> Result<()> {
        let kek = source.fetch().await?;
        let mut held = self.file.lock().await;
        let keys = self.keys();
        let mut file = KeyFile { keys: Vec::new(), ..held.0.clone() };
        for (version, key) in &keys.all {
            file.keys.push(Wrapped::wrap(*version, &key.secret, &kek)?);
        }
        file.write(&self.io).await?;
        *held = (file, source);
        Ok(())
    }

    /// Makes a new data key, which seals from now on. Answers its version.
    pub(crate) async fn add_key(&self) -> Result<u32> {
        let mut held = self.file.lock().await;
        let kek = held.1.fetch().await?;
        // The source may have changed since the start: what cannot open the present keys must not wrap a new one.
        for w in &held.0.keys {
            w.unwrap(&kek)?;
        }
        let secret = new_secret()?;
        let version = held.0.keys.iter().map(|w| w.version).max().unwrap_or(0) + 1;
        let mut file = held.0.clone();
        file.keys.push(Wrapped::wrap(version, &secret, &kek)?);
        file.current = version;
        file.write(&self.io).await?;
        let aead = cipher(&secret)?;
        let mut all = self.copy_of_keys()?;
        all.insert(version, DataKey { secret, aead });
        *self.keys.write() = Arc::new(Keys { current: version, all });
        held.0 = file;
        Ok(version)
    }

    /// Forgets the keys before a version: nothing is sealed with them any more.
    pub(crate) async fn drop_keys_before(&self, version: u32) -> Result<()> {
        let mut held = self.file.lock().await;
        let mut file = held.0.clone();
        file.keys.retain(|w| w.version >= version);
        file.write(&self.io).await?;
        let mut all = self.copy_of_keys()?;
        all.retain(|v, _| *v >= version);
        *self.keys.write() = Arc::new(Keys { current: file.current, all });
        held.0 = file;
        Ok(())
    }

    fn copy_of_keys(&self) -> Result<BTreeMap<u32, DataKey>> {
        let keys = self.keys();
        let copy = |(v, k): (&u32, &DataKey)| Ok((*v, DataKey { secret: k.secret.clone(), aead: cipher(&k.secret)? }));
        keys.all.iter().map(copy).collect()
    }
}

/// The key version that a trailer names; 0 for none.
pub(crate) fn key_version(trailer: &[u8]) -> u32 {
    trailer.first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
}

#[cfg(test)]
mod tests;
