//! Insertion, with the unique check.

use super::node::{Bound, Node, SLOT};
use super::redo;
use super::split::{Incoming, Need, make_room};
use super::tree::{Way, leaf_for_read, leaf_for_write, whole};
use super::{MAX_KEY, too_long};
use crate::am::{IndexDesc, IndexUndo, InsertResult, Method, RowState, RunEntry, Unique};
use crate::buf::{Access, WriteGuard};
use crate::core::Core;
use crate::txn::{TxnCx, TxnState};
use crate::undo::{UndoFlags, UndoHead, UndoType};
use crate::wait::{Op, TxnWait, Wait};
use rustydb_base::{BlockNo, PageId, Result, Rid, Xid};
use smallvec::SmallVec;

/// Inserts (key, rid) for the row version `txn` has just written (so it has a number); `flags` go into the undo record. Must be retried from the start after any [`Wait`]; nothing of the entry is there until it answers.
pub fn insert(
    core: &Core,
    txn: &mut TxnCx,
    idx: &IndexDesc,
    key: &[u8],
    rid: Rid,
    mut unique: Unique<'_>,
    flags: UndoFlags,
) -> Op<InsertResult> {
    if key.len() > MAX_KEY {
        return Err(too_long(key.len()).into());
    }
    let entry = whole(key, rid);
    loop {
        if let Some(done) = try_insert(core, txn, idx, key, rid, &entry, &mut unique, flags)? {
            return Ok(done);
        }
        make_room(core, idx.rel, 0, Need::Entry(Incoming { whole: &entry, tail: 0 }))?;
    }
}

/// Looks for serializable readers that are known by a key; its leaf is latched exclusively.
fn wrote_key(core: &Core, txn: &TxnCx, idx: &IndexDesc, key: &[u8]) -> Result<()> {
    match idx.method {
        Method::GIN => core.ssi.wrote_page(txn.ssi, idx.rel, crate::gin::predicate(key)),
        _ => Ok(()),
    }
}

/// One attempt; `None` when the leaf is full.
fn try_insert(
    core: &Core,
    txn: &mut TxnCx,
    idx: &IndexDesc,
    key: &[u8],
    rid: Rid,
    entry: &[u8],
    unique: &mut Unique<'_>,
    flags: UndoFlags,
) -> Op<Option<InsertResult>> {
    let mut mtr = core.mtr(txn.xid);
    // Held to the end when the entry belongs into a later leaf of the run: it is what other inserters of the key wait at.
    let mut _gate: Option<WriteGuard<'_>> = None;
    let leaf = match unique {
        Unique::No => leaf_for_write(&core.pool, idx.rel, entry)?,
        Unique::Check(row_state) => match check_run(core, txn, idx, key, entry, row_state)? {
            Run::Conflict(rid, leaf) => return Ok(Some(InsertResult::Duplicate { rid, leaf })),
            Run::Free { gate, target } => {
                _gate = gate;
                target
            }
        },
    };
    let l = mtr.adopt(leaf)?;
    if txn.ssi.is_some() {
        core.ssi.wrote_page(txn.ssi, idx.rel, mtr.pid(l).block)?;
        wrote_key(core, txn, idx, key)?;
    }
    let node = Node::open(mtr.page(l))?;
    let at = node.position(entry, Bound::Before)?;
    let here = at < node.len() && node.is(at, entry)?;
    let replaced = if here { node.mark(at)? } else { None };
    if here && replaced.is_none() {
        // Already there: an index build that met a row its writers had entered.
        return Ok(Some(InsertResult::Done));
    }
    let mut payload = Vec::new();
    if here {
        payload.extend_from_slice(&(at as u16).to_le_bytes());
    } else {
        let suffix = entry.get(node.prefix().len()..).ok_or_else(|| node.broken())?;
        if !node.covers(entry) {
            return Err(node.broken().into());
        }
        if node.free() < SLOT + suffix.len() {
            return Ok(None);
        }
        redo::insert_payload(&mut payload, at, suffix, &[]);
    }
    let undo = IndexUndo::Insert { replaced };
    let slot = core.undo.prepare(&mut mtr, txn, idx.rel, undo.payload_len(key))?;
    mtr.reserve(payload.len() + 16 + slot.log_bytes())?;
    mtr.apply(l, if here { redo::UNMARK } else { redo::INSERT }, &payload);
    undo.write(core, &mut mtr, &slot, txn, idx, rid, key, flags);
    mtr.finish();
    Ok(Some(InsertResult::Done))
}

