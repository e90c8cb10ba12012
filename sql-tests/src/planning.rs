//! How long binding and planning takes on both servers: pgbench's and TPC-H's statements, and statements of growing size,
//! whose time should grow with the size and not faster.
//!
//! RustyDB's planning time in `EXPLAIN (SUMMARY)` is binding and planning. PostgreSQL's is planning alone, so its
//! statistics of parse analysis and planner (`log_parser_stats`, `log_planner_stats`) are added up instead. Parsing counts
//! for neither. The tables are empty: planning looks at definitions and statistics, and an empty table's are the same on
//! both servers.

use crate::error::{Context, Result};
use crate::query;
use crate::server::Target;
use crate::tpch;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use tokio_postgres::{AsyncMessage, Client, NoTls};

/// Statements measured for each row of the table, in turn on both servers.
const ROUNDS: usize = 200;

/// Statements of each row before those that count.
const WARM_UP: usize = 5;

/// A statement and what to call it.
struct Case {
    name: String,
    sql: String,
}

/// What one server needed, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    median: f64,
    high: f64,
}

fn schema() -> Vec<String> {
    let mut out = vec![
        "CREATE TABLE accounts (aid integer PRIMARY KEY, bid integer, abalance integer, filler char(84))".to_owned(),
        "CREATE TABLE tellers (tid integer PRIMARY KEY, bid integer, tbalance integer)".into(),
    ];
    let columns: Vec<String> = (0..500).map(|i| format!("c{i} integer")).collect();
    out.push(format!("CREATE TABLE wide ({})", columns.join(", ")));
    for i in 0..15 {
        out.push(format!("CREATE TABLE j{i} (id integer PRIMARY KEY, next integer, v text)"));
    }
    out
}

fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    let mut add = |name: String, sql: String| out.push(Case { name, sql });
    add("pgbench: select".into(), "SELECT abalance FROM accounts WHERE aid = 7".into());
    add("pgbench: update".into(), "UPDATE accounts SET abalance = abalance + 5 WHERE aid = 7".into());
    add("pgbench: insert".into(), "INSERT INTO tellers (tid, bid, tbalance) VALUES (1, 2, 3)".into());
    for n in [10, 100, 1000] {
        let list: Vec<String> = (0..n).map(|i| (i * 7).to_string()).collect();
        add(format!("IN list of {n}"), format!("SELECT abalance FROM accounts WHERE bid IN ({})", list.join(", ")));
    }
    for n in [10, 100, 500] {
        let list: Vec<String> = (0..n).map(|i| format!("c{i} + 1")).collect();
        add(format!("{n} columns"), format!("SELECT {} FROM wide WHERE c1 = 3", list.join(", ")));
    }
    for n in [10, 100, 1000] {
        let list: Vec<String> = (0..n).map(|i| format!("aid = {i} AND bid <> {i}")).collect();
        add(format!("OR of {n} conditions"), format!("SELECT abalance FROM accounts WHERE {}", list.join(" OR ")));
    }
    for n in [10, 100, 1000] {
        let list: Vec<String> = (0..n).map(|i| format!("({i}, {i}, 'x')")).collect();
        add(format!("VALUES of {n} rows"), format!("SELECT * FROM (VALUES {}) v(a, b, c)", list.join(", ")));
    }
    for n in [10, 100] {
        let list: Vec<String> = (0..n).map(|i| format!("SELECT aid + {i} FROM accounts")).collect();
        add(format!("UNION ALL of {n}"), list.join(" UNION ALL "));
    }
    for n in [5, 10, 15] {
        let mut sql = String::from("SELECT count(*) FROM j0");
        for i in 1..n {
            let _ = write!(sql, " JOIN j{i} ON j{i}.id = j{}.next", i - 1);
        }
        add(format!("{n} joined tables"), sql);
        let from: Vec<String> = (0..n).map(|i| format!("j{i}")).collect();
        let on: Vec<String> = (1..n).map(|i| format!("j{i}.id = j{}.next", i - 1)).collect();
        add(
            format!("{n} tables in FROM, conditions in WHERE"),
            format!("SELECT count(*) FROM {} WHERE {} AND j0.v = 'a'", from.join(", "), on.join(" AND ")),
        );
    }
    out
}

