//! What the engine's unit tests share: a new database's catalog with a few user tables, without a store, and a session
//! over it.

use super::system::SUPERUSER;
use super::{
    Catalog, Column, Constraint, ConstraintKind, Dependency, FkAction, Index, IndexKey, Persistence, RelKind, RelStats,
    Relation, Sequence, Storage, bootstrap, load, rows, system,
};
use crate::bind::{BindCx, Binder};
use crate::functions::{Activity, CatalogAccess, EngineSession};
use crate::plan::ir::Bound;
use crate::settings::Settings;
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_types::ctx::{EvalCtx, FormatSettings, SessionInfo};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, pgdata};
use std::collections::HashMap;
use std::sync::Arc;

/// OID of the table `public.parent`.
pub(crate) const PARENT: u32 = 20_000;
/// OID of the table `public.child`, which references it.
pub(crate) const CHILD: u32 = 20_010;
/// OID of the view `public.names`.
pub(crate) const NAMES: u32 = 20_020;
/// OID of the sequence `public.parent_id_seq`, owned by `parent.id`.
pub(crate) const SEQUENCE: u32 = 20_030;

fn column(attnum: i16, name: &str, ty: u32, typmod: i32, not_null: bool, default: Option<&str>) -> Column {
    let collation = pgdata::pg_type(ty).map_or(0, |t| t.typcollation);
    Column {
        attnum,
        name: name.to_owned(),
        ty: TypeRef { oid: ty, typmod, collation },
        not_null,
        default: default.map(str::to_owned),
        default_oid: if default.is_some() { 21_000 + attnum as u32 } else { 0 },
        identity: '\0',
        generated: '\0',
        dropped: false,
        missing: Datum::Null,
        since: 0,
        lineage: Default::default(),
        tuning: Default::default(),
    }
}

