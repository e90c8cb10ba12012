//! Worker backend: a few threads calling pread, pwrite and fdatasync. Works everywhere; costs two thread hops per
//! operation. Its `Pool` also serves the io_uring backend's rare calls (open, rename, …).

use super::{AlignedBuf, DiskSpace, FileId, IO_IN_FLIGHT, Io, IoClass, OpenMode, QUEUE_DEPTH, os};
use crate::rt::{BoxFuture, near, oneshot};
use futures::FutureExt as _;
use parking_lot::{Condvar, Mutex};
use rustydb_base::{DbError, Result, SqlState};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Threads for page I/O.
const PAGE_THREADS: usize = 4;
/// Threads for the log: as many as it keeps writes in flight.
const LOG_THREADS: usize = 4;

/// A bounded pool of threads that run blocking calls in arrival order.
pub(super) struct Pool {
    queue: Arc<Queue>,
    permits: Arc<Semaphore>,
}

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    /// At most [`QUEUE_DEPTH`] long: every job holds a permit.
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Pool {
    pub(super) fn start(name: &str, threads: usize) -> Result<Pool> {
        let queue = Arc::new(Queue::default());
        let pool = Pool { queue: queue.clone(), permits: Arc::new(Semaphore::new(QUEUE_DEPTH)) };
        for i in 0..threads {
            let queue = queue.clone();
            std::thread::Builder::new()
                .name(format!("{name}-{i}"))
                .spawn(move || queue.serve())
                .map_err(|e| DbError::io("start an I/O thread", &e))?;
        }
        Ok(pool)
    }

    /// Runs `call` on a thread of the pool: queued at once when fewer than [`QUEUE_DEPTH`] are, else when the future
    /// is polled and its turn comes.
    pub(super) fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let (done, result) = oneshot::channel();
        let job = move |permit: OwnedSemaphorePermit| -> Job {
            Box::new(move || {
                let outcome = call();
                drop(permit);
                IO_IN_FLIGHT.add(-1);
                // The caller may have gone; the operation is done all the same.
                let _ = done.send(outcome);
            })
        };
        let queue = self.queue.clone();
        match self.permits.clone().try_acquire_owned() {
            Ok(permit) => {
                queue.push(job(permit));
                finish(result).boxed()
            }
            Err(_) => {
                let permits = self.permits.clone();
                async move {
                    queue.push(job(permits.acquire_owned().await.map_err(|_| stopped())?));
                    finish(result).await
                }
                .boxed()
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.state.lock().closed = true;
        self.queue.arrived.notify_all();
    }
}

/// Awaits the outcome of a submitted operation.
pub(super) async fn finish<T>(result: oneshot::Receiver<Result<T>>) -> Result<T> {
    result.await.map_err(|_| stopped())?
}

/// The error of an operation whose thread is gone.
pub(super) fn stopped() -> DbError {
    DbError::new(SqlState::IO_ERROR, "an I/O thread has stopped")
}

impl Queue {
    fn push(&self, job: Job) {
        IO_IN_FLIGHT.add(1);
        self.state.lock().jobs.push_back(job);
        self.arrived.notify_one();
    }

    /// A thread's life: take jobs until the pool is dropped and the queue is empty.
    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                parking_lot::MutexGuard::unlocked(&mut state, job);
            } else if state.closed {
                return;
            } else {
                self.arrived.wait(&mut state);
            }
        }
    }
}

/// See the module.
pub struct WorkerIo {
    root: Arc<PathBuf>,
    page: Pool,
    log: Pool,
}

impl WorkerIo {
    /// Starts the threads; paths are relative to `root`, which must exist.
    pub fn start(root: &Path) -> Result<Arc<WorkerIo>> {
        Ok(Arc::new(WorkerIo {
            root: Arc::new(root.to_owned()),
            page: Pool::start("page-io", PAGE_THREADS)?,
            log: Pool::start("log-io", LOG_THREADS)?,
        }))
    }

    fn pool(&self, file: &FileId) -> &Pool {
        match file.0.class {
            IoClass::Page => &self.page,
            IoClass::Log => &self.log,
        }
    }
}

/// The operations on names, alike for both real backends: `$pool` runs them below `$root`.
macro_rules! name_operations {
    ($root:ident, $pool:ident) => {
        fn open(&self, path: &str, mode: OpenMode) -> BoxFuture<'static, Result<FileId>> {
            let (root, path) = (self.$root.clone(), path.to_owned());
            self.$pool.run(move || os::open(&root, &path, mode))
        }
        fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, Result<()>> {
            let (root, from, to) = (self.$root.clone(), from.to_owned(), to.to_owned());
            self.$pool.run(move || os::rename(&root, &from, &to))
        }
        fn list(&self, dir: &str) -> BoxFuture<'static, Result<Vec<String>>> {
            let (root, dir) = (self.$root.clone(), dir.to_owned());
            self.$pool.run(move || os::list(&root, &dir))
        }
        fn mkdir(&self, dir: &str) -> BoxFuture<'static, Result<()>> {
            let (root, dir) = (self.$root.clone(), dir.to_owned());
            self.$pool.run(move || os::mkdir(&root, &dir))
        }
        fn sync_dir(&self, dir: &str) -> BoxFuture<'static, Result<()>> {
            let (root, dir) = (self.$root.clone(), dir.to_owned());
            self.$pool.run(move || os::sync_dir(&root, &dir))
        }
        fn space(&self) -> BoxFuture<'static, Result<Option<DiskSpace>>> {
            let root = self.$root.clone();
            self.$pool.run(move || os::space(&root))
        }
        fn set_len(&self, file: &FileId, len: u64) -> BoxFuture<'static, Result<()>> {
            let file = file.clone();
            self.$pool.run(move || os::set_len(&file, len))
        }
        fn len(&self, file: &FileId) -> BoxFuture<'static, Result<u64>> {
            let file = file.clone();
            self.$pool.run(move || os::len(&file))
        }
    };
}
pub(super) use name_operations;

impl Io for WorkerIo {
    name_operations!(root, page);

    fn read_cached(&self, file: &FileId, off: u64, buf: &mut AlignedBuf) -> bool {
        os::read_cached(file, off, buf)
    }
    fn read(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        let f = file.clone();
        self.pool(file).run(move || os::read(&f, off, buf))
    }
    fn write(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        match os::write_in_place(file, off, buf) {
            Ok(outcome) => futures::future::ready(outcome).boxed(),
            Err(buf) => {
                let f = file.clone();
                self.pool(file).run(move || os::write(&f, off, buf))
            }
        }
    }
    fn sync(&self, file: &FileId) -> BoxFuture<'static, Result<()>> {
        let f = file.clone();
        self.pool(file).run(move || os::sync(&f))
    }
    fn punch(&self, file: &FileId, off: u64, len: u64) -> BoxFuture<'static, Result<()>> {
        let f = file.clone();
        self.pool(file).run(move || os::punch(&f, off, len))
    }
    fn remove(&self, path: &str) -> BoxFuture<'static, Result<()>> {
        let (root, path) = (self.root.clone(), path.to_owned());
        self.page.run(move || os::remove(&root, &path))
    }
    fn method(&self) -> &'static str {
        "worker"
    }
    fn spawn_near(&self, name: &'static str, fut: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        near::spawn(name, fut)
    }
}
