//! Rewriting of queries kept as text: names spelled out when a view is made, and changed when a relation is renamed.

use crate::bind::define::Resolved;
use rustydb_parser::ast::{
    Alias, ColumnRef, Distinct, Expr, ExprKind, FrameBound, FuncCall, GroupItem, Ident, JoinCondition, Name, Over,
    QuantifiedRight, Query, QueryBody, Select, Statement, Step, TableFactor, TableRef, Target, WindowSpec,
};

/// What to do at each table name and output list of a query.
struct Visitor<'a> {
    table: &'a mut dyn FnMut(&mut TableFactor),
    targets: &'a mut dyn FnMut(&mut Vec<Target>),
    name: &'a mut dyn FnMut(&mut Name),
    function: &'a mut dyn FnMut(&mut Name),
}

impl Visitor<'_> {
    fn query(&mut self, q: &mut Query) {
        if let Some(w) = &mut q.with {
            for c in &mut w.ctes {
                self.statement(&mut c.body);
            }
        }
        match &mut q.body {
            QueryBody::Select(s) => self.select(s),
            QueryBody::Values(rows) => rows.iter_mut().flatten().for_each(|e| self.expr(e)),
            QueryBody::SetOp(s) => {
                self.query(&mut s.left);
                self.query(&mut s.right);
            }
        }
        q.order_by.iter_mut().for_each(|s| self.expr(&mut s.expr));
        q.limit.iter_mut().chain(&mut q.offset).for_each(|e| self.expr(e));
    }

    fn statement(&mut self, s: &mut Statement) {
        // A view's WITH has only queries: the binder refused the rest.
        if let Statement::Query(q) = s {
            self.query(q);
        }
    }

    fn select(&mut self, s: &mut Select) {
        (self.targets)(&mut s.targets);
        if let Distinct::On(v) = &mut s.distinct {
            v.iter_mut().for_each(|e| self.expr(e));
        }
        for t in &mut s.targets {
            let label = self.labelled(&mut t.expr);
            if t.alias.is_none() {
                t.alias = label.map(Ident::new);
            }
        }
        s.from.iter_mut().for_each(|t| self.table_ref(t));
        s.filter.iter_mut().chain(&mut s.having).for_each(|e| self.expr(e));
        s.group_by.iter_mut().for_each(|g| self.group(g));
        s.windows.iter_mut().for_each(|w| self.window(&mut w.1));
    }

    fn group(&mut self, g: &mut GroupItem) {
        match g {
            GroupItem::Expr(e) => self.expr(e),
            GroupItem::Empty(_) => {}
            GroupItem::Rollup(v, _) | GroupItem::Cube(v, _) => v.iter_mut().for_each(|e| self.expr(e)),
            GroupItem::Sets(v, _) => v.iter_mut().for_each(|g| self.group(g)),
        }
    }

    fn table_ref(&mut self, t: &mut TableRef) {
        match t {
            TableRef::Table(f) => {
                (self.table)(f);
                if let Some(a) = &mut f.as_of {
                    self.expr(&mut a.value);
                }
                if let Some(s) = &mut f.sample {
                    s.args.iter_mut().chain(&mut s.repeatable).for_each(|e| self.expr(e));
                }
            }
            TableRef::Function(f) => {
                for (i, x) in f.functions.iter_mut().enumerate() {
                    let label = self.labelled(&mut x.call);
                    if let Some(l) = label.filter(|_| i == 0 && f.alias.is_none()) {
                        f.alias = Some(Alias { name: Ident::new(l), columns: vec![] });
                    }
                }
            }
            TableRef::Query(q) => self.query(&mut q.query),
            TableRef::Join(j) => {
                self.table_ref(&mut j.left);
                self.table_ref(&mut j.right);
                if let JoinCondition::On(e) = &mut j.condition {
                    self.expr(e);
                }
            }
        }
    }

    /// Visits an expression; the label its column loses, if it is a call of a function that now goes by its OID.
    fn labelled(&mut self, e: &mut Expr) -> Option<String> {
        let before = match &e.kind {
            ExprKind::Func(f) => Some(f.name.clone()),
            _ => None,
        };
        self.expr(e);
        match (&e.kind, before) {
            (ExprKind::Func(f), Some(b)) if f.name != b => Some(b.name.value),
            _ => None,
        }
    }

    fn window(&mut self, w: &mut WindowSpec) {
        w.partition_by.iter_mut().for_each(|e| self.expr(e));
        w.order_by.iter_mut().for_each(|s| self.expr(&mut s.expr));
        if let Some(f) = &mut w.frame {
            for b in [&mut f.start, &mut f.end] {
                if let FrameBound::Preceding(e) | FrameBound::Following(e) = b {
                    self.expr(e);
                }
            }
        }
    }

    fn call(&mut self, f: &mut FuncCall) {
        (self.function)(&mut f.name);
        f.args.iter_mut().for_each(|a| self.expr(&mut a.value));
        f.order_by.iter_mut().for_each(|s| self.expr(&mut s.expr));
        f.filter.iter_mut().for_each(|e| self.expr(e));
        if let Some(Over::Spec(w)) = &mut f.over {
            self.window(w);
        }
    }

    fn expr(&mut self, e: &mut Expr) {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.expr_inner(e));
    }

    fn expr_inner(&mut self, e: &mut Expr) {
        match &mut e.kind {
            ExprKind::Column(c) => {
                // `s.t.a` and `s.t.*` name a table by its schema.
                if c.parts.len() + usize::from(c.star) >= 3 {
                    self.qualified(c);
                }
            }
            ExprKind::Literal(_)
            | ExprKind::Param(_)
            | ExprKind::SqlValue(_)
            | ExprKind::Default
            | ExprKind::CurrentOf(_) => {}
            ExprKind::Indirection(x, steps) => {
                self.expr(x);
                for s in steps {
                    match s {
                        Step::Index(e) => self.expr(e),
                        Step::Slice(a, b) => a.iter_mut().chain(b).for_each(|e| self.expr(e)),
                        Step::Field(_) | Step::Star => {}
                    }
                }
            }
            ExprKind::SqlJson(j) => j.exprs_mut().into_iter().for_each(|e| self.expr(e)),
            ExprKind::Xml(x) => {
                x.named.iter_mut().map(|n| &mut n.0).chain(&mut x.args).for_each(|e| self.expr(e));
            }
            ExprKind::Op(o) => {
                if let Some(l) = &mut o.left {
                    self.expr(l);
                }
                self.expr(&mut o.right);
            }
            ExprKind::And(v)
            | ExprKind::Or(v)
            | ExprKind::Coalesce(v)
            | ExprKind::Greatest(v)
            | ExprKind::Least(v)
            | ExprKind::Array(v)
            | ExprKind::Grouping(v)
            | ExprKind::Row { fields: v, .. } => v.iter_mut().for_each(|e| self.expr(e)),
            ExprKind::Not(x) | ExprKind::Is(x, _) | ExprKind::Cast(x, _) | ExprKind::Collate(x, _) => self.expr(x),
            ExprKind::Distinct { left, right, .. } | ExprKind::NullIf(left, right) => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::In { arg, list, .. } => {
                self.expr(arg);
                list.iter_mut().for_each(|e| self.expr(e));
            }
            ExprKind::Between(b) => {
                self.expr(&mut b.arg);
                self.expr(&mut b.low);
                self.expr(&mut b.high);
            }
            ExprKind::Quantified(q) => {
                self.expr(&mut q.left);
                match &mut q.right {
                    QuantifiedRight::Array(e) => self.expr(e),
                    QuantifiedRight::Query(q) => self.query(q),
                }
            }
            ExprKind::Func(f) => self.call(f),
            ExprKind::Case(c) => {
                c.operand.iter_mut().chain(&mut c.otherwise).for_each(|e| self.expr(e));
                for (w, t) in &mut c.whens {
                    self.expr(w);
                    self.expr(t);
                }
            }
            ExprKind::ArrayQuery(q) | ExprKind::Subquery(q) | ExprKind::Exists(q) => self.query(q),
        }
    }

    fn qualified(&mut self, c: &mut ColumnRef) {
        // With a database in front there are four parts; PostgreSQL has no more.
        let at = c.parts.len() + usize::from(c.star) - 3;
        if c.parts.len() < at + 2 {
            return;
        }
        let mut n = Name { catalog: None, schema: Some(c.parts[at].clone()), name: c.parts[at + 1].clone() };
        (self.name)(&mut n);
        c.parts[at + 1] = n.name;
        match n.schema {
            Some(s) => c.parts[at] = s,
            None => drop(c.parts.drain(..=at)),
        }
    }
}

