//! The catalog as the planner sees it: an immutable typed snapshot of one database's objects.
//!
//! The truth is in the catalog tables (`pg_class`, `pg_attribute`, …), ordinary heap tables of the store. A snapshot is
//! read from them once per catalog change and shared by all sessions through an `Arc`; a transaction that has changed
//! the catalog itself reads a private one. Built-in types, functions, operators and casts are not copied into it: they
//! come from [`rustydb_types::pgdata`], whose rows the catalog tables also hold.
//!
//! Expressions kept in the catalog (defaults, checks, index expressions, view queries) are SQL text, bound when used.

pub mod aggregates;
pub mod bootstrap;
pub mod casts;
pub mod change;
pub mod collations;
pub mod deparse;
pub mod dependencies;
pub mod extended;
pub mod extensions;
pub mod load;
pub mod objects;
pub mod opclasses;
pub mod operators;
pub mod partition;
pub mod routines;
pub mod rows;
pub mod system;
#[cfg(test)]
pub(crate) mod testing;
pub mod types;
pub mod views;

use crate::acl::{Acl, RelationAcl, Rights};
use rustydb_base::RelId;
use rustydb_storage::store::Durability;
use rustydb_types::datum::{Datum, TypeRef};
use std::collections::HashMap;
use std::sync::Arc;

/// First OID given to user objects.
pub const FIRST_USER_OID: u32 = 16384;

/// What a relation is (`pg_class.relkind`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum RelKind {
    Table,
    Index,
    Sequence,
    View,
    MaterializedView,
    Composite,
}

impl RelKind {
    /// `relkind` letter.
    pub fn letter(self) -> char {
        match self {
            RelKind::Table => 'r',
            RelKind::Index => 'i',
            RelKind::Sequence => 'S',
            RelKind::View => 'v',
            RelKind::MaterializedView => 'm',
            RelKind::Composite => 'c',
        }
    }
}

/// `relpersistence`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Persistence {
    Permanent,
    Unlogged,
    Temporary,
}

/// A schema.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Owner.
    pub owner: u32,
    /// `nspacl`; `None` for the default.
    pub acl: Option<Acl>,
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub struct Column {
    /// `attnum`, from 1.
    pub attnum: i16,
    /// Name.
    pub name: String,
    /// Type, modifier, collation.
    pub ty: TypeRef,
    /// NOT NULL.
    pub not_null: bool,
    /// DEFAULT (or the generation expression) as SQL text.
    pub default: Option<String>,
    /// OID of its `pg_attrdef` row, 0 without a default.
    pub default_oid: u32,
    /// `attidentity`: 'a' always, 'd' by default, '\0' none.
    pub identity: char,
    /// `attgenerated`: 's' stored, 'v' virtual, '\0' none.
    pub generated: char,
    /// Dropped: keeps its place in stored rows, has no name any more.
    pub dropped: bool,
    /// Value that rows older than the column answer (instant ADD COLUMN).
    pub missing: Datum,
    /// Layout version (see [`Storage::schema_ver`]) that introduced the column.
    pub since: u16,
    /// Whether it is the table's own, its parents', or both.
    pub lineage: Lineage,
    /// How its values are to be kept and counted.
    pub tuning: ColumnTuning,
}

impl Column {
    /// Whether it is a generated column that is computed when it is read.
    pub fn is_virtual(&self) -> bool {
        self.generated == 'v' && !self.dropped
    }
}

/// What `ALTER COLUMN … SET STATISTICS, STORAGE, COMPRESSION, (…)` says. The definition keeps it and shows it; values are
/// stored in the overflow file by their size alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnTuning {
    /// `attstorage`, '\0' for the type's.
    pub storage: char,
    /// `attcompression`, '\0' for the default method.
    pub compression: char,
    /// `attstattarget`, -1 for the default.
    pub target: i32,
    /// `attoptions`.
    pub options: Vec<(String, String)>,
}

impl Default for ColumnTuning {
    fn default() -> Self {
        ColumnTuning { storage: '\0', compression: '\0', target: -1, options: Vec::new() }
    }
}

