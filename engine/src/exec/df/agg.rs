//! Aggregates inside DataFusion's grouped aggregation.
//!
//! Every aggregate runs through [`Groups`]: one [`AggState`] per group, fed value by value, or, for DISTINCT and ORDER BY,
//! the group's rows kept until the end, sorted and then fed. Its partial state is one binary column, so grouped
//! aggregation can spill. The sums, averages and counts that analytic queries consist of have [`Sums`] instead, which
//! works on whole arrays.

use super::expr::{fixed_of, sort_order};
use super::sums::Sums;
use super::user_agg::UserAggregate;
use super::util::{DfResult, fresh_id, to_df};
use crate::exec::{StmtCx, datum_size};
use crate::plan::ir::AggCall;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility};
use rustydb_base::{DbError, Result};
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at};
use rustydb_types::cmp;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{AggKernel, AggState, CallInfo};
use rustydb_types::rowcodec::{put_any, read_any};
use rustydb_types::{pgdata, registry};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What one aggregate call computes.
pub enum What {
    /// A kernel of the registry.
    Kernel(&'static AggKernel),
    /// Any one of the group's values: for a column that accompanies its group key.
    First,
    /// How many rows: `count(*)` and the counters of set operations.
    Count,
    /// An aggregate that a user has made.
    User(Arc<UserAggregate>),
    /// Where a hypothetical row, which the arguments are, would stand among the rows by their sort keys.
    Rank(Rank),
}

/// Hypothetical-set aggregates.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Rank {
    Sparse,
    Dense,
    Percent,
    CumeDist,
}

impl Rank {
    /// By the aggregate's name.
    pub fn named(name: &str) -> Option<Rank> {
        Some(match name {
            "rank" => Rank::Sparse,
            "dense_rank" => Rank::Dense,
            "percent_rank" => Rank::Percent,
            "cume_dist" => Rank::CumeDist,
            _ => return None,
        })
    }

    /// The answer for `less` rows before the hypothetical one, of `kinds` different keys, `equal` beside it, and `rows`
    /// in all.
    pub fn answer(self, less: usize, kinds: usize, equal: usize, rows: usize) -> Datum {
        let count = |n: usize| Datum::Int8(i64::try_from(n).unwrap_or(i64::MAX));
        match self {
            Rank::Sparse => count(less + 1),
            Rank::Dense => count(kinds + 1),
            Rank::Percent if rows == 0 => Datum::Float8(0.0),
            Rank::Percent => Datum::Float8(less as f64 / rows as f64),
            Rank::CumeDist => Datum::Float8((less + equal + 1) as f64 / (rows + 1) as f64),
        }
    }
}

/// What computes an aggregate call.
pub fn what_of(a: &AggCall, cx: &StmtCx) -> Result<What> {
    if let Some(u) = UserAggregate::of(a, &cx.catalog)? {
        return Ok(What::User(u));
    }
    let unknown = || DbError::unsupported(format!("function {} is not supported yet", registry::signature(a.proc)));
    let kind = pgdata::aggregate(a.proc.oid).map_or('n', |x| x.aggkind);
    if kind == 'h' {
        return Rank::named(a.proc.proname).map(What::Rank).ok_or_else(unknown);
    }
    registry::agg_kernel_of(a.proc).map(What::Kernel).ok_or_else(unknown)
}

/// An aggregate's answer over no rows.
pub fn over_nothing(a: &AggCall, cx: &StmtCx) -> Result<Datum> {
    match what_of(a, cx)? {
        What::User(u) => u.start(&cx.eval)?.finish(&cx.eval),
        What::Rank(r) => Ok(r.answer(0, 0, 0, 0)),
        What::Kernel(k) => {
            let args: Vec<TypeRef> = a.args.iter().map(|x| x.ty).collect();
            let info = CallInfo { args: &args, result: a.ty, collation: a.collation };
            (k.init)(&info).finish(&cx.eval)
        }
        What::First | What::Count => Err(DbError::internal("no aggregate of a query")),
    }
}

/// A call site.
pub struct CallSite {
    /// What.
    pub what: What,
    /// Name in plans.
    pub name: String,
    /// Types of the arguments.
    pub args: Vec<TypeRef>,
    /// Result type.
    pub result: TypeRef,
    /// Collation.
    pub collation: u32,
    /// DISTINCT.
    pub distinct: bool,
    /// ORDER BY: type, DESC, NULLS FIRST of the keys, which follow the arguments.
    pub order: Vec<(TypeRef, bool, bool)>,
    /// Arrow type of the result.
    pub dt: DataType,
    /// The statement.
    pub cx: Arc<StmtCx>,
}

