//! The storage side of a run: operations that are run again after a wait, each from where its state says it was.

use super::plan::*;
use super::scratch::{HeapPlace, Outcome, Phase, State};
use crate::exec::eval::Env;
use crate::exec::nearest::Waiting;
use crate::exec::tables::system_value;
use rustydb_base::{DbError, Rid, Scn};
use rustydb_parser::ast::LockWait;
use rustydb_storage::am;
use rustydb_storage::core::{Core, RowLockMode};
use rustydb_storage::gist::Nearest;
use rustydb_storage::heap::{self, Reader, RowBuf, TmResult};
use rustydb_storage::lock::{LockManager, LockOwner, LockTarget, Scope};
use rustydb_storage::overflow::OvfReader;
use rustydb_storage::table;
use rustydb_storage::txn::{Snapshot, TxnCx};
use rustydb_storage::wait::{Op, Wait};
use rustydb_types::datum::Datum;
use rustydb_types::{keyenc, rowcodec};
use std::sync::Arc;

/// Candidates that an operation passes over before it comes up for air.
const CANDIDATES: usize = 256;

/// What a scan's operation works with.
pub(super) struct ScanCx<'a> {
    pub node: &'a ScanNode,
    pub state: &'a mut State,
    pub row: &'a mut [Datum],
    pub image: &'a mut RowBuf,
    pub key: &'a mut Vec<u8>,
    pub snap: &'a Snapshot,
    pub env: Env<'a>,
    /// The only row wanted.
    pub pinned: Option<Rid>,
}