/// Spells out schemas of tables and the columns that `*` stands for, as the binder resolved them.
pub fn qualify(q: &mut Query, resolved: &[Resolved]) {
    let relation = |pos| {
        resolved.iter().find_map(|r| match r {
            Resolved::Relation(p, rel) if *p == pos => Some(rel),
            _ => None,
        })
    };
    let star = |pos| {
        resolved.iter().find_map(|r| match r {
            Resolved::Star(p, list) if *p == pos => Some(list),
            _ => None,
        })
    };
    let mut table = |f: &mut TableFactor| {
        if let Some(rel) = relation(f.name.pos()) {
            f.name.catalog = None;
            f.name.schema = Some(Ident { value: rel.schema.clone(), pos: f.name.pos() });
        }
    };
    let mut targets = |list: &mut Vec<Target>| {
        let mut out = Vec::with_capacity(list.len());
        for t in std::mem::take(list) {
            let expanded = match &t.expr.kind {
                ExprKind::Column(c) if c.star => star(t.pos),
                _ => None,
            };
            let Some(columns) = expanded else {
                out.push(t);
                continue;
            };
            for (table, column) in columns {
                let parts = table.iter().chain([column]).map(Ident::new).collect();
                out.push(Target {
                    expr: Expr::new(ExprKind::Column(ColumnRef { parts, star: false }), t.expr.pos),
                    alias: None,
                    pos: t.pos,
                });
            }
        }
        *list = out;
    };
    let mut name = |_: &mut Name| {};
    let mut function = |n: &mut Name| {
        let pos = n.pos();
        let oid = resolved.iter().find_map(|r| match r {
            Resolved::Function(p, oid) if *p == pos => Some(*oid),
            _ => None,
        });
        if let Some(oid) = oid {
            *n = crate::bind::define::name_by_oid(oid);
        }
    };
    Visitor { table: &mut table, targets: &mut targets, name: &mut name, function: &mut function }.query(q);
}

