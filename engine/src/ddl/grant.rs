//! GRANT and REVOKE of privileges on objects.
//!
//! The objects are found first, then the roles, then the privileges' words are checked against what the kind of object
//! knows. Each object's list is then changed for itself: by the role that may best do so ([`Acl::best_grantor`]), with
//! PostgreSQL's warnings where it may do less than was asked.

use super::{DdlCx, err};
use crate::acl::check::{self, denied, relation_word};
use crate::acl::item::encode_list;
use crate::acl::{Acl, AclItem, AclKind, Mask, Privs, RelationAcl, privilege_name, privilege_named, privs};
use crate::catalog::rows::{CatRow, RowBuilder, column_index, table};
use crate::catalog::{Database, Namespace, RelKind, Relation};
use crate::large_object::Metadata;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, GrantTarget, ObjectKind, ObjectRef, RoleSpec, TableLockMode};
use rustydb_types::datum::Datum;
use rustydb_types::{oid, pgdata};
use std::sync::Arc;

/// What is done to each object's list.
pub(super) struct Change {
    /// GRANT.
    pub grant: bool,
    /// WITH GRANT OPTION, GRANT OPTION FOR.
    pub option: bool,
    /// CASCADE.
    pub cascade: bool,
    /// Roles, 0 for everyone.
    pub grantees: Vec<u32>,
    /// ALL.
    pub all: bool,
    /// Privileges on the object as a whole.
    pub privs: Privs,
    /// Privileges on columns (0 for ALL) with their names.
    pub columns: Vec<(Privs, Vec<String>)>,
}

impl Change {
    /// The list after the change by `grantor`.
    pub(super) fn merged(&self, cx: &DdlCx<'_>, old: &Acl, p: Privs, grantor: u32, owner: u32) -> Result<Acl> {
        let mut acl = old.clone();
        for &grantee in &self.grantees {
            if self.grant && self.option && grantee == 0 {
                return Err(err(SqlState::INVALID_GRANT_OPERATION, "grant options can only be granted to roles"));
            }
            let item = AclItem {
                grantee,
                grantor,
                privs: if self.grant || !self.option { p } else { 0 },
                options: if !self.grant || self.option { p } else { 0 },
            };
            acl = acl.update(&cx.tx.catalog, item, self.grant, owner, self.cascade)?;
        }
        Ok(acl)
    }
}

/// What a warning or error calls the object.
struct Called<'a> {
    kind: &'a str,
    name: &'a str,
    /// The column, if it is one.
    column: Option<&'a str>,
}

/// The privileges that may really be given or taken.
fn restrict(
    cx: &mut DdlCx<'_>,
    change: &Change,
    options: Privs,
    asked: (Privs, bool),
    holds_any: impl FnOnce(&DdlCx<'_>) -> bool,
    called: &Called<'_>,
) -> Result<Privs> {
    let (wanted, all) = asked;
    if options == 0 && !holds_any(cx) {
        return Err(match called.column {
            Some(c) => err(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied for column \"{c}\" of relation \"{}\"", called.name),
            ),
            None => denied(called.kind, called.name),
        });
    }
    let given = wanted & options;
    let (code, verb) = if change.grant {
        (SqlState::WARNING_PRIVILEGE_NOT_GRANTED, "were granted")
    } else {
        (SqlState::WARNING_PRIVILEGE_NOT_REVOKED, "could be revoked")
    };
    let amount = match () {
        () if given == 0 => Some("no privileges"),
        () if !all && given != wanted => Some("not all privileges"),
        () => None,
    };
    if let Some(amount) = amount {
        let what = match called.column {
            Some(c) => format!("column \"{c}\" of relation \"{}\"", called.name),
            None => format!("\"{}\"", called.name),
        };
        cx.notices.push(("WARNING", err(code, format!("{amount} {verb} for {what}"))));
    }
    Ok(given)
}

/// Roles by specification, 0 for PUBLIC.
pub(super) fn grantees(cx: &DdlCx<'_>, list: &[RoleSpec]) -> Result<Vec<u32>> {
    list.iter()
        .map(|g| match g {
            RoleSpec::Public(_) => Ok(0),
            other => cx.role_of(other),
        })
        .collect()
}

