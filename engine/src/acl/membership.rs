//! Who belongs to whom.
//!
//! A member may become (SET ROLE) the roles it belongs to, over any number of steps. It has their rights without doing so
//! only over steps whose member says INHERIT. The owner of the database is the one member of `pg_database_owner`; that
//! membership is in no table.

use crate::catalog::Catalog;
use crate::catalog::bootstrap::PG_DATABASE_OWNER;

/// A membership (`pg_auth_members`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The role belonged to.
    pub role: u32,
    /// Who belongs to it.
    pub member: u32,
    /// Who said so.
    pub grantor: u32,
    /// WITH ADMIN OPTION: may make others members.
    pub admin: bool,
}

/// Roles that `start` belongs to, itself first, breadth first.
fn closure(cat: &Catalog, start: u32, inherit_only: bool) -> Vec<u32> {
    let mut out = vec![start];
    let mut next = 0;
    while let Some(member) = out.get(next).copied() {
        next += 1;
        if inherit_only && !cat.roles.get(&member).is_some_and(|r| r.inherit) {
            continue;
        }
        for m in cat.rights.members.iter().filter(|m| m.member == member) {
            if !out.contains(&m.role) {
                out.push(m.role);
            }
        }
        if member == cat.database.owner && !out.contains(&PG_DATABASE_OWNER) {
            out.push(PG_DATABASE_OWNER);
        }
    }
    out
}

/// Roles whose rights a role has, itself first.
pub fn inherited_roles(cat: &Catalog, role: u32) -> Vec<u32> {
    closure(cat, role, true)
}

fn is_superuser(cat: &Catalog, role: u32) -> bool {
    cat.roles.get(&role).is_some_and(|r| r.superuser)
}

/// Whether a role has the rights of another without SET ROLE.
pub fn has_privs_of(cat: &Catalog, role: u32, of: u32) -> bool {
    role == of || is_superuser(cat, role) || closure(cat, role, true).contains(&of)
}

/// Whether a role may become another.
pub fn is_member_of(cat: &Catalog, role: u32, of: u32) -> bool {
    role == of || is_superuser(cat, role) || closure(cat, role, false).contains(&of)
}

/// The same without what superusers may do beside.
pub fn is_member_of_nosuper(cat: &Catalog, role: u32, of: u32) -> bool {
    closure(cat, role, false).contains(&of)
}

/// Whether a role may make others members of `of`. A session's own user counts as its own administrator.
pub fn is_admin_of(cat: &Catalog, role: u32, of: u32, session_user: u32) -> bool {
    if is_superuser(cat, role) {
        return true;
    }
    if role == of {
        return role == session_user;
    }
    let roles = closure(cat, role, false);
    cat.rights.members.iter().any(|m| m.role == of && m.admin && roles.contains(&m.member))
}
