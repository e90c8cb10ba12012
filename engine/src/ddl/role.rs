//! CREATE, ALTER and DROP ROLE.

use super::{DdlCx, err, membership};
use crate::catalog::Role;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ObjectRef, RoleOption, RoleOptionKind, RoleSpec};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{io, oid};

/// 42501 unless the role may make (or change) roles; those of superusers need a superuser.
pub fn check_may_create(cx: &DdlCx<'_>, of_superuser: bool) -> Result<()> {
    if cx.is_superuser() {
        return Ok(());
    }
    if of_superuser {
        return Err(err(
            SqlState::INSUFFICIENT_PRIVILEGE,
            "must be superuser to alter superuser roles or change superuser attribute",
        ));
    }
    if cx.tx.catalog.roles.get(&cx.role).is_some_and(|r| r.create_role) {
        return Ok(());
    }
    Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied"))
}

fn check_name(cx: &DdlCx<'_>, name: &ast::Ident) -> Result<()> {
    if name.value.starts_with("pg_") {
        return Err(err(SqlState::RESERVED_NAME, format!("role name \"{}\" is reserved", name.value))
            .detail("Role names starting with \"pg_\" are reserved."));
    }
    if matches!(name.value.as_str(), "public" | "none") {
        return Err(
            err(SqlState::RESERVED_NAME, format!("role name \"{}\" is reserved", name.value)).at(cx.pos(name.pos))
        );
    }
    Ok(())
}

/// Applies options to a role.
fn apply(cx: &mut DdlCx<'_>, r: &mut Role, options: &[RoleOption]) -> Result<()> {
    let mut seen: Vec<std::mem::Discriminant<RoleOptionKind>> = Vec::new();
    for o in options {
        let d = std::mem::discriminant(&o.kind);
        if seen.contains(&d) {
            return Err(err(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(cx.pos(o.pos)));
        }
        seen.push(d);
        match &o.kind {
            RoleOptionKind::Password(None) => r.password = None,
            RoleOptionKind::Password(Some(p)) if p.is_empty() => {
                let m = "empty string is not a valid password, clearing password";
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, m));
                r.password = None;
            }
            RoleOptionKind::Password(Some(p)) => r.password = Some(crate::scram::scram_verifier(p)?),
            RoleOptionKind::Superuser(v) => r.superuser = *v,
            RoleOptionKind::CreateDb(v) => r.create_db = *v,
            RoleOptionKind::CreateRole(v) => r.create_role = *v,
            RoleOptionKind::Login(v) => r.login = *v,
            RoleOptionKind::Inherit(v) => r.inherit = *v,
            RoleOptionKind::Replication(v) => r.replication = *v,
            RoleOptionKind::BypassRls(v) => r.bypass_rls = *v,
            RoleOptionKind::ConnectionLimit(n) => {
                if *n < -1 {
                    return Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("invalid connection limit: {n}")));
                }
                r.connection_limit = *n;
            }
            RoleOptionKind::ValidUntil(t) => {
                r.valid_until = match io::text_in(cx.eval, TypeRef::new(oid::TIMESTAMPTZ), t)? {
                    Datum::TimestampTz(t) => Some(t),
                    _ => None,
                };
            }
            RoleOptionKind::AdminMembers(_)
            | RoleOptionKind::Members(_)
            | RoleOptionKind::InRoles(_)
            | RoleOptionKind::SysId(_) => {}
        }
    }
    Ok(())
}

fn sysid_notice(cx: &mut DdlCx<'_>, options: &[RoleOption]) {
    if options.iter().any(|o| matches!(o.kind, RoleOptionKind::SysId(_))) {
        cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, "SYSID can no longer be specified"));
    }
}

/// CREATE ROLE, USER, GROUP.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateRole) -> Result<()> {
    let mut r = Role {
        oid: 0,
        name: s.name.value.clone(),
        superuser: false,
        inherit: true,
        create_role: false,
        create_db: false,
        login: s.user,
        replication: false,
        bypass_rls: false,
        connection_limit: -1,
        password: None,
        valid_until: None,
    };
    apply(cx, &mut r, &s.options)?;
    sysid_notice(cx, &s.options);
    if !cx.is_superuser() {
        if r.superuser {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to create superusers"));
        }
        if r.replication {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to create replication users"));
        }
        if r.bypass_rls {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to create bypassrls users"));
        }
        if !cx.tx.catalog.roles.get(&cx.role).is_some_and(|r| r.create_role) {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to create role"));
        }
    }
    check_name(cx, &s.name)?;
    if cx.tx.catalog.role_named(&r.name).is_some() {
        return Err(err(SqlState::DUPLICATE_OBJECT, format!("role \"{}\" already exists", r.name)));
    }
    r.oid = cx.tx.new_oid().await?;
    let role = r.clone();
    cx.tx.put_role(r).await?;
    let by = cx.role;
    for o in &s.options {
        if let RoleOptionKind::InRoles(list) = &o.kind {
            for spec in list {
                let other = cx.role_of(spec)?;
                let Some(other) = cx.tx.catalog.roles.get(&other).cloned() else { continue };
                membership::add(cx, &other, &[role.oid], by, false).await?;
            }
        }
    }
    for admin in [true, false] {
        for o in &s.options {
            if let (RoleOptionKind::AdminMembers(list), true) | (RoleOptionKind::Members(list), false) =
                (&o.kind, admin)
            {
                let members = membership::roles_of(cx, list)?;
                membership::add(cx, &role, &members, by, admin).await?;
            }
        }
    }
    Ok(())
}

