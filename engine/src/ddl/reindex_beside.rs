//! REINDEX CONCURRENTLY: an index's file is built anew beside the table's writers and takes the old one's place.
//!
//! The new file belongs to a shadow index (`…_ccnew`, never valid) as long as both are maintained. [`shadows`] makes the
//! shadows in the statement's transaction; the session fills them (see `session/concurrently.rs`), then [`swap`] gives each
//! index its shadow's file, and [`forget`] drops the shadows when nobody can be reading the old files any more; those go
//! when nobody can be writing them either (a crash before that leaves them behind).
//! What fails in between leaves a shadow that is maintained but not used, to be dropped, as PostgreSQL does.
//!
//! The old index goes on checking uniqueness, so its shadow does not, unless the old one is not valid. An index keeps its OID
//! (PostgreSQL gives it the new one's).

use super::DdlCx;
use super::constraint::own_names;
use super::err;
use super::names::choose_relation_name;
use crate::catalog::{Index, IndexMarks, Persistence, Relation};
use crate::transaction::Transaction;
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_parser::ast::TableLockMode;
use std::sync::Arc;

/// An index that gets a new file.
#[derive(Clone, Copy, Debug)]
pub struct Rebuild {
    /// Its table.
    pub table: u32,
    /// The index.
    pub index: u32,
    /// Its shadow.
    pub shadow: u32,
    /// SCN from which on the new file answers, once it is filled.
    pub from: u64,
}

/// Makes the shadows of a table's indexes (all, or one); a partitioned table's are those of its leaves. The table is locked in
/// ShareUpdateExclusive mode.
pub async fn shadows(cx: &mut DdlCx<'_>, table: u32, only: Option<u32>, out: &mut Vec<Rebuild>) -> Result<()> {
    let rel = cx.relation(table)?;
    if rel.is_partitioned() {
        for child in rel.children.clone() {
            cx.lock(child, TableLockMode::ShareUpdateExclusive).await?;
            let part = match only {
                None => None,
                Some(i) => {
                    let own = cx.relation(child)?.indexes.iter().find(|x| x.parent == i).map(|x| x.oid);
                    let Some(own) = own else { continue };
                    Some(own)
                }
            };
            Box::pin(shadows(cx, child, part, out)).await?;
        }
        return Ok(());
    }
    if rel.persistence == Persistence::Temporary {
        // Nobody else reads it.
        for i in rel.indexes.iter().map(|i| i.oid).filter(|i| only.is_none_or(|o| o == *i)) {
            super::index::rebuild(cx, table, i).await?;
        }
        return Ok(());
    }
    let mut new = (*rel).clone();
    for old in rel.indexes.iter().filter(|i| only.is_none_or(|o| o == i.oid)) {
        if !old.exclude.is_empty() {
            let m = format!("cannot reindex exclusion constraint index \"{}.{}\" concurrently", rel.schema, old.name);
            if only.is_some() {
                let m = "concurrent index creation for exclusion constraints is not supported";
                return Err(DbError::unsupported(m));
            }
            cx.notices.push(("WARNING", err(SqlState::FEATURE_NOT_SUPPORTED, format!("{m}, skipping"))));
            continue;
        }
        if only.is_none() && !old.valid {
            let m = format!("cannot reindex invalid index \"{}.{}\" concurrently, skipping", rel.schema, old.name);
            cx.notices.push(("WARNING", err(SqlState::INDEX_CORRUPTED, m).hint("Use DROP INDEX or REINDEX INDEX.")));
            continue;
        }
        let name = choose_relation_name(&cx.cat(), rel.namespace, &own_names(&new), &old.name, None, "ccnew", false);
        let shadow = Index {
            oid: cx.tx.new_oid().await?,
            name,
            storage: cx.tx.create_index(old, rel.durability()).await?,
            unique: old.unique && !old.valid,
            primary: false,
            valid: false,
            parent: 0,
            // What its file and its keys are made by.
            marks: IndexMarks {
                options: if old.is_brin() { old.marks.options.clone() } else { Vec::new() },
                class_options: old.marks.class_options.clone(),
                ..IndexMarks::default()
            },
            ..(**old).clone()
        };
        out.push(Rebuild { table, index: old.oid, shadow: shadow.oid, from: 0 });
        new.indexes.push(Arc::new(shadow));
    }
    cx.put(new).await
}

/// The table of a rebuild, locked, with the positions of the index and its shadow; `None` if one of them has gone.
async fn find(tx: &mut Transaction, r: &Rebuild) -> Result<Option<(Relation, usize, usize)>> {
    tx.lock_table(r.table, TableLockMode::ShareUpdateExclusive, false).await?;
    let Some(rel) = tx.refresh_catalog().relation(r.table).cloned() else { return Ok(None) };
    let at = |oid| rel.indexes.iter().position(|i| i.oid == oid);
    Ok(at(r.index).zip(at(r.shadow)).map(|(a, b)| ((*rel).clone(), a, b)))
}

/// Gives an index its shadow's file, and the shadow the old one. The definition that is committed before it says that both
/// are maintained, so whoever still works by that misses nothing.
pub async fn swap(tx: &mut Transaction, r: &Rebuild) -> Result<()> {
    let Some((mut rel, at, shadow)) = find(tx, r).await? else { return Ok(()) };
    let file = |i: &Index| i.storage;
    let (old, new): (RelId, RelId) = (file(&rel.indexes[at]), file(&rel.indexes[shadow]));
    rel.indexes[at] = Arc::new(Index { storage: new, valid: true, valid_from: r.from, ..(*rel.indexes[at]).clone() });
    rel.indexes[shadow] = Arc::new(Index { storage: old, unique: false, ..(*rel.indexes[shadow]).clone() });
    tx.put_relation(rel).await
}

/// Drops a shadow, but not its file, which is answered: there may be writers who know it.
pub async fn forget(tx: &mut Transaction, r: &Rebuild) -> Result<Option<RelId>> {
    let Some((mut rel, _, shadow)) = find(tx, r).await? else { return Ok(None) };
    let gone = rel.indexes.remove(shadow);
    if let Some(s) = &rel.storage {
        tx.txn.store().ssi().relation_replaced(gone.storage, s.heap);
    }
    tx.put_relation(rel).await?;
    Ok(Some(gone.storage))
}

/// 0A000 for what cannot be rebuilt beside its users.
pub fn check(rel: &Relation) -> Result<()> {
    if rel.oid < crate::catalog::FIRST_USER_OID {
        return Err(DbError::unsupported("cannot reindex system catalogs concurrently"));
    }
    Ok(())
}
