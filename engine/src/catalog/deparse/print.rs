//! Expressions as PostgreSQL shows them.
//!
//! In the full form every operation stands in parentheses of its own. In the pretty form parentheses stand only where an
//! operand would be misread, or where PostgreSQL is not sure that it would not be ([`Printer::simple`]). With line breaks CASE
//! begins a line, and so do its branches.

use super::{Show, relation_name, routine_name, routine_of, type_text};
use rustydb_parser::ast::{self, Expr, ExprKind, Literal, QuantifiedRight, Step, quote_ident};
use rustydb_types::typename;
use std::fmt::Write;

/// By how much a clause's content stands to the right of the clause.
pub(super) const STEP: i32 = 8;
/// The same for JOIN.
pub(super) const JOIN: i32 = 4;
/// The same for what was wrapped.
pub(super) const WRAPPED: i32 = 4;
/// From here on indentation grows by less.
const FAR: i32 = 40;

/// What an expression is an operand of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// An operator of a priority; whether it is the first operand.
    Op(Priority, bool),
    And,
    Or,
    Not,
    /// A cast, or a function in SQL's own syntax.
    Cast,
    /// Field selection.
    Field,
    /// Any other test.
    Other,
}

/// Arithmetic priority of an operator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    Low,
    High,
    None,
}

fn priority(op: &ast::Op) -> Priority {
    match op.op.name.value.as_str() {
        _ if op.left.is_none() => Priority::None,
        "+" | "-" => Priority::Low,
        "*" | "/" | "%" => Priority::High,
        _ => Priority::None,
    }
}

/// Whether a cast to this type is only another view of the value, or goes through its text; else a function converts it.
fn plain_cast(t: &ast::TypeName) -> bool {
    let n = t.name.name.value.as_str();
    !t.dims.is_empty()
        || matches!(n, "text" | "varchar" | "oid" | "name" | "cstring" | "json" | "jsonb")
        || n.starts_with("reg")
        || t.name.schema.as_ref().is_none_or(|s| s.value != "pg_catalog")
}

/// Whether PostgreSQL keeps an expression as a call of a function, an aggregate or a window function.
pub(super) fn is_call(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Func(_) => true,
        ExprKind::Cast(x, t) => !is_constant(x, t) && !plain_cast(t),
        _ => false,
    }
}

/// Whether a cast is a typed constant.
fn is_constant(arg: &Expr, _: &ast::TypeName) -> bool {
    matches!(arg.kind, ExprKind::Literal(Literal::String(_) | Literal::Null))
}

pub(super) struct Printer<'a> {
    pub(super) out: String,
    pub(super) show: Show<'a>,
    /// Columns to indent by; `None` without line breaks.
    pub(super) indent: Option<i32>,
    /// Longest line of an output list.
    pub(super) wrap: Option<usize>,
}

impl<'a> Printer<'a> {
    pub(super) fn new(show: Show<'a>, indent: Option<i32>) -> Printer<'a> {
        Printer { out: String::new(), show, indent, wrap: None }
    }

    pub(super) fn push(&mut self, s: &str) {
        self.out.push_str(s);
    }

    /// A key word: on a line of its own with line breaks. `before` and `after` change the indentation, `plus` is for this line.
    pub(super) fn keyword(&mut self, word: &str, before: i32, after: i32, plus: i32) {
        if let Some(level) = &mut self.indent {
            *level += before;
            while self.out.ends_with(' ') {
                self.out.pop();
            }
            self.out.push('\n');
            let columns = if *level < FAR { (*level).max(0) } else { (FAR + (*level - FAR) / (STEP / 2)) % FAR };
            self.out.extend(std::iter::repeat_n(' ', usize::try_from(columns + plus).unwrap_or(0)));
            *level = (*level + after).max(0);
        }
        self.out.push_str(word);
    }

    /// An output or a field of a row, where the whole row of a table has its type with it.
    pub(super) fn field(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Cast(x, t) if matches!(&x.kind, ExprKind::Column(c) if c.star) => {
                self.expr(x);
                self.push("::");
                self.type_name(t);
            }
            _ => self.expr(e),
        }
    }

