//! The statements that real clients send, and PostgreSQL's documentation examples, must be accepted.
//!
//! The files are data outside the repository: `RUSTYDB_SUITES`, else `../shared/suites` beside the workspace. Without
//! them these tests say so and check nothing.

use std::path::PathBuf;

fn suite(name: &str) -> Option<String> {
    let root = std::env::var_os("RUSTYDB_SUITES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites"), PathBuf::from);
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
    // Statements of later versions and of none.
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
    assert!(failed.len() <= 11);
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
