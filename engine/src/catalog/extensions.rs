//! Extensions: rows of `pg_extension`, with the objects that belong to each.
//!
//! What can be installed is compiled in ([`AVAILABLE`]): an extension is a list of [`Step`]s, functions whose kernels the
//! engine has and statements that make the rest. An object that belongs to an extension has a row of `pg_depend` of kind
//! `e`, from which membership is read when the catalog is loaded.

use super::load::{CatalogRows, Reader};
use super::rows::{CatRow, RowBuilder, table};
use super::{Catalog, FIRST_USER_OID, dependencies};
use rustydb_base::Result;
use std::sync::Arc;

/// `pg_extension`.
pub const PG_EXTENSION: u32 = 3079;
/// `pg_language.oid` of `c`: functions of extensions say that they are written in it.
pub const C: u32 = 13;

/// What there is to install.
pub const AVAILABLE: &[&Available] = &[&crate::query_stats::EXTENSION];

/// An extension that can be installed.
pub struct Available {
    /// Name.
    pub name: &'static str,
    /// The only version.
    pub version: &'static str,
    /// The comment that it comes with.
    pub comment: &'static str,
    /// What makes its objects, in order.
    pub steps: &'static [Step],
}

/// A step of making an extension's objects.
pub enum Step {
    /// A function.
    Function(Function),
    /// A statement; names in it are those of the extension's schema, then those of `pg_catalog`.
    Sql(&'static str),
}

/// A function of an extension: volatile, strict, safe to run in parallel.
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// Name of the kernel.
    pub source: &'static str,
    /// Name, mode (`i` or `o`), type and default of each parameter.
    pub params: &'static [(&'static str, char, u32, Option<&'static str>)],
    /// Result type.
    pub result: u32,
    /// Whether it answers a set.
    pub set: bool,
}

/// An extension of that name that can be installed.
pub fn available(name: &str) -> Option<&'static Available> {
    AVAILABLE.iter().copied().find(|a| a.name == name)
}

/// `pg_proc.probin` of a function of an extension.
pub fn library(source: &str) -> Option<String> {
    let made_by = |s: &Step| matches!(s, Step::Function(f) if f.source == source);
    AVAILABLE.iter().find(|a| a.steps.iter().any(made_by)).map(|a| format!("$libdir/{}", a.name))
}

/// An installed extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extension {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Owner.
    pub owner: u32,
    /// The schema of its objects.
    pub namespace: u32,
    /// Version.
    pub version: String,
    /// Catalog and OID of the objects that belong to it, by OID.
    pub members: Vec<(u32, u32)>,
}

impl Extension {
    /// Its rows.
    pub fn rows(&self) -> Vec<CatRow> {
        let own = RowBuilder::new(PG_EXTENSION)
            .oid("oid", self.oid)
            .text("extname", &self.name)
            .oid("extowner", self.owner)
            .oid("extnamespace", self.namespace)
            .bool("extrelocatable", true)
            .text("extversion", &self.version)
            .build();
        let member = |m: &(u32, u32)| dependencies::depend(m.0, m.1, 0, PG_EXTENSION, self.oid, 0, 'e');
        std::iter::once(own).chain(self.members.iter().map(member)).collect()
    }

    /// Whether an object belongs to it.
    pub fn has(&self, class: u32, oid: u32) -> bool {
        self.members.contains(&(class, oid))
    }
}

/// Extensions from the rows of the catalog; the mirror of [`Extension::rows`].
pub(super) fn load(all: &CatalogRows) -> Result<Vec<Extension>> {
    let mut out = Vec::new();
    for r in all.get(&PG_EXTENSION).into_iter().flatten() {
        let r = Reader(r);
        let oid = r.oid("oid")?;
        if oid < FIRST_USER_OID {
            continue;
        }
        let mut members = Vec::new();
        for d in all.get(&table::PG_DEPEND).into_iter().flatten() {
            let d = Reader(d);
            if d.oid("refclassid")? == PG_EXTENSION && d.oid("refobjid")? == oid && d.ch("deptype") == 'e' {
                members.push((d.oid("classid")?, d.oid("objid")?));
            }
        }
        members.sort_unstable_by_key(|m| m.1);
        out.push(Extension {
            oid,
            name: r.text("extname")?,
            owner: r.oid("extowner")?,
            namespace: r.oid("extnamespace")?,
            version: r.text("extversion")?,
            members,
        });
    }
    Ok(out)
}

impl Catalog {
    /// Adds or replaces an extension.
    pub fn put_extension(&mut self, e: Extension) {
        self.extensions.insert(e.oid, Arc::new(e));
    }
    /// Removes an extension.
    pub fn remove_extension(&mut self, oid: u32) {
        self.extensions.remove(&oid);
    }
    /// An extension by name.
    pub fn extension_named(&self, name: &str) -> Option<&Arc<Extension>> {
        self.extensions.values().find(|e| e.name == name)
    }
    /// The extension that an object belongs to.
    pub fn extension_of(&self, class: u32, oid: u32) -> Option<&Arc<Extension>> {
        self.extensions.values().find(|e| e.has(class, oid))
    }
}
