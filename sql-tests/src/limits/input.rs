//! Statements too long or too deep, COPYs that break off, bytes that are no text.

use super::{Sizes, alive};
use crate::error::{Context, Error, Result};
use crate::query;
use crate::server::Target;
use crate::wire::Raw;
use std::time::Instant;
use tokio_postgres::Client;

/// A literal, and then a parameter, of many megabytes.
pub async fn long_literal(target: &Target, sizes: &Sizes) -> Result<String> {
    let client = target.connect().await?;
    let text = "x".repeat(sizes.literal);
    let began = Instant::now();
    let length = query::value(&client, &format!("SELECT length('{text}')")).await?;
    (length == sizes.literal.to_string()).then_some(()).context(|| format!("a literal of length {length}"))?;
    let literal = began.elapsed();
    let row = client.query_one("SELECT length($1), $1", &[&text]).await?;
    let (length, back): (i32, &str) = (row.try_get(0)?, row.try_get(1)?);
    (length.unsigned_abs() as usize == sizes.literal && back == text)
        .then_some(())
        .context(|| format!("a parameter of length {length}"))?;
    alive(target).await?;
    Ok(format!(
        "{} MiB as a literal in {} ms, there and back as a parameter in {} ms",
        sizes.literal >> 20,
        literal.as_millis(),
        (began.elapsed() - literal).as_millis()
    ))
}

/// Deeply nested statements of many shapes: each is answered or refused, and the session goes on.
pub async fn deep_nesting(target: &Target, sizes: &Sizes) -> Result<String> {
    let n = sizes.depth;
    let around = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
    let statements = [
        ("brackets", format!("SELECT {}", around("(", "1", ")"))),
        ("unclosed brackets", format!("SELECT {}", "(".repeat(n))),
        ("NOT", format!("SELECT {}true", "NOT ".repeat(n))),
        ("minus", format!("SELECT {}1", "- ".repeat(n))),
        ("a sum", format!("SELECT 1{}", " + 1".repeat(n))),
        ("AND", format!("SELECT true{}", " AND true".repeat(n))),
        ("functions", format!("SELECT {}", around("abs(", "1", ")"))),
        ("CASE", format!("SELECT {}", around("CASE WHEN true THEN ", "1", " END"))),
        ("subqueries", format!("SELECT {}", around("(SELECT ", "1", ")"))),
        ("derived tables", format!("{}SELECT 1{}", "SELECT * FROM (".repeat(n), ") AS t".repeat(n))),
        ("UNION", format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(n))),
        ("casts", format!("SELECT 1{}", "::int".repeat(n))),
        ("an array", format!("SELECT {}", around("ARRAY[", "1", "]"))),
        ("an array literal", format!("SELECT '{}'::int[]", around("{", "1", "}"))),
        ("json", format!("SELECT '{}'::json", around("[", "1", "]"))),
        ("IN", format!("SELECT 1 IN (1{})", ", 1".repeat(n))),
        ("columns", format!("SELECT 1{}", ", 1".repeat(n))),
        ("joins", format!("SELECT 1 FROM (VALUES (1)) AS t{}", " CROSS JOIN (VALUES (1)) AS t".repeat(n))),
        ("comments", format!("SELECT {} 1", around("/*", "", "*/"))),
    ];
    let (mut answered, mut refused) = (0, Vec::new());
    let client = target.connect().await?;
    for (name, sql) in statements {
        match client.simple_query(&sql).await {
            Ok(_) => answered += 1,
            Err(e) => match e.code() {
                Some(code) => refused.push(format!("{name} {}", code.code())),
                None => return Err(Error::new(format!("{name}, {n} deep, ended the session: {e}"))),
            },
        }
        query::value(&client, "SELECT 1").await.context(|| format!("after {name}"))?;
    }
    alive(target).await?;
    Ok(format!("{n} deep: {answered} answered, {} refused ({})", refused.len(), refused.join(", ")))
}

/// Statements whose bytes are no text, or name what there is not: the error has PostgreSQL's code.
pub async fn not_text(target: &Target) -> Result<String> {
    let mut raw = Raw::connect(target).await?;
    for (sql, code) in [
        (&b"SELECT '\xff'"[..], "22021"),
        (b"SELECT 'a\xc3'", "22021"),
        (b"SELECT '\xed\xa0\x80'", "22021"),
        (b"SELECT 1::no_such_type", "42704"),
        (b"SELECT no_such_function(1)", "42883"),
        (b"SELECT E'\\xff'", "22021"),
        (b"SELECT 'unterminated", "42601"),
        (b"SELECT $1", "42P02"),
    ] {
        raw.query(sql).await?;
        let (_, error) = raw.until_ready().await?;
        let error = error.unwrap_or_else(|| "no error".into());
        let shown = || format!("{}: {error} instead of {code}", String::from_utf8_lossy(sql));
        error.starts_with(code).then_some(()).context(shown)?;
    }
    alive(target).await?;
    Ok("bytes that are no text are refused".into())
}

