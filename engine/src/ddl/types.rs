//! CREATE TYPE, and what enums, domains, ranges and composite types have in common: RENAME, OWNER TO, SET SCHEMA, DROP.
//!
//! A type is locked by its OID like a relation, so two transactions never change one at once. Renaming and moving a
//! composite type renames and moves its relation.
//!
//! Left out: base types (CREATE TYPE name (INPUT = …)) and shells, canonical functions of ranges: 0A000. When the places
//! between two labels of an enum that a table uses are used up, adding one there is 0A000 as well: the stored values carry
//! their place.

use super::drop::{Object, drop_objects};
use super::{DdlCx, err};
use crate::bind::types::find;
use crate::catalog::types::{Label, RangeDef, TypeDef, UserType};
use crate::catalog::{RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Name, ObjectKind, ObjectRef, RenamePart, TableLockMode, TypeBody};
use rustydb_types::datum::{EnumValue, TypeRef};
use rustydb_types::usertype::{self, Kind};
use rustydb_types::{io, oid, pgdata, typename};
use std::sync::Arc;

/// 42704 for a type that is not there.
pub fn missing(cx: &DdlCx<'_>, name: &Name) -> DbError {
    if let Some(s) = &name.schema
        && cx.tx.catalog.namespace_named(&s.value).is_none()
    {
        return err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", s.value));
    }
    err(SqlState::UNDEFINED_OBJECT, format!("type \"{}\" does not exist", name.plain()))
}

/// 42710 unless a type may be called so. An array type that came by the name on its own makes room.
pub async fn check_free(cx: &mut DdlCx<'_>, ns: u32, name: &str) -> Result<()> {
    let Some(taken) = cx.tx.catalog.type_named(ns, name) else { return Ok(()) };
    let of_row = oid::array_element(taken).and_then(|row| cx.tx.catalog.row_types.get(&row).copied());
    if let Some(r) = of_row.and_then(|r| cx.tx.catalog.relation(r)).filter(|r| r.row_array_type == taken).cloned() {
        let mut r = (*r).clone();
        r.row_array_name = array_name(cx, ns, &r.row_array_name);
        return cx.put(r).await;
    }
    if let Some(t) = cx.tx.catalog.type_of(taken).filter(|t| t.array.0 == taken).cloned() {
        let mut t = (*t).clone();
        t.array.1 = array_name(cx, ns, &t.array.1);
        return cx.tx.put_type(t).await;
    }
    Err(err(SqlState::DUPLICATE_OBJECT, format!("type \"{name}\" already exists")))
}

/// A free name for the array type over a type.
pub fn array_name(cx: &DdlCx<'_>, ns: u32, name: &str) -> String {
    crate::catalog::types::array_name(&cx.tx.catalog, ns, name, 0)
}

/// Looks a type up and locks it, for a statement that changes it.
pub async fn open(cx: &mut DdlCx<'_>, name: &Name) -> Result<Option<u32>> {
    loop {
        let Some(oid) = find(&cx.cat(), &cx.search_path, name) else { return Ok(None) };
        let owner = cx.tx.catalog.type_of(oid).map(|t| t.oid).or_else(|| cx.tx.catalog.row_types.get(&oid).copied());
        let Some(owner) = owner else { return Ok(Some(oid)) };
        cx.lock(owner, TableLockMode::AccessExclusive).await?;
        if find(&cx.cat(), &cx.search_path, name) == Some(oid) {
            return Ok(Some(oid));
        }
    }
}

/// The object behind a name that has to be an enum, domain or range of the role.
pub async fn open_own(cx: &mut DdlCx<'_>, name: &Name) -> Result<Arc<UserType>> {
    let Some(oid) = open(cx, name).await? else { return Err(missing(cx, name)) };
    if usertype::is_shell(oid) {
        return Err(err(SqlState::UNDEFINED_OBJECT, format!("type \"{}\" is only a shell", name.plain())));
    }
    let Some(t) = cx.tx.catalog.types.get(&oid).cloned() else {
        return Err(not_changeable(cx, oid));
    };
    cx.check_owner(t.owner, "type", &t.name)?;
    Ok(t)
}

