//! Point programs against the other executor on the same data.

use super::*;
use crate::bind::{BindCx, Binder};
use crate::catalog::{RelStats, Relation};
use crate::ddl::{self, DdlCx};
use crate::engine::{DatabaseState, Engine, EngineOptions, now_micros};
use crate::exec::CancelFlag;
use crate::exec::explain::{Format, Summary, show};
use crate::exec::run::{self as exec, StatementEnv};
use crate::exec::tables::blocks_of;
use crate::plan::ir::Bound;
use arrow_array::RecordBatch;
use futures::StreamExt;
use futures::stream::BoxStream;
use rustydb_parser::ast::Statement;
use rustydb_storage::store::{Interrupt, Session};
use rustydb_storage::txn::Isolation;
use rustydb_types::arrow::datum_at;
use rustydb_types::ctx::EvalCtx;
use std::path::PathBuf;
use std::sync::Arc;

const PATH: [u32; 2] = [11, 2200];

struct Db {
    engine: Arc<Engine>,
    db: Arc<DatabaseState>,
    eval: Arc<EvalCtx>,
    dir: PathBuf,
}

struct Client<'d> {
    d: &'d Db,
    session: Session,
}

impl Db {
    async fn open(name: &str) -> Db {
        let dir = std::env::temp_dir().join(format!("rustydb-point-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let engine = Engine::open(EngineOptions { data_dir: dir.clone(), ..Default::default() }).await.expect("opens");
        let db = engine.database("postgres").expect("exists");
        let eval = Arc::new(engine.bare_eval());
        Db { engine, db, eval, dir }
    }

    fn client(&self) -> Client<'_> {
        Client { d: self, session: self.engine.store().session(1) }
    }

    async fn close(self) {
        self.engine.close().await.expect("closes");
        let _ = std::fs::remove_dir_all(&self.dir);
    }

    fn env(&self) -> StatementEnv {
        StatementEnv {
            eval: Arc::clone(&self.eval),
            cancel: CancelFlag::default(),
            interrupt: Interrupt::new(),
            dep_lsn: Arc::default(),
            work_mem: 4 << 20,
            temp_limit: None,
            snapshot: Arc::default(),
            stale: Arc::default(),
        }
    }
}

type Rows = Vec<Vec<Datum>>;

async fn collect(mut batches: BoxStream<'static, Result<RecordBatch>>, cols: &[Col]) -> Rows {
    let mut out = Vec::new();
    while let Some(b) = batches.next().await {
        let b = b.expect("rows");
        for i in 0..b.num_rows() {
            let row = b.columns().iter().zip(cols).map(|(c, col)| datum_at(c, i, col.ty).expect("value"));
            out.push(row.collect());
        }
    }
    out
}

impl Client<'_> {
    fn begin(&self, isolation: Isolation) -> Transaction {
        Transaction::begin(&self.d.db, &self.session, isolation, false, now_micros()).expect("begins")
    }

    fn bind(&self, tx: &mut Transaction, sql: &str, params: &[u32]) -> Arc<Bound> {
        let parsed = rustydb_parser::parse(sql).expect("parses");
        let catalog = Arc::clone(tx.refresh_catalog());
        let cx = BindCx { catalog: &catalog, search_path: &PATH, eval: &self.d.eval, role: 10, sql };
        let mut b = Binder::new(&cx, params);
        Arc::new(b.statement(&parsed[0].stmt).expect(sql).expect("a query"))
    }

    /// Definitions and changes, each in a transaction.
    async fn run(&self, script: &str) {
        for p in rustydb_parser::parse(script).expect("parses") {
            let mut tx = self.begin(Isolation::ReadCommitted);
            self.run_in(&mut tx, script, &p.stmt).await;
            tx.commit().await.expect("commits");
        }
    }

    async fn run_in(&self, tx: &mut Transaction, sql: &str, stmt: &Statement) {
        if ddl::is_definition(stmt) {
            let env = self.d.env();
            let mut cx = DdlCx::new(tx, PATH.to_vec(), 10, &self.d.eval, &env, sql, false);
            ddl::execute(&mut cx, stmt).await.expect(sql);
            return;
        }
        let catalog = Arc::clone(tx.refresh_catalog());
        let cx = BindCx { catalog: &catalog, search_path: &PATH, eval: &self.d.eval, role: 10, sql };
        let bound = Binder::new(&cx, &[]).statement(stmt).expect(sql).expect("a statement");
        exec::run(tx, &Arc::new(bound), [].into(), self.d.env()).await.expect(sql);
        tx.next_command();
    }

