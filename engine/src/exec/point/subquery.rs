//! Subqueries of a point program: programs of their own that are run for each row of the operator they hang under, and read
//! its slots, as the right side of a join does.
//!
//! A subquery that reads nothing of the rows around it is answered once, by a row that comes before them ([`Planner::after`]),
//! so that its answer can be a key of an index: `x IN (SELECT …)` is looked up as `x = ANY (array)`.
//!
//! Left out: subqueries in join conditions of outer joins, in keys of sorts and groups, in arguments of aggregates and in
//! LIMIT; and whatever the other operators of a point program leave out.

use super::access::{Want, is_volatile};
use super::draft::{Draft, Kind, Planned, Planner, free_columns};
use super::plan::{NodeId, SubNode};
use super::run::{Machine, Step};
use super::scratch::Phase;
use crate::exec::datum_size;
use crate::exec::subquery::{Answer, Asked, has_subquery, replace};
use crate::plan::ir::{Col, ColSet, Expr, ExprKind, JoinKind, Rel, Subquery, SubqueryKind};
use crate::plan::walk;
use rustydb_base::{DbError, Result};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::oid;

/// A subquery and the column that its answer makes.
pub(super) struct SubDraft {
    pub col: Col,
    pub asked: Asked,
    /// It is asked only for rows for which this is true.
    pub guard: Option<Expr>,
    /// Its columns that the answer is made of.
    pub values: Vec<Col>,
    /// Tested for each of its rows.
    pub test: Option<Expr>,
    pub draft: Box<Draft>,
    /// It reads nothing outside itself.
    pub constant: bool,
}

/// Whether an expression's subqueries read only what is known before its relation is, and none of them stands in a branch
/// that may not be taken.
pub(super) fn is_known_first(e: &Expr, outer: &ColSet) -> bool {
    let mut known = has_subquery(e);
    walk::visit(e, &mut |x| {
        known &= match &x.kind {
            ExprKind::Subquery(s) => {
                let quantified = matches!(s.kind, SubqueryKind::Quantified { .. });
                (!quantified || in_array(x).is_some()) && free_columns(&s.rel).iter().all(|c| outer.contains(c))
            }
            ExprKind::Case { .. } | ExprKind::Coalesce(_) => false,
            ExprKind::Call { proc, .. } | ExprKind::ArrayOp { proc, .. } => proc.provolatile != 'v',
            ExprKind::NextVal(_) => false,
            _ => true,
        };
    });
    known
}

/// `x = ANY (SELECT y …)` as `x = ANY (ARRAY(SELECT y …))`, which means the same.
fn in_array(e: &Expr) -> Option<Expr> {
    let ExprKind::Subquery(s) = &e.kind else { return None };
    let SubqueryKind::Quantified { test, all: false, equal: Some(_) } = &s.kind else { return None };
    let outputs = s.rel.outputs();
    let (ExprKind::Call { proc, args, collation, .. }, [out]) = (&test.kind, outputs.as_slice()) else { return None };
    let [left, right] = args.as_slice() else { return None };
    if !matches!(right.kind, ExprKind::Column(c) if c == out.id) || is_volatile(left) {
        return None;
    }
    let array_type = TypeRef { oid: oid::array_of(out.ty.oid)?, ..out.ty };
    let array = Subquery { rel: s.rel.clone(), kind: SubqueryKind::Array, text: "".into() };
    let kind = ExprKind::ArrayOp {
        proc,
        left: Box::new(left.clone()),
        array: Box::new(Expr::new(ExprKind::Subquery(Box::new(array)), array_type)),
        all: false,
        collation: *collation,
    };
    Some(Expr { pos: e.pos, ..Expr::new(kind, e.ty) })
}

/// Whether a subquery reads nothing of the rows around it.
fn reads_nothing_outside(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Subquery(s) if free_columns(&s.rel).is_empty())
}

/// One row without columns.
fn one_row() -> Draft {
    Draft { kind: Kind::Values { cols: vec![], rows: vec![vec![]] }, rows: 1.0, touched: 0.0, ordered: true }
}

