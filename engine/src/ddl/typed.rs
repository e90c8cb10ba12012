//! Typed tables: CREATE TABLE … OF a composite type, ALTER TABLE … OF and NOT OF.
//!
//! A typed table has exactly its type's attributes as columns, and depends on the type: what changes the attributes changes
//! the tables with them (CASCADE) or is refused.

use super::{DdlCx, err};
use crate::bind::define::type_syntax;
use crate::catalog::{RelKind, Relation};
use rustydb_base::{Result, SqlState};
use rustydb_parser::ast::{self, AlterCommand, ColumnDef, TableElement, TableLockMode};
use std::sync::Arc;

/// The composite type of a name.
pub fn of_type(cx: &DdlCx<'_>, name: &ast::Name) -> Result<Arc<Relation>> {
    let syntax = ast::TypeName { name: name.clone(), mods: vec![], dims: vec![], setof: false, pct_type: false };
    let ty = cx.binder(|b| b.type_name(&syntax)).map_err(|mut e| {
        if let Some(f) = &mut e.fields {
            f.position = None;
        }
        e
    })?;
    crate::acl::check::need_type(&cx.tx.catalog, ty.oid, cx.role)?;
    let rel = cx.tx.catalog.row_types.get(&ty.oid).and_then(|r| cx.tx.catalog.relation(*r)).cloned();
    rel.filter(|r| r.kind == RelKind::Composite)
        .ok_or_else(|| err(SqlState::WRONG_OBJECT_TYPE, format!("type {} is not a composite type", name.plain())))
}

/// A typed table's elements: the type's attributes as columns, with the options that the statement gives them, and the
/// statement's constraints.
pub fn elements(of: &Relation, written: &[TableElement]) -> Result<Vec<TableElement>> {
    let mut out = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for e in written {
        let TableElement::Column(c) = e else { continue };
        let name = c.name.value.as_str();
        if of.column(name).is_none() {
            return Err(err(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")));
        }
        if used.contains(&name) {
            return Err(err(SqlState::DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once")));
        }
        used.push(name);
    }
    for a in of.live_columns() {
        let given = written.iter().find_map(|e| match e {
            TableElement::Column(c) if c.name.value == a.name => Some(c),
            _ => None,
        });
        let bare = || ColumnDef {
            name: ast::Ident::new(a.name.clone()),
            ty: None,
            collation: None,
            storage: None,
            compression: None,
            constraints: vec![],
        };
        let mut def = given.map_or_else(bare, |c| (**c).clone());
        def.ty = Some(type_syntax(a.ty));
        out.push(TableElement::Column(Box::new(def)));
    }
    out.extend(written.iter().filter(|e| !matches!(e, TableElement::Column(_))).cloned());
    Ok(out)
}

/// 42809 for what would give a typed table other columns than its type's.
pub fn check_alter(rel: &Relation, c: &AlterCommand) -> Result<()> {
    if rel.of_type == 0 {
        return Ok(());
    }
    let what = match c {
        AlterCommand::AddColumn { .. } => "cannot add column to typed table",
        AlterCommand::DropColumn { .. } => "cannot drop column from typed table",
        AlterCommand::SetType { .. } => "cannot alter column type of typed table",
        AlterCommand::Inherit { .. } | AlterCommand::NoInherit { .. } => "cannot change inheritance of typed table",
        _ => return Ok(()),
    };
    Err(err(SqlState::WRONG_OBJECT_TYPE, what))
}

/// ALTER TABLE … OF, for a table that has the type's columns.
pub fn attach(cx: &DdlCx<'_>, r: &mut Relation, name: &ast::Name) -> Result<()> {
    let of = of_type(cx, name)?;
    if !r.parents.is_empty() {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, "typed tables cannot inherit"));
    }
    let bad = |text: String| Err(err(SqlState::DATATYPE_MISMATCH, text));
    let mut own = r.live_columns();
    for a in of.live_columns() {
        let Some(c) = own.next() else { return bad(format!("table is missing column \"{}\"", a.name)) };
        if c.name != a.name {
            return bad(format!("table has column \"{}\" where type requires \"{}\"", c.name, a.name));
        }
        if c.ty != a.ty {
            return bad(format!("table \"{}\" has different type for column \"{}\"", r.name, a.name));
        }
    }
    let extra = own.next().map(|c| c.name.clone());
    drop(own);
    if let Some(name) = extra {
        return bad(format!("table has extra column \"{name}\""));
    }
    r.of_type = of.row_type;
    Ok(())
}

/// ALTER TABLE … NOT OF.
pub fn detach(r: &mut Relation) -> Result<()> {
    if r.of_type == 0 {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a typed table", r.name)));
    }
    r.of_type = 0;
    Ok(())
}

/// The tables of a type, which follow a change to its attributes; 2BP01 without CASCADE.
pub fn followers(cx: &DdlCx<'_>, of: &Relation, cascade: bool) -> Result<Vec<u32>> {
    let mut tables: Vec<u32> =
        cx.tx.catalog.relations.values().filter(|r| r.of_type == of.row_type).map(|r| r.oid).collect();
    if tables.is_empty() || cascade {
        tables.sort_unstable();
        return Ok(tables);
    }
    Err(err(
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot alter type \"{}\" because it is the type of a typed table", of.name),
    )
    .hint("Use ALTER ... CASCADE to alter the typed tables too."))
}

/// Does to the columns of typed tables what was done to the type's attributes.
pub async fn follow(cx: &mut DdlCx<'_>, changes: Vec<(u32, AlterCommand)>) -> Result<()> {
    for (table, c) in changes {
        cx.lock(table, TableLockMode::AccessExclusive).await?;
        Box::pin(super::recurse::run(cx, table, &c, false)).await?;
    }
    Ok(())
}
