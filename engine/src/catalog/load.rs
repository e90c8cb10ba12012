//! Rows of the catalog tables back to typed objects; the mirror of [`super::rows`].

use super::partition::{PartitionKey, PartitionStrategy};
use super::rows::{CatRow, EXPR_SEPARATOR, column_index, kind_of, table};
use super::{
    Catalog, Column, ColumnStats, ColumnTuning, Constraint, ConstraintKind, Database, Dependency, FkAction, Index,
    IndexKey, IndexMarks, Lineage, Namespace, Persistence, RelKind, RelStats, Relation, Role, Sequence, Storage,
};
use crate::acl::item::decode_list;
use crate::acl::membership::Membership;
use crate::acl::policy::{Policy, RowSecurity};
use crate::acl::{DefaultAcl, RelationAcl, Rights};
use rustydb_base::{DbError, RelId, Result};
use rustydb_types::datum::{Datum, TypeRef};
use std::collections::HashMap;
use std::sync::Arc;

/// Reads fields of a row by column name.
pub(super) struct Reader<'r>(pub(super) &'r CatRow);

impl Reader<'_> {
    pub(super) fn get(&self, name: &str) -> &Datum {
        column_index(self.0.table, name).and_then(|i| self.0.values.get(i)).unwrap_or(&Datum::Null)
    }
    fn bad(&self, name: &str) -> DbError {
        DbError::corrupt(format!("catalog {}: bad value in column {name}", self.0.table))
    }
    pub(super) fn oid(&self, name: &str) -> Result<u32> {
        match self.get(name) {
            Datum::Oid(v) => Ok(*v),
            _ => Err(self.bad(name)),
        }
    }
    pub(super) fn text(&self, name: &str) -> Result<String> {
        self.opt_text(name).ok_or_else(|| self.bad(name))
    }
    pub(super) fn opt_text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Datum::Text(s) => Some(s.to_string()),
            _ => None,
        }
    }
    pub(super) fn ch(&self, name: &str) -> char {
        match self.get(name) {
            Datum::Text(s) => s.chars().next().unwrap_or('\0'),
            _ => '\0',
        }
    }
    pub(super) fn bool(&self, name: &str) -> bool {
        matches!(self.get(name), Datum::Bool(true))
    }
    pub(super) fn i2(&self, name: &str) -> Result<i16> {
        match self.get(name) {
            Datum::Int2(v) => Ok(*v),
            _ => Err(self.bad(name)),
        }
    }
    pub(super) fn i4(&self, name: &str) -> Result<i32> {
        match self.get(name) {
            Datum::Int4(v) => Ok(*v),
            _ => Err(self.bad(name)),
        }
    }
    fn i8(&self, name: &str) -> Result<i64> {
        match self.get(name) {
            Datum::Int8(v) => Ok(*v),
            _ => Err(self.bad(name)),
        }
    }
    pub(super) fn f4(&self, name: &str) -> f32 {
        match self.get(name) {
            Datum::Float4(v) => *v,
            _ => 0.0,
        }
    }
    pub(super) fn items(&self, name: &str) -> Vec<Datum> {
        match self.get(name) {
            Datum::Array(a) => a.items.clone(),
            _ => Vec::new(),
        }
    }
    pub(super) fn i2s(&self, name: &str) -> Vec<i16> {
        self.items(name).into_iter().filter_map(|d| if let Datum::Int2(v) = d { Some(v) } else { None }).collect()
    }
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.items(name)
            .into_iter()
            .filter_map(|d| if let Datum::Text(v) = d { Some(v.to_string()) } else { None })
            .collect()
    }
    pub(super) fn oids(&self, name: &str) -> Vec<u32> {
        self.items(name).into_iter().filter_map(|d| if let Datum::Oid(v) = d { Some(v) } else { None }).collect()
    }
}

/// A schema from its row.
pub fn namespace(r: &CatRow) -> Result<Namespace> {
    let r = Reader(r);
    let acl = decode_list(r.get("nspacl"))?;
    Ok(Namespace { oid: r.oid("oid")?, name: r.text("nspname")?, owner: r.oid("nspowner")?, acl })
}

/// A role from its row.
pub fn role(r: &CatRow) -> Result<Role> {
    let r = Reader(r);
    Ok(Role {
        oid: r.oid("oid")?,
        name: r.text("rolname")?,
        superuser: r.bool("rolsuper"),
        inherit: r.bool("rolinherit"),
        create_role: r.bool("rolcreaterole"),
        create_db: r.bool("rolcreatedb"),
        login: r.bool("rolcanlogin"),
        replication: r.bool("rolreplication"),
        bypass_rls: r.bool("rolbypassrls"),
        connection_limit: r.i4("rolconnlimit")?,
        password: r.opt_text("rolpassword"),
        valid_until: match r.get("rolvaliduntil") {
            Datum::TimestampTz(t) => Some(*t),
            _ => None,
        },
    })
}

