//! Scans: the async side of reading many rows.
//!
//! A scan belongs to no session's transaction state, only to a snapshot that the caller keeps registered, so partitions
//! of one scan can run in parallel. It reads ahead, runs through pages that are in memory without suspending, and
//! collects in [`TableScan::dep_lsn`] what its answer depends on; the session takes that over (I7).

use crate::am::{Cursor, Gather, Gathered, IndexDesc, Search};
use crate::buf::READ_AHEAD;
use crate::heap::{self, Columns, PageRows, Reader, Rel, RowBuf, Scan, TableLayout};
use crate::ssi::SxId;
use crate::store::{Interrupt, Store};
use crate::table::read_whole;
use crate::txn::Snapshot;
use arrow_array::ArrayRef;
use rustydb_base::{BlockNo, Lsn, RelId, Result, Rid, Xid};
use std::ops::Range;
use std::sync::Arc;

/// What every scan needs.
#[derive(Clone)]
pub struct ScanEnv {
    /// The store.
    pub store: Arc<Store>,
    /// What is visible; registered for the scan's life by the caller.
    pub snap: Snapshot,
    /// Ends the scan early.
    pub interrupt: Interrupt,
}

/// Blocks of a table that is about to be read whole, cut into at most `n` ranges of about equal size for parallel scans.
pub async fn partitions(env: &ScanEnv, rel: Rel, n: usize) -> Result<Vec<Range<BlockNo>>> {
    read_whole(&env.store.core, &env.snap, rel)?;
    let blocks = env.store.read(|core| core.space.nblocks(rel.id, &core.pool)).await?;
    let each = blocks.div_ceil(n.max(1) as u32).max(READ_AHEAD);
    Ok((0..blocks).step_by(each as usize).map(|from| from..(from + each).min(blocks)).collect())
}

/// Blocks of a table, if that is known without reading from disk.
pub fn blocks_now(store: &Store, rel: Rel) -> Option<BlockNo> {
    store.read_now(|core| core.space.nblocks(rel.id, &core.pool))
}

/// Windows of read-ahead: enough reads under way to keep a disk of some 100 µs busy.
const WINDOWS: u32 = 4;

/// Where a scan of a range of blocks is.
struct Place {
    next: BlockNo,
    end: BlockNo,
    /// Read-ahead has been asked for up to here.
    ahead: BlockNo,
    /// Further ranges, the next one last.
    rest: Vec<Range<BlockNo>>,
    /// Blocks visited and blocks that had to be loaded, since somebody last asked.
    io: (u64, u64),
}

impl Place {
    fn new(mut pieces: Vec<Range<BlockNo>>) -> Place {
        pieces.reverse();
        let range = pieces.pop().unwrap_or_default();
        Place { next: range.start, end: range.end, ahead: range.start, rest: pieces, io: (0, 0) }
    }

    /// Whether there is a block to read; goes on to the next range at the end of one.
    fn has_block(&mut self) -> bool {
        while self.next >= self.end {
            let Some(range) = self.rest.pop() else { return false };
            (self.next, self.end, self.ahead) = (range.start, range.end, range.start);
        }
        true
    }

    fn read_ahead(&mut self, env: &ScanEnv, rel: RelId) {
        // Some windows ahead, asked for one window at a time.
        while self.ahead < self.end && self.ahead < self.next.saturating_add(WINDOWS * READ_AHEAD) {
            let to = (self.ahead + READ_AHEAD).min(self.end);
            self.io.1 += u64::from(env.store.prefetch(rel, self.ahead..to));
            self.ahead = to;
        }
    }
}

/// A scan of a table into Arrow columns.
pub struct TableScan {
    env: ScanEnv,
    rel: Rel,
    layout: Arc<TableLayout>,
    proj: Vec<usize>,
    place: Place,
    scan: Scan,
    dep_lsn: Lsn,
}

impl TableScan {
    /// A scan of some blocks; `proj` are column numbers in the order wanted.
    pub fn new(
        env: ScanEnv,
        rel: Rel,
        layout: Arc<TableLayout>,
        proj: Vec<usize>,
        blocks: Range<BlockNo>,
    ) -> TableScan {
        TableScan::of_pieces(env, rel, layout, proj, vec![blocks])
    }

