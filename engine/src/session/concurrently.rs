//! CREATE INDEX CONCURRENTLY after its first transaction: the index is filled and made valid while others go on writing.
//!
//! Three transactions: the definition, committed as not valid; the fill; the check of uniqueness with the switch to valid.
//! Between them the statement waits, holding nothing (so nobody can wait for it in a circle), for the transactions that
//! were writing the table. What may go wrong in between leaves the index as it is: maintained, not used, to be dropped or
//! rebuilt, as PostgreSQL leaves it. Why that is right is in [`crate::exec::index_build`].

use super::Session;
use crate::exec::index_build::{fill_beside, finish_beside};
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

    /// Waits for the end of every transaction that may be writing a table now.
    async fn outlast_writers(&mut self, table: u32) -> Result<()> {
        let target = LockTarget::Relation { db: self.db.oid, oid: table };
        let locks = Arc::clone(self.engine.store().locks());
        let (wait, stop) = (
            pin!(locks.outlast(self.store.lock_owner(), target, LockMode::Share)),
            pin!(self.shared.interrupt.raised()),
        );
        match select(wait, stop).await {
            Either::Left(_) => Ok(()),
            Either::Right((e, _)) => Err(e),
        }
    }
}
