//! Subqueries that run once per outer row: in expressions, and as the right side of LATERAL joins.
//!
//! The inner query is an input of the operator. Before each run its [`Frame`] gets the outer row's values, which the inner
//! plan reads like constants; then the inner plan starts afresh. Answers are remembered by those values, so equal outer
//! rows (and the whole of an uncorrelated subquery) cost one run.

use super::BATCH_ROWS;
use super::expr::{Frame, name, named};
use super::extremes;
use super::hashed::{self, Keys};
use super::lower::{Lower, Plan};
use super::op::{Op, Run, op_plan};
use super::replay::{Kept, Replays};
use super::util::{DfResult, produce, to_df};
use crate::exec::StmtCx;
use crate::exec::subquery::{self, Answer, Asked};
use crate::exec::turn::Turn;
use crate::plan::ir::{Col, ColSet, Expr, ExprKind, JoinKind, Rel, Subquery, SubqueryKind};
use crate::plan::walk;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array, new_null_array};
use datafusion::arrow::compute::{concat_batches, take};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DataFusionError;
use futures::StreamExt;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::oid;
use rustydb_types::rowcodec::put_any;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of remembered answers per operator.
const MEMO_BYTES: usize = 8 << 20;

/// Answers by outer values, bounded.
struct Memo {
    map: HashMap<Vec<u8>, Datum>,
    bytes: usize,
}

impl Memo {
    fn put(&mut self, key: Vec<u8>, d: Datum) {
        let size = key.len() + crate::exec::datum_size(&d) + 64;
        if size > MEMO_BYTES / 4 {
            return;
        }
        if self.bytes + size > MEMO_BYTES {
            self.map.clear();
            self.bytes = 0;
        }
        self.bytes += size;
        self.map.insert(key, d);
    }
}

/// Columns that a query reads and its outer plan has.
fn correlated(refs: &mut dyn FnMut(&mut dyn FnMut(&Expr)), outer: &ColSet) -> Vec<Col> {
    let mut cols: Vec<Col> = Vec::new();
    refs(&mut |e| {
        if let ExprKind::Column(id) = e.kind
            && outer.contains(&id)
            && !cols.iter().any(|c| c.id == id)
        {
            cols.push(Col { id, ty: e.ty });
        }
    });
    cols
}

