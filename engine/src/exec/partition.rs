//! Partitioned tables ready for row operations: which partition a row belongs to, and whether it fits the one it is in.

use super::eval::{Compiled, Env, compile};
use super::run::StatementEnv;
use super::table::{TableRt, show_value, show_value_in};
use crate::bind::{BindCx, Binder};
use crate::catalog::deparse::Show;
use crate::catalog::partition::{PartitionDesc, columns_text, no_partition};
use crate::catalog::{Catalog, Column, Relation};
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::{EvalCtx, FormatSettings};
use rustydb_types::datum::Datum;
use rustydb_types::io::OutCtx;
use std::sync::Arc;

/// Longest value in the description of a key.
const MAX_SHOWN: usize = 64;

/// See the module. Made once per version of a partitioned table's definition and shared.
pub struct PartitionRt {
    /// The partitions.
    pub desc: Arc<PartitionDesc>,
    keys: Vec<Compiled>,
}

impl PartitionRt {
    /// Prepares a partitioned table.
    pub fn new(catalog: &Arc<Catalog>, eval: &EvalCtx, rel: &Arc<Relation>) -> Result<PartitionRt> {
        let desc = PartitionDesc::of(catalog, rel, eval)?;
        let path: Vec<u32> = catalog.namespaces.keys().copied().collect();
        let cx = BindCx { catalog, search_path: &path, eval, role: rel.owner, sql: "" };
        let mut b = Binder::new(&cx, &[]);
        let row = b.row_cols(rel);
        let keys = b.partition_key(rel, &row)?;
        let slot = |id: u32| row.iter().find(|c| c.0.id == id).map(|c| c.1 as usize - 1);
        Ok(PartitionRt { desc, keys: keys.iter().map(|k| compile(k, &slot)).collect::<Result<_>>()? })
    }

    /// A row's key.
    pub fn key(&self, eval: &EvalCtx, row: &[Datum]) -> Result<Vec<Datum>> {
        self.keys.iter().map(|k| k.eval(Env { ctx: eval, params: &[] }, row)).collect()
    }

    /// The OID of the partition that a row belongs to.
    pub fn route(&self, eval: &EvalCtx, row: &[Datum]) -> Result<Option<u32>> {
        let at = self.desc.route(&self.key(eval, row)?)?;
        Ok(at.and_then(|i| self.desc.parts.get(i)).map(|p| p.oid))
    }

    /// 23514 for a row that no partition takes.
    pub fn refusal(&self, catalog: &Catalog, rel: &Relation, eval: &EvalCtx, row: &[Datum]) -> DbError {
        let Ok(key) = self.key(eval, row) else { return no_partition(rel, "") };
        let fmt = FormatSettings::default();
        let out = OutCtx { fmt: &fmt, session: Some(eval.session.as_ref()) };
        let path: Vec<u32> = catalog.namespaces.keys().copied().collect();
        let names = columns_text(rel, Show { catalog: Some(catalog), search_path: &path, pretty: true, formats: None });
        let values: Vec<String> =
            key.iter().zip(&self.desc.types).map(|(d, ty)| show_value_in(out, *ty, d, MAX_SHOWN)).collect();
        no_partition(rel, &format!("({}) = ({})", names.join(", "), values.join(", ")))
    }
}

/// Gives partitioned tables ready for row operations.
pub type PartitionSource<'a> = &'a dyn Fn(&Arc<Relation>) -> Result<Arc<PartitionRt>>;

/// Where each attribute of one table is in another that has it under the same name; `None` when all are at the same place.
pub fn attribute_map(from: &Relation, to: &Relation) -> Option<Vec<Option<usize>>> {
    let map: Vec<Option<usize>> = from
        .columns
        .iter()
        .map(|c| if c.dropped { None } else { to.column(&c.name).map(|t| t.attnum as usize - 1) })
        .collect();
    let same = from.columns.len() == to.columns.len()
        && map.iter().enumerate().all(|(i, m)| *m == Some(i) || (m.is_none() && to.columns[i].dropped));
    (!same).then_some(map)
}

