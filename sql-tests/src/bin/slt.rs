//! Runs sqllogictest files and compares with the baselines.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::slt::{Suite, Where, report, run_suite};
use rustydb_sql_tests::{Context, Error, Kind, Result, Target, suites};
use std::sync::Arc;

const HELP: &str = "\
Runs sqllogictest files, record by record, and compares with what PostgreSQL 15 makes of them.

Usage: slt [OPTION]... [FILE PREFIX]...

  --on postgres|rustydb     start a private server of this kind for each file (default: rustydb)
  --port PORT               use the server on this port instead; its schema public is dropped before each file
  --suite sqlite|serenedb|cockroach
                            which corpus (default: sqlite)
  --jobs N                  files at a time (default: 2)
  --show N                  failures to show (default: 50)
  --causes N                most frequent causes to show (default: 0)

File prefixes are relative to the corpus, such as select1 or evidence/. Without any, all files run.
The exit code is 1 when a record failed that PostgreSQL passes.";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let kind = args.value("--on", Kind::RustyDb)?;
    let port: Option<u16> = args.optional("--port")?;
    let which: String = args.value("--suite", "sqlite".into())?;
    let jobs = args.value("--jobs", 2)?;
    let show = args.value("--show", 50)?;
    let causes = args.value("--causes", 0)?;
    let wanted = args.rest()?;
    let folder = suites::folder().context(|| "no test suites (set RUSTYDB_SUITES to their folder)".into())?;
    let suite = match which.as_str() {
        "sqlite" => Suite::sqlite(&folder, &wanted)?,
        "serenedb" => Suite::serenedb(&folder, &wanted)?,
        "cockroach" => Suite::cockroach(&folder, &wanted)?,
        _ => return Err(Error::new(format!("--suite {which}: expected sqlite, serenedb or cockroach"))),
    };
    let place = port.map_or(Where::Fresh(kind), |p| Where::Existing(Target::local(kind, p)));
    let results = run_suite(Arc::new(suite), place, jobs).await?;
    print!("{}", report::failures(&results, show));
    print!("{}", report::causes(&results, causes));
    println!("{}", report::table(&results));
    Ok(report::Tally::total(&results).failed == 0)
}