impl Lower<'_> {
    /// Replaces the subqueries in expressions by columns that operators over `p` compute.
    pub fn attach(&mut self, p: Plan, exprs: Vec<&mut Expr>) -> Result<Plan> {
        let lost = || DbError::internal("plan lost while attaching subqueries");
        let mut p = Some(p);
        for e in exprs {
            walk::rewrite(e, &mut |x| Ok(hashed::unequal_to_all(x)))?;
            subquery::replace(e, None, &mut |x, guard| {
                let ty = x.ty;
                if let ExprKind::Subquery(s) = &mut x.kind {
                    let (now, col) = self.apply(p.take().ok_or_else(lost)?, s, ty, guard)?;
                    p = Some(now);
                    *x = Expr { pos: x.pos, ..Expr::column(col) };
                }
                Ok(())
            })?;
        }
        p.ok_or_else(lost)
    }

    /// `guard`: the subquery is asked only for rows for which it is true.
    fn apply(&mut self, p: Plan, s: &mut Subquery, ty: TypeRef, guard: Option<&Expr>) -> Result<(Plan, Col)> {
        let outer: ColSet = p.cols.iter().map(|c| c.0.id).collect();
        if let Some(at) = hashed::lookup(s, &outer) {
            return self.hashed(p, s, at, ty, guard);
        }
        if let Some(c) = extremes::comparison(s, &outer) {
            return self.compared_with_extremes(p, s, c, ty, guard);
        }
        let mut p = p;
        let mut guarded = None;
        if let Some(g) = guard {
            let c = self.col(g.ty);
            let mut exprs: Vec<(Col, Expr)> = p.cols.iter().map(|(c, _)| (*c, Expr::column(*c))).collect();
            exprs.push((c, g.clone()));
            p = self.project(p, &exprs)?;
            guarded = p.cols.iter().position(|x| x.0.id == c.id).map(|i| (i, c));
        }
        let outer: ColSet = p.cols.iter().map(|c| c.0.id).collect();
        // Subqueries inside a test are answered first, over the outer row.
        let cols = correlated(
            &mut |f| {
                walk::visit_rel(&s.rel, &mut |e| f(e));
                if let SubqueryKind::Quantified { test, .. } = &s.kind {
                    walk::visit_deep(test, &mut |e| f(e));
                }
            },
            &outer,
        );
        let uncorrelated = cols.is_empty();
        let frame = Arc::new(Frame::new(cols.clone()));
        self.frames.push(Arc::clone(&frame));
        let inner = match uncorrelated {
            true => self.inner(s, ty).map(|i| (i, Replays::default())),
            false => self.again(|lower| lower.inner(s, ty)),
        };
        self.frames.pop();
        let ((inner, inner_types), replays) = inner?;
        let asked = Asked::of(&s.kind, ty);
        let col = self.col(ty);
        let dt = arrow_type(ty, None);
        let mut out_cols = p.cols.clone();
        out_cols.push((col, dt));
        let outer_plan = Plan { plan: p.plan, cols: out_cols };
        let schema = outer_plan.schema()?;
        let positions: Vec<usize> = cols.iter().filter_map(|c| p.cols.iter().position(|x| x.0.id == c.id)).collect();
        let width = p.cols.len();
        let table = self.table(s, &outer, &p.cols)?;
        let shortcut = table.as_ref().map(|t| t.0.clone());
        let cx = Arc::clone(self.cx);
        let body = move |run: Run| {
            let job = Job {
                cx: Arc::clone(&cx),
                frame: Arc::clone(&frame),
                cols: cols.clone(),
                positions: positions.clone(),
                width,
                shortcut: shortcut.clone(),
                asked,
                ty,
                types: inner_types.clone(),
                guarded,
                _kept: replays.begin(),
            };
            let schema = Arc::clone(&run.schema);
            let outer = run.input(0)?;
            Ok(produce(Arc::clone(&schema), move |out| job.run(run, outer, out)))
        };
        let mut inputs = vec![outer_plan.plan, inner];
        if let Some((_, built)) = table {
            inputs.push(built);
        }
        let title = if uncorrelated { "InitPlan" } else { "SubPlan" };
        let plan = op_plan(Op::rerunning(title, name(col.id), Arc::new(body)), inputs, schema);
        Ok((Plan { plan, cols: outer_plan.cols }, col))
    }

    /// The table that may answer a subquery, and the plan of what is in it.
    fn table(
        &mut self,
        s: &Subquery,
        outer: &ColSet,
        cols: &[(Col, DataType)],
    ) -> Result<Option<(TableAt, datafusion::logical_expr::LogicalPlan)>> {
        let Some(short) = hashed::shortcut(s, outer, self.cx) else { return Ok(None) };
        let built = self.rel(&short.rel)?;
        let exprs: Vec<(Col, Expr)> = short.found.into_iter().map(|e| (self.col(e.ty), e)).collect();
        let built = self.project(built, &exprs)?;
        let mut sought = Vec::with_capacity(exprs.len());
        for (id, _) in &short.sought {
            let at = cols.iter().position(|c| c.0.id == *id);
            let at = at.ok_or_else(|| DbError::internal("a subquery lost what it looks up"))?;
            sought.push((at, cols[at].0.ty));
        }
        let keys = Keys {
            found: exprs.iter().map(|e| e.0.ty).collect(),
            keys: short.sought.iter().map(|s| s.1).collect(),
            values: short.values,
        };
        Ok(Some((TableAt { sought, keys, worth: short.worth }, built.plan)))
    }

    /// The inner plan of a subquery: for quantified ones, a single column with the test's result.
    fn inner(&mut self, s: &Subquery, ty: TypeRef) -> Result<(datafusion::logical_expr::LogicalPlan, Vec<TypeRef>)> {
        let outputs = s.rel.outputs();
        let inner = self.rel(&s.rel)?;
        if let SubqueryKind::Quantified { test, .. } = &s.kind {
            let mut test = test.clone();
            let inner = self.attach(inner, vec![&mut test])?;
            let c = self.col(crate::bind::type_ref(oid::BOOL));
            let p = self.project(inner, &[(c, test)])?;
            return Ok((p.plan, vec![c.ty]));
        }
        let read = Asked::of(&s.kind, ty).reads(outputs.len());
        let exprs: Vec<(Col, Expr)> = outputs.iter().take(read).map(|c| (*c, Expr::column(*c))).collect();
        let p = self.project(inner, &exprs)?;
        Ok((p.plan, exprs.iter().map(|e| e.0.ty).collect()))
    }

    /// A join whose right side reads the left side's current row.
    pub fn lateral(&mut self, kind: JoinKind, left: &Rel, right: &Rel, on: Option<&Expr>) -> Result<Plan> {
        let left_outer = match kind {
            JoinKind::Inner => false,
            JoinKind::Left => true,
            _ => {
                return Err(DbError::new(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    "invalid reference to FROM-clause entry for table",
                )
                .detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."));
            }
        };
        let l = self.rel(left)?;
        if let Rel::FunctionScan { calls, ordinality } = right
            && (on.is_none() || !left_outer)
        {
            let p = self.functions_of_rows(l, calls, *ordinality, left_outer)?;
            return match on {
                Some(cond) => self.filter(p, cond),
                None => Ok(p),
            };
        }
        let outer: ColSet = l.cols.iter().map(|c| c.0.id).collect();
        let cols = correlated(
            &mut |f| {
                walk::visit_rel(right, &mut |e| f(e));
                on.iter().for_each(|x| walk::visit_deep(x, &mut |e| f(e)));
            },
            &outer,
        );
        let frame = Arc::new(Frame::new(cols.clone()));
        self.frames.push(Arc::clone(&frame));
        let inner = self.again(|lower| match (lower.rel(right)?, on) {
            (r, Some(cond)) => lower.filter(r, cond),
            (r, None) => Ok(r),
        });
        self.frames.pop();
        let (inner, replays) = inner?;
        let all: Vec<(Col, DataType)> = l.cols.iter().chain(&inner.cols).cloned().collect();
        let positions: Vec<usize> = cols.iter().filter_map(|c| l.cols.iter().position(|x| x.0.id == c.id)).collect();
        let out = Plan { plan: l.plan.clone(), cols: all };
        let schema = out.schema()?;
        let width = inner.cols.len();
        // The inner projection may have added or dropped nothing: select by name, in order.
        let inner_plan =
            super::lower::projection(inner.plan, inner.cols.iter().map(|(c, _)| named(name(c.id))).collect())?;
        let cx = Arc::clone(self.cx);
        let body = move |run: Run| {
            let job = LateralJob {
                cx: Arc::clone(&cx),
                frame: Arc::clone(&frame),
                cols: cols.clone(),
                positions: positions.clone(),
                left_outer,
                width,
                _kept: replays.begin(),
            };
            let schema = Arc::clone(&run.schema);
            let outer = run.input(0)?;
            Ok(produce(Arc::clone(&schema), move |out| job.run(run, outer, out)))
        };
        let detail = if left_outer { "left" } else { "inner" };
        let plan = op_plan(Op::rerunning("Lateral", detail.into(), Arc::new(body)), vec![l.plan, inner_plan], schema);
        Ok(Plan { plan, cols: out.cols })
    }
}

