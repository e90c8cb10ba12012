//! PostgreSQL and RustyDB measured in turn.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::bench::{self, Plan};
use rustydb_sql_tests::{Kind, Result};

const HELP: &str = "\
Measures PostgreSQL 15 and RustyDB in turn, both durable and with the same page pool; prints medians and ratios. Use a
release build, and a machine that does nothing else.

Usage: bench [OPTION]...

  --on postgres|rustydb     who is compared with PostgreSQL (default: rustydb)
  --scale N                 of pgbench (default: 20)
  --seconds N               of each pgbench run (default: 10)
  --rounds N                runs on each server, of which the median counts (default: 3)
  --clients LIST            (default: 1,8,64)
  --socket                  pgbench by Unix socket instead of TCP
  --tpch N                  TPC-H's scale factor (default: 1)
  --no-tpch
  --pool SIZE               shared_buffers of both (default: 256MB)
  --work-mem SIZE           of both (default: 64MB)";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let tpch: String = args.value("--tpch", "1".into())?;
    let plan = Plan {
        candidate: args.value("--on", Kind::RustyDb)?,
        scale: args.value("--scale", 20)?,
        seconds: args.value("--seconds", 10)?,
        rounds: args.value("--rounds", 3)?,
        clients: args.list("--clients", &[1, 8, 64])?,
        socket: args.flag("--socket"),
        tpch: (!args.flag("--no-tpch")).then_some(tpch),
        pool: args.value("--pool", "256MB".into())?,
        work_mem: args.value("--work-mem", "64MB".into())?,
    };
    args.done()?;
    println!("{:<44} {:>12} {:>12} {:>8}", "", "PostgreSQL", plan.candidate, "ratio");
    bench::run(&plan, |line| println!("{line}")).await?;
    Ok(true)
}
