//! Bounds of sessions and statements (design/storage.md §10), each filled, on both servers: who meets one is told by PostgreSQL's
//! SQLSTATE, and everybody else goes on. The table of the store's bounds is in `storage/tests/bounds.rs`.
//!
//! | resource | setting | seen here, or where else |
//! |---|---|---|
//! | sessions | `max_connections` | [`sessions`]: 53300; gauge `server_connections` |
//! | prepared transactions | `max_prepared_transactions` | [`prepared_transactions`]: 53200 |
//! | time of a statement, for a lock, idle in and outside a transaction | `statement_timeout`, `lock_timeout`, `idle_in_transaction_session_timeout`, `idle_session_timeout` | [`times`]: 57014, 55P03, 25P03, 57P05 |
//! | temporary files | `temp_file_limit` (queries, index builds) | [`temporary_files`]: 53400, and what they took is free again |
//! | memory of sorts, joins and results | `work_mem` | `limits` (`memory.rs`): spilled; a stalled client stops its statement |
//! | what a session has sent and not been answered | — | `server/tests/protocol.rs`, `pipelined_input_is_read_only_up_to_a_bound` |
//! | prepared statements of all sessions | `prepared_statement_limit` | [`prepared_statements`] (RustyDB only): 53400; gauge `prepared_statement_bytes` |
//! | plans that sessions share | `plan_cache_limit` | [`prepared_statements`]: the least used go; gauge `plan_cache_bytes` |
//! | statements that are counted, and their texts | `pg_stat_statements.max` | [`counted_statements`]: the least used go; gauges `query_stats_entries`, `query_stats_text_bytes` |
//! | prepared statements, cursors, notices of a session | constants of `engine/src/session` | not here: 53400, or the oldest go |
//! | old versions | `undo_limit`, `undo_retention` | `undo_policy.rs`: 72000, 25P03, 53100 |
//! | dropped tables | `recyclebin_limit`, `recyclebin_retention` | `flashback_drop.rs`: the oldest go |
//! | tables in memory | `memory_table_limit` | [`tables_in_memory`] (RustyDB only): 53200, and DROP makes room at once |

use rustydb_sql_tests::query;
use rustydb_sql_tests::wait::until;
use rustydb_sql_tests::{Error, Kind, Options, Result, Server};
use std::time::Duration;
use tokio_postgres::NoTls;
use tokio_postgres::error::{DbError, SqlState};

const BOTH: [Kind; 2] = [Kind::Postgres, Kind::RustyDb];

fn said(e: &tokio_postgres::Error) -> &DbError {
    e.as_db_error().unwrap_or_else(|| panic!("not the server's word: {e}"))
}

#[tokio::test]
async fn sessions() -> Result<()> {
    for kind in BOTH {
        let options = Options::default().set("max_connections", 6).set("superuser_reserved_connections", 1);
        let server = Server::start(kind, options).await?;
        let first = server.target().connect().await?;
        query::execute(&first, "CREATE ROLE r LOGIN").await?;
        let mut config = server.target().config();
        config.user("r");
        let mut open = Vec::new();
        let refused = loop {
            assert!(open.len() < 6, "{kind}: no bound");
            match config.connect(NoTls).await {
                Ok((client, connection)) => open.push((client, tokio::spawn(connection))),
                Err(e) => break e,
            }
        };
        assert_eq!((said(&refused).code(), open.len()), (&SqlState::TOO_MANY_CONNECTIONS, 4), "{kind}");
        // The place kept for superusers is there, and the others work.
        let last = server.target().connect().await?;
        for client in open.iter().map(|o| &o.0).chain([&first, &last]) {
            assert_eq!(query::value(client, "SELECT 1").await?, "1", "{kind}");
        }
        drop(last);
        let (client, connection) = open.pop().expect("four");
        drop(client);
        connection.await.map_err(|e| Error::new(e.to_string()))??;
        until("the place is free again", async || Ok(config.connect(NoTls).await.is_ok())).await?;
    }
    Ok(())
}

