//! Queries on DataFusion.
//!
//! [`execute`] takes a bound [`Rel`], rewrites it ([`rewrite`]: subqueries to joins, predicates to their tables, join
//! order), lowers it to DataFusion's logical plan ([`lower`]; expressions in [`expr`]), lets DataFusion make the physical
//! plan, and streams the batches, whose columns are the relation's outputs in order. What DataFusion lacks are operators of
//! ours ([`op`]): subqueries run per outer row, windows, set-returning functions, common tables, scans of the store.
//!
//! Columns are named `c{id}`; ids are unique in a statement, so no two columns of a plan share a name. The tree is typed,
//! so none of DataFusion's coercion or simplification runs, and of its logical rules only those that move projections
//! and limits.
//!
//! Memory: one pool per query. Sorts and aggregations spill; a hash join that does not fit makes the query start over
//! with sort-merge joins, if no row has left it; everything else that does not fit is 53200.

mod agg;
mod append;
mod apply;
mod cte;
mod decimal;
mod explain;
mod expr;
mod extremes;
mod frame;
mod give_way;
mod hashed;
mod lower;
mod memory;
mod misc;
mod op;
mod passing;
mod prefix;
mod replay;
pub(crate) mod rewrite;
mod sample;
mod scan;
mod setop;
mod small_sort;
mod spill;
mod spilled;
mod step;
mod sums;
mod user_agg;
mod util;
mod window;

pub(crate) use expr::is_key_equality;
pub use spill::BEYOND_LIMIT as BEYOND_TEMP_LIMIT;
pub use window::is_built_in as is_window_function;

#[cfg(test)]
mod tests;

use crate::exec::StmtCx;
use crate::exec::explain::PlanNode;
use crate::plan::ir::Rel;
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::push_down_limit::PushDownLimit;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::combine_partial_final_agg::CombinePartialFinalAggregate;
use datafusion::physical_optimizer::ensure_coop::EnsureCooperative;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::join_selection::JoinSelection;
use datafusion::physical_optimizer::limit_pushdown::LimitPushdown;
use datafusion::physical_optimizer::output_requirements::OutputRequirements;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_optimizer::sanity_checker::SanityCheckPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, execute_stream};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::prelude::SessionConfig;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use rustydb_base::{DbError, Result};
use spilled::Running;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use util::{DfResult, from_df, is_out_of_memory};

/// Most rows per batch.
pub(crate) const BATCH_ROWS: usize = 8192;

/// Fewest rows per batch, however wide they are.
const MIN_BATCH_ROWS: usize = 128;

/// Part of the memory pool that a batch should not exceed: an operator must be able to keep several to spill at all.
const BATCH_SHARE: usize = 128;

/// Smallest memory pool of a query, below which operators of ordinary size could not even start.
const MIN_POOL: usize = 64 << 20;

/// A query's result: batches whose columns are [`Rel::outputs`] in order.
pub type RowStream = BoxStream<'static, Result<RecordBatch>>;

/// Runs a query.
///
/// Errors of planning are answered at once, those of execution by the stream: our own with their SQLSTATE, memory as
/// 53200, anything else (panics included) as XX000.
pub async fn execute(rel: &Rel, cx: &Arc<StmtCx>) -> Result<RowStream> {
    let rel = rel.clone();
    let first = guarded(start(&rel, cx, Joins::Hash)).await?;
    Ok(follow(rel, Arc::clone(cx), first))
}

/// The plan as EXPLAIN shows it, and when the plan that would be run was made: for its errors and for the time it takes.
pub async fn explain(rel: &Rel, cx: &Arc<StmtCx>) -> Result<(PlanNode, Instant)> {
    guarded(physical(rel, cx, Joins::Hash)).await?;
    let planned = Instant::now();
    let mut rel = rel.clone();
    rewrite::statement(&mut rel, cx)?;
    Ok((explain::operators(&rel, cx), planned))
}

/// A query without common tables that are read once or never, and without columns that nobody reads.
pub fn trimmed(rel: &Rel) -> Result<Rel> {
    rewrite::trimmed(rel)
}

/// How equi-joins run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Joins {
    Hash,
    SortMerge,
}

/// Turns a panic inside into XX000.
async fn guarded<T>(f: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(f).catch_unwind().await.unwrap_or_else(|p| Err(panicked(p.as_ref())))
}

fn panicked(p: &(dyn std::any::Any + Send)) -> DbError {
    let text = p.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| p.downcast_ref::<String>().cloned());
    DbError::internal(format!("query execution panicked: {}", text.unwrap_or_default()))
}

async fn physical(rel: &Rel, cx: &Arc<StmtCx>, joins: Joins) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)> {
    let (logical, width) = lower::lower(rel, cx)?;
    let state = session(cx, joins, batch_rows(width, cx))?;
    let logical = state.optimize(&logical).map_err(from_df)?;
    let plan = state.query_planner().create_physical_plan(&logical, &state).await.map_err(from_df)?;
    Ok((plan, state.task_ctx()))
}

