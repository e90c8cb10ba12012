//! Stored tables for the executors: scans into record batches, row decoding.

use super::eval::Env;
use super::table::{RowKey, Stored, TableRt};
use super::{IndexRange, RowFilter, ScanRequest, Tables};
use crate::catalog::rows::table;
use crate::catalog::{FIRST_USER_OID, Index, RelKind, Relation};
use crate::engine::DatabaseState;
use crate::stats::{Counts, Tally};
use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use datafusion::arrow::compute::BatchCoalescer;
use futures::StreamExt;
use futures::stream::BoxStream;
use rustydb_base::{DbError, Lsn, Result, Rid, Scn, SqlState};
use rustydb_storage::am::{Cursor, Direction, Edge, Gathered};
use rustydb_storage::buf::Access;
use rustydb_storage::heap::{Rel, RowBuf};
use rustydb_storage::page::PAGE_SIZE;
use rustydb_storage::scan::{AddressScan, IndexScan, RowScan, ScanEnv, TableScan, blocks_now, gather, partitions};
use rustydb_storage::space::shown_block;
use rustydb_storage::store::{Store, Txn};
use rustydb_storage::txn::{HeldSnapshot, Snapshot};
use rustydb_types::arrow::DatumBuilder;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::funcs::tid;
use rustydb_types::rowcodec::{self, PhysKind};
use rustydb_types::{arrow as parrow, oid, pgdata};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The row id as a number: block and slot.
pub fn rid_number(rid: Rid) -> i64 {
    (i64::from(rid.block) << 16) | i64::from(rid.slot)
}

/// The number back to the row id.
pub fn number_rid(n: i64) -> Rid {
    Rid { block: (n >> 16) as u32, slot: n as u16 }
}

/// What statements of one session share about stored tables: the store, the snapshot, and what the session depends on.
#[derive(Clone)]
pub struct SessionTables {
    /// The database.
    pub db: Arc<DatabaseState>,
    /// Catalog of the statement.
    pub catalog: Arc<crate::catalog::Catalog>,
    /// For compiled index expressions.
    pub eval: Arc<EvalCtx>,
    /// What is visible.
    pub env: ScanEnv,
    /// Keeps what is visible: the transaction may take other snapshots while a result is still being read (a portal, a
    /// row that others have changed).
    pub held: Arc<HeldSnapshot>,
    /// Highest LSN that anything read so far depends on.
    pub dep_lsn: Arc<AtomicU64>,
    /// Where scans are counted.
    pub tally: Option<Arc<Tally>>,
}

impl SessionTables {
    fn depend(&self, lsn: Lsn) {
        self.dep_lsn.fetch_max(lsn.0, Ordering::AcqRel);
    }

    fn count(&self, relation: u32, c: Counts) {
        if let Some(t) = &self.tally {
            t.count(relation, &c);
        }
    }

    /// A scan of blocks has met rows; by way of an index, if that has named the blocks.
    fn met(&self, table: u32, rows: usize, io: (u64, u64), named: bool) {
        let (returned, fetched) = if named { (0, rows as i64) } else { (rows as i64, 0) };
        self.count(table, Counts::default().rows(returned, fetched).blocks(io.0 as i64, io.1 as i64));
    }

    /// A scan begins: of an index that it names, else of the table.
    fn begun(&self, request: &ScanRequest, named: &Gathered) {
        let index = request.index.as_ref().map(|i| i.index).or(request.gather.as_ref().map(|g| g.0));
        let Some(index) = index else {
            return self.count(request.table.oid, Counts::scans(1));
        };
        let returned = match named {
            Gathered::Rows(r) => r.len() as i64,
            _ => 0,
        };
        self.count(index, Counts::scans(1).rows(returned, 0).blocks(1, 0));
        if request.gather.is_some() && matches!(named, Gathered::Everything) {
            self.count(request.table.oid, Counts::scans(1));
        }
    }
}

/// Decodes a whole row, reading values kept in the overflow file.
pub async fn decode_row(txn: &mut Txn, rt: &TableRt, row: &[u8]) -> Result<Vec<Datum>> {
    let mut out = Vec::with_capacity(rt.rel.columns.len());
    for att in 0..rt.rel.columns.len() {
        out.push(decode_column(txn, rt, row, att).await?);
    }
    Ok(out)
}

