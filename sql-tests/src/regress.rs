//! PostgreSQL's own regression files, statement by statement.
//!
//! A file is run by psql as pg_regress runs it, in a database `regression` with pg_regress's settings. psql echoes every
//! line it reads, so what it prints can be cut at those echoes: what stands behind the lines of a statement is that
//! statement's output, and it is compared with the same part of each expected output; the file's best one counts.
//!
//! Invariant: a statement counts as the same only if its whole output is, and only if psql got past it.
//!
//! Left out: files in parallel (the schedule's groups run one after the other), and blank lines, which an echo of one cannot
//! be told from.

use crate::command::run_with_input;
use crate::error::{Context, Result};
use crate::server::{Target, postgres_bin};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a file may take; one that takes longer counts as hanging.
const FILE_LIMIT: Duration = Duration::from_secs(120);

/// Why a statement is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It is not.
    Plain,
    /// EXPLAIN: plans differ by design.
    Explain,
    /// It needs PL/pgSQL, a trigger, or PostgreSQL's C test library.
    Foreign,
}

/// A statement (or a line of several) with its outputs.
#[derive(Debug)]
pub struct Statement {
    /// Its lines.
    pub text: String,
    /// Whether it counts.
    pub class: Class,
    /// Whether both outputs are the same.
    pub same: bool,
    /// What PostgreSQL prints.
    pub expected: String,
    /// What the server printed.
    pub got: String,
}

/// One file's outcome.
#[derive(Debug)]
pub struct FileResult {
    /// The file's name without its ending.
    pub name: String,
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Whether psql printed exactly an expected output.
    pub whole: bool,
    /// Whether the file did not end in time.
    pub hung: bool,
    /// Whether the connection was lost.
    pub lost: bool,
    /// From the first statement to the last.
    pub elapsed: Duration,
}

impl FileResult {
    /// Same and all statements of a class.
    pub fn count(&self, class: Class) -> (usize, usize) {
        let of = self.statements.iter().filter(|s| s.class == class);
        of.fold((0, 0), |(same, all), s| (same + usize::from(s.same), all + 1))
    }
}

/// PostgreSQL's regression files below the suites' folder.
#[derive(Debug)]
pub struct Regress {
    dir: PathBuf,
}

impl Regress {
    /// The files below `suites`.
    pub fn new(suites: &Path) -> Self {
        Self { dir: suites.join("postgresql-15.18/src/test/regress") }
    }

    /// The names of all files in the order of the schedule.
    pub fn schedule(&self) -> Result<Vec<String>> {
        let path = self.dir.join("public_schedule");
        let text = std::fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
        let tests = text.lines().filter_map(|l| l.strip_prefix("test:"));
        Ok(tests.flat_map(str::split_whitespace).map(str::to_owned).collect())
    }

    /// Makes the database `regression` as pg_regress does; returns where it is.
    pub async fn database(&self, server: &Target) -> Result<Target> {
        let client = server.connect().await?;
        client.batch_execute("DROP DATABASE IF EXISTS regression").await?;
        client.batch_execute("CREATE DATABASE regression TEMPLATE=template0").await?;
        for setting in [
            "lc_messages TO 'C'",
            "lc_monetary TO 'C'",
            "lc_numeric TO 'C'",
            "lc_time TO 'C'",
            "bytea_output TO 'hex'",
            "timezone_abbreviations TO 'Default'",
        ] {
            client.batch_execute(&format!("ALTER DATABASE regression SET {setting}")).await?;
        }
        Ok(Target { dbname: "regression".into(), ..server.clone() })
    }

