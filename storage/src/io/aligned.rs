//! Owned I/O buffers whose memory begins on a 4 KiB boundary, as `O_DIRECT` demands, with a bounded recycling pool.
//!
//! Idea: a buffer is one raw allocation of whole 4 KiB blocks, zeroed when first made, so every byte of it is always
//! initialised and it can be seen as `&[u8]` at any length up to its capacity. An I/O operation *owns* its buffer until
//! it completes, so a cancelled future can never leave the kernel writing into freed memory.
//!
//! Invariants: (1) `ptr` comes from `alloc_zeroed` with `layout(cap)` and is freed with the same layout exactly once;
//! (2) `len ≤ cap`; (3) `cap` is a non-zero multiple of 4096; (4) the pool holds at most [`POOL_BYTES`].
#![allow(unsafe_code, reason = "raw aligned allocation and tokio-uring's buffer traits")]

use parking_lot::Mutex;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Alignment and allocation granule of I/O buffers, and the unit of log and control writes.
pub const BLOCK: usize = 4096;

/// Most memory that idle buffers may hold.
pub const POOL_BYTES: usize = 32 << 20;

/// Largest capacity that is kept for reuse; larger buffers go back to the allocator.
const LARGEST_POOLED: usize = 2 << 20;

/// Idle buffers by size class (class `i` holds capacity `BLOCK << i`), and their total bytes.
struct Pool {
    classes: [Vec<Raw>; CLASSES],
    bytes: usize,
}

const CLASSES: usize = (LARGEST_POOLED / BLOCK).ilog2() as usize + 1;

static POOL: Mutex<Pool> = Mutex::new(Pool { classes: [const { Vec::new() }; CLASSES], bytes: 0 });

/// One allocation, owned.
struct Raw {
    ptr: NonNull<u8>,
    cap: usize,
}

// SAFETY: a Raw is the only owner of its allocation; moving it to another thread moves that ownership.
unsafe impl Send for Raw {}
// SAFETY: `&Raw` gives no access to the memory except through AlignedBuf, whose `&self` methods only read.
unsafe impl Sync for Raw {}

fn layout(cap: usize) -> Layout {
    Layout::from_size_align(cap, BLOCK).expect("capacity is rounded up from a size that was checked against isize::MAX")
}

impl Raw {
    fn new(cap: usize) -> Raw {
        let layout = layout(cap);
        // SAFETY: the layout's size is not zero (invariant 3).
        let ptr = unsafe { alloc_zeroed(layout) };
        match NonNull::new(ptr) {
            Some(ptr) => Raw { ptr, cap },
            None => handle_alloc_error(layout),
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: `ptr` came from alloc_zeroed with this very layout and is dropped once (invariant 1).
        unsafe { dealloc(self.ptr.as_ptr(), layout(self.cap)) }
    }
}

/// A 4 KiB-aligned byte buffer. Dereferences to its first `len` bytes.
pub struct AlignedBuf {
    /// `None` only while dropping.
    raw: Option<Raw>,
    len: usize,
}

impl AlignedBuf {
    /// A buffer of `len` bytes with unspecified (but initialised) content: for reads, or to be filled by the caller.
    /// Its capacity is `len` rounded up to a power of two of blocks.
    pub fn with_len(len: usize) -> AlignedBuf {
        let cap = capacity_for(len);
        let pooled = class_of(cap).and_then(|class| {
            let mut pool = POOL.lock();
            let raw = pool.classes[class].pop();
            if raw.is_some() {
                pool.bytes -= cap;
            }
            raw
        });
        AlignedBuf { raw: Some(pooled.unwrap_or_else(|| Raw::new(cap))), len }
    }

    /// A buffer of `len` zero bytes.
    pub fn zeroed(len: usize) -> AlignedBuf {
        let mut buf = AlignedBuf::with_len(len);
        buf.fill(0);
        buf
    }

