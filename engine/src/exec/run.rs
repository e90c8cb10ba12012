//! Running a bound statement: which executor, and what comes out.

use super::dml;
use super::eval::Env;
use super::explain::{Estimate, PlanNode};
use super::point::{self, Attempt, Flow, PointPlan, PointScratch};
use super::tables::{SessionTables, blocks_of};
use super::turn::Turn;
use super::{CancelFlag, StmtCx, df, locking, modifying};
use crate::catalog::Relation;
use crate::plan::ir::{Bound, Rel};
use crate::transaction::Transaction;
use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use rustydb_base::{Lsn, Result};
use rustydb_parser::ast::quote_ident;
use rustydb_storage::scan::ScanEnv;
use rustydb_storage::store::Interrupt;
use rustydb_storage::txn::Snapshot;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

/// What a statement's execution is given by its session.
#[derive(Clone)]
pub struct StatementEnv {
    /// Clock, formats, session.
    pub eval: Arc<EvalCtx>,
    /// Cancellation of computations.
    pub cancel: CancelFlag,
    /// Cancellation of waits.
    pub interrupt: Interrupt,
    /// Highest LSN the session depends on.
    pub dep_lsn: Arc<AtomicU64>,
    /// `work_mem` in bytes.
    pub work_mem: usize,
    /// `temp_file_limit` in bytes.
    pub temp_limit: Option<u64>,
    /// Told the commit number of the statement's snapshot.
    pub snapshot: Arc<AtomicU64>,
    /// Set with the error of a statement that met, at READ COMMITTED, a row that is no longer as its snapshot saw it and
    /// whose newest version it cannot judge alone: the statement is undone and runs again under a new snapshot.
    pub stale: Arc<AtomicBool>,
}

/// A part of a result.
pub enum Chunk {
    /// Rows of values.
    Rows(Vec<Vec<Datum>>),
    /// A batch; columns as the statement's outputs.
    Batch(RecordBatch),
}

/// A result that is taken piece by piece.
#[async_trait]
pub trait RowSource: Send {
    /// The next part, never empty; `None` at the end.
    ///
    /// Rows that call functions which run statements need the transaction for that.
    async fn next(&mut self, tx: Option<&mut Transaction>) -> Result<Option<Chunk>>;
}

/// A statement's rows.
pub enum Results {
    /// All of them.
    Ready(Vec<Vec<Datum>>),
    /// One part after the other.
    Stream(Box<dyn RowSource>),
}

/// What a statement answers.
pub enum Executed {
    /// Rows.
    Rows(Results),
    /// Rows affected.
    Count(u64),
}

