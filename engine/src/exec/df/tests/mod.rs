//! Queries through parser, binder and DataFusion over tables in memory, compared with PostgreSQL's recorded answers
//! (`answers.txt`, written by `record.py` from `queries.sql` and `data.txt`).

use crate::bind::{BindCx, Binder, type_ref};
use crate::catalog::*;
use crate::exec::{CancelFlag, ScanRequest, StmtCx, Tables};
use crate::plan::ir::{Bound, Query};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use rustydb_base::{DbError, RelId, Result};
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at};
use rustydb_types::ctx::{EvalCtx, FormatSettings, SessionInfo};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{io, pgdata, rowcodec};
use std::collections::HashMap;
use std::sync::Arc;

struct NoSession;

impl SessionInfo for NoSession {
    fn as_any(&self) -> &dyn std::any::Any {
        self
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
    fn current_schemas(&self, _: bool) -> Vec<String> {
        vec!["public".into()]
    }
    fn setting(&self, _: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, _: &str, _: Option<&str>, _: bool) -> Result<String> {
        Err(DbError::unsupported("no settings here"))
    }
    fn reg_in(&self, _: u32, _: &str) -> Result<u32> {
        Err(DbError::unsupported("no names here"))
    }
    fn reg_out(&self, _: u32, oid: u32) -> String {
        oid.to_string()
    }
    fn format_user_type(&self, _: u32, _: i32) -> Option<String> {
        None
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn set_seed(&self, _: f64) {}
}

/// Tables in memory, by OID.
pub struct Memory {
    rows: HashMap<u32, Vec<Vec<Datum>>>,
}

impl Tables for Memory {
    fn scan(&self, q: ScanRequest, _: usize, _: usize) -> BoxStream<'static, Result<RecordBatch>> {
        let rows = self.rows.get(&q.table.oid).cloned().unwrap_or_default();
        let fixed = |ty: TypeRef| rowcodec::static_numeric(ty);
        let mut fields: Vec<Field> =
            q.cols.iter().map(|(c, _)| Field::new(format!("x{}", c.id), arrow_type(c.ty, fixed(c.ty)), true)).collect();
        let mut out = Vec::new();
        if q.rid {
            fields.push(Field::new("rid", DataType::Int64, true));
        }
        let schema = Arc::new(Schema::new(fields));
        // Small batches, so that operators see several.
        for (n, chunk) in rows.chunks(3).enumerate() {
            let mut columns: Vec<ArrayRef> = Vec::new();
            for (c, attnum) in &q.cols {
                let mut b = DatumBuilder::new(c.ty, fixed(c.ty), chunk.len());
                for r in chunk {
                    let i = usize::try_from(*attnum - 1).expect("tests read no system columns");
                    b.push(&r[i]).expect("test data is of its type");
                }
                columns.push(b.finish());
            }
            if q.rid {
                columns.push(Arc::new(Int64Array::from_iter_values((0..chunk.len()).map(|i| (n * 3 + i) as i64))));
            }
            let options = RecordBatchOptions::new().with_row_count(Some(chunk.len()));
            let b = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options);
            let b = b.map_err(|e| DbError::internal(e.to_string()));
            out.push(q.filter.as_ref().map_or_else(|| b.clone(), |f| f(b.clone()?)));
        }
        futures::stream::iter(out).boxed()
    }
    fn may_use(&self, _: &crate::catalog::Index) -> bool {
        true
    }
    fn row_bytes(&self, _: &Relation) -> f64 {
        100.0
    }
    fn estimated_rows(&self, table: &Relation) -> f64 {
        self.rows.get(&table.oid).map_or(1000.0, |r| r.len() as f64)
    }
    fn modify(&self, _: Arc<Bound>) -> BoxFuture<'static, Result<Vec<Vec<Datum>>>> {
        Box::pin(async { Err(DbError::unsupported("no changes here")) })
    }
}

/// A database of tables in memory.
pub struct Db {
    catalog: Arc<Catalog>,
    cx: Arc<StmtCx>,
}

