//! Ownership: what a role owns or has privileges on, and REASSIGN OWNED, DROP OWNED and the owner changes they share
//! with ALTER … OWNER TO.

use super::drop::Object;
use super::{DdlCx, err};
use crate::acl::RelationAcl;
use crate::acl::membership::{has_privs_of, is_member_of};
use crate::acl::{Acl, check, privs};
use crate::catalog::collations::Collation;
use crate::catalog::extensions::Extension;
use crate::catalog::objects::SchemaObject;
use crate::catalog::operators::UserOperator;
use crate::catalog::routines::Routine;
use crate::catalog::rows::table;
use crate::catalog::types::UserType;
use crate::catalog::{Catalog, Database, FIRST_USER_OID, Index, Namespace, RelKind, Relation};
use rustydb_base::{Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::pgdata;
use std::sync::Arc;

/// One tie of a role to an object, as errors list them.
struct Tie {
    /// Object, part and rank ('a' privileges, 'o' owner), which give the order.
    key: (u32, i32, char),
    text: String,
}

/// What one database's catalog ties to a role; `shared` for objects of no database.
fn ties(cx: &DdlCx<'_>, cat: &Catalog, role: u32, shared: bool) -> Vec<Tie> {
    let mut out = Vec::new();
    let mut tie = |oid: u32, sub: i32, owner: Option<u32>, acl: Option<&Acl>, what: &str| {
        if owner == Some(role) {
            out.push(Tie { key: (oid, sub, 'o'), text: format!("owner of {what}") });
        }
        // Where the owner stands in the list is a matter of ownership.
        if owner != Some(role) && acl.is_some_and(|a| a.mentions(role)) {
            out.push(Tie { key: (oid, sub, 'a'), text: format!("privileges for {what}") });
        }
    };
    if shared {
        for d in cat.databases.values() {
            tie(d.oid, 0, Some(d.owner), d.acl.as_ref(), &format!("database {}", d.name));
        }
        return out;
    }
    for n in cat.namespaces.values() {
        tie(n.oid, 0, Some(n.owner), n.acl.as_ref(), &format!("schema {}", n.name));
    }
    let mut policies = Vec::new();
    for r in cat.relations.values().filter(|r| r.kind != RelKind::Index) {
        let word = if r.kind == RelKind::Composite { "type" } else { super::kind_word(r.kind) };
        let what = format!("{word} {}", cx.shown(r));
        tie(r.oid, 0, Some(r.owner), r.acl.as_ref().and_then(|a| a.own.as_ref()), &what);
        for x in &r.extended {
            tie(
                x.oid,
                0,
                Some(x.owner),
                None,
                &format!("statistics object {}", super::drop::shown_in(cx, x.namespace, &x.name)),
            );
        }
        for p in r.policies().iter().filter(|p| p.roles.contains(&role)) {
            let text = format!("target of policy {} on {what}", p.name);
            policies.push(Tie { key: (p.oid, 0, 'r'), text });
        }
        for (n, acl) in r.acl.iter().flat_map(|a| &a.columns).filter(|_| r.owner != role) {
            if let Some(c) = r.attribute(*n) {
                tie(r.oid, i32::from(*n), None, Some(acl), &format!("column {} of {what}", c.name));
            }
        }
    }
    for r in cat.routines.values() {
        let what = super::routine::describe_in(cx, cat, r);
        tie(r.oid, 0, Some(r.owner), r.acl.as_ref(), &what);
    }
    for o in cat.operators.values() {
        tie(o.oid, 0, Some(o.owner), None, &super::operator::describe_in(cx, cat, o));
    }
    for o in cat.objects.values() {
        tie(o.oid, 0, Some(o.owner), None, &super::schema_object::describe_in(cx, cat, o.oid));
    }
    for c in cat.collations.values() {
        tie(c.oid, 0, Some(c.owner), None, &super::collation::describe(cx, c.oid));
    }
    for e in cat.extensions.values() {
        tie(e.oid, 0, Some(e.owner), None, &format!("extension {}", e.name));
    }
    for t in cat.types.values() {
        let shown = rustydb_types::typename::format_type(t.oid, -1);
        tie(t.oid, 0, Some(t.owner), None, &format!("type {shown}"));
    }
    for ((class, oid), acl) in &cat.rights.objects {
        let what = match *class {
            table::PG_PROC => pgdata::proc(*oid).map(|p| format!("function {}", rustydb_types::registry::signature(p))),
            table::PG_TYPE => Some(format!("type {}", rustydb_types::typename::format_type(*oid, -1))),
            table::PG_LANGUAGE => {
                pgdata::languages().iter().find(|l| l.oid == *oid).map(|l| format!("language {}", l.lanname))
            }
            _ => None,
        };
        if let Some(what) = what {
            tie(*oid, 0, None, Some(acl), &what);
        }
    }
    for d in &cat.rights.defaults {
        let kind = match d.kind {
            'r' => "relations",
            'S' => "sequences",
            'f' => "functions",
            'T' => "types",
            _ => "schemas",
        };
        let name = |o: u32| cat.roles.get(&o).map_or("", |r| r.name.as_str());
        let mut what = format!("default privileges on new {kind} belonging to role {}", name(d.role));
        if let Some(n) = cat.namespaces.get(&d.namespace) {
            what.push_str(&format!(" in schema {}", n.name));
        }
        tie(d.oid, 0, Some(d.role), Some(&d.acl), &what);
    }
    out.extend(policies);
    out
}

/// What ties a role to objects of every database, as DROP ROLE lists it.
pub async fn dependents(cx: &mut DdlCx<'_>, role: u32) -> Result<Vec<String>> {
    let cat = &cx.tx.catalog;
    let mut here = ties(cx, cat, role, true);
    here.extend(ties(cx, cat, role, false));
    here.extend(
        super::large_object::ties(cx, role)
            .await?
            .into_iter()
            .map(|(oid, owner, text)| Tie { key: (oid, 0, if owner { 'o' } else { 'a' }), text }),
    );
    here.sort_by_key(|t| t.key);
    let cat = &cx.tx.catalog;
    let mut lines: Vec<String> = here.into_iter().map(|t| t.text).collect();
    let mut others: Vec<&String> = cat.databases.keys().filter(|n| **n != cat.database.name).collect();
    others.sort();
    for name in others {
        if let Some(db) = cx.tx.db.engine().database(name) {
            let n = ties(cx, &db.catalog(), role, false).len();
            if n > 0 {
                lines.push(format!("{n} object{} in database {name}", if n == 1 { "" } else { "s" }));
            }
        }
    }
    Ok(lines)
}

/// 42501 unless the current role may make `owner` the owner of something in a schema.
pub fn check_new_owner(cx: &DdlCx<'_>, owner: u32, namespace: Option<u32>) -> Result<()> {
    if cx.is_superuser() {
        return Ok(());
    }
    if !is_member_of(&cx.tx.catalog, cx.role, owner) {
        let name = cx.tx.catalog.roles.get(&owner).map(|r| r.name.clone()).unwrap_or_default();
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be member of role \"{name}\"")));
    }
    match namespace {
        Some(ns) => check::need_schema(&cx.tx.catalog, ns, owner, privs::CREATE),
        None => Ok(()),
    }
}