async fn start(rel: &Rel, cx: &Arc<StmtCx>, joins: Joins) -> Result<(SendableRecordBatchStream, Running)> {
    cx.cancel.check()?;
    let (plan, task) = physical(rel, cx, joins).await?;
    let running = Running::new(Arc::clone(&plan), cx);
    Ok((execute_stream(plan, task).map_err(from_df)?, running))
}

struct Following {
    rel: Rel,
    cx: Arc<StmtCx>,
    stream: SendableRecordBatchStream,
    /// Behind the stream: it looks at what that has done.
    running: Running,
    emitted: bool,
    retried: bool,
}

fn follow(rel: Rel, cx: Arc<StmtCx>, (stream, running): (SendableRecordBatchStream, Running)) -> RowStream {
    let f = Following { rel, cx, stream, running, emitted: false, retried: false };
    futures::stream::unfold(Some(f), |f| async move {
        let mut f = f?;
        match guarded(next(&mut f)).await {
            Ok(Some(b)) => Some((Ok(b), Some(f))),
            Ok(None) => None,
            Err(e) => Some((Err(e), None)),
        }
    })
    .boxed()
}

async fn next(f: &mut Following) -> Result<Option<RecordBatch>> {
    loop {
        f.cx.cancel.check()?;
        match f.stream.next().await {
            None => return Ok(None),
            Some(Ok(b)) => {
                f.emitted = true;
                return Ok(Some(b));
            }
            Some(Err(e)) if is_out_of_memory(&e) && !f.emitted && !f.retried => {
                tracing::debug!("a query starts over with sort-merge joins: {e}");
                f.retried = true;
                (f.stream, f.running) = start(&f.rel, &f.cx, Joins::SortMerge).await?;
            }
            Some(Err(e)) => return Err(from_df(e)),
        }
    }
}

/// The memory that a query's operators share.
fn pool_size(cx: &StmtCx) -> usize {
    cx.work_mem.saturating_mul(4).max(MIN_POOL)
}

/// Rows per batch of a query: fewer, if all that its scans read of a row together is wide.
fn batch_rows(width: f64, cx: &StmtCx) -> usize {
    let rows = (pool_size(cx) / BATCH_SHARE) as f64 / width.max(1.0);
    (rows as usize).clamp(MIN_BATCH_ROWS, BATCH_ROWS)
}

fn session(cx: &Arc<StmtCx>, joins: Joins, batch_rows: usize) -> Result<SessionState> {
    let mut options = ConfigOptions::new();
    options.execution.target_partitions = 1;
    options.execution.collect_statistics = false;
    let pool = pool_size(cx);
    options.execution.sort_spill_reservation_bytes = pool / 32;
    options.optimizer.max_passes = 2;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    let mut disk = match &cx.crypto {
        Some(c) => DiskManagerBuilder::default()
            .with_temp_file_factory(Arc::new(spill::SealedFiles::new(Arc::clone(c), cx.temp_limit))),
        None => DiskManagerBuilder::default().with_mode(DiskManagerMode::OsTmpDirectory),
    };
    if let Some(limit) = cx.temp_limit {
        disk = disk.with_max_temp_directory_size(limit);
    }
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(memory::QueryPool::new(pool)))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(from_df)?;
    Ok(SessionStateBuilder::new()
        .with_config(SessionConfig::from(options).with_batch_size(batch_rows))
        .with_runtime_env(runtime)
        .with_analyzer_rules(vec![])
        .with_optimizer_rules(vec![Arc::new(PushDownLimit::new()), Arc::new(OptimizeProjections::new())])
        .with_physical_optimizer_rules(physical_rules(joins))
        .with_query_planner(Arc::new(Planner))
        .build())
}

fn physical_rules(joins: Joins) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> =
        vec![Arc::new(OutputRequirements::new_add_mode())];
    rules.push(Arc::new(JoinSelection::new()));
    if joins == Joins::SortMerge {
        rules.push(Arc::new(MergeJoins));
    }
    rules.push(Arc::new(datafusion::physical_optimizer::ensure_requirements::EnsureRequirements::new()));
    rules.push(Arc::new(CombinePartialFinalAggregate::new()));
    rules.push(Arc::new(ProjectionPushdown::new()));
    rules.push(Arc::new(OutputRequirements::new_remove_mode()));
    rules.push(Arc::new(FilteredScans));
    rules.push(Arc::new(LimitPushdown::new()));
    rules.push(Arc::new(JoinFilters));
    rules.push(Arc::new(small_sort::SmallSorts));
    rules.push(Arc::new(EnsureCooperative::new()));
    rules.push(Arc::new(give_way::GiveWay));
    rules.push(Arc::new(prefix::Prefix));
    rules.push(Arc::new(SanityCheckPlan::new()));
    rules.push(Arc::new(small_sort::UnionSorts));
    rules.push(Arc::new(InOrder));
    rules
}

