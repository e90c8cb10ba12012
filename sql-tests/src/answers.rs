//! Questions asked of two servers whose answers are compared: sessions that connect again after a loss, many statements in
//! flight, answers in a form that can be compared and shown.

use crate::error::Result;
use crate::query::shortened;
use crate::server::Target;
use std::time::Duration;
use tokio_postgres::{Client, SimpleQueryMessage};

/// How long a statement may take, with some room for a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
/// Statements to give [`Session::ask_all`] at once: with the ROLLBACKs among them they stay below the number of futures that
/// `join_all` polls in order.
pub const BATCH: usize = 14;

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Sorted rows of each statement.
    Rows(Vec<String>),
    /// SQLSTATE and message.
    Failed(String, String),
    /// The connection is gone or the server does not answer.
    Lost(String),
}

/// A connection that is made again when it is lost.
#[derive(Debug)]
pub struct Session<'t> {
    target: &'t Target,
    client: Option<Client>,
}

impl<'t> Session<'t> {
    /// One not connected yet.
    pub fn new(target: &'t Target) -> Self {
        Self { target, client: None }
    }

    /// The connection, made if there is none.
    async fn connected(&mut self) -> Result<&Client> {
        let client = match self.client.take() {
            Some(client) if !client.is_closed() => client,
            _ => {
                let client = self.target.connect().await?;
                client.batch_execute("SET statement_timeout = '10s'; SET timezone = 'UTC'").await?;
                client
            }
        };
        Ok(self.client.insert(client))
    }

    /// The answers of several statements (and whether each changes rows), sent without waiting in between; `None` when one of them lost the connection.
    pub async fn ask_all(&mut self, batch: &[(String, bool)]) -> Option<Vec<Answer>> {
        let client = self.connected().await.ok()?;
        let mut sent = Vec::new();
        for (sql, changes) in batch {
            sent.push((text_of(sql, *changes), true));
            if *changes {
                sent.push(("ROLLBACK".to_owned(), false));
            }
        }
        let all = futures::future::join_all(sent.iter().map(|(sql, _)| client.simple_query(sql)));
        let Ok(answers) = tokio::time::timeout(LIMIT, all).await else {
            self.client = None;
            return None;
        };
        let answers: Vec<Answer> =
            answers.into_iter().zip(&sent).filter(|(_, (_, wanted))| *wanted).map(|(a, _)| answer(a)).collect();
        if answers.iter().any(|a| matches!(a, Answer::Lost(_))) {
            self.client = None;
            return None;
        }
        Some(answers)
    }

    /// The answer to one statement, or to several in one text.
    pub async fn ask(&mut self, sql: &str, changes: bool) -> Answer {
        let client = match self.connected().await {
            Ok(client) => client,
            Err(e) => return Answer::Lost(e.to_string()),
        };
        let answer = match tokio::time::timeout(LIMIT, client.simple_query(&text_of(sql, changes))).await {
            Err(_) => Answer::Lost("no answer in time".into()),
            Ok(answered) => answer(answered),
        };
        if matches!(answer, Answer::Lost(_)) || (changes && client.batch_execute("ROLLBACK").await.is_err()) {
            self.client = None;
        }
        answer
    }
}

/// What is sent: changes run in a transaction that is rolled back.
fn text_of(sql: &str, changes: bool) -> String {
    if changes { format!("BEGIN; {sql}") } else { sql.to_owned() }
}

fn answer(answered: std::result::Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>) -> Answer {
    match answered {
        Ok(messages) => Answer::Rows(rows(&messages)),
        Err(e) => match e.as_db_error() {
            Some(db) => Answer::Failed(db.code().code().to_owned(), db.message().to_owned()),
            None => Answer::Lost(e.to_string()),
        },
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
                let value = |n| row.try_get(n).unwrap_or(Some("(not UTF-8)")).unwrap_or("\\N");
                own.push((0..row.len()).map(value).collect::<Vec<_>>().join("|"));
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

/// The first line of an answer that the other does not have.
pub fn shown(this: &Answer, other: &Answer) -> String {
    match (this, other) {
        (Answer::Rows(a), Answer::Rows(b)) => {
            shortened(a.iter().find(|l| !b.contains(l)).map_or("(nothing more)", String::as_str))
        }
        (Answer::Rows(a), _) => format!("{} lines: {}", a.len(), shortened(&a.join(" "))),
        (Answer::Failed(code, message), _) => format!("{code}: {}", shortened(message)),
        (Answer::Lost(why), _) => format!("lost: {why}"),
    }
}

/// A message without the values in it.
pub fn general(message: &str) -> String {
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
