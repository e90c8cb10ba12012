//! ALTER TABLE on a table with descendants: what is done to a table is done to those that inherit from it.

use super::column::{bind_row, columns_used};
use super::drop::{Object, drop_objects};
use super::inherit::descendants;
use super::{DdlCx, alter, alter_column, attach, check_rows, err};
use crate::bind::define::Defining;
use crate::catalog::{Constraint, ConstraintKind, Lineage, Relation};
use rustydb_base::{Result, SqlState};
use rustydb_parser::ast::{self, AlterCommand, TableLockMode};
use std::sync::Arc;

fn bad(m: String) -> rustydb_base::DbError {
    err(SqlState::INVALID_TABLE_DEFINITION, m)
}

const NO_ONLY: &str = "Do not specify the ONLY keyword.";

/// Whether the partition key reads a column.
pub(super) fn in_key(rel: &Relation, attnum: i16) -> bool {
    rel.partition_key.as_ref().is_some_and(|k| {
        k.columns
            .iter()
            .any(|k| k.attnum == attnum || k.expr.as_deref().is_some_and(|t| super::drop::names_column(rel, t, attnum)))
    })
}

/// 42P16 if a table further down is partitioned by a column.
fn check_lower_keys(cx: &DdlCx<'_>, oid: u32, name: &str, what: &str) -> Result<()> {
    let mut below = cx.tx.catalog.relation(oid).map(|r| r.children.clone()).unwrap_or_default();
    while let Some(next) = below.pop() {
        let Some(r) = cx.tx.catalog.relation(next) else { continue };
        if r.column(name).is_some_and(|c| in_key(r, c.attnum)) {
            return Err(err(
                SqlState::INVALID_TABLE_DEFINITION,
                format!(
                    "cannot {what} column \"{name}\" because it is part of the partition key of relation \"{}\"",
                    r.name
                ),
            ));
        }
        below.extend(&r.children);
    }
    Ok(())
}

/// Runs a sub-command on a table and, where PostgreSQL does so, on its descendants.
pub async fn run(cx: &mut DdlCx<'_>, oid: u32, c: &AlterCommand, only: bool) -> Result<()> {
    use AlterCommand as A;
    let done = run_on(cx, oid, c, only).await;
    // PostgreSQL looks into these without the statement's text, but sees before that an exclusion constraint cannot be.
    let seen_before = matches!(c, A::AddConstraint(k) if matches!(k.kind, ast::ConstraintKind::Exclude(_)))
        && cx.relation(oid).is_ok_and(|r| r.is_partitioned());
    done.map_err(|mut e| {
        if matches!(c, A::AddConstraint(_) | A::SetDefault { .. })
            && !seen_before
            && let Some(f) = e.fields.as_mut()
        {
            f.position = None;
        }
        e
    })
}

