//! Common tables: computed once when first read, and recursive ones by iteration to a fixpoint.
//!
//! A [`Store`] connects the plan that produces a common table (an input of the WITH operator) with the scans that read it,
//! wherever they are in the tree. Running the WITH operator arms its stores; a scan that is polled computes the rows that
//! nobody has computed before it. Data-modifying common tables run whether read or not.

use super::expr::{name, named};
use super::lower::{Lower, Plan, projection};
use super::misc::{Keys, reservation};
use super::op::{Op, Run, op_plan};
use super::step::{self, Term};
use super::util::{DfResult, produce, to_df};
use crate::plan::ir::{Col, Cte, CteId, Rel};
use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use hashbrown::HashSet;
use rustydb_base::{DbError, Result};
use rustydb_types::arrow::arrow_type;
use rustydb_types::datum::TypeRef;
use std::sync::Arc;
use tokio::sync::Mutex;

enum Rows {
    /// Not run yet in this execution.
    Idle,
    /// Can be computed.
    Armed(Arc<dyn ExecutionPlan>, Arc<TaskContext>),
    /// Computed as far as somebody has read.
    Running(SendableRecordBatchStream, Vec<RecordBatch>, MemoryReservation),
    /// Computed.
    Ready(Arc<Vec<RecordBatch>>, #[allow(dead_code, reason = "held for its Drop")] Option<MemoryReservation>),
}

/// Where a common table's rows are.
pub struct Store {
    /// Columns of the producing plan.
    pub cols: Vec<(Col, DataType)>,
    rows: Mutex<Rows>,
}

impl Store {
    fn new(cols: Vec<(Col, DataType)>) -> Store {
        Store { cols, rows: Mutex::new(Rows::Idle) }
    }

    /// The i-th batch of rows; computes it if nobody has. Readers share what one of them has computed, and nothing is
    /// computed that nobody reads: a recursive table without end serves a query with a LIMIT.
    async fn batch(&self, i: usize) -> DfResult<Option<RecordBatch>> {
        let mut rows = self.rows.lock().await;
        loop {
            match &mut *rows {
                Rows::Ready(b, _) => return Ok(b.get(i).cloned()),
                Rows::Idle => return Err(to_df(DbError::internal("common table read outside its WITH"))),
                Rows::Armed(plan, task) => {
                    let memory = MemoryConsumer::new("CommonTable").register(task.memory_pool());
                    let stream = plan.execute(0, Arc::clone(task))?;
                    *rows = Rows::Running(stream, Vec::new(), memory);
                }
                Rows::Running(stream, known, memory) => {
                    if let Some(b) = known.get(i) {
                        return Ok(Some(b.clone()));
                    }
                    match stream.next().await {
                        Some(b) => {
                            let b = b?;
                            memory.try_grow(b.get_array_memory_size())?;
                            known.push(b);
                        }
                        None => {
                            let all = Arc::new(std::mem::take(known));
                            let memory = memory.take();
                            *rows = Rows::Ready(all, Some(memory));
                        }
                    }
                }
            }
        }
    }

    /// Computes all rows.
    async fn complete(&self) -> DfResult<()> {
        let mut i = 0;
        while self.batch(i).await?.is_some() {
            i += 1;
        }
        Ok(())
    }

