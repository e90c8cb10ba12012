//! Operator classes and families by name: RENAME, OWNER, SET SCHEMA, COMMENT, DROP.

use super::drop::Object;
use super::{DdlCx, err};
use crate::acl::check;
use crate::catalog::objects::{Kind, SchemaObject};
use crate::catalog::{Catalog, FIRST_USER_OID, opclasses};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Ident, Name, ObjectKind, ObjectRef, TableLockMode};
use rustydb_types::pgdata::{self, AccessMethod};
use std::sync::Arc;

/// The kind that a statement names, if it is one of these.
pub fn kind_of(kind: ObjectKind) -> Option<Kind> {
    match kind {
        ObjectKind::OperatorClass => Some(Kind::OperatorClass),
        ObjectKind::OperatorFamily => Some(Kind::OperatorFamily),
        _ => None,
    }
}

/// Method and name, as the parser has them.
fn parts(o: &ObjectRef) -> Result<(&Ident, &Name)> {
    match o {
        ObjectRef::OnTable(method, name) => Ok((method, name)),
        _ => Err(DbError::internal("an operator class without an access method")),
    }
}

/// The access method of a name; any may have classes.
pub fn method(name: &Ident) -> Result<&'static AccessMethod> {
    let found = pgdata::access_methods().iter().find(|a| a.amname == name.value);
    let missing = || err(SqlState::UNDEFINED_OBJECT, format!("access method \"{}\" does not exist", name.value));
    let am = found.ok_or_else(missing)?;
    if am.amtype != 'i' {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("access method \"{}\" is not of type INDEX", name.value)));
    }
    Ok(am)
}

/// A class or family by name.
pub fn find(cx: &DdlCx<'_>, kind: Kind, method: u32, name: &Name) -> Option<u32> {
    let cat = &cx.tx.catalog;
    let bare = &name.name.value;
    let path = match &name.schema {
        Some(s) => cx.schema_named(&s.value).into_iter().collect(),
        None => cx.search_path.clone(),
    };
    path.iter().find_map(|ns| opclasses::in_schema(cat, kind, method, *ns, bare))
}

/// 42704 (3F000 for its schema).
pub fn missing(cx: &DdlCx<'_>, kind: Kind, am: &AccessMethod, name: &Name) -> DbError {
    if let Some(s) = name.schema.as_ref().filter(|s| cx.schema_named(&s.value).is_none()) {
        return err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", s.value));
    }
    let m = format!("{} \"{}\" does not exist for access method \"{}\"", kind.word(), name.plain(), am.amname);
    err(SqlState::UNDEFINED_OBJECT, m)
}

fn owner(cat: &Catalog, oid: u32) -> u32 {
    cat.objects.get(&oid).map_or(crate::catalog::system::SUPERUSER, |o| o.owner)
}

/// Opens a user's class or family for a change by its owner.
async fn open(cx: &mut DdlCx<'_>, kind: Kind, o: &ObjectRef) -> Result<Arc<SchemaObject>> {
    let (am, name) = parts(o)?;
    let am = method(am)?;
    loop {
        let oid = find(cx, kind, am.oid, name).ok_or_else(|| missing(cx, kind, am, name))?;
        if !check::owns(&cx.tx.catalog, cx.role, owner(&cx.tx.catalog, oid)) {
            return Err(check::not_owner(kind.word(), &name.name.value));
        }
        if oid < FIRST_USER_OID {
            return Err(DbError::unsupported(format!("changing a built-in {} is not supported", kind.word())));
        }
        cx.lock(oid, TableLockMode::AccessExclusive).await?;
        if find(cx, kind, am.oid, name) == Some(oid)
            && let Some(o) = cx.tx.catalog.objects.get(&oid)
        {
            return Ok(Arc::clone(o));
        }
    }
}

fn check_free(cx: &DdlCx<'_>, o: &SchemaObject, namespace: u32, name: &str) -> Result<()> {
    let method = opclasses::method_of(o).unwrap_or(0);
    if opclasses::in_schema(&cx.tx.catalog, o.kind(), method, namespace, name).is_none() {
        return Ok(());
    }
    let m = format!(
        "{} \"{name}\" for access method \"{}\" already exists in schema \"{}\"",
        o.kind().word(),
        pgdata::access_method(method).map_or("", |a| a.amname),
        cx.namespace_name(namespace)
    );
    Err(err(SqlState::DUPLICATE_OBJECT, m))
}

/// ALTER … RENAME TO.
pub async fn rename(cx: &mut DdlCx<'_>, kind: Kind, o: &ObjectRef, to: &str) -> Result<()> {
    let o = open(cx, kind, o).await?;
    cx.check_create_in(o.namespace, to)?;
    check_free(cx, &o, o.namespace, to)?;
    super::schema_object::put(cx, SchemaObject { name: to.to_owned(), ..(*o).clone() }).await
}

