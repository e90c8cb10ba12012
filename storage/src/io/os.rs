//! Blocking file operations of the operating system, shared by the worker backend (all of them) and the io_uring
//! backend (names, lengths and directories only).

use super::file::{Backing, FileId};
use super::{
    AlignedBuf, DiskSpace, IO_IN_FLIGHT, IO_READ_BYTES, IO_SYNCS, IO_WRITE_BYTES, OpenMode, check_path, os_error,
};
use rustix::fs::FallocateFlags;
use rustix::io::{Errno, ReadWriteFlags};
use rustydb_base::{DbError, Result};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IoSliceMut};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The absolute path of `path`, which must stay below `root`.
fn resolve(root: &Path, path: &str) -> Result<PathBuf> {
    check_path(path)?;
    Ok(if path.is_empty() { root.to_owned() } else { root.join(path) })
}

/// The operating system's file behind a handle.
pub(super) fn std_file(file: &FileId) -> Result<&File> {
    match &file.0.backing {
        Backing::Os(f) => Ok(f),
        Backing::Sim(_) | Backing::Overlay(_) => {
            Err(DbError::internal("a file of another backend was given to a real disk"))
        }
    }
}

pub(super) fn open(root: &Path, path: &str, mode: OpenMode) -> Result<FileId> {
    static NO_DIRECT: Once = Once::new();
    let full = resolve(root, path)?;
    let sync_flag = if mode.dsync { libc::O_DSYNC } else { 0 };
    let try_open = |direct: bool| {
        let flags = sync_flag | if direct { libc::O_DIRECT } else { 0 };
        OpenOptions::new().read(true).write(true).create(mode.create).custom_flags(flags).mode(0o600).open(&full)
    };
    let opened = match try_open(mode.direct) {
        Err(e) if mode.direct && e.raw_os_error() == Some(libc::EINVAL) => {
            NO_DIRECT.call_once(|| {
                tracing::warn!("the file system of \"{}\" refuses O_DIRECT; using the page cache", root.display());
            });
            try_open(false).map(|f| (f, false))
        }
        other => other.map(|f| (f, mode.direct)),
    };
    let (file, direct) = opened.map_err(|e| os_error(format_args!("open file \"{path}\""), &e))?;
    Ok(FileId::new(path, mode, direct, Backing::Os(file)))
}

