//! Filling new indexes from their tables' rows.
//!
//! [`build_index`] fills an index that nobody knows yet while writers of the table wait. [`fill_beside`] and [`finish_beside`]
//! fill one beside the writers: its definition is committed as not valid first, and the transactions that may not have
//! seen it are over, so every writer maintains it. Then (each step is why the next is right):
//!
//! 1. The rows of one snapshot get their entries. An entry that a writer has made or marked meanwhile is left alone; a writer
//!    who changes a row that has no entry yet makes the entry first and marks it then (`IndexAm::mark`), so that its rollback
//!    leaves it. The snapshot is held to the end, so purge removes no mark that the fill has still to meet.
//! 2. From then on every row has its entry and uniqueness is checked against all of them. Two rows with one key can only
//!    come from before: once the transactions of that time are over too, a walk in key order finds them.
//! 3. Only a snapshot at least as new as the fill's may use the index (`valid_from`): older versions have no entries.

use super::eval::Env;
use super::table::TableRt;
use super::tables::{decode_column, decode_columns, decode_row};
use super::turn::Turn;
use crate::catalog::{Index, Relation};
use crate::session::SessionShared;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, Rid, SqlState};
use rustydb_parser::ast::TableLockMode;
use rustydb_storage::am::{Cursor, Direction, Edge};
use rustydb_storage::buf::Access;
use rustydb_storage::build::{IndexBuild, SortLimits};
use rustydb_storage::heap::RowBuf;
use rustydb_storage::scan::{IndexScan, RowScan, ScanEnv, partitions};
use rustydb_storage::txn::Snapshot;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// Fills an index from its table's committed and own rows. Versions older than the snapshot it is built from get no
/// entries, so no older snapshot may use it: that is noted in the definition. It is not stored, since no snapshot outlives
/// the server.
pub async fn build_index(tx: &mut Transaction, eval: &EvalCtx, table: &Arc<Relation>, index: &mut Index) -> Result<()> {
    // A definition with only this index, so that its key is computed like any other's.
    let only = Relation { indexes: vec![Arc::new(index.clone())], version: 0, ..(**table).clone() };
    let path: Vec<u32> = tx.catalog.namespaces.keys().copied().collect();
    let catalog = Arc::clone(&tx.catalog);
    let cx = crate::bind::BindCx { catalog: &catalog, search_path: &path, eval, role: table.owner, sql: "" };
    let rt = TableRt::new(&cx, &Arc::new(only))?;
    let snap = tx.latest_snapshot();
    index.valid_from = snap.scn.0;
    tx.txn.ensure_xid().await?;
    if index.is_brin() {
        return super::brin::build(tx, eval, &rt, 0, &snap).await;
    }
    let mut build = IndexBuild::new(rt.indexes[0].desc, index.unique, limits(eval));
    feed(tx, eval, &rt, 0, &snap, &mut build).await?;
    match build.finish(&mut tx.txn).await? {
        Some((_, rid)) => Err(duplicated(tx, &rt, eval, 0, &snap, rid).await?),
        None => Ok(()),
    }
}

/// What a build may take, as the session's settings say.
fn limits(eval: &EvalCtx) -> SortLimits {
    let Some(session) = eval.session.as_any().downcast_ref::<SessionShared>() else { return SortLimits::default() };
    session.settings(|s| SortLimits {
        memory: usize::try_from(s.int("maintenance_work_mem")).unwrap_or(65536).saturating_mul(1024),
        temp: u64::try_from(s.int("temp_file_limit")).ok().map(|kb| kb.saturating_mul(1024)),
    })
}

