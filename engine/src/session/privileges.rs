//! `has_*_privilege` and `pg_has_role`: what a role may do, asked by name or number.
//!
//! A list of privileges asks whether any of them is held. A name that is not there is an error, a number that is not
//! there is NULL.

use super::shared::SessionShared;
use crate::acl::membership::{has_privs_of, is_admin_of, is_member_of};
use crate::acl::{AclKind, Mask, Privs, check, privilege_named, privs};
use crate::catalog::rows::table;
use crate::catalog::{Catalog, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::{EvalCtx, SessionInfo};
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_types::{oid, pgdata};
use std::sync::Arc;

/// A question: whose right, on what, and the other arguments.
struct Asked<'a> {
    session: &'a SessionShared,
    cat: Arc<Catalog>,
    role: u32,
    object: &'a Datum,
    rest: &'a [Datum],
}

fn missing() -> DbError {
    DbError::internal("a privilege function was called with too few arguments")
}

fn unexpected(d: &Datum) -> DbError {
    DbError::internal(format!("unexpected argument of a privilege function: {d:?}"))
}

fn no_role(name: &str) -> DbError {
    DbError::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"))
}

/// Takes the arguments apart; `without` is their number when the role is left out (and is the current one).
fn asked<'a>(ctx: &'a EvalCtx, info: &CallInfo<'_>, args: &'a [Datum], without: usize) -> Result<Asked<'a>> {
    let session = ctx
        .session
        .as_any()
        .downcast_ref::<SessionShared>()
        .ok_or_else(|| DbError::internal("a privilege function was called outside a session"))?;
    let cat = session.catalog();
    let (role, rest) = if info.args.len() > without {
        let (who, rest) = args.split_first().ok_or_else(missing)?;
        let role = match who {
            Datum::Text(name) if name == "public" => 0,
            Datum::Text(name) => cat.role_named(name).ok_or_else(|| no_role(name))?.oid,
            Datum::Oid(o) => *o,
            other => return Err(unexpected(other)),
        };
        (role, rest)
    } else {
        (session.user_oid(), args)
    };
    let (object, rest) = rest.split_first().ok_or_else(missing)?;
    Ok(Asked { session, cat, role, object, rest })
}

/// Privileges of a list like `SELECT, INSERT WITH GRANT OPTION`.
fn wanted(d: Option<&Datum>, known: Privs) -> Result<Mask> {
    let Some(Datum::Text(text)) = d else { return Err(missing()) };
    let mut mask = Mask::default();
    for word in text.split(',') {
        let word = word.trim();
        let upper = word.to_ascii_uppercase();
        let (name, option) = match upper.strip_suffix(" WITH GRANT OPTION") {
            Some(n) => (n, true),
            None => (upper.as_str(), false),
        };
        // A right of the past that nobody has.
        if name == "RULE" && known == AclKind::Table.all() {
            continue;
        }
        let p = privilege_named(name).filter(|p| p & known != 0).ok_or_else(|| {
            DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized privilege type: \"{word}\""))
        })?;
        if option {
            mask.options |= p;
        } else {
            mask.privs |= p;
        }
    }
    Ok(mask)
}

fn relation(a: &Asked<'_>) -> Result<Option<Arc<Relation>>> {
    Ok(match a.object {
        Datum::Oid(o) => a.cat.relation(*o).cloned(),
        Datum::Text(name) => {
            let found = super::reg::relation_named(a.session, name)?;
            a.cat.relation(found).cloned()
        }
        other => return Err(unexpected(other)),
    })
}

fn answer(held: Mask) -> Result<Datum> {
    Ok(Datum::Bool(!held.is_empty()))
}

fn on_table(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = asked(ctx, info, args, 2)?;
    let rel = relation(&a)?;
    let mask = wanted(a.rest.first(), AclKind::Table.all())?;
    let Some(rel) = rel else { return Ok(Datum::Null) };
    answer(check::on_relation(&a.cat, &rel, a.role, mask))
}

