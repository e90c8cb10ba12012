//! A thread that belongs to one task, for a task whose every wake-up is dear: the log writer.
//!
//! Idea: nothing stands between the task and the kernel. It is polled in a loop; between polls its thread parks, so that
//! waking it is one futex call. What it writes it writes itself ([`here`], `crate::io`): a blocking call that returns
//! when the bytes are durable costs less than half of handing the write to a ring and waiting for the ring's event.
//! Its sleeps end when they should and not at a tick of the runtime's timer wheel, which are a millisecond apart.
//!
//! Rule: the task polls a sleep whenever it is polled, as long as it cares for it (`select` and `poll_fn` do, collections
//! of futures do not).

use super::BoxFuture;
use futures::FutureExt as _;
use futures::task::{ArcWake, waker};
use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::Thread;
use std::time::{Duration, Instant};

thread_local! {
    /// On such a thread: when the earliest of the sleeps ends that the task has polled since it was polled last.
    static ALARM: Cell<Option<Alarm>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Alarm(Option<Instant>);

struct Unpark(Thread);

impl ArcWake for Unpark {
    fn wake_by_ref(this: &Arc<Self>) {
        this.0.unpark();
    }
}

/// Whether this thread belongs to one task, which may block it.
pub(crate) fn here() -> bool {
    ALARM.get().is_some()
}

/// A sleep of the thread's task; `None` on any other thread.
pub(super) fn sleep(d: Duration) -> Option<BoxFuture<'static, ()>> {
    ALARM.get()?;
    let end = Instant::now().checked_add(d)?;
    let sleep = std::future::poll_fn(move |_| {
        if Instant::now() >= end {
            return Poll::Ready(());
        }
        if let Some(Alarm(earliest)) = ALARM.get() {
            ALARM.set(Some(Alarm(Some(earliest.map_or(end, |e| e.min(end))))));
        }
        Poll::Pending
    });
    Some(sleep.boxed())
}

/// Gives a task a thread; hands it back when no thread is to be had.
pub(crate) fn spawn(name: &str, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
    let place = Arc::new(Mutex::new(Some(task)));
    let theirs = place.clone();
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let task = theirs.lock().take();
        if let Some(task) = task {
            run(task);
        }
    });
    let left = place.lock().take_if(|_| started.is_err());
    left.map_or(Ok(()), Err)
}

fn run(mut task: BoxFuture<'static, ()>) {
    let waker = waker(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        ALARM.set(Some(Alarm(None)));
        if task.poll_unpin(&mut cx).is_ready() {
            return;
        }
        match ALARM.get() {
            Some(Alarm(Some(end))) => std::thread::park_timeout(end.saturating_duration_since(Instant::now())),
            _ => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::{Notify, Runtime as _, TokioRuntime, oneshot};
    use futures::future::{Either, select};

    #[test]
    fn its_sleeps_are_short_and_others_can_wake_it() {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let rt = TokioRuntime::new(tokio.handle().clone());
        let (asleep, done) = (Arc::new(Notify::new()), oneshot::channel());
        let (asleep2, tx) = (asleep.clone(), done.0);
        assert!(!here());
        let task = async move {
            let began = Instant::now();
            for _ in 0..20 {
                rt.sleep(Duration::from_micros(50)).await;
            }
            let slept = began.elapsed();
            let hour = rt.sleep(Duration::from_secs(3600));
            let woken = std::pin::pin!(asleep2.notified());
            let first = matches!(select(woken, hour).await, Either::Left(_));
            let _ = tx.send((here(), slept, first));
        };
        spawn("near", task.boxed()).map_err(|_| "no thread").unwrap();
        asleep.notify_one();
        let (near, slept, first) = futures::executor::block_on(done.1).unwrap();
        assert!(near && first && slept >= Duration::from_millis(1));
    }
}
