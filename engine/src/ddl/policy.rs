//! CREATE, ALTER, DROP POLICY and ROW LEVEL SECURITY of tables.
//!
//! A policy's expression is kept as text: simple ones in the form of [`crate::bind::define`], those with subqueries as
//! written, with the schemas of the tables they name spelled out.

use super::{DdlCx, column, err, view_text};
use crate::acl::RelationAcl;
use crate::acl::policy::{Policy, RowSecurity};
use crate::bind::define::Defining;
use crate::catalog::deparse;
use crate::catalog::rows::table;
use crate::catalog::{FIRST_USER_OID, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ObjectRef, RoleSpec, TableLockMode};
use std::sync::Arc;

/// The policy of that name, if the table has it.
fn find<'r>(rel: &'r Relation, name: &str) -> Option<&'r Policy> {
    rel.acl.as_ref()?.rows.as_ref()?.policies.iter().find(|p| p.name == name)
}

fn absent(rel: &Relation, name: &str) -> DbError {
    err(SqlState::UNDEFINED_OBJECT, format!("policy \"{name}\" for table \"{}\" does not exist", rel.name))
}

fn taken(rel: &Relation, name: &str) -> Result<()> {
    if find(rel, name).is_none() {
        return Ok(());
    }
    Err(err(SqlState::DUPLICATE_OBJECT, format!("policy \"{name}\" for table \"{}\" already exists", rel.name)))
}

/// Stores a table's row security.
async fn put(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, f: impl FnOnce(&mut RowSecurity)) -> Result<()> {
    let mut lists = rel.acl.as_deref().cloned().unwrap_or_default();
    let mut rows = lists.rows.as_deref().cloned().unwrap_or_default();
    f(&mut rows);
    rows.policies.sort_by(|a, b| a.name.cmp(&b.name));
    lists.rows = (rows != RowSecurity::default()).then(|| Arc::new(rows));
    super::grant::put_lists(cx, rel, lists).await
}

/// ENABLE, DISABLE ROW LEVEL SECURITY.
pub async fn enable(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, on: bool) -> Result<()> {
    put(cx, rel, |r| r.enabled = on).await
}

/// [NO] FORCE ROW LEVEL SECURITY.
pub async fn force(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, on: bool) -> Result<()> {
    put(cx, rel, |r| r.forced = on).await
}

/// Opens a table of the role; `word` is what it is called when it is another's, in which PostgreSQL differs by statement.
async fn open(cx: &mut DdlCx<'_>, name: &ast::Name, word: &str) -> Result<Arc<Relation>> {
    let Some(rel) = cx.open(name, TableLockMode::AccessExclusive).await? else {
        return Err(cx.missing("relation", name));
    };
    let owner = crate::acl::check::owns(&cx.tx.catalog, cx.role, rel.owner);
    if !owner {
        return Err(crate::acl::check::not_owner(word, &rel.name));
    }
    if rel.oid < FIRST_USER_OID {
        return Err(err(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied: \"{}\" is a system catalog", rel.name),
        ));
    }
    if rel.kind != RelKind::Table {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a table", rel.name)));
    }
    Ok(rel)
}

/// The roles of TO, 0 for PUBLIC.
fn roles(cx: &mut DdlCx<'_>, list: &[RoleSpec]) -> Result<Vec<u32>> {
    if list.iter().any(|r| matches!(r, RoleSpec::Public(_))) {
        if list.len() > 1 {
            cx.notices.push((
                "WARNING",
                err(SqlState::INVALID_PARAMETER_VALUE, "ignoring specified roles other than PUBLIC")
                    .hint("All roles are members of the PUBLIC role."),
            ));
        }
        return Ok(vec![0]);
    }
    super::membership::roles_of(cx, list)
}

/// The lists of a table without one of its policies.
pub fn without(rel: &Relation, policy: u32) -> Option<Arc<RelationAcl>> {
    let mut lists = rel.acl.as_deref()?.clone();
    let mut rows = lists.rows.as_deref().cloned().unwrap_or_default();
    rows.policies.retain(|p| p.oid != policy);
    lists.rows = (rows != RowSecurity::default()).then(|| Arc::new(rows));
    lists.kept()
}

/// An expression as it is kept, and what it reads.
struct Kept {
    text: String,
    depends: Vec<(u32, i32)>,
}

/// As PostgreSQL, which does not tell where in the statement a mistake in an expression is.
fn kept(cx: &DdlCx<'_>, rel: &Arc<Relation>, e: Option<&ast::Expr>) -> Result<Option<Kept>> {
    let Some(e) = e else { return Ok(None) };
    bound_and_kept(cx, rel, e).map(Some).map_err(crate::bind::unplaced)
}

