//! Random statements on PostgreSQL and RustyDB.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::fuzz::{self, Plan};
use rustydb_sql_tests::{Context, Kind, Pair, Result};
use std::path::PathBuf;

const HELP: &str = "\
Sends random valid statements to PostgreSQL 15 and RustyDB and lists where rows or SQLSTATEs differ, by class.

Usage: fuzz [OPTION]...

  --statements N            (default: 10000)
  --sessions N              at once (default: 4)
  --seed N                  (default: 1)
  --on postgres|rustydb     who is compared with PostgreSQL (default: rustydb)
  --ports JUDGE,CANDIDATE   use these servers instead of private ones; a database `fuzz` is made on both
  --report PATH             write the classes there instead of printing them";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let plan = Plan {
        statements: args.value("--statements", 10_000)?,
        sessions: args.value("--sessions", 4u64)?.max(1),
        seed: args.value("--seed", 1)?,
    };
    let kind = args.value("--on", Kind::RustyDb)?;
    let ports: Vec<u16> = args.list("--ports", &[])?;
    let path: Option<PathBuf> = args.optional("--report")?;
    args.done()?;
    let pair = Pair::open(&ports, kind, "fuzz").await?;
    fuzz::prepare([&pair.judge, &pair.candidate]).await?;
    let report = fuzz::run(&pair.judge, &pair.candidate, &plan).await?;
    let text = report.text();
    match path {
        Some(path) => {
            std::fs::write(&path, &text).context(|| format!("writing {}", path.display()))?;
            println!("{}", text.lines().last().unwrap_or_default());
        }
        None => print!("{text}"),
    }
    Ok(report.differences() == 0)
}
