//! Reading and rewriting the rows of a table that is being altered.
//!
//! The table is locked against writers, so what the newest snapshot (with this transaction's own changes) sees is all
//! there is.

use super::{DdlCx, err};
use crate::bind::BindCx;
use crate::bind::types::base_type;
use crate::catalog::rows::CatRow;
use crate::catalog::{Column, Constraint, ConstraintKind, Relation, Storage};
use crate::exec::dml::SourceRows;
use crate::exec::eval::{Compiled, Env, compile};
use crate::exec::table::{TableRt, borrow_keys, show_value};
use crate::exec::tables::decode_row;
use crate::plan::ir::{Append, Branch, Col, ColId, Expr, ExprKind, JoinKind, Rel, Scan};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::heap::RowBuf;
use rustydb_storage::scan::{RowScan, ScanEnv, partitions};
use rustydb_storage::table::Inserted;
use rustydb_types::ctx::FormatSettings;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::oid;
use std::ops::RangeFrom;
use std::sync::Arc;

/// Prepares a definition that may not be in the catalog (yet).
fn prepared(cx: &DdlCx<'_>, rel: &Arc<Relation>) -> Result<TableRt> {
    let catalog = cx.cat();
    let bind = BindCx { catalog: &catalog, search_path: &cx.search_path, eval: cx.eval, role: cx.role, sql: cx.sql };
    TableRt::new(&bind, rel)
}

/// A table's rows, page by page.
struct Reader {
    /// `None` for a table without rows of its own.
    rt: Option<TableRt>,
    scans: Vec<RowScan>,
}

impl Reader {
    async fn open(cx: &mut DdlCx<'_>, rel: &Arc<Relation>) -> Result<Reader> {
        if rel.is_partitioned() {
            // Its partitions have the rows.
            return Ok(Reader { rt: None, scans: Vec::new() });
        }
        // Rows are only read: what the indexes need does not matter.
        let bare = Arc::new(Relation { indexes: Vec::new(), ..(**rel).clone() });
        let rt = prepared(cx, &bare)?;
        let snap = cx.tx.latest_snapshot();
        let store = Arc::clone(cx.tx.txn.store());
        let env = ScanEnv { store: Arc::clone(&store), snap, interrupt: cx.tx.txn.rules.interrupt.clone() };
        let mut scans = Vec::new();
        for blocks in partitions(&env, rt.desc.rel, 1).await? {
            scans.push(RowScan::new(env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks));
        }
        scans.reverse();
        Ok(Reader { rt: Some(rt), scans })
    }

    /// The next rows, one value per attribute number; empty at the end.
    async fn next(&mut self, cx: &mut DdlCx<'_>) -> Result<Vec<Vec<Datum>>> {
        let Some(rt) = &self.rt else { return Ok(Vec::new()) };
        while let Some(scan) = self.scans.last_mut() {
            let page: Option<Vec<Vec<u8>>> =
                scan.next().await?.map(|rows| rows.iter().map(|(_, b)| b.to_vec()).collect());
            let Some(page) = page else {
                self.scans.pop();
                continue;
            };
            let mut out = Vec::with_capacity(page.len());
            for image in page {
                out.push(decode_row(&mut cx.tx.txn, rt, &image).await?);
            }
            if !out.is_empty() {
                return Ok(out);
            }
        }
        Ok(Vec::new())
    }
}

/// Compiles an expression over [`super::column::row_columns`].
pub fn compiled(e: &Expr) -> Result<Compiled> {
    compile(e, &|id| id.checked_sub(1_000_001).map(|n| n as usize))
}

/// Reads every row until `f` answers false.
pub async fn each_row(
    cx: &mut DdlCx<'_>,
    rel: &Arc<Relation>,
    mut f: impl FnMut(&[Datum]) -> Result<bool>,
) -> Result<()> {
    let mut reader = Reader::open(cx, rel).await?;
    loop {
        let rows = reader.next(cx).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for r in &rows {
            if !f(r)? {
                return Ok(());
            }
        }
    }
}

/// 23514 if a row does not satisfy a condition.
pub async fn check(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, name: &str, condition: &Expr) -> Result<()> {
    let c = compiled(&super::generated::over_stored(cx, rel, condition)?)?;
    let env = Env { ctx: cx.eval, params: &[] };
    let mut bad = false;
    each_row(cx, rel, |row| {
        bad = matches!(c.eval(env, row)?, Datum::Bool(false));
        Ok(!bad)
    })
    .await?;
    if bad {
        return Err(err(
            SqlState::CHECK_VIOLATION,
            format!("check constraint \"{name}\" of relation \"{}\" is violated by some row", rel.name),
        )
        .table(rel.schema.clone(), rel.name.clone())
        .constraint(name.to_owned()));
    }
    Ok(())
}

