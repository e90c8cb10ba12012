//! Which version of a row a snapshot sees, and rebuilding it.

use super::history::{Update, is_of};
use super::page::{self, CONTENT, SlotState, flag};
use super::{Rel, RowBuf};
use crate::am::TableMethod;
use crate::buf::Access;
use crate::core::Core;
use crate::page::PageKind;
use crate::txn::{Snapshot, TxnState, VER_XID};
use crate::undo::{UndoFlags, UndoPtr, UndoRec, UndoType};
use crate::wait::{Op, Wait};
use rustydb_base::{BlockNo, DbError, Lsn, PageId, Rid, Scn, Xid};

/// Reads rows as one snapshot sees them. Remembers the last transaction it resolved, so it lives as long as the scan.
pub struct Reader<'c> {
    /// The store.
    pub core: &'c Core,
    /// What is visible.
    pub snap: Snapshot,
    /// LSN that must be stable before anything read may leave the process; the session takes it over.
    pub dep_lsn: Lsn,
    // Sound for the snapshot's life: what it met running commits, if ever, above the snapshot's SCN.
    last_xid: (Xid, bool),
    last_cid: (UndoPtr, u32),
    /// A serializable reader of a whole table: every writer it passes is noted, not only the one that replaced what it
    /// sees, as readers of rows do.
    pub(super) whole: bool,
    /// The writer noted last.
    noted: Xid,
    scratch: Vec<u8>,
}

