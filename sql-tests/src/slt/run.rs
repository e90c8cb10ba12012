//! Runs one file's records on one server, each to an outcome.

use super::baseline::Known;
use super::parse::{Expect, Record, Script, Sessions};
use super::render::{Answer, compare, matches_pattern};
use crate::error::{Context, Result, describe};
use crate::server::{Target, connect_with};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A record that takes longer is cancelled and has failed.
const RECORD_LIMIT: Duration = Duration::from_secs(120);

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Pass,
    /// Not run, with the reason.
    Skip(String),
    /// Not as expected.
    Fail {
        /// What was expected, as lines.
        expected: String,
        /// What came instead.
        got: String,
    },
}

/// A record's outcome with what is known of it.
#[derive(Debug)]
pub struct RecordResult {
    /// Its line in the file.
    pub line: u32,
    /// Whether it is a query.
    pub is_query: bool,
    /// Why PostgreSQL itself does not pass it, if so.
    pub known: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Its text.
    pub sql: String,
}

/// All of a file.
#[derive(Debug)]
pub struct FileResult {
    /// Name, relative to its suite.
    pub file: String,
    /// In order.
    pub records: Vec<RecordResult>,
    /// From the first record to the last.
    pub elapsed: Duration,
}

/// Runs every record of the script.
pub async fn run_file(file: &str, script: &Script, target: &Target, known: &Known) -> Result<FileResult> {
    let began = Instant::now();
    let mut sessions = Connections { target, parameters: &script.sessions, open: HashMap::new() };
    let mut records = Vec::with_capacity(script.records.len());
    for record in &script.records {
        let outcome = match &record.skip {
            Some(why) => Outcome::Skip(why.clone()),
            None => run_record(record, &mut sessions).await?,
        };
        records.push(RecordResult {
            line: record.line,
            is_query: matches!(record.expect, Expect::Rows(_)),
            known: known.fails(file, record.line).map(str::to_owned),
            sql: if matches!(outcome, Outcome::Fail { .. }) { record.sql.clone() } else { String::new() },
            outcome,
        });
    }
    Ok(FileResult { file: file.to_owned(), records, elapsed: began.elapsed() })
}

struct Connections<'a> {
    target: &'a Target,
    parameters: &'a Sessions,
    open: HashMap<String, Client>,
}

impl Connections<'_> {
    /// The named session, made when it is not there (or its connection was lost).
    async fn get(&mut self, name: &str) -> Result<&Client> {
        if self.open.get(name).is_none_or(Client::is_closed) {
            let mut config = self.target.config();
            for (key, value) in self.parameters.get(name).into_iter().flatten() {
                match key.as_str() {
                    "user" => config.user(value),
                    "password" => config.password(value),
                    "dbname" | "database" => config.dbname(value),
                    _ => config.options(format!("-c {key}={value}")),
                };
            }
            let client = connect_with(&config).await.context(|| format!("session \"{name}\""))?;
            self.open.insert(name.to_owned(), client);
        }
        self.open.get(name).context(|| format!("session \"{name}\" is gone"))
    }
}

async fn run_record(record: &Record, sessions: &mut Connections<'_>) -> Result<Outcome> {
    let client = match sessions.get(&record.connection).await {
        Ok(client) => client,
        // A server that no longer accepts anybody fails the record; the next ones try again.
        Err(e) => return Ok(fail("a session", e.to_string())),
    };
    let answer = match tokio::time::timeout(RECORD_LIMIT, client.simple_query(&record.sql)).await {
        Ok(answer) => answer,
        Err(_) => {
            // The session may still be busy: cancel, and let the next record have a new one.
            let _ = client.cancel_token().cancel_query(NoTls).await;
            sessions.open.remove(&record.connection);
            return Ok(fail(expected_text(&record.expect), format!("no answer within {RECORD_LIMIT:?}")));
        }
    };
    Ok(judge(&record.expect, answer))
}

fn judge(expect: &Expect, answer: std::result::Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>) -> Outcome {
    let messages = match (answer, expect) {
        (Ok(messages), _) => messages,
        (Err(e), Expect::Error(None)) if e.as_db_error().is_some() => return Outcome::Pass,
        (Err(e), Expect::Error(Some(want))) if e.as_db_error().is_some() => {
            let shown = e.as_db_error().map(|db| format!("db error: {db}")).unwrap_or_default();
            return match matches_pattern(want.trim_end(), shown.trim_end()) {
                true => Outcome::Pass,
                false => fail(want, shown),
            };
        }
        (Err(e), _) => return fail(expected_text(expect), describe(&e)),
    };
    let count = messages.iter().rev().find_map(|m| match m {
        SimpleQueryMessage::CommandComplete(n) => Some(*n),
        _ => None,
    });
    match expect {
        Expect::Ok => Outcome::Pass,
        Expect::Count(n) if count == Some(*n) => Outcome::Pass,
        Expect::Count(n) => fail(format!("{n} rows"), format!("{count:?} rows")),
        Expect::Error(want) => fail(want.clone().unwrap_or_else(|| "an error".into()), "success"),
        Expect::Rows(rows) => match compare(rows, &collect(&messages)) {
            Ok(()) => Outcome::Pass,
            Err(got) => fail(rows.lines.join("\n"), got.join("\n")),
        },
    }
}

fn collect(messages: &[SimpleQueryMessage]) -> Answer {
    let mut answer = Answer::default();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                answer.names = columns.iter().map(|c| c.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                answer.rows.push((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect());
            }
            _ => {}
        }
    }
    answer
}

fn expected_text(expect: &Expect) -> String {
    match expect {
        Expect::Ok => "success".into(),
        Expect::Count(n) => format!("{n} rows"),
        Expect::Error(want) => want.clone().unwrap_or_else(|| "an error".into()),
        Expect::Rows(rows) => rows.lines.join("\n"),
    }
}

fn fail(expected: impl Into<String>, got: impl Into<String>) -> Outcome {
    Outcome::Fail { expected: expected.into(), got: got.into() }
}
