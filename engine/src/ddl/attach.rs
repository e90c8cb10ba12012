//! Partitions of a table: what a new one takes over from its parent besides columns, ATTACH and DETACH PARTITION.

use super::names::{choose_constraint_name, choose_relation_name, name_addition};
use super::{DdlCx, check_rows, constraint::own_names, err, inherit, partition, reference};
use crate::catalog::partition::{Bound, Part, PartitionDesc, bound_text};
use crate::catalog::{Constraint, ConstraintKind, Index, Lineage, RelKind, Relation};
use crate::exec::partition::{attribute_map, reshape};
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_parser::ast::{self, Name, TableLockMode};
use std::sync::Arc;

/// An attribute number of one table as another has the column.
pub fn attnum_in(from: &Relation, to: &Relation, a: i16) -> Result<i16> {
    if a == 0 {
        return Ok(0);
    }
    from.attribute(a)
        .and_then(|c| to.column(&c.name))
        .map(|c| c.attnum)
        .ok_or_else(|| DbError::internal("a partition lacks a column of its parent"))
}

fn constraint_of(rel: &Relation, index: u32) -> Option<Arc<Constraint>> {
    rel.constraints
        .iter()
        .find(|c| matches!(c.kind, ConstraintKind::Primary { index: i } | ConstraintKind::Unique { index: i } | ConstraintKind::Exclude { index: i } if i == index))
        .cloned()
}

/// Whether a partition's index is what the parent's would be there. The order of its keys does not count.
fn same_definition(parent: &Relation, p: &Index, child: &Relation, c: &Index) -> bool {
    let column = |r: &Relation, a: i16| r.attribute(a).map(|c| c.name.clone());
    c.parent == 0
        && p.unique == c.unique
        && p.nulls_not_distinct == c.nulls_not_distinct
        && p.predicate == c.predicate
        && p.keys.len() == c.keys.len()
        && p.include.len() == c.include.len()
        && p.keys.iter().zip(&c.keys).all(|(x, y)| {
            column(parent, x.attnum) == column(child, y.attnum)
                && x.expr == y.expr
                && x.opclass == y.opclass
                && x.ty.collation == y.ty.collation
        })
        && p.include.iter().zip(&c.include).all(|(x, y)| column(parent, *x) == column(child, *y))
}

/// Makes an index of a table, and its constraint, parts of the parent's.
fn adopt_index(parent_index: u32, parent_constraint: Option<u32>, child: &mut Relation, own: u32) {
    for i in child.indexes.iter_mut().filter(|i| i.oid == own) {
        *i = Arc::new(Index { parent: parent_index, ..(**i).clone() });
    }
    let Some(parent) = parent_constraint else { return };
    for k in &mut child.constraints {
        let its = matches!(k.kind, ConstraintKind::Primary { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index } if index == own);
        if its {
            let lineage = Lineage { local: false, parents: 1 };
            *k = Arc::new(Constraint { lineage, parent, ..(**k).clone() });
        }
    }
}

