//! `x < ANY (SELECT …)`, `x >= ALL (SELECT …)` and their kin over a subquery that reads nothing of the rows around it: the
//! subquery runs once, and of its rows only the least and the greatest value are kept, whether there
//! are rows at all, and whether one is NULL. They decide for every row:
//!
//! | asked | decides |
//! |---|---|
//! | `x > ANY`, `x >= ANY`, `x < ALL`, `x <= ALL` | the least |
//! | `x < ANY`, `x <= ANY`, `x > ALL`, `x >= ALL` | the greatest |
//! | `x = ALL`, `x <> ANY` | both |
//!
//! where the test with the value says no (ANY: yes) for no row, a NULL among them makes the answer unknown.
//!
//! Left out: `= ANY` and `<> ALL`, which are looked up ([`super::hashed`]); comparisons of rows; tests that are more than one
//! comparison.

use super::expr::{RowExpr, is_volatile};
use super::lower::{Lower, Plan};
use super::op::{Op, Run, op_plan};
use super::util::{DfResult, Out, produce, to_df};
use crate::exec::StmtCx;
use crate::exec::subquery::{guarded_value, has_subquery};
use crate::exec::turn::Turn;
use crate::plan::ir::{Col, ColSet, Expr, ExprKind, Subquery, SubqueryKind};
use crate::plan::walk;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use futures::StreamExt;
use rustydb_base::{DbError, Result};
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at};
use rustydb_types::collation::INDETERMINATE;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{cmp, keyenc, oid, pgdata};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

/// A comparison that the extremes of a subquery's values decide.
pub(super) struct Comparison {
    /// The outer row's value.
    left: Expr,
    /// The subquery's value.
    right: Expr,
    /// The test, with the two sides as they are.
    test: Expr,
    /// The subquery's value stands on the left.
    mirrored: bool,
    /// The collation it compares by.
    by: u32,
    /// Every row must pass, else one.
    all: bool,
    decides: Decides,
}

/// Which of the values decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Decides {
    Least,
    Greatest,
    Both,
}

fn reads(e: &Expr, cols: &ColSet) -> bool {
    let mut found = false;
    walk::visit(e, &mut |x| found |= matches!(x.kind, ExprKind::Column(c) if cols.contains(&c)));
    found
}

/// The comparison of a subquery that reads none of the columns of `outer`, if its extremes decide it.
pub(super) fn comparison(s: &Subquery, outer: &ColSet) -> Option<Comparison> {
    let SubqueryKind::Quantified { test, all, .. } = &s.kind else { return None };
    let ExprKind::Call { proc, args, collation } = &test.kind else { return None };
    let [a, b] = args.as_slice() else { return None };
    let mut plain = !has_subquery(test) && *collation != INDETERMINATE;
    walk::visit(test, &mut |e| plain &= !is_volatile(e));
    let inner: ColSet = s.rel.outputs().iter().map(|c| c.id).collect();
    let inside = |e: &Expr| reads(e, &inner) && !reads(e, outer);
    let (left, right, mirrored) = match () {
        () if inside(b) && !reads(a, &inner) => (a, b, false),
        () if inside(a) && !reads(b, &inner) => (b, a, true),
        () => return None,
    };
    // Its order must be the one that the values' type has.
    if !plain || right.ty.oid == oid::RECORD || !keyenc::is_orderable(right.ty.oid) {
        return None;
    }
    let strategy = strategy(proc.oid)?;
    let decides = decides(if mirrored && strategy != UNEQUAL { 6 - strategy } else { strategy }, *all)?;
    let mut free = true;
    walk::visit_rel(&s.rel, &mut |e| free &= !matches!(e.kind, ExprKind::Column(c) if outer.contains(&c)));
    free.then(|| {
        let by = *collation;
        let test = test.clone();
        Comparison { left: left.clone(), right: right.clone(), test, by, mirrored, all: *all, decides }
    })
}

/// `<>`, beside the strategies of B-trees.
pub(super) const UNEQUAL: i16 = 6;