/// A database from its row.
pub fn database(r: &CatRow) -> Result<Database> {
    let r = Reader(r);
    Ok(Database {
        oid: r.oid("oid")?,
        name: r.text("datname")?,
        owner: r.oid("datdba")?,
        allow_connections: r.bool("datallowconn"),
        is_template: r.bool("datistemplate"),
        acl: decode_list(r.get("datacl"))?,
        connection_limit: r.i4("datconnlimit")?,
        locale: (r.text("datcollate")?, r.text("datctype")?),
    })
}

/// `name=value` items of an array of text.
type Named = Vec<(String, String)>;

/// Settings of a database and a role from their row.
pub fn role_settings(r: &CatRow) -> Result<((u32, u32), Named)> {
    let r = Reader(r);
    let list = r.items("setconfig").into_iter().filter_map(|d| match d {
        Datum::Text(s) => s.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())),
        _ => None,
    });
    Ok(((r.oid("setdatabase")?, r.oid("setrole")?), list.collect()))
}

/// The rows of one database's catalog, by catalog table, and those of the shared catalog.
pub type CatalogRows = HashMap<u32, Vec<CatRow>>;

/// Builds the typed snapshot of `database` from all catalog rows.
pub fn catalog(rows: &CatalogRows, database_oid: u32) -> Result<Catalog> {
    let empty = Vec::new();
    let of = |t: u32| rows.get(&t).unwrap_or(&empty);
    let mut cat = Catalog {
        database: Database::default(),
        namespaces: HashMap::new(),
        namespace_names: HashMap::new(),
        relations: HashMap::new(),
        relation_names: HashMap::new(),
        roles: HashMap::new(),
        role_names: HashMap::new(),
        databases: HashMap::new(),
        role_settings: HashMap::new(),
        row_types: HashMap::new(),
        rights: Arc::new(rights(rows)?),
        types: HashMap::new(),
        type_names: HashMap::new(),
        type_owners: HashMap::new(),
        routines: HashMap::new(),
        routine_names: HashMap::new(),
        operators: HashMap::new(),
        casts: HashMap::new(),
        objects: HashMap::new(),
        collations: HashMap::new(),
        extensions: HashMap::new(),
        detaching: Vec::new(),
        types_version: 0,
    };
    for r in of(table::PG_DATABASE) {
        let d = database(r)?;
        if d.oid == database_oid {
            cat.database = d.clone();
        }
        cat.databases.insert(d.name.clone(), Arc::new(d));
    }
    for r in of(table::PG_DB_ROLE_SETTING) {
        let (key, list) = role_settings(r)?;
        cat.role_settings.insert(key, Arc::new(list));
    }
    for r in of(table::PG_AUTHID) {
        cat.put_role(role(r)?);
    }
    for r in of(table::PG_NAMESPACE) {
        cat.put_namespace(namespace(r)?);
    }
    for c in super::collations::load(rows)? {
        cat.put_collation(c);
    }
    for t in super::types::load(rows)? {
        cat.put_type(t);
    }
    // Index keys ask for their operator classes, which know their operators.
    for o in super::operators::load(rows)? {
        cat.put_operator(o);
    }
    for o in super::objects::load(rows)? {
        cat.put_object(o);
    }
    for r in relations(rows, &cat)? {
        cat.detaching.extend(r.detaching.map(|_| r.oid));
        cat.put_relation(r);
    }
    for r in super::routines::load(rows)? {
        cat.put_routine(r);
    }
    for c in super::casts::load(rows)? {
        cat.put_cast(c);
    }
    for e in super::extensions::load(rows)? {
        cat.put_extension(e);
    }
    Ok(cat)
}

/// Memberships and default privileges.
fn rights(rows: &CatalogRows) -> Result<Rights> {
    let mut out = Rights { version: super::change::next_version(), ..Rights::default() };
    for r in rows.get(&table::PG_AUTH_MEMBERS).into_iter().flatten() {
        let r = Reader(r);
        out.members.push(Membership {
            role: r.oid("roleid")?,
            member: r.oid("member")?,
            grantor: r.oid("grantor")?,
            admin: r.bool("admin_option"),
        });
    }
    for r in rows.get(&table::PG_DEFAULT_ACL).into_iter().flatten() {
        let r = Reader(r);
        out.defaults.push(DefaultAcl {
            oid: r.oid("oid")?,
            role: r.oid("defaclrole")?,
            namespace: r.oid("defaclnamespace")?,
            kind: r.ch("defaclobjtype"),
            acl: decode_list(r.get("defaclacl"))?.unwrap_or_default(),
        });
    }
    Ok(out)
}

