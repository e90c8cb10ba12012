//! Users' collations: rows of `pg_collation`. Built-in ones are compiled in ([`rustydb_types::pgdata`]).

use super::load::{CatalogRows, Reader};
use super::rows::{CatRow, RowBuilder};
use super::{Catalog, FIRST_USER_OID};
use rustydb_base::Result;
use rustydb_types::collation;
use std::sync::Arc;

/// `pg_collation`.
pub const PG_COLLATION: u32 = 3456;

/// A collation.
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
    /// `collprovider`: 'c' for libc, 'i' for ICU.
    pub provider: char,
    /// `collisdeterministic`.
    pub deterministic: bool,
    /// `collencoding`: -1 for any.
    pub encoding: i32,
    /// `collcollate`.
    pub collate: Option<String>,
    /// `collctype`.
    pub ctype: Option<String>,
    /// `colliculocale`.
    pub icu_locale: Option<String>,
    /// `collversion`.
    pub version: Option<String>,
}

/// Its row.
pub fn row(c: &Collation) -> CatRow {
    RowBuilder::new(PG_COLLATION)
        .oid("oid", c.oid)
        .text("collname", &c.name)
        .oid("collnamespace", c.namespace)
        .oid("collowner", c.owner)
        .ch("collprovider", c.provider)
        .bool("collisdeterministic", c.deterministic)
        .i4("collencoding", c.encoding)
        .opt_text("collcollate", c.collate.as_deref())
        .opt_text("collctype", c.ctype.as_deref())
        .opt_text("colliculocale", c.icu_locale.as_deref())
        .opt_text("collversion", c.version.as_deref())
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
            provider: r.ch("collprovider"),
            deterministic: r.bool("collisdeterministic"),
            encoding: r.i4("collencoding")?,
            collate: r.opt_text("collcollate"),
            ctype: r.opt_text("collctype"),
            icu_locale: r.opt_text("colliculocale"),
            version: r.opt_text("collversion"),
        });
    }
    Ok(out)
}

impl Catalog {
    /// Adds or replaces a collation.
    pub fn put_collation(&mut self, c: Collation) {
        self.types_version = super::change::next_version();
        let ascii = matches!(c.ctype.as_deref(), Some("C" | "POSIX"));
        let icu = c.icu_locale.as_deref().filter(|_| c.provider == 'i');
        let icu = icu.map(|l| collation::Definition { locale: l.into(), deterministic: c.deterministic });
        collation::put(c.oid, collation::UserCollation { name: c.name.as_str().into(), ascii, icu });
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
        let c = rustydb_types::pgdata::collation(oid)?;
        Some((rustydb_types::pgdata::PG_CATALOG, c.collname.to_owned()))
    }
}
