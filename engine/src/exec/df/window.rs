//! Window functions.
//!
//! Calls with the same PARTITION BY and ORDER BY share one operator. Its input arrives sorted by partition and order keys
//! (DataFusion sorts, spilling); one partition at a time is held in memory, accounted to the query's pool, and every call is
//! computed over it ([`frame`] finds the rows each row sees). Numbering and running aggregates take one pass; an
//! aggregate over moving frames is computed afresh whenever its frame changes, unless it is a user's that can take rows out
//! of its state again.

use super::expr::{Lowered, RowExpr, is_volatile, key_of, name};
use super::frame::{Frames, Peers};
use super::lower::{Lower, Plan};
use super::misc::reservation;
use super::op::{Op, Order, Run, op_plan};
use super::user_agg::UserAggregate;
use super::util::{DfResult, Out, produce, to_df};
use crate::exec::StmtCx;
use crate::plan::ir::{Col, ColId, Expr, ExprKind, Frame, FrameBound, WindowCall};
use crate::plan::walk;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, SortField};
use futures::StreamExt;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{AggKernel, AggState, CallInfo};
use rustydb_types::registry;
use std::sync::Arc;

/// What a call computes.
#[derive(Clone)]
enum Function {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    First,
    Last,
    Nth,
    Aggregate(&'static AggKernel),
    User(Arc<UserAggregate>),
    /// A user's aggregate that takes rows out of its state again when they leave the frame.
    Moving(Arc<UserAggregate>),
}

/// A frame's offset.
#[derive(Clone)]
pub enum Offset {
    Value(RowExpr),
    /// A subquery's, which a column of the input has.
    Column(usize),
}

/// A frame whose offsets can be evaluated.
#[derive(Clone)]
pub struct BoundFrame {
    /// Units, bounds' kinds and exclusion as bound.
    pub frame: Frame,
    /// Start's offset.
    pub start: Option<(Offset, TypeRef)>,
    /// End's offset.
    pub end: Option<(Offset, TypeRef)>,
}

/// A call over an operator's input.
#[derive(Clone)]
struct Call {
    function: Function,
    /// Positions and types of the argument columns.
    args: Vec<(usize, TypeRef)>,
    filter: Option<usize>,
    frame: Option<BoundFrame>,
    ty: TypeRef,
    collation: u32,
}

/// What calls share.
#[derive(Clone)]
struct Spec {
    /// Positions of the partition keys.
    partition: Vec<usize>,
    /// Positions and Arrow types of the order keys.
    order: Vec<usize>,
    /// The first order key's value, for RANGE offsets: position, type, DESC, NULLS FIRST.
    range: Option<(usize, TypeRef, bool, bool)>,
    calls: Vec<Call>,
    /// Columns of the input that are passed on.
    width: usize,
}

/// `fixed`: rows never leave the frames at their start, or arguments or FILTER must not be computed more than once.
fn function(w: &WindowCall, fixed: bool, cx: &StmtCx) -> Result<Function> {
    let types: Vec<TypeRef> = w.args.iter().map(|a| a.ty).collect();
    if let Some(u) = UserAggregate::at(w.proc.oid, &types, w.ty, w.collation, &cx.catalog)? {
        return Ok(if u.moves(fixed)? { Function::Moving(u) } else { Function::User(u) });
    }
    if w.proc.prokind == 'a' {
        let kernel = registry::agg_kernel_of(w.proc);
        return kernel.map(Function::Aggregate).ok_or_else(|| {
            DbError::unsupported(format!("function {} is not supported yet", registry::signature(w.proc)))
        });
    }
    built_in(&w.proc.prosrc)
        .ok_or_else(|| DbError::unsupported(format!("window function {} is not supported yet", w.proc.proname)))
}

/// The window function that `pg_proc.prosrc` names.
fn built_in(source: &str) -> Option<Function> {
    Some(match source {
        "window_row_number" => Function::RowNumber,
        "window_rank" => Function::Rank,
        "window_dense_rank" => Function::DenseRank,
        "window_percent_rank" => Function::PercentRank,
        "window_cume_dist" => Function::CumeDist,
        "window_ntile" => Function::Ntile,
        "window_lag" | "window_lag_with_offset" | "window_lag_with_offset_and_default" => Function::Lag,
        "window_lead" | "window_lead_with_offset" | "window_lead_with_offset_and_default" => Function::Lead,
        "window_first_value" => Function::First,
        "window_last_value" => Function::Last,
        "window_nth_value" => Function::Nth,
        _ => return None,
    })
}

/// Whether there is a window function of this `pg_proc.prosrc`.
pub fn is_built_in(source: &str) -> bool {
    built_in(source).is_some()
}

/// Whether nothing may tell how often a call's arguments and FILTER are computed.
fn computes_once(w: &WindowCall) -> bool {
    let mut once = false;
    for e in w.args.iter().chain(&w.filter) {
        walk::visit(e, &mut |x| once |= is_volatile(x) || matches!(x.kind, ExprKind::Subquery(_)));
    }
    once
}

fn same_window(a: &WindowCall, b: &WindowCall) -> bool {
    a.partition_by.len() == b.partition_by.len()
        && a.order_by.len() == b.order_by.len()
        && a.partition_by.iter().zip(&b.partition_by).all(|(x, y)| walk::same(x, y))
        && a.order_by
            .iter()
            .zip(&b.order_by)
            .all(|(x, y)| x.desc == y.desc && x.nulls_first == y.nulls_first && walk::same(&x.expr, &y.expr))
}

impl Lower<'_> {
    /// Window functions over a plan.
    pub fn window(&mut self, p: Plan, calls: &[(Col, WindowCall)]) -> Result<Plan> {
        let mut calls = calls.to_vec();
        let once: Vec<ColId> = calls.iter().filter(|c| computes_once(&c.1)).map(|c| c.0.id).collect();
        let mut subs: Vec<&mut Expr> = Vec::new();
        for (_, w) in &mut calls {
            subs.extend(w.args.iter_mut().chain(w.filter.iter_mut()).chain(w.partition_by.iter_mut()));
            subs.extend(w.order_by.iter_mut().map(|k| &mut k.expr));
            for b in w.frame.iter_mut().flat_map(|f| [&mut f.start, &mut f.end]) {
                if let FrameBound::Preceding(e) | FrameBound::Following(e) = b {
                    subs.push(e);
                }
            }
        }
        let mut p = self.attach(p, subs)?;
        let mut left = calls.into_iter();
        while let Some(first) = left.next() {
            let (mut now, later): (Vec<_>, Vec<_>) = left.partition(|c| same_window(&c.1, &first.1));
            now.insert(0, first);
            left = later.into_iter();
            p = self.one_window(p, &now, &once)?;
        }
        Ok(p)
    }

