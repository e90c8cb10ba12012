//! `rustydb_check(regclass)`: a table of a running server, its indexes and its big values.
//!
//! The table is locked in SHARE mode until the end of the transaction, so nobody writes it meanwhile; reading goes on.

use super::kernels::session;
use super::sequence::wait_here;
use super::shared::SessionShared;
use crate::catalog::Relation;
use crate::engine::now_micros;
use crate::exec::check::check_table;
use crate::transaction::Transaction;
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_storage::lock::{LockMode, LockTarget, Scope};
use rustydb_storage::txn::Isolation;
use rustydb_storage::verify::Findings;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use std::sync::Arc;

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn gone(oid: u32) -> DbError {
    DbError::new(SqlState::UNDEFINED_TABLE, format!("relation with OID {oid} does not exist"))
}

async fn run(s: &SessionShared, ctx: &EvalCtx, oid: u32) -> Result<(Arc<Relation>, Findings)> {
    let store = s.engine.store();
    let db = s.engine.database_by_oid(s.database_oid).ok_or_else(|| DbError::internal("the database is gone"))?;
    let named = s.catalog().relation(oid).cloned().ok_or_else(|| gone(oid))?;
    let me = s.user();
    if !me.superuser && !crate::acl::check::owns(&s.catalog(), me.oid, named.owner) {
        return Err(DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be owner of table {}", named.name)));
    }
    if named.storage.is_none() && named.sequence.is_none() {
        return Err(DbError::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a table, materialized view, or sequence", named.name),
        ));
    }
    let target = LockTarget::Relation { db: db.oid, oid };
    store.lock_for(&s.locks, &s.wait_rules(), target, LockMode::Share, Scope::Transaction).await?;
    db.published().await;
    // As it is now that nobody can change it.
    let rel = db.catalog().relation(oid).cloned().or_else(|| s.catalog().relation(oid).cloned());
    let rel = rel.ok_or_else(|| gone(oid))?;
    let mut out = Findings::default();
    let quiet = store.quiet().await?;
    if let Some(q) = &rel.sequence {
        store.check_sequence(q.storage, &mut out).await?;
    } else {
        let mut tx = Transaction::begin(&db, &store.session(0), Isolation::ReadCommitted, true, now_micros())?;
        tx.txn.rules.interrupt = s.interrupt.clone();
        let done = check_table(&mut tx, ctx, &rel, &mut out).await;
        tx.abort().await?;
        done?;
    }
    drop(quiet);
    Ok((rel, out))
}

/// The OID under which the catalog knows a file of the table.
fn owner_of(rel: &Relation, file: RelId) -> u32 {
    rel.indexes.iter().find(|i| i.storage == file).map_or(rel.oid, |i| i.oid)
}

fn rustydb_check(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let Some(Datum::Oid(oid)) = args.first() else {
        return Err(DbError::internal("expected a relation"));
    };
    let (rel, found) = wait_here(run(session(ctx)?, ctx, *oid))?;
    let more = found.count() - found.list().len() as u64;
    let mut rows: Vec<Vec<Datum>> = found
        .list()
        .iter()
        .map(|f| {
            vec![
                Datum::Oid(f.rel.map_or(rel.oid, |r| owner_of(&rel, r))),
                f.block.and_then(|b| i64::try_from(b).ok()).map_or(Datum::Null, Datum::Int8),
                Datum::Text(f.reason.as_str().into()),
            ]
        })
        .collect();
    if more > 0 {
        rows.push(vec![Datum::Oid(rel.oid), Datum::Null, Datum::Text(format!("{more} more findings").into())]);
    }
    Ok(Box::new(rows.into_iter().map(Ok)))
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[Kernel { name: "rustydb_check", body: KernelBody::Set(rustydb_check) }];
