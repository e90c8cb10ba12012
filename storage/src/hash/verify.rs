//! Checks a whole index: every entry in its bucket, in order, the chains and their number.

use super::locate::block_of;
use super::page::{DIRECT, PER_DIRECTORY, broken};
use super::page::{Entries, IDENTITY, META_BLOCK, Meta, bucket_of, buddy, identity, pid, role};
use crate::am::{IndexCheck, IndexReport};
use crate::buf::Access;
use crate::core::Core;
use crate::wait::Op;
use rustydb_base::{BlockNo, RelId, Result};

/// A check in progress: page by page, restartable after every wait.
pub(super) struct Verifier {
    rel: RelId,
    report: IndexReport,
    chained: u32,
    bucket: u32,
    /// The page of the bucket that is next; 0 for its first.
    next: BlockNo,
    /// Pages of this bucket's chain so far: a chain that comes back to itself has more than there are.
    length: u32,
    at: BlockNo,
}

impl Verifier {
    pub(super) fn new(rel: RelId) -> Verifier {
        let report = IndexReport::default();
        Verifier { rel, report, chained: 0, bucket: 0, next: 0, length: 0, at: META_BLOCK }
    }

    fn page(&mut self, entries: Entries<'_>, m: &Meta, p: &crate::page::Page) -> Result<()> {
        let (mut last, n) = (None::<[u8; IDENTITY]>, m.buckets - 1);
        for e in entries.all()? {
            let b = bucket_of(e.code, m.buckets);
            if b != self.bucket && !(m.source != 0 && b == n && self.bucket == buddy(n)) {
                return Err(broken(p, "an entry in another bucket's page"));
            }
            let id = identity(e.code, e.rid);
            if last.is_some_and(|l| l >= id) {
                return Err(broken(p, "entries out of order"));
            }
            last = Some(id);
            self.report.entries += 1;
            self.report.marked += u64::from(e.marked.is_some());
        }
        Ok(())
    }
}

impl IndexCheck for Verifier {
    fn run(&mut self, core: &Core) -> Op<IndexReport> {
        let pool = &core.pool;
        loop {
            let meta = pool.read(pid(self.rel, META_BLOCK), Access::Point)?;
            let m = Meta::open(&meta)?;
            if self.bucket >= m.buckets {
                if self.chained != m.chained {
                    return Err(broken(&meta, "the number of chained pages is wrong").into());
                }
                let directories = m.buckets.saturating_sub(DIRECT).div_ceil(PER_DIRECTORY);
                self.report.pages += 1 + u64::from(directories);
                return Ok(self.report);
            }
            let first = self.next == 0;
            self.at = META_BLOCK;
            self.at = if first { block_of(pool, self.rel, &meta, self.bucket)? } else { self.next };
            let g = pool.read(pid(self.rel, self.at), Access::Scan)?;
            let entries = Entries::open(&g)?;
            let role = if first { role::BUCKET } else { role::CHAINED };
            if entries.bucket() != self.bucket || g.level() != role {
                return Err(broken(&g, "this is not the page of its bucket").into());
            }
            self.length = if first { 0 } else { self.length + 1 };
            if self.length > m.chained {
                return Err(broken(&g, "the chain is longer than there are pages").into());
            }
            self.page(entries, &m, &g)?;
            self.report.pages += 1;
            self.chained += u32::from(!first);
            self.next = g.next();
            self.bucket += u32::from(self.next == 0);
        }
    }

    fn block(&self) -> BlockNo {
        self.at
    }
}