fn any_column(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = asked(ctx, info, args, 2)?;
    let rel = relation(&a)?;
    let mask = wanted(a.rest.first(), privs::COLUMN)?;
    let Some(rel) = rel else { return Ok(Datum::Null) };
    let whole = check::on_relation(&a.cat, &rel, a.role, mask);
    let part = |n: i16| !check::on_column(&a.cat, &rel, n, a.role, mask).is_empty();
    Ok(Datum::Bool(!whole.is_empty() || rel.live_columns().any(|c| part(c.attnum))))
}

fn on_column(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = asked(ctx, info, args, 3)?;
    let rel = relation(&a)?;
    let Some(column) = a.rest.first() else { return Err(missing()) };
    let attnum = match (&rel, column) {
        (None, _) => None,
        (Some(rel), Datum::Text(name)) => match rel.column(name) {
            Some(c) => Some(c.attnum),
            None if rel
                .columns
                .iter()
                .any(|c| c.dropped && *name == format!("........pg.dropped.{}........", c.attnum)) =>
            {
                None
            }
            None => {
                return Err(DbError::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{name}\" of relation \"{}\" does not exist", rel.name),
                ));
            }
        },
        (Some(rel), Datum::Int2(n)) => rel.attribute(*n).filter(|c| !c.dropped).map(|c| c.attnum),
        (_, other) => return Err(unexpected(other)),
    };
    let mask = wanted(a.rest.get(1), privs::COLUMN)?;
    let (Some(rel), Some(n)) = (rel, attnum) else { return Ok(Datum::Null) };
    let whole = check::on_relation(&a.cat, &rel, a.role, mask);
    Ok(Datum::Bool(!whole.is_empty() || !check::on_column(&a.cat, &rel, n, a.role, mask).is_empty()))
}

fn on_sequence(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = asked(ctx, info, args, 2)?;
    let mask = wanted(a.rest.first(), AclKind::Sequence.all())?;
    let Some(rel) = relation(&a)? else { return Ok(Datum::Null) };
    if rel.kind != RelKind::Sequence {
        return Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a sequence", rel.name)));
    }
    answer(check::on_relation(&a.cat, &rel, a.role, mask))
}

fn on_schema(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = asked(ctx, info, args, 2)?;
    let ns =
        match a.object {
            Datum::Oid(o) => a.cat.namespaces.contains_key(o).then_some(*o),
            Datum::Text(name) => Some(a.cat.namespace_named(name).ok_or_else(|| {
                DbError::new(SqlState::UNDEFINED_SCHEMA, format!("schema \"{name}\" does not exist"))
            })?),
            other => return Err(unexpected(other)),
        };
    let mask = wanted(a.rest.first(), AclKind::Schema.all())?;
    let Some(ns) = ns else { return Ok(Datum::Null) };
    answer(check::on_schema(&a.cat, ns, a.role, mask))
}

fn on_database(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = asked(ctx, info, args, 2)?;
    let db = match a.object {
        Datum::Oid(o) => a.cat.databases.values().find(|d| d.oid == *o),
        Datum::Text(name) => Some(a.cat.databases.get(name.as_str()).ok_or_else(|| {
            DbError::new(SqlState::UNDEFINED_DATABASE, format!("database \"{name}\" does not exist"))
        })?),
        other => return Err(unexpected(other)),
    };
    let mask = wanted(a.rest.first(), AclKind::Database.all())?;
    let Some(db) = db else { return Ok(Datum::Null) };
    answer(check::on_database(&a.cat, db, a.role, mask))
}

