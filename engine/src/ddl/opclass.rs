//! CREATE OPERATOR CLASS, CREATE and ALTER OPERATOR FAMILY.
//!
//! Left out: DEFAULT classes of btree and hash whose order or equality is no built-in one's (ORDER BY, DISTINCT and GROUP
//! BY would have to use it), and loose members of built-in families.

use super::opclass_items::{dropped, invalid, members, type_of, word};
use super::opclass_names::{describe_family, describe_in, find, method, missing};
use super::{DdlCx, err};
use crate::catalog::FIRST_USER_OID;
use crate::catalog::objects::{Body, Kind, SchemaObject};
use crate::catalog::opclasses::{self, Member};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{
    AlterOperatorFamily, CreateOperatorClass, CreateOperatorFamily, OpFamilyChange, TableLockMode,
};
use rustydb_types::pgdata::{self, AccessMethod};
use rustydb_types::typename::format_type;

fn superuser(cx: &DdlCx<'_>, what: &str) -> Result<()> {
    if cx.is_superuser() {
        return Ok(());
    }
    Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be superuser to {what}")))
}

fn taken(cx: &DdlCx<'_>, kind: Kind, am: &AccessMethod, namespace: u32, name: &str) -> Result<()> {
    if opclasses::in_schema(&cx.tx.catalog, kind, am.oid, namespace, name).is_none() {
        return Ok(());
    }
    let m = format!("{} \"{name}\" for access method \"{}\" already exists", kind.word(), am.amname);
    Err(err(SqlState::DUPLICATE_OBJECT, m))
}

async fn put_new(cx: &mut DdlCx<'_>, name: &str, namespace: u32, body: Body) -> Result<u32> {
    let oid = cx.tx.new_oid().await?;
    let o = SchemaObject { oid, name: name.to_owned(), namespace, owner: cx.role, body, version: 0 };
    super::schema_object::put(cx, o).await?;
    Ok(oid)
}

/// CREATE OPERATOR FAMILY.
pub async fn create_family(cx: &mut DdlCx<'_>, s: &CreateOperatorFamily) -> Result<()> {
    let namespace = cx.creation_namespace(&s.name).map_err(super::placeless)?;
    superuser(cx, "create an operator family")?;
    let am = method(&s.method)?;
    taken(cx, Kind::OperatorFamily, am, namespace, &s.name.name.value)?;
    let body = Body::Family { method: am.oid, members: Vec::new() };
    put_new(cx, &s.name.name.value, namespace, body).await.map(|_| ())
}

/// CREATE OPERATOR CLASS.
pub async fn create_class(cx: &mut DdlCx<'_>, s: &CreateOperatorClass) -> Result<()> {
    let namespace = cx.creation_namespace(&s.name).map_err(super::placeless)?;
    let name = s.name.name.value.as_str();
    let am = method(&s.method)?;
    superuser(cx, "create an operator class")?;
    let input = type_of(cx, &s.ty)?;
    let kind = Kind::OperatorFamily;
    let mut family = match &s.family {
        Some(f) => Some(find(cx, kind, am.oid, f).ok_or_else(|| missing(cx, kind, am, f))?),
        None => opclasses::in_schema(&cx.tx.catalog, kind, am.oid, namespace, name),
    };
    let (mut new, key) = members(cx, am, Some(input), &s.items)?;
    taken(cx, Kind::OperatorClass, am, namespace, name)?;
    if s.default {
        check_default(cx, am, input, s, &new)?;
    }
    if family.is_none() {
        let body = Body::Family { method: am.oid, members: Vec::new() };
        family = Some(put_new(cx, name, namespace, body).await?);
    }
    let family = family.unwrap_or_default();
    for m in &mut new {
        check_new(cx, family, m)?;
        m.oid = cx.tx.new_oid().await?;
    }
    // What is about other types, and operators that a method can do without, may leave the family again.
    let ordered = matches!(am.oid, pgdata::BTREE | pgdata::HASH);
    let needed = |m: &Member| family < FIRST_USER_OID || if ordered { m.types == [input, input] } else { m.function };
    let (own, loose): (Vec<Member>, Vec<Member>) = new.into_iter().partition(needed);
    let body = Body::Class { method: am.oid, family, input, default: s.default, key, members: own };
    put_new(cx, name, namespace, body).await?;
    if !loose.is_empty() {
        add(cx, family, loose).await?;
    }
    Ok(())
}

/// 42710 if the type has a default class; 0A000 if its order would not be that of the executors.
fn check_default(
    cx: &DdlCx<'_>,
    am: &AccessMethod,
    input: u32,
    s: &CreateOperatorClass,
    members: &[Member],
) -> Result<()> {
    let own = cx.tx.catalog.objects.values().find(
        |o| matches!(o.body, Body::Class { method, input: t, default: true, .. } if method == am.oid && t == input),
    );
    let there =
        own.map(|o| o.name.clone()).or_else(|| pgdata::default_opclass(am.oid, input).map(|c| c.opcname.to_owned()));
    if let Some(there) = there {
        let m = format!("could not make operator class \"{}\" be default for type {}", s.name.name.value, s.ty);
        return Err(
            err(SqlState::DUPLICATE_OBJECT, m).detail(format!("Operator class \"{there}\" already is the default."))
        );
    }
    // Where values have an order, that says what is equal, not their default hash class.
    let sorts = am.oid == pgdata::BTREE || am.oid == pgdata::HASH && super::types::default_opclass(input).is_none();
    if sorts && opclasses::built_in_alike(am.oid, input, members).is_none() {
        return Err(DbError::unsupported(format!(
            "a default operator class with an order or equality of its own is not supported for access method \"{}\"",
            am.amname
        )));
    }
    Ok(())
}

