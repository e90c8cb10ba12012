//! `x IN (SELECT …)` and `EXISTS (SELECT …)` where they are values and not conditions that a join could answer: a subquery
//! that reads the rows around it only in equalities of keys runs once without them, and what it finds is kept in a hash
//! table that every row is looked up in.
//!
//! A subquery that reads nothing of the rows around it is kept at once. One that does is first run for each row: an index
//! may answer the few rows there are sooner than everything is read. When that has cost what the table would
//! ([`Shortcut::worth`]), the table is made, so at most twice the time of the better way is spent.
//!
//! Memory that the query may not have is not taken: then the subquery runs for each row, as other subqueries do.
//!
//! Left out: subqueries with subqueries that read the rows around them, comparisons that are no equality of one type's keys.
//! A row of several columns some of which are NULL is not looked up: the subquery runs for it.

use super::expr::is_key_equality;
use super::lower::{Lower, Plan};
use super::misc::reservation;
use super::op::{Op, Run, op_plan};
use super::rewrite::{correlation, negation, scanned};
use super::util::{DfResult, Out, produce, to_df};
use crate::exec::StmtCx;
use crate::exec::subquery::{guarded_value, has_subquery};
use crate::exec::turn::Turn;
use crate::plan::ir::{Col, ColId, ColSet, Expr, ExprKind, Rel, Subquery, SubqueryKind};
use crate::plan::walk;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;
use rustydb_base::{DbError, Result};
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{keyenc, oid};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// An equality that a hash table can answer.
pub(super) struct Lookup {
    /// What is looked up: of the outer row.
    left: Expr,
    /// What it is looked up in: of the subquery's row.
    right: Expr,
    /// The type of the keys.
    key: TypeRef,
}

