//! What a session does about its temporary objects: at the end of each transaction, at DISCARD, and when it ends.

use super::Session;
use crate::ddl::{self, DdlCx};
use crate::transaction::Transaction;
use parking_lot::Mutex;
use rustydb_base::Result;
use rustydb_parser::ast::OnCommit;
use rustydb_storage::txn::Isolation;
use std::sync::atomic::{AtomicBool, Ordering};

/// The session's temporary objects, as far as the catalog does not say.
pub struct TempState {
    /// The number in the name of their schema.
    pub slot: u32,
    /// The session has made something temporary.
    active: AtomicBool,
    /// The open transaction has written or made something temporary: ON COMMIT DELETE ROWS has something to do.
    used: AtomicBool,
    /// Tables with an ON COMMIT action. A table whose creation was rolled back is taken out at the next commit.
    on_commit: Mutex<Vec<(u32, OnCommit)>>,
}

impl TempState {
    /// Of a new session.
    pub fn new(slot: u32) -> TempState {
        TempState {
            slot,
            active: AtomicBool::new(false),
            used: AtomicBool::new(false),
            on_commit: Mutex::new(Vec::new()),
        }
    }
    /// Whether the session has made something temporary.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }
    /// The session makes something temporary.
    pub fn activate(&self) {
        self.active.store(true, Ordering::Relaxed);
        self.note_use();
    }
    /// The open transaction writes something temporary.
    pub fn note_use(&self) {
        self.used.store(true, Ordering::Relaxed);
    }
    /// A transaction begins.
    pub fn begin(&self) {
        self.used.store(false, Ordering::Relaxed);
    }
    /// A table with an ON COMMIT action was made.
    pub fn note(&self, table: u32, action: OnCommit) {
        self.on_commit.lock().push((table, action));
    }
}

impl Session {
    /// Runs a definition inside the open transaction, as the session's user, without telling its notices.
    async fn quietly(&mut self, emptied: Vec<u32>, dropped: Vec<u32>) -> Result<()> {
        let eval = self.eval();
        let env = self.env();
        let role = self.shared.user_oid();
        let tx = self.tx()?;
        tx.next_command();
        let path = Vec::new();
        let mut cx = DdlCx::new(tx, path, role, &eval, &env, "", true);
        ddl::temp::on_commit(&mut cx, &emptied, &dropped).await
    }

    /// ON COMMIT, just before the transaction commits. Tables are emptied only if the transaction has touched any of them.
    pub(super) async fn temporary_at_commit(&mut self) -> Result<()> {
        if self.shared.temp.on_commit.lock().is_empty() || self.tx.tx.is_none() {
            return Ok(());
        }
        let catalog = std::sync::Arc::clone(self.tx()?.refresh_catalog());
        let (mut emptied, mut dropped) = (Vec::new(), Vec::new());
        {
            let mut list = self.shared.temp.on_commit.lock();
            list.retain(|(t, _)| catalog.relation(*t).is_some());
            for (t, action) in list.iter() {
                match action {
                    OnCommit::Drop => dropped.push(*t),
                    _ if self.shared.temp.used.load(Ordering::Relaxed) => emptied.push(*t),
                    _ => {}
                }
            }
        }
        if emptied.is_empty() && dropped.is_empty() {
            return Ok(());
        }
        Box::pin(self.quietly(emptied, dropped)).await
    }

    /// Drops the session's temporary objects, in a transaction of its own.
    pub(super) async fn drop_temporary(&mut self) -> Result<()> {
        let Some(ns) = self.shared.temp_namespace(&self.db.catalog()) else { return Ok(()) };
        let tx = Transaction::begin(&self.db, &self.store, Isolation::ReadCommitted, false, self.statement_start)?;
        let (eval, env) = (self.eval(), self.env());
        let lsn = ddl::drop_temporary(tx, ns, &eval, &env).await?;
        self.shared.gate.depends_on(lsn);
        self.shared.temp.on_commit.lock().clear();
        Ok(())
    }

    /// DISCARD TEMP inside the open transaction.
    pub(super) async fn discard_temporary(&mut self) -> Result<()> {
        let catalog = std::sync::Arc::clone(self.tx()?.refresh_catalog());
        let Some(ns) = self.shared.temp_namespace(&catalog) else { return Ok(()) };
        let (eval, env) = (self.eval(), self.env());
        let role = self.shared.user_oid();
        let tx = self.tx()?;
        let mut cx = DdlCx::new(tx, Vec::new(), role, &eval, &env, "", true);
        Box::pin(ddl::temp::drop_contents(&mut cx, ns)).await
    }

    /// The last thing of a session: nothing temporary is left, and another may have its number.
    pub(super) async fn end_temporary(&mut self) {
        match Box::pin(self.drop_temporary()).await {
            Ok(()) => self.engine.sessions.free_slot(self.shared.temp.slot),
            Err(e) => tracing::error!("temporary objects of a session could not be dropped: {e}"),
        }
    }
}
