//! Making the tree, and making room in it.

use super::page::{
    ADD, COUNT, GATE, GATE_BLOCK, Head, INIT, INNER_HEAD, Node, ROOT_BLOCK, SET, SLOT, SPACE, init_payload,
    inner_entry, pid, set_payload,
};
use super::tree::{choose, covers, unite};
use super::{Keys, keys};
use crate::buf::{Access, ReadGuard, WriteGuard};
use crate::core::Core;
use crate::page::{PAGE_SIZE, PageKind};
use crate::space::ALLOC_LOG_BYTES;
use crate::wait::Op;
use rustydb_base::{DbError, RelId, Result, Xid};

/// Log bytes of an operation that changes a number.
const SMALL: usize = 48;

/// Makes an index file's space map, its gate and its empty root in mini-transactions of their own.
pub(super) fn create(core: &Core, rel: RelId, xid: Xid) -> Op<()> {
    core.space.create(core, rel, xid)?;
    let mut mtr = core.mtr(xid);
    let new = core.space.prepare_allocs(&mut mtr, &core.pool, rel, 2)?;
    let [gate, root] = new.as_slice() else { return Err(DbError::internal("no blocks were allocated").into()) };
    if (gate.block, root.block) != (GATE_BLOCK, ROOT_BLOCK) {
        return Err(DbError::internal("a new index does not begin with its root").into());
    }
    mtr.reserve(2 * ALLOC_LOG_BYTES + 2 * SMALL)?;
    core.space.apply_alloc(&mut mtr, gate, PageKind::Gist);
    core.space.apply_alloc(&mut mtr, root, PageKind::Gist);
    mtr.apply(gate.page, INIT, &init_payload(Head { level: GATE, ..Head::default() }, std::iter::empty()));
    mtr.apply(root.page, INIT, &init_payload(Head::default(), std::iter::empty()));
    mtr.finish();
    Ok(())
}

/// The bound of each entry of a node.
fn bounds(keys: &dyn Keys, node: &Node<'_>) -> Result<Vec<Vec<u8>>> {
    (0..node.len())
        .map(|i| {
            let k = node.key(i)?;
            Ok(if node.level() == 0 { keys.bound(k) } else { k.to_vec() })
        })
        .collect()
}

fn united<'b>(keys: &dyn Keys, bounds: impl Iterator<Item = &'b Vec<u8>>) -> Vec<u8> {
    bounds.fold(Vec::new(), |all, b| unite(keys, &all, b))
}

/// Which entries of a full node stay, and which go.
struct Plan {
    staying: Vec<usize>,
    going: Vec<usize>,
}

/// Cuts the entries in the order in which they belong together, about the middle of their bytes.
fn plan(keys: &dyn Keys, node: &Node<'_>, bounds: &[Vec<u8>]) -> Result<Plan> {
    let n = node.len();
    let views: Vec<&[u8]> = bounds.iter().map(Vec::as_slice).collect();
    let mut order = keys.order(&views);
    // What is no permutation cuts no node.
    let mut seen = vec![false; n];
    order.retain(|i| seen.get_mut(*i).is_some_and(|s| !std::mem::replace(s, true)));
    order.extend((0..n).filter(|i| !seen[*i]));
    let sizes: Vec<usize> = order.iter().map(|i| Ok(SLOT + node.entry(*i)?.len())).collect::<Result<_>>()?;
    let total: usize = sizes.iter().sum();
    let (mut cut, mut sum) = (0, 0);
    for s in &sizes {
        if cut > 0 && sum + s / 2 > total / 2 {
            break;
        }
        sum += s;
        cut += 1;
    }
    let going = order.split_off(cut.clamp(1, n.saturating_sub(1).max(1)).min(n));
    if going.is_empty() {
        return Err(node.broken("a full node with too few entries"));
    }
    Ok(Plan { staying: order, going })
}

/// Makes `need` bytes of room in the node of `level` on the way of a bound. On return there was room, or there may be now, but
/// the latches are gone: the caller looks again.
pub(super) fn make_room(core: &Core, rel: RelId, bound: &[u8], level: u8, need: usize) -> Op<()> {
    let keys = keys()?;
    if need > SPACE / 2 {
        return Err(DbError::internal("an entry of a search tree is too long").into());
    }
    let mut parent = core.pool.write(pid(rel, ROOT_BLOCK))?;
    let top = Node::open(&parent)?.level();
    if top < level {
        return Ok(());
    }
    if top == level {
        if Node::open(&parent)?.free() >= need {
            return Ok(());
        }
        return grow_root(core, rel, keys, parent);
    }
    loop {
        let node = Node::open(&parent)?;
        let i = choose(keys, &node, bound)?;
        let child = core.pool.write(pid(rel, node.child(i)?))?;
        Node::at_level(&child, node.level() - 1)?;
        if node.level() == level + 1 {
            return split(core, rel, keys, bound, parent, child, i, need);
        }
        parent = child;
    }
}