/// Gives a relation, its indexes and the sequences its columns own to another role.
pub async fn give_relation(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, owner: u32) -> Result<()> {
    let mut all: Vec<Arc<Relation>> = cx
        .tx
        .catalog
        .relations
        .values()
        .filter(|s| s.sequence.as_ref().and_then(|s| s.owned_by).is_some_and(|o| o.0 == rel.oid))
        .cloned()
        .collect();
    all.sort_by_key(|s| s.oid);
    all.push(Arc::clone(rel));
    for r in all {
        let old = r.owner;
        let acl = r.acl.as_ref().map(|a| {
            Arc::new(RelationAcl {
                own: a.own.as_ref().map(|l| l.with_owner(old, owner)),
                columns: a.columns.iter().map(|(n, l)| (*n, l.with_owner(old, owner))).collect(),
                rows: a.rows.clone(),
            })
        });
        let indexes = r.indexes.iter().map(|i| Arc::new(Index { owner, ..(**i).clone() })).collect();
        cx.put(Relation { owner, acl, indexes, ..(*r).clone() }).await?;
    }
    Ok(())
}

/// Gives a schema to another role.
pub async fn give_schema(cx: &mut DdlCx<'_>, ns: &Namespace, owner: u32) -> Result<()> {
    let acl = ns.acl.as_ref().map(|a| a.with_owner(ns.owner, owner));
    cx.tx.put_namespace(Namespace { owner, acl, ..ns.clone() }).await
}

