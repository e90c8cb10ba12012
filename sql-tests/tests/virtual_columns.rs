//! Virtual generated columns, which PostgreSQL has from version 18 on. What can be read of one is what PostgreSQL 15 says of
//! the same column if it is stored (`virtual_columns.sql`); what is different about it is asserted here.

use rustydb_sql_tests::{Kind, Options, Result, Server, psql, query, suites};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

#[tokio::test(flavor = "multi_thread")]
async fn reads_like_a_stored_one() -> Result<()> {
    let judge = Server::start(Kind::Postgres, Options::default()).await?;
    let rustydb = Server::start(Kind::RustyDb, Options::default()).await?;
    let written = std::fs::read_to_string(suites::workspace_root().join("sql-tests/tests/virtual_columns.sql"))?;
    let dir = std::env::temp_dir().join(format!("rustydb-virtual-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let run = |server: &Server, kind: &str| -> Result<String> {
        let script = dir.join("virtual_columns.sql");
        std::fs::write(&script, written.replace("KIND", kind))?;
        Ok(psql::transcript(server.target(), &script)?.replace(kind, "KIND"))
    };
    // Words of one length, as psql shows where in a line an error is.
    let (want, got) = (run(&judge, "STORED ")?, run(&rustydb, "VIRTUAL")?);
    std::fs::remove_dir_all(&dir)?;
    let (want, got) = (lines(&want), lines(&got));
    for (n, (w, g)) in want.iter().zip(&got).enumerate() {
        assert_eq!(w, g, "line {n}, after {:?}", want[..n].iter().rev().take(3).collect::<Vec<_>>());
    }
    assert_eq!(want.len(), got.len());
    Ok(())
}

/// Lines but those that show refused rows, which do not show the values of virtual columns, and those of the statement that
/// psql shows for an error, which it cuts anywhere.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|l| !l.contains("Failing row contains") && !l.starts_with("LINE ")).collect()
}

/// Code and message of a statement's error, with its detail.
async fn refusal(client: &Client, sql: &str) -> (SqlState, String) {
    let e = client.batch_execute(sql).await.expect_err(sql);
    let Some(e) = e.as_db_error() else { panic!("{sql}: {e}") };
    let detail = e.detail().map(|d| format!(" / {d}")).unwrap_or_default();
    (e.code().clone(), format!("{}{detail}", e.message()))
}

