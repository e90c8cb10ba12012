//! Running an SQL function: its statements, one after the other, in the transaction of the statement that calls it.
//!
//! A function's statements are bound once per argument types and kept in the session as long as their plans are valid.
//! The role (SECURITY DEFINER) and the settings (SET) of the function hold while it runs.
//!
//! Invariants: calls in calls are bounded (54001); a set is kept in memory up to [`MAX_ROWS_BYTES`]. What a volatile
//! function's statement reads includes what was changed before it in the same transaction; others are not allowed to change
//! anything.

use super::plan::Plan;
use super::rows::row_bytes;
use super::shared::{SessionShared, User};
use crate::bind::func::{out_columns, resolve_fields};
use crate::bind::routine::{Answer, Body, Wanted, statements};
use crate::bind::{BindCx, Binder};
use crate::catalog::routines::Routine;
use crate::exec::run::{Chunk, Executed, Results, StatementEnv};
use crate::plan::ir::{Expr, ExprKind};
use crate::transaction::Transaction;
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::arrow::datum_at;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::host::HostCall;
use rustydb_types::{oid, shape, usertype};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Calls in calls.
const MAX_DEPTH: usize = 200;
/// Calls in calls each of which keeps a thread waiting.
const MAX_THREADS: usize = 24;
/// Most of a set that is kept.
const MAX_ROWS_BYTES: usize = 256 << 20;
/// Functions whose plans a session keeps.
const MAX_KEPT: usize = 256;

/// A function's statements, bound.
struct Prepared {
    plans: Vec<Arc<Plan>>,
    answer: Answer,
    version: u64,
}

/// What a kept function is found by: OID, types of arguments and result.
type Key = (u32, Vec<(u32, i32)>);

/// What a session keeps for its functions.
#[derive(Default)]
pub struct FunctionState {
    depth: AtomicUsize,
    threads: AtomicUsize,
    kept: Mutex<HashMap<Key, Arc<Prepared>>>,
}

/// One more call, until dropped.
struct Deeper<'a>(&'a AtomicUsize);

impl Drop for Deeper<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Settings and role of a function, until dropped.
struct Inside<'a> {
    shared: &'a SessionShared,
    settings: Vec<(String, String)>,
    definer: bool,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.definer {
            self.shared.leave_definer();
        }
        for (name, old) in self.settings.iter().rev() {
            // It was the value before, so it is one.
            let _ = super::set::set_value(self.shared, name, Some(old), false);
        }
    }
}

fn enter<'a>(shared: &'a SessionShared, tx: &Transaction, r: &Routine) -> Result<Inside<'a>> {
    let mut inside = Inside { shared, settings: Vec::new(), definer: false };
    if r.security_definer {
        let owner = tx.catalog.roles.get(&r.owner);
        let user = owner.map(|o| User { oid: o.oid, name: o.name.clone(), superuser: o.superuser });
        shared.enter_definer(user.ok_or_else(|| DbError::internal("a function without an owner"))?);
        inside.definer = true;
    }
    for (name, value) in &r.config {
        let old = super::set::show(shared, name)?;
        super::set::set_value(shared, name, Some(value), false)?;
        inside.settings.push((name.clone(), old));
    }
    Ok(inside)
}

/// Runs a call that a thread waits for.
pub(crate) async fn run_beside(tx: &mut Transaction, env: &StatementEnv, call: &HostCall) -> Result<Vec<Vec<Datum>>> {
    let session = Arc::clone(&env.eval.session);
    let Some(shared) = session.as_any().downcast_ref::<SessionShared>() else { return run(tx, env, call).await };
    let threads = shared.functions.threads.fetch_add(1, Ordering::AcqRel);
    let _deeper = Deeper(&shared.functions.threads);
    if threads >= MAX_THREADS {
        return Err(too_deep());
    }
    run(tx, env, call).await
}

fn too_deep() -> DbError {
    DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").hint(
        "Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's \
         stack depth limit is adequate.",
    )
}

