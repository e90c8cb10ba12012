//! The simulated disk: deterministic, in memory, and as faulty as the fault model allows.
//!
//! Idea: every file has two images. `current` is what reads see (the page cache of a running system); `durable` is what
//! surely survives a power cut. A completed write that is not synced, and a write still under way, sit between the two;
//! [`SimDisk::crash`] decides by a seed which of them survive: any subset, in any order, torn at 512-byte sectors.
//! Names (create, rename, remove) are treated the same way, with `sync_dir` as their sync. An operation takes effect
//! when it completes, after a delay drawn from the world's generator, so completion order is arbitrary too.
//!
//! A failed sync drops some of the writes it covered for good while reads go on showing them, as Linux does.

use super::file::{Backing, FileId};
use super::{AlignedBuf, DiskSpace, IO_IN_FLIGHT, Io, OpenMode, QUEUE_DEPTH, check_path, os_error, parent_dir};
use crate::rt::{BoxFuture, Runtime as _, oneshot};
use crate::sim::SimRuntime;
use futures::FutureExt as _;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::{DbError, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Smallest unit that a disk writes atomically.
pub const SECTOR: usize = 512;
const BLOCK: usize = 4096;

const ENOENT: i32 = libc::ENOENT;
const EIO: i32 = libc::EIO;
const ENOSPC: i32 = libc::ENOSPC;

/// Faults to inject. Numbers count operations of their kind from 1; `None` injects nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SimFaults {
    /// The power fails while the n-th changing operation (write, sync, length, name) completes.
    pub crash_at: Option<u64>,
    /// The n-th write fails with EIO; some of its bytes may have reached the file.
    pub write_error_at: Option<u64>,
    /// The n-th file sync fails with EIO; some of the covered writes are lost for good.
    pub sync_error_at: Option<u64>,
    /// The n-th read fails with EIO.
    pub read_error_at: Option<u64>,
    /// The n-th read returns one flipped bit.
    pub flip_read_at: Option<u64>,
    /// The n-th read returns another place of the same file.
    pub misdirect_read_at: Option<u64>,
    /// The n-th write is acknowledged and never done.
    pub lose_write_at: Option<u64>,
    /// The n-th write to the log is acknowledged and lands behind where it should.
    pub misdirect_log_write_at: Option<u64>,
    /// The n-th write to a relation's file is acknowledged and never done.
    pub lose_page_write_at: Option<u64>,
    /// The n-th write to the log is acknowledged and never done.
    pub lose_log_write_at: Option<u64>,
    /// The n-th write to the log is acknowledged with some of its sectors not written.
    pub tear_log_write_at: Option<u64>,
    /// After one of the three above: the power fails while the n-th write to the log after it completes.
    pub crash_after_astray: Option<u64>,
    /// Bytes (in whole 4 KiB blocks) the disk can hold; beyond that ENOSPC.
    pub capacity: Option<u64>,
    /// The n-th write that makes a file larger finds the disk full.
    pub no_space_at: Option<u64>,
    /// The wall clock jumps by so many microseconds when the n-th changing operation completes.
    pub clock_jump_at: Option<(u64, i64)>,
}

/// The faults by name, for a report of which a set of runs has met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum FaultPoint {
    PowerCutAtWrite,
    PowerCutAtSync,
    PowerCutAtName,
    TornWrite,
    LostUnsyncedWrite,
    LostUnsyncedName,
    WriteError,
    SyncError,
    ReadError,
    FlippedRead,
    MisdirectedRead,
    LostWrite,
    MisdirectedLogWrite,
    LostLogWrite,
    TornLogWrite,
    NoSpace,
    ClockForward,
    ClockBack,
}

impl FaultPoint {
    /// All of them.
    pub const ALL: [FaultPoint; 18] = [
        FaultPoint::PowerCutAtWrite,
        FaultPoint::PowerCutAtSync,
        FaultPoint::PowerCutAtName,
        FaultPoint::TornWrite,
        FaultPoint::LostUnsyncedWrite,
        FaultPoint::LostUnsyncedName,
        FaultPoint::WriteError,
        FaultPoint::SyncError,
        FaultPoint::ReadError,
        FaultPoint::FlippedRead,
        FaultPoint::MisdirectedRead,
        FaultPoint::LostWrite,
        FaultPoint::MisdirectedLogWrite,
        FaultPoint::LostLogWrite,
        FaultPoint::TornLogWrite,
        FaultPoint::NoSpace,
        FaultPoint::ClockForward,
        FaultPoint::ClockBack,
    ];

