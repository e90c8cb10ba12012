//! Histories of concurrent transactions, judged by the `adya` checker.
//!
//! Sessions run random transactions over a few keys at one isolation level and note what they asked for and what they were
//! told; from that alone the checker infers who must have come before whom and looks for the cycles that the level forbids.
//! Two workloads: lists, to which transactions append (each read shows the whole order of a key's writes), and registers,
//! which they overwrite blindly. With `kills` the server is killed with kill -9 now and then and restarted; a transaction
//! whose COMMIT was not answered may have happened or not.
//!
//! A value is written once, and a key is retired after [`WRITES`] writes, so lists stay short.

mod client;

use crate::error::{Context, Error, Result};
use crate::query;
use crate::server::{Kind, Options, Server};
use adya::history::{History, Interner, Mop, Op, OpType, Scalar};
use adya::{Opts, Report, Valid, Workload};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keys in use at a time: few, so that transactions meet.
const KEYS: i64 = 12;
/// Writes after which a key gives way to a new one.
const WRITES: i64 = 48;

/// An isolation level and what the checker calls what it promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// READ COMMITTED.
    ReadCommitted,
    /// REPEATABLE READ, which is snapshot isolation.
    RepeatableRead,
    /// SERIALIZABLE.
    Serializable,
}

impl Level {
    /// All of them.
    pub const ALL: [Level; 3] = [Level::ReadCommitted, Level::RepeatableRead, Level::Serializable];

    /// As SQL says it.
    pub fn sql(self) -> &'static str {
        match self {
            Level::ReadCommitted => "READ COMMITTED",
            Level::RepeatableRead => "REPEATABLE READ",
            Level::Serializable => "SERIALIZABLE",
        }
    }

    /// The checker's name of what the level promises.
    pub fn model(self) -> &'static str {
        match self {
            Level::ReadCommitted => "read-committed",
            Level::RepeatableRead => "snapshot-isolation",
            Level::Serializable => "serializable",
        }
    }
}

impl std::str::FromStr for Level {
    type Err = Error;
    fn from_str(s: &str) -> Result<Self> {
        let all = Level::ALL.into_iter();
        all.clone().find(|l| l.sql().eq_ignore_ascii_case(&s.replace('-', " "))).context(|| {
            format!(
                "expected one of {}",
                all.map(|l| l.sql().to_lowercase().replace(' ', "-")).collect::<Vec<_>>().join(", ")
            )
        })
    }
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who is examined.
    pub kind: Kind,
    /// At which level.
    pub level: Level,
    /// Lists or registers.
    pub workload: Workload,
    /// Transactions to begin.
    pub transactions: u64,
    /// Sessions.
    pub sessions: u32,
    /// How often the server is killed.
    pub kills: u32,
    /// Fixes what the sessions ask for (not how they interleave).
    pub seed: u64,
    /// The server's settings.
    pub options: Options,
}

/// A history and how it came about.
#[derive(Debug)]
pub struct Run {
    /// What happened.
    pub history: History,
    /// The workload it belongs to.
    pub workload: Workload,
    /// Transactions committed, rolled back, and of unknown fate.
    pub ended: [u64; 3],
    /// Kills.
    pub kills: u32,
}

impl Run {
    /// Judges the history by a model of the checker's.
    pub fn judge(&self, model: &str) -> Report {
        let opts = Opts { models: vec![model.to_owned()], timeout: Duration::from_secs(120), ..Opts::default() };
        adya::check(&self.history, self.workload, &opts)
    }
}

/// Whether a report is free of anomalies; else the error names them, each with one example.
pub fn clean(report: &Report) -> Result<()> {
    if report.valid == Valid::True {
        return Ok(());
    }
    let examples: Vec<&str> =
        report.anomalies.values().filter_map(|a| a.first()).map(|a| a.explanation.as_str()).collect();
    Err(Error::new(format!("{:?}: {:?}\n{}", report.valid, report.anomaly_types, examples.join("\n"))))
}

