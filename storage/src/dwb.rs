//! The double-write file: torn pages without full-page images in the log.
//!
//! Idea: a page write of 8 KiB may be torn by a power cut, and redo needs an undamaged page to begin from. So the page
//! writer first puts a batch of images into a *slot* of this file with one durable write, then writes the pages to their
//! homes and syncs those, then clears the slot. After a crash [`DoubleWrite::open`] answers the images of all slots that
//! were not cleared; recovery puts an image back where the home copy fails its checksum or identity, and only there.
//!
//! Slot (fixed size): one 4 KiB header `magic u32, version u32 | cluster_id u64 | seq u64 | count u32 | crc u32 | per
//! page: rel u32, block u32, crc32c u32`, then the images; in the header's last 8 bytes the newest LSN of any page that was
//! ever on its way home. The header's crc covers the rest of the header. A cleared slot counts no pages.
//!
//! That LSN outlives the batches: no page goes home before the log is stable up to it, so a log that ends before it has lost
//! acknowledged writes, whatever the pages at home say, and the store refuses to start ([`Saved::newest`]).
//!
//! Invariants:
//! 1. A home write begins only after its image is durable here: [`DoubleWrite::write_batch`] returns the [`DwbSlot`].
//! 2. A slot is used again only after its homes are durable and its clearing is: [`DwbSlot::clear`]. Were the clearing
//!    not durable, a stale image could later replace a page that rotted, and a silent step back in time would follow.
//! 3. An image that fails its own crc belongs to a batch whose home writes had not begun; it is ignored.
//! 4. If a page is in several slots, the image with the highest `seq` counts.
//! 5. Slots are used in turn, so a header torn while it is cleared costs only the newest of eight notes of the LSN.

use crate::io::{AlignedBuf, BLOCK, FileId, IoClass, IoRef, OpenMode, parent_dir};
use crate::page::LSN;
use parking_lot::Mutex;
use rustydb_base::{DbError, Lsn, PageId, RelId, Result};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Slots in the file: batches that can be on their way home at a time.
pub const SLOTS: usize = 8;
/// Most pages per batch.
pub const BATCH_PAGES: usize = 128;

const PAGE: usize = 8192;
const MAGIC: u32 = 0x4257_4452; // "RDWB"
const VERSION: u32 = 1;
const FIXED: usize = 32;
const PER_PAGE: usize = 12;
/// Place in the header of the newest LSN.
const NEWEST: usize = BLOCK - 8;
const SLOT_BYTES: u64 = (BLOCK + BATCH_PAGES * PAGE) as u64;
const _: () = assert!(FIXED + BATCH_PAGES * PER_PAGE <= NEWEST);

/// A page image saved before a crash.
#[derive(Debug)]
pub struct SavedPage {
    /// Which page.
    pub page: PageId,
    /// Its image as it was to be written home.
    pub image: AlignedBuf,
}

/// What a start finds in the file.
#[derive(Debug, Default)]
pub struct Saved {
    /// The images of the batches that were on their way.
    pub pages: Vec<SavedPage>,
    /// The log was stable up to here once, if the file says so.
    pub newest: Lsn,
}

/// What [`DoubleWrite::look`] has seen.
#[derive(Default)]
pub(crate) struct Look {
    /// Pages with a sound image.
    pub(crate) pages: std::collections::BTreeSet<PageId>,
    /// Slots whose header is neither clear nor valid.
    pub(crate) damaged: Vec<u64>,
    /// As [`Saved::newest`].
    pub(crate) newest: Lsn,
}

/// The double-write file of a running server.
pub struct DoubleWrite {
    inner: Arc<Inner>,
}

struct Inner {
    io: IoRef,
    file: FileId,
    cluster_id: u64,
    state: Mutex<State>,
    permits: Arc<Semaphore>,
}

struct State {
    free: VecDeque<usize>,
    seq: u64,
    /// Newest LSN of any page that was given to the file.
    newest: Lsn,
}

