//! UNION, INTERSECT and EXCEPT with PostgreSQL's bag semantics; NULLs are equal.
//!
//! INTERSECT and EXCEPT count each distinct row's occurrences on both sides by grouped aggregation (which spills) over the
//! union of the sides, and keep or repeat it accordingly: INTERSECT ALL min(l, r) times, EXCEPT ALL max(l - r, 0) times.

use super::agg::{CallSite, What};
use super::expr::{Lowered, key_of, name, named};
use super::lower::{Lower, Plan, int8, projection, udaf_call};
use super::op::{Op, Run, op_plan};
use super::util::{from_df, produce};
use crate::plan::ir::{Col, Rel, SetOpKind};
use datafusion::arrow::array::{AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Aggregate, Expr as DfExpr, LogicalPlan};
use futures::StreamExt;
use rustydb_base::{DbError, Result};
use rustydb_types::collation::{for_equality, same_equality};
use rustydb_types::oid;
use std::sync::Arc;

/// The sides of a union, those of unions inside it included, in order: thousands of SELECTs joined by UNION are one
/// operator, not a tree of that depth, whose planning would be quadratic. A union without ALL drops duplicates of the
/// inner ones too; one with ALL takes in only such as keep them.
fn union_sides<'r>(all: bool, left: &'r Rel, right: &'r Rel, cols: &[Col]) -> Vec<&'r Rel> {
    let mut sides = Vec::new();
    let mut open = vec![right, left];
    while let Some(rel) = open.pop() {
        match rel {
            Rel::SetOp { op: SetOpKind::Union, all: inner, left, right, cols: own }
                if *inner || (!all && alike(own, cols)) =>
            {
                open.push(right);
                open.push(left);
            }
            other => sides.push(other),
        }
    }
    sides
}

/// Whether rows that are equal as these are as those.
fn alike(a: &[Col], b: &[Col]) -> bool {
    a.iter().zip(b).all(|(a, b)| same_equality(a.ty.collation, b.ty.collation))
}

