//! Sessions that meet wait for each other, and see what the other did, as they do on PostgreSQL.

use rustydb_sql_tests::{Kind, Options, Result, Server, isolation, suites};

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_meet_do_as_on_postgresql() -> Result<()> {
    let judge = Server::start(Kind::Postgres, Options::default()).await?;
    let rustydb = Server::start(Kind::RustyDb, Options::default()).await?;
    let dir = suites::workspace_root().join("sql-tests/isolation");
    let mut specs: Vec<_> = std::fs::read_dir(dir)?.map(|e| e.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    specs.sort();
    assert!(!specs.is_empty(), "no specs");
    let mut problems = Vec::new();
    for spec in specs {
        let (want, got) = (isolation::run(judge.target(), &spec)?, isolation::run(rustydb.target(), &spec)?);
        if want != got {
            problems.push(format!("{}: expected\n{want}\ngot\n{got}", spec.display()));
        }
    }
    assert!(problems.is_empty(), "{} specs differ:\n{}", problems.len(), problems.join("\n"));
    Ok(())
}