/// What the sessions share.
struct Shared {
    level: Level,
    workload: Workload,
    /// Transactions still to begin.
    left: AtomicI64,
    next_value: AtomicI64,
    /// Writes so far, from which the keys in use follow.
    writes: AtomicI64,
    next_process: AtomicI64,
    ended: [AtomicU64; 3],
    record: Mutex<Record>,
}

/// The history in the making.
#[derive(Default)]
struct Record {
    ops: Vec<Op>,
    names: Interner,
}

impl Shared {
    fn note(&self, process: i64, kind: OpType, value: Vec<Mop>) -> Result<()> {
        match kind {
            OpType::Invoke => {}
            OpType::Ok => drop(self.ended[0].fetch_add(1, Ordering::Relaxed)),
            OpType::Fail => drop(self.ended[1].fetch_add(1, Ordering::Relaxed)),
            OpType::Info => drop(self.ended[2].fetch_add(1, Ordering::Relaxed)),
        }
        let mut record = self.record.lock().map_err(|_| Error::new("a session has panicked"))?;
        let index = record.ops.len() as u64;
        record.ops.push(Op { index, kind, process: Some(process), value, time: None });
        Ok(())
    }

    fn name(&self, n: i64) -> Result<u32> {
        let mut record = self.record.lock().map_err(|_| Error::new("a session has panicked"))?;
        Ok(record.names.intern(Scalar::Int(n)))
    }

    /// A key in use.
    fn key(&self, rng: &mut StdRng) -> i64 {
        let epoch = self.writes.load(Ordering::Relaxed) / WRITES;
        // The oldest key in use gives way to a new one every [`WRITES`] writes.
        epoch + rng.random_range(0..KEYS)
    }
}

/// Runs the plan.
pub async fn run(plan: &Plan) -> Result<Run> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut server = Server::start(plan.kind, plan.options.clone()).await?;
    let client = server.target().connect().await?;
    query::execute(&client, "CREATE TABLE adya_list (k bigint PRIMARY KEY, v text NOT NULL)").await?;
    query::execute(&client, "CREATE TABLE adya_register (k bigint PRIMARY KEY, v bigint NOT NULL)").await?;
    drop(client);
    let total = i64::try_from(plan.transactions).unwrap_or(i64::MAX);
    let shared = Arc::new(Shared {
        level: plan.level,
        workload: plan.workload,
        left: AtomicI64::new(total),
        next_value: AtomicI64::new(1),
        writes: AtomicI64::new(0),
        next_process: AtomicI64::new(0),
        ended: [const { AtomicU64::new(0) }; 3],
        record: Mutex::default(),
    });
    let sessions: Vec<_> = (0..plan.sessions)
        .map(|_| {
            let (shared, target) = (Arc::clone(&shared), server.target().clone());
            let rng = StdRng::seed_from_u64(random.random());
            tokio::spawn(async move { client::session(&shared, &target, rng).await })
        })
        .collect();
    let mut kills = 0;
    for n in 0..plan.kills {
        // Spread over the run, somewhere in its part each.
        let part = total / i64::from(plan.kills + 1);
        let at = total - part * i64::from(n) - part / 2 - random.random_range(0..part.max(1));
        while shared.left.load(Ordering::Relaxed) > at {
            if sessions.iter().all(tokio::task::JoinHandle::is_finished) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.kill()?;
        kills += 1;
        server.restart().await.context(|| format!("after kill {kills}"))?;
    }
    for session in sessions {
        session.await.map_err(|e| Error::new(format!("a session failed: {e}")))??;
    }
    server.stop()?;
    let ended = [0, 1, 2].map(|i: usize| shared.ended[i].load(Ordering::Relaxed));
    let shared = Arc::into_inner(shared).context(|| "a session goes on".into())?;
    let record = shared.record.into_inner().map_err(|_| Error::new("a session has panicked"))?;
    let history = History::from_ops(record.ops, record.names);
    Ok(Run { history, workload: plan.workload, ended, kills })
}