    /// How often it was met since the process began.
    pub fn met(self) -> u64 {
        MET[self as usize].load(Ordering::Relaxed)
    }

    fn meet(self) {
        MET[self as usize].fetch_add(1, Ordering::Relaxed);
    }
}

static MET: [AtomicU64; FaultPoint::ALL.len()] = [const { AtomicU64::new(0) }; FaultPoint::ALL.len()];

/// File content as shared 4 KiB blocks; a missing block is zeros. Cloning is cheap.
#[derive(Clone, Default)]
struct Sparse {
    blocks: BTreeMap<u64, Arc<[u8; BLOCK]>>,
    len: u64,
}

impl Sparse {
    fn read(&self, off: u64, out: &mut [u8]) {
        let mut done = 0;
        while done < out.len() {
            let at = off + done as u64;
            let (block, start) = (at / BLOCK as u64, (at % BLOCK as u64) as usize);
            let n = (BLOCK - start).min(out.len() - done);
            match self.blocks.get(&block) {
                Some(b) => out[done..done + n].copy_from_slice(&b[start..start + n]),
                None => out[done..done + n].fill(0),
            }
            done += n;
        }
    }

    fn write(&mut self, off: u64, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = off + done as u64;
            let (block, start) = (at / BLOCK as u64, (at % BLOCK as u64) as usize);
            let n = (BLOCK - start).min(bytes.len() - done);
            let b = Arc::make_mut(self.blocks.entry(block).or_insert_with(|| Arc::new([0; BLOCK])));
            b[start..start + n].copy_from_slice(&bytes[done..done + n]);
            done += n;
        }
        self.len = self.len.max(off + bytes.len() as u64);
    }

    fn zero(&mut self, off: u64, len: u64) {
        let end = (off + len).min(self.len);
        let mut at = off;
        while at < end {
            let next = (at / BLOCK as u64 + 1) * BLOCK as u64;
            let n = next.min(end) - at;
            if n == BLOCK as u64 {
                self.blocks.remove(&(at / BLOCK as u64));
            } else if let Some(b) = self.blocks.get_mut(&(at / BLOCK as u64)) {
                let start = (at % BLOCK as u64) as usize;
                Arc::make_mut(b)[start..start + n as usize].fill(0);
            }
            at += n;
        }
    }

    fn set_len(&mut self, len: u64) {
        if len < self.len {
            let old = self.len;
            self.zero(len, old - len);
            self.blocks.split_off(&len.div_ceil(BLOCK as u64));
        }
        self.len = len;
    }

    /// Blocks that writing `len` bytes at `off` would add.
    fn growth(&self, off: u64, len: u64) -> u64 {
        (off / BLOCK as u64..(off + len).div_ceil(BLOCK as u64)).filter(|b| !self.blocks.contains_key(b)).count() as u64
    }
}

/// A change of a file's content.
#[derive(Clone)]
enum Change {
    Write(u64, Arc<[u8]>),
    SetLen(u64),
    Punch(u64, u64),
}

impl Change {
    fn apply(&self, file: &mut Sparse) {
        match self {
            Change::Write(off, bytes) => file.write(*off, bytes),
            Change::SetLen(len) => file.set_len(*len),
            Change::Punch(off, len) => file.zero(*off, *len),
        }
    }

    /// What a power cut leaves of this change.
    fn apply_survivors(&self, file: &mut Sparse, rng: &mut SmallRng) {
        let Change::Write(off, bytes) = self else {
            if rng.random() {
                self.apply(file);
            }
            return;
        };
        match rng.random_range(0..4) {
            0 => FaultPoint::LostUnsyncedWrite.meet(),
            1 => file.write(*off, bytes),
            // A prefix of sectors.
            2 => {
                FaultPoint::TornWrite.meet();
                let sectors = rng.random_range(0..=bytes.len() / SECTOR);
                file.write(*off, &bytes[..(sectors * SECTOR).min(bytes.len())]);
            }
            // Any set of sectors.
            _ => {
                for (i, sector) in bytes.chunks(SECTOR).enumerate() {
                    if rng.random() {
                        file.write(*off + (i * SECTOR) as u64, sector);
                    }
                }
            }
        }
    }
}