    async fn set(&self, r: Rows) {
        *self.rows.lock().await = r;
    }
}

impl Lower<'_> {
    /// WITH.
    pub fn with(&mut self, ctes: &[Cte], body: &Rel) -> Result<Plan> {
        let mut stores = Vec::new();
        let mut inputs = Vec::new();
        let mut always = Vec::new();
        for c in ctes {
            let p = match &c.recursive {
                None => self.rel(&c.rel)?,
                Some((term, all)) => self.recursive(c.id, &c.rel, term, *all)?,
            };
            // The common table's columns by position, whatever the plan adds.
            let outputs = c.rel.outputs();
            let cols: Vec<(Col, DataType)> = outputs
                .iter()
                .map(|o| {
                    let found = p.cols.iter().find(|x| x.0.id == o.id);
                    found.cloned().ok_or_else(|| DbError::internal("common table lost a column"))
                })
                .collect::<Result<_>>()?;
            let store = Arc::new(Store::new(cols));
            self.ctes.insert(c.id, Arc::clone(&store));
            always.push(modifies(&c.rel));
            stores.push(store);
            inputs.push(p.plan);
        }
        let p = self.rel(body)?;
        let schema = p.schema()?;
        inputs.insert(0, p.plan);
        let names = ctes.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(", ");
        let run_body = move |run: Run| {
            let (stores, always) = (stores.clone(), always.clone());
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                for (i, s) in stores.iter().enumerate() {
                    let plan = run.children.get(i + 1).cloned();
                    let plan = plan.ok_or_else(|| DataFusionError::Internal("WITH lacks an input".into()))?;
                    let plan = datafusion::physical_plan::execution_plan::reset_plan_states(plan)?;
                    s.set(Rows::Armed(plan, Arc::clone(&run.task))).await;
                }
                let mut input = run.input(0)?;
                while let Some(b) = input.next().await {
                    out.send(b?).await?;
                }
                for (s, run_always) in stores.iter().zip(always) {
                    if run_always {
                        s.complete().await?;
                    }
                    s.set(Rows::Idle).await;
                }
                Ok(())
            }))
        };
        let plan = op_plan(Op::new("With", names, Arc::new(run_body)), inputs, schema);
        Ok(Plan { plan, cols: p.cols })
    }

    /// Reads a common table.
    pub fn cte_scan(&mut self, cte: CteId, cols: &[Col]) -> Result<Plan> {
        let store = self.ctes.get(&cte).cloned().ok_or_else(|| DbError::internal("common table is not in scope"))?;
        if store.cols.len() < cols.len() {
            return Err(DbError::internal("common table is narrower than its scan"));
        }
        let mut out: Vec<(Col, DataType)> = cols.iter().zip(&store.cols).map(|(c, s)| (*c, s.1.clone())).collect();
        let at: Vec<String> = store.cols.iter().take(cols.len()).map(|c| name(c.0.id)).collect();
        if out.is_empty() {
            out.push((self.col(crate::bind::type_ref(rustydb_types::oid::BOOL)), DataType::Boolean));
        }
        let p = Plan { plan: Default::default(), cols: out };
        let schema = p.schema()?;
        let body = move |run: Run| {
            let (store, at) = (Arc::clone(&store), at.clone());
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                let mut i = 0;
                while let Some(b) = store.batch(i).await? {
                    i += 1;
                    let mut columns = Vec::with_capacity(at.len());
                    for n in &at {
                        let c = b.column_by_name(n);
                        columns.push(Arc::clone(
                            c.ok_or_else(|| DataFusionError::Internal("common table lost a column".into()))?,
                        ));
                    }
                    if columns.is_empty() {
                        columns.push(Arc::new(BooleanArray::from(vec![true; b.num_rows()])));
                    }
                    out.send(RecordBatch::try_new(Arc::clone(&run.schema), columns)?).await?;
                }
                Ok(())
            }))
        };
        Ok(Plan { plan: op_plan(Op::new("CteScan", format!("{cte}"), Arc::new(body)), vec![], schema), cols: p.cols })
    }

    /// WITH RECURSIVE: the base's rows, then the term over the rows of the step before until there are none.
    fn recursive(&mut self, id: CteId, base: &Rel, term: &Rel, all: bool) -> Result<Plan> {
        let outputs = base.outputs();
        let p = self.rel(base)?;
        let p = self.by_position(p, &outputs, &outputs)?;
        if all
            && p.cols.iter().all(|(c, d)| arrow_type(c.ty, None) == *d)
            && let Some(term) = Term::of(term, id)
        {
            return self.stepwise(p, term);
        }
        let work = Arc::new(Store::new(p.cols.clone()));
        let outer = self.ctes.insert(id, Arc::clone(&work));
        let term_outputs = term.outputs();
        let t = self.again(|l| l.rel(term));
        match outer {
            Some(o) => self.ctes.insert(id, o),
            None => self.ctes.remove(&id),
        };
        let (t, replays) = t?;
        let t = self.by_position(t, &term_outputs, &outputs)?;
        let schema = p.schema()?;
        let types: Vec<(TypeRef, DataType)> = p.cols.iter().map(|(c, d)| (c.ty, d.clone())).collect();
        let cx = Arc::clone(self.cx);
        let body = move |run: Run| {
            let (work, types, cx) = (Arc::clone(&work), types.clone(), Arc::clone(&cx));
            let kept = replays.begin();
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                let _kept = kept;
                let mut seen = Seen { keys: Keys::new(&types)?, rows: HashSet::new(), all };
                let memory = reservation(&run, "RecursiveUnion");
                let mut stream = run.input(0)?;
                loop {
                    let mut step = Vec::new();
                    while let Some(b) = stream.next().await {
                        cx.cancel.check().map_err(to_df)?;
                        let b = seen.fresh(b?, &memory)?;
                        let b = RecordBatch::try_new(Arc::clone(&run.schema), b.columns().to_vec())?;
                        if b.num_rows() > 0 {
                            memory.try_grow(b.get_array_memory_size())?;
                            step.push(b.clone());
                            out.send(b).await?;
                        }
                    }
                    if step.is_empty() {
                        return Ok(());
                    }
                    let held: usize = step.iter().map(RecordBatch::get_array_memory_size).sum();
                    work.set(Rows::Ready(Arc::new(step), None)).await;
                    memory.shrink(held.min(memory.size()));
                    stream = run.rerun(1)?;
                }
            }))
        };
        let plan =
            op_plan(Op::rerunning("RecursiveUnion", String::new(), Arc::new(body)), vec![p.plan, t.plan], schema);
        Ok(Plan { plan, cols: p.cols })
    }

    /// WITH RECURSIVE whose term is computed row by row.
    fn stepwise(&mut self, p: Plan, term: Term) -> Result<Plan> {
        let schema = p.schema()?;
        let types: Arc<[TypeRef]> = p.cols.iter().map(|(c, _)| c.ty).collect();
        let (term, cx) = (Arc::new(term), Arc::clone(self.cx));
        let body = move |run: Run| {
            let (term, types, cx) = (Arc::clone(&term), Arc::clone(&types), Arc::clone(&cx));
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                let memory = reservation(&run, "RecursiveUnion");
                let base = run.input(0)?;
                step::run(&term, (Arc::clone(&run.schema), &types), &cx, base, &memory, &mut out).await
            }))
        };
        let plan = op_plan(Op::new("RecursiveUnion", String::new(), Arc::new(body)), vec![p.plan], schema);
        Ok(Plan { plan, cols: p.cols })
    }

    /// A plan's output columns under other names, numerics made general.
    fn by_position(&mut self, p: Plan, from: &[Col], to: &[Col]) -> Result<Plan> {
        let types = p.types();
        let mut exprs = Vec::new();
        let mut cols = Vec::new();
        for (f, t) in from.iter().zip(to) {
            let dt = types.get(&f.id).cloned().ok_or_else(|| DbError::internal("recursive term lost a column"))?;
            exprs.push(named(name(f.id)).alias(name(t.id)));
            cols.push((*t, dt));
        }
        let p = Plan { plan: projection(p.plan, exprs)?, cols };
        self.generic_plan(p)
    }
}

/// Rows already produced, for UNION without ALL.
struct Seen {
    keys: Keys,
    rows: HashSet<Box<[u8]>>,
    all: bool,
}

impl Seen {
    fn fresh(&mut self, b: RecordBatch, memory: &MemoryReservation) -> DfResult<RecordBatch> {
        if self.all {
            return Ok(b);
        }
        let rows = self.keys.rows(b.columns())?;
        let mut keep = Vec::with_capacity(b.num_rows());
        for r in rows.iter() {
            let new = !self.rows.contains(r.as_ref());
            if new {
                memory.try_grow(r.as_ref().len() + 48)?;
                self.rows.insert(r.as_ref().into());
            }
            keep.push(new);
        }
        Ok(filter_record_batch(&b, &BooleanArray::from(keep))?)
    }
}

/// Whether a common table changes data.
fn modifies(rel: &Rel) -> bool {
    match rel {
        Rel::Modify(..) => true,
        Rel::Project { input, .. } => modifies(input),
        _ => false,
    }
}