/// Whose a column or a constraint is: the table's own definition's, or also (or only) its parents'.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lineage {
    /// Defined for the table itself (`attislocal`, `conislocal`).
    pub local: bool,
    /// Number of parents that have it (`attinhcount`, `coninhcount`).
    pub parents: i32,
}

impl Default for Lineage {
    fn default() -> Self {
        Lineage { local: true, parents: 0 }
    }
}

/// Where a table's rows are.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Heap file.
    pub heap: RelId,
    /// Overflow file.
    pub overflow: RelId,
    /// Row layout version of newly written rows; raised by each column added or retyped.
    pub schema_ver: u16,
}

/// One key column of an index.
#[derive(Clone, Debug)]
pub struct IndexKey {
    /// Column number, 0 for an expression.
    pub attnum: i16,
    /// The expression's SQL text when `attnum` is 0.
    pub expr: Option<String>,
    /// Type of the key.
    pub ty: TypeRef,
    /// Operator class OID.
    pub opclass: u32,
    /// DESC.
    pub desc: bool,
    /// NULLS FIRST.
    pub nulls_first: bool,
}

/// An index.
#[derive(Clone, Debug)]
pub struct Index {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Table.
    pub table: u32,
    /// Access method (`pg_am`): btree, hash, gin, gist, spgist or brin.
    pub method: u32,
    /// Index file.
    pub storage: RelId,
    /// Key columns.
    pub keys: Vec<IndexKey>,
    /// INCLUDE columns (kept in the definition; values are fetched from the heap).
    pub include: Vec<i16>,
    /// UNIQUE.
    pub unique: bool,
    /// PRIMARY KEY.
    pub primary: bool,
    /// NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
    /// WHERE, as SQL text.
    pub predicate: Option<String>,
    /// Usable by queries.
    pub valid: bool,
    /// SCN of its build: snapshots older than this never use it.
    pub valid_from: u64,
    /// Owner.
    pub owner: u32,
    /// The index of the partitioned table that this one is a part of, 0 for none.
    pub parent: u32,
    /// What ALTER TABLE and ALTER INDEX have marked it with.
    pub marks: IndexMarks,
    /// Of an exclusion constraint's index: the operator of each key column, of which not all may hold between two rows.
    /// Else empty.
    pub exclude: Vec<u32>,
}

impl Index {
    /// Whether queries may look rows up in it: it is complete, and has entries with all its keys.
    pub fn searchable(&self) -> bool {
        self.valid && (self.exclude.is_empty() || self.is_tree())
    }
}

/// How the store keeps indexes of an access method.
pub fn storage_method(am: u32) -> rustydb_storage::am::Method {
    use rustydb_storage::am::Method;
    match am {
        rustydb_types::pgdata::HASH => Method::HASH,
        rustydb_types::pgdata::GIN => Method::GIN,
        rustydb_types::pgdata::GIST | rustydb_types::pgdata::SPGIST => Method::GIST,
        rustydb_types::pgdata::BRIN => Method::BRIN,
        _ => Method::BTREE,
    }
}

impl Index {
    /// Whether it only knows which keys are equal: no order, no ranges, no NULLs.
    pub fn is_hash(&self) -> bool {
        self.method == rustydb_types::pgdata::HASH
    }

    /// Whether it is inverted: its entries are for what is in the key columns' values, not for the values.
    pub fn is_gin(&self) -> bool {
        self.method == rustydb_types::pgdata::GIN
    }

    /// Whether it is a search tree: its entries are bounded, not ordered. SP-GiST's operator classes are served by the same tree.
    pub fn is_tree(&self) -> bool {
        storage_method(self.method) == rustydb_storage::am::Method::GIST
    }

    /// Whether it summarises ranges of blocks: it has no entries of rows.
    pub fn is_brin(&self) -> bool {
        self.method == rustydb_types::pgdata::BRIN
    }

    /// `pages_per_range` of a new file of a block range index.
    pub fn pages_per_range(&self) -> u32 {
        let said = self.marks.options.iter().find(|(k, _)| k == "pages_per_range");
        said.and_then(|(_, v)| v.trim().parse().ok()).unwrap_or(rustydb_storage::brin::PAGES_PER_RANGE)
    }