    /// Runs a file; `scratch` is a directory that server and client share.
    pub fn run(&self, target: &Target, name: &str, scratch: &Path) -> Result<FileResult> {
        let path = self.dir.join(format!("sql/{name}.sql"));
        let script = std::fs::read(&path).context(|| format!("reading {}", path.display()))?;
        let mut command = Command::new("sh");
        // One pipe for both, so that errors stand where they belong.
        command.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(postgres_bin("psql")?);
        target.client_args(&mut command).args(["-X", "-a", "-q", "-d", &target.dbname]);
        command
            .args(["-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on"])
            .env("PGTZ", "PST8PDT")
            .env("PGDATESTYLE", "Postgres, MDY")
            .env("PGOPTIONS", "-c intervalstyle=postgres_verbose")
            .env("PG_ABS_SRCDIR", &self.dir)
            .env("PG_ABS_BUILDDIR", scratch)
            .env("PG_LIBDIR", scratch)
            .env("PG_DLSUFFIX", ".so")
            .env("LANG", "C")
            .env("LC_MESSAGES", "C");
        let began = Instant::now();
        let done = run_with_input(&mut command, script.clone(), FILE_LIMIT);
        let elapsed = began.elapsed();
        let (printed, hung) = match done {
            Ok(done) => (done.stdout, false),
            Err(e) => (e.to_string(), true),
        };
        let lost =
            printed.contains("server closed the connection") || printed.contains("connection to server was lost");
        let script = String::from_utf8_lossy(&script);
        let mut best: Option<FileResult> = None;
        for expected in self.expected(name)? {
            let statements = compare(&script, &expected, &printed);
            let whole = expected == printed;
            let result = FileResult { name: name.to_owned(), statements, whole, hung, lost, elapsed };
            let same = |r: &FileResult| r.statements.iter().filter(|s| s.same).count();
            if best.as_ref().is_none_or(|b| whole || same(&result) > same(b)) {
                best = Some(result);
            }
        }
        best.context(|| format!("{name} has no expected output"))
    }

