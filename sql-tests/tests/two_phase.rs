//! Prepared transactions over kill -9: they are there again, hold what they held, and end as they are told.

use rustydb_sql_tests::query;
use rustydb_sql_tests::{Kind, Options, Result, Server};
use tokio_postgres::error::SqlState;

async fn over_kills(kind: Kind) -> Result<()> {
    let options = Options::default().durable().set("max_prepared_transactions", 5).set("shared_buffers", "16MB");
    let mut server = Server::start(kind, options).await?;
    let client = server.target().connect().await?;
    query::execute(
        &client,
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, 'old' FROM generate_series(1, 1000) g",
    )
    .await?;
    for (gid, from) in [("kept", 1), ("undone", 101), ("waiting", 201)] {
        let change = format!(
            "BEGIN; UPDATE t SET v = '{gid}' WHERE id BETWEEN {from} AND {from} + 49; \
             DELETE FROM t WHERE id BETWEEN {from} + 50 AND {from} + 59; \
             INSERT INTO t VALUES ({from} + 10000, '{gid}'); \
             SELECT pg_advisory_xact_lock({from}); SELECT id FROM t WHERE id = {from} + 90 FOR UPDATE; \
             PREPARE TRANSACTION '{gid}'"
        );
        client.batch_execute(&change).await?;
    }
    // One that was not prepared in time.
    client.batch_execute("BEGIN; UPDATE t SET v = 'lost' WHERE id > 900").await?;
    server.kill()?;
    server.restart().await?;
    let client = server.target().connect().await?;
    assert_eq!(gids(&client).await?, ["kept", "undone", "waiting"]);
    assert_eq!(count(&client, "v = 'old'").await?, 1000, "nothing of them is visible");
    // Rows written, rows locked, tables and advisory locks.
    client.batch_execute("SET lock_timeout = '100ms'").await?;
    for held in [
        "UPDATE t SET v = 'x' WHERE id = 5",
        "INSERT INTO t VALUES (10001, 'x')",
        "UPDATE t SET v = 'x' WHERE id = 91",
        "LOCK TABLE t IN SHARE MODE",
        "SELECT pg_advisory_lock(101)",
    ] {
        let sql = format!("BEGIN; {held}; ROLLBACK");
        let refused = client.batch_execute(&sql).await.expect_err("held by a prepared transaction");
        assert_eq!(refused.code(), Some(&SqlState::LOCK_NOT_AVAILABLE), "{held}: {refused}");
        client.batch_execute("ROLLBACK").await?;
    }
    client.batch_execute("COMMIT PREPARED 'kept'").await?;
    client.batch_execute("ROLLBACK PREPARED 'undone'").await?;
    server.kill()?;
    server.restart().await?;
    let client = server.target().connect().await?;
    assert_eq!(gids(&client).await?, ["waiting"]);
    assert_eq!(count(&client, "v = 'kept'").await?, 51);
    assert_eq!(count(&client, "v IN ('undone', 'waiting', 'lost', 'x')").await?, 0);
    assert_eq!(count(&client, "true").await?, 991);
    client
        .batch_execute("UPDATE t SET v = 'free' WHERE id BETWEEN 101 AND 200; UPDATE t SET v = 'free' WHERE id = 91")
        .await?;
    client.batch_execute("CHECKPOINT").await?;
    server.stop()?;
    server.restart().await?;
    let client = server.target().connect().await?;
    assert_eq!(gids(&client).await?, ["waiting"], "an orderly stop keeps it, too");
    client.batch_execute("COMMIT PREPARED 'waiting'").await?;
    assert_eq!(count(&client, "v = 'waiting'").await?, 51);
    assert!(gids(&client).await?.is_empty());
    server.stop()
}

async fn gids(client: &tokio_postgres::Client) -> Result<Vec<String>> {
    let rows = client.query("SELECT gid FROM pg_prepared_xacts ORDER BY gid", &[]).await?;
    Ok(rows.iter().map(|r| r.get(0)).collect())
}

async fn count(client: &tokio_postgres::Client, condition: &str) -> Result<i64> {
    Ok(client.query_one(&format!("SELECT count(*) FROM t WHERE {condition}"), &[]).await?.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_rustydb() -> Result<()> {
    over_kills(Kind::RustyDb).await
}

/// The expectations are right.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() -> Result<()> {
    over_kills(Kind::Postgres).await
}
