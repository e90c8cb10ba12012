//! Keys, pages, chunks; the directory as a whole is tried in `tests/crash`.

use super::*;
use crate::io::sim::{SimDisk, SimFaults, SimIo};
use crate::page::PageKind;
use crate::sim::SimRuntime;
use rustydb_base::{PageId, RelId};
use std::collections::BTreeSet;

fn given(b: u8) -> KeySource {
    KeySource::Given(Secret::new([b; KEY_LEN]))
}

/// Runs something on a disk.
fn on<T: Send + 'static, F: Future<Output = T> + Send + 'static>(disk: &SimDisk, f: impl FnOnce(IoRef) -> F) -> T {
    let rt = SimRuntime::new(1);
    let io: IoRef = SimIo::new(&rt, disk, SimFaults::default());
    rt.block_on(f(io)).expect("no power cut")
}

fn page() -> Box<Page> {
    let mut p = Box::new(Page([0; PAGE_SIZE]));
    p.format(PageId::new(RelId(9), 4), PageKind::Heap);
    p.0[100..108].copy_from_slice(b"in clear");
    p
}

#[test]
fn pages_come_back_and_nothing_else_does() {
    let disk = SimDisk::new();
    on(&disk, |io| async move {
        let c = Crypto::create(&io, given(1)).await.unwrap();
        let mut stored = page();
        c.seal_page(&mut stored.0).unwrap();
        stored.verify(PageId::new(RelId(9), 4)).unwrap();
        assert!(!stored.0.windows(8).any(|w| w == b"in clear"));
        let mut back = Box::new(Page(stored.0));
        c.open_page(&mut back).unwrap();
        assert_eq!(back.0[4..], page().0[4..]);
        // Header, body and trailer are all authenticated, even where the checksum is put right.
        for at in [20, 40, 5000, 8161, 8170, 8190] {
            let mut bad = Box::new(Page(stored.0));
            bad.0[at] ^= 1;
            assert_eq!(c.open_page(&mut bad).unwrap_err().code, SqlState::DATA_CORRUPTED, "byte {at}");
        }
        let mut zero = Box::new(Page([0; PAGE_SIZE]));
        c.open_page(&mut zero).unwrap();
        assert!(c.open_page(&mut page()).unwrap_err().message.contains("not encrypted"));
        // After a change of keys the old pages can be read until the old key is dropped.
        assert_eq!(c.add_key().await.unwrap(), 2);
        let mut back = Box::new(Page(stored.0));
        c.open_page(&mut back).unwrap();
        let mut newer = page();
        c.seal_page(&mut newer.0).unwrap();
        c.drop_keys_before(2).await.unwrap();
        c.open_page(&mut newer).unwrap();
        let mut back = Box::new(Page(stored.0));
        assert!(c.open_page(&mut back).unwrap_err().message.contains("key version 1, which is gone"));
    });
}

#[test]
fn the_right_key_is_needed_and_can_be_changed() {
    let disk = SimDisk::new();
    let open = |source: Option<KeySource>| on(&disk, |io| async move { Crypto::open(&io, source).await });
    let missing = open(Some(given(1))).map(drop).unwrap_err();
    assert!(missing.message.contains("is missing"), "{}", missing.message);
    on(&disk, |io| async move { Crypto::create(&io, given(1)).await.map(drop) }).unwrap();
    assert!(open(None).map(drop).unwrap_err().message.contains("no key is configured"));
    assert!(open(Some(given(2))).map(drop).unwrap_err().message.contains("does not fit"));
    on(&disk, |io| async move {
        let c = Crypto::open(&io, Some(given(1))).await?;
        c.change_source(given(2)).await
    })
    .unwrap();
    assert!(open(Some(given(1))).is_err());
    assert!(open(Some(given(2))).is_ok());
    for byte in 0..disk.content(KEYS).unwrap().len() as u64 {
        let rotten = disk.fork();
        rotten.flip_bit(KEYS, byte, 1);
        let e = on(&rotten, |io| async move { Crypto::open(&io, Some(given(2))).await.map(drop) }).unwrap_err();
        assert!(e.message.contains("damaged"), "byte {byte}: {}", e.message);
    }
    let text = disk.content(KEYS).unwrap();
    assert!(!text.windows(8).any(|w| w == [2; 8]));
}

#[test]
fn no_nonce_comes_twice_over_starts_and_copies() {
    let disk = SimDisk::new();
    on(&disk, |io| async move { Crypto::create(&io, given(1)).await.map(drop) }).unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let copy = disk.fork();
        for d in [&disk, &copy] {
            let nonces = on(d, |io| async move {
                let c = Crypto::open(&io, Some(given(1))).await?;
                (0..500).map(|_| c.seal(b"", &mut [0; 4]).map(|t| t[4..16].to_vec())).collect::<Result<Vec<_>>>()
            });
            for n in nonces.unwrap() {
                assert!(seen.insert(n), "a nonce came twice");
            }
        }
    }
}

#[test]
fn chunks_of_temporary_files_have_their_place() {
    let disk = SimDisk::new();
    on(&disk, |io| async move {
        let c = Crypto::create(&io, given(1)).await.unwrap();
        let mut out = Vec::new();
        c.seal_chunk(7, 0, b"some rows", &mut out).unwrap();
        let rest = Crypto::chunk_rest(*out.first_chunk().unwrap()).unwrap();
        assert_eq!(rest, out.len() - 4);
        assert_eq!(c.open_chunk(7, 0, out[4..].to_vec()).unwrap(), b"some rows");
        for (file, index) in [(7, 1), (8, 0)] {
            assert!(c.open_chunk(file, index, out[4..].to_vec()).is_err());
        }
        assert!(c.open_chunk(7, 0, vec![1; 3]).is_err());
        assert!(Crypto::chunk_rest([255; 4]).is_err());
    });
}
