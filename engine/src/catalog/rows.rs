//! Objects as rows of the catalog tables.
//!
//! A DDL statement changes typed objects; the rows of the object before and after are compared and the difference is
//! written to the catalog's heaps. What reads the rows back is [`super::load`]; the two must mirror each other (a test
//! takes objects through both).
//!
//! Where RustyDB needs to keep something PostgreSQL has no column for, it uses one that is private to the server there
//! as well: `attcacheoff` holds the layout version that introduced the column. Stored expressions (`adbin`, `conbin`,
//! `indexprs`, `indpred`, `ev_action`) are SQL text.

use super::{
    Column, ColumnStats, Constraint, ConstraintKind, Database, FkAction, Index, Namespace, Persistence, RelKind,
    Relation, Role,
};
use crate::acl::item::encode_list;
use crate::acl::membership::Membership;
use crate::acl::policy::{Policy, RowSecurity};
use crate::acl::{Acl, DefaultAcl};
use rustydb_types::datum::{ArrayValue, Datum, Str, TypeRef};
use rustydb_types::{oid, pgdata};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// OIDs of the catalog tables that objects are written to.
pub mod table {
    #![allow(missing_docs, reason = "PostgreSQL's catalog names")]
    pub const PG_CLASS: u32 = 1259;
    pub const PG_ATTRIBUTE: u32 = 1249;
    pub const PG_TYPE: u32 = 1247;
    pub const PG_INDEX: u32 = 2610;
    pub const PG_CONSTRAINT: u32 = 2606;
    pub const PG_ATTRDEF: u32 = 2604;
    pub const PG_SEQUENCE: u32 = 2224;
    pub const PG_NAMESPACE: u32 = 2615;
    pub const PG_AUTHID: u32 = 1260;
    pub const PG_DATABASE: u32 = 1262;
    pub const PG_DB_ROLE_SETTING: u32 = 2964;
    pub const PG_REWRITE: u32 = 2618;
    pub const PG_DEPEND: u32 = 2608;
    pub const PG_STATISTIC: u32 = 2619;
    pub const PG_PROC: u32 = 1255;
    pub const PG_DESCRIPTION: u32 = 2609;
    pub const PG_LANGUAGE: u32 = 2612;
    pub const PG_AUTH_MEMBERS: u32 = 1261;
    pub const PG_DEFAULT_ACL: u32 = 826;
    pub const PG_INIT_PRIVS: u32 = 3394;
    pub const PG_INHERITS: u32 = 2611;
    pub const PG_PARTITIONED_TABLE: u32 = 3350;
    pub const PG_POLICY: u32 = 3256;
    pub const PG_STATISTIC_EXT: u32 = 3381;
    pub const PG_STATISTIC_EXT_DATA: u32 = 3429;
}

/// Separates several expressions kept in one `pg_node_tree` value.
pub const EXPR_SEPARATOR: char = '\u{1}';

/// A row of a catalog table.
#[derive(Clone, Debug, PartialEq)]
pub struct CatRow {
    /// The catalog table's OID.
    pub table: u32,
    /// One value per column.
    pub values: Vec<Datum>,
}

/// Position of a catalog table's column.
pub fn column_index(table: u32, name: &str) -> Option<usize> {
    static MAP: LazyLock<HashMap<(u32, &str), usize>> = LazyLock::new(|| {
        pgdata::columns()
            .iter()
            .filter(|c| c.attnum > 0)
            .map(|c| ((c.attrelid, c.attname), (c.attnum - 1) as usize))
            .collect()
    });
    MAP.get(&(table, name)).copied()
}

/// Builds one row; columns not set are NULL.
pub(crate) struct RowBuilder(CatRow);

