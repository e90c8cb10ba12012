//! The runtime seam. Storage's core is synchronous; its shells are async functions that use only `futures`, the
//! primitives re-exported here and a [`Runtime`]. Production runs them on tokio; the simulator runs the very same code
//! on a deterministic single-threaded executor ([`crate::sim::SimRuntime`]) with a virtual clock.
//!
//! Rule: nothing in this crate names `tokio::spawn`, `tokio::time`, `std::time` or a global random source elsewhere
//! than here. `Notify` and `oneshot` are tokio's, which need no tokio runtime to work.

pub(crate) mod near;

use futures::FutureExt as _;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{RngCore as _, SeedableRng as _};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use futures::future::BoxFuture;
pub use tokio::sync::{Notify, oneshot};

/// What storage needs from its executor.
pub trait Runtime: Send + Sync {
    /// Starts a task. `name` appears in the simulator's deadlock reports.
    fn spawn(&self, name: &'static str, fut: BoxFuture<'static, ()>);
    /// Completes after `d`.
    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()>;
    /// Wall clock: microseconds since 1970. May jump in either direction.
    fn now_micros(&self) -> u64;
    /// A clock that never goes back, from an arbitrary origin.
    fn monotonic(&self) -> Duration;
    /// A random number (from the seed in the simulator; not for secrets).
    fn rng_u64(&self) -> u64;
}

/// The shared form in which a runtime is handed around.
pub type RuntimeRef = Arc<dyn Runtime>;

/// Production: tasks and timers of a tokio runtime.
pub struct TokioRuntime {
    handle: tokio::runtime::Handle,
    origin: Instant,
    rng: Mutex<SmallRng>,
}

impl TokioRuntime {
    /// Uses the runtime behind `handle`; it must have its time driver enabled.
    pub fn new(handle: tokio::runtime::Handle) -> Arc<TokioRuntime> {
        Arc::new(TokioRuntime { handle, origin: Instant::now(), rng: Mutex::new(SmallRng::from_os_rng()) })
    }
}

impl Runtime for TokioRuntime {
    fn spawn(&self, _name: &'static str, fut: BoxFuture<'static, ()>) {
        drop(self.handle.spawn(fut));
    }

    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()> {
        if let Some(sleep) = near::sleep(d) {
            return sleep;
        }
        // The timer registers with this runtime's driver whichever thread polls it.
        let _guard = self.handle.enter();
        tokio::time::sleep(d).boxed()
    }

    fn now_micros(&self) -> u64 {
        // A clock before 1970 reads as 0: the commit clock then advances by its own counter.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn rng_u64(&self) -> u64 {
        self.rng.lock().next_u64()
    }
}

/// Lets other ready tasks run once.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return std::task::Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokio_runtime_runs_tasks_and_timers() {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let rt = TokioRuntime::new(tokio.handle().clone());
        let (tx, rx) = oneshot::channel();
        let rt2 = rt.clone();
        rt.spawn(
            "test",
            async move {
                rt2.sleep(Duration::from_millis(1)).await;
                yield_now().await;
                let _ = tx.send(rt2.monotonic());
            }
            .boxed(),
        );
        let at = futures::executor::block_on(rx).unwrap();
        assert!(at >= Duration::from_millis(1));
        assert!(rt.now_micros() > 1_600_000_000_000_000);
    }
}