/// Gives a table the part of one of its parent's indexes: one it has already, or a new one, filled from its rows.
pub async fn take_index(cx: &mut DdlCx<'_>, parent: &Relation, ix: &Index, child: &mut Relation) -> Result<()> {
    let of_parent = constraint_of(parent, ix.oid);
    let fits = |c: &&Arc<Index>| {
        c.valid
            && same_definition(parent, ix, child, c)
            && (of_parent.is_none() || constraint_of(child, c.oid).is_some())
    };
    let have = child.indexes.iter().find(fits).map(|c| c.oid);
    if let Some(own) = have {
        adopt_index(ix.oid, of_parent.as_ref().map(|c| c.oid), child, own);
        return Ok(());
    }
    if ix.primary && child.indexes.iter().any(|i| i.primary) {
        return Err(err(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("multiple primary keys for table \"{}\" are not allowed", child.name),
        ));
    }
    let mut new = ix.clone();
    for k in &mut new.keys {
        k.attnum = attnum_in(parent, child, k.attnum)?;
    }
    new.include = ix.include.iter().map(|a| attnum_in(parent, child, *a)).collect::<Result<_>>()?;
    if new.unique {
        let keys: Vec<i16> = new.keys.iter().map(|k| k.attnum).collect();
        super::partition::check_unique(child, &keys, new.primary.then_some("PRIMARY KEY"))?;
    }
    let names = crate::catalog::rows::index_column_names(child, &new);
    let addition = name_addition(names.iter().map(String::as_str));
    let (second, label) = match of_parent.as_ref().map(|c| &c.kind) {
        Some(ConstraintKind::Primary { .. }) => (None, "pkey"),
        Some(_) => (Some(addition.as_str()), "key"),
        None => (Some(addition.as_str()), "idx"),
    };
    let constrained = of_parent.is_some();
    new.name =
        choose_relation_name(&cx.cat(), child.namespace, &own_names(child), &child.name, second, label, constrained);
    new.oid = cx.tx.new_oid().await?;
    new.table = child.oid;
    new.namespace = child.namespace;
    new.owner = child.owner;
    new.parent = ix.oid;
    new.storage = RelId(0);
    if !child.is_partitioned() {
        new.storage = cx.tx.create_index(&new, child.durability()).await?;
        if cx.tx.catalog.relation(child.oid).is_some() {
            let table = Arc::new(child.clone());
            cx.tx.build_index(cx.eval, &table, &mut new).await?;
        }
    }
    if let Some(up) = of_parent {
        let columns: Vec<i16> = new.keys.iter().map(|k| k.attnum).collect();
        if new.primary {
            for a in &columns {
                if let Some(c) = child.columns.get_mut(*a as usize - 1) {
                    c.not_null = true;
                }
            }
        }
        let oid = cx.tx.new_oid().await?;
        child.constraints.push(Arc::new(Constraint {
            oid,
            name: new.name.clone(),
            namespace: child.namespace,
            table: child.oid,
            columns,
            kind: if new.primary {
                ConstraintKind::Primary { index: new.oid }
            } else {
                ConstraintKind::Unique { index: new.oid }
            },
            deferrable: up.deferrable,
            deferred: up.deferred,
            validated: true,
            lineage: Lineage { local: false, parents: 1 },
            no_inherit: false,
            parent: up.oid,
        }));
    }
    child.indexes.push(Arc::new(new));
    Ok(())
}

/// Gives a table its parent's foreign keys; answers those whose rows must be checked.
pub async fn take_foreign_keys(
    cx: &mut DdlCx<'_>,
    parent: &Relation,
    child: &mut Relation,
) -> Result<Vec<Arc<Constraint>>> {
    let mut made = Vec::new();
    for k in &parent.constraints {
        if let Some(c) = take_foreign_key(cx, parent, k, child).await? {
            made.push(c);
        }
    }
    Ok(made)
}

/// Gives a table one foreign key of its parent, unless it has the same one already.
pub async fn take_foreign_key(
    cx: &mut DdlCx<'_>,
    parent: &Relation,
    k: &Arc<Constraint>,
    child: &mut Relation,
) -> Result<Option<Arc<Constraint>>> {
    if !matches!(k.kind, ConstraintKind::Foreign { part: false, .. }) {
        return Ok(None);
    }
    if matches!(k.kind, ConstraintKind::Foreign { ref_table, .. } if ref_table == child.oid) {
        return Err(DbError::unsupported(format!(
            "cannot attach table \"{}\" as a partition because it is referenced by foreign key \"{}\"",
            child.name, k.name
        )));
    }
    let mut c = (**k).clone();
    c.columns = k.columns.iter().map(|a| attnum_in(parent, child, *a)).collect::<Result<_>>()?;
    if let ConstraintKind::Foreign { on_update, on_delete, .. } = &mut c.kind {
        for action in [on_update, on_delete] {
            if let crate::catalog::FkAction::SetNull(v) | crate::catalog::FkAction::SetDefault(v) = action {
                *v = v.iter().map(|a| attnum_in(parent, child, *a)).collect::<Result<_>>()?;
            }
        }
    }
    let twin = child.constraints.iter_mut().find(|x| {
        x.parent == 0
            && x.columns == c.columns
            && (x.deferrable, x.deferred, x.validated) == (c.deferrable, c.deferred, c.validated)
            && same_reference(&x.kind, &c.kind)
    });
    let lineage = Lineage { local: false, parents: 1 };
    if let Some(x) = twin {
        *x = Arc::new(Constraint { lineage, parent: k.oid, ..(**x).clone() });
        return Ok(None);
    }
    c.oid = cx.tx.new_oid().await?;
    if child.constraints.iter().any(|x| x.name == c.name) {
        let names: Vec<&str> = c.columns.iter().filter_map(|a| child.attribute(*a)).map(|c| c.name.as_str()).collect();
        let addition = name_addition(names);
        c.name =
            choose_constraint_name(&cx.cat(), child.namespace, &own_names(child), &child.name, Some(&addition), "fkey");
    }
    c.table = child.oid;
    c.namespace = child.namespace;
    c.lineage = lineage;
    c.parent = k.oid;
    let c = Arc::new(c);
    child.constraints.push(Arc::clone(&c));
    Ok(Some(c))
}

