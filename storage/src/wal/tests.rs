//! The log in the simulator: group commit, crashes at every change, torn and rotten tails, recycling, faults. Then on
//! real files through every real backend.

use super::*;
use crate::io::sim::{SECTOR, SimDisk, SimFaults, SimIo};
use crate::io::tests::TempDir;
use crate::io::{IoMethod, IoRef, open_dir};
use crate::rt::{Runtime as _, RuntimeRef, TokioRuntime, oneshot};
use crate::sim::{SimRuntime, SimStop};
use futures::FutureExt as _;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::poison::Poison;
use rustydb_base::{DbError, Result, Scn, SqlState};
use std::collections::BTreeMap;
use std::sync::Arc;

fn small() -> LogConfig {
    LogConfig { segment_size: 64 << 10, ring_bytes: 256 << 10, ..LogConfig::new(42) }
}

/// The i-th record: its number, then a length-dependent filling.
fn record(i: u64, len: usize) -> Vec<u8> {
    let mut bytes = i.to_le_bytes().to_vec();
    bytes.extend((8..len).map(|k| (i as usize + k) as u8));
    bytes
}

fn number(r: &LogRecord) -> u64 {
    r.bytes.first_chunk().map_or(u64::MAX, |b| u64::from_le_bytes(*b))
}

async fn append(log: &Log, bytes: &[u8]) -> Result<(Lsn, Lsn)> {
    let room = log.reserve_wait(bytes.len()).await?;
    Ok(log.append(room, bytes, None))
}

async fn read_all(io: &IoRef, cfg: &LogConfig, from: Lsn) -> Result<(Vec<LogRecord>, LogTail)> {
    let mut reader = LogReader::open(io.clone(), cfg.clone(), from).await?;
    let mut all = Vec::new();
    while let Some(batch) = reader.next().await? {
        all.extend(batch.records);
    }
    Ok((all, reader.into_tail().await?))
}

/// What [`read_all`] does, as a whole run over `disk`.
fn recovered(disk: &SimDisk, cfg: &LogConfig, from: Lsn) -> Result<(Vec<LogRecord>, LogTail)> {
    let cfg = cfg.clone();
    world(0, disk, SimFaults::default(), move |io, _| async move { read_all(&io, &cfg, from).await }).unwrap()
}

fn world<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    seed: u64,
    disk: &SimDisk,
    faults: SimFaults,
    body: impl FnOnce(IoRef, Arc<SimRuntime>) -> F,
) -> Result<T, SimStop> {
    let rt = SimRuntime::new(seed);
    let io = SimIo::new(&rt, disk, faults);
    let out = rt.block_on(body(io, rt.clone()));
    rt.shutdown();
    out
}

/// `tasks` sessions appending and committing `each` records; every acknowledged end LSN goes to `acked`.
async fn sessions(log: Log, rt: RuntimeRef, tasks: u64, each: u64, acked: Arc<Mutex<Vec<(u64, Lsn)>>>) {
    let mut done = Vec::new();
    for task in 0..tasks {
        let (tx, rx) = oneshot::channel();
        done.push(rx);
        let (log, rt2, acked) = (log.clone(), rt.clone(), acked.clone());
        rt.spawn(
            "session",
            async move {
                for i in 0..each {
                    let id = task * each + i;
                    let len = 8 + (rt2.rng_u64() % 700) as usize;
                    let Ok((_, end)) = append(&log, &record(id, len)).await else { break };
                    if log.wait_stable(end).await.is_err() {
                        break;
                    }
                    acked.lock().push((id, end));
                }
                let _ = tx.send(());
            }
            .boxed(),
        );
    }
    for rx in done {
        let _ = rx.await;
    }
}

