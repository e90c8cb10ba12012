//! The simulated world in which methods of other crates are tried.

use rustydb_storage::io::sim::{SimDisk, SimFaults, SimIo};
use rustydb_storage::rt::RuntimeRef;
use rustydb_storage::sim::SimRuntime;
use rustydb_storage::store::{CommitOptions, Store, StoreOptions, Txn};
use std::sync::Arc;
use std::time::Duration;

fn options() -> StoreOptions {
    StoreOptions {
        pool_bytes: 256 * 8192,
        max_transactions: 32,
        wal_segment_size: 1 << 20,
        wal_buffer_bytes: 1 << 20,
        undo_streams: 2,
        hot_ring: 64,
        purge_nap: Duration::from_millis(2),
        ..StoreOptions::default()
    }
}

/// Opens a store on a disk and runs something on it to its end.
pub fn run<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    disk: &SimDisk,
    f: impl FnOnce(Arc<Store>) -> F + Send + 'static,
) -> T {
    let rt = SimRuntime::new(5);
    let io = SimIo::new(&rt, disk, SimFaults::default());
    let rt2: RuntimeRef = rt.clone();
    let out = rt.block_on(async move { f(Store::open(options(), io, rt2).await.expect("opens")).await });
    rt.shutdown();
    out.expect("runs to its end")
}

/// Commits, and waits until that is on disk.
pub async fn commit(t: &mut Txn) {
    let done = t.commit(CommitOptions::default()).await.expect("commits");
    t.store().gate(done.lsn).await.expect("stable");
}