/// The lists of a relation and its columns.
fn relation_acl(
    class: &Reader<'_>,
    attributes: &[Reader<'_>],
    policies: &[Reader<'_>],
    reads: &HashMap<u32, Vec<(u32, i32)>>,
) -> Result<Option<Arc<RelationAcl>>> {
    let own = decode_list(class.get("relacl"))?;
    let mut columns = Vec::new();
    for a in attributes {
        if let Some(acl) = decode_list(a.get("attacl"))? {
            columns.push((a.i2("attnum")?, acl));
        }
    }
    let mut rows = RowSecurity {
        enabled: class.bool("relrowsecurity"),
        forced: class.bool("relforcerowsecurity"),
        policies: Vec::new(),
    };
    for p in policies {
        rows.policies.push(Policy {
            oid: p.oid("oid")?,
            name: p.text("polname")?,
            permissive: p.bool("polpermissive"),
            command: p.ch("polcmd"),
            roles: p.oids("polroles"),
            using: p.opt_text("polqual"),
            check: p.opt_text("polwithcheck"),
            depends: reads.get(&p.oid("oid")?).cloned().unwrap_or_default(),
        });
    }
    rows.policies.sort_by(|a, b| a.name.cmp(&b.name));
    let rows = (rows != RowSecurity::default()).then(|| Arc::new(rows));
    Ok(RelationAcl { own, columns, rows }.kept())
}

/// What policies read, by policy.
fn policy_reads(rows: &CatalogRows) -> Result<HashMap<u32, Vec<(u32, i32)>>> {
    let mut out: HashMap<u32, Vec<(u32, i32)>> = HashMap::new();
    for r in rows.get(&table::PG_DEPEND).into_iter().flatten() {
        let r = Reader(r);
        if r.oid("classid")? == table::PG_POLICY && r.oid("refclassid")? == table::PG_CLASS && r.ch("deptype") == 'n' {
            out.entry(r.oid("objid")?).or_default().push((r.oid("refobjid")?, r.i4("refobjsubid")?));
        }
    }
    out.values_mut().for_each(|v| v.sort_unstable());
    Ok(out)
}

/// Groups the rows of a catalog table by an OID column.
pub(super) fn grouped<'r>(rows: &'r CatalogRows, t: u32, column: &str) -> Result<HashMap<u32, Vec<Reader<'r>>>> {
    let mut out: HashMap<u32, Vec<Reader<'r>>> = HashMap::new();
    for r in rows.get(&t).into_iter().flatten() {
        let r = Reader(r);
        out.entry(r.oid(column)?).or_default().push(r);
    }
    Ok(out)
}

