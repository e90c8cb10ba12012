//! Finding and changing summaries.
//!
//! Who changes one has the root latched exclusively, so that changes come one after the other; the other latches follow in
//! the order root, directory, map, summaries, space map. Who only looks holds one latch at a time and looks again if
//! the summary is not where the map said.

use super::page::{
    BLOCKS, DIRECTORY, INIT, MAP, MAX_SUMMARY, NEXT, POINT, Place, ROOT, ROOT_BLOCK, SET, SUMMARIES, Slots, Summary,
    Way, block_at, block_payload, broken, expect, init_payload, pages_per_range, pid, place_at, place_payload,
    set_payload,
};
use super::range_of;
use crate::buf::{Access, ReadGuard, WriteGuard};
use crate::core::Core;
use crate::gist::{covers, keys, unite};
use crate::mtr::Mtr;
use crate::page::PageKind;
use crate::space::{ALLOC_LOG_BYTES, Alloc};
use crate::wait::{Op, Wait};
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, RelId, Result, Rid, Scn, Xid};
use smallvec::SmallVec;

/// Log bytes of a small operation.
const SMALL: usize = 32;
/// Pages of summaries, from the youngest on, that are looked at for room before a new one is made.
const LOOKED_AT: usize = 4;

/// Makes an index file's space map and its root.
pub(super) fn create(core: &Core, rel: RelId, xid: Xid) -> Op<()> {
    core.space.create(core, rel, xid)?;
    let mut mtr = core.mtr(xid);
    let root = core.space.prepare_alloc(&mut mtr, &core.pool, rel)?;
    if root.block != ROOT_BLOCK {
        return Err(DbError::internal("a new index does not begin with its root").into());
    }
    mtr.reserve(ALLOC_LOG_BYTES + SMALL)?;
    core.space.apply_alloc(&mut mtr, &root, PageKind::Brin);
    mtr.apply(root.page, INIT, &init_payload(ROOT, 0, super::PAGES_PER_RANGE));
    mtr.finish();
    Ok(())
}

/// See [`super::set_up`].
pub(super) fn set_up(core: &Core, xid: Xid, rel: RelId, per_range: u32) -> Op<()> {
    let mut mtr = core.mtr(xid);
    let root = mtr.fix(pid(rel, ROOT_BLOCK))?;
    let now = pages_per_range(mtr.page(root))?;
    if now == per_range {
        return Ok(());
    }
    let empty = (0..BLOCKS).map(|at| block_at(mtr.page(root), ROOT, at)).collect::<Result<Vec<_>>>()?;
    if per_range == 0 || empty.iter().any(|b| *b != 0) {
        return Err(DbError::internal("pages per range of an index in use cannot change").into());
    }
    mtr.reserve(SMALL)?;
    mtr.apply(root, INIT, &init_payload(ROOT, 0, per_range));
    mtr.finish();
    Ok(())
}

fn beyond() -> DbError {
    DbError::internal("a range beyond the last one")
}

/// The map of a range, latched; `None` if there is none yet.
pub(super) fn map_of<'p>(core: &'p Core, rel: RelId, way: Way) -> Op<Option<ReadGuard<'p>>> {
    let read = |b: BlockNo| core.pool.read(pid(rel, b), Access::Point);
    let dir = block_at(&*read(ROOT_BLOCK)?, ROOT, way.root)?;
    if dir == 0 {
        return Ok(None);
    }
    let map = block_at(&*read(dir)?, DIRECTORY, way.directory)?;
    if map == 0 { Ok(None) } else { Ok(Some(read(map)?)) }
}

