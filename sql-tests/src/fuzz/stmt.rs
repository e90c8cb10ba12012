//! Random statements around the expressions of [`super::expr`].
//!
//! Every statement's answer is decided: what takes some of the rows orders them by keys first. Answers are compared without
//! regard to the order of their rows.

use super::expr::{Expr, Gen, Scope, TABLES, column};
use super::facts::{BOOL, INT, TYPES, Type};
use rand::Rng;

/// A statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its text; may be several statements.
    pub sql: String,
    /// Its kind, for reports.
    pub kind: &'static str,
    /// The expression it is about and what stands behind it, if it is only about one.
    pub about: Option<(Expr, String)>,
    /// Whether it changes rows, so that it runs in a transaction that is rolled back.
    pub changes: bool,
}

/// The schema and its rows.
pub fn schema() -> Vec<String> {
    let mut out = Vec::new();
    for (n, table) in TABLES.iter().enumerate() {
        let columns: Vec<String> =
            TYPES.iter().enumerate().map(|(i, t)| format!("{} {}", column(Type(i)), t.0)).collect();
        out.push(format!("CREATE TABLE {table} (k integer PRIMARY KEY, {})", columns.join(", ")));
        for k in 0..14 {
            let values: Vec<String> = TYPES
                .iter()
                .enumerate()
                .map(|(i, t)| match (k * 7 + i * 5 + n * 3) % (t.1.len() + 1) {
                    0 => "NULL".to_owned(),
                    at => format!("'{}'", t.1.get(at - 1).copied().unwrap_or_default()),
                })
                .collect();
            out.push(format!("INSERT INTO {table} VALUES ({k}, {})", values.join(", ")));
        }
    }
    out.push("CREATE INDEX ON f0 (c1)".into());
    out.push("CREATE INDEX ON f1 (c7, c1)".into());
    out.push("CREATE INDEX ON f2 (c12 DESC)".into());
    out.push("ANALYZE".into());
    out
}

