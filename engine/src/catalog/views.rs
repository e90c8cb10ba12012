//! Queries of the system views. A view that is not here does not exist for RustyDB.
//!
//! The texts are in `views/*.sql`, one after the other, each begun by a line `-- view NAME`; they read our catalog tables
//! and the set-returning functions that show live state. Outputs are converted to the column types that
//! [`rustydb_types::pgdata`] lists when the binder expands a view, so the texts carry casts only where a literal alone
//! would mean something else.

use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::LazyLock;

const PG_CATALOG: &[&str] = &[include_str!("views/pg_catalog.sql"), include_str!("views/pg_stat.sql")];
const INFORMATION_SCHEMA: &[&str] = &[include_str!("views/information_schema.sql")];

/// What begins a view in the files.
const HEAD: &str = "\n-- view ";

type Texts = HashMap<&'static str, &'static str>;

fn texts(files: &'static [&'static str]) -> Texts {
    files
        .iter()
        // What stands before the first head is the file's comment.
        .flat_map(|f| f.split(HEAD).skip(1))
        .filter_map(|part| part.split_once('\n'))
        .map(|(name, text)| (name.trim(), text.trim()))
        .collect()
}

/// The query of a system view by schema OID and name.
pub fn definition(namespace: u32, name: &str) -> Option<&'static str> {
    static MAPS: LazyLock<(Texts, Texts)> = LazyLock::new(|| (texts(PG_CATALOG), texts(INFORMATION_SCHEMA)));
    let map = if namespace == pgdata::PG_CATALOG { &MAPS.0 } else { &MAPS.1 };
    map.get(name).copied()
}

#[cfg(test)]
mod tests;
