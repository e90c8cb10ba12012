//! The differential fuzzer: random valid statements on PostgreSQL and on RustyDB, whose rows and SQLSTATEs must agree.
//!
//! The idea: the judge's own catalog says which operators, functions, aggregates and casts exist among a set of types
//! ([`facts`]); expressions of every type are made of them ([`expr`]) and put into statements of every shape ([`stmt`]). A
//! statement that is only about one expression is narrowed to its smallest part that differs, so that many differences fall
//! into few classes, named by what was called.
//!
//! Where only one side fails while evaluating rows, both may be right: the order in which conditions and columns are computed
//! is not promised, so PostgreSQL's planner may meet an error that another plan does not. Such statements are counted apart
//! unless they read no table.
//!
//! Left out: statements that depend on time, chance or the session; definitions; concurrency.

pub mod expr;
pub mod facts;
pub mod stmt;

use crate::error::{Context, Result};
use crate::query::shortened;
use crate::server::Target;
use expr::{Expr, Gen};
use facts::Facts;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stmt::Statement;
use tokio_postgres::{Client, SimpleQueryMessage};

/// How long a statement may take, with some room for a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
/// Differences kept of one class.
const SAMPLES: usize = 3;
/// Classes kept; more are only counted.
const CLASSES: usize = 2000;

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

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// Sorted rows of each statement.
    Rows(Vec<String>),
    /// SQLSTATE and message.
    Failed(String, String),
    /// The connection is gone or the server does not answer.
    Lost(String),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Statements sent to both.
    pub statements: u64,
    /// Of those, the ones that both answer with rows, equally.
    pub rows: u64,
    /// Of those, the ones that both refuse with the same SQLSTATE.
    pub errors: u64,
    /// Statements over tables of which only one side met an error of evaluation.
    pub order: u64,
    /// Times a connection was lost or a statement hung.
    pub lost: u64,
    /// The differences: class, how often, samples.
    pub classes: BTreeMap<String, (u64, Vec<String>)>,
    /// Differences of classes beyond the limit.
    pub others: u64,
}

impl Report {
    fn note(&mut self, class: String, sample: String) {
        if self.classes.len() >= CLASSES && !self.classes.contains_key(&class) {
            self.others += 1;
            return;
        }
        let entry = self.classes.entry(class).or_default();
        entry.0 += 1;
        if entry.1.len() < SAMPLES {
            entry.1.push(sample);
        }
    }

    /// Statements that differ.
    pub fn differences(&self) -> u64 {
        self.others + self.classes.values().map(|c| c.0).sum::<u64>()
    }

    /// The classes with their samples, the most frequent first.
    pub fn text(&self) -> String {
        let mut classes: Vec<_> = self.classes.iter().collect();
        classes.sort_by_key(|c| std::cmp::Reverse(c.1.0));
        let mut out = String::new();
        for (class, (n, samples)) in classes {
            let _ = writeln!(out, "{n:6} {class}");
            for s in samples {
                let _ = writeln!(out, "         {s}");
            }
        }
        let _ = writeln!(
            out,
            "{} statements: {} the same rows, {} the same SQLSTATE, {} failed on one side only in the evaluation of rows, {} lost, {} differ in {} classes",
            self.statements,
            self.rows,
            self.errors,
            self.order,
            self.lost,
            self.differences(),
            self.classes.len()
        );
        out
    }
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
    for session in 0..plan.sessions {
        let (facts, report) = (Arc::clone(&facts), Arc::clone(&report));
        let (judge, candidate) = (judge.clone(), candidate.clone());
        let count = plan.statements / plan.sessions + u64::from(session < plan.statements % plan.sessions);
        let seed = plan.seed.wrapping_mul(1000).wrapping_add(session);
        sessions.spawn(async move { drive(&judge, &candidate, &facts, seed, count, &report).await });
    }
    while let Some(done) = sessions.join_next().await {
        done.map_err(|e| crate::Error::new(format!("a session panicked: {e}")))??;
    }
    let mut report = report.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(std::mem::take(&mut *report))
}

/// A connection that is made again when it is lost.
struct Session<'t> {
    target: &'t Target,
    client: Option<Client>,
}

impl Session<'_> {
    async fn ask(&mut self, sql: &str, changes: bool) -> Answer {
        if self.client.is_none() {
            let fresh = async {
                let client = self.target.connect().await?;
                client.batch_execute("SET statement_timeout = '10s'; SET timezone = 'UTC'").await?;
                Ok::<_, crate::Error>(client)
            };
            match fresh.await {
                Ok(client) => self.client = Some(client),
                Err(e) => return Answer::Lost(e.to_string()),
            }
        }
        let Some(client) = &self.client else { return Answer::Lost("no connection".into()) };
        let text = if changes { format!("BEGIN; {sql}") } else { sql.to_owned() };
        let answered = tokio::time::timeout(LIMIT, client.simple_query(&text)).await;
        let answer = match answered {
            Err(_) => Answer::Lost("no answer in time".into()),
            Ok(Ok(messages)) => Answer::Rows(rows(&messages)),
            Ok(Err(e)) => match e.as_db_error() {
                Some(db) => Answer::Failed(db.code().code().to_owned(), db.message().to_owned()),
                None => Answer::Lost(e.to_string()),
            },
        };
        if changes && !matches!(answer, Answer::Lost(_)) && client.batch_execute("ROLLBACK").await.is_err() {
            self.client = None;
        }
        if matches!(answer, Answer::Lost(_)) {
            self.client = None;
        }
        answer
    }
}