/// Decodes some columns of a row, given by position; the others are NULL.
pub(super) async fn decode_columns(txn: &mut Txn, rt: &TableRt, row: &[u8], columns: &[usize]) -> Result<Vec<Datum>> {
    let mut out = vec![Datum::Null; rt.rel.columns.len()];
    for att in columns {
        out[*att] = decode_column(txn, rt, row, *att).await?;
    }
    Ok(out)
}

/// One column's value of a row.
pub(super) async fn decode_column(txn: &mut Txn, rt: &TableRt, row: &[u8], att: usize) -> Result<Datum> {
    match rt.attribute(row, att)? {
        Stored::Value(d) => Ok(d),
        Stored::Overflow(p) => {
            let b = txn.overflow_value(rt.desc.rel, p).await?;
            rowcodec::decode_value(rt.kinds[att], rt.rel.columns[att].ty, &b)
        }
    }
}

/// Finds the row that has exactly these values, by whichever of its keys is unique, else by looking through the table.
pub async fn find_equal_row(
    txn: &mut Txn,
    rt: &Arc<TableRt>,
    snap: &Snapshot,
    keys: &[Option<RowKey>],
    values: &[Datum],
) -> Result<Option<(Rid, RowBuf)>> {
    for (i, k) in rt.indexes.iter().zip(keys) {
        let Some(k) = k else { continue };
        if !k.unique {
            continue;
        }
        let mut buf = RowBuf::new();
        let found = txn.point_get(snap, rt.desc.rel, &i.desc, &k.bytes, &mut buf, |_| Ok(true)).await?;
        return Ok(found.map(|rid| (rid, buf)));
    }
    if let Some((i, k)) = rt.indexes.iter().zip(keys).find_map(|(i, k)| k.as_ref().map(|k| (i, k))) {
        // Several rows may have the key. What is stored elsewhere cannot be compared here.
        let mut elsewhere = false;
        let mut buf = RowBuf::new();
        let same = |image: &[u8]| -> Result<bool> {
            for (at, wanted) in values.iter().enumerate() {
                match rt.attribute(image, at)? {
                    Stored::Value(d) if d == *wanted => {}
                    Stored::Value(_) => return Ok(false),
                    _ => {
                        elsewhere = true;
                        return Ok(false);
                    }
                }
            }
            Ok(true)
        };
        let found = txn.point_get(snap, rt.desc.rel, &i.desc, &k.bytes, &mut buf, same).await?;
        if found.is_some() || !elsewhere {
            return Ok(found.map(|rid| (rid, buf)));
        }
    }
    let store = Arc::clone(txn.store());
    let env = ScanEnv { store: Arc::clone(&store), snap: *snap, interrupt: txn.rules.interrupt.clone() };
    for blocks in partitions(&env, rt.desc.rel, 1).await? {
        let mut scan = RowScan::new(env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
        while let Some(rows) = scan.next().await? {
            let page: Vec<(Rid, Vec<u8>)> = rows.iter().map(|(r, b)| (r, b.to_vec())).collect();
            for (rid, image) in page {
                if decode_row(txn, rt, &image).await? == values {
                    let mut buf = RowBuf::new();
                    if txn.fetch(snap, rt.desc.rel, rid, &mut buf).await? {
                        return Ok(Some((rid, buf)));
                    }
                }
            }
        }
    }
    Ok(None)
}

/// The row that has a key of an index in which at most one has it. Entries are only candidates: a row that had the key
/// before it was changed is passed over.
pub async fn holder(
    txn: &mut Txn,
    rt: &TableRt,
    index: usize,
    eval: &EvalCtx,
    snap: &Snapshot,
    key: &[u8],
) -> Result<Option<(Rid, Vec<Datum>)>> {
    let i = &rt.indexes[index];
    let mut passed: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut image = RowBuf::new();
        let fresh = |row: &[u8]| Ok(!passed.iter().any(|p| p.as_slice() == row));
        let Some(rid) = txn.point_get(snap, rt.desc.rel, &i.desc, key, &mut image, fresh).await? else {
            return Ok(None);
        };
        let row = decode_row(txn, rt, &image).await?;
        if i.key(Env { ctx: eval, params: &[] }, &row, rt)?.is_some_and(|k| k.bytes == key) {
            return Ok(Some((rid, row)));
        }
        passed.push(image.to_vec());
    }
}