/// Functions, types, languages and tablespaces.
fn on_object(
    ctx: &EvalCtx,
    info: &CallInfo<'_>,
    args: &[Datum],
    class: u32,
    kind: AclKind,
    find: fn(&SessionShared, &str) -> Result<u32>,
    exists: fn(&Catalog, u32) -> bool,
) -> Result<Datum> {
    let a = asked(ctx, info, args, 2)?;
    let found = match a.object {
        Datum::Oid(o) => exists(&a.cat, *o).then_some(*o),
        Datum::Text(name) => Some(find(a.session, name)?),
        other => return Err(unexpected(other)),
    };
    let mask = wanted(a.rest.first(), kind.all())?;
    let Some(o) = found else { return Ok(Datum::Null) };
    answer(check::on_object(&a.cat, class, o, a.role, mask))
}

fn on_function(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let exists = |_: &Catalog, o: u32| pgdata::proc(o).is_some();
    on_object(ctx, info, args, table::PG_PROC, AclKind::Function, |s, n| s.reg_in(oid::REGPROCEDURE, n), exists)
}

fn on_type(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let exists = |c: &Catalog, o: u32| pgdata::pg_type(o).is_some() || c.row_types.contains_key(&o);
    on_object(ctx, info, args, table::PG_TYPE, AclKind::Type, |s, n| s.reg_in(oid::REGTYPE, n), exists)
}

fn on_language(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let find = |_: &SessionShared, name: &str| {
        pgdata::languages()
            .iter()
            .find(|l| l.lanname == name)
            .map(|l| l.oid)
            .ok_or_else(|| DbError::new(SqlState::UNDEFINED_OBJECT, format!("language \"{name}\" does not exist")))
    };
    let exists = |_: &Catalog, o: u32| pgdata::languages().iter().any(|l| l.oid == o);
    on_object(ctx, info, args, table::PG_LANGUAGE, AclKind::Language, find, exists)
}

fn on_tablespace(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let find =
        |_: &SessionShared, name: &str| {
            pgdata::tablespaces().iter().find(|t| t.spcname == name).map(|t| t.oid).ok_or_else(|| {
                DbError::new(SqlState::UNDEFINED_OBJECT, format!("tablespace \"{name}\" does not exist"))
            })
        };
    let exists = |_: &Catalog, o: u32| pgdata::tablespaces().iter().any(|t| t.oid == o);
    on_object(ctx, info, args, 1213, AclKind::Tablespace, find, exists)
}

/// Foreign-data wrappers and servers, of which there are none: a number finds nothing, a name is an error.
fn on_foreign(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum], what: &str) -> Result<Datum> {
    let a = asked(ctx, info, args, 2)?;
    if let Datum::Text(name) = a.object {
        return Err(DbError::new(SqlState::UNDEFINED_OBJECT, format!("{what} \"{}\" does not exist", name.as_str())));
    }
    // Both have the one privilege that languages have.
    wanted(a.rest.first(), AclKind::Language.all())?;
    Ok(Datum::Null)
}

fn on_wrapper(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    on_foreign(ctx, info, args, "foreign-data wrapper")
}

fn on_server(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    on_foreign(ctx, info, args, "server")
}

fn has_role(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = asked(ctx, info, args, 2)?;
    let role = match a.object {
        Datum::Oid(o) => *o,
        Datum::Text(name) => a.cat.role_named(name).ok_or_else(|| no_role(name))?.oid,
        other => return Err(unexpected(other)),
    };
    let Some(Datum::Text(text)) = a.rest.first() else { return Err(missing()) };
    let mut any = false;
    for word in text.split(',') {
        let word = word.trim();
        any |= match word.to_ascii_uppercase().as_str() {
            "USAGE" => has_privs_of(&a.cat, a.role, role),
            "MEMBER" => is_member_of(&a.cat, a.role, role),
            "USAGE WITH GRANT OPTION"
            | "USAGE WITH ADMIN OPTION"
            | "MEMBER WITH GRANT OPTION"
            | "MEMBER WITH ADMIN OPTION" => is_admin_of(&a.cat, a.role, role, a.session.session_role().oid),
            _ => {
                return Err(DbError::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("unrecognized privilege type: \"{word}\""),
                ));
            }
        };
    }
    Ok(Datum::Bool(any))
}