async fn run_on(cx: &mut DdlCx<'_>, oid: u32, c: &AlterCommand, only: bool) -> Result<()> {
    use AlterCommand as A;
    let rel = cx.relation(oid)?;
    match c {
        A::AddConstraint(k) => {
            if let ast::ConstraintKind::PrimaryKey(key) = &k.kind
                && let Some(n) = key.columns.iter().find(|n| rel.column(&n.value).is_none())
            {
                return Err(err(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{}\" of relation \"{}\" does not exist", n.value, rel.name),
                ));
            }
        }
        A::DropColumn { column, .. }
            if rel.column(&column.value).is_none()
                && matches!(column.value.as_str(), "ctid" | "xmin" | "cmin" | "xmax" | "cmax" | "tableoid") =>
        {
            return Err(rustydb_base::DbError::unsupported(format!("cannot drop system column \"{}\"", column.value)));
        }
        _ => {}
    }
    let simple = rel.children.is_empty() && rel.parents.is_empty() && !rel.is_partitioned();
    if simple {
        return alter::command(cx, oid, c).await;
    }
    let has_children = !rel.children.is_empty();
    match c {
        A::AddColumn { column, if_not_exists } => {
            if rel.bound.is_some() {
                return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot add column to a partition"));
            }
            if only && has_children {
                return Err(bad("column must be added to child tables too".to_owned()));
            }
            let identity = column.constraints.iter().any(|k| matches!(k.kind, ast::ConstraintKind::Identity { .. }));
            if identity && has_children {
                return Err(bad("cannot recursively add identity column to table that has child tables".to_owned()));
            }
            let known = rel.column(&column.name.value).is_some();
            alter::command(cx, oid, c).await?;
            if known && *if_not_exists {
                return Ok(());
            }
            add_to_children(cx, oid, column).await
        }
        A::DropColumn { column, cascade, .. } => {
            let Some(col) = rel.column(&column.value).cloned() else { return alter::command(cx, oid, c).await };
            if col.lineage.parents > 0 {
                return Err(bad(format!("cannot drop inherited column \"{}\"", col.name)));
            }
            if in_key(&rel, col.attnum) {
                return Err(bad(format!(
                    "cannot drop column \"{}\" because it is part of the partition key of relation \"{}\"",
                    col.name, rel.name
                )));
            }
            check_lower_keys(cx, oid, &col.name, "drop")?;
            if rel.is_partitioned() && only && has_children {
                return Err(bad("cannot drop column from only the partitioned table when partitions exist".to_owned())
                    .hint(NO_ONLY));
            }
            descendants(cx, oid, TableLockMode::AccessExclusive).await?;
            let mut named = Vec::new();
            release_column(cx, oid, &col.name, only, &mut named).await?;
            named.push(Object::Column(oid, col.attnum));
            super::drop::drop_named(cx, &named, *cascade).await
        }
        A::SetType { .. } => set_types(cx, oid, &[c], only).await,
        A::SetNotNull { .. } if rel.is_partitioned() && only && has_children => {
            Err(bad("constraint must be added to child tables too".to_owned()).hint(NO_ONLY))
        }
        A::DropNotNull { column } => {
            if rel.is_partitioned() && only && has_children {
                return Err(bad(
                    "cannot remove constraint from only the partitioned table when partitions exist".to_owned()
                )
                .hint(NO_ONLY));
            }
            let marked = rel.bound.is_some()
                && rel
                    .parents
                    .iter()
                    .filter_map(|p| cx.tx.catalog.relation(*p))
                    .any(|p| p.column(&column.value).is_some_and(|c| c.not_null));
            let in_key = |i: &crate::catalog::Index| {
                i.keys.iter().any(|k| rel.attribute(k.attnum).is_some_and(|c| c.name == column.value))
            };
            // What is in a key is told by the table itself.
            if marked && !rel.primary_key().is_some_and(|i| in_key(i)) {
                return Err(bad(format!("column \"{}\" is marked NOT NULL in parent table", column.value)));
            }
            everywhere(cx, oid, c, only).await
        }
        A::SetDefault { .. } | A::DropDefault { .. } | A::SetNotNull { .. } | A::SetExpression { .. } => {
            everywhere(cx, oid, c, only).await
        }
        A::DropExpression { column, .. } => {
            if rel.column(&column.value).is_some_and(|c| c.generated != '\0' && c.lineage.parents > 0) {
                return Err(bad("cannot drop generation expression from inherited column".to_owned()));
            }
            if only && has_children {
                return Err(bad("ALTER TABLE / DROP EXPRESSION must be applied to child tables too".to_owned()));
            }
            everywhere(cx, oid, c, only).await
        }
        A::AddConstraint(k) => add_constraint(cx, &rel, k, only).await,
        A::DropConstraint { name, cascade, .. } => {
            let Some(k) = rel.constraints.iter().find(|k| k.name == name.value).cloned() else {
                return alter::command(cx, oid, c).await;
            };
            if k.lineage.parents > 0 {
                return Err(bad(format!(
                    "cannot drop inherited constraint \"{}\" of relation \"{}\"",
                    k.name, rel.name
                )));
            }
            if rel.is_partitioned()
                && only
                && has_children
                && matches!(k.kind, ConstraintKind::Check(_))
                && !k.no_inherit
            {
                return Err(bad(
                    "cannot remove constraint from only the partitioned table when partitions exist".to_owned()
                )
                .hint(NO_ONLY));
            }
            descendants(cx, oid, TableLockMode::AccessExclusive).await?;
            if matches!(k.kind, ConstraintKind::Check(_)) && !k.no_inherit {
                release_check(cx, oid, &k.name, only).await?;
            }
            let what = format!("constraint {} on table {}", k.name, cx.shown(&rel));
            drop_objects(cx, &[Object::Constraint(oid, k.oid)], *cascade, &what).await
        }
        A::ValidateConstraint { name } => {
            let check = rel.constraints.iter().any(|k| {
                k.name == name.value && !k.no_inherit && matches!(k.kind, ConstraintKind::Check(_)) && !k.validated
            });
            if check && has_children {
                if only {
                    return Err(bad("constraint must be validated on child tables too".to_owned()));
                }
                for t in descendants(cx, oid, TableLockMode::ShareUpdateExclusive).await? {
                    alter::command(cx, t, c).await?;
                }
            }
            alter::command(cx, oid, c).await
        }
        A::AttachPartition { partition, bound: Some(b) } => attach::attach(cx, &rel, partition, b).await,
        A::DetachPartition { partition, concurrently, finalize } => {
            if *concurrently {
                super::detach::begin(cx, &rel, partition).await
            } else if *finalize {
                super::detach::finalize(cx, &rel, partition).await
            } else {
                super::detach::at_once(cx, &rel, partition).await
            }
        }
        A::SetOptions { .. } | A::ResetOptions { .. } if rel.is_partitioned() => {
            let name = match c {
                A::SetOptions { options } | A::ResetOptions { options } => options.first(),
                _ => None,
            };
            let name = name.map_or("", |o| o.name.value.as_str());
            Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized parameter \"{name}\"")))
        }
        _ => alter::command(cx, oid, c).await,
    }
}