    /// `once`: the calls whose arguments are to be computed once per row.
    fn one_window(&mut self, p: Plan, calls: &[(Col, WindowCall)], once: &[ColId]) -> Result<Plan> {
        let Some((_, first)) = calls.first() else { return Ok(p) };
        let width = p.cols.len();
        let kept = p.cols.clone();
        // Keys, arguments and filters become columns behind the input's.
        let mut more: Vec<(Col, Lowered)> = Vec::new();
        let mut order_demand: Order = Vec::new();
        let mut add = |this: &mut Self, ty: TypeRef, l: Lowered| {
            let c = this.col(ty);
            more.push((c, l));
            (width + more.len() - 1, name(c.id))
        };
        let mut spec = Spec { partition: vec![], order: vec![], range: None, calls: vec![], width };
        for e in &first.partition_by {
            let l = key_of(e.ty, self.scope(&p).lower(e)?);
            let (i, n) = add(self, e.ty, l);
            spec.partition.push(i);
            // Partitions come in the order that ORDER BY says, if it names the key.
            let key = first.order_by.iter().find(|k| walk::same(&k.expr, e));
            order_demand.push((n, key.is_some_and(|k| k.desc), key.is_some_and(|k| k.nulls_first)));
        }
        for (i, k) in first.order_by.iter().enumerate() {
            let value = self.scope(&p).lower(&k.expr)?;
            let key = key_of(k.expr.ty, value.clone());
            let (at, n) = add(self, k.expr.ty, key);
            spec.order.push(at);
            order_demand.push((n, k.desc, k.nulls_first));
            if i == 0 && first.order_by.len() == 1 {
                let (at, _) = add(self, k.expr.ty, value);
                spec.range = Some((at, k.expr.ty, k.desc, k.nulls_first));
            }
        }
        let mut results = Vec::new();
        for (c, w) in calls {
            let mut args = Vec::new();
            for a in &w.args {
                let l = self.scope(&p).lower_passing(a, w.filter.as_ref())?;
                args.push((add(self, a.ty, l).0, a.ty));
            }
            let filter = match &w.filter {
                Some(f) => {
                    let l = self.scope(&p).lower(f)?;
                    Some(add(self, f.ty, l).0)
                }
                None => None,
            };
            let mut bound = [None, None];
            for (b, at) in w.frame.iter().flat_map(|f| [&f.start, &f.end]).zip(&mut bound) {
                let (FrameBound::Preceding(e) | FrameBound::Following(e)) = b else { continue };
                let mut computed = false;
                walk::visit(e, &mut |x| {
                    computed |= matches!(x.kind, ExprKind::Column(id) if p.cols.iter().any(|c| c.0.id == id))
                });
                let offset = if computed {
                    let l = self.scope(&p).lower(e)?;
                    Offset::Column(add(self, e.ty, l).0)
                } else {
                    Offset::Value(RowExpr::new(e, self.cx, &self.frames, &|_| false)?)
                };
                *at = Some((offset, e.ty));
            }
            let [start, end] = bound;
            let frame = w.frame.clone().map(|frame| BoundFrame { frame, start, end });
            let head_stays = frame.as_ref().is_none_or(|f| matches!(f.frame.start, FrameBound::UnboundedPreceding));
            spec.calls.push(Call {
                function: function(w, head_stays || once.contains(&c.id), self.cx)?,
                args,
                filter,
                frame,
                ty: w.ty,
                collation: w.collation,
            });
            results.push((*c, arrow_type(w.ty, None)));
        }
        let input = self.extend(p, more)?;
        let mut cols: Vec<(Col, DataType)> = kept;
        cols.extend(results);
        let out = Plan { plan: input.plan.clone(), cols };
        let schema = out.schema()?;
        let cx = Arc::clone(self.cx);
        let body = move |run: Run| {
            let job = Job { cx: Arc::clone(&cx), spec: spec.clone() };
            Ok(produce(Arc::clone(&run.schema), move |out| job.run(run, out)))
        };
        let shown = calls.iter().map(|c| c.1.proc.proname).collect::<Vec<_>>().join(", ");
        let mut op = Op::new("WindowAgg", shown, Arc::new(body));
        op.orders = vec![order_demand];
        Ok(Plan { plan: op_plan(op, vec![input.plan], schema), cols: out.cols })
    }
}

