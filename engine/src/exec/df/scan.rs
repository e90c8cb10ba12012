//! Scans of stored tables, and the choice between the heap and a range of an index.
//!
//! An index is read when predicates fix a prefix of its key columns (and perhaps bound the next one) by values that the
//! scan's own rows do not determine, and the statistics promise few rows. The bounds are evaluated when the scan starts,
//! so a correlated subquery's scan looks its outer row's value up. An inverted index is asked in the same way for the rows
//! that its conditions can be true for. All predicates are still tested on the rows.

use super::BATCH_ROWS;
use super::expr::{Frame, RowExpr, name};
use super::lower::{Plan, schema};
use super::op::{Op, Run, op_plan};
use super::rewrite::stats;
use super::util::{DfResult, from_df, produce, to_df};
use crate::bind::collation::is_collate;
use crate::catalog::{Index, IndexKey};
use crate::engine::UNIX_TO_PG_EPOCH;
use crate::exec::brin;
use crate::exec::index_terms::{self, Lookup};
use crate::exec::table::{TableRt, key_collation};
use crate::exec::{IndexRange, ScanRequest, StmtCx};
use crate::plan::ir::{ColId, Expr, ExprKind, Scan};
use crate::plan::walk;
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::cast::as_boolean_array;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::PhysicalExpr;
use futures::StreamExt;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::am::Search;
use rustydb_types::arrow::arrow_type;
use rustydb_types::collation::{is_deterministic, same_order};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, pgdata, rowcodec};
use std::sync::Arc;

/// Share of a table above which reading it whole is cheaper than fetching its rows through an index.
const INDEX_SHARE: f64 = 0.05;
/// Share of a table's blocks above which reading all of them is no dearer.
const BLOCKS_SHARE: f64 = 0.8;
/// Rows of a table below which no inverted index is asked.
const GATHER_ROWS: f64 = 500.0;

/// Bounds on an index, still as expressions.
#[derive(Clone)]
struct Range {
    index: u32,
    shown: String,
    equal: Vec<Bound>,
    low: Option<(Bound, bool)>,
    high: Option<(Bound, bool)>,
}

/// What is looked for in an inverted index, still as expressions.
#[derive(Clone)]
struct Gathering {
    index: u32,
    shown: String,
    terms: Vec<(Lookup, RowExpr)>,
    conds: Vec<Expr>,
}

/// The use of an index.
#[derive(Clone)]
enum Way {
    Range(Range),
    Gather(Gathering),
}

impl Way {
    fn shown(&self) -> &str {
        match self {
            Way::Range(r) => &r.shown,
            Way::Gather(g) => &g.shown,
        }
    }
}

/// A bound: its value and the key column's type.
#[derive(Clone)]
struct Bound {
    value: RowExpr,
    ty: TypeRef,
}

/// A scan's plan. `preds` are conditions its rows must meet anyway.
pub fn plan(s: &Scan, cx: &Arc<StmtCx>, frames: &[Arc<Frame>], limit: Option<usize>, preds: &[&Expr]) -> Result<Plan> {
    let mut cols: Vec<_> = s.cols.iter().map(|(c, _)| (*c, arrow_type(c.ty, rowcodec::static_numeric(c.ty)))).collect();
    if let Some(rid) = s.rid {
        cols.push((rid, DataType::Int64));
    }
    // Indexes lead to the newest keys of rows only by way of what purge has left: the past is read whole.
    let way = if s.as_of.is_some() { None } else { choose(s, cx, frames, preds)? };
    let as_of = s.as_of.as_ref().map(|e| RowExpr::new(e, cx, frames, &|_| false)).transpose()?;
    let detail = match &way {
        Some(w) => format!("on {} using {}", s.alias, w.shown()),
        None => format!("on {}", s.alias),
    };
    let title = match &way {
        Some(Way::Range(_)) => "IndexScan",
        Some(Way::Gather(_)) => "BitmapScan",
        None => "SeqScan",
    };
    let request = ScanRequest {
        table: Arc::clone(&s.table),
        cols: s.cols.clone(),
        rid: s.rid.is_some(),
        index: None,
        gather: None,
        limit,
        filter: None,
        batch_rows: BATCH_ROWS,
        as_of: None,
    };
    let filters = !cols.is_empty() && limit.is_none();
    // DataFusion wants at least one column to count rows by.
    let schema = if cols.is_empty() {
        schema([(format!("rows{}", super::util::fresh_id()), DataType::Boolean)])?
    } else {
        schema(cols.iter().map(|(c, t)| (name(c.id), t.clone())))?
    };
    let cx = Arc::clone(cx);
    let body = move |run: Run| run_scan(run, &cx, request.clone(), way.as_ref(), as_of.as_ref());
    let mut op = Op::new(title, detail, Arc::new(body));
    op.filters = filters;
    Ok(Plan { plan: op_plan(op, vec![], schema), cols })
}