struct Batches(BoxStream<'static, Result<RecordBatch>>, Turn);

#[async_trait]
impl RowSource for Batches {
    async fn next(&mut self, _: Option<&mut Transaction>) -> Result<Option<Chunk>> {
        while let Some(b) = self.0.next().await {
            self.1.check().await;
            let b = b?;
            if b.num_rows() > 0 {
                return Ok(Some(Chunk::Batch(b)));
            }
        }
        Ok(None)
    }
}

/// The context in which a statement's relations are read.
pub fn statement_cx(tx: &Transaction, snap: Snapshot, params: &Arc<[Datum]>, env: &StatementEnv) -> Arc<StmtCx> {
    let held = Arc::new(tx.txn.store().hold(&snap));
    let tables = SessionTables {
        held,
        db: Arc::clone(&tx.db),
        catalog: Arc::clone(&tx.catalog),
        eval: Arc::clone(&env.eval),
        env: ScanEnv { store: Arc::clone(tx.txn.store()), snap, interrupt: env.interrupt.clone() },
        dep_lsn: Arc::clone(&env.dep_lsn),
        tally: tx.tally.clone(),
    };
    Arc::new(StmtCx {
        eval: Arc::clone(&env.eval),
        params: Arc::clone(params),
        catalog: Arc::clone(&tx.catalog),
        tables: Arc::new(tables),
        cancel: env.cancel.clone(),
        work_mem: env.work_mem,
        temp_limit: env.temp_limit,
        crypto: tx.txn.store().crypto().clone(),
    })
}

/// Raises what the session depends on by what the transaction has learnt.
pub fn note_dependency(tx: &Transaction, env: &StatementEnv) {
    let Lsn(l) = tx.txn.dep_lsn();
    env.dep_lsn.fetch_max(l, Ordering::AcqRel);
}

/// Runs a statement. The caller holds the table locks it needs.
pub async fn run(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    params: Arc<[Datum]>,
    env: StatementEnv,
) -> Result<Executed> {
    tx.txn.rules.interrupt = env.interrupt.clone();
    env.stale.store(false, Ordering::Release);
    let mark = tx.mark();
    let done = loop {
        match attempt(tx, bound, &params, &env).await {
            Err(_) if env.stale.swap(false, Ordering::AcqRel) => {
                Box::pin(tx.rollback_to(&mark)).await?;
                env.cancel.check()?;
            }
            done => break done,
        }
    };
    note_dependency(tx, &env);
    done.map_err(|e| super::discreet::discreet(e, tx, bound, &env))
}

/// Runs a statement under one snapshot.
async fn attempt(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<Executed> {
    let snap = tx.statement_snapshot().await?;
    env.snapshot.store(snap.scn.0, Ordering::Relaxed);
    // The futures of what is seldom are boxed, so that those of point queries stay small: they are moved to where they run.
    let rewritten =
        if modifying::has(bound) { Box::pin(modifying::resolve(tx, bound, snap, params, env)).await? } else { None };
    let bound = rewritten.as_ref().unwrap_or(bound);
    if let Bound::Query(q) = &**bound {
        return query(tx, bound, &q.rel, snap, params, env).await;
    }
    let done = dml::execute(tx, bound, snap, params, env).await;
    // Whatever a snapshot that was given up has led to.
    tx.txn.store().core().check_kept(&snap)?;
    let (rows, count) = done?;
    Ok(match rows {
        Some(rows) => Executed::Rows(Results::Ready(rows)),
        None => Executed::Count(count),
    })
}

/// Point programs of bound statements, found again by where the statement's tree lies in memory; an entry counts only
/// while the statement it was made for lives.
#[derive(Default)]
pub struct PointPlans(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    plans: HashMap<usize, (Weak<Bound>, Option<Arc<PointPlan>>)>,
    /// Entries at which those of dead statements are next looked for.
    sweep_at: usize,
}

/// Entries kept at most; if so many statements live, all are dropped.
const POINT_PLANS: usize = 8192;
/// Entries that are kept before any is looked at.
const SWEEP_AT_LEAST: usize = 64;

impl PointPlans {
    fn get(
        &self,
        tx: &Transaction,
        owner: &Arc<Bound>,
        rel: &Rel,
        env: &StatementEnv,
    ) -> Result<Option<Arc<PointPlan>>> {
        let key = std::ptr::from_ref(rel).addr();
        if let Some((of, plan)) = self.0.lock().plans.get(&key)
            && of.upgrade().is_some_and(|o| Arc::ptr_eq(&o, owner))
            && !plan.as_ref().is_some_and(|p| p.is_outgrown(tx.txn.store()))
        {
            return Ok(allowed(plan.clone(), env));
        }
        let known = Cell::new(true);
        let blocks = |r: &Relation| {
            let b = blocks_of(tx.txn.store(), r);
            known.set(known.get() && b.is_some());
            b
        };
        let plan = match super::host::needed(rel) {
            // Calls of users' functions have to leave the program's thread.
            true => None,
            false => point::compile(rel, &|r| tx.table(&env.eval, r), &blocks)?.map(Arc::new),
        };
        if plan.is_none() && !known.get() {
            // Running it elsewhere brings in what was not known.
            return Ok(None);
        }
        let mut kept = self.0.lock();
        let mut dead = Vec::new();
        if kept.plans.len() >= kept.sweep_at.max(SWEEP_AT_LEAST) {
            let full = kept.plans.len() >= POINT_PLANS;
            dead.extend(kept.plans.extract_if(|_, e| full || e.0.strong_count() == 0));
            kept.sweep_at = (kept.plans.len() * 2).min(POINT_PLANS);
        }
        kept.plans.insert(key, (Arc::downgrade(owner), plan.clone()));
        // What they hold may be large: it is freed outside the lock.
        drop(kept);
        drop(dead);
        Ok(allowed(plan, env))
    }
}

/// A program, unless it reads a whole table where `enable_seqscan` is against that and a block range index can serve.
fn allowed(plan: Option<Arc<PointPlan>>, env: &StatementEnv) -> Option<Arc<PointPlan>> {
    plan.filter(|p| !p.skips_ranges() || env.eval.session.setting("enable_seqscan").as_deref() != Some("off"))
}

/// Runs a relation of a statement: as a point program if it is one, else on DataFusion.
pub async fn query(
    tx: &mut Transaction,
    owner: &Arc<Bound>,
    rel: &Rel,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<Executed> {
    let db = Arc::clone(&tx.db);
    if let Some(plan) = db.point_plans.get(tx, owner, rel, env)?
        && let Some(rows) = run_program(tx, &plan, &snap, params, env).await?
    {
        return Ok(Executed::Rows(Results::Ready(rows)));
    }
    if super::host::needed(rel)
        && let Some(row) = Box::pin(super::host::constant_row(tx, rel, params, env)).await?
    {
        return Ok(Executed::Rows(Results::Ready(vec![row])));
    }
    let locked = Box::pin(locking::resolve(tx, rel, snap, params, env)).await?;
    let rows = Box::pin(stream(tx, locked.as_ref().unwrap_or(rel), snap, params, env)).await?;
    Ok(Executed::Rows(Results::Stream(rows)))
}

/// A relation's rows from DataFusion.
pub(super) async fn stream(
    tx: &Transaction,
    rel: &Rel,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<Box<dyn RowSource>> {
    if super::host::needed(rel) {
        return Ok(super::host::stream(tx, rel, snap, params, env));
    }
    let cx = statement_cx(tx, snap, params, env);
    Ok(Box::new(Batches(df::execute(rel, &cx).await?, Turn::begin())))
}

/// The rows of a relation that is no part of a bound statement, if it is a point program.
pub(super) async fn point_program(
    tx: &mut Transaction,
    rel: &Rel,
    snap: &Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<Option<Vec<Vec<Datum>>>> {
    if super::host::needed(rel) {
        return Ok(None);
    }
    match point::compile(rel, &|r| tx.table(&env.eval, r), &|r| blocks_of(tx.txn.store(), r))? {
        Some(plan) => run_program(tx, &plan, snap, params, env).await,
        None => Ok(None),
    }
}

/// A point program's rows; `None` if this snapshot may not run it or it is too big.
async fn run_program(
    tx: &mut Transaction,
    plan: &PointPlan,
    snap: &Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<Option<Vec<Vec<Datum>>>> {
    if !plan.usable(snap) {
        return Ok(None);
    }
    let mut rows: Vec<Vec<Datum>> = Vec::new();
    let mut scratch = PointScratch::take();
    scratch.start(plan);
    let e = Env { ctx: &env.eval, params };
    let mut sink = |row: &[Datum]| {
        rows.push(row.to_vec());
        Ok(Flow::More)
    };
    let mut done = point::try_run(plan, tx, snap, e, &mut scratch, &mut sink)?;
    if done == Attempt::NeedsWait {
        done = point::run(plan, tx, snap, e, &mut scratch, &mut sink).await?;
    }
    scratch.give();
    Ok((done != Attempt::TooBig).then_some(rows))
}

/// The plan as EXPLAIN shows it, and when planning ended: showing a plan is no part of making it.
pub async fn explain(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    params: Arc<[Datum]>,
    env: StatementEnv,
) -> Result<(PlanNode, Instant)> {
    let snap = tx.statement_snapshot().await?;
    let (head, rel) = match &**bound {
        Bound::Query(q) => (None, &q.rel),
        Bound::Insert(i) => (Some(("Insert", &i.table)), &i.source),
        Bound::Update(u) => (Some(("Update", &u.table)), &u.source),
        Bound::Delete(d) => (Some(("Delete", &d.table)), &d.source),
        Bound::Merge(m) => (Some(("Merge", &m.table)), &m.source),
    };
    let db = Arc::clone(&tx.db);
    let (plan, planned) = match db.point_plans.get(tx, bound, rel, &env)?.filter(|p| p.usable(&snap)) {
        Some(plan) => {
            let planned = Instant::now();
            (point::explain(&plan), planned)
        }
        None => df::explain(rel, &statement_cx(tx, snap, &params, &env)).await?,
    };
    let shown = match head {
        None => plan,
        Some((what, table)) => {
            let estimate = Estimate { rows: 0.0, width: 0, ..plan.estimate };
            PlanNode::new("ModifyTable", estimate, vec![plan])
                .on("Operation", what)
                .on("Relation Name", quote_ident(&table.name).to_string())
        }
    };
    Ok((shown, planned))
}
