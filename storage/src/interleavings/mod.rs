//! Models of the places where threads meet without a larger lock: frames and the mapping, the log's front with its writer,
//! the hot ring, the lock table. The production code itself runs, under shuttle's scheduler, which chooses at every lock and
//! atomic who goes on; a failing schedule is printed and replays with `shuttle::replay`.
//!
//! `cargo test -p rustydb-storage --features shuttle --lib interleavings` tries 200 random schedules of each model and 200 with
//! few switches; `RUSTYDB_SHUTTLE=100000` sets another number. What this cannot see is weak memory: every atomic is sequentially consistent here.

mod latch;
mod lock;
mod log;
mod ring;

use crate::io::{AlignedBuf, FileId, Io, OpenMode, memory_file, memory_number};
use crate::rt::{BoxFuture, Runtime};
use futures::FutureExt as _;
use rustydb_base::{DbError, Result};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Tries a model under many schedules: random ones, and ones with few but well-chosen switches.
fn explore(model: impl Fn() + Send + Sync + Clone + 'static) {
    let n = std::env::var("RUSTYDB_SHUTTLE").ok().and_then(|v| v.parse().ok()).unwrap_or(200);
    shuttle::check_random(model.clone(), n);
    shuttle::check_pct(model, n, 3);
}

/// A runtime of shuttle's tasks. Time is a number of turns given to others.
struct ModelRuntime;

impl Runtime for ModelRuntime {
    fn spawn(&self, _: &'static str, fut: BoxFuture<'static, ()>) {
        drop(shuttle::future::spawn(fut));
    }
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        async {
            for _ in 0..3 {
                shuttle::future::yield_now().await;
            }
        }
        .boxed()
    }
    fn now_micros(&self) -> u64 {
        1
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn rng_u64(&self) -> u64 {
        4
    }
}

/// Files in memory. Operations complete in any order.
#[derive(Default)]
struct ModelIo(Arc<Mutex<Files>>);

#[derive(Default)]
struct Files {
    names: BTreeMap<String, u64>,
    content: Vec<Vec<u8>>,
}

impl ModelIo {
    fn at<T: Send + 'static>(
        &self,
        effect: impl FnOnce(&mut Files) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let files = self.0.clone();
        async move {
            shuttle::future::yield_now().await;
            let mut files = files.lock().expect("no operation panics");
            effect(&mut files)
        }
        .boxed()
    }
}

impl Files {
    fn of(&mut self, file: &FileId) -> &mut Vec<u8> {
        &mut self.content[memory_number(file) as usize]
    }
}

impl Io for ModelIo {
    fn open(&self, path: &str, mode: OpenMode) -> BoxFuture<'static, Result<FileId>> {
        let path = path.to_owned();
        self.at(move |f| {
            let number = match f.names.get(&path) {
                Some(n) => *n,
                None if mode.create => {
                    f.content.push(Vec::new());
                    let n = f.content.len() as u64 - 1;
                    f.names.insert(path.clone(), n);
                    n
                }
                None => return Err(DbError::internal(format!("no file {path}"))),
            };
            Ok(memory_file(&path, mode, number))
        })
    }
    fn read(&self, file: &FileId, off: u64, mut buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        let file = file.clone();
        self.at(move |f| {
            let bytes = f.of(&file);
            for (i, b) in buf.iter_mut().enumerate() {
                *b = bytes.get(off as usize + i).copied().unwrap_or(0);
            }
            Ok(buf)
        })
    }
    fn write(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        let file = file.clone();
        self.at(move |f| {
            let (bytes, off) = (f.of(&file), off as usize);
            bytes.resize(bytes.len().max(off + buf.len()), 0);
            bytes[off..off + buf.len()].copy_from_slice(&buf);
            Ok(buf)
        })
    }
    fn sync(&self, _: &FileId) -> BoxFuture<'static, Result<()>> {
        self.at(|_| Ok(()))
    }
    fn set_len(&self, file: &FileId, len: u64) -> BoxFuture<'static, Result<()>> {
        let file = file.clone();
        self.at(move |f| {
            f.of(&file).resize(len as usize, 0);
            Ok(())
        })
    }
    fn len(&self, file: &FileId) -> BoxFuture<'static, Result<u64>> {
        let file = file.clone();
        self.at(move |f| Ok(f.of(&file).len() as u64))
    }
    fn punch(&self, _: &FileId, _: u64, _: u64) -> BoxFuture<'static, Result<()>> {
        self.at(|_| Ok(()))
    }
    fn remove(&self, path: &str) -> BoxFuture<'static, Result<()>> {
        let path = path.to_owned();
        self.at(move |f| {
            f.names.remove(&path);
            Ok(())
        })
    }
    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, Result<()>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.at(move |f| {
            let n = f.names.remove(&from).ok_or_else(|| DbError::internal(format!("no file {from}")))?;
            f.names.insert(to, n);
            Ok(())
        })
    }
    fn list(&self, dir: &str) -> BoxFuture<'static, Result<Vec<String>>> {
        let dir = format!("{dir}/");
        self.at(move |f| Ok(f.names.keys().filter_map(|n| n.strip_prefix(&dir).map(str::to_owned)).collect()))
    }
    fn mkdir(&self, _: &str) -> BoxFuture<'static, Result<()>> {
        self.at(|_| Ok(()))
    }
    fn sync_dir(&self, _: &str) -> BoxFuture<'static, Result<()>> {
        self.at(|_| Ok(()))
    }
    fn method(&self) -> &'static str {
        "model"
    }
}
