//! What all connections share, and one connection's life from accepted stream to closed session.
//!
//! Bounds: sockets (2 × max_connections + 64, beyond which a new one is closed unread, so that CancelRequest still gets
//! through when every session slot is taken), session slots (max_connections; 53300 beyond), and memory for large
//! messages on their way in.

use crate::auth::Method;
use crate::auth::scram::MockSecret;
use crate::metrics;
use crate::registry::Registry;
use crate::wire::link::{IngestBudget, Io, Link};
use crate::wire::startup;
use bytes::BytesMut;
use futures::FutureExt;
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_engine::api::{Backend, PeerInfo};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

/// Numbers a server is configured with.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sessions at a time.
    pub max_connections: usize,
    /// Of these, kept for superusers.
    pub superuser_reserved: usize,
    /// From the first byte to the end of authentication.
    pub authentication_timeout: Duration,
    /// Bytes that messages above 1 MiB may take together while they arrive.
    pub ingest_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_connections: 5000,
            superuser_reserved: 3,
            authentication_timeout: Duration::from_secs(60),
            ingest_bytes: 4 << 30,
        }
    }
}

/// A session's place among max_connections.
pub struct SessionSlot(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// What all connections share.
pub struct Server {
    /// The engine.
    pub backend: Arc<dyn Backend>,
    /// Live sessions.
    pub registry: Arc<Registry>,
    /// Present when ssl is on.
    pub tls: Option<TlsAcceptor>,
    /// Secret of made-up SCRAM salts.
    pub mock: MockSecret,
    /// Configuration.
    pub limits: Limits,
    /// Memory for large messages on their way in.
    pub budget: Arc<IngestBudget>,
    slots: Arc<Semaphore>,
    sockets: Arc<Semaphore>,
    socket_limit: usize,
    stopping: AtomicBool,
    fault: Mutex<Option<DbError>>,
    fault_raised: Notify,
}

impl Server {
    /// A server over an engine.
    pub fn new(backend: Arc<dyn Backend>, tls: Option<TlsAcceptor>, mock: MockSecret, limits: Limits) -> Arc<Server> {
        let socket_limit = limits.max_connections.saturating_mul(2).saturating_add(64).min(Semaphore::MAX_PERMITS);
        Arc::new(Server {
            backend,
            registry: Arc::default(),
            tls,
            mock,
            budget: Arc::new(IngestBudget::new(limits.ingest_bytes)),
            slots: Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS))),
            sockets: Arc::new(Semaphore::new(socket_limit)),
            socket_limit,
            stopping: AtomicBool::new(false),
            fault: Mutex::new(None),
            fault_raised: Notify::new(),
            limits,
        })
    }

    /// A session slot, or 53300.
    pub fn admit(&self) -> Result<SessionSlot> {
        if self.is_stopping() {
            return Err(DbError::fatal(SqlState::CANNOT_CONNECT_NOW, "the database system is shutting down"));
        }
        self.slots.clone().try_acquire_owned().map(SessionSlot).map_err(|_| {
            metrics::TURNED_AWAY.inc();
            DbError::fatal(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already")
        })
    }

    /// Fails when only slots kept for superusers are left.
    pub fn check_reserved(&self) -> Result<()> {
        if self.slots.available_permits() >= self.limits.superuser_reserved {
            return Ok(());
        }
        metrics::TURNED_AWAY.inc();
        Err(DbError::fatal(
            SqlState::TOO_MANY_CONNECTIONS,
            "remaining connection slots are reserved for non-replication superuser connections",
        ))
    }

    /// Whether new sessions are refused because the server is shutting down.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Refuses new sessions and asks the live ones to end once they are outside a transaction.
    pub fn drain(&self) {
        self.stopping.store(true, Ordering::Release);
        self.registry.drain();
    }

    /// Refuses new sessions and ends the live ones.
    pub fn terminate(&self) {
        self.stopping.store(true, Ordering::Release);
        self.registry.terminate();
    }

    /// Waits until no connection is open.
    pub async fn emptied(&self) {
        // The only error is a closed semaphore, and nobody closes it.
        let _all = self.sockets.acquire_many(u32::try_from(self.socket_limit).unwrap_or(u32::MAX)).await;
    }

    /// Takes an error of severity Panic: the server must stop. The first one is kept.
    pub fn raise_fault(&self, e: DbError) {
        self.fault.lock().get_or_insert(e);
        self.fault_raised.notify_waiters();
    }

    /// Waits for an error that must stop the server.
    pub async fn faulted(&self) -> DbError {
        loop {
            let raised = self.fault_raised.notified();
            if let Some(e) = self.fault.lock().clone() {
                return e;
            }
            raised.await;
        }
    }

    /// Serves one accepted stream in a task of its own. A panic ends that session and no other.
    pub fn spawn(self: &Arc<Server>, io: Box<dyn Io>, peer: PeerInfo, method: Method) {
        let Ok(socket) = self.sockets.clone().try_acquire_owned() else {
            metrics::TURNED_AWAY.inc();
            tracing::warn!("too many open connections: closing a new one unread");
            return;
        };
        metrics::ACCEPTED.inc();
        metrics::CONNECTIONS.add(1);
        let server = self.clone();
        tokio::spawn(async move {
            server.guarded(io, peer, method).await;
            metrics::CONNECTIONS.add(-1);
            drop(socket);
        });
    }

    async fn guarded(self: Arc<Server>, io: Box<dyn Io>, peer: PeerInfo, method: Method) {
        let seen: OnceLock<Arc<Link>> = OnceLock::new();
        let work = self.connection(io, peer, method, &seen);
        // Unwinding drops the session, which rolls back; nothing else of it is reachable afterwards but its stream.
        if AssertUnwindSafe(work).catch_unwind().await.is_ok() {
            return;
        }
        metrics::PANICS.inc();
        tracing::error!("a session ended by a bug in the server");
        if let Some(link) = seen.get().filter(|l| !l.is_torn()) {
            let mut buf = BytesMut::new();
            let e = DbError::fatal(SqlState::INTERNAL_ERROR, "the session ended because of a bug in the server")
                .hint("Other sessions are not affected. The server's log has more.");
            crate::wire::error::error_response(&mut buf, &e);
            let _late = tokio::time::timeout(Duration::from_secs(5), async {
                let _gone: Result<()> = link.write_all(&mut buf).await;
                link.shutdown().await;
            })
            .await;
        }
    }

    async fn connection(
        self: &Arc<Server>,
        io: Box<dyn Io>,
        peer: PeerInfo,
        method: Method,
        seen: &OnceLock<Arc<Link>>,
    ) {
        // Startup is boxed: its state is large, and most of a connection's life is spent after it.
        let starting = startup::start(self, io, peer, method, |link| {
            seen.get_or_init(|| link.clone());
        });
        let Some(started) = Box::pin(starting).await else { return };
        let startup::Started { conn, registered, slot } = started;
        let fault = conn.run().await;
        drop(registered);
        drop(slot);
        if let Some(e) = fault {
            self.raise_fault(e);
        }
    }
}
