//! `rustydb_check`: whether a table's rows and its indexes say the same.
//!
//! The store checks what it knows by itself (`rustydb_storage::verify`): pages, versions, order. Here keys are computed as
//! for any writer, and compared both ways: each visible row has its entry (in an inverted index, its entries), not marked, in each index (I14); each entry that
//! is not marked names a row whose newest version has that key, or whose writer has not ended (I11).
//!
//! Nobody may write the table meanwhile, but for the session's own transaction: its rows are passed over.

use super::eval::Env;
use super::table::TableRt;
use super::tables::decode_columns;
use crate::catalog::Relation;
use crate::transaction::Transaction;
use rustydb_base::{Result, Rid};
use rustydb_storage::am::{Cursor, Direction, Edge};
use rustydb_storage::buf::Access;
use rustydb_storage::heap::page::{self, flag};
use rustydb_storage::scan::{RowScan, ScanEnv, partitions};
use rustydb_storage::verify::{Findings, is_damage};
use rustydb_types::ctx::EvalCtx;
use std::sync::Arc;

/// Checks a table or materialized view with its indexes. Purge must be held back (`Store::quiet`).
pub async fn check_table(tx: &mut Transaction, eval: &EvalCtx, rel: &Arc<Relation>, out: &mut Findings) -> Result<()> {
    if rel.storage.is_none() {
        return Ok(());
    }
    let rt = tx.table(eval, rel)?;
    let store = Arc::clone(tx.txn.store());
    let before = out.count();
    store.check_heap(rt.desc.rel, &rt.desc.layout, out).await?;
    let sound = out.count() == before;
    for at in 0..rt.indexes.len() {
        let entries = store.check_index(&rt.indexes[at].desc, out).await?;
        if !sound || entries.is_none() || !rt.indexes[at].def.searchable() {
            continue;
        }
        if rt.indexes[at].def.is_brin() {
            match super::brin::check(tx, eval, &rt, at, out).await {
                Err(e) if is_damage(&e) => out.relation(rt.indexes[at].desc.rel, e.message.into_owned()),
                other => other?,
            }
            continue;
        }
        // A value that cannot be computed any more is a finding like others.
        for done in [rows_have_entries(tx, eval, &rt, at, out).await, entries_have_rows(tx, eval, &rt, at, out).await] {
            match done {
                Err(e) if is_damage(&e) => out.relation(rt.indexes[at].desc.rel, e.message.into_owned()),
                other => other?,
            }
        }
    }
    Ok(())
}

async fn rows_have_entries(
    tx: &mut Transaction,
    eval: &EvalCtx,
    rt: &TableRt,
    at: usize,
    out: &mut Findings,
) -> Result<()> {
    let store = Arc::clone(tx.txn.store());
    let snap = tx.latest_snapshot();
    let env = ScanEnv { store: Arc::clone(&store), snap, interrupt: tx.txn.rules.interrupt.clone() };
    let index = &rt.indexes[at];
    for blocks in partitions(&env, rt.desc.rel, 1).await? {
        let mut scan = RowScan::new(env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
        while let Some(rows) = scan.next().await? {
            let page: Vec<(Rid, Vec<u8>)> = rows.iter().map(|(r, b)| (r, b.to_vec())).collect();
            for (rid, image) in page {
                let values = decode_columns(&mut tx.txn, rt, &image, index.needs()).await?;
                let Some(key) = index.key(Env { ctx: eval, params: &[] }, &values, rt)? else { continue };
                let am = index.desc.method.am()?;
                for bytes in index.entries(&key)? {
                    let entry = store.read(|core| am.exists(core, index.desc.rel, bytes, rid)).await?;
                    if entry == Some(false) {
                        continue;
                    }
                    // The session's own transaction may have given the row another key.
                    if store.newest_version(rt.desc.rel, rid).await?.is_some_and(|(_, ended)| !ended) {
                        continue;
                    }
                    let what = if entry.is_none() { "no entry" } else { "only a marked entry" };
                    out.relation(index.desc.rel, format!("the row at ({},{}) has {what} here", rid.block, rid.slot));
                }
            }
        }
    }
    Ok(())
}

async fn entries_have_rows(
    tx: &mut Transaction,
    eval: &EvalCtx,
    rt: &TableRt,
    at: usize,
    out: &mut Findings,
) -> Result<()> {
    let store = Arc::clone(tx.txn.store());
    let index = &rt.indexes[at];
    let am = index.desc.method.am()?;
    let mut cursor = Cursor::open(index.desc, Edge::Open, Edge::Open, Direction::Forward, Access::Scan, true)?;
    loop {
        tx.txn.rules.interrupt.check()?;
        if !store.read(|core| cursor.next_batch(core, Default::default())).await? {
            return Ok(());
        }
        let entries: Vec<(Vec<u8>, Rid)> =
            cursor.batch().filter(|c| c.marked.is_none()).map(|c| (c.key.to_vec(), c.rid)).collect();
        for (key, rid) in entries {
            let wrong = match store.newest_version(rt.desc.rel, rid).await? {
                None => Some("names no row"),
                Some((_, false)) => None,
                Some((image, true)) if page::flags(&image) & flag::DELETED != 0 => Some("names a deleted row"),
                Some((image, true)) => {
                    let values = decode_columns(&mut tx.txn, rt, &image, index.needs()).await?;
                    let now = index.key(Env { ctx: eval, params: &[] }, &values, rt)?;
                    let has = match &now {
                        Some(k) => index.entries(k)?.any(|e| *am.stored_key(e) == *key),
                        None => false,
                    };
                    (!has).then_some("names a row with another key")
                }
            };
            if let Some(what) = wrong {
                out.relation(index.desc.rel, format!("the entry for ({},{}) {what}", rid.block, rid.slot));
            }
        }
    }
}
