//! The byte stream of one connection, shared between the session's work and the watch kept on the socket meanwhile.
//!
//! Both run in the same task: the session's future reads COPY data and writes answers, the watch reads ahead to notice
//! a client that went away. Each takes the lock for the length of one poll and never across an await, so the lock is
//! never contended; it is there because a future that crosses threads may not hold a bare reference to shared state.
//!
//! Invariants:
//! 1. Memory follows arrival: the read buffer grows by what came in (doubling), never by what a length field claims.
//! 2. Nothing is held while idle: an empty read buffer has no allocation.
//! 3. While a statement runs at most [`AHEAD`] bytes are read beyond it; then TCP's own window holds the client back.
//! 4. An answer that is left to be sent with others' leaves in one non-blocking call that holds the links concerned, or is
//!    sent by its own session; a link has at most one.
//! 5. While COPY reads, the watch keeps off the socket, so that only one of them is registered with it.

use super::frame::{self, BadHeader, HEADER, Phase};
use crate::ring::Send;
use bytes::{Buf, Bytes, BytesMut};
use futures::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use rustydb_base::{DbError, SqlState};
use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// Bytes read beyond the running statement.
pub const AHEAD: usize = 64 * 1024;
/// One read when nothing is known about what comes.
const CHUNK: usize = 8 * 1024;
/// One read at most.
const MAX_CHUNK: usize = 1024 * 1024;