fn relations(rows: &CatalogRows, cat: &Catalog) -> Result<Vec<Relation>> {
    let mut attributes = grouped(rows, table::PG_ATTRIBUTE, "attrelid")?;
    let defaults = grouped(rows, table::PG_ATTRDEF, "adrelid")?;
    let indexes = grouped(rows, table::PG_INDEX, "indrelid")?;
    let constraints = grouped(rows, table::PG_CONSTRAINT, "conrelid")?;
    let sequences = grouped(rows, table::PG_SEQUENCE, "seqrelid")?;
    let rules = grouped(rows, table::PG_REWRITE, "ev_class")?;
    let stats = grouped(rows, table::PG_STATISTIC, "starelid")?;
    let policies = grouped(rows, table::PG_POLICY, "polrelid")?;
    let policy_reads = policy_reads(rows)?;
    let extended = grouped(rows, table::PG_STATISTIC_EXT, "stxrelid")?;
    let extended_data = grouped(rows, table::PG_STATISTIC_EXT_DATA, "stxoid")?;
    let types = grouped(rows, table::PG_TYPE, "oid")?;
    let ancestry = ancestry(rows)?;
    let pending = pending_detach(rows)?;
    let partitioned = grouped(rows, table::PG_PARTITIONED_TABLE, "partrelid")?;
    let mut classes: HashMap<u32, Reader<'_>> = HashMap::new();
    for r in rows.get(&table::PG_CLASS).into_iter().flatten() {
        let r = Reader(r);
        classes.insert(r.oid("oid")?, r);
    }
    let depends = dependencies(rows, &defaults, &rules)?;
    let mut out = Vec::new();
    for (oid, c) in &classes {
        let kind = kind_of(&c.text("relkind")?).ok_or_else(|| c.bad("relkind"))?;
        if kind == RelKind::Index {
            continue;
        }
        let mut columns = Vec::new();
        let mut atts = attributes.remove(oid).unwrap_or_default();
        atts.retain(|a| a.i2("attnum").is_ok_and(|n| n > 0));
        atts.sort_by_key(|a| a.i2("attnum").unwrap_or(0));
        for a in &atts {
            columns.push(column(a, defaults.get(oid).map_or(&[], Vec::as_slice))?);
        }
        let namespace = c.oid("relnamespace")?;
        let file = c.oid("relfilenode")?;
        let row_type = c.oid("reltype")?;
        let partition_key = match partitioned.get(oid).and_then(|p| p.first()) {
            Some(p) => Some(Arc::new(partition_key(p, &columns)?)),
            None => None,
        };
        let stored = matches!(kind, RelKind::Table | RelKind::MaterializedView) && partition_key.is_none();
        let parents = ancestry.get(oid).cloned().unwrap_or_default();
        let mut ix = Vec::new();
        for i in indexes.get(oid).into_iter().flatten() {
            let class = classes.get(&i.oid("indexrelid")?).ok_or_else(|| i.bad("indexrelid"))?;
            let mut made = index(i, class, &columns)?;
            made.parent = ancestry.get(&made.oid).and_then(|p| p.first()).copied().unwrap_or(0);
            for a in attributes.remove(&made.oid).unwrap_or_default() {
                let (at, target) = (a.i2("attnum")?, a.i4("attstattarget")?);
                if target >= 0 {
                    made.marks.targets.push((at, target));
                }
                let class_options = options(&a, "attoptions");
                if !class_options.is_empty() {
                    made.marks.class_options.push((at, class_options));
                }
            }
            made.marks.targets.sort_unstable();
            made.marks.class_options.sort_unstable();
            if i.bool("indisexclusion") {
                let owner = constraints
                    .get(oid)
                    .into_iter()
                    .flatten()
                    .find(|k| k.ch("contype") == 'x' && k.oid("conindid").is_ok_and(|x| x == made.oid));
                made.exclude = owner.map(|k| k.oids("conexclop")).unwrap_or_default();
            }
            ix.push(Arc::new(made));
        }
        ix.sort_by_key(|i| i.oid);
        let mut cons = Vec::new();
        for k in constraints.get(oid).into_iter().flatten() {
            cons.push(constraint(k)?);
        }
        // A part has its whole in the same table.
        let own: Vec<u32> = cons.iter().map(|k| k.oid).collect();
        for k in &mut cons {
            let within = own.contains(&k.parent);
            if let ConstraintKind::Foreign { part, .. } = &mut k.kind {
                *part = within;
            }
        }
        let mut cons: Vec<Arc<Constraint>> = cons.into_iter().map(Arc::new).collect();
        cons.sort_by_key(|k| k.oid);
        let rule = rules.get(oid).and_then(|r| r.first());
        let sequence = match sequences.get(oid).and_then(|s| s.first()) {
            Some(s) => {
                let owned = depends
                    .get(oid)
                    .into_iter()
                    .flatten()
                    .find(|d| matches!(d.kind, 'a' | 'i') && d.ref_sub > 0)
                    .map(|d| (d.ref_relation, d.ref_sub as i16));
                Some(Sequence {
                    storage: RelId(file),
                    ty: s.oid("seqtypid")?,
                    start: s.i8("seqstart")?,
                    increment: s.i8("seqincrement")?,
                    min: s.i8("seqmin")?,
                    max: s.i8("seqmax")?,
                    cache: s.i8("seqcache")?,
                    cycle: s.bool("seqcycle"),
                    owned_by: owned,
                })
            }
            None => None,
        };
        let row_array_type = types.get(&row_type).and_then(|t| t.first()).map_or(Ok(0), |t| t.oid("typarray"))?;
        let row_array = types.get(&row_array_type).and_then(|t| t.first());
        let row_array_name = row_array.map_or_else(|| Ok(String::new()), |t| t.text("typname"))?;
        out.push(Relation {
            oid: *oid,
            name: c.text("relname")?,
            namespace,
            schema: cat.namespaces.get(&namespace).map(|n| n.name.clone()).unwrap_or_default(),
            kind,
            owner: c.oid("relowner")?,
            persistence: match c.ch("relpersistence") {
                'u' => Persistence::Unlogged,
                't' => Persistence::Temporary,
                _ => Persistence::Permanent,
            },
            row_type,
            row_array_type,
            row_array_name,
            rule_oid: rule.map_or(Ok(0), |r| r.oid("oid"))?,
            // What a child needs of its parents is in `parents`.
            depends: depends
                .get(oid)
                .map(|d| d.iter().filter(|d| !(d.ref_sub == 0 && parents.contains(&d.ref_relation))).copied().collect())
                .unwrap_or_default(),
            storage: stored.then(|| Storage {
                heap: RelId(file),
                overflow: RelId(file + 1),
                schema_ver: columns.iter().map(|c| c.since).max().unwrap_or(0),
            }),
            columns,
            indexes: ix,
            constraints: cons,
            referenced_by: Vec::new(),
            populated: c.bool("relispopulated"),
            view: rule.and_then(|r| r.opt_text("ev_action")),
            sequence,
            stats: Arc::new(RelStats {
                tuples: c.f4("reltuples"),
                pages: c.i4("relpages")?,
                columns: statistics(stats.get(oid).map_or(&[], Vec::as_slice))?,
            }),
            options: options(c, "reloptions"),
            version: 0,
            parents,
            children: Vec::new(),
            partition_key,
            bound: c.opt_text("relpartbound"),
            extended: extended.get(oid).map_or(Ok(Vec::new()), |x| super::extended::load(x, &extended_data))?,
            acl: relation_acl(c, &atts, policies.get(oid).map_or(&[], Vec::as_slice), &policy_reads)?,
            of_type: c.oid("reloftype")?,
            detaching: pending.contains(oid).then_some(0),
            replica_identity: Some(c.ch("relreplident")).filter(|i| matches!(kind, RelKind::Table) && *i != 'd'),
        });
    }
    link_children(&mut out);
    link_foreign_keys(&mut out);
    Ok(out)
}