/// Key bounds of an index range.
pub fn edges(rt: &TableRt, index: usize, r: &IndexRange) -> Result<(Edge, Edge)> {
    let i = &rt.indexes[index];
    let prefix = i.prefix(rt, &r.equal)?;
    let n = r.equal.len();
    let extend = |d: &Datum| -> Result<Vec<u8>> {
        let mut v = r.equal.clone();
        v.push(d.clone());
        i.prefix(rt, &v)
    };
    let desc = i.def.keys.get(n).is_some_and(|k| k.desc);
    let nulls_first = i.def.keys.get(n).is_some_and(|k| k.nulls_first);
    let edge = |b: &Option<(Datum, bool)>| -> Result<Option<Edge>> {
        Ok(match b {
            None => None,
            Some((d, true)) => Some(Edge::Inclusive(extend(d)?)),
            Some((d, false)) => Some(Edge::Exclusive(extend(d)?)),
        })
    };
    let (low, high) = (edge(&r.low)?, edge(&r.high)?);
    // A bounded column leaves NULLs out: the open end stops where they begin.
    let bounded = low.is_some() || high.is_some();
    let nulls = if bounded { Some(Edge::Exclusive(extend(&Datum::Null)?)) } else { None };
    let whole = || if prefix.is_empty() { Edge::Open } else { Edge::Inclusive(prefix.clone()) };
    let (first, last) = if desc { (high, low) } else { (low, high) };
    let (null_low, null_high) = if nulls_first { (nulls, None) } else { (None, nulls) };
    Ok((first.or(null_low).unwrap_or_else(whole), last.or(null_high).unwrap_or_else(whole)))
}

/// How one output column of a scan is made.
#[derive(Clone, Copy)]
enum Source {
    /// Stored attribute (0-based): position among the scan's stored columns.
    Stored(usize),
    /// The row's address as `ctid`, `tableoid`…
    System(i16),
}

impl Tables for SessionTables {
    fn scan(&self, request: ScanRequest, part: usize, parts: usize) -> BoxStream<'static, Result<RecordBatch>> {
        let long = request.index.is_none()
            && request.gather.is_none()
            && self.blocks(&request.table).is_some_and(|b| b >= AHEAD_BLOCKS);
        let this = self.clone();
        let (filter, batch_rows) = (request.filter.clone(), request.batch_rows);
        let rows = futures::stream::once(async move { this.open(request, part, parts).await })
            .map(|r| match r {
                Ok(s) => s,
                Err(e) => futures::stream::once(async move { Err(e) }).boxed(),
            })
            .flatten()
            .boxed();
        let rows = match filter {
            Some(f) => filtered(rows, f, batch_rows),
            None => rows,
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if long => ahead(&runtime, self.env.store.hold(&self.env.snap), rows),
            _ => rows,
        }
    }

    fn may_use(&self, index: &Index) -> bool {
        self.env.snap.scn.0 >= index.valid_from
    }

    fn prepared(&self, table: &Arc<Relation>) -> Result<Option<Arc<TableRt>>> {
        self.db.table_rt(&self.catalog, &self.eval, table).map(Some)
    }

    fn estimated_rows(&self, table: &Relation) -> f64 {
        let analysed = table.stats.tuples >= 0.0;
        let Some(blocks) = self.blocks(table) else {
            return if analysed { f64::from(table.stats.tuples) } else { UNKNOWN_ROWS };
        };
        let counted = analysed && table.stats.pages > 0;
        rows_in_blocks(table, if counted { blocks } else { blocks.max(MIN_BLOCKS) })
    }

    fn row_bytes(&self, table: &Relation) -> f64 {
        match self.blocks(table) {
            Some(blocks) if blocks > 0 => f64::from(blocks) * PAGE_SIZE as f64 / self.estimated_rows(table).max(1.0),
            _ => typical_width(table),
        }
    }

    fn spilled(&self, files: usize, bytes: usize) {
        if let Some(t) = &self.tally {
            t.spilled(files, bytes);
        }
    }

    fn modify(
        &self,
        _statement: Arc<crate::plan::ir::Bound>,
    ) -> futures::future::BoxFuture<'static, Result<Vec<Vec<Datum>>>> {
        Box::pin(async { Err(DbError::internal("data-modifying WITH reached a scan")) })
    }
}

