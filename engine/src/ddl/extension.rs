//! CREATE, ALTER and DROP EXTENSION.
//!
//! The objects of an extension are made by the steps that [`crate::catalog::extensions`] lists; whatever is in the catalog
//! after them and was not before belongs to it. They go with the extension only: [`check_members`] refuses to drop one alone.

use super::drop::{Object, describe};
use super::{DdlCx, err};
use crate::acl::{Acl, check};
use crate::catalog::extensions::{self, Available, C, Extension, Function, PG_EXTENSION, Step};
use crate::catalog::routines::{Param, Routine};
use crate::catalog::rows::{CatRow, RowBuilder, table};
use crate::catalog::{Catalog, RelKind, collations, operators};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ExtensionAction, Name, ObjectKind, ObjectRef, TableLockMode};
use rustydb_types::pgdata;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// `pg_init_privs`.
const PG_INIT_PRIVS: u32 = 3394;
/// Where PostgreSQL keeps descriptions of extensions, in messages.
const CONTROL_FILES: &str = "/usr/share/postgresql/15/extension";

fn missing(name: &str) -> DbError {
    err(SqlState::UNDEFINED_OBJECT, format!("extension \"{name}\" does not exist"))
}

fn invalid(m: impl Into<String>) -> DbError {
    err(SqlState::INVALID_PARAMETER_VALUE, m)
}

/// An extension that can be installed, or why there is none of that name.
fn available(name: &str) -> Result<&'static Available> {
    let bad = |why: &str| Err(invalid(format!("invalid extension name: \"{name}\"")).detail(why.to_owned()));
    if name.is_empty() {
        return bad("Extension names must not be empty.");
    }
    if name.contains("--") {
        return bad("Extension names must not contain \"--\".");
    }
    if name.starts_with('-') || name.ends_with('-') {
        return bad("Extension names must not begin or end with \"-\".");
    }
    if name.contains(['/', '\\']) {
        return bad("Extension names must not contain directory separator characters.");
    }
    extensions::available(name).ok_or_else(|| {
        let file = format!("{CONTROL_FILES}/{name}.control");
        DbError::unsupported(format!("extension \"{name}\" is not available"))
            .detail(format!("Could not open extension control file \"{file}\": No such file or directory."))
            .hint("The extension must first be installed on the system where PostgreSQL is running.")
    })
}

/// CREATE EXTENSION.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateExtension) -> Result<()> {
    let name = s.name.value.as_str();
    if cx.tx.catalog.extension_named(name).is_some() {
        let m = format!("extension \"{name}\" already exists");
        if !s.if_not_exists {
            return Err(err(SqlState::DUPLICATE_OBJECT, m));
        }
        cx.notice(err(SqlState::DUPLICATE_OBJECT, format!("{m}, skipping")));
        return Ok(());
    }
    if let Some(at) = s.redundant {
        return Err(err(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(cx.pos(at)));
    }
    let what = available(name)?;
    if let Some(v) = s.version.as_deref().filter(|v| *v != what.version) {
        let m = format!("extension \"{name}\" has no installation script nor update path for version \"{v}\"");
        return Err(invalid(m));
    }
    let namespace = match &s.schema {
        Some(schema) => cx.need_schema_named(&schema.value)?,
        None => super::temp::first_of_path(cx)
            .ok_or_else(|| err(SqlState::UNDEFINED_SCHEMA, "no schema has been selected to create in"))?,
    };
    if !cx.is_superuser() {
        let m = format!("permission denied to create extension \"{name}\"");
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, m).hint("Must be superuser to create this extension."));
    }
    // The number is the first of those that the statement takes, and keeps others from making the same.
    let oid = cx.tx.new_oid().await?;
    cx.lock(PG_EXTENSION, TableLockMode::ShareRowExclusive).await?;
    if cx.tx.catalog.extension_named(name).is_some() {
        return Err(err(SqlState::DUPLICATE_OBJECT, format!("extension \"{name}\" already exists")));
    }
    let before = all_objects(&cx.tx.catalog);
    let path = std::mem::replace(&mut cx.search_path, vec![pgdata::PG_CATALOG, namespace]);
    let made = run(cx, what, namespace).await;
    cx.search_path = path;
    made?;
    let mut members: Vec<(u32, u32)> = all_objects(&cx.tx.catalog).difference(&before).copied().collect();
    members.sort_unstable_by_key(|m| m.1);
    let version = what.version.to_owned();
    let e = Extension { oid, name: name.to_owned(), owner: cx.role, namespace, version, members };
    note_privileges(cx, &e).await?;
    cx.tx.put_extension(e).await?;
    super::comment::write(cx, oid, PG_EXTENSION, 0, Some(what.comment)).await
}