impl RowBuilder {
    pub(crate) fn new(table: u32) -> RowBuilder {
        let n = pgdata::columns_of(table).iter().filter(|c| c.attnum > 0).count();
        RowBuilder(CatRow { table, values: vec![Datum::Null; n] })
    }
    pub(crate) fn set(mut self, name: &str, d: Datum) -> RowBuilder {
        if let Some(i) = column_index(self.0.table, name) {
            self.0.values[i] = d;
        } else {
            debug_assert!(false, "catalog {} has no column {name}", self.0.table);
        }
        self
    }
    pub(crate) fn oid(self, name: &str, v: u32) -> RowBuilder {
        self.set(name, Datum::Oid(v))
    }
    pub(crate) fn text(self, name: &str, v: &str) -> RowBuilder {
        self.set(name, Datum::Text(v.into()))
    }
    pub(crate) fn opt_text(self, name: &str, v: Option<&str>) -> RowBuilder {
        match v {
            Some(v) => self.text(name, v),
            None => self,
        }
    }
    pub(crate) fn ch(self, name: &str, v: char) -> RowBuilder {
        let mut s = Str::default();
        if v != '\0' {
            s.push(v);
        }
        self.set(name, Datum::Text(s))
    }
    pub(crate) fn bool(self, name: &str, v: bool) -> RowBuilder {
        self.set(name, Datum::Bool(v))
    }
    pub(crate) fn i2(self, name: &str, v: i16) -> RowBuilder {
        self.set(name, Datum::Int2(v))
    }
    pub(crate) fn i4(self, name: &str, v: i32) -> RowBuilder {
        self.set(name, Datum::Int4(v))
    }
    pub(crate) fn i8(self, name: &str, v: i64) -> RowBuilder {
        self.set(name, Datum::Int8(v))
    }
    pub(crate) fn f4(self, name: &str, v: f32) -> RowBuilder {
        self.set(name, Datum::Float4(v))
    }
    pub(crate) fn acl(self, name: &str, acl: Option<&Acl>) -> RowBuilder {
        match acl {
            Some(acl) => self.set(name, encode_list(acl)),
            None => self,
        }
    }
    /// `reloptions`; NULL when there are none.
    pub(crate) fn options(self, list: &[(String, String)]) -> RowBuilder {
        match list {
            [] => self,
            list => self.set("reloptions", text_array(list.iter().map(|(k, v)| format!("{k}={v}")))),
        }
    }
    pub(crate) fn build(self) -> CatRow {
        self.0
    }
}

/// A 1-based array.
pub(crate) fn array_of(elem: u32, items: Vec<Datum>) -> Datum {
    array(elem, 1, items)
}

pub(crate) fn array(elem: u32, low: i32, items: Vec<Datum>) -> Datum {
    let dims = if items.is_empty() && low == 1 { vec![] } else { vec![(items.len() as i32, low)] };
    Datum::Array(Arc::new(ArrayValue { elem, dims, items }))
}

/// A 1-based int2 array.
pub(crate) fn int2_array(v: &[i16]) -> Datum {
    array(oid::INT2, 1, v.iter().map(|x| Datum::Int2(*x)).collect())
}

/// A 0-based int2vector.
pub(crate) fn int2_vector(v: impl IntoIterator<Item = i16>) -> Datum {
    array(oid::INT2, 0, v.into_iter().map(Datum::Int2).collect())
}

/// A 0-based oidvector.
pub(crate) fn oid_vector(v: impl IntoIterator<Item = u32>) -> Datum {
    array(oid::OID, 0, v.into_iter().map(Datum::Oid).collect())
}

pub(crate) fn text_array(v: impl IntoIterator<Item = String>) -> Datum {
    array(oid::TEXT, 1, v.into_iter().map(|s| Datum::Text(s.as_str().into())).collect())
}

/// A schema's row.
pub fn namespace(n: &Namespace) -> CatRow {
    RowBuilder::new(table::PG_NAMESPACE)
        .oid("oid", n.oid)
        .text("nspname", &n.name)
        .oid("nspowner", n.owner)
        .acl("nspacl", n.acl.as_ref())
        .build()
}

/// A role's row.
pub fn role(r: &Role) -> CatRow {
    let mut b = RowBuilder::new(table::PG_AUTHID)
        .oid("oid", r.oid)
        .text("rolname", &r.name)
        .bool("rolsuper", r.superuser)
        .bool("rolinherit", r.inherit)
        .bool("rolcreaterole", r.create_role)
        .bool("rolcreatedb", r.create_db)
        .bool("rolcanlogin", r.login)
        .bool("rolreplication", r.replication)
        .bool("rolbypassrls", r.bypass_rls)
        .i4("rolconnlimit", r.connection_limit)
        .opt_text("rolpassword", r.password.as_deref());
    if let Some(t) = r.valid_until {
        b = b.set("rolvaliduntil", Datum::TimestampTz(t));
    }
    b.build()
}