impl Planner<'_> {
    /// Puts columns in the place of expressions' subqueries, and what answers them above a plan.
    pub(super) fn attach(&mut self, d: Draft, exprs: Vec<&mut Expr>, outer: &ColSet) -> Planned {
        let mut subs = Vec::new();
        let mut fits = true;
        let mut known = None;
        for e in exprs {
            // What is the same for every row is read once.
            walk::rewrite(e, &mut |x| Ok(in_array(x).filter(|_| reads_nothing_outside(x))))?;
            replace(e, None, &mut |x, guard| {
                let known = known.get_or_insert_with(|| {
                    let mut known = outer.clone();
                    made(&d, &mut known);
                    known
                });
                let col = Col { id: self.next + 1, ty: x.ty };
                self.next += 1;
                let ExprKind::Subquery(s) = &x.kind else { return Ok(()) };
                match self.subquery(s, col, guard, known)? {
                    Some(s) if fits => subs.push(s),
                    _ => fits = false,
                }
                known.insert(col.id);
                *x = Expr { pos: x.pos, ..Expr::column(col) };
                Ok(())
            })?;
            if !fits {
                return Ok(None);
            }
        }
        if subs.is_empty() {
            return Ok(Some(d));
        }
        let (rows, ordered) = (d.rows, d.ordered);
        let runs = |s: &SubDraft| if s.constant { 1.0 } else { rows.max(1.0) };
        let touched = d.touched + subs.iter().map(|s| runs(s) * s.draft.touched).sum::<f64>();
        Ok(Some(Draft { kind: Kind::Subqueries { input: Box::new(d), subs }, rows, touched, ordered }))
    }

    fn subquery(&mut self, s: &Subquery, col: Col, guard: Option<&Expr>, known: &ColSet) -> Result<Option<SubDraft>> {
        let asked = Asked::of(&s.kind, col.ty);
        let test = match &s.kind {
            SubqueryKind::Quantified { test, .. } if has_subquery(test) => return Ok(None),
            SubqueryKind::Quantified { test, .. } => Some(test.clone()),
            _ => None,
        };
        let limit = match asked {
            Asked::Exists => Some(1.0),
            Asked::Scalar | Asked::Row => Some(2.0),
            _ => None,
        };
        let want = Want { outer: known, order: &[], limit, at_any_cost: false };
        let Some(draft) = self.rel(&s.rel, Vec::new(), want)? else { return Ok(None) };
        let outputs = s.rel.outputs();
        let values = outputs.iter().take(asked.reads(outputs.len())).copied().collect();
        let constant = test.is_none() && free_columns(&s.rel).is_empty();
        Ok(Some(SubDraft { col, asked, guard: guard.cloned(), values, test, draft: Box::new(draft), constant }))
    }

    /// A plan under conditions that may have subqueries.
    pub(super) fn tested(&mut self, d: Draft, mut preds: Vec<Expr>, want: Want<'_>) -> Planned {
        let parts = preds.iter_mut().collect();
        Ok(self.attach(d, parts, want.outer)?.map(|d| d.filtered(preds)))
    }

    /// What `then` plans with expressions whose subqueries are answered before.
    pub(super) fn after(
        &mut self,
        mut exprs: Vec<Expr>,
        want: Want<'_>,
        then: &mut dyn FnMut(&mut Self, Vec<Expr>, Want<'_>) -> Planned,
    ) -> Planned {
        for e in &mut exprs {
            walk::rewrite(e, &mut |x| Ok(in_array(x)))?;
        }
        let parts = exprs.iter_mut().collect();
        let Some(first) = self.attach(one_row(), parts, want.outer)? else { return Ok(None) };
        let mut known = want.outer.clone();
        made(&first, &mut known);
        let Some(d) = then(self, exprs, Want { outer: &known, ..want })? else { return Ok(None) };
        let (rows, touched, ordered) = (d.rows, first.touched + d.touched, d.ordered);
        let kind = Kind::Join { kind: JoinKind::Inner, left: Box::new(first), right: Box::new(d), nulls: Vec::new() };
        Ok(Some(Draft { kind, rows, touched, ordered }))
    }

    /// Rows of expressions with subqueries, which read only what is further out.
    pub(super) fn values(&mut self, rel: &Rel, conds: Vec<Expr>, want: Want<'_>) -> Planned {
        let Rel::Values { cols, rows } = rel else { return Ok(None) };
        let all: Vec<Expr> = rows.iter().flatten().cloned().collect();
        if all.iter().any(|e| has_subquery(e) && !is_known_first(e, want.outer)) {
            return Ok(None);
        }
        let (cols, width) = (cols.clone(), cols.len());
        self.after(all, want, &mut |p, all, want| {
            let rows: Vec<Vec<Expr>> =
                if width == 0 { vec![vec![]; rows.len()] } else { all.chunks(width).map(<[Expr]>::to_vec).collect() };
            p.rel(&Rel::Values { cols: cols.clone(), rows }, conds.clone(), want)
        })
    }
}

