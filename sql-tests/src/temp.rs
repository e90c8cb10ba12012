//! A directory that goes away with its owner.

use crate::{Context, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A fresh directory under `$RUSTYDB_TEST_TMP` (default: the system's), removed on drop unless `RUSTYDB_KEEP_TMP` is set.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes one whose name begins with `rustydb-NAME`.
    pub fn new(name: &str) -> Result<Self> {
        let base = std::env::var_os("RUSTYDB_TEST_TMP").map_or_else(std::env::temp_dir, PathBuf::from);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = base.join(format!("rustydb-{name}-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&dir).context(|| format!("creating {}", dir.display()))?;
        Ok(Self(dir))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if std::env::var_os("RUSTYDB_KEEP_TMP").is_none()
            && let Err(e) = std::fs::remove_dir_all(&self.0)
        {
            eprintln!("could not remove {}: {e}", self.0.display());
        }
    }
}
