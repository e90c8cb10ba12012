//! What an aggregate with FILTER reads is computed for the rows that pass and no others: an argument that would fail on
//! another row fails nothing.
//!
//! Left out: volatile filters, which cannot be evaluated twice.

use super::expr::{Lowered, Scope};
use crate::bind::define::volatility;
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::Result;
use rustydb_types::datum::Datum;

impl Scope<'_> {
    /// [`Scope::lower`] of an argument of an aggregate with that FILTER, NULL for rows that do not pass.
    pub fn lower_passing(&self, e: &Expr, filter: Option<&Expr>) -> Result<Lowered> {
        match filter {
            Some(f) if !matches!(e.kind, ExprKind::Column(_) | ExprKind::Const(_)) && volatility(f) != 'v' => {
                let otherwise = Box::new(Expr::new(ExprKind::Const(Datum::Null), e.ty));
                let kind = ExprKind::Case { operand: None, whens: vec![(f.clone(), e.clone())], otherwise };
                self.lower(&Expr::new(kind, e.ty))
            }
            _ => self.lower(e),
        }
    }
}
