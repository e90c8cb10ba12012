//! Block range indexes as the engine uses them: what their classes are told, what a search may cost, and making summaries.
//!
//! A summary is made of rows' keys, as any writer computes them. While nobody writes the table, it is made of what is visible
//! ([`build`]); beside writers, of all versions of each row that a snapshot may come to see ([`summarise`], and see
//! [`rustydb_storage::brin`] for why that is enough).

use super::eval::Env;
use super::index_terms::Term;
use super::table::{IndexRt, TableRt};
use super::tables::decode_columns;
use crate::catalog::Index;
use crate::exec::df::rewrite::stats;
use crate::transaction::Transaction;
use rustydb_base::{BlockNo, Result};
use rustydb_storage::brin::{self, Sum, blocks_of, range_of};
use rustydb_storage::scan::{RowScan, ScanEnv, all_versions, partitions};
use rustydb_storage::txn::Snapshot;
use rustydb_storage::verify::Findings;
use rustydb_types::brin::{Bloom, Class};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// How well rows are taken to be in the order of a column of which nothing is known.
const UNKNOWN_CORRELATION: f64 = 0.5;
/// Rows of a page where nothing is known.
const ROWS_OF_PAGE: f64 = 100.0;
/// How often a block is read again whose rows were taken back while their long values were read.
const TRIES: usize = 3;
/// Ranges, from the last full one back, that a look for new ones goes through.
const NEWEST: u32 = 1024;

/// A key column's class with the parameters that its index gives it.
pub fn configured(index: &Index, column: usize, class: Class) -> Class {
    let options = index.class_options(column);
    let said = |name: &str| options.iter().find(|o| o.0 == name).map(|o| o.1.trim());
    match class {
        Class::Bloom(b) => {
            let number = |name: &str, usual: f64| said(name).and_then(|v| v.parse().ok()).unwrap_or(usual);
            Class::Bloom(Bloom {
                distinct: number("n_distinct_per_range", b.distinct),
                false_positives: number("false_positive_rate", b.false_positives),
            })
        }
        Class::MinmaxMulti(n) => Class::MinmaxMulti(said("values_per_range").and_then(|v| v.parse().ok()).unwrap_or(n)),
        other => other,
    }
}

/// The share of a table's blocks that conditions leave, by PostgreSQL's estimate: the rows are in as few ranges as they could be,
/// or in the more the less the table is in the order of a column.
pub fn share(rt: &TableRt, index: &Index, terms: &[Term], rows: f64) -> f64 {
    let rel = &rt.rel;
    let (mut left, mut order) = (1.0, None::<f64>);
    for t in terms {
        let attnum = index.keys.get(t.lookup.column()).map_or(0, |k| k.attnum);
        let column = rel.stats.columns.get(&attnum);
        let value = t.value.as_const();
        left *= match t.lookup.compares() {
            Some(0) => stats::equal_share(rel, attnum, rows),
            Some(n) if n < 0 => stats::range_share(rel, attnum, None, value),
            Some(_) => stats::range_share(rel, attnum, value, None),
            None => t.lookup.share(),
        };
        let known = column.map_or(UNKNOWN_CORRELATION, |c| f64::from(c.correlation).abs());
        order = Some(order.map_or(known, |o| o.max(known)));
    }
    let pages = if rel.stats.pages > 0 { f64::from(rel.stats.pages) } else { rows / ROWS_OF_PAGE };
    let ranges = (pages / f64::from(index.pages_per_range())).ceil().max(1.0);
    let fewest = (ranges * left).ceil();
    match order {
        Some(o) if o > 1e-10 => (fewest / o).min(ranges) / ranges,
        _ => 1.0,
    }
}

/// The key of a row image.
async fn key(
    tx: &mut Transaction,
    eval: &EvalCtx,
    rt: &TableRt,
    index: &IndexRt,
    image: &[u8],
) -> Result<Option<Vec<u8>>> {
    let values = decode_columns(&mut tx.txn, rt, image, index.needs()).await?;
    Ok(index.key(Env { ctx: eval, params: &[] }, &values, rt)?.map(|k| k.bytes))
}

/// Makes the summaries of all ranges of a new index, from the rows that a snapshot sees. Nobody writes the table.
pub async fn build(tx: &mut Transaction, eval: &EvalCtx, rt: &TableRt, at: usize, snap: &Snapshot) -> Result<()> {
    let index = &rt.indexes[at];
    let rel = index.desc.rel;
    let store = Arc::clone(tx.txn.store());
    let per_range = store.read(|core| brin::pages_per_range(core, rel)).await?;
    let env = ScanEnv { store, snap: *snap, interrupt: tx.txn.rules.interrupt.clone() };
    let end = ranges(tx, rt, per_range).await?;
    let (mut next, mut sum) = (0, Sum::default());
    for blocks in partitions(&env, rt.desc.rel, 1).await? {
        let mut scan = RowScan::new(env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
        while let Some(rows) = scan.next().await? {
            let Some(block) = rows.iter().next().map(|r| r.0.block) else { continue };
            let page: Vec<Vec<u8>> = rows.iter().map(|r| r.1.to_vec()).collect();
            let range = range_of(block, per_range);
            while next < range {
                let done = std::mem::take(&mut sum);
                tx.txn.drive(|core, cx| brin::complete(core, cx.xid, rel, next, &done, snap.scn)).await?;
                next += 1;
            }
            for image in page {
                if let Some(k) = key(tx, eval, rt, index, &image).await? {
                    sum.add(&k)?;
                }
            }
        }
    }
    while next < end {
        let done = std::mem::take(&mut sum);
        tx.txn.drive(|core, cx| brin::complete(core, cx.xid, rel, next, &done, snap.scn)).await?;
        next += 1;
    }
    Ok(())
}

/// How many ranges a table has.
async fn ranges(tx: &mut Transaction, rt: &TableRt, per_range: u32) -> Result<u32> {
    let blocks = tx.txn.blocks(rt.desc.rel).await?;
    Ok(if blocks <= 1 { 0 } else { range_of(blocks - 1, per_range) + 1 })
}

/// Of which ranges summaries are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Of all.
    All,
    /// Of all that no block will be added to.
    Full,
    /// Of the last full ones, back to one that has a summary.
    Newest,
    /// Of that of a block, as users count blocks.
    Of(BlockNo),
}