/// Shows `look` the summary of a range, if it has one. Its page is latched meanwhile.
pub(super) fn look<T>(
    core: &Core,
    rel: RelId,
    range: u32,
    look: impl FnOnce(Option<&Summary<'_>>) -> Result<T>,
) -> Op<T> {
    let way = Way::to(range).ok_or_else(beyond)?;
    let place = match map_of(core, rel, way)? {
        Some(map) => place_at(&map, way.map)?,
        None => None,
    };
    let Some(place) = place else { return Ok(look(None)?) };
    let g = core.pool.read(pid(rel, place.block), Access::Point)?;
    match Slots::open(&g)?.summary(place.slot)? {
        Some(s) if s.range == range => Ok(look(Some(&s))?),
        // It has moved since.
        _ => Err(Wait::Restart),
    }
}

/// Whether the summary of a range lets nothing more be done for a key: there is none, or it covers the key.
fn is_covered(core: &Core, rel: RelId, range: u32, key: &[u8]) -> Op<bool> {
    let keys = keys()?;
    look(core, rel, range, |s| Ok(s.is_none_or(|s| covers(keys, s.bytes, key))))
}

/// Makes the summary of a row's range, if it has one, cover the row's keys.
pub(super) fn widen(core: &Core, xid: Xid, rel: RelId, rid: Rid, row: &[u8]) -> Op<()> {
    widen_by(core, xid, rel, rid, &keys()?.bound(row))
}

/// The same for a bound of the keys of several rows of the range.
pub(super) fn widen_by(core: &Core, xid: Xid, rel: RelId, rid: Rid, key: &[u8]) -> Op<()> {
    let range = {
        let root = core.pool.read(pid(rel, ROOT_BLOCK), Access::Point)?;
        range_of(rid.block, pages_per_range(&root)?)
    };
    if is_covered(core, rel, range, key)? {
        return Ok(());
    }
    change(core, xid, rel, range, false, |s| {
        let Some(s) = s else { return Ok(None) };
        Ok(Some((s.begun, s.since, unite(keys()?, s.bytes, key))))
    })
}

/// Begins the summary of a range: from now on writers put into it what they write. `false` if the range has one already.
pub(super) fn begin(core: &Core, xid: Xid, rel: RelId, range: u32) -> Op<bool> {
    if look(core, rel, range, |s| Ok(s.is_some_and(|s| !s.begun)))? {
        return Ok(false);
    }
    change(core, xid, rel, range, true, |s| Ok(if s.is_some() { None } else { Some((true, Scn(0), Vec::new())) }))?;
    Ok(true)
}

/// Completes the summary of a range by what the rows that were there have come to.
pub(super) fn complete(core: &Core, xid: Xid, rel: RelId, range: u32, rows: &[u8], since: Scn) -> Op<()> {
    change(core, xid, rel, range, true, |s| {
        let (bytes, before) = s.map_or((&[][..], Scn(0)), |s| (s.bytes, s.since));
        Ok(Some((false, since.max(before), unite(keys()?, bytes, rows))))
    })
}

/// Takes the summary of a range away. Answers whether there was one.
pub(super) fn remove(core: &Core, xid: Xid, rel: RelId, range: u32) -> Op<bool> {
    if look(core, rel, range, |s| Ok(s.is_none()))? {
        return Ok(false);
    }
    let way = Way::to(range).ok_or_else(beyond)?;
    let f = fix(core, rel, way)?;
    let (Some(map), Some(place)) = (f.map, f.place) else { return Ok(false) };
    let mut mtr = core.mtr(xid);
    let map = mtr.adopt(map)?;
    let data = mtr.fix(pid(rel, place.block))?;
    mtr.reserve(2 * SMALL)?;
    mtr.apply(data, SET, &set_payload(place.slot, &[]));
    mtr.apply(map, POINT, &place_payload(way.map, None));
    mtr.finish();
    Ok(true)
}

/// The pages on the way to a summary, latched exclusively.
struct Fixed<'p> {
    root: WriteGuard<'p>,
    directory: Option<WriteGuard<'p>>,
    map: Option<WriteGuard<'p>>,
    place: Option<Place>,
}

fn fix(core: &Core, rel: RelId, way: Way) -> Op<Fixed<'_>> {
    let root = core.pool.write(pid(rel, ROOT_BLOCK))?;
    let mut f = Fixed { root, directory: None, map: None, place: None };
    let dir = block_at(&f.root, ROOT, way.root)?;
    if dir == 0 {
        return Ok(f);
    }
    let dir = f.directory.insert(core.pool.write(pid(rel, dir))?);
    let map = block_at(dir, DIRECTORY, way.directory)?;
    if map == 0 {
        return Ok(f);
    }
    let map = f.map.insert(core.pool.write(pid(rel, map))?);
    f.place = place_at(map, way.map)?;
    Ok(f)
}