/// A row of `pg_init_privs`.
fn initial_privileges(class: u32, oid: u32, acl: Option<&Acl>) -> CatRow {
    RowBuilder::new(PG_INIT_PRIVS)
        .oid("objoid", oid)
        .oid("classoid", class)
        .i4("objsubid", 0)
        .ch("privtype", 'e')
        .acl("initprivs", acl)
        .build()
}

/// Writes down what an extension's objects are granted from the start, which dumps leave to CREATE EXTENSION.
async fn note_privileges(cx: &mut DdlCx<'_>, e: &Extension) -> Result<()> {
    let cat = cx.cat();
    let granted = |(class, oid): &(u32, u32)| {
        let acl = match *class {
            table::PG_CLASS => cat.relation(*oid)?.acl.as_ref()?.own.as_ref(),
            _ => cat.routines.get(oid)?.acl.as_ref(),
        };
        acl.map(|a| initial_privileges(*class, *oid, Some(a)))
    };
    let rows: Vec<CatRow> = e.members.iter().filter_map(granted).collect();
    cx.tx.write_rows(Vec::new(), rows).await?;
    cx.tx.next_command();
    Ok(())
}

/// Forgets that.
async fn forget_privileges(cx: &mut DdlCx<'_>, members: &[(u32, u32)]) -> Result<()> {
    for (class, oid) in members {
        if let Some(row) = super::check_rows::catalog_row(cx, &initial_privileges(*class, *oid, None)).await? {
            cx.tx.write_rows(vec![row], Vec::new()).await?;
            cx.tx.next_command();
        }
    }
    Ok(())
}

/// Catalog and OID of everything that an extension's steps may make.
fn all_objects(cat: &Catalog) -> HashSet<(u32, u32)> {
    let relations = cat.relations.values().filter(|r| r.kind != RelKind::Index).map(|r| (table::PG_CLASS, r.oid));
    relations.chain(cat.routines.keys().map(|o| (table::PG_PROC, *o))).collect()
}

/// Makes an extension's objects.
async fn run(cx: &mut DdlCx<'_>, what: &'static Available, namespace: u32) -> Result<()> {
    // Of an object that may not be made PostgreSQL names the extension's own.
    cx.check_create_in(namespace, what.name)?;
    for step in what.steps {
        match step {
            Step::Function(f) => {
                let new = routine(f, namespace, cx.role);
                super::function::store(cx, new, false).await?;
            }
            Step::Sql(text) => {
                let sql = std::mem::replace(&mut cx.sql, text);
                let done = match rustydb_parser::parse(text)?.first() {
                    Some(p) => Box::pin(super::execute(cx, &p.stmt)).await.map(|_| ()),
                    None => Ok(()),
                };
                cx.sql = sql;
                done?;
            }
        }
    }
    Ok(())
}

fn routine(f: &Function, namespace: u32, owner: u32) -> Routine {
    let param = |(name, mode, ty, default): &(&'static str, char, u32, Option<&'static str>)| Param {
        name: (*name).to_owned(),
        mode: *mode,
        ty: *ty,
        default: default.map(str::to_owned),
    };
    Routine {
        oid: 0,
        name: f.name.to_owned(),
        namespace,
        owner,
        language: C,
        kind: 'f',
        cost: 1.0,
        rows: if f.set { 1000.0 } else { 0.0 },
        security_definer: false,
        leakproof: false,
        strict: true,
        returns_set: f.set,
        volatility: 'v',
        parallel: 's',
        params: f.params.iter().map(param).collect(),
        result: f.result,
        source: f.source.to_owned(),
        standard: None,
        config: Vec::new(),
        acl: None,
        aggregate: None,
        version: 0,
    }
}

/// An extension that the role may change, locked.
async fn open(cx: &mut DdlCx<'_>, name: &str) -> Result<Arc<Extension>> {
    loop {
        let found = cx.tx.catalog.extension_named(name).cloned().ok_or_else(|| missing(name))?;
        cx.check_owner(found.owner, "extension", name)?;
        cx.lock(found.oid, TableLockMode::AccessExclusive).await?;
        if let Some(now) = cx.tx.catalog.extension_named(name).filter(|e| e.oid == found.oid) {
            return Ok(Arc::clone(now));
        }
    }
}

