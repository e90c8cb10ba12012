//! DETACH PARTITION, at once or beside the partitioned table's users.
//!
//! CONCURRENTLY is two transactions ([`begin`], [`finish`]): the first marks the partition, so that new snapshots do not see
//! it in its parent any more ([`crate::catalog::Relation::detaching`]), and gives it a constraint in the place of its
//! bound; when everybody who was using the parent then has ended, the second detaches it. What is stopped in between
//! [`finalize`] completes.

use super::attach::{attnum_in, partitions};
use super::{Beside, DdlCx, alter, check_rows, err, inherit, reference};
use crate::catalog::deparse::STORED;
use crate::catalog::partition::constraint_text;
use crate::catalog::{Constraint, Index, Lineage, Relation, UNPUBLISHED};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, AlterCommand, Name, TableLockMode};
use std::sync::Arc;

/// The hint of errors about a detach that is not complete.
pub const FINALIZE: &str =
    "Use ALTER TABLE ... DETACH PARTITION ... FINALIZE to complete the pending detach operation.";

fn not_now(m: String) -> DbError {
    err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, m)
}

/// The partition that a statement names, locked, with the parent's definition under the lock.
async fn open(
    cx: &mut DdlCx<'_>,
    parent: &Arc<Relation>,
    name: &Name,
    mode: TableLockMode,
) -> Result<(Arc<Relation>, Arc<Relation>)> {
    let Some(child) = cx.open(name, mode).await? else {
        return Err(cx.missing("relation", name));
    };
    let parent = cx.relation(parent.oid)?;
    if !parent.is_partitioned() {
        let what = format!("table \"{}\" is not partitioned", parent.name);
        return Err(err(SqlState::INVALID_OBJECT_DEFINITION, what));
    }
    if child.bound.is_none() || !child.parents.contains(&parent.oid) {
        return Err(err(
            SqlState::UNDEFINED_TABLE,
            format!("relation \"{}\" is not a partition of relation \"{}\"", child.name, parent.name),
        ));
    }
    Ok((parent, child))
}

/// DETACH PARTITION.
pub async fn at_once(cx: &mut DdlCx<'_>, parent: &Arc<Relation>, name: &Name) -> Result<()> {
    let (parent, child) = open(cx, parent, name, TableLockMode::AccessExclusive).await?;
    if child.detaching.is_some() {
        return Err(not_now(format!("cannot detach partition \"{}\"", child.name))
            .detail("The partition is being detached concurrently or has an unfinished detach.")
            .hint(FINALIZE));
    }
    check_unreferenced(cx, &child).await?;
    separate(cx, &parent, &child).await
}

/// The first transaction of DETACH PARTITION CONCURRENTLY.
pub async fn begin(cx: &mut DdlCx<'_>, parent: &Arc<Relation>, name: &Name) -> Result<()> {
    if cx.in_block {
        return Err(err(
            SqlState::ACTIVE_SQL_TRANSACTION,
            "ALTER TABLE ... DETACH CONCURRENTLY cannot run inside a transaction block",
        ));
    }
    if partitions(cx, parent)?.default_part().is_some() {
        return Err(not_now("cannot detach partitions concurrently when a default partition exists".to_owned()));
    }
    let (parent, child) = open(cx, parent, name, TableLockMode::ShareUpdateExclusive).await?;
    let pending = cx.tx.catalog.detaching.clone().into_iter().filter_map(|o| cx.tx.catalog.relation(o).cloned());
    if let Some(other) = pending.into_iter().find(|r| r.parents.contains(&parent.oid)) {
        return Err(not_now(format!(
            "partition \"{}\" already pending detach in partitioned table \"{}.{}\"",
            other.name, parent.schema, parent.name
        ))
        .hint(FINALIZE));
    }
    check_unreferenced(cx, &child).await?;
    if let Some(text) = constraint_text(&cx.cat(), &child, cx.eval, STORED)? {
        let e = crate::bind::parse_expr(&text)?;
        let own = ast::Constraint {
            name: None,
            kind: ast::ConstraintKind::Check(e),
            deferrable: false,
            initially_deferred: false,
            not_valid: false,
            no_inherit: false,
            pos: ast::NO_POS,
        };
        alter::command(cx, child.oid, &AlterCommand::AddConstraint(Box::new(own))).await?;
    }
    let mut r = (*cx.relation(child.oid)?).clone();
    r.detaching = Some(UNPUBLISHED);
    cx.put(r).await?;
    cx.beside = Some(Beside::Detach { parent: parent.oid, part: child.oid });
    Ok(())
}

/// The second transaction of DETACH PARTITION CONCURRENTLY.
pub async fn finish(cx: &mut DdlCx<'_>, parent: u32, part: u32) -> Result<()> {
    cx.tx.refresh_catalog();
    cx.lock(parent, TableLockMode::ShareUpdateExclusive).await?;
    cx.lock(part, TableLockMode::AccessExclusive).await?;
    let cat = cx.cat();
    let (Some(parent), Some(child)) = (cat.relation(parent), cat.relation(part)) else {
        return Err(not_now("the partition or its partitioned table was removed concurrently".to_owned()));
    };
    // Somebody else may have completed it.
    if child.detaching.is_none() || !child.parents.contains(&parent.oid) {
        return Ok(());
    }
    separate(cx, parent, child).await
}

/// DETACH PARTITION FINALIZE.
pub async fn finalize(cx: &mut DdlCx<'_>, parent: &Arc<Relation>, name: &Name) -> Result<()> {
    let (parent, child) = open(cx, parent, name, TableLockMode::AccessExclusive).await?;
    if child.detaching.is_none() {
        return Err(not_now(format!("cannot complete detaching partition \"{}\"", child.name))
            .detail("There's no pending concurrent detach."));
    }
    separate(cx, &parent, &child).await
}

/// Makes a partition a table of its own.
async fn separate(cx: &mut DdlCx<'_>, parent: &Arc<Relation>, child: &Arc<Relation>) -> Result<()> {
    let mut r = (**child).clone();
    inherit::disown(&mut r, parent);
    r.bound = None;
    r.detaching = None;
    r.indexes = r.indexes.iter().map(|i| Arc::new(Index { parent: 0, ..(**i).clone() })).collect();
    r.constraints = r
        .constraints
        .iter()
        .map(|k| {
            if k.parent == 0 || k.is_reference_part() {
                return Arc::clone(k);
            }
            let lineage = Lineage { local: true, parents: 0 };
            Arc::new(Constraint { parent: 0, lineage, ..(**k).clone() })
        })
        .collect();
    cx.put(r).await?;
    reference::settle(cx, child.oid).await?;
    reference::settle_referring(cx, parent).await
}

/// 23503 if rows elsewhere refer to the partition's rows by way of its parents.
async fn check_unreferenced(cx: &mut DdlCx<'_>, child: &Arc<Relation>) -> Result<()> {
    for c in child.referenced_by.iter().filter(|c| c.is_reference_part()) {
        cx.lock(c.table, TableLockMode::ShareRowExclusive).await?;
        let from = cx.relation(c.table)?;
        for oid in cx.tx.catalog.tree(c.table) {
            let leaf = cx.relation(oid)?;
            if leaf.is_partitioned() {
                continue;
            }
            let columns = c.columns.iter().map(|a| attnum_in(&from, &leaf, *a)).collect::<Result<_>>()?;
            let here = Constraint { columns, ..(**c).clone() };
            check_rows::check_no_reference(cx, &leaf, &here, &from, child).await?;
        }
    }
    Ok(())
}
