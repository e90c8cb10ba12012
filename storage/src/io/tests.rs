//! One contract for all backends, then what is particular to the simulated disk's faults.

use super::sim::{SECTOR, SimDisk, SimFaults, SimIo};
use super::*;
use crate::sim::{SimRuntime, SimStop};
use futures::FutureExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory of its own below the system's temporary one, removed when dropped.
pub(crate) struct TempDir(pub PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("rustydb-io-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        TempDir(dir)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn filled(len: usize, byte: u8) -> AlignedBuf {
    let mut buf = AlignedBuf::with_len(len);
    buf.fill(byte);
    buf
}

/// What every backend must do.
async fn contract(io: IoRef) -> Result<()> {
    assert_eq!(io.open("none", OpenMode::default()).await.unwrap_err().code, SqlState::UNDEFINED_FILE);
    assert!(io.open("../out", OpenMode::PAGES).await.is_err());
    assert_eq!(io.remove("none").await.unwrap_err().code, SqlState::UNDEFINED_FILE);
    io.mkdir("d").await?;
    io.mkdir("d").await?;
    let f = io.open("d/a", OpenMode::PAGES).await?;
    io.write(&f, 8192, filled(8192, 3)).await?;
    assert_eq!(io.len(&f).await?, 16384);
    let got = io.read(&f, 4096, AlignedBuf::with_len(16384)).await?;
    assert!(got[..4096].iter().all(|b| *b == 0) && got[4096..12288].iter().all(|b| *b == 3));
    assert!(got[12288..].iter().all(|b| *b == 0), "beyond the end reads as zeros");
    io.punch(&f, 8192, 4096).await?;
    let got = io.read(&f, 8192, AlignedBuf::with_len(8192)).await?;
    assert!(got[..4096].iter().all(|b| *b == 0) && got[4096..].iter().all(|b| *b == 3));
    io.sync(&f).await?;
    io.set_len(&f, 4096).await?;
    assert_eq!(io.len(&f).await?, 4096);
    io.sync_dir("d").await?;
    io.sync_dir("").await?;

    // Many at once, more than the queue takes; dropped futures still write.
    let g = io.open("d/b", OpenMode { dsync: true, ..OpenMode::PAGES }).await?;
    let writes = (0..3 * QUEUE_DEPTH).map(|i| io.write(&g, (i * 4096) as u64, filled(4096, i as u8)));
    futures::future::try_join_all(writes).await?;
    drop(io.write(&g, 0, filled(4096, 77)));
    io.sync(&g).await?;
    let mut seen = 0;
    for _ in 0..1000 {
        seen = io.read(&g, 0, AlignedBuf::with_len(4096)).await?[9];
        if seen == 77 {
            break;
        }
    }
    assert_eq!(seen, 77);
    let back = io.read(&g, 0, AlignedBuf::with_len(3 * QUEUE_DEPTH * 4096)).await?;
    assert!(back.chunks(4096).enumerate().skip(1).all(|(i, c)| c.iter().all(|b| *b == i as u8)));

    io.rename("d/b", "d/c").await?;
    assert_eq!(io.list("d").await?, ["a", "c"]);
    io.remove("d/a").await?;
    assert_eq!(io.list("d").await?, ["c"]);
    write_small(&*io, "small", b"hello").await?;
    write_small(&*io, "small", b"hi").await?;
    assert_eq!(read_small(&*io, "small", 100).await?, b"hi");
    assert_eq!(read_small(&*io, "small", 1).await.unwrap_err().code, SqlState::DATA_CORRUPTED);
    assert_eq!(io.list("").await?, ["d", "small"]);
    Ok(())
}

#[test]
fn worker_contract() {
    let dir = TempDir::new();
    let io = open_dir(&dir.0, IoMethod::Worker).unwrap();
    assert_eq!(io.method(), "worker");
    futures::executor::block_on(contract(io)).unwrap();
}

#[test]
fn uring_contract() {
    let dir = TempDir::new();
    // Where io_uring is forbidden, the probe's refusal is what is tested.
    match open_dir(&dir.0, IoMethod::IoUring) {
        Ok(io) => futures::executor::block_on(contract(io)).unwrap(),
        Err(e) => assert_eq!(e.code, SqlState::IO_ERROR),
    }
    assert!(std::fs::read_dir(&dir.0).unwrap().all(|e| !e.unwrap().file_name().to_string_lossy().contains("probe")));
}

#[test]
fn uring_runs_tasks_near_the_log() {
    let dir = TempDir::new();
    let Ok(io) = open_dir(&dir.0, IoMethod::IoUring) else { return };
    let (tx, rx) = crate::rt::oneshot::channel();
    let io2 = io.clone();
    let task = async move {
        let mode = OpenMode { class: IoClass::Log, ..OpenMode::PAGES };
        let f = io2.open("x", mode).await.unwrap();
        io2.write(&f, 0, filled(4096, 1)).await.unwrap();
        let _ = tx.send(std::thread::current().name().map(str::to_owned));
    };
    assert!(io.spawn_near("log writer", task.boxed()).is_ok());
    assert_eq!(futures::executor::block_on(rx).unwrap().as_deref(), Some("log writer"));
}

#[test]
fn io_method_setting() {
    assert_eq!("IO_URING".parse::<IoMethod>().unwrap(), IoMethod::IoUring);
    assert_eq!("posix".parse::<IoMethod>().unwrap_err().code, SqlState::INVALID_PARAMETER_VALUE);
}

/// Runs `body` in a world over `disk`.
fn world<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    seed: u64,
    disk: &SimDisk,
    faults: SimFaults,
    body: impl FnOnce(IoRef) -> F,
) -> Result<T, SimStop> {
    let rt = SimRuntime::new(seed);
    let io = SimIo::new(&rt, disk, faults);
    let out = rt.block_on(body(io));
    rt.shutdown();
    out
}