fn bound_and_kept(cx: &DdlCx<'_>, rel: &Arc<Relation>, e: &ast::Expr) -> Result<Kept> {
    let (bound, deep) = cx.binder(|b| {
        let row = column::row_columns(rel);
        b.defines = true;
        let bound = b.defining(e, Some((rel, &row)), Defining::Policy)?;
        let bound = b.to_bool(bound, "POLICY")?;
        let mut deep = false;
        crate::plan::walk::visit(&bound, &mut |x| deep |= matches!(x.kind, crate::plan::ir::ExprKind::Subquery(_)));
        Ok((bound, deep))
    })?;
    // As the output of a query over the table, whose names are resolved like a view's.
    let parsed = rustydb_parser::parse("SELECT true FROM x")?;
    let Some(ast::Statement::Query(mut q)) = parsed.into_iter().next().map(|p| p.stmt) else {
        return Err(DbError::internal("a query did not parse"));
    };
    if let ast::QueryBody::Select(s) = &mut q.body {
        if let Some(t) = s.targets.first_mut() {
            t.expr = e.clone();
        }
        if let Some(ast::TableRef::Table(t)) = s.from.first_mut() {
            t.name = ast::Name {
                catalog: None,
                schema: Some(ast::Ident::new(rel.schema.clone())),
                name: ast::Ident::new(rel.name.clone()),
            };
        }
    }
    let (query, resolved) = cx.binder(|b| b.view_query(&q))?;
    let mut depends: Vec<(u32, i32)> =
        super::view::dependencies(&cx.cat(), &query, &resolved).iter().map(|d| (d.ref_relation, d.ref_sub)).collect();
    // The table itself is what the policy is on.
    depends.retain(|d| *d != (rel.oid, 0));
    if !deep {
        return Ok(Kept { text: column::keep(Some(rel), &bound, e), depends });
    }
    view_text::qualify(&mut q, &resolved);
    let ast::QueryBody::Select(s) = &q.body else { return Err(DbError::internal("a query changed its kind")) };
    let written = s.targets.first().map(|t| deparse::expr(&t.expr, deparse::STORED));
    Ok(Kept { text: written.unwrap_or_default(), depends })
}

/// What the expressions of a policy read together.
fn depends(using: Option<&Kept>, check: Option<&Kept>) -> Vec<(u32, i32)> {
    let mut out: Vec<_> = using.into_iter().chain(check).flat_map(|k| k.depends.iter().copied()).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// CREATE POLICY.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::PolicyStatement) -> Result<()> {
    let command = s.command.unwrap_or('*');
    if matches!(command, 'r' | 'd') && s.check.is_some() {
        return Err(err(SqlState::SYNTAX_ERROR, "WITH CHECK cannot be applied to SELECT or DELETE"));
    }
    if command == 'a' && s.using.is_some() {
        return Err(err(SqlState::SYNTAX_ERROR, "only WITH CHECK expression allowed for INSERT"));
    }
    let roles = match &s.roles {
        Some(list) => roles(cx, list)?,
        None => vec![0],
    };
    let rel = open(cx, &s.table, "table").await?;
    let using = kept(cx, &rel, s.using.as_ref())?;
    let check = kept(cx, &rel, s.check.as_ref())?;
    taken(&rel, &s.name.value)?;
    let oid = cx.tx.new_oid().await?;
    let policy = Policy {
        oid,
        name: s.name.value.clone(),
        permissive: s.permissive,
        command,
        roles,
        depends: depends(using.as_ref(), check.as_ref()),
        using: using.map(|k| k.text),
        check: check.map(|k| k.text),
    };
    put(cx, &rel, |r| r.policies.push(policy)).await
}

/// ALTER POLICY.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::PolicyStatement) -> Result<()> {
    let roles = match &s.roles {
        Some(list) => Some(roles(cx, list)?),
        None => None,
    };
    let rel = open(cx, &s.table, "table").await?;
    let using = kept(cx, &rel, s.using.as_ref())?;
    let check = kept(cx, &rel, s.check.as_ref())?;
    let Some(old) = find(&rel, &s.name.value) else { return Err(absent(&rel, &s.name.value)) };
    if matches!(old.command, 'r' | 'd') && check.is_some() {
        return Err(err(SqlState::SYNTAX_ERROR, "only USING expression allowed for SELECT, DELETE"));
    }
    if old.command == 'a' && using.is_some() {
        return Err(err(SqlState::SYNTAX_ERROR, "only WITH CHECK expression allowed for INSERT"));
    }
    // What is not replaced still reads what it read.
    let mut reads = depends(using.as_ref(), check.as_ref());
    if (using.is_none() && old.using.is_some()) || (check.is_none() && old.check.is_some()) {
        reads.extend(&old.depends);
        reads.sort_unstable();
        reads.dedup();
    }
    let new = Policy {
        roles: roles.unwrap_or_else(|| old.roles.clone()),
        using: using.map(|k| k.text).or_else(|| old.using.clone()),
        check: check.map(|k| k.text).or_else(|| old.check.clone()),
        depends: reads,
        ..old.clone()
    };
    put(cx, &rel, |r| {
        r.policies.retain(|p| p.oid != new.oid);
        r.policies.push(new);
    })
    .await
}

