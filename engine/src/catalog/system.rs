//! The catalog's own relations: which tables and views `pg_catalog` and `information_schema` consist of, and where the
//! tables of each database are stored.
//!
//! A database's catalog tables have relation numbers in the store that follow from its OID: the databases of a new cluster
//! have fixed ones, and a later database's OID is the first of the numbers set aside for it. Shared tables (databases,
//! roles, memberships, tablespaces…) are those of the first database for all. Definitions come from
//! [`rustydb_types::pgdata`]; the text of the views is RustyDB's own, in [`super::views`].

use super::{Column, Index, IndexKey, Persistence, RelKind, RelStats, Relation, Storage};
use crate::acl::{Acl, AclItem, AclKind, RelationAcl, privs};
use rustydb_base::RelId;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// First relation number of the catalog's files.
const FIRST: u32 = 256;
/// Relation numbers set aside per database.
pub const PER_DATABASE: u32 = 512;
/// Where index files begin within a database's numbers.
const INDEXES: u32 = 200;

/// Role that may see the statistics of all.
const PG_READ_ALL_STATS: u32 = 3375;

/// The bootstrap superuser's OID.
pub const SUPERUSER: u32 = 10;

/// Position of each catalog table and index, which fixes its file's number.
static ORDINALS: LazyLock<(HashMap<u32, u32>, HashMap<u32, u32>)> = LazyLock::new(|| {
    let mut tables: Vec<u32> = pgdata::relations().iter().filter(|r| r.relkind == 'r').map(|r| r.oid).collect();
    tables.sort_unstable();
    let mut indexes: Vec<u32> = pgdata::indexes().iter().map(|i| i.oid).collect();
    indexes.sort_unstable();
    let number = |v: Vec<u32>| v.into_iter().zip(0..).collect();
    (number(tables), number(indexes))
});

/// First relation number of a database's catalog.
fn base(database: u32) -> u32 {
    match super::bootstrap::DATABASES.iter().position(|d| d.0 == database) {
        Some(slot) => FIRST + slot as u32 * PER_DATABASE,
        None => database,
    }
}

/// Files of a catalog table in a database: heap and overflow.
fn table_files(oid: u32, base: u32) -> Option<(RelId, RelId)> {
    let n = *ORDINALS.0.get(&oid)?;
    Some((RelId(base + 2 * n), RelId(base + 2 * n + 1)))
}

fn index_file(oid: u32, base: u32) -> Option<RelId> {
    Some(RelId(base + INDEXES + *ORDINALS.1.get(&oid)?))
}

/// The relations of `pg_catalog` and `information_schema` for a database: every table, and the views that RustyDB
/// defines.
pub fn relations(database: u32) -> Vec<Relation> {
    let base = base(database);
    pgdata::relations().iter().filter_map(|r| relation(r, if r.relisshared { FIRST } else { base })).collect()
}

/// What initdb grants on the relations of the system: everyone may read most of them.
fn initial_acl(name: &str) -> Option<Acl> {
    const SECRET: [&str; 11] = [
        "pg_statistic",
        "pg_authid",
        "pg_shadow",
        "pg_statistic_ext_data",
        "pg_file_settings",
        "pg_hba_file_rules",
        "pg_ident_file_mappings",
        "pg_config",
        "pg_user_mapping",
        "pg_replication_origin_status",
        "pg_largeobject",
    ];
    // Of information_schema, what its views are made of is nobody's.
    const UNGRANTED: [&str; 7] = [
        "_pg_foreign_data_wrappers",
        "_pg_foreign_servers",
        "_pg_foreign_table_columns",
        "_pg_foreign_tables",
        "_pg_user_mappings",
        "sql_parts",
        "transforms",
    ];
    let mut acl = Acl::default_for(AclKind::Table, SUPERUSER);
    let grantee = match name {
        n if UNGRANTED.contains(&n) => return None,
        n if SECRET.contains(&n) || n == "pg_subscription" => return Some(acl),
        "pg_shmem_allocations" | "pg_backend_memory_contexts" => PG_READ_ALL_STATS,
        _ => 0,
    };
    let more = if name == "pg_settings" { privs::UPDATE } else { 0 };
    acl.0.push(AclItem { grantee, grantor: SUPERUSER, privs: privs::SELECT | more, options: 0 });
    Some(acl)
}

