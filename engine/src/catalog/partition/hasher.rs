//! Hash functions of users' operator classes, by which hash partitions are told apart.
//!
//! Rows are placed without waiting for statements, so such a function must be one SQL expression; its value is computed
//! outside of any session, as it may depend on its arguments only.

use crate::bind::{BindCx, Binder};
use crate::catalog::{Catalog, IndexKey, opclasses};
use crate::exec::eval::{Compiled, Env, compile};
use crate::exec::host::expr_needs_host;
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::oid;
use std::sync::Arc;

/// A hash function of a key column.
#[derive(Debug)]
pub struct Hasher(Compiled);

impl Hasher {
    /// The function of a key column's operator class, if a user wrote it; `None` if it is not one expression, too.
    ///
    /// # Errors
    /// If the function's body cannot be bound.
    pub fn of(catalog: &Arc<Catalog>, key: &IndexKey, ty: TypeRef, eval: &EvalCtx) -> Result<Option<Hasher>> {
        let Some(class) = catalog.objects.get(&key.opclass) else { return Ok(None) };
        let function = opclasses::members(class).iter().find(|m| m.function && m.number == 2).map(|m| m.target);
        let Some(routine) = function.and_then(|f| catalog.routines.get(&f)) else { return Ok(None) };
        let path: Vec<u32> = catalog.namespaces.keys().copied().collect();
        let cx = BindCx { catalog, search_path: &path, eval, role: routine.owner, sql: "" };
        let types = [ty, TypeRef::new(oid::INT8)];
        let body = Binder::new(&cx, &[]).routine_expression(routine, &types, TypeRef::new(oid::INT8))?;
        match body.filter(|e| !expr_needs_host(e)) {
            Some(e) => Ok(Some(Hasher(compile(&e, &|_| None)?))),
            None => Ok(None),
        }
    }

    /// The hash of a value that is not NULL; `None` if the function says NULL.
    pub(super) fn hash(&self, d: &Datum, seed: u64) -> Result<Option<u64>> {
        let ctx = crate::engine::sessionless();
        let params = [d.clone(), Datum::Int8(seed as i64)];
        match self.0.eval(Env { ctx: &ctx, params: &params }, &[])? {
            Datum::Int8(h) => Ok(Some(h as u64)),
            _ => Ok(None),
        }
    }
}