/// ALTER COLUMN … TYPE of some columns, on a table and its descendants.
pub async fn set_types(cx: &mut DdlCx<'_>, oid: u32, commands: &[&AlterCommand], only: bool) -> Result<()> {
    let rel = cx.relation(oid)?;
    for c in commands {
        let AlterCommand::SetType { column, .. } = c else { continue };
        let Some(col) = rel.column(&column.value) else { continue };
        if col.lineage.parents > 0 {
            return Err(bad(format!("cannot alter inherited column \"{}\"", col.name)));
        }
        if in_key(&rel, col.attnum) {
            return Err(bad(format!(
                "cannot alter column \"{}\" because it is part of the partition key of relation \"{}\"",
                col.name, rel.name
            )));
        }
        check_lower_keys(cx, oid, &col.name, "alter")?;
        if only && !rel.children.is_empty() {
            return Err(bad(format!("type of inherited column \"{}\" must be changed in child tables too", col.name)));
        }
    }
    let below = if only { Vec::new() } else { descendants(cx, oid, TableLockMode::AccessExclusive).await? };
    for t in std::iter::once(oid).chain(below) {
        let rel = cx.relation(t)?;
        alter_column::set_types(cx, &rel, commands).await?;
        super::exclude::check_rows(cx, t, None).await?;
    }
    Ok(())
}

/// Does the same to the table and, unless ONLY is written, to each descendant that still has what it concerns.
async fn everywhere(cx: &mut DdlCx<'_>, oid: u32, c: &AlterCommand, only: bool) -> Result<()> {
    let below = if only { Vec::new() } else { descendants(cx, oid, TableLockMode::AccessExclusive).await? };
    alter::command(cx, oid, c).await?;
    for t in below {
        alter::command(cx, t, c).await?;
    }
    Ok(())
}

