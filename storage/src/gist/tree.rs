//! The ways down: to where an entry is, and to where one goes.

use super::page::{GATE_BLOCK, Node, ROOT_BLOCK, SET, SLOT, inner_entry, pid, set_payload};
use super::split::make_room;
use super::{Keys, keys};
use crate::buf::{Access, ReadGuard, WriteGuard};
use crate::core::Core;
use crate::mtr::Mtr;
use crate::ssi::SxId;
use crate::wait::{Op, Wait};
use rustydb_base::{RelId, Result, Rid, Xid};
use smallvec::SmallVec;

/// Whether a bound on a page covers another; an empty one covers nothing.
pub(crate) fn covers(keys: &dyn Keys, whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || (!whole.is_empty() && keys.covers(whole, part))
}

/// A bound that covers two.
pub(crate) fn unite(keys: &dyn Keys, a: &[u8], b: &[u8]) -> Vec<u8> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.to_vec(),
        (_, true) => a.to_vec(),
        _ => keys.unite(a, b),
    }
}

/// Keeps the others who fill an index, or write it while it is filled, away.
pub(super) fn gate(core: &Core, rel: RelId) -> Op<WriteGuard<'_>> {
    core.pool.write(pid(rel, GATE_BLOCK))
}

/// The child that an entry with a bound goes to: one that covers it, or the one that suffers least.
pub(super) fn choose(keys: &dyn Keys, node: &Node<'_>, bound: &[u8]) -> Result<usize> {
    let mut best: Option<(f64, usize)> = None;
    for i in 0..node.len() {
        let b = node.key(i)?;
        if covers(keys, b, bound) {
            return Ok(i);
        }
        // Emptied nodes are kept for when one is full.
        let p = if b.is_empty() { f64::INFINITY } else { keys.penalty(b, bound) };
        let p = if p.is_nan() { f64::INFINITY } else { p };
        // Of equally good ones the last, which is the youngest and least full.
        if best.is_none_or(|(least, _)| p <= least) {
            best = Some((p, i));
        }
    }
    best.map(|b| b.1).ok_or_else(|| node.broken("an inner node without children"))
}

/// The root latched exclusively if it is a leaf.
fn root_leaf(core: &Core, rel: RelId) -> Op<WriteGuard<'_>> {
    let w = core.pool.write(pid(rel, ROOT_BLOCK))?;
    // It may have grown in between.
    if Node::open(&w)?.level() == 0 { Ok(w) } else { Err(Wait::Restart) }
}

/// Finds the entry of a row under a key; its leaf is latched exclusively.
pub(super) fn find<'p>(core: &'p Core, rel: RelId, key: &[u8], rid: Rid) -> Op<Option<(WriteGuard<'p>, usize)>> {
    let keys = keys()?;
    let root = core.pool.read(pid(rel, ROOT_BLOCK), Access::Point)?;
    if Node::open(&root)?.level() == 0 {
        drop(root);
        let w = root_leaf(core, rel)?;
        let at = Node::open(&w)?.find(key, rid)?;
        return Ok(at.map(|at| (w, at)));
    }
    below(core, rel, keys, &root, &keys.bound(key), key, rid)
}

fn below<'p>(
    core: &'p Core,
    rel: RelId,
    keys: &dyn Keys,
    parent: &ReadGuard<'p>,
    bound: &[u8],
    key: &[u8],
    rid: Rid,
) -> Op<Option<(WriteGuard<'p>, usize)>> {
    let node = Node::open(parent)?;
    let level = node.level().saturating_sub(1);
    for i in 0..node.len() {
        if !covers(keys, node.key(i)?, bound) {
            continue;
        }
        let child = pid(rel, node.child(i)?);
        if level == 0 {
            let w = core.pool.write(child)?;
            if let Some(at) = Node::at_level(&w, 0)?.find(key, rid)? {
                return Ok(Some((w, at)));
            }
            continue;
        }
        let g = core.pool.read(child, Access::Point)?;
        Node::at_level(&g, level)?;
        if let Some(found) = below(core, rel, keys, &g, bound, key, rid)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The rows that have entries under a key.
pub(super) fn rows(core: &Core, reader: SxId, rel: RelId, key: &[u8], out: &mut SmallVec<[Rid; 4]>) -> Op<()> {
    let keys = keys()?;
    let root = core.pool.read(pid(rel, ROOT_BLOCK), Access::Point)?;
    rows_below(core, reader, rel, keys, &root, &keys.bound(key), key, out)
}

fn rows_below(
    core: &Core,
    reader: SxId,
    rel: RelId,
    keys: &dyn Keys,
    page: &ReadGuard<'_>,
    bound: &[u8],
    key: &[u8],
    out: &mut SmallVec<[Rid; 4]>,
) -> Op<()> {
    if reader.is_some() {
        core.ssi.read_page(reader, rel, page.pid().block)?;
    }
    let node = Node::open(page)?;
    for i in 0..node.len() {
        let k = node.key(i)?;
        if node.level() == 0 {
            if k == key {
                out.push(node.rid(i)?);
            }
        } else if covers(keys, k, bound) {
            let g = core.pool.read(pid(rel, node.child(i)?), Access::Point)?;
            Node::at_level(&g, node.level() - 1)?;
            rows_below(core, reader, rel, keys, &g, bound, key, out)?;
        }
    }
    Ok(())
}

/// The leaf that a new entry of so many bytes goes to, latched exclusively, with room for it and under bounds that cover it.
pub(super) fn leaf_for<'p>(core: &'p Core, rel: RelId, bound: &[u8], bytes: usize) -> Op<WriteGuard<'p>> {
    let keys = keys()?;
    loop {
        let (leaf, covered) = way_down(core, rel, keys, bound)?;
        let room = Node::open(&leaf)?.free() >= SLOT + bytes;
        if room && covered {
            return Ok(leaf);
        }
        drop(leaf);
        // No bound is widened for a leaf that takes no more, or it would be chosen again for what comes next.
        if room {
            widen(core, rel, keys, bound)?;
        } else if let Some(leaf) = spare_leaf(core, rel, keys, bound)? {
            return Ok(leaf);
        } else {
            make_room(core, rel, bound, 0, SLOT + bytes)?;
        }
    }
}