    /// `name.out` and its variants `name_0.out` to `name_9.out`.
    fn expected(&self, name: &str) -> Result<Vec<String>> {
        let variants = (0..10).map(|n| format!("{name}_{n}.out"));
        let mut all = Vec::new();
        for file in std::iter::once(format!("{name}.out")).chain(variants) {
            let path = self.dir.join("expected").join(file);
            if path.is_file() {
                let bytes = std::fs::read(&path).context(|| format!("reading {}", path.display()))?;
                all.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        Ok(all)
    }
}

/// The non-blank lines of a script that psql echoes, and which of them are a statement (or several on one line).
fn read(script: &str) -> (Vec<&str>, Vec<Range<usize>>) {
    let (mut echoed, mut groups) = (Vec::new(), Vec::new());
    let (mut scan, mut begin, mut in_data, mut silent) = (Scan::default(), 0, false, false);
    for line in script.lines() {
        // psql hands the lines of an inline COPY to the server without echoing them.
        if in_data {
            in_data = line != "\\.";
            continue;
        }
        let ended = scan.line(line);
        // Until it is told to echo all psql echoes nothing, that command itself included.
        if !line.trim().is_empty() && !silent {
            echoed.push(line);
        }
        if let Some(what) = line.trim().strip_prefix("\\set ECHO ") {
            silent = what != "all";
        }
        if ended {
            in_data = reads_inline_data(&echoed[begin..]);
            groups.push(begin..echoed.len());
            begin = echoed.len();
        }
    }
    groups.push(begin..echoed.len());
    groups.retain(|g| !echoed[g.clone()].iter().all(|l| l.trim_start().starts_with("--")));
    (echoed, groups)
}

fn reads_inline_data(group: &[&str]) -> bool {
    let text = group.iter().filter(|l| !l.trim_start().starts_with("--")).copied().collect::<Vec<_>>().join(" ");
    let lower = text.to_lowercase();
    let lower = lower.trim_start();
    (lower.starts_with("copy") || lower.starts_with("\\copy"))
        && lower
            .split_whitespace()
            .zip(lower.split_whitespace().skip(1))
            .any(|(a, b)| a == "from" && matches!(b.trim_end_matches(';').trim_start_matches('\\'), "stdin" | "stdout"))
}

/// Where a line of SQL leaves psql's lexer.
#[derive(Debug, Default)]
struct Scan {
    /// The quote or dollar tag that is open.
    quote: Option<String>,
    /// Open block comments.
    comments: usize,
    /// Open parentheses: a semicolon within them ends nothing (CREATE RULE).
    parentheses: usize,
    /// Whether a statement has begun.
    begun: bool,
}

impl Scan {
    /// Takes a line; says whether a statement (or backslash command) ends in it.
    fn line(&mut self, line: &str) -> bool {
        let mut ended = false;
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let next = &rest[c.len_utf8()..];
            rest = match (&self.quote, c) {
                (Some(q), _) if rest.starts_with(q.as_str()) => {
                    let after = &rest[q.len()..];
                    self.quote = None;
                    after
                }
                (Some(q), '\\') if q == "E'" => next.get(next.chars().next().map_or(0, char::len_utf8)..).unwrap_or(""),
                (Some(_), _) => next,
                (None, '*') if self.comments > 0 && next.starts_with('/') => {
                    self.comments -= 1;
                    &next[1..]
                }
                (None, '/') if next.starts_with('*') => {
                    self.comments += 1;
                    &next[1..]
                }
                (None, _) if self.comments > 0 => next,
                (None, '-') if next.starts_with('-') => "",
                (None, '\\') => {
                    // A command of psql's ends the statement it follows; `\g` and its like send it.
                    let ends = !self.begun
                        || next.starts_with('g')
                        || next.starts_with("crosstabview")
                        || next.starts_with(';');
                    ended |= ends;
                    self.begun &= !ends;
                    ""
                }
                (None, '\'' | '"') => {
                    self.begun = true;
                    self.quote = Some(c.to_string());
                    next
                }
                (None, '$') => {
                    self.begun = true;
                    let tag = next
                        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                        .filter(|at| next[*at..].starts_with('$'));
                    match tag {
                        Some(at) if !next.starts_with(|c: char| c.is_ascii_digit()) => {
                            self.quote = Some(format!("${}$", &next[..at]));
                            &next[at + 1..]
                        }
                        _ => next,
                    }
                }
                (None, ';') if self.parentheses == 0 => {
                    ended = true;
                    self.begun = false;
                    next
                }
                (None, c) => {
                    match c {
                        '(' => self.parentheses += 1,
                        ')' => self.parentheses = self.parentheses.saturating_sub(1),
                        _ => {}
                    }
                    self.begun |= !c.is_whitespace();
                    next
                }
            };
        }
        ended && !self.begun && self.quote.is_none() && self.comments == 0
    }
}

/// Cuts an output behind each echoed line; also says how many lines were echoed.
fn cut<'a>(echoed: &[&str], output: &'a str) -> (Vec<Vec<&'a str>>, usize) {
    let mut parts = vec![Vec::new(); echoed.len() + 1];
    let mut at = 0;
    for line in output.lines().filter(|l| !l.trim().is_empty()) {
        match echoed.get(at) {
            Some(echo) if *echo == line => at += 1,
            Some(echo) if at > 0 && echoed[at - 1].starts_with("\\echo -n ") && line.ends_with(echo) => {
                parts[at].push(&line[..line.len() - echo.len()]);
                at += 1;
            }
            _ => parts[at].push(line),
        }
    }
    (parts, at)
}

fn compare(script: &str, expected: &str, got: &str) -> Vec<Statement> {
    let (echoed, groups) = read(script);
    let (want, _) = cut(&echoed, expected);
    let (have, reached) = cut(&echoed, got);
    let part = |parts: &[Vec<&str>], group: &Range<usize>| {
        parts[group.start + 1..=group.end].iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n")
    };
    let judged = groups.into_iter().map(|group| {
        let (expected, got) = (part(&want, &group), part(&have, &group));
        let same = reached >= group.end && expected == got;
        let text = echoed[group].join("\n");
        Statement { class: classify(&text), same, expected, got, text }
    });
    judged.collect()
}

