//! Foreign keys that refer to partitioned tables have a part for each partition of theirs, at any depth.
//!
//! A part is a constraint of the referring table, below the one that refers to the partition's parent. It says which name an
//! error has that a change of the partition's rows meets, and keeps the partition from being dropped; what is checked, and
//! when, the key itself says. Only a key that is no part of another table's has parts: partitions of a referring table are
//! covered by those of the table above.

use super::attach::partitions;
use super::constraint::own_names;
use super::names::{choose_constraint_name, name_addition};
use super::{DdlCx, err};
use crate::catalog::{Constraint, ConstraintKind, Lineage, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::TableLockMode;
use std::sync::Arc;

/// The key that a part belongs to in the end; others are their own.
pub fn whole<'r>(rel: &'r Relation, c: &'r Arc<Constraint>) -> &'r Arc<Constraint> {
    let mut at = c;
    while at.is_reference_part()
        && let Some(up) = rel.constraints.iter().find(|x| x.oid == at.parent)
    {
        at = up;
    }
    at
}

/// Brings the parts of a table's foreign keys up to date with the partitions there are now.
pub async fn settle(cx: &mut DdlCx<'_>, table: u32) -> Result<()> {
    let rel = cx.relation(table)?;
    let mut r = (*rel).clone();
    loop {
        let before = r.constraints.len();
        let known: Vec<(u32, u32)> = r.constraints.iter().filter_map(|c| Some((c.oid, target(c)?))).collect();
        r.constraints.retain(|c| {
            if !c.is_reference_part() {
                return true;
            }
            let above = known.iter().find(|k| k.0 == c.parent).map(|k| k.1);
            let part = target(c).and_then(|t| cx.tx.catalog.relation(t));
            part.zip(above).is_some_and(|(p, up)| p.bound.is_some() && p.parents.contains(&up))
        });
        if r.constraints.len() == before {
            break;
        }
    }
    let keys: Vec<Arc<Constraint>> =
        r.constraints.iter().filter(|c| c.parent == 0 && target(c).is_some()).cloned().collect();
    for c in keys {
        add_parts(cx, &mut r, &c).await?;
    }
    let same = r.constraints.len() == rel.constraints.len()
        && r.constraints.iter().zip(&rel.constraints).all(|(a, b)| Arc::ptr_eq(a, b));
    if same { Ok(()) } else { cx.put(r).await }
}

/// As [`settle`], for every table with a key that refers to a table or to a partitioned table above it.
pub async fn settle_referring(cx: &mut DdlCx<'_>, to: &Arc<Relation>) -> Result<()> {
    let mut tables: Vec<u32> = Vec::new();
    for up in std::iter::once(Arc::clone(to)).chain(cx.tx.catalog.partition_ancestors(to)) {
        tables.extend(up.referenced_by.iter().filter(|c| c.parent == 0).map(|c| c.table));
    }
    tables.sort_unstable();
    tables.dedup();
    for t in tables {
        cx.lock(t, TableLockMode::ShareRowExclusive).await?;
        settle(cx, t).await?;
    }
    Ok(())
}

fn target(c: &Constraint) -> Option<u32> {
    match &c.kind {
        ConstraintKind::Foreign { ref_table, .. } => Some(*ref_table),
        _ => None,
    }
}

/// Adds the parts that a key, or one of its parts, lacks.
async fn add_parts(cx: &mut DdlCx<'_>, r: &mut Relation, c: &Arc<Constraint>) -> Result<()> {
    let ConstraintKind::Foreign { ref_table, ref_columns, ref_index, on_update, on_delete, match_full, .. } = &c.kind
    else {
        return Ok(());
    };
    let Some(above) = cx.tx.catalog.relation(*ref_table).filter(|t| t.is_partitioned()).cloned() else {
        return Ok(());
    };
    for p in partitions(cx, &above)?.parts.iter().map(|p| p.oid) {
        let have = r.constraints.iter().find(|x| x.parent == c.oid && target(x) == Some(p)).cloned();
        let part = match have {
            Some(x) => x,
            None => {
                let there = cx.relation(p)?;
                let column = |a: &i16| above.attribute(*a).and_then(|c| there.column(&c.name)).map(|c| c.attnum);
                let columns: Option<Vec<i16>> = ref_columns.iter().map(column).collect();
                let index = there.indexes.iter().find(|i| i.parent == *ref_index).map(|i| i.oid);
                let Some((columns, index)) = columns.zip(index) else {
                    return Err(DbError::internal("a partition lacks what a foreign key refers to"));
                };
                let names = c.columns.iter().filter_map(|a| r.attribute(*a)).map(|c| c.name.as_str());
                let addition = name_addition(names);
                let name =
                    choose_constraint_name(&cx.cat(), r.namespace, &own_names(r), &r.name, Some(&addition), "fkey");
                let made = Arc::new(Constraint {
                    oid: cx.tx.new_oid().await?,
                    name,
                    parent: c.oid,
                    lineage: Lineage { local: false, parents: 1 },
                    kind: ConstraintKind::Foreign {
                        ref_table: p,
                        ref_columns: columns,
                        ref_index: index,
                        on_update: on_update.clone(),
                        on_delete: on_delete.clone(),
                        match_full: *match_full,
                        part: true,
                    },
                    ..(**c).clone()
                });
                r.constraints.push(Arc::clone(&made));
                made
            }
        };
        Box::pin(add_parts(cx, r, &part)).await?;
    }
    Ok(())
}

/// Gives a key's parts its deferrability.
pub fn pass_deferral(r: &mut Relation, c: &Constraint) {
    let mut above = vec![c.oid];
    while let Some(up) = above.pop() {
        for k in r.constraints.iter_mut().filter(|k| k.parent == up) {
            above.push(k.oid);
            *k = Arc::new(Constraint { deferrable: c.deferrable, deferred: c.deferred, ..(**k).clone() });
        }
    }
}

/// Fails (as PostgreSQL does, with XX000) if a constraint derives from another one, which alone can be altered.
pub fn check_own(cx: &DdlCx<'_>, rel: &Relation, c: &Constraint) -> Result<()> {
    let find =
        |r: &Relation| r.constraints.iter().find(|x| x.oid == c.parent).map(|x| (x.name.clone(), r.name.clone()));
    let up = || rel.parents.iter().filter_map(|p| cx.tx.catalog.relation(*p)).find_map(|p| find(p));
    let Some((name, table)) = (c.parent != 0).then(|| find(rel).or_else(up)).flatten() else { return Ok(()) };
    Err(err(SqlState::INTERNAL_ERROR, format!("cannot alter constraint \"{}\" on relation \"{}\"", c.name, rel.name))
        .detail(format!("Constraint \"{}\" is derived from constraint \"{name}\" of relation \"{table}\".", c.name))
        .hint("You may alter the constraint it derives from, instead."))
}
