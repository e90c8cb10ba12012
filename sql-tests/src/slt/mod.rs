//! sqllogictest files, record by record.
//!
//! The crate `sqllogictest` parses; what it lacks is here: comments after `onlyif`/`skipif` labels, conditions on `halt`,
//! one value per line, results hashed after sorting, rendering by the letters I, R and T, and the headers of other
//! dialects ([`parse`] and [`render`]). Every record runs, whatever became of the ones before it, and each has an outcome
//! ([`run`]); [`baseline`] knows which records a real PostgreSQL does not pass, so that only the others count.
//!
//! Invariant: a record is named by its file and the line of its `query` or `statement` word, as in the baselines.
//!
//! Left out: `system`, `sleep`, `include`, `let` and retries; such records are reported as skipped.

pub mod baseline;
pub mod parse;
pub mod render;
pub mod report;
pub mod run;

use crate::error::{Context, Error, Result};
use crate::server::{Kind, Options, Server, Target};
use baseline::Known;
use run::FileResult;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_postgres::error::SqlState;

/// The roles that CockroachDB's files find.
const COCKROACH_ROLES: [&str; 2] = ["CREATE ROLE root LOGIN SUPERUSER", "CREATE ROLE testuser LOGIN"];

/// Where DataFusion's files read their data, as they write it.
const DATAFUSION_DATA: &str = "../../testing/data";

/// The suites there are.
pub const NAMES: [&str; 4] = ["sqlite", "serenedb", "cockroach", "datafusion"];

/// A folder of test files with what is known about them.
#[derive(Debug)]
pub struct Suite {
    /// The files' names are relative to this folder.
    pub root: PathBuf,
    /// File names, in the order in which they are reported.
    pub files: Vec<String>,
    /// What PostgreSQL makes of the records.
    pub known: Known,
    /// The dialect of all the files.
    pub dialect: parse::Dialect,
}

impl Suite {
    /// SQLite's corpus below `suites`; `wanted` picks files by prefix (none: all).
    pub fn sqlite(suites: &Path, wanted: &[String]) -> Result<Self> {
        let root = suites.join("sqlite-sqllogictest/test");
        let known = Known::failures(&suites.join("BASELINES/sqlite-sqllogictest.pg15.18.known-fail.tsv"))?;
        Self::new(root, wanted, known, parse::Dialect::Sqlite)
    }

    /// SereneDB's files, which include SQLite files recorded again with PostgreSQL's own text output.
    pub fn serenedb(suites: &Path, wanted: &[String]) -> Result<Self> {
        let root = suites.join("serenedb/tests/sqllogic");
        let known = Known::statuses(&suites.join("BASELINES/serenedb.pg15.18.tsv"), "tests/sqllogic/")?;
        Self::new(root, wanted, known, parse::Dialect::Serene)
    }

    /// DataFusion's files that compare it with PostgreSQL, as far as PostgreSQL's own text is what they expect.
    pub fn datafusion(suites: &Path, wanted: &[String]) -> Result<Self> {
        let root = suites.join("datafusion-55.2.0/datafusion/sqllogictest/test_files/pg_compat");
        let known = Known::statuses(
            &suites.join("BASELINES/datafusion-55.2.0.pg15.18.tsv"),
            "datafusion/sqllogictest/test_files/pg_compat/",
        )?;
        Self::new(root, wanted, known, parse::Dialect::DataFusion)
    }

    /// The suite of this name, one of [`NAMES`].
    pub fn named(name: &str, suites: &Path, wanted: &[String]) -> Result<Self> {
        match name {
            "sqlite" => Self::sqlite(suites, wanted),
            "serenedb" => Self::serenedb(suites, wanted),
            "cockroach" => Self::cockroach(suites, wanted),
            "datafusion" => Self::datafusion(suites, wanted),
            _ => Err(Error::new(format!("no suite {name}: expected one of {}", NAMES.join(", ")))),
        }
    }