    /// `autosummarize`: a block range index wants summaries of ranges as soon as they are full.
    pub fn summarises_by_itself(&self) -> bool {
        let on = |v: &str| {
            let v = v.to_ascii_lowercase();
            !v.is_empty() && (["true", "yes"].iter().any(|w| w.starts_with(&v)) || v == "on" || v == "1")
        };
        self.is_brin() && self.marks.options.iter().any(|(k, v)| k == "autosummarize" && on(v))
    }

    /// The parameters of a key column's operator class (from 0).
    pub fn class_options(&self, column: usize) -> &[(String, String)] {
        let of = self.marks.class_options.iter().find(|o| usize::try_from(o.0 - 1) == Ok(column));
        of.map_or(&[], |o| o.1.as_slice())
    }

    /// `fastupdate`, which is on by default. There is no list of pending entries here, but what it means for serializable
    /// transactions is kept: as everybody reads that list, every insertion concerns every reader of the index.
    pub fn has_pending_list(&self) -> bool {
        let off = |v: &str| matches!(v, "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0");
        self.is_gin() && !self.marks.options.iter().any(|(k, v)| k == "fastupdate" && off(&v.to_ascii_lowercase()))
    }
}

/// See [`Index::marks`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct IndexMarks {
    /// CLUSTER ON (`indisclustered`).
    pub clustered: bool,
    /// REPLICA IDENTITY USING INDEX (`indisreplident`).
    pub replica_identity: bool,
    /// `attstattarget` of its columns that have one: position from 1, target.
    pub targets: Vec<(i16, i32)>,
    /// Storage parameters (`reloptions`). But those of block range indexes they say nothing to RustyDB's pages, and are shown
    /// and dumped.
    pub options: Vec<(String, String)>,
    /// Parameters of its columns' operator classes (`attoptions`), of those that have some: position from 1, names and values.
    pub class_options: Vec<(i16, Vec<(String, String)>)>,
}

/// Action of a foreign key (`confupdtype`, `confdeltype`).
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation; lists are the columns set, empty for all")]
pub enum FkAction {
    NoAction,
    Restrict,
    Cascade,
    SetNull(Vec<i16>),
    SetDefault(Vec<i16>),
}

/// What a constraint demands.
#[derive(Clone, Debug)]
pub enum ConstraintKind {
    /// CHECK with its SQL text.
    Check(String),
    /// PRIMARY KEY through an index.
    Primary {
        /// Its index.
        index: u32,
    },
    /// UNIQUE through an index.
    Unique {
        /// Its index.
        index: u32,
    },
    /// EXCLUDE through an index, which has the operators.
    Exclude {
        /// Its index.
        index: u32,
    },
    /// FOREIGN KEY.
    Foreign {
        /// Referenced table.
        ref_table: u32,
        /// Referenced columns, parallel to [`Constraint::columns`].
        ref_columns: Vec<i16>,
        /// Unique index on the referenced columns.
        ref_index: u32,
        /// ON UPDATE.
        on_update: FkAction,
        /// ON DELETE.
        on_delete: FkAction,
        /// MATCH FULL.
        match_full: bool,
        /// It is the part, for a partition of the referenced table, of the same table's constraint [`Constraint::parent`].
        part: bool,
    },
}

/// A constraint.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Table.
    pub table: u32,
    /// Columns concerned.
    pub columns: Vec<i16>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub deferred: bool,
    /// Not NOT VALID.
    pub validated: bool,
    /// Whether it is the table's own, its parents', or both.
    pub lineage: Lineage,
    /// NO INHERIT.
    pub no_inherit: bool,
    /// The constraint of the partitioned table that this one is a part of, 0 for none.
    pub parent: u32,
}

impl Constraint {
    /// Whether it is a part of a foreign key for one of the referenced table's partitions.
    pub fn is_reference_part(&self) -> bool {
        matches!(self.kind, ConstraintKind::Foreign { part: true, .. })
    }

    /// The index that belongs to it.
    pub fn index(&self) -> Option<u32> {
        match self.kind {
            ConstraintKind::Primary { index }
            | ConstraintKind::Unique { index }
            | ConstraintKind::Exclude { index } => Some(index),
            ConstraintKind::Check(_) | ConstraintKind::Foreign { .. } => None,
        }
    }
}