impl ScanCx<'_> {
    /// Finds the next row and decodes it. Sets the phase: [`Phase::Found`], [`Phase::NextKey`], or [`Phase::Ready`] if it
    /// should be called again.
    pub fn step(&mut self, core: &Core, cx: &mut TxnCx) -> Op<()> {
        let done = self.find_and_decode(core, cx);
        core.check_kept_in(self.node.table.desc.rel.id, self.snap)?;
        done
    }

    fn find_and_decode(&mut self, core: &Core, cx: &mut TxnCx) -> Op<()> {
        if self.state.decoding.is_none() || self.state.measuring.is_some() {
            let found = match (&self.node.path, self.pinned) {
                (_, Some(rid)) => self.one(rid, core, cx)?,
                (Path::Index(p), None) if p.exact => self.lookup(p, core, cx)?,
                (Path::Index(p), None) => self.cursor(p, core, cx)?,
                (Path::Gather(_), None) => self.gathered(core, cx)?,
                (Path::Nearest(p), None) => self.nearest(p, core, cx)?,
                (Path::Heap, None) => self.heap(core, cx)?,
            };
            if !found {
                return Ok(());
            }
            self.state.decoding = Some(0);
        }
        self.decode(core)?;
        self.state.decoding = None;
        self.state.phase = Phase::Found;
        Ok(())
    }

    fn fetch(&mut self, rid: Rid, core: &Core, cx: &mut TxnCx) -> Op<bool> {
        table::fetch(core, self.snap, &mut cx.dep_lsn, self.node.table.desc.rel, rid, self.image)
    }

    fn one(&mut self, rid: Rid, core: &Core, cx: &mut TxnCx) -> Op<bool> {
        if self.state.looked {
            self.state.phase = Phase::NextKey;
            return Ok(false);
        }
        let found = self.fetch(rid, core, cx)?;
        self.state.looked = true;
        self.state.rid = rid;
        if !found {
            self.state.phase = Phase::NextKey;
        }
        Ok(found)
    }

    fn lookup(&mut self, p: &IndexPath, core: &Core, cx: &mut TxnCx) -> Op<bool> {
        if !self.state.looked {
            am::lookup(core, self.snap.ssi, &p.desc, &self.state.search, &mut self.state.rids)?;
            self.state.looked = true;
            self.state.at = 0;
            self.state.met.scans += 1;
        }
        while let Some(&rid) = self.state.rids.get(self.state.at) {
            let hit = self.fetch(rid, core, cx)? && self.has_key(p, None, core)?;
            self.state.at += 1;
            self.state.met.entries += 1;
            if hit {
                self.state.met.rows += 1;
                self.state.rid = rid;
                return Ok(true);
            }
        }
        self.state.phase = Phase::NextKey;
        Ok(false)
    }

    fn cursor(&mut self, p: &IndexPath, core: &Core, cx: &mut TxnCx) -> Op<bool> {
        let mut cursor =
            self.state.cursor.take().ok_or_else(|| Wait::from(DbError::internal("index scan without a cursor")))?;
        let done = self.candidates(p, &mut cursor, core, cx);
        self.state.cursor = Some(cursor);
        done
    }

    fn candidates(&mut self, p: &IndexPath, cursor: &mut am::Cursor, core: &Core, cx: &mut TxnCx) -> Op<bool> {
        for _ in 0..CANDIDATES {
            let Some(c) = cursor.candidate(self.state.at) else {
                self.state.at = 0;
                if !cursor.next_batch(core, self.snap.ssi)? {
                    self.state.phase = Phase::NextKey;
                    return Ok(false);
                }
                continue;
            };
            let hit = self.fetch(c.rid, core, cx)? && self.has_key(p, Some(c.key), core)?;
            self.state.at += 1;
            self.state.met.entries += 1;
            if hit {
                self.state.met.rows += 1;
                self.state.rid = c.rid;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The rows that an inverted index names, in order of the table; the whole table if it is of no help.
    fn gathered(&mut self, core: &Core, cx: &mut TxnCx) -> Op<bool> {
        if let Some(g) = &mut self.state.gather {
            if !g.run(core, self.snap.ssi, self.snap.scn)? {
                return Ok(false);
            }
            self.state.candidates = match self.state.gather.take().map(am::Gather::found) {
                Some(am::Gathered::Rows(rids)) => Some(rids),
                _ => None,
            };
            self.state.at = 0;
        }
        if self.state.candidates.is_none() {
            return self.heap(core, cx);
        }
        for _ in 0..CANDIDATES {
            let Some(rid) = self.state.candidates.as_ref().and_then(|c| c.get(self.state.at).copied()) else {
                self.state.phase = Phase::NextKey;
                return Ok(false);
            };
            let hit = self.fetch(rid, core, cx)?;
            self.state.at += 1;
            self.state.met.entries += 1;
            if hit {
                self.state.met.rows += 1;
                self.state.rid = rid;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next row by distance: a candidate of the tree is measured and held until nothing nearer can come.
    fn nearest(&mut self, p: &NearestPath, core: &Core, cx: &mut TxnCx) -> Op<bool> {
        let mut tree = self
            .state
            .nearest
            .take()
            .ok_or_else(|| Wait::from(DbError::internal("scan by distance without a tree")))?;
        let done = self.measured(p, &mut tree.0, &mut tree.1, core, cx);
        self.state.nearest = Some(tree);
        done
    }

    fn measured(
        &mut self,
        p: &NearestPath,
        tree: &mut Nearest,
        held: &mut Waiting,
        core: &Core,
        cx: &mut TxnCx,
    ) -> Op<bool> {
        for _ in 0..CANDIDATES {
            if let Some(rid) = self.state.measuring {
                if self.fetch(rid, core, cx)? {
                    self.state.rid = rid;
                    self.state.decoding.get_or_insert(0);
                    self.decode(core)?;
                    self.state.decoding = None;
                    held.hold(rid, &p.distance.eval(self.env, &*self.row)?);
                }
                self.state.measuring = None;
            }
            if held.is_next(tree.at_least()) {
                let Some(rid) = held.peek() else { return Ok(false) };
                let found = self.fetch(rid, core, cx)?;
                held.pop();
                self.state.met.entries += 1;
                if found {
                    self.state.met.rows += 1;
                    self.state.rid = rid;
                    return Ok(true);
                }
                continue;
            }
            match tree.next(core, self.snap.ssi)? {
                Some(c) => self.state.measuring = held.meet(c.rid)?.then_some(c.rid),
                None if tree.is_done() && held.peek().is_none() => {
                    self.state.phase = Phase::NextKey;
                    return Ok(false);
                }
                None if tree.is_done() => {}
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    fn heap(&mut self, core: &Core, cx: &mut TxnCx) -> Op<bool> {
        let rt = &self.node.table;
        let mut place = self.state.heap.take().unwrap_or_default();
        let block = place.block;
        let done = next_row(&mut place, rt.desc.rel, &rt.desc.layout, self.snap, self.image, core, cx);
        self.state.met.blocks += place.block.saturating_sub(block);
        self.state.heap = Some(place);
        match done? {
            Some(rid) => {
                self.state.met.rows += 1;
                self.state.rid = rid;
                Ok(true)
            }
            None => {
                self.state.phase = Phase::NextKey;
                Ok(false)
            }
        }
    }

    /// Whether the version in `image` has the entry's key (`None`: the key looked for).
    fn has_key(&mut self, p: &IndexPath, entry: Option<&[u8]>, core: &Core) -> Op<bool> {
        let rt = &self.node.table;
        self.key.clear();
        match &p.check {
            KeyCheck::Attributes(atts) => {
                for (a, o) in atts {
                    let d = attribute(self.node, self.image, a, core)?;
                    keyenc::encode_key(o.ty, &d, o.desc, o.nulls_first, self.key)?;
                }
                Ok(self.key.as_slice() == entry.unwrap_or(&self.state.search))
            }
            KeyCheck::Computed => {
                let index = rt.indexes.get(p.index).ok_or_else(|| DbError::internal("index is not the table's"))?;
                self.state.tuple.clear();
                self.state.tuple.resize(rt.rel.columns.len(), Datum::Null);
                for &att in index.needs() {
                    let a = ColRead { att, slot: 0, kind: rt.kinds[att], ty: rt.rel.columns[att].ty };
                    self.state.tuple[att] = attribute(self.node, self.image, &a, core)?;
                }
                let key = index.key(self.env, &self.state.tuple, rt)?;
                Ok(key.is_some_and(|k| k.bytes.as_slice() == entry.unwrap_or(&self.state.search)))
            }
        }
    }

    /// Decodes the columns of the version in `image` into the row.
    fn decode(&mut self, core: &Core) -> Op<()> {
        let node = self.node;
        let all = self.pinned.is_some();
        while let Some(n) = self.state.decoding {
            let c = match node.cols.get(n) {
                Some(c) => c,
                None if all => match node.key_cols.get(n - node.cols.len()) {
                    Some(c) => c,
                    None => break,
                },
                None => break,
            };
            let stored = node.table.desc.layout.value(self.image, c.att)?;
            self.row[c.slot] = match stored {
                heap::Datum::Null => Datum::Null,
                heap::Datum::Bytes(b) => rowcodec::decode_value(c.kind, c.ty, b)?,
                heap::Datum::Overflow(ptr) => {
                    // Kept over waits: a long value does not begin anew at each missing page.
                    let mut r = match self.state.overflow.take() {
                        Some(r) => r,
                        None => OvfReader::new(ptr)?,
                    };
                    match r.read(core, node.table.desc.rel.overflow) {
                        Ok(b) => rowcodec::decode_value(c.kind, c.ty, &b)?,
                        Err(w) => {
                            self.state.overflow = Some(r);
                            return Err(w);
                        }
                    }
                }
            };
            self.state.decoding = Some(n + 1);
        }
        self.place(self.state.rid);
        Ok(())
    }

    /// The row id and system columns.
    fn place(&mut self, rid: Rid) {
        for (attnum, slot, ty) in &self.node.system {
            self.row[*slot] = system_value(&self.node.table, rid, self.image, *attnum, *ty);
        }
        if let Some(slot) = self.node.rid {
            self.row[slot] = Datum::Int8(crate::exec::tables::rid_number(rid));
        }
    }
}

/// One attribute of an image; a value in the overflow file is read whole or not at all.
fn attribute(node: &ScanNode, image: &[u8], a: &ColRead, core: &Core) -> Op<Datum> {
    Ok(match node.table.desc.layout.value(image, a.att)? {
        heap::Datum::Null => Datum::Null,
        heap::Datum::Bytes(b) => rowcodec::decode_value(a.kind, a.ty, b)?,
        heap::Datum::Overflow(ptr) => {
            // A key is shorter than a page, so this is one page.
            let b = OvfReader::new(ptr)?.read(core, node.table.desc.rel.overflow)?;
            rowcodec::decode_value(a.kind, a.ty, &b)?
        }
    })
}

fn next_row(
    place: &mut HeapPlace,
    rel: heap::Rel,
    layout: &heap::TableLayout,
    snap: &Snapshot,
    image: &mut RowBuf,
    core: &Core,
    cx: &mut TxnCx,
) -> Op<Option<Rid>> {
    let end = match place.end {
        Some(e) => e,
        None => {
            table::read_whole(core, snap, rel)?;
            *place.end.insert(core.space.nblocks(rel.id, &core.pool)?)
        }
    };
    loop {
        if place.loaded {
            if let Some((rid, row)) = place.rows.get(place.at) {
                place.at += 1;
                image.clear();
                image.extend_from_slice(row);
                return Ok(Some(rid));
            }
            place.loaded = false;
            place.block += 1;
        }
        if place.block >= end {
            return Ok(None);
        }
        let mut reader = Reader::new(core, *snap);
        let done = place.rows.load(&mut reader, rel, layout, place.block);
        cx.dep_lsn = cx.dep_lsn.max(reader.dep_lsn);
        done?;
        place.loaded = true;
        place.at = 0;
    }
}

/// A row to be locked.
pub(super) struct LockCx {
    pub mode: RowLockMode,
    pub wait: LockWait,
    pub rid: Rid,
}

impl LockCx {
    /// Locks the row. With `scan.state.newest` its newest version, which is then decoded.
    pub fn step(
        &self,
        scan: &mut ScanCx<'_>,
        locks: &LockManager,
        owner: &Arc<LockOwner>,
        core: &Core,
        cx: &mut TxnCx,
    ) -> Op<Outcome> {
        let rel = scan.node.table.desc.rel;
        let newest = scan.state.newest;
        if scan.state.decoding.is_none() {
            let scn = if newest { Scn(u64::MAX) } else { scan.snap.scn };
            let snap = Snapshot { scn, xid: cx.xid, ..*scan.snap };
            let target = LockTarget::Row { rel: rel.id, rid: self.rid };
            let mut refused = false;
            let done = heap::lock(core, cx, &snap, rel, self.rid, self.mode, || {
                // Under the page's latch, so that no writer slips in between the look and the lock.
                match self.wait {
                    LockWait::Block => locks.try_acquire(owner, target, self.mode.into()),
                    LockWait::Skip | LockWait::Error => {
                        refused = !locks.acquire_now(owner, target, self.mode.into(), Scope::Transaction)?;
                        Ok(())
                    }
                }
            })?;
            match done {
                TmResult::Ok if refused => return Ok(Outcome::Refused),
                TmResult::Ok if !newest => return Ok(Outcome::Locked),
                TmResult::Ok => {}
                TmResult::BeingModified(w) if self.wait == LockWait::Block => return Err(Wait::Txn(w)),
                TmResult::BeingModified(_) => return Ok(Outcome::Refused),
                TmResult::Updated => return Ok(Outcome::Updated),
                TmResult::Deleted => return Ok(Outcome::Deleted),
                TmResult::SelfModified => return Ok(Outcome::Own),
            }
            if !heap::peek(core, rel, self.rid, scan.image)? {
                return Ok(Outcome::Deleted);
            }
            scan.state.rid = self.rid;
            scan.state.decoding = Some(0);
        }
        // Every column of the scan, those that only its path's conditions read included.
        scan.pinned = Some(self.rid);
        scan.decode(core)?;
        scan.state.decoding = None;
        Ok(Outcome::Newer)
    }
}
