//! Random expressions of a wanted type, kept as trees so that a difference can be narrowed to its smallest part.

use super::facts::{BOOL, Callable, Facts, Form, INT, TYPES, Type, UNORDERED};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// An expression.
#[derive(Debug, Clone)]
pub struct Expr {
    /// Its text, in parentheses where needed.
    pub sql: String,
    /// What it is made by: an operator, a function, a piece of syntax.
    pub made_by: String,
    /// Its parts, each an expression that stands alone.
    pub parts: Vec<Expr>,
}

impl Expr {
    fn leaf(sql: String, made_by: &str) -> Self {
        Self { sql, made_by: made_by.to_owned(), parts: Vec::new() }
    }

    /// An expression that is not narrowed further.
    pub(super) fn alone(sql: String, made_by: &str) -> Self {
        Self::leaf(sql, made_by)
    }

    fn of(sql: String, made_by: impl Into<String>, parts: Vec<Self>) -> Self {
        Self { sql, made_by: made_by.into(), parts }
    }
}

/// A row source that columns may be taken from: every table has one column per type.
#[derive(Debug, Clone, Default)]
pub struct Scope(pub Vec<String>);

/// The generator of one session.
#[derive(Debug)]
pub struct Gen<'f> {
    /// What may be called.
    pub facts: &'f Facts,
    /// The dice.
    pub rng: StdRng,
    aliases: u32,
}

/// Tables of the schema.
pub const TABLES: &[&str] = &["f0", "f1", "f2"];

/// The column of a type.
pub fn column(ty: Type) -> String {
    format!("c{}", ty.0)
}

impl<'f> Gen<'f> {
    /// A generator.
    pub fn new(facts: &'f Facts, rng: StdRng) -> Self {
        Self { facts, rng, aliases: 0 }
    }

