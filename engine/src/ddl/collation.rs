//! CREATE, ALTER, DROP and COMMENT ON COLLATION.
//!
//! There is one provider, libc, and of its locales those whose order is that of the bytes: C, POSIX, C.UTF-8, and the empty
//! name, which is the server's own. Others are not known to the server, as to an operating system without them; ICU's are
//! refused.

use super::aggregate::{flag, name_value, text_value};
use super::drop::Object;
use super::{DdlCx, err};
use crate::bind::collation::built_in;
use crate::catalog::collations::{Collation, PG_COLLATION};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CreateCollation, DefOption, Name, ObjectRef};
use rustydb_types::pgdata;

const KNOWN: &[&str] = &["from", "locale", "lc_collate", "lc_ctype", "provider", "deterministic", "version"];

/// Whether the server has a locale of libc's.
fn known_locale(name: &str) -> bool {
    matches!(name, "" | "C" | "POSIX") || matches!(name, "C.UTF-8" | "C.utf8" | "C.UTF8" | "C.utf-8")
}

fn check_locale(name: &str) -> Result<()> {
    if known_locale(name) {
        return Ok(());
    }
    let text = format!("could not create locale \"{name}\": No such file or directory");
    Err(err(SqlState::INVALID_PARAMETER_VALUE, text)
        .detail(format!("The operating system could not find any locale data for the locale name \"{name}\".")))
}

fn exists(name: &str) -> String {
    format!("collation \"{name}\" for encoding \"UTF8\" already exists")
}

/// Whether a schema has a collation of a name, built in or not.
fn taken(cx: &DdlCx<'_>, ns: u32, name: &str) -> bool {
    (ns == pgdata::PG_CATALOG && built_in(name).is_some()) || cx.tx.catalog.collation_in(ns, name).is_some()
}

/// `collcollate` and `collctype` that the options ask for.
fn locales(cx: &DdlCx<'_>, s: &CreateCollation) -> Result<(String, String)> {
    let conflicting = |m: &str| err(SqlState::SYNTAX_ERROR, "conflicting or redundant options").detail(m);
    let mut given: Vec<&DefOption> = Vec::new();
    for o in &s.options {
        let name = o.name.value.as_str();
        if !KNOWN.contains(&name) {
            let text = format!("collation attribute \"{name}\" not recognized");
            return Err(err(SqlState::SYNTAX_ERROR, text).at(cx.pos(o.name.pos)));
        }
        if given.iter().any(|g| g.name.value == name) {
            return Err(err(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(cx.pos(o.name.pos)));
        }
        given.push(o);
    }
    let find = |n: &str| given.iter().find(|o| o.name.value == n).copied();
    if find("locale").is_some() && (find("lc_collate").is_some() || find("lc_ctype").is_some()) {
        return Err(conflicting("LOCALE cannot be specified together with LC_COLLATE or LC_CTYPE."));
    }
    let from = find("from").map(name_value).transpose()?;
    if from.is_some() && given.len() != 1 {
        return Err(conflicting("FROM cannot be specified together with any other options."));
    }
    if let Some(source) = s.from.as_ref().or(from.as_ref()) {
        return copied(cx, source);
    }
    let text = |n: &str| find(n).map(text_value).transpose();
    let provider = text("provider")?;
    let deterministic = find("deterministic").map(flag).transpose()?.unwrap_or(true);
    let invalid = |m: String| err(SqlState::INVALID_OBJECT_DEFINITION, m);
    let missing = |n: &str| invalid(format!("parameter \"{n}\" must be specified"));
    let icu = match provider.as_deref().map(str::to_lowercase).as_deref() {
        None | Some("libc") => false,
        Some("icu") => true,
        Some(_) => {
            return Err(invalid(format!("unrecognized collation provider: {}", provider.unwrap_or_default())));
        }
    };
    let locale = text("locale")?;
    if icu {
        locale.ok_or_else(|| missing("locale"))?;
        return Err(DbError::unsupported("collations of the provider icu are not supported"));
    }
    let collate = text("lc_collate")?.or_else(|| locale.clone()).ok_or_else(|| missing("lc_collate"))?;
    let ctype = text("lc_ctype")?.or(locale).ok_or_else(|| missing("lc_ctype"))?;
    if !deterministic {
        return Err(DbError::unsupported("nondeterministic collations not supported with this provider"));
    }
    Ok((collate, ctype))
}

/// What CREATE COLLATION … FROM takes over.
fn copied(cx: &DdlCx<'_>, source: &Name) -> Result<(String, String)> {
    let oid = named(cx, source)?;
    if let Some(c) = cx.tx.catalog.collations.get(&oid) {
        return Ok((c.collate.clone(), c.ctype.clone()));
    }
    let c = pgdata::collations().iter().find(|c| c.oid == oid);
    match c.and_then(|c| c.collcollate.zip(c.collctype)) {
        Some((a, b)) => Ok((a.to_owned(), b.to_owned())),
        None => Err(err(
            SqlState::INVALID_OBJECT_DEFINITION,
            format!("collation \"{}\" cannot be copied", source.name.value),
        )),
    }
}

/// CREATE COLLATION.
pub async fn create(cx: &mut DdlCx<'_>, s: &CreateCollation) -> Result<()> {
    let namespace = cx.creation_namespace(&s.name).map_err(super::placeless)?;
    let name = s.name.name.value.clone();
    let (collate, ctype) = locales(cx, s)?;
    if taken(cx, namespace, &name) {
        if s.if_not_exists {
            cx.notice(err(SqlState::DUPLICATE_OBJECT, format!("{}, skipping", exists(&name))));
            return Ok(());
        }
        return Err(err(SqlState::DUPLICATE_OBJECT, exists(&name)));
    }
    check_locale(&collate)?;
    check_locale(&ctype)?;
    if s.options.iter().any(|o| o.name.value == "version") {
        let text = format!("collation \"{name}\" has no actual version, but a version was recorded");
        return Err(DbError::new(SqlState::INTERNAL_ERROR, text));
    }
    let oid = cx.tx.new_oid().await?;
    cx.tx.put_collation(Collation { oid, name, namespace, owner: cx.role, collate, ctype }).await
}

/// A collation by name, built in or not.
fn named(cx: &DdlCx<'_>, n: &Name) -> Result<u32> {
    cx.binder(|b| b.collation_named(n, 0)).map_err(super::placeless)
}

fn name_of(o: &ObjectRef) -> Result<&Name> {
    match o {
        ObjectRef::Name(n) => Ok(n),
        _ => Err(DbError::internal("a collation without a name")),
    }
}

/// The collation that an ALTER names, which must be a user's and the role's.
fn open(cx: &DdlCx<'_>, n: &Name) -> Result<Collation> {
    let oid = named(cx, n)?;
    let Some(c) = cx.tx.catalog.collations.get(&oid) else {
        if !cx.is_superuser() {
            return Err(crate::acl::check::not_owner("collation", &n.plain()));
        }
        return Err(DbError::unsupported("changing a built-in collation is not supported"));
    };
    cx.check_owner(c.owner, "collation", &c.name)?;
    Ok((**c).clone())
}

/// ALTER COLLATION … RENAME TO.
pub async fn rename(cx: &mut DdlCx<'_>, s: &ast::Rename) -> Result<String> {
    let c = open(cx, name_of(&s.object)?)?;
    move_to(cx, c.clone(), c.namespace, &s.to.value).await
}

async fn move_to(cx: &mut DdlCx<'_>, c: Collation, namespace: u32, name: &str) -> Result<String> {
    if taken(cx, namespace, name) {
        let text = format!("{} in schema \"{}\"", exists(name), cx.namespace_name(namespace));
        return Err(err(SqlState::DUPLICATE_OBJECT, text));
    }
    cx.check_create_in(namespace, name)?;
    cx.tx.put_collation(Collation { namespace, name: name.to_owned(), ..c }).await?;
    Ok("ALTER COLLATION".into())
}

/// ALTER COLLATION … OWNER TO.
pub async fn owner(cx: &mut DdlCx<'_>, s: &ast::AlterOwner) -> Result<String> {
    let c = open(cx, name_of(&s.object)?)?;
    let role = cx.role_of(&s.owner)?;
    if role != c.owner {
        super::owned::check_new_owner(cx, role, Some(c.namespace))?;
        cx.tx.put_collation(Collation { owner: role, ..c }).await?;
    }
    Ok("ALTER COLLATION".into())
}

/// ALTER COLLATION … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, s: &ast::AlterObjectSchema) -> Result<String> {
    let c = open(cx, name_of(&s.object)?)?;
    let ns = cx.need_schema_named(&s.schema.value)?;
    if ns == c.namespace {
        return Ok("ALTER COLLATION".into());
    }
    let name = c.name.clone();
    move_to(cx, c, ns, &name).await
}

