//! From a script to records. The text is first brought into what the crate's parser knows, line for line, so that line
//! numbers stay; its result is then reduced to what is run.

use crate::error::{Error, Result};
use sqllogictest::{
    Condition, Connection, DefaultColumnType, QueryExpect, Record as Parsed, SortMode, StatementExpect,
};
use std::collections::HashMap;

/// Labels that `onlyif` and `skipif` know this engine by.
const LABELS: [&str; 2] = ["postgresql", "postgres"];

/// What a CockroachDB record's label ends with when its result begins with column names.
const NAMES: &str = "+names";

/// Which project's habits the files follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's: result types I, R, T; one value per line.
    Sqlite,
    /// SereneDB's: no types; PostgreSQL's text; a line of column names and tab-separated rows, unless headers say otherwise.
    Serene,
    /// CockroachDB's: types whose letters only name columns, rows of words, a line of column names where asked for.
    Cockroach,
    /// DataFusion's: as CockroachDB's, with `(empty)` for a text without characters.
    DataFusion,
}

impl Dialect {
    /// Whether rows are words and the letters of the types are this dialect's own.
    fn in_words(self) -> bool {
        matches!(self, Self::Cockroach | Self::DataFusion)
    }
}

/// What a record must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Succeed.
    Ok,
    /// Succeed and report this many rows.
    Count(u64),
    /// Fail; with this message, if there is one (a `*` in it stands for any text).
    Error(Option<String>),
    /// Return these lines.
    Rows(Rows),
}

/// An expected result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// One letter per column, or none when values are compared as they come.
    pub types: Vec<char>,
    /// In which order.
    pub order: Order,
    /// How the lines are to be read.
    pub layout: Layout,
    /// The lines after `----`.
    pub lines: Vec<String>,
}

/// The order in which a result is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As the server sent it.
    None,
    /// Rows sorted.
    Rows,
    /// Values sorted.
    Values,
}

/// What a line of an expected result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One value, rendered by the column's letter.
    Typed,
    /// One value, PostgreSQL's text.
    Flat,
    /// Tab-separated values, the first line being column names.
    Table,
    /// A row as words: values with blanks in them are several.
    Words {
        /// Whether the first line is column names.
        names: bool,
    },
}

/// One statement or query.
#[derive(Debug, Clone)]
pub struct Record {
    /// Line of its first word, from 1.
    pub line: u32,
    /// Why it does not run here, if it does not.
    pub skip: Option<String>,
    /// The session it runs in.
    pub connection: String,
    /// The text.
    pub sql: String,
    /// What must happen.
    pub expect: Expect,
}

/// How to make a named session: startup parameters given where the name was first used.
pub type Sessions = HashMap<String, Vec<(String, String)>>;

/// A parsed script.
#[derive(Debug)]
pub struct Script {
    /// In order.
    pub records: Vec<Record>,
    /// Sessions with parameters of their own.
    pub sessions: Sessions,
}

/// Parses a script; `file` is for messages.
pub fn parse(script: &str, file: &str, dialect: Dialect) -> Result<Script> {
    let prepared = prepare(script, dialect);
    let parsed = sqllogictest::parse_with_name::<DefaultColumnType>(&prepared.text, file)
        .map_err(|e| Error::new(e.to_string()))?;
    let records = parsed.into_iter().filter_map(|p| reduce(p, &prepared)).collect();
    Ok(Script { records, sessions: prepared.sessions })
}

struct Prepared {
    text: String,
    sessions: Sessions,
    layout: Layout,
    /// From which line on which session is the one of records that name none.
    users: Vec<(usize, String)>,
}

impl Prepared {
    /// The session of records at this line that name none.
    fn user_at(&self, line: u32) -> String {
        let since = self.users.iter().rev().find(|(from, _)| u32::try_from(*from).is_ok_and(|from| from <= line));
        since.map(|(_, user)| user.clone()).unwrap_or_default()
    }
}

