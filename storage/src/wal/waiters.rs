//! Everyone who waits for the log to become stable up to some LSN.
//!
//! Idea: one atomic load decides the common case. Who must wait puts one node into a heap ordered by LSN; the writer
//! pops all nodes at or below the new stable LSN in one pass under one latch, and wakes them after releasing it. The
//! order "push the node, then look at the stable LSN again" against "publish the stable LSN, then look at the heap"
//! makes a lost wake-up impossible. A future dropped early leaves its node behind until the log reaches its LSN.
//!
//! The writer itself wakes every fourth only; each of those wakes the next when it runs. A wake-up from outside the workers
//! of the runtime is dear: it goes through their common queue and rouses one more of them, while a worker that wakes a task runs it
//! next. No more than four in a chain, since they run one after the other and a worker goes on in this way about so often.
//!
//! Invariant: a node in a chain is not gone, and whoever is gone (completed or dropped) has woken the next: leaving and being
//! chained exclude one another under the node's latch.

use super::log::Shared;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use futures::task::AtomicWaker;
use rustydb_base::{Lsn, Result};
use smallvec::SmallVec;
use std::cmp::Ordering as Order;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Most that wake each other.
const CHAIN: usize = 4;

/// The heap of waiting futures and the LSN they wait for.
pub(super) struct Waiters {
    stable: AtomicU64,
    heap: Mutex<BinaryHeap<Node>>,
    /// Length of the heap.
    count: AtomicUsize,
}

struct Node {
    lsn: u64,
    waiter: Arc<Waiter>,
}

/// A waiting future's half that the writer knows.
#[derive(Default)]
struct Waiter {
    waker: AtomicWaker,
    place: Mutex<Place>,
}

#[derive(Default)]
enum Place {
    /// Not stable yet, or the last of its chain.
    #[default]
    Last,
    /// To be woken after this one.
    Before(Arc<Waiter>),
    /// The future has completed or was dropped.
    Gone,
}

impl Waiter {
    /// Puts it before `next`, unless it is gone; answers the first of the chain.
    fn chain(self: Arc<Waiter>, next: Option<Arc<Waiter>>) -> Option<Arc<Waiter>> {
        {
            let mut place = self.place.lock();
            if matches!(*place, Place::Gone) {
                return next;
            }
            if let Some(next) = next {
                *place = Place::Before(next);
            }
        }
        Some(self)
    }

    /// Its future goes: wakes the next.
    fn leave(&self) {
        if let Place::Before(next) = std::mem::replace(&mut *self.place.lock(), Place::Gone) {
            next.waker.wake();
        }
    }
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
        Waiters { stable: AtomicU64::new(stable.0), heap: Mutex::new(BinaryHeap::new()), count: AtomicUsize::new(0) }
    }

    pub fn stable(&self) -> Lsn {
        Lsn(self.stable.load(Ordering::SeqCst))
    }

    /// How many wait, those who have given up included until the log reaches what they waited for.
    pub fn waiting(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Publishes a higher stable LSN and wakes who waited for it. Answers how many it woke and how many are left.
    pub fn advance(&self, to: Lsn) -> (usize, usize) {
        self.stable.store(to.0, Ordering::SeqCst);
        self.wake_up_to(to.0)
    }

    /// Wakes everyone: the log has stopped.
    pub fn wake_all(&self) {
        self.wake_up_to(u64::MAX);
    }

    fn wake_up_to(&self, lsn: u64) -> (usize, usize) {
        let mut woken: SmallVec<[Arc<Waiter>; 64]> = SmallVec::new();
        let mut heap = self.heap.lock();
        while heap.peek().is_some_and(|n| n.lsn <= lsn) {
            woken.extend(heap.pop().map(|n| n.waiter));
        }
        let (n, left) = (woken.len(), heap.len());
        self.count.store(left, Ordering::SeqCst);
        drop(heap);
        for chain in woken.chunks(CHAIN) {
            if let Some(first) = chain.iter().rev().fold(None, |next, w| w.clone().chain(next)) {
                first.waker.wake();
            }
        }
        (n, left)
    }

    /// Answers how many wait now.
    fn push(&self, lsn: Lsn, waiter: Arc<Waiter>) -> usize {
        let mut heap = self.heap.lock();
        heap.push(Node { lsn: lsn.0, waiter });
        self.count.store(heap.len(), Ordering::SeqCst);
        heap.len()
    }
}

/// Completes when the log is stable up to an LSN, or with the reason why it never will be.
#[must_use = "futures do nothing unless awaited"]
pub struct WaitStable {
    shared: Arc<Shared>,
    lsn: Lsn,
    waiter: Option<Arc<Waiter>>,
}

impl WaitStable {
    pub(super) fn new(shared: Arc<Shared>, lsn: Lsn) -> WaitStable {
        WaitStable { shared, lsn, waiter: None }
    }
}

impl Future for WaitStable {
    type Output = Result<()>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        let waiters = &this.shared.waiters;
        if waiters.stable() < this.lsn {
            match &this.waiter {
                Some(waiter) => waiter.waker.register(cx.waker()),
                None => {
                    let waiter = Arc::new(Waiter::default());
                    waiter.waker.register(cx.waker());
                    let waiting = waiters.push(this.lsn, waiter.clone());
                    this.waiter = Some(waiter);
                    this.shared.want_with(this.lsn, waiting);
                }
            }
            if waiters.stable() < this.lsn {
                return this.shared.stopped().map_or(Poll::Pending, |e| {
                    this.leave();
                    Poll::Ready(Err(e))
                });
            }
        }
        // Not later, when the future is dropped: the task may have much to do before.
        this.leave();
        Poll::Ready(Ok(()))
    }
}

impl WaitStable {
    fn leave(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            waiter.leave();
        }
    }
}

impl Drop for WaitStable {
    fn drop(&mut self) {
        self.leave();
    }
}
