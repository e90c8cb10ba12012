//! Functions that need the session, its transaction or the store: sequences, identity of backends, sleeping, privileges.

use super::sequence;
use super::shared::SessionShared;
use crate::api::Canceller;
use crate::catalog::{Catalog, RelKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_types::oid;
use std::time::{Duration, Instant};

/// Longest that one nap of `pg_sleep` lasts before it looks for a cancel request.
const NAP: Duration = Duration::from_millis(20);

pub(super) fn session(ctx: &EvalCtx) -> Result<&SessionShared> {
    ctx.session
        .as_any()
        .downcast_ref::<SessionShared>()
        .ok_or_else(|| DbError::unsupported("this function needs a client's session"))
}

fn regclass(args: &[Datum], i: usize) -> Result<u32> {
    match args.get(i) {
        Some(Datum::Oid(o)) => Ok(*o),
        other => Err(DbError::internal(format!("expected an object identifier, found {other:?}"))),
    }
}

pub(super) fn int8(args: &[Datum], i: usize) -> Result<i64> {
    match args.get(i) {
        Some(Datum::Int8(v)) => Ok(*v),
        other => Err(DbError::internal(format!("expected a bigint, found {other:?}"))),
    }
}

pub(super) fn int4(args: &[Datum], i: usize) -> Result<i32> {
    match args.get(i) {
        Some(Datum::Int4(v)) => Ok(*v),
        other => Err(DbError::internal(format!("expected an integer, found {other:?}"))),
    }
}

fn nextval(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    sequence::nextval(session(ctx)?, regclass(args, 0)?).map(Datum::Int8)
}

fn currval(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    sequence::currval(session(ctx)?, regclass(args, 0)?).map(Datum::Int8)
}

fn lastval(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    sequence::lastval(session(ctx)?).map(Datum::Int8)
}

fn setval(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let called = !matches!(args.get(2), Some(Datum::Bool(false)));
    sequence::setval(session(ctx)?, regclass(args, 0)?, int8(args, 1)?, called).map(Datum::Int8)
}

fn backend_pid(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int4(session(ctx)?.pid))
}

fn postmaster_start(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::TimestampTz(session(ctx)?.engine.started))
}

fn not_in_recovery(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bool(false))
}

/// Sleeps on this thread, after telling the runtime, so that other sessions go on elsewhere.
fn sleep(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let s = session(ctx)?;
    let seconds = match args.first() {
        Some(Datum::Float8(v)) => *v,
        other => return Err(DbError::internal(format!("expected a double, found {other:?}"))),
    };
    let void = Datum::Text(Default::default());
    if seconds.is_nan() || seconds <= 0.0 {
        return Ok(void);
    }
    let end = Duration::try_from_secs_f64(seconds).ok().and_then(|d| Instant::now().checked_add(d));
    let nap = || -> Result<()> {
        loop {
            s.interrupt.check()?;
            let left = end.map(|e| e.saturating_duration_since(Instant::now()));
            match left {
                Some(Duration::ZERO) => return Ok(()),
                left => std::thread::sleep(left.unwrap_or(NAP).min(NAP)),
            }
        }
    };
    match tokio::runtime::Handle::try_current().map(|h| h.runtime_flavor()) {
        Ok(tokio::runtime::RuntimeFlavor::MultiThread) => tokio::task::block_in_place(nap)?,
        _ => nap()?,
    }
    Ok(void)
}

