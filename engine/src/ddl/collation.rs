//! CREATE, ALTER, DROP and COMMENT ON COLLATION.
//!
//! Of the provider libc there are those locales whose order is that of the bytes: C, POSIX, C.UTF-8, and the empty
//! name, which is the server's own. Others are not known to the server, as to an operating system without them. Locales of
//! the provider ICU are all there (`engine/types/src/collation`).

use super::aggregate::{flag, name_value, text_value};
use super::drop::Object;
use super::{DdlCx, err};
use crate::bind::collation::built_in;
use crate::catalog::collations::{Collation, PG_COLLATION};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CreateCollation, DefOption, Name, ObjectRef, quote_ident};
use rustydb_types::collation::icu;
use rustydb_types::collation::locale::Refusal;
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

/// Refuses a locale as ICU does, by its names for why.
pub(super) fn check_icu_locale(name: &str) -> Result<()> {
    let why = match icu::rules(name) {
        Ok(_) => return Ok(()),
        Err(Refusal::Illegal) => "U_ILLEGAL_ARGUMENT_ERROR",
        Err(Refusal::Unsupported) => "U_UNSUPPORTED_ERROR",
        Err(Refusal::Missing) => {
            let text = format!("what the locale \"{name}\" asks of its collation is not supported");
            return Err(DbError::unsupported(text));
        }
    };
    Err(err(SqlState::INTERNAL_ERROR, format!("could not open collator for locale \"{name}\": {why}")))
}

fn exists(name: &str, encoding: i32) -> String {
    if encoding == -1 {
        return format!("collation \"{name}\" already exists");
    }
    format!("collation \"{name}\" for encoding \"UTF8\" already exists")
}

/// Whether a schema has a collation of a name, built in or not.
fn taken(cx: &DdlCx<'_>, ns: u32, name: &str) -> bool {
    (ns == pgdata::PG_CATALOG && built_in(name).is_some()) || cx.tx.catalog.collation_in(ns, name).is_some()
}

/// What the options make of a collation.
struct Made {
    provider: char,
    deterministic: bool,
    encoding: i32,
    collate: Option<String>,
    ctype: Option<String>,
    icu_locale: Option<String>,
}

/// What the options ask for.
fn made(cx: &DdlCx<'_>, s: &CreateCollation) -> Result<Made> {
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
    let (locale, collate, ctype) = (text("locale")?, text("lc_collate")?, text("lc_ctype")?);
    if icu {
        let icu_locale = Some(locale.ok_or_else(|| missing("locale"))?);
        return Ok(Made { provider: 'i', deterministic, encoding: -1, collate, ctype, icu_locale });
    }
    let collate = Some(collate.or_else(|| locale.clone()).ok_or_else(|| missing("lc_collate"))?);
    let ctype = Some(ctype.or(locale).ok_or_else(|| missing("lc_ctype"))?);
    if !deterministic {
        return Err(DbError::unsupported("nondeterministic collations not supported with this provider"));
    }
    Ok(Made { provider: 'c', deterministic, encoding: 6, collate, ctype, icu_locale: None })
}

/// What CREATE COLLATION … FROM takes over.
fn copied(cx: &DdlCx<'_>, source: &Name) -> Result<Made> {
    let oid = named(cx, source)?;
    if let Some(c) = cx.tx.catalog.collations.get(&oid) {
        let c = (**c).clone();
        return Ok(Made {
            provider: c.provider,
            deterministic: c.deterministic,
            encoding: c.encoding,
            collate: c.collate,
            ctype: c.ctype,
            icu_locale: c.icu_locale,
        });
    }
    match pgdata::collation(oid).filter(|c| c.collprovider != 'd') {
        Some(c) => Ok(Made {
            provider: c.collprovider,
            deterministic: c.collisdeterministic,
            encoding: c.collencoding,
            collate: c.collcollate.map(str::to_owned),
            ctype: c.collctype.map(str::to_owned),
            icu_locale: c.colliculocale.map(str::to_owned),
        }),
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
    let m = made(cx, s)?;
    let given = s.options.iter().find(|o| o.name.value == "version").map(text_value).transpose()?;
    if let Some(l) = m.icu_locale.as_deref().filter(|_| given.is_none()) {
        check_icu_locale(l)?;
    }
    let actual = m.icu_locale.as_ref().map(|_| icu::VERSION.to_owned());
    let c = Collation {
        oid: 0,
        name: name.clone(),
        namespace,
        owner: cx.role,
        provider: m.provider,
        deterministic: m.deterministic,
        encoding: m.encoding,
        collate: m.collate,
        ctype: m.ctype,
        icu_locale: m.icu_locale,
        version: given.clone().or(actual.clone()),
    };
    if taken(cx, namespace, &name) {
        let text = exists(&name, c.encoding);
        if s.if_not_exists {
            cx.notice(err(SqlState::DUPLICATE_OBJECT, format!("{text}, skipping")));
            return Ok(());
        }
        return Err(err(SqlState::DUPLICATE_OBJECT, text));
    }
    if c.provider == 'c' {
        for l in [&c.collate, &c.ctype].into_iter().flatten() {
            check_locale(l)?;
        }
    } else if let Some(l) = &c.icu_locale {
        check_icu_locale(l)?;
    }
    match (given, &actual) {
        (Some(_), None) => {
            let text = format!("collation \"{name}\" has no actual version, but a version was recorded");
            return Err(DbError::new(SqlState::INTERNAL_ERROR, text));
        }
        (Some(g), Some(a)) if g != *a => {
            let warning = differing(cx, &c, &g, a);
            cx.notices.push(("WARNING", warning));
        }
        _ => {}
    }
    let oid = cx.tx.new_oid().await?;
    cx.tx.put_collation(Collation { oid, ..c }).await
}

/// The warning that what was sorted by a collation may be out of order.
fn differing(cx: &DdlCx<'_>, c: &Collation, recorded: &str, actual: &str) -> DbError {
    let place = format!("{}.{}", quote_ident(&cx.namespace_name(c.namespace)), quote_ident(&c.name));
    let mut e = err(SqlState::WARNING, format!("collation \"{}\" has version mismatch", c.name)).detail(format!(
        "The collation in the database was created using version {recorded}, but the operating system provides version \
         {actual}."
    ));
    e = e.hint(format!(
        "Rebuild all objects affected by this collation and run ALTER COLLATION {place} REFRESH VERSION, or build \
         PostgreSQL with the right library version."
    ));
    e
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
        let text = format!("{} in schema \"{}\"", exists(name, c.encoding), cx.namespace_name(namespace));
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

/// ALTER COLLATION … REFRESH VERSION.
pub async fn refresh(cx: &mut DdlCx<'_>, n: &Name) -> Result<String> {
    let oid = named(cx, n)?;
    let c = cx.tx.catalog.collations.get(&oid).cloned();
    let owner = c.as_ref().map_or(crate::catalog::system::SUPERUSER, |c| c.owner);
    cx.check_owner(owner, "collation", &n.name.value)?;
    // The row of a built-in one was written by this library too, or another whose order was the same.
    let changed = c.filter(|c| c.provider == 'i' && c.version.as_deref() != Some(icu::VERSION));
    match changed {
        Some(c) => {
            let old = c.version.clone().unwrap_or_default();
            let text = format!("changing version from {old} to {}", icu::VERSION);
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, text));
            cx.tx.put_collation(Collation { version: Some(icu::VERSION.to_owned()), ..(*c).clone() }).await?;
        }
        None => cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, "version has not changed")),
    }
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