/// Gives a database to another role.
pub async fn give_database(cx: &mut DdlCx<'_>, db: &Database, owner: u32) -> Result<()> {
    let acl = db.acl.as_ref().map(|a| a.with_owner(db.owner, owner));
    cx.tx.put_database(Database { owner, acl, ..db.clone() }).await
}

fn roles(cx: &DdlCx<'_>, list: &[ast::RoleSpec], what: &str) -> Result<Vec<u32>> {
    let roles = super::membership::roles_of(cx, list)?;
    for r in &roles {
        if !has_privs_of(&cx.tx.catalog, cx.role, *r) {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied to {what} objects")));
        }
    }
    Ok(roles)
}

fn check_pinned(cx: &DdlCx<'_>, roles: &[u32], verb: &str) -> Result<()> {
    let Some(r) = roles.iter().find(|r| **r < FIRST_USER_OID) else { return Ok(()) };
    let name = cx.tx.catalog.roles.get(r).map(|r| r.name.clone()).unwrap_or_default();
    Err(err(
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot {verb} objects owned by role {name} because they are required by the database system"),
    ))
}

/// Relations of some owners that are not part of another one, by OID.
fn owned_relations(cx: &DdlCx<'_>, owners: &[u32]) -> Vec<Arc<Relation>> {
    let mut out: Vec<Arc<Relation>> = cx
        .tx
        .catalog
        .relations
        .values()
        .filter(|r| owners.contains(&r.owner) && r.kind != RelKind::Index && r.oid >= FIRST_USER_OID)
        .cloned()
        .collect();
    out.sort_by_key(|r| r.oid);
    out
}

/// REASSIGN OWNED.
pub async fn reassign(cx: &mut DdlCx<'_>, s: &ast::ReassignOwned) -> Result<String> {
    let from = roles(cx, &s.roles, "reassign")?;
    let to = roles(cx, std::slice::from_ref(&s.to), "reassign")?;
    let Some(to) = to.first().copied() else { return Ok("REASSIGN OWNED".into()) };
    check_pinned(cx, &from, "reassign ownership of")?;
    for r in owned_relations(cx, &from) {
        cx.lock(r.oid, ast::TableLockMode::AccessExclusive).await?;
        let r = cx.relation(r.oid)?;
        if r.owner != to {
            give_relation(cx, &r, to).await?;
        }
    }
    for t in owned_types(cx, &from) {
        cx.lock(t.oid, ast::TableLockMode::AccessExclusive).await?;
        if let Some(t) = cx.tx.catalog.types.get(&t.oid).cloned() {
            cx.tx.put_type(UserType { owner: to, touched: true, ..(*t).clone() }).await?;
        }
    }
    for (relation, oid) in owned_statistics(cx, &from) {
        cx.lock(relation, ast::TableLockMode::ShareUpdateExclusive).await?;
        let r = cx.relation(relation)?;
        super::statistics::give(cx, &r, oid, to).await?;
    }
    let cat = cx.cat();
    for r in cat.routines.values().filter(|r| from.contains(&r.owner)) {
        let acl = r.acl.as_ref().map(|a| a.with_owner(r.owner, to));
        cx.tx.put_routine(Routine { owner: to, acl, ..(**r).clone() }).await?;
    }
    for o in cat.operators.values().filter(|o| from.contains(&o.owner)) {
        cx.tx.put_operator(UserOperator { owner: to, ..(**o).clone() }).await?;
    }
    for o in cat.objects.values().filter(|o| from.contains(&o.owner)) {
        super::schema_object::put(cx, SchemaObject { owner: to, ..(**o).clone() }).await?;
    }
    for c in cat.collations.values().filter(|c| from.contains(&c.owner)) {
        cx.tx.put_collation(Collation { owner: to, ..(**c).clone() }).await?;
    }
    for e in cat.extensions.values().filter(|e| from.contains(&e.owner)) {
        cx.tx.put_extension(Extension { owner: to, ..(**e).clone() }).await?;
    }
    super::large_object::reassign(cx, &from, to).await?;
    let mut schemas: Vec<_> = cat.namespaces.values().filter(|n| from.contains(&n.owner)).cloned().collect();
    schemas.sort_by_key(|n| n.oid);
    for n in schemas {
        give_schema(cx, &n, to).await?;
    }
    let mut databases: Vec<_> = cat.databases.values().filter(|d| from.contains(&d.owner)).cloned().collect();
    databases.sort_by_key(|d| d.oid);
    for d in databases {
        give_database(cx, &d, to).await?;
    }
    Ok("REASSIGN OWNED".into())
}