/// Runs a call of a function and answers its rows, each one value.
pub(crate) async fn run(tx: &mut Transaction, env: &StatementEnv, call: &HostCall) -> Result<Vec<Vec<Datum>>> {
    let session = Arc::clone(&env.eval.session);
    let shared = session.as_any().downcast_ref::<SessionShared>();
    let shared = shared.ok_or_else(|| DbError::internal("a function was called outside a session"))?;
    let depth = shared.functions.depth.fetch_add(1, Ordering::AcqRel);
    let _deeper = Deeper(&shared.functions.depth);
    if depth >= MAX_DEPTH {
        return Err(too_deep());
    }
    if let Some(rows) = super::query_text::run(tx, env, shared, call).await? {
        return Ok(rows);
    }
    if let Some(rows) = super::xml_map::run(tx, env, shared, call).await? {
        return Ok(rows);
    }
    if let Some(rows) = super::summaries::run(tx, env, shared, call).await? {
        return Ok(rows);
    }
    if let Some(rows) = crate::large_object::calls::run(tx, env, shared, call).await? {
        return Ok(rows);
    }
    if let Some(rows) = super::import_collations::run(tx, shared, call).await? {
        return Ok(rows);
    }
    let r = tx.catalog.routines.get(&call.proc.oid).cloned().ok_or_else(|| {
        DbError::new(SqlState::UNDEFINED_FUNCTION, format!("cache lookup failed for function {}", call.proc.oid))
    })?;
    let timed = shared.tally.call(r.oid);
    let inside = enter(shared, tx, &r)?;
    let key = (r.oid, call.types.iter().chain([&call.result]).map(|t| (t.oid, t.typmod)).collect::<Vec<_>>());
    let eval = Arc::new(EvalCtx {
        fmt: shared.formats(),
        transaction_start: env.eval.transaction_start,
        statement_start: env.eval.statement_start,
        session: Arc::clone(&env.eval.session),
        host: None,
    });
    let env = StatementEnv { eval, stale: Arc::default(), ..env.clone() };
    let prepared = prepare(tx, &env, shared, &r, call, key).await?;
    let params: Arc<[Datum]> = call.args.clone().into();
    let mut rows = Vec::new();
    let last = prepared.plans.len().saturating_sub(1);
    let counted = super::watch::counts_nested(shared);
    for (i, plan) in prepared.plans.iter().enumerate() {
        let wanted = i == last && prepared.answer != Answer::Nothing;
        let whole = prepared.answer == Answer::Row;
        if counted {
            super::watch::count_planned(shared, &r, i, plan);
        }
        let started = counted.then(Instant::now);
        let done = one(tx, &env, &r, plan, Arc::clone(&params), wanted.then_some((whole, r.returns_set))).await;
        let given;
        (rows, given) = done.map_err(|e| within(e, format!("SQL function \"{}\" statement {}", r.name, i + 1)))?;
        if let Some(t) = started {
            super::watch::count_run(shared, &r, i, plan, t.elapsed(), given);
        }
    }
    drop(inside);
    if let Some(timed) = timed {
        shared.tally.called(timed);
    }
    if !r.returns_set {
        // PostgreSQL takes the first row and leaves the rest.
        rows.truncate(1);
        if rows.is_empty() {
            let void = usertype::base(call.result).oid == oid::VOID;
            rows.push(vec![if void { Datum::Text(Default::default()) } else { Datum::Null }]);
        }
    }
    Ok(rows)
}

/// Adds a line to an error's context, inner ones first.
pub(crate) fn within(e: DbError, line: String) -> DbError {
    let before = e.fields.as_ref().and_then(|f| f.context.clone());
    e.context(match before {
        Some(b) => format!("{b}\n{line}"),
        None => line,
    })
}

/// An error of a text that the session runs by itself: its place is one in that text.
pub(super) fn internal_query(mut e: DbError, source: &str) -> DbError {
    if let Some(f) = &mut e.fields
        && let Some(p) = f.position.take()
    {
        f.internal_position = Some(p);
        f.internal_query = Some(source.to_owned());
    }
    e
}

/// An error of a body's text.
pub(crate) fn in_body(e: DbError, source: &str, line: String) -> DbError {
    within(internal_query(e, source), line)
}

/// Runs one statement; `wanted` says that its rows are the answer, whether as rows, and whether all of them. Answers them,
/// and how many rows it gave or changed.
async fn one(
    tx: &mut Transaction,
    env: &StatementEnv,
    r: &Routine,
    plan: &Arc<Plan>,
    params: Arc<[Datum]>,
    wanted: Option<(bool, bool)>,
) -> Result<(Vec<Vec<Datum>>, u64)> {
    if plan.writes() {
        if r.volatility != 'v' {
            return Err(DbError::unsupported(format!("{} is not allowed in a non-volatile function", plan.command())));
        }
        if plan.writes_permanent() && tx.read_only {
            return Err(DbError::new(
                SqlState::READ_ONLY_SQL_TRANSACTION,
                format!("cannot execute {} in a read-only transaction", plan.command()),
            ));
        }
    }
    if r.volatility == 'v' {
        // What the calling statement has changed so far is there for this one.
        tx.next_command();
    }
    let types: Vec<TypeRef> = plan.columns.iter().flat_map(|c| c.iter().map(|c| c.ty)).collect();
    let mut out: Vec<Vec<Datum>> = Vec::new();
    let mut bytes = 0usize;
    let mut keep = |row: Vec<Datum>| -> Result<()> {
        let Some((whole, all)) = wanted else { return Ok(()) };
        if !all && !out.is_empty() {
            return Ok(());
        }
        let row = if whole { vec![Datum::Row(types.iter().copied().zip(row).collect())] } else { row };
        bytes = bytes.saturating_add(row_bytes(&row));
        if bytes > MAX_ROWS_BYTES {
            return Err(DbError::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                format!("result of function \"{}\" is larger than {} MB", r.name, MAX_ROWS_BYTES >> 20),
            ));
        }
        out.push(row);
        Ok(())
    };
    let given = fold(tx, env, plan, params, &mut keep).await?;
    if plan.writes() {
        tx.next_command();
    }
    Ok((out, given))
}

