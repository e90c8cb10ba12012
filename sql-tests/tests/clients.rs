//! Stock client libraries against RustyDB.

use rustydb_sql_tests::clients::{self, LIBRARIES};
use rustydb_sql_tests::{Kind, Options, Result, Server};

async fn every_library(kind: Kind) -> Result<()> {
    let server = Server::start(kind, Options::default()).await?;
    let mut failures = Vec::new();
    for library in LIBRARIES {
        if let Err(e) = clients::run(library, server.target()) {
            failures.push(e.to_string());
        }
    }
    if let Err(e) = clients::tokio_postgres(server.target()).await {
        failures.push(e.to_string());
    }
    assert!(failures.is_empty(), "{kind}:\n{}", failures.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_rustydb() -> Result<()> {
    every_library(Kind::RustyDb).await
}

/// The programs themselves are right.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() -> Result<()> {
    every_library(Kind::Postgres).await
}
