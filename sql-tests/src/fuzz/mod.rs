//! The differential fuzzer: random valid statements on PostgreSQL and on RustyDB, whose rows and SQLSTATEs must agree.
//!
//! The idea: the judge's own catalog says which operators, functions, aggregates and casts exist among a set of types
//! ([`facts`]); expressions of every type are made of them ([`expr`], [`templates`]) and put into statements of every shape ([`stmt`],
//! `from`, `shapes`, `change`); `mixed` asks for the choice of types. A statement that differs is narrowed to the smallest of its expressions that differs alone, so that many
//! differences fall into few classes, named by what was called.
//!
//! Statements go to both servers at once and many in a row without waiting for answers; where a connection is lost, those of
//! the batch are asked again one by one.
//!
//! Where only one side fails while evaluating rows, both may be right: the order in which conditions and columns are computed
//! is not promised, so PostgreSQL's planner may meet an error that another plan does not. Such statements are counted apart
//! unless they read no table.
//!
//! Left out: statements that depend on time, chance or the session; definitions; concurrency.

mod change;
pub mod expr;
pub mod facts;
mod from;
mod mixed;
mod report;
mod shapes;
pub mod stmt;
pub mod templates;

pub use report::Report;

use crate::answers::{Answer, BATCH, Session, general, shown};
use crate::error::{Context, Result};
use crate::query::shortened;
use crate::server::Target;
use expr::{Expr, Gen};
use facts::Facts;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use stmt::Statement;

/// Errors of values whose classes are mostly those of statements, by a part of the message.
const OF_VALUES: &[(&str, &str)] = &[
    ("0A000", "cannot convert"),
    ("0A000", "cannot subtract"),
    ("0A000", "cannot add"),
    ("0A000", "searching for elements"),
    ("0A000", "removing elements"),
    ("0A000", "encoding conversion from"),
    ("0A000", "conversion between"),
    ("0A000", "not supported for"),
    ("0A000", "not supported with"),
    ("42601", "range bound flags"),
    ("42601", "cannot use \""),
    ("42601", "is incompatible with other formats"),
    ("42601", "must be"),
    ("42601", "invalid parameter list"),
    ("42601", "invalid Unicode"),
    ("42704", "encoding"),
    ("42704", "text search configuration"),
    ("42P22", "could not determine which collation"),
    ("42602", "invalid name syntax"),
    ("XX000", "typmod"),
    ("XX000", "memory alloc"),
    ("XX000", "unrecognized weight"),
    ("XX000", "expected "),
];
/// How often the rate is printed.
const PROGRESS: Duration = Duration::from_secs(15);

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Statements in all.
    pub statements: u64,
    /// Sessions at once.
    pub sessions: u64,
    /// Where the dice begin.
    pub seed: u64,
}

/// Makes the schema on both servers.
pub async fn prepare(targets: [&Target; 2]) -> Result<()> {
    for target in targets {
        let client = target.connect().await?;
        for sql in stmt::schema() {
            client.batch_execute(&sql).await.context(|| shortened(&sql))?;
        }
    }
    Ok(())
}

/// Runs the plan on the judge and the candidate.
pub async fn run(judge: &Target, candidate: &Target, plan: &Plan) -> Result<Report> {
    let facts = Arc::new(Facts::read(&judge.connect().await?).await?);
    let report = Arc::new(Mutex::new(Report::default()));
    let mut sessions = tokio::task::JoinSet::new();
    let began = Instant::now();
    for session in 0..plan.sessions {
        let (facts, report) = (Arc::clone(&facts), Arc::clone(&report));
        let (judge, candidate) = (judge.clone(), candidate.clone());
        let count = plan.statements / plan.sessions + u64::from(session < plan.statements % plan.sessions);
        let seed = plan.seed.wrapping_mul(1000).wrapping_add(session);
        sessions.spawn(async move { drive(&judge, &candidate, &facts, seed, count, &report).await });
    }
    loop {
        match tokio::time::timeout(PROGRESS, sessions.join_next()).await {
            Ok(None) => break,
            Ok(Some(done)) => done.map_err(|e| crate::Error::new(format!("a session panicked: {e}")))??,
            Err(_) => eprintln!("{}", locked(&report).progress(began.elapsed())),
        }
    }
    let mut report = locked(&report);
    report.seconds = began.elapsed().as_secs_f64();
    Ok(std::mem::take(&mut *report))
}

