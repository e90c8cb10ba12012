//! A database larger than the page pool, and rows that change so often that only reclaimed space keeps it small.

use super::{Sizes, alive, megabytes};
use crate::error::{Context, Result};
use crate::proc;
use crate::query;
use crate::server::{Kind, Server};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Instant;

/// Rows of which many times more than the pool holds; read in full, by key, changed, and read again.
pub async fn larger_than_pool(server: &Server, sizes: &Sizes) -> Result<String> {
    let target = server.target();
    let client = target.connect().await?;
    let rows = i64::try_from(sizes.table_bytes / 1000).unwrap_or(i64::MAX);
    query::execute(&client, "DROP TABLE IF EXISTS pool").await?;
    query::execute(&client, "CREATE TABLE pool (id bigint PRIMARY KEY, n bigint NOT NULL, filler text)").await?;
    let pid = target.own_pid()?;
    proc::reset_peak(pid)?;
    // Earlier statements may have left memory with the process, such as stacks that were once deep.
    let before = proc::peak_memory(pid)?;
    let began = Instant::now();
    let fill =
        format!("INSERT INTO pool SELECT i, i * 7 % 1000, repeat('f', 950) FROM generate_series(1, {rows}) AS i");
    query::execute(&client, &fill).await?;
    let filled = began.elapsed();
    let totals = "SELECT count(*), sum(id)::int8, sum(n)::int8, sum(length(filler))::int8 FROM pool";
    let check = async |what: &str, extra: i64| -> Result<()> {
        let row = client.query_one(totals, &[]).await.context(|| totals.to_owned())?;
        let got: [i64; 4] = [row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?];
        let n: i64 = (1..=rows).map(|i| i * 7 % 1000).sum();
        let want = [rows, rows * (rows + 1) / 2, n + extra, rows * 950];
        (got == want).then_some(()).context(|| format!("{what}: {got:?} instead of {want:?}"))
    };
    check("after filling", 0).await?;
    let mut random = StdRng::seed_from_u64(1);
    let point = client.prepare("SELECT n, filler FROM pool WHERE id = $1").await?;
    let update = client.prepare("UPDATE pool SET n = n + 1 WHERE id = $1").await?;
    let touched = 2000;
    for _ in 0..touched {
        let id = random.random_range(1..=rows);
        let row = client.query_one(&point, &[&id]).await?;
        let (n, filler): (i64, &str) = (row.try_get(0)?, row.try_get(1)?);
        (n >= id * 7 % 1000 && filler.len() == 950).then_some(()).context(|| format!("row {id}: {n}"))?;
        (client.execute(&update, &[&id]).await? == 1).then_some(()).context(|| format!("no row {id} to update"))?;
    }
    check("after single updates", touched).await?;
    let changed = client.execute("UPDATE pool SET n = n + 1 WHERE id % 10 = 3", &[]).await?;
    check("after an update of a tenth", touched + i64::try_from(changed).unwrap_or(0)).await?;
    let grown = proc::peak_memory(pid)?.saturating_sub(before);
    query::execute(&client, "DROP TABLE pool").await?;
    alive(target).await?;
    let figures = format!(
        "{:.0} MiB of rows filled in {:.1} s; the main process's memory grew by up to {:.0} MiB",
        megabytes(sizes.table_bytes),
        filled.as_secs_f64(),
        megabytes(grown)
    );
    (target.kind == Kind::Postgres || grown < sizes.pool_growth_bytes).then_some(figures.clone()).context(|| figures)
}

/// The same few rows updated again and again: what is on disk stays small.
pub async fn churn(server: &Server, sizes: &Sizes) -> Result<String> {
    let target = server.target();
    let client = target.connect().await?;
    query::execute(&client, "DROP TABLE IF EXISTS churn").await?;
    query::execute(&client, "CREATE TABLE churn (id integer PRIMARY KEY, n bigint NOT NULL, filler text)").await?;
    query::execute(&client, "INSERT INTO churn SELECT i, 0, repeat('c', 100) FROM generate_series(1, 1000) AS i")
        .await?;
    let update = client.prepare("UPDATE churn SET n = n + 1, filler = repeat('c', 100 + (n % 50)::int)").await?;
    let rounds = sizes.updates / 1000;
    let (began, mut early) = (Instant::now(), 0);
    for round in 0..rounds {
        client.execute(&update, &[]).await?;
        if round == rounds / 10 {
            early = server.data_size()?;
        }
    }
    let took = began.elapsed();
    let late = server.data_size()?;
    let sum = query::value(&client, "SELECT sum(n) FROM churn").await?;
    (sum == (rounds * 1000).to_string())
        .then_some(())
        .context(|| format!("{sum} updates in {rounds} rounds of 1000"))?;
    query::execute(&client, "DROP TABLE churn").await?;
    let figures = format!(
        "{} updates of 1000 rows in {:.1} s: {:.1} MiB of data (without the log) after a tenth, {:.1} MiB in the end",
        rounds * 1000,
        took.as_secs_f64(),
        megabytes(early),
        megabytes(late)
    );
    (late < early + early / 2 + sizes.churn_bytes).then_some(figures.clone()).context(|| figures)
}
