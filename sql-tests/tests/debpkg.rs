//! Debian's package index: loaded, indexed, queried, copied out and in again, compared with PostgreSQL.

use rustydb_sql_tests::{Kind, Options, Result, Server, debpkg};

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_postgres_answers() -> Result<()> {
    let packages = debpkg::packages()?;
    let judge = Server::start(Kind::Postgres, Options::default()).await?;
    let rustydb = Server::start(Kind::RustyDb, Options::default()).await?;
    let want = debpkg::exercise(judge.target(), &packages).await?;
    let got = debpkg::exercise(rustydb.target(), &packages).await?;
    let differences = debpkg::compare(&want, &got)?;
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    Ok(())
}