/// Goes down to the leaf for a bound; whether all bounds on the way cover it.
fn way_down<'p>(core: &'p Core, rel: RelId, keys: &dyn Keys, bound: &[u8]) -> Op<(WriteGuard<'p>, bool)> {
    let mut g = core.pool.read(pid(rel, ROOT_BLOCK), Access::Point)?;
    if Node::open(&g)?.level() == 0 {
        drop(g);
        return Ok((root_leaf(core, rel)?, true));
    }
    let mut covered = true;
    loop {
        let node = Node::open(&g)?;
        let i = choose(keys, &node, bound)?;
        covered &= covers(keys, node.key(i)?, bound);
        let (child, level) = (pid(rel, node.child(i)?), node.level() - 1);
        if level == 0 {
            let w = core.pool.write(child)?;
            Node::at_level(&w, 0)?;
            return Ok((w, covered));
        }
        let next = core.pool.read(child, Access::Point)?;
        Node::at_level(&next, level)?;
        g = next;
    }
}

/// An emptied leaf near the one that a bound goes to, under bounds that cover it now; if there is one.
fn spare_leaf<'p>(core: &'p Core, rel: RelId, keys: &dyn Keys, bound: &[u8]) -> Op<Option<WriteGuard<'p>>> {
    let top = {
        let root = core.pool.read(pid(rel, ROOT_BLOCK), Access::Point)?;
        Node::open(&root)?.level()
    };
    for level in 1..=top {
        let mut here = core.pool.write(pid(rel, ROOT_BLOCK))?;
        while Node::open(&here)?.level() > level {
            let node = Node::open(&here)?;
            let next = core.pool.write(pid(rel, node.child(choose(keys, &node, bound)?)?))?;
            Node::at_level(&next, node.level() - 1)?;
            here = next;
        }
        let node = Node::open(&here)?;
        for i in 0..node.len() {
            if node.level() == level && node.key(i)?.is_empty() && node.free() >= bound.len() {
                return occupy(core, rel, keys, here, i, bound).map(Some);
            }
        }
    }
    Ok(None)
}

/// Gives an emptied child a bound and, if it is an inner node, a child of it, and so on down to the leaf, which is answered.
fn occupy<'p>(
    core: &'p Core,
    rel: RelId,
    keys: &dyn Keys,
    mut here: WriteGuard<'p>,
    mut i: usize,
    bound: &[u8],
) -> Op<WriteGuard<'p>> {
    loop {
        let node = Node::open(&here)?;
        let level = node.level();
        let child = node.child(i)?;
        let next = core.pool.write(pid(rel, child))?;
        Node::at_level(&next, level - 1)?;
        let wide = unite(keys, node.key(i)?, bound);
        if wide.len().saturating_sub(node.key(i)?.len()) > node.free() {
            return Err(node.broken("an emptied node without room").into());
        }
        let payload = set_payload(i, &inner_entry(child, &wide));
        let mut mtr = core.mtr(Xid::NONE);
        let p = mtr.adopt(here)?;
        mtr.reserve(payload.len() + 16)?;
        mtr.apply(p, SET, &payload);
        core.ssi.page_split(rel, mtr.pid(p).block, child);
        mtr.finish();
        if level == 1 {
            return Ok(next);
        }
        i = choose(keys, &Node::open(&next)?, bound)?;
        here = next;
    }
}

/// Widens the bounds on the way to the leaf for a bound, as far as there is room for them.
fn widen(core: &Core, rel: RelId, keys: &dyn Keys, bound: &[u8]) -> Op<()> {
    let mut here = core.pool.write(pid(rel, ROOT_BLOCK))?;
    loop {
        let node = Node::open(&here)?;
        let level = node.level();
        if level == 0 {
            return Ok(());
        }
        let i = choose(keys, &node, bound)?;
        let (child, old) = (node.child(i)?, node.key(i)?);
        if covers(keys, old, bound) {
            if level == 1 {
                return Ok(());
            }
            let next = core.pool.write(pid(rel, child))?;
            Node::at_level(&next, level - 1)?;
            here = next;
            continue;
        }
        let wide = unite(keys, old, bound);
        if !covers(keys, &wide, bound) {
            // Damaged bytes; it would never end.
            return Err(node.broken("a bound that does not grow").into());
        }
        let more = wide.len().saturating_sub(old.len());
        if more > node.free() {
            drop(here);
            return make_room(core, rel, bound, level, more);
        }
        let payload = set_payload(i, &inner_entry(child, &wide));
        let mut mtr: Mtr<'_> = core.mtr(Xid::NONE);
        let p = mtr.adopt(here)?;
        let next = core.pool.write(pid(rel, child))?;
        Node::at_level(&next, level - 1)?;
        mtr.reserve(payload.len() + 16)?;
        mtr.apply(p, SET, &payload);
        core.ssi.page_split(rel, mtr.pid(p).block, child);
        mtr.finish();
        if level == 1 {
            return Ok(());
        }
        here = next;
    }
}