/// What the kind's privileges are and what an unfit one is said to be unfit for.
fn kind_facts(kind: ObjectKind) -> Result<(AclKind, Privs, &'static str)> {
    let (k, word) = match kind {
        ObjectKind::Table => {
            return Ok((AclKind::Table, AclKind::Table.all() | AclKind::Sequence.all(), "relation"));
        }
        ObjectKind::Sequence => (AclKind::Sequence, "sequence"),
        ObjectKind::Database => (AclKind::Database, "database"),
        ObjectKind::Schema => (AclKind::Schema, "schema"),
        ObjectKind::Function => (AclKind::Function, "function"),
        ObjectKind::Procedure => (AclKind::Function, "procedure"),
        ObjectKind::Routine => (AclKind::Function, "routine"),
        ObjectKind::Language => (AclKind::Language, "language"),
        ObjectKind::Type => (AclKind::Type, "type"),
        ObjectKind::Domain => (AclKind::Type, "domain"),
        ObjectKind::Tablespace => (AclKind::Tablespace, "tablespace"),
        ObjectKind::LargeObject => (AclKind::LargeObject, "large object"),
        other => {
            return Err(DbError::unsupported(format!(
                "privileges on a {} are not supported yet",
                super::object_word(other)
            )));
        }
    };
    Ok((k, k.all(), word))
}

/// The privileges' words, checked.
pub(super) fn read_privileges(g: &ast::Grant, all: Privs, word: &str, relation: bool) -> Result<Change> {
    let mut c = Change {
        grant: g.grant,
        option: g.grant_option,
        cascade: g.cascade,
        grantees: Vec::new(),
        all: false,
        privs: 0,
        columns: Vec::new(),
    };
    let names = |v: &[ast::Ident]| v.iter().map(|i| i.value.clone()).collect::<Vec<_>>();
    let only_relations = || err(SqlState::INVALID_GRANT_OPERATION, "column privileges are only valid for relations");
    if g.privileges.is_empty() {
        if g.all_columns.is_empty() {
            c.all = true;
        } else if relation {
            c.columns.push((0, names(&g.all_columns)));
        } else {
            return Err(only_relations());
        }
        return Ok(c);
    }
    for p in &g.privileges {
        let known = privilege_named(&p.name.value)
            .ok_or_else(|| err(SqlState::SYNTAX_ERROR, format!("unrecognized privilege type \"{}\"", p.name.value)))?;
        if !p.columns.is_empty() {
            if !relation {
                return Err(only_relations());
            }
            if known & !privs::COLUMN != 0 {
                return Err(err(
                    SqlState::INVALID_GRANT_OPERATION,
                    format!("invalid privilege type {} for column", privilege_name(known)),
                ));
            }
            c.columns.push((known, names(&p.columns)));
            continue;
        }
        if known & !all != 0 {
            return Err(err(
                SqlState::INVALID_GRANT_OPERATION,
                format!("invalid privilege type {} for {word}", privilege_name(known)),
            ));
        }
        c.privs |= known;
    }
    Ok(c)
}

/// GRANT, REVOKE.
pub async fn grant(cx: &mut DdlCx<'_>, g: &ast::Grant) -> Result<String> {
    let (kind, objects) = match &g.target {
        GrantTarget::Objects(kind, list) => (*kind, named(cx, *kind, list).await?),
        GrantTarget::AllInSchema(kind, schemas) => (*kind, all_in(cx, *kind, schemas).await?),
        GrantTarget::Default(_) => return Err(DbError::internal("default privileges outside their statement")),
    };
    if let Some(by) = &g.granted_by
        && cx.role_of(by)? != cx.role
    {
        return Err(DbError::unsupported("grantor must be current user"));
    }
    let grantees = grantees(cx, &g.grantees)?;
    let (acl_kind, all, word) = kind_facts(kind)?;
    let mut change = read_privileges(g, all, word, kind == ObjectKind::Table)?;
    change.grantees = grantees;
    for o in objects {
        match o {
            Found::Relation(oid) => on_relation(cx, &change, oid, kind == ObjectKind::Sequence).await?,
            Found::Schema(oid) => on_schema(cx, &change, oid).await?,
            Found::Database(d) => on_database(cx, &change, d).await?,
            Found::LargeObject(m) => on_large_object(cx, &change, &m).await?,
            Found::Object { class, oid, name } => {
                on_object(cx, &change, (class, oid), (acl_kind, word), &name).await?;
            }
        }
    }
    Ok(if g.grant { "GRANT" } else { "REVOKE" }.into())
}