/// The commit number that the value of AS OF names.
fn past(d: &Datum) -> Result<u64> {
    let bad = |why: &str| Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("AS OF {why}")));
    match d {
        Datum::Int8(scn) => u64::try_from(*scn).or_else(|_| bad("SCN must not be negative")),
        Datum::TimestampTz(t) => {
            let Some(micros) = t.checked_add(UNIX_TO_PG_EPOCH).and_then(|m| u64::try_from(m).ok()) else {
                return bad("a time before 1970 cannot be read");
            };
            // All commits of that microsecond.
            if micros >= 1 << 53 { bad("a time in the future cannot be read") } else { Ok((micros << 10) | 1023) }
        }
        Datum::Null => bad("needs a value that is not null"),
        _ => Err(DbError::internal("AS OF with a value of another type")),
    }
}

fn run_scan(
    run: Run,
    cx: &Arc<StmtCx>,
    mut request: ScanRequest,
    way: Option<&Way>,
    as_of: Option<&RowExpr>,
) -> DfResult<SendableRecordBatchStream> {
    let schema = Arc::clone(&run.schema);
    let empty = request.cols.is_empty() && !request.rid;
    request.batch_rows = run.task.session_config().batch_size();
    if !run.filters.is_empty() {
        let (filters, schema) = (run.filters.clone(), Arc::clone(&schema));
        request.filter = Some(Arc::new(move |b| qualifying(&filters, &schema, b).map_err(from_df)));
    }
    request.as_of = as_of.map(|e| e.eval(&[]).and_then(|d| past(&d))).transpose().map_err(to_df)?;
    let mut nothing = false;
    match way {
        Some(Way::Range(r)) => {
            request.index = bounds(r).map_err(to_df)?;
            nothing = request.index.is_none();
        }
        Some(Way::Gather(g)) => {
            request.gather = search(g).map_err(to_df)?;
            nothing = request.gather.is_none();
        }
        None => {}
    }
    let cx = Arc::clone(cx);
    Ok(produce(Arc::clone(&schema), move |mut out| async move {
        if nothing {
            return Ok(());
        }
        let mut rows = cx.tables.scan(request, 0, 1);
        while let Some(b) = rows.next().await {
            cx.cancel.check().map_err(to_df)?;
            let b = b.map_err(to_df)?;
            let columns = if empty {
                let ones = datafusion::arrow::array::BooleanArray::from(vec![true; b.num_rows()]);
                vec![Arc::new(ones) as datafusion::arrow::array::ArrayRef]
            } else {
                b.columns().to_vec()
            };
            out.send(RecordBatch::try_new(Arc::clone(&schema), columns)?).await?;
        }
        Ok(())
    }))
}

/// Bytes that a scan's columns take of a row, about.
pub fn width(s: &Scan, cx: &StmtCx) -> f64 {
    let len = |ty: TypeRef| pgdata::pg_type(ty.oid).map_or(-1, |t| t.typlen);
    let (mut fixed, mut variable) = (0.0, 0.0);
    for c in s.table.live_columns() {
        match len(c.ty) {
            n if n > 0 => fixed += f64::from(n),
            _ => variable += 1.0,
        }
    }
    // What the fixed columns leave is shared among the others.
    let each = ((cx.tables.row_bytes(&s.table) - fixed) / f64::max(variable, 1.0)).max(VIEW);
    s.cols.iter().map(|(c, _)| Some(len(c.ty)).filter(|n| *n > 0).map_or(each + VIEW, f64::from)).sum()
}

