//! The check of a directory: whatever is damaged is found, and nothing else is.

use super::check::{KEK, encrypted, options, options_of};
use super::rows::{self, Encoded, key};
use rustydb_base::Result;
use rustydb_storage::io::overlay::OverlayIo;
use rustydb_storage::io::sim::{SimDisk, SimFaults, SimIo};
use rustydb_storage::rt::RuntimeRef;
use rustydb_storage::sim::SimRuntime;
use rustydb_storage::store::{CommitOptions, RelationKind, Store, StoreOptions};
use rustydb_storage::table::{Inserted, Key, TableDesc};
use rustydb_storage::txn::Isolation;
use rustydb_storage::verify::{Findings, disk, is_damage};
use std::sync::Arc;

/// Bytes that the check reads of a page: all of them.
const PAGE: usize = 8192;

/// Everything of a store that belongs to these tables.
pub async fn look(store: &Arc<Store>, tables: &[TableDesc]) -> Result<Findings> {
    let mut out = Findings::default();
    let quiet = store.quiet().await?;
    store.check_shared(&mut out).await?;
    for d in tables {
        store.check_heap(d.rel, &d.layout, &mut out).await?;
        for idx in &d.indexes {
            store.check_index(idx, &mut out).await?;
        }
    }
    drop(quiet);
    Ok(out)
}

/// Both looks at a disk, which stays as it is.
fn check(found: &SimDisk, tables: &[TableDesc]) -> Findings {
    let rt = SimRuntime::new(3);
    let io = SimIo::new(&rt, found, SimFaults::default());
    let (rt2, tables): (RuntimeRef, _) = (rt.clone(), tables.to_vec());
    let opts = options_of(found);
    let before: Vec<_> = found.files().into_iter().map(|f| (found.content(&f), f)).collect();
    let out = rt
        .block_on(async move {
            let io: rustydb_storage::io::IoRef = io;
            let mut out = disk::check(&opts, &io).await?;
            if out.list().iter().any(|f| f.rel.is_none()) {
                return Ok(out);
            }
            match Store::open(opts, OverlayIo::new(io, 1 << 16), rt2).await {
                Ok(store) => {
                    out.extend(look(&store, &tables).await?);
                    // A page that is damaged may keep the store from stopping in order.
                    let _ = store.shutdown().await;
                }
                Err(e) if is_damage(&e) => out.file("(start)", None, e.message.into_owned()),
                Err(e) => return Err(e),
            }
            Ok::<_, rustydb_base::DbError>(out)
        })
        .expect("no power cut")
        .expect("the check can look");
    rt.shutdown();
    let after: Vec<_> = found.files().into_iter().map(|f| (found.content(&f), f)).collect();
    assert!(before == after, "the check has changed the directory");
    out
}

/// A directory with a table, a sequence and undo, shut down in order or not.
fn directory(clean: bool, opts: StoreOptions) -> (SimDisk, TableDesc) {
    let (rt, sim) = (SimRuntime::new(1), SimDisk::new());
    let io = SimIo::new(&rt, &sim, SimFaults::default());
    let rt2: RuntimeRef = rt.clone();
    let desc = rt
        .block_on(async move {
            let store = Store::open(opts, io, rt2).await?;
            let mut t = store.begin(Isolation::ReadCommitted)?;
            let d = rows::create(&mut t).await?;
            let start = rustydb_storage::sequence::SequenceState { last: 1, is_called: false };
            t.create_relation(RelationKind::Sequence(start), true).await?;
            let mut rids = Vec::new();
            for k in 0..300 {
                let row = (Some(k % 7), (if k % 20 == 0 { 20_000 } else { 90 }, k as u8));
                let e = Encoded::new(k, &row);
                let keys = [key(k), key(k % 7)];
                let of_v = Some(Key { bytes: keys[1].as_slice(), unique: false });
                let keys = [Some(Key { bytes: keys[0].as_slice(), unique: true }), of_v, of_v, of_v, of_v];
                let Inserted::Row(rid) = t.insert(&d, &e.values(), &keys).await? else { panic!("a new key") };
                rids.push((k, rid, row));
            }
            let done = t.commit(CommitOptions::default()).await?;
            store.gate(done.lsn).await?;
            // Older versions that a snapshot, held to the end, still needs.
            let mut old = store.begin(Isolation::RepeatableRead)?;
            old.snapshot();
            let mut t = store.begin(Isolation::ReadCommitted)?;
            for (k, rid, row) in rids.iter().step_by(3) {
                let snap = t.snapshot();
                let mut image = Vec::new();
                assert!(t.fetch(&snap, d.rel, *rid, &mut image).await?);
                let new = Encoded::new(*k, &(row.0, (140, 9)));
                t.update(&d, &snap, *rid, &image, &new.values(), &[], false).await?;
                t.next_command();
            }
            let done = t.commit(CommitOptions::default()).await?;
            store.gate(done.lsn).await?;
            store.checkpoint().await?;
            if clean {
                old.abort().await?;
                store.shutdown().await?;
            }
            Ok::<_, rustydb_base::DbError>(d)
        })
        .expect("no power cut")
        .expect("a directory");
    rt.shutdown();
    (if clean { sim } else { sim.kill(7) }, desc)
}

