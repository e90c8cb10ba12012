//! Operators that DataFusion lacks or has with other semantics: VALUES evaluated at run time, set-returning functions,
//! DISTINCT ON, LIMIT by expressions and WITH TIES, grouping sets, data-modifying common tables.

use super::BATCH_ROWS;
use super::expr::{Lowered, RowExpr, generic, key_of, name, named};
use super::lower::{Lower, Plan, projection, schema};
use super::op::{Op, Order, Run, op_plan};
use super::util::{DfResult, from_df, produce, to_df};
use crate::bind::func::{out_columns, resolve_fields};
use crate::exec::StmtCx;
use crate::exec::eval::inexact;
use crate::exec::subquery::has_subquery;
use crate::exec::turn::Turn;
use crate::plan::ir::{AggCall, Bound, Col, ColId, Expr, ExprKind, SortKey};
use crate::plan::walk;
use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, RecordBatch, RecordBatchOptions, new_null_array,
};
use datafusion::arrow::compute::{filter_record_batch, take};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, Union};
use futures::StreamExt;
use hashbrown::HashSet;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at};
use rustydb_types::collation::{for_equality, nondeterministic};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::host::{self, HostCall};
use rustydb_types::kernel::{CallInfo, KernelBody, SetFn};
use rustydb_types::pgdata::Proc;
use rustydb_types::{oid, registry, shape};
use std::collections::HashMap;
use std::sync::Arc;

/// Rows of values as a batch of the given columns; a batch without columns keeps its row count through one dummy column.
pub fn batch_of(schema: &SchemaRef, types: &[TypeRef], rows: &[Vec<Datum>]) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(types.len());
    for (i, ty) in types.iter().enumerate() {
        let fixed = schema.fields().get(i).and_then(|f| super::expr::fixed_of(f.data_type()));
        let mut b = DatumBuilder::new(*ty, fixed, rows.len());
        for r in rows {
            b.push(r.get(i).unwrap_or(&Datum::Null))?;
        }
        columns.push(b.finish());
    }
    if types.is_empty() && !schema.fields().is_empty() {
        columns.push(Arc::new(BooleanArray::from(vec![true; rows.len()])));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|e| DbError::internal(format!("batch of rows: {e}")))
}

/// A LIMIT's or OFFSET's number: `None` for NULL.
pub fn count_of(d: &Datum, what: &str) -> Result<Option<i64>> {
    match d {
        Datum::Null => Ok(None),
        Datum::Int8(n) if *n < 0 => {
            let code = if what == "LIMIT" {
                SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE
            } else {
                SqlState::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE
            };
            Err(DbError::new(code, format!("{what} must not be negative")))
        }
        Datum::Int8(n) => Ok(Some(*n)),
        d => Err(DbError::internal(format!("row count is {d:?}"))),
    }
}

/// Rows by which equality of some columns is decided.
pub struct Keys {
    converter: RowConverter,
    types: Vec<TypeRef>,
}

impl Keys {
    /// Keys of columns of these types, as arrays of these Arrow types hold them.
    pub fn new(cols: &[(TypeRef, DataType)]) -> DfResult<Keys> {
        let mut fields = Vec::with_capacity(cols.len());
        for (ty, dt) in cols {
            let empty =
                rustydb_types::arrow::key_array(for_equality(*ty), &datafusion::arrow::array::new_empty_array(dt))
                    .map_err(to_df)?;
            fields.push(SortField::new(empty.data_type().clone()));
        }
        Ok(Keys { converter: RowConverter::new(fields)?, types: cols.iter().map(|c| for_equality(c.0)).collect() })
    }
    /// The keys of a batch's rows.
    pub fn rows(&self, arrays: &[ArrayRef]) -> DfResult<datafusion::arrow::row::Rows> {
        let keys = arrays
            .iter()
            .zip(&self.types)
            .map(|(a, t)| rustydb_types::arrow::key_array(*t, a))
            .collect::<Result<Vec<_>>>()
            .map_err(to_df)?;
        Ok(self.converter.convert_columns(&keys)?)
    }
}

/// One function of a FROM item or target list.
#[derive(Clone)]
struct SetCall {
    /// `None`: a plain expression, one row.
    set: Option<SetCode>,
    strict: bool,
    args: Vec<RowExpr>,
    arg_types: Arc<[TypeRef]>,
    result: TypeRef,
    collation: u32,
    /// Why it fails under that collation.
    inexact: Option<&'static str>,
    cols: Vec<Col>,
    /// Types of the function's output columns, where several become one row value.
    fields: Arc<[TypeRef]>,
    /// A row is one value.
    whole: bool,
    /// The function gives whole values, rows among them, whose fields are the columns unless a row is one value.
    elements: bool,
}

