//! Aggregates of users: a state that a function takes from row to row, and a function that makes the answer of it.
//!
//! Their rows are kept until the group is complete ([`super::agg`]), as two states cannot be joined in general.

use crate::bind::resolve::resolve_polymorphic;
use crate::catalog::Catalog;
use crate::exec::eval::{Func, func};
use crate::plan::ir::AggCall;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::AggState;
use rustydb_types::{io, pgdata};
use std::sync::Arc;

/// An aggregate ready to run at a call site.
pub struct UserAggregate {
    plain: Parts,
    /// Its form for frames that lose rows at their start, with the function that takes a row out again.
    moving: Option<(Parts, Func)>,
    name: String,
    /// Whether the final functions of the two forms leave the state as it is.
    reads_only: (bool, bool),
}

/// What makes one form of an aggregate.
struct Parts {
    transition: Func,
    strict: bool,
    last: Option<Func>,
    /// NULLs that the final function takes beside the state.
    extra: usize,
    state: TypeRef,
    initial: Option<String>,
}

impl Parts {
    /// The state before the first row.
    fn first(&self, ctx: &EvalCtx) -> Result<Option<Datum>> {
        self.initial.as_ref().map(|t| io::text_in(ctx, self.state, t)).transpose()
    }

    fn step(&self, ctx: &EvalCtx, f: &Func, state: Datum, args: &[Datum]) -> Result<Datum> {
        let mut all = Vec::with_capacity(args.len() + 1);
        all.push(state);
        all.extend_from_slice(args);
        f.call(ctx, &all)
    }

    fn finish(&self, ctx: &EvalCtx, state: &Datum) -> Result<Datum> {
        match &self.last {
            None => Ok(state.clone()),
            Some(f) => {
                let mut all = vec![state.clone()];
                all.resize(1 + self.extra, Datum::Null);
                f.call(ctx, &all)
            }
        }
    }
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
        let parts = |state: u32, transition: u32, last: u32, extra: bool, initial: &Option<String>| -> Result<Parts> {
            let state = resolve_polymorphic(&actual, &mut declared.clone(), state).unwrap_or(state);
            let state = TypeRef::new(state);
            let proc = pgdata::proc(transition).ok_or_else(|| missing(transition))?;
            let types = std::iter::once(state).chain(args.iter().copied());
            let transition = func(proc, types, state, collation)?;
            let last = match last {
                0 => None,
                f => {
                    let p = pgdata::proc(f).ok_or_else(|| missing(f))?;
                    let more = if extra { args } else { &[] };
                    Some(func(p, std::iter::once(state).chain(more.iter().copied()), result, collation)?)
                }
            };
            let extra = if extra { args.len() } else { 0 };
            Ok(Parts { transition, strict: proc.proisstrict, last, extra, state, initial: initial.clone() })
        };
        let moving = match d.moving {
            (_, 0, _) => None,
            (forward, back, last) => {
                let p = parts(d.moving_state.0, forward, last, d.extra.1, &d.moving_initial)?;
                let proc = pgdata::proc(back).ok_or_else(|| missing(back))?;
                let types = std::iter::once(p.state).chain(args.iter().copied());
                let back = func(proc, types, p.state, collation)?;
                Some((p, back))
            }
        };
        Ok(Some(Arc::new(UserAggregate {
            plain: parts(d.state, d.transition, d.last, d.extra.0, &d.initial)?,
            moving,
            name: r.signature(),
            reads_only: (d.modify.0 == 'r', d.modify.1 == 'r'),
        })))
    }

    /// The state before the first row.
    pub fn start(self: &Arc<Self>, ctx: &EvalCtx) -> Result<Box<dyn AggState>> {
        let value = self.plain.first(ctx)?;
        Ok(Box::new(Running { of: Arc::clone(self), empty: value.is_none(), value: value.unwrap_or_default() }))
    }

    /// Whether a window takes the moving form. `fixed`: nothing ever leaves the frames at their start, or whether arguments
    /// are computed again must not be noticed.
    ///
    /// # Errors
    /// The final function of the form changes the state, which a window needs again.
    pub fn moves(&self, fixed: bool) -> Result<bool> {
        let (plain, moving) = self.reads_only;
        let moves = self.moving.is_some() && (moving && !plain || !fixed);
        if !(if moves { moving } else { plain }) {
            return Err(DbError::unsupported(format!(
                "aggregate function {} does not support use as a window function",
                self.name
            )));
        }
        Ok(moves)
    }

    /// A moving state before the first row.
    pub fn start_moving(self: &Arc<Self>, ctx: &EvalCtx) -> Result<Moving> {
        let mut m = Moving { of: Arc::clone(self), value: Datum::Null, none: true, taken: 0 };
        m.reset(ctx)?;
        Ok(m)
    }
}

