//! Databases are made and removed as a whole, inside the transaction of CREATE and DROP DATABASE.
//!
//! A new database is a copy of its template: every row of the template's catalog tables, and of the tables its users made,
//! is stored in files of the new database's own; only the file numbers that `pg_class` holds differ. A crash or a rollback
//! midway removes the files with the transaction, so no half database is ever seen.

use crate::bind::BindCx;
use crate::catalog::rows::{CatRow, column_index, table};
use crate::catalog::{Catalog, FIRST_USER_OID, RelKind, Relation, Storage, system};
use crate::engine::{DatabaseState, insert_rows};
use crate::exec::table::TableRt;
use crate::transaction::Transaction;
use rustydb_base::{RelId, Result};
use rustydb_storage::am::Method;
use rustydb_storage::scan::{RowScan, ScanEnv, partitions};
use rustydb_storage::store::{Interrupt, RelationKind};
use rustydb_storage::txn::Snapshot;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::Arc;

/// Old file numbers and what takes their place.
type Files = HashMap<RelId, RelId>;

fn is_shared(rel: &Relation) -> bool {
    pgdata::relation(rel.oid).is_some_and(|r| r.relisshared)
}

/// A table of a catalog ready for row operations.
fn prepared(cat: &Arc<Catalog>, eval: &EvalCtx, rel: &Arc<Relation>) -> Result<TableRt> {
    let path: Vec<u32> = cat.namespaces.keys().copied().collect();
    TableRt::new(&BindCx { catalog: cat, search_path: &path, eval, role: rel.owner, sql: "" }, rel)
}

/// The copying of one database.
struct Copy<'a> {
    tx: &'a mut Transaction,
    template: Arc<Catalog>,
    eval: &'a EvalCtx,
    interrupt: Interrupt,
    snap: Snapshot,
    files: Files,
}

impl Copy<'_> {
    /// Files for a relation of the new database that is like `old` but for those.
    async fn user_files(&mut self, old: &Relation) -> Result<Relation> {
        let mut new = old.clone();
        if let Some(s) = &old.storage {
            let made = Storage { schema_ver: s.schema_ver, ..self.tx.create_heap(old.durability()).await? };
            self.files.insert(s.heap, made.heap);
            self.files.insert(s.overflow, made.overflow);
            new.storage = Some(made);
        }
        for i in &mut new.indexes {
            let file = self.tx.create_index(i, old.durability()).await?;
            self.files.insert(i.storage, file);
            *i = Arc::new(crate::catalog::Index { storage: file, ..(**i).clone() });
        }
        if let Some(q) = &mut new.sequence {
            let state = self.tx.db.engine().store().sequence_get(q.storage).await?;
            let file = self.tx.create_sequence_file(state.last, state.is_called, old.persistence).await?;
            self.files.insert(q.storage, file);
            q.storage = file;
        }
        Ok(new)
    }

    /// Files for a catalog table; their numbers are set aside.
    async fn system_files(&mut self, old: &Relation, new: &Relation) -> Result<()> {
        let txn = &mut self.tx.txn;
        if let (Some(a), Some(b)) = (&old.storage, &new.storage) {
            txn.create_fixed_relation(b.heap, RelationKind::Heap).await?;
            txn.create_fixed_relation(b.overflow, RelationKind::Overflow).await?;
            self.files.insert(a.heap, b.heap);
        }
        for (a, b) in old.indexes.iter().zip(&new.indexes) {
            txn.create_fixed_relation(b.storage, RelationKind::Index(Method::BTREE)).await?;
            self.files.insert(a.storage, b.storage);
        }
        Ok(())
    }

    /// Copies the rows of a table into that of the new database.
    async fn rows(&mut self, old: &Arc<Relation>, new: Relation) -> Result<()> {
        let from = prepared(&self.template, self.eval, old)?;
        let to = prepared(&self.template, self.eval, &Arc::new(new))?;
        let file_column = (old.oid == table::PG_CLASS).then(|| column_index(table::PG_CLASS, "relfilenode")).flatten();
        let store = Arc::clone(self.tx.db.engine().store());
        let env = ScanEnv { store: Arc::clone(&store), snap: self.snap, interrupt: self.interrupt.clone() };
        for blocks in partitions(&env, from.desc.rel, 1).await? {
            let mut scan = RowScan::new(env.clone(), from.desc.rel, Arc::clone(&from.desc.layout), blocks);
            while let Some(page) = scan.next().await? {
                let images: Vec<Vec<u8>> = page.iter().map(|(_, row)| row.to_vec()).collect();
                let mut list = Vec::with_capacity(images.len());
                for image in images {
                    let mut values = crate::exec::tables::decode_row(&mut self.tx.txn, &from, &image).await?;
                    if let Some(Datum::Oid(file)) = file_column.and_then(|c| values.get_mut(c))
                        && let Some(other) = self.files.get(&RelId(*file))
                    {
                        *file = other.0;
                    }
                    list.push(CatRow { table: old.oid, values });
                }
                insert_rows(&mut self.tx.txn, &to, self.eval, &list).await?;
            }
        }
        Ok(())
    }
}

/// Makes the files of a new database and fills them from a template's. `oid` is the first of
/// [`system::PER_DATABASE`] relation numbers that are set aside.
pub async fn copy(
    tx: &mut Transaction,
    template: &Arc<DatabaseState>,
    oid: u32,
    eval: &EvalCtx,
    interrupt: Interrupt,
) -> Result<()> {
    let snap = tx.latest_snapshot();
    let mut c = Copy { tx, template: template.catalog(), eval, interrupt, snap, files: Files::new() };
    let mut pairs: Vec<(Arc<Relation>, Relation)> = Vec::new();
    let fresh: HashMap<u32, Relation> = system::relations(oid).into_iter().map(|r| (r.oid, r)).collect();
    let mut all: Vec<Arc<Relation>> =
        c.template.relations.values().filter(|r| r.kind != RelKind::Index && !is_shared(r)).cloned().collect();
    all.sort_by_key(|r| r.oid);
    for old in all {
        if old.oid >= FIRST_USER_OID {
            let new = c.user_files(&old).await?;
            pairs.push((old, new));
        } else if let Some(new) = fresh.get(&old.oid) {
            c.system_files(&old, new).await?;
            pairs.push((old, new.clone()));
        }
    }
    for (old, new) in pairs {
        if old.storage.is_some() {
            c.rows(&old, new).await?;
        }
    }
    Ok(())
}

/// Drops every file of a database when the transaction commits. The catalog files of the databases that a cluster begins
/// with have fixed numbers and stay.
pub async fn drop_files(tx: &mut Transaction, db: &DatabaseState) -> Result<()> {
    let cat = db.catalog();
    for r in cat.relations.values().filter(|r| r.kind != RelKind::Index && !is_shared(r)) {
        if r.oid < FIRST_USER_OID && db.oid < FIRST_USER_OID {
            continue;
        }
        if let Some(s) = &r.storage {
            tx.drop_storage(s).await?;
        }
        for i in &r.indexes {
            tx.drop_files(i.storage).await?;
        }
        if let Some(q) = &r.sequence {
            tx.drop_files(q.storage).await?;
        }
    }
    Ok(())
}