/// What computes a set.
#[derive(Clone, Copy)]
enum SetCode {
    /// A kernel.
    Kernel(SetFn),
    /// Statements, by the session.
    Hosted(&'static Proc),
}

type SetRows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

impl SetCall {
    fn start(&self, cx: &StmtCx, at: &dyn Fn(&RowExpr) -> Result<Datum>) -> Result<SetRows> {
        let args = self.args.iter().map(at).collect::<Result<Vec<_>>>()?;
        let Some(f) = self.set else {
            let d = args.into_iter().next().unwrap_or_default();
            return Ok(Box::new(std::iter::once(Ok(self.columns(d)))));
        };
        if self.strict && args.iter().any(Datum::is_null) {
            return Ok(Box::new(std::iter::empty()));
        }
        match f {
            SetCode::Kernel(f) => {
                if let Some(what) = self.inexact {
                    return Err(nondeterministic(what));
                }
                let info = CallInfo { args: &self.arg_types, result: self.result, collation: self.collation };
                let rows = f(&cx.eval, &info, &args)?;
                if self.whole || !self.elements || shape::fields(self.result.typmod).is_none() {
                    return Ok(rows);
                }
                let call = self.clone();
                Ok(Box::new(rows.map(move |r| Ok(call.columns(r?.into_iter().next().unwrap_or_default())))))
            }
            SetCode::Hosted(proc) => {
                let call = HostCall { proc, args, types: self.arg_types.to_vec(), result: self.result };
                let rows = host::call(&cx.eval, call)?;
                let call = self.clone();
                Ok(Box::new(rows.into_iter().map(move |r| {
                    let d = r.into_iter().next().unwrap_or_default();
                    // In the target list a row is one value.
                    Ok(if call.cols.len() == 1 && call.whole { vec![d] } else { call.columns(d) })
                })))
            }
        }
    }

    /// A value as the call's columns: a row has one for each field.
    fn columns(&self, d: Datum) -> Vec<Datum> {
        match d {
            Datum::Row(fields) if self.cols.len() > 1 || shape::fields(self.result.typmod).is_some() => {
                fields.iter().map(|f| f.1.clone()).collect()
            }
            Datum::Null => vec![Datum::Null; self.cols.len()],
            d => vec![d],
        }
    }

    fn fit(&self, row: Vec<Datum>, out: &mut Vec<Datum>) {
        if self.cols.len() == 1 && row.len() > 1 {
            let ty = crate::bind::type_ref(oid::TEXT);
            let known = |i: usize, d: &Datum| self.fields.get(i).copied().or_else(|| type_of(d)).unwrap_or(ty);
            out.push(Datum::Row(row.into_iter().enumerate().map(|(i, d)| (known(i, &d), d)).collect()));
            return;
        }
        let n = self.cols.len();
        out.extend(row.into_iter().chain(std::iter::repeat(Datum::Null)).take(n));
    }
}

/// The type a value shows by itself, for fields of anonymous rows.
fn type_of(d: &Datum) -> Option<TypeRef> {
    let o = match d {
        Datum::Bool(_) => oid::BOOL,
        Datum::Int2(_) => oid::INT2,
        Datum::Int4(_) => oid::INT4,
        Datum::Int8(_) => oid::INT8,
        Datum::Float4(_) => oid::FLOAT4,
        Datum::Float8(_) => oid::FLOAT8,
        Datum::Oid(_) => oid::OID,
        Datum::Numeric(_) => oid::NUMERIC,
        Datum::Date(_) => oid::DATE,
        Datum::Timestamp(_) => oid::TIMESTAMP,
        Datum::TimestampTz(_) => oid::TIMESTAMPTZ,
        Datum::Bytes(_) => oid::BYTEA,
        Datum::Uuid(_) => oid::UUID,
        _ => return None,
    };
    Some(crate::bind::type_ref(o))
}

impl Lower<'_> {
    /// One row without columns of meaning.
    pub fn one_row(&mut self) -> Result<Plan> {
        self.values(&[], &[vec![]])
    }

