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
    /// Its expressions, each with what stands behind it when it is looked at alone.
    pub about: Vec<(Expr, String)>,
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
                    at => format!("'{}'", t.1.get(at - 1).copied().unwrap_or_default().replace('\'', "''")),
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
        match self.rng.random_range(0..36) {
            0..=4 => self.constant(),
            5..=7 => self.projection(),
            8..=10 => self.join(),
            11 => self.distinct(),
            12..=13 => self.grouped(),
            14..=15 => self.set_operation(),
            16..=17 => self.window(),
            18 => self.common_table(),
            19 => self.recursive(),
            20 => self.changing_table(),
            21 => self.merge(),
            22..=27 => self.shape(),
            28..=33 => self.mixed(),
            _ => self.change(),
        }
    }

    pub(super) fn statement_of(sql: String, kind: &'static str) -> Statement {
        Statement { sql, kind, about: Vec::new(), changes: false }
    }

    fn constant(&mut self) -> Statement {
        let ty = self.any_type();
        let e = self.expr(ty, 3, &Scope::default());
        Statement {
            about: vec![(e.clone(), String::new())],
            ..Self::statement_of(format!("SELECT {} AS x", e.sql), "constant")
        }
    }

    fn projection(&mut self) -> Statement {
        let (from, scope) = self.table(&Scope::default());
        let ty = self.any_type();
        let e = self.expr(ty, 3, &scope);
        let rest = format!(" FROM {from}");
        Statement {
            about: vec![(e.clone(), rest.clone())],
            ..Self::statement_of(format!("SELECT {} AS x{rest}", e.sql), "projection")
        }
    }

    fn join(&mut self) -> Statement {
        let (from, scope) = self.from();
        let where_ = self.whether("WHERE", &scope);
        let mut about = Vec::new();
        for _ in 0..self.rng.random_range(1..4) {
            let ty = self.any_type();
            about.push((self.expr(ty, 1, &scope), format!(" FROM {from}")));
        }
        let limit = match self.chance(40) {
            true => format!(" LIMIT {} OFFSET {}", self.rng.random_range(0..9), self.rng.random_range(0..4)),
            false => String::new(),
        };
        let keys = Self::keys(&scope);
        let list = Self::list(&about);
        about.extend(where_.1.map(|w| (w, format!(" FROM {from}"))));
        let sql = format!("SELECT {keys}, {list} FROM {from}{} ORDER BY {keys}{limit}", where_.0);
        Statement { about, ..Self::statement_of(sql, "join") }
    }

    fn distinct(&mut self) -> Statement {
        let (from, scope) = self.from();
        let where_ = self.whether("WHERE", &scope).0;
        let (t, u) = (self.ordered_type(), self.any_type());
        let (key, value) = (self.expr(t, 1, &scope), self.expr(u, 1, &scope));
        let keys = Self::keys(&scope);
        let sql = match self.rng.random_range(0..4) {
            0 => format!("SELECT DISTINCT {} AS x FROM {from}{where_}", key.sql),
            1 => format!("SELECT {} AS x FROM {from}{where_} ORDER BY 1 FETCH FIRST 3 ROWS WITH TIES", key.sql),
            2 => {
                let how = self.pick(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]).copied().unwrap_or_default();
                format!("SELECT {keys}, {} FROM {from}{where_} ORDER BY {}{how}, {keys} LIMIT 5", value.sql, key.sql)
            }
            _ => format!(
                "SELECT DISTINCT ON ({}) {}, {keys} FROM {from}{where_} ORDER BY {}, {keys}",
                key.sql, value.sql, key.sql
            ),
        };
        let rest = format!(" FROM {from}");
        Statement { about: vec![(key, rest.clone()), (value, rest)], ..Self::statement_of(sql, "distinct and order") }
    }

    fn grouped(&mut self) -> Statement {
        let (from, scope) = self.from();
        let where_ = self.whether("WHERE", &scope).0;
        let (t, u) = (self.ordered_type(), self.ordered_type());
        let (key, second) = (self.expr(t, 1, &scope), self.expr(u, 1, &scope));
        let rest = format!(" FROM {from}");
        let mut about = Vec::new();
        for _ in 0..self.rng.random_range(1..4) {
            let ty = self.any_type();
            about.push((self.aggregate(ty, 1, &scope), rest.clone()));
        }
        if self.chance(15) {
            about.push((self.ordered_set(&scope), rest.clone()));
        }
        let having = match self.rng.random_range(0..6) {
            0 => " HAVING count(*) > 1".to_owned(),
            1 => format!(" HAVING {}", self.aggregate(BOOL, 1, &scope).sql),
            _ => String::new(),
        };
        let list = Self::list(&about);
        about.push((key.clone(), rest.clone()));
        let sets = self.pick(&["GROUPING SETS ((1), ())", "ROLLUP (1)", "1", "1", "1", "", "", "2"]).copied();
        let sql = match sets.unwrap_or("1") {
            "2" => {
                let sets = ["GROUPING SETS ((1), (2), ())", "CUBE (1, 2)", "ROLLUP (1, 2)", "1, 2", "1, ROLLUP (2)"];
                let sets = self.pick(&sets).copied().unwrap_or("1, 2");
                about.push((second.clone(), rest));
                let (k, s) = (&key.sql, &second.sql);
                // Keys named in GROUP BY by their places, in grouping() by their text: only columns are sure to be the same.
                let marks = if k.starts_with('a') && s.starts_with('a') {
                    format!(", grouping({k}, {s})")
                } else {
                    String::new()
                };
                format!("SELECT {k}, {s}{marks}, {list} FROM {from}{where_} GROUP BY {sets}{having}")
            }
            "" => format!("SELECT {list} FROM {from}{where_}{having}"),
            sets => format!("SELECT {}, {list} FROM {from}{where_} GROUP BY {sets}{having}", key.sql),
        };
        Statement { about, ..Self::statement_of(sql, "grouped") }
    }

    fn ordered_set(&mut self, scope: &Scope) -> Expr {
        let ty = self.ordered_type();
        let key = self.expr(ty, 1, scope);
        let call = match self.rng.random_range(0..6) {
            0 => "mode()".to_owned(),
            1 => "percentile_disc(0.5)".into(),
            2 => "percentile_disc(ARRAY[0.1, 0.9])".into(),
            3 => format!("rank({})", self.literal(ty).sql),
            4 => format!("cume_dist({})", self.literal(ty).sql),
            _ => {
                let wanted = ["double precision", "interval"];
                let place = TYPES.iter().position(|t| t.0 == self.pick(&wanted).copied().unwrap_or_default());
                let key = self.expr(Type(place.unwrap_or_default()), 1, scope);
                return Expr::alone(
                    format!("percentile_cont(0.3) WITHIN GROUP (ORDER BY {})", key.sql),
                    "percentile_cont",
                );
            }
        };
        Expr::alone(format!("{call} WITHIN GROUP (ORDER BY {})", key.sql), "ordered-set aggregate")
    }

    fn set_operation(&mut self) -> Statement {
        let (t, u) = (self.ordered_type(), self.ordered_type());
        let mut about = Vec::new();
        let mut side = |gen_: &mut Self| {
            let (from, scope) = gen_.table(&Scope::default());
            let (a, b) = (gen_.expr(t, 2, &scope), gen_.expr(u, 1, &scope));
            let sql = format!("SELECT {}, {} FROM {from}{}", a.sql, b.sql, gen_.whether("WHERE", &scope).0);
            about.push((a, format!(" FROM {from}")));
            about.push((b, format!(" FROM {from}")));
            sql
        };
        const OPS: &[&str] = &["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"];
        let (left, right) = (side(self), side(self));
        let mut op = || self.pick(OPS).copied().unwrap_or("UNION");
        let (first, second) = (op(), op());
        let sql = match self.rng.random_range(0..5) {
            0 => format!("({left} {first} {right}) {second} {}", side(self)),
            1 => format!("{left} {first} ({right} {second} {})", side(self)),
            2 => format!("{left} {first} {right} ORDER BY 1, 2 LIMIT 5"),
            _ => format!("{left} {first} {right}"),
        };
        Statement { about, ..Self::statement_of(sql, "set operation") }
    }

    fn window(&mut self) -> Statement {
        let (from, scope) = if self.chance(30) { self.from() } else { self.table(&Scope::default()) };
        let (t, v) = (self.ordered_type(), self.ordered_type());
        let part = self.expr(t, 1, &scope);
        let arg = self.expr(v, 1, &scope);
        let keys = Self::keys(&scope);
        let call = match self.rng.random_range(0..10) {
            0 => "row_number()".to_owned(),
            1 => "rank()".to_owned(),
            2 => format!("ntile({})", self.rng.random_range(1..5)),
            3 => format!("lag({}, {})", arg.sql, self.rng.random_range(0..4)),
            4 => format!("lead({})", arg.sql),
            5 => format!("first_value({})", arg.sql),
            6 => format!("nth_value({}, {})", arg.sql, self.rng.random_range(1..4)),
            7 => self.pick(&["dense_rank()", "percent_rank()", "cume_dist()"]).copied().unwrap_or("rank()").to_owned(),
            8 => {
                let plain = ["sum", "avg", "array_agg", "bit_and", "stddev"];
                format!("{}({})", self.pick(&plain).copied().unwrap_or("sum"), self.expr(INT, 1, &scope).sql)
            }
            _ => format!("{}({})", self.pick(&["min", "max", "count"]).copied().unwrap_or("count"), arg.sql),
        };
        // A frame by distance wants one key, and rows that are equal by it come in any order.
        let single = scope.0.len() == 1;
        let frame = match self.rng.random_range(0..7) {
            0 => " ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING",
            1 => " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
            2 => " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES",
            3 if single => " RANGE BETWEEN 3 PRECEDING AND 2 FOLLOWING",
            4 => " ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING EXCLUDE GROUP",
            _ => "",
        };
        let where_ = self.whether("WHERE", &scope).0;
        let how = self.pick(&["", " DESC"]).copied().unwrap_or_default();
        let order = scope.0.iter().map(|t| format!("{t}.k{how}")).collect::<Vec<_>>().join(", ");
        let ordered = format!("PARTITION BY {} ORDER BY {order}{frame}", part.sql);
        let sql = if self.chance(25) {
            format!("SELECT {keys}, {call} OVER w, count(*) OVER w FROM {from}{where_} WINDOW w AS ({ordered})")
        } else {
            format!("SELECT {keys}, {call} OVER ({ordered}) FROM {from}{where_}")
        };
        let rest = format!(" FROM {from}");
        Statement { about: vec![(part, rest.clone()), (arg, rest)], ..Self::statement_of(sql, "window") }
    }

    fn common_table(&mut self) -> Statement {
        let (from, scope) = self.table(&Scope::default());
        let own = scope.0.first().cloned().unwrap_or_default();
        let where_ = self.whether("WHERE", &scope);
        let name = self.alias();
        let (outer, with) = self.table(&Scope(vec![name.clone()]));
        let t = self.ordered_type();
        let (e, cond) = (self.expr(t, 2, &with), self.whether("WHERE", &with).0);
        let how = self.pick(&["", "MATERIALIZED ", "NOT MATERIALIZED "]).copied().unwrap_or_default();
        let sql = format!(
            "WITH {name} AS {how}(SELECT {own}.* FROM {from}{}) SELECT {} FROM {name}, {outer}{cond}",
            where_.0, e.sql
        );
        let table = from.clone();
        let mut about: Vec<_> = where_.1.map(|w| (w, format!(" FROM {table}"))).into_iter().collect();
        about.push((e, format!(" FROM f0 AS {name}, {outer}")));
        Statement { about, ..Self::statement_of(sql, "common table") }
    }

    fn recursive(&mut self) -> Statement {
        let name = self.alias();
        let (from, scope) = self.table(&Scope::default());
        let own = scope.0.first().cloned().unwrap_or_default();
        let t = self.ordered_type();
        let (first, cond) = (self.expr(t, 1, &scope), self.expr(BOOL, 1, &scope));
        let all = self.pick(&["UNION", "UNION ALL"]).copied().unwrap_or("UNION");
        let order = match self.rng.random_range(0..4) {
            0 => " SEARCH DEPTH FIRST BY k SET o",
            1 => " SEARCH BREADTH FIRST BY k SET o",
            2 => " CYCLE k SET c USING p",
            _ => "",
        };
        let sql = format!(
            "WITH RECURSIVE {name}(k, v) AS (SELECT {own}.k, {} FROM {from} WHERE {own}.k < 3 {all} \
             SELECT {own}.k, {name}.v FROM {name}, {from} WHERE {own}.k = {name}.k + 2 AND ({} OR {own}.k < 9)){order} \
             SELECT * FROM {name}",
            first.sql, cond.sql
        );
        let rest = format!(" FROM {from}");
        Statement { about: vec![(first, rest.clone()), (cond, rest)], ..Self::statement_of(sql, "recursive") }
    }
}