/// A sequence's definition; its values live in the store under `storage`.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Sequence file.
    pub storage: RelId,
    /// Type: int2, int4 or int8.
    pub ty: u32,
    /// START.
    pub start: i64,
    /// INCREMENT.
    pub increment: i64,
    /// MINVALUE.
    pub min: i64,
    /// MAXVALUE.
    pub max: i64,
    /// CACHE.
    pub cache: i64,
    /// CYCLE.
    pub cycle: bool,
    /// Owning column (table OID, attnum), if any.
    pub owned_by: Option<(u32, i16)>,
}

/// What ANALYZE found about a column (`pg_statistic`).
#[derive(Clone, Debug, Default)]
pub struct ColumnStats {
    /// Fraction of NULLs.
    pub null_frac: f32,
    /// Average stored width in bytes.
    pub avg_width: i32,
    /// As `stadistinct`: positive a count, negative a fraction of the rows, 0 unknown.
    pub n_distinct: f32,
    /// Most common values with their frequencies.
    pub mcv: Vec<(Datum, f32)>,
    /// Equi-depth histogram bounds.
    pub histogram: Vec<Datum>,
    /// Correlation of physical and logical order.
    pub correlation: f32,
}

/// What ANALYZE, CREATE INDEX and TRUNCATE keep about a relation.
#[derive(Clone, Debug)]
pub struct RelStats {
    /// `reltuples`, -1 when never analysed.
    pub tuples: f32,
    /// `relpages`.
    pub pages: i32,
    /// Per column, by attnum.
    pub columns: HashMap<i16, ColumnStats>,
}

/// A table, view, sequence, index or composite type.
#[derive(Clone, Debug)]
pub struct Relation {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Schema's name.
    pub schema: String,
    /// What it is.
    pub kind: RelKind,
    /// Owner.
    pub owner: u32,
    /// Persistence.
    pub persistence: Persistence,
    /// Row type OID, 0 for indexes and sequences.
    pub row_type: u32,
    /// OID of the array type over the row type.
    pub row_array_type: u32,
    /// That type's name: the relation's behind as many underscores as made it free. Chosen when the relation is put.
    pub row_array_name: String,
    /// OID of the view's `_RETURN` rule, 0 for others.
    pub rule_oid: u32,
    /// What it needs to exist: relations a view reads, sequences a default draws from, the column a sequence belongs to.
    pub depends: Vec<Dependency>,
    /// Columns by attnum-1, dropped ones included.
    pub columns: Vec<Column>,
    /// Rows, for tables and materialized views.
    pub storage: Option<Storage>,
    /// Indexes on it, by OID.
    pub indexes: Vec<Arc<Index>>,
    /// Constraints on it.
    pub constraints: Vec<Arc<Constraint>>,
    /// Foreign keys of other (or the same) tables that reference it.
    pub referenced_by: Vec<Arc<Constraint>>,
    /// Has rows of its query, for materialized views; true of others.
    pub populated: bool,
    /// Query text, for views.
    pub view: Option<String>,
    /// Definition, for sequences.
    pub sequence: Option<Sequence>,
    /// Statistics.
    pub stats: Arc<RelStats>,
    /// `reloptions`.
    pub options: Vec<(String, String)>,
    /// Grows with every change of the definition: cached plans compare it.
    pub version: u64,
    /// Tables it inherits from, in the order of `inhseqno`; of a partition, its partitioned table.
    pub parents: Vec<u32>,
    /// Tables that inherit from it, by OID.
    pub children: Vec<u32>,
    /// PARTITION BY: the table has no rows of its own.
    pub partition_key: Option<Arc<partition::PartitionKey>>,
    /// The bound of a partition as SQL text (`FOR VALUES …` or `DEFAULT`).
    pub bound: Option<String>,
    /// Extended statistics defined on it, by OID.
    pub extended: Vec<Arc<extended::ExtendedStatistics>>,
    /// Access privileges (`relacl`, `attacl`); `None` for the default ones.
    pub acl: Option<Arc<RelationAcl>>,
    /// `relreplident` if it is not the default of the relation's kind: 'n' nothing, 'f' full, 'i' an index.
    pub replica_identity: Option<char>,
    /// A partition whose DETACH … CONCURRENTLY is not complete: snapshots up to this SCN still see it in its parent
    /// ([`UNPUBLISHED`] until the change is published), whose `children` it is not among any more.
    pub detaching: Option<u64>,
    /// Row type of the composite type that a typed table is of (`reloftype`), 0 for other relations.
    pub of_type: u32,
}

