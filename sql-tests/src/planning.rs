//! How long binding and planning takes, by `EXPLAIN (SUMMARY)` on both servers: pgbench's and TPC-H's statements, and
//! statements of growing size, whose time should grow with the size and not faster.
//!
//! The tables are empty: planning looks at definitions and statistics, and an empty table's are the same on both servers.

use crate::error::{Context, Result};
use crate::query;
use crate::server::Target;
use crate::tpch;
use std::fmt::Write as _;
use tokio_postgres::Client;

/// Statements measured for each row of the table; the 99th percentile of fewer is the longest.
const ROUNDS: usize = 30;

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

async fn planning_time(client: &Client, sql: &str) -> Result<f64> {
    let lines = query::lines(client, &format!("EXPLAIN (SUMMARY) {sql}")).await?;
    lines
        .iter()
        .find_map(|l| l.strip_prefix("Planning Time: ")?.strip_suffix(" ms")?.parse().ok())
        .ok_or_else(|| crate::Error::new("no planning time"))
}

async fn measure(client: &Client, sql: &str) -> Result<Times> {
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        all.push(planning_time(client, sql).await?);
    }
    all.sort_by(f64::total_cmp);
    let at =
        |share: f64| all.get(((all.len() as f64 * share) as usize).min(all.len() - 1)).copied().unwrap_or_default();
    Ok(Times { median: at(0.5), high: at(0.99) })
}

/// Measures everything on both servers, one statement at a time; the table for people.
pub async fn run(judge: &Target, candidate: &Target) -> Result<String> {
    let mut clients = Vec::new();
    for target in [judge, candidate] {
        let client = target.connect().await?;
        for sql in schema().iter().chain([&tpch::text("schema.sql")?, &tpch::text("keys.sql")?]) {
            client.batch_execute(sql).await.context(|| query::shortened(sql))?;
        }
        client.batch_execute("ANALYZE").await?;
        clients.push(client);
    }
    let mut all = cases();
    for q in tpch::queries()? {
        // One of them makes a view first, and drops it.
        if let [sql] = q.statements.as_slice() {
            all.push(Case { name: format!("TPC-H {}", q.number), sql: sql.clone() });
        }
    }
    let mut out = String::from(
        "| Statement | PostgreSQL median | 99 % | RustyDB median | 99 % | times |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for case in &all {
        let mut times = Vec::new();
        for client in &clients {
            times.push(measure(client, &case.sql).await.context(|| case.name.clone())?);
        }
        let [p, r] = times.as_slice() else { continue };
        let _ = writeln!(
            out,
            "| {} | {:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms | {:.1} |",
            case.name,
            p.median,
            p.high,
            r.median,
            r.high,
            r.median / p.median.max(0.001)
        );
    }
    Ok(out)
}