/// An object that privileges are on.
enum Found {
    Relation(u32),
    Schema(u32),
    Database(Arc<Database>),
    Object { class: u32, oid: u32, name: String },
    LargeObject(Box<Metadata>),
}

async fn named(cx: &mut DdlCx<'_>, kind: ObjectKind, list: &[ObjectRef]) -> Result<Vec<Found>> {
    let mut out = Vec::with_capacity(list.len());
    for o in list {
        out.push(match (kind, o) {
            (ObjectKind::Table | ObjectKind::Sequence, ObjectRef::Name(n)) => {
                let Some(rel) = cx.open(n, TableLockMode::ShareUpdateExclusive).await? else {
                    return Err(cx.missing("relation", n));
                };
                Found::Relation(rel.oid)
            }
            (ObjectKind::Schema, ObjectRef::Name(n)) => Found::Schema(cx.need_schema_named(&n.name.value)?),
            (ObjectKind::Database, ObjectRef::Name(n)) => {
                let name = &n.name.value;
                let d =
                    cx.tx.catalog.databases.get(name).cloned().ok_or_else(|| {
                        err(SqlState::UNDEFINED_DATABASE, format!("database \"{name}\" does not exist"))
                    })?;
                Found::Database(d)
            }
            (ObjectKind::Language, ObjectRef::Name(n)) => {
                let name = &n.name.value;
                let l = pgdata::languages()
                    .iter()
                    .find(|l| l.lanname == name)
                    .ok_or_else(|| err(SqlState::UNDEFINED_OBJECT, format!("language \"{name}\" does not exist")))?;
                Found::Object { class: table::PG_LANGUAGE, oid: l.oid, name: name.clone() }
            }
            (ObjectKind::Tablespace, ObjectRef::Name(n)) => {
                let name = &n.name.value;
                let t = pgdata::tablespaces()
                    .iter()
                    .find(|t| t.spcname == name)
                    .ok_or_else(|| err(SqlState::UNDEFINED_OBJECT, format!("tablespace \"{name}\" does not exist")))?;
                Found::Object { class: PG_TABLESPACE, oid: t.oid, name: name.clone() }
            }
            (ObjectKind::Type | ObjectKind::Domain, ObjectRef::Name(n)) => named_type(cx, kind, n)?,
            (ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine, ObjectRef::Routine(n, args)) => {
                let (oid, name) = super::routine::find(cx, kind, n, args.as_deref())?;
                Found::Object { class: table::PG_PROC, oid, name }
            }
            (ObjectKind::LargeObject, o) => Found::LargeObject(Box::new(super::large_object::named(cx, o).await?)),
            (kind, _) => {
                let word = super::object_word(kind);
                return Err(DbError::unsupported(format!("privileges on a {word} are not supported yet")));
            }
        });
    }
    Ok(out)
}

/// Catalog of tablespaces.
const PG_TABLESPACE: u32 = 1213;

fn named_type(cx: &DdlCx<'_>, kind: ObjectKind, n: &ast::Name) -> Result<Found> {
    let ty = cx.binder(|b| b.type_name(&super::routine::plain_type(n)))?;
    let shown = n.name.value.clone();
    if let Some(t) = pgdata::pg_type(ty.oid) {
        if t.typcategory == 'A' && t.typelem != 0 && t.typlen == -1 {
            return Err(err(SqlState::INVALID_GRANT_OPERATION, "cannot set privileges of array types")
                .hint("Set the privileges of the element type instead."));
        }
        if kind == ObjectKind::Domain && t.typtype != 'd' {
            return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a domain", t.typname)));
        }
        return Ok(Found::Object { class: table::PG_TYPE, oid: ty.oid, name: t.typname.to_owned() });
    }
    if oid::array_element(ty.oid).is_some() {
        return Err(err(SqlState::INVALID_GRANT_OPERATION, "cannot set privileges of array types")
            .hint("Set the privileges of the element type instead."));
    }
    if kind == ObjectKind::Domain && !rustydb_types::usertype::is_domain(ty.oid) {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{shown}\" is not a domain")));
    }
    Ok(Found::Object { class: table::PG_TYPE, oid: ty.oid, name: shown })
}

