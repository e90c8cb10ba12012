//! SQLite's sqllogictest files: every record that PostgreSQL passes must pass.

use rustydb_sql_tests::slt::{Suite, Where, report, run_suite};
use rustydb_sql_tests::{Kind, Result, suites};
use std::sync::Arc;

/// Files that are quick enough for every run; the program `slt` runs all of them.
const SHORT: [&str; 4] = ["select1", "select2", "select3", "evidence/"];

async fn required(kind: Kind, wanted: &[&str]) -> Result<()> {
    let Some(folder) = suites::folder_or_skip("sqllogictest", 1) else { return Ok(()) };
    let wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
    let suite = Arc::new(Suite::sqlite(&folder, &wanted)?);
    let results = run_suite(suite, Where::Fresh(kind), 2).await?;
    let total = report::Tally::total(&results);
    println!("{}", report::table(&results));
    assert_eq!(total.failed, 0, "{}\n{}", report::failures(&results, 40), report::causes(&results, 20));
    assert!(total.queries_passed > 0, "no queries ran");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_rustydb() -> Result<()> {
    required(Kind::RustyDb, &SHORT).await
}

/// The runner is right: PostgreSQL fails exactly what the baseline says.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() -> Result<()> {
    required(Kind::Postgres, &SHORT).await
}
