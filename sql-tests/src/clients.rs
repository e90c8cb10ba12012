//! One smoke program per client library: connect, prepared statements, binary formats, COPY, an error's fields, cancel.
//! Four are written in their own languages (`sql-tests/clients`); tokio-postgres's is here.

use crate::command;
use crate::debpkg::{copy_in, copy_out};
use crate::error::{Context, Error, Result};
use crate::server::Target;
use crate::{suites, tpch};
use futures::{TryStreamExt, pin_mut};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

const LIMIT: Duration = Duration::from_secs(180);

/// The libraries whose programs are run in a process of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// psycopg 3.
    Psycopg,
    /// asyncpg.
    Asyncpg,
    /// node-postgres.
    NodePostgres,
    /// pgjdbc.
    Pgjdbc,
}

/// All of them.
pub const LIBRARIES: [Library; 4] = [Library::Psycopg, Library::Asyncpg, Library::NodePostgres, Library::Pgjdbc];

/// Runs a library's program; its last lines are the error when it fails.
pub fn run(library: Library, target: &Target) -> Result<()> {
    let scripts = suites::workspace_root().join("sql-tests/clients");
    let python = tpch::tools().join("venv/bin/python");
    let mut command = match library {
        Library::Psycopg | Library::Asyncpg => Command::new(&python),
        Library::NodePostgres => Command::new("node"),
        Library::Pgjdbc => Command::new("java"),
    };
    match library {
        Library::Psycopg => command.arg(scripts.join("python/psycopg_smoke.py")),
        Library::Asyncpg => command.arg(scripts.join("python/asyncpg_smoke.py")),
        Library::NodePostgres => {
            command.env("NODE_PATH", tpch::tools().join("node/node_modules")).arg(scripts.join("node/smoke.js"))
        }
        Library::Pgjdbc => command.args(["-cp", "/usr/share/java/postgresql.jar"]).arg(scripts.join("java/Smoke.java")),
    };
    command.args([target.host.clone(), target.port.to_string()]);
    command::succeed(&mut command, LIMIT)
        .map(drop)
        .context(|| format!("{library:?} (scripts/install-test-tools installs the libraries)"))
}

/// tokio-postgres.
pub async fn tokio_postgres(target: &Target) -> Result<()> {
    let client = target.connect().await?;
    client.batch_execute("DROP TABLE IF EXISTS rust_smoke, rust_copy").await?;
    client
        .batch_execute(
            "CREATE TABLE rust_smoke (id integer PRIMARY KEY, big bigint, ratio double precision, ok boolean, \
             name text NOT NULL, raw bytea, at timestamptz, words text[], \
             CONSTRAINT rust_smoke_ratio_check CHECK (ratio >= 0))",
        )
        .await?;
    values(&client).await?;
    copies(&client).await?;
    errors(&client).await?;
    cancel(&client).await?;
    client.batch_execute("DROP TABLE rust_smoke, rust_copy").await?;
    Ok(())
}

fn check<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Result<()> {
    (got == want).then_some(()).context(|| format!("tokio-postgres: {what}: got {got:?}, want {want:?}"))
}

async fn values(client: &Client) -> Result<()> {
    let insert = client.prepare("INSERT INTO rust_smoke VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id").await?;
    let want = [Type::INT4, Type::INT8, Type::FLOAT8, Type::BOOL, Type::TEXT, Type::BYTEA, Type::TIMESTAMPTZ];
    check("described parameters", &insert.params()[..7], &want[..])?;
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_709_209_801_250_000);
    let words = vec![Some("a"), Some("b\"c"), None, Some("NULL"), Some("")];
    let raw: &[u8] = &[0, 255, 16];
    for id in 1..=100_i32 {
        let row = client
            .query_one(&insert, &[&id, &(1_i64 << 62), &0.1_f64, &true, &"naïve ‘text’", &raw, &at, &words])
            .await?;
        check("RETURNING", row.try_get::<_, i32>(0)?, id)?;
    }
    let row = client.query_one("SELECT * FROM rust_smoke WHERE id = $1", &[&77_i32]).await?;
    check("int8", row.try_get::<_, i64>(1)?, 1 << 62)?;
    check("float8", row.try_get::<_, f64>(2)?, 0.1)?;
    check("bool", row.try_get::<_, bool>(3)?, true)?;
    check("text", row.try_get::<_, &str>(4)?, "naïve ‘text’")?;
    check("bytea", row.try_get::<_, &[u8]>(5)?, raw)?;
    check("timestamptz", row.try_get::<_, SystemTime>(6)?, at)?;
    check("text[]", row.try_get::<_, Vec<Option<&str>>>(7)?, words)?;
    let ids: &[i32] = &[5, 7, 5000];
    let rows = client.query("SELECT id FROM rust_smoke WHERE id = ANY($1) ORDER BY id DESC", &[&ids]).await?;
    let got = rows.iter().map(|r| r.try_get::<_, i32>(0)).collect::<std::result::Result<Vec<_>, _>>()?;
    check("an array parameter", got, vec![7, 5])?;
    // Requests sent before the first answer has come.
    let sums = (0..50_i32).map(|n| async move {
        client.query_one("SELECT $1::int4 + 1", &[&n]).await.and_then(|r| r.try_get::<_, i32>(0))
    });
    let sums = futures::future::try_join_all(sums).await?;
    check("a pipeline", sums, (1..=50).collect())
}

