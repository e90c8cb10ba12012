//! What psql's own commands show of a schema is what they show on PostgreSQL.

use rustydb_sql_tests::{Kind, Options, Result, Server, psql};

#[tokio::test(flavor = "multi_thread")]

async fn its_commands_show_the_same() -> Result<()> {
    let judge = Server::start(Kind::Postgres, Options::default()).await?;
    let rustydb = Server::start(Kind::RustyDb, Options::default()).await?;
    let (want, got) = (psql::described(judge.target())?, psql::described(rustydb.target())?);
    let show =
        |r: &Result<String>| r.as_ref().map_or_else(|e| e.to_string().replace("rustydb", "postgres"), Clone::clone);
    let mut problems = Vec::new();
    for ((command, want), (_, got)) in want.iter().zip(&got) {
        let (want, got) = (show(want), show(got));
        if want != got {
            problems.push(format!("{command}: expected\n{want}\ngot\n{got}"));
        }
    }
    assert!(problems.is_empty(), "{} commands differ:\n{}", problems.len(), problems.join("\n"));
    Ok(())
}