/// The outer row's values for the frame.
fn outer_row(b: &RecordBatch, r: usize, cols: &[Col], positions: &[usize]) -> Result<Vec<Datum>> {
    positions.iter().zip(cols).map(|(&i, c)| datum_at(b.column(i), r, c.ty)).collect()
}

/// The table that input 2 makes, and how the outer rows are looked up in it.
#[derive(Clone)]
struct TableAt {
    /// Places and types of the outer columns.
    sought: Vec<(usize, TypeRef)>,
    keys: Keys,
    /// Time spent row by row after which it is made.
    worth: Duration,
}

struct Job {
    cx: Arc<StmtCx>,
    frame: Arc<Frame>,
    cols: Vec<Col>,
    positions: Vec<usize>,
    shortcut: Option<TableAt>,
    /// Columns of the outer rows; their plan has one even when there is none to read.
    width: usize,
    asked: Asked,
    ty: TypeRef,
    types: Vec<TypeRef>,
    /// The column that says which rows want an answer; all do if there is none.
    guarded: Option<(usize, Col)>,
    _kept: Kept,
}

impl Job {
    async fn run(
        self,
        run: Run,
        mut outer: datafusion::execution::SendableRecordBatchStream,
        mut out: super::util::Out,
    ) -> DfResult<()> {
        let mut memo = Memo { map: HashMap::new(), bytes: 0 };
        let mut table = None;
        let mut shortcut = self.shortcut.as_ref();
        let mut spent = Duration::ZERO;
        let mut turn = Turn::begin();
        while let Some(b) = outer.next().await {
            let b = b?;
            let mut answers = DatumBuilder::new(self.ty, None, b.num_rows());
            for r in 0..b.num_rows() {
                turn.check().await;
                self.cx.cancel.check().map_err(to_df)?;
                if let Some((i, c)) = self.guarded
                    && !matches!(datum_at(b.column(i), r, c.ty).map_err(to_df)?, Datum::Bool(true))
                {
                    answers.push(&Datum::Null).map_err(to_df)?;
                    continue;
                }
                if let Some(at) = shortcut
                    && table.is_none()
                    && spent >= at.worth
                {
                    table = at.keys.read(&run, 2, &self.cx).await?;
                    if table.is_none() {
                        shortcut = None;
                    }
                }
                if let (Some(at), Some(t)) = (shortcut, &table) {
                    let sought = at.sought.iter().map(|(i, ty)| datum_at(b.column(*i), r, *ty));
                    let sought: Vec<Datum> = sought.collect::<Result<_>>().map_err(to_df)?;
                    if let Some(d) = at.keys.answer(t, &sought) {
                        answers.push(&d).map_err(to_df)?;
                        continue;
                    }
                }
                let row = outer_row(&b, r, &self.cols, &self.positions).map_err(to_df)?;
                let mut key = Vec::new();
                for d in &row {
                    let at = key.len();
                    put_any(d, &mut key);
                    let len = (key.len() - at) as u64;
                    key.extend_from_slice(&len.to_le_bytes());
                }
                if let Some(d) = memo.map.get(&key) {
                    answers.push(d).map_err(to_df)?;
                    continue;
                }
                self.frame.set(row);
                let started = Instant::now();
                let d = self.answer(&run).await?;
                spent += started.elapsed();
                answers.push(&d).map_err(to_df)?;
                memo.put(key, d);
            }
            let mut columns: Vec<ArrayRef> = b.columns().iter().take(self.width).cloned().collect();
            columns.push(answers.finish());
            out.send(RecordBatch::try_new(Arc::clone(&run.schema), columns)?).await?;
        }
        Ok(())
    }

