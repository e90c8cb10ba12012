//! CREATE INDEX, REINDEX and DETACH PARTITION with CONCURRENTLY after their first transaction: the index is filled and made
//! valid while others go on writing, the partition detached when nobody sees it in its table any more.
//!
//! Three transactions: the definition, committed as not valid; the fill; the check of uniqueness with the switch to valid.
//! Between them the statement waits, holding nothing (so nobody can wait for it in a circle), for the transactions that
//! were writing the table. What may go wrong in between leaves the index as it is: maintained, not used, to be dropped or
//! rebuilt, as PostgreSQL leaves it. Why that is right is in [`crate::exec::index_build`].

use super::Session;
use crate::ddl::reindex_beside::{self, Rebuild};
use crate::ddl::{self, DdlCx};
use crate::exec::index_build::{check_beside, fill_beside, finish_beside};
use futures::future::{Either, select};
use rustydb_base::Result;
use rustydb_storage::lock::{LockMode, LockTarget};
use std::pin::pin;
use std::sync::Arc;

impl Session {
    /// Completes an index whose definition is made in the open transaction; leaves another one open.
    pub(super) async fn complete_index(&mut self, table: u32, index: u32) -> Result<()> {
        let eval = self.eval();
        self.commit().await?;
        self.outlast_writers(table).await?;
        self.ensure_transaction().await?;
        let Some(from) = fill_beside(self.tx()?, &eval, table, index).await? else { return Ok(()) };
        self.commit().await?;
        self.outlast_writers(table).await?;
        self.ensure_transaction().await?;
        finish_beside(self.tx()?, &eval, table, index, from).await
    }

    /// Completes a REINDEX whose shadows are made in the open transaction; leaves another one open.
    pub(super) async fn complete_reindex(&mut self, mut all: Vec<Rebuild>) -> Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        let eval = self.eval();
        let mut tables: Vec<u32> = all.iter().map(|r| r.table).collect();
        tables.dedup();
        self.commit().await?;
        for t in &tables {
            self.outlast_writers(*t).await?;
        }
        for r in &mut all {
            self.ensure_transaction().await?;
            if let Some(from) = fill_beside(self.tx()?, &eval, r.table, r.shadow).await? {
                r.from = from;
            }
            self.commit().await?;
        }
        for t in &tables {
            self.outlast_writers(*t).await?;
        }
        self.ensure_transaction().await?;
        for r in all.iter().filter(|r| r.from > 0) {
            check_beside(self.tx()?, &eval, r.table, r.shadow).await?;
            reindex_beside::swap(self.tx()?, r).await?;
        }
        self.commit().await?;
        // Whoever still reads an old file holds its table.
        for t in &tables {
            self.outlast(*t, LockMode::AccessExclusive).await?;
        }
        self.ensure_transaction().await?;
        let mut files = Vec::with_capacity(all.len());
        for r in &all {
            files.extend(reindex_beside::forget(self.tx()?, r).await?);
        }
        self.commit().await?;
        // And whoever still maintains it, by a definition of before.
        for t in &tables {
            self.outlast(*t, LockMode::AccessExclusive).await?;
        }
        self.ensure_transaction().await?;
        for f in files {
            self.tx()?.drop_files(f).await?;
        }
        Ok(())
    }

    /// Detaches a partition that the open transaction has marked; leaves another one open.
    pub(super) async fn complete_detach(&mut self, parent: u32, part: u32, text: &str) -> Result<()> {
        self.commit().await?;
        // Whoever uses the partitioned table may see the partition in it.
        self.outlast(parent, LockMode::AccessExclusive).await?;
        self.ensure_transaction().await?;
        let (eval, env, role) = (self.eval(), self.env(), self.shared.user_oid());
        let catalog = Arc::clone(self.tx()?.refresh_catalog());
        let path = self.path(&catalog).to_vec();
        let mut cx = DdlCx::new(self.tx()?, path, role, &eval, &env, text, false);
        Box::pin(ddl::finish_detach(&mut cx, parent, part)).await?;
        self.tx()?.next_command();
        Ok(())
    }

    /// Waits for the end of every transaction that may be writing a table now.
    async fn outlast_writers(&mut self, table: u32) -> Result<()> {
        self.outlast(table, LockMode::Share).await
    }

    /// Waits for the end of every transaction that holds a table in a mode that conflicts with `mode` now.
    async fn outlast(&mut self, table: u32, mode: LockMode) -> Result<()> {
        let target = LockTarget::Relation { db: self.db.oid, oid: table };
        let locks = Arc::clone(self.engine.store().locks());
        let (wait, stop) =
            (pin!(locks.outlast(self.store.lock_owner(), target, mode)), pin!(self.shared.interrupt.raised()));
        match select(wait, stop).await {
            Either::Left(_) => Ok(()),
            Either::Right((e, _)) => Err(e),
        }
    }
}
