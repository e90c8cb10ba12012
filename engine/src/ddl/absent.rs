//! Kinds of objects that there are none of, or only built-in ones: how PostgreSQL says that one does not exist.

use super::{DdlCx, err};
use rustydb_base::{DbError, SqlState};
use rustydb_parser::ast::{Name, ObjectKind as K, ObjectRef, TypeName};
use rustydb_types::pgdata;

/// A type as messages call it, in canonical words if it is known.
fn type_words(cx: &DdlCx<'_>, t: &TypeName) -> String {
    match cx.binder(|b| b.type_name(t)) {
        Ok(ty) => rustydb_types::typename::format_type(ty.oid, -1),
        Err(_) => t.to_string(),
    }
}

/// "… does not exist" for an object of a kind that has no members; `None` for kinds that have some.
pub fn error(cx: &DdlCx<'_>, kind: K, object: &ObjectRef) -> Option<DbError> {
    let word = match kind {
        K::Publication => "publication",
        K::Subscription => "subscription",
        K::EventTrigger => "event trigger",
        K::ForeignDataWrapper => "foreign-data wrapper",
        K::Server => "server",
        K::ForeignTable => "relation",
        K::Transform => {
            let ObjectRef::Transform(ty, language) = object else { return None };
            let ty = type_words(cx, ty);
            let m = format!("transform for type {ty} language \"{}\" does not exist", language.value);
            return Some(err(SqlState::UNDEFINED_OBJECT, m));
        }
        _ => return None,
    };
    let ObjectRef::Name(name) = object else { return None };
    if kind == K::ForeignTable {
        return Some(cx.missing(word, name));
    }
    Some(err(SqlState::UNDEFINED_OBJECT, format!("{word} \"{}\" does not exist", name.plain())))
}

/// Class and OID of a built-in object of a kind that has only such, or why there is none by that name.
pub fn built_in(kind: K, object: &ObjectRef) -> Option<Result<(u32, u32), DbError>> {
    const PG_LANGUAGE: u32 = 2612;
    const PG_TABLESPACE: u32 = 1213;
    const PG_COLLATION: u32 = 3456;
    const PG_AM: u32 = 2601;
    let found = |class: u32, oid: Option<u32>, message: String| {
        Some(oid.map(|o| (class, o)).ok_or_else(|| err(SqlState::UNDEFINED_OBJECT, message)))
    };
    match (kind, object) {
        (K::Language, ObjectRef::Name(n)) => {
            let name = n.name.value.as_str();
            let oid = pgdata::languages().iter().find(|l| l.lanname == name).map(|l| l.oid);
            found(PG_LANGUAGE, oid, format!("language \"{name}\" does not exist"))
        }
        (K::Tablespace, ObjectRef::Name(n)) => {
            let name = n.name.value.as_str();
            let oid = match name {
                "pg_default" => Some(1663),
                "pg_global" => Some(1664),
                _ => None,
            };
            found(PG_TABLESPACE, oid, format!("tablespace \"{name}\" does not exist"))
        }
        (K::AccessMethod, ObjectRef::Name(n)) => {
            let name = n.name.value.as_str();
            let oid = pgdata::access_methods().iter().find(|a| a.amname == name).map(|a| a.oid);
            found(PG_AM, oid, format!("access method \"{name}\" does not exist"))
        }
        (K::Collation, ObjectRef::Name(n)) => {
            let oid = crate::bind::collation::built_in(&n.name.value).filter(|_| in_catalog(n));
            found(PG_COLLATION, oid, format!("collation \"{}\" for encoding \"UTF8\" does not exist", n.plain()))
        }
        _ => None,
    }
}

fn in_catalog(n: &Name) -> bool {
    n.schema.as_ref().is_none_or(|s| s.value == "pg_catalog")
}