/// Which comparison of the order that a type has by itself a function is: 1 to 5 for <, <=, =, >= and >.
pub(super) fn strategy(proc: u32) -> Option<i16> {
    static MAP: LazyLock<HashMap<u32, i16>> = LazyLock::new(|| {
        let usual: HashSet<u32> = pgdata::opclasses()
            .iter()
            .filter(|c| c.opcdefault && c.opcmethod == pgdata::BTREE)
            .map(|c| c.opcfamily)
            .collect();
        let searched = |a: &&pgdata::AmOp| a.amoppurpose == 's' && usual.contains(&a.amopfamily);
        let mut map = HashMap::new();
        for a in pgdata::amops().iter().filter(searched) {
            let Some(o) = pgdata::operator(a.amopopr) else { continue };
            map.insert(o.oprcode, a.amopstrategy);
            if a.amopstrategy == 3
                && let Some(ne) = pgdata::operator_exact("<>", o.oprleft, o.oprright)
            {
                map.insert(ne.oprcode, UNEQUAL);
            }
        }
        map
    });
    MAP.get(&proc).copied()
}

/// Which values decide `x op ANY` or `x op ALL`.
fn decides(strategy: i16, all: bool) -> Option<Decides> {
    Some(match (strategy, all) {
        (4 | 5, false) | (1 | 2, true) => Decides::Least,
        (1 | 2, false) | (4 | 5, true) => Decides::Greatest,
        (3, true) | (UNEQUAL, false) => Decides::Both,
        _ => return None,
    })
}

/// What is kept of a subquery's rows.
#[derive(Default)]
struct Extremes {
    least: Option<Datum>,
    greatest: Option<Datum>,
    nulls: bool,
    rows: bool,
}

impl Extremes {
    fn take(&mut self, ty: TypeRef, by: u32, d: Datum) {
        self.rows = true;
        if d.is_null() {
            self.nulls = true;
            return;
        }
        let beyond = |kept: &Option<Datum>, wanted: Ordering| {
            kept.as_ref().is_none_or(|k| cmp::compare(ty, by, &d, k) == wanted)
        };
        let (less, more) = (beyond(&self.least, Ordering::Less), beyond(&self.greatest, Ordering::Greater));
        if less {
            self.least = Some(d.clone());
        }
        if more {
            self.greatest = Some(d);
        }
    }

    fn deciding(&self, decides: Decides) -> impl Iterator<Item = &Datum> {
        let least = (decides != Decides::Greatest).then_some(self.least.as_ref()).flatten();
        let greatest = (decides != Decides::Least).then_some(self.greatest.as_ref()).flatten();
        least.into_iter().chain(greatest)
    }
}

impl Lower<'_> {
    /// The plan with a column that says how the rows' values compare with the subquery's. `guard`: rows for which it is not
    /// true are not compared.
    pub(super) fn compared_with_extremes(
        &mut self,
        p: Plan,
        s: &Subquery,
        c: Comparison,
        ty: TypeRef,
        guard: Option<&Expr>,
    ) -> Result<(Plan, Col)> {
        let lost = || DbError::internal("a subquery lost what it compares");
        let inner = self.rel(&s.rel)?;
        let value = self.col(c.right.ty);
        let inner = self.project(inner, &[(value, c.right.clone())])?;
        let width = p.cols.len();
        let mut exprs: Vec<(Col, Expr)> = p.cols.iter().map(|(c, _)| (*c, Expr::column(*c))).collect();
        let sought = self.col(c.left.ty);
        exprs.push((sought, guard.map_or_else(|| c.left.clone(), |g| guarded_value(g, &c.left))));
        let wanted = guard.map(|g| (self.col(g.ty), g.clone()));
        exprs.extend(wanted.clone());
        let asked = self.project(p, &exprs)?;
        let place = |c: Col| asked.cols.iter().position(|x| x.0.id == c.id).ok_or_else(lost);
        let at = (place(sought)?, sought);
        let wanted = wanted.map(|(c, _)| Ok::<_, DbError>((place(c)?, c))).transpose()?;
        let mut test = c.test.clone();
        let ExprKind::Call { args, .. } = &mut test.kind else { return Err(lost()) };
        let sides = [Expr::column(sought), Expr::column(value)];
        *args = if c.mirrored { sides.into_iter().rev().collect() } else { sides.into() };
        let test = RowExpr::new(&test, self.cx, &[], &|_| true)?;
        let col = self.col(ty);
        let mut cols = asked.cols[..width].to_vec();
        cols.push((col, arrow_type(ty, None)));
        let plan = Plan { plan: asked.plan, cols };
        let schema = plan.schema()?;
        let cx = Arc::clone(self.cx);
        let (by, all, decides, mirrored) = (c.by, c.all, c.decides, c.mirrored);
        let body = move |run: Run| {
            let (cx, test) = (Arc::clone(&cx), test.clone());
            let job = Job { cx, width, at, wanted, value, by, test, all, decides, mirrored, ty };
            Ok(produce(Arc::clone(&run.schema), move |out| job.run(run, out)))
        };
        let op = Op::rerunning("InitPlan", super::expr::name(col.id), Arc::new(body));
        Ok((Plan { plan: op_plan(op, vec![plan.plan, inner.plan], schema), cols: plan.cols }, col))
    }
}

