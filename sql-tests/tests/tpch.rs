//! TPC-H at a hundredth: the same answers as PostgreSQL's (`tpch` does it at any scale).

use rustydb_sql_tests::tpch::{self, Keys};
use rustydb_sql_tests::{Kind, Options, Result, Server};

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_postgres_answers() -> Result<()> {
    let data = tpch::generate("0.01")?;
    let judge = Server::start(Kind::Postgres, Options::default()).await?;
    let rustydb = Server::start(Kind::RustyDb, Options::default()).await?;
    tpch::load(judge.target(), data.path(), Keys::AfterLoading)?;
    tpch::load(rustydb.target(), data.path(), Keys::BeforeLoading)?;
    tpch::compare_tables(judge.target(), rustydb.target()).await?;
    let compared = tpch::compare(judge.target(), rustydb.target()).await?;
    let problems: Vec<String> =
        compared.iter().filter_map(|c| c.problem.as_ref().map(|p| format!("Q{}: {p}", c.number))).collect();
    assert!(problems.is_empty(), "{} of {} differ:\n{}", problems.len(), compared.len(), problems.join("\n"));
    assert_eq!(compared.len(), 22);
    Ok(())
}