/// ALTER COLLATION … REFRESH VERSION: none of the locales there are has a version.
pub fn refresh(cx: &mut DdlCx<'_>, n: &Name) -> Result<String> {
    let oid = named(cx, n)?;
    let owner = cx.tx.catalog.collations.get(&oid).map_or(crate::catalog::system::SUPERUSER, |c| c.owner);
    cx.check_owner(owner, "collation", &n.name.value)?;
    cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, "version has not changed"));
    Ok("ALTER COLLATION".into())
}

/// DROP COLLATION.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    let mut objects = Vec::new();
    for o in &s.objects {
        let n = name_of(o)?;
        let oid = match named(cx, n) {
            Ok(oid) => oid,
            Err(_) if s.if_exists => {
                let text = match n.schema.as_ref().filter(|sc| cx.schema_named(&sc.value).is_none()) {
                    Some(sc) => format!("schema \"{}\" does not exist, skipping", sc.value),
                    None => format!("collation \"{}\" does not exist, skipping", n.plain()),
                };
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, text));
                continue;
            }
            Err(e) => return Err(e),
        };
        match cx.tx.catalog.collations.get(&oid) {
            Some(c) => cx.check_owner(c.owner, "collation", &c.name)?,
            None if !cx.is_superuser() => return Err(crate::acl::check::not_owner("collation", &n.plain())),
            None => {
                let text = format!("cannot drop {} because it is required by the database system", describe(cx, oid));
                return Err(err(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, text));
            }
        }
        if !objects.contains(&Object::Collation(oid)) {
            objects.push(Object::Collation(oid));
        }
    }
    super::drop::drop_named(cx, &objects, s.cascade).await
}

/// COMMENT ON COLLATION.
pub async fn comment(cx: &mut DdlCx<'_>, n: &Name, text: Option<&str>) -> Result<()> {
    let oid = named(cx, n)?;
    let owner = cx.tx.catalog.collations.get(&oid).map_or(crate::catalog::system::SUPERUSER, |c| c.owner);
    cx.check_owner(owner, "collation", &n.name.value)?;
    super::comment::write(cx, oid, PG_COLLATION, 0, text).await
}

/// How messages about dependencies call a collation.
pub fn describe(cx: &DdlCx<'_>, oid: u32) -> String {
    match cx.tx.catalog.collation_place(oid) {
        Some((ns, name)) => format!("collation {}", super::drop::shown_in(cx, ns, &name)),
        None => format!("collation {oid}"),
    }
}