/// A database's row.
pub fn database(d: &Database) -> CatRow {
    RowBuilder::new(table::PG_DATABASE)
        .oid("oid", d.oid)
        .text("datname", &d.name)
        .oid("datdba", d.owner)
        .i4("encoding", 6)
        .ch("datlocprovider", 'c')
        .bool("datistemplate", d.is_template)
        .bool("datallowconn", d.allow_connections)
        .i4("datconnlimit", d.connection_limit)
        .oid("datfrozenxid", 3)
        .oid("datminmxid", 1)
        .oid("dattablespace", 1663)
        .text("datcollate", &d.locale.0)
        .text("datctype", &d.locale.1)
        .acl("datacl", d.acl.as_ref())
        .build()
}

/// A membership's row.
pub fn membership(m: &Membership) -> CatRow {
    RowBuilder::new(table::PG_AUTH_MEMBERS)
        .oid("roleid", m.role)
        .oid("member", m.member)
        .oid("grantor", m.grantor)
        .bool("admin_option", m.admin)
        .build()
}

/// The row of default privileges.
pub fn default_acl(d: &DefaultAcl) -> CatRow {
    RowBuilder::new(table::PG_DEFAULT_ACL)
        .oid("oid", d.oid)
        .oid("defaclrole", d.role)
        .oid("defaclnamespace", d.namespace)
        .ch("defaclobjtype", d.kind)
        .acl("defaclacl", Some(&d.acl))
        .build()
}

/// Settings of a database and a role (0 for any); no row when there are none.
pub fn role_settings(database: u32, role: u32, list: &[(String, String)]) -> Option<CatRow> {
    if list.is_empty() {
        return None;
    }
    let row = RowBuilder::new(table::PG_DB_ROLE_SETTING).oid("setdatabase", database).oid("setrole", role);
    Some(row.set("setconfig", text_array(list.iter().map(|(k, v)| format!("{k}={v}")))).build())
}

/// All rows of a relation: its class, types, columns, defaults, indexes, constraints, sequence, rule, dependencies and
/// statistics.
pub fn relation(r: &Relation) -> Vec<CatRow> {
    let mut out = vec![class(r)];
    if r.row_type != 0 {
        out.extend(row_types(r));
    }
    for c in &r.columns {
        out.push(attribute(r, c));
        if let Some(text) = &c.default {
            out.push(
                RowBuilder::new(table::PG_ATTRDEF)
                    .oid("oid", c.default_oid)
                    .oid("adrelid", r.oid)
                    .i2("adnum", c.attnum)
                    .text("adbin", text)
                    .build(),
            );
        }
    }
    if r.storage.is_some() {
        out.extend(SYSTEM_ATTRIBUTES.iter().map(|a| system_attribute(r.oid, *a)));
    }
    for i in &r.indexes {
        out.extend(index(r, i));
    }
    for c in &r.constraints {
        out.push(constraint(r, c));
    }
    if let Some(s) = &r.sequence {
        out.push(
            RowBuilder::new(table::PG_SEQUENCE)
                .oid("seqrelid", r.oid)
                .oid("seqtypid", s.ty)
                .i8("seqstart", s.start)
                .i8("seqincrement", s.increment)
                .i8("seqmax", s.max)
                .i8("seqmin", s.min)
                .i8("seqcache", s.cache)
                .bool("seqcycle", s.cycle)
                .build(),
        );
    }
    if let Some(text) = &r.view {
        out.push(
            RowBuilder::new(table::PG_REWRITE)
                .oid("oid", r.rule_oid)
                .text("rulename", "_RETURN")
                .oid("ev_class", r.oid)
                .ch("ev_type", '1')
                .ch("ev_enabled", 'O')
                .bool("is_instead", true)
                .text("ev_qual", "<>")
                .text("ev_action", text)
                .build(),
        );
    }
    for (n, p) in r.parents.iter().enumerate() {
        out.push(inherits(r.oid, *p, n as i32 + 1, r.detaching.is_some()));
    }
    for i in r.indexes.iter().filter(|i| i.parent != 0) {
        out.push(inherits(i.oid, i.parent, 1, false));
    }
    if let Some(k) = &r.partition_key {
        out.push(partitioned_table(r.oid, k));
    }
    for x in &r.extended {
        out.push(x.row(r.oid));
        out.extend(x.data_rows());
    }
    for p in r.policies() {
        out.push(policy(r.oid, p));
    }
    out.extend(super::dependencies::of_relation(r));
    out.extend(statistics(r));
    out
}

/// OID of the table method of a relation, 0 for those without rows.
fn relam(r: &Relation) -> u32 {
    match &r.storage {
        Some(_) if r.in_memory() => pgdata::MEMORY_AM,
        Some(_) => 2,
        None => 0,
    }
}

