//! Point programs: statements that touch rows by key, compiled once and run without DataFusion.
//!
//! # Idea
//! [`compile`] turns a relational tree into a [`PointPlan`]: operators over one flat row of slots, predicates compiled
//! against it, index paths with the expressions that make their keys. The plan holds no state of any session, so all
//! sessions share it. What a run needs besides is in the session's [`PointScratch`]. A run is a synchronous machine that
//! stops only where a page or a lock is missing, and goes on from there: [`try_run`] runs it as far as memory allows,
//! [`run`] also waits. An in-memory statement completes without a single await.
//!
//! # What is a point program
//! VALUES, projections, filters, sorts, limits, DISTINCT, aggregates and groups, UNION, row locks, joins (inner, left, semi,
//! anti) and subqueries over scans that an index cuts down to few rows (or whose table is tiny). Estimates decide; if they
//! were wrong the answer is right all the same, a sort, DISTINCT or grouping that outgrows its bound excepted: that run
//! ends with [`Attempt::TooBig`] and the statement belongs to the other executor.
//!
//! # Rules
//! 1. Index entries are candidates. A row counts if the version that the snapshot sees has the entry's key; so a row is
//!    met once however many entries it has.
//! 2. Nothing is evaluated inside a storage operation but keys of expression indexes.
//! 3. A row that FOR UPDATE and its kin find changed since the snapshot is read anew at READ COMMITTED, under the lock,
//!    and every condition of the program is evaluated on it; at REPEATABLE READ it fails with 40001.
//! 4. A plan may be run only under a snapshot it is [`PointPlan::usable`] for.
//!
//! Left out: grouping sets, INTERSECT and EXCEPT, windows, set-returning functions, common tables that are read twice, WITH
//! TIES, parallel reading.

mod access;
mod draft;
mod explain;
mod fetch;
mod group;
mod lower;
mod plan;
mod run;
mod scratch;
mod stats;
mod subquery;
#[cfg(test)]
mod tests;

pub use draft::{BlocksNow, TableSource};
pub use explain::explain;
pub use scratch::PointScratch;

use crate::exec::eval::Env;
use crate::plan::ir::{Col, ExprKind, Rel};
use crate::plan::walk;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::scan::blocks_now;
use rustydb_storage::store::Store;
use rustydb_storage::txn::Snapshot;
use rustydb_types::datum::Datum;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many times its first size a small table may grow under a plan.
const GROWN: u32 = 2;

/// A compiled program.
pub struct PointPlan {
    id: u64,
    program: lower::Program,
    draft: draft::Draft,
    outputs: Vec<Col>,
    /// The output slots follow one another from here.
    first: Option<usize>,
}

/// What the receiver of a row wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// The next row.
    More,
    /// To be asked again first: the run returns [`Attempt::Paused`].
    Pause,
}

/// Receives rows; the values are the plan's outputs in order, valid during the call.
pub type RowSink<'a> = dyn FnMut(&[Datum]) -> Result<Flow> + Send + 'a;

/// How far a run has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// All rows are out.
    Done,
    /// It must wait: continue with [`run`].
    NeedsWait,
    /// The sink asked for a pause: continue with either.
    Paused,
    /// It needs more memory than a short statement may have. No row has come out; the other executor must answer.
    TooBig,
}

/// Compiles a tree; `None` if it is no point program. `table` gives stored tables ready for row operations.
pub fn compile(rel: &Rel, table: TableSource<'_>, blocks: BlocksNow<'_>) -> Result<Option<PointPlan>> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let (mut with, mut fits) = (false, true);
    walk::visit_all(rel, &mut |r| with |= matches!(r, Rel::With { .. }), &mut |e| {
        fits &= !matches!(e.kind, ExprKind::SetToDefault);
    });
    if !fits {
        return Ok(None);
    }
    let trimmed = if with { Some(crate::exec::df::trimmed(rel)?) } else { None };
    let Some(draft) = draft::plan(trimmed.as_ref().unwrap_or(rel), table, blocks)? else { return Ok(None) };
    let outputs = rel.outputs();
    let program = match lower::lower(&draft, &outputs) {
        Ok(p) => p,
        // A function that has no scalar form here may have another one there.
        Err(e) if e.code == SqlState::FEATURE_NOT_SUPPORTED => return Ok(None),
        Err(e) => return Err(e),
    };
    let first = program.outputs.first().copied().unwrap_or(0);
    let in_order = program.outputs.iter().enumerate().all(|(i, s)| *s == first + i);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    Ok(Some(PointPlan { id, program, draft, outputs, first: in_order.then_some(first) }))
}

impl PointPlan {
    /// Output columns, in the order of the rows' values.
    pub fn outputs(&self) -> &[Col] {
        &self.outputs
    }

    /// Whether a snapshot may run the plan: it is not older than any of the plan's indexes.
    pub fn usable(&self, snap: &Snapshot) -> bool {
        snap.scn.0 >= self.program.valid_from
    }

    /// Whether a table that was small when the plan was made is so no longer: the statement is planned again.
    pub fn is_outgrown(&self, store: &Store) -> bool {
        self.program.small.iter().any(|r| blocks_now(store, *r).is_some_and(|b| b > GROWN * access::SMALL_BLOCKS))
    }

    /// Whether it reads a whole table that has a block range index: if a setting is against that, the other executor has a way.
    pub fn skips_ranges(&self) -> bool {
        self.program.skips_ranges
    }

    /// Estimated number of rows.
    pub fn rows(&self) -> f64 {
        self.draft.rows
    }
}

/// Runs a plan as far as it goes without waiting. The scratch has been [`PointScratch::start`]ed with the plan.
pub fn try_run(
    plan: &PointPlan,
    tx: &mut Transaction,
    snap: &Snapshot,
    env: Env<'_>,
    scratch: &mut PointScratch,
    out: &mut RowSink<'_>,
) -> Result<Attempt> {
    let mut m = run::Machine::new(plan, scratch, tx, snap, env)?;
    let stop = m.advance(out);
    if stop.is_err() {
        m.count();
    }
    Ok(match stop? {
        run::Stop::Done => Attempt::Done,
        run::Stop::Paused => Attempt::Paused,
        run::Stop::TooBig => Attempt::TooBig,
        run::Stop::Stalled(_) => Attempt::NeedsWait,
    })
}

/// Runs a plan, or goes on with a run, to its end or the next pause; never answers [`Attempt::NeedsWait`].
pub async fn run(
    plan: &PointPlan,
    tx: &mut Transaction,
    snap: &Snapshot,
    env: Env<'_>,
    scratch: &mut PointScratch,
    out: &mut RowSink<'_>,
) -> Result<Attempt> {
    let mut m = run::Machine::new(plan, scratch, tx, snap, env)?;
    loop {
        let stop = m.advance(out);
        if stop.is_err() {
            m.count();
        }
        match stop? {
            run::Stop::Done => return Ok(Attempt::Done),
            run::Stop::Paused => return Ok(Attempt::Paused),
            run::Stop::TooBig => return Ok(Attempt::TooBig),
            run::Stop::Stalled(node) => m.wait(node).await?,
        }
    }
}

/// 53200 for a run that has put out rows and then outgrows its bound.
fn out_of_memory() -> DbError {
    DbError::new(SqlState::OUT_OF_MEMORY, "out of memory")
        .detail("A short statement's sort, DISTINCT or grouping grew too large.")
}
