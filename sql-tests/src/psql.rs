//! The stock psql as a client: scripts in, text out.

use crate::error::{Context, Error, Result};
use crate::server::{Target, postgres_bin};
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs a script (SQL and backslash commands) that must succeed; stops at its first error. Returns what psql printed, in
/// the unaligned format without headers.
pub fn run(target: &Target, script: &str) -> Result<String> {
    run_with(target, &["-A", "-t"], script)
}

/// The same with psql's options of choice.
pub fn run_with(target: &Target, options: &[&str], script: &str) -> Result<String> {
    let mut command = Command::new(postgres_bin("psql")?);
    target
        .client_args(&mut command)
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &target.dbname])
        .args(options)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context(|| "starting psql".into())?;
    let mut stdin = child.stdin.take().context(|| "psql has no stdin".into())?;
    let bytes = script.as_bytes().to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let out = child.wait_with_output()?;
    let written = writer.join().map_err(|_| Error::new("the thread that feeds psql panicked"))?;
    if !out.status.success() {
        let stderr = String::from_utf8_lossy(&out.stderr);
        return Err(Error::new(format!("psql on {} failed ({}): {}", target.kind, out.status, stderr.trim())));
    }
    written?;
    String::from_utf8(out.stdout).map_err(|_| Error::new("psql printed invalid UTF-8"))
}