#[derive(Clone, Default)]
struct Inode {
    durable: Sparse,
    current: Sparse,
    /// Completed and not synced, by order of completion.
    unsynced: Vec<(u64, Change)>,
}

/// A change of a name, in terms that can be applied whatever else survived.
#[derive(Clone)]
enum NameChange {
    Link(String, u64),
    Unlink(String),
    Rename(String, String, u64),
    Mkdir(String),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>, dirs: &mut BTreeSet<String>) {
        match self {
            NameChange::Link(name, inode) => drop(names.insert(name.clone(), *inode)),
            NameChange::Unlink(name) => drop(names.remove(name)),
            NameChange::Rename(from, to, inode) => {
                // `from` may by now name another file, whose own Link is a change of its own.
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
            NameChange::Mkdir(dir) => drop(dirs.insert(dir.clone())),
        }
    }

    fn touches(&self, dir: &str) -> bool {
        match self {
            NameChange::Link(n, _) | NameChange::Unlink(n) | NameChange::Mkdir(n) => parent_dir(n) == dir,
            NameChange::Rename(from, to, _) => parent_dir(from) == dir || parent_dir(to) == dir,
        }
    }
}

#[derive(Clone, Default)]
struct Disk {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    dirs: BTreeSet<String>,
    durable_names: BTreeMap<String, u64>,
    durable_dirs: BTreeSet<String>,
    unsynced_names: Vec<NameChange>,
    /// Changes under way: issued, not completed.
    under_way: BTreeMap<u64, (u64, Change)>,
    next: u64,
}

/// A disk that outlives the systems running on it. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<Disk>>);

impl SimDisk {
    /// An empty disk.
    pub fn new() -> SimDisk {
        SimDisk::default()
    }

    /// The disk a reboot finds after a power cut now; `seed` decides the fate of all that was not durable. This disk
    /// is left as it is.
    pub fn crash(&self, seed: u64) -> SimDisk {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut disk = self.0.lock().clone();
        let mut changes: BTreeMap<u64, Vec<Change>> = BTreeMap::new();
        for (id, inode) in &mut disk.inodes {
            changes.insert(*id, std::mem::take(&mut inode.unsynced).into_iter().map(|(_, c)| c).collect());
        }
        for (_, (id, change)) in std::mem::take(&mut disk.under_way) {
            changes.entry(id).or_default().push(change);
        }
        // A third of all crashes lose or keep everything: the plain cases must not drown in the mixed ones.
        let fate = rng.random_range(0..6);
        for (id, inode) in &mut disk.inodes {
            let mut list = changes.remove(id).unwrap_or_default();
            match fate {
                0 => {}
                1 => list.iter().for_each(|c| c.apply(&mut inode.durable)),
                _ => {
                    list.shuffle(&mut rng);
                    list.iter().for_each(|c| c.apply_survivors(&mut inode.durable, &mut rng));
                }
            }
            inode.current = inode.durable.clone();
        }
        for change in std::mem::take(&mut disk.unsynced_names) {
            if fate == 1 || (fate > 1 && rng.random()) {
                change.apply(&mut disk.durable_names, &mut disk.durable_dirs);
            } else {
                FaultPoint::LostUnsyncedName.meet();
            }
        }
        let Disk { durable_names, durable_dirs, .. } = &mut disk;
        durable_names.retain(|name, _| parent_dir(name).is_empty() || durable_dirs.contains(parent_dir(name)));
        disk.names = disk.durable_names.clone();
        disk.dirs = disk.durable_dirs.clone();
        disk.forget_unnamed();
        SimDisk(Arc::new(Mutex::new(disk)))
    }

    /// The disk after the process was killed now: completed writes survive in the page cache, those under way may.
    pub fn kill(&self, seed: u64) -> SimDisk {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut disk = self.0.lock().clone();
        for (_, (id, change)) in std::mem::take(&mut disk.under_way) {
            if rng.random() {
                disk.complete(id, change, false);
            }
        }
        SimDisk(Arc::new(Mutex::new(disk)))
    }

