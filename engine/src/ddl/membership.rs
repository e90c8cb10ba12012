//! GRANT and REVOKE of roles.

use super::{DdlCx, err};
use crate::acl::membership::{Membership, is_admin_of, is_member_of_nosuper};
use crate::catalog::Role;
use crate::catalog::bootstrap::PG_DATABASE_OWNER;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use std::sync::Arc;

/// Whether the current role has CREATEROLE (or may do everything).
pub(super) fn may_create_roles(cx: &DdlCx<'_>) -> bool {
    cx.tx.catalog.roles.get(&cx.role).is_some_and(|r| r.create_role || r.superuser)
}

/// The session's own user, who counts as its own administrator.
fn session_user(cx: &DdlCx<'_>) -> u32 {
    cx.tx.catalog.role_named(&cx.eval.session.session_user()).map_or(0, |r| r.oid)
}

fn check_admin(cx: &DdlCx<'_>, role: &Role, by: u32) -> Result<()> {
    if role.superuser {
        if cx.is_superuser() {
            return Ok(());
        }
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to alter superusers"));
    }
    if may_create_roles(cx) || is_admin_of(&cx.tx.catalog, by, role.oid, session_user(cx)) {
        return Ok(());
    }
    Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("must have admin option on role \"{}\"", role.name)))
}

fn name(cx: &DdlCx<'_>, role: u32) -> String {
    cx.tx.catalog.roles.get(&role).map(|r| r.name.clone()).unwrap_or_default()
}

/// Makes `members` members of a role.
pub(super) async fn add(cx: &mut DdlCx<'_>, role: &Role, members: &[u32], by: u32, admin: bool) -> Result<()> {
    if members.is_empty() {
        return Ok(());
    }
    check_admin(cx, role, by)?;
    if role.oid == PG_DATABASE_OWNER {
        return Err(DbError::internal(format!("role \"{}\" cannot have explicit members", role.name)));
    }
    if by != cx.role && !cx.is_superuser() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to set grantor"));
    }
    for &member in members {
        let shown = name(cx, member);
        if member == PG_DATABASE_OWNER {
            return Err(DbError::internal(format!("role \"{shown}\" cannot be a member of any role")));
        }
        if is_member_of_nosuper(&cx.tx.catalog, role.oid, member) {
            return Err(err(
                SqlState::INVALID_GRANT_OPERATION,
                format!("role \"{}\" is a member of role \"{shown}\"", role.name),
            ));
        }
        let old = cx.tx.catalog.rights.members.iter().find(|m| m.role == role.oid && m.member == member).copied();
        if old.is_some_and(|o| !admin || o.admin) {
            cx.notice(err(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("role \"{shown}\" is already a member of role \"{}\"", role.name),
            ));
            continue;
        }
        cx.tx.put_membership(Membership { role: role.oid, member, grantor: by, admin }).await?;
    }
    Ok(())
}

/// Ends memberships, or only takes their ADMIN OPTION.
pub(super) async fn remove(cx: &mut DdlCx<'_>, role: &Role, members: &[u32], by: u32, only_option: bool) -> Result<()> {
    if members.is_empty() {
        return Ok(());
    }
    check_admin(cx, role, by)?;
    for &member in members {
        let old = cx.tx.catalog.rights.members.iter().find(|m| m.role == role.oid && m.member == member).copied();
        match old {
            None => {
                let shown = name(cx, member);
                cx.notices.push((
                    "WARNING",
                    err(SqlState::WARNING, format!("role \"{shown}\" is not a member of role \"{}\"", role.name)),
                ));
            }
            Some(m) if only_option => cx.tx.put_membership(Membership { admin: false, ..m }).await?,
            Some(_) => cx.tx.drop_membership(role.oid, member).await?,
        }
    }
    Ok(())
}

/// A role by name.
pub(super) fn role_named(cx: &DdlCx<'_>, name: &str) -> Result<Arc<Role>> {
    cx.tx
        .catalog
        .role_named(name)
        .cloned()
        .ok_or_else(|| err(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))
}

/// Roles by specification.
pub(super) fn roles_of(cx: &DdlCx<'_>, list: &[ast::RoleSpec]) -> Result<Vec<u32>> {
    list.iter().map(|r| cx.role_of(r)).collect()
}

/// GRANT, REVOKE of roles.
pub async fn grant(cx: &mut DdlCx<'_>, g: &ast::GrantRole) -> Result<String> {
    let by = match &g.granted_by {
        Some(r) => cx.role_of(r)?,
        None => cx.role,
    };
    let members = roles_of(cx, &g.grantees)?;
    for r in &g.roles {
        let role = role_named(cx, &r.value)?;
        if g.grant {
            add(cx, &role, &members, by, g.admin_option).await?;
        } else {
            remove(cx, &role, &members, by, g.admin_option).await?;
        }
    }
    Ok(if g.grant { "GRANT ROLE" } else { "REVOKE ROLE" }.into())
}
