//! EXPLAIN's lines for a point program, in PostgreSQL's form. Costs are our own estimates.

use super::PointPlan;
use super::access::{PathDraft, ScanDraft};
use super::draft::{Draft, Kind};
use crate::exec::table::show_value;
use crate::plan::ir::{ColId, Expr, ExprKind, JoinKind};
use rustydb_parser::ast::quote_ident;
use rustydb_types::ctx::FormatSettings;
use rustydb_types::datum::Datum;
use rustydb_types::{oid, pgdata, typename};
use std::collections::HashMap;

/// Cost of a descent through an index, and of looking at a row.
const DESCENT: f64 = 0.29;
const ROW: f64 = 0.02;

/// An operator's text.
struct Text {
    head: String,
    details: Vec<String>,
    children: Vec<Text>,
    /// A heading over its child, no operator.
    title: bool,
}

impl Text {
    fn lines(&self, indent: usize, out: &mut Vec<String>) {
        let arrow = if indent == 0 || self.title { "" } else { "->  " };
        out.push(format!("{}{arrow}{}", " ".repeat(indent), self.head));
        let inner = indent + arrow.len() + 2;
        out.extend(self.details.iter().map(|d| format!("{}{d}", " ".repeat(inner))));
        self.children.iter().for_each(|c| c.lines(inner, out));
    }
}

/// The plan's lines.
pub fn explain(plan: &PointPlan, costs: bool) -> Vec<String> {
    let mut names = Names { map: HashMap::new(), subs: 0, costs };
    let many = plan.draft.scans() > 1;
    names.collect(&plan.draft, many);
    let mut out = Vec::new();
    names.operator(&plan.draft).lines(0, &mut out);
    out
}

/// What columns are called.
struct Names {
    map: HashMap<ColId, String>,
    /// Subqueries so far.
    subs: usize,
    costs: bool,
}

impl Names {
    /// Names columns from the leaves up, so that a projected column is called what it stands for.
    fn collect(&mut self, d: &Draft, qualified: bool) {
        match &d.kind {
            Kind::Values { cols, .. } => {
                for (i, c) in cols.iter().enumerate() {
                    self.map.insert(c.id, format!("\"*VALUES*\".column{}", i + 1));
                }
            }
            Kind::Scan(s) => {
                for (c, attnum) in &s.scan.cols {
                    let name = match attnum {
                        -1 => "ctid".to_owned(),
                        -6 => "tableoid".to_owned(),
                        n => s.table.rel.attribute(*n).map(|a| quote_ident(&a.name).to_string()).unwrap_or_default(),
                    };
                    let name = if qualified { format!("{}.{name}", quote_ident(&s.scan.alias)) } else { name };
                    self.map.insert(c.id, name);
                }
            }
            Kind::Project { input, exprs } => {
                self.collect(input, qualified);
                for (c, e) in exprs {
                    let text = self.expr(e);
                    self.map.insert(c.id, text);
                }
            }
            Kind::Join { left, right, .. } => {
                self.collect(left, qualified);
                self.collect(right, qualified);
            }
            Kind::Append { cols, branches, .. } => {
                for (d, own) in branches {
                    self.collect(d, qualified);
                    for (c, o) in cols.iter().zip(own) {
                        if let Some(name) = self.map.get(&o.id).cloned() {
                            self.map.entry(c.id).or_insert(name);
                        }
                    }
                }
            }
            Kind::Subqueries { input, subs } => {
                self.collect(input, qualified);
                for s in subs {
                    self.collect(&s.draft, qualified);
                    self.subs += 1;
                    let name = match s.constant {
                        true => format!("InitPlan {}", self.subs),
                        false => format!("SubPlan {}", self.subs),
                    };
                    self.map.insert(s.col.id, format!("({name})"));
                }
            }
            Kind::Aggregate { input, groups, aggs } => {
                self.collect(input, qualified);
                for (c, e) in groups {
                    let text = self.expr(e);
                    self.map.insert(c.id, text);
                }
                for (c, a) in aggs {
                    let args = if a.args.is_empty() && a.proc.proname == "count" {
                        "*".to_owned()
                    } else {
                        self.list(&a.args)
                    };
                    let distinct = if a.distinct { "DISTINCT " } else { "" };
                    self.map.insert(c.id, format!("{}({distinct}{args})", a.proc.proname));
                }
            }
            Kind::Filter { input, .. }
            | Kind::Limit { input, .. }
            | Kind::Sort { input, .. }
            | Kind::Distinct { input, .. }
            | Kind::Lock { input, .. } => self.collect(input, qualified),
        }
    }

