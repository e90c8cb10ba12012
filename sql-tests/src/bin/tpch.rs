//! TPC-H on two servers.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::tpch::{self, Keys};
use rustydb_sql_tests::{Kind, Options, Result, Server};
use std::time::Duration;

const HELP: &str = "\
Generates TPC-H data, loads it into PostgreSQL and RustyDB by \\copy, runs the 22 queries on both and compares.

Usage: tpch [OPTION]...

  --scale N                 scale factor (default: 1)
  --on postgres|rustydb     who is compared with PostgreSQL (default: rustydb)
  --keys before|after       when primary and foreign keys are made (default: after loading)
  --work-mem SIZE           of both (default: 64MB)
  --pool SIZE               shared_buffers of both (default: 256MB)";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let scale: String = args.value("--scale", "1".into())?;
    let kind = args.value("--on", Kind::RustyDb)?;
    let keys = match args.value::<String>("--keys", "after".into())?.as_str() {
        "before" => Keys::BeforeLoading,
        _ => Keys::AfterLoading,
    };
    let work_mem: String = args.value("--work-mem", "64MB".into())?;
    let pool: String = args.value("--pool", "256MB".into())?;
    args.done()?;

    let options = || Options::default().set("work_mem", &work_mem).set("shared_buffers", &pool);
    let data = tpch::generate(&scale)?;
    let judge = Server::start(Kind::Postgres, options()).await?;
    let candidate = Server::start(kind, options()).await?;
    for server in [&judge, &candidate] {
        let (loading, keys) = tpch::load(server.target(), data.path(), keys)?;
        println!("{}: loaded in {:.1} s, keys in {:.1} s", server.target().kind, seconds(loading), seconds(keys));
    }
    tpch::compare_tables(judge.target(), candidate.target()).await?;
    let (mut totals, mut problems) = ((0.0, 0.0), 0);
    for c in tpch::compare(judge.target(), candidate.target()).await? {
        let candidate = c.candidate.map_or(f64::NAN, seconds);
        totals = (totals.0 + seconds(c.judge), totals.1 + candidate);
        problems += u32::from(c.problem.is_some());
        println!(
            "Q{:<3} {:>9.3} s {candidate:>9.3} s  {}",
            c.number,
            seconds(c.judge),
            c.problem.as_deref().unwrap_or("the same")
        );
    }
    println!("total {:>7.3} s {:>9.3} s, {problems} of 22 differ", totals.0, totals.1);
    Ok(problems == 0)
}

fn seconds(d: Duration) -> f64 {
    d.as_secs_f64()
}
