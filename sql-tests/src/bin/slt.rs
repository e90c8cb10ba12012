//! Runs sqllogictest files and compares with the baselines.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::slt::{NAMES, Suite, Where, report, run_suite};
use rustydb_sql_tests::{Context, Kind, Result, Target, suites};
use std::path::PathBuf;
use std::sync::Arc;

const HELP: &str = "\
Runs sqllogictest files, record by record, and compares with what PostgreSQL 15 makes of them.

Usage: slt [OPTION]... [FILE PREFIX]...

  --on postgres|rustydb     start a private server of this kind for each file (default: rustydb)
  --port PORT               use the server on this port instead; its schema public is dropped before each file
  --suite sqlite|serenedb|cockroach|datafusion|all
                            which corpus (default: sqlite)
  --jobs N                  files at a time (default: 2)
  --show N                  failures to show (default: 50)
  --table PATH              write the table of what passes and each miss there (sql-tests/SLT.md is kept in the
                            repository)
  --causes N                most frequent causes to show (default: 0)

File prefixes are relative to the corpus, such as select1 or evidence/. Without any, all files run.
The exit code is 1 when a record failed that PostgreSQL passes.";

const TABLE_HEAD: &str = "\
# sqllogictest

Records that pass of those that PostgreSQL 15 passes, made by `cargo run --release -p rustydb-sql-tests --bin slt --
--suite all --table sql-tests/SLT.md`, and each miss with the server's answer.
";

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
    let table: Option<PathBuf> = args.optional("--table")?;
    let wanted = args.rest()?;
    let folder = suites::folder().context(|| "no test suites (set RUSTYDB_SUITES to their folder)".into())?;
    let names: Vec<&str> = match which.as_str() {
        "all" => NAMES.to_vec(),
        name => vec![name],
    };
    let mut text = TABLE_HEAD.to_owned();
    let mut failed = 0;
    for name in names {
        let suite = Suite::named(name, &folder, &wanted)?;
        let place = port.map_or(Where::Fresh(kind), |p| Where::Existing(Target::local(kind, p)));
        let results = run_suite(Arc::new(suite), place, jobs).await?;
        print!("{}", report::failures(&results, show));
        print!("{}", report::causes(&results, causes));
        println!("{}", report::table(&results));
        text += &report::summary(name, &results);
        failed += report::Tally::total(&results).failed;
    }
    if let Some(path) = table {
        std::fs::write(&path, text).context(|| format!("writing {}", path.display()))?;
    }
    Ok(failed == 0)
}