/// Runs a plan and gives its rows to `keep`, one after the other. Answers how many rows it gave or changed.
async fn fold(
    tx: &mut Transaction,
    env: &StatementEnv,
    plan: &Arc<Plan>,
    params: Arc<[Datum]>,
    keep: &mut (dyn FnMut(Vec<Datum>) -> Result<()> + Send),
) -> Result<u64> {
    let done = crate::exec::run::run(tx, &plan.bound, params, env.clone()).await?;
    let types: Vec<TypeRef> = plan.columns.iter().flat_map(|c| c.iter().map(|c| c.ty)).collect();
    let mut given = 0;
    match done {
        Executed::Count(n) => given = n,
        Executed::Rows(Results::Ready(rows)) => {
            given = rows.len() as u64;
            rows.into_iter().try_for_each(keep)?;
        }
        Executed::Rows(Results::Stream(mut source)) => {
            while let Some(chunk) = source.next(Some(&mut *tx)).await? {
                env.cancel.check()?;
                match chunk {
                    Chunk::Rows(rows) => {
                        given += rows.len() as u64;
                        rows.into_iter().try_for_each(&mut *keep)?;
                    }
                    Chunk::Batch(b) => {
                        given += b.num_rows() as u64;
                        for i in 0..b.num_rows() {
                            let row = b.columns().iter().zip(&types).map(|(a, t)| datum_at(a, i, *t));
                            keep(row.collect::<Result<Vec<_>>>()?)?;
                        }
                    }
                }
            }
        }
    }
    Ok(given)
}

/// Runs a query and gives its rows to `keep`, one after the other.
pub(super) async fn each_row(
    tx: &mut Transaction,
    env: &StatementEnv,
    plan: &Arc<Plan>,
    mut keep: impl FnMut(Vec<Datum>) -> Result<()> + Send,
) -> Result<()> {
    fold(tx, env, plan, Arc::from([]), &mut keep).await.map(drop)
}

/// The function's plans: the kept ones, or new ones. Table locks are taken, rights are checked.
async fn prepare(
    tx: &mut Transaction,
    env: &StatementEnv,
    shared: &SessionShared,
    r: &Arc<Routine>,
    call: &HostCall,
    key: Key,
) -> Result<Arc<Prepared>> {
    loop {
        let catalog = Arc::clone(tx.refresh_catalog());
        shared.set_catalog(&catalog);
        let path = match r.standard_body() {
            Some((path, _)) => path,
            None => shared.search_path(&catalog),
        };
        let role = shared.user_oid();
        let kept = shared.functions.kept.lock().get(&key).cloned();
        let valid = |p: &Prepared| p.version == r.version && p.plans.iter().all(|p| p.is_valid(&catalog, &path, role));
        let prepared = match kept.filter(|p| valid(p)) {
            Some(p) => p,
            None => {
                let cx = BindCx { catalog: &catalog, search_path: &path, eval: &env.eval, role, sql: &r.source };
                let made = Arc::new(bind(&cx, r, call, super::watch::times_planning(shared))?);
                let mut all = shared.functions.kept.lock();
                if all.len() >= MAX_KEPT {
                    all.clear();
                }
                all.insert(key.clone(), Arc::clone(&made));
                made
            }
        };
        for plan in &prepared.plans {
            plan.lock(tx).await?;
        }
        let catalog = Arc::clone(tx.refresh_catalog());
        if prepared.plans.iter().all(|p| p.is_valid(&catalog, &path, role)) {
            for (i, plan) in prepared.plans.iter().enumerate() {
                plan.check_rights(&catalog)
                    .map_err(|e| within(e, format!("SQL function \"{}\" statement {}", r.name, i + 1)))?;
            }
            return Ok(prepared);
        }
    }
}

