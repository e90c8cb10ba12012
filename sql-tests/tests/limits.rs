//! Bounds of memory and of input, with a smaller result than `limits` takes. In a process of its own, because thousands of
//! sockets need a higher limit of open files than a test has.

use rustydb_sql_tests::{Error, Kind, Result, command};
use std::process::Command;
use std::time::Duration;

fn short(kind: Kind, checks: &[&str]) -> Result<()> {
    let mut limits = Command::new(env!("CARGO_BIN_EXE_limits"));
    let done =
        command::run(limits.args(["--short", "--on", &kind.to_string()]).args(checks), Duration::from_secs(900))?;
    println!("{}", done.stdout);
    match done.success {
        true => Ok(()),
        false => Err(Error::new(format!("{}{}", done.stdout, done.stderr))),
    }
}

#[test]
fn on_rustydb() -> Result<()> {
    short(Kind::RustyDb, &[])
}

/// The checks are right.
#[test]
fn on_postgres() -> Result<()> {
    short(Kind::Postgres, &["stalled", "long", "deep", "text", "copy"])
}