/// ALTER POLICY … RENAME TO.
pub async fn rename(cx: &mut DdlCx<'_>, object: &ObjectRef, to: &str) -> Result<()> {
    let ObjectRef::OnTable(name, table) = object else { return Err(DbError::internal("a policy without a table")) };
    let rel = open(cx, table, "table").await?;
    taken(&rel, to)?;
    let Some(oid) = find(&rel, &name.value).map(|p| p.oid) else { return Err(absent(&rel, &name.value)) };
    put(cx, &rel, |r| {
        for p in r.policies.iter_mut().filter(|p| p.oid == oid) {
            to.clone_into(&mut p.name);
        }
    })
    .await
}

/// DROP POLICY.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    for o in &s.objects {
        let ObjectRef::OnTable(name, on) = o else { return Err(DbError::internal("a policy without a table")) };
        if s.if_exists && cx.find(on)?.is_none() {
            cx.notice(err(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("relation \"{}\" does not exist, skipping", on.plain()),
            ));
            continue;
        }
        let rel = open(cx, on, "relation").await?;
        let Some(oid) = find(&rel, &name.value).map(|p| p.oid) else {
            if s.if_exists {
                cx.notice(err(
                    SqlState::SUCCESSFUL_COMPLETION,
                    format!("policy \"{}\" for relation \"{}\" does not exist, skipping", name.value, rel.name),
                ));
                continue;
            }
            return Err(absent(&rel, &name.value));
        };
        super::comment::write(cx, oid, table::PG_POLICY, 0, None).await?;
        let rel = cx.relation(rel.oid)?;
        put(cx, &rel, |r| r.policies.retain(|p| p.oid != oid)).await?;
    }
    Ok(())
}

/// The policy that COMMENT ON names.
pub async fn named(cx: &mut DdlCx<'_>, name: &str, on: &ast::Name) -> Result<u32> {
    let Some(rel) = cx.open(on, TableLockMode::ShareUpdateExclusive).await? else {
        return Err(cx.missing("relation", on));
    };
    let oid = find(&rel, name).map(|p| p.oid).ok_or_else(|| absent(&rel, name))?;
    cx.check_relation_owner(&rel)?;
    Ok(oid)
}

/// Rewrites the expressions of a table's policies.
pub fn rewritten(rel: &Relation, f: &dyn Fn(&str) -> Result<String>) -> Result<Option<Arc<RelationAcl>>> {
    let Some(mut lists) = rel.acl.as_deref().cloned() else { return Ok(None) };
    if let Some(rows) = lists.rows.as_deref() {
        let mut rows = rows.clone();
        for p in &mut rows.policies {
            for text in p.using.iter_mut().chain(&mut p.check) {
                *text = f(text)?;
            }
        }
        lists.rows = Some(Arc::new(rows));
    }
    Ok(lists.kept())
}

/// Takes a role out of the policies that are for it; a policy that is for nobody else goes.
pub async fn forget_role(cx: &mut DdlCx<'_>, role: u32) -> Result<()> {
    let mut tables: Vec<Arc<Relation>> = cx
        .tx
        .catalog
        .relations
        .values()
        .filter(|r| r.policies().iter().any(|p| p.roles.contains(&role)))
        .cloned()
        .collect();
    tables.sort_by_key(|r| r.oid);
    for t in tables {
        cx.lock(t.oid, TableLockMode::AccessExclusive).await?;
        let t = cx.relation(t.oid)?;
        for p in t.policies().iter().filter(|p| p.roles.iter().all(|r| *r == role)) {
            super::comment::write(cx, p.oid, table::PG_POLICY, 0, None).await?;
        }
        put(cx, &t, |r| {
            r.policies.retain(|p| p.roles.iter().any(|r| *r != role));
            r.policies.iter_mut().for_each(|p| p.roles.retain(|r| *r != role));
        })
        .await?;
    }
    Ok(())
}
