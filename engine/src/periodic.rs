//! What the server does again and again beside its sessions: the recycle bin by time, summaries of block ranges, the counts of
//! idle sessions. Each has a task of its own, so that none waits for another.

use crate::engine::Engine;
use std::sync::Arc;
use std::time::Duration;

/// Starts a task that pauses, does a round, and so on; it ends with the engine.
pub fn every<F>(engine: &Arc<Engine>, pause: Duration, round: impl Fn(Arc<Engine>) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    let engine = Arc::downgrade(engine);
    // It holds nothing that would have to be waited for at the end.
    drop(tokio::spawn(async move {
        loop {
            tokio::time::sleep(pause).await;
            let Some(engine) = engine.upgrade() else { return };
            round(engine).await;
        }
    }));
}
