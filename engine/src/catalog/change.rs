//! Changing the catalog inside a transaction.
//!
//! A DDL statement hands over the new definition of an object; its rows before and after are compared and the difference
//! is written to the catalog's tables in the statement's transaction, under the transaction's own overlay snapshot. When
//! the transaction commits, the same changes are applied to the shared snapshot ([`CatalogChange::apply`]); when it rolls
//! back (or to a savepoint), the overlay is thrown away (or the earlier one taken again). Locks on the objects concerned
//! make sure that two transactions never change the same object at once.

use super::casts::UserCast;
use super::objects::SchemaObject;
use super::operators::UserOperator;
use super::routines::Routine;
use super::rows::{self, CatRow};
use super::types::UserType;
use super::{Catalog, Constraint, ConstraintKind, Database, Namespace, Relation, Role};
use crate::acl::membership::Membership;
use crate::acl::{Acl, DefaultAcl};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One change of one object.
#[derive(Clone, Debug)]
pub enum CatalogChange {
    /// A relation was created or redefined.
    PutRelation(Box<Relation>),
    /// A relation was dropped.
    DropRelation(u32),
    /// A type was created or changed.
    PutType(Box<UserType>),
    /// A type was dropped.
    DropType(u32),
    /// A function, procedure or aggregate was created or changed.
    PutRoutine(Box<Routine>),
    /// One was dropped.
    DropRoutine(u32),
    /// An operator was created or changed.
    PutOperator(Box<UserOperator>),
    /// A collation was created or changed.
    PutCollation(Box<super::collations::Collation>),
    /// A collation was dropped.
    DropCollation(u32),
    /// An operator was dropped.
    DropOperator(u32),
    /// A cast was created.
    PutCast(UserCast),
    /// A cast was dropped.
    DropCast(u32),
    /// A text search object or conversion was created or changed.
    PutObject(Box<SchemaObject>),
    /// One was dropped.
    DropObject(u32),
    /// An extension was installed or changed.
    PutExtension(Box<super::extensions::Extension>),
    /// An extension was dropped.
    DropExtension(u32),
    /// A schema was created or changed.
    PutNamespace(Namespace),
    /// A schema was dropped.
    DropNamespace(u32),
    /// A role was created or changed (in every database).
    PutRole(Box<Role>),
    /// A role was dropped (in every database).
    DropRole(u32),
    /// A database was created or changed (in every database).
    PutDatabase(Database),
    /// A database was dropped (in every database).
    DropDatabase(u32),
    /// Settings of a database and a role, 0 for any (in every database).
    RoleSettings(u32, u32, Vec<(String, String)>),
    /// A membership was granted or changed (in every database).
    PutMembership(Membership),
    /// A membership, by role and member, was revoked (in every database).
    DropMembership(u32, u32),
    /// The list of a built-in function, type or language (catalog and OID) was changed.
    PutObjectAcl(u32, u32, Option<Acl>),
    /// Default privileges were changed.
    PutDefaultAcl(DefaultAcl),
    /// Default privileges, by OID of their row, were removed.
    DropDefaultAcl(u32),
}

/// Version given to each new definition, so that cached plans notice.
static VERSION: AtomicU64 = AtomicU64::new(1);

/// A version no definition has had.
pub fn next_version() -> u64 {
    VERSION.fetch_add(1, Ordering::Relaxed)
}

impl CatalogChange {
    /// Whether every database's snapshot is concerned.
    pub fn is_shared(&self) -> bool {
        matches!(
            self,
            CatalogChange::PutRole(_)
                | CatalogChange::DropRole(_)
                | CatalogChange::PutDatabase(_)
                | CatalogChange::DropDatabase(_)
                | CatalogChange::PutMembership(_)
                | CatalogChange::DropMembership(..)
                | CatalogChange::RoleSettings(..)
        )
    }

    /// The change as it is to be applied to the shared snapshot once it is committed; what the registry of types keeps of
    /// dropped ones is forgotten then.
    pub fn settled(&self, before: &Catalog) -> CatalogChange {
        let forget = |types: &[u32]| types.iter().for_each(|t| rustydb_types::usertype::remove(*t));
        match self {
            CatalogChange::PutType(t) => CatalogChange::PutType(Box::new(t.settled())),
            CatalogChange::DropType(oid) => {
                if let Some(t) = before.types.get(oid) {
                    t.members().iter().for_each(|m| forget(&[m.0]));
                }
                self.clone()
            }
            CatalogChange::DropRoutine(oid) => {
                rustydb_types::userproc::remove(*oid);
                self.clone()
            }
            CatalogChange::DropRelation(oid) => {
                if let Some(r) = before.relation(*oid) {
                    forget(&[r.row_type, r.row_array_type]);
                }
                self.clone()
            }
            other => other.clone(),
        }
    }

