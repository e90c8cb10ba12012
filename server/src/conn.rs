//! One authenticated connection: read a message, answer it, repeat. The loop decides what follows an error, when bytes
//! leave, and how a session ends; what each message means is in `wire`.

use crate::os;
use crate::wire::frame::{BadHeader, Phase};
use crate::wire::link::{Frame, ReadEnd, terminated};
use crate::wire::output::Wire;
use crate::wire::{batch, copy, encode, extended, simple};
use rustydb_base::{DbError, Result, Severity, SqlState};
use rustydb_engine::api::{Canceller, Ending, Output, SqlSession};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

/// How long a connection that ends may take to accept its last words.
const GOODBYE: Duration = Duration::from_secs(5);

/// A connection with its session.
pub struct Conn {
    /// The engine's side.
    pub session: Box<dyn SqlSession>,
    /// The client's side.
    pub wire: Wire,
    /// Stops the session's running statement.
    pub canceller: Arc<dyn Canceller>,
    /// An extended-protocol message failed: everything up to Sync is skipped.
    skipping: bool,
    /// There was a message of [`LARGE`] bytes, so that what it took is worth giving back.
    large: bool,
}

/// Size of a message after which freed memory goes back to the operating system at once.
const LARGE: usize = 16 << 20;

/// What follows a message that was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The next message.
    More,
    /// ReadyForQuery, then the next message.
    Ready,
    /// The client said goodbye.
    End,
}

/// How a session ends.
enum End {
    /// Nothing is to be said.
    Quiet,
    /// Nobody is there to be told.
    Gone,
    /// With these words.
    Say(DbError),
}

impl From<DbError> for End {
    fn from(e: DbError) -> End {
        End::Say(e)
    }
}

impl Conn {
    /// A connection whose startup is done.
    pub fn new(session: Box<dyn SqlSession>, wire: Wire, canceller: Arc<dyn Canceller>) -> Conn {
        Conn { session, wire, canceller, skipping: false, large: false }
    }

    /// Serves the connection until it ends, then closes the session. Answers the error that must stop the server, if
    /// that is what ended it.
    pub async fn run(mut self) -> Option<DbError> {
        let end = match self.serve().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        self.session.ends(match &end {
            End::Quiet => Ending::Normal,
            End::Gone => Ending::Abandoned,
            End::Say(_) => Ending::Fatal,
        });
        // First the session, so that locks and the transaction do not wait for a client that no longer reads.
        self.session.close().await;
        if self.large {
            os::trim_memory();
        }
        let mut fault = None;
        if let End::Say(err) = end {
            fault = (err.severity == Severity::Panic).then(|| err.clone());
            let err = match err.severity {
                Severity::Error => DbError { severity: Severity::Fatal, ..err },
                Severity::Fatal | Severity::Panic => err,
            };
            let _late = tokio::time::timeout(GOODBYE, self.wire.send_last(&err)).await;
        }
        let _late = tokio::time::timeout(GOODBYE, self.wire.link.shutdown()).await;
        fault
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        self.ready().await?;
        loop {
            let Frame { tag, body } = self.next().await?;
            if self.skipping && tag != b'S' && tag != b'X' {
                continue;
            }
            self.skipping = false;
            let large = body.len() >= LARGE;
            let answer = match tag {
                b'Q' => simple::query(self, body).await,
                b'P' => extended::parse(self, body).await,
                b'B' => extended::bind(self, body).await,
                b'D' => extended::describe(self, body).await,
                b'E' => extended::execute(self, body).await,
                b'C' => extended::close(self, &body),
                b'H' => extended::flush(self, &body).await,
                b'S' => extended::sync(self, &body).await,
                b'F' => simple::function_call(self, body).await,
                b'X' => Ok(Step::End),
                // The rest of a COPY that failed on our side: the client could not know yet.
                _ => Ok(Step::More),
            };
            self.wire.link.set_copy(false);
            if large {
                self.large = true;
                os::trim_memory();
            }
            if self.wire.signal().is_client_gone() {
                return Err(End::Gone);
            }
            match answer {
                Ok(Step::More) if self.wire.wants_flush() => self.wire.send().await?,
                Ok(Step::More) => {}
                Ok(Step::Ready) => self.ready().await?,
                Ok(Step::End) => return Err(End::Quiet),
                Err(e) if e.severity != Severity::Error => return Err(End::Say(e)),
                Err(e) => {
                    self.wire.error(&e);
                    if self.wire.out_of_sync {
                        return Err(End::Say(DbError::fatal(
                            SqlState::PROTOCOL_VIOLATION,
                            "terminating connection because protocol synchronization was lost",
                        )));
                    }
                    match tag {
                        b'Q' | b'F' | b'S' => self.ready().await?,
                        _ => self.skipping = true,
                    }
                }
            }
        }
    }