#[test]
fn group_commit_shares_writes() {
    for seed in 0..10 {
        let disk = SimDisk::new();
        let acked = Arc::new(Mutex::new(Vec::new()));
        let acked2 = acked.clone();
        let batches = world(seed, &disk, SimFaults::default(), move |io, rt| async move {
            let log = Log::create(io, rt.clone(), Poison::default(), small()).await.unwrap();
            sessions(log.clone(), rt, 32, 20, acked2).await;
            assert_eq!(log.stable_lsn(), log.end_lsn());
            assert_eq!(log.waiting(), 0);
            log.shutdown().await.unwrap();
            assert!(log.reserve(1).is_err(), "nothing is accepted after shutdown");
        })
        .map(|()| recovered(&disk, &small(), Lsn(0)).unwrap());
        let (records, tail) = batches.unwrap();
        assert_eq!(acked.lock().len(), 640);
        assert_eq!(records.len(), 640);
        // Those who return are waited for: hardly more than 20 groups of all, a few blanks and the seals.
        assert!(tail.index < 60, "{} batches for 640 commits of 32 sessions", tail.index);
        let contiguous = records.windows(2).all(|w| w[0].end == w[1].start);
        assert!(contiguous && records[0].start == FIRST_LSN && records[639].end == tail.lsn);
        assert!(tail.segment > 3, "the workload must cross segments");
    }
}

/// Counts wake-ups.
#[derive(Default)]
struct Woken(std::sync::atomic::AtomicUsize);

