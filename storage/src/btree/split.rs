//! Splits and merges: how nodes come and go.
//!
//! Each is one mini-transaction over a parent and two of its children, so a crash or a wait between two of them leaves
//! a sound tree. Room is made top-down: before a node is split, its parent is known to have room for the separator.
//! The root never moves: when it is full, its content goes to a new only child, and that child is split.

use super::ROOT_BLOCK;
use super::node::{Bound, Node, SLOT, SPACE, common_prefix};
use super::redo::{self, NodeSpec};
use super::tree::{Way, node_for_write, root};
use crate::buf::Access;
use crate::core::Core;
use crate::mtr::{Mtr, PageIdx};
use crate::page::{PAGE_SIZE, PageKind};
use crate::space::ALLOC_LOG_BYTES;
use crate::wait::Op;
use rustydb_base::metrics::Counter;
use rustydb_base::{PageId, RelId, Result, Scn, Xid};

/// Nodes split.
pub static SPLITS: Counter = Counter::new("btree_splits", "B+tree nodes split");
/// Nodes joined.
pub static JOINS: Counter = Counter::new("btree_joins", "B+tree nodes joined with a sibling");

/// An entry on its way in: whole bytes and the length of what follows them (child).
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'k> {
    pub(crate) whole: &'k [u8],
    pub(crate) tail: usize,
}

/// What a node must be able to take.
#[derive(Clone, Copy)]
pub(crate) enum Need<'k> {
    /// A new entry.
    Entry(Incoming<'k>),
    /// Eight more bytes for the marker of the entry with these bytes.
    Marker(&'k [u8]),
}

impl<'k> Need<'k> {
    fn target(&self) -> &'k [u8] {
        match self {
            Need::Entry(e) => e.whole,
            Need::Marker(w) => w,
        }
    }
    /// Whether the node has room.
    pub(crate) fn fits(&self, node: &Node<'_>) -> bool {
        match self {
            Need::Entry(e) => node.free() >= SLOT + e.whole.len().saturating_sub(node.prefix().len()) + e.tail,
            Need::Marker(_) => node.free() >= 8,
        }
    }
}

/// Makes room in the node of `level` that covers the target. On return there was room, but the latches are gone: the
/// caller looks again.
pub(crate) fn make_room(core: &Core, rel: RelId, level: u8, need: Need<'_>) -> Op<()> {
    let way = Way::To(need.target(), Bound::Through);
    loop {
        let Some(parent) = node_for_write(&core.pool, rel, way, level + 1)? else {
            grow_root(core, rel, level)?;
            continue;
        };
        let pnode = Node::open(&parent)?;
        let at = way.choose(&pnode)?;
        let child_id = PageId::new(rel, pnode.child(at)?);
        let child = core.pool.write(child_id)?;
        let node = Node::open(&child)?;
        if node.level() != level {
            return Err(node.broken().into());
        }
        if need.fits(&node) {
            return Ok(());
        }
        let plan = plan_split(&node, need)?;
        let up = Incoming { whole: &plan.separator, tail: 4 };
        if !Need::Entry(up).fits(&pnode) {
            drop(child);
            drop(parent);
            make_room(core, rel, level + 1, Need::Entry(up))?;
            continue;
        }
        let mut mtr = core.mtr(Xid::NONE);
        let (p, l) = (mtr.adopt(parent)?, mtr.adopt(child)?);
        let new = core.space.prepare_alloc(&mut mtr, &core.pool, rel)?;
        mtr.reserve(PAGE_SIZE + 2 * plan.separator.len() + ALLOC_LOG_BYTES + 128)?;

        let node = Node::open(mtr.page(l))?;
        let mut spec = NodeSpec::new(level, node.next(), &plan.separator, node.high());
        for i in plan.cut..node.len() {
            if i == plan.cut && level > 0 {
                spec.push_first(node.child(i)?);
            } else {
                spec.carry(&node, i)?;
            }
        }
        let pnode = Node::open(mtr.page(p))?;
        let mut payload = Vec::with_capacity(plan.separator.len() + 16);
        let suffix = &plan.separator[pnode.prefix().len()..];
        redo::insert_payload(&mut payload, at + 1, suffix, &new.block.to_le_bytes());

        core.space.apply_alloc(&mut mtr, &new, PageKind::Btree);
        mtr.apply(p, redo::PARENT_INS, &payload);
        mtr.apply(new.page, redo::NEW_RIGHT, spec.payload());
        redo::split_payload(&mut payload, plan.cut, new.block, &plan.separator);
        mtr.apply(l, redo::SPLIT_LEFT, &payload);
        if level == 0 {
            core.ssi.page_split(rel, child_id.block, new.block);
        }
        mtr.finish();
        SPLITS.inc();
    }
}

