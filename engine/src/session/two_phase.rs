//! PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED; see [`crate::two_phase`].
//!
//! Left out: transactions that have changed the catalog cannot be prepared (0A000).

use super::Session;
use super::kernels::session;
use super::txn::Block;
use crate::catalog::Persistence;
use crate::two_phase::Words;
use rustydb_base::{DbError, Result};
use rustydb_storage::lock::{LockMode, LockTarget};
use rustydb_storage::store::CommitOptions;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use std::sync::Arc;

impl Session {
    /// PREPARE TRANSACTION.
    pub(super) async fn prepare_transaction(&mut self, gid: &str) -> Result<String> {
        match self.tx.block {
            Block::Open => {}
            Block::Failed => {
                self.roll_back().await?;
                return Ok("ROLLBACK".into());
            }
            Block::Idle | Block::Implicit => {
                self.no_transaction();
                return Ok("ROLLBACK".into());
            }
        }
        match self.prepare_open(gid).await {
            Ok(()) => {
                self.engine.statistics.prepared(gid, self.shared.tally.prepare());
                self.prepared_block();
                Ok("PREPARE TRANSACTION".into())
            }
            Err(e) => {
                self.roll_back().await?;
                Err(e)
            }
        }
    }

    async fn prepare_open(&mut self, gid: &str) -> Result<()> {
        self.check_deferred().await?;
        if self.portals.values().any(super::rows::Portal::will_be_held) {
            return Err(DbError::unsupported("cannot PREPARE a transaction that has created a cursor WITH HOLD"));
        }
        if !self.shared.notifications.pending.lock().is_empty() {
            return Err(DbError::unsupported(
                "cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY",
            ));
        }
        if self.shared.snapshots.any() {
            return Err(DbError::unsupported("cannot PREPARE a transaction that has exported snapshots"));
        }
        let engine = Arc::clone(&self.engine);
        let tx = self.tx()?;
        let temporary = |l: &(LockTarget, LockMode)| {
            let LockTarget::Relation { oid, .. } = l.0 else { return false };
            tx.catalog.relation(oid).is_some_and(|r| r.persistence == Persistence::Temporary)
        };
        if engine.locks().kept(tx.lock_owner())?.iter().any(temporary) {
            return Err(DbError::unsupported("cannot PREPARE a transaction that has operated on temporary objects"));
        }
        let words = Words {
            gid: gid.to_owned(),
            owner: self.shared.user_oid(),
            database: self.db.oid,
            at: self.statement_start,
        };
        let most = self.shared.settings(|s| usize::try_from(s.int("max_prepared_transactions")).unwrap_or(0));
        self.engine.prepared.claim(&words, most)?;
        match self.hand_over(&words).await {
            Ok(()) => Ok(()),
            Err(e) => {
                self.engine.prepared.forget(gid);
                Err(e)
            }
        }
    }

    /// From here on the transaction is no longer this session's, unless this fails.
    async fn hand_over(&mut self, words: &Words) -> Result<()> {
        let tx = self.tx()?;
        if tx.has_catalog_changes() {
            return Err(DbError::unsupported(
                "PREPARE TRANSACTION of a transaction that has changed the catalog is not supported yet",
            ));
        }
        let (prepared, lsn) = tx.txn.prepare(&words.encode()).await?;
        self.shared.gate.depends_on(lsn);
        self.engine.prepared.settle(&words.gid, prepared);
        Ok(())
    }

    /// COMMIT PREPARED and ROLLBACK PREPARED.
    pub(super) async fn finish_prepared(&mut self, gid: &str, commit: bool) -> Result<String> {
        let tag = if commit { "COMMIT PREPARED" } else { "ROLLBACK PREPARED" };
        self.must_be_alone(tag)?;
        let me = self.shared.user();
        let mut p = self.engine.prepared.take(gid, me.oid, me.superuser, self.db.oid)?;
        let done = if commit {
            p.commit(CommitOptions::default()).await.map(|c| c.lsn.max(c.dep_lsn))
        } else {
            p.roll_back().await
        };
        match done {
            Ok(lsn) => {
                self.engine.prepared.forget(gid);
                self.shared.tally.finish(self.engine.statistics.take_prepared(gid), commit);
                self.shared.gate.depends_on(lsn);
                Ok(tag.into())
            }
            Err(e) => {
                self.engine.prepared.give_back(gid, p);
                Err(e)
            }
        }
    }
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn prepared_xact(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let all = session(ctx)?.engine.prepared.list();
    Ok(Box::new(all.into_iter().map(|p| {
        Ok(vec![
            Datum::Oid(p.xid as u32),
            Datum::Text(p.words.gid.into()),
            Datum::TimestampTz(p.words.at),
            Datum::Oid(p.words.owner),
            Datum::Oid(p.words.database),
        ])
    })))
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[Kernel { name: "pg_prepared_xact", body: KernelBody::Set(prepared_xact) }];
