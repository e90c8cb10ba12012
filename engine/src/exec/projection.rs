//! Expressions over the rows a statement changes: RETURNING, ON CONFLICT … SET and WHERE.
//!
//! Most are compiled and evaluated on each row. If one holds a subquery, all of them are a query of their own: a projection
//! of constant rows, under the statement's snapshot.

use super::dml::SourceRows;
use super::eval::{Compiled, Env, compile};
use super::run::StatementEnv;
use crate::plan::ir::{Col, ColId, Cte, Expr, ExprKind, Rel};
use crate::plan::walk;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result};
use rustydb_storage::txn::Snapshot;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::oid;
use std::sync::Arc;

/// Expressions ready to be evaluated.
pub(super) enum Projection {
    /// Row by row.
    Each(Vec<Compiled>),
    /// As a query over all rows.
    Query(Box<Query>),
}

/// What such a query is made of.
pub(super) struct Query {
    exprs: Vec<Expr>,
    /// Columns by which the expressions read a row, and where they stand in it.
    cols: Vec<(Col, usize)>,
    ctes: Vec<Cte>,
    /// First column number that nothing in the expressions uses.
    free: u32,
}

impl Projection {
    /// `cols` tells which column an expression reads at which place of a row; `ctes` are the common tables subqueries may
    /// read.
    pub(super) fn new(exprs: Vec<&Expr>, cols: Vec<(Col, usize)>, ctes: &[Cte]) -> Result<Projection> {
        let mut deep = false;
        exprs.iter().for_each(|e| walk::visit(e, &mut |x| deep |= matches!(x.kind, ExprKind::Subquery(_))));
        deep |= exprs.iter().any(|e| super::host::expr_needs_host(e));
        if !deep {
            let slot = |id: ColId| cols.iter().find(|c| c.0.id == id).map(|c| c.1);
            return Ok(Projection::Each(exprs.into_iter().map(|e| compile(e, &slot)).collect::<Result<_>>()?));
        }
        let mut free = cols.iter().map(|c| c.0.id).max().unwrap_or(0);
        let mut rels = Vec::new();
        for e in &exprs {
            walk::visit_deep(e, &mut |x| match &x.kind {
                ExprKind::Subquery(s) => rels.push(&s.rel),
                ExprKind::Column(id) => free = free.max(*id),
                _ => {}
            });
        }
        for r in rels.into_iter().chain(ctes.iter().map(|c| &c.rel)) {
            walk::visit_rels(r, &mut |r| r.outputs().iter().for_each(|c| free = free.max(c.id)));
        }
        let exprs = exprs.into_iter().cloned().collect();
        Ok(Projection::Query(Box::new(Query { exprs, cols, ctes: ctes.to_vec(), free: free + 1 })))
    }

    /// The values over one row; over a row of the query's, that row, for [`Self::finish`].
    pub(super) fn row(&self, env: Env<'_>, row: &[Datum]) -> Result<Vec<Datum>> {
        match self {
            Projection::Each(exprs) => exprs.iter().map(|e| e.eval(env, row)).collect(),
            Projection::Query(_) => Ok(row.to_vec()),
        }
    }

    /// The values for all rows that [`Self::row`] has answered, in their order.
    pub(super) async fn finish(
        &self,
        tx: &mut Transaction,
        rows: Vec<Vec<Datum>>,
        snap: Snapshot,
        params: &Arc<[Datum]>,
        env: &StatementEnv,
    ) -> Result<Vec<Vec<Datum>>> {
        let Projection::Query(q) = self else { return Ok(rows) };
        let number = |i: usize| Datum::Int8(i64::try_from(i).unwrap_or(i64::MAX));
        let at = Col { id: q.free, ty: TypeRef::new(oid::INT8) };
        let mut ids = q.free + 1..;
        let mut cols: Vec<Col> = q.cols.iter().map(|c| c.0).collect();
        cols.push(at);
        let mut values = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            let mut r: Vec<Expr> =
                q.cols.iter().map(|(c, n)| Expr::new(ExprKind::Const(row[*n].clone()), c.ty)).collect();
            r.push(Expr::new(ExprKind::Const(number(i)), at.ty));
            values.push(r);
        }
        let mut exprs: Vec<(Col, Expr)> = Vec::with_capacity(q.exprs.len() + 1);
        for e in std::iter::once(&Expr::column(at)).chain(&q.exprs) {
            let id = ids.next().ok_or_else(|| DbError::internal("too many columns"))?;
            exprs.push((Col { id, ty: e.ty }, e.clone()));
        }
        let mut rel = Rel::Project { input: Box::new(Rel::Values { cols, rows: values }), exprs };
        if !q.ctes.is_empty() {
            rel = Rel::With { ctes: q.ctes.clone(), body: Box::new(rel) };
        }
        let mut source = SourceRows::open_stream(tx, &rel, snap, params, env).await?;
        let mut out = Vec::with_capacity(rows.len());
        while let Some(mut row) = source.next(Some(&mut *tx)).await? {
            let Datum::Int8(at) = row.remove(0) else { return Err(DbError::internal("row without its number")) };
            out.push((at, row));
        }
        // A join with a subquery's rows may have changed their order.
        out.sort_by_key(|r| r.0);
        Ok(out.into_iter().map(|r| r.1).collect())
    }

    /// The values over one row, whatever they take.
    pub(super) async fn one(
        &self,
        tx: &mut Transaction,
        row: &[Datum],
        snap: Snapshot,
        params: &Arc<[Datum]>,
        env: &StatementEnv,
    ) -> Result<Vec<Datum>> {
        let rows = vec![self.row(Env { ctx: &env.eval, params }, row)?];
        self.finish(tx, rows, snap, params, env).await?.pop().ok_or_else(|| DbError::internal("row lost"))
    }
}

/// The common tables at the top of a statement's source.
pub(super) fn ctes_of(source: &Rel) -> &[Cte] {
    match source {
        Rel::With { ctes, .. } => ctes,
        _ => &[],
    }
}
