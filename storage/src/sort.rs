//! Index entries in order, however many there are: the sort of an index build.
//!
//! Idea: entries collect in an arena. When it is full they are sorted (by the first eight bytes of the key, which settle
//! most comparisons, then by all of it and the RID) and written to a temporary file as a *run*; at the end the runs are
//! merged. All runs of a sort share one file, in frames of [`FRAME`] bytes, so that what is read and written at a time is
//! large, and sealed where the data directory is encrypted. Runs have levels: [`fan_in`] runs of a level are merged into
//! one of the next, so that however many entries there are, a merge holds one frame of each of its runs and no more
//! memory than the arena had.
//!
//! Invariants: (1) what [`Sorted::batch`] answers ascends by (key, RID); (2) memory is about the arena's bound at all
//! times; (3) the file has no name once it is open, so nothing is left of it after a crash; (4) a frame that is not as it
//! was written is an error.
//!
//! Left out: sorting in parallel, replacement selection (runs twice as long), compression.

use crate::crypto::spill::{CHUNK, OVERHEAD};
use crate::crypto::{Crypto, CryptoRef};
use crate::io::{AlignedBuf, FileId, IoRef, OpenMode};
use crate::store::Store;
use rustydb_base::metrics::Gauge;
use rustydb_base::{DbError, Result, Rid, SqlState};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Directory of temporary files.
const DIR: &str = "tmp";
/// Bytes of content of a frame, except a run's last one.
const CONTENT: usize = CHUNK;
/// Distance between frames in the file: the content and what sealing, or a checksum, adds to it.
const FRAME: usize = CONTENT + OVERHEAD;
/// Least memory of a sort.
const LEAST: usize = 64 << 10;
/// Most memory of a sort: an arena is sorted in one go, in which nobody else of its worker runs (64 MiB take about 0.2 s), and
/// places in it are numbers of 32 bits.
const MOST: usize = 256 << 20;
/// Entries that a merge answers at a time.
const BATCH: usize = 1024;
/// Bit of an entry's length that says that no other row may have its key.
const UNIQUE: u32 = 1 << 31;
/// Bytes before an entry's key in a run: its length and its RID.
const HEAD: usize = 4 + Rid::LEN;

/// Bytes in temporary files of index builds.
pub static SORT_BYTES: Gauge = Gauge::new("index_build_temp_bytes", "bytes in temporary files of index builds");

/// What is said when temporary files have reached their bound; the session adds which it is.
pub const BEYOND_LIMIT: &str = "temporary file size exceeds temp_file_limit";

/// Bounds of an index build.
#[derive(Clone, Copy, Debug)]
pub struct SortLimits {
    /// Bytes of memory (`maintenance_work_mem`).
    pub memory: usize,
    /// Bytes of temporary files; `None` for no limit (`temp_file_limit`).
    pub temp: Option<u64>,
}

impl Default for SortLimits {
    fn default() -> SortLimits {
        SortLimits { memory: 64 << 20, temp: None }
    }
}

/// Where an entry lies in an arena.
#[derive(Clone, Copy)]
struct Slot {
    /// The key's first eight bytes, big-endian, zeros behind a shorter key.
    prefix: u64,
    at: u32,
    /// The key's length, and [`UNIQUE`].
    len: u32,
    rid: Rid,
}

/// Entries in memory.
#[derive(Default)]
pub struct Arena {
    keys: Vec<u8>,
    slots: Vec<Slot>,
}

/// An index entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// Its row.
    pub rid: Rid,
    /// Whether no other row may have the key.
    pub unique: bool,
}

fn prefix(key: &[u8]) -> u64 {
    let mut b = [0; 8];
    let n = key.len().min(8);
    b[..n].copy_from_slice(&key[..n]);
    u64::from_be_bytes(b)
}

impl Arena {
    fn push(&mut self, e: Entry<'_>) {
        let at = self.keys.len() as u32;
        self.keys.extend_from_slice(e.key);
        let len = e.key.len() as u32 | if e.unique { UNIQUE } else { 0 };
        self.slots.push(Slot { prefix: prefix(e.key), at, len, rid: e.rid });
    }

    fn bytes(&self) -> usize {
        self.keys.len() + self.slots.len() * size_of::<Slot>()
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.slots.clear();
    }