    /// CockroachDB's files of February 2019, as far as PostgreSQL passes them.
    pub fn cockroach(suites: &Path, wanted: &[String]) -> Result<Self> {
        let root = suites.join("cockroachdb-2019-02/pkg/sql/logictest/testdata/logic_test");
        let known = Known::statuses(
            &suites.join("BASELINES/cockroachdb-2019-02.pg15.18.tsv"),
            "pkg/sql/logictest/testdata/logic_test/",
        )?;
        Self::new(root, wanted, known, parse::Dialect::Cockroach)
    }

    fn new(root: PathBuf, wanted: &[String], known: Known, dialect: parse::Dialect) -> Result<Self> {
        let mut files = Vec::new();
        collect(&root, &root, dialect, &mut files)?;
        files.retain(|f| wanted.is_empty() || wanted.iter().any(|w| f.starts_with(w.as_str())));
        files.sort();
        (!files.is_empty())
            .then_some(())
            .context(|| format!("no test files of {wanted:?} below {}", root.display()))?;
        Ok(Self { root, files, known, dialect })
    }
}

fn collect(root: &Path, dir: &Path, dialect: parse::Dialect, out: &mut Vec<String>) -> Result<()> {
    // CockroachDB's files have no ending.
    let all = dialect == parse::Dialect::Cockroach;
    for entry in std::fs::read_dir(dir).context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, dialect, out)?;
        } else if all || path.extension().is_some_and(|e| e == "test" || e == "slt" || e == "test_slow") {
            let name = path.strip_prefix(root).unwrap_or(&path);
            out.push(name.to_str().context(|| format!("{} is not UTF-8", path.display()))?.to_owned());
        }
    }
    Ok(())
}

/// Where the files run.
#[derive(Debug, Clone)]
pub enum Where {
    /// Each file on a server of its own.
    Fresh(Kind),
    /// On this server, one file after the other, its schema `public` made anew before each.
    Existing(Target),
}

/// Runs every file, `jobs` at a time, and returns the results in the suite's order.
pub async fn run_suite(suite: Arc<Suite>, place: Where, jobs: usize) -> Result<Vec<FileResult>> {
    let jobs = if matches!(place, Where::Existing(_)) { 1 } else { jobs.max(1) };
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for _ in 0..jobs {
        let (suite, place, next) = (suite.clone(), place.clone(), next.clone());
        workers.push(tokio::spawn(async move {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = suite.files.get(at) else { return Ok::<_, Error>(done) };
                done.push((at, run_one(&suite, file, &place).await.context(|| file.clone())?));
            }
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.map_err(|e| Error::new(format!("a worker failed: {e}")))??);
    }
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

async fn run_one(suite: &Suite, file: &str, place: &Where) -> Result<FileResult> {
    let script = std::fs::read_to_string(suite.root.join(file)).context(|| "reading the file".into())?;
    // Some files let the server write into a scratch directory and read from it again.
    let records = |scratch: &Path| {
        let data = suite.root.join("../../../../testing/data");
        let script = match suite.dialect {
            parse::Dialect::DataFusion => script.replace(DATAFUSION_DATA, &data.to_string_lossy()),
            _ => script.replace("${__TEST_DIR__}", &scratch.to_string_lossy()),
        };
        parse::parse(&script, file, suite.dialect)
    };
    match place {
        Where::Fresh(kind) => {
            let server = Server::start(*kind, Options::default()).await?;
            make_roles(suite.dialect, server.target()).await?;
            run::run_file(file, &records(server.scratch())?, server.target(), &suite.known).await
        }
        Where::Existing(target) => {
            let client = target.connect().await?;
            client.batch_execute("DROP SCHEMA IF EXISTS public CASCADE").await?;
            client.batch_execute("CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO public").await?;
            make_roles(suite.dialect, target).await?;
            run::run_file(file, &records(&std::env::temp_dir())?, target, &suite.known).await
        }
    }
}

async fn make_roles(dialect: parse::Dialect, target: &Target) -> Result<()> {
    if dialect == parse::Dialect::Cockroach {
        let client = target.connect().await?;
        for role in COCKROACH_ROLES {
            match client.batch_execute(role).await {
                Err(e) if e.code() != Some(&SqlState::DUPLICATE_OBJECT) => return Err(e.into()),
                _ => {}
            }
        }
    }
    Ok(())
}