/// Renames a relation (or moves it to another schema) in a view's text. References keep their name through an alias.
pub fn rename_relation(text: &str, from: (&str, &str), to: (&str, &str)) -> Option<String> {
    let parsed = rustydb_parser::parse(text).ok()?;
    let Some(Statement::Query(mut q)) = parsed.into_iter().next().map(|p| p.stmt) else { return None };
    let matches = |n: &Name| n.schema.as_ref().is_some_and(|s| s.value == from.0) && n.name.value == from.1;
    let mut table = |f: &mut TableFactor| {
        if !matches(&f.name) {
            return;
        }
        f.name.schema = Some(Ident::new(to.0));
        f.name.name = Ident::new(to.1);
        if f.alias.is_none() && from.1 != to.1 {
            f.alias = Some(Alias { name: Ident::new(from.1), columns: vec![] });
        }
    };
    let mut targets = |_: &mut Vec<Target>| {};
    // `s.t.a` is `t.a` once the table has an alias; a mere move keeps the table's name.
    let mut name = |n: &mut Name| {
        if matches(n) {
            n.schema = (from.1 == to.1).then(|| Ident::new(to.0));
        }
    };
    let mut function = |_: &mut Name| {};
    Visitor { table: &mut table, targets: &mut targets, name: &mut name, function: &mut function }.query(&mut q);
    Some(q.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renaming_keeps_references() {
        let text = "SELECT s.t.a FROM s.t WHERE (t.a > (SELECT max(u.a) FROM s.t AS u))";
        let out = rename_relation(text, ("s", "t"), ("s", "n")).expect("a query");
        assert_eq!(out, "SELECT t.a FROM s.n AS t WHERE (t.a > (SELECT max(u.a) FROM s.n AS u))");
        let moved = rename_relation(text, ("s", "t"), ("x", "t")).expect("a query");
        assert_eq!(moved, "SELECT x.t.a FROM x.t WHERE (t.a > (SELECT max(u.a) FROM x.t AS u))");
    }
}
