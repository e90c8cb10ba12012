//! Where pages live on disk: `base/<relation>.<segment>`, segments of 1 GiB, over [`Io`].
//!
//! A bounded cache keeps files open. Files come into being with the first page written to them; reading a block that no
//! file has answers zeros, and whoever expected a page there sees it by the page's kind. Names created since the last
//! [`PageFiles::sync`] are made durable by it.

use crate::io::{AlignedBuf, DiskSpace, FileId, IoRef, OpenMode};
use crate::page::{LSN, PAGE_SIZE};
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustydb_base::{BlockNo, Lsn, PageId, RelId, Result, SqlState};
use std::collections::BTreeSet;
use std::ops::Range;

/// Directory of the relation files.
pub const BASE: &str = "base";
/// Pages per segment file.
pub const SEGMENT_PAGES: u32 = (1 << 30) / PAGE_SIZE as u32;
/// Files kept open.
const OPEN_FILES: usize = 256;

type Key = (RelId, u32);

#[derive(Default)]
struct Open {
    files: HashMap<Key, (FileId, u64)>,
    clock: u64,
    /// Segments known to have no file, so that reading beyond a relation's end asks the file system once.
    missing: HashMap<Key, ()>,
}

/// Pages whose newest write is remembered. Beyond that many, older ones are forgotten.
const REMEMBERED: usize = 1 << 16;
const PARTS: usize = 16;

/// What was written last to recently written pages: a page that is read back older than that was acknowledged and never
/// done by the disk. Direct-mapped, so its size is fixed; a page that is not remembered is merely not checked.
struct Written(Box<[Mutex<Box<[(u64, u64)]>>]>);

impl Written {
    fn new() -> Written {
        Written((0..PARTS).map(|_| Mutex::new(vec![(0, 0); REMEMBERED / PARTS].into_boxed_slice())).collect())
    }

    /// The page's part and place in it.
    fn place(pid: PageId) -> (usize, usize) {
        let h = (pid.as_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize;
        (h % PARTS, h / PARTS % (REMEMBERED / PARTS))
    }

    fn note(&self, pid: PageId, lsn: Lsn) {
        let (part, at) = Written::place(pid);
        self.0[part].lock()[at] = (pid.as_u64(), lsn.0);
    }

    fn is_older(&self, pid: PageId, lsn: Lsn) -> bool {
        let (part, at) = Written::place(pid);
        let (page, newest) = self.0[part].lock()[at];
        page == pid.as_u64() && lsn.0 < newest
    }

    /// The pages are no more.
    fn forget(&self, rel: RelId, blocks: &Range<BlockNo>) {
        let dead = |p: u64| (p >> 32) as u32 == rel.0 && blocks.contains(&(p as u32));
        for part in &self.0 {
            part.lock().iter_mut().filter(|e| dead(e.0)).for_each(|e| *e = (0, 0));
        }
    }
}

/// The page files of a store.
pub struct PageFiles {
    io: IoRef,
    /// How the files are opened.
    mode: OpenMode,
    open: Mutex<Open>,
    written: Written,
    /// Files were made since the last sync of the directory; at first, perhaps by a process that was killed. Held while
    /// a file is made and during that sync, so that nobody takes names for durable that are about to be.
    names_dirty: tokio::sync::Mutex<bool>,
}

fn path(key: Key) -> String {
    format!("{BASE}/{}.{}", key.0.0, key.1)
}

/// Path of the file that holds a block.
pub fn file_of(rel: RelId, block: BlockNo) -> String {
    path((rel, block / SEGMENT_PAGES))
}

/// The relation and segment that a name in [`BASE`] stands for.
pub fn parse_name(name: &str) -> Option<(RelId, u32)> {
    let (rel, segment) = name.split_once('.')?;
    Some((RelId(rel.parse().ok()?), segment.parse().ok()?))
}

fn place(pid: PageId) -> (Key, u64) {
    ((pid.rel, pid.block / SEGMENT_PAGES), u64::from(pid.block % SEGMENT_PAGES) * PAGE_SIZE as u64)
}

/// The LSN in a page image.
fn lsn_of(image: &[u8]) -> Option<Lsn> {
    image.get(LSN).and_then(|b| b.first_chunk()).map(|b| Lsn(u64::from_le_bytes(*b)))
}

/// Most pages that are written together.
const MOST_TOGETHER: usize = 32;

impl PageFiles {
    /// What the files are read and written through.
    pub(crate) fn io(&self) -> &IoRef {
        &self.io
    }