async fn all_in(cx: &mut DdlCx<'_>, kind: ObjectKind, schemas: &[ast::Ident]) -> Result<Vec<Found>> {
    let mut out = Vec::new();
    for s in schemas {
        let ns = cx.need_schema_named(&s.value)?;
        check::need_schema(&cx.tx.catalog, ns, cx.role, privs::USAGE)?;
        match kind {
            ObjectKind::Table | ObjectKind::Sequence => {
                let fits = |k: RelKind| match k {
                    RelKind::Sequence => kind == ObjectKind::Sequence,
                    RelKind::Index | RelKind::Composite => false,
                    _ => kind == ObjectKind::Table,
                };
                let mut oids: Vec<u32> = cx
                    .tx
                    .catalog
                    .relations
                    .values()
                    .filter(|r| r.namespace == ns && fits(r.kind))
                    .map(|r| r.oid)
                    .collect();
                oids.sort_unstable();
                for o in oids {
                    cx.lock(o, TableLockMode::ShareUpdateExclusive).await?;
                    if cx.tx.catalog.relation(o).is_some() {
                        out.push(Found::Relation(o));
                    }
                }
            }
            _ => out.extend(
                pgdata::procs()
                    .iter()
                    .filter(|p| p.pronamespace == ns)
                    .chain(cx.tx.catalog.routines.values().filter(|r| r.namespace == ns).map(|r| r.proc()))
                    .filter(|p| match kind {
                        ObjectKind::Function => p.prokind != 'p',
                        ObjectKind::Procedure => p.prokind == 'p',
                        _ => true,
                    })
                    .map(|p| Found::Object { class: table::PG_PROC, oid: p.oid, name: p.proname.to_owned() }),
            ),
        }
    }
    Ok(out)
}

async fn on_relation(cx: &mut DdlCx<'_>, change: &Change, oid: u32, as_sequence: bool) -> Result<()> {
    let rel = cx.relation(oid)?;
    let wrong = |what: &str| Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is {what}", rel.name)));
    match rel.kind {
        RelKind::Index => return wrong("an index"),
        RelKind::Composite => return wrong("a composite type"),
        RelKind::Sequence => {}
        _ if as_sequence => return wrong("not a sequence"),
        _ => {}
    }
    let sequence = rel.kind == RelKind::Sequence;
    let kind = check::relation_kind(&rel);
    let mut wanted = if change.all { kind.all() } else { change.privs };
    if !as_sequence && sequence && wanted & !kind.all() != 0 {
        cx.notices.push((
            "WARNING",
            err(
                SqlState::INVALID_GRANT_OPERATION,
                format!("sequence \"{}\" only supports USAGE, SELECT, and UPDATE privileges", rel.name),
            ),
        ));
        wanted &= kind.all();
    } else if !as_sequence && !sequence && wanted & !kind.all() != 0 {
        return Err(err(SqlState::INVALID_GRANT_OPERATION, "invalid privilege type USAGE for table"));
    }
    let mut on_columns: Vec<(i16, Privs)> = Vec::new();
    let mut add = |n: i16, p: Privs| match on_columns.iter_mut().find(|c| c.0 == n) {
        Some(c) => c.1 |= p,
        None => on_columns.push((n, p)),
    };
    // What is taken from the whole is taken from its parts.
    if !change.grant && wanted & privs::COLUMN != 0 {
        for c in rel.live_columns() {
            add(c.attnum, wanted & privs::COLUMN);
        }
    }
    for (p, names) in &change.columns {
        let mut p = if *p == 0 { privs::COLUMN } else { *p };
        if sequence && p & !privs::SELECT != 0 {
            cx.notices.push((
                "WARNING",
                err(
                    SqlState::INVALID_GRANT_OPERATION,
                    format!("sequence \"{}\" only supports SELECT column privileges", rel.name),
                ),
            ));
            p &= privs::SELECT;
        }
        for name in names {
            let c = rel.column(name).ok_or_else(|| {
                err(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{name}\" of relation \"{}\" does not exist", rel.name),
                )
            })?;
            add(c.attnum, p);
        }
    }
    on_columns.sort_unstable();
    let old = check::relation_acl(&rel);
    let mut lists = rel.acl.as_deref().cloned().unwrap_or_default();
    if wanted != 0 {
        let (grantor, options) = old.best_grantor(&cx.tx.catalog, cx.role, rel.owner, wanted);
        let any = Mask { privs: kind.all(), options: kind.all() };
        let called = Called { kind: relation_word(rel.kind), name: &rel.name, column: None };
        let holds = |cx: &DdlCx<'_>| !check::on_relation(&cx.tx.catalog, &rel, grantor, any).is_empty();
        let given = restrict(cx, change, options, (wanted, change.all), holds, &called)?;
        lists.own = Some(change.merged(cx, &old, given, grantor, rel.owner)?);
    }
    for (n, p) in on_columns {
        let Some(c) = rel.attribute(n) else { continue };
        let own = lists.columns.iter().find(|l| l.0 == n).map(|l| l.1.clone()).unwrap_or_default();
        let both = old.merged(&own);
        let (grantor, options) = both.best_grantor(&cx.tx.catalog, cx.role, rel.owner, p);
        let any = Mask { privs: privs::COLUMN, options: privs::COLUMN };
        let called = Called { kind: "column", name: &rel.name, column: Some(&c.name) };
        let holds = |cx: &DdlCx<'_>| {
            let cat = &cx.tx.catalog;
            !check::on_relation(cat, &rel, grantor, any).is_empty()
                || !check::on_column(cat, &rel, n, grantor, any).is_empty()
        };
        let given = restrict(cx, change, options, (p, p == privs::COLUMN), holds, &called)?;
        let new = change.merged(cx, &own, given, grantor, rel.owner)?;
        lists.columns.retain(|l| l.0 != n);
        if !new.0.is_empty() {
            lists.columns.push((n, new));
        }
    }
    lists.columns.sort_by_key(|l| l.0);
    put_lists(cx, &rel, lists).await
}