/// The rows of a scan that a filter lets through, in batches of full size again.
fn filtered(
    rows: BoxStream<'static, Result<RecordBatch>>,
    filter: RowFilter,
    batch_rows: usize,
) -> BoxStream<'static, Result<RecordBatch>> {
    let state = (rows, None::<BatchCoalescer>, false);
    futures::stream::try_unfold(state, move |(mut rows, mut made, mut ended)| {
        let filter = Arc::clone(&filter);
        async move {
            let arrow = |e: ArrowError| DbError::internal(format!("joining batches failed: {e}"));
            loop {
                if let Some(b) = made.as_mut().and_then(BatchCoalescer::next_completed_batch) {
                    return Ok(Some((b, (rows, made, ended))));
                }
                if ended {
                    return Ok(None);
                }
                match rows.next().await {
                    Some(b) => {
                        let b = filter(b?)?;
                        if b.num_rows() > 0 {
                            let made = made.get_or_insert_with(|| BatchCoalescer::new(b.schema(), batch_rows));
                            made.push_batch(b).map_err(arrow)?;
                        }
                    }
                    None => {
                        ended = true;
                        made.as_mut().map_or(Ok(()), BatchCoalescer::finish_buffered_batch).map_err(arrow)?;
                    }
                }
            }
        }
    })
    .boxed()
}

/// Pages from which on a table is read by a task of its own.
const AHEAD_BLOCKS: u32 = 256;
/// Batches that such a task may be ahead of its reader.
const AHEAD_BATCHES: usize = 2;