fn classify(text: &str) -> Class {
    let lower = text.to_lowercase();
    let code: String = lower.lines().filter(|l| !l.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    if code.trim_start().starts_with("explain") || code.contains("explain_") {
        Class::Explain
    } else if ["plpgsql", "trigger", "language c", "regresslib", "\ndo ", "language 'c'"]
        .iter()
        .any(|w| code.contains(w))
        || code.starts_with("do ")
    {
        Class::Foreign
    } else {
        Class::Plain
    }
}

/// The table of all files, in Markdown.
pub fn table(results: &[FileResult]) -> String {
    let mut out = String::from(
        "| file | same | of | share | EXPLAIN | PL/pgSQL, triggers, C | |\n|---|---:|---:|---:|---:|---:|---|\n",
    );
    let mut totals = [(0, 0); 3];
    let mut whole = 0;
    for r in results {
        let counts = [Class::Plain, Class::Explain, Class::Foreign].map(|c| r.count(c));
        for (total, count) in totals.iter_mut().zip(counts) {
            *total = (total.0 + count.0, total.1 + count.1);
        }
        whole += usize::from(r.whole);
        let remark = match (r.whole, r.hung, r.lost) {
            (true, ..) => "whole",
            (_, true, _) => "hangs",
            (_, _, true) => "loses the connection",
            _ => "",
        };
        line(&mut out, &r.name, counts, remark);
    }
    line(&mut out, &format!("all {}", results.len()), totals, &format!("{whole} whole"));
    out
}

fn line(out: &mut String, name: &str, [plain, explain, foreign]: [(usize, usize); 3], remark: &str) {
    let share = 100.0 * plain.0 as f64 / plain.1.max(1) as f64;
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "| {name} | {} | {} | {share:.0} % | {}/{} | {}/{} | {remark} |",
        plain.0, plain.1, explain.0, explain.1, foreign.0, foreign.1
    );
}

/// The differing statements of a file, for reading.
pub fn differences(result: &FileResult) -> String {
    let mut out = String::new();
    for s in result.statements.iter().filter(|s| !s.same) {
        let _ = writeln!(out, "=== {}\n--- expected\n{}\n--- got\n{}", s.text, s.expected, s.got);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_as_psql_cuts_them() {
        let script = "-- a comment\n\nSELECT 1;\nSELECT 'a;\nb' /* ; */ ;\nCOPY t FROM stdin;\n1\n\\.\n\\d t\nSELECT $x$ ; $x$\n\\gset\n";
        let (echoed, groups) = read(script);
        let groups: Vec<&[&str]> = groups.into_iter().map(|g| &echoed[g]).collect();
        let want: [&[&str]; 5] = [
            &["-- a comment", "SELECT 1;"],
            &["SELECT 'a;", "b' /* ; */ ;"],
            &["COPY t FROM stdin;"],
            &["\\d t"],
            &["SELECT $x$ ; $x$", "\\gset"],
        ];
        assert_eq!(groups, want);
    }

    #[test]
    fn what_psql_does_not_echo_is_left_out() {
        let (echoed, groups) = read("SELECT 1;\n\\set ECHO none\nSELECT 2;\n\\set ECHO all\nSELECT 3;\n");
        assert_eq!(echoed, ["SELECT 1;", "\\set ECHO none", "SELECT 3;"]);
        assert_eq!(groups, [0..1, 1..2, 2..3]);
    }

    #[test]
    fn an_output_counts_only_as_far_as_psql_came() {
        let script = "SELECT 1;\nSELECT 2;\n";
        let expected = "SELECT 1;\n a\n\nSELECT 2;\n b\n";
        let same = |got| compare(script, expected, got).iter().map(|s| s.same).collect::<Vec<_>>();
        assert_eq!(same(expected), [true, true]);
        assert_eq!(same("SELECT 1;\n a\nSELECT 2;\nERROR:  x\n"), [true, false]);
        assert_eq!(same("SELECT 1;\n a\n"), [true, false]);
    }
}
