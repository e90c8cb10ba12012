//! Statements whose types have to be found: calls with unknown literals and arguments of other types than any declared ones,
//! and syntax that brings several types together. Both servers must choose the same candidate or refuse with the same SQLSTATE.

use super::expr::{Expr, Gen, Scope, TABLES, column};
use super::facts::{BOOL, Form, INT, TYPES, Type};
use super::stmt::Statement;
use rand::Rng;

impl Gen<'_> {
    /// A literal without a type that some type can read.
    fn bare(&mut self, ty: Type) -> String {
        if self.chance(8) {
            return "NULL".to_owned();
        }
        let values = TYPES.get(ty.0).map_or(&[][..], |t| t.1);
        format!("'{}'", self.pick(values).copied().unwrap_or_default().replace('\'', "''"))
    }

    /// Something where a value of the type is wanted: such a value, a bare literal, or a value of another type.
    fn loosely(&mut self, ty: Type, scope: &Scope) -> String {
        let other = self.any_type();
        match self.rng.random_range(0..10) {
            0..=3 => self.expr(ty, 1, scope).sql,
            4..=6 => self.bare(ty),
            7 => self.bare(other),
            8 => (*self.pick(&["0", "1", "-1", "1.5", "2147483648", "1e3", "true"]).unwrap_or(&"0")).to_owned(),
            _ => self.expr(other, 0, scope).sql,
        }
    }

    /// A type that values of the given one often meet.
    fn related(&mut self, ty: Type) -> Type {
        const FAMILIES: &[&[&str]] = &[
            &["integer", "bigint", "smallint", "numeric", "double precision", "real", "oid", "money"],
            &["text", "character varying", "character(5)", "name", "\"char\""],
            &["date", "timestamp without time zone", "timestamp with time zone"],
            &["time without time zone", "time with time zone", "interval"],
            &["integer[]", "bigint[]", "numeric[]", "text[]", "date[]"],
            &["inet", "cidr", "macaddr", "macaddr8"],
            &["int4range", "int8range", "numrange", "int4multirange", "nummultirange"],
            &["json", "jsonb", "text"],
            &["bit varying", "bit(4)"],
        ];
        let name = self.facts.name(ty);
        let family = FAMILIES.iter().find(|f| f.contains(&name)).copied().unwrap_or(&[]);
        let wanted = self.pick(family).copied().unwrap_or(name);
        TYPES.iter().position(|t| t.0 == wanted).map_or(ty, Type)
    }

    /// Several values that have to get one type.
    fn several(&mut self, n: usize, scope: &Scope) -> Vec<String> {
        let first = self.any_type();
        (0..n)
            .map(|_| {
                let ty = self.related(first);
                if self.chance(30) { self.bare(ty) } else { self.expr(ty, 1, scope).sql }
            })
            .collect()
    }

    /// A call or another expression whose type has to be found, with what it is called in reports.
    fn found(&mut self, scope: &Scope) -> (String, String) {
        let facts = self.facts;
        let result = self.any_type();
        match self.rng.random_range(0..12) {
            0..=5 => {
                let Some(call) = facts.by_result.get(&result.0).and_then(|c| self.pick(c)) else {
                    return (self.bare(result), "literal".into());
                };
                let args: Vec<String> = call.args.iter().map(|a| self.loosely(*a, scope)).collect();
                let sql = match (call.form, args.as_slice()) {
                    (Form::Operator, [a]) => format!("({} {a})", call.name),
                    (Form::Operator, [a, b]) => format!("({a} {} {b})", call.name),
                    (Form::Cast, [a]) => format!("({a})::{}", facts.name(call.result)),
                    _ => format!("\"{}\"({})", call.name, args.join(", ")),
                };
                (sql, format!("resolution of {}", call.name))
            }
            6 => {
                let v = self.several(3, scope);
                let what = *self.pick(&["COALESCE", "GREATEST", "LEAST"]).unwrap_or(&"COALESCE");
                (format!("{what}({})", v.join(", ")), format!("types in {what}"))
            }
            7 => {
                let v = self.several(3, scope);
                let c = self.expr(BOOL, 1, scope).sql;
                let sql = format!("CASE WHEN {c} THEN {} WHEN {c} IS NULL THEN {} ELSE {} END", v[0], v[1], v[2]);
                (sql, "types in CASE".into())
            }
            8 => {
                let v = self.several(3, scope);
                let sql = match self.rng.random_range(0..5) {
                    0 => format!("({} IN ({}, {}))", v[0], v[1], v[2]),
                    1 => format!("({} NOT BETWEEN {} AND {})", v[0], v[1], v[2]),
                    2 => format!("({} = ANY (ARRAY[{}, {}]))", v[0], v[1], v[2]),
                    3 => format!("(({}, {}) < ({}, {}))", v[0], v[1], v[2], v[0]),
                    _ => format!("CASE {} WHEN {} THEN 1 WHEN {} THEN 2 END", v[0], v[1], v[2]),
                };
                (sql, "types in a comparison".into())
            }
            9 => {
                let v = self.several(3, scope);
                (format!("ARRAY[{}]", v.join(", ")), "types in ARRAY".into())
            }
            10 => {
                let v = self.several(2, scope);
                (format!("NULLIF({}, {})", v[0], v[1]), "types in NULLIF".into())
            }
            _ => {
                let from = self.any_type();
                let e = self.expr(from, 1, scope).sql;
                (format!("CAST({e} AS {})", facts.name(result)), "any cast".into())
            }
        }
    }

    /// A statement whose types have to be found.
    pub(super) fn mixed(&mut self) -> Statement {
        match self.rng.random_range(0..10) {
            0..=4 => {
                let (e, name) = self.found(&Scope::default());
                let about = vec![(Expr::alone(e.clone(), &name), String::new())];
                Statement {
                    about,
                    ..Self::statement_of(format!("SELECT {e} AS x, pg_typeof({e}) AS t"), "mixed types")
                }
            }
            5 => {
                let (from, scope) = self.table(&Scope::default());
                let (e, name) = self.found(&scope);
                let rest = format!(" FROM {from}");
                let about = vec![(Expr::alone(e.clone(), &name), rest.clone())];
                Statement { about, ..Self::statement_of(format!("SELECT {e} AS x{rest}"), "mixed types of columns") }
            }
            6 => {
                let v = self.several(3, &Scope::default());
                let sql = match self.rng.random_range(0..4) {
                    0 => format!("VALUES ({}), ({}), ({})", v[0], v[1], v[2]),
                    1 => format!("SELECT {} UNION SELECT {} UNION ALL SELECT {}", v[0], v[1], v[2]),
                    2 => format!("SELECT {} AS x EXCEPT (SELECT {} INTERSECT SELECT {})", v[0], v[1], v[2]),
                    _ => format!(
                        "SELECT pg_typeof(x), x FROM (VALUES ({}, 1), ({}, 2), ({}, 3)) v(x, n)",
                        v[0], v[1], v[2]
                    ),
                };
                Self::statement_of(sql, "types of several queries")
            }
            7 => {
                let (from, scope) = self.table(&Scope::default());
                let (ty, own) = (self.any_type(), scope.0.first().cloned().unwrap_or_default());
                let Some(call) = self.facts.aggregates.get(&ty.0).and_then(|c| self.pick(c)) else {
                    return self.mixed();
                };
                let args: Vec<String> = call.args.iter().map(|a| self.loosely(*a, &scope)).collect();
                let args =
                    if args.is_empty() { "*".to_owned() } else { format!("{} ORDER BY {own}.k", args.join(", ")) };
                let sql = format!("SELECT \"{}\"({args}) AS x FROM {from}", call.name);
                Self::statement_of(sql, "aggregate of mixed types")
            }
            8 => {
                let table = self.pick(TABLES).copied().unwrap_or_default();
                let ty = self.any_type();
                let (near, c) = (self.related(ty), column(ty));
                let (from, value) = if self.chance(50) { (near, 1) } else { (self.any_type(), 0) };
                let scope = Scope(vec![table.to_owned()]);
                let e = if self.chance(25) { self.bare(ty) } else { self.expr(from, value, &scope).sql };
                let sql = if self.chance(50) {
                    format!("UPDATE {table} SET {c} = {e} WHERE k < 5 RETURNING {c}")
                } else {
                    format!("INSERT INTO {table} (k, {c}) SELECT k + 1000, {e} FROM {table} WHERE k < 5 RETURNING {c}")
                };
                Statement { changes: true, ..Self::statement_of(sql, "assignment") }
            }
            _ => {
                let scope = Scope::default();
                let (n, m) = (self.loosely(INT, &scope), self.loosely(INT, &scope));
                Self::statement_of(format!("SELECT k FROM f0 ORDER BY k LIMIT {n} OFFSET {m}"), "types in LIMIT")
            }
        }
    }
}
