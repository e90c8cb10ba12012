//! How many of PostgreSQL 15's functions and operators exist in RustyDB and answer the same, per chapter of the manual.
//!
//! Every row of the judge's `pg_proc` and `pg_operator` is looked for in the candidate's catalog (same name, argument types,
//! result, kind), then called on both servers with the same generated arguments ([`calls`]). A row is
//!
//! - *the same* when every call has the same rows or the same SQLSTATE,
//! - *different* when one has not,
//! - *refused* when the candidate says that it does not support it (0A000),
//! - *not called* when it wants arguments that cannot be written (`internal`) or when a call would disturb the server
//!   ([`NOT_CALLED`]).
//!
//! What answers by the clock, chance or the session ([`VARIES`]) is the same when both sides answer with a row.

pub mod calls;
pub mod chapters;

use crate::answers::{Answer, BATCH, Session};
use crate::error::{Context, Result};
use crate::query::{self, shortened};
use crate::server::Target;
use calls::Callee;
use chapters::{CHAPTERS, Subject, chapter};
use regex::Regex;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

/// What would stop, change or wait for the server itself.
const NOT_CALLED: &str = "^(pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile.*|pg_switch_wal|pg_promote|pg_sleep.*|\
    .*replication.*|.*slot.*|pg_logical_.*|pg_stat_reset.*|.*backup.*|pg_create_restore_point|pg_wal_replay.*|pg_ls_.*|pg_read_.*|pg_stat_file|\
    lo_.*|loread|lowrite|binary_upgrade.*|pg_import_.*|pg_nextoid|pg_stop_making.*|pg_log_.*|pg_advisory_lock.*|pg_collation_.*|\
    pg_stat_force.*|cursor_to_xml.*|query_to_xml.*|database_to_xml.*|schema_to_xml.*|table_to_xml.*|pg_get_catalog_foreign_keys)$";

/// What answers by the clock, by chance, by the session or by the state of the server.
const VARIES: &str = "^(now|.*_timestamp|timeofday|random|gen_random_uuid|pg_backend_pid|pg_(current|last|get)_wal.*|inet_(client|server).*|\
    pg_postmaster_.*|pg_conf_.*|txid_current.*|pg_current_(xact|snapshot|wal|logfile).*|version|pg_.*size.*|pg_stat_.*|pg_relation_file.*|\
    pg_lock_status|pg_control_.*|pg_config|pg_show_.*|pg_timezone_.*|pg_available_.*|pg_hba_.*|pg_ident_.*|pg_my_temp.*|pg_tablespace_.*|\
    pg_cursor|pg_prepared_.*|current_database|age|mxid_age|hash.*|pg_export_snapshot|pg_options_to_table|pg_get_backend_mem.*|\
    pg_get_shmem_.*|pg_jit_available|pg_filenode_.*|pg_database_.*|pg_last_.*|uuid_hash.*|.*_hash(_extended)?|pg_settings_get_flags)$";

/// What came of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Same,
    Different,
    Refused,
    NotCalled,
    Missing,
}

/// Of one chapter, functions and operators apart.
#[derive(Debug, Default)]
struct Tally {
    counts: BTreeMap<Fate, u32>,
}

impl Tally {
    fn of(&self, fate: Fate) -> u32 {
        self.counts.get(&fate).copied().unwrap_or_default()
    }

    fn all(&self) -> u32 {
        self.counts.values().sum()
    }

