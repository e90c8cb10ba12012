//! What names an expression can use.

use crate::catalog::Relation;
use crate::plan::ir::Col;
use std::sync::Arc;

/// A named column in scope.
#[derive(Clone, Debug)]
pub struct ScopeCol {
    /// Name.
    pub name: String,
    /// Column.
    pub col: Col,
    /// Table OID and attnum, zeros when computed.
    pub origin: (u32, i16),
}

/// A table of FROM: what `name.column` can mean.
#[derive(Clone, Debug)]
pub struct Rte {
    /// Alias or table name.
    pub name: String,
    /// Schema, when the table is not aliased.
    pub schema: Option<String>,
    /// Columns, in order.
    pub cols: Vec<ScopeCol>,
    /// System columns.
    pub system: Vec<ScopeCol>,
    /// The stored table or view, if it is one.
    pub table: Option<Arc<Relation>>,
    /// Column with the row id, for stored tables.
    pub rid: Option<Col>,
    /// Visible to qualified names only through an outer join's other side (kept for error texts).
    pub hidden: bool,
    /// What it is, if not a table, view or subquery: for errors of FOR UPDATE.
    pub other: Option<&'static str>,
    /// A function yielding one scalar column: the bare alias names the value, not a row.
    pub scalar: bool,
    /// The input of an outer join that leaves it out where it has no match.
    pub absent: Option<super::nullable::Side>,
}

impl Rte {
    /// A system column.
    pub fn system_column(&self, name: &str) -> Option<Col> {
        self.system.iter().find(|c| c.name == name).map(|c| c.col)
    }
}

/// The columns and tables one query level offers.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What `*` and unqualified names mean, merged USING columns first.
    pub star: Vec<ScopeCol>,
    /// Tables.
    pub rtes: Vec<Rte>,
    /// Tables that are here but may not be used from where we are (left of a non-LATERAL item, inside a join with an alias).
    pub invisible: Vec<Rte>,
}

impl Scope {
    /// A scope of one table.
    pub fn of(rte: Rte) -> Scope {
        Scope { star: rte.cols.clone(), rtes: vec![rte], invisible: Vec::new() }
    }
    /// Ids of all its columns.
    pub fn ids(&self) -> std::collections::HashSet<u32> {
        let of_tables = self.rtes.iter().flat_map(|r| r.cols.iter().chain(&r.system));
        self.star.iter().chain(of_tables).map(|c| c.col.id).collect()
    }
    /// Puts another scope's tables to the right of this one's.
    pub fn append(&mut self, other: Scope) {
        self.star.extend(other.star);
        self.rtes.extend(other.rtes);
        self.invisible.extend(other.invisible);
    }
    /// A table by its name there.
    pub fn table(&self, schema: Option<&str>, name: &str) -> Option<&Rte> {
        self.rtes.iter().find(|r| r.name == name && (schema.is_none() || r.schema.as_deref() == schema))
    }
}
