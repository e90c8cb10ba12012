//! Data-modifying tables of WITH: they run to completion, each once, before the statement around them.
//!
//! # Rules
//! 1. All of them and the statement itself read under one snapshot, so none sees what another has changed; what one
//!    changes a second time is left alone.
//! 2. Each one's RETURNING rows then stand as constants where its table is read.
//! 3. They run in the order in which they read each other (the binder has brought them into it).
//! 4. A table that calls something volatile and is read by several of these statements is computed once.

use super::dml::{self, SourceRows};
use super::run::StatementEnv;
use crate::plan::ir::{Bound, Col, Cte, CteId, Expr, ExprKind, Rel};
use crate::plan::walk;
use crate::transaction::Transaction;
use rustydb_base::Result;
use rustydb_storage::txn::Snapshot;
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// Runs the data-modifying tables and answers the statement with their rows in place.
pub(super) async fn resolve(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<Option<Arc<Bound>>> {
    let mut new = (**bound).clone();
    let Rel::With { ctes, .. } = source_mut(&mut new) else { return Ok(None) };
    for i in 0..ctes.len() {
        let Rel::Modify(inner, cols) = &ctes[i].rel else {
            let several =
                ctes[i + 1..].iter().any(|c| matches!(&c.rel, Rel::Modify(b, _) if reads(source(b), ctes[i].id)));
            if several && is_volatile(&ctes[i]) {
                let cols = ctes[i].rel.outputs();
                let scan = Rel::CteScan { cte: ctes[i].id, cols: cols.clone() };
                let rel = Rel::With { ctes: ctes[..=i].to_vec(), body: Box::new(scan) };
                let mut source = SourceRows::open_stream(tx, &rel, snap, params, env).await?;
                let mut rows = Vec::new();
                while let Some(row) = source.next(Some(&mut *tx)).await? {
                    rows.push(row);
                }
                ctes[i].rel = constants(cols, rows);
                ctes[i].recursive = None;
            }
            continue;
        };
        let (mut inner, cols) = ((**inner).clone(), cols.clone());
        // Earlier tables may be read by this one's source.
        let mut before: Vec<Cte> = ctes[..i].to_vec();
        let source = source_mut(&mut inner);
        if let Rel::With { ctes: own, .. } = source {
            before.append(own);
            *own = before;
        } else if !before.is_empty() {
            let body = std::mem::replace(source, Rel::Values { cols: vec![], rows: vec![] });
            *source = Rel::With { ctes: before, body: Box::new(body) };
        }
        let (rows, _) = dml::execute(tx, &Arc::new(inner), snap, params, env).await?;
        ctes[i].rel = constants(cols, rows.unwrap_or_default());
    }
    Ok(Some(Arc::new(new)))
}

fn constants(cols: Vec<Col>, rows: Vec<Vec<Datum>>) -> Rel {
    let row = |r: Vec<Datum>| r.into_iter().zip(&cols).map(|(d, c)| Expr::new(ExprKind::Const(d), c.ty)).collect();
    Rel::Values { rows: rows.into_iter().map(row).collect(), cols }
}

/// What yields the rows of a statement.
fn source(b: &Bound) -> &Rel {
    match b {
        Bound::Query(q) => &q.rel,
        Bound::Insert(i) => &i.source,
        Bound::Update(u) => &u.source,
        Bound::Delete(d) => &d.source,
        Bound::Merge(m) => &m.source,
    }
}

fn source_mut(b: &mut Bound) -> &mut Rel {
    match b {
        Bound::Query(q) => &mut q.rel,
        Bound::Insert(i) => &mut i.source,
        Bound::Update(u) => &mut u.source,
        Bound::Delete(d) => &mut d.source,
        Bound::Merge(m) => &mut m.source,
    }
}

/// Whether a statement has data-modifying common tables.
pub(super) fn has(bound: &Bound) -> bool {
    matches!(source(bound), Rel::With { ctes, .. } if ctes.iter().any(|c| matches!(c.rel, Rel::Modify(..))))
}

fn reads(rel: &Rel, id: CteId) -> bool {
    let mut found = false;
    walk::visit_rels(rel, &mut |r| found |= matches!(r, Rel::CteScan { cte, .. } if *cte == id));
    found
}

fn is_volatile(c: &Cte) -> bool {
    let mut found = false;
    let mut look = |e: &Expr| {
        found |= match &e.kind {
            ExprKind::Call { proc, .. } => proc.provolatile == 'v',
            ExprKind::NextVal(_) => true,
            _ => false,
        }
    };
    walk::visit_rel(&c.rel, &mut look);
    if let Some((r, _)) = &c.recursive {
        walk::visit_rel(r, &mut look);
    }
    found
}