#[test]
fn an_undamaged_directory_has_nothing_to_report() {
    for (clean, opts) in [(true, options()), (false, options()), (true, encrypted()), (false, encrypted())] {
        let (sim, d) = directory(clean, opts);
        let found = check(&sim, &[d]);
        assert!(found.is_clean(), "clean {clean}: {:?}", found.list());
    }
}

#[test]
fn a_flipped_bit_is_found_in_every_kind_of_file() {
    flip(options());
    flip(encrypted());
}

fn flip(opts: StoreOptions) {
    let (sim, d) = directory(true, opts);
    let tables = [d];
    let mut tried = 0;
    for file in sim.files() {
        let len = sim.content(&file).map_or(0, |c| c.len());
        let places: Vec<u64> = if file == "control" {
            vec![0, 17, 47, 4096 + 30]
        } else if file == "keys" {
            vec![0, 9, 30, 60, len as u64 - 1]
        } else if file == "dwb" {
            vec![3, 100]
        } else if file.starts_with("wal/") {
            // The first batch of the first segment, which the last checkpoint's redo position lies behind.
            if file.ends_with("0001") { vec![20, 90, 100] } else { vec![] }
        } else {
            // Of each page a byte of the header, of the body and of the trailer.
            (0..len / PAGE).flat_map(|p| [5, 2000 + p % 4000, 8190].map(|o| (p * PAGE + o) as u64)).collect()
        };
        for (i, at) in places.into_iter().enumerate() {
            // Every page of a small file, every fifth of a large one.
            if len > 40 * PAGE && !i.is_multiple_of(5) {
                continue;
            }
            let rotten = sim.fork();
            assert!(rotten.flip_bit(&file, at, 3));
            let found = check(&rotten, &tables);
            let named = found.list().iter().any(|f| f.file == file || (f.file == "wal" && file.starts_with("wal/")));
            assert!(named, "{file} at {at}: {:?}", found.list());
            tried += 1;
        }
    }
    assert!(tried > 100, "only {tried} flips tried");
}