fn same_reference(a: &ConstraintKind, b: &ConstraintKind) -> bool {
    match (a, b) {
        (
            ConstraintKind::Foreign { ref_table: t, ref_columns: c, on_update: u, on_delete: d, match_full: m, .. },
            ConstraintKind::Foreign {
                ref_table: t2,
                ref_columns: c2,
                on_update: u2,
                on_delete: d2,
                match_full: m2,
                ..
            },
        ) => (t, c, u, d, m) == (t2, c2, u2, d2, m2),
        _ => false,
    }
}

/// The partitions of a table as they are now.
pub fn partitions(cx: &DdlCx<'_>, parent: &Relation) -> Result<Arc<PartitionDesc>> {
    PartitionDesc::of(&cx.cat(), parent, cx.eval)
}

/// The bound of a new partition as it is kept, checked against the others' and against the default partition's rows.
pub async fn new_bound(
    cx: &mut DdlCx<'_>,
    parent: &Arc<Relation>,
    name: &str,
    written: &ast::PartitionBound,
) -> Result<(Bound, String)> {
    let desc = partitions(cx, parent)?;
    let bound = partition::bound(cx, parent, &desc.types, written)?;
    partition::check_bound(cx, &desc, name, &bound, written)?;
    if bound != Bound::Default
        && let Some(default) = desc.default_part()
    {
        let mut parts = desc.parts.clone();
        parts.push(Part { oid: 0, bound: bound.clone() });
        let with = PartitionDesc::new(desc.strategy, desc.types.clone(), parts);
        let at = with.parts.iter().position(|p| p.oid == 0);
        let taken = |key: &[rustydb_types::datum::Datum]| Ok(with.route(key)? == at);
        if let Some(t) = row_with_key(cx, parent, default, &taken).await? {
            return Err(err(
                SqlState::CHECK_VIOLATION,
                format!(
                    "updated partition constraint for default partition \"{}\" would be violated by some row",
                    t.name
                ),
            )
            .table(t.schema.clone(), t.name.clone()));
        }
    }
    let text = bound_text(cx.eval, &bound, &desc.types)?;
    Ok((bound, text))
}

/// The table, of those with rows in a tree, that has a row whose key (of `parent`) meets a condition.
async fn row_with_key(
    cx: &mut DdlCx<'_>,
    parent: &Arc<Relation>,
    root: u32,
    meets: &(dyn Fn(&[rustydb_types::datum::Datum]) -> Result<bool> + Sync),
) -> Result<Option<Arc<Relation>>> {
    let rt = cx.tx.partition(cx.eval, parent)?;
    for oid in cx.tx.catalog.tree(root) {
        cx.lock(oid, TableLockMode::AccessExclusive).await?;
        let rel = cx.relation(oid)?;
        if rel.storage.is_none() {
            continue;
        }
        let map = attribute_map(&rel, parent);
        let (width, eval) = (parent.columns.len(), cx.eval);
        let mut found = false;
        check_rows::each_row(cx, &rel, |row| {
            found = meets(&rt.key(eval, &reshape(map.as_deref(), row, width))?)?;
            Ok(!found)
        })
        .await?;
        if found {
            return Ok(Some(rel));
        }
    }
    Ok(None)
}

/// What a table created as a partition takes over from its parent besides columns and checks.
pub async fn complete(cx: &mut DdlCx<'_>, parent: &Relation, child: &mut Relation) -> Result<()> {
    for ix in &parent.indexes {
        take_index(cx, parent, ix, child).await?;
    }
    take_foreign_keys(cx, parent, child).await?;
    Ok(())
}