fn not_changeable(cx: &DdlCx<'_>, oid: u32) -> DbError {
    let shown = typename::format_type(oid, -1);
    if let Some(elem) = oid::array_element(oid) {
        let elem = typename::format_type(elem, -1);
        return err(SqlState::WRONG_OBJECT_TYPE, format!("cannot alter array type {shown}"))
            .hint(format!("You can alter type {elem}, which will alter the array type as well."));
    }
    if let Some(r) = cx.tx.catalog.row_types.get(&oid).and_then(|r| cx.tx.catalog.relation(*r))
        && r.kind != RelKind::Composite
    {
        return err(SqlState::WRONG_OBJECT_TYPE, format!("{shown} is a table's row type"))
            .hint("Use ALTER TABLE instead.");
    }
    if oid < crate::catalog::FIRST_USER_OID {
        return err(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be owner of type {shown}"));
    }
    err(SqlState::WRONG_OBJECT_TYPE, format!("type {shown} cannot be altered so"))
}

/// A type that is about to be created.
pub async fn blank(cx: &mut DdlCx<'_>, name: &Name, def: TypeDef) -> Result<UserType> {
    super::temp::make_named(cx, name).await?;
    let ns = cx.creation_namespace(name)?;
    let name = name.name.value.as_str();
    check_free(cx, ns, name).await?;
    let oid = cx.tx.new_oid().await?;
    let array = (cx.tx.new_oid().await?, array_name(cx, ns, name));
    Ok(UserType { oid, name: name.to_owned(), namespace: ns, owner: cx.role, array, def, touched: false, version: 0 })
}

fn check_label(label: &str) -> Result<()> {
    if label.is_empty() || label.len() <= 63 {
        return Ok(());
    }
    Err(err(SqlState::INVALID_NAME, format!("invalid enum label \"{label}\""))
        .detail("Labels must be 63 bytes or less."))
}

/// CREATE TYPE … AS ENUM.
pub async fn create_enum(cx: &mut DdlCx<'_>, s: &ast::CreateEnum) -> Result<()> {
    let mut t = blank(cx, &s.name, TypeDef::Enum(Vec::new())).await?;
    let mut labels: Vec<Label> = Vec::with_capacity(s.labels.len());
    for (i, l) in s.labels.iter().enumerate() {
        check_label(l)?;
        if labels.iter().any(|x| x.name == *l) {
            return Err(err(
                SqlState::UNIQUE_VIOLATION,
                "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"",
            )
            .detail(format!("Key (enumtypid, enumlabel)=({}, {l}) already exists.", t.oid)));
        }
        let value = EnumValue { order: (i + 1) as f32, oid: cx.tx.new_oid().await? };
        labels.push(Label { value, name: l.clone(), fresh: false });
    }
    t.def = TypeDef::Enum(labels);
    let (oid, ns) = (t.oid, t.namespace);
    cx.tx.put_type(t).await?;
    super::grant::initial_type(cx, oid, ns).await
}

/// CREATE TYPE … AS (…), AS RANGE.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateType) -> Result<()> {
    match &s.body {
        TypeBody::Composite(attributes) => super::attribute::create(cx, &s.name, attributes).await,
        TypeBody::Range(options) => create_range(cx, &s.name, options).await,
        TypeBody::Shell => {
            super_only(cx)?;
            shell(cx, &s.name).await.map(|_| ())
        }
        TypeBody::Base(_) => {
            super_only(cx)?;
            let name = &s.name.name.value;
            let ns = cx.creation_namespace(&s.name)?;
            match cx.tx.catalog.type_named(ns, name) {
                Some(oid) if usertype::is_shell(oid) => Err(DbError::unsupported("base types are not supported yet")),
                Some(_) => Err(err(SqlState::DUPLICATE_OBJECT, format!("type \"{name}\" already exists"))),
                None => Err(err(SqlState::DUPLICATE_OBJECT, format!("type \"{name}\" does not exist")).hint(
                    "Create the type as a shell type, then create its I/O functions, then do a full CREATE TYPE.",
                )),
            }
        }
    }
}