impl<'c> Reader<'c> {
    /// A reader for a snapshot.
    pub fn new(core: &'c Core, snap: Snapshot) -> Reader<'c> {
        Reader {
            core,
            snap,
            dep_lsn: Lsn(0),
            last_xid: (Xid::NONE, false),
            last_cid: (UndoPtr::NONE, 0),
            whole: false,
            noted: Xid::NONE,
            scratch: Vec::new(),
        }
    }

    /// Whether a version is visible; `undo` is its own undo pointer (it names the command that wrote it).
    #[inline]
    pub fn visible(&mut self, ver: u64, undo: UndoPtr) -> Op<bool> {
        if ver & VER_XID == 0 {
            return Ok(Scn(ver) <= self.snap.scn);
        }
        self.visible_xid(Xid(ver & !VER_XID), undo)
    }

    fn visible_xid(&mut self, xid: Xid, undo: UndoPtr) -> Op<bool> {
        if xid == self.snap.xid {
            if self.last_cid.0 != undo {
                self.last_cid = (undo, self.core.undo.read(undo, &self.core.pool)?.cid);
            }
            return Ok(self.last_cid.1 < self.snap.cid);
        }
        if self.last_xid.0 == xid {
            return Ok(self.last_xid.1);
        }
        let seen = match self.core.txns.resolve(xid, &mut self.dep_lsn)? {
            TxnState::Committed(scn) => scn <= self.snap.scn,
            TxnState::CommittedForAll => true,
            TxnState::Running | TxnState::Prepared | TxnState::Aborted => false,
        };
        self.last_xid = (xid, seen);
        Ok(seen)
    }

    /// Shows `each` every version of a row from the newest image on, deleted ones too, back to the one the snapshot sees.
    /// Uses `image` up. As for [`Reader::version`], the snapshot is registered.
    pub fn versions(
        &mut self,
        rel: Rel,
        rid: Rid,
        image: &mut RowBuf,
        each: &mut dyn FnMut(&[u8]) -> rustydb_base::Result<()>,
    ) -> Op<()> {
        loop {
            each(image)?;
            let (ver, undo) = (page::ver(image), page::undo(image));
            if self.visible(ver, undo)? {
                return Ok(());
            }
            if !undo.is_some() {
                return Err(DbError::new(rustydb_base::sqlstate::SqlState::SNAPSHOT_TOO_OLD, "snapshot too old").into());
            }
            let rec = self.core.undo.read(undo, &self.core.pool)?;
            if !is_of(&rec, rel.id, rid, ver) {
                return Err(Wait::Restart);
            }
            match rec.kind {
                _ if rec.flags.has(UndoFlags::OUTSIDE) => {
                    if !TableMethod::of_record(&rec)?.am()?.previous(&rec, image)? {
                        return Ok(());
                    }
                    if image.len() < page::ROW_HEADER {
                        return Err(DbError::corrupt("undo record holds no row").into());
                    }
                }
                UndoType::Insert => return Ok(()),
                UndoType::Delete => {
                    image[18] = *rec.payload.first().ok_or_else(|| DbError::corrupt("malformed undo of a delete"))?;
                }
                _ => self.put_old_content(&rec, image)?,
            }
            image[..16].copy_from_slice(&page::words(rec.prev_ver, rec.prev_undo));
        }
    }

    /// Turns the newest image of a row (header and content, slack allowed) into the version the snapshot sees. `false`
    /// if it sees none. Pages may be unlatched: a registered snapshot keeps its undo alive.
    pub fn version(&mut self, rel: Rel, rid: Rid, image: &mut RowBuf) -> Op<bool> {
        let tracked = self.snap.ssi.is_some();
        let mut skips = !(tracked && self.whole);
        let mut passed = Xid::NONE;
        loop {
            let (ver, undo) = (page::ver(image), page::undo(image));
            if self.visible(ver, undo)? {
                if tracked {
                    self.note(rel, passed)?;
                }
                return Ok(page::flags(image) & flag::DELETED == 0);
            }
            if !undo.is_some() {
                return Err(DbError::new(rustydb_base::sqlstate::SqlState::SNAPSHOT_TOO_OLD, "snapshot too old").into());
            }
            let mut rec = self.core.undo.read(undo, &self.core.pool)?;
            if !is_of(&rec, rel.id, rid, ver) {
                // The image was overtaken: its writer rolled back and the row went on. Read it again.
                return Err(Wait::Restart);
            }
            if tracked && self.whole {
                self.note(rel, rec.xid)?;
            }
            passed = rec.xid;
            match rec.kind {
                _ if rec.flags.has(UndoFlags::OUTSIDE) => {
                    if !TableMethod::of_record(&rec)?.am()?.previous(&rec, image)? {
                        if tracked {
                            self.note(rel, passed)?;
                        }
                        return Ok(false);
                    }
                    if image.len() < page::ROW_HEADER {
                        return Err(DbError::corrupt("undo record holds no row").into());
                    }
                }
                UndoType::Insert => {
                    if tracked {
                        self.note(rel, passed)?;
                    }
                    return Ok(false);
                }
                UndoType::Delete => {
                    let old = *rec.payload.first().ok_or_else(|| DbError::corrupt("malformed undo of a delete"))?;
                    image[18] = old;
                }
                _ => {
                    if skips && !self.visible(rec.prev_ver, rec.prev_undo)? {
                        match self.jump(rel, rid, &rec)? {
                            Some(far) => {
                                passed = far.xid;
                                rec = far;
                            }
                            None => skips = false,
                        }
                    }
                    self.put_old_content(&rec, image)?;
                }
            }
            image[..16].copy_from_slice(&page::words(rec.prev_ver, rec.prev_undo));
        }
    }

    /// A serializable reader has passed a version of this writer.
    fn note(&mut self, rel: Rel, writer: Xid) -> Op<()> {
        if writer.is_some() && writer != self.noted && writer != self.snap.xid {
            self.core.ssi.conflict_out(self.snap.ssi, rel.id, writer)?;
            self.noted = writer;
        }
        Ok(())
    }

    /// The oldest full record that one skip pointer leads to and whose image is still too new or just right.
    fn jump(&mut self, rel: Rel, rid: Rid, rec: &UndoRec) -> Op<Option<UndoRec>> {
        let u = Update::parse(&rec.payload)?;
        for to in [u.skip2, u.skip] {
            if !to.is_some() {
                continue;
            }
            // Older than what the snapshot needs, it may be gone.
            let Some(far) = self.core.undo.read_if_kept(to, &self.core.pool)? else { continue };
            if !is_of(&far, rel.id, rid, 0) || far.kind != UndoType::Update {
                continue;
            }
            // Visibility grows along the chain: if what `far` replaced is visible, the version wanted lies before it or
            // is that very one, and only a walk can tell.
            if !self.visible(far.prev_ver, far.prev_undo)? {
                return Ok(Some(far));
            }
        }
        Ok(None)
    }

    /// Puts the content that an update replaced in the place of the one it left.
    fn put_old_content(&mut self, rec: &UndoRec, image: &mut RowBuf) -> Op<()> {
        let u = Update::parse(&rec.payload)?;
        self.scratch.clear();
        u.old_content(&image[CONTENT..], &mut self.scratch)?;
        image.truncate(CONTENT);
        image.extend_from_slice(&self.scratch);
        if image.len() < page::ROW_HEADER {
            return Err(DbError::corrupt("undo record holds no row").into());
        }
        Ok(())
    }

    /// See [`key_kept`]; `image` is the newest image, and is used up.
    fn key_kept(&mut self, rel: Rel, rid: Rid, image: &mut RowBuf) -> Op<bool> {
        loop {
            let (ver, undo) = (page::ver(image), page::undo(image));
            if self.visible(ver, undo)? {
                return Ok(page::flags(image) & flag::DELETED == 0);
            }
            if page::flags(image) & (flag::KEY_CHANGED | flag::DELETED) != 0 || !undo.is_some() {
                return Ok(false);
            }
            let rec = self.core.undo.read(undo, &self.core.pool)?;
            if !is_of(&rec, rel.id, rid, ver) {
                return Err(Wait::Restart);
            }
            if rec.kind != UndoType::Update || rec.flags.has(UndoFlags::OUTSIDE) {
                return Ok(false);
            }
            self.put_old_content(&rec, image)?;
            image[..16].copy_from_slice(&page::words(rec.prev_ver, rec.prev_undo));
        }
    }

    /// Reads the visible version of a row into `out`; `false` if there is none.
    pub fn fetch(&mut self, rel: Rel, rid: Rid, out: &mut RowBuf) -> Op<bool> {
        if self.snap.ssi.is_some() {
            self.core.ssi.read_row(self.snap.ssi, rel.id, rid)?;
        }
        let found = peek(self.core, rel, rid, out);
        let seen = match found {
            Ok(true) => self.version(rel, rid, out),
            other => other,
        };
        self.core.check_kept_in(rel.id, &self.snap)?;
        seen
    }
}

/// The `ver` word of a row's newest version, if every change after the version the snapshot sees has left the row's key
/// alone: who locks the key of that version need not look at newer ones.
pub fn key_kept(core: &Core, snap: &Snapshot, dep_lsn: &mut Lsn, rel: Rel, rid: Rid) -> Op<Option<u64>> {
    let mut image = RowBuf::new();
    if !peek(core, rel, rid, &mut image)? {
        return Ok(None);
    }
    let newest = page::ver(&image);
    let mut r = Reader::new(core, *snap);
    let kept = r.key_kept(rel, rid, &mut image);
    *dep_lsn = (*dep_lsn).max(r.dep_lsn);
    Ok(kept?.then_some(newest))
}

/// A page that reads as zeros has either never been in use, or is lost: a write that never happened, a read of another
/// place. The space map knows, and a lost page is not taken for an empty one (I40).
pub(super) fn check_not_lost(core: &Core, pid: PageId) -> Op<()> {
    if !core.space.is_allocated(core, pid.rel, pid.block)? {
        return Ok(());
    }
    // Whoever has just allocated the block has formatted its page before the map could be read.
    if core.pool.read(pid, Access::Point)?.is(PageKind::Zero) {
        return Err(DbError::corrupt(format!(
            "invalid page in block {} of relation {}: it is in use, but holds only zeros",
            pid.block, pid.rel
        ))
        .into());
    }
    Err(Wait::Restart)
}

/// Copies the newest version of a row, whoever wrote it, into `out`; its first word tells. `false` if there is no row
/// at the address.
pub fn peek(core: &Core, rel: Rel, rid: Rid, out: &mut RowBuf) -> Op<bool> {
    if rel.method.is_outside() { rel.method.am()?.peek(core, rel, rid, out) } else { peek_heap(core, rel, rid, out) }
}

/// [`peek`] of a row on heap pages.
pub fn peek_heap(core: &Core, rel: Rel, rid: Rid, out: &mut RowBuf) -> Op<bool> {
    let home = PageId::new(rel.id, rid.block);
    let g = core.pool.read(home, Access::Point)?;
    if !g.is(PageKind::Heap) {
        // A stale index entry may name a block that is no heap page any more.
        let zero = g.is(PageKind::Zero);
        drop(g);
        if zero {
            check_not_lost(core, home)?;
        }
        return Ok(false);
    }
    let s = page::slot(&g, rid.slot)?;
    out.clear();
    match s.state {
        SlotState::Free | SlotState::Body => return Ok(false),
        SlotState::Live => {
            out.extend_from_slice(page::row(&g, s)?);
            return Ok(true);
        }
        SlotState::Forward => {}
    }
    let head: [u8; page::MIN_ALLOC] = page::row(&g, s)?[..page::MIN_ALLOC]
        .try_into()
        .map_err(|_| DbError::internal("a row has at least its least allocation"))?;
    drop(g);
    // Home must not be latched here: writers latch blocks in rising order.
    let to = page::forward_to(&head)?;
    let g = core.pool.read(PageId::new(rel.id, to.block), Access::Point)?;
    let b = if g.is(PageKind::Heap) { Some(page::slot(&g, to.slot)?) } else { None };
    if let Some(b) = b.filter(|b| b.state == SlotState::Body) {
        out.extend_from_slice(page::row(&g, b)?);
    }
    drop(g);
    let g = core.pool.read(home, Access::Point)?;
    let s = page::slot(&g, rid.slot)?;
    if s.state != SlotState::Forward || page::row(&g, s)?[..page::MIN_ALLOC] != head {
        return Err(Wait::Restart);
    }
    // Home still points there, so what was read is the row's content or the page is wrong.
    if out.is_empty() || page::ver(out) != page::pack_rid(rid) {
        return Err(DbError::corrupt(format!("row {rid:?} of relation {} has lost its body", rel.id)).into());
    }
    compose(&head, out);
    Ok(true)
}

/// Makes a body's bytes the row they stand for: version and flags come from home.
pub(super) fn compose(home: &[u8], body: &mut [u8]) {
    body[..16].copy_from_slice(&home[..16]);
    body[18] = home[18];
}

/// Appends the addresses of a block's rows, whatever their state: what [`peek`] is to look at. Blocks that are no heap pages
/// have none.
pub fn addresses(core: &Core, rel: Rel, block: BlockNo, out: &mut Vec<Rid>) -> Op<()> {
    match rel.method.is_outside() {
        true => rel.method.am()?.addresses(core, rel, block, out),
        false => heap_addresses(core, rel, block, out),
    }
}

/// [`addresses`] of heap pages.
pub fn heap_addresses(core: &Core, rel: Rel, block: BlockNo, out: &mut Vec<Rid>) -> Op<()> {
    let pid = PageId::new(rel.id, block);
    let g = core.pool.read(pid, Access::Scan)?;
    if !g.is(PageKind::Heap) {
        let zero = g.is(PageKind::Zero);
        drop(g);
        return if zero { check_not_lost(core, pid) } else { Ok(()) };
    }
    for slot in 0..g.nslots() {
        if matches!(page::slot(&g, slot)?.state, SlotState::Live | SlotState::Forward) {
            out.push(Rid { block, slot });
        }
    }
    Ok(())
}