#[test]
fn sim_contract() {
    for seed in 0..5 {
        world(seed, &SimDisk::new(), SimFaults::default(), contract).unwrap().unwrap();
    }
}

#[test]
fn sim_crash_keeps_what_was_synced_and_tears_the_rest() {
    let disk = SimDisk::new();
    world(1, &disk, SimFaults::default(), |io| async move {
        let f = io.open("f", OpenMode::PAGES).await.unwrap();
        io.write(&f, 0, filled(8192, 1)).await.unwrap();
        io.sync(&f).await.unwrap();
        io.sync_dir("").await.unwrap();
        io.write(&f, 0, filled(8192, 2)).await.unwrap();
        io.open("unsynced-name", OpenMode::PAGES).await.unwrap();
    })
    .unwrap();
    let (mut all_old, mut all_new, mut torn, mut named) = (0, 0, 0, 0);
    for seed in 0..200 {
        let after = disk.crash(seed);
        let content = after.content("f").unwrap();
        for sector in content.chunks(SECTOR) {
            assert!(sector.iter().all(|b| *b == sector[0]) && (1..=2).contains(&sector[0]), "sectors are atomic");
        }
        match (content.contains(&1), content.contains(&2)) {
            (true, false) => all_old += 1,
            (false, true) => all_new += 1,
            _ => torn += 1,
        }
        named += usize::from(after.files().len() == 2);
        assert_eq!(after.crash(seed ^ 1).content("f"), Some(content), "a reboot's disk has nothing in doubt");
    }
    assert!(all_old > 10 && all_new > 10 && torn > 10 && (20..180).contains(&named));
    assert_eq!(disk.kill(0).content("f"), Some(vec![2; 8192]));
}

#[test]
fn sim_dsync_is_durable_at_completion() {
    let disk = SimDisk::new();
    world(1, &disk, SimFaults::default(), |io| async move {
        let f = io.open("f", OpenMode::LOG.creating()).await.unwrap();
        io.sync_dir("").await.unwrap();
        io.write(&f, 4096, filled(4096, 5)).await.unwrap();
    })
    .unwrap();
    for seed in 0..50 {
        assert_eq!(disk.crash(seed).content("f").unwrap()[4096..], [5; 4096]);
    }
}

#[test]
fn sim_crash_at_every_change_stops_the_run() {
    let body = |io: IoRef| async move {
        for i in 0..4u64 {
            let f = io.open("f", OpenMode::PAGES).await.unwrap();
            io.write(&f, i * 4096, filled(4096, 1)).await.unwrap();
            io.sync(&f).await.unwrap();
        }
    };
    let (rt, disk) = (SimRuntime::new(9), SimDisk::new());
    let io = SimIo::new(&rt, &disk, SimFaults::default());
    rt.block_on(body(io.clone())).unwrap();
    assert_eq!(io.changes(), 9);
    for n in 1..=9 {
        let faults = SimFaults { crash_at: Some(n), ..SimFaults::default() };
        assert_eq!(world(9, &SimDisk::new(), faults, body), Err(SimStop::Crashed));
    }
}

#[test]
fn sim_injected_errors() {
    let faults = SimFaults {
        write_error_at: Some(2),
        sync_error_at: Some(1),
        read_error_at: Some(1),
        flip_read_at: Some(2),
        lose_write_at: Some(3),
        capacity: Some(3 * 4096),
        ..SimFaults::default()
    };
    world(4, &SimDisk::new(), faults, |io| async move {
        let f = io.open("f", OpenMode::PAGES).await.unwrap();
        io.write(&f, 0, filled(4096, 1)).await.unwrap();
        assert_eq!(io.write(&f, 4096, filled(4096, 1)).await.unwrap_err().code, SqlState::IO_ERROR);
        assert_eq!(io.sync(&f).await.unwrap_err().code, SqlState::IO_ERROR);
        assert_eq!(io.read(&f, 0, AlignedBuf::zeroed(4096)).await.unwrap_err().code, SqlState::IO_ERROR);
        let flipped = io.read(&f, 0, AlignedBuf::zeroed(4096)).await.unwrap();
        assert_eq!(flipped.iter().map(|b| (b ^ 1).count_ones()).sum::<u32>(), 1);
        io.write(&f, 0, filled(4096, 9)).await.unwrap();
        assert_eq!(io.read(&f, 0, AlignedBuf::zeroed(4096)).await.unwrap()[0], 1, "the lost write");
        assert_eq!(io.write(&f, 0, filled(32768, 1)).await.unwrap_err().code, SqlState::DISK_FULL);
    })
    .unwrap();
}
