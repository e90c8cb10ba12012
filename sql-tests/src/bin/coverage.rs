//! PostgreSQL's functions and operators, one by one, on PostgreSQL and RustyDB.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::{Context, Kind, Pair, Result, coverage};
use std::path::PathBuf;

const HELP: &str = "\
Calls every function and operator of PostgreSQL 15 on both servers and counts, per chapter of the manual, which exist in RustyDB and
answer the same.

Usage: coverage [OPTION]...

  --ports JUDGE,CANDIDATE   use these servers instead of private ones; a database `coverage` is made on both
  --table PATH              write the table there instead of printing it
  --differences PATH        write every row that is missing, refused or different there";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let ports: Vec<u16> = args.list("--ports", &[])?;
    let table: Option<PathBuf> = args.optional("--table")?;
    let differences: Option<PathBuf> = args.optional("--differences")?;
    args.done()?;
    let pair = Pair::open(&ports, Kind::RustyDb, "coverage").await?;
    let report = coverage::run(&pair.judge, &pair.candidate).await?;
    match table {
        Some(path) => std::fs::write(&path, report.table()).context(|| format!("writing {}", path.display()))?,
        None => print!("{}", report.table()),
    }
    if let Some(path) = differences {
        std::fs::write(&path, report.differences()).context(|| format!("writing {}", path.display()))?;
    }
    let (same, called) = report.totals();
    println!("{same} of {called} answer the same");
    Ok(true)
}
