//! Walks over the bound tree: children of a node, visits, and rewrites.

use super::ir::{
    AggCall, Bound, ColSet, Expr, ExprKind, FrameBound, MergeChange, Rel, Returning, RowChecks, SortKey, Subquery,
    SubqueryKind, Subscript, WindowCall,
};
use rustydb_base::Result;
use rustydb_types::datum::Datum;

/// Calls `f` with each direct child expression (of a subquery: its test's and left expressions, not its relation's).
pub fn children_mut(e: &mut Expr, f: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
    match &mut e.kind {
        ExprKind::Const(_)
        | ExprKind::Param(_)
        | ExprKind::Column(_)
        | ExprKind::CaseValue
        | ExprKind::SqlValue(_)
        | ExprKind::NextVal(_)
        | ExprKind::SetToDefault => Ok(()),
        ExprKind::Call { args: v, .. }
        | ExprKind::And(v)
        | ExprKind::Or(v)
        | ExprKind::Coalesce(v)
        | ExprKind::MinMax { args: v, .. }
        | ExprKind::Array { items: v, .. }
        | ExprKind::Row(v)
        | ExprKind::WholeRow(v) => v.iter_mut().try_for_each(f),
        ExprKind::ViaIo(x)
        | ExprKind::Relabel(x)
        | ExprKind::Domain(x)
        | ExprKind::Typmod { arg: x, .. }
        | ExprKind::Not(x)
        | ExprKind::IsNull { arg: x, .. }
        | ExprKind::BoolTest { arg: x, .. }
        | ExprKind::Field(x, _) => f(x),
        ExprKind::ArrayMap { arg, elem } => {
            f(arg)?;
            f(elem)
        }
        ExprKind::SetField { row, value, .. } => {
            f(row)?;
            f(value)
        }
        ExprKind::SetElement { array, steps, value } => {
            f(array)?;
            for s in steps {
                match s {
                    Subscript::Index(x) => f(x)?,
                    Subscript::Slice(a, b) => a.iter_mut().chain(b.iter_mut()).try_for_each(&mut *f)?,
                }
            }
            f(value)
        }
        ExprKind::Distinct { left, right, .. } => {
            f(left)?;
            f(right)
        }
        ExprKind::ArrayOp { left, array, .. } => {
            f(left)?;
            f(array)
        }
        ExprKind::NullIf { left, right, .. } => {
            f(left)?;
            f(right)
        }
        ExprKind::Case { operand, whens, otherwise } => {
            if let Some(o) = operand {
                f(o)?;
            }
            for (w, t) in whens {
                f(w)?;
                f(t)?;
            }
            f(otherwise)
        }
        ExprKind::Subscript { arg, steps } => {
            f(arg)?;
            for s in steps {
                match s {
                    Subscript::Index(x) => f(x)?,
                    Subscript::Slice(a, b) => a.iter_mut().chain(b.iter_mut()).try_for_each(&mut *f)?,
                }
            }
            Ok(())
        }
        ExprKind::RowCompare { left, right, .. } => left.iter_mut().chain(right.iter_mut()).try_for_each(f),
        ExprKind::Subquery(s) => {
            if let SubqueryKind::Quantified { test, equal, .. } = &mut s.kind {
                f(test)?;
                for (x, _) in equal.iter_mut().flatten() {
                    f(x)?;
                }
            }
            Ok(())
        }
    }
}

