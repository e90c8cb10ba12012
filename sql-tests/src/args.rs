//! Command lines of the harness programs: `--name value`, `--flag` and positional words.

use crate::{Context, Error, Options, Result};
use std::str::FromStr;

/// A parsed command line; options are taken out one by one, and what is left over is an error.
#[derive(Debug)]
pub struct Args {
    words: Vec<String>,
}

impl Args {
    /// This process's arguments. Prints `help` and exits when asked for it.
    pub fn from_env(help: &str) -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        if words.iter().any(|w| w == "--help" || w == "-h") {
            println!("{help}");
            std::process::exit(0);
        }
        Self { words }
    }

    /// Whether `--name` was given.
    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|w| w != name);
        self.words.len() != before
    }

    /// The value after `--name`, or `default`.
    pub fn value<T: FromStr>(&mut self, name: &str, default: T) -> Result<T>
    where
        T::Err: std::fmt::Display,
    {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// The value after `--name`, when given.
    pub fn optional<T: FromStr>(&mut self, name: &str) -> Result<Option<T>>
    where
        T::Err: std::fmt::Display,
    {
        let Some(at) = self.words.iter().position(|w| w == name) else { return Ok(None) };
        self.words.remove(at);
        if at >= self.words.len() {
            return Err(Error::new(format!("{name} needs a value")));
        }
        let text = self.words.remove(at);
        text.parse().map(Some).map_err(|e| Error::new(format!("{name} {text}: {e}")))
    }

    /// A comma-separated list after `--name`, or `default`.
    pub fn list<T>(&mut self, name: &str, default: &[T]) -> Result<Vec<T>>
    where
        T: FromStr + Clone,
        T::Err: std::fmt::Display,
    {
        match self.optional::<String>(name)? {
            None => Ok(default.to_vec()),
            Some(text) => text
                .split(',')
                .map(|t| t.trim().parse().map_err(|e| Error::new(format!("{name} {t}: {e}"))))
                .collect::<Result<_>>(),
        }
    }

    /// Adds the settings given by `--set NAME=VALUE,...`.
    pub fn settings(&mut self, mut options: Options) -> Result<Options> {
        for setting in self.list::<String>("--set", &[])? {
            let (name, value) = setting.split_once('=').context(|| format!("--set {setting}: expected NAME=VALUE"))?;
            options = options.set(name, value);
        }
        Ok(options)
    }

    /// The words that are not options; an unknown option among them is an error.
    pub fn rest(self) -> Result<Vec<String>> {
        match self.words.iter().find(|w| w.starts_with("--")) {
            Some(w) => Err(Error::new(format!("unknown option {w} (try --help)"))),
            None => Ok(self.words),
        }
    }

    /// No words may be left over.
    pub fn done(self) -> Result<()> {
        let rest = self.rest()?;
        rest.is_empty().then_some(()).context(|| format!("unexpected arguments: {}", rest.join(" ")))
    }
}

/// Runs a harness program: prints its error and sets the exit code. SIGINT and SIGTERM end it early, its servers with it.
pub fn main_with(run: impl Future<Output = Result<bool>>) -> std::process::ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(r) => r,
        Err(e) => {
            eprintln!("error: could not start a runtime: {e}");
            return std::process::ExitCode::from(2);
        }
    };
    match runtime.block_on(async {
        tokio::select! {
            done = run => done,
            signal = interrupted() => Err(signal),
        }
    }) {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(e) => {
            eprintln!("error: {e}");
            std::process::ExitCode::from(2)
        }
    }
}

/// Waits for a signal to end.
async fn interrupted() -> Error {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return Error::new("could not listen for signals");
    };
    tokio::select! {
        _ = int.recv() => Error::new("interrupted"),
        _ = term.recv() => Error::new("terminated"),
    }
}
