//! Bulk insertion (COPY FROM, CREATE TABLE AS): rows are made ready in batches by [`BulkRows`], which touches no storage
//! and may run in a task of its own, and stored by [`BulkInsert`] in the session's transaction.

use super::dml::Checks;
use super::eval::Env;
use super::exclude;
use super::fk::ForeignKeys;
use super::partition::{self, PartitionRt};
use super::run::StatementEnv;
use super::table::{EncodedRow, RowKey, TableRt, borrow_keys};
use crate::catalog::{Catalog, Constraint, ConstraintKind, Relation};
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
    /// Their values, of a table that wants them once the rows are stored ([`Lane::keeps`]).
    rows: Vec<Vec<Datum>>,
    /// Row images, one after the other.
    images: Vec<u8>,
    /// Where each row's image ends. Rows in `big` have none yet.
    ends: Vec<usize>,
    /// Rows with values that go to the overflow file first.
    big: Vec<(usize, EncodedRow)>,
    /// Of all indexes, row after row.
    keys: Vec<Option<RowKey>>,
    bytes: usize,
    /// Of partitions: the definitions by which the rows were sent to their table.
    routed_in: Option<Arc<Catalog>>,
}

impl Batch {
    /// The row images; `big` are those of rows with big values, in the order of the rows.
    fn images<'b>(&'b self, big: &'b [(usize, Vec<u8>)]) -> Vec<&'b [u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut images: Vec<&[u8]> =
            starts.zip(&self.ends).map(|(from, to)| self.images.get(from..*to).unwrap_or(&[])).collect();
        for (row, image) in big {
            if let Some(i) = images.get_mut(*row) {
                *i = image;
            }
        }
        images
    }
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
    /// Whether stored rows are looked at again: for foreign keys and other constraints, or because definitions may have
    /// changed.
    keeps: bool,
    batch: Batch,
    /// Used again from row to row.
    encoded: EncodedRow,
}

impl Lane {
    fn new(rt: Arc<TableRt>, checks: Option<Checks>) -> Lane {
        let foreign = |c: &Arc<Constraint>| matches!(c.kind, ConstraintKind::Foreign { .. });
        let keeps = rt.rel.bound.is_some()
            || rt.rel.constraints.iter().any(foreign)
            || rt.indexes.iter().any(|i| i.deferrable.is_some() || i.exclusion.is_some());
        Lane { rt, checks, keeps, batch: Batch::default(), encoded: EncodedRow::default() }
    }
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
        if !i.table.is_partitioned() && i.table.bound.is_none() {
            let checks = Checks::new(&i.checks, &i.generated, &i.row)?;
            let lanes = vec![Lane::new(tx.table(&eval, &i.table)?, Some(checks))];
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
                lanes.push(Lane::new(tx.table(&eval, rel)?, None));
            }
        }
        let router = Router { root: Arc::clone(&i.table), catalog: Arc::clone(&tx.catalog), parts, lanes: at };
        Ok(BulkRows { lanes, router: Some(router), eval, held: 0 })
    }

    /// Adds a row: one value per attribute number of the table, defaults filled in. Its memory may be taken or left for the
    /// next row. Answers a batch when one is complete.
    pub fn push(&mut self, row: &mut Vec<Datum>) -> Result<Option<Batch>> {
        let env = Env { ctx: &self.eval, params: &[] };
        let mut at = 0;
        if let Some(r) = &self.router {
            r.check(&self.eval, row)?;
            (at, *row) = r.route(&self.eval, std::mem::take(row))?;
        }
        let Some(lane) = self.lanes.get_mut(at) else { return Err(DbError::internal("rows without a table")) };
        if let Some(checks) = lane.checks.as_ref().or(lane.rt.own.as_ref()) {
            checks.apply(&lane.rt, env, row)?;
        }
        let before = lane.batch.bytes;
        lane.add(env, row)?;
        self.held += lane.batch.bytes - before;
        let full = lane.batch.ends.len() >= BATCH_ROWS || lane.batch.bytes >= BATCH_BYTES || self.held >= HELD_BYTES;
        Ok(if full { self.take(at) } else { None })
    }

    fn take(&mut self, at: usize) -> Option<Batch> {
        let lane = self.lanes.get_mut(at)?;
        let mut batch = std::mem::take(&mut lane.batch);
        self.held -= batch.bytes;
        batch.rt = Some(Arc::clone(&lane.rt));
        batch.routed_in = self.router.as_ref().map(|r| Arc::clone(&r.catalog));
        (!batch.ends.is_empty()).then_some(batch)
    }

    /// Rows that are no complete batch yet, of one table after the other.
    pub fn rest(&mut self) -> Option<Batch> {
        let at = self.lanes.iter().position(|l| !l.batch.ends.is_empty())?;
        self.take(at)
    }
}

