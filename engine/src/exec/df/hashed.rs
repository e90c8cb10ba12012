//! `x IN (SELECT …)` where it is a value and not a condition that a join could answer: the subquery, which reads nothing of
//! the rows around it, runs once, and its values are kept as keys in a hash table that every row is looked up in.
//!
//! Memory that the query may not have is not taken: then the subquery runs for each row, as other subqueries do.
//!
//! Left out: rows of several columns, and comparisons that are no equality of one type's keys.

use super::expr::is_key_equality;
use super::lower::{Lower, Plan};
use super::misc::reservation;
use super::op::{Op, Run, op_plan};
use super::util::{DfResult, Out, produce, to_df};
use crate::exec::StmtCx;
use crate::exec::subquery::{guarded_value, has_subquery};
use crate::exec::turn::Turn;
use crate::plan::ir::{Col, ColId, Expr, ExprKind, Subquery, SubqueryKind};
use crate::plan::walk;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;
use rustydb_base::{DbError, Result};
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{keyenc, oid};
use std::collections::HashSet;
use std::sync::Arc;

/// An equality that a hash table can answer.
pub(super) struct Lookup {
    /// What is looked up: of the outer row.
    left: Expr,
    /// What it is looked up in: of the subquery's row.
    right: Expr,
    /// The type of the keys.
    key: TypeRef,
}

fn reads(e: &Expr, cols: &HashSet<ColId>) -> bool {
    let mut found = false;
    walk::visit(e, &mut |x| found |= matches!(x.kind, ExprKind::Column(c) if cols.contains(&c)));
    found
}

/// The type whose keys compare as these types' values do.
fn key_type(l: TypeRef, r: TypeRef) -> Option<TypeRef> {
    let whole = |t: TypeRef| matches!(t.oid, oid::INT2 | oid::INT4 | oid::INT8);
    if whole(l) && whole(r) {
        return Some(TypeRef { oid: oid::INT8, ..l });
    }
    (l.oid == r.oid && keyenc::is_orderable(l.oid)).then_some(l)
}

/// What to look up where, if `s` is an IN whose subquery reads none of the columns of `outer`.
pub(super) fn lookup(s: &Subquery, outer: &HashSet<ColId>) -> Option<Lookup> {
    let SubqueryKind::Quantified { test, all: false, .. } = &s.kind else { return None };
    let ExprKind::Call { proc, args, collation } = &test.kind else { return None };
    let [left, right] = args.as_slice() else { return None };
    let outputs: HashSet<ColId> = s.rel.outputs().iter().map(|c| c.id).collect();
    let apart = !has_subquery(test) && !reads(left, &outputs) && !reads(right, outer) && reads(right, &outputs);
    if !apart || !is_key_equality(proc) {
        return None;
    }
    let mut free = true;
    walk::visit_rel(&s.rel, &mut |e| free &= !matches!(e.kind, ExprKind::Column(c) if outer.contains(&c)));
    let key = TypeRef { collation: *collation, ..key_type(left.ty, right.ty)? };
    free.then(|| Lookup { left: left.clone(), right: right.clone(), key })
}

impl Lower<'_> {
    /// The plan with a column that says whether the rows' values are among the subquery's. `guard`: rows for which it is not
    /// true are not looked up.
    pub(super) fn hashed(
        &mut self,
        p: Plan,
        s: &Subquery,
        at: Lookup,
        ty: TypeRef,
        guard: Option<&Expr>,
    ) -> Result<(Plan, Col)> {
        let lost = || DbError::internal("a subquery lost what it looks up");
        let inner = self.rel(&s.rel)?;
        let found = self.col(at.right.ty);
        let inner = self.project(inner, &[(found, at.right)])?;
        let width = p.cols.len();
        let mut exprs: Vec<(Col, Expr)> = p.cols.iter().map(|(c, _)| (*c, Expr::column(*c))).collect();
        let sought = self.col(at.left.ty);
        exprs.push((sought, guard.map_or_else(|| at.left.clone(), |g| guarded_value(g, &at.left))));
        let wanted = match guard {
            Some(g) => {
                let c = self.col(g.ty);
                exprs.push((c, g.clone()));
                Some(c)
            }
            None => None,
        };
        let asked = self.project(p, &exprs)?;
        let place = |c: Col| asked.cols.iter().position(|x| x.0.id == c.id).ok_or_else(lost);
        let sought = (place(sought)?, sought);
        let wanted = wanted.map(|c| Ok::<_, DbError>((place(c)?, c))).transpose()?;
        let col = self.col(ty);
        let mut cols = asked.cols[..width].to_vec();
        cols.push((col, arrow_type(ty, None)));
        let plan = Plan { plan: asked.plan, cols };
        let schema = plan.schema()?;
        let cx = Arc::clone(self.cx);
        let body = move |run: Run| {
            let job = Job { cx: Arc::clone(&cx), width, sought, wanted, found, key: at.key, ty };
            Ok(produce(Arc::clone(&run.schema), move |out| job.run(run, out)))
        };
        let op = Op::rerunning("Hashed SubPlan", super::expr::name(col.id), Arc::new(body));
        Ok((Plan { plan: op_plan(op, vec![plan.plan, inner.plan], schema), cols: plan.cols }, col))
    }
}