/// Where to cut a node.
struct SplitPlan {
    /// First entry that moves to the right node.
    cut: usize,
    separator: Vec<u8>,
}

/// Shortest bytes s with a < s ≤ b, for a < b where a does not begin with b.
pub(crate) fn separator(a: &[u8], b: &[u8]) -> Vec<u8> {
    b[..b.len().min(common_prefix(a, b) + 1)].to_vec()
}

/// Chooses the cut as if the needed entry were there already: both halves, the new entry in its half, fit a page.
/// Appending at the right edge of the tree leaves the left node nearly full, since nothing will come between.
fn plan_split(node: &Node<'_>, need: Need<'_>) -> Result<SplitPlan> {
    let inner = !node.is_leaf();
    let prefix = node.prefix().len();
    let whole = |i: usize| -> Result<Vec<u8>> {
        let mut k = Vec::new();
        node.key_into(i, &mut k)?;
        Ok(k)
    };
    // Positions count the incoming entry, if there is one.
    let (incoming, place, extra) = match need {
        Need::Entry(e) => (Some(e), node.position_for(e.whole)?, 0),
        Need::Marker(_) => (None, usize::MAX, 8),
    };
    let m = node.len() + usize::from(incoming.is_some());
    let size = |v: usize| match incoming {
        Some(e) if v == place => SLOT + e.whole.len().saturating_sub(prefix) + e.tail,
        Some(_) if v > place => SLOT + node.data_len(v - 1),
        _ => SLOT + node.data_len(v),
    };
    let mut sums = Vec::with_capacity(m + 1);
    sums.push(0usize);
    for v in 0..m {
        sums.push(sums[v] + size(v));
    }
    let total = sums[m];
    let append = node.high().is_empty() && incoming.is_some() && place + 1 == m;
    let goal = if append { total / 10 * 9 } else { total / 2 };
    let mut cuts: Vec<usize> = (1..m).collect();
    cuts.sort_by_key(|&v| sums[v].abs_diff(goal));
    for v in cuts {
        // In an inner node the cut entry gives its separator up to the parent, so it must not be the incoming one,
        // whose child is only added after the split.
        if inner && v == place {
            continue;
        }
        let full = |v: usize| match incoming {
            Some(e) if v == place => Ok(e.whole.to_vec()),
            Some(_) if v > place => whole(v - 1),
            _ => whole(v),
        };
        let sep = if inner { full(v)? } else { separator(&full(v - 1)?, &full(v)?) };
        let (gain_l, gain_r) =
            (common_prefix(node.low(), &sep) - prefix, common_prefix(&sep, node.high()).max(prefix) - prefix);
        let left = node.low().len() + sep.len() + sums[v] + extra - gain_l * (v - usize::from(inner));
        // The right node's first separator is its low fence and not stored again.
        let dropped = if inner { size(v) - SLOT - 4 } else { 0 };
        let right =
            sep.len() + node.high().len() + (total - sums[v] - dropped) + extra - gain_r * (m - v - usize::from(inner));
        if left <= SPACE && right <= SPACE {
            let cut = if v > place { v - 1 } else { v };
            return Ok(SplitPlan { cut, separator: sep });
        }
    }
    Err(node.broken())
}

/// Moves the root's content into a new only child, one level below.
fn grow_root(core: &Core, rel: RelId, level: u8) -> Op<()> {
    let mut mtr = core.mtr(Xid::NONE);
    let r = mtr.fix(root(rel))?;
    let node = Node::open(mtr.page(r))?;
    if node.level() != level {
        return Ok(()); // Another session was faster.
    }
    if level == u8::MAX - 1 {
        return Err(node.broken().into());
    }
    let new = core.space.prepare_alloc(&mut mtr, &core.pool, rel)?;
    mtr.reserve(PAGE_SIZE + ALLOC_LOG_BYTES + 128)?;
    let node = Node::open(mtr.page(r))?;
    let mut copy = NodeSpec::new(level, 0, &[], &[]);
    for i in 0..node.len() {
        copy.carry(&node, i)?;
    }
    let mut top = NodeSpec::new(level + 1, 0, &[], &[]);
    top.push_first(new.block);
    core.space.apply_alloc(&mut mtr, &new, PageKind::Btree);
    mtr.apply(new.page, redo::NEW_RIGHT, copy.payload());
    mtr.apply(r, redo::ROOT, top.payload());
    if level == 0 {
        core.ssi.page_joined(rel, root(rel).block, new.block);
    }
    mtr.finish();
    Ok(())
}

/// Below this many used bytes a node looks for a sibling to join.
const SPARSE: usize = SPACE / 4;
/// Joined nodes may be this full, so that the next insertion does not split them again.
const JOINED: usize = SPACE / 4 * 3;