fn split<'p>(
    core: &'p Core,
    rel: RelId,
    keys: &dyn Keys,
    bound: &[u8],
    parent: WriteGuard<'p>,
    child: WriteGuard<'p>,
    at: usize,
    need: usize,
) -> Op<()> {
    let (pnode, node) = (Node::open(&parent)?, Node::open(&child)?);
    if node.free() >= need {
        return Ok(());
    }
    let level = node.level();
    let all = bounds(keys, &node)?;
    let plan = plan(keys, &node, &all)?;
    let left = united(keys, plan.staying.iter().filter_map(|i| all.get(*i)));
    let right = united(keys, plan.going.iter().filter_map(|i| all.get(*i)));
    let block = child.pid().block;
    let stays = set_payload(at, &inner_entry(block, &left));
    let more = (INNER_HEAD + left.len()).saturating_sub(pnode.entry(at)?.len()) + SLOT + INNER_HEAD + right.len();
    if pnode.free() < more {
        drop(child);
        drop(parent);
        return make_room(core, rel, bound, level + 1, more);
    }
    let mut mtr = core.mtr(Xid::NONE);
    let (p, c) = (mtr.adopt(parent)?, mtr.adopt(child)?);
    let new = core.space.prepare_alloc(&mut mtr, &core.pool, rel)?;
    mtr.reserve(2 * PAGE_SIZE + left.len() + right.len() + ALLOC_LOG_BYTES + 6 * SMALL)?;
    let (pnode, node) = (Node::open(mtr.page(p))?, Node::open(mtr.page(c))?);
    let splits = pnode.splits()?.wrapping_add(1);
    let entries = node.entries()?;
    let of = |list: &[usize], head: Head| init_payload(head, list.iter().filter_map(|i| entries.get(*i).copied()));
    let old = Head { level, next: node.next(), split: node.split(), splits: node.splits()? };
    let going = of(&plan.going, old);
    let staying = of(&plan.staying, Head { next: new.block, split: splits, ..old });
    core.space.apply_alloc(&mut mtr, &new, PageKind::Gist);
    mtr.apply(p, SET, &stays);
    mtr.apply(p, ADD, &inner_entry(new.block, &right));
    mtr.apply(p, COUNT, &splits.to_le_bytes());
    mtr.apply(new.page, INIT, &going);
    mtr.apply(c, INIT, &staying);
    core.ssi.page_split(rel, block, new.block);
    mtr.finish();
    Ok(())
}

/// Moves the root's content into a new only child, one level below.
fn grow_root<'p>(core: &'p Core, rel: RelId, keys: &dyn Keys, root: WriteGuard<'p>) -> Op<()> {
    let mut mtr = core.mtr(Xid::NONE);
    let r = mtr.adopt(root)?;
    let new = core.space.prepare_alloc(&mut mtr, &core.pool, rel)?;
    mtr.reserve(PAGE_SIZE + super::MAX_KEY + ALLOC_LOG_BYTES + 4 * SMALL)?;
    let node = Node::open(mtr.page(r))?;
    let level = node.level();
    if level >= GATE - 2 {
        return Err(node.broken("a tree that is too high").into());
    }
    let bound = united(keys, bounds(keys, &node)?.iter());
    let splits = node.splits()?;
    let copy = init_payload(Head { level, splits, ..Head::default() }, node.entries()?.into_iter());
    let entry = inner_entry(new.block, &bound);
    let top = init_payload(Head { level: level + 1, splits, ..Head::default() }, std::iter::once(entry.as_slice()));
    core.space.apply_alloc(&mut mtr, &new, PageKind::Gist);
    mtr.apply(new.page, INIT, &copy);
    mtr.apply(r, INIT, &top);
    core.ssi.page_split(rel, ROOT_BLOCK, new.block);
    mtr.finish();
    Ok(())
}

/// Gives the entries of emptied nodes a bound that covers nothing. `bound` is of an entry that the leaf had: it is looked for
/// among those whose bound covers it.
pub(super) fn forget_bounds(core: &Core, rel: RelId, bound: &[u8]) -> Op<()> {
    let keys = keys()?;
    for level in 1..GATE {
        let root = core.pool.read(pid(rel, ROOT_BLOCK), Access::Point)?;
        let top = Node::open(&root)?.level();
        if top < level {
            break;
        }
        let found = if top == level {
            drop(root);
            let w = core.pool.write(pid(rel, ROOT_BLOCK))?;
            if Node::open(&w)?.level() == level { forget_in(core, rel, keys, w, bound)? } else { false }
        } else {
            forget_below(core, rel, keys, &root, bound, level)?
        };
        if !found {
            break;
        }
    }
    Ok(())
}

/// Looks for a parent of `level` with an emptied child, below a node that is latched.
fn forget_below(core: &Core, rel: RelId, keys: &dyn Keys, above: &ReadGuard<'_>, bound: &[u8], level: u8) -> Op<bool> {
    let node = Node::open(above)?;
    let here = node.level().saturating_sub(1);
    for i in 0..node.len() {
        if !covers(keys, node.key(i)?, bound) {
            continue;
        }
        let child = pid(rel, node.child(i)?);
        let found = if here == level {
            let w = core.pool.write(child)?;
            Node::at_level(&w, level)?;
            forget_in(core, rel, keys, w, bound)?
        } else {
            let g = core.pool.read(child, Access::Point)?;
            Node::at_level(&g, here)?;
            forget_below(core, rel, keys, &g, bound, level)?
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Gives the entry of an emptied child an empty bound; whether there was one.
fn forget_in<'p>(core: &'p Core, rel: RelId, keys: &dyn Keys, parent: WriteGuard<'p>, bound: &[u8]) -> Op<bool> {
    let node = Node::open(&parent)?;
    for i in 0..node.len() {
        let b = node.key(i)?;
        if b.is_empty() || !covers(keys, b, bound) {
            continue;
        }
        let child = core.pool.read(pid(rel, node.child(i)?), Access::Point)?;
        if !is_empty(&Node::at_level(&child, node.level() - 1)?)? {
            continue;
        }
        let payload = set_payload(i, &inner_entry(node.child(i)?, &[]));
        let mut mtr = core.mtr(Xid::NONE);
        let p = mtr.adopt(parent)?;
        mtr.reserve(payload.len() + SMALL)?;
        mtr.apply(p, SET, &payload);
        mtr.finish();
        return Ok(true);
    }
    Ok(false)
}

fn is_empty(node: &Node<'_>) -> Result<bool> {
    for i in 0..node.len() {
        if node.level() == 0 || !node.key(i)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}