/// Damage that checksums do not see: a page with content of its own making.
#[test]
fn a_page_that_contradicts_others_is_found() {
    let (sim, d) = directory(true, options());
    let tables = [d.clone()];
    let forge = |file: &str, block: usize, at: usize, bytes: &[u8]| {
        let bad = sim.fork();
        let content = bad.content(file).expect("there");
        let mut page = content[block * PAGE..(block + 1) * PAGE].to_vec();
        page[at..at + bytes.len()].copy_from_slice(bytes);
        let crc = crc32c::crc32c(&page[4..]);
        page[..4].copy_from_slice(&crc.to_le_bytes());
        assert!(bad.overwrite(file, (block * PAGE) as u64, &page));
        check(&bad, &tables)
    };
    let file = |rel: rustydb_base::RelId| format!("base/{}.0", rel.0);
    let heap = file(d.rel.id);
    // A slot moved, a row's length gone, the free space miscounted, an undo pointer that leads nowhere.
    for (at, bytes) in [(48, &[0xff, 0x10][..]), (50, &[0, 0]), (40, &[9, 9]), (28, &[0, 1])] {
        let found = forge(&heap, 1, at, bytes);
        assert!(found.list().iter().any(|f| f.file == heap && f.block == Some(1)), "{at}: {:?}", found.list());
    }
    // The map forgets a block, or claims one that was never used.
    for (nibbles, block) in [(0u8, 1u64), (0x55, 101)] {
        let at = 48 + block as usize / 2;
        let found = forge(&heap, 0, at, &[nibbles]);
        assert!(!found.is_clean(), "map of block {block}");
    }
    // Two entries of the primary key in the wrong order.
    let index = file(d.indexes[0].rel);
    let content = sim.content(&index).expect("there");
    let leaf = (1..content.len() / PAGE).find(|b| content[b * PAGE + 5] == 2 && content[b * PAGE + 32] == 0);
    let leaf = leaf.expect("a leaf");
    let slots = &content[leaf * PAGE + 48..leaf * PAGE + 64];
    let swapped = [&slots[8..], &slots[..8]].concat();
    let found = forge(&index, leaf, 48, &swapped);
    assert!(found.list().iter().any(|f| f.file == index), "{:?}", found.list());
    // A chunk of a big value with another one's tag.
    let overflow = file(d.rel.overflow);
    let content = sim.content(&overflow).expect("there");
    // The last value was not changed, so it is still some row's.
    let last = (1..content.len() / PAGE).rfind(|b| content[b * PAGE + 5] == 6).expect("a chunk");
    let found = forge(&overflow, last, 56, &[1, 2, 3, 4]);
    assert!(!found.is_clean());
}

/// What a disk looks like that has lost the end of its log after acknowledging it: pages are ahead of the log, and the
/// double-write file knows.
#[test]
fn what_is_ahead_of_the_log_is_found() {
    const FAR: [u8; 8] = (1u64 << 40).to_le_bytes();
    for (clean, opts) in [(true, options()), (false, options()), (true, encrypted())] {
        let (sim, d) = directory(clean, opts.clone());
        let open = |sim: &SimDisk| {
            let rt = SimRuntime::new(2);
            let io = SimIo::new(&rt, &sim.fork(), SimFaults::default());
            let (rt2, opts, d): (RuntimeRef, _, _) = (rt.clone(), opts.clone(), d.clone());
            let out = rt
                .block_on(async move {
                    let store = Store::open(opts, io, rt2).await?;
                    let page = rustydb_base::PageId::new(d.rel.id, 1);
                    let read = store.load(page, rustydb_storage::buf::Access::Point).await.map(drop);
                    let _ = store.shutdown().await;
                    read
                })
                .expect("no power cut");
            rt.shutdown();
            out
        };
        open(&sim).expect("nothing is wrong yet");
        // A page: found by the check, and refused to whoever reads it.
        let heap = format!("base/{}.0", d.rel.id.0);
        let bad = sim.fork();
        let mut page = bad.content(&heap).expect("there")[PAGE..2 * PAGE].to_vec();
        page[16..24].copy_from_slice(&FAR);
        let crc = crc32c::crc32c(&page[4..]);
        page[..4].copy_from_slice(&crc.to_le_bytes());
        if opts.encryption.source.is_none() {
            assert!(bad.overwrite(&heap, PAGE as u64, &page));
            let found = check(&bad, std::slice::from_ref(&d));
            assert!(found.list().iter().any(|f| f.file == heap && f.block == Some(1)), "{:?}", found.list());
            let e = open(&bad).expect_err("read from beyond the log");
            assert!(is_damage(&e) && e.message.contains(&heap) && e.message.contains("block 1 "), "{e:?}");
        }
        // The note: the store does not start.
        let bad = sim.fork();
        let mut head = bad.content("dwb").expect("there")[..4096].to_vec();
        assert_eq!(head[..4], *b"RDWB", "a slot keeps its note when it is cleared");
        head[4088..].copy_from_slice(&FAR);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&head[..28]), &head[32..]);
        head[28..32].copy_from_slice(&crc.to_le_bytes());
        assert!(bad.overwrite("dwb", 0, &head));
        let found = check(&bad, std::slice::from_ref(&d));
        assert!(
            found.list().iter().any(|f| f.file == "wal" && f.reason.contains("lost log writes")),
            "{:?}",
            found.list()
        );
        let e = open(&bad).expect_err("the log is too short");
        assert!(is_damage(&e) && e.message.contains("lost log writes"), "{e:?}");
    }
}

