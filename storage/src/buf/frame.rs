//! Frames: the pool's page memory and the latch of each frame. This is the buffer pool's unsafe room.
//!
//! Idea: one slab of page-aligned memory allocated once and never moved or freed before the pool itself, so a frame
//! index is a stable address. Bytes of a frame are reached only through [`ReadGuard`] and [`WriteGuard`], which hold
//! the frame's latch and a pin; a pinned frame is never given to another page.
//!
//! Invariants: (a) a `&Page` exists only while the frame's latch is held shared, a `&mut Page` only while it is held
//! exclusively; (b) a guard holds one pin from before it latched until after it unlatched; (c) no guard lives across
//! an await (guards are not `Send`).

#![allow(unsafe_code, reason = "page memory is shared between threads under a latch that the compiler cannot see")]

use crate::page::{PAGE_SIZE, Page};
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::sync::{RawLatch, raw_latch};
#[cfg(not(feature = "shuttle"))]
use parking_lot::lock_api::{RawRwLock as _, RawRwLockTimed as _};
use rustydb_base::PageId;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::time::Duration;

/// "No rec_lsn": the frame is clean.
pub(crate) const CLEAN: u64 = u64::MAX;

/// Bit of `pins` while the frame is not mapped: free, or being given to another page.
pub(crate) const TAKEN: u32 = 1 << 31;

/// A frame's state beside its bytes. Each has its cache line, so that sessions in different pages do not disturb each other.
#[repr(align(64))]
pub(crate) struct Meta {
    latch: RawLatch,
    /// Guards and pins that keep the frame's page in place, and [`TAKEN`].
    pub(crate) pins: AtomicU32,
    /// CLOCK counter, 0..=3.
    pub(crate) usage: AtomicU8,
    /// The page held, as `PageId::as_u64`; meaningful while the frame is mapped.
    pub(crate) pid: AtomicU64,
    /// Whether the mapping names this frame.
    pub(crate) mapped: AtomicBool,
    /// Start LSN of the first change since the page was last clean; [`CLEAN`] when clean.
    pub(crate) rec_lsn: AtomicU64,
    /// `rec_lsn` of the image being written back; [`CLEAN`] when none is.
    pub(crate) writing_rec_lsn: AtomicU64,
}

/// Where the slab begins: a huge page of the processor.
const SLAB_ALIGN: usize = 2 << 20;
/// Slabs from this size on ask for huge pages.
const HUGE_FROM: usize = 8 * SLAB_ALIGN;

/// All frames of a pool.
pub(crate) struct Frames {
    /// The allocation, and where in it the slab begins.
    whole: NonNull<u8>,
    slab: NonNull<u8>,
    layout: Layout,
    meta: Box<[Meta]>,
}

// SAFETY: the slab is reached only through guards, which hold the frame's latch (shared for reads, exclusive for
// writes); all other state is atomic.
unsafe impl Send for Frames {}
// SAFETY: as above.
unsafe impl Sync for Frames {}