    /// A name not used in this statement yet.
    pub fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("a{}", self.aliases)
    }

    /// Begins a new statement.
    pub fn reset(&mut self) {
        self.aliases = 0;
    }

    /// Whether something of `percent` chance happens.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// Any of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.choose(&mut self.rng)
    }

    /// Any type.
    pub fn any_type(&mut self) -> Type {
        Type(self.rng.random_range(0..self.facts.types.len()))
    }

    /// A type that can be compared.
    pub fn ordered_type(&mut self) -> Type {
        loop {
            let ty = self.any_type();
            if !UNORDERED.contains(&self.facts.name(ty)) {
                return ty;
            }
        }
    }

    /// A constant.
    pub fn literal(&mut self, ty: Type) -> Expr {
        if self.chance(6) {
            return Expr::leaf(format!("NULL::{}", self.facts.name(ty)), "null");
        }
        let values = TYPES.get(ty.0).map_or(&[][..], |t| t.1);
        let value = self.pick(values).copied().unwrap_or_default();
        let plain = matches!(self.facts.name(ty), "integer" | "numeric") && value.parse::<i32>().is_ok_and(|v| v >= 0);
        let sql =
            if plain { value.to_owned() } else { format!("'{}'::{}", value.replace('\'', "''"), self.facts.name(ty)) };
        Expr::leaf(sql, "constant")
    }

    fn leaf(&mut self, ty: Type, scope: &Scope) -> Expr {
        if !scope.0.is_empty() && self.chance(75) {
            let table = self.pick(&scope.0).cloned().unwrap_or_default();
            return Expr::leaf(format!("{table}.{}", column(ty)), "column");
        }
        self.literal(ty)
    }

    /// An expression of a type, at most `depth` calls deep.
    pub fn expr(&mut self, ty: Type, depth: u32, scope: &Scope) -> Expr {
        if depth == 0 || self.chance(15) {
            return self.leaf(ty, scope);
        }
        let syntax = if ty == BOOL { 45 } else { 15 };
        if self.chance(syntax) {
            return if ty == BOOL { self.condition(depth, scope) } else { self.syntax(ty, depth, scope) };
        }
        let facts = self.facts;
        let templates = facts.templates.get(&ty.0).filter(|_| self.chance(20));
        let Some(call) = templates.or_else(|| facts.by_result.get(&ty.0)).and_then(|c| self.pick(c)) else {
            return self.leaf(ty, scope);
        };
        self.call(call, depth, scope)
    }

    fn call(&mut self, call: &Callable, depth: u32, scope: &Scope) -> Expr {
        let parts: Vec<Expr> = call.args.iter().map(|a| self.expr(*a, depth - 1, scope)).collect();
        let text = |i: usize| parts.get(i).map_or("", |p| p.sql.as_str());
        let sql = match (call.form, parts.len()) {
            (Form::Operator, 1) => format!("({} {})", call.name, text(0)),
            (Form::Operator, _) => format!("({} {} {})", text(0), call.name, text(1)),
            (Form::Template, _) => {
                // From the last, so that `$1` is not taken for the beginning of `$10`.
                let filled = |text: String, (i, p): (usize, &Expr)| text.replace(&format!("${}", i + 1), &p.sql);
                parts.iter().enumerate().rev().fold(call.name.clone(), filled)
            }
            (Form::Cast, _) => format!("CAST({} AS {})", text(0), self.facts.name(call.result)),
            _ => format!("\"{}\"({})", call.name, parts.iter().map(|p| p.sql.as_str()).collect::<Vec<_>>().join(", ")),
        };
        Expr::of(sql, call.signature.clone(), parts)
    }

    /// Syntax that yields any type.
    fn syntax(&mut self, ty: Type, depth: u32, scope: &Scope) -> Expr {
        let d = depth - 1;
        match self.rng.random_range(0..5) {
            0 => {
                let (c, a, b) = (self.expr(BOOL, d, scope), self.expr(ty, d, scope), self.expr(ty, d, scope));
                Expr::of(format!("CASE WHEN {} THEN {} ELSE {} END", c.sql, a.sql, b.sql), "CASE", vec![c, a, b])
            }
            1 => {
                let (a, b) = (self.expr(ty, d, scope), self.expr(ty, d, scope));
                Expr::of(format!("COALESCE({}, {})", a.sql, b.sql), "COALESCE", vec![a, b])
            }
            2 if !UNORDERED.contains(&self.facts.name(ty)) => {
                let (a, b) = (self.expr(ty, d, scope), self.expr(ty, d, scope));
                let name = if self.chance(50) { "GREATEST" } else { "LEAST" };
                Expr::of(format!("{name}({}, {})", a.sql, b.sql), format!("{name} {}", self.facts.name(ty)), vec![a, b])
            }
            3 if !UNORDERED.contains(&self.facts.name(ty)) => {
                let (a, b) = (self.expr(ty, d, scope), self.expr(ty, d, scope));
                Expr::of(format!("NULLIF({}, {})", a.sql, b.sql), format!("NULLIF {}", self.facts.name(ty)), vec![a, b])
            }
            _ => self.subquery(ty, d, scope),
        }
    }

    /// A subquery of one value.
    fn subquery(&mut self, ty: Type, depth: u32, scope: &Scope) -> Expr {
        let (from, inner) = self.table(scope);
        let value = self.expr(ty, depth.min(1), &inner);
        let cond = self.expr(BOOL, depth.min(1), &inner);
        let own = inner.0.last().cloned().unwrap_or_default();
        Expr::of(
            format!("(SELECT {} FROM {from} WHERE {} ORDER BY {own}.k LIMIT 1)", value.sql, cond.sql),
            "scalar subquery",
            Vec::new(),
        )
    }

    /// A table in FROM with a scope that has its columns too.
    pub fn table(&mut self, outer: &Scope) -> (String, Scope) {
        let table = self.pick(TABLES).copied().unwrap_or_default();
        let alias = self.alias();
        let mut inner = outer.clone();
        inner.0.push(alias.clone());
        (format!("{table} AS {alias}"), inner)
    }

    fn condition(&mut self, depth: u32, scope: &Scope) -> Expr {
        let d = depth - 1;
        match self.rng.random_range(0..9) {
            0 => {
                let (a, b) = (self.expr(BOOL, d, scope), self.expr(BOOL, d, scope));
                let op = if self.chance(50) { "AND" } else { "OR" };
                Expr::of(format!("({} {op} {})", a.sql, b.sql), op, vec![a, b])
            }
            1 => {
                let a = self.expr(BOOL, d, scope);
                Expr::of(format!("(NOT {})", a.sql), "NOT", vec![a])
            }
            2 => {
                let ty = self.any_type();
                let a = self.expr(ty, d, scope);
                let not = if self.chance(50) { " NOT" } else { "" };
                Expr::of(format!("({} IS{not} NULL)", a.sql), "IS NULL", vec![a])
            }
            3 => {
                let ty = self.ordered_type();
                let parts: Vec<Expr> = (0..3).map(|_| self.expr(ty, d, scope)).collect();
                let not = if self.chance(30) { " NOT" } else { "" };
                let [a, b, c] = parts.as_slice() else { return self.literal(BOOL) };
                let sql = if self.chance(50) {
                    format!("({}{not} IN ({}, {}))", a.sql, b.sql, c.sql)
                } else {
                    format!("({}{not} BETWEEN {} AND {})", a.sql, b.sql, c.sql)
                };
                Expr::of(sql, format!("IN or BETWEEN {}", self.facts.name(ty)), parts)
            }
            4 => {
                let ty = self.ordered_type();
                let (a, b) = (self.expr(ty, d, scope), self.expr(ty, d, scope));
                let not = if self.chance(50) { " NOT" } else { "" };
                let made_by = format!("IS DISTINCT FROM {}", self.facts.name(ty));
                Expr::of(format!("({} IS{not} DISTINCT FROM {})", a.sql, b.sql), made_by, vec![a, b])
            }
            5 => {
                let (from, inner) = self.table(scope);
                let cond = self.expr(BOOL, d.min(2), &inner);
                Expr::of(format!("EXISTS (SELECT 1 FROM {from} WHERE {})", cond.sql), "EXISTS", Vec::new())
            }
            6 => {
                let ty = self.ordered_type();
                let a = self.expr(ty, d, scope);
                let (from, inner) = self.table(scope);
                let b = self.expr(ty, d.min(1), &inner);
                let cond = self.expr(BOOL, d.min(1), &inner);
                let not = if self.chance(30) { " NOT" } else { "" };
                let sql = format!("({}{not} IN (SELECT {} FROM {from} WHERE {}))", a.sql, b.sql, cond.sql);
                Expr::of(sql, "IN subquery", vec![a])
            }
            7 => {
                let (t, u) = (self.ordered_type(), self.ordered_type());
                let parts = vec![
                    self.expr(t, d, scope),
                    self.expr(u, d, scope),
                    self.expr(t, d, scope),
                    self.expr(u, d, scope),
                ];
                let op = self.pick(&["=", "<>", "<", ">=", ">"]).copied().unwrap_or("=");
                let [a, b, c, e] = parts.as_slice() else { return self.literal(BOOL) };
                let made_by = format!("ROW {op} {}, {}", self.facts.name(t), self.facts.name(u));
                Expr::of(format!("(({}, {}) {op} ({}, {}))", a.sql, b.sql, c.sql, e.sql), made_by, parts)
            }
            _ => {
                let a = self.expr(INT, d, scope);
                let op = self.pick(&["=", "<>", "<", ">=", ">"]).copied().unwrap_or("=");
                let b = self.expr(INT, d, scope);
                Expr::of(format!("({} {op} {})", a.sql, b.sql), format!("integer {op}"), vec![a, b])
            }
        }
    }

    /// An aggregate call of a type over the scope's rows. Its argument is ordered, since sums of floats and lists depend on
    /// the order of their input.
    pub fn aggregate(&mut self, ty: Type, depth: u32, scope: &Scope) -> Expr {
        let facts = self.facts;
        let Some(call) = facts.aggregates.get(&ty.0).and_then(|c| self.pick(c)) else {
            return Expr::leaf("count(*)".into(), "count");
        };
        if call.args.is_empty() {
            return Expr::leaf(format!("{}(*)", call.name), "count");
        }
        let parts: Vec<Expr> = call.args.iter().map(|a| self.expr(*a, depth, scope)).collect();
        let args = parts.iter().map(|p| p.sql.as_str()).collect::<Vec<_>>().join(", ");
        let args = if self.chance(10) && parts.len() == 1 && !UNORDERED.contains(&self.facts.name(call.args[0])) {
            // DISTINCT allows no other order than the argument's.
            return Expr::of(
                format!("\"{}\"(DISTINCT {args} ORDER BY {args})", call.name),
                call.signature.clone(),
                parts,
            );
        } else {
            args
        };
        let keys = scope.0.iter().map(|t| format!("{t}.k")).collect::<Vec<_>>().join(", ");
        let filter = match self.chance(20) {
            true => format!(" FILTER (WHERE {})", self.expr(BOOL, 1, scope).sql),
            false => String::new(),
        };
        Expr::of(format!("\"{}\"({args} ORDER BY {keys}){filter}", call.name), call.signature.clone(), parts)
    }
}