    async fn answer(&self, run: &Run) -> DfResult<Datum> {
        let mut rows = run.rerun(1)?;
        let mut answer = Answer::new(self.asked);
        while let Some(b) = rows.next().await {
            let b = b?;
            self.cx.cancel.check().map_err(to_df)?;
            for r in 0..b.num_rows() {
                if answer.row(&self.types, &mut |i| datum_at(b.column(i), r, self.types[i])).map_err(to_df)? {
                    return answer.finish().map_err(to_df);
                }
            }
        }
        answer.finish().map_err(to_df)
    }
}

struct LateralJob {
    cx: Arc<StmtCx>,
    frame: Arc<Frame>,
    cols: Vec<Col>,
    positions: Vec<usize>,
    left_outer: bool,
    width: usize,
    _kept: Kept,
}

impl LateralJob {
    async fn run(
        self,
        run: Run,
        mut outer: datafusion::execution::SendableRecordBatchStream,
        mut out: super::util::Out,
    ) -> DfResult<()> {
        let mut pending: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        let mut turn = Turn::begin();
        while let Some(b) = outer.next().await {
            let b = b?;
            for r in 0..b.num_rows() {
                turn.check().await;
                self.cx.cancel.check().map_err(to_df)?;
                self.frame.set(outer_row(&b, r, &self.cols, &self.positions).map_err(to_df)?);
                let mut inner = run.rerun(1)?;
                let mut any = false;
                while let Some(i) = inner.next().await {
                    let i = i?;
                    if i.num_rows() == 0 {
                        continue;
                    }
                    any = true;
                    let n = i.num_rows();
                    pending.push(self.combine(&run, &b, r, n, i.columns().to_vec())?);
                    rows += n;
                    if rows >= BATCH_ROWS {
                        out.send(concat_batches(&run.schema, &std::mem::take(&mut pending))?).await?;
                        rows = 0;
                    }
                }
                if !any && self.left_outer {
                    let first = b.num_columns();
                    let nulls = run.schema.fields()[first..].iter().map(|f| new_null_array(f.data_type(), 1)).collect();
                    pending.push(self.combine(&run, &b, r, 1, nulls)?);
                    rows += 1;
                }
            }
            if !pending.is_empty() {
                out.send(concat_batches(&run.schema, &std::mem::take(&mut pending))?).await?;
                rows = 0;
            }
        }
        Ok(())
    }

    fn combine(&self, run: &Run, b: &RecordBatch, r: usize, n: usize, right: Vec<ArrayRef>) -> DfResult<RecordBatch> {
        let at = u32::try_from(r).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let index = UInt32Array::from(vec![at; n]);
        let mut columns = b.columns().iter().map(|c| take(c, &index, None)).collect::<Result<Vec<_>, _>>()?;
        columns.extend(right.into_iter().take(self.width));
        debug_assert!(columns.iter().all(|c| c.len() == n));
        Ok(RecordBatch::try_new(Arc::clone(&run.schema), columns)?)
    }
}
