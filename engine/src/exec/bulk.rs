//! Bulk insertion (COPY FROM, CREATE TABLE AS): rows are made ready in batches by [`BulkRows`], which touches no storage
//! and may run in a task of its own, and stored by [`BulkInsert`] in the session's transaction.

use super::dml::Checks;
use super::eval::Env;
use super::exclude;
use super::fk::ForeignKeys;
use super::partition::{self, PartitionRt};
use super::run::StatementEnv;
use super::table::{EncodedRow, RowKey, TableRt, borrow_keys};
use crate::catalog::{Catalog, Relation};
use crate::plan::ir::Insert;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::TableLockMode;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows per batch.
const BATCH_ROWS: usize = 1000;
/// Encoded bytes after which a batch is complete before it has so many rows.
const BATCH_BYTES: usize = 256 * 1024;
/// Encoded bytes that the incomplete batches of all partitions may hold.
const HELD_BYTES: usize = 8 << 20;

/// Rows that are checked and encoded.
#[derive(Default)]
pub struct Batch {
    /// The table they are for.
    rt: Option<Arc<TableRt>>,
    rows: Vec<Vec<Datum>>,
    /// Row images; empty for those in `big`.
    images: Vec<Vec<u8>>,
    /// Rows with values that go to the overflow file first.
    big: Vec<(usize, EncodedRow)>,
    /// Of all indexes, row after row.
    keys: Vec<Option<RowKey>>,
    bytes: usize,
    /// Of partitions: the definitions by which the rows were sent to their table.
    routed_in: Option<Arc<Catalog>>,
}

/// Makes batches of a table's rows.
pub struct BulkRows {
    /// One per table that rows go to.
    lanes: Vec<Lane>,
    router: Option<Router>,
    eval: Arc<EvalCtx>,
    /// Bytes in all batches that are not complete.
    held: usize,
}

/// A table that rows go to, and its next batch.
struct Lane {
    rt: Arc<TableRt>,
    /// Of a table without relatives; the others have theirs with them.
    checks: Option<Checks>,
    batch: Batch,
}

/// How a partition's or a partitioned table's rows find their table.
struct Router {
    root: Arc<Relation>,
    catalog: Arc<Catalog>,
    parts: HashMap<u32, Arc<PartitionRt>>,
    lanes: HashMap<u32, usize>,
}

impl Router {
    fn part(&self, rel: &Relation) -> Result<Arc<PartitionRt>> {
        self.parts.get(&rel.oid).cloned().ok_or_else(|| DbError::internal("a partitioned table is not prepared"))
    }

    /// The lane of a row, and the row as its table has it.
    fn route(&self, eval: &EvalCtx, row: Vec<Datum>) -> Result<(usize, Vec<Datum>)> {
        let parts = |r: &Arc<Relation>| self.part(r);
        let (leaf, row) = partition::leaf_of(&self.catalog, &parts, eval, &self.root, &row)?;
        let lane = self.lanes.get(&leaf.oid).copied();
        lane.map(|l| (l, row)).ok_or_else(|| DbError::internal("a partition is not prepared"))
    }

    /// 23514 unless a row fits the partition that it was given to.
    fn check(&self, eval: &EvalCtx, row: &[Datum]) -> Result<()> {
        let parts = |r: &Arc<Relation>| self.part(r);
        if self.root.bound.is_none() || partition::fits(&self.catalog, &parts, eval, &self.root, row)? {
            return Ok(());
        }
        Err(partition::misfit(&self.root, &partition::show_row(&self.root, row)))
    }
}

impl BulkRows {
    /// For a statement bound as `INSERT INTO table (columns) …`: its checks and generated columns apply.
    pub fn new(tx: &Transaction, i: &Insert, env: &StatementEnv) -> Result<BulkRows> {
        let eval = Arc::clone(&env.eval);
        let lane = |rt: Arc<TableRt>, checks| Lane { rt, checks, batch: Batch::default() };
        if !i.table.is_partitioned() && i.table.bound.is_none() {
            let checks = Checks::new(&i.checks, &i.generated, &i.row)?;
            let lanes = vec![lane(tx.table(&eval, &i.table)?, Some(checks))];
            return Ok(BulkRows { lanes, router: None, eval, held: 0 });
        }
        let (mut lanes, mut at, mut parts) = (Vec::new(), HashMap::new(), HashMap::new());
        for up in tx.catalog.partition_ancestors(&i.table) {
            parts.insert(up.oid, tx.partition(&eval, &up)?);
        }
        for oid in tx.catalog.tree(i.table.oid) {
            let Some(rel) = tx.catalog.relation(oid) else { continue };
            if rel.is_partitioned() {
                parts.insert(oid, tx.partition(&eval, rel)?);
            } else {
                at.insert(oid, lanes.len());
                lanes.push(lane(tx.table(&eval, rel)?, None));
            }
        }
        let router = Router { root: Arc::clone(&i.table), catalog: Arc::clone(&tx.catalog), parts, lanes: at };
        Ok(BulkRows { lanes, router: Some(router), eval, held: 0 })
    }