    /// VALUES.
    pub fn values(&mut self, cols: &[Col], rows: &[Vec<Expr>]) -> Result<Plan> {
        if rows.iter().flatten().any(has_subquery) {
            return self.values_with_subqueries(cols, rows);
        }
        let mut exprs = Vec::with_capacity(rows.len());
        for r in rows {
            exprs.push(
                r.iter().map(|e| RowExpr::new(e, self.cx, &self.frames, &|_| false)).collect::<Result<Vec<_>>>()?,
            );
        }
        let mut out: Vec<(Col, DataType)> = cols.iter().map(|c| (*c, arrow_type(c.ty, None))).collect();
        let types: Vec<TypeRef> = cols.iter().map(|c| c.ty).collect();
        if out.is_empty() {
            out.push((self.col(crate::bind::type_ref(oid::BOOL)), DataType::Boolean));
        }
        let p = Plan { plan: LogicalPlan::default(), cols: out };
        let schema = p.schema()?;
        let cx = Arc::clone(self.cx);
        let exprs: Arc<[Vec<RowExpr>]> = exprs.into();
        let detail = format!("{} rows", rows.len());
        let body = move |run: Run| {
            let (exprs, types, cx) = (Arc::clone(&exprs), types.clone(), Arc::clone(&cx));
            let schema = Arc::clone(&run.schema);
            Ok(produce(Arc::clone(&schema), move |mut out| async move {
                for chunk in exprs.chunks(BATCH_ROWS) {
                    cx.cancel.check().map_err(to_df)?;
                    let rows = chunk
                        .iter()
                        .map(|r| r.iter().map(|e| e.eval(&[])).collect::<Result<Vec<_>>>())
                        .collect::<Result<Vec<_>>>()
                        .map_err(to_df)?;
                    out.send(batch_of(&schema, &types, &rows).map_err(to_df)?).await?;
                }
                Ok(())
            }))
        };
        Ok(Plan { plan: op_plan(Op::new("Values", detail, Arc::new(body)), vec![], schema), cols: p.cols })
    }

    fn values_with_subqueries(&mut self, cols: &[Col], rows: &[Vec<Expr>]) -> Result<Plan> {
        let mut parts = Vec::with_capacity(rows.len());
        for r in rows {
            let one = self.one_row()?;
            let mut r = r.clone();
            let p = self.attach(one, r.iter_mut().collect())?;
            let exprs: Vec<(Col, Expr)> = cols.iter().copied().zip(r).collect();
            let p = self.project(p, &exprs)?;
            parts.push(self.generic_plan(p)?);
        }
        self.union(parts)
    }

    /// The same rows with numerics of static scale made general, so that plans of equal SQL types have equal Arrow types.
    pub fn generic_plan(&mut self, p: Plan) -> Result<Plan> {
        if p.cols.iter().all(|c| super::expr::fixed_of(&c.1).is_none()) {
            return Ok(p);
        }
        let mut exprs = Vec::new();
        let mut cols = Vec::new();
        for (c, dt) in &p.cols {
            let l = generic(c.ty, Lowered { expr: named(name(c.id)), dt: dt.clone(), native: true });
            exprs.push(l.expr.alias(name(c.id)));
            cols.push((*c, l.dt));
        }
        Ok(Plan { plan: projection(p.plan, exprs)?, cols })
    }

    /// All rows of plans with equal columns.
    pub fn union(&mut self, parts: Vec<Plan>) -> Result<Plan> {
        let mut parts = parts;
        let cols = parts.first().map(|p| p.cols.clone()).unwrap_or_default();
        if parts.len() == 1
            && let Some(p) = parts.pop()
        {
            return Ok(p);
        }
        let inputs = parts.into_iter().map(|p| Arc::new(p.plan)).collect();
        Ok(Plan { plan: LogicalPlan::Union(Union::try_new(inputs).map_err(from_df)?), cols })
    }

    /// Functions in FROM.
    pub fn function_scan(&mut self, calls: &[(Expr, Vec<Col>)], ordinality: Option<Col>) -> Result<Plan> {
        let p = self.one_row()?;
        self.sets(p, calls.to_vec(), ordinality, Sets::Alone)
    }

    /// Functions in FROM that read the rows of the items before them: the rows, each with each of its results; `padded`:
    /// a row without results comes once, with NULLs.
    pub fn functions_of_rows(
        &mut self,
        p: Plan,
        calls: &[(Expr, Vec<Col>)],
        ordinality: Option<Col>,
        padded: bool,
    ) -> Result<Plan> {
        self.sets(p, calls.to_vec(), ordinality, Sets::Lateral { padded })
    }

    /// Set-returning functions in the target list.
    pub fn project_set(&mut self, p: Plan, calls: &[(Col, Expr)]) -> Result<Plan> {
        self.sets(p, calls.iter().map(|(c, e)| (e.clone(), vec![*c])).collect(), None, Sets::Selected)
    }

