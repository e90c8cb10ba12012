//! The way from a hash to the pages that may hold its entries.

use super::page::{Entries, META_BLOCK, Meta, Place, broken, pid, place_of, role};
use crate::buf::{Access, Pool, ReadGuard};
use crate::core::Core;
use crate::mtr::{Mtr, PageIdx};
use crate::page::{Page, PageKind};
use crate::wait::Op;
use rustydb_base::{BlockNo, RelId, Result};
use smallvec::SmallVec;

/// The block of a bucket, as the latched meta page says.
pub(super) fn block_of(pool: &Pool, rel: RelId, meta: &Page, bucket: u32) -> Op<BlockNo> {
    let block = match place_of(bucket) {
        Place::Meta(at) => meta.u32_at(at)?,
        Place::Directory(page, at) => {
            let dir = pool.read(pid(rel, meta.u32_at(page)?), Access::Point)?;
            if !dir.is(PageKind::Hash) || dir.level() != role::DIRECTORY {
                return Err(broken(meta, "no directory page where one must be").into());
            }
            dir.u32_at(at)?
        }
    };
    if block <= META_BLOCK {
        return Err(broken(meta, "a bucket without a page").into());
    }
    Ok(block)
}

fn expect_bucket(p: &Page, bucket: u32) -> Result<()> {
    if Entries::open(p)?.bucket() != bucket || p.level() != role::BUCKET {
        return Err(broken(p, "this is another bucket's page"));
    }
    Ok(())
}

/// The first pages of the buckets in which entries of a hash may be, latched shared: in the order in which they must be
/// looked at, the bucket itself last.
pub(super) fn for_read(pool: &Pool, rel: RelId, code: u64) -> Op<SmallVec<[ReadGuard<'_>; 2]>> {
    let meta = pool.read(pid(rel, META_BLOCK), Access::Point)?;
    let m = Meta::open(&meta)?;
    let (bucket, filling) = m.bucket_of(code);
    let mut out = SmallVec::new();
    for b in filling.then(|| super::page::buddy(bucket)).into_iter().chain([bucket]) {
        let g = pool.read(pid(rel, block_of(pool, rel, &meta, b)?), Access::Point)?;
        expect_bucket(&g, b)?;
        out.push(g);
    }
    Ok(out)
}

/// The first page of a hash's bucket, latched exclusively. `None`: the bucket has not all of its entries yet; see
/// [`super::grow::finish_move`].
pub(super) fn for_write<'s>(core: &'s Core, mtr: &mut Mtr<'s>, rel: RelId, code: u64) -> Op<Option<PageIdx>> {
    let meta = core.pool.read(pid(rel, META_BLOCK), Access::Point)?;
    let (bucket, filling) = Meta::open(&meta)?.bucket_of(code);
    if filling {
        return Ok(None);
    }
    let g = core.pool.write(pid(rel, block_of(&core.pool, rel, &meta, bucket)?))?;
    expect_bucket(&g, bucket)?;
    Ok(Some(mtr.adopt(g)?))
}

/// Fixes the first page of a bucket under the meta page that the mini-transaction has latched.
pub(super) fn fix_bucket(core: &Core, mtr: &mut Mtr<'_>, rel: RelId, meta: PageIdx, bucket: u32) -> Op<PageIdx> {
    let block = block_of(&core.pool, rel, mtr.page(meta), bucket)?;
    let i = mtr.fix(pid(rel, block))?;
    expect_bucket(mtr.page(i), bucket)?;
    Ok(i)
}

/// Calls `each` with every page of a bucket whose first page is latched, until it answers `false`.
pub(super) fn walk(
    pool: &Pool,
    rel: RelId,
    first: &Page,
    access: Access,
    mut each: impl FnMut(Entries<'_>, BlockNo) -> Result<bool>,
) -> Op<()> {
    let entries = Entries::open(first)?;
    let bucket = entries.bucket();
    if !each(entries, first.id().block)? {
        return Ok(());
    }
    let mut next = first.next();
    while next != 0 {
        let g = pool.read(pid(rel, next), access)?;
        if !each(Entries::open_chained(&g, bucket)?, next)? {
            return Ok(());
        }
        next = g.next();
    }
    Ok(())
}
