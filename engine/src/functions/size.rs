//! Sizes of relations and databases: bytes of their files on disk.

use super::{CatalogAccess, access, oid_arg, scalar, text_arg};
use crate::catalog::{Catalog, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::pgdata;

fn answer(bytes: u64) -> Datum {
    Datum::Int8(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// The relation's own rows (PostgreSQL's main fork).
fn main(a: &dyn CatalogAccess, r: &Relation) -> Result<u64> {
    match r.kind {
        RelKind::Index => r.indexes.first().map_or(Ok(0), |i| a.file_bytes(i.storage)),
        // A sequence is one page from the beginning, whether that has been written or not.
        RelKind::Sequence => r.sequence.as_ref().map_or(Ok(0), |s| Ok(a.file_bytes(s.storage)?.max(8192))),
        _ => r.storage.as_ref().map_or(Ok(0), |s| a.file_bytes(s.heap)),
    }
}

/// The rows with what is kept apart from them (PostgreSQL's TOAST).
fn table(a: &dyn CatalogAccess, r: &Relation) -> Result<u64> {
    Ok(main(a, r)? + r.storage.as_ref().map_or(Ok(0), |s| a.file_bytes(s.overflow))?)
}

fn indexes(a: &dyn CatalogAccess, r: &Relation) -> Result<u64> {
    if r.kind == RelKind::Index {
        return Ok(0);
    }
    r.indexes.iter().try_fold(0, |sum, i| Ok(sum + a.file_bytes(i.storage)?))
}

fn of_relation(
    ctx: &EvalCtx,
    args: &[Datum],
    f: impl FnOnce(&dyn CatalogAccess, &Relation) -> Result<u64>,
) -> Result<Datum> {
    let a = access(ctx)?;
    let cat = a.catalog();
    match oid_arg(args, 0)?.and_then(|o| cat.relation(o)) {
        Some(r) => f(a, r).map(answer),
        None => Ok(Datum::Null),
    }
}

fn relation_size(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let fork = if args.len() > 1 { text_arg(args, 1)? } else { "main" };
    match fork {
        "main" => of_relation(ctx, args, main),
        // There are no such files here.
        "fsm" | "vm" | "init" => of_relation(ctx, args, |_, _| Ok(0)),
        _ => Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "invalid fork name")
            .hint("Valid fork names are \"main\", \"fsm\", \"vm\", and \"init\".")),
    }
}

fn table_size(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_relation(ctx, args, table)
}

fn indexes_size(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_relation(ctx, args, indexes)
}

fn total_size(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_relation(ctx, args, |a, r| Ok(table(a, r)? + indexes(a, r)?))
}

fn all(a: &dyn CatalogAccess, cat: &Catalog) -> Result<u64> {
    // An index is listed as a relation of its own.
    cat.relations.values().try_fold(0, |sum, r| Ok(sum + table(a, r)?))
}

fn database_size(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = access(ctx)?;
    let cat = a.catalog();
    let found = match args.first() {
        Some(Datum::Text(name)) => match cat.databases.get(name.as_str()) {
            Some(d) => d,
            None => {
                return Err(DbError::new(SqlState::UNDEFINED_DATABASE, format!("database \"{name}\" does not exist")));
            }
        },
        Some(Datum::Oid(o)) => match cat.databases.values().find(|d| d.oid == *o) {
            Some(d) => d,
            None => return Ok(Datum::Null),
        },
        _ => return Ok(Datum::Null),
    };
    if found.oid != cat.database.oid {
        return match a.catalog_of(found.oid) {
            Some(other) => all(a, &other).map(answer),
            None => Ok(Datum::Null),
        };
    }
    all(a, &cat).map(answer)
}

/// All files of this database are in `pg_default`; `pg_global` holds those of the shared catalogs.
fn tablespace_size(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let name = match args.first() {
        Some(Datum::Text(name)) => Some(name.to_string()),
        Some(Datum::Oid(o)) => pgdata::tablespaces().iter().find(|t| t.oid == *o).map(|t| t.spcname.to_owned()),
        _ => None,
    };
    let shared = match name.as_deref() {
        Some("pg_default") => false,
        Some("pg_global") => true,
        Some(other) => {
            return Err(DbError::new(SqlState::UNDEFINED_OBJECT, format!("tablespace \"{other}\" does not exist")));
        }
        None => return Ok(Datum::Null),
    };
    let a = access(ctx)?;
    let cat = a.catalog();
    let is_shared = |r: &Relation| {
        let table = if r.kind == RelKind::Index { r.indexes.first().map_or(0, |i| i.table) } else { r.oid };
        pgdata::relation(table).is_some_and(|p| p.relisshared)
    };
    let sum = cat.relations.values().filter(|r| is_shared(r) == shared).try_fold(0, |sum, r| Ok(sum + table(a, r)?));
    sum.map(answer)
}

/// The file number, which is the store's; views and the like have none.
fn filenode(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let Some(r) = oid_arg(args, 0)?.and_then(|o| cat.relation(o)) else { return Ok(Datum::Null) };
    let file = match r.kind {
        RelKind::Index => r.indexes.first().map(|i| i.storage),
        RelKind::Sequence => r.sequence.as_ref().map(|s| s.storage),
        _ => r.storage.as_ref().map(|s| s.heap),
    };
    Ok(file.map_or(Datum::Null, |f| Datum::Oid(f.0)))
}

/// Pages that were moved from a list of pending entries: none, as every entry goes into the tree at once.
fn clean_pending(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = access(ctx)?;
    let cat = a.catalog();
    let Some(oid) = oid_arg(args, 0)? else { return Ok(Datum::Null) };
    let Some(r) = cat.relation(oid) else {
        return Err(DbError::internal(format!("could not open relation with OID {oid}")));
    };
    let wrong = |what: &str| DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not {what}", r.name));
    let index = r.indexes.first().filter(|_| r.kind == RelKind::Index).ok_or_else(|| wrong("an index"))?;
    if !index.is_gin() {
        return Err(wrong("a GIN index"));
    }
    if !crate::acl::check::owns(&cat, a.role(), r.owner) {
        return Err(crate::acl::check::not_owner("index", &r.name));
    }
    Ok(Datum::Int8(0))
}

/// Values are not compressed.
fn not_compressed(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Null)
}

