//! Answers of several connections that leave together.
//!
//! Sending wakes the client, who then takes the processor from the sessions that are ready to run on the same worker. So
//! while a worker has several sessions to serve, a session leaves its answer with its link ([`Link::leave`]), notes the
//! link here and yields; the first one that runs again sends all that were left by then in one system call ([`flush`]), and
//! each session afterwards makes sure of its own ([`Link::send_left`]), so an answer is never stuck here, even if the
//! session went to another worker in between.
//!
//! Bound: [`MOST`] links per worker; the next one is sent without waiting for others. Where the kernel has no io_uring for
//! us, or the link is encrypted, every session sends for itself.

use super::link::Link;
use crate::metrics::SENT_TOGETHER;
use crate::ring::{MOST, Ring};
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

static FORBIDDEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    static BATCH: RefCell<Batch> = const { RefCell::new(Batch { ring: None, links: Vec::new() }) };
    /// Messages that this worker has taken up since it last had nothing to do, and before that.
    static TAKEN_UP: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

struct Batch {
    /// Made when first needed; the inner `None` says that there can be none.
    ring: Option<Option<Ring>>,
    links: Vec<Arc<Link>>,
}

/// No io_uring (`io_method = worker`).
pub fn forbid() {
    FORBIDDEN.store(true, Ordering::Relaxed);
}

/// This worker has taken up a message.
pub fn taken_up() {
    let (now, before) = TAKEN_UP.get();
    TAKEN_UP.set((now.saturating_add(1), before));
}

/// This worker is about to wait for work.
pub fn idle() {
    TAKEN_UP.set((0, TAKEN_UP.get().0));
    // Links whose sessions run elsewhere now.
    flush();
}

/// Whether this worker has, or is likely to have, other sessions to serve at the moment.
pub fn is_busy() -> bool {
    let (now, before) = TAKEN_UP.get();
    now > 1 || before > 3
}

/// Notes a link with an answer left in it; `false` if it must send for itself.
pub fn join(link: &Arc<Link>) -> bool {
    BATCH.with_borrow_mut(|b| {
        let usable = b.links.len() < MOST && !FORBIDDEN.load(Ordering::Relaxed);
        if usable && b.ring.get_or_insert_with(|| Ring::new().ok()).is_some() {
            b.links.push(Arc::clone(link));
            return true;
        }
        false
    })
}

/// Sends what this worker's links were left.
pub fn flush() {
    BATCH.with_borrow_mut(|b| {
        let Batch { ring: Some(Some(ring)), links } = b else { return };
        // One alone sends for itself, by a plain system call.
        if links.len() > 1 {
            // A link that is in use right now belongs to a session that runs elsewhere and will see to it.
            let mut held: SmallVec<[_; MOST]> = links.iter().filter_map(|l| l.try_left()).collect();
            let mut sends: SmallVec<[_; MOST]> = held.iter().filter_map(|h| h.send()).collect();
            ring.send_all(&mut sends);
            SENT_TOGETHER.add(sends.len() as u64);
            let done: SmallVec<[_; MOST]> = sends.into_iter().map(|s| s.done).collect();
            held.iter_mut().zip(done).for_each(|(h, d)| h.sent(d));
        }
        links.clear();
    });
}
