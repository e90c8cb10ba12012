//! The one door to the disk.
//!
//! Idea: everything durable goes through [`Io`], over paths relative to the data directory. An operation owns its
//! buffer, runs to its end even when the future that asked for it is dropped, and hands the buffer back. Short reads
//! and writes are continued inside. Three backends: [`uring`] (dedicated tokio-uring threads), [`worker`]
//! (pread/pwrite threads) and [`sim`] (a seeded, faulty, in-memory disk). [`open_dir`] probes and picks.
//!
//! Rules for callers:
//! 1. Completion of a write says nothing about durability, except on a file opened with `dsync`; else call `sync`.
//! 2. A created, renamed or removed *name* is durable only after `sync_dir` of its directory.
//! 3. A failed `write` or `sync` on data that matters trips the poison flag; it is never retried (the kernel may have
//!    dropped the dirty pages and would report success the second time).
//! 4. Offsets and lengths on a `direct` file are multiples of 4 KiB ([`aligned::BLOCK`]).
//! 5. At most [`QUEUE_DEPTH`] operations per queue are under way; callers beyond that wait.
//!
//! Left out: vectored I/O, atomic 8 KiB writes (`RWF_ATOMIC`), registered buffers.

pub mod aligned;
mod file;
mod os;
pub mod overlay;
pub mod sim;
pub mod uring;
pub mod worker;

pub use aligned::{AlignedBuf, BLOCK};
pub use file::FileId;

use crate::rt::BoxFuture;
use rustydb_base::metrics::{Counter, Gauge};
use rustydb_base::{DbError, Result, SqlState};
use std::path::Path;
use std::sync::Arc;

/// Most operations under way per queue (page I/O and log each have one).
pub const QUEUE_DEPTH: usize = 128;

/// Operations under way, all queues together.
pub static IO_IN_FLIGHT: Gauge = Gauge::new("io_in_flight", "I/O operations submitted and not yet completed");
/// Bytes read.
pub static IO_READ_BYTES: Counter = Counter::new("io_read_bytes", "bytes read from data and log files");
/// Bytes written.
pub static IO_WRITE_BYTES: Counter = Counter::new("io_write_bytes", "bytes written to data and log files");
/// Data syncs (`fdatasync`).
pub static IO_SYNCS: Counter = Counter::new("io_syncs", "fdatasync calls");

/// Which queue and thread an open file's operations use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IoClass {
    /// Pages, control file, double-write file, scratch.
    #[default]
    Page,
    /// The redo log.
    Log,
}

/// How to open a file. Files are always opened for reading and writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OpenMode {
    /// Create the file when it is missing.
    pub create: bool,
    /// Bypass the page cache (`O_DIRECT`) when the file system can.
    pub direct: bool,
    /// Each write is durable when it completes (`O_DSYNC`).
    pub dsync: bool,
    /// Queue for its operations.
    pub class: IoClass,
}

impl OpenMode {
    /// For relation files: synced by hand, created on demand; direct unless the page cache is wanted.
    pub const PAGES: OpenMode = OpenMode { create: true, direct: true, dsync: false, class: IoClass::Page };
    /// For log segments: direct, durable at completion, must exist.
    pub const LOG: OpenMode = OpenMode { create: false, direct: true, dsync: true, class: IoClass::Log };
    /// The same mode with `create` set.
    pub const fn creating(mut self) -> OpenMode {
        self.create = true;
        self
    }
}

/// The file system that holds the data directory, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskSpace {
    /// Its size.
    pub total: u64,
    /// What a process without privileges may still fill.
    pub free: u64,
}

