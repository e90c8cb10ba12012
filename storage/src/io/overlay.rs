//! A directory that can be changed without being changed: whatever is written stays in memory.
//!
//! Idea: the check of a data directory (`crate::verify`) has to recover it first, because after a crash the pages on disk
//! are not yet what the log says. It runs recovery, and everything after it, on an [`OverlayIo`] over the real directory:
//! reads see the files with the changes on top, and the files stay as they are.
//!
//! A file's changes are 4 KiB blocks; a block of zeros costs no memory, so zero-filled log segments are cheap. Bounded by
//! `limit` blocks; beyond that writes fail with 53100, which stops the store that runs on top.

use super::file::{Backing, FileId};
use super::{AlignedBuf, BLOCK, Io, IoRef, OpenMode, check_path};
use crate::rt::BoxFuture;
use futures::FutureExt as _;
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One file: what lies below, if anything, and what has been written since.
pub(super) struct Layer {
    below: Option<FileId>,
    state: Mutex<Changes>,
}

#[derive(Default)]
struct Changes {
    /// Blocks written; `None` is a block of zeros.
    blocks: HashMap<u64, Option<Arc<[u8; BLOCK]>>>,
    /// Length; `None` as below.
    len: Option<u64>,
    /// Everything below from this offset on reads as zeros (the file was cut there once).
    cut: Option<u64>,
}

/// Files under names that differ from the directory below: `None` is a name removed.
#[derive(Default)]
struct Names {
    files: BTreeMap<String, Option<Arc<Layer>>>,
    dirs: BTreeSet<String>,
}

struct Inner {
    below: IoRef,
    names: Mutex<Names>,
    used: AtomicUsize,
    limit: usize,
}

/// See the module head.
pub struct OverlayIo(Arc<Inner>);

impl OverlayIo {
    /// An overlay over `below` that may hold `limit` changed blocks of 4 KiB.
    pub fn new(below: IoRef, limit: usize) -> Arc<OverlayIo> {
        let inner = Inner { below, names: Mutex::default(), used: AtomicUsize::new(0), limit };
        Arc::new(OverlayIo(Arc::new(inner)))
    }
}

fn missing(path: &str) -> DbError {
    DbError::new(SqlState::UNDEFINED_FILE, format!("could not open file \"{path}\": No such file or directory"))
}

fn layer(file: &FileId) -> Result<Arc<Layer>> {
    match &file.0.backing {
        Backing::Overlay(l) => Ok(Arc::clone(l)),
        _ => Err(DbError::internal("a file of another backend was given to an overlay")),
    }
}

impl Inner {
    /// The file of a name; `create` makes it where there is none.
    async fn find(&self, path: &str, create: bool) -> Result<Arc<Layer>> {
        if let Some(known) = self.names.lock().files.get(path)
            && (known.is_some() || !create)
        {
            return known.clone().ok_or_else(|| missing(path));
        }
        let removed = self.names.lock().files.contains_key(path);
        let below = if removed {
            None
        } else {
            match self.below.open(path, OpenMode::default()).await {
                Ok(f) => Some(f),
                Err(e) if e.code == SqlState::UNDEFINED_FILE && create => None,
                Err(e) => return Err(e),
            }
        };
        let len = if below.is_some() { None } else { Some(0) };
        let fresh = Arc::new(Layer { below, state: Mutex::new(Changes { len, ..Changes::default() }) });
        let mut names = self.names.lock();
        Ok(Arc::clone(names.files.entry(path.to_owned()).or_insert(None).get_or_insert(fresh)))
    }

    async fn len(&self, l: &Layer) -> Result<u64> {
        if let Some(n) = l.state.lock().len {
            return Ok(n);
        }
        match &l.below {
            Some(f) => self.below.len(f).await,
            None => Ok(0),
        }
    }

    async fn read(&self, l: &Layer, off: u64, mut buf: AlignedBuf) -> Result<AlignedBuf> {
        if let Some(f) = &l.below {
            buf = self.below.read(f, off, buf).await?;
        } else {
            buf.fill(0);
        }
        let s = l.state.lock();
        let end = off + buf.len() as u64;
        if let Some(cut) = s.cut.filter(|c| *c < end) {
            let from = usize::try_from(cut.saturating_sub(off)).unwrap_or(usize::MAX);
            if let Some(rest) = buf.get_mut(from..) {
                rest.fill(0);
            }
        }
        let mut at = off;
        while at < end {
            let (block, start) = (at / BLOCK as u64, (at % BLOCK as u64) as usize);
            let n = (BLOCK - start).min((end - at) as usize);
            if let Some(b) = s.blocks.get(&block) {
                let to = (at - off) as usize;
                match b {
                    Some(b) => buf[to..to + n].copy_from_slice(&b[start..start + n]),
                    None => buf[to..to + n].fill(0),
                }
            }
            at += n as u64;
        }
        Ok(buf)
    }

