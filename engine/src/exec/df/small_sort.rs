//! Sorts of few rows.
//!
//! Rows with equal keys come out of DataFusion's sort in any order. As long as the rows are few they are sorted here, as
//! PostgreSQL does it ([`crate::exec::ties`]); an input that turns out to be larger goes to DataFusion's sort, which spills,
//! with what was read of it already. A sort for very many first rows sorts all of them, and the sorts of a union's sides become
//! one ([`UnionSorts`]), for a merge knows no order of equal rows.
//!
//! Only sorts of one partition are done here; keys that cannot be compared as bytes are DataFusion's as well.

use super::op::OpExec;
use super::util::DfResult;
use crate::exec::ties;
use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// Most rows that are sorted here.
const MOST_ROWS: usize = 20_000;
/// And most bytes of them.
const MOST_BYTES: usize = 4 << 20;

/// Rows wanted of a sort beyond which sorting all of them is quicker than DataFusion's heap of the first ones: that
/// took 1.5 s for 100,000 of a million.
const MOST_TOP: usize = 10_000;

/// A sort of one partition.
#[derive(Debug)]
struct SmallSortExec {
    sort: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for SmallSortExec {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.sort.fmt_as(t, f)
    }
}

impl ExecutionPlan for SmallSortExec {
    fn name(&self) -> &str {
        "SmallSortExec"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        self.sort.properties()
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.sort.children()
    }
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        self.sort.apply_expressions(f)
    }
    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { sort: Arc::clone(&self.sort).replace_children(children, options)? }))
    }
    #[allow(deprecated, reason = "the trait still demands it; the planner calls replace_children")]
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }
    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let plan = Arc::clone(&self.sort);
        let schema = self.sort.schema();
        let Some(child) = self.sort.children().into_iter().next().cloned() else {
            return self.sort.execute(partition, task);
        };
        let mut input = child.execute(partition, Arc::clone(&task))?;
        let held = MemoryConsumer::new("SmallSort").register(task.memory_pool());
        let sorted = async move {
            let mut batches = Vec::new();
            let (mut rows, mut bytes) = (0, 0);
            let mut small = true;
            while let Some(batch) = input.next().await.transpose()? {
                rows += batch.num_rows();
                bytes += batch.get_array_memory_size();
                small = rows <= MOST_ROWS && bytes <= MOST_BYTES && held.try_resize(bytes).is_ok();
                batches.push(batch);
                if !small {
                    break;
                }
            }
            if small
                && let Some(sort) = plan.downcast_ref::<SortExec>()
                && let Some(done) = sort_batches(sort, &batches)?
            {
                return Ok(one(done, held));
            }
            drop(held);
            let given = Arc::new(GivenExec::new(child, stream::iter(batches.into_iter().map(Ok)).chain(input).boxed()));
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            plan.replace_children(vec![given], options)?.execute(partition, task)
        };
        let batches = stream::once(sorted).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// A stream of one batch, which holds memory until it is read.
fn one(batch: RecordBatch, held: MemoryReservation) -> SendableRecordBatchStream {
    let schema = batch.schema();
    let batches = stream::once(async move {
        drop(held);
        Ok(batch)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

/// The rows of the batches in order; `None` for keys that cannot be compared as bytes.
fn sort_batches(sort: &SortExec, batches: &[RecordBatch]) -> DfResult<Option<RecordBatch>> {
    let all = concat_batches(&sort.schema(), batches)?;
    let mut keys = Vec::new();
    let mut fields = Vec::new();
    for e in sort.expr() {
        let key = e.expr.evaluate(&all)?.into_array(all.num_rows())?;
        fields.push(SortField::new_with_options(key.data_type().clone(), e.options));
        keys.push(key);
    }
    if !RowConverter::supports_fields(&fields) {
        return Ok(None);
    }
    let rows = RowConverter::new(fields)?.convert_columns(&keys)?;
    let mut order: Vec<u32> = (0..all.num_rows() as u32).collect();
    let mut by_keys = |a: &u32, b: &u32| rows.row(*a as usize).cmp(&rows.row(*b as usize));
    match sort.fetch() {
        Some(n) => ties::top(&mut order, n, &mut by_keys),
        None => ties::sort(&mut order, &mut by_keys),
    }
    Ok(Some(take_record_batch(&all, &UInt32Array::from(order))?))
}

/// A plan whose rows are being read already: runs once.
struct GivenExec {
    plan: Arc<dyn ExecutionPlan>,
    rows: Mutex<Option<stream::BoxStream<'static, DfResult<RecordBatch>>>>,
}

impl GivenExec {
    fn new(plan: Arc<dyn ExecutionPlan>, rows: stream::BoxStream<'static, DfResult<RecordBatch>>) -> GivenExec {
        GivenExec { plan, rows: Mutex::new(Some(rows)) }
    }
}

impl fmt::Debug for GivenExec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_tuple("GivenExec").field(&self.plan).finish()
    }
}

impl DisplayAs for GivenExec {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.plan.fmt_as(t, f)
    }
}