/// Whether the bytes are anywhere on the disk.
fn on_disk(disk: &SimDisk, what: &[u8]) -> bool {
    disk.files().iter().any(|f| disk.content(f).is_some_and(|c| c.windows(what.len()).any(|w| w == what)))
}

/// What a disk of one run looks like to somebody with a hex editor: nothing of the rows or keys, whenever the power fails,
/// and whatever key is in use.
#[test]
fn an_encrypted_disk_shows_neither_rows_nor_keys() {
    const MARKER: &[u8] = b"only for the eyes of the client";
    for (opts, sealed) in [(options(), false), (encrypted(), true)] {
        let (rt, sim) = (SimRuntime::new(5), SimDisk::new());
        let io = SimIo::new(&rt, &sim, SimFaults::default());
        let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (seen2, sim2) = (seen.clone(), sim.clone());
        io.observe(Arc::new(move |n| {
            if n.is_multiple_of(9) && on_disk(&sim2.crash(n), MARKER) {
                seen2.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }));
        let rt2: RuntimeRef = rt.clone();
        let d = rt
            .block_on(async move {
                let store = Store::open(opts, io, rt2).await?;
                let mut t = store.begin(Isolation::ReadCommitted)?;
                let d = rows::create(&mut t).await?;
                let done = t.commit(CommitOptions::default()).await?;
                store.gate(done.lsn).await?;
                let mut k = 0;
                for round in 0..6 {
                    for _ in 0..40 {
                        k += 1;
                        let mut t = store.begin(Isolation::ReadCommitted)?;
                        let mut e = Encoded::new(k, &(Some(1), (60, 1)));
                        e.payload = [&vec![k as u8; if k % 9 == 0 { 5000 } else { 30 }][..], MARKER].concat();
                        let bytes = [key(k), key(1)];
                        let of_v = Some(Key { bytes: bytes[1].as_slice(), unique: false });
                        let keys = [Some(Key { bytes: bytes[0].as_slice(), unique: true }), of_v, of_v, of_v, of_v];
                        t.insert(&d, &e.values(), &keys).await?;
                        let done = t.commit(CommitOptions::default()).await?;
                        store.gate(done.lsn).await?;
                    }
                    if round == 3 && sealed {
                        store.change_data_key().await?;
                        store.change_key_source(encrypted().encryption.source.expect("given")).await?;
                    }
                    store.checkpoint().await?;
                }
                store.shutdown().await?;
                Ok::<_, rustydb_base::DbError>(d)
            })
            .expect("no power cut")
            .expect("a run");
        rt.shutdown();
        let seen = seen.load(std::sync::atomic::Ordering::Relaxed);
        if sealed {
            assert_eq!(seen, 0, "rows were found in clear");
            assert!(!on_disk(&sim, MARKER) && !on_disk(&sim, &KEK[..16]));
            assert!(check(&sim, &[d]).is_clean());
            let pages = sim.files().into_iter().filter(|f| f.starts_with("base/")).filter_map(|f| sim.content(&f));
            for page in pages.flat_map(|c| c.chunks(PAGE).map(<[u8]>::to_vec).collect::<Vec<_>>()) {
                // The key version in the trailer; pages never written are zeros.
                assert!(page[8160] == 2 || page.iter().all(|b| *b == 0), "a page is left under the old key");
            }
        } else {
            assert!(seen > 10, "without encryption only {seen} looks found rows: the test proves nothing");
        }
    }
}

/// Without its key a directory is refused, and says why.
#[test]
fn an_encrypted_directory_needs_its_key() {
    let (sim, _) = directory(true, encrypted());
    let open = |opts: StoreOptions, sim: &SimDisk| {
        let rt = SimRuntime::new(2);
        let io = SimIo::new(&rt, sim, SimFaults::default());
        let rt2: RuntimeRef = rt.clone();
        let e = rt.block_on(async move { Store::open(opts, io, rt2).await.map(drop) }).expect("no power cut");
        rt.shutdown();
        e.expect_err("refused").message
    };
    assert!(open(options(), &sim).contains("no key is configured"));
    let mut wrong = encrypted();
    wrong.encryption.source = "command:printf %064d 7".parse().ok();
    assert!(open(wrong, &sim).contains("does not fit"));
    let (plain, _) = directory(true, options());
    assert!(open(encrypted(), &plain).contains("is not encrypted"));
}
