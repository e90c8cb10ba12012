//! Operators that compute for long give way ([`Turn`]).
//!
//! Where DataFusion's own rule puts operators that yield by the number of batches, and above every join, this one yields by
//! time. The probed side of a join with a condition besides its keys is cut into small parts before, because all pairs that a
//! part has are tested in one go, and if none of them is left nothing is handed on or asked for meanwhile.

use super::util::DfResult;
use crate::exec::turn::Turn;
use datafusion::arrow::array::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, ReplaceChildrenOptions, replace_children_if_necessary,
};
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, stream};
use std::fmt;
use std::sync::Arc;

/// Rows of a part of a nested-loop join's probed side.
const PART: usize = 64;
/// The same of a hash join with a condition.
const HASHED_PART: usize = 512;

/// Hands on its input's rows and gives way when the time is come.
#[derive(Debug)]
struct GiveWayExec {
    input: Arc<dyn ExecutionPlan>,
    /// Most rows of a batch.
    part: usize,
}

impl DisplayAs for GiveWayExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("GiveWayExec")
    }
}

impl ExecutionPlan for GiveWayExec {
    fn name(&self) -> &str {
        "GiveWayExec"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self { input, part: self.part }))
    }
    #[allow(deprecated, reason = "the trait still demands it; the planner calls replace_children")]
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }
    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, task)?;
        let schema = input.schema();
        let part = self.part;
        let batches = stream::try_unfold((input, Turn::begin(), None), move |(mut input, mut turn, rest)| async move {
            turn.check().await;
            let whole: RecordBatch = match rest {
                Some(b) => b,
                None => match input.next().await {
                    Some(b) => b?,
                    None => return Ok(None),
                },
            };
            if whole.num_rows() <= part {
                return Ok(Some((whole, (input, turn, None))));
            }
            let rest = whole.slice(part, whole.num_rows() - part);
            Ok(Some((whole.slice(0, part), (input, turn, Some(rest)))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

fn wrapped(input: Arc<dyn ExecutionPlan>, part: usize) -> Arc<dyn ExecutionPlan> {
    Arc::new(GiveWayExec { input, part })
}

/// Puts [`GiveWayExec`] where it is wanted; runs behind `EnsureCooperative` and every rule that looks at a plan's shape.
#[derive(Debug)]
pub struct GiveWay;

impl PhysicalOptimizerRule for GiveWay {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|p| {
            if let Some(c) = p.downcast_ref::<CooperativeExec>() {
                return Ok(Transformed::yes(wrapped(Arc::clone(c.input()), usize::MAX)));
            }
            let part = match p.downcast_ref::<HashJoinExec>() {
                Some(j) => j.filter().map(|_| HASHED_PART),
                None => p.downcast_ref::<NestedLoopJoinExec>().map(|_| PART),
            };
            if let Some(part) = part {
                let mut inputs: Vec<_> = p.children().into_iter().map(Arc::clone).collect();
                if let Some(probed) = inputs.pop() {
                    inputs.push(wrapped(probed, part));
                }
                return Ok(Transformed::yes(wrapped(replace_children_if_necessary(p, inputs)?, usize::MAX)));
            }
            let join = p.downcast_ref::<HashJoinExec>().is_some()
                || p.downcast_ref::<SortMergeJoinExec>().is_some()
                || p.downcast_ref::<CrossJoinExec>().is_some();
            Ok(if join { Transformed::yes(wrapped(p, usize::MAX)) } else { Transformed::no(p) })
        })
        .data()
    }
    fn name(&self) -> &str {
        "give_way"
    }
    fn schema_check(&self) -> bool {
        true
    }
}