/// Calls `f` with each direct child expression; see [`children_mut`].
pub fn children<'e>(e: &'e Expr, f: &mut dyn FnMut(&'e Expr)) {
    match &e.kind {
        ExprKind::Const(_)
        | ExprKind::Param(_)
        | ExprKind::Column(_)
        | ExprKind::CaseValue
        | ExprKind::SqlValue(_)
        | ExprKind::NextVal(_)
        | ExprKind::SetToDefault => {}
        ExprKind::Call { args: v, .. }
        | ExprKind::And(v)
        | ExprKind::Or(v)
        | ExprKind::Coalesce(v)
        | ExprKind::MinMax { args: v, .. }
        | ExprKind::Array { items: v, .. }
        | ExprKind::Row(v)
        | ExprKind::WholeRow(v) => v.iter().for_each(f),
        ExprKind::ViaIo(x)
        | ExprKind::Relabel(x)
        | ExprKind::Domain(x)
        | ExprKind::Typmod { arg: x, .. }
        | ExprKind::Not(x)
        | ExprKind::IsNull { arg: x, .. }
        | ExprKind::BoolTest { arg: x, .. }
        | ExprKind::Field(x, _) => f(x),
        ExprKind::ArrayMap { arg, elem } => {
            f(arg);
            f(elem);
        }
        ExprKind::SetField { row, value, .. } => {
            f(row);
            f(value);
        }
        ExprKind::SetElement { array, steps, value } => {
            f(array);
            for s in steps {
                match s {
                    Subscript::Index(x) => f(x),
                    Subscript::Slice(a, b) => a.iter().chain(b.iter()).for_each(&mut *f),
                }
            }
            f(value);
        }
        ExprKind::Distinct { left, right, .. } => {
            f(left);
            f(right);
        }
        ExprKind::ArrayOp { left, array, .. } => {
            f(left);
            f(array);
        }
        ExprKind::NullIf { left, right, .. } => {
            f(left);
            f(right);
        }
        ExprKind::Case { operand, whens, otherwise } => {
            if let Some(o) = operand {
                f(o);
            }
            for (w, t) in whens {
                f(w);
                f(t);
            }
            f(otherwise);
        }
        ExprKind::Subscript { arg, steps } => {
            f(arg);
            for s in steps {
                match s {
                    Subscript::Index(x) => f(x),
                    Subscript::Slice(a, b) => a.iter().chain(b.iter()).for_each(&mut *f),
                }
            }
        }
        ExprKind::RowCompare { left, right, .. } => left.iter().chain(right.iter()).for_each(f),
        ExprKind::Subquery(s) => {
            if let SubqueryKind::Quantified { test, equal, .. } = &s.kind {
                f(test);
                for (x, _) in equal.iter().flatten() {
                    f(x);
                }
            }
        }
    }
}

/// Visits an expression and everything below it, before its children; does not enter subqueries' relations.
pub fn visit<'e>(e: &'e Expr, f: &mut dyn FnMut(&'e Expr)) {
    f(e);
    children(e, &mut |c| visit(c, f));
}

/// Whether an expression, its subqueries included, reads one of some columns.
pub fn reads_any(e: &Expr, cols: &ColSet) -> bool {
    let mut found = false;
    visit_deep(e, &mut |x| found |= matches!(x.kind, ExprKind::Column(id) if cols.contains(&id)));
    found
}

/// Visits an expression and everything below it, subqueries' relations included.
pub fn visit_deep<'e>(e: &'e Expr, f: &mut dyn FnMut(&'e Expr)) {
    f(e);
    match &e.kind {
        // Most expressions of a long statement are these.
        ExprKind::Const(_) | ExprKind::Column(_) | ExprKind::Param(_) => return,
        ExprKind::Subquery(s) => visit_rel(&s.rel, f),
        _ => {}
    }
    children(e, &mut |c| visit_deep(c, f));
}

fn sort_keys<'e>(keys: &'e [SortKey], f: &mut dyn FnMut(&'e Expr)) {
    keys.iter().for_each(|k| visit_deep(&k.expr, f));
}

fn agg_exprs<'e>(a: &'e AggCall, f: &mut dyn FnMut(&'e Expr)) {
    a.args.iter().chain(a.filter.iter()).for_each(|x| visit_deep(x, f));
    sort_keys(&a.order_by, f);
}

fn window_exprs<'e>(w: &'e WindowCall, f: &mut dyn FnMut(&'e Expr)) {
    w.args.iter().chain(w.filter.iter()).chain(w.partition_by.iter()).for_each(|x| visit_deep(x, f));
    sort_keys(&w.order_by, f);
    if let Some(fr) = &w.frame {
        for b in [&fr.start, &fr.end] {
            if let FrameBound::Preceding(x) | FrameBound::Following(x) = b {
                visit_deep(x, f);
            }
        }
    }
}

