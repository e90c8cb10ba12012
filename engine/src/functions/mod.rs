//! Functions that need the catalog or the running server: kernels that [`rustydb_types::registry`] does not have, because
//! they must see more than the values they are given.
//!
//! A kernel reaches its surroundings through [`access`]: the session behind `EvalCtx::session` gives out a
//! [`CatalogAccess`].

use crate::catalog::Catalog;
use rustydb_base::{DbError, Result};
use rustydb_types::ctx::EvalCtx;
use std::sync::Arc;

/// What the engine's kernels may ask of the session that runs them.
///
/// The session's `SessionInfo::as_any` answers either itself or an [`EngineSession`] that wraps an implementation.
pub trait CatalogAccess: Send + Sync {
    /// The catalog that the statement's names resolve in.
    fn catalog(&self) -> Arc<Catalog>;
    /// Schemas of the search path that exist, in search order, implicit ones included.
    fn search_path(&self) -> Vec<u32>;
    /// OID of the current role.
    fn role(&self) -> u32;
}

/// A session's [`CatalogAccess`] behind a type that can be found through `Any`.
pub struct EngineSession(pub Box<dyn CatalogAccess>);

/// The session's view of the catalog.
///
/// # Errors
/// An internal error when the statement runs without an engine's session.
pub fn access(ctx: &EvalCtx) -> Result<&dyn CatalogAccess> {
    ctx.session
        .as_any()
        .downcast_ref::<EngineSession>()
        .map(|s| s.0.as_ref())
        .ok_or_else(|| DbError::internal("a catalog function was called outside a session"))
}
