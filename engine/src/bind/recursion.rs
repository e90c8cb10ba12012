//! What the tables of a WITH clause read of each other, seen in the syntax before anything is bound.
//!
//! WITH RECURSIVE lets its tables be named before they are defined, so they are bound in the order of their references
//! ([`order`]). A table that reads itself must have one of the forms that can be run by iteration ([`check`]): UNION of
//! a term that does not read it and a term that reads it once, and not where rows could be needed that later steps
//! would still change (outer joins' other sides, EXCEPT, subqueries of expressions).

use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{
    self, Distinct, Expr, ExprKind, FrameBound, FuncCall, GroupItem, JoinCondition, JoinKind, Over, Pos,
    QuantifiedRight, Query, QueryBody, Select, SetOpKind, Statement, Step, TableRef, WindowSpec, With,
};
use std::collections::HashSet;

/// Where a reference stands, as far as it matters for recursion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Fine,
    NonRecursiveTerm,
    Subquery,
    OuterJoin,
    Intersect,
    Except,
}

impl Place {
    fn text(self) -> &'static str {
        match self {
            Place::Fine => "more than once",
            Place::NonRecursiveTerm => "within its non-recursive term",
            Place::Subquery => "within a subquery",
            Place::OuterJoin => "within an outer join",
            Place::Intersect => "within INTERSECT",
            Place::Except => "within EXCEPT",
        }
    }
}

/// Calls `found` for every table name of a tree that no inner WITH hides.
struct Walker<'a, 'f> {
    hidden: Vec<&'a str>,
    place: Place,
    found: &'f mut dyn FnMut(&'a str, Pos, Place) -> Result<()>,
}