    /// Applies the change to a snapshot.
    pub fn apply(&self, cat: &mut Catalog) {
        match self {
            CatalogChange::PutRelation(r) => {
                let old = cat.relation(r.oid).cloned();
                cat.put_relation((**r).clone());
                relink(cat, old.as_deref(), Some(r));
            }
            CatalogChange::DropRelation(oid) => {
                let old = cat.relation(*oid).cloned();
                cat.remove_relation(*oid);
                if let Some(row) = old.as_ref().map(|r| r.row_type).filter(|t| *t != 0) {
                    let of_row = (rows::table::PG_TYPE, row);
                    if cat.rights.objects.contains_key(&of_row) {
                        cat.change_rights(|r| drop(r.objects.remove(&of_row)));
                    }
                }
                relink(cat, old.as_deref(), None);
            }
            CatalogChange::PutType(t) => cat.put_type((**t).clone()),
            CatalogChange::DropType(oid) => {
                cat.remove_type(*oid);
                let of_type = (rows::table::PG_TYPE, *oid);
                if cat.rights.objects.contains_key(&of_type) {
                    cat.change_rights(|r| drop(r.objects.remove(&of_type)));
                }
            }
            CatalogChange::PutRoutine(r) => cat.put_routine((**r).clone()),
            CatalogChange::DropRoutine(oid) => cat.remove_routine(*oid),
            CatalogChange::PutOperator(o) => cat.put_operator((**o).clone()),
            CatalogChange::DropOperator(oid) => cat.remove_operator(*oid),
            CatalogChange::PutCollation(c) => cat.put_collation((**c).clone()),
            CatalogChange::DropCollation(oid) => cat.remove_collation(*oid),
            CatalogChange::PutCast(c) => cat.put_cast(*c),
            CatalogChange::DropCast(oid) => cat.remove_cast(*oid),
            CatalogChange::PutObject(o) => cat.put_object((**o).clone()),
            CatalogChange::DropObject(oid) => cat.remove_object(*oid),
            CatalogChange::PutExtension(e) => cat.put_extension((**e).clone()),
            CatalogChange::DropExtension(oid) => cat.remove_extension(*oid),
            CatalogChange::PutNamespace(n) => cat.put_namespace(n.clone()),
            CatalogChange::DropNamespace(oid) => cat.remove_namespace(*oid),
            CatalogChange::PutRole(r) => cat.put_role((**r).clone()),
            CatalogChange::DropRole(oid) => cat.remove_role(*oid),
            CatalogChange::PutDatabase(d) => {
                cat.databases.retain(|_, old| old.oid != d.oid);
                cat.databases.insert(d.name.clone(), Arc::new(d.clone()));
                if cat.database.oid == d.oid {
                    cat.database = d.clone();
                }
            }
            CatalogChange::DropDatabase(oid) => cat.databases.retain(|_, old| old.oid != *oid),
            CatalogChange::RoleSettings(database, role, list) => {
                if list.is_empty() {
                    cat.role_settings.remove(&(*database, *role));
                } else {
                    cat.role_settings.insert((*database, *role), Arc::new(list.clone()));
                }
            }
            CatalogChange::PutMembership(m) => {
                cat.change_rights(|r| match r.members.iter_mut().find(|o| o.role == m.role && o.member == m.member) {
                    Some(old) => *old = *m,
                    None => r.members.push(*m),
                })
            }
            CatalogChange::DropMembership(role, member) => {
                cat.change_rights(|r| r.members.retain(|m| m.role != *role || m.member != *member));
            }
            CatalogChange::PutObjectAcl(class, oid, acl) => cat.change_rights(|r| {
                match acl {
                    Some(acl) => r.objects.insert((*class, *oid), acl.clone()),
                    None => r.objects.remove(&(*class, *oid)),
                };
            }),
            CatalogChange::PutDefaultAcl(d) => cat.change_rights(|r| {
                r.defaults.retain(|o| o.oid != d.oid);
                r.defaults.push(d.clone());
            }),
            CatalogChange::DropDefaultAcl(oid) => cat.change_rights(|r| r.defaults.retain(|d| d.oid != *oid)),
        }
        if !matches!(self, CatalogChange::PutRelation(_) | CatalogChange::DropRelation(_)) {
            cat.change_rights(|_| {});
        }
    }
}

