//! CLUSTER: a table's rows are written anew in the order of an index, which the table remembers for the next time.
//!
//! The rows come from a query sorted by the index's keys, so that a large table is sorted with spilling. Left out:
//! VERBOSE reports nothing beside the table's name, and what changes later is not kept in order.

use super::check_rows::{finish_rewrite, start_rewrite, store_row};
use super::{DdlCx, err, tuning};
use crate::catalog::{FIRST_USER_OID, Index, Persistence, RelKind, Relation};
use crate::exec::dml::SourceRows;
use crate::plan::ir::{Expr, Rel, SortKey};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, TableLockMode};
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// CLUSTER of one table, or of all that have been clustered before.
pub async fn cluster(cx: &mut DdlCx<'_>, s: &ast::Cluster) -> Result<()> {
    let mut verbose = false;
    for o in &s.options {
        match o.name.value.as_str() {
            "verbose" => verbose = crate::session::explain::flag(o)?,
            other => {
                return Err(err(SqlState::SYNTAX_ERROR, format!("unrecognized CLUSTER option \"{other}\"")));
            }
        }
    }
    let Some(name) = &s.table else { return all(cx, verbose).await };
    if let Some(rel) = cx.find(name)? {
        check(cx, &rel)?;
    }
    let Some(rel) = cx.open(name, TableLockMode::AccessExclusive).await? else {
        return Err(cx.missing("relation", name));
    };
    check(cx, &rel)?;
    if let Some(n) = &s.index {
        tuning::check_own_index(cx, &rel, n)?;
    }
    let index = match &s.index {
        None => rel.indexes.iter().find(|i| i.marks.clustered).cloned().ok_or_else(|| {
            err(
                SqlState::UNDEFINED_OBJECT,
                format!("there is no previously clustered index for table \"{}\"", rel.name),
            )
        })?,
        Some(n) => rel.indexes.iter().find(|i| i.name == n.value).cloned().ok_or_else(|| {
            err(SqlState::UNDEFINED_OBJECT, format!("index \"{}\" for table \"{}\" does not exist", n.value, rel.name))
        })?,
    };
    tuning::check_clusterable(&index)?;
    if !rel.is_partitioned() {
        return one(cx, rel.oid, index.oid, verbose).await;
    }
    if cx.in_block {
        return Err(err(SqlState::ACTIVE_SQL_TRANSACTION, "CLUSTER cannot run inside a transaction block"));
    }
    // The leaves, each by its own part of the index.
    for oid in cx.tx.catalog.tree(rel.oid).into_iter().skip(1) {
        // Partitions of others are left out without a word, and without waiting for their locks.
        let Some(leaf) = cx.tx.catalog.relation(oid).cloned() else { continue };
        if leaf.is_partitioned() || cx.check_relation_owner(&leaf).is_err() {
            continue;
        }
        cx.lock(oid, TableLockMode::AccessExclusive).await?;
        if let Some(leaf) = cx.tx.catalog.relation(oid).cloned()
            && let Some(own) = crate::exec::partition::index_of(&cx.tx.catalog, &leaf, index.oid)
        {
            one(cx, oid, own, verbose).await?;
        }
    }
    Ok(())
}

fn check(cx: &DdlCx<'_>, rel: &Relation) -> Result<()> {
    if !matches!(rel.kind, RelKind::Table | RelKind::MaterializedView) {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a table or materialized view", rel.name)));
    }
    cx.check_relation_owner(rel)?;
    if rel.persistence == Persistence::Temporary && Some(rel.namespace) != super::temp::own(cx) {
        return Err(DbError::unsupported("cannot cluster temporary tables of other sessions"));
    }
    Ok(())
}

async fn all(cx: &mut DdlCx<'_>, verbose: bool) -> Result<()> {
    if cx.in_block {
        return Err(err(SqlState::ACTIVE_SQL_TRANSACTION, "CLUSTER cannot run inside a transaction block"));
    }
    let cat = cx.cat();
    let mut marked: Vec<(u32, u32)> = cat
        .relations
        .values()
        .filter(|r| r.oid >= FIRST_USER_OID && check(cx, r).is_ok())
        .filter_map(|r| r.indexes.iter().find(|i| i.marks.clustered).map(|i| (r.oid, i.oid)))
        .collect();
    marked.sort_unstable();
    for (table, index) in marked {
        cx.lock(table, TableLockMode::AccessExclusive).await?;
        if cx.tx.catalog.relation(table).is_some_and(|r| r.indexes.iter().any(|i| i.oid == index)) {
            one(cx, table, index, verbose).await?;
        }
    }
    Ok(())
}

/// Rewrites a table in the order of an index and marks that one.
async fn one(cx: &mut DdlCx<'_>, table: u32, index: u32, verbose: bool) -> Result<()> {
    let rel = cx.relation(table)?;
    cx.not_in_use(&rel, "CLUSTER")?;
    let Some(ix) = rel.indexes.iter().find(|i| i.oid == index).cloned() else {
        return Err(DbError::internal("an index to cluster by is gone"));
    };
    if verbose {
        let text = format!("clustering \"{}.{}\" using index scan on \"{}\"", rel.schema, rel.name, ix.name);
        cx.notices.push(("INFO", err(SqlState::SUCCESSFUL_COMPLETION, text)));
    }
    let mut new = (*rel).clone();
    tuning::mark_clustered(&mut new, index);
    let (sorted, places) = in_order(cx, &rel, &ix)?;
    let snap = cx.tx.latest_snapshot();
    let mut rows = SourceRows::open_stream(cx.tx, &sorted, snap, &Arc::from([]), cx.env).await?;
    let rewrite = start_rewrite(cx, &rel, &mut new).await?;
    while let Some(row) = rows.next(Some(&mut *cx.tx)).await? {
        let mut stored = vec![Datum::Null; new.columns.len()];
        for (from, to) in &places {
            if let (Some(d), Some(slot)) = (row.get(*from), stored.get_mut(*to)) {
                *slot = d.clone();
            }
        }
        store_row(cx, &rewrite, &stored).await?;
    }
    finish_rewrite(cx, rewrite, &mut new).await?;
    cx.put(new).await
}

/// A table's rows by an index's keys, and where each attribute is in them.
fn in_order(cx: &DdlCx<'_>, rel: &Arc<Relation>, ix: &Arc<Index>) -> Result<(Rel, Vec<(usize, usize)>)> {
    cx.binder(|b| {
        let (scan, _) = b.scan(rel, &rel.name);
        let row: Vec<_> = scan.cols.iter().filter(|c| c.1 > 0).copied().collect();
        let bound = b.index_exprs(rel, ix, &row)?;
        let mut computed = bound.exprs.into_iter();
        let mut keys = Vec::with_capacity(ix.keys.len());
        for k in &ix.keys {
            let column = row.iter().find(|c| c.1 == k.attnum).map(|c| Expr::column(c.0));
            let expr = column.or_else(|| computed.next());
            let expr = expr.ok_or_else(|| DbError::internal("an index key is neither column nor expression"))?;
            keys.push(SortKey { expr, desc: k.desc, nulls_first: k.nulls_first });
        }
        let places =
            scan.cols.iter().enumerate().filter(|(_, c)| c.1 > 0).map(|(i, c)| (i, c.1 as usize - 1)).collect();
        Ok((Rel::Sort { input: Box::new(Rel::Scan(Box::new(scan))), keys }, places))
    })
}