/// ALTER EXTENSION, but for SET SCHEMA.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterExtension) -> Result<()> {
    let name = s.name.value.as_str();
    match &s.action {
        ExtensionAction::Update(to) => {
            let e = open(cx, name).await?;
            let newest = available(name)?.version;
            let to = to.as_deref().unwrap_or(newest);
            if to != e.version {
                let from = &e.version;
                let m = format!("extension \"{name}\" has no update path from version \"{from}\" to version \"{to}\"");
                return Err(invalid(m));
            }
            let m = format!("version \"{to}\" of extension \"{name}\" is already installed");
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, m));
            Ok(())
        }
        ExtensionAction::Member(add, kind, object) => {
            let e = open(cx, name).await?;
            let member = member(cx, *kind, object).await?;
            let mut members = e.members.clone();
            let state = |m: String| err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, m);
            let words = |cx: &DdlCx<'_>| object_of(&cx.tx.catalog, member).map_or(String::new(), |o| describe(cx, o));
            if *add {
                if let Some(of) = cx.tx.catalog.extension_of(member.0, member.1) {
                    let m = format!("{} is already a member of extension \"{}\"", words(cx), of.name);
                    return Err(state(m));
                }
                members.push(member);
                members.sort_unstable_by_key(|m| m.1);
            } else {
                if !e.has(member.0, member.1) {
                    return Err(state(format!("{} is not a member of extension \"{name}\"", words(cx))));
                }
                members.retain(|m| *m != member);
                forget_privileges(cx, &[member]).await?;
            }
            cx.tx.put_extension(Extension { members, ..(*e).clone() }).await
        }
    }
}

/// Catalog and OID of the object that is to become or no longer to be a member.
async fn member(cx: &mut DdlCx<'_>, kind: ObjectKind, object: &ObjectRef) -> Result<(u32, u32)> {
    use ObjectKind as K;
    let want = match kind {
        K::Table => Some(RelKind::Table),
        K::Sequence => Some(RelKind::Sequence),
        K::View => Some(RelKind::View),
        K::MaterializedView => Some(RelKind::MaterializedView),
        _ => None,
    };
    match (want, object) {
        (Some(want), ObjectRef::Name(n)) => {
            let Some(rel) = cx.open(n, TableLockMode::ShareUpdateExclusive).await? else {
                return Err(cx.missing("relation", n));
            };
            if rel.kind != want {
                let m = format!("\"{}\" is not a {}", rel.name, super::kind_word(want));
                return Err(err(SqlState::WRONG_OBJECT_TYPE, m));
            }
            cx.check_relation_owner(&rel)?;
            Ok((table::PG_CLASS, rel.oid))
        }
        (None, object) if super::routine::is_routine(kind) => {
            super::routine::open(cx, kind, object).await.map(|r| (table::PG_PROC, r.oid))
        }
        (None, ObjectRef::Name(n)) if kind == K::Schema => {
            let oid = cx.need_schema_named(&n.name.value)?;
            let owner = cx.tx.catalog.namespaces.get(&oid).map_or(0, |n| n.owner);
            cx.check_owner(owner, "schema", &n.name.value)?;
            Ok((table::PG_NAMESPACE, oid))
        }
        (None, ObjectRef::Type(t)) => super::types::open_own(cx, &t.name).await.map(|t| (table::PG_TYPE, t.oid)),
        _ => Err(DbError::unsupported(format!(
            "ALTER EXTENSION for a {} is not supported yet",
            super::object_word(kind)
        ))),
    }
}

/// ALTER EXTENSION … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, name: &Name, to: &str) -> Result<()> {
    let name = name.plain();
    if cx.tx.catalog.extension_named(&name).is_none() {
        return Err(missing(&name));
    }
    let namespace = cx.need_schema_named(to)?;
    cx.check_create_in(namespace, &name)?;
    let e = open(cx, &name).await?;
    if e.namespace == namespace {
        return Ok(());
    }
    for m in members(&cx.cat(), e.oid) {
        let cat = cx.cat();
        match m {
            Object::Relation(r) => {
                let Some(rel) = cat.relation(r).filter(|r| r.namespace != namespace) else { continue };
                if cat.relation_named(namespace, &rel.name).is_some() {
                    let m = format!("relation \"{}\" already exists in schema \"{to}\"", rel.name);
                    return Err(err(SqlState::DUPLICATE_TABLE, m));
                }
                super::rename::move_relation(cx, rel, namespace, to, &HashMap::new()).await?;
            }
            Object::Routine(r) => {
                let Some(r) = cat.routines.get(&r).filter(|r| r.namespace != namespace) else { continue };
                super::routine::free(cx, r, namespace, &r.name)?;
                cx.tx.put_routine(Routine { namespace, ..(**r).clone() }).await?;
            }
            other => {
                let m = format!("moving {} with its extension is not supported yet", describe(cx, other));
                return Err(DbError::unsupported(m));
            }
        }
    }
    cx.tx.put_extension(Extension { namespace, ..(*e).clone() }).await
}