impl Lower<'_> {
    /// Lowers a set operation.
    pub fn set_op(&mut self, op: SetOpKind, all: bool, left: &Rel, right: &Rel, cols: &[Col]) -> Result<Plan> {
        if op == SetOpKind::Union {
            let sides = union_sides(all, left, right, cols);
            let sides = sides.into_iter().map(|s| self.side(s, cols)).collect::<Result<Vec<_>>>()?;
            let p = self.union(sides)?;
            return if all { Ok(p) } else { self.distinct(p) };
        }
        let l = self.side(left, cols)?;
        let r = self.side(right, cols)?;
        self.counted(op, all, l, r, cols)
    }

    /// One side under the operation's own columns.
    fn side(&mut self, rel: &Rel, cols: &[Col]) -> Result<Plan> {
        let outputs = rel.outputs();
        if outputs.len() != cols.len() {
            return Err(DbError::internal("set operation over different widths"));
        }
        let p = self.rel(rel)?;
        let types = p.types();
        let mut exprs = Vec::new();
        let mut out = Vec::new();
        for (c, o) in cols.iter().zip(&outputs) {
            let dt = types.get(&o.id).cloned().ok_or_else(|| DbError::internal("set operation lost a column"))?;
            exprs.push(named(name(o.id)).alias(name(c.id)));
            out.push((*c, dt));
        }
        if exprs.is_empty() {
            exprs.push(DfExpr::Literal(ScalarValue::Boolean(Some(true)), None).alias("none"));
        }
        let p = Plan { plan: projection(p.plan, exprs)?, cols: out };
        self.generic_plan(p)
    }

    fn counted(&mut self, op: SetOpKind, all: bool, l: Plan, r: Plan, cols: &[Col]) -> Result<Plan> {
        let dts: Vec<(Col, DataType)> = l.cols.clone();
        let tag = |p: Plan, left: bool| -> Result<LogicalPlan> {
            let mut e: Vec<DfExpr> = p.cols.iter().map(|(c, _)| named(name(c.id))).collect();
            let one = |on: bool| -> Result<DfExpr> {
                Ok(if on { int8(1)? } else { DfExpr::Literal(ScalarValue::Int64(None), None) })
            };
            e.push(one(left)?.alias("l"));
            e.push(one(!left)?.alias("r"));
            projection(p.plan, e)
        };
        let inputs = vec![Plan { plan: tag(l, true)?, cols: vec![] }, Plan { plan: tag(r, false)?, cols: vec![] }];
        let both = self.union(inputs)?;
        let (mut pre, mut keys, mut calls, mut post) = (vec![], vec![], vec![], vec![]);
        for (c, dt) in &dts {
            let n = c.id;
            let value = Lowered { expr: named(name(n)), dt: dt.clone(), native: true };
            pre.push(key_of(for_equality(c.ty), value).expr.alias(format!("g{n}")));
            pre.push(named(name(n)).alias(format!("v{n}")));
            keys.push(named(format!("g{n}")));
            let first = CallSite {
                what: What::First,
                name: "first".into(),
                args: vec![c.ty],
                result: c.ty,
                collation: 0,
                distinct: false,
                order: vec![],
                dt: dt.clone(),
                cx: Arc::clone(self.cx),
            };
            calls.push(udaf_call(first, vec![named(format!("v{n}"))], None).alias(format!("f{n}")));
            post.push(named(format!("f{n}")).alias(name(n)));
        }
        let int8_ty = crate::bind::type_ref(oid::INT8);
        for side in ["l", "r"] {
            pre.push(named(side));
            let count = CallSite {
                what: What::Count,
                name: "count".into(),
                args: vec![int8_ty],
                result: int8_ty,
                collation: 0,
                distinct: false,
                order: vec![],
                dt: DataType::Int64,
                cx: Arc::clone(self.cx),
            };
            calls.push(udaf_call(count, vec![named(side)], None).alias(format!("n{side}")));
            post.push(named(format!("n{side}")));
        }
        let agg = Aggregate::try_new(Arc::new(projection(both.plan, pre)?), keys, calls).map_err(from_df)?;
        let plan = projection(LogicalPlan::Aggregate(agg), post)?;
        let n = cols.len();
        let out = Plan { plan, cols: dts };
        let schema = out.schema()?;
        let body = move |run: Run| {
            let mut input = run.input(0)?;
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                while let Some(b) = input.next().await {
                    let b = b?;
                    let (l, r) = (b.column(n).as_primitive::<Int64Type>(), b.column(n + 1).as_primitive::<Int64Type>());
                    let mut index: Vec<u32> = Vec::new();
                    for i in 0..b.num_rows() {
                        let (l, r) = (l.value(i), r.value(i));
                        let times = match (op, all) {
                            (SetOpKind::Intersect, true) => l.min(r),
                            (SetOpKind::Intersect, false) => i64::from(l > 0 && r > 0),
                            (SetOpKind::Except, true) => (l - r).max(0),
                            _ => i64::from(l > 0 && r == 0),
                        };
                        for _ in 0..times {
                            index.push(i as u32);
                            if index.len() == super::BATCH_ROWS {
                                out.send(rows(&run, &b, n, std::mem::take(&mut index))?).await?;
                            }
                        }
                    }
                    out.send(rows(&run, &b, n, index)?).await?;
                }
                Ok(())
            }))
        };
        let title = if op == SetOpKind::Intersect { "Intersect" } else { "Except" };
        let detail = if all { "all" } else { "" };
        let plan = op_plan(Op::new(title, detail.into(), Arc::new(body)), vec![out.plan], schema);
        Ok(Plan { plan, cols: out.cols })
    }
}

fn rows(run: &Run, b: &RecordBatch, n: usize, index: Vec<u32>) -> super::util::DfResult<RecordBatch> {
    let index = UInt32Array::from(index);
    let columns = b.columns()[..n].iter().map(|c| take(c, &index, None)).collect::<Result<Vec<_>, _>>()?;
    let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(index.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(&run.schema), columns, &options)?)
}