async fn copies(client: &Client) -> Result<()> {
    client.batch_execute("CREATE TABLE rust_copy (id integer, name text)").await?;
    let text: String = (0..5000).map(|n| format!("{n}\trow\\t{n}\n")).collect();
    check("COPY in", copy_in(client, "COPY rust_copy FROM STDIN", text.as_bytes()).await?, 5000)?;
    let out = copy_out(client, "COPY (SELECT * FROM rust_copy ORDER BY id) TO STDOUT").await?;
    check("COPY out", String::from_utf8_lossy(&out).as_ref(), text.as_str())?;

    let sink = client.copy_in("COPY rust_copy FROM STDIN (FORMAT binary)").await?;
    let writer = BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT]);
    pin_mut!(writer);
    for n in 5000..6000_i32 {
        writer.as_mut().write(&[&n, &format!("binary {n}")]).await?;
    }
    check("COPY in, binary", writer.finish().await?, 1000)?;
    let stream = client.copy_out("COPY (SELECT * FROM rust_copy ORDER BY id DESC) TO STDOUT (FORMAT binary)").await?;
    let rows: Vec<_> = BinaryCopyOutStream::new(stream, &[Type::INT4, Type::TEXT]).try_collect().await?;
    check("COPY out, binary", rows.len(), 6000)?;
    let first = rows.first().context(|| "no rows".into())?;
    check("its first row", (first.try_get::<i32>(0)?, first.try_get::<&str>(1)?), (5999, "binary 5999"))
}

async fn failure(client: &Client, sql: &str) -> Result<DbError> {
    match client.batch_execute(sql).await {
        Ok(()) => Err(Error::new(format!("tokio-postgres: no error from {sql}"))),
        Err(e) => match e.as_db_error() {
            Some(db) => Ok(db.clone()),
            None => Err(e.into()),
        },
    }
}

async fn errors(client: &Client) -> Result<()> {
    let e = failure(client, "INSERT INTO rust_smoke (id, name) VALUES (1, 'again')").await?;
    check("unique violation", e.code(), &SqlState::UNIQUE_VIOLATION)?;
    let fields = (e.severity(), e.schema(), e.table(), e.constraint(), e.detail());
    let want =
        ("ERROR", Some("public"), Some("rust_smoke"), Some("rust_smoke_pkey"), Some("Key (id)=(1) already exists."));
    check("its fields", fields, want)?;
    let e = failure(client, "INSERT INTO rust_smoke (id, name, ratio) VALUES (1000, 'x', -1)").await?;
    check("check violation", (e.code().code(), e.constraint()), ("23514", Some("rust_smoke_ratio_check")))?;
    let e = failure(client, "SELECT 1 FROM rust_smoke WHERE nothing = 1").await?;
    check("position", (e.code().code(), e.position()), ("42703", Some(&ErrorPosition::Original(32))))?;
    client.batch_execute("BEGIN").await?;
    failure(client, "SELECT 1 / 0").await?;
    let e = failure(client, "SELECT 1").await?;
    check("a failed transaction", e.code(), &SqlState::IN_FAILED_SQL_TRANSACTION)?;
    client.batch_execute("ROLLBACK").await?;
    Ok(())
}

/// Cancels a sleeping statement and a computing one.
async fn cancel(client: &Client) -> Result<()> {
    for sql in
        ["SELECT pg_sleep(60)", "SELECT count(*) FROM generate_series(1, 200000) AS a, generate_series(1, 200000) AS b"]
    {
        let token = client.cancel_token();
        let began = Instant::now();
        let canceller = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            token.cancel_query(NoTls).await
        };
        let (failed, cancelled) = tokio::join!(failure(client, sql), canceller);
        cancelled?;
        check("cancel", failed?.code(), &SqlState::QUERY_CANCELED)?;
        check("cancelled in time", began.elapsed() < Duration::from_secs(30), true)?;
        let row = client.query_one("SELECT 1::int4", &[]).await?;
        check("the session goes on", row.try_get::<_, i32>(0)?, 1)?;
    }
    Ok(())
}
