//! The stock pgbench, in every mode, and the books it must leave balanced.
//!
//! tpcb-like adds a random amount to one account, one teller and one branch and writes it into the history, all in one
//! transaction; simple-update leaves tellers and branches alone. So after each run the account balances must have grown by
//! the sum of the history (which pgbench empties at a run's start), the tellers' and branches' by the same or by nothing,
//! and the history must have as many rows as pgbench counted transactions.

use crate::command::{self, Finished};
use crate::error::{Context, Error, Result};
use crate::server::{Target, postgres_bin};
use std::process::Command;
use std::time::Duration;

/// How the tables are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// pgbench generates the rows and sends them by COPY.
    Client,
    /// The server generates the rows by INSERT ... SELECT from generate_series.
    Server,
}

impl Init {
    fn steps(self) -> &'static str {
        match self {
            Self::Client => "dtgvpf",
            Self::Server => "dtGvpf",
        }
    }
}

/// One run's conditions.
#[derive(Debug, Clone)]
pub struct Run {
    /// tpcb-like, simple-update or select-only.
    pub script: String,
    /// simple, extended or prepared.
    pub protocol: String,
    /// Sessions.
    pub clients: u32,
    /// How long.
    pub seconds: u32,
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -M {} -c {} -T {}", self.script, self.protocol, self.clients, self.seconds)
    }
}

/// What pgbench reported.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Transactions per second without the time of connecting.
    pub tps: f64,
    /// Transactions that succeeded.
    pub transactions: u64,
    /// Mean latency in milliseconds.
    pub latency: f64,
}

/// Makes and fills the tables with foreign keys, and checks what is in them.
pub async fn init(target: &Target, scale: u32, how: Init) -> Result<Duration> {
    let mut command = Command::new(postgres_bin("pgbench")?);
    target.client_args(&mut command).args(["-i", "-q", "-I", how.steps(), "-s", &scale.to_string(), &target.dbname]);
    let limit = Duration::from_secs(300 + u64::from(scale) * 60);
    let done = command::run(&mut command, limit)?;
    clean(&done).context(|| format!("pgbench -i -I {} -s {scale}", how.steps()))?;
    let s = i64::from(scale);
    let want = Books { accounts: (100_000 * s, 0), tellers: (10 * s, 0), branches: (s, 0), history: (0, 0) };
    let got = Books::read(target).await?;
    (got == want).then_some(()).context(|| format!("after pgbench -i -s {scale}: expected {want:?}, found {got:?}"))?;
    Ok(done.elapsed)
}

/// Runs pgbench once and checks the books.
pub async fn run(target: &Target, run: &Run) -> Result<Report> {
    let before = Books::read(target).await?;
    let done = start(target, run, &[])?;
    let report = clean(&done).and_then(|()| parse(&done.stdout)).context(|| format!("pgbench {run}"))?;
    let after = Books::read(target).await?;
    check(run, &before, &after, &report).context(|| format!("pgbench {run}: {before:?}, then {after:?}"))?;
    Ok(report)
}

/// Runs pgbench once, only for its figures.
pub fn measure(target: &Target, run: &Run) -> Result<Report> {
    let done = start(target, run, &["-n"])?;
    clean(&done).and_then(|()| parse(&done.stdout)).context(|| format!("pgbench {run}"))
}

fn start(target: &Target, run: &Run, more: &[&str]) -> Result<Finished> {
    let mut command = Command::new(postgres_bin("pgbench")?);
    let threads = run.clients.min(2).to_string();
    target
        .client_args(&mut command)
        .args(["-b", &run.script, "-M", &run.protocol, "-c", &run.clients.to_string(), "-j", &threads])
        .args(["-T", &run.seconds.to_string()])
        .args(more)
        .arg(&target.dbname);
    command::run(&mut command, Duration::from_secs(u64::from(run.seconds) + 120))
}

