//! Bulk insertion (COPY FROM, CREATE TABLE AS): rows are made ready in batches by [`BulkRows`], which touches no storage
//! and may run in a task of its own, and stored by [`BulkInsert`] in the session's transaction.

use super::dml::Checks;
use super::eval::Env;
use super::fk::ForeignKeys;
use super::run::StatementEnv;
use super::table::{EncodedRow, RowKey, TableRt, borrow_keys};
use crate::plan::ir::Insert;
use crate::transaction::Transaction;
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// Rows per batch.
const BATCH_ROWS: usize = 1000;
/// Encoded bytes after which a batch is complete before it has so many rows.
const BATCH_BYTES: usize = 256 * 1024;

/// Rows that are checked and encoded.
#[derive(Default)]
pub struct Batch {
    rows: Vec<Vec<Datum>>,
    /// Row images; empty for those in `big`.
    images: Vec<Vec<u8>>,
    /// Rows with values that go to the overflow file first.
    big: Vec<(usize, EncodedRow)>,
    /// Of all indexes, row after row.
    keys: Vec<Option<RowKey>>,
    bytes: usize,
}

/// Makes batches of a table's rows.
pub struct BulkRows {
    rt: Arc<TableRt>,
    checks: Checks,
    eval: Arc<EvalCtx>,
    batch: Batch,
}

impl BulkRows {
    /// For a statement bound as `INSERT INTO table (columns) …`: its checks and generated columns apply.
    pub fn new(tx: &Transaction, i: &Insert, env: &StatementEnv) -> Result<BulkRows> {
        let rt = tx.table(&env.eval, &i.table)?;
        let checks = Checks::new(&i.checks, &i.generated, &i.row)?;
        Ok(BulkRows { rt, checks, eval: Arc::clone(&env.eval), batch: Batch::default() })
    }

    /// Adds a row: one value per attribute number of the table, defaults filled in. Answers a batch when one is complete.
    pub fn push(&mut self, mut row: Vec<Datum>) -> Result<Option<Batch>> {
        let env = Env { ctx: &self.eval, params: &[] };
        self.checks.apply(&self.rt, env, &mut row)?;
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
        let full = self.batch.rows.len() >= BATCH_ROWS || self.batch.bytes >= BATCH_BYTES;
        Ok(if full { self.rest() } else { None })
    }

    /// The rows that are no complete batch yet.
    pub fn rest(&mut self) -> Option<Batch> {
        let batch = std::mem::take(&mut self.batch);
        (!batch.rows.is_empty()).then_some(batch)
    }
}

/// Stores batches, page by page.
pub struct BulkInsert {
    rt: Arc<TableRt>,
    env: StatementEnv,
    fks: ForeignKeys,
    count: u64,
}

impl BulkInsert {
    /// Stores what `rows` makes.
    pub fn new(rows: &BulkRows, env: StatementEnv) -> BulkInsert {
        BulkInsert { rt: Arc::clone(&rows.rt), env, fks: ForeignKeys::default(), count: 0 }
    }

    /// Stores a batch; 23505 if a key is taken.
    pub async fn store(&mut self, tx: &mut Transaction, mut batch: Batch) -> Result<()> {
        self.env.cancel.check()?;
        for (row, encoded) in &batch.big {
            if let Some(image) = batch.images.get_mut(*row) {
                tx.txn.encode(&self.rt.desc, &encoded.values(), image).await?;
            }
        }
        let stored = tx.txn.insert_batch(&self.rt.desc, &batch.images, &borrow_keys(&batch.keys)).await?;
        let rids = stored.map_err(|d| super::dml::refused(tx, &self.rt, &d, &batch.rows[d.row]))?;
        let n = self.rt.indexes.len();
        for (i, (r, rid)) in batch.rows.iter().zip(rids).enumerate() {
            self.fks.keys(tx, &self.rt, r, batch.keys.get(i * n..(i + 1) * n).unwrap_or_default()).await?;
            self.fks.child(&self.rt, rid, r);
        }
        self.count += batch.rows.len() as u64;
        self.fks.relieve(tx, &self.env).await
    }

    /// Checks the foreign keys. Answers the number of rows.
    pub async fn finish(mut self, tx: &mut Transaction) -> Result<u64> {
        self.fks.check(tx, &self.env).await?;
        Ok(self.count)
    }
}