/// Columns that a plan's rows have.
fn made(d: &Draft, out: &mut ColSet) {
    match &d.kind {
        Kind::Values { cols, .. } | Kind::Append { cols, .. } => out.extend(cols.iter().map(|c| c.id)),
        Kind::Scan(s) => out.extend(s.scan.cols.iter().map(|c| c.0.id).chain(s.scan.rid.map(|r| r.id))),
        Kind::Project { exprs, .. } => out.extend(exprs.iter().map(|x| x.0.id)),
        Kind::Aggregate { groups, aggs, .. } => {
            out.extend(groups.iter().map(|g| g.0.id).chain(aggs.iter().map(|a| a.0.id)));
        }
        Kind::Join { kind, left, right, .. } => {
            made(left, out);
            if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                made(right, out);
            }
        }
        Kind::Subqueries { input, subs } => {
            made(input, out);
            out.extend(subs.iter().map(|s| s.col.id));
        }
        Kind::Filter { input, .. }
        | Kind::Limit { input, .. }
        | Kind::Sort { input, .. }
        | Kind::Distinct { input, .. }
        | Kind::Lock { input, .. } => made(input, out),
    }
}

impl Machine<'_> {
    pub(super) fn subqueries(&mut self, n: NodeId, input: NodeId, subs: &[SubNode]) -> Result<Step> {
        let st = self.state(n);
        if st.phase == Phase::Start {
            (st.phase, st.at, st.answer) = (Phase::Ready, subs.len(), None);
            st.kept.resize(subs.len(), None);
        }
        if self.state(n).at == subs.len() {
            let step = self.next(input)?;
            if step != Step::Row {
                return Ok(step);
            }
            self.state(n).at = 0;
        }
        while let Some(sub) = subs.get(self.state(n).at) {
            let at = self.state(n).at;
            if self.state(n).answer.is_none() {
                let known = match self.state(n).kept.get(at) {
                    Some(Some(d)) => Some(d.clone()),
                    _ => match &sub.guard {
                        Some(g) if !g.test(self.env, &self.s.row)? => Some(Datum::Null),
                        _ => None,
                    },
                };
                if let Some(d) = known {
                    self.s.row[sub.slot] = d;
                    self.state(n).at += 1;
                    continue;
                }
                self.reopen(sub.root);
                self.state(n).answer = Some(Answer::new(sub.asked));
            }
            let step = self.next(sub.root)?;
            let lost = || DbError::internal("a subquery lost its answer");
            let decided = match step {
                Step::Row => {
                    let (s, env) = (&mut *self.s, self.env);
                    let row = &s.row;
                    let answer = s.states[n].answer.as_mut().ok_or_else(lost)?;
                    let decided = answer.row(&sub.types, &mut |i| match (&sub.test, sub.values.get(i)) {
                        (Some(t), _) => t.eval(env, row),
                        (None, Some(slot)) => Ok(row[*slot].clone()),
                        (None, None) => Err(DbError::internal("a subquery lost a column")),
                    })?;
                    let held = match (sub.asked, sub.values.as_slice()) {
                        (Asked::Array(_), [slot]) => size_of::<Datum>() + datum_size(&self.s.row[*slot]),
                        _ => 0,
                    };
                    if held > 0 && self.hold(held) {
                        return Ok(Step::TooBig);
                    }
                    decided
                }
                Step::End => true,
                stop => return Ok(stop),
            };
            if decided {
                let d = self.state(n).answer.take().ok_or_else(lost)?.finish()?;
                if sub.constant {
                    self.state(n).kept[at] = Some(d.clone());
                }
                self.s.row[sub.slot] = d;
                self.state(n).at += 1;
            }
        }
        Ok(Step::Row)
    }
}