    async fn change(&self, tx: &mut Transaction, sql: &str) {
        let p = rustydb_parser::parse(sql).expect("parses").remove(0);
        self.run_in(tx, sql, &p.stmt).await;
    }

    fn plan(&self, tx: &mut Transaction, sql: &str, params: &[u32]) -> Option<PointPlan> {
        let bound = self.bind(tx, sql, params);
        let Bound::Query(q) = &*bound else { panic!("{sql} is no query") };
        let (db, catalog) = (Arc::clone(&tx.db), Arc::clone(&tx.catalog));
        let blocks = |r: &Relation| blocks_of(tx.txn.store(), r);
        compile(&q.rel, &|r| db.table_rt(&catalog, &self.d.eval, r), &blocks).expect(sql)
    }

    async fn point(&self, tx: &mut Transaction, plan: &PointPlan, params: &[Datum]) -> Result<Rows> {
        let snap = tx.statement_snapshot().await.expect("a snapshot");
        assert!(plan.usable(&snap));
        let mut scratch = PointScratch::default();
        scratch.start(plan);
        let mut rows: Rows = Vec::new();
        let mut sink = |r: &[Datum]| {
            rows.push(r.to_vec());
            Ok(if rows.len().is_multiple_of(3) { Flow::Pause } else { Flow::More })
        };
        let env = Env { ctx: &self.d.eval, params };
        loop {
            // In turn, so that both ways are used.
            let done = match try_run(plan, tx, &snap, env, &mut scratch, &mut sink)? {
                Attempt::NeedsWait => run(plan, tx, &snap, env, &mut scratch, &mut sink).await?,
                other => other,
            };
            match done {
                Attempt::Done => return Ok(rows),
                Attempt::Paused => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Runs a query both ways and compares, in order if it is sorted (by keys that tell all rows apart: one may read an index
    /// where the other sorts).
    async fn same(&self, sql: &str, types: &[u32], params: &[Datum]) -> Vec<String> {
        let mut tx = self.begin(Isolation::ReadCommitted);
        let plan = self.plan(&mut tx, sql, types).unwrap_or_else(|| panic!("{sql} is no point program"));
        let mut got = self.point(&mut tx, &plan, params).await.expect(sql);
        let bound = self.bind(&mut tx, sql, types);
        let Bound::Query(q) = &*bound else { panic!("{sql}") };
        let snap = tx.statement_snapshot().await.expect("a snapshot");
        let cx = exec::statement_cx(&tx, snap, &params.to_vec().into(), &self.d.env());
        let stream = crate::exec::df::execute(&q.rel, &cx).await.expect(sql);
        let mut expected = collect(stream, &q.rel.outputs()).await;
        if !sql.to_lowercase().contains("order by") {
            let text = |r: &Vec<Datum>| format!("{r:?}");
            got.sort_by_key(text);
            expected.sort_by_key(text);
        }
        assert_eq!(got, expected, "{sql} {params:?}");
        tx.abort().await.expect("ends");
        show(&explain(&plan), Format::Text, false, Summary::default())
    }

    async fn is_point(&self, sql: &str) -> bool {
        let mut tx = self.begin(Isolation::ReadCommitted);
        let plan = self.plan(&mut tx, sql, &[]);
        tx.abort().await.expect("ends");
        plan.is_some()
    }

    /// Makes a table's statistics say how many rows and pages it has.
    async fn analysed(&self, table: &str, tuples: f32, pages: i32) {
        let mut tx = self.begin(Isolation::ReadCommitted);
        let r = tx.catalog.relation_named(2200, table).cloned().expect("exists");
        let stats = RelStats { tuples, pages, columns: Default::default() };
        tx.put_relation(crate::catalog::Relation { stats: Arc::new(stats), ..(*r).clone() }).await.expect("put");
        tx.commit().await.expect("commits");
    }
}

const TABLES: &str = "
CREATE TABLE t (id int PRIMARY KEY, a int8, b int2, s text, v varchar(20), n numeric, f float4, big text);
CREATE INDEX t_ab ON t (a, b DESC);
CREATE INDEX t_s ON t (s);
CREATE INDEX t_v ON t (v DESC NULLS LAST);
CREATE INDEX t_n ON t (n);
CREATE INDEX t_f ON t (f);
CREATE INDEX t_low ON t (lower(s));
CREATE INDEX t_part ON t (b) WHERE a IS NOT NULL;
CREATE TABLE u (k int, j int, w text, PRIMARY KEY (k, j));
CREATE TABLE tiny (x int, y text);
INSERT INTO t SELECT g, g % 20, (g % 7)::int2, 's' || (g % 50), CASE WHEN g % 9 = 0 THEN NULL ELSE 'v' || (g % 11) END,
  (g % 13) / 2.0, (g % 5)::float4, NULL FROM generate_series(1, 400) g;
INSERT INTO t VALUES (1001, NULL, NULL, NULL, NULL, 1.00, 'NaN', NULL), (1002, 7, NULL, 'x', 'v1', 1.0, -0.0, NULL);
UPDATE t SET b = (b + 1)::int2 WHERE id % 3 = 0;
UPDATE t SET s = 's1', a = a + 1 WHERE id % 17 = 0;
DELETE FROM t WHERE id % 31 = 0;
UPDATE t SET big = repeat('abcdefgh', 3000) || id WHERE id IN (5, 6);
INSERT INTO u SELECT g / 5, g % 5, 'w' || g FROM generate_series(0, 299) g;
INSERT INTO tiny SELECT g, 'y' || g % 3 FROM generate_series(1, 12) g;
";

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_the_other_executor() {
    let d = Db::open("same").await;
    let c = d.client();
    c.run(TABLES).await;
    c.analysed("tiny", 12.0, 1).await;
    let mut left_to_the_other = Vec::new();
    for sql in [
        "SELECT 1, 'a'::text, 2 + 3",
        "VALUES (1, 'a'), (2, 'b'), (3, NULL) ORDER BY 1 DESC LIMIT 2",
        "SELECT * FROM t WHERE id = 7",
        "SELECT id, a + 1, s FROM t WHERE id = 7 AND s = 's7'",
        "SELECT id FROM t WHERE id = NULL",
        "SELECT id FROM t WHERE id = 5000000000",
        "SELECT id FROM t WHERE id = 17::int8",
        "SELECT id FROM t WHERE 17 = id",
        "SELECT id FROM t WHERE id IN (3, 9, 9, 400, 31, NULL, 12)",
        "SELECT id FROM t WHERE id = ANY ('{1,2,3,2}'::int8[])",
        "SELECT id, big FROM t WHERE id IN (5, 6, 7)",
        "SELECT id, a, b FROM t WHERE a = 3",
        "SELECT id, a, b FROM t WHERE a = 3 ORDER BY b DESC, id",
        "SELECT id, a, b FROM t WHERE a = 3 AND b > 1 AND b <= 5 ORDER BY b, id",
        "SELECT id, a, b FROM t WHERE a = 7 AND b IS NULL",
        "SELECT id, a, b FROM t WHERE a = 7 AND b IS NOT NULL",
        "SELECT id FROM t WHERE a IS NULL",
        "SELECT id FROM t WHERE a BETWEEN 3 AND 4 AND b = 2",
        "SELECT id FROM t WHERE a = 3 AND b < 70000",
        "SELECT id FROM t WHERE a = 3 AND b > 70000",
        "SELECT id FROM t WHERE a = 3 AND b > -70000",
        "SELECT id FROM t WHERE s = 's1'",
        "SELECT id FROM t WHERE lower(s) = 's3'",
        "SELECT id, v FROM t WHERE v = 'v3' ORDER BY id LIMIT 5 OFFSET 2",
        "SELECT id FROM t WHERE n = 1",
        "SELECT id FROM t WHERE n > 5.9 AND n < 6.1",
        "SELECT id FROM t WHERE f = 0",
        "SELECT id FROM t WHERE f = 'NaN'",
        "SELECT id FROM t WHERE f = 0.1::float8",
        "SELECT id FROM t WHERE b = 3 AND a IS NOT NULL",
        "SELECT id FROM t ORDER BY id LIMIT 10",
        "SELECT id FROM t ORDER BY id DESC LIMIT 10 OFFSET 3",
        "SELECT id FROM t WHERE id > 390 ORDER BY id LIMIT 20",
        "SELECT a, b FROM t ORDER BY a, b DESC LIMIT 30",
        "SELECT count(*), sum(a), min(id), max(s), avg(n), count(DISTINCT b) FROM t WHERE a = 3",
        "SELECT min(id) FROM t",
        "SELECT max(id) FROM t",
        "SELECT max(a) FROM t",
        "SELECT min(v) FROM t",
        "SELECT max(b) FROM t WHERE a = 4",
        "SELECT count(*) FROM t WHERE id = -1",
        "SELECT count(*) FROM t WHERE id = -1 HAVING count(*) > 0",
        "SELECT DISTINCT b FROM t WHERE a = 3",
        "SELECT DISTINCT b FROM t WHERE a = 3 ORDER BY b LIMIT 3",
        "SELECT DISTINCT ON (b) b, id FROM t WHERE a = 3 ORDER BY b, id",
        "SELECT x, y FROM tiny ORDER BY y, x",
        "SELECT t.id, u.j, u.w FROM t, u WHERE t.id = 7 AND u.k = t.id",
        "SELECT t.id, u.w FROM u JOIN t ON t.id = u.k WHERE u.k = 7 AND u.j < 3 ORDER BY u.j, u.w",
        "SELECT tiny.x, t.s FROM tiny JOIN t ON t.id = tiny.x WHERE tiny.y = 'y1'",
        "SELECT t.id, u.w FROM t LEFT JOIN u ON u.k = t.id AND u.j = 2 WHERE t.a = 3",
        "SELECT t.id, u.w FROM t LEFT JOIN u ON u.k = t.id AND u.j = 2 WHERE t.a = 3 AND u.w IS NULL",
        "SELECT q.z, u.w FROM (SELECT id + 0 AS z, id FROM t WHERE a = 3) q JOIN u ON u.k = q.id WHERE u.j = 1",
        "SELECT u.w FROM t RIGHT JOIN u ON t.id = u.k WHERE u.k = 50 AND u.j = 0",
        "SELECT a.id, b.id FROM t a, t b WHERE a.id = 12 AND b.a = a.a AND b.b = a.b",
        "SELECT a, count(*), max(b) FROM t WHERE a = 3 GROUP BY a",
        "SELECT b, array_agg(id ORDER BY s, id DESC) FROM t WHERE a = 3 GROUP BY b HAVING b > 1 ORDER BY b",
        "SELECT id FROM t WHERE id = (SELECT 3)",
        "SELECT id FROM t WHERE id IN (SELECT x FROM tiny)",
        "SELECT id, (SELECT max(w) FROM u WHERE u.k = t.id) FROM t WHERE a = 3",
        "SELECT id FROM t WHERE a = 3 AND NOT EXISTS (SELECT FROM u WHERE u.k = t.id AND u.j > 1)",
        "SELECT id FROM t WHERE a = 3 AND b NOT IN (SELECT j FROM u WHERE u.k = t.id)",
        "SELECT 1 UNION SELECT 2",
        "SELECT id FROM t WHERE id IN (1, 2) UNION ALL SELECT x FROM tiny",
    ] {
        if c.is_point(sql).await {
            c.same(sql, &[], &[]).await;
        } else {
            left_to_the_other.push(sql);
        }
    }
    // The index has the NULLs, which min passes over, at the end that it would begin from.
    assert_eq!(left_to_the_other, ["SELECT min(v) FROM t"]);
    for v in [Datum::Int8(7), Datum::Int8(i64::MAX), Datum::Null] {
        c.same("SELECT * FROM t WHERE id = $1", &[20], std::slice::from_ref(&v)).await;
        c.same("SELECT id FROM t WHERE a >= $1 - 2 AND a < $1", &[20], &[v]).await;
    }
    c.same("SELECT id FROM t ORDER BY id LIMIT $1", &[20], &[Datum::Int8(4)]).await;
    c.same("SELECT id FROM t WHERE id = ANY ($1)", &[1007], &[Datum::Null]).await;
    c.analysed("t", 1_000_000.0, 10_000).await;
    for sql in [
        "SELECT id FROM t WHERE a > 3",
        "SELECT count(*) FROM t",
        "SELECT * FROM t ORDER BY f, id LIMIT 3",
        "SELECT id FROM t WHERE b = 3",
        "SELECT a, count(*) FROM t GROUP BY a",
        "SELECT id FROM t WHERE b = (SELECT 3)",
        "SELECT id FROM t WHERE b IN (SELECT x FROM tiny)",
        "SELECT 1 EXCEPT SELECT 2",
    ] {
        assert!(!c.is_point(sql).await, "{sql}");
    }
    drop(c);
    d.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_use_the_indexes() {
    let d = Db::open("plans").await;
    let c = d.client();
    c.run(TABLES).await;
    c.analysed("tiny", 12.0, 1).await;
    let shown = async |sql: &str| c.same(sql, &[], &[]).await;
    assert_eq!(shown("SELECT s FROM t WHERE id = 7").await, ["Index Scan using t_pkey on t", "  Index Cond: (id = 7)"]);
    assert_eq!(
        shown("SELECT max(b) FROM t WHERE a = 4").await[..3],
        ["Aggregate", "  ->  Limit", "        ->  Index Scan using t_ab on t"]
    );
    assert_eq!(
        shown("SELECT id FROM t ORDER BY id DESC LIMIT 2").await,
        ["Limit", "  ->  Index Scan Backward using t_pkey on t"]
    );
    assert_eq!(
        shown("SELECT id FROM t WHERE lower(s) = 's3'").await,
        ["Index Scan using t_low on t", "  Index Cond: (lower(s) = 's3'::text)"]
    );
    assert_eq!(
        shown("SELECT tiny.x, t.s FROM tiny JOIN t ON t.id = tiny.x WHERE tiny.y = 'y1'").await,
        [
            "Nested Loop",
            "  ->  Seq Scan on tiny",
            "        Filter: (tiny.y = 'y1'::text)",
            "  ->  Index Scan using t_pkey on t",
            "        Index Cond: (t.id = tiny.x)"
        ]
    );
    drop(c);
    d.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_locks() {
    let d = Db::open("locks").await;
    let (c, other, third) = (d.client(), d.client(), d.client());
    c.run("CREATE TABLE l (id int PRIMARY KEY, v int); INSERT INTO l VALUES (1, 10), (2, 20), (3, 30)").await;
    let code = |r: Result<Rows>| r.expect_err("fails").code;
    let sql = "SELECT v FROM l WHERE id = 1 AND v < 15 FOR UPDATE";

    // Held: NOWAIT fails, SKIP LOCKED passes over, others wait.
    let mut tx = c.begin(Isolation::ReadCommitted);
    let plan = c.plan(&mut tx, sql, &[]).expect("point");
    assert_eq!(c.point(&mut tx, &plan, &[]).await.expect("locks"), [[Datum::Int4(10)]]);
    let mut tx2 = other.begin(Isolation::ReadCommitted);
    let nowait = other.plan(&mut tx2, "SELECT v FROM l WHERE id = 1 FOR UPDATE NOWAIT", &[]).expect("point");
    let e = other.point(&mut tx2, &nowait, &[]).await.expect_err("held");
    assert_eq!(e.message, "could not obtain lock on row in relation \"l\"");
    let skip = other.plan(&mut tx2, "SELECT id FROM l WHERE id IN (1, 2) FOR SHARE SKIP LOCKED", &[]).expect("point");
    assert_eq!(other.point(&mut tx2, &skip, &[]).await.expect("skips"), [[Datum::Int4(2)]]);
    tx2.abort().await.expect("ends");
    tx.abort().await.expect("ends");

    // Changed meanwhile: evaluated again on the newest version, or 40001.
    for (new, rows) in [(11, vec![vec![Datum::Int4(11)]]), (99, vec![])] {
        let mut old = third.begin(Isolation::RepeatableRead);
        let rr = third.plan(&mut old, "SELECT v FROM l WHERE id = 1 FOR UPDATE", &[]).expect("point");
        old.statement_snapshot().await.expect("a snapshot");
        let mut tx = c.begin(Isolation::ReadCommitted);
        c.change(&mut tx, &format!("UPDATE l SET v = {new} WHERE id = 1")).await;
        let mut tx2 = other.begin(Isolation::ReadCommitted);
        {
            let waiting = other.point(&mut tx2, &plan, &[]);
            futures::pin_mut!(waiting);
            assert!(futures::poll!(&mut waiting).is_pending());
            tx.commit().await.expect("commits");
            assert_eq!(waiting.await.expect("goes on"), rows);
        }
        tx2.abort().await.expect("ends");
        assert_eq!(code(third.point(&mut old, &rr, &[]).await), SqlState::T_R_SERIALIZATION_FAILURE);
        old.abort().await.expect("ends");
        c.run("UPDATE l SET v = 10 WHERE id = 1").await;
    }
    drop((c, other, third));
    d.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pinned_rows_are_checked_again() {
    let d = Db::open("pinned").await;
    let c = d.client();
    c.run("CREATE TABLE p (id int PRIMARY KEY, v int); INSERT INTO p VALUES (1, 10), (2, 20)").await;
    let mut tx = c.begin(Isolation::ReadCommitted);
    let bound = c.bind(&mut tx, "UPDATE p SET v = v + 1 WHERE id = 1 AND v < 15", &[]);
    let Bound::Update(u) = &*bound else { panic!("an update") };
    let (db, catalog) = (Arc::clone(&tx.db), Arc::clone(&tx.catalog));
    let plan = compile(&u.source, &|r| db.table_rt(&catalog, &d.eval, r), &|_| None).expect("compiles").expect("point");
    let rid_at = plan.outputs().iter().position(|c| c.id == u.rid.id).expect("has the row id");
    let rows = c.point(&mut tx, &plan, &[]).await.expect("runs");
    let Datum::Int8(rid) = rows[0][rid_at] else { panic!("a row id") };
    for (new, found) in [(12, 1), (50, 0)] {
        c.change(&mut tx, &format!("UPDATE p SET v = {new} WHERE id = 1")).await;
        let snap = tx.statement_snapshot().await.expect("a snapshot");
        let mut s = PointScratch::default();
        s.start(&plan);
        assert!(s.pin(&plan, u.rid.id, crate::exec::tables::number_rid(rid)));
        let mut n = 0;
        let mut sink = |_: &[Datum]| {
            n += 1;
            Ok(Flow::More)
        };
        let env = Env { ctx: &d.eval, params: &[] };
        run(&plan, &mut tx, &snap, env, &mut s, &mut sink).await.expect("runs");
        assert_eq!(n, found);
    }
    tx.abort().await.expect("ends");
    drop(c);
    d.close().await;
}

/// Nanoseconds per primary-key SELECT inside the engine.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn point_bench() {
    let d = Db::open("bench").await;
    let c = d.client();
    c.run("CREATE TABLE acc (aid int PRIMARY KEY, bid int, abalance int, filler char(84))").await;
    c.run("INSERT INTO acc SELECT g, 1, g * 2, '' FROM generate_series(1, 100000) g").await;
    let mut tx = c.begin(Isolation::ReadCommitted);
    let plan = c.plan(&mut tx, "SELECT abalance FROM acc WHERE aid = $1", &[23]).expect("point");
    let mut scratch = PointScratch::default();
    let mut sum = 0i64;
    let mut x = 12345u32;
    for n in [200_000u32, 2_000_000] {
        let start = std::time::Instant::now();
        for _ in 0..n {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let params = [Datum::Int4((x >> 8) as i32 % 100_000 + 1)];
            let snap = tx.statement_snapshot().await.expect("a snapshot");
            scratch.start(&plan);
            let mut sink = |r: &[Datum]| {
                if let Datum::Int4(v) = r[0] {
                    sum += i64::from(v);
                }
                Ok(Flow::More)
            };
            let env = Env { ctx: &d.eval, params: &params };
            let done = try_run(&plan, &mut tx, &snap, env, &mut scratch, &mut sink).expect("runs");
            assert_eq!(done, Attempt::Done);
        }
        println!("{n} selects: {} ns each ({sum})", start.elapsed().as_nanos() / u128::from(n));
    }
    tx.abort().await.expect("ends");
    drop(c);
    d.close().await;
}
