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
use rustydb_base::{DbError, Result};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use rustydb_types::oid::TypeInfo;
use rustydb_types::pgdata::{Proc, procs_named};

/// First OID of what users define.
const FIRST_USER_OID: u32 = 16384;

/// Whether a statement has parts that [`check`] would compute: most have none.
pub fn has_candidates(bound: &Bound) -> bool {
    let mut any = false;
    walk::visit_bound(bound, &mut |e| any = any || is_candidate(e));
    any
}

/// Computes a statement's constant parts. Answers the error of the first that fails.
pub fn check(bound: &Bound, eval: &EvalCtx) -> Result<()> {
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

/// Whether an expression could be one that is computed here.
fn is_candidate(e: &Expr) -> bool {
    if matches!(e.kind, ExprKind::Const(_) | ExprKind::Column(_) | ExprKind::Param(_)) {
        return false;
    }
    let mut children = 0;
    let mut constant = true;
    walk::children(e, &mut |c| {
        children += 1;
        constant &= matches!(c.kind, ExprKind::Const(_));
    });
    children > 0 && constant && !matches!(e.kind, ExprKind::Relabel(_) | ExprKind::Row(_) | ExprKind::Array { .. })
}

/// Whether something that would be computed stands in a place that is left out if nobody reads it: a common table, or a
/// column that is computed.
fn could_be_unread(rel: &Rel) -> bool {
    let mut found = false;
    walk::visit_rels(rel, &mut |r| {
        let mut note = |e| walk::visit_deep(e, &mut |x| found = found || is_candidate(x));
        match r {
            Rel::Project { exprs, .. } => exprs.iter().for_each(|x| note(&x.1)),
            Rel::Aggregate { .. } | Rel::Window { .. } => {
                // This walk answers no error.
                let _ = walk::own_exprs(r, &mut |e| {
                    note(e);
                    Ok(())
                });
            }
            Rel::With { .. } | Rel::Append(_) | Rel::Modify(..) => found = true,
            _ => {}
        }
    });
    found
}

fn is_immutable(proc: &Proc) -> bool {
    proc.provolatile == 'i' && !proc.proretset && proc.oid < FIRST_USER_OID
}

/// Whether a type's function for its text form, in or out, is immutable.
fn has_fixed_text(ty: u32, function: fn(&TypeInfo) -> &'static str) -> bool {
    let row = oid::type_info(ty).and_then(|t| procs_named(function(t)).first());
    row.is_some_and(|p| p.provolatile == 'i')
}

/// What is known of an expression before execution.
enum Folded {
    /// Nothing; its constant parts have been computed.
    Unknown,
    /// It is made of constants, and has not been computed.
    Constant,
    /// Its value, though not all of its parts may be constant.
    Value(Datum),
}

struct Check<'c> {
    eval: &'c EvalCtx,
}

