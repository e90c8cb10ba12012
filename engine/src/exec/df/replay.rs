//! Rows that a plan reads again and again although they are the same each time: kept when they are first read to their end.
//!
//! A recursive term, the right side of a LATERAL join and a correlated subquery run once per step or per outer row. What
//! they read of tables without looking at the step's rows or the outer row ([`is_closed`]) is the same in every run of one
//! statement, so an operator over it hands the batches of its first whole run out again.
//!
//! Bound: a share of the query's memory for each operator ([`SHARE`]), and only while half of that memory is free; what is
//! larger is read anew each time. Kept rows go when the operator that runs the plan ends ([`Replays`]).

use super::expr::is_volatile;
use super::lower::{Lower, Plan};
use super::misc::{order_of, reservation};
use super::op::{Op, Run, op_plan};
use super::pool_size;
use super::util::produce;
use crate::exec::subquery::has_subquery;
use crate::plan::ir::{ColSet, ExprKind, JoinKind, Rel};
use crate::plan::walk;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;
use parking_lot::Mutex;
use rustydb_base::Result;
use std::sync::Arc;

/// The part of the query's memory that one operator may keep.
const SHARE: usize = 4;

/// What is known of the rows.
enum Known {
    /// Nobody has read them to their end.
    Nothing,
    /// All of them.
    All(Arc<Vec<RecordBatch>>, #[allow(dead_code, reason = "held for its Drop")] MemoryReservation),
    /// They are too many.
    TooMany,
}

/// The kept rows of the operators in a plan that is run again and again.
#[derive(Clone, Default)]
pub struct Replays(Vec<Arc<Mutex<Known>>>);

/// While it lives the operators may keep rows.
pub struct Kept(Replays);

impl Replays {
    /// Begins a series of runs, with nothing kept.
    pub fn begin(&self) -> Kept {
        self.forget();
        Kept(self.clone())
    }

    fn forget(&self) {
        self.0.iter().for_each(|k| *k.lock() = Known::Nothing);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.forget();
    }
}

impl Lower<'_> {
    /// Lowers a plan that will be run again and again; also answers what it keeps between its runs.
    pub fn again<T>(&mut self, lower: impl FnOnce(&mut Self) -> Result<T>) -> Result<(T, Replays)> {
        let outer = self.replays.replace(Replays::default());
        let lowered = lower(self);
        let made = std::mem::replace(&mut self.replays, outer);
        Ok((lowered?, made.unwrap_or_default()))
    }

    /// A relation of a plan that runs again and again, if it is one whose rows are worth keeping.
    pub fn replayed(&mut self, rel: &Rel) -> Result<Option<Plan>> {
        let Some(made) = self.replays.take_if(|_| is_closed(rel)) else { return Ok(None) };
        let lowered = self.rel(rel);
        self.replays = Some(made);
        let p = lowered?;
        let known = Arc::new(Mutex::new(Known::Nothing));
        if let Some(made) = &mut self.replays {
            made.0.push(Arc::clone(&known));
        }
        let pool = pool_size(self.cx);
        let body = move |run: Run| {
            let known = Arc::clone(&known);
            let all = match &*known.lock() {
                Known::All(batches, _) => Some(Arc::clone(batches)),
                Known::Nothing => None,
                Known::TooMany => return run.input(0),
            };
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                if let Some(batches) = all {
                    for b in batches.iter() {
                        out.send(b.clone()).await?;
                    }
                    return Ok(());
                }
                let memory = reservation(&run, "Replay");
                let mut batches = Some(Vec::new());
                let mut input = run.input(0)?;
                while let Some(b) = input.next().await {
                    let b = b?;
                    if let Some(kept) = &mut batches {
                        let size = b.get_array_memory_size();
                        let scarce = run.task.memory_pool().reserved() + size > pool / 2;
                        if scarce || memory.size() + size > pool / SHARE || memory.try_grow(size).is_err() {
                            batches = None;
                            memory.free();
                            *known.lock() = Known::TooMany;
                        } else {
                            kept.push(b.clone());
                        }
                    }
                    out.send(b).await?;
                }
                if let Some(kept) = batches {
                    *known.lock() = Known::All(Arc::new(kept), memory);
                }
                Ok(())
            }))
        };
        let schema = Arc::clone(p.plan.schema());
        let mut op = Op::new("Replay", String::new(), Arc::new(body));
        op.orders = vec![order_of(&p.plan)];
        Ok(Some(Plan { plan: op_plan(op, vec![p.plan], schema), cols: p.cols }))
    }
}

/// Whether a relation reads tables and nothing else that may differ between two runs in one statement.
fn is_closed(rel: &Rel) -> bool {
    if !matches!(rel, Rel::Scan(_) | Rel::Filter { .. } | Rel::Project { .. } | Rel::Join { .. } | Rel::Append(_)) {
        return false;
    }
    let (mut plain, mut own) = (true, ColSet::default());
    walk::visit_rels(rel, &mut |r| {
        plain &= match r {
            Rel::Scan(s) => s.sample.is_none() && s.rid.is_none(),
            Rel::Join { lateral, kind, .. } => !lateral && *kind != JoinKind::Full,
            Rel::Filter { .. } | Rel::Project { .. } | Rel::Append(_) => true,
            _ => false,
        };
        own.extend(r.outputs().iter().map(|c| c.id));
    });
    if plain {
        walk::visit_rel(rel, &mut |e| {
            plain &= !has_subquery(e) && !is_volatile(e);
            plain &= !matches!(e.kind, ExprKind::Column(id) if !own.contains(&id));
        });
    }
    plain
}
