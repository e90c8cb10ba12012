//! FOR UPDATE and its kin where no point program does it: locking subqueries, joins and scans of any size.
//!
//! # Idea
//! The relation below the locks runs on DataFusion under the statement's snapshot. Its rows are locked in order; a row
//! that is still as the snapshot saw it stays, and once locked it cannot change. The locked rows then stand as constants
//! where the locking relation stood ([`resolve`]), and the statement goes on as any other.
//!
//! # Rules
//! 1. A row that somebody changed since the snapshot: at REPEATABLE READ the statement fails with 40001; at READ
//!    COMMITTED it is undone, its locks with it, and runs again under a new snapshot ([`StatementEnv::stale`]). So a
//!    statement answers only rows that satisfy it at one snapshot and are locked.
//! 2. Under a LIMIT only rows that count towards it are locked.
//! 3. Locked rows are kept in memory, up to [`MAX_LOCKED_BYTES`]; beyond, 53200.
//!
//! Left out: locking subqueries that read an outer query's columns (0A000).

use super::dml::SourceRows;
use super::eval::{Compiled, Env, compile};
use super::run::{self, StatementEnv};
use super::tables::number_rid;
use crate::plan::ir::{Col, ColSet, Cte, Expr, ExprKind, Rel, RowLock};
use crate::plan::walk;
use crate::transaction::Transaction;
use futures::FutureExt;
use futures::future::BoxFuture;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{LockStrength, LockWait};
use rustydb_storage::core::RowLockMode;
use rustydb_storage::heap::TmResult;
use rustydb_storage::store::WaitPolicy;
use rustydb_storage::txn::{Isolation, Snapshot};
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// Most bytes of locked rows one statement keeps.
const MAX_LOCKED_BYTES: usize = 256 << 20;

/// What a locking relation's run is given.
struct Cx<'a> {
    snap: Snapshot,
    params: &'a Arc<[Datum]>,
    env: &'a StatementEnv,
}

/// How a row lock is taken in storage.
pub(super) fn lock_mode(s: LockStrength) -> RowLockMode {
    match s {
        LockStrength::KeyShare => RowLockMode::KeyShare,
        LockStrength::Share => RowLockMode::Share,
        LockStrength::NoKeyUpdate => RowLockMode::NoKeyUpdate,
        LockStrength::Update => RowLockMode::Update,
    }
}

