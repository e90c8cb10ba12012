//! Composite types: CREATE TYPE … AS, ALTER TYPE … ATTRIBUTE.
//!
//! A composite type is a relation without storage. Values of it in tables hold their attributes by position, so an
//! attribute can be added while tables use the type (older values read it as NULL) but neither dropped nor given another
//! type.

use super::types::{check_free, contains, missing, open};
use super::{DdlCx, column, err};
use crate::catalog::{RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, AlterCommand, AttributeCommand, ColumnDef, Ident, Name, TableLockMode};
use rustydb_types::datum::TypeRef;
use rustydb_types::typename;
use std::sync::Arc;

fn attribute_type(cx: &DdlCx<'_>, own: u32, a: &ColumnDef) -> Result<TypeRef> {
    let t = a.ty.as_ref().ok_or_else(|| DbError::internal("attribute without a type"))?;
    let ty = column::column_type(cx, &a.name.value, t, a.collation.as_ref())?;
    if contains(cx, ty.oid, own, 0) {
        let shown = typename::format_type(own, -1);
        return Err(err(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("composite type {shown} cannot be made a member of itself"),
        ));
    }
    Ok(ty)
}

/// CREATE TYPE … AS (…).
pub async fn create(cx: &mut DdlCx<'_>, name: &Name, attributes: &[ColumnDef]) -> Result<()> {
    super::temp::make_named(cx, name).await?;
    let ns = cx.creation_namespace(name)?;
    let word = name.name.value.as_str();
    if cx.tx.catalog.relation_named(ns, word).is_some_and(|r| r.row_type == 0) {
        return Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{word}\" already exists")));
    }
    check_free(cx, ns, word).await?;
    let mut rel = super::table::blank_table(cx, ns, word).await?;
    rel.kind = RelKind::Composite;
    for a in attributes {
        if rel.column(&a.name.value).is_some() {
            return Err(err(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{}\" specified more than once", a.name.value),
            ));
        }
        let ty = attribute_type(cx, rel.row_type, a)?;
        rel.columns.push(column::blank(rel.columns.len() as i16 + 1, &a.name.value, ty));
    }
    cx.put(rel).await
}

/// The composite type of a name, locked.
async fn open_composite(cx: &mut DdlCx<'_>, name: &Name) -> Result<Arc<Relation>> {
    let Some(oid) = open(cx, name).await? else {
        // ALTER TYPE looks for a relation here.
        let e = missing(cx, name);
        return Err(if e.code == SqlState::UNDEFINED_OBJECT {
            err(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.plain()))
        } else {
            e
        });
    };
    let rel = cx.tx.catalog.row_types.get(&oid).and_then(|r| cx.tx.catalog.relation(*r)).cloned();
    match rel {
        Some(r) if r.kind == RelKind::Composite => {
            cx.check_owner(r.owner, "type", &r.name)?;
            Ok(r)
        }
        Some(r) => Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a composite type", r.name))),
        None => Err(err(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.plain()))),
    }
}

/// A column of a table whose values hold the type, for messages.
pub(super) fn user_column(cx: &DdlCx<'_>, ty: u32) -> Option<(String, String)> {
    let mut tables: Vec<&Arc<Relation>> = cx
        .tx
        .catalog
        .relations
        .values()
        .filter(|r| (r.storage.is_some() || r.is_partitioned()) && r.row_type != ty)
        .collect();
    tables.sort_by_key(|r| r.oid);
    tables.into_iter().find_map(|r| {
        r.live_columns().find(|c| contains(cx, c.ty.oid, ty, 0)).map(|c| (r.name.clone(), c.name.clone()))
    })
}

fn no_attribute(name: &str, rel: &Relation) -> DbError {
    err(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" of relation \"{}\" does not exist", rel.name))
}

