//! The sessions of a round: each writes under its own number and remembers what it was told.

use super::ACCOUNTS;
use crate::error::{Error, Result, describe};
use crate::server::Target;
use bytes::Bytes;
use futures::{SinkExt, pin_mut};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Every fifth transaction also deletes the rows of the one this many before it.
pub const DELETES_BACK: i64 = 20;
/// Rows of one COPY.
pub const COPY_ROWS: i32 = 300;

/// What a worker knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Transactions 1 to this were acknowledged.
    pub acknowledged: i64,
    /// Whether the COMMIT of the next one was sent, and not answered.
    pub unanswered: bool,
}

/// The number of the transaction whose rows transaction `seq` deletes.
pub fn deleted_by(seq: i64) -> Option<i64> {
    (seq % 5 == 0 && seq > DELETES_BACK).then_some(seq - DELETES_BACK)
}

/// Whether an error means that the transaction did not happen and may be tried again.
fn may_retry(e: &tokio_postgres::Error) -> bool {
    [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].iter().any(|s| e.code() == Some(s))
}

/// Whether an error is the kill, seen from the client.
fn is_end(e: &tokio_postgres::Error) -> bool {
    match e.code() {
        None => true,
        Some(code) => code.code().starts_with("57P"),
    }
}

/// A worker that moves amounts between accounts and writes each move into a ledger.
#[derive(Debug)]
pub struct Ledger {
    id: i32,
    filler: String,
}

enum Step {
    Committed,
    Again,
    Ended { commit_sent: bool },
}

impl Ledger {
    /// Worker `id`.
    pub fn new(id: i32) -> Self {
        Self { id, filler: format!("worker {id} ").repeat(20) }
    }

    /// Works until the connection ends. An error the kill does not explain is an error here.
    pub async fn run(&self, target: &Target, mut state: State) -> Result<State> {
        state.unanswered = false;
        // The server may be killed before this session exists.
        let Ok(client) = target.connect().await else { return Ok(state) };
        loop {
            match self.transaction(&client, state.acknowledged + 1).await? {
                Step::Committed => state.acknowledged += 1,
                Step::Again => {}
                Step::Ended { commit_sent } => {
                    state.unanswered = commit_sent;
                    return Ok(state);
                }
            }
        }
    }

    async fn transaction(&self, client: &Client, seq: i64) -> Result<Step> {
        let mut commit_sent = false;
        match self.attempt(client, seq, &mut commit_sent).await {
            Ok(()) => Ok(Step::Committed),
            Err(e) if may_retry(&e) && !commit_sent => match client.batch_execute("ROLLBACK").await {
                Ok(()) => Ok(Step::Again),
                Err(e) if is_end(&e) => Ok(Step::Ended { commit_sent: false }),
                Err(e) => Err(self.unexpected(seq, &e)),
            },
            Err(e) if is_end(&e) => Ok(Step::Ended { commit_sent }),
            Err(e) => Err(self.unexpected(seq, &e)),
        }
    }

    fn unexpected(&self, seq: i64, e: &tokio_postgres::Error) -> Error {
        Error::new(format!("worker {}, transaction {seq}: {}", self.id, describe(e)))
    }

    async fn attempt(
        &self,
        client: &Client,
        seq: i64,
        commit_sent: &mut bool,
    ) -> std::result::Result<(), tokio_postgres::Error> {
        if seq % 7 == 3 {
            self.roll_back(client, seq).await?;
        }
        let mix = seq.wrapping_mul(7919).wrapping_add(i64::from(self.id) * 104_729);
        let account = |n: i64| i32::try_from(n.rem_euclid(i64::from(ACCOUNTS))).unwrap_or(0) + 1;
        let (from, to, amount) = (account(mix), account(mix / 50 + 1 + mix), mix.rem_euclid(1000));
        client.batch_execute("BEGIN").await?;
        for (part, account, amount) in [(0_i32, from, -amount), (1, to, amount), (2, from, 0)] {
            let sql = "INSERT INTO crash_ledger VALUES ($1, $2, $3, $4, $5, $6)";
            client.execute(sql, &[&self.id, &seq, &part, &account, &amount, &self.filler]).await?;
        }
        let mut moves = vec![(from, -amount), (to, amount)];
        if let Some(old) = deleted_by(seq) {
            let sql = "DELETE FROM crash_ledger WHERE worker = $1 AND seq = $2 RETURNING account, amount";
            for row in client.query(sql, &[&self.id, &old]).await? {
                moves.push((row.try_get(0)?, -row.try_get::<_, i64>(1)?));
            }
        }
        // In the order of accounts, so that deadlocks stay rare.
        moves.sort_unstable();
        for (account, amount) in moves {
            let sql = "UPDATE crash_balance SET total = total + $1 WHERE id = $2";
            client.execute(sql, &[&amount, &account]).await?;
        }
        *commit_sent = true;
        client.batch_execute("COMMIT").await
    }

    /// Writes that must never be seen: their numbers are negative.
    async fn roll_back(&self, client: &Client, seq: i64) -> std::result::Result<(), tokio_postgres::Error> {
        client.batch_execute("BEGIN").await?;
        for part in 0..5_i32 {
            let sql = "INSERT INTO crash_ledger VALUES ($1, $2, $3, 1, 1000000, $4)";
            client.execute(sql, &[&self.id, &-seq, &part, &self.filler]).await?;
        }
        let sql = "UPDATE crash_ledger SET amount = amount + 1000000 WHERE worker = $1 AND seq > $2";
        client.execute(sql, &[&self.id, &(seq - 10)]).await?;
        client.batch_execute("ROLLBACK").await
    }
}

/// A worker that sends batches by COPY; each is a transaction.
pub async fn copy(id: i32, target: &Target, mut state: State) -> Result<State> {
    state.unanswered = false;
    let Ok(client) = target.connect().await else { return Ok(state) };
    loop {
        let batch = state.acknowledged + 1;
        let rows: String = (0..COPY_ROWS).map(|n| format!("{id}\t{batch}\t{n}\t{}\n", "copied ".repeat(15))).collect();
        match send(&client, rows).await {
            Ok(()) => state.acknowledged = batch,
            Err(e) if is_end(&e) => {
                // CopyDone may have been sent: a COPY commits by itself.
                state.unanswered = true;
                return Ok(state);
            }
            Err(e) => return Err(Error::new(format!("copier {id}, batch {batch}: {}", describe(&e)))),
        }
    }
}

async fn send(client: &Client, rows: String) -> std::result::Result<(), tokio_postgres::Error> {
    let sink = client.copy_in("COPY crash_copy FROM STDIN").await?;
    pin_mut!(sink);
    sink.send(Bytes::from(rows)).await?;
    sink.finish().await.map(drop)
}