/// Asynchronous file access below one data directory. All futures are `'static`: they own what they need, and the
/// operation completes even when they are dropped. Paths are relative, `/`-separated and stay inside the directory.
pub trait Io: Send + Sync {
    /// Opens a file; the handle closes when its last clone is dropped. A missing file is 58P01.
    fn open(&self, path: &str, mode: OpenMode) -> BoxFuture<'static, Result<FileId>>;
    /// Fills the whole buffer if that takes no waiting, because the kernel has the bytes in its cache; answers whether it
    /// did. Worth trying where the way to another thread would take longer than the copy.
    fn read_cached(&self, _file: &FileId, _off: u64, _buf: &mut AlignedBuf) -> bool {
        false
    }
    /// Fills the whole buffer from `off`. Bytes beyond the end of the file read as zero.
    fn read(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>>;
    /// Writes the whole buffer at `off`, growing the file as needed.
    fn write(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>>;
    /// Makes every write that completed before this call durable (`fdatasync`), with the length.
    fn sync(&self, file: &FileId) -> BoxFuture<'static, Result<()>>;
    /// Sets the length, cutting or extending with zeros (sparse).
    fn set_len(&self, file: &FileId, len: u64) -> BoxFuture<'static, Result<()>>;
    /// Length in bytes.
    fn len(&self, file: &FileId) -> BoxFuture<'static, Result<u64>>;
    /// Makes a range read as zeros, giving its space back where the backend can.
    fn punch(&self, file: &FileId, off: u64, len: u64) -> BoxFuture<'static, Result<()>>;
    /// Removes a file's name. A missing file is 58P01.
    fn remove(&self, path: &str) -> BoxFuture<'static, Result<()>>;
    /// Renames, replacing the target atomically.
    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, Result<()>>;
    /// Names of the entries of a directory, sorted.
    fn list(&self, dir: &str) -> BoxFuture<'static, Result<Vec<String>>>;
    /// Creates a directory; an existing one is fine.
    fn mkdir(&self, dir: &str) -> BoxFuture<'static, Result<()>>;
    /// Makes the names in a directory durable. `""` is the data directory itself.
    fn sync_dir(&self, dir: &str) -> BoxFuture<'static, Result<()>>;
    /// Room on the file system of the data directory; `None` if the backend has no end.
    fn space(&self) -> BoxFuture<'static, Result<Option<DiskSpace>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    /// Backend name for the log line and `SHOW io_method`.
    fn method(&self) -> &'static str;
    /// Gives a task a thread of its own, on which its small writes are done at once: for the log writer, whose every hop to
    /// another thread each commit would wait for. Backends without threads hand the task back and the caller spawns it on
    /// its runtime.
    fn spawn_near(&self, name: &'static str, fut: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        let _ = name;
        Err(fut)
    }
}

/// The shared form in which the backend is handed around.
pub type IoRef = Arc<dyn Io>;

/// Reads a whole small file (at most `max` bytes, else XX001).
pub async fn read_small(io: &dyn Io, path: &str, max: usize) -> Result<Vec<u8>> {
    let file = io.open(path, OpenMode::default()).await?;
    let len = io.len(&file).await?;
    let len = usize::try_from(len).ok().filter(|n| *n <= max).ok_or_else(|| {
        DbError::corrupt(format!("file \"{path}\" has {len} bytes, more than the expected maximum of {max}"))
    })?;
    let buf = io.read(&file, 0, AlignedBuf::with_len(len)).await?;
    Ok(buf.to_vec())
}

/// Replaces a small file atomically and durably: temporary file, sync, rename, directory sync.
pub async fn write_small(io: &dyn Io, path: &str, bytes: &[u8]) -> Result<()> {
    let temp = format!("{path}.new");
    let file = io.open(&temp, OpenMode::default().creating()).await?;
    io.set_len(&file, 0).await?;
    let mut buf = AlignedBuf::with_len(bytes.len());
    buf.copy_from_slice(bytes);
    io.write(&file, 0, buf).await?;
    io.sync(&file).await?;
    io.rename(&temp, path).await?;
    io.sync_dir(parent_dir(path)).await
}

/// The directory part of a relative path, `""` for a top-level name.
pub fn parent_dir(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Refuses paths that could leave the data directory.
pub(crate) fn check_path(path: &str) -> Result<()> {
    let fine = path.is_empty()
        || (!path.contains('\0') && path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."));
    if fine { Ok(()) } else { Err(DbError::internal(format!("path \"{path}\" is not inside the data directory"))) }
}

/// An operating-system error as ours: a missing file is 58P01, a full disk 53100, anything else 58030.
pub(crate) fn os_error(action: impl std::fmt::Display, err: &std::io::Error) -> DbError {
    let mut e = DbError::io(action, err);
    match err.kind() {
        std::io::ErrorKind::NotFound => e.code = SqlState::UNDEFINED_FILE,
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => e.code = SqlState::DISK_FULL,
        _ => {}
    }
    e
}

/// The setting `io_method`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IoMethod {
    /// io_uring when a probe succeeds, else worker threads.
    #[default]
    Auto,
    /// io_uring, or refuse to start.
    IoUring,
    /// Worker threads calling pread and pwrite.
    Worker,
}

impl std::str::FromStr for IoMethod {
    type Err = DbError;
    fn from_str(s: &str) -> Result<IoMethod> {
        match s.to_ascii_lowercase().as_str() {
            "auto" => Ok(IoMethod::Auto),
            "io_uring" => Ok(IoMethod::IoUring),
            "worker" => Ok(IoMethod::Worker),
            _ => Err(DbError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("invalid value for parameter \"io_method\": \"{s}\""),
            )
            .hint("Available values: auto, io_uring, worker.")),
        }
    }
}

/// Opens the data directory `root` with the wanted method. `Auto` probes io_uring with a no-op and a real write and
/// read of a scratch file below `root`; whatever is chosen is logged.
pub fn open_dir(root: &Path, method: IoMethod) -> Result<IoRef> {
    let io: IoRef = match method {
        IoMethod::Worker => worker::WorkerIo::start(root)?,
        IoMethod::IoUring => uring::UringIo::start(root)?,
        IoMethod::Auto => match uring::UringIo::start(root) {
            Ok(io) => io,
            Err(why) => {
                tracing::info!("io_uring is not usable here ({}); using worker threads", why.message);
                worker::WorkerIo::start(root)?
            }
        },
    };
    tracing::info!("io_method: {}", io.method());
    Ok(io)
}

/// A handle of a backend that keeps its files by number, for models.
#[cfg(all(test, feature = "shuttle"))]
pub(crate) fn memory_file(path: &str, mode: OpenMode, number: u64) -> FileId {
    FileId::new(path, mode, mode.direct, file::Backing::Sim(number))
}

/// The number of a file of [`memory_file`].
#[cfg(all(test, feature = "shuttle"))]
pub(crate) fn memory_number(file: &FileId) -> u64 {
    match file.0.backing {
        file::Backing::Sim(n) => n,
        _ => u64::MAX,
    }
}

#[cfg(test)]
pub(crate) mod tests;
