//! Calls of users' functions from inside expressions.
//!
//! An SQL function runs statements, for which one needs the transaction; expressions are evaluated deep inside an
//! executor, without waiting. So a plan that makes such calls runs in a task of its own. An evaluation that comes to a call
//! sends it to the session and blocks its thread (which the runtime replaces); the session, waiting for the plan's next
//! batch, runs the function's statements in its transaction and sends the rows back.
//!
//! A thread per nested call is much, so what needs no plan is done without one: a row of expressions over nothing but
//! parameters (`SELECT expression`) is evaluated by the session itself, again and again, each time with the answer of one
//! more call ([`Replay`]).
//!
//! Invariants: the task holds no latch, and no lock that a statement could want, while it waits; whoever drops the source
//! of rows ends the task and every call it waits for. At most one batch stands between task and session.
//!
//! Left out: expressions that are evaluated outside such a plan (conditions of tables and domains, keys of indexes and
//! partitions, arguments of EXECUTE): there only functions that were inlined work.

use super::eval::{Env, compile};
use super::run::{Chunk, RowSource, StatementEnv, statement_cx};
use super::{StmtCx, df};
use crate::catalog::FIRST_USER_OID;
use crate::plan::ir::{Col, Expr, ExprKind, Rel};
use crate::plan::walk;
use crate::transaction::Transaction;
use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt;
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::txn::Snapshot;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::host::{CallHost, HostCall, needs_host};
use rustydb_types::pgdata::Proc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as blocking;
use tokio::sync::mpsc;

/// A call and where its answer goes.
struct Request {
    call: HostCall,
    reply: blocking::SyncSender<Result<Vec<Vec<Datum>>>>,
}

/// The sending end. The channel needs no bound of its own: whoever sends waits for the answer, so there are never more
/// requests in it than threads evaluating the plan.
struct Host(mpsc::UnboundedSender<Request>);

fn gone() -> DbError {
    DbError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request")
}

impl CallHost for Host {
    fn call(&self, call: HostCall) -> Result<Vec<Vec<Datum>>> {
        let _blocked = Blocked::new()?;
        let (reply, answer) = blocking::sync_channel(1);
        self.0.send(Request { call, reply }).map_err(|_| gone())?;
        let wait = || answer.recv().map_err(|_| gone());
        match tokio::runtime::Handle::try_current().map(|h| h.runtime_flavor()) {
            Ok(tokio::runtime::RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait)?,
            _ => wait()?,
        }
    }
}

/// Whether an aggregate's calls need the session.
fn aggregate_needs_host(p: &Proc) -> bool {
    p.oid >= FIRST_USER_OID
}

/// Whether an expression itself (not what is below it) calls a function that runs statements.
fn calls(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Call { proc, .. } | ExprKind::ArrayOp { proc, .. } => needs_host(proc),
        ExprKind::Distinct { eq, .. } | ExprKind::NullIf { eq, .. } => needs_host(eq),
        _ => false,
    }
}

/// Whether an expression calls a function that runs statements.
pub fn expr_needs_host(e: &Expr) -> bool {
    let mut found = false;
    walk::visit_deep(e, &mut |x| found |= calls(x));
    found
}

/// Whether anything in a relation does.
pub fn needed(rel: &Rel) -> bool {
    let (mut called, mut grouped) = (false, false);
    let mut in_rel = |r: &Rel| match r {
        Rel::Aggregate { aggs, .. } => grouped |= aggs.iter().any(|a| aggregate_needs_host(a.1.proc)),
        Rel::Window { calls, .. } => grouped |= calls.iter().any(|w| aggregate_needs_host(w.1.proc)),
        _ => {}
    };
    walk::visit_all(rel, &mut in_rel, &mut |e| called = called || calls(e));
    called || grouped
}

/// Answers of calls in the order in which an evaluation makes them; the first call without one ends the evaluation.
#[derive(Default)]
struct Replay(Mutex<Replayed>);

#[derive(Default)]
struct Replayed {
    answers: Vec<Vec<Vec<Datum>>>,
    next: usize,
    pending: Option<HostCall>,
}

impl CallHost for Replay {
    fn call(&self, call: HostCall) -> Result<Vec<Vec<Datum>>> {
        let mut r = self.0.lock();
        r.next += 1;
        if let Some(a) = r.answers.get(r.next - 1) {
            return Ok(a.clone());
        }
        r.pending = Some(call);
        Err(DbError::internal("a call waits for its answer"))
    }
}

/// Evaluates something that may call functions which run statements. It is evaluated once more for each call, so it must
/// not contain anything else that is volatile.
pub async fn evaluate<T>(
    tx: &mut Transaction,
    env: &StatementEnv,
    mut f: impl FnMut(&EvalCtx) -> Result<T>,
) -> Result<T> {
    let replay = Arc::new(Replay::default());
    let eval = with_host(&env.eval, Arc::clone(&replay) as _);
    loop {
        replay.0.lock().next = 0;
        let done = f(&eval);
        let Some(call) = replay.0.lock().pending.take() else { return done };
        let answer = Box::pin(crate::session::function::run(tx, env, &call)).await?;
        replay.0.lock().answers.push(answer);
    }
}

