//! Users' collations: rows of `pg_collation`. Built-in ones are compiled in ([`rustydb_types::pgdata`]).

use super::load::{CatalogRows, Reader};
use super::rows::{CatRow, RowBuilder};
use super::{Catalog, FIRST_USER_OID};
use rustydb_base::Result;
use rustydb_types::collation;
use std::sync::Arc;

/// `pg_collation`.
pub const PG_COLLATION: u32 = 3456;

/// A collation of the provider libc, the one there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collation {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Owner.
    pub owner: u32,
    /// `collcollate`.
    pub collate: String,
    /// `collctype`.
    pub ctype: String,
}

/// Its row.
pub fn row(c: &Collation) -> CatRow {
    RowBuilder::new(PG_COLLATION)
        .oid("oid", c.oid)
        .text("collname", &c.name)
        .oid("collnamespace", c.namespace)
        .oid("collowner", c.owner)
        .ch("collprovider", 'c')
        .bool("collisdeterministic", true)
        .i4("collencoding", 6)
        .text("collcollate", &c.collate)
        .text("collctype", &c.ctype)
        .build()
}

/// Collations from the rows of the catalog; the mirror of [`row`].
pub(super) fn load(all: &CatalogRows) -> Result<Vec<Collation>> {
    let mut out = Vec::new();
    for r in all.get(&PG_COLLATION).into_iter().flatten() {
        let r = Reader(r);
        let oid = r.oid("oid")?;
        if oid < FIRST_USER_OID {
            continue;
        }
        out.push(Collation {
            oid,
            name: r.text("collname")?,
            namespace: r.oid("collnamespace")?,
            owner: r.oid("collowner")?,
            collate: r.text("collcollate")?,
            ctype: r.text("collctype")?,
        });
    }
    Ok(out)
}

impl Catalog {
    /// Adds or replaces a collation.
    pub fn put_collation(&mut self, c: Collation) {
        self.types_version = super::change::next_version();
        let ascii = matches!(c.ctype.as_str(), "C" | "POSIX");
        collation::put(c.oid, collation::UserCollation { name: c.name.as_str().into(), ascii });
        self.collations.insert(c.oid, Arc::new(c));
    }
    /// Removes a collation.
    pub fn remove_collation(&mut self, oid: u32) {
        self.types_version = super::change::next_version();
        self.collations.remove(&oid);
    }
    /// A user's collation by schema and name.
    pub fn collation_in(&self, namespace: u32, name: &str) -> Option<&Arc<Collation>> {
        self.collations.values().find(|c| c.namespace == namespace && c.name == name)
    }
    /// Schema and name of any collation.
    pub fn collation_place(&self, oid: u32) -> Option<(u32, String)> {
        if let Some(c) = self.collations.get(&oid) {
            return Some((c.namespace, c.name.clone()));
        }
        let c = rustydb_types::pgdata::collations().iter().find(|c| c.oid == oid)?;
        Some((rustydb_types::pgdata::PG_CATALOG, c.collname.to_owned()))
    }
}