    /// Passes on what a decoder answered; a refusal happened outside the session, which must hear of it.
    pub fn check<T>(&mut self, decoded: Result<T>) -> Result<T> {
        if decoded.is_err() {
            self.session.fail_transaction();
        }
        decoded
    }

    /// ReadyForQuery, and everything before it, to the client.
    async fn ready(&mut self) -> Result<(), End> {
        self.session.notifications(&mut self.wire);
        encode::ready_for_query(&mut self.wire.buf, self.session.transaction_status());
        Ok(self.wire.send_with_others().await?)
    }

    /// The client's next message.
    async fn next(&mut self) -> Result<Frame, End> {
        let link = self.wire.link.clone();
        let mut frame = pin!(link.frame(Phase::Ready));
        if let std::task::Poll::Ready(frame) = futures::poll!(frame.as_mut()) {
            return received(frame);
        }
        // Now the connection is idle: it holds no buffer.
        self.wire.release();
        let frame = self.wait(frame).await;
        batch::taken_up();
        frame
    }

    /// Waits for the client's next message, for a signal, or for the session's time to run out.
    async fn wait(&mut self, mut frame: Pin<&mut impl Future<Output = Result<Frame, ReadEnd>>>) -> Result<Frame, End> {
        let link = self.wire.link.clone();
        let idle = self.session.transaction_status() == b'I';
        let limit = if idle { self.session.idle_timeout() } else { self.session.idle_in_transaction_timeout() };
        let mut expiry = pin!(limit.map(tokio::time::sleep));
        loop {
            let signal = link.signal();
            if signal.is_terminated() {
                return Err(End::Say(self.session.canceller().ending()));
            }
            if idle && signal.is_draining() {
                return Err(End::Say(terminated()));
            }
            let before = self.wire.buf.len();
            self.session.notifications(&mut self.wire);
            if self.wire.buf.len() > before {
                self.wire.send().await?;
                self.wire.release();
            }
            tokio::select! {
                biased;
                f = frame.as_mut() => return received(f),
                () = signal.raised() => {}
                () = async {
                    match expiry.as_mut().as_pin_mut() {
                        Some(sleep) => sleep.await,
                        None => std::future::pending().await,
                    }
                } => {
                    let (code, words) = if idle {
                        (SqlState::IDLE_SESSION_TIMEOUT, "terminating connection due to idle-session timeout")
                    } else {
                        (
                            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                            "terminating connection due to idle-in-transaction timeout",
                        )
                    };
                    return Err(End::Say(DbError::fatal(code, words)));
                }
            }
        }
    }
}

fn received(frame: Result<Frame, ReadEnd>) -> Result<Frame, End> {
    frame.map_err(|e| match e {
        ReadEnd::Gone => End::Gone,
        ReadEnd::Memory => End::Say(copy::memory()),
        ReadEnd::Bad(BadHeader::Type(tag)) => {
            End::Say(DbError::fatal(SqlState::PROTOCOL_VIOLATION, format!("invalid frontend message type {tag}")))
        }
        ReadEnd::Bad(BadHeader::Length) => {
            // As PostgreSQL: what follows cannot be trusted, not even to be read as the client's next message.
            tracing::info!("invalid message length");
            End::Quiet
        }
    })
}