/// ALTER TYPE … ADD, DROP, ALTER ATTRIBUTE.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterComposite) -> Result<()> {
    let rel = open_composite(cx, &s.name).await?;
    let mut r = (*rel).clone();
    let mut followed = Vec::new();
    for c in &s.commands {
        let (AttributeCommand::Add { cascade, .. }
        | AttributeCommand::Drop { cascade, .. }
        | AttributeCommand::SetType { cascade, .. }) = c;
        let tables = super::typed::followers(cx, &rel, *cascade)?;
        followed.extend(tables.into_iter().map(|t| (t, of_table(c))));
        match c {
            AttributeCommand::Add { attribute: a, .. } => {
                if r.column(&a.name.value).is_some() {
                    return Err(err(
                        SqlState::DUPLICATE_COLUMN,
                        format!("column \"{}\" of relation \"{}\" already exists", a.name.value, r.name),
                    ));
                }
                let ty = attribute_type(cx, r.row_type, a)?;
                r.columns.push(column::blank(r.columns.len() as i16 + 1, &a.name.value, ty));
            }
            AttributeCommand::Drop { name, if_exists, .. } => {
                let Some(i) = r.columns.iter().position(|c| !c.dropped && c.name == name.value) else {
                    if !*if_exists {
                        return Err(no_attribute(&name.value, &r));
                    }
                    cx.notice(err(
                        SqlState::SUCCESSFUL_COMPLETION,
                        format!("column \"{}\" of relation \"{}\" does not exist, skipping", name.value, r.name),
                    ));
                    continue;
                };
                if let Some((table, column)) = user_column(cx, r.row_type) {
                    return Err(DbError::unsupported(format!(
                        "dropping an attribute of type \"{}\" while column \"{table}.{column}\" uses it is not supported yet",
                        r.name
                    )));
                }
                // Nothing holds values of the type, so the attribute leaves no gap.
                r.columns.remove(i);
                for (n, c) in r.columns.iter_mut().enumerate() {
                    c.attnum = n as i16 + 1;
                }
            }
            AttributeCommand::SetType { name, ty, collation, .. } => {
                if let Some((table, column)) = user_column(cx, r.row_type) {
                    return Err(DbError::unsupported(format!(
                        "cannot alter type \"{}\" because column \"{table}.{column}\" uses it",
                        r.name
                    )));
                }
                let def = ColumnDef {
                    name: name.clone(),
                    ty: Some(ty.clone()),
                    collation: collation.clone(),
                    storage: None,
                    compression: None,
                    constraints: vec![],
                };
                let new = attribute_type(cx, r.row_type, &def)?;
                let missing = no_attribute(&name.value, &r);
                let c = r.columns.iter_mut().find(|c| !c.dropped && c.name == name.value).ok_or(missing)?;
                c.ty = new;
            }
        }
    }
    cx.put(r).await?;
    super::typed::follow(cx, followed).await
}

/// What happens to the columns of the type's tables.
fn of_table(c: &AttributeCommand) -> AlterCommand {
    match c {
        AttributeCommand::Add { attribute, .. } => {
            AlterCommand::AddColumn { column: attribute.clone(), if_not_exists: false }
        }
        AttributeCommand::Drop { name, .. } => {
            AlterCommand::DropColumn { column: name.clone(), if_exists: true, cascade: true }
        }
        AttributeCommand::SetType { name, ty, collation, pos, .. } => AlterCommand::SetType {
            column: name.clone(),
            ty: ty.clone(),
            collation: collation.clone(),
            using: None,
            pos: *pos,
        },
    }
}

/// ALTER TYPE … RENAME ATTRIBUTE.
pub async fn rename(cx: &mut DdlCx<'_>, name: &Name, from: &Ident, to: &str, cascade: bool) -> Result<()> {
    let rel = open_composite(cx, name).await?;
    let tables = super::typed::followers(cx, &rel, cascade)?;
    let mut r = (*rel).clone();
    if r.column(to).is_some() {
        return Err(err(
            SqlState::DUPLICATE_COLUMN,
            format!("column \"{to}\" of relation \"{}\" already exists", r.name),
        ));
    }
    let missing = err(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" does not exist", from.value));
    let c = r.columns.iter_mut().find(|c| !c.dropped && c.name == from.value).ok_or(missing)?;
    c.name = to.to_owned();
    cx.put(r).await?;
    for t in tables {
        cx.lock(t, TableLockMode::AccessExclusive).await?;
        let table = cx.relation(t)?;
        super::rename::rename_column_everywhere(cx, &table, from, to, false).await?;
    }
    Ok(())
}