    fn sort(&mut self) {
        let keys = &self.keys;
        self.slots.sort_unstable_by(|a, b| {
            let by_key = || key_of(keys, a).cmp(key_of(keys, b));
            a.prefix.cmp(&b.prefix).then_with(by_key).then_with(|| a.rid.cmp(&b.rid))
        });
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// An entry.
    pub fn get(&self, i: usize) -> Option<Entry<'_>> {
        let s = self.slots.get(i)?;
        Some(Entry { key: key_of(&self.keys, s), rid: s.rid, unique: s.len & UNIQUE != 0 })
    }
}

fn key_of<'a>(keys: &'a [u8], s: &Slot) -> &'a [u8] {
    keys.get(s.at as usize..s.at as usize + (s.len & !UNIQUE) as usize).unwrap_or(&[])
}

/// A run in the file.
struct Run {
    level: u32,
    /// Frames, and bytes of content in the last one.
    frames: Range<u64>,
    last: usize,
}

impl Run {
    /// Bytes of content of a frame.
    fn content(&self, frame: u64) -> usize {
        if frame + 1 == self.frames.end { self.last } else { CONTENT }
    }
}

/// The temporary file of a sort.
struct Scratch {
    io: IoRef,
    crypto: CryptoRef,
    file: FileId,
    number: u64,
    frames: u64,
    limit: u64,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SORT_BYTES.add(-((self.frames * FRAME as u64) as i64));
    }
}

impl Scratch {
    async fn create(store: &Store, limits: SortLimits) -> Result<Scratch> {
        let (io, number) = store.scratch();
        io.mkdir(DIR).await?;
        let path = format!("{DIR}/{number}");
        let file = io.open(&path, OpenMode::default().creating()).await?;
        io.remove(&path).await?;
        let limit = limits.temp.unwrap_or(u64::MAX);
        Ok(Scratch { io, crypto: store.crypto().clone(), file, number, frames: 0, limit })
    }

    async fn append(&mut self, content: &[u8]) -> Result<()> {
        if (self.frames + 1).saturating_mul(FRAME as u64) > self.limit {
            return Err(DbError::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, BEYOND_LIMIT));
        }
        let mut bytes = Vec::with_capacity(content.len() + OVERHEAD);
        match &self.crypto {
            Some(c) => c.seal_chunk(self.number, self.frames, content, &mut bytes)?,
            None => {
                bytes.extend_from_slice(content);
                bytes.extend_from_slice(&crc32c::crc32c(content).to_le_bytes());
            }
        }
        let mut buf = AlignedBuf::with_len(bytes.len());
        buf.copy_from_slice(&bytes);
        self.io.write(&self.file, self.frames * FRAME as u64, buf).await?;
        self.frames += 1;
        SORT_BYTES.add(FRAME as i64);
        Ok(())
    }

    async fn read(&self, frame: u64, content: usize) -> Result<Vec<u8>> {
        let damaged = || DbError::corrupt("a temporary file is damaged");
        let len = content + if self.crypto.is_some() { OVERHEAD } else { 4 };
        let buf = self.io.read(&self.file, frame * FRAME as u64, AlignedBuf::with_len(len)).await?;
        let out = match &self.crypto {
            Some(c) => {
                let (head, rest) = buf.split_first_chunk::<4>().ok_or_else(damaged)?;
                if Crypto::chunk_rest(*head)? != rest.len() {
                    return Err(damaged());
                }
                c.open_chunk(self.number, frame, rest.to_vec())?
            }
            None => {
                let (content, crc) = buf.split_last_chunk::<4>().ok_or_else(damaged)?;
                if crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
                    return Err(damaged());
                }
                content.to_vec()
            }
        };
        if out.len() == content { Ok(out) } else { Err(damaged()) }
    }
}

/// Writes one run.
struct RunWriter {
    first: u64,
    buf: Vec<u8>,
}

impl RunWriter {
    fn new(file: &Scratch) -> RunWriter {
        RunWriter { first: file.frames, buf: Vec::with_capacity(CONTENT) }
    }

