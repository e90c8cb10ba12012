//! Row-level security of a table, as its definition carries it.

use super::membership::has_privs_of;
use crate::catalog::{Catalog, Relation};
use std::sync::Arc;

/// A policy (`pg_policy`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// OID.
    pub oid: u32,
    /// Name, unique in its table.
    pub name: String,
    /// AS PERMISSIVE; restrictive otherwise.
    pub permissive: bool,
    /// FOR: `*` all, `r` SELECT, `a` INSERT, `w` UPDATE, `d` DELETE.
    pub command: char,
    /// TO; 0 is everyone.
    pub roles: Vec<u32>,
    /// USING as SQL text.
    pub using: Option<String>,
    /// WITH CHECK as SQL text.
    pub check: Option<String>,
    /// Relations and their columns (0: as a whole) that the expressions read, its own table's included.
    pub depends: Vec<(u32, i32)>,
}

impl Policy {
    /// Whether it reads a relation, or one column of it.
    pub fn reads(&self, relation: u32, column: Option<i32>) -> bool {
        self.depends.iter().any(|d| d.0 == relation && column.is_none_or(|c| d.1 == c))
    }
}

/// ROW LEVEL SECURITY of a table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowSecurity {
    /// ENABLE.
    pub enabled: bool,
    /// FORCE: the owner is not exempt.
    pub forced: bool,
    /// Policies by name.
    pub policies: Vec<Policy>,
}

/// The row security of a table if it decides what a role sees: superusers and roles with BYPASSRLS are exempt, and so is
/// the owner unless it is forced.
pub fn in_force(cat: &Catalog, rel: &Relation, role: u32) -> Option<Arc<RowSecurity>> {
    let rows = rel.acl.as_ref().and_then(|a| a.rows.clone()).filter(|r| r.enabled)?;
    let exempt = cat.roles.get(&role).is_some_and(|r| r.superuser || r.bypass_rls);
    let owner = has_privs_of(cat, role, rel.owner);
    (!exempt && (!owner || rows.forced)).then_some(rows)
}