/// Gives a range a new summary: what `make` says of the one there is; `None` leaves it. Without `create` a range that has
/// none is left alone.
fn change(
    core: &Core,
    xid: Xid,
    rel: RelId,
    range: u32,
    create: bool,
    make: impl FnOnce(Option<&Summary<'_>>) -> Result<Option<(bool, Scn, Vec<u8>)>>,
) -> Op<()> {
    let way = Way::to(range).ok_or_else(beyond)?;
    let mut f = fix(core, rel, way)?;
    let old = match f.place {
        Some(p) => Some((core.pool.write(pid(rel, p.block))?, p)),
        None if create => None,
        None => return Ok(()),
    };
    let (made, room) = match &old {
        Some((g, p)) => {
            let slots = Slots::open(g)?;
            let s = slots.summary(p.slot)?.filter(|s| s.range == range);
            let s = s.ok_or_else(|| broken(g, "a range's summary is not where its map says"))?;
            (make(Some(&s))?, slots.free() + slots.stored(usize::from(p.slot))?.len())
        }
        None => (make(None)?, 0),
    };
    let Some((begun, since, bytes)) = made else { return Ok(()) };
    if bytes.len() > MAX_SUMMARY {
        let what = format!("index row size {} exceeds maximum {MAX_SUMMARY}", bytes.len());
        return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, what).into());
    }
    let stored = Summary { range, begun, since, bytes: &bytes }.stored();
    let mut mtr = core.mtr(xid);
    let old = match old {
        Some((g, p)) => {
            let at = mtr.adopt(g)?;
            if room >= stored.len() {
                mtr.reserve(stored.len() + SMALL)?;
                mtr.apply(at, SET, &set_payload(p.slot, &stored));
                mtr.finish();
                return Ok(());
            }
            Some((at, p))
        }
        None => None,
    };
    let mut target = target(core, rel, &f.root, f.place, stored.len())?;
    let missing = [f.directory.is_none(), f.map.is_none(), target.is_none()];
    let new = missing.iter().filter(|m| **m).count();
    // The root changes if a directory or a page of summaries is new, a directory if a map is.
    let root = if missing[0] || missing[2] { Some(mtr.adopt(f.root)?) } else { None };
    let youngest = root.map_or(0, |r| mtr.page(r).next());
    let directory = match f.directory.take() {
        Some(d) if missing[1] => Some(mtr.adopt(d)?),
        // Held to the end, for who comes by the root that is not latched any more.
        other => {
            f.directory = other;
            None
        }
    };
    let map = f.map.take().map(|m| mtr.adopt(m)).transpose()?;
    let to = match target.take() {
        Some((g, slot)) => {
            let block = g.pid().block;
            Some((mtr.adopt(g)?, block, slot))
        }
        None => None,
    };
    let allocs = match new {
        0 => SmallVec::new(),
        n => core.space.prepare_allocs(&mut mtr, &core.pool, rel, n)?,
    };
    let mut allocs = allocs.iter();
    // As many as are missing were prepared, so from here on nothing fails.
    let lost = || DbError::internal("a page that was prepared is not there");
    let mut next = |wanted: bool| if wanted { allocs.next().map(Some).ok_or_else(lost) } else { Ok(None) };
    let (new_directory, new_map, new_data) = (next(missing[0])?, next(missing[1])?, next(missing[2])?);
    mtr.reserve(stored.len() + new * (ALLOC_LOG_BYTES + SMALL) + 6 * SMALL)?;
    let start = |mtr: &mut Mtr<'_>, a: &Alloc, level: u8, next: BlockNo| {
        core.space.apply_alloc(mtr, a, PageKind::Brin);
        mtr.apply(a.page, INIT, &init_payload(level, next, 0));
    };
    if let Some(a) = new_directory {
        start(&mut mtr, a, DIRECTORY, 0);
        root.iter().for_each(|r| mtr.apply(*r, POINT, &block_payload(way.root, a.block)));
    }
    if let Some(a) = new_map {
        start(&mut mtr, a, MAP, 0);
        let above = directory.or(new_directory.map(|d| d.page));
        above.iter().for_each(|d| mtr.apply(*d, POINT, &block_payload(way.directory, a.block)));
    }
    if let Some(a) = new_data {
        start(&mut mtr, a, SUMMARIES, youngest);
        root.iter().for_each(|r| mtr.apply(*r, NEXT, &a.block.to_le_bytes()));
    }
    if let Some((at, p)) = old {
        mtr.apply(at, SET, &set_payload(p.slot, &[]));
    }
    if let (Some((page, block, slot)), Some(map)) =
        (to.or(new_data.map(|a| (a.page, a.block, 0))), map.or(new_map.map(|a| a.page)))
    {
        mtr.apply(page, SET, &set_payload(slot, &stored));
        mtr.apply(map, POINT, &place_payload(way.map, Some(Place { block, slot })));
    }
    mtr.finish();
    Ok(())
}

/// One of the youngest pages of summaries with room for one of so many bytes, and the slot. The page that the old summary is on,
/// which is latched already, had no room.
fn target<'p>(
    core: &'p Core,
    rel: RelId,
    root: &WriteGuard<'p>,
    old: Option<Place>,
    bytes: usize,
) -> Op<Option<(WriteGuard<'p>, u16)>> {
    let mut block = root.next();
    for _ in 0..LOOKED_AT {
        // What is before the old page in the chain is not worth looking at.
        if block == 0 || old.is_some_and(|p| p.block == block) {
            return Ok(None);
        }
        let g = core.pool.write(pid(rel, block))?;
        if let Some(slot) = Slots::open(&g)?.room(bytes)? {
            return Ok(Some((g, slot)));
        }
        block = g.next();
    }
    Ok(None)
}

/// Whether a page is one of summaries and leads to another, for the checks.
pub(super) fn next_summaries(core: &Core, rel: RelId, block: BlockNo) -> Op<BlockNo> {
    let g = core.pool.read(pid(rel, block), Access::Scan)?;
    if block == ROOT_BLOCK {
        expect(&g, ROOT)?;
    } else {
        Slots::open(&g)?;
    }
    Ok(g.next())
}