impl<'a> Walker<'a, '_> {
    fn at(&mut self, place: Place, f: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = std::mem::replace(&mut self.place, place);
        let r = f(self);
        self.place = before;
        r
    }

    fn with(&mut self, w: Option<&'a With>, f: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let Some(w) = w else { return f(self) };
        let before = self.hidden.len();
        if w.recursive {
            self.hidden.extend(w.ctes.iter().map(|c| c.name.value.as_str()));
        }
        for c in &w.ctes {
            self.statement(&c.body)?;
            if !w.recursive {
                self.hidden.push(&c.name.value);
            }
        }
        let r = f(self);
        self.hidden.truncate(before);
        r
    }

    fn statement(&mut self, s: &'a Statement) -> Result<()> {
        match s {
            Statement::Query(q) => self.query(q),
            Statement::Insert(i) => self.with(i.with.as_ref(), |w| {
                if let Some(q) = &i.source {
                    w.query(q)?;
                }
                if let Some(u) = i.on_conflict.as_ref().and_then(|c| c.update.as_ref()) {
                    w.assignments(&u.set)?;
                    w.exprs(&u.filter)?;
                }
                i.returning.iter().try_for_each(|t| w.expr(&t.expr))
            }),
            Statement::Update(u) => self.with(u.with.as_ref(), |w| {
                w.assignments(&u.set)?;
                u.from.iter().try_for_each(|t| w.table_ref(t))?;
                w.exprs(&u.filter)?;
                u.returning.iter().try_for_each(|t| w.expr(&t.expr))
            }),
            Statement::Delete(d) => self.with(d.with.as_ref(), |w| {
                d.using.iter().try_for_each(|t| w.table_ref(t))?;
                w.exprs(&d.filter)?;
                d.returning.iter().try_for_each(|t| w.expr(&t.expr))
            }),
            Statement::Merge(m) => self.with(m.with.as_ref(), |w| {
                w.table_ref(&m.source)?;
                w.expr(&m.on)?;
                m.whens.iter().try_for_each(|x| {
                    w.exprs(&x.condition)?;
                    match &x.action {
                        ast::MergeAction::Update(set) => w.assignments(set),
                        ast::MergeAction::Insert(i) => i.values.iter().flatten().try_for_each(|e| w.expr(e)),
                        _ => Ok(()),
                    }
                })
            }),
            _ => Ok(()),
        }
    }

    fn assignments(&mut self, set: &'a [ast::Assignment]) -> Result<()> {
        set.iter().try_for_each(|a| match a {
            ast::Assignment::One(_, e) | ast::Assignment::Many(_, e) => self.expr(e),
        })
    }

    fn query(&mut self, q: &'a Query) -> Result<()> {
        self.with(q.with.as_ref(), |w| {
            w.body(q)?;
            w.tail(q)
        })
    }

    fn body(&mut self, q: &'a Query) -> Result<()> {
        match &q.body {
            QueryBody::Select(s) => self.select(s),
            QueryBody::Values(rows) => rows.iter().flatten().try_for_each(|e| self.expr(e)),
            QueryBody::SetOp(s) => {
                let here = self.place;
                let (left, right) = match (here, s.op, s.all) {
                    (Place::Fine, SetOpKind::Intersect, true) => (Place::Intersect, Place::Intersect),
                    (Place::Fine, SetOpKind::Except, all) => {
                        (if all { Place::Except } else { Place::Fine }, Place::Except)
                    }
                    _ => (here, here),
                };
                self.at(left, |w| w.query(&s.left))?;
                self.at(right, |w| w.query(&s.right))
            }
        }
    }

    fn tail(&mut self, q: &'a Query) -> Result<()> {
        q.order_by.iter().try_for_each(|s| self.expr(&s.expr))?;
        q.limit.iter().chain(&q.offset).try_for_each(|e| self.expr(e))
    }

    fn select(&mut self, s: &'a Select) -> Result<()> {
        if let Distinct::On(v) = &s.distinct {
            v.iter().try_for_each(|e| self.expr(e))?;
        }
        s.targets.iter().try_for_each(|t| self.expr(&t.expr))?;
        s.from.iter().try_for_each(|t| self.table_ref(t))?;
        self.exprs(&s.filter)?;
        s.group_by.iter().try_for_each(|g| self.group(g))?;
        self.exprs(&s.having)?;
        s.windows.iter().try_for_each(|w| self.window(&w.1))
    }

    fn group(&mut self, g: &'a GroupItem) -> Result<()> {
        match g {
            GroupItem::Expr(e) => self.expr(e),
            GroupItem::Empty(_) => Ok(()),
            GroupItem::Rollup(v, _) | GroupItem::Cube(v, _) => v.iter().try_for_each(|e| self.expr(e)),
            GroupItem::Sets(v, _) => v.iter().try_for_each(|g| self.group(g)),
        }
    }

    fn table_ref(&mut self, t: &'a TableRef) -> Result<()> {
        match t {
            TableRef::Table(f) => {
                let name = f.name.name.value.as_str();
                if f.name.schema.is_none() && !self.hidden.contains(&name) {
                    (self.found)(name, f.name.pos(), self.place)?;
                }
                if let Some(a) = &f.as_of {
                    self.expr(&a.value)?;
                }
                match &f.sample {
                    Some(s) => s.args.iter().chain(&s.repeatable).try_for_each(|e| self.expr(e)),
                    None => Ok(()),
                }
            }
            TableRef::Function(f) => f.functions.iter().try_for_each(|x| self.expr(&x.call)),
            TableRef::Query(q) => self.query(&q.query),
            TableRef::Join(j) => {
                let here = self.place;
                let outer = if here == Place::Fine { Place::OuterJoin } else { here };
                let (left, right) = match j.kind {
                    JoinKind::Cross | JoinKind::Inner => (here, here),
                    JoinKind::Left => (here, outer),
                    JoinKind::Right => (outer, here),
                    JoinKind::Full => (outer, outer),
                };
                self.at(left, |w| w.table_ref(&j.left))?;
                self.at(right, |w| w.table_ref(&j.right))?;
                match &j.condition {
                    JoinCondition::On(e) => self.expr(e),
                    _ => Ok(()),
                }
            }
        }
    }

    fn window(&mut self, w: &'a WindowSpec) -> Result<()> {
        w.partition_by.iter().try_for_each(|e| self.expr(e))?;
        w.order_by.iter().try_for_each(|s| self.expr(&s.expr))?;
        let Some(f) = &w.frame else { return Ok(()) };
        [&f.start, &f.end].into_iter().try_for_each(|b| match b {
            FrameBound::Preceding(e) | FrameBound::Following(e) => self.expr(e),
            _ => Ok(()),
        })
    }

    fn call(&mut self, f: &'a FuncCall) -> Result<()> {
        f.args.iter().try_for_each(|a| self.expr(&a.value))?;
        f.order_by.iter().try_for_each(|s| self.expr(&s.expr))?;
        self.exprs(&f.filter)?;
        match &f.over {
            Some(Over::Spec(w)) => self.window(w),
            _ => Ok(()),
        }
    }

    fn exprs(&mut self, e: &'a Option<Expr>) -> Result<()> {
        e.iter().try_for_each(|e| self.expr(e))
    }

    fn subquery(&mut self, q: &'a Query) -> Result<()> {
        let place = if self.place == Place::NonRecursiveTerm { self.place } else { Place::Subquery };
        self.at(place, |w| w.query(q))
    }

    fn expr(&mut self, e: &'a Expr) -> Result<()> {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.expr_inner(e))
    }

    fn expr_inner(&mut self, e: &'a Expr) -> Result<()> {
        match &e.kind {
            ExprKind::Column(_)
            | ExprKind::Literal(_)
            | ExprKind::Param(_)
            | ExprKind::SqlValue(_)
            | ExprKind::Default
            | ExprKind::CurrentOf(_) => Ok(()),
            ExprKind::Indirection(x, steps) => {
                self.expr(x)?;
                steps.iter().try_for_each(|s| match s {
                    Step::Index(e) => self.expr(e),
                    Step::Slice(a, b) => a.iter().chain(b).try_for_each(|e| self.expr(e)),
                    Step::Field(_) | Step::Star => Ok(()),
                })
            }
            ExprKind::Op(o) => {
                if let Some(l) = &o.left {
                    self.expr(l)?;
                }
                self.expr(&o.right)
            }
            ExprKind::SqlJson(j) => j.exprs().into_iter().try_for_each(|e| self.expr(e)),
            ExprKind::Xml(x) => x.named.iter().map(|n| &n.0).chain(&x.args).try_for_each(|e| self.expr(e)),
            ExprKind::And(v)
            | ExprKind::Or(v)
            | ExprKind::Coalesce(v)
            | ExprKind::Greatest(v)
            | ExprKind::Least(v)
            | ExprKind::Array(v)
            | ExprKind::Grouping(v)
            | ExprKind::Row { fields: v, .. } => v.iter().try_for_each(|e| self.expr(e)),
            ExprKind::Not(x) | ExprKind::Is(x, _) | ExprKind::Cast(x, _) | ExprKind::Collate(x, _) => self.expr(x),
            ExprKind::Distinct { left, right, .. } | ExprKind::NullIf(left, right) => {
                self.expr(left)?;
                self.expr(right)
            }
            ExprKind::In { arg, list, .. } => {
                self.expr(arg)?;
                list.iter().try_for_each(|e| self.expr(e))
            }
            ExprKind::Between(b) => {
                self.expr(&b.arg)?;
                self.expr(&b.low)?;
                self.expr(&b.high)
            }
            ExprKind::Quantified(q) => {
                match &q.right {
                    QuantifiedRight::Array(e) => self.expr(e)?,
                    QuantifiedRight::Query(q) => self.subquery(q)?,
                }
                self.expr(&q.left)
            }
            ExprKind::Func(f) => self.call(f),
            ExprKind::Case(c) => {
                c.operand.iter().chain(&c.otherwise).try_for_each(|e| self.expr(e))?;
                c.whens.iter().try_for_each(|(w, t)| {
                    self.expr(w)?;
                    self.expr(t)
                })
            }
            ExprKind::ArrayQuery(q) | ExprKind::Subquery(q) | ExprKind::Exists(q) => self.subquery(q),
        }
    }
}