    fn put(&self, s: &mut Changes, block: u64, bytes: &[u8; BLOCK]) -> Result<()> {
        let new = (bytes.iter().any(|b| *b != 0)).then(|| Arc::new(*bytes));
        let adds = usize::from(new.is_some());
        if self.used.fetch_add(adds, Ordering::Relaxed) + adds > self.limit {
            return Err(DbError::new(
                SqlState::DISK_FULL,
                format!("more than {} MB would have to be changed to look at the directory", self.limit >> 8),
            )
            .hint("Start the server and shut it down in order; then little is left to recover."));
        }
        if let Some(Some(_)) = s.blocks.insert(block, new) {
            self.used.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn write(&self, l: &Layer, off: u64, bytes: &[u8]) -> Result<()> {
        let old_len = self.len(l).await?;
        let mut done = 0;
        while done < bytes.len() {
            let at = off + done as u64;
            let (block, start) = (at / BLOCK as u64, (at % BLOCK as u64) as usize);
            let n = (BLOCK - start).min(bytes.len() - done);
            let mut image = [0; BLOCK];
            if n < BLOCK {
                let have = self.read(l, block * BLOCK as u64, AlignedBuf::with_len(BLOCK)).await?;
                image.copy_from_slice(&have);
            }
            image[start..start + n].copy_from_slice(&bytes[done..done + n]);
            self.put(&mut l.state.lock(), block, &image)?;
            done += n;
        }
        let mut s = l.state.lock();
        s.len = Some(s.len.unwrap_or(old_len).max(off + bytes.len() as u64));
        Ok(())
    }

    async fn zero(&self, l: &Layer, off: u64, len: u64) -> Result<()> {
        let old_len = self.len(l).await?;
        let end = off.saturating_add(len).min(old_len);
        let mut at = off;
        while at < end {
            let next = (at / BLOCK as u64 + 1) * BLOCK as u64;
            let n = (next.min(end) - at) as usize;
            self.write(l, at, &[0; BLOCK][..n]).await?;
            at += n as u64;
        }
        Ok(())
    }

    async fn set_len(&self, l: &Layer, len: u64) -> Result<()> {
        let old = self.len(l).await?;
        if len < old && !len.is_multiple_of(BLOCK as u64) {
            self.zero(l, len, BLOCK as u64 - len % BLOCK as u64).await?;
        }
        let mut s = l.state.lock();
        if len < old {
            let first = len.div_ceil(BLOCK as u64);
            let before = s.blocks.values().flatten().count();
            s.blocks.retain(|b, _| *b < first);
            let after = s.blocks.values().flatten().count();
            self.used.fetch_sub(before - after, Ordering::Relaxed);
            s.cut = Some(s.cut.map_or(len, |c| c.min(len)));
        }
        s.len = Some(len);
        Ok(())
    }
}

impl Io for OverlayIo {
    fn open(&self, path: &str, mode: OpenMode) -> BoxFuture<'static, Result<FileId>> {
        let (inner, path) = (Arc::clone(&self.0), path.to_owned());
        async move {
            check_path(&path)?;
            let l = inner.find(&path, mode.create).await?;
            Ok(FileId::new(&path, mode, mode.direct, Backing::Overlay(l)))
        }
        .boxed()
    }

    fn read(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        let (inner, file) = (Arc::clone(&self.0), file.clone());
        async move { inner.read(&*layer(&file)?, off, buf).await }.boxed()
    }

    fn write(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        let (inner, file) = (Arc::clone(&self.0), file.clone());
        async move {
            inner.write(&*layer(&file)?, off, &buf).await?;
            Ok(buf)
        }
        .boxed()
    }

    fn sync(&self, _: &FileId) -> BoxFuture<'static, Result<()>> {
        async { Ok(()) }.boxed()
    }