    /// An independent copy of the disk as it is.
    pub fn fork(&self) -> SimDisk {
        SimDisk(Arc::new(Mutex::new(self.0.lock().clone())))
    }

    /// Names of all files.
    pub fn files(&self) -> Vec<String> {
        self.0.lock().names.keys().cloned().collect()
    }

    /// Content of a file as reads see it.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.0.lock();
        let inode = disk.inodes.get(disk.names.get(path)?)?;
        let mut out = vec![0; usize::try_from(inode.current.len).ok()?];
        inode.current.read(0, &mut out);
        Some(out)
    }

    /// Overwrites bytes of a file, durably and behind everyone's back: bit rot, a misdirected write, a test's setup.
    /// Returns whether the file exists.
    pub fn overwrite(&self, path: &str, off: u64, bytes: &[u8]) -> bool {
        let mut disk = self.0.lock();
        let Some(id) = disk.names.get(path).copied() else { return false };
        let Some(inode) = disk.inodes.get_mut(&id) else { return false };
        inode.current.write(off, bytes);
        inode.durable.write(off, bytes);
        true
    }

    /// Flips one bit of a file, durably. Returns whether the file exists.
    pub fn flip_bit(&self, path: &str, off: u64, bit: u8) -> bool {
        let old = self.0.lock().byte(path, off);
        old.is_some_and(|b| self.overwrite(path, off, &[b ^ (1 << (bit & 7))]))
    }
}

impl Disk {
    fn byte(&self, path: &str, off: u64) -> Option<u8> {
        let mut b = [0];
        self.inodes.get(self.names.get(path)?)?.current.read(off, &mut b);
        Some(b[0])
    }

    fn forget_unnamed(&mut self) {
        let named: BTreeSet<u64> = self.names.values().chain(self.durable_names.values()).copied().collect();
        self.inodes.retain(|id, _| named.contains(id));
    }

    fn used_blocks(&self) -> u64 {
        self.inodes.values().map(|i| i.current.blocks.len() as u64).sum()
    }

    /// A change takes effect; `durable` when the file is O_DSYNC.
    fn complete(&mut self, id: u64, change: Change, durable: bool) {
        self.next += 1;
        let seq = self.next;
        // A removed file may still be written through an open handle: nobody will see it.
        let Some(inode) = self.inodes.get_mut(&id) else { return };
        change.apply(&mut inode.current);
        inode.unsynced.push((seq, change));
        if durable {
            self.sync(id, seq);
        }
    }

    /// Everything of the file up to `seq` becomes durable.
    fn sync(&mut self, id: u64, seq: u64) {
        let Some(inode) = self.inodes.get_mut(&id) else { return };
        let rest = inode.unsynced.split_off(inode.unsynced.partition_point(|(s, _)| *s <= seq));
        for (_, change) in std::mem::replace(&mut inode.unsynced, rest) {
            change.apply(&mut inode.durable);
        }
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names, &mut self.dirs);
        self.unsynced_names.push(change);
    }

    fn sync_dir(&mut self, dir: &str) {
        let (now, later) = std::mem::take(&mut self.unsynced_names).into_iter().partition(|c| c.touches(dir));
        self.unsynced_names = later;
        let now: Vec<NameChange> = now;
        for change in now {
            change.apply(&mut self.durable_names, &mut self.durable_dirs);
        }
        self.forget_unnamed();
    }
}

#[derive(Default, Clone, Copy, Debug)]
struct Counts {
    changes: u64,
    writes: u64,
    syncs: u64,
    reads: u64,
    log_writes: u64,
    /// Which of them went astray.
    astray: Option<u64>,
    page_writes: u64,
    /// Writes that made a file larger.
    growths: u64,
}

/// One system's access to a [`SimDisk`]; dead after its crash.
pub struct SimIo {
    inner: Arc<Inner>,
}

struct Inner {
    rt: Arc<SimRuntime>,
    disk: SimDisk,
    faults: Mutex<SimFaults>,
    counts: Mutex<Counts>,
    permits: Arc<Semaphore>,
    observer: Mutex<Option<Observer>>,
}