struct Job {
    cx: Arc<StmtCx>,
    spec: Spec,
}

/// Byte keys of some columns of a batch, comparable for equality.
fn keys(b: &RecordBatch, at: &[usize]) -> DfResult<Option<datafusion::arrow::row::Rows>> {
    if at.is_empty() {
        return Ok(None);
    }
    let arrays: Vec<ArrayRef> = at.iter().map(|&i| Arc::clone(b.column(i))).collect();
    let fields = arrays.iter().map(|a| SortField::new(a.data_type().clone())).collect();
    Ok(Some(RowConverter::new(fields)?.convert_columns(&arrays)?))
}

impl Job {
    async fn run(self, run: Run, mut out: Out) -> DfResult<()> {
        let mut input = run.input(0)?;
        let memory = reservation(&run, "WindowAgg");
        let mut held: Vec<RecordBatch> = Vec::new();
        let mut current: Option<Box<[u8]>> = None;
        while let Some(b) = input.next().await {
            let b = b?;
            if b.num_rows() == 0 {
                continue;
            }
            let rows = keys(&b, &self.spec.partition)?;
            let mut from = 0;
            for r in 0..b.num_rows() {
                let key: &[u8] = rows.as_ref().map_or(&[], |k| k.row(r).data());
                if current.as_deref() == Some(key) {
                    continue;
                }
                if current.is_some() {
                    held.push(b.slice(from, r - from));
                    self.partition(&run, &mut held, &mut out).await?;
                    memory.free();
                    from = r;
                }
                current = Some(key.into());
            }
            let rest = b.slice(from, b.num_rows() - from);
            memory.try_grow(rest.get_array_memory_size())?;
            held.push(rest);
        }
        if current.is_some() {
            self.partition(&run, &mut held, &mut out).await?;
        }
        Ok(())
    }