fn row_security(r: &Relation) -> Option<&RowSecurity> {
    r.acl.as_ref()?.rows.as_deref()
}

fn policy(rel: u32, p: &Policy) -> CatRow {
    RowBuilder::new(table::PG_POLICY)
        .oid("oid", p.oid)
        .text("polname", &p.name)
        .oid("polrelid", rel)
        .ch("polcmd", p.command)
        .bool("polpermissive", p.permissive)
        .set("polroles", array(oid::OID, 1, p.roles.iter().map(|r| Datum::Oid(*r)).collect()))
        .opt_text("polqual", p.using.as_deref())
        .opt_text("polwithcheck", p.check.as_deref())
        .build()
}

fn class(r: &Relation) -> CatRow {
    let live = r.columns.len() as i16;
    let checks = r.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::Check(_))).count() as i16;
    let triggers =
        !r.referenced_by.is_empty() || r.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::Foreign { .. }));
    let file = r.storage.as_ref().map(|s| s.heap.0).or(r.sequence.as_ref().map(|s| s.storage.0)).unwrap_or(0);
    let mut b = RowBuilder::new(table::PG_CLASS)
        .oid("oid", r.oid)
        .text("relname", &r.name)
        .oid("relnamespace", r.namespace)
        .oid("reltype", r.row_type)
        .oid("reloftype", r.of_type)
        .oid("relowner", r.owner)
        .oid("relam", relam(r))
        .oid("relfilenode", file)
        .oid("reltablespace", 0)
        .i4("relpages", r.stats.pages)
        .f4("reltuples", r.stats.tuples)
        .i4("relallvisible", 0)
        .oid("reltoastrelid", 0)
        .bool("relhasindex", !r.indexes.is_empty())
        .bool("relisshared", pgdata::relation(r.oid).is_some_and(|x| x.relisshared))
        .ch("relpersistence", persistence(r.persistence))
        .ch("relkind", r.letter())
        .i2("relnatts", live)
        .i2("relchecks", checks)
        .bool("relhasrules", r.view.is_some())
        .bool("relhastriggers", triggers)
        .bool("relhassubclass", !r.children.is_empty())
        .bool("relrowsecurity", row_security(r).is_some_and(|s| s.enabled))
        .bool("relforcerowsecurity", row_security(r).is_some_and(|s| s.forced))
        .bool("relispopulated", r.populated)
        .ch(
            "relreplident",
            r.replica_identity.unwrap_or(
                if r.oid < super::FIRST_USER_OID || !matches!(r.kind, RelKind::Table | RelKind::MaterializedView) {
                    'n'
                } else {
                    'd'
                },
            ),
        )
        .bool("relispartition", r.bound.is_some())
        .opt_text("relpartbound", r.bound.as_deref())
        .oid("relrewrite", 0)
        .oid("relfrozenxid", if r.storage.is_some() { 3 } else { 0 })
        .oid("relminmxid", if r.storage.is_some() { 1 } else { 0 });
    b = b.acl("relacl", r.acl.as_ref().and_then(|a| a.own.as_ref()));
    b.options(&r.options).build()
}

fn persistence(p: Persistence) -> char {
    match p {
        Persistence::Permanent => 'p',
        Persistence::Unlogged => 'u',
        Persistence::Temporary => 't',
    }
}

fn row_types(r: &Relation) -> [CatRow; 2] {
    let base = |o: u32, name: &str| {
        RowBuilder::new(table::PG_TYPE)
            .oid("oid", o)
            .text("typname", name)
            .oid("typnamespace", r.namespace)
            .oid("typowner", r.owner)
            .i2("typlen", -1)
            .bool("typbyval", false)
            .bool("typispreferred", false)
            .bool("typisdefined", true)
            .ch("typdelim", ',')
            .oid("typmodin", 0)
            .oid("typmodout", 0)
            .oid("typanalyze", 0)
            .ch("typalign", 'd')
            .ch("typstorage", 'x')
            .bool("typnotnull", false)
            .oid("typbasetype", 0)
            .i4("typtypmod", -1)
            .i4("typndims", 0)
            .oid("typcollation", 0)
    };
    let func = |name: &str| pgdata::procs_named(name).first().map_or(0, |p| p.oid);
    let row = base(r.row_type, &r.name)
        .ch("typtype", 'c')
        .ch("typcategory", 'C')
        .oid("typrelid", r.oid)
        .oid("typsubscript", 0)
        .oid("typelem", 0)
        .oid("typarray", r.row_array_type)
        .oid("typinput", func("record_in"))
        .oid("typoutput", func("record_out"))
        .oid("typreceive", func("record_recv"))
        .oid("typsend", func("record_send"))
        .build();
    let arr = base(r.row_array_type, &r.row_array_name)
        .ch("typtype", 'b')
        .ch("typcategory", 'A')
        .oid("typrelid", 0)
        .oid("typsubscript", func("array_subscript_handler"))
        .oid("typelem", r.row_type)
        .oid("typarray", 0)
        .oid("typinput", func("array_in"))
        .oid("typoutput", func("array_out"))
        .oid("typreceive", func("array_recv"))
        .oid("typsend", func("array_send"))
        .oid("typanalyze", func("array_typanalyze"))
        .build();
    [row, arr]
}

