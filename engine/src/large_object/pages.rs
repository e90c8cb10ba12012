//! The bytes of large objects.

use super::{PG_LARGEOBJECT, row_like, table};
use crate::catalog::rows::{CatRow, RowBuilder};
use crate::exec::table::TableRt;
use crate::exec::tables::decode_row;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, Rid, SqlState};
use rustydb_storage::am::{Cursor, Direction, Edge};
use rustydb_storage::buf::Access;
use rustydb_storage::heap::RowBuf;
use rustydb_storage::ssi::SxId;
use rustydb_storage::txn::Snapshot;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{keyenc, oid};

/// Bytes of a page.
pub const PAGE: usize = 2048;
/// Most bytes of a large object: page numbers are 32-bit ones.
pub const MAX_SIZE: i64 = i32::MAX as i64 * PAGE as i64;

fn page_row(object: u32, page: i32, data: &[u8]) -> CatRow {
    RowBuilder::new(PG_LARGEOBJECT)
        .oid("loid", object)
        .i4("pageno", page)
        .set("data", Datum::Bytes(data.to_vec().into()))
        .build()
}

fn page_of(at: i64) -> i32 {
    i32::try_from(at / PAGE as i64).unwrap_or(i32::MAX)
}

/// The part of a page before its end that a position is at.
fn within(at: i64) -> usize {
    usize::try_from(at % PAGE as i64).unwrap_or(0)
}

fn key(object: u32, page: Option<i32>) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(16);
    keyenc::encode_key(TypeRef::new(oid::OID), &Datum::Oid(object), false, false, &mut out)?;
    if let Some(page) = page {
        keyenc::encode_key(TypeRef::new(oid::INT4), &Datum::Int4(page), false, false, &mut out)?;
    }
    Ok(out)
}

/// A scan of a catalog table's unique index between two keys (or beginnings of keys), both included.
pub(super) fn cursor(rt: &TableRt, low: Vec<u8>, high: Vec<u8>, backward: bool) -> Result<Cursor> {
    let index = rt.indexes.first().ok_or_else(|| DbError::internal("a catalog table without an index"))?;
    let edge = |b: Vec<u8>| if b.is_empty() { Edge::Open } else { Edge::Inclusive(b) };
    let direction = if backward { Direction::Backward } else { Direction::Forward };
    Cursor::open(index.desc, edge(low), edge(high), direction, Access::Point, false)
}

/// The rows that the next batch of a scan points at; `None` at its end.
pub(super) async fn next(tx: &mut Transaction, cursor: &mut Cursor) -> Result<Option<Vec<Rid>>> {
    let more = tx.txn.drive(|core, _| cursor.next_batch(core, SxId::NONE)).await?;
    Ok(more.then(|| cursor.batch().map(|c| c.rid).collect()))
}

fn page_parts(row: Vec<Datum>) -> Result<(i32, Vec<u8>)> {
    match row.as_slice() {
        [Datum::Oid(_), Datum::Int4(n), Datum::Bytes(b)] => Ok((*n, b.to_vec())),
        _ => Err(DbError::internal("damaged row of pg_largeobject")),
    }
}

/// The bytes of a page, none if it is missing.
async fn page(tx: &mut Transaction, eval: &EvalCtx, snap: &Snapshot, object: u32, n: i32) -> Result<Option<Vec<u8>>> {
    let row = row_like(tx, eval, snap, &page_row(object, n, &[])).await?;
    Ok(row.map(page_parts).transpose()?.map(|p| p.1))
}

/// A large object's size.
pub async fn size(tx: &mut Transaction, eval: &EvalCtx, snap: &Snapshot, object: u32) -> Result<i64> {
    let rt = table(tx, eval, PG_LARGEOBJECT)?;
    let mut cursor = cursor(&rt, key(object, None)?, key(object, None)?, true)?;
    while let Some(rids) = next(tx, &mut cursor).await? {
        for rid in rids {
            let mut buf = RowBuf::new();
            if tx.txn.fetch(snap, rt.desc.rel, rid, &mut buf).await? {
                let (n, data) = page_parts(decode_row(&mut tx.txn, &rt, &buf).await?)?;
                return Ok(i64::from(n) * PAGE as i64 + data.len() as i64);
            }
        }
    }
    Ok(0)
}

