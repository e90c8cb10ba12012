//! Making the index, chaining pages, splitting buckets, joining what has become sparse.

use super::locate::{fix_bucket, walk};
use super::page::{
    CAPACITY, DIRECT, ENTRY, Entries, Entry, LINK, MERGE, META_BLOCK, MOST_BUCKETS, Meta, PER_DIRECTORY, Place, ROLE,
    TAKE, block_payload, bucket_of, buddy, capacity, pid, place_of, role, role_payload,
};
use crate::buf::Access;
use crate::core::Core;
use crate::mtr::redo::code;
use crate::mtr::{Mtr, PageIdx};
use crate::page::{Page, PageKind};
use crate::space::ALLOC_LOG_BYTES;
use crate::wait::Op;
use rustydb_base::{BlockNo, DbError, RelId, Xid};

/// Log bytes of the operations that change a header or a number.
const SMALL: usize = 64;

/// Makes an index file's space map, its meta page and its first bucket in mini-transactions of their own.
pub(super) fn create(core: &Core, rel: RelId, xid: Xid) -> Op<()> {
    let entries = core.hash_page_entries.clamp(1, CAPACITY);
    core.space.create(core, rel, xid)?;
    let mut mtr = core.mtr(xid);
    let new = core.space.prepare_allocs(&mut mtr, &core.pool, rel, 2)?;
    let [meta, bucket] = new.as_slice() else { return Err(DbError::internal("no blocks were allocated").into()) };
    if meta.block != META_BLOCK {
        return Err(DbError::internal("a new index does not begin with its meta page").into());
    }
    mtr.reserve(2 * ALLOC_LOG_BYTES + 4 * SMALL)?;
    core.space.apply_alloc(&mut mtr, meta, PageKind::Hash);
    core.space.apply_alloc(&mut mtr, bucket, PageKind::Hash);
    mtr.apply(meta.page, ROLE, &role_payload(role::META, 0, 0, entries));
    mtr.apply(meta.page, code::PUT, &Meta { buckets: 1, chained: 0, source: 0 }.payload());
    if let Place::Meta(at) = place_of(0) {
        mtr.apply(meta.page, code::PUT, &block_payload(at, bucket.block));
    }
    mtr.apply(bucket.page, ROLE, &role_payload(role::BUCKET, 0, 0, entries));
    mtr.finish();
    Ok(())
}

/// Chains a page to the bucket of a hash if all of its pages are full, and splits a bucket if there are many chained pages.
/// The caller then looks for room again.
pub(super) fn add_page(core: &Core, rel: RelId, code: u64) -> Op<()> {
    let crowded = {
        let mut mtr = core.mtr(Xid::NONE);
        let meta = mtr.fix(pid(rel, META_BLOCK))?;
        let m = Meta::open(mtr.page(meta))?;
        let (bucket, filling) = m.bucket_of(code);
        if filling {
            drop(mtr);
            return finish_move(core, rel);
        }
        let first = fix_bucket(core, &mut mtr, rel, meta, bucket)?;
        let mut room = false;
        walk(&core.pool, rel, mtr.page(first), Access::Point, |e, _| {
            room |= e.room() > 0;
            Ok(!room)
        })?;
        if room {
            return Ok(());
        }
        let new = core.space.prepare_alloc(&mut mtr, &core.pool, rel)?;
        mtr.reserve(ALLOC_LOG_BYTES + 3 * SMALL)?;
        core.space.apply_alloc(&mut mtr, &new, PageKind::Hash);
        let next = mtr.page(first).next();
        mtr.apply(new.page, ROLE, &role_payload(role::CHAINED, bucket, next, capacity(mtr.page(meta))));
        mtr.apply(first, LINK, &new.block.to_le_bytes());
        let m = Meta { chained: m.chained.saturating_add(1), ..m };
        mtr.apply(meta, code::PUT, &m.payload());
        mtr.finish();
        m.chained > m.buckets / 2
    };
    if crowded { split(core, rel) } else { Ok(()) }
}