fn super_only(cx: &DdlCx<'_>) -> Result<()> {
    if cx.is_superuser() {
        return Ok(());
    }
    Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to create a base type"))
}

/// Makes a shell type; answers its OID.
pub async fn shell(cx: &mut DdlCx<'_>, name: &Name) -> Result<u32> {
    let namespace = cx.creation_namespace(name)?;
    let name = name.name.value.clone();
    check_free(cx, namespace, &name).await?;
    let oid = cx.tx.new_oid().await?;
    let array = (0, String::new());
    let (owner, def) = (cx.role, TypeDef::Shell);
    cx.tx.put_type(UserType { oid, name, namespace, owner, array, def, touched: false, version: 0 }).await?;
    Ok(oid)
}

/// A word, string or type of an option as a name.
fn option_name(o: &ast::DefOption) -> Result<Name> {
    Ok(match &o.value {
        Some(ast::DefValue::Word(w) | ast::DefValue::String(w)) => Name::bare(w),
        Some(ast::DefValue::Type(t)) => t.name.clone(),
        _ => {
            return Err(err(SqlState::SYNTAX_ERROR, format!("{} requires a parameter", o.name.value)));
        }
    })
}

async fn create_range(cx: &mut DdlCx<'_>, name: &Name, options: &[ast::DefOption]) -> Result<()> {
    let (mut sub, mut opclass, mut coll, mut subdiff, mut multi) = (None, None, None, 0, None);
    let mut seen: Vec<&str> = Vec::new();
    for o in options {
        let word = o.name.value.as_str();
        if seen.contains(&word) {
            return Err(err(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
        }
        seen.push(word);
        match word {
            "subtype" => {
                let t = match &o.value {
                    Some(ast::DefValue::Type(t)) => (**t).clone(),
                    _ => ast::TypeName {
                        name: option_name(o)?,
                        mods: vec![],
                        dims: vec![],
                        setof: false,
                        pct_type: false,
                    },
                };
                sub = Some(cx.binder(|b| b.type_name(&t))?);
            }
            "subtype_opclass" => opclass = Some(option_name(o)?),
            "collation" => coll = Some(option_name(o)?),
            "canonical" => {
                return Err(DbError::unsupported("canonical functions of range types are not supported yet"));
            }
            "subtype_diff" => {
                let f = option_name(o)?;
                let found = pgdata::procs_named(&f.name.value)
                    .iter()
                    .find(|p| p.prorettype == oid::FLOAT8 && sub.is_none_or(|s: TypeRef| *p.proargtypes == [s.oid; 2]));
                subdiff = match found {
                    Some(p) => p.oid,
                    None => {
                        let arg = sub.map_or_else(|| "-".to_owned(), |s| typename::format_type(s.oid, -1));
                        return Err(err(
                            SqlState::UNDEFINED_FUNCTION,
                            format!("function {}({arg}, {arg}) does not exist", f.plain()),
                        ));
                    }
                };
            }
            "multirange_type_name" => multi = Some(option_name(o)?),
            other => {
                return Err(err(SqlState::SYNTAX_ERROR, format!("type attribute \"{other}\" not recognized")));
            }
        }
    }
    let Some(mut sub) = sub else {
        return Err(err(SqlState::SYNTAX_ERROR, "type attribute \"subtype\" is required"));
    };
    if pgdata::pg_type(sub.oid).is_some_and(|t| t.typtype == 'p') {
        return Err(err(
            SqlState::DATATYPE_MISMATCH,
            format!("range subtype cannot be {}", typename::format_type(sub.oid, -1)),
        ));
    }
    sub.typmod = -1;
    if let Some(c) = coll {
        if sub.collation == 0 {
            return Err(err(
                SqlState::WRONG_OBJECT_TYPE,
                "range collation specified but subtype does not support collation",
            ));
        }
        sub.collation = super::column::collation(cx, &c)?;
    }
    let opclass = match opclass {
        Some(n) => pgdata::opclasses()
            .iter()
            .find(|o| o.opcmethod == pgdata::BTREE && o.opcname == n.name.value)
            .map(|o| o.oid)
            .ok_or_else(|| {
                err(
                    SqlState::UNDEFINED_OBJECT,
                    format!("operator class \"{}\" does not exist for access method \"btree\"", n.plain()),
                )
            })?,
        None => default_opclass(sub.oid).ok_or_else(|| {
            err(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "data type {} has no default operator class for access method \"btree\"",
                    typename::format_type(sub.oid, -1)
                ),
            )
            .hint("You must specify an operator class for the range type or define a default operator class for the subtype.")
        })?,
    };
    let def = RangeDef { sub, opclass, subdiff, multirange: (0, String::new()), multirange_array: (0, String::new()) };
    let mut t = blank(cx, name, TypeDef::Range(def.clone())).await?;
    let multi_name = match &multi {
        Some(n) => {
            let ns = cx.creation_namespace(n)?;
            if ns != t.namespace {
                return Err(DbError::unsupported("a multirange type in another schema is not supported yet"));
            }
            n.name.value.clone()
        }
        None if t.name.contains("range") => io::truncate_name(&t.name.replacen("range", "multirange", 1)).to_owned(),
        None => io::truncate_name(&format!("{}_multirange", t.name)).to_owned(),
    };
    if multi_name == t.name || cx.tx.catalog.type_named(t.namespace, &multi_name).is_some() {
        let e = err(SqlState::DUPLICATE_OBJECT, format!("type \"{multi_name}\" already exists"));
        if multi.is_some() {
            return Err(e);
        }
        return Err(e
            .detail(format!("Failed while creating a multirange type for type \"{}\".", t.name))
            .hint("You can manually specify a multirange type name using the \"multirange_type_name\" attribute."));
    }
    let multirange = (cx.tx.new_oid().await?, multi_name);
    let multirange_array = (cx.tx.new_oid().await?, array_name(cx, t.namespace, &multirange.1));
    t.def = TypeDef::Range(RangeDef { multirange, multirange_array, ..def });
    let (oid, ns) = (t.oid, t.namespace);
    cx.tx.put_type(t).await?;
    super::grant::initial_type(cx, oid, ns).await
}

/// Default btree operator class of any type.
pub fn default_opclass(ty: u32) -> Option<u32> {
    default_opclass_of(pgdata::BTREE, ty)
}

/// Default operator class of any type for an access method.
pub fn default_opclass_of(method: u32, ty: u32) -> Option<u32> {
    let ty = usertype::base(TypeRef { oid: ty, typmod: -1, collation: 0 }).oid;
    let stand_in = match usertype::kind(ty) {
        // Text's own, not that of another type varchar becomes without change.
        _ if ty == oid::VARCHAR => oid::TEXT,
        Some(Kind::Enum) => oid::ANYENUM,
        Some(Kind::Range { .. }) => oid::ANYRANGE,
        Some(Kind::Multirange { .. }) => oid::ANYMULTIRANGE,
        Some(Kind::Array { .. }) => oid::ANYARRAY,
        Some(Kind::Composite) => oid::RECORD,
        _ if oid::array_element(ty).is_some() => oid::ANYARRAY,
        _ => match pgdata::pg_type(ty).map(|t| t.typtype) {
            Some('r') => oid::ANYRANGE,
            Some('m') => oid::ANYMULTIRANGE,
            _ => ty,
        },
    };
    if let Some(o) = pgdata::default_opclass(method, stand_in) {
        return Some(o.oid);
    }
    pgdata::casts_from(ty)
        .iter()
        .filter(|c| c.castmethod == 'b' && c.castcontext == 'i')
        .find_map(|c| pgdata::default_opclass(method, c.casttarget))
        .map(|o| o.oid)
}

/// ALTER TYPE … ADD VALUE.
pub async fn add_value(cx: &mut DdlCx<'_>, s: &ast::AddEnumValue) -> Result<()> {
    let t = open_enum(cx, &s.name).await?;
    check_label(&s.label)?;
    let mut labels = t.labels().to_vec();
    if labels.iter().any(|l| l.name == s.label) {
        let m = format!("enum label \"{}\" already exists", s.label);
        if s.if_not_exists {
            cx.notice(err(SqlState::DUPLICATE_OBJECT, format!("{m}, skipping")));
            return Ok(());
        }
        return Err(err(SqlState::DUPLICATE_OBJECT, m));
    }
    let at = match &s.beside {
        None => labels.len(),
        Some((before, neighbour)) => {
            let i = position(&labels, neighbour)?;
            if *before { i } else { i + 1 }
        }
    };
    let mut order = place(&labels, at);
    if order.is_none() {
        if used_by_tables(cx, t.oid) {
            return Err(DbError::unsupported(format!(
                "no more labels can be added here while tables use type {}",
                typename::format_type(t.oid, -1)
            )));
        }
        for (i, l) in labels.iter_mut().enumerate() {
            l.value.order = (i + 1) as f32;
        }
        order = place(&labels, at);
    }
    let order = order.ok_or_else(|| DbError::internal("no place for an enum label"))?;
    // A type this transaction has created can be used as a whole.
    let fresh = t.touched || cx.tx.committed_type(t.oid);
    let value = EnumValue { order, oid: cx.tx.new_oid().await? };
    labels.insert(at, Label { value, name: s.label.clone(), fresh });
    cx.tx.put_type(UserType { def: TypeDef::Enum(labels), ..(*t).clone() }).await
}

/// A place between the neighbours of a position, if a float has one.
fn place(labels: &[Label], at: usize) -> Option<f32> {
    let order = |i: usize| labels.get(i).map(|l| l.value.order);
    match (at.checked_sub(1).and_then(order), order(at)) {
        (None, None) => Some(1.0),
        (Some(a), None) => Some(a + 1.0).filter(|n| *n > a),
        (None, Some(b)) => Some(b - 1.0).filter(|n| *n < b),
        (Some(a), Some(b)) => Some((a + b) / 2.0).filter(|m| *m > a && *m < b),
    }
}

/// Whether stored rows may hold values of a type.
pub fn used_by_tables(cx: &DdlCx<'_>, ty: u32) -> bool {
    cx.tx.catalog.relations.values().any(|r| {
        r.oid >= crate::catalog::FIRST_USER_OID
            && r.storage.is_some()
            && r.columns.iter().any(|c| contains(cx, c.ty.oid, ty, 0))
    })
}

/// Whether values of type `outer` may have values of type `ty` in them.
pub fn contains(cx: &DdlCx<'_>, outer: u32, ty: u32, depth: u32) -> bool {
    const DEEPEST: u32 = 32;
    if outer == ty || depth > DEEPEST {
        return outer == ty;
    }
    match usertype::kind(outer) {
        Some(Kind::Domain(b)) => contains(cx, b.oid, ty, depth + 1),
        Some(Kind::Array { elem }) => contains(cx, elem, ty, depth + 1),
        Some(Kind::Range { sub, .. }) => contains(cx, sub.oid, ty, depth + 1),
        Some(Kind::Multirange { range }) => contains(cx, range, ty, depth + 1),
        Some(Kind::Composite) => {
            let rel = cx.tx.catalog.row_types.get(&outer).and_then(|r| cx.tx.catalog.relation(*r));
            rel.is_some_and(|r| r.live_columns().any(|c| contains(cx, c.ty.oid, ty, depth + 1)))
        }
        Some(Kind::Enum | Kind::Shell) | None => false,
    }
}

fn position(labels: &[Label], name: &str) -> Result<usize> {
    labels
        .iter()
        .position(|l| l.name == name)
        .ok_or_else(|| err(SqlState::INVALID_PARAMETER_VALUE, format!("\"{name}\" is not an existing enum label")))
}

async fn open_enum(cx: &mut DdlCx<'_>, name: &Name) -> Result<Arc<UserType>> {
    let Some(oid) = open(cx, name).await? else { return Err(missing(cx, name)) };
    match cx.tx.catalog.types.get(&oid).cloned().filter(|t| matches!(t.def, TypeDef::Enum(_))) {
        Some(t) => {
            cx.check_owner(t.owner, "type", &t.name)?;
            Ok(t)
        }
        None => Err(err(SqlState::WRONG_OBJECT_TYPE, format!("{} is not an enum", typename::format_type(oid, -1)))),
    }
}

pub(super) fn name_of(o: &ObjectRef) -> Result<&Name> {
    match o {
        ObjectRef::Name(n) => Ok(n),
        ObjectRef::Type(t) => Ok(&t.name),
        _ => Err(DbError::internal("a type without a name")),
    }
}

/// 42809 when ALTER DOMAIN or DROP DOMAIN names something else.
fn check_kind(kind: ObjectKind, oid: u32) -> Result<()> {
    if kind == ObjectKind::Domain && !usertype::is_domain(oid) {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("{} is not a domain", typename::format_type(oid, -1))));
    }
    Ok(())
}