/// ALTER … OWNER TO.
pub async fn set_owner(cx: &mut DdlCx<'_>, kind: Kind, o: &ObjectRef, owner: u32) -> Result<()> {
    let o = open(cx, kind, o).await?;
    if owner == o.owner {
        return Ok(());
    }
    super::owned::check_new_owner(cx, owner, Some(o.namespace))?;
    super::schema_object::put(cx, SchemaObject { owner, ..(*o).clone() }).await
}

/// ALTER … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, kind: Kind, o: &ObjectRef, to: &str) -> Result<()> {
    let o = open(cx, kind, o).await?;
    let namespace = cx.need_schema_named(to)?;
    if namespace == o.namespace {
        return Ok(());
    }
    cx.check_create_in(namespace, &o.name)?;
    check_free(cx, &o, namespace, &o.name)?;
    super::schema_object::put(cx, SchemaObject { namespace, ..(*o).clone() }).await
}

/// What COMMENT ON and DROP name, which the role must own.
fn named(cx: &DdlCx<'_>, kind: Kind, am: &AccessMethod, name: &Name) -> Result<u32> {
    let oid = find(cx, kind, am.oid, name).ok_or_else(|| missing(cx, kind, am, name))?;
    if !check::owns(&cx.tx.catalog, cx.role, owner(&cx.tx.catalog, oid)) {
        return Err(check::not_owner(kind.word(), &format!("{}.{}", am.amname, name.plain())));
    }
    Ok(oid)
}

/// COMMENT ON.
pub async fn comment(cx: &mut DdlCx<'_>, kind: Kind, o: &ObjectRef, text: Option<&str>) -> Result<()> {
    let (am, name) = parts(o)?;
    let oid = named(cx, kind, method(am)?, name)?;
    super::comment::write(cx, oid, kind.class(), 0, text).await
}

/// DROP.
pub async fn drop(cx: &mut DdlCx<'_>, kind: Kind, s: &ast::Drop) -> Result<()> {
    let mut list = Vec::new();
    for o in &s.objects {
        let (am, name) = parts(o)?;
        let am = method(am)?;
        if s.if_exists && find(cx, kind, am.oid, name).is_none() {
            let e = missing(cx, kind, am, name);
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{}, skipping", e.message)));
            continue;
        }
        let found = find(cx, kind, am.oid, name);
        let schema = found.and_then(|oid| cx.tx.catalog.objects.get(&oid)).map(|o| o.namespace);
        let schema = schema.and_then(|ns| cx.tx.catalog.namespaces.get(&ns));
        // Who owns the schema may drop what is in it.
        let oid = match (schema.is_some_and(|n| check::owns(&cx.tx.catalog, cx.role, n.owner)), found) {
            (true, Some(oid)) => oid,
            _ => named(cx, kind, am, name)?,
        };
        if oid < FIRST_USER_OID {
            return Err(err(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!(
                    "cannot drop {} {} for access method {} because it is required by the database system",
                    kind.word(),
                    name.name.value,
                    am.amname
                ),
            ));
        }
        list.push(Object::Named(oid));
    }
    super::drop::drop_named(cx, &list, s.cascade).await
}

/// How messages call a class or family of any database's catalog; `None` for other objects.
pub fn describe_in(cx: &DdlCx<'_>, cat: &Catalog, oid: u32) -> Option<String> {
    let o = cat.objects.get(&oid)?;
    let method = opclasses::method_of(o)?;
    let mut path = cx.search_path.iter();
    let first = path.find_map(|ns| opclasses::in_schema(cat, o.kind(), method, *ns, &o.name));
    let mut name = ast::quote_ident(&o.name).to_string();
    if first != Some(oid) {
        let schema = cat.namespaces.get(&o.namespace).map(|n| n.name.clone()).unwrap_or_default();
        name = format!("{}.{name}", ast::quote_ident(&schema));
    }
    let am = pgdata::access_method(method).map_or("", |a| a.amname);
    Some(format!("{} {name} for access method {am}", o.kind().word()))
}

/// The same of a family, built in or not.
pub fn describe_family(cx: &DdlCx<'_>, oid: u32) -> String {
    let built_in = || {
        let f = pgdata::opfamily(oid)?;
        let am = pgdata::access_method(f.opfmethod)?;
        Some(format!("operator family {} for access method {}", f.opfname, am.amname))
    };
    describe_in(cx, &cx.tx.catalog, oid).or_else(built_in).unwrap_or_default()
}

/// Takes loose members out of their families: those with an operator or a function that goes.
pub async fn forget_loose(cx: &mut DdlCx<'_>, function: bool, target: u32) -> Result<()> {
    let concerned: Vec<Arc<SchemaObject>> = (cx.tx.catalog.objects.values())
        .filter(|o| opclasses::members(o).iter().any(|m| m.function == function && m.target == target))
        .map(Arc::clone)
        .collect();
    for o in concerned {
        let mut o = (*o).clone();
        if let crate::catalog::objects::Body::Family { members, .. } = &mut o.body {
            members.retain(|m| !(m.function == function && m.target == target));
            super::schema_object::put(cx, o).await?;
        }
    }
    Ok(())
}