    fn push(&mut self, e: Entry<'_>) {
        let len = e.key.len() as u32 | if e.unique { UNIQUE } else { 0 };
        self.buf.extend_from_slice(&len.to_le_bytes());
        self.buf.extend_from_slice(&e.rid.to_bytes());
        self.buf.extend_from_slice(e.key);
    }

    /// Writes frames that are full.
    async fn settle(&mut self, file: &mut Scratch) -> Result<()> {
        let full = self.buf.len() / CONTENT * CONTENT;
        for content in self.buf[..full].chunks(CONTENT) {
            file.append(content).await?;
        }
        self.buf.drain(..full);
        Ok(())
    }

    async fn finish(mut self, file: &mut Scratch, level: u32) -> Result<Run> {
        self.settle(file).await?;
        let mut last = CONTENT;
        if !self.buf.is_empty() {
            last = self.buf.len();
            file.append(&self.buf).await?;
        }
        Ok(Run { level, frames: self.first..file.frames, last })
    }
}

/// Reads one run.
struct RunReader {
    run: Run,
    next: u64,
    buf: Vec<u8>,
    at: usize,
}

impl RunReader {
    fn head(&self) -> Option<(u32, Rid)> {
        let h = self.buf.get(self.at..self.at + HEAD)?;
        let (len, rid) = h.split_first_chunk::<4>()?;
        Some((u32::from_le_bytes(*len), Rid::from_bytes(rid)?))
    }

    /// The entry that is next, if it is in memory.
    fn entry(&self) -> Option<Entry<'_>> {
        let (len, rid) = self.head()?;
        let from = self.at + HEAD;
        let key = self.buf.get(from..from + (len & !UNIQUE) as usize)?;
        Some(Entry { key, rid, unique: len & UNIQUE != 0 })
    }

    fn pass(&mut self) {
        if let Some((len, _)) = self.head() {
            self.at += HEAD + (len & !UNIQUE) as usize;
        }
    }

    /// Brings the next entry into memory; answers whether there is one.
    async fn load(&mut self, file: &Scratch) -> Result<bool> {
        while self.entry().is_none() {
            if self.next == self.run.frames.end {
                return if self.at == self.buf.len() {
                    Ok(false)
                } else {
                    Err(DbError::corrupt("a temporary file ends within an entry"))
                };
            }
            self.buf.drain(..self.at);
            self.at = 0;
            self.buf.extend(file.read(self.next, self.run.content(self.next)).await?);
            self.next += 1;
        }
        Ok(true)
    }
}

/// The next entry of a run, as a heap orders them: by the prefix, by the key, by the RID.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    prefix: u64,
    key: Vec<u8>,
    rid: Rid,
    unique: bool,
    run: usize,
}

/// A merge of runs.
struct Merge {
    readers: Vec<RunReader>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl Merge {
    async fn new(runs: Vec<Run>, file: &Scratch) -> Result<Merge> {
        let readers = runs.into_iter().map(|run| RunReader { next: run.frames.start, run, buf: Vec::new(), at: 0 });
        let mut m = Merge { readers: readers.collect(), heads: BinaryHeap::new() };
        for run in 0..m.readers.len() {
            if m.readers[run].load(file).await? {
                m.push(run, Vec::new());
            }
        }
        Ok(m)
    }

    /// Puts a run's next entry, which is in memory, among the heads.
    fn push(&mut self, run: usize, mut key: Vec<u8>) {
        let Some(e) = self.readers.get(run).and_then(RunReader::entry) else { return };
        key.clear();
        key.extend_from_slice(e.key);
        self.heads.push(Reverse(Head { prefix: prefix(e.key), key, rid: e.rid, unique: e.unique, run }));
    }

    /// Replaces what is in `out` by the next entries; none at the end.
    async fn batch(&mut self, file: &Scratch, out: &mut Arena) -> Result<()> {
        out.clear();
        while out.len() < BATCH {
            let Some(Reverse(h)) = self.heads.pop() else { return Ok(()) };
            out.push(Entry { key: &h.key, rid: h.rid, unique: h.unique });
            let reader = &mut self.readers[h.run];
            reader.pass();
            if reader.entry().is_some() || reader.load(file).await? {
                self.push(h.run, h.key);
            }
        }
        Ok(())
    }
}

/// Runs that are merged at a time: of each one frame is in memory, and while it is read and opened another one.
fn fan_in(memory: usize) -> usize {
    (memory / (3 * FRAME)).clamp(4, 256)
}

/// A sort that takes entries.
pub struct EntrySort {
    limits: SortLimits,
    arena: Arena,
    file: Option<Scratch>,
    runs: Vec<Run>,
}

impl EntrySort {
    /// A sort of nothing yet.
    pub fn new(limits: SortLimits) -> EntrySort {
        let memory = limits.memory.clamp(LEAST, MOST);
        EntrySort { limits: SortLimits { memory, ..limits }, arena: Arena::default(), file: None, runs: Vec::new() }
    }

