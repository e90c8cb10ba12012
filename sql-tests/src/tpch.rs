//! TPC-H: data from the generator `tpchgen-cli`, loaded by psql's `\copy`, and the answers of two servers compared text by
//! text. Schema, keys and queries are in `sql-tests/tpch`.

use crate::command;
use crate::error::{Context, Error, Result};
use crate::query;
use crate::server::Target;
use crate::temp::TempDir;
use crate::{psql, suites};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The tables, parents first, each with the columns of its primary key.
const TABLES: [(&str, &str); 8] = [
    ("region", "r_regionkey"),
    ("nation", "n_nationkey"),
    ("part", "p_partkey"),
    ("supplier", "s_suppkey"),
    ("partsupp", "ps_partkey, ps_suppkey"),
    ("customer", "c_custkey"),
    ("orders", "o_orderkey"),
    ("lineitem", "l_orderkey, l_linenumber"),
];

/// When primary and foreign keys are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Before the rows, so that every row is checked as it comes.
    BeforeLoading,
    /// After the rows.
    AfterLoading,
}

/// The folder of the tools that `scripts/install-test-tools` installs.
pub fn tools() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into()));
    std::env::var_os("RUSTYDB_TOOLS").map_or_else(|| home().join(".cache/rustydb-tools"), PathBuf::from)
}

/// Generates the tables at this scale as CSV files with a header line.
pub fn generate(scale: &str) -> Result<TempDir> {
    let dir = TempDir::new("tpch")?;
    let generator = tools().join("venv/bin/tpchgen-cli");
    let mut command = Command::new(&generator);
    command.args(["csv", "-s", scale, "-o"]).arg(dir.path());
    command::succeed(&mut command, Duration::from_secs(1800))
        .context(|| format!("{} (scripts/install-test-tools installs it)", generator.display()))?;
    Ok(dir)
}

/// Makes the tables and loads them from `dir`; returns how long the loading and the making of keys took.
pub fn load(target: &Target, dir: &Path, keys: Keys) -> Result<(Duration, Duration)> {
    psql::run(target, &text("schema.sql")?)?;
    let mut making_keys = Duration::ZERO;
    let mut make_keys = || -> Result<()> {
        let began = Instant::now();
        psql::run(target, &text("keys.sql")?)?;
        making_keys = began.elapsed();
        Ok(())
    };
    if keys == Keys::BeforeLoading {
        make_keys()?;
    }
    let began = Instant::now();
    for (table, _) in TABLES {
        let file = dir.join(format!("{table}.csv"));
        psql::run(target, &format!("\\copy {table} from '{}' with (format csv, header)\n", file.display()))
            .context(|| format!("loading {table}"))?;
    }
    let loading = began.elapsed();
    if keys == Keys::AfterLoading {
        make_keys()?;
    }
    psql::run(target, "ANALYZE;\n")?;
    Ok((loading, making_keys))
}

/// One of the 22.
#[derive(Debug)]
pub struct Query {
    /// 1 to 22.
    pub number: u32,
    /// Whether its ORDER BY fixes the order of rows.
    pub total_order: bool,
    /// Its statements; one of them returns rows.
    pub statements: Vec<String>,
}

/// All of them, in order.
pub fn queries() -> Result<Vec<Query>> {
    let text = text("queries.sql")?;
    let mut out = Vec::new();
    for part in text.split("\n-- Q").skip(1) {
        let bad = || format!("malformed heading: -- Q{}", query::shortened(part));
        let (heading, body) = part.split_once('\n').context(bad)?;
        let (number, order) = heading.split_once(' ').context(bad)?;
        let statements = body.split_inclusive(";\n").map(|s| s.trim().trim_end_matches(';').to_owned());
        out.push(Query {
            number: number.parse()?,
            total_order: match order {
                "total" => true,
                "ties" => false,
                _ => return Err(Error::new(bad())),
            },
            statements: statements.filter(|s| !s.is_empty()).collect(),
        });
    }
    (out.len() == 22).then_some(out).context(|| "queries.sql has not 22 queries".into())
}

/// A file of `sql-tests/tpch`.
pub(crate) fn text(file: &str) -> Result<String> {
    let path = suites::workspace_root().join("sql-tests/tpch").join(file);
    std::fs::read_to_string(&path).context(|| format!("reading {}", path.display()))
}

/// A query's rows as text, and how long it took.
#[derive(Debug)]
pub struct Answer {
    /// Rows, sorted when the query leaves their order open.
    pub rows: Vec<String>,
    /// From sending to the last row.
    pub elapsed: Duration,
}

/// Runs one query.
pub async fn run(target: &Target, q: &Query) -> Result<Answer> {
    let client = target.connect().await?;
    let began = Instant::now();
    let mut rows = Vec::new();
    for statement in &q.statements {
        rows.extend(query::lines(&client, statement).await.context(|| format!("Q{}", q.number))?);
    }
    let elapsed = began.elapsed();
    if !q.total_order {
        rows.sort();
    }
    Ok(Answer { rows, elapsed })
}

/// One line of a comparison.
#[derive(Debug)]
pub struct Compared {
    /// 1 to 22.
    pub number: u32,
    /// The judge's time.
    pub judge: Duration,
    /// The other's time, when it answered.
    pub candidate: Option<Duration>,
    /// How the answers differ, or the candidate's error.
    pub problem: Option<String>,
}

/// Runs every query on both and compares. The judge must answer.
pub async fn compare(judge: &Target, candidate: &Target) -> Result<Vec<Compared>> {
    let mut out = Vec::new();
    for q in queries()? {
        let want = run(judge, &q).await?;
        let got = run(candidate, &q).await;
        let (elapsed, problem) = match got {
            Ok(got) => (Some(got.elapsed), query::difference(&want.rows, &got.rows)),
            Err(e) => (None, Some(e.to_string())),
        };
        out.push(Compared { number: q.number, judge: want.elapsed, candidate: elapsed, problem });
    }
    Ok(out)
}

/// Compares the tables themselves, row by row in key order (or a part of the rows, of large ones).
pub async fn compare_tables(judge: &Target, candidate: &Target) -> Result<()> {
    let (left, right) = (judge.connect().await?, candidate.connect().await?);
    for (table, key) in TABLES {
        let sql = format!("SELECT * FROM {table} ORDER BY {key} LIMIT 20000");
        let (l, r) = (query::lines(&left, &sql).await?, query::lines(&right, &sql).await?);
        if let Some(difference) = query::difference(&l, &r) {
            return Err(Error::new(format!("table {table}: {difference}")));
        }
        let sql = format!("SELECT count(*) FROM {table}");
        let (l, r) = (query::value(&left, &sql).await?, query::value(&right, &sql).await?);
        (l == r).then_some(()).context(|| format!("table {table} has {l} and {r} rows"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_are_22_queries() {
        let all = super::queries().unwrap();
        assert_eq!(all.iter().map(|q| q.number).collect::<Vec<_>>(), (1..=22).collect::<Vec<_>>());
        assert_eq!(all.iter().map(|q| q.statements.len()).sum::<usize>(), 24);
    }
}