impl ExecutionPlan for GivenExec {
    fn name(&self) -> &str {
        "GivenExec"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }
    #[allow(deprecated, reason = "the trait still demands it; the planner calls replace_children")]
    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }
    fn execute(&self, _: usize, _: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let rows = self.rows.lock().take();
        let rows = rows.ok_or_else(|| DataFusionError::Internal("rows are read a second time".into()))?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.plan.schema(), rows)))
    }
}

/// A plan without the sorts of a union's sides; `None` if there are none, or if they do more than the merge above them,
/// which is for the first `fetch` rows.
fn unsorted(p: &Arc<dyn ExecutionPlan>, fetch: Option<usize>) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
    let p = p.downcast_ref::<SmallSortExec>().map_or(p, |s| &s.sort);
    if let Some(sort) = p.downcast_ref::<SortExec>() {
        let same = sort.fetch().is_none() || sort.fetch() == fetch;
        return Ok(same.then(|| Arc::clone(sort.input())));
    }
    if let Some(union) = p.downcast_ref::<UnionExec>() {
        let mut found = false;
        let mut sides = Vec::new();
        for side in union.inputs() {
            // One that is in order as it is, as a single row is, stays.
            let without = unsorted(side, fetch)?;
            found |= without.is_some();
            sides.push(without.unwrap_or_else(|| Arc::clone(side)));
        }
        return if found { UnionExec::try_new(sides).map(Some) } else { Ok(None) };
    }
    match (p.downcast_ref::<ProjectionExec>(), p.children()[..].first()) {
        (Some(_), Some(child)) => match unsorted(child, fetch)? {
            Some(child) => {
                let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
                Arc::clone(p).replace_children(vec![child], options).map(Some)
            }
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// A merge of the sorted sides of a union as one sort of the union: merging knows no order of equal rows.
fn merged(p: &Arc<dyn ExecutionPlan>) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
    let Some(merge) = p.downcast_ref::<SortPreservingMergeExec>() else { return Ok(None) };
    let Some(all) = unsorted(merge.input(), merge.fetch())? else { return Ok(None) };
    if !super::is_plain_union(&all) {
        return Ok(None);
    }
    let all: Arc<dyn ExecutionPlan> = Arc::new(OpExec::in_order(all, false));
    let sort = SortExec::new(merge.expr().clone(), all).with_fetch(merge.fetch());
    Ok(Some(Arc::new(SmallSortExec { sort: Arc::new(sort) })))
}

/// Sorts the sides of unions together. After the last rule that looks at partitions, as reading a union in order is for
/// what comes out of it alone.
#[derive(Debug)]
pub struct UnionSorts;

impl PhysicalOptimizerRule for UnionSorts {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|p| Ok(merged(&p)?.map_or_else(|| Transformed::no(p), Transformed::yes))).data()
    }
    fn name(&self) -> &str {
        "union_sorts"
    }
    fn schema_check(&self) -> bool {
        true
    }
}

/// Puts [`SmallSortExec`] around sorts of one partition.
#[derive(Debug)]
pub struct SmallSorts;

impl PhysicalOptimizerRule for SmallSorts {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|p| {
            let single = |s: &SortExec| s.input().output_partitioning().partition_count() == 1;
            let Some(sort) = p.downcast_ref::<SortExec>().filter(|s| single(s)) else { return Ok(Transformed::no(p)) };
            Ok(Transformed::yes(match sort.fetch().filter(|n| *n > MOST_TOP) {
                Some(n) => {
                    let whole = SortExec::new(sort.expr().clone(), Arc::clone(sort.input()));
                    let whole = Arc::new(SmallSortExec { sort: Arc::new(whole) });
                    Arc::new(GlobalLimitExec::new(whole, 0, Some(n))) as Arc<dyn ExecutionPlan>
                }
                None => Arc::new(SmallSortExec { sort: p }),
            }))
        })
        .data()
    }
    fn name(&self) -> &str {
        "small_sorts"
    }
    fn schema_check(&self) -> bool {
        true
    }
}
