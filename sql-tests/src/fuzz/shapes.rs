//! Queries of shapes that users write and that plans are made of: groups of groups, windows over groups, set-returning functions
//! in lists, natural joins, several common tables, subqueries of every kind beside each other.

use super::expr::{Gen, Scope, TABLES, column};
use super::facts::{BOOL, INT, TYPES, Type};
use super::stmt::Statement;
use rand::Rng;

fn named(name: &str) -> Type {
    Type(TYPES.iter().position(|t| t.0 == name).unwrap_or_default())
}

impl Gen<'_> {
    /// A query of one of these shapes.
    pub(super) fn shape(&mut self) -> Statement {
        match self.rng.random_range(0..10) {
            0 => self.groups_joined(),
            1 => self.windows_over_groups(),
            2 => self.sets_in_lists(),
            3 => self.natural(),
            4 => self.common_tables(),
            5 => self.subqueries(),
            6 => self.unequal_join(),
            7 => self.changed_by_query(),
            8 => self.functions_in_from(),
            _ => self.derived_union(),
        }
    }

    fn groups_joined(&mut self) -> Statement {
        let (from, scope) = self.from();
        let where_ = self.whether("WHERE", &scope).0;
        let (t, u) = (self.ordered_type(), self.ordered_type());
        let (key, agg) = (self.expr(t, 1, &scope), self.aggregate(u, 1, &scope));
        let (name, table) = (self.alias(), self.pick(TABLES).copied().unwrap_or_default());
        let kind = self.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]).copied().unwrap_or("JOIN");
        let (c, other) = (column(t), self.alias());
        let inner = format!("SELECT {} AS a, {} AS b FROM {from}{where_} GROUP BY 1", key.sql, agg.sql);
        let tail = match self.rng.random_range(0..3) {
            0 => format!("SELECT {name}.a, count(*), count({name}.b), max({other}.k) FROM"),
            1 => format!("SELECT {other}.k, {name}.* FROM"),
            _ => format!("SELECT count(DISTINCT {name}.a), min({other}.k), bool_or({name}.b IS NULL) FROM"),
        };
        let end = if tail.contains("count(*)") { format!(" GROUP BY {name}.a") } else { String::new() };
        let sql = format!("{tail} ({inner}) AS {name} {kind} {table} AS {other} ON {name}.a = {other}.{c}{end}");
        let rest = format!(" FROM {from}");
        Statement { about: vec![(key, rest.clone()), (agg, rest)], ..Self::statement_of(sql, "groups joined") }
    }

    fn windows_over_groups(&mut self) -> Statement {
        let (from, scope) = self.from();
        let where_ = self.whether("WHERE", &scope).0;
        let (t, u) = (self.ordered_type(), self.ordered_type());
        let (key, agg) = (self.expr(t, 1, &scope), self.aggregate(u, 1, &scope));
        let own = scope.0.first().cloned().unwrap_or_default();
        let call = match self.rng.random_range(0..5) {
            0 => format!("rank() OVER (ORDER BY {})", agg.sql),
            1 => format!("sum(count(*)) OVER (ORDER BY min({own}.k))"),
            2 => format!("count({}) OVER (PARTITION BY count(*) > 2)", agg.sql),
            3 => format!("max({}) OVER (PARTITION BY min({own}.k) % 2 ORDER BY count(*))", agg.sql),
            _ => format!("dense_rank() OVER (PARTITION BY grouping({}) ORDER BY {} DESC NULLS LAST)", key.sql, agg.sql),
        };
        let sets = if key.sql.starts_with('a') && self.chance(30) {
            self.pick(&["ROLLUP", "CUBE"]).copied().unwrap_or("ROLLUP")
        } else {
            ""
        };
        let sql = format!(
            "SELECT {k}, count(*), {}, {call} FROM {from}{where_} GROUP BY {sets}({k}) HAVING count(*) > 0",
            agg.sql,
            k = key.sql
        );
        let rest = format!(" FROM {from}");
        Statement { about: vec![(key, rest.clone()), (agg, rest)], ..Self::statement_of(sql, "windows over groups") }
    }

    /// A function that yields rows, with arguments from the scope.
    fn set_function(&mut self, scope: &Scope) -> String {
        let roll = self.rng.random_range(0..12);
        let mut arg = |name: &str| self.expr(named(name), 1, scope).sql;
        match roll {
            0 => format!("unnest({})", arg("integer[]")),
            1 => format!("unnest({})", arg("text[]")),
            2 => format!("generate_series(1, {} % 4)", arg("smallint")),
            3 => format!("regexp_split_to_table({}, '[ab]')", arg("text")),
            4 => format!("string_to_table({}, 'b', '')", arg("text")),
            5 => format!("jsonb_object_keys(jsonb_build_object('a', {}, 'b', 1))", arg("jsonb")),
            6 => format!("jsonb_path_query({}, '$.*')", arg("jsonb")),
            7 => format!("unnest({})", arg("int4multirange")),
            8 => format!("(regexp_matches({}, '(.)(b?)', 'g'))[1]", arg("text")),
            9 => format!("generate_subscripts({}, 1)", arg("text[]")),
            10 => "generate_series(timestamp '2000-01-01', '2000-01-03', '1 day')".to_owned(),
            _ => format!("json_array_elements_text(json_build_array({}, 1))", arg("text")),
        }
    }

    fn sets_in_lists(&mut self) -> Statement {
        let (from, scope) = self.table(&Scope::default());
        let own = scope.0.first().cloned().unwrap_or_default();
        let where_ = self.whether("WHERE", &scope).0;
        let (f, g) = (self.set_function(&scope), self.set_function(&scope));
        let sql = match self.rng.random_range(0..6) {
            0 => format!("SELECT {own}.k, {f} FROM {from}{where_}"),
            1 => format!("SELECT {own}.k, {f}, {g} FROM {from}{where_}"),
            2 => format!("SELECT {f}, count(*) FROM {from}{where_} GROUP BY 1"),
            3 => format!("SELECT DISTINCT {f} AS x FROM {from}{where_} ORDER BY x LIMIT 5"),
            4 => format!("SELECT x, row_number() OVER (ORDER BY x) FROM (SELECT {f} AS x FROM {from}{where_}) s"),
            _ => format!("SELECT {own}.k, count(*) OVER (), {f} FROM {from}{where_}"),
        };
        Self::statement_of(sql, "sets in lists")
    }

    fn natural(&mut self) -> Statement {
        let (t, u) = (self.ordered_type(), self.any_type());
        let (a, b) = (self.pick(TABLES).copied().unwrap_or("f0"), self.pick(TABLES).copied().unwrap_or("f1"));
        let how = self.pick(&["", "LEFT ", "RIGHT ", "FULL "]).copied().unwrap_or_default();
        let (x, y) = (column(t), column(u));
        let wrapped = self.chance(30);
        let join = if self.chance(50) {
            format!("(SELECT k, {x} FROM {a}) l NATURAL {how}JOIN (SELECT k, {x}, {y} AS z FROM {b}) r")
        } else {
            format!("(SELECT k, {x} FROM {a}) l {how}JOIN (SELECT k, {x}, {y} AS z FROM {b}) r USING ({x})")
        };
        let sql = if wrapped {
            format!("SELECT {x}, count(*), count(l.{x}), count(r.{x}) FROM {join} GROUP BY {x}")
        } else {
            format!("SELECT * FROM {join}")
        };
        Self::statement_of(sql, "natural and USING")
    }

    fn common_tables(&mut self) -> Statement {
        let (from, scope) = self.table(&Scope::default());
        let own = scope.0.first().cloned().unwrap_or_default();
        let (t, u) = (self.ordered_type(), self.ordered_type());
        let (e, f) = (self.expr(t, 1, &scope), self.expr(u, 1, &scope));
        let where_ = self.whether("WHERE", &scope).0;
        let sql = match self.rng.random_range(0..4) {
            0 => format!(
                "WITH a AS (SELECT {own}.k AS k, {} AS x FROM {from}{where_}), b AS (SELECT k, count(*) AS n FROM a GROUP BY k) \
                 SELECT a.x, b.n, (SELECT count(*) FROM a AS c WHERE c.x = a.x) FROM a JOIN b USING (k)",
                e.sql
            ),
            1 => format!(
                "WITH a AS (SELECT {} AS x, {own}.k AS k FROM {from}{where_}) SELECT * FROM a UNION ALL \
                 SELECT x, k + 100 FROM a WHERE k IN (SELECT max(k) FROM a)",
                e.sql
            ),
            2 => format!(
                "SELECT {own}.k, s.n FROM {from} CROSS JOIN LATERAL (WITH a AS (SELECT {} AS x, {} AS y) \
                 SELECT count(x) + count(y) AS n FROM a) s{where_}",
                e.sql, f.sql
            ),
            _ => format!(
                "WITH RECURSIVE r(n, x) AS (VALUES (1, 0) UNION ALL SELECT n + 1, x + n FROM r WHERE n < 6), \
                 a AS MATERIALIZED (SELECT {own}.k AS k, {} AS x FROM {from}{where_}) \
                 SELECT r.n, count(a.k), max(a.x) FROM r LEFT JOIN a ON a.k % 6 = r.n GROUP BY r.n",
                e.sql
            ),
        };
        let rest = format!(" FROM {from}");
        Statement { about: vec![(e, rest.clone()), (f, rest)], ..Self::statement_of(sql, "common tables") }
    }

    fn subqueries(&mut self) -> Statement {
        let (from, scope) = self.from();
        let keys = Self::keys(&scope);
        let (table, inner) = self.table(&scope);
        let own = inner.0.last().cloned().unwrap_or_default();
        let outer = scope.0.first().cloned().unwrap_or_default();
        let (t, u) = (self.ordered_type(), self.ordered_type());
        let (a, b) = (self.expr(t, 1, &inner), self.expr(t, 1, &scope));
        let cond = self.expr(BOOL, 2, &inner);
        let op = self.pick(&["=", "<>", "<", ">="]).copied().unwrap_or("=");
        let all = self.pick(&["ANY", "ALL"]).copied().unwrap_or("ANY");
        let value = match self.rng.random_range(0..7) {
            0 => format!("{} {op} {all} (SELECT {} FROM {table} WHERE {})", b.sql, a.sql, cond.sql),
            1 => format!(
                "({}, {outer}.k) {} (SELECT {}, {own}.k FROM {table} WHERE {})",
                b.sql,
                self.pick(&["IN", "NOT IN"]).copied().unwrap_or("IN"),
                a.sql,
                cond.sql
            ),
            2 => format!("ARRAY(SELECT {own}.k FROM {table} WHERE {} ORDER BY {own}.k DESC)", cond.sql),
            3 => format!("(SELECT count(*) FROM {table} WHERE {own}.k < {outer}.k AND {})", cond.sql),
            4 => format!("(SELECT {} FROM {table} WHERE {})", self.aggregate(u, 1, &inner).sql, cond.sql),
            5 => format!(
                "EXISTS (SELECT {own}.{c} FROM {table} WHERE {} GROUP BY {own}.{c} HAVING count(*) > 1)",
                cond.sql,
                c = column(u)
            ),
            _ => format!(
                "(SELECT sum(s.k) FROM (SELECT {own}.k FROM {table} WHERE {} ORDER BY {own}.k LIMIT 2) s)",
                cond.sql
            ),
        };
        let sql = match self.rng.random_range(0..4) {
            0 => format!("SELECT {keys}, {value} AS x FROM {from}"),
            1 => format!("SELECT count(*), {value} AS x FROM {from} GROUP BY 2"),
            2 => format!("SELECT {keys} FROM {from} WHERE ({value}) IS NOT NULL ORDER BY {keys} LIMIT 9"),
            _ => format!("SELECT {keys} FROM {from} ORDER BY {value}, {keys} LIMIT 9"),
        };
        Self::statement_of(sql, "subqueries")
    }

    fn unequal_join(&mut self) -> Statement {
        let (first, scope) = self.table(&Scope::default());
        let (second, both) = self.table(&scope);
        let (a, b) = (scope.0[0].clone(), both.0[1].clone());
        let t = self.ordered_type();
        let op = self.pick(&["<", ">=", "<>", "="]).copied().unwrap_or("<");
        let more = self.expr(BOOL, 2, &both);
        let kind = self.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN"]).copied().unwrap_or("JOIN");
        let c = column(t);
        let where_ = self.whether("WHERE", &both).0;
        let sql = match self.rng.random_range(0..3) {
            0 => format!(
                "SELECT {a}.k, {b}.k FROM {first} {kind} {second} ON {a}.{c} {op} {b}.{c} AND {}{where_}",
                more.sql
            ),
            1 => format!(
                "SELECT {a}.k, count({b}.k) FROM {first} {kind} {second} ON {a}.k {op} {b}.k AND {}{where_} GROUP BY 1",
                more.sql
            ),
            _ => format!(
                "SELECT {a}.k FROM {first} WHERE NOT EXISTS (SELECT FROM {second} WHERE {a}.{c} {op} {b}.{c} AND {})",
                more.sql
            ),
        };
        Self::statement_of(sql, "unequal join")
    }

    fn changed_by_query(&mut self) -> Statement {
        let table = self.pick(TABLES).copied().unwrap_or_default();
        let scope = Scope(vec![table.to_owned()]);
        let (from, both) = self.table(&scope);
        let other = both.0.last().cloned().unwrap_or_default();
        let (t, u) = (self.any_type(), self.any_type());
        let (c, d) = (column(t), column(u));
        let (e, cond) = (self.expr(t, 1, &both), self.expr(BOOL, 2, &both));
        let sql = match self.rng.random_range(0..5) {
            0 if t != u => format!(
                "UPDATE {table} SET ({c}, {d}) = (SELECT {}, {other}.{d} FROM {from} WHERE {} ORDER BY {other}.k LIMIT 1) RETURNING k, {c}",
                e.sql, cond.sql
            ),
            1 => {
                format!("DELETE FROM {table} WHERE k IN (SELECT {other}.k FROM {from} WHERE {}) RETURNING k", cond.sql)
            }
            2 => format!(
                "UPDATE {table} SET {c} = (SELECT {other}.{c} FROM {from} WHERE {other}.k = {table}.k + 1) \
                 WHERE EXISTS (SELECT FROM {from} WHERE {}) RETURNING *",
                cond.sql
            ),
            3 => format!(
                "INSERT INTO {table} (k, {c}) SELECT k + 500, {c} FROM {table} UNION SELECT 700 + k, {c} FROM f1 \
                 RETURNING k, (SELECT count(*) FROM {table})",
            ),
            _ => format!(
                "WITH d AS (DELETE FROM {table} WHERE k < 4 RETURNING k, {c}), i AS (INSERT INTO {table} (k, {c}) SELECT k + 900, {c} \
                 FROM d RETURNING k) SELECT (SELECT count(*) FROM d), (SELECT sum(k) FROM i), (SELECT count(*) FROM {table})",
            ),
        };
        Statement { changes: true, ..Self::statement_of(format!("{sql}; SELECT * FROM {table}"), "changed by a query") }
    }

    fn functions_in_from(&mut self) -> Statement {
        let (from, scope) = self.table(&Scope::default());
        let own = scope.0.first().cloned().unwrap_or_default();
        let mut arg = |name: &str| self.expr(named(name), 1, &scope).sql;
        let (j, i, t, n) = (arg("jsonb"), arg("integer[]"), arg("text[]"), arg("integer"));
        let source = match self.rng.random_range(0..8) {
            0 => format!("jsonb_each(jsonb_build_object('x', {j})) AS s(a, b)"),
            1 => format!("jsonb_to_record({j}) AS s(a integer, b jsonb)"),
            2 => format!("unnest({i}, {t}) WITH ORDINALITY AS s(a, b, o)"),
            3 => format!("ROWS FROM (generate_series(1, 2), unnest({t})) AS s(a, b)"),
            4 => format!("json_to_recordset('[{{\"a\":1,\"b\":[1,2]}},{{\"a\":null}}]') AS s(a {}, b json)", "numeric"),
            5 => format!("(SELECT {n} AS a, {j} AS b UNION SELECT 1, 'null') AS s"),
            6 => format!("(VALUES ({n}, {j}), (1, NULL)) AS s(a, b)"),
            _ => format!("generate_series({n} % 3, 2) AS s(a), unnest({t}) AS u(b)"),
        };
        let sql = match (self.rng.random_range(0..3), source.contains(", unnest")) {
            (0, false) => format!("SELECT {own}.k, s.* FROM {from} LEFT JOIN LATERAL {source} ON true"),
            (1, false) => format!("SELECT {own}.k, count(*), count(b) FROM {from}, {source} GROUP BY 1"),
            _ => format!("SELECT {own}.k, a, b FROM {from}, {source} WHERE a IS NOT NULL"),
        };
        Self::statement_of(sql, "functions in FROM")
    }

    fn derived_union(&mut self) -> Statement {
        let t = self.ordered_type();
        let mut side = |n: i32| {
            let (from, scope) = self.table(&Scope::default());
            let own = scope.0.first().cloned().unwrap_or_default();
            let e = self.expr(t, 1, &scope).sql;
            format!("SELECT {own}.k AS k, {e} AS x, {n} AS n FROM {from}{}", self.whether("WHERE", &scope).0)
        };
        let (a, b) = (side(1), side(2));
        let all = self.pick(&["UNION ALL", "UNION", "EXCEPT", "INTERSECT ALL"]).copied().unwrap_or("UNION ALL");
        let c = self.expr(INT, 1, &Scope::default()).sql;
        let sql = match self.rng.random_range(0..4) {
            0 => format!("SELECT x, count(*), max(n) FROM ({a} {all} {b}) s GROUP BY x"),
            1 => format!("SELECT * FROM ({a} {all} {b}) s WHERE k > 3 AND n = 2"),
            2 => format!("SELECT k, sum(n) OVER (PARTITION BY k), x FROM ({a} {all} {b}) s"),
            _ => format!("SELECT f0.k, s.x FROM f0 LEFT JOIN ({a} {all} {b}) s ON s.k = f0.k AND s.n < {c}"),
        };
        Self::statement_of(sql, "derived set operation")
    }
}