/// ALTER TYPE and ALTER DOMAIN … RENAME.
pub async fn rename(cx: &mut DdlCx<'_>, s: &ast::Rename) -> Result<String> {
    let tag = format!("ALTER {}", s.kind.sql());
    let (name, to) = (name_of(&s.object)?, s.to.value.as_str());
    match &s.part {
        RenamePart::Value(from, _) => {
            let t = open_enum(cx, name).await?;
            check_label(to)?;
            let mut labels = t.labels().to_vec();
            let i = position(&labels, from)?;
            if labels.iter().any(|l| l.name == to) {
                return Err(err(SqlState::DUPLICATE_OBJECT, format!("enum label \"{to}\" already exists")));
            }
            if let Some(l) = labels.get_mut(i) {
                l.name = to.to_owned();
            }
            cx.tx.put_type(UserType { def: TypeDef::Enum(labels), ..(*t).clone() }).await?;
        }
        RenamePart::Attribute(a) => super::attribute::rename(cx, name, a, to, s.cascade).await?,
        RenamePart::Constraint(c) => super::domain::rename_constraint(cx, name, &c.value, to).await?,
        RenamePart::Itself | RenamePart::Column(_) => {
            let Some(oid) = open(cx, name).await? else { return Err(missing(cx, name)) };
            check_kind(s.kind, oid)?;
            if let Some(rel) = composite(cx, oid) {
                cx.check_owner(rel.owner, "type", &rel.name)?;
                check_free(cx, rel.namespace, to).await?;
                cx.put(Relation { name: to.to_owned(), ..(*rel).clone() }).await?;
                return Ok(tag);
            }
            let t = open_own(cx, name).await?;
            check_free(cx, t.namespace, to).await?;
            let mut t = (*t).clone();
            t.name = to.to_owned();
            t.touched = true;
            t.array.1 = array_name(cx, t.namespace, to);
            cx.tx.put_type(t).await?;
        }
    }
    Ok(tag)
}

