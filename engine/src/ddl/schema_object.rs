//! What text search objects and conversions have in common: names, owners, schemas, comments and DROP.

use super::drop::Object;
use super::{DdlCx, err};
use crate::acl::check;
use crate::catalog::objects::{self, Kind, SchemaObject};
use crate::catalog::{Catalog, FIRST_USER_OID};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Name, ObjectKind, ObjectRef, TableLockMode};
use rustydb_types::pgdata::Proc;
use std::sync::Arc;

/// The kind that a statement names, if it is one of these.
pub fn kind_of(kind: ObjectKind) -> Option<Kind> {
    Some(match kind {
        ObjectKind::Conversion => Kind::Conversion,
        ObjectKind::TextSearchParser => Kind::Parser,
        ObjectKind::TextSearchTemplate => Kind::Template,
        ObjectKind::TextSearchDictionary => Kind::Dictionary,
        ObjectKind::TextSearchConfiguration => Kind::Configuration,
        _ => return None,
    })
}

/// An object by name.
pub fn find(cx: &DdlCx<'_>, kind: Kind, name: &Name) -> Result<Option<u32>> {
    let cat = &cx.tx.catalog;
    if let Some(db) = name.catalog.as_ref().filter(|c| c.value != cat.database.name) {
        let _ = db;
        let m = format!("cross-database references are not implemented: {}", name.plain());
        return Err(DbError::unsupported(m));
    }
    let bare = &name.name.value;
    Ok(match &name.schema {
        Some(s) => cx.schema_named(&s.value).and_then(|ns| objects::in_schema(cat, kind, ns, bare)),
        None => objects::find(cat, kind, &cx.search_path, bare),
    })
}

fn missing(cx: &DdlCx<'_>, kind: Kind, name: &Name) -> DbError {
    if let Some(s) = name.schema.as_ref().filter(|s| cx.schema_named(&s.value).is_none()) {
        return err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", s.value));
    }
    err(SqlState::UNDEFINED_OBJECT, format!("{} \"{}\" does not exist", kind.word(), name.plain()))
}

/// An object that must be there.
pub fn need(cx: &DdlCx<'_>, kind: Kind, name: &Name) -> Result<u32> {
    find(cx, kind, name)?.ok_or_else(|| missing(cx, kind, name))
}

/// 42501 unless the role may change an object.
fn check_owner(cx: &DdlCx<'_>, kind: Kind, oid: u32, name: &Name) -> Result<()> {
    if cx.is_superuser() {
        return Ok(());
    }
    let owner = cx.tx.catalog.objects.get(&oid).map(|o| o.owner).filter(|_| kind.owned());
    match owner {
        Some(o) if check::owns(&cx.tx.catalog, cx.role, o) => Ok(()),
        _ => Err(check::not_owner(kind.word(), &name.plain())),
    }
}

/// Opens a user's object for a change by its owner.
pub async fn open(cx: &mut DdlCx<'_>, kind: Kind, name: &Name) -> Result<Arc<SchemaObject>> {
    loop {
        let oid = need(cx, kind, name)?;
        if !kind.owned() && !cx.is_superuser() {
            return Err(check::not_owner(kind.word(), &name.plain()));
        }
        check_owner(cx, kind, oid, name)?;
        if oid < FIRST_USER_OID {
            return Err(DbError::unsupported(format!("changing a built-in {} is not supported", kind.word())));
        }
        cx.lock(oid, TableLockMode::AccessExclusive).await?;
        if find(cx, kind, name)? == Some(oid)
            && let Some(o) = cx.tx.catalog.objects.get(&oid)
        {
            return Ok(Arc::clone(o));
        }
    }
}

/// Stores a new or changed object.
pub async fn put(cx: &mut DdlCx<'_>, o: SchemaObject) -> Result<()> {
    cx.tx.put_object(SchemaObject { version: crate::catalog::change::next_version(), ..o }).await
}

/// Stores a new object under a name, which must be free.
pub async fn create(cx: &mut DdlCx<'_>, kind: Kind, name: &Name, namespace: u32, body: objects::Body) -> Result<()> {
    let bare = name.name.value.clone();
    if objects::in_schema(&cx.tx.catalog, kind, namespace, &bare).is_some() {
        let (index, columns) = kind.name_index();
        let m = format!("duplicate key value violates unique constraint \"{index}\"");
        return Err(err(SqlState::UNIQUE_VIOLATION, m)
            .detail(format!("Key ({columns})=({bare}, {namespace}) already exists."))
            .constraint(index));
    }
    let oid = cx.tx.new_oid().await?;
    let owner = if kind.owned() { cx.role } else { 0 };
    put(cx, SchemaObject { oid, name: bare, namespace, owner, body, version: 0 }).await
}

/// 42710 for a name that is taken in a schema.
fn check_free(cx: &DdlCx<'_>, kind: Kind, namespace: u32, name: &str) -> Result<()> {
    if objects::in_schema(&cx.tx.catalog, kind, namespace, name).is_none() {
        return Ok(());
    }
    Err(err(
        SqlState::DUPLICATE_OBJECT,
        format!("{} \"{name}\" already exists in schema \"{}\"", kind.word(), cx.namespace_name(namespace)),
    ))
}