/// Called with the number of each changing operation at the moment it completes.
type Observer = Arc<dyn Fn(u64) + Send + Sync>;

/// The power is gone: the operation never completes.
struct PowerCut;

/// What becomes of a write to the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Lost,
    Misdirected,
    Torn,
    PowerCut,
}

impl SimIo {
    /// Attaches `disk` to the world of `rt`.
    pub fn new(rt: &Arc<SimRuntime>, disk: &SimDisk, faults: SimFaults) -> Arc<SimIo> {
        Arc::new(SimIo {
            inner: Arc::new(Inner {
                rt: rt.clone(),
                disk: disk.clone(),
                faults: Mutex::new(faults),
                counts: Mutex::new(Counts::default()),
                permits: Arc::new(Semaphore::new(QUEUE_DEPTH)),
                observer: Mutex::new(None),
            }),
        })
    }

    /// Calls `f` with the number of each changing operation just as it completes, its effect not yet done: where
    /// [`SimFaults::crash_at`] would cut the power. `f` may look at the disk ([`SimDisk::crash`]); so one run can be
    /// tried with a crash at each of its operations.
    pub fn observe(&self, f: Arc<dyn Fn(u64) + Send + Sync>) {
        *self.inner.observer.lock() = Some(f);
    }

    /// From now on these are the faults, and their operations are counted from here.
    pub fn inject(&self, faults: SimFaults) {
        *self.inner.counts.lock() = Counts::default();
        *self.inner.faults.lock() = faults;
    }

    /// Changing operations completed so far: the range of useful values for [`SimFaults::crash_at`].
    pub fn changes(&self) -> u64 {
        self.inner.counts.lock().changes
    }

    /// Writes that made a file larger so far: the range of useful values for [`SimFaults::no_space_at`].
    pub fn growths(&self) -> u64 {
        self.inner.counts.lock().growths
    }

    /// Writes to the log so far: the range of useful values for [`SimFaults::misdirect_log_write_at`].
    pub fn log_writes(&self) -> u64 {
        self.inner.counts.lock().log_writes
    }

    /// Runs `effect` at the operation's completion time, unless the power is gone by then.
    fn run<T: Send + 'static>(
        &self,
        effect: impl FnOnce(&Inner) -> Result<Result<T>, PowerCut> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let inner = self.inner.clone();
        let (done, result) = oneshot::channel();
        self.inner.rt.spawn(
            "disk",
            async move {
                let Ok(permit) = inner.permits.clone().acquire_owned().await else { return };
                IO_IN_FLIGHT.add(1);
                let delay = inner.delay();
                inner.rt.sleep(delay).await;
                IO_IN_FLIGHT.add(-1);
                if inner.rt.is_crashed() {
                    return;
                }
                match effect(&inner) {
                    Ok(outcome) => {
                        drop(permit);
                        let _ = done.send(outcome);
                    }
                    Err(PowerCut) => inner.rt.crash(),
                }
            }
            .boxed(),
        );
        async move {
            match result.await {
                Ok(outcome) => outcome,
                // Only a power cut drops the sender.
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }

    /// An operation that changes content: under way until it completes.
    fn change(&self, file: &FileId, change: Change) -> BoxFuture<'static, Result<()>> {
        let Some(id) = inode_of(file) else { return futures::future::ready(Err(foreign())).boxed() };
        let ticket = {
            let mut disk = self.inner.disk.0.lock();
            disk.next += 1;
            let ticket = disk.next;
            disk.under_way.insert(ticket, (id, change.clone()));
            ticket
        };
        let file = file.clone();
        self.run(move |inner| inner.complete(&file, id, ticket, change))
    }

    fn name(&self, effect: impl FnOnce(&mut Disk) -> Result<()> + Send + 'static) -> BoxFuture<'static, Result<()>> {
        self.run(move |inner| {
            // Whether the name change of the crashing operation survives is a matter of the crash seed.
            let outcome = effect(&mut inner.disk.0.lock());
            inner.count_change(FaultPoint::PowerCutAtName)?;
            Ok(outcome)
        })
    }
}

impl Inner {
    fn faults(&self) -> SimFaults {
        *self.faults.lock()
    }

