//! io_uring backend: one thread for pages and one for the log, each running a tokio-uring runtime.
//!
//! Idea: callers send an operation over a bounded channel and await a oneshot; the thread turns it into a ring entry,
//! all entries of one round are submitted together when the thread parks. tokio-uring's operations are `!Send`, so
//! they never leave their thread. The log writer has a thread of its own ([`super::Io::spawn_near`]) and writes small
//! batches itself: the path of a commit is session → log writer → kernel → log writer → session, with no hop in between.
//!
//! Each thread keeps its own duplicate of every file descriptor it has used; entries whose handle is gone are swept
//! when a file is removed and when the cache has doubled. Opening, renaming and other calls on names go to two plain
//! threads.

use super::file::OpenFile;
use super::worker::{Pool, finish, name_operations, stopped};
use super::{
    AlignedBuf, BLOCK, DiskSpace, FileId, IO_IN_FLIGHT, IO_READ_BYTES, IO_SYNCS, IO_WRITE_BYTES, Io, IoClass, OpenMode,
    QUEUE_DEPTH, os,
};
use crate::rt::{BoxFuture, near, oneshot};
use futures::FutureExt as _;
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_uring::buf::BoundedBuf as _;

/// Ring entries per thread: more than the queue depth, so that a submission never finds the ring full.
const RING_ENTRIES: u32 = 256;
const _: () = assert!(QUEUE_DEPTH < RING_ENTRIES as usize);

/// Descriptors a thread caches before it first looks for dead ones.
const SWEEP_AT_LEAST: usize = 64;

/// What a caller asks of a ring thread.
enum Call {
    Read { file: FileId, off: u64, buf: AlignedBuf, done: oneshot::Sender<Result<AlignedBuf>> },
    Write { file: FileId, off: u64, buf: AlignedBuf, done: oneshot::Sender<Result<AlignedBuf>> },
    Sync { file: FileId, done: oneshot::Sender<Result<()>> },
    Punch { file: FileId, off: u64, len: u64, done: oneshot::Sender<Result<()>> },
    Sweep,
}

/// A call and its place in the queue depth; the place is given back on completion.
struct Message(Call, OwnedSemaphorePermit);

/// The sending side of one ring thread.
struct Ring {
    calls: mpsc::Sender<Message>,
    permits: Arc<Semaphore>,
}

impl Ring {
    /// Starts the thread and waits until its ring works: created, a no-op done, and a write and read of `probe` equal.
    fn start(name: &'static str, probe: FileId) -> Result<Ring> {
        // Every message holds a permit, so this capacity is never exceeded.
        let (calls, incoming) = mpsc::channel(QUEUE_DEPTH);
        let permits = Arc::new(Semaphore::new(QUEUE_DEPTH));
        let (ready, started) = std::sync::mpsc::channel();
        let all = permits.clone();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let runtime = match tokio_uring::Runtime::new(tokio_uring::builder().entries(RING_ENTRIES)) {
                    Ok(runtime) => runtime,
                    Err(e) => {
                        let _ = ready.send(Err(DbError::io("create an io_uring", &e)));
                        return;
                    }
                };
                runtime.block_on(async move {
                    let outcome = self_test(probe).await;
                    let usable = outcome.is_ok();
                    let _ = ready.send(outcome);
                    if usable {
                        serve(incoming, all).await;
                    }
                });
            })
            .map_err(|e| DbError::io("start an I/O thread", &e))?;
        started.recv().map_err(|_| stopped())??;
        Ok(Ring { calls, permits })
    }

    /// Sends the call at once when the queue has room, else when the future is polled and its turn comes.
    fn submit<T: Send + 'static>(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<T>>) -> Call,
    ) -> BoxFuture<'static, Result<T>> {
        let (done, result) = oneshot::channel();
        let call = make(done);
        match self.permits.clone().try_acquire_owned() {
            Ok(permit) => match send(&self.calls, call, permit) {
                Ok(()) => finish(result).boxed(),
                Err(e) => futures::future::ready(Err(e)).boxed(),
            },
            Err(_) => {
                let (calls, permits) = (self.calls.clone(), self.permits.clone());
                async move {
                    let permit = permits.acquire_owned().await.map_err(|_| stopped())?;
                    send(&calls, call, permit)?;
                    finish(result).await
                }
                .boxed()
            }
        }
    }
}

