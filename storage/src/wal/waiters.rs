//! Everyone who waits for the log to become stable up to some LSN.
//!
//! Idea: one atomic load decides the common case. Who must wait puts one node into a heap ordered by LSN; the writer
//! pops all nodes at or below the new stable LSN in one pass under one latch, and wakes them after releasing it. The
//! order "push the node, then look at the stable LSN again" against "publish the stable LSN, then look at the heap"
//! makes a lost wake-up impossible. A future dropped early leaves its node behind until the log reaches its LSN.

use super::log::Shared;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};
use futures::task::AtomicWaker;
use rustydb_base::{Lsn, Result};
use smallvec::SmallVec;
use std::cmp::Ordering as Order;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The heap of waiting futures and the LSN they wait for.
pub(super) struct Waiters {
    stable: AtomicU64,
    heap: Mutex<BinaryHeap<Node>>,
}

struct Node {
    lsn: u64,
    waker: Arc<AtomicWaker>,
}

/// Lowest LSN first out of a max-heap.
impl Ord for Node {
    fn cmp(&self, other: &Node) -> Order {
        other.lsn.cmp(&self.lsn)
    }
}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Node) -> Option<Order> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.lsn == other.lsn
    }
}
impl Eq for Node {}

impl Waiters {
    pub fn new(stable: Lsn) -> Waiters {
        Waiters { stable: AtomicU64::new(stable.0), heap: Mutex::new(BinaryHeap::new()) }
    }

    pub fn stable(&self) -> Lsn {
        Lsn(self.stable.load(Ordering::SeqCst))
    }

    /// Publishes a higher stable LSN and wakes who waited for it.
    pub fn advance(&self, to: Lsn) {
        self.stable.store(to.0, Ordering::SeqCst);
        self.wake_up_to(to.0);
    }

    /// Wakes everyone: the log has stopped.
    pub fn wake_all(&self) {
        self.wake_up_to(u64::MAX);
    }

    fn wake_up_to(&self, lsn: u64) {
        let mut woken: SmallVec<[Arc<AtomicWaker>; 64]> = SmallVec::new();
        let mut heap = self.heap.lock();
        while heap.peek().is_some_and(|n| n.lsn <= lsn) {
            woken.extend(heap.pop().map(|n| n.waker));
        }
        drop(heap);
        for waker in woken {
            waker.wake();
        }
    }

    fn push(&self, lsn: Lsn, waker: Arc<AtomicWaker>) {
        self.heap.lock().push(Node { lsn: lsn.0, waker });
    }

    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.heap.lock().len()
    }
}

/// Completes when the log is stable up to an LSN, or with the reason why it never will be.
#[must_use = "futures do nothing unless awaited"]
pub struct WaitStable {
    shared: Arc<Shared>,
    lsn: Lsn,
    waker: Option<Arc<AtomicWaker>>,
}

impl WaitStable {
    pub(super) fn new(shared: Arc<Shared>, lsn: Lsn) -> WaitStable {
        WaitStable { shared, lsn, waker: None }
    }
}

impl Future for WaitStable {
    type Output = Result<()>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        let waiters = &this.shared.waiters;
        if waiters.stable() >= this.lsn {
            return Poll::Ready(Ok(()));
        }
        match &this.waker {
            Some(waker) => waker.register(cx.waker()),
            None => {
                let waker = Arc::new(AtomicWaker::new());
                waker.register(cx.waker());
                waiters.push(this.lsn, waker.clone());
                this.waker = Some(waker);
                this.shared.want(this.lsn);
            }
        }
        if waiters.stable() >= this.lsn {
            return Poll::Ready(Ok(()));
        }
        match this.shared.stopped() {
            Some(e) => Poll::Ready(Err(e)),
            None => Poll::Pending,
        }
    }
}