    /// Adds a row: one value per attribute number of the table, defaults filled in. Answers a batch when one is complete.
    pub fn push(&mut self, mut row: Vec<Datum>) -> Result<Option<Batch>> {
        let env = Env { ctx: &self.eval, params: &[] };
        let mut at = 0;
        if let Some(r) = &self.router {
            r.check(&self.eval, &row)?;
            (at, row) = r.route(&self.eval, row)?;
        }
        let Some(lane) = self.lanes.get_mut(at) else { return Err(DbError::internal("rows without a table")) };
        if let Some(checks) = lane.checks.as_ref().or(lane.rt.own.as_ref()) {
            checks.apply(&lane.rt, env, &mut row)?;
        }
        let before = lane.batch.bytes;
        lane.add(env, row)?;
        self.held += lane.batch.bytes - before;
        let full = lane.batch.rows.len() >= BATCH_ROWS || lane.batch.bytes >= BATCH_BYTES || self.held >= HELD_BYTES;
        Ok(if full { self.take(at) } else { None })
    }

    fn take(&mut self, at: usize) -> Option<Batch> {
        let lane = self.lanes.get_mut(at)?;
        let mut batch = std::mem::take(&mut lane.batch);
        self.held -= batch.bytes;
        batch.rt = Some(Arc::clone(&lane.rt));
        batch.routed_in = self.router.as_ref().map(|r| Arc::clone(&r.catalog));
        (!batch.rows.is_empty()).then_some(batch)
    }

    /// Rows that are no complete batch yet, of one table after the other.
    pub fn rest(&mut self) -> Option<Batch> {
        let at = self.lanes.iter().position(|l| !l.batch.rows.is_empty())?;
        self.take(at)
    }
}

impl Lane {
    /// Adds a row that has passed the checks.
    fn add(&mut self, env: Env<'_>, row: Vec<Datum>) -> Result<()> {
        let encoded = self.rt.encode(&row)?;
        let (layout, values) = (self.rt.desc.layout.current(), encoded.values());
        let mut image = Vec::new();
        let fits = layout.fits(&values);
        self.batch.bytes += layout.encoded_len(&values);
        if fits {
            image.reserve_exact(layout.encoded_len(&values));
            layout.encode(&values, &mut image)?;
        }
        for index in &self.rt.indexes {
            self.batch.keys.push(index.key(env, &row, &self.rt)?);
        }
        if !fits {
            self.batch.big.push((self.batch.rows.len(), encoded));
        }
        self.batch.images.push(image);
        self.batch.rows.push(row);
        Ok(())
    }
}

/// Stores batches, page by page.
pub struct BulkInsert {
    env: StatementEnv,
    fks: ForeignKeys,
    count: u64,
}

impl BulkInsert {
    /// Stores what a [`BulkRows`] makes.
    pub fn new(env: StatementEnv) -> BulkInsert {
        BulkInsert { env, fks: ForeignKeys::default(), count: 0 }
    }

    /// Stores a batch; 23505 if a key is taken.
    pub async fn store(&mut self, tx: &mut Transaction, mut batch: Batch) -> Result<()> {
        self.env.cancel.check()?;
        let mut rt = batch.rt.take().ok_or_else(|| DbError::internal("a batch without a table"))?;
        if rt.rel.bound.is_some() {
            tx.lock_table(rt.rel.oid, TableLockMode::RowExclusive, false).await?;
            let now = Arc::clone(tx.refresh_catalog());
            if !batch.routed_in.as_ref().is_some_and(|c| Arc::ptr_eq(c, &now)) {
                (rt, batch) = self.look_again(tx, &rt, batch)?;
            }
        }
        for (row, encoded) in &batch.big {
            if let Some(image) = batch.images.get_mut(*row) {
                tx.txn.encode(&rt.desc, &encoded.values(), image).await?;
            }
        }
        let stored = tx.txn.insert_batch(&rt.desc, &batch.images, &borrow_keys(&batch.keys)).await?;
        let rids = stored.map_err(|d| super::dml::refused(tx, &rt, &self.env.eval, &d, &batch.rows[d.row]))?;
        let n = rt.indexes.len();
        for (i, (r, rid)) in batch.rows.iter().zip(rids).enumerate() {
            self.fks.keys(tx, &rt, r, batch.keys.get(i * n..(i + 1) * n).unwrap_or_default()).await?;
            exclude::stored(tx, &rt, &self.env, rid, r, &mut self.fks).await?;
            self.fks.child(&rt, rid, r);
        }
        self.count += batch.rows.len() as u64;
        self.fks.relieve(tx, &self.env).await
    }

    /// A partition's batch by the definitions of now, under the partition's lock: it may have got an index, and rows may
    /// belong to a partition that has come meanwhile, which is an error.
    fn look_again(&self, tx: &Transaction, rt: &TableRt, batch: Batch) -> Result<(Arc<TableRt>, Batch)> {
        let eval = &self.env.eval;
        let gone = || DbError::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", rt.rel.name));
        let rel = tx.catalog.relation(rt.rel.oid).cloned().ok_or_else(gone)?;
        let mut lane = Lane { rt: tx.table(eval, &rel)?, checks: None, batch: Batch::default() };
        let env = Env { ctx: eval, params: &[] };
        for mut row in batch.rows {
            row.resize(rel.columns.len(), Datum::Null);
            if !partition::fits(&tx.catalog, &|r| tx.partition(eval, r), eval, &rel, &row)? {
                return Err(partition::misfit(&rel, &partition::show_row(&rel, &row)));
            }
            lane.add(env, row)?;
        }
        Ok((lane.rt, lane.batch))
    }

    /// Checks the foreign keys. Answers the number of rows.
    pub async fn finish(mut self, tx: &mut Transaction) -> Result<u64> {
        self.fks.check(tx, &self.env).await?;
        Ok(self.count)
    }
}