/// `pg_cancel_backend` and `pg_terminate_backend`.
fn signal(ctx: &EvalCtx, pid: i32, terminate: bool) -> Result<Datum> {
    let s = session(ctx)?;
    let Some(target) = s.engine.sessions.get(pid) else {
        s.warning(SqlState::WARNING, format!("PID {pid} is not a PostgreSQL backend process"));
        return Ok(Datum::Bool(false));
    };
    let me = s.user();
    if !me.superuser && target.user().superuser {
        let what = if terminate { "terminate superuser process" } else { "cancel superuser query" };
        return Err(DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be a superuser to {what}")));
    }
    if !me.superuser && target.user().oid != me.oid {
        let what = if terminate { "terminate the process" } else { "cancel the query" };
        let message = if terminate {
            "must be a member of the role whose process is being terminated or member of pg_signal_backend"
        } else {
            "must be a member of the role whose query is being canceled or member of pg_signal_backend"
        };
        tracing::info!("session {} may not {what} of session {pid}", s.pid);
        return Err(DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    if terminate {
        target.terminate();
    } else {
        target.cancel();
    }
    Ok(Datum::Bool(true))
}

fn cancel_backend(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    signal(ctx, int4(args, 0)?, false)
}

fn terminate_backend(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    if matches!(args.get(1), Some(Datum::Int8(t)) if *t != 0) {
        return Err(DbError::unsupported("pg_terminate_backend with a timeout is not supported yet"));
    }
    signal(ctx, int4(args, 0)?, true)
}

// ---- privileges ------------------------------------------------------------------------------------------------------

/// What is asked about whom: `(user, object, privilege)` or `(object, privilege)` for oneself.
struct Asked<'a> {
    user: u32,
    superuser: bool,
    object: &'a Datum,
    rest: &'a [Datum],
}

fn asked<'a>(s: &SessionShared, cat: &Catalog, args: &'a [Datum], with_user: bool) -> Result<Asked<'a>> {
    let missing = || DbError::internal("a privilege function was called with too few arguments");
    if !with_user {
        let me = s.user();
        let (object, rest) = args.split_first().ok_or_else(missing)?;
        return Ok(Asked { user: me.oid, superuser: me.superuser, object, rest });
    }
    let (user, others) = args.split_first().ok_or_else(missing)?;
    let (object, rest) = others.split_first().ok_or_else(missing)?;
    let role = match user {
        Datum::Text(name) if name == "public" => return Ok(Asked { user: 0, superuser: false, object, rest }),
        Datum::Text(name) => cat
            .role_named(name)
            .ok_or_else(|| DbError::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))?,
        Datum::Oid(o) => match cat.roles.get(o) {
            Some(r) => r,
            None => return Ok(Asked { user: *o, superuser: false, object, rest }),
        },
        other => return Err(DbError::internal(format!("expected a role, found {other:?}"))),
    };
    Ok(Asked { user: role.oid, superuser: role.superuser, object, rest })
}

/// Checks the privilege words of an argument like `SELECT, INSERT WITH GRANT OPTION`.
fn check_words(d: Option<&Datum>, known: &[&str]) -> Result<()> {
    let Some(Datum::Text(text)) = d else { return Err(DbError::internal("a privilege must be text")) };
    for word in text.split(',') {
        let w = word.trim().to_ascii_uppercase();
        let base = w.strip_suffix(" WITH GRANT OPTION").unwrap_or(&w);
        if !known.contains(&base) {
            return Err(DbError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("unrecognized privilege type: \"{}\"", word.trim()),
            ));
        }
    }
    Ok(())
}

/// Whether the first argument of this overload is a role.
fn has_user(info: &CallInfo<'_>, without: usize) -> bool {
    info.args.len() > without
}

/// Relations: owner and superuser may do everything; catalogs may be read by all.
fn on_relation(ctx: &EvalCtx, args: &[Datum], with_user: bool, known: &[&str], column: bool) -> Result<Datum> {
    let s = session(ctx)?;
    let cat = s.catalog();
    let a = asked(s, &cat, args, with_user)?;
    let rel = match a.object {
        Datum::Oid(o) => match cat.relation(*o) {
            Some(r) => r,
            None => return Ok(Datum::Null),
        },
        Datum::Text(name) => {
            let found = super::reg::relation_named(s, name)?;
            cat.relation(found).ok_or_else(|| DbError::internal("a relation vanished"))?
        }
        other => return Err(DbError::internal(format!("expected a relation, found {other:?}"))),
    };
    let privilege = if column {
        match a.rest.first() {
            Some(Datum::Text(name)) if rel.column(name).is_none() => {
                return Err(DbError::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{name}\" of relation \"{}\" does not exist", rel.name),
                ));
            }
            Some(Datum::Int2(n)) if rel.attribute(*n).is_none_or(|c| c.dropped) => return Ok(Datum::Null),
            _ => {}
        }
        a.rest.get(1)
    } else {
        a.rest.first()
    };
    check_words(privilege, known)?;
    let reads_only =
        matches!(privilege, Some(Datum::Text(t)) if t.split(',').any(|w| w.trim().eq_ignore_ascii_case("select")));
    let system = rel.oid < crate::catalog::FIRST_USER_OID && reads_only && rel.name != "pg_authid";
    Ok(Datum::Bool(a.superuser || rel.owner == a.user || system))
}

const TABLE_WORDS: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
const COLUMN_WORDS: &[&str] = &["SELECT", "INSERT", "UPDATE", "REFERENCES"];