/// The rows of each statement, sorted, with the names of their columns before them.
fn rows(messages: &[SimpleQueryMessage]) -> Vec<String> {
    let (mut out, mut own) = (Vec::new(), Vec::new());
    for m in messages {
        match m {
            SimpleQueryMessage::RowDescription(columns) => {
                out.push(columns.iter().map(|c| c.name()).collect::<Vec<_>>().join("|"));
            }
            SimpleQueryMessage::Row(row) => {
                own.push((0..row.len()).map(|n| row.get(n).unwrap_or("\\N")).collect::<Vec<_>>().join("|"));
            }
            SimpleQueryMessage::CommandComplete(n) => {
                own.sort();
                out.append(&mut own);
                out.push(format!("({n})"));
            }
            _ => {}
        }
    }
    out
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
    // A class 22 or 21 error, or a resource that ran out, comes from values; others come from the statement.
    let of_values = |code: &str| {
        code.starts_with("22") || code.starts_with("21") || code.starts_with("23") || code.starts_with("54")
    };
    match (want, got) {
        (Answer::Rows(a), Answer::Rows(b)) if a == b => Verdict::SameRows,
        (Answer::Failed(a, _), Answer::Failed(b, _)) if a == b => Verdict::SameError,
        (Answer::Failed(a, _), _) if a == "57014" => Verdict::Order,
        (Answer::Rows(_), Answer::Failed(code, _)) if reads && of_values(code) => Verdict::Order,
        (Answer::Failed(code, _), Answer::Rows(_)) if reads && of_values(code) => Verdict::Order,
        (Answer::Failed(a, _), Answer::Failed(b, _)) if reads && of_values(a) && of_values(b) => Verdict::Order,
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

/// A message without the values in it.
fn general(message: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    for c in message.chars().take(200) {
        match c {
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            _ if quoted => {}
            '0'..='9' => {
                if !out.ends_with('#') {
                    out.push('#');
                }
            }
            c => out.push(c),
        }
    }
    out
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
    let mut judge = Session { target: judge, client: None };
    let mut candidate = Session { target: candidate, client: None };
    let noted = |f: &dyn Fn(&mut Report)| f(&mut report.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    for _ in 0..count {
        let s = gen_.statement();
        let (want, got) = (judge.ask(&s.sql, s.changes).await, candidate.ask(&s.sql, s.changes).await);
        noted(&|r| r.statements += 1);
        if matches!(got, Answer::Lost(_)) {
            noted(&|r| r.lost += 1);
        }
        let reads = s.about.as_ref().is_none_or(|a| !a.1.is_empty() || a.0.sql.contains("(SELECT"));
        match judged(&want, &got, reads) {
            Verdict::SameRows => noted(&|r| r.rows += 1),
            Verdict::SameError => noted(&|r| r.errors += 1),
            Verdict::Order => noted(&|r| r.order += 1),
            Verdict::Differs(how) => {
                let (class, sql) = narrowed(&mut judge, &mut candidate, &s, &how).await;
                let (want, got) = (judge.ask(&sql, s.changes).await, candidate.ask(&sql, s.changes).await);
                noted(&|r| {
                    r.note(
                        class.clone(),
                        format!(
                            "{sql}\n           want {}\n           got  {}",
                            shown(&want, &got),
                            shown(&got, &want)
                        ),
                    );
                });
            }
        }
    }
    Ok(())
}

/// The first line of an answer that the other does not have.
fn shown(this: &Answer, other: &Answer) -> String {
    match (this, other) {
        (Answer::Rows(a), Answer::Rows(b)) => {
            shortened(a.iter().find(|l| !b.contains(l)).map_or("(nothing more)", String::as_str))
        }
        (Answer::Rows(a), _) => format!("{} lines: {}", a.len(), shortened(&a.join(" "))),
        (Answer::Failed(code, message), _) => format!("{code}: {}", shortened(message)),
        (Answer::Lost(why), _) => format!("lost: {why}"),
    }
}

/// The smallest expression of a statement that differs, as a class and a statement.
async fn narrowed(judge: &mut Session<'_>, candidate: &mut Session<'_>, s: &Statement, how: &str) -> (String, String) {
    let Some((whole, rest)) = &s.about else { return (format!("{}: {how}", s.kind), s.sql.clone()) };
    let mut at: &Expr = whole;
    let (mut class, mut sql) = (how.to_owned(), s.sql.clone());
    'down: loop {
        for part in &at.parts {
            let text = format!("SELECT {} AS x{rest}", part.sql);
            let (want, got) = (judge.ask(&text, false).await, candidate.ask(&text, false).await);
            if let Verdict::Differs(how) = judged(&want, &got, !rest.is_empty() || part.sql.contains("(SELECT")) {
                (at, class, sql) = (part, how, text);
                continue 'down;
            }
        }
        return (format!("{}: {class}", at.made_by), sql);
    }
}
