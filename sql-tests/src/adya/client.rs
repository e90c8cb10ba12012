//! One session: random transactions, each noted before it is sent and when it is answered.

use super::Shared;
use crate::error::{Error, Result};
use crate::server::Target;
use adya::Workload;
use adya::history::{Mop, OpType, ReadValue};
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, SimpleQueryMessage};

/// How long a killed server may be away.
const PATIENCE: Duration = Duration::from_secs(120);

/// A step before it is done.
#[derive(Clone, Copy)]
enum Step {
    Read(i64),
    Write(i64, i64),
}

/// How a transaction ended.
enum End {
    Committed(Vec<Option<String>>),
    RolledBack,
    /// The connection was lost before COMMIT was sent.
    LostBefore,
    /// It was lost with COMMIT on its way.
    LostAfter,
}

/// Runs transactions until none are left to begin.
pub(super) async fn session(shared: &Shared, target: &Target, mut rng: StdRng) -> Result<()> {
    let mut client = connect(target).await?;
    let mut process = shared.next_process.fetch_add(1, Ordering::Relaxed);
    while shared.left.fetch_sub(1, Ordering::Relaxed) > 0 {
        let steps = plan(shared, &mut rng);
        shared.note(process, OpType::Invoke, mops(shared, &steps, None)?)?;
        let whole = rng.random_ratio(1, 2);
        let end = match whole {
            true => at_once(shared, &client, &steps).await?,
            false => step_by_step(shared, &client, &steps).await?,
        };
        let (kind, lost) = match &end {
            End::Committed(_) => (OpType::Ok, false),
            End::RolledBack => (OpType::Fail, false),
            End::LostBefore => (OpType::Fail, true),
            End::LostAfter => (OpType::Info, true),
        };
        let found = match &end {
            End::Committed(found) => Some(found.as_slice()),
            _ => None,
        };
        shared.note(process, kind, mops(shared, &steps, found)?)?;
        if lost {
            client = connect(target).await?;
            // Whoever's fate is unknown never speaks again.
            process = shared.next_process.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

async fn connect(target: &Target) -> Result<Client> {
    let began = Instant::now();
    loop {
        match target.connect().await {
            Ok(client) => return Ok(client),
            Err(e) if began.elapsed() > PATIENCE => return Err(e),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn plan(shared: &Shared, rng: &mut StdRng) -> Vec<Step> {
    let n = rng.random_range(1..=4);
    let mut steps: Vec<Step> = (0..n)
        .map(|_| {
            let key = shared.key(rng);
            if rng.random_ratio(1, 2) {
                return Step::Read(key);
            }
            shared.writes.fetch_add(1, Ordering::Relaxed);
            Step::Write(key, shared.next_value.fetch_add(1, Ordering::Relaxed))
        })
        .collect();
    // Often one reads what one writes, and what one reads next to it: skews need that.
    if rng.random_ratio(1, 3) {
        let (a, b) = (shared.key(rng), shared.key(rng));
        shared.writes.fetch_add(1, Ordering::Relaxed);
        steps = vec![Step::Read(a), Step::Read(b), Step::Write(a, shared.next_value.fetch_add(1, Ordering::Relaxed))];
    }
    steps
}

/// The steps in the checker's terms, with what the reads found once that is known.
fn mops(shared: &Shared, steps: &[Step], found: Option<&[Option<String>]>) -> Result<Vec<Mop>> {
    let mut reads = found.unwrap_or_default().iter();
    let mut out = Vec::with_capacity(steps.len());
    for step in steps {
        out.push(match *step {
            Step::Write(key, value) => {
                let (key, value) = (shared.name(key)?, shared.name(value)?);
                match shared.workload {
                    Workload::ListAppend => Mop::Append { key, value },
                    Workload::RwRegister => Mop::Write { key, value },
                }
            }
            Step::Read(key) => {
                let value = match (found, shared.workload) {
                    (None, _) => ReadValue::Nil,
                    (Some(_), workload) => {
                        let text = reads.next().ok_or_else(|| Error::new("a read without an answer"))?;
                        seen(shared, workload, text.as_deref())?
                    }
                };
                Mop::Read { key: shared.name(key)?, value }
            }
        });
    }
    Ok(out)
}

fn seen(shared: &Shared, workload: Workload, text: Option<&str>) -> Result<ReadValue> {
    let number = |t: &str| {
        let n = t.parse().map_err(|_| Error::new(format!("read {t:?}, which nobody wrote")))?;
        shared.name(n)
    };
    Ok(match (workload, text) {
        (Workload::ListAppend, None) => ReadValue::List(Vec::new()),
        (Workload::ListAppend, Some(t)) => ReadValue::List(t.split(',').map(number).collect::<Result<_>>()?),
        (Workload::RwRegister, None) => ReadValue::Nil,
        (Workload::RwRegister, Some(t)) => ReadValue::Scalar(number(t)?),
    })
}

fn sql(workload: Workload, step: Step) -> String {
    match (workload, step) {
        (Workload::ListAppend, Step::Read(k)) => format!("SELECT v FROM adya_list WHERE k = {k}"),
        (Workload::ListAppend, Step::Write(k, v)) => format!(
            "INSERT INTO adya_list VALUES ({k}, '{v}') ON CONFLICT (k) DO UPDATE SET v = adya_list.v || ',' || excluded.v"
        ),
        (Workload::RwRegister, Step::Read(k)) => format!("SELECT v FROM adya_register WHERE k = {k}"),
        (Workload::RwRegister, Step::Write(k, v)) => {
            format!("INSERT INTO adya_register VALUES ({k}, {v}) ON CONFLICT (k) DO UPDATE SET v = excluded.v")
        }
    }
}

/// The answers to the reads among the steps, out of the messages of their statements.
fn answers(steps: &[Step], messages: &[SimpleQueryMessage]) -> Vec<Option<String>> {
    let mut out = Vec::new();
    let mut steps = steps.iter();
    let mut row = None;
    for message in messages {
        match message {
            SimpleQueryMessage::Row(r) => row = r.get(0).map(str::to_owned),
            SimpleQueryMessage::CommandComplete(_) => {
                // BEGIN and COMMIT are no steps and answer no rows; reads are told from them by their RowDescription.
                if let Some(Step::Read(_)) = steps.next() {
                    out.push(row.take());
                }
            }
            _ => {}
        }
    }
    out
}

/// An error of the server's, or the loss of the connection.
fn refused(e: &tokio_postgres::Error) -> Result<bool> {
    let Some(db) = e.as_db_error() else { return Ok(false) };
    // Serialization failures and deadlocks; a server that stops.
    match db.code().code() {
        "40001" | "40P01" => Ok(true),
        code if code.starts_with("57P") => Ok(false),
        code => Err(Error::new(format!("{code}: {}", db.message()))),
    }
}

/// The whole transaction in one message.
async fn at_once(shared: &Shared, client: &Client, steps: &[Step]) -> Result<End> {
    let body: Vec<String> = steps.iter().map(|s| sql(shared.workload, *s)).collect();
    let text = format!("BEGIN ISOLATION LEVEL {}; {}; COMMIT", shared.level.sql(), body.join("; "));
    match client.simple_query(&text).await {
        Ok(messages) => {
            // The first completion is BEGIN's.
            let begin = messages.iter().position(|m| matches!(m, SimpleQueryMessage::CommandComplete(_)));
            Ok(End::Committed(answers(steps, &messages[begin.map_or(0, |b| b + 1)..])))
        }
        Err(e) if refused(&e)? => {
            roll_back(client).await;
            Ok(End::RolledBack)
        }
        Err(_) => Ok(End::LostAfter),
    }
}

/// A message a statement, so that transactions interleave.
async fn step_by_step(shared: &Shared, client: &Client, steps: &[Step]) -> Result<End> {
    let mut found = Vec::new();
    let mut texts = vec![format!("BEGIN ISOLATION LEVEL {}", shared.level.sql())];
    texts.extend(steps.iter().map(|s| sql(shared.workload, *s)));
    for (i, text) in texts.iter().enumerate() {
        match client.simple_query(text).await {
            Ok(messages) if i > 0 => found.extend(answers(&steps[i - 1..i], &messages)),
            Ok(_) => {}
            Err(e) if refused(&e)? => {
                roll_back(client).await;
                return Ok(End::RolledBack);
            }
            Err(_) => return Ok(End::LostBefore),
        }
    }
    match client.simple_query("COMMIT").await {
        Ok(_) => Ok(End::Committed(found)),
        Err(e) if refused(&e)? => Ok(End::RolledBack),
        Err(_) => Ok(End::LostAfter),
    }
}

async fn roll_back(client: &Client) {
    // If the connection is lost the next transaction finds out.
    let _ = client.simple_query("ROLLBACK").await;
}
