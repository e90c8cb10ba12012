//! How long PostgreSQL and RustyDB bind and plan.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::{Context, Kind, Pair, Result, planning};
use std::path::PathBuf;

const HELP: &str = "\
Measures how long PostgreSQL 15 and RustyDB bind and plan pgbench's and TPC-H's statements and statements of growing
size, by EXPLAIN (SUMMARY) and PostgreSQL's own statistics. Only a release build's times say something; of others, look at how they grow.

Usage: planning [OPTION]...

  --ports JUDGE,CANDIDATE   use these servers instead of private ones; a database `planning` is made on both
  --table PATH              write the table there instead of printing it";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let ports: Vec<u16> = args.list("--ports", &[])?;
    let table: Option<PathBuf> = args.optional("--table")?;
    args.done()?;
    let pair = Pair::open(&ports, Kind::RustyDb, "planning").await?;
    let text = planning::run(&pair.judge, &pair.candidate).await?;
    match table {
        Some(path) => std::fs::write(&path, text).context(|| format!("writing {}", path.display()))?,
        None => print!("{text}"),
    }
    Ok(true)
}