/// Bytes of a value in an array of views beside the value itself.
const VIEW: f64 = 16.0;

/// The rows of a batch that meet all conditions, which are tested one after the other on those left.
fn qualifying(filters: &[Arc<dyn PhysicalExpr>], schema: &SchemaRef, b: RecordBatch) -> DfResult<RecordBatch> {
    let mut b = RecordBatch::try_new(Arc::clone(schema), b.columns().to_vec())?;
    for f in filters {
        if b.num_rows() == 0 {
            break;
        }
        let met = f.evaluate(&b)?.into_array(b.num_rows())?;
        let met = as_boolean_array(&met)?;
        if met.null_count() > 0 || met.has_false() {
            b = filter_record_batch(&b, met)?;
        }
    }
    Ok(b)
}

/// What the terms look for together; `None` when a NULL among them means that no row qualifies.
fn search(g: &Gathering) -> Result<Option<(u32, Search)>> {
    let values = g.terms.iter().map(|(asked, value)| Ok((asked, value.eval(&[])?)));
    Ok(Lookup::search(values)?.map(|s| (g.index, s)))
}

/// The range's values; `None` when a NULL among them means that no row qualifies.
fn bounds(r: &Range) -> Result<Option<IndexRange>> {
    let value = |b: &Bound| -> Result<Option<Datum>> {
        let d = b.value.eval(&[])?;
        if d.is_null() {
            return Ok(None);
        }
        // A value outside the key's type is met by no row on one side of it; such bounds were not chosen.
        Ok(as_key(b.ty, d))
    };
    let mut equal = Vec::with_capacity(r.equal.len());
    for b in &r.equal {
        match value(b)? {
            Some(d) => equal.push(d),
            None => return Ok(None),
        }
    }
    let side = |b: &Option<(Bound, bool)>| -> Result<Option<Option<(Datum, bool)>>> {
        Ok(match b {
            None => Some(None),
            Some((b, inclusive)) => value(b)?.map(|d| Some((d, *inclusive))),
        })
    };
    let (Some(low), Some(high)) = (side(&r.low)?, side(&r.high)?) else { return Ok(None) };
    Ok(Some(IndexRange { index: r.index, equal, low, high, reverse: false }))
}

/// A value as the index's key type keeps it; `None` when no key can be equal to it.
fn as_key(ty: TypeRef, d: Datum) -> Option<Datum> {
    let v = match d {
        Datum::Int2(v) => i64::from(v),
        Datum::Int4(v) => i64::from(v),
        Datum::Int8(v) => v,
        other => return Some(other),
    };
    match ty.oid {
        oid::INT2 => i16::try_from(v).ok().map(Datum::Int2),
        oid::INT4 => i32::try_from(v).ok().map(Datum::Int4),
        oid::INT8 => Some(Datum::Int8(v)),
        _ => None,
    }
}

/// `column op value` with a btree strategy (1 <, 2 <=, 3 =, 4 >=, 5 >), the column on the left.
struct Test<'e> {
    attnum: i16,
    strategy: u8,
    value: &'e Expr,
    same_type: bool,
    /// The collation it compares by.
    by: u32,
}

impl Test<'_> {
    /// Whether the rows that pass lie where a key says. They are tested again, so what is equal by its bytes may be looked
    /// up under any collation.
    fn served_by(&self, key: &IndexKey) -> bool {
        same_order(self.by, key_collation(key)) || (self.strategy == 3 && is_deterministic(self.by))
    }
}