fn relation(oid: u32, name: &str, kind: RelKind, columns: Vec<Column>) -> Relation {
    Relation {
        oid,
        name: name.to_owned(),
        namespace: bootstrap::PUBLIC,
        schema: "public".to_owned(),
        kind,
        owner: SUPERUSER,
        persistence: Persistence::Permanent,
        row_type: if matches!(kind, RelKind::Table | RelKind::View) { oid + 1 } else { 0 },
        row_array_type: 0,
        row_array_name: String::new(),
        rule_oid: if kind == RelKind::View { oid + 2 } else { 0 },
        depends: Vec::new(),
        columns,
        storage: (kind == RelKind::Table).then_some(Storage {
            heap: RelId(oid),
            overflow: RelId(oid + 1),
            schema_ver: 0,
        }),
        indexes: Vec::new(),
        constraints: Vec::new(),
        referenced_by: Vec::new(),
        populated: true,
        view: None,
        sequence: None,
        stats: Arc::new(RelStats { tuples: -1.0, pages: 0, columns: HashMap::new() }),
        options: Vec::new(),
        version: 1,
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

fn index(oid: u32, name: &str, table: u32, keys: Vec<IndexKey>, unique: bool, primary: bool) -> Arc<Index> {
    Arc::new(Index {
        oid,
        name: name.to_owned(),
        namespace: bootstrap::PUBLIC,
        table,
        method: pgdata::BTREE,
        storage: RelId(oid),
        keys,
        include: Vec::new(),
        unique,
        primary,
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

fn key(attnum: i16, ty: u32, opclass: u32) -> IndexKey {
    let collation = pgdata::pg_type(ty).map_or(0, |t| t.typcollation);
    IndexKey {
        attnum,
        expr: None,
        ty: TypeRef { oid: ty, typmod: -1, collation },
        opclass,
        desc: false,
        nulls_first: false,
    }
}

fn constraint(oid: u32, name: &str, table: u32, columns: Vec<i16>, kind: ConstraintKind) -> Arc<Constraint> {
    Arc::new(Constraint {
        oid,
        name: name.to_owned(),
        namespace: bootstrap::PUBLIC,
        table,
        columns,
        kind,
        deferrable: false,
        deferred: false,
        validated: true,
        lineage: Default::default(),
        no_inherit: false,
        parent: 0,
    })
}

fn user_relations() -> Vec<Relation> {
    let int4_ops = pgdata::default_opclass(pgdata::BTREE, oid::INT4).map_or(0, |c| c.oid);
    let text_ops = pgdata::default_opclass(pgdata::BTREE, oid::TEXT).map_or(0, |c| c.oid);
    let mut parent = relation(
        PARENT,
        "parent",
        RelKind::Table,
        vec![
            column(1, "id", oid::INT4, -1, true, Some("nextval('parent_id_seq'::regclass)")),
            column(2, "name", oid::VARCHAR, 24, true, None),
            column(3, "amount", oid::NUMERIC, (10 << 16 | 2) + 4, false, Some("0")),
        ],
    );
    let expr = IndexKey {
        attnum: 0,
        expr: Some("lower((name)::text)".to_owned()),
        desc: true,
        nulls_first: true,
        ..key(0, oid::TEXT, text_ops)
    };
    let mut partial =
        (*index(PARENT + 6, "parent_expr", PARENT, vec![expr, key(1, oid::INT4, int4_ops)], false, false)).clone();
    partial.predicate = Some("(amount > (0)::numeric)".to_owned());
    parent.indexes = vec![
        index(PARENT + 5, "parent_pkey", PARENT, vec![key(1, oid::INT4, int4_ops)], true, true),
        Arc::new(partial),
    ];
    parent.constraints = vec![
        constraint(PARENT + 7, "parent_pkey", PARENT, vec![1], ConstraintKind::Primary { index: PARENT + 5 }),
        constraint(
            PARENT + 8,
            "parent_amount_check",
            PARENT,
            vec![3],
            ConstraintKind::Check("(amount >= (0)::numeric)".to_owned()),
        ),
    ];
    let fk = constraint(
        CHILD + 7,
        "child_parent_fkey",
        CHILD,
        vec![1],
        ConstraintKind::Foreign {
            ref_table: PARENT,
            ref_columns: vec![1],
            ref_index: PARENT + 5,
            on_update: FkAction::NoAction,
            on_delete: FkAction::Cascade,
            match_full: false,
            part: false,
        },
    );
    parent.referenced_by = vec![Arc::clone(&fk)];
    let mut child = relation(CHILD, "child", RelKind::Table, vec![column(1, "parent", oid::INT4, -1, false, None)]);
    child.constraints = vec![fk];
    let mut names = relation(NAMES, "names", RelKind::View, vec![column(1, "name", oid::VARCHAR, 24, false, None)]);
    names.view = Some("SELECT parent.name FROM public.parent".to_owned());
    let mut seq = relation(SEQUENCE, "parent_id_seq", RelKind::Sequence, Vec::new());
    seq.depends = vec![Dependency { sub: 0, ref_relation: PARENT, ref_sub: 1, kind: 'a' }];
    seq.sequence = Some(Sequence {
        storage: RelId(SEQUENCE),
        ty: oid::INT4,
        start: 1,
        increment: 1,
        min: 1,
        max: i64::from(i32::MAX),
        cache: 1,
        cycle: false,
        owned_by: Some((PARENT, 1)),
    });
    vec![parent, child, names, seq]
}

/// A new database's catalog, taken through its rows, with a few user relations.
pub(crate) fn catalog() -> Arc<Catalog> {
    let mut all = bootstrap::shared(None);
    all.extend(bootstrap::database(&system::relations(bootstrap::DATABASES[0].0)));
    for r in user_relations() {
        all.extend(rows::relation(&r));
    }
    let mut by_table: load::CatalogRows = HashMap::new();
    for r in all {
        by_table.entry(r.table).or_default().push(r);
    }
    Arc::new(load::catalog(&by_table, bootstrap::DATABASES[0].0).expect("bootstrap rows load"))
}

/// A superuser's session over a catalog.
struct TestSession(EngineSession);

struct Access(Arc<Catalog>);

impl CatalogAccess for Access {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.0)
    }
    fn search_path(&self) -> Vec<u32> {
        vec![pgdata::PG_CATALOG, bootstrap::PUBLIC]
    }
    fn role(&self) -> u32 {
        SUPERUSER
    }
    fn temp_schema(&self) -> Option<u32> {
        None
    }
    fn with_settings(&self, f: &mut dyn FnMut(&Settings)) {
        f(&Settings::new(Arc::new(HashMap::new())));
    }
    fn file_bytes(&self, _file: RelId) -> Result<u64> {
        Ok(8192)
    }
    fn sequence_last(&self, _sequence: u32) -> Result<Option<i64>> {
        Ok(None)
    }
    fn activity(&self) -> Vec<Activity> {
        Vec::new()
    }
}

impl SessionInfo for TestSession {
    fn as_any(&self) -> &dyn std::any::Any {
        &self.0
    }
    fn session_user(&self) -> String {
        "postgres".into()
    }
    fn current_user(&self) -> String {
        "postgres".into()
    }
    fn current_database(&self) -> String {
        "postgres".into()
    }
    fn current_schemas(&self, implicit: bool) -> Vec<String> {
        if implicit { vec!["pg_catalog".into(), "public".into()] } else { vec!["public".into()] }
    }
    fn setting(&self, _name: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, _name: &str, value: Option<&str>, _local: bool) -> Result<String> {
        Ok(value.unwrap_or_default().into())
    }
    fn reg_in(&self, kind: u32, text: &str) -> Result<u32> {
        if let Ok(n) = text.parse() {
            return Ok(n);
        }
        let plain = text.rsplit('.').next().unwrap_or(text).trim_matches('"');
        let cat = self.0.0.catalog();
        let found = match kind {
            oid::REGCLASS => [pgdata::PG_CATALOG, bootstrap::PUBLIC, 13_207]
                .iter()
                .find_map(|ns| cat.relation_named(*ns, plain))
                .map(|r| r.oid),
            oid::REGTYPE => pgdata::type_named(plain).map(|t| t.oid),
            oid::REGPROC => pgdata::procs_named(plain).first().map(|p| p.oid),
            _ => None,
        };
        found.ok_or_else(|| DbError::new(SqlState::UNDEFINED_OBJECT, format!("\"{text}\" does not exist")))
    }
    fn reg_out(&self, _kind: u32, oid: u32) -> String {
        oid.to_string()
    }
    fn format_user_type(&self, _oid: u32, _typmod: i32) -> Option<String> {
        None
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn set_seed(&self, _seed: f64) {}
}

/// An evaluation context over a catalog.
pub(crate) fn eval(catalog: &Arc<Catalog>) -> EvalCtx {
    EvalCtx {
        fmt: FormatSettings::default(),
        transaction_start: 0,
        statement_start: 0,
        session: Arc::new(TestSession(EngineSession(Box::new(Access(Arc::clone(catalog)))))),
        host: None,
    }
}

/// Binds one statement with the search path `pg_catalog, public`.
pub(crate) fn bind(catalog: &Arc<Catalog>, sql: &str) -> Result<Option<Bound>> {
    let eval = eval(catalog);
    let cx =
        BindCx { catalog, search_path: &[pgdata::PG_CATALOG, bootstrap::PUBLIC], eval: &eval, role: SUPERUSER, sql };
    let parsed = rustydb_parser::parse(sql)?;
    let stmt = parsed.first().ok_or_else(|| DbError::internal("no statement"))?;
    Binder::new(&cx, &[]).statement(&stmt.stmt)
}
