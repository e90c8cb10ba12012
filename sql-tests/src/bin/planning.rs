//! How long PostgreSQL and RustyDB bind and plan.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::{Context, Kind, Options, Result, Server, Target, planning};
use std::path::PathBuf;

const HELP: &str = "\
Measures how long PostgreSQL 15 and RustyDB plan pgbench's and TPC-H's statements and statements of growing size, by
EXPLAIN (SUMMARY). Only a release build's times say something; of others, look at how they grow.

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
    let mut own = Vec::new();
    let targets = match ports.as_slice() {
        [] => {
            own.push(Server::start(Kind::Postgres, Options::default()).await?);
            own.push(Server::start(Kind::RustyDb, Options::default()).await?);
            own.iter().map(|s| s.target().clone()).collect::<Vec<_>>()
        }
        [judge, candidate] => {
            vec![
                Target::local(Kind::Postgres, *judge).fresh_database("planning").await?,
                Target::local(Kind::RustyDb, *candidate).fresh_database("planning").await?,
            ]
        }
        _ => return Err(rustydb_sql_tests::Error::new("--ports wants two ports")),
    };
    let [judge, candidate] = targets.as_slice() else { return Ok(false) };
    let text = planning::run(judge, candidate).await?;
    match table {
        Some(path) => std::fs::write(&path, text).context(|| format!("writing {}", path.display()))?,
        None => print!("{text}"),
    }
    Ok(true)
}