/// What each table or index inherits from, in order.
/// Partitions whose concurrent detach was begun.
fn pending_detach(rows: &CatalogRows) -> Result<Vec<u32>> {
    let all = rows.get(&table::PG_INHERITS).into_iter().flatten().map(Reader);
    all.filter(|r| r.bool("inhdetachpending")).map(|r| r.oid("inhrelid")).collect()
}

fn ancestry(rows: &CatalogRows) -> Result<HashMap<u32, Vec<u32>>> {
    let mut all: HashMap<u32, Vec<(i32, u32)>> = HashMap::new();
    for r in rows.get(&table::PG_INHERITS).into_iter().flatten() {
        let r = Reader(r);
        all.entry(r.oid("inhrelid")?).or_default().push((r.i4("inhseqno")?, r.oid("inhparent")?));
    }
    Ok(all
        .into_iter()
        .map(|(rel, mut parents)| {
            parents.sort_unstable();
            (rel, parents.into_iter().map(|p| p.1).collect())
        })
        .collect())
}

fn partition_key(p: &Reader<'_>, columns: &[Column]) -> Result<PartitionKey> {
    let attrs = p.i2s("partattrs");
    let (opclass, collation) = (p.oids("partclass"), p.oids("partcollation"));
    let text = p.opt_text("partexprs").unwrap_or_default();
    let exprs = text.split(EXPR_SEPARATOR);
    let keys = key_columns(p, "partattrs", columns, &attrs, &opclass, &collation, exprs)?;
    let strategy = PartitionStrategy::of_letter(p.ch("partstrat")).ok_or_else(|| p.bad("partstrat"))?;
    Ok(PartitionKey::new(strategy, keys, p.oid("partdefid")?))
}

/// Key columns of an index or a partitioned table, in ascending order.
fn key_columns<'t>(
    r: &Reader<'_>,
    field: &str,
    columns: &[Column],
    attrs: &[i16],
    opclass: &[u32],
    collation: &[u32],
    mut exprs: impl Iterator<Item = &'t str>,
) -> Result<Vec<IndexKey>> {
    let mut keys = Vec::with_capacity(attrs.len());
    for (n, attnum) in attrs.iter().copied().enumerate() {
        let opclass = opclass.get(n).copied().unwrap_or(0);
        let collation = collation.get(n).copied().unwrap_or(0);
        let (ty, expr) = if attnum > 0 {
            let c = columns.get(attnum as usize - 1).ok_or_else(|| r.bad(field))?;
            (c.ty, None)
        } else {
            // The operator class gives the type closely enough; the expression is bound anew when the key is used.
            let ty = rustydb_types::pgdata::opclass(opclass).map_or(0, |o| o.opcintype);
            (TypeRef { oid: ty, typmod: -1, collation }, Some(exprs.next().unwrap_or_default().to_owned()))
        };
        keys.push(IndexKey { attnum, expr, ty: TypeRef { collation, ..ty }, opclass, desc: false, nulls_first: false });
    }
    Ok(keys)
}

