//! How long a session works and waits, and how it ends.

use super::DatabaseCounters;

/// How a session ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Its client said so.
    Normal,
    /// Its client went without a word.
    Abandoned,
    /// By an error.
    Fatal,
    /// An operator wanted it.
    Killed,
}

/// Times of a session, microseconds since 2000.
#[derive(Default, Debug)]
pub struct Clock {
    /// Since when it works; 0 if it does not.
    working: i64,
    /// Since when it waits for its client.
    waiting: i64,
    /// Up to when its time is counted.
    counted: i64,
    active: i64,
    idle: i64,
}

impl Clock {
    /// The session begins.
    pub fn begin(now: i64) -> Clock {
        Clock { counted: now, waiting: now, ..Clock::default() }
    }

    /// It works for its client; `inside` a transaction block.
    pub fn work(&mut self, now: i64, inside: bool) {
        if self.working == 0 {
            self.working = now;
            if inside {
                self.idle += (now - self.waiting).max(0);
            }
        }
    }

    /// It has nothing left to do.
    pub fn wait(&mut self, now: i64) {
        if self.working != 0 {
            self.active += (now - self.working).max(0);
            self.working = 0;
        }
        self.waiting = now;
    }

    pub(super) fn take(&mut self, now: i64, d: &mut DatabaseCounters) {
        d.session_time += (now - self.counted).max(0);
        d.active_time += std::mem::take(&mut self.active);
        d.idle_time += std::mem::take(&mut self.idle);
        self.counted = now;
    }
}