#[tokio::test]
async fn is_virtual() -> Result<()> {
    let server = Server::start(Kind::RustyDb, Options::default()).await?;
    let client = server.target().connect().await?;
    // Neither word means VIRTUAL, and nothing is computed before it is read.
    client.batch_execute("CREATE TABLE t (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2), c int)").await?;
    client.batch_execute("INSERT INTO t VALUES (1), (2000000000)").await?;
    assert_eq!(refusal(&client, "SELECT * FROM t").await.0, SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
    assert_eq!(query::value(&client, "SELECT count(*) FROM t WHERE a > 1").await?, "1");
    client.batch_execute("DELETE FROM t WHERE a > 1").await?;
    let kind = "SELECT attgenerated FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b'";
    assert_eq!(query::value(&client, kind).await?, "v");
    let shown = "SELECT is_generated || ' ' || generation_expression FROM information_schema.columns \
                 WHERE table_name = 't' AND column_name = 'b'";
    assert_eq!(query::value(&client, shown).await?, "ALWAYS (a * 2)");
    // A new expression holds for all rows at once; the rows are not rewritten, nor for a new column.
    let file = "SELECT pg_relation_filenode('t')";
    let before = query::value(&client, file).await?;
    client
        .batch_execute("ALTER TABLE t ALTER b SET EXPRESSION AS (a * 3), ADD d int GENERATED ALWAYS AS (a + 1) VIRTUAL")
        .await?;
    assert_eq!(query::value(&client, "SELECT b + d FROM t").await?, "5");
    assert_eq!(query::value(&client, file).await?, before);
    let (code, said) = refusal(&client, "ALTER TABLE t ALTER b DROP EXPRESSION").await;
    assert_eq!(code, SqlState::FEATURE_NOT_SUPPORTED);
    assert_eq!(
        said,
        "ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns / \
         Column \"b\" of relation \"t\" is a virtual generated column."
    );
    // A refused row does not show what is not stored.
    client.batch_execute("ALTER TABLE t ADD CHECK (b < 50)").await?;
    let (_, said) = refusal(&client, "INSERT INTO t VALUES (30)").await;
    assert!(said.ends_with("Failing row contains (30, virtual, null, virtual)."), "{said}");
    assert!(refusal(&client, "ALTER TABLE t ALTER b SET EXPRESSION AS (a)").await.1.contains("check constraints"));
    client.batch_execute("CREATE TABLE n (a int, b int GENERATED ALWAYS AS (nullif(a, 0)) VIRTUAL NOT NULL)").await?;
    let (code, said) = refusal(&client, "INSERT INTO n VALUES (0)").await;
    assert_eq!(code, SqlState::NOT_NULL_VIOLATION);
    assert!(said.ends_with("Failing row contains (0, virtual)."), "{said}");
    client.batch_execute("INSERT INTO n VALUES (1)").await?;
    let (_, said) = refusal(&client, "ALTER TABLE n ALTER b SET EXPRESSION AS (nullif(a, 1))").await;
    assert_eq!(said, "column \"b\" of relation \"n\" contains null values");
    drop(client);
    drop(server);
    Ok(())
}

#[tokio::test]
async fn is_refused() -> Result<()> {
    let server = Server::start(Kind::RustyDb, Options::default()).await?;
    let client = server.target().connect().await?;
    client
        .batch_execute(
            "CREATE TABLE t (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2) VIRTUAL); \
             CREATE DOMAIN small AS int CHECK (VALUE < 10); CREATE TYPE pair AS (x int, y int); \
             CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'; \
             CREATE TABLE stored (a int, b int GENERATED ALWAYS AS (a) STORED)",
        )
        .await?;
    let refused = [
        ("CREATE INDEX ON t (b)", "indexes on virtual generated columns are not supported"),
        ("CREATE INDEX ON t ((b + 1))", "indexes on virtual generated columns are not supported"),
        ("CREATE INDEX ON t (a) WHERE b > 1", "indexes on virtual generated columns are not supported"),
        ("CREATE INDEX ON t (a) INCLUDE (b)", "indexes on virtual generated columns are not supported"),
        ("ALTER TABLE t ADD UNIQUE (b)", "unique constraints on virtual generated columns are not supported"),
        (
            "CREATE TABLE x (a int, b int GENERATED ALWAYS AS (a), PRIMARY KEY (a, b))",
            "primary keys on virtual generated columns are not supported",
        ),
        (
            "CREATE TABLE x (a int, b int GENERATED ALWAYS AS (a) REFERENCES t)",
            "foreign key constraints on virtual generated columns are not supported",
        ),
        ("CREATE STATISTICS x ON a, b FROM t", "statistics creation on virtual generated columns is not supported"),
        (
            "CREATE TABLE x (a int, b small GENERATED ALWAYS AS (a))",
            "virtual generated column \"b\" cannot have a domain type",
        ),
        ("ALTER TABLE t ALTER b TYPE small", "virtual generated column \"b\" cannot have a domain type"),
        (
            "CREATE TABLE x (a int, b pair GENERATED ALWAYS AS ((a, a)::pair))",
            "virtual generated column \"b\" cannot have a user-defined type / \
             Virtual generated columns that make use of user-defined types are not yet supported.",
        ),
        (
            "CREATE TABLE x (a int, b int GENERATED ALWAYS AS (twice(a)))",
            "generation expression uses user-defined function / \
             Virtual generated columns that make use of user-defined functions are not yet supported.",
        ),
        (
            "CREATE TABLE x (a small, b int GENERATED ALWAYS AS (greatest(a, a)))",
            "generation expression uses user-defined type / \
             Virtual generated columns that make use of user-defined types are not yet supported.",
        ),
        (
            "CREATE TABLE x (b int GENERATED ALWAYS AS (a) STORED) INHERITS (t)",
            "column \"b\" inherits from generated column of different kind / \
             Parent column is VIRTUAL, child column is STORED.",
        ),
        ("ALTER TABLE t ALTER a SET EXPRESSION AS (1)", "column \"a\" of relation \"t\" is not a generated column"),
    ];
    for (sql, want) in refused {
        assert_eq!(refusal(&client, sql).await.1, want, "{sql}");
    }
    // An expression of a child's own is what the child is read by; the parent reads all rows by its own.
    client
        .batch_execute(
            "CREATE TABLE c (b int GENERATED ALWAYS AS (a * 100) VIRTUAL) INHERITS (t); INSERT INTO c VALUES (1)",
        )
        .await?;
    assert_eq!(query::value(&client, "SELECT b FROM t").await?, "2");
    assert_eq!(query::value(&client, "SELECT b FROM c").await?, "100");
    // The rows of a stored column are computed anew.
    client.batch_execute("INSERT INTO stored VALUES (4); ALTER TABLE stored ADD CHECK (b < 50)").await?;
    client.batch_execute("ALTER TABLE stored ALTER b SET EXPRESSION AS (a * 10)").await?;
    assert_eq!(query::value(&client, "SELECT b FROM stored").await?, "40");
    let (_, said) = refusal(&client, "ALTER TABLE stored ALTER b SET EXPRESSION AS (a * 20)").await;
    assert_eq!(said, "check constraint \"stored_b_check\" of relation \"stored\" is violated by some row");
    drop(client);
    drop(server);
    Ok(())
}
