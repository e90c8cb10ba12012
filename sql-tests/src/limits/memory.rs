//! Memory of idle sessions, of clients that do not read, and of large results.

use super::{Sizes, alive, megabytes};
use crate::error::{Context, Result};
use crate::query;
use crate::server::{Kind, Target};
use crate::{proc, wire::Raw};
use std::time::{Duration, Instant};

/// Opens many sessions that do nothing; returns what one costs.
pub async fn idle_connections(target: &Target, sizes: &Sizes) -> Result<String> {
    let pid = target.own_pid()?;
    // One session has warmed up what all share.
    drop(Raw::connect(target).await?);
    let before = proc::memory(pid)?;
    let mut open = Vec::with_capacity(sizes.connections);
    for n in 0..sizes.connections {
        open.push(Raw::connect(target).await.context(|| format!("session {}", n + 1))?);
    }
    let grown = proc::memory(pid)?.saturating_sub(before);
    let each = grown / sizes.connections as u64;
    // They are still there: the first and the last answer.
    let last = open.len().saturating_sub(1);
    for at in [0, last] {
        let raw = open.get_mut(at).context(|| "no sessions were asked for".into())?;
        raw.query(b"SELECT 1").await?;
        raw.until_ready().await?;
    }
    drop(open);
    alive(target).await?;
    let allowed = target.kind == Kind::Postgres || each <= sizes.connection_bytes;
    let figures = format!("{} idle sessions cost {:.1} KiB each", sizes.connections, each as f64 / 1024.0);
    allowed.then_some(figures.clone()).context(|| figures)
}

/// A client asks for a large result and does not read it: memory stays bounded and other sessions go on.
pub async fn stalled_reader(target: &Target, sizes: &Sizes) -> Result<String> {
    let pid = target.own_pid()?;
    let before = proc::memory(pid)?;
    let mut stalled = Raw::connect(target).await?;
    stalled.query(b"SELECT i, repeat('x', 1000) FROM generate_series(1, 10000000) AS i").await?;
    // The result has begun, so that from here on the server has more to send than anybody takes.
    stalled.until(b'D').await?;
    let client = target.connect().await?;
    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut grown = 0;
    while began.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        query::value(&client, "SELECT count(*) FROM generate_series(1, 100) AS i").await?;
        slowest = slowest.max(asked.elapsed());
        grown = grown.max(proc::memory(pid)?.saturating_sub(before));
    }
    drop(stalled);
    alive(target).await?;
    let figures = format!(
        "beside a client that stopped reading: memory grew by {:.1} MiB, the slowest of other answers took {} ms",
        megabytes(grown),
        slowest.as_millis()
    );
    let fine = grown < sizes.streaming_bytes && slowest < Duration::from_secs(2);
    fine.then_some(figures.clone()).context(|| figures)
}