/// A batch on its way home; [`DwbSlot::clear`] it once the homes are synced. Dropped uncleared (after an error) it stays
/// taken until the next start, when its images are looked at.
#[must_use = "clear the slot once the home writes are durable"]
pub struct DwbSlot {
    inner: Arc<Inner>,
    number: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl DoubleWrite {
    /// Makes the file of a new database at its full size.
    pub async fn create(io: IoRef, path: &str, cluster_id: u64) -> Result<DoubleWrite> {
        let file = io.open(path, OpenMode::PAGES).await?;
        let mut zeros = AlignedBuf::zeroed(BLOCK + BATCH_PAGES * PAGE);
        for slot in 0..SLOTS as u64 {
            zeros = io.write(&file, slot * SLOT_BYTES, zeros).await?;
        }
        io.sync(&file).await?;
        io.sync_dir(parent_dir(path)).await?;
        drop(file);
        DoubleWrite::start(io, path, cluster_id, 0, Lsn(0)).await
    }

    /// Opens the file at start-up and answers what it has saved. Recovery restores each image
    /// whose home copy is damaged, syncs the homes, then calls [`DoubleWrite::clear_all`]. At most `SLOTS × BATCH_PAGES` images.
    pub async fn open(io: IoRef, path: &str, cluster_id: u64) -> Result<(DoubleWrite, Saved)> {
        let file = io.open(path, OpenMode { create: false, ..OpenMode::PAGES }).await?;
        let mut newest: BTreeMap<PageId, (u64, AlignedBuf)> = BTreeMap::new();
        let (mut last_seq, mut last_lsn) = (0, Lsn(0));
        let (mut head, mut buf) = (AlignedBuf::with_len(BLOCK), AlignedBuf::with_len(BLOCK + BATCH_PAGES * PAGE));
        for slot in 0..SLOTS as u64 {
            // Most slots are clear, which their header says.
            head = io.read(&file, slot * SLOT_BYTES, head).await?;
            let Some(header) = decode(&head, cluster_id) else { continue };
            last_lsn = last_lsn.max(header.newest);
            if header.count == 0 {
                last_seq = last_seq.max(header.seq);
                continue;
            }
            buf = io.read(&file, slot * SLOT_BYTES, buf).await?;
            let Some(Batch { seq, pages, .. }) = decode(&buf, cluster_id) else { continue };
            last_seq = last_seq.max(seq);
            for (page, image) in pages {
                if newest.get(&page).is_none_or(|(have, _)| *have < seq) {
                    newest.insert(page, (seq, AlignedBuf::padded_from(image)));
                }
            }
        }
        drop(file);
        let this = DoubleWrite::start(io, path, cluster_id, last_seq, last_lsn).await?;
        let pages = newest.into_iter().map(|(page, (_, image))| SavedPage { page, image }).collect();
        Ok((this, Saved { pages, newest: last_lsn }))
    }

    /// Looks at the file without changing it: pages whose images are saved, and slots whose header is damaged.
    pub(crate) async fn look(io: &IoRef, path: &str, cluster_id: u64) -> Result<Look> {
        let file = io.open(path, OpenMode { create: false, ..OpenMode::PAGES }).await?;
        let mut look = Look::default();
        let mut buf = AlignedBuf::with_len(BLOCK + BATCH_PAGES * PAGE);
        for slot in 0..SLOTS as u64 {
            buf = io.read(&file, slot * SLOT_BYTES, buf).await?;
            match decode(&buf, cluster_id) {
                Some(batch) => {
                    look.newest = look.newest.max(batch.newest);
                    look.pages.extend(batch.pages.iter().map(|(page, _)| *page));
                }
                None if buf.iter().take(BLOCK).any(|b| *b != 0) => look.damaged.push(slot),
                None => {}
            }
        }
        Ok(look)
    }

    async fn start(io: IoRef, path: &str, cluster_id: u64, seq: u64, newest: Lsn) -> Result<DoubleWrite> {
        let mode = OpenMode { create: false, direct: true, dsync: true, class: IoClass::Page };
        let file = io.open(path, mode).await?;
        let state = Mutex::new(State { free: (0..SLOTS).collect(), seq, newest });
        let permits = Arc::new(Semaphore::new(SLOTS));
        Ok(DoubleWrite { inner: Arc::new(Inner { io, file, cluster_id, state, permits }) })
    }

    /// Clears every slot durably, at the end of recovery's page repair and before the first [`DoubleWrite::write_batch`].
    pub async fn clear_all(&self) -> Result<()> {
        for slot in 0..SLOTS {
            self.inner.clear(slot).await?;
        }
        Ok(())
    }

    /// Saves up to [`BATCH_PAGES`] page images of 8 KiB with one durable write; waits for a free slot. On return the
    /// caller may write the pages home. On an error the server must stop: no page of the batch may be written home.
    pub async fn write_batch(&self, pages: &[(PageId, AlignedBuf)]) -> Result<DwbSlot> {
        if pages.is_empty() || pages.len() > BATCH_PAGES || pages.iter().any(|(_, image)| image.len() != PAGE) {
            return Err(DbError::internal(format!("double-write batch of {} pages", pages.len())));
        }
        let inner = &self.inner;
        let stopped = |_| DbError::internal("double-write file is closed");
        let permit = inner.permits.clone().acquire_owned().await.map_err(stopped)?;
        let lsns = pages.iter().filter_map(|(_, image)| image.get(LSN).and_then(|b| b.first_chunk()));
        let newest = lsns.map(|b| Lsn(u64::from_le_bytes(*b))).max().unwrap_or_default();
        let (number, seq, newest) = {
            let mut s = inner.state.lock();
            s.seq += 1;
            s.newest = s.newest.max(newest);
            // As many permits as slots: whoever holds a permit finds a free slot.
            (s.free.pop_front().ok_or_else(|| DbError::internal("no free double-write slot"))?, s.seq, s.newest)
        };
        // From here on the slot stays taken unless it is cleared.
        let slot = DwbSlot { inner: inner.clone(), number, permit: Some(permit) };
        let image = encode(pages, inner.cluster_id, seq, newest);
        inner.io.write(&inner.file, number as u64 * SLOT_BYTES, image).await?;
        Ok(slot)
    }
}

impl DwbSlot {
    /// The pages are durable at home: frees the slot, durably.
    pub async fn clear(mut self) -> Result<()> {
        self.inner.clear(self.number).await?;
        self.inner.state.lock().free.push_back(self.number);
        self.permit = None;
        Ok(())
    }
}

impl Drop for DwbSlot {
    fn drop(&mut self) {
        // Not cleared: the slot must not be used again, nor its place in the count.
        if let Some(permit) = self.permit.take() {
            permit.forget();
        }
    }
}

impl Inner {
    async fn clear(&self, slot: usize) -> Result<()> {
        let (seq, newest) = {
            let s = self.state.lock();
            (s.seq, s.newest)
        };
        let empty = encode(&[], self.cluster_id, seq, newest);
        self.io.write(&self.file, slot as u64 * SLOT_BYTES, empty).await.map(drop)
    }
}

fn encode(pages: &[(PageId, AlignedBuf)], cluster_id: u64, seq: u64, newest: Lsn) -> AlignedBuf {
    let mut slot = AlignedBuf::with_len(BLOCK + pages.len() * PAGE);
    let (header, images) = slot.split_at_mut(BLOCK);
    header.fill(0);
    header[0..4].copy_from_slice(&MAGIC.to_le_bytes());
    header[4..8].copy_from_slice(&VERSION.to_le_bytes());
    header[8..16].copy_from_slice(&cluster_id.to_le_bytes());
    header[16..24].copy_from_slice(&seq.to_le_bytes());
    // At most BATCH_PAGES.
    header[24..28].copy_from_slice(&(pages.len() as u32).to_le_bytes());
    header[NEWEST..].copy_from_slice(&newest.0.to_le_bytes());
    let places = header[FIXED..NEWEST].chunks_exact_mut(PER_PAGE).zip(images.chunks_exact_mut(PAGE));
    for ((page, image), (entry, place)) in pages.iter().zip(places) {
        entry[0..4].copy_from_slice(&page.rel.0.to_le_bytes());
        entry[4..8].copy_from_slice(&page.block.to_le_bytes());
        entry[8..12].copy_from_slice(&crc32c::crc32c(image).to_le_bytes());
        place.copy_from_slice(image);
    }
    let crc = header_crc(header);
    header[28..32].copy_from_slice(&crc.to_le_bytes());
    slot
}

/// What a slot holds: its undamaged images.
struct Batch<'s> {
    seq: u64,
    /// Pages of the batch, none if the slot is clear.
    count: usize,
    newest: Lsn,
    pages: Vec<(PageId, &'s [u8])>,
}

fn decode(slot: &[u8], cluster_id: u64) -> Option<Batch<'_>> {
    let (header, images) = slot.split_at_checked(BLOCK)?;
    let u32_at = |at: usize| header.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b));
    let u64_at = |at: usize| header.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b));
    let ours = u32_at(0)? == MAGIC && u32_at(4)? == VERSION && u64_at(8)? == cluster_id;
    if !ours || u32_at(28)? != header_crc(header) {
        return None;
    }
    let count = usize::try_from(u32_at(24)?).ok().filter(|n| *n <= BATCH_PAGES)?;
    let mut pages = Vec::new();
    for (i, image) in images.chunks_exact(PAGE).take(count).enumerate() {
        let at = FIXED + i * PER_PAGE;
        if u32_at(at + 8)? == crc32c::crc32c(image) {
            pages.push((PageId::new(RelId(u32_at(at)?), u32_at(at + 4)?), image));
        }
    }
    Some(Batch { seq: u64_at(16)?, count, newest: Lsn(u64_at(NEWEST)?), pages })
}