fn send(calls: &mpsc::Sender<Message>, call: Call, permit: OwnedSemaphorePermit) -> Result<()> {
    IO_IN_FLIGHT.add(1);
    calls.try_send(Message(call, permit)).map_err(|_| {
        IO_IN_FLIGHT.add(-1);
        stopped()
    })
}

/// Proves that this thread's ring can do what the backend needs.
async fn self_test(probe: FileId) -> Result<()> {
    let failed = |e: std::io::Error| DbError::io("use an io_uring", &e);
    tokio_uring::no_op().await.map_err(failed)?;
    let file = tokio_uring::fs::File::from_std(os::std_file(&probe)?.try_clone().map_err(failed)?);
    let mut buf = AlignedBuf::zeroed(BLOCK);
    buf.fill(0x5a);
    let buf = write(&file, &probe, 0, buf).await?;
    file.sync_data().await.map_err(failed)?;
    let back = read(&file, &probe, 0, AlignedBuf::zeroed(BLOCK)).await?;
    if back[..] != buf[..] {
        return Err(DbError::new(SqlState::IO_ERROR, "io_uring read back something else than was written"));
    }
    Ok(())
}

/// The ring thread's life: take calls until every sender is gone, then wait for those under way.
async fn serve(mut incoming: mpsc::Receiver<Message>, all: Arc<Semaphore>) {
    let mut files = Files::default();
    while let Some(Message(call, permit)) = incoming.recv().await {
        match call {
            Call::Read { file, off, buf, done } => match files.get(&file) {
                Ok(f) => start(permit, done, async move { read(&f, &file, off, buf).await }),
                Err(e) => fail(permit, done, e),
            },
            Call::Write { file, off, buf, done } => match files.get(&file) {
                Ok(f) => start(permit, done, async move { write(&f, &file, off, buf).await }),
                Err(e) => fail(permit, done, e),
            },
            Call::Sync { file, done } => match files.get(&file) {
                Ok(f) => start(permit, done, async move {
                    IO_SYNCS.inc();
                    f.sync_data().await.map_err(|e| os::sync_error(&file, &e))
                }),
                Err(e) => fail(permit, done, e),
            },
            Call::Punch { file, off, len, done } => match files.get(&file) {
                Ok(f) => start(permit, done, async move { punch(&f, &file, off, len).await }),
                Err(e) => fail(permit, done, e),
            },
            Call::Sweep => {
                release(permit);
                files.sweep();
            }
        }
    }
    // Every operation holds a permit until it has completed.
    let _ = all.acquire_many(QUEUE_DEPTH as u32).await;
}

fn release(permit: OwnedSemaphorePermit) {
    drop(permit);
    IO_IN_FLIGHT.add(-1);
}

fn fail<T>(permit: OwnedSemaphorePermit, done: oneshot::Sender<Result<T>>, e: DbError) {
    release(permit);
    let _ = done.send(Err(e));
}

/// Runs one operation as a task of this thread.
fn start<T: 'static>(
    permit: OwnedSemaphorePermit,
    done: oneshot::Sender<Result<T>>,
    operation: impl Future<Output = Result<T>> + 'static,
) {
    drop(tokio_uring::spawn(async move {
        let outcome = operation.await;
        release(permit);
        // The caller may have gone; the operation is done all the same.
        let _ = done.send(outcome);
    }));
}

