//! kill -9 at random moments, and the search for what was acknowledged.
//!
//! In each round [`worker`]s write through transactions of several rows, others COPY, the stock pgbench runs beside them,
//! and a side session asks for checkpoints; then the server is killed with all it started, restarted (sometimes killed once
//! more while it recovers), and [`verify`] compares the tables with what each worker was told.
//!
//! Invariants that a round checks:
//! - a transaction whose COMMIT was answered is there in full, unless a later acknowledged one deleted it;
//! - one whose COMMIT was sent but not answered is there in full or not at all;
//! - any other has left nothing: neither those that were interrupted nor those that rolled back;
//! - balances equal the sums of their ledger rows, and pgbench's books agree;
//! - what an index finds is what a scan finds.
//!
//! Left out: power failures. The files are as the operating system has them; lost and torn writes are for the simulator.

pub mod verify;
pub mod worker;

use crate::error::{Context, Error, Result};
use crate::pgbench;
use crate::query;
use crate::server::{Kind, Options, Server, postgres_bin};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use worker::{Ledger, State};

/// Accounts that the transactions move amounts between: few, so that they meet.
pub const ACCOUNTS: i32 = 50;
/// Rounds after which the tables are emptied, so that verification stays short.
const RESET_EVERY: u32 = 25;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who is killed.
    pub kind: Kind,
    /// How often.
    pub rounds: u32,
    /// Sessions with transactions.
    pub workers: u32,
    /// Sessions with COPY.
    pub copiers: u32,
    /// The longest time under load before a kill, in milliseconds.
    pub longest: u64,
    /// Fixes the choice of moments (not the interleaving of sessions).
    pub seed: u64,
    /// The server's settings.
    pub options: Options,
}

/// What happened in all.
#[derive(Debug, Default, Clone, Copy)]
pub struct Totals {
    /// Kills under load.
    pub kills: u32,
    /// Kills during recovery.
    pub recovery_kills: u32,
    /// Acknowledged transactions.
    pub acknowledged: u64,
    /// Acknowledged COPYs.
    pub copies: u64,
    /// Transactions whose COMMIT was not answered: those that were found.
    pub unanswered_found: u64,
    /// And those that were not.
    pub unanswered_lost: u64,
    /// The longest time from a start to the first accepted connection.
    pub slowest_recovery: Duration,
}

/// Runs the plan; `progress` gets a line per round. The first broken invariant is the error.
pub async fn run(plan: &Plan, progress: impl Fn(String)) -> Result<Totals> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut server = Server::start(plan.kind, plan.options.clone()).await?;
    let mut totals = Totals::default();
    pgbench::init(server.target(), 1, pgbench::Init::Client).await?;
    create_tables(&server).await?;
    let mut states = vec![State::default(); (plan.workers + plan.copiers) as usize];
    for round in 1..=plan.rounds {
        let delay = Duration::from_millis(random.random_range(20..=plan.longest.max(21)));
        let before = count(&states, plan.workers);
        let bench = Bench::start(&server)?;
        let load = Load::start(&server, plan, &states);
        tokio::time::sleep(delay).await;
        server.kill()?;
        totals.kills += 1;
        states = load.finish().await?;
        drop(bench);
        if random.random_range(0..4) == 0 {
            server.restart_and_kill(Duration::from_millis(random.random_range(0..300))).await?;
            totals.recovery_kills += 1;
        }
        let recovery = server.restart().await.context(|| format!("round {round}: the restart"))?;
        totals.slowest_recovery = totals.slowest_recovery.max(recovery);
        let found = verify::check(server.target(), plan.workers, &mut states)
            .await
            .context(|| format!("round {round} (killed after {delay:?})\n{}\n", server.log_tail()))?;
        totals.unanswered_found += found.unanswered_found;
        totals.unanswered_lost += found.unanswered_lost;
        let after = count(&states, plan.workers);
        totals.acknowledged += after.0 - before.0;
        totals.copies += after.1 - before.1;
        progress(format!(
            "round {round:>3}: killed after {:>5} ms, {:>6} transactions and {:>4} copies, back in {:>5} ms, {} rows",
            delay.as_millis(),
            after.0 - before.0,
            after.1 - before.1,
            recovery.as_millis(),
            found.rows
        ));
        if round % RESET_EVERY == 0 && round < plan.rounds {
            create_tables(&server).await?;
            states.fill(State::default());
        }
    }
    server.stop()?;
    Ok(totals)
}

fn count(states: &[State], workers: u32) -> (u64, u64) {
    let sum = |s: &[State]| s.iter().map(|s| s.acknowledged.unsigned_abs()).sum();
    let (workers, copiers) = states.split_at(workers as usize);
    (sum(workers), sum(copiers))
}

async fn create_tables(server: &Server) -> Result<()> {
    let client = server.target().connect().await?;
    for sql in [
        "DROP TABLE IF EXISTS crash_ledger, crash_balance, crash_copy",
        "CREATE TABLE crash_balance (id integer PRIMARY KEY, total bigint NOT NULL)",
        "CREATE TABLE crash_ledger (worker integer, seq bigint, part integer, account integer NOT NULL, \
         amount bigint NOT NULL, filler text, PRIMARY KEY (worker, seq, part))",
        "CREATE INDEX crash_ledger_account ON crash_ledger (account, amount)",
        "CREATE TABLE crash_copy (worker integer, batch bigint, n integer, filler text, PRIMARY KEY (worker, batch, n))",
    ] {
        query::execute(&client, sql).await?;
    }
    let values: Vec<String> = (1..=ACCOUNTS).map(|id| format!("({id}, 0)")).collect();
    query::execute(&client, &format!("INSERT INTO crash_balance VALUES {}", values.join(", "))).await
}

/// The sessions of a round.
struct Load {
    workers: Vec<tokio::task::JoinHandle<Result<State>>>,
    checkpointer: tokio::task::JoinHandle<()>,
}

impl Load {
    fn start(server: &Server, plan: &Plan, states: &[State]) -> Self {
        let mut workers = Vec::new();
        for (n, state) in states.iter().enumerate() {
            let (target, state) = (server.target().clone(), *state);
            let id = i32::try_from(n).unwrap_or(i32::MAX);
            workers.push(match n < plan.workers as usize {
                true => tokio::spawn(async move { Ledger::new(id).run(&target, state).await }),
                false => tokio::spawn(async move { worker::copy(id, &target, state).await }),
            });
        }
        let target = server.target().clone();
        let checkpointer = tokio::spawn(async move {
            let Ok(client) = target.connect().await else { return };
            while !client.is_closed() {
                // A server without the statement refuses it; the end of the server ends the loop.
                let _ = client.batch_execute("CHECKPOINT").await;
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        });
        Self { workers, checkpointer }
    }

    async fn finish(self) -> Result<Vec<State>> {
        self.checkpointer.abort();
        let mut states = Vec::new();
        for worker in self.workers {
            states.push(worker.await.map_err(|e| Error::new(format!("a worker failed: {e}")))??);
        }
        Ok(states)
    }
}

/// The stock pgbench, running until its server is gone.
struct Bench(Child);

impl Bench {
    fn start(server: &Server) -> Result<Self> {
        let mut command = Command::new(postgres_bin("pgbench")?);
        server.target().client_args(&mut command).args(["-n", "-c", "4", "-j", "2", "-M", "prepared", "-T", "600"]);
        command.arg(&server.target().dbname).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(command.spawn().context(|| "starting pgbench".into())?))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