/// Stores a relation's lists.
pub(super) async fn put_lists(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, lists: RelationAcl) -> Result<()> {
    cx.put(Relation { acl: lists.kept(), ..(**rel).clone() }).await
}

async fn on_schema(cx: &mut DdlCx<'_>, change: &Change, oid: u32) -> Result<()> {
    let Some(ns) = cx.tx.catalog.namespaces.get(&oid).cloned() else { return Ok(()) };
    let cat = cx.cat();
    let Some((owner, old)) = check::schema_acl(&cat, oid) else { return Ok(()) };
    let all = AclKind::Schema.all();
    let wanted = if change.all { all } else { change.privs };
    let (grantor, options) = old.best_grantor(&cat, cx.role, owner, wanted);
    let called = Called { kind: "schema", name: &ns.name, column: None };
    let holds =
        |cx: &DdlCx<'_>| !check::on_schema(&cx.tx.catalog, oid, grantor, Mask { privs: all, options: all }).is_empty();
    let given = restrict(cx, change, options, (wanted, change.all), holds, &called)?;
    let acl = Some(change.merged(cx, &old, given, grantor, owner)?);
    cx.tx.put_namespace(Namespace { acl, ..(*ns).clone() }).await
}

async fn on_database(cx: &mut DdlCx<'_>, change: &Change, db: Arc<Database>) -> Result<()> {
    let old = check::database_acl(&db);
    let all = AclKind::Database.all();
    let wanted = if change.all { all } else { change.privs };
    let (grantor, options) = old.best_grantor(&cx.cat(), cx.role, db.owner, wanted);
    let called = Called { kind: "database", name: &db.name, column: None };
    let holds = |cx: &DdlCx<'_>| {
        !check::on_database(&cx.tx.catalog, &db, grantor, Mask { privs: all, options: all }).is_empty()
    };
    let given = restrict(cx, change, options, (wanted, change.all), holds, &called)?;
    let acl = Some(change.merged(cx, &old, given, grantor, db.owner)?);
    cx.tx.put_database(Database { acl, ..(*db).clone() }).await
}

async fn on_object(
    cx: &mut DdlCx<'_>,
    change: &Change,
    (class, oid): (u32, u32),
    (kind, word): (AclKind, &str),
    name: &str,
) -> Result<()> {
    if class == table::PG_LANGUAGE && pgdata::languages().iter().any(|l| l.oid == oid && !l.lanpltrusted) {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("language \"{name}\" is not trusted")).detail(
            "GRANT and REVOKE are not allowed on untrusted languages, because only superusers can use untrusted languages.",
        ));
    }
    let cat = cx.cat();
    let (owner, old) = check::object_acl(&cat, class, oid);
    let wanted = if change.all { kind.all() } else { change.privs };
    let (grantor, options) = old.best_grantor(&cat, cx.role, owner, wanted);
    let word = if word == "domain" { "type" } else { word };
    let called = Called { kind: word, name, column: None };
    let any = Mask { privs: kind.all(), options: kind.all() };
    let holds = |cx: &DdlCx<'_>| !check::on_object(&cx.tx.catalog, class, oid, grantor, any).is_empty();
    let given = restrict(cx, change, options, (wanted, change.all), holds, &called)?;
    let new = change.merged(cx, &old, given, grantor, owner)?;
    put_object_list(cx, class, oid, new).await
}

