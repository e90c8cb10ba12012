//! What a query has written to temporary files, counted when it is over.

use crate::exec::StmtCx;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// The plan of a query that runs.
pub(super) struct Running {
    plan: Arc<dyn ExecutionPlan>,
    cx: Arc<StmtCx>,
}

impl Running {
    pub(super) fn new(plan: Arc<dyn ExecutionPlan>, cx: &Arc<StmtCx>) -> Running {
        Running { plan, cx: Arc::clone(cx) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (files, bytes) = written(&self.plan);
        if files > 0 {
            self.cx.tables.spilled(files, bytes);
        }
    }
}

/// Files and bytes of a plan's operators.
fn written(plan: &Arc<dyn ExecutionPlan>) -> (usize, usize) {
    let own = plan.metrics().map_or((0, 0), |m| (m.spill_count().unwrap_or(0), m.spilled_bytes().unwrap_or(0)));
    plan.children().into_iter().map(written).fold(own, |a, b| (a.0 + b.0, a.1 + b.1))
}
