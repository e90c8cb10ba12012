//! Open files. A handle is shared by cloning; the file closes with the last clone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{IoClass, OpenMode};

/// An open file of some [`super::Io`] backend. Only the backend that opened it can use it.
#[derive(Clone)]
pub struct FileId(pub(super) Arc<OpenFile>);

/// What a handle stands for.
pub(super) struct OpenFile {
    /// Unique in this process: the key under which I/O threads cache their own view of the file.
    pub id: u64,
    pub path: String,
    pub class: IoClass,
    /// Whether `O_DIRECT` is really in force (it may have been refused).
    pub direct: bool,
    pub dsync: bool,
    pub backing: Backing,
}

/// Where the bytes live.
pub(super) enum Backing {
    /// A file of the operating system.
    Os(std::fs::File),
    /// An inode of the simulated disk.
    Sim(u64),
    /// A file of another backend, or none yet, with changes kept in memory.
    Overlay(Arc<super::overlay::Layer>),
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl FileId {
    pub(super) fn new(path: &str, mode: OpenMode, direct: bool, backing: Backing) -> FileId {
        FileId(Arc::new(OpenFile {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            path: path.to_owned(),
            class: mode.class,
            direct,
            dsync: mode.dsync,
            backing,
        }))
    }

    /// Path it was opened under, relative to the data directory.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Whether operations bypass the page cache and so need 4 KiB-aligned offsets and lengths.
    pub fn is_direct(&self) -> bool {
        self.0.direct
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileId({} \"{}\")", self.0.id, self.0.path)
    }
}