/// Locks what the relation's FOR UPDATE clauses say and answers the relation with their rows in place; `None` if it has
/// no such clause.
pub(super) async fn resolve(
    tx: &mut Transaction,
    rel: &Rel,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<Option<Rel>> {
    let cx = Cx { snap, params, env };
    let mut left: Option<Rel> = None;
    loop {
        let Some(place) = first_place(left.as_ref().unwrap_or(rel)) else { return Ok(left) };
        if !free_columns(&place).is_empty() {
            return Err(DbError::unsupported("FOR UPDATE/SHARE is not supported in a correlated subquery"));
        }
        // A point program locks row after row as it reads, in the order of an index: what queues live on.
        let rows = match run::point_program(tx, &place, &snap, params, env).await? {
            Some(rows) => rows,
            None => rows(tx, &cx, &place, usize::MAX).await?,
        };
        let cols = place.outputs();
        let constants = |row: Vec<Datum>| {
            row.into_iter().zip(&cols).map(|(d, c): (Datum, &Col)| Expr::new(ExprKind::Const(d), c.ty)).collect()
        };
        let mut values = Some(Rel::Values { rows: rows.into_iter().map(constants).collect(), cols: cols.clone() });
        let mut new = left.take().unwrap_or_else(|| rel.clone());
        places(&mut new, &mut Vec::new(), &mut |r, _| {
            if let Some(v) = values.take() {
                *r = v;
            }
        })?;
        left = Some(new);
    }
}

/// The first locking relation, with the common tables that it reads.
fn first_place(rel: &Rel) -> Option<Rel> {
    if !has_locks(rel) {
        return None;
    }
    let mut found = None;
    let mut copy = rel.clone();
    let walked = places(&mut copy, &mut Vec::new(), &mut |r, ctes| {
        if found.is_none() {
            found = Some(if ctes.is_empty() { r.clone() } else { with_ctes(r, ctes) });
        }
    });
    debug_assert!(walked.is_ok(), "the walk itself cannot fail");
    found
}

/// The common tables belong directly under the locks, so that the projections and limits above stay where they are.
fn with_ctes(rel: &Rel, ctes: &[Cte]) -> Rel {
    let mut rel = rel.clone();
    let mut at = &mut rel;
    loop {
        match at {
            Rel::Project { input, .. } | Rel::Limit { input, .. } => at = input,
            Rel::LockRows { input, .. } => {
                let body = std::mem::replace(input, Box::new(Rel::Values { cols: vec![], rows: vec![] }));
                **input = Rel::With { ctes: ctes.to_vec(), body };
                return rel;
            }
            _ => return rel,
        }
    }
}

fn has_locks(rel: &Rel) -> bool {
    let mut found = false;
    walk::visit_rels(rel, &mut |r| found |= matches!(r, Rel::LockRows { .. }));
    found
}

/// Columns that a relation reads and that nothing in it makes.
fn free_columns(rel: &Rel) -> ColSet {
    let mut free = ColSet::default();
    walk::visit_rel(rel, &mut |x| {
        if let ExprKind::Column(id) = x.kind {
            free.insert(id);
        }
    });
    walk::visit_rels(rel, &mut |r| {
        for c in r.outputs() {
            free.remove(&c.id);
        }
    });
    free
}

/// Calls `f` on each locking relation: LockRows with the projections and limits directly above it; and with the common
/// tables that it may read.
fn places(rel: &mut Rel, ctes: &mut Vec<Cte>, f: &mut dyn FnMut(&mut Rel, &[Cte])) -> Result<()> {
    if is_locking(rel) {
        f(rel, ctes);
        return Ok(());
    }
    walk::own_exprs_mut(rel, &mut |e| walk::subqueries_mut(e, &mut |r| places(r, ctes, f)))?;
    let Rel::With { ctes: own, body } = rel else {
        return walk::inputs_mut(rel, &mut |i| places(i, ctes, f));
    };
    let before = ctes.len();
    for c in own {
        places(&mut c.rel, ctes, f)?;
        ctes.push(c.clone());
    }
    places(body, ctes, f)?;
    ctes.truncate(before);
    Ok(())
}

fn is_locking(rel: &Rel) -> bool {
    match rel {
        Rel::LockRows { .. } => true,
        Rel::Project { input, .. } | Rel::Limit { input, ties: None, .. } => is_locking(input),
        _ => false,
    }
}

/// The rows of a locking relation, locked, `most` of them at most.
fn rows<'a>(
    tx: &'a mut Transaction,
    cx: &'a Cx<'a>,
    rel: &'a Rel,
    most: usize,
) -> BoxFuture<'a, Result<Vec<Vec<Datum>>>> {
    async move {
        let e = Env { ctx: &cx.env.eval, params: cx.params };
        match rel {
            Rel::Project { input, exprs } => {
                let outs = input.outputs();
                let slot = |id| outs.iter().position(|c| c.id == id);
                let exprs = exprs.iter().map(|(_, x)| compile(x, &slot)).collect::<Result<Vec<Compiled>>>()?;
                let below = rows(tx, cx, input, most).await?;
                below.iter().map(|r| exprs.iter().map(|x| x.eval(e, r)).collect()).collect()
            }
            Rel::Limit { input, limit, offset, .. } => {
                let number = |x: &Option<Expr>, word: &str, code| -> Result<Option<usize>> {
                    let Some(x) = x else { return Ok(None) };
                    match compile(x, &|_| None)?.eval(e, &[])? {
                        Datum::Int8(n) => usize::try_from(n)
                            .map(Some)
                            .map_err(|_| DbError::new(code, format!("{word} must not be negative"))),
                        _ => Ok(None),
                    }
                };
                let skip = number(offset, "OFFSET", SqlState::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE)?.unwrap_or(0);
                let keep = number(limit, "LIMIT", SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE)?.unwrap_or(usize::MAX);
                let mut got = rows(tx, cx, input, skip.saturating_add(keep).min(most)).await?;
                got.drain(..skip.min(got.len()));
                Ok(got)
            }
            Rel::LockRows { input, locks } => lock_all(tx, cx, input, locks, most).await,
            _ => Err(DbError::internal("not a locking relation")),
        }
    }
    .boxed()
}

