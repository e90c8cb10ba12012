//! Functions and operators as kernels over values. A kernel is found by the internal name PostgreSQL's `pg_proc.prosrc`
//! gives it (`int4pl`, `textlike`, …), so one table serves functions, operators, casts and aggregates' transition steps.

use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use arrow_array::ArrayRef;
use rustydb_base::Result;

/// Static facts of one call site, known when the statement is bound.
pub struct CallInfo<'a> {
    /// Types of the arguments as they arrive (after casts).
    pub args: &'a [TypeRef],
    /// The result type.
    pub result: TypeRef,
    /// Collation to compare with; 0 for none.
    pub collation: u32,
}

/// The scalar form. Strict functions are never called with a NULL argument (the caller answers NULL).
pub type ScalarFn = fn(&EvalCtx, &CallInfo<'_>, &[Datum]) -> Result<Datum>;

/// An optional vectorised form over arrays of the types' Arrow shapes ([`crate::arrow::arrow_type`]); all arrays have
/// `rows` elements. Exists only where a profile asked for it, and must agree with the scalar form.
pub type VectorFn = fn(&EvalCtx, &CallInfo<'_>, &[ArrayRef], usize) -> Result<ArrayRef>;

/// A set-returning function's scalar form: all rows at once, one `Vec<Datum>` of output columns per row. Bounded by
/// the caller, which passes `max_rows` and fails with 53400 beyond it… streaming forms live in the engine.
pub type SetFn = fn(&EvalCtx, &CallInfo<'_>, &[Datum]) -> Result<Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>>;

/// An implemented function.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// `pg_proc.prosrc`.
    pub name: &'static str,
    /// What runs.
    pub body: KernelBody,
}

/// The shapes a kernel can have.
#[derive(Clone, Copy)]
pub enum KernelBody {
    /// One value from its arguments.
    Scalar(ScalarFn),
    /// One value, with a vectorised form beside it.
    Vector(ScalarFn, VectorFn),
    /// A set of rows.
    Set(SetFn),
}

/// State of one group of one aggregate (or of one window partition's moving frame).
pub trait AggState: Send + Sync {
    /// Takes one row's arguments (NULLs included; strict aggregates skip them themselves).
    fn update(&mut self, ctx: &EvalCtx, args: &[Datum]) -> Result<()>;
    /// Takes the partial state another instance wrote with [`AggState::state`].
    fn merge(&mut self, ctx: &EvalCtx, state: &[u8]) -> Result<()>;
    /// The partial state as bytes, for spilling and for partial aggregation.
    fn state(&self) -> Result<Vec<u8>>;
    /// The answer so far; the state stays usable.
    fn finish(&self, ctx: &EvalCtx) -> Result<Datum>;
    /// Bytes held, for the memory budget.
    fn size(&self) -> usize;
}

/// An implemented aggregate.
pub struct AggKernel {
    /// `pg_proc.proname` of the aggregate followed by its argument type names as PostgreSQL's `regprocedure` shows them,
    /// e.g. `sum(integer)`, `count("any")`, `array_agg(anynonarray)`.
    pub signature: &'static str,
    /// Makes the empty state for a call site.
    pub init: fn(&CallInfo<'_>) -> Box<dyn AggState>,
}
