//! The recycle bin: what DROP TABLE puts there comes back whole, over a restart too, and what does not fit goes.

use rustydb_sql_tests::query;
use rustydb_sql_tests::wait::until;
use rustydb_sql_tests::{Kind, Options, Result, Server};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

async fn code(client: &Client, sql: &str) -> SqlState {
    let e = client.batch_execute(sql).await.expect_err(sql);
    e.code().cloned().unwrap_or(SqlState::INTERNAL_ERROR)
}

const TABLE: &str = "CREATE TABLE t (id serial PRIMARY KEY, v int NOT NULL CHECK (v > 0), w text UNIQUE DEFAULT 'w'); \
     CREATE INDEX t_v ON t USING hash (v); COMMENT ON TABLE t IS 'kept'; \
     INSERT INTO t (v, w) SELECT g, 'w' || g FROM generate_series(1, 500) g";

#[tokio::test]
async fn dropped_tables_come_back() -> Result<()> {
    let mut server = Server::start(Kind::RustyDb, Options::default().durable()).await?;
    let client = server.target().connect().await?;
    query::execute(&client, TABLE).await?;
    // Off, as in PostgreSQL, unless asked for.
    client.batch_execute("CREATE TABLE gone (a int); DROP TABLE gone").await?;
    assert_eq!(code(&client, "FLASHBACK TABLE gone TO BEFORE DROP").await, SqlState::UNDEFINED_TABLE);
    client.batch_execute("SET recyclebin = on; CREATE VIEW seen AS SELECT v FROM t").await?;
    assert_eq!(code(&client, "DROP TABLE t").await, SqlState::DEPENDENT_OBJECTS_STILL_EXIST);
    client.batch_execute("DROP TABLE t CASCADE").await?;
    assert_eq!(code(&client, "SELECT FROM t").await, SqlState::UNDEFINED_TABLE);
    assert_eq!(code(&client, "SELECT FROM seen").await, SqlState::UNDEFINED_TABLE);
    let listed =
        "SELECT count(*) FROM rustydb_recyclebin() WHERE schema = 'public' AND name = 't' AND dropped <= now()";
    assert_eq!(query::value(&client, listed).await?, "1");
    // Its names are free meanwhile.
    client.batch_execute("CREATE TABLE t (id int); CREATE INDEX t_v ON t (id)").await?;
    assert_eq!(code(&client, "FLASHBACK TABLE t TO BEFORE DROP").await, SqlState::DUPLICATE_TABLE);
    drop(client);
    server.kill()?;
    server.restart().await?;
    let client = server.target().connect().await?;
    client.batch_execute("BEGIN; FLASHBACK TABLE t TO BEFORE DROP RENAME TO old; ROLLBACK").await?;
    client.batch_execute("FLASHBACK TABLE t TO BEFORE DROP RENAME TO old").await?;
    assert_eq!(query::value(&client, listed).await?, "0");
    assert_eq!(query::value(&client, "SELECT sum(v) FROM old").await?, "125250");
    assert_eq!(query::value(&client, "SELECT w FROM old WHERE v = 77").await?, "w77");
    // A crash may cost a sequence some values.
    assert!(query::value(&client, "INSERT INTO old (v) VALUES (7) RETURNING id").await?.parse::<i32>()? > 500);
    assert_eq!(code(&client, "INSERT INTO old VALUES (5, 5)").await, SqlState::UNIQUE_VIOLATION);
    assert_eq!(code(&client, "INSERT INTO old (v) VALUES (9)").await, SqlState::UNIQUE_VIOLATION);
    assert_eq!(code(&client, "INSERT INTO old (v, w) VALUES (0, 'x')").await, SqlState::CHECK_VIOLATION);
    let names = "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text) \
                 FROM pg_index WHERE indrelid = 'old'::regclass";
    assert_eq!(query::value(&client, names).await?, "t_pkey t_v1 t_w_key");
    assert_eq!(query::value(&client, "SELECT obj_description('old'::regclass)").await?, "kept");
    assert_eq!(query::value(&client, "SELECT count(*) FROM rustydb_check('old')").await?, "0");
    // The last one of a name comes back first.
    client.batch_execute("SET recyclebin = on; DROP TABLE t; CREATE TABLE t AS SELECT 2 AS a; DROP TABLE t").await?;
    client.batch_execute("FLASHBACK TABLE t TO BEFORE DROP").await?;
    assert_eq!(query::value(&client, "SELECT a FROM t").await?, "2");
    // Gone for good: PURGE in its places, and what does not fit.
    client.batch_execute("DROP TABLE t PURGE; PURGE TABLE t; DROP TABLE old; PURGE RECYCLEBIN").await?;
    assert_eq!(query::value(&client, "SELECT count(*) FROM rustydb_recyclebin()").await?, "0");
    assert_eq!(code(&client, "PURGE TABLE t").await, SqlState::UNDEFINED_TABLE);
    // Whoever drops it otherwise leaves nothing behind either.
    client
        .batch_execute(
            "CREATE ROLE r; CREATE TABLE theirs (id serial); ALTER TABLE theirs OWNER TO r; DROP TABLE theirs; \
             DROP OWNED BY r; DROP ROLE r",
        )
        .await?;
    assert_eq!(query::value(&client, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'bin$%'").await?, "0");
    client.batch_execute("SET recyclebin_limit = '1MB'").await?;
    for n in 0..6 {
        let fill = format!("CREATE TABLE big{n} AS SELECT repeat('x', 1000) AS a FROM generate_series(1, 300)");
        client.batch_execute(&format!("{fill}; DROP TABLE big{n}")).await?;
    }
    let left = query::value(&client, "SELECT string_agg(name, ' ' ORDER BY dropped) FROM rustydb_recyclebin()").await?;
    assert!(left.ends_with("big5") && !left.contains("big0"), "left in the bin: {left}");
    assert_eq!(
        query::value(&client, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'bin$%'").await?,
        left.split(' ').count().to_string()
    );
    server.stop()?;
    Ok(())
}

#[tokio::test]
async fn what_nothing_comes_after_goes_by_time() -> Result<()> {
    let mut server = Server::start(Kind::RustyDb, Options::default().set("recyclebin_retention", 0)).await?;
    let client = server.target().connect().await?;
    query::execute(&client, TABLE).await?;
    // The session would keep it; the server does not.
    client.batch_execute("SET recyclebin_retention = 100; SET recyclebin = on; DROP TABLE t").await?;
    let left = "SELECT (SELECT count(*) FROM rustydb_recyclebin()) + (SELECT count(*) FROM pg_class WHERE relname ~ '^t_') \
                + (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'bin$%')";
    assert_ne!(query::value(&client, left).await?, "0");
    until("the bin is emptied", async || Ok(query::value(&client, left).await? == "0")).await?;
    assert_eq!(code(&client, "FLASHBACK TABLE t TO BEFORE DROP").await, SqlState::UNDEFINED_TABLE);
    server.stop()?;
    Ok(())
}