/// Tells each table which tables inherit from it.
fn link_children(rels: &mut [Relation]) {
    let pairs: Vec<(u32, u32)> =
        rels.iter().filter(|r| r.detaching.is_none()).flat_map(|r| r.parents.iter().map(|p| (*p, r.oid))).collect();
    if pairs.is_empty() {
        return;
    }
    for r in rels {
        r.children = pairs.iter().filter(|p| p.0 == r.oid).map(|p| p.1).collect();
        r.children.sort_unstable();
    }
}

/// Tells each referenced table which foreign keys point at it.
fn link_foreign_keys(rels: &mut [Relation]) {
    let fks: Vec<Arc<Constraint>> = rels
        .iter()
        .flat_map(|r| r.constraints.iter())
        .filter(|c| matches!(c.kind, ConstraintKind::Foreign { .. }))
        .cloned()
        .collect();
    for fk in fks {
        if let ConstraintKind::Foreign { ref_table, .. } = &fk.kind
            && let Some(r) = rels.iter_mut().find(|r| r.oid == *ref_table)
        {
            r.referenced_by.push(fk);
        }
    }
}

fn dependencies(
    rows: &CatalogRows,
    defaults: &HashMap<u32, Vec<Reader<'_>>>,
    rules: &HashMap<u32, Vec<Reader<'_>>>,
) -> Result<HashMap<u32, Vec<Dependency>>> {
    // Whose part a default or a rule is.
    let mut part_of: HashMap<(u32, u32), (u32, i32)> = HashMap::new();
    for (rel, ds) in defaults {
        for d in ds {
            part_of.insert((table::PG_ATTRDEF, d.oid("oid")?), (*rel, i32::from(d.i2("adnum")?)));
        }
    }
    for (rel, rs) in rules {
        for r in rs {
            part_of.insert((table::PG_REWRITE, r.oid("oid")?), (*rel, 0));
        }
    }
    let mut out: HashMap<u32, Vec<Dependency>> = HashMap::new();
    for r in rows.get(&table::PG_DEPEND).into_iter().flatten() {
        let r = Reader(r);
        let (class, obj) = (r.oid("classid")?, r.oid("objid")?);
        let constraint = match r.oid("refclassid")? {
            table::PG_CLASS => false,
            // Of keys only the queries of views need any.
            table::PG_CONSTRAINT if class == table::PG_REWRITE => true,
            _ => continue,
        };
        let (rel, sub) = match class {
            table::PG_CLASS => (obj, r.i4("objsubid")?),
            _ => match part_of.get(&(class, obj)) {
                Some(p) => *p,
                None => continue,
            },
        };
        let ref_relation = r.oid("refobjid")?;
        if ref_relation == rel {
            continue;
        }
        let kind = r.ch("deptype");
        let ref_sub = if constraint { Dependency::CONSTRAINT } else { r.i4("refobjsubid")? };
        out.entry(rel).or_default().push(Dependency { sub, ref_relation, ref_sub, kind });
    }
    Ok(out)
}

/// Options kept as `name=value`.
fn options(r: &Reader<'_>, column: &str) -> Vec<(String, String)> {
    r.items(column)
        .into_iter()
        .filter_map(|d| match d {
            Datum::Text(s) => s.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())),
            _ => None,
        })
        .collect()
}

fn column(a: &Reader<'_>, defaults: &[Reader<'_>]) -> Result<Column> {
    let attnum = a.i2("attnum")?;
    let d = defaults.iter().find(|d| d.i2("adnum").is_ok_and(|n| n == attnum));
    let dropped = a.bool("attisdropped");
    Ok(Column {
        attnum,
        name: a.text("attname")?,
        ty: TypeRef { oid: a.oid("atttypid")?, typmod: a.i4("atttypmod")?, collation: a.oid("attcollation")? },
        not_null: a.bool("attnotnull"),
        default: d.and_then(|d| d.opt_text("adbin")),
        default_oid: d.map_or(Ok(0), |d| d.oid("oid"))?,
        identity: a.ch("attidentity"),
        generated: a.ch("attgenerated"),
        dropped,
        missing: a.items("attmissingval").into_iter().next().unwrap_or(Datum::Null),
        since: u16::try_from(a.i4("attcacheoff")?).unwrap_or(0),
        lineage: Lineage { local: a.bool("attislocal"), parents: a.i4("attinhcount")? },
        tuning: ColumnTuning {
            storage: a.ch("attstorage"),
            compression: a.ch("attcompression"),
            target: a.i4("attstattarget")?,
            options: options(a, "attoptions"),
        },
    })
}