    /// Files below `io`'s directory, which must have [`BASE`] in it. `direct`: their pages bypass the kernel's cache.
    pub fn new(io: IoRef, direct: bool) -> PageFiles {
        let mode = OpenMode { direct, ..OpenMode::PAGES };
        PageFiles {
            io,
            mode,
            open: Mutex::new(Open::default()),
            written: Written::new(),
            names_dirty: tokio::sync::Mutex::new(true),
        }
    }

    /// Makes the directory of a new store.
    pub async fn create_dir(io: &IoRef) -> Result<()> {
        io.mkdir(BASE).await?;
        io.sync_dir("").await
    }

    fn cached(&self, key: Key) -> Option<FileId> {
        let mut open = self.open.lock();
        open.clock += 1;
        let now = open.clock;
        open.files.get_mut(&key).map(|(f, used)| {
            *used = now;
            f.clone()
        })
    }

    fn remember(&self, key: Key, file: &FileId) {
        let mut open = self.open.lock();
        open.missing.remove(&key);
        if open.files.len() >= OPEN_FILES
            && let Some(oldest) = open.files.iter().min_by_key(|(_, (_, used))| *used).map(|(k, _)| *k)
        {
            open.files.remove(&oldest);
        }
        open.clock += 1;
        let now = open.clock;
        open.files.insert(key, (file.clone(), now));
    }