    /// Adds an entry. When it answers `true` the memory is full: [`EntrySort::write_run`] comes next.
    #[must_use]
    pub fn add(&mut self, e: Entry<'_>) -> bool {
        self.arena.push(e);
        self.arena.bytes() >= self.limits.memory
    }

    /// Sorts what is in memory and writes it away.
    pub async fn write_run(&mut self, store: &Store) -> Result<()> {
        self.arena.sort();
        let file = match &mut self.file {
            Some(f) => f,
            None => self.file.insert(Scratch::create(store, self.limits).await?),
        };
        let mut w = RunWriter::new(file);
        for i in 0..self.arena.len() {
            if let Some(e) = self.arena.get(i) {
                w.push(e);
            }
            if w.buf.len() >= CONTENT {
                w.settle(file).await?;
            }
        }
        self.arena.clear();
        let run = w.finish(file, 0).await?;
        self.runs.push(run);
        let mut level = 0;
        while self.runs.iter().filter(|r| r.level == level).count() >= fan_in(self.limits.memory) {
            self.merge(|r| r.level == level, level + 1).await?;
            level += 1;
        }
        Ok(())
    }

    /// Makes one run of some.
    async fn merge(&mut self, which: impl Fn(&Run) -> bool, level: u32) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let (some, rest): (Vec<Run>, Vec<Run>) = std::mem::take(&mut self.runs).into_iter().partition(which);
        self.runs = rest;
        let gone: Vec<Range<u64>> = some.iter().map(|r| r.frames.clone()).collect();
        let mut m = Merge::new(some, file).await?;
        let mut w = RunWriter::new(file);
        let mut batch = Arena::default();
        loop {
            m.batch(file, &mut batch).await?;
            if batch.is_empty() {
                break;
            }
            (0..batch.len()).filter_map(|i| batch.get(i)).for_each(|e| w.push(e));
            w.settle(file).await?;
        }
        let run = w.finish(file, level).await?;
        self.runs.push(run);
        for r in gone {
            file.io.punch(&file.file, r.start * FRAME as u64, (r.end - r.start) * FRAME as u64).await?;
        }
        Ok(())
    }

    /// The entries in order.
    pub async fn finish(mut self, store: &Store) -> Result<Sorted> {
        if self.runs.is_empty() {
            self.arena.sort();
            return Ok(Sorted(Source::Memory(self.arena)));
        }
        if !self.arena.is_empty() {
            self.write_run(store).await?;
        }
        // The memory is the readers' from here on.
        self.arena = Arena::default();
        while self.runs.len() > fan_in(self.limits.memory) {
            // Runs of the lowest levels are the shortest.
            let mut levels: Vec<u32> = self.runs.iter().map(|r| r.level).collect();
            levels.sort_unstable();
            let up_to = levels.get(1).copied().unwrap_or_default();
            self.merge(|r| r.level <= up_to, up_to + 1).await?;
        }
        let Some(file) = self.file.take() else { return Err(DbError::internal("runs without a file")) };
        let merge = Merge::new(std::mem::take(&mut self.runs), &file).await?;
        Ok(Sorted(Source::Runs { merge, file }))
    }
}

/// Entries in order.
pub struct Sorted(Source);

enum Source {
    /// All of them.
    Memory(Arena),
    Runs {
        merge: Merge,
        file: Scratch,
    },
}