async fn on_large_object(cx: &mut DdlCx<'_>, change: &Change, m: &Metadata) -> Result<()> {
    let cat = cx.cat();
    // The same one may be named twice.
    let again = ObjectRef::Oid(m.oid.to_string());
    let m = super::large_object::named(cx, &again).await?;
    let (old, all) = (m.list(), AclKind::LargeObject.all());
    let wanted = if change.all { all } else { change.privs };
    let (grantor, options) = old.best_grantor(&cat, cx.role, m.owner, wanted);
    let name = format!("large object {}", m.oid);
    let called = Called { kind: "large object", name: &name, column: None };
    let any = Mask { privs: all, options: all };
    let holds = |cx: &DdlCx<'_>| !old.held(&cx.tx.catalog, grantor, m.owner, any).is_empty();
    let given = restrict(cx, change, options, (wanted, change.all), holds, &called)?;
    let new = change.merged(cx, &old, given, grantor, m.owner)?;
    super::large_object::put_list(cx, &m, new).await
}

/// Stores the list of a built-in object in its row.
pub(super) async fn put_object_list(cx: &mut DdlCx<'_>, class: u32, oid: u32, acl: Acl) -> Result<()> {
    if class == table::PG_PROC
        && let Some(r) = cx.tx.catalog.routines.get(&oid).cloned()
    {
        let acl = Some(acl);
        return cx.tx.put_routine(crate::catalog::routines::Routine { acl, ..(*r).clone() }).await;
    }
    let column = match class {
        table::PG_PROC => "proacl",
        table::PG_TYPE => "typacl",
        table::PG_LANGUAGE => "lanacl",
        _ => "spcacl",
    };
    let like = RowBuilder::new(class).oid("oid", oid).build();
    let Some(old) = super::check_rows::catalog_row(cx, &like).await? else {
        return Err(DbError::unsupported("privileges on this object are not supported yet"));
    };
    let mut new = CatRow { table: class, values: old.values.clone() };
    if let Some(v) = column_index(class, column).and_then(|i| new.values.get_mut(i)) {
        *v = encode_list(&acl);
    }
    if old.values.iter().all(Datum::is_null) || old == new {
        return Ok(());
    }
    cx.tx.put_object_acl(old, new, oid, Some(acl)).await
}

/// The list a new object of a kind (`pg_default_acl`'s letter) gets by ALTER DEFAULT PRIVILEGES; `None` for the default.
pub fn initial(cx: &DdlCx<'_>, kind: char, owner: u32, namespace: u32) -> Option<Acl> {
    let defaults = &cx.tx.catalog.rights.defaults;
    let of = |ns: u32| defaults.iter().find(|d| d.role == owner && d.kind == kind && d.namespace == ns);
    let global = of(0);
    let local = (namespace != 0).then(|| of(namespace)).flatten();
    if global.is_none() && local.is_none() {
        return None;
    }
    let standard = Acl::default_for(AclKind::of_letter(kind)?, owner);
    let base = global.map_or_else(|| standard.clone(), |g| g.acl.clone());
    let acl = local.map_or_else(|| base.clone(), |l| base.merged(&l.acl));
    (!acl.same(&standard)).then(|| super::default_acl::sorted(acl))
}

/// Gives a new type the privileges that default privileges say.
pub async fn initial_type(cx: &mut DdlCx<'_>, ty: u32, namespace: u32) -> Result<()> {
    match initial(cx, 'T', cx.role, namespace) {
        Some(acl) => put_object_list(cx, table::PG_TYPE, ty, acl).await,
        None => Ok(()),
    }
}

/// The same for a new relation.
pub fn initial_relation(cx: &DdlCx<'_>, kind: RelKind, owner: u32, namespace: u32) -> Option<Arc<RelationAcl>> {
    let letter = if kind == RelKind::Sequence { 'S' } else { 'r' };
    let own = initial(cx, letter, owner, namespace)?;
    RelationAcl { own: Some(own), ..RelationAcl::default() }.kept()
}