/// The relation of a composite type that is no table's.
fn composite(cx: &DdlCx<'_>, oid: u32) -> Option<Arc<Relation>> {
    let rel = cx.tx.catalog.row_types.get(&oid).and_then(|r| cx.tx.catalog.relation(*r))?;
    (rel.kind == RelKind::Composite).then(|| Arc::clone(rel))
}

/// ALTER TYPE and ALTER DOMAIN … OWNER TO.
pub async fn owner(cx: &mut DdlCx<'_>, s: &ast::AlterOwner) -> Result<String> {
    let tag = format!("ALTER {}", s.kind.sql());
    let name = name_of(&s.object)?;
    let role = cx.role_of(&s.owner)?;
    let Some(oid) = open(cx, name).await? else { return Err(missing(cx, name)) };
    check_kind(s.kind, oid)?;
    let member = |cx: &DdlCx<'_>| {
        if role == cx.role || cx.is_superuser() {
            return Ok(());
        }
        let to = cx.tx.catalog.roles.get(&role).map(|r| r.name.clone()).unwrap_or_default();
        Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be member of role \"{to}\"")))
    };
    if let Some(rel) = composite(cx, oid) {
        cx.check_owner(rel.owner, "type", &rel.name)?;
        member(cx)?;
        cx.put(Relation { owner: role, ..(*rel).clone() }).await?;
        return Ok(tag);
    }
    let t = open_own(cx, name).await?;
    member(cx)?;
    cx.tx.put_type(UserType { owner: role, touched: true, ..(*t).clone() }).await?;
    Ok(tag)
}