/// See [`Relation::detaching`].
pub const UNPUBLISHED: u64 = u64::MAX;

impl Relation {
    /// Whether its rows never leave memory (table method `memory`).
    pub fn in_memory(&self) -> bool {
        self.storage.as_ref().is_some_and(|s| s.heap.is_memory())
    }

    /// What becomes of its files' pages, and of those of new files for it.
    pub fn durability(&self) -> Durability {
        match self.persistence {
            _ if self.in_memory() => Durability::Memory,
            Persistence::Permanent => Durability::Logged,
            Persistence::Unlogged | Persistence::Temporary => Durability::Unlogged,
        }
    }

    /// A live column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| !c.dropped && c.name == name)
    }
    /// Policies of row-level security.
    pub fn policies(&self) -> &[crate::acl::policy::Policy] {
        self.acl.as_ref().map_or(&[], |a| a.policies())
    }
    /// A column by number, dropped or not.
    pub fn attribute(&self, attnum: i16) -> Option<&Column> {
        usize::try_from(attnum).ok()?.checked_sub(1).and_then(|i| self.columns.get(i))
    }
    /// PARTITION BY.
    pub fn is_partitioned(&self) -> bool {
        self.partition_key.is_some()
    }
    /// `relkind`.
    pub fn letter(&self) -> char {
        if self.is_partitioned() { 'p' } else { self.kind.letter() }
    }
    /// Whether some column is computed when it is read.
    pub fn has_virtual(&self) -> bool {
        self.columns.iter().any(Column::is_virtual)
    }
    /// Live columns in order.
    pub fn live_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| !c.dropped)
    }
    /// The constraint that an index belongs to.
    pub fn constraint_of(&self, index: u32) -> Option<&Arc<Constraint>> {
        self.constraints.iter().find(|c| c.index() == Some(index))
    }
    /// The deferrable constraint that an index belongs to: between statements its keys need not be unique.
    pub fn deferrable_key(&self, index: u32) -> Option<&Arc<Constraint>> {
        self.constraints.iter().find(|c| {
            c.deferrable
                && matches!(c.kind, ConstraintKind::Primary { index: i } | ConstraintKind::Unique { index: i } | ConstraintKind::Exclude { index: i } if i == index)
        })
    }
    /// The primary key's index.
    pub fn primary_key(&self) -> Option<&Arc<Index>> {
        self.indexes.iter().find(|i| i.primary)
    }
}

/// One row of `pg_depend` with the relation (or a part of it) as the dependent object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dependency {
    /// Dependent column, 0 for the relation (or a view's rule).
    pub sub: i32,
    /// The relation (or constraint) it needs.
    pub ref_relation: u32,
    /// The column it needs, 0 for the whole relation, [`Self::CONSTRAINT`] for a constraint.
    pub ref_sub: i32,
    /// `deptype`: 'n' normal, 'a' automatic, 'i' internal.
    pub kind: char,
}

impl Dependency {
    /// What it needs is a constraint.
    pub const CONSTRAINT: i32 = -1;
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// SUPERUSER.
    pub superuser: bool,
    /// INHERIT.
    pub inherit: bool,
    /// CREATEROLE.
    pub create_role: bool,
    /// CREATEDB.
    pub create_db: bool,
    /// LOGIN.
    pub login: bool,
    /// REPLICATION.
    pub replication: bool,
    /// BYPASSRLS.
    pub bypass_rls: bool,
    /// CONNECTION LIMIT, -1 for none.
    pub connection_limit: i32,
    /// SCRAM verifier.
    pub password: Option<String>,
    /// VALID UNTIL, microseconds since 2000.
    pub valid_until: Option<i64>,
}