    fn sets(&mut self, p: Plan, mut calls: Vec<(Expr, Vec<Col>)>, ordinality: Option<Col>, of: Sets) -> Result<Plan> {
        let keep = !matches!(of, Sets::Alone);
        let kept = p.cols.clone();
        let p = self.attach(p, calls.iter_mut().map(|c| &mut c.0).collect())?;
        let avail = p.types();
        let mut set_calls = Vec::new();
        let mut shown = Vec::new();
        for (e, cols) in calls {
            let elements = matches!(&e.kind, ExprKind::Call { proc, .. } if proc.prosrc == "array_unnest");
            let row = |x: &Expr| RowExpr::new(x, self.cx, &self.frames, &|id| avail.contains_key(&id));
            let mut fields: Arc<[TypeRef]> = Arc::from([]);
            let inexact = match &e.kind {
                ExprKind::Call { proc, collation, .. } => inexact(proc, *collation),
                _ => None,
            };
            let (set, args, arg_types, strict, collation) = match &e.kind {
                ExprKind::Call { proc, args, collation } if proc.proretset => {
                    shown.push(proc.proname.to_string());
                    if let Some(mut out) = out_columns(proc, e.ty) {
                        resolve_fields(proc, args, &mut out);
                        fields = out.into_iter().map(|f| f.1).collect();
                    }
                    let f = match registry::kernel_of(proc).map(|k| k.body) {
                        _ if host::needs_host(proc) => SetCode::Hosted(proc),
                        Some(KernelBody::Set(f)) => SetCode::Kernel(f),
                        _ => {
                            return Err(DbError::unsupported(format!(
                                "function {} is not supported yet",
                                registry::signature(proc)
                            )));
                        }
                    };
                    let exprs = args.iter().map(row).collect::<Result<Vec<_>>>()?;
                    let types: Arc<[TypeRef]> = args.iter().map(|a| a.ty).collect();
                    (Some(f), exprs, types, proc.proisstrict, *collation)
                }
                _ => {
                    shown.push("expression".into());
                    (None, vec![row(&e)?], Arc::from([e.ty]), false, 0)
                }
            };
            set_calls.push(SetCall {
                set,
                strict,
                args,
                arg_types,
                result: e.ty,
                collation,
                inexact,
                cols,
                fields,
                whole: matches!(of, Sets::Selected),
                elements,
            });
        }
        let mut out: Vec<(Col, DataType)> = if keep { kept.clone() } else { vec![] };
        let new_cols: Vec<Col> = set_calls.iter().flat_map(|c| c.cols.iter().copied()).chain(ordinality).collect();
        out.extend(new_cols.iter().map(|c| (*c, arrow_type(c.ty, None))));
        let keep_n = if keep { kept.len() } else { 0 };
        let in_cols: Vec<Col> = p.cols.iter().map(|c| c.0).collect();
        let new_types: Vec<TypeRef> = new_cols.iter().map(|c| c.ty).collect();
        let result = Plan { plan: p.plan.clone(), cols: out };
        let schema = result.schema()?;
        let cx = Arc::clone(self.cx);
        let title = match of {
            Sets::Alone => "FunctionScan",
            Sets::Lateral { .. } => "LateralFunctionScan",
            Sets::Selected => "ProjectSet",
        };
        let body = move |run: Run| {
            let job = SetJob {
                cx: Arc::clone(&cx),
                calls: set_calls.clone(),
                ordinality: ordinality.is_some(),
                in_cols: in_cols.clone(),
                keep: keep_n,
                types: new_types.clone(),
                padded: matches!(of, Sets::Lateral { padded: true }),
            };
            Ok(produce(Arc::clone(&run.schema), move |out| job.run(run, out)))
        };
        let plan = op_plan(Op::new(title, shown.join(", "), Arc::new(body)), vec![p.plan], schema);
        Ok(Plan { plan, cols: result.cols })
    }