/// ALTER TYPE and ALTER DOMAIN … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, s: &ast::AlterObjectSchema) -> Result<String> {
    let tag = format!("ALTER {}", s.kind.sql());
    let name = name_of(&s.object)?;
    let Some(oid) = open(cx, name).await? else { return Err(missing(cx, name)) };
    check_kind(s.kind, oid)?;
    let to = s.schema.value.as_str();
    let ns = cx
        .tx
        .catalog
        .namespace_named(to)
        .ok_or_else(|| err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{to}\" does not exist")))?;
    let taken = |cx: &DdlCx<'_>, name: &str| {
        if cx.tx.catalog.type_named(ns, name).is_some() {
            return Err(err(SqlState::DUPLICATE_OBJECT, format!("type \"{name}\" already exists in schema \"{to}\"")));
        }
        Ok(())
    };
    if let Some(rel) = composite(cx, oid) {
        cx.check_owner(rel.owner, "type", &rel.name)?;
        if rel.namespace != ns {
            cx.check_create_in(ns, &rel.name)?;
            taken(cx, &rel.name)?;
            cx.put(Relation { namespace: ns, schema: to.to_owned(), ..(*rel).clone() }).await?;
        }
        return Ok(tag);
    }
    let t = open_own(cx, name).await?;
    if t.namespace != ns {
        cx.check_create_in(ns, &t.name)?;
        taken(cx, &t.name)?;
        let mut t = (*t).clone();
        t.namespace = ns;
        t.touched = true;
        t.array.1 = array_name(cx, ns, &t.name);
        cx.tx.put_type(t).await?;
    }
    Ok(tag)
}

