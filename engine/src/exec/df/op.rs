//! One logical node and one physical operator for everything of ours that DataFusion lacks.
//!
//! An [`Op`] is a function from its children's plans to a stream. Its children and its own output have one partition;
//! a child may be demanded in an order of plain columns, which DataFusion's planner then provides by sorting (with
//! spilling). Operators whose child must be run several times (subqueries, recursive terms) call [`rerun`].

use super::util::{DfResult, fresh_id};
use async_trait::async_trait;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchemaRef, DataFusionError};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr as DfExpr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, EquivalenceProperties, LexRequirement, Partitioning, PhysicalExpr};
use datafusion::physical_expr::{OrderingRequirements, PhysicalSortRequirement};
use datafusion::physical_plan::InputDistributionRequirements;
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions, replace_children_if_necessary,
    reset_plan_states,
};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use futures::{StreamExt, TryStreamExt};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What an operator works with when it runs.
pub struct Run {
    /// Its inputs, each of one partition.
    pub children: Vec<Arc<dyn ExecutionPlan>>,
    /// DataFusion's task: memory pool, temporary files.
    pub task: Arc<TaskContext>,
    /// The operator's output.
    pub schema: SchemaRef,
    /// Conditions that its rows must meet, if it takes any ([`Op::filters`]).
    pub filters: Vec<Arc<dyn PhysicalExpr>>,
}

impl Run {
    /// Starts a child.
    pub fn input(&self, i: usize) -> DfResult<SendableRecordBatchStream> {
        let child = self.children.get(i).ok_or_else(|| DataFusionError::Internal("operator lacks an input".into()))?;
        child.execute(0, Arc::clone(&self.task))
    }
    /// Starts a child that may have run before.
    pub fn rerun(&self, i: usize) -> DfResult<SendableRecordBatchStream> {
        let child = self.children.get(i).ok_or_else(|| DataFusionError::Internal("operator lacks an input".into()))?;
        reset_plan_states(Arc::clone(child))?.execute(0, Arc::clone(&self.task))
    }
}

/// The body of an operator.
pub type Body = Arc<dyn Fn(Run) -> DfResult<SendableRecordBatchStream> + Send + Sync>;

/// Order demanded of an input: column name, descending, NULLs first.
pub type Order = Vec<(String, bool, bool)>;

/// An operator.
pub struct Op {
    id: u64,
    /// Name in plans.
    pub name: &'static str,
    /// What EXPLAIN shows after the name.
    pub detail: String,
    /// Orders of the inputs; missing or empty for none.
    pub orders: Vec<Order>,
    /// It takes conditions on its output and hands out only rows that meet them.
    pub filters: bool,
    /// It runs an input several times.
    pub reruns: bool,
    /// What runs.
    pub body: Body,
}

impl Op {
    /// An operator without demands on its inputs.
    pub fn new(name: &'static str, detail: String, body: Body) -> Op {
        Op { id: fresh_id(), name, detail, orders: vec![], filters: false, reruns: false, body }
    }

    /// An operator that runs an input several times.
    pub fn rerunning(name: &'static str, detail: String, body: Body) -> Op {
        Op { reruns: true, ..Op::new(name, detail, body) }
    }
}

/// The logical node.
#[derive(Clone)]
pub struct OpNode {
    op: Arc<Op>,
    inputs: Vec<LogicalPlan>,
    schema: DFSchemaRef,
}

/// A plan that runs an operator over inputs.
pub fn op_plan(op: Op, inputs: Vec<LogicalPlan>, schema: DFSchemaRef) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(OpNode { op: Arc::new(op), inputs, schema }) })
}

impl fmt::Debug for OpNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op.name, self.op.detail)
    }
}
impl PartialEq for OpNode {
    fn eq(&self, o: &Self) -> bool {
        self.op.id == o.op.id && self.inputs == o.inputs
    }
}
impl Eq for OpNode {}
impl PartialOrd for OpNode {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        (self == o).then_some(std::cmp::Ordering::Equal)
    }
}
impl Hash for OpNode {
    fn hash<H: Hasher>(&self, h: &mut H) {
        self.op.id.hash(h);
    }
}

impl UserDefinedLogicalNodeCore for OpNode {
    fn name(&self) -> &str {
        self.op.name
    }
    fn inputs(&self) -> Vec<&LogicalPlan> {
        self.inputs.iter().collect()
    }
    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }
    fn expressions(&self) -> Vec<DfExpr> {
        vec![]
    }
    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.op.name, self.op.detail)
    }
    fn with_exprs_and_inputs(&self, _: Vec<DfExpr>, inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        Ok(OpNode { op: Arc::clone(&self.op), inputs, schema: Arc::clone(&self.schema) })
    }
}

/// Turns [`OpNode`]s into [`OpExec`]s.
pub struct OpPlanner;

#[async_trait]
impl ExtensionPlanner for OpPlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<OpNode>() else { return Ok(None) };
        let schema = Arc::new(node.schema.as_arrow().clone());
        let inputs = inputs.iter().map(keep_order).collect::<DfResult<_>>()?;
        Ok(Some(Arc::new(OpExec::new(Arc::clone(&node.op), inputs, schema))))
    }
}

