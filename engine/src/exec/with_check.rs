//! Conditions that rows must meet beside the table's constraints: policies of row-level security and WITH CHECK OPTION.
//!
//! They may hold subqueries, so they are evaluated as projections under the statement's snapshot. Unlike CHECK, anything
//! but true is a violation. Policies are tested before a row is written and before its constraints, check options after.
//! Rows come in the shape of the statement's table, whatever table of its tree they lie in.

use super::partition::show_row;
use super::projection::Projection;
use super::run::StatementEnv;
use crate::catalog::Relation;
use crate::plan::ir::{Col, Cte, RowState, WithCheck, WithCheckKind};
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::txn::Snapshot;
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// What conditions are evaluated under.
#[derive(Clone, Copy)]
pub(super) struct Under<'a> {
    pub snap: Snapshot,
    pub params: &'a Arc<[Datum]>,
    pub env: &'a StatementEnv,
}

/// When a condition is tested.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before the row is written: policies.
    Before,
    /// After: check options of views.
    After,
}

/// Such conditions over the rows of one table.
pub(super) struct WithChecks<'a> {
    table: &'a Relation,
    list: Vec<(WithCheckKind, Projection)>,
    under: Under<'a>,
}

impl<'a> WithChecks<'a> {
    pub(super) fn new(
        table: &'a Relation,
        list: &[WithCheck],
        row: &[(Col, i16)],
        ctes: &[Cte],
        under: Under<'a>,
    ) -> Result<WithChecks<'a>> {
        let cols = || row.iter().map(|(c, n)| (*c, (*n as usize).saturating_sub(1))).collect();
        let list = list
            .iter()
            .map(|w| Ok((w.kind.clone(), Projection::new(vec![&w.expr], cols(), ctes)?)))
            .collect::<Result<_>>()?;
        Ok(WithChecks { table, list, under })
    }

    /// Whether there is nothing to check.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Checks a row.
    pub(super) async fn apply(&self, stage: Stage, tx: &mut Transaction, row: &[Datum]) -> Result<()> {
        let Under { snap, params, env } = self.under;
        for (kind, test) in &self.list {
            let due = if matches!(kind, WithCheckKind::Policy { .. }) { Stage::Before } else { Stage::After };
            if due == stage && !matches!(test.one(tx, row, snap, params, env).await?[..], [Datum::Bool(true)]) {
                return Err(self.violation(kind, row));
            }
        }
        Ok(())
    }

    fn violation(&self, kind: &WithCheckKind, row: &[Datum]) -> DbError {
        let (policy, state) = match kind {
            WithCheckKind::View(view) => {
                return DbError::new(
                    SqlState::WITH_CHECK_OPTION_VIOLATION,
                    format!("new row violates check option for view \"{view}\""),
                )
                .detail(format!("Failing row contains ({}).", show_row(self.table, row)));
            }
            WithCheckKind::Policy { policy, state } => (policy, *state),
        };
        let (which, using) = match state {
            RowState::New => ("new", ""),
            RowState::Conflicting => ("new", " (USING expression)"),
            RowState::Target => ("target", " (USING expression)"),
        };
        let named = policy.as_ref().map(|p| format!(" \"{p}\"")).unwrap_or_default();
        DbError::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("{which} row violates row-level security policy{named}{using} for table \"{}\"", self.table.name),
        )
    }
}