/// 42710 for a member that the family has.
fn check_new(cx: &DdlCx<'_>, family: u32, m: &Member) -> Result<()> {
    let own = opclasses::family_members(&cx.tx.catalog, family).iter().any(|(_, x)| x.key() == m.key());
    let [left, right] = m.types;
    let built_in = if m.function {
        pgdata::amproc(family, left, right, m.number).is_some()
    } else {
        pgdata::amop(family, left, right, m.number).is_some()
    };
    if !own && !built_in {
        return Ok(());
    }
    Err(err(
        SqlState::DUPLICATE_OBJECT,
        format!("{} already exists in operator family \"{}\"", key_words(m.key()), family_name(cx, family)),
    ))
}

fn key_words((function, number, [left, right]): (bool, i16, [u32; 2])) -> String {
    let word = if function { "function" } else { "operator" };
    format!("{word} {number}({},{})", format_type(left, -1), format_type(right, -1))
}

fn family_name(cx: &DdlCx<'_>, family: u32) -> String {
    opclasses::place(&cx.tx.catalog, Kind::OperatorFamily, family).map(|p| p.1).unwrap_or_default()
}

/// Adds loose members to a user's family.
async fn add(cx: &mut DdlCx<'_>, family: u32, new: Vec<Member>) -> Result<()> {
    let Some(o) = cx.tx.catalog.objects.get(&family).cloned() else {
        return Err(DbError::unsupported("changing a built-in operator family is not supported"));
    };
    let mut o = (*o).clone();
    if let Body::Family { members, .. } = &mut o.body {
        members.extend(new);
    }
    super::schema_object::put(cx, o).await
}

/// ALTER OPERATOR FAMILY … ADD, DROP.
pub async fn alter_family(cx: &mut DdlCx<'_>, s: &AlterOperatorFamily) -> Result<()> {
    let kind = Kind::OperatorFamily;
    let am = method(&s.method)?;
    let family = find(cx, kind, am.oid, &s.name).ok_or_else(|| missing(cx, kind, am, &s.name))?;
    superuser(cx, "alter an operator family")?;
    if family >= FIRST_USER_OID {
        cx.lock(family, TableLockMode::AccessExclusive).await?;
    }
    match &s.change {
        OpFamilyChange::Add(items) => {
            let (mut new, _) = members(cx, am, None, items)?;
            for m in &mut new {
                check_new(cx, family, m)?;
                m.oid = cx.tx.new_oid().await?;
            }
            add(cx, family, new).await
        }
        OpFamilyChange::Drop(list) => {
            let mut keys = Vec::new();
            for d in list {
                let key = dropped(cx, am.oid, d)?;
                if keys.contains(&key) {
                    let (_, number, [l, r]) = key;
                    let (l, r) = (format_type(l, -1), format_type(r, -1));
                    let word = if key.0 { "function" } else { "operator" };
                    return Err(invalid(format!("{word} number {number} for ({l},{r}) appears more than once")));
                }
                keys.push(key);
            }
            for key in keys {
                remove(cx, family, key).await?;
            }
            Ok(())
        }
    }
}

async fn remove(cx: &mut DdlCx<'_>, family: u32, key: (bool, i16, [u32; 2])) -> Result<()> {
    let all = opclasses::family_members(&cx.tx.catalog, family);
    let Some((home, m)) = all.into_iter().find(|(_, m)| m.key() == key) else {
        let [left, right] = key.2;
        let built_in = if key.0 {
            pgdata::amproc(family, left, right, key.1).is_some()
        } else {
            pgdata::amop(family, left, right, key.1).is_some()
        };
        if built_in {
            return Err(DbError::unsupported("changing a built-in operator family is not supported"));
        }
        let m = format!("{} does not exist in operator family \"{}\"", key_words(key), family_name(cx, family));
        return Err(err(SqlState::UNDEFINED_OBJECT, m));
    };
    if home != family {
        let class = describe_in(cx, &cx.tx.catalog, home).unwrap_or_default();
        let [left, right] = m.types.map(|t| format_type(t, -1));
        let what = describe_target(cx, &m);
        let on = describe_family(cx, family);
        return Err(err(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!(
                "cannot drop {} {} ({left}, {right}) of {on}: {what} because {class} requires it",
                word(&m),
                m.number
            ),
        )
        .hint(format!("You can drop {class} instead.")));
    }
    let Some(o) = cx.tx.catalog.objects.get(&family).cloned() else { return Ok(()) };
    let mut o = (*o).clone();
    if let Body::Family { members, .. } = &mut o.body {
        members.retain(|m| m.key() != key);
    }
    super::schema_object::put(cx, o).await
}

/// The operator or function of a member, as messages show it.
fn describe_target(cx: &DdlCx<'_>, m: &Member) -> String {
    if m.function {
        let own = cx.tx.catalog.routines.get(&m.target).map(|r| super::routine::describe_in(cx, &cx.tx.catalog, r));
        let built_in = || pgdata::proc(m.target).map(|p| format!("function {}", rustydb_types::registry::signature(p)));
        let text = own.or_else(built_in).unwrap_or_default();
        return text.strip_prefix("function ").map(str::to_owned).unwrap_or(text);
    }
    match cx.tx.catalog.operators.get(&m.target) {
        Some(o) => {
            let text = super::operator::describe_in(cx, &cx.tx.catalog, o);
            text.strip_prefix("operator ").map(str::to_owned).unwrap_or(text)
        }
        None => pgdata::operator(m.target).map_or_else(String::new, |o| {
            format!("{}({},{})", o.oprname, format_type(o.oprleft, -1), format_type(o.oprright, -1))
        }),
    }
}
