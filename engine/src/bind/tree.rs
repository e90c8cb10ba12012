//! Tables with descendants: a scan of one is a scan of all.
//!
//! Invariants: a branch has the root's columns in the root's order, found in each table by name; all tables are locked in
//! the mode of the root; partitions come in the order of their bounds, other descendants level by level.

use super::Binder;
use super::scope::Rte;
use super::select::Clause;
use super::types;
use crate::catalog::Relation;
use crate::catalog::partition::PartitionDesc;
use crate::plan::ir::{Append, Branch, Col, ColSet, Expr, PruneChild, PruneTree, Rel, Scan};
use rustydb_base::{DbError, Result};
use rustydb_parser::ast::TableLockMode;
use std::sync::Arc;

impl Binder<'_> {
    /// A scan of a table and, unless `only`, of its descendants.
    pub(crate) fn table_scan(
        &mut self,
        rel: &Arc<Relation>,
        alias: &str,
        only: bool,
        mode: TableLockMode,
    ) -> Result<(Rel, Rte)> {
        let (scan, rte) = self.scan(rel, alias);
        if !rel.is_partitioned() && (only || rel.children.is_empty()) {
            return Ok((Rel::Scan(Box::new(scan)), rte));
        }
        let mut append =
            Append { cols: scan.cols.iter().map(|c| c.0).chain(scan.rid).collect(), branches: Vec::new(), prune: None };
        if rel.is_partitioned() {
            if !only {
                append.prune = Some(Arc::new(self.partitions(rel, &scan, mode, &mut append.branches)?));
            }
        } else {
            for oid in self.cx.catalog.tree(rel.oid) {
                let Some(member) = self.cx.catalog.relation(oid).cloned() else { continue };
                self.uses(&member, mode);
                append.branches.push(self.branch(&member, rel, &scan)?);
            }
        }
        Ok((Rel::Append(Box::new(append)), rte))
    }

    /// Scans of a partitioned table's partitions, in the order of their bounds.
    fn partitions(
        &mut self,
        rel: &Arc<Relation>,
        root: &Scan,
        mode: TableLockMode,
        out: &mut Vec<Branch>,
    ) -> Result<PruneTree> {
        let desc = PartitionDesc::of(self.cx.catalog, rel, self.cx.eval)?;
        let row = self.root_row(rel, root)?;
        let keys = self.partition_key(rel, &row)?;
        let mut children = Vec::with_capacity(desc.parts.len());
        for p in &desc.parts {
            let part = self
                .cx
                .catalog
                .relation(p.oid)
                .cloned()
                .ok_or_else(|| DbError::internal("a partition is not in the catalog"))?;
            self.uses(&part, mode);
            if part.is_partitioned() {
                children.push(PruneChild::Tree(self.partitions(&part, root, mode, out)?));
            } else {
                children.push(PruneChild::Branch(out.len()));
                out.push(self.branch(&part, &root.table, root)?);
            }
        }
        Ok(PruneTree { keys, desc, children })
    }

    /// A descendant's row by the root scan's columns.
    fn root_row(&self, rel: &Relation, root: &Scan) -> Result<Vec<(Col, i16)>> {
        let mut out = Vec::new();
        for c in rel.live_columns() {
            let of_root = root.table.column(&c.name).and_then(|r| root.cols.iter().find(|x| x.1 == r.attnum));
            let (col, _) = of_root.ok_or_else(|| missing(&root.table, &c.name))?;
            out.push((*col, c.attnum));
        }
        Ok(out)
    }

    fn branch(&mut self, member: &Arc<Relation>, root: &Relation, scan: &Scan) -> Result<Branch> {
        let mut cols = Vec::with_capacity(scan.cols.len());
        for (col, attnum) in &scan.cols {
            let own = match root.attribute(*attnum).filter(|_| *attnum > 0) {
                Some(c) => member.column(&c.name).ok_or_else(|| missing(member, &c.name))?.attnum,
                None => *attnum,
            };
            cols.push((self.col(col.ty), own));
        }
        let rid = self.col(types::plain(rustydb_types::oid::INT8));
        let outputs = cols.iter().map(|c| c.0).chain([rid]).collect();
        let alias = member.name.clone();
        let scan = Scan { table: Arc::clone(member), cols, rid: Some(rid), alias, sample: None, as_of: None };
        Ok(Branch { rel: Rel::Scan(Box::new(scan)), cols: outputs })
    }

    /// A partition key over a row of the table.
    pub(crate) fn partition_key(&mut self, rel: &Arc<Relation>, row: &[(Col, i16)]) -> Result<Vec<Expr>> {
        let Some(key) = rel.partition_key.clone() else { return Ok(Vec::new()) };
        let mut out = Vec::with_capacity(key.columns.len());
        for k in &key.columns {
            let mut e = match &k.expr {
                Some(text) => {
                    let rte = self.row_rte(rel, &rel.name, row);
                    let e = self.stored_expr(text, Some(rte), Clause::Index)?;
                    self.default_unknown(e)?
                }
                None => {
                    let col = row.iter().find(|c| c.1 == k.attnum);
                    Expr::column(col.ok_or_else(|| DbError::internal("partition key column is not in the row"))?.0)
                }
            };
            // The key's collation, which need not be the column's.
            if k.ty.collation != 0 {
                e.ty.collation = k.ty.collation;
            }
            out.push(e);
        }
        Ok(out)
    }
}

fn missing(rel: &Relation, column: &str) -> DbError {
    DbError::internal(format!("\"{}\" lacks the inherited column \"{column}\"", rel.name))
}

/// Drops columns that nothing in the statement reads, and those of the branches with them.
pub(super) fn drop_unused(a: &mut Append, used: &ColSet) {
    narrow(a, used);
    for b in &mut a.branches {
        let mut own = used.clone();
        own.extend(b.cols.iter().map(|c| c.id));
        super::query::drop_unused(&mut b.rel, &own);
    }
}

/// Keeps the columns in `used`, and each branch's that stand for them.
pub(crate) fn narrow(a: &mut Append, used: &ColSet) {
    let keep: Vec<bool> = a.cols.iter().map(|c| used.contains(&c.id)).collect();
    let kept = |v: &mut Vec<Col>| {
        let mut k = keep.iter();
        v.retain(|_| k.next().copied().unwrap_or(false));
    };
    kept(&mut a.cols);
    a.branches.iter_mut().for_each(|b| kept(&mut b.cols));
}