impl Frames {
    /// Allocates `n` zeroed frames (n ≥ 1). The operating system commits their memory on first touch.
    pub(crate) fn new(n: usize) -> Frames {
        let n = n.max(1);
        let bytes = n.saturating_mul(PAGE_SIZE);
        let align = if bytes >= HUGE_FROM { SLAB_ALIGN } else { 4096 };
        // Aligned by hand: an allocation of a larger alignment than usual would be zeroed by writing all of it.
        let layout = Layout::from_size_align(bytes.saturating_add(align), 8).unwrap_or(Layout::new::<u64>());
        assert!(layout.size() >= bytes + align, "buffer pool of {n} pages exceeds the address space");
        // SAFETY: the layout has non-zero size (n ≥ 1) and a valid alignment.
        let whole = unsafe { alloc_zeroed(layout) };
        let Some(whole) = NonNull::new(whole) else { handle_alloc_error(layout) };
        let at = whole.addr().get();
        // SAFETY: the distance is less than `align`, so `bytes` follow inside the allocation.
        let slab = unsafe { whole.add(at.next_multiple_of(align) - at) };
        if bytes >= HUGE_FROM && !cfg!(miri) {
            // Fewer faults and fewer misses of the address cache. Without huge pages the memory is as good.
            // SAFETY: the range lies in the allocation, and the advice does not change what is in it.
            unsafe { libc::madvise(slab.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
        }
        let meta = (0..n)
            .map(|_| Meta {
                latch: raw_latch(),
                pins: AtomicU32::new(TAKEN),
                usage: AtomicU8::new(0),
                pid: AtomicU64::new(0),
                mapped: AtomicBool::new(false),
                rec_lsn: AtomicU64::new(CLEAN),
                writing_rec_lsn: AtomicU64::new(CLEAN),
            })
            .collect();
        Frames { whole, slab, layout, meta }
    }

    /// Number of frames.
    pub(crate) fn len(&self) -> usize {
        self.meta.len()
    }

    /// State of a frame.
    #[inline]
    pub(crate) fn meta(&self, idx: u32) -> &Meta {
        &self.meta[idx as usize]
    }

    /// State of a frame, if there is one of this number.
    #[inline]
    pub(crate) fn get(&self, idx: u32) -> Option<&Meta> {
        self.meta.get(idx as usize)
    }

    fn page_ptr(&self, idx: u32) -> *mut Page {
        assert!((idx as usize) < self.meta.len());
        // SAFETY: idx is in range, so the offset stays inside the slab's allocation. `Page` is a transparent byte
        // array, so any bytes are valid and alignment 1 suffices.
        unsafe { self.slab.as_ptr().add(idx as usize * PAGE_SIZE).cast::<Page>() }
    }

    /// Latches a frame shared. The caller has pinned it; the guard takes that pin over.
    pub(crate) fn read(&self, idx: u32) -> ReadGuard<'_> {
        let latch = &self.meta(idx).latch;
        if !latch.try_lock_shared() {
            if cfg!(debug_assertions) {
                assert!(latch.try_lock_shared_for(LATCH_PATIENCE), "latch deadlock (shared) on frame {idx}");
            } else {
                latch.lock_shared();
            }
        }
        ReadGuard { frames: self, idx, not_send: PhantomData }
    }

    /// Latches a frame exclusively. The caller has pinned it; the guard takes that pin over.
    pub(crate) fn write(&self, idx: u32) -> WriteGuard<'_> {
        let latch = &self.meta(idx).latch;
        if !latch.try_lock_exclusive() {
            if cfg!(debug_assertions) {
                assert!(latch.try_lock_exclusive_for(LATCH_PATIENCE), "latch deadlock (exclusive) on frame {idx}");
            } else {
                latch.lock_exclusive();
            }
        }
        WriteGuard { frames: self, idx, not_send: PhantomData }
    }

    /// Whether somebody holds the latch exclusively. If not, what the last holder did is visible to the caller.
    pub(crate) fn is_changing(&self, idx: u32) -> bool {
        let held = self.meta(idx).latch.is_locked_exclusive();
        crate::sync::atomic::fence(Ordering::Acquire);
        held
    }

    /// As [`Frames::write`], or `None` (and the pin is given back) when the latch is taken.
    pub(crate) fn try_write(&self, idx: u32) -> Option<WriteGuard<'_>> {
        if self.meta(idx).latch.try_lock_exclusive() {
            Some(WriteGuard { frames: self, idx, not_send: PhantomData })
        } else {
            self.meta(idx).pins.fetch_sub(1, Ordering::Release);
            None
        }
    }
}

/// In debug builds a latch that cannot be had for this long is reported as the bug it is.
const LATCH_PATIENCE: Duration = Duration::from_secs(60);

impl Drop for Frames {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout; guards borrow `self`, so none is alive.
        unsafe { dealloc(self.whole.as_ptr(), self.layout) }
    }
}