/// Types of some roles, composite ones left out: they are relations.
fn owned_types(cx: &DdlCx<'_>, roles: &[u32]) -> Vec<Arc<UserType>> {
    let mut out: Vec<_> = cx.tx.catalog.types.values().filter(|t| roles.contains(&t.owner)).cloned().collect();
    out.sort_by_key(|t| t.oid);
    out.dedup_by_key(|t| t.oid);
    out
}

/// Statistics objects of some roles, with their tables.
fn owned_statistics(cx: &DdlCx<'_>, roles: &[u32]) -> Vec<(u32, u32)> {
    let relations = cx.tx.catalog.relations.values();
    let owned = |r: &Arc<Relation>| {
        r.extended.iter().filter(|x| roles.contains(&x.owner)).map(|x| (r.oid, x.oid)).collect::<Vec<_>>()
    };
    let mut out: Vec<(u32, u32)> = relations.flat_map(owned).collect();
    out.sort_unstable_by_key(|o| o.1);
    out
}

/// DROP OWNED.
pub async fn drop_owned(cx: &mut DdlCx<'_>, s: &ast::DropOwned) -> Result<String> {
    let from = roles(cx, &s.roles, "drop")?;
    check_pinned(cx, &from, "drop")?;
    for r in &from {
        forget_privileges(cx, *r).await?;
        super::large_object::forget_role(cx, *r).await?;
    }
    let mut objects: Vec<Object> = owned_relations(cx, &from)
        .iter()
        .filter(|r| owned_part(r).is_none())
        .map(|r| Object::Relation(r.oid))
        .collect();
    objects.extend(owned_types(cx, &from).iter().map(|t| Object::Type(t.oid)));
    objects.extend(owned_statistics(cx, &from).into_iter().map(|(r, x)| Object::Statistics(r, x)));
    let cat = cx.cat();
    let mut routines: Vec<u32> = cat.routines.values().filter(|r| from.contains(&r.owner)).map(|r| r.oid).collect();
    routines.sort_unstable();
    objects.extend(routines.into_iter().map(Object::Routine));
    let mut operators: Vec<u32> = cat.operators.values().filter(|o| from.contains(&o.owner)).map(|o| o.oid).collect();
    operators.sort_unstable();
    objects.extend(operators.into_iter().map(Object::Operator));
    let mut named: Vec<u32> = cat.objects.values().filter(|o| from.contains(&o.owner)).map(|o| o.oid).collect();
    named.sort_unstable();
    objects.extend(named.into_iter().map(Object::Named));
    objects.extend(cat.collations.values().filter(|c| from.contains(&c.owner)).map(|c| Object::Collation(c.oid)));
    // What belongs to an extension goes with it.
    let extensions: Vec<u32> = cat.extensions.values().filter(|e| from.contains(&e.owner)).map(|e| e.oid).collect();
    objects.retain(|o| !extensions.iter().any(|e| super::extension::members(&cat, *e).contains(o)));
    objects.extend(extensions.into_iter().map(Object::Extension));
    let mut schemas: Vec<u32> = cat.namespaces.values().filter(|n| from.contains(&n.owner)).map(|n| n.oid).collect();
    schemas.sort_unstable();
    objects.extend(schemas.into_iter().map(Object::Schema));
    let defaults: Vec<u32> = cat.rights.defaults.iter().filter(|d| from.contains(&d.role)).map(|d| d.oid).collect();
    for d in defaults {
        cx.tx.put_default_acl(d, None).await?;
    }
    if !objects.is_empty() {
        let what = match objects.as_slice() {
            [one] => super::drop::describe(cx, *one),
            _ => "desired object(s)".to_owned(),
        };
        let multiple = objects.len() > 1;
        super::drop::drop_objects(cx, &objects, s.cascade, &what).await.map_err(|mut e| {
            if multiple && e.code == SqlState::DEPENDENT_OBJECTS_STILL_EXIST {
                e.message = "cannot drop desired object(s) because other objects depend on them".into();
            }
            e
        })?;
    }
    Ok("DROP OWNED".into())
}