/// 23502 if a column holds a NULL.
pub async fn check_not_null(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, columns: &[i16]) -> Result<()> {
    super::generated::check_not_null(cx, rel, columns).await?;
    let stored: Vec<i16> =
        columns.iter().copied().filter(|a| !rel.attribute(*a).is_some_and(|c| c.is_virtual())).collect();
    if stored.is_empty() {
        return Ok(());
    }
    let mut bad = None;
    each_row(cx, rel, |row| {
        bad = stored.iter().copied().find(|a| row.get(*a as usize - 1).is_none_or(Datum::is_null));
        Ok(bad.is_none())
    })
    .await?;
    match bad.and_then(|a| rel.attribute(a)) {
        None => Ok(()),
        Some(c) => Err(null_found(rel, c)),
    }
}

/// 23502 for a column of a table that has a NULL in some row.
pub fn null_found(rel: &Relation, c: &Column) -> DbError {
    err(
        SqlState::NOT_NULL_VIOLATION,
        format!("column \"{}\" of relation \"{}\" contains null values", c.name, rel.name),
    )
    .table(rel.schema.clone(), rel.name.clone())
    .column(c.name.clone())
}

/// 23503 if a row refers to nothing. The rows without a partner are asked for as a query, so that two large tables are
/// joined instead of one being looked up row by row.
pub async fn check_foreign(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, c: &Constraint) -> Result<()> {
    let ConstraintKind::Foreign { ref_table, ref_columns, match_full, .. } = &c.kind else {
        return Ok(());
    };
    if rel.is_partitioned() {
        // Its partitions have the constraint too, and the rows.
        return Ok(());
    }
    let target = if *ref_table == rel.oid { Arc::clone(rel) } else { cx.relation(*ref_table)? };
    let mut ids = 1..;
    let (from, from_cols) = key_scan(cx, rel, &c.columns, &mut ids)?;
    let (to, to_cols) = key_scan(cx, &target, ref_columns, &mut ids)?;
    let nulls: Vec<Expr> = from_cols
        .iter()
        .map(|k| Expr::new(ExprKind::IsNull { arg: Box::new(Expr::column(*k)), negated: false }, boolean()))
        .collect();
    let on = cx.binder(|b| {
        let pairs = from_cols.iter().zip(&to_cols);
        pairs.map(|(f, t)| b.operator(None, "=", Some(Expr::column(*f)), Expr::column(*t), 0)).collect::<Result<_>>()
    })?;
    // Rows with a NULL refer to nothing; MATCH FULL allows only rows all of whose columns are NULL.
    let excused = Expr::new(if *match_full { ExprKind::And(nulls) } else { ExprKind::Or(nulls) }, boolean());
    let left = Rel::Filter { input: Box::new(from), pred: Expr::new(ExprKind::Not(Box::new(excused)), boolean()) };
    let orphans = Rel::Join {
        kind: JoinKind::Anti,
        left: Box::new(left),
        right: Box::new(to),
        on: Some(Expr::new(ExprKind::And(on), boolean())),
        lateral: false,
    };
    let one = Expr::new(ExprKind::Const(Datum::Int8(1)), TypeRef::new(oid::INT8));
    let first = Rel::Limit { input: Box::new(orphans), limit: Some(one), offset: None, ties: None };
    let snap = cx.tx.latest_snapshot();
    let mut rows = SourceRows::open_stream(cx.tx, &first, snap, &Arc::from([]), cx.env).await?;
    match rows.next(Some(&mut *cx.tx)).await? {
        Some(row) => Err(missing_key(rel, &target, c, &row)),
        None => Ok(()),
    }
}

