//! Constraint checks that wait for the end of the transaction, and SET CONSTRAINTS.
//!
//! A statement's checks of deferrable constraints move here instead of being made when the statement ends
//! ([`ForeignKeys::check`]). They are made at commit, or when SET CONSTRAINTS makes their constraint immediate.
//!
//! A check that was made may have to be made again: if the savepoint inside which it was made is rolled back, so is what
//! it relied upon. So it stays in the list, marked with the savepoint's number, and a rollback takes the mark away. What
//! was queued inside goes with the rollback.
//!
//! Bound: [`MOST`] checks. Before that, those queued since the last savepoint that have nothing to find any more are
//! dropped ([`ForeignKeys::relieve_deferred`]); a list that is too long even so ends the statement (53200).

use super::fk::{ForeignKeys, Task, pick, relation};
use super::run::StatementEnv;
use super::tables::decode_row;
use crate::transaction::Transaction;
use hashbrown::HashMap;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::heap::RowBuf;
use std::sync::Arc;

/// Checks a transaction may have put off.
const MOST: usize = 4_000_000;
/// Checks put off before any is looked at early.
const RELIEVE: usize = 100_000;

struct Item {
    task: Arc<Task>,
    /// Made in the savepoint with this number.
    made: Option<u64>,
}

/// What SET CONSTRAINTS has said.
#[derive(Clone, Default)]
struct Modes {
    /// For all constraints: whether they are deferred.
    all: Option<bool>,
    /// By constraint.
    named: HashMap<u32, bool>,
}

/// See the module.
#[derive(Default)]
pub struct Deferred {
    items: Vec<Item>,
    modes: Arc<Modes>,
    /// Number of the innermost savepoint.
    serial: u64,
    /// Items from here on were queued after it.
    floor: usize,
    /// Length at which the list is gone through next.
    relieve_at: usize,
    /// The transaction ends: nothing is put off any more.
    ending: bool,
}

/// A place to go back to.
pub struct DeferredMark {
    len: usize,
    serial: u64,
    modes: Arc<Modes>,
}

impl Deferred {
    /// Whether a check is put off.
    pub(super) fn takes(&self, task: &Task) -> bool {
        let c = task.constraint();
        let mode = || self.modes.named.get(&c.oid).copied().or(self.modes.all).unwrap_or(c.deferred);
        !self.ending && task.may_wait() && mode()
    }

    pub(super) fn push(&mut self, task: Task) {
        self.items.push(Item { task: Arc::new(task), made: None });
    }

    /// A savepoint begins.
    pub fn mark(&mut self) -> DeferredMark {
        self.serial += 1;
        self.floor = self.items.len();
        DeferredMark { len: self.items.len(), serial: self.serial, modes: Arc::clone(&self.modes) }
    }

    /// Back to a mark, which stays usable.
    pub fn roll_back(&mut self, to: &DeferredMark) {
        self.items.truncate(to.len);
        for i in &mut self.items {
            i.made = i.made.filter(|s| *s < to.serial);
        }
        self.floor = self.items.len();
        self.modes = Arc::clone(&to.modes);
    }

    /// SET CONSTRAINTS ALL.
    pub fn set_all(&mut self, deferred: bool) {
        self.modes = Arc::new(Modes { all: Some(deferred), named: HashMap::new() });
    }

    /// SET CONSTRAINTS of one constraint.
    pub fn set(&mut self, constraint: u32, deferred: bool) {
        Arc::make_mut(&mut self.modes).named.insert(constraint, deferred);
    }

    /// Whether checks of a table's rows are still to be made.
    pub fn concerns(&self, table: u32) -> bool {
        self.items.iter().any(|i| i.made.is_none() && i.task.table() == table)
    }

    /// Whether any check is still to be made.
    pub fn is_empty(&self) -> bool {
        self.items.iter().all(|i| i.made.is_some())
    }
}

impl Transaction {
    /// Makes the checks that are not deferred any more: after SET CONSTRAINTS, or all of them because the transaction
    /// `ends`.
    pub async fn make_deferred_checks(&mut self, env: &StatementEnv, ends: bool) -> Result<()> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        self.deferred.ending |= ends;
        self.next_command();
        let mut fks = ForeignKeys::default();
        let mut at = 0;
        while at < self.deferred.items.len() {
            env.cancel.check()?;
            let d = &mut self.deferred;
            let task = Arc::clone(&d.items[at].task);
            if d.items[at].made.is_none() && !d.takes(&task) {
                d.items[at].made = Some(d.serial);
                if self.still_stands(env, &task).await? {
                    fks.perform(self, env, (*task).clone()).await?;
                    // Actions may owe something in turn; what is deferred comes to the end of the list.
                    fks.check(self, env).await?;
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// Whether the row of a check still has the values that were to be checked. If not, whoever changed it has queued a
    /// check of its own.
    async fn still_stands(&mut self, env: &StatementEnv, task: &Task) -> Result<bool> {
        let Task::Child(c, rid, values) = task else { return Ok(true) };
        let table = relation(self, c.table)?;
        let rt = self.table(&env.eval, &table)?;
        let snap = self.latest_snapshot();
        let mut image = RowBuf::new();
        if !self.txn.fetch(&snap, rt.desc.rel, *rid, &mut image).await? {
            return Ok(false);
        }
        let row = decode_row(&mut self.txn, &rt, &image).await?;
        Ok(pick(&row, &c.columns) == *values)
    }
}

impl ForeignKeys {
    /// Shortens a long list of deferred checks.
    pub(super) async fn relieve_deferred(&mut self, tx: &mut Transaction, env: &StatementEnv) -> Result<()> {
        let d = &tx.deferred;
        if d.items.len() - d.floor.min(d.items.len()) < d.relieve_at.max(RELIEVE) {
            return Ok(());
        }
        // Only what a rollback to the innermost savepoint takes away anyhow: what it is judged by goes with it.
        let tail = tx.deferred.items.split_off(tx.deferred.floor);
        for item in tail {
            env.cancel.check()?;
            if item.made.is_some() || !self.settled(tx, env, &item.task).await? {
                tx.deferred.items.push(item);
            }
        }
        let d = &mut tx.deferred;
        d.relieve_at = (d.items.len() - d.floor) * 2;
        if d.items.len() < MOST {
            return Ok(());
        }
        Err(DbError::new(SqlState::OUT_OF_MEMORY, "too many deferred constraint checks in one transaction")
            .hint("Use SET CONSTRAINTS ALL IMMEDIATE from time to time."))
    }
}