/// Adds a bucket and moves into it what is its.
fn split(core: &Core, rel: RelId) -> Op<()> {
    finish_move(core, rel)?;
    {
        let mut mtr = core.mtr(Xid::NONE);
        let meta = mtr.fix(pid(rel, META_BLOCK))?;
        let m = Meta::open(mtr.page(meta))?;
        if m.source != 0 || m.buckets >= MOST_BUCKETS {
            // Somebody else splits, or there is no room in the directory any more.
            return Ok(());
        }
        let (n, entries) = (m.buckets, capacity(mtr.page(meta)));
        let old = fix_bucket(core, &mut mtr, rel, meta, buddy(n))?;
        // The directory page that the bucket is the first of has to be made.
        let opens = n.checked_sub(DIRECT).is_some_and(|n| n.is_multiple_of(PER_DIRECTORY));
        let dir = match place_of(n) {
            Place::Directory(page, _) if !opens => Some(mtr.fix(pid(rel, mtr.page(meta).u32_at(page)?))?),
            _ => None,
        };
        let new = core.space.prepare_allocs(&mut mtr, &core.pool, rel, 1 + usize::from(opens))?;
        let Some(bucket) = new.first() else { return Err(DbError::internal("no block was allocated").into()) };
        mtr.reserve(2 * ALLOC_LOG_BYTES + 6 * SMALL)?;
        for a in &new {
            core.space.apply_alloc(&mut mtr, a, PageKind::Hash);
        }
        mtr.apply(bucket.page, ROLE, &role_payload(role::BUCKET, n, 0, entries));
        let (holder, at) = match (place_of(n), new.get(1)) {
            (Place::Meta(at), _) => (meta, at),
            (Place::Directory(page, at), Some(d)) => {
                mtr.apply(d.page, ROLE, &role_payload(role::DIRECTORY, 0, 0, entries));
                mtr.apply(meta, code::PUT, &block_payload(page, d.block));
                (d.page, at)
            }
            (Place::Directory(_, at), None) => (dir.unwrap_or(meta), at),
        };
        mtr.apply(holder, code::PUT, &block_payload(at, bucket.block));
        let source = mtr.pid(old).block;
        mtr.apply(meta, code::PUT, &Meta { buckets: n + 1, source, ..m }.payload());
        mtr.finish();
    }
    finish_move(core, rel)
}

/// Moves what the last bucket's buddy still has of it.
pub(super) fn finish_move(core: &Core, rel: RelId) -> Op<()> {
    while move_page(core, rel)? {}
    Ok(())
}

fn merge_payload(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(|e| e.bytes()).collect()
}

/// The first `n` of the entries that are left.
fn cut<'e>(rest: &mut &'e [Entry], n: usize) -> &'e [Entry] {
    let (part, left) = rest.split_at(n.min(rest.len()));
    *rest = left;
    part
}

/// The page of a bucket's chain whose next one is `block`.
fn before(core: &Core, mtr: &Mtr<'_>, rel: RelId, first: PageIdx, block: BlockNo) -> Op<BlockNo> {
    let page = mtr.page(first);
    if page.next() == block {
        return Ok(page.id().block);
    }
    let mut at = page.next();
    while at != 0 {
        let g = core.pool.read(pid(rel, at), Access::Point)?;
        if g.next() == block {
            return Ok(at);
        }
        at = g.next();
    }
    Err(super::page::broken(page, "a page is not in its chain").into())
}