impl CallSite {
    fn collects(&self) -> bool {
        self.distinct || !self.order.is_empty() || matches!(self.what, What::User(_))
    }
    fn init(&self) -> Result<Box<dyn AggState>> {
        match &self.what {
            What::Kernel(k) => {
                let info = CallInfo { args: &self.args, result: self.result, collation: self.collation };
                Ok((k.init)(&info))
            }
            What::User(u) => u.start(&self.cx.eval),
            What::First | What::Count | What::Rank(_) => Ok(Box::new(First(None))),
        }
    }
}

/// Keeps the first row's value.
struct First(Option<Datum>);

impl AggState for First {
    fn update(&mut self, _: &rustydb_types::ctx::EvalCtx, args: &[Datum]) -> Result<()> {
        if self.0.is_none() {
            self.0 = args.first().cloned();
        }
        Ok(())
    }
    fn merge(&mut self, _: &rustydb_types::ctx::EvalCtx, state: &[u8]) -> Result<()> {
        if self.0.is_none() && !state.is_empty() {
            self.0 = Some(read_any(state)?);
        }
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut v = Vec::new();
        if let Some(d) = &self.0 {
            put_any(d, &mut v);
        }
        Ok(v)
    }
    fn finish(&self, _: &rustydb_types::ctx::EvalCtx) -> Result<Datum> {
        Ok(self.0.clone().unwrap_or_default())
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.0.as_ref().map_or(0, datum_size)
    }
}

/// The aggregate function object DataFusion plans with.
pub struct Udaf {
    id: u64,
    signature: Signature,
    site: Arc<CallSite>,
}

impl Udaf {
    /// An aggregate function for one call site.
    pub fn new(site: CallSite) -> Udaf {
        Udaf { id: fresh_id(), signature: Signature::variadic_any(Volatility::Immutable), site: Arc::new(site) }
    }
}

impl std::fmt::Debug for Udaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.site.name, self.id)
    }
}
impl PartialEq for Udaf {
    fn eq(&self, o: &Self) -> bool {
        self.id == o.id
    }
}
impl Eq for Udaf {}
impl Hash for Udaf {
    fn hash<H: Hasher>(&self, h: &mut H) {
        self.id.hash(h);
    }
}

impl AggregateUDFImpl for Udaf {
    fn name(&self) -> &str {
        &self.site.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.site.dt.clone())
    }
    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let mut groups = self.make(&args)?;
        groups.grow(1).map_err(to_df)?;
        Ok(Box::new(Single { groups }))
    }
    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[state]", args.name), DataType::Binary, true))])
    }
    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }
    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        self.make(&args).map(|g| g.into_df())
    }
}

/// A [`GroupsAccumulator`] that can be told how many groups there are.
pub trait Grouped: GroupsAccumulator + Sync {
    /// Makes room for `n` groups.
    fn grow(&mut self, n: usize) -> Result<()>;
    /// Itself, for DataFusion.
    fn into_df(self: Box<Self>) -> Box<dyn GroupsAccumulator>;
}

impl Udaf {
    fn make(&self, args: &AccumulatorArgs) -> DfResult<Box<dyn Grouped>> {
        let input = |i: usize| args.expr_fields.get(i).map(|f| f.data_type());
        if !self.site.collects()
            && let Some(sums) = Sums::new(&self.site, input(0), input(1))
        {
            return Ok(Box::new(sums));
        }
        Ok(Box::new(Groups { site: Arc::clone(&self.site), states: vec![], bytes: 0 }))
    }
}

/// An ungrouped aggregate is a grouped one with one group.
struct Single {
    groups: Box<dyn Grouped>,
}

impl std::fmt::Debug for Single {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Single")
    }
}

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let rows = values.first().map_or(0, |v| v.len());
        self.groups.update_batch(values, &vec![0; rows], None, 1)
    }
    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        ScalarValue::try_from_array(&self.groups.evaluate(EmitTo::All)?, 0)
    }
    fn size(&self) -> usize {
        self.groups.size()
    }
    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        self.groups.state(EmitTo::All)?.iter().map(|a| ScalarValue::try_from_array(a, 0)).collect()
    }
    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let rows = states.first().map_or(0, |v| v.len());
        self.groups.merge_batch(states, &vec![0; rows], 1)
    }
}