/// The order in which a WITH RECURSIVE's tables are bound, and which of them read themselves.
pub(super) fn order(w: &With, pos: &dyn Fn(Pos) -> u32) -> Result<Vec<(usize, bool)>> {
    let mut reads: Vec<HashSet<usize>> = Vec::with_capacity(w.ctes.len());
    for c in &w.ctes {
        let mut mine = HashSet::new();
        let mut found = |name: &str, _: Pos, _: Place| {
            mine.extend(w.ctes.iter().position(|o| o.name.value == name));
            Ok(())
        };
        Walker { hidden: Vec::new(), place: Place::Fine, found: &mut found }.statement(&c.body)?;
        reads.push(mine);
    }
    let mut out: Vec<(usize, bool)> = Vec::with_capacity(w.ctes.len());
    while out.len() < w.ctes.len() {
        let done = |i: usize| out.iter().any(|o| o.0 == i);
        let ready = (0..w.ctes.len()).find(|&i| !done(i) && reads[i].iter().all(|&r| r == i || done(r)));
        let Some(i) = ready else {
            let stuck = (0..w.ctes.len()).find(|&i| !done(i)).map_or(0, |i| pos(w.ctes[i].name.pos));
            return Err(DbError::unsupported("mutual recursion between WITH items is not implemented").at(stuck));
        };
        out.push((i, reads[i].contains(&i)));
    }
    Ok(out)
}

