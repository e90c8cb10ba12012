//! Live sessions by process id: where CancelRequest finds its target and shutdown finds everyone. Bounded by
//! max_connections, since a session is registered only while it holds a slot.

use crate::wire::link::Signal;
use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use rustydb_base::{DbError, Result};
use rustydb_engine::api::Canceller;
use rustydb_engine::scram::constant_time_eq;
use std::collections::HashMap;
use std::sync::Arc;

/// Secret of a session: 4 bytes in protocol 3.0, 32 from 3.2 on.
#[derive(Clone)]
pub struct CancelKey {
    bytes: [u8; 32],
    len: usize,
}

impl CancelKey {
    /// A random key for a protocol minor version.
    pub fn generate(minor: u16) -> Result<CancelKey> {
        let mut bytes = [0u8; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| DbError::internal("could not generate random cancel key"))?;
        Ok(CancelKey { bytes, len: if minor >= 2 { 32 } else { 4 } })
    }
    /// The bytes the client was given.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

struct Entry {
    key: CancelKey,
    canceller: Arc<dyn Canceller>,
    signal: Arc<Signal>,
}

/// See the module.
#[derive(Default)]
pub struct Registry {
    sessions: Mutex<HashMap<i32, Entry>>,
}

/// Keeps a session in the registry.
pub struct Registered {
    registry: Arc<Registry>,
    pid: i32,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let gone = self.registry.sessions.lock().remove(&self.pid);
        // Dropped after the lock is released: it may be the last holder of the session's parts.
        drop(gone);
    }
}

impl Registry {
    /// Adds a session until the guard is dropped.
    pub fn register(
        self: &Arc<Registry>,
        pid: i32,
        key: CancelKey,
        canceller: Arc<dyn Canceller>,
        signal: Arc<Signal>,
    ) -> Registered {
        self.sessions.lock().insert(pid, Entry { key, canceller, signal });
        Registered { registry: self.clone(), pid }
    }

    /// CancelRequest. A wrong pid or key is answered with silence, as a right one is.
    pub fn cancel(&self, pid: i32, key: &[u8]) {
        let target = {
            let sessions = self.sessions.lock();
            sessions.get(&pid).filter(|e| constant_time_eq(e.key.as_bytes(), key)).map(|e| e.canceller.clone())
        };
        match target {
            Some(c) => c.cancel(),
            None => tracing::info!("cancel request for process {pid} does not match any session"),
        }
    }

    /// Number of live sessions.
    pub fn len(&self) -> usize {
        self.sessions.lock().len()
    }

    /// Whether no session is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks every session to end once it is outside a transaction.
    pub fn drain(&self) {
        self.for_each(|e| e.signal.drain());
    }

    /// Tells every session to end now.
    pub fn terminate(&self) {
        self.for_each(|e| {
            e.canceller.terminate();
            e.signal.terminate();
        });
    }

    fn for_each(&self, f: impl Fn(&Entry)) {
        // Cancellers call into the engine, so they run outside the lock.
        let all: Vec<Entry> = self
            .sessions
            .lock()
            .values()
            .map(|e| Entry { key: e.key.clone(), canceller: e.canceller.clone(), signal: e.signal.clone() })
            .collect();
        all.iter().for_each(f);
    }
}