    async fn existing(&self, key: Key) -> Result<Option<FileId>> {
        if let Some(f) = self.cached(key) {
            return Ok(Some(f));
        }
        if self.open.lock().missing.contains_key(&key) {
            return Ok(None);
        }
        match self.io.open(&path(key), OpenMode { create: false, ..self.mode }).await {
            Ok(f) => {
                self.remember(key, &f);
                Ok(Some(f))
            }
            Err(e) if e.code == SqlState::UNDEFINED_FILE => {
                let mut open = self.open.lock();
                if open.missing.len() >= OPEN_FILES {
                    open.missing.clear();
                }
                // Made meanwhile: then it is open.
                if !open.files.contains_key(&key) {
                    open.missing.insert(key, ());
                }
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    async fn for_writing(&self, key: Key) -> Result<FileId> {
        if let Some(f) = self.existing(key).await? {
            return Ok(f);
        }
        let mut dirty = self.names_dirty.lock().await;
        *dirty = true;
        let f = self.io.open(&path(key), self.mode).await?;
        drop(dirty);
        self.remember(key, &f);
        Ok(f)
    }

    /// Reads `n` pages from `first` on into one buffer; what no file holds reads as zeros. The range may not cross a
    /// segment's end (see [`PageFiles::run`]).
    pub async fn read(&self, first: PageId, n: u32) -> Result<AlignedBuf> {
        let (key, off) = place(first);
        let len = n as usize * PAGE_SIZE;
        match self.existing(key).await? {
            Some(f) => {
                let mut buf = AlignedBuf::with_len(len);
                // A single page is somebody's wait; longer runs are read ahead by a task that has time.
                if n == 1 && self.io.read_cached(&f, off, &mut buf) {
                    return Ok(buf);
                }
                self.io.read(&f, off, buf).await
            }
            None => Ok(AlignedBuf::zeroed(len)),
        }
    }

    /// Reads a page and checks its checksum and identity; its content is not given to anyone.
    pub async fn check(&self, pid: PageId) -> Result<()> {
        let image = self.read(pid, 1).await?;
        let mut page = Box::new(crate::page::Page([0; PAGE_SIZE]));
        page.0.copy_from_slice(&image);
        page.verify(pid)
    }

    /// Longest run of at most `n` pages from `first` on that lies in one segment.
    pub fn run(first: PageId, n: u32) -> u32 {
        n.min(SEGMENT_PAGES - first.block % SEGMENT_PAGES)
    }

    /// Writes one page image. Not durable before [`PageFiles::sync`].
    pub async fn write(&self, pid: PageId, image: AlignedBuf) -> Result<()> {
        let (key, off) = place(pid);
        let f = self.for_writing(key).await?;
        let lsn = lsn_of(&image);
        self.io.write(&f, off, image).await?;
        if let Some(lsn) = lsn {
            self.written.note(pid, lsn);
        }
        Ok(())
    }

    /// Writes page images in the order of their pages; those that lie next to each other in a file go together, for a write's
    /// way to the kernel and back costs more than the copy.
    pub async fn write_sorted(&self, pages: Vec<(PageId, AlignedBuf)>) -> Result<()> {
        let mut writes = Vec::new();
        let mut pages = pages.into_iter().peekable();
        while let Some(first) = pages.next() {
            let (key, at) = place(first.0);
            let mut run = vec![first];
            while let Some(next) = pages.next_if(|(pid, image)| {
                run.len() < MOST_TOGETHER
                    && image.len() == PAGE_SIZE
                    && place(*pid) == (key, at + (run.len() * PAGE_SIZE) as u64)
            }) {
                run.push(next);
            }
            writes.push(self.write_run(run));
        }
        futures::future::try_join_all(writes).await?;
        Ok(())
    }

    /// Writes adjacent pages of one file with one write.
    async fn write_run(&self, mut run: Vec<(PageId, AlignedBuf)>) -> Result<()> {
        if run.len() == 1
            && let Some((pid, image)) = run.pop()
        {
            return self.write(pid, image).await;
        }
        let Some((key, off)) = run.first().map(|(pid, _)| place(*pid)) else { return Ok(()) };
        let f = self.for_writing(key).await?;
        let mut whole = AlignedBuf::with_len(run.len() * PAGE_SIZE);
        for ((_, image), to) in run.iter().zip(whole.chunks_mut(PAGE_SIZE)) {
            to.copy_from_slice(image);
        }
        self.io.write(&f, off, whole).await?;
        for (pid, image) in &run {
            if let Some(lsn) = lsn_of(image) {
                self.written.note(*pid, lsn);
            }
        }
        Ok(())
    }

    /// Whether a page with this LSN, read after its last write, cannot be what that wrote.
    pub fn is_older_than_written(&self, pid: PageId, lsn: Lsn) -> bool {
        self.written.is_older(pid, lsn)
    }

    /// Makes completed writes to these pages' files durable, and the names of files made since the last call.
    pub async fn sync(&self, pages: impl Iterator<Item = PageId>) -> Result<()> {
        let keys: BTreeSet<Key> = pages.map(|p| place(p).0).collect();
        let mut files = Vec::new();
        for key in keys {
            // A file that is gone was dropped with its relation: nothing of it needs to be durable.
            files.extend(self.existing(key).await?);
        }
        let syncs: Vec<_> = files.iter().map(|f| self.io.sync(f)).collect();
        futures::future::try_join_all(syncs).await?;
        let mut dirty = self.names_dirty.lock().await;
        if *dirty {
            self.io.sync_dir(BASE).await?;
            *dirty = false;
        }
        Ok(())
    }

    /// Removes every file of a relation, durably. Fine when there is none.
    pub async fn remove(&self, rel: RelId) -> Result<()> {
        let prefix = format!("{}.", rel.0);
        self.written.forget(rel, &(0..BlockNo::MAX));
        let mut any = false;
        for name in self.io.list(BASE).await? {
            let Some(seg) = name.strip_prefix(&prefix).and_then(|s| s.parse::<u32>().ok()) else { continue };
            self.open.lock().files.remove(&(rel, seg));
            match self.io.remove(&format!("{BASE}/{name}")).await {
                Ok(()) => any = true,
                Err(e) if e.code == SqlState::UNDEFINED_FILE => {}
                Err(e) => return Err(e),
            }
        }
        if any {
            self.io.sync_dir(BASE).await?;
        }
        Ok(())
    }

    /// Gives the space of dead blocks back to the file system; they read as zeros (or as before, after a crash).
    pub async fn punch(&self, rel: RelId, blocks: Range<BlockNo>) -> Result<()> {
        self.written.forget(rel, &blocks);
        let mut at = blocks.start;
        while at < blocks.end {
            let first = PageId::new(rel, at);
            let n = PageFiles::run(first, blocks.end - at);
            let (key, off) = place(first);
            if let Some(f) = self.existing(key).await? {
                self.io.punch(&f, off, u64::from(n) * PAGE_SIZE as u64).await?;
            }
            at += n;
        }
        Ok(())
    }

    /// Relations that have files.
    pub async fn relations(&self) -> Result<BTreeSet<RelId>> {
        let names = self.io.list(BASE).await?;
        Ok(names.iter().filter_map(|n| parse_name(n)).map(|(rel, _)| rel).collect())
    }

    /// Room on the file system that has the files, if it is known.
    pub async fn space(&self) -> Result<Option<DiskSpace>> {
        self.io.space().await
    }

    /// Bytes of a relation's files on disk.
    pub async fn size(&self, rel: RelId) -> Result<u64> {
        let mut total = 0;
        for seg in 0.. {
            match self.existing((rel, seg)).await? {
                Some(f) => total += self.io.len(&f).await?,
                None => break,
            }
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::sim::{SimDisk, SimFaults, SimIo};
    use crate::page::{Page, PageKind};
    use crate::sim::SimRuntime;

    #[test]
    fn pages_come_back_and_relations_go() {
        let (rt, disk) = (SimRuntime::new(2), SimDisk::new());
        let io: IoRef = SimIo::new(&rt, &disk, SimFaults::default());
        rt.block_on(async move {
            PageFiles::create_dir(&io).await.unwrap();
            let f = PageFiles::new(io.clone(), true);
            let pids = [PageId::new(RelId(7), 3), PageId::new(RelId(7), SEGMENT_PAGES + 1), PageId::new(RelId(70), 0)];
            for pid in pids {
                assert!(f.read(pid, 1).await.unwrap().iter().all(|b| *b == 0));
                let mut p = Page([0; PAGE_SIZE]);
                p.format(pid, PageKind::Heap);
                p.set_crc(p.compute_crc());
                f.write(pid, AlignedBuf::padded_from(&p.0)).await.unwrap();
            }
            f.sync(pids.into_iter()).await.unwrap();
            let f = PageFiles::new(io, true);
            let two = f.read(PageId::new(RelId(7), 2), 2).await.unwrap();
            assert!(two[..PAGE_SIZE].iter().all(|b| *b == 0));
            let mut p = Page([0; PAGE_SIZE]);
            p.0.copy_from_slice(&two[PAGE_SIZE..]);
            p.verify(pids[0]).unwrap();
            assert_eq!(PageFiles::run(PageId::new(RelId(7), SEGMENT_PAGES - 2), 8), 2);
            assert_eq!(f.relations().await.unwrap().len(), 2);
            f.remove(RelId(7)).await.unwrap();
            assert_eq!(f.relations().await.unwrap().into_iter().collect::<Vec<_>>(), [RelId(70)]);
            assert!(f.read(pids[0], 1).await.unwrap().iter().all(|b| *b == 0));
        })
        .unwrap();
    }
}