    fn delay(&self) -> Duration {
        let r = self.rt.rng_u64();
        // Mostly around a fast device's latency, now and then a straggler.
        let micros = if r.is_multiple_of(16) { 200 + (r >> 8) % 2000 } else { 20 + (r >> 8) % 100 };
        Duration::from_micros(micros)
    }

    fn count_change(&self, point: FaultPoint) -> Result<(), PowerCut> {
        let n = {
            let mut c = self.counts.lock();
            c.changes += 1;
            c.changes
        };
        let faults = self.faults();
        if faults.crash_at == Some(n) {
            point.meet();
            return Err(PowerCut);
        }
        if let Some((at, micros)) = faults.clock_jump_at
            && at == n
        {
            if micros < 0 {
                FaultPoint::ClockBack.meet()
            } else {
                FaultPoint::ClockForward.meet()
            }
            self.rt.jump_wall_clock(micros);
        }
        let observer = self.observer.lock().clone();
        if let Some(f) = observer {
            // Whoever observes may try a power cut here.
            point.meet();
            f(n);
        }
        Ok(())
    }

    fn complete(&self, file: &FileId, id: u64, ticket: u64, change: Change) -> Result<Result<()>, PowerCut> {
        // On a power cut the change stays under way, so its fate is the crash seed's.
        self.count_change(FaultPoint::PowerCutAtWrite)?;
        let faults = self.faults();
        let mut disk = self.disk.0.lock();
        disk.under_way.remove(&ticket);
        if let Change::Write(off, bytes) = &change {
            let nth = {
                let mut c = self.counts.lock();
                c.writes += 1;
                Some(c.writes)
            };
            if faults.write_error_at == nth {
                FaultPoint::WriteError.meet();
                if self.rt.rng_u64().is_multiple_of(2) {
                    disk.complete(id, change, false);
                }
                return Ok(Err(self.os_error(format_args!("write file \"{}\"", file.path()), EIO)));
            }
            if faults.lose_write_at == nth {
                FaultPoint::LostWrite.meet();
                return Ok(Ok(()));
            }
            if file.path().starts_with("base/") {
                let nth = {
                    let mut c = self.counts.lock();
                    c.page_writes += 1;
                    Some(c.page_writes)
                };
                if faults.lose_page_write_at == nth {
                    FaultPoint::LostWrite.meet();
                    return Ok(Ok(()));
                }
            }
            if file.path().starts_with("wal/") && file.0.dsync {
                match self.log_write(&faults) {
                    Fate::Done => {}
                    Fate::PowerCut => {
                        disk.under_way.insert(ticket, (id, change));
                        return Err(PowerCut);
                    }
                    Fate::Lost => return Ok(Ok(())),
                    Fate::Misdirected => {
                        let wrong = Change::Write(off + bytes.len() as u64, Arc::clone(bytes));
                        disk.complete(id, wrong, true);
                        return Ok(Ok(()));
                    }
                    Fate::Torn => {
                        // At least one sector is missing, anywhere.
                        let r = self.rt.rng_u64();
                        let missing = r as usize % bytes.chunks(SECTOR).len();
                        for (i, sector) in bytes.chunks(SECTOR).enumerate() {
                            if i != missing && r >> (8 + i % 50) & 1 == 1 {
                                disk.complete(id, Change::Write(off + (i * SECTOR) as u64, Arc::from(sector)), true);
                            }
                        }
                        return Ok(Ok(()));
                    }
                }
            }
            let growth = disk.inodes.get(&id).map_or(0, |i| i.current.growth(*off, bytes.len() as u64));
            let nth = (growth > 0).then(|| {
                let mut c = self.counts.lock();
                c.growths += 1;
                c.growths
            });
            let full = nth.is_some() && faults.no_space_at == nth;
            if full || faults.capacity.is_some_and(|c| (disk.used_blocks() + growth) * BLOCK as u64 > c) {
                FaultPoint::NoSpace.meet();
                return Ok(Err(self.os_error(format_args!("write file \"{}\"", file.path()), ENOSPC)));
            }
        }
        disk.complete(id, change, file.0.dsync);
        Ok(Ok(()))
    }

