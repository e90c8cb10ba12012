//! Transaction blocks as PostgreSQL has them.
//!
//! A statement outside a block runs in a transaction of its own; the statements of one simple-query string, and those
//! between two Syncs of the extended protocol, share an implicit one. BEGIN turns whichever is running into a block. An
//! error undoes at once what it must (to the innermost savepoint, else everything, so that locks are given up early) and
//! leaves a block in the failed state until it is ended or rolled back to a savepoint.
//!
//! Invariants: `tx` is there exactly while `block` is neither `Idle` nor a `Failed` without savepoints; the levels of
//! saved settings are one per transaction plus one per savepoint.

use super::Session;
use super::shared::TxnFacts;
use crate::settings::Settings;
use crate::transaction::{Mark, Transaction};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, TransactionModes};
use rustydb_storage::txn::Isolation;
use std::sync::Arc;

/// Where the transaction block stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Block {
    /// No transaction.
    #[default]
    Idle,
    /// A transaction that ends with its statement, its string, or at Sync.
    Implicit,
    /// Inside BEGIN … COMMIT.
    Open,
    /// Inside a block that failed.
    Failed,
}

struct Savepoint {
    name: String,
    mark: Mark,
    /// Whether the transaction was READ ONLY when it was set.
    read_only: bool,
}

/// The session's transaction.
#[derive(Default)]
pub struct TxState {
    /// Where the block stands.
    pub block: Block,
    /// The transaction.
    pub tx: Option<Transaction>,
    savepoints: Vec<Savepoint>,
    /// A statement that reads or writes data has run: the isolation level is settled.
    pub used: bool,
    /// The statements share the implicit transaction with others of their string.
    pub shared_string: bool,
    /// Work was failed from outside an async method and must still be undone.
    undo_pending: bool,
    /// Modes of the block, for AND CHAIN.
    modes: Modes,
}

/// Modes of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Modes {
    isolation: ast::Isolation,
    read_only: bool,
    deferrable: bool,
}

impl Modes {
    /// Those that the settings give a transaction.
    pub fn defaults(s: &Settings) -> Modes {
        Modes {
            isolation: super::set::isolation_named(s.get("default_transaction_isolation")),
            read_only: s.is_on("default_transaction_read_only"),
            deferrable: s.is_on("default_transaction_deferrable"),
        }
    }

    fn facts(self) -> TxnFacts {
        TxnFacts { read_only: self.read_only, isolation: self.isolation.as_str(), deferrable: self.deferrable, xid: 0 }
    }
}

impl Default for Modes {
    fn default() -> Modes {
        Modes { isolation: ast::Isolation::ReadCommitted, read_only: false, deferrable: false }
    }
}