/// A row in the shape of another table; what that one has besides is NULL.
pub fn reshape(map: Option<&[Option<usize>]>, row: &[Datum], width: usize) -> Vec<Datum> {
    let Some(map) = map else { return row.to_vec() };
    let mut out = vec![Datum::Null; width];
    for (d, to) in row.iter().zip(map) {
        if let Some(slot) = to.and_then(|t| out.get_mut(t)) {
            *slot = d.clone();
        }
    }
    out
}

/// The partition without partitions of its own that a row of a partitioned table belongs to, with the row as it is there.
pub fn leaf_of(
    catalog: &Arc<Catalog>,
    parts: PartitionSource<'_>,
    eval: &EvalCtx,
    root: &Arc<Relation>,
    row: &[Datum],
) -> Result<(Arc<Relation>, Vec<Datum>)> {
    let (mut at, mut row) = (Arc::clone(root), row.to_vec());
    while at.is_partitioned() {
        let rt = parts(&at)?;
        let Some(child) = rt.route(eval, &row)?.and_then(|o| catalog.relation(o).cloned()) else {
            return Err(rt.refusal(catalog, &at, eval, &row));
        };
        row = reshape(attribute_map(&at, &child).as_deref(), &row, child.columns.len());
        at = child;
    }
    Ok((at, row))
}

/// Whether a row meets a partition's bound and those of the partitioned tables above it.
pub fn fits(
    catalog: &Arc<Catalog>,
    parts: PartitionSource<'_>,
    eval: &EvalCtx,
    rel: &Arc<Relation>,
    row: &[Datum],
) -> Result<bool> {
    let (mut child, mut row) = (Arc::clone(rel), row.to_vec());
    for parent in catalog.partition_ancestors(rel) {
        row = reshape(attribute_map(&child, &parent).as_deref(), &row, parent.columns.len());
        if parts(&parent)?.route(eval, &row)? != Some(child.oid) {
            return Ok(false);
        }
        child = parent;
    }
    Ok(true)
}

/// A row as error details show it.
pub fn show_row(rel: &Relation, row: &[Datum]) -> String {
    let fmt = FormatSettings::default();
    let live = rel.columns.iter().zip(row).filter(|(c, _)| !c.dropped);
    let shown = |(c, d): (&Column, &Datum)| match c.is_virtual() {
        true => "virtual".to_owned(),
        false => show_value(&fmt, c.ty, d, MAX_SHOWN),
    };
    live.map(shown).collect::<Vec<_>>().join(", ")
}

/// 23514 for a row that does not fit a partition; `shown` is the row as the statement's own table has it.
pub fn misfit(rel: &Relation, shown: &str) -> DbError {
    DbError::new(
        SqlState::CHECK_VIOLATION,
        format!("new row for relation \"{}\" violates partition constraint", rel.name),
    )
    .detail(format!("Failing row contains ({shown})."))
    .table(rel.schema.clone(), rel.name.clone())
}

/// The leaf and its index that a key of a partitioned table's unique index is looked up in. `key`: the values of
/// `columns`, in the table's types.
pub fn leaf_of_key(
    tx: &Transaction,
    env: &StatementEnv,
    root: &Arc<Relation>,
    index: u32,
    columns: &[i16],
    key: &[Datum],
) -> Result<Option<(Arc<TableRt>, u32)>> {
    let mut row = vec![Datum::Null; root.columns.len()];
    for (n, d) in columns.iter().zip(key) {
        if let Some(slot) = usize::try_from(*n - 1).ok().and_then(|i| row.get_mut(i)) {
            *slot = d.clone();
        }
    }
    let parts = |r: &Arc<Relation>| tx.partition(&env.eval, r);
    let leaf = match leaf_of(&tx.catalog, &parts, &env.eval, root, &row) {
        Ok((leaf, _)) => leaf,
        Err(e) if e.code == SqlState::CHECK_VIOLATION => return Ok(None),
        Err(e) => return Err(e),
    };
    let rt = tx.table(&env.eval, &leaf)?;
    Ok(index_of(&tx.catalog, &leaf, index).map(|i| (rt, i)))
}

/// A leaf's part of a partitioned index.
pub fn index_of(catalog: &Catalog, leaf: &Relation, index: u32) -> Option<u32> {
    leaf.indexes
        .iter()
        .find(|i| {
            let mut at = i.parent;
            while at != 0 && at != index {
                at = catalog.index(at).map_or(0, |p| p.parent);
            }
            at == index
        })
        .map(|i| i.oid)
}