/// Adds a column that a table has got to its children, and theirs.
async fn add_to_children(cx: &mut DdlCx<'_>, parent: u32, def: &ast::ColumnDef) -> Result<()> {
    for child in cx.relation(parent)?.children.clone() {
        cx.lock(child, TableLockMode::AccessExclusive).await?;
        let rel = cx.relation(child)?;
        let above = cx.relation(parent)?;
        let Some(new) = above.column(&def.name.value) else { continue };
        if let Some(at) = rel.columns.iter().position(|c| !c.dropped && c.name == new.name) {
            let own = &rel.columns[at];
            if (own.ty.oid, own.ty.typmod) != (new.ty.oid, new.ty.typmod) {
                return Err(err(
                    SqlState::DATATYPE_MISMATCH,
                    format!("child table \"{}\" has different type for column \"{}\"", rel.name, new.name),
                ));
            }
            if own.ty.collation != new.ty.collation {
                return Err(err(
                    SqlState::COLLATION_MISMATCH,
                    format!("child table \"{}\" has different collation for column \"{}\"", rel.name, new.name),
                ));
            }
            let mut r = (*rel).clone();
            r.columns[at].lineage.parents += 1;
            cx.notice(err(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("merging definition of column \"{}\" for child \"{}\"", new.name, rel.name),
            ));
            cx.put(r).await?;
            continue;
        }
        let mut own = def.clone();
        // Keys and references are not taken over; a serial column draws from the parent's sequence.
        own.constraints.retain(|k| {
            matches!(
                k.kind,
                ast::ConstraintKind::NotNull | ast::ConstraintKind::Default(_) | ast::ConstraintKind::Generated { .. }
            )
        });
        alter_column::add(cx, &rel, &own, false).await?;
        let mut r = (*cx.relation(child)?).clone();
        if let Some(c) = r.columns.iter_mut().find(|c| !c.dropped && c.name == def.name.value) {
            c.lineage = Lineage { local: false, parents: 1 };
        }
        for k in &above.constraints {
            let of_column =
                k.columns.len() == 1 && above.attribute(k.columns[0]).is_some_and(|c| c.name == def.name.value);
            if of_column && !k.no_inherit && matches!(k.kind, ConstraintKind::Check(_)) {
                let check = inherited_check(cx, &above, k, &r).await?;
                r.constraints.push(Arc::new(check));
            }
        }
        cx.put(r).await?;
        Box::pin(add_to_children(cx, child, def)).await?;
    }
    Ok(())
}

/// A parent's check as a child has it.
async fn inherited_check(
    cx: &mut DdlCx<'_>,
    parent: &Relation,
    k: &Constraint,
    child: &Relation,
) -> Result<Constraint> {
    Ok(Constraint {
        oid: cx.tx.new_oid().await?,
        namespace: child.namespace,
        table: child.oid,
        columns: k
            .columns
            .iter()
            .filter_map(|a| parent.attribute(*a))
            .filter_map(|c| child.column(&c.name))
            .map(|c| c.attnum)
            .collect(),
        lineage: Lineage { local: false, parents: 1 },
        ..k.clone()
    })
}

/// Children that keep a column when their parent's goes have one parent less for it.
async fn release_column(
    cx: &mut DdlCx<'_>,
    parent: u32,
    name: &str,
    only: bool,
    going: &mut Vec<Object>,
) -> Result<()> {
    for child in cx.relation(parent)?.children.clone() {
        let rel = cx.relation(child)?;
        let Some(at) = rel.columns.iter().position(|c| !c.dropped && c.name == name && c.lineage.parents > 0) else {
            continue;
        };
        let l = rel.columns[at].lineage;
        if !only && l.parents == 1 && !l.local {
            // It goes with the parent's; so do those below it.
            let one = Object::Column(child, rel.columns[at].attnum);
            Box::pin(release_column(cx, child, name, only, going)).await?;
            if !going.contains(&one) {
                going.push(one);
            }
            continue;
        }
        let mut r = (*rel).clone();
        r.columns[at].lineage = Lineage { local: l.local || only, parents: l.parents - 1 };
        cx.put(r).await?;
    }
    Ok(())
}

/// [`release_column`] for a check.
async fn release_check(cx: &mut DdlCx<'_>, parent: u32, name: &str, only: bool) -> Result<()> {
    for child in cx.relation(parent)?.children.clone() {
        let rel = cx.relation(child)?;
        let mine =
            |k: &Arc<Constraint>| k.name == name && k.lineage.parents > 0 && matches!(k.kind, ConstraintKind::Check(_));
        let Some(at) = rel.constraints.iter().position(mine) else { continue };
        let l = rel.constraints[at].lineage;
        if !only && l.parents == 1 && !l.local {
            Box::pin(release_check(cx, child, name, only)).await?;
            continue;
        }
        let mut r = (*rel).clone();
        let lineage = Lineage { local: l.local || only, parents: l.parents - 1 };
        r.constraints[at] = Arc::new(Constraint { lineage, ..(*rel.constraints[at]).clone() });
        cx.put(r).await?;
    }
    Ok(())
}

