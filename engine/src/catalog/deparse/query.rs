//! Queries in canonical form, laid out as PostgreSQL lays them out: a clause a line, an output a line, joins and nested
//! queries further in.

use super::print::{JOIN, Printer, STEP, WRAPPED};
use super::relation_name;
use rustydb_parser::ast::{
    self, Alias, Distinct, ExprKind, GroupItem, Join, JoinCondition, JoinKind, Query, QueryBody, Select, SetOp,
    SetOpKind, TableRef, Target,
};
use std::fmt::Write;

/// Whether a query is a mere set operation: one with clauses of its own is a leaf of the operation around it.
fn bare_set_op(q: &Query) -> Option<&SetOp> {
    match &q.body {
        QueryBody::SetOp(s) if !has_clauses(q) => Some(s),
        _ => None,
    }
}

fn has_clauses(q: &Query) -> bool {
    q.with.is_some() || !q.order_by.is_empty() || q.limit.is_some() || q.offset.is_some() || !q.locking.is_empty()
}

impl Printer<'_> {
    /// A nested query, whose indentation ends with it. `named`: its outputs' names can be seen from outside.
    pub(super) fn inner_query(&mut self, q: &Query, named: bool) {
        if self.show.catalog.is_none() || self.indent.is_none() {
            let _ = write!(self.out, "{q}");
            return;
        }
        let level = self.indent;
        self.query(q, named);
        self.indent = level;
    }

    pub(super) fn query(&mut self, q: &Query, named: bool) {
        if let Some(w) = &q.with {
            self.with(w);
        }
        let set_op = match &q.body {
            QueryBody::SetOp(s) => {
                self.set_op(s, named);
                true
            }
            QueryBody::Select(s) => {
                self.begin_select();
                self.select(s, named);
                false
            }
            QueryBody::Values(rows) => {
                self.begin_select();
                self.values(rows);
                false
            }
        };
        if !q.order_by.is_empty() {
            self.keyword(" ORDER BY ", -STEP, STEP, 1);
            self.order_by(&q.order_by, set_op);
        }
        if let Some(e) = &q.offset {
            self.keyword(" OFFSET ", -STEP, STEP, 0);
            self.expr(e);
        }
        if let Some(e) = &q.limit {
            if q.with_ties {
                self.keyword(" FETCH FIRST ", -STEP, STEP, 0);
                self.out.push('(');
                self.expr(e);
                self.push(") ROWS WITH TIES");
            } else {
                self.keyword(" LIMIT ", -STEP, STEP, 0);
                match e.kind {
                    ast::ExprKind::Literal(ast::Literal::Null) => self.push("ALL"),
                    _ => self.expr(e),
                }
            }
        }
        for l in &q.locking {
            let word = match l.strength {
                ast::LockStrength::KeyShare => " FOR KEY SHARE",
                ast::LockStrength::Share => " FOR SHARE",
                ast::LockStrength::NoKeyUpdate => " FOR NO KEY UPDATE",
                ast::LockStrength::Update => " FOR UPDATE",
            };
            self.keyword(word, -STEP, STEP, 0);
            for (i, n) in l.of.iter().enumerate() {
                let _ = write!(self.out, "{}{n}", if i > 0 { ", " } else { " OF " });
            }
            self.push(match l.wait {
                ast::LockWait::Block => "",
                ast::LockWait::Skip => " SKIP LOCKED",
                ast::LockWait::Error => " NOWAIT",
            });
        }
    }

    fn begin_select(&mut self) {
        if let Some(level) = &mut self.indent {
            *level += STEP;
            self.out.push(' ');
        }
    }

    fn with(&mut self, w: &ast::With) {
        self.begin_select();
        self.push(if w.recursive { "WITH RECURSIVE " } else { "WITH " });
        for (i, c) in w.ctes.iter().enumerate() {
            let _ = write!(self.out, "{}{}", if i > 0 { ", " } else { "" }, c.name);
            self.column_names(&c.columns);
            self.push(match c.materialized {
                None => " AS (",
                Some(true) => " AS MATERIALIZED (",
                Some(false) => " AS NOT MATERIALIZED (",
            });
            self.keyword("", 0, 0, 0);
            if let ast::Statement::Query(q) = &*c.body {
                self.inner_query(q, true);
            }
            self.keyword("", 0, 0, 0);
            self.out.push(')');
        }
        match &mut self.indent {
            Some(level) => {
                *level -= STEP;
                self.keyword("", 0, 0, 0);
            }
            None => self.out.push(' '),
        }
    }

    /// One side of a set operation.
    fn side(&mut self, q: &Query, named: bool) {
        if let Some(s) = bare_set_op(q) {
            self.set_op(s, named);
            return;
        }
        let parens = has_clauses(q);
        self.push(if parens { "(" } else { "" });
        self.inner_query(q, named);
        self.push(if parens { ")" } else { "" });
    }

    fn set_op(&mut self, s: &SetOp, named: bool) {
        stacker::maybe_grow(128 * 1024, 1024 * 1024, || self.set_op_inner(s, named));
    }

    fn set_op_inner(&mut self, s: &SetOp, named: bool) {
        let parens = bare_set_op(&s.left).is_some_and(|l| l.op != s.op || l.all != s.all);
        if parens {
            self.out.push('(');
            self.keyword("", STEP, 0, 0);
        }
        self.side(&s.left, named);
        if parens {
            self.keyword(") ", -STEP, 0, 0);
        } else if self.indent.is_some() {
            self.keyword("", 0, 0, 0);
        } else {
            self.out.push(' ');
        }
        self.push(match s.op {
            SetOpKind::Union => "UNION ",
            SetOpKind::Intersect => "INTERSECT ",
            SetOpKind::Except => "EXCEPT ",
        });
        if s.all {
            self.push("ALL ");
        }
        let parens = bare_set_op(&s.right).is_some();
        let inside = if parens { STEP } else { 0 };
        if parens {
            self.out.push('(');
        }
        self.keyword("", inside, 0, 0);
        self.side(&s.right, false);
        if let Some(level) = &mut self.indent {
            *level -= inside;
        }
        if parens {
            self.keyword(")", 0, 0, 0);
        }
    }

    fn values(&mut self, rows: &[Vec<ast::Expr>]) {
        self.push("VALUES ");
        for (i, row) in rows.iter().enumerate() {
            self.push(if i > 0 { ", (" } else { "(" });
            for (i, e) in row.iter().enumerate() {
                self.push(if i > 0 { "," } else { "" });
                self.expr(e);
            }
            self.out.push(')');
        }
    }

    fn select(&mut self, s: &Select, named: bool) {
        self.push("SELECT");
        match &s.distinct {
            Distinct::No => {}
            Distinct::All => self.push(" DISTINCT"),
            Distinct::On(v) => {
                self.push(" DISTINCT ON (");
                for (i, e) in v.iter().enumerate() {
                    self.push(if i > 0 { ", " } else { "" });
                    self.sort_item(e);
                }
                self.out.push(')');
            }
        }
        self.targets(&s.targets, named);
        self.from(&s.from);
        if let Some(e) = &s.filter {
            self.keyword(" WHERE ", -STEP, STEP, 1);
            self.expr(e);
        }
        if !s.group_by.is_empty() {
            self.keyword(" GROUP BY ", -STEP, STEP, 1);
            self.push(if s.group_distinct { "DISTINCT " } else { "" });
            for (i, g) in s.group_by.iter().enumerate() {
                self.push(if i > 0 { ", " } else { "" });
                self.group(g, false);
            }
        }
        if let Some(e) = &s.having {
            self.keyword(" HAVING ", -STEP, STEP, 0);
            self.expr(e);
        }
        for (i, (name, w)) in s.windows.iter().enumerate() {
            if i == 0 {
                self.keyword(" WINDOW ", -STEP, STEP, 1);
            } else {
                self.push(", ");
            }
            let _ = write!(self.out, "{name} AS ");
            self.window(w);
        }
    }

    /// An item of GROUP BY; inside GROUPING SETS a single expression stands in parentheses.
    fn group(&mut self, g: &GroupItem, nested: bool) {
        match g {
            GroupItem::Expr(e) => match &e.kind {
                ExprKind::Row { fields, explicit: false } => self.group_list(fields),
                _ if nested => self.group_list(std::slice::from_ref(e)),
                _ => self.sort_item(e),
            },
            GroupItem::Empty(_) => self.push("()"),
            GroupItem::Rollup(v, _) | GroupItem::Cube(v, _) => {
                self.push(if matches!(g, GroupItem::Rollup(..)) { "ROLLUP(" } else { "CUBE(" });
                for (i, e) in v.iter().enumerate() {
                    self.push(if i > 0 { ", " } else { "" });
                    match &e.kind {
                        ExprKind::Row { fields, explicit: false } => self.group_list(fields),
                        _ => self.sort_item(e),
                    }
                }
                self.out.push(')');
            }
            GroupItem::Sets(v, _) => {
                self.push("GROUPING SETS (");
                for (i, g) in v.iter().enumerate() {
                    self.push(if i > 0 { ", " } else { "" });
                    self.group(g, true);
                }
                self.out.push(')');
            }
        }
    }

    fn group_list(&mut self, v: &[ast::Expr]) {
        self.out.push('(');
        for (i, e) in v.iter().enumerate() {
            self.push(if i > 0 { ", " } else { "" });
            self.sort_item(e);
        }
        self.out.push(')');
    }

    /// Prints into a buffer of its own.
    fn apart(&mut self, f: impl FnOnce(&mut Self)) -> String {
        let before = std::mem::take(&mut self.out);
        f(self);
        std::mem::replace(&mut self.out, before)
    }

    /// How long the line being written is.
    fn line(&self) -> usize {
        self.out.rsplit('\n').next().map_or(0, str::len)
    }

    fn targets(&mut self, list: &[Target], named: bool) {
        let mut several_lines = false;
        for (i, t) in list.iter().enumerate() {
            self.push(if i > 0 { ", " } else { " " });
            let text = self.apart(|p| p.target(t, named));
            if let Some(wrap) = self.wrap.filter(|_| self.indent.is_some()) {
                let begins_line = text.starts_with('\n');
                if begins_line {
                    while self.out.ends_with(' ') {
                        self.out.pop();
                    }
                } else if i > 0 && (self.line() + text.len() > wrap || several_lines) {
                    self.keyword("", -STEP, STEP, WRAPPED);
                }
                several_lines = text.get(usize::from(begins_line)..).is_some_and(|t| t.contains('\n'));
            }
            self.push(&text);
        }
    }

    fn target(&mut self, t: &Target, named: bool) {
        self.field(&t.expr);
        let Some(a) = &t.alias else { return };
        let own = match &t.expr.kind {
            ExprKind::Column(c) if !c.star => c.parts.last().map(|p| p.value.as_str()),
            _ if named => None,
            _ => Some("?column?"),
        };
        if own != Some(a.value.as_str()) {
            let _ = write!(self.out, " AS {a}");
        }
    }

    fn from(&mut self, items: &[TableRef]) {
        for (i, item) in items.iter().enumerate() {
            if i == 0 {
                self.keyword(" FROM ", -STEP, STEP, 2);
                self.table_ref(item);
                continue;
            }
            self.push(", ");
            let text = self.apart(|p| p.table_ref(item));
            if let Some(wrap) = self.wrap.filter(|_| self.indent.is_some()) {
                if text.starts_with('\n') {
                    while self.out.ends_with(' ') {
                        self.out.pop();
                    }
                } else if self.line() + text.len() > wrap {
                    self.keyword("", -STEP, STEP, WRAPPED);
                }
            }
            self.push(&text);
        }
    }

    fn column_names(&mut self, names: &[ast::Ident]) {
        if names.is_empty() {
            return;
        }
        for (i, n) in names.iter().enumerate() {
            let _ = write!(self.out, "{}{n}", if i > 0 { ", " } else { "(" });
        }
        self.out.push(')');
    }

    fn alias(&mut self, a: &Option<Alias>) {
        if let Some(a) = a {
            let _ = write!(self.out, " {}", a.name);
            self.column_names(&a.columns);
        }
    }

    fn table_name(&mut self, n: &ast::Name) {
        let found = self.show.catalog.and_then(|cat| {
            let ns = cat.namespace_named(&n.schema.as_ref()?.value)?;
            Some(relation_name(cat, self.show.search_path, cat.relation_named(ns, &n.name.value)?))
        });
        match found {
            Some(name) => self.push(&name),
            None => {
                let _ = write!(self.out, "{n}");
            }
        }
    }

    fn table_ref(&mut self, t: &TableRef) {
        match t {
            TableRef::Table(t) => {
                self.push(if t.only { "ONLY " } else { "" });
                self.table_name(&t.name);
                self.alias(&t.alias);
                if let Some(s) = &t.sample {
                    let _ = write!(self.out, " TABLESAMPLE {} (", s.method);
                    self.list(&s.args);
                    self.out.push(')');
                    if let Some(e) = &s.repeatable {
                        self.push(" REPEATABLE (");
                        self.expr(e);
                        self.out.push(')');
                    }
                }
                if let Some(a) = &t.as_of {
                    let _ = write!(self.out, " AS OF {a}");
                }
            }
            // VALUES under its own name is no query of its own.
            TableRef::Query(q) if q.alias.name.value == "*VALUES*" && matches!(q.query.body, QueryBody::Values(_)) => {
                self.out.push('(');
                if let QueryBody::Values(rows) = &q.query.body {
                    self.values(rows);
                }
                self.push(") \"*VALUES*\"");
            }
            TableRef::Query(q) => {
                self.push(if q.lateral { "LATERAL (" } else { "(" });
                self.inner_query(&q.query, true);
                self.out.push(')');
                self.alias(&Some(q.alias.clone()));
            }
            TableRef::Function(f) => {
                self.push(if f.lateral { "LATERAL " } else { "" });
                if let Some(x) = f.functions.first().and_then(xml_table) {
                    self.xml_table(x);
                    return self.alias(&f.alias);
                }
                let defined = !f.columns.is_empty() || f.functions.iter().any(|x| !x.columns.is_empty());
                let single = f.functions.len() == 1 && !(defined && f.ordinality);
                self.push(if single { "" } else { "ROWS FROM(" });
                for (i, x) in f.functions.iter().enumerate() {
                    self.push(if i > 0 { ", " } else { "" });
                    match x.func().filter(|c| c.args.len() > 1 && !c.variadic && c.name.name.value == "unnest") {
                        Some(c) if self.show.catalog.is_some() => {
                            self.push("UNNEST(");
                            c.args.iter().enumerate().for_each(|(i, a)| {
                                self.push(if i > 0 { ", " } else { "" });
                                self.expr(&a.value);
                            });
                            self.out.push(')');
                        }
                        _ => match &x.call.kind {
                            ExprKind::Cast(_, t) => {
                                self.push("CAST(");
                                self.expr(&x.call);
                                self.push(" AS ");
                                self.type_name(t);
                                self.out.push(')');
                            }
                            _ => self.expr(&x.call),
                        },
                    }
                    if !x.columns.is_empty() && !single {
                        self.push(" AS ");
                        self.definitions(&x.columns);
                    }
                }
                self.push(if single { "" } else { ")" });
                self.push(if f.ordinality { " WITH ORDINALITY" } else { "" });
                let inside = f.functions.first().map(|x| &x.columns).filter(|c| single && !c.is_empty());
                match (inside.filter(|_| f.columns.is_empty()), &f.alias) {
                    // A list inside of ROWS FROM stands outside when that is not needed, with the names of the alias.
                    (Some(list), Some(a)) => {
                        let _ = write!(self.out, " {}", a.name);
                        let mut list = list.clone();
                        list.iter_mut().zip(&a.columns).for_each(|(c, n)| c.name = n.clone());
                        self.definitions(&list);
                    }
                    _ => self.alias(&f.alias),
                }
                if !f.columns.is_empty() {
                    self.definitions(&f.columns);
                }
            }
            TableRef::Join(j) => self.join(j),
        }
    }

    fn in_parens(&mut self, e: &ast::Expr) {
        self.out.push('(');
        self.expr(e);
        self.out.push(')');
    }

    fn xml_table(&mut self, x: &ast::XmlExpr) {
        let ast::XmlOp::Table(columns) = &x.op else { return };
        self.push("XMLTABLE(");
        for (i, (uri, name)) in x.named.iter().enumerate() {
            self.push(if i > 0 { ", " } else { "XMLNAMESPACES (" });
            self.push(if name.is_none() { "DEFAULT " } else { "" });
            self.expr(uri);
            if let Some(n) = name {
                let _ = write!(self.out, " AS {n}");
            }
        }
        self.push(if x.named.is_empty() { "" } else { "), " });
        let mut args = x.args.iter();
        for word in ["", " PASSING "] {
            self.push(word);
            if let Some(e) = args.next() {
                self.in_parens(e);
            }
        }
        for (i, c) in columns.iter().enumerate() {
            let _ = write!(self.out, "{}{}", if i > 0 { ", " } else { " COLUMNS " }, c.name);
            let Some(v) = &c.value else {
                self.push(" FOR ORDINALITY");
                continue;
            };
            self.out.push(' ');
            self.type_name(&v.ty);
            let path = if v.path { args.next() } else { None };
            // The default comes first, whatever was written.
            let default = if v.default { args.next() } else { None };
            for (word, e) in [(" DEFAULT ", default), (" PATH ", path)] {
                if let Some(e) = e {
                    self.push(word);
                    self.in_parens(e);
                }
            }
            self.push(if v.not_null { " NOT NULL" } else { "" });
        }
        self.out.push(')');
    }

    fn definitions(&mut self, columns: &[ast::FieldDef]) {
        for (i, c) in columns.iter().enumerate() {
            let _ = write!(self.out, "{}{} ", if i > 0 { ", " } else { "(" }, c.name);
            self.type_name(&c.ty);
            if let Some(c) = &c.collation {
                let shown = super::collation_shown(self.show, c);
                let _ = write!(self.out, " COLLATE {shown}");
            }
        }
        self.out.push(')');
    }

    fn join(&mut self, j: &Join) {
        let parens = !self.show.pretty || j.alias.is_some();
        self.push(if parens { "(" } else { "" });
        self.table_ref(&j.left);
        let word = match (j.kind, &j.condition) {
            (JoinKind::Left, _) => " LEFT JOIN ",
            (JoinKind::Right, _) => " RIGHT JOIN ",
            (JoinKind::Full, _) => " FULL JOIN ",
            (_, JoinCondition::None) => " CROSS JOIN ",
            _ => " JOIN ",
        };
        self.keyword(word, -STEP, STEP, JOIN);
        let nested = self.show.pretty && matches!(&j.right, TableRef::Join(r) if r.alias.is_none());
        self.push(if nested { "(" } else { "" });
        self.table_ref(&j.right);
        self.push(if nested { ")" } else { "" });
        match &j.condition {
            JoinCondition::On(e) => {
                self.push(if self.show.pretty { " ON " } else { " ON (" });
                self.expr(e);
                self.push(if self.show.pretty { "" } else { ")" });
            }
            JoinCondition::Using(c, a) => {
                self.push(" USING ");
                self.column_names(c);
                if let Some(a) = a {
                    let _ = write!(self.out, " AS {a}");
                }
            }
            JoinCondition::None | JoinCondition::Natural => {}
        }
        self.push(if parens { ")" } else { "" });
        self.alias(&j.alias);
    }
}

/// XMLTABLE, if a function in FROM is that.
fn xml_table(f: &ast::TableFunction) -> Option<&ast::XmlExpr> {
    match &f.call.kind {
        ast::ExprKind::Xml(x) if matches!(x.op, ast::XmlOp::Table(_)) => Some(x),
        _ => None,
    }
}