fn header_crc(header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..28]), &header[32..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::sim::{SimDisk, SimFaults, SimIo};
    use crate::sim::SimRuntime;
    use futures::FutureExt as _;

    fn page(block: u32, version: u8) -> (PageId, AlignedBuf) {
        let mut image = AlignedBuf::zeroed(PAGE);
        image.fill(version);
        image[..4].copy_from_slice(&block.to_le_bytes());
        (PageId::new(RelId(7), block), image)
    }

    fn home_is_whole(home: &[u8]) -> bool {
        home[4..].iter().all(|b| *b == home[4])
    }

    /// Writes versions 1, 2, 3 of some pages through the file, home and back, over and over.
    async fn workload(io: IoRef) -> Result<()> {
        let dwb = DoubleWrite::create(io.clone(), "dwb", 3).await?;
        let home = io.open("home", OpenMode::PAGES).await?;
        io.sync_dir("").await?;
        for version in 1..=3u8 {
            for first in [0, 5] {
                let pages: Vec<_> = (first..first + 5).map(|b| page(b, version)).collect();
                let slot = dwb.write_batch(&pages).await?;
                let writes = pages.into_iter().map(|(p, image)| io.write(&home, u64::from(p.block) * 8192, image));
                futures::future::try_join_all(writes).await?;
                io.sync(&home).await?;
                slot.clear().await?;
            }
        }
        Ok(())
    }

    /// What recovery does: restores damaged homes, then says whether every page is whole.
    async fn repair(io: IoRef) -> Result<Vec<u8>> {
        let (dwb, saved) = DoubleWrite::open(io.clone(), "dwb", 3).await?;
        let home = io.open("home", OpenMode::PAGES).await?;
        for s in saved.pages {
            let at = u64::from(s.page.block) * 8192;
            let copy = io.read(&home, at, AlignedBuf::with_len(PAGE)).await?;
            if !home_is_whole(&copy) {
                io.write(&home, at, s.image).await?;
            }
        }
        io.sync(&home).await?;
        dwb.clear_all().await?;
        let all = io.read(&home, 0, AlignedBuf::with_len(10 * PAGE)).await?;
        assert!(all.chunks(PAGE).all(home_is_whole), "a torn page was not repaired");
        Ok(all.chunks(PAGE).map(|p| p[4]).collect())
    }

    #[test]
    fn no_crash_leaves_a_torn_page() {
        let (rt, disk) = (SimRuntime::new(1), SimDisk::new());
        let io = SimIo::new(&rt, &disk, SimFaults::default());
        rt.block_on(workload(io.clone())).unwrap().unwrap();
        let (changes, mut torn) = (io.changes(), 0);
        for n in 12..=changes {
            for fate in 0..6 {
                let (rt, disk) = (SimRuntime::new(n), SimDisk::new());
                let io = SimIo::new(&rt, &disk, SimFaults { crash_at: Some(n), ..SimFaults::default() });
                assert!(rt.block_on(workload(io)).is_err());
                rt.shutdown();
                let disk = disk.crash(fate);
                let Some(home) = disk.content("home") else { continue };
                torn += home.chunks(PAGE).filter(|p| !home_is_whole(p)).count();
                let rt = SimRuntime::new(0);
                let io = SimIo::new(&rt, &disk, SimFaults::default());
                let versions = rt.block_on(repair(io)).unwrap().unwrap();
                assert!(versions.iter().max().zip(versions.iter().min()).is_some_and(|(hi, lo)| hi - lo <= 1));
            }
        }
        assert!(torn > 50, "the simulator tore only {torn} pages: the test proves nothing");
    }

    #[test]
    fn slots_are_bounded_and_come_back() {
        let (rt, disk) = (SimRuntime::new(2), SimDisk::new());
        let io: IoRef = SimIo::new(&rt, &disk, SimFaults::default());
        rt.block_on(async move {
            let dwb = DoubleWrite::create(io, "dwb", 3).await.unwrap();
            assert!(dwb.write_batch(&[]).await.is_err());
            let mut held = Vec::new();
            for b in 0..SLOTS as u32 {
                held.push(dwb.write_batch(&[page(b, 1)]).await.unwrap());
            }
            assert!(dwb.write_batch(&[page(9, 1)]).now_or_never().is_none(), "no ninth slot");
            for slot in held {
                slot.clear().await.unwrap();
            }
            dwb.write_batch(&[page(9, 1)]).await.unwrap().clear().await.unwrap();
        })
        .unwrap();
    }

    #[test]
    fn the_newest_image_of_a_page_counts_and_foreign_slots_do_not() {
        let (rt, disk) = (SimRuntime::new(2), SimDisk::new());
        let io: IoRef = SimIo::new(&rt, &disk, SimFaults::default());
        rt.block_on(async move {
            let dwb = DoubleWrite::create(io.clone(), "dwb", 3).await.unwrap();
            for version in [1, 2] {
                drop(dwb.write_batch(&[page(4, version), page(5, version)]).await.unwrap());
            }
            drop(dwb);
            assert!(DoubleWrite::open(io.clone(), "dwb", 4).await.unwrap().1.pages.is_empty());
            let (dwb, saved) = DoubleWrite::open(io.clone(), "dwb", 3).await.unwrap();
            assert_eq!(saved.pages.iter().map(|s| (s.page.block, s.image[9])).collect::<Vec<_>>(), [(4, 2), (5, 2)]);
            dwb.clear_all().await.unwrap();
            let again = DoubleWrite::open(io, "dwb", 3).await.unwrap().1;
            assert!(again.pages.is_empty());
            // Known for good: what the pages had where their LSN is.
            assert_eq!((saved.newest, again.newest), (Lsn(0x0202_0202_0202_0202), saved.newest));
        })
        .unwrap();
    }
}