/// Binds a function's statements for the types of a call; `timed` if it is of interest how long that takes.
fn bind(cx: &BindCx<'_>, r: &Arc<Routine>, call: &HostCall, timed: bool) -> Result<Prepared> {
    let startup = |e: DbError| in_body(e, &r.source, format!("SQL function \"{}\" during startup", r.name));
    let list = statements(r).map_err(startup)?;
    let mut body = Body::of_parameters(r, &call.types);
    let args: Vec<Expr> = body.args.clone();
    let mut fields = out_columns(call.proc, call.result);
    if let Some(f) = &mut fields {
        resolve_fields(call.proc, &args, f);
    } else if call.result.oid == oid::RECORD {
        fields = shape::fields(call.result.typmod).map(|f| f.to_vec());
    }
    let mut plans = Vec::with_capacity(list.len());
    let mut answer = Answer::Nothing;
    let last = list.len().saturating_sub(1);
    let mut wanted: Option<Wanted> = None;
    for (i, stmt) in list.iter().enumerate() {
        let started = timed.then(Instant::now);
        let mut b = Binder::new(cx, &[]);
        let bound = b.body_statement(&mut body, stmt).map_err(startup)?;
        let Some(mut bound) = bound else {
            return Err(startup(not_plannable(stmt)));
        };
        if i == last {
            let w = b.wanted(r, call.result, fields.take());
            answer = b.answer(Some(&mut bound), &w).map_err(startup)?;
            wanted = Some(w);
        }
        let mut plan = Plan::new(&mut b, bound, cx.role)?;
        if let Some(t) = started {
            plan.set_planned(t.elapsed());
        }
        plans.push(Arc::new(plan));
    }
    if wanted.is_none() {
        let mut b = Binder::new(cx, &[]);
        let w = b.wanted(r, call.result, fields);
        answer = b.answer(None, &w).map_err(startup)?;
    }
    Ok(Prepared { plans, answer, version: r.version })
}

/// A statement that is neither a query nor changes rows.
fn not_plannable(stmt: &ast::Statement) -> DbError {
    if matches!(stmt, ast::Statement::Transaction(_)) {
        return DbError::unsupported(format!(
            "{} is not allowed in an SQL function",
            super::statement::statement_name(stmt)
        ));
    }
    DbError::unsupported(format!("{} in an SQL function is not supported yet", super::statement::statement_name(stmt)))
}

/// Runs a procedure and answers its row.
async fn call_procedure(
    tx: &mut Transaction,
    env: &StatementEnv,
    call: &Expr,
    args: Vec<Datum>,
) -> Result<Vec<Vec<Datum>>> {
    let ExprKind::Call { proc, args: exprs, .. } = &call.kind else {
        return Err(DbError::internal("CALL of something else"));
    };
    let c = HostCall { proc, args, types: exprs.iter().map(|a| a.ty).collect(), result: call.ty };
    run(tx, env, &c).await
}

impl super::Session {
    /// CALL.
    pub(super) async fn call(&mut self, c: &ast::Call, text: &Arc<str>) -> Result<super::statement::Done> {
        self.tx.used = true;
        let bound = self.with_binder(text, &[], |b| b.procedure_call(&c.call, c.pos))?;
        let ExprKind::Call { proc, args, .. } = &bound.kind else { return Err(DbError::internal("CALL of no call")) };
        let wanted = crate::acl::Mask::of(crate::acl::privs::EXECUTE);
        let catalog = self.shared.catalog();
        let class = crate::catalog::rows::table::PG_PROC;
        let role = self.shared.user_oid();
        if crate::acl::check::on_object(&catalog, class, proc.oid, role, wanted) != wanted {
            return Err(crate::acl::check::denied("procedure", proc.proname));
        }
        let env = self.env();
        let mut values = Vec::with_capacity(args.len());
        for a in args {
            let compiled = crate::exec::eval::compile(a, &|_| None)?;
            values.push(compiled.eval(crate::exec::eval::Env { ctx: &env.eval, params: &[] }, &[])?);
        }
        let tx = self.tx()?;
        let rows = call_procedure(tx, &env, &bound, values).await?;
        tx.next_command();
        let Some(fields) = out_columns(proc, bound.ty) else {
            return Ok(super::statement::Done::Tag("CALL".into()));
        };
        let columns: Vec<_> = fields.iter().map(|(n, t)| super::plan::column(n, t.oid)).collect();
        let row = match rows.into_iter().next().and_then(|r| r.into_iter().next()) {
            Some(Datum::Row(f)) => f.iter().map(|x| x.1.clone()).collect(),
            _ => vec![Datum::Null; columns.len()],
        };
        Ok(super::statement::Done::Rows(columns.into(), vec![row], "CALL".into()))
    }
}
