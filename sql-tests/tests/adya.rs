//! Isolation levels judged from histories, shortly (`adya` does it with 100,000 transactions and 20 seeds a level).

use rustydb_sql_tests::adya::{Level, Plan, clean, run};
use rustydb_sql_tests::{Kind, Options, Result};

async fn judge(kind: Kind, level: Level, workload: adya::Workload, kills: u32) -> Result<()> {
    let options = Options::default().durable();
    let plan = Plan { kind, level, workload, transactions: 3_000, sessions: 8, kills, seed: 7, options };
    let run = run(&plan).await?;
    assert!(run.ended[0] > 500, "only {:?} of 3,000 transactions committed", run.ended);
    clean(&run.judge(level.model()))?;
    if level == Level::ReadCommitted && workload == adya::Workload::ListAppend {
        assert!(clean(&run.judge("serializable")).is_err(), "READ COMMITTED passes for serializable");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_hold() -> Result<()> {
    for level in Level::ALL {
        judge(Kind::RustyDb, level, adya::Workload::ListAppend, 1).await?;
        judge(Kind::RustyDb, level, adya::Workload::RwRegister, 0).await?;
    }
    Ok(())
}

/// The harness is right.
#[tokio::test(flavor = "multi_thread")]
async fn levels_of_postgres_hold() -> Result<()> {
    judge(Kind::Postgres, Level::ReadCommitted, adya::Workload::ListAppend, 0).await?;
    judge(Kind::Postgres, Level::Serializable, adya::Workload::ListAppend, 1).await
}