    /// DISTINCT ON: the first row of each key.
    pub fn distinct_on(&mut self, p: Plan, keys: &[Col]) -> Result<Plan> {
        let mut at = Vec::new();
        let mut types = Vec::new();
        for k in keys {
            let i = p.cols.iter().position(|c| c.0.id == k.id);
            let i = i.ok_or_else(|| DbError::internal("DISTINCT ON key is not in the input"))?;
            at.push(i);
            types.push((k.ty, p.cols[i].1.clone()));
        }
        let schema = p.schema()?;
        let body = move |run: Run| {
            let (at, keys) = (at.clone(), Keys::new(&types)?);
            let mut input = run.input(0)?;
            let memory = reservation(&run, "DistinctOn");
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                let mut seen: HashSet<Box<[u8]>> = HashSet::new();
                while let Some(b) = input.next().await {
                    let b = b?;
                    if at.is_empty() {
                        if b.num_rows() > 0 {
                            out.send(b.slice(0, 1)).await?;
                            return Ok(());
                        }
                        continue;
                    }
                    let rows = keys.rows(&at.iter().map(|&i| Arc::clone(b.column(i))).collect::<Vec<_>>())?;
                    let mut fresh = Vec::with_capacity(b.num_rows());
                    for r in rows.iter() {
                        let new = !seen.contains(r.as_ref());
                        if new {
                            memory.try_grow(r.as_ref().len() + 48)?;
                            seen.insert(r.as_ref().into());
                        }
                        fresh.push(new);
                    }
                    out.send(filter_record_batch(&b, &BooleanArray::from(fresh))?).await?;
                }
                Ok(())
            }))
        };
        let mut op = Op::new("DistinctOn", String::new(), Arc::new(body));
        op.orders = vec![order_of(&p.plan)];
        let plan = op_plan(op, vec![p.plan], schema);
        Ok(Plan { plan, cols: p.cols })
    }

    /// A fence ([`Rel::fenced`]): hands rows on and lets no condition from above through.
    pub fn fence(&mut self, p: Plan) -> Result<Plan> {
        let schema = Arc::clone(p.plan.schema());
        let mut op = Op::new("SecurityBarrier", String::new(), Arc::new(|run: Run| run.input(0)));
        op.orders = vec![order_of(&p.plan)];
        Ok(Plan { plan: op_plan(op, vec![p.plan], schema), cols: p.cols })
    }

    /// LIMIT whose numbers are known only at run time, or WITH TIES.
    pub fn limit_op(
        &mut self,
        p: Plan,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        ties: Option<&[SortKey]>,
    ) -> Result<Plan> {
        let int8 = crate::bind::type_ref(oid::INT8);
        let null = Expr::new(ExprKind::Const(Datum::Null), int8);
        let mut exprs = vec![limit.cloned().unwrap_or_else(|| null.clone()), offset.cloned().unwrap_or(null)];
        // Numbers that subqueries compute come from a second input, others from evaluation.
        let (mut evaluated, mut numbers) = (Vec::new(), None);
        if exprs.iter().any(has_subquery) {
            let one = self.one_row()?;
            let one = self.attach(one, exprs.iter_mut().collect())?;
            let named_exprs: Vec<(Col, Expr)> = exprs.into_iter().map(|e| (self.col(int8), e)).collect();
            numbers = Some(self.project(one, &named_exprs)?.plan);
        } else {
            for e in &exprs {
                evaluated.push(RowExpr::new(e, self.cx, &self.frames, &|_| false)?);
            }
        }
        let cols = p.cols.clone();
        let mut p = p;
        let mut keys = Vec::new();
        let mut order = order_of(&p.plan);
        if let Some(ties) = ties {
            let mut more = Vec::new();
            order.clear();
            for k in ties {
                let l = key_of(k.expr.ty, self.scope(&p).lower(&k.expr)?);
                let c = self.col(crate::bind::type_ref(oid::BYTEA));
                keys.push(l.dt.clone());
                order.push((name(c.id), k.desc, k.nulls_first));
                more.push((c, l));
            }
            p = self.extend(p, more)?;
        }
        let n = cols.len();
        let out = Plan { plan: p.plan.clone(), cols };
        let schema = out.schema()?;
        let body = move |run: Run| {
            let keys = keys.clone();
            let mut input = run.input(0)?;
            let mut numbers = if evaluated.is_empty() { Some(run.input(1)?) } else { None };
            let evaluated = evaluated.clone();
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                let (mut limit, mut offset) = (None, 0i64);
                if let [l, o] = evaluated.as_slice() {
                    limit = l.eval(&[]).and_then(|d| count_of(&d, "LIMIT")).map_err(to_df)?;
                    offset = o.eval(&[]).and_then(|d| count_of(&d, "OFFSET")).map_err(to_df)?.unwrap_or(0);
                }
                while let Some(numbers) = &mut numbers
                    && let Some(b) = numbers.next().await
                {
                    let b = b?;
                    if b.num_rows() > 0 {
                        let at = |i: usize| datum_at(b.column(i), 0, int8).map_err(to_df);
                        limit = count_of(&at(0)?, "LIMIT").map_err(to_df)?;
                        offset = count_of(&at(1)?, "OFFSET").map_err(to_df)?.unwrap_or(0);
                    }
                }
                let converter = RowConverter::new(keys.iter().map(|t| SortField::new(t.clone())).collect())?;
                let mut last: Option<Box<[u8]>> = None;
                let mut left = limit;
                if left == Some(0) {
                    return Ok(());
                }
                while let Some(b) = input.next().await {
                    let b = b?;
                    let rows = b.num_rows();
                    let skip = usize::try_from(offset).unwrap_or(usize::MAX).min(rows);
                    offset -= skip as i64;
                    let b = b.slice(skip, rows - skip);
                    let mut take = b.num_rows();
                    if let Some(l) = left {
                        take = take.min(usize::try_from(l).unwrap_or(usize::MAX));
                        left = Some(l - take as i64);
                    }
                    if left == Some(0) && !keys.is_empty() {
                        // Rows equal to the last one still count.
                        let rows = converter.convert_columns(&b.columns()[n..])?;
                        if take > 0 {
                            last = Some(rows.row(take - 1).as_ref().into());
                        }
                        while take < b.num_rows() && last.as_deref() == Some(rows.row(take).as_ref()) {
                            take += 1;
                        }
                    }
                    let done = left == Some(0) && (keys.is_empty() || take < b.num_rows());
                    let kept = b.slice(0, take).project(&(0..n).collect::<Vec<_>>())?;
                    out.send(RecordBatch::try_new(Arc::clone(&run.schema), kept.columns().to_vec())?).await?;
                    if done {
                        return Ok(());
                    }
                }
                Ok(())
            }))
        };
        let mut op = Op::new("LimitRows", String::new(), Arc::new(body));
        if numbers.is_none() {
            op.orders = vec![order];
        }
        let plan = op_plan(op, std::iter::once(p.plan).chain(numbers).collect(), schema);
        Ok(Plan { plan, cols: out.cols })
    }

    /// A data-modifying statement whose RETURNING rows are read.
    pub fn modify(&mut self, bound: &Bound, cols: &[Col]) -> Result<Plan> {
        let bound = Arc::new(bound.clone());
        let mut outs: Vec<(Col, DataType)> = cols.iter().map(|c| (*c, arrow_type(c.ty, None))).collect();
        let types: Vec<TypeRef> = cols.iter().map(|c| c.ty).collect();
        if outs.is_empty() {
            outs.push((self.col(crate::bind::type_ref(oid::BOOL)), DataType::Boolean));
        }
        let schema = schema(outs.iter().map(|(c, t)| (name(c.id), t.clone())))?;
        let cx = Arc::clone(self.cx);
        let body = move |run: Run| {
            let (bound, cx, types) = (Arc::clone(&bound), Arc::clone(&cx), types.clone());
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                let rows = cx.tables.modify(bound).await.map_err(to_df)?;
                for chunk in rows.chunks(BATCH_ROWS) {
                    out.send(batch_of(&run.schema, &types, chunk).map_err(to_df)?).await?;
                }
                Ok(())
            }))
        };
        let plan = op_plan(Op::new("ModifyTable", String::new(), Arc::new(body)), vec![], schema);
        Ok(Plan { plan, cols: outs })
    }

    /// Grouping sets: every row goes once into each set, with the other sets' group columns NULL.
    pub fn grouping_sets(
        &mut self,
        p: Plan,
        groups: &[(Col, Expr)],
        aggs: &[(Col, AggCall)],
        sets: &[Vec<usize>],
        grouping_id: Option<Col>,
    ) -> Result<Plan> {
        let whole: Vec<Vec<usize>> = if sets.is_empty() { vec![(0..groups.len()).collect()] } else { sets.to_vec() };
        let mut exprs: Vec<Expr> = groups.iter().map(|g| g.1.clone()).collect();
        let p = self.attach(p, exprs.iter_mut().collect())?;
        let mut more = Vec::new();
        let mut copies = Vec::new();
        for e in &exprs {
            let l = self.scope(&p).lower(e)?;
            let c = self.col(e.ty);
            copies.push(c);
            more.push((c, l));
        }
        let first = p.cols.len();
        let p = self.extend(p, more)?;
        let set_no = self.col(crate::bind::type_ref(oid::INT4));
        let mut cols = p.cols.clone();
        cols.push((set_no, DataType::Int32));
        let expanded = Plan { plan: p.plan.clone(), cols };
        let (n, sets_run) = (groups.len(), whole.clone());
        let body = move |run: Run| {
            let sets = sets_run.clone();
            let mut input = run.input(0)?;
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                while let Some(b) = input.next().await {
                    let b = b?;
                    for (no, set) in (0i32..).zip(&sets) {
                        let mut columns = b.columns().to_vec();
                        for g in (0..n).filter(|g| !set.contains(g)) {
                            columns[first + g] = new_null_array(columns[first + g].data_type(), b.num_rows());
                        }
                        columns.push(Arc::new(Int32Array::from(vec![no; b.num_rows()])));
                        out.send(RecordBatch::try_new(Arc::clone(&run.schema), columns)?).await?;
                    }
                }
                Ok(())
            }))
        };
        let schema = expanded.schema()?;
        let plan =
            op_plan(Op::new("GroupingSets", format!("{} sets", whole.len()), Arc::new(body)), vec![p.plan], schema);
        let expanded = Plan { plan, cols: expanded.cols };
        // Direct arguments are what the group has in their place, and not what its rows have.
        let mut aggs = aggs.to_vec();
        for arg in aggs.iter_mut().flat_map(|(_, a)| a.args.iter_mut().take(a.direct)) {
            walk::rewrite(arg, &mut |e| {
                let at = groups.iter().position(|g| walk::same(&g.1, e));
                Ok(at.map(|i| Expr::column(copies[i])))
            })?;
        }
        let groups: Vec<(Col, Expr)> = groups.iter().zip(&copies).map(|(g, c)| (g.0, Expr::column(*c))).collect();
        let agg = self.aggregate(expanded, &groups, &aggs, &[set_no])?;
        let agg = self.empty_sets(agg, groups.len(), &aggs, &whole)?;
        let Some(gid) = grouping_id else { return Ok(agg) };
        let no = Expr::column(set_no);
        let no = self.scope(&agg).lower(&no)?;
        let p = self.extend(agg, vec![(gid, no)])?;
        let cols: Vec<(Col, DataType)> = p.cols.into_iter().filter(|c| c.0.id != set_no.id).collect();
        let back = cols.iter().map(|(c, _)| named(name(c.id))).collect();
        Ok(Plan { plan: projection(p.plan, back)?, cols })
    }

    /// The set `()` answers a row even when there are no rows at all.
    fn empty_sets(&mut self, p: Plan, groups: usize, aggs: &[(Col, AggCall)], sets: &[Vec<usize>]) -> Result<Plan> {
        let empties: Vec<i32> = (0i32..).zip(sets).filter(|(_, s)| s.is_empty()).map(|(i, _)| i).collect();
        if empties.is_empty() {
            return Ok(p);
        }
        let mut values = vec![Datum::Null; groups];
        for (_, a) in aggs {
            values.push(super::agg::over_nothing(a, self.cx)?);
        }
        let types: Vec<TypeRef> = p.cols.iter().map(|c| c.0.ty).collect();
        let schema = p.schema()?;
        let body = move |run: Run| {
            let (values, empties, types) = (values.clone(), empties.clone(), types.clone());
            let mut input = run.input(0)?;
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                let mut any = false;
                while let Some(b) = input.next().await {
                    let b = b?;
                    any |= b.num_rows() > 0;
                    out.send(b).await?;
                }
                if !any {
                    let rows: Vec<Vec<Datum>> =
                        empties.iter().map(|no| values.iter().cloned().chain([Datum::Int4(*no)]).collect()).collect();
                    out.send(batch_of(&run.schema, &types, &rows).map_err(to_df)?).await?;
                }
                Ok(())
            }))
        };
        let plan = op_plan(Op::new("EmptySets", String::new(), Arc::new(body)), vec![p.plan], schema);
        Ok(Plan { plan, cols: p.cols })
    }
}