/// ALTER ROLE … options.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterRole) -> Result<()> {
    let id = cx.role_of(&s.name)?;
    let Some(old) = cx.tx.catalog.roles.get(&id).cloned() else {
        return Err(err(SqlState::UNDEFINED_OBJECT, "role does not exist"));
    };
    if let RoleSpec::Name(n) = &s.name {
        check_name(cx, n)?;
    }
    let mut r = (*old).clone();
    apply(cx, &mut r, &s.options)?;
    sysid_notice(cx, &s.options);
    if !cx.is_superuser() {
        if old.superuser || r.superuser != old.superuser {
            return Err(err(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "must be superuser to alter superuser roles or change superuser attribute",
            ));
        }
        if old.replication || r.replication != old.replication {
            return Err(err(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "must be superuser to alter replication roles or change replication attribute",
            ));
        }
        if r.bypass_rls != old.bypass_rls {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to change bypassrls attribute"));
        }
        // Everyone may change their own password, and nothing else.
        let own = id == cx.role && s.options.iter().all(|o| matches!(o.kind, RoleOptionKind::Password(_)));
        if !own && !cx.tx.catalog.roles.get(&cx.role).is_some_and(|r| r.create_role) {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied"));
        }
    }
    if old.oid == crate::catalog::system::SUPERUSER && !r.superuser {
        return Err(DbError::unsupported("permission denied to alter role")
            .detail("The bootstrap user must have the SUPERUSER attribute."));
    }
    let role = r.clone();
    cx.tx.put_role(r).await?;
    let by = cx.role;
    for o in &s.options {
        if let RoleOptionKind::Members(list) = &o.kind {
            let members = membership::roles_of(cx, list)?;
            if s.drop_members {
                membership::remove(cx, &role, &members, by, false).await?;
            } else {
                membership::add(cx, &role, &members, by, false).await?;
            }
        }
    }
    Ok(())
}

/// ALTER ROLE … RENAME.
pub async fn rename(cx: &mut DdlCx<'_>, name: &ast::Ident, to: &ast::Ident) -> Result<()> {
    let Some(old) = cx.tx.catalog.role_named(&name.value).cloned() else {
        return Err(err(SqlState::UNDEFINED_OBJECT, format!("role \"{}\" does not exist", name.value)));
    };
    if old.name == cx.eval.session.session_user() {
        return Err(DbError::unsupported("session user cannot be renamed"));
    }
    if old.oid == cx.role {
        return Err(DbError::unsupported("current user cannot be renamed"));
    }
    check_name(cx, name)?;
    check_name(cx, to)?;
    if cx.tx.catalog.role_named(&to.value).is_some() {
        return Err(err(SqlState::DUPLICATE_OBJECT, format!("role \"{}\" already exists", to.value)));
    }
    if old.superuser && !cx.is_superuser() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to rename superusers"));
    }
    if !cx.is_superuser() && !cx.tx.catalog.roles.get(&cx.role).is_some_and(|r| r.create_role) {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to rename role"));
    }
    cx.tx.put_role(Role { name: to.value.clone(), ..(*old).clone() }).await
}

/// DROP ROLE.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    let create = cx.tx.catalog.roles.get(&cx.role).is_some_and(|r| r.create_role);
    if !create && !cx.is_superuser() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to drop role"));
    }
    for o in &s.objects {
        let ObjectRef::Name(n) = o else {
            return Err(DbError::internal("DROP ROLE without a name"));
        };
        let name = &n.name.value;
        let Some(r) = cx.tx.catalog.role_named(name).cloned() else {
            if s.if_exists {
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("role \"{name}\" does not exist, skipping")));
                continue;
            }
            return Err(err(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")));
        };
        if r.oid == cx.role {
            return Err(err(SqlState::OBJECT_IN_USE, "current user cannot be dropped"));
        }
        if *name == cx.eval.session.session_user() {
            return Err(err(SqlState::OBJECT_IN_USE, "session user cannot be dropped"));
        }
        if r.superuser && !cx.is_superuser() {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to drop superusers"));
        }
        let needed = super::owned::dependents(cx, r.oid).await?;
        if r.oid < crate::catalog::FIRST_USER_OID {
            return Err(err(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!("cannot drop role {name} because it is required by the database system"),
            ));
        }
        if !needed.is_empty() {
            return Err(err(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!("role \"{name}\" cannot be dropped because some objects depend on it"),
            )
            .detail(needed.join("\n")));
        }
        let gone: Vec<(u32, u32)> = cx
            .tx
            .catalog
            .rights
            .members
            .iter()
            .filter(|m| m.role == r.oid || m.member == r.oid)
            .map(|m| (m.role, m.member))
            .collect();
        for (role, member) in gone {
            cx.tx.drop_membership(role, member).await?;
        }
        super::comment::write(cx, r.oid, crate::catalog::rows::table::PG_AUTHID, 0, None).await?;
        cx.tx.drop_role(r.oid).await?;
    }
    Ok(())
}