/// 23503 if a row refers to a row of one partition of a table.
pub async fn check_no_reference(
    cx: &mut DdlCx<'_>,
    from: &Arc<Relation>,
    c: &Constraint,
    whole: &Arc<Relation>,
    part: &Arc<Relation>,
) -> Result<()> {
    let ConstraintKind::Foreign { ref_columns: columns, .. } = &c.kind else { return Ok(()) };
    let mut ids = 1..;
    let (left, from_cols) = key_scan(cx, from, &c.columns, &mut ids)?;
    let (right, to_cols) = key_scan(cx, part, columns, &mut ids)?;
    let on = cx.binder(|b| {
        let pairs = from_cols.iter().zip(&to_cols);
        pairs.map(|(f, t)| b.operator(None, "=", Some(Expr::column(*f)), Expr::column(*t), 0)).collect::<Result<_>>()
    })?;
    let referring = Rel::Join {
        kind: JoinKind::Semi,
        left: Box::new(left),
        right: Box::new(right),
        on: Some(Expr::new(ExprKind::And(on), boolean())),
        lateral: false,
    };
    let one = Expr::new(ExprKind::Const(Datum::Int8(1)), TypeRef::new(oid::INT8));
    let first = Rel::Limit { input: Box::new(referring), limit: Some(one), offset: None, ties: None };
    let snap = cx.tx.latest_snapshot();
    let mut rows = SourceRows::open_stream(cx.tx, &first, snap, &Arc::from([]), cx.env).await?;
    let Some(row) = rows.next(Some(&mut *cx.tx)).await? else { return Ok(()) };
    let fmt = FormatSettings::default();
    let keys: Vec<&crate::catalog::Column> = columns.iter().filter_map(|a| part.attribute(*a)).collect();
    let names: Vec<&str> = keys.iter().map(|c| c.name.as_str()).collect();
    let values: Vec<String> = keys.iter().zip(&row).map(|(c, d)| show_value(&fmt, c.ty, d, usize::MAX)).collect();
    Err(err(
        SqlState::FOREIGN_KEY_VIOLATION,
        format!("removing partition \"{}\" violates foreign key constraint \"{}\"", part.name, c.name),
    )
    .detail(format!(
        "Key ({})=({}) is still referenced from table \"{}\".",
        names.join(", "),
        values.join(", "),
        whole.name
    ))
    .table(whole.schema.clone(), whole.name.clone())
    .constraint(c.name.clone()))
}

fn boolean() -> TypeRef {
    TypeRef::new(oid::BOOL)
}

/// The key columns of all rows.
fn key_scan(
    cx: &DdlCx<'_>,
    rel: &Arc<Relation>,
    columns: &[i16],
    ids: &mut RangeFrom<ColId>,
) -> Result<(Rel, Vec<Col>)> {
    let mut cols = Vec::with_capacity(columns.len());
    for attnum in columns {
        let (Some(c), Some(id)) = (rel.attribute(*attnum), ids.next()) else {
            return Err(DbError::internal("a foreign key's column does not exist"));
        };
        cols.push((Col { id, ty: base_type(c.ty) }, *attnum));
    }
    if rel.is_partitioned() {
        return partitions_scan(cx, rel, &cols, ids);
    }
    let outputs = cols.iter().map(|c| c.0).collect();
    Ok((
        Rel::Scan(Box::new(Scan {
            table: Arc::clone(rel),
            cols,
            rid: None,
            alias: rel.name.clone(),
            sample: None,
            as_of: None,
        })),
        outputs,
    ))
}

/// The key columns of all partitions' rows.
fn partitions_scan(
    cx: &DdlCx<'_>,
    rel: &Arc<Relation>,
    cols: &[(Col, i16)],
    ids: &mut RangeFrom<ColId>,
) -> Result<(Rel, Vec<Col>)> {
    let mut branches = Vec::new();
    for oid in cx.tx.catalog.tree(rel.oid) {
        let part = cx.relation(oid)?;
        if part.is_partitioned() {
            continue;
        }
        let mut own = Vec::with_capacity(cols.len());
        for (_, attnum) in cols {
            let column = rel.attribute(*attnum).and_then(|c| part.column(&c.name));
            own.push(column.map(|c| c.attnum).ok_or_else(|| DbError::internal("a partition lacks a column"))?);
        }
        let (rel, cols) = key_scan(cx, &part, &own, ids)?;
        branches.push(Branch { rel, cols });
    }
    let outputs: Vec<Col> = cols.iter().map(|c| c.0).collect();
    Ok((Rel::Append(Box::new(Append { cols: outputs.clone(), branches, prune: None })), outputs))
}

/// `row`: the values of the key's columns.
fn missing_key(rel: &Relation, target: &Relation, c: &Constraint, row: &[Datum]) -> DbError {
    let e = err(
        SqlState::FOREIGN_KEY_VIOLATION,
        format!("insert or update on table \"{}\" violates foreign key constraint \"{}\"", rel.name, c.name),
    )
    .table(rel.schema.clone(), rel.name.clone())
    .constraint(c.name.clone());
    if row.iter().any(Datum::is_null) {
        return e.detail("MATCH FULL does not allow mixing of null and nonnull key values.");
    }
    let fmt = FormatSettings::default();
    let columns: Vec<&crate::catalog::Column> = c.columns.iter().filter_map(|a| rel.attribute(*a)).collect();
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let values: Vec<String> = columns.iter().zip(row).map(|(c, d)| show_value(&fmt, c.ty, d, usize::MAX)).collect();
    e.detail(format!("Key ({})=({}) is not present in table \"{}\".", names.join(", "), values.join(", "), target.name))
}