async fn lock_all(
    tx: &mut Transaction,
    cx: &Cx<'_>,
    input: &Rel,
    locks: &[RowLock],
    most: usize,
) -> Result<Vec<Vec<Datum>>> {
    let outs = input.outputs();
    let mut at = Vec::with_capacity(locks.len());
    for l in locks {
        let Some(i) = outs.iter().position(|c| c.id == l.rid.id) else {
            return Err(DbError::internal("a row lock without its row"));
        };
        // Rows of a tree of tables tell which of them they are from.
        let (rt, oid) = match l.tableoid {
            None => (Some(tx.table(&cx.env.eval, &l.table)?), None),
            Some(t) => (None, outs.iter().position(|c| c.id == t.id)),
        };
        at.push((i, rt, oid, l));
    }
    tx.txn.ensure_xid().await?;
    let mut out = Vec::new();
    let mut bytes = 0;
    let mut source = SourceRows::open_stream(tx, input, cx.snap, cx.params, cx.env).await?;
    'rows: while out.len() < most
        && let Some(row) = source.next(Some(&mut *tx)).await?
    {
        cx.env.cancel.check()?;
        for (i, rt, oid, l) in &at {
            // An outer join's empty side has no row.
            let Datum::Int8(number) = row[*i] else { continue };
            let rt = match (rt, oid.map(|o| &row[o])) {
                (Some(rt), _) => Arc::clone(rt),
                (None, Some(Datum::Oid(o))) => {
                    let rel = tx.catalog.relation(*o).cloned();
                    tx.table(&cx.env.eval, &rel.ok_or_else(|| DbError::internal("a locked row's table is gone"))?)?
                }
                _ => return Err(DbError::internal("a locked row does not tell its table")),
            };
            let policy = tx.txn.rules.policy;
            tx.txn.rules.policy = if l.wait == LockWait::Block { WaitPolicy::Block } else { WaitPolicy::NoWait };
            let got = tx.lock_row(&rt, &cx.snap, number_rid(number), lock_mode(l.strength)).await;
            tx.txn.rules.policy = policy;
            match got? {
                TmResult::Ok => {}
                TmResult::SelfModified => continue 'rows,
                TmResult::BeingModified(_) if l.wait == LockWait::Skip => continue 'rows,
                TmResult::BeingModified(_) => {
                    return Err(DbError::new(
                        SqlState::LOCK_NOT_AVAILABLE,
                        format!("could not obtain lock on row in relation \"{}\"", rt.rel.name),
                    ));
                }
                TmResult::Deleted if tx.isolation == Isolation::ReadCommitted => {
                    super::dml::check_not_moved(tx, &rt, number_rid(number)).await?;
                    continue 'rows;
                }
                changed => return Err(super::dml::changed_meanwhile(tx, cx.env, changed)),
            }
        }
        bytes += row.iter().map(super::datum_size).sum::<usize>();
        if bytes > MAX_LOCKED_BYTES {
            return Err(DbError::new(SqlState::OUT_OF_MEMORY, "out of memory")
                .detail("The rows that one statement locks are too many to keep."));
        }
        out.push(row);
    }
    Ok(out)
}