/// Any byte stream a client can be on: TCP, Unix socket, TLS, or memory in tests.
pub trait Io: AsyncRead + AsyncWrite + std::marker::Send + Unpin {
    /// The socket, if bytes written to the stream go there as they are.
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Io for tokio::net::TcpStream {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

impl Io for tokio::net::UnixStream {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

impl Io for tokio::io::DuplexStream {}

/// What others may tell a connection, from any thread.
#[derive(Default)]
pub struct Signal {
    flags: AtomicU8,
    /// Wakes the connection while it waits for the client's next message.
    notify: Notify,
    /// Wakes a flush that waits for a client that does not read.
    flush: AtomicWaker,
}

impl Signal {
    const GONE: u8 = 1;
    const TERMINATE: u8 = 2;
    const DRAIN: u8 = 4;

    fn raise(&self, flag: u8) {
        self.flags.fetch_or(flag, Ordering::AcqRel);
        self.notify.notify_one();
        self.flush.wake();
    }
    fn has(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }
    /// The client can no longer be reached.
    pub fn client_gone(&self) {
        self.raise(Self::GONE);
    }
    /// Whether the client is known to be gone.
    pub fn is_client_gone(&self) -> bool {
        self.has(Self::GONE)
    }
    /// The session must end now.
    pub fn terminate(&self) {
        self.raise(Self::TERMINATE);
    }
    /// Whether the session must end now.
    pub fn is_terminated(&self) -> bool {
        self.has(Self::TERMINATE)
    }
    /// The session must end as soon as it is outside a transaction.
    pub fn drain(&self) {
        self.raise(Self::DRAIN);
    }
    /// Whether the session must end as soon as it is outside a transaction.
    pub fn is_draining(&self) -> bool {
        self.has(Self::DRAIN)
    }
    /// There is something to look at while the client is waited for.
    pub fn nudge(&self) {
        self.notify.notify_one();
    }
    /// Waits until something was raised. May return early; look at the flags.
    pub async fn raised(&self) {
        self.notify.notified().await;
    }
}

/// Why no message came.
#[derive(Debug)]
pub enum ReadEnd {
    /// The client closed or the connection failed.
    Gone,
    /// The next bytes cannot be a message of this phase.
    Bad(BadHeader),
    /// The server is short of memory for large messages.
    Memory,
}

/// One message.
#[derive(Debug)]
pub struct Frame {
    /// Type byte.
    pub tag: u8,
    /// Body, without type and length.
    pub body: Bytes,
}

/// See the module.
pub struct Link {
    state: Mutex<State>,
    signal: Arc<Signal>,
}

struct State {
    io: Box<dyn Io>,
    rbuf: BytesMut,
    /// Bytes to ask for in the next read; grows while reads fill it.
    chunk: usize,
    ended: bool,
    copy: bool,
    /// A write was cut short: the client has part of a message.
    torn: bool,
    /// Whole messages left to be sent together with other connections'.
    left: BytesMut,
    /// Why they could not be sent.
    left_failed: bool,
    reserved: Reserved,
    /// The message `reserved` stands for was handed out.
    delivered: bool,
}

/// A bound over all connections on messages that arrive or are being answered, so that many large messages together
/// cannot take the machine's memory. Messages up to [`IngestBudget::FREE`] are not counted.
pub struct IngestBudget {
    left: Mutex<usize>,
}

impl IngestBudget {
    /// Bytes a connection may hold without asking.
    pub const FREE: usize = 1024 * 1024;

    /// A budget of `bytes`.
    pub fn new(bytes: usize) -> IngestBudget {
        IngestBudget { left: Mutex::new(bytes) }
    }
    fn take(&self, bytes: usize) -> bool {
        let mut left = self.left.lock();
        match left.checked_sub(bytes) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
    fn give(&self, bytes: usize) {
        *self.left.lock() += bytes;
    }
}

/// Bytes of the budget held for a large message, from its arrival until the next one is asked for.
struct Reserved {
    budget: Arc<IngestBudget>,
    bytes: usize,
}

impl Reserved {
    /// Grows to `bytes`; whether the budget allowed it.
    fn grow(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        if more > 0 && !self.budget.take(more) {
            return false;
        }
        self.bytes += more;
        true
    }
    fn release(&mut self) {
        if self.bytes > 0 {
            self.budget.give(std::mem::take(&mut self.bytes));
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.release();
    }
}

impl Link {
    /// Takes over a stream.
    pub fn new(io: Box<dyn Io>, signal: Arc<Signal>, budget: Arc<IngestBudget>) -> Link {
        let reserved = Reserved { budget, bytes: 0 };
        let state = State {
            io,
            rbuf: BytesMut::new(),
            chunk: CHUNK,
            ended: false,
            copy: false,
            torn: false,
            left: BytesMut::new(),
            left_failed: false,
            reserved,
            delivered: false,
        };
        Link { state: Mutex::new(state), signal }
    }

    /// What others told this connection.
    pub fn signal(&self) -> &Arc<Signal> {
        &self.signal
    }

    /// The next message of a phase. Dropping the future loses nothing.
    pub async fn frame(&self, phase: Phase) -> Result<Frame, ReadEnd> {
        poll_fn(|cx| self.poll_frame(cx, phase)).await
    }

    fn poll_frame(&self, cx: &mut Context<'_>, phase: Phase) -> Poll<Result<Frame, ReadEnd>> {
        let mut s = self.state.lock();
        if std::mem::take(&mut s.delivered) {
            // Whoever asks for the next message is done with the one before.
            s.reserved.release();
        }
        loop {
            let need = match frame::total_len(phase, &s.rbuf) {
                Ok(Some(total)) if s.rbuf.len() >= total => {
                    s.delivered = true;
                    return Poll::Ready(Ok(s.cut(total)));
                }
                Ok(Some(total)) => total,
                Ok(None) => HEADER,
                Err(bad) => return Poll::Ready(Err(ReadEnd::Bad(bad))),
            };
            if s.ended {
                return Poll::Ready(Err(ReadEnd::Gone));
            }
            // The next step of growth, as far as it is beyond what every connection may have.
            let next = s.rbuf.len().saturating_mul(2).min(need);
            if !s.reserved.grow(next.saturating_sub(IngestBudget::FREE)) {
                return Poll::Ready(Err(ReadEnd::Memory));
            }
            if ready!(s.poll_fill(cx, need)).is_err() {
                self.signal.client_gone();
                return Poll::Ready(Err(ReadEnd::Gone));
            }
        }
    }

    /// Exactly `n` raw bytes, before the message protocol begins.
    pub async fn exact(&self, n: usize) -> Result<BytesMut, ReadEnd> {
        self.peek(n).await?;
        Ok(self.state.lock().rbuf.split_to(n))
    }

    /// Waits until `n` bytes have arrived and copies them without consuming.
    pub async fn peek(&self, n: usize) -> Result<Bytes, ReadEnd> {
        poll_fn(|cx| {
            let mut s = self.state.lock();
            loop {
                if let Some(head) = s.rbuf.get(..n) {
                    return Poll::Ready(Ok(Bytes::copy_from_slice(head)));
                }
                if s.ended || ready!(s.poll_fill(cx, n)).is_err() {
                    return Poll::Ready(Err(ReadEnd::Gone));
                }
            }
        })
        .await
    }

    /// Whether bytes arrived that nobody has consumed.
    pub fn has_buffered(&self) -> bool {
        !self.state.lock().rbuf.is_empty()
    }

    /// Whether part of a message was written and the rest not.
    pub fn is_torn(&self) -> bool {
        self.state.lock().torn
    }

    /// Marks the time in which [`Link::frame`] is called from within a statement.
    pub fn set_copy(&self, on: bool) {
        self.state.lock().copy = on;
    }

    /// Gives the stream back, with what was read of it and not consumed, to put TLS around it.
    pub fn into_stream(self) -> (Box<dyn Io>, BytesMut) {
        let s = self.state.into_inner();
        (s.io, s.rbuf)
    }

    /// Runs `work` while watching for a client that goes away; calls `on_gone` once if it does. `work` goes on: it is
    /// expected to end soon, its writes failing.
    pub async fn watched<F: Future>(&self, work: F, on_gone: impl FnOnce()) -> F::Output {
        let mut work = pin!(work);
        let mut on_gone = Some(on_gone);
        poll_fn(|cx| {
            if let Poll::Ready(v) = work.as_mut().poll(cx) {
                return Poll::Ready(v);
            }
            if on_gone.is_some()
                // The work may have used up tokio's budget of this task, and then a socket never looks ready.
                && pin!(tokio::task::unconstrained(poll_fn(|cx| self.poll_watch(cx)))).poll(cx).is_ready()
                && let Some(f) = on_gone.take()
            {
                self.signal.client_gone();
                f();
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await
    }

    /// Ready when the client is gone.
    fn poll_watch(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut s = self.state.lock();
        loop {
            if s.ended {
                return Poll::Ready(());
            }
            if s.copy || s.rbuf.len() >= AHEAD {
                return Poll::Pending;
            }
            let room = s.rbuf.len() + 1;
            if ready!(s.poll_fill(cx, room)).is_err() {
                return Poll::Ready(());
            }
        }
    }

    /// Writes all of `buf`, leaving it empty. Fails when the client is gone (08006) or the session was told to end
    /// (57P01) while the client does not read.
    pub async fn write_all(&self, buf: &mut BytesMut) -> Result<(), DbError> {
        let r = poll_fn(|cx| self.poll_write(cx, buf)).await;
        buf.clear();
        r
    }

    /// Leaves an answer to be sent together with others'; `false` (and nothing happens) if that cannot be done here.
    pub fn leave(&self, buf: &mut BytesMut) -> bool {
        let mut s = self.state.lock();
        let can = s.left.is_empty() && s.io.socket().is_some();
        if can {
            s.left = std::mem::take(buf);
        }
        can
    }

    /// Sends what was left and has not been sent meanwhile. Fails as [`Link::write_all`].
    pub async fn send_left(&self) -> Result<(), DbError> {
        let taken = poll_fn(|cx| {
            // Another worker that is sending it right now is not waited for by blocking this one.
            let Some(mut s) = self.state.try_lock() else {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            };
            Poll::Ready((std::mem::take(&mut s.left), std::mem::take(&mut s.left_failed)))
        });
        let (mut rest, failed) = taken.await;
        if failed {
            self.signal.client_gone();
            return Err(client_gone());
        }
        if rest.is_empty() { Ok(()) } else { self.write_all(&mut rest).await }
    }

    /// What was left, for whoever sends it; `None` if there is nothing or the link is in use.
    pub fn try_left(&self) -> Option<Left<'_>> {
        self.state.try_lock().filter(|s| !s.left.is_empty() && s.io.socket().is_some()).map(Left)
    }

    fn poll_write(&self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<Result<(), DbError>> {
        let mut s = self.state.lock();
        while !buf.is_empty() {
            match Pin::new(&mut s.io).poll_write(cx, buf) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    buf.advance(n);
                    s.torn = !buf.is_empty();
                }
                Poll::Ready(_) => {
                    self.signal.client_gone();
                    return Poll::Ready(Err(client_gone()));
                }
                Poll::Pending => return self.stalled(cx),
            }
        }
        match Pin::new(&mut s.io).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                s.torn = false;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => {
                self.signal.client_gone();
                Poll::Ready(Err(client_gone()))
            }
            Poll::Pending => {
                s.torn = true;
                self.stalled(cx)
            }
        }
    }

    fn stalled(&self, cx: &mut Context<'_>) -> Poll<Result<(), DbError>> {
        self.signal.flush.register(cx.waker());
        if self.signal.is_client_gone() {
            Poll::Ready(Err(client_gone()))
        } else if self.signal.is_terminated() {
            Poll::Ready(Err(terminated()))
        } else {
            Poll::Pending
        }
    }

    /// Ends the stream in order, so that the last bytes arrive: sends what TLS and TCP need to say goodbye.
    pub async fn shutdown(&self) {
        // The peer may be gone already; there is nobody left to tell.
        let _gone: io::Result<()> = poll_fn(|cx| Pin::new(&mut self.state.lock().io).poll_shutdown(cx)).await;
    }
}

/// An answer that was left, with its link held.
pub struct Left<'l>(MutexGuard<'l, State>);

impl Left<'_> {
    /// The send it takes.
    pub fn send(&self) -> Option<Send<'_>> {
        self.0.io.socket().map(|s| Send::new(s, &self.0.left))
    }

    /// Notes how the send ended. What it left over is its session's to send.
    pub fn sent(&mut self, done: io::Result<usize>) {
        match done {
            Ok(n) => {
                let s = &mut *self.0;
                s.left.advance(n.min(s.left.len()));
                s.torn = n > 0 && !s.left.is_empty();
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => {
                self.0.left.clear();
                self.0.left_failed = true;
            }
        }
    }
}

impl State {
    /// The message of `total` bytes at the front of the buffer.
    fn cut(&mut self, total: usize) -> Frame {
        let mut whole =
            if self.rbuf.len() == total { std::mem::take(&mut self.rbuf) } else { self.rbuf.split_to(total) };
        let tag = whole.first().copied().unwrap_or_default();
        whole.advance(HEADER.min(whole.len()));
        Frame { tag, body: whole.freeze() }
    }

    /// Reads at least one byte, on the way to `need` bytes in the buffer.
    fn poll_fill(&mut self, cx: &mut Context<'_>, need: usize) -> Poll<io::Result<()>> {
        let had = self.rbuf.len();
        let asked;
        let done = if had == 0 && self.chunk == CHUNK {
            // Nothing is held between messages: the bytes land on the stack first and only what came is kept.
            let mut space = [MaybeUninit::<u8>::uninit(); CHUNK];
            let mut rb = ReadBuf::uninit(&mut space);
            asked = CHUNK;
            let done = Pin::new(&mut self.io).poll_read(cx, &mut rb);
            self.rbuf.extend_from_slice(rb.filled());
            done
        } else {
            asked = need.saturating_sub(had).min(had.max(self.chunk)).max(self.chunk).min(MAX_CHUNK);
            self.rbuf.reserve(asked);
            let read = pin!(self.io.read_buf(&mut self.rbuf)).poll(cx).map_ok(|_| ());
            if read.is_pending() && self.rbuf.is_empty() {
                self.rbuf = BytesMut::new();
            }
            read
        };
        match done {
            Poll::Pending => {
                self.chunk = CHUNK;
                Poll::Pending
            }
            Poll::Ready(Ok(())) if self.rbuf.len() > had => {
                // A read that was filled announces more: a COPY or a long message. Fewer, larger reads then.
                let full = self.rbuf.len() - had >= asked;
                self.chunk = if full { (self.chunk * 2).min(AHEAD) } else { self.chunk };
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(())) => {
                self.ended = true;
                Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            Poll::Ready(Err(e)) => {
                self.ended = true;
                Poll::Ready(Err(e))
            }
        }
    }
}

/// 08006: there is nobody to write to.
pub fn client_gone() -> DbError {
    DbError::fatal(SqlState::CONNECTION_FAILURE, "connection to client lost")
}

/// 57P01.
pub fn terminated() -> DbError {
    DbError::fatal(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
}
