//! AS OF: which rows of the past a scan reads.
//!
//! TIMESTAMP takes a timestamp with time zone, SCN a commit number, SYSTEM TIME either a timestamp or, as a string that
//! begins with a sign, a distance to now (`'-10s'`). The value may use parameters and stable functions, but no columns.

use super::resolve::Coercion;
use super::select::Clause;
use super::{Binder, parse_expr, types};
use crate::plan::ir::{Expr, Rel};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::oid;

impl Binder<'_> {
    /// The value of AS OF, of type timestamp with time zone or, for an SCN, bigint.
    pub(super) fn past(&mut self, a: &ast::AsOf) -> Result<Expr> {
        self.enter_level();
        self.set_clause(Clause::From);
        let r = self.past_value(a);
        self.leave_level();
        r
    }

    fn past_value(&mut self, a: &ast::AsOf) -> Result<Expr> {
        let distance = match &a.value.kind {
            ast::ExprKind::Literal(ast::Literal::String(s)) if a.kind == ast::AsOfKind::SystemTime => {
                let t = s.trim_start();
                (t.starts_with('-') || t.starts_with('+')).then(|| s.replace('\'', "''"))
            }
            _ => None,
        };
        let parsed = distance.map(|d| format!("pg_catalog.statement_timestamp() + '{d}'::pg_catalog.interval"));
        let value = match &parsed {
            Some(text) => {
                let relative = parse_expr(text)?;
                self.expr(&relative)?
            }
            None => self.expr(&a.value)?,
        };
        let at = value.pos;
        let (wanted, what) = match a.kind {
            ast::AsOfKind::Scn => (oid::INT8, "an SCN (bigint)"),
            _ => (oid::TIMESTAMPTZ, "a timestamp"),
        };
        self.coerce(value, types::plain(wanted), Coercion::Assignment)?
            .ok_or_else(|| DbError::new(SqlState::DATATYPE_MISMATCH, format!("AS OF needs {what}")).at(at))
    }
}

/// Makes the scans of a table, or of the tables of a tree, read the past.
pub(super) fn read_past(rel: &mut Rel, past: &Expr) -> Result<()> {
    match rel {
        Rel::Scan(s) => s.as_of = Some(Box::new(past.clone())),
        Rel::Append(a) => a.branches.iter_mut().try_for_each(|b| read_past(&mut b.rel, past))?,
        _ => return Err(DbError::unsupported("AS OF of this relation is not supported")),
    }
    Ok(())
}