impl Gen<'_> {
    /// Any statement.
    pub fn statement(&mut self) -> Statement {
        self.reset();
        match self.rng.random_range(0..20) {
            0..=4 => self.constant(),
            5..=8 => self.projection(),
            9..=11 => self.join(),
            12..=13 => self.grouped(),
            14 => self.set_operation(),
            15..=16 => self.window(),
            17 => self.common_table(),
            _ => self.change(),
        }
    }

    fn statement_of(sql: String, kind: &'static str) -> Statement {
        Statement { sql, kind, about: None, changes: false }
    }

    fn constant(&mut self) -> Statement {
        let ty = self.any_type();
        let e = self.expr(ty, 3, &Scope::default());
        Statement {
            sql: format!("SELECT {} AS x", e.sql),
            about: Some((e, String::new())),
            ..Self::statement_of(String::new(), "constant")
        }
    }

    fn projection(&mut self) -> Statement {
        let (from, scope) = self.table(&Scope::default());
        let ty = self.any_type();
        let e = self.expr(ty, 3, &scope);
        let rest = format!(" FROM {from}");
        Statement {
            sql: format!("SELECT {} AS x{rest}", e.sql),
            about: Some((e, rest)),
            ..Self::statement_of(String::new(), "projection")
        }
    }

    /// FROM with up to three tables.
    fn from(&mut self) -> (String, Scope) {
        let (mut from, mut scope) = self.table(&Scope::default());
        for _ in 0..self.rng.random_range(0..3) {
            let kind = self.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "LATERAL"]).copied();
            let kind = kind.unwrap_or("JOIN");
            if kind == "LATERAL" {
                let outer = scope.clone();
                let (inner_from, inner) = self.table(&outer);
                let own = inner.0.last().cloned().unwrap_or_default();
                let cond = self.expr(BOOL, 2, &inner);
                let alias = self.alias();
                let join =
                    if from.contains("RIGHT") || from.contains("FULL") { "CROSS JOIN" } else { "CROSS JOIN LATERAL" };
                let cond = if join == "CROSS JOIN" { "true".into() } else { cond.sql };
                from = format!(
                    "{from} {join} (SELECT {own}.* FROM {inner_from} WHERE {cond} ORDER BY {own}.k LIMIT 3) AS {alias}"
                );
                scope.0.push(alias);
                continue;
            }
            let (table, with) = self.table(&scope);
            let (left, right) =
                (scope.0.last().cloned().unwrap_or_default(), with.0.last().cloned().unwrap_or_default());
            let on = match kind {
                "CROSS JOIN" => String::new(),
                _ => {
                    let ty = self.ordered_type();
                    let mut on = format!(" ON {left}.{} = {right}.{}", column(ty), column(ty));
                    if self.chance(30) && kind != "FULL JOIN" {
                        let pair = Scope(vec![left, right]);
                        on = format!("{on} AND {}", self.expr(BOOL, 2, &pair).sql);
                    }
                    on
                }
            };
            from = format!("{from} {kind} {table}{on}");
            scope = with;
        }
        (from, scope)
    }

    fn keys(scope: &Scope) -> String {
        scope.0.iter().map(|t| format!("{t}.k")).collect::<Vec<_>>().join(", ")
    }

    fn whether(&mut self, word: &str, scope: &Scope) -> String {
        match self.chance(70) {
            true => format!(" {word} {}", self.expr(BOOL, 3, scope).sql),
            false => String::new(),
        }
    }

    fn join(&mut self) -> Statement {
        let (from, scope) = self.from();
        let where_ = self.whether("WHERE", &scope);
        let mut list: Vec<String> = Vec::new();
        for _ in 0..self.rng.random_range(1..4) {
            let ty = self.any_type();
            list.push(self.expr(ty, 1, &scope).sql);
        }
        let limit = match self.chance(40) {
            true => format!(" LIMIT {} OFFSET {}", self.rng.random_range(0..9), self.rng.random_range(0..4)),
            false => String::new(),
        };
        let keys = Self::keys(&scope);
        Self::statement_of(
            format!("SELECT {keys}, {} FROM {from}{where_} ORDER BY {keys}{limit}", list.join(", ")),
            "join",
        )
    }

    fn grouped(&mut self) -> Statement {
        let (from, scope) = self.from();
        let where_ = self.whether("WHERE", &scope);
        let t = self.ordered_type();
        let key = self.expr(t, 1, &scope);
        let mut list = Vec::new();
        for _ in 0..self.rng.random_range(1..4) {
            let ty = self.any_type();
            list.push(self.aggregate(ty, 1, &scope).sql);
        }
        let sets = match self.rng.random_range(0..6) {
            0 => "GROUPING SETS ((1), ())".to_owned(),
            1 => "ROLLUP (1)".into(),
            _ => "1".to_owned(),
        };
        let having = if self.chance(25) { " HAVING count(*) > 1" } else { "" };
        Self::statement_of(
            format!("SELECT {}, {} FROM {from}{where_} GROUP BY {sets}{having}", key.sql, list.join(", ")),
            "grouped",
        )
    }

    fn set_operation(&mut self) -> Statement {
        let (t, u) = (self.ordered_type(), self.ordered_type());
        let side = |gen_: &mut Self| {
            let (from, scope) = gen_.table(&Scope::default());
            let (a, b) = (gen_.expr(t, 2, &scope), gen_.expr(u, 1, &scope));
            format!("SELECT {}, {} FROM {from}{}", a.sql, b.sql, gen_.whether("WHERE", &scope))
        };
        let (left, right) = (side(self), side(self));
        let op = self.pick(&["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"]).copied();
        Self::statement_of(format!("{left} {} {right}", op.unwrap_or("UNION")), "set operation")
    }

    fn window(&mut self) -> Statement {
        let (from, scope) = self.table(&Scope::default());
        let own = scope.0.first().cloned().unwrap_or_default();
        let (t, v) = (self.ordered_type(), self.ordered_type());
        let part = self.expr(t, 1, &scope);
        let arg = self.expr(v, 1, &scope);
        let call = match self.rng.random_range(0..8) {
            0 => "row_number()".to_owned(),
            1 => "rank()".to_owned(),
            2 => format!("ntile({})", self.rng.random_range(1..5)),
            3 => format!("lag({}, {})", arg.sql, self.rng.random_range(0..4)),
            4 => format!("lead({})", arg.sql),
            5 => format!("first_value({})", arg.sql),
            6 => format!("nth_value({}, {})", arg.sql, self.rng.random_range(1..4)),
            _ => format!("{}({})", self.pick(&["min", "max", "count"]).copied().unwrap_or("count"), {
                self.expr(INT, 1, &scope).sql
            }),
        };
        let frame = match self.rng.random_range(0..5) {
            0 => " ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING",
            1 => " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
            2 => " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES",
            3 => " RANGE BETWEEN 3 PRECEDING AND 2 FOLLOWING",
            _ => "",
        };
        let where_ = self.whether("WHERE", &scope);
        let sql = format!(
            "SELECT {own}.k, {call} OVER (PARTITION BY {} ORDER BY {own}.k{frame}) FROM {from}{where_}",
            part.sql
        );
        Self::statement_of(sql, "window")
    }

    fn common_table(&mut self) -> Statement {
        let (from, scope) = self.table(&Scope::default());
        let own = scope.0.first().cloned().unwrap_or_default();
        let where_ = self.whether("WHERE", &scope);
        let name = self.alias();
        let (outer, with) = self.table(&Scope(vec![name.clone()]));
        let t = self.ordered_type();
        let (e, cond) = (self.expr(t, 2, &with), self.whether("WHERE", &with));
        let how = self.pick(&["", "MATERIALIZED ", "NOT MATERIALIZED "]).copied().unwrap_or_default();
        Self::statement_of(
            format!(
                "WITH {name} AS {how}(SELECT {own}.* FROM {from}{where_}) SELECT {} FROM {name}, {outer}{cond}",
                e.sql
            ),
            "common table",
        )
    }

    fn change(&mut self) -> Statement {
        let table = self.pick(TABLES).copied().unwrap_or_default();
        let scope = Scope(vec![table.to_owned()]);
        let (t, u) = (self.any_type(), self.any_type());
        let sql = match self.rng.random_range(0..4) {
            0 => {
                let (e, f) = (self.expr(t, 2, &scope), self.expr(u, 1, &scope));
                let where_ = self.whether("WHERE", &scope);
                let second = if t == u { String::new() } else { format!(", {} = {}", column(u), f.sql) };
                format!("UPDATE {table} SET {} = {}{second}{where_} RETURNING k, {}", column(t), e.sql, column(t))
            }
            1 => {
                let other = self.alias();
                let pair = Scope(vec![table.to_owned(), other.clone()]);
                let join = self.pick(TABLES).copied().unwrap_or_default();
                let e = self.expr(t, 2, &Scope(vec![other.clone()]));
                format!(
                    "UPDATE {table} SET {} = {} FROM {join} AS {other} WHERE {table}.k = {other}.k AND {} RETURNING {table}.k",
                    column(t),
                    e.sql,
                    self.expr(BOOL, 2, &pair).sql
                )
            }
            2 => format!("DELETE FROM {table}{} RETURNING *", self.whether("WHERE", &scope)),
            _ => {
                let (from, inner) = self.table(&Scope::default());
                let own = inner.0.first().cloned().unwrap_or_default();
                let e = self.expr(t, 2, &inner);
                let conflict = match self.rng.random_range(0..3) {
                    0 => " ON CONFLICT DO NOTHING".to_owned(),
                    1 => format!(" ON CONFLICT (k) DO UPDATE SET {} = excluded.{}", column(t), column(t)),
                    _ => String::new(),
                };
                let add = if conflict.is_empty() { 100 } else { 7 };
                format!(
                    "INSERT INTO {table} (k, {}) SELECT {own}.k + {add}, {} FROM {from}{conflict} RETURNING *",
                    column(t),
                    e.sql
                )
            }
        };
        let sql = format!("{sql}; SELECT * FROM {table}");
        Statement { changes: true, ..Self::statement_of(sql, "change") }
    }
}