enum State {
    Plain(Box<dyn AggState>),
    Rows(Vec<Vec<Datum>>),
}

/// One state per group, fed value by value.
struct Groups {
    site: Arc<CallSite>,
    states: Vec<State>,
    bytes: usize,
}

impl Groups {
    fn fresh(&self) -> Result<State> {
        Ok(if self.site.collects() { State::Rows(vec![]) } else { State::Plain(self.site.init()?) })
    }

    fn row(&self, values: &[ArrayRef], r: usize, row: &mut Vec<Datum>) -> Result<()> {
        row.clear();
        let types = self.site.args.iter().chain(self.site.order.iter().map(|o| &o.0));
        for (a, ty) in values.iter().zip(types) {
            row.push(datum_at(a, r, *ty)?);
        }
        Ok(())
    }

    fn take(&mut self, group: usize, row: &[Datum]) -> Result<()> {
        let lost = || DbError::internal("aggregate group out of range");
        match self.states.get_mut(group).ok_or_else(lost)? {
            State::Plain(s) => {
                let before = s.size();
                s.update(&self.site.cx.eval, row)?;
                self.bytes += s.size().saturating_sub(before);
            }
            State::Rows(v) => {
                self.bytes += row.iter().map(datum_size).sum::<usize>() + size_of::<Vec<Datum>>();
                v.push(row.to_vec());
            }
        }
        Ok(())
    }

    fn answer(&self, s: State) -> Result<Datum> {
        let ctx = &self.site.cx.eval;
        let mut rows = match s {
            State::Plain(s) => return s.finish(ctx),
            State::Rows(rows) => rows,
        };
        let n = self.site.args.len();
        let by_args = |a: &[Datum], b: &[Datum]| {
            self.site.args.iter().enumerate().fold(std::cmp::Ordering::Equal, |o, (i, ty)| {
                o.then_with(|| sort_order(*ty, false, false, &a[i], &b[i]))
            })
        };
        crate::exec::ties::sort(&mut rows, &mut |a, b| {
            let keyed = self.site.order.iter().enumerate().fold(std::cmp::Ordering::Equal, |o, (i, k)| {
                o.then_with(|| sort_order(k.0, k.1, k.2, &a[n + i], &b[n + i]))
            });
            // Equal rows must become neighbours when duplicates are dropped; otherwise their order stays.
            if self.site.distinct { keyed.then_with(|| by_args(a, b)) } else { keyed }
        });
        if self.site.distinct {
            rows.dedup_by(|a, b| {
                self.site.args.iter().enumerate().all(|(i, ty)| match (a[i].is_null(), b[i].is_null()) {
                    (true, true) => true,
                    (false, false) => cmp::compare(*ty, ty.collation, &a[i], &b[i]).is_eq(),
                    _ => false,
                })
            });
        }
        if let What::Rank(kind) = self.site.what {
            let order = |r: &[Datum]| {
                self.site.order.iter().enumerate().fold(std::cmp::Ordering::Equal, |o, (i, k)| {
                    let (key, wanted) = (r.get(n + i), r.get(i));
                    o.then_with(|| match (key, wanted) {
                        (Some(a), Some(b)) => sort_order(k.0, k.1, k.2, a, b),
                        _ => std::cmp::Ordering::Equal,
                    })
                })
            };
            let less = rows.iter().take_while(|r| order(r).is_lt()).count();
            let equal = rows[less..].iter().take_while(|r| order(r).is_eq()).count();
            let same = |a: &[Datum], b: &[Datum]| {
                let keys = self.site.order.iter().enumerate();
                keys.fold(true, |s, (i, k)| s && sort_order(k.0, k.1, k.2, &a[n + i], &b[n + i]).is_eq())
            };
            let steps = rows[..less].windows(2).filter(|w| !same(&w[0], &w[1])).count();
            return Ok(kind.answer(less, steps + usize::from(less > 0), equal, rows.len()));
        }
        let mut state = self.site.init()?;
        for r in &rows {
            state.update(ctx, &r[..n])?;
        }
        state.finish(ctx)
    }