    fn head(&self, what: impl Into<String>, d: &Draft) -> String {
        let what = what.into();
        if !self.costs {
            return what;
        }
        let mut start =
            if matches!(&d.kind, Kind::Scan(s) if matches!(s.path, PathDraft::Index(_))) { DESCENT } else { 0.0 };
        let total = DESCENT + d.touched * ROW + d.rows * 0.01;
        if matches!(d.kind, Kind::Sort { .. } | Kind::Aggregate { .. }) {
            start = total - d.rows.min(1.0) * 0.01;
        }
        format!("{what}  (cost={start:.2}..{total:.2} rows={} width={})", d.rows.ceil().max(1.0), width(d))
    }

    fn operator(&self, d: &Draft) -> Text {
        let over = |what: &str, details: Vec<String>, input: &Draft| Text {
            head: self.head(what, d),
            details,
            children: vec![self.operator(input)],
            title: false,
        };
        match &d.kind {
            Kind::Values { rows, .. } => {
                let what = if rows.len() == 1 { "Result" } else { "Values Scan on \"*VALUES*\"" };
                Text { head: self.head(what, d), details: vec![], children: vec![], title: false }
            }
            Kind::Scan(s) => self.scan(s, d),
            // Computing columns is part of the operator below.
            Kind::Project { input, .. } => self.operator(input),
            Kind::Filter { input, preds } => {
                let mut t = self.operator(input);
                t.details.push(format!("Filter: {}", self.all(preds)));
                t
            }
            Kind::Join { kind, left, right, .. } => {
                let what = match kind {
                    JoinKind::Left => "Nested Loop Left Join",
                    JoinKind::Semi => "Nested Loop Semi Join",
                    JoinKind::Anti => "Nested Loop Anti Join",
                    _ => "Nested Loop",
                };
                Text {
                    head: self.head(what, d),
                    details: vec![],
                    children: vec![self.operator(left), self.operator(right)],
                    title: false,
                }
            }
            Kind::Append { branches, .. } => Text {
                head: self.head("Append", d),
                details: vec![],
                children: branches.iter().map(|b| self.operator(&b.0)).collect(),
                title: false,
            },
            Kind::Limit { input, .. } => over("Limit", vec![], input),
            Kind::Sort { input, keys, .. } => {
                let keys: Vec<String> = keys
                    .iter()
                    .map(|k| {
                        let nulls = match (k.desc, k.nulls_first) {
                            (false, true) => " NULLS FIRST",
                            (true, false) => " NULLS LAST",
                            _ => "",
                        };
                        format!("{}{}{nulls}", self.expr(&k.expr), if k.desc { " DESC" } else { "" })
                    })
                    .collect();
                over("Sort", vec![format!("Sort Key: {}", keys.join(", "))], input)
            }
            Kind::Distinct { input, key } => {
                let key: Vec<String> = key.iter().map(|c| self.column(c.id)).collect();
                over("HashAggregate", vec![format!("Group Key: {}", key.join(", "))], input)
            }
            Kind::Aggregate { input, groups, .. } if groups.is_empty() => over("Aggregate", vec![], input),
            Kind::Aggregate { input, groups, .. } => {
                let key: Vec<String> = groups.iter().map(|g| self.expr(&g.1)).collect();
                over("HashAggregate", vec![format!("Group Key: {}", key.join(", "))], input)
            }
            Kind::Subqueries { input, subs } => {
                let mut t = self.operator(input);
                for s in subs {
                    let name = self.column(s.col.id);
                    let head = name.trim_matches(['(', ')']).to_owned();
                    let children = vec![self.operator(&s.draft)];
                    t.children.push(Text { head, details: vec![], children, title: true });
                }
                t
            }
            Kind::Lock { input, .. } => over("LockRows", vec![], input),
        }
    }