async fn read(f: &tokio_uring::fs::File, file: &FileId, off: u64, mut buf: AlignedBuf) -> Result<AlignedBuf> {
    let mut done = 0;
    while done < buf.len() {
        let (outcome, slice) = f.read_at(buf.slice(done..), off + done as u64).await;
        buf = slice.into_inner();
        match outcome {
            Ok(0) => break,
            Ok(n) => {
                done += n;
                if os::ends_inside_block(file, done) {
                    break;
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(os::read_error(file, off, &e)),
        }
    }
    buf[done..].fill(0);
    IO_READ_BYTES.add(done as u64);
    Ok(buf)
}

async fn write(f: &tokio_uring::fs::File, file: &FileId, off: u64, mut buf: AlignedBuf) -> Result<AlignedBuf> {
    let mut done = 0;
    while done < buf.len() {
        let (outcome, slice) = f.write_at(buf.slice(done..), off + done as u64).submit().await;
        buf = slice.into_inner();
        match outcome {
            Ok(0) => return Err(os::write_error(file, off, &ErrorKind::WriteZero.into())),
            Ok(n) => done += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(os::write_error(file, off, &e)),
        }
    }
    IO_WRITE_BYTES.add(buf.len() as u64);
    Ok(buf)
}

async fn punch(f: &tokio_uring::fs::File, file: &FileId, off: u64, len: u64) -> Result<()> {
    let flags = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    match f.fallocate(off, len, flags).await {
        // A file system without holes: zeros read the same.
        Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => os::zero_range(file, off, len),
        other => other.map_err(|e| os::write_error(file, off, &e)),
    }
}

/// This thread's descriptors by handle id.
#[derive(Default)]
struct Files {
    open: HashMap<u64, (Weak<OpenFile>, Rc<tokio_uring::fs::File>)>,
    sweep_at: usize,
}

impl Files {
    fn get(&mut self, file: &FileId) -> Result<Rc<tokio_uring::fs::File>> {
        if let Some((_, f)) = self.open.get(&file.0.id) {
            return Ok(f.clone());
        }
        if self.open.len() >= self.sweep_at.max(SWEEP_AT_LEAST) {
            self.sweep();
        }
        let copy = os::std_file(file)?.try_clone();
        let copy = copy.map_err(|e| DbError::io(format_args!("duplicate the handle of \"{}\"", file.path()), &e))?;
        let f = Rc::new(tokio_uring::fs::File::from_std(copy));
        self.open.insert(file.0.id, (Arc::downgrade(&file.0), f.clone()));
        Ok(f)
    }

    /// Closes the descriptors whose handles are gone.
    fn sweep(&mut self) {
        self.open.retain(|_, (handle, _)| handle.strong_count() > 0);
        self.sweep_at = self.open.len() * 2;
    }
}

/// See the module.
pub struct UringIo {
    root: Arc<PathBuf>,
    page: Ring,
    log: Ring,
    /// For calls on names.
    names: Pool,
}

impl UringIo {
    /// Starts the threads and probes their rings on a scratch file; fails where io_uring is not usable.
    pub fn start(root: &Path) -> Result<Arc<UringIo>> {
        let scratch = format!("io_probe.{}", std::process::id());
        let mode = OpenMode { create: true, direct: true, ..OpenMode::default() };
        let probe = os::open(root, &scratch, mode)?;
        let rings = Ring::start("page-io", probe.clone()).and_then(|page| Ok((page, Ring::start("log-io", probe)?)));
        os::remove(root, &scratch)?;
        let (page, log) = rings?;
        Ok(Arc::new(UringIo { root: Arc::new(root.to_owned()), page, log, names: Pool::start("name-io", 2)? }))
    }

    fn ring(&self, class: IoClass) -> &Ring {
        match class {
            IoClass::Page => &self.page,
            IoClass::Log => &self.log,
        }
    }
}

impl Io for UringIo {
    name_operations!(root, names);

    fn read_cached(&self, file: &FileId, off: u64, buf: &mut AlignedBuf) -> bool {
        os::read_cached(file, off, buf)
    }
    fn read(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        self.ring(file.0.class).submit(|done| Call::Read { file: file.clone(), off, buf, done })
    }
    fn write(&self, file: &FileId, off: u64, buf: AlignedBuf) -> BoxFuture<'static, Result<AlignedBuf>> {
        match os::write_in_place(file, off, buf) {
            Ok(outcome) => futures::future::ready(outcome).boxed(),
            Err(buf) => self.ring(file.0.class).submit(|done| Call::Write { file: file.clone(), off, buf, done }),
        }
    }
    fn sync(&self, file: &FileId) -> BoxFuture<'static, Result<()>> {
        self.ring(file.0.class).submit(|done| Call::Sync { file: file.clone(), done })
    }
    fn punch(&self, file: &FileId, off: u64, len: u64) -> BoxFuture<'static, Result<()>> {
        self.ring(file.0.class).submit(|done| Call::Punch { file: file.clone(), off, len, done })
    }
    fn remove(&self, path: &str) -> BoxFuture<'static, Result<()>> {
        let (root, path) = (self.root.clone(), path.to_owned());
        let rings: Vec<_> = [&self.page, &self.log].map(|r| (r.calls.clone(), r.permits.clone())).into();
        self.names.run(move || {
            os::remove(&root, &path)?;
            for (calls, permits) in rings {
                // A ring too busy to take the message sweeps soon enough by itself.
                if let Ok(permit) = permits.try_acquire_owned() {
                    let _ = send(&calls, Call::Sweep, permit);
                }
            }
            Ok(())
        })
    }
    fn method(&self) -> &'static str {
        "io_uring"
    }
    fn spawn_near(&self, name: &'static str, fut: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        near::spawn(name, fut)
    }
}