    /// A buffer holding a copy of `bytes`, zero-padded to a whole number of blocks.
    pub fn padded_from(bytes: &[u8]) -> AlignedBuf {
        let mut buf = AlignedBuf::with_len(bytes.len().max(1).next_multiple_of(BLOCK));
        buf[..bytes.len()].copy_from_slice(bytes);
        buf[bytes.len()..].fill(0);
        buf
    }

    /// Bytes allocated.
    pub fn capacity(&self) -> usize {
        self.raw().cap
    }

    /// Sets the visible length; bytes beyond the former length have unspecified content.
    ///
    /// # Panics
    /// When `len` exceeds the capacity.
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.capacity(), "AlignedBuf::set_len({len}) beyond capacity {}", self.capacity());
        self.len = len;
    }

    fn raw(&self) -> &Raw {
        self.raw.as_ref().expect("raw is taken only by drop")
    }
}

fn capacity_for(len: usize) -> usize {
    let cap = len.max(1).div_ceil(BLOCK).next_power_of_two() * BLOCK;
    assert!(isize::try_from(cap).is_ok(), "buffer of {len} bytes");
    cap
}

fn class_of(cap: usize) -> Option<usize> {
    (cap <= LARGEST_POOLED).then(|| (cap / BLOCK).ilog2() as usize)
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        let Some(raw) = self.raw.take() else { return };
        let Some(class) = class_of(raw.cap) else { return };
        let mut pool = POOL.lock();
        if pool.bytes + raw.cap <= POOL_BYTES {
            pool.bytes += raw.cap;
            pool.classes[class].push(raw);
        }
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the allocation holds cap ≥ len initialised bytes and lives as long as `self`; `&self` excludes writers.
        unsafe { std::slice::from_raw_parts(self.raw().ptr.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `&mut self` makes this the only access.
        unsafe { std::slice::from_raw_parts_mut(self.raw().ptr.as_ptr(), self.len) }
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBuf({} of {} bytes)", self.len, self.capacity())
    }
}

// SAFETY: the memory is a heap allocation of its own, so moving the AlignedBuf does not move it; it stays allocated until
// drop; all `len` bytes are initialised.
unsafe impl tokio_uring::buf::IoBuf for AlignedBuf {
    fn stable_ptr(&self) -> *const u8 {
        self.raw().ptr.as_ptr()
    }
    fn bytes_init(&self) -> usize {
        self.len
    }
    fn bytes_total(&self) -> usize {
        self.len
    }
}

// SAFETY: as above; `set_init` has nothing to record because every byte is always initialised.
unsafe impl tokio_uring::buf::IoBufMut for AlignedBuf {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.raw().ptr.as_ptr()
    }
    unsafe fn set_init(&mut self, _pos: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_sized_and_recycled() {
        // Miri takes a microsecond for a byte.
        let most = if cfg!(miri) { 300_000 } else { 3 << 20 };
        for len in [0, 1, 4095, 4096, 4097, 8192, 100_000, most] {
            let buf = AlignedBuf::zeroed(len);
            assert_eq!(buf.len(), len);
            assert_eq!(buf.as_ptr() as usize % BLOCK, 0);
            assert!(buf.capacity() >= len.max(1) && buf.capacity().is_multiple_of(BLOCK));
            assert!(buf.iter().all(|b| *b == 0));
        }
        let mut dirty = AlignedBuf::with_len(5000);
        dirty.fill(7);
        drop(dirty);
        assert!(AlignedBuf::zeroed(6000).iter().all(|b| *b == 0));
        let padded = AlignedBuf::padded_from(b"abc");
        assert_eq!((padded.len(), &padded[..4]), (BLOCK, &b"abc\0"[..]));
    }

    #[test]
    fn moving_between_threads_keeps_content() {
        let mut buf = AlignedBuf::zeroed(4096);
        buf[17] = 9;
        let buf = std::thread::spawn(move || buf).join().unwrap();
        assert_eq!(buf[17], 9);
    }

    #[test]
    fn the_pool_is_bounded() {
        let many: Vec<AlignedBuf> = (0..40).map(|_| AlignedBuf::with_len(1 << 20)).collect();
        drop(many);
        assert!(POOL.lock().bytes <= POOL_BYTES);
    }
}
