//! Streams: order, page crossings, bounds, recovery of the tail, writers at the same time.

use super::*;
use crate::heap::tests::{Bench, REL};
use crate::mtr::Mtr;
use crate::txn::TxnCx;
use crate::wait::{Op, Wait};
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{Rid, Xid};

fn put(b: &Bench, streams: &Streams, txn: &mut TxnCx, payload: &[u8]) -> Op<UndoPtr> {
    let mut m: Mtr<'_> = b.core.mtr(txn.xid);
    let slot = streams.prepare(&mut m, txn, REL.id, payload.len())?;
    m.reserve(slot.log_bytes())?;
    let head = UndoHead::plain(UndoType::Insert, REL.id, Rid { block: 9, slot: 3 });
    streams.apply(&mut m, &slot, txn, &head, payload);
    m.finish();
    Ok(txn.last_undo)
}

#[test]
fn records_come_back_in_order_and_the_tail_is_found() {
    let mut b = Bench::new();
    let mut t = b.begin();
    let s = &b.core.undo;
    let mut ptrs = Vec::new();
    for i in 0..300usize {
        ptrs.push(put(&b, s, &mut t, &vec![i as u8; i * 13 % 1500]).expect("room"));
    }
    ptrs.push(put(&b, s, &mut t, &[1; MAX_PAYLOAD]).expect("a page of its own"));
    let (mut off, mut n) = (0, 0);
    while let Some((rec, next)) = s.next(t.stream, off, &b.core.pool).expect("in memory") {
        assert_eq!((rec.ptr, rec.xid, rec.rid), (ptrs[n], t.xid, Rid { block: 9, slot: 3 }));
        assert_eq!(rec.prev_in_txn, if n == 0 { UndoPtr::NONE } else { ptrs[n - 1] });
        assert_eq!(s.read(rec.ptr, &b.core.pool).expect("in memory"), rec);
        (off, n) = (next, n + 1);
    }
    assert_eq!(n, ptrs.len());
    // A new start with the checkpoint's tail in the middle finds the real one.
    let tail = s.bounds()[t.stream as usize].1;
    for (from, want) in [(0, tail), (ptrs[100].offset(), tail), (tail, tail), (tail + 100, tail), (tail + 8192, tail)] {
        let mut bounds = vec![(0, 0); 2];
        bounds[t.stream as usize] = (0, from);
        let again = Streams::restore(&bounds, 1 << 30, 0);
        // The page after the last is not in memory; to the reader that is a page never written.
        for beyond in 1..3 {
            drop(b.core.pool.create(rustydb_base::PageId::new(stream_rel(t.stream), (tail / 8192 + beyond) as u32)));
        }
        assert_eq!(again.find_tail(t.stream, &b.core.pool, &mut TailSearch::default()).expect("in memory"), want);
    }
    // Below the head there is nothing.
    s.truncate(t.stream, ptrs[200].offset()).expect("stream exists");
    assert!(s.read(ptrs[200], &b.core.pool).is_ok());
    let gone = s.read(ptrs[199], &b.core.pool);
    assert!(matches!(gone, Err(Wait::Fail(e)) if e.code == SqlState::SNAPSHOT_TOO_OLD));
    assert_eq!(s.take_droppable(t.stream, u64::MAX), None, "less than a segment");
    b.check_redo();
}

#[test]
fn full_streams_refuse() {
    let mut b = Bench::new();
    let mut t = b.begin();
    let s = Streams::new(2, 5 * 8192);
    let mut n = 0;
    let full = loop {
        match put(&b, &s, &mut t, &[0; 1000]) {
            Ok(_) => n += 1,
            Err(e) => break e,
        }
    };
    assert!(matches!(full, Wait::Fail(e) if e.code == SqlState::DISK_FULL));
    assert!(n >= 28 && s.bytes() <= s.limit(), "{n} records, {} bytes", s.bytes());
    // Purge makes room again.
    s.truncate(t.stream, u64::MAX).expect("stream exists");
    put(&b, &s, &mut t, &[0; 1000]).expect("room");
}

#[test]
fn writers_at_the_same_time_never_share_bytes() {
    let b = Bench::new();
    let s = &b.core.undo;
    std::thread::scope(|sc| {
        for w in 0..4u64 {
            let b = &b;
            sc.spawn(move || {
                let mut t = TxnCx {
                    xid: Xid(100 + w),
                    stream: 1,
                    last_undo: UndoPtr::NONE,
                    last_memory_undo: UndoPtr::NONE,
                    cid: 0,
                    isolation: crate::txn::Isolation::ReadCommitted,
                    dep_lsn: rustydb_base::Lsn(0),
                    slot: 0,
                    ssi: crate::ssi::SxId::NONE,
                };
                for i in 0..400usize {
                    while let Err(e) = put(b, &b.core.undo, &mut t, &vec![w as u8; (i * 37 + w as usize * 11) % 900]) {
                        assert!(matches!(e, Wait::Restart), "{e:?}");
                    }
                }
            });
        }
    });
    let (mut off, mut n) = (0, [0; 4]);
    while let Some((rec, next)) = s.next(1, off, &b.core.pool).expect("in memory") {
        let w = (rec.xid.0 - 100) as usize;
        assert!(rec.payload.iter().all(|x| *x as usize == w));
        n[w] += 1;
        off = next;
    }
    assert_eq!(n, [400; 4]);
    assert!(!b.core.poison.is_tripped());
}
