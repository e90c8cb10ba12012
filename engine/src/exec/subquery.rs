//! Subqueries in expressions: for which rows each is asked, and what its rows come to. Both executors run them beside the
//! expression they stand in and put a column in their place.
//!
//! A branch of CASE or COALESCE that is not taken must not run its subqueries: they may fail, or never end. So they are
//! asked only for the rows that a guard selects, an expression over the row.
//!
//! Left out: branches behind volatile conditions, which cannot be evaluated twice; their subqueries run for every row.

use super::eval::{one_dimension, stack_arrays};
use crate::bind::define::volatility;
use crate::plan::ir::{Expr, ExprKind, SubqueryKind};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::oid;

/// Whether an expression contains a subquery.
pub fn has_subquery(e: &Expr) -> bool {
    let mut found = false;
    walk::visit(e, &mut |x| found |= matches!(x.kind, ExprKind::Subquery(_)));
    found
}

/// Calls `f` with each subquery of an expression, to put something else in its place, and with the guard of the rows that
/// it is to be asked for; without one it is asked for all. `guard` is that of the expression itself.
///
/// Not entered: subqueries inside others, and those in a quantified one's test.
pub fn replace(
    e: &mut Expr,
    guard: Option<&Expr>,
    f: &mut dyn FnMut(&mut Expr, Option<&Expr>) -> Result<()>,
) -> Result<()> {
    if !has_subquery(e) {
        return Ok(());
    }
    if matches!(e.kind, ExprKind::Subquery(_)) {
        return f(e, guard);
    }
    if !chooses(e) {
        return walk::children_mut(e, &mut |c| replace(c, guard, f));
    }
    // Each branch is reached only by the rows that the ones before leave to it.
    match &mut e.kind {
        ExprKind::Case { operand, whens, otherwise } => {
            if let Some(o) = operand {
                replace(o, guard, f)?;
            }
            for i in 0..whens.len() {
                let reached = branch(guard, operand.as_deref(), &whens[..i], None);
                replace(&mut whens[i].0, reached.as_ref(), f)?;
                let taken = branch(guard, operand.as_deref(), &whens[..i], Some(&whens[i].0));
                replace(&mut whens[i].1, taken.as_ref(), f)?;
            }
            let reached = branch(guard, operand.as_deref(), whens, None);
            replace(otherwise, reached.as_ref(), f)
        }
        ExprKind::Coalesce(v) => {
            for i in 0..v.len() {
                let reached = nulls(guard, &v[..i]);
                replace(&mut v[i], reached.as_ref(), f)?;
            }
            Ok(())
        }
        _ => Err(DbError::internal("an expression without branches")),
    }
}

/// What is asked of a subquery's rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Whether there are any.
    Exists,
    /// The one row's first value.
    Scalar,
    /// The one row.
    Row,
    /// The rows' first values; with the type of an element.
    Array(u32),
    /// Whether the test is true for some row.
    Any,
    /// Whether it is true for every row.
    All,
}

impl Asked {
    /// Of a subquery in an expression of type `ty`.
    pub fn of(kind: &SubqueryKind, ty: TypeRef) -> Asked {
        match kind {
            SubqueryKind::Exists => Asked::Exists,
            SubqueryKind::Scalar => Asked::Scalar,
            SubqueryKind::Row => Asked::Row,
            SubqueryKind::Array => Asked::Array(oid::array_element(ty.oid).unwrap_or(oid::TEXT)),
            SubqueryKind::Quantified { all, .. } if *all => Asked::All,
            SubqueryKind::Quantified { .. } => Asked::Any,
        }
    }

    /// How many of the subquery's `columns` first outputs the answer is made of; tests are columns of their own.
    pub fn reads(self, columns: usize) -> usize {
        match self {
            Asked::Exists | Asked::Any | Asked::All => 0,
            Asked::Scalar | Asked::Array(_) => columns.min(1),
            Asked::Row => columns,
        }
    }
}

/// An answer in the making.
pub struct Answer {
    asked: Asked,
    found: Option<Datum>,
    items: Vec<Datum>,
    unknown: bool,
}

impl Answer {
    /// Before any row.
    pub fn new(asked: Asked) -> Answer {
        Answer { asked, found: None, items: Vec::new(), unknown: false }
    }