/// Ends a task when its reader goes.
struct Reader(tokio::task::JoinHandle<()>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads a table in a task of its own, so that decoding its rows and computing with them take two processors. The task
/// may outlive its statement by a moment, hence the held snapshot.
fn ahead(
    runtime: &tokio::runtime::Handle,
    held: HeldSnapshot,
    mut rows: BoxStream<'static, Result<RecordBatch>>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let (tx, rx) = tokio::sync::mpsc::channel(AHEAD_BATCHES);
    let task = runtime.spawn(async move {
        let _held = held;
        let work = std::panic::AssertUnwindSafe(async {
            while let Some(b) = rows.next().await {
                if tx.send(b).await.is_err() {
                    return;
                }
            }
        });
        if futures::FutureExt::catch_unwind(work).await.is_err() {
            let _ = tx.send(Err(DbError::internal("reading a table panicked"))).await;
        }
    });
    futures::stream::unfold((rx, Reader(task)), |(mut rx, task)| async move {
        let b = rx.recv().await?;
        Some((b, (rx, task)))
    })
    .boxed()
}

/// Rows assumed of a table about which nothing is known.
const UNKNOWN_ROWS: f64 = 1000.0;
/// Pages that a never analysed table is taken to have at least: it may just be filling.
const MIN_BLOCKS: u32 = 10;
/// Bytes of a page that rows may take.
const USABLE: f64 = PAGE_SIZE as f64 - 64.0;
/// Bytes assumed of a value without a fixed length, as PostgreSQL does.
const VARIABLE_WIDTH: f64 = 32.0;
/// Bytes of a row beside its values.
const ROW_HEADER: f64 = 24.0;

/// Bytes of a row, guessed by the types of its columns.
fn typical_width(table: &Relation) -> f64 {
    let width = |oid| pgdata::pg_type(oid).map_or(VARIABLE_WIDTH, |t| f64::from(t.typlen));
    ROW_HEADER
        + table.live_columns().map(|c| width(c.ty.oid)).map(|w| if w < 0.0 { VARIABLE_WIDTH } else { w }).sum::<f64>()
}

/// Blocks of a stored table now, if that is known without reading from disk.
pub fn blocks_of(store: &Store, table: &Relation) -> Option<u32> {
    let at = table.storage.as_ref()?;
    blocks_now(store, Rel::new(at.heap, at.overflow))
}

/// Rows that so many blocks of a table may have: as PostgreSQL's `estimate_rel_size`, as many per block as ANALYZE
/// found, or as fit by the columns' types.
pub(super) fn rows_in_blocks(table: &Relation, blocks: u32) -> f64 {
    let per_block = if table.stats.tuples >= 0.0 && table.stats.pages > 0 {
        f64::from(table.stats.tuples) / f64::from(table.stats.pages)
    } else {
        USABLE / typical_width(table)
    };
    per_block * f64::from(blocks)
}

impl SessionTables {
    fn blocks(&self, table: &Relation) -> Option<u32> {
        blocks_of(&self.env.store, table)
    }

    /// The same for what was committed at or before an SCN. The table must have had the files then that it has now.
    async fn at(mut self, scn: u64, table: &Relation) -> Result<SessionTables> {
        let (snap, held) = self.env.store.snapshot_at(Scn(scn))?;
        self.env.snap = snap;
        self.held = Arc::new(held);
        if table.oid < FIRST_USER_OID {
            // Made with the database and never rewritten.
            return Ok(self);
        }
        let classes = self.catalog.relation(table::PG_CLASS).cloned();
        let classes = classes.ok_or_else(|| DbError::internal("pg_class is missing"))?;
        let rt = self.db.table_rt(&self.catalog, &self.eval, &classes)?;
        let column = |name: &str| {
            let at = classes.columns.iter().position(|c| c.name == name);
            at.ok_or_else(|| DbError::internal(format!("pg_class has no column {name}")))
        };
        let (oid, file) = (column("oid")?, column("relfilenode")?);
        for blocks in partitions(&self.env, rt.desc.rel, 1).await? {
            let mut scan = RowScan::new(self.env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
            while let Some(rows) = scan.next().await? {
                for (_, row) in rows.iter() {
                    let oid_of = |att: usize| match rt.attribute(row, att) {
                        Ok(Stored::Value(Datum::Oid(o))) => Ok(o),
                        Ok(_) => Err(DbError::corrupt("pg_class holds no OID where one must be")),
                        Err(e) => Err(e),
                    };
                    if oid_of(oid)? != table.oid {
                        continue;
                    }
                    if table.storage.as_ref().is_some_and(|s| Ok(s.heap.0) == oid_of(file)) {
                        return Ok(self);
                    }
                    return Err(DbError::new(
                        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                        format!("the rows that table \"{}\" had at that time cannot be read", table.name),
                    )
                    .detail("The table has been truncated or rewritten since."));
                }
            }
        }
        Err(DbError::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" did not exist at that time", table.name)))
    }

    async fn open(
        self,
        request: ScanRequest,
        part: usize,
        parts: usize,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        if request.table.kind == RelKind::Sequence {
            return self.sequence_row(request).await;
        }
        let this = match request.as_of {
            Some(scn) => Box::pin(self.at(scn, &request.table)).await?,
            None => self,
        };
        let rt = this.db.table_rt(&this.catalog, &this.eval, &request.table)?;
        let mut named = Gathered::Everything;
        if let Some((index, search)) = &request.gather {
            let Some((_, i)) = rt.index(*index) else {
                return Err(DbError::internal("search of an index the table does not have"));
            };
            if part > 0 {
                return Ok(futures::stream::empty().boxed());
            }
            named = gather(&this.env, i.desc, search, i.def.has_pending_list()).await?;
        }
        if part == 0 {
            this.begun(&request, &named);
        }
        let keyed = request.index.is_some() || matches!(named, Gathered::Rows(_));
        let plain = request.cols.iter().all(|c| c.1 > 0) && !request.rid && !keyed;
        if plain {
            return this.batches(rt, request, named, part, parts).await;
        }
        this.rows(rt, request, named, part, parts).await
    }

    /// The blocks that a scan or a part of it reads.
    async fn blocks_to_read(
        &self,
        rt: &TableRt,
        named: Gathered,
        part: usize,
        parts: usize,
    ) -> Result<Vec<Range<u32>>> {
        if let Gathered::Blocks(b) = named {
            return Ok(b);
        }
        let ranges = partitions(&self.env, rt.desc.rel, parts.max(1)).await?;
        Ok(take_part(ranges, part, parts).into_iter().collect())
    }

    /// Whole pages into Arrow columns.
    async fn batches(
        self,
        rt: Arc<TableRt>,
        request: ScanRequest,
        named: Gathered,
        part: usize,
        parts: usize,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let by_index = matches!(named, Gathered::Blocks(_));
        let blocks = self.blocks_to_read(&rt, named, part, parts).await?;
        let table = rt.rel.oid;
        let proj: Vec<usize> = request.cols.iter().map(|c| c.1 as usize - 1).collect();
        let schema = schema_of(&request);
        let scan = TableScan::of_pieces(self.env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), proj, blocks);
        let rows = request.batch_rows.max(1);
        let types: Vec<TypeRef> = request.cols.iter().map(|c| c.0.ty).collect();
        let state = (self, scan, schema, types);
        Ok(futures::stream::try_unfold(state, move |mut st| async move {
            let (this, scan, schema, request_types) = &mut st;
            let met = scan.next(rows).await?;
            this.met(table, met.as_ref().map_or(0, |m| m.1), scan.take_io(), by_index);
            let Some((columns, n)) = met else { return Ok(None) };
            this.depend(scan.dep_lsn());
            let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(n));
            let batch = RecordBatch::try_new_with_options(
                Arc::clone(schema),
                fix_columns(columns, schema, request_types)?,
                &options,
            )
            .map_err(|e| DbError::internal(format!("scan batch: {e}")))?;
            Ok(Some((batch, st)))
        })
        .boxed())
    }

    /// Row by row: for addresses, system columns, and what indexes name.
    async fn rows(
        self,
        rt: Arc<TableRt>,
        request: ScanRequest,
        named: Gathered,
        part: usize,
        parts: usize,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let reader = match (named, &request.index) {
            (Gathered::Rows(rids), _) => {
                RowReader::Named(Box::new(AddressScan::new(self.env.clone(), rt.desc.rel, rids)))
            }
            (_, Some(r)) => {
                let Some((n, i)) = rt.index(r.index) else {
                    return Err(DbError::internal("scan of an index the table does not have"));
                };
                if part > 0 {
                    return Ok(futures::stream::empty().boxed());
                }
                let (low, high) = edges(&rt, n, r)?;
                let dir = if r.reverse { Direction::Backward } else { Direction::Forward };
                let cursor = Cursor::open(i.desc, low, high, dir, Access::Point, true)?;
                RowReader::Index(Box::new(IndexScan::new(self.env.clone(), rt.desc.rel, cursor)), n)
            }
            (named, None) => {
                let by_index = matches!(named, Gathered::Blocks(_));
                let blocks = self.blocks_to_read(&rt, named, part, parts).await?;
                let layout = Arc::clone(&rt.desc.layout);
                RowReader::Heap(Box::new(RowScan::of_pieces(self.env.clone(), rt.desc.rel, layout, blocks)), by_index)
            }
        };
        let schema = schema_of(&request);
        let state = (self, reader, schema, rt, request, false);
        Ok(futures::stream::try_unfold(state, |mut st| async move {
            if st.5 {
                return Ok(None);
            }
            let (this, reader, schema, rt, request, done) = &mut st;
            let rows = next_rows(this, reader, rt, request.batch_rows.max(1)).await?;
            if rows.len() < request.batch_rows.max(1) {
                *done = true;
                if rows.is_empty() {
                    return Ok(None);
                }
            }
            let batch = row_batch(this, rt, request, schema, &rows).await?;
            Ok(Some((batch, st)))
        })
        .boxed())
    }

    async fn sequence_row(self, request: ScanRequest) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let seq = request.table.sequence.as_ref().ok_or_else(|| DbError::internal("sequence without a definition"))?;
        let state = self.env.store.sequence_get(seq.storage).await?;
        let values = [Datum::Int8(state.last), Datum::Int8(0), Datum::Bool(state.is_called)];
        let schema = schema_of(&request);
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (c, attnum) in &request.cols {
            let mut b = DatumBuilder::new(c.ty, rowcodec::static_numeric(c.ty), 1);
            b.push(values.get(*attnum as usize - 1).unwrap_or(&Datum::Null))?;
            columns.push(b.finish());
        }
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(1));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|e| DbError::internal(format!("sequence row: {e}")));
        Ok(futures::stream::once(async move { batch }).boxed())
    }
}

