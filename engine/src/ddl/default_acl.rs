//! ALTER DEFAULT PRIVILEGES.
//!
//! A role's default privileges in all schemas stand in place of the built-in ones; those in one schema are added to them.
//! Lists equal to what holds without them are not kept.

use super::{DdlCx, err, grant};
use crate::acl::membership::is_member_of;
use crate::acl::{Acl, AclKind, DefaultAcl};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, GrantTarget, ObjectKind};

/// Kind, letter and the word of its privileges' errors.
fn facts(kind: ObjectKind) -> Result<(AclKind, char, &'static str)> {
    Ok(match kind {
        ObjectKind::Table => (AclKind::Table, 'r', "relation"),
        ObjectKind::Sequence => (AclKind::Sequence, 'S', "sequence"),
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine => (AclKind::Function, 'f', "function"),
        ObjectKind::Type => (AclKind::Type, 'T', "type"),
        ObjectKind::Schema => (AclKind::Schema, 'n', "schema"),
        _ => return Err(DbError::internal("default privileges of an unknown kind")),
    })
}

/// Sorts as PostgreSQL keeps these lists.
pub(super) fn sorted(mut acl: Acl) -> Acl {
    acl.0.sort_by_key(|i| (i.grantee, i.grantor, i.privs, i.options));
    acl
}

/// ALTER DEFAULT PRIVILEGES.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterDefaultPrivileges) -> Result<String> {
    let GrantTarget::Default(kind) = &s.grant.target else {
        return Err(DbError::internal("default privileges without a kind"));
    };
    let (kind, letter, word) = facts(*kind)?;
    if s.grant.privileges.iter().any(|p| !p.columns.is_empty()) {
        return Err(err(SqlState::INVALID_GRANT_OPERATION, "default privileges cannot be set for columns"));
    }
    let grantees = grant::grantees(cx, &s.grant.grantees)?;
    let mut change = grant::read_privileges(&s.grant, kind.all(), word, false)?;
    change.grantees = grantees;
    let roles = if s.roles.is_empty() {
        vec![cx.role]
    } else {
        let mut out = Vec::new();
        for r in &s.roles {
            let role = cx.role_of(r)?;
            if !is_member_of(&cx.tx.catalog, cx.role, role) {
                let name = cx.tx.catalog.roles.get(&role).map(|r| r.name.clone()).unwrap_or_default();
                return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be member of role \"{name}\"")));
            }
            out.push(role);
        }
        out
    };
    for role in roles {
        let mut schemas = Vec::new();
        for n in &s.schemas {
            schemas.push(cx.need_schema_named(&n.value)?);
        }
        if schemas.is_empty() {
            schemas.push(0);
        }
        for ns in schemas {
            if kind == AclKind::Schema && ns != 0 {
                return Err(err(
                    SqlState::INVALID_GRANT_OPERATION,
                    "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS",
                ));
            }
            let without = if ns == 0 { Acl::default_for(kind, role) } else { Acl::default() };
            let old =
                cx.tx.catalog.rights.defaults.iter().find(|d| d.role == role && d.namespace == ns && d.kind == letter);
            let old = old.cloned();
            let before = old.as_ref().map_or(&without, |o| &o.acl);
            let wanted = if change.all { kind.all() } else { change.privs };
            let acl = sorted(change.merged(cx, before, wanted, role, role)?);
            match (old, acl.same(&without)) {
                (None, true) => {}
                (Some(o), true) => cx.tx.put_default_acl(o.oid, None).await?,
                (Some(o), false) => cx.tx.put_default_acl(o.oid, Some(DefaultAcl { acl, ..o })).await?,
                (None, false) => {
                    let oid = cx.tx.new_oid().await?;
                    let d = DefaultAcl { oid, role, namespace: ns, kind: letter, acl };
                    cx.tx.put_default_acl(oid, Some(d)).await?;
                }
            }
        }
    }
    Ok("ALTER DEFAULT PRIVILEGES".into())
}