/// A session and the parts of the last statement's planning that it was told of, in milliseconds.
struct Planner {
    client: Client,
    told: Arc<Mutex<Vec<f64>>>,
}

impl Planner {
    async fn open(target: &Target) -> Result<Self> {
        let (client, mut connection) = target.config().connect(NoTls).await?;
        let told: Arc<Mutex<Vec<f64>>> = Arc::default();
        let heard = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notice(n) = message
                    && matches!(n.message(), "PARSE ANALYSIS STATISTICS" | "PLANNER STATISTICS")
                    && let (Some(ms), Ok(mut heard)) = (n.detail().and_then(elapsed), heard.lock())
                {
                    heard.push(ms);
                }
            }
        });
        Ok(Self { client, told })
    }

    /// Binding and planning of one statement, in milliseconds.
    async fn time(&self, sql: &str) -> Result<f64> {
        if let Ok(mut told) = self.told.lock() {
            told.clear();
        }
        let lines = query::lines(&self.client, &format!("EXPLAIN (SUMMARY) {sql}")).await?;
        if let Ok(told) = self.told.lock()
            && !told.is_empty()
        {
            return Ok(told.iter().sum());
        }
        lines
            .iter()
            .find_map(|l| l.strip_prefix("Planning Time: ")?.strip_suffix(" ms")?.parse().ok())
            .ok_or_else(|| crate::Error::new("no planning time"))
    }
}

/// The elapsed milliseconds of PostgreSQL's statistics: `!\t0.000021 s user, 0.000000 s system, 0.000019 s elapsed`.
fn elapsed(detail: &str) -> Option<f64> {
    let seconds: f64 = detail.split_once(" s elapsed")?.0.rsplit(' ').next()?.parse().ok()?;
    Some(seconds * 1000.0)
}

/// The median and the 99th percentile.
fn summary(mut all: Vec<f64>) -> Times {
    all.sort_by(f64::total_cmp);
    let at =
        |share: f64| all.get(((all.len() as f64 * share) as usize).min(all.len() - 1)).copied().unwrap_or_default();
    Times { median: at(0.5), high: at(0.99) }
}

/// Measures everything on both servers, one statement at a time; the table for people.
pub async fn run(judge: &Target, candidate: &Target) -> Result<String> {
    let mut planners = Vec::new();
    for target in [judge, candidate] {
        let planner = Planner::open(target).await?;
        let client = &planner.client;
        for sql in schema().iter().chain([&tpch::text("schema.sql")?, &tpch::text("keys.sql")?]) {
            client.batch_execute(sql).await.context(|| query::shortened(sql))?;
        }
        client.batch_execute("ANALYZE").await?;
        planners.push(planner);
    }
    let [judge, candidate] = planners.as_slice() else { return Err(crate::Error::new("two servers are compared")) };
    let wordy = "SET client_min_messages = log; SET log_parser_stats = on; SET log_planner_stats = on";
    judge.client.batch_execute(wordy).await?;
    let mut all = cases();
    for q in tpch::queries()? {
        // One of them makes a view first, and drops it.
        if let [sql] = q.statements.as_slice() {
            all.push(Case { name: format!("TPC-H {}", q.number), sql: sql.clone() });
        }
    }
    let mut out = String::from(
        "| Statement | PostgreSQL median | 99 % | RustyDB median | 99 % | median, times | 99 %, times |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for case in &all {
        let (mut p, mut r) = (Vec::new(), Vec::new());
        for round in 0..WARM_UP + ROUNDS {
            let one = judge.time(&case.sql).await.context(|| case.name.clone())?;
            let other = candidate.time(&case.sql).await.context(|| case.name.clone())?;
            if round >= WARM_UP {
                p.push(one);
                r.push(other);
            }
        }
        let (p, r) = (summary(p), summary(r));
        let _ = writeln!(
            out,
            "| {} | {:.3} ms | {:.3} ms | {:.3} ms | {:.3} ms | {:.1} | {:.1} |",
            case.name,
            p.median,
            p.high,
            r.median,
            r.high,
            r.median / p.median.max(0.001),
            r.high / p.high.max(0.001)
        );
    }
    Ok(out)
}