fn table_privilege(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    on_relation(ctx, args, has_user(info, 2), TABLE_WORDS, false)
}

fn any_column_privilege(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    on_relation(ctx, args, has_user(info, 2), COLUMN_WORDS, false)
}

fn column_privilege(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    on_relation(ctx, args, has_user(info, 3), COLUMN_WORDS, true)
}

fn sequence_privilege(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let s = session(ctx)?;
    let object = args.get(usize::from(has_user(info, 2)));
    let found = match object {
        Some(Datum::Text(name)) => Some(super::reg::relation_named(s, name)?),
        Some(Datum::Oid(o)) => Some(*o),
        _ => None,
    };
    let cat = s.catalog();
    if let Some(rel) = found.and_then(|o| cat.relation(o))
        && rel.kind != RelKind::Sequence
    {
        return Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a sequence", rel.name)));
    }
    on_relation(ctx, args, has_user(info, 2), &["USAGE", "SELECT", "UPDATE"], false)
}

fn words_of(d: Option<&Datum>) -> Vec<String> {
    match d {
        Some(Datum::Text(t)) => t.split(',').map(|w| w.trim().to_ascii_uppercase()).collect(),
        _ => Vec::new(),
    }
}

fn schema_privilege(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let s = session(ctx)?;
    let cat = s.catalog();
    let a = asked(s, &cat, args, has_user(info, 2))?;
    let ns = match a.object {
        Datum::Oid(o) => cat.namespaces.get(o),
        Datum::Text(name) => Some(
            cat.namespace_named(name)
                .and_then(|o| cat.namespaces.get(&o))
                .ok_or_else(|| DbError::new(SqlState::UNDEFINED_SCHEMA, format!("schema \"{name}\" does not exist")))?,
        ),
        other => return Err(DbError::internal(format!("expected a schema, found {other:?}"))),
    };
    let Some(ns) = ns else { return Ok(Datum::Null) };
    check_words(a.rest.first(), &["CREATE", "USAGE"])?;
    // Everyone may use what everyone needs; only the owner may create.
    let open = matches!(ns.name.as_str(), "public" | "pg_catalog" | "information_schema")
        && words_of(a.rest.first()).iter().any(|w| w == "USAGE");
    Ok(Datum::Bool(a.superuser || ns.owner == a.user || open))
}

fn database_privilege(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let s = session(ctx)?;
    let cat = s.catalog();
    let a = asked(s, &cat, args, has_user(info, 2))?;
    let db = match a.object {
        Datum::Oid(o) => cat.databases.values().find(|d| d.oid == *o),
        Datum::Text(name) => Some(cat.databases.get(name.as_str()).ok_or_else(|| {
            DbError::new(SqlState::UNDEFINED_DATABASE, format!("database \"{name}\" does not exist"))
        })?),
        other => return Err(DbError::internal(format!("expected a database, found {other:?}"))),
    };
    let Some(db) = db else { return Ok(Datum::Null) };
    check_words(a.rest.first(), &["CREATE", "TEMPORARY", "TEMP", "CONNECT"])?;
    let open = words_of(a.rest.first()).iter().any(|w| matches!(w.as_str(), "TEMPORARY" | "TEMP" | "CONNECT"));
    Ok(Datum::Bool(a.superuser || db.owner == a.user || open))
}

/// Built-in functions, types and languages may be used by everyone.
fn free_for_all(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum], kind: u32, words: &[&str]) -> Result<Datum> {
    let s = session(ctx)?;
    let cat = s.catalog();
    let a = asked(s, &cat, args, has_user(info, 2))?;
    if let Datum::Text(name) = a.object {
        rustydb_types::ctx::SessionInfo::reg_in(s, kind, name)?;
    }
    check_words(a.rest.first(), words)?;
    Ok(Datum::Bool(true))
}

fn function_privilege(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    free_for_all(ctx, info, args, oid::REGPROCEDURE, &["EXECUTE"])
}

fn type_privilege(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    free_for_all(ctx, info, args, oid::REGTYPE, &["USAGE"])
}

/// Roles have no members yet: each role has its own rights only, superusers all.
fn has_role(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let s = session(ctx)?;
    let cat = s.catalog();
    let a = asked(s, &cat, args, has_user(info, 2))?;
    let role = match a.object {
        Datum::Oid(o) => *o,
        Datum::Text(name) => {
            cat.role_named(name)
                .ok_or_else(|| DbError::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))?
                .oid
        }
        other => return Err(DbError::internal(format!("expected a role, found {other:?}"))),
    };
    Ok(Datum::Bool(a.superuser || role == a.user))
}

