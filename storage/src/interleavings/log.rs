//! Appending beside the writer: records lie in the log as their LSNs say, and nobody who waits is forgotten.

use super::{ModelIo, ModelRuntime, explore};
use crate::rt::RuntimeRef;
use crate::wal::{FIRST_LSN, Log, LogConfig, LogReader};
use rustydb_base::poison::Poison;
use rustydb_base::{Lsn, Scn};
use shuttle::sync::{Arc, Mutex};
use shuttle::{future, thread};

#[test]
fn records_and_waiters() {
    explore(|| {
        let io: crate::io::IoRef = std::sync::Arc::new(ModelIo::default());
        let rt: RuntimeRef = std::sync::Arc::new(ModelRuntime);
        let cfg = LogConfig { segment_size: 64 << 10, ring_bytes: 256 << 10, spare_segments: 0, ..LogConfig::new(42) };
        let log = future::block_on(Log::create(io.clone(), rt, Poison::default(), cfg.clone())).expect("a log");
        // As under the commit latch: SCNs in log order.
        let scns = Arc::new(Mutex::new(0));
        let mut threads = Vec::new();
        for t in 0..3u8 {
            let (log, scns) = (log.clone(), scns.clone());
            threads.push(thread::spawn(move || {
                let mut mine = Vec::new();
                for i in 0..2u8 {
                    let bytes = vec![t * 10 + i; if t == 0 { 9_000 } else { 30 }];
                    let room = log.reserve(bytes.len()).expect("room for all");
                    let mut scn = scns.lock().expect("no thread panics");
                    *scn += 1;
                    let (start, end) = log.append(room, &bytes, Some(Scn(*scn)));
                    drop(scn);
                    mine.push((start, end, bytes));
                    if i == t % 2 {
                        future::block_on(log.wait_stable(end)).expect("the log goes on");
                        assert!(log.stable_lsn() >= end);
                    }
                }
                mine
            }));
        }
        let mut all: Vec<(Lsn, Lsn, Vec<u8>)> =
            threads.into_iter().flat_map(|t| t.join().expect("no thread panics")).collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|w| w[0].1 == w[1].0), "records overlap or leave a gap");
        future::block_on(log.shutdown()).expect("an orderly end");
        let found = future::block_on(async {
            let mut reader = LogReader::open(io, cfg, FIRST_LSN).await?;
            let mut out = Vec::new();
            while let Some(batch) = reader.next().await? {
                out.extend(batch.records.into_iter().map(|r| (r.start, r.end, r.bytes.to_vec())));
            }
            Ok::<_, rustydb_base::DbError>(out)
        });
        assert!(found.expect("a sound log") == all, "the log holds something else than was appended");
    });
}