    async fn partition(&self, run: &Run, held: &mut Vec<RecordBatch>, out: &mut Out) -> DfResult<()> {
        let batches = std::mem::take(held);
        let Some(first) = batches.first() else { return Ok(()) };
        let all = concat_batches(&first.schema(), &batches)?;
        if all.num_rows() == 0 {
            return Ok(());
        }
        let peers = Peers::new(keys(&all, &self.spec.order)?.as_ref(), all.num_rows());
        let mut columns: Vec<ArrayRef> = all.columns()[..self.spec.width].to_vec();
        for c in &self.spec.calls {
            columns.push(self.call(c, &all, &peers).map_err(to_df)?);
        }
        let whole = RecordBatch::try_new(Arc::clone(&run.schema), columns)?;
        let mut at = 0;
        while at < whole.num_rows() {
            let n = super::BATCH_ROWS.min(whole.num_rows() - at);
            out.send(whole.slice(at, n)).await?;
            at += n;
        }
        Ok(())
    }

    fn call(&self, c: &Call, b: &RecordBatch, peers: &Peers) -> Result<ArrayRef> {
        let n = b.num_rows();
        let mut answers = DatumBuilder::new(c.ty, None, n);
        let arg = |i: usize, r: usize| -> Result<Datum> {
            match c.args.get(i) {
                Some((at, ty)) => datum_at(b.column(*at), r, *ty),
                None => Ok(Datum::Null),
            }
        };
        let int = |d: Datum| match d {
            Datum::Int2(v) => Some(i64::from(v)),
            Datum::Int4(v) => Some(i64::from(v)),
            Datum::Int8(v) => Some(v),
            _ => None,
        };
        match &c.function {
            Function::RowNumber => {
                for r in 0..n {
                    answers.push(&Datum::Int8(r as i64 + 1))?;
                }
            }
            Function::Rank => {
                for r in 0..n {
                    answers.push(&Datum::Int8(peers.start(r) as i64 + 1))?;
                }
            }
            Function::DenseRank => {
                for r in 0..n {
                    answers.push(&Datum::Int8(peers.group(r) as i64 + 1))?;
                }
            }
            Function::PercentRank => {
                for r in 0..n {
                    let v = if n == 1 { 0.0 } else { peers.start(r) as f64 / (n - 1) as f64 };
                    answers.push(&Datum::Float8(v))?;
                }
            }
            Function::CumeDist => {
                for r in 0..n {
                    answers.push(&Datum::Float8(peers.end(r) as f64 / n as f64))?;
                }
            }
            Function::Ntile => {
                let Some(k) = int(arg(0, 0)?) else {
                    (0..n).for_each(|_| answers.push_null());
                    return Ok(answers.finish());
                };
                if k <= 0 {
                    return Err(DbError::new(
                        SqlState::INVALID_ARGUMENT_FOR_NTILE,
                        "argument of ntile must be greater than zero",
                    ));
                }
                // The first n mod k buckets hold one row more.
                let (size, extra) = (n as i64 / k, n as i64 % k);
                for r in 0..n as i64 {
                    let long = extra * (size + 1);
                    let bucket = if r < long { r / (size + 1) } else { extra + (r - long) / size.max(1) };
                    answers.push(&Datum::Int4(i32::try_from(bucket + 1).unwrap_or(i32::MAX)))?;
                }
            }
            Function::Lag | Function::Lead => {
                for r in 0..n {
                    let by = if c.args.len() > 1 { int(arg(1, r)?) } else { Some(1) };
                    let Some(by) = by else {
                        answers.push_null();
                        continue;
                    };
                    let by = if matches!(c.function, Function::Lag) { by.saturating_neg() } else { by };
                    let at = usize::try_from((r as i64).saturating_add(by)).ok().filter(|&t| t < n);
                    answers.push(&match at {
                        Some(t) => arg(0, t)?,
                        None => arg(2, r)?,
                    })?;
                }
            }
            Function::First | Function::Last | Function::Nth => {
                let frames = self.frames(c, b, peers)?;
                for r in 0..n {
                    let seen = frames.rows(r, peers)?;
                    let at = match &c.function {
                        Function::First => seen.clone().next(),
                        Function::Last => seen.clone().last(),
                        _ => {
                            let Some(k) = int(arg(1, r)?) else {
                                answers.push_null();
                                continue;
                            };
                            if k <= 0 {
                                return Err(DbError::new(
                                    SqlState::INVALID_ARGUMENT_FOR_NTH_VALUE,
                                    "argument of nth_value must be greater than zero",
                                ));
                            }
                            seen.clone().nth(usize::try_from(k - 1).unwrap_or(usize::MAX))
                        }
                    };
                    answers.push(&match at {
                        Some(t) => arg(0, t)?,
                        None => Datum::Null,
                    })?;
                }
            }
            Function::Aggregate(kernel) => {
                let types: Vec<TypeRef> = c.args.iter().map(|a| a.1).collect();
                let info = CallInfo { args: &types, result: c.ty, collation: c.collation };
                self.aggregate(c, &|| Ok((kernel.init)(&info)), b, peers, &mut answers)?;
            }
            Function::User(u) => self.aggregate(c, &|| u.start(&self.cx.eval), b, peers, &mut answers)?,
            Function::Moving(u) => self.moving(c, u, b, peers, &mut answers)?,
        }
        Ok(answers.finish())
    }

