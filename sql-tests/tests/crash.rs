//! kill -9 under load, a few times (`crash` does it 200 times).

use rustydb_sql_tests::crash::{self, Plan};
use rustydb_sql_tests::{Kind, Options, Result};

async fn a_few_kills(kind: Kind, rounds: u32) -> Result<()> {
    let options = Options::default().durable().set("shared_buffers", "16MB");
    let plan = Plan { kind, rounds, workers: 6, copiers: 2, longest: 1200, seed: 1, options };
    let totals = crash::run(&plan, |line| println!("{line}")).await?;
    assert!(totals.acknowledged > 0, "no transaction was acknowledged: {totals:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_rustydb() -> Result<()> {
    a_few_kills(Kind::RustyDb, 3).await
}

/// The harness is right.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() -> Result<()> {
    a_few_kills(Kind::Postgres, 1).await
}