/// Refuses a table that reads itself in a form that cannot be run.
pub(super) fn check(c: &ast::Cte, pos: &dyn Fn(Pos) -> u32) -> Result<()> {
    let name = c.name.value.as_str();
    let at = pos(c.name.pos);
    let error = |text: String, at: u32| DbError::new(SqlState::INVALID_RECURSION, text).at(at);
    let Statement::Query(q) = &*c.body else {
        return Err(error(format!("recursive query \"{name}\" must not contain data-modifying statements"), at));
    };
    let form = || {
        error(
            format!("recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"),
            at,
        )
    };
    let QueryBody::SetOp(s) = &q.body else { return Err(form()) };
    if s.op != SetOpKind::Union {
        return Err(form());
    }
    let mut count = 0;
    let mut found = |n: &str, p: Pos, place: Place| {
        if n != name {
            return Ok(());
        }
        count += 1;
        if place == Place::Fine && count < 2 {
            return Ok(());
        }
        Err(error(format!("recursive reference to query \"{name}\" must not appear {}", place.text()), pos(p)))
    };
    let mut w = Walker { hidden: Vec::new(), place: Place::NonRecursiveTerm, found: &mut found };
    // Names of the query's own WITH mean its tables on both sides; the tables themselves are no place for recursion.
    let own = q.with.as_ref();
    w.place = Place::Subquery;
    w.with(own, |w| {
        w.place = Place::NonRecursiveTerm;
        w.query(&s.left)?;
        w.place = Place::Fine;
        w.query(&s.right)
    })?;
    let late =
        |what: &str, at: u32| DbError::unsupported(format!("{what} in a recursive query is not implemented")).at(at);
    if let Some(k) = q.order_by.first() {
        return Err(late("ORDER BY", pos(k.expr.start())));
    }
    if let Some(e) = &q.offset {
        return Err(late("OFFSET", pos(e.start())));
    }
    if let Some(e) = &q.limit {
        return Err(late("LIMIT", pos(e.start())));
    }
    if !q.locking.is_empty() {
        return Err(late("FOR UPDATE/SHARE", 0));
    }
    if count == 0 {
        return Err(form());
    }
    Ok(())
}

/// Under which name a SELECT reads a table at the top of its FROM.
pub(super) fn top_reference<'q>(q: &'q Query, name: &str) -> Option<&'q str> {
    if q.with.as_ref().is_some_and(|w| w.ctes.iter().any(|c| c.name.value == name)) {
        return None;
    }
    let QueryBody::Select(s) = &q.body else { return None };
    fn of<'q>(t: &'q TableRef, name: &str) -> Option<&'q str> {
        match t {
            TableRef::Table(f) if f.name.schema.is_none() && f.name.name.value == name => {
                Some(f.alias.as_ref().map_or(f.name.name.value.as_str(), |a| a.name.value.as_str()))
            }
            TableRef::Join(j) if j.alias.is_none() => of(&j.left, name).or_else(|| of(&j.right, name)),
            _ => None,
        }
    }
    s.from.iter().find_map(|t| of(t, name))
}
