//! Debian's package index on two servers.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::{Kind, Options, Result, Server, debpkg};

const HELP: &str = "\
Loads Debian's package index into PostgreSQL and RustyDB, indexes it, queries it, copies it out and in again, and compares.

Usage: debpkg [--on postgres|rustydb]     who is compared with PostgreSQL (default: rustydb)";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let kind = args.value("--on", Kind::RustyDb)?;
    args.done()?;
    let packages = debpkg::packages()?;
    println!("{} packages, {} bytes", packages.len(), debpkg::copy_text(&packages).len());
    let mut answers = Vec::new();
    for kind in [Kind::Postgres, kind] {
        let server = Server::start(kind, Options::default()).await?;
        let got = debpkg::exercise(server.target(), &packages).await?;
        let [loading, indexing, querying] = got.seconds;
        println!("{kind}: loading {loading:.2} s, indexing {indexing:.2} s, queries {querying:.2} s");
        answers.push(got);
    }
    let mut differences = Vec::new();
    if let [judge, candidate] = answers.as_slice() {
        differences = debpkg::compare(judge, candidate)?;
    }
    differences.iter().for_each(|d| println!("{d}"));
    println!("{} differences", differences.len());
    Ok(differences.is_empty())
}
