//! Isolation levels, judged from histories.

use rustydb_sql_tests::adya::{self, Level, Plan, clean};
use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::{Error, Kind, Options, Result};

const HELP: &str = "\
Runs random transactions at each isolation level, notes what every session was told, and lets the adya checker look for
what the level forbids: READ COMMITTED, REPEATABLE READ (judged as snapshot isolation), SERIALIZABLE; lists and registers.
Every other seed's server is killed with kill -9 three times. READ COMMITTED must be found not to be serializable.

Usage: adya [OPTION]...

  --on postgres|rustydb     (default: rustydb)
  --levels L,...            read-committed, repeatable-read, serializable (default: all)
  --transactions N          of each seed, level and workload (default: 100000)
  --seeds N                 (default: 20)
  --first N                 the first seed (default: 1)
  --sessions N              (default: 10)
  --set NAME=VALUE,...      further settings of the server";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let options = args.settings(Options::default().durable())?;
    let kind = args.value("--on", Kind::RustyDb)?;
    let levels = args.list("--levels", &Level::ALL)?;
    let transactions: u64 = args.value("--transactions", 100_000)?;
    let (seeds, first): (u64, u64) = (args.value("--seeds", 20)?, args.value("--first", 1)?);
    let sessions = args.value("--sessions", 10)?;
    args.done()?;
    let mut sound = true;
    let mut flagged = None;
    for level in levels {
        for seed in first..first + seeds {
            // Half of the seeds are lists, and half of either are killed.
            let workload = if seed % 2 == 1 { ::adya::Workload::ListAppend } else { ::adya::Workload::RwRegister };
            let kills = if seed % 4 < 2 { 3 } else { 0 };
            let plan = Plan { kind, level, workload, transactions, sessions, kills, seed, options: options.clone() };
            let began = std::time::Instant::now();
            let run = adya::run(&plan).await?;
            let took = began.elapsed().as_secs_f64();
            let verdict = clean(&run.judge(level.model()));
            println!(
                "{:<16} {workload:?} seed {seed}: {:?} committed, rolled back, unknown; {} kills; {took:.0} s; {} {}",
                level.sql(),
                run.ended,
                run.kills,
                level.model(),
                if verdict.is_ok() { "holds" } else { "IS VIOLATED" },
            );
            if let Err(e) = verdict {
                println!("{e}");
                sound = false;
            }
            if level == Level::ReadCommitted && workload == ::adya::Workload::ListAppend {
                let not = clean(&run.judge("serializable")).is_err();
                flagged = Some(flagged.unwrap_or(true) && not);
                println!("    asked whether it is serializable: {}", if not { "no" } else { "YES" });
            }
        }
    }
    if flagged == Some(false) {
        return Err(Error::new("READ COMMITTED passes for serializable: the checks prove nothing"));
    }
    Ok(sound)
}