/// 25P02.
pub fn aborted() -> DbError {
    DbError::new(
        SqlState::IN_FAILED_SQL_TRANSACTION,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}

fn outside(what: &str) -> DbError {
    DbError::new(SqlState::NO_ACTIVE_SQL_TRANSACTION, format!("{what} can only be used in transaction blocks"))
}

fn level(i: ast::Isolation) -> Isolation {
    match i {
        // PostgreSQL runs READ UNCOMMITTED as READ COMMITTED, too.
        ast::Isolation::ReadUncommitted | ast::Isolation::ReadCommitted => Isolation::ReadCommitted,
        ast::Isolation::RepeatableRead => Isolation::RepeatableRead,
        ast::Isolation::Serializable => Isolation::Serializable,
    }
}

impl TxState {
    /// Savepoints open.
    pub fn depth(&self) -> usize {
        self.savepoints.len()
    }

    /// Status byte of ReadyForQuery.
    pub fn status(&self) -> u8 {
        match self.block {
            Block::Idle | Block::Implicit => b'I',
            Block::Open => b'T',
            Block::Failed => b'E',
        }
    }
}

impl Session {
    /// The open transaction.
    pub(crate) fn tx(&mut self) -> Result<&mut Transaction> {
        let tx = self.tx.tx.as_mut().ok_or_else(|| DbError::internal("no transaction is open"))?;
        if let Some(t) = self.limits.deadlock_timeout {
            tx.txn.rules.deadlock_timeout = t;
        }
        Ok(tx)
    }

    /// Whether the statement runs in an explicit block, or in an implicit one that other statements share.
    pub(crate) fn in_block(&self) -> bool {
        matches!(self.tx.block, Block::Open | Block::Failed) || self.tx.shared_string
    }

    /// 25001 for statements that must be alone.
    pub(crate) fn must_be_alone(&self, what: &str) -> Result<()> {
        if !self.in_block() {
            return Ok(());
        }
        Err(DbError::new(SqlState::ACTIVE_SQL_TRANSACTION, format!("{what} cannot run inside a transaction block")))
    }

    /// 25P01 for statements that make sense only inside a block.
    pub(crate) fn must_be_in_block(&self, what: &str) -> Result<()> {
        if self.in_block() { Ok(()) } else { Err(outside(what)) }
    }

    /// Starts a transaction if none is open, and makes sure the failed one is undone.
    pub(crate) async fn ensure_transaction(&mut self) -> Result<()> {
        self.finish_undo().await;
        if self.tx.block == Block::Idle {
            self.read_limits();
            self.begin(self.limits.modes)?;
        }
        Ok(())
    }

    fn begin(&mut self, modes: Modes) -> Result<()> {
        let start = self.statement_start;
        let mut tx = Transaction::begin(&self.db, &self.store, level(modes.isolation), modes.read_only, start)?;
        tx.deferrable = modes.deferrable;
        tx.txn.rules.interrupt = self.shared.interrupt.clone();
        tx.tally = Some(Arc::clone(&self.shared.tally));
        self.shared.push_level();
        self.shared.set_catalog(&tx.catalog);
        self.tx.tx = Some(tx);
        self.tx.block = Block::Implicit;
        self.tx.used = false;
        self.shared.temp.begin();
        self.tx.modes = modes;
        self.publish_modes();
        Ok(())
    }

    fn publish_modes(&self) {
        self.shared.note_transaction(self.tx.tx.as_ref().map(|t| t.start));
        self.shared.set_facts(self.tx.modes.facts());
    }

    /// Kernels outside a transaction see the defaults.
    pub(super) fn publish_defaults(&mut self) {
        self.shared.snapshots.end(&self.engine.exports);
        self.shared.note_transaction(None);
        self.read_limits();
        self.shared.set_facts(self.limits.modes.facts());
    }

    /// Ends the implicit transaction, if that is what is open.
    pub(crate) async fn end_implicit(&mut self) -> Result<()> {
        if self.tx.block == Block::Implicit {
            self.commit().await?;
        }
        Ok(())
    }

    /// Commits whatever is open and forgets the block.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        self.tx.block = Block::Idle;
        self.tx.savepoints.clear();
        self.tx.shared_string = false;
        let held = match self.check_deferred().await {
            Ok(()) => self.hold_cursors().await,
            Err(e) => Err(e),
        };
        let held = match held {
            Ok(()) => self.temporary_at_commit().await,
            Err(e) => Err(e),
        };
        self.portals.retain(|_, p| p.survives_commit());
        let Some(tx) = self.tx.tx.take() else {
            self.shared.roll_back_level(0);
            self.publish_defaults();
            return Ok(());
        };
        if let Err(e) = held {
            self.shared.roll_back_level(0);
            self.publish_defaults();
            tx.abort().await?;
            return Err(e);
        }
        let done = if self.shared.notifications.pending.lock().is_empty() {
            tx.commit().await
        } else {
            self.commit_notifying(tx).await
        };
        match done {
            Ok(lsn) => {
                // With synchronous_commit off the client may hear of it before it is durable.
                self.read_limits();
                if !self.limits.async_commit {
                    self.shared.gate.depends_on(lsn);
                }
                self.shared.commit_levels();
                self.publish_defaults();
                Ok(())
            }
            Err(e) => {
                self.shared.roll_back_level(0);
                self.publish_defaults();
                Err(e)
            }
        }
    }

    /// Rolls back whatever is open and forgets the block.
    pub(crate) async fn roll_back(&mut self) -> Result<()> {
        self.tx.block = Block::Idle;
        self.tx.shared_string = false;
        self.undo_all().await
    }

    /// Undoes the whole transaction; the block stays as it is.
    async fn undo_all(&mut self) -> Result<()> {
        self.tx.savepoints.clear();
        self.tx.undo_pending = false;
        self.portals.retain(|_, p| p.survives_rollback());
        self.shared.roll_back_level(0);
        self.publish_defaults();
        match self.tx.tx.take() {
            Some(tx) => tx.abort().await,
            None => Ok(()),
        }
    }

    /// A statement failed: undoes what it must and moves the block on.
    pub(crate) async fn failed(&mut self) {
        match self.tx.block {
            Block::Idle => {}
            Block::Implicit => {
                self.tx.block = Block::Idle;
                self.tx.shared_string = false;
                self.log_undo_error().await;
            }
            Block::Open => {
                self.tx.block = Block::Failed;
                self.undo_to_innermost().await;
            }
            Block::Failed => {}
        }
    }

    async fn log_undo_error(&mut self) {
        if let Err(e) = self.undo_all().await {
            tracing::error!("rollback failed: {e}");
        }
    }

    async fn undo_to_innermost(&mut self) {
        let depth = self.tx.savepoints.len();
        self.portals.retain(|_, p| p.survives_rollback() || p.depth < depth);
        let (Some(tx), Some(s)) = (self.tx.tx.as_mut(), self.tx.savepoints.last()) else {
            self.log_undo_error().await;
            return;
        };
        if let Err(e) = tx.rollback_to(&s.mark).await {
            tracing::error!("rollback to savepoint failed: {e}");
            self.log_undo_error().await;
            return;
        }
        self.shared.roll_back_level(depth);
        self.shared.push_level();
    }

    /// The same from outside an async method: the undoing is left for later.
    pub(crate) fn fail_now(&mut self) {
        match self.tx.block {
            Block::Idle | Block::Failed => {}
            Block::Implicit => self.tx.undo_pending = true,
            Block::Open => {
                self.tx.block = Block::Failed;
                self.tx.undo_pending = true;
            }
        }
    }

    /// Does what [`Session::fail_now`] left.
    pub(crate) async fn finish_undo(&mut self) {
        if !std::mem::take(&mut self.tx.undo_pending) {
            return;
        }
        match self.tx.block {
            Block::Implicit => {
                self.tx.block = Block::Idle;
                self.tx.shared_string = false;
                Box::pin(self.log_undo_error()).await;
            }
            Block::Failed => Box::pin(self.undo_to_innermost()).await,
            Block::Idle | Block::Open => {}
        }
    }

    /// Runs a transaction statement; answers its command tag.
    pub(crate) async fn transaction_statement(&mut self, t: &ast::Transaction) -> Result<String> {
        let explicit = matches!(self.tx.block, Block::Open | Block::Failed);
        match t {
            ast::Transaction::Begin { modes, start } => {
                if explicit {
                    self.shared.warning(SqlState::ACTIVE_SQL_TRANSACTION, "there is already a transaction in progress");
                } else {
                    self.ensure_transaction().await?;
                    self.tx.block = Block::Open;
                }
                self.set_modes(modes).await?;
                Ok(if *start { "START TRANSACTION" } else { "BEGIN" }.into())
            }
            ast::Transaction::Commit { chain } => {
                if *chain && !explicit {
                    return Err(outside("COMMIT AND CHAIN"));
                }
                let modes = self.tx.modes;
                let failed = self.tx.block == Block::Failed;
                if failed {
                    self.roll_back().await?;
                } else {
                    if !explicit {
                        self.no_transaction();
                    }
                    self.commit().await?;
                }
                self.chain(*chain, modes)?;
                Ok(if failed { "ROLLBACK" } else { "COMMIT" }.into())
            }
            ast::Transaction::Rollback { chain } => {
                if *chain && !explicit {
                    return Err(outside("ROLLBACK AND CHAIN"));
                }
                if !explicit {
                    self.no_transaction();
                }
                let modes = self.tx.modes;
                self.roll_back().await?;
                self.chain(*chain, modes)?;
                Ok("ROLLBACK".into())
            }
            ast::Transaction::Savepoint(name) => {
                if self.tx.block != Block::Open {
                    return Err(outside("SAVEPOINT"));
                }
                let mark = self.tx()?.mark();
                self.tx.savepoints.push(Savepoint {
                    name: name.value.clone(),
                    mark,
                    read_only: self.tx.modes.read_only,
                });
                self.shared.push_level();
                Ok("SAVEPOINT".into())
            }
            ast::Transaction::Release(name) => {
                if self.tx.block != Block::Open {
                    return Err(outside("RELEASE SAVEPOINT"));
                }
                let at = self.savepoint(&name.value)?;
                self.restore_access(at);
                self.tx.savepoints.truncate(at);
                self.shared.release_level(at + 1);
                for p in self.portals.values_mut() {
                    p.depth = p.depth.min(at);
                }
                Ok("RELEASE".into())
            }
            ast::Transaction::RollbackTo(name) => {
                if !explicit {
                    return Err(outside("ROLLBACK TO SAVEPOINT"));
                }
                let at = self.savepoint(&name.value)?;
                self.tx.savepoints.truncate(at + 1);
                self.portals.retain(|_, p| p.survives_rollback() || p.depth <= at);
                let TxState { tx, savepoints, .. } = &mut self.tx;
                let (Some(tx), Some(s)) = (tx.as_mut(), savepoints.last()) else {
                    return Err(DbError::internal("a savepoint without a transaction"));
                };
                tx.rollback_to(&s.mark).await?;
                self.shared.roll_back_level(at + 1);
                self.shared.push_level();
                self.tx.block = Block::Open;
                self.restore_access(at);
                Ok("ROLLBACK".into())
            }
            ast::Transaction::Prepare(gid) => self.prepare_transaction(gid).await,
            ast::Transaction::CommitPrepared(gid) => self.finish_prepared(gid, true).await,
            ast::Transaction::RollbackPrepared(gid) => self.finish_prepared(gid, false).await,
        }
    }

    /// The block's transaction has been prepared: the session has none any more.
    pub(super) fn prepared_block(&mut self) {
        self.tx.block = Block::Idle;
        self.tx.shared_string = false;
        self.tx.savepoints.clear();
        self.tx.tx = None;
        self.portals.retain(|_, p| p.survives_commit());
        self.shared.commit_levels();
        self.publish_defaults();
    }

    pub(super) fn no_transaction(&self) {
        self.shared.warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
    }

    /// READ ONLY set since a savepoint lasts no longer than what it begins.
    fn restore_access(&mut self, savepoint: usize) {
        let Some(read_only) = self.tx.savepoints.get(savepoint).map(|s| s.read_only) else { return };
        self.tx.modes.read_only = read_only;
        if let Some(tx) = self.tx.tx.as_mut() {
            tx.read_only = read_only;
        }
        self.publish_modes();
    }

    fn chain(&mut self, chain: bool, modes: Modes) -> Result<()> {
        if chain {
            self.begin(modes)?;
            self.tx.block = Block::Open;
        }
        Ok(())
    }

    /// The innermost savepoint of a name.
    fn savepoint(&self, name: &str) -> Result<usize> {
        self.tx.savepoints.iter().rposition(|s| s.name == name).ok_or_else(|| {
            DbError::new(SqlState::S_E_INVALID_SPECIFICATION, format!("savepoint \"{name}\" does not exist"))
        })
    }

    /// SET TRANSACTION, and the modes of BEGIN.
    pub(crate) async fn set_transaction(&mut self, modes: &TransactionModes) -> Result<()> {
        if !self.in_block() {
            self.shared
                .warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET TRANSACTION can only be used in transaction blocks");
        }
        self.set_modes(modes).await
    }

    /// Takes the modes over that are given.
    pub(super) async fn set_modes(&mut self, m: &TransactionModes) -> Result<()> {
        let settled = |what: String| DbError::new(SqlState::ACTIVE_SQL_TRANSACTION, what);
        let mut new = self.tx.modes;
        if let Some(i) = m.isolation
            && i != new.isolation
        {
            if self.tx.used {
                return Err(settled("SET TRANSACTION ISOLATION LEVEL must be called before any query".into()));
            }
            if self.tx.depth() > 0 {
                return Err(settled("SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction".into()));
            }
            new.isolation = i;
        }
        if let Some(ro) = m.read_only {
            if !ro && new.read_only {
                if self.tx.depth() > 0 {
                    return Err(settled(
                        "cannot set transaction read-write mode inside a read-only transaction".into(),
                    ));
                }
                if self.tx.used {
                    return Err(settled("transaction read-write mode must be set before any query".into()));
                }
            }
            new.read_only = ro;
        }
        if let Some(d) = m.deferrable {
            if self.tx.used {
                return Err(settled("SET TRANSACTION [NOT] DEFERRABLE must be called before any query".into()));
            }
            new.deferrable = d;
        }
        let changes_level = level(new.isolation) != level(self.tx.modes.isolation);
        if changes_level {
            // Nothing has been read or locked yet, so another transaction can take this one's place.
            let start = self.tx()?.start;
            if let Some(old) = self.tx.tx.take() {
                old.abort().await?;
            }
            let mut tx = Transaction::begin(&self.db, &self.store, level(new.isolation), new.read_only, start)?;
            tx.txn.rules.interrupt = self.shared.interrupt.clone();
            tx.tally = Some(Arc::clone(&self.shared.tally));
            self.tx.tx = Some(tx);
        }
        let tx = self.tx()?;
        (tx.read_only, tx.deferrable) = (new.read_only, new.deferrable);
        self.tx.modes = new;
        self.publish_modes();
        Ok(())
    }

    /// 25006 for a statement that a read-only transaction may not run.
    pub(crate) fn check_read_only(&self, what: &str) -> Result<()> {
        if self.tx.tx.as_ref().is_some_and(|t| t.read_only) {
            return Err(DbError::new(
                SqlState::READ_ONLY_SQL_TRANSACTION,
                format!("cannot execute {what} in a read-only transaction"),
            ));
        }
        Ok(())
    }
}
