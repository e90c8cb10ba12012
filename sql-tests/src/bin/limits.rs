//! Bounds of memory and of input.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::limits::{Sizes, input, memory, storage};
use rustydb_sql_tests::{Context, Error, Kind, Options, Result, Server};
use std::os::unix::process::CommandExt;

const HELP: &str = "\
Idle sessions, clients that stop reading, statements that compute for hours, large results, long literals, deep statements, broken COPYs, a table larger than
the page pool (shared_buffers is 16MB unless --set says otherwise), rows that change again and again
(undo_retention is 1s unless --set says otherwise).

Usage: limits [OPTION]... [CHECK]...

  --on postgres|rustydb     (default: rustydb)
  --rows N                  of the large result (default: 10000000)
  --connections N           idle sessions (default: 2000)
  --short                   small enough for every run of the tests
  --set NAME=VALUE,...      settings of the server

Checks: idle, stalled, long, large, literal, deep, text, copy, pool, churn (default: all)";

const CHECKS: [&str; 10] = ["idle", "stalled", "long", "large", "literal", "deep", "text", "copy", "pool", "churn"];

fn main() -> std::process::ExitCode {
    if let Err(e) = raise_open_files() {
        eprintln!("error: {e}");
        return std::process::ExitCode::from(2);
    }
    main_with(run())
}

/// Thousands of sockets need more than the usual 1024 open files; only a shell can raise that without unsafe code. Starts
/// this program again through one, once; the servers it starts inherit the limit.
fn raise_open_files() -> Result<()> {
    const MARK: &str = "RUSTYDB_LIMITS_RAISED";
    if std::env::var_os(MARK).is_some() {
        return Ok(());
    }
    let me = std::env::current_exe()?;
    let script = "ulimit -n $(ulimit -Hn) 2>/dev/null; exec \"$0\" \"$@\"";
    Err(std::process::Command::new("sh")
        .args(["-c", script])
        .arg(me)
        .args(std::env::args_os().skip(1))
        .env(MARK, "1")
        .exec())
    .context(|| "starting a shell".into())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let kind = args.value("--on", Kind::RustyDb)?;
    let base = if args.flag("--short") { Sizes::short() } else { Sizes::full() };
    let sizes = Sizes {
        rows: args.value("--rows", base.rows)?,
        connections: args.value("--connections", base.connections)?,
        ..base
    };
    let mut options = Options::default().set("shared_buffers", "16MB");
    if kind == Kind::RustyDb {
        // Space is to be steady under updates, not to hold a minute of them, which is what is kept otherwise.
        options = options.set("undo_retention", "1s");
    }
    let mut options = args.settings(options)?;
    let mut wanted = args.rest()?;
    if wanted.is_empty() {
        wanted = CHECKS.map(String::from).to_vec();
    }
    if kind == Kind::Postgres {
        options = options.set("max_connections", sizes.connections + 20);
    }
    let mut server = Server::start(kind, options).await?;
    let mut failures = 0;
    for check in &wanted {
        let target = server.target();
        let outcome = match check.as_str() {
            "idle" => memory::idle_connections(target, &sizes).await,
            "stalled" => memory::stalled_reader(target, &sizes).await,
            "long" => memory::long_statements(target).await,
            "large" => memory::large_result(target, &sizes).await,
            "literal" => input::long_literal(target, &sizes).await,
            "deep" => input::deep_nesting(target, &sizes).await,
            "text" => input::not_text(target).await,
            "copy" => input::broken_copy(target).await,
            "pool" => storage::larger_than_pool(&server, &sizes).await,
            "churn" => storage::churn(&server, &sizes).await,
            _ => return Err(Error::new(format!("no check of the name {check} (there are {})", CHECKS.join(", ")))),
        };
        match outcome {
            Ok(figures) => println!("{check}: {figures}"),
            Err(e) => {
                failures += 1;
                println!("{check}: FAILED: {e}");
                if !server.is_running() {
                    println!("the server is gone:\n{}", server.log_tail());
                    server.restart().await?;
                }
            }
        }
    }
    println!("{failures} failures");
    Ok(failures == 0)
}
