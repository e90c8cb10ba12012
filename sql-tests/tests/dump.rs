//! The stock pg_dump of a database with objects of many kinds: what it writes restores into RustyDB and into PostgreSQL,
//! and a dump of either is the same again.

use rustydb_sql_tests::command::succeed;
use rustydb_sql_tests::server::postgres_bin;
use rustydb_sql_tests::temp::TempDir;
use rustydb_sql_tests::{Kind, Options, Result, Server, Target, psql, suites};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// Runs one of PostgreSQL's programs on a target.
fn tool(target: &Target, name: &str, args: &[&str]) -> Result<String> {
    let mut command = Command::new(postgres_bin(name)?);
    target.client_args(&mut command).args(args);
    succeed(&mut command, LIMIT)
}

/// A dump without what differs from run to run or names the server.
fn dump(target: &Target) -> Result<String> {
    let text = tool(target, "pg_dump", &["-d", target.dbname.as_str()])?;
    let kept = text.lines().filter(|l| {
        !l.starts_with("\\restrict")
            && !l.starts_with("\\unrestrict")
            && !l.starts_with("-- Dumped from database version")
    });
    Ok(kept.collect::<Vec<_>>().join("\n"))
}

/// A new database on the same server.
async fn database(of: &Target, name: &str) -> Result<Target> {
    of.connect().await?.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    Ok(Target { dbname: name.to_owned(), ..of.clone() })
}

/// The first lines in which two dumps differ.
fn difference(a: &str, b: &str) -> String {
    match a.lines().zip(b.lines()).enumerate().find(|(_, (a, b))| a != b) {
        Some((n, (a, b))) => format!("line {}:\n- {a}\n+ {b}", n + 1),
        None => format!("{} lines against {}", a.lines().count(), b.lines().count()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restores_on_both_servers() -> Result<()> {
    let judge = Server::start(Kind::Postgres, Options::default()).await?;
    let rustydb = Server::start(Kind::RustyDb, Options::default()).await?;
    let objects = std::fs::read_to_string(suites::workspace_root().join("sql-tests/clients/objects.sql"))?;
    let source = database(rustydb.target(), "source").await?;
    psql::run(&source, &objects)?;
    let first = dump(&source)?;
    assert!(first.contains("CREATE MATERIALIZED VIEW s1.mv"), "{first}");

    // Roles are of the whole server; RustyDB's file brings them to PostgreSQL.
    let globals = tool(rustydb.target(), "pg_dumpall", &["--globals-only"])?;
    let globals = globals.replace("CREATE ROLE postgres;", "");
    psql::run(judge.target(), &globals)?;

    for target in [rustydb.target(), judge.target()] {
        let restored = database(target, "restored").await?;
        psql::run(&restored, &first)?;
        let again = dump(&restored)?;
        assert!(again == first, "{} restored: {}", target.kind, difference(&first, &again));
    }

    // The same through an archive.
    let dir = TempDir::new("dump")?;
    let archive = dir.path().join("archive");
    let archive = archive.to_string_lossy();
    tool(&source, "pg_dump", &["-d", "source", "-Fc", "-f", &archive])?;
    let restored = database(rustydb.target(), "archived").await?;
    tool(&restored, "pg_restore", &["-d", "archived", "--exit-on-error", &archive])?;
    let again = dump(&restored)?;
    assert!(again == first, "from the archive: {}", difference(&first, &again));
    Ok(())
}