/// System attributes: name, number, type.
const SYSTEM_ATTRIBUTES: [(&str, i16, u32); 6] = [
    ("ctid", -1, oid::TID),
    ("xmin", -2, oid::XID),
    ("cmin", -3, oid::CID),
    ("xmax", -4, oid::XID),
    ("cmax", -5, oid::CID),
    ("tableoid", -6, oid::OID),
];

fn attribute_base(rel: u32, name: &str, attnum: i16, ty: u32) -> RowBuilder {
    let t = super::types::Shape::of(ty);
    RowBuilder::new(table::PG_ATTRIBUTE)
        .oid("attrelid", rel)
        .text("attname", name)
        .oid("atttypid", ty)
        .i4("attstattarget", if attnum < 0 { 0 } else { -1 })
        .i2("attlen", t.len)
        .i2("attnum", attnum)
        .i4("attndims", i32::from(t.category == 'A'))
        .i4("attcacheoff", -1)
        .i4("atttypmod", -1)
        .bool("attbyval", t.by_val)
        .ch("attalign", t.align)
        .ch("attstorage", t.storage)
        .ch("attcompression", '\0')
        .bool("attnotnull", attnum < 0)
        .bool("atthasdef", false)
        .bool("atthasmissing", false)
        .ch("attidentity", '\0')
        .ch("attgenerated", '\0')
        .bool("attisdropped", false)
        .bool("attislocal", true)
        .i4("attinhcount", 0)
        .oid("attcollation", 0)
}

fn system_attribute(rel: u32, (name, num, ty): (&str, i16, u32)) -> CatRow {
    attribute_base(rel, name, num, ty).build()
}

fn attribute(r: &Relation, c: &Column) -> CatRow {
    let name = if c.dropped { format!("........pg.dropped.{}........", c.attnum) } else { c.name.clone() };
    let mut b = attribute_base(r.oid, &name, c.attnum, c.ty.oid)
        .i4("attcacheoff", if c.since == 0 { -1 } else { i32::from(c.since) })
        .i4("atttypmod", c.ty.typmod)
        .bool("attnotnull", c.not_null)
        .bool("atthasdef", c.default.is_some())
        .bool("atthasmissing", !c.missing.is_null())
        .ch("attidentity", c.identity)
        .ch("attgenerated", c.generated)
        .bool("attisdropped", c.dropped)
        .bool("attislocal", c.lineage.local)
        .i4("attinhcount", c.lineage.parents)
        .i4("attstattarget", c.tuning.target)
        .ch("attcompression", c.tuning.compression)
        .oid("attcollation", c.ty.collation);
    if c.tuning.storage != '\0' {
        b = b.ch("attstorage", c.tuning.storage);
    }
    if !c.tuning.options.is_empty() {
        b = b.set("attoptions", text_array(c.tuning.options.iter().map(|(k, v)| format!("{k}={v}"))));
    }
    let list = r.acl.as_ref().and_then(|a| a.columns.iter().find(|l| l.0 == c.attnum));
    b = b.acl("attacl", list.map(|l| &l.1));
    if !c.missing.is_null() {
        b = b.set("attmissingval", array(c.ty.oid, 1, vec![c.missing.clone()]));
    }
    b.build()
}

