//! Aggregates of users: a state that a function takes from row to row, and a function that makes the answer of it.
//!
//! Their rows are kept until the group is complete ([`super::agg`]), as two states cannot be joined in general.

use crate::bind::resolve::resolve_polymorphic;
use crate::catalog::Catalog;
use crate::exec::eval::{Func, func};
use crate::plan::ir::AggCall;
use rustydb_base::{DbError, Result};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::AggState;
use rustydb_types::{io, pgdata};
use std::sync::Arc;

/// An aggregate ready to run at a call site.
pub struct UserAggregate {
    transition: Func,
    strict: bool,
    last: Option<Func>,
    /// NULLs that the final function takes beside the state.
    extra: usize,
    state: TypeRef,
    initial: Option<String>,
}

impl UserAggregate {
    /// The aggregate of a call, if a user has made it.
    pub fn of(a: &AggCall, cat: &Catalog) -> Result<Option<Arc<UserAggregate>>> {
        UserAggregate::at(a.proc.oid, &a.args.iter().map(|x| x.ty).collect::<Vec<_>>(), a.ty, a.collation, cat)
    }

    /// The aggregate of an OID for arguments of these types.
    pub fn at(
        oid: u32,
        args: &[TypeRef],
        result: TypeRef,
        collation: u32,
        cat: &Catalog,
    ) -> Result<Option<Arc<UserAggregate>>> {
        let Some(r) = cat.routines.get(&oid) else { return Ok(None) };
        let Some(d) = &r.aggregate else { return Ok(None) };
        let missing = |f: u32| DbError::internal(format!("function {f} of aggregate {} is gone", r.name));
        let actual: Vec<u32> = args.iter().map(|t| t.oid).collect();
        let mut declared = r.input_types();
        declared.resize(actual.len().max(declared.len()), rustydb_types::oid::ANY);
        declared.truncate(actual.len());
        let state = resolve_polymorphic(&actual, &mut declared, d.state).unwrap_or(d.state);
        let state = TypeRef::new(state);
        let proc = pgdata::proc(d.transition).ok_or_else(|| missing(d.transition))?;
        let types = std::iter::once(state).chain(args.iter().copied());
        let transition = func(proc, types, state, collation)?;
        let last = match d.last {
            0 => None,
            f => {
                let p = pgdata::proc(f).ok_or_else(|| missing(f))?;
                let more = if d.extra.0 { args } else { &[] };
                Some(func(p, std::iter::once(state).chain(more.iter().copied()), result, collation)?)
            }
        };
        Ok(Some(Arc::new(UserAggregate {
            transition,
            strict: proc.proisstrict,
            last,
            extra: if d.extra.0 { args.len() } else { 0 },
            state,
            initial: d.initial.clone(),
        })))
    }

    /// The state before the first row.
    pub fn start(self: &Arc<Self>, ctx: &EvalCtx) -> Result<Box<dyn AggState>> {
        let value = match &self.initial {
            Some(t) => Some(io::text_in(ctx, self.state, t)?),
            None => None,
        };
        Ok(Box::new(Running { of: Arc::clone(self), empty: value.is_none(), value: value.unwrap_or_default() }))
    }
}

struct Running {
    of: Arc<UserAggregate>,
    value: Datum,
    /// Nothing has been taken yet, and there was no initial value.
    empty: bool,
}

impl AggState for Running {
    fn update(&mut self, ctx: &EvalCtx, args: &[Datum]) -> Result<()> {
        if self.of.strict {
            if args.iter().any(Datum::is_null) {
                return Ok(());
            }
            if self.empty {
                // The first value is the state of a strict function that has none.
                self.empty = false;
                self.value = args.first().cloned().unwrap_or_default();
                return Ok(());
            }
            if self.value.is_null() {
                return Ok(());
            }
        }
        self.empty = false;
        let mut all = Vec::with_capacity(args.len() + 1);
        all.push(std::mem::take(&mut self.value));
        all.extend_from_slice(args);
        self.value = self.of.transition.call(ctx, &all)?;
        Ok(())
    }
    fn merge(&mut self, _: &EvalCtx, _: &[u8]) -> Result<()> {
        Err(DbError::internal("states of a user's aggregate cannot be joined"))
    }
    fn state(&self) -> Result<Vec<u8>> {
        Err(DbError::internal("the state of a user's aggregate cannot be stored"))
    }
    fn finish(&self, ctx: &EvalCtx) -> Result<Datum> {
        match &self.of.last {
            None => Ok(self.value.clone()),
            Some(f) => {
                let mut all = vec![self.value.clone()];
                all.resize(1 + self.of.extra, Datum::Null);
                f.call(ctx, &all)
            }
        }
    }
    fn size(&self) -> usize {
        size_of::<Self>() + crate::exec::datum_size(&self.value)
    }
}