    /// A scan of several ranges of blocks, one after the other.
    pub fn of_pieces(
        env: ScanEnv,
        rel: Rel,
        layout: Arc<TableLayout>,
        proj: Vec<usize>,
        pieces: Vec<Range<BlockNo>>,
    ) -> TableScan {
        TableScan { env, rel, layout, proj, place: Place::new(pieces), scan: Scan::new(), dep_lsn: Lsn(0) }
    }

    /// What the rows answered so far depend on.
    pub fn dep_lsn(&self) -> Lsn {
        self.dep_lsn
    }

    /// Blocks visited since this was last asked, and blocks whose loading the scan has caused.
    pub fn take_io(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.place.io)
    }

    /// The next rows, at least `min_rows` of them but at the end (a batch ends with a page), with their number. `None`
    /// when there are no more.
    pub async fn next(&mut self, min_rows: usize) -> Result<Option<(Vec<ArrayRef>, usize)>> {
        let mut out = Columns::new(&self.layout, &self.proj)?;
        let TableScan { env, rel, layout, place, scan, dep_lsn, .. } = self;
        while out.rows() < min_rows.max(1) && place.has_block() {
            env.interrupt.check()?;
            place.read_ahead(env, rel.id);
            env.store
                .read(|core| {
                    // One window of pages without suspending, if they are there.
                    let stop = place.end.min(place.next + READ_AHEAD);
                    while place.next < stop && out.rows() < min_rows.max(1) {
                        let mut reader = Reader::new(core, env.snap);
                        let done = scan.page(&mut reader, *rel, layout, place.next, &mut out);
                        *dep_lsn = (*dep_lsn).max(reader.dep_lsn);
                        done?;
                        place.next += 1;
                        place.io.0 += 1;
                    }
                    Ok(())
                })
                .await?;
        }
        let rows = out.rows();
        if rows == 0 { Ok(None) } else { Ok(Some((out.finish()?, rows))) }
    }
}

/// A scan of a table page by page, for statements that need addresses and row images.
pub struct RowScan {
    env: ScanEnv,
    rel: Rel,
    layout: Arc<TableLayout>,
    place: Place,
    rows: PageRows,
    dep_lsn: Lsn,
}

impl RowScan {
    /// A scan of some blocks.
    pub fn new(env: ScanEnv, rel: Rel, layout: Arc<TableLayout>, blocks: Range<BlockNo>) -> RowScan {
        RowScan::of_pieces(env, rel, layout, vec![blocks])
    }

    /// A scan of several ranges of blocks, one after the other.
    pub fn of_pieces(env: ScanEnv, rel: Rel, layout: Arc<TableLayout>, pieces: Vec<Range<BlockNo>>) -> RowScan {
        RowScan { env, rel, layout, place: Place::new(pieces), rows: PageRows::default(), dep_lsn: Lsn(0) }
    }

    /// What the rows answered so far depend on.
    pub fn dep_lsn(&self) -> Lsn {
        self.dep_lsn
    }

