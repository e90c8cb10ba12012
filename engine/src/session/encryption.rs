//! Changing the keys of an encrypted data directory while it is in use.
//!
//! `rustydb_rotate_data_key()` makes a new data key and answers how many pages were written again with it;
//! `rustydb_rotate_master_key('file:…')` wraps the data keys with another key-encryption key, which the next start needs.

use super::kernels::session;
use super::sequence::wait_here;
use super::shared::SessionShared;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::crypto::KeySource;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};

fn superuser<'a>(ctx: &'a EvalCtx, function: &str) -> Result<&'a SessionShared> {
    let s = session(ctx)?;
    if s.user().superuser {
        return Ok(s);
    }
    Err(DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied for function {function}")))
}

fn data_key(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    let s = superuser(ctx, "rustydb_rotate_data_key")?;
    let pages = wait_here(s.engine.store().change_data_key())?;
    Ok(Datum::Int8(i64::try_from(pages).unwrap_or(i64::MAX)))
}

fn master_key(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let s = superuser(ctx, "rustydb_rotate_master_key")?;
    let Some(Datum::Text(source)) = args.first() else {
        return Err(DbError::internal("expected a source of a key"));
    };
    let source: KeySource = source.parse()?;
    wait_here(s.engine.store().change_key_source(source)).map_err(|e| DbError {
        // What would keep a server from starting only fails a statement.
        severity: rustydb_base::Severity::Error,
        ..e
    })?;
    Ok(Datum::Text(Default::default()))
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "rustydb_rotate_data_key", body: KernelBody::Scalar(data_key) },
    Kernel { name: "rustydb_rotate_master_key", body: KernelBody::Scalar(master_key) },
];
