//! Relations of an open store.
//!
//! The caller sees to it that nobody changes the relation meanwhile (a SHARE lock on its table); purge is held back here.
//! Hints (stamps, free-space classes) may change under the check: it looks at none of them.

use super::{Findings, heap as pages, is_damage};
use crate::am::IndexDesc;
use crate::buf::Access;
use crate::core::Resolve as _;
use crate::heap::page::{self, SlotState};
use crate::heap::{self, Datum, Rel, RowBuf, TableLayout};
use crate::overflow::OvfReader;
use crate::page::{Page, PageKind};
use crate::space::Spaces;
use crate::store::Store;
use crate::txn::tsp::{PER_PAGE, TSP_REL};
use crate::txn::{TxnState, VER_XID};
use crate::undo::{UndoPtr, UndoType, stream_rel};
use crate::wait::Op;
use rustydb_base::{BlockNo, DbError, Lsn, PageId, RelId, Result, Rid, Scn, Xid};
use std::time::Duration;

/// How often a page that is wrong on disk is read again, for it may have been on its way there.
const TRIES: usize = 3;

/// Keeps purge from changing anything while a check runs.
pub struct Quiet<'s>(#[allow(dead_code, reason = "held, not used")] tokio::sync::MutexGuard<'s, ()>);

/// Damage becomes a finding, anything else stays an error.
fn note<T>(r: Result<T>, add: impl FnOnce(String)) -> Result<Option<T>> {
    match r {
        Ok(v) => Ok(Some(v)),
        Err(e) if is_damage(&e) => {
            add(e.message.into_owned());
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

impl Store {
    /// Waits until the losers of a crash are rolled back, then holds purge back until the answer is dropped.
    pub async fn quiet(&self) -> Result<Quiet<'_>> {
        while self.losers() > 0 {
            self.poison().check()?;
            self.runtime().sleep(Duration::from_millis(5)).await;
        }
        Ok(Quiet(self.purge.pause().await))
    }

    /// The copy of a page on disk: checksum and identity. A page changed since is not looked at, its copy will be replaced.
    async fn check_copy(&self, pid: PageId, out: &mut Findings) -> Result<()> {
        let mut wrong = None;
        for _ in 0..TRIES {
            if self.pool().is_changed(pid) {
                return Ok(());
            }
            match self.files.check(pid).await {
                Ok(()) => return Ok(()),
                Err(e) if is_damage(&e) => wrong = Some(e),
                Err(e) => return Err(e),
            }
            self.runtime().sleep(Duration::from_millis(10)).await;
        }
        if let Some(e) = wrong {
            out.page(pid.rel, pid.block, e.message.into_owned());
        }
        Ok(())
    }

    /// A relation with a space map: every page on disk, and the map against the pages. Answers how many blocks are in use,
    /// map pages left out. `each` looks at every page in use and says what is wrong with it.
    pub async fn check_space(
        &self,
        rel: RelId,
        kind: PageKind,
        out: &mut Findings,
        mut each: impl FnMut(&Page) -> Result<()>,
    ) -> Result<u64> {
        let before = out.count();
        self.check_copy(PageId::new(rel, 0), out).await?;
        if out.count() > before {
            return Ok(0);
        }
        let blocks = self.read(|core| core.space.nblocks(rel, &core.pool)).await;
        let Some(n) = note(blocks, |why| out.page(rel, 0, why))? else { return Ok(0) };
        let (mut used, mut broken_map) = (0, false);
        for block in 0..n {
            let pid = PageId::new(rel, block);
            if block.is_multiple_of(64) {
                self.prefetch(rel, block..n.min(block + 64));
            }
            let before = out.count();
            self.check_copy(pid, out).await?;
            let on_map = Spaces::is_map(block);
            if on_map {
                broken_map = out.count() > before;
            }
            if out.count() > before || broken_map {
                continue;
            }
            let seen = self
                .read(|core| -> Op<Option<String>> {
                    let taken = core.space.is_allocated(core, rel, block)?;
                    let p = core.pool.read(pid, Access::Scan)?;
                    if on_map {
                        return Ok((!p.is(PageKind::Space)).then(|| "this is no space map".to_owned()));
                    }
                    Ok(match (taken, p.kind()?) {
                        (true, k) if k == kind => {
                            used += 1;
                            each(&p).err().map(|e| e.message.into_owned())
                        }
                        (false, PageKind::Zero | PageKind::Free) => None,
                        (true, k) => Some(format!("the space map says that it is in use, but it is a {k:?} page")),
                        (false, k) => Some(format!("the space map says that it is free, but it is a {k:?} page")),
                    })
                })
                .await;
            if let Some(Some(why)) = note(seen, |why| out.page(rel, block, why))? {
                out.page(rel, block, why);
            }
        }
        Ok(used)
    }

    /// A table's rows and their big values: pages, versions, overflow chains.
    pub async fn check_heap(&self, rel: Rel, layout: &TableLayout, out: &mut Findings) -> Result<()> {
        let outside = rel.method.is_outside();
        let kind = rel.method.am()?.page_kind();
        let slots = |p: &Page| if outside { Ok(()) } else { pages::slots(p).map(drop) };
        self.check_space(rel.id, kind, out, slots).await?;
        if rel.overflow != RelId(0) {
            self.check_space(rel.overflow, PageKind::Overflow, out, |_| Ok(())).await?;
        }
        let blocks = self.read(|core| core.space.nblocks(rel.id, &core.pool)).await;
        // Damage of the map is noted already.
        let Some(n) = note(blocks, |_| ())? else { return Ok(()) };
        for block in (0..n).filter(|b| !Spaces::is_map(*b)) {
            let pid = PageId::new(rel.id, block);
            let rows = self
                .read(|core| {
                    if outside {
                        let mut rids = Vec::new();
                        heap::addresses(core, rel, block, &mut rids)?;
                        return Ok(rids.iter().map(|r| r.slot).collect());
                    }
                    let p = core.pool.read(pid, Access::Scan)?;
                    let live = |s: &(u16, page::Slot)| s.1.state != SlotState::Body;
                    if !p.is(PageKind::Heap) {
                        return Ok(Vec::new());
                    }
                    Ok(pages::slots(&p)?.into_iter().filter(live).map(|s| s.0).collect::<Vec<u16>>())
                })
                .await;
            // What is wrong with the page itself is noted already.
            let Some(rows) = note(rows, |_| ())? else { continue };
            for slot in rows {
                let checked = self.check_row(rel, Rid { block, slot }, layout).await;
                note(checked, |why| out.page(rel.id, block, format!("row {slot}: {why}")))?;
            }
        }
        Ok(())
    }

    async fn check_row(&self, rel: Rel, rid: Rid, layout: &TableLayout) -> Result<()> {
        let image = self
            .read(|core| {
                let mut image = RowBuf::new();
                Ok(heap::peek(core, rel, rid, &mut image)?.then_some(image))
            })
            .await?;
        let Some(image) = image else { return Ok(()) };
        pages::row_header(&image)?;
        layout.row_len(&image)?;
        let mut values = Vec::new();
        for col in 0..layout.columns().len() {
            if let Datum::Overflow(ptr) = layout.value(&image, col)? {
                values.push(ptr);
            }
        }
        if page::flags(&image) & page::flag::DELETED == 0 {
            for ptr in values {
                let mut r = OvfReader::new(ptr)?;
                self.read(|core| r.read(core, rel.overflow)).await?;
            }
        }
        self.check_versions(rel, rid, page::ver(&image), page::undo(&image)).await
    }

    /// The older versions that some snapshot or a rollback may still want.
    async fn check_versions(&self, rel: Rel, rid: Rid, mut ver: u64, mut undo: UndoPtr) -> Result<()> {
        let memory = rel.id.is_memory();
        let horizon = if memory { self.txns().memory_horizon() } else { self.txns().horizon() };
        loop {
            let scn = if ver & VER_XID == 0 {
                Some(Scn(ver))
            } else {
                let mut lsn = Lsn(0);
                match self.read(|core| core.txns.resolve(Xid(ver & !VER_XID), &mut lsn)).await? {
                    TxnState::Committed(scn) => Some(scn),
                    TxnState::CommittedForAll => return Ok(()),
                    _ => None,
                }
            };
            if scn.is_some_and(|s| s <= horizon) {
                return Ok(());
            }
            if !undo.is_some() {
                return Err(DbError::corrupt("a version that is not visible to all has no undo record"));
            }
            let rec = self.read(|core| core.undo.read(undo, &core.pool)).await?;
            if !heap::is_of(&rec, rel.id, rid, ver) {
                return Err(DbError::corrupt(format!("undo record {:#x} is of another row", undo.0)));
            }
            if rec.kind == UndoType::Insert {
                return Ok(());
            }
            (ver, undo) = (rec.prev_ver, rec.prev_undo);
        }
    }

    /// An index by itself: pages, order, fences, levels, and that each page in use belongs to the tree. Answers how many
    /// entries it has that are not marked; `None` if it is damaged.
    pub async fn check_index(&self, idx: &IndexDesc, out: &mut Findings) -> Result<Option<u64>> {
        let before = out.count();
        let am = idx.method.am()?;
        let used = self.check_space(idx.rel, am.page_kind(), out, |_| Ok(())).await?;
        let mut check = am.check(*idx);
        let report = self.read(|core| check.run(core)).await;
        let rel = idx.rel;
        let Some(report) = note(report, |why| out.page(rel, check.block(), why))? else { return Ok(None) };
        if used != report.pages {
            out.relation(rel, format!("{used} pages are in use, but the index has {}", report.pages));
        }
        Ok((out.count() == before).then_some(report.entries - report.marked))
    }

    /// The newest version of a row, if there is a row at the address, and whether its writer has ended.
    pub async fn newest_version(&self, rel: Rel, rid: Rid) -> Result<Option<(RowBuf, bool)>> {
        self.read(|core| {
            let mut image = RowBuf::new();
            if !heap::peek(core, rel, rid, &mut image)? {
                return Ok(None);
            }
            let (ver, mut lsn) = (page::ver(&image), Lsn(0));
            let ended = ver & VER_XID == 0
                || matches!(
                    core.txns.resolve(Xid(ver & !VER_XID), &mut lsn)?,
                    TxnState::Committed(_) | TxnState::CommittedForAll
                );
            Ok(Some((image, ended)))
        })
        .await
    }

    /// A sequence's page.
    pub async fn check_sequence(&self, rel: RelId, out: &mut Findings) -> Result<()> {
        self.check_copy(PageId::new(rel, 0), out).await?;
        let state = self.sequence_get(rel).await;
        note(state, |why| out.page(rel, 0, why)).map(drop)
    }

    /// What belongs to no table: undo streams and transaction status pages.
    pub async fn check_shared(&self, out: &mut Findings) -> Result<()> {
        for (stream, (head, tail)) in self.core().undo.bounds().into_iter().enumerate() {
            let (stream, rel) = (stream as u8, stream_rel(stream as u8));
            let mut at = head;
            while at < tail {
                let next = self.read(|core| core.undo.next(stream, at, &core.pool)).await;
                let block = BlockNo::try_from(at / crate::page::PAGE_SIZE as u64).unwrap_or(BlockNo::MAX);
                match note(next, |why| out.page(rel, block, why))? {
                    Some(Some((rec, next))) => {
                        if rec.prev_in_txn.is_some() && rec.prev_in_txn.stream() == stream && rec.prev_in_txn >= rec.ptr
                        {
                            out.page(rel, block, format!("undo record {:#x} comes before its predecessor", rec.ptr.0));
                        }
                        at = next;
                    }
                    Some(None) => break,
                    // The rest of the page cannot be trusted.
                    None => at = (u64::from(block) + 1) * crate::page::PAGE_SIZE as u64,
                }
            }
        }
        let (from, to) = (self.txns().tsp_start() / PER_PAGE, self.txns().formatted());
        for block in from..to {
            let pid = PageId::new(TSP_REL, block as BlockNo);
            self.check_copy(pid, out).await?;
            let seen = self.read(|core| Ok(core.pool.read(pid, Access::Scan)?.expect_kind(PageKind::Tsp)?)).await;
            note(seen, |why| out.page(TSP_REL, pid.block, why))?;
        }
        Ok(())
    }
}