/// The blocks of one of `parts` partitions; the first takes all when there are fewer ranges.
fn take_part(ranges: Vec<Range<u32>>, part: usize, parts: usize) -> Option<Range<u32>> {
    debug_assert!(ranges.len() <= parts.max(1));
    ranges.into_iter().nth(part)
}

enum RowReader {
    /// Blocks, and whether an index has named them.
    Heap(Box<RowScan>, bool),
    Index(Box<IndexScan>, usize),
    Named(Box<AddressScan>),
}

/// The next rows as images, at least `want` unless the scan ends.
async fn next_rows(
    this: &SessionTables,
    reader: &mut RowReader,
    rt: &Arc<TableRt>,
    want: usize,
) -> Result<Vec<(Rid, Vec<u8>)>> {
    let mut out = Vec::new();
    match reader {
        RowReader::Heap(scan, by_index) => {
            while out.len() < want {
                let Some(rows) = scan.next().await? else { break };
                out.extend(rows.iter().map(|(r, b)| (r, b.to_vec())));
            }
            this.met(rt.rel.oid, out.len(), scan.take_io(), *by_index);
            this.depend(scan.dep_lsn());
        }
        RowReader::Named(scan) => {
            let mut buf = RowBuf::new();
            while out.len() < want {
                let Some(rid) = scan.next(&mut buf).await? else { break };
                out.push((rid, buf.to_vec()));
            }
            this.met(rt.rel.oid, out.len(), (out.len() as u64, 0), true);
            this.depend(scan.dep_lsn());
        }
        RowReader::Index(scan, n) => {
            let mut buf = RowBuf::new();
            let mut plain = PlainKey::new(rt, *n, &this.eval);
            while out.len() < want {
                let found = scan.next(&mut buf, |key, row| plain.matches(rt, key, row)).await?;
                let Some(rid) = found else { break };
                out.push((rid, buf.to_vec()));
            }
            if let Some(i) = rt.indexes.get(*n) {
                let met = out.len() as i64;
                this.count(i.def.oid, Counts::default().rows(met, met));
                this.count(rt.rel.oid, Counts::default().blocks(met, 0));
            }
            this.depend(scan.dep_lsn());
            // In the order of the table, as PostgreSQL's bitmap scans answer.
            out.sort_unstable_by_key(|(rid, _)| (rid.block, rid.slot));
        }
    }
    Ok(out)
}