/// Names of an index's columns, keys then included ones: their table columns', or what an expression is called in a
/// select list; a number is added to a name that is taken.
pub fn index_column_names(r: &Relation, i: &Index) -> Vec<String> {
    let of_expr = |text: &str| {
        let e = crate::bind::parse_expr(text).ok()?;
        rustydb_parser::ast::column_label(&e).map(str::to_owned)
    };
    let keys = i.keys.iter().map(|k| match &k.expr {
        Some(text) => of_expr(text).unwrap_or_else(|| "expr".to_owned()),
        None => r.attribute(k.attnum).map(|c| c.name.clone()).unwrap_or_default(),
    });
    let included = i.include.iter().filter_map(|a| r.attribute(*a)).map(|c| c.name.clone());
    let mut out: Vec<String> = Vec::with_capacity(i.keys.len() + i.include.len());
    for base in keys.chain(included) {
        let mut name = base.clone();
        let mut n = 0;
        while out.contains(&name) {
            n += 1;
            let digits = n.to_string();
            let room = crate::ddl::names::MAX_NAME - digits.len();
            name = format!("{}{digits}", crate::ddl::names::clip(&base, room));
        }
        out.push(name);
    }
    out
}

fn index(r: &Relation, i: &Index) -> Vec<CatRow> {
    let mut out = Vec::new();
    let natts = (i.keys.len() + i.include.len()) as i16;
    out.push(
        RowBuilder::new(table::PG_CLASS)
            .oid("oid", i.oid)
            .text("relname", &i.name)
            .oid("relnamespace", i.namespace)
            .oid("reltype", 0)
            .oid("reloftype", 0)
            .oid("relowner", i.owner)
            .oid("relam", i.method)
            .oid("relfilenode", i.storage.0)
            .oid("reltablespace", 0)
            .i4("relpages", 0)
            .f4("reltuples", 0.0)
            .i4("relallvisible", 0)
            .oid("reltoastrelid", 0)
            .bool("relhasindex", false)
            .bool("relisshared", pgdata::relation(r.oid).is_some_and(|x| x.relisshared))
            .ch("relpersistence", persistence(r.persistence))
            .ch("relkind", if r.is_partitioned() { 'I' } else { 'i' })
            .i2("relnatts", natts)
            .i2("relchecks", 0)
            .bool("relhasrules", false)
            .bool("relhastriggers", false)
            .bool("relhassubclass", r.is_partitioned() && !r.children.is_empty())
            .bool("relrowsecurity", false)
            .bool("relforcerowsecurity", false)
            .bool("relispopulated", true)
            .ch("relreplident", 'n')
            .bool("relispartition", i.parent != 0)
            .oid("relrewrite", 0)
            .oid("relfrozenxid", 0)
            .oid("relminmxid", 0)
            .options(&i.marks.options)
            .build(),
    );
    let names = index_column_names(r, i);
    let included = i.include.iter().filter_map(|a| r.attribute(*a)).map(|c| TypeRef { collation: 0, ..c.ty });
    // An operator class may keep something else than the column's values.
    let kept = |k: &crate::catalog::IndexKey| match pgdata::opclass(k.opclass).map_or(0, |c| c.opckeytype) {
        oid::ANYELEMENT => {
            let elem = oid::array_element(rustydb_types::usertype::base(k.ty).oid);
            TypeRef { oid: elem.unwrap_or(k.ty.oid), typmod: -1, ..k.ty }
        }
        other if (i.is_gin() || i.is_tree()) && other != 0 => TypeRef { oid: other, typmod: -1, ..k.ty },
        _ => k.ty,
    };
    for (n, (name, ty)) in names.iter().zip(i.keys.iter().map(kept).chain(included)).enumerate() {
        // Names are kept as C strings in B+trees.
        let kept_as = if ty.oid == oid::NAME && !i.is_brin() { oid::CSTRING } else { ty.oid };
        let mut row = attribute_base(i.oid, name, n as i16 + 1, kept_as)
            .i4("atttypmod", ty.typmod)
            .i4("attstattarget", i.marks.targets.iter().find(|t| t.0 == n as i16 + 1).map_or(-1, |t| t.1))
            .oid("attcollation", ty.collation);
        let class_options = i.class_options(n);
        if !class_options.is_empty() {
            row = row.set("attoptions", text_array(class_options.iter().map(|(k, v)| format!("{k}={v}"))));
        }
        out.push(row.build());
    }
    let exprs: Vec<&str> = i.keys.iter().filter_map(|k| k.expr.as_deref()).collect();
    let joined = exprs.join(&EXPR_SEPARATOR.to_string());
    let constraint = r.constraints.iter().find(
        |c| matches!(c.kind, ConstraintKind::Primary { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index } if index == i.oid),
    );
    out.push(
        RowBuilder::new(table::PG_INDEX)
            .oid("indexrelid", i.oid)
            .oid("indrelid", r.oid)
            .i2("indnatts", natts)
            .i2("indnkeyatts", i.keys.len() as i16)
            .bool("indisunique", i.unique)
            .bool("indnullsnotdistinct", i.nulls_not_distinct)
            .bool("indisprimary", i.primary)
            .bool("indisexclusion", !i.exclude.is_empty())
            .bool("indimmediate", constraint.is_none_or(|c| !c.deferrable))
            .bool("indisclustered", i.marks.clustered)
            .bool("indisvalid", i.valid)
            .bool("indcheckxmin", false)
            .bool("indisready", true)
            .bool("indislive", true)
            .bool("indisreplident", i.marks.replica_identity)
            .set("indkey", int2_vector(i.keys.iter().map(|k| k.attnum).chain(i.include.iter().copied())))
            .set("indcollation", oid_vector(i.keys.iter().map(|k| k.ty.collation)))
            .set("indclass", oid_vector(i.keys.iter().map(|k| k.opclass)))
            .set("indoption", int2_vector(i.keys.iter().map(|k| i16::from(k.desc) | (i16::from(k.nulls_first) << 1))))
            .opt_text("indexprs", (!exprs.is_empty()).then_some(joined.as_str()))
            .opt_text("indpred", i.predicate.as_deref())
            .build(),
    );
    out
}