/// Rewrites what the crate's parser refuses or misreads. Each line stays on its line.
fn prepare(script: &str, dialect: Dialect) -> Prepared {
    let mut sessions = Sessions::new();
    let mut users = Vec::new();
    let (mut names, mut flat) = (true, false);
    let mut out: Vec<String> = Vec::new();
    // Whether the conditions just above the present line switch it off, and how many they are.
    let (mut off, mut conditions) = (false, 0);
    // Inside a record's text only its end is of interest: SQL may begin with any word.
    let mut in_record = false;
    for raw in script.lines() {
        let line = raw.trim_end_matches('\r');
        if in_record {
            in_record = !line.trim().is_empty();
            out.push(if in_record { line.to_owned() } else { String::new() });
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [which @ ("onlyif" | "skipif"), label, ..] => {
                off |= (*which == "onlyif") != LABELS.contains(label);
                conditions += 1;
                out.push(format!("{which} {label}"));
                continue;
            }
            // The crate ignores conditions on halt and gives them to the next record instead.
            ["halt"] => {
                if !off {
                    break;
                }
                let from = out.len() - conditions;
                out[from..].iter_mut().for_each(String::clear);
                out.push(String::new());
            }
            // What the crate would end the records with: it hashes by this threshold, and here the expected line tells.
            ["hash-threshold", ..] => out.push(String::new()),
            ["show-column-names", on] => {
                names = *on == "true";
                out.push(String::new());
            }
            ["flat-values", on] => {
                flat = *on == "true";
                out.push(String::new());
            }
            ["connection", name, parameters @ ..] if !parameters.is_empty() => {
                let pairs = parameters.iter().filter_map(|p| p.split_once('='));
                sessions.insert((*name).to_owned(), pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
                out.push(format!("connection {name}"));
            }
            ["query" | "statement", "error", ..] if dialect == Dialect::Cockroach => {
                // The texts are CockroachDB's.
                in_record = true;
                out.push("statement error".into());
            }
            ["query", types, rest @ ..] if dialect.in_words() => {
                in_record = true;
                let has = |w: &str| rest.first().is_some_and(|r| r.split(',').any(|o| o.starts_with(w)));
                let order = if has("rowsort") || has("partialsort") { "rowsort" } else { "nosort" };
                // The crate knows only some of the letters, so they go with the label.
                out.push(format!("query {types} {order} {types}{}", if has("colnames") { NAMES } else { "" }));
            }
            ["user", name] if dialect == Dialect::Cockroach => {
                out.push(String::new());
                // The default session is the superuser's; others are made as their name says.
                let name = if *name == "root" { "" } else { name };
                if !name.is_empty() {
                    sessions.insert(name.to_owned(), vec![("user".to_owned(), name.to_owned())]);
                }
                users.push((out.len(), name.to_owned()));
            }
            // Records that need not wait for each other run in their order here.
            ["statement", "OK"] | ["statement", "async", "ok"] => {
                in_record = true;
                out.push("statement ok".into());
            }
            ["subtest" | "repeat", ..] if dialect == Dialect::Cockroach => out.push(String::new()),
            ["query", rest @ ..] if dialect == Dialect::Serene && rest.first() != Some(&"error") => {
                in_record = true;
                let order = rest.iter().find(|w| matches!(**w, "rowsort" | "valuesort" | "nosort"));
                out.push(format!("query ? {}", order.unwrap_or(&"nosort")));
            }
            ["query" | "statement" | "system" | "let", ..] => {
                in_record = true;
                out.push(line.to_owned());
            }
            ["wait", ..] => out.push(String::new()),
            _ => out.push(line.to_owned()),
        }
        // Only comments and empty lines may stand between a condition and its record.
        if !words.is_empty() && !line.starts_with('#') {
            (off, conditions) = (false, 0);
        }
    }
    let layout = match dialect {
        Dialect::Sqlite => Layout::Typed,
        Dialect::Serene if flat && !names => Layout::Flat,
        Dialect::Serene => Layout::Table,
        Dialect::Cockroach | Dialect::DataFusion => Layout::Words { names: false },
    };
    Prepared { text: out.join("\n"), sessions, layout, users }
}

fn reduce(parsed: Parsed<DefaultColumnType>, prepared: &Prepared) -> Option<Record> {
    let (loc, conditions, connection, sql, expect) = match parsed {
        Parsed::Statement { loc, conditions, connection, sql, expected, .. } => {
            let expect = match expected {
                StatementExpect::Ok => Expect::Ok,
                StatementExpect::Count(n) => Expect::Count(n),
                StatementExpect::Error(e) => Expect::Error(message(&e)),
            };
            (loc, conditions, connection, sql, expect)
        }
        Parsed::Query { loc, conditions, connection, sql, expected, .. } => {
            let expect = match expected {
                QueryExpect::Error(e) => Expect::Error(message(&e)),
                QueryExpect::Results { types, sort_mode, label, results, .. } => Expect::Rows(Rows {
                    types: match (prepared.layout, &label) {
                        (Layout::Words { .. }, Some(label)) => label.trim_end_matches(NAMES).chars().collect(),
                        _ => types.iter().map(letter).collect(),
                    },
                    order: match sort_mode {
                        Some(SortMode::RowSort) => Order::Rows,
                        Some(SortMode::ValueSort) => Order::Values,
                        Some(SortMode::NoSort) | None => Order::None,
                    },
                    layout: match prepared.layout {
                        Layout::Words { .. } => Layout::Words { names: label.is_some_and(|l| l.ends_with(NAMES)) },
                        layout => layout,
                    },
                    lines: results,
                }),
            };
            (loc, conditions, connection, sql, expect)
        }
        _ => return None,
    };
    let connection = match connection {
        Connection::Default => prepared.user_at(loc.line()),
        Connection::Named(name) => name,
    };
    Some(Record { line: loc.line(), skip: skipped_by(&conditions), connection, sql, expect })
}

/// SQLite's files skip a few records on PostgreSQL for a reason that no longer holds (it once required AS); these run.
fn skipped_by(conditions: &[Condition]) -> Option<String> {
    conditions.iter().find_map(|c| match c {
        Condition::OnlyIf { label } if !LABELS.contains(&label.as_str()) => Some(format!("onlyif {label}")),
        Condition::SkipIf { label } if LABELS.contains(&label.as_str()) => Some(format!("skipif {label}")),
        _ => None,
    })
}

fn message(e: &sqllogictest::ExpectedError) -> Option<String> {
    match e {
        sqllogictest::ExpectedError::Multiline(text) => Some(text.clone()),
        _ => None,
    }
}

fn letter(t: &DefaultColumnType) -> char {
    match t {
        DefaultColumnType::Text => 'T',
        DefaultColumnType::Integer => 'I',
        DefaultColumnType::FloatingPoint => 'R',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_with_comments_and_on_halt() {
        let script = "onlyif mssql\nhalt\n\nonlyif mysql # no\nstatement ok\nSELECT 1\n\nskipif mysql # yes\nquery I rowsort x\nSELECT 2\n----\n2\n\nonlyif postgresql\nhalt\n\nstatement ok\nSELECT 3\n";
        let got = parse(script, "t", Dialect::Sqlite).unwrap().records;
        assert_eq!(got.len(), 2);
        assert_eq!((got[0].line, got[0].skip.as_deref()), (5, Some("onlyif mysql")));
        assert_eq!((got[1].line, got[1].skip.as_deref()), (9, None));
        let Expect::Rows(rows) = &got[1].expect else { panic!("a query was expected") };
        assert_eq!((rows.types.as_slice(), rows.order, rows.lines.len()), (['I'].as_slice(), Order::Rows, 1));
    }

    #[test]
    fn serene_headers_and_sessions() {
        let script = "show-column-names false\nflat-values true\n\nconnection c user=ada password=x\nquery rowsort\nSELECT 1, 2\n----\n1\n2\n";
        let got = parse(script, "t", Dialect::Serene).unwrap();
        assert_eq!(got.sessions["c"], [("user".to_owned(), "ada".to_owned()), ("password".to_owned(), "x".to_owned())]);
        let Expect::Rows(rows) = &got.records[0].expect else { panic!("a query was expected") };
        assert_eq!((rows.layout, rows.order), (Layout::Flat, Order::Rows));
        assert_eq!(got.records[0].line, 5);
    }

    #[test]
    fn cockroach_users_and_column_names() {
        let script = "user testuser\n\nquery BI colnames,rowsort\nSELECT true AS a, 1 AS b\n----\na b\ntrue 1\n\nuser root\n\nquery error pq: no (\nSELECT\n";
        let got = parse(script, "t", Dialect::Cockroach).unwrap();
        let Expect::Rows(rows) = &got.records[0].expect else { panic!("a query was expected") };
        assert_eq!((rows.types.as_slice(), rows.order), (['B', 'I'].as_slice(), Order::Rows));
        assert_eq!(rows.layout, Layout::Words { names: true });
        assert_eq!((got.records[0].connection.as_str(), got.records[1].connection.as_str()), ("testuser", ""));
        assert_eq!(got.records[1].expect, Expect::Error(None));
    }
}