fn column_type(text: &str) -> TypeRef {
    let (name, args) = text.split_once('(').map_or((text, None), |(n, a)| (n, Some(a.trim_end_matches(')'))));
    let ty = type_ref(pgdata::type_named(name).expect("a type of PostgreSQL").oid);
    let numbers: Vec<i32> = args.into_iter().flat_map(|a| a.split(',')).map(|n| n.trim().parse().unwrap()).collect();
    let typmod = match numbers.as_slice() {
        [p, s] => rustydb_types::numeric::make_typmod(*p, *s),
        [n] => n + 4,
        _ => -1,
    };
    TypeRef { typmod, ..ty }
}

impl Db {
    /// Tables as `data.txt` describes them.
    pub fn new(data: &str) -> Db {
        let eval = Arc::new(EvalCtx {
            fmt: FormatSettings::default(),
            transaction_start: 0,
            statement_start: 0,
            session: Arc::new(NoSession),
            host: None,
        });
        let mut catalog = Catalog {
            database: Database {
                oid: 5,
                name: "postgres".into(),
                owner: 10,
                allow_connections: true,
                connection_limit: -1,
                ..Database::default()
            },
            namespaces: HashMap::new(),
            namespace_names: HashMap::new(),
            relations: HashMap::new(),
            relation_names: HashMap::new(),
            roles: HashMap::new(),
            role_names: HashMap::new(),
            databases: HashMap::new(),
            role_settings: HashMap::new(),
            row_types: HashMap::new(),
            rights: Arc::default(),
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
        for (oid, name) in [(11, "pg_catalog"), (2200, "public")] {
            catalog.put_namespace(Namespace { oid, name: name.into(), owner: 10, acl: None });
        }
        let mut rows: HashMap<u32, Vec<Vec<Datum>>> = HashMap::new();
        let mut table: Option<Relation> = None;
        let mut oid = FIRST_USER_OID;
        for line in data.lines() {
            if let Some(head) = line.strip_prefix("table ") {
                if let Some(t) = table.take() {
                    catalog.put_relation(t);
                }
                oid += 10;
                table = Some(relation(oid, head));
                rows.insert(oid, vec![]);
                continue;
            }
            let t = table.as_ref().expect("rows follow a table");
            let row = line
                .split('|')
                .zip(&t.columns)
                .map(|(v, c)| match v {
                    "\\N" => Datum::Null,
                    v => {
                        let d = io::text_in(&eval, c.ty, v).expect("test data is of its type");
                        rustydb_types::typmod::apply_typmod(c.ty, d, false).expect("test data fits")
                    }
                })
                .collect();
            rows.get_mut(&oid).expect("table was entered").push(row);
        }
        if let Some(t) = table {
            catalog.put_relation(t);
        }
        let catalog = Arc::new(catalog);
        let cx = StmtCx {
            eval,
            params: Arc::from([]),
            catalog: Arc::clone(&catalog),
            tables: Arc::new(Memory { rows }),
            cancel: CancelFlag::default(),
            work_mem: 4 << 20,
            temp_limit: None,
            crypto: None,
        };
        Db { catalog, cx: Arc::new(cx) }
    }

    fn bind(&self, sql: &str) -> Result<Query> {
        let path = [11, 2200];
        let bcx = BindCx { catalog: &self.catalog, search_path: &path, eval: &self.cx.eval, role: 10, sql };
        let stmt = rustydb_parser::parse(sql)?.into_iter().next().expect("one statement").stmt;
        match Binder::new(&bcx, &[]).statement(&stmt)? {
            Some(Bound::Query(q)) => Ok(q),
            _ => Err(DbError::unsupported("not a query")),
        }
    }

    /// Runs a query; rows as psql's unaligned format shows them.
    pub async fn query(&self, sql: &str) -> Result<Vec<String>> {
        let q = self.bind(sql)?;
        let outputs = q.rel.outputs();
        let mut stream = super::execute(&q.rel, &self.cx).await?;
        let mut lines = Vec::new();
        while let Some(b) = stream.next().await {
            let b = b?;
            assert_eq!(b.num_columns(), outputs.len());
            for r in 0..b.num_rows() {
                let mut line = Vec::new();
                for (i, c) in outputs.iter().enumerate() {
                    if i > 0 {
                        line.push(b'|');
                    }
                    match datum_at(b.column(i), r, c.ty)? {
                        Datum::Null => line.extend_from_slice(b"\\N"),
                        d => {
                            let out =
                                io::OutCtx { fmt: &self.cx.eval.fmt, session: Some(self.cx.eval.session.as_ref()) };
                            io::text_out(out, c.ty, &d, &mut line)?;
                        }
                    }
                }
                lines.push(String::from_utf8(line).expect("text output is UTF-8"));
            }
        }
        Ok(lines)
    }
}

fn relation(oid: u32, head: &str) -> Relation {
    let (name, columns) = head.split_once('(').expect("table head");
    // Commas inside type modifiers do not separate columns.
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for ch in columns[..columns.len() - 1].chars() {
        match ch {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if ch == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(p) = parts.last_mut() {
            p.push(ch);
        }
    }
    let mut indexes = Vec::new();
    let columns: Vec<Column> = (1i16..)
        .zip(&parts)
        .map(|(attnum, p)| {
            let (n, ty) = p.trim().split_once(' ').expect("column");
            let (ty, primary) = ty.strip_suffix(" primary key").map_or((ty, false), |t| (t, true));
            let ty = column_type(ty);
            if primary {
                indexes.push(Arc::new(Index {
                    oid: oid + 5,
                    name: format!("{name}_pkey"),
                    namespace: 2200,
                    table: oid,
                    method: rustydb_types::pgdata::BTREE,
                    storage: RelId::default(),
                    keys: vec![IndexKey { attnum, expr: None, ty, opclass: 0, desc: false, nulls_first: false }],
                    include: vec![],
                    unique: true,
                    primary: true,
                    nulls_not_distinct: false,
                    predicate: None,
                    valid: true,
                    valid_from: 0,
                    owner: 10,
                    parent: 0,
                    marks: Default::default(),
                    exclude: Vec::new(),
                }));
            }
            Column {
                attnum,
                name: n.into(),
                ty,
                not_null: primary,
                default: None,
                default_oid: 0,
                identity: '\0',
                generated: '\0',
                dropped: false,
                missing: Datum::Null,
                since: 0,
                lineage: Default::default(),
                tuning: Default::default(),
            }
        })
        .collect();
    Relation {
        oid,
        name: name.into(),
        namespace: 2200,
        schema: "public".into(),
        kind: RelKind::Table,
        owner: 10,
        persistence: Persistence::Permanent,
        row_type: oid + 1,
        row_array_type: oid + 2,
        row_array_name: String::new(),
        rule_oid: 0,
        depends: vec![],
        columns,
        storage: None,
        indexes,
        constraints: vec![],
        referenced_by: vec![],
        populated: true,
        view: None,
        sequence: None,
        stats: Arc::new(RelStats { tuples: -1.0, pages: 0, columns: HashMap::new() }),
        options: vec![],
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

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn compare(db: &Db, answers: &str) {
    let rt = runtime();
    let only = std::env::var("DF_ONLY").ok();
    let mut failures = Vec::new();
    for record in answers.split("\n> ") {
        let record = record.trim_start_matches("> ").trim_end_matches('\n');
        let (sql, expected) = record.split_once('\n').unwrap_or((record, ""));
        if only.as_ref().is_some_and(|o| !sql.contains(o.as_str())) {
            continue;
        }
        let mut expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        let mut got = match rt.block_on(db.query(sql)) {
            Ok(rows) => rows,
            Err(e) => vec![format!("error {}", e.code)],
        };
        if !sql.to_ascii_uppercase().contains("ORDER BY") {
            expected.sort();
            got.sort();
        }
        if got != expected {
            let detail = rt.block_on(db.query(sql)).err().map(|e| format!(" ({e})")).unwrap_or_default();
            failures.push(format!("{sql}\n  expected {expected:?}\n  got      {got:?}{detail}"));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn answers_are_postgresqls() {
    compare(&Db::new(include_str!("data.txt")), include_str!("answers.txt"));
}