fn fk_letter(a: &FkAction) -> char {
    match a {
        FkAction::NoAction => 'a',
        FkAction::Restrict => 'r',
        FkAction::Cascade => 'c',
        FkAction::SetNull(_) => 'n',
        FkAction::SetDefault(_) => 'd',
    }
}

fn constraint(r: &Relation, c: &Constraint) -> CatRow {
    let mut b = RowBuilder::new(table::PG_CONSTRAINT)
        .oid("oid", c.oid)
        .text("conname", &c.name)
        .oid("connamespace", c.namespace)
        .bool("condeferrable", c.deferrable)
        .bool("condeferred", c.deferred)
        .bool("convalidated", c.validated)
        .oid("conrelid", c.table)
        .oid("contypid", 0)
        .oid("conparentid", c.parent)
        .bool("conislocal", c.lineage.local)
        .i4("coninhcount", c.lineage.parents)
        .bool(
            "connoinherit",
            match c.kind {
                ConstraintKind::Check(_) => c.no_inherit,
                ConstraintKind::Foreign { .. } => c.parent == 0 && !r.is_partitioned(),
                _ => true,
            },
        )
        .ch("confupdtype", ' ')
        .ch("confdeltype", ' ')
        .ch("confmatchtype", ' ')
        .oid("confrelid", 0)
        .oid("conindid", 0);
    if !c.columns.is_empty() {
        b = b.set("conkey", int2_array(&c.columns));
    }
    match &c.kind {
        ConstraintKind::Check(text) => b.ch("contype", 'c').text("conbin", text).build(),
        ConstraintKind::Primary { index } => b.ch("contype", 'p').oid("conindid", *index).build(),
        ConstraintKind::Unique { index } => b.ch("contype", 'u').oid("conindid", *index).build(),
        ConstraintKind::Exclude { index } => {
            let ops = r.indexes.iter().find(|i| i.oid == *index).map(|i| i.exclude.as_slice()).unwrap_or_default();
            let ops = ops.iter().map(|o| Datum::Oid(*o)).collect();
            b.ch("contype", 'x').oid("conindid", *index).set("conexclop", array(oid::OID, 1, ops)).build()
        }
        ConstraintKind::Foreign { ref_table, ref_columns, ref_index, on_update, on_delete, match_full, .. } => {
            let mut b = b
                .ch("contype", 'f')
                .oid("conindid", *ref_index)
                .oid("confrelid", *ref_table)
                .ch("confupdtype", fk_letter(on_update))
                .ch("confdeltype", fk_letter(on_delete))
                .ch("confmatchtype", if *match_full { 'f' } else { 's' })
                .set("confkey", int2_array(ref_columns));
            if let FkAction::SetNull(cols) | FkAction::SetDefault(cols) = on_delete
                && !cols.is_empty()
            {
                b = b.set("confdelsetcols", int2_array(cols));
            }
            b.build()
        }
    }
}