/// The values of a subquery.
enum Values {
    /// Nobody asked yet.
    Unread,
    Kept {
        keys: HashSet<Box<[u8]>>,
        /// There are rows.
        any: bool,
        /// One of them is NULL.
        null: bool,
        /// Memory of the keys; given back with them.
        _held: MemoryReservation,
    },
    /// They are too many.
    TooMany,
}

struct Job {
    cx: Arc<StmtCx>,
    /// Columns of the outer rows that go on.
    width: usize,
    /// The column looked up.
    sought: (usize, Col),
    /// The column that says which rows are looked up; all are if there is none.
    wanted: Option<(usize, Col)>,
    /// The subquery's only column.
    found: Col,
    key: TypeRef,
    ty: TypeRef,
}

impl Job {
    fn key(&self, d: &Datum) -> Box<[u8]> {
        let mut out = Vec::new();
        let wide = match d {
            Datum::Int2(v) => Some(i64::from(*v)),
            Datum::Int4(v) => Some(i64::from(*v)),
            _ => None,
        };
        match wide {
            Some(v) if self.key.oid == oid::INT8 => keyenc::put_value(self.key, &Datum::Int8(v), &mut out),
            _ => keyenc::put_value(self.key, d, &mut out),
        }
        out.into()
    }

    async fn run(self, run: Run, mut out: Out) -> DfResult<()> {
        let mut outer = run.input(0)?;
        let mut values = Values::Unread;
        let mut turn = Turn::begin();
        while let Some(b) = outer.next().await {
            let b = b?;
            let mut answers = DatumBuilder::new(self.ty, None, b.num_rows());
            for r in 0..b.num_rows() {
                turn.check().await;
                self.cx.cancel.check().map_err(to_df)?;
                let wanted = match self.wanted {
                    Some((i, c)) => datum_at(b.column(i), r, c.ty).map_err(to_df)? == Datum::Bool(true),
                    None => true,
                };
                let answer = if wanted {
                    if matches!(values, Values::Unread) {
                        values = self.read(&run).await?;
                    }
                    let (i, c) = self.sought;
                    let sought = datum_at(b.column(i), r, c.ty).map_err(to_df)?;
                    self.answer(&run, &values, &sought).await?
                } else {
                    Datum::Null
                };
                answers.push(&answer).map_err(to_df)?;
            }
            let mut columns: Vec<ArrayRef> = b.columns().iter().take(self.width).cloned().collect();
            columns.push(answers.finish());
            out.send(RecordBatch::try_new(Arc::clone(&run.schema), columns)?).await?;
        }
        Ok(())
    }

    /// The subquery's values, if the query's memory has room for them.
    async fn read(&self, run: &Run) -> DfResult<Values> {
        let held = reservation(run, "HashedSubPlan");
        let (mut keys, mut any, mut null) = (HashSet::new(), false, false);
        let mut rows = run.rerun(1)?;
        while let Some(b) = rows.next().await {
            let b = b?;
            self.cx.cancel.check().map_err(to_df)?;
            any |= b.num_rows() > 0;
            for r in 0..b.num_rows() {
                let d = datum_at(b.column(0), r, self.found.ty).map_err(to_df)?;
                if d.is_null() {
                    null = true;
                    continue;
                }
                let key = self.key(&d);
                // A key, its pointer and the table's share of free places.
                let size = key.len() + 2 * size_of::<Box<[u8]>>();
                if keys.insert(key) && held.try_grow(size).is_err() {
                    return Ok(Values::TooMany);
                }
            }
        }
        Ok(Values::Kept { keys, any, null, _held: held })
    }

    async fn answer(&self, run: &Run, values: &Values, sought: &Datum) -> DfResult<Datum> {
        let (found, any, null) = match values {
            Values::Kept { keys, any, null, .. } => {
                (!sought.is_null() && keys.contains(&self.key(sought)), *any, *null)
            }
            Values::Unread | Values::TooMany => {
                let key = (!sought.is_null()).then(|| self.key(sought));
                let (mut found, mut any, mut null) = (false, false, false);
                let mut rows = run.rerun(1)?;
                while let Some(b) = rows.next().await {
                    let b = b?;
                    self.cx.cancel.check().map_err(to_df)?;
                    any |= b.num_rows() > 0;
                    for r in 0..b.num_rows() {
                        let d = datum_at(b.column(0), r, self.found.ty).map_err(to_df)?;
                        null |= d.is_null();
                        found |= !d.is_null() && key.as_deref() == Some(&*self.key(&d));
                    }
                    if found || any && key.is_none() {
                        break;
                    }
                }
                (found, any, null)
            }
        };
        Ok(match found {
            true => Datum::Bool(true),
            false if any && (sought.is_null() || null) => Datum::Null,
            false => Datum::Bool(false),
        })
    }
}