fn foreign_targets(r: Option<&Relation>) -> Vec<(u32, Arc<Constraint>)> {
    r.into_iter()
        .flat_map(|r| r.constraints.iter())
        .filter_map(|c| match &c.kind {
            ConstraintKind::Foreign { ref_table, .. } => Some((*ref_table, Arc::clone(c))),
            _ => None,
        })
        .collect()
}

/// Keeps `referenced_by` of the tables that the relation's foreign keys point at, and the relation's own, up to date.
fn relink(cat: &mut Catalog, old: Option<&Relation>, new: Option<&Relation>) {
    let (before, after) = (foreign_targets(old), foreign_targets(new));
    let mut targets: Vec<u32> = before.iter().chain(&after).map(|t| t.0).collect();
    targets.sort_unstable();
    targets.dedup();
    let own = new.or(old).map_or(0, |r| r.oid);
    cat.detaching.retain(|o| *o != own);
    cat.detaching.extend(new.filter(|n| n.detaching.is_some()).map(|_| own));
    relink_parents(cat, own, old, new);
    for t in targets {
        let Some(rel) = cat.relation(t).cloned() else { continue };
        let mut r = (*rel).clone();
        r.referenced_by.retain(|c| c.table != own);
        r.referenced_by.extend(after.iter().filter(|a| a.0 == t).map(|a| Arc::clone(&a.1)));
        r.version = next_version();
        cat.put_relation(r);
    }
}

/// Keeps `children` of the tables that the relation inherits from up to date. A partitioned table is new to those who
/// remember it whenever a partition comes, goes or changes.
fn relink_parents(cat: &mut Catalog, own: u32, old: Option<&Relation>, new: Option<&Relation>) {
    let (before, after) = (old.map_or(&[][..], |r| &r.parents), new.map_or(&[][..], |r| &r.parents));
    let mut parents: Vec<u32> = before.iter().chain(after).copied().collect();
    parents.sort_unstable();
    parents.dedup();
    for p in parents {
        let Some(rel) = cat.relation(p).cloned() else { continue };
        let mut r = (*rel).clone();
        r.children.retain(|c| *c != own);
        if after.contains(&p) && new.is_some_and(|n| n.detaching.is_none()) {
            r.children.push(own);
            r.children.sort_unstable();
        }
        if let Some(k) = &r.partition_key {
            let is_default = new.is_some_and(|n| n.parents.contains(&p) && n.bound.as_deref() == Some("DEFAULT"));
            let default = match k.default_partition {
                d if d == own && !is_default => 0,
                _ if is_default => own,
                d => d,
            };
            r.partition_key =
                Some(Arc::new(super::partition::PartitionKey::new(k.strategy, k.columns.clone(), default)));
        }
        r.version = next_version();
        cat.put_relation(r);
    }
}

impl Catalog {
    /// Notes from which snapshots on the partitions are gone whose detaching is published now.
    pub fn publish_detaching(&mut self, now: u64) {
        for oid in self.detaching.clone() {
            let Some(rel) = self.relation(oid).filter(|r| r.detaching == Some(super::UNPUBLISHED)).cloned() else {
                continue;
            };
            self.put_relation(Relation { detaching: Some(now), ..(*rel).clone() });
        }
    }

    /// The catalog of a transaction that goes on reading by an old snapshot: with the partitions that are being detached and
    /// that it sees. `None` if there are none.
    pub fn with_detaching(&self, scn: u64) -> Option<Catalog> {
        let seen = |o: &u32| self.relation(*o).filter(|r| r.detaching.is_some_and(|m| scn <= m)).cloned();
        let back: Vec<Arc<Relation>> = self.detaching.iter().filter_map(seen).collect();
        if back.is_empty() {
            return None;
        }
        let mut cat = self.clone();
        for r in back {
            let r = Relation { detaching: None, version: next_version(), ..(*r).clone() };
            CatalogChange::PutRelation(Box::new(r)).apply(&mut cat);
        }
        Some(cat)
    }
}

/// Rows to remove and rows to add when an object's rows change from `old` to `new`.
pub fn difference(old: Vec<CatRow>, new: Vec<CatRow>) -> (Vec<CatRow>, Vec<CatRow>) {
    let mut gone = Vec::new();
    let mut added = new;
    for row in old {
        match added.iter().position(|r| *r == row) {
            Some(i) => {
                added.swap_remove(i);
            }
            None => gone.push(row),
        }
    }
    (gone, added)
}

/// Rows of a relation as far as its own definition goes (not what others say of it).
pub fn relation_rows(r: &Relation) -> Vec<CatRow> {
    rows::relation(r)
}
