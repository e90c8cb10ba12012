//! A deterministic single-threaded executor.
//!
//! Idea: every wake-up puts a task into the ready set; each step draws one ready task with the seeded generator and
//! polls it. When nothing is ready, the virtual clock jumps to the earliest timer (ties drawn by the generator as well).
//! When there is no timer either, the run has deadlocked and the report names the tasks that still wait.
//!
//! A crash ([`SimRuntime::crash`]) stops the run at the next step and drops every task, newest first, as a power cut
//! would: nothing a task does while it is dropped can reach the disk, because the disk is dead as well.
//!
//! Invariants: no real time, no real thread, no iteration over a randomly seeded map; so equal seeds and equal code give
//! equal runs.

use crate::rt::{BoxFuture, Runtime};
use futures::FutureExt as _;
use futures::task::{ArcWake, waker};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Wall clock at the start of every simulation: 2026-01-01 00:00:00 UTC.
const EPOCH_MICROS: u64 = 1_767_225_600_000_000;

/// Steps after which a run is taken to be stuck in a loop that never sleeps.
const STEP_LIMIT: u64 = 200_000_000;

/// Why a run ended before its main future did.
#[derive(Clone, PartialEq, Eq)]
pub enum SimStop {
    /// [`SimRuntime::crash`] was called.
    Crashed,
    /// Nothing is ready and no timer is set; the names of the waiting tasks.
    Deadlock(Vec<&'static str>),
    /// More steps than any sane run needs.
    StepLimit,
}

impl fmt::Debug for SimStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SimStop::Crashed => f.write_str("crashed"),
            SimStop::Deadlock(names) => write!(f, "deadlock; waiting: {}", names.join(", ")),
            SimStop::StepLimit => f.write_str("step limit reached"),
        }
    }
}

/// The seeded executor; see the module. Handed around as `Arc<SimRuntime>`, which coerces to
/// [`crate::rt::RuntimeRef`].
pub struct SimRuntime {
    state: Arc<Mutex<State>>,
    seed: u64,
}

struct State {
    /// `None` while the task is being polled.
    tasks: BTreeMap<u64, Task>,
    ready: Vec<u64>,
    in_ready: BTreeSet<u64>,
    timers: BTreeMap<(Duration, u64, u64), Waker>,
    next_id: u64,
    clock: Duration,
    wall_offset: i64,
    rng: SmallRng,
    steps: u64,
    crashed: bool,
}

struct Task {
    name: &'static str,
    fut: Option<BoxFuture<'static, ()>>,
}

struct TaskWaker {
    id: u64,
    state: Weak<Mutex<State>>,
}

impl ArcWake for TaskWaker {
    fn wake_by_ref(this: &Arc<Self>) {
        if let Some(state) = this.state.upgrade() {
            let mut s = state.lock();
            if s.in_ready.insert(this.id) {
                s.ready.push(this.id);
            }
        }
    }
}

impl SimRuntime {
    /// A fresh world for `seed`.
    pub fn new(seed: u64) -> Arc<SimRuntime> {
        Arc::new(SimRuntime {
            state: Arc::new(Mutex::new(State {
                tasks: BTreeMap::new(),
                ready: Vec::new(),
                in_ready: BTreeSet::new(),
                timers: BTreeMap::new(),
                next_id: 0,
                clock: Duration::ZERO,
                wall_offset: 0,
                rng: SmallRng::seed_from_u64(seed),
                steps: 0,
                crashed: false,
            })),
            seed,
        })
    }

    /// The seed of this world.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Stops the run at the next step.
    pub fn crash(&self) {
        self.state.lock().crashed = true;
    }

    /// Whether [`SimRuntime::crash`] was called.
    pub fn is_crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// Lets the wall clock jump by `micros` (either way); the monotonic clock goes on.
    pub fn jump_wall_clock(&self, micros: i64) {
        let mut s = self.state.lock();
        s.wall_offset = s.wall_offset.saturating_add(micros);
    }

    /// Tasks polled so far.
    pub fn steps(&self) -> u64 {
        self.state.lock().steps
    }

    /// Runs until `main` completes, driving all spawned tasks along. Tasks that remain stay and go on in the next
    /// `block_on`; after a crash all are dropped.
    pub fn block_on<T: Send + 'static>(
        self: &Arc<Self>,
        main: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, SimStop> {
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        let main_id = self.add("main", main.map(move |out| *slot.lock() = Some(out)).boxed());
        loop {
            if let Some(out) = result.lock().take() {
                return Ok(out);
            }
            if let Err(stop) = self.step() {
                match stop {
                    SimStop::Crashed => self.shutdown(),
                    _ => {
                        let dropped = self.state.lock().tasks.remove(&main_id);
                        drop(dropped);
                    }
                }
                return Err(stop);
            }
        }
    }

    /// Polls one ready task, or lets time pass until one is ready.
    fn step(&self) -> Result<(), SimStop> {
        let mut s = self.state.lock();
        if s.crashed {
            return Err(SimStop::Crashed);
        }
        s.steps += 1;
        if s.steps > STEP_LIMIT {
            return Err(SimStop::StepLimit);
        }
        if s.ready.is_empty() {
            let Some(((at, _, _), waker)) = s.timers.pop_first() else {
                return Err(SimStop::Deadlock(s.tasks.values().map(|t| t.name).collect()));
            };
            s.clock = s.clock.max(at);
            drop(s);
            waker.wake();
            return Ok(());
        }
        let n = s.ready.len();
        let pick = s.rng.random_range(0..n);
        let id = s.ready.swap_remove(pick);
        s.in_ready.remove(&id);
        let Some(mut fut) = s.tasks.get_mut(&id).and_then(|t| t.fut.take()) else { return Ok(()) };
        drop(s);
        let waker = waker(Arc::new(TaskWaker { id, state: Arc::downgrade(&self.state) }));
        let polled = fut.as_mut().poll(&mut Context::from_waker(&waker));
        let mut s = self.state.lock();
        match polled {
            Poll::Ready(()) => {
                s.tasks.remove(&id);
                // Its captured values may themselves use the runtime when dropped.
                drop(s);
                drop(fut);
            }
            Poll::Pending => {
                if let Some(task) = s.tasks.get_mut(&id) {
                    task.fut = Some(fut);
                }
            }
        }
        Ok(())
    }

