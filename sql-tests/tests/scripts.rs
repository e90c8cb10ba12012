//! Scripts in `sql-tests/scripts`: what psql prints of them, errors included, is what it prints on PostgreSQL.

use rustydb_sql_tests::{Kind, Options, Result, Server, psql, suites};

#[tokio::test(flavor = "multi_thread")]
async fn psql_prints_the_same() -> Result<()> {
    // RustyDB counts statements whenever a database has the extension; PostgreSQL has to load its library at the start.
    let counting = Options::default().set("shared_preload_libraries", "pg_stat_statements");
    let judge = Server::start(Kind::Postgres, counting).await?;
    let rustydb = Server::start(Kind::RustyDb, Options::default()).await?;
    let dir = suites::workspace_root().join("sql-tests/scripts");
    let mut scripts: Vec<_> = std::fs::read_dir(dir)?.map(|e| e.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    scripts.sort();
    assert!(!scripts.is_empty(), "no scripts");
    let mut problems = String::new();
    for script in scripts {
        // Each has a database to itself: what one leaves behind, in which order, is nothing to the next.
        let want = psql::transcript(&judge.target().fresh_database("script").await?, &script)?;
        let got = psql::transcript(&rustydb.target().fresh_database("script").await?, &script)?;
        let diff = similar(&want, &got);
        if !diff.is_empty() {
            problems += &format!("{}:\n{diff}", script.display());
        }
    }
    assert!(problems.is_empty(), "- PostgreSQL, + RustyDB\n{problems}");
    Ok(())
}

/// The statements whose answers differ, with both answers. A transcript repeats every statement before its answer, so the
/// texts are cut at the lines they share.
fn similar(want: &str, got: &str) -> String {
    let (w, g): (Vec<_>, Vec<_>) = (want.lines().collect(), got.lines().collect());
    let (mut i, mut j) = (0, 0);
    let mut out = String::new();
    while i < w.len() || j < g.len() {
        if w.get(i) == g.get(j) {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        // The nearest pair of equal lines from here.
        let near = (0..w.len() - i + g.len() - j).find_map(|d| {
            (0..=d).find_map(|x| {
                let (a, b) = (w.get(i + x)?, g.get(j + d - x)?);
                (a == b).then_some((i + x, j + d - x))
            })
        });
        let (ni, nj) = near.unwrap_or((w.len(), g.len()));
        if i > 0 {
            out += &format!("  {}\n", w[i - 1]);
        }
        w[i..ni].iter().for_each(|l| out += &format!("- {l}\n"));
        g[j..nj].iter().for_each(|l| out += &format!("+ {l}\n"));
        (i, j) = (ni, nj);
    }
    out
}