pub(super) fn read(file: &FileId, off: u64, mut buf: AlignedBuf) -> Result<AlignedBuf> {
    let f = std_file(file)?;
    let mut done = 0;
    while done < buf.len() {
        match f.read_at(&mut buf[done..], off + done as u64) {
            Ok(0) => break,
            Ok(n) => {
                done += n;
                if ends_inside_block(file, done) {
                    break;
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(read_error(file, off, &e)),
        }
    }
    buf[done..].fill(0);
    IO_READ_BYTES.add(done as u64);
    Ok(buf)
}

/// Fills the buffer from the kernel's cache, if all of it is there.
pub(super) fn read_cached(file: &FileId, off: u64, buf: &mut AlignedBuf) -> bool {
    let Ok(f) = std_file(file) else { return false };
    if file.is_direct() {
        return false;
    }
    let want = buf.len();
    let got = rustix::io::preadv2(f, &mut [IoSliceMut::new(buf)], off, ReadWriteFlags::NOWAIT);
    // Anything else, an error included, is for the ordinary read to find out.
    let all = got == Ok(want);
    if all {
        IO_READ_BYTES.add(want as u64);
    }
    all
}

/// A direct read that stops inside a block has met the end of the file, and could not be continued at that offset.
pub(super) fn ends_inside_block(file: &FileId, done: usize) -> bool {
    file.is_direct() && !done.is_multiple_of(512)
}

pub(super) fn read_error(file: &FileId, off: u64, e: &std::io::Error) -> DbError {
    os_error(format_args!("read file \"{}\" at offset {off}", file.path()), e)
}

pub(super) fn write_error(file: &FileId, off: u64, e: &std::io::Error) -> DbError {
    os_error(format_args!("write file \"{}\" at offset {off}", file.path()), e)
}

pub(super) fn sync_error(file: &FileId, e: &std::io::Error) -> DbError {
    os_error(format_args!("fsync file \"{}\"", file.path()), e)
}

pub(super) fn write(file: &FileId, off: u64, buf: AlignedBuf) -> Result<AlignedBuf> {
    std_file(file)?.write_all_at(&buf, off).map_err(|e| write_error(file, off, &e))?;
    IO_WRITE_BYTES.add(buf.len() as u64);
    Ok(buf)
}

/// Largest write that blocks the thread of a task that has its own; larger ones are worth a hop, since several of them can
/// be under way.
const IN_PLACE: usize = 32 << 10;

/// Does a small write here if this thread belongs to one task ([`crate::rt::near`]); gives the buffer back otherwise.
pub(super) fn write_in_place(file: &FileId, off: u64, buf: AlignedBuf) -> Result<Result<AlignedBuf>, AlignedBuf> {
    if buf.len() > IN_PLACE || !crate::rt::near::here() {
        return Err(buf);
    }
    IO_IN_FLIGHT.add(1);
    let outcome = write(file, off, buf);
    IO_IN_FLIGHT.add(-1);
    Ok(outcome)
}

pub(super) fn sync(file: &FileId) -> Result<()> {
    IO_SYNCS.inc();
    std_file(file)?.sync_data().map_err(|e| sync_error(file, &e))
}

pub(super) fn set_len(file: &FileId, len: u64) -> Result<()> {
    std_file(file)?
        .set_len(len)
        .map_err(|e| os_error(format_args!("set the length of file \"{}\" to {len}", file.path()), &e))
}

pub(super) fn len(file: &FileId) -> Result<u64> {
    let meta = std_file(file)?.metadata();
    meta.map(|m| m.len()).map_err(|e| os_error(format_args!("stat file \"{}\"", file.path()), &e))
}

/// Makes a range read as zeros and gives its space back where the file system has holes.
pub(super) fn punch(file: &FileId, off: u64, len: u64) -> Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match rustix::fs::fallocate(std_file(file)?, flags, off, len) {
        Ok(()) => Ok(()),
        Err(e) if e == Errno::OPNOTSUPP => zero_range(file, off, len),
        Err(e) => Err(write_error(file, off, &e.into())),
    }
}

/// Room on the file system of the data directory.
pub(super) fn space(root: &Path) -> Result<Option<DiskSpace>> {
    let s = rustix::fs::statvfs(root)
        .map_err(|e| os_error(format_args!("ask for the free space of \"{}\"", root.display()), &e.into()))?;
    let bytes = |blocks: u64| blocks.saturating_mul(s.f_frsize);
    Ok(Some(DiskSpace { total: bytes(s.f_blocks), free: bytes(s.f_bavail) }))
}

/// Writes zeros; gives no space back.
pub(super) fn zero_range(file: &FileId, off: u64, len: u64) -> Result<()> {
    const CHUNK: usize = 1 << 20;
    let end = (off + len).min(self::len(file)?);
    let mut at = off;
    while at < end {
        let n = usize::try_from(end - at).map_or(CHUNK, |n| n.min(CHUNK));
        write(file, at, AlignedBuf::zeroed(n))?;
        at += n as u64;
    }
    Ok(())
}

pub(super) fn remove(root: &Path, path: &str) -> Result<()> {
    std::fs::remove_file(resolve(root, path)?).map_err(|e| os_error(format_args!("remove file \"{path}\""), &e))
}

pub(super) fn rename(root: &Path, from: &str, to: &str) -> Result<()> {
    std::fs::rename(resolve(root, from)?, resolve(root, to)?)
        .map_err(|e| os_error(format_args!("rename file \"{from}\" to \"{to}\""), &e))
}

pub(super) fn list(root: &Path, dir: &str) -> Result<Vec<String>> {
    let failed = |e: std::io::Error| os_error(format_args!("read directory \"{dir}\""), &e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(resolve(root, dir)?).map_err(failed)? {
        // A name that is not UTF-8 is none of ours; no caller could ask for it.
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

pub(super) fn mkdir(root: &Path, dir: &str) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    match std::fs::DirBuilder::new().mode(0o700).create(resolve(root, dir)?) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(os_error(format_args!("create directory \"{dir}\""), &e)),
        _ => Ok(()),
    }
}

pub(super) fn sync_dir(root: &Path, dir: &str) -> Result<()> {
    File::open(resolve(root, dir)?)
        .and_then(|f| f.sync_all())
        .map_err(|e| os_error(format_args!("fsync directory \"{dir}\""), &e))
}
