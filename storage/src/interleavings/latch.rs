//! Frames and the mapping: a page found is that page, latches exclude, and a checkpoint's redo position misses no change.

use super::explore;
use crate::buf::{Access, Pool};
use crate::page::{PAGE_SIZE, PageKind};
use rustydb_base::{PageId, RelId};
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

fn pid(b: u32) -> PageId {
    PageId::new(RelId(20_000), b)
}

/// Three pages in two frames: whoever finds a page by hint or map has that one, alone if for writing.
#[test]
fn a_page_found_is_that_page() {
    explore(|| {
        let pool = Pool::new(2);
        let threads: Vec<_> = (0..3u32)
            .map(|t| {
                let pool = pool.clone();
                thread::spawn(move || {
                    for i in 0..3 {
                        let id = pid((t + i) % 3);
                        let written = match pool.write(id) {
                            Ok(g) => Some(g),
                            Err(_) => pool.create(id).ok(),
                        };
                        let Some(mut g) = written else { continue };
                        assert_eq!(g.pid(), id);
                        let mark = (t + 1).to_le_bytes();
                        g.0[100..104].copy_from_slice(&mark);
                        thread::yield_now();
                        assert_eq!(g.0[100..104], mark, "two writers in one page");
                        g.0[104..108].copy_from_slice(&id.block.to_le_bytes());
                        drop(g);
                        if let Ok(g) = pool.read(id, Access::Point) {
                            assert_eq!(g.0[104..108], id.block.to_le_bytes());
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().expect("no thread panics"));
    });
}

/// Every change at or behind the redo position that a checkpoint computes is on disk, whatever the page writer is doing.
#[test]
fn a_redo_position_misses_no_change() {
    explore(|| {
        let pool = Pool::new(3);
        for b in 0..2 {
            drop(pool.create(pid(b)).map(|mut g| g.format(pid(b), PageKind::Heap)));
        }
        let end = Arc::new(AtomicU64::new(10));
        let disk = Arc::new(Mutex::new([0u64; 2]));
        let changes = Arc::new(Mutex::new(Vec::new()));
        let mut threads = Vec::new();
        for t in 0..2u32 {
            let (pool, end, changes) = (pool.clone(), end.clone(), changes.clone());
            threads.push(thread::spawn(move || {
                for i in 0..2 {
                    let b = (t + i) % 2;
                    let Ok(mut g) = pool.write(pid(b)) else { panic!("three frames are enough for two pages") };
                    let start = end.fetch_add(1, Ordering::SeqCst);
                    changes.lock().expect("no thread panics").push((b, start));
                    g.set_lsn(rustydb_base::Lsn(start + 1));
                    g.mark_dirty(start);
                }
            }));
        }
        let (p, d) = (pool.clone(), disk.clone());
        threads.push(thread::spawn(move || {
            for _ in 0..3 {
                for (_, idx) in p.dirty_pages(8) {
                    let mut copy = vec![0; PAGE_SIZE];
                    let mut lsn = 0;
                    if let Some(id) = p.begin_write(idx, &mut copy, &mut |page| lsn = page.lsn().0) {
                        thread::yield_now();
                        d.lock().expect("no thread panics")[id.block as usize] = lsn;
                        p.end_write(idx);
                    }
                }
            }
        }));
        for _ in 0..2 {
            let log_end = end.load(Ordering::SeqCst);
            let redo = pool.min_rec_lsn().map_or(log_end, |l| l.0.min(log_end));
            let disk = *disk.lock().expect("no thread panics");
            for (b, start) in changes.lock().expect("no thread panics").iter() {
                assert!(
                    *start >= redo || disk[*b as usize] > *start,
                    "change {start} of {b} is before {redo} and lost"
                );
            }
        }
        threads.into_iter().for_each(|t| t.join().expect("no thread panics"));
    });
}