macro_rules! family {
    ($($f:expr => [$($name:literal),* $(,)?]),* $(,)?) => {
        &[$($(Kernel { name: $name, body: KernelBody::Scalar($f) }),*),*]
    };
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = family! {
    on_table => [
        "has_table_privilege_name_name", "has_table_privilege_name_id", "has_table_privilege_id_name",
        "has_table_privilege_id_id", "has_table_privilege_name", "has_table_privilege_id",
    ],
    any_column => [
        "has_any_column_privilege_name_name", "has_any_column_privilege_name_id", "has_any_column_privilege_id_name",
        "has_any_column_privilege_id_id", "has_any_column_privilege_name", "has_any_column_privilege_id",
    ],
    on_column => [
        "has_column_privilege_name_name_name", "has_column_privilege_name_name_attnum",
        "has_column_privilege_name_id_name", "has_column_privilege_name_id_attnum",
        "has_column_privilege_id_name_name", "has_column_privilege_id_name_attnum",
        "has_column_privilege_id_id_name", "has_column_privilege_id_id_attnum",
        "has_column_privilege_name_name", "has_column_privilege_name_attnum",
        "has_column_privilege_id_name", "has_column_privilege_id_attnum",
    ],
    on_sequence => [
        "has_sequence_privilege_name_name", "has_sequence_privilege_name_id", "has_sequence_privilege_id_name",
        "has_sequence_privilege_id_id", "has_sequence_privilege_name", "has_sequence_privilege_id",
    ],
    on_schema => [
        "has_schema_privilege_name_name", "has_schema_privilege_name_id", "has_schema_privilege_id_name",
        "has_schema_privilege_id_id", "has_schema_privilege_name", "has_schema_privilege_id",
    ],
    on_database => [
        "has_database_privilege_name_name", "has_database_privilege_name_id", "has_database_privilege_id_name",
        "has_database_privilege_id_id", "has_database_privilege_name", "has_database_privilege_id",
    ],
    on_function => [
        "has_function_privilege_name_name", "has_function_privilege_name_id", "has_function_privilege_id_name",
        "has_function_privilege_id_id", "has_function_privilege_name", "has_function_privilege_id",
    ],
    on_type => [
        "has_type_privilege_name_name", "has_type_privilege_name_id", "has_type_privilege_id_name",
        "has_type_privilege_id_id", "has_type_privilege_name", "has_type_privilege_id",
    ],
    on_language => [
        "has_language_privilege_name_name", "has_language_privilege_name_id", "has_language_privilege_id_name",
        "has_language_privilege_id_id", "has_language_privilege_name", "has_language_privilege_id",
    ],
    on_tablespace => [
        "has_tablespace_privilege_name_name", "has_tablespace_privilege_name_id", "has_tablespace_privilege_id_name",
        "has_tablespace_privilege_id_id", "has_tablespace_privilege_name", "has_tablespace_privilege_id",
    ],
    on_wrapper => [
        "has_foreign_data_wrapper_privilege_name_name", "has_foreign_data_wrapper_privilege_name_id", "has_foreign_data_wrapper_privilege_id_name", "has_foreign_data_wrapper_privilege_id_id", "has_foreign_data_wrapper_privilege_name", "has_foreign_data_wrapper_privilege_id",
    ],
    on_server => [
        "has_server_privilege_name_name", "has_server_privilege_name_id", "has_server_privilege_id_name", "has_server_privilege_id_id", "has_server_privilege_name", "has_server_privilege_id",
    ],
    has_role => [
        "pg_has_role_name_name", "pg_has_role_name_id", "pg_has_role_id_name", "pg_has_role_id_id",
        "pg_has_role_name", "pg_has_role_id",
    ],
};
