//! Joins with what is one row of expressions: `LATERAL (VALUES (a.x))`, a SELECT without FROM. The expressions become
//! columns of the other side, so that conditions on them can become join conditions.

use super::tree::{filtered, subqueries_mut, take};
use crate::plan::ir::{Col, Expr, ExprKind, JoinKind, Rel};
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_types::datum::Datum;

/// Rewrites a tree and the subqueries in it.
pub fn flatten(rel: &mut Rel) -> Result<()> {
    stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || {
        walk::inputs_mut(rel, &mut flatten)?;
        walk::own_exprs_mut(rel, &mut |e| subqueries_mut(e, &mut flatten))?;
        let Rel::Join { kind: kind @ (JoinKind::Inner | JoinKind::Left), left, right, on, .. } = rel else {
            return Ok(());
        };
        let always = on.as_ref().is_none_or(|e| matches!(e.as_const(), Some(Datum::Bool(true))));
        // An outer join pads where its condition fails; only one that never fails is a mere computation.
        if *kind == JoinKind::Left && !always {
            return Ok(());
        }
        let Some(exprs) = one_row(right)? else { return Ok(()) };
        // What is volatile or costly is computed once for the row it stands in, not for each row of the other side.
        if exprs.iter().any(|(_, e)| once(e)) {
            return Ok(());
        }
        let input = Box::new(take(left));
        let mut all: Vec<(Col, Expr)> = input.outputs().into_iter().map(|c| (c, Expr::column(c))).collect();
        all.extend(exprs);
        let conditions = on.take().filter(|_| !always).into_iter().collect();
        *rel = filtered(Rel::Project { input, exprs: all }, conditions);
        Ok(())
    })
}

/// The columns of a relation that is exactly one row, as expressions over what is outside.
fn one_row(rel: &Rel) -> Result<Option<Vec<(Col, Expr)>>> {
    match rel {
        Rel::Values { cols, rows } => match rows.as_slice() {
            [row] => Ok(Some(cols.iter().copied().zip(row.iter().cloned()).collect())),
            _ => Ok(None),
        },
        Rel::Project { input, exprs } => {
            let Some(below) = one_row(input)? else { return Ok(None) };
            // What is volatile or costly must not be computed again for each place that reads it.
            if below.iter().any(|(_, e)| !simple(e)) {
                return Ok(None);
            }
            let mut out = exprs.clone();
            for (_, e) in &mut out {
                walk::rewrite(e, &mut |x| match x.kind {
                    ExprKind::Column(id) => Ok(below.iter().find(|b| b.0.id == id).map(|b| b.1.clone())),
                    _ => Ok(None),
                })?;
            }
            Ok(Some(out))
        }
        _ => Ok(None),
    }
}

fn once(e: &Expr) -> bool {
    let mut found = false;
    walk::visit(e, &mut |x| {
        found |= matches!(x.kind, ExprKind::Subquery(_) | ExprKind::NextVal(_)) || super::super::expr::is_volatile(x);
    });
    found
}

fn simple(e: &Expr) -> bool {
    matches!(e.kind, ExprKind::Column(_) | ExprKind::Const(_) | ExprKind::Param(_))
}
