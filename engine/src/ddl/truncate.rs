//! TRUNCATE: a table gets new, empty files; the old ones go at commit.

use super::{DdlCx, err, sequence};
use crate::catalog::{Index, Persistence, RelKind, RelStats, Relation, Storage};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, TableLockMode};
use std::collections::HashMap;
use std::sync::Arc;

fn check(cx: &DdlCx<'_>, rel: &Relation) -> Result<()> {
    if rel.kind != RelKind::Table {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a table", rel.name)));
    }
    if rel.persistence == Persistence::Temporary && Some(rel.namespace) != super::temp::own(cx) {
        return Err(DbError::unsupported("cannot truncate temporary tables of other sessions"));
    }
    if rel.oid < crate::catalog::FIRST_USER_OID {
        return Err(err(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied: \"{}\" is a system catalog", rel.name),
        ));
    }
    crate::acl::check::need(&cx.tx.catalog, rel, cx.role, crate::acl::privs::TRUNCATE)
}

/// TRUNCATE.
pub async fn truncate(cx: &mut DdlCx<'_>, s: &ast::Truncate) -> Result<()> {
    let mut tables: Vec<u32> = Vec::new();
    for t in &s.tables {
        // Who may not truncate a table must not wait for it either.
        if let Some(rel) = cx.find(&t.name)? {
            check(cx, &rel)?;
        }
        let Some(rel) = cx.open(&t.name, TableLockMode::AccessExclusive).await? else {
            return Err(cx.missing("relation", &t.name));
        };
        check(cx, &rel)?;
        if t.only && rel.is_partitioned() {
            return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot truncate only a partitioned table")
                .hint("Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions directly."));
        }
        let below = if t.only {
            vec![]
        } else {
            super::inherit::descendants(cx, rel.oid, TableLockMode::AccessExclusive).await?
        };
        for oid in std::iter::once(rel.oid).chain(below) {
            if !tables.contains(&oid) {
                tables.push(oid);
            }
        }
    }
    // Tables whose foreign keys point at these: they are emptied too, or they refuse.
    let mut next = 0;
    while next < tables.len() {
        let rel = cx.relation(tables[next])?;
        next += 1;
        let mut keys = rel.referenced_by.clone();
        keys.sort_by_key(|k| k.oid);
        for fk in &keys {
            if tables.contains(&fk.table) {
                continue;
            }
            let other = cx.relation(fk.table)?;
            if !s.cascade {
                return Err(DbError::unsupported("cannot truncate a table referenced in a foreign key constraint")
                    .detail(format!("Table \"{}\" references \"{}\".", other.name, rel.name))
                    .hint(format!(
                        "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                        other.name
                    )));
            }
            cx.lock(other.oid, TableLockMode::AccessExclusive).await?;
            let other = cx.relation(fk.table)?;
            // A partition has its part of the key; another child has none.
            let mut found = vec![other.oid];
            if other.is_partitioned() {
                found.extend(super::inherit::descendants(cx, other.oid, TableLockMode::AccessExclusive).await?);
                found.sort_unstable();
            }
            for oid in found {
                if tables.contains(&oid) {
                    continue;
                }
                let one = cx.relation(oid)?;
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("truncate cascades to table \"{}\"", one.name)));
                check(cx, &one)?;
                tables.push(oid);
            }
        }
    }
    for t in &tables {
        let rel = cx.relation(*t)?;
        cx.not_in_use(&rel, "TRUNCATE")?;
        empty(cx, *t).await?;
        if let Some(tally) = &cx.tx.tally {
            tally.truncated(*t);
        }
    }
    if s.restart_identity {
        let mut sequences: Vec<Arc<Relation>> = cx
            .tx
            .catalog
            .relations
            .values()
            .filter(|r| r.sequence.as_ref().and_then(|s| s.owned_by).is_some_and(|o| tables.contains(&o.0)))
            .cloned()
            .collect();
        sequences.sort_by_key(|r| r.oid);
        for r in sequences {
            cx.lock(r.oid, TableLockMode::AccessExclusive).await?;
            let r = cx.relation(r.oid)?;
            if let Some(seq) = r.sequence.clone() {
                let plan = sequence::Plan { restart: Some(seq.start), seq, owned_by: None };
                sequence::redefine(cx, &r, plan).await?;
            }
        }
    }
    Ok(())
}

/// Gives the relations that have lost their rows with the last run new, empty files: those in memory, and after a crash
/// the unlogged ones.
pub async fn empty_lost(cx: &mut DdlCx<'_>, crashed: bool) -> Result<()> {
    let cat = cx.cat();
    let mut lost: Vec<&Arc<Relation>> = cat
        .relations
        .values()
        .filter(|r| r.in_memory() || (crashed && r.persistence == Persistence::Unlogged))
        .filter(|r| r.kind != RelKind::Index)
        .collect();
    lost.sort_by_key(|r| r.oid);
    for rel in lost {
        if let Some(seq) = &rel.sequence {
            let file = cx.tx.create_sequence_file(seq.start, false, rel.persistence).await?;
            cx.tx.drop_files(seq.storage).await?;
            let mut r = (**rel).clone();
            r.sequence = Some(crate::catalog::Sequence { storage: file, ..seq.clone() });
            cx.put(r).await?;
        } else if rel.storage.is_some() {
            empty(cx, rel.oid).await?;
        }
    }
    Ok(())
}

/// Gives a table new, empty files.
pub async fn empty(cx: &mut DdlCx<'_>, table: u32) -> Result<()> {
    let old = cx.relation(table)?;
    if old.is_partitioned() {
        return Ok(());
    }
    let mut r = (*old).clone();
    let before = old.storage.clone().ok_or_else(|| DbError::internal("a table without rows is truncated"))?;
    r.storage = Some(Storage { schema_ver: before.schema_ver, ..cx.tx.create_heap(old.durability()).await? });
    cx.tx.txn.empties(before.heap)?;
    if let Some(new) = &r.storage {
        cx.tx.txn.store().ssi().relation_replaced(before.heap, new.heap);
    }
    cx.tx.drop_storage(&before).await?;
    for i in &mut r.indexes {
        let file = cx.tx.create_index(i, old.durability()).await?;
        // What was read through the index was a part of the table.
        if let Some(new) = &r.storage {
            cx.tx.txn.store().ssi().relation_replaced(i.storage, new.heap);
        }
        cx.tx.drop_files(i.storage).await?;
        *i = Arc::new(Index { storage: file, ..(**i).clone() });
    }
    r.stats = Arc::new(RelStats { tuples: -1.0, pages: 0, columns: HashMap::new() });
    cx.put(r).await
}
