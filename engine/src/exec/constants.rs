//! Constant parts of a statement are computed when it is planned: one that fails fails the statement before its first row,
//! and even if there is none.
//!
//! [`check`] follows what PostgreSQL simplifies before execution: calls of immutable functions whose arguments are constants,
//! not in branches that constant conditions rule out, and not in columns nobody reads. It changes nothing in the tree; the
//! values are computed where they stand. Left out, so that it fails at execution and only if a row gets there: whatever a
//! parameter takes part in (PostgreSQL looks at its value in the first five executions), functions defined by users, and
//! conversions whose functions depend on settings.

use super::df::trimmed;
use super::eval::{Env, compile, null_constant};
use crate::plan::ir::{Bound, Expr, ExprKind, MergeChange, Rel, Subquery, SubqueryKind};
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use rustydb_types::pgdata::Proc;

/// First OID of what users define.
const FIRST_USER_OID: u32 = 16384;

/// Computes a statement's constant parts. Answers the error of the first that fails.
pub fn check(bound: &Bound, eval: &EvalCtx) -> Result<()> {
    let mut any = false;
    walk::visit_bound(bound, &mut |e| any |= is_candidate(e));
    if !any {
        return Ok(());
    }
    let c = Check { eval };
    match bound {
        Bound::Query(q) => c.top(&q.rel),
        Bound::Insert(i) => {
            c.top(&i.source)?;
            if let Some(u) = i.on_conflict.as_ref().and_then(|x| x.update.as_ref()) {
                c.all(u.set.iter().map(|s| &s.1).chain(u.filter.iter()))?;
            }
            c.all(i.returning.iter().flat_map(|r| &r.exprs).map(|x| &x.1))
        }
        Bound::Update(u) => {
            c.top(&u.source)?;
            c.all(u.set.iter().map(|s| &s.1))?;
            c.all(u.returning.iter().flat_map(|r| &r.exprs).map(|x| &x.1))
        }
        Bound::Delete(d) => {
            c.top(&d.source)?;
            c.all(d.returning.iter().flat_map(|r| &r.exprs).map(|x| &x.1))
        }
        Bound::Merge(m) => {
            c.top(&m.source)?;
            c.all([&m.on])?;
            for a in &m.actions {
                c.all(&a.condition)?;
                if let MergeChange::Update(set) | MergeChange::Insert(set) = &a.change {
                    c.all(set.iter().map(|s| &s.1))?;
                }
            }
            Ok(())
        }
    }
}

/// Whether an expression could be one that is computed here: most statements have none, and are not looked at closely.
fn is_candidate(e: &Expr) -> bool {
    let mut children = 0;
    let mut constant = true;
    walk::children(e, &mut |c| {
        children += 1;
        constant &= matches!(c.kind, ExprKind::Const(_));
    });
    children > 0 && constant && !matches!(e.kind, ExprKind::Relabel(_) | ExprKind::Row(_) | ExprKind::Array { .. })
}

fn is_immutable(proc: &Proc) -> bool {
    proc.provolatile == 'i' && !proc.proretset && proc.oid < FIRST_USER_OID
}

/// Types whose text form depends on no setting and whose functions PostgreSQL takes for immutable.
fn has_fixed_text(ty: u32) -> bool {
    matches!(
        ty,
        oid::BOOL
            | oid::INT2
            | oid::INT4
            | oid::INT8
            | oid::FLOAT4
            | oid::FLOAT8
            | oid::NUMERIC
            | oid::TEXT
            | oid::VARCHAR
            | oid::BPCHAR
            | oid::UUID
    )
}

struct Check<'c> {
    eval: &'c EvalCtx,
}

