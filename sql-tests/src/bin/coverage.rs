//! PostgreSQL's functions and operators, one by one, on PostgreSQL and RustyDB.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::{Context, Kind, Options, Result, Server, Target, coverage};
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
    let mut own = Vec::new();
    let targets = match ports.as_slice() {
        [] => {
            own.push(Server::start(Kind::Postgres, Options::default()).await?);
            own.push(Server::start(Kind::RustyDb, Options::default()).await?);
            own.iter().map(|s| s.target().clone()).collect::<Vec<_>>()
        }
        [judge, candidate] => {
            vec![
                Target::local(Kind::Postgres, *judge).fresh_database("coverage").await?,
                Target::local(Kind::RustyDb, *candidate).fresh_database("coverage").await?,
            ]
        }
        _ => return Err(rustydb_sql_tests::Error::new("--ports wants two ports")),
    };
    let [judge, candidate] = targets.as_slice() else { return Ok(false) };
    let report = coverage::run(judge, candidate).await?;
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
