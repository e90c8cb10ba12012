//! After a restart: the tables against what the workers were told.

use super::worker::{COPY_ROWS, State, deleted_by};
use super::{ACCOUNTS, worker};
use crate::error::{Context, Error, Result};
use crate::query;
use crate::server::Target;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// What a verification found besides no contradiction.
#[derive(Debug, Default, Clone, Copy)]
pub struct Found {
    /// Rows of the ledger and of the copies.
    pub rows: u64,
    /// Unanswered commits that happened.
    pub unanswered_found: u64,
    /// Unanswered commits that did not.
    pub unanswered_lost: u64,
}

/// Checks everything; then the states count what was found.
pub async fn check(target: &Target, workers: u32, states: &mut [State]) -> Result<Found> {
    let client = target.connect().await?;
    let mut found = Found::default();
    ledger(&client, workers, states, &mut found).await?;
    copies(&client, workers, states, &mut found).await?;
    balances(&client).await?;
    // Where plans can be steered, every access path answers; elsewhere the shape of the statement chooses it.
    for (scans, indexes) in [("on", "off"), ("off", "on")] {
        for (setting, on) in [
            ("enable_seqscan", scans),
            ("enable_indexscan", indexes),
            ("enable_indexonlyscan", indexes),
            ("enable_bitmapscan", indexes),
        ] {
            // A server that has no such setting plans as it likes.
            let _ = client.batch_execute(&format!("SET {setting} = {on}")).await;
        }
        indexes_agree(&client).await.context(|| format!("with enable_seqscan = {scans}"))?;
    }
    pgbench_books(&client).await?;
    Ok(found)
}

/// `(worker, number) -> (rows, sum)`.
type Groups = BTreeMap<(i32, i64), (i64, i64)>;

async fn groups(client: &Client, sql: &str) -> Result<Groups> {
    let mut out = Groups::new();
    for row in client.query(sql, &[]).await.context(|| sql.to_owned())? {
        out.insert((row.try_get(0)?, row.try_get(1)?), (row.try_get(2)?, row.try_get(3)?));
    }
    Ok(out)
}

/// Settles whether the unanswered commit happened, by looking for its rows.
fn settle(id: i32, state: &mut State, groups: &Groups, found: &mut Found) {
    if std::mem::take(&mut state.unanswered) {
        if groups.contains_key(&(id, state.acknowledged + 1)) {
            state.acknowledged += 1;
            found.unanswered_found += 1;
        } else {
            found.unanswered_lost += 1;
        }
    }
}

fn same(what: &str, want: &Groups, got: &Groups) -> Result<()> {
    if want == got {
        return Ok(());
    }
    let lost: Vec<_> = want.iter().filter(|(k, v)| got.get(k) != Some(v)).take(5).collect();
    let extra: Vec<_> = got.iter().filter(|(k, v)| want.get(k) != Some(v)).take(5).collect();
    Err(Error::new(format!(
        "{what} ((worker, number), (rows, sum)): {} expected, {} found; missing or different: {lost:?}; not expected: {extra:?}",
        want.len(),
        got.len()
    )))
}

async fn ledger(client: &Client, workers: u32, states: &mut [State], found: &mut Found) -> Result<()> {
    let sql = "SELECT worker, seq, count(*), sum(amount)::int8 FROM crash_ledger GROUP BY worker, seq";
    let got = groups(client, sql).await?;
    found.rows += got.values().map(|(rows, _)| rows.unsigned_abs()).sum::<u64>();
    let mut want = Groups::new();
    for (id, state) in (0..).zip(states.iter_mut().take(workers as usize)) {
        settle(id, state, &got, found);
        let kept = |seq: &i64| seq % 5 != 0 || seq + worker::DELETES_BACK > state.acknowledged;
        // Three rows whose amounts cancel out.
        want.extend((1..=state.acknowledged).filter(kept).map(|seq| ((id, seq), (3, 0))));
        debug_assert!((1..=state.acknowledged).filter_map(deleted_by).all(|seq| !kept(&seq)), "both rules agree");
    }
    same("the ledger's transactions", &want, &got)
}

