//! LATERAL items that need not run once per row: what makes the right side of a join read the left one is moved above the
//! join, until the join is an ordinary one.
//!
//! - A condition of the right side that reads the left one becomes a condition of the join, a computed column is computed
//!   above it (inner joins only: an outer join pads it).
//! - An inner join on the right side is taken apart: the side that reads nothing outside is joined later.
//! - A few rows of expressions (`VALUES (a.x), (a.y)`) are constant row numbers and a CASE over them.
//!
//! What is volatile or holds a subquery stays where it is, and so does what still reads the left side afterwards (limits,
//! aggregates, functions): that runs per row.

use super::tree::{all, filtered, movable, only, outputs, own_exprs_mut, refs, rel_refs, split, subqueries_mut, take};
use crate::bind::type_ref;
use crate::plan::ir::{Col, ColId, ColSet, Expr, ExprKind, JoinKind, Rel};
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use rustydb_types::pgdata::{self, Proc};

/// Most rows of expressions that become a CASE.
const MAX_ROWS: usize = 32;

/// Rewrites a tree and the subqueries in it.
pub fn flatten(rel: &mut Rel, next: &mut ColId) -> Result<()> {
    stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || {
        if matches!(rel, Rel::Join { lateral: true, .. }) {
            let cols = rel.outputs();
            let flat = join(take(rel), next);
            *rel = if flat.outputs() == cols { flat } else { only(flat, cols) };
        }
        walk::inputs_mut(rel, &mut |i| flatten(i, next))?;
        own_exprs_mut(rel, &mut |e| subqueries_mut(e, &mut |r| flatten(r, next)))
    })
}

fn reads(rel: &Rel, cols: &ColSet) -> bool {
    !rel_refs(rel).is_disjoint(cols)
}

/// One lateral join; every step leaves a smaller right side.
fn join(rel: Rel, next: &mut ColId) -> Rel {
    let Rel::Join { kind, left, right, on, lateral: true } = rel else { return rel };
    let outer = outputs(&left);
    if !reads(&right, &outer) {
        return Rel::Join { kind, left, right, on, lateral: false };
    }
    let inner = kind == JoinKind::Inner;
    let same = |right: Rel, on: Option<Expr>| Rel::Join {
        kind,
        left: left.clone(),
        right: Box::new(right),
        on,
        lateral: true,
    };
    if !matches!(kind, JoinKind::Inner | JoinKind::Left) || on.as_ref().is_some_and(|e| !movable(e)) {
        return Rel::Join { kind, left, right, on, lateral: true };
    }
    match *right {
        Rel::Filter { input, pred } if movable(&pred) => {
            let mut conds = Vec::new();
            split(pred, &mut conds);
            let (up, stay): (Vec<_>, Vec<_>) = conds.into_iter().partition(|c| !refs(c).is_disjoint(&outer));
            if up.is_empty() {
                return same(filtered(*input, stay), on);
            }
            join(same(filtered(*input, stay), all(on.into_iter().chain(up).collect())), next)
        }
        Rel::Project { input, exprs } if inner && exprs.iter().all(|e| movable(&e.1)) => {
            // The condition is tested above, where the computed columns are.
            let product = join(same(*input, None), next);
            let kept = left.outputs().into_iter().map(|c| (c, Expr::column(c)));
            let project = Rel::Project { input: Box::new(product), exprs: kept.chain(exprs).collect() };
            filtered(project, on.into_iter().collect())
        }
        Rel::Join { kind: JoinKind::Inner, left: b, right: c, on: below, lateral }
            if inner && below.as_ref().is_none_or(movable) =>
        {
            let dependent = lateral && reads(&c, &outputs(&b));
            let (first, second) = match (reads(&b, &outer), reads(&c, &outer)) {
                (_, false) if !dependent => (b, c),
                (false, true) if !dependent => (c, b),
                _ => {
                    let right = Rel::Join { kind: JoinKind::Inner, left: b, right: c, on: below, lateral };
                    return same(right, on);
                }
            };
            let near = join(same(*first, None), next);
            let on = all(on.into_iter().chain(below).collect());
            Rel::Join { kind: JoinKind::Inner, left: Box::new(near), right: second, on, lateral: false }
        }
        Rel::Values { cols, rows }
            if inner
                && (2..=MAX_ROWS).contains(&rows.len())
                && rows.iter().flatten().all(movable)
                && let Some(choice) = choice(&cols, &rows, next) =>
        {
            let (number, exprs) = choice;
            let numbers = (0..rows.len()).map(|i| vec![int4(i)]).collect();
            let numbers = Rel::Values { cols: vec![number], rows: numbers };
            let kept = left.outputs().into_iter().map(|c| (c, Expr::column(c)));
            let exprs = kept.chain(exprs).collect();
            let product = Rel::Join {
                kind: JoinKind::Inner,
                left: left.clone(),
                right: Box::new(numbers),
                on: None,
                lateral: false,
            };
            filtered(Rel::Project { input: Box::new(product), exprs }, on.into_iter().collect())
        }
        right => same(right, on),
    }
}

fn int4(n: usize) -> Expr {
    Expr::new(ExprKind::Const(Datum::Int4(n as i32)), type_ref(oid::INT4))
}

/// Each column of some rows as a CASE over the row's number.
fn choice(cols: &[Col], rows: &[Vec<Expr>], next: &mut ColId) -> Option<(Col, Vec<(Col, Expr)>)> {
    let eq: &'static Proc = pgdata::proc(pgdata::operator_exact("=", oid::INT4, oid::INT4)?.oprcode)?;
    *next += 1;
    let number = Col { id: *next, ty: type_ref(oid::INT4) };
    let is = |i: usize| {
        let args = vec![Expr::column(number), int4(i)];
        Expr::new(ExprKind::Call { proc: eq, args, collation: 0 }, type_ref(oid::BOOL))
    };
    let mut exprs = Vec::with_capacity(cols.len());
    for (at, c) in cols.iter().enumerate() {
        let mut values = rows.iter().map(|r| r.get(at).cloned());
        let otherwise = Box::new(values.next()??);
        let whens = values.enumerate().map(|(i, v)| Some((is(i + 1), v?))).collect::<Option<Vec<_>>>()?;
        exprs.push((*c, Expr::new(ExprKind::Case { operand: None, whens, otherwise }, c.ty)));
    }
    Some((number, exprs))
}
