//! LISTEN and NOTIFY: who listens to what, and the way of a message from one session to the others.
//!
//! A transaction collects its messages ([`Pending`]); at commit they are published to the sessions of the same database
//! that listen then. Commits that publish or change what is listened to pass one by one ([`Hub::order`]), so messages
//! arrive in the order of the commits and a committed LISTEN misses nothing that commits after it. A session takes its
//! messages when it is outside a transaction ([`Inbox`]).
//!
//! Bound: [`MOST_BYTES`] of messages not yet taken by all their receivers. A commit whose messages do not fit fails with
//! 54000 and is rolled back, as in PostgreSQL when its queue is full.

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use rustydb_base::{DbError, Lsn, Result, SqlState};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Messages that wait, in bytes.
const MOST_BYTES: usize = 256 << 20;
/// Longest channel name and payload, as PostgreSQL's.
const MAX_CHANNEL: usize = 63;
const MAX_PAYLOAD: usize = 7999;
/// What a message takes beside its text.
const OVERHEAD: usize = 96;

/// A message on its way.
pub struct Message {
    /// Process that sent it.
    pub pid: i32,
    /// Channel.
    pub channel: String,
    /// Payload.
    pub payload: String,
    /// The receiver may be told when the log is stable up to here: the sender's commit.
    pub lsn: Lsn,
    used: Arc<AtomicUsize>,
}

impl Drop for Message {
    fn drop(&mut self) {
        self.used.fetch_sub(size(&self.channel, &self.payload), Ordering::AcqRel);
    }
}

fn size(channel: &str, payload: &str) -> usize {
    channel.len() + payload.len() + OVERHEAD
}

/// Messages a session has not taken yet, and how to wake it.
#[derive(Default)]
pub struct Inbox {
    queue: Mutex<VecDeque<Arc<Message>>>,
    wake: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
}

impl Inbox {
    /// Called (from any thread) when a message comes.
    pub fn on_message(&self, f: Box<dyn Fn() + Send + Sync>) {
        *self.wake.lock() = Some(f);
    }

    /// The messages that have come.
    pub fn take(&self) -> VecDeque<Arc<Message>> {
        std::mem::take(&mut *self.queue.lock())
    }

    fn put(&self, m: Arc<Message>) {
        self.queue.lock().push_back(m);
        if let Some(f) = &*self.wake.lock() {
            f();
        }
    }
}

/// The listeners of all databases.
#[derive(Default)]
pub struct Hub {
    /// Held from before a commit until its messages are published.
    pub order: tokio::sync::Mutex<()>,
    /// By database and channel.
    listeners: Mutex<HashMap<(u32, String), Vec<(i32, Arc<Inbox>)>>>,
    used: Arc<AtomicUsize>,
}

impl Hub {
    /// Reserves room for a transaction's messages; 54000 if there is none.
    pub fn reserve(&self, pending: &Pending) -> Result<()> {
        if self.used.fetch_add(pending.bytes, Ordering::AcqRel).saturating_add(pending.bytes) <= MOST_BYTES {
            return Ok(());
        }
        self.release(pending);
        Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many notifications in the NOTIFY queue"))
    }

    /// The commit has failed: gives the room back.
    pub fn release(&self, pending: &Pending) {
        self.used.fetch_sub(pending.bytes, Ordering::AcqRel);
    }

    /// Gives the messages of a committed transaction to who listens. Room was reserved for them.
    pub fn publish(&self, db: u32, pid: i32, pending: Pending, lsn: Lsn) {
        let listeners = self.listeners.lock();
        for (channel, payload) in pending.messages {
            let m = Arc::new(Message { pid, channel, payload, lsn, used: Arc::clone(&self.used) });
            let found = listeners.get(&(db, m.channel.clone()));
            for (_, inbox) in found.into_iter().flatten() {
                inbox.put(Arc::clone(&m));
            }
        }
    }

    /// A session listens to a channel from now on.
    pub fn listen(&self, db: u32, channel: &str, pid: i32, inbox: &Arc<Inbox>) {
        let mut all = self.listeners.lock();
        let list = all.entry((db, channel.to_owned())).or_default();
        if !list.iter().any(|l| l.0 == pid) {
            list.push((pid, Arc::clone(inbox)));
        }
    }

    /// A session does not listen to a channel any more.
    pub fn unlisten(&self, db: u32, channel: &str, pid: i32) {
        let mut all = self.listeners.lock();
        let key = (db, channel.to_owned());
        if let Some(list) = all.get_mut(&key) {
            list.retain(|l| l.0 != pid);
            if list.is_empty() {
                all.remove(&key);
            }
        }
    }

