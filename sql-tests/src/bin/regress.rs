//! Runs PostgreSQL's regression files and makes the table of what is the same.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::regress::{self, Class, Regress};
use rustydb_sql_tests::{Context, Kind, Options, Result, Server, Target, suites};
use std::path::PathBuf;

const HELP: &str = "\
Runs PostgreSQL's regression files in the order of their schedule and compares every statement's output.

Usage: regress [OPTION]... [FILE]...

  --on postgres|rustydb   start a private server of this kind (default: rustydb)
  --port PORT             use the server on this port instead
  --table PATH            write the table there (sql-tests/REGRESS.md is kept in the repository)
  --differences DIR       write the statements that differ there, one text a file

FILEs are names such as join; test_setup runs before them. Without any, all files run.";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let kind = args.value("--on", Kind::RustyDb)?;
    let port: Option<u16> = args.optional("--port")?;
    let table: Option<PathBuf> = args.optional("--table")?;
    let differences: Option<PathBuf> = args.optional("--differences")?;
    let mut wanted = args.rest()?;
    let folder = suites::folder().context(|| "no test suites (set RUSTYDB_SUITES to their folder)".into())?;
    let files = Regress::new(&folder);
    if wanted.is_empty() {
        wanted = files.schedule()?;
    } else if wanted.iter().all(|w| w != "test_setup") {
        wanted.insert(0, "test_setup".into());
    }
    let server = match port {
        Some(_) => None,
        None => Some(Server::start(kind, Options::default().set("max_prepared_transactions", 2)).await?),
    };
    let target = match (&server, port) {
        (Some(server), _) => server.target().clone(),
        (None, port) => Target::local(kind, port.unwrap_or_default()),
    };
    let scratch = server.as_ref().map_or_else(std::env::temp_dir, |s| s.scratch().to_owned());
    std::fs::create_dir_all(scratch.join("results"))?;
    let target = files.database(&target).await?;
    if let Some(dir) = &differences {
        std::fs::create_dir_all(dir)?;
    }
    let mut results = Vec::with_capacity(wanted.len());
    for name in &wanted {
        let result = files.run(&target, name, &scratch)?;
        let (same, all) = result.count(Class::Plain);
        let remark = match (result.whole, result.hung, result.lost) {
            (true, ..) => " whole",
            (_, true, _) => " HANGS",
            (_, _, true) => " LOST THE CONNECTION",
            _ => "",
        };
        println!("{name:24} {same:5}/{all:5} {:7.1} s{remark}", result.elapsed.as_secs_f64());
        if let Some(dir) = &differences {
            std::fs::write(dir.join(format!("{name}.txt")), regress::differences(&result))?;
        }
        results.push(result);
    }
    let text = regress::table(&results);
    println!("{}", text.lines().last().unwrap_or_default());
    if let Some(path) = table {
        let head = "# PostgreSQL's regression files\n\nStatements whose output is PostgreSQL 15's, made by `cargo run --release -p rustydb-sql-tests --bin regress -- --table\nsql-tests/REGRESS.md`. EXPLAIN and what needs PL/pgSQL, triggers or PostgreSQL's C test library are counted apart.\n\n";
        std::fs::write(&path, format!("{head}{text}")).context(|| format!("writing {}", path.display()))?;
    }
    Ok(results.iter().all(|r| !r.hung && !r.lost))
}
