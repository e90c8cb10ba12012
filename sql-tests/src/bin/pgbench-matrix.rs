//! The stock pgbench in every mode.

use rustydb_sql_tests::args::{Args, main_with};
use rustydb_sql_tests::pgbench::{self, Init};
use rustydb_sql_tests::{Kind, Options, Result, Server, Target};

const HELP: &str = "\
Runs the stock pgbench against a server in every mode and checks the sums that it leaves behind.

Usage: pgbench-matrix [OPTION]...

  --on postgres|rustydb     start a private server of this kind (default: rustydb)
  --port PORT               use the server on this port instead
  --scale N                 pgbench -s (default: 20)
  --seconds N               of each run (default: 30)
  --clients LIST            (default: 1,8,64)
  --scripts LIST            (default: tpcb-like,simple-update,select-only)
  --protocols LIST          (default: simple,extended,prepared)
  --set NAME=VALUE,...      settings of the private server";

fn main() -> std::process::ExitCode {
    main_with(run())
}

async fn run() -> Result<bool> {
    let mut args = Args::from_env(HELP);
    let kind = args.value("--on", Kind::RustyDb)?;
    let port: Option<u16> = args.optional("--port")?;
    let scale = args.value("--scale", 20)?;
    let seconds = args.value("--seconds", 30)?;
    let clients = args.list("--clients", &[1, 8, 64])?;
    let text = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<String>>();
    let scripts = args.list("--scripts", &text(&["tpcb-like", "simple-update", "select-only"]))?;
    let protocols = args.list("--protocols", &text(&["simple", "extended", "prepared"]))?;
    let options = args.settings(Options::default())?;
    args.done()?;

    let server = match port {
        Some(_) => None,
        None => Some(Server::start(kind, options).await?),
    };
    let target = match (&server, port) {
        (Some(server), _) => server.target().clone(),
        (None, port) => Target::local(kind, port.unwrap_or(5432)),
    };
    let mut failures = 0;
    for how in [Init::Server, Init::Client] {
        match pgbench::init(&target, scale, how).await {
            Ok(took) => println!("init {how:?} with foreign keys, scale {scale}: {:.1} s", took.as_secs_f64()),
            Err(e) => {
                println!("init {how:?}: FAILED: {e}");
                failures += 1;
            }
        }
    }
    for run in pgbench::matrix(&scripts, &protocols, &clients, seconds) {
        match pgbench::run(&target, &run).await {
            Ok(r) => println!("{:<42} {:>10.0} tps {:>10.3} ms", run.to_string(), r.tps, r.latency),
            Err(e) => {
                println!("{run}: FAILED: {e}");
                failures += 1;
            }
        }
    }
    println!("{failures} failures");
    Ok(failures == 0)
}