fn tests<'e>(s: &Scan, preds: &[&'e Expr]) -> Vec<Test<'e>> {
    let own = |id: ColId| s.cols.iter().find(|c| c.0.id == id);
    let mut out = Vec::new();
    for p in preds {
        let ExprKind::Call { proc, args, collation } = &p.kind else { continue };
        let [a, b] = args.as_slice() else { continue };
        let Some(strategy) = strategy(proc.oid) else { continue };
        let column = |e: &Expr| match &e.kind {
            ExprKind::Column(id) => own(*id).copied(),
            // A varchar column compares as text.
            ExprKind::Relabel(x) => match &x.kind {
                ExprKind::Column(id) if (x.ty.oid == oid::VARCHAR && e.ty.oid == oid::TEXT) || is_collate(e) => {
                    own(*id).copied()
                }
                _ => None,
            },
            _ => None,
        };
        let free = |e: &Expr| is_free(s, e);
        let (col, strategy, value) = match (column(a), column(b)) {
            (Some(c), None) if free(b) => (c, strategy, b),
            (None, Some(c)) if free(a) => (c, 6 - strategy, a),
            _ => continue,
        };
        let ints = |t: u32| matches!(t, oid::INT2 | oid::INT4 | oid::INT8);
        let texts = |t: u32| matches!(t, oid::TEXT | oid::VARCHAR);
        let (ct, vt) = (col.0.ty.oid, value.ty.oid);
        let same_type = ct == vt || (texts(ct) && texts(vt));
        if same_type || (ints(ct) && ints(vt)) {
            out.push(Test { attnum: col.1, strategy, value, same_type, by: *collation });
        }
    }
    out
}

/// Whether an expression is known before a scan begins.
fn is_free(s: &Scan, e: &Expr) -> bool {
    let mut ok = true;
    walk::visit(e, &mut |x| match &x.kind {
        ExprKind::Column(id) => ok &= !s.cols.iter().any(|c| c.0.id == *id),
        ExprKind::Subquery(_) => ok = false,
        _ => ok &= !super::expr::is_volatile(x),
    });
    ok
}

fn strategy(proc: u32) -> Option<u8> {
    ["<", "<=", "=", ">=", ">"]
        .iter()
        .zip(1u8..)
        .find_map(|(sym, n)| pgdata::operators_named(sym).iter().any(|o| o.oprcode == proc).then_some(n))
}

/// The name of the index that a scan under conditions reads, for EXPLAIN, and which conditions an inverted index is asked.
pub fn index_shown(s: &Scan, cx: &Arc<StmtCx>, preds: &[&Expr]) -> Option<(String, Vec<Expr>)> {
    if s.as_of.is_some() {
        return None;
    }
    match choose(s, cx, &[], preds).ok().flatten()? {
        Way::Range(r) => Some((r.shown, Vec::new())),
        Way::Gather(g) => Some((g.shown, g.conds)),
    }
}

fn choose(s: &Scan, cx: &Arc<StmtCx>, frames: &[Arc<Frame>], preds: &[&Expr]) -> Result<Option<Way>> {
    let tests = tests(s, preds);
    let bitmaps_off = || cx.eval.session.setting("enable_bitmapscan").as_deref() == Some("off");
    let rows = cx.tables.estimated_rows(&s.table).max(1.0);
    let mut best: Option<(f64, Way)> = None;
    let mut prepared = None;
    for index in &s.table.indexes {
        if !index.searchable() || !cx.tables.may_use(index) {
            continue;
        }
        let found = if index.is_brin() {
            if preds.is_empty() || bitmaps_off() {
                continue;
            }
            if prepared.is_none() {
                prepared = cx.tables.prepared(&s.table)?;
            }
            match &prepared {
                Some(rt) => of_blocks(s, rt, index, preds, cx, frames, rows)?,
                None => None,
            }
        } else if index.is_gin() || index.is_tree() {
            if preds.is_empty() || rows < GATHER_ROWS {
                continue;
            }
            if prepared.is_none() {
                prepared = cx.tables.prepared(&s.table)?;
            }
            match &prepared {
                Some(rt) => gathering(s, rt, index, preds, cx, frames)?.map(|(share, g)| (share, Way::Gather(g))),
                None => None,
            }
        } else if tests.is_empty() || index.predicate.is_some() {
            None
        } else {
            fit(s, index, &tests, cx, frames, rows)?.map(|(share, r)| (share, Way::Range(r)))
        };
        let Some((share, way)) = found else { continue };
        if share <= INDEX_SHARE.max(1.0 / rows) && best.as_ref().is_none_or(|b| share < b.0) {
            best = Some((share, way));
        }
    }
    Ok(best.map(|b| b.1))
}