fn locked(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// How two answers relate.
enum Verdict {
    SameRows,
    SameError,
    /// Only one side met an error that depends on what is evaluated.
    Order,
    /// With what to call it.
    Differs(String),
}

fn judged(want: &Answer, got: &Answer, reads: bool) -> Verdict {
    // A class 22 or 21 error, or a resource that ran out, comes from values, as do some of other classes; the rest comes from
    // the statement.
    let of_values = |code: &str, message: &str| {
        ["22", "21", "23", "54"].iter().any(|class| code.starts_with(class))
            || OF_VALUES.iter().any(|(c, text)| *c == code && message.contains(text))
    };
    match (want, got) {
        (Answer::Rows(a), Answer::Rows(b)) if a == b => Verdict::SameRows,
        (Answer::Failed(a, _), Answer::Failed(b, _)) if a == b => Verdict::SameError,
        (Answer::Failed(a, _), _) if a == "57014" => Verdict::Order,
        (Answer::Rows(_), Answer::Failed(code, m)) if reads && of_values(code, m) => Verdict::Order,
        (Answer::Failed(code, m), Answer::Rows(_)) if reads && of_values(code, m) => Verdict::Order,
        (Answer::Failed(a, m), Answer::Failed(b, n)) if reads && of_values(a, m) && of_values(b, n) => Verdict::Order,
        (Answer::Rows(_), Answer::Rows(_)) => Verdict::Differs("rows".into()),
        (_, Answer::Failed(code, message)) => {
            let want = if let Answer::Failed(code, _) = want { code } else { "rows" };
            Verdict::Differs(format!("{want} <> {code} {}", general(message)))
        }
        (Answer::Failed(code, message), Answer::Rows(_)) => {
            Verdict::Differs(format!("{code} {} <> rows", general(message)))
        }
        (_, Answer::Lost(why)) => Verdict::Differs(format!("lost: {why}")),
        (Answer::Lost(why), _) => Verdict::Differs(format!("the judge: {why}")),
    }
}

async fn drive(
    judge: &Target,
    candidate: &Target,
    facts: &Facts,
    seed: u64,
    count: u64,
    report: &Mutex<Report>,
) -> Result<()> {
    let mut gen_ = Gen::new(facts, StdRng::seed_from_u64(seed));
    let (mut judge, mut candidate) = (Session::new(judge), Session::new(candidate));
    let mut left = count;
    while left > 0 {
        let batch: Vec<Statement> = (0..left.min(BATCH as u64)).map(|_| gen_.statement()).collect();
        left -= batch.len() as u64;
        let sent: Vec<(String, bool)> = batch.iter().map(|s| (s.sql.clone(), s.changes)).collect();
        let (want, got) = tokio::join!(judge.ask_all(&sent), candidate.ask_all(&sent));
        let mut answers = want.zip(got).map(|(want, got)| want.into_iter().zip(got));
        for s in &batch {
            let (want, got) = match answers.as_mut().and_then(Iterator::next) {
                Some(both) => both,
                None => tokio::join!(judge.ask(&s.sql, s.changes), candidate.ask(&s.sql, s.changes)),
            };
            looked_at(&mut judge, &mut candidate, s, &want, &got, report).await;
        }
    }
    Ok(())
}

/// Notes how two answers to a statement relate.
async fn looked_at(
    judge: &mut Session<'_>,
    candidate: &mut Session<'_>,
    s: &Statement,
    want: &Answer,
    got: &Answer,
    report: &Mutex<Report>,
) {
    locked(report).statements += 1;
    if matches!(got, Answer::Lost(_)) {
        locked(report).lost += 1;
    }
    let reads = s.kind != "constant" || s.sql.contains("(SELECT");
    match judged(want, got, reads) {
        Verdict::SameRows => locked(report).rows += 1,
        Verdict::SameError => locked(report).errors += 1,
        Verdict::Order => locked(report).order += 1,
        Verdict::Differs(how) => {
            let (class, sql) = narrowed(judge, candidate, s, &how).await;
            let changes = s.changes && sql == s.sql;
            let (want, got) = (judge.ask(&sql, changes).await, candidate.ask(&sql, changes).await);
            let sample =
                format!("{sql}\n           want {}\n           got  {}", shown(&want, &got), shown(&got, &want));
            locked(report).note(class, sample);
        }
    }
}

/// The smallest expression of a statement that differs, as a class and a statement.
async fn narrowed(judge: &mut Session<'_>, candidate: &mut Session<'_>, s: &Statement, how: &str) -> (String, String) {
    let whole = (format!("{}: {how}", s.kind), s.sql.clone());
    for (e, rest) in &s.about {
        let Some((mut class, mut sql)) = differs(judge, candidate, e, rest).await else { continue };
        let mut at: &Expr = e;
        'down: loop {
            for part in &at.parts {
                if let Some(found) = differs(judge, candidate, part, rest).await {
                    ((class, sql), at) = (found, part);
                    continue 'down;
                }
            }
            return (format!("{}: {class}", at.made_by), sql);
        }
    }
    whole
}

/// Whether an expression differs alone: how, and the statement that shows it.
async fn differs(
    judge: &mut Session<'_>,
    candidate: &mut Session<'_>,
    e: &Expr,
    rest: &str,
) -> Option<(String, String)> {
    let sql = format!("SELECT {} AS x{rest}", e.sql);
    let (want, got) = tokio::join!(judge.ask(&sql, false), candidate.ask(&sql, false));
    match judged(&want, &got, !rest.is_empty() || e.sql.contains("(SELECT")) {
        Verdict::Differs(how) => Some((how, sql)),
        _ => None,
    }
}
