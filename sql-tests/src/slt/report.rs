//! What a run says: a table per file, and each record that counts and failed.

use super::run::{FileResult, Outcome, RecordResult};
use std::fmt::Write;

/// Counts of records.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Queries as expected.
    pub queries_passed: usize,
    /// Statements as expected.
    pub statements_passed: usize,
    /// Failed here though PostgreSQL passes them: what a run is judged by.
    pub failed: usize,
    /// Failed here and on PostgreSQL.
    pub known_failures: usize,
    /// Passed here though the baseline says that PostgreSQL does not pass them.
    pub unexpected_passes: usize,
    /// Not run.
    pub skipped: usize,
}

impl Tally {
    /// Counts the records of one file.
    pub fn of(file: &FileResult) -> Self {
        let mut t = Self::default();
        for r in &file.records {
            match (&r.outcome, &r.known) {
                (Outcome::Skip(_), _) => t.skipped += 1,
                (Outcome::Fail { .. }, None) => t.failed += 1,
                (Outcome::Fail { .. }, Some(_)) => t.known_failures += 1,
                (Outcome::Pass, known) => {
                    t.unexpected_passes += usize::from(known.is_some());
                    if r.is_query {
                        t.queries_passed += 1;
                    } else {
                        t.statements_passed += 1;
                    }
                }
            }
        }
        t
    }

    /// Counts of all the files.
    pub fn total(files: &[FileResult]) -> Self {
        files.iter().map(Self::of).fold(Self::default(), |a, b| Self {
            queries_passed: a.queries_passed + b.queries_passed,
            statements_passed: a.statements_passed + b.statements_passed,
            failed: a.failed + b.failed,
            known_failures: a.known_failures + b.known_failures,
            unexpected_passes: a.unexpected_passes + b.unexpected_passes,
            skipped: a.skipped + b.skipped,
        })
    }

    fn row(&self, name: &str, seconds: f64) -> String {
        format!(
            "{name:<52} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7} {seconds:>8.1}",
            self.queries_passed,
            self.statements_passed,
            self.failed,
            self.known_failures,
            self.unexpected_passes,
            self.skipped
        )
    }
}

/// The table of all files.
pub fn table(files: &[FileResult]) -> String {
    let mut out = format!(
        "{:<52} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7} {:>8}\n",
        "file", "queries", "stmts", "FAILED", "known", "surpr.", "skipped", "seconds"
    );
    let mut seconds = 0.0;
    for file in files {
        seconds += file.elapsed.as_secs_f64();
        let _ = writeln!(out, "{}", Tally::of(file).row(&file.file, file.elapsed.as_secs_f64()));
    }
    out + &Tally::total(files).row("total", seconds)
}

/// A suite's part of the table that is kept: per folder how many of the records that PostgreSQL passes pass, then each
/// miss with its reason, the server's answer.
pub fn summary(suite: &str, files: &[FileResult]) -> String {
    let mut folders = std::collections::BTreeMap::<&str, (usize, usize, usize)>::new();
    for file in files {
        let folder = file.file.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let (count, passed, required) = folders.entry(folder).or_default();
        *count += 1;
        for r in file.records.iter().filter(|r| r.known.is_none() && !matches!(r.outcome, Outcome::Skip(_))) {
            *required += 1;
            *passed += usize::from(r.outcome == Outcome::Pass);
        }
    }
    let mut out =
        format!("\n## {suite}\n\n| folder | files | passed | required | share |\n|---|---:|---:|---:|---:|\n");
    let mut all = (0, 0, 0);
    let mut row = |name: &str, (count, passed, required): (usize, usize, usize)| {
        let share = if required == 0 { 100.0 } else { passed as f64 * 100.0 / required as f64 };
        // A share that is not whole must not look so.
        let share = if passed < required { share.min(99.99) } else { share };
        let _ = writeln!(out, "| {name} | {count} | {passed} | {required} | {share:.2} % |");
    };
    for (folder, counts) in folders {
        all = (all.0 + counts.0, all.1 + counts.1, all.2 + counts.2);
        row(folder, counts);
    }
    row("all", all);
    let misses = files.iter().flat_map(|f| f.records.iter().filter(|r| counts(r)).map(move |r| (&f.file, r)));
    for (n, (file, record)) in misses.enumerate() {
        let Outcome::Fail { expected, got } = &record.outcome else { continue };
        if n == 0 {
            out += "\nMisses:\n\n";
        }
        let (sql, expected, got) = (short(&record.sql, 120), short(expected, 100), short(got, 150));
        let _ = writeln!(out, "- `{file}:{}` `{sql}`: expected `{expected}`, got `{got}`", record.line);
    }
    out
}

/// The records that count and failed, each with its place, its text, what was expected and what came; at most `limit`.
pub fn failures(files: &[FileResult], limit: usize) -> String {
    let failed = files.iter().flat_map(|f| f.records.iter().filter(|r| counts(r)).map(move |r| (&f.file, r)));
    let mut out = String::new();
    let mut left_out = 0;
    for (n, (file, record)) in failed.enumerate() {
        let Outcome::Fail { expected, got } = &record.outcome else { continue };
        if n >= limit {
            left_out += 1;
            continue;
        }
        let _ = writeln!(
            out,
            "{file}:{}: {}\n  expected: {}\n  got:      {}",
            record.line,
            short(&record.sql, 400),
            short(expected, 300),
            short(got, 300)
        );
    }
    if left_out > 0 {
        let _ = writeln!(out, "... and {left_out} more");
    }
    out
}

/// Failed records by what came, most frequent first: shows what one fix would gain.
pub fn causes(files: &[FileResult], limit: usize) -> String {
    // Without names and numbers, the same failure of many records has one text.
    let names = regex::Regex::new("\"[^\"]*\"|[0-9]{2,}").ok();
    let mut counts_by = std::collections::HashMap::<String, (usize, String)>::new();
    for file in files {
        for r in file.records.iter().filter(|r| counts(r)) {
            let Outcome::Fail { got, .. } = &r.outcome else { continue };
            let line = got.lines().next().unwrap_or_default();
            let cause = names.as_ref().map_or_else(|| line.to_owned(), |q| q.replace_all(line, "_").into_owned());
            let entry = counts_by.entry(short(&cause, 150)).or_insert_with(|| (0, format!("{}:{}", file.file, r.line)));
            entry.0 += 1;
        }
    }
    let mut list: Vec<_> = counts_by.into_iter().collect();
    list.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
    list.iter().take(limit).fold(String::new(), |mut out, (cause, (n, place))| {
        let _ = writeln!(out, "{n:>7}  {cause}  (first at {place})");
        out
    })
}

fn counts(r: &RecordResult) -> bool {
    r.known.is_none() && matches!(r.outcome, Outcome::Fail { .. })
}

fn short(text: &str, limit: usize) -> String {
    let flat = text.replace('\n', " ");
    match flat.char_indices().nth(limit) {
        Some((at, _)) => format!("{} ...", &flat[..at]),
        None => flat,
    }
}
