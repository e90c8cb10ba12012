//! Temporary files of queries when the data directory is encrypted: sealed with a key that never leaves memory.
//!
//! DataFusion spills through a factory of files. Ours have no name once they are open, so nothing is left of them after a
//! crash, and their content is chunks sealed by `rustydb_storage::crypto::spill`. `temp_file_limit` bounds the bytes of all
//! files of a query together. Without encryption DataFusion's own files are used.

use datafusion::error::DataFusionError;
use datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::stream::{self, Stream, StreamExt as _};
use rustydb_base::DbError;
use rustydb_storage::crypto::Crypto;
use rustydb_storage::crypto::spill::{CHUNK, OVERHEAD};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of files of this process.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Bytes of a query's files and their bound.
struct Quota {
    used: AtomicU64,
    limit: u64,
}

/// Makes the files of a query.
pub struct SealedFiles {
    crypto: Arc<Crypto>,
    quota: Arc<Quota>,
}

impl SealedFiles {
    /// Files that may have `limit` bytes together.
    pub fn new(crypto: Arc<Crypto>, limit: Option<u64>) -> SealedFiles {
        let quota = Quota { used: AtomicU64::new(0), limit: limit.unwrap_or(u64::MAX) };
        SealedFiles { crypto, quota: Arc::new(quota) }
    }
}

impl TempFileFactory for SealedFiles {
    fn create_temp_file(&self, _: &str) -> datafusion::error::Result<Arc<dyn SpillFile>> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rustydb-{}-{number}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        std::fs::remove_file(&path)?;
        let shared = Shared { crypto: Arc::clone(&self.crypto), quota: Arc::clone(&self.quota), number, file };
        Ok(Arc::new(SealedFile(Arc::new(FileState { shared, len: AtomicU64::new(0), chunks: AtomicU64::new(0) }))))
    }
}

struct Shared {
    crypto: Arc<Crypto>,
    quota: Arc<Quota>,
    number: u64,
    file: File,
}

pub use rustydb_storage::build::BEYOND_LIMIT;

struct FileState {
    shared: Shared,
    /// Bytes written, and chunks.
    len: AtomicU64,
    chunks: AtomicU64,
}

impl Drop for FileState {
    fn drop(&mut self) {
        self.shared.quota.used.fetch_sub(self.len.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

fn failed(e: DbError) -> io::Error {
    io::Error::other(e.message.into_owned())
}

impl FileState {
    fn append(&self, content: &[u8]) -> io::Result<()> {
        let s = &self.shared;
        let mut chunk = Vec::with_capacity(content.len() + OVERHEAD);
        s.crypto
            .seal_chunk(s.number, self.chunks.fetch_add(1, Ordering::Relaxed), content, &mut chunk)
            .map_err(failed)?;
        let n = chunk.len() as u64;
        if s.quota.used.fetch_add(n, Ordering::Relaxed).saturating_add(n) > s.quota.limit {
            s.quota.used.fetch_sub(n, Ordering::Relaxed);
            return Err(io::Error::other(BEYOND_LIMIT));
        }
        // One writer at a time: DataFusion appends to a file from one place.
        let at = self.len.load(Ordering::Acquire);
        s.file.write_all_at(&chunk, at)?;
        self.len.store(at + n, Ordering::Release);
        Ok(())
    }

    /// The chunk at an offset and where the next one begins; `None` at the end of what is written.
    fn read(&self, at: u64, index: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        if at >= self.len.load(Ordering::Acquire) {
            return Ok(None);
        }
        let mut head = [0; 4];
        self.shared.file.read_exact_at(&mut head, at)?;
        let rest = Crypto::chunk_rest(head).map_err(failed)?;
        let mut chunk = vec![0; rest];
        self.shared.file.read_exact_at(&mut chunk, at + 4)?;
        let content = self.shared.crypto.open_chunk(self.shared.number, index, chunk).map_err(failed)?;
        Ok(Some((content, at + 4 + rest as u64)))
    }
}

struct SealedFile(Arc<FileState>);

impl SpillFile for SealedFile {
    fn size(&self) -> Option<u64> {
        Some(self.0.len.load(Ordering::Relaxed))
    }

    fn read_stream(
        &self,
    ) -> datafusion::error::Result<Pin<Box<dyn Stream<Item = datafusion::error::Result<bytes::Bytes>> + Send>>> {
        let file = Arc::clone(&self.0);
        let chunks = stream::try_unfold((file, 0u64, 0u64), |(file, at, index)| async move {
            let reader = Arc::clone(&file);
            let read = move || reader.read(at, index);
            let got = match tokio::runtime::Handle::try_current() {
                Ok(rt) => rt.spawn_blocking(read).await.map_err(io::Error::other)?,
                Err(_) => read(),
            }?;
            Ok::<_, io::Error>(got.map(|(content, next)| (bytes::Bytes::from(content), (file, next, index + 1))))
        });
        Ok(Box::pin(chunks.map(|c| c.map_err(DataFusionError::IoError))))
    }

    fn open_writer(&self) -> datafusion::error::Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer { file: Arc::clone(&self.0), buffer: Vec::new() }))
    }
}

struct Writer {
    file: Arc<FileState>,
    buffer: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == CHUNK {
            // What an earlier call could not write.
            self.flush()?;
        }
        let n = buf.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&buf[..n]);
        if self.buffer.len() == CHUNK {
            self.flush()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> datafusion::error::Result<()> {
        self.flush().map_err(DataFusionError::IoError)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A reader of an unfinished file would find it short and say so.
        let _unwritten = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustydb_storage::crypto::{KeySource, Secret};
    use rustydb_storage::io::IoMethod;

    /// Bytes written in pieces of any size come back, also those before the file is finished; the files of a query share
    /// their bound, and give it back.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_spilled_comes_back() {
        let dir = std::env::temp_dir().join(format!("rustydb-spill-test-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let io = rustydb_storage::io::open_dir(&dir, IoMethod::Worker).expect("I/O");
        let crypto = Crypto::create(&io, KeySource::Given(Secret::new([1; 32]))).await.expect("keys");
        let files = SealedFiles::new(crypto, Some(2 << 20));
        let read = async |f: &Arc<dyn SpillFile>| -> Vec<u8> {
            let parts: Vec<_> = f.read_stream().expect("a stream").collect().await;
            parts.into_iter().flat_map(|p| p.expect("sound").to_vec()).collect()
        };
        let file = files.create_temp_file("test").expect("a file");
        let mut w = file.open_writer().expect("a writer");
        let data: Vec<u8> = (0..900_000u32).map(|i| (i * 7) as u8).collect();
        for piece in data.chunks(70_001) {
            w.write_all(piece).expect("room");
        }
        w.flush().expect("room");
        assert!(read(&file).await == data, "before the end");
        w.write_all(b"end").expect("room");
        w.finish().expect("room");
        assert!(read(&file).await == [&data[..], b"end"].concat());
        assert!(file.size().is_some_and(|n| n > data.len() as u64));
        let other = files.create_temp_file("test").expect("a file");
        let mut w2 = other.open_writer().expect("a writer");
        let e = w2.write_all(&vec![0; 2 << 20]).expect_err("beyond the bound");
        assert_eq!(e.to_string(), BEYOND_LIMIT);
        drop((file, w));
        // The refused chunk comes first.
        w2.write_all(&vec![0; CHUNK]).expect("room again");
        let _ = std::fs::remove_dir_all(&dir);
    }
}