/// The state of a moving aggregate.
pub struct Moving {
    of: Arc<UserAggregate>,
    value: Datum,
    /// Whether there is no value yet, and no initial one.
    none: bool,
    /// Rows in the state.
    taken: usize,
}

impl Moving {
    fn parts(&self) -> Result<&(Parts, Func)> {
        self.of.moving.as_ref().ok_or_else(|| DbError::internal("not a moving aggregate"))
    }

    /// Back to the state before the first row.
    pub fn reset(&mut self, ctx: &EvalCtx) -> Result<()> {
        let first = self.parts()?.0.first(ctx)?;
        self.none = first.is_none();
        self.value = first.unwrap_or_default();
        self.taken = 0;
        Ok(())
    }

    /// Takes a row.
    pub fn add(&mut self, ctx: &EvalCtx, args: &[Datum]) -> Result<()> {
        let strict = self.parts()?.0.strict;
        if strict && args.iter().any(Datum::is_null) {
            return Ok(());
        }
        if strict && self.none {
            self.value = args.first().cloned().unwrap_or_default();
        } else {
            let state = std::mem::take(&mut self.value);
            let (p, _) = self.parts()?;
            let made = p.step(ctx, &p.transition, state, args)?;
            if made.is_null() {
                // NULL is what the inverse function says when it cannot take a row out.
                return Err(DbError::new(
                    SqlState::NULL_VALUE_NOT_ALLOWED,
                    "moving-aggregate transition function must not return null",
                ));
            }
            self.value = made;
        }
        self.none = false;
        self.taken += 1;
        Ok(())
    }

    /// Takes out a row that [`Moving::add`] has taken; false if the state has to be made afresh.
    pub fn remove(&mut self, ctx: &EvalCtx, args: &[Datum]) -> Result<bool> {
        if self.parts()?.0.strict && args.iter().any(Datum::is_null) {
            return Ok(true);
        }
        // Without the last row the state is that before the first, which the function need not find.
        if self.taken <= 1 {
            return self.reset(ctx).map(|()| true);
        }
        let state = std::mem::take(&mut self.value);
        let (p, back) = self.parts()?;
        let made = p.step(ctx, back, state, args)?;
        if made.is_null() {
            return Ok(false);
        }
        self.value = made;
        self.taken -= 1;
        Ok(true)
    }

    /// The answer so far.
    pub fn finish(&self, ctx: &EvalCtx) -> Result<Datum> {
        self.parts()?.0.finish(ctx, &self.value)
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
        let parts = &self.of.plain;
        if parts.strict {
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
        self.value = parts.step(ctx, &parts.transition, std::mem::take(&mut self.value), args)?;
        Ok(())
    }
    fn merge(&mut self, _: &EvalCtx, _: &[u8]) -> Result<()> {
        Err(DbError::internal("states of a user's aggregate cannot be joined"))
    }
    fn state(&self) -> Result<Vec<u8>> {
        Err(DbError::internal("the state of a user's aggregate cannot be stored"))
    }
    fn finish(&self, ctx: &EvalCtx) -> Result<Datum> {
        self.of.plain.finish(ctx, &self.value)
    }
    fn size(&self) -> usize {
        size_of::<Self>() + crate::exec::datum_size(&self.value)
    }
}