/// COMMENT ON EXTENSION.
pub async fn comment(cx: &mut DdlCx<'_>, name: &Name, text: Option<&str>) -> Result<()> {
    let e = open(cx, &name.plain()).await?;
    super::comment::write(cx, e.oid, PG_EXTENSION, 0, text).await
}

/// DROP EXTENSION.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    let mut named = Vec::new();
    for o in &s.objects {
        let ObjectRef::Name(n) = o else { return Err(DbError::internal("DROP EXTENSION without a name")) };
        let name = n.plain();
        let Some(e) = cx.tx.catalog.extension_named(&name).cloned() else {
            if !s.if_exists {
                return Err(missing(&name));
            }
            let m = format!("extension \"{name}\" does not exist, skipping");
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, m));
            continue;
        };
        if !check::owns(&cx.tx.catalog, cx.role, e.owner) {
            return Err(check::not_owner("extension", &name));
        }
        if !named.contains(&Object::Extension(e.oid)) {
            named.push(Object::Extension(e.oid));
        }
    }
    super::drop::drop_named(cx, &named, s.cascade).await
}

/// The object that a row of `pg_depend` names, if DROP knows its kind.
fn object_of(cat: &Catalog, (class, oid): (u32, u32)) -> Option<Object> {
    Some(match class {
        table::PG_CLASS => Object::Relation(oid),
        table::PG_PROC => Object::Routine(oid),
        table::PG_TYPE => Object::Type(oid),
        table::PG_NAMESPACE => Object::Schema(oid),
        operators::PG_OPERATOR => Object::Operator(oid),
        collations::PG_COLLATION => Object::Collation(oid),
        _ if cat.objects.contains_key(&oid) => Object::Named(oid),
        _ => return None,
    })
}

/// The objects that belong to an extension.
pub fn members(cat: &Catalog, oid: u32) -> Vec<Object> {
    let all = cat.extensions.get(&oid).map_or(&[][..], |e| &e.members);
    all.iter().filter_map(|m| object_of(cat, *m)).collect()
}

/// The extension that an object belongs to.
fn owner_of(cat: &Catalog, o: Object) -> Option<&Arc<Extension>> {
    let (class, oid) = match o {
        Object::Relation(r) => (table::PG_CLASS, r),
        Object::Routine(r) => (table::PG_PROC, r),
        Object::Type(t) => (table::PG_TYPE, t),
        Object::Schema(n) => (table::PG_NAMESPACE, n),
        Object::Operator(o) => (operators::PG_OPERATOR, o),
        Object::Collation(c) => (collations::PG_COLLATION, c),
        Object::Named(n) => (cat.objects.get(&n)?.kind().class(), n),
        _ => return None,
    };
    cat.extension_of(class, oid)
}

/// 2BP01 for an object that belongs to an extension which is not dropped with it.
pub fn check_members(cx: &DdlCx<'_>, named: &[Object]) -> Result<()> {
    for o in named {
        let Some(e) = owner_of(&cx.tx.catalog, *o) else { continue };
        if named.contains(&Object::Extension(e.oid)) {
            continue;
        }
        let on = describe(cx, Object::Extension(e.oid));
        let m = format!("cannot drop {} because {on} requires it", describe(cx, *o));
        return Err(err(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, m).hint(format!("You can drop {on} instead.")));
    }
    Ok(())
}

/// Removes the extensions among objects that go, and their comments.
pub async fn remove(cx: &mut DdlCx<'_>, objects: &[Object]) -> Result<()> {
    for o in objects {
        if let Object::Extension(e) = o {
            super::comment::write(cx, *e, PG_EXTENSION, 0, None).await?;
            if let Some(e) = cx.tx.catalog.extensions.get(e).cloned() {
                forget_privileges(cx, &e.members).await?;
            }
            cx.tx.drop_extension(*e).await?;
        }
    }
    Ok(())
}