/// Inserts the entry of a row version that is there already, on behalf of an index that is filled while others write:
/// nobody's change, so rollback leaves it. An entry that is there, marked or not, stays as it is.
pub fn enter(core: &Core, xid: Xid, idx: &IndexDesc, key: &[u8], rid: Rid) -> Op<()> {
    if key.len() > MAX_KEY {
        return Err(too_long(key.len()).into());
    }
    let entry = whole(key, rid);
    loop {
        let mut mtr = core.mtr(xid);
        let l = mtr.adopt(leaf_for_write(&core.pool, idx.rel, &entry)?)?;
        let node = Node::open(mtr.page(l))?;
        let at = node.position(&entry, Bound::Before)?;
        if at < node.len() && node.is(at, &entry)? {
            return Ok(());
        }
        let suffix = entry.get(node.prefix().len()..).ok_or_else(|| node.broken())?;
        if node.free() < SLOT + suffix.len() {
            drop(mtr);
            make_room(core, idx.rel, 0, Need::Entry(Incoming { whole: &entry, tail: 0 }))?;
            continue;
        }
        let mut payload = Vec::new();
        redo::insert_payload(&mut payload, at, suffix, &[]);
        mtr.reserve(payload.len() + 16)?;
        mtr.apply(l, redo::INSERT, &payload);
        mtr.finish();
        return Ok(());
    }
}

/// Most bytes that the undo record of a run takes, so that little of a page is left over when it does not fit.
const RUN_UNDO: usize = 1024;

/// Inserts entries of rows that one heap record has made, given in key order: as many of them (at least one) as go into
/// the first one's leaf, in one mini-transaction with one undo record. Answers how many; the caller repeats with the
/// rest. An entry that needs more than a look at the leaf (an equal key beside it, a full leaf) ends the run and is
/// inserted alone by the next call. Waits are answered as by [`insert`].
pub fn insert_run(
    core: &Core,
    txn: &mut TxnCx,
    idx: &IndexDesc,
    entries: &[RunEntry<'_>],
    row_state: &mut dyn FnMut(Rid) -> Op<RowState>,
) -> Op<(usize, InsertResult)> {
    let Some(first) = entries.first() else { return Ok((0, InsertResult::Done)) };
    if entries.len() > 1
        && let n @ 1.. = try_run(core, txn, idx, entries)?
    {
        return Ok((n, InsertResult::Done));
    }
    let unique = if first.unique { Unique::Check(row_state) } else { Unique::No };
    Ok((1, insert(core, txn, idx, first.key, first.rid, unique, UndoFlags::NONE)?))
}

/// Inserts the longest run of entries that one leaf decides about; 0 when that is none.
fn try_run(core: &Core, txn: &mut TxnCx, idx: &IndexDesc, entries: &[RunEntry<'_>]) -> Op<usize> {
    let Some(first) = entries.first() else { return Ok(0) };
    let mut mtr = core.mtr(txn.xid);
    // Where a unique key could begin: the latch that inserters of this key meet at.
    let first_entry = whole(first.key, first.rid);
    let target = if first.unique { first.key } else { &first_entry };
    let l = mtr.adopt(leaf_for_write(&core.pool, idx.rel, target)?)?;
    if txn.ssi.is_some() {
        core.ssi.wrote_page(txn.ssi, idx.rel, mtr.pid(l).block)?;
    }
    let node = Node::open(mtr.page(l))?;
    let (mut free, mut log, mut n) = (node.free(), 0, 0);
    let mut places: Vec<(usize, SmallVec<[u8; 64]>)> = Vec::with_capacity(entries.len());
    let mut undo = Vec::with_capacity(RUN_UNDO);
    let mut before: &[u8] = &[];
    for e in entries {
        let entry = whole(e.key, e.rid);
        if e.key.len() > MAX_KEY || !node.covers(&entry) {
            break;
        }
        let at = node.position(if e.unique { e.key } else { &entry }, Bound::Before)?;
        let alone = if e.unique {
            let elsewhere = node.low() > e.key || node.run_goes_on(e.key);
            elsewhere || (n > 0 && before == e.key) || (at < node.len() && node.begins_with(at, e.key)?)
        } else {
            at < node.len() && node.is(at, &entry)?
        };
        let suffix = entry.get(node.prefix().len()..).ok_or_else(|| node.broken())?;
        if alone || free < SLOT + suffix.len() || undo.len() + super::RUN_ENTRY + e.key.len() > RUN_UNDO {
            break;
        }
        if txn.ssi.is_some() {
            wrote_key(core, txn, idx, e.key)?;
        }
        free -= SLOT + suffix.len();
        log += suffix.len() + redo::SMALL + 16;
        super::put_run_entry(&mut undo, e.rid, e.key);
        // Each entry inserted before this one has moved its place up by one.
        places.push((at + n, SmallVec::from_slice(suffix)));
        before = e.key;
        n += 1;
    }
    if n == 0 {
        return Ok(0);
    }
    let slot = core.undo.prepare(&mut mtr, txn, idx.rel, undo.len())?;
    mtr.reserve(log + slot.log_bytes())?;
    let mut payload = Vec::new();
    for (at, suffix) in &places {
        redo::insert_payload(&mut payload, *at, suffix, &[]);
        mtr.apply(l, redo::INSERT, &payload);
    }
    let head = UndoHead { depth: u16::from(idx.method.0), ..UndoHead::plain(UndoType::IdxInsertN, idx.rel, first.rid) };
    core.undo.apply(&mut mtr, &slot, txn, &head, &undo);
    mtr.finish();
    Ok(n)
}

/// The run of entries with one key, as the unique check found it.
enum Run<'p> {
    /// A live row has the key; its entry is in this leaf.
    Conflict(Rid, BlockNo),
    /// None has. `target` is the leaf the entry belongs into; `gate` the leaf the run begins in, if another one.
    Free { gate: Option<WriteGuard<'p>>, target: WriteGuard<'p> },
}

fn check_run<'p>(
    core: &'p Core,
    txn: &mut TxnCx,
    idx: &IndexDesc,
    key: &[u8],
    entry: &[u8],
    row_state: &mut dyn FnMut(Rid) -> Op<RowState>,
) -> Op<Run<'p>> {
    let mut leaf = leaf_for_write(&core.pool, idx.rel, key)?;
    let mut gate: Option<WriteGuard<'p>> = None;
    let mut target: Option<WriteGuard<'p>> = None;
    loop {
        let node = Node::open(&leaf)?;
        for i in node.position(key, Bound::Before)?..node.len() {
            if !node.begins_with(i, key)? {
                break;
            }
            if node.is(i, entry)? {
                continue;
            }
            let rid = node.rid(i)?;
            let conflict = match node.mark(i)? {
                Some(by) => marked_conflicts(core, txn, idx, by, rid)?,
                None => match row_state(rid)? {
                    RowState::Live => true,
                    RowState::Gone => false,
                    RowState::Busy(w) => return Err(Wait::Txn(w)),
                },
            };
            if conflict {
                return Ok(Run::Conflict(rid, leaf.pid().block));
            }
        }
        let (more, mine, next) = (node.run_goes_on(key), node.covers(entry), PageId::new(idx.rel, node.next()));
        if !more {
            return Ok(match target {
                Some(target) => Run::Free { gate, target },
                None if mine => Run::Free { gate, target: leaf },
                None => return Err(Node::open(&leaf)?.broken().into()),
            });
        }
        let right = core.pool.write(next)?;
        let passed = std::mem::replace(&mut leaf, right);
        if mine {
            target = Some(passed);
        } else if gate.is_none() && target.is_none() {
            gate = Some(passed);
        }
        // Any other leaf of the run is let go: inserters of this key cannot get past the first one.
    }
}