impl Sorted {
    /// Replaces what is in `out` by the next entries; none at the end.
    pub async fn batch(&mut self, out: &mut Arena) -> Result<()> {
        match &mut self.0 {
            Source::Memory(all) => *out = std::mem::take(all),
            Source::Runs { merge, file } => merge.batch(file, out).await?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Encryption, KeySource, Secret};
    use crate::io::sim::{SimDisk, SimFaults, SimIo};
    use crate::rt::RuntimeRef;
    use crate::sim::SimRuntime;
    use crate::store::StoreOptions;
    use std::sync::Arc;

    /// Runs `f` with a store of its own on a simulated disk.
    fn with_store<F: Future<Output = ()> + Send + 'static>(
        sealed: bool,
        f: impl FnOnce(Arc<Store>) -> F + Send + 'static,
    ) {
        let (rt, disk) = (SimRuntime::new(5), SimDisk::new());
        let io = SimIo::new(&rt, &disk, SimFaults::default());
        let rt2: RuntimeRef = rt.clone();
        let source = sealed.then(|| KeySource::Given(Secret::new([3; 32])));
        let encryption = Encryption { new_directory: sealed, source };
        let opts = StoreOptions { encryption, ..crate::store::tests::small() };
        rt.block_on(async move { f(Store::open(opts, io, rt2).await.expect("opens")).await }).expect("runs to its end");
        rt.shutdown();
    }

    type Owned = (Vec<u8>, Rid, bool);

    async fn sorted(store: &Store, limits: SortLimits, entries: &[Owned]) -> Result<Vec<Owned>> {
        let mut sort = EntrySort::new(limits);
        for (key, rid, unique) in entries {
            if sort.add(Entry { key, rid: *rid, unique: *unique }) {
                sort.write_run(store).await?;
            }
        }
        let (mut sorted, mut batch, mut out) = (sort.finish(store).await?, Arena::default(), Vec::new());
        loop {
            sorted.batch(&mut batch).await?;
            if batch.is_empty() {
                return Ok(out);
            }
            out.extend((0..batch.len()).filter_map(|i| batch.get(i)).map(|e| (e.key.to_vec(), e.rid, e.unique)));
        }
    }

    /// Keys of many lengths, some equal, one longer than a frame.
    fn entries(n: u32) -> Vec<Owned> {
        let mut x = 0x9e37_79b9_u32;
        let mut out: Vec<Owned> = (0..n)
            .map(|i| {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
                let len = 4 + (x >> 8) as usize % if x.is_multiple_of(50) { 900 } else { 20 };
                let mut key = (x % (n / 2)).to_be_bytes().to_vec();
                key.resize(len, (x >> 3) as u8);
                (key, Rid { block: i, slot: (x & 7) as u16 }, x & 1 == 0)
            })
            .collect();
        if let Some(e) = out.get_mut(77) {
            e.0.resize(FRAME + 1000, 9);
        }
        out
    }

    #[test]
    fn runs_come_together_in_order() {
        for (sealed, n) in [(false, 60_000), (true, 9_000), (false, 100), (false, 0)] {
            with_store(sealed, move |store| async move {
                let given = entries(n);
                let mut want = given.clone();
                want.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
                let limits = SortLimits { memory: LEAST, temp: None };
                let got = sorted(&store, limits, &given).await.expect("sorted");
                assert!(got == want, "{n} entries, sealed: {sealed}");
            });
        }
    }

    #[test]
    fn temporary_files_have_a_bound() {
        with_store(false, |store| async move {
            let limits = SortLimits { memory: LEAST, temp: Some(3 * FRAME as u64) };
            let e = sorted(&store, limits, &entries(60_000)).await.expect_err("more than three frames");
            assert_eq!((e.code, e.message.as_ref()), (SqlState::CONFIGURATION_LIMIT_EXCEEDED, BEYOND_LIMIT));
        });
    }

    #[test]
    fn a_damaged_frame_is_an_error() {
        with_store(false, |store| async move {
            let mut file = Scratch::create(&store, SortLimits::default()).await.expect("a file");
            file.append(&[1; 1000]).await.expect("room");
            assert_eq!(file.read(0, 1000).await.expect("sound"), [1; 1000]);
            let mut one = AlignedBuf::with_len(1);
            one[0] = 2;
            file.io.write(&file.file, 500, one).await.expect("written");
            assert_eq!(file.read(0, 1000).await.expect_err("damaged").code, SqlState::DATA_CORRUPTED);
        });
    }
}