/// Makes the summaries of ranges that have none. Answers of how many. The table is locked against others who do that; writers may
/// go on. The snapshot has been taken by the transaction last, so it is registered.
pub async fn summarise(
    tx: &mut Transaction,
    eval: &EvalCtx,
    rt: &TableRt,
    at: usize,
    which: Which,
    snap: &Snapshot,
) -> Result<u32> {
    let index = &rt.indexes[at];
    let rel = index.desc.rel;
    let store = Arc::clone(tx.txn.store());
    let per_range = store.read(|core| brin::pages_per_range(core, rel)).await?;
    let env = ScanEnv { store: Arc::clone(&store), snap: *snap, interrupt: tx.txn.rules.interrupt.clone() };
    let all = ranges(tx, rt, per_range).await?;
    let blocks = tx.txn.blocks(rt.desc.rel).await?;
    let full = if all > 0 && blocks_of(all - 1, per_range).end > blocks { all - 1 } else { all };
    let (first, end) = match which {
        Which::All => (0, all),
        Which::Full => (0, full),
        Which::Of(b) if b / per_range < all => (b / per_range, b / per_range + 1),
        Which::Of(_) => (0, 0),
        Which::Newest => {
            let mut first = full;
            while first > full.saturating_sub(NEWEST)
                && !store.read(|core| brin::is_summarised(core, rel, first - 1)).await?
            {
                first -= 1;
            }
            (first, full)
        }
    };
    let mut made = 0;
    for range in first..end {
        env.interrupt.check()?;
        if !tx.txn.drive(|core, cx| brin::begin(core, cx.xid, rel, range)).await? {
            continue;
        }
        let mut sum = Sum::default();
        let of = blocks_of(range, per_range);
        for block in of.start..of.end.min(blocks) {
            let mut tries = 0;
            while let Err(e) = add_block(tx, eval, rt, index, &env, block, &mut sum).await {
                tries += 1;
                env.interrupt.check()?;
                if tries >= TRIES {
                    return Err(e);
                }
            }
        }
        tx.txn.drive(|core, cx| brin::complete(core, cx.xid, rel, range, &sum, snap.scn)).await?;
        made += 1;
    }
    Ok(made)
}

async fn add_block(
    tx: &mut Transaction,
    eval: &EvalCtx,
    rt: &TableRt,
    index: &IndexRt,
    env: &ScanEnv,
    block: BlockNo,
    sum: &mut Sum,
) -> Result<()> {
    for image in all_versions(env, rt.desc.rel, block).await? {
        if let Some(k) = key(tx, eval, rt, index, &image).await? {
            sum.add(&k)?;
        }
    }
    Ok(())
}

/// Takes the summary of a block's range away, as users count blocks. Answers whether there was one.
pub async fn forget(tx: &mut Transaction, index: &IndexRt, block: BlockNo) -> Result<bool> {
    let rel = index.desc.rel;
    let per_range = tx.txn.store().read(|core| brin::pages_per_range(core, rel)).await?;
    tx.txn.drive(|core, cx| brin::remove(core, cx.xid, rel, block / per_range.max(1))).await
}

/// Whether each visible row is within the summary of its range.
pub async fn check(tx: &mut Transaction, eval: &EvalCtx, rt: &TableRt, at: usize, out: &mut Findings) -> Result<()> {
    let store = Arc::clone(tx.txn.store());
    let snap = tx.latest_snapshot();
    let env = ScanEnv { store: Arc::clone(&store), snap, interrupt: tx.txn.rules.interrupt.clone() };
    let index = &rt.indexes[at];
    for blocks in partitions(&env, rt.desc.rel, 1).await? {
        let mut scan = RowScan::new(env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
        while let Some(rows) = scan.next().await? {
            let page: Vec<_> = rows.iter().map(|(r, b)| (r, b.to_vec())).collect();
            for (rid, image) in page {
                let Some(k) = key(tx, eval, rt, index, &image).await? else { continue };
                if !store.read(|core| brin::covers(core, index.desc.rel, rid, &k)).await? {
                    let what =
                        format!("the row at ({},{}) is not within the summary of its range", rid.block, rid.slot);
                    out.relation(index.desc.rel, what);
                }
            }
        }
    }
    Ok(())
}

/// The value of a summary function.
pub fn count(n: u32) -> Datum {
    Datum::Int4(i32::try_from(n).unwrap_or(i32::MAX))
}