/// ATTACH PARTITION.
pub async fn attach(
    cx: &mut DdlCx<'_>,
    parent: &Arc<Relation>,
    name: &Name,
    written: &ast::PartitionBound,
) -> Result<()> {
    let wrong = |m: String| Err(err(SqlState::WRONG_OBJECT_TYPE, m));
    let Some(child) = cx.open(name, TableLockMode::AccessExclusive).await? else {
        return Err(cx.missing("relation", name));
    };
    let parent = cx.relation(parent.oid)?;
    if child.kind != RelKind::Table {
        return wrong(format!("\"{}\" is not a table or foreign table", child.name));
    }
    cx.check_relation_owner(&child)?;
    if child.bound.is_some() {
        return wrong(format!("\"{}\" is already a partition", child.name));
    }
    if !child.parents.is_empty() {
        return wrong("cannot attach inheritance child as partition".to_owned());
    }
    if !child.children.is_empty() && !child.is_partitioned() {
        return wrong("cannot attach inheritance parent as partition".to_owned());
    }
    let temporary = |r: &Relation| r.persistence == crate::catalog::Persistence::Temporary;
    match (temporary(&parent), temporary(&child)) {
        (true, false) => {
            return wrong(format!(
                "cannot attach a permanent relation as partition of temporary relation \"{}\"",
                parent.name
            ));
        }
        (false, true) => {
            return wrong(format!(
                "cannot attach a temporary relation as partition of permanent relation \"{}\"",
                parent.name
            ));
        }
        _ => {}
    }
    if cx.tx.catalog.tree(child.oid).contains(&parent.oid) {
        return Err(err(SqlState::DUPLICATE_TABLE, "circular inheritance not allowed")
            .detail(format!("\"{}\" is already a child of \"{}\".", parent.name, child.name)));
    }
    for c in child.live_columns() {
        if parent.column(&c.name).is_none() {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "table \"{}\" contains column \"{}\" not found in parent \"{}\"",
                    child.name, c.name, parent.name
                ),
            )
            .detail("The new partition may contain only the columns present in parent."));
        }
    }
    let mut r = (*child).clone();
    let (_, text) = new_bound(cx, &parent, &child.name, written).await?;
    inherit::adopt(&mut r, &parent)?;
    for ix in &parent.indexes {
        take_index(cx, &parent, ix, &mut r).await?;
    }
    // The parent's lock lets its writers go on, so who is changing a referenced row must be waited for: the rows that are
    // checked below must find what stays.
    for k in &parent.constraints {
        if let ConstraintKind::Foreign { ref_table, part: false, .. } = k.kind {
            for oid in cx.tx.catalog.tree(ref_table) {
                cx.lock(oid, TableLockMode::ShareRowExclusive).await?;
            }
        }
    }
    let keys = take_foreign_keys(cx, &parent, &mut r).await?;
    r.parents = vec![parent.oid];
    r.bound = Some(text);
    cx.put(r).await?;
    for c in keys {
        let now = cx.relation(child.oid)?;
        check_rows::check_foreign(cx, &now, &c).await?;
    }
    spread(cx, child.oid).await?;
    reference::settle(cx, child.oid).await?;
    reference::settle_referring(cx, &parent).await?;
    // Its rows must belong to it and to the partitions above.
    let mut here = cx.relation(child.oid)?;
    for up in cx.tx.catalog.partition_ancestors(&here) {
        let desc = partitions(cx, &up)?;
        let at = desc.parts.iter().position(|p| p.oid == here.oid);
        let misfit = |key: &[rustydb_types::datum::Datum]| Ok(desc.route(key)? != at);
        if let Some(t) = row_with_key(cx, &up, child.oid, &misfit).await? {
            return Err(err(
                SqlState::CHECK_VIOLATION,
                format!("partition constraint of relation \"{}\" is violated by some row", t.name),
            )
            .table(t.schema.clone(), t.name.clone()));
        }
        here = up;
    }
    Ok(())
}

