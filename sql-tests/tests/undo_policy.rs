//! Old versions: how far back they reach, and what gives way when they fill the space there is for them.

use rustydb_sql_tests::query;
use rustydb_sql_tests::wait::until;
use rustydb_sql_tests::{Kind, Options, Result, Server};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

async fn code(client: &Client, sql: &str) -> SqlState {
    let e = client.batch_execute(sql).await.expect_err(sql);
    e.code().cloned().unwrap_or(SqlState::INTERNAL_ERROR)
}

fn snapshot_too_old() -> SqlState {
    SqlState::from_code("72000")
}

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, v text); \
     INSERT INTO t SELECT g, 'first' FROM generate_series(1, 100) g";

/// Changes 90 rows so often that their undo is many times what there is room for.
async fn churn(client: &Client) -> Result<()> {
    for n in 0..500 {
        client.batch_execute(&format!("UPDATE t SET v = repeat(chr({}), 1800) WHERE id <= 90", 65 + n % 26)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_past_can_be_read_without_a_setting() -> Result<()> {
    let server = Server::start(Kind::RustyDb, Options::default()).await?;
    let client = server.target().connect().await?;
    assert_eq!(query::value(&client, "SHOW undo_retention").await?, "1min");
    client.batch_execute(TABLE).await?;
    let scn = query::value(&client, "SELECT rustydb_current_scn()").await?;
    let at = query::value(&client, "SELECT clock_timestamp()").await?;
    client.batch_execute("UPDATE t SET v = 'second'; DELETE FROM t WHERE id > 50").await?;
    for then in [format!("SCN {scn}"), format!("TIMESTAMP '{at}'")] {
        let sql = format!("SELECT count(*) || ' ' || min(v) || ' ' || max(v) FROM t AS OF {then}");
        assert_eq!(query::value(&client, &sql).await?, "100 first first", "{sql}");
    }
    client.batch_execute(&format!("FLASHBACK TABLE t TO SCN {scn}")).await?;
    assert_eq!(query::value(&client, "SELECT count(*) || ' ' || max(v) FROM t").await?, "100 first");
    Ok(())
}

#[tokio::test]
async fn beyond_retention_is_an_error() -> Result<()> {
    let server = Server::start(Kind::RustyDb, Options::default().set("undo_retention", "1s")).await?;
    let client = server.target().connect().await?;
    client.batch_execute(TABLE).await?;
    let scn = query::value(&client, "SELECT rustydb_current_scn()").await?;
    client.batch_execute("UPDATE t SET v = 'second'").await?;
    let past = format!("SELECT * FROM t AS OF SCN {scn}");
    until("old versions go", async || Ok(client.batch_execute(&past).await.is_err())).await?;
    for sql in [past, format!("FLASHBACK TABLE t TO SCN {scn}")] {
        let e = client.batch_execute(&sql).await.expect_err("not kept");
        let e = e.as_db_error().expect("the server says so");
        assert_eq!((e.code(), e.message()), (&snapshot_too_old(), "snapshot too old"), "{sql}");
        assert_eq!(e.detail(), Some("Versions of that time are not kept any more."));
        assert_eq!(e.hint(), Some("undo_retention says how long they are kept."));
    }
    assert_eq!(query::value(&client, "SELECT count(*) || max(v) FROM t").await?, "100second");
    Ok(())
}

#[tokio::test]
async fn full_undo_cancels_the_oldest_and_goes_on() -> Result<()> {
    // Retention stays at its minute: it must give way, too.
    let mut server = Server::start(Kind::RustyDb, Options::default().set("undo_limit", "8MB")).await?;
    let client = server.target().connect().await?;
    client.batch_execute(TABLE).await?;
    let scn = query::value(&client, "SELECT rustydb_current_scn()").await?;
    // A report that takes long, and a session that has forgotten to commit.
    let old = server.target().connect().await?;
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    assert_eq!(query::value(&old, "SELECT max(v) FROM t").await?, "first");
    let mut config = server.target().config();
    config.application_name("forgotten");
    let (forgotten, connection) = config.connect(NoTls).await?;
    let said = tokio::spawn(connection);
    forgotten.batch_execute("BEGIN; UPDATE t SET v = 'forgotten' WHERE id = 100").await?;
    churn(&client).await?;
    // Who reads by a snapshot that was given up is told; whole tables and rows that were found by key alike.
    for sql in ["SELECT v FROM t WHERE id = 1", "SELECT count(*) FROM t", "UPDATE t SET v = 'x' WHERE id = 99"] {
        old.batch_execute("SAVEPOINT s").await?;
        let e = old.batch_execute(sql).await.expect_err(sql);
        let e = e.as_db_error().expect("the server says so");
        assert_eq!((e.code(), e.message()), (&snapshot_too_old(), "snapshot too old"), "{sql}");
        assert!(e.hint().is_some_and(|h| h.contains("undo_limit")), "{e:?}");
        old.batch_execute("ROLLBACK TO s").await?;
    }
    old.batch_execute("ROLLBACK").await?;
    assert_eq!(query::value(&old, "SELECT count(*) FROM t").await?, "100");
    assert_eq!(code(&client, &format!("SELECT * FROM t AS OF SCN {scn}")).await, snapshot_too_old());
    // The forgotten transaction is undone, and its session was told why.
    let end = said.await.expect("ends").expect_err("the session was ended");
    assert_eq!(end.code(), Some(&SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT), "{end}");
    assert!(forgotten.is_closed());
    assert_eq!(query::value(&client, "SELECT v FROM t WHERE id = 100").await?, "first");
    // What one transaction fills undo with cannot be given up; it is refused, and nobody else.
    client.batch_execute("BEGIN").await?;
    let refused = churn(&client).await.expect_err("there is no room").to_string();
    assert!(refused.contains("undo space is exhausted"), "{refused}");
    assert_eq!(query::value(&old, "SELECT count(*) FROM t").await?, "100");
    client.batch_execute("ROLLBACK").await?;
    churn(&client).await?;
    assert_eq!(query::value(&client, "SELECT count(*) FROM rustydb_check('t')").await?, "0");
    server.stop()?;
    Ok(())
}