/// Moves the entries of one page. `false`: there are none left to move.
fn move_page(core: &Core, rel: RelId) -> Op<bool> {
    let mut mtr = core.mtr(Xid::NONE);
    let meta = mtr.fix(pid(rel, META_BLOCK))?;
    let m = Meta::open(mtr.page(meta))?;
    if m.source == 0 {
        return Ok(false);
    }
    let n = m.buckets - 1;
    let old = fix_bucket(core, &mut mtr, rel, meta, buddy(n))?;
    let new = fix_bucket(core, &mut mtr, rel, meta, n)?;
    let from = mtr.fix(pid(rel, m.source))?;
    let next = mtr.page(from).next();
    let (going, staying): (Vec<Entry>, Vec<Entry>) =
        Entries::open(mtr.page(from))?.all()?.into_iter().partition(|e| bucket_of(e.code, m.buckets) == n);
    // The new bucket is filled page by page: its first page, then the one chained last.
    let mut rest = going.as_slice();
    let mut parts: Vec<(PageIdx, &[Entry])> = Vec::new();
    let room = Entries::open(mtr.page(new))?.room();
    parts.push((new, cut(&mut rest, room)));
    let chained = mtr.page(new).next();
    if !rest.is_empty() && chained != 0 {
        let i = mtr.fix(pid(rel, chained))?;
        let room = Entries::open_chained(mtr.page(i), n)?.room();
        parts.push((i, cut(&mut rest, room)));
    }
    // A chained page whose rest the bucket's first page can take goes away.
    let joins = from != old && staying.len() <= Entries::open(mtr.page(old))?.room();
    let prev = if joins {
        let block = before(core, &mtr, rel, old, m.source)?;
        Some(mtr.fix(pid(rel, block))?)
    } else {
        None
    };
    let more = if rest.is_empty() { None } else { Some(core.space.prepare_alloc(&mut mtr, &core.pool, rel)?) };
    let freeing = if joins { Some(core.space.prepare_free(&mut mtr, &core.pool, from)?) } else { None };
    mtr.reserve((going.len() + staying.len()) * ENTRY + 2 * ALLOC_LOG_BYTES + 8 * SMALL)?;
    if let Some(a) = &more {
        core.space.apply_alloc(&mut mtr, a, PageKind::Hash);
        mtr.apply(a.page, ROLE, &role_payload(role::CHAINED, n, chained, capacity(mtr.page(meta))));
        mtr.apply(new, LINK, &a.block.to_le_bytes());
        mtr.apply(a.page, MERGE, &merge_payload(rest));
    }
    for (to, part) in parts.into_iter().filter(|p| !p.1.is_empty()) {
        mtr.apply(to, MERGE, &merge_payload(part));
    }
    match (&freeing, prev) {
        (Some(f), Some(prev)) => {
            if !staying.is_empty() {
                mtr.apply(old, MERGE, &merge_payload(&staying));
            }
            mtr.apply(prev, LINK, &next.to_le_bytes());
            core.space.apply_free(&mut mtr, f);
        }
        _ if going.is_empty() => {}
        _ => {
            let (buckets, bucket) = (m.buckets.to_le_bytes(), n.to_le_bytes());
            mtr.apply(from, TAKE, &[buckets, bucket].concat());
        }
    }
    let chained = m.chained.saturating_add(u32::from(more.is_some())).saturating_sub(u32::from(freeing.is_some()));
    mtr.apply(meta, code::PUT, &Meta { chained, source: next, ..m }.payload());
    mtr.finish();
    Ok(next != 0)
}

/// Takes a chained page out of the bucket of a hash if the bucket's first page has room for its entries and some more: the
/// page `block`, or the one chained last if that is the first page.
pub(super) fn shrink(core: &Core, rel: RelId, code: u64, block: BlockNo) -> Op<()> {
    let mut mtr = core.mtr(Xid::NONE);
    let meta = mtr.fix(pid(rel, META_BLOCK))?;
    let m = Meta::open(mtr.page(meta))?;
    let (bucket, _) = m.bucket_of(code);
    if m.source != 0 && (bucket == buddy(m.buckets - 1) || bucket == m.buckets - 1) {
        // The move goes along the chain and joins pages itself.
        return Ok(());
    }
    let first = fix_bucket(core, &mut mtr, rel, meta, bucket)?;
    let victim = if block == mtr.pid(first).block { mtr.page(first).next() } else { block };
    let mut there = false;
    walk(&core.pool, rel, mtr.page(first), Access::Point, |_, b| {
        there |= b == victim;
        Ok(!there)
    })?;
    if victim == 0 || !there {
        return Ok(());
    }
    let i = mtr.fix(pid(rel, victim))?;
    let entries = Entries::open_chained(mtr.page(i), bucket)?.all()?;
    if !is_sparse(entries.len() + Entries::open(mtr.page(first))?.len(), mtr.page(first)) {
        return Ok(());
    }
    let next = mtr.page(i).next();
    let prev = before(core, &mtr, rel, first, victim)?;
    let prev = mtr.fix(pid(rel, prev))?;
    let freeing = core.space.prepare_free(&mut mtr, &core.pool, i)?;
    mtr.reserve(entries.len() * ENTRY + ALLOC_LOG_BYTES + 3 * SMALL)?;
    if !entries.is_empty() {
        mtr.apply(first, MERGE, &merge_payload(&entries));
    }
    mtr.apply(prev, LINK, &next.to_le_bytes());
    core.space.apply_free(&mut mtr, &freeing);
    mtr.apply(meta, code::PUT, &Meta { chained: m.chained.saturating_sub(1), ..m }.payload());
    mtr.finish();
    Ok(())
}

/// Whether so few entries should be on one page like this instead of two.
pub(super) fn is_sparse(entries: usize, like: &Page) -> bool {
    entries <= capacity(like) / 4 * 3
}
