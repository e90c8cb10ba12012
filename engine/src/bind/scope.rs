//! What names an expression can use.

use crate::catalog::{Column, Relation};
use crate::plan::ir::{Col, ColSet};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

/// A column's name. Scopes are made and copied for every statement, so the names of a table's columns stay where the table
/// has them.
#[derive(Clone)]
pub struct ColName {
    /// Of the name: a look-up passes over most of a wide table's columns without going where their names are.
    mark: u32,
    kept: Kept,
}

/// Where a column's name is.
#[derive(Clone)]
enum Kept {
    /// Of every table.
    Static(&'static str),
    /// Of a table, by position among its columns, dropped ones included.
    #[allow(clippy::redundant_allocation, reason = "a copy for each column of each scope: counted without atomics")]
    Stored(Rc<Arc<Relation>>, usize),
    /// Given by the statement.
    Own(Rc<str>),
}

/// A number that equal names have in common: the length and the last bytes, in which names of one table differ.
fn mark(name: &str) -> u32 {
    name.bytes().rev().take(3).fold(name.len() as u32, |m, b| m << 8 | u32::from(b))
}

impl ColName {
    /// A name that is always the same.
    pub fn fixed(name: &'static str) -> ColName {
        ColName { mark: mark(name), kept: Kept::Static(name) }
    }
}

/// The test whether a column has a name, for many columns.
pub(super) fn is_named(name: &str) -> impl Fn(&&ScopeCol) -> bool {
    let wanted = mark(name);
    move |c| c.name.mark == wanted && *c.name == *name
}

impl Deref for ColName {
    type Target = str;
    fn deref(&self) -> &str {
        match &self.kept {
            Kept::Static(name) => name,
            Kept::Stored(rel, i) => rel.columns.get(*i).map_or("", |c| c.name.as_str()),
            Kept::Own(name) => name,
        }
    }
}

impl From<String> for ColName {
    fn from(name: String) -> ColName {
        name.as_str().into()
    }
}

impl From<&str> for ColName {
    fn from(name: &str) -> ColName {
        ColName { mark: mark(name), kept: Kept::Own(name.into()) }
    }
}

impl Default for ColName {
    fn default() -> ColName {
        ColName::fixed("")
    }
}

impl PartialEq for ColName {
    fn eq(&self, other: &ColName) -> bool {
        self.mark == other.mark && **self == **other
    }
}

impl PartialEq<str> for ColName {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for ColName {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialEq<String> for ColName {
    fn eq(&self, other: &String) -> bool {
        **self == **other
    }
}

impl fmt::Display for ColName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for ColName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The live columns of a table with their names.
pub(super) fn named_columns(rel: &Arc<Relation>) -> impl Iterator<Item = (ColName, &Column)> {
    let shared = Rc::new(Arc::clone(rel));
    let live = rel.columns.iter().enumerate().filter(|(_, c)| !c.dropped);
    live.map(move |(i, c)| (ColName { mark: mark(&c.name), kept: Kept::Stored(Rc::clone(&shared), i) }, c))
}

/// A named column in scope.
#[derive(Clone, Debug)]
pub struct ScopeCol {
    /// Name.
    pub name: ColName,
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
    /// What yields these columns and is no stored table.
    pub fn computed(name: String, cols: Vec<ScopeCol>) -> Rte {
        Rte {
            name,
            schema: None,
            cols,
            system: Vec::new(),
            table: None,
            rid: None,
            hidden: false,
            other: None,
            scalar: false,
            absent: None,
        }
    }
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
    pub fn ids(&self) -> ColSet {
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
    /// Whether two tables of the scope go by a name: the new row of ON CONFLICT may be called as the table is.
    pub fn has_two(&self, schema: Option<&str>, name: &str) -> bool {
        let named = |r: &&Rte| r.name == name && (schema.is_none() || r.schema.as_deref() == schema);
        self.rtes.iter().filter(named).count() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustydb_types::datum::TypeRef;

    #[test]
    fn a_name_is_found_whoever_keeps_it() {
        let names = ["", "a", "c1", "c10", "c100", "c1000", "xc100", "ß", "äß", "c\u{1F600}"];
        let ty = TypeRef { oid: 23, typmod: -1, collation: 0 };
        let col = |name: ColName| ScopeCol { name, col: Col { id: 1, ty }, origin: (0, 0) };
        for wanted in names {
            let cols: Vec<ScopeCol> = names
                .iter()
                .flat_map(|n| [col(ColName::fixed(n)), col((*n).into()), col(n.to_string().into())])
                .collect();
            let found: Vec<&str> = cols.iter().filter(is_named(wanted)).map(|c| &*c.name).collect();
            assert_eq!(found, [wanted; 3]);
            assert!(cols.iter().all(|c| {
                let own = ColName::from(wanted);
                (c.name == *wanted) == (c.name == own)
            }));
        }
    }
}