/// COPYs that end in every wrong way leave no rows behind.
pub async fn broken_copy(target: &Target) -> Result<String> {
    let client = target.connect().await?;
    query::execute(&client, "DROP TABLE IF EXISTS broken_copy").await?;
    query::execute(&client, "CREATE TABLE broken_copy (id integer PRIMARY KEY, name text NOT NULL)").await?;
    let good: String = (0..20_000).map(|n| format!("{n}\trow {n}\n")).collect();
    let binary = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
    let cases: [(&str, &str, Vec<u8>, &str); 10] = [
        ("a value of the wrong type", "", b"x\ty\n".to_vec(), "22P02"),
        ("too few columns", "", b"30000\n".to_vec(), "22P04"),
        ("too many columns", "", b"30000\ta\tb\n".to_vec(), "22P04"),
        ("a duplicate key", "", b"7\tagain\n".to_vec(), "23505"),
        ("a NULL", "", b"30000\t\\N\n".to_vec(), "23502"),
        ("bytes that are no text", "", b"30000\t\xff\n".to_vec(), "22021"),
        ("a number out of range", "", b"3000000000\tx\n".to_vec(), "22003"),
        ("an open quote", "(FORMAT csv)", b"30000,\"open\n".to_vec(), "22P04"),
        ("a wrong signature", "(FORMAT binary)", b"no signature at all".to_vec(), "22P04"),
        ("a binary row cut off", "(FORMAT binary)", [&binary[..], b"\0\x02\0\0\0\x04\0"].concat(), "22P04"),
    ];
    for (name, options, bad, code) in cases {
        let mut raw = begin(target, options).await?;
        if options.is_empty() {
            raw.send(b'd', good.as_bytes()).await?;
        }
        raw.send(b'd', &bad).await?;
        raw.send(b'c', &[]).await?;
        let (_, error) = raw.until_ready().await?;
        let error = error.unwrap_or_else(|| "no error".into());
        error.starts_with(code).then_some(()).context(|| format!("{name}: {error} instead of {code}"))?;
        empty(&client, name).await?;
        // The session is in order again.
        raw.query(b"SELECT 1").await?;
        (raw.until_ready().await?.0 == 1).then_some(()).context(|| format!("the session after {name}"))?;
    }
    let mut raw = begin(target, "").await?;
    raw.send(b'd', good.as_bytes()).await?;
    raw.send(b'f', b"enough\0").await?;
    let (_, error) = raw.until_ready().await?;
    let error = error.unwrap_or_default();
    error.starts_with("57014").then_some(()).context(|| format!("CopyFail: {error}"))?;
    empty(&client, "CopyFail").await?;

    let mut raw = begin(target, "").await?;
    raw.send(b'd', good.as_bytes()).await?;
    drop(raw);
    empty(&client, "a connection cut in a COPY").await?;

    let mut raw = begin(target, "").await?;
    raw.send(b'd', good.as_bytes()).await?;
    raw.send(b'c', &[]).await?;
    let (_, error) = raw.until_ready().await?;
    error.map_or(Ok(()), |e| Err(Error::new(format!("a good COPY: {e}"))))?;
    let rows = query::value(&client, "SELECT count(*) FROM broken_copy").await?;
    (rows == "20000").then_some(()).context(|| format!("a good COPY brought {rows} rows"))?;
    query::execute(&client, "DROP TABLE broken_copy").await?;
    alive(target).await?;
    Ok("12 broken COPYs left no rows".into())
}

async fn begin(target: &Target, options: &str) -> Result<Raw> {
    let mut raw = Raw::connect(target).await?;
    raw.query(format!("COPY broken_copy FROM STDIN {options}").as_bytes()).await?;
    raw.until(b'G').await?;
    Ok(raw)
}

async fn empty(client: &Client, after: &str) -> Result<()> {
    let rows = query::value(client, "SELECT count(*) FROM broken_copy").await?;
    (rows == "0").then_some(()).context(|| format!("{rows} rows are visible after {after}"))
}