/// Gives a table new files and fills them with its rows as `change` makes them; indexes are rebuilt. The old files go at
/// commit.
pub async fn rewrite(
    cx: &mut DdlCx<'_>,
    old: &Arc<Relation>,
    new: &mut Relation,
    mut change: impl FnMut(Vec<Datum>) -> Result<Vec<Datum>>,
) -> Result<()> {
    if old.is_partitioned() {
        return Ok(());
    }
    let rewrite = start_rewrite(cx, old, new).await?;
    let mut reader = Reader::open(cx, old).await?;
    loop {
        let rows = reader.next(cx).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let row = change(row)?;
            let null = |(c, d): (&Column, &Datum)| c.not_null && !c.dropped && !c.is_virtual() && d.is_null();
            if let Some((c, _)) = rewrite.rt.rel.columns.iter().zip(&row).find(|x| null(*x)) {
                return Err(null_found(&rewrite.rt.rel, c));
            }
            store_row(cx, &rewrite, &row).await?;
        }
    }
    finish_rewrite(cx, rewrite, new).await
}

/// A table being written anew.
pub struct Rewrite {
    before: Storage,
    rt: TableRt,
}

/// Gives a definition new files, to be filled by [`store_row`].
pub async fn start_rewrite(cx: &mut DdlCx<'_>, old: &Arc<Relation>, new: &mut Relation) -> Result<Rewrite> {
    let before = old.storage.clone().ok_or_else(|| DbError::internal("a table without rows is rewritten"))?;
    new.storage = Some(cx.tx.create_heap(new.durability()).await?);
    for c in &mut new.columns {
        c.since = 0;
        c.missing = Datum::Null;
    }
    let bare = Arc::new(Relation { indexes: Vec::new(), ..new.clone() });
    Ok(Rewrite { before, rt: prepared(cx, &bare)? })
}

/// Stores a row in the new files.
pub async fn store_row(cx: &mut DdlCx<'_>, rewrite: &Rewrite, row: &[Datum]) -> Result<()> {
    let encoded = rewrite.rt.encode(row)?;
    let done = cx.tx.txn.insert(&rewrite.rt.desc, &encoded.values(), &borrow_keys(&[])).await?;
    match done {
        Inserted::Row(_) => Ok(()),
        Inserted::Duplicate(_) => Err(DbError::internal("a table without indexes reports a duplicate")),
    }
}

/// Rebuilds the indexes over the new files; the old ones go at commit.
pub async fn finish_rewrite(cx: &mut DdlCx<'_>, rewrite: Rewrite, new: &mut Relation) -> Result<()> {
    cx.tx.next_command();
    if let Some(s) = &new.storage {
        cx.tx.txn.store().ssi().relation_replaced(rewrite.before.heap, s.heap);
    }
    cx.tx.drop_storage(&rewrite.before).await?;
    rebuild_indexes(cx, new).await
}

/// Builds all indexes of a definition anew; the old files go at commit.
pub async fn rebuild_indexes(cx: &mut DdlCx<'_>, rel: &mut Relation) -> Result<()> {
    let table = Arc::new(Relation { indexes: Vec::new(), ..rel.clone() });
    if rel.is_partitioned() {
        return Ok(());
    }
    for i in 0..rel.indexes.len() {
        let mut ix = (*rel.indexes[i]).clone();
        let file = ix.storage;
        ix.storage = cx.tx.create_index(&ix, rel.durability()).await?;
        ix.valid = true;
        cx.tx.build_index(cx.eval, &table, &mut ix).await?;
        if let Some(s) = &rel.storage {
            cx.tx.txn.store().ssi().relation_replaced(file, s.heap);
        }
        cx.tx.drop_files(file).await?;
        rel.indexes[i] = Arc::new(ix);
    }
    Ok(())
}

/// A row of a catalog table by its unique key.
pub async fn catalog_row(cx: &mut DdlCx<'_>, like: &CatRow) -> Result<Option<CatRow>> {
    let rel = cx.relation(like.table)?;
    let rt = cx.tx.table(cx.eval, &rel)?;
    let keys = rt.keys(Env { ctx: cx.eval, params: &[] }, &like.values)?;
    let snap = cx.tx.latest_snapshot();
    for (i, k) in rt.indexes.iter().zip(&keys) {
        let Some(k) = k.as_ref().filter(|k| k.unique) else { continue };
        let mut buf = RowBuf::new();
        let found = cx.tx.txn.point_get(&snap, rt.desc.rel, &i.desc, &k.bytes, &mut buf, |_| Ok(true)).await?;
        return Ok(match found {
            Some(_) => Some(CatRow { table: like.table, values: decode_row(&mut cx.tx.txn, &rt, &buf).await? }),
            None => None,
        });
    }
    Err(DbError::internal(format!("catalog {} has no unique index", like.table)))
}
