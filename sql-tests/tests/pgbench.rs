//! The stock pgbench in every mode, each for a second (`pgbench-matrix` does it at length).

use rustydb_sql_tests::pgbench::{self, Init};
use rustydb_sql_tests::{Kind, Options, Result, Server};

#[tokio::test(flavor = "multi_thread")]
async fn on_rustydb() -> Result<()> {
    let server = Server::start(Kind::RustyDb, Options::default()).await?;
    for how in [Init::Server, Init::Client] {
        pgbench::init(server.target(), 1, how).await?;
    }
    let words = |w: &[&str]| w.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let scripts = words(&["tpcb-like", "simple-update", "select-only"]);
    let protocols = words(&["simple", "extended", "prepared"]);
    let mut failures = Vec::new();
    for run in pgbench::matrix(&scripts, &protocols, &[1, 8, 64], 1) {
        if let Err(e) = pgbench::run(server.target(), &run).await {
            failures.push(e.to_string());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