macro_rules! scalars {
    ($($name:literal => $f:expr),* $(,)?) => {
        &[$(Kernel { name: $name, body: KernelBody::Scalar($f) }),*]
    };
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = scalars! {
    "nextval_oid" => nextval,
    "currval_oid" => currval,
    "lastval" => lastval,
    "setval_oid" => setval,
    "setval3_oid" => setval,
    "pg_backend_pid" => backend_pid,
    "pg_postmaster_start_time" => postmaster_start,
    "pg_conf_load_time" => postmaster_start,
    "pg_is_in_recovery" => not_in_recovery,
    "pg_sleep" => sleep,
    "pg_cancel_backend" => cancel_backend,
    "pg_terminate_backend" => terminate_backend,
    "has_table_privilege_name_name" => table_privilege,
    "has_table_privilege_name_id" => table_privilege,
    "has_table_privilege_id_name" => table_privilege,
    "has_table_privilege_id_id" => table_privilege,
    "has_table_privilege_name" => table_privilege,
    "has_table_privilege_id" => table_privilege,
    "has_any_column_privilege_name_name" => any_column_privilege,
    "has_any_column_privilege_name_id" => any_column_privilege,
    "has_any_column_privilege_id_name" => any_column_privilege,
    "has_any_column_privilege_id_id" => any_column_privilege,
    "has_any_column_privilege_name" => any_column_privilege,
    "has_any_column_privilege_id" => any_column_privilege,
    "has_column_privilege_name_name_name" => column_privilege,
    "has_column_privilege_name_name_attnum" => column_privilege,
    "has_column_privilege_name_id_name" => column_privilege,
    "has_column_privilege_name_id_attnum" => column_privilege,
    "has_column_privilege_id_name_name" => column_privilege,
    "has_column_privilege_id_name_attnum" => column_privilege,
    "has_column_privilege_id_id_name" => column_privilege,
    "has_column_privilege_id_id_attnum" => column_privilege,
    "has_column_privilege_name_name" => column_privilege,
    "has_column_privilege_name_attnum" => column_privilege,
    "has_column_privilege_id_name" => column_privilege,
    "has_column_privilege_id_attnum" => column_privilege,
    "has_sequence_privilege_name_name" => sequence_privilege,
    "has_sequence_privilege_name_id" => sequence_privilege,
    "has_sequence_privilege_id_name" => sequence_privilege,
    "has_sequence_privilege_id_id" => sequence_privilege,
    "has_sequence_privilege_name" => sequence_privilege,
    "has_sequence_privilege_id" => sequence_privilege,
    "has_schema_privilege_name_name" => schema_privilege,
    "has_schema_privilege_name_id" => schema_privilege,
    "has_schema_privilege_id_name" => schema_privilege,
    "has_schema_privilege_id_id" => schema_privilege,
    "has_schema_privilege_name" => schema_privilege,
    "has_schema_privilege_id" => schema_privilege,
    "has_database_privilege_name_name" => database_privilege,
    "has_database_privilege_name_id" => database_privilege,
    "has_database_privilege_id_name" => database_privilege,
    "has_database_privilege_id_id" => database_privilege,
    "has_database_privilege_name" => database_privilege,
    "has_database_privilege_id" => database_privilege,
    "has_function_privilege_name_name" => function_privilege,
    "has_function_privilege_name_id" => function_privilege,
    "has_function_privilege_id_name" => function_privilege,
    "has_function_privilege_id_id" => function_privilege,
    "has_function_privilege_name" => function_privilege,
    "has_function_privilege_id" => function_privilege,
    "has_type_privilege_name_name" => type_privilege,
    "has_type_privilege_name_id" => type_privilege,
    "has_type_privilege_id_name" => type_privilege,
    "has_type_privilege_id_id" => type_privilege,
    "has_type_privilege_name" => type_privilege,
    "has_type_privilege_id" => type_privilege,
    "pg_has_role_name_name" => has_role,
    "pg_has_role_name_id" => has_role,
    "pg_has_role_id_name" => has_role,
    "pg_has_role_id_id" => has_role,
    "pg_has_role_name" => has_role,
    "pg_has_role_id" => has_role,
};