/// Visits a relation and every relation in its tree, those of subqueries in expressions included.
pub fn visit_rels<'r>(rel: &'r Rel, f: &mut dyn FnMut(&'r Rel)) {
    visit_all(rel, f, &mut |_| {});
}

/// [`visit_rels`] and [`visit_rel`] in one walk.
pub fn visit_all<'r>(rel: &'r Rel, rels: &mut dyn FnMut(&'r Rel), exprs: &mut dyn FnMut(&'r Expr)) {
    input_tree(rel, rels);
    visit_rel(rel, &mut |x| {
        exprs(x);
        if let ExprKind::Subquery(s) = &x.kind {
            input_tree(&s.rel, rels);
        }
    });
}

fn input_tree<'r>(rel: &'r Rel, f: &mut dyn FnMut(&'r Rel)) {
    f(rel);
    inputs(rel, &mut |i| input_tree(i, f));
}

/// Calls `f` with each direct input relation.
pub fn inputs<'r>(rel: &'r Rel, f: &mut dyn FnMut(&'r Rel)) {
    match rel {
        Rel::Values { .. } | Rel::Scan(_) | Rel::FunctionScan { .. } | Rel::CteScan { .. } | Rel::Modify(..) => {}
        Rel::Append(a) => a.branches.iter().for_each(|b| f(&b.rel)),
        Rel::Project { input, .. }
        | Rel::Filter { input, .. }
        | Rel::Aggregate { input, .. }
        | Rel::Window { input, .. }
        | Rel::ProjectSet { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::LockRows { input, .. } => f(input),
        Rel::Join { left, right, .. } | Rel::SetOp { left, right, .. } => {
            f(left);
            f(right);
        }
        Rel::With { ctes, body } => {
            for c in ctes {
                f(&c.rel);
                c.recursive.iter().for_each(|r| f(&r.0));
            }
            f(body);
        }
    }
}

/// Visits every expression of a relation's tree, deeply.
pub fn visit_rel<'e>(rel: &'e Rel, f: &mut dyn FnMut(&'e Expr)) {
    match rel {
        Rel::Values { rows, .. } => rows.iter().flatten().for_each(|x| visit_deep(x, f)),
        Rel::Scan(s) => {
            s.as_of.iter().for_each(|x| visit_deep(x, f));
            if let Some((_, args, rep)) = &s.sample {
                args.iter().chain(rep.iter()).for_each(|x| visit_deep(x, f));
            }
        }
        Rel::FunctionScan { calls, .. } => calls.iter().for_each(|c| visit_deep(&c.0, f)),
        Rel::Project { input, exprs } => {
            visit_rel(input, f);
            exprs.iter().for_each(|x| visit_deep(&x.1, f));
        }
        Rel::Filter { input, pred } => {
            visit_rel(input, f);
            visit_deep(pred, f);
        }
        Rel::Join { left, right, on, .. } => {
            visit_rel(left, f);
            visit_rel(right, f);
            on.iter().for_each(|x| visit_deep(x, f));
        }
        Rel::Aggregate { input, groups, aggs, .. } => {
            visit_rel(input, f);
            groups.iter().for_each(|g| visit_deep(&g.1, f));
            aggs.iter().for_each(|a| agg_exprs(&a.1, f));
        }
        Rel::Window { input, calls } => {
            visit_rel(input, f);
            calls.iter().for_each(|w| window_exprs(&w.1, f));
        }
        Rel::ProjectSet { input, calls } => {
            visit_rel(input, f);
            calls.iter().for_each(|c| visit_deep(&c.1, f));
        }
        Rel::Distinct { input, .. } | Rel::LockRows { input, .. } => visit_rel(input, f),
        Rel::Sort { input, keys } => {
            visit_rel(input, f);
            sort_keys(keys, f);
        }
        Rel::Limit { input, limit, offset, ties } => {
            visit_rel(input, f);
            limit.iter().chain(offset.iter()).for_each(|x| visit_deep(x, f));
            sort_keys(ties.as_deref().unwrap_or(&[]), f);
        }
        Rel::SetOp { left, right, .. } => {
            visit_rel(left, f);
            visit_rel(right, f);
        }
        Rel::With { ctes, body } => {
            for c in ctes {
                visit_rel(&c.rel, f);
                if let Some((r, _)) = &c.recursive {
                    visit_rel(r, f);
                }
            }
            visit_rel(body, f);
        }
        Rel::CteScan { .. } => {}
        Rel::Append(a) => a.branches.iter().for_each(|b| visit_rel(&b.rel, f)),
        Rel::Modify(b, _) => visit_bound(b, f),
    }
}

fn visit_checks<'e>(c: &'e RowChecks, f: &mut dyn FnMut(&'e Expr)) {
    c.checks.iter().for_each(|x| visit_deep(&x.1, f));
    c.not_null.iter().for_each(|x| visit_deep(&x.1, f));
    c.with.iter().chain(&c.conflict).chain(&c.existing).chain(&c.gone).for_each(|w| visit_deep(&w.expr, f));
    for i in &c.indexes {
        i.exprs.iter().chain(i.predicate.iter()).for_each(|x| visit_deep(x, f));
    }
}

/// Visits every expression of a statement, deeply.
pub fn visit_bound<'e>(b: &'e Bound, f: &mut dyn FnMut(&'e Expr)) {
    match b {
        Bound::Query(q) => visit_rel(&q.rel, f),
        Bound::Insert(i) => {
            visit_rel(&i.source, f);
            visit_checks(&i.checks, f);
            i.generated.iter().for_each(|x| visit_deep(&x.1, f));
            if let Some(u) = i.on_conflict.as_ref().and_then(|c| c.update.as_ref()) {
                u.set.iter().map(|s| &s.1).chain(u.filter.iter()).for_each(|x| visit_deep(x, f));
            }
            i.returning.iter().flat_map(|r| &r.exprs).for_each(|x| visit_deep(&x.1, f));
        }
        Bound::Update(u) => {
            visit_rel(&u.source, f);
            visit_checks(&u.checks, f);
            u.set.iter().chain(u.generated.iter()).for_each(|x| visit_deep(&x.1, f));
            u.returning.iter().flat_map(|r| &r.exprs).for_each(|x| visit_deep(&x.1, f));
        }
        Bound::Merge(m) => {
            visit_rel(&m.source, f);
            visit_deep(&m.on, f);
            for a in &m.actions {
                a.condition.iter().for_each(|x| visit_deep(x, f));
                if let MergeChange::Update(set) | MergeChange::Insert(set) = &a.change {
                    set.iter().for_each(|x| visit_deep(&x.1, f));
                }
            }
            visit_checks(&m.checks, f);
            m.generated.iter().for_each(|x| visit_deep(&x.1, f));
        }
        Bound::Delete(d) => {
            visit_rel(&d.source, f);
            d.returning.iter().flat_map(|r| &r.exprs).for_each(|x| visit_deep(&x.1, f));
        }
    }
}

/// Rewrites an expression top-down: `f` answers a replacement (then its children are left alone) or `None`. Enters
/// subqueries' relations.
pub fn rewrite(e: &mut Expr, f: &mut dyn FnMut(&Expr) -> Result<Option<Expr>>) -> Result<()> {
    if let Some(new) = f(e)? {
        *e = new;
        return Ok(());
    }
    if let ExprKind::Subquery(s) = &mut e.kind {
        rewrite_rel(&mut s.rel, f)?;
    }
    children_mut(e, &mut |c| rewrite(c, f))
}

/// Calls `f` on every expression a relation's tree holds directly (not on sub-expressions).
pub fn rel_exprs_mut(rel: &mut Rel, f: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
    inputs_mut(rel, &mut |i| rel_exprs_mut(i, f))?;
    own_exprs_mut(rel, f)
}

/// Calls `f` on every expression of a window call.
pub fn window_exprs_mut(w: &mut WindowCall, f: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
    w.args.iter_mut().chain(w.filter.iter_mut()).chain(w.partition_by.iter_mut()).try_for_each(&mut *f)?;
    w.order_by.iter_mut().try_for_each(|k| f(&mut k.expr))?;
    if let Some(fr) = &mut w.frame {
        for b in [&mut fr.start, &mut fr.end] {
            if let FrameBound::Preceding(x) | FrameBound::Following(x) = b {
                f(x)?;
            }
        }
    }
    Ok(())
}

/// [`rewrite`] on every expression of a relation's tree.
pub fn rewrite_rel(rel: &mut Rel, f: &mut dyn FnMut(&Expr) -> Result<Option<Expr>>) -> Result<()> {
    rel_exprs_mut(rel, &mut |e| rewrite(e, f))
}

fn checks_mut(c: &mut RowChecks, f: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
    c.checks.iter_mut().try_for_each(|x| f(&mut x.1))?;
    c.not_null.iter_mut().try_for_each(|x| f(&mut x.1))?;
    let with = c.with.iter_mut().chain(&mut c.conflict).chain(&mut c.existing).chain(&mut c.gone);
    with.map(|w| &mut w.expr).try_for_each(&mut *f)?;
    c.indexes.iter_mut().flat_map(|i| i.exprs.iter_mut().chain(&mut i.predicate)).try_for_each(f)
}

/// [`rewrite`] on every expression of a statement.
pub fn rewrite_bound(b: &mut Bound, f: &mut dyn FnMut(&Expr) -> Result<Option<Expr>>) -> Result<()> {
    let returned = |r: &mut Option<Returning>, f: &mut dyn FnMut(&Expr) -> Result<Option<Expr>>| {
        r.iter_mut().flat_map(|r| &mut r.exprs).try_for_each(|x| rewrite(&mut x.1, f))
    };
    match b {
        Bound::Query(q) => rewrite_rel(&mut q.rel, f),
        Bound::Insert(i) => {
            rewrite_rel(&mut i.source, f)?;
            checks_mut(&mut i.checks, &mut |e| rewrite(e, f))?;
            i.generated.iter_mut().try_for_each(|x| rewrite(&mut x.1, f))?;
            if let Some(u) = i.on_conflict.as_mut().and_then(|c| c.update.as_mut()) {
                u.set.iter_mut().map(|s| &mut s.1).chain(&mut u.filter).try_for_each(|x| rewrite(x, f))?;
            }
            returned(&mut i.returning, f)
        }
        Bound::Update(u) => {
            rewrite_rel(&mut u.source, f)?;
            checks_mut(&mut u.checks, &mut |e| rewrite(e, f))?;
            u.set.iter_mut().chain(&mut u.generated).try_for_each(|x| rewrite(&mut x.1, f))?;
            returned(&mut u.returning, f)
        }
        Bound::Merge(m) => {
            rewrite_rel(&mut m.source, f)?;
            rewrite(&mut m.on, f)?;
            for a in &mut m.actions {
                a.condition.iter_mut().try_for_each(|x| rewrite(x, f))?;
                if let MergeChange::Update(set) | MergeChange::Insert(set) = &mut a.change {
                    set.iter_mut().try_for_each(|x| rewrite(&mut x.1, f))?;
                }
            }
            checks_mut(&mut m.checks, &mut |e| rewrite(e, f))?;
            m.generated.iter_mut().try_for_each(|x| rewrite(&mut x.1, f))
        }
        Bound::Delete(d) => {
            rewrite_rel(&mut d.source, f)?;
            returned(&mut d.returning, f)
        }
    }
}

/// Calls `f` with each direct input relation.
pub fn inputs_mut(rel: &mut Rel, f: &mut dyn FnMut(&mut Rel) -> Result<()>) -> Result<()> {
    match rel {
        Rel::Values { .. } | Rel::Scan(_) | Rel::FunctionScan { .. } | Rel::CteScan { .. } | Rel::Modify(..) => Ok(()),
        Rel::Append(a) => a.branches.iter_mut().try_for_each(|b| f(&mut b.rel)),
        Rel::Project { input, .. }
        | Rel::Filter { input, .. }
        | Rel::Aggregate { input, .. }
        | Rel::Window { input, .. }
        | Rel::ProjectSet { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::LockRows { input, .. } => f(input),
        Rel::Join { left, right, .. } | Rel::SetOp { left, right, .. } => {
            f(left)?;
            f(right)
        }
        Rel::With { ctes, body } => {
            for c in ctes {
                f(&mut c.rel)?;
                if let Some((r, _)) = &mut c.recursive {
                    f(r)?;
                }
            }
            f(body)
        }
    }
}

/// Calls `f` on the expressions that a relation's own node holds (its inputs' not), until one fails.
pub fn own_exprs<'e>(rel: &'e Rel, f: &mut dyn FnMut(&'e Expr) -> Result<()>) -> Result<()> {
    let keys = |k: &'e [SortKey], f: &mut dyn FnMut(&'e Expr) -> Result<()>| k.iter().try_for_each(|k| f(&k.expr));
    match rel {
        Rel::Values { rows, .. } => rows.iter().flatten().try_for_each(f),
        Rel::Scan(s) => {
            s.as_of.iter().try_for_each(|x| f(x))?;
            s.sample.iter().flat_map(|(_, args, rep)| args.iter().chain(rep)).try_for_each(f)
        }
        Rel::FunctionScan { calls, .. } => calls.iter().try_for_each(|c| f(&c.0)),
        Rel::Project { exprs, .. } => exprs.iter().try_for_each(|x| f(&x.1)),
        Rel::Filter { pred, .. } => f(pred),
        Rel::Join { on, .. } => on.iter().try_for_each(f),
        Rel::Aggregate { groups, aggs, .. } => {
            groups.iter().try_for_each(|g| f(&g.1))?;
            for (_, a) in aggs {
                a.args.iter().chain(&a.filter).try_for_each(&mut *f)?;
                keys(&a.order_by, f)?;
            }
            Ok(())
        }
        Rel::Window { calls, .. } => {
            for (_, w) in calls {
                w.args.iter().chain(&w.filter).chain(&w.partition_by).try_for_each(&mut *f)?;
                keys(&w.order_by, f)?;
                for b in w.frame.iter().flat_map(|fr| [&fr.start, &fr.end]) {
                    if let FrameBound::Preceding(x) | FrameBound::Following(x) = b {
                        f(x)?;
                    }
                }
            }
            Ok(())
        }
        Rel::ProjectSet { calls, .. } => calls.iter().try_for_each(|c| f(&c.1)),
        Rel::Sort { keys: k, .. } => keys(k, f),
        Rel::Limit { limit, offset, ties, .. } => {
            limit.iter().chain(offset).try_for_each(&mut *f)?;
            keys(ties.as_deref().unwrap_or(&[]), f)
        }
        Rel::Distinct { .. }
        | Rel::LockRows { .. }
        | Rel::SetOp { .. }
        | Rel::With { .. }
        | Rel::CteScan { .. }
        | Rel::Append(_)
        | Rel::Modify(..) => Ok(()),
    }
}

/// Calls `f` on the expressions that a relation's own node holds (its inputs' not).
pub fn own_exprs_mut(rel: &mut Rel, f: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
    let keys = |k: &mut Vec<SortKey>, f: &mut dyn FnMut(&mut Expr) -> Result<()>| {
        k.iter_mut().try_for_each(|k| f(&mut k.expr))
    };
    match rel {
        Rel::Values { rows, .. } => rows.iter_mut().flatten().try_for_each(f),
        Rel::Scan(s) => {
            s.as_of.iter_mut().try_for_each(|x| f(x))?;
            match &mut s.sample {
                Some((_, args, rep)) => args.iter_mut().chain(rep.iter_mut()).try_for_each(f),
                None => Ok(()),
            }
        }
        Rel::FunctionScan { calls, .. } => calls.iter_mut().try_for_each(|c| f(&mut c.0)),
        Rel::Project { exprs, .. } => exprs.iter_mut().try_for_each(|x| f(&mut x.1)),
        Rel::Filter { pred, .. } => f(pred),
        Rel::Join { on, .. } => on.iter_mut().try_for_each(f),
        Rel::Aggregate { groups, aggs, .. } => {
            groups.iter_mut().try_for_each(|g| f(&mut g.1))?;
            for (_, a) in aggs {
                a.args.iter_mut().chain(a.filter.iter_mut()).try_for_each(&mut *f)?;
                keys(&mut a.order_by, f)?;
            }
            Ok(())
        }
        Rel::Window { calls, .. } => calls.iter_mut().try_for_each(|(_, w)| window_exprs_mut(w, f)),
        Rel::ProjectSet { calls, .. } => calls.iter_mut().try_for_each(|c| f(&mut c.1)),
        Rel::Sort { keys: k, .. } => keys(k, f),
        Rel::Limit { limit, offset, ties, .. } => {
            limit.iter_mut().chain(offset.iter_mut()).try_for_each(&mut *f)?;
            match ties {
                Some(k) => keys(k, f),
                None => Ok(()),
            }
        }
        Rel::Distinct { .. }
        | Rel::LockRows { .. }
        | Rel::SetOp { .. }
        | Rel::With { .. }
        | Rel::CteScan { .. }
        | Rel::Append(_)
        | Rel::Modify(..) => Ok(()),
    }
}

/// Calls `f` on the relation of every subquery in an expression (not on those inside them).
pub fn subqueries_mut(e: &mut Expr, f: &mut dyn FnMut(&mut Rel) -> Result<()>) -> Result<()> {
    if let ExprKind::Subquery(s) = &mut e.kind {
        f(&mut s.rel)?;
        if let SubqueryKind::Quantified { test, .. } = &mut s.kind {
            subqueries_mut(test, f)?;
        }
        return Ok(());
    }
    children_mut(e, &mut |c| subqueries_mut(c, f))
}

/// Whether two subqueries are written alike and read the same columns of the queries around them. Each has columns of its
/// own, so their trees differ.
fn same_subquery(a: &Subquery, b: &Subquery) -> bool {
    if a.text.is_empty() || a.text != b.text || std::mem::discriminant(&a.kind) != std::mem::discriminant(&b.kind) {
        return false;
    }
    let outer = |s: &Subquery| {
        let mut read = ColSet::default();
        let mut volatile = false;
        let mut note = |x: &Expr| match &x.kind {
            ExprKind::Column(id) => {
                read.insert(*id);
            }
            ExprKind::Call { proc, .. } => volatile |= proc.provolatile == 'v',
            _ => {}
        };
        if let SubqueryKind::Quantified { test, .. } = &s.kind {
            visit_deep(test, &mut note);
        }
        visit_rel(&s.rel, &mut note);
        visit_rels(&s.rel, &mut |r| r.outputs().iter().for_each(|c| _ = read.remove(&c.id)));
        (!volatile).then_some(read)
    };
    matches!((outer(a), outer(b)), (Some(x), Some(y)) if x == y)
}

/// Whether two bound expressions are the same computation, wherever they stand in the text.
pub fn same(a: &Expr, b: &Expr) -> bool {
    use ExprKind as K;
    if a.ty.oid != b.ty.oid {
        return false;
    }
    let all = |x: &[Expr], y: &[Expr]| x.len() == y.len() && x.iter().zip(y).all(|(p, q)| same(p, q));
    let opt = |x: &Option<Box<Expr>>, y: &Option<Box<Expr>>| match (x, y) {
        (None, None) => true,
        (Some(p), Some(q)) => same(p, q),
        _ => false,
    };
    match (&a.kind, &b.kind) {
        // As values, NaN is not itself, and minus zero is zero.
        (K::Const(Datum::Float8(x)), K::Const(Datum::Float8(y))) => x.to_bits() == y.to_bits(),
        (K::Const(Datum::Float4(x)), K::Const(Datum::Float4(y))) => x.to_bits() == y.to_bits(),
        (K::Const(x), K::Const(y)) => x == y,
        (K::Param(x), K::Param(y)) => x == y,
        (K::Column(x), K::Column(y)) => x == y,
        (K::Call { proc: p, args: x, collation: c }, K::Call { proc: q, args: y, collation: d }) => {
            p.oid == q.oid && p.proname == q.proname && c == d && p.provolatile != 'v' && all(x, y)
        }
        // A label may be a collation.
        (K::Relabel(x), K::Relabel(y)) => a.ty.collation == b.ty.collation && same(x, y),
        (K::ViaIo(x), K::ViaIo(y)) | (K::Domain(x), K::Domain(y)) | (K::Not(x), K::Not(y)) => same(x, y),
        (K::Typmod { arg: x, .. }, K::Typmod { arg: y, .. }) => a.ty.typmod == b.ty.typmod && same(x, y),
        (K::ArrayMap { arg: x, elem: e }, K::ArrayMap { arg: y, elem: g }) => same(x, y) && same(e, g),
        (K::Subquery(x), K::Subquery(y)) => same_subquery(x, y),
        (K::CaseValue, K::CaseValue) => true,
        (K::And(x), K::And(y)) | (K::Or(x), K::Or(y)) | (K::Coalesce(x), K::Coalesce(y)) | (K::Row(x), K::Row(y)) => {
            all(x, y)
        }
        (K::WholeRow(x), K::WholeRow(y)) => all(x, y),
        (K::IsNull { arg: x, negated: n }, K::IsNull { arg: y, negated: m }) => n == m && same(x, y),
        (K::BoolTest { arg: x, test: n }, K::BoolTest { arg: y, test: m }) => n == m && same(x, y),
        (
            K::Distinct { eq: p, left: l, right: r, negated: n, .. },
            K::Distinct { eq: q, left: s, right: t, negated: m, .. },
        ) => p.oid == q.oid && n == m && same(l, s) && same(r, t),
        (K::Case { operand: o, whens: w, otherwise: e }, K::Case { operand: p, whens: x, otherwise: g }) => {
            opt(o, p)
                && w.len() == x.len()
                && w.iter().zip(x).all(|(c, d)| same(&c.0, &d.0) && same(&c.1, &d.1))
                && same(e, g)
        }
        (K::MinMax { args: x, greatest: g, .. }, K::MinMax { args: y, greatest: h, .. }) => g == h && all(x, y),
        (K::NullIf { left: l, right: r, .. }, K::NullIf { left: s, right: t, .. }) => same(l, s) && same(r, t),
        (
            K::ArrayOp { proc: p, left: l, array: r, all: x, .. },
            K::ArrayOp { proc: q, left: s, array: t, all: y, .. },
        ) => p.oid == q.oid && x == y && same(l, s) && same(r, t),
        (K::Array { items: x, nested: n }, K::Array { items: y, nested: m }) => n == m && all(x, y),
        (K::Field(x, i), K::Field(y, j)) => i == j && same(x, y),
        (K::Subscript { arg: x, steps: s }, K::Subscript { arg: y, steps: t }) => {
            let one = |p: &Option<Expr>, q: &Option<Expr>| match (p, q) {
                (None, None) => true,
                (Some(p), Some(q)) => same(p, q),
                _ => false,
            };
            same(x, y)
                && s.len() == t.len()
                && s.iter().zip(t).all(|(p, q)| match (p, q) {
                    (Subscript::Index(p), Subscript::Index(q)) => same(p, q),
                    (Subscript::Slice(p, r), Subscript::Slice(q, u)) => one(p, q) && one(r, u),
                    _ => false,
                })
        }
        (
            K::RowCompare { strategy: s, left: l, right: r, .. },
            K::RowCompare { strategy: t, left: m, right: q, .. },
        ) => s == t && all(l, m) && all(r, q),
        (K::SqlValue(x), K::SqlValue(y)) => x == y,
        _ => false,
    }
}