/// The order in which a plan's rows come, as far as it is an order of plain columns. An operator that depends on its
/// input's order demands it, so that the planner keeps the sort below.
pub fn order_of(plan: &LogicalPlan) -> Order {
    let mut order = match plan {
        LogicalPlan::Sort(s) => s
            .expr
            .iter()
            .map_while(|k| match &k.expr {
                DfExpr::Column(c) => Some((c.name.clone(), !k.asc, k.nulls_first)),
                _ => None,
            })
            .collect(),
        LogicalPlan::Projection(p) => order_of(&p.input),
        LogicalPlan::Filter(f) => order_of(&f.input),
        LogicalPlan::Limit(l) => order_of(&l.input),
        _ => vec![],
    };
    let have = |n: &str| plan.schema().fields().iter().any(|f| f.name() == n);
    let known = order.iter().take_while(|k| have(&k.0)).count();
    order.truncate(known);
    order
}

/// Memory of an operator, accounted to the query's pool.
pub fn reservation(run: &Run, what: &str) -> datafusion::execution::memory_pool::MemoryReservation {
    datafusion::execution::memory_pool::MemoryConsumer::new(what).register(run.task.memory_pool())
}

/// Where set-returning functions stand.
#[derive(Clone, Copy)]
enum Sets {
    /// In FROM, reading no other item of it.
    Alone,
    /// In FROM, reading the items before.
    Lateral { padded: bool },
    /// In the target list.
    Selected,
}