fn index(i: &Reader<'_>, class: &Reader<'_>, columns: &[Column]) -> Result<Index> {
    let nkeys = usize::try_from(i.i2("indnkeyatts")?).map_err(|_| i.bad("indnkeyatts"))?;
    let key = i.i2s("indkey");
    let (opclass, collation, option) = (i.oids("indclass"), i.oids("indcollation"), i.i2s("indoption"));
    let text = i.opt_text("indexprs").unwrap_or_default();
    let mut exprs = text.split(EXPR_SEPARATOR);
    let mut keys = Vec::with_capacity(nkeys);
    for n in 0..nkeys {
        let attnum = key.get(n).copied().ok_or_else(|| i.bad("indkey"))?;
        let opclass = opclass.get(n).copied().unwrap_or(0);
        let collation = collation.get(n).copied().unwrap_or(0);
        let option = option.get(n).copied().unwrap_or(0);
        let (ty, expr) = if attnum > 0 {
            let c = columns.get(attnum as usize - 1).ok_or_else(|| i.bad("indkey"))?;
            (c.ty, None)
        } else {
            // The type of an expression key is that of the index's own attribute, which the operator class gives
            // closely enough for keys; it is bound anew when the index is used.
            let ty = rustydb_types::pgdata::opclass(opclass).map_or(0, |o| o.opcintype);
            (TypeRef { oid: ty, typmod: -1, collation }, Some(exprs.next().unwrap_or_default().to_owned()))
        };
        keys.push(IndexKey {
            attnum,
            expr,
            ty: TypeRef { collation, ..ty },
            opclass,
            desc: option & 1 != 0,
            nulls_first: option & 2 != 0,
        });
    }
    Ok(Index {
        oid: i.oid("indexrelid")?,
        name: class.text("relname")?,
        namespace: class.oid("relnamespace")?,
        table: i.oid("indrelid")?,
        method: class.oid("relam")?,
        storage: RelId(class.oid("relfilenode")?),
        keys,
        include: key.get(nkeys..).map(<[i16]>::to_vec).unwrap_or_default(),
        unique: i.bool("indisunique"),
        primary: i.bool("indisprimary"),
        nulls_not_distinct: i.bool("indnullsnotdistinct"),
        predicate: i.opt_text("indpred"),
        valid: i.bool("indisvalid"),
        valid_from: 0,
        owner: class.oid("relowner")?,
        parent: 0,
        marks: IndexMarks {
            clustered: i.bool("indisclustered"),
            replica_identity: i.bool("indisreplident"),
            targets: Vec::new(),
            class_options: Vec::new(),
            options: options(class, "reloptions"),
        },
        exclude: Vec::new(),
    })
}

fn fk_action(letter: char, cols: Vec<i16>) -> FkAction {
    match letter {
        'r' => FkAction::Restrict,
        'c' => FkAction::Cascade,
        'n' => FkAction::SetNull(cols),
        'd' => FkAction::SetDefault(cols),
        _ => FkAction::NoAction,
    }
}

fn constraint(k: &Reader<'_>) -> Result<Constraint> {
    let kind = match k.ch("contype") {
        'c' => ConstraintKind::Check(k.text("conbin")?),
        'p' => ConstraintKind::Primary { index: k.oid("conindid")? },
        'u' => ConstraintKind::Unique { index: k.oid("conindid")? },
        'x' => ConstraintKind::Exclude { index: k.oid("conindid")? },
        'f' => ConstraintKind::Foreign {
            ref_table: k.oid("confrelid")?,
            ref_columns: k.i2s("confkey"),
            ref_index: k.oid("conindid")?,
            on_update: fk_action(k.ch("confupdtype"), Vec::new()),
            on_delete: fk_action(k.ch("confdeltype"), k.i2s("confdelsetcols")),
            match_full: k.ch("confmatchtype") == 'f',
            part: false,
        },
        _ => return Err(k.bad("contype")),
    };
    Ok(Constraint {
        oid: k.oid("oid")?,
        name: k.text("conname")?,
        namespace: k.oid("connamespace")?,
        table: k.oid("conrelid")?,
        columns: k.i2s("conkey"),
        kind,
        deferrable: k.bool("condeferrable"),
        deferred: k.bool("condeferred"),
        validated: k.bool("convalidated"),
        lineage: Lineage { local: k.bool("conislocal"), parents: k.i4("coninhcount")? },
        no_inherit: k.ch("contype") == 'c' && k.bool("connoinherit"),
        parent: k.oid("conparentid")?,
    })
}