    fn set_len(&self, file: &FileId, len: u64) -> BoxFuture<'static, Result<()>> {
        let (inner, file) = (Arc::clone(&self.0), file.clone());
        async move { inner.set_len(&*layer(&file)?, len).await }.boxed()
    }

    fn len(&self, file: &FileId) -> BoxFuture<'static, Result<u64>> {
        let (inner, file) = (Arc::clone(&self.0), file.clone());
        async move { inner.len(&*layer(&file)?).await }.boxed()
    }

    fn punch(&self, file: &FileId, off: u64, len: u64) -> BoxFuture<'static, Result<()>> {
        let (inner, file) = (Arc::clone(&self.0), file.clone());
        async move { inner.zero(&*layer(&file)?, off, len).await }.boxed()
    }

    fn remove(&self, path: &str) -> BoxFuture<'static, Result<()>> {
        let (inner, path) = (Arc::clone(&self.0), path.to_owned());
        async move {
            check_path(&path)?;
            inner.find(&path, false).await?;
            inner.names.lock().files.insert(path, None);
            Ok(())
        }
        .boxed()
    }

    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, Result<()>> {
        let (inner, from, to) = (Arc::clone(&self.0), from.to_owned(), to.to_owned());
        async move {
            check_path(&from)?;
            check_path(&to)?;
            let l = inner.find(&from, false).await?;
            let mut names = inner.names.lock();
            names.files.insert(from, None);
            names.files.insert(to, Some(l));
            Ok(())
        }
        .boxed()
    }

    fn list(&self, dir: &str) -> BoxFuture<'static, Result<Vec<String>>> {
        let (inner, dir) = (Arc::clone(&self.0), dir.to_owned());
        async move {
            check_path(&dir)?;
            let below = match inner.below.list(&dir).await {
                Ok(names) => names,
                Err(e) if e.code == SqlState::UNDEFINED_FILE && inner.names.lock().dirs.contains(&dir) => Vec::new(),
                Err(e) => return Err(e),
            };
            let mut all: BTreeSet<String> = below.into_iter().collect();
            let names = inner.names.lock();
            for (path, l) in &names.files {
                if super::parent_dir(path) != dir {
                    continue;
                }
                let name = path.rsplit('/').next().unwrap_or(path).to_owned();
                if l.is_some() {
                    all.insert(name);
                } else {
                    all.remove(&name);
                }
            }
            Ok(all.into_iter().collect())
        }
        .boxed()
    }

    fn mkdir(&self, dir: &str) -> BoxFuture<'static, Result<()>> {
        self.0.names.lock().dirs.insert(dir.to_owned());
        async { Ok(()) }.boxed()
    }

    fn sync_dir(&self, _: &str) -> BoxFuture<'static, Result<()>> {
        async { Ok(()) }.boxed()
    }

    fn method(&self) -> &'static str {
        "overlay"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::sim::{SimDisk, SimFaults, SimIo};
    use crate::sim::SimRuntime;

    #[test]
    fn changes_are_seen_and_the_disk_stays_as_it_is() {
        let (rt, disk) = (SimRuntime::new(1), SimDisk::new());
        let below: IoRef = SimIo::new(&rt, &disk, SimFaults::default());
        let disk2 = disk.clone();
        rt.block_on(async move {
            let f = below.open("a", OpenMode::default().creating()).await.unwrap();
            below.write(&f, 0, AlignedBuf::padded_from(&[7; 9000])).await.unwrap();
            below.set_len(&f, 9000).await.unwrap();
            let before = disk2.content("a");
            let over = OverlayIo::new(below, 3);
            let f = over.open("a", OpenMode::default()).await.unwrap();
            let mut want = before.clone().unwrap();
            let read = |n: usize| over.read(&f, 0, AlignedBuf::with_len(n));
            let mut patch = AlignedBuf::with_len(10);
            patch.fill(1);
            over.write(&f, 4090, patch).await.unwrap();
            want[4090..4100].fill(1);
            assert_eq!(&read(9000).await.unwrap()[..], &want[..]);
            over.set_len(&f, 5000).await.unwrap();
            over.set_len(&f, 9000).await.unwrap();
            want[5000..].fill(0);
            assert_eq!(&read(9000).await.unwrap()[..], &want[..]);
            assert_eq!(over.len(&f).await.unwrap(), 9000);
            // Zeros are free, anything else is bounded.
            over.write(&f, 0, AlignedBuf::zeroed(1 << 20)).await.unwrap();
            let mut much = AlignedBuf::with_len(5 * BLOCK);
            much.fill(9);
            assert_eq!(over.write(&f, 0, much).await.unwrap_err().code, SqlState::DISK_FULL);
            over.rename("a", "b").await.unwrap();
            assert_eq!(over.list("").await.unwrap(), ["b"]);
            assert!(over.open("a", OpenMode::default()).await.is_err());
            over.remove("b").await.unwrap();
            over.open("a", OpenMode::default().creating()).await.unwrap();
            assert_eq!(over.list("").await.unwrap(), ["a"]);
            assert_eq!((disk2.content("a"), disk2.files()), (before, vec!["a".to_owned()]));
        })
        .unwrap();
    }
}
