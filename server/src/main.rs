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
    let config = match config::parse(std::env::args().skip(1), |name| std::env::var(name).ok()) {
        Ok(Command::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Command::Run(config)) => config,
        Err(e) => return fail(&e),
    };
    let filter = EnvFilter::try_from_env("RUSTYDB_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    match serve(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}

/// Stack of a worker thread. Trees of `rustydb_parser::MAX_HEIGHT` levels are walked, cloned and dropped recursively, at
/// some KiB a level in unoptimised builds; only what is touched becomes memory.
const WORKER_STACK: usize = 256 << 20;

fn serve(config: &Config) -> Result<(), DbError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(WORKER_STACK)
        .on_thread_park(rustydb_server::wire::batch::idle)
        .build()
        .map_err(|e| DbError::io("start the runtime", &e))?;
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
    ExitCode::FAILURE
}