    fn bytes_of(&self, s: &State) -> Result<Vec<u8>> {
        match s {
            State::Plain(s) => s.state(),
            State::Rows(rows) => {
                let mut out = Vec::new();
                let mut one = Vec::new();
                // A row without values counts, too.
                let nothing = [Datum::Null];
                for d in rows.iter().flat_map(|r| if r.is_empty() { &nothing[..] } else { r }) {
                    one.clear();
                    put_any(d, &mut one);
                    let len = u32::try_from(one.len()).map_err(|_| DbError::internal("value too large to spill"))?;
                    out.extend_from_slice(&len.to_le_bytes());
                    out.extend_from_slice(&one);
                }
                Ok(out)
            }
        }
    }

    fn rows_from(&self, mut b: &[u8]) -> Result<Vec<Vec<Datum>>> {
        let bad = || DbError::internal("aggregate state is malformed");
        let width = (self.site.args.len() + self.site.order.len()).max(1);
        let mut values = Vec::new();
        while !b.is_empty() {
            let (len, rest) = b.split_first_chunk::<4>().ok_or_else(bad)?;
            let (one, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(bad)?;
            values.push(read_any(one)?);
            b = rest;
        }
        Ok(values.chunks(width).map(<[Datum]>::to_vec).collect())
    }

    fn states_array(&self, states: &[State]) -> Result<ArrayRef> {
        let mut b = BinaryBuilder::new();
        for s in states {
            b.append_value(self.bytes_of(s)?);
        }
        Ok(Arc::new(b.finish()))
    }

    fn forget(&mut self, taken: usize) {
        // Bytes are tracked in total; what left is its share.
        let left = self.states.len();
        self.bytes = if left == 0 { 0 } else { self.bytes / (left + taken) * left };
    }
}

impl Grouped for Groups {
    fn grow(&mut self, n: usize) -> Result<()> {
        while self.states.len() < n {
            let s = self.fresh()?;
            self.bytes += size_of::<State>()
                + match &s {
                    State::Plain(s) => s.size(),
                    State::Rows(_) => 0,
                };
            self.states.push(s);
        }
        Ok(())
    }
    fn into_df(self: Box<Self>) -> Box<dyn GroupsAccumulator> {
        self
    }
}

/// Whether a filter lets a row through.
pub fn passes(filter: Option<&BooleanArray>, r: usize) -> bool {
    filter.is_none_or(|f| f.is_valid(r) && f.value(r))
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> DfResult<()> {
        self.grow(total).map_err(to_df)?;
        let mut row = Vec::with_capacity(values.len());
        for (r, &g) in groups.iter().enumerate() {
            if passes(filter, r) {
                self.row(values, r, &mut row).and_then(|()| self.take(g, &row)).map_err(to_df)?;
            }
        }
        Ok(())
    }
    fn evaluate(&mut self, emit: EmitTo) -> DfResult<ArrayRef> {
        let states = emit.take_needed(&mut self.states);
        self.forget(states.len());
        let mut b = DatumBuilder::new(self.site.result, fixed_of(&self.site.dt), states.len());
        for s in states {
            self.answer(s).and_then(|d| b.push(&d)).map_err(to_df)?;
        }
        Ok(b.finish())
    }
    fn state(&mut self, emit: EmitTo) -> DfResult<Vec<ArrayRef>> {
        let states = emit.take_needed(&mut self.states);
        self.forget(states.len());
        Ok(vec![self.states_array(&states).map_err(to_df)?])
    }
    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> DfResult<()> {
        self.grow(total).map_err(to_df)?;
        let Some(states) = values.first().map(|v| v.as_binary::<i32>()) else { return Ok(()) };
        for (r, &g) in groups.iter().enumerate() {
            if states.is_null(r) {
                continue;
            }
            let bytes = states.value(r);
            if self.site.collects() {
                for row in self.rows_from(bytes).map_err(to_df)? {
                    self.take(g, &row).map_err(to_df)?;
                }
            } else if let Some(State::Plain(s)) = self.states.get_mut(g) {
                let before = s.size();
                s.merge(&self.site.cx.eval, bytes).map_err(to_df)?;
                self.bytes += s.size().saturating_sub(before);
            }
        }
        Ok(())
    }
    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> DfResult<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let mut one = Groups { site: Arc::clone(&self.site), states: vec![], bytes: 0 };
        one.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        one.state(EmitTo::All)
    }
    fn size(&self) -> usize {
        self.bytes + self.states.capacity() * size_of::<State>()
    }
}

/// Arrow type of an aggregate's answer.
pub fn result_type(ty: TypeRef) -> DataType {
    arrow_type(ty, None)
}