fn statistics(rows: &[Reader<'_>]) -> Result<HashMap<i16, ColumnStats>> {
    let mut out = HashMap::new();
    for r in rows {
        let mut s = ColumnStats {
            null_frac: r.f4("stanullfrac"),
            avg_width: r.i4("stawidth")?,
            n_distinct: r.f4("stadistinct"),
            ..ColumnStats::default()
        };
        for n in 1..=5 {
            let values = r.items(&format!("stavalues{n}"));
            let numbers: Vec<f32> = r
                .items(&format!("stanumbers{n}"))
                .into_iter()
                .filter_map(|d| if let Datum::Float4(f) = d { Some(f) } else { None })
                .collect();
            match r.i2(&format!("stakind{n}"))? {
                1 => s.mcv = values.into_iter().zip(numbers).collect(),
                2 => s.histogram = values,
                3 => s.correlation = numbers.first().copied().unwrap_or(0.0),
                _ => {}
            }
        }
        out.insert(r.i2("staattnum")?, s);
    }
    Ok(out)
}

impl Catalog {
    /// Changes what roles may do, so that plans are checked again.
    pub fn change_rights(&mut self, f: impl FnOnce(&mut Rights)) {
        let r = Arc::make_mut(&mut self.rights);
        f(r);
        r.version = super::change::next_version();
    }
    /// Adds or replaces a schema.
    pub fn put_namespace(&mut self, n: Namespace) {
        if let Some(old) = self.namespaces.get(&n.oid) {
            self.namespace_names.remove(&old.name);
        }
        self.namespace_names.insert(n.name.clone(), n.oid);
        self.namespaces.insert(n.oid, Arc::new(n));
    }
    /// Removes a schema.
    pub fn remove_namespace(&mut self, oid: u32) {
        if let Some(n) = self.namespaces.remove(&oid) {
            self.namespace_names.remove(&n.name);
        }
    }
    /// Adds or replaces a role.
    pub fn put_role(&mut self, r: Role) {
        if let Some(old) = self.roles.get(&r.oid) {
            self.role_names.remove(&old.name);
        }
        self.role_names.insert(r.name.clone(), r.oid);
        self.roles.insert(r.oid, Arc::new(r));
    }
    /// Removes a role.
    pub fn remove_role(&mut self, oid: u32) {
        if let Some(r) = self.roles.remove(&oid) {
            self.role_names.remove(&r.name);
        }
    }
    /// Adds or replaces a relation, with the names of its indexes and its row type.
    pub fn put_relation(&mut self, r: Relation) {
        self.remove_relation(r.oid);
        for i in &r.indexes {
            self.relation_names.insert((i.namespace, i.name.clone()), i.oid);
            self.relations.insert(i.oid, Arc::new(index_relation(&r, i)));
        }
        if r.row_type != 0 {
            super::types::announce_row_type(&r);
            self.row_types.insert(r.row_type, r.oid);
            self.type_names.insert((r.namespace, r.row_array_name.clone()), r.row_array_type);
        }
        self.relation_names.insert((r.namespace, r.name.clone()), r.oid);
        self.relations.insert(r.oid, Arc::new(r));
    }
    /// Removes a relation and its indexes.
    pub fn remove_relation(&mut self, oid: u32) {
        let Some(r) = self.relations.remove(&oid) else { return };
        if self.relation_names.get(&(r.namespace, r.name.clone())) == Some(&oid) {
            self.relation_names.remove(&(r.namespace, r.name.clone()));
        }
        self.row_types.remove(&r.row_type);
        let array = (r.namespace, r.row_array_name.clone());
        if r.row_array_type != 0 && self.type_names.get(&array) == Some(&r.row_array_type) {
            self.type_names.remove(&array);
        }
        for i in &r.indexes {
            self.relations.remove(&i.oid);
            if self.relation_names.get(&(i.namespace, i.name.clone())) == Some(&i.oid) {
                self.relation_names.remove(&(i.namespace, i.name.clone()));
            }
        }
    }
}

/// An index as an entry of the name space; its definition is in its table.
fn index_relation(table: &Relation, i: &Index) -> Relation {
    Relation {
        oid: i.oid,
        name: i.name.clone(),
        namespace: i.namespace,
        schema: table.schema.clone(),
        kind: RelKind::Index,
        owner: i.owner,
        persistence: table.persistence,
        row_type: 0,
        row_array_type: 0,
        row_array_name: String::new(),
        rule_oid: 0,
        depends: Vec::new(),
        columns: Vec::new(),
        storage: None,
        indexes: vec![Arc::new(i.clone())],
        constraints: Vec::new(),
        referenced_by: Vec::new(),
        populated: true,
        view: None,
        sequence: None,
        stats: Arc::new(RelStats { tuples: 0.0, pages: 0, columns: HashMap::new() }),
        options: i.marks.options.clone(),
        version: table.version,
        parents: Vec::new(),
        children: Vec::new(),
        partition_key: None,
        bound: None,
        extended: Vec::new(),
        acl: None,
        replica_identity: None,
        of_type: 0,
        detaching: None,
    }
}