impl futures::task::ArcWake for Woken {
    fn wake_by_ref(this: &Arc<Self>) {
        this.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn waiters_wake_each_other_even_as_they_go() {
    world(5, &SimDisk::new(), SimFaults::default(), |io, rt| async move {
        let log = Log::create(io, rt.clone(), Poison::default(), small()).await.unwrap();
        let (_, end) = append(&log, &record(0, 10)).await.unwrap();
        let woken: Vec<Arc<Woken>> = (0..7).map(|_| Arc::default()).collect();
        let poll = |f: &mut WaitStable, w: &Arc<Woken>| {
            let waker = futures::task::waker(w.clone());
            f.poll_unpin(&mut std::task::Context::from_waker(&waker)).is_ready()
        };
        let mut waits: Vec<_> = woken.iter().map(|w| Some((log.wait_stable(end), w.clone()))).collect();
        assert!(waits.iter_mut().flatten().all(|(f, w)| !poll(f, w)));
        let first = waits[0].take();
        drop(first);
        rt.sleep(std::time::Duration::from_secs(1)).await;
        assert!(log.stable_lsn() >= end && log.waiting() == 0);
        let count = |w: &Arc<Woken>| w.0.load(std::sync::atomic::Ordering::SeqCst);
        assert!(woken.iter().map(count).sum::<usize>() < 6, "the writer has woken everyone itself");
        // Whoever is awake ends, by turns as one should and without a last poll, until nobody is left.
        let mut turn = 0;
        while let Some(i) = (0..7).find(|i| waits[*i].is_some() && count(&woken[*i]) > 0) {
            let (mut f, w) = waits[i].take().unwrap();
            turn += 1;
            assert!(turn % 2 == 0 || poll(&mut f, &w));
        }
        assert!(waits.iter().all(Option::is_none), "somebody was forgotten");
        log.shutdown().await.unwrap();
    })
    .unwrap();
}

/// Runs a workload that may crash, then recovers, checks, goes on in a new epoch and recovers again.
fn crash_round(seed: u64, crash_at: Option<u64>, changes: &mut u64) {
    let (disk, cfg) = (SimDisk::new(), small());
    let acked = Arc::new(Mutex::new(Vec::new()));
    let (cfg2, acked2) = (cfg.clone(), acked.clone());
    let rt = SimRuntime::new(seed);
    let io = SimIo::new(&rt, &disk, SimFaults { crash_at, ..SimFaults::default() });
    let (io2, rt2) = (io.clone(), rt.clone());
    let created = Arc::new(Mutex::new(false));
    let created2 = created.clone();
    let stop = rt.block_on(async move {
        let log = Log::create(io2, rt2.clone(), Poison::default(), cfg2).await.unwrap();
        *created2.lock() = true;
        sessions(log, rt2, 4, 6, acked2).await;
    });
    rt.shutdown();
    assert_eq!(stop.is_err(), crash_at.is_some());
    *changes = io.changes();
    if !*created.lock() {
        return; // The database was never made.
    }
    for fate in 0..3 {
        let disk = disk.crash(seed.wrapping_mul(31).wrapping_add(fate));
        let (records, tail) = recovered(&disk, &cfg, Lsn(0)).unwrap();
        let acked = acked.lock();
        for (id, end) in acked.iter() {
            let found = records.iter().any(|r| r.end == *end && number(r) == *id);
            assert!(found, "seed {seed}, crash {crash_at:?}, fate {fate}: lost acknowledged record {id}");
        }
        assert!(records.windows(2).all(|w| w[0].end == w[1].start));
        // The next run begins at the tail, whatever lies behind it; its own crash loses nothing either.
        let before = records.len();
        let acked = Arc::new(Mutex::new(Vec::new()));
        let (cfg2, acked2) = (cfg.clone(), acked.clone());
        world(seed ^ 77, &disk, SimFaults::default(), move |io, rt| async move {
            let epoch = tail.writer_epoch + 1;
            let log = Log::open(io, rt.clone(), Poison::default(), cfg2, tail, epoch).await.unwrap();
            assert_eq!(log.end_lsn(), tail.lsn);
            sessions(log, rt, 2, 30, acked2).await;
        })
        .unwrap();
        let disk = disk.crash(fate);
        let (records, tail) = recovered(&disk, &cfg, Lsn(0)).unwrap();
        assert_eq!(records.len(), before + 60);
        assert_eq!(acked.lock().iter().map(|(_, e)| *e).max(), Some(tail.lsn));
    }
}

#[test]
fn crash_at_every_change_loses_nothing_acknowledged() {
    for seed in 0..4 {
        let mut changes = 0;
        crash_round(seed, None, &mut changes);
        assert!(changes > 10);
        for n in 1..=changes {
            crash_round(seed, Some(n), &mut 0);
        }
    }
}

/// Many crashes in a row over one disk, with several writes under way, recycled segments and stale batches of every
/// earlier run lying about. Each recovery must find all that was acknowledged, nothing of a branch that an earlier
/// recovery cut off, and the same bytes as before.
fn torture(seed: u64) {
    let cfg = small();
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut disk = SimDisk::new();
    let (acked, appended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(BTreeMap::new())));
    let mut history: BTreeMap<Lsn, u64> = BTreeMap::new();
    let mut at: Option<LogTail> = None;
    let mut keep = Lsn(0);
    let mut promised = 0;
    for round in 0..12u64 {
        let faults = SimFaults { crash_at: Some(dice.random_range(1..60)), ..SimFaults::default() };
        let run_seed = dice.random();
        let made = Arc::new(Mutex::new(false));
        promised += 1;
        let (cfg2, acked2, appended2, made2) = (cfg.clone(), acked.clone(), appended.clone(), made.clone());
        let stop = world(run_seed, &disk, faults, move |io, rt| async move {
            let poison = Poison::default();
            let log = match at {
                None => Log::create(io, rt.clone(), poison, cfg2).await,
                Some(tail) => Log::open(io, rt.clone(), poison, cfg2, tail, promised).await,
            };
            let log = log.unwrap();
            *made2.lock() = true;
            // A checkpointer of sorts: everything older than a few batches may go.
            log.keep().set("checkpoint", keep);
            for task in 0..6u64 {
                let (log, rt2, acked, appended) = (log.clone(), rt.clone(), acked2.clone(), appended2.clone());
                let body = async move {
                    for i in 0..40u64 {
                        let id = (round * 6 + task) * 40 + i;
                        // Equal sizes put batches of different runs into the same places.
                        let len = if seed.is_multiple_of(2) { 3000 } else { 8 + (rt2.rng_u64() % 6000) as usize };
                        let Ok((_, end)) = append(&log, &record(id, len)).await else { break };
                        appended.lock().insert(end, id);
                        if rt2.rng_u64().is_multiple_of(3) {
                            if log.wait_stable(end).await.is_err() {
                                break;
                            }
                            acked.lock().push((end, id));
                        }
                        log.recycle().await.unwrap();
                    }
                };
                rt.spawn("session", body.boxed());
            }
            std::future::pending::<()>().await;
        });
        assert_eq!(stop, Err(SimStop::Crashed));
        disk = disk.crash(dice.random());
        if at.is_none() && !*made.lock() {
            disk = SimDisk::new();
            continue;
        }
        let (records, tail) =
            recovered(&disk, &cfg, keep).unwrap_or_else(|e| panic!("seed {seed}, round {round}: {e}"));
        let found: BTreeMap<Lsn, u64> = records.iter().map(|r| (r.end, number(r))).collect();
        let fresh = appended.lock();
        for r in &records {
            let known = history.get(&r.end).or_else(|| fresh.get(&r.end)) == Some(&number(r));
            assert!(known, "seed {seed}, round {round}: a record of a dead branch at {}", r.end);
            assert_eq!(r.bytes, record(number(r), r.bytes.len()));
        }
        for (end, id) in history.range(Lsn(keep.0 + 1)..).map(|(e, i)| (*e, *i)).chain(acked.lock().iter().copied()) {
            let there = end <= keep || found.get(&end) == Some(&id);
            assert!(there, "seed {seed}, round {round}: lost record {id} at {end}");
        }
        drop(fresh);
        appended.lock().clear();
        history = found;
        if dice.random_range(0..3) == 0 {
            let ends: Vec<Lsn> = history.keys().copied().collect();
            keep = ends.get(ends.len() * 3 / 4).copied().unwrap_or(keep);
        }
        at = Some(tail);
        promised = promised.max(tail.writer_epoch);
    }
}

#[test]
fn many_crashes_in_a_row() {
    for seed in 0..24 {
        torture(seed);
    }
}

/// A log whose last batch, of three blocks, is on disk but not sealed. Answers the place of that batch and its LSN.
fn unsealed(disk: &SimDisk) -> (LogTail, LogTail) {
    let parts = world(5, disk, SimFaults::default(), |io, rt| async move {
        let log = Log::create(io.clone(), rt, Poison::default(), small()).await.unwrap();
        for i in 0..5 {
            let (_, end) = append(&log, &record(i, 100)).await.unwrap();
            log.wait_stable(end).await.unwrap();
        }
        let before = read_all(&io, &small(), Lsn(0)).await.unwrap().1;
        let (_, end) = append(&log, &record(5, 9000)).await.unwrap();
        log.wait_stable(end).await.unwrap();
        before
    });
    let before = parts.unwrap();
    (before, recovered(disk, &small(), Lsn(0)).unwrap().1)
}

#[test]
fn a_tail_torn_at_any_sector_is_cut_off() {
    let disk = SimDisk::new();
    let (before, after) = unsealed(&disk);
    assert_eq!(after.offset - before.offset, 12288);
    let name = format!("wal/{:016x}", before.segment);
    for sector in 0..12288 / SECTOR as u64 {
        let torn = disk.fork();
        // Everything from this sector on never reached the disk.
        let rest = 12288 - sector as usize * SECTOR;
        assert!(torn.overwrite(&name, before.offset + sector * SECTOR as u64, &vec![0; rest]));
        let (records, tail) = recovered(&torn, &small(), Lsn(0)).unwrap();
        // The last sectors are padding, whose loss changes nothing.
        let whole = sector * SECTOR as u64 >= 82 + 4 + 9000;
        assert_eq!(records.len(), if whole { 6 } else { 5 });
        assert_eq!(tail, if whole { after } else { before });
        // One lost sector in the middle.
        let torn = disk.fork();
        torn.overwrite(&name, before.offset + sector * SECTOR as u64, &[0; SECTOR]);
        assert_eq!(recovered(&torn, &small(), Lsn(0)).unwrap().1, if whole { after } else { before });
    }
}

#[test]
fn damage_before_a_proof_of_stability_is_refused() {
    let disk = SimDisk::new();
    let (before, after) = unsealed(&disk);
    let name = format!("wal/{:016x}", before.segment);
    // An older batch: the next one's header proves it was stable.
    let rotten = disk.fork();
    rotten.flip_bit(&name, 4096 * 2 + 100, 3);
    let e = recovered(&rotten, &small(), Lsn(0)).unwrap_err();
    assert_eq!(e.code, SqlState::DATA_CORRUPTED);
    assert!(e.message.contains("damaged at position"), "{e}");
    // The last batch, once a SEAL lies behind it.
    let sealed = disk.fork();
    world(1, &sealed, SimFaults::default(), move |io, rt| async move {
        let log = Log::open(io, rt.clone(), Poison::default(), small(), after, after.writer_epoch + 1).await.unwrap();
        append(&log, &record(6, 10)).await.unwrap();
        rt.sleep(std::time::Duration::from_millis(100)).await;
        assert_eq!(log.stable_lsn(), log.end_lsn(), "records nobody waits for are written after the quiet time");
    })
    .unwrap();
    assert_eq!(recovered(&sealed, &small(), Lsn(0)).unwrap().0.len(), 7);
    sealed.flip_bit(&name, before.offset + 500, 0);
    assert_eq!(recovered(&sealed, &small(), Lsn(0)).unwrap_err().code, SqlState::DATA_CORRUPTED);
    // Reading from behind the damage still works.
    let (records, _) = recovered(&sealed, &small(), after.lsn).unwrap_or_else(|e| (Vec::new(), fail(e)));
    assert!(records.len() <= 1);
}

/// The damage may lie in the segment that has to be scanned: then refusing is right.
fn fail(e: DbError) -> LogTail {
    assert_eq!(e.code, SqlState::DATA_CORRUPTED);
    LogTail { segment: 0, offset: 0, index: 0, lsn: Lsn(0), prev_crc: 0, writer_epoch: 0 }
}

#[test]
fn every_single_bit_flip_is_cut_off_or_refused() {
    let disk = SimDisk::new();
    let (_, after) = unsealed(&disk);
    let whole = recovered(&disk, &small(), Lsn(0)).unwrap().0;
    let name = format!("wal/{:016x}", after.segment);
    for at in (0..after.offset).step_by(61) {
        let rotten = disk.fork();
        rotten.flip_bit(&name, at, (at % 8) as u8);
        match recovered(&rotten, &small(), Lsn(0)) {
            Ok((records, _)) => assert!(whole.starts_with(&records) && records.len() >= whole.len() - 1),
            Err(e) => assert_eq!(e.code, SqlState::DATA_CORRUPTED),
        }
    }
}

#[test]
fn a_write_error_stops_the_log() {
    for nth in 3..8 {
        let faults = SimFaults { write_error_at: Some(nth), ..SimFaults::default() };
        let poison = Poison::default();
        let poison2 = poison.clone();
        let acked = Arc::new(Mutex::new(Vec::new()));
        let acked2 = acked.clone();
        let disk = SimDisk::new();
        world(nth, &disk, faults, move |io, rt| async move {
            let Ok(log) = Log::create(io, rt.clone(), poison2.clone(), small()).await else { return };
            // Enough for several segments, so that a failure to prepare one is met.
            sessions(log.clone(), rt, 4, 40, acked2).await;
            assert!(poison2.is_tripped());
            assert!(log.wait_stable(Lsn(log.end_lsn().0)).await.is_err() || log.stable_lsn() == log.end_lsn());
            assert!(matches!(log.reserve(10), Err(ReserveError::Failed(_))));
            assert!(log.shutdown().await.is_err());
        })
        .unwrap();
        for fate in 0..4 {
            if let Ok((records, _)) = recovered(&disk.crash(fate), &small(), Lsn(0)) {
                assert!(acked.lock().iter().all(|(_, end)| records.iter().any(|r| r.end == *end)));
            }
        }
        assert!(poison.is_tripped() || acked.lock().is_empty());
    }
}

#[test]
fn the_ring_is_bounded_and_drains() {
    world(3, &SimDisk::new(), SimFaults::default(), |io, rt| async move {
        let log = Log::create(io, rt.clone(), Poison::default(), small()).await.unwrap();
        assert!(matches!(log.reserve(log.config().max_record() + 1), Err(ReserveError::Failed(_))));
        let mut held = Vec::new();
        let full = loop {
            match log.reserve(10_000) {
                Ok(r) => held.push(r),
                Err(e) => break e,
            }
        };
        assert!(matches!(full, ReserveError::Full));
        assert_eq!(held.len(), (256 << 10) / 10_004);
        for (i, r) in held.into_iter().enumerate() {
            log.append(r, &record(i as u64, 9_000), Some(Scn(i as u64 + 1)));
        }
        // Unused rests came back, so the ring holds the appended bytes only; waiting drains it.
        let r = log.reserve_wait(30_000).await.unwrap();
        assert_eq!(r.bytes(), 30_000);
        drop(r);
        log.wait_stable(log.end_lsn()).await.unwrap();
        for _ in 0..8 {
            drop(log.reserve_wait(30_000).await.unwrap());
        }
    })
    .unwrap();
}

#[test]
fn batches_carry_their_scn_range() {
    let disk = SimDisk::new();
    let header = world(3, &disk, SimFaults::default(), |io, rt| async move {
        let log = Log::create(io.clone(), rt, Poison::default(), small()).await.unwrap();
        for scn in [None, Some(Scn(7)), None, Some(Scn(9))] {
            let room = log.reserve(8).unwrap();
            log.append(room, &record(0, 8), scn);
        }
        log.wait_stable(log.end_lsn()).await.unwrap();
        let mut reader = LogReader::open(io.clone(), small(), Lsn(0)).await.unwrap();
        reader.next().await.unwrap().unwrap().header
    });
    let header = header.unwrap();
    assert_eq!((header.scn_lo, header.scn_hi), (7, 9));
}

#[test]
fn segments_are_recycled_below_the_lowest_mark() {
    let disk = SimDisk::new();
    let keep = world(3, &disk, SimFaults::default(), |io, rt| async move {
        let log = Log::create(io.clone(), rt.clone(), Poison::default(), small()).await.unwrap();
        let mut mark = Lsn(0);
        for round in 0..40 {
            for i in 0..20 {
                append(&log, &record(round * 20 + i, 2000)).await.unwrap();
            }
            log.wait_stable(log.end_lsn()).await.unwrap();
            if round > 0 {
                log.keep().set("checkpoint", mark);
                log.recycle().await.unwrap();
            }
            mark = log.end_lsn();
            assert!(log.disk_bytes() <= 7 * (64 << 10), "{} bytes after round {round}", log.disk_bytes());
        }
        let lowest = log.keep().lowest().unwrap();
        let first = LogReader::record_at(io, small(), lowest).await.unwrap();
        assert_eq!((first.start, number(&first)), (lowest, 38 * 20 + 20));
        log.shutdown().await.unwrap();
        lowest
    });
    let keep = keep.unwrap();
    let (records, tail) = recovered(&disk, &small(), keep).unwrap();
    assert_eq!(records.len(), 20);
    assert!(tail.segment > 20);
    assert_eq!(recovered(&disk, &small(), Lsn(5)).unwrap_err().code, SqlState::DATA_CORRUPTED);
}

#[test]
fn a_full_log_refuses_ordinary_writers_only() {
    let cfg = LogConfig { max_wal_bytes: 5 * (64 << 10), ..small() };
    world(3, &SimDisk::new(), SimFaults::default(), |io, rt| async move {
        let log = Log::create(io, rt, Poison::default(), cfg).await.unwrap();
        let refused = loop {
            match append(&log, &record(0, 5000)).await {
                Ok((_, end)) => log.wait_stable(end).await.unwrap(),
                Err(e) => break e,
            }
        };
        assert_eq!(refused.code, SqlState::DISK_FULL);
        let room = log.reserve_critical(100).unwrap();
        let (_, end) = log.append(room, &record(1, 100), None);
        log.wait_stable(end).await.unwrap();
        log.keep().set("checkpoint", end);
        log.recycle().await.unwrap();
        append(&log, &record(2, 5000)).await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_read_error_is_not_taken_for_the_tail() {
    let disk = SimDisk::new();
    unsealed(&disk);
    for nth in 1..4 {
        let faults = SimFaults { read_error_at: Some(nth), ..SimFaults::default() };
        let outcome = world(0, &disk, faults, |io, _| async move { read_all(&io, &small(), Lsn(0)).await }).unwrap();
        assert!(outcome.is_err_and(|e| e.code == SqlState::IO_ERROR));
    }
}

#[test]
fn another_clusters_log_is_not_read() {
    let disk = SimDisk::new();
    unsealed(&disk);
    let foreign = LogConfig { cluster_id: 43, ..small() };
    assert_eq!(recovered(&disk, &foreign, Lsn(0)).unwrap_err().code, SqlState::DATA_CORRUPTED);
}

#[test]
fn an_idle_log_sleeps() {
    let rt = SimRuntime::new(1);
    let io = SimIo::new(&rt, &SimDisk::new(), SimFaults::default());
    let rt2 = rt.clone();
    let stop = rt.block_on(async move {
        let log = Log::create(io, rt2, Poison::default(), small()).await.unwrap();
        append(&log, &record(0, 10)).await.unwrap();
        drop(log.wait_stable(log.end_lsn()).now_or_never());
        std::future::pending::<()>().await;
    });
    // No timer is left once the SEAL is written, so the world comes to rest.
    assert_eq!(stop, Err(SimStop::Deadlock(vec!["main", "log writer"])));
    rt.shutdown();
}

/// Commits through a real backend from several tasks, restarts, reads everything back.
fn on_real_files(method: IoMethod) {
    let dir = TempDir::new();
    let Ok(io) = open_dir(&dir.0, method) else { return };
    let cfg = LogConfig { segment_size: 1 << 20, ..LogConfig::new(7) };
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let rt: RuntimeRef = TokioRuntime::new(tokio.handle().clone());
    tokio.block_on(async {
        let log = Log::create(io.clone(), rt.clone(), Poison::default(), cfg.clone()).await.unwrap();
        let acked = Arc::new(Mutex::new(Vec::new()));
        sessions(log.clone(), rt.clone(), 16, 100, acked.clone()).await;
        assert_eq!(acked.lock().len(), 1600);
        log.shutdown().await.unwrap();
        let (records, tail) = read_all(&io, &cfg, Lsn(0)).await.unwrap();
        assert_eq!(records.len(), 1600);
        let log = Log::open(io.clone(), rt, Poison::default(), cfg.clone(), tail, tail.writer_epoch + 1).await.unwrap();
        let (start, end) = append(&log, &record(1600, 5000)).await.unwrap();
        log.wait_stable(end).await.unwrap();
        log.shutdown().await.unwrap();
        assert_eq!(number(&LogReader::record_at(io, cfg, start).await.unwrap()), 1600);
    });
}

#[test]
fn on_io_uring() {
    on_real_files(IoMethod::IoUring);
}

#[test]
fn on_worker_threads() {
    on_real_files(IoMethod::Worker);
}