    fn scan(&self, s: &ScanDraft, d: &Draft) -> Text {
        let name = quote_ident(&s.table.rel.name).to_string();
        let shown =
            if s.scan.alias == s.table.rel.name { name } else { format!("{name} {}", quote_ident(&s.scan.alias)) };
        let mut details = Vec::new();
        let what = match &s.path {
            PathDraft::Heap => format!("Seq Scan on {shown}"),
            PathDraft::Index(i) => {
                if !s.key_conds.is_empty() {
                    details.push(format!("Index Cond: {}", self.all(&s.key_conds)));
                }
                let back = if i.reverse { " Backward" } else { "" };
                let index = &s.table.indexes[i.index].def.name;
                format!("Index Scan{back} using {} on {shown}", quote_ident(index))
            }
        };
        if !s.quals.is_empty() {
            details.push(format!("Filter: {}", self.all(&s.quals)));
        }
        Text { head: self.head(what, d), details, children: vec![], title: false }
    }

    /// A conjunction.
    fn all(&self, conds: &[Expr]) -> String {
        let parts: Vec<String> = conds.iter().map(|c| self.expr(c)).collect();
        match parts.as_slice() {
            [one] => one.clone(),
            many => format!("({})", many.join(" AND ")),
        }
    }

    fn column(&self, id: ColId) -> String {
        self.map.get(&id).cloned().unwrap_or_else(|| format!("${id}"))
    }

    fn list(&self, v: &[Expr]) -> String {
        v.iter().map(|e| self.expr(e)).collect::<Vec<_>>().join(", ")
    }

    fn joined(&self, v: &[Expr], word: &str) -> String {
        let parts: Vec<String> = v.iter().map(|e| self.expr(e)).collect();
        format!("({})", parts.join(word))
    }

    /// An expression in the form in which PostgreSQL shows conditions.
    fn expr(&self, e: &Expr) -> String {
        match &e.kind {
            ExprKind::Const(d) => constant(e, d),
            ExprKind::Param(n) => format!("${}", n + 1),
            ExprKind::Column(id) => self.column(*id),
            ExprKind::Call { proc, args, .. } => self.call(e, proc, args),
            ExprKind::ViaIo(x) | ExprKind::Relabel(x) | ExprKind::Domain(x) => {
                format!("({})::{}", self.expr(x), typename::format_type(e.ty.oid, e.ty.typmod))
            }
            ExprKind::Typmod { arg, .. } => self.expr(arg),
            ExprKind::And(v) => self.joined(v, " AND "),
            ExprKind::Or(v) => self.joined(v, " OR "),
            ExprKind::Not(x) => format!("(NOT {})", self.expr(x)),
            ExprKind::IsNull { arg, negated } => {
                format!("({} IS {}NULL)", self.expr(arg), if *negated { "NOT " } else { "" })
            }
            ExprKind::Coalesce(v) => format!("COALESCE({})", self.list(v)),
            ExprKind::MinMax { args, greatest, .. } => {
                format!("{}({})", if *greatest { "GREATEST" } else { "LEAST" }, self.list(args))
            }
            ExprKind::ArrayOp { proc, left, array, all, .. } => {
                let op = operator_name(proc.oid).unwrap_or(proc.proname);
                let word = if *all { "ALL" } else { "ANY" };
                format!("({} {op} {word} ({}))", self.expr(left), self.expr(array))
            }
            ExprKind::Array { items, .. } => format!("ARRAY[{}]", self.list(items)),
            ExprKind::Row(v) | ExprKind::WholeRow(v) => format!("ROW({})", self.list(v)),
            ExprKind::NullIf { left, right, .. } => format!("NULLIF({}, {})", self.expr(left), self.expr(right)),
            ExprKind::Distinct { left, right, negated, .. } => {
                let not = if *negated { "NOT " } else { "" };
                format!("({} IS {not}DISTINCT FROM {})", self.expr(left), self.expr(right))
            }
            ExprKind::RowCompare { strategy, left, right, .. } => {
                let op = ["<", "<=", "=", ">=", ">"].get(usize::from(*strategy).wrapping_sub(1)).unwrap_or(&"?");
                format!("(ROW({}) {op} ROW({}))", self.list(left), self.list(right))
            }
            ExprKind::Case { operand, whens, otherwise } => {
                let mut s = String::from("CASE");
                if let Some(o) = operand {
                    s.push_str(&format!(" {}", self.expr(o)));
                }
                for (w, t) in whens {
                    s.push_str(&format!(" WHEN {} THEN {}", self.expr(w), self.expr(t)));
                }
                format!("{s} ELSE {} END", self.expr(otherwise))
            }
            ExprKind::BoolTest { arg, .. }
            | ExprKind::Field(arg, _)
            | ExprKind::Subscript { arg, .. }
            | ExprKind::SetField { row: arg, .. }
            | ExprKind::SetElement { array: arg, .. } => {
                format!("({})", self.expr(arg))
            }
            ExprKind::ArrayMap { arg, .. } => {
                format!("({})::{}", self.expr(arg), typename::format_type(e.ty.oid, e.ty.typmod))
            }
            ExprKind::SqlValue(v) => format!("{v:?}"),
            ExprKind::NextVal(seq) => format!("nextval('{seq}'::regclass)"),
            ExprKind::CaseValue => "CASE_TEST_EXPR".to_owned(),
            ExprKind::Subquery(_) => "(SubPlan)".to_owned(),
            ExprKind::SetToDefault => "DEFAULT".to_owned(),
        }
    }