impl Check<'_> {
    fn top(&self, rel: &Rel) -> Result<()> {
        self.rel(&trimmed(rel)?)
    }

    fn rel(&self, rel: &Rel) -> Result<()> {
        stacker::maybe_grow(128 * 1024, 1024 * 1024, || {
            let mut result = Ok(());
            walk::inputs(rel, &mut |i| {
                if result.is_ok() {
                    result = self.rel(i);
                }
            });
            result?;
            walk::own_exprs(rel, &mut |e| self.whole(e))
        })
    }

    fn all<'e>(&self, list: impl IntoIterator<Item = &'e Expr>) -> Result<()> {
        list.into_iter().try_for_each(|e| self.whole(e))
    }

    /// An expression that is no part of another.
    fn whole(&self, e: &Expr) -> Result<()> {
        if self.is_constant(e)? { self.value(e).map(drop) } else { Ok(()) }
    }

    /// The value of a constant expression.
    fn value(&self, e: &Expr) -> Result<Datum> {
        match &e.kind {
            ExprKind::Const(d) => Ok(d.clone()),
            _ => compile(e, &|_| None)?.eval(Env { ctx: self.eval, params: &[] }, &[]),
        }
    }

    /// Whether an expression is constant. If it is not, those of its parts that are have been computed.
    fn is_constant(&self, e: &Expr) -> Result<bool> {
        stacker::maybe_grow(128 * 1024, 1024 * 1024, || self.node(e))
    }

    fn node(&self, e: &Expr) -> Result<bool> {
        match &e.kind {
            ExprKind::Const(_) => Ok(true),
            ExprKind::And(v) => self.until(v, |d| *d == Datum::Bool(false)),
            ExprKind::Or(v) => self.until(v, |d| *d == Datum::Bool(true)),
            ExprKind::Coalesce(v) => self.until(v, |d| !d.is_null()),
            ExprKind::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise),
            ExprKind::Subquery(s) => self.subquery(s).map(|()| false),
            // The element's cast reads the element.
            ExprKind::ArrayMap { arg, .. } => self.parts(&[arg.as_ref()]).map(|_| false),
            _ => {
                let mut parts: Vec<&Expr> = Vec::new();
                walk::children(e, &mut |c| parts.push(c));
                if !folds(e) || is_null_call(e) {
                    // Computed one by one, as if each stood alone.
                    return self.all(parts).map(|()| false);
                }
                self.parts(&parts)
            }
        }
    }

    /// Whether all are constant; else those that are have been computed.
    fn parts(&self, parts: &[&Expr]) -> Result<bool> {
        let constant = parts.iter().map(|p| self.is_constant(p)).collect::<Result<Vec<bool>>>()?;
        if constant.iter().all(|c| *c) {
            return Ok(!parts.is_empty());
        }
        for (p, _) in parts.iter().zip(constant).filter(|(_, c)| *c) {
            self.value(p)?;
        }
        Ok(false)
    }

    /// Arguments that are looked at in turn until a constant one decides.
    fn until(&self, list: &[Expr], decides: impl Fn(&Datum) -> bool) -> Result<bool> {
        let mut constant = true;
        for (i, e) in list.iter().enumerate() {
            if !self.is_constant(e)? {
                constant = false;
            } else if decides(&self.value(e)?) {
                // Of those behind it nothing is known.
                return Ok(constant && i + 1 == list.len());
            }
        }
        Ok(constant)
    }

    fn case(&self, operand: Option<&Expr>, whens: &[(Expr, Expr)], otherwise: &Expr) -> Result<bool> {
        if let Some(operand) = operand {
            self.whole(operand)?;
        }
        for (condition, result) in whens {
            // With an operand a condition reads it, and so is not constant here.
            if self.is_constant(condition)? {
                if self.value(condition)? != Datum::Bool(true) {
                    continue;
                }
                return self.whole(result).map(|()| false);
            }
            self.whole(result)?;
        }
        self.whole(otherwise).map(|()| false)
    }

    fn subquery(&self, s: &Subquery) -> Result<()> {
        if let SubqueryKind::Quantified { test, .. } = &s.kind {
            self.whole(test)?;
        }
        let mut rel = &s.rel;
        if matches!(s.kind, SubqueryKind::Exists) {
            // Nobody reads its columns.
            while let Rel::Project { input, .. } | Rel::Sort { input, .. } | Rel::Distinct { input, .. } = rel {
                rel = input;
            }
        }
        self.rel(rel)
    }
}

/// Whether a call is NULL whatever its other arguments are, which are not computed with it then.
fn is_null_call(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Call { proc, args, .. } if proc.proisstrict && args.iter().any(null_constant))
}

/// Whether a node whose parts are constant is constant, too.
fn folds(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Call { proc, .. } | ExprKind::ArrayOp { proc, .. } => is_immutable(proc),
        ExprKind::Distinct { eq, .. } | ExprKind::NullIf { eq, left_cmp: None, .. } => is_immutable(eq),
        ExprKind::ViaIo(arg) => has_fixed_text(arg.ty.oid) && has_fixed_text(e.ty.oid),
        ExprKind::Relabel(_)
        | ExprKind::Typmod { .. }
        | ExprKind::Not(_)
        | ExprKind::IsNull { .. }
        | ExprKind::BoolTest { .. }
        | ExprKind::MinMax { .. }
        | ExprKind::Array { .. }
        | ExprKind::Row(_)
        | ExprKind::Subscript { .. } => true,
        _ => false,
    }
}
