//! Queries of the system views. A view that is not here does not exist for RustyDB.

/// The query of a system view by schema OID and name.
pub fn definition(namespace: u32, name: &str) -> Option<&'static str> {
    let list = if namespace == rustydb_types::pgdata::PG_CATALOG { PG_CATALOG } else { return None };
    list.iter().find(|v| v.0 == name).map(|v| v.1)
}

const PG_CATALOG: &[(&str, &str)] = &[(
    "pg_roles",
    "SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit,
            '********'::text AS rolpassword, rolvaliduntil, rolbypassrls, NULL::text[] AS rolconfig, oid
     FROM pg_catalog.pg_authid",
)];