    fn call(&self, e: &Expr, proc: &pgdata::Proc, args: &[Expr]) -> String {
        match (operator_name(proc.oid), args) {
            (Some(op), [a, b]) => format!("({} {op} {})", self.expr(a), self.expr(b)),
            (Some(op), [a]) => format!("({op} {})", self.expr(a)),
            (_, [a, ..]) if pgdata::cast(a.ty.oid, e.ty.oid).is_some_and(|c| c.castfunc == proc.oid) => {
                format!("({})::{}", self.expr(a), typename::format_type(e.ty.oid, e.ty.typmod))
            }
            _ => format!("{}({})", proc.proname, self.list(args)),
        }
    }
}

fn operator_name(proc: u32) -> Option<&'static str> {
    pgdata::operators().iter().find(|o| o.oprcode == proc).map(|o| o.oprname)
}

fn constant(e: &Expr, d: &Datum) -> String {
    let shown = show_value(&FormatSettings::default(), e.ty, d, usize::MAX);
    let ty = || typename::format_type(e.ty.oid, -1);
    match d {
        Datum::Null => format!("NULL::{}", ty()),
        Datum::Bool(b) => b.to_string(),
        Datum::Int4(v) if *v >= 0 => shown,
        Datum::Numeric(_) if e.ty.oid == oid::NUMERIC && !shown.starts_with('-') => shown,
        _ => format!("'{}'::{}", shown.replace('\'', "''"), ty()),
    }
}

/// About the bytes of an output row.
fn width(d: &Draft) -> i32 {
    let ty = |o: u32| pgdata::pg_type(o).map_or(32, |t| if t.typlen > 0 { i32::from(t.typlen) } else { 32 });
    match &d.kind {
        Kind::Values { cols, .. } => cols.iter().map(|c| ty(c.ty.oid)).sum(),
        Kind::Scan(s) => s.scan.cols.iter().map(|c| ty(c.0.ty.oid)).sum(),
        Kind::Append { cols, .. } => cols.iter().map(|c| ty(c.ty.oid)).sum(),
        Kind::Project { exprs, .. } => exprs.iter().map(|x| ty(x.0.ty.oid)).sum(),
        Kind::Aggregate { groups, aggs, .. } => {
            groups.iter().map(|g| g.0).chain(aggs.iter().map(|a| a.0)).map(|c| ty(c.ty.oid)).sum()
        }
        Kind::Subqueries { input, subs } => width(input) + subs.iter().map(|s| ty(s.col.ty.oid)).sum::<i32>(),
        Kind::Join { left, right, kind, .. } => {
            width(left) + if matches!(kind, JoinKind::Semi | JoinKind::Anti) { 0 } else { width(right) }
        }
        Kind::Filter { input, .. }
        | Kind::Limit { input, .. }
        | Kind::Sort { input, .. }
        | Kind::Distinct { input, .. }
        | Kind::Lock { input, .. } => width(input),
    }
}
