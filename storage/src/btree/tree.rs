//! Descents, and the making of an empty tree.

use super::ROOT_BLOCK;
use super::node::{Bound, Node};
use super::redo::{self, NodeSpec};
use crate::buf::{Access, Pool, ReadGuard, WriteGuard};
use crate::core::Core;
use crate::page::PageKind;
use crate::space::ALLOC_LOG_BYTES;
use crate::wait::{Op, Wait};
use rustydb_base::{DbError, PageId, RelId, Rid, Xid};
use smallvec::SmallVec;

/// Where a descent goes: the target bytes and which separators it passes over, or the right edge.
#[derive(Clone, Copy)]
pub(crate) enum Way<'k> {
    /// To the child of the last separator the bound passes over.
    To(&'k [u8], Bound),
    /// To the last child.
    Last,
}

impl Way<'_> {
    #[inline]
    pub(crate) fn choose(&self, node: &Node<'_>) -> Result<usize, DbError> {
        match *self {
            Way::To(target, bound) => node.child_index(target, bound),
            Way::Last => node.len().checked_sub(1).ok_or_else(|| node.broken()),
        }
    }
}

/// Bytes of an entry: key, then RID.
pub(crate) type Whole = SmallVec<[u8; 128]>;

/// Joins key and RID.
pub(crate) fn whole(key: &[u8], rid: Rid) -> Whole {
    let mut w = Whole::from_slice(key);
    w.extend_from_slice(&rid.to_bytes());
    w
}

/// The root's page id.
pub(crate) fn root(rel: RelId) -> PageId {
    PageId::new(rel, ROOT_BLOCK)
}

/// Goes down to a leaf, latching shared; each child is latched before its parent is let go.
#[inline]
pub(crate) fn leaf_for_read<'p>(pool: &'p Pool, rel: RelId, way: Way<'_>, access: Access) -> Op<ReadGuard<'p>> {
    let mut g = pool.read(root(rel), Access::Point)?;
    loop {
        let node = Node::open(&g)?;
        let level = node.level();
        if level == 0 {
            return Ok(g);
        }
        let child = node.child(way.choose(&node)?)?;
        // Only leaves take the caller's access kind: inner nodes are always worth keeping.
        let access = if level == 1 { access } else { Access::Point };
        let next = pool.read(PageId::new(rel, child), access)?;
        if !next.is(PageKind::Btree) || next.level() + 1 != level {
            return Err(node.broken().into());
        }
        g = next;
    }
}

/// Goes down to the node of a level, latching it exclusively and the way to it shared. `None`: the tree is not that
/// high.
pub(crate) fn node_for_write<'p>(pool: &'p Pool, rel: RelId, way: Way<'_>, level: u8) -> Op<Option<WriteGuard<'p>>> {
    let mut g = pool.read(root(rel), Access::Point)?;
    match Node::open(&g)?.level() {
        top if top < level => return Ok(None),
        top if top == level => {
            drop(g);
            let w = pool.write(root(rel))?;
            // The root may have grown or shrunk in between.
            return if Node::open(&w)?.level() == level { Ok(Some(w)) } else { Err(Wait::Restart) };
        }
        _ => (),
    }
    loop {
        let node = Node::open(&g)?;
        let here = node.level();
        let pid = PageId::new(rel, node.child(way.choose(&node)?)?);
        if here == level + 1 {
            let w = pool.write(pid)?;
            return if Node::open(&w)?.level() == level { Ok(Some(w)) } else { Err(node.broken().into()) };
        }
        let next = pool.read(pid, Access::Point)?;
        if !next.is(PageKind::Btree) || next.level() + 1 != here {
            return Err(node.broken().into());
        }
        g = next;
    }
}

/// Goes down to the leaf an entry belongs into, latching it exclusively.
pub(crate) fn leaf_for_write<'p>(pool: &'p Pool, rel: RelId, target: &[u8]) -> Op<WriteGuard<'p>> {
    // Level 0 always exists.
    node_for_write(pool, rel, Way::To(target, Bound::Through), 0)?.ok_or(Wait::Restart)
}

/// Makes an index file's space map and its empty tree in a mini-transaction of its own.
pub fn create(core: &Core, rel: RelId, xid: Xid) -> Op<()> {
    core.space.create(core, rel, xid)?;
    let mut mtr = core.mtr(xid);
    let new = core.space.prepare_alloc(&mut mtr, &core.pool, rel)?;
    if new.block != ROOT_BLOCK {
        return Err(DbError::internal("a new index does not begin with its root").into());
    }
    mtr.reserve(ALLOC_LOG_BYTES + 64)?;
    core.space.apply_alloc(&mut mtr, &new, PageKind::Btree);
    mtr.apply(new.page, redo::ROOT, NodeSpec::new(0, 0, &[], &[]).payload());
    mtr.finish();
    Ok(())
}
