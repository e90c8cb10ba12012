//! Statements that change rows: INSERT, UPDATE, DELETE and MERGE, alone and in common tables; what the table then holds is
//! part of the answer.

use super::expr::{Expr, Gen, Scope, TABLES, column};
use super::facts::BOOL;
use super::stmt::Statement;
use rand::Rng;

impl Gen<'_> {
    fn changing(about: Vec<(Expr, String)>, sql: String, table: &str, kind: &'static str) -> Statement {
        Statement { changes: true, about, ..Self::statement_of(format!("{sql}; SELECT * FROM {table}"), kind) }
    }

    /// INSERT, UPDATE or DELETE.
    pub(super) fn change(&mut self) -> Statement {
        let table = self.pick(TABLES).copied().unwrap_or_default();
        let scope = Scope(vec![table.to_owned()]);
        let own = format!(" FROM {table}");
        let (t, u) = (self.any_type(), self.any_type());
        match self.rng.random_range(0..6) {
            0 => {
                let (e, f) = (self.expr(t, 2, &scope), self.expr(u, 1, &scope));
                let where_ = self.whether("WHERE", &scope);
                let second = if t == u { String::new() } else { format!(", {} = {}", column(u), f.sql) };
                let sql = format!(
                    "UPDATE {table} SET {} = {}{second}{} RETURNING k, {}",
                    column(t),
                    e.sql,
                    where_.0,
                    column(t)
                );
                let mut about = vec![(e, own.clone())];
                about.extend(where_.1.map(|w| (w, own)));
                Self::changing(about, sql, table, "update")
            }
            1 => {
                let other = self.alias();
                let pair = Scope(vec![table.to_owned(), other.clone()]);
                let join = self.pick(TABLES).copied().unwrap_or_default();
                let (e, cond) = (self.expr(t, 2, &Scope(vec![other.clone()])), self.expr(BOOL, 2, &pair));
                let sql = format!(
                    "UPDATE {table} SET {} = {} FROM {join} AS {other} WHERE {table}.k = {other}.k AND {} RETURNING {table}.k",
                    column(t),
                    e.sql,
                    cond.sql
                );
                let about = vec![(e, format!(" FROM {join} AS {other}"))];
                Self::changing(about, sql, table, "update from")
            }
            2 => {
                let where_ = self.whether("WHERE", &scope);
                let sql = format!("DELETE FROM {table}{} RETURNING *", where_.0);
                Self::changing(where_.1.map(|w| (w, own)).into_iter().collect(), sql, table, "delete")
            }
            3 => {
                let (from, both) = self.table(&scope);
                let other = both.0.last().cloned().unwrap_or_default();
                let cond = self.expr(BOOL, 2, &both);
                let sql = format!(
                    "DELETE FROM {table} USING {from} WHERE {table}.k = {other}.k + 1 AND {} RETURNING {table}.k, {other}.k",
                    cond.sql
                );
                Self::changing(vec![(cond, format!(" FROM {table}, {from}"))], sql, table, "delete using")
            }
            4 => {
                let (e, f) = (self.expr(t, 1, &scope), self.expr(t, 1, &scope));
                let row = Scope::default();
                let (v, w) = (self.expr(t, 1, &row), self.expr(t, 1, &row));
                let sql = format!(
                    "INSERT INTO {table} (k, {c}) VALUES (200, {}), (3, {}) ON CONFLICT (k) DO UPDATE SET {c} = {} RETURNING k, {}",
                    v.sql,
                    w.sql,
                    e.sql,
                    f.sql,
                    c = column(t)
                );
                // Both sides of a conflict have the columns, so the ones of the table are named.
                let about = vec![(v, String::new()), (w, String::new()), (e, own.clone()), (f, own)];
                Self::changing(about, sql, table, "insert values")
            }
            _ => {
                let (from, inner) = self.table(&Scope::default());
                let source = inner.0.first().cloned().unwrap_or_default();
                let e = self.expr(t, 2, &inner);
                let conflict = match self.rng.random_range(0..3) {
                    0 => " ON CONFLICT DO NOTHING".to_owned(),
                    1 => format!(" ON CONFLICT (k) DO UPDATE SET {} = excluded.{}", column(t), column(t)),
                    _ => String::new(),
                };
                let add = if conflict.is_empty() { 100 } else { 7 };
                let sql = format!(
                    "INSERT INTO {table} (k, {}) SELECT {source}.k + {add}, {} FROM {from}{conflict} RETURNING *",
                    column(t),
                    e.sql
                );
                Self::changing(vec![(e, format!(" FROM {from}"))], sql, table, "insert select")
            }
        }
    }

    /// A common table that changes rows and gives them to the query.
    pub(super) fn changing_table(&mut self) -> Statement {
        let table = self.pick(TABLES).copied().unwrap_or_default();
        let scope = Scope(vec![table.to_owned()]);
        let t = self.any_type();
        let e = self.expr(t, 1, &scope);
        let where_ = self.whether("WHERE", &scope).0;
        let (name, c) = (self.alias(), column(t));
        let action = match self.rng.random_range(0..3) {
            0 => format!("UPDATE {table} SET {c} = {}{where_} RETURNING k, {c}", e.sql),
            1 => format!("DELETE FROM {table}{where_} RETURNING k, {}", e.sql),
            _ => format!("INSERT INTO {table} (k, {c}) SELECT k + 50, {} FROM {table}{where_} RETURNING k, {c}", e.sql),
        };
        let (other, with) = self.table(&Scope::default());
        let right = with.0.first().cloned().unwrap_or_default();
        let query = match self.rng.random_range(0..3) {
            0 => format!("SELECT * FROM {name}"),
            1 => format!("SELECT count(*), max(k) FROM {name}"),
            _ => format!("SELECT {right}.k, {name}.* FROM {name} RIGHT JOIN {other} ON {right}.k = {name}.k"),
        };
        let about = vec![(e, format!(" FROM {table}"))];
        Self::changing(about, format!("WITH {name} AS ({action}) {query}"), table, "changing common table")
    }

    /// MERGE with clauses of every kind.
    pub(super) fn merge(&mut self) -> Statement {
        let table = self.pick(TABLES).copied().unwrap_or_default();
        let (from, source) = self.table(&Scope::default());
        let other = source.0.first().cloned().unwrap_or_default();
        let both = Scope(vec![table.to_owned(), other.clone()]);
        let t = self.any_type();
        let (e, f) = (self.expr(t, 1, &both), self.expr(t, 1, &source));
        let cond = self.expr(BOOL, 2, &both);
        let shift = self.rng.random_range(0..9);
        let matched = match self.rng.random_range(0..3) {
            0 => format!("WHEN MATCHED THEN UPDATE SET {} = {}", column(t), e.sql),
            1 => format!(
                "WHEN MATCHED AND {} THEN DELETE WHEN MATCHED THEN UPDATE SET {} = {}",
                cond.sql,
                column(t),
                e.sql
            ),
            _ => format!("WHEN MATCHED AND {} THEN DO NOTHING WHEN MATCHED THEN DELETE", cond.sql),
        };
        let missing = match self.rng.random_range(0..3) {
            0 => String::new(),
            1 => format!(" WHEN NOT MATCHED THEN INSERT (k, {}) VALUES ({other}.k + 100, {})", column(t), f.sql),
            _ => format!(
                " WHEN NOT MATCHED AND {} THEN INSERT (k, {}) VALUES ({other}.k + 100, {}) WHEN NOT MATCHED THEN DO NOTHING",
                self.expr(BOOL, 1, &source).sql,
                column(t),
                f.sql
            ),
        };
        let sql = format!("MERGE INTO {table} USING {from} ON {table}.k = {other}.k + {shift} {matched}{missing}");
        let rest = format!(" FROM {table}, {from}");
        let about = vec![(e, rest.clone()), (cond, rest), (f, format!(" FROM {from}"))];
        Self::changing(about, sql, table, "merge")
    }
}