impl Check<'_> {
    fn top(&self, rel: &Rel) -> Result<()> {
        // What nobody reads is not computed; most statements have nothing to compute there.
        if could_be_unread(rel) { self.rel(&trimmed(rel)?) } else { self.rel(rel) }
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

    /// An expression of which no other is made.
    fn whole(&self, e: &Expr) -> Result<()> {
        self.known(e).map(drop)
    }

    /// The value of an expression if it has one; its constant parts have been computed.
    fn known(&self, e: &Expr) -> Result<Option<Datum>> {
        match self.fold(e)? {
            Folded::Constant => self.value(e).map(Some),
            Folded::Value(d) => Ok(Some(d)),
            Folded::Unknown => Ok(None),
        }
    }

    /// The value of a constant expression.
    fn value(&self, e: &Expr) -> Result<Datum> {
        match &e.kind {
            ExprKind::Const(d) => Ok(d.clone()),
            _ => compile(e, &|_| None)?.eval(Env { ctx: self.eval, params: &[] }, &[]),
        }
    }

    fn fold(&self, e: &Expr) -> Result<Folded> {
        stacker::maybe_grow(128 * 1024, 1024 * 1024, || self.node(e))
    }

    fn node(&self, e: &Expr) -> Result<Folded> {
        match &e.kind {
            ExprKind::Const(_) => Ok(Folded::Constant),
            ExprKind::And(v) => self.junction(v, false),
            ExprKind::Or(v) => self.junction(v, true),
            ExprKind::Coalesce(v) => self.coalesce(v),
            ExprKind::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise),
            ExprKind::Subquery(s) => self.subquery(s).map(|()| Folded::Unknown),
            // The element's cast reads the element.
            ExprKind::ArrayMap { arg, .. } => self.whole(arg).map(|()| Folded::Unknown),
            _ => {
                let mut parts: Vec<&Expr> = Vec::new();
                walk::children(e, &mut |c| parts.push(c));
                self.call(e, &parts)
            }
        }
    }

    /// What is computed of all its parts.
    fn call(&self, e: &Expr, parts: &[&Expr]) -> Result<Folded> {
        let mut folded: Vec<Folded> = Vec::with_capacity(parts.len());
        for part in parts {
            match self.fold(part) {
                Ok(f) => folded.push(f),
                Err(e) => {
                    // Those before it come first if they fail, too.
                    for (before, _) in parts.iter().zip(&folded).filter(|(_, f)| matches!(f, Folded::Constant)) {
                        self.value(before)?;
                    }
                    return Err(e);
                }
            }
        }
        let strict = matches!(&e.kind, ExprKind::Call { proc, .. } if proc.proisstrict && !proc.proretset);
        // A strict call with a NULL is not evaluated, so its other arguments are computed here.
        let evaluated = !strict || !parts.iter().any(|p| null_constant(p));
        if folds(e) && evaluated && !parts.is_empty() && folded.iter().all(|f| matches!(f, Folded::Constant)) {
            if let ExprKind::Call { proc, .. } = &e.kind
                && proc.prolang == crate::catalog::routines::SQL
            {
                // PostgreSQL runs these of its functions as statements here, and its errors tell so.
                for part in parts {
                    self.value(part)?;
                }
                let line = || format!("SQL function \"{}\" statement 1", proc.proname);
                // Some say so themselves, wherever they are called.
                let told = |e: &DbError| e.fields.as_ref().is_some_and(|f| f.context.as_ref() == Some(&line()));
                return self.value(e).map(Folded::Value).map_err(|e| match told(&e) {
                    true => e,
                    false => crate::session::function::within(e, line()),
                });
            }
            return Ok(Folded::Constant);
        }
        let mut values = Vec::with_capacity(parts.len());
        for (part, f) in parts.iter().zip(folded) {
            match f {
                Folded::Constant => values.push(Some(self.value(part)?)),
                Folded::Value(d) => values.push(Some(d)),
                Folded::Unknown => values.push(None),
            }
        }
        // A strict call is NULL whatever those of its arguments are that have no value here.
        if strict && values.iter().flatten().any(Datum::is_null) {
            return Ok(Folded::Value(Datum::Null));
        }
        match values.into_iter().collect::<Option<Vec<Datum>>>() {
            Some(values) if folds(e) && !values.is_empty() => {
                self.value(&of_values(e, parts, values)?).map(Folded::Value)
            }
            _ => Ok(Folded::Unknown),
        }
    }

    /// AND (which false decides) or OR (which true does): arguments are looked at in turn; nothing is known of those behind
    /// one that decides.
    fn junction(&self, list: &[Expr], decides: bool) -> Result<Folded> {
        let (mut all, mut null) = (true, false);
        for e in list {
            match self.known(e)? {
                Some(Datum::Bool(b)) if b == decides => return Ok(Folded::Value(Datum::Bool(b))),
                Some(d) => null |= d.is_null(),
                None => all = false,
            }
        }
        Ok(match (all, null) {
            (false, _) => Folded::Unknown,
            (true, true) => Folded::Value(Datum::Null),
            (true, false) => Folded::Value(Datum::Bool(!decides)),
        })
    }

    fn coalesce(&self, list: &[Expr]) -> Result<Folded> {
        let mut all = true;
        for e in list {
            match self.known(e)? {
                Some(Datum::Null) => {}
                Some(d) if all => return Ok(Folded::Value(d)),
                Some(_) => return Ok(Folded::Unknown),
                None => all = false,
            }
        }
        Ok(if all { Folded::Value(Datum::Null) } else { Folded::Unknown })
    }

    fn case(&self, operand: Option<&Expr>, whens: &[(Expr, Expr)], otherwise: &Expr) -> Result<Folded> {
        let mut compared = None;
        if let Some(operand) = operand {
            compared =
                self.known(operand)?.map(|d| Expr { kind: ExprKind::Const(d), ty: operand.ty, pos: operand.pos });
        }
        let mut all = true;
        let mut chosen = otherwise;
        for (condition, result) in whens {
            let known = match &compared {
                None => self.known(condition)?,
                Some(value) => {
                    let mut condition = condition.clone();
                    compare_with(&mut condition, value)?;
                    self.known(&condition)?
                }
            };
            match known {
                Some(Datum::Bool(true)) => {
                    chosen = result;
                    break;
                }
                Some(_) => {}
                None => {
                    all = false;
                    self.whole(result)?;
                }
            }
        }
        let value = self.known(chosen)?;
        Ok(value.filter(|_| all).map_or(Folded::Unknown, Folded::Value))
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

/// Puts the value of a CASE's operand where a condition of it reads the operand.
fn compare_with(e: &mut Expr, value: &Expr) -> Result<()> {
    match &mut e.kind {
        ExprKind::CaseValue => *e = value.clone(),
        // The conditions of a CASE inside compare another operand.
        ExprKind::Case { operand: Some(operand), whens, otherwise } => {
            compare_with(operand, value)?;
            whens.iter_mut().try_for_each(|w| compare_with(&mut w.1, value))?;
            compare_with(otherwise, value)?;
        }
        ExprKind::ArrayMap { arg, .. } => compare_with(arg, value)?,
        _ => stacker::maybe_grow(128 * 1024, 1024 * 1024, || {
            walk::children_mut(e, &mut |part| compare_with(part, value))
        })?,
    }
    Ok(())
}

/// A node with the values of its parts in their places.
fn of_values(e: &Expr, parts: &[&Expr], values: Vec<Datum>) -> Result<Expr> {
    let mut values = parts.iter().zip(values).map(|(p, d)| Expr { kind: ExprKind::Const(d), ty: p.ty, pos: p.pos });
    if let ExprKind::Call { proc, collation, .. } = &e.kind {
        let kind = ExprKind::Call { proc, args: values.collect(), collation: *collation };
        return Ok(Expr { kind, ty: e.ty, pos: e.pos });
    }
    let mut e = e.clone();
    walk::children_mut(&mut e, &mut |part| {
        *part = values.next().ok_or_else(|| DbError::internal("an expression has lost a part"))?;
        Ok(())
    })?;
    Ok(e)
}

/// Whether an expression is made of constants by what is computed before execution.
pub fn is_constant(e: &Expr) -> bool {
    stacker::maybe_grow(128 * 1024, 1024 * 1024, || {
        let mut constant = true;
        match &e.kind {
            ExprKind::Const(_) => return true,
            ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Coalesce(_) | ExprKind::Case { operand: None, .. } => {}
            _ if folds(e) => {}
            _ => return false,
        }
        walk::children(e, &mut |part| constant = constant && is_constant(part));
        constant
    })
}

/// Whether a node whose parts are constant is constant, too.
fn folds(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Call { proc, .. } | ExprKind::ArrayOp { proc, .. } => is_immutable(proc),
        ExprKind::Distinct { eq, .. } | ExprKind::NullIf { eq, .. } => is_immutable(eq),
        ExprKind::ViaIo(arg) => has_fixed_text(arg.ty.oid, |t| t.output) && has_fixed_text(e.ty.oid, |t| t.input),
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