    /// Takes a row: what [`Asked::reads`], with its types, or the result of the test. `true` if no further row can change
    /// the answer.
    ///
    /// Errors: 21000 for a second row where one value is asked for.
    pub fn row(&mut self, types: &[TypeRef], value: &mut dyn FnMut(usize) -> Result<Datum>) -> Result<bool> {
        match self.asked {
            Asked::Exists => self.found = Some(Datum::Bool(true)),
            Asked::Scalar | Asked::Row if self.found.is_some() => {
                return Err(DbError::new(
                    SqlState::CARDINALITY_VIOLATION,
                    "more than one row returned by a subquery used as an expression",
                ));
            }
            Asked::Scalar => self.found = Some(value(0)?),
            Asked::Row => {
                let fields = types.iter().enumerate().map(|(i, t)| Ok((*t, value(i)?)));
                self.found = Some(Datum::Row(fields.collect::<Result<Vec<_>>>()?.into()));
            }
            Asked::Array(_) => self.items.push(value(0)?),
            Asked::Any | Asked::All => match value(0)? {
                Datum::Bool(v) if v == (self.asked == Asked::Any) => self.found = Some(Datum::Bool(v)),
                Datum::Bool(_) => {}
                _ => self.unknown = true,
            },
        }
        Ok(matches!(self.asked, Asked::Exists | Asked::Any | Asked::All) && self.found.is_some())
    }

    /// The answer.
    ///
    /// Errors: 2202E for arrays of different shapes.
    pub fn finish(self) -> Result<Datum> {
        Ok(match (self.asked, self.found) {
            (Asked::Array(elem), _) => {
                // Arrays stack into one more dimension.
                if self.items.iter().any(|d| matches!(d, Datum::Array(_))) && oid::array_element(elem).is_none() {
                    return stack_arrays(self.items, elem);
                }
                one_dimension(self.items, elem)
            }
            (_, Some(d)) => d,
            (Asked::Scalar | Asked::Row, None) => Datum::Null,
            (Asked::Any | Asked::All, None) if self.unknown => Datum::Null,
            (Asked::Exists | Asked::Any, None) => Datum::Bool(false),
            (Asked::All, None) => Datum::Bool(true),
        })
    }
}

/// Whether an expression takes one of several branches.
fn chooses(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Case { operand, whens, .. } => {
            !operand.as_deref().into_iter().chain(whens.iter().map(|w| &w.0)).any(|c| volatility(c) == 'v')
        }
        ExprKind::Coalesce(v) => !v.iter().any(|c| volatility(c) == 'v'),
        _ => false,
    }
}

fn constant(b: bool) -> Expr {
    Expr::new(ExprKind::Const(Datum::Bool(b)), crate::bind::type_ref(oid::BOOL))
}

fn case(operand: Option<&Expr>, whens: Vec<(Expr, Expr)>, otherwise: bool) -> Expr {
    let operand = operand.map(|o| Box::new(o.clone()));
    let kind = ExprKind::Case { operand, whens, otherwise: Box::new(constant(otherwise)) };
    Expr::new(kind, crate::bind::type_ref(oid::BOOL))
}

/// Both guards; the second is evaluated only where the first is true.
fn both(outer: Option<&Expr>, inner: Expr) -> Expr {
    match outer {
        Some(o) => case(None, vec![(o.clone(), inner)], false),
        None => inner,
    }
}

/// `value` for rows for which `guard` is true; NULL for others, for which it is not computed.
pub fn guarded_value(guard: &Expr, value: &Expr) -> Expr {
    let null = Box::new(Expr::new(ExprKind::Const(Datum::Null), value.ty));
    Expr::new(ExprKind::Case { operand: None, whens: vec![(guard.clone(), value.clone())], otherwise: null }, value.ty)
}

/// The rows that none of the branches `before` takes, and that `taken` (if given) does.
fn branch(outer: Option<&Expr>, operand: Option<&Expr>, before: &[(Expr, Expr)], taken: Option<&Expr>) -> Option<Expr> {
    if before.is_empty() && taken.is_none() {
        return outer.cloned();
    }
    let mut whens: Vec<(Expr, Expr)> = before.iter().map(|w| (w.0.clone(), constant(false))).collect();
    whens.extend(taken.map(|t| (t.clone(), constant(true))));
    Some(both(outer, case(operand, whens, taken.is_none())))
}

/// The rows for which all of `before` are NULL.
fn nulls(outer: Option<&Expr>, before: &[Expr]) -> Option<Expr> {
    if before.is_empty() {
        return outer.cloned();
    }
    let some = |e: &Expr| {
        let kind = ExprKind::IsNull { arg: Box::new(e.clone()), negated: true };
        (Expr::new(kind, crate::bind::type_ref(oid::BOOL)), constant(false))
    };
    // A row of NULLs is not NULL for COALESCE, but such rows need no guard to be right: they are only asked in vain.
    Some(both(outer, case(None, before.iter().map(some).collect(), true)))
}
