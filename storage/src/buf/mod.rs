//! The buffer pool: every page in memory lives in one of its frames.
//!
//! Idea: a bounded set of frames, a mapping from page to frame, latches per frame. Synchronous code *fixes* a page
//! (pin and latch); a page that is not there is a [`Wait::Page`], which the async shell answers with [`Pool::load`].
//!
//! Rules:
//! 1. A frame changes its page only when nothing pins it and its page is clean. Whoever unmaps it turns its pin count from
//!    zero to `TAKEN` in one step, under the mapping shard's lock. A pin is taken under that lock, or by a hint without it:
//!    a pin that finds `TAKEN`, or afterwards another page than it looked for, is given back and the mapping asked.
//! 2. A page is written back only after the log is stable up to its LSN (I1), from a copy taken under the shared latch.
//! 3. `rec_lsn` is set under the exclusive latch before it is given up, so a checkpoint that latches every frame shared
//!    after noting the log's end misses no change.
//! 4. Latch order: index top→down and left→right, then heap by block, undo, status pages, space maps. Out of order only with
//!    the `try_` forms and [`Wait::Restart`].
//! 5. Eviction is CLOCK with 2-bit counters; pages that a scan brings in start at zero and are the first to go, so a big
//!    scan does not displace the working set.
//!
//! Changed pages of relations that never leave memory (`RelId::is_memory`) are never written and so never evicted; who makes
//! such pages sees to it that they are few (`crate::space`).
//!
//! When every frame is pinned or dirty, operations get [`Wait::Memory`] and wait for the page writer.
//! Left out for now: optimistic (latch-free) reads, ghost entries, child hints in inner index pages.

pub mod files;
mod frame;
mod load;
mod pool;
mod writer;

pub use files::PageFiles;
pub use frame::{ReadGuard, WriteGuard};
pub use load::{Loader, READ_AHEAD};
pub use pool::{Access, DIRTY, EVICTIONS, MISSES, Pin, Pool};
pub use writer::{PAGES_WRITTEN, PageWriter, WriteHint};