/// Gives a build the rows of a snapshot.
async fn feed(
    tx: &mut Transaction,
    eval: &EvalCtx,
    rt: &TableRt,
    at: usize,
    snap: &Snapshot,
    build: &mut IndexBuild,
) -> Result<()> {
    let store = Arc::clone(tx.txn.store());
    let env = ScanEnv { store: Arc::clone(&store), snap: *snap, interrupt: tx.txn.rules.interrupt.clone() };
    let index = &rt.indexes[at];
    let mut values = vec![Datum::Null; rt.rel.columns.len()];
    let (mut met, mut io) = (0, (0, 0));
    let mut turn = Turn::begin();
    for blocks in partitions(&env, rt.desc.rel, 1).await? {
        let mut scan = RowScan::new(env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
        while let Some(rows) = scan.next().await? {
            turn.check().await;
            for (rid, image) in rows.iter() {
                met += 1;
                for att in index.needs() {
                    values[*att] = decode_column(&mut tx.txn, rt, image, *att).await?;
                }
                let Some(k) = index.key(Env { ctx: eval, params: &[] }, &values, rt)? else { continue };
                for entry in index.entries(&k)? {
                    if build.add(entry, rid, !k.unique) {
                        build.relieve(&tx.txn).await?;
                    }
                }
            }
        }
        let now = scan.take_io();
        io = (io.0 + now.0, io.1 + now.1);
    }
    tx.count_scan(rt.rel.oid, met, io);
    Ok(())
}

/// 23505 for an index that cannot be unique because of a row.
async fn duplicated(
    tx: &mut Transaction,
    rt: &TableRt,
    eval: &EvalCtx,
    at: usize,
    snap: &Snapshot,
    rid: Rid,
) -> Result<DbError> {
    let (table, index) = (&rt.rel, &rt.indexes[at].def);
    let mut buf = RowBuf::new();
    let mut e = DbError::new(SqlState::UNIQUE_VIOLATION, format!("could not create unique index \"{}\"", index.name))
        .table(table.schema.clone(), table.name.clone())
        .constraint(index.name.clone());
    if tx.txn.fetch(snap, rt.desc.rel, rid, &mut buf).await? {
        let values = decode_row(&mut tx.txn, rt, &buf).await?;
        if let Some(d) = super::exclude::duplicate(tx, rt, at, eval, &values).fields.and_then(|f| f.detail) {
            e = e.detail(d.replace("already exists", "is duplicated"));
        }
    }
    Ok(e)
}

/// The table with an index that is still to be made valid, locked; `None` if one of them is gone or the index is valid (it
/// was rebuilt meanwhile).
async fn unfinished(
    tx: &mut Transaction,
    eval: &EvalCtx,
    table: u32,
    index: u32,
) -> Result<Option<(Arc<TableRt>, usize)>> {
    tx.lock_table(table, TableLockMode::ShareUpdateExclusive, false).await?;
    let Some(rel) = tx.refresh_catalog().relation(table).cloned() else { return Ok(None) };
    let rt = tx.table(eval, &rel)?;
    let at = rt.index(index).filter(|(_, i)| !i.def.valid).map(|(at, _)| at);
    Ok(at.map(|at| (rt, at)))
}

/// Gives every row its entry in an index that all writers maintain. Answers the snapshot's SCN; `None` if there is nothing
/// to fill any more.
pub async fn fill_beside(tx: &mut Transaction, eval: &EvalCtx, table: u32, index: u32) -> Result<Option<u64>> {
    let Some((rt, at)) = unfinished(tx, eval, table, index).await? else { return Ok(None) };
    let snap = tx.latest_snapshot();
    tx.txn.ensure_xid().await?;
    if rt.indexes[at].def.is_brin() {
        super::brin::summarise(tx, eval, &rt, at, super::brin::Which::All, &snap).await?;
        return Ok(Some(snap.scn.0));
    }
    let mut build = IndexBuild::beside_writers(rt.indexes[at].desc, limits(eval));
    feed(tx, eval, &rt, at, &snap, &mut build).await?;
    build.finish(&mut tx.txn).await?;
    Ok(Some(snap.scn.0))
}

/// Makes a filled index valid from an SCN on; 23505 (and the index stays as it is) if it is unique and rows have the same
/// key.
pub async fn finish_beside(tx: &mut Transaction, eval: &EvalCtx, table: u32, index: u32, from: u64) -> Result<()> {
    let Some((rt, _)) = unfinished(tx, eval, table, index).await? else { return Ok(()) };
    check_beside(tx, eval, table, index).await?;
    let mut rel = (*rt.rel).clone();
    if let Some(i) = rel.indexes.iter_mut().find(|i| i.oid == index) {
        *i = Arc::new(Index { valid: true, valid_from: from, ..(**i).clone() });
    }
    tx.put_relation(rel).await
}

/// 23505 if a filled index is unique and rows have the same key.
pub async fn check_beside(tx: &mut Transaction, eval: &EvalCtx, table: u32, index: u32) -> Result<()> {
    let Some((rt, at)) = unfinished(tx, eval, table, index).await? else { return Ok(()) };
    if rt.indexes[at].def.unique {
        let snap = tx.latest_snapshot();
        if let Some(rid) = second_with_key(tx, eval, &rt, at, &snap).await? {
            return Err(duplicated(tx, &rt, eval, at, &snap, rid).await?);
        }
    }
    Ok(())
}

/// A row that has the same key as another one, in a unique index.
async fn second_with_key(
    tx: &mut Transaction,
    eval: &EvalCtx,
    rt: &TableRt,
    at: usize,
    snap: &Snapshot,
) -> Result<Option<Rid>> {
    let index = &rt.indexes[at];
    let env = ScanEnv { store: Arc::clone(tx.txn.store()), snap: *snap, interrupt: tx.txn.rules.interrupt.clone() };
    let cursor = Cursor::open(index.desc, Edge::Open, Edge::Open, Direction::Forward, Access::Scan, true)?;
    let mut scan = IndexScan::new(env, rt.desc.rel, cursor);
    let (mut buf, mut entry) = (RowBuf::new(), Vec::new());
    let mut last: Option<Vec<u8>> = None;
    loop {
        let found = scan
            .next(&mut buf, |key, _| {
                entry.clear();
                entry.extend_from_slice(key);
                Ok(true)
            })
            .await?;
        let Some(rid) = found else { return Ok(None) };
        let values = decode_columns(&mut tx.txn, rt, &buf, index.needs()).await?;
        // An entry of an older version of the row counts for nothing.
        let key = index.key(Env { ctx: eval, params: &[] }, &values, rt)?.filter(|k| k.unique && k.bytes == entry);
        let Some(key) = key else { continue };
        if last.as_ref() == Some(&key.bytes) {
            return Ok(Some(rid));
        }
        last = Some(key.bytes);
    }
}