    /// Counts a write to the log and says what becomes of it.
    fn log_write(&self, faults: &SimFaults) -> Fate {
        let mut c = self.counts.lock();
        c.log_writes += 1;
        let nth = Some(c.log_writes);
        let (point, fate) = if faults.misdirect_log_write_at == nth {
            (FaultPoint::MisdirectedLogWrite, Fate::Misdirected)
        } else if faults.lose_log_write_at == nth {
            (FaultPoint::LostLogWrite, Fate::Lost)
        } else if faults.tear_log_write_at == nth {
            (FaultPoint::TornLogWrite, Fate::Torn)
        } else if let (Some(at), Some(n)) = (c.astray, faults.crash_after_astray)
            && nth == Some(at + n)
        {
            (FaultPoint::PowerCutAtWrite, Fate::PowerCut)
        } else {
            return Fate::Done;
        };
        point.meet();
        if fate != Fate::PowerCut {
            c.astray = nth;
        }
        fate
    }

    fn os_error(&self, action: std::fmt::Arguments<'_>, code: i32) -> DbError {
        os_error(action, &std::io::Error::from_raw_os_error(code))
    }
}

fn inode_of(file: &FileId) -> Option<u64> {
    match &file.0.backing {
        Backing::Sim(id) => Some(*id),
        Backing::Os(_) | Backing::Overlay(_) => None,
    }
}

fn foreign() -> DbError {
    DbError::internal("a real file was given to the simulated disk")
}

fn missing(action: std::fmt::Arguments<'_>) -> DbError {
    os_error(action, &std::io::Error::from_raw_os_error(ENOENT))
}

fn checked(path: &str) -> Result<String> {
    check_path(path).map(|()| path.to_owned())
}

impl Io for SimIo {
    fn open(&self, path: &str, mode: OpenMode) -> BoxFuture<'static, Result<FileId>> {
        let path = checked(path);
        self.run(move |inner| {
            let path = match path {
                Ok(path) => path,
                Err(e) => return Ok(Err(e)),
            };
            let mut disk = inner.disk.0.lock();
            let id = match disk.names.get(&path).copied() {
                Some(id) => id,
                None => {
                    let dir = parent_dir(&path);
                    if !mode.create || !(dir.is_empty() || disk.dirs.contains(dir)) {
                        return Ok(Err(missing(format_args!("open file \"{path}\""))));
                    }
                    disk.next += 1;
                    let id = disk.next;
                    disk.inodes.insert(id, Inode::default());
                    disk.change_name(NameChange::Link(path.clone(), id));
                    // The observer of changes may look at the disk.
                    drop(disk);
                    inner.count_change(FaultPoint::PowerCutAtName)?;
                    id
                }
            };
            Ok(Ok(FileId::new(&path, mode, mode.direct, Backing::Sim(id))))
        })
    }

    fn read(&self, file: &FileId, off: u64, mut buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        let file = file.clone();
        self.run(move |inner| {
            let Some(id) = inode_of(&file) else { return Ok(Err(foreign())) };
            let nth = {
                let mut c = inner.counts.lock();
                c.reads += 1;
                Some(c.reads)
            };
            if inner.faults().read_error_at == nth {
                FaultPoint::ReadError.meet();
                return Ok(Err(inner.os_error(format_args!("read file \"{}\"", file.path()), EIO)));
            }
            let disk = inner.disk.0.lock();
            let Some(inode) = disk.inodes.get(&id) else {
                buf.fill(0);
                return Ok(Ok(buf));
            };
            let misdirected = inner.faults().misdirect_read_at == nth;
            if misdirected {
                FaultPoint::MisdirectedRead.meet();
            }
            let at = if misdirected { off + buf.len() as u64 } else { off };
            inode.current.read(at, &mut buf);
            if inner.faults().flip_read_at == nth && !buf.is_empty() {
                FaultPoint::FlippedRead.meet();
                let r = inner.rt.rng_u64();
                let i = (r >> 3) as usize % buf.len();
                buf[i] ^= 1 << (r & 7);
            }
            Ok(Ok(buf))
        })
    }

    fn write(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        let done = self.change(file, Change::Write(off, Arc::from(&buf[..])));
        async move { done.await.map(|()| buf) }.boxed()
    }