#[tokio::test]
async fn prepared_transactions() -> Result<()> {
    for kind in BOTH {
        let server = Server::start(kind, Options::default().set("max_prepared_transactions", 2)).await?;
        let client = server.target().connect().await?;
        query::execute(&client, "CREATE TABLE t (a int)").await?;
        for n in 0..2 {
            client.batch_execute(&format!("BEGIN; INSERT INTO t VALUES ({n}); PREPARE TRANSACTION 'p{n}'")).await?;
        }
        client.batch_execute("BEGIN; INSERT INTO t VALUES (2)").await?;
        let e = client.batch_execute("PREPARE TRANSACTION 'p2'").await.expect_err("two are prepared");
        assert_eq!(said(&e).code(), &SqlState::OUT_OF_MEMORY, "{kind}: {e}");
        assert_eq!(said(&e).message(), "maximum number of prepared transactions reached", "{kind}");
        client.batch_execute("ROLLBACK").await?;
        client.batch_execute("COMMIT PREPARED 'p1'").await?;
        client.batch_execute("BEGIN; INSERT INTO t VALUES (3); PREPARE TRANSACTION 'p3'").await?;
        for name in ["p0", "p3"] {
            client.batch_execute(&format!("COMMIT PREPARED '{name}'")).await?;
        }
        assert_eq!(query::value(&client, "SELECT count(*) FROM t").await?, "3", "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn counted_statements() -> Result<()> {
    for kind in BOTH {
        let options =
            Options::default().set("shared_preload_libraries", "pg_stat_statements").set("pg_stat_statements.max", 100);
        let server = Server::start(kind, options).await?;
        let client = server.target().connect().await?;
        query::execute(&client, "CREATE EXTENSION pg_stat_statements").await?;
        for n in 1..=150 {
            client.batch_execute(&format!("SELECT {}", vec!["1"; n].join(", "))).await?;
            client.batch_execute("SELECT 'often'").await?;
        }
        let one = async |sql: &str| query::value(&client, sql).await;
        assert_eq!(one("SELECT count(*) BETWEEN 50 AND 100 FROM pg_stat_statements").await?, "t", "{kind}");
        assert_eq!(one("SELECT dealloc > 0 FROM pg_stat_statements_info").await?, "t", "{kind}");
        let calls = one("SELECT max(calls) FROM pg_stat_statements WHERE query = 'SELECT $1'").await?;
        assert_eq!(calls, "150", "{kind}: what is used much stays");
    }
    Ok(())
}

#[tokio::test]
async fn times() -> Result<()> {
    for kind in BOTH {
        let server = Server::start(kind, Options::default()).await?;
        let client = server.target().connect().await?;
        client.batch_execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await?;
        client.batch_execute("SET statement_timeout = '100ms'").await?;
        let e =
            client.batch_execute("SELECT count(*) FROM generate_series(1, 1000000000)").await.expect_err("too long");
        assert_eq!(said(&e).code(), &SqlState::QUERY_CANCELED, "{kind}");
        client.batch_execute("SET statement_timeout = 0").await?;
        let holder = server.target().connect().await?;
        holder.batch_execute("BEGIN; UPDATE t SET a = 2").await?;
        client.batch_execute("SET lock_timeout = '100ms'").await?;
        let e = client.batch_execute("UPDATE t SET a = 3").await.expect_err("the row is held");
        assert_eq!(said(&e).code(), &SqlState::LOCK_NOT_AVAILABLE, "{kind}");
        holder.batch_execute("COMMIT").await?;
        client.batch_execute("UPDATE t SET a = 3").await?;
        for (setting, begin, code) in [
            ("idle_in_transaction_session_timeout", "BEGIN; UPDATE t SET a = 4", "25P03"),
            ("idle_session_timeout", "SELECT 1", "57P05"),
        ] {
            let (idle, connection) = server.target().config().connect(NoTls).await?;
            let end = tokio::spawn(connection);
            idle.batch_execute(&format!("SET {setting} = '100ms'")).await?;
            idle.batch_execute(begin).await?;
            let end = tokio::time::timeout(Duration::from_secs(30), end).await;
            let end = end.map_err(|e| Error::new(e.to_string()))?.map_err(|e| Error::new(e.to_string()))?;
            assert_eq!(said(&end.expect_err("ended by the server")).code().code(), code, "{kind}");
        }
        // What the idle one had changed is undone, and its lock is free.
        client.batch_execute("UPDATE t SET a = a + 1").await?;
        assert_eq!(query::value(&client, "SELECT a FROM t").await?, "4", "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn temporary_files() -> Result<()> {
    const SORT: &str = "SELECT count(*) FROM (SELECT g, repeat('x', 500) || g AS r FROM generate_series(1, 300000) g \
                        ORDER BY 2 DESC, 1 OFFSET 1) s";
    for kind in BOTH {
        let server = Server::start(kind, Options::default()).await?;
        let client = server.target().connect().await?;
        client.batch_execute("SET work_mem = '64kB'; SET temp_file_limit = '1MB'").await?;
        for _ in 0..2 {
            let e = client.batch_execute(SORT).await.expect_err("150 MB");
            let what = (said(&e).code(), said(&e).message());
            let want = "temporary file size exceeds temp_file_limit (1024kB)";
            assert_eq!(what, (&SqlState::CONFIGURATION_LIMIT_EXCEEDED, want), "{kind}");
        }
        client.batch_execute("SET temp_file_limit = '1GB'").await?;
        assert_eq!(query::value(&client, SORT).await?, "299999", "{kind}");
        let many = "CREATE TABLE many AS SELECT md5(g::text) AS r FROM generate_series(1, 100000) g";
        client.batch_execute(many).await?;
        client.batch_execute("SET maintenance_work_mem = '1MB'; SET max_parallel_maintenance_workers = 0").await?;
        client.batch_execute("SET temp_file_limit = '1MB'").await?;
        let e = client.batch_execute("CREATE INDEX ON many (r)").await.expect_err("5 MB");
        assert_eq!(said(&e).code(), &SqlState::CONFIGURATION_LIMIT_EXCEEDED, "{kind}");
        client
            .batch_execute("SET temp_file_limit = '1GB'; CREATE UNIQUE INDEX ON many (r); SET enable_seqscan = off")
            .await?;
        assert_eq!(query::value(&client, "SELECT count(*) FROM many WHERE r >= ''").await?, "100000", "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn tables_in_memory() -> Result<()> {
    // Old versions of rows on disk are kept for a minute, those of rows in memory are not.
    let server = Server::start(Kind::RustyDb, Options::default().set("memory_table_limit", "8MB")).await?;
    let client = server.target().connect().await?;
    for _ in 0..3 {
        client.batch_execute("CREATE TABLE m (id int PRIMARY KEY, v text) USING memory").await?;
        // Purge is told of the end of a transaction, and takes its time.
        let fill = "INSERT INTO m SELECT g, repeat('m', 1000) FROM generate_series(1, 4000) g";
        until("DROP has made room", async || Ok(client.batch_execute(fill).await.is_ok())).await?;
        let more = "INSERT INTO m SELECT g, repeat('m', 1000) FROM generate_series(4001, 12000) g";
        let e = client.batch_execute(more).await.expect_err("there is no room");
        assert_eq!(said(&e).code(), &SqlState::OUT_OF_MEMORY, "{e}");
        assert_eq!(query::value(&client, "SELECT count(*) FROM m").await?, "4000");
        client.batch_execute("DROP TABLE m").await?;
    }
    client.batch_execute("CREATE TABLE m (id int PRIMARY KEY, v text) USING memory").await?;
    let fill = "INSERT INTO m SELECT g, 'x' FROM generate_series(1, 1000) g";
    until("DROP has made room", async || Ok(client.batch_execute(fill).await.is_ok())).await?;
    for n in 0..100 {
        let update = format!("UPDATE m SET v = repeat(chr({}), 100)", 65 + n % 26);
        until("purge keeps up", async || match client.batch_execute(&update).await {
            Err(e) if said(&e).code() == &SqlState::OUT_OF_MEMORY => Ok(false),
            done => Ok(done.map(|()| true)?),
        })
        .await?;
    }
    let scn = query::value(&client, "SELECT rustydb_current_scn()").await?;
    client.batch_execute("UPDATE m SET v = 'last'").await?;
    let past = format!("SELECT * FROM m AS OF SCN {scn}");
    until("old versions go", async || Ok(client.batch_execute(&past).await.is_err())).await?;
    let e = client.batch_execute(&past).await.expect_err("not kept");
    assert_eq!((said(&e).code().code(), said(&e).message()), ("72000", "snapshot too old"));
    Ok(())
}

/// Prepared statements take memory until their limit is met; then a further one is refused, whoever asks, and the server goes
/// on with what it has. Statements that are not kept are never refused, however many plans they leave.
#[tokio::test]
async fn prepared_statements() -> Result<()> {
    let options = Options::default().set("prepared_statement_limit", "512kB").set("plan_cache_limit", "1MB");
    let server = Server::start(Kind::RustyDb, options).await?;
    let (one, two) = (server.target().connect().await?, server.target().connect().await?);
    let mut kept = 0;
    let refused = loop {
        assert!(kept < 1000, "no bound");
        let list = (0..50).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
        match one.batch_execute(&format!("PREPARE p{kept} AS SELECT {list}")).await {
            Ok(_) => kept += 1,
            Err(e) => break e,
        }
    };
    assert!(kept > 10, "refused after {kept}");
    assert_eq!(said(&refused).code(), &SqlState::CONFIGURATION_LIMIT_EXCEEDED);
    // Another session's are counted, too; what is not kept is not refused.
    let text = format!("PREPARE mine AS SELECT {}", vec!["1"; 100].join(", "));
    assert!(query::execute(&two, &text).await.is_err());
    for n in 0..2000 {
        assert_eq!(query::value(&two, &format!("SELECT {n} + 1")).await?, (n + 1).to_string());
    }
    assert!(query::value(&one, "EXECUTE p0").await?.starts_with('0'));
    query::execute(&one, "DEALLOCATE ALL").await?;
    query::execute(&two, &text).await?;
    Ok(())
}