struct Job {
    cx: Arc<StmtCx>,
    /// Columns of the outer rows that go on.
    width: usize,
    /// The column compared.
    at: (usize, Col),
    /// The column that says which rows are compared; all are if there is none.
    wanted: Option<(usize, Col)>,
    /// The subquery's column.
    value: Col,
    /// Its collation.
    by: u32,
    test: RowExpr,
    all: bool,
    decides: Decides,
    mirrored: bool,
    ty: TypeRef,
}

impl Job {
    async fn run(self, run: Run, mut out: Out) -> DfResult<()> {
        let mut outer = run.input(0)?;
        let mut extremes = None;
        let mut turn = Turn::begin();
        while let Some(b) = outer.next().await {
            let b = b?;
            let mut answers = DatumBuilder::new(self.ty, None, b.num_rows());
            for r in 0..b.num_rows() {
                turn.check().await;
                let of = |(i, c): (usize, Col)| datum_at(b.column(i), r, c.ty).map_err(to_df);
                let wanted = match self.wanted {
                    Some(w) => of(w)? == Datum::Bool(true),
                    None => true,
                };
                let answer = if wanted {
                    if extremes.is_none() {
                        extremes = Some(self.read(&run).await?);
                    }
                    let sought = of(self.at)?;
                    match &extremes {
                        Some(x) => self.answer(x, &sought).map_err(to_df)?,
                        None => Datum::Null,
                    }
                } else {
                    Datum::Null
                };
                answers.push(&answer).map_err(to_df)?;
            }
            self.cx.cancel.check().map_err(to_df)?;
            let mut columns: Vec<ArrayRef> = b.columns().iter().take(self.width).cloned().collect();
            columns.push(answers.finish());
            out.send(RecordBatch::try_new(Arc::clone(&run.schema), columns)?).await?;
        }
        Ok(())
    }

    async fn read(&self, run: &Run) -> DfResult<Extremes> {
        let mut found = Extremes::default();
        let mut rows = run.rerun(1)?;
        let mut turn = Turn::begin();
        while let Some(b) = rows.next().await {
            let b = b?;
            self.cx.cancel.check().map_err(to_df)?;
            for r in 0..b.num_rows() {
                turn.check().await;
                found.take(self.value.ty, self.by, datum_at(b.column(0), r, self.value.ty).map_err(to_df)?);
            }
        }
        Ok(found)
    }

    /// What the subquery comes to for a row's value.
    fn answer(&self, x: &Extremes, sought: &Datum) -> Result<Datum> {
        if !x.rows {
            return Ok(Datum::Bool(self.all));
        }
        let mut unknown = x.nulls;
        for d in x.deciding(self.decides) {
            let sides = [sought.clone(), d.clone()];
            let sides = if self.mirrored { [d.clone(), sought.clone()] } else { sides };
            match self.test.eval(&sides)? {
                // One row that fails ALL, or passes ANY.
                Datum::Bool(v) if v != self.all => return Ok(Datum::Bool(v)),
                Datum::Bool(_) => {}
                _ => unknown = true,
            }
        }
        Ok(if unknown { Datum::Null } else { Datum::Bool(self.all) })
    }
}
