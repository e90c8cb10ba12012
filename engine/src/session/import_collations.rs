//! `pg_import_system_collations`: the collations of all locales there are, in a schema that lacks them.

use super::shared::SessionShared;
use crate::bind::collation::built_in;
use crate::catalog::collations::Collation;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::collation::icu;
use rustydb_types::datum::Datum;
use rustydb_types::host::{self, HostCall};
use rustydb_types::pgdata;

/// The one locale of libc's, under its name and that without an encoding.
const LIBC: (&str, [&str; 2]) = ("C.utf8", ["C.utf8", "C"]);

/// Runs a call if it is of this function.
pub(super) async fn run(
    tx: &mut Transaction,
    shared: &SessionShared,
    call: &HostCall,
) -> Result<Option<Vec<Vec<Datum>>>> {
    if !host::imports_collations(call.proc) {
        return Ok(None);
    }
    if !shared.user().superuser {
        let text = "must be superuser to import system collations";
        return Err(DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, text));
    }
    let [Datum::Oid(namespace)] = call.args.as_slice() else {
        return Err(DbError::internal("arguments of pg_import_system_collations"));
    };
    let namespace = *namespace;
    if !tx.catalog.namespaces.contains_key(&namespace) {
        let text = format!("schema with OID {namespace} does not exist");
        return Err(DbError::new(SqlState::INVALID_SCHEMA_NAME, text));
    }
    let owner = shared.user_oid();
    let made = |name: &str, provider: char, libc: Option<&str>, locale: Option<&str>| Collation {
        oid: 0,
        name: name.to_owned(),
        namespace,
        owner,
        provider,
        deterministic: true,
        encoding: if locale.is_some() { -1 } else { 6 },
        collate: libc.map(str::to_owned),
        ctype: libc.map(str::to_owned),
        icu_locale: locale.map(str::to_owned),
        version: locale.map(|_| icu::VERSION.to_owned()),
    };
    let libc = LIBC.1.iter().map(|name| made(name, 'c', Some(LIBC.0), None));
    let icu = pgdata::collations().iter().filter(|c| c.colliculocale.is_some());
    let icu = icu.map(|c| made(c.collname, 'i', None, c.colliculocale));
    let mut count = 0;
    for c in libc.chain(icu) {
        let there = namespace == pgdata::PG_CATALOG && built_in(&c.name).is_some();
        if there || tx.catalog.collation_in(namespace, &c.name).is_some() {
            continue;
        }
        let oid = tx.new_oid().await?;
        tx.put_collation(Collation { oid, ..c }).await?;
        count += 1;
    }
    Ok(Some(vec![vec![Datum::Int4(count)]]))
}