/// How a block range index serves conditions. Its blocks are read one after the other, so a share of the table costs as much as
/// a much smaller one of rows that are fetched one by one. If tables are not to be read whole, it always helps.
fn of_blocks(
    s: &Scan,
    rt: &TableRt,
    index: &Index,
    preds: &[&Expr],
    cx: &Arc<StmtCx>,
    frames: &[Arc<Frame>],
    rows: f64,
) -> Result<Option<(f64, Way)>> {
    let Some((at, _)) = rt.index(index.oid) else { return Ok(None) };
    let terms = index_terms::terms(s, rt, at, preds, &|e| is_free(s, e));
    let share = brin::share(rt, index, &terms, rows);
    let Some((_, g)) = gathering(s, rt, index, preds, cx, frames)? else { return Ok(None) };
    let forced = cx.eval.session.setting("enable_seqscan").as_deref() == Some("off");
    let cost = if forced { 0.0 } else { share * INDEX_SHARE / BLOCKS_SHARE };
    Ok((forced || rows >= GATHER_ROWS).then_some((cost, Way::Gather(g))))
}

/// How an inverted index serves conditions: the share of the table's rows that it would name.
fn gathering(
    s: &Scan,
    rt: &TableRt,
    index: &Index,
    preds: &[&Expr],
    cx: &Arc<StmtCx>,
    frames: &[Arc<Frame>],
) -> Result<Option<(f64, Gathering)>> {
    let Some((at, _)) = rt.index(index.oid) else { return Ok(None) };
    if !index_terms::implied(s, rt, at, preds, &|_| false) {
        return Ok(None);
    }
    let terms = index_terms::terms(s, rt, at, preds, &|e| is_free(s, e));
    if terms.is_empty() {
        return Ok(None);
    }
    let share = terms.iter().map(|t| t.lookup.share()).product();
    let conds = terms.iter().filter_map(|t| preds.get(t.cond).map(|p| (*p).clone())).collect();
    let terms =
        terms.iter().map(|t| Ok((t.lookup, RowExpr::new(&t.value, cx, frames, &|_| false)?))).collect::<Result<_>>()?;
    Ok(Some((share, Gathering { index: index.oid, shown: index.name.clone(), terms, conds })))
}

/// How an index serves the tests: the share of the table's rows that it would read.
fn fit(
    s: &Scan,
    index: &Arc<Index>,
    tests: &[Test<'_>],
    cx: &Arc<StmtCx>,
    frames: &[Arc<Frame>],
    rows: f64,
) -> Result<Option<(f64, Range)>> {
    let bound = |t: &Test<'_>, ty: TypeRef| -> Result<Bound> {
        Ok(Bound { value: RowExpr::new(t.value, cx, frames, &|_| false)?, ty })
    };
    let mut equal = Vec::new();
    let mut share = 1.0;
    let (mut low, mut high) = (None, None);
    for key in &index.keys {
        let fits = |t: &&Test<'_>| key.attnum != 0 && t.attnum == key.attnum && t.served_by(key);
        let mine: Vec<&Test<'_>> = tests.iter().filter(fits).collect();
        if let Some(t) = mine.iter().find(|t| t.strategy == 3) {
            equal.push(bound(t, key.ty)?);
            share *= stats::equal_share(&s.table, key.attnum, rows);
            continue;
        }
        if index.is_hash() {
            return Ok(None);
        }
        // Bounds of another integer type could lie outside the key's range; they are left to the filter.
        if !key.desc {
            for t in mine.iter().filter(|t| t.same_type) {
                match t.strategy {
                    1 | 2 if high.is_none() => high = Some((bound(t, key.ty)?, t.strategy == 2)),
                    4 | 5 if low.is_none() => low = Some((bound(t, key.ty)?, t.strategy == 4)),
                    _ => {}
                }
            }
        }
        let known = |b: &Option<(Bound, bool)>| b.as_ref().and_then(|b| b.0.value.eval(&[]).ok());
        if low.is_some() || high.is_some() {
            share *= stats::range_share(&s.table, key.attnum, known(&low).as_ref(), known(&high).as_ref());
        }
        break;
    }
    if equal.is_empty() && low.is_none() && high.is_none() {
        return Ok(None);
    }
    if index.unique && equal.len() == index.keys.len() {
        share = 0.5 / rows;
    }
    let shown = index.name.clone();
    Ok(Some((share, Range { index: index.oid, shown, equal, low, high })))
}