    fn cells(&self) -> String {
        let f = |fate| self.of(fate);
        let called = self.all() - f(Fate::NotCalled) - f(Fate::Missing);
        let share = (f(Fate::Same) * 100).checked_div(called).map_or_else(|| "–".to_owned(), |s| format!("{s} %"));
        format!(
            "{} | {} | {} | {} | {} | {} | {share}",
            self.all(),
            self.all() - f(Fate::Missing),
            f(Fate::Same),
            f(Fate::Different),
            f(Fate::Refused),
            f(Fate::NotCalled)
        )
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    functions: BTreeMap<usize, Tally>,
    operators: BTreeMap<usize, Tally>,
    /// Rows that are missing, refused or different, with a call that shows it.
    notes: Vec<(Fate, String)>,
}

/// A row of the judge's catalog.
struct Row {
    signature: String,
    chapter: usize,
    callee: Callee,
    name: String,
}

const LISTED: &str = "
    SELECT 'f', p.prokind, p.proname, coalesce((SELECT string_agg(format_type(t, NULL), ';' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY a(t, n)), ''),
           format_type(p.prorettype, NULL), p.proretset, p.provariadic <> 0, coalesce((SELECT min(oprname::text) FROM pg_operator o WHERE o.oprcode = p.oid), ''),
           coalesce((SELECT a.aggnumdirectargs FROM pg_aggregate a WHERE a.aggfnoid = p.oid AND a.aggkind <> 'n'), -1)
      FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
    UNION ALL
    SELECT 'o', 'o', oprname, concat_ws(';', CASE WHEN oprleft <> 0 THEN format_type(oprleft, NULL) END, format_type(oprright, NULL)),
           format_type(oprresult, NULL), false, false, oprname, -1
      FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace
    ORDER BY 1, 2, 3, 4, 5";

/// The rows of a server, by what must be equal.
async fn listed(target: &Target) -> Result<Vec<Row>> {
    let client = target.connect().await?;
    let mut out = Vec::new();
    let messages = client.simple_query(LISTED).await.context(|| "listing functions".to_owned())?;
    for m in messages {
        let tokio_postgres::SimpleQueryMessage::Row(row) = m else { continue };
        let text = |i: usize| row.get(i).unwrap_or_default();
        let args: Vec<String> = text(3).split(';').filter(|a| !a.is_empty()).map(str::to_owned).collect();
        let kind = text(1).chars().next().unwrap_or('f');
        let subject = Subject {
            name: text(2),
            operator: Some(text(7)).filter(|o| !o.is_empty()),
            kind,
            args: &args,
            result: text(4),
        };
        let chapter = CHAPTERS.iter().position(|c| *c == chapter(&subject)).unwrap_or(CHAPTERS.len() - 1);
        let name = if kind == 'o' { text(2).to_owned() } else { format!("\"{}\"", text(2)) };
        let direct: i32 = text(8).parse().unwrap_or(-1);
        out.push(Row {
            signature: format!("{} {}({}) {} {}", kind, text(2), args.join(", "), text(4), text(5)),
            chapter,
            name: text(2).to_owned(),
            callee: Callee {
                name,
                kind,
                args,
                variadic: text(6) == "t",
                direct: usize::try_from(direct).ok(),
                set: text(5) == "t",
            },
        });
    }
    Ok(out)
}

fn relation(want: &Answer, got: &Answer, varies: bool) -> Fate {
    match (want, got) {
        (_, Answer::Failed(code, _)) if code == "0A000" && !matches!(want, Answer::Failed(c, _) if c == "0A000") => {
            Fate::Refused
        }
        (Answer::Rows(_), Answer::Rows(_)) if varies => Fate::Same,
        (Answer::Failed(a, _), Answer::Failed(b, _)) if a == b => Fate::Same,
        (a, b) if a == b => Fate::Same,
        _ => Fate::Different,
    }
}

/// Compares all of them.
pub async fn run(judge: &Target, candidate: &Target) -> Result<Report> {
    for target in [judge, candidate] {
        let client = target.connect().await?;
        query::execute(&client, "DROP TYPE IF EXISTS coverage_mood; CREATE TYPE coverage_mood AS ENUM ('low', 'high')")
            .await?;
    }
    let not_called = Regex::new(NOT_CALLED).map_err(|e| crate::Error::new(e.to_string()))?;
    let varies = Regex::new(VARIES).map_err(|e| crate::Error::new(e.to_string()))?;
    let rows = listed(judge).await?;
    let there: HashSet<String> = listed(candidate).await?.into_iter().map(|r| r.signature).collect();
    let (mut left, mut right) = (Session::new(judge), Session::new(candidate));
    let mut report = Report::default();
    for row in &rows {
        let mut fate = if there.contains(&row.signature) { Fate::NotCalled } else { Fate::Missing };
        let mut sample = String::new();
        if fate == Fate::NotCalled && !not_called.is_match(&row.name) {
            let calls: Vec<(String, bool)> = row.callee.calls().into_iter().map(|c| (c, true)).collect();
            for batch in calls.chunks(BATCH) {
                let (want, got) = tokio::join!(left.ask_all(batch), right.ask_all(batch));
                let (want, got) = match (want, got) {
                    (Some(want), Some(got)) => (want, got),
                    _ => {
                        let (mut want, mut got) = (Vec::new(), Vec::new());
                        for (sql, _) in batch {
                            want.push(left.ask(sql, true).await);
                            got.push(right.ask(sql, true).await);
                        }
                        (want, got)
                    }
                };
                for ((w, g), (sql, _)) in want.iter().zip(&got).zip(batch) {
                    let found = relation(w, g, varies.is_match(&row.name));
                    if fate == Fate::NotCalled || found > fate {
                        if found != Fate::Same {
                            sample = format!("{sql}: {} <> {}", short(w), short(g));
                        }
                        fate = found;
                    }
                }
            }
        }
        let side = if row.callee.kind == 'o' { &mut report.operators } else { &mut report.functions };
        *side.entry(row.chapter).or_default().counts.entry(fate).or_default() += 1;
        if !matches!(fate, Fate::Same | Fate::NotCalled) {
            report.notes.push((fate, format!("{}  {sample}", row.signature)));
        }
    }
    for target in [judge, candidate] {
        query::execute(&target.connect().await?, "DROP TYPE coverage_mood").await?;
    }
    Ok(report)
}

fn short(answer: &Answer) -> String {
    match answer {
        Answer::Rows(lines) => shortened(&lines.join(" ")),
        Answer::Failed(code, message) => format!("{code} {}", shortened(message)),
        Answer::Lost(why) => format!("LOST {why}"),
    }
}

impl Report {
    /// Rows whose answers are the same, and rows that were called.
    pub fn totals(&self) -> (u32, u32) {
        let all = || self.functions.values().chain(self.operators.values());
        let called = all().map(|t| t.all() - t.of(Fate::NotCalled)).sum();
        (all().map(|t| t.of(Fate::Same)).sum(), called)
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut out = String::from(
            "# PostgreSQL 15's functions and operators in RustyDB\n\n\
             Made by `cargo run -p rustydb-sql-tests --bin coverage -- --table sql-tests/FUNCTIONS.md` (`--help` tells more): every row of\n\
             PostgreSQL's `pg_proc` and `pg_operator`, called on both servers with the same generated arguments. *There*: in RustyDB's catalog\n\
             with the same arguments and result. *Same*: all calls gave the same rows or SQLSTATE. *Refused*: 0A000. *Not called*: wants\n\
             arguments of type `internal`, or would disturb the server. The share is of the rows that were called. Which row belongs to which\n\
             chapter is in `sql-tests/src/coverage/chapters.rs`.\n\n",
        );
        for (title, side) in [("Functions", &self.functions), ("Operators", &self.operators)] {
            let _ = writeln!(out, "## {title}\n");
            let _ = writeln!(out, "| Chapter | Rows | There | Same | Different | Refused | Not called | Share |");
            let _ = writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|");
            let mut sum = Tally::default();
            for (chapter, tally) in side {
                let _ = writeln!(out, "| {} | {} |", CHAPTERS.get(*chapter).unwrap_or(&"other"), tally.cells());
                for (fate, n) in &tally.counts {
                    *sum.counts.entry(*fate).or_default() += n;
                }
            }
            let _ = writeln!(out, "| **all** | {} |\n", sum.cells());
        }
        out
    }

    /// Every row that is not the same, one a line.
    pub fn differences(&self) -> String {
        let mut notes = self.notes.clone();
        notes.sort();
        notes.iter().fold(String::new(), |mut out, (fate, note)| {
            let _ = writeln!(out, "{fate:?}: {note}");
            out
        })
    }
}
