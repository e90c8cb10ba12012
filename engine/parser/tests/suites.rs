//! The statements that real clients send, and PostgreSQL's documentation examples, must be accepted.
//!
//! The files are data outside the repository: `RUSTYDB_SUITES`, else `../shared/suites` beside the workspace. Without
//! them these tests say so and check nothing.

use std::path::PathBuf;

fn suite(name: &str) -> Option<String> {
    let root =
        std::env::var_os("RUSTYDB_SUITES").map_or_else(|| PathBuf::from("../../../shared/suites"), PathBuf::from);
    match std::fs::read_to_string(root.join(name)) {
        Ok(s) => Some(s),
        Err(e) => {
            eprintln!("SKIPPED: {}: {e}", root.join(name).display());
            None
        }
    }
}

#[test]
fn postgres_statements_are_accepted() {
    let Some(text) = suite("clients/postgres_statements.sql") else { return };
    // Statements of later versions and of none, and WITH TIES without ORDER BY, which PostgreSQL refuses too.
    let mut failed = vec![];
    let mut lines = text.lines().peekable();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let mut sql = line.to_owned();
        while let Some(next) = lines.next_if(|l| l.starts_with(' ')) {
            sql.push('\n');
            sql.push_str(next);
        }
        count += 1;
        if let Err(e) = rustydb_parser::parse(&sql) {
            failed.push(format!("{e} || {sql}"));
        }
    }
    eprintln!("{count} statements, {} refused:\n{}", failed.len(), failed.join("\n"));
    assert!(failed.len() <= 13);
}

#[test]
fn what_psql_and_pg_dump_send_is_accepted() {
    let Some(text) = suite("clients/psql_pgdump_capture.sql") else { return };
    let mut count = 0;
    for sql in text.split('\u{1e}') {
        match rustydb_parser::parse(sql) {
            Ok(all) => count += all.len(),
            Err(e) => panic!("{e:?}: {sql}"),
        }
    }
    assert!(count > 180, "{count}");
}

/// Printed text parses to the same tree.
#[test]
fn printing_and_parsing_again_gives_the_same_tree() {
    let mut texts: Vec<String> =
        suite("clients/postgres_statements.sql").map(|t| t.lines().map(str::to_owned).collect()).unwrap_or_default();
    if let Some(t) = suite("clients/psql_pgdump_capture.sql") {
        texts.extend(t.split('\u{1e}').map(str::to_owned));
    }
    if let Some(t) = suite("clients/precedence_probes.txt") {
        texts.extend(t.lines().map(|l| format!("SELECT {l}")));
    }
    for sql in texts {
        for p in rustydb_parser::parse(&sql).unwrap_or_default() {
            use rustydb_parser::ast::Statement as S;
            let text = match &p.stmt {
                S::Query(q) => q.to_string(),
                S::Insert(i) => i.to_string(),
                S::Update(u) => u.to_string(),
                S::Delete(d) => d.to_string(),
                S::CreateView(v) => v.query.to_string(),
                _ => continue,
            };
            let again = rustydb_parser::parse(&text).unwrap_or_else(|e| panic!("{e:?}\n{sql}\n{text}"));
            let [again] = <[_; 1]>::try_from(again).expect("one statement");
            let before = match p.stmt {
                S::CreateView(v) => S::Query(v.query),
                other => other,
            };
            assert_eq!(without_places(&before), without_places(&again.stmt), "{sql}\n{text}");
        }
    }
}

/// The tree as text, all places left out.
fn without_places(stmt: &rustydb_parser::ast::Statement) -> String {
    let debug = format!("{stmt:?}");
    let mut out = String::with_capacity(debug.len());
    let mut rest = debug.as_str();
    while let Some(i) = rest.find("pos: ") {
        out.push_str(&rest[..i]);
        rest = rest[i + 5..].trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out.push_str(rest);
    // The elements of GROUP BY carry their places without a name.
    for word in ["Empty(", "], "] {
        let mut cut = String::with_capacity(out.len());
        for (n, part) in out.split(word).enumerate() {
            if n > 0 {
                cut.push_str(word);
                cut.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
            } else {
                cut.push_str(part);
            }
        }
        out = cut;
    }
    out
}
