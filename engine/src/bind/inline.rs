//! SQL functions of pg_catalog that only read tables: their calls become subqueries, which the planner can see through.
//!
//! The bodies are RustyDB's own; `$1…` stand for the arguments, already converted to the declared types.

use super::Binder;
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::Result;
use rustydb_types::registry;

/// `pg_language.oid` of functions written in SQL.
const SQL_LANGUAGE: u32 = 14;

/// Expressions by signature.
const BODIES: &[(&str, &str)] = &[
    (
        "obj_description(oid,name)",
        "(SELECT d.description FROM pg_catalog.pg_description d JOIN pg_catalog.pg_class c ON c.oid = d.classoid
          WHERE d.objoid = $1 AND c.relname = $2 AND c.relnamespace = 11 AND d.objsubid = 0)",
    ),
    (
        "obj_description(oid)",
        "(SELECT d.description FROM pg_catalog.pg_description d WHERE d.objoid = $1 AND d.objsubid = 0 LIMIT 1)",
    ),
    (
        "col_description(oid,integer)",
        "(SELECT d.description FROM pg_catalog.pg_description d
          WHERE d.objoid = $1 AND d.classoid = 1259 AND d.objsubid = $2)",
    ),
    (
        "shobj_description(oid,name)",
        "(SELECT d.description FROM pg_catalog.pg_shdescription d JOIN pg_catalog.pg_class c ON c.oid = d.classoid
          WHERE d.objoid = $1 AND c.relname = $2 AND c.relnamespace = 11)",
    ),
];

impl Binder<'_> {
    /// Puts a subquery in the place of a call of one of these functions; other calls stay as they are.
    pub(crate) fn inline_sql(&mut self, call: Expr) -> Result<Expr> {
        let ExprKind::Call { proc, args, .. } = &call.kind else { return Ok(call) };
        if proc.prolang != SQL_LANGUAGE {
            return Ok(call);
        }
        if proc.oid >= crate::catalog::FIRST_USER_OID {
            return if self.keep_calls { Ok(call) } else { self.inline_routine(call) };
        }
        let signature = registry::signature(proc);
        let Some((_, body)) = BODIES.iter().find(|b| b.0 == signature) else { return Ok(call) };
        let body = super::parse_expr(body)?;
        // Names in the body resolve on their own, as in a view; what the arguments read stays a column of the
        // enclosing query.
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        let levels = std::mem::take(&mut self.levels);
        self.inlined.push(super::routine::Body::unnamed(args.clone()));
        self.view_depth += 1;
        let bound = self.expr(&body);
        self.view_depth -= 1;
        self.inlined.pop();
        self.scopes = scopes;
        self.ctes = ctes;
        self.levels = levels;
        let bound = bound.map_err(|mut e| {
            // Places in the body mean nothing in the statement.
            if let Some(f) = &mut e.fields {
                f.position = None;
            }
            e
        })?;
        Ok(Expr { pos: call.pos, ..bound })
    }
}
