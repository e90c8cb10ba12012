//! What columns and expressions are called: as in the statement, in the form in which PostgreSQL shows conditions.

use crate::bind::collation::is_collate;
use crate::exec::table::show_value;
use crate::plan::ir::{AggCall, Col, ColId, Expr, ExprKind, Scan, SortKey};
use rustydb_parser::ast::quote_ident;
use rustydb_types::ctx::FormatSettings;
use rustydb_types::datum::Datum;
use rustydb_types::{oid, pgdata, typename};
use std::collections::HashMap;

/// Names of a statement's columns. They are given from the leaves up, so that a projected column is called what it stands
/// for.
pub struct Names {
    map: HashMap<ColId, String>,
    subs: usize,
    qualified: bool,
}

impl Names {
    /// Without any; with several tables, columns are `qualified`.
    pub fn new(qualified: bool) -> Names {
        Names { map: HashMap::new(), subs: 0, qualified }
    }

    /// Names a column.
    pub fn give(&mut self, id: ColId, name: String) {
        self.map.insert(id, name);
    }

    /// Names columns after the expressions that compute them.
    pub fn computed(&mut self, exprs: &[(Col, Expr)]) {
        for (c, e) in exprs {
            let text = self.expr(e);
            self.give(c.id, text);
        }
    }

    /// Columns at the same places of two lists are the same.
    pub fn same(&mut self, cols: &[Col], as_in: &[Col]) {
        for (c, o) in cols.iter().zip(as_in) {
            if let Some(name) = self.map.get(&o.id).cloned() {
                self.map.entry(c.id).or_insert(name);
            }
        }
    }

    /// Names the columns of VALUES.
    pub fn values(&mut self, cols: &[Col]) {
        for (i, c) in cols.iter().enumerate() {
            self.give(c.id, format!("\"*VALUES*\".column{}", i + 1));
        }
    }

    /// Names the columns of a table.
    pub fn scan(&mut self, s: &Scan) {
        for (c, attnum) in &s.cols {
            let name = match attnum {
                -1 => "ctid".to_owned(),
                -6 => "tableoid".to_owned(),
                n => s.table.attribute(*n).map(|a| quote_ident(&a.name).to_string()).unwrap_or_default(),
            };
            self.give(c.id, if self.qualified { format!("{}.{name}", quote_ident(&s.alias)) } else { name });
        }
    }

    /// Names aggregates.
    pub fn aggregates(&mut self, aggs: &[(Col, AggCall)]) {
        for (c, a) in aggs {
            let args = match a.args.is_empty() && a.proc.proname == "count" {
                true => "*".to_owned(),
                false => self.list(&a.args),
            };
            let distinct = if a.distinct { "DISTINCT " } else { "" };
            self.give(c.id, format!("{}({distinct}{args})", a.proc.proname));
        }
    }

    /// Numbers a subquery and names its answer.
    pub fn subquery(&mut self, answer: ColId, constant: bool) {
        self.subs += 1;
        let what = if constant { "InitPlan" } else { "SubPlan" };
        self.give(answer, format!("({what} {})", self.subs));
    }

    /// Sort keys.
    pub fn keys(&self, keys: &[SortKey]) -> Vec<String> {
        let key = |k: &SortKey| {
            let nulls = match (k.desc, k.nulls_first) {
                (false, true) => " NULLS FIRST",
                (true, false) => " NULLS LAST",
                _ => "",
            };
            format!("{}{}{nulls}", self.expr(&k.expr), if k.desc { " DESC" } else { "" })
        };
        keys.iter().map(key).collect()
    }

    /// Columns by name.
    pub fn columns(&self, cols: &[Col]) -> Vec<String> {
        cols.iter().map(|c| self.column(c.id)).collect()
    }

    /// Several expressions.
    pub fn each(&self, v: &[Expr]) -> Vec<String> {
        v.iter().map(|e| self.expr(e)).collect()
    }

    /// A conjunction.
    pub fn all(&self, conds: &[Expr]) -> String {
        let parts: Vec<String> = conds.iter().map(|c| self.expr(c)).collect();
        match parts.as_slice() {
            [one] => one.clone(),
            many => format!("({})", many.join(" AND ")),
        }
    }

    /// A column.
    pub fn column(&self, id: ColId) -> String {
        self.map.get(&id).cloned().unwrap_or_else(|| format!("${id}"))
    }

    fn list(&self, v: &[Expr]) -> String {
        v.iter().map(|e| self.expr(e)).collect::<Vec<_>>().join(", ")
    }

    fn joined(&self, v: &[Expr], word: &str) -> String {
        let parts: Vec<String> = v.iter().map(|e| self.expr(e)).collect();
        format!("({})", parts.join(word))
    }

    /// An expression.
    pub fn expr(&self, e: &Expr) -> String {
        match &e.kind {
            ExprKind::Const(d) => constant(e, d),
            ExprKind::Param(n) => format!("${}", n + 1),
            ExprKind::Column(id) => self.column(*id),
            ExprKind::Call { proc, args, .. } => self.call(e, proc, args),
            ExprKind::Relabel(x) if is_collate(e) => {
                let name = rustydb_types::collation::name(e.ty.collation).unwrap_or_default();
                let text = format!("{} COLLATE {}", self.expr(x), quote_ident(&name));
                if matches!(x.kind, ExprKind::Const(_)) { text } else { format!("({text})") }
            }
            ExprKind::ViaIo(x) | ExprKind::Relabel(x) | ExprKind::Domain(x) => {
                format!("({})::{}", self.expr(x), typename::with_typmod(e.ty.oid, e.ty.typmod))
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
                format!("({})::{}", self.expr(arg), typename::with_typmod(e.ty.oid, e.ty.typmod))
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
                format!("({})::{}", self.expr(a), typename::with_typmod(e.ty.oid, e.ty.typmod))
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
    let ty = || typename::with_typmod(e.ty.oid, -1);
    match d {
        Datum::Null => format!("NULL::{}", ty()),
        Datum::Bool(b) => b.to_string(),
        Datum::Int4(v) if *v >= 0 => shown,
        Datum::Numeric(_) if e.ty.oid == oid::NUMERIC && !shown.starts_with('-') => shown,
        _ => format!("'{}'::{}", shown.replace('\'', "''"), ty()),
    }
}