    fn frames(&self, c: &Call, b: &RecordBatch, peers: &Peers) -> Result<Frames> {
        Frames::new(c.frame.as_ref(), self.spec.range.map(|(i, t, d, n)| (b.column(i), t, d, n)), b, peers, &self.cx)
    }

    /// A row's arguments; `None` if FILTER leaves it out.
    fn row(c: &Call, b: &RecordBatch, r: usize) -> Result<Option<Vec<Datum>>> {
        if let Some(f) = c.filter {
            let bool_ty = crate::bind::type_ref(rustydb_types::oid::BOOL);
            if datum_at(b.column(f), r, bool_ty)? != Datum::Bool(true) {
                return Ok(None);
            }
        }
        c.args.iter().map(|(i, t)| datum_at(b.column(*i), r, *t)).collect::<Result<Vec<_>>>().map(Some)
    }

    /// A user's aggregate whose state gives rows back as they leave the frame.
    fn moving(
        &self,
        c: &Call,
        u: &Arc<UserAggregate>,
        b: &RecordBatch,
        peers: &Peers,
        answers: &mut DatumBuilder,
    ) -> Result<()> {
        let frames = self.frames(c, b, peers)?;
        let ctx = &self.cx.eval;
        let mut state = u.start_moving(ctx)?;
        // The rows that the state has seen and not given back.
        let (mut from, mut to) = (0, 0);
        for r in 0..b.num_rows() {
            if r % 256 == 255 {
                self.cx.cancel.check()?;
            }
            let (s, e) = frames.bounds(r, peers)?;
            let mut afresh = r == 0 || frames.excludes() || s < from || to <= s;
            while !afresh && from < s {
                if let Some(args) = Self::row(c, b, from)? {
                    afresh = !state.remove(ctx, &args)?;
                }
                from += 1;
            }
            if afresh {
                state.reset(ctx)?;
                (from, to) = (s, s);
            }
            if frames.excludes() {
                for t in frames.rows(r, peers)? {
                    if let Some(args) = Self::row(c, b, t)? {
                        state.add(ctx, &args)?;
                    }
                }
            }
            while to < e && !frames.excludes() {
                if let Some(args) = Self::row(c, b, to)? {
                    state.add(ctx, &args)?;
                }
                to += 1;
            }
            answers.push(&state.finish(ctx)?)?;
        }
        Ok(())
    }

    fn aggregate(
        &self,
        c: &Call,
        fresh: &dyn Fn() -> Result<Box<dyn AggState>>,
        b: &RecordBatch,
        peers: &Peers,
        answers: &mut DatumBuilder,
    ) -> Result<()> {
        let frames = self.frames(c, b, peers)?;
        let ctx = &self.cx.eval;
        let take = |state: &mut Box<dyn AggState>, r: usize| -> Result<()> {
            let Some(row) = Self::row(c, b, r)? else { return Ok(()) };
            state.update(ctx, &row)
        };
        let mut state = fresh()?;
        // The rows the state has seen, and the answer for them.
        let (mut from, mut to) = (0, 0);
        let mut answer = state.finish(ctx)?;
        for r in 0..b.num_rows() {
            if r % 256 == 255 {
                self.cx.cancel.check()?;
            }
            if frames.excludes() {
                let mut one = fresh()?;
                for t in frames.rows(r, peers)? {
                    take(&mut one, t)?;
                }
                answers.push(&one.finish(ctx)?)?;
                continue;
            }
            let (s, e) = frames.bounds(r, peers)?;
            if s != from || e < to {
                state = fresh()?;
                (from, to) = (s, s);
                answer = state.finish(ctx)?;
            }
            if e > to {
                for t in to..e {
                    take(&mut state, t)?;
                }
                to = e;
                answer = state.finish(ctx)?;
            }
            answers.push(&answer)?;
        }
        Ok(())
    }
}
