//! The traces of PostgreSQL's `libpq_pipeline` come out the same, message by message.

use rustydb_sql_tests::{Kind, Options, Result, Server, pipeline, suites};

async fn traces(kind: Kind) -> Result<()> {
    let Some(suites) = suites::folder_or_skip("libpq_pipeline's traces", 9) else { return Ok(()) };
    let mut server = Server::start(kind, Options::default()).await?;
    let traces = pipeline::traces(&suites)?;
    assert_eq!(traces.len(), 9);
    for file in traces {
        let expected = std::fs::read_to_string(&file)?;
        let answer = pipeline::replay(server.target(), &expected).await?;
        let differs = answer.lines().zip(expected.lines()).find(|(a, e)| a != e);
        assert_eq!(differs, None, "{}", file.display());
        assert_eq!(answer, expected, "{}", file.display());
    }
    server.stop()
}

#[tokio::test]
async fn rustydb() -> Result<()> {
    traces(Kind::RustyDb).await
}

#[tokio::test]
async fn postgres() -> Result<()> {
    traces(Kind::Postgres).await
}