/// Compares an index entry's key with the row version it leads to.
struct PlainKey {
    index: usize,
    row: Vec<Datum>,
    eval: Arc<EvalCtx>,
}

impl PlainKey {
    fn new(rt: &TableRt, index: usize, eval: &Arc<EvalCtx>) -> PlainKey {
        PlainKey { index, row: vec![Datum::Null; rt.rel.columns.len()], eval: Arc::clone(eval) }
    }

    fn matches(&mut self, rt: &TableRt, key: &[u8], row: &[u8]) -> Result<bool> {
        let i = &rt.indexes[self.index];
        for a in i.needs() {
            match rt.attribute(row, *a)? {
                Stored::Value(d) => self.row[*a] = d,
                // A plain key column's value is never that long: the entry is not this version's.
                Stored::Overflow(_) if !i.has_expressions() => return Ok(false),
                Stored::Overflow(_) => {
                    return Err(DbError::unsupported(format!(
                        "index \"{}\" is on an expression over a value too big to be checked",
                        i.def.name
                    )));
                }
            }
        }
        Ok(i.key(Env { ctx: &self.eval, params: &[] }, &self.row, rt)?.is_some_and(|k| k.bytes == key))
    }
}

async fn row_batch(
    this: &SessionTables,
    rt: &Arc<TableRt>,
    request: &ScanRequest,
    schema: &Arc<Schema>,
    rows: &[(Rid, Vec<u8>)],
) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(request.cols.len() + 1);
    for (c, attnum) in &request.cols {
        let source = if *attnum > 0 { Source::Stored(*attnum as usize - 1) } else { Source::System(*attnum) };
        let mut b = DatumBuilder::new(c.ty, rowcodec::static_numeric(c.ty), rows.len());
        for (rid, image) in rows {
            match source {
                Source::Stored(a) => match rt.attribute(image, a)? {
                    Stored::Value(d) => b.push(&d)?,
                    Stored::Overflow(p) => {
                        let bytes = this.overflow(rt, p).await?;
                        b.push(&rowcodec::decode_value(rt.kinds[a], rt.rel.columns[a].ty, &bytes)?)?;
                    }
                },
                Source::System(n) => b.push(&system_value(rt, *rid, image, n, c.ty.oid))?,
            }
        }
        columns.push(b.finish());
    }
    if request.rid {
        let v: arrow_array::Int64Array = rows.iter().map(|r| Some(rid_number(r.0))).collect();
        columns.push(Arc::new(v));
    }
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|e| DbError::internal(format!("row batch: {e}")))
}