/// Hands what a partitioned table has taken over on to its own partitions.
pub async fn spread(cx: &mut DdlCx<'_>, root: u32) -> Result<()> {
    for oid in cx.tx.catalog.tree(root).into_iter().skip(1) {
        cx.lock(oid, TableLockMode::AccessExclusive).await?;
        let rel = cx.relation(oid)?;
        let Some(parent) = rel.parents.first().and_then(|p| cx.tx.catalog.relation(*p).cloned()) else { continue };
        let mut r = (*rel).clone();
        for ix in parent.indexes.iter().filter(|i| !rel.indexes.iter().any(|x| x.parent == i.oid)) {
            take_index(cx, &parent, ix, &mut r).await?;
        }
        let mut made = Vec::new();
        for k in parent.constraints.iter().filter(|k| !rel.constraints.iter().any(|x| x.parent == k.oid)) {
            made.extend(take_foreign_key(cx, &parent, k, &mut r).await?);
        }
        cx.put(r).await?;
        for c in made {
            let now = cx.relation(oid)?;
            check_rows::check_foreign(cx, &now, &c).await?;
        }
    }
    Ok(())
}

/// ALTER INDEX … ATTACH PARTITION.
pub async fn attach_index(cx: &mut DdlCx<'_>, index: &Arc<Relation>, name: &Name) -> Result<()> {
    let parent_index = cx.tx.catalog.index(index.oid).cloned().ok_or_else(|| DbError::internal("an index is gone"))?;
    let parent = cx.relation(parent_index.table)?;
    if !parent.is_partitioned() {
        let what = format!("ALTER action ATTACH PARTITION cannot be performed on relation \"{}\"", index.name);
        return Err(err(SqlState::WRONG_OBJECT_TYPE, what).detail("This operation is not supported for indexes."));
    }
    let Some(part) = cx.open(name, TableLockMode::AccessExclusive).await? else {
        return Err(cx.missing("relation", name));
    };
    let Some(own) = cx.tx.catalog.index(part.oid).cloned() else {
        return Err(err(SqlState::INVALID_OBJECT_DEFINITION, format!("\"{}\" is not an index", part.name)));
    };
    if own.parent == parent_index.oid {
        return Ok(());
    }
    let cannot = |detail: String| {
        err(
            SqlState::INVALID_OBJECT_DEFINITION,
            format!("cannot attach index \"{}\" as a partition of index \"{}\"", part.name, index.name),
        )
        .detail(detail)
    };
    let child = cx.relation(own.table)?;
    if child.indexes.iter().any(|i| i.parent == parent_index.oid) {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("cannot attach index \"{}\" as a partition of index \"{}\"", part.name, index.name),
        )
        .detail(format!("Another index is already attached for partition \"{}\".", child.name)));
    }
    if own.parent != 0 {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("cannot attach index \"{}\" as a partition of index \"{}\"", part.name, index.name),
        )
        .detail(format!("Index \"{}\" is already attached to another index.", part.name)));
    }
    if child.parents != [parent.oid] || child.bound.is_none() {
        let e =
            cannot(format!("Index \"{}\" is not an index on any partition of table \"{}\".", part.name, parent.name));
        return Err(DbError { code: SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, ..e });
    }
    if !same_definition(&parent, &parent_index, &child, &own) {
        return Err(cannot("The index definitions do not match.".to_owned()));
    }
    let up = constraint_of(&parent, parent_index.oid);
    if up.is_some() && constraint_of(&child, own.oid).is_none() {
        return Err(cannot(format!(
            "The index \"{}\" belongs to a constraint in table \"{}\" but no constraint exists for index \"{}\".",
            index.name, parent.name, part.name
        )));
    }
    let mut r = (*child).clone();
    adopt_index(parent_index.oid, up.map(|c| c.oid), &mut r, own.oid);
    cx.put(r).await?;
    validate_index(cx, parent.oid, parent_index.oid).await
}

/// An index of a partitioned table is valid once each partition has its part.
async fn validate_index(cx: &mut DdlCx<'_>, table: u32, index: u32) -> Result<()> {
    let parent = cx.relation(table)?;
    let complete = parent
        .children
        .iter()
        .filter_map(|c| cx.tx.catalog.relation(*c))
        .all(|c| c.indexes.iter().any(|i| i.parent == index && i.valid));
    if !complete {
        return Ok(());
    }
    let mut r = (*parent).clone();
    let mut up = 0;
    for i in r.indexes.iter_mut().filter(|i| i.oid == index) {
        up = i.parent;
        *i = Arc::new(Index { valid: true, ..(**i).clone() });
    }
    cx.put(r).await?;
    if let (true, Some(p)) = (up != 0, parent.parents.first()) {
        return Box::pin(validate_index(cx, *p, up)).await;
    }
    Ok(())
}