    fn sync(&self, file: &FileId) -> BoxFuture<'static, Result<()>> {
        let Some(id) = inode_of(file) else { return futures::future::ready(Err(foreign())).boxed() };
        let seq = self.inner.disk.0.lock().next;
        let file = file.clone();
        self.run(move |inner| {
            inner.count_change(FaultPoint::PowerCutAtSync)?;
            let nth = {
                let mut c = inner.counts.lock();
                c.syncs += 1;
                Some(c.syncs)
            };
            let mut disk = inner.disk.0.lock();
            if inner.faults().sync_error_at == nth {
                FaultPoint::SyncError.meet();
                if let Some(inode) = disk.inodes.get_mut(&id) {
                    inode.unsynced.retain(|_| inner.rt.rng_u64().is_multiple_of(2));
                }
                return Ok(Err(inner.os_error(format_args!("fsync file \"{}\"", file.path()), EIO)));
            }
            disk.sync(id, seq);
            Ok(Ok(()))
        })
    }

    fn set_len(&self, file: &FileId, len: u64) -> BoxFuture<'static, Result<()>> {
        self.change(file, Change::SetLen(len))
    }

    fn len(&self, file: &FileId) -> BoxFuture<'static, Result<u64>> {
        let id = inode_of(file);
        self.run(move |inner| {
            let disk = inner.disk.0.lock();
            Ok(id.ok_or_else(foreign).map(|id| disk.inodes.get(&id).map_or(0, |i| i.current.len)))
        })
    }

    fn punch(&self, file: &FileId, off: u64, len: u64) -> BoxFuture<'static, Result<()>> {
        self.change(file, Change::Punch(off, len))
    }

    fn remove(&self, path: &str) -> BoxFuture<'static, Result<()>> {
        let path = checked(path);
        self.name(move |disk| {
            let path = path?;
            if !disk.names.contains_key(&path) {
                return Err(missing(format_args!("remove file \"{path}\"")));
            }
            disk.change_name(NameChange::Unlink(path));
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, Result<()>> {
        let (from, to) = (checked(from), checked(to));
        self.name(move |disk| {
            let (from, to) = (from?, to?);
            let Some(id) = disk.names.get(&from).copied() else {
                return Err(missing(format_args!("rename file \"{from}\" to \"{to}\"")));
            };
            disk.change_name(NameChange::Rename(from, to, id));
            Ok(())
        })
    }

    fn list(&self, dir: &str) -> BoxFuture<'static, Result<Vec<String>>> {
        let dir = checked(dir);
        self.run(move |inner| {
            let dir = match dir {
                Ok(dir) => dir,
                Err(e) => return Ok(Err(e)),
            };
            let disk = inner.disk.0.lock();
            if !dir.is_empty() && !disk.dirs.contains(&dir) {
                return Ok(Err(missing(format_args!("read directory \"{dir}\""))));
            }
            let all = disk.names.keys().chain(&disk.dirs);
            let mut names: Vec<String> = all
                .filter(|n| parent_dir(n) == dir)
                .map(|n| n.rsplit_once('/').map_or(n.as_str(), |(_, name)| name).to_owned())
                .collect();
            names.sort_unstable();
            Ok(Ok(names))
        })
    }

    fn mkdir(&self, dir: &str) -> BoxFuture<'static, Result<()>> {
        let dir = checked(dir);
        self.name(move |disk| {
            let dir = dir?;
            if !disk.dirs.contains(&dir) {
                disk.change_name(NameChange::Mkdir(dir));
            }
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &str) -> BoxFuture<'static, Result<()>> {
        let dir = checked(dir);
        self.run(move |inner| {
            inner.count_change(FaultPoint::PowerCutAtSync)?;
            Ok(dir.map(|dir| inner.disk.0.lock().sync_dir(&dir)))
        })
    }

    fn space(&self) -> BoxFuture<'static, Result<Option<DiskSpace>>> {
        let space = self.inner.faults().capacity.map(|total| {
            let used = self.inner.disk.0.lock().used_blocks() * BLOCK as u64;
            DiskSpace { total, free: total.saturating_sub(used) }
        });
        async move { Ok(space) }.boxed()
    }

    fn method(&self) -> &'static str {
        "sim"
    }
}
