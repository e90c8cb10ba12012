//! Changing the keys of a running store.
//!
//! A new data key seals from the moment it is in the key file. Then everything sealed with older ones has to go: what was on
//! its way to disk is waited for, pages on disk under an older key are loaded and written again by the page writer, and a
//! checkpoint behind all that makes the log before it needless. Only then is the old key forgotten. A stop or crash in the
//! middle leaves both keys in the file; the next change finishes the work.

use super::Store;
use crate::crypto::{Crypto, KeySource, TRAILER, key_version};
use crate::page::PAGE_SIZE;
use rustydb_base::{BlockNo, DbError, PageId, Result, SqlState};
use std::sync::Arc;

/// Pages read at a time while looking for old keys.
const RUN: u32 = 32;
/// Rounds after which the log or the pages are taken not to get rid of the old key.
const ROUNDS: usize = 10;

impl Store {
    fn keys(&self) -> Result<&Arc<Crypto>> {
        self.crypto.as_ref().ok_or_else(|| {
            DbError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "the data directory is not encrypted")
        })
    }

    /// Wraps the data keys with another key-encryption key. The next start needs that one.
    pub async fn change_key_source(&self, source: KeySource) -> Result<()> {
        self.keys()?.change_source(source).await
    }

    /// Replaces the data key and writes everything again that an older one has sealed. Answers how many pages that were.
    pub async fn change_data_key(&self) -> Result<u64> {
        let crypto = self.keys()?;
        let Ok(_one) = crypto.changing.try_lock() else {
            return Err(DbError::new(SqlState::OBJECT_IN_USE, "the data key is being changed already"));
        };
        let version = crypto.add_key().await?;
        let mut written = 0;
        for _ in 0..ROUNDS {
            // What was sealed before the new key was there is on disk behind this.
            let begin = self.log.end_lsn();
            self.writer.flush_before(begin).await?;
            let found = self.touch_older(version).await?;
            written += found;
            self.writer.flush_before(self.log.end_lsn()).await?;
            let redo = self.checkpoint().await?;
            if found == 0 && redo >= begin && self.log.keep().lowest().is_none_or(|l| l >= begin) {
                crypto.drop_keys_before(version).await?;
                return Ok(written);
            }
        }
        Err(DbError::new(SqlState::OBJECT_IN_USE, "the old data key is still in use")
            .hint("New data is encrypted with the new key. Change the key again to get rid of the old one."))
    }

    /// Makes every page that is stored under another key than this one be written again.
    async fn touch_older(&self, version: u32) -> Result<u64> {
        let mut found = 0;
        for rel in self.relations().await? {
            let bytes = self.files.size(rel).await?;
            let n = BlockNo::try_from(bytes / PAGE_SIZE as u64).unwrap_or(BlockNo::MAX);
            let mut at = 0;
            while at < n {
                let first = PageId::new(rel, at);
                let run = crate::buf::PageFiles::run(first, RUN.min(n - at));
                let images = self.files.read(first, run).await?;
                for (i, image) in images.chunks_exact(PAGE_SIZE).enumerate() {
                    let key = key_version(&image[PAGE_SIZE - TRAILER..]);
                    if key != version && image.iter().any(|b| *b != 0) {
                        found += self.touch(PageId::new(rel, at + i as u32)).await?;
                    }
                }
                at += run;
                self.poison().check()?;
                self.writer.throttle().await?;
            }
        }
        Ok(found)
    }

    /// Marks a page changed, unless its relation has gone meanwhile.
    async fn touch(&self, pid: PageId) -> Result<u64> {
        let at = self.log.end_lsn();
        self.drive_free(|core| {
            let page = core.pool.write(pid)?;
            if page.is_zero() {
                return Ok(0);
            }
            page.mark_dirty(at.0);
            Ok(1)
        })
        .await
    }
}