/// Bytes a value takes: of types of one length that, of others the value with a header of four bytes.
fn column_size(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (Some(ty), Some(value)) = (info.args.first(), args.first()) else { return Ok(Datum::Null) };
    let fixed = pgdata::pg_type(ty.oid).map_or(-1, |t| t.typlen);
    if fixed > 0 {
        return Ok(Datum::Int4(i32::from(fixed)));
    }
    let mut out = Vec::new();
    let cx = rustydb_types::io::OutCtx { fmt: &ctx.fmt, session: Some(&*ctx.session) };
    match value {
        Datum::Text(s) => out.extend_from_slice(s.as_bytes()),
        other => rustydb_types::io::binary_out(cx, *ty, other, &mut out)?,
    }
    let header = if fixed == -2 { 1 } else { 4 };
    Ok(Datum::Int4(i32::try_from(out.len() + header).unwrap_or(i32::MAX)))
}

fn tablespace_location(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let known = |o: u32| o == 0 || pgdata::tablespaces().iter().any(|t| t.oid == o);
    match oid_arg(args, 0)? {
        // Both tablespaces are inside the data directory, which is shown as an empty text.
        Some(o) if known(o) => Ok(super::text("")),
        Some(o) => Err(DbError::new(SqlState::UNDEFINED_OBJECT, format!("tablespace with OID {o} does not exist"))),
        None => Ok(Datum::Null),
    }
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("pg_column_size", column_size),
    scalar("pg_relation_size(regclass)", relation_size),
    scalar("pg_relation_size", relation_size),
    scalar("pg_table_size", table_size),
    scalar("pg_indexes_size", indexes_size),
    scalar("pg_total_relation_size", total_size),
    scalar("pg_database_size_name", database_size),
    scalar("pg_database_size_oid", database_size),
    scalar("pg_tablespace_size_oid", tablespace_size),
    scalar("pg_tablespace_size_name", tablespace_size),
    scalar("pg_tablespace_location", tablespace_location),
    scalar("pg_relation_filenode", filenode),
    scalar("pg_column_compression", not_compressed),
    scalar("gin_clean_pending_list", clean_pending),
];
