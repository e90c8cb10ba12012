//! Files that keep a second server away: `postmaster.pid` in the data directory and `.s.PGSQL.PORT.lock` beside the Unix
//! socket. The file is locked (flock) for the server's life, so a crash releases it without leaving a riddle; its
//! content tells people, and PostgreSQL's tools, who holds it.

use rustydb_base::{DbError, Result, SqlState};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A held lock file; removed when dropped.
#[derive(Debug)]
pub struct LockFile {
    path: PathBuf,
    file: File,
}

/// What a lock file protects, for the message when it is taken.
#[derive(Clone, Copy, Debug)]
pub enum Protects<'a> {
    /// A data directory.
    DataDirectory(&'a Path),
    /// A socket file.
    Socket(&'a Path),
}

impl LockFile {
    /// Creates or takes over the file at `path`, with the lines `postmaster.pid` has: pid, data directory, start time,
    /// port, socket directory. F0001 when another server holds it, 58030 when it cannot be made.
    pub fn acquire(
        path: PathBuf,
        protects: Protects<'_>,
        data_dir: &Path,
        port: u16,
        socket_dir: &Path,
    ) -> Result<LockFile> {
        let name = path.display().to_string();
        let failed = |action: &str, e: &std::io::Error| {
            DbError::fatal(SqlState::IO_ERROR, format!("could not {action} lock file \"{name}\": {e}"))
        };
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(&path)
                .map_err(|e| failed("open", &e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(taken(&name, protects, &mut file)),
                Err(TryLockError::Error(e)) => return Err(failed("lock", &e)),
            }
            // The holder before us may have removed the file between our open and our lock.
            let ours = file.metadata().map_err(|e| failed("examine", &e))?.ino();
            if std::fs::metadata(&path).map(|m| m.ino()).ok() != Some(ours) {
                continue;
            }
            let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
            let text = format!(
                "{}\n{}\n{started}\n{port}\n{}\n",
                std::process::id(),
                data_dir.display(),
                socket_dir.display()
            );
            file.set_len(0)
                .and_then(|()| file.seek(SeekFrom::Start(0)))
                .and_then(|_| file.write_all(text.as_bytes()))
                .and_then(|()| file.sync_data())
                .map_err(|e| failed("write", &e))?;
            return Ok(LockFile { path, file });
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Removed before the lock is released, so that nobody can take over a file that is about to go.
        if let Err(e) = std::fs::remove_file(&self.path) {
            tracing::warn!("could not remove lock file \"{}\": {e}", self.path.display());
        }
        if let Err(e) = self.file.unlock() {
            tracing::warn!("could not unlock \"{}\": {e}", self.path.display());
        }
    }
}

fn taken(name: &str, protects: Protects<'_>, file: &mut File) -> DbError {
    let mut text = String::new();
    let pid = match file.read_to_string(&mut text) {
        Ok(_) => text.lines().next().unwrap_or("?").to_owned(),
        Err(_) => "?".to_owned(),
    };
    let hint = match protects {
        Protects::DataDirectory(dir) => {
            format!("Is another postmaster (PID {pid}) running in data directory \"{}\"?", dir.display())
        }
        Protects::Socket(path) => {
            format!("Is another postmaster (PID {pid}) using socket file \"{}\"?", path.display())
        }
    };
    let short = Path::new(name).file_name().and_then(|n| n.to_str()).unwrap_or(name);
    let shown = if matches!(protects, Protects::DataDirectory(_)) { short } else { name };
    DbError::fatal(SqlState::LOCK_FILE_EXISTS, format!("lock file \"{shown}\" already exists")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_holder_is_refused_and_a_dead_one_replaced() {
        let dir = std::env::temp_dir().join(format!("rustydb-lockfile-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("postmaster.pid");
        // What a killed server leaves behind.
        std::fs::write(&path, "1\n/elsewhere\n").unwrap();
        let acquire = || LockFile::acquire(path.clone(), Protects::DataDirectory(&dir), &dir, 5432, Path::new("/tmp"));
        let held = acquire().unwrap();
        let e = acquire().unwrap_err();
        assert_eq!(e.code, SqlState::LOCK_FILE_EXISTS);
        assert_eq!(e.message, "lock file \"postmaster.pid\" already exists");
        let hint = e.fields.unwrap().hint.unwrap();
        assert!(hint.contains(&format!("(PID {})", std::process::id())), "{hint}");
        drop(held);
        assert!(!path.exists());
        drop(acquire().unwrap());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
