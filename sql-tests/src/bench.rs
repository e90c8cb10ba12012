//! Two servers measured in turn: the same work on one, then on the other, again and again, and the medians compared. Both
//! have the same page pool and both are durable. CPU is that of all of a server's processes, from /proc.

use crate::error::{Context, Error, Result};
use crate::pgbench::{self, Run};
use crate::server::{Kind, Options, Server, Target};
use crate::{debpkg, proc, query, tpch};
use std::time::Instant;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who is compared with PostgreSQL; PostgreSQL itself shows how far equal servers differ.
    pub candidate: Kind,
    /// pgbench's scale.
    pub scale: u32,
    /// Seconds of a pgbench run.
    pub seconds: u32,
    /// Runs on each server, whose median counts.
    pub rounds: u32,
    /// Sessions of pgbench.
    pub clients: Vec<u32>,
    /// Whether pgbench comes by the Unix socket, as it does without options, instead of TCP.
    pub socket: bool,
    /// TPC-H's scale factor; none leaves it out.
    pub tpch: Option<String>,
    /// Page pool of both, such as 256MB.
    pub pool: String,
    /// Memory of a sort or join of both.
    pub work_mem: String,
}

/// One measure of both servers.
#[derive(Debug, Clone)]
pub struct Line {
    /// What was measured, with its unit.
    pub name: String,
    /// PostgreSQL's median.
    pub postgres: f64,
    /// The candidate's median.
    pub candidate: f64,
}

impl Line {
    fn of(name: String, samples: &[Vec<f64>; 2]) -> Self {
        Self { name, postgres: median(&samples[0]), candidate: median(&samples[1]) }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ratio = self.candidate / self.postgres;
        write!(f, "{:<44} {:>12.3} {:>12.3} {ratio:>8.2}", self.name, self.postgres, self.candidate)
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// Runs the plan; `report` gets each line as soon as it is known.
pub async fn run(plan: &Plan, report: impl Fn(&Line)) -> Result<()> {
    let options = Options::default().durable().set("shared_buffers", &plan.pool).set("work_mem", &plan.work_mem);
    // PostgreSQL's own advice for write loads: checkpoints by time rather than by a log of 1 GB.
    let options = |kind| match kind {
        Kind::Postgres => options.clone().set("max_wal_size", "8GB"),
        Kind::RustyDb => options.clone(),
    };
    let postgres = Server::start(Kind::Postgres, options(Kind::Postgres)).await?;
    let candidate = Server::start(plan.candidate, options(plan.candidate)).await?;
    let servers = [&postgres, &candidate];
    for server in servers {
        pgbench::init(server.target(), plan.scale, pgbench::Init::Client).await?;
    }
    for script in ["select-only", "tpcb-like"] {
        for &clients in &plan.clients {
            let run = Run { script: script.into(), protocol: "prepared".into(), clients, seconds: plan.seconds };
            transactions(plan, servers, &run, &report)?;
        }
    }
    copy(plan, servers, &report).await?;
    if let Some(scale) = &plan.tpch {
        analytics(plan, servers, scale, &report).await?;
    }
    Ok(())
}

fn transactions(plan: &Plan, servers: [&Server; 2], run: &Run, report: &impl Fn(&Line)) -> Result<()> {
    // The first run of each brings the pages and plans in.
    let warm = Run { seconds: 2, ..run.clone() };
    let (mut tps, mut cpu) = ([vec![], vec![]], [vec![], vec![]]);
    for round in 0..=plan.rounds {
        for (n, server) in servers.iter().enumerate() {
            let pid = server.target().own_pid()?;
            let before = proc::cpu(pid)?;
            let target = if plan.socket { server.socket_target() } else { server.target().clone() };
            let got = pgbench::measure(&target, if round == 0 { &warm } else { run })?;
            let used = proc::cpu(pid)?.saturating_sub(before);
            if round > 0 {
                tps[n].push(got.tps);
                cpu[n].push(used.as_secs_f64() * 1e6 / got.transactions.max(1) as f64);
            }
        }
    }
    report(&Line::of(format!("{} -c {}: transactions per second", run.script, run.clients), &tps));
    report(&Line::of(format!("{} -c {}: server CPU µs per transaction", run.script, run.clients), &cpu));
    Ok(())
}

/// COPY of pgbench_accounts, as pgbench itself fills it, into a table with its primary key.
async fn copy(plan: &Plan, servers: [&Server; 2], report: &impl Fn(&Line)) -> Result<()> {
    let rows = plan.scale * 100_000;
    let data: String = (1..=rows).map(|n| format!("{n}\t{}\t0\t{:84}\n", (n - 1) / 100_000 + 1, "")).collect();
    let (mut seconds, mut cpu) = ([vec![], vec![]], [vec![], vec![]]);
    for _ in 0..plan.rounds {
        for (n, server) in servers.iter().enumerate() {
            let pid = server.target().own_pid()?;
            let client = server.target().connect().await?;
            query::execute(&client, "DROP TABLE IF EXISTS copied").await?;
            let table = "CREATE TABLE copied (aid integer PRIMARY KEY, bid integer, abalance integer, filler char(84))";
            query::execute(&client, table).await?;
            let (before, began) = (proc::cpu(pid)?, Instant::now());
            let copied = debpkg::copy_in(&client, "COPY copied FROM STDIN", data.as_bytes()).await?;
            (copied == u64::from(rows)).then_some(()).context(|| format!("COPY brought {copied} rows"))?;
            seconds[n].push(f64::from(rows) / began.elapsed().as_secs_f64());
            // The session's process is still there, so its time is in the tree.
            cpu[n].push(proc::cpu(pid)?.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(rows));
        }
    }
    for server in servers {
        query::execute(&server.target().connect().await?, "DROP TABLE copied").await?;
    }
    report(&Line::of("COPY of pgbench_accounts: rows per second".into(), &seconds));
    report(&Line::of("COPY of pgbench_accounts: server CPU µs per row".into(), &cpu));
    Ok(())
}

async fn analytics(plan: &Plan, servers: [&Server; 2], scale: &str, report: &impl Fn(&Line)) -> Result<()> {
    let data = tpch::generate(scale)?;
    let mut load = [vec![], vec![]];
    for (n, server) in servers.iter().enumerate() {
        let (loading, keys) = tpch::load(server.target(), data.path(), tpch::Keys::AfterLoading)?;
        load[n].push((loading + keys).as_secs_f64());
    }
    report(&Line::of(format!("TPC-H {scale}: seconds to load"), &load));
    let mut totals = [0.0, 0.0];
    for q in tpch::queries()? {
        let mut seconds = [vec![], vec![]];
        let mut answers: [Vec<String>; 2] = [vec![], vec![]];
        for _ in 0..plan.rounds {
            for (n, server) in servers.iter().enumerate() {
                let target: &Target = server.target();
                let got = tpch::run(target, &q).await?;
                seconds[n].push(got.elapsed.as_secs_f64());
                answers[n] = got.rows;
            }
        }
        if let Some(difference) = query::difference(&answers[0], &answers[1]) {
            return Err(Error::new(format!("Q{}: {difference}", q.number)));
        }
        let line = Line::of(format!("TPC-H {scale} Q{}: seconds", q.number), &seconds);
        totals = [totals[0] + line.postgres, totals[1] + line.candidate];
        report(&line);
    }
    report(&Line::of(format!("TPC-H {scale}: seconds in total"), &totals.map(|t| vec![t])));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
