//! Rows that an outer join leaves out: the whole row of a table on its nullable side is NULL there, not a row of NULLs.
//!
//! The idea: whole rows are bound as if all rows were there, and those of nullable tables are noted ([`Binder::whole_row`]). When
//! the statement is bound, the nullable input of the innermost outer join around such a table gets one column more, true in each
//! of its rows, and the whole row becomes NULL where that column is. Queries without whole rows are left as they are.
//!
//! Left out: common tables that change rows, whose whole rows stay rows of NULLs.

use super::types;
use super::{Binder, Scope};
use crate::plan::ir::{Bound, Col, ColId, Expr, ExprKind, JoinKind, Rel};
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::collections::HashMap;

/// The nullable input of an outer join, told by its columns: those of an input are numbered without a gap for others, and
/// some of them may be gone when the statement is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    first: ColId,
    last: ColId,
}

impl Side {
    fn of(outputs: &[Col]) -> Option<Side> {
        let ids = || outputs.iter().map(|c| c.id);
        Some(Side { first: ids().min()?, last: ids().max()? })
    }

    fn has(self, id: ColId) -> bool {
        (self.first..=self.last).contains(&id)
    }
}

/// A whole row whose table an outer join may leave out, by its first column and their number.
pub(crate) type NullableRows = HashMap<(ColId, usize), (Side, Col)>;

/// Notes in the scopes of a join's sides which tables it may leave out.
pub(crate) fn note_sides(kind: JoinKind, sides: [(&Rel, &mut Scope); 2]) {
    let [left, right] = sides;
    let note = |(rel, scope): (&Rel, &mut Scope)| {
        let side = Side::of(&rel.outputs());
        // The row of a named join is made of what the join gives, NULLs or not.
        for rte in scope.rtes.iter_mut().filter(|r| r.other != Some(NAMED_JOIN)) {
            rte.absent = rte.absent.or(side);
        }
    };
    if matches!(kind, JoinKind::Right | JoinKind::Full) {
        note(left);
    }
    if matches!(kind, JoinKind::Left | JoinKind::Full) {
        note(right);
    }
}

/// How a scope calls a join with a name.
pub(crate) const NAMED_JOIN: &str = "a join";

/// What became of a column in a part of the plan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The join is not there.
    Missing,
    /// It is an output of this part.
    Output,
    /// It is somewhere inside.
    Inside,
}

impl Binder<'_> {
    /// Makes the whole rows of absent rows NULL.
    pub(crate) fn absent_rows(&mut self, bound: &mut Bound) -> Result<()> {
        if self.nullable_rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.nullable_rows);
        let mut marks = HashMap::new();
        for (row, (side, mark)) in &rows {
            let found = match bound {
                Bound::Query(q) => place(&mut q.rel, *side, *mark, &rows)?,
                Bound::Insert(i) => place(&mut i.source, *side, *mark, &rows)?,
                Bound::Update(u) => place(&mut u.source, *side, *mark, &rows)?,
                Bound::Delete(d) => place(&mut d.source, *side, *mark, &rows)?,
                Bound::Merge(m) => place(&mut m.source, *side, *mark, &rows)?,
            };
            if found != Place::Missing {
                marks.insert(*row, *mark);
            }
        }
        walk::rewrite_bound(bound, &mut |e| Ok(marked(e, &marks)))
    }
}

/// What stands for a whole row whose table may be left out.
fn marked(e: &Expr, marks: &HashMap<(ColId, usize), Col>) -> Option<Expr> {
    let ExprKind::WholeRow(fields) = &e.kind else { return None };
    let Some(ExprKind::Column(first)) = fields.first().map(|f| &f.kind) else { return None };
    let mark = Expr::column(*marks.get(&(*first, fields.len()))?);
    let present = ExprKind::IsNull { arg: Box::new(mark), negated: true };
    let whens = vec![(Expr::new(present, types::plain(oid::BOOL)), e.clone())];
    let otherwise = Box::new(Expr::new(ExprKind::Const(Datum::Null), e.ty));
    Some(Expr { kind: ExprKind::Case { operand: None, whens, otherwise }, ty: e.ty, pos: e.pos })
}

/// Adds a column to the outermost join that has a side of these columns alone.
fn place(rel: &mut Rel, side: Side, mark: Col, rows: &NullableRows) -> Result<Place> {
    stacker::maybe_grow(128 * 1024, 1024 * 1024, || {
        if let Rel::Join { kind, left, right, .. } = rel {
            let sides = [(left, JoinKind::Right), (right, JoinKind::Left)];
            for (input, _) in sides.into_iter().filter(|s| *kind == s.1 || *kind == JoinKind::Full) {
                let mut outputs = input.outputs();
                outputs.retain(|c| !rows.values().any(|(_, mark)| mark.id == c.id));
                if !outputs.is_empty() && outputs.iter().all(|c| side.has(c.id)) {
                    mark_side(input, mark);
                    return Ok(Place::Output);
                }
            }
        }
        let mut found = Place::Missing;
        walk::inputs_mut(rel, &mut |i| {
            if found == Place::Missing {
                found = place(i, side, mark, rows)?;
            }
            Ok(())
        })?;
        if found == Place::Output {
            return Ok(passed(rel, side, mark));
        }
        walk::own_exprs_mut(rel, &mut |e| {
            walk::subqueries_mut(e, &mut |r| {
                if found == Place::Missing && place(r, side, mark, rows)? != Place::Missing {
                    found = Place::Inside;
                }
                Ok(())
            })
        })?;
        Ok(found)
    })
}

/// Gives an input a column that is true in each of its rows.
fn mark_side(input: &mut Box<Rel>, mark: Col) {
    let mut exprs: Vec<(Col, Expr)> = input.outputs().into_iter().map(|c| (c, Expr::column(c))).collect();
    exprs.push((mark, Expr::new(ExprKind::Const(Datum::Bool(true)), mark.ty)));
    let inner = std::mem::replace(&mut **input, Rel::Values { cols: vec![], rows: vec![] });
    **input = Rel::Project { input: Box::new(inner), exprs };
}

/// Lets a column of its input be one of a relation, if the side's columns are.
fn passed(rel: &mut Rel, side: Side, mark: Col) -> Place {
    match rel {
        Rel::Project { exprs, .. } if exprs.iter().any(|(c, _)| side.has(c.id)) => {
            exprs.push((mark, Expr::column(mark)));
            Place::Output
        }
        Rel::Join { .. } | Rel::Filter { .. } => Place::Output,
        _ => Place::Inside,
    }
}