/// How many rows have a key now, counted no further than two: what a check put off until later asks. Rows that others
/// are changing are waited for.
pub fn holders(
    core: &Core,
    txn: &mut TxnCx,
    idx: &IndexDesc,
    key: &[u8],
    row_state: &mut dyn FnMut(Rid) -> Op<RowState>,
) -> Op<usize> {
    let mut leaf = leaf_for_read(&core.pool, idx.rel, Way::To(key, Bound::Through), Access::Point)?;
    let mut live = 0;
    loop {
        let node = Node::open(&leaf)?;
        for i in node.position(key, Bound::Before)?..node.len() {
            if !node.begins_with(i, key)? {
                return Ok(live);
            }
            let rid = node.rid(i)?;
            let has = match node.mark(i)? {
                Some(by) => marked_conflicts(core, txn, idx, by, rid)?,
                None => match row_state(rid)? {
                    RowState::Live => true,
                    RowState::Gone => false,
                    RowState::Busy(w) => return Err(Wait::Txn(w)),
                },
            };
            live += usize::from(has);
            if live > 1 {
                return Ok(live);
            }
        }
        if !node.run_goes_on(key) {
            return Ok(live);
        }
        leaf = core.pool.read(PageId::new(idx.rel, node.next()), Access::Point)?;
    }
}

/// Whether a marked entry still stands for a row that has the key.
fn marked_conflicts(core: &Core, txn: &mut TxnCx, idx: &IndexDesc, by: Xid, rid: Rid) -> Op<bool> {
    if by == txn.xid {
        return Ok(false);
    }
    match core.txns.resolve(by, &mut txn.dep_lsn)? {
        TxnState::Committed(_) | TxnState::CommittedForAll => Ok(false),
        // A rollback takes the mark off before it gives the row back, so it is waited for like a running transaction.
        TxnState::Running | TxnState::Prepared | TxnState::Aborted => {
            Err(Wait::Txn(TxnWait { xid: by, page: PageId::new(idx.heap, rid.block), slot: rid.slot }))
        }
    }
}