    pub(super) fn list(&mut self, items: &[Expr]) {
        for (i, e) in items.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.expr(e);
        }
    }

    /// Parentheses that the pretty form leaves out.
    fn full(&mut self, f: impl FnOnce(&mut Self)) {
        let parens = !self.show.pretty;
        if parens {
            self.out.push('(');
        }
        f(self);
        if parens {
            self.out.push(')');
        }
    }

    /// An operand: in parentheses if the pretty form needs them.
    pub(super) fn operand(&mut self, e: &Expr, within: Within) {
        let parens = self.show.pretty && !self.simple(e, within);
        if parens {
            self.out.push('(');
        }
        self.expr(e);
        if parens {
            self.out.push(')');
        }
    }

    /// Whether an operand needs no parentheses.
    fn simple(&self, e: &Expr, within: Within) -> bool {
        let in_logic = matches!(within, Within::And | Within::Or | Within::Not);
        match &e.kind {
            ExprKind::Cast(x, t) if !is_constant(x, t) && plain_cast(t) => self.simple(x, Within::Cast),
            ExprKind::Op(o) => match (priority(o), within) {
                (Priority::High, Within::Op(Priority::Low, _)) => true,
                (Priority::Low, Within::Op(Priority::Low, first))
                | (Priority::High, Within::Op(Priority::High, first)) => first,
                (_, Within::Op(..)) => false,
                _ => in_logic,
            },
            ExprKind::Quantified(q) => matches!(q.right, QuantifiedRight::Query(_)) && in_logic,
            ExprKind::Is(..) | ExprKind::Distinct { .. } | ExprKind::Exists(_) => in_logic,
            ExprKind::Subquery(_) | ExprKind::ArrayQuery(_) => in_logic,
            ExprKind::And(_) | ExprKind::Not(_) => matches!(within, Within::And | Within::Or),
            ExprKind::Or(_) => within == Within::Or,
            ExprKind::Indirection(..) => within != Within::Field,
            ExprKind::Collate(..) => false,
            _ => true,
        }
    }

    pub(super) fn string(&mut self, s: &str) {
        // What is kept must read the same under every setting; what is shown is for standard strings.
        let escapes = self.show.catalog.is_none() && s.contains('\\');
        if escapes {
            self.out.push('E');
        }
        self.out.push('\'');
        for c in s.chars() {
            if c == '\'' || (c == '\\' && escapes) {
                self.out.push(c);
            }
            self.out.push(c);
        }
        self.out.push('\'');
    }

    pub(super) fn type_name(&mut self, ty: &ast::TypeName) {
        let by_oid = ty.name.schema.as_ref().is_some_and(|s| s.value == crate::bind::define::BY_OID);
        match ty.name.name.value.parse::<u32>() {
            Ok(o) if by_oid && self.show.catalog.is_some() => self.push(&typename::with_typmod(o, -1)),
            _ => self.push(&type_text(ty)),
        }
    }

    fn cast(&mut self, arg: &Expr, ty: &ast::TypeName) {
        match &arg.kind {
            ExprKind::Row { .. } => self.expr(arg),
            ExprKind::Literal(Literal::String(s)) => {
                let named = match (self.show.catalog, ty.name.name.value.as_str(), s.parse::<u32>()) {
                    (Some(cat), "regclass", Ok(o)) => {
                        cat.relation(o).map(|r| relation_name(cat, self.show.search_path, r))
                    }
                    _ => None,
                };
                let shown = named.or_else(|| super::in_formats(self.show.formats?, ty, s));
                self.string(shown.as_deref().unwrap_or(s));
            }
            ExprKind::Literal(Literal::Null) => self.push("NULL"),
            _ => self.full(|p| p.operand(arg, Within::Cast)),
        }
        self.push("::");
        self.type_name(ty);
    }

    fn operator(&mut self, name: &ast::Name) {
        match &name.schema {
            Some(s) => {
                let _ = write!(self.out, "OPERATOR({}.{})", quote_ident(&s.value), name.name.value);
            }
            None => self.push(&name.name.value),
        }
    }

    pub(super) fn steps(&mut self, steps: &[Step]) {
        for s in steps {
            match s {
                Step::Index(e) => {
                    self.out.push('[');
                    self.expr(e);
                    self.out.push(']');
                }
                Step::Slice(a, b) => {
                    self.out.push('[');
                    a.iter().for_each(|a| self.expr(a));
                    self.out.push(':');
                    b.iter().for_each(|b| self.expr(b));
                    self.out.push(']');
                }
                other => {
                    let _ = write!(self.out, "{other}");
                }
            }
        }
    }

    fn case(&mut self, c: &ast::Case) {
        let gap = |p: &mut Self| {
            if p.indent.is_none() {
                p.out.push(' ');
            }
        };
        self.keyword("CASE", 0, WRAPPED, 0);
        if let Some(o) = &c.operand {
            self.out.push(' ');
            self.expr(o);
        }
        for (w, t) in &c.whens {
            gap(self);
            self.keyword("WHEN ", 0, 0, 0);
            self.expr(w);
            self.push(" THEN ");
            self.expr(t);
        }
        if let Some(o) = &c.otherwise {
            gap(self);
            self.keyword("ELSE ", 0, 0, 0);
            self.expr(o);
        }
        gap(self);
        self.keyword("END", -WRAPPED, 0, 0);
    }

    fn quantified(&mut self, q: &ast::Quantified) {
        match &q.right {
            QuantifiedRight::Array(a) => self.full(|p| {
                p.operand(&q.left, Within::Other);
                let _ = write!(p.out, " {} {} (", q.op.name.value, if q.all { "ALL" } else { "ANY" });
                p.operand(a, Within::Other);
                // A query in parentheses would be read as one whose rows are meant.
                if matches!(a.kind, ExprKind::Subquery(_)) {
                    p.push("::text[]");
                }
                p.out.push(')');
            }),
            QuantifiedRight::Query(inner) => {
                self.out.push('(');
                match &q.left.kind {
                    ExprKind::Row { fields, explicit: false } => {
                        self.out.push('(');
                        self.list(fields);
                        self.out.push(')');
                    }
                    _ => self.expr(&q.left),
                }
                match (q.op.name.value.as_str(), q.all) {
                    ("=", false) => self.push(" IN "),
                    (op, all) => {
                        let _ = write!(self.out, " {op} {} ", if all { "ALL" } else { "ANY" });
                    }
                }
                self.subquery(inner);
                self.out.push(')');
            }
        }
    }

    /// A query in parentheses.
    pub(super) fn subquery(&mut self, q: &ast::Query) {
        self.out.push('(');
        self.inner_query(q, false);
        self.out.push(')');
    }

    pub(super) fn name(&mut self, n: &ast::Name) {
        match self.show.catalog.and_then(|cat| routine_of(cat, n)) {
            Some(r) => {
                let name = routine_name(self.show.catalog, self.show.search_path, r);
                self.push(&name);
            }
            None if n.schema.as_ref().is_some_and(|s| s.value == "pg_catalog") => {
                let _ = write!(self.out, "{}", n.name);
            }
            None => {
                let _ = write!(self.out, "{n}");
            }
        }
    }

    /// Prints an expression, in the full form with parentheses of its own.
    pub(super) fn expr(&mut self, e: &Expr) {
        stacker::maybe_grow(128 * 1024, 1024 * 1024, || self.expr_inner(e));
    }

    fn expr_inner(&mut self, e: &Expr) {
        let not = |n: bool| if n { "NOT " } else { "" };
        match &e.kind {
            ExprKind::Literal(Literal::String(s)) => self.string(s),
            ExprKind::Op(o) => self.full(|p| {
                let own = priority(o);
                if let Some(l) = &o.left {
                    p.operand(l, Within::Op(own, true));
                    p.out.push(' ');
                }
                p.operator(&o.op);
                p.out.push(' ');
                p.operand(&o.right, Within::Op(own, false));
            }),
            ExprKind::And(v) | ExprKind::Or(v) => {
                let and = matches!(e.kind, ExprKind::And(_));
                let (word, inner) = if and { (" AND ", Within::And) } else { (" OR ", Within::Or) };
                self.full(|p| {
                    for (i, x) in v.iter().enumerate() {
                        if i > 0 {
                            p.push(word);
                        }
                        p.operand(x, inner);
                    }
                });
            }
            ExprKind::Not(x) => self.full(|p| {
                p.push("NOT ");
                p.operand(x, Within::Not);
            }),
            ExprKind::Is(x, t) => self.full(|p| {
                p.operand(x, Within::Other);
                let _ = write!(p.out, " IS {t}");
            }),
            ExprKind::Distinct { left, right, negated } => self.full(|p| {
                p.operand(left, Within::Other);
                let _ = write!(p.out, " IS {}DISTINCT FROM ", not(*negated));
                p.operand(right, Within::Other);
            }),
            ExprKind::Quantified(q) => self.quantified(q),
            ExprKind::Cast(x, t) => self.cast(x, t),
            ExprKind::Collate(x, c) => self.full(|p| {
                p.operand(x, Within::Other);
                let shown = super::collation_shown(p.show, c);
                let _ = write!(p.out, " COLLATE {shown}");
            }),
            ExprKind::Func(f) => self.call(f),
            // Writing to a string does not fail.
            ExprKind::SqlJson(j) => _ = rustydb_parser::print_sql_json(j, self),
            ExprKind::Case(c) => self.case(c),
            ExprKind::Coalesce(v) | ExprKind::Greatest(v) | ExprKind::Least(v) | ExprKind::Array(v) => {
                let (open, close) = match &e.kind {
                    ExprKind::Coalesce(_) => ("COALESCE(", ')'),
                    ExprKind::Greatest(_) => ("GREATEST(", ')'),
                    ExprKind::Least(_) => ("LEAST(", ')'),
                    _ => ("ARRAY[", ']'),
                };
                self.push(open);
                self.list(v);
                self.out.push(close);
            }
            ExprKind::NullIf(a, b) => {
                self.push("NULLIF(");
                self.expr(a);
                self.push(", ");
                self.expr(b);
                self.out.push(')');
            }
            ExprKind::Row { fields, .. } => {
                self.push("ROW(");
                for (i, f) in fields.iter().enumerate() {
                    self.push(if i > 0 { ", " } else { "" });
                    self.field(f);
                }
                self.out.push(')');
            }
            ExprKind::Grouping(v) => {
                self.push("GROUPING(");
                self.list(v);
                self.out.push(')');
            }
            ExprKind::Indirection(x, steps) => {
                // Of a row only what is itself reached into needs no parentheses, of an array only a column.
                let bare = match steps.first() {
                    Some(Step::Field(_) | Step::Star) => matches!(x.kind, ExprKind::Indirection(..)),
                    _ => match &x.kind {
                        ExprKind::Column(_) => true,
                        ExprKind::Indirection(_, s) => matches!(s.last(), Some(Step::Field(_))),
                        _ => false,
                    },
                };
                if !bare {
                    self.out.push('(');
                }
                self.expr(x);
                if !bare {
                    self.out.push(')');
                }
                self.steps(steps);
            }
            ExprKind::Exists(q) => {
                self.push("(EXISTS ");
                self.subquery(q);
                self.out.push(')');
            }
            ExprKind::Subquery(q) => self.subquery(q),
            ExprKind::ArrayQuery(q) => {
                self.push("ARRAY");
                self.subquery(q);
            }
            // Names, numbers, and what kept expressions do not contain.
            _ => {
                let _ = write!(self.out, "{e}");
            }
        }
    }
}