    /// Blocks visited since this was last asked, and blocks whose loading the scan has caused.
    pub fn take_io(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.place.io)
    }

    /// The visible rows of the next page that has any.
    pub async fn next(&mut self) -> Result<Option<&PageRows>> {
        let RowScan { env, rel, layout, place, rows, dep_lsn } = self;
        while place.has_block() {
            env.interrupt.check()?;
            place.read_ahead(env, rel.id);
            env.store
                .read(|core| {
                    let mut reader = Reader::new(core, env.snap);
                    let done = rows.load(&mut reader, *rel, layout, place.next);
                    *dep_lsn = (*dep_lsn).max(reader.dep_lsn);
                    done
                })
                .await?;
            place.next += 1;
            place.io.0 += 1;
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}

/// A range scan of an index with the rows it leads to.
pub struct IndexScan {
    env: ScanEnv,
    rel: Rel,
    cursor: Cursor,
    /// Next candidate of the cursor's batch.
    at: usize,
    dep_lsn: Lsn,
}

impl IndexScan {
    /// A scan over a cursor, which must collect keys if the caller's check wants them.
    pub fn new(env: ScanEnv, rel: Rel, cursor: Cursor) -> IndexScan {
        IndexScan { env, rel, cursor, at: 0, dep_lsn: Lsn(0) }
    }

    /// What the rows answered so far depend on.
    pub fn dep_lsn(&self) -> Lsn {
        self.dep_lsn
    }

    /// The next visible row in index order, its image in `row`. `check(key, row)` decides whether the version found has
    /// the entry's key; an entry whose row has another one is passed over (its own entry leads there).
    pub async fn next(
        &mut self,
        row: &mut RowBuf,
        mut check: impl FnMut(&[u8], &[u8]) -> Result<bool>,
    ) -> Result<Option<Rid>> {
        let IndexScan { env, rel, cursor, at, dep_lsn } = self;
        env.interrupt.check()?;
        env.store
            .read(|core| {
                loop {
                    let Some(c) = cursor.candidate(*at) else {
                        *at = 0;
                        let more = cursor.next_batch(core, env.snap.ssi);
                        core.check_kept_in(rel.id, &env.snap)?;
                        if !more? {
                            return Ok(None);
                        }
                        continue;
                    };
                    let mut reader = Reader::new(core, env.snap);
                    let found = reader.fetch(*rel, c.rid, row);
                    *dep_lsn = (*dep_lsn).max(reader.dep_lsn);
                    let hit = found? && check(c.key, row)?;
                    *at += 1;
                    if hit {
                        return Ok(Some(c.rid));
                    }
                }
            })
            .await
    }
}

/// Candidates of a search in an index. `whole` is as for [`Gather::new`].
pub async fn gather(env: &ScanEnv, idx: IndexDesc, search: &Search, whole: bool) -> Result<Gathered> {
    let mut g = Gather::new(idx, search, whole);
    loop {
        env.interrupt.check()?;
        if env.store.read(|core| g.run(core, env.snap.ssi, env.snap.scn)).await? {
            return Ok(g.found());
        }
    }
}

/// The visible rows at given addresses.
pub struct AddressScan {
    env: ScanEnv,
    rel: Rel,
    rids: Vec<Rid>,
    at: usize,
    dep_lsn: Lsn,
}

impl AddressScan {
    /// A scan of candidates, each once.
    pub fn new(env: ScanEnv, rel: Rel, rids: Vec<Rid>) -> AddressScan {
        AddressScan { env, rel, rids, at: 0, dep_lsn: Lsn(0) }
    }

    /// What the rows answered so far depend on.
    pub fn dep_lsn(&self) -> Lsn {
        self.dep_lsn
    }

    /// The next visible row, its image in `row`.
    pub async fn next(&mut self, row: &mut RowBuf) -> Result<Option<Rid>> {
        let AddressScan { env, rel, rids, at, dep_lsn } = self;
        env.interrupt.check()?;
        env.store
            .read(|core| {
                core.check_kept_in(rel.id, &env.snap)?;
                while let Some(rid) = rids.get(*at) {
                    let mut reader = Reader::new(core, env.snap);
                    let found = reader.fetch(*rel, *rid, row);
                    *dep_lsn = (*dep_lsn).max(reader.dep_lsn);
                    let found = found?;
                    *at += 1;
                    if found {
                        return Ok(Some(*rid));
                    }
                }
                Ok(None)
            })
            .await
    }
}

/// Every version of the rows of a block that a snapshot sees or that is newer, whoever wrote it: what a summary of the block must
/// take in. `dep_lsn` is not asked for: nothing of it is told to anybody.
pub async fn all_versions(env: &ScanEnv, rel: Rel, block: BlockNo) -> Result<Vec<Vec<u8>>> {
    env.interrupt.check()?;
    // Own changes may still be taken back, so they hide nothing.
    let snap = Snapshot { xid: Xid::NONE, ssi: SxId::NONE, ..env.snap };
    let rids = env
        .store
        .read(|core| {
            let mut rids = Vec::new();
            heap::addresses(core, rel, block, &mut rids)?;
            Ok(rids)
        })
        .await?;
    let (mut out, mut image) = (Vec::new(), RowBuf::new());
    for rid in rids {
        let before = out.len();
        env.store
            .read(|core| {
                out.truncate(before);
                if !heap::peek(core, rel, rid, &mut image)? {
                    return Ok(());
                }
                let mut add = |v: &[u8]| {
                    out.push(v.to_vec());
                    Ok(())
                };
                Reader::new(core, snap).versions(rel, rid, &mut image, &mut add)
            })
            .await?;
    }
    Ok(out)
}