    /// Part of the room that is taken.
    pub fn usage(&self) -> f64 {
        self.used.load(Ordering::Acquire) as f64 / MOST_BYTES as f64
    }
}

/// What a transaction does to its session's channels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listening {
    /// LISTEN.
    To(String),
    /// UNLISTEN.
    NotTo(String),
    /// UNLISTEN *.
    Nothing,
}

/// What a transaction will have said and done at its commit.
#[derive(Default)]
pub struct Pending {
    messages: Vec<(String, String)>,
    seen: HashSet<(String, String)>,
    listening: Vec<Listening>,
    bytes: usize,
    /// Lengths of both lists when each open level began.
    levels: Vec<(usize, usize)>,
}

impl Pending {
    /// NOTIFY: a message that was sent before in this transaction is not sent twice.
    pub fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        let refuse = |m: &'static str| Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, m));
        if channel.is_empty() {
            return refuse("channel name cannot be empty");
        }
        if channel.len() > MAX_CHANNEL {
            return refuse("channel name too long");
        }
        if payload.len() > MAX_PAYLOAD {
            return refuse("payload string too long");
        }
        let m = (channel.to_owned(), payload.to_owned());
        if self.seen.insert(m.clone()) {
            self.bytes += size(channel, payload);
            if self.bytes > MOST_BYTES {
                return Err(DbError::new(
                    SqlState::PROGRAM_LIMIT_EXCEEDED,
                    "too many notifications in the NOTIFY queue",
                ));
            }
            self.messages.push(m);
        }
        Ok(())
    }

    /// LISTEN and UNLISTEN.
    pub fn listening(&mut self, l: Listening) {
        // Only the last word counts, so a repeated one need not be kept.
        if self.listening.last() != Some(&l) {
            self.listening.push(l);
        }
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.listening.is_empty()
    }

    /// What is to be done to the session's channels.
    pub fn take_listening(&mut self) -> Vec<Listening> {
        std::mem::take(&mut self.listening)
    }

    /// A transaction or savepoint begins.
    pub fn push_level(&mut self) {
        self.levels.push((self.messages.len(), self.listening.len()));
    }

    /// The levels from `depth` on roll back.
    pub fn roll_back_level(&mut self, depth: usize) {
        if let Some((messages, listening)) = self.levels.get(depth).copied() {
            for m in self.messages.drain(messages..) {
                self.bytes -= size(&m.0, &m.1);
                self.seen.remove(&m);
            }
            self.listening.truncate(listening);
        }
        self.levels.truncate(depth);
    }

    /// The levels from `depth` on are part of the one before.
    pub fn release_level(&mut self, depth: usize) {
        self.levels.truncate(depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sent_once_and_go_with_their_level() {
        let mut p = Pending::default();
        p.push_level();
        p.notify("a", "1").expect("fits");
        p.notify("a", "1").expect("fits");
        p.push_level();
        p.notify("a", "2").expect("fits");
        p.listening(Listening::To("a".into()));
        p.roll_back_level(1);
        assert!(p.take_listening().is_empty());
        p.notify("a", "2").expect("fits");
        assert_eq!(p.messages.len(), 2);
        assert_eq!(p.bytes, 2 * size("a", "1"));
        assert!(p.notify("", "x").is_err());
        assert!(p.notify("a", &"x".repeat(8000)).is_err());
        p.roll_back_level(0);
        assert!(p.is_empty() && p.bytes == 0);
    }

    #[test]
    fn room_is_given_back_when_the_last_receiver_has_taken_a_message() {
        let hub = Hub::default();
        let (one, two) = (Arc::new(Inbox::default()), Arc::new(Inbox::default()));
        hub.listen(5, "c", 1, &one);
        hub.listen(5, "c", 2, &two);
        hub.listen(6, "c", 3, &two);
        let mut p = Pending::default();
        p.notify("c", "hello").expect("fits");
        hub.reserve(&p).expect("there is room");
        hub.publish(5, 9, p, Lsn(3));
        assert!(hub.usage() > 0.0);
        assert_eq!(one.take().len(), 1);
        assert_eq!(two.take().iter().map(|m| (m.pid, m.payload.as_str())).collect::<Vec<_>>(), [(9, "hello")]);
        assert_eq!(hub.usage(), 0.0);
        hub.unlisten(5, "c", 1);
        hub.unlisten(5, "c", 2);
        assert_eq!(hub.listeners.lock().len(), 1);
    }
}