/// A database.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Owner.
    pub owner: u32,
    /// May be connected to.
    pub allow_connections: bool,
    /// Is a template.
    pub is_template: bool,
    /// `datacl`; `None` for the default.
    pub acl: Option<Acl>,
    /// CONNECTION LIMIT, -1 for none.
    pub connection_limit: i32,
    /// `datcollate` and `datctype`: names of the one order of text there is, that of the bytes.
    pub locale: (String, String),
}

/// `datcollate` of databases whose creator did not say.
pub const DEFAULT_LOCALE: &str = "C.UTF-8";

/// A typed snapshot of one database's catalog and the shared one.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The database.
    pub database: Database,
    /// Schemas by OID.
    pub namespaces: HashMap<u32, Arc<Namespace>>,
    /// Schema OIDs by name.
    pub namespace_names: HashMap<String, u32>,
    /// Relations by OID; indexes are listed too (kind Index), with their definition in the table's `indexes`.
    pub relations: HashMap<u32, Arc<Relation>>,
    /// Relation OIDs by schema and name.
    pub relation_names: HashMap<(u32, String), u32>,
    /// Roles by OID.
    pub roles: HashMap<u32, Arc<Role>>,
    /// Role OIDs by name.
    pub role_names: HashMap<String, u32>,
    /// Databases by name.
    pub databases: HashMap<String, Arc<Database>>,
    /// ALTER DATABASE … SET and ALTER ROLE … SET: by database and role, 0 for any.
    pub role_settings: HashMap<(u32, u32), Arc<Vec<(String, String)>>>,
    /// Row types of relations: type OID to relation OID.
    pub row_types: HashMap<u32, u32>,
    /// Memberships, default privileges, and lists of built-in objects.
    pub rights: Arc<Rights>,
    /// Enums, domains and ranges by OID.
    pub types: HashMap<u32, Arc<types::UserType>>,
    /// OIDs of their `pg_type` rows by schema and name.
    pub type_names: HashMap<(u32, String), u32>,
    /// Which of [`Catalog::types`] a `pg_type` row belongs to.
    pub type_owners: HashMap<u32, u32>,
    /// Users' functions, procedures and aggregates by OID.
    pub routines: HashMap<u32, Arc<routines::Routine>>,
    /// Their OIDs by schema and name.
    pub routine_names: HashMap<(u32, String), Vec<u32>>,
    /// Users' operators by OID.
    pub operators: HashMap<u32, Arc<operators::UserOperator>>,
    /// Users' collations by OID.
    pub collations: HashMap<u32, Arc<collations::Collation>>,
    /// Users' casts by source and target type.
    pub casts: HashMap<(u32, u32), casts::UserCast>,
    /// Users' text search objects and conversions by OID.
    pub objects: HashMap<u32, Arc<objects::SchemaObject>>,
    /// Installed extensions by OID.
    pub extensions: HashMap<u32, Arc<extensions::Extension>>,
    /// Partitions that are being detached.
    pub detaching: Vec<u32>,
    /// Grows with every change of a type, routine or operator: cached plans compare it.
    pub types_version: u64,
}

impl Catalog {
    /// A relation by OID.
    pub fn relation(&self, oid: u32) -> Option<&Arc<Relation>> {
        self.relations.get(&oid)
    }
    /// A relation by schema OID and name.
    pub fn relation_named(&self, namespace: u32, name: &str) -> Option<&Arc<Relation>> {
        // The owned key costs an allocation; names are resolved once per statement text.
        self.relations.get(self.relation_names.get(&(namespace, name.to_owned()))?)
    }
    /// A schema's OID.
    pub fn namespace_named(&self, name: &str) -> Option<u32> {
        self.namespace_names.get(name).copied()
    }
    /// An index's definition by the index's OID.
    pub fn index(&self, oid: u32) -> Option<&Arc<Index>> {
        self.relations.get(&oid).filter(|r| r.kind == RelKind::Index)?.indexes.first()
    }
    /// A role by name.
    pub fn role_named(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.get(self.role_names.get(name)?)
    }
}