    fn add(&self, name: &'static str, fut: BoxFuture<'static, ()>) -> u64 {
        let mut s = self.state.lock();
        if s.crashed {
            drop(s);
            return u64::MAX;
        }
        s.next_id += 1;
        let id = s.next_id;
        s.tasks.insert(id, Task { name, fut: Some(fut) });
        s.in_ready.insert(id);
        s.ready.push(id);
        id
    }

    /// Drops every task, newest first. Tasks usually hold the runtime itself, so a world is freed only after this.
    pub fn shutdown(&self) {
        loop {
            let task = self.state.lock().tasks.pop_last();
            match task {
                Some((_, task)) => drop(task.fut),
                None => break,
            }
        }
        let timers = std::mem::take(&mut self.state.lock().timers);
        drop(timers);
    }
}

impl Drop for SimRuntime {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Runtime for SimRuntime {
    fn spawn(&self, name: &'static str, fut: BoxFuture<'static, ()>) {
        self.add(name, fut);
    }

    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()> {
        let mut s = self.state.lock();
        s.next_id += 1;
        let (id, tie) = (s.next_id, s.rng.next_u64());
        let at = s.clock + d;
        Box::pin(Sleep { key: (at, tie, id), state: Arc::downgrade(&self.state), set: false })
    }

    fn now_micros(&self) -> u64 {
        let s = self.state.lock();
        let micros = u64::try_from(s.clock.as_micros()).unwrap_or(u64::MAX);
        EPOCH_MICROS.saturating_add(micros).saturating_add_signed(s.wall_offset)
    }

    fn monotonic(&self) -> Duration {
        self.state.lock().clock
    }

    fn rng_u64(&self) -> u64 {
        self.state.lock().rng.next_u64()
    }
}

/// A timer of the virtual clock; unset when dropped.
struct Sleep {
    key: (Duration, u64, u64),
    state: Weak<Mutex<State>>,
    set: bool,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(state) = self.state.upgrade() else { return Poll::Pending };
        let mut s = state.lock();
        if s.clock >= self.key.0 {
            return Poll::Ready(());
        }
        s.timers.insert(self.key, cx.waker().clone());
        drop(s);
        self.set = true;
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.set
            && let Some(state) = self.state.upgrade()
        {
            let waker = state.lock().timers.remove(&self.key);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::{Notify, oneshot, yield_now};

    fn trace(seed: u64) -> Vec<u32> {
        let rt = SimRuntime::new(seed);
        let log = Arc::new(Mutex::new(Vec::new()));
        let rt2 = rt.clone();
        let log2 = log.clone();
        rt.block_on(async move {
            let mut waits = Vec::new();
            for i in 0..8u32 {
                let (tx, rx) = oneshot::channel();
                waits.push(rx);
                let (rt3, log) = (rt2.clone(), log2.clone());
                rt2.spawn(
                    "worker",
                    async move {
                        for _ in 0..3 {
                            log.lock().push(i);
                            yield_now().await;
                            rt3.sleep(Duration::from_micros(rt3.rng_u64() % 5)).await;
                        }
                        let _ = tx.send(());
                    }
                    .boxed(),
                );
            }
            for w in waits {
                let _ = w.await;
            }
        })
        .unwrap();
        Arc::try_unwrap(log).map(Mutex::into_inner).unwrap_or_default()
    }

    #[test]
    fn one_seed_one_run() {
        let (a, b) = (trace(1), trace(1));
        assert_eq!(a.len(), 24);
        assert_eq!(a, b);
        assert!((2..10).any(|seed| trace(seed) != a), "seeds must differ somewhere");
    }

    #[test]
    fn time_is_virtual() {
        let rt = SimRuntime::new(7);
        let rt2 = rt.clone();
        let before = rt.now_micros();
        rt.block_on(async move { rt2.sleep(Duration::from_secs(86_400)).await }).unwrap();
        assert_eq!(rt.monotonic(), Duration::from_secs(86_400));
        assert_eq!(rt.now_micros() - before, 86_400_000_000);
        rt.jump_wall_clock(-86_400_000_000);
        assert_eq!(rt.now_micros(), before);
    }

    #[test]
    fn deadlock_names_the_tasks() {
        let rt = SimRuntime::new(3);
        rt.spawn("stuck", async { Notify::new().notified().await }.boxed());
        let (_tx, rx) = oneshot::channel::<()>();
        let stop = rt.block_on(async move { drop(rx.await) }).unwrap_err();
        assert_eq!(stop, SimStop::Deadlock(vec!["stuck", "main"]));
    }

    #[test]
    fn a_crash_drops_every_task() {
        let rt = SimRuntime::new(3);
        let alive = Arc::new(());
        let (held, rt2) = (alive.clone(), rt.clone());
        rt.spawn(
            "holder",
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
            .boxed(),
        );
        let stop = rt.block_on(async move {
            rt2.sleep(Duration::from_secs(1)).await;
            rt2.crash();
            std::future::pending::<()>().await;
        });
        assert_eq!(stop, Err(SimStop::Crashed));
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
