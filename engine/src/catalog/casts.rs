//! Users' casts: rows of `pg_cast`. Built-in ones are compiled in ([`rustydb_types::pgdata`]).

use super::load::{CatalogRows, Reader};
use super::rows::{CatRow, RowBuilder};
use super::{Catalog, FIRST_USER_OID};
use rustydb_base::Result;

/// `pg_cast`.
pub const PG_CAST: u32 = 2605;

/// A cast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserCast {
    /// OID.
    pub oid: u32,
    /// Type it takes.
    pub source: u32,
    /// Type it makes.
    pub target: u32,
    /// Function, 0 for none.
    pub function: u32,
    /// `castcontext`: 'i' implicit, 'a' assignment, 'e' explicit.
    pub context: char,
    /// `castmethod`: 'f' function, 'i' text form, 'b' nothing to do.
    pub method: char,
}

/// Its row.
pub fn row(c: &UserCast) -> CatRow {
    RowBuilder::new(PG_CAST)
        .oid("oid", c.oid)
        .oid("castsource", c.source)
        .oid("casttarget", c.target)
        .oid("castfunc", c.function)
        .ch("castcontext", c.context)
        .ch("castmethod", c.method)
        .build()
}

/// Casts from the rows of the catalog; the mirror of [`row`].
pub(super) fn load(all: &CatalogRows) -> Result<Vec<UserCast>> {
    let mut out = Vec::new();
    for r in all.get(&PG_CAST).into_iter().flatten() {
        let r = Reader(r);
        let oid = r.oid("oid")?;
        if oid < FIRST_USER_OID {
            continue;
        }
        out.push(UserCast {
            oid,
            source: r.oid("castsource")?,
            target: r.oid("casttarget")?,
            function: r.oid("castfunc")?,
            context: r.ch("castcontext"),
            method: r.ch("castmethod"),
        });
    }
    Ok(out)
}

impl Catalog {
    /// Adds a cast.
    pub fn put_cast(&mut self, c: UserCast) {
        self.types_version = super::change::next_version();
        self.casts.insert((c.source, c.target), c);
    }
    /// Removes a cast.
    pub fn remove_cast(&mut self, oid: u32) {
        self.types_version = super::change::next_version();
        self.casts.retain(|_, c| c.oid != oid);
    }
    /// A user's cast by OID.
    pub fn cast(&self, oid: u32) -> Option<&UserCast> {
        self.casts.values().find(|c| c.oid == oid)
    }
}
