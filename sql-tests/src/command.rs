//! Child programs with a time limit.

use crate::error::{Context, Error, Result};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// From start to end.
    pub elapsed: Duration,
}

/// Runs a program to its end, without input; it is killed after `limit`, which is an error.
pub fn run(command: &mut Command, limit: Duration) -> Result<Finished> {
    run_with_input(command, Vec::new(), limit)
}

/// The same with a text as its standard input.
pub fn run_with_input(command: &mut Command, input: Vec<u8>, limit: Duration) -> Result<Finished> {
    let name = command.get_program().to_string_lossy().into_owned();
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(|| format!("starting {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input to the end closes the pipe, which is no error of ours.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let reader = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // A read error ends the text early; the exit code still tells.
            let _ = pipe.map(|mut p| p.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = reader(child.stdout.take().map(|p| Box::new(p) as _));
    let err = reader(child.stderr.take().map(|p| Box::new(p) as _));
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if began.elapsed() > limit => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let elapsed = began.elapsed();
    let lost = |_| Error::new(format!("lost the output of {name}"));
    let (stdout, stderr) = (out.join().map_err(lost)?, err.join().map_err(lost)?);
    match status {
        Some(status) => Ok(Finished { success: status.success(), stdout, stderr, elapsed }),
        None => Err(Error::new(format!("{name} did not end within {limit:?}\n{stdout}{stderr}"))),
    }
}

/// Runs a program that must succeed; returns its standard output.
pub fn succeed(command: &mut Command, limit: Duration) -> Result<String> {
    let name = format!("{command:?}");
    let done = run(command, limit)?;
    match done.success {
        true => Ok(done.stdout),
        false => Err(Error::new(format!("{name} failed:\n{}{}", done.stdout, done.stderr))),
    }
}