impl SessionTables {
    async fn overflow(&self, rt: &TableRt, p: rustydb_storage::heap::OvfPtr) -> Result<Vec<u8>> {
        let mut r = rustydb_storage::overflow::OvfReader::new(p)?;
        self.env
            .store
            .read(|core| {
                let value = r.read(core, rt.desc.rel.overflow);
                core.check_kept_in(rt.desc.rel.id, &self.env.snap)?;
                value
            })
            .await
    }
}

/// A system column's value.
pub(crate) fn system_value(rt: &TableRt, rid: Rid, row: &[u8], attnum: i16, ty: u32) -> Datum {
    match attnum {
        -6 => Datum::Oid(rt.rel.oid),
        -1 => tid::make(shown_block(rid.block), rid.slot.saturating_add(1)),
        -2 if ty == oid::XID => {
            // The word that made this version: a transaction number, or the commit it belongs to, cut to 32 bits.
            let ver = row.get(..8).map_or(0, |b| u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]));
            Datum::Oid((ver & 0xffff_ffff) as u32 | 3)
        }
        _ => Datum::Oid(0),
    }
}

fn schema_of(request: &ScanRequest) -> Arc<Schema> {
    let mut fields: Vec<Field> = request
        .cols
        .iter()
        .map(|(c, _)| Field::new(format!("c{}", c.id), parrow::arrow_type(c.ty, rowcodec::static_numeric(c.ty)), true))
        .collect();
    if request.rid {
        fields.push(Field::new("rid", arrow_schema::DataType::Int64, false));
    }
    Arc::new(Schema::new(fields))
}

/// From what the store decodes to what the types' arrays are: unconstrained numerics change their bytes, NaN its word.
fn fix_columns(columns: Vec<ArrayRef>, schema: &Arc<Schema>, types: &[TypeRef]) -> Result<Vec<ArrayRef>> {
    columns
        .into_iter()
        .zip(schema.fields())
        .zip(types)
        .map(|((c, f), ty)| {
            if ty.oid == oid::NUMERIC {
                return fix_numeric(c, *ty);
            }
            if c.data_type() == f.data_type() {
                return Ok(c);
            }
            let data = c.to_data().into_builder().data_type(f.data_type().clone());
            let data = data
                .build()
                .map_err(|e| DbError::internal(format!("scan column {} as {}: {e}", c.data_type(), f.data_type())))?;
            Ok(arrow_array::make_array(data))
        })
        .collect()
}

fn fix_numeric(c: ArrayRef, ty: TypeRef) -> Result<ArrayRef> {
    let kind = rowcodec::phys_kind(ty);
    match kind {
        PhysKind::Bin => {
            let stored = c.as_binary_view();
            let mut b = DatumBuilder::new(ty, None, stored.len());
            for v in stored {
                match v {
                    None => b.push(&Datum::Null)?,
                    Some(bytes) => b.push(&rowcodec::decode_value(kind, ty, bytes)?)?,
                }
            }
            Ok(b.finish())
        }
        PhysKind::Dec64 { .. } | PhysKind::Dec128 { .. } => {
            let Some((precision, scale)) = rowcodec::static_numeric(ty) else { return Ok(c) };
            let d = c.as_primitive::<Decimal128Type>();
            let nan = i128::from(i64::MAX);
            let narrow = matches!(kind, PhysKind::Dec64 { .. });
            let fixed = if narrow && d.values().contains(&nan) {
                d.unary(|v| if v == nan { i128::MAX } else { v })
            } else {
                d.clone()
            };
            let data = fixed.into_data().into_builder().data_type(DataType::Decimal128(precision, scale)).build();
            Ok(arrow_array::make_array(data.map_err(|e| DbError::internal(format!("scan of numeric: {e}")))?))
        }
        _ => Ok(c),
    }
}