fn reads(e: &Expr, cols: &ColSet) -> bool {
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

/// An equality of keys: one side reads only `inner` columns, the other none of them.
fn equality(e: &Expr, inner: &ColSet, outer: &ColSet) -> Option<Lookup> {
    let ExprKind::Call { proc, args, collation } = &e.kind else { return None };
    let [a, b] = args.as_slice() else { return None };
    if has_subquery(e) || !is_key_equality(proc) {
        return None;
    }
    let inside = |e: &Expr| reads(e, inner) && !reads(e, outer);
    let (left, right) = match () {
        () if inside(b) && !reads(a, inner) => (a, b),
        () if inside(a) && !reads(b, inner) => (b, a),
        () => return None,
    };
    // Of values whose collation is not known it is an error to ask whether they are equal.
    if *collation == rustydb_types::collation::INDETERMINATE {
        return None;
    }
    let key = TypeRef { collation: *collation, ..key_type(left.ty, right.ty)? };
    Some(Lookup { left: left.clone(), right: right.clone(), key })
}

fn ids(rel: &Rel) -> ColSet {
    rel.outputs().iter().map(|c| c.id).collect()
}

/// The conjuncts of a test.
fn parts(test: &Expr) -> &[Expr] {
    match &test.kind {
        ExprKind::And(all) => all,
        _ => std::slice::from_ref(test),
    }
}

/// `x <> ALL (SELECT …)` as what can be looked up: `NOT (x = ANY (SELECT …))`.
pub(super) fn unequal_to_all(e: &Expr) -> Option<Expr> {
    let ExprKind::Subquery(s) = &e.kind else { return None };
    let SubqueryKind::Quantified { test, all: true, .. } = &s.kind else { return None };
    let test = negation(test)?;
    let kind = SubqueryKind::Quantified { test, all: false, equal: None };
    let any = Subquery { rel: s.rel.clone(), kind, text: "".into() };
    let any = Expr { kind: ExprKind::Subquery(Box::new(any)), ..e.clone() };
    Some(Expr { kind: ExprKind::Not(Box::new(any)), ty: e.ty, pos: e.pos })
}

/// What to look up where, if `s` is an IN whose subquery reads none of the columns of `outer`.
pub(super) fn lookup(s: &Subquery, outer: &ColSet) -> Option<Vec<Lookup>> {
    let SubqueryKind::Quantified { test, all: false, .. } = &s.kind else { return None };
    let inner = ids(&s.rel);
    let found = parts(test).iter().map(|e| equality(e, &inner, outer)).collect::<Option<Vec<_>>>()?;
    let mut free = true;
    walk::visit_rel(&s.rel, &mut |e| free &= !matches!(e.kind, ExprKind::Column(c) if outer.contains(&c)));
    free.then_some(found)
}

/// A subquery as a table of what it finds, for the rows around it to be looked up in.
pub(super) struct Shortcut {
    /// Without what it reads of the rows around it.
    pub rel: Rel,
    /// Its columns: the keys, and the values of an IN last.
    pub found: Vec<Expr>,
    /// Columns of the rows around it, and the types of the keys, in the same order.
    pub sought: Vec<(ColId, TypeRef)>,
    /// How many of them are values.
    pub values: usize,
    /// Time that running the subquery row by row may cost before the table is made: about what the table costs.
    pub worth: Duration,
}

/// Time to read a row and keep what is found in it, for [`Shortcut::worth`].
const ROW_TIME: Duration = Duration::from_nanos(500);

/// The column that an expression is, if it is nothing more.
fn plain_column(e: &Expr) -> Option<ColId> {
    match &e.kind {
        ExprKind::Column(c) => Some(*c),
        ExprKind::Relabel(x) => plain_column(x),
        _ => None,
    }
}

/// The table for an IN or EXISTS that reads columns of `outer` in equalities alone.
pub(super) fn shortcut(s: &Subquery, outer: &ColSet, cx: &StmtCx) -> Option<Shortcut> {
    let test = match &s.kind {
        SubqueryKind::Exists => None,
        SubqueryKind::Quantified { test, all: false, .. } => Some(test),
        _ => return None,
    };
    let mut apart = true;
    walk::visit_rel(&s.rel, &mut |e| {
        apart &= !super::expr::is_volatile(e);
    });
    // Common tables count their readers.
    walk::visit_rels(&s.rel, &mut |r| apart &= !matches!(r, Rel::CteScan { .. } | Rel::With { .. } | Rel::Modify(..)));
    if !apart {
        return None;
    }
    let (rel, conds) = correlation(&s.rel, outer, test.is_none())?;
    let inner = ids(&rel);
    let (mut found, mut sought) = (Vec::new(), Vec::new());
    let tests = test.map_or(&[][..], parts);
    for c in conds.iter().chain(tests) {
        let pair = equality(c, &inner, outer)?;
        sought.push((plain_column(&pair.left).filter(|c| outer.contains(c))?, pair.key));
        found.push(pair.right);
    }
    let worth = ROW_TIME.saturating_mul(scanned(&rel, cx) as u32);
    (!conds.is_empty()).then_some(Shortcut { rel, found, sought, values: tests.len(), worth })
}

/// A key of a value. Values of a type have the same key exactly if they are equal.
fn key(ty: TypeRef, d: &Datum, out: &mut Vec<u8>) {
    let wide = match d {
        Datum::Int2(v) => Some(i64::from(*v)),
        Datum::Int4(v) => Some(i64::from(*v)),
        _ => None,
    };
    match wide {
        Some(v) if ty.oid == oid::INT8 => keyenc::put_value(ty, &Datum::Int8(v), out),
        _ => keyenc::put_value(ty, d, out),
    }
}

/// The keys of a row's columns; `None` for NULL.
type RowKeys = Vec<Option<Box<[u8]>>>;

/// What a subquery found: its rows by their keys, and the values among them.
pub(super) struct Table {
    /// The keys of rows, and those rows of values of which some are NULL.
    groups: HashMap<Box<[u8]>, Vec<RowKeys>>,
    /// Keys with values.
    values: HashSet<Box<[u8]>>,
    /// Memory of both; given back with them.
    held: MemoryReservation,
}

/// How to look a row up.
#[derive(Clone)]
pub(super) struct Keys {
    /// Types of the subquery's columns.
    pub found: Vec<TypeRef>,
    /// Types of their keys.
    pub keys: Vec<TypeRef>,
    /// How many of the last are the values of an IN.
    pub values: usize,
}

/// All keys as one; `None` if one is NULL.
fn joined(keys: &[Option<Box<[u8]>>]) -> Option<Box<[u8]>> {
    let mut out = Vec::new();
    for k in keys {
        let k = k.as_deref()?;
        out.extend_from_slice(k);
        // Where one ends the next must not go on.
        out.extend_from_slice(&(k.len() as u64).to_le_bytes());
    }
    Some(out.into())
}

/// Whether two rows of values are equal: unknown if NULLs decide.
fn equal(a: &[Option<Box<[u8]>>], b: &[Option<Box<[u8]>>]) -> Option<bool> {
    let mut known = Some(true);
    for (a, b) in a.iter().zip(b) {
        match (a, b) {
            (Some(a), Some(b)) if a != b => return Some(false),
            (Some(_), Some(_)) => {}
            _ => known = None,
        }
    }
    known
}

fn truth(known: Option<bool>) -> Datum {
    known.map_or(Datum::Null, Datum::Bool)
}

impl Keys {
    fn of(&self, row: &[Datum]) -> RowKeys {
        let one = |(d, ty): (&Datum, &TypeRef)| {
            (!d.is_null()).then(|| {
                let mut out = Vec::new();
                key(*ty, d, &mut out);
                out.into()
            })
        };
        row.iter().zip(&self.keys).map(one).collect()
    }

    /// How many columns tell rows apart, without the values.
    fn group(&self) -> usize {
        self.keys.len() - self.values
    }

    /// A row of the subquery.
    fn row(&self, b: &RecordBatch, r: usize) -> DfResult<RowKeys> {
        let all = self.found.iter().enumerate().map(|(i, ty)| datum_at(b.column(i), r, *ty));
        Ok(self.of(&all.collect::<Result<Vec<_>>>().map_err(to_df)?))
    }

    /// Runs input `i` and keeps what it finds; `None` if the query's memory has no room for it.
    pub async fn read(&self, run: &Run, i: usize, cx: &StmtCx) -> DfResult<Option<Table>> {
        let held = reservation(run, "HashedSubPlan");
        let mut table = Table { groups: HashMap::new(), values: HashSet::new(), held };
        let mut rows = run.rerun(i)?;
        while let Some(b) = rows.next().await {
            let b = b?;
            cx.cancel.check().map_err(to_df)?;
            for r in 0..b.num_rows() {
                let row = self.row(&b, r)?;
                let (group, values) = row.split_at(self.group());
                let Some(group) = joined(group) else { continue };
                // A key, its pointer and the table's share of free places.
                let size = |k: &[u8]| k.len() + 2 * size_of::<(Box<[u8]>, Vec<RowKeys>)>();
                let mut grown = 0;
                let nulls = match table.groups.get_mut(&group) {
                    Some(known) => known,
                    None => {
                        grown += size(&group);
                        table.groups.entry(group).or_default()
                    }
                };
                match joined(&row) {
                    None if values.len() > 1 || nulls.is_empty() => {
                        grown +=
                            values.iter().map(|k| size_of_val(k) + k.as_deref().map_or(0, <[u8]>::len)).sum::<usize>();
                        nulls.push(values.to_vec());
                    }
                    Some(k) if self.values > 0 && !table.values.contains(&k) => {
                        grown += size(&k);
                        table.values.insert(k);
                    }
                    _ => {}
                }
                if grown > 0 && table.held.try_grow(grown).is_err() {
                    return Ok(None);
                }
            }
        }
        Ok(Some(table))
    }

    /// The answer for a row around the subquery; `None` if the table does not tell.
    pub fn answer(&self, table: &Table, row: &[Datum]) -> Option<Datum> {
        let row = self.of(row);
        let (group, values) = row.split_at(self.group());
        let Some(nulls) = joined(group).and_then(|k| table.groups.get(&k)) else {
            return Some(Datum::Bool(false));
        };
        match joined(&row) {
            // Any row may be equal.
            _ if self.values > 0 && values.iter().all(Option::is_none) => Some(Datum::Null),
            None => None,
            Some(k) if self.values == 0 || table.values.contains(&k) => Some(Datum::Bool(true)),
            Some(_) if nulls.iter().any(|n| equal(n, values).is_none()) => Some(Datum::Null),
            Some(_) => Some(Datum::Bool(false)),
        }
    }
}

impl Lower<'_> {
    /// The plan with a column that says whether the rows' values are among the subquery's. `guard`: rows for which it is not
    /// true are not looked up.
    pub(super) fn hashed(
        &mut self,
        p: Plan,
        s: &Subquery,
        at: Vec<Lookup>,
        ty: TypeRef,
        guard: Option<&Expr>,
    ) -> Result<(Plan, Col)> {
        let lost = || DbError::internal("a subquery lost what it looks up");
        let inner = self.rel(&s.rel)?;
        let found: Vec<(Col, Expr)> = at.iter().map(|l| (self.col(l.right.ty), l.right.clone())).collect();
        let inner = self.project(inner, &found)?;
        let width = p.cols.len();
        let mut exprs: Vec<(Col, Expr)> = p.cols.iter().map(|(c, _)| (*c, Expr::column(*c))).collect();
        let sought: Vec<Col> = at.iter().map(|l| self.col(l.left.ty)).collect();
        for (c, l) in sought.iter().zip(&at) {
            exprs.push((*c, guard.map_or_else(|| l.left.clone(), |g| guarded_value(g, &l.left))));
        }
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
        let sought = sought.into_iter().map(|c| Ok((place(c)?, c))).collect::<Result<Vec<_>>>()?;
        let wanted = wanted.map(|c| Ok::<_, DbError>((place(c)?, c))).transpose()?;
        let col = self.col(ty);
        let mut cols = asked.cols[..width].to_vec();
        cols.push((col, arrow_type(ty, None)));
        let plan = Plan { plan: asked.plan, cols };
        let schema = plan.schema()?;
        let keys = Keys {
            found: found.iter().map(|c| c.0.ty).collect(),
            keys: at.iter().map(|l| l.key).collect(),
            values: at.len(),
        };
        let cx = Arc::clone(self.cx);
        let body = move |run: Run| {
            let job = Job { cx: Arc::clone(&cx), width, sought: sought.clone(), wanted, keys: keys.clone(), ty };
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
    Kept(Table),
    /// They are too many.
    TooMany,
}

struct Job {
    cx: Arc<StmtCx>,
    /// Columns of the outer rows that go on.
    width: usize,
    /// The columns looked up.
    sought: Vec<(usize, Col)>,
    /// The column that says which rows are looked up; all are if there is none.
    wanted: Option<(usize, Col)>,
    keys: Keys,
    ty: TypeRef,
}

impl Job {
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
                        let read = self.keys.read(&run, 1, &self.cx).await?;
                        values = read.map_or(Values::TooMany, Values::Kept);
                    }
                    let sought = self.sought.iter().map(|(i, c)| datum_at(b.column(*i), r, c.ty));
                    let sought = sought.collect::<Result<Vec<_>>>().map_err(to_df)?;
                    let known = match &values {
                        Values::Kept(table) => self.keys.answer(table, &sought),
                        Values::Unread | Values::TooMany => None,
                    };
                    match known {
                        Some(d) => d,
                        None => self.search(&run, &sought).await?,
                    }
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

    /// The answer for one row from a run of the subquery.
    async fn search(&self, run: &Run, sought: &[Datum]) -> DfResult<Datum> {
        let sought = self.keys.of(sought);
        let mut known = Some(false);
        let mut rows = run.rerun(1)?;
        while let Some(b) = rows.next().await {
            let b = b?;
            self.cx.cancel.check().map_err(to_df)?;
            for r in 0..b.num_rows() {
                match equal(&self.keys.row(&b, r)?, &sought) {
                    Some(true) => return Ok(Datum::Bool(true)),
                    Some(false) => {}
                    None => known = None,
                }
            }
        }
        Ok(truth(known))
    }
}
