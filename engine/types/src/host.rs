//! Calls of functions that are not computed from their arguments alone: users' functions run statements, and only the
//! session that owns the transaction can do that.
//!
//! A statement whose expressions make such calls is given a [`CallHost`] in its [`crate::ctx::EvalCtx`].

use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::pgdata::Proc;
use crate::registry;
use rustydb_base::{DbError, Result};

/// What a call is made with.
pub struct HostCall {
    /// The function.
    pub proc: &'static Proc,
    /// Arguments.
    pub args: Vec<Datum>,
    /// Their types, where the function's may be polymorphic.
    pub types: Vec<TypeRef>,
    /// The result's type; its modifier tells the fields of an anonymous row.
    pub result: TypeRef,
}

/// Runs calls, blocking the caller.
pub trait CallHost: Send + Sync {
    /// The rows that the function answers; each is one value or, for functions that answer rows, its fields.
    fn call(&self, call: HostCall) -> Result<Vec<Vec<Datum>>>;
}

/// Whether calls of a function go to the host.
pub fn needs_host(p: &Proc) -> bool {
    runs_query_text(p)
        || of_large_objects(p)
        || maps_to_xml(p)
        || imports_collations(p)
        || summarises_blocks(p)
        || p.oid >= crate::userproc::FIRST_USER_OID && p.prolang == SQL && p.prokind != 'a'
}

/// Whether a built-in function is given a query as text.
pub fn runs_query_text(p: &Proc) -> bool {
    p.oid < crate::userproc::FIRST_USER_OID && matches!(&*p.prosrc, "ts_stat1" | "ts_stat2" | "tsquery_rewrite_query")
}

/// Whether a built-in function reads or changes large objects.
pub fn of_large_objects(p: &Proc) -> bool {
    p.oid < crate::userproc::FIRST_USER_OID && p.prosrc.starts_with("be_lo")
}

/// Whether a built-in function makes XML of tables that it reads, or describes them.
pub fn maps_to_xml(p: &Proc) -> bool {
    const NAMES: [&str; 4] = ["table_to_xml", "query_to_xml", "schema_to_xml", "database_to_xml"];
    p.oid < crate::userproc::FIRST_USER_OID && NAMES.iter().any(|n| p.prosrc.starts_with(n))
}

/// Whether it is the function that makes collations of the system's locales.
pub fn imports_collations(p: &Proc) -> bool {
    p.oid < crate::userproc::FIRST_USER_OID && p.prosrc == "pg_import_system_collations"
}

/// Whether a built-in function makes or removes summaries of a block range index.
pub fn summarises_blocks(p: &Proc) -> bool {
    const NAMES: [&str; 3] = ["brin_summarize_new_values", "brin_summarize_range", "brin_desummarize_range"];
    p.oid < crate::userproc::FIRST_USER_OID && NAMES.contains(&&*p.prosrc)
}

/// `pg_language.oid` of SQL.
pub const SQL: u32 = 14;

/// Calls a function through the statement's host.
pub fn call(ctx: &EvalCtx, call: HostCall) -> Result<Vec<Vec<Datum>>> {
    match &ctx.host {
        Some(h) => h.call(call),
        None => Err(DbError::unsupported(format!(
            "calling function {} here is not supported yet",
            registry::signature(call.proc)
        ))),
    }
}

/// Calls a function that answers one value.
pub fn call_scalar(ctx: &EvalCtx, c: HostCall) -> Result<Datum> {
    let rows = call(ctx, c)?;
    Ok(rows.into_iter().next().and_then(|r| r.into_iter().next()).unwrap_or_default())
}
