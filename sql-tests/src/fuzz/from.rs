//! FROM: joins of every kind, lateral subqueries, functions and lists of values.

use super::expr::{Expr, Gen, Scope, column};
use super::facts::{BOOL, TYPES, Type};
use rand::Rng;

impl Gen<'_> {
    /// FROM with up to three tables.
    pub(super) fn from(&mut self) -> (String, Scope) {
        let (mut from, mut scope) = self.table(&Scope::default());
        for _ in 0..self.rng.random_range(0..3) {
            let kind = self
                .pick(&[
                    "JOIN",
                    "LEFT JOIN",
                    "RIGHT JOIN",
                    "FULL JOIN",
                    "CROSS JOIN",
                    "LATERAL",
                    "USING",
                    "NESTED",
                    "ROWS",
                ])
                .copied()
                .unwrap_or("JOIN");
            (from, scope) = match kind {
                "LATERAL" => self.lateral(&from, scope),
                "NESTED" => self.nested(&from, scope),
                "USING" => {
                    let (table, with) = self.table(&scope);
                    let how = self.pick(&["", "LEFT ", "RIGHT ", "FULL "]).copied().unwrap_or_default();
                    // Beyond two tables, `k` would be ambiguous.
                    match scope.0.len() {
                        1 => (format!("{from} {how}JOIN {table} USING (k)"), with),
                        _ => (format!("{from} CROSS JOIN {table}"), with),
                    }
                }
                "ROWS" => (self.rows(&from, &scope), scope),
                _ => self.plain(&from, scope, kind),
            };
        }
        (from, scope)
    }

    fn plain(&mut self, from: &str, scope: Scope, kind: &str) -> (String, Scope) {
        let (table, with) = self.table(&scope);
        let (left, right) = (scope.0.last().cloned().unwrap_or_default(), with.0.last().cloned().unwrap_or_default());
        let on = match kind {
            "CROSS JOIN" => String::new(),
            _ => {
                let on = self.equal(&left, &right);
                if self.chance(30) && kind != "FULL JOIN" {
                    let pair = Scope(vec![left, right]);
                    format!("{on} AND {}", self.expr(BOOL, 2, &pair).sql)
                } else {
                    on
                }
            }
        };
        (format!("{from} {kind} {table}{on}"), with)
    }

    fn equal(&mut self, left: &str, right: &str) -> String {
        let ty = self.ordered_type();
        format!(" ON {left}.{} = {right}.{}", column(ty), column(ty))
    }

    fn lateral(&mut self, from: &str, mut scope: Scope) -> (String, Scope) {
        let (inner_from, inner) = self.table(&scope);
        let own = inner.0.last().cloned().unwrap_or_default();
        let cond = self.expr(BOOL, 2, &inner).sql;
        let alias = self.alias();
        // A lateral subquery may not look into the nullable side of a RIGHT or FULL join.
        let (join, cond, on) = match (from.contains("RIGHT") || from.contains("FULL"), self.chance(50)) {
            (true, _) => ("CROSS JOIN", "true".to_owned(), ""),
            (false, true) => ("LEFT JOIN LATERAL", cond, " ON true"),
            (false, false) => ("CROSS JOIN LATERAL", cond, ""),
        };
        scope.0.push(alias.clone());
        let sql = format!(
            "{from} {join} (SELECT {own}.* FROM {inner_from} WHERE {cond} ORDER BY {own}.k LIMIT 3) AS {alias}{on}"
        );
        (sql, scope)
    }

    /// A join whose right side is a join in parentheses.
    fn nested(&mut self, from: &str, scope: Scope) -> (String, Scope) {
        let (first, with) = self.table(&scope);
        let (second, with) = self.table(&with);
        let mut names = with.0.iter().rev().cloned();
        let (b, a) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        let left = scope.0.last().cloned().unwrap_or_default();
        let inner = self.pick(&["JOIN", "LEFT JOIN", "FULL JOIN"]).copied().unwrap_or("JOIN");
        let outer = self.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN"]).copied().unwrap_or("JOIN");
        let (on, out) = (self.equal(&a, &b), self.equal(&left, &b));
        (format!("{from} {outer} ({first} {inner} {second}{on}){out}"), with)
    }

    /// A function or a list of values beside the rest; its columns are not used, only how often it stands there.
    fn rows(&mut self, from: &str, scope: &Scope) -> String {
        let alias = self.alias();
        let lateral = !(from.contains("RIGHT") || from.contains("FULL"));
        let inner = if lateral { scope.clone() } else { Scope::default() };
        let of = |name: &str| Type(TYPES.iter().position(|t| t.0 == name).unwrap_or_default());
        let mut arg = |name: &str| self.expr(of(name), 1, &inner).sql;
        let source = match (arg("integer").len() + from.len()) % 7 {
            0 => format!("unnest({}) WITH ORDINALITY", arg("integer[]")),
            1 => format!("jsonb_array_elements(jsonb_build_array({}))", arg("jsonb")),
            2 => format!("generate_series(1, {} % 4)", arg("smallint")),
            3 => format!("regexp_split_to_table({}, 'b')", arg("text")),
            4 => format!("ROWS FROM (unnest({}), generate_series(1, 2))", arg("text[]")),
            5 => "(VALUES (1, 'x'), (2, NULL), (NULL, 'y'))".to_owned(),
            _ => format!("jsonb_path_query({}, '$[*]')", arg("jsonb")),
        };
        format!("{from} CROSS JOIN {source} AS {alias}")
    }

    /// The key columns of the scope.
    pub(super) fn keys(scope: &Scope) -> String {
        scope.0.iter().map(|t| format!("{t}.k")).collect::<Vec<_>>().join(", ")
    }

    /// A list of expressions.
    pub(super) fn list(about: &[(Expr, String)]) -> String {
        about.iter().map(|e| e.0.sql.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Perhaps a condition after `word`, as text and as an expression.
    pub(super) fn whether(&mut self, word: &str, scope: &Scope) -> (String, Option<Expr>) {
        match self.chance(70) {
            true => {
                let e = self.expr(BOOL, 3, scope);
                (format!(" {word} {}", e.sql), Some(e))
            }
            false => (String::new(), None),
        }
    }
}
