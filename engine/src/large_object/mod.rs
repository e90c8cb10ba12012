//! Large objects in the store: rows of `pg_largeobject_metadata` (who owns one) and of `pg_largeobject` (its bytes, in
//! pages of 2 KiB).
//!
//! A page that is missing, or shorter than a page and not the last, reads as zeros. The rows are ordinary ones, changed in the
//! caller's transaction; a page is read and written by its key, so a call holds no more than what it was given.
//!
//! Readers say which snapshot they see; writers always change what is newest.

pub mod calls;
pub mod pages;

use crate::acl::item::{decode_list, encode_list};
use crate::acl::{Acl, AclKind, Mask, Privs};
use crate::catalog::rows::{CatRow, RowBuilder, table as table_oid};
use crate::exec::eval::Env;
use crate::exec::table::TableRt;
use crate::exec::tables::decode_row;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::heap::RowBuf;
use rustydb_storage::txn::Snapshot;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// `pg_largeobject`: the class under which large objects have comments, too.
pub const PG_LARGEOBJECT: u32 = 2613;
/// `pg_largeobject_metadata`.
pub const PG_LARGEOBJECT_METADATA: u32 = 2995;

/// What is known of a large object besides its bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct Metadata {
    /// OID.
    pub oid: u32,
    /// Owner.
    pub owner: u32,
    /// `lomacl`.
    pub acl: Option<Acl>,
}

impl Metadata {
    fn row(&self) -> CatRow {
        RowBuilder::new(PG_LARGEOBJECT_METADATA)
            .oid("oid", self.oid)
            .oid("lomowner", self.owner)
            .set("lomacl", self.acl.as_ref().map_or(Datum::Null, encode_list))
            .build()
    }

    fn of_row(row: &[Datum]) -> Result<Metadata> {
        match row {
            [Datum::Oid(oid), Datum::Oid(owner), acl] => {
                Ok(Metadata { oid: *oid, owner: *owner, acl: decode_list(acl)? })
            }
            _ => Err(DbError::internal("damaged row of pg_largeobject_metadata")),
        }
    }

    /// The privileges on it, the default ones written out.
    pub fn list(&self) -> Acl {
        self.acl.clone().unwrap_or_else(|| Acl::default_for(AclKind::LargeObject, self.owner))
    }

    /// Whether a role has a privilege on it.
    pub fn allows(&self, tx: &Transaction, role: u32, wanted: Privs) -> bool {
        let cat = &tx.catalog;
        crate::acl::check::is_superuser(cat, role)
            || self.list().held(cat, role, self.owner, Mask::of(wanted)).privs != 0
    }
}

/// 42704.
pub fn missing(oid: u32) -> DbError {
    DbError::new(SqlState::UNDEFINED_OBJECT, format!("large object {oid} does not exist"))
}

/// A catalog table, ready for row operations.
fn table(tx: &Transaction, eval: &EvalCtx, oid: u32) -> Result<Arc<TableRt>> {
    let rel = tx.catalog.relation(oid).ok_or_else(|| DbError::internal("a catalog table is missing"))?;
    let rel = Arc::clone(rel);
    tx.table(eval, &rel)
}

/// The row with the same unique key as `like`.
async fn row_like(tx: &mut Transaction, eval: &EvalCtx, snap: &Snapshot, like: &CatRow) -> Result<Option<Vec<Datum>>> {
    let rt = table(tx, eval, like.table)?;
    let keys = rt.keys(Env { ctx: eval, params: &[] }, &like.values)?;
    let key = rt.indexes.iter().zip(&keys).find_map(|(i, k)| Some((i, k.as_ref().filter(|k| k.unique)?)));
    let Some((index, key)) = key else { return Err(DbError::internal("a catalog table without a unique index")) };
    let mut buf = RowBuf::new();
    match tx.txn.point_get(snap, rt.desc.rel, &index.desc, &key.bytes, &mut buf, |_| Ok(true)).await? {
        Some(_) => decode_row(&mut tx.txn, &rt, &buf).await.map(Some),
        None => Ok(None),
    }
}

/// What is newest, this transaction's own work of now included.
pub fn newest(tx: &mut Transaction) -> Snapshot {
    Snapshot { cid: u32::MAX, ..tx.latest_snapshot() }
}

/// A large object's metadata.
pub async fn metadata(tx: &mut Transaction, eval: &EvalCtx, snap: &Snapshot, oid: u32) -> Result<Option<Metadata>> {
    let like = Metadata { oid, owner: 0, acl: None }.row();
    row_like(tx, eval, snap, &like).await?.map(|r| Metadata::of_row(&r)).transpose()
}

/// Creates a large object without bytes, under an OID of its own if none is given.
pub async fn create(tx: &mut Transaction, oid: u32, owner: u32) -> Result<u32> {
    let oid = if oid == 0 { tx.new_oid().await? } else { oid };
    tx.write_rows(Vec::new(), vec![Metadata { oid, owner, acl: None }.row()]).await?;
    tx.next_command();
    Ok(oid)
}

/// Changes a large object's metadata.
pub async fn change(tx: &mut Transaction, old: &Metadata, new: &Metadata) -> Result<()> {
    tx.write_rows(vec![old.row()], vec![new.row()]).await?;
    tx.next_command();
    Ok(())
}

/// Removes a large object with its bytes and its comment.
pub async fn remove(tx: &mut Transaction, eval: &EvalCtx, old: &Metadata) -> Result<()> {
    pages::remove_from(tx, eval, old.oid, 0).await?;
    let mut gone = vec![old.row()];
    let comment = RowBuilder::new(table_oid::PG_DESCRIPTION)
        .oid("objoid", old.oid)
        .oid("classoid", PG_LARGEOBJECT)
        .i4("objsubid", 0)
        .text("description", "")
        .build();
    let snap = newest(tx);
    let found = row_like(tx, eval, &snap, &comment).await?;
    gone.extend(found.map(|values| CatRow { table: comment.table, values }));
    tx.write_rows(gone, Vec::new()).await?;
    tx.next_command();
    Ok(())
}

/// The metadata of all large objects that a test picks, by OID: what roles own or have privileges on.
pub async fn picked(tx: &mut Transaction, eval: &EvalCtx, pick: impl Fn(&Metadata) -> bool) -> Result<Vec<Metadata>> {
    let rt = table(tx, eval, PG_LARGEOBJECT_METADATA)?;
    let snap = newest(tx);
    let mut out = Vec::new();
    let mut cursor = pages::cursor(&rt, Vec::new(), Vec::new(), false)?;
    while let Some(rids) = pages::next(tx, &mut cursor).await? {
        for rid in rids {
            let mut buf = RowBuf::new();
            if tx.txn.fetch(&snap, rt.desc.rel, rid, &mut buf).await? {
                let m = Metadata::of_row(&decode_row(&mut tx.txn, &rt, &buf).await?)?;
                out.extend(pick(&m).then_some(m));
            }
        }
    }
    out.sort_by_key(|m| m.oid);
    Ok(out)
}