/// Makes sure that a sort whose order reaches an operator stays: the planner drops sorts whose order nobody demands, and
/// it cannot know that an operator takes its input's rows in their order or hands them on.
fn keep_order(plan: &Arc<dyn ExecutionPlan>) -> DfResult<Arc<dyn ExecutionPlan>> {
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let required = OrderingRequirements::from(sort.expr().clone());
        let op = Op::new("Ordered", String::new(), Arc::new(|run: Run| run.input(0)));
        let mut exec = OpExec::new(Arc::new(op), vec![Arc::clone(plan)], plan.schema());
        exec.required = vec![Some(required)];
        return Ok(Arc::new(exec));
    }
    let passes = plan.maintains_input_order()[..] == [true] && plan.required_input_ordering()[..] == [None];
    match plan.children()[..] {
        [child] if passes => {
            let kept = keep_order(child)?;
            if Arc::ptr_eq(&kept, child) {
                return Ok(Arc::clone(plan));
            }
            replace_children_if_necessary(Arc::clone(plan), vec![kept])
        }
        _ => Ok(Arc::clone(plan)),
    }
}

/// The physical operator.
pub struct OpExec {
    op: Arc<Op>,
    children: Vec<Arc<dyn ExecutionPlan>>,
    /// Order demanded of each child.
    required: Vec<Option<OrderingRequirements>>,
    /// Conditions taken over from operators above.
    filters: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
}

impl OpExec {
    fn new(op: Arc<Op>, children: Vec<Arc<dyn ExecutionPlan>>, schema: SchemaRef) -> OpExec {
        let required = children.iter().enumerate().map(|(i, child)| {
            let schema = child.schema();
            let keys = op.orders.get(i)?.iter().filter_map(|(name, desc, nulls_first)| {
                let col = Column::new_with_schema(name, &schema).ok()?;
                let options = SortOptions { descending: *desc, nulls_first: *nulls_first };
                Some(PhysicalSortRequirement::new(Arc::new(col), Some(options)))
            });
            LexRequirement::new(keys).map(OrderingRequirements::from)
        });
        let required = required.collect();
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        OpExec { op, children, required, filters: vec![], properties }
    }

    /// All partitions of a plan, one after the other: the rows of a union stand in the order of its sides. A side is not
    /// started before somebody wants its rows, unless all are to run `at_once`.
    pub fn in_order(child: Arc<dyn ExecutionPlan>, at_once: bool) -> OpExec {
        let schema = child.schema();
        let body = move |run: Run| -> DfResult<SendableRecordBatchStream> {
            let child = run.children.first().cloned();
            let child = child.ok_or_else(|| DataFusionError::Internal("operator lacks an input".into()))?;
            let parts = child.output_partitioning().partition_count();
            let (task, schema) = (run.task, Arc::clone(&run.schema));
            let start = move |i| {
                if !at_once {
                    return child.execute(i, Arc::clone(&task));
                }
                let mut input = child.execute(i, Arc::clone(&task))?;
                let mut rows = RecordBatchReceiverStream::builder(Arc::clone(&schema), 2);
                let to = rows.tx();
                rows.spawn(async move {
                    while let Some(b) = input.next().await {
                        if to.send(b).await.is_err() {
                            break;
                        }
                    }
                    Ok(())
                });
                Ok(rows.build())
            };
            let parts: Box<dyn Iterator<Item = _> + Send> = if at_once {
                Box::new((0..parts).map(start).collect::<Vec<_>>().into_iter())
            } else {
                Box::new((0..parts).map(start))
            };
            let rows = futures::stream::iter(parts).try_flatten();
            Ok(Box::pin(RecordBatchStreamAdapter::new(run.schema, rows)))
        };
        OpExec::new(Arc::new(Op::new("Append", String::new(), Arc::new(body))), vec![child], schema)
    }

    /// Whether it runs an input several times.
    pub fn reruns(&self) -> bool {
        self.op.reruns
    }

    /// The same operator with further conditions; `None` if it takes none.
    pub fn filtered(&self, more: impl IntoIterator<Item = Arc<dyn PhysicalExpr>>) -> Option<OpExec> {
        self.op.filters.then(|| OpExec {
            op: Arc::clone(&self.op),
            children: self.children.clone(),
            required: self.required.clone(),
            filters: self.filters.iter().cloned().chain(more).collect(),
            properties: Arc::clone(&self.properties),
        })
    }
}

impl fmt::Debug for OpExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op.name, self.op.detail)
    }
}

impl DisplayAs for OpExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.op.name, self.op.detail)?;
        for (i, e) in self.filters.iter().enumerate() {
            write!(f, "{}{e}", if i == 0 { ", filter=" } else { " AND " })?;
        }
        Ok(())
    }
}

impl ExecutionPlan for OpExec {
    fn name(&self) -> &str {
        self.op.name
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.children.iter().collect()
    }
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        for e in &self.filters {
            if f(e)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }
    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> DfResult<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters: Vec<_> = result.parent_filters.iter().map(|f| Arc::clone(&f.filter)).collect();
        let n = filters.len();
        match self.filtered(filters) {
            Some(new) if n > 0 => {
                let new: Arc<dyn ExecutionPlan> = Arc::new(new);
                Ok(FilterPushdownPropagation::with_parent_pushdown_result(vec![PushedDown::Yes; n])
                    .with_updated_node(new))
            }
            _ => Ok(FilterPushdownPropagation::all_unsupported(result)),
        }
    }
    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition; self.children.len()])
    }
    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.required.clone()
    }
    fn maintains_input_order(&self) -> Vec<bool> {
        // If it did, the planner would move a sort from above an operator below it, by the numbers of its columns.
        vec![false; self.children.len()]
    }
    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(OpExec {
            op: Arc::clone(&self.op),
            children,
            required: self.required.clone(),
            filters: self.filters.clone(),
            properties: Arc::clone(&self.properties),
        }))
    }
    #[allow(deprecated, reason = "the trait still demands it; the planner calls replace_children")]
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }
    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        if partition != 0 {
            return Err(DataFusionError::Internal(format!("{} has no partition {partition}", self.op.name)));
        }
        let filters = self.filters.clone();
        (self.op.body)(Run { children: self.children.clone(), task, schema: self.schema(), filters })
    }
}