async fn add_constraint(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, k: &ast::Constraint, only: bool) -> Result<()> {
    match &k.kind {
        ast::ConstraintKind::Check(_) if !k.no_inherit => {
            if only && !rel.children.is_empty() {
                return Err(bad("constraint must be added to child tables too".to_owned()));
            }
            if rel
                .constraints
                .iter()
                .any(|x| k.name.as_ref().is_some_and(|n| n.value == x.name) && x.lineage.parents > 0)
            {
                // The table has taken it over already: it becomes its own too.
                return merge_own(cx, rel, k).await;
            }
            alter::add_constraint(cx, rel, k).await?;
            let now = cx.relation(rel.oid)?;
            let Some(made) = now.constraints.last().cloned() else { return Ok(()) };
            check_children(cx, rel.oid, &made, k.not_valid).await
        }
        ast::ConstraintKind::Check(_) => alter::add_constraint(cx, rel, k).await,
        ast::ConstraintKind::PrimaryKey(_)
        | ast::ConstraintKind::Unique { .. }
        | ast::ConstraintKind::ForeignKey(_)
            if rel.is_partitioned() =>
        {
            if let ast::ConstraintKind::ForeignKey(f) = &k.kind {
                let refuse = |what: &str| {
                    let to = &f.table.name.value;
                    let m =
                        format!("cannot {what} on partitioned table \"{}\" referencing relation \"{to}\"", rel.name);
                    err(SqlState::WRONG_OBJECT_TYPE, m)
                };
                if only {
                    return Err(refuse("use ONLY for foreign key"));
                }
                if k.not_valid {
                    return Err(refuse("add NOT VALID foreign key")
                        .detail("This feature is not yet supported on partitioned tables."));
                }
            }
            alter::add_constraint(cx, rel, k).await?;
            if only {
                return Ok(());
            }
            attach::spread(cx, rel.oid).await
        }
        _ => alter::add_constraint(cx, rel, k).await,
    }
}

async fn merge_own(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, k: &ast::Constraint) -> Result<()> {
    let mut r = (**rel).clone();
    if let ast::ConstraintKind::Check(e) = &k.kind {
        super::constraint::add_check(cx, &mut r, k, e).await?;
    }
    cx.put(r).await
}

/// Gives a check that a table has got to its children, and theirs.
async fn check_children(cx: &mut DdlCx<'_>, parent: u32, k: &Arc<Constraint>, not_valid: bool) -> Result<()> {
    let ConstraintKind::Check(text) = &k.kind else { return Ok(()) };
    for child in cx.relation(parent)?.children.clone() {
        cx.lock(child, TableLockMode::AccessExclusive).await?;
        let rel = cx.relation(child)?;
        let above = cx.relation(parent)?;
        let mut r = (*rel).clone();
        if let Some(at) = rel.constraints.iter().position(|x| x.name == k.name) {
            let own = &rel.constraints[at];
            if !matches!(&own.kind, ConstraintKind::Check(t) if t == text) {
                return Err(err(
                    SqlState::DUPLICATE_OBJECT,
                    format!("constraint \"{}\" for relation \"{}\" already exists", k.name, rel.name),
                ));
            }
            if own.no_inherit {
                return Err(err(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    format!(
                        "constraint \"{}\" conflicts with non-inherited constraint on relation \"{}\"",
                        k.name, rel.name
                    ),
                ));
            }
            let local = own.lineage.local && rel.bound.is_none();
            let lineage = Lineage { parents: own.lineage.parents + 1, local };
            r.constraints[at] = Arc::new(Constraint { lineage, ..(**own).clone() });
            cx.notice(err(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("merging constraint \"{}\" with inherited definition", k.name),
            ));
            cx.put(r).await?;
            continue;
        }
        let made = inherited_check(cx, &above, k, &rel).await?;
        if !not_valid && rel.storage.is_some() {
            let e = crate::bind::parse_expr(text)?;
            let bound = bind_row(cx, &rel, &e, Defining::Check)?;
            let bound = cx.binder(|b| b.to_bool(bound, "CHECK"))?;
            debug_assert!(columns_used(&bound).len() <= rel.columns.len());
            check_rows::check(cx, &rel, &k.name, &bound).await?;
        }
        r.constraints.push(Arc::new(made));
        cx.put(r).await?;
        Box::pin(check_children(cx, child, k, not_valid)).await?;
    }
    Ok(())
}
