//! Functions that need the catalog or the running server: kernels that [`rustydb_types::registry`] does not have, because
//! they must see more than the values they are given.
//!
//! A kernel reaches its surroundings through [`access`]: the session behind `EvalCtx::session` gives out a
//! [`CatalogAccess`]. Kernels only look; what they ask for is either in the typed catalog snapshot or answered by the
//! session without waiting (sizes and last values of sequences may read files).
//!
//! Functions of objects that RustyDB does not have (publications, foreign servers, extended statistics, triggers…)
//! answer what PostgreSQL answers when there is no such object: NULL or no rows.

mod acl;
mod address;
mod am;
mod definition;
mod extended;
mod files;
mod host;
mod json;
mod monitor;
mod objects;
mod partition;
mod schema;
mod setting;
mod size;
mod stat;
mod visible;

pub(crate) use files::failed as file_error;

use crate::catalog::Catalog;
use crate::session::shared::SessionShared;
use crate::settings::Settings;
use rustydb_base::{DbError, RelId, Result};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{ArrayValue, Datum};
use rustydb_types::kernel::{Kernel, KernelBody, ScalarFn, SetFn};
use std::sync::Arc;

/// What the engine's kernels may ask of the session that runs them.
///
/// The session's `SessionInfo::as_any` answers an object that [`access`] knows: an [`EngineSession`] that wraps an
/// implementation, or the engine's own session, which implements the trait itself.
pub trait CatalogAccess: Send + Sync {
    /// The catalog that the statement's names resolve in.
    fn catalog(&self) -> Arc<Catalog>;
    /// Schemas of the search path that exist, in search order, implicit ones included.
    fn search_path(&self) -> Vec<u32>;
    /// The session's process id.
    fn pid(&self) -> i32 {
        0
    }
    /// OID of the current role.
    fn role(&self) -> u32;
    /// The schema of this session's temporary objects, if it has any.
    fn temp_schema(&self) -> Option<u32>;
    /// Lets `f` read the session's settings.
    fn with_settings(&self, f: &mut dyn FnMut(&Settings));
    /// Bytes that a file of the store has on disk.
    fn file_bytes(&self, file: RelId) -> Result<u64>;
    /// The last value a sequence gave out, `None` before the first.
    fn sequence_last(&self, sequence: u32) -> Result<Option<i64>>;
    /// The next value of a sequence for the identity column that owns it: who may insert may have it.
    fn identity_value(&self, _sequence: u32) -> Result<i64> {
        Err(DbError::unsupported("identity columns need a client's session"))
    }
    /// The newest catalog of another database.
    fn catalog_of(&self, _database: u32) -> Option<Arc<Catalog>> {
        None
    }
    /// The lines of the host rules' file.
    fn host_lines(&self) -> Result<Vec<crate::hba::Line>> {
        Ok(Vec::new())
    }
    /// Reads configuration files again.
    fn reload(&self) {}
    /// The directory of the server's data.
    fn data_dir(&self) -> std::path::PathBuf {
        std::path::PathBuf::new()
    }
    /// Sessions of the server, in order of process id.
    fn activity(&self) -> Vec<Activity>;
}

/// A session as `pg_stat_activity` shows it. Times are microseconds since 2000-01-01 UTC.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Process id.
    pub pid: i32,
    /// Database OID.
    pub database: Option<u32>,
    /// Role OID.
    pub role: Option<u32>,
    /// `application_name`.
    pub application: String,
    /// Address of the client and its port; `None` for a local socket.
    pub client: Option<std::net::SocketAddr>,
    /// When the session began.
    pub started: i64,
    /// When its transaction began.
    pub transaction_start: Option<i64>,
    /// When its current or last statement began.
    pub query_start: Option<i64>,
    /// When `state` last changed.
    pub state_change: Option<i64>,
    /// `active`, `idle`, `idle in transaction`…
    pub state: Option<&'static str>,
    /// Text of the current or last statement.
    pub query: String,
    /// Its id, 0 if it was not computed.
    pub query_id: u64,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
}

/// A session's [`CatalogAccess`] behind a type that can be found through `Any`.
pub struct EngineSession(pub Box<dyn CatalogAccess>);

/// The session's view of the catalog.
///
/// # Errors
/// An internal error when the statement runs without an engine's session.
pub fn access(ctx: &EvalCtx) -> Result<&dyn CatalogAccess> {
    let any = ctx.session.as_any();
    any.downcast_ref::<SessionShared>()
        .map(|s| s as &dyn CatalogAccess)
        .or_else(|| any.downcast_ref::<EngineSession>().map(|s| s.0.as_ref()))
        .ok_or_else(|| DbError::internal("a catalog function was called outside a session"))
}

/// All kernels of this module, for [`rustydb_types::registry::add_kernels`].
pub const TABLES: &[&[Kernel]] = &[
    acl::KERNELS,
    address::KERNELS,
    am::KERNELS,
    definition::KERNELS,
    extended::KERNELS,
    files::KERNELS,
    host::KERNELS,
    json::KERNELS,
    monitor::KERNELS,
    objects::KERNELS,
    partition::KERNELS,
    schema::KERNELS,
    setting::KERNELS,
    size::KERNELS,
    stat::KERNELS,
    visible::KERNELS,
];

const fn scalar(name: &'static str, f: ScalarFn) -> Kernel {
    Kernel { name, body: KernelBody::Scalar(f) }
}

const fn set(name: &'static str, f: SetFn) -> Kernel {
    Kernel { name, body: KernelBody::Set(f) }
}

/// Rows of a set-returning kernel.
type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn rows(v: Vec<Vec<Datum>>) -> Result<Rows> {
    Ok(Box::new(v.into_iter().map(Ok)))
}

fn text(s: impl AsRef<str>) -> Datum {
    Datum::Text(s.as_ref().into())
}

fn opt_text(s: Option<String>) -> Datum {
    s.map_or(Datum::Null, text)
}

/// An argument that must be an OID (or a reg* value); NULL is `None`.
fn oid_arg(args: &[Datum], i: usize) -> Result<Option<u32>> {
    match args.get(i) {
        Some(Datum::Oid(o)) => Ok(Some(*o)),
        Some(Datum::Null) | None => Ok(None),
        Some(other) => Err(DbError::internal(format!("expected an object identifier, found {other:?}"))),
    }
}

fn text_arg(args: &[Datum], i: usize) -> Result<&str> {
    match args.get(i) {
        Some(Datum::Text(s)) => Ok(s.as_str()),
        other => Err(DbError::internal(format!("expected text, found {other:?}"))),
    }
}

fn int_arg(args: &[Datum], i: usize) -> Option<i32> {
    match args.get(i) {
        Some(Datum::Int4(v)) => Some(*v),
        Some(Datum::Int2(v)) => Some(i32::from(*v)),
        _ => None,
    }
}

fn bool_arg(args: &[Datum], i: usize) -> bool {
    matches!(args.get(i), Some(Datum::Bool(true)))
}

/// A one-dimensional array.
fn array(elem: u32, items: Vec<Datum>) -> Datum {
    let dims = if items.is_empty() { vec![] } else { vec![(i32::try_from(items.len()).unwrap_or(i32::MAX), 1)] };
    Datum::Array(Arc::new(ArrayValue { elem, dims, items }))
}

#[cfg(test)]
mod tests;