/// More statements that would compute for hours than the machine has processors: other sessions are served meanwhile, and
/// each of them ends when it is cancelled or (RustyDB only) its client goes away.
pub async fn long_statements(target: &Target) -> Result<String> {
    let client = target.connect().await?;
    query::execute(&client, "CREATE TABLE long AS SELECT i AS a, i % 5 AS b FROM generate_series(1, 20000) AS i")
        .await?;
    let statements = [
        "SELECT count(*) FROM long x, long y, long z WHERE x.a * y.a + z.a < 0",
        "SELECT count(*) FROM long x JOIN long y ON x.b = y.b JOIN long z ON y.b = z.b AND x.a + z.a < 0",
        "UPDATE long SET a = a WHERE (SELECT count(*) FROM long x, long y WHERE x.a + y.a + long.a < 0) > 0",
        "SELECT sum((SELECT count(*) FROM long x, long y WHERE x.a < y.a + long.a)) FROM long",
    ];
    let mut running = Vec::new();
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    for sql in statements.iter().cycle().take(processors + 3) {
        let mut raw = Raw::connect(target).await?;
        raw.query(sql.as_bytes()).await?;
        running.push(raw);
    }
    let count = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%FROM long %'
                 AND pid <> pg_backend_pid()";
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let asked = Instant::now();
        alive(target).await?;
        slowest = slowest.max(asked.elapsed());
    }
    let there: usize = query::value(&client, count).await?.parse()?;
    if there != running.len() {
        return Err(crate::Error::new(format!("{there} of {} long statements are running", running.len())));
    }
    // Half of them are cancelled, the clients of the others go away.
    let cancelled = match target.kind {
        Kind::Postgres => running.len(),
        Kind::RustyDb => running.len() / 2,
    };
    let limit = format!(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE
                         '%FROM long %' AND pid <> pg_backend_pid() ORDER BY backend_start LIMIT {cancelled}"
    );
    query::lines(&client, &limit).await?;
    for raw in running.iter_mut().take(cancelled) {
        let (_, error) = raw.until_ready().await?;
        if !error.as_ref().is_some_and(|e| e.contains("57014")) {
            return Err(crate::Error::new(format!("a cancelled statement ended with {error:?}")));
        }
    }
    drop(running);
    let began = Instant::now();
    while query::value(&client, count).await? != "0" {
        if began.elapsed() > Duration::from_secs(20) {
            return Err(crate::Error::new("a statement outlives its client"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    query::execute(&client, "DROP TABLE long").await?;
    let figures =
        format!("beside {} long statements the slowest new session took {} ms", processors + 3, slowest.as_millis());
    (slowest < Duration::from_secs(5)).then_some(figures.clone()).context(|| figures)
}

/// A table's rows, all sent by both protocols.
pub async fn large_result(target: &Target, sizes: &Sizes) -> Result<String> {
    let client = target.connect().await?;
    query::execute(&client, "DROP TABLE IF EXISTS large_result").await?;
    query::execute(&client, "CREATE TABLE large_result (id bigint PRIMARY KEY, name text, at timestamptz)").await?;
    let fill = format!(
        "INSERT INTO large_result SELECT i, 'row number ' || i, '2024-01-01 00:00:00+00'::timestamptz + i * interval '1 second' \
         FROM generate_series(1, {}) AS i",
        sizes.rows
    );
    query::execute(&client, &fill).await?;
    let sql = "SELECT * FROM large_result";
    // Once before, so that the page pool is as full as it gets.
    let count = query::value(&client, "SELECT count(*) FROM large_result").await?;
    (count == sizes.rows.to_string()).then_some(()).context(|| format!("{count} rows in the table"))?;
    let mut figures = Vec::new();
    for protocol in ["simple", "extended"] {
        let mut raw = Raw::connect(target).await?;
        raw.query(b"SELECT pg_backend_pid()").await?;
        let row = raw.until(b'D').await?;
        raw.until_ready().await?;
        // Of PostgreSQL only the one backend counts, whose memory includes the pages that it touched.
        let pid = match target.kind {
            Kind::Postgres => String::from_utf8_lossy(row.body.get(6..).unwrap_or_default()).parse()?,
            Kind::RustyDb => target.own_pid()?,
        };
        proc::reset_peak(pid)?;
        let before = proc::peak_memory(pid)?;
        let began = Instant::now();
        match protocol {
            "simple" => raw.query(sql.as_bytes()).await?,
            _ => raw.extended(sql).await?,
        }
        raw.until(b'D').await?;
        let first = began.elapsed();
        let (rows, error) = raw.until_ready().await?;
        let all = began.elapsed();
        error.map_or(Ok(()), |e| Err(crate::Error::new(e)))?;
        (rows + 1 == sizes.rows).then_some(()).context(|| format!("{protocol}: {} rows came", rows + 1))?;
        let grown = proc::peak_memory(pid)?.saturating_sub(before);
        let line = format!(
            "{protocol}: first row after {} ms, all after {:.1} s, memory grew by {:.1} MiB",
            first.as_millis(),
            all.as_secs_f64(),
            megabytes(grown)
        );
        let pool = if target.kind == Kind::Postgres { 128 << 20 } else { 0 };
        (grown <= sizes.streaming_bytes + pool).then_some(()).context(|| line.clone())?;
        figures.push(line);
    }
    query::execute(&client, "DROP TABLE large_result").await?;
    alive(target).await?;
    Ok(format!("{} rows, {}", sizes.rows, figures.join("; ")))
}