/// Part `seqno` of what a table or an index inherits.
fn inherits(rel: u32, parent: u32, seqno: i32, pending: bool) -> CatRow {
    RowBuilder::new(table::PG_INHERITS)
        .oid("inhrelid", rel)
        .oid("inhparent", parent)
        .i4("inhseqno", seqno)
        .bool("inhdetachpending", pending)
        .build()
}

fn partitioned_table(rel: u32, k: &super::partition::PartitionKey) -> CatRow {
    let exprs: Vec<&str> = k.columns.iter().filter_map(|k| k.expr.as_deref()).collect();
    let joined = exprs.join(&EXPR_SEPARATOR.to_string());
    RowBuilder::new(table::PG_PARTITIONED_TABLE)
        .oid("partrelid", rel)
        .ch("partstrat", k.strategy.letter())
        .i2("partnatts", k.columns.len() as i16)
        .oid("partdefid", k.default_partition)
        .set("partattrs", int2_vector(k.columns.iter().map(|k| k.attnum)))
        .set("partclass", oid_vector(k.columns.iter().map(|k| k.opclass)))
        .set("partcollation", oid_vector(k.columns.iter().map(|k| k.ty.collation)))
        .opt_text("partexprs", (!exprs.is_empty()).then_some(joined.as_str()))
        .build()
}

fn statistics(r: &Relation) -> Vec<CatRow> {
    let mut cols: Vec<_> = r.stats.columns.iter().collect();
    cols.sort_by_key(|c| *c.0);
    let row = |(attnum, s): (&i16, &ColumnStats)| {
        r.attribute(*attnum).map(|c| statistic((r.oid, *attnum), r.is_partitioned(), c.ty, s))
    };
    cols.into_iter().filter_map(row).collect()
}

/// A row of `pg_statistic` about an attribute of a relation, both 0 for an expression.
pub(super) fn statistic(of: (u32, i16), inherited: bool, ty: TypeRef, s: &ColumnStats) -> CatRow {
    // The operators are those of the type whose operator class is used.
    let class = crate::ddl::default_opclass_of(pgdata::BTREE, ty.oid).and_then(pgdata::opclass);
    let input = class.map_or(ty.oid, |c| c.opcintype);
    let operator = |name: &str| pgdata::operator_exact(name, input, input).map_or(0, |o| o.oid);
    let (eq, lt) = (operator("="), operator("<"));
    let floats = |v: Vec<f32>| array(oid::FLOAT4, 1, v.into_iter().map(Datum::Float4).collect());
    let mut b = RowBuilder::new(table::PG_STATISTIC)
        .oid("starelid", of.0)
        .i2("staattnum", of.1)
        .bool("stainherit", inherited)
        .f4("stanullfrac", s.null_frac)
        .i4("stawidth", s.avg_width)
        .f4("stadistinct", s.n_distinct);
    let mut slots: Vec<(i16, u32, Option<Datum>, Option<Datum>)> = Vec::new();
    if !s.mcv.is_empty() {
        let (v, f): (Vec<Datum>, Vec<f32>) = s.mcv.iter().cloned().unzip();
        slots.push((1, eq, Some(floats(f)), Some(array(ty.oid, 1, v))));
    }
    if !s.histogram.is_empty() {
        slots.push((2, lt, None, Some(array(ty.oid, 1, s.histogram.clone()))));
    }
    if s.correlation != 0.0 {
        slots.push((3, lt, Some(floats(vec![s.correlation])), None));
    }
    for n in 0..5 {
        let slot = slots.get(n).cloned().unwrap_or((0, 0, None, None));
        let i = n + 1;
        b = b
            .i2(&format!("stakind{i}"), slot.0)
            .oid(&format!("staop{i}"), slot.1)
            .oid(&format!("stacoll{i}"), if slot.0 == 0 { 0 } else { ty.collation });
        if let Some(d) = slot.2 {
            b = b.set(&format!("stanumbers{i}"), d);
        }
        if let Some(d) = slot.3 {
            b = b.set(&format!("stavalues{i}"), d);
        }
    }
    b.build()
}

/// `relkind` letter back to the kind.
pub fn kind_of(letter: &str) -> Option<RelKind> {
    Some(match letter {
        "r" | "p" => RelKind::Table,
        "i" | "I" => RelKind::Index,
        "S" => RelKind::Sequence,
        "v" => RelKind::View,
        "m" => RelKind::MaterializedView,
        "c" => RelKind::Composite,
        _ => return None,
    })
}
