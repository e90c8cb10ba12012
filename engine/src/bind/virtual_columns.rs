//! Virtual generated columns: nothing is stored for them, they are computed where they are read.
//!
//! A stored row has NULL in their place. A query reads its table through a projection that computes them
//! ([`Binder::computed`]), so that to everything above, outer joins included, they are columns like any other. The rows that
//! a statement changes or stores are read column by column by the executor instead: their columns are noted
//! ([`Binder::note_row`]), and whatever names a virtual one of them gets its expression in place ([`Binder::expand_virtual`]
//! for what is kept as text, [`Binder::settle_virtual`] for the statement as a whole).
//!
//! Invariants: an expression reads plain columns only, as none may name another generated column; a table that is read
//! through a parent is computed by the parent's expressions.

use super::Binder;
use super::scope::{Rte, ScopeCol};
use super::select::Clause;
use super::view_target::replace;
use crate::catalog::{Column, Relation};
use crate::plan::ir::{Bound, Col, ColId, Expr, ExprKind};
use crate::plan::walk;
use rustydb_base::{DbError, Result};
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows whose virtual columns are to be replaced, and the expressions of those that were asked for.
#[derive(Default)]
pub(crate) struct VirtualRows {
    /// Noted rows, each with what tells its table, whose expressions are not bound yet.
    noted: Vec<(Arc<Relation>, Vec<(Col, i16)>, Option<Col>)>,
    by: HashMap<ColId, Expr>,
}

impl Binder<'_> {
    /// Notes columns that stand for a row of the table, whose virtual columns nobody computes.
    pub(crate) fn note_row(&mut self, rel: &Arc<Relation>, row: &[(Col, i16)], tableoid: Option<Col>) {
        if rel.has_virtual() {
            self.virtual_rows.noted.push((Arc::clone(rel), row.to_vec(), tableoid));
        }
    }

    /// The virtual columns of a table over a row of it, whose columns `row` are in the table's order.
    fn virtual_exprs(
        &mut self,
        rel: &Arc<Relation>,
        row: &[(Col, i16)],
        tableoid: Option<Col>,
    ) -> Result<Vec<(ColId, Expr)>> {
        // Who may read the column need not be allowed to read what it is computed from.
        let muted = self.needs.muted(|c| row.iter().any(|r| r.0.id == c));
        let bound = rel.live_columns().zip(row).filter(|(c, _)| c.is_virtual()).map(|(c, (col, _))| {
            let rte = self.row_rte(rel, &rel.name, row);
            Ok((col.id, self.generation(c, rte, tableoid)?))
        });
        let bound = bound.collect();
        self.needs.unmute(muted);
        bound
    }

    /// A column's generation expression, as a value of the column's type. Of the system columns it may read `tableoid`: a
    /// column if the row is one of several tables, else known.
    pub(super) fn generation(&mut self, c: &Column, mut row: Rte, tableoid: Option<Col>) -> Result<Expr> {
        let table = row.table.as_ref().map_or(0, |t| t.oid);
        let col = tableoid.unwrap_or_else(|| self.col(super::types::plain(oid::OID)));
        row.system = vec![ScopeCol { name: "tableoid".into(), col, origin: (table, -6) }];
        let mut e = self.kept_expr(c.default.as_deref().unwrap_or("NULL"), Some(row), Clause::Generated)?;
        if tableoid.is_none() {
            let known = Expr::new(ExprKind::Const(Datum::Oid(table)), col.ty);
            replace(&mut e, &HashMap::from([(col.id, known)]))?;
        }
        self.assign(e, c.ty, &c.name)
    }

    /// The outputs of a projection over a scan of the table that computes its virtual columns, which get new columns in the
    /// scope; nothing for a table without any.
    pub(super) fn computed(&mut self, rel: &Arc<Relation>, rte: &mut Rte) -> Result<Vec<(Col, Expr)>> {
        if !rel.has_virtual() {
            return Ok(Vec::new());
        }
        let row: Vec<(Col, i16)> = rte.cols.iter().map(|c| (c.col, c.origin.1)).collect();
        let mut exprs: HashMap<ColId, Expr> =
            self.virtual_exprs(rel, &row, rte.system_column("tableoid"))?.into_iter().collect();
        let mut out = Vec::with_capacity(row.len() + rte.system.len() + 1);
        for c in &mut rte.cols {
            let e = match exprs.remove(&c.col.id) {
                Some(e) => {
                    c.col = self.col(c.col.ty);
                    e
                }
                None => Expr::column(c.col),
            };
            out.push((c.col, e));
        }
        out.extend(rte.system.iter().map(|c| c.col).chain(rte.rid).map(|c| (c, Expr::column(c))));
        Ok(out)
    }

    /// Puts the expressions of virtual columns in the place of the columns of noted rows.
    pub(crate) fn expand_virtual(&mut self, e: &mut Expr) -> Result<()> {
        self.bind_noted()?;
        if self.virtual_rows.by.is_empty() {
            return Ok(());
        }
        replace(e, &self.virtual_rows.by)
    }

    /// The same in all of a statement.
    pub(super) fn settle_virtual(&mut self, bound: &mut Bound) -> Result<()> {
        self.bind_noted()?;
        let by = &self.virtual_rows.by;
        if by.is_empty() {
            return Ok(());
        }
        walk::rewrite_bound(bound, &mut |x| {
            Ok(match &x.kind {
                ExprKind::Column(id) => by.get(id).cloned(),
                _ => None,
            })
        })
    }

    /// The virtual columns that must not be NULL, over a noted row.
    pub(super) fn virtual_not_null(&mut self, rel: &Arc<Relation>, row: &[(Col, i16)]) -> Result<Vec<(i16, Expr)>> {
        if !rel.has_virtual() {
            return Ok(Vec::new());
        }
        self.bind_noted()?;
        let of = rel.live_columns().zip(row).filter(|(c, _)| c.is_virtual() && c.not_null);
        of.map(|(c, (col, _))| {
            let e = self.virtual_rows.by.get(&col.id).cloned();
            Ok((c.attnum, e.ok_or_else(|| DbError::internal("a row with virtual columns was not noted"))?))
        })
        .collect()
    }

    fn bind_noted(&mut self) -> Result<()> {
        for (rel, row, tableoid) in std::mem::take(&mut self.virtual_rows.noted) {
            let exprs = self.virtual_exprs(&rel, &row, tableoid)?;
            self.virtual_rows.by.extend(exprs);
        }
        Ok(())
    }
}