/// Whether a node is so empty that joining it with a sibling should be tried.
pub(crate) fn is_sparse(node: &Node<'_>) -> bool {
    node.used() < SPARSE
}

/// Joins sparse nodes on the way to `target`, from `level` up.
pub(crate) fn shrink(core: &Core, rel: RelId, target: &[u8]) -> Op<()> {
    for level in 0..u8::MAX {
        if !join(core, rel, target, level)? {
            break;
        }
    }
    Ok(())
}

/// Joins the node of `level` on the way to `target` with a sibling if it is sparse and they fit together. Answers
/// whether the parent may have become sparse.
fn join(core: &Core, rel: RelId, target: &[u8], level: u8) -> Op<bool> {
    let way = Way::To(target, Bound::Through);
    let mut mtr = core.mtr(Xid::NONE);
    let Some(parent) = node_for_write(&core.pool, rel, way, level + 1)? else { return Ok(false) };
    let p = mtr.adopt(parent)?;
    let pnode = Node::open(mtr.page(p))?;
    let at = way.choose(&pnode)?;
    let id = |n: &Node<'_>, i: usize| -> Result<PageId> { Ok(PageId::new(rel, n.child(i)?)) };
    if pnode.len() == 1 {
        let only = id(&pnode, 0)?;
        return if mtr.pid(p) == root(rel) { lower_root(core, mtr, p, only) } else { Ok(false) };
    }
    let (left, me) = (at.saturating_sub(1), id(&pnode, at)?);
    // Left sibling first, then the right one; the pair is latched left to right.
    let pairs = if at == 0 {
        vec![0]
    } else if at + 1 < pnode.len() {
        vec![left, at]
    } else {
        vec![left]
    };
    // A look under a shared latch first: most nodes are not sparse.
    if !is_sparse(&Node::open(&*core.pool.read(me, Access::Point)?)?) {
        return Ok(false);
    }
    for i in pairs {
        let pnode = Node::open(mtr.page(p))?;
        let (lid, rid) = (id(&pnode, i)?, id(&pnode, i + 1)?);
        let (l, r) = (mtr.fix(lid)?, mtr.fix(rid)?);
        let (ln, rn) = (Node::open(mtr.page(l))?, Node::open(mtr.page(r))?);
        if ln.level() != level || rn.level() != level || ln.next() != rid.block || ln.high() != rn.low() {
            return Err(ln.broken().into());
        }
        let mut spec = NodeSpec::merge(ln.low(), rn.next(), rn.high());
        let lost = ln.prefix().len() - common_prefix(ln.low(), rn.high()).min(ln.prefix().len());
        for k in 0..rn.len() {
            if k == 0 && level > 0 {
                spec.push([rn.low(), &[]], 0, &rn.child(0)?.to_le_bytes());
            } else {
                spec.carry(&rn, k)?;
            }
        }
        let size = ln.low().len() + rn.high().len() + ln.used() + lost * ln.len() + spec.size;
        let one_empty = ln.len() == 0 || rn.len() == 0;
        if size > if one_empty { SPACE } else { JOINED } {
            mtr.release_last();
            mtr.release_last();
            continue;
        }
        let freed = core.space.prepare_free(&mut mtr, &core.pool, r)?;
        mtr.reserve(2 * PAGE_SIZE + ALLOC_LOG_BYTES + 128)?;
        mtr.apply(p, redo::PARENT_DEL, &redo::remove_payload(i + 1, Scn(0)));
        mtr.apply(l, redo::MERGE, spec.payload());
        if level == 0 {
            core.ssi.page_joined(rel, rid.block, lid.block);
        }
        core.space.apply_free(&mut mtr, &freed);
        mtr.finish();
        JOINS.inc();
        return Ok(true);
    }
    Ok(false)
}

/// Takes the content of the root's only child into the root.
fn lower_root<'s>(core: &'s Core, mut mtr: Mtr<'s>, p: PageIdx, only: PageId) -> Op<bool> {
    let c = mtr.fix(only)?;
    let freed = core.space.prepare_free(&mut mtr, &core.pool, c)?;
    mtr.reserve(2 * PAGE_SIZE + ALLOC_LOG_BYTES + 128)?;
    let node = Node::open(mtr.page(c))?;
    if !node.low().is_empty() || !node.high().is_empty() || node.level() + 1 != mtr.page(p).level() {
        return Err(node.broken().into());
    }
    let level = node.level();
    let mut spec = NodeSpec::new(level, 0, &[], &[]);
    for k in 0..node.len() {
        spec.carry(&node, k)?;
    }
    mtr.apply(p, redo::ROOT, spec.payload());
    if level == 0 {
        core.ssi.page_joined(only.rel, only.block, ROOT_BLOCK);
    }
    core.space.apply_free(&mut mtr, &freed);
    mtr.finish();
    Ok(false)
}
