//! Giving way: a statement that computes for long lets the other sessions of its worker run now and then.
//!
//! tokio's own budget counts messages and batches, not time: 128 batches of a join can be seconds, in which no other session
//! on that worker is served and the statement's cancellation is not noticed. A [`Turn`] measures time instead.
//!
//! Some operators of DataFusion compute without end inside one poll (a merge join whose condition refuses every pair). All they
//! ask of us meanwhile is to evaluate expressions; [`step_aside`] hands the worker to another thread from there.

use std::cell::Cell;
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};

/// How long a task computes before it gives way; what it does between two looks at the clock comes on top.
const LENGTH: Duration = Duration::from_millis(5);
/// How long a worker may be held without any turn ending.
const HELD: Duration = Duration::from_millis(100);
/// Long enough for another thread to take the worker over.
const HANDOVER: Duration = Duration::from_micros(200);

thread_local! {
    /// When a turn last began on this thread.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The present turn of a task.
#[derive(Debug)]
pub struct Turn(Instant);

impl Turn {
    /// A turn that begins now.
    pub fn begin() -> Self {
        let now = Instant::now();
        BEGAN.set(Some(now));
        Self(now)
    }

    /// Gives way if the turn is over; to be called in loops that may compute for long without waiting for anything.
    pub async fn check(&mut self) {
        if self.0.elapsed() >= LENGTH {
            tokio::task::yield_now().await;
            *self = Self::begin();
        }
    }
}

/// Runs what may take long at a stretch while another thread serves the worker's other tasks: among them may be one that only
/// this worker would run next, and every new connection behind it.
pub fn aside<T>(f: impl FnOnce() -> T) -> T {
    if Handle::try_current().is_ok_and(|h| h.runtime_flavor() == RuntimeFlavor::MultiThread) {
        tokio::task::block_in_place(f)
    } else {
        f()
    }
}

/// To be called now and then by what computes and cannot wait: if no turn has ended on this thread for long, another thread
/// serves the worker's other tasks from here on. (A thread on which no turn has begun lately does that once too often.)
pub fn step_aside() {
    let now = Instant::now();
    if BEGAN.get().is_some_and(|b| now.duration_since(b) < HELD) {
        return;
    }
    BEGAN.set(Some(now));
    aside(|| std::thread::sleep(HANDOVER));
}