impl Lane {
    /// Adds a row that has passed the checks.
    fn add(&mut self, env: Env<'_>, row: &mut Vec<Datum>) -> Result<()> {
        let Lane { rt, keeps, batch, encoded, .. } = self;
        rt.encode_into(row, encoded)?;
        for index in &rt.indexes {
            batch.keys.push(index.key(env, row, rt)?);
        }
        let layout = rt.desc.layout.current();
        let values = encoded.values();
        batch.bytes += layout.encoded_len(&values);
        let fits = layout.fits(&values);
        if fits {
            layout.encode(&values, &mut batch.images)?;
        }
        drop(values);
        if !fits {
            batch.big.push((batch.ends.len(), std::mem::take(encoded)));
        }
        batch.ends.push(batch.images.len());
        if *keeps {
            batch.rows.push(std::mem::take(row));
        }
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
        let mut big = Vec::with_capacity(batch.big.len());
        for (row, encoded) in &batch.big {
            let mut image = Vec::new();
            tx.txn.encode(&rt.desc, &encoded.values(), &mut image).await?;
            big.push((*row, image));
        }
        let images = batch.images(&big);
        let rids = match tx.txn.insert_batch(&rt.desc, &images, &borrow_keys(&batch.keys)).await? {
            Ok(rids) => {
                tx.count_inserted(&rt, rids.len() as u64);
                rids
            }
            Err(d) => {
                // What was stored before it counts too, as rolled back.
                tx.count_inserted(&rt, d.row as u64 + 1);
                let row =
                    super::tables::decode_row(&mut tx.txn, &rt, images.get(d.row).copied().unwrap_or(&[])).await?;
                return Err(super::dml::refused(tx, &rt, &self.env.eval, &d, &row));
            }
        };
        let n = rt.indexes.len();
        for (i, (r, rid)) in batch.rows.iter().zip(rids).enumerate() {
            self.fks.keys(tx, &rt, r, batch.keys.get(i * n..(i + 1) * n).unwrap_or_default()).await?;
            exclude::stored(tx, &rt, &self.env, rid, r, &mut self.fks).await?;
            self.fks.child(&rt, rid, r);
        }
        self.count += batch.ends.len() as u64;
        self.fks.relieve(tx, &self.env).await
    }

    /// A partition's batch by the definitions of now, under the partition's lock: it may have got an index, and rows may
    /// belong to a partition that has come meanwhile, which is an error.
    fn look_again(&self, tx: &Transaction, rt: &TableRt, batch: Batch) -> Result<(Arc<TableRt>, Batch)> {
        let eval = &self.env.eval;
        let gone = || DbError::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", rt.rel.name));
        let rel = tx.catalog.relation(rt.rel.oid).cloned().ok_or_else(gone)?;
        let mut lane = Lane::new(tx.table(eval, &rel)?, None);
        let env = Env { ctx: eval, params: &[] };
        for mut row in batch.rows {
            row.resize(rel.columns.len(), Datum::Null);
            if !partition::fits(&tx.catalog, &|r| tx.partition(eval, r), eval, &rel, &row)? {
                return Err(partition::misfit(&rel, &partition::show_row(&rel, &row)));
            }
            lane.add(env, &mut row)?;
        }
        Ok((lane.rt, lane.batch))
    }

    /// Checks the foreign keys. Answers the number of rows.
    pub async fn finish(mut self, tx: &mut Transaction) -> Result<u64> {
        self.fks.check(tx, &self.env).await?;
        Ok(self.count)
    }
}
