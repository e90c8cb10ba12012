//! CREATE SCHEMA.

use super::{DdlCx, err};
use crate::catalog::Namespace;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;

/// 42939 for names that are the system's.
pub fn check_name(name: &str) -> Result<()> {
    if name.starts_with("pg_") {
        return Err(err(SqlState::RESERVED_NAME, format!("unacceptable schema name \"{name}\""))
            .detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    Ok(())
}

/// CREATE SCHEMA, with the objects written inside.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateSchema) -> Result<()> {
    let owner = match &s.authorization {
        Some(r) => cx.role_of(r)?,
        None => cx.role,
    };
    let name = match &s.name {
        Some(n) => n.value.clone(),
        None => cx.tx.catalog.roles.get(&owner).map(|r| r.name.clone()).unwrap_or_default(),
    };
    cx.check_create_in_database()?;
    super::owned::check_new_owner(cx, owner, None)?;
    check_name(&name)?;
    if s.if_not_exists && !s.elements.is_empty() {
        return Err(
            DbError::unsupported("CREATE SCHEMA IF NOT EXISTS cannot include schema elements").at(cx.pos(s.pos))
        );
    }
    if cx.tx.catalog.namespace_named(&name).is_some() {
        let e = err(SqlState::DUPLICATE_SCHEMA, format!("schema \"{name}\" already exists"));
        if s.if_not_exists {
            cx.notice(err(SqlState::DUPLICATE_SCHEMA, format!("schema \"{name}\" already exists, skipping")));
            return Ok(());
        }
        return Err(e);
    }
    for e in &s.elements {
        let given = match e {
            ast::Statement::CreateSequence(e) => &e.name.schema,
            ast::Statement::CreateTable(e) => &e.name.schema,
            ast::Statement::CreateView(e) => &e.name.schema,
            ast::Statement::CreateIndex(e) => &e.table.name.schema,
            _ => continue,
        };
        if let Some(given) = given.as_ref().filter(|g| g.value != name) {
            return Err(err(
                SqlState::INVALID_SCHEMA_DEFINITION,
                format!("CREATE specifies a schema ({}) different from the one being created ({name})", given.value),
            ));
        }
    }
    let oid = cx.tx.new_oid().await?;
    let acl = super::grant::initial(cx, 'n', owner, 0);
    cx.tx.put_namespace(Namespace { oid, name, owner, acl }).await?;
    if s.elements.is_empty() {
        return Ok(());
    }
    // The objects inside go to the new schema, and find its objects first. Foreign keys may look forward: tables first.
    let role = std::mem::replace(&mut cx.role, owner);
    cx.search_path.insert(0, oid);
    cx.in_new_schema = true;
    let rank = |e: &ast::Statement| match e {
        ast::Statement::CreateSequence(_) => 0,
        ast::Statement::CreateTable(_) => 1,
        ast::Statement::CreateView(_) => 2,
        _ => 3,
    };
    let mut elements: Vec<&ast::Statement> = s.elements.iter().collect();
    elements.sort_by_key(|e| rank(e));
    let mut result = Ok(());
    for e in elements {
        result = Box::pin(super::execute(cx, e)).await.map(|_| ());
        if result.is_err() {
            break;
        }
    }
    cx.search_path.retain(|n| *n != oid);
    cx.in_new_schema = false;
    cx.role = role;
    result
}