/// Up to `len` bytes from a position on; fewer at the end.
pub async fn read(
    tx: &mut Transaction,
    eval: &EvalCtx,
    snap: &Snapshot,
    object: u32,
    at: i64,
    len: usize,
) -> Result<Vec<u8>> {
    let end = at.saturating_add(i64::try_from(len).unwrap_or(i64::MAX));
    let end = end.min(size(tx, eval, snap, object).await?);
    let mut out = Vec::with_capacity(usize::try_from(end - at).unwrap_or(0));
    let mut pos = at;
    while pos < end {
        let stop = end.min((i64::from(page_of(pos)) + 1) * PAGE as i64);
        let from = within(pos);
        let wanted = usize::try_from(stop - pos).unwrap_or(0);
        let data = page(tx, eval, snap, object, page_of(pos)).await?.unwrap_or_default();
        let there = data.get(from..(from + wanted).min(data.len())).unwrap_or_default();
        out.extend_from_slice(there);
        out.resize(out.len() + (wanted - there.len()), 0);
        pos = stop;
    }
    Ok(out)
}

/// Writes bytes at a position, over what is there and beyond.
pub async fn write(tx: &mut Transaction, eval: &EvalCtx, object: u32, at: i64, bytes: &[u8]) -> Result<()> {
    if at.saturating_add(i64::try_from(bytes.len()).unwrap_or(i64::MAX)) > MAX_SIZE {
        return Err(DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid large object write request size: {}", bytes.len()),
        ));
    }
    let (mut pos, mut rest) = (at, bytes);
    while !rest.is_empty() {
        let from = within(pos);
        let (now, later) = rest.split_at(rest.len().min(PAGE - from));
        let n = page_of(pos);
        let snap = super::newest(tx);
        let old = page(tx, eval, &snap, object, n).await?;
        let mut new = old.as_deref().unwrap_or_default().to_vec();
        if new.len() < from + now.len() {
            new.resize(from + now.len(), 0);
        }
        if let Some(place) = new.get_mut(from..from + now.len()) {
            place.copy_from_slice(now);
        }
        put(tx, object, n, old.as_deref(), Some(&new)).await?;
        pos += now.len() as i64;
        rest = later;
    }
    Ok(())
}

async fn put(tx: &mut Transaction, object: u32, n: i32, old: Option<&[u8]>, new: Option<&[u8]>) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let row = |b: Option<&[u8]>| b.map(|b| page_row(object, n, b)).into_iter().collect::<Vec<_>>();
    tx.write_rows(row(old), row(new)).await?;
    // The next change may be of the same page.
    tx.next_command();
    Ok(())
}

/// Cuts a large object off at a length, or makes it that long.
pub async fn truncate(tx: &mut Transaction, eval: &EvalCtx, object: u32, len: i64) -> Result<()> {
    let (n, keep) = (page_of(len), within(len));
    let snap = super::newest(tx);
    let old = page(tx, eval, &snap, object, n).await?;
    match &old {
        Some(data) => {
            let mut new = data.to_vec();
            new.resize(keep, 0);
            let new = (keep > 0).then_some(new);
            put(tx, object, n, Some(data), new.as_deref()).await?;
        }
        // A page that ends where the object is to end says how long it is.
        None if keep > 0 => put(tx, object, n, None, Some(&vec![0; keep])).await?,
        None => {}
    }
    remove_from(tx, eval, object, n.saturating_add(1)).await
}

/// Removes the pages from a number on.
pub(super) async fn remove_from(tx: &mut Transaction, eval: &EvalCtx, object: u32, first: i32) -> Result<()> {
    let rt = table(tx, eval, PG_LARGEOBJECT)?;
    let mut cursor = cursor(&rt, key(object, Some(first))?, key(object, None)?, false)?;
    while let Some(rids) = next(tx, &mut cursor).await? {
        for rid in rids {
            let snap = super::newest(tx);
            let mut buf = RowBuf::new();
            if !tx.txn.fetch(&snap, rt.desc.rel, rid, &mut buf).await? {
                continue;
            }
            let values = decode_row(&mut tx.txn, &rt, &buf).await?;
            tx.write_rows(vec![CatRow { table: PG_LARGEOBJECT, values }], Vec::new()).await?;
        }
    }
    Ok(())
}
