//! Rows before an error.
//!
//! A statement that fails at its fourth row has sent three: a client that reads row by row sees them. A batch is computed
//! whole, so when the outermost projection fails on one, the longest beginning of it that does not fail is looked for by
//! halving, handed on, and followed by the error. Only expressions without side effects are computed again; errors further
//! down (of conditions, joins, aggregates) take their whole batch with them.

use super::util::DfResult;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, stream};
use std::fmt;
use std::sync::Arc;

/// The outermost projection of a query.
#[derive(Debug)]
struct PrefixExec {
    /// Itself never run; its expressions are.
    projection: Arc<dyn ExecutionPlan>,
    exprs: Arc<[Arc<dyn PhysicalExpr>]>,
}

impl PrefixExec {
    fn new(projection: Arc<dyn ExecutionPlan>) -> Option<PrefixExec> {
        let exprs: Arc<[_]> =
            projection.downcast_ref::<ProjectionExec>()?.expr().iter().map(|e| Arc::clone(&e.expr)).collect();
        // What only renames cannot fail; what has effects must not be computed twice.
        let plain = exprs.iter().all(|e| e.downcast_ref::<Column>().is_some());
        let volatile = |e: &Arc<dyn PhysicalExpr>| e.exists(|n| Ok(n.is_volatile_node())).unwrap_or(true);
        (!plain && !exprs.iter().any(volatile)).then_some(PrefixExec { projection, exprs })
    }
}

impl DisplayAs for PrefixExec {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.projection.fmt_as(t, f)
    }
}

impl ExecutionPlan for PrefixExec {
    fn name(&self) -> &str {
        "PrefixExec"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        self.projection.properties()
    }
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.projection.children()
    }
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        self.projection.apply_expressions(f)
    }
    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let projection = Arc::clone(&self.projection).replace_children(children, options)?;
        Ok(Arc::new(Self { projection, exprs: Arc::clone(&self.exprs) }))
    }
    #[allow(deprecated, reason = "the trait still demands it; the planner calls replace_children")]
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }
    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let Some(input) = self.projection.children().into_iter().next() else {
            return self.projection.execute(partition, task);
        };
        let input = input.execute(partition, task)?;
        let schema = self.projection.schema();
        let exprs = Arc::clone(&self.exprs);
        let to = Arc::clone(&schema);
        let batches = stream::try_unfold((input, None), move |(mut input, failed)| {
            let (exprs, to) = (Arc::clone(&exprs), Arc::clone(&to));
            async move {
                if let Some(e) = failed {
                    return Err(e);
                }
                let Some(batch) = input.next().await else { return Ok(None) };
                let (done, failed) = longest(&batch?, |b| project(&exprs, b, &to))?;
                Ok(Some((done, (input, failed))))
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

fn project(exprs: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch, to: &SchemaRef) -> DfResult<RecordBatch> {
    let rows = batch.num_rows();
    let arrays = exprs.iter().map(|e| e.evaluate(batch)?.into_array(rows)).collect::<DfResult<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(to), arrays, &options)?)
}

/// What `f` makes of the batch; if it fails, of the longest beginning for which it does not, with the error of the row behind.
/// Fails itself if that beginning is empty.
fn longest(
    batch: &RecordBatch,
    f: impl Fn(&RecordBatch) -> DfResult<RecordBatch>,
) -> DfResult<(RecordBatch, Option<DataFusionError>)> {
    let mut error = match f(batch) {
        Ok(done) => return Ok((done, None)),
        Err(e) => e,
    };
    // The first `good` rows are fine and made `best`; the first `bad` ones are not.
    let (mut good, mut bad, mut best) = (0, batch.num_rows(), None);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        match f(&batch.slice(0, middle)) {
            Ok(done) => (good, best) = (middle, Some(done)),
            Err(e) => (bad, error) = (middle, e),
        }
    }
    match best {
        Some(best) => Ok((best, Some(error))),
        None => Err(error),
    }
}

/// Wraps the outermost projection; runs behind every rule that looks at a plan's shape.
#[derive(Debug)]
pub struct Prefix;

impl PhysicalOptimizerRule for Prefix {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(match PrefixExec::new(Arc::clone(&plan)) {
            Some(p) => Arc::new(p),
            None => plan,
        })
    }
    fn name(&self) -> &str {
        "prefix"
    }
    fn schema_check(&self) -> bool {
        true
    }
}