/// The table a sequence goes with.
fn owned_part(r: &Relation) -> Option<u32> {
    r.sequence.as_ref().and_then(|s| s.owned_by).map(|o| o.0)
}

/// Whether the session may revoke what an object's owner has granted; a warning says if not.
fn may_revoke(cx: &mut DdlCx<'_>, owner: u32, name: &str) -> bool {
    if check::owns(&cx.tx.catalog, cx.role, owner) {
        return true;
    }
    let m = format!("no privileges could be revoked for \"{name}\"");
    cx.notices.push(("WARNING", err(SqlState::WARNING_PRIVILEGE_NOT_REVOKED, m)));
    false
}

/// Takes a role out of every list of this database and of the databases' own.
async fn forget_privileges(cx: &mut DdlCx<'_>, role: u32) -> Result<()> {
    let cat = cx.cat();
    let in_list = |a: &Acl| a.mentions(role);
    let mut relations: Vec<_> = cat
        .relations
        .values()
        .filter(|r| r.acl.as_ref().is_some_and(|a| a.own.iter().chain(a.columns.iter().map(|c| &c.1)).any(in_list)))
        .filter(|r| r.owner != role)
        .cloned()
        .collect();
    relations.sort_by_key(|r| r.oid);
    for r in relations {
        let Some(a) = r.acl.as_deref().filter(|_| may_revoke(cx, r.owner, &r.name)) else { continue };
        let own = a.own.as_ref().map(|l| l.without(&cat, role, r.owner)).transpose()?;
        let mut columns = Vec::new();
        for (n, l) in &a.columns {
            let l = l.without(&cat, role, r.owner)?;
            if !l.0.is_empty() {
                columns.push((*n, l));
            }
        }
        super::grant::put_lists(cx, &r, RelationAcl { own, columns, rows: a.rows.clone() }).await?;
    }
    super::policy::forget_role(cx, role).await?;
    for n in cat.namespaces.values().filter(|n| n.owner != role && n.acl.as_ref().is_some_and(in_list)) {
        if !may_revoke(cx, n.owner, &n.name) {
            continue;
        }
        let acl = n.acl.as_ref().map(|l| l.without(&cat, role, n.owner)).transpose()?;
        cx.tx.put_namespace(Namespace { acl, ..(**n).clone() }).await?;
    }
    for d in cat.databases.values().filter(|d| d.owner != role && d.acl.as_ref().is_some_and(in_list)) {
        let acl = d.acl.as_ref().map(|l| l.without(&cat, role, d.owner)).transpose()?;
        cx.tx.put_database(Database { acl, ..(**d).clone() }).await?;
    }
    for r in cat.routines.values().filter(|r| r.owner != role && r.acl.as_ref().is_some_and(in_list)) {
        if !may_revoke(cx, r.owner, &r.name) {
            continue;
        }
        let acl = r.acl.as_ref().map(|l| l.without(&cat, role, r.owner)).transpose()?;
        cx.tx.put_routine(Routine { acl, ..(**r).clone() }).await?;
    }
    for ((class, oid), acl) in cat.rights.objects.iter().filter(|o| in_list(o.1)) {
        let (owner, _) = check::object_acl(&cat, *class, *oid);
        super::grant::put_object_list(cx, *class, *oid, acl.without(&cat, role, owner)?).await?;
    }
    for d in cat.rights.defaults.iter().filter(|d| d.role != role && in_list(&d.acl)) {
        let acl = d.acl.without(&cat, role, d.role)?;
        let kept = (!acl.0.is_empty() || d.namespace == 0).then(|| crate::acl::DefaultAcl { acl, ..d.clone() });
        cx.tx.put_default_acl(d.oid, kept).await?;
    }
    Ok(())
}