struct SetJob {
    cx: Arc<StmtCx>,
    calls: Vec<SetCall>,
    ordinality: bool,
    in_cols: Vec<Col>,
    keep: usize,
    types: Vec<TypeRef>,
    /// Rows without results come once, with NULLs.
    padded: bool,
}

impl SetJob {
    async fn run(self, run: Run, mut out: super::util::Out) -> DfResult<()> {
        let places: HashMap<ColId, usize> = self.in_cols.iter().enumerate().map(|(i, c)| (c.id, i)).collect();
        let mut input = run.input(0)?;
        let mut turn = Turn::begin();
        while let Some(b) = input.next().await {
            let b = b?;
            let mut rows: Vec<Vec<Datum>> = Vec::new();
            let mut from: Vec<u32> = Vec::new();
            for r in 0..b.num_rows() {
                turn.check().await;
                let at = |e: &RowExpr| -> Result<Datum> {
                    let mut row = Vec::with_capacity(e.inputs.len());
                    for c in &e.inputs {
                        let i = places.get(&c.id);
                        let i = *i.ok_or_else(|| DbError::internal("argument column is not in the input"))?;
                        row.push(datum_at(b.column(i), r, c.ty)?);
                    }
                    e.eval(&row)
                };
                let mut sets = self
                    .calls
                    .iter()
                    .map(|c| c.start(&self.cx, &at).map(Some))
                    .collect::<Result<Vec<_>>>()
                    .map_err(to_df)?;
                let mut ordinal = 0i64;
                loop {
                    let mut row = Vec::with_capacity(self.types.len());
                    let mut any = false;
                    for (c, s) in self.calls.iter().zip(&mut sets) {
                        let next = match s.as_mut().and_then(Iterator::next) {
                            Some(x) => Some(x.map_err(to_df)?),
                            None => {
                                *s = None;
                                None
                            }
                        };
                        any |= next.is_some();
                        match next {
                            Some(x) => c.fit(x, &mut row),
                            None => row.extend(std::iter::repeat_n(Datum::Null, c.cols.len())),
                        }
                    }
                    if !any {
                        if self.padded && ordinal == 0 {
                            row.resize(self.types.len(), Datum::Null);
                            rows.push(row);
                            from.push(r as u32);
                        }
                        break;
                    }
                    ordinal += 1;
                    if self.ordinality {
                        row.push(Datum::Int8(ordinal));
                    }
                    rows.push(row);
                    from.push(r as u32);
                    if rows.len() == BATCH_ROWS {
                        self.cx.cancel.check().map_err(to_df)?;
                        self.flush(&run, &b, &mut rows, &mut from, &mut out).await?;
                    }
                }
            }
            self.flush(&run, &b, &mut rows, &mut from, &mut out).await?;
        }
        Ok(())
    }

    async fn flush(
        &self,
        run: &Run,
        b: &RecordBatch,
        rows: &mut Vec<Vec<Datum>>,
        from: &mut Vec<u32>,
        out: &mut super::util::Out,
    ) -> DfResult<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let index = datafusion::arrow::array::UInt32Array::from(std::mem::take(from));
        let mut columns =
            b.columns()[..self.keep].iter().map(|c| take(c, &index, None)).collect::<Result<Vec<_>, _>>()?;
        let rows = std::mem::take(rows);
        for (i, ty) in self.types.iter().enumerate() {
            let mut d = DatumBuilder::new(*ty, None, rows.len());
            for r in &rows {
                d.push(r.get(i).unwrap_or(&Datum::Null)).map_err(to_df)?;
            }
            columns.push(d.finish());
        }
        out.send(RecordBatch::try_new(Arc::clone(&run.schema), columns)?).await
    }
}

/// Whether leaving an expression out would be noticed: it changes something, or is volatile.
pub fn has_side_effect(e: &Expr) -> bool {
    let mut found = false;
    crate::plan::walk::visit(e, &mut |x| found |= super::expr::is_volatile(x));
    found
}