/// A page held for reading.
pub struct ReadGuard<'p> {
    frames: &'p Frames,
    idx: u32,
    not_send: PhantomData<*const ()>,
}

/// A page held for writing.
pub struct WriteGuard<'p> {
    frames: &'p Frames,
    idx: u32,
    not_send: PhantomData<*const ()>,
}

impl ReadGuard<'_> {
    /// Frame index, usable as a hint for the next look-up.
    pub fn frame(&self) -> u32 {
        self.idx
    }
    /// The page's identity as the mapping knows it.
    pub fn pid(&self) -> PageId {
        pid_of(self.frames.meta(self.idx))
    }
}

impl WriteGuard<'_> {
    /// Frame index, usable as a hint for the next look-up.
    pub fn frame(&self) -> u32 {
        self.idx
    }
    /// The page's identity as the mapping knows it.
    pub fn pid(&self) -> PageId {
        pid_of(self.frames.meta(self.idx))
    }
    /// Notes a change whose record starts at `rec_lsn`.
    pub(crate) fn mark_dirty(&self, rec_lsn: u64) {
        let m = self.frames.meta(self.idx);
        if m.rec_lsn.load(Ordering::Relaxed) == CLEAN {
            m.rec_lsn.store(rec_lsn, Ordering::Release);
        }
    }
    /// The page is spoilt: it is not to be written back.
    pub(crate) fn mark_clean(&self) {
        self.frames.meta(self.idx).rec_lsn.store(CLEAN, Ordering::Release);
    }
}

pub(crate) fn pid_of(m: &Meta) -> PageId {
    let v = m.pid.load(Ordering::Relaxed);
    PageId::new(rustydb_base::RelId((v >> 32) as u32), v as u32)
}

impl Deref for ReadGuard<'_> {
    type Target = Page;
    #[inline]
    fn deref(&self) -> &Page {
        // SAFETY: the shared latch is held for the guard's life, so no `&mut Page` to this frame exists.
        unsafe { &*self.frames.page_ptr(self.idx) }
    }
}

impl Deref for WriteGuard<'_> {
    type Target = Page;
    #[inline]
    fn deref(&self) -> &Page {
        // SAFETY: the exclusive latch is held for the guard's life, and `self` is borrowed shared.
        unsafe { &*self.frames.page_ptr(self.idx) }
    }
}

impl DerefMut for WriteGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Page {
        // SAFETY: the exclusive latch is held for the guard's life, and `self` is borrowed exclusively.
        unsafe { &mut *self.frames.page_ptr(self.idx) }
    }
}

impl Drop for ReadGuard<'_> {
    fn drop(&mut self) {
        let m = self.frames.meta(self.idx);
        // SAFETY: this guard holds the latch shared.
        unsafe { m.latch.unlock_shared() };
        m.pins.fetch_sub(1, Ordering::Release);
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        let m = self.frames.meta(self.idx);
        // SAFETY: this guard holds the latch exclusively.
        unsafe { m.latch.unlock_exclusive() };
        m.pins.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_share_and_exclude() {
        let f = Frames::new(2);
        f.meta(0).pins.store(2, Ordering::Relaxed);
        let (a, b) = (f.read(0), f.read(0));
        assert_eq!(a.0[100], b.0[100]);
        f.meta(0).pins.fetch_add(1, Ordering::Relaxed);
        assert!(f.try_write(0).is_none());
        drop((a, b));
        f.meta(0).pins.fetch_add(1, Ordering::Relaxed);
        let mut w = f.write(0);
        w.0[100] = 7;
        drop(w);
        assert_eq!(f.meta(0).pins.load(Ordering::Relaxed), 0);
        f.meta(0).pins.fetch_add(1, Ordering::Relaxed);
        assert_eq!(f.read(0).0[100], 7);
        f.meta(1).pins.fetch_add(1, Ordering::Relaxed);
        assert_eq!(f.read(1).0[100], 0);
    }
}