/// DROP TYPE and DROP DOMAIN.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<String> {
    let tag = format!("DROP {}", s.kind.sql());
    let mut named = Vec::new();
    let mut shown = Vec::new();
    for o in &s.objects {
        let name = name_of(o)?;
        let Some(oid) = open(cx, name).await? else {
            if !s.if_exists {
                return Err(missing(cx, name));
            }
            let what = match &name.schema {
                Some(sc) if cx.tx.catalog.namespace_named(&sc.value).is_none() => {
                    format!("schema \"{}\"", sc.value)
                }
                _ => format!("type \"{}\"", name.plain()),
            };
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{what} does not exist, skipping")));
            continue;
        };
        if s.kind == ObjectKind::Domain && !usertype::is_domain(oid) {
            return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a domain", name.plain())));
        }
        let text = typename::format_type(oid, -1);
        if let Some(rel) = cx.tx.catalog.row_types.get(&oid).and_then(|r| cx.tx.catalog.relation(*r)).cloned() {
            if rel.kind != RelKind::Composite {
                let owner = format!("{} {}", super::kind_word(rel.kind), cx.shown(&rel));
                return Err(err(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!("cannot drop type {text} because {owner} requires it"),
                )
                .hint(format!("You can drop {owner} instead.")));
            }
            cx.check_owner(rel.owner, "type", &rel.name)?;
            named.push(Object::Relation(rel.oid));
        } else if let Some(t) = cx.tx.catalog.type_of(oid).cloned() {
            if t.oid != oid {
                let owner = format!("type {}", typename::format_type(t.oid, -1));
                return Err(err(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!("cannot drop type {text} because {owner} requires it"),
                )
                .hint(format!("You can drop {owner} instead.")));
            }
            cx.check_owner(t.owner, "type", &t.name)?;
            named.push(Object::Type(t.oid));
        } else {
            return Err(err(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!("cannot drop type {text} because it is required by the database system"),
            ));
        }
        shown.push(text);
    }
    let what = match shown.as_slice() {
        [one] => format!("type {one}"),
        _ => "desired object(s)".to_owned(),
    };
    drop_objects(cx, &named, s.cascade, &what).await?;
    Ok(tag)
}
