//! The `rustydb` program: flags, log, runtime, exit code.

use mimalloc::MiMalloc;
use rustydb_base::DbError;
use rustydb_server::config::{self, Command, Config};
use rustydb_server::node;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let (config, check) = match config::parse(std::env::args().skip(1), |name| std::env::var(name).ok()) {
        Ok(Command::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Command::Run(config)) => (config, false),
        Ok(Command::Check(config)) => (config, true),
        Err(e) => return fail(&e),
    };
    let usual = if check { "warn" } else { "info" };
    let filter = EnvFilter::try_from_env("RUSTYDB_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    let done = if check { look(&config) } else { serve(&config).map(|()| ExitCode::SUCCESS) };
    done.unwrap_or_else(|e| fail(&e))
}

/// Stack of a worker thread. Trees of `rustydb_parser::MAX_HEIGHT` levels are walked, cloned and dropped recursively, at
/// some KiB a level in unoptimised builds; only what is touched becomes memory.
const WORKER_STACK: usize = 256 << 20;

fn runtime() -> Result<tokio::runtime::Runtime, DbError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(WORKER_STACK)
        .on_thread_park(rustydb_server::wire::batch::idle)
        .build()
        .map_err(|e| DbError::io("start the runtime", &e))
}

/// Checks the directory and says what is damaged: exit code 0 if nothing is, 1 if something is.
fn look(config: &Config) -> Result<ExitCode, DbError> {
    let found = runtime()?.block_on(node::check(config))?;
    found.list().iter().for_each(|f| println!("{f}"));
    if found.is_clean() {
        println!("No damage found.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} problems found. Restore the damaged files from a backup.", found.count());
    Ok(ExitCode::from(1))
}

fn serve(config: &Config) -> Result<(), DbError> {
    let runtime = runtime()?;
    tracing::info!("starting RustyDB {}", env!("CARGO_PKG_VERSION"));
    runtime.block_on(node::run(config, node::open_engine, node::stop_signals()))
}

/// Startup errors in the shape PostgreSQL's have on stderr, whatever the log's filter.
fn fail(e: &DbError) -> ExitCode {
    eprintln!("rustydb: FATAL:  {}", e.message);
    if let Some(f) = &e.fields {
        f.detail.iter().for_each(|d| eprintln!("DETAIL:  {d}"));
        f.hint.iter().for_each(|h| eprintln!("HINT:  {h}"));
    }
    // 1 is what the check says of a damaged directory.
    ExitCode::from(if std::env::args().nth(1).is_some_and(|a| a == "check") { 2 } else { 1 })
}