/// The columns that everyone may read of a relation that is otherwise secret: a subscription's without its connection.
fn column_acls(r: &pgdata::Relation) -> Vec<(i16, Acl)> {
    if r.relname != "pg_subscription" {
        return Vec::new();
    }
    let read = AclItem { grantee: 0, grantor: SUPERUSER, privs: privs::SELECT, options: 0 };
    let open = pgdata::columns_of(r.oid).iter().filter(|c| c.attnum > 0 && c.attname != "subconninfo");
    open.map(|c| (c.attnum, Acl(vec![read]))).collect()
}

fn relation(r: &'static pgdata::Relation, base: u32) -> Option<Relation> {
    let (kind, storage, view) = match r.relkind {
        'r' => {
            let (heap, overflow) = table_files(r.oid, base)?;
            (RelKind::Table, Some(Storage { heap, overflow, schema_ver: 0 }), None)
        }
        'v' => (RelKind::View, None, Some(super::views::definition(r.relnamespace, r.relname)?.to_owned())),
        _ => return None,
    };
    let columns = pgdata::columns_of(r.oid)
        .iter()
        .filter(|c| c.attnum > 0)
        .map(|c| Column {
            attnum: c.attnum,
            name: c.attname.to_owned(),
            ty: TypeRef { oid: c.atttypid, typmod: c.atttypmod, collation: c.attcollation },
            not_null: c.attnotnull,
            default: None,
            default_oid: 0,
            identity: '\0',
            generated: '\0',
            dropped: false,
            missing: Datum::Null,
            since: 0,
            lineage: Default::default(),
            tuning: Default::default(),
        })
        .collect::<Vec<_>>();
    let indexes = pgdata::indexes_of(r.oid).iter().filter_map(|i| index(i, &columns, base)).map(Arc::new).collect();
    Some(Relation {
        oid: r.oid,
        name: r.relname.to_owned(),
        namespace: r.relnamespace,
        schema: if r.relnamespace == pgdata::PG_CATALOG { "pg_catalog" } else { "information_schema" }.to_owned(),
        kind,
        owner: SUPERUSER,
        persistence: Persistence::Permanent,
        row_type: r.reltype,
        row_array_type: pgdata::pg_type(r.reltype).map_or(0, |t| t.typarray),
        row_array_name: format!("_{}", r.relname),
        // Unique among rules, which is all that is asked of it.
        rule_oid: r.oid,
        depends: Vec::new(),
        columns,
        storage,
        indexes,
        constraints: Vec::new(),
        referenced_by: Vec::new(),
        populated: true,
        view,
        sequence: None,
        stats: Arc::new(RelStats { tuples: -1.0, pages: 0, columns: HashMap::new() }),
        options: match r.relname {
            "pg_stats" | "pg_stats_ext" | "pg_stats_ext_exprs" => vec![("security_barrier".into(), "true".into())],
            _ => Vec::new(),
        },
        version: 0,
        parents: Vec::new(),
        children: Vec::new(),
        partition_key: None,
        bound: None,
        extended: Vec::new(),
        acl: initial_acl(r.relname)
            .and_then(|own| RelationAcl { own: Some(own), columns: column_acls(r), ..RelationAcl::default() }.kept()),
        replica_identity: None,
        of_type: 0,
        detaching: None,
    })
}

fn index(i: &'static pgdata::Index, columns: &[Column], base: u32) -> Option<Index> {
    let keys = i
        .indkey
        .iter()
        .enumerate()
        .map(|(n, attnum)| {
            let c = columns.get(usize::try_from(*attnum).ok()?.checked_sub(1)?)?;
            Some(IndexKey {
                attnum: *attnum,
                expr: None,
                ty: c.ty,
                opclass: i.indclass.get(n).copied()?,
                desc: false,
                nulls_first: false,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Index {
        oid: i.oid,
        name: i.relname.to_owned(),
        namespace: pgdata::PG_CATALOG,
        table: i.indrelid,
        method: pgdata::BTREE,
        storage: index_file(i.oid, base)?,
        keys,
        include: Vec::new(),
        unique: i.indisunique,
        primary: i.indisprimary,
        nulls_not_distinct: false,
        predicate: None,
        valid: true,
        valid_from: 0,
        owner: SUPERUSER,
        parent: 0,
        marks: Default::default(),
        exclude: Vec::new(),
    })
}