fn with_host(eval: &EvalCtx, host: Arc<dyn CallHost>) -> EvalCtx {
    EvalCtx {
        fmt: eval.fmt.clone(),
        transaction_start: eval.transaction_start,
        statement_start: eval.statement_start,
        session: Arc::clone(&eval.session),
        host: Some(host),
    }
}

/// Whether evaluating an expression again gives the same (calls of users' functions aside).
fn repeatable(e: &Expr) -> bool {
    let mut yes = true;
    walk::visit(e, &mut |x| {
        yes &= match &x.kind {
            ExprKind::Call { proc, .. } => proc.provolatile != 'v' || needs_host(proc),
            ExprKind::NextVal(_) | ExprKind::Subquery(_) => false,
            _ => true,
        }
    });
    yes
}

/// The projections over one row without columns that a relation consists of, innermost first.
fn projections(rel: &Rel) -> Option<Vec<&[(Col, Expr)]>> {
    match rel {
        Rel::Project { input, exprs } if exprs.iter().all(|e| repeatable(&e.1)) => {
            let mut below = match &**input {
                Rel::Values { cols, rows } if cols.is_empty() && matches!(rows.as_slice(), [r] if r.is_empty()) => {
                    vec![]
                }
                other => projections(other)?,
            };
            below.push(exprs);
            Some(below)
        }
        _ => None,
    }
}

/// The row of a relation that is one row of expressions, if it is that.
pub async fn constant_row(
    tx: &mut Transaction,
    rel: &Rel,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<Option<Vec<Datum>>> {
    let Some(levels) = projections(rel) else { return Ok(None) };
    let mut row: Vec<Datum> = Vec::new();
    let mut cols: Vec<u32> = Vec::new();
    for exprs in levels {
        let slot = |id| cols.iter().position(|c| *c == id);
        let compiled = exprs.iter().map(|e| compile(&e.1, &slot)).collect::<Result<Vec<_>>>()?;
        row = evaluate(tx, env, |ctx| {
            let env = Env { ctx, params };
            compiled.iter().map(|c| c.eval(env, &row)).collect::<Result<Vec<_>>>()
        })
        .await?;
        cols = exprs.iter().map(|e| e.0.id).collect();
    }
    Ok(Some(row))
}

/// Threads of the process that may wait for calls at once.
const MAX_BLOCKED: usize = 256;
static BLOCKED: AtomicUsize = AtomicUsize::new(0);

/// A thread that waits, until dropped.
struct Blocked;

impl Blocked {
    fn new() -> Result<Blocked> {
        if BLOCKED.fetch_add(1, Ordering::AcqRel) >= MAX_BLOCKED {
            BLOCKED.fetch_sub(1, Ordering::AcqRel);
            return Err(DbError::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                "too many functions are running inside of others",
            ));
        }
        Ok(Blocked)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        BLOCKED.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A plan in a task of its own.
struct Hosted {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    requests: mpsc::UnboundedReceiver<Request>,
    task: tokio::task::AbortHandle,
    env: StatementEnv,
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The rows of a relation that makes calls.
pub fn stream(
    tx: &Transaction,
    rel: &Rel,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Box<dyn RowSource> {
    let (ask, requests) = mpsc::unbounded_channel();
    let eval = with_host(&env.eval, Arc::new(Host(ask)));
    let inside = StatementEnv { eval: Arc::new(eval), ..env.clone() };
    let cx = statement_cx(tx, snap, params, &inside);
    let (out, batches) = mpsc::channel(1);
    let task = tokio::spawn(produce(rel.clone(), cx, out)).abort_handle();
    Box::new(Hosted { batches, requests, task, env: env.clone() })
}

async fn produce(rel: Rel, cx: Arc<StmtCx>, out: mpsc::Sender<Result<RecordBatch>>) {
    let mut rows = match df::execute(&rel, &cx).await {
        Ok(rows) => rows,
        Err(e) => {
            // Nobody left to tell: the statement is over.
            let _ = out.send(Err(e)).await;
            return;
        }
    };
    while let Some(b) = rows.next().await {
        if out.send(b).await.is_err() {
            return;
        }
    }
}

#[async_trait]
impl RowSource for Hosted {
    async fn next(&mut self, mut tx: Option<&mut Transaction>) -> Result<Option<Chunk>> {
        loop {
            let request = tokio::select! {
                biased;
                Some(r) = self.requests.recv() => r,
                b = self.batches.recv() => match b {
                    None => return Ok(None),
                    Some(b) => {
                        let b = b?;
                        if b.num_rows() > 0 {
                            return Ok(Some(Chunk::Batch(b)));
                        }
                        continue;
                    }
                },
            };
            let done = match tx.as_deref_mut() {
                Some(tx) => Box::pin(crate::session::function::run_beside(tx, &self.env, &request.call)).await,
                None => Err(DbError::unsupported("calling a function here is not supported yet")),
            };
            // An evaluation that has ended meanwhile needs no answer.
            let _ = request.reply.send(done);
        }
    }
}
