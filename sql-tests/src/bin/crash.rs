//! kill -9, many times.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::crash::{self, Plan};
use rustydb_sql_tests::{Kind, Options, Result};

const HELP: &str = "\
Kills a server with kill -9 at random moments under load, restarts it and checks that every acknowledged commit is there,
that nothing unacknowledged is half visible, and that indexes agree with tables.

Usage: crash [OPTION]...

  --on postgres|rustydb     (default: rustydb)
  --rounds N                (default: 200)
  --workers N               sessions with transactions (default: 8)
  --copiers N               sessions with COPY (default: 2)
  --longest MS              longest time under load (default: 1500)
  --seed N                  of the moments (default: from the clock)
  --pool SIZE               shared_buffers (default: 16MB, so that pages are evicted)
  --set NAME=VALUE,...      further settings of the server";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |d| d.as_secs());
    let options = Options::default().durable().set("shared_buffers", args.value::<String>("--pool", "16MB".into())?);
    let options = args.settings(options)?;
    let plan = Plan {
        kind: args.value("--on", Kind::RustyDb)?,
        rounds: args.value("--rounds", 200)?,
        workers: args.value("--workers", 8)?,
        copiers: args.value("--copiers", 2)?,
        longest: args.value("--longest", 1500)?,
        seed: args.value("--seed", clock)?,
        options,
    };
    args.done()?;
    println!("seed {}", plan.seed);
    let totals = crash::run(&plan, |line| println!("{line}")).await?;
    println!(
        "{} kills and {} during recovery: {} acknowledged transactions and {} copies all there; of the unanswered {} happened, \
         {} did not; slowest recovery {:.2} s",
        totals.kills,
        totals.recovery_kills,
        totals.acknowledged,
        totals.copies,
        totals.unanswered_found,
        totals.unanswered_lost,
        totals.slowest_recovery.as_secs_f64()
    );
    Ok(true)
}