async fn copies(client: &Client, workers: u32, states: &mut [State], found: &mut Found) -> Result<()> {
    let sql = "SELECT worker, batch, count(*), sum(n)::int8 FROM crash_copy GROUP BY worker, batch";
    let got = groups(client, sql).await?;
    found.rows += got.values().map(|(rows, _)| rows.unsigned_abs()).sum::<u64>();
    let mut want = Groups::new();
    let (rows, sum) = (i64::from(COPY_ROWS), i64::from(COPY_ROWS) * i64::from(COPY_ROWS - 1) / 2);
    for (id, state) in (0..).zip(states.iter_mut()).skip(workers as usize) {
        settle(id, state, &got, found);
        want.extend((1..=state.acknowledged).map(|batch| ((id, batch), (rows, sum))));
    }
    same("the copied batches", &want, &got)
}

async fn balances(client: &Client) -> Result<()> {
    let sums = "SELECT account, sum(amount)::int8 FROM crash_ledger GROUP BY account";
    let mut by_account = BTreeMap::new();
    for row in client.query(sums, &[]).await.context(|| sums.to_owned())? {
        by_account.insert(row.try_get::<_, i32>(0)?, row.try_get::<_, i64>(1)?);
    }
    let rows = client.query("SELECT id, total FROM crash_balance ORDER BY id", &[]).await?;
    (rows.len() == ACCOUNTS as usize).then_some(()).context(|| format!("{} balances", rows.len()))?;
    for row in rows {
        let (id, total): (i32, i64) = (row.try_get(0)?, row.try_get(1)?);
        let sum = by_account.get(&id).copied().unwrap_or(0);
        (sum == total).then_some(()).context(|| format!("account {id} has {total}, its ledger {sum}"))?;
    }
    Ok(())
}

/// The primary key, read in its order, against aggregates over all rows; the secondary index, account by account, against
/// groups; single keys.
async fn indexes_agree(client: &Client) -> Result<()> {
    let totals = "SELECT count(*), coalesce(sum(worker * 1000003 + seq * 31 + part), 0)::int8 FROM crash_ledger";
    let row = client.query_one(totals, &[]).await.context(|| totals.to_owned())?;
    let want: (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let ordered = "SELECT worker, seq, part FROM crash_ledger ORDER BY worker, seq, part";
    let (mut rows, mut sum, mut last) = (0, 0, None);
    let mut keys = Vec::new();
    for row in client.query(ordered, &[]).await.context(|| ordered.to_owned())? {
        let key: (i32, i64, i32) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        (last < Some(key)).then_some(()).context(|| format!("{key:?} comes after {last:?}"))?;
        (rows, sum, last) = (rows + 1, sum + i64::from(key.0) * 1_000_003 + key.1 * 31 + i64::from(key.2), Some(key));
        if rows % 997 == 1 {
            keys.push(key);
        }
    }
    (want == (rows, sum)).then_some(()).context(|| format!("in key order {rows} rows ({sum}), in all {want:?}"))?;

    let groups =
        "SELECT account, count(*), sum(amount)::int8, max(amount) FROM crash_ledger GROUP BY account ORDER BY 1";
    let one = client
        .prepare("SELECT count(*), sum(amount)::int8, max(amount) FROM crash_ledger WHERE account = $1 AND amount > -1000000")
        .await?;
    for row in client.query(groups, &[]).await.context(|| groups.to_owned())? {
        let account: i32 = row.try_get(0)?;
        let want: (i64, i64, i64) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let row = client.query_one(&one, &[&account]).await?;
        let got: (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        (want == got).then_some(()).context(|| format!("account {account}: {want:?} by groups, {got:?} by its key"))?;
    }
    let point =
        client.prepare("SELECT count(*) FROM crash_ledger WHERE worker = $1 AND seq = $2 AND part = $3").await?;
    for (worker, seq, part) in keys {
        let n: i64 = client.query_one(&point, &[&worker, &seq, &part]).await?.try_get(0)?;
        (n == 1).then_some(()).context(|| format!("key ({worker}, {seq}, {part}) found {n} times"))?;
    }
    Ok(())
}

/// Each of pgbench's transactions adds the same amount in four tables.
async fn pgbench_books(client: &Client) -> Result<()> {
    let mut sums = Vec::new();
    for (table, column) in
        [("accounts", "abalance"), ("tellers", "tbalance"), ("branches", "bbalance"), ("history", "delta")]
    {
        sums.push(query::value(client, &format!("SELECT coalesce(sum({column}), 0) FROM pgbench_{table}")).await?);
    }
    sums.windows(2)
        .all(|w| w[0] == w[1])
        .then_some(())
        .context(|| format!("pgbench's sums of accounts, tellers, branches and history differ: {}", sums.join(", ")))
}
