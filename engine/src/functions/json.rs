//! Assignment to a part of a jsonb value, which PostgreSQL has no function for; the binder makes the calls
//! (`bind/json.rs`).

use rustydb_base::{DbError, Result};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::funcs::jsonb_edit::assign_path;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};

fn assign(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    match args {
        [target, first, value, path @ ..] => assign_path(target, path, matches!(first, Datum::Bool(true)), value),
        _ => Err(DbError::internal("an assignment to a subscript without its parts")),
    }
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[Kernel { name: "jsonb_subscript_assign", body: KernelBody::Scalar(assign) }];