/// ALTER … RENAME TO.
pub async fn rename(cx: &mut DdlCx<'_>, kind: Kind, name: &Name, to: &str) -> Result<()> {
    let o = open(cx, kind, name).await?;
    if !cx.is_superuser() {
        cx.check_create_in(o.namespace, to)?;
    }
    check_free(cx, kind, o.namespace, to)?;
    put(cx, SchemaObject { name: to.to_owned(), ..(*o).clone() }).await
}

/// ALTER … OWNER TO.
pub async fn set_owner(cx: &mut DdlCx<'_>, kind: Kind, name: &Name, owner: u32) -> Result<()> {
    let o = open(cx, kind, name).await?;
    if owner == o.owner {
        return Ok(());
    }
    super::owned::check_new_owner(cx, owner, Some(o.namespace))?;
    put(cx, SchemaObject { owner, ..(*o).clone() }).await
}

/// ALTER … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, kind: Kind, name: &Name, to: &str) -> Result<()> {
    let o = open(cx, kind, name).await?;
    let namespace = cx.need_schema_named(to)?;
    if namespace == o.namespace {
        return Ok(());
    }
    cx.check_create_in(namespace, &o.name)?;
    check_free(cx, kind, namespace, &o.name)?;
    put(cx, SchemaObject { namespace, ..(*o).clone() }).await
}

/// The object that COMMENT ON names.
pub async fn comment(cx: &mut DdlCx<'_>, kind: Kind, name: &Name, text: Option<&str>) -> Result<()> {
    let oid = need(cx, kind, name)?;
    if !kind.owned() && !cx.is_superuser() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be superuser to comment on {}", kind.word())));
    }
    check_owner(cx, kind, oid, name)?;
    super::comment::write(cx, oid, kind.class(), 0, text).await
}

/// DROP.
pub async fn drop(cx: &mut DdlCx<'_>, kind: Kind, s: &ast::Drop) -> Result<()> {
    let mut named = Vec::new();
    for o in &s.objects {
        let ObjectRef::Name(name) = o else { return Err(DbError::internal("DROP without a name")) };
        let Some(oid) = find(cx, kind, name)? else {
            let e = missing(cx, kind, name);
            if !s.if_exists {
                return Err(e);
            }
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{}, skipping", e.message)));
            continue;
        };
        let schema = cx.tx.catalog.objects.get(&oid).and_then(|o| cx.tx.catalog.namespaces.get(&o.namespace));
        // Who owns the schema may drop what is in it.
        if !schema.is_some_and(|n| check::owns(&cx.tx.catalog, cx.role, n.owner)) {
            check_owner(cx, kind, oid, name)?;
        }
        if oid < FIRST_USER_OID {
            return Err(err(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!("cannot drop {} {} because it is required by the database system", kind.word(), name.plain()),
            ));
        }
        let o = Object::Named(oid);
        if !named.contains(&o) {
            named.push(o);
        }
    }
    super::drop::drop_named(cx, &named, s.cascade).await
}

/// A function by name and exact arguments.
pub fn function(cx: &DdlCx<'_>, name: &Name, args: &[u32]) -> Option<&'static Proc> {
    let path = match &name.schema {
        Some(s) => cx.schema_named(&s.value).into_iter().collect(),
        None => cx.search_path.clone(),
    };
    let cat = &cx.tx.catalog;
    path.iter().flat_map(|ns| cat.procs_in(*ns, &name.name.value)).find(|p| *p.proargtypes == *args)
}

/// How messages call an object.
pub fn describe(cx: &DdlCx<'_>, oid: u32) -> String {
    describe_in(cx, &cx.tx.catalog, oid)
}

/// The same of an object of any database's catalog.
pub fn describe_in(cx: &DdlCx<'_>, cat: &Catalog, oid: u32) -> String {
    if let Some(words) = super::opclass_names::describe_in(cx, cat, oid) {
        return words;
    }
    let Some(o) = cat.objects.get(&oid) else { return format!("object {oid}") };
    let kind = o.kind();
    let quoted = ast::quote_ident(&o.name);
    if objects::find(cat, kind, &cx.search_path, &o.name) == Some(oid) {
        return format!("{} {quoted}", kind.word());
    }
    let schema = cat.namespaces.get(&o.namespace).map(|n| n.name.clone()).unwrap_or_default();
    format!("{} {}.{quoted}", kind.word(), ast::quote_ident(&schema))
}

/// The objects that need one, by OID.
pub fn dependents(cat: &Catalog, oid: u32) -> Vec<u32> {
    let mut out: Vec<u32> = cat.objects.values().filter(|o| o.needs().contains(&oid)).map(|o| o.oid).collect();
    out.sort_unstable();
    out
}

/// Removes an object and its comment.
pub async fn remove(cx: &mut DdlCx<'_>, oid: u32) -> Result<()> {
    let Some(o) = cx.tx.catalog.objects.get(&oid).cloned() else { return Ok(()) };
    super::comment::write(cx, oid, o.kind().class(), 0, None).await?;
    cx.tx.drop_object(oid).await
}