/// Plans with our extension operators.
#[derive(Debug)]
struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        logical: &LogicalPlan,
        session: &dyn Session,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(op::OpPlanner)])
            .create_physical_plan(logical, session)
            .await
    }
}

/// Hands the conditions above a scan to it, so that a large table's rows are tested by the task that reads them.
#[derive(Debug)]
struct FilteredScans;

impl PhysicalOptimizerRule for FilteredScans {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|p| {
            let Some(f) = p.downcast_ref::<FilterExec>().filter(|f| f.fetch().is_none()) else {
                return Ok(Transformed::no(p));
            };
            let scan = f.input().downcast_ref::<op::OpExec>();
            let Some(scan) = scan.and_then(|s| s.filtered([Arc::clone(f.predicate())])) else {
                return Ok(Transformed::no(p));
            };
            let scan: Arc<dyn ExecutionPlan> = Arc::new(scan);
            let Some(kept) = f.projection() else { return Ok(Transformed::yes(scan)) };
            let schema = scan.schema();
            let columns = kept.iter().map(|i| {
                let name = schema.field(*i).name();
                ProjectionExpr::new(Arc::new(Column::new(name, *i)), name.clone())
            });
            Ok(Transformed::yes(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), scan)?)))
        })
        .data()
    }
    fn name(&self) -> &str {
        "filtered_scans"
    }
    fn schema_check(&self) -> bool {
        true
    }
}

/// Lets hash joins tell the scans below what their build side holds. Not in a plan some part of which runs several times:
/// a scan would keep what the first run has told it.
#[derive(Debug)]
struct JoinFilters;

impl PhysicalOptimizerRule for JoinFilters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let reruns = plan.exists(|p| Ok(p.downcast_ref::<op::OpExec>().is_some_and(op::OpExec::reruns)))?;
        if reruns { Ok(plan) } else { FilterPushdown::new_post_optimization().optimize(plan, options) }
    }
    fn name(&self) -> &str {
        "join_filters"
    }
    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a plan's partitions are the sides of a union, row by row, and know nothing of each other. The partitions of a join
/// wait for each other, and partial aggregates read everything anyway: those must, or may as well, run at once.
fn is_plain_union(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let children = plan.children();
    if plan.downcast_ref::<UnionExec>().is_some() {
        // A side may itself have partitions that wait for each other.
        let alone = |side: &Arc<dyn ExecutionPlan>| side.output_partitioning().partition_count() == 1;
        return children.into_iter().all(|side| alone(side) || is_plain_union(side));
    }
    match children[..] {
        [child] => plan.downcast_ref::<AggregateExec>().is_none() && is_plain_union(child),
        _ => false,
    }
}

/// Reads the sides of a union one after the other, as users expect to see them.
#[derive(Debug)]
struct InOrder;

impl PhysicalOptimizerRule for InOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let plan = plan
            .transform_up(|p| {
                let Some(c) = p.downcast_ref::<CoalescePartitionsExec>() else { return Ok(Transformed::no(p)) };
                let input = Arc::clone(c.input());
                let at_once = !is_plain_union(&input);
                let all: Arc<dyn ExecutionPlan> = Arc::new(op::OpExec::in_order(input, at_once));
                Ok(Transformed::yes(match c.fetch() {
                    Some(n) => Arc::new(GlobalLimitExec::new(all, 0, Some(n))),
                    None => all,
                }))
            })
            .data()?;
        let whole = plan.output_partitioning().partition_count() <= 1;
        let at_once = !is_plain_union(&plan);
        Ok(if whole { plan } else { Arc::new(op::OpExec::in_order(plan, at_once)) })
    }
    fn name(&self) -> &str {
        "in_order"
    }
    fn schema_check(&self) -> bool {
        true
    }
}

/// Replaces hash joins by sort-merge joins, whose inputs can spill.
#[derive(Debug)]
struct MergeJoins;

impl PhysicalOptimizerRule for MergeJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|p| {
            let Some(j) = p.downcast_ref::<HashJoinExec>() else { return Ok(Transformed::no(p)) };
            if j.null_aware || j.on().is_empty() || j.projection.is_some() {
                return Ok(Transformed::no(p));
            }
            let options = vec![Default::default(); j.on().len()];
            let merged = SortMergeJoinExec::try_new(
                Arc::clone(j.left()),
                Arc::clone(j.right()),
                j.on().to_vec(),
                j.filter().cloned(),
                *j.join_type(),
                options,
                j.null_equality(),
            )?;
            Ok(Transformed::yes(Arc::new(merged) as Arc<dyn ExecutionPlan>))
        })
        .data()
    }
    fn name(&self) -> &str {
        "merge_joins"
    }
    fn schema_check(&self) -> bool {
        true
    }
}