/// No failure and no word of one.
fn clean(done: &Finished) -> Result<()> {
    let complaint = done.stderr.lines().find(|l| {
        let l = l.to_ascii_lowercase();
        ["error", "fatal", "panic", "aborted", "warning"].iter().any(|w| l.contains(w))
    });
    match (done.success, complaint) {
        (true, None) => Ok(()),
        _ => Err(Error::new(format!("{}{}", done.stdout, done.stderr))),
    }
}

fn parse(stdout: &str) -> Result<Report> {
    let after = |label: &str| {
        let line = stdout.lines().find_map(|l| l.trim().strip_prefix(label));
        line.and_then(|l| l.split_whitespace().next()).context(|| format!("pgbench printed no \"{label}\":\n{stdout}"))
    };
    let failed: u64 = after("number of failed transactions:")?.parse()?;
    if failed > 0 {
        return Err(Error::new(format!("{failed} failed transactions:\n{stdout}")));
    }
    let transactions = after("number of transactions actually processed:")?;
    Ok(Report {
        tps: after("tps =")?.parse()?,
        transactions: transactions.split('/').next().unwrap_or_default().parse()?,
        latency: after("latency average =")?.parse()?,
    })
}

/// Rows and the sum of balances (or of amounts) of each table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Books {
    accounts: (i64, i64),
    tellers: (i64, i64),
    branches: (i64, i64),
    history: (i64, i64),
}

impl Books {
    async fn read(target: &Target) -> Result<Self> {
        let client = target.connect().await?;
        let mut found = [(0, 0); 4];
        let tables =
            [("accounts", "abalance"), ("tellers", "tbalance"), ("branches", "bbalance"), ("history", "delta")];
        for (slot, (table, column)) in found.iter_mut().zip(tables) {
            let sql = format!("SELECT count(*), coalesce(sum({column}), 0)::int8 FROM pgbench_{table}");
            let row = client.query_one(&sql, &[]).await.context(|| sql.clone())?;
            *slot = (row.try_get(0)?, row.try_get(1)?);
        }
        let [accounts, tellers, branches, history] = found;
        Ok(Self { accounts, tellers, branches, history })
    }
}

fn check(run: &Run, before: &Books, after: &Books, report: &Report) -> Result<()> {
    let grown = |b: (i64, i64), a: (i64, i64)| a.1 - b.1;
    let rows = |b: &Books| (b.accounts.0, b.tellers.0, b.branches.0);
    let must = |ok: bool, what: &str| ok.then_some(()).context(|| what.to_owned());
    must(rows(before) == rows(after), "rows appeared or went")?;
    must(report.transactions > 0, "no transactions")?;
    let history = match run.script.as_str() {
        "select-only" => 0,
        _ => {
            let counted = i64::try_from(report.transactions).unwrap_or(i64::MAX);
            must(after.history.0 == counted, "the history has not one row for each transaction")?;
            after.history.1
        }
    };
    let others = if run.script == "tpcb-like" { history } else { 0 };
    must(grown(before.accounts, after.accounts) == history, "accounts and history differ")?;
    must(grown(before.tellers, after.tellers) == others, "tellers and history differ")?;
    must(grown(before.branches, after.branches) == others, "branches and history differ")
}

/// Every combination of scripts, protocols and client counts.
pub fn matrix(scripts: &[String], protocols: &[String], clients: &[u32], seconds: u32) -> Vec<Run> {
    let mut out = Vec::new();
    for script in scripts {
        for protocol in protocols {
            for &clients in clients {
                out.push(Run { script: script.clone(), protocol: protocol.clone(), clients, seconds });
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let text = "number of transactions actually processed: 1200/1500\nnumber of failed transactions: 0 (0.000%)\nlatency average = 0.5 ms\ntps = 2000.250000 (without initial connection time)\n";
        let r = parse(text).unwrap();
        assert_eq!((r.transactions, r.tps, r.latency), (1200, 2000.25, 0.5));
        assert!(parse(&text.replace(": 0 (", ": 3 (")).is_err());
    }
}
